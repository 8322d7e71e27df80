/* The jobs behind the node's ledgers: the projections of all features and of the node itself, each
 * ledger attached and its new blocks told. Source: house (ARCHITECTURE, Jobs). */
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
    const cairn_outbox_transport *transport; /* or NULL */
} cairn_node_jobs_setup;

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
