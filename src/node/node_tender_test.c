/* A round at the start, one after each poke and when one is asked for, and an end that waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdatomic.h>

#include "node/node_tender.h"

static atomic_uint rounds;
static atomic_bool again;

static uint64_t count_round(void *context)
{
    (void)context;
    atomic_fetch_add(&rounds, 1);
    return atomic_load(&again) ? 0 : UINT64_MAX;
}

static void wait_for(unsigned count)
{
    while (atomic_load(&rounds) < count)
        (void)sched_yield();
}

static void test_rounds(void **state)
{
    (void)state;
    const cairn_clock clock = cairn_clock_system();
    cairn_tender *tender = NULL;
    assert_int_equal(cairn_tender_new(&clock, count_round, NULL, &tender), CAIRN_OK);
    wait_for(1);
    cairn_tender_poke(tender);
    wait_for(2);
    atomic_store(&again, true);
    cairn_tender_poke(tender);
    wait_for(5); /* nobody pokes */
    atomic_store(&again, false);
    unsigned before = atomic_load(&rounds);
    cairn_tender_poke(tender); /* done before the end */
    cairn_tender_free(tender);
    assert_true(atomic_load(&rounds) > before);
    unsigned end = atomic_load(&rounds);
    for (int i = 0; i < 1000; i++)
        (void)sched_yield();
    assert_int_equal(atomic_load(&rounds), end);
}

static atomic_bool entered, leave;

static uint64_t linger(void *context)
{
    atomic_store(&entered, true);
    while (!atomic_load(&leave))
        (void)sched_yield();
    atomic_store((atomic_bool *)context, true);
    return UINT64_MAX;
}

static uint64_t let_go(void *context)
{
    (void)context;
    atomic_store(&leave, true);
    return UINT64_MAX;
}

static void test_the_end_waits_for_the_round(void **state)
{
    (void)state;
    const cairn_clock clock = cairn_clock_system();
    cairn_tender *slow = NULL;
    cairn_tender *other = NULL;
    atomic_bool left = false;
    assert_int_equal(cairn_tender_new(&clock, linger, &left, &slow), CAIRN_OK);
    while (!atomic_load(&entered))
        (void)sched_yield();
    assert_int_equal(cairn_tender_new(&clock, let_go, NULL, &other), CAIRN_OK);
    cairn_tender_free(slow);
    assert_true(atomic_load(&left));
    cairn_tender_free(other);
    cairn_tender_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rounds),
                                       cmocka_unit_test(test_the_end_waits_for_the_round)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
