/* The Token Status List as a CBOR Web Token in a COSE_Sign1. */
#include "cairn/cbor.h"
#include "cairn/cose.h"
#include "identity/status/status_list.h"

static const char clause[] = "Token Status List section 5.2";
static const char media_type[] = "application/statuslist+cwt";

enum {
    HEADER_ALG = 1,
    HEADER_KID = 4,
    HEADER_TYPE = 16,
    CLAIM_SUBJECT = 2,
    CLAIM_EXPIRES = 4,
    CLAIM_ISSUED = 6,
    CLAIM_LIST = 65533,
    CLAIM_TTL = 65534,
    KID_SIZE_MAX = 64,
};
#define SECONDS_MAX (UINT64_C(1) << 43) /* far beyond the year 9999 */

/* --- writing --- */

static void put_list(cairn_cbor_writer *w, unsigned bits, cairn_bytes packed)
{
    cairn_cbor_put_map(w, 2);
    cairn_cbor_put_text(w, "lst");
    cairn_cbor_put_bytes(w, packed);
    cairn_cbor_put_text(w, "bits");
    cairn_cbor_put_uint(w, bits);
}

static cairn_err begin(cairn_arena *arena, size_t capacity, cairn_cbor_writer *ret_writer)
{
    void *buffer = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &buffer));
    cairn_cbor_writer_init(ret_writer, buffer, capacity);
    return CAIRN_OK;
}

cairn_err cairn_status_list_cbor(cairn_arena *arena, unsigned bits, cairn_bytes packed,
                                 cairn_bytes *ret_cbor)
{
    cairn_cbor_writer w;
    CAIRN_TRY(begin(arena, packed.size + 32, &w));
    put_list(&w, bits, packed);
    return cairn_cbor_writer_end(&w, ret_cbor);
}

static cairn_err encode_claims(cairn_arena *arena, const cairn_status_token *token,
                               cairn_bytes *ret_claims)
{
    cairn_cbor_writer w;
    CAIRN_TRY(begin(arena, token->packed.size + token->uri.size + 96, &w));
    cairn_cbor_put_map(&w, 3u + (token->expires != 0) + (token->ttl != 0));
    cairn_cbor_put_int(&w, CLAIM_SUBJECT);
    cairn_cbor_put_text_view(&w, token->uri);
    if (token->expires != 0) {
        cairn_cbor_put_int(&w, CLAIM_EXPIRES);
        cairn_cbor_put_uint(&w, token->expires);
    }
    cairn_cbor_put_int(&w, CLAIM_ISSUED);
    cairn_cbor_put_uint(&w, token->issued);
    cairn_cbor_put_int(&w, CLAIM_LIST);
    put_list(&w, token->bits, token->packed);
    if (token->ttl != 0) {
        cairn_cbor_put_int(&w, CLAIM_TTL);
        cairn_cbor_put_uint(&w, token->ttl);
    }
    return cairn_cbor_writer_end(&w, ret_claims);
}

static cairn_err encode_headers(cairn_arena *arena, const cairn_status_token *token, cairn_alg alg,
                                cairn_bytes *ret_protected, cairn_bytes *ret_unprotected)
{
    cairn_cbor_writer w;
    CAIRN_TRY(begin(arena, 48, &w));
    cairn_cbor_put_map(&w, 2);
    cairn_cbor_put_int(&w, HEADER_ALG);
    cairn_cbor_put_int(&w, alg);
    cairn_cbor_put_int(&w, HEADER_TYPE);
    cairn_cbor_put_text(&w, media_type);
    CAIRN_TRY(cairn_cbor_writer_end(&w, ret_protected));
    CAIRN_TRY(begin(arena, 16 + token->kid.size, &w));
    cairn_cbor_put_map(&w, token->kid.size != 0);
    if (token->kid.size != 0) {
        cairn_cbor_put_int(&w, HEADER_KID);
        cairn_cbor_put_bytes(&w, token->kid);
    }
    return cairn_cbor_writer_end(&w, ret_unprotected);
}

cairn_err cairn_status_token_to_be_signed(cairn_arena *arena, const cairn_status_token *token,
                                          cairn_alg alg, cairn_bytes *ret_message)
{
    cairn_bytes claims, head, unprotected;
    CAIRN_TRY(encode_claims(arena, token, &claims));
    CAIRN_TRY(encode_headers(arena, token, alg, &head, &unprotected));
    return cairn_cose_structure(arena, CAIRN_COSE_TAG_SIGN1, head, (cairn_bytes){0}, claims,
                                ret_message);
}

cairn_err cairn_status_token_assemble(cairn_arena *arena, const cairn_status_token *token,
                                      cairn_alg alg, cairn_bytes signature, cairn_bytes *ret_token)
{
    cairn_bytes claims, head, unprotected;
    CAIRN_TRY(encode_claims(arena, token, &claims));
    CAIRN_TRY(encode_headers(arena, token, alg, &head, &unprotected));
    return cairn_cose_encode(arena, CAIRN_COSE_TAG_SIGN1, head, unprotected, false, claims,
                             signature, ret_token);
}

/* --- reading: a foreign map in any order, what is not ours is skipped --- */

/* Takes the next pair's key: a number in `ret_key`, or INT64_MIN for one of another type. */
static cairn_err read_key(cairn_cbor_reader *r, int64_t *ret_key)
{
    cairn_bytes skipped;
    cairn_cbor_type type = cairn_cbor_peek(r);
    if (type == CAIRN_CBOR_UINT || type == CAIRN_CBOR_NINT)
        return cairn_cbor_read_int(r, "key", INT64_MIN + 1, INT64_MAX, ret_key);
    *ret_key = INT64_MIN;
    return cairn_cbor_read_any(r, "key", &skipped);
}

static cairn_err skip(cairn_cbor_reader *r)
{
    cairn_bytes skipped;
    return cairn_cbor_read_any(r, "value", &skipped);
}

/* {"bits": …, "lst": …, …} */
static cairn_err read_list(cairn_cbor_reader *r, cairn_status_token *token)
{
    cairn_cbor_map map;
    uint64_t bits = 0;
    token->packed = (cairn_bytes){0};
    CAIRN_TRY(cairn_cbor_read_map(r, "status_list", &map));
    for (; map.left > 0; map.left--) {
        cairn_bytes name;
        CAIRN_TRY(cairn_cbor_read_text(r, "status_list", 0, SIZE_MAX, &name));
        if (cairn_bytes_equal(name, cairn_bytes_str("bits")))
            CAIRN_TRY(cairn_cbor_read_uint(r, "bits", 1, 8, &bits));
        else if (cairn_bytes_equal(name, cairn_bytes_str("lst")))
            CAIRN_TRY(
                cairn_cbor_read_bytes(r, "lst", 1, CAIRN_STATUS_PACKED_SIZE_MAX, &token->packed));
        else
            CAIRN_TRY(skip(r));
    }
    if (bits == 0 || token->packed.data == NULL)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, "Token Status List section 4.3",
                          "status token: list lacks bits or lst");
    if ((bits & (bits - 1)) != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "Token Status List section 4.3",
                          "status token.bits: 1, 2, 4 or 8");
    token->bits = (unsigned)bits;
    return CAIRN_OK;
}

static cairn_err read_claim(cairn_cbor_reader *r, int64_t key, cairn_status_token *token)
{
    switch (key) {
    case CLAIM_SUBJECT:
        return cairn_cbor_read_text(r, "sub", 1, CAIRN_STATUS_URI_SIZE_MAX, &token->uri);
    case CLAIM_EXPIRES:
        return cairn_cbor_read_uint(r, "exp", 1, SECONDS_MAX, &token->expires);
    case CLAIM_ISSUED:
        return cairn_cbor_read_uint(r, "iat", 1, SECONDS_MAX, &token->issued);
    case CLAIM_TTL:
        return cairn_cbor_read_uint(r, "ttl", 1, SECONDS_MAX, &token->ttl);
    case CLAIM_LIST:
        return read_list(r, token);
    default:
        return skip(r);
    }
}

static cairn_err read_claims(cairn_bytes payload, cairn_status_token *token)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    CAIRN_TRY(cairn_cbor_open(&r, payload, CAIRN_CBOR_FOREIGN, "status token", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "claims", &map));
    for (; map.left > 0; map.left--) {
        int64_t key = 0;
        CAIRN_TRY(read_key(&r, &key));
        CAIRN_TRY(read_claim(&r, key, token));
    }
    if (token->uri.data == NULL || token->issued == 0 || token->bits == 0)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause,
                          "status token: lacks sub, iat or status_list");
    return CAIRN_OK;
}

/* The type stands in the protected header. */
static cairn_err check_type(cairn_bytes head)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    cairn_bytes type = {0};
    CAIRN_TRY(cairn_cbor_open(&r, head, CAIRN_CBOR_FOREIGN, "status token", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "protected", &map));
    for (; map.left > 0; map.left--) {
        int64_t key = 0;
        CAIRN_TRY(read_key(&r, &key));
        if (key == HEADER_TYPE)
            CAIRN_TRY(cairn_cbor_read_text(&r, "typ", 0, SIZE_MAX, &type));
        else
            CAIRN_TRY(skip(&r));
    }
    if (!cairn_bytes_equal(type, cairn_bytes_str(media_type)))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "status token.typ: is not %s", media_type);
    return CAIRN_OK;
}

static cairn_err decode(cairn_bytes in, cairn_cose_message *ret_message,
                        cairn_status_token *ret_token)
{
    cairn_status_token token = {0};
    if (in.size > CAIRN_STATUS_TOKEN_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "status token: %zu bytes", in.size);
    CAIRN_TRY(cairn_cose_decode(in, CAIRN_COSE_TAG_SIGN1, CAIRN_CBOR_FOREIGN, ret_message));
    if (!ret_message->tagged || ret_message->detached)
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, clause,
                          "status token: no tagged COSE_Sign1 with its payload");
    CAIRN_TRY(check_type(ret_message->headers.protected_raw));
    CAIRN_TRY(read_claims(ret_message->payload, &token));
    token.kid = ret_message->headers.kid;
    *ret_token = token;
    return CAIRN_OK;
}

cairn_err cairn_status_token_decode(cairn_bytes in, cairn_status_token *ret_token)
{
    cairn_cose_message message;
    return decode(in, &message, ret_token);
}

cairn_err cairn_status_token_check(const cairn_status_token *token, cairn_bytes uri, uint64_t now_s)
{
    if (!cairn_bytes_equal(token->uri, uri))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "Token Status List section 8.3",
                          "status token.sub: is another list's");
    if (token->expires != 0 && now_s >= token->expires)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, "Token Status List section 8.3",
                          "status token.exp: has passed");
    return CAIRN_OK;
}

cairn_err cairn_status_token_verify(cairn_arena *arena, cairn_bytes in, const cairn_key *key,
                                    cairn_bytes uri, uint64_t now_s, cairn_status_token *ret_token)
{
    cairn_cose_message message;
    cairn_status_token token;
    CAIRN_TRY(decode(in, &message, &token));
    CAIRN_TRY(cairn_cose_sign1_verify(arena, &message, key, (cairn_bytes){0}, (cairn_bytes){0}));
    CAIRN_TRY(cairn_status_token_check(&token, uri, now_s));
    *ret_token = token;
    return CAIRN_OK;
}
