/* What a store does at its edges: without memory, after a failure, read-only, with a full queue. */
#include "support/ledger_fixture.h"
#include "support/no_memory.h"

#include <unistd.h>

#include "feature_list.h"
#include "ledger/store_impl.h"

typedef struct world {
    ledger_fixture f;
    char *directory;
    cairn_clock_manual clock;
    cairn_store_options options;
    cairn_store *store;
    cairn_engine *engine;
    uint64_t anchors;
} world;

static void reopen(world *w)
{
    assert_int_equal(cairn_store_open(w->directory, &w->options, &w->store), CAIRN_OK);
    w->engine = cairn_store_ledger(w->store, 0);
}

static void begin(world *w)
{
    *w = (world){.clock = {.wall_ms = FIXTURE_TIME_MS + 1000}};
    fixture_open(&w->f, 1);
    w->directory = fixture_directory();
    cairn_store_options_default(&w->options, &cairn_all_features);
    w->options.clock = cairn_clock_of_manual(&w->clock);
    w->options.index_size_max = UINT64_C(1) << 30;
    assert_int_equal(cairn_store_open(w->directory, &w->options, &w->store), CAIRN_OK);
    assert_int_equal(cairn_store_create(w->store, w->f.genesis, &w->engine), CAIRN_OK);
}

static void end(world *w)
{
    fixture_remove(w->directory);
    fixture_close(&w->f);
}

static cairn_bytes next_anchor(world *w)
{
    return fixture_anchor(&w->f, w->anchors++, w->clock.wall_ms + 60000);
}

static void anchor(world *w)
{
    cairn_verdict verdict;
    assert_int_equal(cairn_engine_wait(w->engine, next_anchor(w), &verdict), CAIRN_OK);
}

/* --- memory --- */

/* Memory ends at allocation n and does not come back before the verdict. True when the transaction
 * needed fewer. */
static bool wait_without_memory(world *w, unsigned n)
{
    cairn_verdict verdict;
    cairn_bytes tx = next_anchor(w);
    no_memory_stays = true;
    no_memory_arm(n);
    no_memory_here = true;
    cairn_err err = cairn_engine_wait(w->engine, tx, &verdict);
    no_memory_here = false;
    bool fired = no_memory_disarm();
    if (err == CAIRN_OK)
        return !fired;
    assert_true(err == CAIRN_ERR_NO_MEMORY || err == CAIRN_ERR_READ_ONLY ||
                err == CAIRN_ERR_CRYPTO);
    if (cairn_store_writable(w->store) != CAIRN_OK) {
        cairn_store_free(w->store);
        reopen(w);
    }
    cairn_err again = cairn_engine_wait(w->engine, tx, &verdict);
    assert_true(again == CAIRN_OK || again == CAIRN_ERR_TX_REPLAYED);
    return false;
}

static void test_memory_that_ends_is_a_verdict(void **state)
{
    (void)state;
    world w;
    if (!NO_MEMORY_WORKS)
        skip();
    begin(&w);
    anchor(&w);
    unsigned n = 1;
    while (!wait_without_memory(&w, n))
        assert_true(++n < 2000);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_that_ends_is_a_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
