/* vsnprintf at the end of what is there. */
#include "core/text.h"

#include <stdarg.h>
#include <stdio.h>

void cairn_text_printf(cairn_text *text, const char *fmt, ...)
{
    bool fits = text->size < text->room;
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(fits ? text->data + text->size : NULL, fits ? text->room - text->size : 0,
                         fmt, args);
    va_end(args);
    CAIRN_ASSERT(size >= 0);
    text->size += (size_t)size;
}
