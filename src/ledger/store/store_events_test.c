/* The events of a store's ledgers: all of them, in order, from memory, from the block log and
 * across restarts, and whoever subscribed is told. */
#include "support/ledger_fixture.h"

#include <unistd.h>

#include "feature_list.h"
#include "ledger/store/store_impl.h"

enum { LEDGERS = 3 };

typedef struct world {
    ledger_fixture f[LEDGERS];
    char *directory;
    cairn_clock_manual clock;
    cairn_store *store;
    uint64_t anchors[LEDGERS]; /* sent to each and accepted */
    uint64_t blocks[LEDGERS];
} world;

static void open_store(world *w, unsigned threads)
{
    cairn_store_options options;
    cairn_store_options_default(&options, &cairn_all_features);
    options.clock = cairn_clock_of_manual(&w->clock);
    options.threads = threads;
    options.index_size_max = UINT64_C(1) << 30;
    assert_int_equal(cairn_store_open(w->directory, &options, &w->store), CAIRN_OK);
}

static void begin(world *w, unsigned threads)
{
    *w = (world){.clock = {.wall_ms = FIXTURE_TIME_MS + 1000}};
    w->directory = fixture_directory();
    open_store(w, threads);
    for (uint8_t i = 0; i < LEDGERS; i++) {
        cairn_engine *engine = NULL;
        fixture_open(&w->f[i], (uint8_t)(i + 1));
        assert_int_equal(cairn_store_create(w->store, w->f[i].genesis, &engine), CAIRN_OK);
    }
}

static void end(world *w)
{
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    fixture_remove(w->directory);
    for (size_t i = 0; i < LEDGERS; i++)
        fixture_close(&w->f[i]);
}

static void ignore_verdict(void *context, const cairn_verdict *verdict)
{
    (void)context;
    assert_true(verdict->code == CAIRN_OK || verdict->code == CAIRN_ERR_EXISTS);
}

/* A block of `count` new anchors and one that is finally refused, in the middle. */
static void add_block(world *w, size_t slot, size_t count)
{
    cairn_engine *engine = cairn_store_ledger(w->store, slot);
    bool worked = true;
    for (size_t i = 0; i < count; i++) {
        uint64_t until_ms = w->clock.wall_ms + 60000 + i;
        cairn_bytes tx = fixture_anchor(&w->f[slot], w->anchors[slot]++, until_ms);
        assert_int_equal(cairn_engine_submit(engine, tx, ignore_verdict, NULL), CAIRN_OK);
        if (i == count / 2) {
            tx = fixture_anchor(&w->f[slot], w->anchors[slot] - 1, until_ms + 100);
            assert_int_equal(cairn_engine_submit(engine, tx, ignore_verdict, NULL), CAIRN_OK);
        }
    }
    assert_int_equal(cairn_store_step(w->store, &worked), CAIRN_OK);
    cairn_clock_manual_advance_ms(&w->clock, 1);
    w->blocks[slot]++;
}

/* --- a reader that checks what it is told --- */

typedef struct reader {
    world *w;
    size_t slot;
    uint64_t height; /* came to */
    uint64_t seen;   /* events */
    uint64_t last_height;
    uint32_t next_ordinal;
    cairn_arena arena;
} reader;

static cairn_err check_event(void *context, const cairn_job_event *event)
{
    reader *r = context;
    cairn_bytes entry;
    uint8_t seed[8];
    cairn_hash commitment;
    cairn_put_u64(seed, r->seen++);
    cairn_sha256_of(seed, sizeof seed, &commitment);
    assert_int_equal(event->slot, r->slot);
    assert_int_equal(event->type, CAIRN_TX_ANCHOR);
    assert_true(cairn_bytes_equal(event->key, cairn_bytes_hash(&commitment)));
    assert_true(event->height > r->height && event->height >= r->last_height);
    if (event->height != r->last_height)
        r->next_ordinal = 0;
    r->last_height = event->height;
    assert_int_equal(event->ordinal, r->next_ordinal++);
    assert_true(event->time_ms > FIXTURE_TIME_MS);
    cairn_arena_reset(&r->arena);
    assert_int_equal(cairn_engine_entry(cairn_store_ledger(r->w->store, r->slot), event->index,
                                        &r->arena, &entry),
                     CAIRN_OK);
    assert_true(cairn_bytes_equal(entry, event->transaction));
    return CAIRN_OK;
}

static void read_some(reader *r, size_t block_max)
{
    const cairn_event_source source =
        cairn_engine_event_source(cairn_store_ledger(r->w->store, r->slot));
    uint64_t height = 0;
    assert_int_equal(source.read(source.context, r->height, block_max, check_event, r, &height),
                     CAIRN_OK);
    assert_true(height <= r->height + block_max);
    r->height = height;
}

static void read_all(world *w, size_t slot, size_t block_max)
{
    reader r = {.w = w, .slot = slot};
    cairn_arena_init(&r.arena, 1 << 24);
    for (uint64_t before = 1; r.height != before;) {
        before = r.height;
        read_some(&r, block_max);
    }
    cairn_arena_done(&r.arena);
    assert_int_equal(r.height, w->blocks[slot]);
    assert_int_equal(r.seen, w->anchors[slot]);
}

static void read_everything(world *w)
{
    for (size_t slot = 0; slot < LEDGERS; slot++) {
        read_all(w, slot, 1);
        read_all(w, slot, 3);
        read_all(w, slot, 1000);
    }
}

static void test_every_event_once_in_order(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    for (size_t round = 0; round < 3; round++) {
        read_everything(&w);
        for (size_t i = 0; i < 40; i++)
            add_block(&w, i % 2, i % 5 + 1);
        for (size_t i = 0; i < 200; i++) /* a walk over the others asks the index */
            add_block(&w, 0, 1);
        add_block(&w, 1, 2);
        add_block(&w, 2, 1);
        read_everything(&w);
        assert_int_equal(cairn_store_checkpoint(w.store), CAIRN_OK);
        read_everything(&w); /* found by the index, read from memory */
        add_block(&w, 2, 3);
        if (round == 1)
            cairn_store_free(w.store);
        else
            assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
        open_store(&w, 0);
        read_everything(&w); /* from the block log */
        add_block(&w, 0, 2);
        read_everything(&w); /* partly from either */
    }
    end(&w);
}

static cairn_err stop_at_third(void *context, const cairn_job_event *event)
{
    unsigned *seen = context;
    (void)event;
    return ++*seen == 3 ? CAIRN_ERR_CANCELLED : CAIRN_OK;
}

static void test_edges(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    add_block(&w, 0, 5);
    add_block(&w, 0, 1);
    cairn_engine *engine = cairn_store_ledger(w.store, 0);
    uint64_t height = 99;
    unsigned seen = 0;
    assert_int_equal(cairn_engine_events(engine, 0, 10, stop_at_third, &seen, &height),
                     CAIRN_ERR_CANCELLED);
    assert_int_equal(height, 99);
    assert_int_equal(seen, 3);
    assert_int_equal(cairn_engine_events(engine, 2, 10, stop_at_third, &seen, &height), CAIRN_OK);
    assert_int_equal(height, 2);
    assert_int_equal(cairn_engine_events(engine, 7, 10, stop_at_third, &seen, &height), CAIRN_OK);
    assert_int_equal(height, 7); /* ahead of the ledger: nothing yet */
    assert_int_equal(cairn_engine_events(engine, 1, 0, stop_at_third, &seen, &height), CAIRN_OK);
    assert_int_equal(height, 1);
    end(&w);
}

/* --- subscriptions --- */

static void count_call(void *context)
{
    ++*(_Atomic unsigned *)context;
}

static void test_subscribers_are_told_of_their_ledger(void **state)
{
    (void)state;
    world w;
    _Atomic unsigned a = 0, b = 0, other = 0;
    begin(&w, 0);
    cairn_engine *engine = cairn_store_ledger(w.store, 0);
    assert_int_equal(cairn_engine_subscribe(engine, count_call, &a), CAIRN_OK);
    assert_int_equal(cairn_engine_subscribe(engine, count_call, &b), CAIRN_OK);
    assert_int_equal(cairn_engine_subscribe(cairn_store_ledger(w.store, 1), count_call, &other),
                     CAIRN_OK);
    add_block(&w, 0, 3);
    assert_int_equal(a, 1);
    assert_int_equal(b, 1);
    cairn_engine_unsubscribe(engine, count_call, &a);
    cairn_engine_unsubscribe(engine, count_call, &a); /* is gone already */
    add_block(&w, 0, 3);
    assert_int_equal(a, 1);
    assert_int_equal(b, 2);
    assert_int_equal(other, 0);
    add_block(&w, 1, 1);
    assert_int_equal(other, 1);
    end(&w); /* with two still subscribed */
}

/* A feed: wakes when told, and reads what is new. */
typedef struct feed {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool news;
    reader r;
} feed;

static void wake_feed(void *context)
{
    feed *f = context;
    pthread_mutex_lock(&f->lock);
    f->news = true;
    pthread_cond_signal(&f->told);
    pthread_mutex_unlock(&f->lock);
}

static void *follow(void *context)
{
    feed *f = context;
    while (f->r.seen < f->r.w->anchors[f->r.slot]) {
        pthread_mutex_lock(&f->lock);
        while (!f->news)
            pthread_cond_wait(&f->told, &f->lock);
        f->news = false;
        pthread_mutex_unlock(&f->lock);
        read_some(&f->r, 1000000);
    }
    return NULL;
}

static void test_a_feed_misses_nothing_under_load(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    world w;
    pthread_t thread;
    begin(&w, 2);
    cairn_engine *engine = cairn_store_ledger(w.store, 0);
    feed f = {.r = {.w = &w}};
    w.anchors[0] = COUNT;
    cairn_arena_init(&f.r.arena, 1 << 24);
    pthread_mutex_init(&f.lock, NULL);
    pthread_cond_init(&f.told, NULL);
    assert_int_equal(cairn_engine_subscribe(engine, wake_feed, &f), CAIRN_OK);
    assert_int_equal(pthread_create(&thread, NULL, follow, &f), 0);
    for (uint64_t i = 0; i < COUNT; i++) {
        cairn_bytes tx = fixture_anchor(&w.f[0], i, w.clock.wall_ms + 60000);
        cairn_verdict verdict;
        assert_int_equal(cairn_engine_wait(engine, tx, &verdict), CAIRN_OK);
        if (i == COUNT / 2)
            assert_int_equal(cairn_store_checkpoint(w.store), CAIRN_OK);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    cairn_engine_unsubscribe(engine, wake_feed, &f);
    assert_int_equal(f.r.seen, COUNT);
    pthread_cond_destroy(&f.told);
    pthread_mutex_destroy(&f.lock);
    cairn_arena_done(&f.r.arena);
    end(&w);
}

/* --- what is damaged --- */

static void test_a_missing_row_is_corrupt(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    for (size_t i = 0; i < 6; i++)
        add_block(&w, 0, 1);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    open_store(&w, 0);
    cairn_kv_txn *txn = NULL;
    uint8_t key[12];
    cairn_put_u32(key, 0);
    cairn_put_u64(key + 4, 3);
    assert_int_equal(cairn_kv_begin(w.store->kv, true, &txn), CAIRN_OK);
    assert_int_equal(cairn_kv_delete(txn, TABLE_HEIGHT, cairn_bytes_of(key, 12)), CAIRN_OK);
    assert_int_equal(cairn_kv_commit(txn), CAIRN_OK);
    uint64_t height = 0;
    unsigned seen = 10;
    cairn_engine *engine = cairn_store_ledger(w.store, 0);
    assert_int_equal(cairn_engine_events(engine, 2, 10, stop_at_third, &seen, &height),
                     CAIRN_ERR_CORRUPT); /* would begin at height 4 */
    assert_int_equal(cairn_engine_events(engine, 1, 10, stop_at_third, &seen, &height), CAIRN_OK);
    assert_int_equal(height, 6);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_event_once_in_order),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_subscribers_are_told_of_their_ledger),
        cmocka_unit_test(test_a_feed_misses_nothing_under_load),
        cmocka_unit_test(test_a_missing_row_is_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
