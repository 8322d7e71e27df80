/* Protocol Buffers on the wire, as much of it as the consensus engine speaks.
 *
 * Messages are described by tables and read into structs without copying: bytes are views into the
 * input, lists lie in the arena. Unknown fields are passed over, as the format wants; a field that
 * is there twice, though it is no list, is refused, since readers differ about it. What is absent
 * keeps the value it had. Source: protobuf.dev, Encoding; docs/formats/abci.md. */
#ifndef CAIRN_LEDGER_CONSORTIUM_WIRE_H
#define CAIRN_LEDGER_CONSORTIUM_WIRE_H

#include "cairn/arena.h"

enum {
    CAIRN_WIRE_VARINT_SIZE_MAX = 10,
    CAIRN_WIRE_FIELDS_MAX = 32, /* of one table */
};

typedef enum cairn_wire_kind {
    CAIRN_WIRE_UINT,         /* uint64_t */
    CAIRN_WIRE_UINT32,       /* uint64_t, at most UINT32_MAX */
    CAIRN_WIRE_INT,          /* int64_t */
    CAIRN_WIRE_BOOL,         /* bool */
    CAIRN_WIRE_BYTES,        /* cairn_bytes, text too */
    CAIRN_WIRE_MESSAGE,      /* the struct of another table */
    CAIRN_WIRE_BYTES_LIST,   /* cairn_wire_list of cairn_bytes */
    CAIRN_WIRE_MESSAGE_LIST, /* cairn_wire_list of those structs */
} cairn_wire_kind;

typedef struct cairn_wire_message cairn_wire_message;

typedef struct cairn_wire_field {
    uint32_t number;
    cairn_wire_kind kind;
    size_t offset; /* in the struct */
    const cairn_wire_message *message;
} cairn_wire_field;

struct cairn_wire_message {
    const char *name;
    const cairn_wire_field *fields;
    size_t count;
    size_t size; /* of the struct */
};
#define CAIRN_WIRE_MESSAGE_OF(text, type, table)                                        \
    {                                                                                   \
        .name = (text), .fields = (table), .count = sizeof(table) / sizeof((table)[0]), \
        .size = sizeof(type)                                                            \
    }

typedef struct cairn_wire_list {
    void *items;
    size_t count;
} cairn_wire_list;

/* An unsigned LEB128 number at the front of `in`. TRUNCATED when it does not end, BAD_VALUE beyond
 * 64 bits. */
cairn_err cairn_wire_varint(cairn_bytes in, uint64_t *ret_value, size_t *ret_size) CAIRN_MUST_USE;

/* The other way; returns how many bytes. */
size_t cairn_wire_encode_varint(uint64_t value, uint8_t out[CAIRN_WIRE_VARINT_SIZE_MAX]);

/* Reads `in` into `record`, a zeroed struct of the table. TRUNCATED, WRONG_TYPE, BAD_VALUE,
 * DUPLICATE_KEY, NO_MEMORY; `record` is then half filled. */
cairn_err cairn_wire_read(cairn_arena *arena, const cairn_wire_message *message, cairn_bytes in,
                          void *record) CAIRN_MUST_USE;

/* The one field of a message that has exactly one, a message itself: its number and bytes. Number 0
 * for an empty message. */
cairn_err cairn_wire_read_oneof(cairn_bytes in, uint32_t *ret_number,
                                cairn_bytes *ret_content) CAIRN_MUST_USE;

/* Writer into memory of its own, which grows. An error stays: it is told by `end` alone. Values
 * that are zero or empty are left out, as proto3 does. */
typedef struct cairn_wire_writer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t size_max;
    cairn_err err;
} cairn_wire_writer;

void cairn_wire_writer_init(cairn_wire_writer *writer, size_t size_max);
void cairn_wire_writer_done(cairn_wire_writer *writer);
/* Empties it and keeps the memory. */
void cairn_wire_writer_reset(cairn_wire_writer *writer);
/* NO_MEMORY or TOO_LARGE when something did not fit. */
cairn_err cairn_wire_writer_end(const cairn_wire_writer *writer,
                                cairn_bytes *ret_message) CAIRN_MUST_USE;

void cairn_wire_put_uint(cairn_wire_writer *writer, uint32_t number, uint64_t value);
void cairn_wire_put_int(cairn_wire_writer *writer, uint32_t number, int64_t value);
void cairn_wire_put_bytes(cairn_wire_writer *writer, uint32_t number, cairn_bytes value);
void cairn_wire_put_text(cairn_wire_writer *writer, uint32_t number, const char *value);
/* An item of a list: written when it is empty, too. */
void cairn_wire_put_item(cairn_wire_writer *writer, uint32_t number, cairn_bytes value);

/* A message within: everything until `close`, which takes what `open` gave. */
size_t cairn_wire_open(cairn_wire_writer *writer, uint32_t number);
void cairn_wire_close(cairn_wire_writer *writer, size_t mark);
/* The same without a field's tag: what comes until `close` is preceded by its length. */
size_t cairn_wire_open_frame(cairn_wire_writer *writer);

#endif
