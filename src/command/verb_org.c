/* cairn org show: an organisation as the ledger knows it. */
#include "command/home.h"
#include "command/verbs.h"

static cairn_err show_key(const cairn_state_source *state, cairn_arena *arena,
                          const cairn_hash *kid, json_t *item)
{
    cairn_key_record key;
    CAIRN_TRY(cairn_registry_key(state, arena, kid, &key));
    cairn_facts_hash(item, "id", kid);
    cairn_facts_text(item, "purpose", cairn_purpose_name(key.purpose));
    cairn_facts_number(item, "since_height", key.since);
    if (key.until != CAIRN_HEIGHT_OPEN)
        cairn_facts_number(item, "until_height", key.until);
    if (key.suspect_since != CAIRN_HEIGHT_OPEN)
        cairn_facts_number(item, "suspect_since_height", key.suspect_since);
    return CAIRN_OK;
}

static cairn_err act(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    cairn_arena *arena = &home->command->arena;
    cairn_state_source state = cairn_home_state(home);
    cairn_hash id = home->org;
    cairn_org_record org;
    if (arguments->word_count == 1 &&
        cairn_hex_decode(arguments->words[0], id.b, sizeof id.b) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "an organisation's id is 64 hex digits");
    cairn_err err = cairn_registry_org(&state, arena, &id, &org);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "the ledger knows no organisation %s", arguments->words[0]);
    CAIRN_TRY(err);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(home->engine);
    cairn_facts_text(facts, "organisation", org.name);
    cairn_facts_hash(facts, "id", &id);
    cairn_facts_text(facts, "status", cairn_org_status_name(org.status));
    cairn_facts_bool(facts, "member", org.member);
    cairn_facts_number(facts, "admitted_height", org.admitted_height);
    cairn_facts_hash(facts, "ledger", &home->ledger);
    cairn_facts_number(facts, "height", view->height);
    cairn_facts_number(facts, "log_size", view->log_size);
    json_t *keys = cairn_facts_list(facts, "key");
    for (size_t i = 0; i < org.kid_count; i++)
        CAIRN_TRY(show_key(&state, arena, &org.kids[i], cairn_facts_item(keys)));
    return CAIRN_OK;
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_READ, act);
}

const cairn_verb cairn_verb_org_show = {
    .name = "org show",
    .words = "[ID]",
    .words_min = 0,
    .words_max = 1,
    .summary = "print an organisation and its keys as the ledger knows them",
    .help = "Without ID: the organisation of this directory.",
    .run = run,
};
