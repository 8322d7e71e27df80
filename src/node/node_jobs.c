/* Opens the jobs and ties them to the ledgers. */
#include "node/node_jobs.h"

#include <stdlib.h>

#include "core/store/file.h"
#include "node/node_directory.h"

/* One ledger's tie: what the engine's word is handed on with. */
typedef struct tie {
    cairn_jobs *jobs;
    cairn_engine *engine;
    uint32_t slot;
    bool subscribed;
} tie;

struct cairn_node_jobs {
    cairn_jobs *jobs;
    const cairn_projection **projections;
    tie *ties;
    size_t tie_count;
};

static cairn_err collect(const cairn_features *features, cairn_node_jobs *jobs, size_t *ret_count)
{
    size_t count = 1;
    for (size_t i = 0; i < features->count; i++)
        count += features->list[i]->projection_count;
    jobs->projections = calloc(count, sizeof(cairn_projection *));
    if (jobs->projections == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: projections");
    size_t at = 0;
    jobs->projections[at++] = &cairn_directory_projection;
    for (size_t i = 0; i < features->count; i++)
        for (size_t p = 0; p < features->list[i]->projection_count; p++)
            jobs->projections[at++] = &features->list[i]->projections[p];
    *ret_count = count;
    return CAIRN_OK;
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
    size_t count = 0;
    CAIRN_CLEANUP(cairn_node_jobs_free_p) cairn_node_jobs *jobs = calloc(1, sizeof *jobs);
    if (jobs == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: jobs");
    CAIRN_TRY(collect(setup->features, jobs, &count));
    CAIRN_TRY(cairn_path_join(setup->directory, "jobs", path));
    const cairn_jobs_options options = {.clock = setup->clock,
                                        .log = setup->log,
                                        .projections = jobs->projections,
                                        .projection_count = count,
                                        .transport = setup->transport};
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
    free(jobs->projections);
    free(jobs);
}

cairn_jobs *cairn_node_jobs_get(cairn_node_jobs *jobs)
{
    return jobs->jobs;
}
