/* How a device finds its way: directives in their order, names before addresses, delays with their
 * jitter, failures at one address before the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "onboard/device/plan.h"
#include "support/fdo_peer.h"

enum { VISITS_MAX = 64 };

/* A network of named services, each of which is there or not. */
typedef struct world {
    fdo_peer peer;
    fdo_memory memory;
    cairn_fdo_client_config config;
    cairn_fdo_client *device;
    const char *alive[4]; /* addresses that answer */
    size_t visit_count;
    char visits[VISITS_MAX][CAIRN_FDO_CLIENT_URL_SIZE]; /* first messages, by address */
    size_t sleep_count;
    uint64_t sleeps[VISITS_MAX];
    uint32_t random;
    unsigned tokens; /* messages that carried the token of their run */
} world;

static bool is_alive(const world *w, const char *url)
{
    for (size_t i = 0; i < 4 && w->alive[i] != NULL; i++)
        if (strcmp(w->alive[i], url) == 0)
            return true;
    return false;
}

static cairn_err post(void *context, const char *url, const cairn_fdo_client_message *message,
                      char token[CAIRN_FDO_CLIENT_TOKEN_SIZE], uint8_t *buffer, size_t buffer_size,
                      uint8_t *ret_type, size_t *ret_size)
{
    world *w = context;
    cairn_bytes body;
    if (message->is_first) {
        assert_true(w->visit_count < VISITS_MAX);
        assert_string_equal(token, ""); /* [X1353-R41] */
        (void)snprintf(w->visits[w->visit_count++], CAIRN_FDO_CLIENT_URL_SIZE, "%u %s",
                       message->type, url);
    } else {
        w->tokens += strcmp(token, "Bearer x") == 0;
    }
    if (!is_alive(w, url))
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "test", "%s", url);
    (void)snprintf(token, CAIRN_FDO_CLIENT_TOKEN_SIZE, "Bearer x");
    fdo_peer_answer(&w->peer, message, ret_type, &body);
    if (body.size > buffer_size)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "test", "answer");
    memcpy(buffer, body.data, body.size);
    *ret_size = body.size;
    return CAIRN_OK;
}

static void sleep_ms(void *context, uint64_t ms)
{
    world *w = context;
    assert_true(w->sleep_count < VISITS_MAX);
    w->sleeps[w->sleep_count++] = ms;
}

static uint32_t draw(void *context)
{
    return ((world *)context)->random;
}

static void world_init(world *w, const cairn_fdo_directive *directives, size_t count)
{
    const cairn_fdo_client_birth birth = {CAIRN_KEY_P256, cairn_bytes_str("s"),
                                          cairn_bytes_str("m")};
    const cairn_fdo_client_link link = {w, post};
    const cairn_fdo_client_world around = {w, sleep_ms, draw, NULL};
    memset(w, 0, sizeof *w);
    fdo_peer_init(&w->peer, CAIRN_KEY_P256, 1);
    w->peer.rv_info.count = count;
    memcpy(w->peer.rv_info.directives, directives, count * sizeof *directives);
    w->config = fdo_memory_config(&w->memory);
    assert_int_equal(cairn_fdo_client_open(&w->config, &w->device), CAIRN_OK);
    w->alive[0] = "http://factory:1";
    assert_int_equal(
        cairn_fdo_client_initialise(w->device, &link, &around, "http://factory:2", &birth),
        CAIRN_ERR_UNREACHABLE);
    assert_int_equal(
        cairn_fdo_client_initialise(w->device, &link, &around, "http://factory:1", &birth),
        CAIRN_OK);
    assert_int_equal(
        cairn_fdo_client_initialise(w->device, &link, &around, "http://factory:1", &birth),
        CAIRN_ERR_EXISTS);
    w->visit_count = w->tokens = 0;
}

static void world_done(world *w)
{
    cairn_fdo_client_free(w->device);
    fdo_memory_done(&w->memory);
    fdo_peer_done(&w->peer);
}

static cairn_err run(world *w, unsigned attempts)
{
    const cairn_fdo_client_link link = {w, post};
    const cairn_fdo_client_world around = {w, sleep_ms, draw, NULL};
    return cairn_fdo_client_run(w->device, &link, &around, attempts);
}

static void check_visits(const world *w, const char *const *want, size_t count)
{
    assert_int_equal(w->visit_count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(w->visits[i], want[i]);
}

#define HTTP(...)                                                        \
    (cairn_fdo_directive)                                                \
    {                                                                    \
        .has_protocol = true, .protocol = CAIRN_FDO_RV_HTTP, __VA_ARGS__ \
    }

/* Each in its turn, the owner's own passed over, and the delay that each asks for; without one
 * there is none between, and two minutes after the last. */
static void test_directives_in_order(void **state)
{
    const cairn_fdo_directive directives[] = {
        HTTP(.owner_only = true, .dns = cairn_bytes_str("owners")),
        HTTP(.dns = cairn_bytes_str("a"), .ip = cairn_bytes_of("\x0a\x00\x00\x01", 4),
             .device_port = 99),
        HTTP(.dns = cairn_bytes_str("b"), .delay_s = 40),
        HTTP(.ip = cairn_bytes_of("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16)),
    };
    static const char *const want[] = {
        "30 http://a:99", "30 http://10.0.0.1:99", "30 http://b:80", "30 http://[2001:db8::1]:80",
        "30 http://a:99", "30 http://10.0.0.1:99", "30 http://b:80", "30 http://[2001:db8::1]:80"};
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w, directives, 4);
    w.alive[0] = NULL;
    assert_int_equal(run(&w, 2), CAIRN_ERR_UNREACHABLE);
    check_visits(&w, want, 8);
    assert_int_equal(w.sleep_count, 3); /* 40 s, 120 s, 40 s; none after the last try */
    assert_int_equal(w.sleeps[0], 30000);
    assert_int_equal(w.sleeps[1], 90000);
    assert_int_equal(w.sleeps[2], 30000);
    assert_int_equal(cairn_fdo_client_get_state(w.device), CAIRN_FDO_CLIENT_READY);
}

/* The rendezvous service answers, then the owner at the address that he named. */
static void test_from_rendezvous_to_owner(void **state)
{
    const cairn_fdo_directive directives[] = {HTTP(.dns = cairn_bytes_str("dead")),
                                              HTTP(.dns = cairn_bytes_str("rv"))};
    static const char *const want[] = {"30 http://dead:80", "30 http://rv:80",
                                       "60 http://owner.example:8043"};
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w, directives, 2);
    w.alive[0] = "http://rv:80";
    w.alive[1] = "http://owner.example:8043";
    assert_int_equal(run(&w, 1), CAIRN_OK);
    check_visits(&w, want, 3);
    assert_int_equal(w.tokens, 1 + 5); /* 32; 62, 64, 66, 68, 70 */
    assert_int_equal(w.sleep_count, 0);
    assert_int_equal(cairn_fdo_client_get_state(w.device), CAIRN_FDO_CLIENT_ONBOARDED);
}

/* An owner who is away: the rendezvous service is asked again, in the next round. */
static void test_owner_who_is_away(void **state)
{
    const cairn_fdo_directive directives[] = {HTTP(.dns = cairn_bytes_str("rv"), .delay_s = 8)};
    static const char *const want[] = {"30 http://rv:80", "60 http://owner.example:8043",
                                       "30 http://rv:80", "60 http://owner.example:8043"};
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w, directives, 1);
    w.alive[0] = "http://rv:80";
    w.random = 4000; /* of 0 to 4,000 */
    assert_int_equal(run(&w, 2), CAIRN_ERR_UNREACHABLE);
    check_visits(&w, want, 4);
    assert_int_equal(w.sleep_count, 1);
    assert_int_equal(w.sleeps[0], 10000);
}

static void test_bypass(void **state)
{
    const cairn_fdo_directive directives[] = {
        HTTP(.bypass = true, .dns = cairn_bytes_str("owner"), .device_port = 7)};
    static const char *const want[] = {"60 http://owner:7"};
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    world_init(&w, directives, 1);
    w.alive[0] = "http://owner:7";
    assert_int_equal(run(&w, 1), CAIRN_OK);
    check_visits(&w, want, 1);
}

/* A device that nobody initialised. */
static void test_blank(void **state)
{
    CAIRN_CLEANUP(world_done) world w;
    (void)state;
    memset(&w, 0, sizeof w);
    fdo_peer_init(&w.peer, CAIRN_KEY_P256, 0);
    w.config = fdo_memory_config(&w.memory);
    assert_int_equal(cairn_fdo_client_open(&w.config, &w.device), CAIRN_OK);
    assert_int_equal(run(&w, 1), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_fdo_client_begin(w.device, CAIRN_FDO_CLIENT_TO1, NULL),
                     CAIRN_ERR_NOT_FOUND);
    cairn_fdo_client_message message;
    bool done = false;
    assert_int_equal(cairn_fdo_client_next(w.device, &message), CAIRN_ERR_CLOSED);
    assert_int_equal(cairn_fdo_client_take(w.device, 11, (cairn_bytes){0}, &done),
                     CAIRN_ERR_CLOSED);
}

/* --- addresses --- */

static void check_urls(const cairn_fdo_directive *directive, const char *const *want, size_t count)
{
    char url[CAIRN_FDO_CLIENT_URL_SIZE];
    for (size_t i = 0; i < count; i++) {
        assert_true(cairn_fdo_client_directive_url(directive, i, url));
        assert_string_equal(url, want[i]);
    }
    assert_false(cairn_fdo_client_directive_url(directive, count, url));
}

static void test_protocols(void **state)
{
    static const struct {
        bool has;
        cairn_fdo_rv_protocol protocol;
        const char *want[2];
    } rows[] = {
        {false, CAIRN_FDO_RV_REST, {"https://h:443"}},
        {true, CAIRN_FDO_RV_REST, {"https://h:443", "http://h:80"}},
        {true, CAIRN_FDO_RV_HTTP, {"http://h:80"}},
        {true, CAIRN_FDO_RV_HTTPS, {"https://h:443"}},
        {true, CAIRN_FDO_RV_TCP, {NULL}},
        {true, CAIRN_FDO_RV_TLS, {NULL}},
        {true, CAIRN_FDO_RV_COAP_TCP, {"coap+tcp://h:5683"}},
        {true, CAIRN_FDO_RV_COAP_UDP, {"coap://h:5683"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const cairn_fdo_directive directive = {
            .dns = cairn_bytes_str("h"), .has_protocol = rows[i].has, .protocol = rows[i].protocol};
        size_t count = rows[i].want[0] == NULL ? 0 : rows[i].want[1] == NULL ? 1 : 2;
        check_urls(&directive, rows[i].want, count);
    }
}

/* A name that would be more than a host in a URL is no address. */
static void test_hosts(void **state)
{
    static const char *const bad[] = {"a/b", "a:1", "a@b", "a b", "a?", "a#", "", "\xc3\xa4"};
    static const char *const mapped[] = {"http://127.0.0.1:80"};
    const cairn_fdo_directive four_in_six =
        HTTP(.ip = cairn_bytes_of("\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01", 16));
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const cairn_fdo_directive directive = HTTP(.dns = cairn_bytes_str(bad[i]));
        check_urls(&directive, NULL, 0);
    }
    check_urls(&four_in_six, mapped, 1);
}

/* [X1353-R34] */
static void test_jitter(void **state)
{
    uint64_t sum = 0;
    (void)state;
    assert_int_equal(cairn_fdo_client_jitter_ms(120, 0), 90000);
    assert_int_equal(cairn_fdo_client_jitter_ms(120, 60000), 150000);
    assert_int_equal(cairn_fdo_client_jitter_ms(120, 60001), 90000);
    assert_int_equal(cairn_fdo_client_jitter_ms(0, 77), 0);
    assert_true(cairn_fdo_client_jitter_ms(UINT32_MAX, UINT32_MAX) >= UINT32_MAX * 750ull);
    for (uint32_t i = 0; i < 60001; i++) {
        uint64_t ms = cairn_fdo_client_jitter_ms(120, i);
        assert_true(ms >= 90000 && ms <= 150000);
        sum += ms;
    }
    assert_int_equal(sum / 60001, 120000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directives_in_order),
        cmocka_unit_test(test_from_rendezvous_to_owner),
        cmocka_unit_test(test_owner_who_is_away),
        cmocka_unit_test(test_bypass),
        cmocka_unit_test(test_blank),
        cmocka_unit_test(test_protocols),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_jitter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
