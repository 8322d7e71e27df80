/* Order, hex and base64 of byte views. */
#include "cairn/bytes.h"

int cairn_bytes_compare(cairn_bytes a, cairn_bytes b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

void cairn_hex_encode(cairn_bytes in, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < in.size; i++) {
        *out++ = digits[in.data[i] >> 4];
        *out++ = digits[in.data[i] & 15];
    }
    *out = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

cairn_err cairn_hex_decode(const char *text, uint8_t *ret_out, size_t size)
{
    if (strlen(text) != size * 2)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "hex: %zu digits where %zu are needed",
                          strlen(text), size * 2);
    for (size_t i = 0; i < size * 2; i++)
        if (hex_value(text[i]) < 0)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "hex: digit %zu is '%c'", i, text[i]);
    for (size_t i = 0; i < size; i++)
        ret_out[i] = (uint8_t)(hex_value(text[2 * i]) * 16 + hex_value(text[2 * i + 1]));
    return CAIRN_OK;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void cairn_base64_encode(cairn_bytes in, char *out)
{
    for (size_t i = 0; i < in.size; i += 3) {
        size_t left = in.size - i;
        uint32_t v = (uint32_t)in.data[i] << 16;
        if (left > 1)
            v |= (uint32_t)in.data[i + 1] << 8;
        if (left > 2)
            v |= in.data[i + 2];
        *out++ = base64_digits[v >> 18];
        *out++ = base64_digits[(v >> 12) & 63];
        *out++ = left > 1 ? base64_digits[(v >> 6) & 63] : '=';
        *out++ = left > 2 ? base64_digits[v & 63] : '=';
    }
    *out = '\0';
}

static int base64_value(uint8_t c)
{
    const char *at = c == '\0' ? NULL : strchr(base64_digits, c);
    return at == NULL ? -1 : (int)(at - base64_digits);
}

/* Decodes one group of four digits into `group`; returns how many bytes it holds, 0 if it is not
 * valid. */
static size_t base64_group(const uint8_t *digits, bool last, uint8_t group[3])
{
    size_t pad = 0;
    if (last && digits[3] == '=')
        pad = digits[2] == '=' ? 2 : 1;
    uint32_t v = 0;
    for (size_t i = 0; i < 4; i++) {
        int d = i >= 4 - pad ? 0 : base64_value(digits[i]);
        if (d < 0)
            return 0;
        v = (v << 6) | (uint32_t)d;
    }
    if ((pad == 1 && (v & 0xff) != 0) || (pad == 2 && (v & 0xffff) != 0))
        return 0;
    group[0] = (uint8_t)(v >> 16);
    group[1] = (uint8_t)(v >> 8);
    group[2] = (uint8_t)v;
    return 3 - pad;
}

cairn_err cairn_base64_decode(cairn_bytes text, uint8_t *ret_out, size_t out_size, size_t *ret_size)
{
    if (text.size % 4 != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 4648 section 4", "base64: %zu digits",
                          text.size);
    size_t used = 0;
    for (size_t i = 0; i < text.size; i += 4) {
        uint8_t group[3];
        size_t n = base64_group(text.data + i, i + 4 == text.size, group);
        if (n == 0)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 4648 section 3", "base64: digits at %zu",
                              i);
        if (out_size - used < n)
            return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "base64: more than %zu bytes",
                              out_size);
        memcpy(ret_out + used, group, n);
        used += n;
    }
    *ret_size = used;
    return CAIRN_OK;
}
