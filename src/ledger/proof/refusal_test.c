/* Refusal proofs: each level's no, every bit, and the verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/verify.h"
#include "support/vouch.h"

enum { REFUSALS = 5, WHICH = 3, CODE = 420 };

static test_world world;
static cairn_hash ids[REFUSALS], leaves[REFUSALS], path[8];
static cairn_block_entry entry;
static uint8_t entry_bytes[CAIRN_BLOCK_ENTRY_SIZE_MAX];
static cairn_refusal_proof draft;
static cairn_arena scratch, trust_memory;
static cairn_refusal_verdict verdict;

/* SHA-256(00 | id | u32be code), and the tree over them by RFC 6962 word for word. */
static void make_results(void)
{
    for (uint8_t i = 0; i < REFUSALS; i++) {
        uint8_t leaf[37] = {0};
        cairn_sha256_of(&i, 1, &ids[i]);
        memcpy(leaf + 1, ids[i].b, 32);
        leaf[35] = CODE >> 8;
        leaf[36] = CODE & 0xff;
        cairn_sha256_of(leaf, sizeof leaf, &leaves[i]);
    }
    entry = (cairn_block_entry){.height = 90,
                                .time_ms = TEST_TIME_MS - 5,
                                .first = 4,
                                .count = TEST_INDEX - 4,
                                .results_root = test_mth(leaves, REFUSALS)};
}

static int set_up(void **state)
{
    (void)state;
    test_world_init(&world);
    make_results();
    size_t size = cairn_block_entry_encode(&entry, entry_bytes);
    draft = (cairn_refusal_proof){.id = ids[WHICH],
                                  .code = -CODE,
                                  .index = WHICH,
                                  .count = REFUSALS,
                                  .path = path,
                                  .path_count = test_path(leaves, REFUSALS, WHICH, path),
                                  .end.block_entry_raw = cairn_bytes_of(entry_bytes, size)};
    test_world_log(&world, draft.end.block_entry_raw);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_arena_done(&scratch);
    cairn_arena_done(&trust_memory);
    test_world_done(&world);
    return 0;
}

static void renew(cairn_arena *arena)
{
    cairn_arena_done(arena);
    cairn_arena_init(arena, CAIRN_VERIFY_ARENA_SIZE);
}

static cairn_err verify_bytes(cairn_bytes proof, uint64_t now_ms)
{
    renew(&scratch);
    renew(&trust_memory);
    cairn_trust trust = test_world_trust(&world, &trust_memory);
    cairn_err err = cairn_verify_refusal(&scratch, proof, &trust, now_ms, &verdict);
    cairn_trust_done(&trust);
    return err;
}

/* With two members' receipts, the first of which may say something else. */
static cairn_bytes encode(const cairn_refusal_proof *proof, test_says first)
{
    cairn_bytes encoded;
    const cairn_bytes receipts[] = {test_world_receipt(&world, first),
                                    test_world_receipt(&world, (test_says){.org = 1})};
    assert_int_equal(cairn_refusal_proof_encode(&world.arena, proof, receipts, 2, &encoded),
                     CAIRN_OK);
    return encoded;
}

static cairn_err verify(const cairn_refusal_proof *proof)
{
    return verify_bytes(encode(proof, (test_says){0}), TEST_NOW_MS);
}

static void test_a_refusal_verifies(void **state)
{
    (void)state;
    assert_int_equal(verify(&draft), CAIRN_OK);
    assert_int_equal(verdict.proof.code, CAIRN_ERR_EXISTS);
    assert_memory_equal(&verdict.proof.id, &ids[WHICH], 32);
    assert_int_equal(verdict.proof.end.block_entry.height, 90);
    assert_int_equal(verdict.vouching.vouching_count, 2);
    assert_int_equal(verdict.vouching.index, TEST_INDEX);
}

static void test_each_level_says_no(void **state)
{
    (void)state;
    cairn_refusal_proof d = draft;
    d.id = ids[0]; /* another transaction */
    assert_int_equal(verify(&d), CAIRN_ERR_BAD_PROOF);
    d = draft;
    d.code--; /* another reason */
    assert_int_equal(verify(&d), CAIRN_ERR_BAD_PROOF);
    d = draft;
    d.index = 2; /* the other side of its sibling */
    assert_int_equal(verify(&d), CAIRN_ERR_BAD_PROOF);
    d = draft;
    d.path_count--;
    assert_int_equal(verify(&d), CAIRN_ERR_BAD_PROOF);

    cairn_hash other = leaves[0];
    other.b[0] ^= 1;
    assert_int_equal(verify_bytes(encode(&draft, (test_says){.other = &other}), TEST_NOW_MS),
                     CAIRN_ERR_INCONSISTENT);
    static const uint64_t elsewhere = 6;
    assert_int_equal(verify_bytes(encode(&draft, (test_says){.index = &elsewhere}), TEST_NOW_MS),
                     CAIRN_ERR_BAD_SIGNATURE);
    assert_int_equal(verify_bytes(encode(&draft, (test_says){.org = 1}), TEST_NOW_MS),
                     CAIRN_ERR_NOT_TRUSTED); /* one member twice */
    assert_int_equal(verify_bytes(encode(&draft, (test_says){.height = 89}), TEST_NOW_MS),
                     CAIRN_ERR_INCONSISTENT);
    assert_int_equal(verify_bytes(encode(&draft, (test_says){0}), world.draft.expires_ms + 1),
                     CAIRN_ERR_TRUST_EXPIRED);
}

static void test_a_receipt_older_than_the_block(void **state)
{
    (void)state;
    cairn_bytes encoded;
    const test_says early = {.height = 89, .time_ms = TEST_TIME_MS - 6};
    test_says both[2] = {early, early};
    both[1].org = 1;
    const cairn_bytes receipts[] = {test_world_receipt(&world, both[0]),
                                    test_world_receipt(&world, both[1])};
    assert_int_equal(cairn_refusal_proof_encode(&world.arena, &draft, receipts, 2, &encoded),
                     CAIRN_OK);
    assert_int_equal(verify_bytes(encoded, TEST_NOW_MS), CAIRN_ERR_BAD_PROOF);
}

static void test_what_is_out_of_range_does_not_encode(void **state)
{
    (void)state;
    cairn_bytes encoded, receipt = test_world_receipt(&world, (test_says){0});
    cairn_refusal_proof d = draft;
    d.code = 0;
    assert_int_equal(cairn_refusal_proof_encode(&world.arena, &d, &receipt, 1, &encoded),
                     CAIRN_ERR_BAD_VALUE);
    d.code = -CAIRN_REFUSAL_CODE_MAX - 1;
    assert_int_equal(cairn_refusal_proof_encode(&world.arena, &d, &receipt, 1, &encoded),
                     CAIRN_ERR_BAD_VALUE);
    d = draft;
    d.count = d.index;
    assert_int_equal(cairn_refusal_proof_encode(&world.arena, &d, &receipt, 1, &encoded),
                     CAIRN_ERR_BAD_VALUE);
    d.count = CAIRN_REFUSAL_COUNT_MAX + 1;
    assert_int_equal(cairn_refusal_proof_encode(&world.arena, &d, &receipt, 1, &encoded),
                     CAIRN_ERR_BAD_VALUE);
    static const cairn_hash long_path[CAIRN_REFUSAL_PATH_MAX + 1];
    d = draft;
    d.path = long_path;
    d.path_count = CAIRN_REFUSAL_PATH_MAX + 1;
    assert_int_equal(cairn_refusal_proof_encode(&world.arena, &d, &receipt, 1, &encoded),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_refusal_proof_encode(&world.arena, &draft, &receipt, 0, &encoded),
                     CAIRN_ERR_BAD_VALUE);
}

/* But for those of the count that turn no step of the path, which claim nothing. */
static void test_no_bit_may_change(void **state)
{
    (void)state;
    unsigned others = 0;
    cairn_bytes encoded = encode(&draft, (test_says){0});
    uint8_t *data = (uint8_t *)(uintptr_t)encoded.data; /* in the world's arena */
    for (size_t bit = 0; bit < encoded.size * 8; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        if (verify_bytes(encoded, TEST_NOW_MS) == CAIRN_OK) {
            assert_int_not_equal(verdict.proof.count, REFUSALS);
            assert_int_equal(verdict.proof.index, WHICH);
            others++;
        }
        data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_int_equal(others, 1); /* 7 refusals instead of 5 */
    assert_int_equal(verify_bytes(encoded, TEST_NOW_MS), CAIRN_OK);
    for (size_t size = 0; size < encoded.size; size++)
        assert_int_not_equal(verify_bytes(cairn_bytes_of(data, size), TEST_NOW_MS), CAIRN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_refusal_verifies),
        cmocka_unit_test(test_each_level_says_no),
        cmocka_unit_test(test_a_receipt_older_than_the_block),
        cmocka_unit_test(test_what_is_out_of_range_does_not_encode),
        cmocka_unit_test(test_no_bit_may_change),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
