/* Reader by tables, writer that grows. */
#include "ledger/consortium/wire.h"

#include <stdlib.h>
#include <string.h>

static const char clause[] = "protobuf.dev, Encoding";

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

/* --- reading --- */

cairn_err cairn_wire_varint(cairn_bytes in, uint64_t *ret_value, size_t *ret_size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < in.size && i < CAIRN_WIRE_VARINT_SIZE_MAX; i++) {
        uint64_t bits = in.data[i] & 0x7f;
        if (i == CAIRN_WIRE_VARINT_SIZE_MAX - 1 && in.data[i] > 1)
            break;
        value |= bits << (7 * i);
        if (in.data[i] < 0x80) {
            *ret_value = value;
            *ret_size = i + 1;
            return CAIRN_OK;
        }
    }
    if (in.size < CAIRN_WIRE_VARINT_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, clause, "varint: does not end");
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "varint: longer than 64 bits");
}

/* One field as it lies on the wire. */
typedef struct wire_item {
    uint32_t number;
    unsigned type;
    uint64_t value;      /* of a varint */
    cairn_bytes content; /* of a length-delimited field */
} wire_item;

static cairn_err take_varint(cairn_bytes *rest, uint64_t *ret_value)
{
    size_t size = 0;
    CAIRN_TRY(cairn_wire_varint(*rest, ret_value, &size));
    *rest = cairn_bytes_of(rest->data + size, rest->size - size);
    return CAIRN_OK;
}

static cairn_err take_bytes(cairn_bytes *rest, uint64_t size, cairn_bytes *ret_content)
{
    if (size > rest->size)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, clause, "field: %llu bytes of %zu",
                          (unsigned long long)size, rest->size);
    *ret_content = cairn_bytes_of(rest->data, (size_t)size);
    *rest = cairn_bytes_of(rest->data + size, rest->size - (size_t)size);
    return CAIRN_OK;
}

static cairn_err take_item(cairn_bytes *rest, wire_item *item)
{
    uint64_t tag = 0;
    CAIRN_TRY(take_varint(rest, &tag));
    if (tag >> 3 == 0 || tag >> 3 > (1u << 29) - 1)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "field: number %llu",
                          (unsigned long long)(tag >> 3));
    item->number = (uint32_t)(tag >> 3);
    item->type = tag & 7;
    switch (item->type) {
    case WIRE_VARINT:
        return take_varint(rest, &item->value);
    case WIRE_FIXED64:
        return take_bytes(rest, 8, &item->content);
    case WIRE_LENGTH:
        CAIRN_TRY(take_varint(rest, &item->value));
        return take_bytes(rest, item->value, &item->content);
    case WIRE_FIXED32:
        return take_bytes(rest, 4, &item->content);
    default:
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, clause, "field %u: wire type %u", item->number,
                          item->type);
    }
}

static bool is_list(const cairn_wire_field *field)
{
    return field->kind == CAIRN_WIRE_BYTES_LIST || field->kind == CAIRN_WIRE_MESSAGE_LIST;
}

static size_t item_size(const cairn_wire_field *field)
{
    return field->kind == CAIRN_WIRE_BYTES_LIST ? sizeof(cairn_bytes) : field->message->size;
}

/* Place of field `number` in the table; `count` when it is not known. */
static size_t find_field(const cairn_wire_message *message, uint32_t number)
{
    size_t i = 0;
    while (i < message->count && message->fields[i].number != number)
        i++;
    return i;
}

/* Room for each list, as long as the input says. */
static cairn_err make_lists(cairn_arena *arena, const cairn_wire_message *message, cairn_bytes in,
                            uint8_t *record)
{
    size_t counts[CAIRN_WIRE_FIELDS_MAX] = {0};
    CAIRN_ASSERT(message->count <= CAIRN_WIRE_FIELDS_MAX);
    for (cairn_bytes rest = in; rest.size > 0;) {
        wire_item item;
        CAIRN_TRY(take_item(&rest, &item));
        size_t at = find_field(message, item.number);
        if (at < message->count && is_list(&message->fields[at]))
            counts[at]++;
    }
    for (size_t i = 0; i < message->count; i++) {
        const cairn_wire_field *field = &message->fields[i];
        if (counts[i] == 0)
            continue;
        cairn_wire_list *list = (void *)(record + field->offset);
        CAIRN_TRY(cairn_arena_array(arena, counts[i], item_size(field), &list->items));
        memset(list->items, 0, counts[i] * item_size(field));
        list->count = 0;
    }
    return CAIRN_OK;
}

static cairn_err read_number(const cairn_wire_field *field, uint64_t value, void *to)
{
    if (field->kind == CAIRN_WIRE_UINT32 && value > UINT32_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "field %u: above 32 bits", field->number);
    if (field->kind == CAIRN_WIRE_BOOL)
        *(bool *)to = value != 0;
    else
        *(uint64_t *)to = value; /* an int64_t has the same bits */
    return CAIRN_OK;
}

static cairn_err read_item(cairn_arena *arena, const cairn_wire_field *field, const wire_item *item,
                           uint8_t *record)
{
    bool number = field->kind <= CAIRN_WIRE_BOOL;
    void *to = record + field->offset;
    if (item->type != (number ? WIRE_VARINT : WIRE_LENGTH))
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, clause, "field %u: wire type %u", field->number,
                          item->type);
    if (number)
        return read_number(field, item->value, to);
    if (is_list(field)) {
        cairn_wire_list *list = to;
        to = (uint8_t *)list->items + list->count++ * item_size(field);
    }
    if (field->kind == CAIRN_WIRE_MESSAGE || field->kind == CAIRN_WIRE_MESSAGE_LIST)
        return cairn_wire_read(arena, field->message, item->content, to);
    *(cairn_bytes *)to = item->content;
    return CAIRN_OK;
}

/* As deep as the tables, which do not name themselves. */
cairn_err cairn_wire_read(cairn_arena *arena, const cairn_wire_message *message, cairn_bytes in,
                          void *record)
{
    uint32_t seen = 0;
    CAIRN_TRY(make_lists(arena, message, in, record));
    for (cairn_bytes rest = in; rest.size > 0;) {
        wire_item item;
        CAIRN_TRY(take_item(&rest, &item));
        size_t at = find_field(message, item.number);
        if (at == message->count)
            continue;
        if ((seen >> at & 1) != 0 && !is_list(&message->fields[at]))
            return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, clause, "%s: field %u twice", message->name,
                              item.number);
        seen |= UINT32_C(1) << at;
        CAIRN_TRY(read_item(arena, &message->fields[at], &item, record));
    }
    return CAIRN_OK;
}

cairn_err cairn_wire_read_oneof(cairn_bytes in, uint32_t *ret_number, cairn_bytes *ret_content)
{
    wire_item item = {0};
    cairn_bytes rest = in;
    if (in.size != 0)
        CAIRN_TRY(take_item(&rest, &item));
    if (in.size != 0 && item.type != WIRE_LENGTH)
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, clause, "field %u: wire type %u", item.number,
                          item.type);
    if (rest.size != 0)
        return CAIRN_FAIL(CAIRN_ERR_TRAILING, clause, "message: has more than one field");
    *ret_number = item.number;
    *ret_content = item.content;
    return CAIRN_OK;
}

/* --- writing --- */

void cairn_wire_writer_init(cairn_wire_writer *w, size_t size_max)
{
    *w = (cairn_wire_writer){.size_max = size_max};
}

void cairn_wire_writer_done(cairn_wire_writer *w)
{
    free(w->data);
    *w = (cairn_wire_writer){0};
}

void cairn_wire_writer_reset(cairn_wire_writer *w)
{
    w->size = 0;
    w->err = CAIRN_OK;
}

cairn_err cairn_wire_writer_end(const cairn_wire_writer *w, cairn_bytes *ret_message)
{
    if (w->err != CAIRN_OK)
        return CAIRN_FAIL(w->err, "house", "message: of more than %zu bytes, or without memory",
                          w->size_max);
    *ret_message = cairn_bytes_of(w->data, w->size);
    return CAIRN_OK;
}

/* Room for `size` bytes more at the end; false once that failed. */
static bool grow(cairn_wire_writer *w, size_t size)
{
    if (w->err != CAIRN_OK)
        return false;
    if (size > w->size_max - w->size) {
        w->err = CAIRN_ERR_TOO_LARGE;
        return false;
    }
    if (size <= w->capacity - w->size)
        return true;
    size_t capacity = w->capacity < 128 ? 256 : w->capacity * 2;
    if (capacity < w->size + size)
        capacity = w->size + size;
    uint8_t *grown = realloc(w->data, capacity);
    if (grown == NULL) {
        w->err = CAIRN_ERR_NO_MEMORY;
        return false;
    }
    w->data = grown;
    w->capacity = capacity;
    return true;
}

size_t cairn_wire_encode_varint(uint64_t value, uint8_t out[CAIRN_WIRE_VARINT_SIZE_MAX])
{
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        out[size++] = (uint8_t)(value | 0x80);
    out[size++] = (uint8_t)value;
    return size;
}

static void put_raw(cairn_wire_writer *w, const void *data, size_t size)
{
    if (size == 0 || !grow(w, size))
        return;
    memcpy(w->data + w->size, data, size);
    w->size += size;
}

static void put_varint(cairn_wire_writer *w, uint64_t value)
{
    uint8_t out[CAIRN_WIRE_VARINT_SIZE_MAX];
    put_raw(w, out, cairn_wire_encode_varint(value, out));
}

void cairn_wire_put_uint(cairn_wire_writer *w, uint32_t number, uint64_t value)
{
    if (value == 0)
        return;
    put_varint(w, (uint64_t)number << 3 | WIRE_VARINT);
    put_varint(w, value);
}

void cairn_wire_put_int(cairn_wire_writer *w, uint32_t number, int64_t value)
{
    cairn_wire_put_uint(w, number, (uint64_t)value);
}

void cairn_wire_put_item(cairn_wire_writer *w, uint32_t number, cairn_bytes value)
{
    put_varint(w, (uint64_t)number << 3 | WIRE_LENGTH);
    put_varint(w, value.size);
    put_raw(w, value.data, value.size);
}

void cairn_wire_put_bytes(cairn_wire_writer *w, uint32_t number, cairn_bytes value)
{
    if (value.size != 0)
        cairn_wire_put_item(w, number, value);
}

void cairn_wire_put_text(cairn_wire_writer *w, uint32_t number, const char *value)
{
    cairn_wire_put_bytes(w, number, cairn_bytes_str(value));
}

size_t cairn_wire_open_frame(cairn_wire_writer *w)
{
    return w->size;
}

size_t cairn_wire_open(cairn_wire_writer *w, uint32_t number)
{
    put_varint(w, (uint64_t)number << 3 | WIRE_LENGTH);
    return w->size;
}

/* The length goes in front of what was written since. */
void cairn_wire_close(cairn_wire_writer *w, size_t mark)
{
    uint8_t length[CAIRN_WIRE_VARINT_SIZE_MAX];
    size_t content = w->size - mark;
    size_t size = cairn_wire_encode_varint(content, length);
    if (!grow(w, size))
        return;
    memmove(w->data + mark + size, w->data + mark, content);
    memcpy(w->data + mark, length, size);
    w->size += size;
}
