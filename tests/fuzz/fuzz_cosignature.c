/* Members' cosignatures: what is taken writes back to the same bytes. */
#include "fuzz/fuzz.h"

#include "ledger/consortium/cosignature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_cosignature c;
    uint8_t out[CAIRN_COSIGNATURE_SIZE_MAX];
    if (cairn_cosignature_decode(cairn_bytes_of(data, size), &c) != CAIRN_OK)
        return 0;
    CAIRN_ASSERT(cairn_cosignature_encode(&c, out) == size && memcmp(out, data, size) == 0);
    return 0;
}
