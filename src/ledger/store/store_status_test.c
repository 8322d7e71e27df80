/* What became of a transaction, by its id alone: in memory, indexed, after restarts; and the proofs
 * of refusals. */
#include "support/ledger_fixture.h"

#include "feature_list.h"
#include "ledger/store/store_impl.h"

typedef struct world {
    ledger_fixture f[2];
    char *directory;
    cairn_clock_manual clock;
    cairn_store *store;
    cairn_engine *engine;
} world;

static void open_store(world *w)
{
    cairn_store_options options;
    cairn_store_options_default(&options, &cairn_all_features);
    options.clock = cairn_clock_of_manual(&w->clock);
    options.index_size_max = UINT64_C(1) << 30;
    assert_int_equal(cairn_store_open(w->directory, &options, &w->store), CAIRN_OK);
    w->engine = cairn_store_ledger(w->store, 0);
}

static void begin(world *w)
{
    cairn_engine *second = NULL;
    *w = (world){.clock = {.wall_ms = FIXTURE_TIME_MS + 1000}};
    w->directory = fixture_directory();
    open_store(w);
    fixture_open(&w->f[0], 1);
    fixture_open(&w->f[1], 2);
    assert_int_equal(cairn_store_create(w->store, w->f[0].genesis, &w->engine), CAIRN_OK);
    assert_int_equal(cairn_store_create(w->store, w->f[1].genesis, &second), CAIRN_OK);
}

static void end(world *w)
{
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    fixture_remove(w->directory);
    fixture_close(&w->f[0]);
    fixture_close(&w->f[1]);
}

static cairn_hash id_of(cairn_bytes tx)
{
    cairn_tx decoded;
    assert_int_equal(cairn_tx_decode(tx, &decoded), CAIRN_OK);
    return decoded.id;
}

static cairn_tx_status status_of(cairn_engine *engine, const cairn_hash *id)
{
    cairn_tx_status status;
    assert_int_equal(cairn_engine_status(engine, id, &status), CAIRN_OK);
    return status;
}

static void keep_verdict(void *context, const cairn_verdict *verdict)
{
    *(cairn_verdict *)context = *verdict;
}

static void step(world *w)
{
    bool worked = true;
    assert_int_equal(cairn_store_step(w->store, &worked), CAIRN_OK);
    cairn_clock_manual_advance_ms(&w->clock, 1);
}

static void test_from_pending_to_decided(void **state)
{
    (void)state;
    world w;
    begin(&w);
    cairn_verdict verdict = {.code = 1};
    cairn_bytes tx = fixture_anchor(&w.f[0], 1, w.clock.wall_ms + 1000);
    cairn_hash id = id_of(tx);
    assert_int_equal(status_of(w.engine, &id).standing, CAIRN_TX_UNKNOWN);
    assert_int_equal(cairn_engine_submit(w.engine, tx, keep_verdict, &verdict), CAIRN_OK);
    assert_int_equal(cairn_engine_submit(w.engine, tx, keep_verdict, &verdict), CAIRN_OK);
    assert_int_equal(status_of(w.engine, &id).standing, CAIRN_TX_PENDING);
    assert_int_equal(status_of(cairn_store_ledger(w.store, 1), &id).standing, CAIRN_TX_UNKNOWN);
    step(&w);
    assert_int_equal(verdict.code, CAIRN_ERR_TX_REPLAYED); /* of the second one */
    cairn_tx_status status = status_of(w.engine, &id);
    assert_int_equal(status.standing, CAIRN_TX_ACCEPTED);
    assert_int_equal(status.code, CAIRN_OK);
    assert_int_equal(status.height, 1);
    assert_int_equal(status.index, 2);
    assert_true(status.time_ms > FIXTURE_TIME_MS);

    tx = fixture_anchor(&w.f[0], 1, w.clock.wall_ms + 2000); /* exists: finally refused */
    id = id_of(tx);
    assert_int_equal(cairn_engine_wait(w.engine, tx, &verdict), CAIRN_ERR_EXISTS);
    status = status_of(w.engine, &id);
    assert_int_equal(status.standing, CAIRN_TX_REFUSED);
    assert_int_equal(status.code, CAIRN_ERR_EXISTS);
    assert_int_equal(status.height, 2);

    tx = fixture_anchor(&w.f[0], 2, w.clock.wall_ms - 1); /* leaves no trace */
    id = id_of(tx);
    assert_int_equal(cairn_engine_wait(w.engine, tx, &verdict), CAIRN_ERR_TX_EXPIRED);
    assert_int_equal(status_of(w.engine, &id).standing, CAIRN_TX_UNKNOWN);
    end(&w);
}

/* --- many, over checkpoints and restarts --- */

enum { MANY = 600 };

typedef struct expected {
    cairn_hash id;
    cairn_verdict verdict;
    size_t ledger;
} expected;

static expected history[MANY];

static void send(world *w, size_t i)
{
    expected *e = &history[i];
    e->ledger = i % 3 == 0;
    /* every fifth anchors what is anchored already */
    uint64_t number = i % 5 == 4 ? i - 3 : i;
    cairn_bytes tx =
        fixture_anchor(&w->f[e->ledger], number, w->clock.wall_ms + 60000 + (i % 5 == 4));
    e->id = id_of(tx);
    assert_int_equal(
        cairn_engine_submit(cairn_store_ledger(w->store, e->ledger), tx, keep_verdict, &e->verdict),
        CAIRN_OK);
}

static void check_all(world *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const expected *e = &history[i];
        cairn_tx_status status = status_of(cairn_store_ledger(w->store, e->ledger), &e->id);
        assert_int_equal(status.standing,
                         e->verdict.code == CAIRN_OK ? CAIRN_TX_ACCEPTED : CAIRN_TX_REFUSED);
        assert_int_equal(status.code, e->verdict.code);
        assert_int_equal(status.height, e->verdict.height);
        assert_int_equal(status.index, e->verdict.index);
        cairn_hash other = e->id;
        other.b[31] ^= 1; /* begins alike */
        assert_int_equal(status_of(cairn_store_ledger(w->store, e->ledger), &other).standing,
                         CAIRN_TX_UNKNOWN);
        assert_int_equal(status_of(cairn_store_ledger(w->store, !e->ledger), &e->id).standing,
                         CAIRN_TX_UNKNOWN);
    }
}

static void test_found_however_old(void **state)
{
    (void)state;
    world w;
    begin(&w);
    for (size_t i = 0; i < MANY; i++) {
        send(&w, i);
        if (i % 7 != 0)
            continue;
        step(&w);
        if (i % 35 == 0)
            assert_int_equal(cairn_store_checkpoint(w.store), CAIRN_OK);
        if (i % 210 == 0) { /* memory and index */
            check_all(&w, i);
            cairn_clock_manual_advance_ms(&w.clock, 700000); /* the window forgets */
            if (i % 420 == 0)
                cairn_store_free(w.store);
            else
                assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
            open_store(&w);
            check_all(&w, i);
        }
    }
    step(&w);
    check_all(&w, MANY);
    end(&w);
}

/* --- refusals --- */

/* A block of `count` refusals among accepted ones; the proof of each. */
static void prove_refusals(world *w, size_t count, uint64_t number)
{
    cairn_verdict verdicts[2 * 64];
    cairn_hash ids[2 * 64];
    cairn_arena arena;
    for (size_t i = 0; i < 2 * count; i++) {
        cairn_bytes tx = fixture_anchor(&w->f[0], number + i / 2, w->clock.wall_ms + 1000 + i);
        ids[i] = id_of(tx);
        assert_int_equal(cairn_engine_submit(w->engine, tx, keep_verdict, &verdicts[i]), CAIRN_OK);
    }
    cairn_view *before = cairn_engine_view(w->engine);
    step(w);
    cairn_view *view = cairn_engine_view(w->engine);
    cairn_arena_init(&arena, 1 << 22);
    for (size_t i = 0; i < 2 * count; i++) {
        cairn_refusal_proof proof;
        cairn_arena_reset(&arena);
        cairn_err err = cairn_engine_prove_refusal(w->engine, view, &ids[i], &arena, &proof);
        assert_int_equal(err, i % 2 == 0 ? CAIRN_ERR_NOT_FOUND : CAIRN_OK);
        if (i % 2 == 0)
            continue;
        assert_int_equal(proof.code, CAIRN_ERR_EXISTS);
        assert_int_equal(proof.index, i / 2);
        assert_int_equal(proof.count, count);
        assert_int_equal(cairn_refusal_proof_check(&proof), CAIRN_OK);
        assert_memory_equal(&proof.end.block_entry, &view->last, sizeof view->last);
        proof.code = CAIRN_ERR_CLOSED;
        assert_int_equal(cairn_refusal_proof_check(&proof), CAIRN_ERR_BAD_PROOF);
        assert_int_equal(cairn_engine_prove_refusal(w->engine, before, &ids[i], &arena, &proof),
                         CAIRN_ERR_NOT_FOUND);
    }
    cairn_hash unknown = ids[0];
    cairn_refusal_proof proof;
    unknown.b[0] ^= 1;
    assert_int_equal(cairn_engine_prove_refusal(w->engine, view, &unknown, &arena, &proof),
                     CAIRN_ERR_NOT_FOUND);
    cairn_arena_done(&arena);
    cairn_view_free(before);
    cairn_view_free(view);
}

static void test_every_refusal_is_provable(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 3, 4, 5, 7, 8, 9, 31, 33, 64};
    world w;
    begin(&w);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        prove_refusals(&w, counts[i], 1000 * i);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_pending_to_decided),
        cmocka_unit_test(test_found_however_old),
        cmocka_unit_test(test_every_refusal_is_provable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
