/* Who takes part in consensus, through all that may happen to an organisation and its keys; and
 * evidence, good and forged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/consortium/double_vote.h"
#include "ledger/validators.h"
#include "support/identity_bodies.h"

#define NOW (MEMORY_TIME_MS + 1000)
enum { ME = MEMORY_SIGN, OTHER = MEMORY_SIGN + 1, THIRD = MEMORY_SIGN + 2 };

static cairn_err say(memory_ledger *m, uint8_t key, uint16_t type, cairn_bytes body)
{
    static uint64_t number;
    return memory_send(m, NOW, memory_tx(m, memory_key(key), type, body, NOW + 1 + number++));
}

/* The first two of three decide; what came of the act. */
static cairn_err decide(memory_ledger *m, uint16_t type, cairn_bytes act)
{
    static uint64_t number = 300000;
    cairn_approval approval;
    cairn_bytes tx = memory_tx(m, memory_key(ME), CAIRN_TX_APPROVAL_PROPOSE,
                               memory_propose(&m->arena, type, act, NOW + 60000), NOW + number++);
    cairn_hash id = memory_id(tx);
    cairn_hash act_hash;
    cairn_act_hash(type, act, &act_hash);
    assert_int_equal(memory_send(m, NOW, tx), CAIRN_OK);
    assert_int_equal(
        say(m, OTHER, CAIRN_TX_APPROVAL_APPROVE, memory_vote(&m->arena, &id, &act_hash)), CAIRN_OK);
    assert_int_equal(memory_approval(m, &id, &approval), CAIRN_OK);
    return approval.code;
}

static cairn_validator_list validators(memory_ledger *m)
{
    static cairn_validator_list list;
    cairn_bytes value;
    cairn_err err = memory_get(m, CAIRN_MAP_STATE, "validators", (cairn_bytes){0}, &value);
    list.count = 0;
    if (err == CAIRN_OK)
        assert_int_equal(cairn_validators_decode(value, &list), CAIRN_OK);
    return list;
}

static const uint8_t *key_of(memory_ledger *m, uint8_t org_number)
{
    static cairn_validator_list list;
    const cairn_hash org = memory_org(org_number);
    list = validators(m);
    const cairn_validator *row = cairn_validators_find(&list, &org);
    return row == NULL ? NULL : row->key;
}

static void add_and_set(memory_ledger *m, uint8_t org, uint8_t number, uint64_t power)
{
    assert_int_equal(say(m, org, CAIRN_TX_KEY_ADD, memory_validator_key(m, org, number)), CAIRN_OK);
    assert_int_equal(
        decide(m, CAIRN_TX_VALIDATOR_SET, memory_validator_set(m, memory_validator(number), power)),
        CAIRN_OK);
}

/* Three members, two of whom validate. */
static void begin(memory_ledger *m)
{
    memory_begin(m, 3, NULL);
    assert_int_equal(validators(m).count, 0);
    add_and_set(m, ME, 1, 10);
    add_and_set(m, OTHER, 2, 10);
}

static void test_named_renamed_left_out(void **state)
{
    (void)state;
    memory_ledger m;
    begin(&m);
    assert_int_equal(validators(&m).count, 2);
    assert_memory_equal(key_of(&m, OTHER), cairn_key_public(memory_validator(2)).data, 32);
    add_and_set(&m, OTHER, 3, 20); /* another key, in place of the first */
    assert_int_equal(validators(&m).count, 2);
    assert_memory_equal(key_of(&m, OTHER), cairn_key_public(memory_validator(3)).data, 32);
    assert_int_equal(
        decide(&m, CAIRN_TX_VALIDATOR_SET, memory_validator_set(&m, memory_validator(2), 0)),
        CAIRN_ERR_NOT_FOUND); /* no longer validates */
    assert_int_equal(
        decide(&m, CAIRN_TX_VALIDATOR_SET, memory_validator_set(&m, memory_validator(3), 0)),
        CAIRN_OK);
    assert_null(key_of(&m, OTHER));
    assert_int_equal(
        decide(&m, CAIRN_TX_VALIDATOR_SET, memory_validator_set(&m, memory_validator(1), 0)),
        CAIRN_ERR_TX_FORBIDDEN);
    memory_end(&m);
}

static void test_who_may_not(void **state)
{
    (void)state;
    memory_ledger m;
    begin(&m);
    assert_int_equal(
        decide(&m, CAIRN_TX_ORG_ADMIT, memory_admit(&m.arena, &m.id, "Guest", false, 50)),
        CAIRN_OK);
    assert_int_equal(say(&m, 50, CAIRN_TX_KEY_ADD, memory_validator_key(&m, 50, 5)), CAIRN_OK);
    assert_int_equal(
        decide(&m, CAIRN_TX_VALIDATOR_SET, memory_validator_set(&m, memory_validator(5), 1)),
        CAIRN_ERR_TX_FORBIDDEN); /* no member */
    const cairn_hash org = memory_org(THIRD);
    assert_int_equal(
        say(&m, THIRD, CAIRN_TX_KEY_ADD,
            memory_key_add(&m.arena, &m.id, &org, CAIRN_PURPOSE_VALIDATOR, memory_key(60))),
        CAIRN_OK);
    assert_int_equal(
        decide(&m, CAIRN_TX_VALIDATOR_SET, memory_validator_set(&m, memory_key(60), 1)),
        CAIRN_ERR_BAD_KEY); /* P-256 */
    assert_int_equal(say(&m, THIRD, CAIRN_TX_KEY_ADD, memory_validator_key(&m, THIRD, 6)),
                     CAIRN_OK);
    assert_int_equal(
        say(&m, THIRD, CAIRN_TX_KEY_REVOKE,
            memory_key_revoke(&m.arena, cairn_key_id(memory_validator(6)), CAIRN_HEIGHT_OPEN)),
        CAIRN_OK);
    assert_int_equal(
        decide(&m, CAIRN_TX_VALIDATOR_SET, memory_validator_set(&m, memory_validator(6), 1)),
        CAIRN_ERR_CLOSED);
    assert_int_equal(
        say(&m, ME, CAIRN_TX_VALIDATOR_SET, memory_validator_set(&m, memory_validator(1), 1)),
        CAIRN_ERR_TX_NEEDS_APPROVAL);
    assert_int_equal(validators(&m).count, 2);
    memory_end(&m);
}

/* An organisation renews or gives up its key by itself; the last one cannot. */
static void test_own_key(void **state)
{
    (void)state;
    memory_ledger m;
    cairn_bytes body;
    begin(&m);
    const cairn_hash org = memory_org(OTHER);
    const cairn_key *fresh = memory_validator(7);
    assert_int_equal(cairn_key_rotate_body(
                         &m.arena, cairn_key_id(memory_validator(2)), memory_cose(&m.arena, fresh),
                         memory_proof(&m.arena, &m.id, &org, CAIRN_PURPOSE_VALIDATOR, fresh),
                         CAIRN_HEIGHT_OPEN, &body),
                     CAIRN_OK);
    assert_int_equal(say(&m, OTHER, CAIRN_TX_KEY_ROTATE, body), CAIRN_OK);
    assert_memory_equal(key_of(&m, OTHER), cairn_key_public(fresh).data, 32);
    assert_int_equal(say(&m, OTHER, CAIRN_TX_KEY_REVOKE,
                         memory_key_revoke(&m.arena, cairn_key_id(fresh), CAIRN_HEIGHT_OPEN)),
                     CAIRN_OK);
    assert_null(key_of(&m, OTHER));
    assert_int_equal(
        say(&m, ME, CAIRN_TX_KEY_REVOKE,
            memory_key_revoke(&m.arena, cairn_key_id(memory_validator(1)), CAIRN_HEIGHT_OPEN)),
        CAIRN_ERR_TX_FORBIDDEN);
    memory_end(&m);
}

static void test_suspended_and_removed(void **state)
{
    (void)state;
    memory_ledger m;
    begin(&m);
    const cairn_hash other = memory_org(OTHER), me = memory_org(ME);
    assert_int_equal(
        decide(&m, CAIRN_TX_ORG_STATUS, memory_status(&m.arena, &other, CAIRN_ORG_SUSPENDED, 1)),
        CAIRN_OK);
    assert_null(key_of(&m, OTHER));
    assert_int_equal(validators(&m).count, 1);
    memory_end(&m);
    begin(&m);
    assert_int_equal(
        decide(&m, CAIRN_TX_VALIDATOR_SET, memory_validator_set(&m, memory_validator(2), 0)),
        CAIRN_OK);
    assert_int_equal(
        decide(&m, CAIRN_TX_ORG_STATUS, memory_status(&m.arena, &me, CAIRN_ORG_REMOVED, 1)),
        CAIRN_ERR_TX_FORBIDDEN); /* the last validator */
    memory_end(&m);
}

/* --- evidence --- */

static void test_evidence_suspends_once(void **state)
{
    (void)state;
    memory_ledger m;
    begin(&m);
    const cairn_key *key = memory_validator(2);
    assert_int_equal(say(&m, THIRD, CAIRN_TX_VALIDATOR_EVIDENCE, memory_evidence(&m, key, 5, 1, 2)),
                     CAIRN_OK);
    assert_null(key_of(&m, OTHER));
    assert_int_equal(say(&m, OTHER, CAIRN_TX_ANCHOR, memory_anchor(&m.arena, 1)),
                     CAIRN_ERR_TX_SUSPENDED_SIGNER);
    assert_int_equal(say(&m, ME, CAIRN_TX_VALIDATOR_EVIDENCE, memory_evidence(&m, key, 5, 1, 0)),
                     CAIRN_ERR_EXISTS);
    /* Another height, while it is suspended: noted, and nothing else. */
    assert_int_equal(say(&m, ME, CAIRN_TX_VALIDATOR_EVIDENCE, memory_evidence(&m, key, 6, 0, 3)),
                     CAIRN_OK);
    memory_end(&m);
}

static void test_evidence_outlives_the_key(void **state)
{
    (void)state;
    memory_ledger m;
    cairn_bytes value;
    begin(&m);
    const cairn_hash other = memory_org(OTHER);
    cairn_org_record org;
    assert_int_equal(
        say(&m, OTHER, CAIRN_TX_KEY_REVOKE,
            memory_key_revoke(&m.arena, cairn_key_id(memory_validator(2)), CAIRN_HEIGHT_OPEN)),
        CAIRN_OK);
    assert_int_equal(
        say(&m, ME, CAIRN_TX_VALIDATOR_EVIDENCE, memory_evidence(&m, memory_validator(2), 5, 1, 2)),
        CAIRN_OK);
    assert_int_equal(memory_get(&m, CAIRN_MAP_STATE, "org/", cairn_bytes_hash(&other), &value),
                     CAIRN_OK);
    assert_int_equal(cairn_org_record_decode(value, &org), CAIRN_OK);
    assert_int_equal(org.status, CAIRN_ORG_SUSPENDED);
    memory_end(&m);
}

static cairn_err tell(memory_ledger *m, const cairn_evidence *evidence)
{
    cairn_bytes body;
    assert_int_equal(cairn_validator_evidence_body(&m->arena, evidence, &body), CAIRN_OK);
    return say(m, ME, CAIRN_TX_VALIDATOR_EVIDENCE, body);
}

static void test_forged_evidence(void **state)
{
    (void)state;
    memory_ledger m;
    char chain[CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1];
    begin(&m);
    const cairn_key *key = memory_validator(2);
    cairn_light_chain_id(&m.id, 12, chain);
    const cairn_evidence good = {
        .kid = *cairn_key_id(key),
        .chain_id = cairn_bytes_str(chain),
        .type = CAIRN_LIGHT_PRECOMMIT,
        .height = 5,
        .votes = {memory_vote_for(&m, key, chain, 5, 1), memory_vote_for(&m, key, chain, 5, 2)}};
    cairn_evidence bad = good;
    bad.votes[1] = memory_vote_for(&m, memory_validator(1), chain, 5, 2); /* another's */
    assert_int_equal(tell(&m, &bad), CAIRN_ERR_BAD_SIGNATURE);
    bad = good;
    bad.votes[1] = memory_vote_for(&m, key, chain, 6, 2); /* of another height */
    assert_int_equal(tell(&m, &bad), CAIRN_ERR_BAD_SIGNATURE);
    bad = good;
    bad.round = 1;
    assert_int_equal(tell(&m, &bad), CAIRN_ERR_BAD_SIGNATURE);
    bad = good;
    bad.type = CAIRN_LIGHT_PREVOTE;
    assert_int_equal(tell(&m, &bad), CAIRN_ERR_BAD_SIGNATURE);
    bad = good;
    bad.votes[0].nanoseconds++;
    assert_int_equal(tell(&m, &bad), CAIRN_ERR_BAD_SIGNATURE);
    bad = good;
    bad.votes[1] = bad.votes[0];
    bad.votes[1].seconds++; /* the same block at another time is no offence */
    assert_int_equal(tell(&m, &bad), CAIRN_ERR_MISMATCH);
    bad = good;
    bad.votes[0].block.size = 31;
    assert_int_equal(tell(&m, &bad), CAIRN_ERR_BAD_VALUE);
    /* One vote for no block, shown as two by parts that nobody signed. */
    bad = good;
    bad.votes[0] = bad.votes[1] = memory_vote_for(&m, key, chain, 5, 0);
    assert_int_equal(tell(&m, &bad), CAIRN_ERR_MISMATCH);
    bad.votes[1].part_count = 1;
    assert_int_equal(tell(&m, &bad), CAIRN_ERR_BAD_VALUE);
    assert_non_null(key_of(&m, OTHER));
    bad = good;
    bad.kid = *memory_kid(OTHER); /* a signing key */
    assert_int_equal(tell(&m, &bad), CAIRN_ERR_TX_WRONG_PURPOSE);
    /* What a key signed on another chain proves nothing here. */
    bad = good;
    bad.chain_id = cairn_bytes_str("testnet");
    bad.votes[0] = memory_vote_for(&m, key, "testnet", 5, 1);
    bad.votes[1] = memory_vote_for(&m, key, "testnet", 5, 2);
    assert_int_equal(tell(&m, &bad), CAIRN_ERR_MISMATCH);
    assert_non_null(key_of(&m, OTHER));
    assert_int_equal(tell(&m, &good), CAIRN_OK);
    assert_null(key_of(&m, OTHER));
    memory_end(&m);
}

static cairn_err read_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                            cairn_bytes *ret_value)
{
    memory_ledger *m = context;
    cairn_view *view = cairn_ledger_view(m->ledger);
    cairn_err err = cairn_view_get(view, &memory_bases, map, key, arena, ret_value);
    cairn_view_free(view);
    return err;
}

/* What the engine shows of a validator becomes evidence that the ledger takes. */
static void test_evidence_of_what_the_engine_shows(void **state)
{
    (void)state;
    memory_ledger m;
    char chain[CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1];
    cairn_double_vote shown = {.type = CAIRN_LIGHT_PRECOMMIT, .height = 8};
    cairn_evidence evidence;
    cairn_hash hash;
    begin(&m);
    const cairn_state_source source = {.context = &m, .get = read_state};
    const cairn_key *key = memory_validator(2);
    cairn_light_chain_id(&m.id, 0, chain);
    for (uint8_t i = 0; i < 2; i++) {
        cairn_evidence_vote vote = memory_vote_for(&m, key, chain, 8, i);
        shown.votes[i] = (cairn_double_vote_side){
            .block = vote.block,
            .parts = {.count = (uint32_t)vote.part_count, .hash = vote.parts_hash},
            .time = {.seconds = (int64_t)vote.seconds, .nanoseconds = (uint32_t)vote.nanoseconds},
            .signature = vote.signature};
    }
    assert_int_equal(
        cairn_validator_evidence_of(&source, &m.arena, &shown, cairn_bytes_str(chain), &evidence),
        CAIRN_ERR_NOT_FOUND);
    cairn_sha256_of(cairn_key_public(key).data, 32, &hash);
    memcpy(shown.address, hash.b, sizeof shown.address);
    assert_int_equal(
        cairn_validator_evidence_of(&source, &m.arena, &shown, cairn_bytes_str(chain), &evidence),
        CAIRN_OK);
    assert_int_equal(tell(&m, &evidence), CAIRN_OK);
    assert_null(key_of(&m, OTHER));
    memory_end(&m);
}

/* Founders who named a key for it in the genesis validate from the beginning. */
static void test_genesis(void **state)
{
    (void)state;
    memory_ledger m = {0};
    static cairn_genesis genesis;
    cairn_bytes encoded;
    cairn_arena_init(&m.arena, (size_t)1 << 30);
    cairn_bytes plain = memory_genesis(&m.arena, 2, NULL);
    assert_int_equal(cairn_genesis_decode(&m.arena, plain, &genesis), CAIRN_OK);
    cairn_genesis_member *members = (cairn_genesis_member *)(uintptr_t)genesis.members;
    members[1].keys[members[1].key_count++] =
        (cairn_genesis_key){CAIRN_PURPOSE_VALIDATOR, memory_cose(&m.arena, memory_validator(9))};
    assert_int_equal(cairn_genesis_encode(&m.arena, &genesis, &encoded), CAIRN_OK);
    memory_open(&m, &cairn_all_features, encoded);
    assert_int_equal(validators(&m).count, 1);
    assert_memory_equal(key_of(&m, OTHER), cairn_key_public(memory_validator(9)).data, 32);
    memory_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named_renamed_left_out),
        cmocka_unit_test(test_who_may_not),
        cmocka_unit_test(test_own_key),
        cmocka_unit_test(test_suspended_and_removed),
        cmocka_unit_test(test_evidence_suspends_once),
        cmocka_unit_test(test_evidence_outlives_the_key),
        cmocka_unit_test(test_evidence_of_what_the_engine_shows),
        cmocka_unit_test(test_forged_evidence),
        cmocka_unit_test(test_genesis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
