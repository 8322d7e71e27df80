/* The ledger's word: what a device accepts of it, and each way in which a word can be false, old or
 * not enough. [X1353-R18] [X1353-R20] [X1353-R21] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "onboard/ledger_word.h"
#include "support/onboard_world.h"
#include "support/vouch.h"

enum { ARENA_SIZE = 1 << 20, AGE_MAX_MS = 60000, SIGNERS = 3, LOG_MAX = 256 };

typedef struct setting {
    memory_ledger m;
    world_device d;
    cairn_hash contract;
    cairn_trust trust; /* two of three vouch */
    cairn_fdo_nonce setup;
    cairn_ledger_word_facts facts;
    cairn_bytes receipts[SIGNERS];
    cairn_arena arena; /* the device's */
} setting;

/* Members of the trust file are three invented organisations: the world has one member only. */
static void make_trust(setting *s)
{
    static cairn_trust_key keys[SIGNERS];
    static cairn_trust_member members[SIGNERS];
    cairn_bytes encoded;
    cairn_trust draft = {.ledger = s->m.id,
                         .threshold = 2,
                         .issued_ms = MEMORY_TIME_MS,
                         .expires_ms = WORLD_NOW + 86400000,
                         .member_count = SIGNERS,
                         .members = members};
    for (uint8_t i = 0; i < SIGNERS; i++) {
        keys[i] = (cairn_trust_key){.purpose = CAIRN_TRUST_COSIGN,
                                    .cose_key = memory_cose(&s->m.arena, memory_key(200 + i)),
                                    .until = CAIRN_TRUST_OPEN,
                                    .suspect = CAIRN_TRUST_OPEN};
        members[i] = (cairn_trust_member){.org = world_number("member", i),
                                          .name = cairn_bytes_str("Member"),
                                          .key_count = 1,
                                          .keys = &keys[i]};
    }
    MEMORY_MUST(cairn_trust_encode(&s->m.arena, &draft, &encoded));
    MEMORY_MUST(cairn_trust_decode(&s->m.arena, encoded, &s->trust));
}

static void say(setting *s, uint8_t key, uint16_t type, cairn_bytes body)
{
    assert_int_equal(world_say(&s->m, key, type, body), CAIRN_OK);
    s->d.version++;
}

/* A claimed device with a live contract, and the nonce of its run anchored by its owner. */
static void set_up_word(setting *s)
{
    cairn_hash commitment;
    cairn_bytes anchor;
    memset(s, 0, sizeof *s);
    cairn_arena_init(&s->arena, ARENA_SIZE);
    world_begin(&s->m);
    make_trust(s);
    s->d = world_make(&s->m, 1, 0, WORLD_MAKER_KEY);
    cairn_bytes proposal = world_tx(
        &s->m, WORLD_OWNER, CAIRN_TX_CONTRACT_PROPOSE,
        world_propose(&s->m, WORLD_OWNER, WORLD_OPERATOR, WORLD_OWNER_KEY, WORLD_NOW + 86400000));
    assert_int_equal(memory_send(&s->m, WORLD_NOW, proposal), CAIRN_OK);
    s->contract = memory_id(proposal);
    assert_int_equal(world_say(&s->m, WORLD_OPERATOR, CAIRN_TX_CONTRACT_ACCEPT,
                               world_accept(&s->m, &s->contract, 1)),
                     CAIRN_OK);
    say(s, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, world_register(&s->m, &s->d));
    say(s, WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
        world_transfer(&s->m, &s->d, WORLD_MAKER, WORLD_OWNER_KEY));
    say(s, WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM,
        world_claim(&s->m, &s->d, WORLD_OWNER, &s->contract));
    memset(s->setup.b, 9, sizeof s->setup.b);
    cairn_sha256_of(s->setup.b, sizeof s->setup.b, &commitment);
    MEMORY_MUST(cairn_anchor_body(&s->m.arena, &commitment, &anchor));
    assert_int_equal(world_say(&s->m, WORLD_OWNER, CAIRN_TX_ANCHOR, anchor), CAIRN_OK);
    s->facts =
        (cairn_ledger_word_facts){.guid = s->d.guid,
                                  .owner_key = cairn_fdo_key_encoded(world_key(WORLD_OWNER_KEY)),
                                  .setup = &s->setup,
                                  .time_ms = WORLD_NOW + 1000,
                                  .age_max_ms = AGE_MAX_MS};
}

static void tear_down_word(setting *s)
{
    cairn_trust_done(&s->trust);
    world_done(&s->d);
    cairn_arena_done(&s->arena);
    memory_end(&s->m);
}

/* Each signer's receipt of the block entry, which closes a log whose other leaves are invented. */
static void sign_entry(setting *s, const cairn_proof_end *end)
{
    cairn_hash leaves[LOG_MAX] = {0}, path[64];
    const uint64_t index = end->block_entry.first + end->block_entry.count;
    assert_true(index < LOG_MAX);
    const uint8_t zero = 0;
    const cairn_bytes parts[] = {cairn_bytes_of(&zero, 1), end->block_entry_raw};
    cairn_sha256_parts(parts, 2, &leaves[index]);
    const cairn_hash root = test_mth(leaves, index + 1);
    const size_t path_count = test_path(leaves, index + 1, index, path);
    for (uint8_t i = 0; i < SIGNERS; i++) {
        uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
        size_t size = 0;
        cairn_bytes message;
        const cairn_key *key = memory_key(200 + i);
        cairn_receipt_head head = {.origin = s->trust.origin,
                                   .kid = *cairn_key_id(key),
                                   .height = end->block_entry.height,
                                   .time_ms = end->block_entry.time_ms,
                                   .size = index + 1};
        MEMORY_MUST(cairn_receipt_to_be_signed(&s->m.arena, &head, &root, &message));
        MEMORY_MUST(cairn_key_sign(key, message, signature, &size));
        MEMORY_MUST(cairn_receipt_assemble(&s->m.arena, &head, index, path, path_count,
                                           cairn_bytes_of(signature, size), &s->receipts[i]));
    }
}

/* The word as the ledger stands: all records that the house would put in. */
static void draft_word(setting *s, cairn_ledger_word *word)
{
    cairn_state_key keys[CAIRN_LEDGER_WORD_RECORDS_MAX];
    cairn_state_source state = world_state(&s->m);
    cairn_view *view = cairn_ledger_view(s->m.ledger);
    uint8_t entry[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    memset(word, 0, sizeof *word);
    word->salt = s->d.salt;
    MEMORY_MUST(cairn_ledger_word_keys(&s->m.arena, &state, &s->d.index, s->facts.setup, keys,
                                       &word->count));
    for (size_t i = 0; i < word->count; i++) {
        cairn_smt_proof proof;
        MEMORY_MUST(cairn_smt_prove(view->maps[CAIRN_MAP_STATE], &memory_bases.map[CAIRN_MAP_STATE],
                                    cairn_state_key_view(&keys[i]), &s->m.arena, &proof));
        word->records[i] =
            (cairn_ledger_word_record){.key = world_copy(&s->m, cairn_state_key_view(&keys[i])),
                                       .present = proof.exists,
                                       .value = proof.value,
                                       .proof = proof.ics23};
    }
    word->end.block_entry = view->last;
    word->end.block_entry_raw =
        world_copy(&s->m, cairn_bytes_of(entry, cairn_block_entry_encode(&view->last, entry)));
    cairn_view_free(view);
    sign_entry(s, &word->end);
}

/* Through the bytes, as the device gets it. */
static cairn_err verify(setting *s, cairn_ledger_word *word, size_t receipt_count,
                        cairn_ledger_word_verdict *verdict)
{
    static cairn_ledger_word got;
    cairn_bytes encoded;
    MEMORY_MUST(cairn_ledger_word_encode(&s->m.arena, word, s->receipts, receipt_count, &encoded));
    cairn_arena_reset(&s->arena);
    MEMORY_MUST(cairn_ledger_word_decode(&s->arena, encoded, &got));
    return cairn_ledger_word_verify(&s->arena, &got, &s->trust, &s->facts, verdict);
}

static cairn_err verify_now(setting *s)
{
    cairn_ledger_word word;
    cairn_ledger_word_verdict verdict;
    draft_word(s, &word);
    return verify(s, &word, 2, &verdict);
}

static void a_true_word(void **state)
{
    (void)state;
    setting s;
    cairn_ledger_word word;
    cairn_ledger_word_verdict verdict;
    set_up_word(&s);
    draft_word(&s, &word);
    assert_int_equal(word.count, 7); /* device, four organisations' parts, contract, nonce */
    assert_int_equal(verify(&s, &word, 2, &verdict), CAIRN_OK);
    const cairn_hash owner = memory_org(WORLD_OWNER), operator= memory_org(WORLD_OPERATOR);
    assert_memory_equal(&verdict.device.owner, &owner, sizeof owner);
    assert_true(verdict.has_contract);
    assert_memory_equal(&verdict.contract.operator, & operator, sizeof operator);
    s.facts.time_ms = 0; /* no clock: the nonce is enough */
    assert_int_equal(verify(&s, &word, 2, &verdict), CAIRN_OK);
    s.facts.setup = NULL; /* a clock: the nonce is not needed */
    s.facts.time_ms = WORLD_NOW + AGE_MAX_MS;
    assert_int_equal(verify(&s, &word, 2, &verdict), CAIRN_OK);
    tear_down_word(&s);
}

static void too_few_vouch(void **state)
{
    (void)state;
    setting s;
    cairn_ledger_word word;
    cairn_ledger_word_verdict verdict;
    set_up_word(&s);
    draft_word(&s, &word);
    assert_int_equal(verify(&s, &word, 1, &verdict), CAIRN_ERR_NOT_TRUSTED);
    s.receipts[1] = s.receipts[0];
    assert_int_not_equal(verify(&s, &word, 2, &verdict), CAIRN_OK);
    tear_down_word(&s);
}

static void age_and_nonce(void **state)
{
    (void)state;
    setting s;
    cairn_fdo_nonce other = {{1}};
    set_up_word(&s);
    s.facts.setup = NULL;
    s.facts.time_ms = WORLD_NOW + AGE_MAX_MS + 1;
    assert_int_equal(verify_now(&s), CAIRN_ERR_EXPIRED);
    s.facts.time_ms = WORLD_NOW - AGE_MAX_MS - 1;
    assert_int_equal(verify_now(&s), CAIRN_ERR_EARLY);
    s.facts.time_ms = 0;
    assert_int_equal(verify_now(&s), CAIRN_ERR_ARGUMENT);
    s.facts.setup = &other; /* proved absent */
    assert_int_equal(verify_now(&s), CAIRN_ERR_NOT_FOUND);
    s.facts.setup = &s.setup;
    s.facts.time_ms = s.trust.expires_ms + 1;
    assert_int_equal(verify_now(&s), CAIRN_ERR_TRUST_EXPIRED);
    tear_down_word(&s);
}

/* Whoever proved himself must be the owner on record, of this device. */
static void another_owner_or_device(void **state)
{
    (void)state;
    setting s;
    set_up_word(&s);
    s.facts.owner_key = cairn_fdo_key_encoded(world_key(WORLD_BUYER_KEY));
    assert_int_equal(verify_now(&s), CAIRN_ERR_TX_FORBIDDEN);
    s.facts.owner_key = cairn_fdo_key_encoded(world_key(WORLD_OWNER_KEY));
    s.facts.guid.b[0] ^= 1;
    assert_int_equal(verify_now(&s), CAIRN_ERR_BAD_PROOF);
    s.facts.guid.b[0] ^= 1;
    assert_int_equal(verify_now(&s), CAIRN_OK);
    tear_down_word(&s);
}

/* [X1353-R23] Any of four that ended. */
static void nobody_may_be_suspended(void **state)
{
    (void)state;
    static const uint8_t orgs[] = {WORLD_MAKER, WORLD_OWNER, WORLD_OPERATOR};
    setting s;
    set_up_word(&s);
    for (size_t i = 0; i < sizeof orgs; i++) {
        world_status(&s.m, orgs[i], CAIRN_ORG_SUSPENDED, 1);
        assert_int_equal(verify_now(&s), CAIRN_ERR_CLOSED);
        world_status(&s.m, orgs[i], CAIRN_ORG_ACTIVE, 2);
        assert_int_equal(verify_now(&s), CAIRN_OK);
    }
    say(&s, WORLD_OWNER, CAIRN_TX_DEVICE_EVENT, world_event(&s.m, &s.d, CAIRN_DEVICE_SUSPEND));
    assert_int_equal(verify_now(&s), CAIRN_ERR_CLOSED);
    say(&s, WORLD_OWNER, CAIRN_TX_DEVICE_EVENT, world_event(&s.m, &s.d, CAIRN_DEVICE_RESUME));
    assert_int_equal(verify_now(&s), CAIRN_OK);
    assert_int_equal(
        world_say(&s.m, WORLD_OPERATOR, CAIRN_TX_CONTRACT_END, world_end(&s.m, &s.contract, 2)),
        CAIRN_OK);
    assert_int_equal(verify_now(&s), CAIRN_ERR_CLOSED);
    tear_down_word(&s);
}

/* What is left out is not taken for absent; what is changed, or of another block, does not fit. */
static void records_left_out_or_mixed(void **state)
{
    (void)state;
    setting s;
    cairn_ledger_word old, word;
    cairn_ledger_word_verdict verdict;
    set_up_word(&s);
    draft_word(&s, &old);
    for (size_t i = 0; i < old.count; i++) {
        draft_word(&s, &word);
        bool is_key = memcmp(word.records[i].key.data, "key/", 4) == 0;
        memmove(&word.records[i], &word.records[i + 1],
                (word.count - i - 1) * sizeof word.records[0]);
        word.count--;
        assert_int_equal(verify(&s, &word, 2, &verdict), is_key ? CAIRN_OK : CAIRN_ERR_BAD_PROOF);
    }
    world_status(&s.m, WORLD_OWNER, CAIRN_ORG_SUSPENDED, 1);
    draft_word(&s, &word);
    for (size_t i = 0; i < word.count; i++) { /* the owner's record from before */
        if (!cairn_bytes_equal(word.records[i].value, old.records[i].value))
            word.records[i] = old.records[i];
    }
    assert_int_equal(verify(&s, &word, 2, &verdict), CAIRN_ERR_BAD_PROOF);
    tear_down_word(&s);
}

/* The operator's key by which its profile is opened. [X1353-R16] */
static void the_operators_key(void **state)
{
    (void)state;
    setting s;
    cairn_ledger_word word;
    cairn_ledger_word_verdict verdict;
    cairn_key *key = NULL;
    const cairn_hash operator= memory_org(WORLD_OPERATOR), owner = memory_org(WORLD_OWNER);
    set_up_word(&s);
    draft_word(&s, &word);
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
    tear_down_word(&s);
}

/* No bit of a word is spare, and no cut passes. */
static void every_bit_counts(void **state)
{
    (void)state;
    setting s;
    static cairn_ledger_word word, got;
    static uint8_t copy[CAIRN_LEDGER_WORD_SIZE_MAX];
    cairn_ledger_word_verdict verdict;
    cairn_bytes encoded;
    set_up_word(&s);
    draft_word(&s, &word);
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
    tear_down_word(&s);
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
