/* The way between two heights: the bisection cases of tendermint-rs, and our own.
 *
 * Those cases were made for Tendermint 0.33, whose headers and sets hash otherwise (amino). Here
 * keys of ours stand for theirs, and sets, headers and votes are made anew as the engine of today
 * makes them: who is in which set, who signs, when, and what the witnesses say is theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/light/light_bridge.h"
#include "support/light_cases.h"
#include "support/light_chain.h"

static test_chain chain;

static int set_up(void **state)
{
    (void)state;
    test_chain_init(&chain);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_chain_done(&chain);
    return 0;
}

/* --- cases of tendermint-rs --- */

/* A key of ours for each of theirs. */
static const uint8_t *stand_in(const uint8_t *theirs)
{
    static uint8_t known[CAIRN_LIGHT_VALIDATORS_MAX][32];
    static size_t count;
    size_t i = 0;
    while (i < count && memcmp(known[i], theirs, 32) != 0)
        i++;
    assert_true(i < CAIRN_LIGHT_VALIDATORS_MAX);
    if (i == count)
        memcpy(known[count++], theirs, 32);
    return cairn_key_public(chain.keys[i]).data;
}

static cairn_light_set recast_set(const json_t *header, const json_t *set, cairn_light_header *ret)
{
    cairn_light_state state;
    assert_int_equal(
        cairn_light_state_from_json(&chain.arena, header, cases_at(set, "validators"), &state),
        CAIRN_OK);
    for (size_t i = 0; i < state.validators.count; i++) {
        cairn_light_validator *v =
            (cairn_light_validator *)(uintptr_t)&state.validators.validators[i];
        v->public_key = stand_in(v->public_key);
    }
    *ret = state.header;
    return state.validators;
}

static cairn_light_block recast(const json_t *json)
{
    cairn_light_block block = {0};
    const json_t *header = cases_at(cases_at(json, "signed_header"), "header");
    const json_t *commit = cases_at(cases_at(json, "signed_header"), "commit");
    const json_t *vote = NULL;
    size_t i = 0;
    cases_reorder(json);
    const cairn_light_set next =
        recast_set(header, cases_at(json, "next_validator_set"), &block.state.header);
    block.state.validators =
        recast_set(header, cases_at(json, "validator_set"), &block.state.header);
    block.state.header.validators_hash = test_chain_set_hash(&chain, &block.state.validators);
    block.state.header.next_validators_hash = test_chain_set_hash(&chain, &next);
    test_chain_commit(&chain, &block, 0);
    json_array_foreach(cases_at(commit, "signatures"), i, vote)
    {
        if (json_integer_value(cases_at(vote, "block_id_flag")) == 2)
            test_chain_vote(&chain, &block, i, cases_time(vote, "timestamp"),
                            (cairn_light_vote *)(uintptr_t)block.commit.votes);
    }
    return block;
}

static cairn_err read_case(void *context, uint64_t height, cairn_light_block *ret_block)
{
    const json_t *block = NULL;
    size_t i = 0;
    json_array_foreach((const json_t *)context, i, block)
    {
        const json_t *header = cases_at(cases_at(block, "signed_header"), "header");
        if (strtoull(cases_text(header, "height"), NULL, 10) != height)
            continue;
        *ret_block = recast(block);
        return CAIRN_OK;
    }
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "height: %llu", (unsigned long long)height);
}

/* What a provider leads to, and how many blocks that takes. */
static cairn_err follow(const json_t *json, json_t *blocks, cairn_hash *ret_hash, size_t *ret_count)
{
    static cairn_light_block way[CAIRN_LIGHT_BLOCKS_MAX];
    const json_t *options = cases_at(json, "trust_options");
    const cairn_light_source source = {.read = read_case, .context = blocks};
    const cairn_light_rules rules = {.trusting_period_ms = cases_period_ms(options, "period"),
                                     .clock_drift_ms = CAIRN_LIGHT_CLOCK_DRIFT_MS,
                                     .now = cases_time(json, "now")};
    cairn_light_block first;
    CAIRN_TRY(read_case(blocks, strtoull(cases_text(options, "height"), NULL, 10), &first));
    CAIRN_TRY(cairn_light_bridge(&first.state, &rules, &source,
                                 strtoull(cases_text(json, "height_to_verify"), NULL, 10), way,
                                 ret_count));
    cairn_light_header_hash(&way[*ret_count - 1].state.header, ret_hash);
    return CAIRN_OK;
}

/* Others who hold the same trust: each must lead to the same header. */
static cairn_err compare(const json_t *json, const cairn_hash *hash)
{
    const json_t *witness = NULL;
    size_t i = 0;
    json_array_foreach(cases_at(json, "witnesses"), i, witness)
    {
        cairn_hash other;
        size_t count = 0;
        const json_t *inner = json_object_get(witness, "value");
        json_t *blocks = json_object_get(inner != NULL ? inner : witness, "lite_blocks");
        CAIRN_TRY(follow(json, blocks, &other, &count));
        if (!cairn_hash_equal(hash, &other))
            return CAIRN_FAIL(CAIRN_ERR_INCONSISTENT, "house", "a witness has another header");
    }
    return CAIRN_OK;
}

static void run_case(void *context, const char *path)
{
    size_t *cases = context;
    size_t count = 0;
    cairn_hash hash;
    json_t *json = cases_load(path);
    json_t *blocks = json_object_get(json_object_get(json, "primary"), "lite_blocks");
    cairn_err err = follow(json, blocks, &hash, &count);
    if (err == CAIRN_OK)
        err = compare(json, &hash);
    bool good = strcmp(cases_text(json, "expected_output"), "no error") == 0;
    print_message("%s: %zu blocks, %s\n", strrchr(path, '/') + 1, count,
                  err == CAIRN_OK ? "yes" : cairn_err_name(err));
    assert_int_equal(err == CAIRN_OK, good);
    (*cases)++;
    json_decref(json);
}

static void test_bisections(void **state)
{
    (void)state;
    char path[4096];
    size_t cases = 0;
    if (!test_shared_path("ledger/light-client/bisection/single_peer/_happy_path.json", path))
        skip();
    for (int up = 0; up < 2; up++)
        *strrchr(path, '/') = '\0';
    test_each_file(path, run_case, &cases);
    assert_int_equal(cases, 8);
}

/* --- ours --- */

/* At each height another validator alone, so that no block can be left out; or always the same. */
static cairn_err read_ours(void *context, uint64_t height, cairn_light_block *ret_block)
{
    const bool *changing = context;
    if (height > 100)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "height: to come");
    size_t at = *changing ? (size_t)height : 0;
    *ret_block = test_chain_block(&chain, height, test_chain_set(&chain, at, 1, 10),
                                  test_chain_set(&chain, at + *changing, 1, 10), (cairn_bytes){0});
    return CAIRN_OK;
}

static void test_ours(void **state)
{
    (void)state;
    static cairn_light_block way[CAIRN_LIGHT_BLOCKS_MAX];
    bool changing = false;
    size_t count = 0;
    const cairn_light_source source = {.read = read_ours, .context = &changing};
    const cairn_light_rules rules = test_chain_rules(100);
    cairn_light_block first;
    assert_int_equal(read_ours(&changing, 10, &first), CAIRN_OK);
    assert_int_equal(cairn_light_bridge(&first.state, &rules, &source, 90, way, &count), CAIRN_OK);
    assert_int_equal(count, 1);
    changing = true;
    assert_int_equal(read_ours(&changing, 10, &first), CAIRN_OK);
    assert_int_equal(cairn_light_bridge(&first.state, &rules, &source, 10 + 64, way, &count),
                     CAIRN_OK);
    assert_int_equal(count, 64);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(way[i].state.header.height, 11 + i);
    assert_int_equal(cairn_light_bridge(&first.state, &rules, &source, 10 + 65, way, &count),
                     CAIRN_ERR_TOO_MANY);
    assert_int_equal(cairn_light_bridge(&first.state, &rules, &source, 10, way, &count),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_light_bridge(&first.state, &rules, &source, 9, way, &count),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_light_bridge(&first.state, &rules, &source, 101, way, &count),
                     CAIRN_ERR_UNAVAILABLE);
}

/* A source that answers with one block, whatever is asked for, leads nowhere, and comes to an end.
 */
static cairn_err read_same(void *context, uint64_t height, cairn_light_block *ret_block)
{
    (void)height;
    return read_ours(context, 90, ret_block);
}

static void test_other_height(void **state)
{
    (void)state;
    static cairn_light_block way[CAIRN_LIGHT_BLOCKS_MAX];
    bool changing = true;
    size_t count = 0;
    const cairn_light_source source = {.read = read_same, .context = &changing};
    const cairn_light_rules rules = test_chain_rules(100);
    cairn_light_block first;
    assert_int_equal(read_ours(&changing, 10, &first), CAIRN_OK);
    assert_int_equal(cairn_light_bridge(&first.state, &rules, &source, 90, way, &count),
                     CAIRN_ERR_BAD_PROOF);
    changing = false;
    assert_int_equal(cairn_light_bridge(&first.state, &rules, &source, 80, way, &count),
                     CAIRN_ERR_BAD_PROOF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bisections, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_height, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
