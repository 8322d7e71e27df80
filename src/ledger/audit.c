/* The pure ledger over a base that holds nothing: all of the state stays in memory. */
#include "ledger/audit.h"

#include <stdlib.h>

static const char clause[] = "docs/formats/block-entry.md";

enum { BLOCK_ARENA_SIZE_MAX = 512 << 20 };

struct cairn_audit {
    cairn_key_cache *keys;
    cairn_ledger *ledger;
    cairn_tail tail; /* never trimmed: all hashes of the log */
    cairn_arena arena;
    bool begun;
    uint64_t next_index;
    uint64_t block_count;
    uint64_t tx_count;
};

cairn_err cairn_audit_new(const cairn_features *features, cairn_audit **ret_audit)
{
    static const cairn_log_frontier empty = {0};
    cairn_audit *audit = calloc(1, sizeof *audit);
    if (audit == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "audit");
    cairn_arena_init(&audit->arena, BLOCK_ARENA_SIZE_MAX);
    cairn_tail_init(&audit->tail, &empty);
    cairn_err err = cairn_key_cache_new(4096, &audit->keys);
    if (err == CAIRN_OK)
        err = cairn_ledger_new(features, audit->keys, &audit->ledger);
    if (err != CAIRN_OK) {
        cairn_audit_free(audit);
        return err;
    }
    *ret_audit = audit;
    return CAIRN_OK;
}

void cairn_audit_free(cairn_audit *audit)
{
    if (audit == NULL)
        return;
    cairn_ledger_free(audit->ledger);
    cairn_key_cache_free(audit->keys);
    cairn_tail_done(&audit->tail);
    cairn_arena_done(&audit->arena);
    free(audit);
}

uint64_t cairn_audit_block_count(const cairn_audit *audit)
{
    return audit->block_count;
}

uint64_t cairn_audit_tx_count(const cairn_audit *audit)
{
    return audit->tx_count;
}

static cairn_err compute(cairn_audit *audit, const cairn_block_record *record,
                         cairn_block *ret_block)
{
    void *memory = NULL;
    if (!audit->begun)
        return cairn_ledger_begin(audit->ledger, &cairn_ledger_no_bases, record->transactions[0],
                                  &audit->arena, ret_block);
    CAIRN_TRY(cairn_arena_array(&audit->arena, record->transaction_count, sizeof(cairn_tx_input),
                                &memory));
    cairn_tx_input *inputs = memory;
    for (size_t i = 0; i < record->transaction_count; i++)
        CAIRN_TRY(cairn_tx_decode(record->transactions[i], &inputs[i].tx));
    return cairn_ledger_apply(audit->ledger, &cairn_ledger_no_bases, record->height,
                              record->time_ms, inputs, record->transaction_count, &audit->arena,
                              ret_block);
}

static cairn_err install(cairn_audit *audit, cairn_block *block)
{
    CAIRN_TRY(cairn_tail_reserve(&audit->tail, block->leaf_count));
    CAIRN_TRY(cairn_ledger_commit(audit->ledger, block));
    for (size_t i = 0; i < block->leaf_count; i++)
        cairn_tail_append(&audit->tail, &block->leaf_hashes[i]);
    audit->next_index += block->leaf_count;
    audit->block_count++;
    audit->tx_count += block->outcome.accepted_count;
    audit->begun = true;
    return CAIRN_OK;
}

static cairn_err audit_block(cairn_audit *audit, const cairn_block_record *record)
{
    cairn_block block = {0};
    if (audit->begun == (record->height == 0) ||
        cairn_block_record_first_index(record) != audit->next_index)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                          "block %llu: does not follow the one before it",
                          (unsigned long long)record->height);
    cairn_err err = compute(audit, record, &block);
    if (err == CAIRN_OK)
        err = cairn_block_record_compare(record, &block);
    if (err == CAIRN_OK)
        err = install(audit, &block);
    cairn_block_discard(&block);
    return err;
}

cairn_err cairn_audit_block(cairn_audit *audit, const cairn_block_record *record)
{
    cairn_arena_reset(&audit->arena);
    cairn_err err = audit_block(audit, record);
    if (err != CAIRN_OK && err > CAIRN_ERR_IO) /* a block that cannot have been accepted */
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "block %llu: %s",
                          (unsigned long long)record->height, cairn_err_detail());
    return err;
}

static cairn_err compare_level(cairn_audit *audit, cairn_engine *engine, uint64_t size,
                               unsigned level)
{
    const cairn_merkle_source source = cairn_engine_source(engine);
    uint64_t last = 0;
    size_t partial = cairn_tail_partial(size, level, &last);
    for (uint64_t tile = 0; tile <= last; tile++) {
        cairn_hash ours[CAIRN_TILE_WIDTH];
        cairn_hash theirs[CAIRN_TILE_WIDTH];
        size_t count = tile < last ? CAIRN_TILE_WIDTH : partial;
        if (count == 0)
            break;
        CAIRN_ASSERT(cairn_tail_read(&audit->tail, level, tile, count, ours));
        CAIRN_TRY(source.read_tile(source.context, level, tile, count, theirs));
        if (memcmp(ours, theirs, count * sizeof ours[0]) != 0)
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "C2SP tlog-tiles",
                              "tile/%u/%llu: stored hashes are others", level,
                              (unsigned long long)tile);
    }
    return CAIRN_OK;
}

cairn_err cairn_audit_compare(cairn_audit *audit, cairn_engine *engine, const cairn_view *view)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *ours = cairn_ledger_view(audit->ledger);
    if (ours == NULL || ours->log_size != view->log_size)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                          "log: %llu entries are served, the blocks hold %llu",
                          (unsigned long long)view->log_size,
                          (unsigned long long)(ours == NULL ? 0 : ours->log_size));
    if (!cairn_hash_equal(&ours->log_root, &view->log_root) ||
        !cairn_hash_equal(&ours->ledger, &view->ledger))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                          "log: the blocks give another root than is served");
    for (size_t m = 0; m < CAIRN_MAP_COUNT; m++)
        if (!cairn_hash_equal(cairn_smt_root(ours->maps[m]), cairn_smt_root(view->maps[m])))
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                              "map %zu: the blocks give another root than is served", m);
    for (unsigned level = 0; level < CAIRN_TILE_LEVEL_COUNT; level++)
        CAIRN_TRY(compare_level(audit, engine, view->log_size, level));
    return CAIRN_OK;
}
