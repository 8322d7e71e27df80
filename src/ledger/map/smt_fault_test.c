/* The state map when memory runs out: the n-th allocation fails, until none is left to fail. Each
 * time the old version stays whole and nothing is leaked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "ledger/map/smt_pool.h"
#include "support/smt_model.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OWN_MALLOC 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_MALLOC 1
#endif

enum { NEVER = -1 };

static long fail_after = NEVER; /* allocations until the one that fails */
static long live_count;         /* allocations not yet freed */

#ifndef OWN_MALLOC
/* glibc lets a program replace malloc and still reach its own. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

static bool fails(void)
{
    if (fail_after == NEVER || fail_after-- > 0)
        return false;
    fail_after = NEVER;
    errno = ENOMEM;
    return true;
}

static void *counted(void *memory)
{
    live_count += memory != NULL;
    return memory;
}

void *malloc(size_t size)
{
    return fails() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *memory, size_t size)
{
    if (fails())
        return NULL;
    return memory == NULL ? counted(__libc_realloc(NULL, size)) : __libc_realloc(memory, size);
}

void free(void *memory)
{
    live_count -= memory != NULL;
    __libc_free(memory);
}
#endif

/* A pool without blocks, so that taking any node can fail; the real one is in smt_pool_test.c. */
struct smt_pool {
    unsigned refs;
};

cairn_err cairn_smt_pool_new(smt_pool **ret_pool)
{
    smt_pool *pool = malloc(sizeof *pool);
    if (pool == NULL)
        return CAIRN_ERR_NO_MEMORY;
    pool->refs = 1;
    *ret_pool = pool;
    return CAIRN_OK;
}

smt_pool *cairn_smt_pool_hold(smt_pool *pool)
{
    pool->refs++;
    return pool;
}

void cairn_smt_pool_free(smt_pool *pool)
{
    if (pool != NULL && --pool->refs == 0)
        free(pool);
}

cairn_err cairn_smt_pool_take(smt_pool *pool, void **ret_unit)
{
    (void)pool;
    void *unit = malloc(SMT_UNIT_SIZE);
    if (unit == NULL)
        return CAIRN_ERR_NO_MEMORY;
    *ret_unit = unit;
    return CAIRN_OK;
}

void cairn_smt_pool_give(void *unit)
{
    free(unit);
}

enum { KEYS = 400 };

static model m;
static cairn_smt_change changes[KEYS];
static uint8_t values[KEYS][16];
static size_t chosen;  /* changes, sorted before memory runs out: qsort does without it */
static cairn_smt *old; /* KEYS keys, half of them in the delta */

static size_t choose(size_t step, uint32_t round)
{
    size_t count = 0;
    for (size_t k = 0; k < KEYS; k += step, count++)
        changes[count] = (cairn_smt_change){.key = model_name(&m, k),
                                            .value = model_value((uint32_t)k + round, values[k]),
                                            .remove = round > 1 && k % 3 != 0};
    assert_int_equal(cairn_smt_sort(&m.base, changes, count), CAIRN_OK);
    return count;
}

static int set_up(void **state)
{
    (void)state;
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *empty = NULL;
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *first = NULL;
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *clean = NULL;
    model_init(&m, KEYS, NULL, 3);
    assert_int_equal(cairn_smt_new(&empty), CAIRN_OK);
    size_t count = choose(1, 1);
    assert_int_equal(cairn_smt_update(empty, &m.base, changes, count, 1, &first), CAIRN_OK);
    assert_int_equal(cairn_smt_each_dirty(first, 0, model_store, &m), CAIRN_OK);
    assert_int_equal(cairn_smt_clean(first, 1, 0, 0, &clean), CAIRN_OK);
    count = choose(2, 1000);
    for (size_t i = 0; i < count; i++)
        changes[i].remove = false;
    assert_int_equal(cairn_smt_update(clean, &m.base, changes, count, 2, &old), CAIRN_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_smt_free(old);
    return 0;
}

static cairn_err do_update(void)
{
    cairn_smt *next = NULL;
    cairn_err err = cairn_smt_update(old, &m.base, changes, chosen, 3, &next);
    cairn_smt_free(next);
    return err;
}

static cairn_err do_bulk(void)
{
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *empty = NULL;
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *next = NULL;
    model nothing = {.base = m.base};
    nothing.base.ctx = &nothing;
    CAIRN_TRY(cairn_smt_new(&empty));
    return cairn_smt_update(empty, &nothing.base, changes, chosen, 3, &next);
}

static cairn_err do_clean(void)
{
    cairn_smt *next = NULL;
    cairn_err err = cairn_smt_clean(old, 2, 0, 0, &next);
    cairn_smt_free(next);
    return err;
}

static cairn_err do_load(void)
{
    cairn_smt *next = NULL;
    cairn_err err = cairn_smt_load(&m.base, &next);
    cairn_smt_free(next);
    return err;
}

static cairn_err do_read(void)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    cairn_bytes value = {0};
    cairn_smt_proof proof = {0};
    cairn_err err = cairn_smt_get(old, &m.base, model_name(&m, 5), &arena, &value);
    if (err == CAIRN_OK)
        err = cairn_smt_prove(old, &m.base, model_name(&m, 5), &arena, &proof);
    if (err == CAIRN_OK)
        err = cairn_smt_prove(old, &m.base, cairn_bytes_str("absent"), &arena, &proof);
    cairn_arena_done(&arena);
    return err;
}

static void assert_old_is_whole(const cairn_hash *root)
{
    assert_memory_equal(cairn_smt_root(old)->b, root->b, 32);
    assert_int_equal(do_read(), CAIRN_OK);
}

static void exhaust(cairn_err (*act)(void))
{
#ifdef OWN_MALLOC
    print_message("skipped: the sanitizer owns malloc\n");
    assert_int_equal(act(), CAIRN_OK);
    skip();
#endif
    cairn_hash root = *cairn_smt_root(old);
    long before = live_count;
    cairn_err err = CAIRN_ERR_NO_MEMORY;
    long faults = 0;
    for (; err != CAIRN_OK; faults++) {
        fail_after = faults;
        err = act();
        bool fired = fail_after == NEVER;
        fail_after = NEVER;
        assert_int_equal(err, fired ? CAIRN_ERR_NO_MEMORY : CAIRN_OK);
        assert_int_equal(live_count, before);
        assert_old_is_whole(&root);
    }
    assert_true(faults > 3);
}

static void test_update(void **state)
{
    (void)state;
    chosen = choose(3, 77);
    exhaust(do_update);
}

static void test_bulk(void **state)
{
    (void)state;
    chosen = choose(1, 1);
    exhaust(do_bulk);
}

static void test_clean(void **state)
{
    (void)state;
    exhaust(do_clean);
}

static void test_load(void **state)
{
    (void)state;
    exhaust(do_load);
}

static void test_read(void **state)
{
    (void)state;
    exhaust(do_read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_update), cmocka_unit_test(test_bulk), cmocka_unit_test(test_clean),
        cmocka_unit_test(test_load),   cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
