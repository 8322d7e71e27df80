/* Compact JSON Web Signatures, and the JSON that comes with them. */
#include "core/crypto/jose.h"

#include <stdio.h>
#include <strings.h>

#include "core/text.h"

static const char jws_clause[] = "RFC 7515 section 4.1";

/* --- JSON --- */

/* jansson bounds the depth at 2048, at the price of so deep a stack; the object decides earlier. */
static cairn_err check_depth(cairn_bytes text, const char *object)
{
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.size; i++) {
        char c = (char)text.data[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > CAIRN_JSON_DEPTH_MAX)
            return CAIRN_FAIL(CAIRN_ERR_TOO_DEEP, "house", "%s: nested deeper than %d", object,
                              CAIRN_JSON_DEPTH_MAX);
    }
    return CAIRN_OK;
}

static cairn_err fail_json(const json_error_t *error, const char *object)
{
    cairn_err code = CAIRN_ERR_BAD_VALUE;
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        code = CAIRN_ERR_DUPLICATE_KEY;
        break;
    case json_error_out_of_memory:
        code = CAIRN_ERR_NO_MEMORY;
        break;
    default:
        break;
    }
    return CAIRN_FAIL(code, "RFC 8259", "%s: %s at byte %d", object, error->text, error->position);
}

cairn_err cairn_json_object(cairn_bytes text, size_t size_max, const char *object,
                            json_t **ret_json)
{
    json_error_t error;
    if (text.size > size_max)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "%s: more than %zu bytes", object,
                          size_max);
    CAIRN_TRY(check_depth(text, object));
    const char *data = text.size == 0 ? "" : (const char *)text.data;
    json_t *json = json_loadb(data, text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (json == NULL)
        return fail_json(&error, object);
    if (!json_is_object(json)) {
        json_decref(json);
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, "RFC 8259", "%s: not an object", object);
    }
    *ret_json = json;
    return CAIRN_OK;
}

cairn_err cairn_json_text(const json_t *json, const char *object, const char *name, size_t size_max,
                          const char **ret_text)
{
    const json_t *member = json_object_get(json, name);
    if (member == NULL) {
        *ret_text = NULL;
        return CAIRN_OK;
    }
    if (!json_is_string(member))
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, "RFC 8259", "%s.%s: not a string", object, name);
    if (json_string_length(member) > size_max)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "%s.%s: more than %zu bytes", object, name,
                          size_max);
    *ret_text = json_string_value(member);
    return CAIRN_OK;
}

/* --- taking apart --- */

/* "application/at+jwt" and "AT+JWT" are "at+jwt" (RFC 7515 section 4.1.9). */
static void fold_type(const char *in, char *out, size_t room)
{
    static const char prefix[] = "application/";
    if (strncasecmp(in, prefix, sizeof prefix - 1) == 0)
        in += sizeof prefix - 1;
    size_t i = 0;
    for (; in[i] != '\0' && i + 1 < room; i++)
        out[i] = (char)(in[i] >= 'A' && in[i] <= 'Z' ? in[i] - 'A' + 'a' : in[i]);
    out[i] = '\0';
}

static cairn_err read_header(const json_t *header, cairn_jws *jws)
{
    const char *alg = NULL;
    const char *kid = NULL;
    const char *typ = NULL;
    if (json_object_get(header, "crit") != NULL || json_object_get(header, "b64") != NULL)
        return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, "RFC 7515 section 4.1.11",
                          "jws.crit: no extension is known here");
    CAIRN_TRY(cairn_json_text(header, "jws", "alg", 16, &alg));
    CAIRN_TRY(cairn_json_text(header, "jws", "kid", CAIRN_JWS_KID_SIZE_MAX, &kid));
    CAIRN_TRY(cairn_json_text(header, "jws", "typ", sizeof jws->typ - 1, &typ));
    if (alg == NULL)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, jws_clause, "jws.alg: missing");
    CAIRN_TRY(cairn_jose_alg_find(alg, &jws->alg));
    (void)snprintf(jws->kid, sizeof jws->kid, "%s", kid == NULL ? "" : kid);
    fold_type(typ == NULL ? "" : typ, jws->typ, sizeof jws->typ);
    return CAIRN_OK;
}

static cairn_err decode_part(cairn_arena *arena, cairn_bytes text, cairn_bytes *ret_bytes)
{
    void *memory = NULL;
    size_t size = 0;
    CAIRN_TRY(cairn_arena_alloc(arena, text.size, &memory));
    CAIRN_TRY(cairn_base64url_decode(text, memory, text.size, &size));
    *ret_bytes = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

/* Cuts off what stands before the first dot. */
static bool cut(cairn_bytes *rest, cairn_bytes *ret_part)
{
    const uint8_t *dot = rest->size == 0 ? NULL : memchr(rest->data, '.', rest->size);
    if (dot == NULL)
        return false;
    size_t size = (size_t)(dot - rest->data);
    *ret_part = cairn_bytes_of(rest->data, size);
    *rest = cairn_bytes_of(dot + 1, rest->size - size - 1);
    return true;
}

static cairn_err parse_header(cairn_arena *arena, cairn_bytes part, cairn_jws *jws)
{
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *header = NULL;
    cairn_bytes text = {0};
    if (part.size > cairn_base64url_size(CAIRN_JWS_HEADER_SIZE_MAX))
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "jws.header: more than %d bytes",
                          CAIRN_JWS_HEADER_SIZE_MAX);
    CAIRN_TRY(decode_part(arena, part, &text));
    CAIRN_TRY(cairn_json_object(text, CAIRN_JWS_HEADER_SIZE_MAX, "jws.header", &header));
    return read_header(header, jws);
}

cairn_err cairn_jws_parse(cairn_arena *arena, cairn_bytes compact, cairn_jws *ret_jws)
{
    return cairn_jws_parse_within(arena, compact, CAIRN_JWS_SIZE_MAX, ret_jws);
}

cairn_err cairn_jws_parse_within(cairn_arena *arena, cairn_bytes compact, size_t size_max,
                                 cairn_jws *ret_jws)
{
    cairn_jws jws = {.kid = ""};
    cairn_bytes rest = compact;
    cairn_bytes header = {0};
    cairn_bytes payload = {0};
    if (compact.size > size_max)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "jws: more than %zu bytes", size_max);
    if (!cut(&rest, &header) || !cut(&rest, &payload))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 7515 section 7.1", "jws: not three parts");
    CAIRN_TRY(parse_header(arena, header, &jws));
    CAIRN_TRY(decode_part(arena, payload, &jws.payload));
    CAIRN_TRY(decode_part(arena, rest, &jws.signature)); /* a fourth part's dot is no digit */
    jws.signing_input = cairn_bytes_of(compact.data, header.size + 1 + payload.size);
    *ret_jws = jws;
    return CAIRN_OK;
}

cairn_err cairn_jws_verify(const cairn_jws *jws, const cairn_jwk *key)
{
    return cairn_jwk_verify(key, jws->alg, jws->signing_input, jws->signature);
}

cairn_err cairn_jws_verify_by(const cairn_jws *jws, const cairn_jwk_set *set)
{
    const cairn_jwk *keys[CAIRN_JWK_TRIES_MAX];
    size_t count = cairn_jwk_set_find(set, jws->kid, jws->alg, keys);
    cairn_err err = CAIRN_ERR_NOT_FOUND;
    for (size_t i = 0; i < count; i++) {
        err = cairn_jws_verify(jws, keys[i]);
        if (err != CAIRN_ERR_BAD_SIGNATURE)
            break;
    }
    return err;
}

/* --- making --- */

static bool is_plain(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p < 0x20 || *p > 0x7e || *p == '"' || *p == '\\')
            return false;
    return true;
}

cairn_err cairn_jws_signing_input(cairn_arena *arena, cairn_jose_alg alg, const char *kid,
                                  const char *typ, cairn_bytes payload, cairn_bytes *ret_input)
{
    char header[CAIRN_JWS_KID_SIZE_MAX + 128];
    cairn_text text = {header, sizeof header, 0};
    void *memory = NULL;
    CAIRN_ASSERT(is_plain(kid) && is_plain(typ));
    cairn_text_printf(&text, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"%s\"}",
                      cairn_jose_alg_name(alg), kid, typ);
    CAIRN_ASSERT(cairn_text_whole(&text));
    size_t header_size = cairn_base64url_size(text.size);
    size_t payload_size = cairn_base64url_size(payload.size);
    CAIRN_TRY(cairn_arena_alloc(arena, header_size + 1 + payload_size + 1, &memory));
    char *out = memory;
    cairn_base64url_encode(cairn_bytes_of(header, text.size), out);
    out[header_size] = '.';
    cairn_base64url_encode(payload, out + header_size + 1);
    *ret_input = cairn_bytes_of(out, header_size + 1 + payload_size);
    return CAIRN_OK;
}

cairn_err cairn_jws_assemble(cairn_arena *arena, cairn_bytes signing_input, cairn_bytes signature,
                             cairn_bytes *ret_compact)
{
    void *memory = NULL;
    size_t size = signing_input.size + 1 + cairn_base64url_size(signature.size);
    CAIRN_TRY(cairn_arena_alloc(arena, size + 1, &memory));
    char *out = memory;
    memcpy(out, signing_input.data, signing_input.size);
    out[signing_input.size] = '.';
    cairn_base64url_encode(signature, out + signing_input.size + 1);
    *ret_compact = cairn_bytes_of(out, size);
    return CAIRN_OK;
}
