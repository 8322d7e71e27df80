/* Lists in header fields, and which of our media types a client takes. */
#include "core/net/http_accept.h"

#include <strings.h>

cairn_bytes cairn_http_cut(cairn_bytes *rest, char mark)
{
    const uint8_t *at = rest->size == 0 ? NULL : memchr(rest->data, mark, rest->size);
    size_t size = at == NULL ? rest->size : (size_t)(at - rest->data);
    cairn_bytes part = cairn_bytes_of(rest->data, size);
    size_t step = at == NULL ? size : size + 1;
    *rest = cairn_bytes_of(rest->data + step, rest->size - step);
    return cairn_http_trim(part);
}

/* "0.5" in thousandths; what is no quality counts as 0. */
static unsigned parse_quality(cairn_bytes text)
{
    unsigned quality = 0;
    unsigned unit = CAIRN_HTTP_QUALITY_MAX;
    for (size_t i = 0; i < text.size && unit > 0; i++) {
        uint8_t c = text.data[i];
        if (i == 1 && c == '.')
            continue;
        if (c < '0' || c > '9')
            return 0;
        quality += (unsigned)(c - '0') * unit;
        unit /= 10;
    }
    return quality > CAIRN_HTTP_QUALITY_MAX ? 0 : quality;
}

unsigned cairn_http_quality(cairn_bytes parameters)
{
    while (parameters.size > 0) {
        cairn_bytes parameter = cairn_http_cut(&parameters, ';');
        if (parameter.size > 2 && (parameter.data[0] | 0x20) == 'q' && parameter.data[1] == '=')
            return parse_quality(cairn_bytes_of(parameter.data + 2, parameter.size - 2));
    }
    return CAIRN_HTTP_QUALITY_MAX;
}

/* How narrow a range is that holds the type; 0 when it does not. */
static int width_of(cairn_bytes range, const char *type)
{
    size_t stem = strcspn(type, "/") + 1;
    if (cairn_http_text_is(range, type))
        return 3;
    if (range.size == stem + 1 && range.data[stem] == '*' &&
        strncasecmp((const char *)range.data, type, stem) == 0)
        return 2;
    return cairn_http_text_is(range, "*/*") ? 1 : 0;
}

/* The quality of one type: that of the narrowest range that it is in. */
unsigned cairn_http_accepted(cairn_bytes accept, const char *type)
{
    unsigned quality = 0;
    int narrowest = 0;
    while (accept.size > 0) {
        cairn_bytes item = cairn_http_cut(&accept, ',');
        cairn_bytes range = cairn_http_cut(&item, ';');
        int width = width_of(range, type);
        if (width > narrowest) {
            narrowest = width;
            quality = cairn_http_quality(item);
        }
    }
    return quality;
}
