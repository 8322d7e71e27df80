/* What happens to four members: steps drawn from the life's chance. */
#include "sim/played.h"

enum {
    STEPS = 50,
    ROUNDS_MAX = 3,
    PROPOSAL_ARENA_SIZE_MAX = 16 << 20,
    MS_MAX = 60, /* between two steps; now and then: */
    PAUSE_MS_MAX = 4000,
};

/* A member that is at the top, or one that is behind; PLAYED_MEMBERS when there is none. */
static unsigned pick(sim_ctx *ctx, bool top)
{
    const played_chain *chain = ctx->facts;
    unsigned first = (unsigned)sim_rng_below(&ctx->rng, PLAYED_MEMBERS);
    for (unsigned i = 0; i < PLAYED_MEMBERS; i++) {
        unsigned r = (first + i) % PLAYED_MEMBERS;
        if (played_members[r].up && played_at_top(chain, r) == top)
            return r;
    }
    return PLAYED_MEMBERS;
}

static unsigned anyone(sim_ctx *ctx)
{
    return (unsigned)sim_rng_below(&ctx->rng, PLAYED_MEMBERS);
}

/* A client's transaction, or what gossip brings; now and then signed twice. */
static void step_check_tx(sim_ctx *ctx)
{
    unsigned r = anyone(ctx);
    size_t place = (size_t)sim_rng_below(&ctx->rng, MODEL_POOL);
    if (sim_rng_percent(&ctx->rng, 10))
        place = place / 32 * 32 + 19; /* has a twin */
    const model_tx *tx = &played_pool.txs[place];
    if (played_check_tx(ctx, r, place) && tx->twin != 0)
        (void)played_check_tx(ctx, r, tx->twin - 1);
}

/* Some of what waits at a member. */
static void gather(sim_ctx *ctx, unsigned r, replica_block *block)
{
    const played_chain *chain = ctx->facts;
    size_t wanted = (size_t)sim_rng_below(&ctx->rng, REPLICA_BLOCK_TXS + 1);
    size_t first = (size_t)sim_rng_below(&ctx->rng, MODEL_POOL);
    for (size_t n = 0; n < MODEL_POOL && block->count < wanted; n++) {
        if (chain->engines[r].pooled[(first + n) % MODEL_POOL])
            played_add(block, (first + n) % MODEL_POOL);
    }
}

/* Anything at all, some of it twice. */
static void invent(sim_ctx *ctx, replica_block *block)
{
    size_t wanted = (size_t)sim_rng_below(&ctx->rng, REPLICA_BLOCK_TXS + 1);
    while (block->count < wanted) {
        size_t place = (size_t)sim_rng_below(&ctx->rng, MODEL_POOL);
        played_add(block, place);
        if (sim_rng_percent(&ctx->rng, 10) && block->count < wanted)
            played_add(block, place);
    }
}

/* False when there is nobody to propose. */
static bool propose(sim_ctx *ctx, bool hostile, cairn_arena *arena, replica_block *ret_block)
{
    uint64_t size_max = sim_rng_percent(&ctx->rng, 20) ? 300 + sim_rng_below(&ctx->rng, 3000)
                                                       : PLAYED_PROPOSAL_SIZE_MAX;
    unsigned r = pick(ctx, true);
    if (r == PLAYED_MEMBERS)
        return false;
    *ret_block = played_next(ctx->facts);
    if (hostile) {
        invent(ctx, ret_block);
        return true;
    }
    gather(ctx, r, ret_block);
    return played_prepare(ctx, r, size_max, arena, ret_block);
}

/* A few rounds, of which the last may decide. What honest members refuse is decided now and then,
 * too: the application has no say in what the engine hands it. */
static void step_rounds(sim_ctx *ctx)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    unsigned rounds = 1 + (unsigned)sim_rng_below(&ctx->rng, ROUNDS_MAX);
    replica_block block;
    cairn_arena_init(&arena, PROPOSAL_ARENA_SIZE_MAX);
    for (unsigned i = 1; i <= rounds; i++) {
        bool hostile = sim_rng_percent(&ctx->rng, 30);
        unsigned absent = (unsigned)sim_rng_below(&ctx->rng, 1 << PLAYED_MEMBERS);
        if (!propose(ctx, hostile, &arena, &block))
            return;
        bool accepted = played_process(ctx, &block, !hostile, absent);
        if (i == rounds && (accepted || sim_rng_percent(&ctx->rng, 30)))
            (void)played_decide(ctx, &block);
    }
}

/* A member takes some decided blocks; its engine, or both, may end on the way. */
static void step_advance(sim_ctx *ctx)
{
    const played_chain *chain = ctx->facts;
    unsigned r = pick(ctx, false);
    unsigned count = 1 + (unsigned)sim_rng_below(&ctx->rng, 4);
    played_stop stop = sim_rng_percent(&ctx->rng, 90)
                           ? PLAYED_DONE
                           : (played_stop)sim_rng_below(&ctx->rng, PLAYED_DONE);
    for (unsigned i = 0; i < count && r < PLAYED_MEMBERS; i++) {
        if (chain->engines[r].state == chain->height)
            return;
        if (played_advance(ctx, r, stop))
            continue;
        if (played_members[r].up && sim_rng_percent(&ctx->rng, 50))
            (void)played_restart_engine(ctx, r);
        else
            replica_kill(&played_members[r]);
        return;
    }
}

/* Its operator installs the next program, or the one before again. */
static void change_program(sim_ctx *ctx, unsigned r)
{
    played_chain *chain = ctx->facts;
    if (chain->model.upgrade_height != 0)
        chain->engines[r].upgraded = sim_rng_percent(&ctx->rng, 70);
}

static void step_restart(sim_ctx *ctx)
{
    unsigned r = anyone(ctx);
    sim_replica *member = &played_members[r];
    if (member->up && sim_rng_percent(&ctx->rng, 30) &&
        played_failed(ctx, r, replica_close(member), "close"))
        return;
    replica_kill(member);
    change_program(ctx, r);
    if (played_start(ctx, r))
        played_check_member(ctx, r);
}

/* The writers of the stores are threads of their own in a node: they come whenever they come. */
static void take_turns(sim_ctx *ctx)
{
    for (unsigned r = 0; r < PLAYED_MEMBERS; r++) {
        if (played_members[r].up && sim_rng_percent(&ctx->rng, 20))
            (void)played_failed(ctx, r, replica_turn(&played_members[r]), "turn");
    }
}

static void step_settle(sim_ctx *ctx)
{
    unsigned r = anyone(ctx);
    if (!played_members[r].up ||
        played_failed(ctx, r, replica_settle(&played_members[r]), "settle"))
        return;
    played_check_member(ctx, r);
}

static void step_ask(sim_ctx *ctx)
{
    unsigned r = anyone(ctx);
    if (sim_rng_percent(&ctx->rng, 30))
        played_nonsense(ctx, r);
    for (unsigned i = 0; i < 5; i++)
        played_query(ctx, r, (size_t)sim_rng_below(&ctx->rng, MODEL_POOL),
                     sim_rng_percent(&ctx->rng, 50));
}

static void run_step(sim_ctx *ctx)
{
    uint64_t p = sim_rng_below(&ctx->rng, 100);
    bool pause = sim_rng_percent(&ctx->rng, 4);
    played_pass_time(ctx->facts, sim_rng_below(&ctx->rng, pause ? PAUSE_MS_MAX : MS_MAX));
    if (p < 32)
        step_check_tx(ctx);
    else if (p < 36)
        step_ask(ctx);
    else if (p < 56)
        step_rounds(ctx);
    else if (p < 90)
        step_advance(ctx);
    else if (p < 96)
        step_restart(ctx);
    else
        step_settle(ctx);
    take_turns(ctx);
}

/* Without a fault everybody comes to the last block, with the newest program, and reads what the
 * others read. */
static void gather_all(const sim_ctx *ctx)
{
    played_chain *chain = ctx->facts;
    for (unsigned r = 0; r < PLAYED_MEMBERS; r++) {
        if (!chain->engines[r].upgraded)
            replica_kill(&played_members[r]);
        chain->engines[r].upgraded = true;
        if (!played_members[r].up)
            (void)played_start(ctx, r);
        played_catch_up(ctx, r);
        SIM_CHECK(played_at_top(ctx->facts, r), "member %u does not come to the last block", r);
        played_check_member(ctx, r);
    }
}

void played_live(sim_ctx *ctx)
{
    bool embedded = ctx->trial_seed % 3 == 0 && played_pool.genesis.upgrade_height == 0;
    played_begin(ctx, embedded ? PLAYED_EMBEDDED_MAX : 0);
    for (unsigned r = 0; r < PLAYED_MEMBERS; r++) {
        if (played_start(ctx, r))
            played_check_member(ctx, r);
    }
    for (unsigned i = 0; i < STEPS; i++)
        run_step(ctx);
    if (ctx->last)
        gather_all(ctx);
    for (unsigned r = 0; r < PLAYED_MEMBERS; r++) {
        if (played_members[r].up && sim_rng_percent(&ctx->rng, 50))
            (void)played_failed(ctx, r, replica_close(&played_members[r]), "close");
    }
}
