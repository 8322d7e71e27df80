/* Audit rows: what is taken encodes to the same bytes again. */
#include "fuzz/fuzz.h"

#include "node/auth/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_audit_row row;
    uint8_t out[CAIRN_AUDIT_ROW_SIZE_MAX];
    if (cairn_audit_row_decode(cairn_bytes_of(data, size), &row) != CAIRN_OK)
        return 0;
    size_t again = cairn_audit_row_encode(&row, out);
    CAIRN_ASSERT(cairn_bytes_equal(cairn_bytes_of(out, again), cairn_bytes_of(data, size)));
    return 0;
}
