/* Blocks from a node's answers: the way there and back, and each member that is not as it should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/light/light_json.h"
#include "support/light_rpc.h"

static test_chain chain;
static cairn_light_block block; /* height 11, four validators, three of whom voted */
static json_t *commit;          /* the answers */
static json_t *validators;

static int set_up(void **state)
{
    (void)state;
    test_chain_init(&chain);
    const cairn_light_set four = test_chain_set(&chain, 0, 4, 10);
    block = test_chain_block(&chain, 11, four, four, test_chain_hash(&chain, "app"));
    test_chain_commit(&chain, &block, 3);
    commit = test_rpc_commit(&block);
    validators = test_rpc_validators(&block, 0, 4);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(commit);
    json_decref(validators);
    test_chain_done(&chain);
    return 0;
}

static cairn_err read_pages(json_t *const *pages, size_t count, cairn_light_block *ret_block)
{
    char *texts[CAIRN_LIGHT_PAGE_COUNT_MAX + 1] = {NULL};
    cairn_bytes views[CAIRN_LIGHT_PAGE_COUNT_MAX + 1] = {{0}};
    char *body = json_dumps(commit, JSON_COMPACT);
    assert_non_null(body);
    for (size_t i = 0; i < count; i++) {
        texts[i] = json_dumps(pages[i], JSON_COMPACT);
        assert_non_null(texts[i]);
        views[i] = cairn_bytes_str(texts[i]);
    }
    cairn_err err =
        cairn_light_block_from_rpc(&chain.arena, cairn_bytes_str(body), views, count, ret_block);
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(body);
    return err;
}

static cairn_err read(void)
{
    cairn_light_block got;
    return read_pages(&validators, 1, &got);
}

static cairn_bytes encode(const cairn_light_block *one)
{
    const cairn_commit_proof proof = {.size = 1, .block_count = 1, .blocks = one};
    cairn_bytes encoded;
    CHAIN_MUST(cairn_commit_proof_encode(&chain.arena, &proof, &encoded));
    return encoded;
}

static void test_there_and_back(void **state)
{
    (void)state;
    cairn_light_block got;
    assert_int_equal(read_pages(&validators, 1, &got), CAIRN_OK);
    assert_true(cairn_bytes_equal(encode(&got), encode(&block)));
    json_t *const pages[] = {test_rpc_validators(&block, 0, 3), test_rpc_validators(&block, 3, 4)};
    assert_int_equal(read_pages(pages, 2, &got), CAIRN_OK);
    assert_true(cairn_bytes_equal(encode(&got), encode(&block)));
    assert_int_equal(read_pages(pages, 1, &got), CAIRN_ERR_BAD_PROOF); /* one is missing */
    assert_int_equal(read_pages(pages, 0, &got), CAIRN_ERR_TOO_MANY);
    json_decref(pages[0]);
    json_decref(pages[1]);
}

/* The member that `path` names, such as "result.signed_header.commit.signatures.0.signature". */
static json_t *member(json_t *json, const char *path, const char **ret_last)
{
    const char *dot = strchr(path, '.');
    char name[64];
    if (dot == NULL) {
        *ret_last = path;
        return json;
    }
    snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
    json_t *inner = json_is_array(json) ? json_array_get(json, (size_t)atoi(name))
                                        : json_object_get(json, name);
    assert_non_null(inner);
    return member(inner, dot + 1, ret_last);
}

typedef struct row {
    bool of_validators; /* else of the commit */
    const char *path;
    const char *value; /* JSON; NULL to take the member away */
    cairn_err want;
} row;

static void try_row(size_t i, const row *r)
{
    const char *last = NULL;
    json_t *object = member(r->of_validators ? validators : commit, r->path, &last);
    json_t *before = json_incref(json_object_get(object, last));
    if (r->value == NULL)
        assert_int_equal(json_object_del(object, last), 0);
    else
        assert_int_equal(
            json_object_set_new(object, last, json_loads(r->value, JSON_DECODE_ANY, NULL)), 0);
    cairn_err err = read();
    if (err != r->want)
        fail_msg("row %zu, %s: %d instead of %d: %s", i, r->path, err, r->want, cairn_err_detail());
    if (before != NULL)
        assert_int_equal(json_object_set_new(object, last, before), 0);
    else
        assert_int_equal(json_object_del(object, last), 0);
}

#define H "result.signed_header.header."
#define C "result.signed_header.commit."
#define V0 C "signatures.0."
#define V3 C "signatures.3."
#define A0 "result.validators.0."

static void test_members(void **state)
{
    (void)state;
    static const row rows[] = {
        {false, "id", "7", CAIRN_OK},
        {false, "error", "{\"code\":-32603,\"data\":\"height 9 is not available\"}",
         CAIRN_ERR_UNAVAILABLE},
        {false, "result", NULL, CAIRN_ERR_MISSING_FIELD},
        {false, "result", "[]", CAIRN_ERR_WRONG_TYPE},
        {false, H "more", "1", CAIRN_OK},
        {false, H "version", "11", CAIRN_ERR_WRONG_TYPE},
        {false, H "version.app", NULL, CAIRN_ERR_BAD_PROOF}, /* 0: another header */
        {false, H "version.block", "11", CAIRN_ERR_WRONG_TYPE},
        {false, H "chain_id", "\"\"", CAIRN_ERR_BAD_VALUE},
        {false, H "chain_id", "\"a chain id that is longer than fifty bytes must not be.\"",
         CAIRN_ERR_BAD_VALUE},
        {false, H "chain_id", "\"cairn-test2\"", CAIRN_ERR_BAD_PROOF},
        {false, H "height", "11", CAIRN_ERR_WRONG_TYPE},
        {false, H "height", "\"011\"", CAIRN_ERR_BAD_VALUE},
        {false, H "height", "\"-11\"", CAIRN_ERR_BAD_VALUE},
        {false, H "height", "\"0\"", CAIRN_ERR_BAD_PROOF}, /* not that of the validators */
        {false, H "height", "\"\"", CAIRN_ERR_BAD_VALUE},
        {false, H "height", "\"9223372036854775808\"", CAIRN_ERR_BAD_VALUE},
        {false, H "height", "\"18446744073709551627\"", CAIRN_ERR_BAD_VALUE}, /* 2^64 + 11 */
        {false, H "time", "\"2026-02-30T00:00:00Z\"", CAIRN_ERR_BAD_VALUE},
        {false, H "time", "\"2026-02-03T00:00:00+01:00\"", CAIRN_ERR_BAD_VALUE},
        {false, H "time", "\"2026-02-03T00:00:00.Z\"", CAIRN_ERR_BAD_VALUE},
        {false, H "time", "\"2026-02-03T00:00:00.0123456789Z\"", CAIRN_ERR_BAD_VALUE},
        {false, H "time", "\"2026-2-3T00:00:00Z\"", CAIRN_ERR_BAD_VALUE},
        {false, H "time", "\" 2026-02-03T00:00:00Z\"", CAIRN_ERR_BAD_VALUE},
        {false, H "time", "\"2026-02-03T00:00:60Z\"", CAIRN_ERR_BAD_VALUE},
        {false, H "time", "\"2026-02-03T00:00:00Z\"", CAIRN_ERR_BAD_PROOF},
        {false, H "last_block_id", "null", CAIRN_ERR_WRONG_TYPE},
        {false, H "last_block_id.parts.total", "4294967296", CAIRN_ERR_BAD_VALUE},
        {false, H "last_block_id.parts.total", "-1", CAIRN_ERR_BAD_VALUE},
        {false, H "data_hash", "\"00\"", CAIRN_ERR_BAD_VALUE},
        {false, H "data_hash", "\"0\"", CAIRN_ERR_BAD_VALUE},
        {false, H "data_hash", "\"\"", CAIRN_ERR_BAD_PROOF},
        {false, H "validators_hash", "\"\"", CAIRN_ERR_BAD_VALUE},
        {false, H "app_hash", "\"zz\"", CAIRN_ERR_BAD_VALUE},
        {false, H "proposer_address", "\"00\"", CAIRN_ERR_BAD_VALUE},
        {false, C "height", "\"12\"", CAIRN_ERR_BAD_PROOF},
        {false, C "round", "\"0\"", CAIRN_ERR_WRONG_TYPE},
        {false, C "round", "-1", CAIRN_ERR_BAD_VALUE},
        {false, C "round", "2147483648", CAIRN_ERR_BAD_VALUE},
        {false, C "round", "2147483647", CAIRN_OK}, /* the votes will tell */
        {false, C "block_id.hash", "\"\"", CAIRN_ERR_BAD_PROOF},
        {false, C "signatures", "[]", CAIRN_ERR_BAD_PROOF},
        {false, C "signatures", "null", CAIRN_ERR_WRONG_TYPE},
        {false, V0 "block_id_flag", "0", CAIRN_ERR_BAD_VALUE},
        {false, V0 "block_id_flag", "1", CAIRN_ERR_BAD_VALUE}, /* absent with a signature */
        {false, V0 "block_id_flag", "3", CAIRN_OK},
        {false, V0 "block_id_flag", "4", CAIRN_ERR_BAD_VALUE},
        {false, V0 "block_id_flag", "\"2\"", CAIRN_ERR_WRONG_TYPE},
        {false, V0 "validator_address", "\"\"", CAIRN_ERR_BAD_PROOF},
        {false, V0 "validator_address", "\"0000000000000000000000000000000000000000\"",
         CAIRN_ERR_BAD_PROOF},
        {false, V0 "signature", "\"\"", CAIRN_ERR_BAD_VALUE},
        {false, V0 "signature", "null", CAIRN_ERR_BAD_VALUE},
        {false, V0 "signature", "\"AAAA\"", CAIRN_ERR_BAD_VALUE},
        {false, V0 "timestamp", NULL, CAIRN_ERR_MISSING_FIELD},
        {false, V3 "timestamp", "\"2026-02-03T00:00:00Z\"", CAIRN_ERR_BAD_VALUE},
        {false, V3 "validator_address", "\"00\"", CAIRN_ERR_BAD_VALUE},
        {false, V3 "signature", "\"AAAA\"", CAIRN_ERR_BAD_VALUE},
        {false, V3 "block_id_flag", "3", CAIRN_ERR_BAD_VALUE},
        {true, "result.block_height", "\"12\"", CAIRN_ERR_BAD_PROOF},
        {true, "result.total", "\"5\"", CAIRN_ERR_BAD_PROOF},
        {true, "result.validators", "[]", CAIRN_ERR_BAD_PROOF},
        {true, A0 "address", "\"0000000000000000000000000000000000000000\"", CAIRN_ERR_BAD_PROOF},
        {true, A0 "pub_key.type", "\"tendermint/PubKeySecp256k1\"", CAIRN_ERR_BAD_ALGORITHM},
        {true, A0 "pub_key.value", "\"AAAA\"", CAIRN_ERR_BAD_VALUE},
        {true, A0 "voting_power", "\"-10\"", CAIRN_ERR_BAD_VALUE},
        {true, A0 "voting_power", "\"1152921504606846976\"", CAIRN_ERR_BAD_VALUE},
        {true, A0 "voting_power", "10", CAIRN_ERR_WRONG_TYPE},
        {true, A0 "proposer_priority", NULL, CAIRN_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        try_row(i, &rows[i]);
}

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        cairn_err want;
    } cases[] = {
        {"", CAIRN_ERR_BAD_VALUE},
        {"[]", CAIRN_ERR_WRONG_TYPE},
        {"{\"result\":{}", CAIRN_ERR_BAD_VALUE},
        {"{\"result\":{},\"result\":{}}", CAIRN_ERR_DUPLICATE_KEY},
        {"{\"result\":[[[[[[[[[[]]]]]]]]]]}", CAIRN_ERR_TOO_DEEP},
    };
    static const cairn_bytes no_page = {.data = (const uint8_t *)"{}", .size = 2};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_light_block got;
        assert_int_equal(cairn_light_block_from_rpc(&chain.arena, cairn_bytes_str(cases[i].text),
                                                    &no_page, 1, &got),
                         cases[i].want);
    }
}

/* More validators than we take. */
static void test_too_many(void **state)
{
    (void)state;
    json_t *list = json_array();
    json_t *one =
        json_array_get(json_object_get(json_object_get(validators, "result"), "validators"), 0);
    for (size_t i = 0; i <= CAIRN_LIGHT_VALIDATORS_MAX; i++)
        assert_int_equal(json_array_append(list, one), 0);
    assert_int_equal(json_object_set_new(json_object_get(validators, "result"), "validators", list),
                     0);
    assert_int_equal(json_object_set_new(json_object_get(validators, "result"), "total",
                                         test_rpc_number(CAIRN_LIGHT_VALIDATORS_MAX + 1)),
                     0);
    assert_int_equal(read(), CAIRN_ERR_TOO_MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_members, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
