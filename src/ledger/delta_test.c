/* A block's changes and what is taken back, against a list that is searched from its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cairn/sha256.h"
#include "core/limits.h"
#include "ledger/delta.h"

enum { KEYS = 40, WRITES_MAX = 600 };

typedef struct naive_write {
    cairn_map_id map;
    unsigned key;
    int value; /* -1: deleted */
} naive_write;

static cairn_bytes key_view(unsigned key, char out[16])
{
    return cairn_bytes_of(out, (size_t)snprintf(out, 16, "key/%u", key));
}

static const naive_write *naive_find(const naive_write *writes, size_t count, cairn_map_id map,
                                     unsigned key)
{
    while (count-- > 0)
        if (writes[count].map == map && writes[count].key == key)
            return &writes[count];
    return NULL;
}

static void compare(const cairn_delta *delta, const naive_write *writes, size_t count)
{
    char text[16];
    assert_int_equal(delta->count, count);
    for (cairn_map_id map = 0; map < CAIRN_MAP_COUNT; map++) {
        const cairn_change **sorted = NULL;
        size_t sorted_count = 0, expected = 0;
        for (unsigned key = 0; key < KEYS; key++) {
            const naive_write *want = naive_find(writes, count, map, key);
            const cairn_change *got = cairn_delta_find(delta, map, key_view(key, text));
            assert_int_equal(want == NULL, got == NULL);
            if (want == NULL)
                continue;
            expected++;
            assert_int_equal(got->deleted, want->value < 0);
            if (want->value >= 0)
                assert_memory_equal(got->value.data, &want->value, sizeof want->value);
        }
        assert_int_equal(cairn_delta_sorted(delta, map, &sorted, &sorted_count), CAIRN_OK);
        assert_int_equal(sorted_count, expected);
        for (size_t i = 0; i < sorted_count; i++) {
            cairn_hash path;
            cairn_sha256_of(sorted[i]->key.data, sorted[i]->key.size, &path);
            assert_memory_equal(&path, &sorted[i]->path, sizeof path);
            assert_ptr_equal(cairn_delta_find(delta, map, sorted[i]->key), sorted[i]);
            if (i > 0)
                assert_true(memcmp(&sorted[i - 1]->path, &sorted[i]->path, sizeof path) < 0);
        }
    }
}

static void write_one(cairn_delta *delta, naive_write w)
{
    char text[16];
    cairn_bytes value = cairn_bytes_of(&w.value, sizeof w.value);
    assert_int_equal(
        cairn_delta_write(delta, w.map, key_view(w.key, text), w.value < 0 ? NULL : &value),
        CAIRN_OK);
}

static void test_writes_and_rollbacks(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 30; seed++) {
        naive_write writes[WRITES_MAX];
        size_t count = 0, mark = 0;
        cairn_arena arena;
        cairn_delta delta;
        unsigned random = seed;
        cairn_arena_init(&arena, 1 << 24);
        cairn_delta_init(&delta, &arena);
        compare(&delta, writes, 0);
        for (int step = 0; step < 500 && count < WRITES_MAX; step++) {
            random = random * 1664525u + 1013904223u;
            unsigned what = random >> 24;
            if (what < 20) {
                mark = count;
            } else if (what < 30) {
                cairn_delta_rollback(&delta, mark);
                count = mark;
            } else {
                writes[count] = (naive_write){.map = what % 2,
                                              .key = (random >> 8) % KEYS,
                                              .value = what < 60 ? -1 : (int)(random >> 4)};
                if (writes[count].value < 0)
                    writes[count].value = -1;
                write_one(&delta, writes[count++]);
            }
            if (step % 25 == 0)
                compare(&delta, writes, count);
        }
        compare(&delta, writes, count);
        cairn_arena_done(&arena);
    }
}

static void test_bounds(void **state)
{
    (void)state;
    static uint8_t data[CAIRN_STATE_VALUE_SIZE_MAX + 1];
    cairn_arena arena;
    cairn_delta delta;
    cairn_arena_init(&arena, 1 << 20);
    cairn_delta_init(&delta, &arena);
    cairn_bytes largest = cairn_bytes_of(data, CAIRN_STATE_VALUE_SIZE_MAX);
    cairn_bytes larger = cairn_bytes_of(data, CAIRN_STATE_VALUE_SIZE_MAX + 1);
    cairn_bytes key = cairn_bytes_of(data, CAIRN_STATE_KEY_SIZE_MAX);
    assert_int_equal(cairn_delta_write(&delta, CAIRN_MAP_STATE, key, &largest), CAIRN_OK);
    assert_int_equal(cairn_delta_write(&delta, CAIRN_MAP_STATE, key, &larger), CAIRN_ERR_TOO_LARGE);
    key.size++;
    assert_int_equal(cairn_delta_write(&delta, CAIRN_MAP_STATE, key, NULL), CAIRN_ERR_TOO_LARGE);
    key.size = 0;
    assert_int_equal(cairn_delta_write(&delta, CAIRN_MAP_STATE, key, NULL), CAIRN_ERR_TOO_LARGE);
    assert_int_equal(delta.count, 1);
    cairn_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_and_rollbacks),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
