/* DID resolution through the dispatcher and a real server, over a ledger in memory whose log has
 * blocks of several sizes. [X1353-R50] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "identity/did/did.h"
#include "identity/did/did_routes.h"
#include "ledger/services.h"
#include "support/auth_server.h"
#include "support/identity_bodies.h"

#define SECOND UINT64_C(1000)
enum { ME = MEMORY_SIGN, ENTRIES_MAX = 64 };

static const cairn_config_option rows[] = {
    {"node.url", CAIRN_UNIT_TEXT, 0, 256, "https://node.example.org:8443", "For the test."}};

/* An engine that only reads. */
typedef struct memory_engine {
    cairn_engine engine;
    memory_ledger m;
    cairn_bytes entries[ENTRIES_MAX];
    size_t entry_count;
} memory_engine;

static memory_engine e;
static cairn_config *config;
static cairn_services services;
static cairn_router *router;
static test_server server;
static char reply[TEST_REPLY_MAX];

static cairn_view *view_of(cairn_engine *engine)
{
    (void)engine;
    return cairn_ledger_view(e.m.ledger);
}

static cairn_err get_of(cairn_engine *engine, const cairn_view *view, cairn_map_id map,
                        cairn_bytes key, cairn_arena *arena, cairn_bytes *ret_value)
{
    (void)engine;
    return cairn_view_get(view, &memory_bases, map, key, arena, ret_value);
}

static cairn_err entry_of(cairn_engine *engine, uint64_t index, cairn_arena *arena,
                          cairn_bytes *ret_entry)
{
    (void)engine;
    (void)arena;
    if (index >= e.entry_count)
        return CAIRN_ERR_NOT_FOUND;
    *ret_entry = e.entries[index];
    return CAIRN_OK;
}

static const cairn_engine_ops ops = {.view = view_of, .get = get_of, .entry = entry_of};

static void keep(cairn_bytes entry)
{
    assert_true(e.entry_count < ENTRIES_MAX);
    MEMORY_MUST(cairn_arena_copy(&e.m.arena, entry, &e.entries[e.entry_count++]));
}

static void close_block(const cairn_bytes *txs, size_t count)
{
    uint64_t time_ms = MEMORY_TIME_MS + (e.m.height + 1) * SECOND;
    const cairn_outcome *o = memory_block(&e.m, time_ms, txs, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(o->results[i].code, CAIRN_OK);
        keep(txs[i]);
    }
    keep(cairn_bytes_of(e.m.block.entry_bytes, e.m.block.entry_size));
}

/* Height 1 rotates the key, with an end at 5; each height has more anchors than the one before. */
static void live(void)
{
    cairn_bytes txs[8];
    keep(e.m.genesis);
    keep(cairn_bytes_of(e.m.block.entry_bytes, e.m.block.entry_size));
    for (uint64_t height = 1; height <= 7; height++) {
        uint64_t valid_ms = MEMORY_TIME_MS + height * SECOND + 500;
        uint8_t key = height == 1 ? ME : 41;
        for (uint64_t i = 0; i < height; i++)
            txs[i] = memory_tx(&e.m, memory_key(key), CAIRN_TX_ANCHOR,
                               memory_anchor(&e.m.arena, height * 10 + i), valid_ms + i);
        if (height == 1)
            txs[0] = memory_tx(&e.m, memory_key(ME), CAIRN_TX_KEY_ROTATE,
                               memory_rotate(&e.m, ME, 41, CAIRN_PURPOSE_SIGN, 5), valid_ms);
        close_block(txs, (size_t)height);
    }
}

static bool cannot_be_read; /* whether the caller may see the ledger */

static cairn_err find_ledger(void *node, const cairn_principal *caller, cairn_bytes id,
                             cairn_service_ledger *ret_ledger)
{
    char digits[65];
    (void)node;
    (void)caller;
    if (cannot_be_read)
        return CAIRN_ERR_IO;
    cairn_hex_encode(cairn_bytes_hash(&e.m.id), digits);
    if (!cairn_bytes_equal(id, cairn_bytes_str(digits)))
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "a secret");
    *ret_ledger = (cairn_service_ledger){.engine = &e.engine, .id = e.m.id};
    return CAIRN_OK;
}

static cairn_err find_own(void *node, cairn_service_ledger *ret_ledger, cairn_hash *ret_org)
{
    (void)node;
    *ret_ledger = (cairn_service_ledger){.engine = &e.engine, .id = e.m.id};
    *ret_org = memory_org(ME);
    return CAIRN_OK;
}

static int set_up(void **state)
{
    (void)state;
    static const cairn_config_table options = {rows, 1};
    const cairn_route_table table = {cairn_did_routes, CAIRN_DID_ROUTE_COUNT};
    const cairn_router_options router_options = {
        .tables = &table, .table_count = 1, .services = &services};
    e.engine.ops = &ops;
    memory_begin(&e.m, 1, NULL);
    live();
    assert_int_equal(cairn_config_parse(&options, 1, "test", cairn_bytes_str(""), &config),
                     CAIRN_OK);
    services = (cairn_services){.config = config, .find_ledger = find_ledger, .find_own = find_own};
    assert_int_equal(cairn_router_new(&router_options, &router), CAIRN_OK);
    test_server_start(&server, router);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_server_stop(&server);
    cairn_router_free(router);
    cairn_config_free(config);
    memory_end(&e.m);
    return 0;
}

static int get(const char *target, const char *headers)
{
    return test_request(&server, "GET", target, headers, "", reply);
}

static const char *did(void)
{
    static char text[CAIRN_DID_CAIRN_SIZE + 1];
    const cairn_hash me = memory_org(ME);
    cairn_did_cairn_format(&e.m.id, &me, text);
    return text;
}

static int resolve(const char *query)
{
    char target[512];
    (void)snprintf(target, sizeof target, "/1.0/identifiers/%s%s", did(), query);
    return get(target, "");
}

static void expect(const char *part)
{
    if (strstr(reply, part) == NULL)
        fail_msg("%s: not in %s", part, reply);
}

/* The end at 5 was announced at 1; the document changes with block 4, whose time is in the log. */
static void test_versions_and_their_times(void **state)
{
    (void)state;
    assert_int_equal(resolve(""), 200);
    expect("Content-Type: application/did-resolution\r\n");
    expect("\"versionId\":\"4\"");
    expect("\"updated\":\"2023-11-14T22:13:24Z\"");
    assert_int_equal(resolve("?versionId=3"), 200);
    expect("\"versionId\":\"1\"");
    expect("\"nextVersionId\":\"4\"");
    expect("\"nextUpdate\":\"2023-11-14T22:13:24Z\"");
    assert_int_equal(resolve("?versionTime=2023-11-14T22:13:23Z"), 200);
    expect("\"versionId\":\"1\"");
    assert_int_equal(resolve("?versionTime=2023-11-14T22:13:24Z"), 200);
    expect("\"versionId\":\"4\"");
    assert_int_equal(resolve("?versionId=8"), 404);
    assert_int_equal(resolve("?version=1"), 400);
}

static void test_forms_of_the_path(void **state)
{
    (void)state;
    char target[512];
    (void)snprintf(target, sizeof target, "/1.0/identifiers/did%%3Acairn%%3A%.64s%%3A%s",
                   did() + 10, did() + 75);
    assert_int_equal(get(target, "Accept: application/did+json\r\n"), 200);
    expect("Content-Type: application/did+json\r\n");
    assert_int_equal(get("/1.0/identifiers/did:cairn:0", ""), 400);
    assert_int_equal(get("/1.0/identifiers/did%20", ""), 400);
    assert_int_equal(get("/1.0/identifiers/did:key:z6Mk", ""), 501);
    assert_int_equal(resolve("/path"), 404); /* no route */
}

/* For nobody in particular the node fetches nothing. */
static void test_the_web_is_for_callers_we_know(void **state)
{
    (void)state;
    assert_int_equal(get("/1.0/identifiers/did:web:example.com%3A3000", ""), 501);
    expect("METHOD_NOT_SUPPORTED");
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    static char first[TEST_REPLY_MAX];
    char target[512];
    (void)snprintf(target, sizeof target, "/1.0/identifiers/did:cairn:%064d:%.64s", 0, did() + 75);
    assert_int_equal(get(target, ""), 404);
    memcpy(first, test_body(reply), strlen(test_body(reply)) + 1);
    (void)snprintf(target, sizeof target, "/1.0/identifiers/%.75s%064d", did(), 0);
    assert_int_equal(get(target, ""), 404);
    assert_string_equal(first, test_body(reply));
    assert_null(strstr(reply, "secret"));
}

static void test_published_documents(void **state)
{
    (void)state;
    char target[512], id[512];
    assert_int_equal(get("/.well-known/did.json", ""), 200);
    expect("\"id\":\"did:web:node.example.org%3A8443\"");
    expect(did()); /* also known as */
    (void)snprintf(target, sizeof target, "/orgs/%.64s/%s/did.json", did() + 10, did() + 75);
    (void)snprintf(id, sizeof id, "\"id\":\"did:web:node.example.org%%3A8443:orgs:%.64s:%s\"",
                   did() + 10, did() + 75);
    assert_int_equal(get(target, ""), 200);
    expect(id);
    (void)snprintf(target, sizeof target, "/orgs/%.64s/%064d/did.json", did() + 10, 0);
    assert_int_equal(get(target, ""), 404);
    (void)snprintf(target, sizeof target, "/orgs/%064d/%s/did.json", 0, did() + 75);
    assert_int_equal(get(target, ""), 404);
    assert_int_equal(get("/orgs/0/0/did.json", ""), 404);
    (void)snprintf(target, sizeof target, "/orgs/%.64s/%s/did.json", did() + 10, did() + 75);
    cannot_be_read = true; /* whoever asks has not heard that it is not there */
    assert_int_equal(get(target, ""), 500);
    expect("\"code\":\"IO\"");
    cannot_be_read = false;
    services.find_own = NULL;
    assert_int_equal(get("/.well-known/did.json", ""), 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_and_their_times),
        cmocka_unit_test(test_forms_of_the_path),
        cmocka_unit_test(test_the_web_is_for_callers_we_know),
        cmocka_unit_test(test_what_is_not_there),
        cmocka_unit_test(test_published_documents),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
