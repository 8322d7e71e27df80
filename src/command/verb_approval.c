/* cairn approval list, show, approve, withdraw. */
#include "cairn/cbor.h"
#include "command/listing.h"
#include "command/proposal.h"
#include "command/verbs.h"
#include "ledger/governance.h"
#include "node/node_directory.h"

static cairn_err parse_id(const char *text, cairn_hash *ret_id)
{
    if (cairn_hex_decode(text, ret_id->b, sizeof ret_id->b) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "an approval's id is 64 hex digits");
    return CAIRN_OK;
}

/* --- list, show --- */

typedef struct listing {
    cairn_home *home;
    json_t *list;
    bool all;
} listing;

static cairn_err list_one(void *context, const cairn_hash *id)
{
    const listing *l = context;
    cairn_state_source state = cairn_home_state(l->home);
    cairn_approval approval;
    CAIRN_TRY(cairn_approval_get(&state, &l->home->command->arena, id, &approval));
    bool open = approval.status == CAIRN_APPROVAL_OPEN &&
                approval.expires_ms > cairn_clock_wall_ms(&l->home->clock);
    if (!open && !l->all)
        return CAIRN_OK;
    return cairn_proposal_facts(l->home, id, cairn_facts_item(l->list));
}

static cairn_err act_list(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    listing l = {.home = home,
                 .list = cairn_facts_list(facts, "approvals"),
                 .all = cairn_option_given(arguments, "all")};
    return cairn_listing_each(home, CAIRN_DIRECTORY_APPROVALS, list_one, &l);
}

static cairn_err act_show(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    cairn_hash id;
    CAIRN_TRY(parse_id(arguments->words[0], &id));
    return cairn_proposal_facts(home, &id, facts);
}

/* --- approve, withdraw --- */

static cairn_err vote_body(cairn_arena *arena, const cairn_hash *id, const cairn_hash *act_hash,
                           cairn_bytes *ret_body)
{
    enum { CAPACITY = 80 };
    void *buffer = NULL;
    cairn_cbor_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, CAPACITY, &buffer));
    cairn_cbor_writer_init(&w, buffer, CAPACITY);
    cairn_cbor_put_map(&w, act_hash == NULL ? 1 : 2);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_hash(&w, id);
    if (act_hash != NULL) {
        cairn_cbor_put_int(&w, 2);
        cairn_cbor_put_hash(&w, act_hash);
    }
    return cairn_cbor_writer_end(&w, ret_body);
}

/* The vote names the act that is on the ledger now; who wants to be sure of it looks first. */
static cairn_err vote(cairn_home *home, const cairn_arguments *arguments, uint16_t type,
                      json_t *facts)
{
    cairn_arena *arena = &home->command->arena;
    cairn_state_source state = cairn_home_state(home);
    cairn_approval approval;
    cairn_hash id;
    cairn_hash act_hash;
    cairn_bytes body;
    cairn_verdict verdict;
    CAIRN_TRY(parse_id(arguments->words[0], &id));
    cairn_err err = cairn_approval_get(&state, arena, &id, &approval);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "the ledger knows no such approval");
    CAIRN_TRY(err);
    cairn_act_hash(approval.act_type, approval.act_body, &act_hash);
    CAIRN_TRY(vote_body(arena, &id, type == CAIRN_TX_APPROVAL_APPROVE ? &act_hash : NULL, &body));
    CAIRN_TRY(cairn_home_send(home, type, body, &verdict));
    return cairn_proposal_facts(home, &id, facts);
}

static cairn_err act_approve(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    return vote(home, arguments, CAIRN_TX_APPROVAL_APPROVE, facts);
}

static cairn_err act_withdraw(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    return vote(home, arguments, CAIRN_TX_APPROVAL_WITHDRAW, facts);
}

/* --- verbs --- */

static cairn_err run_list(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_READ, act_list);
}

static cairn_err run_show(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_READ, act_show);
}

static cairn_err run_approve(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act_approve);
}

static cairn_err run_withdraw(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act_withdraw);
}

static const cairn_option list_options[] = {
    {"all", NULL, false, false, "those that are decided or have expired, too"},
};

const cairn_verb cairn_verb_approval_list = {
    .name = "approval list",
    .words = "",
    .summary = "list the acts that wait for approvals",
    .help = "In the order in which they were proposed. An act is done with the last approval that "
            "it needs; electorate and threshold are those at its proposal.",
    .options = list_options,
    .option_count = sizeof list_options / sizeof list_options[0],
    .run = run_list,
};

const cairn_verb cairn_verb_approval_show = {
    .name = "approval show",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .summary = "print an approval and how far it has come",
    .help = "The act's body is deterministic CBOR in hex, as docs/formats describe it.",
    .run = run_show,
};

const cairn_verb cairn_verb_approval_approve = {
    .name = "approval approve",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .summary = "vote for an act",
    .help = "Signs the hash of the act that the ledger has under this id. Look at it first: "
            "cairn approval show ID.",
    .run = run_approve,
};

const cairn_verb cairn_verb_approval_withdraw = {
    .name = "approval withdraw",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .summary = "take an act back that this organisation proposed, or its own vote",
    .help = "What the ledger does with it is told by what is printed: an act that was done stays "
            "done.",
    .run = run_withdraw,
};
