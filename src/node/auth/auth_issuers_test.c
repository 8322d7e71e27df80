/* Foreign issuers: their file, and their keys as time passes and the network comes and goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/auth/auth_issuers.h"

#define GOOD "\"issuer\":\"https://a\",\"jwks_url\":\"https://a/k\",\"audience\":\"c\""

static void test_the_file(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        cairn_err err;
    } rows[] = {
        {"{\"issuers\":[]}", CAIRN_OK},
        {"{\"issuers\":[{" GOOD "}]}", CAIRN_OK},
        {"{\"issuers\":[{" GOOD ",\"roles\":7,\"scopes\":\"a b\",\"tenant\":\"t\"}]}", CAIRN_OK},
        {"{\"issuers\":[{" GOOD "},{" GOOD "}]}", CAIRN_ERR_CONFIG},
        {"{\"issuers\":[{" GOOD ",\"audience\":\"d\"}]}", CAIRN_ERR_CONFIG},
        {"{\"issuers\":[{" GOOD ",\"extra\":1}]}", CAIRN_ERR_CONFIG},
        {"{\"issuers\":[{" GOOD ",\"roles\":-1}]}", CAIRN_ERR_CONFIG},
        {"{\"issuers\":[{" GOOD ",\"roles\":\"7\"}]}", CAIRN_ERR_CONFIG},
        {"{\"issuers\":[{" GOOD ",\"scopes\":\" a\"}]}", CAIRN_ERR_CONFIG},
        {"{\"issuers\":[{" GOOD ",\"organisation\":\"07\"}]}", CAIRN_ERR_CONFIG},
        {"{\"issuers\":[{\"issuer\":\"https://a\",\"audience\":\"c\"}]}", CAIRN_ERR_CONFIG},
        {"{\"issuers\":[{\"issuer\":\"https://a\",\"jwks_url\":\"http://a/"
         "k\",\"audience\":\"c\"}]}",
         CAIRN_ERR_CONFIG},
        {"{\"issuers\":[{\"issuer\":\"\",\"jwks_url\":\"https://a/k\",\"audience\":\"c\"}]}",
         CAIRN_ERR_CONFIG},
        {"{\"issuers\":[7]}", CAIRN_ERR_CONFIG},
        {"{\"issuers\":{}}", CAIRN_ERR_CONFIG},
        {"{}", CAIRN_ERR_CONFIG},
        {"", CAIRN_ERR_CONFIG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_issuer *list = NULL;
        size_t count = 0;
        cairn_err err =
            cairn_issuers_parse("issuers.json", cairn_bytes_str(rows[i].text), &list, &count);
        if (err != rows[i].err)
            fail_msg("%s: %s", rows[i].text, cairn_err_name(err));
        free(list);
    }
}

/* --- fetching; the clock moves by hand, under no lock but that of the waits below --- */

static _Atomic uint64_t now_ns;
static atomic_uint fetches;
static atomic_bool away;

static uint64_t wall(void *context)
{
    (void)context;
    return 1700000000000u;
}

static uint64_t monotonic(void *context)
{
    (void)context;
    return now_ns;
}

static cairn_err fetch(void *context, cairn_arena *arena, const cairn_issuer *issuer,
                       uint32_t timeout_ms, cairn_bytes *ret_body)
{
    static const char set[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                              "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":\"k\"}]}";
    (void)context;
    (void)issuer;
    (void)timeout_ms;
    fetches++;
    return away ? CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "away")
                : cairn_arena_copy(arena, cairn_bytes_str(set), ret_body);
}

static void wait_for_fetches(unsigned count)
{
    for (int i = 0; i < 2000 && fetches < count; i++)
        (void)usleep(10000);
    assert_int_equal(fetches, count);
    (void)usleep(50000); /* what was fetched is put in place after the count */
}

static bool has_keys(cairn_issuers *issuers)
{
    CAIRN_CLEANUP(cairn_jwk_set_free_p)
    cairn_jwk_set *set = cairn_issuers_keys(issuers, cairn_issuers_find(issuers, "https://a"));
    return set != NULL;
}

static void test_keys_over_time(void **state)
{
    (void)state;
    static const cairn_issuer issuer = {.issuer = "https://a", .jwks_url = "https://a/k"};
    const cairn_clock clock = {wall, monotonic, NULL};
    cairn_issuers_options options = cairn_issuers_defaults();
    CAIRN_CLEANUP(cairn_issuers_free_p) cairn_issuers *issuers = NULL;
    const uint64_t s = 1000000000u;
    options.fetch = fetch;
    now_ns = 1;
    assert_int_equal(cairn_issuers_new(&clock, NULL, &issuer, 1, &options, &issuers), CAIRN_OK);
    assert_null(cairn_issuers_find(issuers, "https://b"));
    wait_for_fetches(1);
    assert_true(has_keys(issuers));
    /* An unknown kid asks at once, but not again within 30 s. */
    cairn_issuers_missed(issuers, cairn_issuers_find(issuers, "https://a"));
    (void)usleep(600000);
    assert_int_equal(fetches, 1);
    now_ns += 31 * s;
    wait_for_fetches(2);
    /* Away: the old ones hold for a day. */
    away = true;
    now_ns += 3600 * s;
    wait_for_fetches(3);
    assert_true(has_keys(issuers));
    now_ns += 23 * 3600 * s;
    wait_for_fetches(4);
    assert_false(has_keys(issuers));
    away = false;
    now_ns += 31 * s;
    wait_for_fetches(5);
    assert_true(has_keys(issuers));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_file),
        cmocka_unit_test(test_keys_over_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
