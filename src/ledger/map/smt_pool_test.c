/* Memory of the map's nodes: one cache line each, used again, given back by any thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "ledger/map/smt_pool.h"

enum { COUNT = 100000 };

static void *units[COUNT];

static void take_all(smt_pool *pool)
{
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(cairn_smt_pool_take(pool, &units[i]), CAIRN_OK);
        assert_int_equal((uintptr_t)units[i] % SMT_UNIT_SIZE, 0);
        memset(units[i], (int)i, SMT_UNIT_SIZE);
    }
    for (size_t i = 0; i < COUNT; i++) {
        const uint8_t *bytes = units[i];
        assert_int_equal(bytes[0], (uint8_t)i);
        assert_int_equal(bytes[SMT_UNIT_SIZE - 1], (uint8_t)i);
    }
}

static int compare(const void *a, const void *b)
{
    uintptr_t left = *(const uintptr_t *)a;
    uintptr_t right = *(const uintptr_t *)b;
    return (left > right) - (left < right);
}

static void test_units_are_distinct_and_used_again(void **state)
{
    (void)state;
    static uintptr_t before[COUNT];
    static uintptr_t after[COUNT];
    smt_pool *pool = NULL;
    assert_int_equal(cairn_smt_pool_new(&pool), CAIRN_OK);
    take_all(pool);
    for (size_t i = 0; i < COUNT; i++)
        before[i] = (uintptr_t)units[i];
    for (size_t i = 0; i < COUNT; i++)
        cairn_smt_pool_give(units[i]);
    take_all(pool);
    for (size_t i = 0; i < COUNT; i++)
        after[i] = (uintptr_t)units[i];
    qsort(before, COUNT, sizeof before[0], compare);
    qsort(after, COUNT, sizeof after[0], compare);
    assert_memory_equal(before, after, sizeof before);
    for (size_t i = 1; i < COUNT; i++)
        assert_true(before[i] - before[i - 1] >= SMT_UNIT_SIZE);
    for (size_t i = 0; i < COUNT; i++)
        cairn_smt_pool_give(units[i]);
    cairn_smt_pool_free(pool);
    cairn_smt_pool_free(NULL);
}

typedef struct part {
    pthread_t thread;
    size_t first, count;
} part;

static void *give_part(void *arg)
{
    part *p = arg;
    for (size_t i = 0; i < p->count; i++)
        cairn_smt_pool_give(units[p->first + i]);
    return NULL;
}

static void test_any_thread_gives_back_while_the_writer_takes(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    smt_pool *pool = NULL;
    part parts[THREADS];
    assert_int_equal(cairn_smt_pool_new(&pool), CAIRN_OK);
    take_all(pool);
    for (size_t i = 0; i < THREADS; i++) {
        parts[i].first = i * (COUNT / THREADS);
        parts[i].count = COUNT / THREADS;
        assert_int_equal(pthread_create(&parts[i].thread, NULL, give_part, &parts[i]), 0);
    }
    static void *more[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(cairn_smt_pool_take(pool, &more[i]), CAIRN_OK);
        memset(more[i], 0x5a, SMT_UNIT_SIZE);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(parts[i].thread, NULL), 0);
    for (size_t i = 0; i < COUNT; i++)
        cairn_smt_pool_give(more[i]);
    cairn_smt_pool_free(pool); /* asserts that none is missing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units_are_distinct_and_used_again),
        cmocka_unit_test(test_any_thread_gives_back_while_the_writer_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
