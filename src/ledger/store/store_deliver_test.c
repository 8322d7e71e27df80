/* Blocks from outside: the same as a ledger makes by itself, there after a crash as far as they
 * were synced, and never again made by the store. */
#include "support/ledger_fixture.h"
#include "support/no_memory.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/limits.h"
#include "feature_list.h"
#include "ledger/store/store_deliver.h"

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

static void begin(world *w, unsigned threads)
{
    *w = (world){.clock = {.wall_ms = FIXTURE_TIME_MS + 1000}};
    fixture_open(&w->f, 1);
    w->directory = fixture_directory();
    cairn_store_options_default(&w->options, &cairn_all_features);
    w->options.clock = cairn_clock_of_manual(&w->clock);
    w->options.threads = threads;
    w->options.index_size_max = UINT64_C(1) << 30;
    assert_int_equal(cairn_store_open(w->directory, &w->options, &w->store), CAIRN_OK);
    assert_int_equal(cairn_store_create(w->store, w->f.genesis, &w->engine), CAIRN_OK);
    assert_int_equal(cairn_store_drive(w->engine, NULL), CAIRN_OK);
}

static void end(world *w)
{
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    fixture_remove(w->directory);
    fixture_close(&w->f);
}

static cairn_bytes next_anchor(world *w)
{
    return fixture_anchor(&w->f, w->anchors++, FIXTURE_TIME_MS + 60000);
}

static cairn_delivery *deliver(world *w, uint64_t height, const cairn_bytes *txs, size_t count)
{
    cairn_delivery *delivery = NULL;
    cairn_delivery_tx list[64] = {0};
    assert_true(count <= 64);
    for (size_t i = 0; i < count; i++)
        list[i].raw = txs[i];
    assert_int_equal(
        cairn_store_deliver(w->engine, height, FIXTURE_TIME_MS + height, list, count, &delivery),
        CAIRN_OK);
    return delivery;
}

/* A block of `count` new anchors. */
static void put_block(world *w, uint64_t height, size_t count)
{
    cairn_bytes txs[64];
    for (size_t i = 0; i < count; i++)
        txs[i] = next_anchor(w);
    cairn_delivery *delivery = deliver(w, height, txs, count);
    assert_int_equal(cairn_store_adopt(delivery), CAIRN_OK);
    cairn_delivery_free(delivery);
}

static cairn_hash log_root(world *w)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(w->engine);
    return view->log_root;
}

static uint64_t view_height(world *w)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(w->engine);
    return view->height;
}

/* --- what a block does --- */

static void test_deliver_changes_nothing_and_adopt_does(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    cairn_bytes tx = next_anchor(&w);
    cairn_hash before = log_root(&w);
    cairn_delivery *tried = deliver(&w, 5, &tx, 1);
    cairn_hash promised = *cairn_delivery_log_root(tried);
    assert_memory_equal(before.b, log_root(&w).b, 32);
    cairn_delivery_free(tried);
    assert_int_equal(cairn_store_delivered_height(w.engine), 0);

    cairn_delivery *delivery = deliver(&w, 5, &tx, 1);
    assert_int_equal(cairn_store_adopt(delivery), CAIRN_OK);
    size_t count = 0;
    const cairn_delivery_result *results = cairn_delivery_results(delivery, &count);
    assert_int_equal(count, 1);
    assert_int_equal(results[0].code, CAIRN_OK);
    assert_true(results[0].decoded && results[0].consumed);
    assert_int_equal(results[0].index, 2);
    cairn_hash id = results[0].id;
    cairn_delivery_free(delivery);
    assert_memory_equal(promised.b, log_root(&w).b, 32);
    assert_int_equal(view_height(&w), 5);
    assert_int_equal(cairn_store_delivered_height(w.engine), 5);
    assert_int_equal(cairn_store_durable_height(w.engine), 0);
    assert_int_equal(cairn_store_sync(w.store), CAIRN_OK);
    assert_int_equal(cairn_store_durable_height(w.engine), 5);

    cairn_tx_status status;
    assert_int_equal(cairn_engine_status(w.engine, &id, &status), CAIRN_OK);
    assert_int_equal(status.standing, CAIRN_TX_ACCEPTED);
    assert_int_equal(status.height, 5);
    end(&w);
}

/* Each height and each list gives a block. */
static void test_no_list_of_transactions_fails(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    uint8_t junk[3] = {0xd2, 0x84, 0xff};
    cairn_bytes bad;
    cairn_bytes good = next_anchor(&w);
    assert_int_equal(cairn_arena_copy(&w.f.arena, next_anchor(&w), &bad), CAIRN_OK);
    ((uint8_t *)(uintptr_t)bad.data)[bad.size - 1] ^= 1;
    void *huge = calloc(1, CAIRN_TX_SIZE_MAX + 1);
    const cairn_bytes txs[] = {cairn_bytes_of(junk, 3),
                               good,
                               good,
                               bad,
                               (cairn_bytes){0},
                               cairn_bytes_of(huge, CAIRN_TX_SIZE_MAX + 1)};
    cairn_delivery *delivery = deliver(&w, 9, txs, 6);
    size_t count = 0;
    const cairn_delivery_result *results = cairn_delivery_results(delivery, &count);
    assert_int_equal(count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(results[i].consumed, i == 1);
    assert_int_equal(results[1].code, CAIRN_OK);
    assert_int_equal(results[2].code, CAIRN_ERR_TX_REPLAYED);
    assert_int_equal(results[3].code, CAIRN_ERR_BAD_SIGNATURE);
    assert_int_equal(results[5].code, CAIRN_ERR_TOO_LARGE);
    assert_true(results[0].code != CAIRN_OK && !results[0].decoded);
    assert_int_equal(results[4].code, CAIRN_ERR_TRUNCATED);
    assert_int_equal(cairn_store_adopt(delivery), CAIRN_OK);
    cairn_delivery_free(delivery);
    free(huge);

    cairn_delivery *none = NULL;
    assert_int_equal(cairn_store_deliver(w.engine, 9, FIXTURE_TIME_MS + 99, NULL, 0, &none),
                     CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_store_deliver(w.engine, 10, FIXTURE_TIME_MS, NULL, 0, &none),
                     CAIRN_ERR_ARGUMENT);
    assert_null(none);
    end(&w);
}

/* One more than a block may hold is refused without a trace, and may come in the next. */
static void test_bound_of_a_block(void **state)
{
    (void)state;
    world w;
    begin(&w, 2);
    size_t count = CAIRN_BLOCK_TX_COUNT_MAX + 1;
    cairn_delivery_tx *txs = calloc(count, sizeof *txs);
    for (size_t i = 0; i < count; i++)
        txs[i].raw = next_anchor(&w);
    cairn_delivery *delivery = NULL;
    assert_int_equal(cairn_store_deliver(w.engine, 1, FIXTURE_TIME_MS + 1, txs, count, &delivery),
                     CAIRN_OK);
    const cairn_delivery_result *results = cairn_delivery_results(delivery, &count);
    assert_int_equal(results[count - 2].code, CAIRN_OK);
    assert_int_equal(results[count - 1].code, CAIRN_ERR_TOO_MANY);
    assert_false(results[count - 1].consumed);
    assert_int_equal(cairn_store_adopt(delivery), CAIRN_OK);
    cairn_delivery_free(delivery);
    cairn_delivery *next = deliver(&w, 2, &txs[count - 1].raw, 1);
    assert_int_equal(cairn_delivery_results(next, &count)[0].code, CAIRN_OK);
    cairn_delivery_free(next);
    free(txs);
    end(&w);
}

/* A block gives the same log whoever makes it. */
static void test_same_roots_as_the_embedded_engine(void **state)
{
    (void)state;
    world w;
    begin(&w, 2);
    char *directory = fixture_directory();
    cairn_store_options options = w.options;
    cairn_store *own = NULL;
    cairn_engine *engine = NULL;
    options.threads = 0;
    assert_int_equal(cairn_store_open(directory, &options, &own), CAIRN_OK);
    assert_int_equal(cairn_store_create(own, w.f.genesis, &engine), CAIRN_OK);
    for (uint64_t i = 1; i <= 40; i++) {
        cairn_verdict verdict;
        cairn_bytes tx = next_anchor(&w);
        cairn_delivery *delivery = NULL;
        const cairn_delivery_tx delivered = {.raw = tx};
        assert_int_equal(cairn_engine_wait(engine, tx, &verdict), CAIRN_OK);
        CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
        assert_int_equal(
            cairn_store_deliver(w.engine, verdict.height, view->time_ms, &delivered, 1, &delivery),
            CAIRN_OK);
        assert_int_equal(cairn_store_adopt(delivery), CAIRN_OK);
        cairn_delivery_free(delivery);
        assert_memory_equal(view->log_root.b, log_root(&w).b, 32);
    }
    assert_int_equal(cairn_store_close(own), CAIRN_OK);
    fixture_remove(directory);
    end(&w);
}

/* --- after a restart --- */

static void test_stays_driven(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    put_block(&w, 7, 3);
    for (int round = 0; round < 2; round++) {
        cairn_hash root = log_root(&w);
        cairn_verdict verdict;
        if (round == 0)
            assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
        else
            cairn_store_free(w.store);
        reopen(&w);
        assert_true(cairn_store_is_driven(w.engine));
        assert_int_equal(cairn_engine_wait(w.engine, next_anchor(&w), &verdict),
                         CAIRN_ERR_READ_ONLY);
        assert_int_equal(cairn_store_delivered_height(w.engine), 7);
        assert_int_equal(cairn_store_durable_height(w.engine), 7);
        assert_memory_equal(root.b, log_root(&w).b, 32);
    }
    end(&w);
}

static void segment_path(const world *w, char path[256])
{
    (void)snprintf(path, 256, "%s/blocks/0000000000000000.log", w->directory);
}

/* What was not synced may be lost, and delivered again gives the same. */
static void test_power_cut_before_the_sync(void **state)
{
    (void)state;
    world w;
    char path[256];
    cairn_bytes lost[2];
    begin(&w, 0);
    w.options.segment_size = 1 << 20;
    put_block(&w, 3, 4);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    reopen(&w);
    segment_path(&w, path);
    struct stat before;
    assert_int_equal(stat(path, &before), 0);
    lost[0] = next_anchor(&w);
    lost[1] = next_anchor(&w);
    cairn_delivery *delivery = deliver(&w, 4, lost, 2);
    assert_int_equal(cairn_store_adopt(delivery), CAIRN_OK);
    cairn_delivery_free(delivery);
    cairn_hash root = log_root(&w);
    assert_int_equal(cairn_store_durable_height(w.engine), 3);
    cairn_store_free(w.store);
    assert_int_equal(truncate(path, before.st_size), 0);
    reopen(&w);
    assert_int_equal(cairn_store_delivered_height(w.engine), 3);
    delivery = deliver(&w, 4, lost, 2);
    assert_int_equal(cairn_store_adopt(delivery), CAIRN_OK);
    cairn_delivery_free(delivery);
    assert_memory_equal(root.b, log_root(&w).b, 32);
    end(&w);
}

static void test_idle_heights_are_known_again(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    put_block(&w, 2, 1);
    cairn_hash root = log_root(&w);
    for (uint64_t height = 3; height <= 3000; height++) {
        cairn_delivery *empty = deliver(&w, height, NULL, 0);
        assert_int_equal(cairn_delivery_log_size(empty), 4);
        assert_int_equal(cairn_store_adopt(empty), CAIRN_OK);
        cairn_delivery_free(empty);
        assert_int_equal(cairn_store_sync(w.store), CAIRN_OK);
    }
    assert_memory_equal(root.b, log_root(&w).b, 32);
    assert_int_equal(cairn_store_durable_height(w.engine), 2);
    cairn_store_free(w.store);
    reopen(&w);
    uint64_t height = cairn_store_delivered_height(w.engine);
    assert_true(height >= 3000 - 1025 && height <= 3000);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    reopen(&w);
    assert_int_equal(cairn_store_delivered_height(w.engine), height);
    put_block(&w, height + 1, 1);
    end(&w);
}

/* No changed byte of the file is believed. */
static void test_damaged_file_is_refused(void **state)
{
    (void)state;
    world w;
    char path[256];
    uint8_t bytes[256];
    begin(&w, 0);
    put_block(&w, 700, 1);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    (void)snprintf(path, sizeof path, "%s/driven", w.directory);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    assert_true(size > 40 && size < sizeof bytes);
    for (size_t i = 0; i < size; i++) {
        uint8_t flipped = bytes[i] ^ 1;
        assert_int_equal(pwrite(fileno(file), &flipped, 1, (off_t)i), 1);
        assert_int_equal(cairn_store_open(w.directory, &w.options, &w.store), CAIRN_ERR_CORRUPT);
        assert_int_equal(pwrite(fileno(file), &bytes[i], 1, (off_t)i), 1);
    }
    (void)fclose(file);
    reopen(&w);
    end(&w);
}

/* --- who takes its transactions --- */

typedef struct taker {
    cairn_hash pending;
    size_t count;
} taker;

static cairn_err take(void *context, cairn_bytes tx, cairn_verdict_fn done, void *done_context)
{
    taker *t = context;
    cairn_tx decoded;
    CAIRN_TRY(cairn_tx_decode(tx, &decoded));
    t->pending = decoded.id;
    t->count++;
    const cairn_verdict verdict = {.id = decoded.id, .height = 77};
    done(done_context, &verdict);
    return CAIRN_OK;
}

static bool is_pending(void *context, const cairn_hash *id)
{
    return cairn_hash_equal(&((taker *)context)->pending, id);
}

static void test_driver_takes_transactions(void **state)
{
    (void)state;
    world w;
    taker t = {0};
    const cairn_store_driver driver = {.context = &t, .submit = take, .is_pending = is_pending};
    cairn_verdict verdict;
    cairn_tx_status status;
    begin(&w, 0);
    assert_int_equal(cairn_store_drive(w.engine, &driver), CAIRN_OK);
    assert_int_equal(cairn_engine_wait(w.engine, next_anchor(&w), &verdict), CAIRN_OK);
    assert_int_equal(verdict.height, 77);
    assert_int_equal(t.count, 1);
    assert_int_equal(cairn_engine_status(w.engine, &verdict.id, &status), CAIRN_OK);
    assert_int_equal(status.standing, CAIRN_TX_PENDING);
    assert_int_equal(cairn_store_drive(w.engine, NULL), CAIRN_OK);
    assert_int_equal(cairn_engine_status(w.engine, &verdict.id, &status), CAIRN_OK);
    assert_int_equal(status.standing, CAIRN_TX_UNKNOWN);
    end(&w);
}

static void count_verdict(void *context, const cairn_verdict *verdict)
{
    *(unsigned *)context += verdict->code == CAIRN_OK;
}

/* What waits in the ledger's own queue is decided first. */
static void test_a_queue_that_is_not_empty(void **state)
{
    (void)state;
    world w;
    cairn_engine *second = NULL;
    unsigned accepted = 0;
    bool worked = false;
    begin(&w, 0);
    cairn_bytes genesis = fixture_genesis(&w.f.arena, 1, 2, NULL);
    cairn_ledger_id(genesis, &w.f.ledger);
    assert_int_equal(cairn_store_create(w.store, genesis, &second), CAIRN_OK);
    cairn_bytes tx = fixture_anchor(&w.f, 1, w.clock.wall_ms + 60000);
    assert_int_equal(cairn_engine_submit(second, tx, count_verdict, &accepted), CAIRN_OK);
    assert_int_equal(cairn_store_drive(second, NULL), CAIRN_ERR_BUSY);
    assert_false(cairn_store_is_driven(second));
    assert_int_equal(cairn_store_step(w.store, &worked), CAIRN_OK);
    assert_int_equal(accepted, 1);
    assert_int_equal(cairn_store_drive(second, NULL), CAIRN_OK);
    assert_int_equal(cairn_engine_submit(second, tx, count_verdict, &accepted),
                     CAIRN_ERR_READ_ONLY);
    assert_int_equal(cairn_store_delivered_height(second), 1);
    end(&w);
}

/* --- faults --- */

/* Memory ends at allocation n while a block is delivered and adopted. Delivering then has done
 * nothing; after adopting the store is read-only and comes back with the block or without. */
static bool block_without_memory(world *w, uint64_t height, unsigned n)
{
    cairn_delivery *delivery = NULL;
    const cairn_delivery_tx tx = {.raw = next_anchor(w)};
    cairn_hash before = log_root(w);
    no_memory_stays = true;
    no_memory_arm(n);
    no_memory_here = true;
    cairn_err err =
        cairn_store_deliver(w->engine, height, FIXTURE_TIME_MS + height, &tx, 1, &delivery);
    if (err == CAIRN_OK)
        err = cairn_store_adopt(delivery);
    no_memory_here = false;
    (void)no_memory_disarm();
    cairn_hash after = delivery == NULL ? before : *cairn_delivery_log_root(delivery);
    bool adopting = delivery != NULL;
    cairn_delivery_free(delivery);
    if (err == CAIRN_OK)
        return true;
    assert_int_equal(cairn_store_writable(w->store), adopting ? CAIRN_ERR_READ_ONLY : CAIRN_OK);
    if (adopting) {
        cairn_store_free(w->store);
        reopen(w);
    }
    cairn_hash now = log_root(w);
    assert_true(cairn_hash_equal(&now, &before) || (adopting && cairn_hash_equal(&now, &after)));
    return false;
}

static void test_without_memory(void **state)
{
    (void)state;
    world w;
    if (!NO_MEMORY_WORKS) {
        print_message("skipped: the sanitizer has its own malloc\n");
        skip();
    }
    begin(&w, 0);
    unsigned n = 1;
    uint64_t height = 1;
    while (!block_without_memory(&w, height++, n++))
        assert_true(n < 500);
    assert_true(n > 10);
    put_block(&w, height, 2);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deliver_changes_nothing_and_adopt_does),
        cmocka_unit_test(test_no_list_of_transactions_fails),
        cmocka_unit_test(test_bound_of_a_block),
        cmocka_unit_test(test_same_roots_as_the_embedded_engine),
        cmocka_unit_test(test_stays_driven),
        cmocka_unit_test(test_power_cut_before_the_sync),
        cmocka_unit_test(test_idle_heights_are_known_again),
        cmocka_unit_test(test_damaged_file_is_refused),
        cmocka_unit_test(test_driver_takes_transactions),
        cmocka_unit_test(test_a_queue_that_is_not_empty),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
