/* Rows of projections: key = u32 generation ‖ u8 table ‖ the row's own key. */
#include "core/jobs/projection.h"

#include <stdlib.h>

#include "core/jobs/jobs_impl.h"

struct cairn_projection_view {
    cairn_kv_txn *kv;
    cairn_kv_cursor *cursor; /* NULL until it is needed */
    jobs_build build;
};

typedef struct row_key {
    uint8_t data[CAIRN_KV_KEY_SIZE_MAX];
    size_t size;
} row_key;

_Static_assert(JOBS_ROW_PREFIX_SIZE + CAIRN_PROJECTION_KEY_SIZE_MAX + 1 <= CAIRN_KV_KEY_SIZE_MAX,
               "a row's key and the next one fit LMDB");

static void make_row_key(uint32_t generation, unsigned table, cairn_bytes key, row_key *ret_key)
{
    cairn_put_u32(ret_key->data, generation);
    ret_key->data[4] = (uint8_t)table;
    if (key.size > 0)
        memcpy(ret_key->data + JOBS_ROW_PREFIX_SIZE, key.data, key.size);
    ret_key->size = JOBS_ROW_PREFIX_SIZE + key.size;
}

static cairn_bytes view_of(const row_key *key)
{
    return cairn_bytes_of(key->data, key->size);
}

static bool begins_with(cairn_bytes key, cairn_bytes prefix)
{
    return key.size >= prefix.size &&
           cairn_bytes_equal(cairn_bytes_of(key.data, prefix.size), prefix);
}

cairn_err cairn_jobs_rows_next(cairn_kv_cursor *cursor, uint32_t generation, unsigned table,
                               cairn_bytes prefix, cairn_bytes after, cairn_bytes *ret_key,
                               cairn_bytes *ret_value)
{
    row_key from, wanted;
    cairn_bytes key, value;
    if (prefix.size > CAIRN_PROJECTION_KEY_SIZE_MAX || after.size > CAIRN_PROJECTION_KEY_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "projection: prefix or key is too long");
    bool behind = after.size > 0 && cairn_bytes_compare(after, prefix) >= 0;
    make_row_key(generation, table, behind ? after : prefix, &from);
    if (behind)
        from.data[from.size++] = 0; /* the least key above it */
    make_row_key(generation, table, prefix, &wanted);
    CAIRN_TRY(cairn_kv_cursor_seek(cursor, view_of(&from), &key, &value));
    if (!begins_with(key, view_of(&wanted)))
        return CAIRN_ERR_NOT_FOUND;
    *ret_key = cairn_bytes_of(key.data + JOBS_ROW_PREFIX_SIZE, key.size - JOBS_ROW_PREFIX_SIZE);
    *ret_value = value;
    return CAIRN_OK;
}

static cairn_err rows_get(cairn_kv_txn *kv, uint32_t generation, unsigned table, cairn_bytes key,
                          cairn_bytes *ret_value)
{
    row_key full;
    if (key.size < 1 || key.size > CAIRN_PROJECTION_KEY_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "projection: key of %zu bytes", key.size);
    make_row_key(generation, table, key, &full);
    return cairn_kv_get(kv, JOBS_ROWS, view_of(&full), ret_value);
}

/* --- writing --- */

static cairn_err count_change(cairn_projection_writer *writer, unsigned table, cairn_bytes key,
                              size_t value_size)
{
    const char *name = writer->projection->name;
    if (table >= writer->projection->table_count)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "%s: there is no table %u", name, table);
    if (key.size < 1 || key.size > CAIRN_PROJECTION_KEY_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "%s: key of %zu bytes", name, key.size);
    if (value_size > CAIRN_PROJECTION_VALUE_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "%s: value of %zu bytes", name, value_size);
    writer->written += key.size + value_size;
    if (++writer->changes > CAIRN_PROJECTION_CHANGES_MAX ||
        writer->written > JOBS_EVENT_WRITTEN_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "%s: one event changes too much", name);
    return CAIRN_OK;
}

cairn_err cairn_projection_put(cairn_projection_writer *writer, unsigned table, cairn_bytes key,
                               cairn_bytes value)
{
    row_key full;
    CAIRN_TRY(count_change(writer, table, key, value.size));
    make_row_key(writer->generation, table, key, &full);
    return cairn_kv_put(writer->kv, JOBS_ROWS, view_of(&full), value);
}

cairn_err cairn_projection_delete(cairn_projection_writer *writer, unsigned table, cairn_bytes key)
{
    row_key full;
    CAIRN_TRY(count_change(writer, table, key, 0));
    make_row_key(writer->generation, table, key, &full);
    return cairn_kv_delete(writer->kv, JOBS_ROWS, view_of(&full));
}

cairn_err cairn_projection_get(cairn_projection_writer *writer, unsigned table, cairn_bytes key,
                               cairn_bytes *ret_value)
{
    return rows_get(writer->kv, writer->generation, table, key, ret_value);
}

/* Same with a cursor of its own. */
static cairn_err next_once(cairn_kv_txn *kv, uint32_t generation, unsigned table,
                           cairn_bytes prefix, cairn_bytes after, cairn_bytes *ret_key,
                           cairn_bytes *ret_value)
{
    cairn_kv_cursor *cursor = NULL;
    CAIRN_TRY(cairn_kv_cursor_open(kv, JOBS_ROWS, &cursor));
    cairn_err err =
        cairn_jobs_rows_next(cursor, generation, table, prefix, after, ret_key, ret_value);
    cairn_kv_cursor_close(cursor);
    return err;
}

cairn_err cairn_projection_next(cairn_projection_writer *writer, unsigned table, cairn_bytes prefix,
                                cairn_bytes after, cairn_bytes *ret_key, cairn_bytes *ret_value)
{
    return next_once(writer->kv, writer->generation, table, prefix, after, ret_key, ret_value);
}

cairn_arena *cairn_projection_arena(cairn_projection_writer *writer)
{
    return writer->arena;
}

/* --- records of consumers: key = name ‖ 0x00 ‖ u32 slot --- */

static size_t make_consumer_key(const char *name, uint32_t slot,
                                uint8_t ret_key[CAIRN_JOBS_NAME_SIZE_MAX + 5])
{
    size_t size = strlen(name) + 1;
    memcpy(ret_key, name, size);
    cairn_put_u32(ret_key + size, slot);
    return size + 4;
}

cairn_err cairn_jobs_consumer_load(cairn_kv_txn *kv, const char *name, uint32_t slot,
                                   jobs_consumer_record *ret_record)
{
    uint8_t key[CAIRN_JOBS_NAME_SIZE_MAX + 5];
    cairn_bytes value;
    if (!cairn_jobs_is_name(name))
        return CAIRN_ERR_NOT_FOUND;
    size_t size = make_consumer_key(name, slot, key);
    CAIRN_TRY(cairn_kv_get(kv, JOBS_CONSUMERS, cairn_bytes_of(key, size), &value));
    return cairn_jobs_get_consumer(value, ret_record);
}

cairn_err cairn_jobs_consumer_store(cairn_kv_txn *kv, const char *name, uint32_t slot,
                                    const jobs_consumer_record *record)
{
    uint8_t key[CAIRN_JOBS_NAME_SIZE_MAX + 5];
    uint8_t value[JOBS_CONSUMER_RECORD_MAX];
    size_t key_size = make_consumer_key(name, slot, key);
    size_t value_size = cairn_jobs_put_consumer(record, value);
    return cairn_kv_put(kv, JOBS_CONSUMERS, cairn_bytes_of(key, key_size),
                        cairn_bytes_of(value, value_size));
}

const char *cairn_jobs_consumer_name(const jobs_consumer *consumer)
{
    return consumer->projection != NULL ? consumer->projection->name : consumer->reaction->name;
}

/* --- reading --- */

static cairn_err find_served(cairn_kv_txn *kv, const char *projection, uint32_t slot,
                             jobs_build *ret_build)
{
    jobs_consumer_record record;
    cairn_err err = cairn_jobs_consumer_load(kv, projection, slot, &record);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "projection: not of this ledger");
    CAIRN_TRY(err);
    if (!record.builds[JOBS_SERVING].present)
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "projection: is being built");
    *ret_build = record.builds[JOBS_SERVING];
    return CAIRN_OK;
}

cairn_err cairn_projection_view_open(cairn_jobs *jobs, const char *projection, uint32_t slot,
                                     cairn_projection_view **ret_view)
{
    CAIRN_CLEANUP(cairn_projection_view_close_p)
    cairn_projection_view *view = calloc(1, sizeof *view);
    if (view == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "projection: view");
    CAIRN_TRY(cairn_kv_begin(jobs->kv, false, &view->kv));
    CAIRN_TRY(find_served(view->kv, projection, slot, &view->build));
    *ret_view = CAIRN_STEAL(view);
    return CAIRN_OK;
}

void cairn_projection_view_close(cairn_projection_view *view)
{
    if (view == NULL)
        return;
    cairn_kv_cursor_close(view->cursor);
    cairn_kv_abort(view->kv);
    free(view);
}

uint32_t cairn_projection_view_version(const cairn_projection_view *view)
{
    return view->build.version;
}

cairn_cursor cairn_projection_view_position(const cairn_projection_view *view)
{
    return view->build.position;
}

cairn_err cairn_projection_view_get(cairn_projection_view *view, unsigned table, cairn_bytes key,
                                    cairn_bytes *ret_value)
{
    return rows_get(view->kv, view->build.generation, table, key, ret_value);
}

cairn_err cairn_projection_view_next(cairn_projection_view *view, unsigned table,
                                     cairn_bytes prefix, cairn_bytes after, cairn_bytes *ret_key,
                                     cairn_bytes *ret_value)
{
    if (view->cursor == NULL)
        CAIRN_TRY(cairn_kv_cursor_open(view->kv, JOBS_ROWS, &view->cursor));
    return cairn_jobs_rows_next(view->cursor, view->build.generation, table, prefix, after, ret_key,
                                ret_value);
}

cairn_err cairn_jobs_txn_next(cairn_jobs_txn *txn, const char *projection, uint32_t slot,
                              unsigned table, cairn_bytes prefix, cairn_bytes after,
                              cairn_bytes *ret_key, cairn_bytes *ret_value)
{
    jobs_build build;
    CAIRN_TRY(find_served(txn->kv, projection, slot, &build));
    return next_once(txn->kv, build.generation, table, prefix, after, ret_key, ret_value);
}

cairn_err cairn_jobs_txn_get(cairn_jobs_txn *txn, const char *projection, uint32_t slot,
                             unsigned table, cairn_bytes key, cairn_bytes *ret_value)
{
    jobs_build build;
    CAIRN_TRY(find_served(txn->kv, projection, slot, &build));
    return rows_get(txn->kv, build.generation, table, key, ret_value);
}
