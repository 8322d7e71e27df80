/* Reads steps of a light client with the verdict of CometBFT's own light package, as light_go
 * prints them, and says the same of each or fails. Where a step is marked as one that we judge more
 * strictly, and nowhere else, we may say no to the engine's yes. Each block goes by way of our own
 * encoding, too. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "ledger/light/light_json.h"

enum { NAMES_MAX = 64, NAME_SIZE = 32 };

typedef struct row {
    char name[NAME_SIZE];
    size_t yes;
    size_t unknown;
    size_t no;
    size_t stricter; /* the engine says yes */
    size_t reason;   /* both say no, one of them for lack of trust */
} row;

static row rows[NAMES_MAX];
static size_t row_count;

static void die(const char *what)
{
    (void)fprintf(stderr, "light_verdicts: %s: %s\n", what, cairn_err_detail());
    exit(1);
}

static row *row_of(const char *name)
{
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    if (row_count == NAMES_MAX || strlen(name) >= NAME_SIZE)
        die("names");
    strcpy(rows[row_count].name, name);
    return &rows[row_count++];
}

static const json_t *at(const json_t *json, const char *name)
{
    const json_t *value = json_object_get(json, name);
    if (value == NULL)
        die(name);
    return value;
}

static cairn_err read_block(cairn_arena *arena, const json_t *step, cairn_light_block *block)
{
    char *commit = json_dumps(at(step, "commit"), JSON_COMPACT);
    char *validators = json_dumps(at(step, "validators"), JSON_COMPACT);
    if (commit == NULL || validators == NULL)
        die("memory");
    const cairn_bytes page = cairn_bytes_str(validators);
    cairn_err err = cairn_light_block_from_rpc(arena, cairn_bytes_str(commit), &page, 1, block);
    free(commit);
    free(validators);
    return err;
}

/* As a verifier would get it. */
static cairn_err recode(cairn_arena *arena, const cairn_light_block *block,
                        cairn_light_block *ret_block)
{
    const cairn_commit_proof proof = {.size = 1, .block_count = 1, .blocks = block};
    cairn_commit_proof again;
    cairn_bytes encoded;
    CAIRN_TRY(cairn_commit_proof_encode(arena, &proof, &encoded));
    CAIRN_TRY(cairn_commit_proof_decode(arena, encoded, &again));
    *ret_block = again.blocks[0];
    return CAIRN_OK;
}

static cairn_err judge(cairn_arena *arena, const json_t *step)
{
    cairn_light_state trusted;
    cairn_light_block block;
    cairn_hash hash;
    cairn_light_rules rules = {
        .trusting_period_ms = strtoull(json_string_value(at(step, "period_ms")), NULL, 10),
        .clock_drift_ms = strtoull(json_string_value(at(step, "drift_ms")), NULL, 10)};
    if (cairn_light_time_parse(json_string_value(at(step, "now")), &rules.now) != CAIRN_OK ||
        cairn_light_state_from_json(arena, at(step, "trusted_header"),
                                    at(step, "trusted_validators"), &trusted) != CAIRN_OK)
        die("trusted");
    CAIRN_TRY(read_block(arena, step, &block));
    CAIRN_TRY(recode(arena, &block, &block));
    return cairn_light_verify(&trusted, &rules, &block, &hash);
}

static const char *words(cairn_err err)
{
    return err == CAIRN_OK ? "yes" : err == CAIRN_ERR_NOT_TRUSTED ? "not enough trust" : "no";
}

/* False when it must not be so. */
static bool count(const json_t *step, cairn_err err)
{
    const char *name = json_string_value(at(step, "name"));
    const char *engine = json_string_value(at(step, "verdict"));
    const char *ours = words(err);
    row *r = row_of(name);
    r->yes += err == CAIRN_OK;
    r->unknown += err == CAIRN_ERR_NOT_TRUSTED;
    r->no += err != CAIRN_OK && err != CAIRN_ERR_NOT_TRUSTED;
    bool engine_yes = strcmp(engine, "yes") == 0;
    r->stricter += engine_yes && err != CAIRN_OK;
    r->reason += !engine_yes && err != CAIRN_OK && strcmp(ours, engine) != 0;
    if (engine_yes == (err == CAIRN_OK) || (engine_yes && json_is_true(at(step, "strict"))))
        return true;
    (void)fprintf(stderr, "%s: the engine says %s, we say %s: %s\n", name, engine, ours,
                  cairn_err_detail());
    return false;
}

static size_t run(void)
{
    char *text = NULL;
    size_t room = 0;
    size_t failures = 0;
    while (getline(&text, &room, stdin) > 0) {
        cairn_arena arena;
        json_t *step = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        if (step == NULL)
            die("a line is no JSON");
        cairn_arena_init(&arena, 8 << 20);
        failures += !count(step, judge(&arena, step));
        cairn_arena_done(&arena);
        json_decref(step);
    }
    free(text);
    return failures;
}

int main(void)
{
    size_t failures = run();
    size_t steps = 0;
    size_t yes = 0;
    printf("%-24s %6s %8s %6s %9s %7s\n", "change", "yes", "unknown", "no", "stricter", "reason");
    for (size_t i = 0; i < row_count; i++) {
        const row *r = &rows[i];
        printf("%-24s %6zu %8zu %6zu %9zu %7zu\n", r->name, r->yes, r->unknown, r->no, r->stricter,
               r->reason);
        steps += r->yes + r->unknown + r->no;
        yes += r->yes;
    }
    printf("%zu steps, %zu yes, %zu differ\n", steps, yes, failures);
    return failures == 0 && yes > 0 && yes < steps ? 0 : 1;
}
