/* Who the node is towards those who connect: the certificate that cairn.yaml names, or one that the
 * node issues itself at its first start, whose key never leaves the signer. Source: RFC 5280,
 * RFC 5758; house. */
#ifndef CAIRN_NODE_TLS_H
#define CAIRN_NODE_TLS_H

#include "core/clock.h"
#include "core/config.h"
#include "core/net/tls.h"

#define CAIRN_NODE_TLS_KEY "tls-node" /* its name at the signer */

/* What it is made of; all of it is borrowed for the call, but the signer. */
typedef struct cairn_node_tls_setup {
    const char *directory;
    const cairn_config *config;
    cairn_signer *signer;
    cairn_clock clock;
    cairn_bytes own_cas;      /* PEM of CAs of our own; may be empty */
    cairn_tls_vouch_fn vouch; /* for what others have issued; NULL: nobody does */
    void *vouch_context;      /* outlives the server */
} cairn_node_tls_setup;

/* SHA-256 of the SubjectPublicKeyInfo of every certificate that the node issues itself. Its key is
 * made when there is none. */
cairn_err cairn_node_tls_pin(cairn_arena *arena, cairn_signer *signer,
                             cairn_hash *ret_pin) CAIRN_MUST_USE;

/* What new handshakes use, as `config` says now. In `directory`/tls/node.pem a self-issued
 * certificate is kept; it is made when there is none, when it is not the signer's key's, when it
 * does not have the names by which `config` has the node called, or when it ends within 30 days.
 * Waits for the signer. Client certificates are taken when they are
 * self-signed (their keys are looked up on the ledger) or issued by one of node.client_cas or of
 * our own. */
cairn_err cairn_node_tls_new(const cairn_node_tls_setup *setup,
                             cairn_tls_server **ret_tls) CAIRN_MUST_USE;

/* The same for a server that runs: new handshakes use what the files say now. An error leaves what
 * was. */
cairn_err cairn_node_tls_reload(const cairn_node_tls_setup *setup,
                                cairn_tls_server *tls) CAIRN_MUST_USE;

/* Whether the kept certificate would be made anew: it is in use, and not what it should be. Reads
 * one file. Any thread. */
bool cairn_node_tls_is_due(const cairn_node_tls_setup *setup);

#endif
