/* A fifth member joins by state sync, on a disk that fails and from senders that lie.
 *
 * Before any fault four members live a chain, offer snapshots on the way and agree about each of
 * them. The lives are the joiner's: its engine offers one or another of those snapshots, hands out
 * chunks that are right, another's, cut, spoilt or out of turn, crashes, and begins again. Whatever
 * comes, its ledger is the beginning of the model's; what it took it keeps; who told the truth is
 * never blamed, and who lied is; and in the end it takes the chain's blocks like any member. */
#include "sim/played.h"

#include <inttypes.h>
#include <string.h>

#include "cairn/sha256.h"
#include "ledger/consortium/snapshot.h"

enum {
    CHAIN_BLOCKS = 72,
    SNAPSHOT_BLOCKS = 8,
    SNAPSHOT_CHUNK_SIZE = 4096 + 2000, /* some blocks above what a chunk leaves free */
    SNAPSHOTS_MAX = 16,
    CHUNKS_MAX = 64,
    SOURCE_ARENA_SIZE_MAX = 64 << 20,
    LIE_SIZE_MAX = 1 << 16,
    STEPS = 60,
    MS_MAX = 60,
};

/* Answers to OfferSnapshot. */
enum { OFFER_ACCEPT = 1, OFFER_REJECT = 3, OFFER_REJECT_FORMAT = 4, OFFER_REJECT_SENDER = 5 };

/* --- what the four have: read by all lives --- */

typedef struct offered {
    cairn_abci_snapshot offer;
    cairn_snapshot read;
    cairn_bytes chunks[CHUNKS_MAX];
    model_ledger model; /* at its height */
} offered;

static played_chain lived;
static model_ledger models[CHAIN_BLOCKS + PLAYED_EMBEDDED_MAX + 1];
static offered sources[SNAPSHOTS_MAX];
static size_t source_count;
static cairn_arena source_arena;

typedef struct facts {
    played_chain chain; /* first */
    bool joined;        /* the joiner's engine has a state, from which the chain goes on */
    uint64_t kept;      /* entries of the log that it said it took */
} facts;

static void check_same(const cairn_abci_snapshot *ours, const cairn_abci_snapshot *theirs)
{
    SIM_CHECK(ours->height == theirs->height && ours->format == theirs->format &&
                  ours->chunks == theirs->chunks && cairn_bytes_equal(ours->hash, theirs->hash) &&
                  cairn_bytes_equal(ours->metadata, theirs->metadata),
              "members offer different snapshots of block %" PRIu64, ours->height);
}

static cairn_abci_snapshot newest_of(unsigned r, size_t *ret_count)
{
    cairn_abci_snapshot list[REPLICA_SNAPSHOTS] = {0};
    SIM_CHECK(replica_list(&played_members[r], &source_arena, list, ret_count) == CAIRN_OK,
              "member %u does not list", r);
    return list[0];
}

/* Every member cuts the same chunks. */
static void load_chunks(offered *source)
{
    for (uint64_t i = 0; i < source->offer.chunks; i++) {
        for (unsigned r = 0; r < PLAYED_MEMBERS; r++) {
            cairn_bytes chunk;
            SIM_CHECK(replica_load(&played_members[r], &source->offer, i, &source_arena, &chunk) ==
                              CAIRN_OK &&
                          chunk.size != 0,
                      "member %u has no chunk %" PRIu64, r, i);
            SIM_CHECK(r == 0 || cairn_bytes_equal(chunk, source->chunks[i]),
                      "member %u has another chunk %" PRIu64, r, i);
            source->chunks[i] = chunk;
        }
    }
}

/* A snapshot that is offered for the first time. */
static void note_snapshot(const played_chain *chain)
{
    size_t count = 0;
    const cairn_abci_snapshot newest = newest_of(0, &count);
    if (count == 0 || (source_count > 0 && sources[source_count - 1].offer.height == newest.height))
        return;
    SIM_CHECK(source_count < SNAPSHOTS_MAX && newest.chunks <= CHUNKS_MAX, "too many snapshots");
    offered *source = &sources[source_count++];
    source->offer = newest;
    source->model = models[newest.height];
    cairn_hash app_hash;
    memcpy(app_hash.b, chain->blocks[newest.height].app_hash.b, sizeof app_hash.b);
    SIM_CHECK(cairn_snapshot_decode(&source_arena, newest.metadata, &app_hash, &source->read) ==
                  CAIRN_OK,
              "the snapshot of block %" PRIu64 ": %s", newest.height, cairn_err_detail());
    for (unsigned r = 1; r < PLAYED_MEMBERS; r++) {
        const cairn_abci_snapshot theirs = newest_of(r, &count);
        check_same(&newest, &theirs);
    }
    load_chunks(source);
}

static void offer_txs(sim_ctx *ctx)
{
    for (unsigned n = 0; n < 5; n++)
        (void)played_check_tx(ctx, (unsigned)sim_rng_below(&ctx->rng, PLAYED_MEMBERS),
                              (size_t)sim_rng_below(&ctx->rng, MODEL_POOL));
}

/* The four live their chain. */
static void warm_up(void)
{
    sim_ctx ctx = {.rng = sim_rng_derive(5, 0), .last = true, .facts = &lived};
    played_warm_up(SIM_POOL_FOR_MANY);
    sim_disk_format();
    cairn_arena_init(&source_arena, SOURCE_ARENA_SIZE_MAX);
    lived.snapshot_blocks = SNAPSHOT_BLOCKS;
    lived.snapshot_chunk_size = SNAPSHOT_CHUNK_SIZE;
    played_begin(&ctx, PLAYED_EMBEDDED_MAX);
    for (unsigned r = 0; r < PLAYED_MEMBERS; r++)
        SIM_CHECK(played_start(&ctx, r), "member %u does not start", r);
    for (unsigned i = 0; i < CHAIN_BLOCKS; i++) {
        played_pass_time(&lived, MS_MAX);
        if (!sim_rng_percent(&ctx.rng, 20)) /* or the block is empty, mostly */
            offer_txs(&ctx);
        played_make_block(&ctx, i % PLAYED_MEMBERS);
        models[lived.height] = lived.model;
        note_snapshot(&lived);
    }
    for (unsigned r = 0; r < PLAYED_MEMBERS; r++)
        replica_kill(&played_members[r]);
    SIM_CHECK(source_count > 4 && sources[source_count - 1].offer.chunks > 4, "a poor chain");
}

/* --- the joiner's ledger --- */

static sim_replica *const joiner = &played_members[PLAYED_JOINER];
static const offered *accepted; /* by the joiner that runs; NULL: none */
static uint64_t next_chunk;

static void fail_joiner(void)
{
    replica_kill(joiner);
    accepted = NULL;
}

static bool failed(const sim_ctx *ctx, cairn_err err, const char *what)
{
    bool down = played_failed(ctx, PLAYED_JOINER, err, what);
    if (down)
        accepted = NULL;
    return down;
}

/* It is the beginning of the model's, up to a block of it. Its size. */
static uint64_t check_clean(const facts *f)
{
    const model_ledger *m = &f->chain.model;
    uint8_t entry[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    sim_disk_hold_memory(true);
    cairn_view *view = cairn_engine_view(joiner->engine);
    uint64_t size = view->log_size;
    const model_block *block = NULL;
    for (size_t i = 0; i < m->block_count; i++) {
        if (m->blocks[i].first + m->blocks[i].count + 1 == size)
            block = &m->blocks[i];
    }
    SIM_CHECK(block != NULL, "the joiner has %" PRIu64 " entries, where no block ends", size);
    size_t entry_size = cairn_block_entry_encode(&view->last, entry);
    model_hash root = model_log_root(m, size);
    SIM_CHECK(cairn_bytes_equal(cairn_bytes_of(entry, entry_size),
                                cairn_bytes_of(block->entry, block->entry_size)) &&
                  memcmp(view->log_root.b, root.b, sizeof root.b) == 0,
              "the joiner has another ledger of %" PRIu64 " entries", size);
    SIM_CHECK(size >= f->kept, "the joiner has %" PRIu64 " of %" PRIu64 " entries that it took",
              size, f->kept);
    cairn_view_free(view);
    sim_disk_hold_memory(false);
    return size;
}

static void check_all(const sim_ctx *ctx, const model_ledger *model)
{
    sim_disk_hold_memory(true);
    sim_check_ledger(ctx, joiner->engine, model, &played_pool);
    sim_disk_hold_memory(false);
}

static void start(const sim_ctx *ctx)
{
    const facts *f = ctx->facts;
    if (sim_disk_lacks_space())
        sim_disk_give_space();
    if (!played_open(ctx, PLAYED_JOINER))
        return;
    joiner->up = true;
    (void)check_clean(f);
    if (f->joined)
        (void)played_restart_engine(ctx, PLAYED_JOINER);
}

/* --- offers --- */

static const offered *any_source(sim_ctx *ctx)
{
    if (ctx->last || sim_rng_percent(&ctx->rng, 40))
        return &sources[source_count - 1];
    return &sources[sim_rng_below(&ctx->rng, source_count)];
}

/* Does it lead further than the joiner is? Blocks that change nothing count, too. */
static bool leads_on(const offered *source, uint64_t size)
{
    return size < source->read.size ||
           (size == source->read.size &&
            cairn_store_delivered_height(joiner->engine) <= source->offer.height);
}

static void offer(sim_ctx *ctx)
{
    const facts *f = ctx->facts;
    const offered *source = any_source(ctx);
    uint64_t result = 0;
    uint64_t size = check_clean(f);
    accepted = NULL;
    if (failed(ctx,
               replica_offer(joiner, &source->offer,
                             &f->chain.blocks[source->offer.height].app_hash, &result),
               "OfferSnapshot"))
        return;
    SIM_CHECK(result == (leads_on(source, size) ? OFFER_ACCEPT : OFFER_REJECT),
              "a snapshot of %" PRIu64 " entries is answered %" PRIu64 " by one that has %" PRIu64,
              source->read.size, result, size);
    if (result == OFFER_ACCEPT)
        accepted = source;
    next_chunk = 0;
}

static uint8_t lie_memory[LIE_SIZE_MAX];

/* Altered in one of some ways. */
static cairn_bytes spoil(sim_ctx *ctx, cairn_bytes truth)
{
    size_t size = truth.size;
    SIM_CHECK(size + 1 <= LIE_SIZE_MAX, "%zu bytes to spoil", size);
    memcpy(lie_memory, truth.data, size);
    lie_memory[size] = (uint8_t)sim_rng_next(&ctx->rng);
    switch (sim_rng_below(&ctx->rng, 4)) {
    case 0:
        size = (size_t)sim_rng_below(&ctx->rng, size);
        break;
    case 1:
        size++;
        break;
    default:
        lie_memory[sim_rng_below(&ctx->rng, size)] ^= (uint8_t)(1 << sim_rng_below(&ctx->rng, 8));
        break;
    }
    return cairn_bytes_of(lie_memory, size);
}

/* --- offers that lie --- */

/* A snapshot that is not what its sender says, or not what the chain signed. The answer to it. */
static uint64_t make_lie(sim_ctx *ctx, const offered *source, cairn_abci_snapshot *lie)
{
    const offered *other = &sources[(size_t)(source - sources + 1) % source_count];
    static cairn_hash hash;
    switch (sim_rng_below(&ctx->rng, 6)) {
    case 0:
        lie->format = 2;
        return OFFER_REJECT_FORMAT;
    case 1:
        lie->chunks += sim_rng_percent(&ctx->rng, 50) ? 1 : -UINT64_C(1);
        break;
    case 2:
        lie->height++;
        break;
    case 3:
        lie->hash = other->offer.hash;
        break;
    case 4: /* another's, whole */
        lie->metadata = other->offer.metadata;
        lie->hash = other->offer.hash;
        break;
    default:
        lie->metadata = spoil(ctx, lie->metadata);
        sim_disk_hold_memory(true);
        cairn_sha256_of(lie->metadata.data, lie->metadata.size, &hash);
        sim_disk_hold_memory(false);
        lie->hash = cairn_bytes_hash(&hash);
        break;
    }
    return OFFER_REJECT_SENDER;
}

/* Where the chunks end is signed by nobody: is that all that is altered? */
static bool lies_about_ends(const facts *f, const offered *source, const cairn_abci_snapshot *lie)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_snapshot read;
    cairn_hash app_hash;
    sim_disk_hold_memory(true);
    cairn_arena_init(&arena, LIE_SIZE_MAX << 4);
    memcpy(app_hash.b, f->chain.blocks[source->offer.height].app_hash.b, sizeof app_hash.b);
    bool good = lie->metadata.data == lie_memory &&
                cairn_snapshot_decode(&arena, lie->metadata, &app_hash, &read) == CAIRN_OK &&
                read.chunk_count == lie->chunks && read.entry.height == lie->height;
    sim_disk_hold_memory(false);
    return good;
}

/* Chunks that end elsewhere than was said: what fits is taken, the rest does no harm. */
static void apply_between_wrong_ends(const sim_ctx *ctx, const offered *source)
{
    facts *f = ctx->facts;
    replica_applied answer = {0};
    for (uint64_t i = 0; i < source->offer.chunks; i++) {
        if (failed(ctx, replica_apply(joiner, i, source->chunks[i], &answer), "ApplySnapshotChunk"))
            return;
        SIM_CHECK(answer.result != CAIRN_SNAPSHOT_ABORT, "the signed chunk %" PRIu64 " is aborted",
                  i);
        f->kept = check_clean(f);
    }
}

static void offer_lie(sim_ctx *ctx)
{
    const facts *f = ctx->facts;
    const offered *source = any_source(ctx);
    cairn_abci_snapshot lie = source->offer;
    uint64_t result = 0, size = check_clean(f), expected = make_lie(ctx, source, &lie);
    bool about_ends = expected == OFFER_REJECT_SENDER && lies_about_ends(f, source, &lie);
    accepted = NULL;
    if (about_ends)
        expected = leads_on(source, size) ? OFFER_ACCEPT : OFFER_REJECT;
    if (failed(
            ctx,
            replica_offer(joiner, &lie, &f->chain.blocks[source->offer.height].app_hash, &result),
            "OfferSnapshot"))
        return;
    SIM_CHECK(result == expected, "an offer that lies is answered %" PRIu64, result);
    if (result == OFFER_ACCEPT)
        apply_between_wrong_ends(ctx, source);
}

/* --- chunks --- */

/* After the last chunk: what the engine asks, before its state begins there. */
static void finish(const sim_ctx *ctx)
{
    facts *f = ctx->facts;
    const offered *source = accepted;
    uint64_t height = 0, at = source->offer.height;
    model_hash app_hash;
    if (failed(ctx, replica_info(joiner, &height, &app_hash), "Info"))
        return;
    SIM_CHECK(height == at &&
                  memcmp(app_hash.b, f->chain.blocks[at].app_hash.b, sizeof app_hash.b) == 0,
              "the joiner says it joined at %" PRIu64 ", not at %" PRIu64, height, at);
    check_all(ctx, &source->model);
    f->joined = true;
    f->chain.engines[PLAYED_JOINER] = (played_engine){.base = at + 1, .stored = at, .state = at};
    accepted = NULL;
}

static uint64_t expected_of(uint64_t index, bool truth, uint64_t size)
{
    const cairn_snapshot *s = &accepted->read;
    if (index >= s->chunk_count)
        return CAIRN_SNAPSHOT_ABORT;
    if (cairn_snapshot_chunk_begin(s, (size_t)index) > size)
        return CAIRN_SNAPSHOT_RESTART;
    return truth || s->ends[index] <= size ? CAIRN_SNAPSHOT_TAKEN : CAIRN_SNAPSHOT_RETRY;
}

/* Has the joiner the first blocks of this chunk already? It does not look at them again. */
static bool is_begun(uint64_t index, uint64_t size)
{
    const cairn_snapshot *s = &accepted->read;
    return index < s->chunk_count && size < s->ends[index] &&
           size > cairn_snapshot_chunk_begin(s, (size_t)index);
}

/* A chunk as its sender sends it: the right one when `truth`. */
static void apply(const sim_ctx *ctx, uint64_t index, cairn_bytes chunk, bool truth)
{
    facts *f = ctx->facts;
    replica_applied answer = {0};
    uint64_t before = check_clean(f);
    uint64_t expected = expected_of(index, truth, before);
    if (failed(ctx, replica_apply(joiner, index, chunk, &answer), "ApplySnapshotChunk"))
        return;
    if (answer.result == CAIRN_SNAPSHOT_TAKEN && is_begun(index, before))
        expected =
            CAIRN_SNAPSHOT_TAKEN; /* what was altered is under no root, and was there before */
    SIM_CHECK(answer.result == expected,
              "chunk %" PRIu64 ", %s, is answered %" PRIu64 " and not %" PRIu64 ": %s", index,
              truth ? "right" : "wrong", answer.result, expected, cairn_err_detail());
    bool blamed = expected == CAIRN_SNAPSHOT_RETRY;
    SIM_CHECK(answer.blames == blamed && answer.refetches == blamed,
              "the sender of chunk %" PRIu64 " is %s", index, blamed ? "not blamed" : "blamed");
    uint64_t after = check_clean(f);
    if (blamed) { /* the blocks before an altered refusal, of which nothing is signed, stay */
        SIM_CHECK(after < accepted->read.ends[index], "a chunk that was refused is there");
        return;
    }
    uint64_t wanted = expected == CAIRN_SNAPSHOT_TAKEN ? accepted->read.ends[index] : before;
    SIM_CHECK(after == (wanted > before ? wanted : before),
              "chunk %" PRIu64 " leads from %" PRIu64 " to %" PRIu64 " entries", index, before,
              after);
    if (expected != CAIRN_SNAPSHOT_TAKEN)
        return;
    f->kept = after;
    next_chunk = index + 1;
    if (next_chunk == accepted->offer.chunks)
        finish(ctx);
}

static void apply_truth(const sim_ctx *ctx, uint64_t index)
{
    apply(ctx, index, accepted->chunks[index], true);
}

static void apply_lie(sim_ctx *ctx)
{
    const offered *other = any_source(ctx);
    uint64_t index = next_chunk, count = accepted->offer.chunks;
    cairn_bytes truth = accepted->chunks[index], lie = {0};
    switch (sim_rng_below(&ctx->rng, 5)) {
    case 0: /* of another place */
        lie = accepted->chunks[(index + 1 + sim_rng_below(&ctx->rng, count)) % count];
        break;
    case 1: /* of another snapshot */
        lie = other->chunks[index % other->offer.chunks];
        break;
    case 2:
        break;
    default:
        lie = spoil(ctx, truth);
        break;
    }
    apply(ctx, index, lie, cairn_bytes_equal(lie, truth));
}

static void step_chunk(sim_ctx *ctx)
{
    uint64_t p = sim_rng_below(&ctx->rng, 100);
    uint64_t count = accepted->offer.chunks;
    if (p < 60)
        apply_truth(ctx, next_chunk);
    else if (p < 85)
        apply_lie(ctx);
    else if (p < 95) /* out of turn */
        apply_truth(ctx, sim_rng_below(&ctx->rng, count));
    else
        apply(ctx, count + sim_rng_below(&ctx->rng, 3), accepted->chunks[0], true);
}

/* None was accepted: there is nothing that a chunk could be of. */
static void apply_to_none(const sim_ctx *ctx)
{
    replica_applied answer = {0};
    if (!failed(ctx, replica_apply(joiner, 0, sources[0].chunks[0], &answer), "ApplySnapshotChunk"))
        SIM_CHECK(answer.result == CAIRN_SNAPSHOT_ABORT, "a chunk of nothing is answered %" PRIu64,
                  answer.result);
}

/* --- a life --- */

static void step_join(sim_ctx *ctx)
{
    uint64_t p = sim_rng_below(&ctx->rng, 100);
    if (accepted != NULL && p < 90)
        step_chunk(ctx);
    else if (p < 30)
        offer_lie(ctx);
    else if (p < 35 && accepted == NULL)
        apply_to_none(ctx);
    else
        offer(ctx);
}

/* Its engine may lose all it has, as long as there is a snapshot that leads further. */
static void step_joined(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    const played_engine *engine = &f->chain.engines[PLAYED_JOINER];
    if (sim_rng_percent(&ctx->rng, 5) && engine->state <= sources[source_count - 1].offer.height) {
        fail_joiner();
        f->joined = false;
        return;
    }
    if (engine->state < f->chain.height)
        (void)played_advance(ctx, PLAYED_JOINER, PLAYED_DONE);
    if (joiner->up)
        (void)check_clean(f);
}

static void run_step(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    played_pass_time(&f->chain, sim_rng_below(&ctx->rng, MS_MAX));
    if (!joiner->up)
        start(ctx);
    else if (sim_rng_percent(&ctx->rng, 4))
        fail_joiner();
    else if (sim_rng_percent(&ctx->rng, 10))
        (void)failed(ctx, replica_turn(joiner), "turn");
    else if (f->joined)
        step_joined(ctx);
    else
        step_join(ctx);
}

/* Without a fault it joins, comes to the last block, and cuts the snapshots of the others. */
static void end_well(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    size_t count = 0;
    while (!joiner->up)
        start(ctx);
    if (!f->joined)
        offer(ctx);
    while (!f->joined)
        apply_truth(ctx, next_chunk);
    played_catch_up(ctx, PLAYED_JOINER);
    SIM_CHECK(played_at_top(&f->chain, PLAYED_JOINER),
              "the joiner does not come to the last block");
    check_all(ctx, &f->chain.model);
    const cairn_abci_snapshot ours = newest_of(PLAYED_JOINER, &count);
    check_same(&ours, &sources[source_count - 1].offer);
}

static void live(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    if (f->chain.now_ms == 0) {
        f->chain = lived;
        f->chain.engines[PLAYED_JOINER] = (played_engine){.base = f->chain.first};
    }
    joiner->up = false;
    accepted = NULL;
    for (unsigned i = 0; i < STEPS; i++)
        run_step(ctx);
    if (ctx->last)
        end_well(ctx);
}

int main(int argc, char **argv)
{
    const sim_workload workload = {.name = "sim_snapshot",
                                   .faults = SIM_FAULTS_ALL,
                                   .facts_size = sizeof(facts),
                                   .warm_up = warm_up,
                                   .live = live};
    return sim_main(argc, argv, &workload);
}
