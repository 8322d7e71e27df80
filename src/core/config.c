/* The tables become a libcyaml schema at run time: the document is one array of strings, one slot
 * an option, and a section is a mapping over the same array. Ranges and units are checked after. */
#include "core/config.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/config_option.h"

typedef struct config_value {
    const cairn_config_option *option;
    const char *text;
    uint64_t number;
} config_value;

struct cairn_config {
    cairn_arena arena; /* holds all that follows */
    size_t count;
    config_value *values;
};

enum { CONFIG_MEMORY_MAX = 4 << 20 };

/* What libcyaml complained about first, and where. */
typedef struct complaint {
    char text[256];
    size_t line; /* 0 while unknown */
} complaint;

/* Index of the first option of the same section; its own for the first of them. */
static size_t first_of_section(const cairn_config *config, size_t index)
{
    size_t first = 0;
    while (!cairn_config_same_section(config->values[first].option, config->values[index].option))
        first++;
    return first;
}

__attribute__((format(printf, 3, 0))) static void note_complaint(cyaml_log_t level, void *context,
                                                                 const char *fmt, va_list args)
{
    (void)level; /* warnings too: a second document is one */
    complaint *c = context;
    char text[sizeof c->text];
    (void)vsnprintf(text, sizeof text, fmt, args);
    const char *at = strstr(text, "(line: ");
    if (at != NULL && c->line == 0)
        c->line = (size_t)strtoul(at + strlen("(line: "), NULL, 10);
    if (c->text[0] != '\0' || strncmp(text, "Load: Backtrace", 15) == 0 || at != NULL)
        return;
    const char *what = strncmp(text, "Load: ", 6) == 0 ? text + 6 : text;
    (void)snprintf(c->text, sizeof c->text, "%.*s", (int)strcspn(what, "\n"), what);
}

/* The fields of the section that begins with option `first`. */
static cairn_err make_section(cairn_config *config, size_t first,
                              const cyaml_schema_field_t **ret_fields)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_array(&config->arena, config->count + 1, sizeof(cyaml_schema_field_t),
                                &memory));
    cyaml_schema_field_t *fields = memory;
    size_t count = 0;
    for (size_t i = first; i < config->count; i++) {
        const cairn_config_option *option = config->values[i].option;
        if (!cairn_config_same_section(config->values[first].option, option))
            continue;
        fields[count++] = (cyaml_schema_field_t){
            .key = cairn_config_option_name(option),
            .data_offset = (uint32_t)(i * sizeof(char *)),
            .value = {.type = CYAML_STRING,
                      .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                      .data_size = sizeof(char),
                      .string = {.min = 0, .max = CAIRN_CONFIG_TEXT_SIZE_MAX}}};
    }
    *ret_fields = fields; /* the last one is zero, which ends the list */
    return CAIRN_OK;
}

static cairn_err make_schema(cairn_config *config, cyaml_schema_value_t *ret_schema)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_array(&config->arena, config->count + 1, sizeof(cyaml_schema_field_t),
                                &memory));
    cyaml_schema_field_t *sections = memory;
    size_t count = 0;
    uint32_t size = (uint32_t)(config->count * sizeof(char *));
    for (size_t i = 0; i < config->count; i++) {
        if (first_of_section(config, i) != i)
            continue;
        const cairn_config_option *option = config->values[i].option;
        cairn_bytes name = {NULL, 0};
        CAIRN_TRY(
            cairn_arena_alloc(&config->arena, cairn_config_section_size(option) + 1, &memory));
        memcpy(memory, option->key, cairn_config_section_size(option));
        name = cairn_bytes_of(memory, cairn_config_section_size(option));
        const cyaml_schema_field_t *fields = NULL;
        CAIRN_TRY(make_section(config, i, &fields));
        sections[count++] = (cyaml_schema_field_t){.key = (const char *)name.data,
                                                   .value = {.type = CYAML_MAPPING,
                                                             .flags = CYAML_FLAG_OPTIONAL,
                                                             .data_size = size,
                                                             .mapping = {.fields = fields}}};
    }
    *ret_schema = (cyaml_schema_value_t){.type = CYAML_MAPPING,
                                         .flags = CYAML_FLAG_POINTER,
                                         .data_size = size,
                                         .mapping = {.fields = sections}};
    return CAIRN_OK;
}

/* Line of an option in block style, 0 when it is written otherwise. */
static size_t find_line(cairn_bytes text, const cairn_config_option *option)
{
    bool inside = false;
    size_t line = 1;
    for (size_t at = 0; at < text.size; line++) {
        const char *p = (const char *)text.data + at;
        const char *end = memchr(p, '\n', text.size - at);
        size_t size = end == NULL ? text.size - at : (size_t)(end - p);
        size_t indent = 0;
        while (indent < size && p[indent] == ' ')
            indent++;
        const char *key = indent == 0 ? option->key : cairn_config_option_name(option);
        size_t key_size = indent == 0 ? cairn_config_section_size(option) : strlen(key);
        bool match = size - indent > key_size && memcmp(p + indent, key, key_size) == 0 &&
                     p[indent + key_size] == ':';
        if (indent == 0 && size > 0 && p[0] != '#')
            inside = match;
        else if (indent > 0 && inside && match)
            return line;
        at += size + 1;
    }
    return 0;
}

/* Refuses a whole value: "cairn.yaml:3: store.map_size: <the detail of the thread>". */
static cairn_err refuse_value(const char *name, cairn_bytes text, const cairn_config_option *option)
{
    char why[256];
    (void)snprintf(why, sizeof why, "%s", cairn_err_detail());
    size_t line = find_line(text, option);
    if (line == 0)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "%s: %s: %s", name, option->key, why);
    return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "%s:%zu: %s: %s", name, line, option->key, why);
}

/* Takes what the document gave, else the initial value. */
static cairn_err take_values(cairn_config *config, const char *name, cairn_bytes text,
                             char *const *slots)
{
    for (size_t i = 0; i < config->count; i++) {
        config_value *value = &config->values[i];
        const char *given = slots == NULL ? NULL : slots[i];
        if (given == NULL) {
            value->text = value->option->initial;
            CAIRN_ASSERT(cairn_config_option_check(value->option, value->text, &value->number) ==
                         CAIRN_OK);
            continue;
        }
        cairn_bytes copy = {NULL, 0};
        CAIRN_TRY(
            cairn_arena_copy(&config->arena, cairn_bytes_of(given, strlen(given) + 1), &copy));
        value->text = (const char *)copy.data;
        if (cairn_config_option_check(value->option, value->text, &value->number) != CAIRN_OK)
            return refuse_value(name, text, value->option);
    }
    return CAIRN_OK;
}

static cairn_err refuse_document(const char *name, const complaint *c, cyaml_err_t err)
{
    /* libyaml has a text for every fault but the lack of memory. */
    if (err == CYAML_ERR_OOM || err == CYAML_ERR_LIBYAML_PARSER_INIT ||
        strcmp(c->text, "libyaml: (null)") == 0)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "%s: out of memory", name);
    const char *what = c->text[0] != '\0' ? c->text : cyaml_strerror(err);
    if (c->line == 0)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "%s: %s", name, what);
    return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "%s: near line %zu: %s", name, c->line, what);
}

static cairn_err read_document(cairn_config *config, const char *name, cairn_bytes text)
{
    cyaml_schema_value_t schema;
    CAIRN_TRY(make_schema(config, &schema));
    complaint c = {.text = "", .line = 0};
    const cyaml_config_t settings = {.log_fn = note_complaint,
                                     .log_ctx = &c,
                                     .mem_fn = cyaml_mem,
                                     .log_level = CYAML_LOG_WARNING,
                                     .flags = CYAML_CFG_NO_ALIAS};
    void *data = NULL;
    cyaml_err_t status = cyaml_load_data(text.data, text.size, &settings, &schema, &data, NULL);
    cairn_err err = CAIRN_OK;
    if (status != CYAML_OK || c.text[0] != '\0')
        err = refuse_document(name, &c, status);
    else
        err = take_values(config, name, text, data);
    if (data != NULL)
        (void)cyaml_free(&settings, &schema, data, 0);
    return err;
}

static cairn_err collect(cairn_config *config, const cairn_config_table *tables, size_t table_count)
{
    const cairn_config_option *options[CAIRN_CONFIG_OPTIONS_MAX];
    config->count = cairn_config_collect(tables, table_count, options);
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_array(&config->arena, config->count, sizeof *config->values, &memory));
    config->values = memory;
    for (size_t i = 0; i < config->count; i++)
        config->values[i].option = options[i];
    return CAIRN_OK;
}

cairn_err cairn_config_parse(const cairn_config_table *tables, size_t table_count, const char *name,
                             cairn_bytes text, cairn_config **ret_config)
{
    if (text.size > CAIRN_CONFIG_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "%s: larger than %d bytes", name,
                          CAIRN_CONFIG_SIZE_MAX);
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "%s: holds a NUL", name);
    CAIRN_CLEANUP(cairn_config_free_p) cairn_config *config = calloc(1, sizeof *config);
    if (config == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "config: %s", name);
    cairn_arena_init(&config->arena, CONFIG_MEMORY_MAX);
    CAIRN_TRY(collect(config, tables, table_count));
    /* libcyaml refuses an input pointer of NULL, which an empty view may hold. */
    cairn_bytes input = text.size == 0 ? cairn_bytes_str("") : text;
    CAIRN_TRY(read_document(config, name, input));
    *ret_config = CAIRN_STEAL(config);
    return CAIRN_OK;
}

/* Reads the file into `buffer` of CAIRN_CONFIG_SIZE_MAX + 1 bytes; one byte too many shows that it
 * is too large. */
static cairn_err read_file(const char *path, uint8_t *buffer, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "%s: no such file", path);
    if (fd < 0)
        return cairn_err_from_errno(errno, path);
    size_t size = 0;
    ssize_t n = 1;
    while (n != 0 && size < CAIRN_CONFIG_SIZE_MAX + 1) {
        n = read(fd, buffer + size, CAIRN_CONFIG_SIZE_MAX + 1 - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            cairn_err err = cairn_err_from_errno(errno, path);
            (void)close(fd);
            return err;
        }
        size += (size_t)n;
    }
    (void)close(fd);
    *ret_size = size;
    return CAIRN_OK;
}

cairn_err cairn_config_load(const cairn_config_table *tables, size_t table_count, const char *path,
                            cairn_config **ret_config)
{
    uint8_t *buffer = malloc(CAIRN_CONFIG_SIZE_MAX + 1);
    if (buffer == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "config: %s", path);
    size_t size = 0;
    cairn_err err = read_file(path, buffer, &size);
    if (err == CAIRN_OK)
        err =
            cairn_config_parse(tables, table_count, path, cairn_bytes_of(buffer, size), ret_config);
    free(buffer);
    return err;
}

void cairn_config_free(cairn_config *config)
{
    if (config == NULL)
        return;
    cairn_arena_done(&config->arena);
    free(config);
}

static const config_value *find(const cairn_config *config, const char *key)
{
    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->values[i].option->key, key) == 0)
            return &config->values[i];
    cairn_assert_failed("the key is in a table", __FILE__, __LINE__);
}

uint64_t cairn_config_u64(const cairn_config *config, const char *key)
{
    const config_value *value = find(config, key);
    CAIRN_ASSERT(value->option->unit != CAIRN_UNIT_TEXT && value->option->unit != CAIRN_UNIT_BOOL);
    return value->number;
}

bool cairn_config_bool(const cairn_config *config, const char *key)
{
    const config_value *value = find(config, key);
    CAIRN_ASSERT(value->option->unit == CAIRN_UNIT_BOOL);
    return value->number != 0;
}

const char *cairn_config_text(const cairn_config *config, const char *key)
{
    const config_value *value = find(config, key);
    CAIRN_ASSERT(value->option->unit == CAIRN_UNIT_TEXT);
    return value->text;
}
