/* Crashes and faults under the jobs. The log is a function of the trial; a reaction makes a message
 * and a timer of every SET. Whatever happens, the tables are what the log says up to their
 * position, no event counts twice, messages arrive in order without a gap, and every timer fires.
 */
#include <stdio.h>
#include <string.h>

#include "sim/runner.h"
#include "support/jobs_fixture.h"

enum {
    BLOCKS = 120,
    EVENTS_MAX = 5, /* of a block */
    STEPS = 12,     /* of a life, each with up to BLOCKS_MAX blocks before it */
    BLOCKS_MAX = 4,
    LAST_STEPS_MAX = 5000,
    MAP_SIZE = 32 << 20,
};

typedef struct facts {
    uint64_t height;    /* of the log */
    uint64_t delivered; /* messages answered with a 2xx, without a gap */
    uint8_t fired[BLOCKS * EVENTS_MAX + 1];
} facts;

typedef struct world {
    sim_ctx *ctx;
    facts *f;
    jobs_log log;
    cairn_clock_manual time;
    cairn_jobs *jobs;
    uint64_t sets_before[BLOCKS + 2]; /* SET events below each height */
} world;

static const cairn_projection objects = JOBS_OBJECTS_ROW(1);
static const cairn_projection counter = JOBS_COUNT_ROW(1);
static const cairn_hash ledger = {{0xaa}};

/* --- what the jobs call --- */

static uint64_t number_of(const world *w, const cairn_job_event *event)
{
    uint64_t number = w->sets_before[event->height];
    for (size_t i = 0; i < w->log.count; i++) {
        const jobs_log_event *e = &w->log.events[i];
        if (e->height == event->height && e->ordinal <= event->ordinal)
            number += e->type == JOBS_SET;
    }
    return number; /* from 1 */
}

static cairn_err react(void *context, cairn_jobs_txn *txn, const cairn_job_event *event)
{
    world *w = context;
    uint8_t id[8];
    uint64_t message_id = 0;
    cairn_put_u64(id, number_of(w, event));
    cairn_outbox_message message = {.tenant = "t",
                                    .destination = "d",
                                    .url = "https://a.example/",
                                    .content_type = "application/octet-stream",
                                    .body = cairn_bytes_of(id, sizeof id),
                                    .key = "",
                                    .expires_ms = UINT64_MAX};
    CAIRN_TRY(cairn_outbox_put(txn, &message, &message_id));
    return cairn_timer_set(txn, "sim.owner", cairn_bytes_of(id, sizeof id), w->time.wall_ms,
                           cairn_bytes_of(id, sizeof id));
}

static const uint16_t set_only[] = {JOBS_SET};
static const cairn_reaction reaction = {
    .name = "sim.reaction", .types = set_only, .type_count = 1, .apply = react};

static void fire(void *context, const cairn_timer *timer, cairn_timer_firing *firing)
{
    world *w = context;
    uint64_t number = cairn_get_u64(timer->id.data);
    SIM_CHECK(timer->payload.size == 8 && cairn_get_u64(timer->payload.data) == number &&
                  number < sizeof w->f->fired,
              "a timer with a foreign payload");
    bool fails = sim_rng_percent(&w->ctx->rng, 20);
    if (!fails)
        w->f->fired[number] = 1;
    cairn_timer_done(firing, fails ? CAIRN_ERR_BUSY : CAIRN_OK);
}
static const cairn_timer_owner owner = {.name = "sim.owner", .fire = fire};

static void deliver(void *context, const cairn_outbox_row *row, cairn_outbox_delivery *delivery)
{
    world *w = context;
    uint64_t number = cairn_get_u64(row->message.body.data);
    cairn_outbox_result result = {.status = 200, .detail = ""};
    SIM_CHECK(number == w->f->delivered || number == w->f->delivered + 1,
              "message %llu came after message %llu", (unsigned long long)number,
              (unsigned long long)w->f->delivered);
    if (sim_rng_percent(&w->ctx->rng, 20))
        result.status = 503;
    else
        w->f->delivered = number;
    cairn_outbox_done(delivery, &result);
}

/* --- checks --- */

static void check_excused(cairn_err err, const char *what)
{
    SIM_CHECK(sim_disk_fired(SIM_FAULTS_SOFT), "%s without a fault: %s %s", what,
              cairn_err_name(err), cairn_err_detail());
}

static void check_count(const world *w)
{
    cairn_projection_view *view = NULL;
    cairn_bytes value;
    uint64_t count = 0;
    uint64_t want = 0;
    if (cairn_projection_view_open(w->jobs, "test.count", 0, &view) != CAIRN_OK)
        return;
    uint64_t until = cairn_projection_view_position(view).height;
    for (size_t i = 0; i < w->log.count; i++)
        want += w->log.events[i].height <= until;
    if (cairn_projection_view_get(view, 0, cairn_bytes_str("count"), &value) == CAIRN_OK)
        count = cairn_get_u64(value.data);
    cairn_projection_view_close(view);
    SIM_CHECK(count == want, "%llu events counted up to block %llu, which has %llu",
              (unsigned long long)count, (unsigned long long)until, (unsigned long long)want);
}

static void check_tables(const world *w)
{
    cairn_projection_view *view = NULL;
    sim_disk_hold_memory(true);
    if (cairn_projection_view_open(w->jobs, "test.objects", 0, &view) == CAIRN_OK) {
        const char *wrong = jobs_objects_wrong(&w->log, view);
        cairn_projection_view_close(view);
        SIM_CHECK(wrong == NULL, "%s", wrong);
    }
    check_count(w);
    sim_disk_hold_memory(false);
}

static void check_end(const world *w)
{
    cairn_jobs_metrics m;
    cairn_projection_view *view = NULL;
    uint64_t sets = w->sets_before[w->f->height + 1];
    SIM_CHECK(cairn_jobs_metrics_read(w->jobs, &m) == CAIRN_OK, "metrics");
    SIM_CHECK(m.parked == 0 && m.building == 0, "parked or still being built");
    SIM_CHECK(m.outbox_waiting == 0 && m.outbox_waiting_bytes == 0 && m.outbox_dead == 0,
              "messages are left");
    SIM_CHECK(m.timers == 0, "timers are left");
    SIM_CHECK(cairn_projection_view_open(w->jobs, "test.objects", 0, &view) == CAIRN_OK, "view");
    SIM_CHECK(cairn_projection_view_position(view).height == w->f->height, "the log's end");
    cairn_projection_view_close(view);
    SIM_CHECK(w->f->delivered == sets, "%llu of %llu messages delivered",
              (unsigned long long)w->f->delivered, (unsigned long long)sets);
    for (uint64_t i = 1; i <= sets; i++)
        SIM_CHECK(w->f->fired[i] != 0, "timer %llu never fired", (unsigned long long)i);
}

/* --- lives --- */

static void make_log(world *w)
{
    sim_rng rng = sim_rng_derive(w->ctx->trial_seed, 77);
    uint64_t sets = 0;
    jobs_log_init(&w->log);
    for (uint64_t height = 1; height <= BLOCKS; height++) {
        jobs_log_event events[EVENTS_MAX];
        size_t count = (size_t)sim_rng_below(&rng, EVENTS_MAX + 1);
        w->sets_before[height] = sets;
        for (size_t i = 0; i < count; i++) {
            events[i] = (jobs_log_event){.type = (uint16_t)(1 + sim_rng_below(&rng, 3)),
                                         .object = (uint32_t)sim_rng_below(&rng, JOBS_OBJECTS)};
            sets += events[i].type == JOBS_SET;
        }
        jobs_log_block(&w->log, events, count);
    }
    w->sets_before[BLOCKS + 1] = sets;
    w->log.height = w->f->height;
}

static cairn_err open_jobs(world *w)
{
    static const cairn_projection *const projections[] = {&objects, &counter};
    static const cairn_reaction *const reactions[] = {&reaction};
    static const cairn_timer_owner *const owners[] = {&owner};
    static cairn_outbox_transport transport;
    char path[256];
    transport = (cairn_outbox_transport){.context = w, .deliver = deliver};
    cairn_jobs_options options = {.clock = cairn_clock_of_manual(&w->time),
                                  .projections = projections,
                                  .projection_count = 2,
                                  .reactions = reactions,
                                  .reaction_count = 1,
                                  .timer_owners = owners,
                                  .timer_owner_count = 1,
                                  .context = w,
                                  .transport = &transport,
                                  .map_size = MAP_SIZE,
                                  .seed = w->ctx->trial_seed | 1};
    cairn_event_source source = jobs_log_source(&w->log);
    (void)snprintf(path, sizeof path, "%s/jobs", sim_disk_root());
    CAIRN_TRY(cairn_jobs_open(path, &options, &w->jobs));
    cairn_err err = cairn_jobs_attach(w->jobs, 0, &ledger, &source);
    if (err != CAIRN_OK)
        cairn_jobs_close(CAIRN_STEAL(w->jobs));
    return err;
}

/* False when a fault keeps it shut. */
static bool open_somehow(world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        cairn_err err = open_jobs(w);
        if (err == CAIRN_OK)
            return true;
        check_excused(err, "open failed");
    }
    return false;
}

static void act(world *w)
{
    sim_rng *rng = &w->ctx->rng;
    bool more = false;
    uint64_t blocks = sim_rng_below(rng, BLOCKS_MAX + 1);
    w->f->height = w->f->height + blocks < BLOCKS ? w->f->height + blocks : BLOCKS;
    w->log.height = w->f->height;
    cairn_jobs_wake(w->jobs, 0);
    cairn_clock_manual_advance_ms(&w->time, sim_rng_below(rng, 60000));
    if (sim_rng_percent(rng, 10)) {
        cairn_err err = cairn_jobs_rebuild(w->jobs, "test.objects");
        if (err != CAIRN_OK)
            check_excused(err, "an order failed");
    }
    cairn_err err = cairn_jobs_step(w->jobs, &more);
    if (err != CAIRN_OK)
        check_excused(err, "a step failed");
    check_tables(w);
}

static void finish(world *w)
{
    cairn_jobs_metrics m;
    for (unsigned i = 0; i < LAST_STEPS_MAX; i++) {
        bool more = false;
        cairn_jobs_wake(w->jobs, 0);
        cairn_clock_manual_advance_ms(&w->time, 60000);
        cairn_err err = cairn_jobs_step(w->jobs, &more);
        SIM_CHECK(err == CAIRN_OK, "step: %s %s", cairn_err_name(err), cairn_err_detail());
        SIM_CHECK(cairn_jobs_metrics_read(w->jobs, &m) == CAIRN_OK, "metrics");
        if (!more && m.outbox_waiting == 0 && m.timers == 0 && m.lag_max == 0)
            break;
    }
    check_tables(w);
    check_end(w);
}

static void live(sim_ctx *ctx)
{
    static world w;
    memset(&w, 0, sizeof w);
    w.ctx = ctx;
    w.f = ctx->facts;
    w.time = (cairn_clock_manual){.wall_ms = UINT64_C(1700000000000) + 100000000 * ctx->life,
                                  .monotonic_ns = 1};
    sim_disk_hold_memory(true);
    make_log(&w);
    sim_disk_hold_memory(false);
    if (!open_somehow(&w))
        return;
    check_tables(&w);
    for (unsigned i = 0; i < STEPS; i++)
        act(&w);
    if (ctx->last)
        finish(&w);
    if (ctx->last || sim_rng_percent(&ctx->rng, 50))
        cairn_jobs_close(w.jobs);
}

/* Algorithms are fetched before memory fails. */
static void warm_up(void)
{
    jobs_log log;
    cairn_jobs *jobs = NULL;
    char path[64];
    jobs_log_init(&log);
    jobs_directory_make(path);
    cairn_jobs_options options = {.clock = cairn_clock_system(), .map_size = MAP_SIZE};
    CAIRN_ASSERT(cairn_jobs_open(path, &options, &jobs) == CAIRN_OK);
    cairn_jobs_close(jobs);
    jobs_directory_remove(path);
    jobs_log_done(&log);
}

int main(int argc, char **argv)
{
    const sim_workload workload = {.name = "sim_jobs",
                                   .faults = SIM_FAULTS_ALL,
                                   .stale_percent = 12,
                                   .facts_size = sizeof(facts),
                                   .warm_up = warm_up,
                                   .live = live};
    return sim_main(argc, argv, &workload);
}
