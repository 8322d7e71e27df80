/* Header hash, set hash and sign bytes against CometBFT's own vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/sha256.h"
#include "ledger/light/light_vote.h"
#include "support/hex.h"

#define HASHES 8

/* SHA-256 of each name, as the vector has it. */
static cairn_bytes hash_of(cairn_hash *memory, const char *name)
{
    cairn_sha256_of(name, strlen(name), memory);
    return cairn_bytes_hash(memory);
}

/* CometBFT v0.38.25, types/block_test.go, TestHeaderHash. */
static void test_header_hash(void **state)
{
    (void)state;
    cairn_hash h[HASHES];
    cairn_hash proposer;
    cairn_hash got;
    static const uint8_t zeros[32];
    TEST_HEX(want, "F740121F553B5418C3EFBD343C2DBFE9E007BB67B0D020A0741374BAB65242A4");
    cairn_sha256_of("proposer_address", strlen("proposer_address"), &proposer);
    cairn_light_header header = {
        .block_version = 1,
        .app_version = 2,
        .chain_id = cairn_bytes_str("chainId"),
        .height = 3,
        .time = {.seconds = 1570983284}, /* 2019-10-13T16:14:44Z */
        .last_block_hash = cairn_bytes_of(zeros, sizeof zeros),
        .last_block_parts = {.count = 6, .hash = cairn_bytes_of(zeros, sizeof zeros)},
        .last_commit_hash = hash_of(&h[0], "last_commit_hash"),
        .data_hash = hash_of(&h[1], "data_hash"),
        .validators_hash = hash_of(&h[2], "validators_hash"),
        .next_validators_hash = hash_of(&h[3], "next_validators_hash"),
        .consensus_hash = hash_of(&h[4], "consensus_hash"),
        .app_hash = hash_of(&h[5], "app_hash"),
        .last_results_hash = hash_of(&h[6], "last_results_hash"),
        .evidence_hash = hash_of(&h[7], "evidence_hash"),
        .proposer_address = cairn_bytes_of(proposer.b, CAIRN_LIGHT_ADDRESS_SIZE),
    };
    cairn_light_header_hash(&header, &got);
    assert_memory_equal(got.b, want.data, want.size);
    header.app_version = 3;
    cairn_light_header_hash(&header, &got);
    assert_memory_not_equal(got.b, want.data, want.size);
}

/* CometBFT v0.38.25, types/vote_test.go, TestVoteSignBytesTestVectors: Go's zero time, no block. */
static void test_sign_bytes(void **state)
{
    (void)state;
    static const cairn_light_time zero = {.seconds = CAIRN_LIGHT_SECONDS_MIN};
    static const struct {
        unsigned type;
        unsigned height;
        const char *chain_id;
        const char *want;
    } rows[] = {
        {0, 0, "", "0d2a0b088092b8c398feffffff01"},
        {CAIRN_LIGHT_PRECOMMIT, 1, "",
         "21080211010000000000000019010000000000000"
         "02a0b088092b8c398feffffff01"},
        {CAIRN_LIGHT_PREVOTE, 1, "",
         "21080111010000000000000019010000000000000"
         "02a0b088092b8c398feffffff01"},
        {0, 1, "",
         "1f11010000000000000019010000000000000"
         "02a0b088092b8c398feffffff01"},
        {0, 1, "test_chain_id",
         "2e11010000000000000019010000000000000"
         "02a0b088092b8c398feffffff01320d746573745f636861696e5f6964"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[CAIRN_LIGHT_SIGN_BYTES_MAX];
        const cairn_light_ballot ballot = {.type = rows[i].type,
                                           .height = rows[i].height,
                                           .round = rows[i].height,
                                           .time = zero,
                                           .chain_id = cairn_bytes_str(rows[i].chain_id)};
        TEST_HEX(want, rows[i].want);
        assert_int_equal(cairn_light_canonical_vote(&ballot, bytes), want.size);
        assert_memory_equal(bytes, want.data, want.size);
    }
}

/* The longest of everything fits: negative seconds, all digits, the longest chain id. */
static void test_longest_vote(void **state)
{
    (void)state;
    static const uint8_t ones[64] = {1};
    char chain_id[CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1] = "";
    uint8_t bytes[CAIRN_LIGHT_SIGN_BYTES_MAX];
    cairn_hash hash = {{1}};
    memset(chain_id, 'c', CAIRN_LIGHT_CHAIN_ID_SIZE_MAX);
    const cairn_light_header header = {.chain_id = cairn_bytes_str(chain_id), .height = INT64_MAX};
    const cairn_light_commit commit = {
        .round = INT32_MAX, .parts = {.count = UINT32_MAX, .hash = cairn_bytes_of(ones, 32)}};
    const cairn_light_time time = {.seconds = CAIRN_LIGHT_SECONDS_MIN, .nanoseconds = 999999999};
    /* 2 of length, type 2, height 9, round 9, block id 78, time 19, chain id 52 */
    assert_int_equal(cairn_light_sign_bytes(&header, &hash, &commit, time, bytes), 171);
}

static void test_chain_id(void **state)
{
    (void)state;
    cairn_hash ledger = {{0xab, 0xcd}};
    char id[CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1];
    cairn_light_chain_id(&ledger, 42, id);
    assert_string_equal(id, "cairn-abcd00000000000000000000-42");
    assert_true(cairn_light_chain_is_of(cairn_bytes_str(id), &ledger));
    assert_false(cairn_light_chain_is_of(cairn_bytes_of(id, strlen(id) - 2), &ledger));
    assert_false(cairn_light_chain_is_of(cairn_bytes_of(id, 0), &ledger));
    ledger.b[11] = 1;
    assert_false(cairn_light_chain_is_of(cairn_bytes_str(id), &ledger));
    cairn_light_chain_id(&ledger, INT64_MAX, id);
    assert_int_equal(strlen(id), CAIRN_LIGHT_CHAIN_ID_SIZE_MAX);
    assert_true(cairn_light_chain_is_of(cairn_bytes_str(id), &ledger));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_hash),
        cmocka_unit_test(test_sign_bytes),
        cmocka_unit_test(test_longest_vote),
        cmocka_unit_test(test_chain_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
