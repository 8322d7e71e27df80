/* The commit proof: what holds, every change of it, every memory that is too small. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/light_seeds.h"

static seed_chain seeds;
static cairn_light_time now;

static int set_up(void **state)
{
    (void)state;
    seed_chain_init(&seeds);
    now = test_chain_rules(100).now;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_chain_done(&seeds.chain);
    return 0;
}

static cairn_commit_verdict verdict;

static cairn_err decode_and_verify(cairn_arena *arena, cairn_bytes in)
{
    cairn_commit_proof proof;
    CAIRN_TRY(cairn_commit_proof_decode(arena, in, &proof));
    return cairn_commit_proof_verify(&proof, seed_entry(), &seeds.anchor, now, &verdict);
}

static cairn_err verify(cairn_bytes in)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    cairn_err err = decode_and_verify(&arena, in);
    cairn_arena_done(&arena);
    return err;
}

static void test_one_step(void **state)
{
    (void)state;
    cairn_light_block block = seed_target(&seeds, 11, seeds.four);
    cairn_bytes proof = seed_proof(&seeds, &block, 1);
    assert_int_equal(verify(proof), CAIRN_OK);
    assert_int_equal(verdict.validator_count, 4);
    print_message("four validators: %zu bytes\n", proof.size);
    block = seed_target(&seeds, 50, seeds.four);
    assert_int_equal(verify(seed_proof(&seeds, &block, 1)), CAIRN_OK);
}

/* The anchor's own header may hold the log, within its period. */
static void test_no_step(void **state)
{
    (void)state;
    cairn_hash want;
    assert_int_equal(verify(seed_proof(&seeds, NULL, 0)), CAIRN_ERR_BAD_PROOF);
    seeds.anchor.state.header.app_hash = cairn_bytes_hash(&seeds.app_hash);
    assert_int_equal(verify(seed_proof(&seeds, NULL, 0)), CAIRN_OK);
    cairn_light_header_hash(&seeds.anchor.state.header, &want);
    assert_memory_equal(verdict.header_hash.b, want.b, sizeof want);
    now = test_chain_rules(0).now; /* the anchor is from the future by its height, ten seconds */
    assert_int_equal(verify(seed_proof(&seeds, NULL, 0)), CAIRN_ERR_EARLY);
    now.nanoseconds++;
    assert_int_equal(verify(seed_proof(&seeds, NULL, 0)), CAIRN_OK);
    now = test_chain_rules(10 + 1000).now;
    assert_int_equal(verify(seed_proof(&seeds, NULL, 0)), CAIRN_ERR_TRUST_EXPIRED);
}

/* All validators change, two at a time: no block may be left out. */
static void test_bridge(void **state)
{
    (void)state;
    const cairn_light_set second = test_chain_set(&seeds.chain, 2, 4, 10);
    const cairn_light_set third = test_chain_set(&seeds.chain, 4, 4, 10);
    const cairn_light_block blocks[] = {
        test_chain_block(&seeds.chain, 20, second, second, (cairn_bytes){0}),
        seed_target(&seeds, 40, third)};
    assert_int_equal(verify(seed_proof(&seeds, blocks, 2)), CAIRN_OK);
    assert_int_equal(verify(seed_proof(&seeds, blocks + 1, 1)), CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(verify(seed_proof(&seeds, blocks, 1)),
                     CAIRN_ERR_BAD_PROOF); /* holds another log */
    const cairn_light_block back[] = {blocks[1], blocks[0]};
    assert_int_equal(verify(seed_proof(&seeds, back, 2)), CAIRN_ERR_NOT_TRUSTED);
}

/* Every bit of a proof says something. */
static void test_every_bit(void **state)
{
    (void)state;
    const cairn_light_block block = seed_target(&seeds, 11, seeds.four);
    cairn_bytes proof = seed_proof(&seeds, &block, 1);
    uint8_t *changed = test_chain_alloc(&seeds.chain, proof.size);
    memcpy(changed, proof.data, proof.size);
    for (size_t i = 0; i < 8 * proof.size; i++) {
        changed[i / 8] ^= (uint8_t)(1 << i % 8);
        if (verify(cairn_bytes_of(changed, proof.size)) == CAIRN_OK)
            fail_msg("bit %zu of byte %zu says nothing", i % 8, i / 8);
        changed[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t size = 0; size < proof.size; size++)
        assert_int_not_equal(verify(cairn_bytes_of(proof.data, size)), CAIRN_OK);
    uint8_t *longer = test_chain_alloc(&seeds.chain, proof.size + 1);
    memcpy(longer, proof.data, proof.size);
    assert_int_equal(verify(cairn_bytes_of(longer, proof.size + 1)), CAIRN_ERR_TRAILING);
}

/* From nothing up, each size of memory but the last gives NO_MEMORY, and nothing else. */
static void test_every_memory(void **state)
{
    (void)state;
    static uint8_t storage[64 << 10] __attribute__((aligned(16)));
    const cairn_light_block blocks[] = {seed_target(&seeds, 20, seeds.four),
                                        seed_target(&seeds, 40, seeds.four)};
    cairn_bytes proof = seed_proof(&seeds, blocks, 2);
    cairn_err err = CAIRN_ERR_NO_MEMORY;
    size_t size = 0;
    for (; err != CAIRN_OK; size += 16) {
        cairn_arena arena;
        cairn_arena_init_fixed(&arena, storage, size);
        err = decode_and_verify(&arena, proof);
        assert_true(err == CAIRN_OK || err == CAIRN_ERR_NO_MEMORY);
    }
    assert_true(size > 1024 && size < 4096);
}

/* The goal: ten validators in less than 64 kB, however long the way. */
static void test_ten_validators(void **state)
{
    (void)state;
    static uint8_t storage[64000] __attribute__((aligned(16)));
    static cairn_light_block blocks[CAIRN_LIGHT_BLOCKS_MAX];
    const cairn_light_set ten = test_chain_set(&seeds.chain, 0, 10, 10);
    cairn_arena arena;
    seeds.anchor.state = test_chain_block(&seeds.chain, 10, ten, ten, (cairn_bytes){0}).state;
    for (size_t i = 0; i < CAIRN_LIGHT_BLOCKS_MAX; i++)
        blocks[i] =
            test_chain_block(&seeds.chain, 11 + i, ten, ten, cairn_bytes_hash(&seeds.app_hash));
    cairn_bytes proof = seed_proof(&seeds, blocks, CAIRN_LIGHT_BLOCKS_MAX);
    cairn_arena_init_fixed(&arena, storage, sizeof storage);
    assert_int_equal(decode_and_verify(&arena, proof), CAIRN_OK);
    print_message("ten validators, %d blocks: %zu bytes of arena\n", CAIRN_LIGHT_BLOCKS_MAX,
                  arena.used);
    proof = seed_proof(&seeds, blocks, 1);
    cairn_arena_init_fixed(&arena, storage, sizeof storage);
    assert_int_equal(decode_and_verify(&arena, proof), CAIRN_OK);
    print_message("ten validators, one block: %zu bytes of arena\n", arena.used);
}

/* Other entries, logs, places. */
static void test_another_log(void **state)
{
    (void)state;
    const cairn_light_block block = seed_target(&seeds, 11, seeds.four);
    cairn_commit_proof proof = {.size = SEED_LOG_SIZE,
                                .index = SEED_INDEX,
                                .path = seeds.path,
                                .path_count = SEED_PATH_COUNT,
                                .block_count = 1,
                                .blocks = &block};
    assert_int_equal(cairn_commit_proof_verify(&proof, seed_entry(), &seeds.anchor, now, &verdict),
                     CAIRN_OK);
    assert_int_equal(
        cairn_commit_proof_verify(&proof, cairn_bytes_str("another"), &seeds.anchor, now, &verdict),
        CAIRN_ERR_BAD_PROOF);
    proof.size = SEED_LOG_SIZE + 1; /* the same path and root, another size */
    assert_int_equal(cairn_commit_proof_verify(&proof, seed_entry(), &seeds.anchor, now, &verdict),
                     CAIRN_ERR_BAD_PROOF);
    proof.size = SEED_LOG_SIZE;
    proof.index = SEED_INDEX - 1;
    assert_int_equal(cairn_commit_proof_verify(&proof, seed_entry(), &seeds.anchor, now, &verdict),
                     CAIRN_ERR_BAD_PROOF);
    proof.index = SEED_INDEX;
    proof.path_count--;
    assert_int_equal(cairn_commit_proof_verify(&proof, seed_entry(), &seeds.anchor, now, &verdict),
                     CAIRN_ERR_BAD_PROOF);
}

/* Encoding refuses what decoding would. */
static void test_ranges(void **state)
{
    (void)state;
    static const uint8_t bytes[80];
    cairn_light_block block = seed_target(&seeds, 11, seeds.four);
    cairn_light_header *header = &block.state.header;
    const cairn_light_header good = *header;
    cairn_bytes encoded;
    const cairn_commit_proof proof = {.size = SEED_LOG_SIZE,
                                      .index = SEED_INDEX,
                                      .path = seeds.path,
                                      .path_count = SEED_PATH_COUNT,
                                      .block_count = 1,
                                      .blocks = &block};
#define REFUSED(code, change)                                                                    \
    do {                                                                                         \
        change;                                                                                  \
        assert_int_equal(cairn_commit_proof_encode(&seeds.chain.arena, &proof, &encoded), code); \
        *header = good;                                                                          \
    } while (0)
    REFUSED(CAIRN_OK, (void)0);
    REFUSED(CAIRN_ERR_BAD_VALUE, header->block_version = 10);
    REFUSED(CAIRN_ERR_BAD_VALUE, header->height = 0);
    REFUSED(CAIRN_ERR_BAD_VALUE, header->height = UINT64_MAX);
    REFUSED(CAIRN_ERR_BAD_VALUE, header->chain_id = cairn_bytes_of("", 0));
    REFUSED(CAIRN_ERR_BAD_TEXT, header->chain_id = cairn_bytes_of("\xff", 1));
    REFUSED(CAIRN_ERR_BAD_VALUE, header->time.seconds = -1);
    REFUSED(CAIRN_ERR_BAD_VALUE, header->time.seconds = CAIRN_LIGHT_SECONDS_MAX + 1);
    REFUSED(CAIRN_ERR_BAD_VALUE, header->time.nanoseconds = 1000000000);
    REFUSED(CAIRN_ERR_BAD_VALUE, header->data_hash = cairn_bytes_of(bytes, 31));
    REFUSED(CAIRN_ERR_BAD_VALUE, header->data_hash = cairn_bytes_of(bytes, 33));
    REFUSED(CAIRN_OK, header->data_hash = cairn_bytes_of(bytes, 0));
    REFUSED(CAIRN_ERR_BAD_VALUE, header->validators_hash = cairn_bytes_of(bytes, 0));
    REFUSED(CAIRN_ERR_BAD_VALUE, header->app_hash = cairn_bytes_of(bytes, 65));
    REFUSED(CAIRN_ERR_BAD_VALUE, header->proposer_address = cairn_bytes_of(bytes, 19));
    block.commit.round = UINT32_MAX;
    REFUSED(CAIRN_ERR_BAD_VALUE, (void)0);
    block.commit.round = 0;
    ((cairn_light_validator *)(uintptr_t)seeds.four.validators)[0].power =
        CAIRN_LIGHT_POWER_MAX + 1;
    REFUSED(CAIRN_ERR_BAD_VALUE, (void)0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_step, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_step, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bridge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_bit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ten_validators, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ranges, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
