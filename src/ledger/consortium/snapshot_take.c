/* How a member that joins takes a snapshot: chunk by chunk, verified, computed, and on disk. */
#include "ledger/consortium/snapshot.h"

static const char clause[] = "docs/formats/snapshot.md";

enum { CHUNK_ARENA_SIZE_MAX = 512 << 20 };

/* What is in the signed log was verified by those who signed it; the rest is not in it. */
static void trust_accepted(const cairn_follow_block *block)
{
    const cairn_block_record *record = &block->record;
    for (size_t i = 0; i < record->transaction_count; i++)
        block->txs[i].verified = true;
    for (size_t i = 0; i < record->refusal_count; i++)
        block->txs[record->refusals[i].place].verified = false;
}

/* What became of a block that is not what was signed: another sender may have it as it was, unless
 * it was signed so. */
static cairn_err judge(cairn_engine *engine, const cairn_follow_block *block, const char *other,
                       cairn_snapshot_verdict *ret_verdict)
{
    cairn_err err = cairn_follow_blame(engine, block);
    if (err != CAIRN_OK && err != CAIRN_ERR_MISMATCH)
        return err;
    *ret_verdict = err == CAIRN_OK ? CAIRN_SNAPSHOT_ABORT : CAIRN_SNAPSHOT_RETRY;
    if (err == CAIRN_OK)
        (void)!CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                          "snapshot: signed block %llu does not compute: %s",
                          (unsigned long long)block->record.height, other);
    return CAIRN_OK;
}

/* One block, or why it does not become one. */
static cairn_err take_block(cairn_engine *engine, const cairn_follow_block *block,
                            cairn_snapshot_verdict *ret_verdict)
{
    CAIRN_CLEANUP(cairn_delivery_free_p) cairn_delivery *delivery = NULL;
    const cairn_block_record *record = &block->record;
    trust_accepted(block);
    cairn_err err = cairn_store_deliver(engine, record->height, record->time_ms, block->txs,
                                        record->transaction_count, &delivery);
    *ret_verdict = CAIRN_SNAPSHOT_ABORT;
    if (err == CAIRN_ERR_ARGUMENT) /* a height or time that goes back was signed */
        return CAIRN_OK;
    CAIRN_TRY(err);
    if (cairn_follow_check_refused(block, delivery) != CAIRN_OK) {
        *ret_verdict = CAIRN_SNAPSHOT_RETRY;
        return CAIRN_OK;
    }
    const char *other = cairn_follow_difference(cairn_delivery_block(delivery), &record->entry);
    if (other != NULL) {
        cairn_delivery_free(CAIRN_STEAL(delivery));
        return judge(engine, block, other, ret_verdict);
    }
    *ret_verdict = CAIRN_SNAPSHOT_TAKEN;
    return cairn_store_adopt(delivery);
}

/* The blocks that the ledger lacks of a verified chunk. */
static cairn_err take_blocks(cairn_engine *engine, const cairn_follow_batch *batch,
                             uint64_t log_size, cairn_snapshot_verdict *ret_verdict)
{
    *ret_verdict = CAIRN_SNAPSHOT_TAKEN;
    for (size_t i = 0; i < batch->block_count && *ret_verdict == CAIRN_SNAPSHOT_TAKEN; i++)
        if (batch->blocks[i].record.entry.first >= log_size)
            CAIRN_TRY(take_block(engine, &batch->blocks[i], ret_verdict));
    return CAIRN_OK;
}

static cairn_err take(cairn_engine *engine, const cairn_snapshot *snapshot, size_t index,
                      cairn_bytes chunk, cairn_arena *arena, cairn_snapshot_verdict *ret_verdict)
{
    cairn_follow_batch batch;
    cairn_log_frontier frontier;
    const cairn_merkle_source source = cairn_engine_source(engine);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    uint64_t begin = cairn_snapshot_chunk_begin(snapshot, index);
    *ret_verdict = begin > view->log_size ? CAIRN_SNAPSHOT_RESTART : CAIRN_SNAPSHOT_TAKEN;
    if (begin > view->log_size)
        (void)!CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "snapshot: chunks before this one");
    if (begin > view->log_size || snapshot->ends[index] <= view->log_size)
        return CAIRN_OK;
    CAIRN_TRY(cairn_merkle_source_frontier(&source, begin, &frontier));
    cairn_err err = cairn_snapshot_chunk_decode(arena, snapshot, index, &frontier, chunk, &batch);
    if (err == CAIRN_ERR_NO_MEMORY)
        return err;
    if (err != CAIRN_OK) {
        *ret_verdict = CAIRN_SNAPSHOT_RETRY;
        return CAIRN_OK;
    }
    return take_blocks(engine, &batch, view->log_size, ret_verdict);
}

cairn_err cairn_snapshot_take(cairn_store *store, cairn_engine *engine,
                              const cairn_snapshot *snapshot, size_t index, cairn_bytes chunk,
                              cairn_snapshot_verdict *ret_verdict)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    CAIRN_ASSERT(index < snapshot->chunk_count);
    cairn_arena_init(&arena, CHUNK_ARENA_SIZE_MAX);
    CAIRN_TRY(take(engine, snapshot, index, chunk, &arena, ret_verdict));
    return *ret_verdict == CAIRN_SNAPSHOT_TAKEN ? cairn_store_sync(store) : CAIRN_OK;
}
