/* The ring of recent records: what it keeps, what it forgets, and that a held record stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ledger/store/recent.h"

static void expect(cairn_recent *recent, uint64_t number, bool kept)
{
    uint8_t want[8];
    cairn_put_u64(want, number);
    cairn_recent_record *record = cairn_recent_get(recent, number);
    assert_true(kept == (record != NULL));
    if (kept) {
        assert_int_equal(record->slot, number % 7);
        assert_memory_equal(record->payload, want, sizeof want);
    }
    cairn_recent_release(record);
}

static void add(cairn_recent *recent, uint64_t number, size_t size)
{
    uint8_t *payload = calloc(1, size);
    assert_non_null(payload);
    cairn_put_u64(payload, number);
    cairn_recent_add(recent, number, (uint32_t)(number % 7), cairn_bytes_of(payload, size));
    free(payload);
}

static void test_the_newest_are_kept(void **state)
{
    (void)state;
    static cairn_recent recent;
    cairn_recent_init(&recent);
    expect(&recent, 0, false);
    for (uint64_t n = 5; n < 5 + CAIRN_RECENT_COUNT_MAX; n++)
        add(&recent, n, 8);
    expect(&recent, 4, false);
    expect(&recent, 5, true);
    expect(&recent, 4 + CAIRN_RECENT_COUNT_MAX, true);
    expect(&recent, 5 + CAIRN_RECENT_COUNT_MAX, false);
    add(&recent, 5 + CAIRN_RECENT_COUNT_MAX, 8);
    expect(&recent, 5, false);
    expect(&recent, 6, true);
    cairn_recent_done(&recent);
}

static void test_bytes_are_bounded(void **state)
{
    (void)state;
    static cairn_recent recent;
    cairn_recent_init(&recent);
    for (uint64_t n = 0; n < 4; n++)
        add(&recent, n, CAIRN_RECENT_SIZE_MAX / 4);
    expect(&recent, 0, true);
    add(&recent, 4, 8);
    expect(&recent, 0, false);
    expect(&recent, 1, true);
    add(&recent, 5, CAIRN_RECENT_SIZE_MAX); /* alone */
    expect(&recent, 4, false);
    expect(&recent, 5, true);
    add(&recent, 6, CAIRN_RECENT_SIZE_MAX + 1); /* not at all */
    expect(&recent, 5, false);
    expect(&recent, 6, false);
    add(&recent, 7, 8);
    expect(&recent, 7, true);
    cairn_recent_done(&recent);
}

static void test_a_gap_forgets_and_a_held_record_stays(void **state)
{
    (void)state;
    static cairn_recent recent;
    cairn_recent_init(&recent);
    add(&recent, 1, 100);
    add(&recent, 2, 100);
    cairn_recent_record *held = cairn_recent_get(&recent, 2);
    assert_non_null(held);
    add(&recent, 4, 100);
    expect(&recent, 1, false);
    expect(&recent, 2, false);
    expect(&recent, 4, true);
    cairn_recent_done(&recent);
    assert_int_equal(cairn_get_u64(held->payload), 2);
    cairn_recent_release(held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_newest_are_kept),
        cmocka_unit_test(test_bytes_are_bounded),
        cmocka_unit_test(test_a_gap_forgets_and_a_held_record_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
