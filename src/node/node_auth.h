/* How callers of the node are known: accounts, tokens, certificates, and the trail of what they
 * were granted. Source: house (ARCHITECTURE, The node). */
#ifndef CAIRN_NODE_AUTH_PARTS_H
#define CAIRN_NODE_AUTH_PARTS_H

#include "core/config.h"
#include "core/net/rate.h"
#include "node/auth/audit.h"
#include "node/auth/auth.h"

typedef struct cairn_node_auth cairn_node_auth;

/* All of it is the caller's and longer-lived. */
typedef struct cairn_node_auth_setup {
    const char *directory; /* accounts lie in "access", the trail in "audit", foreign issuers in
                              "issuers.json" if it is there */
    const cairn_config *config;
    cairn_clock clock;
    cairn_log *log;
    cairn_signer *signer;
    cairn_engine *engine;              /* of the ledger by which callers are known */
    cairn_auth_directory certificates; /* whose are taken */
    const char *url;                   /* of the node: issuer and audience of its tokens */
} cairn_node_auth_setup;

/* Opens and makes what is missing; waits for the signer. The errors of the parts. */
cairn_err cairn_node_auth_new(const cairn_node_auth_setup *setup,
                              cairn_node_auth **ret_auth) CAIRN_MUST_USE;
/* When no call is under way. Takes NULL. */
void cairn_node_auth_free(cairn_node_auth *auth);
CAIRN_DEFINE_CLEANUP(cairn_node_auth, cairn_node_auth_free)

/* Sets the hooks of a router, which then lives no longer than this. */
void cairn_node_auth_hook(cairn_node_auth *auth, cairn_router_options *options);

/* For cairn_tls_server_options; `auth` is a cairn_node_auth. */
bool cairn_node_auth_vouches(void *auth, cairn_bytes certificate);

cairn_accounts *cairn_node_auth_accounts(cairn_node_auth *auth);
cairn_oauth *cairn_node_auth_oauth(cairn_node_auth *auth);

/* What is due: see cairn_oauth_maintain. */
void cairn_node_auth_tend(cairn_node_auth *auth);

#endif
