/* The anchor: one record for a commitment, from the first who brings it, and an event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/ledger_memory.h"

#define NOW (MEMORY_TIME_MS + 1000)

static void test_an_anchor_names_who_and_when(void **state)
{
    (void)state;
    memory_ledger m;
    cairn_hash commitment;
    cairn_bytes body, value;
    memory_begin(&m, 2, NULL);
    memset(commitment.b, 0xc7, sizeof commitment.b);
    assert_int_equal(cairn_anchor_body(&m.arena, &commitment, &body), CAIRN_OK);
    uint8_t page[36] = {0xa1, 0x01, 0x58, 0x20};
    memcpy(page + 4, commitment.b, 32);
    assert_true(cairn_bytes_equal(body, cairn_bytes_of(page, sizeof page)));
    const cairn_bytes txs[] = {
        memory_tx(&m, memory_key(MEMORY_SIGN + 1), CAIRN_TX_ANCHOR, body, NOW + 1),
        memory_tx(&m, memory_key(MEMORY_SIGN), CAIRN_TX_ANCHOR, body, NOW + 1),
    };
    const cairn_outcome *o = memory_block(&m, NOW, txs, 2);
    assert_int_equal(o->results[0].code, CAIRN_OK);
    assert_int_equal(o->results[1].code, CAIRN_ERR_EXISTS);
    assert_non_null(o->events);
    assert_null(o->events->next);
    assert_int_equal(o->events->type, CAIRN_TX_ANCHOR);
    assert_true(cairn_bytes_equal(o->events->key, cairn_bytes_hash(&commitment)));
    const cairn_hash org = memory_org(MEMORY_SIGN + 1);
    uint8_t record[38] = {0xa2, 0x01, 0x58, 0x20};
    memcpy(record + 4, org.b, 32);
    record[36] = 0x02;
    record[37] = 0x01;
    assert_int_equal(
        memory_get(&m, CAIRN_MAP_STATE, "anchor/", cairn_bytes_hash(&commitment), &value),
        CAIRN_OK);
    assert_true(cairn_bytes_equal(value, cairn_bytes_of(record, sizeof record)));
    memory_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_anchor_names_who_and_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
