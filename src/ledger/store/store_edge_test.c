/* What a store does at its edges: without memory, after a failure, read-only, with a full queue. */
#include "support/ledger_fixture.h"
#include "support/no_memory.h"

#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/limits.h"
#include "feature_list.h"
#include "ledger/store/store_impl.h"

static int wall_ahead_s; /* the wall clock will be set back by this much */

int clock_gettime(clockid_t id, struct timespec *time)
{
    int rc = (int)syscall(SYS_clock_gettime, id, time);
    if (id == CLOCK_REALTIME)
        time->tv_sec += wall_ahead_s;
    return rc;
}

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
    if (!NO_MEMORY_WORKS) {
        print_message("the sanitizer has its own malloc\n");
        skip();
    }
    begin(&w);
    anchor(&w);
    unsigned n = 1;
    while (!wait_without_memory(&w, n))
        assert_true(++n < 2000);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    end(&w);
}

/* --- read-only --- */

/* A reader meets an index that is behind. It may share the directory with others, so it leaves the
 * index as it is. */
static void test_reading_never_writes_the_index(void **state)
{
    (void)state;
    world w;
    uint64_t records = 0;
    uint64_t ledgers = 0;
    bool worked = false;
    begin(&w);
    anchor(&w);
    cairn_store_free(w.store); /* before any checkpoint */
    w.options.read_only = true;
    w.options.checkpoint_ms = 0;
    reopen(&w);
    assert_int_equal(cairn_store_step(w.store, &worked), CAIRN_OK);
    assert_int_equal(cairn_store_checkpoint(w.store), CAIRN_ERR_READ_ONLY);
    assert_int_equal(cairn_store_index_records(w.store->kv, &records, &ledgers), CAIRN_OK);
    assert_int_equal(records, 0);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    end(&w);
}

/* --- after a failure --- */

static void *ask_for_checkpoint(void *context)
{
    world *w = context;
    assert_int_equal(cairn_store_checkpoint(w->store), CAIRN_ERR_READ_ONLY);
    return NULL;
}

/* A block that is in the log and could not be installed is not in the maps: an index written now
 * would pass over it for ever. */
static void test_a_checkpoint_that_waited_for_a_failure_writes_nothing(void **state)
{
    (void)state;
    world w;
    pthread_t thread;
    uint64_t records = 0;
    uint64_t ledgers = 0;
    begin(&w);
    anchor(&w);
    pthread_mutex_lock(&w.store->write_lock);
    assert_int_equal(pthread_create(&thread, NULL, ask_for_checkpoint, &w), 0);
    (void)usleep(100000); /* it waits for the writer by now, most likely */
    assert_int_equal(cairn_store_fail(w.store, CAIRN_ERR_NO_MEMORY), CAIRN_ERR_NO_MEMORY);
    pthread_mutex_unlock(&w.store->write_lock);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(cairn_store_index_records(w.store->kv, &records, &ledgers), CAIRN_OK);
    assert_int_equal(records, 0);
    assert_int_equal(cairn_store_close(w.store), CAIRN_ERR_READ_ONLY);
    end(&w);
}

static void test_closing_tells_that_the_store_had_failed(void **state)
{
    (void)state;
    for (unsigned threads = 0; threads < 2; threads++) {
        world w;
        begin(&w);
        assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
        w.options.threads = threads;
        reopen(&w);
        anchor(&w);
        (void)!cairn_store_fail(w.store, CAIRN_ERR_NO_SPACE);
        assert_int_equal(cairn_store_close(w.store), CAIRN_ERR_READ_ONLY);
        end(&w);
    }
}

/* --- a full queue --- */

typedef struct pipeline {
    world *w;
    unsigned left;
    unsigned accepted;
    cairn_err submitted;
} pipeline;

/* Keeps one transaction on its way: the next goes out when the last was answered. */
static void send_next(void *context, const cairn_verdict *verdict)
{
    pipeline *p = context;
    p->accepted += verdict->code == CAIRN_OK;
    if (p->left-- != 0 && p->submitted == CAIRN_OK)
        p->submitted = cairn_engine_submit(p->w->engine, next_anchor(p->w), send_next, p);
}

static void test_a_verdict_makes_room_for_the_next(void **state)
{
    (void)state;
    world w;
    bool worked = true;
    begin(&w);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    w.options.queue_max = 1;
    reopen(&w);
    pipeline p = {.w = &w, .left = 10};
    assert_int_equal(cairn_engine_submit(w.engine, next_anchor(&w), send_next, &p), CAIRN_OK);
    while (worked)
        assert_int_equal(cairn_store_step(w.store, &worked), CAIRN_OK);
    assert_int_equal(p.submitted, CAIRN_OK);
    assert_int_equal(p.accepted, 11);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    end(&w);
}

static void count_verdict(void *context, const cairn_verdict *verdict)
{
    unsigned *accepted = context;
    *accepted += verdict->code == CAIRN_OK;
}

static void test_the_queue_is_bounded_in_bytes(void **state)
{
    (void)state;
    world w;
    bool worked = true;
    unsigned sent = 0;
    unsigned accepted = 0;
    size_t size = 0;
    begin(&w);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    w.options.queue_size_max = 65534;
    assert_int_equal(cairn_store_open(w.directory, &w.options, &w.store), CAIRN_ERR_ARGUMENT);
    w.options.queue_size_max = 65535;
    reopen(&w);
    for (;;) {
        cairn_bytes tx = next_anchor(&w);
        cairn_err err = cairn_engine_submit(w.engine, tx, count_verdict, &accepted);
        if (err == CAIRN_ERR_BUSY)
            break;
        assert_int_equal(err, CAIRN_OK);
        size += tx.size;
        sent++;
    }
    assert_in_range(size, 65535 - 1000, 65535);
    while (worked)
        assert_int_equal(cairn_store_step(w.store, &worked), CAIRN_OK);
    assert_int_equal(accepted, sent);
    anchor(&w);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    end(&w);
}

static unsigned fill(world *w, cairn_engine *engine, unsigned *accepted)
{
    unsigned sent = 0;
    for (;;) {
        cairn_err err = cairn_engine_submit(engine, next_anchor(w), count_verdict, accepted);
        if (err == CAIRN_ERR_BUSY)
            return sent;
        assert_int_equal(err, CAIRN_OK);
        sent++;
    }
}

static void test_one_ledger_leaves_room_for_the_others(void **state)
{
    (void)state;
    world w;
    ledger_fixture second;
    cairn_engine *engine = NULL;
    bool worked = true;
    unsigned accepted = 0;
    begin(&w);
    fixture_open(&second, 2);
    assert_int_equal(cairn_store_create(w.store, second.genesis, &engine), CAIRN_OK);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    w.options.queue_max = 100;
    reopen(&w);
    unsigned flood = fill(&w, w.engine, &accepted);
    assert_in_range(flood, 80, 95);
    ledger_fixture first = w.f;
    w.f = second;
    unsigned sent = fill(&w, cairn_store_ledger(w.store, 1), &accepted);
    second = w.f;
    w.f = first;
    assert_in_range(sent, 5, 100 - flood);
    while (worked)
        assert_int_equal(cairn_store_step(w.store, &worked), CAIRN_OK);
    assert_int_equal(accepted, flood + sent);
    anchor(&w);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    fixture_close(&second);
    end(&w);
}

/* --- freed under load --- */

typedef struct tally {
    _Atomic unsigned accepted;
    _Atomic unsigned cancelled;
} tally;

static void count_fate(void *context, const cairn_verdict *verdict)
{
    tally *t = context;
    t->accepted += verdict->code == CAIRN_OK;
    t->cancelled += verdict->code == CAIRN_ERR_CANCELLED;
}

static void *free_store(void *context)
{
    cairn_store_free(context);
    return NULL;
}

static void test_freeing_cancels_what_waits(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    world w;
    tally t = {0};
    pthread_t thread;
    begin(&w);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    w.options.threads = 1;
    reopen(&w);
    pthread_mutex_t *writer = &w.store->write_lock; /* held: nothing is decided meanwhile */
    pthread_mutex_lock(writer);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(cairn_engine_submit(w.engine, next_anchor(&w), count_fate, &t), CAIRN_OK);
    assert_int_equal(pthread_create(&thread, NULL, free_store, w.store), 0);
    for (int tries = 0; t.cancelled < COUNT - 1; tries++) { /* a worker may have one in hand */
        assert_true(tries < 1000);
        (void)usleep(10000);
    }
    pthread_mutex_unlock(writer);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(t.accepted + t.cancelled, COUNT);
    end(&w);
}

/* --- an index that is not this log's --- */

static void copy(const char *from, const char *to)
{
    char *command = NULL;
    assert_true(asprintf(&command, "rm -rf '%s' && cp -r '%s' '%s'", to, from, to) > 0);
    assert_int_equal(system(command), 0);
    free(command);
}

/* Two histories of one ledger, as old as each other: the index of the one beside the blocks of the
 * other is refused. */
static void test_the_index_of_another_history_is_refused(void **state)
{
    (void)state;
    world w;
    char other[512];
    char from[600];
    char to[600];
    begin(&w);
    anchor(&w);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    (void)snprintf(other, sizeof other, "%s-other", w.directory);
    (void)snprintf(from, sizeof from, "%s/index", other);
    (void)snprintf(to, sizeof to, "%s/index", w.directory);
    copy(w.directory, other);
    reopen(&w);
    anchor(&w);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    copy(to, from); /* the index alone */
    assert_int_equal(cairn_store_open(other, &w.options, &w.store), CAIRN_ERR_CORRUPT);
    copy(w.directory, other);
    reopen(&w);
    anchor(&w);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    assert_int_equal(cairn_store_open(other, &w.options, &w.store), CAIRN_OK);
    w.engine = cairn_store_ledger(w.store, 0);
    anchor(&w); /* another one */
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    copy(from, to);
    assert_int_equal(cairn_store_open(w.directory, &w.options, &w.store), CAIRN_ERR_CORRUPT);
    fixture_remove(strdup(other));
    end(&w);
}

/* Two readers without an index would both make it. */
static void test_readers_that_make_the_index_are_alone(void **state)
{
    (void)state;
    world w;
    char index[600];
    cairn_store *second = NULL;
    begin(&w);
    anchor(&w);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    (void)snprintf(index, sizeof index, "%s/index", w.directory);
    w.options.read_only = true;
    reopen(&w);
    assert_int_equal(cairn_store_open(w.directory, &w.options, &second), CAIRN_OK);
    assert_int_equal(cairn_store_close(second), CAIRN_OK);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    fixture_remove(strdup(index));
    reopen(&w);
    assert_int_equal(cairn_store_open(w.directory, &w.options, &second), CAIRN_ERR_LOCKED);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    end(&w);
}

/* --- the clock --- */

static bool is_sealed(cairn_store *store)
{
    pthread_mutex_lock(&store->write_lock);
    bool sealed = store->sealed;
    pthread_mutex_unlock(&store->write_lock);
    return sealed;
}

/* The writer's pauses do not become hours when somebody sets the clock back. */
static void test_the_writer_does_not_wait_for_the_wall_clock(void **state)
{
    (void)state;
    world w;
    begin(&w);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    w.options.threads = 1;
    wall_ahead_s = 3600;
    reopen(&w);
    anchor(&w);
    for (int tries = 0; !is_sealed(w.store); tries++) {
        assert_true(tries < 1000);
        (void)usleep(10000);
    }
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    wall_ahead_s = 0;
    end(&w);
}

/* --- the largest blocks --- */

enum { HUGE_TYPE = 4097, HUGE_SIZE = 65340, HUGE_COUNT = 300 };

static cairn_err huge_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    cairn_cbor_map map;
    cairn_bytes *data = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &data));
    CAIRN_TRY(cairn_cbor_read_map(r, "body", &map));
    CAIRN_TRY(cairn_cbor_key(r, &map, 1, "data"));
    CAIRN_TRY(cairn_cbor_read_bytes(r, "data", 4, CAIRN_TX_SIZE_MAX, data));
    CAIRN_TRY(cairn_cbor_end_map(r, &map));
    *ret_act = data;
    return CAIRN_OK;
}

/* Keeps the whole of it in the state, under its first bytes. */
static cairn_err huge_apply(cairn_apply *apply, const void *act)
{
    const cairn_bytes *data = act;
    cairn_state_key key;
    cairn_state_key_make(&key, "huge/", cairn_bytes_of(data->data, 4));
    return cairn_apply_put(apply, CAIRN_MAP_STATE, &key, data->data, data->size);
}

static const cairn_tx_row huge_rows[] = {
    {HUGE_TYPE, "huge", 1, 0, false, huge_decode, huge_apply, "house"}};
static const cairn_feature huge_feature = {
    .name = "huge", .transactions = huge_rows, .transaction_count = 1};
static const cairn_feature *const huge_list[] = {&huge_feature};
static const cairn_features huge_features = {.list = huge_list, .count = 1, .app_version = 1};

static cairn_bytes huge_tx(world *w, uint32_t number)
{
    static uint8_t data[HUGE_SIZE];
    static uint8_t body[HUGE_SIZE + 16];
    cairn_cbor_writer writer;
    cairn_bytes encoded;
    cairn_put_u32(data, number);
    cairn_cbor_writer_init(&writer, body, sizeof body);
    cairn_cbor_put_map(&writer, 1);
    cairn_cbor_put_int(&writer, 1);
    cairn_cbor_put_bytes(&writer, cairn_bytes_of(data, sizeof data));
    assert_int_equal(cairn_cbor_writer_end(&writer, &encoded), CAIRN_OK);
    cairn_bytes tx = fixture_tx(&w->f, w->f.key, HUGE_TYPE, encoded, w->clock.wall_ms + 60000);
    assert_in_range(tx.size, CAIRN_TX_SIZE_MAX - 64, CAIRN_TX_SIZE_MAX);
    return tx;
}

/* All is there: in the state and in the log. */
static void check_huge(world *w)
{
    cairn_arena arena;
    cairn_view *view = cairn_engine_view(w->engine);
    cairn_arena_init(&arena, 64 << 20);
    assert_true(view->log_size > HUGE_COUNT);
    for (uint32_t i = 0; i < HUGE_COUNT; i++) {
        uint8_t number[4];
        cairn_state_key key;
        cairn_bytes value;
        cairn_put_u32(number, i);
        cairn_arena_reset(&arena);
        cairn_state_key_make(&key, "huge/", cairn_bytes_of(number, 4));
        assert_int_equal(cairn_engine_get(w->engine, view, CAIRN_MAP_STATE,
                                          cairn_state_key_view(&key), &arena, &value),
                         CAIRN_OK);
        assert_int_equal(value.size, HUGE_SIZE);
        assert_memory_equal(value.data, number, 4);
    }
    for (uint64_t i = 0; i < view->log_size; i += 37) {
        cairn_bytes entry;
        const cairn_hash *path = NULL;
        size_t count = 0;
        cairn_arena_reset(&arena);
        assert_int_equal(
            cairn_engine_prove_entry(w->engine, view, i, &arena, &entry, &path, &count), CAIRN_OK);
    }
    cairn_view_free(view);
    cairn_arena_done(&arena);
}

/* Transactions of the largest size that fill blocks of the largest size, which are replayed. */
static void test_the_largest_blocks_are_written_and_replayed(void **state)
{
    (void)state;
    world w;
    bool worked = true;
    unsigned accepted = 0;
    begin(&w);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    w.options.features = &huge_features;
    w.options.block_tx_max = CAIRN_BLOCK_TX_COUNT_MAX;
    reopen(&w);
    for (uint32_t i = 0; i < HUGE_COUNT; i++)
        assert_int_equal(cairn_engine_submit(w.engine, huge_tx(&w, i), count_verdict, &accepted),
                         CAIRN_OK);
    while (worked)
        assert_int_equal(cairn_store_step(w.store, &worked), CAIRN_OK);
    assert_int_equal(accepted, HUGE_COUNT);
    check_huge(&w);
    cairn_store_free(w.store);
    reopen(&w);
    check_huge(&w);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    reopen(&w);
    check_huge(&w);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    end(&w);
}

/* --- without permission to write --- */

static int read_without_writing(world *w, uint64_t log_size)
{
    cairn_bytes entry;
    const cairn_hash *path = NULL;
    size_t count = 0;
    cairn_arena arena;
    cairn_verdict verdict;
    if (geteuid() == 0 && seteuid(65534) != 0)
        return 2;
    w->options.read_only = true;
    if (cairn_store_open(w->directory, &w->options, &w->store) != CAIRN_OK) {
        (void)fprintf(stderr, "%s\n", cairn_err_detail());
        return 3;
    }
    w->engine = cairn_store_ledger(w->store, 0);
    cairn_view *view = cairn_engine_view(w->engine);
    cairn_arena_init(&arena, 1 << 24);
    if (view->log_size != log_size ||
        cairn_engine_prove_entry(w->engine, view, log_size - 2, &arena, &entry, &path, &count) !=
            CAIRN_OK ||
        cairn_engine_wait(w->engine, next_anchor(w), &verdict) != CAIRN_ERR_READ_ONLY)
        return 4;
    cairn_arena_done(&arena);
    cairn_view_free(view);
    return cairn_store_close(w->store) == CAIRN_OK ? 0 : 5;
}

static void change_modes(const char *mode, const char *directory)
{
    char command[4096];
    assert_true(snprintf(command, sizeof command, "chmod -R %s '%s'", mode, directory) < 4096);
    assert_int_equal(system(command), 0);
}

static void test_reading_needs_no_permission_to_write(void **state)
{
    (void)state;
    static world w;
    int status = -1;
    begin(&w);
    for (int i = 0; i < 20; i++) {
        anchor(&w);
        if (i == 10)
            assert_int_equal(cairn_store_checkpoint(w.store), CAIRN_OK);
    }
    cairn_view *view = cairn_engine_view(w.engine);
    uint64_t log_size = view->log_size;
    cairn_view_free(view);
    cairn_store_free(w.store); /* a part is not indexed, and cannot be now */
    change_modes("a=rX", w.directory);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(read_without_writing(&w, log_size));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    change_modes("u+w", w.directory);
    end(&w);
}

/* --- turns --- */

static void ignore_verdict(void *context, const cairn_verdict *verdict)
{
    (void)context;
    (void)verdict;
}

/* However many of one ledger wait, one of another is checked after one check of each. */
static void test_a_flood_delays_another_ledger_by_its_turn(void **state)
{
    (void)state;
    enum { FLOOD = 500, OTHERS = 3 };
    static world w;
    ledger_fixture others[OTHERS];
    cairn_engine *engines[OTHERS];
    begin(&w);
    for (uint8_t i = 0; i < OTHERS; i++) {
        fixture_open(&others[i], (uint8_t)(50 + i));
        assert_int_equal(cairn_store_create(w.store, others[i].genesis, &engines[i]), CAIRN_OK);
    }
    for (size_t i = 0; i < FLOOD; i++)
        assert_int_equal(cairn_engine_submit(w.engine, next_anchor(&w), ignore_verdict, NULL),
                         CAIRN_OK);
    for (size_t i = 0; i < OTHERS * 2; i++)
        assert_int_equal(
            cairn_engine_submit(engines[i % OTHERS],
                                fixture_anchor(&others[i % OTHERS], i, w.clock.wall_ms + 60000),
                                ignore_verdict, NULL),
            CAIRN_OK);
    cairn_arena arena;
    cairn_arena_init(&arena, CHECK_ARENA_SIZE_MAX);
    for (size_t i = 0; i < FLOOD + OTHERS * 2; i++) {
        submission *s = cairn_store_unchecked_pop(w.store);
        assert_non_null(s);
        assert_int_equal(s->ledger->slot, i < (OTHERS + 1) * 2 ? i % (OTHERS + 1) : 0);
        cairn_store_check_one(w.store, s, &arena);
    }
    assert_null(cairn_store_unchecked_pop(w.store));
    cairn_arena_done(&arena);
    bool worked = false;
    assert_int_equal(cairn_store_step(w.store, &worked), CAIRN_OK);
    assert_int_equal(w.store->in_flight, 0);
    assert_int_equal(cairn_store_close(w.store), CAIRN_OK);
    for (size_t i = 0; i < OTHERS; i++)
        fixture_close(&others[i]);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_that_ends_is_a_verdict),
        cmocka_unit_test(test_reading_never_writes_the_index),
        cmocka_unit_test(test_a_checkpoint_that_waited_for_a_failure_writes_nothing),
        cmocka_unit_test(test_closing_tells_that_the_store_had_failed),
        cmocka_unit_test(test_a_verdict_makes_room_for_the_next),
        cmocka_unit_test(test_the_queue_is_bounded_in_bytes),
        cmocka_unit_test(test_one_ledger_leaves_room_for_the_others),
        cmocka_unit_test(test_the_writer_does_not_wait_for_the_wall_clock),
        cmocka_unit_test(test_the_largest_blocks_are_written_and_replayed),
        cmocka_unit_test(test_freeing_cancels_what_waits),
        cmocka_unit_test(test_the_index_of_another_history_is_refused),
        cmocka_unit_test(test_readers_that_make_the_index_are_alone),
        cmocka_unit_test(test_reading_needs_no_permission_to_write),
        cmocka_unit_test(test_a_flood_delays_another_ledger_by_its_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
