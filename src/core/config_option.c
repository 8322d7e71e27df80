/* Rows, their sections and their ranges. */
#include "core/config_option.h"

#include "core/codec/utf8.h"

enum { SECTION_SIZE_MAX = 64 };

const char *cairn_config_option_name(const cairn_config_option *option)
{
    const char *dot = strchr(option->key, '.');
    CAIRN_ASSERT(dot != NULL && dot != option->key && dot[1] != '\0' &&
                 dot - option->key < SECTION_SIZE_MAX);
    return dot + 1;
}

size_t cairn_config_section_size(const cairn_config_option *option)
{
    return (size_t)(cairn_config_option_name(option) - option->key) - 1;
}

bool cairn_config_same_section(const cairn_config_option *a, const cairn_config_option *b)
{
    size_t size = cairn_config_section_size(a);
    return size == cairn_config_section_size(b) && memcmp(a->key, b->key, size) == 0;
}

static cairn_err check_text(const cairn_config_option *option, const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "holds a control character");
    if (!cairn_utf8_valid(cairn_bytes_str(text)))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "is not UTF-8");
    if (size < option->min || size > option->max)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "has %zu bytes, %llu to %llu are allowed",
                          size, (unsigned long long)option->min, (unsigned long long)option->max);
    return CAIRN_OK;
}

cairn_err cairn_config_option_check(const cairn_config_option *option, const char *text,
                                    uint64_t *ret_number)
{
    if (option->unit == CAIRN_UNIT_TEXT)
        return check_text(option, text);
    uint64_t number = 0;
    CAIRN_TRY(cairn_unit_parse(text, option->unit, &number));
    if (option->unit != CAIRN_UNIT_BOOL && (number < option->min || number > option->max)) {
        char min[CAIRN_UNIT_TEXT_SIZE], max[CAIRN_UNIT_TEXT_SIZE];
        cairn_unit_format(option->min, option->unit, min);
        cairn_unit_format(option->max, option->unit, max);
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "'%s' is outside %s to %s", text, min, max);
    }
    *ret_number = number;
    return CAIRN_OK;
}

size_t cairn_config_collect(const cairn_config_table *tables, size_t table_count,
                            const cairn_config_option *ret_options[CAIRN_CONFIG_OPTIONS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < table_count; i++)
        for (size_t row = 0; row < tables[i].count; row++) {
            const cairn_config_option *option = &tables[i].rows[row];
            CAIRN_ASSERT(count < CAIRN_CONFIG_OPTIONS_MAX);
            for (size_t other = 0; other < count; other++)
                CAIRN_ASSERT(strcmp(ret_options[other]->key, option->key) != 0);
            ret_options[count++] = option;
        }
    return count;
}
