/* Walks a table beside a map. */
#include "ledger/schema.h"

static cairn_err read_struct(cairn_arena *arena, const cairn_schema *schema, cairn_cbor_reader *r,
                             cairn_cbor_map *map, void *out);

/* A row: its only field bare, or an array of its fields. */
static cairn_err read_row(cairn_arena *arena, const cairn_schema_field *field, cairn_cbor_reader *r,
                          void *out)
{
    size_t count = 0;
    if (field->row->count > 1)
        CAIRN_TRY(
            cairn_cbor_read_array(r, field->name, field->row->count, field->row->count, &count));
    return read_struct(arena, field->row, r, NULL, out);
}

static cairn_err read_list(cairn_arena *arena, const cairn_schema_field *field,
                           cairn_cbor_reader *r, cairn_schema_list *ret_list)
{
    CAIRN_TRY(cairn_cbor_read_array(r, field->name, (size_t)field->min, (size_t)field->max,
                                    &ret_list->count));
    CAIRN_TRY(cairn_arena_array(arena, ret_list->count, field->row->size, &ret_list->rows));
    for (size_t i = 0; i < ret_list->count; i++)
        CAIRN_TRY(read_row(arena, field, r, (char *)ret_list->rows + i * field->row->size));
    return CAIRN_OK;
}

static cairn_err read_value(cairn_arena *arena, const cairn_schema_field *field,
                            cairn_cbor_reader *r, void *out)
{
    switch (field->kind) {
    case CAIRN_SCHEMA_UINT:
        return cairn_cbor_read_uint(r, field->name, field->min, field->max, out);
    case CAIRN_SCHEMA_BOOL:
        return cairn_cbor_read_bool(r, field->name, out);
    case CAIRN_SCHEMA_HASH:
        return cairn_cbor_read_hash(r, field->name, out);
    case CAIRN_SCHEMA_BYTES:
        return cairn_cbor_read_bytes(r, field->name, (size_t)field->min, (size_t)field->max, out);
    case CAIRN_SCHEMA_TEXT:
        return cairn_cbor_read_text(r, field->name, (size_t)field->min, (size_t)field->max, out);
    default:
        return read_list(arena, field, r, out);
    }
}

static const cairn_hash no_hash;

static void make_absent(const cairn_schema_field *field, void *place)
{
    if (field->kind == CAIRN_SCHEMA_UINT)
        *(uint64_t *)place = CAIRN_SCHEMA_ABSENT;
    else
        *(cairn_hash *)place = no_hash;
}

static bool is_absent(const cairn_schema_field *field, const void *place)
{
    if (!field->optional)
        return false;
    return field->kind == CAIRN_SCHEMA_UINT ? *(const uint64_t *)place == CAIRN_SCHEMA_ABSENT
                                            : cairn_hash_equal(place, &no_hash);
}

/* What stands for absence is not a value: there would be two encodings of one struct. */
static cairn_err check_present(const cairn_schema_field *field, const cairn_cbor_reader *r,
                               const void *place)
{
    if (is_absent(field, place))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, r->clause, "%s.%s: not a value", r->object,
                          field->name);
    return CAIRN_OK;
}

/* The fields in order, each behind its key when there is a map. */
static cairn_err read_struct(cairn_arena *arena, const cairn_schema *schema, cairn_cbor_reader *r,
                             cairn_cbor_map *map, void *out)
{
    for (size_t i = 0; i < schema->count; i++) {
        const cairn_schema_field *field = &schema->fields[i];
        void *place = (char *)out + field->offset;
        int64_t key = (int64_t)i + 1;
        bool present = true;
        if (field->optional) {
            make_absent(field, place);
            CAIRN_TRY(cairn_cbor_optional_key(r, map, key, &present));
        } else if (map != NULL) {
            CAIRN_TRY(cairn_cbor_key(r, map, key, field->name));
        }
        if (!present)
            continue;
        CAIRN_TRY(read_value(arena, field, r, place));
        CAIRN_TRY(check_present(field, r, place));
    }
    return CAIRN_OK;
}

cairn_err cairn_schema_read(cairn_arena *arena, const cairn_schema *schema,
                            cairn_cbor_reader *reader, void **ret_struct)
{
    cairn_cbor_map map;
    void *out = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, schema->size, &out));
    CAIRN_TRY(cairn_cbor_read_map(reader, "body", &map));
    CAIRN_TRY(read_struct(arena, schema, reader, &map, out));
    CAIRN_TRY(cairn_cbor_end_map(reader, &map));
    *ret_struct = out;
    return CAIRN_OK;
}

cairn_err cairn_schema_decode(cairn_arena *arena, const cairn_schema *schema, cairn_bytes in,
                              const char *object, const char *clause, void **ret_struct)
{
    cairn_cbor_reader r;
    void *out = NULL;
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, object, clause));
    CAIRN_TRY(cairn_schema_read(arena, schema, &r, &out));
    CAIRN_TRY(cairn_cbor_end(&r));
    *ret_struct = out;
    return CAIRN_OK;
}

static void put_value(cairn_cbor_writer *w, const cairn_schema_field *field, const void *in);

static void put_list(cairn_cbor_writer *w, const cairn_schema_field *field,
                     const cairn_schema_list *list)
{
    const cairn_schema *row = field->row;
    cairn_cbor_put_array(w, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const char *in = (const char *)list->rows + i * row->size;
        if (row->count > 1)
            cairn_cbor_put_array(w, row->count);
        for (size_t f = 0; f < row->count; f++)
            put_value(w, &row->fields[f], in + row->fields[f].offset);
    }
}

static void put_value(cairn_cbor_writer *w, const cairn_schema_field *field, const void *in)
{
    switch (field->kind) {
    case CAIRN_SCHEMA_UINT:
        cairn_cbor_put_uint(w, *(const uint64_t *)in);
        return;
    case CAIRN_SCHEMA_BOOL:
        cairn_cbor_put_bool(w, *(const bool *)in);
        return;
    case CAIRN_SCHEMA_HASH:
        cairn_cbor_put_hash(w, in);
        return;
    case CAIRN_SCHEMA_BYTES:
        cairn_cbor_put_bytes(w, *(const cairn_bytes *)in);
        return;
    case CAIRN_SCHEMA_TEXT:
        cairn_cbor_put_text_view(w, *(const cairn_bytes *)in);
        return;
    default:
        put_list(w, field, in);
    }
}

static void put_map(cairn_cbor_writer *w, const cairn_schema *schema, const char *in)
{
    size_t count = 0;
    for (size_t i = 0; i < schema->count; i++)
        count += !is_absent(&schema->fields[i], in + schema->fields[i].offset);
    cairn_cbor_put_map(w, count);
    for (size_t i = 0; i < schema->count; i++) {
        const char *place = in + schema->fields[i].offset;
        if (is_absent(&schema->fields[i], place))
            continue;
        cairn_cbor_put_uint(w, i + 1);
        put_value(w, &schema->fields[i], place);
    }
}

cairn_err cairn_schema_encode(cairn_arena *arena, const cairn_schema *schema, const void *in,
                              cairn_bytes *ret_encoded)
{
    cairn_cbor_writer w;
    void *buffer = NULL;
    cairn_cbor_writer_init(&w, NULL, 0); /* counts */
    put_map(&w, schema, in);
    size_t size = w.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &buffer));
    cairn_cbor_writer_init(&w, buffer, size);
    put_map(&w, schema, in);
    return cairn_cbor_writer_end(&w, ret_encoded);
}
