/* Public keys of FDO: what is read is read again from its own bytes as the same key. */
#include "fuzz/fuzz.h"

#include "onboard/wire/fdo_key.h"

static cairn_err read_key(cairn_bytes in, cairn_fdo_key **ret_key)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_cbor_open(&reader, in, CAIRN_CBOR_FOREIGN, "fuzz", "fuzz"));
    return cairn_fdo_key_read(&reader, "key", ret_key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *key = NULL;
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *again = NULL;
    if (read_key(cairn_bytes_of(data, size), &key) != CAIRN_OK)
        return 0;
    CAIRN_ASSERT(read_key(cairn_fdo_key_encoded(key), &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_fdo_key_equal(key, again));
    CAIRN_ASSERT(cairn_fdo_key_bits(key) >= 256 && cairn_fdo_key_bits(key) <= 4096);
    return 0;
}
