/* Records from a source: what is taken follows, block by block, and goes no further than it may.
 * The first byte says how long the log may be beyond its genesis. */
#include "fuzz/fuzz.h"

#include "support/ledger_memory.h"

#include "ledger/follow/batch.h"

static cairn_follow_place genesis_place(const memory_ledger *m)
{
    return (cairn_follow_place){.height = 0, .frontier = m->block.frontier};
}

static void check(const cairn_follow_batch *batch, const cairn_follow_place *before,
                  uint64_t size_max)
{
    cairn_log_frontier frontier = before->frontier;
    uint64_t height = before->height;
    size_t txs = 0;
    CAIRN_ASSERT(batch->block_count > 0 && batch->block_count <= CAIRN_FOLLOW_BLOCKS_MAX);
    for (size_t i = 0; i < batch->block_count; i++) {
        const cairn_block_record *record = &batch->blocks[i].record;
        CAIRN_ASSERT(record->height > height && record->entry.first == frontier.size);
        for (uint64_t k = 0; k <= record->entry.count; k++) {
            cairn_bytes entry;
            cairn_hash leaf;
            MEMORY_MUST(cairn_block_record_log_entry(record, k, &entry));
            cairn_merkle_leaf(entry, &leaf);
            cairn_log_frontier_append(&frontier, &leaf, NULL);
        }
        height = record->height;
        txs += record->transaction_count;
    }
    CAIRN_ASSERT(txs == batch->tx_count && height == batch->after.height);
    CAIRN_ASSERT(frontier.size == batch->after.frontier.size && frontier.size <= size_max);
    cairn_hash ours, theirs;
    cairn_log_frontier_root(&frontier, &ours);
    cairn_log_frontier_root(&batch->after.frontier, &theirs);
    CAIRN_ASSERT(cairn_hash_equal(&ours, &theirs));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static memory_ledger m;
    cairn_arena arena;
    cairn_follow_batch batch;
    cairn_bytes genesis;
    if (size == 0)
        return 0;
    if (m.ledger == NULL)
        memory_begin(&m, 1, NULL);
    const cairn_follow_place before = genesis_place(&m);
    cairn_bytes sequence = cairn_bytes_of(data + 1, size - 1);
    uint64_t size_max = before.frontier.size + data[0];
    cairn_arena_init(&arena, 1 << 26);
    if (cairn_follow_read(&arena, sequence, &before, size_max, &batch) == CAIRN_OK)
        check(&batch, &before, size_max);
    cairn_hash id = *cairn_ledger_get_id(m.ledger);
    if (cairn_follow_read_genesis(&arena, sequence, &id, &genesis) == CAIRN_OK) {
        cairn_hash again;
        cairn_ledger_id(genesis, &again);
        CAIRN_ASSERT(cairn_hash_equal(&again, &id));
    }
    cairn_arena_done(&arena);
    return 0;
}
