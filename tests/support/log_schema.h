/* Whether api/log-schema.json lists the events of a module. Needs jansson, cmocka and core/log.h.
 */
#ifndef CAIRN_TESTS_SUPPORT_LOG_SCHEMA_H
#define CAIRN_TESTS_SUPPORT_LOG_SCHEMA_H

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"

/* The schema, found from where the compiler saw this file; NULL when run from elsewhere. */
static inline json_t *log_schema_load(void)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%.*s../../api/log-schema.json",
                   (int)(strlen(__FILE__) - strlen("log_schema.h")), __FILE__);
    return json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
}

static inline bool log_schema_lists(const json_t *schema, const char *event)
{
    const json_t *names =
        json_object_get(json_object_get(json_object_get(schema, "properties"), "event"), "enum");
    for (size_t i = 0; i < json_array_size(names); i++)
        if (strcmp(json_string_value(json_array_get(names, i)), event) == 0)
            return true;
    return false;
}

/* Fails unless every row is listed; skips, saying why, when the schema is not found. */
static inline void log_schema_check(const cairn_log_table *table)
{
    json_t *schema = log_schema_load();
    if (schema == NULL) {
        print_message("api/log-schema.json: not found from this directory\n");
        skip();
    }
    for (size_t i = 0; i < table->count; i++)
        if (!log_schema_lists(schema, table->rows[i].name))
            fail_msg("%s is not in api/log-schema.json", table->rows[i].name);
    json_decref(schema);
}

#endif
