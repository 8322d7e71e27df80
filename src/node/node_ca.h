/* The certificate authority of the node's organisation, if its directory has one: open for the
 * routes and for callers by certificate, and kept. Source: house (docs/features/ca.md). */
#ifndef CAIRN_NODE_CA_H
#define CAIRN_NODE_CA_H

#include "core/log.h"
#include "ledger/services.h"
#include "node/auth/auth.h"
#include "node/node_keys.h"
#include "node/node_lists.h"
#include "node/node_work.h"

typedef struct cairn_node_ca cairn_node_ca;

/* All of it is the caller's and longer-lived. */
typedef struct cairn_node_ca_setup {
    const char *directory; /* the ledger directory; the CA is in its folder "ca" */
    cairn_clock clock;
    cairn_log *log;
    cairn_signer *signer;
    cairn_engine *engine;
    cairn_node_keys *keys;
    cairn_lists *lists; /* of CAs that are elsewhere */
    /* Has the signer look for keys that were made beside it; NULL: it never does. */
    cairn_err (*look_for_keys)(void *context);
    void *context;
} cairn_node_ca_setup;

/* Events: ca.opened, ca.failed, ca.not_kept. */
extern const cairn_log_table cairn_node_ca_log_events;

/* Opens the CA. A directory without one is none; one that does not open is logged, and a node
 * without it is better than no node. NO_MEMORY. */
cairn_err cairn_node_ca_new(const cairn_node_ca_setup *setup,
                            cairn_node_ca **ret_ca) CAIRN_MUST_USE;
/* When no call is under way. Takes NULL. */
void cairn_node_ca_free(cairn_node_ca *ca);
CAIRN_DEFINE_CLEANUP(cairn_node_ca, cairn_node_ca_free)

/* Opens it if it is not open: it was made meanwhile, or its keys were. One thread. */
void cairn_node_ca_reload(cairn_node_ca *ca);

/* What is due (cairn_ca_keeper_tend); when it is to be called again. Where a key may be missing, as
 * after a rollover by another process, the signer looks for it. A failure is logged, and tried
 * again. One thread. */
uint64_t cairn_node_ca_tend(cairn_node_ca *ca);

/* Runs `act` on the one thread on which calls change the CA: they wait for the signer and the disk,
 * one after the other. BUSY when too many wait. Any thread. */
cairn_err cairn_node_ca_act(cairn_node_ca *ca, void (*act)(void *context),
                            void *context) CAIRN_MUST_USE;

/* The CA of the organisation `id`. NOT_FOUND: it is not here; UNAVAILABLE: it is, and does not
 * open. Any thread. */
cairn_err cairn_node_ca_find(const cairn_node_ca *ca, cairn_bytes id,
                             cairn_ca **ret_ca) CAIRN_MUST_USE;

/* PEM of its issuing certificate and root; empty when it is not open. Any thread. */
cairn_err cairn_node_ca_chain(const cairn_node_ca *ca, cairn_arena *arena,
                              cairn_bytes *ret_pem) CAIRN_MUST_USE;

/* Callers by certificate: tls keys that the ledger knows; what this CA has issued; and, of an
 * organisation whose CA is elsewhere, what a key of its own has issued and its anchored list does
 * not name. In each case as long as the ledger knows the key as one that issues. */
cairn_auth_directory cairn_node_ca_directory(cairn_node_ca *ca);

/* Signs a transaction of the organisation by its newest sign key, submits it and waits: the
 * verdict's code, or why there is none. Also without a CA. Any thread that may wait. */
cairn_err cairn_node_ca_submit(const cairn_node_ca *ca, uint16_t type,
                               cairn_bytes body) CAIRN_MUST_USE;

#endif
