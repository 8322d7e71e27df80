/* Blocks from a node that answers as the engine does, in pages, or does not. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/net/http_client.h"
#include "ledger/light/light_fetch.h"
#include "support/http_fixture.h"
#include "support/light_rpc.h"

enum { VALIDATORS = 150, HEIGHT = 11 };

static test_chain chain;
static cairn_light_block block;
static http_fixture http;
static char url[64];
static _Atomic unsigned questions;

static json_t *answer_to(const char *path, const char *query)
{
    unsigned long height = 0;
    unsigned page = 0;
    if (strcmp(path, "/commit") == 0 && sscanf(query, "height=%lu", &height) == 1 &&
        height == HEIGHT)
        return test_rpc_commit(&block);
    if (strcmp(path, "/validators") == 0 &&
        sscanf(query, "height=%lu&page=%u&per_page=100", &height, &page) == 2 && height == HEIGHT &&
        page >= 1)
        return test_rpc_validators(&block, (page - 1) * 100,
                                   page * 100 < VALIDATORS ? page * 100 : VALIDATORS);
    return json_pack("{s:s, s:{s:i, s:s}}", "jsonrpc", "2.0", "error", "code", -32603, "data",
                     "height must be less than or equal to the head block height");
}

static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    char path[64];
    char query[128];
    (void)context;
    snprintf(path, sizeof path, "%.*s", (int)request->path.size, (const char *)request->path.data);
    snprintf(query, sizeof query, "%.*s", (int)request->query.size,
             (const char *)request->query.data);
    json_t *json = answer_to(path, query);
    char *text = json_dumps(json, JSON_COMPACT);
    const cairn_http_response response = {
        .status = 200, .content_type = "application/json", .body = cairn_bytes_str(text)};
    questions++;
    cairn_http_respond(exchange, &response);
    free(text);
    json_decref(json);
}

static int set_up(void **state)
{
    (void)state;
    cairn_http_server_options options = cairn_http_server_defaults();
    (void)signal(SIGPIPE, SIG_IGN);
    test_chain_init(&chain);
    const cairn_light_set set = test_chain_set(&chain, 0, VALIDATORS, 10);
    block = test_chain_block(&chain, HEIGHT, set, set, test_chain_hash(&chain, "app"));
    http_fixture_start(&http, &options, handle, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", http.port);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_fixture_stop(&http);
    test_chain_done(&chain);
    return 0;
}

static void test_pages(void **state)
{
    (void)state;
    cairn_light_block got;
    cairn_hash want, hash;
    cairn_light_node node = {.arena = &chain.arena, .url = url};
    const cairn_light_source source = cairn_light_node_source(&node);
    questions = 0;
    assert_int_equal(source.read(source.context, HEIGHT, &got), CAIRN_OK);
    assert_int_equal(questions, 3);
    assert_int_equal(got.state.validators.count, VALIDATORS);
    cairn_light_header_hash(&block.state.header, &want);
    cairn_light_header_hash(&got.state.header, &hash);
    assert_memory_equal(hash.b, want.b, sizeof want);
    cairn_light_set_hash(&got.state.validators, &hash);
    assert_memory_equal(hash.b, got.state.header.validators_hash.data, sizeof hash);
}

static void test_no_block(void **state)
{
    (void)state;
    cairn_light_block got;
    char nowhere[CAIRN_HTTP_URL_SIZE_MAX + 8];
    _Atomic bool cancelled = true;
    cairn_light_node node = {.arena = &chain.arena, .url = url};
    assert_int_equal(cairn_light_fetch(&node, HEIGHT + 1, &got), CAIRN_ERR_UNAVAILABLE);
    node.cancelled = &cancelled;
    assert_int_equal(cairn_light_fetch(&node, HEIGHT, &got), CAIRN_ERR_CANCELLED);
    node = (cairn_light_node){.arena = &chain.arena, .url = "http://127.0.0.1:1"};
    assert_int_equal(cairn_light_fetch(&node, HEIGHT, &got), CAIRN_ERR_UNREACHABLE);
    memset(nowhere, 'x', sizeof nowhere - 1);
    nowhere[sizeof nowhere - 1] = '\0';
    node.url = nowhere;
    assert_int_equal(cairn_light_fetch(&node, HEIGHT, &got), CAIRN_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_no_block),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
