/* Opens the jobs and ties them to the ledgers. */
#include "node/node_jobs.h"

#include <stdlib.h>

#include "core/store/file.h"
#include "node/node_directory.h"
#include "node/node_subscriptions.h"

/* One ledger's tie: what the engine's word is handed on with. */
typedef struct tie {
    cairn_jobs *jobs;
    cairn_engine *engine;
    uint32_t slot;
    bool subscribed;
} tie;

struct cairn_node_jobs {
    cairn_jobs *jobs;
    cairn_node_jobs_rows rows;
    tie *ties;
    size_t tie_count;
};

static cairn_err make_lists(const cairn_features *features, cairn_node_jobs_rows *rows)
{
    size_t projections = 1;
    size_t reactions = 1;
    size_t owners = 0;
    size_t kinds = 1;
    for (size_t i = 0; i < features->count; i++) {
        projections += features->list[i]->projection_count;
        reactions += features->list[i]->reaction_count;
        owners += features->list[i]->timer_owner_count;
        kinds += features->list[i]->callback_kind_count;
    }
    rows->projections = calloc(projections, sizeof(cairn_projection *));
    rows->reactions = calloc(reactions, sizeof(cairn_reaction *));
    rows->timer_owners = calloc(owners + 1, sizeof(cairn_timer_owner *));
    rows->callback_kinds = calloc(kinds, sizeof(cairn_callback_kind *));
    if (rows->projections == NULL || rows->reactions == NULL || rows->timer_owners == NULL ||
        rows->callback_kinds == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: rows of the jobs");
    return CAIRN_OK;
}

static void collect_feature(const cairn_feature *feature, cairn_node_jobs_rows *rows)
{
    for (size_t i = 0; i < feature->projection_count; i++)
        rows->projections[rows->projection_count++] = &feature->projections[i];
    for (size_t i = 0; i < feature->reaction_count; i++)
        rows->reactions[rows->reaction_count++] = &feature->reactions[i];
    for (size_t i = 0; i < feature->timer_owner_count; i++)
        rows->timer_owners[rows->timer_owner_count++] = &feature->timer_owners[i];
    for (size_t i = 0; i < feature->callback_kind_count; i++)
        rows->callback_kinds[rows->callback_kind_count++] = &feature->callback_kinds[i];
}

cairn_err cairn_node_jobs_rows_collect(const cairn_features *features,
                                       cairn_node_jobs_rows *ret_rows)
{
    *ret_rows = (cairn_node_jobs_rows){.projections = NULL};
    CAIRN_TRY(make_lists(features, ret_rows));
    ret_rows->projections[ret_rows->projection_count++] = &cairn_directory_projection;
    ret_rows->reactions[ret_rows->reaction_count++] = &cairn_subscription_reaction;
    ret_rows->callback_kinds[ret_rows->callback_kind_count++] = &cairn_subscription_kind;
    for (size_t i = 0; i < features->count; i++)
        collect_feature(features->list[i], ret_rows);
    return CAIRN_OK;
}

void cairn_node_jobs_rows_done(cairn_node_jobs_rows *rows)
{
    free(rows->projections);
    free(rows->reactions);
    free(rows->timer_owners);
    free(rows->callback_kinds);
}

static void on_view(void *context)
{
    const tie *t = context;
    cairn_jobs_wake(t->jobs, t->slot);
}

static cairn_err tie_ledger(tie *t)
{
    const cairn_event_source source = cairn_engine_event_source(t->engine);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(t->engine);
    CAIRN_TRY(cairn_jobs_attach(t->jobs, t->slot, &view->ledger, &source));
    CAIRN_TRY(cairn_engine_subscribe(t->engine, on_view, t));
    t->subscribed = true;
    return CAIRN_OK;
}

static cairn_err tie_all(cairn_node_jobs *jobs, cairn_store *store)
{
    size_t count = cairn_store_ledger_count(store);
    jobs->ties = calloc(count, sizeof *jobs->ties);
    if (jobs->ties == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: jobs");
    for (size_t i = 0; i < count; i++) {
        jobs->ties[i] =
            (tie){.jobs = jobs->jobs, .engine = cairn_store_ledger(store, i), .slot = (uint32_t)i};
        jobs->tie_count++;
        CAIRN_TRY(tie_ledger(&jobs->ties[i]));
    }
    return CAIRN_OK;
}

cairn_err cairn_node_jobs_new(const cairn_node_jobs_setup *setup, cairn_node_jobs **ret_jobs)
{
    char path[CAIRN_PATH_SIZE_MAX];
    const bool acts = setup->context != NULL;
    CAIRN_CLEANUP(cairn_node_jobs_free_p) cairn_node_jobs *jobs = calloc(1, sizeof *jobs);
    if (jobs == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: jobs");
    CAIRN_TRY(cairn_node_jobs_rows_collect(setup->features, &jobs->rows));
    CAIRN_TRY(cairn_path_join(setup->directory, "jobs", path));
    const cairn_jobs_options options = {
        .clock = setup->clock,
        .log = setup->log,
        .projections = jobs->rows.projections,
        .projection_count = jobs->rows.projection_count,
        .reactions = jobs->rows.reactions,
        .reaction_count = acts ? jobs->rows.reaction_count : 0,
        .timer_owners = jobs->rows.timer_owners,
        .timer_owner_count = acts ? jobs->rows.timer_owner_count : 0,
        .callback_kinds = jobs->rows.callback_kinds,
        .callback_kind_count = acts ? jobs->rows.callback_kind_count : 0,
        .context = setup->context,
        .transport = acts ? setup->transport : NULL};
    CAIRN_TRY(cairn_jobs_open(path, &options, &jobs->jobs));
    CAIRN_TRY(tie_all(jobs, setup->store));
    *ret_jobs = CAIRN_STEAL(jobs);
    return CAIRN_OK;
}

void cairn_node_jobs_free(cairn_node_jobs *jobs)
{
    if (jobs == NULL)
        return;
    for (size_t i = 0; i < jobs->tie_count; i++)
        if (jobs->ties[i].subscribed)
            cairn_engine_unsubscribe(jobs->ties[i].engine, on_view, &jobs->ties[i]);
    cairn_jobs_close(jobs->jobs);
    free(jobs->ties);
    cairn_node_jobs_rows_done(&jobs->rows);
    free(jobs);
}

cairn_jobs *cairn_node_jobs_get(cairn_node_jobs *jobs)
{
    return jobs->jobs;
}
