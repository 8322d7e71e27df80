/* Recovery: the blocks after the index are applied again and must give what they gave the first
 * time. */
#include <stdlib.h>

#include "ledger/store/store_impl.h"

static const char clause[] = "docs/formats/block-record.md";

/* --- one block --- */

static cairn_err decode_inputs(cairn_arena *arena, const cairn_block_record *record,
                               cairn_tx_input **ret_inputs)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_array(arena, record->transaction_count, sizeof(cairn_tx_input), &memory));
    cairn_tx_input *inputs = memory;
    for (size_t i = 0; i < record->transaction_count; i++) {
        CAIRN_TRY(cairn_tx_decode(record->transactions[i], &inputs[i].tx));
        inputs[i].verified = true; /* before it was written; `log check` verifies again */
    }
    *ret_inputs = inputs;
    return CAIRN_OK;
}

static cairn_err compute(store_ledger *ledger, const cairn_block_record *record, cairn_arena *arena,
                         cairn_block *ret_block)
{
    store_bases bases;
    cairn_tx_input *inputs = NULL;
    if (record->height != 0)
        CAIRN_TRY(decode_inputs(arena, record, &inputs));
    CAIRN_TRY(cairn_store_bases_open(ledger, &bases));
    cairn_err err = CAIRN_OK;
    if (record->height == 0)
        err = cairn_ledger_begin(ledger->ledger, &bases.bases, record->transactions[0], arena,
                                 ret_block);
    else
        err = cairn_ledger_apply(ledger->ledger, &bases.bases, record->height, record->time_ms,
                                 inputs, record->transaction_count, arena, ret_block);
    cairn_store_bases_close(&bases);
    return err;
}

static cairn_err ledger_of(cairn_store *store, const cairn_block_record *record,
                           store_ledger **ret_ledger)
{
    if (record->height == 0)
        return cairn_store_add_ledger(store, record->slot, ret_ledger);
    if (record->slot >= store->ledger_count)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "record.slot: %u of %zu", record->slot,
                          store->ledger_count);
    *ret_ledger = store->ledgers[record->slot];
    return CAIRN_OK;
}

static cairn_err replay_block(cairn_store *store, uint64_t number, cairn_bytes payload,
                              cairn_arena *arena)
{
    cairn_block_record record;
    store_ledger *ledger = NULL;
    cairn_block block = {0};
    cairn_err err = cairn_block_record_decode(arena, payload, &record);
    if (err == CAIRN_ERR_BAD_VERSION) /* of its own format: the build is not to blame */
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "record %llu: %s", (unsigned long long)number,
                          cairn_err_detail());
    CAIRN_TRY(err);
    CAIRN_TRY(ledger_of(store, &record, &ledger));
    err = compute(ledger, &record, arena, &block);
    if (err == CAIRN_OK)
        err = cairn_block_record_compare(&record, &block);
    if (err == CAIRN_OK)
        err = cairn_store_install(ledger, &block, number);
    cairn_block_discard(&block);
    return err;
}

/* --- all of them --- */

static uint64_t dirty_count(const cairn_store *store)
{
    uint64_t count = 0;
    for (size_t i = 0; i < store->ledger_count; i++)
        count += cairn_ledger_dirty_count(store->ledgers[i]->ledger);
    return count;
}

/* Changes after which a replay writes the index. Large batches are faster while the map is small: a
 * batch touches no more pages than there are. In a large map nearly every change touches one of its
 * own, and liblmdb holds them in memory until the commit. */
static uint64_t batch_changes(const cairn_store *store)
{
    enum { SMALL_LOG = 4000000, SMALL_LOG_BATCHES = 4 };
    uint64_t entries = 0;
    for (size_t i = 0; i < store->ledger_count; i++)
        entries += cairn_ledger_frontier(store->ledgers[i]->ledger)->size;
    return store->options.checkpoint_changes * (entries < SMALL_LOG ? SMALL_LOG_BATCHES : 1);
}

/* A long replay indexes on its way, so that memory stays bounded. */
static cairn_err index_on_the_way(cairn_store *store, uint64_t replayed)
{
    checkpoint *cp = NULL;
    if (store->options.read_only || dirty_count(store) < batch_changes(store))
        return CAIRN_OK;
    uint64_t all = store->record_count;
    store->record_count = replayed;
    cairn_err err = cairn_store_checkpoint_capture(store, &cp);
    store->record_count = all;
    CAIRN_TRY(err);
    err = cairn_store_checkpoint_write(store, cp);
    if (err != CAIRN_OK) {
        cairn_store_checkpoint_free(cp);
        return err;
    }
    cairn_store_checkpoint_finish(store, cp);
    for (size_t i = 0; i < store->ledger_count; i++) {
        store_ledger *ledger = store->ledgers[i];
        CAIRN_TRY(cairn_ledger_clean(ledger->ledger, ledger->indexed_height, 0, 0));
        ledger->clean_slice = 1u << CLEAN_BITS;
    }
    return CAIRN_OK;
}

static cairn_err replay_all(cairn_store *store, cairn_block_log_cursor *cursor, cairn_arena *arena)
{
    uint64_t number = 0;
    cairn_bytes payload;
    for (;;) {
        cairn_err err = cairn_block_log_cursor_next(cursor, &number, &payload);
        if (err == CAIRN_ERR_NOT_FOUND)
            return CAIRN_OK;
        CAIRN_TRY(err);
        cairn_arena_reset(arena);
        err = replay_block(store, number, payload, arena);
        if (err != CAIRN_OK && err != CAIRN_ERR_BAD_VERSION &&
            err > CAIRN_ERR_IO) /* a complaint about bytes that we wrote ourselves */
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "record %llu: %s",
                              (unsigned long long)number, cairn_err_detail());
        CAIRN_TRY(err);
        CAIRN_TRY(index_on_the_way(store, number + 1));
    }
}

cairn_err cairn_store_replay(cairn_store *store)
{
    CAIRN_CLEANUP(cairn_block_log_cursor_close_p) cairn_block_log_cursor *cursor = NULL;
    cairn_arena arena;
    CAIRN_TRY(cairn_block_log_cursor_open(store->log, store->indexed_records, &cursor));
    cairn_arena_init(&arena, BLOCK_ARENA_SIZE_MAX);
    cairn_err err = replay_all(store, cursor, &arena);
    cairn_arena_done(&arena);
    return err;
}

/* --- the window of ids --- */

static cairn_err remember_block(void *context, const cairn_block_record *record)
{
    cairn_window *window = context;
    cairn_window_expire(window, record->time_ms);
    for (size_t i = 0; record->height != 0 && i < record->transaction_count; i++) {
        cairn_tx tx;
        CAIRN_TRY(cairn_tx_decode(record->transactions[i], &tx));
        CAIRN_TRY(cairn_window_add(window, tx.valid_until_ms, &tx.id, record->height));
    }
    return CAIRN_OK;
}

cairn_err cairn_store_rebuild_window(store_ledger *ledger, uint64_t window_height)
{
    return cairn_store_walk_blocks(ledger, window_height, cairn_ledger_height(ledger->ledger),
                                   remember_block, cairn_ledger_window(ledger->ledger));
}
