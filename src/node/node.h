/* The daemon: a ledger directory as a service. It holds the store, signs what it serves through the
 * signer, answers the API of api/openapi.yaml, and ends when it is told to without losing what it
 * has acknowledged. Source: house (ARCHITECTURE, The node). */
#ifndef CAIRN_NODE_H
#define CAIRN_NODE_H

#include "core/config.h"
#include "core/jobs/callback_secret.h"
#include "core/net/http_group.h"
#include "core/net/route.h"
#include "ledger/feature.h"
#include "ledger/follow/follow.h"
#include "ledger/store/store.h"
#include "node/node_consortium.h"
#include "node/node_cosign.h"
#include "node/node_ledger.h"
#include "node/node_reader.h"
#include "node/node_work.h"
#include "node/process/supervisor.h"

typedef struct cairn_node cairn_node;

/* Events: node.certificate_renewed, node.certificate_not_renewed. */
extern const cairn_log_table cairn_node_log_events;

/* Rows of cairn.yaml that the node reads. */
extern const cairn_config_table cairn_node_options;

/* What the node stands on, all of it the caller's and longer-lived. */
typedef struct cairn_node_setup {
    const char *directory;
    const cairn_features *features;
    const cairn_config *config;
    cairn_clock clock;
    cairn_log *log;       /* may be NULL */
    cairn_store *store;   /* opened for writing, with threads */
    cairn_signer *signer; /* has the organisation's keys */
    cairn_vault *vault;
    cairn_follow *follow; /* brings the store's ledger forward; NULL: the node itself does, */
    cairn_node_consortium *consortium; /* or this; NULL */
    cairn_supervisor *supervisor;      /* of keyd; NULL: the signer is somebody else's */
} cairn_node_setup;

/* A node that does not answer yet. CONFIG for options that do not go together; NOT_FOUND when the
 * store has no ledger. */
cairn_err cairn_node_new(const cairn_node_setup *setup, cairn_node **ret_node) CAIRN_MUST_USE;

/* When it does not run. Takes NULL. */
void cairn_node_free(cairn_node *node);
CAIRN_DEFINE_CLEANUP(cairn_node, cairn_node_free)

/* Binds the configured address, or takes its connections from `socket` (a listening one that
 * somebody else has made, which stays the caller's; -1: none), after which the node has its URL and
 * knows its callers; its jobs and its tender begin. Once, before it runs. ADDRESS_IN_USE and so on.
 */
cairn_err cairn_node_listen(cairn_node *node, int socket) CAIRN_MUST_USE;
const char *cairn_node_url(const cairn_node *node);

/* Answers until cairn_node_stop, then until every begun call is answered. */
cairn_err cairn_node_run(cairn_node *node) CAIRN_MUST_USE;

/* Any thread, also a signal handler; returns at once. */
void cairn_node_stop(cairn_node *node);

/* Looks again at the signer's keys and at the certificate: new ones hold from now on. An error
 * leaves what was. One thread. */
cairn_err cairn_node_reload(cairn_node *node) CAIRN_MUST_USE;

/* False when a loop has not given the sign of life that it was asked for at the last call, or when
 * transactions were under way then and none of them has its verdict yet. One thread, some seconds
 * between two calls. */
bool cairn_node_moves(cairn_node *node);

/* --- for the handlers --- */

/* The ledger that `id` (64 lower-case hexadecimal digits) names, when `caller` may see that much of
 * it; NOT_FOUND alike for one that is not here and one that he may not see. */
cairn_err cairn_node_find(cairn_node *node, const cairn_principal *caller, cairn_bytes id,
                          cairn_node_sight sight, cairn_node_ledger **ret_ledger) CAIRN_MUST_USE;
/* How much of that ledger's entries `caller` sees: everybody all where they are public. NOT_FOUND
 * alike for a ledger that is not here and for one of which he sees none. */
cairn_err cairn_node_find_reader(cairn_node *node, const cairn_principal *caller, cairn_bytes id,
                                 cairn_reader *ret_reader) CAIRN_MUST_USE;
/* The same without asking who calls: for a transaction, which says by itself who speaks. */
cairn_node_ledger *cairn_node_find_any(cairn_node *node, cairn_bytes id);
/* May anybody see that much of the node's ledgers? */
bool cairn_node_is_public(const cairn_node *node, cairn_node_sight sight);

size_t cairn_node_ledger_count(const cairn_node *node);
cairn_node_ledger *cairn_node_ledger_at(cairn_node *node, size_t place);

cairn_store *cairn_node_store(cairn_node *node);
cairn_work *cairn_node_work(cairn_node *node);
const cairn_features *cairn_node_features(const cairn_node *node);
const cairn_config *cairn_node_config(const cairn_node *node);
/* The newest valid key of the node's organisation for that kind of head. NOT_FOUND. */
cairn_err cairn_node_find_key(cairn_node *node, cairn_head_kind kind,
                              cairn_head_key *ret_key) CAIRN_MUST_USE;
/* OK, or what the node lacks to take transactions and sign receipts; what a follower lacks to grow.
 */
cairn_err cairn_node_ready(cairn_node *node) CAIRN_MUST_USE;
/* Of the first ledger. Borrowed. */
cairn_node_cosign *cairn_node_cosigner(const cairn_node *node);
/* The follower, or NULL. Borrowed. */
cairn_follow *cairn_node_follower(const cairn_node *node);
/* Signs a transaction of the node's organisation by its newest sign key, submits it to the node's
 * first ledger and waits: the verdict's code, or why there is none. A thread that may wait. */
cairn_err cairn_node_submit(void *node, uint16_t type, cairn_bytes body) CAIRN_MUST_USE;
/* The member of a consortium, or NULL. Borrowed. */
cairn_node_consortium *cairn_node_member(const cairn_node *node);
/* How keyd is; false when there is none of ours. */
bool cairn_node_keyd_health(cairn_node *node, cairn_supervisor_health *ret_health);
/* Borrowed. */
cairn_jobs *cairn_node_jobs_of(cairn_node *node);
cairn_callback_secrets *cairn_node_callback_secrets(cairn_node *node);
uint64_t cairn_node_signatures(const cairn_node *node);
void cairn_node_http_counts(const cairn_node *node, cairn_http_counts *ret_counts);

#endif
