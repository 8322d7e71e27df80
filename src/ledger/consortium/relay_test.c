/* A client's transaction on its way through an engine that answers, refuses, forgets, or is not
 * there. The engine here is a server that says what the test wants. */
#include "support/ledger_fixture.h"

#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "feature_list.h"
#include "ledger/consortium/relay.h"
#include "support/http_fixture.h"

enum { LONG_MS = 60000, SHORT_MS = 200 };

typedef enum behaviour {
    TAKES,
    IN_CACHE,
    FULL,
    LARGE,
    STRANGE,
    SILENT,   /* an empty list */
    CONFUSED, /* one answer twice */
    ERROR_500,
    BEHIND,
} behaviour;

typedef struct world {
    ledger_fixture f;
    char *directory;
    cairn_store *store;
    cairn_engine *engine;
    cairn_relay *relay;
    cairn_application_watch watch;
    http_fixture http;
    bool listening;
    _Atomic behaviour behaviour;
    _Atomic unsigned calls;
    _Atomic unsigned transactions;
    uint64_t anchors;
} world;

static const char *error_of(behaviour b)
{
    switch (b) {
    case IN_CACHE:
        return "tx already exists in cache";
    case FULL:
        return "mempool is full: number of txs 5000 (max: 5000)";
    case LARGE:
        return "Tx too large. Max size is 1, but got 2";
    case STRANGE:
        return "something else";
    case BEHIND:
        return "endpoint is closed while node is catching up";
    default:
        return NULL;
    }
}

static char *make_reply(world *w, behaviour b, cairn_bytes body)
{
    json_t *calls = json_loadb((const char *)body.data, body.size, 0, NULL);
    json_t *replies = json_array();
    assert_true(json_is_array(calls));
    assert_true(json_array_size(calls) >= 1 && json_array_size(calls) <= CAIRN_RELAY_BATCH_MAX);
    for (size_t i = 0; b != SILENT && i < json_array_size(calls); i++) {
        const json_t *call = json_array_get(calls, i);
        json_t *reply = json_pack("{s:s}", "jsonrpc", "2.0");
        assert_string_equal(json_string_value(json_object_get(call, "method")),
                            "broadcast_tx_async");
        (void)json_object_set(reply, "id", json_object_get(call, "id"));
        if (b == CONFUSED)
            (void)json_object_set_new(reply, "id", json_integer(7));
        if (error_of(b) == NULL)
            (void)json_object_set_new(reply, "result", json_pack("{s:i}", "code", 0));
        else
            (void)json_object_set_new(reply, "error",
                                      json_pack("{s:i,s:s,s:s}", "code", -32603, "message",
                                                "Internal error", "data", error_of(b)));
        (void)json_array_append_new(replies, reply);
    }
    char *text = json_dumps(replies, JSON_COMPACT);
    w->transactions += (unsigned)json_array_size(calls);
    json_decref(calls);
    json_decref(replies);
    return text;
}

static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    world *w = context;
    behaviour b = atomic_load(&w->behaviour);
    char *text = make_reply(w, b, request->body);
    const cairn_http_response response = {.status = b == ERROR_500 ? 500 : 200,
                                          .content_type = "application/json",
                                          .body = cairn_bytes_str(text)};
    w->calls++;
    cairn_http_respond(exchange, &response);
    free(text);
}

static void listen_now(world *w)
{
    cairn_http_server_options options = cairn_http_server_defaults();
    http_fixture_start(&w->http, &options, handle, w);
    w->listening = true;
}

static void start_relay(world *w, uint16_t port, uint32_t timeout_ms)
{
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
    const cairn_relay_options options = {.engine = w->engine,
                                         .url = url,
                                         .clock = cairn_clock_system(),
                                         .timeout_ms = timeout_ms,
                                         .waiting_max = 40};
    assert_int_equal(cairn_relay_new(&options, &w->relay), CAIRN_OK);
    w->watch = cairn_relay_watch(w->relay);
    assert_int_equal(cairn_store_drive(w->engine, cairn_relay_driver(w->relay)), CAIRN_OK);
}

static void begin(world *w, behaviour b)
{
    *w = (world){.behaviour = b};
    fixture_open(&w->f, 1);
    w->directory = fixture_directory();
    cairn_store_options options;
    cairn_store_options_default(&options, &cairn_all_features);
    options.index_size_max = UINT64_C(1) << 30;
    assert_int_equal(cairn_store_open(w->directory, &options, &w->store), CAIRN_OK);
    assert_int_equal(cairn_store_create(w->store, w->f.genesis, &w->engine), CAIRN_OK);
    listen_now(w);
    start_relay(w, w->http.port, LONG_MS);
}

static void end(world *w)
{
    assert_int_equal(cairn_store_drive(w->engine, NULL), CAIRN_OK);
    cairn_relay_free(w->relay);
    if (w->listening)
        http_fixture_stop(&w->http);
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    fixture_remove(w->directory);
    fixture_close(&w->f);
}

static cairn_bytes next_anchor(world *w)
{
    return fixture_anchor(&w->f, w->anchors++, FIXTURE_TIME_MS + 60000);
}

static cairn_hash id_of(cairn_bytes tx)
{
    cairn_tx decoded;
    assert_int_equal(cairn_tx_decode(tx, &decoded), CAIRN_OK);
    return decoded.id;
}

/* --- what a client is told --- */

typedef struct told {
    _Atomic bool is_told;
    cairn_verdict verdict;
} told;

static void on_verdict(void *context, const cairn_verdict *verdict)
{
    told *t = context;
    assert_false(t->is_told); /* once */
    t->verdict = *verdict;
    t->is_told = true;
}

static cairn_verdict wait_for(told *t)
{
    while (!t->is_told)
        (void)usleep(1000);
    return t->verdict;
}

static cairn_hash submit(world *w, told *t)
{
    cairn_bytes tx = next_anchor(w);
    *t = (told){.is_told = false};
    assert_int_equal(cairn_engine_submit(w->engine, tx, on_verdict, t), CAIRN_OK);
    return id_of(tx);
}

static void wait_for_calls(world *w, unsigned count)
{
    while (w->calls < count)
        (void)usleep(1000);
}

static void test_committed(void **state)
{
    (void)state;
    world w;
    told t;
    cairn_tx_status status;
    begin(&w, TAKES);
    cairn_hash id = submit(&w, &t);
    assert_int_equal(cairn_engine_status(w.engine, &id, &status), CAIRN_OK);
    assert_int_equal(status.standing, CAIRN_TX_PENDING);
    wait_for_calls(&w, 1);
    w.watch.checked(w.watch.context, &id, CAIRN_OK);
    assert_false(t.is_told);
    const cairn_committed tx = {.id = &id, .consumed = true, .height = 9, .index = 20};
    w.watch.committed(w.watch.context, &tx);
    cairn_verdict verdict = wait_for(&t);
    assert_int_equal(verdict.code, CAIRN_OK);
    assert_int_equal(verdict.height, 9);
    assert_int_equal(verdict.index, 20);
    assert_memory_equal(verdict.id.b, id.b, 32);
    w.watch.committed(w.watch.context, &tx); /* nobody waits */
    end(&w);
}

/* A call for each, one after the other, over one connection a sender. */
static void test_connections_are_kept(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    world w;
    static told t[COUNT];
    cairn_http_counts counts;
    begin(&w, TAKES);
    for (unsigned i = 0; i < COUNT; i++) {
        (void)submit(&w, &t[i]);
        wait_for_calls(&w, i + 1);
    }
    cairn_http_server_counts(w.http.server, &counts);
    assert_in_range(counts.accepted, 1, CAIRN_RELAY_THREADS);
    end(&w);
}

/* The same bytes from two clients, and the engine sees the second as old. */
static void test_two_who_wait_for_one(void **state)
{
    (void)state;
    world w;
    told first = {.is_told = false};
    told second = {.is_told = false};
    begin(&w, TAKES);
    cairn_bytes tx = next_anchor(&w);
    assert_int_equal(cairn_engine_submit(w.engine, tx, on_verdict, &first), CAIRN_OK);
    wait_for_calls(&w, 1);
    w.behaviour = IN_CACHE;
    assert_int_equal(cairn_engine_submit(w.engine, tx, on_verdict, &second), CAIRN_OK);
    wait_for_calls(&w, 2);
    assert_false(second.is_told);
    cairn_hash id = id_of(tx);
    const cairn_committed refused = {
        .id = &id, .code = CAIRN_ERR_EXISTS, .consumed = true, .height = 4, .index = 99};
    w.watch.committed(w.watch.context, &refused);
    assert_int_equal(wait_for(&first).code, CAIRN_ERR_EXISTS);
    assert_int_equal(wait_for(&second).code, CAIRN_ERR_EXISTS);
    assert_int_equal(first.verdict.height, 4);
    assert_int_equal(first.verdict.index, 0);
    end(&w);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        behaviour b;
        cairn_err code;
    } cases[] = {
        {FULL, CAIRN_ERR_BUSY}, {LARGE, CAIRN_ERR_TOO_LARGE}, {STRANGE, CAIRN_ERR_UNAVAILABLE}};
    world w;
    told t;
    begin(&w, TAKES);
    cairn_hash id = submit(&w, &t);
    w.watch.checked(w.watch.context, &id, CAIRN_ERR_TX_SUSPENDED_SIGNER);
    assert_int_equal(wait_for(&t).code, CAIRN_ERR_TX_SUSPENDED_SIGNER);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        w.behaviour = cases[i].b;
        (void)submit(&w, &t);
        assert_int_equal(wait_for(&t).code, cases[i].code);
        assert_int_equal(t.verdict.height, 0);
    }
    assert_int_equal(cairn_engine_submit(w.engine, cairn_bytes_str("junk"), on_verdict, &t),
                     CAIRN_ERR_TRUNCATED);
    end(&w);
}

/* Not refused: the same bytes may be sent again, and the engine may have had them all along. */
static void test_undecided(void **state)
{
    (void)state;
    world w;
    told t;
    begin(&w, TAKES);
    cairn_relay_free(w.relay);
    start_relay(&w, w.http.port, SHORT_MS);
    cairn_hash id = submit(&w, &t);
    assert_int_equal(wait_for(&t).code, CAIRN_ERR_UNDECIDED);
    wait_for_calls(&w, 1);
    cairn_tx_status status;
    assert_int_equal(cairn_engine_status(w.engine, &id, &status), CAIRN_OK);
    assert_int_equal(status.standing, CAIRN_TX_UNKNOWN);
    end(&w);
}

static void test_no_block_can_hold_it_any_more(void **state)
{
    (void)state;
    world w;
    told t;
    begin(&w, TAKES);
    (void)submit(&w, &t);
    w.watch.block(w.watch.context, FIXTURE_TIME_MS + 59999);
    assert_false(t.is_told);
    w.watch.block(w.watch.context, FIXTURE_TIME_MS + 60000);
    assert_int_equal(wait_for(&t).code, CAIRN_ERR_TX_EXPIRED);
    end(&w);
}

/* What cannot be read is as no answer: it is asked again. */
static void test_answers_that_are_none(void **state)
{
    (void)state;
    static const behaviour cases[] = {SILENT, CONFUSED, ERROR_500, BEHIND};
    world w;
    begin(&w, TAKES);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        told t;
        w.calls = 0;
        w.behaviour = cases[i];
        cairn_hash id = submit(&w, &t);
        wait_for_calls(&w, 2);
        assert_false(t.is_told);
        w.behaviour = FULL;
        assert_int_equal(wait_for(&t).code, CAIRN_ERR_BUSY);
        assert_memory_equal(t.verdict.id.b, id.b, 32);
    }
    end(&w);
}

static void test_engine_that_comes_late(void **state)
{
    (void)state;
    world w;
    told t;
    begin(&w, FULL);
    uint16_t port = w.http.port;
    http_fixture_stop(&w.http);
    cairn_relay_free(w.relay);
    start_relay(&w, port, LONG_MS);
    (void)submit(&w, &t);
    (void)usleep(300000);
    assert_false(t.is_told);
    cairn_http_server_options options = cairn_http_server_defaults();
    cairn_clock clock = cairn_clock_system();
    assert_int_equal(cairn_http_server_new(&clock, NULL, &options, handle, &w, &w.http.server),
                     CAIRN_OK);
    assert_int_equal(cairn_http_server_listen(w.http.server, "127.0.0.1", port, &port), CAIRN_OK);
    assert_int_equal(pthread_create(&w.http.thread, NULL, http_fixture_run, &w.http), 0);
    assert_int_equal(wait_for(&t).code, CAIRN_ERR_BUSY);
    end(&w);
}

/* An engine that is down is asked now and then, not as often as two threads can. */
static void test_engine_is_not_rushed(void **state)
{
    (void)state;
    enum { WAIT_MS = 1000, CALLS_MAX = 100 }; /* a call in 200 ms from each thread, and to spare */
    world w;
    told t;
    begin(&w, ERROR_500);
    cairn_relay_free(w.relay);
    start_relay(&w, w.http.port, WAIT_MS);
    (void)submit(&w, &t);
    assert_int_equal(wait_for(&t).code, CAIRN_ERR_UNDECIDED);
    assert_true(w.calls >= 2 && w.calls <= CALLS_MAX);
    end(&w);
}

/* As many as there may be, in calls of ten; one more is turned away; who is left is told at the
 * end. */
static void test_bound_and_end(void **state)
{
    (void)state;
    enum { MAX = 40 };
    static told all[MAX + 1];
    world w;
    begin(&w, TAKES);
    for (int i = 0; i < MAX; i++)
        (void)submit(&w, &all[i]);
    assert_int_equal(cairn_engine_submit(w.engine, next_anchor(&w), on_verdict, &all[MAX]),
                     CAIRN_ERR_BUSY);
    while (w.transactions < MAX)
        (void)usleep(1000);
    assert_true(w.calls >= MAX / CAIRN_RELAY_BATCH_MAX);
    end(&w);
    for (int i = 0; i < MAX; i++)
        assert_int_equal(wait_for(&all[i]).code, CAIRN_ERR_CANCELLED);
}

static void test_decided_long_ago(void **state)
{
    (void)state;
    world w;
    told t = {.is_told = false};
    cairn_delivery *delivery = NULL;
    begin(&w, IN_CACHE);
    const cairn_delivery_tx tx = {.raw = next_anchor(&w)};
    assert_int_equal(cairn_store_deliver(w.engine, 1, FIXTURE_TIME_MS + 1, &tx, 1, &delivery),
                     CAIRN_OK);
    assert_int_equal(cairn_store_adopt(delivery), CAIRN_OK);
    cairn_delivery_free(delivery);
    assert_int_equal(cairn_engine_submit(w.engine, tx.raw, on_verdict, &t), CAIRN_OK);
    assert_int_equal(wait_for(&t).code, CAIRN_ERR_TX_REPLAYED);
    end(&w);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_committed),
        cmocka_unit_test(test_connections_are_kept),
        cmocka_unit_test(test_two_who_wait_for_one),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_undecided),
        cmocka_unit_test(test_no_block_can_hold_it_any_more),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_engine_that_comes_late),
        cmocka_unit_test(test_engine_is_not_rushed),
        cmocka_unit_test(test_bound_and_end),
        cmocka_unit_test(test_decided_long_ago),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
