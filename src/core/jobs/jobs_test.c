/* Cursors and projections: exactly once, builds beside what is served, failures set aside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/limits.h"
#include "support/jobs_fixture.h"
#include "support/log_schema.h"

static const cairn_projection objects_1 = JOBS_OBJECTS_ROW(1);
static const cairn_projection objects_2 = JOBS_OBJECTS_ROW(2);
static const cairn_projection count_1 = JOBS_COUNT_ROW(1);
static const cairn_hash ledger_a = {{0xaa}};
static const cairn_hash ledger_b = {{0xbb}};

/* Fails on the object in `bad_object`. */
static uint32_t bad_object;
static cairn_err bad_code;
static cairn_err fussy_apply(cairn_projection_writer *writer, const cairn_job_event *event)
{
    CAIRN_TRY(jobs_count_apply(writer, event));
    if (cairn_get_u32(event->key.data) == bad_object)
        return CAIRN_FAIL(bad_code, "house", "test: does not like object %u", bad_object);
    return CAIRN_OK;
}
static const cairn_projection fussy = {
    .name = "test.fussy", .version = 1, .table_count = 1, .apply = fussy_apply};

typedef struct fixture {
    char path[64];
    jobs_log log;
    cairn_clock_manual time;
    const cairn_projection *projections[4];
    const cairn_reaction *reactions[2];
    cairn_jobs_options options;
    cairn_jobs *jobs;
} fixture;

static void open_jobs(fixture *f)
{
    cairn_event_source source = jobs_log_source(&f->log);
    assert_int_equal(cairn_jobs_open(f->path, &f->options, &f->jobs), CAIRN_OK);
    assert_int_equal(cairn_jobs_attach(f->jobs, 0, &ledger_a, &source), CAIRN_OK);
}

static void reopen(fixture *f)
{
    cairn_jobs_close(CAIRN_STEAL(f->jobs));
    open_jobs(f);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    jobs_directory_make(f->path);
    jobs_log_init(&f->log);
    f->time.wall_ms = 1700000000000;
    f->time.monotonic_ns = 1;
    f->projections[0] = &objects_1;
    f->projections[1] = &count_1;
    f->options = (cairn_jobs_options){.clock = cairn_clock_of_manual(&f->time),
                                      .projections = f->projections,
                                      .projection_count = 2,
                                      .reactions = f->reactions,
                                      .map_size = 64 << 20,
                                      .seed = 1};
    *state = f;
    bad_object = UINT32_MAX;
    bad_code = CAIRN_ERR_BAD_VALUE;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    cairn_jobs_close(f->jobs);
    jobs_log_done(&f->log);
    jobs_directory_remove(f->path);
    free(f);
    return 0;
}

static void check_objects(fixture *f)
{
    cairn_projection_view *view = NULL;
    assert_int_equal(cairn_projection_view_open(f->jobs, "test.objects", 0, &view), CAIRN_OK);
    const char *wrong = jobs_objects_wrong(&f->log, view);
    cairn_projection_view_close(view);
    if (wrong != NULL)
        fail_msg("%s", wrong);
}

static uint64_t read_count(fixture *f, const char *name)
{
    cairn_projection_view *view = NULL;
    cairn_bytes value;
    uint64_t count = 0;
    assert_int_equal(cairn_projection_view_open(f->jobs, name, 0, &view), CAIRN_OK);
    cairn_err err = cairn_projection_view_get(view, 0, cairn_bytes_str("count"), &value);
    if (err == CAIRN_OK)
        count = cairn_get_u64(value.data);
    else
        assert_int_equal(err, CAIRN_ERR_NOT_FOUND);
    cairn_projection_view_close(view);
    return count;
}

typedef struct wanted {
    const char *name;
    bool building;
    cairn_jobs_consumer found;
    char reason[256];
    unsigned count;
} wanted;

static cairn_err note_consumer(void *context, const cairn_jobs_consumer *consumer)
{
    wanted *w = context;
    if (strcmp(consumer->name, w->name) == 0 && consumer->building == w->building) {
        w->found = *consumer;
        (void)snprintf(w->reason, sizeof w->reason, "%s", consumer->reason);
        w->count++;
    }
    return CAIRN_OK;
}

static wanted find_consumer(fixture *f, const char *name, bool building)
{
    wanted w = {.name = name, .building = building};
    assert_int_equal(cairn_jobs_each(f->jobs, note_consumer, &w), CAIRN_OK);
    return w;
}

static void test_events_become_rows(void **state)
{
    fixture *f = *state;
    open_jobs(f);
    cairn_projection_view *view = NULL;
    assert_int_equal(cairn_projection_view_open(f->jobs, "test.objects", 0, &view), CAIRN_ERR_BUSY);
    jobs_settle(f->jobs, 1);
    check_objects(f);
    jobs_log_one(&f->log, JOBS_SET, 1);
    jobs_log_one(&f->log, JOBS_SET, 2);
    jobs_log_one(&f->log, JOBS_REMOVE, 1);
    jobs_log_one(&f->log, JOBS_OTHER, 9);
    jobs_settle(f->jobs, 1);
    check_objects(f);
    assert_int_equal(read_count(f, "test.count"), 4);
    assert_int_equal(cairn_projection_view_open(f->jobs, "test.none", 0, &view),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_projection_view_open(f->jobs, "test.objects", 1, &view),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_projection_view_open(f->jobs, "No Name!", 0, &view),
                     CAIRN_ERR_NOT_FOUND);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void add_blocks(fixture *f, unsigned blocks, uint32_t *random)
{
    for (unsigned i = 0; i < blocks; i++) {
        jobs_log_event events[8];
        size_t count = next_random(random) % 8;
        for (size_t k = 0; k < count; k++)
            events[k] = (jobs_log_event){.type = (uint16_t)(1 + next_random(random) % 3),
                                         .object = next_random(random) % JOBS_OBJECTS};
        jobs_log_block(&f->log, events, count);
    }
}

static void test_exactly_once_over_restarts(void **state)
{
    fixture *f = *state;
    uint32_t random = 7;
    open_jobs(f);
    for (unsigned round = 0; round < 30; round++) {
        add_blocks(f, next_random(&random) % 40, &random);
        switch (next_random(&random) % 4) {
        case 0:
            reopen(f);
            break;
        case 1:
            assert_int_equal(cairn_jobs_rebuild(f->jobs, "test.count"), CAIRN_OK);
            break;
        case 2:
            cairn_clock_manual_advance_ms(&f->time, 2000);
            break;
        default:
            break;
        }
        jobs_settle(f->jobs, 1);
        check_objects(f);
        assert_int_equal(read_count(f, "test.count"), f->log.count);
    }
}

/* More events in one block, and more blocks, than one batch takes. */
static void test_batches_are_bounded(void **state)
{
    fixture *f = *state;
    static jobs_log_event events[3 * CAIRN_JOBS_BATCH_EVENTS_MAX + 5];
    size_t count = sizeof events / sizeof events[0];
    for (size_t i = 0; i < count; i++)
        events[i] = (jobs_log_event){.type = JOBS_SET, .object = (uint32_t)(i % JOBS_OBJECTS)};
    open_jobs(f);
    jobs_settle(f->jobs, 1);
    jobs_log_block(&f->log, events, count);
    bool more = false;
    cairn_jobs_wake(f->jobs, 0);
    assert_int_equal(cairn_jobs_step(f->jobs, &more), CAIRN_OK);
    assert_true(more);
    wanted w = find_consumer(f, "test.count", false);
    assert_int_equal(w.found.position.height, 0);
    assert_int_equal(w.found.position.ordinal, CAIRN_JOBS_BATCH_EVENTS_MAX);
    reopen(f); /* in the middle of the block */
    jobs_settle(f->jobs, 1);
    check_objects(f);
    assert_int_equal(read_count(f, "test.count"), count);
    for (unsigned i = 0; i < CAIRN_JOBS_BATCH_BLOCKS_MAX + 10; i++)
        jobs_log_block(&f->log, NULL, 0);
    jobs_settle(f->jobs, 1);
    w = find_consumer(f, "test.count", false);
    assert_int_equal(w.found.position.height, f->log.height);
}

static void test_new_version_is_built_beside(void **state)
{
    fixture *f = *state;
    uint32_t random = 3;
    open_jobs(f);
    add_blocks(f, 2000, &random); /* more events than two batches take */
    jobs_settle(f->jobs, 1);
    uint64_t served_height = f->log.height;
    cairn_jobs_close(CAIRN_STEAL(f->jobs));
    f->projections[0] = &objects_2;
    open_jobs(f);
    add_blocks(f, 10, &random);
    bool more = false;
    cairn_jobs_wake(f->jobs, 0);
    assert_int_equal(cairn_jobs_step(f->jobs, &more), CAIRN_OK);
    assert_true(more);
    cairn_projection_view *view = NULL;
    assert_int_equal(cairn_projection_view_open(f->jobs, "test.objects", 0, &view), CAIRN_OK);
    assert_int_equal(cairn_projection_view_version(view), 1);
    assert_int_equal(cairn_projection_view_position(view).height, served_height);
    cairn_projection_view_close(view);
    check_objects(f);
    assert_int_equal(find_consumer(f, "test.objects", true).found.version, 2);
    reopen(f); /* a build goes on where it was */
    assert_true(find_consumer(f, "test.objects", true).found.position.height > 0);
    jobs_settle(f->jobs, 1);
    assert_int_equal(find_consumer(f, "test.objects", true).count, 0);
    assert_int_equal(cairn_projection_view_open(f->jobs, "test.objects", 0, &view), CAIRN_OK);
    assert_int_equal(cairn_projection_view_version(view), 2);
    cairn_projection_view_close(view);
    check_objects(f);
    cairn_jobs_metrics m;
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    assert_int_equal(m.rebuilds, 1);
    assert_int_equal(m.building, 0);
    assert_int_equal(m.parked, 0);
    assert_int_equal(m.lag_max, 0);
    assert_false(m.failed);
}

static void test_rebuild_keeps_serving(void **state)
{
    fixture *f = *state;
    uint32_t random = 5;
    open_jobs(f);
    add_blocks(f, 2000, &random);
    jobs_settle(f->jobs, 1);
    assert_int_equal(cairn_jobs_rebuild(f->jobs, "test.objects"), CAIRN_OK);
    bool more = true;
    unsigned rounds = 0;
    while (more) {
        add_blocks(f, rounds < 3 ? 5 : 0, &random);
        cairn_jobs_wake(f->jobs, 0);
        assert_int_equal(cairn_jobs_step(f->jobs, &more), CAIRN_OK);
        check_objects(f);
        assert_int_equal(find_consumer(f, "test.objects", false).found.position.height,
                         f->log.height);
        rounds++;
    }
    assert_true(rounds > 3);
    assert_int_equal(cairn_jobs_rebuild(f->jobs, "test.none"), CAIRN_ERR_NOT_FOUND);
}

static void test_who_fails_is_parked(void **state)
{
    fixture *f = *state;
    f->projections[2] = &fussy;
    f->options.projection_count = 3;
    bad_object = 13;
    open_jobs(f);
    jobs_settle(f->jobs, 1);
    jobs_log_one(&f->log, JOBS_SET, 12);
    jobs_settle(f->jobs, 1);
    jobs_log_one(&f->log, JOBS_SET, 13);
    jobs_log_one(&f->log, JOBS_SET, 14);
    jobs_settle(f->jobs, 1);
    assert_int_equal(read_count(f, "test.count"), 3);
    assert_int_equal(read_count(f, "test.fussy"), 1); /* what it was before the event */
    wanted w = find_consumer(f, "test.fussy", false);
    assert_int_equal(w.found.parked, CAIRN_ERR_BAD_VALUE);
    assert_non_null(strstr(w.reason, "block 2, event 0"));
    assert_non_null(strstr(w.reason, "does not like object 13"));
    check_objects(f);
    reopen(f);
    jobs_settle(f->jobs, 1);
    assert_int_equal(find_consumer(f, "test.fussy", false).found.parked, CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_jobs_wait(f->jobs, 0, 3, 0), CAIRN_OK); /* it is not waited for */
    bad_object = UINT32_MAX;
    assert_int_equal(cairn_jobs_resume(f->jobs, "test.fussy"), CAIRN_OK);
    jobs_settle(f->jobs, 1);
    jobs_settle(f->jobs, 1);
    assert_int_equal(find_consumer(f, "test.fussy", false).found.parked, CAIRN_OK);
    assert_int_equal(read_count(f, "test.fussy"), 3);
}

/* What the machine lacks is not the projection's fault. */
static void test_machine_errors_are_tried_again(void **state)
{
    fixture *f = *state;
    f->projections[0] = &fussy;
    bad_object = 1;
    bad_code = CAIRN_ERR_NO_SPACE;
    open_jobs(f);
    jobs_settle(f->jobs, 1);
    jobs_log_one(&f->log, JOBS_SET, 1);
    bool more = false;
    cairn_jobs_wake(f->jobs, 0);
    assert_int_equal(cairn_jobs_step(f->jobs, &more), CAIRN_ERR_NO_SPACE);
    assert_int_equal(find_consumer(f, "test.fussy", false).found.parked, CAIRN_OK);
    assert_int_equal(cairn_jobs_step(f->jobs, &more), CAIRN_OK); /* waits */
    assert_int_equal(read_count(f, "test.count"), 0);
    bad_object = 2;
    cairn_clock_manual_advance_ms(&f->time, 1000);
    jobs_settle(f->jobs, 1);
    assert_int_equal(read_count(f, "test.count"), 1);
    f->log.failure = CAIRN_ERR_IO;
    cairn_jobs_wake(f->jobs, 0);
    assert_int_equal(cairn_jobs_step(f->jobs, &more), CAIRN_ERR_IO);
    f->log.failure = CAIRN_OK;
    cairn_clock_manual_advance_ms(&f->time, 1000);
    jobs_settle(f->jobs, 1);
}

static void test_shorter_log_is_inconsistent(void **state)
{
    fixture *f = *state;
    uint32_t random = 1;
    open_jobs(f);
    add_blocks(f, 5, &random);
    jobs_settle(f->jobs, 1);
    f->log.height = 3;
    bool more = false;
    cairn_jobs_wake(f->jobs, 0);
    assert_int_equal(cairn_jobs_step(f->jobs, &more), CAIRN_ERR_INCONSISTENT);
    f->log.height = 5;
}

static void test_ledgers_are_apart(void **state)
{
    fixture *f = *state;
    jobs_log other;
    jobs_log_init(&other);
    cairn_event_source source = jobs_log_source(&other);
    open_jobs(f);
    assert_int_equal(cairn_jobs_attach(f->jobs, 0, &ledger_b, &source), CAIRN_ERR_EXISTS);
    assert_int_equal(cairn_jobs_attach(f->jobs, 7, &ledger_b, &source), CAIRN_OK);
    jobs_log_one(&f->log, JOBS_SET, 1);
    jobs_log_one(&other, JOBS_SET, 2);
    jobs_log_one(&other, JOBS_SET, 3);
    cairn_jobs_wake(f->jobs, 7);
    jobs_settle(f->jobs, 1);
    check_objects(f);
    cairn_projection_view *view = NULL;
    assert_int_equal(cairn_projection_view_open(f->jobs, "test.objects", 7, &view), CAIRN_OK);
    assert_null(jobs_objects_wrong(&other, view));
    cairn_projection_view_close(view);
    /* Another ledger in the slot sees nothing of the one before. */
    cairn_jobs_detach(f->jobs, 0);
    cairn_jobs_detach(f->jobs, 0);
    assert_int_equal(cairn_jobs_wait(f->jobs, 0, 0, 0), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_jobs_attach(f->jobs, 0, &ledger_b, &source), CAIRN_OK);
    assert_int_equal(cairn_projection_view_open(f->jobs, "test.objects", 0, &view), CAIRN_ERR_BUSY);
    jobs_settle(f->jobs, 1);
    assert_int_equal(read_count(f, "test.count"), 2);
    cairn_jobs_detach(f->jobs, 0);
    cairn_jobs_detach(f->jobs, 7);
    jobs_log_done(&other);
}

static void test_ledgers_are_bounded(void **state)
{
    fixture *f = *state;
    f->options.projection_count = 0;
    open_jobs(f);
    cairn_event_source source = jobs_log_source(&f->log);
    for (uint32_t i = 1; i < CAIRN_JOBS_SLOTS_MAX; i++)
        assert_int_equal(cairn_jobs_attach(f->jobs, CAIRN_JOBS_SLOTS_MAX - i, &ledger_a, &source),
                         CAIRN_OK);
    assert_int_equal(cairn_jobs_attach(f->jobs, CAIRN_JOBS_SLOTS_MAX, &ledger_a, &source),
                     CAIRN_ERR_TOO_MANY);
}

static cairn_err too_much_apply(cairn_projection_writer *writer, const cairn_job_event *event)
{
    uint8_t key[4];
    (void)event;
    for (uint32_t i = 0; i <= CAIRN_PROJECTION_CHANGES_MAX; i++) {
        cairn_put_u32(key, i);
        CAIRN_TRY(cairn_projection_put(writer, 0, cairn_bytes_of(key, 4), cairn_bytes_str("x")));
    }
    return CAIRN_OK;
}
static const cairn_projection too_much = {
    .name = "test.fussy", .version = 1, .table_count = 1, .apply = too_much_apply};

static cairn_err out_of_range_apply(cairn_projection_writer *writer, const cairn_job_event *event)
{
    static const uint8_t large[CAIRN_PROJECTION_VALUE_SIZE_MAX + 1];
    cairn_bytes one = cairn_bytes_str("k");
    cairn_bytes none = {0};
    (void)event;
    assert_int_equal(cairn_projection_put(writer, 1, one, none), CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_projection_put(writer, 0, none, one), CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_projection_delete(
                         writer, 0, cairn_bytes_of(large, CAIRN_PROJECTION_KEY_SIZE_MAX + 1)),
                     CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_projection_put(writer, 0, one, cairn_bytes_of(large, sizeof large)),
                     CAIRN_ERR_TOO_LARGE);
    return cairn_projection_put(writer, 0, cairn_bytes_of(large, CAIRN_PROJECTION_KEY_SIZE_MAX),
                                cairn_bytes_of(large, CAIRN_PROJECTION_VALUE_SIZE_MAX));
}
static const cairn_projection out_of_range = {
    .name = "test.range", .version = 1, .table_count = 1, .apply = out_of_range_apply};

static void test_bounds_of_an_event(void **state)
{
    fixture *f = *state;
    f->projections[2] = &too_much;
    f->projections[3] = &out_of_range;
    f->options.projection_count = 4;
    open_jobs(f);
    jobs_settle(f->jobs, 1);
    jobs_log_one(&f->log, JOBS_SET, 1);
    jobs_settle(f->jobs, 1);
    assert_int_equal(find_consumer(f, "test.fussy", false).found.parked, CAIRN_ERR_TOO_MANY);
    assert_int_equal(find_consumer(f, "test.range", false).found.parked, CAIRN_OK);
    check_objects(f);
}

static void test_rows_that_are_wrong_are_refused(void **state)
{
    fixture *f = *state;
    cairn_projection wrong = objects_1;
    wrong.name = "Upper";
    f->projections[0] = &wrong;
    assert_int_equal(cairn_jobs_open(f->path, &f->options, &f->jobs), CAIRN_ERR_CONFIG);
    wrong.name = "test.count";
    assert_int_equal(cairn_jobs_open(f->path, &f->options, &f->jobs), CAIRN_ERR_CONFIG);
    wrong.name = "test.objects";
    wrong.version = 0;
    assert_int_equal(cairn_jobs_open(f->path, &f->options, &f->jobs), CAIRN_ERR_CONFIG);
    wrong.version = 1;
    wrong.table_count = CAIRN_PROJECTION_TABLES_MAX + 1;
    assert_int_equal(cairn_jobs_open(f->path, &f->options, &f->jobs), CAIRN_ERR_CONFIG);
    assert_null(f->jobs);
}

/* --- reactions --- */

static unsigned reaction_busy;

static cairn_err react(void *context, cairn_jobs_txn *txn, const cairn_job_event *event)
{
    cairn_bytes value;
    (void)context;
    if (reaction_busy > 0) {
        reaction_busy--;
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "test: not now");
    }
    /* The projection has taken this event already. */
    if (event->type == JOBS_SET)
        CAIRN_TRY(cairn_jobs_txn_get(txn, "test.objects", event->slot, 0, event->key, &value));
    return cairn_timer_set(txn, "test.owner", event->key, event->time_ms, cairn_bytes_str("p"));
}
static const cairn_reaction reaction = {.name = "test.reaction", .apply = react};

static void test_reactions_write_with_their_position(void **state)
{
    fixture *f = *state;
    f->reactions[0] = &reaction;
    f->options.reaction_count = 1;
    f->time.wall_ms = 1; /* nothing comes due */
    reaction_busy = 0;
    open_jobs(f);
    jobs_settle(f->jobs, 1);
    jobs_log_one(&f->log, JOBS_SET, 1);
    jobs_log_one(&f->log, JOBS_SET, 2);
    jobs_settle(f->jobs, 1);
    reopen(f);
    jobs_settle(f->jobs, 1);
    cairn_jobs_metrics m;
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    assert_int_equal(m.timers, 2);
    assert_int_equal(find_consumer(f, "test.reaction", false).found.position.height, 2);
    assert_true(find_consumer(f, "test.reaction", false).found.is_reaction);
    reaction_busy = 1; /* it waits for itself, and for nobody else */
    jobs_log_one(&f->log, JOBS_SET, 3);
    jobs_settle(f->jobs, 1);
    check_objects(f);
    assert_int_equal(find_consumer(f, "test.reaction", false).found.position.height, 2);
    cairn_clock_manual_advance_ms(&f->time, 600);
    jobs_settle(f->jobs, 1);
    assert_int_equal(find_consumer(f, "test.reaction", false).found.position.height, 3);
    assert_int_equal(cairn_jobs_rebuild(f->jobs, "test.reaction"), CAIRN_ERR_NOT_FOUND);
}

/* --- the drain --- */

/* Neither with the thread nor without is it over while something is owed. */
static void check_owed(fixture *f, bool threaded)
{
    if (threaded)
        assert_int_equal(cairn_jobs_start(f->jobs), CAIRN_OK);
    assert_int_equal(cairn_jobs_drain(f->jobs, 300), CAIRN_ERR_EXPIRED);
    if (threaded)
        cairn_jobs_stop(f->jobs);
}

static void test_drain_waits_for_who_backs_off(void **state)
{
    fixture *f = *state;
    f->options.clock = cairn_clock_system();
    open_jobs(f);
    jobs_log_one(&f->log, JOBS_SET, 1);
    f->log.failure = CAIRN_ERR_IO;
    check_owed(f, false);
    check_owed(f, true);
    f->log.failure = CAIRN_OK;
    assert_int_equal(cairn_jobs_drain(f->jobs, 40000), CAIRN_OK);
    assert_int_equal(read_count(f, "test.count"), 1);
}

static void test_drain_waits_for_a_reaction(void **state)
{
    fixture *f = *state;
    f->reactions[0] = &reaction;
    f->options.reaction_count = 1;
    f->options.clock = cairn_clock_system();
    reaction_busy = UINT32_MAX;
    open_jobs(f);
    jobs_log_one(&f->log, JOBS_OTHER, 1);
    check_owed(f, false);
    check_owed(f, true);
    reaction_busy = 0;
    f->options.clock = cairn_clock_of_manual(&f->time);
    assert_int_equal(cairn_jobs_drain(f->jobs, 40000), CAIRN_OK);
    assert_int_equal(find_consumer(f, "test.reaction", false).found.position.height, 1);
}

/* A log that grows as fast as it is read does not hold who drains longer than he said. */
static cairn_err endless_read(void *context, uint64_t after_height, size_t block_max,
                              cairn_job_visit visit, void *visit_context, uint64_t *ret_height)
{
    (void)context;
    cairn_job_event event = {
        .height = after_height + 1, .type = JOBS_OTHER, .key = cairn_bytes_str("0000")};
    CAIRN_TRY(visit(visit_context, &event));
    *ret_height = after_height + block_max;
    return CAIRN_OK;
}

static void test_drain_ends_in_time(void **state)
{
    fixture *f = *state;
    const cairn_event_source source = {.read = endless_read};
    f->options.clock = cairn_clock_system();
    assert_int_equal(cairn_jobs_open(f->path, &f->options, &f->jobs), CAIRN_OK);
    assert_int_equal(cairn_jobs_attach(f->jobs, 0, &ledger_a, &source), CAIRN_OK);
    assert_int_equal(cairn_jobs_drain(f->jobs, 100), CAIRN_ERR_EXPIRED);
}

/* --- the thread --- */

static void test_thread_follows_the_log(void **state)
{
    fixture *f = *state;
    f->options.clock = cairn_clock_system();
    open_jobs(f);
    assert_int_equal(cairn_jobs_start(f->jobs), CAIRN_OK);
    for (uint32_t i = 0; i < 50; i++) {
        jobs_log_one(&f->log, JOBS_SET, i);
        cairn_jobs_wake(f->jobs, 0);
        if (i % 10 == 0) {
            assert_int_equal(cairn_jobs_wait(f->jobs, 0, i + 1, 20000), CAIRN_OK);
            assert_int_equal(read_count(f, "test.count"), i + 1);
        }
    }
    assert_int_equal(cairn_jobs_drain(f->jobs, 20000), CAIRN_OK);
    check_objects(f);
    assert_int_equal(cairn_jobs_wait(f->jobs, 0, 51, 1), CAIRN_ERR_EXPIRED);
    cairn_jobs_detach(f->jobs, 0);
    cairn_jobs_stop(f->jobs);
    cairn_jobs_stop(f->jobs);
}

static void test_every_event_is_in_the_schema(void **state)
{
    (void)state;
    log_schema_check(&cairn_jobs_log_events);
}

#define WITH_JOBS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JOBS(test_events_become_rows),
        WITH_JOBS(test_exactly_once_over_restarts),
        WITH_JOBS(test_batches_are_bounded),
        WITH_JOBS(test_new_version_is_built_beside),
        WITH_JOBS(test_rebuild_keeps_serving),
        WITH_JOBS(test_who_fails_is_parked),
        WITH_JOBS(test_machine_errors_are_tried_again),
        WITH_JOBS(test_shorter_log_is_inconsistent),
        WITH_JOBS(test_ledgers_are_apart),
        WITH_JOBS(test_ledgers_are_bounded),
        WITH_JOBS(test_bounds_of_an_event),
        WITH_JOBS(test_rows_that_are_wrong_are_refused),
        WITH_JOBS(test_reactions_write_with_their_position),
        WITH_JOBS(test_drain_waits_for_who_backs_off),
        WITH_JOBS(test_drain_waits_for_a_reaction),
        WITH_JOBS(test_drain_ends_in_time),
        WITH_JOBS(test_thread_follows_the_log),
        cmocka_unit_test(test_every_event_is_in_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
