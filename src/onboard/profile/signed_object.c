/* Objects signed by a key of an organisation. */
#include "onboard/profile/signed_object.h"

static const char clause[] = "docs/formats/network-profile.md";

enum { PROTECTED_SIZE = 1 + 1 + 1 + 1 + 2 + sizeof(cairn_hash) }; /* {1: -7, 4: kid} */

static cairn_err put_protected(cairn_arena *arena, const cairn_hash *kid, cairn_bytes *ret_raw)
{
    void *memory = NULL;
    cairn_cbor_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, PROTECTED_SIZE, &memory));
    cairn_cbor_writer_init(&w, memory, PROTECTED_SIZE);
    cairn_cbor_put_map(&w, 2);
    cairn_cbor_put_uint(&w, 1);
    cairn_cbor_put_int(&w, CAIRN_ALG_ES256);
    cairn_cbor_put_uint(&w, 4);
    cairn_cbor_put_hash(&w, kid);
    return cairn_cbor_writer_end(&w, ret_raw);
}

cairn_err cairn_signed_object_begin(cairn_arena *arena, const cairn_hash *kid, cairn_bytes payload,
                                    cairn_bytes *ret_to_sign)
{
    cairn_bytes raw;
    CAIRN_TRY(put_protected(arena, kid, &raw));
    return cairn_cose_structure(arena, CAIRN_COSE_TAG_SIGN1, raw, (cairn_bytes){0}, payload,
                                ret_to_sign);
}

cairn_err cairn_signed_object_end(cairn_arena *arena, const cairn_hash *kid, cairn_bytes payload,
                                  cairn_bytes signature, cairn_bytes *ret_message)
{
    static const uint8_t empty_map[] = {0xA0};
    cairn_bytes raw;
    CAIRN_TRY(put_protected(arena, kid, &raw));
    return cairn_cose_encode(arena, CAIRN_COSE_TAG_SIGN1, raw,
                             cairn_bytes_of(empty_map, sizeof empty_map), false, payload, signature,
                             ret_message);
}

/* The headers are those that the key demands, to the byte. */
static cairn_err check_headers(cairn_arena *arena, const cairn_cose_message *message,
                               const cairn_key *key, const char *object)
{
    cairn_bytes raw;
    if (!cairn_bytes_equal(message->headers.kid, cairn_bytes_hash(cairn_key_id(key))))
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, clause, "%s.kid: another key's", object);
    CAIRN_TRY(put_protected(arena, cairn_key_id(key), &raw));
    if (!cairn_bytes_equal(raw, message->headers.protected_raw))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "%s.protected: not {alg, kid}", object);
    if (message->headers.unprotected_raw.size != 1 || message->detached)
        return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, clause,
                          "%s.unprotected: not empty, or no payload", object);
    return CAIRN_OK;
}

cairn_err cairn_signed_object_open(cairn_arena *arena, cairn_bytes message, size_t size_max,
                                   const cairn_key *key, const char *object,
                                   cairn_bytes *ret_payload)
{
    cairn_cose_message cose;
    if (message.size > size_max)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "%s: %zu bytes", object, message.size);
    CAIRN_TRY(cairn_cose_decode(message, CAIRN_COSE_TAG_SIGN1, CAIRN_CBOR_STRICT, &cose));
    CAIRN_TRY(check_headers(arena, &cose, key, object));
    CAIRN_TRY(cairn_cose_sign1_verify(arena, &cose, key, (cairn_bytes){0}, (cairn_bytes){0}));
    if (!cairn_signature_low_s(cose.tag))
        return CAIRN_FAIL(CAIRN_ERR_HIGH_S, clause, "%s.signature: high s", object);
    *ret_payload = cose.payload;
    return CAIRN_OK;
}
