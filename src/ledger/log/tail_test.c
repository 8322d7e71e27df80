/* The log's tail against RFC 6962 section 2.1 word for word: every hash that it serves is the root
 * of the entries below it, before and after trimming and loading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cairn/sha256.h"
#include "ledger/log/tail.h"

enum { SIZE = 70000 }; /* one hash on level 2 */

static cairn_hash *leaves;

/* MTH over a power of two of entries. */
static cairn_hash mth(uint64_t start, uint64_t count)
{
    if (count == 1)
        return leaves[start];
    cairn_hash hash, left = mth(start, count / 2), right = mth(start + count / 2, count / 2);
    cairn_sha256_node(&left, &right, &hash);
    return hash;
}

static void check_tile(const cairn_tail *tail, unsigned level, uint64_t tile, size_t count)
{
    cairn_hash hashes[CAIRN_TILE_WIDTH];
    const uint64_t width = UINT64_C(1) << (CAIRN_TILE_HEIGHT * level);
    assert_true(cairn_tail_read(tail, level, tile, count, hashes));
    for (size_t i = 0; i < count; i++) {
        cairn_hash want = mth((tile * CAIRN_TILE_WIDTH + i) * width, width);
        assert_memory_equal(&hashes[i], &want, sizeof want);
    }
    if (count < CAIRN_TILE_WIDTH)
        assert_false(cairn_tail_read(tail, level, tile, count + 1, hashes));
}

static void append(cairn_tail *tail, uint64_t from, uint64_t to)
{
    assert_int_equal(cairn_tail_reserve(tail, (size_t)(to - from)), CAIRN_OK);
    for (uint64_t i = from; i < to; i++)
        cairn_tail_append(tail, &leaves[i]);
}

/* All tiles of a level from `first` on. */
static void check_level(const cairn_tail *tail, unsigned level, uint64_t first, uint64_t size)
{
    uint64_t last = 0;
    size_t partial = cairn_tail_partial(size, level, &last);
    for (uint64_t tile = first; tile < last; tile++)
        check_tile(tail, level, tile, CAIRN_TILE_WIDTH);
    check_tile(tail, level, last, partial);
}

static void test_tiles(void **state)
{
    (void)state;
    static const cairn_log_frontier empty = {0};
    cairn_tail tail;
    cairn_hash hash;
    cairn_tail_init(&tail, &empty);
    append(&tail, 0, 1);
    check_level(&tail, 0, 0, 1);
    append(&tail, 1, 256);
    check_level(&tail, 0, 0, 256);
    check_level(&tail, 1, 0, 256);
    append(&tail, 256, SIZE);
    for (unsigned level = 0; level < 4; level++)
        check_level(&tail, level, 0, SIZE);
    assert_false(cairn_tail_read(&tail, 0, SIZE / 256 + 1, 1, &hash));
    cairn_tail_done(&tail);
}

/* What is durable is forgotten by whole tiles; the rest stays and goes on. */
static void test_trim(void **state)
{
    (void)state;
    static const cairn_log_frontier empty = {0};
    cairn_tail tail;
    cairn_hash hash;
    cairn_tail_init(&tail, &empty);
    append(&tail, 0, 1000);
    cairn_tail_trim(&tail, 700);
    assert_false(cairn_tail_read(&tail, 0, 1, 1, &hash));
    check_level(&tail, 0, 2, 1000);
    check_level(&tail, 1, 0, 1000);
    cairn_tail_trim(&tail, 100); /* less than before changes nothing */
    check_level(&tail, 0, 2, 1000);
    append(&tail, 1000, SIZE);
    check_level(&tail, 0, 2, SIZE);
    cairn_tail_trim(&tail, SIZE);
    for (unsigned level = 0; level < 3; level++) {
        uint64_t last = 0;
        size_t partial = cairn_tail_partial(SIZE, level, &last);
        check_tile(&tail, level, last, partial);
        assert_false(last > 0 && cairn_tail_read(&tail, level, last - 1, 1, &hash));
    }
    cairn_tail_done(&tail);
}

/* A tail that begins at any size, with the partial tiles that an index would hand it, serves what
 * one that saw it all does. */
static void test_begin_anywhere(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, 255, 256, 257, 511, 512, 1000, 65535, 65536, 65537};
    static const cairn_log_frontier empty = {0};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        cairn_tail all, tail;
        cairn_tail_init(&all, &empty);
        append(&all, 0, sizes[s]);
        cairn_tail_init(&tail, &all.frontier);
        for (unsigned level = 0; level < CAIRN_TILE_LEVEL_COUNT; level++) {
            cairn_hash hashes[CAIRN_TILE_WIDTH];
            uint64_t tile = 0;
            size_t count = cairn_tail_partial(sizes[s], level, &tile);
            assert_true(cairn_tail_read(&all, level, tile, count, hashes));
            assert_int_equal(cairn_tail_load(&tail, level, hashes, count), CAIRN_OK);
        }
        append(&tail, sizes[s], sizes[s] + 600);
        for (unsigned level = 0; level < 3; level++)
            check_level(&tail, level, (sizes[s] >> (8 * level)) / 256, sizes[s] + 600);
        cairn_tail_done(&all);
        cairn_tail_done(&tail);
    }
}

static int make_leaves(void **state)
{
    (void)state;
    leaves = calloc(SIZE, sizeof *leaves);
    for (uint64_t i = 0; leaves != NULL && i < SIZE; i++)
        cairn_sha256_of(&i, sizeof i, &leaves[i]);
    return leaves == NULL;
}

static int free_leaves(void **state)
{
    (void)state;
    free(leaves);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_begin_anywhere),
    };
    return cmocka_run_group_tests(tests, make_leaves, free_leaves);
}
