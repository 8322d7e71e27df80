/* The JSON cases of tendermint-rs that were made from a TLA+ model: single steps of a light client,
 * with what each must say. Data outside the repository. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/light_cases.h"

static cairn_err read_block(cairn_arena *arena, const json_t *json, cairn_light_block *block)
{
    cases_reorder(json);
    return cairn_light_block_from_json(arena, cases_at(json, "signed_header"),
                                       cases_at(cases_at(json, "validator_set"), "validators"),
                                       block);
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
    assert_int_equal(cairn_light_state_from_json(
                         arena, cases_at(cases_at(json, "signed_header"), "header"),
                         cases_at(cases_at(json, "next_validator_set"), "validators"), state),
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
    json_t *json = cases_load(path);
    cairn_arena_init(&arena, 64 << 20);
    read_next_state(&arena, cases_at(json, "initial"), &trusted);
    json_array_foreach(cases_at(json, "input"), i, input)
    {
        cairn_light_block block;
        cairn_hash hash;
        const json_t *light_block = cases_at(input, "block");
        const cairn_light_rules rules = {
            .trusting_period_ms = cases_period_ms(cases_at(json, "initial"), "trusting_period"),
            .now = cases_time(input, "now")};
        cairn_err err = read_block(&arena, light_block, &block);
        if (err == CAIRN_OK)
            err = cairn_light_verify(&trusted, &rules, &block, &hash);
        if (strcmp(verdict_of(err), cases_text(input, "verdict")) != 0)
            print_message("%s, step %zu: %s\n", path, i, cairn_err_detail());
        assert_string_equal(verdict_of(err), cases_text(input, "verdict"));
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
