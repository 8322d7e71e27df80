/* The anchor: one record for a commitment, from the first who brings it, and an event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "identity/identity.h"
#include "record/record.h"
#include "support/identity_bodies.h"

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

/* --- on behalf of a subject --- */

enum { SERVICE = 40 };

static cairn_err say(memory_ledger *m, uint8_t key, uint16_t type, cairn_bytes body, uint64_t now)
{
    static uint64_t number;
    return memory_send(m, now, memory_tx(m, memory_key(key), type, body, now + 1 + number++));
}

/* A fresh commitment, for pseudonym 1, by that key. */
static cairn_err anchor_for(memory_ledger *m, uint8_t key, uint64_t now)
{
    static uint8_t number;
    const cairn_hash subject = memory_name(1);
    const cairn_hash commitment = {{0x77, ++number}};
    cairn_bytes body;
    assert_int_equal(cairn_anchor_body_for(&m->arena, &commitment, &subject, &body), CAIRN_OK);
    return say(m, key, CAIRN_TX_ANCHOR, body, now);
}

static void begin_behalf(memory_ledger *m)
{
    memory_begin(m, 2, NULL);
    const cairn_hash org = memory_org(MEMORY_SIGN);
    assert_int_equal(say(m, MEMORY_SIGN, CAIRN_TX_SUBJECT_REGISTER,
                         memory_register(m, 1, CAIRN_SUBJECT_DEVICE), NOW),
                     CAIRN_OK);
    assert_int_equal(
        say(m, MEMORY_SIGN, CAIRN_TX_KEY_ADD,
            memory_key_add(&m->arena, &m->id, &org, CAIRN_PURPOSE_SIGN, memory_key(SERVICE)), NOW),
        CAIRN_OK);
}

static void grant(memory_ledger *m, const char *scope, uint64_t version)
{
    assert_int_equal(say(m, MEMORY_SIGN, CAIRN_TX_GRANT_SET,
                         memory_grant(m, 1, SERVICE, scope, NOW + 5000, version), NOW),
                     CAIRN_OK);
}

/* Who has no grant, another's, one for something else, one that was taken back or that has ended,
 * anchors nothing in a subject's name. */
static void test_an_anchor_on_behalf_needs_a_grant(void **state)
{
    (void)state;
    memory_ledger m;
    begin_behalf(&m);
    assert_int_equal(anchor_for(&m, SERVICE, NOW), CAIRN_ERR_NOT_FOUND);
    grant(&m, "record.anch", 0);
    assert_int_equal(anchor_for(&m, SERVICE, NOW), CAIRN_ERR_TX_FORBIDDEN);
    grant(&m, CAIRN_ANCHOR_SCOPE, 1);
    assert_int_equal(anchor_for(&m, SERVICE, NOW), CAIRN_OK);
    assert_int_equal(anchor_for(&m, MEMORY_SIGN, NOW), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(anchor_for(&m, MEMORY_SIGN + 1, NOW), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(say(&m, MEMORY_SIGN, CAIRN_TX_SUBJECT_STATUS,
                         memory_subject_status(&m, 1, 1, CAIRN_SUBJECT_SUSPENDED), NOW),
                     CAIRN_OK);
    assert_int_equal(anchor_for(&m, SERVICE, NOW), CAIRN_ERR_CLOSED);
    assert_int_equal(say(&m, MEMORY_SIGN, CAIRN_TX_SUBJECT_STATUS,
                         memory_subject_status(&m, 1, 2, CAIRN_SUBJECT_ACTIVE), NOW),
                     CAIRN_OK);
    assert_int_equal(anchor_for(&m, SERVICE, NOW), CAIRN_OK);
    assert_int_equal(
        say(&m, MEMORY_SIGN, CAIRN_TX_GRANT_REVOKE, memory_grant_revoke(&m, 1, SERVICE, 2), NOW),
        CAIRN_OK);
    assert_int_equal(anchor_for(&m, SERVICE, NOW), CAIRN_ERR_CLOSED);
    grant(&m, CAIRN_ANCHOR_SCOPE, 3);
    assert_int_equal(anchor_for(&m, SERVICE, NOW + 4999), CAIRN_OK);
    assert_int_equal(anchor_for(&m, SERVICE, NOW + 5000), CAIRN_ERR_EXPIRED);
    memory_end(&m);
}

static void test_the_record_says_on_whose_behalf(void **state)
{
    (void)state;
    memory_ledger m;
    const cairn_hash subject = memory_name(1), commitment = {{0x78}};
    cairn_bytes body, value;
    begin_behalf(&m);
    grant(&m, CAIRN_ANCHOR_SCOPE, 0);
    assert_int_equal(cairn_anchor_body_for(&m.arena, &commitment, &subject, &body), CAIRN_OK);
    assert_int_equal(body.size, 1 + 2 * 35);
    assert_memory_equal(body.data, "\xa2\x01\x58\x20\x78", 5);
    assert_memory_equal(body.data + 36, "\x02\x58\x20", 3);
    assert_memory_equal(body.data + 39, subject.b, 32);
    assert_int_equal(say(&m, SERVICE, CAIRN_TX_ANCHOR, body, NOW), CAIRN_OK);
    assert_int_equal(
        memory_get(&m, CAIRN_MAP_STATE, "anchor/", cairn_bytes_hash(&commitment), &value),
        CAIRN_OK);
    assert_int_equal(value.data[0], 0xa3);
    assert_memory_equal(value.data + value.size - 35, "\x03\x58\x20", 3);
    assert_memory_equal(value.data + value.size - 32, subject.b, 32);
    memory_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_anchor_names_who_and_when),
        cmocka_unit_test(test_an_anchor_on_behalf_needs_a_grant),
        cmocka_unit_test(test_the_record_says_on_whose_behalf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
