/* One step of the light client: each check of docs/formats/commit-proof.md with its no. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/light/light_vote.h"
#include "support/light_chain.h"

static test_chain chain;
static cairn_light_set four;
static cairn_light_block trusted; /* height 10, four validators of power 10 */
static cairn_light_rules rules;   /* now is height 100 */

static int set_up(void **state)
{
    (void)state;
    test_chain_init(&chain);
    four = test_chain_set(&chain, 0, 4, 10);
    trusted =
        test_chain_block(&chain, 10, four, four, test_chain_hash(&chain, "the app hash of nine"));
    rules = test_chain_rules(100);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_chain_done(&chain);
    return 0;
}

static cairn_light_block next_of(uint64_t height, cairn_light_set set)
{
    return test_chain_block(&chain, height, set, four, test_chain_hash(&chain, "app"));
}

static cairn_err verify(const cairn_light_block *block)
{
    cairn_hash hash;
    return cairn_light_verify(&trusted.state, &rules, block, &hash);
}

/* Signs again after a change of the header, by the first `voters`. */
static cairn_err resign(cairn_light_block *block, size_t voters)
{
    test_chain_commit(&chain, block, voters);
    return verify(block);
}

static void test_adjacent_and_skipping(void **state)
{
    (void)state;
    cairn_hash hash, want;
    cairn_light_block block = next_of(11, four);
    assert_int_equal(cairn_light_verify(&trusted.state, &rules, &block, &hash), CAIRN_OK);
    cairn_light_header_hash(&block.state.header, &want);
    assert_memory_equal(hash.b, want.b, sizeof want);
    block = next_of(50, four);
    assert_int_equal(verify(&block), CAIRN_OK);
    block.commit.round = 7;
    assert_int_equal(verify(&block), CAIRN_ERR_BAD_SIGNATURE); /* signed in another round */
    assert_int_equal(resign(&block, 4), CAIRN_OK);
}

/* Exactly two thirds is not more than two thirds. */
static void test_two_thirds(void **state)
{
    (void)state;
    const cairn_light_set three = test_chain_set(&chain, 0, 3, 10);
    trusted = test_chain_block(&chain, 10, four, three, test_chain_hash(&chain, "app"));
    cairn_light_block block = next_of(11, three);
    assert_int_equal(resign(&block, 3), CAIRN_OK);
    assert_int_equal(resign(&block, 2), CAIRN_ERR_BAD_PROOF);
    assert_int_equal(resign(&block, 0), CAIRN_ERR_BAD_PROOF);
    trusted = test_chain_block(&chain, 10, four, four, test_chain_hash(&chain, "app"));
    block = next_of(11, four);
    assert_int_equal(resign(&block, 3), CAIRN_OK);
    assert_int_equal(resign(&block, 2), CAIRN_ERR_BAD_PROOF);
}

/* Of a set that we do not know: more than a third of ours must have signed. */
static void test_a_third_of_the_trusted(void **state)
{
    (void)state;
    const cairn_light_set three = test_chain_set(&chain, 0, 3, 10);
    trusted = test_chain_block(&chain, 10, three, three, test_chain_hash(&chain, "app"));
    cairn_light_block block = next_of(12, test_chain_set(&chain, 1, 3, 10)); /* knows two */
    assert_int_equal(verify(&block), CAIRN_OK);
    block = next_of(12, test_chain_set(&chain, 2, 3, 10)); /* knows one: exactly a third */
    assert_int_equal(verify(&block), CAIRN_ERR_NOT_TRUSTED);
    block = next_of(12, test_chain_set(&chain, 3, 3, 10)); /* strangers */
    assert_int_equal(verify(&block), CAIRN_ERR_NOT_TRUSTED);
    block = next_of(11, test_chain_set(&chain, 1, 3, 10)); /* adjacent: must be the next set */
    assert_int_equal(verify(&block), CAIRN_ERR_BAD_PROOF);
}

/* Known validators who are in the set but did not vote do not help. */
static void test_absent_are_not_counted(void **state)
{
    (void)state;
    cairn_light_block block = next_of(12, test_chain_set(&chain, 2, 12, 10)); /* knows two */
    assert_int_equal(verify(&block), CAIRN_OK);
    cairn_light_vote *votes = (cairn_light_vote *)(uintptr_t)block.commit.votes;
    votes[1].signature = NULL;
    assert_int_equal(verify(&block), CAIRN_ERR_NOT_TRUSTED);
}

static void test_weights_are_powers(void **state)
{
    (void)state;
    cairn_light_set heavy = test_chain_set(&chain, 0, 4, 1);
    ((cairn_light_validator *)(uintptr_t)heavy.validators)[3].power = 7; /* of 10 */
    trusted = test_chain_block(&chain, 10, four, heavy, test_chain_hash(&chain, "app"));
    cairn_light_block block = next_of(11, heavy);
    assert_int_equal(resign(&block, 3), CAIRN_ERR_BAD_PROOF); /* three of four, 3 of 10 */
    test_chain_commit(&chain, &block, 4);
    cairn_light_vote *votes = (cairn_light_vote *)(uintptr_t)block.commit.votes;
    votes[0].signature = votes[1].signature = votes[2].signature = NULL;
    assert_int_equal(verify(&block), CAIRN_OK); /* one of four, 7 of 10 */
}

static void test_header_rules(void **state)
{
    (void)state;
    cairn_light_block block = next_of(10, four);
    assert_int_equal(verify(&block), CAIRN_ERR_BAD_PROOF); /* not above */
    block = next_of(9, four);
    assert_int_equal(verify(&block), CAIRN_ERR_BAD_PROOF); /* backwards */
    block = next_of(11, four);
    block.state.header.chain_id = cairn_bytes_str("other-chain");
    assert_int_equal(resign(&block, 4), CAIRN_ERR_BAD_PROOF);
    block = next_of(11, four);
    block.state.header.time = trusted.state.header.time;
    assert_int_equal(resign(&block, 4), CAIRN_ERR_BAD_PROOF); /* not later */
    block.state.header.time.nanoseconds++;
    assert_int_equal(resign(&block, 4), CAIRN_OK);
    block.state.header.validators_hash = test_chain_hash(&chain, "others");
    assert_int_equal(resign(&block, 4), CAIRN_ERR_BAD_PROOF);
    block = next_of(11, four);
    block.commit.vote_count = 3;
    assert_int_equal(verify(&block), CAIRN_ERR_BAD_PROOF);
}

static void test_clock(void **state)
{
    (void)state;
    cairn_light_block block = next_of(100, four);
    block.state.header.time = rules.now;
    block.state.header.time.seconds += 10;
    assert_int_equal(resign(&block, 4), CAIRN_ERR_EARLY); /* not before now + drift */
    block.state.header.time.seconds -= 1;
    block.state.header.time.nanoseconds = 999999999;
    assert_int_equal(resign(&block, 4), CAIRN_OK);
    block = next_of(11, four);
    rules = test_chain_rules(10 + 1000); /* the trusting period to the nanosecond */
    assert_int_equal(verify(&block), CAIRN_ERR_TRUST_EXPIRED);
    rules.now.nanoseconds--;
    assert_int_equal(verify(&block), CAIRN_OK);
    rules.now.nanoseconds++;
    rules.trusting_period_ms++;
    assert_int_equal(verify(&block), CAIRN_OK);
}

/* A time whose milliseconds carry over. */
static void test_times(void **state)
{
    (void)state;
    cairn_light_time time = cairn_light_time_of_ms(1999);
    assert_int_equal(time.seconds, 1);
    assert_int_equal(time.nanoseconds, 999000000);
    assert_int_equal(cairn_light_time_to_ms(time), 1999);
    assert_int_equal(cairn_light_time_to_ms((cairn_light_time){.seconds = -1}), 0);
    assert_true(cairn_light_time_compare((cairn_light_time){-1, 5}, (cairn_light_time){0, 0}) < 0);
    assert_true(cairn_light_time_compare((cairn_light_time){1, 6}, (cairn_light_time){1, 5}) > 0);
    assert_true(cairn_light_time_compare((cairn_light_time){1, 5}, (cairn_light_time){1, 5}) == 0);
}

static void test_sets(void **state)
{
    (void)state;
    uint64_t total = 0;
    cairn_light_set set = test_chain_set(&chain, 0, 4, CAIRN_LIGHT_POWER_MAX / 4);
    cairn_light_validator *v = (cairn_light_validator *)(uintptr_t)set.validators;
    assert_int_equal(cairn_light_set_check(&set, &total), CAIRN_OK);
    assert_true(total == CAIRN_LIGHT_POWER_MAX / 4 * 4);
    v[3].power += CAIRN_LIGHT_POWER_MAX % 4;
    assert_int_equal(cairn_light_set_check(&set, &total), CAIRN_OK);
    v[3].power++; /* the sum is too large */
    assert_int_equal(cairn_light_set_check(&set, &total), CAIRN_ERR_BAD_VALUE);
    v[3].power = UINT64_MAX; /* would wrap, or be negative */
    assert_int_equal(cairn_light_set_check(&set, &total), CAIRN_ERR_BAD_VALUE);
    v[3].power = 0;
    assert_int_equal(cairn_light_set_check(&set, &total), CAIRN_ERR_BAD_VALUE);
    v[3] = v[1];
    assert_int_equal(cairn_light_set_check(&set, &total), CAIRN_ERR_DUPLICATE_KEY);
    set.count = 0;
    assert_int_equal(cairn_light_set_check(&set, &total), CAIRN_ERR_BAD_VALUE);
    set.count = CAIRN_LIGHT_VALIDATORS_MAX + 1;
    assert_int_equal(cairn_light_set_check(&set, &total), CAIRN_ERR_TOO_MANY);
}

/* A validator who is listed twice would vote twice: the chain says so itself, and is refused. */
static void test_listed_twice(void **state)
{
    (void)state;
    cairn_light_set set = test_chain_set(&chain, 0, 4, 10);
    ((cairn_light_validator *)(uintptr_t)set.validators)[1] = set.validators[0];
    cairn_light_block block = next_of(12, set);
    assert_int_equal(verify(&block), CAIRN_ERR_DUPLICATE_KEY);
    trusted = test_chain_block(&chain, 10, four, set, test_chain_hash(&chain, "app"));
    block = next_of(11, set);
    assert_int_equal(verify(&block), CAIRN_ERR_DUPLICATE_KEY);
}

/* One validator's signature in the place of another, though it is over the same bytes. */
static void test_counted_twice(void **state)
{
    (void)state;
    cairn_light_block block = next_of(11, four);
    test_chain_commit(&chain, &block, 2);
    cairn_light_vote *votes = (cairn_light_vote *)(uintptr_t)block.commit.votes;
    votes[2] = votes[0];
    votes[3] = votes[1];
    assert_int_equal(verify(&block), CAIRN_ERR_BAD_SIGNATURE);
}

/* Signs something else in the place of vote 1. */
static cairn_err with_ballot(cairn_light_ballot ballot)
{
    uint8_t bytes[CAIRN_LIGHT_SIGN_BYTES_MAX];
    cairn_light_block block = next_of(11, four);
    cairn_light_vote *votes = (cairn_light_vote *)(uintptr_t)block.commit.votes;
    size_t size;
    ballot.time = votes[1].time;
    size = cairn_light_canonical_vote(&ballot, bytes);
    votes[1].signature = test_chain_sign(&chain, four.validators[1].public_key, bytes, size);
    return verify(&block);
}

static void test_votes_for_something_else(void **state)
{
    (void)state;
    cairn_hash hash;
    const cairn_light_block block = next_of(11, four);
    cairn_light_header_hash(&block.state.header, &hash);
    const cairn_light_ballot good = {.type = CAIRN_LIGHT_PRECOMMIT,
                                     .height = 11,
                                     .hash = &hash,
                                     .parts = block.commit.parts,
                                     .chain_id = cairn_bytes_str("cairn-test")};
    cairn_light_ballot other = good;
    assert_int_equal(with_ballot(good), CAIRN_OK);
    other.type = CAIRN_LIGHT_PREVOTE;
    assert_int_equal(with_ballot(other), CAIRN_ERR_BAD_SIGNATURE);
    other = good;
    other.hash = NULL; /* a nil vote */
    assert_int_equal(with_ballot(other), CAIRN_ERR_BAD_SIGNATURE);
    other = good;
    other.height = 12;
    assert_int_equal(with_ballot(other), CAIRN_ERR_BAD_SIGNATURE);
    other = good;
    other.round = 1;
    assert_int_equal(with_ballot(other), CAIRN_ERR_BAD_SIGNATURE);
    other = good;
    other.parts.count++;
    assert_int_equal(with_ballot(other), CAIRN_ERR_BAD_SIGNATURE);
    other = good;
    other.chain_id = cairn_bytes_str("cairn-test2");
    assert_int_equal(with_ballot(other), CAIRN_ERR_BAD_SIGNATURE);
}

/* Votes that are not needed are not looked at; one that is needed ends it. */
static void test_only_what_is_needed(void **state)
{
    (void)state;
    static const uint8_t nothing[64];
    cairn_light_block block = next_of(11, four);
    cairn_light_vote *votes = (cairn_light_vote *)(uintptr_t)block.commit.votes;
    votes[3].signature = nothing;
    assert_int_equal(verify(&block), CAIRN_OK);
    votes[2].signature = nothing;
    assert_int_equal(verify(&block), CAIRN_ERR_BAD_SIGNATURE);
}

/* The identity point as a key: ZIP-215 lets its owner-less "signatures" pass, we do not. */
static void test_small_order_key(void **state)
{
    (void)state;
    static const uint8_t identity[64] = {1};
    cairn_light_set set = test_chain_set(&chain, 0, 4, 10);
    ((cairn_light_validator *)(uintptr_t)set.validators)[3].public_key = identity;
    trusted = test_chain_block(&chain, 10, four, set, test_chain_hash(&chain, "app"));
    cairn_light_block block = test_chain_block(&chain, 11, four, four, (cairn_bytes){0});
    block.state.validators = set;
    block.state.header.validators_hash = test_chain_set_hash(&chain, &set);
    test_chain_commit(&chain, &block, 2);
    cairn_light_vote *votes = (cairn_light_vote *)(uintptr_t)block.commit.votes;
    votes[3].signature = identity; /* R = identity, s = 0 */
    assert_int_equal(verify(&block), CAIRN_ERR_BAD_KEY);
}

/* The set that comes with the trusted header may be its own or the next, and no other. */
static void test_trusted_set(void **state)
{
    (void)state;
    const cairn_light_set later = test_chain_set(&chain, 1, 4, 10);
    trusted = test_chain_block(&chain, 10, four, later, test_chain_hash(&chain, "app"));
    const cairn_light_block block = next_of(12, later);
    assert_int_equal(verify(&block), CAIRN_OK);
    trusted.state.validators = later;
    assert_int_equal(verify(&block), CAIRN_OK);
    trusted.state.validators = test_chain_set(&chain, 2, 4, 10);
    assert_int_equal(verify(&block), CAIRN_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_adjacent_and_skipping, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_thirds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_third_of_the_trusted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_absent_are_not_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_weights_are_powers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_header_rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_listed_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_counted_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_votes_for_something_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_what_is_needed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_small_order_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_trusted_set, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
