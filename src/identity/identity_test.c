/* Keys and organisations by hand: whose key, for what, from when to when. Random histories of the
 * same are in ledger/governance_test.c, the bytes in docs/formats/transaction.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/ledger_memory.h"

#define NOW (MEMORY_TIME_MS + 1000)

enum { ME = MEMORY_SIGN, OTHER = MEMORY_SIGN + 1 };

static cairn_err say(memory_ledger *m, uint8_t key, uint16_t type, cairn_bytes body)
{
    static uint64_t number;
    return memory_send(m, NOW, memory_tx(m, memory_key(key), type, body, NOW + 1 + number++));
}

/* Alone, a member decides by proposing; what came of it. */
static cairn_err decide(memory_ledger *m, uint16_t type, cairn_bytes act)
{
    static uint64_t number;
    cairn_approval approval;
    cairn_bytes tx =
        memory_tx(m, memory_key(ME), CAIRN_TX_APPROVAL_PROPOSE,
                  memory_propose(&m->arena, type, act, NOW + 100), NOW + 100000 + number++);
    CAIRN_TRY(memory_send(m, NOW, tx));
    const cairn_hash id = memory_id(tx);
    CAIRN_TRY(memory_approval(m, &id, &approval));
    return approval.code;
}

static cairn_err set_status(memory_ledger *m, uint8_t number, cairn_org_status status,
                            uint64_t version)
{
    const cairn_hash org = memory_org(number);
    return decide(m, CAIRN_TX_ORG_STATUS, memory_status(&m->arena, &org, status, version));
}

static cairn_bytes key_add(memory_ledger *m, uint8_t org_number, cairn_purpose purpose,
                           const cairn_key *key)
{
    const cairn_hash org = memory_org(org_number);
    return memory_key_add(&m->arena, &m->id, &org, purpose, key);
}

static cairn_err revoke(memory_ledger *m, uint8_t by, uint8_t number, uint64_t suspect)
{
    return say(m, by, CAIRN_TX_KEY_REVOKE,
               memory_key_revoke(&m->arena, memory_kid(number), suspect));
}

static cairn_err anchor(memory_ledger *m, uint8_t by)
{
    static uint64_t number;
    return say(m, by, CAIRN_TX_ANCHOR, memory_anchor(&m->arena, number++));
}

static cairn_key_record key_record(memory_ledger *m, uint8_t number)
{
    cairn_bytes value;
    cairn_key_record record;
    assert_int_equal(
        memory_get(m, CAIRN_MAP_STATE, "key/", cairn_bytes_hash(memory_kid(number)), &value),
        CAIRN_OK);
    assert_int_equal(cairn_key_record_decode(value, &record), CAIRN_OK);
    return record;
}

/* Everything that the proof is over, changed once. */
static void test_a_proof_is_for_one_registration(void **state)
{
    (void)state;
    memory_ledger m;
    cairn_bytes body;
    memory_begin(&m, 2, NULL);
    cairn_arena *a = &m.arena;
    const cairn_hash me = memory_org(ME), other = memory_org(OTHER);
    const cairn_hash another_ledger = {{1}};
    const cairn_key *key = memory_key(40);
    const cairn_bytes cose = memory_cose(a, key);
    const cairn_bytes proofs[] = {
        memory_proof(a, &another_ledger, &me, CAIRN_PURPOSE_TLS, key),
        memory_proof(a, &m.id, &other, CAIRN_PURPOSE_TLS, key),
        memory_proof(a, &m.id, &me, CAIRN_PURPOSE_SIGN, key),
        memory_proof(a, &m.id, &me, CAIRN_PURPOSE_TLS, memory_key(41)), /* its own key's */
        memory_proof(a, &m.id, &me, CAIRN_PURPOSE_TLS, key),
    };
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(cairn_key_add_body(a, cose, CAIRN_PURPOSE_TLS, proofs[i], &body),
                         CAIRN_OK);
        assert_int_equal(say(&m, ME, CAIRN_TX_KEY_ADD, body),
                         i < 4 ? CAIRN_ERR_BAD_SIGNATURE : CAIRN_OK);
    }
    assert_int_equal(
        say(&m, OTHER, CAIRN_TX_KEY_ADD, key_add(&m, OTHER, CAIRN_PURPOSE_TLS, memory_key(40))),
        CAIRN_ERR_EXISTS); /* [X1353-R01] another organisation has it */
    memory_end(&m);
}

/* Ed25519 cosigns checkpoints, but signs no transaction. */
static void test_types_of_keys(void **state)
{
    (void)state;
    memory_ledger m;
    const uint8_t seed[32] = {6};
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *ed25519 = NULL;
    assert_int_equal(cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(seed, 32), &ed25519),
                     CAIRN_OK);
    memory_begin(&m, 1, NULL);
    assert_int_equal(say(&m, ME, CAIRN_TX_KEY_ADD, key_add(&m, ME, CAIRN_PURPOSE_SIGN, ed25519)),
                     CAIRN_ERR_BAD_KEY);
    assert_int_equal(say(&m, ME, CAIRN_TX_KEY_ADD, key_add(&m, ME, CAIRN_PURPOSE_COSIGN, ed25519)),
                     CAIRN_OK);
    memory_end(&m);
}

static void test_the_last_signing_key_stays(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    assert_int_equal(revoke(&m, ME, ME, CAIRN_HEIGHT_OPEN), CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(revoke(&m, ME, MEMORY_COSIGN, CAIRN_HEIGHT_OPEN), CAIRN_OK);
    assert_int_equal(
        say(&m, ME, CAIRN_TX_KEY_ADD, key_add(&m, ME, CAIRN_PURPOSE_SIGN, memory_key(40))),
        CAIRN_OK);
    assert_int_equal(revoke(&m, ME, ME, CAIRN_HEIGHT_OPEN), CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(revoke(&m, 40, ME, CAIRN_HEIGHT_OPEN), CAIRN_OK);
    assert_int_equal(anchor(&m, ME), CAIRN_ERR_TX_REVOKED_SIGNER);
    assert_int_equal(revoke(&m, 40, 40, CAIRN_HEIGHT_OPEN), CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(anchor(&m, 40), CAIRN_OK);
    memory_end(&m);
}

/* Two keys that end each other in one block: the first one wins. */
static void test_two_keys_do_not_end_each_other(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    assert_int_equal(
        say(&m, ME, CAIRN_TX_KEY_ADD, key_add(&m, ME, CAIRN_PURPOSE_SIGN, memory_key(40))),
        CAIRN_OK);
    const cairn_bytes txs[] = {
        memory_tx(&m, memory_key(40), CAIRN_TX_KEY_REVOKE,
                  memory_key_revoke(&m.arena, memory_kid(ME), CAIRN_HEIGHT_OPEN), NOW + 500),
        memory_tx(&m, memory_key(ME), CAIRN_TX_KEY_REVOKE,
                  memory_key_revoke(&m.arena, memory_kid(40), CAIRN_HEIGHT_OPEN), NOW + 500),
    };
    const cairn_outcome *o = memory_block(&m, NOW, txs, 2);
    assert_int_equal(o->results[0].code, CAIRN_OK);
    assert_int_equal(o->results[1].code, CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(anchor(&m, 40), CAIRN_OK);
    memory_end(&m);
}

static void test_suspect_lies_within_the_life_of_a_key(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    for (uint8_t i = 0; i < 4; i++)
        assert_int_equal(say(&m, ME, CAIRN_TX_KEY_ADD,
                             key_add(&m, ME, CAIRN_PURPOSE_TLS, memory_key((uint8_t)(40 + i)))),
                         CAIRN_OK);                               /* at heights 1 to 4 */
    assert_int_equal(revoke(&m, ME, 42, 2), CAIRN_ERR_BAD_VALUE); /* it is from height 3 */
    assert_int_equal(revoke(&m, ME, 42, 7), CAIRN_ERR_BAD_VALUE); /* this is height 6 */
    assert_int_equal(revoke(&m, ME, 42, 3), CAIRN_OK);
    assert_int_equal(revoke(&m, ME, 43, 8), CAIRN_OK);
    cairn_key_record first = key_record(&m, 42), last = key_record(&m, 43);
    assert_int_equal(first.suspect_since, 3);
    assert_int_equal(first.until, 8);
    assert_int_equal(last.suspect_since, 8);
    assert_int_equal(last.until, 9);
    assert_int_equal(key_record(&m, 41).until, CAIRN_HEIGHT_OPEN);
    memory_end(&m);
}

static void test_a_removed_organisation_never_comes_back(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    assert_int_equal(
        decide(&m, CAIRN_TX_ORG_ADMIT, memory_admit(&m.arena, &m.id, "Guest", false, 50)),
        CAIRN_OK);
    assert_int_equal(
        say(&m, 50, CAIRN_TX_KEY_ADD, key_add(&m, 50, CAIRN_PURPOSE_SIGN, memory_key(51))),
        CAIRN_OK);
    assert_int_equal(set_status(&m, 50, CAIRN_ORG_REMOVED, 1), CAIRN_OK);
    assert_int_equal(anchor(&m, 51), CAIRN_ERR_TX_SUSPENDED_SIGNER);
    for (cairn_org_status s = CAIRN_ORG_ACTIVE; s <= CAIRN_ORG_REMOVED; s++)
        assert_int_equal(set_status(&m, 50, s, 2), CAIRN_ERR_CLOSED);
    for (uint8_t number = 50; number <= 51; number++) /* nor by any key that it had */
        assert_int_equal(
            decide(&m, CAIRN_TX_ORG_ADMIT, memory_admit(&m.arena, &m.id, "Other", true, number)),
            CAIRN_ERR_EXISTS);
    assert_int_equal(
        decide(&m, CAIRN_TX_ORG_ADMIT, memory_admit(&m.arena, &m.id, "GUEST", true, 52)),
        CAIRN_ERR_EXISTS); /* nor by its name */
    assert_int_equal(
        decide(&m, CAIRN_TX_ORG_ADMIT, memory_admit(&m.arena, &m.id, "Other", true, 52)),
        CAIRN_OK); /* under another key and name it is another one */
    memory_end(&m);
}

static void test_the_last_member_stays(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    assert_int_equal(set_status(&m, ME, CAIRN_ORG_SUSPENDED, 1), CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(set_status(&m, ME, CAIRN_ORG_REMOVED, 1), CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(
        decide(&m, CAIRN_TX_ORG_ADMIT, memory_admit(&m.arena, &m.id, "Guest", false, 50)),
        CAIRN_OK); /* is none */
    assert_int_equal(set_status(&m, ME, CAIRN_ORG_REMOVED, 1), CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(anchor(&m, ME), CAIRN_OK);
    memory_end(&m);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        cairn_err code;
    } cases[] = {
        {"A", CAIRN_OK},
        {"A b-c (d) 9~!", CAIRN_OK},
        {"0123456789012345678901234567890123456789012345678901234567890123", CAIRN_OK},
        {"01234567890123456789012345678901234567890123456789012345678901234", CAIRN_ERR_BAD_VALUE},
        {"", CAIRN_ERR_BAD_VALUE},
        {" A", CAIRN_ERR_BAD_VALUE},
        {"A ", CAIRN_ERR_BAD_VALUE},
        {"A/b", CAIRN_ERR_BAD_VALUE},
        {"A+b", CAIRN_ERR_BAD_VALUE},
        {"A\tb", CAIRN_ERR_BAD_VALUE},
        {"A\x7f", CAIRN_ERR_BAD_VALUE},
        {"\xc3\x84", CAIRN_ERR_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(cairn_org_name_check(cairn_bytes_str(cases[i].name)), cases[i].code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_proof_is_for_one_registration),
        cmocka_unit_test(test_types_of_keys),
        cmocka_unit_test(test_the_last_signing_key_stays),
        cmocka_unit_test(test_two_keys_do_not_end_each_other),
        cmocka_unit_test(test_suspect_lies_within_the_life_of_a_key),
        cmocka_unit_test(test_a_removed_organisation_never_comes_back),
        cmocka_unit_test(test_the_last_member_stays),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
