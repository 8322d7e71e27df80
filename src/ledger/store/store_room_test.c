/* A store whose disk is full: what it says, what it leaves, and how it goes on. */
#include "support/ledger_fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "feature_list.h"
#include "ledger/store/store_impl.h"

typedef struct world {
    ledger_fixture f;
    char *directory;
    cairn_clock_manual clock;
    cairn_store_options options;
    cairn_store *store;
    cairn_engine *engine;
    uint64_t anchors;
} world;

static void open_world(world *w)
{
    assert_int_equal(cairn_store_open(w->directory, &w->options, &w->store), CAIRN_OK);
    w->engine = cairn_store_ledger(w->store, 0);
}

static void begin(world *w, unsigned threads)
{
    *w = (world){.clock = {.wall_ms = FIXTURE_TIME_MS + 1000}};
    fixture_open(&w->f, 1);
    w->directory = fixture_directory();
    cairn_store_options_default(&w->options, &cairn_all_features);
    w->options.clock = cairn_clock_of_manual(&w->clock);
    w->options.index_size_max = UINT64_C(1) << 30;
    assert_int_equal(cairn_store_open(w->directory, &w->options, &w->store), CAIRN_OK);
    assert_int_equal(cairn_store_create(w->store, w->f.genesis, &w->engine), CAIRN_OK);
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    w->options.threads = threads;
    open_world(w);
}

/* What is there after a new start is what was acknowledged. */
static void end(world *w, uint64_t accepted)
{
    w->options.threads = 0;
    open_world(w);
    cairn_view *view = cairn_engine_view(w->engine);
    assert_int_equal(view->height, accepted); /* a block for each, behind block 0 */
    cairn_view_free(view);
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    fixture_remove(w->directory);
    fixture_close(&w->f);
}

static cairn_err anchor(world *w)
{
    cairn_verdict verdict;
    cairn_bytes tx = fixture_anchor(&w->f, w->anchors++, w->clock.wall_ms + 60000);
    return cairn_engine_wait(w->engine, tx, &verdict);
}

/* No file may grow, or be written at all: as a full disk, for those who write new pages. */
static void set_full(bool full)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    limit.rlim_cur = full ? 0 : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static cairn_err step_after(world *w, uint64_t ms)
{
    bool worked = false;
    cairn_clock_manual_advance_ms(&w->clock, ms);
    assert_int_equal(cairn_store_step(w->store, &worked), CAIRN_OK);
    return cairn_store_writable(w->store);
}

static void test_a_full_log_is_waited_for(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    assert_int_equal(anchor(&w), CAIRN_OK);
    set_full(true);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(anchor(&w), CAIRN_ERR_NO_SPACE);
        assert_int_equal(cairn_store_writable(w.store), CAIRN_ERR_NO_SPACE);
        assert_non_null(strstr(cairn_err_detail(), "room"));
        assert_int_equal(step_after(&w, 5000), CAIRN_ERR_NO_SPACE);
    }
    cairn_store_health health;
    cairn_store_health_get(w.store, &health);
    assert_true(health.full && !health.read_only && health.filled == 1 && health.index_lag == 1);
    assert_int_equal(cairn_store_checkpoint(w.store), CAIRN_ERR_NO_SPACE);
    assert_int_equal(cairn_store_seal(w.store), CAIRN_OK); /* not now */
    set_full(false);
    assert_int_equal(step_after(&w, 0), CAIRN_ERR_NO_SPACE); /* looked for now and then alone */
    assert_int_equal(step_after(&w, 1000), CAIRN_OK);
    assert_int_equal(anchor(&w), CAIRN_OK);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    end(&w, 2);
}

static void test_what_was_refused_may_be_sent_again(void **state)
{
    (void)state;
    world w;
    cairn_verdict verdict;
    cairn_tx_status status;
    begin(&w, 0);
    cairn_bytes tx = fixture_anchor(&w.f, 1, w.clock.wall_ms + 60000);
    set_full(true);
    assert_int_equal(cairn_engine_wait(w.engine, tx, &verdict), CAIRN_ERR_NO_SPACE);
    assert_int_equal(verdict.height, 0);
    assert_int_equal(cairn_engine_status(w.engine, &verdict.id, &status), CAIRN_OK);
    assert_int_equal(status.standing, CAIRN_TX_UNKNOWN);
    set_full(false);
    assert_int_equal(step_after(&w, 1000), CAIRN_OK);
    assert_int_equal(cairn_engine_wait(w.engine, tx, &verdict), CAIRN_OK);
    assert_int_equal(cairn_engine_wait(w.engine, tx, &verdict), CAIRN_ERR_TX_REPLAYED);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    end(&w, 1);
}

static void test_a_full_index_is_waited_for(void **state)
{
    (void)state;
    world w;
    uint64_t records = 0;
    uint64_t ledgers = 0;
    begin(&w, 0);
    assert_int_equal(anchor(&w), CAIRN_OK);
    set_full(true);
    assert_int_equal(cairn_store_checkpoint(w.store), CAIRN_ERR_NO_SPACE);
    assert_int_equal(anchor(&w), CAIRN_ERR_NO_SPACE); /* else memory would be next to be full */
    assert_int_equal(step_after(&w, 5000), CAIRN_ERR_NO_SPACE);
    assert_int_equal(cairn_store_checkpoint(w.store), CAIRN_ERR_NO_SPACE);
    set_full(false);
    assert_int_equal(step_after(&w, 1000), CAIRN_OK);
    assert_int_equal(anchor(&w), CAIRN_OK);
    assert_int_equal(cairn_store_checkpoint(w.store), CAIRN_OK);
    assert_int_equal(cairn_store_index_records(w.store->kv, &records, &ledgers), CAIRN_OK);
    assert_int_equal(records, 3);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    end(&w, 2);
}

static void test_closing_looks_once_more(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        world w;
        begin(&w, 0);
        assert_int_equal(anchor(&w), CAIRN_OK);
        set_full(true);
        assert_int_equal(cairn_store_checkpoint(w.store), CAIRN_ERR_NO_SPACE);
        assert_int_equal(anchor(&w), CAIRN_ERR_NO_SPACE);
        if (i == 0)
            set_full(false);
        assert_int_equal(cairn_store_close(w.store), i == 0 ? CAIRN_OK : CAIRN_ERR_NO_SPACE);
        set_full(false);
        end(&w, 1);
    }
}

static void test_threads_go_on_by_themselves(void **state)
{
    (void)state;
    world w;
    begin(&w, 1);
    assert_int_equal(anchor(&w), CAIRN_OK);
    set_full(true);
    assert_int_equal(anchor(&w), CAIRN_ERR_NO_SPACE);
    set_full(false);
    cairn_clock_manual_advance_ms(&w.clock, 1000);
    while (cairn_store_writable(w.store) == CAIRN_ERR_NO_SPACE)
        (void)usleep(10000);
    assert_int_equal(anchor(&w), CAIRN_OK);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    end(&w, 2);
}

/* The checkpointer waits by itself, and a store that is closed meanwhile does not wait for it. */
static void test_a_checkpointer_without_space(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        world w;
        begin(&w, 1);
        assert_int_equal(anchor(&w), CAIRN_OK);
        assert_int_equal(cairn_store_seal(w.store), CAIRN_OK); /* what remains is the index */
        set_full(true);
        cairn_clock_manual_advance_ms(&w.clock, 20000); /* a checkpoint is due */
        while (cairn_store_writable(w.store) != CAIRN_ERR_NO_SPACE)
            (void)usleep(10000);
        assert_int_equal(cairn_store_checkpoint(w.store), CAIRN_ERR_NO_SPACE);
        set_full(false);
        while (i == 1 && cairn_store_writable(w.store) == CAIRN_ERR_NO_SPACE)
            (void)usleep(10000);
        assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
        end(&w, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_log_is_waited_for),
        cmocka_unit_test(test_what_was_refused_may_be_sent_again),
        cmocka_unit_test(test_a_full_index_is_waited_for),
        cmocka_unit_test(test_closing_looks_once_more),
        cmocka_unit_test(test_threads_go_on_by_themselves),
        cmocka_unit_test(test_a_checkpointer_without_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
