/* cairn job list, timers, messages, rebuild, resume, retry, drop: what is behind the ledger, beside
 * a node or without one. */
#include "command/home.h"
#include "command/verbs.h"
#include "core/jobs/jobs.h"
#include "core/net/principal.h"
#include "core/store/file.h"
#include "feature_list.h"
#include "node/node_jobs.h"

/* The environment, and the rows that it points to. */
typedef struct opened {
    cairn_node_jobs_rows rows;
    cairn_jobs *jobs;
} opened;

static void close_jobs(opened *o)
{
    cairn_jobs_close(o->jobs);
    cairn_node_jobs_rows_done(&o->rows);
}

/* The environment alone: no ledger is attached and nothing started, so that nothing is done here.
 * Closed also after a failure. */
static cairn_err open_jobs(cairn_command *command, opened *ret_opened)
{
    CAIRN_CLEANUP(cairn_config_free_p) cairn_config *config = NULL;
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_home_config(command->directory, &config));
    CAIRN_TRY(cairn_path_join(command->directory, "jobs", path));
    CAIRN_TRY(cairn_node_jobs_rows_collect(&cairn_all_features, &ret_opened->rows));
    const cairn_jobs_options options = {.clock = cairn_clock_system(),
                                        .projections = ret_opened->rows.projections,
                                        .projection_count = ret_opened->rows.projection_count,
                                        .reactions = ret_opened->rows.reactions,
                                        .reaction_count = ret_opened->rows.reaction_count,
                                        .timer_owners = ret_opened->rows.timer_owners,
                                        .timer_owner_count = ret_opened->rows.timer_owner_count};
    return cairn_jobs_open(path, &options, &ret_opened->jobs);
}

/* --- list --- */

static cairn_err list_one(void *context, const cairn_jobs_consumer *consumer)
{
    json_t *item = cairn_facts_item(context);
    cairn_facts_text(item, "name", consumer->name);
    cairn_facts_text(item, "kind", consumer->is_reaction ? "reaction" : "projection");
    cairn_facts_number(item, "ledger_slot", consumer->slot);
    cairn_facts_number(item, "height", consumer->position.height);
    cairn_facts_text(item, "state",
                     consumer->parked != CAIRN_OK ? "parked"
                     : consumer->building         ? "building"
                                                  : "served");
    if (consumer->parked != CAIRN_OK) {
        cairn_facts_text(item, "code", cairn_err_name(consumer->parked));
        cairn_facts_text(item, "reason", consumer->reason);
    }
    return CAIRN_OK;
}

static cairn_err run_list(cairn_command *command, const cairn_arguments *arguments)
{
    (void)arguments;
    CAIRN_CLEANUP(close_jobs) opened o = {.jobs = NULL};
    CAIRN_TRY(open_jobs(command, &o));
    json_t *facts = cairn_facts_new();
    cairn_err err = cairn_jobs_each(o.jobs, list_one, cairn_facts_list(facts, "jobs"));
    if (err == CAIRN_OK)
        return cairn_facts_print(command, facts);
    json_decref(facts);
    return err;
}

/* --- rebuild, resume --- */

static cairn_err order(cairn_command *command, const cairn_arguments *arguments,
                       cairn_err (*give)(cairn_jobs *jobs, const char *name))
{
    CAIRN_CLEANUP(close_jobs) opened o = {.jobs = NULL};
    CAIRN_TRY(open_jobs(command, &o));
    CAIRN_TRY(give(o.jobs, arguments->words[0]));
    json_t *facts = cairn_facts_new();
    cairn_facts_text(facts, "ordered", arguments->words[0]);
    return cairn_facts_print(command, facts);
}

static cairn_err run_rebuild(cairn_command *command, const cairn_arguments *arguments)
{
    return order(command, arguments, cairn_jobs_rebuild);
}

static cairn_err run_resume(cairn_command *command, const cairn_arguments *arguments)
{
    return order(command, arguments, cairn_jobs_resume);
}

/* --- timers, messages --- */

enum { SHOWN_MAX = 10000 };

static cairn_err show(cairn_command *command, const char *name,
                      cairn_err (*walk)(cairn_jobs *jobs, json_t *list))
{
    CAIRN_CLEANUP(close_jobs) opened o = {.jobs = NULL};
    CAIRN_TRY(open_jobs(command, &o));
    json_t *facts = cairn_facts_new();
    cairn_err err = walk(o.jobs, cairn_facts_list(facts, name));
    if (err == CAIRN_OK)
        return cairn_facts_print(command, facts);
    json_decref(facts);
    return err;
}

static cairn_err show_timer(void *context, const cairn_timer *timer)
{
    char id[2 * CAIRN_TIMER_ID_SIZE_MAX + 1];
    json_t *item = cairn_facts_item(context);
    cairn_hex_encode(timer->id, id);
    cairn_facts_text(item, "owner", timer->owner);
    cairn_facts_text(item, "id", id);
    cairn_facts_time(item, "due", timer->due_ms);
    if (timer->attempts > 0) {
        cairn_facts_number(item, "failed_attempts", timer->attempts);
        cairn_facts_time(item, "next", timer->next_ms);
    }
    return CAIRN_OK;
}

static cairn_err walk_timers(cairn_jobs *jobs, json_t *list)
{
    return cairn_timer_each(jobs, SHOWN_MAX, show_timer, list);
}

static cairn_err run_timers(cairn_command *command, const cairn_arguments *arguments)
{
    (void)arguments;
    return show(command, "timers", walk_timers);
}

static cairn_err show_message(json_t *list, const cairn_outbox_row *row, const char *state)
{
    json_t *item = cairn_facts_item(list);
    cairn_facts_number(item, "id", row->id);
    cairn_facts_text(item, "state", state);
    cairn_facts_text(item, "tenant", row->message.tenant);
    cairn_facts_text(item, "destination", row->message.destination);
    cairn_facts_text(item, "url", row->message.url);
    cairn_facts_time(item, "created", row->created_ms);
    cairn_facts_time(item, "expires", row->message.expires_ms);
    if (row->attempts > 0)
        cairn_facts_number(item, "failed_attempts", row->attempts);
    if (row->next_ms > 0)
        cairn_facts_time(item, "next", row->next_ms);
    if (row->reason[0] != '\0')
        cairn_facts_text(item, "reason", row->reason);
    return CAIRN_OK;
}

static cairn_err show_waiting(void *context, const cairn_outbox_row *row)
{
    return show_message(context, row, "waiting");
}

static cairn_err show_dead(void *context, const cairn_outbox_row *row)
{
    return show_message(context, row, "dead");
}

static cairn_err walk_messages(cairn_jobs *jobs, json_t *list)
{
    CAIRN_TRY(cairn_outbox_each(jobs, CAIRN_OUTBOX_WAITING, NULL, SHOWN_MAX, show_waiting, list));
    return cairn_outbox_each(jobs, CAIRN_OUTBOX_DEAD, NULL, SHOWN_MAX, show_dead, list);
}

static cairn_err run_messages(cairn_command *command, const cairn_arguments *arguments)
{
    (void)arguments;
    return show(command, "messages", walk_messages);
}

/* --- retry, drop --- */

enum { LIFE_MS = 86400000 }; /* of one that is tried again */

/* A dead letter, whose tenant is looked for by its id. */
typedef struct letter {
    uint64_t id;
    bool found;
    bool drop;
    char tenant[CAIRN_TENANT_SIZE_MAX + 1];
    uint64_t expires_ms;
} letter;

static cairn_err look_at(void *context, const cairn_outbox_row *row)
{
    letter *l = context;
    if (row->id != l->id)
        return CAIRN_OK;
    l->found = true;
    memcpy(l->tenant, row->message.tenant, strlen(row->message.tenant) + 1);
    return CAIRN_OK;
}

static cairn_err change_letter(void *context, cairn_jobs_txn *txn)
{
    const letter *l = context;
    return l->drop ? cairn_outbox_forget(txn, l->tenant, l->id)
                   : cairn_outbox_revive(txn, l->tenant, l->id, l->expires_ms);
}

static cairn_err act_on_letter(cairn_command *command, const cairn_arguments *arguments, bool drop)
{
    CAIRN_CLEANUP(close_jobs) opened o = {.jobs = NULL};
    const cairn_clock clock = cairn_clock_system();
    letter l = {.drop = drop, .expires_ms = cairn_clock_wall_ms(&clock) + LIFE_MS};
    if (cairn_unit_parse(arguments->words[0], CAIRN_UNIT_COUNT, &l.id) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "ID is a number, not %s", arguments->words[0]);
    CAIRN_TRY(open_jobs(command, &o));
    CAIRN_TRY(cairn_outbox_each(o.jobs, CAIRN_OUTBOX_DEAD, NULL, SIZE_MAX, look_at, &l));
    if (!l.found)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "no dead letter has the id %s",
                          arguments->words[0]);
    CAIRN_TRY(cairn_jobs_update(o.jobs, change_letter, &l));
    json_t *facts = cairn_facts_new();
    cairn_facts_number(facts, drop ? "dropped" : "retried", l.id);
    return cairn_facts_print(command, facts);
}

static cairn_err run_retry(cairn_command *command, const cairn_arguments *arguments)
{
    return act_on_letter(command, arguments, false);
}

static cairn_err run_drop(cairn_command *command, const cairn_arguments *arguments)
{
    return act_on_letter(command, arguments, true);
}

/* --- verbs --- */

const cairn_verb cairn_verb_job_list = {
    .name = "job list",
    .words = "",
    .summary = "list projections and reactions, and how far they have come",
    .help = "A parked one failed on an event, and waits: see its reason, and resume or rebuild it.",
    .run = run_list,
};

const cairn_verb cairn_verb_job_rebuild = {
    .name = "job rebuild",
    .words = "NAME",
    .words_min = 1,
    .words_max = 1,
    .summary = "have a projection built anew from the log's start",
    .help = "The order is kept; the node carries it out, now or when it is started, and serves the "
            "old tables until the new ones are complete.",
    .run = run_rebuild,
};

const cairn_verb cairn_verb_job_resume = {
    .name = "job resume",
    .words = "NAME",
    .words_min = 1,
    .words_max = 1,
    .summary = "have a parked projection or reaction try again",
    .help = "It goes on where it stopped.",
    .run = run_resume,
};

const cairn_verb cairn_verb_job_timers = {
    .name = "job timers",
    .words = "",
    .summary = "list what will be done at its time, the next first",
    .help = "Such as the renewal of status lists, and the end of subscriptions.",
    .run = run_timers,
};

const cairn_verb cairn_verb_job_messages = {
    .name = "job messages",
    .words = "",
    .summary = "list the calls to others that wait, and those that were given up",
    .help = "One that was given up is a dead letter: see its reason, and retry or drop it.",
    .run = run_messages,
};

const cairn_verb cairn_verb_job_retry = {
    .name = "job retry",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .summary = "have a dead letter sent again",
    .help = "It goes behind what waits for the same receiver, under another id, and has a day.",
    .run = run_retry,
};

const cairn_verb cairn_verb_job_drop = {
    .name = "job drop",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .summary = "forget a dead letter",
    .help = "It is not sent again.",
    .run = run_drop,
};
