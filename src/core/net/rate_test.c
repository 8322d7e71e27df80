/* Token buckets on a clock that stands still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/net/rate.h"

static cairn_hash caller_of(unsigned number)
{
    cairn_hash caller = {{0}};
    cairn_put_u32(caller.b + 28, number);
    return caller;
}

static void test_burst_then_pace(void **state)
{
    (void)state;
    cairn_clock_manual manual = {.monotonic_ns = 5000000000u};
    cairn_clock clock = cairn_clock_of_manual(&manual);
    const cairn_rate_options options = {.per_second = 10, .burst = 5, .callers_max = 100};
    cairn_rate *rate = NULL;
    uint64_t wait_ms = 0;
    cairn_hash caller = caller_of(1), other = caller_of(2);
    assert_int_equal(cairn_rate_new(&clock, &options, &rate), CAIRN_OK);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(cairn_rate_take(rate, &caller, 1, &wait_ms), CAIRN_OK);
    assert_int_equal(cairn_rate_take(rate, &caller, 1, &wait_ms), CAIRN_ERR_RATE);
    assert_int_equal(wait_ms, 100);
    assert_int_equal(cairn_rate_take(rate, &other, 5, &wait_ms), CAIRN_OK);
    cairn_clock_manual_advance_ms(&manual, 99);
    assert_int_equal(cairn_rate_take(rate, &caller, 1, &wait_ms), CAIRN_ERR_RATE);
    assert_int_equal(wait_ms, 1);
    cairn_clock_manual_advance_ms(&manual, 1);
    assert_int_equal(cairn_rate_take(rate, &caller, 1, &wait_ms), CAIRN_OK);
    assert_int_equal(cairn_rate_take(rate, &caller, 5, &wait_ms), CAIRN_ERR_RATE);
    assert_int_equal(wait_ms, 500);
    cairn_clock_manual_advance_ms(&manual, 3600000); /* full, and no fuller */
    assert_int_equal(cairn_rate_take(rate, &caller, 5, &wait_ms), CAIRN_OK);
    assert_int_equal(cairn_rate_take(rate, &caller, 1, &wait_ms), CAIRN_ERR_RATE);
    cairn_rate_free(rate);
}

/* Far more callers than buckets: the table stays as large as it is, and who is in debt longest
 * stays in it among those who are not. */
static void test_table_is_bounded(void **state)
{
    (void)state;
    cairn_clock_manual manual = {.monotonic_ns = 1};
    cairn_clock clock = cairn_clock_of_manual(&manual);
    const cairn_rate_options options = {.per_second = 1, .burst = 10, .callers_max = 8};
    cairn_rate *rate = NULL;
    uint64_t wait_ms = 0;
    cairn_hash debtor = caller_of(0);
    assert_int_equal(cairn_rate_new(&clock, &options, &rate), CAIRN_OK);
    assert_int_equal(cairn_rate_take(rate, &debtor, 10, &wait_ms), CAIRN_OK);
    for (unsigned i = 1; i < 10000; i++) {
        cairn_hash caller = caller_of(i);
        assert_int_equal(cairn_rate_take(rate, &caller, 1, &wait_ms), CAIRN_OK);
    }
    assert_int_equal(cairn_rate_take(rate, &debtor, 1, &wait_ms), CAIRN_ERR_RATE);
    cairn_rate_free(rate);
}

static void test_options_out_of_range(void **state)
{
    (void)state;
    static const cairn_rate_options bad[] = {{0, 1, 1},       {1, 0, 1},       {1, 1, 0},
                                             {1000001, 1, 1}, {1, 1000001, 1}, {1, 1, 1048577}};
    cairn_clock clock = cairn_clock_system();
    cairn_rate *rate = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(cairn_rate_new(&clock, &bad[i], &rate), CAIRN_ERR_ARGUMENT);
    const cairn_rate_options largest = {1000000, 1000000, 1};
    cairn_hash caller = caller_of(1);
    uint64_t wait_ms = 0;
    assert_int_equal(cairn_rate_new(&clock, &largest, &rate), CAIRN_OK);
    assert_int_equal(cairn_rate_take(rate, &caller, 1000000, &wait_ms), CAIRN_OK);
    cairn_rate_free(rate);
    cairn_rate_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_pace),
        cmocka_unit_test(test_table_is_bounded),
        cmocka_unit_test(test_options_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
