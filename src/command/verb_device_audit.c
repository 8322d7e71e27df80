/* cairn device audit: where a device comes from and what happened to it, as far as its passport
 * opens it. [X1353-R11] [X1353-R48] */
#include "command/device_story.h"
#include "command/files.h"
#include "command/verbs.h"

static void add_scene(json_t *list, const cairn_device_scene *scene)
{
    json_t *item = cairn_facts_item(list);
    cairn_facts_number(item, "life", scene->life + 1);
    cairn_facts_number(item, "version", scene->version);
    cairn_facts_text(item, "act", scene->act);
    cairn_facts_text(item, "state", scene->state);
    cairn_facts_time(item, "time", scene->time_ms);
    if (scene->has_org)
        cairn_facts_hash(item, "signed_by", &scene->org);
    if (scene->has_seller)
        cairn_facts_hash(item, "sold_by", &scene->seller);
    cairn_facts_number(item, "height", scene->height);
    cairn_facts_number(item, "log_index", scene->log_index);
    cairn_facts_hash(item, "transaction", &scene->transaction);
}

static cairn_err act_audit(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    const char *svg = cairn_option_value(arguments, "svg");
    cairn_passport passport;
    cairn_device_story story;
    CAIRN_TRY(cairn_device_passport_read(home, arguments->words[0], &passport));
    CAIRN_TRY(cairn_device_story_read(home, &passport, &story));
    cairn_facts_hash(facts, "index", &story.index);
    cairn_facts_text(facts, "state", cairn_device_state_name(story.device.state));
    cairn_facts_number(facts, "lives", passport.life_count);
    cairn_facts_text(facts, "checked", "the history leads to the record on the ledger");
    json_t *list = cairn_facts_list(facts, "steps");
    for (size_t i = 0; i < story.count; i++)
        add_scene(list, &story.scenes[i]);
    if (svg == NULL)
        return CAIRN_OK;
    cairn_bytes picture;
    CAIRN_TRY(cairn_device_story_svg(home, &story, &picture));
    cairn_facts_text(facts, "picture", svg);
    return cairn_output_write(svg, 0600, picture);
}

static cairn_err run_audit(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_READ, act_audit);
}

static const cairn_option audit_options[] = {
    {"svg", "FILE", false, false, "writes a timeline, too"},
};

const cairn_verb cairn_verb_device_audit = {
    .name = "device audit",
    .words = "PASSPORT",
    .words_min = 1,
    .words_max = 1,
    .summary = "tell a device's life from the factory on, checked against the ledger",
    .help = "Applies each of its transactions again and compares the result with the ledger's "
            "record; a step that is missing or moved is a failure. Whoever has the passport sees "
            "who owned the device before: its owner, and an auditor to whom he shows it. Needs the "
            "directory of a member for itself, not one that a node holds.",
    .options = audit_options,
    .option_count = sizeof audit_options / sizeof audit_options[0],
    .run = run_audit,
};
