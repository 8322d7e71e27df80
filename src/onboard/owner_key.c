/* The FDO key of a head owner, as transactions carry it. */
#include "onboard/acts.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;

/* A key as x5chain is one with its certificates. [X1353-R25] */
static cairn_err check_encoding(cairn_bytes encoded)
{
    cairn_cbor_reader r;
    size_t count = 0;
    int64_t type = 0, encoding = 0;
    CAIRN_TRY(cairn_cbor_open(&r, encoded, CAIRN_CBOR_FOREIGN, "owner key", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "public_key", 3, 3, &count));
    CAIRN_TRY(cairn_cbor_read_int(&r, "type", INT64_MIN, INT64_MAX, &type));
    CAIRN_TRY(cairn_cbor_read_int(&r, "encoding", INT64_MIN, INT64_MAX, &encoding));
    if (encoding == CAIRN_FDO_KEY_X5CHAIN)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "owner key: certificates do not go on the ledger");
    return CAIRN_OK;
}

cairn_err cairn_device_read_owner_key(cairn_bytes encoded, cairn_fdo_key **ret_key)
{
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *key = NULL;
    cairn_cbor_reader r;
    CAIRN_TRY(check_encoding(encoded));
    CAIRN_TRY(cairn_cbor_open(&r, encoded, CAIRN_CBOR_FOREIGN, "owner key", clause));
    CAIRN_TRY(cairn_fdo_key_read(&r, "public_key", &key));
    CAIRN_TRY(cairn_cbor_end(&r));
    *ret_key = CAIRN_STEAL(key);
    return CAIRN_OK;
}

cairn_err cairn_device_check_owner_key(const cairn_device *device, cairn_bytes public_key)
{
    cairn_hash hash;
    cairn_device_owner_key(public_key, &hash);
    if (!cairn_hash_equal(&hash, &device->owner_key))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause,
                          "device.owner_key: is not the one on record");
    return CAIRN_OK;
}

enum { PROTECTED_SIZE_MAX = 5 }; /* {1: -258} */

cairn_err cairn_device_check_bare(const cairn_cose_message *message)
{
    if (message->headers.unprotected_raw.size != 1 ||
        message->headers.protected_raw.size > PROTECTED_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "signature: with no header but its algorithm");
    return CAIRN_OK;
}
