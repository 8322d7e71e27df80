/* Closed CBOR maps as data: one table says what a body or a record holds, and the same table reads
 * and writes it, so that the two never disagree. Keys are 1, 2, … in the order of the table.
 * Source: house (docs/formats/transaction.md, all bodies have a closed, bounded schema). */
#ifndef CAIRN_LEDGER_SCHEMA_H
#define CAIRN_LEDGER_SCHEMA_H

#include "cairn/arena.h"
#include "cairn/cbor.h"

typedef enum cairn_schema_kind {
    CAIRN_SCHEMA_UINT,  /* uint64_t of min to max */
    CAIRN_SCHEMA_BOOL,  /* bool */
    CAIRN_SCHEMA_HASH,  /* cairn_hash */
    CAIRN_SCHEMA_BYTES, /* cairn_bytes of min to max bytes, a view of the input */
    CAIRN_SCHEMA_TEXT,  /* the same, UTF-8 */
    CAIRN_SCHEMA_LIST,  /* cairn_schema_list of min to max rows */
} cairn_schema_kind;

/* What an optional number holds when it is absent; a hash holds zeros. */
#define CAIRN_SCHEMA_ABSENT UINT64_MAX

/* Rows of a list, in the arena: an array of the row's struct. */
typedef struct cairn_schema_list {
    size_t count;
    void *rows;
} cairn_schema_list;

typedef struct cairn_schema cairn_schema;

typedef struct cairn_schema_field {
    const char *name; /* in rejections */
    cairn_schema_kind kind;
    size_t offset; /* in the struct */
    uint64_t min, max;
    bool optional;           /* UINT and HASH */
    const cairn_schema *row; /* of a list: an array of its fields, or the one field bare */
} cairn_schema_field;

struct cairn_schema {
    const cairn_schema_field *fields;
    size_t count;
    size_t size; /* of the struct */
};

#define CAIRN_SCHEMA_OF(type, table)                                                         \
    {                                                                                        \
        .fields = (table), .count = sizeof(table) / sizeof((table)[0]), .size = sizeof(type) \
    }

/* Reads a whole map into a new struct in the arena. The reader was opened with the strict profile
 * and stands before the map. Errors: those of cbor.h. */
cairn_err cairn_schema_read(cairn_arena *arena, const cairn_schema *schema,
                            cairn_cbor_reader *reader, void **ret_struct) CAIRN_MUST_USE;

/* The same from the bytes of one map and nothing after it. `object` and `clause` are static. */
cairn_err cairn_schema_decode(cairn_arena *arena, const cairn_schema *schema, cairn_bytes in,
                              const char *object, const char *clause,
                              void **ret_struct) CAIRN_MUST_USE;

/* Encodes into the arena. What a struct holds outside its ranges is not looked for: reading it
 * again would refuse it. */
cairn_err cairn_schema_encode(cairn_arena *arena, const cairn_schema *schema, const void *in,
                              cairn_bytes *ret_encoded) CAIRN_MUST_USE;

#endif
