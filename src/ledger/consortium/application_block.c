/* From the proposal of a block to its commit. */
#include "cairn/sha256.h"
#include "core/limits.h"
#include "ledger/consortium/application_impl.h"

static const char clause[] = "docs/formats/abci.md";

enum { PROPOSAL_ACCEPT = 1, PROPOSAL_REJECT = 2, VOTE_COMMIT = 2 };

static const cairn_bytes *txs_of(const cairn_abci_block *block)
{
    return block->txs.items;
}

/* --- ids of one block --- */

/* A set of ids, for one block. */
typedef struct id_set {
    cairn_hash *ids;
    size_t capacity; /* a power of two, over twice as many as are put in */
} id_set;

static cairn_err make_set(cairn_arena *arena, size_t count, id_set *ret_set)
{
    size_t capacity = 16;
    void *memory = NULL;
    while (capacity <= 2 * count)
        capacity *= 2;
    CAIRN_TRY(cairn_arena_array(arena, capacity, sizeof(cairn_hash), &memory));
    memset(memory, 0, capacity * sizeof(cairn_hash));
    *ret_set = (id_set){.ids = memory, .capacity = capacity};
    return CAIRN_OK;
}

/* False when it was there. No id is all zeros. */
static bool put_id(id_set *set, const cairn_hash *id)
{
    static const cairn_hash none = {0};
    size_t at = (size_t)cairn_get_u64(id->b) & (set->capacity - 1);
    for (; !cairn_hash_equal(&set->ids[at], &none); at = (at + 1) & (set->capacity - 1))
        if (cairn_hash_equal(&set->ids[at], id))
            return false;
    set->ids[at] = *id;
    return true;
}

/* --- a proposal of ours --- */

/* Bytes of a transaction in the engine's list: a tag, its length, itself. */
static size_t size_in_block(cairn_bytes tx)
{
    size_t size = 2 + tx.size;
    for (size_t rest = tx.size; rest >= 0x80; rest >>= 7)
        size++;
    return size;
}

/* Is the block's time so old that what is valid by our clock would be refused in it? The engine
 * takes it from the votes for the block before; an empty block brings it forward. */
static bool lags(const cairn_application *app, const cairn_abci_block *block)
{
    uint64_t time_ms = 0;
    uint64_t now_ms = cairn_clock_wall_ms(&app->options.clock);
    return cairn_abci_time_ms(&block->time, &time_ms) != CAIRN_OK ||
           (now_ms > time_ms && now_ms - time_ms > CAIRN_PROPOSAL_LAG_MAX_MS);
}

/* Whose it is; where the pool does not know, the signing key stands for its organisation. */
static cairn_hash owner_of(cairn_application *app, const cairn_tx *tx)
{
    pthread_mutex_lock(&app->pool_lock);
    const cairn_pool_entry *entry = cairn_pool_find(&app->pool, &tx->id);
    cairn_hash org = entry == NULL ? tx->kid : entry->org;
    pthread_mutex_unlock(&app->pool_lock);
    return org;
}

/* Those that decode, as items; `place` is where each lies in the request. Of two with one id, for
 * which a client has signed twice, the first. */
static cairn_err list_items(cairn_application *app, const cairn_abci_block *block,
                            cairn_arena *arena, cairn_share_item **ret_items, size_t **ret_places,
                            size_t *ret_count)
{
    void *items = NULL, *places = NULL;
    id_set seen;
    size_t count = 0;
    CAIRN_TRY(make_set(arena, block->txs.count, &seen));
    CAIRN_TRY(cairn_arena_array(arena, block->txs.count, sizeof(cairn_share_item), &items));
    CAIRN_TRY(cairn_arena_array(arena, block->txs.count, sizeof(size_t), &places));
    *ret_items = items;
    *ret_places = places;
    for (size_t i = 0; i < block->txs.count; i++) {
        cairn_tx tx;
        if (cairn_tx_decode(txs_of(block)[i], &tx) != CAIRN_OK || !put_id(&seen, &tx.id))
            continue;
        (*ret_items)[count] =
            (cairn_share_item){.org = owner_of(app, &tx), .size = size_in_block(tx.raw)};
        (*ret_places)[count++] = i;
    }
    *ret_count = count;
    return CAIRN_OK;
}

static size_t block_size_max(const cairn_abci_block *block)
{
    int64_t max = block->max_tx_bytes;
    if (max < 0)
        return 0;
    return max > CAIRN_BLOCK_SIZE_MAX ? (size_t)CAIRN_BLOCK_SIZE_MAX : (size_t)max;
}

cairn_err cairn_application_prepare(cairn_application *app, const cairn_abci_block *block,
                                    cairn_arena *arena, cairn_wire_writer *out)
{
    cairn_share_item *items = NULL;
    size_t *places = NULL;
    size_t *chosen = NULL;
    size_t count = 0;
    if (!lags(app, block)) {
        CAIRN_TRY(list_items(app, block, arena, &items, &places, &count));
        CAIRN_TRY(cairn_share_block(arena, items, count, CAIRN_BLOCK_TX_COUNT_MAX,
                                    block_size_max(block), &chosen, &count));
    }
    cairn_abci_answer answer = cairn_abci_begin(out, CAIRN_ABCI_PREPARE);
    for (size_t i = 0; i < count; i++)
        cairn_wire_put_item(out, 1, txs_of(block)[places[chosen[i]]]);
    cairn_abci_end(&answer);
    return CAIRN_OK;
}

/* --- a proposal of anybody's --- */

/* Every member comes to the same answer, from the block's bytes alone. */
static cairn_err judge(const cairn_abci_block *block, cairn_arena *arena, bool *ret_good)
{
    id_set seen;
    size_t bytes = 0;
    uint64_t time_ms = 0;
    *ret_good = false;
    if (block->txs.count > CAIRN_BLOCK_TX_COUNT_MAX ||
        cairn_abci_time_ms(&block->time, &time_ms) != CAIRN_OK)
        return CAIRN_OK;
    CAIRN_TRY(make_set(arena, block->txs.count, &seen));
    for (size_t i = 0; i < block->txs.count; i++) {
        cairn_tx tx;
        if (cairn_tx_decode(txs_of(block)[i], &tx) != CAIRN_OK || !put_id(&seen, &tx.id))
            return CAIRN_OK;
        bytes += tx.raw.size;
    }
    *ret_good = bytes <= CAIRN_BLOCK_SIZE_MAX;
    return CAIRN_OK;
}

cairn_err cairn_application_process(cairn_application *app, const cairn_abci_block *block,
                                    cairn_arena *arena, cairn_wire_writer *out)
{
    (void)app;
    bool good = false;
    CAIRN_TRY(judge(block, arena, &good));
    cairn_abci_answer answer = cairn_abci_begin(out, CAIRN_ABCI_PROCESS);
    cairn_wire_put_uint(out, 1, good ? PROPOSAL_ACCEPT : PROPOSAL_REJECT);
    cairn_abci_end(&answer);
    return CAIRN_OK;
}

/* --- a decided block --- */

static cairn_err list_txs(cairn_application *app, const cairn_abci_block *block, cairn_arena *arena,
                          cairn_delivery_tx **ret_txs)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_array(arena, block->txs.count, sizeof(cairn_delivery_tx), &memory));
    cairn_delivery_tx *txs = memory;
    for (size_t i = 0; i < block->txs.count; i++) {
        cairn_hash hash;
        cairn_bytes raw = txs_of(block)[i];
        cairn_sha256_of(raw.data, raw.size, &hash);
        txs[i] =
            (cairn_delivery_tx){.raw = raw, .verified = cairn_verified_has(app->verified, &hash)};
    }
    *ret_txs = txs;
    return CAIRN_OK;
}

/* Who signed the block before, for operators. */
static void note_votes(cairn_application_status *status, const cairn_abci_block *block)
{
    const cairn_abci_vote *votes = block->last_commit.votes.items;
    status->vote_count = block->last_commit.votes.count;
    status->signed_count = 0;
    status->power = status->signed_power = status->largest_power = 0;
    for (size_t i = 0; i < status->vote_count; i++) {
        int64_t power = votes[i].validator.power;
        bool has_signed = votes[i].block_id_flag == VOTE_COMMIT;
        status->power += power;
        status->signed_power += has_signed ? power : 0;
        status->signed_count += has_signed;
        if (power > status->largest_power)
            status->largest_power = power;
    }
}

static void put_results(const cairn_delivery *delivery, cairn_wire_writer *out)
{
    size_t count = 0;
    const cairn_delivery_result *results = cairn_delivery_results(delivery, &count);
    for (size_t i = 0; i < count; i++) {
        size_t item = cairn_wire_open(out, 2);
        cairn_application_put_result(out, results[i].code, 3, 8);
        cairn_wire_close(out, item);
    }
}

static bool validates(const cairn_validator_list *list, const cairn_validator *row)
{
    const cairn_validator *other = cairn_validators_find(list, &row->org);
    return other != NULL && memcmp(other->key, row->key, sizeof row->key) == 0;
}

/* What the engine must change in its set, which is that of the record. A key is one organisation's
 * for ever, so none comes twice. */
static void put_changes(const cairn_validator_list *before, const cairn_validator_list *after,
                        cairn_wire_writer *out)
{
    for (size_t i = 0; i < before->count; i++) {
        const cairn_validator *row = &before->rows[i];
        if (!validates(after, row))
            cairn_abci_put_validator(out, 3, cairn_bytes_of(row->key, sizeof row->key), 0);
    }
    for (size_t i = 0; i < after->count; i++) {
        const cairn_validator *row = &after->rows[i];
        const cairn_validator *old = cairn_validators_find(before, &row->org);
        if (!validates(before, row) || old->power != row->power)
            cairn_abci_put_validator(out, 3, cairn_bytes_of(row->key, sizeof row->key),
                                     (int64_t)row->power);
    }
}

static cairn_err put_validators(cairn_application *app, cairn_arena *arena, cairn_wire_writer *out)
{
    cairn_validator_list *before = NULL;
    cairn_validator_list *after = NULL;
    const cairn_delta *delta = &cairn_delivery_block(app->delivery)->outcome.delta;
    if (cairn_delta_find(delta, CAIRN_MAP_STATE, cairn_bytes_str("validators")) == NULL)
        return CAIRN_OK;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &before));
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &after));
    CAIRN_TRY(cairn_application_read_validators(app->options.engine, NULL, arena, before));
    CAIRN_TRY(cairn_application_read_validators(app->options.engine, app->delivery, arena, after));
    put_changes(before, after, out);
    return CAIRN_OK;
}

/* The engine is told when the next block is judged by another version. */
static cairn_err put_version(cairn_application *app, cairn_arena *arena, cairn_wire_writer *out)
{
    cairn_params params;
    CAIRN_TRY(cairn_application_read_params(app->options.engine, app->delivery, arena, &params));
    uint64_t next = cairn_params_version_at(&params, app->delivery_height + 1);
    if (next != cairn_params_version_at(&params, app->delivery_height))
        cairn_abci_put_app_version(out, 4, next);
    return CAIRN_OK;
}

static cairn_err deliver(cairn_application *app, const cairn_abci_block *block, cairn_arena *arena)
{
    cairn_delivery_tx *txs = NULL;
    uint64_t next = cairn_application_next_height(app);
    if (block->height != (int64_t)next)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, clause, "block.height: %lld, %llu is next",
                          (long long)block->height, (unsigned long long)next);
    CAIRN_TRY(cairn_abci_time_ms(&block->time, &app->delivery_time_ms));
    cairn_delivery_free(CAIRN_STEAL(app->delivery)); /* of an engine that is no more */
    CAIRN_TRY(list_txs(app, block, arena, &txs));
    CAIRN_TRY(cairn_store_deliver(app->options.engine, next, app->delivery_time_ms, txs,
                                  block->txs.count, &app->delivery));
    app->delivery_height = next;
    return CAIRN_OK;
}

cairn_err cairn_application_finalize(cairn_application *app, const cairn_abci_block *block,
                                     cairn_arena *arena, cairn_wire_writer *out)
{
    cairn_hash app_hash;
    const cairn_abci_misbehavior *misbehavior = block->misbehavior.items;
    CAIRN_TRY(deliver(app, block, arena));
    for (size_t i = 0; i < block->misbehavior.count; i++)
        cairn_application_log_misbehavior(app, &misbehavior[i]);
    if (block->misbehavior.count > 0 && app->options.watch.misbehavior != NULL)
        app->options.watch.misbehavior(app->options.watch.context, app->delivery_height);
    note_votes(&app->status, block);
    cairn_app_hash(cairn_delivery_log_size(app->delivery), cairn_delivery_log_root(app->delivery),
                   &app_hash);
    cairn_abci_answer answer = cairn_abci_begin(out, CAIRN_ABCI_FINALIZE);
    put_results(app->delivery, out);
    CAIRN_TRY(put_validators(app, arena, out));
    CAIRN_TRY(put_version(app, arena, out));
    cairn_wire_put_bytes(out, 5, cairn_bytes_hash(&app_hash));
    cairn_abci_end(&answer);
    return CAIRN_OK;
}

/* --- its commit --- */

/* What a block held no longer waits. What left no trace may wait again, as a new one. */
static void empty_pool(cairn_application *app)
{
    size_t count = 0;
    const cairn_delivery_result *results = cairn_delivery_results(app->delivery, &count);
    pthread_mutex_lock(&app->pool_lock);
    for (size_t i = 0; i < count; i++)
        if (results[i].decoded)
            cairn_pool_remove(&app->pool, &results[i].id);
    app->round++;
    cairn_pool_expire(&app->pool, app->delivery_time_ms,
                      app->round > UNSEEN_ROUNDS_MAX ? app->round - UNSEEN_ROUNDS_MAX : 0);
    pthread_mutex_unlock(&app->pool_lock);
}

static void tell(const cairn_application *app)
{
    const cairn_application_watch *watch = &app->options.watch;
    size_t count = 0;
    const cairn_delivery_result *results = cairn_delivery_results(app->delivery, &count);
    for (size_t i = 0; watch->committed != NULL && i < count; i++) {
        const cairn_committed tx = {.id = &results[i].id,
                                    .code = results[i].code,
                                    .consumed = results[i].consumed,
                                    .height = app->delivery_height,
                                    .index = results[i].index};
        if (results[i].decoded)
            watch->committed(watch->context, &tx);
    }
    if (watch->block != NULL)
        watch->block(watch->context, app->delivery_time_ms);
}

/* After a block: which ones a snapshot ends with. */
static void note_change(cairn_application *app)
{
    uint64_t blocks = app->options.snapshot_blocks;
    uint64_t *changed = app->changed;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(app->options.engine);
    if (blocks == 0 || view->height < app->options.chain->initial_height)
        return;
    if (changed[0] != 0 && cairn_snapshot_multiple(blocks, changed[0]) !=
                               cairn_snapshot_multiple(blocks, view->height)) {
        changed[2] = changed[1];
        changed[1] = changed[0];
    }
    changed[0] = view->height;
}

/* The snapshot that was the newest when the chain was at `delivered`; 0: there was none, or it is
 * not known since our start. */
static uint64_t newest_snapshot(const cairn_application *app, uint64_t delivered)
{
    for (size_t i = 0; i < sizeof app->changed / sizeof app->changed[0]; i++)
        if (app->changed[i] != 0 &&
            cairn_snapshot_is_due(app->options.snapshot_blocks, app->changed[i], delivered))
            return app->changed[i];
    return 0;
}

/* Who joins by a snapshot asks our engine for what comes after it: whichever is the newest, and was
 * so a multiple ago, when somebody may have begun. The first block that may go; 0: none. */
static uint64_t free_of_snapshots(const cairn_application *app)
{
    enum { OFFERED_MULTIPLES = 4 }; /* two that are offered, one to come, one to join in */
    uint64_t blocks = app->options.snapshot_blocks;
    if (blocks == 0)
        return UINT64_MAX;
    if (app->delivery_height < OFFERED_MULTIPLES * blocks)
        return 0;
    uint64_t behind = app->delivery_height + 1 - OFFERED_MULTIPLES * blocks;
    uint64_t newest = newest_snapshot(app, app->delivery_height - blocks);
    return newest == 0 ? 0 : newest + 1 < behind ? newest + 1 : behind;
}

/* The engine may forget the blocks below; 0: none. Never one that a restart of ours would ask for:
 * what comes after the last block on our disk that changed anything. */
static uint64_t retain_height(const cairn_application *app)
{
    uint64_t durable = cairn_store_durable_height(app->options.engine);
    uint64_t blocks = app->options.retain_blocks;
    uint64_t offered = free_of_snapshots(app);
    uint64_t from = app->delivery_height >= blocks ? app->delivery_height + 1 - blocks : 0;
    if (blocks == 0 || durable < app->options.chain->initial_height)
        return 0;
    from = from < offered ? from : offered;
    return from < durable + 1 ? from : durable + 1;
}

cairn_err cairn_application_commit(cairn_application *app, cairn_wire_writer *out)
{
    if (app->delivery == NULL)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, clause, "commit: of no finalized block");
    cairn_err err = cairn_store_adopt(app->delivery);
    if (err != CAIRN_OK) { /* it has to be finalized again */
        cairn_delivery_free(CAIRN_STEAL(app->delivery));
        return err;
    }
    empty_pool(app);
    tell(app);
    note_change(app);
    app->status.height = app->delivery_height;
    app->status.time_ms = app->delivery_time_ms;
    cairn_delivery_free(CAIRN_STEAL(app->delivery));
    cairn_abci_answer answer = cairn_abci_begin(out, CAIRN_ABCI_COMMIT);
    cairn_wire_put_uint(out, 3, retain_height(app));
    cairn_abci_end(&answer);
    return CAIRN_OK;
}
