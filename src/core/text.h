/* Text built piece by piece in the caller's memory, as snprintf does: what does not fit is counted,
 * so that a first pass without memory tells how much the second needs. open_memstream would be
 * simpler, but glibc's loses text without a word when memory ends (memory_test.c). Source: house.
 */
#ifndef CAIRN_CORE_TEXT_H
#define CAIRN_CORE_TEXT_H

#include "cairn/bytes.h"

/* Starts as {memory, room, 0}, or {NULL, 0, 0} to count. */
typedef struct cairn_text {
    char *data;
    size_t room; /* bytes at `data`, one of them for a NUL */
    size_t size; /* bytes so far, also those that did not fit; without the NUL */
} cairn_text;

/* Appends; the result ends in NUL as far as it fits. */
void cairn_text_printf(cairn_text *text, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* True when all of it is there. */
static inline bool cairn_text_whole(const cairn_text *text)
{
    return text->size < text->room;
}

#endif
