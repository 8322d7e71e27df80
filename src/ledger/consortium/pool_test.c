/* Shares of the pool and of a block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/sha256.h"
#include "ledger/consortium/pool.h"

static cairn_hash hash_of(uint64_t number)
{
    uint8_t seed[8];
    cairn_hash hash;
    cairn_put_u64(seed, number);
    cairn_sha256_of(seed, sizeof seed, &hash);
    return hash;
}

static cairn_pool_entry entry_of(uint64_t id, uint64_t org, size_t size)
{
    return (cairn_pool_entry){
        .id = hash_of(id), .org = hash_of(1000000 + org), .size = size, .valid_until_ms = id};
}

static cairn_err add(cairn_pool *pool, uint64_t id, uint64_t org, size_t size)
{
    const cairn_pool_entry entry = entry_of(id, org, size);
    return cairn_pool_add(pool, &entry);
}

static void test_who_floods_leaves_room(void **state)
{
    (void)state;
    cairn_pool pool;
    uint64_t id = 0;
    assert_int_equal(cairn_pool_init(&pool, 120, 1 << 20), CAIRN_OK);
    while (add(&pool, id, 1, 10) == CAIRN_OK)
        id++;
    assert_int_equal(pool.count, 60); /* a half */
    while (add(&pool, id, 2, 10) == CAIRN_OK)
        id++;
    assert_int_equal(pool.count, 90); /* a half of the rest */
    assert_int_equal(add(&pool, id++, 3, 10), CAIRN_OK);
    assert_int_equal(add(&pool, 3, 1, 10), CAIRN_OK); /* is held */
    assert_int_equal(pool.count, 91);
    cairn_pool_done(&pool);
}

static void test_bytes_count_too(void **state)
{
    (void)state;
    cairn_pool pool;
    assert_int_equal(cairn_pool_init(&pool, 1000, 1000), CAIRN_OK);
    assert_int_equal(add(&pool, 1, 1, 501), CAIRN_OK); /* it leaves 499, and may have no more */
    assert_int_equal(add(&pool, 2, 1, 1), CAIRN_ERR_BUSY);
    assert_int_equal(add(&pool, 3, 2, 500), CAIRN_ERR_BUSY);
    assert_int_equal(add(&pool, 4, 2, 249), CAIRN_OK);
    assert_int_equal(pool.size, 750);
    assert_int_equal(pool.share_count, 2);
    cairn_pool_done(&pool);
}

/* What is removed is gone, and nothing else; against a plain list. */
static void test_removal_keeps_the_others(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    cairn_pool pool;
    bool held[COUNT] = {false};
    uint64_t random = 12345;
    assert_int_equal(cairn_pool_init(&pool, 4 * COUNT, 1 << 20), CAIRN_OK);
    for (int step = 0; step < 20000; step++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint64_t id = (random >> 33) % COUNT;
        cairn_hash hash = hash_of(id);
        if ((random >> 20 & 1) != 0) {
            assert_int_equal(add(&pool, id, id % 5, 7), CAIRN_OK);
            held[id] = true;
        } else {
            cairn_pool_remove(&pool, &hash);
            held[id] = false;
        }
    }
    size_t count = 0;
    for (uint64_t id = 0; id < COUNT; id++) {
        cairn_hash hash = hash_of(id);
        assert_int_equal(cairn_pool_find(&pool, &hash) != NULL, held[id]);
        count += held[id];
    }
    assert_int_equal(pool.count, count);
    assert_int_equal(pool.size, 7 * count);
    cairn_pool_expire(&pool, COUNT / 2, 0);
    for (uint64_t id = 0; id < COUNT; id++) {
        cairn_hash hash = hash_of(id);
        assert_int_equal(cairn_pool_find(&pool, &hash) != NULL, held[id] && id > COUNT / 2);
    }
    cairn_hash last = hash_of(COUNT);
    assert_int_equal(add(&pool, COUNT, 1, 7), CAIRN_OK);
    cairn_pool_see(&pool, &last, 5);
    cairn_pool_expire(&pool, 0, 5); /* the others were not shown for so long */
    assert_int_equal(pool.count, 1);
    assert_non_null(cairn_pool_find(&pool, &last));
    cairn_pool_expire(&pool, COUNT, 0);
    assert_int_equal(pool.count, 0);
    assert_int_equal(pool.size, 0);
    assert_int_equal(pool.share_count, 0);
    cairn_pool_done(&pool);
}

/* --- a block --- */

static size_t choose(const char *orgs, size_t size, size_t count_max, size_t size_max,
                     char chosen[64])
{
    cairn_share_item items[64];
    size_t count = 0, taken = 0;
    size_t *indices = NULL;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    for (; orgs[count] != '\0'; count++)
        items[count] = (cairn_share_item){.org = hash_of((uint64_t)orgs[count]), .size = size};
    assert_int_equal(cairn_share_block(&arena, items, count, count_max, size_max, &indices, &taken),
                     CAIRN_OK);
    for (size_t i = 0; i < taken; i++)
        chosen[i] = orgs[indices[i]];
    chosen[taken] = '\0';
    for (size_t i = 1; i < taken; i++) /* one's own stay in order */
        for (size_t j = 0; j < i; j++)
            assert_true(chosen[i] != chosen[j] || indices[i] > indices[j]);
    cairn_arena_done(&arena);
    return taken;
}

static void test_block_is_shared(void **state)
{
    (void)state;
    char chosen[64];
    assert_int_equal(choose("aaaaaaaaaabbc", 10, 100, 80, chosen), 8);
    assert_string_equal(chosen, "abcabaaa");
    assert_int_equal(choose("aaaa", 10, 100, 35, chosen), 3); /* alone: all of it */
    assert_int_equal(choose("aaaabbbb", 10, 3, 1000, chosen), 3);
    assert_string_equal(chosen, "aba");
    assert_int_equal(choose("", 10, 100, 100, chosen), 0);
    assert_int_equal(choose("ab", 10, 100, 9, chosen), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_floods_leaves_room),
        cmocka_unit_test(test_bytes_count_too),
        cmocka_unit_test(test_removal_keeps_the_others),
        cmocka_unit_test(test_block_is_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
