/* A table of suffixes, and strict decimal digits before them. */
#include "core/unit.h"

#include <stdio.h>

typedef struct suffix {
    const char *text;
    uint64_t factor;
} suffix;

/* From large to small, closed by a row without text. */
static const suffix count_suffixes[] = {{"", 1}, {NULL, 0}};
static const suffix size_suffixes[] = {{"TiB", UINT64_C(1) << 40},
                                       {"GiB", UINT64_C(1) << 30},
                                       {"MiB", UINT64_C(1) << 20},
                                       {"KiB", UINT64_C(1) << 10},
                                       {"B", 1},
                                       {NULL, 0}};
static const suffix duration_suffixes[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000},
                                           {"s", 1000},     {"ms", 1},      {NULL, 0}};

typedef struct unit_row {
    const suffix *suffixes;
    const char *wanted;
} unit_row;

static const unit_row units[] = {
    [CAIRN_UNIT_COUNT] = {count_suffixes, "a whole number"},
    [CAIRN_UNIT_SIZE] = {size_suffixes, "a size in B, KiB, MiB, GiB or TiB"},
    [CAIRN_UNIT_DURATION] = {duration_suffixes, "a duration in ms, s, min, h or d"},
};

static cairn_err refuse(const char *text, const char *wanted)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "'%.64s' is not %s", text, wanted);
}

static cairn_err parse_bool(const char *text, uint64_t *ret_value)
{
    bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0)
        return refuse(text, "true or false");
    *ret_value = yes;
    return CAIRN_OK;
}

/* Reads digits; false on a leading zero, no digit at all, or more than 64 bits. */
static bool parse_digits(const char **text, uint64_t *ret_number)
{
    const char *p = *text;
    uint64_t number = 0;
    if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
        return false;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(number, UINT64_C(10), &number) ||
            __builtin_add_overflow(number, (uint64_t)(*p - '0'), &number))
            return false;
    *text = p;
    *ret_number = number;
    return true;
}

cairn_err cairn_unit_parse(const char *text, cairn_unit unit, uint64_t *ret_value)
{
    CAIRN_ASSERT(unit != CAIRN_UNIT_TEXT);
    if (unit == CAIRN_UNIT_BOOL)
        return parse_bool(text, ret_value);
    const unit_row *row = &units[unit];
    const char *rest = text;
    uint64_t number = 0;
    if (!parse_digits(&rest, &number))
        return refuse(text, row->wanted);
    for (const suffix *s = row->suffixes; s->text != NULL; s++)
        if (strcmp(rest, s->text) == 0) {
            if (__builtin_mul_overflow(number, s->factor, &number))
                return refuse(text, "below 2^64");
            *ret_value = number;
            return CAIRN_OK;
        }
    return refuse(text, row->wanted);
}

void cairn_unit_format(uint64_t value, cairn_unit unit, char ret_text[CAIRN_UNIT_TEXT_SIZE])
{
    CAIRN_ASSERT(unit != CAIRN_UNIT_TEXT);
    if (unit == CAIRN_UNIT_BOOL) {
        (void)snprintf(ret_text, CAIRN_UNIT_TEXT_SIZE, "%s", value != 0 ? "true" : "false");
        return;
    }
    const suffix *s = units[unit].suffixes;
    while (s->factor > 1 && (value == 0 || value % s->factor != 0))
        s++;
    (void)snprintf(ret_text, CAIRN_UNIT_TEXT_SIZE, "%llu%s",
                   (unsigned long long)(value / s->factor), s->text);
}
