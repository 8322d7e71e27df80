/* Facts on jansson objects. */
#include "command/facts.h"

#include <errno.h>
#include <stdlib.h>

#include "command/text.h"
#include "core/clock.h"

json_t *cairn_facts_new(void)
{
    json_t *facts = json_object();
    CAIRN_ASSERT(facts != NULL);
    return facts;
}

static void set(json_t *facts, const char *key, json_t *value)
{
    CAIRN_ASSERT(value != NULL && json_object_set_new(facts, key, value) == 0);
}

void cairn_facts_text(json_t *facts, const char *key, const char *text)
{
    cairn_facts_view(facts, key, cairn_bytes_str(text));
}

void cairn_facts_view(json_t *facts, const char *key, cairn_bytes text)
{
    char *utf8 = cairn_text_utf8(text); /* a file's name may be none */
    set(facts, key, json_string(utf8));
    free(utf8);
}

void cairn_facts_hex(json_t *facts, const char *key, cairn_bytes bytes)
{
    char *text = malloc(bytes.size * 2 + 1);
    CAIRN_ASSERT(text != NULL);
    cairn_hex_encode(bytes, text);
    set(facts, key, json_string(text));
    free(text);
}

void cairn_facts_base64(json_t *facts, const char *key, cairn_bytes bytes)
{
    char *text = malloc(cairn_base64_size(bytes.size) + 1);
    CAIRN_ASSERT(text != NULL);
    cairn_base64_encode(bytes, text);
    set(facts, key, json_string(text));
    free(text);
}

void cairn_facts_hash(json_t *facts, const char *key, const cairn_hash *hash)
{
    cairn_facts_hex(facts, key, cairn_bytes_hash(hash));
}

void cairn_facts_number(json_t *facts, const char *key, uint64_t number)
{
    set(facts, key, json_integer((json_int_t)number));
}

void cairn_facts_bool(json_t *facts, const char *key, bool value)
{
    set(facts, key, json_boolean(value));
}

void cairn_facts_time(json_t *facts, const char *key, uint64_t wall_ms)
{
    char text[CAIRN_CLOCK_TEXT_SIZE];
    cairn_clock_format(wall_ms, text);
    cairn_facts_text(facts, key, text);
}

json_t *cairn_facts_list(json_t *facts, const char *key)
{
    set(facts, key, json_array());
    return json_object_get(facts, key);
}

json_t *cairn_facts_item(json_t *list)
{
    json_t *item = json_object();
    CAIRN_ASSERT(item != NULL && json_array_append_new(list, item) == 0);
    return item;
}

json_t *cairn_facts_object(json_t *facts, const char *key)
{
    set(facts, key, json_object());
    return json_object_get(facts, key);
}

/* --- for people --- */

static void print_object(FILE *out, const json_t *facts, int indent);

static int print_name(FILE *out, const char *key, int indent)
{
    int printed = 0;
    (void)fprintf(out, "%*s", indent, "");
    for (const char *p = key; *p != '\0'; p++, printed++)
        (void)fputc(*p == '_' ? ' ' : *p, out);
    return printed;
}

/* A name with its value behind it. */
static void print_key(FILE *out, const char *key, int indent, int width)
{
    int printed = print_name(out, key, indent);
    (void)fprintf(out, "%*s", width - printed + 2, "");
}

/* A name with its facts below it. */
static void print_head(FILE *out, const char *key, int indent)
{
    (void)print_name(out, key, indent);
    (void)fputc('\n', out);
}

static void print_text(FILE *out, const json_t *value, int column)
{
    cairn_text_print(out, cairn_bytes_of(json_string_value(value), json_string_length(value)),
                     column);
    (void)fputc('\n', out);
}

/* A text of several lines goes on in its column. */
static void print_scalar(FILE *out, const json_t *value, int column)
{
    if (json_is_string(value))
        print_text(out, value, column);
    else if (json_is_integer(value))
        (void)fprintf(out, "%" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
    else
        (void)fprintf(out, "%s\n", json_is_true(value) ? "yes" : "no");
}

static void print_list(FILE *out, const char *key, const json_t *list, int indent, int width)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        if (json_is_object(item)) {
            print_head(out, key, indent);
            print_object(out, item, indent + 2);
        } else {
            print_key(out, key, indent, width);
            print_scalar(out, item, indent + width + 2);
        }
    }
}

static void print_object(FILE *out, const json_t *facts, int indent)
{
    int width = 0;
    const char *key;
    json_t *value;
    json_t *object = (json_t *)(uintptr_t)facts; /* jansson iterates over non-const objects only */
    json_object_foreach(object, key, value)
    {
        int length = (int)strlen(key);
        bool has_own_line = json_is_object(value) || json_is_object(json_array_get(value, 0));
        if (!has_own_line && length > width)
            width = length;
    }
    json_object_foreach(object, key, value)
    {
        if (json_is_array(value)) {
            print_list(out, key, value, indent, width);
        } else if (json_is_object(value)) {
            print_head(out, key, indent);
            print_object(out, value, indent + 2);
        } else {
            print_key(out, key, indent, width);
            print_scalar(out, value, indent + width + 2);
        }
    }
}

cairn_err cairn_facts_print(cairn_command *command, json_t *facts)
{
    if (command->json) {
        (void)json_dumpf(facts, command->out,
                         JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
        (void)fputc('\n', command->out);
    } else {
        print_object(command->out, facts, 0);
    }
    json_decref(facts);
    errno = 0;
    if (fflush(command->out) != 0 || ferror(command->out))
        return cairn_err_from_errno(errno, "output");
    return CAIRN_OK;
}
