/* What a handler of a feature works with: the parts of the running node, none of which it owns.
 * Made once by the node, read by all threads. Source: house (ARCHITECTURE, The node). */
#ifndef CAIRN_LEDGER_SERVICES_H
#define CAIRN_LEDGER_SERVICES_H

#include "core/clock.h"
#include "core/config.h"
#include "core/crypto/signer.h"
#include "core/log.h"
#include "core/net/route.h"
#include "core/store/vault.h"
#include "ledger/engine.h"

typedef struct cairn_jobs cairn_jobs; /* core/jobs */
typedef struct cairn_ca cairn_ca;     /* identity/ca/ca.h */

/* A ledger of the node, as a caller who may see it gets it. */
typedef struct cairn_service_ledger {
    cairn_engine *engine;
    uint32_t slot;
    cairn_hash id;
    const char *origin; /* its checkpoints' origin line */
} cairn_service_ledger;

struct cairn_services {
    cairn_clock clock;
    cairn_log *log;
    const cairn_config *config;
    const char *directory; /* the ledger directory, where a feature keeps files of its own; NULL:
                              there is none */
    cairn_signer *signer;  /* keys live in the key process */
    cairn_vault *vault;
    cairn_jobs *jobs;
    struct cairn_oauth *oauth; /* node/auth/oauth.h; the token endpoint's own */
    void *node;
    /* The ledger that `id` (64 hexadecimal digits) names, for this caller. NOT_FOUND alike for one
     * that is not here and one that he may not see. */
    cairn_err (*find_ledger)(void *node, const cairn_principal *caller, cairn_bytes id,
                             cairn_service_ledger *ret_ledger);
    /* The certificate authority of the organisation that `id` (64 hexadecimal digits) names, open
     * as long as the node runs. NULL: this node has none; NOT_FOUND. Any thread. */
    cairn_err (*find_ca)(void *node, cairn_bytes id, cairn_ca **ret_ca);
    /* Runs `act` on the thread on which that CA is changed, which may wait for the signer. BUSY:
     * it will not run. Goes with find_ca. Any thread. */
    cairn_err (*ca_act)(void *node, void (*act)(void *context), void *context);
    /* The CA was changed: what follows from that is due, on a thread of its own. Any thread. */
    void (*ca_changed)(void *node);
    /* The organisation that this node speaks for, and its ledger. NULL, NOT_FOUND: it is a node of
     * nobody's. Any thread. */
    cairn_err (*find_own)(void *node, cairn_service_ledger *ret_ledger, cairn_hash *ret_org);
    /* Submits a transaction of that organisation to its ledger, signed by its newest sign key, and
     * waits: the verdict's code. Not from a verdict, nor from a step of the jobs. */
    cairn_err (*submit)(void *node, uint16_t type, cairn_bytes body);
    /* Runs `act` once on a thread of the node's, where it may wait. BUSY: it will not run. */
    cairn_err (*run)(void *node, void (*act)(void *context), void *context);
};

#endif
