/* The forms of a state key's name. */
#include "node/state_name.h"

enum { SUFFIX_SIZE_MAX = 128 };

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

cairn_err cairn_state_name_parse(cairn_bytes text, cairn_map_id *ret_map, cairn_state_key *ret_key)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        size_t head = strlen(forms[i].prefix);
        uint8_t raw[32];
        cairn_bytes suffix;
        if (text.size < head || memcmp(text.data, forms[i].prefix, head) != 0)
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
        "KEY is org/, key/, anchor/ or approval/ and hex, policy/NAME, members or params");
}
