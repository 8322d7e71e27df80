/* Revocation lists of others: fetched once, believed when the ledger anchors them and their CA
 * signed them, and no more of them kept than there is room for. */
#include "support/ledger_fixture.h"

#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "cairn/cbor.h"
#include "core/crypto/key_impl.h"
#include "node/node_lists.h"
#include "support/http_fixture.h"

enum { LISTS = CAIRN_LISTS_MAX + 1 };
#define WALL_MS UINT64_C(1700000000000)

static cairn_arena arena;
static cairn_key *ca, *other_ca;
static cairn_bytes served; /* by the server, whatever is asked for */
static atomic_uint asked;
static http_fixture http;
static cairn_network loopback;
static _Atomic uint64_t now_ns;
static cairn_lists *lists;

/* What the ledger anchors: the same for each list, unless `kept` says that it is not there. */
static cairn_hash anchored;
static uint64_t expires_ms;
static uint64_t format;
static bool kept;

static uint64_t get_wall(void *context)
{
    (void)context;
    return WALL_MS;
}

static uint64_t get_now(void *context)
{
    (void)context;
    return now_ns;
}

static cairn_err get_anchor(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *into,
                            cairn_bytes *ret_value)
{
    cairn_cbor_writer w;
    void *out = NULL;
    (void)context;
    (void)map;
    (void)key;
    if (!kept)
        return CAIRN_ERR_NOT_FOUND;
    CAIRN_TRY(cairn_arena_alloc(into, 128, &out));
    cairn_cbor_writer_init(&w, out, 128);
    cairn_cbor_put_map(&w, 5);
    const uint64_t numbers[] = {format, 0, 1, expires_ms, 9};
    for (uint64_t i = 0; i < 5; i++) {
        cairn_cbor_put_uint(&w, i + 1);
        if (i == 1)
            cairn_cbor_put_hash(&w, &anchored);
        else
            cairn_cbor_put_uint(&w, numbers[i]);
    }
    return cairn_cbor_writer_end(&w, ret_value);
}

static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    (void)context;
    (void)request;
    const cairn_http_response response = {.status = served.size == 0 ? 404 : 200,
                                          .content_type = "application/pkix-crl",
                                          .body = served};
    asked++;
    cairn_http_respond(exchange, &response);
}

/* A list with the serial 0x1234, signed by that key. */
static cairn_bytes make_list(const cairn_key *key, long days)
{
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *row = X509_REVOKED_new();
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    ASN1_TIME *time = ASN1_TIME_adj(NULL, (time_t)(WALL_MS / 1000), (int)days, 0);
    X509_NAME *name = X509_NAME_new();
    uint8_t *der = NULL;
    cairn_bytes copy;
    assert_true(crl != NULL && row != NULL && serial != NULL && time != NULL && name != NULL);
    assert_int_equal(ASN1_INTEGER_set(serial, 0x1234), 1);
    assert_int_equal(X509_REVOKED_set_serialNumber(row, serial), 1);
    assert_int_equal(X509_REVOKED_set_revocationDate(row, time), 1);
    assert_int_equal(X509_CRL_set_version(crl, 1), 1);
    assert_int_equal(X509_CRL_set_issuer_name(crl, name), 1);
    assert_int_equal(X509_CRL_set1_lastUpdate(crl, time), 1);
    assert_int_equal(X509_CRL_add0_revoked(crl, row), 1);
    assert_true(X509_CRL_sign(crl, key->pkey, EVP_sha256()) > 0);
    int size = i2d_X509_CRL(crl, &der);
    assert_true(size > 0);
    assert_int_equal(cairn_arena_copy(&arena, cairn_bytes_of(der, (size_t)size), &copy), CAIRN_OK);
    OPENSSL_free(der);
    X509_NAME_free(name);
    ASN1_TIME_free(time);
    ASN1_INTEGER_free(serial);
    X509_CRL_free(crl);
    return copy;
}

static void anchor(cairn_bytes list)
{
    cairn_sha256_of(list.data, list.size, &anchored);
}

static void begin(const cairn_network *allowed, size_t count)
{
    const cairn_lists_setup setup = {.clock = {.wall_ms = get_wall, .monotonic_ns = get_now},
                                     .state = {.get = get_anchor},
                                     .allowed = allowed,
                                     .allowed_count = count};
    assert_int_equal(cairn_lists_new(&setup, &lists), CAIRN_OK);
}

static int set_up(void **state)
{
    (void)state;
    const cairn_http_server_options options = cairn_http_server_defaults();
    cairn_arena_init(&arena, 4 << 20);
    ca = fixture_key(1);
    other_ca = fixture_key(2);
    asked = 0;
    now_ns = UINT64_C(1000000000000);
    kept = true;
    format = CAIRN_LIST_CRL;
    expires_ms = WALL_MS + 1;
    served = make_list(ca, 0);
    anchor(served);
    assert_int_equal(cairn_network_parse("127.0.0.0/8", &loopback), CAIRN_OK);
    http_fixture_start(&http, &options, handle, NULL);
    begin(&loopback, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_lists_free(CAIRN_STEAL(lists));
    http_fixture_stop(&http);
    cairn_key_free(ca);
    cairn_key_free(other_ca);
    cairn_arena_done(&arena);
    return 0;
}

/* The certificate with that serial of organisation `org`, whose list is number `list`. */
static cairn_err check(unsigned org, unsigned list, uint16_t serial, bool *ret_revoked)
{
    char url[128];
    const uint8_t bytes[] = {(uint8_t)(serial >> 8), (uint8_t)serial};
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/%u.crl", http.port, list);
    const cairn_auth_issued certificate = {.organisation = {{(uint8_t)org, (uint8_t)(org >> 8)}},
                                           .serial = cairn_bytes_of(bytes, sizeof bytes),
                                           .list_url = cairn_bytes_str(url),
                                           .issuer = ca};
    return cairn_lists_check(lists, &certificate, ret_revoked);
}

static bool wait_for(unsigned org, unsigned list, uint16_t serial)
{
    bool revoked = false;
    cairn_err err = CAIRN_ERR_UNAVAILABLE;
    while (err == CAIRN_ERR_UNAVAILABLE) {
        err = check(org, list, serial, &revoked);
        sched_yield();
    }
    assert_int_equal(err, CAIRN_OK);
    return revoked;
}

static void test_fetched_once(void **state)
{
    (void)state;
    bool revoked = false;
    assert_int_equal(check(1, 1, 0x1234, &revoked), CAIRN_ERR_UNAVAILABLE);
    assert_true(wait_for(1, 1, 0x1234));
    assert_false(wait_for(1, 1, 0x1235));
    assert_int_equal(asked, 1);
}

/* Nothing is let in by a list that is not had: it is asked for again after a pause, not before. */
static void expect_refused(void)
{
    bool revoked = false;
    for (unsigned tries = 1; tries <= 3; tries++) {
        while (asked < tries) {
            assert_int_equal(check(1, 1, 0x1235, &revoked), CAIRN_ERR_UNAVAILABLE);
            sched_yield();
        }
        cairn_lists_free(CAIRN_STEAL(lists)); /* waits for the fetch, and forgets it */
        begin(&loopback, 1);
    }
    assert_int_equal(asked, 3);
}

static void test_not_the_anchored_one(void **state)
{
    (void)state;
    anchored.b[0] ^= 1;
    expect_refused();
}

static void test_of_another_ca(void **state)
{
    (void)state;
    served = make_list(other_ca, 0);
    anchor(served);
    expect_refused();
}

static void test_missing(void **state)
{
    (void)state;
    served.size = 0;
    expect_refused();
}

static void test_bytes_behind_it(void **state)
{
    (void)state;
    cairn_bytes parts;
    uint8_t *longer = NULL;
    assert_int_equal(cairn_arena_alloc(&arena, served.size + 1, (void **)&longer), CAIRN_OK);
    memcpy(longer, served.data, served.size);
    longer[served.size] = 0;
    parts = cairn_bytes_of(longer, served.size + 1);
    served = parts;
    anchor(served);
    expect_refused();
}

/* A pause after a failure, of the monotonic clock. */
static void test_pause(void **state)
{
    (void)state;
    bool revoked = false;
    cairn_bytes good = served;
    served.size = 0;
    while (asked < 1) {
        assert_int_equal(check(1, 1, 1, &revoked), CAIRN_ERR_UNAVAILABLE);
        sched_yield();
    }
    served = good;
    /* the fetch ends at some time, and none is begun for as long as the clock stands */
    for (int i = 0; i < 1000; i++)
        assert_int_equal(check(1, 1, 1, &revoked), CAIRN_ERR_UNAVAILABLE);
    assert_int_equal(asked, 1);
    now_ns = now_ns + CAIRN_LIST_PAUSE_MS * UINT64_C(1000000);
    assert_false(wait_for(1, 1, 1));
}

static void test_newer_anchor(void **state)
{
    (void)state;
    bool revoked = false;
    assert_true(wait_for(1, 1, 0x1234));
    served = make_list(ca, 1);
    anchor(served);
    assert_int_equal(check(1, 1, 0x1234, &revoked), CAIRN_ERR_UNAVAILABLE); /* the old one ended */
    assert_true(wait_for(1, 1, 0x1234));
    assert_int_equal(asked, 2);
}

static void test_not_asked_for(void **state)
{
    (void)state;
    bool revoked = false;
    expires_ms = WALL_MS; /* the list has ended */
    assert_int_equal(check(1, 1, 1, &revoked), CAIRN_ERR_UNAVAILABLE);
    expires_ms++;
    format = CAIRN_LIST_TOKEN;
    assert_int_equal(check(1, 1, 1, &revoked), CAIRN_ERR_NOT_FOUND);
    format = CAIRN_LIST_CRL;
    kept = false;
    assert_int_equal(check(1, 1, 1, &revoked), CAIRN_ERR_NOT_FOUND);
    kept = true;
    static char url[CAIRN_LIST_URL_SIZE_MAX + 2] = "http://127.0.0.1/";
    cairn_auth_issued certificate = {.issuer = ca};
    assert_int_equal(cairn_lists_check(lists, &certificate, &revoked), CAIRN_ERR_NOT_FOUND);
    memset(url + strlen(url), 'x', sizeof url - 1 - strlen(url));
    certificate.list_url = cairn_bytes_str(url);
    assert_int_equal(cairn_lists_check(lists, &certificate, &revoked), CAIRN_ERR_NOT_FOUND);
    url[20] = '\0';
    certificate.list_url = cairn_bytes_of(url, 64);
    assert_int_equal(cairn_lists_check(lists, &certificate, &revoked), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(asked, 0);
}

/* Nobody's list leads into the node's own network. */
static void test_private_address(void **state)
{
    (void)state;
    bool revoked = false;
    cairn_lists_free(CAIRN_STEAL(lists));
    begin(NULL, 0);
    assert_int_equal(check(1, 1, 1, &revoked), CAIRN_ERR_UNAVAILABLE);
    cairn_lists_free(CAIRN_STEAL(lists)); /* the fetch has ended */
    assert_int_equal(asked, 0);
}

/* One more than there is room for: the one that was asked for longest ago goes. */
static void test_lists_max(void **state)
{
    (void)state;
    bool revoked = false;
    for (unsigned i = 0; i < LISTS; i++)
        assert_true(wait_for(i, i, 0x1234));
    assert_int_equal(asked, LISTS);
    for (unsigned i = 1; i < LISTS; i++)
        assert_int_equal(check(i, i, 0x1234, &revoked), CAIRN_OK);
    assert_int_equal(asked, LISTS);
    assert_true(wait_for(0, 0, 0x1234)); /* in the place of list 1 */
    assert_int_equal(asked, LISTS + 1);
    assert_int_equal(check(2, 2, 0x1234, &revoked), CAIRN_OK);
    assert_true(wait_for(1, 1, 0x1234));
    assert_int_equal(asked, LISTS + 2);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fetched_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_the_anchored_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_of_another_ca, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bytes_behind_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pause, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_newer_anchor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_private_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lists_max, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
