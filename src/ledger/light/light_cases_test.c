/* The JSON cases of tendermint-rs that were made from a TLA+ model: single steps of a light client,
 * with what each must say. Data outside the repository. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/light/light_json.h"
#include "support/shared.h"

enum { NS_PER_MS = 1000000 };

static const json_t *at(const json_t *json, const char *name)
{
    const json_t *value = json_object_get(json, name);
    assert_non_null(value);
    return value;
}

static const char *text_at(const json_t *json, const char *name)
{
    const char *text = json_string_value(at(json, name));
    assert_non_null(text);
    return text;
}

static long long power_at(const json_t *validator)
{
    return strtoll(text_at(validator, "voting_power"), NULL, 10);
}

/* The engine's order: more power first, then by address. */
static void sort_validators(json_t *list)
{
    for (size_t i = 1; i < json_array_size(list); i++) {
        json_t *item = json_incref(json_array_get(list, i));
        size_t k = i;
        while (k > 0 && (power_at(json_array_get(list, k - 1)) < power_at(item) ||
                         (power_at(json_array_get(list, k - 1)) == power_at(item) &&
                          strcmp(text_at(json_array_get(list, k - 1), "address"),
                                 text_at(item, "address")) > 0)))
            k--;
        assert_int_equal(json_array_remove(list, i), 0);
        assert_int_equal(json_array_insert_new(list, k, item), 0);
    }
}

/* They spell a part set and the time of an absent vote as tendermint-rs does, and leave out block
 * ids and empty lists, and its validators are in any order. */
static void respell(json_t *json)
{
    const char *name = NULL;
    json_t *value = NULL;
    size_t i = 0;
    void *next = NULL;
    json_t *parts = json_object_get(json, "part_set_header");
    if (parts != NULL)
        assert_int_equal(json_object_set(json, "parts", parts), 0);
    if (json_is_null(json_object_get(json, "last_block_id")))
        assert_int_equal(json_object_set_new(json, "last_block_id",
                                             json_pack("{s:s, s:{s:i, s:s}}", "hash", "", "parts",
                                                       "total", 0, "hash", "")),
                         0);
    if (json_is_null(json_object_get(json, "signatures")))
        assert_int_equal(json_object_set_new(json, "signatures", json_array()), 0);
    if (json_integer_value(json_object_get(json, "block_id_flag")) == 1)
        assert_int_equal(
            json_object_set_new(json, "timestamp", json_string("0001-01-01T00:00:00Z")), 0);
    value = json_object_get(json, "validators");
    if (json_object_get(json_array_get(value, 0), "address") != NULL)
        sort_validators(value);
    json_object_foreach_safe(json, next, name, value) respell(value);
    json_array_foreach(json, i, value) respell(value);
}

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL)
        print_message("%s: %s\n", path, error.text);
    assert_non_null(json);
    respell(json);
    return json;
}

static cairn_light_time time_at(const json_t *json, const char *name)
{
    cairn_light_time time;
    assert_int_equal(cairn_light_time_parse(text_at(json, name), &time), CAIRN_OK);
    return time;
}

static uint64_t period_ms(const json_t *json, const char *name)
{
    return strtoull(text_at(json, name), NULL, 10) / NS_PER_MS;
}

/* The vote of `address`, or an absent one. */
static json_t *vote_of(const json_t *votes, const char *address)
{
    json_t *vote = NULL;
    size_t i = 0;
    json_array_foreach(votes, i, vote)
    {
        if (strcmp(text_at(vote, "validator_address"), address) == 0)
            return json_incref(vote);
    }
    return json_pack("{s:i, s:s, s:s, s:s}", "block_id_flag", 1, "validator_address", "",
                     "timestamp", "0001-01-01T00:00:00Z", "signature", "");
}

/* tendermint-rs takes votes in any order; the engine has them in that of the validators. A commit
 * with strangers' votes, or too many, stays as it is. */
static void reorder(const json_t *block)
{
    json_t *commit = json_object_get(at(block, "signed_header"), "commit");
    const json_t *votes = at(commit, "signatures");
    json_t *ordered = json_array();
    json_t *validator = NULL;
    size_t i = 0;
    size_t before = 0;
    size_t after = 0;
    json_array_foreach(at(at(block, "validator_set"), "validators"), i, validator)
    {
        json_t *vote = vote_of(votes, text_at(validator, "address"));
        after += json_integer_value(at(vote, "block_id_flag")) == 2;
        assert_int_equal(json_array_append_new(ordered, vote), 0);
    }
    json_array_foreach(votes, i, validator) before +=
        json_integer_value(at(validator, "block_id_flag")) == 2;
    if (before == after && json_array_size(votes) == json_array_size(ordered))
        assert_int_equal(json_object_set(commit, "signatures", ordered), 0);
    json_decref(ordered);
}

static cairn_err read_block(cairn_arena *arena, const json_t *json, cairn_light_block *block)
{
    reorder(json);
    return cairn_light_block_from_json(arena, at(json, "signed_header"),
                                       at(at(json, "validator_set"), "validators"), block);
}

static const char *verdict_of(cairn_err err)
{
    return err == CAIRN_OK                ? "SUCCESS"
           : err == CAIRN_ERR_NOT_TRUSTED ? "NOT_ENOUGH_TRUST"
                                          : "INVALID";
}

typedef struct tally {
    size_t steps;
    size_t yes;
    size_t no;
    size_t unknown;
} tally;

static void read_next_state(cairn_arena *arena, const json_t *json, cairn_light_state *state)
{
    assert_int_equal(cairn_light_state_from_json(arena, at(at(json, "signed_header"), "header"),
                                                 at(at(json, "next_validator_set"), "validators"),
                                                 state),
                     CAIRN_OK);
}

static void run_steps(void *context, const char *path)
{
    tally *t = context;
    cairn_arena arena;
    cairn_light_state trusted;
    const json_t *input = NULL;
    size_t i = 0;
    if (strstr(path, ".json") == NULL)
        return;
    json_t *json = load(path);
    cairn_arena_init(&arena, 64 << 20);
    read_next_state(&arena, at(json, "initial"), &trusted);
    json_array_foreach(at(json, "input"), i, input)
    {
        cairn_light_block block;
        cairn_hash hash;
        const json_t *light_block = at(input, "block");
        const cairn_light_rules rules = {.trusting_period_ms =
                                             period_ms(at(json, "initial"), "trusting_period"),
                                         .now = time_at(input, "now")};
        cairn_err err = read_block(&arena, light_block, &block);
        if (err == CAIRN_OK)
            err = cairn_light_verify(&trusted, &rules, &block, &hash);
        if (strcmp(verdict_of(err), text_at(input, "verdict")) != 0)
            print_message("%s, step %zu: %s\n", path, i, cairn_err_detail());
        assert_string_equal(verdict_of(err), text_at(input, "verdict"));
        if (err == CAIRN_OK)
            read_next_state(&arena, light_block, &trusted);
        t->steps++;
        t->yes += err == CAIRN_OK;
        t->unknown += err == CAIRN_ERR_NOT_TRUSTED;
        t->no += err != CAIRN_OK && err != CAIRN_ERR_NOT_TRUSTED;
    }
    json_decref(json);
    cairn_arena_done(&arena);
}

static void test_single_steps(void **state)
{
    (void)state;
    char path[4096];
    tally t = {0};
    if (!test_shared_path("ledger/light-client/model_based/README.md", path))
        skip();
    *strrchr(path, '/') = '\0';
    strcat(path, "/single_step");
    test_each_file(path, run_steps, &t);
    print_message("%zu steps: %zu yes, %zu not enough trust, %zu no\n", t.steps, t.yes, t.unknown,
                  t.no);
    assert_int_equal(t.steps, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
