/* The offline verifier with a commit proof in the place of receipts: files, state and refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/verify.h"
#include "support/light_world.h"

static test_world world;
static test_chain chain;
static cairn_light_anchor anchor;
static cairn_arena scratch;
static cairn_arena trust_memory;

static int set_up(void **state)
{
    (void)state;
    test_world_init(&world);
    test_chain_init(&chain);
    (void)test_world_anchored(&world, &chain, &anchor);
    cairn_arena_init(&scratch, CAIRN_VERIFY_ARENA_SIZE);
    cairn_arena_init(&trust_memory, CAIRN_VERIFY_ARENA_SIZE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_arena_done(&scratch);
    cairn_arena_done(&trust_memory);
    test_chain_done(&chain);
    test_world_done(&world);
    return 0;
}

static uint64_t now_ms(void)
{
    return test_engine_ms(ENGINE_HEIGHT);
}

static cairn_bytes commit_proof(uint64_t height)
{
    return test_world_commit(&world, &chain, &anchor, height);
}

static cairn_bytes file_with(cairn_bytes commit)
{
    const cairn_receipt_file file = {
        .manifest = world.manifest, .statement = world.tx, .commit = commit};
    cairn_bytes encoded;
    CHAIN_MUST(cairn_receipt_file_encode(&world.arena, &file, &encoded));
    return encoded;
}

static cairn_receipt_verdict verdict;

static cairn_err verify_file(cairn_bytes file)
{
    cairn_arena_reset(&scratch);
    cairn_arena_reset(&trust_memory);
    cairn_trust trust = test_world_trust(&world, &trust_memory);
    cairn_err err = cairn_verify_receipt(&scratch, file, &trust, now_ms(), &verdict);
    cairn_trust_done(&trust);
    return err;
}

static void test_file(void **state)
{
    (void)state;
    cairn_bytes commit = commit_proof(ENGINE_HEIGHT);
    assert_int_equal(verify_file(file_with(commit)), CAIRN_OK);
    assert_non_null(verdict.vouching.commit);
    assert_int_equal(verdict.vouching.height, TEST_HEIGHT);
    assert_int_equal(verdict.vouching.time_ms, test_engine_ms(ENGINE_HEIGHT) + 500);
    assert_int_equal(verdict.vouching.index, TEST_INDEX);
    assert_int_equal(verdict.vouching.size, TEST_LOG_SIZE);
    assert_int_equal(verdict.vouching.committed.validator_count, 4);
    assert_int_equal(verdict.vouching.vouching_count, 0);
    assert_int_equal(verdict.signer_standing, CAIRN_SIGNER_VERIFIED);
}

/* The statement beside a commit proof is the log entry: one with receipts is no entry. */
static void test_file_with_both(void **state)
{
    (void)state;
    cairn_receipt_file file;
    cairn_bytes encoded;
    cairn_bytes receipt = test_world_receipt(&world, (test_says){.org = 0});
    CHAIN_MUST(cairn_receipt_file_decode(test_world_file(&world, &receipt, 1), &file));
    file.commit = commit_proof(ENGINE_HEIGHT);
    CHAIN_MUST(cairn_receipt_file_encode(&world.arena, &file, &encoded));
    assert_int_equal(cairn_err_exit(verify_file(encoded)), 3); /* malformed */
}

static void test_no_anchor(void **state)
{
    (void)state;
    world.draft.anchor = NULL;
    assert_int_equal(verify_file(file_with(commit_proof(ENGINE_HEIGHT))), CAIRN_ERR_NOT_TRUSTED);
}

static void test_expired(void **state)
{
    (void)state;
    anchor.trusting_period_ms = 91 * 1000; /* ends half a second after now */
    assert_int_equal(verify_file(file_with(commit_proof(ENGINE_HEIGHT))), CAIRN_OK);
    anchor.trusting_period_ms -= 500;
    assert_int_equal(verify_file(file_with(commit_proof(ENGINE_HEIGHT))), CAIRN_ERR_TRUST_EXPIRED);
    anchor.trusting_period_ms = 1000 * 1000;
    world.draft.expires_ms = now_ms() - 1; /* the file itself */
    assert_int_equal(verify_file(file_with(commit_proof(ENGINE_HEIGHT))), CAIRN_ERR_TRUST_EXPIRED);
}

/* A signer whose key the ledger took after the height of the proof, or suspects by then. */
static void test_signer(void **state)
{
    (void)state;
    cairn_bytes file = file_with(commit_proof(ENGINE_HEIGHT));
    world.trust_keys[0][2].since = TEST_HEIGHT;
    assert_int_equal(verify_file(file), CAIRN_OK);
    world.trust_keys[0][2].since = TEST_HEIGHT + 1;
    assert_int_equal(verify_file(file), CAIRN_ERR_NOT_TRUSTED);
    world.trust_keys[0][2].since = 0;
    world.trust_keys[0][2].suspect = TEST_HEIGHT;
    assert_int_equal(verify_file(file), CAIRN_ERR_DISPUTED);
}

/* A refusal that is the only one of its block: the leaf is the root. */
static cairn_refusal_proof refusal_at(uint64_t height)
{
    static uint8_t raw[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    uint8_t leaf[CAIRN_REFUSAL_LEAF_SIZE] = {7};
    cairn_refusal_proof proof = {.id = {{7}}, .code = CAIRN_ERR_EXISTS, .count = 1};
    cairn_block_entry entry = {
        .height = height, .time_ms = test_engine_ms(height), .first = TEST_INDEX - 2, .count = 2};
    cairn_put_u32(leaf + 32, (uint32_t)-CAIRN_ERR_EXISTS);
    cairn_merkle_leaf(cairn_bytes_of(leaf, sizeof leaf), &entry.results_root);
    proof.end.block_entry_raw = cairn_bytes_of(raw, cairn_block_entry_encode(&entry, raw));
    test_world_log(&world, proof.end.block_entry_raw);
    return proof;
}

static cairn_err verify_refusal(uint64_t entry_height, uint64_t engine_height)
{
    static cairn_refusal_verdict refused;
    cairn_refusal_proof proof = refusal_at(entry_height);
    cairn_bytes encoded;
    proof.end.commit_raw = commit_proof(engine_height);
    cairn_arena_reset(&scratch);
    cairn_arena_reset(&trust_memory);
    CHAIN_MUST(cairn_refusal_proof_encode(&world.arena, &proof, NULL, 0, &encoded));
    cairn_trust trust = test_world_trust(&world, &trust_memory);
    cairn_err err = cairn_verify_refusal(&scratch, encoded, &trust, now_ms(), &refused);
    cairn_trust_done(&trust);
    return err;
}

static void test_refusal(void **state)
{
    (void)state;
    assert_int_equal(verify_refusal(TEST_HEIGHT, ENGINE_HEIGHT), CAIRN_OK);
    assert_int_equal(verify_refusal(TEST_HEIGHT - 5, ENGINE_HEIGHT), CAIRN_OK);
    /* a header's log ends with the block before */
    assert_int_equal(verify_refusal(ENGINE_HEIGHT, ENGINE_HEIGHT), CAIRN_ERR_BAD_PROOF);
}

/* Absence from an empty map: ICS-23's form of that is ours, {2: {1: key}}. */
static cairn_err verify_state(uint64_t entry_height, uint64_t first, uint64_t engine_height)
{
    static uint8_t raw[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    static cairn_state_verdict stated;
    const cairn_block_entry entry = {.height = entry_height,
                                     .time_ms = test_engine_ms(entry_height),
                                     .first = first,
                                     .count = 2};
    cairn_state_proof proof = {.key = cairn_bytes_str("org"),
                               .proof = cairn_bytes_str("\x12\x05\x0a\x03org"),
                               .end.block_entry_raw =
                                   cairn_bytes_of(raw, cairn_block_entry_encode(&entry, raw))};
    cairn_bytes encoded;
    test_world_log(&world, proof.end.block_entry_raw);
    proof.end.commit_raw = commit_proof(engine_height);
    cairn_arena_reset(&scratch);
    cairn_arena_reset(&trust_memory);
    CHAIN_MUST(cairn_state_proof_encode(&world.arena, &proof, NULL, 0, &encoded));
    cairn_trust trust = test_world_trust(&world, &trust_memory);
    cairn_err err = cairn_verify_state_proof(&scratch, encoded, &trust, now_ms(), &stated);
    cairn_trust_done(&trust);
    return err;
}

static void test_state(void **state)
{
    (void)state;
    assert_int_equal(verify_state(TEST_HEIGHT, TEST_INDEX - 2, ENGINE_HEIGHT), CAIRN_OK);
    assert_int_equal(verify_state(TEST_HEIGHT - 5, TEST_INDEX - 2, ENGINE_HEIGHT), CAIRN_OK);
    assert_int_equal(verify_state(ENGINE_HEIGHT, TEST_INDEX - 2, ENGINE_HEIGHT),
                     CAIRN_ERR_BAD_PROOF);
    /* in the log, and not where it says */
    assert_int_equal(verify_state(TEST_HEIGHT, TEST_INDEX - 3, ENGINE_HEIGHT), CAIRN_ERR_BAD_PROOF);
    world.draft.anchor = NULL;
    assert_int_equal(verify_state(TEST_HEIGHT, TEST_INDEX - 2, ENGINE_HEIGHT),
                     CAIRN_ERR_NOT_TRUSTED);
}

/* Neither state nor refusal says which ledger it is of: the chain's id does. The anchor is of a
 * chain of that id, all of whose blocks hold. */
static void test_chain_of_another_ledger(void **state)
{
    (void)state;
    cairn_hash other = world.draft.ledger;
    other.b[11] ^= 1; /* the last byte that the id names */
    cairn_light_chain_id(&other, 0, chain.chain_id);
    assert_int_equal(verify_state(TEST_HEIGHT, TEST_INDEX - 2, ENGINE_HEIGHT), CAIRN_ERR_MISMATCH);
    assert_int_equal(verify_refusal(TEST_HEIGHT, ENGINE_HEIGHT), CAIRN_ERR_MISMATCH);
    assert_int_equal(verify_file(file_with(commit_proof(ENGINE_HEIGHT))), CAIRN_ERR_MISMATCH);
    cairn_light_chain_id(&world.draft.ledger, 7, chain.chain_id); /* that began later */
    assert_int_equal(verify_state(TEST_HEIGHT, TEST_INDEX - 2, ENGINE_HEIGHT), CAIRN_OK);
    assert_int_equal(verify_refusal(TEST_HEIGHT, ENGINE_HEIGHT), CAIRN_OK);
    cairn_bytes proof = commit_proof(ENGINE_HEIGHT);
    cairn_light_chain_id(&world.draft.ledger, 0, chain.chain_id); /* the anchor's; not the votes' */
    assert_int_equal(verify_file(file_with(proof)), CAIRN_ERR_BAD_PROOF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_with_both, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_anchor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_expired, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_chain_of_another_ledger, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
