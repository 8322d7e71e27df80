/* Whether the writer of a ledger moves, as the watchdog asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/node_ledger.h"

static void test_moves(void **state)
{
    (void)state;
    cairn_node_ledger ledger = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                .settled = PTHREAD_COND_INITIALIZER,
                                .ended_seen = UINT64_MAX};
    assert_true(cairn_node_ledger_moves(&ledger));
    assert_true(cairn_node_ledger_moves(&ledger)); /* with nothing to do it may rest */
    cairn_node_ledger_begin(&ledger);
    cairn_node_ledger_begin(&ledger);
    assert_true(cairn_node_ledger_moves(&ledger)); /* they have just come */
    assert_false(cairn_node_ledger_moves(&ledger));
    assert_false(cairn_node_ledger_moves(&ledger));
    cairn_node_ledger_end(&ledger);
    assert_true(cairn_node_ledger_moves(&ledger));
    assert_false(cairn_node_ledger_moves(&ledger));
    cairn_node_ledger_end(&ledger);
    assert_true(cairn_node_ledger_moves(&ledger));
    cairn_node_ledger_begin(&ledger); /* after a rest it has its time again */
    assert_true(cairn_node_ledger_moves(&ledger));
    assert_false(cairn_node_ledger_moves(&ledger));
    cairn_node_ledger_end(&ledger);
    cairn_node_ledger_settle(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_moves)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
