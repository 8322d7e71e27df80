/* Escapes for what is neither UTF-8 nor printable. */
#include "command/text.h"

#include <stdlib.h>

#include "core/codec/utf8.h"

/* Bytes of the character that `text` begins with; 0 when it begins with none. */
static size_t character_size(cairn_bytes text)
{
    for (size_t size = 1; size <= 4 && size <= text.size; size++)
        if (cairn_utf8_valid(cairn_bytes_of(text.data, size)))
            return size;
    return 0;
}

/* C0, DEL and C1. */
static bool is_control(cairn_bytes character)
{
    uint8_t first = character.data[0];
    return first < 0x20 || first == 0x7f || (first == 0xc2 && character.data[1] < 0xa0);
}

void cairn_text_print(FILE *out, cairn_bytes text, int indent)
{
    while (text.size > 0) {
        size_t size = character_size(text);
        size_t step = size == 0 ? 1 : size;
        if (text.data[0] == '\n' && indent >= 0)
            (void)fprintf(out, "\n%*s", indent, "");
        else if (size != 0 && !is_control(text))
            (void)fwrite(text.data, 1, size, out);
        else
            for (size_t i = 0; i < step; i++)
                (void)fprintf(out, "\\x%02x", text.data[i]);
        text = cairn_bytes_of(text.data + step, text.size - step);
    }
}

char *cairn_text_utf8(cairn_bytes text)
{
    char *copy = malloc(text.size * 4 + 1);
    CAIRN_ASSERT(copy != NULL);
    char *end = copy;
    while (text.size > 0) {
        size_t size = character_size(text);
        if (size != 0) {
            memcpy(end, text.data, size);
            end += size;
        } else {
            end += snprintf(end, 5, "\\x%02x", text.data[0]);
            size = 1;
        }
        text = cairn_bytes_of(text.data + size, text.size - size);
    }
    *end = '\0';
    return copy;
}
