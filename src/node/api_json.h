/* A JSON text that grows as it is written: sticky, so that a handler checks once, at the end. Keys
 * are ours and need no escape. Source: RFC 8259; house (STYLE, QCBOR's manner). */
#ifndef CAIRN_NODE_API_JSON_H
#define CAIRN_NODE_API_JSON_H

#include "cairn/bytes.h"

/* Starts zeroed. One thread at a time. */
typedef struct cairn_json {
    char *data; /* owned */
    size_t size;
    size_t room;
    bool item; /* something stands before, on the same level: a comma is due */
    bool failed;
} cairn_json;

/* Frees the text. Takes a zeroed one. */
void cairn_json_done(cairn_json *json);

/* `key` is NULL inside a list and at the top. */
void cairn_json_open(cairn_json *json, const char *key);
void cairn_json_close(cairn_json *json);
void cairn_json_open_list(cairn_json *json, const char *key);
void cairn_json_close_list(cairn_json *json);

void cairn_json_text(cairn_json *json, const char *key, const char *text);
/* Any bytes; where they are not UTF-8, those above 0x7f become U+FFFD. */
void cairn_json_view(cairn_json *json, const char *key, cairn_bytes text);
void cairn_json_hex(cairn_json *json, const char *key, cairn_bytes bytes);
void cairn_json_hash(cairn_json *json, const char *key, const cairn_hash *hash);
void cairn_json_base64(cairn_json *json, const char *key, cairn_bytes bytes);
void cairn_json_number(cairn_json *json, const char *key, uint64_t number);
void cairn_json_bool(cairn_json *json, const char *key, bool value);
/* RFC 3339 in UTC with milliseconds. */
void cairn_json_time(cairn_json *json, const char *key, uint64_t wall_ms);

/* The text, a view until the next call or done. NO_MEMORY when any part found none. */
cairn_err cairn_json_end(const cairn_json *json, cairn_bytes *ret_text) CAIRN_MUST_USE;

#endif
