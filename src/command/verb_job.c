/* cairn job list, rebuild, resume: what is behind the ledger, beside a node or without one. */
#include "command/home.h"
#include "command/verbs.h"
#include "core/jobs/jobs.h"
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
