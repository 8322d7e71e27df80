/* The Bitstring Status List as a verifiable credential in JSON. */
#include <jansson.h>
#include <stdlib.h>

#include "core/codec/utf8.h"
#include "core/crypto/jwk.h"
#include "identity/did/did.h"
#include "identity/status/status_list.h"

static const char clause[] = "Bitstring Status List section 2.2";

static const char context[] = "https://www.w3.org/ns/credentials/v2";

/* --- writing --- */

/* Multibase: 'u' and base64url without padding. */
static cairn_err encode_list(cairn_arena *arena, const cairn_status_list *list,
                             const char **ret_text)
{
    cairn_bytes packed;
    void *memory = NULL;
    CAIRN_TRY(cairn_status_list_pack(arena, list, &packed));
    CAIRN_TRY(cairn_arena_alloc(arena, cairn_base64url_size(packed.size) + 2, &memory));
    char *text = memory;
    text[0] = 'u';
    cairn_base64url_encode(packed, text + 1);
    *ret_text = text;
    return CAIRN_OK;
}

static json_t *view_json(cairn_bytes text)
{
    return json_stringn((const char *)text.data, text.size);
}

static json_t *time_json(uint64_t ms)
{
    char text[CAIRN_DID_TIME_SIZE];
    cairn_did_time_format(ms, text);
    return json_string(text);
}

static json_t *subject_json(const cairn_status_credential *c, const char *encoded)
{
    json_t *subject = json_pack("{s:s, s:o, s:s}", "type", "BitstringStatusList", "statusPurpose",
                                view_json(c->purpose), "encodedList", encoded);
    if (c->bits > 1)
        json_object_set_new(subject, "statusSize", json_integer((json_int_t)c->bits));
    if (c->ttl_ms != 0)
        json_object_set_new(subject, "ttl", json_integer((json_int_t)c->ttl_ms));
    return subject;
}

static json_t *credential_json(const cairn_status_credential *c, const char *encoded)
{
    json_t *json =
        json_pack("{s:[s], s:o, s:[s,s], s:o, s:o}", "@context", context, "id", view_json(c->id),
                  "type", "VerifiableCredential", "BitstringStatusListCredential", "issuer",
                  view_json(c->issuer), "validFrom", time_json(c->valid_from_ms));
    if (c->valid_until_ms != 0)
        json_object_set_new(json, "validUntil", time_json(c->valid_until_ms));
    json_object_set_new(json, "credentialSubject", subject_json(c, encoded));
    return json;
}

cairn_err cairn_status_credential_encode(cairn_arena *arena,
                                         const cairn_status_credential *credential,
                                         const cairn_status_list *list, cairn_bytes *ret_json)
{
    const char *encoded = NULL;
    if (!cairn_utf8_valid(credential->id) || !cairn_utf8_valid(credential->issuer) ||
        !cairn_utf8_valid(credential->purpose))
        return CAIRN_FAIL(CAIRN_ERR_BAD_TEXT, clause, "status credential: a text is not UTF-8");
    if (list->order != CAIRN_STATUS_BITSTRING_ORDER || list->bits != credential->bits)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, clause, "status credential: a list of another kind");
    CAIRN_TRY(encode_list(arena, list, &encoded));
    json_t *json = credential_json(credential, encoded);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "status credential: out of memory");
    cairn_err err = cairn_arena_copy(arena, cairn_bytes_str(text), ret_json);
    free(text);
    return err;
}

/* --- reading --- */

static cairn_err missing(const char *field)
{
    return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "status credential.%s: no such text", field);
}

static cairn_err take_text(cairn_arena *arena, const json_t *object, const char *field,
                           cairn_bytes *ret_text)
{
    const json_t *value = json_object_get(object, field);
    if (!json_is_string(value))
        return missing(field);
    return cairn_arena_copy(
        arena, cairn_bytes_of(json_string_value(value), json_string_length(value)), ret_text);
}

static bool has_type(const json_t *value, const char *want)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(value, i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), want) == 0)
            return true;
    }
    return json_is_string(value) && strcmp(json_string_value(value), want) == 0;
}

static cairn_err take_time(cairn_arena *arena, const json_t *object, const char *field,
                           uint64_t *ret_ms)
{
    cairn_bytes text;
    *ret_ms = 0;
    if (json_object_get(object, field) == NULL)
        return CAIRN_OK;
    CAIRN_TRY(take_text(arena, object, field, &text));
    return cairn_did_time_parse(text, ret_ms);
}

static cairn_err take_number(const json_t *object, const char *field, json_int_t absent,
                             json_int_t max, uint64_t *ret_number)
{
    const json_t *value = json_object_get(object, field);
    json_int_t number = value == NULL ? absent : json_integer_value(value);
    if ((value != NULL && !json_is_integer(value)) || number < (value == NULL ? 0 : 1) ||
        number > max)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "status credential.%s: no number in its range", field);
    *ret_number = (uint64_t)number;
    return CAIRN_OK;
}

static cairn_err take_list(cairn_arena *arena, const json_t *subject, unsigned bits,
                           cairn_status_list *ret_list)
{
    const json_t *value = json_object_get(subject, "encodedList");
    size_t size = json_string_length(value);
    void *memory = NULL;
    if (!json_is_string(value))
        return missing("encodedList");
    if (size == 0 || json_string_value(value)[0] != 'u')
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "status credential.encodedList: no multibase base64url");
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    CAIRN_TRY(cairn_base64url_decode(cairn_bytes_of(json_string_value(value) + 1, size - 1), memory,
                                     size, &size));
    return cairn_status_list_unpack(arena, CAIRN_STATUS_BITSTRING_ORDER, bits,
                                    cairn_bytes_of(memory, size), ret_list);
}

static cairn_err take_all(cairn_arena *arena, const json_t *json, cairn_status_credential *c,
                          cairn_status_list *ret_list)
{
    const json_t *subject = json_object_get(json, "credentialSubject");
    uint64_t bits = 0;
    if (!has_type(json_object_get(json, "type"), "BitstringStatusListCredential") ||
        !has_type(json_object_get(subject, "type"), "BitstringStatusList"))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "status credential.type: is no BitstringStatusListCredential");
    CAIRN_TRY(take_text(arena, json, "id", &c->id));
    CAIRN_TRY(take_text(arena, json, "issuer", &c->issuer));
    CAIRN_TRY(take_text(arena, subject, "statusPurpose", &c->purpose));
    CAIRN_TRY(take_time(arena, json, "validFrom", &c->valid_from_ms));
    CAIRN_TRY(take_time(arena, json, "validUntil", &c->valid_until_ms));
    CAIRN_TRY(take_number(subject, "ttl", 0, (json_int_t)1 << 53, &c->ttl_ms));
    CAIRN_TRY(take_number(subject, "statusSize", 1, 8, &bits));
    c->bits = (unsigned)bits;
    return take_list(arena, subject, c->bits, ret_list);
}

cairn_err cairn_status_credential_check(const cairn_status_credential *credential, cairn_bytes uri,
                                        uint64_t now_ms)
{
    if (!cairn_bytes_equal(credential->id, uri))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "Bitstring Status List section 3.2",
                          "status credential.id: is another list's");
    if (credential->valid_until_ms != 0 && now_ms >= credential->valid_until_ms)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, "Bitstring Status List section 3.2",
                          "status credential.validUntil: has passed");
    if (now_ms + CAIRN_STATUS_SKEW_MS < credential->valid_from_ms)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, "Bitstring Status List section 3.2",
                          "status credential.validFrom: is yet to come");
    return CAIRN_OK;
}

cairn_err cairn_status_credential_decode(cairn_arena *arena, cairn_bytes json,
                                         cairn_status_credential *ret_credential,
                                         cairn_status_list *ret_list)
{
    cairn_status_credential credential = {0};
    if (json.size > (size_t)CAIRN_STATUS_TOKEN_SIZE_MAX * 3 / 2)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "status credential: %zu bytes", json.size);
    json_t *root = json_loadb((const char *)json.data, json.size, JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 8259", "status credential: is no JSON");
    cairn_err err = take_all(arena, root, &credential, ret_list);
    json_decref(root);
    if (err == CAIRN_OK)
        *ret_credential = credential;
    return err;
}
