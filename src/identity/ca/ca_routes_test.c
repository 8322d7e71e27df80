/* The CA's routes through the dispatcher and a real server. What OpenSSL and Go make of the answers
 * is in tests/interop/ca.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "identity/ca/ca_routes.h"
#include "ledger/services.h"
#include "support/auth_server.h"
#include "support/ca_fixture.h"

static ca_fixture f;
static cairn_services services;
static cairn_router *router;
static test_server server;
static char reply[TEST_REPLY_MAX];

static cairn_err find_ca(void *node, cairn_bytes id, cairn_ca **ret_ca)
{
    if (!cairn_bytes_equal(id, cairn_bytes_str("abab")))
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "a secret");
    *ret_ca = node;
    return CAIRN_OK;
}

static int set_up(void **state)
{
    (void)state;
    const cairn_route_table table = {cairn_ca_routes, CAIRN_CA_ROUTE_COUNT};
    const cairn_router_options options = {
        .tables = &table, .table_count = 1, .services = &services};
    ca_fixture_init(&f, 0);
    assert_int_equal(ca_fixture_open(&f), CAIRN_OK);
    services = (cairn_services){.clock = f.clock, .node = f.ca, .find_ca = find_ca};
    assert_int_equal(cairn_router_new(&options, &router), CAIRN_OK);
    test_server_start(&server, router);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_server_stop(&server);
    cairn_router_free(router);
    ca_fixture_done(&f);
    return 0;
}

static int get(const char *target)
{
    return test_request(&server, "GET", target, "", "", reply);
}

static void test_chain(void **state)
{
    (void)state;
    assert_int_equal(get("/ca/abab/chain"), 200);
    assert_non_null(strstr(reply, "Content-Type: application/pem-certificate-chain\r\n"));
    const char *first = strstr(reply, "-----BEGIN CERTIFICATE-----\n");
    assert_ptr_equal(first, test_body(reply));
    assert_non_null(strstr(first + 1, "-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n"));
    for (const char *line = first; *line != '\0'; line = strchr(line, '\n') + 1)
        assert_true(strchr(line, '\n') - line <= 64);
}

static void test_lists(void **state)
{
    (void)state;
    static const char *const found[] = {"/ca/abab/crl/root", "/ca/abab/crl/0"};
    static const char *const missing[] = {
        "/ca/abab/crl/1",  "/ca/abab/crl/00",         "/ca/abab/crl/-1",
        "/ca/abab/crl/0x", "/ca/abab/crl/4294967295", "/ca/cdcd/crl/0",
    };
    static char first[TEST_REPLY_MAX];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(get(found[i]), 200);
        assert_non_null(strstr(reply, "Content-Type: application/pkix-crl\r\n"));
        assert_non_null(strstr(reply, "Cache-Control: public, max-age=300, no-transform\r\n"));
    }
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        assert_int_equal(get(missing[i]), 404);
        if (i == 0)
            memcpy(first, reply, sizeof first);
        assert_string_equal(reply, first); /* whether the CA or the list is missing */
    }
}

static void test_status(void **state)
{
    (void)state;
    const char *type = "Content-Type: application/ocsp-request\r\n";
    assert_int_equal(get("/ca/abab/ocsp/bm90"), 200);
    assert_non_null(strstr(reply, "Content-Type: application/ocsp-response\r\n"));
    assert_non_null(strstr(reply, "Cache-Control: no-store\r\n"));
    assert_memory_equal(test_body(reply), "\x30\x03\x0a\x01\x01", 5);
    assert_int_equal(get("/ca/abab/ocsp/%2B%2F"), 200); /* no base64 */
    assert_memory_equal(test_body(reply), "\x30\x03\x0a\x01\x01", 5);
    assert_int_equal(test_request(&server, "POST", "/ca/abab/ocsp", type, "not", reply), 200);
    assert_memory_equal(test_body(reply), "\x30\x03\x0a\x01\x01", 5);
    assert_int_equal(test_request(&server, "POST", "/ca/abab/ocsp", "", "not", reply), 415);
    assert_int_equal(test_request(&server, "POST", "/ca/cdcd/ocsp", type, "not", reply), 404);
    assert_null(strstr(reply, "secret"));
}

static void test_a_node_without_authorities(void **state)
{
    (void)state;
    services.find_ca = NULL;
    assert_int_equal(get("/ca/abab/chain"), 404);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {T(test_chain), T(test_lists), T(test_status),
                                       T(test_a_node_without_authorities)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
