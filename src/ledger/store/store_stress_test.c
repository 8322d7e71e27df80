/* Everything at once: several submitters, ledgers made meanwhile, readers that prove what was
 * acknowledged, and an index written every few milliseconds. Worth most under ThreadSanitizer.
 * CAIRN_STRESS_ROUNDS repeats it. */
#include "support/ledger_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "cairn/ics23.h"
#include "feature_list.h"
#include "ledger/store/store.h"

enum {
    LEDGER_COUNT = 4,
    LATE_COUNT = 12, /* ledgers made under load */
    TX_COUNT = 400,  /* of each ledger */
    READER_COUNT = 2,
};

typedef struct stress stress;

/* One ledger and its submitter. */
typedef struct lane {
    stress *world;
    ledger_fixture f;
    cairn_engine *engine;
    cairn_bytes txs[TX_COUNT];
    cairn_hash commitments[TX_COUNT];
    _Atomic uint64_t accepted[TX_COUNT]; /* log index + 1, once the verdict is there */
    atomic_uint answered;
    atomic_uint replayed;
    atomic_uint again; /* submissions by a verdict */
} lane;

struct stress {
    char *directory;
    cairn_store *store;
    lane lanes[LEDGER_COUNT];
    ledger_fixture late[LATE_COUNT];
    atomic_bool ended;
    atomic_uint proofs;
};

typedef struct sent {
    lane *lane;
    size_t number;
} sent;

static uint64_t wall_ms(void *context)
{
    (void)context;
    return FIXTURE_TIME_MS + 1000;
}

static void open_store(stress *w, unsigned threads)
{
    cairn_store_options options;
    cairn_store_options_default(&options, &cairn_all_features);
    options.clock.wall_ms = wall_ms;
    options.threads = threads;
    options.block_tx_max = 16;
    options.checkpoint_changes = 16;
    options.checkpoint_ms = 2;
    options.index_size_max = UINT64_C(1) << 30;
    assert_int_equal(cairn_store_open(w->directory, &options, &w->store), CAIRN_OK);
}

/* The anchor of SHA-256 of `number`, as fixture_anchor makes it. */
static void sign_all(lane *l)
{
    for (uint64_t i = 0; i < TX_COUNT; i++) {
        uint8_t seed[8];
        cairn_put_u64(seed, i);
        cairn_sha256_of(seed, sizeof seed, &l->commitments[i]);
        l->txs[i] = fixture_anchor(&l->f, i, FIXTURE_TIME_MS + 300000);
    }
}

/* --- submitters --- */

static void on_replay(void *context, const cairn_verdict *verdict)
{
    lane *l = context;
    assert_int_equal(verdict->code, CAIRN_ERR_TX_REPLAYED);
    atomic_fetch_add(&l->replayed, 1);
}

/* Every eighth transaction comes again, from its own verdict. */
static void on_verdict(void *context, const cairn_verdict *verdict)
{
    sent *s = context;
    lane *l = s->lane;
    assert_int_equal(verdict->code, CAIRN_OK);
    assert_true(verdict->index != 0);
    if (s->number % 8 == 0 &&
        cairn_engine_submit(l->engine, l->txs[s->number], on_replay, l) == CAIRN_OK)
        atomic_fetch_add(&l->again, 1);
    atomic_store(&l->accepted[s->number], verdict->index + 1);
    atomic_fetch_add(&l->answered, 1);
    free(s);
}

static void *submit_all(void *context)
{
    lane *l = context;
    for (size_t i = 0; i < TX_COUNT; i++) {
        sent *s = malloc(sizeof *s);
        assert_non_null(s);
        *s = (sent){.lane = l, .number = i};
        assert_int_equal(cairn_engine_submit(l->engine, l->txs[i], on_verdict, s), CAIRN_OK);
        if (i % 16 == 0)
            (void)sched_yield();
    }
    return NULL;
}

/* --- a maker of ledgers --- */

static void *make_ledgers(void *context)
{
    stress *w = context;
    for (size_t i = 0; i < LATE_COUNT; i++) {
        cairn_engine *engine = NULL;
        cairn_verdict verdict;
        ledger_fixture *f = &w->late[i];
        assert_int_equal(cairn_store_create(w->store, f->genesis, &engine), CAIRN_OK);
        assert_int_equal(
            cairn_engine_wait(engine, fixture_anchor(f, 0, FIXTURE_TIME_MS + 300000), &verdict),
            CAIRN_OK);
        assert_int_equal(cairn_store_checkpoint(w->store), CAIRN_OK);
    }
    return NULL;
}

/* --- readers --- */

static bool is_current(cairn_err err)
{
    assert_true(err == CAIRN_OK || err == CAIRN_ERR_VIEW_EXPIRED);
    return err == CAIRN_OK;
}

/* What was acknowledged before the view was taken is in its state, provably. */
static void prove_state(lane *l, const cairn_view *view, size_t i, cairn_arena *arena)
{
    cairn_state_key key;
    cairn_smt_proof proof;
    cairn_bytes value;
    cairn_state_key_make(&key, "anchor/", cairn_bytes_hash(&l->commitments[i]));
    cairn_bytes k = cairn_state_key_view(&key);
    if (!is_current(cairn_engine_prove(l->engine, view, CAIRN_MAP_STATE, k, arena, &proof)))
        return;
    assert_true(proof.exists);
    assert_int_equal(cairn_ics23_verify_exist(&cairn_ics23_smt, &view->last.state_root, k,
                                              proof.value, proof.ics23),
                     CAIRN_OK);
    if (is_current(cairn_engine_get(l->engine, view, CAIRN_MAP_STATE, k, arena, &value)))
        assert_true(cairn_bytes_equal(value, proof.value));
}

static void prove_entry(lane *l, const cairn_view *view, size_t i, uint64_t index,
                        cairn_arena *arena)
{
    cairn_bytes entry;
    const cairn_hash *path = NULL;
    size_t count = 0;
    assert_int_equal(cairn_engine_prove_entry(l->engine, view, index, arena, &entry, &path, &count),
                     CAIRN_OK);
    assert_true(cairn_bytes_equal(entry, l->txs[i]));
}

static void prove_one(lane *l, unsigned *random, cairn_arena *arena)
{
    *random = *random * 1103515245u + 12345u;
    size_t i = (*random >> 16) % TX_COUNT;
    uint64_t accepted = atomic_load(&l->accepted[i]);
    if (accepted == 0)
        return;
    cairn_view *view = cairn_engine_view(l->engine);
    cairn_arena_reset(arena);
    prove_state(l, view, i, arena);
    prove_entry(l, view, i, accepted - 1, arena);
    cairn_view_free(view);
    atomic_fetch_add(&l->world->proofs, 1);
}

/* A ledger is there with its genesis, or not at all. */
static void look_at_last(cairn_store *store)
{
    cairn_engine *engine = cairn_store_ledger(store, cairn_store_ledger_count(store) - 1);
    assert_non_null(engine);
    cairn_view *view = cairn_engine_view(engine);
    assert_non_null(view);
    assert_true(view->log_size >= 2);
    cairn_view_free(view);
}

static void *read_all(void *context)
{
    stress *w = context;
    cairn_arena arena;
    unsigned random = 1;
    cairn_arena_init(&arena, 64 << 20);
    while (!atomic_load(&w->ended)) {
        for (size_t i = 0; i < LEDGER_COUNT; i++)
            prove_one(&w->lanes[i], &random, &arena);
        look_at_last(w->store);
    }
    cairn_arena_done(&arena);
    return NULL;
}

/* --- the whole --- */

static void begin(stress *w)
{
    w->directory = fixture_directory();
    open_store(w, 2);
    for (size_t i = 0; i < LEDGER_COUNT; i++) {
        lane *l = &w->lanes[i];
        l->world = w;
        fixture_open(&l->f, (uint8_t)(1 + i));
        assert_int_equal(cairn_store_create(w->store, l->f.genesis, &l->engine), CAIRN_OK);
        sign_all(l);
    }
    for (size_t i = 0; i < LATE_COUNT; i++)
        fixture_open(&w->late[i], (uint8_t)(100 + i));
}

static void run_threads(stress *w)
{
    pthread_t submitters[LEDGER_COUNT];
    pthread_t readers[READER_COUNT];
    pthread_t maker;
    for (size_t i = 0; i < READER_COUNT; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, w), 0);
    for (size_t i = 0; i < LEDGER_COUNT; i++)
        assert_int_equal(pthread_create(&submitters[i], NULL, submit_all, &w->lanes[i]), 0);
    assert_int_equal(pthread_create(&maker, NULL, make_ledgers, w), 0);
    for (size_t i = 0; i < LEDGER_COUNT; i++)
        assert_int_equal(pthread_join(submitters[i], NULL), 0);
    assert_int_equal(pthread_join(maker, NULL), 0);
    for (size_t i = 0; i < LEDGER_COUNT; i++)
        while (atomic_load(&w->lanes[i].answered) != TX_COUNT)
            (void)sched_yield();
    while (atomic_load(&w->proofs) == 0)
        (void)sched_yield();
    atomic_store(&w->ended, true);
    for (size_t i = 0; i < READER_COUNT; i++)
        assert_int_equal(pthread_join(readers[i], NULL), 0);
}

/* All of it again, from disk. */
static void check_reopened(stress *w)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 30);
    open_store(w, 0);
    assert_int_equal(cairn_store_ledger_count(w->store), LEDGER_COUNT + LATE_COUNT);
    for (size_t i = 0; i < LEDGER_COUNT; i++) {
        lane *l = &w->lanes[i];
        l->engine = cairn_store_ledger(w->store, i);
        cairn_view *view = cairn_engine_view(l->engine);
        for (size_t n = 0; n < TX_COUNT; n++) {
            cairn_arena_reset(&arena);
            prove_state(l, view, n, &arena);
            prove_entry(l, view, n, atomic_load(&l->accepted[n]) - 1, &arena);
        }
        cairn_view_free(view);
    }
    cairn_arena_done(&arena);
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
}

static void test_all_at_once(void **state)
{
    (void)state;
    const char *rounds = getenv("CAIRN_STRESS_ROUNDS");
    for (int round = rounds == NULL ? 1 : atoi(rounds); round > 0; round--) {
        stress *w = calloc(1, sizeof *w);
        assert_non_null(w);
        begin(w);
        run_threads(w);
        assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
        check_reopened(w);
        for (size_t i = 0; i < LEDGER_COUNT; i++) {
            assert_int_equal(w->lanes[i].replayed, w->lanes[i].again);
            fixture_close(&w->lanes[i].f);
        }
        for (size_t i = 0; i < LATE_COUNT; i++)
            fixture_close(&w->late[i]);
        fixture_remove(w->directory);
        free(w);
    }
}

static void on_any(void *context, const cairn_verdict *verdict)
{
    atomic_uint *answered = context;
    assert_int_equal(verdict->code, CAIRN_OK);
    atomic_fetch_add(answered, 1);
}

/* Closing decides what is queued; the writer's last blocks may still make the index due. */
static void test_closed_while_the_index_is_due(void **state)
{
    (void)state;
    enum { CLOSES = 40, EACH = TX_COUNT / CLOSES };
    stress *w = calloc(1, sizeof *w);
    atomic_uint answered = 0;
    assert_non_null(w);
    w->directory = fixture_directory();
    lane *l = &w->lanes[0];
    fixture_open(&l->f, 1);
    sign_all(l);
    open_store(w, 1);
    assert_int_equal(cairn_store_create(w->store, l->f.genesis, &l->engine), CAIRN_OK);
    for (unsigned i = 0; i < CLOSES; i++) {
        for (unsigned n = 0; n < EACH; n++)
            assert_int_equal(
                cairn_engine_submit(l->engine, l->txs[i * EACH + n], on_any, &answered), CAIRN_OK);
        assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
        assert_int_equal(atomic_load(&answered), (i + 1) * EACH);
        open_store(w, 1);
        l->engine = cairn_store_ledger(w->store, 0);
    }
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    fixture_close(&l->f);
    fixture_remove(w->directory);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_closed_while_the_index_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
