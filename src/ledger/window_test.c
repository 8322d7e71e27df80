/* The window of recent ids: what is held, for how long, and from which height it can be rebuilt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/sha256.h"
#include "ledger/window.h"

static cairn_hash id_of(uint64_t number)
{
    cairn_hash id;
    cairn_sha256_of(&number, sizeof number, &id);
    return id;
}

static void add(cairn_window *w, uint64_t valid_until_ms, uint64_t number, uint64_t height)
{
    const cairn_hash id = id_of(number);
    assert_int_equal(cairn_window_add(w, valid_until_ms, &id, height), CAIRN_OK);
}

static bool has(const cairn_window *w, uint64_t valid_until_ms, uint64_t number)
{
    const cairn_hash id = id_of(number);
    return cairn_window_has(w, valid_until_ms, &id);
}

/* An id is held until its whole bucket has ended: never shorter than it is valid. */
static void test_buckets_end(void **state)
{
    (void)state;
    cairn_window w;
    cairn_window_init(&w);
    assert_int_equal(cairn_window_oldest_height(&w), UINT64_MAX);
    add(&w, 20000, 1, 7);
    add(&w, 29999, 2, 5);
    add(&w, 30000, 3, 9);
    assert_int_equal(w.count, 3);
    assert_int_equal(cairn_window_oldest_height(&w), 5);
    assert_int_equal(cairn_window_count_at(&w, 29999), 3);
    cairn_window_expire(&w, 29999); /* 2 may be valid still */
    assert_true(has(&w, 20000, 1) && has(&w, 29999, 2) && has(&w, 30000, 3));
    assert_int_equal(cairn_window_count_at(&w, 30000), 1);
    assert_int_equal(w.count, 3);
    cairn_window_expire(&w, 30000);
    assert_false(has(&w, 20000, 1));
    assert_false(has(&w, 29999, 2));
    assert_true(has(&w, 30000, 3));
    assert_int_equal(w.count, 1);
    assert_int_equal(cairn_window_oldest_height(&w), 9);
    cairn_window_expire(&w, UINT64_MAX);
    assert_int_equal(w.count, 0);
    assert_int_equal(cairn_window_oldest_height(&w), UINT64_MAX);
    cairn_window_done(&w);
}

static void test_held_once(void **state)
{
    (void)state;
    cairn_window w;
    cairn_window_init(&w);
    add(&w, 20000, 1, 7);
    const cairn_hash id = id_of(1);
    assert_int_equal(cairn_window_add(&w, 20000, &id, 8), CAIRN_ERR_EXISTS);
    assert_int_equal(cairn_window_add(&w, 20001, &id, 8), CAIRN_ERR_EXISTS); /* the same bucket */
    assert_int_equal(w.count, 1);
    cairn_window_done(&w);
}

/* Many ids that collide in their slots, in buckets that come in any order. */
static void test_against_a_list(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static cairn_hash ids[COUNT];
    cairn_window w;
    cairn_window_init(&w);
    for (uint64_t i = 0; i < COUNT; i++) {
        ids[i] = id_of(i);
        memset(ids[i].b, 0, 7); /* only 256 first slots */
        uint64_t until = (i * 7919) % 100000;
        assert_false(cairn_window_has(&w, until, &ids[i]));
        assert_int_equal(cairn_window_add(&w, until, &ids[i], i), CAIRN_OK);
    }
    for (uint64_t time_ms = 0; time_ms <= 110000; time_ms += 5000) {
        uint64_t held = 0;
        cairn_window_expire(&w, time_ms);
        for (uint64_t i = 0; i < COUNT; i++) {
            uint64_t until = (i * 7919) % 100000;
            bool expected = (until / 10000 + 1) * 10000 > time_ms;
            assert_int_equal(cairn_window_has(&w, until, &ids[i]), expected);
            held += expected;
        }
        assert_int_equal(w.count, held);
    }
    cairn_window_done(&w);
}

/* Reserving changes nothing that can be seen, taken up or given up. */
static void test_reservations(void **state)
{
    (void)state;
    cairn_window w;
    cairn_window_init(&w);
    add(&w, 20000, 1, 7);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(cairn_window_reserve(&w, 20000 + (uint64_t)i * 50), CAIRN_OK);
    assert_int_equal(w.count, 1);
    assert_int_equal(cairn_window_oldest_height(&w), 7);
    assert_true(has(&w, 20000, 1));
    for (uint64_t i = 0; i < 500; i++)
        add(&w, 20000 + i * 50, 100 + i, 6);
    cairn_window_unreserve(&w);
    assert_int_equal(w.count, 501);
    for (uint64_t i = 0; i < 500; i++)
        assert_true(has(&w, 20000 + i * 50, 100 + i));
    cairn_window_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets_end),
        cmocka_unit_test(test_held_once),
        cmocka_unit_test(test_against_a_list),
        cmocka_unit_test(test_reservations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
