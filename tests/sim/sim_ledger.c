/* Crashes, faults and flipped bits under the embedded engine: two ledgers in one store, driven by
 * one thread, against the naive model of ledger_model.h.
 *
 * A step submits a batch to each ledger and runs one cycle. The facts hold, for each ledger, the
 * model after the last acknowledged block, and the batch that is under way. After a crash a ledger
 * must be exactly the model, or the model and that batch: entry by entry, root by root, value by
 * value, every entry with an inclusion proof. */
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cairn/transaction.h"
#include "feature_list.h"
#include "ledger/store/store.h"
#include "sim/ledger_check.h"
#include "sim/runner.h"

enum {
    LEDGERS = 2,
    STEPS = 9,
    WAITS_MAX = 50, /* cycles until memory is there again */
    ARENA_SIZE_MAX = 64 << 20,
};

static sim_pool pools[LEDGERS];

typedef enum creation { ABSENT, PENDING, CREATED } creation;

typedef struct ledger_facts {
    creation creation;
    model_ledger model; /* what was acknowledged */
    size_t pending_count;
    uint16_t pending[MODEL_BATCH_MAX]; /* the batch that may or may not be there */
    bool excluded[MODEL_BATCH_MAX];    /* refused for lack of memory: not in it */
    uint64_t pending_ms;
} ledger_facts;

typedef struct facts {
    uint64_t now_ms;
    ledger_facts ledgers[LEDGERS];
} facts;

static model_ledger scratch; /* a model with the pending batch applied */

/* A verdict comes back to the place in its batch. */
typedef struct answer {
    ledger_facts *ledger;
    size_t place;
    bool given;
    cairn_verdict verdict;
} answer;

static answer answers[LEDGERS][MODEL_BATCH_MAX];

/* --- the store --- */

static cairn_clock_manual clock_now;

static cairn_err open_store(const sim_ctx *ctx, cairn_store **ret_store)
{
    static const uint32_t segment_sizes[] = {4096, 16384, 65536};
    static const uint64_t changes[] = {1, 12, 60};
    facts *f = ctx->facts;
    cairn_store_options options;
    cairn_store_options_default(&options, &cairn_all_features);
    clock_now = (cairn_clock_manual){.wall_ms = f->now_ms, .monotonic_ns = 1};
    options.clock = cairn_clock_of_manual(&clock_now);
    options.threads = 0;
    options.index_size_max = 16 << 20;
    options.segment_size = segment_sizes[ctx->trial_seed % 3];
    options.checkpoint_changes = changes[ctx->trial_seed / 3 % 3];
    options.checkpoint_ms = 50;
    return cairn_store_open(sim_disk_root(), &options, ret_store);
}

static void advance(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    uint64_t ms = sim_rng_below(&ctx->rng, 12); /* none is a time that stands still */
    cairn_clock_manual_advance_ms(&clock_now, ms);
    f->now_ms = clock_now.wall_ms;
}

/* --- checks --- */

/* In a process that goes on, all ledgers stand exactly where they were acknowledged. */
static void check_store(const sim_ctx *ctx, cairn_store *store)
{
    facts *f = ctx->facts;
    sim_disk_hold_memory(true);
    for (size_t l = 0; l < LEDGERS; l++) {
        if (f->ledgers[l].creation == CREATED)
            sim_check_ledger(ctx, cairn_store_ledger(store, l), &f->ledgers[l].model, &pools[l]);
    }
    sim_disk_hold_memory(false);
}

/* --- what is under way --- */

/* Applies what was pending to `m` and forgets it; the verdicts that its members must get. */
static void apply_pending(ledger_facts *lf, const sim_pool *p, model_ledger *m,
                          model_verdict verdicts[MODEL_BATCH_MAX])
{
    uint16_t batch[MODEL_BATCH_MAX];
    model_verdict given[MODEL_BATCH_MAX];
    size_t count = 0;
    for (size_t i = 0; i < lf->pending_count; i++) {
        if (!lf->excluded[i])
            batch[count++] = lf->pending[i];
    }
    SIM_CHECK(model_apply(m, p->txs, batch, count, lf->pending_ms, given),
              "the model is too small for this workload");
    for (size_t i = 0, k = 0; i < lf->pending_count; i++)
        verdicts[i] = lf->excluded[i] ? (model_verdict){.code = CAIRN_ERR_NO_MEMORY} : given[k++];
}

/* After opening: each ledger is what was acknowledged, or that and what was under way. */
static void settle_ledger(const sim_ctx *ctx, cairn_store *store, size_t l)
{
    facts *f = ctx->facts;
    ledger_facts *lf = &f->ledgers[l];
    cairn_engine *engine = cairn_store_ledger(store, l);
    model_verdict verdicts[MODEL_BATCH_MAX];
    SIM_CHECK(engine != NULL || lf->creation != CREATED, "ledger %zu is gone", l);
    SIM_CHECK(engine == NULL || lf->creation != ABSENT, "ledger %zu was never created", l);
    if (engine == NULL) {
        lf->creation = ABSENT;
        return;
    }
    if (lf->creation == PENDING)
        model_begin(&lf->model, &pools[l].genesis);
    lf->creation = CREATED;
    cairn_view *view = cairn_engine_view(engine);
    if (lf->pending_count > 0 && view->log_size != lf->model.entry_count) {
        scratch = lf->model;
        apply_pending(lf, &pools[l], &scratch, verdicts);
        lf->model = scratch;
    }
    cairn_view_free(view);
    lf->pending_count = 0;
    sim_check_ledger(ctx, engine, &lf->model, &pools[l]);
}

static void settle(const sim_ctx *ctx, cairn_store *store)
{
    sim_disk_hold_memory(true);
    for (size_t l = 0; l < LEDGERS; l++)
        settle_ledger(ctx, store, l);
    SIM_CHECK(cairn_store_ledger(store, LEDGERS) == NULL, "a ledger too many");
    sim_disk_hold_memory(false);
}

/* --- steps --- */

/* OpenSSL that finds no memory does not say why it failed. */
static bool short_of_memory(cairn_err err)
{
    return err == CAIRN_ERR_NO_MEMORY || err == CAIRN_ERR_CRYPTO;
}

static void on_verdict(void *context, const cairn_verdict *verdict)
{
    answer *a = context;
    a->given = true;
    a->verdict = *verdict;
    if (short_of_memory(verdict->code))
        a->ledger->excluded[a->place] = true;
}

/* Submits a batch. False once the engine takes no more. */
static bool submit_batch(sim_ctx *ctx, cairn_store *store, size_t l)
{
    facts *f = ctx->facts;
    ledger_facts *lf = &f->ledgers[l];
    size_t count = (size_t)sim_rng_below(&ctx->rng, MODEL_BATCH_MAX + 1);
    memset(answers[l], 0, sizeof answers[l]);
    memset(lf->excluded, 0, sizeof lf->excluded);
    lf->pending_count = 0;
    lf->pending_ms = f->now_ms;
    for (size_t i = 0; i < count; i++) {
        uint16_t n = (uint16_t)sim_rng_below(&ctx->rng, MODEL_POOL);
        const model_tx *tx = &pools[l].txs[n];
        answer *a = &answers[l][lf->pending_count];
        *a = (answer){.ledger = lf, .place = lf->pending_count};
        cairn_err err = cairn_engine_submit(cairn_store_ledger(store, l),
                                            cairn_bytes_of(tx->raw, tx->size), on_verdict, a);
        if (err == CAIRN_OK) {
            lf->pending[lf->pending_count++] = n;
            continue;
        }
        sim_check_excused(ctx, err, "submit");
        SIM_CHECK(err == CAIRN_ERR_NO_MEMORY || err == CAIRN_ERR_READ_ONLY ||
                      err == CAIRN_ERR_NO_SPACE,
                  "submit: %s %s", cairn_err_name(err), cairn_err_detail());
        if (err == CAIRN_ERR_READ_ONLY)
            return false;
    }
    return true;
}

static bool same_verdict(const cairn_verdict *given, const model_verdict *expected)
{
    return given->code == expected->code && given->height == expected->height &&
           (expected->code != CAIRN_OK || given->index == expected->index);
}

/* The store could not be written: every verdict that was not given before says so. */
static bool store_failed(const sim_ctx *ctx, size_t l)
{
    const facts *f = ctx->facts;
    const ledger_facts *lf = &f->ledgers[l];
    for (size_t i = 0; i < lf->pending_count; i++) {
        cairn_err code = answers[l][i].verdict.code;
        if (code == CAIRN_ERR_READ_ONLY || code == CAIRN_ERR_IO) {
            sim_check_excused(ctx, code, "a verdict");
            return true;
        }
    }
    return false;
}

/* There was no room for the block: nothing of the batch is there, now or later. */
static bool found_no_space(const sim_ctx *ctx, size_t l)
{
    facts *f = ctx->facts;
    ledger_facts *lf = &f->ledgers[l];
    size_t refused = 0, accepted = 0;
    for (size_t i = 0; i < lf->pending_count; i++) {
        refused += answers[l][i].verdict.code == CAIRN_ERR_NO_SPACE;
        accepted += answers[l][i].verdict.code == CAIRN_OK;
    }
    if (refused == 0)
        return false;
    SIM_CHECK(sim_disk_fired(SIM_FAULT(NO_SPACE) | SIM_FAULT(SHORT_WRITE)), "no space, no fault");
    SIM_CHECK(accepted == 0, "%zu accepted beside %zu without space", accepted, refused);
    lf->pending_count = 0;
    return true;
}

/* Compares the verdicts of a ledger with the model's and acknowledges. False if the store failed:
 * then the batch stays pending. */
static bool take_verdicts(const sim_ctx *ctx, cairn_store *store, size_t l)
{
    facts *f = ctx->facts;
    ledger_facts *lf = &f->ledgers[l];
    model_verdict expected[MODEL_BATCH_MAX];
    for (size_t i = 0; i < lf->pending_count; i++)
        SIM_CHECK(answers[l][i].given, "transaction %zu of the batch got no verdict", i);
    if (store_failed(ctx, l))
        return false;
    if (found_no_space(ctx, l))
        return true;
    scratch = lf->model;
    apply_pending(lf, &pools[l], &scratch, expected);
    for (size_t i = 0; i < lf->pending_count; i++) {
        const cairn_verdict *given = &answers[l][i].verdict;
        if (short_of_memory(given->code)) {
            SIM_CHECK(sim_disk_fired(SIM_FAULT(NO_MEMORY)), "no memory without a fault");
            SIM_CHECK(given->height == 0, "no memory, but height %" PRIu64, given->height);
            continue;
        }
        SIM_CHECK(same_verdict(given, &expected[i]),
                  "verdict %s, height %" PRIu64 ", index %" PRIu64 "; the model has %s, %" PRIu64
                  ", %" PRIu64,
                  cairn_err_name(given->code), given->height, given->index,
                  cairn_err_name(expected[i].code), expected[i].height, expected[i].index);
    }
    lf->model = scratch;
    lf->pending_count = 0;
    cairn_view *view = cairn_engine_view(cairn_store_ledger(store, l));
    sim_check_view(view, &lf->model);
    cairn_view_free(view);
    return true;
}

static bool waits(const sim_ctx *ctx)
{
    const facts *f = ctx->facts;
    for (size_t l = 0; l < LEDGERS; l++) {
        for (size_t i = 0; i < f->ledgers[l].pending_count; i++) {
            if (!answers[l][i].given)
                return true;
        }
    }
    return false;
}

/* One batch for each ledger, one cycle. False once the store takes no more. */
static bool run_step(sim_ctx *ctx, cairn_store *store)
{
    facts *f = ctx->facts;
    bool worked = false, goes_on = true;
    advance(ctx);
    for (size_t l = 0; l < LEDGERS; l++) {
        if (f->ledgers[l].creation == CREATED)
            goes_on = submit_batch(ctx, store, l) && goes_on;
    }
    cairn_err err = cairn_store_step(store, &worked);
    /* A ledger for which memory was short waits for the next cycle. */
    for (unsigned i = 0; i < WAITS_MAX && waits(ctx); i++) {
        cairn_err again = cairn_store_step(store, &worked);
        err = err == CAIRN_OK ? again : err;
    }
    if (err != CAIRN_OK)
        sim_check_excused(ctx, err, "step");
    sim_disk_hold_memory(true);
    for (size_t l = 0; l < LEDGERS; l++) {
        if (f->ledgers[l].creation == CREATED)
            goes_on = take_verdicts(ctx, store, l) && goes_on;
    }
    sim_disk_hold_memory(false);
    if (err != CAIRN_OK)
        check_store(ctx, store);
    return goes_on;
}

/* One transaction by `wait`, which drives the store itself. False once the store takes no more. */
static bool run_wait(sim_ctx *ctx, cairn_store *store)
{
    facts *f = ctx->facts;
    size_t l = f->ledgers[1].creation == CREATED ? (size_t)sim_rng_below(&ctx->rng, LEDGERS) : 0;
    ledger_facts *lf = &f->ledgers[l];
    uint16_t n = (uint16_t)sim_rng_below(&ctx->rng, MODEL_POOL);
    const model_tx *tx = &pools[l].txs[n];
    advance(ctx);
    answers[l][0] = (answer){.ledger = lf, .given = true, .verdict = {.code = INT_MAX}};
    lf->pending[0] = n;
    lf->pending_count = 1;
    lf->pending_ms = f->now_ms;
    lf->excluded[0] = false;
    cairn_verdict *verdict = &answers[l][0].verdict;
    cairn_err err =
        cairn_engine_wait(cairn_store_ledger(store, l), cairn_bytes_of(tx->raw, tx->size), verdict);
    if (verdict->code == INT_MAX) { /* not even taken */
        lf->pending_count = 0;
        sim_check_excused(ctx, err, "submit");
        return err != CAIRN_ERR_READ_ONLY;
    }
    SIM_CHECK(err == verdict->code, "wait returns %s and says %s", cairn_err_name(err),
              cairn_err_name(verdict->code));
    lf->excluded[0] = short_of_memory(err);
    sim_disk_hold_memory(true);
    bool goes_on = take_verdicts(ctx, store, l);
    sim_disk_hold_memory(false);
    return goes_on;
}

static cairn_err create_ledger(const sim_ctx *ctx, cairn_store *store, size_t l)
{
    facts *f = ctx->facts;
    const model_genesis *genesis = &pools[l].genesis;
    cairn_engine *engine = NULL;
    f->ledgers[l].creation = PENDING;
    CAIRN_TRY(cairn_store_create(store, cairn_bytes_of(genesis->raw, genesis->size), &engine));
    sim_disk_hold_memory(true);
    model_begin(&f->ledgers[l].model, genesis);
    sim_disk_hold_memory(false);
    f->ledgers[l].creation = CREATED;
    return CAIRN_OK;
}

/* Creates the next ledger, with a second try if memory was short. False once the store takes no
 * more. */
static bool run_create(const sim_ctx *ctx, cairn_store *store)
{
    const facts *f = ctx->facts;
    size_t l = f->ledgers[0].creation == CREATED ? 1 : 0;
    cairn_err err = create_ledger(ctx, store, l);
    if (short_of_memory(err)) {
        sim_check_excused(ctx, err, "create");
        err = create_ledger(ctx, store, l);
    }
    if (err != CAIRN_OK)
        sim_check_excused(ctx, err, "create");
    if (err == CAIRN_ERR_NO_SPACE && cairn_store_writable(store) == CAIRN_ERR_NO_SPACE) {
        ((facts *)ctx->facts)->ledgers[l].creation = ABSENT;
        return true;
    }
    return err == CAIRN_OK || short_of_memory(err);
}

/* Does it? A checkpoint of nothing tells. */
static bool takes_more(cairn_store *store)
{
    cairn_err err = cairn_store_checkpoint(store);
    return err != CAIRN_ERR_READ_ONLY;
}

static bool run_checkpoint(const sim_ctx *ctx, cairn_store *store)
{
    cairn_err err = cairn_store_checkpoint(store);
    if (err == CAIRN_OK)
        return true;
    sim_check_excused(ctx, err, "checkpoint");
    check_store(ctx, store);
    return (short_of_memory(err) || err == CAIRN_ERR_NO_SPACE) && takes_more(store);
}

/* Room comes back: the store finds it by itself, and goes on where it stood. */
static bool run_room(sim_ctx *ctx, cairn_store *store)
{
    bool worked = false;
    sim_disk_give_space();
    cairn_clock_manual_advance_ms(&clock_now, 2000);
    ((facts *)ctx->facts)->now_ms = clock_now.wall_ms;
    cairn_err err = cairn_store_step(store, &worked);
    if (err != CAIRN_OK)
        sim_check_excused(ctx, err, "step with room");
    static const unsigned others = SIM_FAULTS_SOFT & ~SIM_FAULT(NO_SPACE);
    err = cairn_store_writable(store);
    SIM_CHECK(err == CAIRN_OK || sim_disk_fired(others) ||
                  (err == CAIRN_ERR_NO_SPACE && sim_disk_lacks_space()),
              "there is room, and still: %s %s", cairn_err_name(err), cairn_err_detail());
    check_store(ctx, store);
    return err == CAIRN_OK || err == CAIRN_ERR_NO_SPACE;
}

/* A store that failed says so, and still shows what was acknowledged. */
static void check_read_only(const sim_ctx *ctx, cairn_store *store)
{
    facts *f = ctx->facts;
    check_store(ctx, store);
    if (f->ledgers[0].creation != CREATED)
        return;
    const model_tx *tx = &pools[0].txs[0];
    cairn_err err =
        cairn_engine_submit(cairn_store_ledger(store, 0), cairn_bytes_of(tx->raw, tx->size),
                            on_verdict, &answers[0][0]);
    SIM_CHECK(err == CAIRN_ERR_READ_ONLY, "submit to a failed store: %s", cairn_err_name(err));
}

static void run_steps(sim_ctx *ctx, cairn_store *store)
{
    bool goes_on = true;
    for (unsigned i = 0; i < STEPS && goes_on; i++) {
        uint64_t r = sim_rng_below(&ctx->rng, 100);
        facts *f = ctx->facts;
        if (cairn_store_writable(store) == CAIRN_ERR_NO_SPACE && r % 2 == 0)
            goes_on = run_room(ctx, store);
        else if (f->ledgers[0].creation != CREATED || (r < 15 && f->ledgers[1].creation != CREATED))
            goes_on = run_create(ctx, store);
        else if (r < 25)
            goes_on = run_checkpoint(ctx, store);
        else if (r < 40)
            goes_on = run_wait(ctx, store);
        else
            goes_on = run_step(ctx, store);
    }
    if (!goes_on)
        check_read_only(ctx, store);
}

/* --- a life --- */

static void end_life(sim_ctx *ctx, cairn_store *store)
{
    uint64_t r = sim_rng_below(&ctx->rng, 3);
    if (r == 0)
        cairn_store_free(store);
    if (r != 1)
        return;
    cairn_err err = cairn_store_close(store);
    if (err != CAIRN_OK)
        sim_check_excused(ctx, err, "close");
}

static void live(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    cairn_store *store = NULL;
    if (f->now_ms == 0)
        f->now_ms = SIM_POOL_TIME_MS + 1;
    cairn_err err = open_store(ctx, &store);
    if (err != CAIRN_OK && ctx->flip == NULL) {
        sim_check_excused(ctx, err, "open");
        err = open_store(ctx, &store);
    }
    if (err != CAIRN_OK) {
        sim_check_excused(ctx, err, "open");
        return;
    }
    settle(ctx, store);
    run_steps(ctx, store);
    end_life(ctx, store);
}

static bool pick_flip(sim_ctx *ctx, sim_flip *ret_flip)
{
    sim_flip flip = {.bit = (unsigned)sim_rng_below(&ctx->rng, 8)};
    bool index = sim_rng_percent(&ctx->rng, 50);
    char path[256];
    uint64_t seen = 0;
    (void)snprintf(path, sizeof path, "%s/%s", sim_disk_root(), index ? "index" : "blocks");
    DIR *dir = opendir(path);
    if (dir == NULL)
        return false;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        bool file = strstr(entry->d_name, ".log") != NULL || strcmp(entry->d_name, "data.mdb") == 0;
        if (file && sim_rng_below(&ctx->rng, ++seen) == 0)
            (void)snprintf(flip.path, sizeof flip.path, "%s/%.64s", index ? "index" : "blocks",
                           entry->d_name);
    }
    (void)closedir(dir);
    flip.offset = sim_rng_below(&ctx->rng, seen == 0 ? 1 : sim_disk_file_size(flip.path));
    *ret_flip = flip;
    return seen > 0;
}

static void warm_up(void)
{
    for (unsigned l = 0; l < LEDGERS; l++)
        sim_pool_make(&pools[l], SIM_POOL_FOR_ONE, l);
}

int main(int argc, char **argv)
{
    const sim_workload workload = {.name = "sim_ledger",
                                   .faults = SIM_FAULTS_ALL,
                                   .flip_percent = 20,
                                   .facts_size = sizeof(facts),
                                   .warm_up = warm_up,
                                   .live = live,
                                   .pick_flip = pick_flip};
    return sim_main(argc, argv, &workload);
}
