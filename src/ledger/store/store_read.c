/* Reads and proofs. Each opens a snapshot for its own time and holds nothing when it returns. */
#include "ledger/store/store_impl.h"

static const char clause[] = "docs/formats/block-record.md";

static store_ledger *of(cairn_engine *engine)
{
    return (store_ledger *)(void *)engine;
}

cairn_view *cairn_store_read_view(cairn_engine *engine)
{
    return cairn_ledger_view(of(engine)->ledger);
}

cairn_err cairn_store_read_get(cairn_engine *engine, const cairn_view *view, cairn_map_id map,
                               cairn_bytes key, cairn_arena *arena, cairn_bytes *ret_value)
{
    store_bases bases;
    CAIRN_TRY(cairn_store_bases_open(of(engine), &bases));
    cairn_err err = cairn_view_get(view, &bases.bases, map, key, arena, ret_value);
    cairn_store_bases_close(&bases);
    return err;
}

cairn_err cairn_store_read_prove(cairn_engine *engine, const cairn_view *view, cairn_map_id map,
                                 cairn_bytes key, cairn_arena *arena, cairn_smt_proof *ret_proof)
{
    store_bases bases;
    CAIRN_TRY(cairn_store_bases_open(of(engine), &bases));
    cairn_err err = cairn_smt_prove(view->maps[map], &bases.bases.map[map], key, arena, ret_proof);
    cairn_store_bases_close(&bases);
    return err;
}

cairn_err cairn_store_read_tile(void *engine, unsigned level, uint64_t tile, size_t count,
                                cairn_hash *ret_hashes)
{
    store_ledger *ledger = of(engine);
    if (level >= CAIRN_TILE_LEVEL_COUNT || count == 0 || count > CAIRN_TILE_WIDTH)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "C2SP tlog-tiles", "tile: level %u, %zu hashes",
                          level, count);
    pthread_rwlock_rdlock(&ledger->tail_lock);
    bool here = cairn_tail_read(&ledger->tail, level, tile, count, ret_hashes);
    pthread_rwlock_unlock(&ledger->tail_lock);
    if (here)
        return CAIRN_OK;
    return cairn_store_index_tile(ledger->store->kv, ledger->slot, level, tile, count, ret_hashes);
}

/* --- blocks --- */

enum wanted { BY_HEIGHT, BY_INDEX };

/* The first block in memory whose height or last index is not below `wanted`. It is certain when a
 * block before it is in memory too; otherwise the index may know an earlier one. */
static bool find_in_memory(store_ledger *ledger, enum wanted by, uint64_t wanted,
                           block_place *ret_place, bool *ret_certain)
{
    pthread_rwlock_rdlock(&ledger->tail_lock);
    size_t low = 0;
    size_t high = ledger->place_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const block_place *p = &ledger->places[middle];
        if ((by == BY_HEIGHT ? p->height : p->last_index) < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < ledger->place_count;
    if (found)
        *ret_place = ledger->places[low];
    *ret_certain = found && low > 0;
    pthread_rwlock_unlock(&ledger->tail_lock);
    return found;
}

/* Memory is asked first: what is no longer there is in the index by then. */
static cairn_err find_block(store_ledger *ledger, enum wanted by, uint64_t wanted,
                            block_place *ret_place)
{
    block_place place;
    bool certain = false;
    bool found = find_in_memory(ledger, by, wanted, &place, &certain);
    if (!certain) {
        cairn_kv *kv = ledger->store->kv;
        block_place indexed;
        cairn_err err = by == BY_HEIGHT
                            ? cairn_store_index_block_of(kv, ledger->slot, wanted, &indexed)
                            : cairn_store_index_block_at(kv, ledger->slot, wanted, &indexed);
        if (err == CAIRN_OK)
            place = indexed;
        else if (err != CAIRN_ERR_NOT_FOUND || !found)
            return err;
    }
    *ret_place = place;
    return CAIRN_OK;
}

cairn_err cairn_store_find_height(store_ledger *ledger, uint64_t height, block_place *ret_place)
{
    return find_block(ledger, BY_HEIGHT, height, ret_place);
}

static cairn_err read_payload(cairn_store *store, uint64_t number, cairn_arena *arena,
                              cairn_bytes *ret_payload)
{
    CAIRN_CLEANUP(cairn_recent_release_p)
    cairn_recent_record *recent = cairn_recent_get(&store->recent, number);
    if (recent != NULL)
        return cairn_arena_copy(arena, cairn_bytes_of(recent->payload, recent->size), ret_payload);
    return cairn_block_log_read(arena, store->log, number, ret_payload);
}

cairn_err cairn_store_read_block(store_ledger *ledger, const block_place *place, cairn_arena *arena,
                                 cairn_block_record *ret_record)
{
    cairn_bytes payload;
    cairn_block_record record;
    cairn_err err = read_payload(ledger->store, place->record, arena, &payload);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                          "index.block: record %llu is beyond the block log",
                          (unsigned long long)place->record);
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_block_record_decode(arena, payload, &record));
    if (record.slot != ledger->slot || record.height != place->height)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                          "index.block: record %llu is not that of height %llu",
                          (unsigned long long)place->record, (unsigned long long)place->height);
    *ret_record = record;
    return CAIRN_OK;
}

cairn_err cairn_store_read_entry(cairn_engine *engine, uint64_t index, cairn_arena *arena,
                                 cairn_bytes *ret_entry)
{
    store_ledger *ledger = of(engine);
    block_place place;
    cairn_block_record record;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_ledger_view(ledger->ledger);
    if (index >= view->log_size)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, clause, "log.index: %llu is beyond the log",
                          (unsigned long long)index);
    cairn_err err = find_block(ledger, BY_INDEX, index, &place);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.block: no block for entry %llu",
                          (unsigned long long)index);
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_store_read_block(ledger, &place, arena, &record));
    uint64_t first = cairn_block_record_first_index(&record);
    if (index < first || index > place.last_index ||
        place.last_index != record.entry.first + record.entry.count)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                          "index.block: record %llu does not hold entry %llu",
                          (unsigned long long)place.record, (unsigned long long)index);
    return cairn_block_record_log_entry(&record, index - first, ret_entry);
}

cairn_err cairn_store_check_first(store_ledger *ledger, uint64_t from,
                                  const cairn_block_record *record)
{
    block_place before;
    uint64_t first = cairn_block_record_first_index(record);
    if (record->height == from || first == 0)
        return CAIRN_OK;
    cairn_err err = find_block(ledger, BY_INDEX, first - 1, &before);
    if (err == CAIRN_ERR_NOT_FOUND || (err == CAIRN_OK && before.height >= from))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                          "index.height: a block is missing before height %llu",
                          (unsigned long long)record->height);
    return err;
}

cairn_err cairn_store_walk_blocks(store_ledger *ledger, uint64_t from, uint64_t to,
                                  cairn_err (*visit)(void *context,
                                                     const cairn_block_record *record),
                                  void *context)
{
    cairn_arena arena;
    cairn_arena_init(&arena, BLOCK_ARENA_SIZE_MAX);
    cairn_err err = CAIRN_OK;
    uint64_t next_index = 0; /* 0 before the first block */
    for (uint64_t height = from; err == CAIRN_OK && height <= to;) {
        block_place place = {0};
        cairn_block_record record;
        cairn_arena_reset(&arena);
        err = find_block(ledger, BY_HEIGHT, height, &place);
        if (err == CAIRN_ERR_NOT_FOUND)
            err = CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.height: no block from height %llu",
                             (unsigned long long)height);
        if (err == CAIRN_OK)
            err = cairn_store_read_block(ledger, &place, &arena, &record);
        if (err == CAIRN_OK && next_index == 0)
            err = cairn_store_check_first(ledger, from, &record);
        else if (err == CAIRN_OK && cairn_block_record_first_index(&record) != next_index)
            err = CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                             "index.height: a block is missing before height %llu",
                             (unsigned long long)record.height);
        if (err == CAIRN_OK) {
            next_index = record.entry.first + record.entry.count + 1;
            err = visit(context, &record);
        }
        height = place.height + 1;
    }
    cairn_arena_done(&arena);
    return err;
}

cairn_err cairn_store_each_block(cairn_store *store, size_t slot, uint64_t from,
                                 cairn_err (*visit)(void *context,
                                                    const cairn_block_record *record),
                                 void *context)
{
    cairn_engine *engine = cairn_store_ledger(store, slot);
    if (engine == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "store: has no ledger %zu", slot);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_store_read_view(engine);
    return cairn_store_walk_blocks(of(engine), from, view->height, visit, context);
}

cairn_err cairn_store_blocks(cairn_engine *engine, uint64_t from, uint64_t to,
                             cairn_err (*visit)(void *context, const cairn_block_record *record),
                             void *context)
{
    return cairn_store_walk_blocks(of(engine), from, to, visit, context);
}
