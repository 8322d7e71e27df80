/* The forms of a state key's name. */
#include "node/api/state_name.h"

#include <stdio.h>

#include "ledger/registry.h"
#include "node/api/api.h"

enum { SUFFIX_SIZE_MAX = 128 };

/* All of a key in hex. */
static const char *const raw_prefixes[CAIRN_MAP_COUNT] = {
    [CAIRN_MAP_STATE] = "raw/", [CAIRN_MAP_CONFIG] = "config/"};

/* What follows the prefix and the ids. */
typedef enum rest { REST_NONE, REST_TEXT, REST_NUMBER } rest;

typedef struct form {
    const char *prefix;
    cairn_map_id map;
    unsigned ids; /* 32 raw bytes each, written as 64 digits, a slash between them */
    rest rest;
} form;

static const form forms[] = {
    {"org/", CAIRN_MAP_STATE, 1, REST_NONE},      {"key/", CAIRN_MAP_STATE, 1, REST_NONE},
    {"approval/", CAIRN_MAP_STATE, 1, REST_NONE}, {"anchor/", CAIRN_MAP_STATE, 1, REST_NONE},
    {"subject/", CAIRN_MAP_STATE, 1, REST_NONE},  {"grant/", CAIRN_MAP_STATE, 2, REST_NONE},
    {"list/", CAIRN_MAP_STATE, 2, REST_NONE},     {"edition/", CAIRN_MAP_STATE, 1, REST_NUMBER},
    {"name/", CAIRN_MAP_STATE, 0, REST_TEXT},     {"members", CAIRN_MAP_STATE, 0, REST_NONE},
    {"policy/", CAIRN_MAP_CONFIG, 0, REST_TEXT},  {"params", CAIRN_MAP_CONFIG, 0, REST_NONE},
};
static const char name_prefix[] = "name/"; /* of a name the case is not kept */

/* The bytes that follow the prefix in the key, from the text that follows it in the name. */
typedef struct suffix {
    uint8_t raw[2 * 32 + 8];
    cairn_bytes bytes; /* in `raw`, or of the text */
} suffix;

static bool take_slash(cairn_bytes *text)
{
    if (text->size == 0 || text->data[0] != '/')
        return false;
    *text = cairn_bytes_of(text->data + 1, text->size - 1);
    return true;
}

static bool take_id(cairn_bytes *text, uint8_t out[32])
{
    char digits[65];
    if (text->size < 64)
        return false;
    memcpy(digits, text->data, 64);
    digits[64] = '\0';
    *text = cairn_bytes_of(text->data + 64, text->size - 64);
    return strlen(digits) == 64 && cairn_hex_decode(digits, out, 32) == CAIRN_OK;
}

static bool parse_suffix(const form *f, cairn_bytes text, suffix *out)
{
    size_t size = 0;
    uint64_t number = 0;
    for (unsigned i = 0; i < f->ids; i++, size += 32)
        if ((i > 0 && !take_slash(&text)) || !take_id(&text, out->raw + size))
            return false;
    switch (f->rest) {
    case REST_TEXT:
        out->bytes = text;
        return text.size > 0 && text.size <= SUFFIX_SIZE_MAX;
    case REST_NUMBER:
        if (!take_slash(&text) ||
            cairn_api_digits(text, "key", 0, CAIRN_API_NUMBER_MAX, &number) != CAIRN_OK)
            return false;
        cairn_put_u64(out->raw + size, number);
        size += 8;
        break;
    case REST_NONE:
        if (text.size != 0)
            return false;
    }
    out->bytes = cairn_bytes_of(out->raw, size);
    return true;
}

static bool starts_with(cairn_bytes text, const char *prefix)
{
    size_t size = strlen(prefix);
    return text.size >= size && memcmp(text.data, prefix, size) == 0;
}

/* False when it is not the raw form. */
static bool parse_raw(cairn_bytes text, cairn_map_id map, cairn_state_key *ret_key)
{
    char digits[CAIRN_STATE_NAME_SIZE];
    size_t head = strlen(raw_prefixes[map]);
    if (!starts_with(text, raw_prefixes[map]))
        return false;
    size_t size = text.size - head;
    if (size == 0 || size % 2 != 0 || size > 2 * sizeof ret_key->data)
        return false;
    memcpy(digits, text.data + head, size);
    digits[size] = '\0';
    cairn_state_key key = {.size = size / 2};
    if (strlen(digits) != size || cairn_hex_decode(digits, key.data, key.size) != CAIRN_OK)
        return false;
    *ret_key = key;
    return true;
}

void cairn_state_name_raw(cairn_map_id map, cairn_bytes key, char ret_name[CAIRN_STATE_NAME_SIZE])
{
    int used = snprintf(ret_name, CAIRN_STATE_NAME_SIZE, "%s", raw_prefixes[map]);
    cairn_hex_encode(key, ret_name + used);
}

cairn_err cairn_state_name_parse(cairn_bytes text, cairn_map_id *ret_map, cairn_state_key *ret_key)
{
    for (unsigned map = 0; map < CAIRN_MAP_COUNT; map++)
        if (parse_raw(text, (cairn_map_id)map, ret_key)) {
            *ret_map = (cairn_map_id)map;
            return CAIRN_OK;
        }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const form *f = &forms[i];
        size_t head = strlen(f->prefix);
        suffix found;
        if (!starts_with(text, f->prefix))
            continue;
        if (!parse_suffix(f, cairn_bytes_of(text.data + head, text.size - head), &found))
            break;
        *ret_map = f->map;
        if (strcmp(f->prefix, name_prefix) == 0)
            cairn_registry_name_key(found.bytes, ret_key);
        else
            cairn_state_key_make(ret_key, f->prefix, found.bytes);
        return CAIRN_OK;
    }
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house",
                      "KEY is org/ID, key/ID, anchor/ID, approval/ID, subject/ID, grant/ID/ID, "
                      "list/ID/ID, edition/ID/NUMBER, name/NAME, policy/NAME, members, params, or "
                      "raw/ or config/ and hex; an ID has 64 hex digits");
}
