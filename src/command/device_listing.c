/* The jobs are brought to the log's end, then read. */
#include "command/device_listing.h"

#include "feature_list.h"
#include "node/node_jobs.h"

static cairn_err open_jobs(cairn_home *home, cairn_node_jobs **ret_jobs)
{
    CAIRN_CLEANUP(cairn_node_jobs_free_p) cairn_node_jobs *jobs = NULL;
    CAIRN_TRY(cairn_home_needs_store(home));
    const cairn_node_jobs_setup setup = {.directory = home->command->directory,
                                         .features = &cairn_all_features,
                                         .store = home->store,
                                         .clock = home->clock};
    CAIRN_TRY(cairn_node_jobs_new(&setup, &jobs));
    for (bool more = true; more;)
        CAIRN_TRY(cairn_jobs_step(cairn_node_jobs_get(jobs), &more));
    *ret_jobs = CAIRN_STEAL(jobs);
    return CAIRN_OK;
}

cairn_err cairn_device_listing_each(cairn_home *home, const cairn_hash *org, uint64_t state,
                                    cairn_err (*visit)(void *context, const cairn_hash *index),
                                    void *context)
{
    CAIRN_CLEANUP(cairn_node_jobs_free_p) cairn_node_jobs *jobs = NULL;
    CAIRN_CLEANUP(cairn_projection_view_close_p) cairn_projection_view *view = NULL;
    cairn_devices_walk walk = {.org = *org, .state = state};
    CAIRN_TRY(open_jobs(home, &jobs));
    CAIRN_TRY(cairn_projection_view_open(cairn_node_jobs_get(jobs), cairn_devices_projection.name,
                                         0, &view));
    for (;;) {
        cairn_hash index;
        cairn_err err = cairn_devices_next(view, &walk, &index);
        if (err == CAIRN_ERR_NOT_FOUND)
            return CAIRN_OK;
        CAIRN_TRY(err);
        CAIRN_TRY(visit(context, &index));
    }
}

cairn_err cairn_device_listing_steps(cairn_home *home, const cairn_hash *index,
                                     const cairn_devices_step **ret_steps, size_t *ret_count)
{
    CAIRN_CLEANUP(cairn_node_jobs_free_p) cairn_node_jobs *jobs = NULL;
    CAIRN_CLEANUP(cairn_projection_view_close_p) cairn_projection_view *view = NULL;
    CAIRN_TRY(open_jobs(home, &jobs));
    CAIRN_TRY(cairn_projection_view_open(cairn_node_jobs_get(jobs), cairn_devices_projection.name,
                                         0, &view));
    return cairn_devices_history(view, &home->command->arena, index, ret_steps, ret_count);
}
