/* The forms of a state key's name. */
#include "node/api/state_name.h"

#include <stdio.h>

enum { SUFFIX_SIZE_MAX = 128 };

/* All of a key in hex. */
static const char *const raw_prefixes[CAIRN_MAP_COUNT] = {
    [CAIRN_MAP_STATE] = "raw/", [CAIRN_MAP_CONFIG] = "config/"};

static const struct {
    const char *prefix;
    cairn_map_id map;
    bool hex;  /* 32 raw bytes, written as 64 digits */
    bool bare; /* nothing follows */
} forms[] = {
    {"org/", CAIRN_MAP_STATE, true, false},      {"key/", CAIRN_MAP_STATE, true, false},
    {"approval/", CAIRN_MAP_STATE, true, false}, {"anchor/", CAIRN_MAP_STATE, true, false},
    {"members", CAIRN_MAP_STATE, false, true},   {"policy/", CAIRN_MAP_CONFIG, false, false},
    {"params", CAIRN_MAP_CONFIG, false, true},
};

static cairn_err parse_suffix(bool hex, const char *prefix, cairn_bytes suffix, uint8_t raw[32],
                              cairn_bytes *ret_suffix)
{
    char digits[65];
    *ret_suffix = suffix;
    if (!hex)
        return CAIRN_OK;
    if (suffix.size == 64) {
        memcpy(digits, suffix.data, 64);
        digits[64] = '\0';
        *ret_suffix = cairn_bytes_of(raw, 32);
        if (strlen(digits) == 64 && cairn_hex_decode(digits, raw, 32) == CAIRN_OK)
            return CAIRN_OK;
    }
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "%s is followed by 64 hex digits", prefix);
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
        size_t head = strlen(forms[i].prefix);
        uint8_t raw[32];
        cairn_bytes suffix;
        if (!starts_with(text, forms[i].prefix))
            continue;
        suffix = cairn_bytes_of(text.data + head, text.size - head);
        if (forms[i].bare != (suffix.size == 0) || suffix.size > SUFFIX_SIZE_MAX)
            break;
        CAIRN_TRY(parse_suffix(forms[i].hex, forms[i].prefix, suffix, raw, &suffix));
        *ret_map = forms[i].map;
        cairn_state_key_make(ret_key, forms[i].prefix, suffix);
        return CAIRN_OK;
    }
    return CAIRN_FAIL(
        CAIRN_ERR_BAD_VALUE, "house",
        "KEY is org/, key/, anchor/, approval/, raw/ or config/ and hex, policy/NAME, members or "
        "params");
}
