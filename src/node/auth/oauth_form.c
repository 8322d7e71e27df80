/* Forms, strictly. */
#include "node/auth/oauth_form.h"

#include "core/codec/utf8.h"

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static cairn_err fail_form(const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 6749 appendix B", "form: %s", what);
}

cairn_err cairn_form_decode(cairn_arena *arena, cairn_bytes in, const char **ret_text)
{
    void *memory = NULL;
    size_t size = 0;
    CAIRN_TRY(cairn_arena_alloc(arena, in.size + 1, &memory));
    uint8_t *out = memory;
    for (size_t i = 0; i < in.size; i++) {
        uint8_t c = in.data[i] == '+' ? ' ' : in.data[i];
        if (c == '%') {
            int high = i + 2 < in.size ? hex_digit(in.data[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_digit(in.data[i + 2]);
            if (low < 0)
                return fail_form("a bad escape");
            c = (uint8_t)(high * 16 + low);
            i += 2;
        }
        if (c < 0x20 || c == 0x7f)
            return fail_form("a control character");
        out[size++] = c;
    }
    if (!cairn_utf8_valid(cairn_bytes_of(out, size)))
        return fail_form("not UTF-8");
    *ret_text = memory; /* the arena's memory is zero: it ends in NUL */
    return CAIRN_OK;
}

static cairn_err parse_pair(cairn_arena *arena, cairn_bytes pair, cairn_form_field *ret_field)
{
    const uint8_t *equals = pair.size == 0 ? NULL : memchr(pair.data, '=', pair.size);
    if (equals == NULL)
        return fail_form("a field without '='");
    size_t name = (size_t)(equals - pair.data);
    CAIRN_TRY(cairn_form_decode(arena, cairn_bytes_of(pair.data, name), &ret_field->name));
    return cairn_form_decode(arena, cairn_bytes_of(equals + 1, pair.size - name - 1),
                             &ret_field->value);
}

cairn_err cairn_form_parse(cairn_arena *arena, cairn_bytes body, size_t count_max,
                           cairn_form_field *ret_fields, size_t *ret_count)
{
    size_t count = 0;
    size_t start = 0;
    for (size_t i = 0; i <= body.size && body.size > 0; i++) {
        if (i < body.size && body.data[i] != '&')
            continue;
        if (count == count_max)
            return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "form: more than %zu fields", count_max);
        CAIRN_TRY(
            parse_pair(arena, cairn_bytes_of(body.data + start, i - start), &ret_fields[count]));
        for (size_t j = 0; j < count; j++)
            if (strcmp(ret_fields[j].name, ret_fields[count].name) == 0)
                return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, "RFC 6749 section 3.2",
                                  "form.%.32s: repeated", ret_fields[j].name);
        count++;
        start = i + 1;
    }
    *ret_count = count;
    return CAIRN_OK;
}
