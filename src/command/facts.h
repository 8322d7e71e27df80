/* What a verb has found out, printed as aligned lines for people or as one JSON object. One object,
 * both forms: the order of the lines is the order of the keys. */
#ifndef CAIRN_COMMAND_FACTS_H
#define CAIRN_COMMAND_FACTS_H

#include <jansson.h>

#include "command/verb.h"

/* An empty object; free with json_decref. Aborts when memory is short: a command has nothing to
 * save. */
json_t *cairn_facts_new(void);

/* Add a key. Keys are lower case with underscores. */
void cairn_facts_text(json_t *facts, const char *key, const char *text);
void cairn_facts_view(json_t *facts, const char *key, cairn_bytes text);
void cairn_facts_hex(json_t *facts, const char *key, cairn_bytes bytes);
void cairn_facts_base64(json_t *facts, const char *key, cairn_bytes bytes);
void cairn_facts_hash(json_t *facts, const char *key, const cairn_hash *hash);
void cairn_facts_number(json_t *facts, const char *key, uint64_t number);
void cairn_facts_bool(json_t *facts, const char *key, bool value);
void cairn_facts_time(json_t *facts, const char *key, uint64_t wall_ms); /* RFC 3339 in UTC */
/* A list of objects; returns it for cairn_facts_item. */
json_t *cairn_facts_list(json_t *facts, const char *key);
json_t *cairn_facts_item(json_t *list);
json_t *cairn_facts_object(json_t *facts, const char *key);

/* Prints and frees. IO when the output cannot be written. */
cairn_err cairn_facts_print(cairn_command *command, json_t *facts) CAIRN_MUST_USE;

#endif
