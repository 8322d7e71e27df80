/* base64url without padding, both ways. */
#include "core/codec/base64url.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void cairn_base64url_encode(cairn_bytes in, char *out)
{
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < in.size; i++) {
        bits = (bits << 8) | in.data[i];
        for (count += 8; count >= 6; count -= 6)
            *out++ = digits[(bits >> (count - 6)) & 63];
    }
    if (count > 0)
        *out++ = digits[(bits << (6 - count)) & 63];
    *out = '\0';
}

static int digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

cairn_err cairn_base64url_decode(cairn_bytes text, uint8_t *ret_out, size_t room, size_t *ret_size)
{
    uint32_t bits = 0;
    unsigned count = 0;
    size_t used = 0;
    if (text.size % 4 == 1)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 4648 section 5", "base64url: %zu digits",
                          text.size);
    if (text.size / 4 * 3 + text.size % 4 * 3 / 4 > room)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "base64url: more than %zu bytes", room);
    for (size_t i = 0; i < text.size; i++) {
        int value = digit_value(text.data[i]);
        if (value < 0)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 4648 section 5", "base64url: digit at %zu",
                              i);
        bits = (bits << 6) | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            ret_out[used++] = (uint8_t)(bits >> count);
        }
    }
    if ((bits & ((1u << count) - 1)) != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 4648 section 3.5", "base64url: trailing bits");
    *ret_size = used;
    return CAIRN_OK;
}
