/* Runs of ids in LMDB. A chunk fills one page; its key holds its last row, so that one seek finds
 * the chunk that may hold a prefix. */
#include "ledger/store/id_runs.h"

#include <stdlib.h>

#include "core/store/crc32c.h"

static const char clause[] = "docs/formats/block-record.md";

enum {
    ROW_SIZE = 16,
    CHUNK_ROWS = 254, /* with the CRC and LMDB's header: a page of 4,096 bytes */
    CHUNK_KEY_SIZE = 4 + 8 + ROW_SIZE,
    RUN_SIZE = 16,     /* in the directory */
    RUNS_MAX = 100000, /* of one ledger: 2 * 10^10 ids */
};

typedef struct id_run {
    uint64_t height; /* its name */
    uint64_t count;  /* rows */
} id_run;

/* The runs of a ledger, rising by height. */
typedef struct id_directory {
    id_run *runs;
    size_t count;
} id_directory;

static void free_directory_p(id_directory *directory)
{
    free(directory->runs);
}

/* --- rows of LMDB: a CRC over key and content comes before the content --- */

static uint32_t crc_of(cairn_bytes key, const uint8_t *content, size_t size)
{
    return cairn_crc32c(cairn_crc32c(0, key.data, key.size), content, size);
}

static cairn_err put(cairn_kv_txn *txn, unsigned table, cairn_bytes key, uint8_t *value,
                     size_t size)
{
    cairn_put_u32(value, crc_of(key, value + 4, size - 4));
    return cairn_kv_put(txn, table, key, cairn_bytes_of(value, size));
}

static cairn_err check(cairn_bytes key, cairn_bytes value, size_t row_size)
{
    if (value.size < 4 || (value.size - 4) % row_size != 0 ||
        cairn_get_u32(value.data) != crc_of(key, value.data + 4, value.size - 4))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.id: row has a wrong CRC");
    return CAIRN_OK;
}

static cairn_bytes directory_key(uint32_t slot, uint8_t out[4])
{
    cairn_put_u32(out, slot);
    return cairn_bytes_of(out, 4);
}

static cairn_bytes chunk_key(uint32_t slot, uint64_t run, const cairn_id_row *last,
                             uint8_t out[CHUNK_KEY_SIZE])
{
    cairn_put_u32(out, slot);
    cairn_put_u64(out + 4, run);
    cairn_put_u64(out + 12, last->prefix);
    cairn_put_u64(out + 20, last->where);
    return cairn_bytes_of(out, CHUNK_KEY_SIZE);
}

/* --- directory --- */

/* With room for one more run. */
static cairn_err read_directory(cairn_kv_txn *txn, unsigned table, uint32_t slot,
                                id_directory *ret_directory)
{
    uint8_t buffer[4];
    cairn_bytes key = directory_key(slot, buffer);
    cairn_bytes value = {0};
    size_t count = 0;
    cairn_err err = cairn_kv_get(txn, table, key, &value);
    if (err == CAIRN_OK) {
        CAIRN_TRY(check(key, value, RUN_SIZE));
        count = (value.size - 4) / RUN_SIZE;
    } else if (err != CAIRN_ERR_NOT_FOUND) {
        return err;
    }
    id_run *runs = malloc((count + 1) * sizeof *runs);
    if (runs == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "index.id: %zu runs", count);
    for (size_t i = 0; i < count; i++)
        runs[i] = (id_run){.height = cairn_get_u64(value.data + 4 + i * RUN_SIZE),
                           .count = cairn_get_u64(value.data + 4 + i * RUN_SIZE + 8)};
    *ret_directory = (id_directory){.runs = runs, .count = count};
    return CAIRN_OK;
}

static cairn_err write_directory(cairn_kv_txn *txn, unsigned table, uint32_t slot,
                                 const id_directory *directory)
{
    uint8_t buffer[4];
    size_t size = 4 + directory->count * RUN_SIZE;
    uint8_t *value = malloc(size);
    if (value == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "index.id: %zu runs", directory->count);
    for (size_t i = 0; i < directory->count; i++) {
        cairn_put_u64(value + 4 + i * RUN_SIZE, directory->runs[i].height);
        cairn_put_u64(value + 4 + i * RUN_SIZE + 8, directory->runs[i].count);
    }
    cairn_err err = put(txn, table, directory_key(slot, buffer), value, size);
    free(value);
    return err;
}

/* --- runs --- */

static cairn_id_row row_at(cairn_bytes chunk, size_t i)
{
    const uint8_t *at = chunk.data + 4 + i * ROW_SIZE;
    return (cairn_id_row){.prefix = cairn_get_u64(at), .where = cairn_get_u64(at + 8)};
}

static cairn_err write_run(cairn_kv_txn *txn, unsigned table, uint32_t slot, uint64_t run,
                           const cairn_id_row *rows, size_t count)
{
    uint8_t value[4 + CHUNK_ROWS * ROW_SIZE];
    uint8_t key[CHUNK_KEY_SIZE];
    for (size_t done = 0; done < count;) {
        size_t some = count - done < CHUNK_ROWS ? count - done : CHUNK_ROWS;
        for (size_t i = 0; i < some; i++) {
            cairn_put_u64(value + 4 + i * ROW_SIZE, rows[done + i].prefix);
            cairn_put_u64(value + 4 + i * ROW_SIZE + 8, rows[done + i].where);
        }
        done += some;
        CAIRN_TRY(put(txn, table, chunk_key(slot, run, &rows[done - 1], key), value,
                      4 + some * ROW_SIZE));
    }
    return CAIRN_OK;
}

/* The first chunk of `run` that ends at or behind `from`. NOT_FOUND when the run ends before. */
static cairn_err seek_chunk(cairn_kv_cursor *cursor, uint32_t slot, uint64_t run,
                            const cairn_id_row *from, cairn_bytes *ret_key, cairn_bytes *ret_value)
{
    uint8_t key[CHUNK_KEY_SIZE];
    CAIRN_TRY(cairn_kv_cursor_seek(cursor, chunk_key(slot, run, from, key), ret_key, ret_value));
    if (ret_key->size != CHUNK_KEY_SIZE || memcmp(ret_key->data, key, 12) != 0)
        return CAIRN_ERR_NOT_FOUND;
    return check(*ret_key, *ret_value, ROW_SIZE);
}

/* Where the search goes on behind a chunk. */
static cairn_id_row after_chunk(cairn_bytes key)
{
    return (cairn_id_row){.prefix = cairn_get_u64(key.data + 12),
                          .where = cairn_get_u64(key.data + 20) + 1};
}

static cairn_err read_run(cairn_kv_cursor *cursor, uint32_t slot, const id_run *run,
                          cairn_id_row *ret_rows)
{
    cairn_id_row from = {0};
    size_t count = 0;
    for (;;) {
        cairn_bytes key, value;
        cairn_err err = seek_chunk(cursor, slot, run->height, &from, &key, &value);
        if (err == CAIRN_ERR_NOT_FOUND)
            break;
        CAIRN_TRY(err);
        size_t some = (value.size - 4) / ROW_SIZE;
        if (some > run->count - count)
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.id: run %llu has too many rows",
                              (unsigned long long)run->height);
        for (size_t i = 0; i < some; i++)
            ret_rows[count++] = row_at(value, i);
        from = after_chunk(key);
    }
    if (count != run->count)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.id: run %llu lacks rows",
                          (unsigned long long)run->height);
    return CAIRN_OK;
}

static cairn_err delete_run(cairn_kv_txn *txn, unsigned table, uint32_t slot,
                            const cairn_id_row *rows, const id_run *run)
{
    uint8_t key[CHUNK_KEY_SIZE];
    for (size_t done = 0; done < run->count;) {
        size_t some = run->count - done < CHUNK_ROWS ? run->count - done : CHUNK_ROWS;
        done += some;
        CAIRN_TRY(cairn_kv_delete(txn, table, chunk_key(slot, run->height, &rows[done - 1], key)));
    }
    return CAIRN_OK;
}

/* --- merging --- */

/* Runs of 8^n to 8^(n+1) rows are of one size. */
static unsigned size_of(uint64_t count)
{
    return (unsigned)(63 - __builtin_clzll(count | 1)) / 3;
}

/* How many of the newest runs become one: as many as are not larger than the newest one's size,
 * when they are CAIRN_ID_RUN_FANOUT at least; else 0. */
static size_t merge_count(const id_directory *directory)
{
    size_t count = 0;
    unsigned size = size_of(directory->runs[directory->count - 1].count);
    while (count < directory->count) {
        const id_run *run = &directory->runs[directory->count - 1 - count];
        if (size_of(run->count) > size || run->count >= CAIRN_ID_RUN_MERGE_MAX)
            break;
        count++;
    }
    return count >= CAIRN_ID_RUN_FANOUT ? count : 0;
}

static cairn_err merge_into(cairn_kv_txn *txn, unsigned table, uint32_t slot, const id_run *runs,
                            size_t count, cairn_id_row *rows, size_t row_count)
{
    cairn_kv_cursor *cursor = NULL;
    size_t done = 0;
    CAIRN_TRY(cairn_kv_cursor_open(txn, table, &cursor));
    cairn_err err = CAIRN_OK;
    for (size_t i = 0; err == CAIRN_OK && i < count; i++) {
        err = read_run(cursor, slot, &runs[i], &rows[done]);
        done += (size_t)runs[i].count;
    }
    cairn_kv_cursor_close(cursor);
    CAIRN_TRY(err);
    done = 0;
    for (size_t i = 0; i < count; i++) {
        CAIRN_TRY(delete_run(txn, table, slot, &rows[done], &runs[i]));
        done += (size_t)runs[i].count;
    }
    cairn_id_rows_sort(rows, row_count);
    return write_run(txn, table, slot, runs[count - 1].height, rows, row_count);
}

/* Makes one of the newest `count` runs. Short of memory they stay, and the next time is near. */
static cairn_err merge(cairn_kv_txn *txn, unsigned table, uint32_t slot, id_directory *directory,
                       size_t count, bool *ret_merged)
{
    id_run *first = &directory->runs[directory->count - count];
    id_run all = {.height = directory->runs[directory->count - 1].height};
    for (size_t i = 0; i < count; i++)
        all.count += first[i].count;
    cairn_id_row *rows = malloc((size_t)all.count * sizeof *rows);
    *ret_merged = rows != NULL;
    if (rows == NULL)
        return CAIRN_OK;
    cairn_err err = merge_into(txn, table, slot, first, count, rows, (size_t)all.count);
    free(rows);
    *first = all;
    directory->count -= count - 1;
    return err;
}

static cairn_err add(cairn_kv_txn *txn, unsigned table, uint32_t slot, const cairn_id_table *ids,
                     uint64_t height, id_directory *directory)
{
    cairn_id_row *rows = NULL;
    if (directory->count != 0 && directory->runs[directory->count - 1].height >= height)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.id: runs are ahead of the index");
    if (directory->count == RUNS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "index.id: %d runs", RUNS_MAX);
    CAIRN_TRY(cairn_id_table_sorted(ids, &rows));
    cairn_err err = write_run(txn, table, slot, height, rows, ids->used);
    free(rows);
    CAIRN_TRY(err);
    directory->runs[directory->count++] = (id_run){.height = height, .count = ids->used};
    bool merged = true;
    for (size_t count = merge_count(directory); merged && count != 0;
         count = merge_count(directory))
        CAIRN_TRY(merge(txn, table, slot, directory, count, &merged));
    return write_directory(txn, table, slot, directory);
}

cairn_err cairn_id_runs_add(cairn_kv_txn *txn, unsigned kv_table, uint32_t slot,
                            const cairn_id_table *table, uint64_t height)
{
    CAIRN_CLEANUP(free_directory_p) id_directory directory = {0};
    if (table->used == 0)
        return CAIRN_OK;
    CAIRN_TRY(read_directory(txn, kv_table, slot, &directory));
    return add(txn, kv_table, slot, table, height, &directory);
}

/* --- find --- */

/* The first row of the chunk that is not before `prefix`. */
static size_t lower_bound(cairn_bytes chunk, uint64_t prefix)
{
    size_t low = 0;
    size_t high = (chunk.size - 4) / ROW_SIZE;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (row_at(chunk, middle).prefix < prefix)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static cairn_err find_in_run(cairn_kv_cursor *cursor, uint32_t slot, uint64_t run, uint64_t prefix,
                             cairn_id_candidates *candidates)
{
    cairn_id_row from = {.prefix = prefix};
    for (;;) {
        cairn_bytes key, value;
        cairn_err err = seek_chunk(cursor, slot, run, &from, &key, &value);
        if (err == CAIRN_ERR_NOT_FOUND)
            return CAIRN_OK;
        CAIRN_TRY(err);
        size_t count = (value.size - 4) / ROW_SIZE;
        size_t i = lower_bound(value, prefix);
        for (; i < count && row_at(value, i).prefix == prefix; i++)
            cairn_id_candidates_add(candidates, row_at(value, i).where);
        if (i < count)
            return CAIRN_OK;
        from = after_chunk(key); /* the next one may begin with it too */
    }
}

cairn_err cairn_id_runs_find(cairn_kv_txn *txn, unsigned kv_table, uint32_t slot, uint64_t prefix,
                             cairn_id_candidates *candidates)
{
    CAIRN_CLEANUP(free_directory_p) id_directory directory = {0};
    cairn_kv_cursor *cursor = NULL;
    CAIRN_TRY(read_directory(txn, kv_table, slot, &directory));
    CAIRN_TRY(cairn_kv_cursor_open(txn, kv_table, &cursor));
    cairn_err err = CAIRN_OK;
    for (size_t i = directory.count; err == CAIRN_OK && i-- > 0;)
        err = find_in_run(cursor, slot, directory.runs[i].height, prefix, candidates);
    cairn_kv_cursor_close(cursor);
    return err;
}

/* --- check --- */

/* The rows of a chunk rise, from behind `last` on, and its key is its last row. */
static cairn_err check_chunk(cairn_bytes key, cairn_bytes value, cairn_id_row *last, bool first)
{
    size_t count = (value.size - 4) / ROW_SIZE;
    for (size_t i = 0; i < count; i++) {
        cairn_id_row row = row_at(value, i);
        bool rises =
            row.prefix > last->prefix || (row.prefix == last->prefix && row.where > last->where);
        if (!rises && !(first && i == 0))
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.id: rows do not rise");
        *last = row;
    }
    if (count == 0 || cairn_get_u64(key.data + 12) != last->prefix ||
        cairn_get_u64(key.data + 20) != last->where)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.id: a chunk has another key");
    return CAIRN_OK;
}

static cairn_err check_run(cairn_kv_cursor *cursor, uint32_t slot, const id_run *run)
{
    cairn_id_row from = {0};
    cairn_id_row last = {0};
    uint64_t count = 0;
    for (;;) {
        cairn_bytes key, value;
        cairn_err err = seek_chunk(cursor, slot, run->height, &from, &key, &value);
        if (err == CAIRN_ERR_NOT_FOUND)
            break;
        CAIRN_TRY(err);
        CAIRN_TRY(check_chunk(key, value, &last, count == 0));
        count += (value.size - 4) / ROW_SIZE;
        from = after_chunk(key);
    }
    return count == run->count
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.id: run %llu has %llu rows of %llu",
                            (unsigned long long)run->height, (unsigned long long)count,
                            (unsigned long long)run->count);
}

static uint64_t row_count(const id_directory *directory)
{
    uint64_t count = 0;
    for (size_t i = 0; i < directory->count; i++)
        count += directory->runs[i].count;
    return count;
}

cairn_err cairn_id_runs_check(cairn_kv_txn *txn, unsigned kv_table, uint32_t slot,
                              uint64_t *ret_count)
{
    CAIRN_CLEANUP(free_directory_p) id_directory directory = {0};
    cairn_kv_cursor *cursor = NULL;
    CAIRN_TRY(read_directory(txn, kv_table, slot, &directory));
    CAIRN_TRY(cairn_kv_cursor_open(txn, kv_table, &cursor));
    cairn_err err = CAIRN_OK;
    for (size_t i = 0; err == CAIRN_OK && i < directory.count; i++)
        err = check_run(cursor, slot, &directory.runs[i]);
    cairn_kv_cursor_close(cursor);
    CAIRN_TRY(err);
    *ret_count = row_count(&directory);
    return CAIRN_OK;
}

cairn_err cairn_id_runs_rows(cairn_kv_txn *txn, unsigned kv_table, uint32_t slot,
                             uint64_t *ret_count)
{
    CAIRN_CLEANUP(free_directory_p) id_directory directory = {0};
    CAIRN_TRY(read_directory(txn, kv_table, slot, &directory));
    *ret_count = row_count(&directory);
    return CAIRN_OK;
}

cairn_err cairn_id_runs_count(cairn_kv_txn *txn, unsigned kv_table, uint32_t slot,
                              size_t *ret_count)
{
    CAIRN_CLEANUP(free_directory_p) id_directory directory = {0};
    CAIRN_TRY(read_directory(txn, kv_table, slot, &directory));
    *ret_count = directory.count;
    return CAIRN_OK;
}
