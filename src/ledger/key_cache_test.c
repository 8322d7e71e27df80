/* The cache of parsed keys: it changes speed alone, also with two threads that displace each
 * other's. */
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

static void *hammer(void *context)
{
    cairn_key_cache *cache = context;
    size_t wrong = 0;
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t k = (i * 7) % KEYS;
        cairn_key *key = NULL;
        if (cairn_key_cache_get(cache, &kids[k], cose(k), &key) != CAIRN_OK ||
            !cairn_hash_equal(cairn_key_id(key), &kids[k]))
            wrong++;
        cairn_key_free(key);
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
        cmocka_unit_test(test_two_threads_and_fewer_places_than_keys),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
