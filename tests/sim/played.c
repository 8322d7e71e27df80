/* The played engine: decided blocks, the handshake, proposals. */
#include "sim/played.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/versions.h"

enum { QUERY_ARENA_SIZE_MAX = 4 << 20, PROPOSAL_ARENA_SIZE_MAX = 16 << 20 };

sim_pool played_pool;
sim_replica played_members[PLAYED_REPLICAS];
static model_ledger scratch;

void played_warm_up(sim_pool_kind kind)
{
    sim_pool_make(&played_pool, kind, 0);
}

/* Valid ones of the pool, which the embedded ledger took. */
static const uint16_t embedded_places[PLAYED_EMBEDDED_MAX] = {0, 1, 2, 6, 8};

static void begin_embedded(played_chain *f, size_t count)
{
    model_verdict verdict;
    for (size_t i = 0; i < count; i++) {
        f->height = i + 1;
        f->blocks[f->height].time_ms = SIM_POOL_TIME_MS + REPLICA_EMBEDDED_MS * f->height;
        SIM_CHECK(model_apply_at(&f->model, played_pool.txs, &embedded_places[i], 1, f->height,
                                 f->blocks[f->height].time_ms, &verdict) &&
                      verdict.code == 0,
                  "pool %u is not valid", embedded_places[i]);
    }
    f->blocks[f->height].app_hash = model_app_hash(&f->model);
    f->first = f->height + 1;
}

void played_begin(sim_ctx *ctx, size_t embedded_count)
{
    played_chain *f = ctx->facts;
    if (f->now_ms != 0)
        return;
    sim_disk_hold_memory(true);
    model_begin(&f->model, &played_pool.genesis);
    f->blocks[0] = (played_block){.time_ms = SIM_POOL_TIME_MS};
    begin_embedded(f, embedded_count);
    f->voted_ms = f->blocks[f->height].time_ms;
    f->now_ms = f->voted_ms + 1;
    for (unsigned r = 0; r < PLAYED_MEMBERS; r++) {
        f->engines[r].base = f->first;
        f->engines[r].stored = f->engines[r].state = f->height;
        f->engines[r].skew_ms = (int64_t)sim_rng_below(&ctx->rng, 1000) - 500;
    }
    sim_disk_hold_memory(false);
}

void played_pass_time(played_chain *chain, uint64_t ms)
{
    chain->now_ms += ms;
    for (unsigned r = 0; r < PLAYED_REPLICAS; r++)
        cairn_clock_manual_advance_ms(&played_members[r].clock, ms);
}

/* --- blocks --- */

static replica_block block_of(const played_block *decided, uint64_t height)
{
    replica_block block = {.height = height,
                           .time_ms = decided->time_ms,
                           .nanos = decided->nanos,
                           .count = decided->count};
    for (size_t i = 0; i < decided->count; i++) {
        const model_tx *tx = &played_pool.txs[decided->txs[i]];
        block.txs[i] = cairn_bytes_of(tx->raw, tx->size);
    }
    return block;
}

static bool place_in_pool(cairn_bytes raw, uint16_t *ret_place)
{
    for (uint16_t i = 0; i < MODEL_POOL; i++) {
        if (cairn_bytes_equal(raw,
                              cairn_bytes_of(played_pool.txs[i].raw, played_pool.txs[i].size))) {
            *ret_place = i;
            return true;
        }
    }
    return false;
}

/* --- a member --- */

/* It failed: a fault explains that, and its pair of processes is gone until it is started again. */
bool played_failed(const sim_ctx *ctx, unsigned r, cairn_err err, const char *what)
{
    if (err == CAIRN_OK)
        return false;
    sim_check_excused(ctx, err, what);
    replica_kill(&played_members[r]);
    return true;
}

/* None twice: an engine ends itself on that. */
static void check_updates(const played_block *block, unsigned r, uint64_t height,
                          const replica_results *results)
{
    SIM_CHECK(results->update_count == block->update_count,
              "member %u changes %zu validators in block %" PRIu64 ", the model %zu", r,
              results->update_count, height, block->update_count);
    for (size_t i = 0; i < block->update_count; i++) {
        size_t found = 0;
        for (size_t k = 0; k < block->update_count; k++)
            found += memcmp(&results->updates[k], &block->updates[i], sizeof(replica_update)) == 0;
        SIM_CHECK(found == 1, "member %u changes other validators in block %" PRIu64, r, height);
    }
}

/* Who has the block before it announces the version of the next. */
static void check_version(const played_chain *f, unsigned r, uint64_t height,
                          const replica_results *results)
{
    uint64_t next = f->model.upgrade_height != 0 && height + 1 == f->model.upgrade_height ? 2 : 0;
    SIM_CHECK(results->app_version == next,
              "member %u announces version %" PRIu64 " in block %" PRIu64, r, results->app_version,
              height);
}

static void check_results(played_chain *f, unsigned r, uint64_t height,
                          const replica_results *results)
{
    played_block *block = &f->blocks[height];
    SIM_CHECK(results->count == block->count,
              "member %u answers %zu results to %zu transactions of block %" PRIu64, r,
              results->count, block->count, height);
    for (size_t i = 0; i < block->count; i++) {
        SIM_CHECK(results->codes[i] == block->codes[i],
                  "member %u, block %" PRIu64 ": result %zu (pool %u) is %u, the model has %u", r,
                  height, i, block->txs[i], results->codes[i], block->codes[i]);
    }
    check_updates(block, r, height, results);
    check_version(f, r, height, results);
    SIM_CHECK(memcmp(results->app_hash.b, block->app_hash.b, 32) == 0,
              "member %u has another app hash after block %" PRIu64 " than the model", r, height);
    SIM_CHECK(!block->answered || memcmp(results->digest.b, block->digest.b, 32) == 0,
              "member %u answers block %" PRIu64 " otherwise than another did", r, height);
    block->answered = true;
    block->digest = results->digest;
}

bool played_is_late(const played_chain *f, unsigned r, uint64_t height)
{
    return f->model.upgrade_height != 0 && height >= f->model.upgrade_height &&
           !f->engines[r].upgraded;
}

/* It stops, by name, and has computed nothing. */
static bool is_stopped(const sim_ctx *ctx, unsigned r, uint64_t height, cairn_err err)
{
    if (!played_is_late(ctx->facts, r, height))
        return false;
    SIM_CHECK(err != CAIRN_OK, "member %u decides block %" PRIu64 " by a version it lacks", r,
              height);
    if (err != CAIRN_ERR_BAD_VERSION)
        sim_check_excused(ctx, err, "FinalizeBlock");
    SIM_CHECK(cairn_store_delivered_height(played_members[r].engine) < height,
              "member %u has block %" PRIu64 ", of a version it lacks", r, height);
    replica_kill(&played_members[r]);
    return true;
}

/* FinalizeBlock of a block that the engine has stored. */
static bool finalize(const sim_ctx *ctx, unsigned r, uint64_t height)
{
    played_chain *f = ctx->facts;
    replica_block block = block_of(&f->blocks[height], height);
    replica_results results;
    cairn_err err = replica_finalize(&played_members[r], &block, &results);
    if (is_stopped(ctx, r, height, err) || played_failed(ctx, r, err, "FinalizeBlock"))
        return false;
    check_results(f, r, height, &results);
    return true;
}

/* Blocks below the retain height are pruned at once; so a member's application must never come back
 * from below it. */
static bool commit(const sim_ctx *ctx, unsigned r, uint64_t height)
{
    played_chain *f = ctx->facts;
    played_engine *e = &f->engines[r];
    uint64_t retain = 0;
    if (played_failed(ctx, r, replica_commit(&played_members[r], &retain), "Commit"))
        return false;
    SIM_CHECK(retain <= height + 1, "member %u lets go of block %" PRIu64 " after block %" PRIu64,
              r, retain, height);
    if (retain > e->base && retain <= e->stored)
        e->base = retain;
    return true;
}

/* The block leaves the mempool; the rest is checked again. */
static bool update_pool(const sim_ctx *ctx, unsigned r, uint64_t height)
{
    played_chain *f = ctx->facts;
    const played_block *block = &f->blocks[height];
    bool *pooled = f->engines[r].pooled;
    for (size_t i = 0; i < block->count; i++)
        pooled[block->txs[i]] = false;
    for (unsigned i = 0; i < MODEL_POOL; i++) {
        const model_tx *tx = &played_pool.txs[i];
        uint32_t code = 0;
        if (!pooled[i])
            continue;
        if (played_failed(ctx, r,
                          replica_check_tx(&played_members[r], cairn_bytes_of(tx->raw, tx->size),
                                           true, &code),
                          "CheckTx again"))
            return false;
        pooled[i] = code == 0;
    }
    return true;
}

/* --- the handshake after a restart --- */

static bool replay(const sim_ctx *ctx, unsigned r, uint64_t height)
{
    return finalize(ctx, r, height) && commit(ctx, r, height);
}

/* The last block of the store, for which the engine has no state yet. */
static bool finish(const sim_ctx *ctx, unsigned r, bool with_application)
{
    played_chain *f = ctx->facts;
    played_engine *e = &f->engines[r];
    if (with_application) {
        if (!finalize(ctx, r, e->stored))
            return false;
        e->answer = true;
        if (!commit(ctx, r, e->stored))
            return false;
    }
    e->state = e->stored;
    return true;
}

static bool check_info(const sim_ctx *ctx, unsigned r, uint64_t height, const model_hash *app_hash)
{
    const played_chain *f = ctx->facts;
    const played_engine *e = &f->engines[r];
    SIM_CHECK(height == 0 || height >= f->first,
              "member %u says %" PRIu64 ", which is before the chain", r, height);
    SIM_CHECK(height <= e->stored,
              "member %u says %" PRIu64 " and its engine has %" PRIu64 ": too high", r, height,
              e->stored);
    SIM_CHECK(height == 0 ? e->base == f->first : height + 1 >= e->base,
              "member %u says %" PRIu64 " and blocks below %" PRIu64 " are pruned: too low", r,
              height, e->base);
    SIM_CHECK(height == 0 || memcmp(app_hash->b, f->blocks[height].app_hash.b, 32) == 0,
              "member %u says another app hash of block %" PRIu64, r, height);
    return true;
}

static bool init_chain(const sim_ctx *ctx, unsigned r)
{
    const played_chain *f = ctx->facts;
    const played_block *start = &f->blocks[f->first - 1];
    model_hash app_hash;
    if (played_failed(ctx, r, replica_init_chain(&played_members[r], start->time_ms, &app_hash),
                      "InitChain"))
        return false;
    SIM_CHECK(memcmp(app_hash.b, start->app_hash.b, 32) == 0,
              "member %u has another app hash of the genesis than the model", r);
    return true;
}

/* consensus/replay.go, ReplayBlocksWithContext: every row of the matrix. */
static bool handshake(const sim_ctx *ctx, unsigned r)
{
    const played_chain *f = ctx->facts;
    const played_engine *e = &f->engines[r];
    uint64_t height = 0;
    model_hash app_hash;
    if (played_failed(ctx, r, replica_info(&played_members[r], &height, &app_hash), "Info") ||
        !check_info(ctx, r, height, &app_hash))
        return false;
    if (height == 0 && !init_chain(ctx, r))
        return false;
    for (uint64_t h = height == 0 ? f->first : height + 1; h <= e->state; h++) {
        if (!replay(ctx, r, h))
            return false;
    }
    if (e->stored == e->state)
        return true;
    SIM_CHECK(height < e->stored || e->answer,
              "member %u has block %" PRIu64 ", whose answer its engine never kept", r, height);
    return finish(ctx, r, height < e->stored);
}

/* The member's directory, for good. */
static bool make_directory(const char *path)
{
    int fd = open(sim_disk_root(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
    bool durable = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return made && durable;
}

static const cairn_features *features_of(const played_chain *f, unsigned r)
{
    if (f->model.upgrade_height == 0)
        return &cairn_all_features;
    return test_features(f->engines[r].upgraded ? 2 : 1);
}

bool played_open(const sim_ctx *ctx, unsigned r)
{
    static const uint32_t segment_sizes[] = {4096, 16384, 65536};
    static const uint64_t changes[] = {1, 12, 60};
    const played_chain *f = ctx->facts;
    char directory[256];
    (void)snprintf(directory, sizeof directory, "%s/%u", sim_disk_root(), r);
    if (!make_directory(directory))
        return !played_failed(ctx, r, CAIRN_ERR_IO, "mkdir");
    cairn_bytes embedded[PLAYED_EMBEDDED_MAX];
    for (size_t i = 0; i < PLAYED_EMBEDDED_MAX; i++) {
        const model_tx *tx = &played_pool.txs[embedded_places[i]];
        embedded[i] = cairn_bytes_of(tx->raw, tx->size);
    }
    const replica_options options = {.directory = directory,
                                     .embedded = embedded,
                                     .embedded_count = f->first - 1,
                                     .genesis = &played_pool.genesis,
                                     .features = features_of(f, r),
                                     .app_hash = f->blocks[f->first - 1].app_hash,
                                     .now_ms = f->now_ms + (uint64_t)f->engines[r].skew_ms,
                                     .segment_size = segment_sizes[(ctx->trial_seed + r) % 3],
                                     .checkpoint_changes = changes[(ctx->trial_seed + r) / 3 % 3],
                                     .retain_blocks = (ctx->trial_seed + r) / 9 % 4,
                                     .snapshot_blocks = f->snapshot_blocks,
                                     .snapshot_chunk_size = f->snapshot_chunk_size,
                                     .joins = r == PLAYED_JOINER};
    cairn_err err = replica_open(&played_members[r], &options);
    if (err == CAIRN_ERR_BAD_VERSION && played_is_late(f, r, f->height)) {
        replica_kill(&played_members[r]); /* its ledger is of a newer program */
        return false;
    }
    return !played_failed(ctx, r, err, "start");
}

bool played_start(const sim_ctx *ctx, unsigned r)
{
    return played_open(ctx, r) && played_restart_engine(ctx, r);
}

bool played_restart_engine(const sim_ctx *ctx, unsigned r)
{
    played_chain *f = ctx->facts;
    memset(f->engines[r].pooled, 0, sizeof f->engines[r].pooled);
    return handshake(ctx, r);
}

/* --- checks --- */

bool played_at_top(const played_chain *f, unsigned r)
{
    return played_members[r].up && f->engines[r].state == f->height &&
           f->engines[r].stored == f->height;
}

void played_check_member(const sim_ctx *ctx, unsigned r)
{
    const played_chain *f = ctx->facts;
    if (!played_at_top(f, r))
        return;
    sim_disk_hold_memory(true);
    sim_check_ledger(ctx, played_members[r].engine, &f->model, &played_pool);
    sim_disk_hold_memory(false);
}

/* What the proposals of a height must not have changed. */
static void check_untouched(const sim_ctx *ctx, unsigned r)
{
    const played_chain *f = ctx->facts;
    model_hash root;
    sim_disk_hold_memory(true);
    cairn_view *view = cairn_engine_view(played_members[r].engine);
    memcpy(root.b, view->log_root.b, 32);
    model_hash app_hash = model_app_hash_of(view->log_size, &root);
    cairn_view_free(view);
    sim_disk_hold_memory(false);
    SIM_CHECK(memcmp(app_hash.b, f->blocks[f->height].app_hash.b, 32) == 0,
              "a proposal for block %" PRIu64 " left a trace at member %u", f->height + 1, r);
}

/* --- proposals --- */

replica_block played_next(const played_chain *chain)
{
    const played_block *last = &chain->blocks[chain->height];
    replica_block block = {.height = chain->height + 1, .time_ms = last->time_ms};
    if (block.height == chain->first) /* it has the genesis' time */
        return block;
    block.time_ms = chain->voted_ms > last->time_ms ? chain->voted_ms : last->time_ms + 1;
    block.nanos = (uint32_t)(chain->height * 777777 % 1000000);
    return block;
}

void played_add(replica_block *block, size_t place)
{
    const model_tx *tx = &played_pool.txs[place];
    block->txs[block->count++] = cairn_bytes_of(tx->raw, tx->size);
}

/* As the engine counts it. */
static size_t size_in_block(cairn_bytes tx)
{
    return 1 + tx.size + (tx.size < 128 ? 1 : tx.size < 16384 ? 2 : 3);
}

static size_t size_of(const replica_block *block)
{
    size_t size = 0;
    for (size_t i = 0; i < block->count; i++)
        size += size_in_block(block->txs[i]);
    return size;
}

/* The model's word for "one may be left out for the other". */
static bool same_id(cairn_bytes left, cairn_bytes right)
{
    uint16_t l, r;
    return place_in_pool(left, &l) && place_in_pool(right, &r) &&
           (l == r || played_pool.txs[l].twin == r + 1U);
}

/* Is a transaction of this id among those proposed? */
static bool has_id(const replica_block *proposal, cairn_bytes tx)
{
    for (size_t i = 0; i < proposal->count; i++) {
        if (same_id(proposal->txs[i], tx))
            return true;
    }
    return false;
}

/* Nothing is left out but what does not fit, and what comes behind it from the same organisation.
 */
static void check_left_out(unsigned r, const replica_block *offered, const replica_block *proposal,
                           uint64_t size_max)
{
    bool full[MODEL_ORGS_MAX] = {false};
    size_t size = size_of(proposal);
    for (size_t i = 0; i < offered->count; i++) {
        uint16_t place;
        cairn_bytes tx = offered->txs[i];
        if (!place_in_pool(tx, &place) || has_id(proposal, tx))
            continue;
        bool *stopped = &full[played_pool.txs[place].org];
        *stopped = *stopped || size + size_in_block(tx) > size_max;
        SIM_CHECK(*stopped, "member %u leaves out a transaction for which there is room", r);
    }
}

static void check_proposal(unsigned r, const replica_block *offered, const replica_block *proposal,
                           uint64_t size_max)
{
    bool used[REPLICA_BLOCK_TXS] = {false};
    size_t size = size_of(proposal);
    uint64_t clock_ms = played_members[r].clock.wall_ms;
    bool late = clock_ms > offered->time_ms && clock_ms - offered->time_ms > PLAYED_LAG_MAX_MS;
    SIM_CHECK(size <= size_max, "member %u proposes %zu bytes where %" PRIu64 " are allowed", r,
              size, size_max);
    for (size_t i = 0; i < proposal->count; i++) {
        size_t k = 0;
        while (k < offered->count &&
               (used[k] || !cairn_bytes_equal(offered->txs[k], proposal->txs[i])))
            k++;
        SIM_CHECK(k < offered->count, "member %u proposes what it was not offered", r);
        used[k] = true;
    }
    SIM_CHECK(!late || proposal->count == 0, "member %u fills a block that is %" PRIu64 " ms late",
              r, clock_ms - offered->time_ms);
    if (!late)
        check_left_out(r, offered, proposal, size_max);
}

bool played_prepare(const sim_ctx *ctx, unsigned r, uint64_t size_max, cairn_arena *arena,
                    replica_block *block)
{
    replica_block offered = *block;
    if (played_failed(ctx, r, replica_prepare(&played_members[r], &offered, size_max, arena, block),
                      "PrepareProposal"))
        return false;
    check_proposal(r, &offered, block, size_max);
    check_untouched(ctx, r);
    return true;
}

bool played_process(const sim_ctx *ctx, const replica_block *block, bool honest, unsigned absent)
{
    const played_chain *f = ctx->facts;
    int verdict = -1;
    for (unsigned r = 0; r < PLAYED_MEMBERS; r++) {
        bool accept = false;
        if (!played_at_top(f, r) || (absent >> r & 1) != 0 ||
            played_failed(ctx, r, replica_process(&played_members[r], block, &accept),
                          "ProcessProposal"))
            continue;
        SIM_CHECK(verdict < 0 || accept == (verdict == 1),
                  "members disagree about a proposal for block %" PRIu64, block->height);
        SIM_CHECK(accept || !honest, "member %u refuses an honest proposal for block %" PRIu64, r,
                  block->height);
        verdict = accept;
        check_untouched(ctx, r);
    }
    return verdict == 1;
}

/* The old key goes, the new one comes with the same power. */
static void note_rotation(played_block *decided, const uint8_t before[32], const uint8_t after[32])
{
    replica_update *updates = &decided->updates[decided->update_count];
    memcpy(updates[0].key, before, 32);
    memcpy(updates[1].key, after, 32);
    updates[1].power = 1;
    decided->update_count += 2;
}

/* What the model says of the chain's next block. False when it is full. */
static bool ask_model(played_chain *f, played_block *decided)
{
    model_verdict verdicts[REPLICA_BLOCK_TXS];
    decided->app_hash = f->blocks[f->height].app_hash;
    if (decided->count == 0)
        return true;
    scratch = f->model;
    if (!model_apply_at(&scratch, played_pool.txs, decided->txs, decided->count, f->height + 1,
                        decided->time_ms, verdicts))
        return false;
    for (size_t i = 0; i < decided->count; i++) {
        const model_tx *tx = &played_pool.txs[decided->txs[i]];
        decided->codes[i] = (uint32_t)-verdicts[i].code;
        if (verdicts[i].code == 0 && tx->rotates)
            note_rotation(decided, f->model.orgs[tx->org].validator_key, tx->ed25519);
    }
    f->model = scratch;
    decided->app_hash = model_app_hash(&f->model);
    return true;
}

/* No call of an application comes between. */
static bool decide(played_chain *f, const replica_block *block)
{
    if (f->height == PLAYED_HEIGHT_MAX)
        return false;
    played_block *decided = &f->blocks[f->height + 1];
    *decided =
        (played_block){.time_ms = block->time_ms, .nanos = block->nanos, .count = block->count};
    for (size_t i = 0; i < block->count; i++)
        SIM_CHECK(place_in_pool(block->txs[i], &decided->txs[i]), "a transaction from nowhere");
    if (!ask_model(f, decided))
        return false;
    f->voted_ms = f->now_ms;
    f->height++;
    return true;
}

bool played_decide(const sim_ctx *ctx, const replica_block *block)
{
    sim_disk_hold_memory(true);
    bool decided = decide(ctx->facts, block);
    sim_disk_hold_memory(false);
    return decided;
}

/* --- a decided block, member by member --- */

bool played_advance(const sim_ctx *ctx, unsigned r, played_stop stop)
{
    played_chain *f = ctx->facts;
    played_engine *e = &f->engines[r];
    e->stored = e->state + 1;
    e->answer = false;
    if (stop == PLAYED_STORED || !finalize(ctx, r, e->stored) || stop == PLAYED_FINALIZED)
        return false;
    e->answer = true;
    if (stop == PLAYED_ANSWERED || !commit(ctx, r, e->stored) || stop == PLAYED_COMMITTED)
        return false;
    e->state = e->stored;
    return update_pool(ctx, r, e->state);
}

void played_catch_up(const sim_ctx *ctx, unsigned r)
{
    const played_chain *f = ctx->facts;
    while (played_members[r].up && f->engines[r].state < f->height) {
        if (!played_advance(ctx, r, PLAYED_DONE))
            return;
    }
}

void played_make_block(const sim_ctx *ctx, unsigned r)
{
    const played_chain *f = ctx->facts;
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    replica_block block = played_next(f);
    cairn_arena_init(&arena, PROPOSAL_ARENA_SIZE_MAX);
    for (size_t i = 0; i < MODEL_POOL && block.count < REPLICA_BLOCK_TXS; i++) {
        if (f->engines[r].pooled[i])
            played_add(&block, i);
    }
    SIM_CHECK(played_prepare(ctx, r, PLAYED_PROPOSAL_SIZE_MAX, &arena, &block) &&
                  played_process(ctx, &block, true, 0),
              "no proposal for block %" PRIu64, block.height);
    SIM_CHECK(played_decide(ctx, &block), "the chain is too short for this workload");
    for (unsigned m = 0; m < PLAYED_MEMBERS; m++)
        SIM_CHECK(played_advance(ctx, m, PLAYED_DONE) &&
                      replica_turn(&played_members[m]) == CAIRN_OK,
                  "member %u stops without a fault", m);
}

/* --- what is asked beside the blocks --- */

void played_query(const sim_ctx *ctx, unsigned r, size_t place, bool prove)
{
    const played_chain *f = ctx->facts;
    const model_tx *tx = &played_pool.txs[place];
    uint8_t key[MODEL_KEY_SIZE_MAX], expected[MODEL_VALUE_SIZE_MAX];
    size_t key_size;
    cairn_bytes value;
    if (!played_at_top(f, r) || f->model.fate[place] != MODEL_ACCEPTED)
        return;
    size_t size =
        model_record_of(&f->model, tx, f->model.accepted_height[place], key, &key_size, expected);
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_arena_init(&arena, QUERY_ARENA_SIZE_MAX);
    if (!played_failed(
            ctx, r,
            replica_query(&played_members[r], cairn_bytes_of(key, key_size), prove, &arena, &value),
            "Query"))
        SIM_CHECK(cairn_bytes_equal(value, cairn_bytes_of(expected, size)),
                  "member %u answers another value of record %zu", r, place);
}

static void check_refused(unsigned r, cairn_err err, const char *what)
{
    SIM_CHECK(err != CAIRN_OK, "member %u takes %s", r, what);
}

void played_nonsense(const sim_ctx *ctx, unsigned r)
{
    const played_chain *f = ctx->facts;
    sim_replica *member = &played_members[r];
    replica_block block = played_next(f);
    replica_results results;
    uint64_t retain;
    model_hash app_hash;
    if (!played_at_top(f, r) || played_failed(ctx, r, replica_turn(member), "turn"))
        return;
    check_refused(r, replica_commit(member, &retain), "a commit of nothing");
    block.height += 1 + f->height % 3;
    check_refused(r, replica_finalize(member, &block, &results), "a block that skips one");
    block.height = f->height;
    check_refused(r, replica_finalize(member, &block, &results), "the last block again");
    if (f->height >= f->first) {
        block.height++;
        block.time_ms = f->blocks[f->height].time_ms - 1;
        if (f->model.blocks[f->model.block_count - 1].height == f->height)
            check_refused(r, replica_finalize(member, &block, &results), "an earlier time");
        check_refused(r, replica_init_chain(member, SIM_POOL_TIME_MS, &app_hash),
                      "another beginning");
    }
    check_untouched(ctx, r);
}

/* --- CheckTx --- */

/* An answer that decides nothing. */
static bool short_of_memory(uint32_t code)
{
    return sim_disk_fired(SIM_FAULT(NO_MEMORY)) &&
           (code == (uint32_t)-CAIRN_ERR_NO_MEMORY || code == (uint32_t)-CAIRN_ERR_CRYPTO);
}

bool played_check_tx(const sim_ctx *ctx, unsigned r, size_t place)
{
    played_chain *f = ctx->facts;
    sim_replica *member = &played_members[r];
    const model_tx *tx = &played_pool.txs[place];
    uint32_t code = 0;
    uint64_t next = member->up ? cairn_store_delivered_height(member->engine) + 1 : 0;
    int expected = played_is_late(f, r, next) && !tx->undecodable
                       ? CAIRN_ERR_BAD_VERSION
                       : model_check(&f->model, tx, next, member->clock.wall_ms);
    if (!member->up ||
        played_failed(ctx, r,
                      replica_check_tx(member, cairn_bytes_of(tx->raw, tx->size), false, &code),
                      "CheckTx") ||
        short_of_memory(code))
        return false;
    bool replayed = expected == 0 && code == (uint32_t)-CAIRN_ERR_TX_REPLAYED &&
                    f->model.fate[place] != MODEL_FRESH;
    SIM_CHECK(code == (uint32_t)-expected || replayed,
              "member %u: CheckTx of %zu says %u, the model %d", r, place, code, -expected);
    f->engines[r].pooled[place] = code == 0;
    return code == 0;
}
