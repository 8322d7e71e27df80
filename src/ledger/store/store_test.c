/* The store end to end: what was acknowledged is there, provable, and there again after a restart.
 */
#include "support/ledger_fixture.h"

#include "feature_list.h"
#include "ledger/store/store.h"

typedef struct world {
    ledger_fixture f;
    char *directory;
    cairn_clock_manual clock;
    cairn_store *store;
    cairn_engine *engine;
} world;

static void open_store(world *w, unsigned threads)
{
    cairn_store_options options;
    cairn_store_options_default(&options, &cairn_all_features);
    options.clock = cairn_clock_of_manual(&w->clock);
    options.threads = threads;
    options.index_size_max = UINT64_C(1) << 30;
    assert_int_equal(cairn_store_open(w->directory, &options, &w->store), CAIRN_OK);
    w->engine = cairn_store_ledger(w->store, 0);
}

static void begin(world *w, unsigned threads)
{
    *w = (world){.clock = {.wall_ms = FIXTURE_TIME_MS + 1000}};
    fixture_open(&w->f, 1);
    w->directory = fixture_directory();
    open_store(w, threads);
    assert_int_equal(cairn_store_create(w->store, w->f.genesis, &w->engine), CAIRN_OK);
}

static void end(world *w)
{
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    fixture_remove(w->directory);
    fixture_close(&w->f);
}

static cairn_err send(world *w, cairn_bytes tx, cairn_verdict *verdict)
{
    return cairn_engine_wait(w->engine, tx, verdict);
}

static void check_everything_is_provable(world *w, uint64_t anchors)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 30);
    cairn_view *view = cairn_engine_view(w->engine);
    for (uint64_t i = 0; i < view->log_size; i++) {
        cairn_bytes entry;
        const cairn_hash *path = NULL;
        size_t count = 0;
        cairn_arena_reset(&arena);
        assert_int_equal(
            cairn_engine_prove_entry(w->engine, view, i, &arena, &entry, &path, &count), CAIRN_OK);
    }
    for (uint64_t n = 0; n < anchors + 3; n++) {
        uint8_t seed[8];
        cairn_hash commitment;
        cairn_state_key key;
        cairn_bytes value;
        cairn_put_u64(seed, n);
        cairn_sha256_of(seed, sizeof seed, &commitment);
        cairn_state_key_make(&key, "anchor/", cairn_bytes_hash(&commitment));
        cairn_arena_reset(&arena);
        assert_int_equal(cairn_engine_get(w->engine, view, CAIRN_MAP_STATE,
                                          cairn_state_key_view(&key), &arena, &value),
                         n < anchors ? CAIRN_OK : CAIRN_ERR_NOT_FOUND);
    }
    cairn_view_free(view);
    cairn_arena_done(&arena);
}

static void test_anchored_is_there_after_each_restart(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    uint64_t anchors = 0;
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 70; i++) {
            cairn_verdict verdict;
            cairn_bytes tx = fixture_anchor(&w.f, anchors, w.clock.wall_ms + 5000);
            assert_int_equal(send(&w, tx, &verdict), CAIRN_OK);
            assert_true(verdict.height > 0);
            assert_int_equal(send(&w, tx, &verdict), CAIRN_ERR_TX_REPLAYED);
            anchors++;
            cairn_clock_manual_advance_ms(&w.clock, 10);
            if (i == 40 && round % 2 == 0)
                assert_int_equal(cairn_store_checkpoint(w.store), CAIRN_OK);
        }
        check_everything_is_provable(&w, anchors);
        cairn_view *before = cairn_engine_view(w.engine);
        if (round < 3)
            cairn_store_free(w.store); /* as a crash */
        else
            assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
        open_store(&w, 0);
        cairn_view *after = cairn_engine_view(w.engine);
        assert_int_equal(after->log_size, before->log_size);
        assert_memory_equal(&after->log_root, &before->log_root, sizeof(cairn_hash));
        assert_memory_equal(&after->last, &before->last, sizeof after->last);
        cairn_view_free(before);
        cairn_view_free(after);
        cairn_verdict verdict; /* the window of ids was rebuilt */
        assert_int_equal(
            send(&w, fixture_anchor(&w.f, anchors - 1, w.clock.wall_ms + 5000 - 10), &verdict),
            CAIRN_ERR_TX_REPLAYED);
    }
    check_everything_is_provable(&w, anchors);
    end(&w);
}

static void test_final_refusal_consumes_the_id_and_others_do_not(void **state)
{
    (void)state;
    world w;
    cairn_verdict verdict;
    begin(&w, 0);
    cairn_bytes tx = fixture_anchor(&w.f, 7, w.clock.wall_ms + 1000);
    assert_int_equal(send(&w, tx, &verdict), CAIRN_OK);
    cairn_bytes again = fixture_anchor(&w.f, 7, w.clock.wall_ms + 2000);
    assert_int_equal(send(&w, again, &verdict), CAIRN_ERR_EXISTS);
    assert_true(verdict.height > 0);
    assert_int_equal(send(&w, again, &verdict), CAIRN_ERR_TX_REPLAYED);
    assert_int_equal(verdict.height, 0);
    cairn_bytes early = fixture_anchor(&w.f, 8, w.clock.wall_ms + 700000);
    assert_int_equal(send(&w, early, &verdict), CAIRN_ERR_TX_TOO_FAR_AHEAD);
    cairn_clock_manual_advance_ms(&w.clock, 200000);
    assert_int_equal(send(&w, early, &verdict), CAIRN_OK);
    end(&w);
}

static void test_many_ledgers_share_a_store(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    world w;
    begin(&w, 0);
    ledger_fixture more[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        cairn_engine *engine = NULL;
        fixture_open(&more[i], (uint8_t)(100 + i));
        assert_int_equal(cairn_store_create(w.store, more[i].genesis, &engine), CAIRN_OK);
        assert_int_equal(cairn_store_create(w.store, more[i].genesis, &engine), CAIRN_ERR_EXISTS);
    }
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            cairn_verdict verdict;
            w.engine = cairn_store_ledger(w.store, i + 1);
            assert_int_equal(send(&w,
                                  fixture_anchor(&more[i], (uint64_t)round, w.clock.wall_ms + 1000),
                                  &verdict),
                             CAIRN_OK);
            assert_int_equal(send(&w,
                                  fixture_anchor(&more[(i + 1) % COUNT], 9, w.clock.wall_ms + 1000),
                                  &verdict),
                             CAIRN_ERR_TX_WRONG_LEDGER);
        }
        if (round == 1)
            cairn_store_free(w.store);
        else
            assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
        open_store(&w, 0);
        assert_int_equal(cairn_store_ledger_count(w.store), COUNT + 1);
    }
    for (size_t i = 0; i < COUNT; i++) {
        w.engine = cairn_store_ledger(w.store, i + 1);
        check_everything_is_provable(&w, 3);
        fixture_close(&more[i]);
    }
    assert_null(cairn_store_ledger(w.store, COUNT + 1));
    end(&w);
}

/* --- with threads --- */

typedef struct tally {
    _Atomic unsigned accepted;
    _Atomic unsigned other;
} tally;

static void count_verdict(void *context, const cairn_verdict *verdict)
{
    tally *t = context;
    if (verdict->code == CAIRN_OK)
        t->accepted++;
    else
        t->other++;
}

static void test_threads_give_the_same_ledger(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    world w;
    tally t = {0};
    begin(&w, 2);
    for (uint64_t i = 0; i < COUNT; i++) {
        cairn_bytes tx = fixture_anchor(&w.f, i, w.clock.wall_ms + 600000);
        assert_int_equal(cairn_engine_submit(w.engine, tx, count_verdict, &t), CAIRN_OK);
        if (i % 7 == 0)
            assert_int_equal(cairn_engine_submit(w.engine, tx, count_verdict, &t), CAIRN_OK);
        if (i == COUNT / 2)
            assert_int_equal(cairn_store_checkpoint(w.store), CAIRN_OK);
    }
    cairn_verdict verdict;
    assert_int_equal(send(&w, fixture_anchor(&w.f, COUNT, w.clock.wall_ms + 600000), &verdict),
                     CAIRN_OK);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    assert_int_equal(t.accepted, COUNT);
    assert_int_equal(t.other, (COUNT + 6) / 7);
    open_store(&w, 0);
    check_everything_is_provable(&w, COUNT + 1);
    end(&w);
}

/* A block is at least a millisecond younger than the one before it. When a ledger's time has so run
 * ahead of the clock, here one that stands, its blocks are 2 ms apart. */
static void test_time_does_not_outrun_the_clock(void **state)
{
    (void)state;
    enum { COUNT = 300, LEAD_MS = 10, APART_NS = 2000000 };
    cairn_clock clock = cairn_clock_system();
    cairn_verdict verdict;
    world w;
    begin(&w, 1);
    uint64_t began_ns = cairn_clock_monotonic_ns(&clock);
    for (uint64_t i = 0; i < COUNT; i++)
        assert_int_equal(send(&w, fixture_anchor(&w.f, i, w.clock.wall_ms + 60000), &verdict),
                         CAIRN_OK);
    uint64_t took_ns = cairn_clock_monotonic_ns(&clock) - began_ns;
    assert_true(took_ns >= (uint64_t)(COUNT - LEAD_MS - 2) * APART_NS);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anchored_is_there_after_each_restart),
        cmocka_unit_test(test_final_refusal_consumes_the_id_and_others_do_not),
        cmocka_unit_test(test_many_ledgers_share_a_store),
        cmocka_unit_test(test_threads_give_the_same_ledger),
        cmocka_unit_test(test_time_does_not_outrun_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
