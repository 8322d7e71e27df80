/* Timers: due, again until done, set and cancelled meanwhile, and clocks that jump. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/limits.h"
#include "support/jobs_fixture.h"

enum { FIRED_MAX = 2048 };

typedef struct fixture {
    char path[64];
    cairn_clock_manual time;
    const cairn_timer_owner *owners[1];
    cairn_jobs_options options;
    cairn_jobs *jobs;
    uint32_t fired[FIRED_MAX]; /* ids, in order */
    size_t count;
    cairn_err answer;
    bool later; /* the handler does not answer at once */
    cairn_timer_firing *open[FIRED_MAX];
    size_t open_count;
} fixture;

static void fire(void *context, const cairn_timer *timer, cairn_timer_firing *firing)
{
    fixture *f = context;
    assert_string_equal(timer->owner, "test.owner");
    assert_true(f->count < FIRED_MAX);
    f->fired[f->count++] = cairn_get_u32(timer->id.data);
    if (f->later)
        f->open[f->open_count++] = firing;
    else
        cairn_timer_done(firing, f->answer);
}
static const cairn_timer_owner owner = {.name = "test.owner", .fire = fire};

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    jobs_directory_make(f->path);
    f->time = (cairn_clock_manual){.wall_ms = 1700000000000, .monotonic_ns = 1};
    f->owners[0] = &owner;
    f->options = (cairn_jobs_options){.clock = cairn_clock_of_manual(&f->time),
                                      .timer_owners = f->owners,
                                      .timer_owner_count = 1,
                                      .context = f,
                                      .map_size = 64 << 20,
                                      .seed = 1};
    assert_int_equal(cairn_jobs_open(f->path, &f->options, &f->jobs), CAIRN_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    cairn_jobs_close(f->jobs);
    jobs_directory_remove(f->path);
    free(f);
    return 0;
}

typedef struct act {
    const char *owner;
    uint32_t id;
    uint64_t due_ms;
    bool cancel;
} act;

static cairn_err do_act(void *context, cairn_jobs_txn *txn)
{
    const act *a = context;
    uint8_t id[4];
    cairn_put_u32(id, a->id);
    return a->cancel ? cairn_timer_cancel(txn, a->owner, cairn_bytes_of(id, 4))
                     : cairn_timer_set(txn, a->owner, cairn_bytes_of(id, 4), a->due_ms,
                                       cairn_bytes_str("payload"));
}

static void set_timer(fixture *f, uint32_t id, uint64_t due_ms)
{
    act a = {.owner = "test.owner", .id = id, .due_ms = due_ms};
    assert_int_equal(cairn_jobs_update(f->jobs, do_act, &a), CAIRN_OK);
}

static void cancel_timer(fixture *f, uint32_t id)
{
    act a = {.owner = "test.owner", .id = id, .cancel = true};
    assert_int_equal(cairn_jobs_update(f->jobs, do_act, &a), CAIRN_OK);
}

static uint64_t timers_set(fixture *f)
{
    cairn_jobs_metrics m;
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    return m.timers;
}

static void test_fires_when_due_in_order(void **state)
{
    fixture *f = *state;
    uint64_t now = f->time.wall_ms;
    set_timer(f, 3, now + 3000);
    set_timer(f, 1, now + 1000);
    set_timer(f, 2, now + 2000);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 0);
    cairn_clock_manual_advance_ms(&f->time, 2500);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 2);
    assert_int_equal(f->fired[0], 1);
    assert_int_equal(f->fired[1], 2);
    assert_int_equal(timers_set(f), 1);
    cairn_clock_manual_advance_ms(&f->time, 500);
    jobs_settle(f->jobs, 0);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 3);
    assert_int_equal(timers_set(f), 0);
}

static void test_again_until_done(void **state)
{
    fixture *f = *state;
    set_timer(f, 1, f->time.wall_ms);
    f->answer = CAIRN_ERR_BUSY;
    jobs_settle(f->jobs, 0);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 1); /* it waits */
    uint64_t waited = 0;
    while (f->count < 6) {
        cairn_clock_manual_advance_ms(&f->time, 50);
        waited += 50;
        jobs_settle(f->jobs, 0);
    }
    assert_in_range(waited, 7500, 16000); /* 0.5 + 1 + 2 + 4 + 8 s, each by half to whole */
    f->answer = CAIRN_OK;
    cairn_clock_manual_advance_ms(&f->time, CAIRN_TIMER_RETRY_MS_MAX);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 7);
    assert_int_equal(timers_set(f), 0);
    cairn_jobs_metrics m;
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    assert_int_equal(m.timers_fired, 7);
    assert_int_equal(m.timers_failed, 6);
}

static void test_set_and_cancelled_while_firing(void **state)
{
    fixture *f = *state;
    f->later = true;
    set_timer(f, 1, f->time.wall_ms);
    set_timer(f, 2, f->time.wall_ms);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->open_count, 2);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 2); /* once at a time */
    set_timer(f, 1, f->time.wall_ms + 10000);
    cancel_timer(f, 2);
    for (size_t i = 0; i < 2; i++)
        cairn_timer_done(f->open[i], i == 0 ? CAIRN_OK : CAIRN_ERR_IO);
    jobs_settle(f->jobs, 0);
    assert_int_equal(timers_set(f), 1); /* the one that was set anew */
    f->later = false;
    cairn_clock_manual_advance_ms(&f->time, 10000);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 3);
    assert_int_equal(f->fired[2], 1);
    cancel_timer(f, 9); /* was never there */
}

static void test_survives_a_restart(void **state)
{
    fixture *f = *state;
    set_timer(f, 1, f->time.wall_ms + 1000);
    set_timer(f, 2, f->time.wall_ms);
    f->answer = CAIRN_ERR_IO;
    jobs_settle(f->jobs, 0);
    cairn_jobs_close(CAIRN_STEAL(f->jobs));
    assert_int_equal(cairn_jobs_open(f->path, &f->options, &f->jobs), CAIRN_OK);
    f->answer = CAIRN_OK;
    cairn_clock_manual_advance_ms(&f->time, 1000);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 3);
    assert_int_equal(timers_set(f), 0);
}

static void test_clock_that_jumps(void **state)
{
    fixture *f = *state;
    f->answer = CAIRN_ERR_BUSY;
    set_timer(f, 1, f->time.wall_ms);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 1);
    /* Back by a year: what failed is not kept waiting for it, what is not due waits again. */
    f->time.wall_ms -= UINT64_C(365) * 86400000;
    set_timer(f, 2, f->time.wall_ms + 1000);
    f->answer = CAIRN_OK;
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 2);
    assert_int_equal(f->fired[1], 1);
    /* Forward by ten. */
    f->time.wall_ms += UINT64_C(3650) * 86400000;
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 3);
    assert_int_equal(timers_set(f), 0);
}

static void test_firings_are_bounded(void **state)
{
    fixture *f = *state;
    uint64_t now = f->time.wall_ms;
    for (uint32_t i = 0; i < CAIRN_TIMER_FIRINGS_MAX + 20; i++)
        set_timer(f, i, now);
    f->later = true;
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->open_count, CAIRN_TIMER_FIRINGS_MAX);
    f->later = false;
    for (size_t i = 0; i < f->open_count; i++)
        cairn_timer_done(f->open[i], CAIRN_OK);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, CAIRN_TIMER_FIRINGS_MAX + 20);
    assert_int_equal(timers_set(f), 0);
}

static void test_owner_that_is_gone(void **state)
{
    fixture *f = *state;
    act a = {.owner = "test.gone", .id = 1, .due_ms = f->time.wall_ms};
    assert_int_equal(cairn_jobs_update(f->jobs, do_act, &a), CAIRN_OK);
    jobs_settle(f->jobs, 0);
    assert_int_equal(timers_set(f), 1);
    assert_int_equal(f->count, 0);
}

static cairn_err set_wrong(void *context, cairn_jobs_txn *txn)
{
    static const uint8_t large[CAIRN_TIMER_PAYLOAD_SIZE_MAX + 1];
    cairn_bytes id = cairn_bytes_str("id");
    cairn_bytes none = {0};
    cairn_timer timer;
    (void)context;
    assert_int_equal(cairn_timer_set(txn, "No", id, 1, none), CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_timer_set(txn, "", id, 1, none), CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_timer_set(txn, "a", none, 1, none), CAIRN_ERR_ARGUMENT);
    assert_int_equal(
        cairn_timer_set(txn, "a", cairn_bytes_of(large, CAIRN_TIMER_ID_SIZE_MAX + 1), 1, none),
        CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_timer_set(txn, "a", id, 1, cairn_bytes_of(large, sizeof large)),
                     CAIRN_ERR_TOO_LARGE);
    assert_int_equal(
        cairn_timer_set(txn, "a", id, 1, cairn_bytes_of(large, CAIRN_TIMER_PAYLOAD_SIZE_MAX)),
        CAIRN_OK);
    assert_int_equal(cairn_timer_get(txn, "a", id, &timer), CAIRN_OK);
    assert_int_equal(timer.payload.size, CAIRN_TIMER_PAYLOAD_SIZE_MAX);
    assert_int_equal(cairn_timer_get(txn, "b", id, &timer), CAIRN_ERR_NOT_FOUND);
    return CAIRN_ERR_CANCELLED;
}

static void test_arguments_and_rollback(void **state)
{
    fixture *f = *state;
    assert_int_equal(cairn_jobs_update(f->jobs, set_wrong, NULL), CAIRN_ERR_CANCELLED);
    assert_int_equal(timers_set(f), 0);
}

static cairn_err count_timer(void *context, const cairn_timer *timer)
{
    uint64_t *last = context;
    assert_true(timer->due_ms >= *last);
    *last = timer->due_ms;
    return CAIRN_OK;
}

static void test_looking(void **state)
{
    fixture *f = *state;
    uint64_t last = 0;
    for (uint32_t i = 0; i < 10; i++)
        set_timer(f, i, f->time.wall_ms + 10000 - i * 7);
    assert_int_equal(cairn_timer_each(f->jobs, 4, count_timer, &last), CAIRN_OK);
    assert_int_equal(last, f->time.wall_ms + 10000 - 6 * 7);
}

typedef struct range {
    uint32_t from, to;
} range;

static cairn_err set_range(void *context, cairn_jobs_txn *txn)
{
    const range *r = context;
    for (uint32_t i = r->from; i < r->to; i++) {
        uint8_t id[4];
        cairn_put_u32(id, i);
        CAIRN_TRY(cairn_timer_set(txn, "a", cairn_bytes_of(id, 4), UINT64_MAX, (cairn_bytes){0}));
    }
    return CAIRN_OK;
}

static void test_timers_are_bounded(void **state)
{
    fixture *f = *state;
    cairn_jobs_close(CAIRN_STEAL(f->jobs));
    f->options.map_size = (size_t)1 << 30;
    assert_int_equal(cairn_jobs_open(f->path, &f->options, &f->jobs), CAIRN_OK);
    for (uint32_t at = 0; at < CAIRN_TIMERS_MAX; at += CAIRN_TIMERS_MAX / 8) {
        range r = {at, at + CAIRN_TIMERS_MAX / 8};
        assert_int_equal(cairn_jobs_update(f->jobs, set_range, &r), CAIRN_OK);
    }
    range one_more = {CAIRN_TIMERS_MAX, CAIRN_TIMERS_MAX + 1};
    assert_int_equal(cairn_jobs_update(f->jobs, set_range, &one_more), CAIRN_ERR_TOO_MANY);
    range again = {7, 8};
    assert_int_equal(cairn_jobs_update(f->jobs, set_range, &again), CAIRN_OK);
    assert_int_equal(timers_set(f), CAIRN_TIMERS_MAX);
}

#define WITH_JOBS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JOBS(test_fires_when_due_in_order),
        WITH_JOBS(test_again_until_done),
        WITH_JOBS(test_set_and_cancelled_while_firing),
        WITH_JOBS(test_survives_a_restart),
        WITH_JOBS(test_clock_that_jumps),
        WITH_JOBS(test_firings_are_bounded),
        WITH_JOBS(test_owner_that_is_gone),
        WITH_JOBS(test_arguments_and_rollback),
        WITH_JOBS(test_looking),
        WITH_JOBS(test_timers_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
