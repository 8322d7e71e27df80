/* Which ledgers of the store are driven, and how far: the file `driven`.
 * Bytes: docs/formats/block-record.md, Driven ledgers. */
#include <stdlib.h>

#include "cairn/cbor.h"
#include "cairn/sha256.h"
#include "core/store/file.h"
#include "ledger/store/store_deliver.h"
#include "ledger/store/store_impl.h"

static const char clause[] = "docs/formats/block-record.md, Driven ledgers";
static const char magic[] = "cairn/driven/1";
static const char file_name[] = "driven";

enum {
    ROW_SIZE_MAX = 24, /* encoded */
    HEAD_SIZE_MAX = 64,
    DIGEST_SIZE = 2 + 32, /* encoded */
    FILE_SIZE_MAX = HEAD_SIZE_MAX + DIGEST_SIZE + CAIRN_STORE_LEDGERS_MAX * ROW_SIZE_MAX,
};

/* --- write --- */

static size_t driven_count(const cairn_store *store)
{
    size_t count = 0;
    for (size_t i = 0; i < store->ledger_count; i++)
        count += atomic_load(&store->ledgers[i]->driven);
    return count;
}

static void put_rows(cairn_cbor_writer *w, const cairn_store *store, size_t count)
{
    cairn_cbor_put_array(w, 3);
    cairn_cbor_put_text(w, magic);
    cairn_cbor_put_array(w, count);
    for (size_t i = 0; i < store->ledger_count; i++) {
        const store_ledger *ledger = store->ledgers[i];
        if (!atomic_load(&ledger->driven))
            continue;
        cairn_cbor_put_array(w, 3);
        cairn_cbor_put_uint(w, ledger->slot);
        cairn_cbor_put_uint(w, atomic_load(&ledger->delivered_height));
        cairn_cbor_put_uint(w, cairn_ledger_frontier(ledger->ledger)->size);
    }
}

static cairn_err write_file(cairn_store *store)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_cbor_writer w;
    cairn_bytes file;
    cairn_hash digest;
    void *out = NULL;
    size_t count = driven_count(store);
    size_t capacity = HEAD_SIZE_MAX + DIGEST_SIZE + count * ROW_SIZE_MAX;
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_arena_init(&arena, FILE_SIZE_MAX);
    CAIRN_TRY(cairn_path_join(store->directory, file_name, path));
    CAIRN_TRY(cairn_arena_alloc(&arena, capacity, &out));
    cairn_cbor_writer_init(&w, out, capacity);
    put_rows(&w, store, count);
    cairn_sha256_of(out, w.size, &digest);
    cairn_cbor_put_hash(&w, &digest);
    CAIRN_TRY(cairn_cbor_writer_end(&w, &file));
    CAIRN_TRY(cairn_file_replace(path, 0600, file, NULL));
    for (size_t i = 0; i < store->ledger_count; i++)
        store->ledgers[i]->marked_height = atomic_load(&store->ledgers[i]->delivered_height);
    return CAIRN_OK;
}

cairn_err cairn_store_mark_driven(cairn_store *store, uint64_t lag)
{
    bool due = false;
    for (size_t i = 0; i < store->ledger_count; i++) {
        const store_ledger *ledger = store->ledgers[i];
        uint64_t delivered = atomic_load(&ledger->delivered_height);
        due |= atomic_load(&ledger->driven) && delivered - ledger->marked_height > lag;
    }
    return due ? write_file(store) : CAIRN_OK;
}

static bool queue_is_empty(store_ledger *ledger)
{
    pthread_mutex_lock(&ledger->store->lock);
    bool empty = ledger->in_flight == 0;
    pthread_mutex_unlock(&ledger->store->lock);
    return empty;
}

/* The writer. The flag comes first: what is submitted from then on is refused. */
static cairn_err begin_to_drive(store_ledger *ledger)
{
    CAIRN_TRY(cairn_store_writable(ledger->store));
    atomic_store(&ledger->driven, true);
    cairn_err err = CAIRN_OK;
    if (!queue_is_empty(ledger))
        err = CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "ledger: transactions wait in its own queue");
    if (err == CAIRN_OK)
        err = cairn_store_sync_appended(ledger->store);
    uint64_t height = cairn_ledger_height(ledger->ledger);
    atomic_store(&ledger->delivered_height, height);
    atomic_store(&ledger->durable_height, height);
    if (err == CAIRN_OK)
        err = write_file(ledger->store);
    if (err != CAIRN_OK)
        atomic_store(&ledger->driven, false);
    return err;
}

cairn_err cairn_store_drive(cairn_engine *engine, const cairn_store_driver *driver)
{
    store_ledger *ledger = (store_ledger *)(void *)engine;
    cairn_err err = CAIRN_OK;
    pthread_mutex_lock(&ledger->store->write_lock);
    if (!atomic_load(&ledger->driven))
        err = begin_to_drive(ledger);
    if (err == CAIRN_OK)
        atomic_store(&ledger->driver, driver);
    pthread_mutex_unlock(&ledger->store->write_lock);
    return err;
}

bool cairn_store_is_driven(cairn_engine *engine)
{
    return atomic_load(&((store_ledger *)(void *)engine)->driven);
}

/* --- read --- */

/* A height that was marked counts when the log still holds what it held then: a block log that was
 * put back from an older copy does not. */
static void take_row(store_ledger *ledger, uint64_t delivered, uint64_t log_size)
{
    uint64_t height = cairn_ledger_height(ledger->ledger);
    bool holds = log_size <= cairn_ledger_frontier(ledger->ledger)->size;
    atomic_store(&ledger->driven, true);
    atomic_store(&ledger->durable_height, height);
    atomic_store(&ledger->delivered_height, holds && delivered > height ? delivered : height);
    ledger->marked_height = delivered;
}

static cairn_err read_rows(cairn_store *store, cairn_cbor_reader *r)
{
    size_t count = 0, three = 0;
    uint64_t slot = 0, next = 0, height = 0, size = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "driven", 3, 3, &three));
    CAIRN_TRY(cairn_cbor_read_magic(r, magic));
    CAIRN_TRY(cairn_cbor_read_array(r, "ledgers", 0, CAIRN_STORE_LEDGERS_MAX, &count));
    for (size_t i = 0; i < count; i++, next = slot + 1) {
        CAIRN_TRY(cairn_cbor_read_array(r, "ledger", 3, 3, &three));
        CAIRN_TRY(cairn_cbor_read_uint(r, "slot", next, CAIRN_STORE_LEDGERS_MAX - 1, &slot));
        CAIRN_TRY(cairn_cbor_read_uint(r, "height", 0, INT64_MAX, &height));
        CAIRN_TRY(cairn_cbor_read_uint(r, "log_size", 1, INT64_MAX, &size));
        if (slot >= store->ledger_count)
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "driven.slot: %llu of %zu",
                              (unsigned long long)slot, store->ledger_count);
        take_row(store->ledgers[slot], height, size);
    }
    return CAIRN_OK;
}

static cairn_err read_file(cairn_store *store, cairn_bytes file)
{
    cairn_cbor_reader r;
    cairn_hash stored;
    cairn_hash digest;
    CAIRN_TRY(cairn_cbor_open(&r, file, CAIRN_CBOR_STRICT, "driven", clause));
    CAIRN_TRY(read_rows(store, &r));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "digest", &stored));
    CAIRN_TRY(cairn_cbor_end(&r));
    cairn_sha256_of(file.data, file.size - DIGEST_SIZE, &digest);
    return cairn_hash_equal(&stored, &digest)
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "driven: has another digest");
}

cairn_err cairn_store_load_driven(cairn_store *store)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes file;
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_arena_init(&arena, FILE_SIZE_MAX + 1);
    CAIRN_TRY(cairn_path_join(store->directory, file_name, path));
    cairn_err err = cairn_file_read(&arena, path, FILE_SIZE_MAX, &file);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    if (err == CAIRN_OK)
        err = read_file(store, file);
    if (err == CAIRN_OK || err == CAIRN_ERR_NO_MEMORY || err <= CAIRN_ERR_IO)
        return err;
    return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "%s: %s", path, cairn_err_detail());
}
