/* Commit proofs of a real ledger, by a chain of our own making. */
#include "support/ledger_fixture.h"

#include "cairn/block_entry.h"
#include "feature_list.h"
#include "ledger/light/light_prove.h"
#include "ledger/store/store.h"
#include "support/light_chain.h"

enum { NOW_HEIGHT = 100 };

static ledger_fixture f;
static test_chain chain;
static char *directory;
static cairn_store *store;
static cairn_engine *engine;
static cairn_view *view;
static cairn_light_rules rules;
static cairn_hash app_hash; /* that the chain shows after the view's height */
static uint64_t tip;        /* the chain's height */

/* Changes half of its validators at each height up to the tip. */
static cairn_err read_chain(void *context, uint64_t height, cairn_light_block *ret_block)
{
    (void)context;
    if (height > tip)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "height: to come");
    const cairn_light_set set = test_chain_set(&chain, 2 * (size_t)height, 4, 10);
    const cairn_light_set next = test_chain_set(&chain, 2 * (size_t)height + 2, 4, 10);
    const cairn_bytes hash =
        height > view->height ? cairn_bytes_hash(&app_hash) : test_chain_hash(&chain, "before");
    *ret_block = test_chain_block(&chain, height, set, next, hash);
    return CAIRN_OK;
}

static const cairn_light_source source = {.read = read_chain};

static int set_up(void **state)
{
    (void)state;
    cairn_store_options options;
    fixture_open(&f, 1);
    test_chain_init(&chain);
    directory = fixture_directory();
    cairn_store_options_default(&options, &cairn_all_features);
    options.index_size_max = UINT64_C(1) << 30;
    assert_int_equal(cairn_store_open(directory, &options, &store), CAIRN_OK);
    assert_int_equal(cairn_store_create(store, f.genesis, &engine), CAIRN_OK);
    for (uint64_t i = 0; i < 5; i++) {
        cairn_verdict verdict;
        const cairn_clock clock = cairn_clock_system();
        cairn_bytes tx = fixture_anchor(&f, i, cairn_clock_wall_ms(&clock) + 60000);
        assert_int_equal(cairn_engine_wait(engine, tx, &verdict), CAIRN_OK);
        assert_int_equal(verdict.code, CAIRN_OK);
    }
    view = cairn_engine_view(engine);
    cairn_app_hash(view->log_size, &view->log_root, &app_hash);
    rules = test_chain_rules(NOW_HEIGHT);
    tip = view->height + 1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_view_free(view);
    assert_int_equal(cairn_store_close(store), CAIRN_OK);
    fixture_remove(directory);
    test_chain_done(&chain);
    fixture_close(&f);
    return 0;
}

static cairn_err prove(uint64_t from, uint64_t index, cairn_commit_proof *ret_proof)
{
    cairn_bytes encoded;
    CAIRN_TRY(cairn_light_prove(&f.arena, engine, view, &source, &rules, from, index, &encoded));
    return cairn_commit_proof_decode(&f.arena, encoded, ret_proof);
}

/* By whom trusts the header of `from`. */
static cairn_err verify(const cairn_commit_proof *proof, uint64_t from, uint64_t index)
{
    cairn_light_block trusted;
    cairn_commit_verdict verdict;
    const cairn_hash *path = NULL;
    size_t count = 0;
    cairn_bytes entry;
    CAIRN_TRY(cairn_engine_prove_entry(engine, view, index, &f.arena, &entry, &path, &count));
    CAIRN_TRY(read_chain(NULL, from, &trusted));
    const cairn_light_anchor anchor = {.state = trusted.state,
                                       .trusting_period_ms = rules.trusting_period_ms};
    return cairn_commit_proof_verify(proof, entry, &anchor, rules.now, &verdict);
}

static void test_every_entry(void **state)
{
    (void)state;
    cairn_commit_proof proof;
    for (uint64_t index = 0; index < view->log_size; index++) {
        assert_int_equal(prove(1, index, &proof), CAIRN_OK);
        assert_int_equal(proof.size, view->log_size);
        assert_int_equal(verify(&proof, 1, index), CAIRN_OK);
        assert_int_equal(verify(&proof, 1, (index + 1) % view->log_size), CAIRN_ERR_BAD_PROOF);
    }
    assert_true(proof.block_count > 1); /* half of the validators change at each height */
}

static void test_from_elsewhere(void **state)
{
    (void)state;
    cairn_commit_proof proof;
    assert_int_equal(prove(view->height + 1, 3, &proof), CAIRN_OK);
    assert_int_equal(proof.block_count, 0);
    assert_int_equal(verify(&proof, view->height + 1, 3), CAIRN_OK);
    assert_int_equal(prove(view->height + 2, 3, &proof), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(prove(1, view->log_size, &proof), CAIRN_ERR_NOT_FOUND);
}

static void test_chain_behind(void **state)
{
    (void)state;
    cairn_commit_proof proof;
    tip = view->height;
    assert_int_equal(prove(1, 3, &proof), CAIRN_ERR_UNAVAILABLE);
    tip++;
    app_hash.b[0] ^= 1;
    assert_int_equal(prove(1, 3, &proof), CAIRN_ERR_INCONSISTENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_entry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_from_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_chain_behind, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
