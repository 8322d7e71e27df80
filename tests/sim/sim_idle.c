/* Days in which nothing happens: four members of a consortium idle for 25 hours, with an empty
 * block every half minute, or without a quorum and so without any block, on simulated clocks.
 * Afterwards what is valid by the members' clocks is accepted, nothing else, and soon; nobody has
 * written anything for the empty blocks; who restarts comes back. */
#include "sim/played.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    EMPTY_BLOCK_MS = 30000, /* create_empty_blocks_interval */
    IDLE_BLOCKS = 3100,     /* of a day, and some */
    BLOCK_MS = 150,         /* a height that is not idle */
    WORK_ROUNDS = 3,
    WAKE_ROUNDS_MAX = 3, /* until a transaction is accepted after a quiet day */
    REPLAY_MAX = 1024,   /* empty blocks that a restart may ask for again */
};

typedef struct facts {
    played_chain chain; /* first */
    uint64_t day;
} facts;

static uint64_t day_begins_ms(uint64_t day)
{
    return SIM_POOL_TIME_MS + day * SIM_POOL_DAY_MS;
}

/* What an honest proposer put into the last block was valid in it. */
static void check_last_block(const played_chain *chain)
{
    const played_block *last = &chain->blocks[chain->height];
    for (size_t i = 0; i < last->count; i++) {
        SIM_CHECK(last->codes[i] != (uint32_t)-CAIRN_ERR_TX_EXPIRED &&
                      last->codes[i] != (uint32_t)-CAIRN_ERR_TX_TOO_FAR_AHEAD,
                  "an honest proposer's transaction %u is out of its time in block %" PRIu64,
                  last->txs[i], chain->height);
    }
}

static void work(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    for (unsigned i = 0; i < WORK_ROUNDS; i++) {
        for (unsigned n = 0; n < 6; n++) {
            size_t row = (size_t)sim_rng_below(&ctx->rng, MODEL_POOL / SIM_POOL_DAYS);
            unsigned r = (unsigned)sim_rng_below(&ctx->rng, PLAYED_MEMBERS);
            (void)played_check_tx(ctx, r, row * SIM_POOL_DAYS + (size_t)f->day);
        }
        played_pass_time(&f->chain, BLOCK_MS);
        played_make_block(ctx, (unsigned)f->chain.height % PLAYED_MEMBERS);
        check_last_block(&f->chain);
    }
}

/* --- what the disk holds --- */

static uint64_t size_of_directory(const char *path)
{
    uint64_t sum = 0;
    char name[512];
    struct stat found;
    DIR *directory = opendir(path);
    for (const struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (stat(name, &found) == 0 && S_ISREG(found.st_mode))
            sum += (uint64_t)found.st_size;
    }
    if (directory != NULL)
        (void)closedir(directory);
    return sum;
}

static uint64_t block_log_size(unsigned r)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%u/blocks", sim_disk_root(), r);
    return size_of_directory(path);
}

/* --- quiet days --- */

static void check_quiet(const sim_ctx *ctx, const uint64_t *sizes, uint64_t entries)
{
    const played_chain *chain = ctx->facts;
    SIM_CHECK(chain->model.entry_count == entries, "something was accepted on a quiet day");
    for (unsigned r = 0; r < PLAYED_MEMBERS; r++)
        SIM_CHECK(block_log_size(r) == sizes[r], "member %u wrote blocks on a quiet day", r);
}

/* Nobody says anything; the engine's empty blocks keep the time. */
static void idle(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    uint64_t sizes[PLAYED_MEMBERS];
    for (unsigned i = 0; i < PLAYED_MEMBERS; i++) { /* what still waits is decided or expires */
        played_pass_time(&f->chain, MODEL_VALIDITY_MAX_MS / 2);
        played_make_block(ctx, i);
    }
    for (unsigned r = 0; r < PLAYED_MEMBERS; r++) {
        SIM_CHECK(replica_settle(&played_members[r]) == CAIRN_OK, "member %u: settle", r);
        sizes[r] = block_log_size(r);
    }
    uint64_t entries = f->chain.model.entry_count;
    while (f->chain.now_ms + EMPTY_BLOCK_MS < day_begins_ms(f->day + 1)) {
        played_pass_time(&f->chain, EMPTY_BLOCK_MS);
        played_make_block(ctx, (unsigned)f->chain.height % PLAYED_MEMBERS);
    }
    check_quiet(ctx, sizes, entries);
}

/* Two of four are gone, so the other two decide nothing; what waits there waits. */
static void lose_quorum(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    unsigned first = (unsigned)sim_rng_below(&ctx->rng, PLAYED_MEMBERS);
    unsigned gone[2] = {first,
                        (first + 1 + (unsigned)sim_rng_below(&ctx->rng, 3)) % PLAYED_MEMBERS};
    for (unsigned i = 0; i < 2; i++)
        replica_kill(&played_members[gone[i]]);
    played_pass_time(&f->chain, day_begins_ms(f->day + 1) - f->chain.now_ms);
    for (unsigned i = 0; i < 2; i++)
        SIM_CHECK(played_start(ctx, gone[i]), "member %u does not start", gone[i]);
}

/* A transaction of the new day is accepted within a few heights, wherever it was sent. */
static void wake_up(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    unsigned r = (unsigned)sim_rng_below(&ctx->rng, PLAYED_MEMBERS);
    size_t place = 0;
    for (place = (size_t)f->day; place < MODEL_POOL; place += SIM_POOL_DAYS) {
        if (f->chain.model.fate[place] == MODEL_FRESH && played_check_tx(ctx, r, place))
            break;
    }
    SIM_CHECK(place < MODEL_POOL, "no transaction is good on day %" PRIu64, f->day);
    for (unsigned i = 0; i < WAKE_ROUNDS_MAX; i++) {
        played_pass_time(&f->chain, BLOCK_MS);
        played_make_block(ctx, r);
        check_last_block(&f->chain);
    }
    SIM_CHECK(f->chain.model.fate[place] != MODEL_FRESH,
              "a transaction waits for more than %d blocks after a quiet day", WAKE_ROUNDS_MAX);
}

static void restart_one(sim_ctx *ctx)
{
    const played_chain *chain = ctx->facts;
    unsigned r = (unsigned)sim_rng_below(&ctx->rng, PLAYED_MEMBERS);
    uint64_t height = 0;
    model_hash app_hash;
    replica_kill(&played_members[r]);
    SIM_CHECK(played_open(ctx, r) &&
                  replica_info(&played_members[r], &height, &app_hash) == CAIRN_OK,
              "member %u does not start", r);
    SIM_CHECK(height + REPLAY_MAX + WORK_ROUNDS >= chain->engines[r].state,
              "member %u asks for %" PRIu64 " blocks again", r, chain->engines[r].state - height);
    SIM_CHECK(played_restart_engine(ctx, r), "member %u does not come back", r);
    played_check_member(ctx, r);
}

/* --- a life --- */

static void live(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    played_begin(ctx, 0);
    for (unsigned r = 0; r < PLAYED_MEMBERS; r++) {
        SIM_CHECK(played_start(ctx, r), "member %u does not start", r);
        played_catch_up(ctx, r);
    }
    for (unsigned i = 0; i < 2 && f->day + 1 < SIM_POOL_DAYS; i++) {
        work(ctx);
        bool room = f->chain.height + IDLE_BLOCKS < PLAYED_HEIGHT_MAX;
        if (room && sim_rng_percent(&ctx->rng, 50))
            idle(ctx);
        else
            lose_quorum(ctx);
        played_pass_time(&f->chain, day_begins_ms(f->day + 1) - f->chain.now_ms);
        f->day++;
        restart_one(ctx);
        wake_up(ctx);
        for (unsigned r = 0; r < PLAYED_MEMBERS; r++)
            played_check_member(ctx, r);
    }
}

static void warm_up(void)
{
    played_warm_up(SIM_POOL_FOR_DAYS);
}

int main(int argc, char **argv)
{
    const sim_workload workload = {.name = "sim_idle",
                                   .faults = 0,
                                   .facts_size = sizeof(facts),
                                   .warm_up = warm_up,
                                   .live = live};
    return sim_main(argc, argv, &workload);
}
