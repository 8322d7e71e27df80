/* The ledger's word: what a device accepts of it, and each way in which a word can be false, old or
 * not enough. [X1353-R18] [X1353-R20] [X1353-R21] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/word_world.h"

/* Through the bytes, as the device gets it. */
static cairn_err verify(word_world *s, cairn_ledger_word *word, size_t receipt_count,
                        cairn_ledger_word_verdict *verdict)
{
    static cairn_ledger_word got;
    cairn_bytes encoded;
    MEMORY_MUST(cairn_ledger_word_encode(&s->m.arena, word, s->receipts, receipt_count, &encoded));
    cairn_arena_reset(&s->arena);
    MEMORY_MUST(cairn_ledger_word_decode(&s->arena, encoded, &got));
    return cairn_ledger_word_verify(&s->arena, &got, &s->trust, &s->facts, verdict);
}

static cairn_err verify_now(word_world *s)
{
    cairn_ledger_word word;
    cairn_ledger_word_verdict verdict;
    word_draft(s, &word);
    return verify(s, &word, 2, &verdict);
}

static void a_true_word(void **state)
{
    (void)state;
    word_world s;
    cairn_ledger_word word;
    cairn_ledger_word_verdict verdict;
    word_begin(&s);
    word_draft(&s, &word);
    assert_int_equal(word.count, 7); /* device, four organisations' parts, contract, nonce */
    assert_int_equal(verify(&s, &word, 2, &verdict), CAIRN_OK);
    const cairn_hash owner = memory_org(WORLD_OWNER), operator= memory_org(WORLD_OPERATOR);
    assert_memory_equal(&verdict.device.owner, &owner, sizeof owner);
    assert_true(verdict.has_contract);
    assert_memory_equal(&verdict.contract.operator, & operator, sizeof operator);
    s.facts.time_ms = 0; /* no clock: the nonce is enough */
    assert_int_equal(verify(&s, &word, 2, &verdict), CAIRN_OK);
    s.facts.setup = NULL; /* a clock: the nonce is not needed */
    s.facts.time_ms = WORLD_NOW + WORD_AGE_MAX_MS;
    assert_int_equal(verify(&s, &word, 2, &verdict), CAIRN_OK);
    word_end(&s);
}

static void too_few_vouch(void **state)
{
    (void)state;
    word_world s;
    cairn_ledger_word word;
    cairn_ledger_word_verdict verdict;
    word_begin(&s);
    word_draft(&s, &word);
    assert_int_equal(verify(&s, &word, 1, &verdict), CAIRN_ERR_NOT_TRUSTED);
    s.receipts[1] = s.receipts[0];
    assert_int_not_equal(verify(&s, &word, 2, &verdict), CAIRN_OK);
    word_end(&s);
}

static void age_and_nonce(void **state)
{
    (void)state;
    word_world s;
    cairn_fdo_nonce other = {{1}};
    word_begin(&s);
    s.facts.setup = NULL;
    s.facts.time_ms = WORLD_NOW + WORD_AGE_MAX_MS + 1;
    assert_int_equal(verify_now(&s), CAIRN_ERR_EXPIRED);
    s.facts.time_ms = WORLD_NOW - WORD_AGE_MAX_MS - 1;
    assert_int_equal(verify_now(&s), CAIRN_ERR_EARLY);
    s.facts.time_ms = 0;
    assert_int_equal(verify_now(&s), CAIRN_ERR_ARGUMENT);
    s.facts.setup = &other; /* proved absent */
    assert_int_equal(verify_now(&s), CAIRN_ERR_NOT_FOUND);
    s.facts.setup = &s.setup;
    s.facts.time_ms = s.trust.expires_ms + 1;
    assert_int_equal(verify_now(&s), CAIRN_ERR_TRUST_EXPIRED);
    word_end(&s);
}

/* Whoever proved himself must be the owner on record, of this device. */
static void another_owner_or_device(void **state)
{
    (void)state;
    word_world s;
    word_begin(&s);
    s.facts.owner_key = cairn_fdo_key_encoded(world_key(WORLD_BUYER_KEY));
    assert_int_equal(verify_now(&s), CAIRN_ERR_TX_FORBIDDEN);
    s.facts.owner_key = cairn_fdo_key_encoded(world_key(WORLD_OWNER_KEY));
    s.facts.guid.b[0] ^= 1;
    assert_int_equal(verify_now(&s), CAIRN_ERR_BAD_PROOF);
    s.facts.guid.b[0] ^= 1;
    assert_int_equal(verify_now(&s), CAIRN_OK);
    word_end(&s);
}

/* [X1353-R23] Any of four that ended. */
static void nobody_may_be_suspended(void **state)
{
    (void)state;
    static const uint8_t orgs[] = {WORLD_MAKER, WORLD_OWNER, WORLD_OPERATOR};
    word_world s;
    word_begin(&s);
    for (size_t i = 0; i < sizeof orgs; i++) {
        world_status(&s.m, orgs[i], CAIRN_ORG_SUSPENDED, 1);
        assert_int_equal(verify_now(&s), CAIRN_ERR_CLOSED);
        world_status(&s.m, orgs[i], CAIRN_ORG_ACTIVE, 2);
        assert_int_equal(verify_now(&s), CAIRN_OK);
    }
    word_say(&s, WORLD_OWNER, CAIRN_TX_DEVICE_EVENT, world_event(&s.m, &s.d, CAIRN_DEVICE_SUSPEND));
    assert_int_equal(verify_now(&s), CAIRN_ERR_CLOSED);
    word_say(&s, WORLD_OWNER, CAIRN_TX_DEVICE_EVENT, world_event(&s.m, &s.d, CAIRN_DEVICE_RESUME));
    assert_int_equal(verify_now(&s), CAIRN_OK);
    assert_int_equal(
        world_say(&s.m, WORLD_OPERATOR, CAIRN_TX_CONTRACT_END, world_end(&s.m, &s.contract, 2)),
        CAIRN_OK);
    assert_int_equal(verify_now(&s), CAIRN_ERR_CLOSED);
    word_end(&s);
}

/* What is left out is not taken for absent; what is changed, or of another block, does not fit. */
static void records_left_out_or_mixed(void **state)
{
    (void)state;
    word_world s;
    cairn_ledger_word old, word;
    cairn_ledger_word_verdict verdict;
    word_begin(&s);
    word_draft(&s, &old);
    for (size_t i = 0; i < old.count; i++) {
        word_draft(&s, &word);
        bool is_key = memcmp(word.records[i].key.data, "key/", 4) == 0;
        memmove(&word.records[i], &word.records[i + 1],
                (word.count - i - 1) * sizeof word.records[0]);
        word.count--;
        assert_int_equal(verify(&s, &word, 2, &verdict), is_key ? CAIRN_OK : CAIRN_ERR_BAD_PROOF);
    }
    world_status(&s.m, WORLD_OWNER, CAIRN_ORG_SUSPENDED, 1);
    word_draft(&s, &word);
    for (size_t i = 0; i < word.count; i++) { /* the owner's record from before */
        if (!cairn_bytes_equal(word.records[i].value, old.records[i].value))
            word.records[i] = old.records[i];
    }
    assert_int_equal(verify(&s, &word, 2, &verdict), CAIRN_ERR_BAD_PROOF);
    word_end(&s);
}

/* The operator's key by which its profile is opened. [X1353-R16] */
static void the_operators_key(void **state)
{
    (void)state;
    word_world s;
    cairn_ledger_word word;
    cairn_ledger_word_verdict verdict;
    cairn_key *key = NULL;
    const cairn_hash operator= memory_org(WORLD_OPERATOR), owner = memory_org(WORLD_OWNER);
    word_begin(&s);
    word_draft(&s, &word);
    assert_int_equal(verify(&s, &word, 2, &verdict), CAIRN_OK);
    assert_int_equal(
        cairn_ledger_word_key(&s.arena, &word, &operator, memory_kid(WORLD_OPERATOR), &key),
        CAIRN_OK);
    assert_memory_equal(cairn_key_id(key), memory_kid(WORLD_OPERATOR), 32);
    cairn_key_free(key);
    assert_int_equal(
        cairn_ledger_word_key(&s.arena, &word, &owner, memory_kid(WORLD_OPERATOR), &key),
        CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(
        cairn_ledger_word_key(&s.arena, &word, &operator, memory_kid(WORLD_OWNER), &key),
        CAIRN_ERR_BAD_PROOF);
    word_end(&s);
}

/* No bit of a word is spare, and no cut passes. */
static void every_bit_counts(void **state)
{
    (void)state;
    word_world s;
    static cairn_ledger_word word, got;
    static uint8_t copy[CAIRN_LEDGER_WORD_SIZE_MAX];
    cairn_ledger_word_verdict verdict;
    cairn_bytes encoded;
    word_begin(&s);
    word_draft(&s, &word);
    MEMORY_MUST(cairn_ledger_word_encode(&s.m.arena, &word, s.receipts, 2, &encoded));
    memcpy(copy, encoded.data, encoded.size);
    for (size_t byte = 0; byte < encoded.size; byte++) {
        copy[byte] ^= (uint8_t)(1U << (byte % 8));
        cairn_arena_reset(&s.arena);
        cairn_err err =
            cairn_ledger_word_decode(&s.arena, cairn_bytes_of(copy, encoded.size), &got);
        if (err == CAIRN_OK)
            err = cairn_ledger_word_verify(&s.arena, &got, &s.trust, &s.facts, &verdict);
        assert_int_not_equal(err, CAIRN_OK);
        copy[byte] = encoded.data[byte];
    }
    for (size_t size = 0; size < encoded.size; size++) {
        cairn_arena_reset(&s.arena);
        assert_int_not_equal(cairn_ledger_word_decode(&s.arena, cairn_bytes_of(copy, size), &got),
                             CAIRN_OK);
    }
    word_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_true_word),
        cmocka_unit_test(too_few_vouch),
        cmocka_unit_test(age_and_nonce),
        cmocka_unit_test(another_owner_or_device),
        cmocka_unit_test(nobody_may_be_suspended),
        cmocka_unit_test(records_left_out_or_mixed),
        cmocka_unit_test(the_operators_key),
        cmocka_unit_test(every_bit_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
