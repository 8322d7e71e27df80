/* Life of a store: open, create ledgers, step, close. */
#include "ledger/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/store/file.h"
#include "ledger/store/store_impl.h"

static const cairn_log_event rows[] = {
    {"store.read_only", CAIRN_LOG_ERROR, 4, 4,
     "The store takes nothing more until it is opened again."},
    {"store.recovered", CAIRN_LOG_INFO, 4, 60,
     "The store was opened and stands at its last block."},
    {"store.checkpoint", CAIRN_LOG_DEBUG, 4, 60, "The index was brought up to date."},
    {"store.full", CAIRN_LOG_ERROR, 4, 4,
     "The disk is full: the store takes nothing more until there is room."},
    {"store.room", CAIRN_LOG_INFO, 4, 4, "There is room again, and the store goes on."},
};
enum { EVENT_READ_ONLY, EVENT_RECOVERED, EVENT_CHECKPOINT, EVENT_FULL, EVENT_ROOM };

const cairn_log_table cairn_store_events = {.rows = rows, .count = sizeof rows / sizeof rows[0]};

void cairn_store_options_default(cairn_store_options *ret_options, const cairn_features *features)
{
    *ret_options = (cairn_store_options){
        .features = features,
        .clock = cairn_clock_system(),
        .queue_max = 65536,
        .queue_size_max = 256 << 20,
        .block_tx_max = 4096,
        .checkpoint_changes = 40000,
        .checkpoint_ms = 10000,
        .index_size_max = UINT64_C(256) << 30,
    };
}

/* --- failure --- */

cairn_err cairn_store_fail(cairn_store *store, cairn_err reason)
{
    cairn_err expected = CAIRN_OK;
    pthread_mutex_lock(&store->lock);
    if (atomic_load(&store->failed) == CAIRN_OK) {
        (void)snprintf(store->failed_detail, sizeof store->failed_detail, "%s: %s",
                       cairn_err_name(reason), cairn_err_detail());
        (void)atomic_compare_exchange_strong(&store->failed, &expected, reason);
        CAIRN_LOG(store->options.log, &rows[EVENT_READ_ONLY], cairn_log_err(reason));
    }
    pthread_mutex_unlock(&store->lock);
    return reason;
}

void cairn_store_log_full(cairn_store *store)
{
    CAIRN_LOG(store->options.log, &rows[EVENT_FULL], cairn_log_err(CAIRN_ERR_NO_SPACE));
}

void cairn_store_log_room(cairn_store *store)
{
    CAIRN_LOG(store->options.log, &rows[EVENT_ROOM],
              cairn_log_u64("times_full", atomic_load(&store->full_count)));
}

void cairn_store_health_get(cairn_store *store, cairn_store_health *ret_health)
{
    uint64_t indexed = atomic_load(&store->indexed_records); /* first: the other only grows */
    *ret_health = (cairn_store_health){.full = atomic_load(&store->full) != 0,
                                       .read_only = atomic_load(&store->failed) != CAIRN_OK,
                                       .filled = atomic_load(&store->full_count),
                                       .index_lag = cairn_block_log_count(store->log) - indexed};
}

cairn_err cairn_store_writable(cairn_store *store)
{
    if (store->options.read_only)
        return CAIRN_FAIL(CAIRN_ERR_READ_ONLY, "house", "store: was opened for reading");
    if (atomic_load(&store->failed) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_READ_ONLY, "house", "store: read-only after %s",
                          store->failed_detail);
    if (atomic_load(&store->full) != 0)
        return CAIRN_FAIL(CAIRN_ERR_NO_SPACE, "house", "store: waits for room on its disk");
    return CAIRN_OK;
}

static bool may_write(cairn_store *store)
{
    return !store->options.read_only && atomic_load(&store->failed) == CAIRN_OK &&
           atomic_load(&store->full) == 0;
}

/* --- ledgers --- */

static void free_ledger(store_ledger *ledger)
{
    if (ledger == NULL)
        return;
    cairn_ledger_free(ledger->ledger);
    cairn_tail_done(&ledger->tail);
    free(ledger->places);
    cairn_id_table_done(&ledger->ids);
    cairn_id_table_done(&ledger->indexing_ids);
    cairn_store_subscribers_free(ledger);
    pthread_mutex_destroy(&ledger->subscriber_lock);
    pthread_rwlock_destroy(&ledger->tail_lock);
    free(ledger);
}

static cairn_err grow_ledgers(cairn_store *store)
{
    if (store->ledger_count < store->ledger_capacity)
        return CAIRN_OK;
    size_t capacity = store->ledger_capacity == 0 ? 4 : store->ledger_capacity * 2;
    store_ledger **grown = malloc(capacity * sizeof *grown);
    if (grown == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "store: %zu ledgers", capacity);
    pthread_mutex_lock(&store->lock);
    if (store->ledger_count != 0)
        memcpy(grown, store->ledgers, store->ledger_count * sizeof *grown);
    store_ledger **old = store->ledgers;
    store->ledgers = grown;
    store->ledger_capacity = capacity;
    pthread_mutex_unlock(&store->lock);
    free(old);
    return CAIRN_OK;
}

/* A ledger that nobody sees yet; there is room to show it. */
static cairn_err new_ledger(cairn_store *store, store_ledger **ret_ledger)
{
    static const cairn_log_frontier empty = {0};
    if (store->ledger_count == CAIRN_STORE_LEDGERS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "store: at most %d ledgers",
                          CAIRN_STORE_LEDGERS_MAX);
    CAIRN_TRY(grow_ledgers(store));
    store_ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "store: ledger");
    ledger->engine.ops = &cairn_store_engine_ops;
    ledger->store = store;
    ledger->slot = (uint32_t)store->ledger_count;
    ledger->clean_slice = 1u << CLEAN_BITS; /* the index holds nothing to forget */
    pthread_rwlock_init(&ledger->tail_lock, NULL);
    pthread_mutex_init(&ledger->subscriber_lock, NULL);
    cairn_tail_init(&ledger->tail, &empty);
    cairn_err err = cairn_ledger_new(store->options.features, store->keys, &ledger->ledger);
    if (err != CAIRN_OK)
        free_ledger(ledger);
    else
        *ret_ledger = ledger;
    return err;
}

static void show_ledger(store_ledger *ledger)
{
    cairn_store *store = ledger->store;
    pthread_mutex_lock(&store->lock);
    store->ledgers[store->ledger_count++] = ledger;
    pthread_mutex_unlock(&store->lock);
}

cairn_err cairn_store_add_ledger(cairn_store *store, uint32_t slot, store_ledger **ret_ledger)
{
    if (slot != store->ledger_count)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/block-record.md",
                          "record.slot: %u where %zu is next", slot, store->ledger_count);
    CAIRN_TRY(new_ledger(store, ret_ledger));
    show_ledger(*ret_ledger);
    return CAIRN_OK;
}

size_t cairn_store_ledger_count(cairn_store *store)
{
    pthread_mutex_lock(&store->lock);
    size_t count = store->ledger_count;
    pthread_mutex_unlock(&store->lock);
    return count;
}

cairn_engine *cairn_store_ledger(cairn_store *store, size_t slot)
{
    pthread_mutex_lock(&store->lock);
    store_ledger *ledger = slot < store->ledger_count ? store->ledgers[slot] : NULL;
    pthread_mutex_unlock(&store->lock);
    return ledger == NULL ? NULL : &ledger->engine;
}

cairn_err cairn_store_bases_open(const store_ledger *ledger, store_bases *ret_bases)
{
    store_bases bases = {0};
    CAIRN_TRY(cairn_kv_begin(ledger->store->kv, false, &bases.txn));
    for (uint32_t m = 0; m < CAIRN_MAP_COUNT; m++) {
        cairn_err err = cairn_smt_kv_init(&bases.map[m], bases.txn, TABLE_STATE,
                                          ledger->slot * CAIRN_MAP_COUNT + m);
        if (err != CAIRN_OK) {
            cairn_store_bases_close(&bases);
            return err;
        }
    }
    *ret_bases = bases;
    for (size_t m = 0; m < CAIRN_MAP_COUNT; m++)
        ret_bases->bases.map[m] = cairn_smt_kv_base(&ret_bases->map[m]);
    return CAIRN_OK;
}

void cairn_store_bases_close(store_bases *bases)
{
    for (size_t m = 0; m < CAIRN_MAP_COUNT; m++)
        cairn_smt_kv_done(&bases->map[m]);
    cairn_kv_abort(bases->txn);
}

/* --- create --- */

static cairn_err check_new(cairn_store *store, cairn_bytes genesis)
{
    cairn_hash id;
    cairn_ledger_id(genesis, &id);
    for (size_t i = 0; i < store->ledger_count; i++)
        if (cairn_hash_equal(cairn_ledger_get_id(store->ledgers[i]->ledger), &id))
            return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "store: has a ledger with this genesis");
    return CAIRN_OK;
}

/* Writes block 0 and makes it durable. */
static cairn_err write_genesis(store_ledger *ledger, cairn_block *block, cairn_arena *arena,
                               uint64_t *ret_record)
{
    cairn_store *store = ledger->store;
    cairn_bytes record;
    CAIRN_TRY(cairn_block_record_encode(arena, ledger->slot, block, &record));
    CAIRN_TRY(cairn_store_append(store, record, ret_record));
    CAIRN_TRY(cairn_store_sync_appended(store));
    cairn_recent_add(&store->recent, *ret_record, ledger->slot, record);
    return CAIRN_OK;
}

static cairn_err begin_ledger(store_ledger *ledger, cairn_bytes genesis, cairn_arena *arena)
{
    store_bases bases;
    cairn_block block = {0};
    uint64_t record = 0;
    CAIRN_TRY(cairn_store_bases_open(ledger, &bases));
    cairn_err err = cairn_ledger_begin(ledger->ledger, &bases.bases, genesis, arena, &block);
    cairn_store_bases_close(&bases);
    CAIRN_TRY(err);
    err = write_genesis(ledger, &block, arena, &record);
    if (err == CAIRN_OK)
        err = cairn_store_install(ledger, &block, record);
    cairn_block_discard(&block);
    return err;
}

static cairn_err create(cairn_store *store, cairn_bytes genesis, cairn_engine **ret_engine)
{
    store_ledger *ledger = NULL;
    cairn_arena arena;
    CAIRN_TRY(cairn_store_writable(store));
    CAIRN_TRY(check_new(store, genesis));
    CAIRN_TRY(new_ledger(store, &ledger));
    cairn_arena_init(&arena, BLOCK_ARENA_SIZE_MAX);
    cairn_err err = begin_ledger(ledger, genesis, &arena);
    cairn_arena_done(&arena);
    if (err != CAIRN_OK) {
        free_ledger(ledger);
        return err;
    }
    show_ledger(ledger); /* now that it has a view for whoever looks */
    *ret_engine = &ledger->engine;
    return CAIRN_OK;
}

cairn_err cairn_store_create(cairn_store *store, cairn_bytes genesis, cairn_engine **ret_engine)
{
    pthread_mutex_lock(&store->write_lock);
    cairn_err err = create(store, genesis, ret_engine);
    pthread_mutex_unlock(&store->write_lock);
    return err;
}

/* --- work of the writer between blocks --- */

/* Lets each ledger forget one slice of what the index holds. Tells whether anything is left to
 * forget. */
static bool clean_some(cairn_store *store)
{
    bool more = false;
    for (size_t i = 0; i < store->ledger_count; i++) {
        store_ledger *ledger = store->ledgers[i];
        if (ledger->clean_slice >= 1u << CLEAN_BITS || ledger->delivery != NULL)
            continue; /* a computed block stands on the version that it was computed from */
        /* Short of memory: the slice keeps its records and the next checkpoint tries again. */
        (void)!cairn_ledger_clean(ledger->ledger, ledger->indexed_height, ledger->clean_slice,
                                  CLEAN_BITS);
        more |= ++ledger->clean_slice < 1u << CLEAN_BITS;
    }
    return more;
}

static bool checkpoint_is_due(cairn_store *store)
{
    uint64_t changes = 0;
    if (store->record_count == store->indexed_records || store->checkpointing ||
        store->unsynced != 0) /* the index is never ahead of its log */
        return false;
    uint64_t age_ns = cairn_clock_monotonic_ns(&store->options.clock) - store->last_checkpoint_ns;
    if (age_ns >= store->options.checkpoint_ms * 1000000)
        return true;
    for (size_t i = 0; i < store->ledger_count && changes < store->options.checkpoint_changes;
         i++) {
        const store_ledger *ledger = store->ledgers[i];
        if (ledger->clean_slice >= 1u << CLEAN_BITS || !ledger->indexed)
            changes += cairn_ledger_dirty_count(ledger->ledger);
    }
    return changes >= store->options.checkpoint_changes;
}

/* The one for which there was no room comes first: what it has captured is not captured again. */
static cairn_err checkpoint_now(cairn_store *store)
{
    CAIRN_TRY(cairn_store_sync_appended(store));
    checkpoint *cp = CAIRN_STEAL(store->stuck);
    if (cp == NULL)
        CAIRN_TRY(cairn_store_checkpoint_capture(store, &cp));
    store->last_checkpoint_ns = cairn_clock_monotonic_ns(&store->options.clock);
    if (cp == NULL)
        return CAIRN_OK;
    cairn_err err = cairn_store_index_write(store, cp);
    if (err == CAIRN_ERR_NO_SPACE) {
        store->stuck = CAIRN_STEAL(cp);
        store->room_tried_ns = store->last_checkpoint_ns;
    }
    if (err != CAIRN_OK) {
        cairn_store_checkpoint_free(cp);
        return err;
    }
    cairn_store_checkpoint_finish(store, cp);
    CAIRN_LOG(store->options.log, &rows[EVENT_CHECKPOINT],
              cairn_log_u64("records", store->indexed_records));
    return CAIRN_OK;
}

/* Takes back what the checkpointer wrote; with `wait`, until it has written. */
static void take_written(cairn_store *store, bool wait)
{
    pthread_mutex_lock(&store->lock);
    while (wait && store->checkpointing && store->done == NULL &&
           atomic_load(&store->failed) == CAIRN_OK && atomic_load(&store->full) == 0)
        pthread_cond_wait(&store->written, &store->lock);
    checkpoint *done = store->done;
    store->done = NULL;
    pthread_mutex_unlock(&store->lock);
    if (done == NULL)
        return;
    cairn_store_checkpoint_finish(store, done);
    store->checkpointing = false;
}

/* Without room: tries again, now and then, what there was no room for. */
static cairn_err tend_room(cairn_store *store)
{
    if (atomic_load(&store->full) == 0 || !cairn_store_room_due(store))
        return CAIRN_OK;
    store->room_tried_ns = cairn_clock_monotonic_ns(&store->options.clock);
    CAIRN_TRY(cairn_store_look_for_room(store));
    if (store->stuck == NULL)
        return CAIRN_OK;
    cairn_err err = checkpoint_now(store);
    return err == CAIRN_ERR_NO_SPACE ? CAIRN_OK : err;
}

/* Hands the checkpointer the next when it is due. */
static cairn_err tend_checkpoint(cairn_store *store)
{
    checkpoint *cp = NULL;
    take_written(store, false);
    if (!may_write(store) || !checkpoint_is_due(store))
        return CAIRN_OK;
    if (store->options.threads == 0)
        return checkpoint_now(store);
    CAIRN_TRY(cairn_store_checkpoint_capture(store, &cp));
    store->last_checkpoint_ns = cairn_clock_monotonic_ns(&store->options.clock);
    if (cp == NULL)
        return CAIRN_OK;
    store->checkpointing = true;
    pthread_mutex_lock(&store->lock);
    store->due = cp;
    pthread_cond_signal(&store->turn);
    pthread_mutex_unlock(&store->lock);
    return CAIRN_OK;
}

cairn_err cairn_store_turn(cairn_store *store, bool *ret_worked)
{
    pthread_mutex_lock(&store->write_lock);
    cairn_err err = cairn_store_cycle(store, ret_worked);
    /* How far a driven ledger is can be told again by whoever drives it. */
    if (may_write(store))
        (void)!cairn_store_mark_driven(store, MARK_LAG);
    cairn_err tended = tend_room(store);
    if (tended == CAIRN_OK)
        tended = tend_checkpoint(store);
    if (clean_some(store))
        *ret_worked = true;
    pthread_mutex_unlock(&store->write_lock);
    return err == CAIRN_OK ? tended : err;
}

cairn_err cairn_store_seal(cairn_store *store)
{
    pthread_mutex_lock(&store->write_lock);
    cairn_err err = CAIRN_OK;
    if ((!store->sealed || store->unsynced != 0) && may_write(store)) {
        err = cairn_store_sync_appended(store);
        if (err == CAIRN_OK)
            err = cairn_block_log_seal(store->log);
        store->sealed = err == CAIRN_OK;
        if (err != CAIRN_OK)
            err = cairn_store_log_refused(store, err);
    }
    pthread_mutex_unlock(&store->write_lock);
    return err;
}

cairn_err cairn_store_step(cairn_store *store, bool *ret_worked)
{
    CAIRN_ASSERT(store->options.threads == 0);
    cairn_arena arena;
    cairn_arena_init(&arena, CHECK_ARENA_SIZE_MAX);
    bool checked = false;
    for (submission *s = cairn_store_unchecked_pop(store); s != NULL;
         s = cairn_store_unchecked_pop(store)) {
        cairn_store_check_one(store, s, &arena);
        checked = true;
    }
    cairn_arena_done(&arena);
    bool worked = false;
    cairn_err err = cairn_store_turn(store, &worked);
    *ret_worked = worked || checked;
    return err;
}

cairn_err cairn_store_checkpoint(cairn_store *store)
{
    pthread_mutex_lock(&store->write_lock);
    take_written(store, true);
    /* Only now is it certain: the maps may lack a block that made the store fail. */
    cairn_err err = cairn_store_writable(store);
    if (err == CAIRN_OK && store->checkpointing) /* there was no room, and there is since */
        err = CAIRN_FAIL(CAIRN_ERR_NO_SPACE, "house", "store: waited for room on its disk");
    if (err == CAIRN_OK)
        err = checkpoint_now(store);
    pthread_mutex_unlock(&store->write_lock);
    return err;
}

/* --- open --- */

static cairn_err open_index(cairn_store *store, const char *directory)
{
    static const char *const tables[TABLE_COUNT] = {
        [TABLE_META] = "meta",   [TABLE_STATE] = "state",   [TABLE_TILE] = "tile",
        [TABLE_BLOCK] = "block", [TABLE_HEIGHT] = "height", [TABLE_ID] = "id",
    };
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/index", directory) >= sizeof path)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "store: path is too long");
    size_t size_max = store->options.index_size_max;
    cairn_err err = CAIRN_ERR_NOT_FOUND;
    if (store->options.read_only)
        err = cairn_kv_open_read(path, tables, TABLE_COUNT, size_max, &store->kv);
    if (err == CAIRN_ERR_NOT_FOUND)
        err = cairn_kv_open(path, tables, TABLE_COUNT, size_max, &store->kv);
    return err;
}

static cairn_err open_log(cairn_store *store, const char *directory)
{
    char path[4096];
    uint64_t records = 0;
    uint64_t ledgers = 0;
    if ((size_t)snprintf(path, sizeof path, "%s/blocks", directory) >= sizeof path)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "store: path is too long");
    CAIRN_TRY(cairn_store_index_records(store->kv, &records, &ledgers));
    const cairn_block_log_options options = {
        .segment_size = store->options.segment_size,
        .prepare_size = CAIRN_BLOCK_LOG_PREPARE_SIZE_DEFAULT,
        .acknowledged_count = records,
        .read_only = store->options.read_only,
        .log = store->options.log,
    };
    CAIRN_TRY(cairn_block_log_open(path, &options, &store->log));
    store->record_count = cairn_block_log_count(store->log);
    store->sealed = cairn_block_log_recovered(store->log)->sealed;
    return CAIRN_OK;
}

/* Readers share the directory, but for one that has to make the index. */
static cairn_err lock(cairn_store *store, const char *directory)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/index/data.mdb", directory) >= sizeof path)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "store: path is too long");
    bool alone = !store->options.read_only || access(path, F_OK) != 0;
    return cairn_dir_lock(directory, alone, &store->lock_fd);
}

static cairn_err recover(cairn_store *store, const char *directory)
{
    CAIRN_TRY(cairn_key_cache_new(4096, &store->keys));
    /* Before the index is looked at: its check takes a file for damaged that somebody is writing.
     */
    CAIRN_TRY(lock(store, directory));
    CAIRN_TRY(open_index(store, directory));
    CAIRN_TRY(open_log(store, directory));
    CAIRN_TRY(cairn_store_index_load(store));
    CAIRN_TRY(cairn_store_replay(store));
    CAIRN_TRY(cairn_store_load_driven(store));
    store->last_checkpoint_ns = cairn_clock_monotonic_ns(&store->options.clock);
    CAIRN_LOG(store->options.log, &rows[EVENT_RECOVERED],
              cairn_log_u64("ledgers", store->ledger_count),
              cairn_log_u64("records", store->record_count),
              cairn_log_u64("indexed", store->indexed_records));
    return CAIRN_OK;
}

/* The writer's pauses are measured by a clock that nobody sets. */
static void init_wake(pthread_cond_t *wake)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static cairn_store *new_store(const char *directory, const cairn_store_options *options)
{
    cairn_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    store->directory = strdup(directory);
    if (store->directory == NULL) {
        free(store);
        return NULL;
    }
    store->options = *options;
    store->lock_fd = -1;
    pthread_mutex_init(&store->lock, NULL);
    pthread_mutex_init(&store->write_lock, NULL);
    cairn_recent_init(&store->recent);
    pthread_cond_init(&store->work, NULL);
    init_wake(&store->wake);
    init_wake(&store->turn);
    pthread_cond_init(&store->written, NULL);
    pthread_cond_init(&store->verified, NULL);
    return store;
}

cairn_err cairn_store_open(const char *directory, const cairn_store_options *options,
                           cairn_store **ret_store)
{
    if (options->threads > CAIRN_STORE_THREADS_MAX || options->block_tx_max == 0 ||
        options->block_tx_max > CAIRN_BLOCK_TX_COUNT_MAX || options->queue_max == 0 ||
        options->queue_size_max < CAIRN_TX_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "store.options: out of range");
    cairn_store *store = new_store(directory, options);
    if (store == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "store");
    cairn_err err = recover(store, directory);
    if (err == CAIRN_OK && options->threads != 0)
        err = cairn_store_threads_start(store);
    if (err != CAIRN_OK) {
        cairn_store_free(store);
        return err;
    }
    *ret_store = store;
    return CAIRN_OK;
}

/* --- close --- */

/* What no thread has in hand yet. */
static void cancel_waiting(cairn_store *store)
{
    submission_queue waiting = {0};
    pthread_mutex_lock(&store->lock);
    store->stopping = true;
    for (submission *s = cairn_store_unchecked_pop(store); s != NULL;
         s = cairn_store_unchecked_pop(store))
        cairn_store_queue_push(&waiting, s);
    for (size_t i = 0; i < store->ledger_count; i++)
        cairn_store_queue_move(&store->ledgers[i]->ready, &waiting);
    pthread_mutex_unlock(&store->lock);
    cairn_store_queue_answer(&waiting, CAIRN_ERR_CANCELLED);
}

void cairn_store_free(cairn_store *store)
{
    if (store == NULL)
        return;
    cancel_waiting(store);
    cairn_store_threads_stop(store);
    cairn_store_checkpoint_free(store->due);
    cairn_store_checkpoint_free(store->stuck);
    cairn_store_checkpoint_free(store->done);
    for (size_t i = 0; i < store->ledger_count; i++)
        free_ledger(store->ledgers[i]);
    free(store->ledgers);
    cairn_block_log_free(store->log);
    cairn_kv_close(store->kv);
    cairn_file_close(store->lock_fd);
    cairn_key_cache_free(store->keys);
    cairn_recent_done(&store->recent);
    pthread_cond_destroy(&store->verified);
    pthread_cond_destroy(&store->written);
    pthread_cond_destroy(&store->turn);
    pthread_cond_destroy(&store->wake);
    pthread_cond_destroy(&store->work);
    pthread_mutex_destroy(&store->write_lock);
    pthread_mutex_destroy(&store->lock);
    free(store->directory);
    free(store);
}

/* Without threads now. A store without room looks once more. */
static cairn_err index_last(cairn_store *store)
{
    take_written(store, false);
    if (store->due != NULL)
        store->stuck = CAIRN_STEAL(store->due);
    CAIRN_TRY(cairn_store_look_for_room(store));
    if (store->stuck != NULL && atomic_load(&store->failed) == CAIRN_OK)
        CAIRN_TRY(checkpoint_now(store));
    CAIRN_TRY(cairn_store_writable(store));
    return checkpoint_now(store);
}

/* Decides what is queued, indexes what was decided, and seals. */
static cairn_err finish(cairn_store *store)
{
    bool worked = true;
    cairn_err err = CAIRN_OK;
    while (store->options.threads == 0 && worked)
        err = cairn_store_step(store, &worked);
    cairn_store_threads_stop(store);
    if (store->options.read_only)
        return err;
    pthread_mutex_lock(&store->write_lock);
    err = index_last(store);
    if (err == CAIRN_OK)
        err = cairn_store_mark_driven(store, 0);
    pthread_mutex_unlock(&store->write_lock);
    CAIRN_TRY(cairn_store_writable(store));
    cairn_err closed = cairn_block_log_close(store->log);
    store->log = NULL;
    return err == CAIRN_OK ? closed : err;
}

cairn_err cairn_store_close(cairn_store *store)
{
    if (store == NULL)
        return CAIRN_OK;
    cairn_err err = finish(store);
    cairn_store_free(store);
    return err;
}
