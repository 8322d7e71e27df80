/* Crashes, faults and flipped bits under the block log. Record n of a trial is a function of
 * (trial, n). After any crash: every acknowledged record is there, as it was, and at most what was
 * issued besides; a flipped bit is refused or does no harm, and is never served. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cairn/arena.h"
#include "core/store/block_log.h"
#include "sim/runner.h"

enum {
    PAYLOAD_SIZE_MAX = 4000,
    GROUP_MAX = 6, /* records of one append */
    STEPS = 10,
};

typedef struct facts {
    uint64_t acknowledged; /* records that must be there */
    uint64_t issued;       /* ... that may be there */
    uint64_t checkpointed; /* ... that another store knows of, as the engine's index does */
} facts;

static const char *directory(void)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/blocks", sim_disk_root());
    return path;
}

/* Some payloads hold runs of zeros: a torn frame shows itself by zero sectors. */
static size_t make_payload(uint64_t trial_seed, uint64_t number, uint8_t out[PAYLOAD_SIZE_MAX])
{
    sim_rng rng = sim_rng_derive(trial_seed, number);
    size_t size = (size_t)sim_rng_below(&rng, sim_rng_percent(&rng, 25) ? PAYLOAD_SIZE_MAX : 400);
    sim_rng_fill(&rng, out, size);
    if (sim_rng_percent(&rng, 30)) {
        size_t start = (size_t)sim_rng_below(&rng, size + 1);
        size_t count = (size_t)sim_rng_below(&rng, size - start + 1);
        memset(out + start, 0, count);
    }
    return size;
}

static bool is_record(const sim_ctx *ctx, uint64_t number, cairn_bytes payload)
{
    uint8_t expected[PAYLOAD_SIZE_MAX];
    size_t size = make_payload(ctx->trial_seed, number, expected);
    return cairn_bytes_equal(payload, cairn_bytes_of(expected, size));
}

static void check_excused(const sim_ctx *ctx, cairn_err err, const char *what)
{
    bool excused =
        sim_disk_fired(SIM_FAULTS_SOFT) || (ctx->flip != NULL && err == CAIRN_ERR_CORRUPT);
    SIM_CHECK(excused, "%s without a fault: %s %s", what, cairn_err_name(err), cairn_err_detail());
}

static void check_one(const sim_ctx *ctx, cairn_block_log *log, uint64_t number, bool damaged)
{
    cairn_arena arena;
    cairn_bytes payload;
    cairn_arena_init(&arena, 1 << 20);
    cairn_err err = cairn_block_log_read(&arena, log, number, &payload);
    if (err == CAIRN_OK)
        SIM_CHECK(is_record(ctx, number, payload), "record %" PRIu64 " is not what was written",
                  number);
    else
        SIM_CHECK(damaged && err == CAIRN_ERR_CORRUPT, "record %" PRIu64 ": %s %s", number,
                  cairn_err_name(err), cairn_err_detail());
    cairn_arena_done(&arena);
}

static void check_walk(const sim_ctx *ctx, cairn_block_log *log, bool damaged)
{
    cairn_block_log_cursor *cursor;
    cairn_bytes payload;
    uint64_t number, expected = 0;
    cairn_err err = cairn_block_log_cursor_open(log, 0, &cursor);
    SIM_CHECK(err == CAIRN_OK || damaged, "cursor: %s", cairn_err_detail());
    if (err != CAIRN_OK)
        return;
    while ((err = cairn_block_log_cursor_next(cursor, &number, &payload)) == CAIRN_OK) {
        SIM_CHECK(number == expected && is_record(ctx, number, payload),
                  "walk: record %" PRIu64 " is not what was written", number);
        expected++;
    }
    cairn_block_log_cursor_close(cursor);
    if (err == CAIRN_ERR_NOT_FOUND)
        SIM_CHECK(expected == cairn_block_log_count(log), "walk ends at %" PRIu64, expected);
    else
        SIM_CHECK(damaged && err == CAIRN_ERR_CORRUPT, "walk: %s", cairn_err_detail());
}

/* Everything that the log shows is right; with `damaged` it may refuse instead. */
static void check_all(const sim_ctx *ctx, cairn_block_log *log, bool damaged)
{
    const facts *f = ctx->facts;
    sim_disk_hold_memory(true);
    uint64_t count = cairn_block_log_count(log);
    SIM_CHECK(count >= f->acknowledged, "%" PRIu64 " records of %" PRIu64 " acknowledged", count,
              f->acknowledged);
    SIM_CHECK(count <= f->issued, "more records than were issued");
    for (uint64_t i = 0; i < count; i++)
        check_one(ctx, log, i, damaged);
    check_walk(ctx, log, damaged);
    sim_disk_hold_memory(false);
}

static cairn_err append_group(sim_ctx *ctx, cairn_block_log *log, uint64_t *next)
{
    static uint8_t data[GROUP_MAX][PAYLOAD_SIZE_MAX];
    cairn_bytes payloads[GROUP_MAX];
    facts *f = ctx->facts;
    uint64_t first = 0;
    size_t count = 1 + (size_t)sim_rng_below(&ctx->rng, GROUP_MAX);
    for (size_t i = 0; i < count; i++)
        payloads[i] = cairn_bytes_of(data[i], make_payload(ctx->trial_seed, *next + i, data[i]));
    f->issued = f->issued > *next + count ? f->issued : *next + count;
    CAIRN_TRY(cairn_block_log_append(log, payloads, count, &first));
    SIM_CHECK(first == *next, "append gave number %" PRIu64 ", not %" PRIu64, first, *next);
    *next += count;
    return CAIRN_OK;
}

static cairn_err run_step(sim_ctx *ctx, cairn_block_log *log, uint64_t *next)
{
    facts *f = ctx->facts;
    CAIRN_TRY(append_group(ctx, log, next));
    if (sim_rng_percent(&ctx->rng, 20))
        CAIRN_TRY(append_group(ctx, log, next));
    bool seal = sim_rng_percent(&ctx->rng, 15);
    cairn_err err = seal ? cairn_block_log_seal(log) : cairn_block_log_sync(log);
    /* A seal may fail after the records in front of it were made durable. */
    f->acknowledged = cairn_block_log_count(log);
    CAIRN_TRY(err);
    SIM_CHECK(f->acknowledged == *next, "a sync acknowledges %" PRIu64 " of %" PRIu64,
              f->acknowledged, *next);
    if (sim_rng_percent(&ctx->rng, 20))
        f->checkpointed = f->acknowledged;
    return CAIRN_OK;
}

/* A log that failed stays read-only and readable; one without space or memory may go on. */
static bool goes_on(sim_ctx *ctx, cairn_block_log *log, cairn_err err, uint64_t *next)
{
    const facts *f = ctx->facts;
    check_excused(ctx, err, "a step failed");
    check_all(ctx, log, false);
    if (err == CAIRN_ERR_IO || err == CAIRN_ERR_READ_ONLY) {
        err = append_group(ctx, log, next);
        SIM_CHECK(err == CAIRN_ERR_READ_ONLY, "append after a failure: %s", cairn_err_name(err));
        return false;
    }
    /* Records that were appended but not synced are still in front of the next ones. */
    if (*next != f->acknowledged && cairn_block_log_sync(log) != CAIRN_OK)
        return false;
    ((facts *)ctx->facts)->acknowledged = cairn_block_log_count(log);
    *next = f->acknowledged;
    return true;
}

static void run_steps(sim_ctx *ctx, cairn_block_log *log)
{
    uint64_t next = cairn_block_log_count(log);
    for (unsigned i = 0; i < STEPS; i++) {
        cairn_err err = run_step(ctx, log, &next);
        if (err != CAIRN_OK && !goes_on(ctx, log, err, &next))
            return;
    }
}

static bool pick_segment(sim_rng *rng, char ret_path[128])
{
    DIR *dir = opendir(directory());
    uint64_t seen = 0;
    if (dir == NULL)
        return false;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strstr(entry->d_name, ".log") != NULL && sim_rng_below(rng, ++seen) == 0)
            (void)snprintf(ret_path, 128, "blocks/%.100s", entry->d_name);
    }
    (void)closedir(dir);
    return seen > 0;
}

static bool pick_flip(sim_ctx *ctx, sim_flip *ret_flip)
{
    sim_flip flip = {.bit = (unsigned)sim_rng_below(&ctx->rng, 8)};
    if (!pick_segment(&ctx->rng, flip.path))
        return false;
    flip.offset = sim_rng_below(&ctx->rng, sim_disk_file_size(flip.path));
    *ret_flip = flip;
    return true;
}

/* Rot under an open log: what it reads is checked each time. */
static void flip_while_open(sim_ctx *ctx, cairn_block_log *log)
{
    sim_flip flip;
    if (pick_flip(ctx, &flip) && sim_disk_flip(flip.path, flip.offset, flip.bit))
        check_all(ctx, log, true);
}

static void end_life(sim_ctx *ctx, cairn_block_log *log)
{
    if (ctx->last && sim_rng_percent(&ctx->rng, 30))
        flip_while_open(ctx, log);
    if (!sim_rng_percent(&ctx->rng, 60)) {
        cairn_block_log_free(log);
        return;
    }
    cairn_err err = cairn_block_log_close(log);
    if (err != CAIRN_OK && err != CAIRN_ERR_READ_ONLY && !ctx->last)
        check_excused(ctx, err, "close failed");
}

/* The refusal of a damaged log names the file that holds the damage, or the one after it. */
static void check_refusal(const sim_ctx *ctx, cairn_err err)
{
    SIM_CHECK(err == CAIRN_ERR_CORRUPT, "open of a damaged log: %s %s", cairn_err_name(err),
              cairn_err_detail());
    SIM_CHECK(strstr(cairn_err_detail(), directory()) != NULL &&
                  strstr(cairn_err_detail(), "offset") != NULL,
              "the refusal does not name the place: %s", cairn_err_detail());
    SIM_CHECK(ctx->flip != NULL, "refused without damage: %s", cairn_err_detail());
}

static void live(sim_ctx *ctx)
{
    static const uint32_t segment_sizes[] = {4096, 8192, 20000};
    static const uint32_t prepare_sizes[] = {0, 4096, 10000};
    facts *f = ctx->facts;
    const cairn_block_log_options options = {.segment_size = segment_sizes[ctx->trial_seed % 3],
                                             .prepare_size =
                                                 prepare_sizes[sim_rng_below(&ctx->rng, 3)],
                                             .acknowledged_count = f->checkpointed};
    cairn_block_log *log = NULL;
    cairn_err err = cairn_block_log_open(directory(), &options, &log);
    if (err != CAIRN_OK && ctx->flip == NULL) {
        check_excused(ctx, err, "open failed");
        SIM_CHECK(err != CAIRN_ERR_CORRUPT, "a fault is taken for damage: %s", cairn_err_detail());
        err = cairn_block_log_open(directory(), &options, &log);
        if (err != CAIRN_OK) {
            check_excused(ctx, err, "second open failed");
            return;
        }
    }
    if (err != CAIRN_OK) {
        check_refusal(ctx, err);
        return;
    }
    check_all(ctx, log, false);
    f->acknowledged = cairn_block_log_count(log); /* served: from now on it has to stay */
    run_steps(ctx, log);
    end_life(ctx, log);
}

static void warm_up(void)
{
    /* What OpenSSL sets up once must not meet a failing allocation: it would not try again. */
    sim_rng rng = {1};
    uint8_t payload[PAYLOAD_SIZE_MAX];
    cairn_bytes one = cairn_bytes_of(payload, make_payload(sim_rng_next(&rng), 0, payload));
    cairn_block_log *log = NULL;
    sim_disk_format();
    if (cairn_block_log_open(directory(), NULL, &log) != CAIRN_OK ||
        cairn_block_log_append(log, &one, 1, NULL) != CAIRN_OK ||
        cairn_block_log_close(log) != CAIRN_OK) {
        (void)fprintf(stderr, "sim_block_log: warm-up failed: %s\n", cairn_err_detail());
        exit(1);
    }
}

int main(int argc, char **argv)
{
    const sim_workload workload = {.name = "sim_block_log",
                                   .faults = SIM_FAULTS_ALL,
                                   .flip_percent = 25,
                                   .facts_size = sizeof(facts),
                                   .warm_up = warm_up,
                                   .live = live,
                                   .pick_flip = pick_flip};
    return sim_main(argc, argv, &workload);
}
