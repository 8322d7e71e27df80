/* From bytes to blocks that follow each other. */
#include "ledger/follow/batch.h"

#include "cairn/cbor.h"
#include "core/limits.h"
#include "core/store/block_log.h"

static const char clause[] = "docs/formats/block-record.md, Records for others";

/* --- the sequence --- */

/* Takes the next byte string off. */
static cairn_err next_item(cairn_bytes *rest, cairn_bytes *ret_item)
{
    size_t size = 0;
    cairn_cbor_reader r;
    CAIRN_TRY(cairn_cbor_item_size(*rest, CAIRN_CBOR_STRICT, "records", &size));
    CAIRN_TRY(cairn_cbor_open(&r, cairn_bytes_of(rest->data, size), CAIRN_CBOR_STRICT, "records",
                              clause));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "record", 1, CAIRN_BLOCK_LOG_PAYLOAD_SIZE_MAX, ret_item));
    *rest = cairn_bytes_of(rest->data + size, rest->size - size);
    return CAIRN_OK;
}

/* How many there are, so that their array is allocated once; what is beyond the bound waits. */
static cairn_err count_items(cairn_bytes sequence, size_t *ret_count)
{
    size_t count = 0;
    cairn_bytes item;
    while (sequence.size > 0 && count < CAIRN_FOLLOW_BLOCKS_MAX) {
        CAIRN_TRY(next_item(&sequence, &item));
        count++;
    }
    *ret_count = count;
    return CAIRN_OK;
}

static cairn_err decode(cairn_arena *arena, cairn_bytes item, cairn_block_record *ret_record)
{
    CAIRN_TRY(cairn_block_record_decode(arena, item, ret_record));
    if (ret_record->slot != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "record.slot: is not 0");
    return CAIRN_OK;
}

/* --- one block --- */

static cairn_err check_place(const cairn_follow_place *before, const cairn_block_record *record,
                             uint64_t size_max)
{
    const cairn_block_entry *e = &record->entry;
    if (record->height <= before->height || e->first != before->frontier.size)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "record.height: %llu, first %llu, does not follow height %llu, size %llu",
                          (unsigned long long)record->height, (unsigned long long)e->first,
                          (unsigned long long)before->height,
                          (unsigned long long)before->frontier.size);
    if (record->transaction_count == 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "record.transactions: none");
    if (e->count + 1 > size_max - e->first)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "record: block %llu lies across the checkpoint's end",
                          (unsigned long long)record->height);
    return CAIRN_OK;
}

static cairn_err decode_txs(cairn_arena *arena, cairn_follow_block *block)
{
    const cairn_block_record *record = &block->record;
    void *txs = NULL;
    void *decoded = NULL;
    CAIRN_TRY(cairn_arena_array(arena, record->transaction_count, sizeof(cairn_delivery_tx), &txs));
    CAIRN_TRY(cairn_arena_array(arena, record->transaction_count, sizeof(cairn_tx), &decoded));
    block->txs = txs;
    for (size_t i = 0; i < record->transaction_count; i++) {
        CAIRN_TRY(cairn_tx_decode(record->transactions[i], (cairn_tx *)decoded + i));
        block->txs[i] = (cairn_delivery_tx){.raw = record->transactions[i]};
    }
    block->decoded = decoded;
    return CAIRN_OK;
}

/* The refused transactions are in no log: results_root alone says that these are they. */
static cairn_err check_results(cairn_arena *arena, const cairn_follow_block *block)
{
    const cairn_block_record *record = &block->record;
    void *memory = NULL;
    cairn_hash root;
    CAIRN_TRY(cairn_arena_array(arena, record->refusal_count, sizeof(cairn_hash), &memory));
    cairn_hash *leaves = memory;
    for (size_t i = 0; i < record->refusal_count; i++) {
        uint8_t leaf[CAIRN_RESULT_LEAF_SIZE];
        const cairn_refusal *refusal = &record->refusals[i];
        cairn_result_leaf(&block->decoded[refusal->place].id, refusal->code, leaf);
        cairn_merkle_leaf(cairn_bytes_of(leaf, sizeof leaf), &leaves[i]);
    }
    cairn_merkle_root(leaves, record->refusal_count, &root);
    if (!cairn_hash_equal(&root, &record->entry.results_root))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                          "record.refused: does not give the results_root of height %llu",
                          (unsigned long long)record->height);
    return CAIRN_OK;
}

static void append_leaves(const cairn_follow_block *block, cairn_log_frontier *frontier)
{
    const cairn_block_record *record = &block->record;
    size_t refusal = 0;
    cairn_hash leaf;
    for (size_t i = 0; i < record->transaction_count; i++) {
        if (refusal < record->refusal_count && record->refusals[refusal].place == i) {
            refusal++;
            continue;
        }
        cairn_merkle_leaf(record->transactions[i], &leaf);
        cairn_log_frontier_append(frontier, &leaf, NULL);
    }
    cairn_merkle_leaf(record->entry_bytes, &leaf);
    cairn_log_frontier_append(frontier, &leaf, NULL);
}

/* --- all of them --- */

static cairn_err take_block(cairn_arena *arena, cairn_follow_batch *batch, uint64_t size_max)
{
    cairn_follow_block *block = &batch->blocks[batch->block_count];
    CAIRN_TRY(check_place(&batch->after, &block->record, size_max));
    CAIRN_TRY(decode_txs(arena, block));
    CAIRN_TRY(check_results(arena, block));
    append_leaves(block, &batch->after.frontier);
    batch->after.height = block->record.height;
    batch->tx_count += block->record.transaction_count;
    batch->block_count++;
    return CAIRN_OK;
}

cairn_err cairn_follow_read(cairn_arena *arena, cairn_bytes sequence,
                            const cairn_follow_place *before, uint64_t size_max,
                            cairn_follow_batch *ret_batch)
{
    cairn_follow_batch batch = {.after = *before};
    void *memory = NULL;
    size_t count = 0;
    CAIRN_TRY(count_items(sequence, &count));
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof(cairn_follow_block), &memory));
    batch.blocks = memory;
    while (batch.block_count < count && batch.after.frontier.size < size_max) {
        cairn_bytes item;
        CAIRN_TRY(next_item(&sequence, &item));
        CAIRN_TRY(decode(arena, item, &batch.blocks[batch.block_count].record));
        CAIRN_TRY(take_block(arena, &batch, size_max));
    }
    if (batch.block_count == 0)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "records: none");
    *ret_batch = batch;
    return CAIRN_OK;
}

cairn_err cairn_follow_read_genesis(cairn_arena *arena, cairn_bytes sequence,
                                    const cairn_hash *ledger, cairn_bytes *ret_genesis)
{
    cairn_bytes item;
    cairn_block_record record;
    cairn_hash id;
    if (sequence.size == 0)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "records: none");
    CAIRN_TRY(next_item(&sequence, &item));
    CAIRN_TRY(decode(arena, item, &record));
    if (record.height == 0)
        cairn_ledger_id(record.transactions[0], &id);
    if (record.height != 0 || !cairn_hash_equal(&id, ledger))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "records: begin with no genesis of it");
    *ret_genesis = record.transactions[0];
    return CAIRN_OK;
}

/* --- computed --- */

cairn_err cairn_follow_check_refused(const cairn_follow_block *block,
                                     const cairn_delivery *delivery)
{
    const cairn_block_record *record = &block->record;
    size_t count = 0;
    const cairn_delivery_result *results = cairn_delivery_results(delivery, &count);
    for (size_t i = 0; i < record->refusal_count; i++) {
        const cairn_delivery_result *result = &results[record->refusals[i].place];
        bool bad = result->code == CAIRN_ERR_BAD_SIGNATURE || result->code == CAIRN_ERR_HIGH_S;
        if (bad && !result->consumed) /* else it is a signature within its body that is bad */
            return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                              "record.transactions: a refused one of height %llu was altered",
                              (unsigned long long)record->height);
    }
    return CAIRN_OK;
}

const char *cairn_follow_difference(const cairn_block *block, const cairn_block_entry *signed_entry)
{
    const cairn_block_entry *e = &block->entry;
    if (!block->changed)
        return "nothing changes";
    if (e->height != signed_entry->height || e->time_ms != signed_entry->time_ms)
        return "height or time";
    if (e->first != signed_entry->first || e->count != signed_entry->count)
        return "accepted transactions";
    if (!cairn_hash_equal(&e->results_root, &signed_entry->results_root))
        return "results_root";
    if (!cairn_hash_equal(&e->state_root, &signed_entry->state_root))
        return "state_root";
    return cairn_hash_equal(&e->config_root, &signed_entry->config_root) ? NULL : "config_root";
}

/* Those of the record that are in the log. */
static cairn_err list_accepted(cairn_arena *arena, const cairn_follow_block *block,
                               cairn_delivery_tx **ret_txs, size_t *ret_count)
{
    const cairn_block_record *record = &block->record;
    void *memory = NULL;
    size_t refusal = 0, count = 0;
    CAIRN_TRY(
        cairn_arena_array(arena, record->transaction_count, sizeof(cairn_delivery_tx), &memory));
    cairn_delivery_tx *txs = memory;
    for (size_t i = 0; i < record->transaction_count; i++) {
        if (refusal < record->refusal_count && record->refusals[refusal].place == i)
            refusal++;
        else
            txs[count++] = block->txs[i];
    }
    *ret_txs = txs;
    *ret_count = count;
    return CAIRN_OK;
}

cairn_err cairn_follow_blame(cairn_engine *engine, const cairn_follow_block *block)
{
    enum { LIST_SIZE_MAX = 1 << 20 };
    const cairn_block_record *record = &block->record;
    cairn_block_entry wanted = record->entry;
    cairn_delivery_tx *txs = NULL;
    size_t count = 0;
    if (record->refusal_count == 0)
        return CAIRN_OK;
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    CAIRN_CLEANUP(cairn_delivery_free_p) cairn_delivery *delivery = NULL;
    cairn_arena_init(&arena, LIST_SIZE_MAX);
    CAIRN_TRY(list_accepted(&arena, block, &txs, &count));
    CAIRN_TRY(cairn_store_deliver(engine, record->height, record->time_ms, txs, count, &delivery));
    wanted.results_root = cairn_delivery_block(delivery)->entry.results_root;
    if (count != 0 && cairn_follow_difference(cairn_delivery_block(delivery), &wanted) != NULL)
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                      "record.refused: not where they were in the block of height %llu",
                      (unsigned long long)record->height);
}
