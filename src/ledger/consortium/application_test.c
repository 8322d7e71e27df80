/* What the engine may ask, in every order that it may ask in: blocks tried, decided, committed, and
 * delivered again after a crash of either side. */
#include "support/ledger_fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "core/limits.h"
#include "feature_list.h"
#include "ledger/consortium/application.h"
#include "support/abci_ask.h"

typedef struct world {
    ledger_fixture f;
    char *directory;
    cairn_clock_manual clock;
    cairn_store_options options;
    cairn_store *store;
    cairn_engine *engine;
    cairn_chain chain;
    cairn_application *app;
    cairn_abci_handler handler;
    cairn_arena arena;
    cairn_wire_writer out;
    uint64_t anchors;
    uint64_t retain_blocks;
    uint64_t snapshot_blocks;
    cairn_bytes app_state;
    cairn_committed told; /* the last one */
    size_t told_count;
} world;

/* --- answers --- */

typedef struct result {
    uint64_t code;
    cairn_bytes log, codespace;
} result;
static const cairn_wire_field result_fields[] = {
    {1, CAIRN_WIRE_UINT32, offsetof(result, code), NULL},
    {3, CAIRN_WIRE_BYTES, offsetof(result, log), NULL},
    {8, CAIRN_WIRE_BYTES, offsetof(result, codespace), NULL},
};
static const cairn_wire_message result_message =
    CAIRN_WIRE_MESSAGE_OF("Result", result, result_fields);

typedef struct answer {
    uint64_t one, three, four; /* numbers in fields 1, 3 and 4 */
    cairn_bytes text, app_hash;
    cairn_wire_list items, updates;
} answer;
static const cairn_wire_field info_fields[] = {
    {1, CAIRN_WIRE_BYTES, offsetof(answer, text), NULL},
    {3, CAIRN_WIRE_UINT, offsetof(answer, three), NULL},
    {4, CAIRN_WIRE_UINT, offsetof(answer, four), NULL},
    {5, CAIRN_WIRE_BYTES, offsetof(answer, app_hash), NULL},
};
static const cairn_wire_field begin_fields[] = {
    {3, CAIRN_WIRE_BYTES, offsetof(answer, app_hash), NULL},
};
static const cairn_wire_field txs_fields[] = {
    {1, CAIRN_WIRE_BYTES_LIST, offsetof(answer, items), NULL},
};
static const cairn_wire_field number_fields[] = {
    {1, CAIRN_WIRE_UINT, offsetof(answer, one), NULL},
    {3, CAIRN_WIRE_UINT, offsetof(answer, three), NULL},
};
static const cairn_wire_field check_fields[] = {
    {1, CAIRN_WIRE_UINT, offsetof(answer, one), NULL},
    {3, CAIRN_WIRE_BYTES, offsetof(answer, text), NULL},
};
static const cairn_wire_field key_fields[] = {
    {1, CAIRN_WIRE_BYTES, 0, NULL},
};
static const cairn_wire_message key_message = CAIRN_WIRE_MESSAGE_OF("Key", cairn_bytes, key_fields);
typedef struct update {
    cairn_bytes ed25519;
    int64_t power;
} update;
static const cairn_wire_field update_fields[] = {
    {1, CAIRN_WIRE_MESSAGE, offsetof(update, ed25519), &key_message},
    {2, CAIRN_WIRE_INT, offsetof(update, power), NULL},
};
static const cairn_wire_message update_message =
    CAIRN_WIRE_MESSAGE_OF("Update", update, update_fields);
static const cairn_wire_field finalize_fields[] = {
    {3, CAIRN_WIRE_MESSAGE_LIST, offsetof(answer, updates), &update_message},
    {2, CAIRN_WIRE_MESSAGE_LIST, offsetof(answer, items), &result_message},
    {5, CAIRN_WIRE_BYTES, offsetof(answer, app_hash), NULL},
};
static const cairn_wire_message info_message = CAIRN_WIRE_MESSAGE_OF("Info", answer, info_fields);
static const cairn_wire_message begin_message =
    CAIRN_WIRE_MESSAGE_OF("InitChain", answer, begin_fields);
static const cairn_wire_message txs_message = CAIRN_WIRE_MESSAGE_OF("Txs", answer, txs_fields);
static const cairn_wire_message number_message =
    CAIRN_WIRE_MESSAGE_OF("Number", answer, number_fields);
static const cairn_wire_message check_message =
    CAIRN_WIRE_MESSAGE_OF("CheckTx", answer, check_fields);
static const cairn_wire_message finalize_message =
    CAIRN_WIRE_MESSAGE_OF("FinalizeBlock", answer, finalize_fields);

static cairn_err ask(world *w, const cairn_abci_request *request, const cairn_wire_message *message,
                     answer *ret_answer)
{
    answer a = {0};
    CAIRN_TRY(abci_ask(&w->handler, request, &w->arena, &w->out, message, &a));
    *ret_answer = a;
    return CAIRN_OK;
}

static answer must_ask(world *w, const cairn_abci_request *request,
                       const cairn_wire_message *message)
{
    answer a;
    assert_int_equal(ask(w, request, message, &a), CAIRN_OK);
    return a;
}

/* --- the member --- */

static void on_committed(void *context, const cairn_committed *tx)
{
    world *w = context;
    w->told = *tx;
    w->told_count++;
}

static void open_app(world *w)
{
    assert_int_equal(cairn_store_open(w->directory, &w->options, &w->store), CAIRN_OK);
    w->engine = cairn_store_ledger(w->store, 0);
    if (w->engine == NULL)
        assert_int_equal(cairn_store_create(w->store, w->f.genesis, &w->engine), CAIRN_OK);
    assert_int_equal(cairn_store_drive(w->engine, NULL), CAIRN_OK);
    const cairn_application_options options = {.store = w->store,
                                               .engine = w->engine,
                                               .chain = &w->chain,
                                               .version = "1",
                                               .clock = w->options.clock,
                                               .retain_blocks = w->retain_blocks,
                                               .snapshot_blocks = w->snapshot_blocks,
                                               .pool_count_max = 100,
                                               .watch = {.context = w, .committed = on_committed}};
    assert_int_equal(cairn_application_new(&options, &w->app), CAIRN_OK);
    w->handler = cairn_application_handler(w->app);
}

static void close_app(world *w, bool crash)
{
    cairn_application_free(w->app);
    w->app = NULL;
    if (crash)
        cairn_store_free(w->store);
    else
        assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    w->store = NULL;
}

static cairn_bytes next_anchor(world *w)
{
    return fixture_anchor(&w->f, w->anchors++, w->clock.wall_ms + 60000);
}

/* With `embedded` blocks made before there was a chain. */
static void begin(world *w, unsigned embedded)
{
    *w = (world){.clock = {.wall_ms = FIXTURE_TIME_MS + 1000}, .retain_blocks = 1};
    fixture_open(&w->f, 1);
    cairn_arena_init(&w->arena, 1 << 30);
    cairn_wire_writer_init(&w->out, 64 << 20);
    w->directory = fixture_directory();
    cairn_store_options_default(&w->options, &cairn_all_features);
    w->options.clock = cairn_clock_of_manual(&w->clock);
    w->options.index_size_max = UINT64_C(1) << 30;
    assert_int_equal(cairn_store_open(w->directory, &w->options, &w->store), CAIRN_OK);
    assert_int_equal(cairn_store_create(w->store, w->f.genesis, &w->engine), CAIRN_OK);
    for (unsigned i = 0; i < embedded; i++) {
        cairn_verdict verdict;
        assert_int_equal(cairn_engine_wait(w->engine, next_anchor(w), &verdict), CAIRN_OK);
    }
    w->chain = (cairn_chain){.id = "chain",
                             .initial_height = embedded + 1,
                             .start = {.genesis = w->f.genesis,
                                       .height = embedded,
                                       .app_hash = abci_app_hash_of(w->engine)}};
    assert_int_equal(cairn_chain_start_encode(&w->f.arena, &w->chain.start, &w->app_state),
                     CAIRN_OK);
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    open_app(w);
}

static void end(world *w)
{
    close_app(w, false);
    cairn_wire_writer_done(&w->out);
    cairn_arena_done(&w->arena);
    fixture_remove(w->directory);
    fixture_close(&w->f);
}

/* --- requests --- */

static cairn_abci_request begin_request(const world *w)
{
    cairn_abci_request r = {.kind = CAIRN_ABCI_INIT_CHAIN};
    r.init_chain.time = abci_time_of(w->clock.wall_ms);
    r.init_chain.chain_id = cairn_bytes_str(w->chain.id);
    r.init_chain.app_state = w->app_state;
    r.init_chain.initial_height = (int64_t)w->chain.initial_height;
    return r;
}

static cairn_abci_request block_request(const world *w, cairn_abci_kind kind, uint64_t height,
                                        cairn_bytes *txs, size_t count)
{
    cairn_abci_request r = {.kind = kind};
    r.block.max_tx_bytes = 1 << 20;
    r.block.txs = (cairn_wire_list){.items = txs, .count = count};
    r.block.height = (int64_t)height;
    r.block.time = abci_time_of(w->clock.wall_ms);
    return r;
}

static answer info(world *w)
{
    const cairn_abci_request r = {.kind = CAIRN_ABCI_INFO};
    return must_ask(w, &r, &info_message);
}

static answer finalize(world *w, uint64_t height, cairn_bytes *txs, size_t count)
{
    const cairn_abci_request r = block_request(w, CAIRN_ABCI_FINALIZE, height, txs, count);
    answer a = must_ask(w, &r, &finalize_message);
    assert_int_equal(a.items.count, count);
    assert_int_equal(a.app_hash.size, 32);
    return a;
}

static answer commit(world *w)
{
    const cairn_abci_request r = {.kind = CAIRN_ABCI_COMMIT};
    return must_ask(w, &r, &number_message);
}

static void put_block(world *w, uint64_t height)
{
    cairn_bytes tx = next_anchor(w);
    w->clock.wall_ms += 100;
    (void)finalize(w, height, &tx, 1);
    (void)commit(w);
}

static uint64_t code_of(const answer *a, size_t i)
{
    return ((const result *)a->items.items)[i].code;
}

static uint64_t check_tx(world *w, cairn_bytes tx, int64_t type)
{
    cairn_abci_request r = {.kind = CAIRN_ABCI_CHECK_TX};
    r.check_tx.tx = tx;
    r.check_tx.type = type;
    return must_ask(w, &r, &check_message).one;
}

static uint64_t process(world *w, uint64_t height, cairn_bytes *txs, size_t count)
{
    const cairn_abci_request r = block_request(w, CAIRN_ABCI_PROCESS, height, txs, count);
    return must_ask(w, &r, &number_message).one;
}

static void assert_app_hash(world *w, const answer *a)
{
    cairn_hash now = abci_app_hash_of(w->engine);
    assert_true(cairn_bytes_equal(a->app_hash, cairn_bytes_hash(&now)));
}

/* --- the beginning --- */

static void test_beginning(void **state)
{
    (void)state;
    world w;
    answer a;
    begin(&w, 0);
    a = info(&w);
    assert_int_equal(a.four, 0);
    assert_int_equal(a.app_hash.size, 0);
    assert_int_equal(a.three, 1);
    const cairn_abci_request good = begin_request(&w);
    cairn_abci_request bad = good;
    bad.init_chain.chain_id = cairn_bytes_str("other");
    assert_int_equal(ask(&w, &bad, &begin_message, &a), CAIRN_ERR_MISMATCH);
    bad = good;
    bad.init_chain.initial_height = 2;
    assert_int_equal(ask(&w, &bad, &begin_message, &a), CAIRN_ERR_MISMATCH);
    bad = good;
    bad.init_chain.time = abci_time_of(FIXTURE_TIME_MS - 1);
    assert_int_equal(ask(&w, &bad, &begin_message, &a), CAIRN_ERR_BAD_VALUE);
    bad = good;
    bad.init_chain.params.abci.vote_extensions_height = 1;
    assert_int_equal(ask(&w, &bad, &begin_message, &a), CAIRN_ERR_BAD_VALUE);
    bad = good;
    bad.init_chain.params.block.max_bytes = -1; /* as much as the engine takes: 100 MiB */
    assert_int_equal(ask(&w, &bad, &begin_message, &a), CAIRN_ERR_BAD_VALUE);
    bad.init_chain.params.block.max_bytes = CAIRN_ABCI_BLOCK_SIZE_MAX + 1;
    assert_int_equal(ask(&w, &bad, &begin_message, &a), CAIRN_ERR_BAD_VALUE);
    bad.init_chain.params.block.max_bytes = CAIRN_ABCI_BLOCK_SIZE_MAX;
    assert_int_equal(ask(&w, &bad, &begin_message, &a), CAIRN_OK);
    bad = good;
    bad.init_chain.app_state = cairn_bytes_str("{}");
    assert_int_equal(ask(&w, &bad, &begin_message, &a), CAIRN_ERR_MISSING_FIELD);
    a = must_ask(&w, &good, &begin_message);
    assert_app_hash(&w, &a);
    a = must_ask(&w, &good, &begin_message); /* after a crash before the first block */
    put_block(&w, 1);
    assert_int_equal(ask(&w, &good, &begin_message, &a), CAIRN_ERR_EXISTS);
    end(&w);
}

static void test_another_ledger_is_refused(void **state)
{
    (void)state;
    world w;
    cairn_application *app = NULL;
    begin(&w, 3);
    cairn_application_options options = {.store = w.store, .engine = w.engine};
    cairn_chain chain = w.chain;
    options.chain = &chain;
    chain.start.genesis = fixture_genesis(&w.f.arena, 1, 99, NULL);
    assert_int_equal(cairn_application_new(&options, &app), CAIRN_ERR_MISMATCH);
    chain = w.chain;
    chain.start.app_hash.b[0] ^= 1;
    assert_int_equal(cairn_application_new(&options, &app), CAIRN_ERR_MISMATCH);
    chain = w.chain;
    chain.start.height = 4; /* this member has not followed so far: it can join, not begin */
    answer a;
    assert_int_equal(cairn_application_new(&options, &app), CAIRN_OK);
    chain.initial_height = 5;
    cairn_abci_request r = begin_request(&w);
    r.init_chain.initial_height = 5;
    assert_int_equal(cairn_chain_start_encode(&w.f.arena, &chain.start, &r.init_chain.app_state),
                     CAIRN_OK);
    cairn_abci_handler own = w.handler;
    w.handler = cairn_application_handler(app);
    assert_int_equal(ask(&w, &r, &begin_message, &a), CAIRN_ERR_MISMATCH);
    w.handler = own;
    cairn_application_free(app);
    end(&w);
}

/* An embedded ledger goes on as a chain: heights and id stay. */
static void test_embedded_ledger_goes_on(void **state)
{
    (void)state;
    world w;
    begin(&w, 5);
    w.clock.wall_ms += 5;               /* each of its blocks was a millisecond younger */
    assert_int_equal(info(&w).four, 0); /* the chain has no block */
    const cairn_abci_request r = begin_request(&w);
    (void)must_ask(&w, &r, &begin_message);
    put_block(&w, 6);
    assert_int_equal(info(&w).four, 6);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(w.engine);
    assert_int_equal(view->height, 6);
    assert_int_equal(view->log_size, 2 + 5 * 2 + 2);
    end(&w);
}

/* --- blocks --- */

static void test_trying_leaves_no_trace(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    cairn_bytes tx = next_anchor(&w);
    cairn_hash before = abci_app_hash_of(w.engine);
    for (int round = 0; round < 3; round++) {
        const cairn_abci_request r = block_request(&w, CAIRN_ABCI_PREPARE, 1, &tx, 1);
        assert_int_equal(must_ask(&w, &r, &txs_message).items.count, 1);
        assert_int_equal(process(&w, 1, &tx, 1), 1);
    }
    cairn_bytes other = next_anchor(&w);
    answer first = finalize(&w, 1, &tx, 1);
    answer second = finalize(&w, 1, &other, 1); /* of an engine that started anew */
    answer third = finalize(&w, 1, &tx, 1);
    assert_true(cairn_bytes_equal(first.app_hash, third.app_hash));
    assert_false(cairn_bytes_equal(first.app_hash, second.app_hash));
    cairn_hash after = abci_app_hash_of(w.engine);
    assert_true(cairn_hash_equal(&before, &after));
    (void)commit(&w);
    assert_app_hash(&w, &third);
    assert_int_equal(w.told_count, 1);
    assert_int_equal(w.told.height, 1);
    assert_int_equal(w.told.code, CAIRN_OK);
    assert_int_equal(w.told.index, 2);
    end(&w);
}

static void test_out_of_order_is_an_exception(void **state)
{
    (void)state;
    world w;
    answer a;
    begin(&w, 0);
    const cairn_abci_request commit_alone = {.kind = CAIRN_ABCI_COMMIT};
    assert_int_equal(ask(&w, &commit_alone, &number_message, &a), CAIRN_ERR_ARGUMENT);
    cairn_abci_request r = block_request(&w, CAIRN_ABCI_FINALIZE, 2, NULL, 0);
    assert_int_equal(ask(&w, &r, &finalize_message, &a), CAIRN_ERR_ARGUMENT);
    put_block(&w, 1);
    r = block_request(&w, CAIRN_ABCI_FINALIZE, 1, NULL, 0);
    assert_int_equal(ask(&w, &r, &finalize_message, &a), CAIRN_ERR_ARGUMENT);
    r = block_request(&w, CAIRN_ABCI_FINALIZE, 2, NULL, 0);
    r.block.time = abci_time_of(FIXTURE_TIME_MS); /* before the block before */
    assert_int_equal(ask(&w, &r, &finalize_message, &a), CAIRN_ERR_ARGUMENT);
    assert_int_equal(ask(&w, &commit_alone, &number_message, &a), CAIRN_ERR_ARGUMENT);
    put_block(&w, 2);
    end(&w);
}

/* What members must agree on is the bytes alone; a block that slipped through all the same has a
 * result for each transaction. */
static void test_hostile_proposals(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    cairn_bytes good = next_anchor(&w);
    cairn_bytes twice[] = {good, good};
    cairn_bytes junk[] = {good, cairn_bytes_str("junk"), (cairn_bytes){0}};
    assert_int_equal(process(&w, 1, twice, 2), 2);
    assert_int_equal(process(&w, 1, junk, 2), 2);
    assert_int_equal(process(&w, 1, &junk[2], 1), 2);
    assert_int_equal(process(&w, 1, &good, 1), 1);
    assert_int_equal(process(&w, 1, NULL, 0), 1);
    cairn_abci_request late = block_request(&w, CAIRN_ABCI_PROCESS, 1, NULL, 0);
    late.block.time.seconds = INT64_MAX;
    assert_int_equal(must_ask(&w, &late, &number_message).one, 2);
    size_t many = CAIRN_BLOCK_TX_COUNT_MAX + 1;
    cairn_bytes *flood = calloc(many, sizeof *flood);
    for (size_t i = 0; i < many; i++)
        flood[i] = good;
    assert_int_equal(process(&w, 1, flood, many), 2);
    free(flood);
    answer a = finalize(&w, 1, junk, 3);
    assert_int_equal(code_of(&a, 0), 0);
    assert_true(code_of(&a, 1) != 0 && code_of(&a, 2) != 0);
    (void)commit(&w);
    assert_app_hash(&w, &a);
    assert_int_equal(w.told_count, 1); /* the others have no id */
    end(&w);
}

static void test_empty_block_changes_nothing(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    put_block(&w, 1);
    cairn_hash before = abci_app_hash_of(w.engine);
    for (uint64_t height = 2; height < 6; height++) {
        answer a = finalize(&w, height, NULL, 0);
        assert_true(cairn_bytes_equal(a.app_hash, cairn_bytes_hash(&before)));
        (void)commit(&w);
    }
    assert_int_equal(info(&w).four, 5);
    end(&w);
}

/* --- time --- */

static void test_old_block_time(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    cairn_bytes tx = next_anchor(&w);
    cairn_abci_request r = block_request(&w, CAIRN_ABCI_PREPARE, 1, &tx, 1);
    w.clock.wall_ms += CAIRN_PROPOSAL_LAG_MAX_MS;
    assert_int_equal(must_ask(&w, &r, &txs_message).items.count, 1);
    w.clock.wall_ms++;
    assert_int_equal(must_ask(&w, &r, &txs_message).items.count, 0);
    end(&w);
}

/* A day without a block: what a client signs now is checked by the clock, waits for an empty block
 * to bring the chain's time forward, and is accepted in the next. */
static void test_a_day_idle(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    put_block(&w, 1);
    uint64_t then_ms = w.clock.wall_ms;
    w.clock.wall_ms += UINT64_C(25) * 3600 * 1000;
    cairn_bytes tx = next_anchor(&w);
    assert_int_equal(check_tx(&w, tx, 0), 0);
    cairn_abci_request r = block_request(&w, CAIRN_ABCI_PREPARE, 2, &tx, 1);
    r.block.time = abci_time_of(then_ms + 50); /* the votes for block 1 */
    assert_int_equal(must_ask(&w, &r, &txs_message).items.count, 0);
    r = block_request(&w, CAIRN_ABCI_FINALIZE, 2, NULL, 0);
    r.block.time = abci_time_of(then_ms + 50);
    (void)must_ask(&w, &r, &finalize_message);
    (void)commit(&w);
    assert_int_equal(check_tx(&w, tx, 1), 0);
    r = block_request(&w, CAIRN_ABCI_PREPARE, 3, &tx, 1);
    assert_int_equal(must_ask(&w, &r, &txs_message).items.count, 1);
    answer a = finalize(&w, 3, &tx, 1);
    assert_int_equal(code_of(&a, 0), 0);
    (void)commit(&w);
    end(&w);
}

/* --- the pool --- */

static void test_check_tx(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    cairn_bytes tx = next_anchor(&w);
    cairn_bytes forged = next_anchor(&w);
    ((uint8_t *)(uintptr_t)forged.data)[forged.size - 1] ^= 1;
    assert_int_equal(check_tx(&w, tx, 0), 0);
    assert_int_equal(check_tx(&w, forged, 0), -CAIRN_ERR_BAD_SIGNATURE);
    assert_int_equal(check_tx(&w, cairn_bytes_str("junk"), 0), -CAIRN_ERR_TRUNCATED);
    (void)finalize(&w, 1, &tx, 1);
    (void)commit(&w);
    assert_int_equal(check_tx(&w, tx, 0), -CAIRN_ERR_TX_REPLAYED);
    assert_int_equal(check_tx(&w, tx, 1), -CAIRN_ERR_TX_REPLAYED);
    cairn_bytes old = fixture_anchor(&w.f, 5000, w.clock.wall_ms - 1);
    assert_int_equal(check_tx(&w, old, 0), -CAIRN_ERR_TX_EXPIRED);
    end(&w);
}

static void test_pool_is_shared(void **state)
{
    (void)state;
    world w;
    cairn_application_status status;
    cairn_bytes taken[100];
    size_t count = 0;
    begin(&w, 0);
    uint64_t code = 0;
    while (code == 0) {
        taken[count] = next_anchor(&w);
        code = check_tx(&w, taken[count], 0);
        count += code == 0;
    }
    assert_int_equal(code, -CAIRN_ERR_BUSY);
    assert_int_equal(count, 50); /* a half of 100 */
    assert_int_equal(check_tx(&w, taken[7], 1), 0);
    (void)finalize(&w, 1, taken, 20);
    (void)commit(&w);
    cairn_application_get_status(w.app, &status);
    assert_int_equal(status.pool_count, 30);
    assert_int_equal(check_tx(&w, next_anchor(&w), 0), 0);
    w.clock.wall_ms += 120000; /* all that waits has expired */
    assert_int_equal(check_tx(&w, taken[40], 1), -CAIRN_ERR_TX_EXPIRED);
    (void)finalize(&w, 2, NULL, 0);
    (void)commit(&w);
    cairn_application_get_status(w.app, &status);
    assert_int_equal(status.pool_count, 0);
    end(&w);
}

/* An engine that was started anew has an empty pool: what it no longer shows holds no place. */
static void test_pool_of_an_engine_that_is_no_more(void **state)
{
    (void)state;
    world w;
    cairn_application_status status;
    begin(&w, 0);
    cairn_bytes shown = next_anchor(&w);
    assert_int_equal(check_tx(&w, shown, 0), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(check_tx(&w, next_anchor(&w), 0), 0);
    for (uint64_t height = 1; height <= 10; height++) {
        (void)finalize(&w, height, NULL, 0);
        (void)commit(&w);
        assert_int_equal(check_tx(&w, shown, 1), 0);
        cairn_application_get_status(w.app, &status);
        assert_int_equal(status.pool_count, height < 5 ? 21 : 1);
    }
    end(&w);
}

/* --- crashes, as the engine's handshake finds them --- */

/* We crash after each of: deliver, commit, sync. The engine delivers from Info's height on. */
static void test_we_crash(void **state)
{
    (void)state;
    for (int point = 0; point < 4; point++) {
        world w;
        cairn_bytes txs[3];
        cairn_hash roots[3];
        begin(&w, 0);
        put_block(&w, 1);
        assert_int_equal(cairn_store_sync(w.store), CAIRN_OK);
        for (int i = 0; i < 3; i++)
            txs[i] = next_anchor(&w);
        answer a = finalize(&w, 2, txs, 3);
        memcpy(roots[0].b, a.app_hash.data, 32);
        if (point >= 1)
            (void)commit(&w);
        if (point == 2)
            assert_int_equal(cairn_store_sync(w.store), CAIRN_OK);
        close_app(&w, point != 3);
        open_app(&w);
        a = info(&w);
        assert_true(a.four <= (point == 0 ? 1 : 2));
        assert_app_hash(&w, &a);
        for (uint64_t height = a.four + 1; height <= 2; height++) {
            a = finalize(&w, height, txs, 3);
            (void)commit(&w);
        }
        a = info(&w);
        assert_int_equal(a.four, 2);
        assert_memory_equal(a.app_hash.data, roots[0].b, 32);
        put_block(&w, 3);
        end(&w);
    }
}

/* The engine crashes and we do not: it is told what we committed, and nothing that we only
 * computed. */
static void test_engine_crashes(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    put_block(&w, 1);
    cairn_bytes tx = next_anchor(&w);
    (void)finalize(&w, 2, &tx, 1);
    assert_int_equal(info(&w).four, 1);
    answer a = finalize(&w, 2, &tx, 1);
    (void)commit(&w);
    answer b = info(&w);
    assert_int_equal(b.four, 2);
    assert_true(cairn_bytes_equal(a.app_hash, b.app_hash));
    end(&w);
}

static void set_full(bool full)
{
    struct rlimit limit;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = full ? 0 : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A block for which there was no room is finalized again, and a Commit alone is nothing. */
static void test_commit_without_room(void **state)
{
    (void)state;
    world w;
    answer a;
    const cairn_abci_request r = {.kind = CAIRN_ABCI_COMMIT};
    begin(&w, 0);
    cairn_bytes tx = next_anchor(&w);
    (void)finalize(&w, 1, &tx, 1);
    set_full(true);
    assert_int_equal(ask(&w, &r, &number_message, &a), CAIRN_ERR_NO_SPACE);
    assert_int_equal(ask(&w, &r, &number_message, &a), CAIRN_ERR_ARGUMENT);
    set_full(false);
    cairn_clock_manual_advance_ms(&w.clock, 5000);
    assert_int_equal(cairn_store_step(w.store, &(bool){false}), CAIRN_OK);
    assert_int_equal(info(&w).four, 0);
    a = finalize(&w, 1, &tx, 1);
    assert_int_equal(code_of(&a, 0), 0);
    (void)commit(&w);
    assert_app_hash(&w, &a);
    end(&w);
}

static void test_retain_height(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    put_block(&w, 1);
    cairn_bytes tx = next_anchor(&w);
    (void)finalize(&w, 2, &tx, 1);
    assert_int_equal(commit(&w).three, 0); /* nothing is on disk yet */
    assert_int_equal(cairn_store_sync(w.store), CAIRN_OK);
    (void)finalize(&w, 3, NULL, 0);
    assert_int_equal(commit(&w).three, 3);
    for (uint64_t height = 4; height < 9; height++) {
        (void)finalize(&w, height, NULL, 0);
        assert_int_equal(commit(&w).three, 3); /* a restart may ask for all from there on */
    }
    close_app(&w, false);
    w.retain_blocks = 7;
    open_app(&w);
    put_block(&w, 9);
    (void)info(&w); /* syncs */
    (void)finalize(&w, 10, NULL, 0);
    assert_int_equal(commit(&w).three, 4);
    end(&w);
}

static uint64_t put_empty(world *w, uint64_t height)
{
    (void)finalize(w, height, NULL, 0);
    return commit(w).three;
}

/* On a chain that was idle for long the newest snapshot is an old one: the engine keeps what comes
 * after it, until a newer one has been offered for as long as from one to the next. Who starts anew
 * meanwhile does not know the old one, and lets nothing go. */
static void retain_for_snapshots(bool restarts)
{
    world w;
    uint64_t height = 1;
    begin(&w, 0);
    close_app(&w, false);
    w.snapshot_blocks = 4;
    open_app(&w);
    for (; height < 3; height++)
        (void)put_empty(&w, height);
    put_block(&w, height++);
    assert_int_equal(cairn_store_sync(w.store), CAIRN_OK);
    for (; height < 16; height++)
        assert_int_equal(put_empty(&w, height), 0); /* four multiples are kept */
    for (; height < 40; height++)
        assert_int_equal(put_empty(&w, height), height - 15 < 4 ? height - 15 : 4);
    put_block(&w, height++); /* offered from 42 on */
    assert_int_equal(cairn_store_sync(w.store), CAIRN_OK);
    if (restarts) {
        close_app(&w, false);
        open_app(&w);
    }
    for (; height < 46; height++)
        assert_int_equal(put_empty(&w, height), restarts ? 0 : 4);
    for (; height < 70; height++)
        assert_int_equal(put_empty(&w, height), height - 15 < 41 ? height - 15 : 41);
    end(&w);
}

static void test_retain_height_for_snapshots(void **state)
{
    (void)state;
    retain_for_snapshots(false);
    retain_for_snapshots(true);
}

/* --- validators --- */

static cairn_key *validator_key(uint8_t number)
{
    uint8_t seed[32] = {number};
    cairn_key *key = NULL;
    assert_int_equal(cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(seed, 32), &key),
                     CAIRN_OK);
    return key;
}

/* A transaction of the only member's, alone in a block. */
static answer put_tx(world *w, uint64_t height, uint16_t type, cairn_bytes body)
{
    w->clock.wall_ms += 100;
    cairn_bytes tx = fixture_tx(&w->f, w->f.key, type, body, w->clock.wall_ms + 60000);
    answer a = finalize(w, height, &tx, 1);
    assert_int_equal(code_of(&a, 0), 0);
    (void)commit(w);
    return a;
}

static void add_key(world *w, uint64_t height, const cairn_key *key)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message, body, cose_key = fixture_cose(&w->f.arena, key);
    assert_int_equal(cairn_key_proof_message(&w->f.arena, &w->f.ledger, &w->f.org,
                                             CAIRN_PURPOSE_VALIDATOR, cose_key, &message),
                     CAIRN_OK);
    assert_int_equal(cairn_key_sign(key, message, signature, &size), CAIRN_OK);
    assert_int_equal(cairn_key_add_body(&w->f.arena, cose_key, CAIRN_PURPOSE_VALIDATOR,
                                        cairn_bytes_of(signature, size), &body),
                     CAIRN_OK);
    assert_int_equal(put_tx(w, height, CAIRN_TX_KEY_ADD, body).updates.count, 0);
}

/* The one member approves as it proposes. */
static answer set_validator(world *w, uint64_t height, const cairn_key *key, uint64_t power)
{
    uint8_t out[256];
    cairn_cbor_writer writer;
    cairn_bytes act, body;
    assert_int_equal(cairn_validator_set_body(&w->f.arena, cairn_key_id(key), power, &act),
                     CAIRN_OK);
    cairn_cbor_writer_init(&writer, out, sizeof out);
    cairn_cbor_put_map(&writer, 3);
    cairn_cbor_put_int(&writer, 1);
    cairn_cbor_put_uint(&writer, CAIRN_TX_VALIDATOR_SET);
    cairn_cbor_put_int(&writer, 2);
    cairn_cbor_put_bytes(&writer, act);
    cairn_cbor_put_int(&writer, 3);
    cairn_cbor_put_uint(&writer, w->clock.wall_ms + 1000000);
    assert_int_equal(cairn_cbor_writer_end(&writer, &body), CAIRN_OK);
    return put_tx(w, height, CAIRN_TX_APPROVAL_PROPOSE, body);
}

static void expect_update(const answer *a, size_t i, const cairn_key *key, int64_t power)
{
    const update *u = &((const update *)a->updates.items)[i];
    assert_true(cairn_bytes_equal(u->ed25519, cairn_key_public(key)));
    assert_int_equal(u->power, power);
}

static void test_validators_follow_the_ledger(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    cairn_key *first = validator_key(1), *second = validator_key(2);
    add_key(&w, 1, first);
    add_key(&w, 2, second);
    answer a = set_validator(&w, 3, first, 10);
    assert_int_equal(a.updates.count, 1);
    expect_update(&a, 0, first, 10);
    a = set_validator(&w, 4, first, 10); /* as it was */
    assert_int_equal(a.updates.count, 0);
    a = set_validator(&w, 5, first, 7);
    assert_int_equal(a.updates.count, 1);
    expect_update(&a, 0, first, 7);
    a = set_validator(&w, 6, second, 9); /* another key of the same organisation */
    assert_int_equal(a.updates.count, 2);
    expect_update(&a, 0, first, 0);
    expect_update(&a, 1, second, 9);
    cairn_key_free(first);
    cairn_key_free(second);
    end(&w);
}

/* A chain begins with the validators that the ledger names, and no others. */
static void test_validators_of_the_beginning(void **state)
{
    (void)state;
    world w;
    answer a;
    begin(&w, 0);
    cairn_key *key = validator_key(1);
    cairn_abci_validator validators[2] = {{.ed25519 = cairn_key_public(key), .power = 1},
                                          {.ed25519 = cairn_bytes_of(w.f.org.b, 32), .power = 1}};
    cairn_abci_request r = begin_request(&w);
    r.init_chain.validators = (cairn_wire_list){.items = validators, .count = 1};
    assert_int_equal(ask(&w, &r, &begin_message, &a), CAIRN_ERR_MISMATCH);
    add_key(&w, 1, key);
    (void)set_validator(&w, 2, key, 5);
    /* The ledger goes on as another chain. */
    cairn_application_free(w.app);
    w.chain.initial_height = 3;
    w.chain.start.height = 2;
    w.chain.start.app_hash = abci_app_hash_of(w.engine);
    assert_int_equal(cairn_chain_start_encode(&w.f.arena, &w.chain.start, &w.app_state), CAIRN_OK);
    const cairn_application_options options = {
        .store = w.store, .engine = w.engine, .chain = &w.chain, .clock = w.options.clock};
    assert_int_equal(cairn_application_new(&options, &w.app), CAIRN_OK);
    w.handler = cairn_application_handler(w.app);
    r = begin_request(&w);
    assert_int_equal(ask(&w, &r, &begin_message, &a), CAIRN_ERR_MISMATCH);
    r.init_chain.validators = (cairn_wire_list){.items = validators, .count = 1};
    assert_int_equal(ask(&w, &r, &begin_message, &a), CAIRN_ERR_MISMATCH); /* another power */
    validators[0].power = validators[1].power = 5;
    r.init_chain.validators.count = 2;
    assert_int_equal(ask(&w, &r, &begin_message, &a), CAIRN_ERR_MISMATCH);
    r.init_chain.validators.count = 1;
    assert_int_equal(ask(&w, &r, &begin_message, &a), CAIRN_OK);
    cairn_key_free(key);
    end(&w);
}

/* --- the rest --- */

static void test_nothing_is_offered(void **state)
{
    (void)state;
    world w;
    begin(&w, 0);
    cairn_abci_request r = {.kind = CAIRN_ABCI_LIST_SNAPSHOTS};
    assert_int_equal(must_ask(&w, &r, &number_message).one, 0);
    r.kind = CAIRN_ABCI_OFFER_SNAPSHOT;
    assert_int_equal(must_ask(&w, &r, &number_message).one, 4); /* a format that we do not know */
    r.kind = CAIRN_ABCI_APPLY_CHUNK;
    assert_int_equal(must_ask(&w, &r, &number_message).one, 2);
    r.kind = CAIRN_ABCI_VERIFY_EXTENSION;
    assert_int_equal(must_ask(&w, &r, &number_message).one, 2);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beginning),
        cmocka_unit_test(test_another_ledger_is_refused),
        cmocka_unit_test(test_embedded_ledger_goes_on),
        cmocka_unit_test(test_trying_leaves_no_trace),
        cmocka_unit_test(test_out_of_order_is_an_exception),
        cmocka_unit_test(test_hostile_proposals),
        cmocka_unit_test(test_empty_block_changes_nothing),
        cmocka_unit_test(test_old_block_time),
        cmocka_unit_test(test_a_day_idle),
        cmocka_unit_test(test_check_tx),
        cmocka_unit_test(test_pool_is_shared),
        cmocka_unit_test(test_pool_of_an_engine_that_is_no_more),
        cmocka_unit_test(test_we_crash),
        cmocka_unit_test(test_engine_crashes),
        cmocka_unit_test(test_commit_without_room),
        cmocka_unit_test(test_retain_height),
        cmocka_unit_test(test_retain_height_for_snapshots),
        cmocka_unit_test(test_validators_follow_the_ledger),
        cmocka_unit_test(test_validators_of_the_beginning),
        cmocka_unit_test(test_nothing_is_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
