/* The JSON of the API's answers. */
#include "node/api/api_json.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/codec/utf8.h"

enum { FIRST_ROOM = 512 };

void cairn_api_json_done(cairn_api_json *json)
{
    free(json->data);
    *json = (cairn_api_json){0};
}

/* Room for `size` bytes more; NULL once memory has ended. */
static char *reserve(cairn_api_json *json, size_t size)
{
    if (json->failed)
        return NULL;
    if (json->room - json->size < size) {
        size_t room = json->room == 0 ? FIRST_ROOM : json->room;
        while (room - json->size < size && room <= SIZE_MAX / 2)
            room *= 2;
        char *grown = room - json->size < size ? NULL : realloc(json->data, room);
        if (grown == NULL) {
            json->failed = true;
            return NULL;
        }
        json->data = grown;
        json->room = room;
    }
    char *at = json->data + json->size;
    json->size += size;
    return at;
}

static void put(cairn_api_json *json, const char *text, size_t size)
{
    char *at = reserve(json, size);
    if (at != NULL)
        memcpy(at, text, size);
}

static void begin(cairn_api_json *json, const char *key)
{
    if (json->item)
        put(json, ",", 1);
    json->item = true;
    if (key == NULL)
        return;
    put(json, "\"", 1);
    put(json, key, strlen(key));
    put(json, "\":", 2);
}

static void open_with(cairn_api_json *json, const char *key, const char *bracket)
{
    begin(json, key);
    put(json, bracket, 1);
    json->item = false;
}

static void close_with(cairn_api_json *json, const char *bracket)
{
    put(json, bracket, 1);
    json->item = true;
}

void cairn_api_json_open(cairn_api_json *json, const char *key)
{
    open_with(json, key, "{");
}

void cairn_api_json_close(cairn_api_json *json)
{
    close_with(json, "}");
}

void cairn_api_json_open_list(cairn_api_json *json, const char *key)
{
    open_with(json, key, "[");
}

void cairn_api_json_close_list(cairn_api_json *json)
{
    close_with(json, "]");
}

static void put_escaped(cairn_api_json *json, uint8_t c)
{
    char text[8];
    if (c == '"' || c == '\\')
        (void)snprintf(text, sizeof text, "\\%c", c);
    else
        (void)snprintf(text, sizeof text, "\\u%04x", c);
    put(json, text, strlen(text));
}

void cairn_api_json_view(cairn_api_json *json, const char *key, cairn_bytes text)
{
    bool valid = cairn_utf8_valid(text);
    begin(json, key);
    put(json, "\"", 1);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
            put_escaped(json, c);
        else if (c >= 0x80 && !valid)
            put(json, "\\ufffd", 6);
        else
            put(json, (const char *)&c, 1);
    }
    put(json, "\"", 1);
}

void cairn_api_json_text(cairn_api_json *json, const char *key, const char *text)
{
    cairn_api_json_view(json, key, cairn_bytes_str(text));
}

void cairn_api_json_hex(cairn_api_json *json, const char *key, cairn_bytes bytes)
{
    begin(json, key);
    char *at = reserve(json, 2 * bytes.size + 3); /* the NUL is overwritten by the quote */
    if (at == NULL)
        return;
    at[0] = '"';
    cairn_hex_encode(bytes, at + 1);
    at[2 * bytes.size + 1] = '"';
    json->size--;
}

void cairn_api_json_hash(cairn_api_json *json, const char *key, const cairn_hash *hash)
{
    cairn_api_json_hex(json, key, cairn_bytes_hash(hash));
}

void cairn_api_json_base64(cairn_api_json *json, const char *key, cairn_bytes bytes)
{
    size_t size = cairn_base64_size(bytes.size);
    begin(json, key);
    char *at = reserve(json, size + 3);
    if (at == NULL)
        return;
    at[0] = '"';
    cairn_base64_encode(bytes, at + 1);
    at[size + 1] = '"';
    json->size--;
}

void cairn_api_json_number(cairn_api_json *json, const char *key, uint64_t number)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    begin(json, key);
    put(json, text, (size_t)size);
}

void cairn_api_json_bool(cairn_api_json *json, const char *key, bool value)
{
    begin(json, key);
    if (value)
        put(json, "true", 4);
    else
        put(json, "false", 5);
}

void cairn_api_json_time(cairn_api_json *json, const char *key, uint64_t wall_ms)
{
    char text[CAIRN_CLOCK_TEXT_SIZE];
    cairn_clock_format(wall_ms, text);
    cairn_api_json_text(json, key, text);
}

cairn_err cairn_api_json_end(const cairn_api_json *json, cairn_bytes *ret_text)
{
    if (json->failed)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "answer: JSON");
    *ret_text = cairn_bytes_of(json->data, json->size);
    return CAIRN_OK;
}
