/* Writes the initial file with its comments. */
#include <stdio.h>

#include "core/config_option.h"
#include "core/text.h"

/* The rows of all tables. */
typedef struct option_list {
    size_t count;
    const cairn_config_option *rows[CAIRN_CONFIG_OPTIONS_MAX];
} option_list;

typedef struct setting_list {
    const cairn_config_setting *rows;
    size_t count;
} setting_list;

static const char *find_setting(const setting_list *settings, const char *key)
{
    for (size_t i = 0; i < settings->count; i++)
        if (strcmp(settings->rows[i].key, key) == 0)
            return settings->rows[i].value;
    return NULL;
}

/* A value in double quotes (YAML 1.2.2 section 7.3.1); the check has refused control characters. */
static void print_quoted(cairn_text *out, const char *text)
{
    cairn_text_printf(out, "\"");
    for (const char *p = text; *p != '\0'; p++)
        cairn_text_printf(out, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
    cairn_text_printf(out, "\"");
}

static void print_range(cairn_text *out, const cairn_config_option *option)
{
    if (option->unit == CAIRN_UNIT_BOOL)
        return;
    char min[CAIRN_UNIT_TEXT_SIZE], max[CAIRN_UNIT_TEXT_SIZE];
    cairn_unit unit = option->unit == CAIRN_UNIT_TEXT ? CAIRN_UNIT_COUNT : option->unit;
    cairn_unit_format(option->min, unit, min);
    cairn_unit_format(option->max, unit, max);
    cairn_text_printf(out, "  # %s to %s%s\n", min, max,
                      option->unit == CAIRN_UNIT_TEXT ? " bytes of text" : "");
}

static void print_option(cairn_text *out, const cairn_config_option *option, const char *set)
{
    cairn_text_printf(out, "\n  # %s\n", option->doc);
    print_range(out, option);
    cairn_text_printf(out, "  %s%s: ", set == NULL ? "# " : "", cairn_config_option_name(option));
    if (set == NULL && option->unit != CAIRN_UNIT_TEXT)
        cairn_text_printf(out, "%s", option->initial);
    else
        print_quoted(out, set == NULL ? option->initial : set);
    cairn_text_printf(out, "\n");
}

/* A section that sets nothing is a comment too: an empty mapping would be an empty scalar. */
static void print_section(cairn_text *out, const option_list *options, size_t first,
                          const setting_list *settings)
{
    const cairn_config_option *head = options->rows[first];
    bool live = false;
    for (size_t i = first; i < options->count; i++)
        live |= cairn_config_same_section(head, options->rows[i]) &&
                find_setting(settings, options->rows[i]->key) != NULL;
    cairn_text_printf(out, "\n%s%.*s:\n", live ? "" : "# ", (int)cairn_config_section_size(head),
                      head->key);
    for (size_t i = first; i < options->count; i++)
        if (cairn_config_same_section(head, options->rows[i]))
            print_option(out, options->rows[i], find_setting(settings, options->rows[i]->key));
}

static void print_all(cairn_text *out, const option_list *options, const setting_list *settings)
{
    cairn_text_printf(
        out, "# Cairn: options of this directory. What is commented out has the value shown.\n");
    for (size_t i = 0; i < options->count; i++) {
        size_t first = 0;
        while (!cairn_config_same_section(options->rows[first], options->rows[i]))
            first++;
        if (first == i)
            print_section(out, options, i, settings);
    }
}

static cairn_err check_setting(const option_list *options, const cairn_config_setting *setting)
{
    for (size_t i = 0; i < options->count; i++) {
        if (strcmp(options->rows[i]->key, setting->key) != 0)
            continue;
        uint64_t number = 0;
        if (cairn_config_option_check(options->rows[i], setting->value, &number) == CAIRN_OK)
            return CAIRN_OK;
        char why[256];
        (void)snprintf(why, sizeof why, "%s", cairn_err_detail());
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "%s: %s", setting->key, why);
    }
    return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "%s: no such option", setting->key);
}

cairn_err cairn_config_render(cairn_arena *arena, const cairn_config_table *tables,
                              size_t table_count, const cairn_config_setting *settings,
                              size_t setting_count, cairn_bytes *ret_text)
{
    option_list options;
    options.count = cairn_config_collect(tables, table_count, options.rows);
    for (size_t i = 0; i < setting_count; i++)
        CAIRN_TRY(check_setting(&options, &settings[i]));
    const setting_list list = {settings, setting_count};
    cairn_text count = {NULL, 0, 0};
    print_all(&count, &options, &list);
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, count.size + 1, &memory));
    cairn_text text = {memory, count.size + 1, 0};
    print_all(&text, &options, &list);
    CAIRN_ASSERT(cairn_text_whole(&text));
    *ret_text = cairn_bytes_of(text.data, text.size);
    return CAIRN_OK;
}
