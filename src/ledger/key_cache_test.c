/* The cache of parsed keys and credentials: it changes speed alone, also with two threads that
 * displace each other's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "ledger/key_cache.h"

enum { KEYS = 12, ROUNDS = 2000 };

static uint8_t encoded[KEYS][CAIRN_COSE_KEY_SIZE_MAX];
static size_t sizes[KEYS];
static cairn_hash kids[KEYS];

static int make_keys(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < KEYS; i++) {
        const uint8_t secret[32] = {1, i};
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        if (cairn_key_from_private(CAIRN_KEY_P256, cairn_bytes_of(secret, 32), &key) != CAIRN_OK ||
            cairn_key_to_cose(key, encoded[i], &sizes[i]) != CAIRN_OK)
            return -1;
        kids[i] = *cairn_key_id(key);
    }
    return 0;
}

static cairn_bytes cose(size_t i)
{
    return cairn_bytes_of(encoded[i], sizes[i]);
}

static void test_a_key_is_parsed_once(void **state)
{
    (void)state;
    cairn_key_cache *cache = NULL;
    cairn_key *first = NULL, *again = NULL, *after = NULL;
    assert_int_equal(cairn_key_cache_new(64, &cache), CAIRN_OK);
    assert_int_equal(cairn_key_cache_get(cache, &kids[0], cose(0), &first), CAIRN_OK);
    assert_int_equal(cairn_key_cache_get(cache, &kids[0], (cairn_bytes){0}, &again), CAIRN_OK);
    assert_ptr_equal(first, again);
    cairn_key_cache_free(cache); /* references outlive it */
    assert_memory_equal(cairn_key_id(first), &kids[0], sizeof(cairn_hash));
    cairn_key_free(first);
    cairn_key_free(again);
    assert_int_equal(cairn_key_cache_get(NULL, &kids[1], cose(1), &after), CAIRN_OK);
    cairn_key_free(after);
}

static void test_other_bytes_are_refused(void **state)
{
    (void)state;
    cairn_key_cache *cache = NULL;
    cairn_key *key = NULL;
    assert_int_equal(cairn_key_cache_new(1, &cache), CAIRN_OK);
    assert_int_equal(cairn_key_cache_get(cache, &kids[0], cose(1), &key), CAIRN_ERR_BAD_KEY);
    assert_int_equal(cairn_key_cache_get(NULL, &kids[0], cose(1), &key), CAIRN_ERR_BAD_KEY);
    assert_null(key);
    cairn_key_cache_free(cache);
}

/* A credential whose fields all tell for which version and key it is. */
static cairn_credential credential_of(uint64_t version, size_t k)
{
    return (cairn_credential){
        .org = kids[k], .since = version, .until = version + k, .cose_key_size = sizes[k]};
}

static bool is_credential_of(const cairn_credential *c, uint64_t version, size_t k)
{
    return cairn_hash_equal(&c->org, &kids[k]) && c->since == version && c->until == version + k &&
           c->cose_key_size == sizes[k];
}

static void test_a_credential_is_of_its_version(void **state)
{
    (void)state;
    cairn_key_cache *cache = NULL;
    cairn_credential c;
    const cairn_hash ledger = {{1}}, other = {{2}};
    assert_int_equal(cairn_key_cache_new(4, &cache), CAIRN_OK);
    uint64_t version = cairn_key_cache_new_version(cache);
    assert_int_not_equal(version, 0);
    assert_int_not_equal(cairn_key_cache_new_version(cache), version);
    assert_int_equal(cairn_key_cache_new_version(NULL), 0);
    c = credential_of(version, 0);
    cairn_key_cache_remember(cache, &ledger, 0, &kids[0], &c); /* 0 is nobody's */
    assert_false(cairn_key_cache_recall(cache, &ledger, 0, &kids[0], &c));
    cairn_key_cache_remember(cache, &ledger, version, &kids[0], &c);
    assert_true(cairn_key_cache_recall(cache, &ledger, version, &kids[0], &c));
    assert_true(is_credential_of(&c, version, 0));
    assert_false(cairn_key_cache_recall(cache, &ledger, version + 1, &kids[0], &c));
    assert_false(cairn_key_cache_recall(cache, &other, version, &kids[0], &c));
    assert_false(cairn_key_cache_recall(cache, &ledger, version, &kids[1], &c));
    cairn_key_cache_remember(NULL, &ledger, version, &kids[0], &c);
    assert_false(cairn_key_cache_recall(NULL, &ledger, version, &kids[0], &c));
    cairn_key_cache_free(cache);
}

static void *hammer(void *context)
{
    cairn_key_cache *cache = context;
    static const cairn_hash ledger = {{3}};
    uint64_t version = cairn_key_cache_new_version(cache);
    size_t wrong = 0;
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t k = (i * 7) % KEYS;
        cairn_key *key = NULL;
        if (cairn_key_cache_get(cache, &kids[k], cose(k), &key) != CAIRN_OK ||
            !cairn_hash_equal(cairn_key_id(key), &kids[k]))
            wrong++;
        cairn_key_free(key);
        uint64_t of = i % 3 == 0 ? version : i % 2 + 1; /* one's own, or one that both use */
        cairn_credential c = credential_of(of, k), back;
        cairn_key_cache_remember(cache, &ledger, of, &kids[k], &c);
        if (cairn_key_cache_recall(cache, &ledger, of, &kids[k], &back) &&
            !is_credential_of(&back, of, k))
            wrong++;
    }
    return wrong == 0 ? NULL : cache;
}

static void test_two_threads_and_fewer_places_than_keys(void **state)
{
    (void)state;
    cairn_key_cache *cache = NULL;
    pthread_t threads[2];
    assert_int_equal(cairn_key_cache_new(4, &cache), CAIRN_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, cache), 0);
    for (size_t i = 0; i < 2; i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    cairn_key_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_is_parsed_once),
        cmocka_unit_test(test_other_bytes_are_refused),
        cmocka_unit_test(test_a_credential_is_of_its_version),
        cmocka_unit_test(test_two_threads_and_fewer_places_than_keys),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
