/* What became of a transaction, found by its id alone: waiting, or in the record of the block that
 * decided it; and the proof that a block refused it. */
#include "ledger/log/merkle_walk.h"
#include "ledger/store/store_deliver.h"
#include "ledger/store/store_impl.h"

static const char clause[] = "docs/formats/block-record.md";

/* --- waiting --- */

static submission **chain_of(cairn_store *store, const cairn_hash *id)
{
    return &store->waiting[cairn_id_prefix(id) & (WAITING_CHAINS - 1)];
}

void cairn_store_waiting_add(submission *s)
{
    submission **chain = chain_of(s->ledger->store, &s->input.tx.id);
    s->next_waiting = *chain;
    *chain = s;
}

void cairn_store_waiting_remove(submission *s)
{
    submission **at = chain_of(s->ledger->store, &s->input.tx.id);
    while (*at != s)
        at = &(*at)->next_waiting;
    *at = s->next_waiting;
}

static bool is_waiting(store_ledger *ledger, const cairn_hash *id)
{
    cairn_store *store = ledger->store;
    const cairn_store_driver *driver = atomic_load(&ledger->driver);
    if (driver != NULL)
        return driver->is_pending(driver->context, id);
    pthread_mutex_lock(&store->lock);
    const submission *s = *chain_of(store, id);
    while (s != NULL && (s->ledger != ledger || !cairn_hash_equal(&s->input.tx.id, id)))
        s = s->next_waiting;
    pthread_mutex_unlock(&store->lock);
    return s != NULL;
}

/* --- decided --- */

/* Where the records may hold it. Memory is asked first: what is no longer there is in the index by
 * then. */
static cairn_err find_candidates(store_ledger *ledger, const cairn_hash *id,
                                 cairn_id_candidates *candidates)
{
    uint64_t prefix = cairn_id_prefix(id);
    cairn_kv_txn *txn = NULL;
    pthread_rwlock_rdlock(&ledger->tail_lock);
    cairn_id_table_find(&ledger->ids, prefix, candidates);
    cairn_id_table_find(&ledger->indexing_ids, prefix, candidates);
    pthread_rwlock_unlock(&ledger->tail_lock);
    CAIRN_TRY(cairn_kv_begin(ledger->store->kv, false, &txn));
    cairn_err err = cairn_id_runs_find(txn, TABLE_ID, ledger->slot, prefix, candidates);
    cairn_kv_abort(txn);
    return err;
}

static cairn_err read_candidate(store_ledger *ledger, uint64_t where, cairn_arena *arena,
                                cairn_block_record *ret_record, size_t *ret_place)
{
    uint64_t height = where >> CAIRN_ID_PLACE_BITS;
    size_t place = (size_t)(where & ((1u << CAIRN_ID_PLACE_BITS) - 1));
    block_place block;
    cairn_err err = cairn_store_find_height(ledger, height, &block);
    if (err == CAIRN_OK && block.height == height)
        err = cairn_store_read_block(ledger, &block, arena, ret_record);
    if (err == CAIRN_ERR_NOT_FOUND ||
        (err == CAIRN_OK && (block.height != height || place >= ret_record->transaction_count)))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.id: no place %zu at height %llu", place,
                          (unsigned long long)height);
    *ret_place = place;
    return err;
}

/* The record of the block that decided it, and its place in there. NOT_FOUND without a detail. */
static cairn_err find_decided(store_ledger *ledger, const cairn_hash *id, cairn_arena *arena,
                              cairn_block_record *ret_record, size_t *ret_place)
{
    cairn_id_candidates candidates = {0};
    CAIRN_TRY(find_candidates(ledger, id, &candidates));
    for (size_t i = 0; i < candidates.count; i++) {
        cairn_tx tx;
        CAIRN_TRY(read_candidate(ledger, candidates.where[i], arena, ret_record, ret_place));
        CAIRN_TRY(cairn_tx_decode(ret_record->transactions[*ret_place], &tx));
        if (cairn_hash_equal(&tx.id, id))
            return CAIRN_OK;
    }
    return CAIRN_ERR_NOT_FOUND;
}

/* How many refused ones lie before `place`, and the refusal there, or NULL. */
static size_t refusals_before(const cairn_block_record *record, size_t place,
                              const cairn_refusal **ret_refusal)
{
    size_t i = 0;
    while (i < record->refusal_count && record->refusals[i].place < place)
        i++;
    bool refused = i < record->refusal_count && record->refusals[i].place == place;
    *ret_refusal = refused ? &record->refusals[i] : NULL;
    return i;
}

static void describe(const cairn_block_record *record, size_t place, cairn_tx_status *ret_status)
{
    const cairn_refusal *refusal = NULL;
    size_t before = refusals_before(record, place, &refusal);
    *ret_status = (cairn_tx_status){
        .standing = refusal == NULL ? CAIRN_TX_ACCEPTED : CAIRN_TX_REFUSED,
        .code = refusal == NULL ? CAIRN_OK : refusal->code,
        .height = record->height,
        .time_ms = record->time_ms,
        .index = refusal == NULL ? record->entry.first + place - before : 0,
    };
}

cairn_err cairn_store_read_status(cairn_engine *engine, const cairn_hash *id,
                                  cairn_tx_status *ret_status)
{
    store_ledger *ledger = (store_ledger *)(void *)engine;
    cairn_block_record record;
    size_t place = 0;
    /* Before the rest: what is answered is in the records by then. */
    bool waiting = is_waiting(ledger, id);
    cairn_arena arena;
    cairn_arena_init(&arena, BLOCK_ARENA_SIZE_MAX);
    cairn_err err = find_decided(ledger, id, &arena, &record, &place);
    if (err == CAIRN_OK)
        describe(&record, place, ret_status);
    else if (err == CAIRN_ERR_NOT_FOUND)
        *ret_status = (cairn_tx_status){.standing = CAIRN_TX_UNKNOWN};
    cairn_arena_done(&arena);
    /* What was accepted stays so, also while the same bytes wait once more. */
    if (waiting && (err == CAIRN_ERR_NOT_FOUND ||
                    (err == CAIRN_OK && ret_status->standing != CAIRN_TX_ACCEPTED)))
        *ret_status = (cairn_tx_status){.standing = CAIRN_TX_PENDING};
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

/* --- proof of a refusal --- */

static cairn_err hash_refusals(cairn_arena *arena, const cairn_block_record *record,
                               cairn_hash **ret_leaves)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_array(arena, record->refusal_count, sizeof(cairn_hash), &memory));
    cairn_hash *leaves = memory;
    for (size_t i = 0; i < record->refusal_count; i++) {
        uint8_t leaf[CAIRN_RESULT_LEAF_SIZE];
        cairn_tx tx;
        CAIRN_TRY(cairn_tx_decode(record->transactions[record->refusals[i].place], &tx));
        cairn_result_leaf(&tx.id, record->refusals[i].code, leaf);
        cairn_merkle_leaf(cairn_bytes_of(leaf, sizeof leaf), &leaves[i]);
    }
    *ret_leaves = leaves;
    return CAIRN_OK;
}

static cairn_err find_path(cairn_arena *arena, const cairn_hash *leaves, size_t index, size_t count,
                           cairn_refusal_proof *proof)
{
    cairn_merkle_way way;
    void *memory = NULL;
    cairn_merkle_walk(index, index + 1, count, &way);
    CAIRN_TRY(cairn_arena_array(arena, way.count, sizeof(cairn_hash), &memory));
    cairn_hash *path = memory;
    for (size_t i = 0; i < way.count; i++) {
        const cairn_merkle_step *step = &way.steps[way.count - 1 - i];
        cairn_merkle_root(&leaves[step->start], (size_t)(step->end - step->start), &path[i]);
    }
    proof->index = index;
    proof->count = count;
    proof->path = path;
    proof->path_count = way.count;
    return CAIRN_OK;
}

static cairn_err prove(store_ledger *ledger, const cairn_hash *id, cairn_arena *arena,
                       cairn_refusal_proof *ret_proof)
{
    cairn_block_record record;
    size_t place = 0;
    const cairn_refusal *refusal = NULL;
    cairn_hash *leaves = NULL;
    cairn_err err = find_decided(ledger, id, arena, &record, &place);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, clause, "transaction: no block decided it");
    CAIRN_TRY(err);
    size_t index = refusals_before(&record, place, &refusal);
    if (refusal == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, clause, "transaction: was accepted at height %llu",
                          (unsigned long long)record.height);
    cairn_refusal_proof proof = {.id = *id,
                                 .code = refusal->code,
                                 .end.block_entry_raw = record.entry_bytes,
                                 .end.block_entry = record.entry};
    CAIRN_TRY(hash_refusals(arena, &record, &leaves));
    CAIRN_TRY(find_path(arena, leaves, index, record.refusal_count, &proof));
    if (cairn_refusal_proof_check(&proof) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                          "record: refusals of height %llu do not lead to its results root",
                          (unsigned long long)record.height);
    *ret_proof = proof;
    return CAIRN_OK;
}

cairn_err cairn_store_prove_refusal(cairn_engine *engine, const cairn_hash *id, cairn_arena *arena,
                                    cairn_refusal_proof *ret_proof)
{
    return prove((store_ledger *)(void *)engine, id, arena, ret_proof);
}
