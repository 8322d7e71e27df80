/* cairn consortium status: where engine and ledger stand, and who keeps the chain going. */
#include <stdio.h>

#include "cairn/sha256.h"
#include "command/facts.h"
#include "command/home.h"
#include "command/verbs.h"
#include "ledger/consortium/rpc.h"
#include "ledger/light/light_fetch.h"
#include "ledger/validators.h"
#include "node/node_consortium.h"

/* Who of the ledger validates with this key; NULL: nobody any more, or nobody yet. */
static const cairn_validator *find_row(const cairn_validator_list *list, const uint8_t *key)
{
    for (size_t i = 0; i < list->count; i++)
        if (memcmp(list->rows[i].key, key, CAIRN_VALIDATOR_KEY_SIZE) == 0)
            return &list->rows[i];
    return NULL;
}

static cairn_err add_validator(cairn_home *home, const cairn_validator_list *list,
                               const cairn_light_validator *validator, bool signed_it,
                               uint64_t total, json_t *item)
{
    const cairn_validator *row = find_row(list, validator->public_key);
    cairn_state_source state = cairn_home_state(home);
    cairn_org_record org;
    if (row != NULL) {
        CAIRN_TRY(cairn_registry_org(&state, &home->command->arena, &row->org, &org));
        cairn_facts_text(item, "organisation", org.name);
    } else {
        cairn_facts_hex(item, "key", cairn_bytes_of(validator->public_key, 32));
    }
    cairn_facts_number(item, "power", validator->power);
    cairn_facts_bool(item, "signed", signed_it);
    if (3 * validator->power >= total) /* the others are not over two thirds */
        cairn_facts_text(item, "warning", "a third of the power: no block without it");
    return CAIRN_OK;
}

/* Of the last block. */
static cairn_err add_validators(cairn_home *home, const char *url, uint64_t height, json_t *facts)
{
    cairn_arena *arena = &home->command->arena;
    cairn_state_source state = cairn_home_state(home);
    cairn_validator_list *list = NULL;
    cairn_light_block block;
    uint64_t total = 0;
    uint64_t signed_power = 0;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &list));
    CAIRN_TRY(cairn_validators_read(&state, arena, list));
    const cairn_light_node node = {.arena = arena, .url = url};
    CAIRN_TRY(cairn_light_fetch(&node, height, &block));
    CAIRN_TRY(cairn_light_set_check(&block.state.validators, &total));
    json_t *items = cairn_facts_list(facts, "validator");
    for (size_t i = 0; i < block.state.validators.count; i++) {
        const cairn_light_validator *validator = &block.state.validators.validators[i];
        bool signed_it = block.commit.votes[i].signature != NULL;
        signed_power += signed_it ? validator->power : 0;
        CAIRN_TRY(add_validator(home, list, validator, signed_it, total, cairn_facts_item(items)));
    }
    cairn_facts_number(facts, "power", total);
    cairn_facts_number(facts, "signed_power", signed_power);
    return CAIRN_OK;
}

static void add_engine(const cairn_home *home, const cairn_rpc_status *status,
                       const cairn_view *view, json_t *facts)
{
    uint64_t now_ms = cairn_clock_wall_ms(&home->clock);
    cairn_facts_text(facts, "chain", status->chain);
    cairn_facts_hash(facts, "ledger", &view->ledger);
    cairn_facts_number(facts, "height", status->height);
    cairn_facts_number(facts, "application_height", status->application_height);
    cairn_facts_number(facts, "ledger_height", view->height);
    cairn_facts_time(facts, "time", status->time_ms);
    cairn_facts_number(facts, "lag_ms", now_ms > status->time_ms ? now_ms - status->time_ms : 0);
    cairn_facts_bool(facts, "catching_up", status->catching_up);
    cairn_facts_number(facts, "peers", status->peers);
    cairn_facts_number(facts, "waiting", status->waiting);
}

static cairn_err act(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    const char *url = cairn_config_text(home->config, "consortium.rpc");
    cairn_rpc_status status;
    (void)arguments;
    if (!cairn_node_is_member(home->config))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "%s is no member's directory",
                          home->command->directory);
    CAIRN_TRY(cairn_rpc_get_status(&home->command->arena, url, &status));
    if (status.height == 0)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "the chain has no block yet");
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(home->engine);
    add_engine(home, &status, view, facts);
    return add_validators(home, url, status.height, facts);
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_JOIN, act);
}

const cairn_verb cairn_verb_consortium_status = {
    .name = "consortium status",
    .words = "",
    .words_min = 0,
    .words_max = 0,
    .summary = "where a member stands: heights, lag, peers, who signed the last block",
    .help = "Asks the member's own engine and node, which believe nobody but themselves. lag_ms is "
            "the age of the last block: a quiet chain makes one every 30 seconds. Warns of a "
            "validator without whom there is no block.",
    .run = run,
};
