/* Quantities as people write them in the configuration and on the command line: `512MiB`, `5s`,
 * `true`. A number without the unit that its option wants is refused, so that `5` never means
 * seconds to one reader and minutes to another. Source: house. */
#ifndef CAIRN_CORE_UNIT_H
#define CAIRN_CORE_UNIT_H

#include "cairn/bytes.h"

typedef enum cairn_unit {
    CAIRN_UNIT_COUNT,    /* digits alone */
    CAIRN_UNIT_SIZE,     /* bytes: B, KiB, MiB, GiB, TiB */
    CAIRN_UNIT_DURATION, /* milliseconds: ms, s, min, h, d */
    CAIRN_UNIT_BOOL,     /* true or false, as 1 or 0 */
    CAIRN_UNIT_TEXT,     /* printable text, no quantity */
} cairn_unit;

enum { CAIRN_UNIT_TEXT_SIZE = 32 }; /* bytes of any formatted quantity with its NUL */

/* The quantity that `text` writes in `unit` (not CAIRN_UNIT_TEXT). Digits without sign, leading
 * zero or fraction, directly followed by the unit. BAD_VALUE for anything else, also for a product
 * past 64 bits; the detail quotes the text and says what is wanted. */
cairn_err cairn_unit_parse(const char *text, cairn_unit unit, uint64_t *ret_value) CAIRN_MUST_USE;

/* Writes `value` in the largest unit that divides it; cairn_unit_parse reads it back. Not for
 * CAIRN_UNIT_TEXT. */
void cairn_unit_format(uint64_t value, cairn_unit unit, char ret_text[CAIRN_UNIT_TEXT_SIZE]);

#endif
