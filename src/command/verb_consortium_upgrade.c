/* cairn consortium upgrade: the height from which the next application version judges. */
#include <inttypes.h>

#include "command/home.h"
#include "command/proposal.h"
#include "command/verbs.h"
#include "feature_list.h"
#include "ledger/governance.h"

static cairn_err read_params(cairn_home *home, cairn_params *ret_params)
{
    cairn_state_source state = cairn_home_state(home);
    cairn_bytes value;
    CAIRN_TRY(cairn_state_get(&state, CAIRN_MAP_CONFIG, cairn_bytes_str("params"),
                              &home->command->arena, &value));
    return cairn_params_decode(value, ret_params);
}

/* What an announced upgrade did by now is written down with the next one. */
static cairn_err announce(cairn_params *params, uint64_t height, uint64_t next_block)
{
    params->app_version = cairn_params_version_at(params, next_block);
    params->next_app_version = 0;
    params->next_app_height = 0;
    if (height == 0)
        return CAIRN_OK;
    if (params->app_version >= cairn_all_features.app_version)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VERSION, "house",
                          "version %" PRIu64 " is in force, and this program knows no newer one: "
                          "install the next program first",
                          params->app_version);
    params->next_app_version = params->app_version + 1;
    params->next_app_height = height;
    return cairn_params_check(params, next_block);
}

static cairn_err upgrade(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(home->engine);
    cairn_params params;
    uint64_t height = 0;
    cairn_bytes body;
    CAIRN_TRY(cairn_option_number(arguments, "height", 0, INT64_MAX, &height));
    CAIRN_TRY(read_params(home, &params));
    CAIRN_TRY(announce(&params, height, view->height + 1));
    CAIRN_TRY(cairn_params_set_body(&home->command->arena, &params, &body));
    cairn_facts_number(facts, "version", params.app_version);
    if (height != 0)
        cairn_facts_number(facts, "next_version", params.next_app_version);
    if (height != 0)
        cairn_facts_number(facts, "from_height", height);
    return cairn_proposal_send(home, CAIRN_TX_PARAMS_SET, body, facts);
}

static cairn_err run_upgrade(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, upgrade);
}

static const cairn_option options[] = {
    {"height", "N", true, false, "from which it judges; 0: the announcement is taken back"},
};

const cairn_verb cairn_verb_consortium_upgrade = {
    .name = "consortium upgrade",
    .words = "--height N",
    .words_min = 0,
    .words_max = 0,
    .summary = "propose the height from which the next application version judges",
    .help = "By approval of the members, when all of them run a program that knows it: this one "
            "must. Whose program does not stops at that height, and goes on with one that does.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run_upgrade,
};
