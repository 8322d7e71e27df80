/* Evidence in the engine's JSON, and what is refused of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "ledger/consortium/double_vote.h"

#define HASH_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define SIGNATURE                                                                        \
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ" \
    "EBAQ=="
#define ADDRESS "0102030405060708090A0B0C0D0E0F1011121314"

/* As rpc/core writes it. */
static const char answer[] =
    "{\"jsonrpc\":\"2.0\",\"id\":-1,\"result\":{\"block_id\":{},\"block\":{\"header\":{},"
    "\"evidence\":"
    "{\"evidence\":[{\"type\":\"tendermint/LightClientAttackEvidence\",\"value\":{}},"
    "{\"type\":\"tendermint/DuplicateVoteEvidence\",\"value\":{"
    "\"vote_a\":{\"type\":2,\"height\":\"57\",\"round\":1,\"block_id\":{\"hash\":\"" HASH_A
    "\",\"parts\":{\"total\":1,\"hash\":\"" HASH_A
    "\"}},\"timestamp\":\"2026-11-24T15:27:58.14948957Z\","
    "\"validator_address\":\"" ADDRESS "\",\"validator_index\":2,\"signature\":\"" SIGNATURE
    "\",\"extension\":null,\"extension_signature\":null},"
    "\"vote_b\":{\"type\":2,\"height\":\"57\",\"round\":1,\"block_id\":{\"hash\":\"\",\"parts\":"
    "{\"total\":0,\"hash\":\"\"}},\"timestamp\":\"2026-11-24T15:27:59Z\",\"validator_address\":"
    "\"" ADDRESS "\",\"validator_index\":2,\"signature\":\"" SIGNATURE "\"},"
    "\"total_voting_power\":\"40\",\"validator_power\":\"10\",\"timestamp\":\"2026-11-24T15:27:"
    "58Z\"}}]}}}}";

static cairn_err read(const char *text, cairn_double_vote *ret_vote, size_t *ret_count)
{
    static cairn_arena arena;
    cairn_double_vote *votes = NULL;
    cairn_arena_done(&arena);
    cairn_arena_init(&arena, 1 << 20);
    CAIRN_TRY(cairn_double_votes_from_rpc(&arena, cairn_bytes_str(text), &votes, ret_count));
    if (*ret_count > 0)
        *ret_vote = votes[0];
    return CAIRN_OK;
}

static void test_what_the_engine_shows(void **state)
{
    (void)state;
    cairn_double_vote vote;
    size_t count = 0;
    assert_int_equal(read(answer, &vote, &count), CAIRN_OK);
    assert_int_equal(count, 1); /* the other kind is passed over */
    assert_int_equal(vote.address[19], 0x14);
    assert_int_equal(vote.type, 2);
    assert_int_equal(vote.height, 57);
    assert_int_equal(vote.round, 1);
    assert_int_equal(vote.votes[0].block.size, 32);
    assert_int_equal(vote.votes[0].parts.count, 1);
    assert_int_equal(vote.votes[0].time.nanoseconds, 149489570);
    assert_int_equal(vote.votes[1].block.size, 0);
    assert_int_equal(vote.votes[1].signature.size, 64);
    assert_int_equal(
        read("{\"result\":{\"block\":{\"evidence\":{\"evidence\":[]}}}}", &vote, &count), CAIRN_OK);
    assert_int_equal(count, 0);
}

/* The answer with its first `from` after vote_a as `to`. */
static cairn_err with(const char *from, const char *to)
{
    char text[sizeof answer + 64];
    cairn_double_vote vote;
    size_t count = 0;
    const char *at = strstr(strstr(answer, "vote_a"), from);
    assert_non_null(at);
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - answer), answer, to,
                   at + strlen(from));
    return read(text, &vote, &count);
}

static void test_refused(void **state)
{
    (void)state;
    cairn_double_vote vote;
    size_t count = 0;
    assert_int_equal(with("\"57\"", "\"58\""), CAIRN_ERR_BAD_VALUE); /* of two heights */
    assert_int_equal(with("\"57\"", "\"0\""), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(with("\"57\"", "\"-1\""), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(with("\"57\"", "\"99999999999999999999\""), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(with("\"57\"", "57"), CAIRN_ERR_WRONG_TYPE);
    assert_int_equal(with("\"type\":2", "\"type\":3"), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(with("\"round\":1", "\"round\":-1"), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(with("\"round\":1,", ""), CAIRN_ERR_MISSING_FIELD);
    assert_int_equal(with(HASH_A, "AA"), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(with("\"total\":1", "\"total\":4294967296"), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(with(SIGNATURE, "AQ=="), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(with(ADDRESS, "01"), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(with("2026-11-24T15:27:58.14948957Z", "yesterday"), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(with("vote_b", "vote_c"), CAIRN_ERR_MISSING_FIELD);
    assert_int_equal(read("{\"error\":{\"code\":-32603}}", &vote, &count), CAIRN_ERR_UNAVAILABLE);
    assert_int_equal(read("[]", &vote, &count), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(read("{\"result\":{}}", &vote, &count), CAIRN_ERR_MISSING_FIELD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_engine_shows),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
