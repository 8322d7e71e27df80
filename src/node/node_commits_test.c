/* Commit proofs while the chain goes on, stands still, is away, or is asked by many. */
#include "support/ledger_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "cairn/block_entry.h"
#include "feature_list.h"
#include "ledger/store/store.h"
#include "node/node_commits.h"
#include "support/light_chain.h"

enum { BLOCKS = CAIRN_COMMITS_BLOCKS_MAX + 8 };

static ledger_fixture f;
static test_chain chain;
static char *directory;
static cairn_store *store;
static cairn_engine *engine;
static cairn_view *view;
static cairn_hash app_hash; /* that the chain shows after the view's height */
static cairn_commits *commits;
static _Atomic uint64_t tip; /* the chain's height */
static _Atomic uint64_t now; /* nanoseconds */
static _Atomic bool away;
static atomic_uint fetches;

static uint64_t get_wall(void *context)
{
    (void)context;
    return (CHAIN_START_S + BLOCKS + 2) * UINT64_C(1000);
}

static uint64_t get_now(void *context)
{
    (void)context;
    return now;
}

/* Changes half of its validators at each height, so that each is on the way. The chain is one
 * thread's at a time: the test and the prover both ask for blocks. */
static cairn_light_block block_at(uint64_t height)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    const cairn_light_set set = test_chain_set(&chain, 2 * (size_t)height, 4, 10);
    const cairn_light_set next = test_chain_set(&chain, 2 * (size_t)height + 2, 4, 10);
    const cairn_bytes hash =
        height > view->height ? cairn_bytes_hash(&app_hash) : test_chain_hash(&chain, "before");
    const cairn_light_block block = test_chain_block(&chain, height, set, next, hash);
    pthread_mutex_unlock(&lock);
    return block;
}

static cairn_err fetch(void *context, cairn_arena *arena, uint64_t height,
                       const _Atomic bool *cancelled, cairn_light_block *ret_block)
{
    (void)context;
    (void)arena;
    (void)cancelled;
    fetches++;
    if (away)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "test", "engine: is away");
    if (height > tip)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "test", "height: to come");
    *ret_block = block_at(height);
    return CAIRN_OK;
}

static void fill(void)
{
    const cairn_clock clock = cairn_clock_system();
    for (uint64_t i = 0; i < BLOCKS; i++) {
        cairn_verdict verdict;
        cairn_bytes tx = fixture_anchor(&f, i, cairn_clock_wall_ms(&clock) + 60000);
        assert_int_equal(cairn_engine_wait(engine, tx, &verdict), CAIRN_OK);
        assert_int_equal(verdict.code, CAIRN_OK);
    }
    view = cairn_engine_view(engine);
    assert_int_equal(view->height, BLOCKS);
    cairn_app_hash(view->log_size, &view->log_root, &app_hash);
}

static void begin(void)
{
    const cairn_commits_setup setup = {
        .engine = engine, .clock = {.wall_ms = get_wall, .monotonic_ns = get_now}, .fetch = fetch};
    assert_int_equal(cairn_commits_new(&setup, &commits), CAIRN_OK);
}

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
    fill();
    tip = view->height + 1;
    away = false;
    fetches = 0;
    now = 1;
    begin();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_commits_free(commits);
    commits = NULL;
    cairn_view_free(view);
    assert_int_equal(cairn_store_close(store), CAIRN_OK);
    fixture_remove(directory);
    test_chain_done(&chain);
    fixture_close(&f);
    return 0;
}

/* --- one who asks --- */

typedef struct asker {
    cairn_commits_question question;
    cairn_arena arena;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    _Atomic bool done;
    cairn_err err;
    cairn_bytes proof;
} asker;

static void on_done(void *context, cairn_err err, cairn_bytes commit_proof)
{
    asker *a = context;
    pthread_mutex_lock(&a->lock);
    assert_false(a->done);
    a->done = true;
    a->err = err;
    a->proof = commit_proof;
    pthread_cond_signal(&a->answered);
    pthread_mutex_unlock(&a->lock);
}

static cairn_err ask(asker *a, uint64_t from, uint64_t index)
{
    *a = (asker){.lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER};
    cairn_arena_init(&a->arena, CAIRN_COMMIT_PROOF_SIZE_MAX);
    a->question = (cairn_commits_question){.view = cairn_engine_view(engine),
                                           .index = index,
                                           .from = from,
                                           .arena = &a->arena,
                                           .done = on_done,
                                           .context = a};
    return cairn_commits_ask(commits, &a->question);
}

static cairn_err wait_for(asker *a)
{
    pthread_mutex_lock(&a->lock);
    while (!a->done)
        (void)pthread_cond_wait(&a->answered, &a->lock);
    pthread_mutex_unlock(&a->lock);
    assert_null(a->question.view);
    return a->err;
}

static void expect_proof(asker *a)
{
    cairn_commit_proof proof;
    cairn_commit_verdict verdict;
    const cairn_hash *path = NULL;
    size_t count = 0;
    cairn_bytes entry;
    const cairn_light_block trusted = block_at(a->question.from);
    const cairn_light_anchor anchor = {.state = trusted.state,
                                       .trusting_period_ms = UINT64_C(1000000)};
    if (wait_for(a) != CAIRN_OK)
        fail_msg("%s", cairn_err_name(a->err));
    cairn_arena_reset(&f.arena);
    assert_int_equal(cairn_commit_proof_decode(&f.arena, a->proof, &proof), CAIRN_OK);
    assert_int_equal(
        cairn_engine_prove_entry(engine, view, a->question.index, &f.arena, &entry, &path, &count),
        CAIRN_OK);
    assert_int_equal(cairn_commit_proof_verify(&proof, entry, &anchor,
                                               cairn_light_time_of_ms(get_wall(NULL)), &verdict),
                     CAIRN_OK);
    cairn_arena_done(&a->arena);
}

/* --- tests --- */

static void test_made_and_kept(void **state)
{
    (void)state;
    asker a;
    assert_int_equal(ask(&a, view->height - 3, 5), CAIRN_OK);
    expect_proof(&a);
    unsigned first = fetches;
    assert_in_range(first, 2, 20);
    for (uint64_t index = 0; index < 10; index++) {
        assert_int_equal(ask(&a, view->height - 3, index), CAIRN_OK);
        expect_proof(&a);
    }
    assert_int_equal(fetches, first);
}

/* A way that is longer than what is kept. */
static void test_more_than_is_kept(void **state)
{
    (void)state;
    asker a;
    for (int i = 0; i < 2; i++) {
        fetches = 0;
        assert_int_equal(ask(&a, 1, 5), CAIRN_OK);
        expect_proof(&a);
        assert_true(fetches > 8);
    }
}

static void test_refused(void **state)
{
    (void)state;
    asker a;
    assert_int_equal(ask(&a, view->height + 2, 5), CAIRN_OK);
    assert_int_equal(wait_for(&a), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(ask(&a, 1, view->log_size), CAIRN_OK);
    assert_int_equal(wait_for(&a), CAIRN_ERR_NOT_FOUND);
    app_hash.b[0] ^= 1;
    assert_int_equal(ask(&a, view->height, 5), CAIRN_OK);
    assert_int_equal(wait_for(&a), CAIRN_ERR_INCONSISTENT);
}

static void test_header_to_come(void **state)
{
    (void)state;
    asker a, b, never;
    tip = view->height;
    assert_int_equal(ask(&a, view->height - 1, 5), CAIRN_OK);
    assert_int_equal(ask(&b, view->height - 1, 6), CAIRN_OK);
    while (fetches < 5) /* asked again and again */
        sched_yield();
    assert_false(a.done || b.done);
    tip++;
    expect_proof(&a);
    expect_proof(&b);
    cairn_commits_free(CAIRN_STEAL(commits)); /* what is kept goes with it */
    begin();
    tip--;
    assert_int_equal(ask(&never, view->height - 1, 5), CAIRN_OK);
    now = now + CAIRN_COMMITS_WAIT_MS * UINT64_C(1000000);
    assert_int_equal(wait_for(&never), CAIRN_ERR_UNAVAILABLE);
    cairn_arena_done(&never.arena);
}

static void test_engine_away(void **state)
{
    (void)state;
    asker a;
    away = true;
    assert_int_equal(ask(&a, view->height, 5), CAIRN_OK);
    assert_int_equal(wait_for(&a), CAIRN_ERR_UNREACHABLE);
    away = false;
    assert_int_equal(ask(&a, view->height, 5), CAIRN_OK);
    expect_proof(&a);
}

/* As many as may wait, and one more. */
static void test_many(void **state)
{
    (void)state;
    static asker all[CAIRN_COMMITS_WAITING_MAX + 1];
    asker *last = &all[CAIRN_COMMITS_WAITING_MAX];
    tip = view->height;
    for (size_t i = 0; i < CAIRN_COMMITS_WAITING_MAX; i++)
        assert_int_equal(ask(&all[i], view->height - 3, i % BLOCKS), CAIRN_OK);
    assert_int_equal(ask(last, view->height - 3, 5), CAIRN_ERR_BUSY);
    cairn_view_free(last->question.view);
    tip++;
    for (size_t i = 0; i < CAIRN_COMMITS_WAITING_MAX; i++)
        expect_proof(&all[i]);
    assert_int_equal(ask(last, view->height - 3, 5), CAIRN_OK);
    expect_proof(last);
}

static void test_end_while_they_wait(void **state)
{
    (void)state;
    asker all[3];
    tip = view->height;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ask(&all[i], view->height - 1, i), CAIRN_OK);
    while (fetches < 5)
        sched_yield();
    cairn_commits_free(CAIRN_STEAL(commits));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(wait_for(&all[i]), CAIRN_ERR_UNAVAILABLE);
        cairn_arena_done(&all[i].arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_made_and_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_more_than_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_header_to_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_engine_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_end_while_they_wait, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
