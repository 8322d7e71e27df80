/* cairn consortium meet: members that came later. */
#include "command/consortium_member.h"
#include "command/consortium_nodes.h"
#include "command/facts.h"
#include "command/verbs.h"

enum { PARTS_MAX = 32 };

static cairn_err find_own(cairn_command *command, cairn_member_part *ret_part)
{
    cairn_err err = cairn_member_own_part(&command->arena, command->directory, ret_part);
    return err == CAIRN_ERR_NOT_FOUND
               ? CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                            "%s is no member's directory: cairn consortium prepare",
                            command->directory)
               : err;
}

static cairn_err meet(cairn_command *command, const cairn_arguments *arguments, json_t *facts)
{
    const char *names[PARTS_MAX];
    cairn_member_part *own = NULL;
    json_t *list = cairn_facts_list(facts, "member");
    CAIRN_TRY(CAIRN_ARENA_NEW(&command->arena, &own));
    CAIRN_TRY(find_own(command, own));
    for (size_t i = 0; i < arguments->word_count; i++) {
        cairn_member_part *part = NULL;
        CAIRN_TRY(CAIRN_ARENA_NEW(&command->arena, &part));
        CAIRN_TRY(cairn_member_part_read(command, arguments->words[i], part));
        names[i] = part->node;
        json_t *item = cairn_facts_item(list);
        cairn_facts_view(item, "organisation", part->member.name);
        cairn_facts_text(item, "node", part->node);
    }
    return cairn_consortium_add_nodes(&command->arena, command->directory, own->node, names,
                                      arguments->word_count);
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    json_t *facts = cairn_facts_new();
    cairn_err err = meet(command, arguments, facts);
    if (err == CAIRN_OK)
        return cairn_facts_print(command, facts);
    json_decref(facts);
    return err;
}

const cairn_verb cairn_verb_consortium_meet = {
    .name = "consortium meet",
    .words = "PART...",
    .words_min = 1,
    .words_max = PARTS_MAX,
    .summary = "ask the nodes of members that came later for their signatures as well",
    .help = "PART is the DIR/consortium/member.json of a member. With those that the chain began "
            "with, consortium begin does this. The node asks them from its next start on.",
    .run = run,
};
