/* A JSON text that grows as it is written: sticky, so that a handler checks once, at the end. Keys
 * are ours and need no escape. Source: RFC 8259; house (STYLE, QCBOR's manner). */
#ifndef CAIRN_NODE_API_JSON_H
#define CAIRN_NODE_API_JSON_H

#include "cairn/bytes.h"

/* Starts zeroed. One thread at a time. */
typedef struct cairn_api_json {
    char *data; /* owned */
    size_t size;
    size_t room;
    bool item; /* something stands before, on the same level: a comma is due */
    bool failed;
} cairn_api_json;

/* Frees the text. Takes a zeroed one. */
void cairn_api_json_done(cairn_api_json *json);

/* `key` is NULL inside a list and at the top. */
void cairn_api_json_open(cairn_api_json *json, const char *key);
void cairn_api_json_close(cairn_api_json *json);
void cairn_api_json_open_list(cairn_api_json *json, const char *key);
void cairn_api_json_close_list(cairn_api_json *json);

void cairn_api_json_text(cairn_api_json *json, const char *key, const char *text);
/* Any bytes; where they are not UTF-8, those above 0x7f become U+FFFD. */
void cairn_api_json_view(cairn_api_json *json, const char *key, cairn_bytes text);
void cairn_api_json_hex(cairn_api_json *json, const char *key, cairn_bytes bytes);
void cairn_api_json_hash(cairn_api_json *json, const char *key, const cairn_hash *hash);
void cairn_api_json_base64(cairn_api_json *json, const char *key, cairn_bytes bytes);
void cairn_api_json_number(cairn_api_json *json, const char *key, uint64_t number);
void cairn_api_json_bool(cairn_api_json *json, const char *key, bool value);
/* RFC 3339 in UTC with milliseconds. */
void cairn_api_json_time(cairn_api_json *json, const char *key, uint64_t wall_ms);

/* The text, a view until the next call or done. NO_MEMORY when any part found none. */
cairn_err cairn_api_json_end(const cairn_api_json *json, cairn_bytes *ret_text) CAIRN_MUST_USE;

#endif
