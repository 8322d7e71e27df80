/* Status lists as JSON Web Tokens. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/codec/utf8.h"
#include "core/crypto/jose.h"
#include "identity/status/status_list.h"

static const char clause[] = "Token Status List section 5.1";

static const char token_type[] = "statuslist+jwt";
static const char credential_type[] = "vc+jwt";

#define SECONDS_MAX ((json_int_t)1 << 43) /* far beyond the year 9999 */

/* --- writing --- */

static cairn_err text_of(cairn_arena *arena, cairn_bytes bytes, const char **ret_text)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, bytes.size + 1, &memory));
    if (bytes.size > 0)
        memcpy(memory, bytes.data, bytes.size);
    *ret_text = memory;
    return CAIRN_OK;
}

static json_t *claims_json(const cairn_status_token *token, const char *list)
{
    json_t *json =
        json_pack("{s:o, s:I, s:{s:i, s:s}}", "sub",
                  json_stringn((const char *)token->uri.data, token->uri.size), "iat",
                  (json_int_t)token->issued, "status_list", "bits", (int)token->bits, "lst", list);
    if (token->expires != 0)
        json_object_set_new(json, "exp", json_integer((json_int_t)token->expires));
    if (token->ttl != 0)
        json_object_set_new(json, "ttl", json_integer((json_int_t)token->ttl));
    return json;
}

static cairn_err encode_claims(cairn_arena *arena, const cairn_status_token *token,
                               cairn_bytes *ret_claims)
{
    void *list = NULL;
    if (!cairn_utf8_valid(token->uri))
        return CAIRN_FAIL(CAIRN_ERR_BAD_TEXT, clause, "status token.sub: is not UTF-8");
    CAIRN_TRY(cairn_arena_alloc(arena, cairn_base64url_size(token->packed.size) + 1, &list));
    cairn_base64url_encode(token->packed, list);
    json_t *json = claims_json(token, list);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "status token: out of memory");
    cairn_err err = cairn_arena_copy(arena, cairn_bytes_str(text), ret_claims);
    free(text);
    return err;
}

cairn_err cairn_status_jwt_to_be_signed(cairn_arena *arena, const cairn_status_token *token,
                                        cairn_jose_alg alg, cairn_bytes *ret_message)
{
    cairn_bytes claims;
    const char *kid = NULL;
    CAIRN_TRY(text_of(arena, token->kid, &kid));
    CAIRN_TRY(encode_claims(arena, token, &claims));
    return cairn_jws_signing_input(arena, alg, kid, token_type, claims, ret_message);
}

cairn_err cairn_status_credential_jwt_to_be_signed(cairn_arena *arena, cairn_bytes json,
                                                   cairn_jose_alg alg, const char *kid,
                                                   cairn_bytes *ret_message)
{
    return cairn_jws_signing_input(arena, alg, kid, credential_type, json, ret_message);
}

/* --- reading --- */

static cairn_err out_of_range(const char *claim)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "status token.%s: no number in its range",
                      claim);
}

/* A NumericDate may have a fraction (RFC 7519 section 2), which is cut. Zero when it is absent. */
static cairn_err take_seconds(const json_t *claims, const char *name, uint64_t *ret_seconds)
{
    const json_t *value = json_object_get(claims, name);
    *ret_seconds = 0;
    if (value == NULL)
        return CAIRN_OK;
    if (!json_is_number(value))
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, clause, "status token.%s: is no number", name);
    double number = json_number_value(value);
    if (!(number >= 1) || number > (double)SECONDS_MAX)
        return out_of_range(name);
    *ret_seconds = (uint64_t)number;
    return CAIRN_OK;
}

/* {"bits": …, "lst": …, …} */
static cairn_err take_list(cairn_arena *arena, const json_t *list, cairn_status_token *token)
{
    const json_t *bits = json_object_get(list, "bits");
    const json_t *lst = json_object_get(list, "lst");
    void *memory = NULL;
    size_t size = json_string_length(lst);
    if (bits == NULL || lst == NULL)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, "Token Status List section 4.2",
                          "status token: list lacks bits or lst");
    if (!json_is_integer(bits) || !json_is_string(lst))
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, "Token Status List section 4.2",
                          "status token.status_list: bits is a number, lst a text");
    json_int_t number = json_integer_value(bits);
    if (number != 1 && number != 2 && number != 4 && number != 8)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "Token Status List section 4.2",
                          "status token.bits: 1, 2, 4 or 8");
    token->bits = (unsigned)number;
    if (size > cairn_base64url_size(CAIRN_STATUS_PACKED_SIZE_MAX))
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "status token.lst: %zu digits", size);
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    CAIRN_TRY(
        cairn_base64url_decode(cairn_bytes_of(json_string_value(lst), size), memory, size, &size));
    token->packed = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

static cairn_err take_claims(cairn_arena *arena, const json_t *claims, cairn_status_token *token)
{
    const char *uri = NULL;
    const json_t *list = json_object_get(claims, "status_list");
    CAIRN_TRY(cairn_json_text(claims, "status token", "sub", CAIRN_STATUS_URI_SIZE_MAX, &uri));
    CAIRN_TRY(take_seconds(claims, "iat", &token->issued));
    CAIRN_TRY(take_seconds(claims, "exp", &token->expires));
    CAIRN_TRY(take_seconds(claims, "ttl", &token->ttl));
    if (uri == NULL || uri[0] == '\0' || token->issued == 0 || !json_is_object(list))
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause,
                          "status token: lacks sub, iat or status_list");
    CAIRN_TRY(cairn_arena_copy(arena, cairn_bytes_str(uri), &token->uri));
    return take_list(arena, list, token);
}

static cairn_err check_type(const cairn_jws *jws, const char *want)
{
    if (strcmp(jws->typ, want) != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "jws.typ: is not %s", want);
    return CAIRN_OK;
}

static cairn_err decode(cairn_arena *arena, cairn_bytes in, cairn_jws *ret_jws,
                        cairn_status_token *ret_token)
{
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *claims = NULL;
    cairn_status_token token = {0};
    CAIRN_TRY(cairn_jws_parse_within(arena, in, CAIRN_STATUS_JWT_SIZE_MAX, ret_jws));
    CAIRN_TRY(check_type(ret_jws, token_type));
    CAIRN_TRY(
        cairn_json_object(ret_jws->payload, CAIRN_STATUS_JWT_SIZE_MAX, "status token", &claims));
    CAIRN_TRY(take_claims(arena, claims, &token));
    CAIRN_TRY(cairn_arena_copy(arena, cairn_bytes_str(ret_jws->kid), &token.kid));
    *ret_token = token;
    return CAIRN_OK;
}

cairn_err cairn_status_jwt_decode(cairn_arena *arena, cairn_bytes in, cairn_status_token *ret_token)
{
    cairn_jws jws;
    return decode(arena, in, &jws, ret_token);
}

cairn_err cairn_status_jwt_verify(cairn_arena *arena, cairn_bytes in, const cairn_jwk *key,
                                  cairn_bytes uri, uint64_t now_s, cairn_status_token *ret_token)
{
    cairn_jws jws;
    cairn_status_token token;
    CAIRN_TRY(decode(arena, in, &jws, &token));
    CAIRN_TRY(cairn_jws_verify(&jws, key));
    CAIRN_TRY(cairn_status_token_check(&token, uri, now_s));
    *ret_token = token;
    return CAIRN_OK;
}

static cairn_err open_credential(cairn_arena *arena, cairn_bytes in, cairn_jws *ret_jws)
{
    CAIRN_TRY(cairn_jws_parse_within(arena, in, CAIRN_STATUS_JWT_SIZE_MAX, ret_jws));
    return check_type(ret_jws, credential_type);
}

cairn_err cairn_status_credential_jwt_decode(cairn_arena *arena, cairn_bytes in, char *ret_kid,
                                             size_t kid_room, cairn_bytes *ret_json)
{
    cairn_jws jws;
    CAIRN_TRY(open_credential(arena, in, &jws));
    (void)snprintf(ret_kid, kid_room, "%s", jws.kid);
    *ret_json = jws.payload;
    return CAIRN_OK;
}

cairn_err cairn_status_credential_jwt_verify(cairn_arena *arena, cairn_bytes in,
                                             const cairn_jwk *key, cairn_bytes uri, uint64_t now_ms,
                                             cairn_status_credential *ret_credential,
                                             cairn_status_list *ret_list)
{
    cairn_jws jws;
    cairn_status_credential credential;
    cairn_status_list list;
    CAIRN_TRY(open_credential(arena, in, &jws));
    CAIRN_TRY(cairn_jws_verify(&jws, key));
    CAIRN_TRY(cairn_status_credential_decode(arena, jws.payload, &credential, &list));
    CAIRN_TRY(cairn_status_credential_check(&credential, uri, now_ms));
    *ret_credential = credential;
    *ret_list = list;
    return CAIRN_OK;
}
