/* A member of a consortium: the node whose ledger the consensus engine brings forward. The node is
 * the engine's application: it answers it on `consortium/abci.sock`, and hands it what clients
 * submit. Who starts the engine: cairn consortium run. Source: house (docs/features/consortium.md).
 *
 *   consortium/genesis.json  the chain, as all its members have it
 *   consortium/peers         ID@HOST:PORT of other members' engines, one a line
 *   consortium/offences      heights of evidence that the ledger is not told yet
 *   consortium/abci.sock     while the node runs
 */
#ifndef CAIRN_NODE_CONSORTIUM_H
#define CAIRN_NODE_CONSORTIUM_H

#include "core/config.h"
#include "ledger/consortium/application.h"
#include "ledger/consortium/relay.h"
#include "ledger/consortium/rpc.h"
#include "node/node_commits.h"

/* Rows for the logger. */
extern const cairn_log_table cairn_node_consortium_log_events;

/* Does cairn.yaml say that the node is a member? */
bool cairn_node_is_member(const cairn_config *config);

typedef struct cairn_node_consortium cairn_node_consortium;

/* Reads the chain of `directory`; the configuration outlives it. CONFIG when there is no
 * chain; the errors of cairn_chain_decode. */
cairn_err cairn_node_consortium_new(const char *directory, const cairn_config *config,
                                    cairn_node_consortium **ret_consortium) CAIRN_MUST_USE;
/* When nothing submits any more, before the store. Takes NULL. */
void cairn_node_consortium_free(cairn_node_consortium *consortium);
CAIRN_DEFINE_CLEANUP(cairn_node_consortium, cairn_node_consortium_free)

/* Drives the store's ledger from now on: what is submitted goes to the engine. `version` is this
 * program's, and static. As cairn_application_new, cairn_relay_new. */
cairn_err cairn_node_consortium_open(cairn_node_consortium *consortium, cairn_store *store,
                                     const char *version, cairn_log *log) CAIRN_MUST_USE;

/* Signs a transaction as the member's organisation, submits it and waits. */
typedef cairn_err (*cairn_node_tell_fn)(void *context, uint16_t type, cairn_bytes body);

/* The engine may come. Evidence that it finds against a validator is told the ledger, on a thread
 * of its own, by `tell`. Once. */
cairn_err cairn_node_consortium_start(cairn_node_consortium *consortium, cairn_node_tell_fn tell,
                                      void *context) CAIRN_MUST_USE;
/* It may no more; also when it was not started. */
void cairn_node_consortium_stop(cairn_node_consortium *consortium);

/* How the member is. Any thread. */
typedef struct cairn_node_consortium_status {
    const char *chain; /* its id */
    bool engine_up;    /* it answered when it was last asked, some seconds ago */
    cairn_rpc_status engine;
    size_t connections; /* of the engine; it makes four */
    cairn_application_status application;
} cairn_node_consortium_status;
void cairn_node_consortium_get_status(cairn_node_consortium *consortium,
                                      cairn_node_consortium_status *ret_status);
/* Who makes commit proofs by the engine's headers. Borrowed. */
cairn_commits *cairn_node_consortium_commits(const cairn_node_consortium *consortium);
/* Of the engine's JSON-RPC. */
const char *cairn_node_consortium_url(const cairn_node_consortium *consortium);

#endif
