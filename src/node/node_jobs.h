/* The jobs behind the node's ledgers: the projections, reactions and timer owners of all features
 * and the node's own, each ledger attached and its new blocks told. Source: house (ARCHITECTURE,
 * Jobs). */
#ifndef CAIRN_NODE_JOBS_H
#define CAIRN_NODE_JOBS_H

#include "core/jobs/jobs.h"
#include "ledger/feature.h"
#include "ledger/store/store.h"

typedef struct cairn_node_jobs cairn_node_jobs;

typedef struct cairn_node_jobs_setup {
    const char *directory; /* the ledger directory; jobs lie in its folder "jobs" */
    const cairn_features *features;
    cairn_store *store;
    cairn_clock clock;
    cairn_log *log;
    /* What reactions and timer owners are handed. NULL: tables alone are kept; what has an effect
     * waits for a node. */
    void *context;
    const cairn_outbox_transport *transport; /* or NULL: messages wait */
} cairn_node_jobs_setup;

/* The rows of all features, and the node's own, as cairn_jobs_options wants them. */
typedef struct cairn_node_jobs_rows {
    const cairn_projection **projections;
    size_t projection_count;
    const cairn_reaction **reactions;
    size_t reaction_count;
    const cairn_timer_owner **timer_owners;
    size_t timer_owner_count;
    const cairn_callback_kind **callback_kinds;
    size_t callback_kind_count;
} cairn_node_jobs_rows;

/* Free with cairn_node_jobs_rows_done, also after a failure. NO_MEMORY. */
cairn_err cairn_node_jobs_rows_collect(const cairn_features *features,
                                       cairn_node_jobs_rows *ret_rows) CAIRN_MUST_USE;
void cairn_node_jobs_rows_done(cairn_node_jobs_rows *rows);

/* Opened, every ledger of the store attached, not started. Store and features outlive it. Errors of
 * cairn_jobs_open and cairn_jobs_attach. */
cairn_err cairn_node_jobs_new(const cairn_node_jobs_setup *setup,
                              cairn_node_jobs **ret_jobs) CAIRN_MUST_USE;
/* Stops and closes. Takes NULL. */
void cairn_node_jobs_free(cairn_node_jobs *jobs);
CAIRN_DEFINE_CLEANUP(cairn_node_jobs, cairn_node_jobs_free)

/* Borrowed. */
cairn_jobs *cairn_node_jobs_get(cairn_node_jobs *jobs);

#endif
