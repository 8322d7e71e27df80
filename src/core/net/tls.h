/* TLS 1.3 for the server: who we are, which clients we let in, and what a handshake tells about
 * them.
 *
 * No older version, no early data, no resumption: every connection is a full handshake, so a client
 * that was shut out stays out. The private key is a PEM text, or a name at a signer: then the
 * daemon never holds it, and the handshake waits, for at most 2 seconds and without holding up the
 * loop, for the signature (docs/decisions/0009-tls-keys-at-the-signer.md). Source: RFC 8446; house
 * (ARCHITECTURE, The node). */
#ifndef CAIRN_CORE_NET_TLS_H
#define CAIRN_CORE_NET_TLS_H

#include "core/crypto/signer.h"

enum {
    CAIRN_TLS_SIGN_TIMEOUT_MS = 2000, /* until a signer has signed a handshake */
    CAIRN_TLS_CHAIN_MAX = 8,          /* certificates of a chain */
    CAIRN_TLS_CHAIN_SIZE_MAX = 32768, /* bytes of the certificates that a client shows */
};

/* A certificate chain and its key. All pointers are borrowed for the call that takes it, but the
 * signer, which outlives what is made with it. */
typedef struct cairn_tls_identity {
    cairn_bytes chain_pem; /* the end entity first, then what issued it, the root left out */
    cairn_bytes key_pem;   /* empty when a signer has the key; else PKCS#8, of any TLS 1.3 type */
    cairn_signer *signer;  /* or NULL; keys of P-256 and P-384 */
    const char *key_name;  /* at the signer, with the purpose tls: "tls", "tls-2026" */
} cairn_tls_identity;

/* Whether a client shows a certificate. */
typedef enum cairn_tls_clients {
    CAIRN_TLS_CLIENTS_NONE,     /* it is not asked for one */
    CAIRN_TLS_CLIENTS_OPTIONAL, /* it may; one that is not acceptable ends the handshake */
    CAIRN_TLS_CLIENTS_REQUIRED,
} cairn_tls_clients;

/* Which certificate is acceptable. */
typedef enum cairn_tls_trust {
    CAIRN_TLS_TRUST_CA,            /* one for clients, issued under one of `client_cas_pem` */
    CAIRN_TLS_TRUST_ANY_KEY,       /* one alone that its own key has signed: the caller's word is
                                      its key, which somebody has to look up */
    CAIRN_TLS_TRUST_CA_OR_ANY_KEY, /* either */
} cairn_tls_trust;

/* Whether somebody answers for a client's certificate (DER) that none of `client_cas_pem` has
 * issued and that is not its own: then it is accepted as issued. On the network's thread, in the
 * handshake: must not wait. */
typedef bool (*cairn_tls_vouch_fn)(void *context, cairn_bytes certificate);

typedef struct cairn_tls_server_options {
    cairn_tls_identity identity;
    cairn_tls_clients clients;
    cairn_tls_trust trust;
    cairn_bytes client_cas_pem; /* needed for CA; empty for ANY_KEY */
    cairn_tls_vouch_fn vouch;   /* NULL: nobody; of no use with CA */
    void *vouch_context;        /* outlives the server */
} cairn_tls_server_options;

/* How the client's certificate was accepted. */
typedef enum cairn_tls_peer_kind {
    CAIRN_TLS_PEER_NONE,   /* it showed none */
    CAIRN_TLS_PEER_KEY,    /* self-signed: only possession of the key is proved */
    CAIRN_TLS_PEER_ISSUED, /* its chain leads to one of the client CAs, or somebody vouches */
} cairn_tls_peer_kind;

/* What a handshake told about the client. */
typedef struct cairn_tls_peer {
    cairn_tls_peer_kind kind;
    cairn_bytes certificate; /* DER; empty for NONE */
    cairn_hash spki;         /* SHA-256 of the DER SubjectPublicKeyInfo */
    bool has_key_id;         /* the key is of a type that the ledger knows */
    cairn_hash key_id;       /* its kid (RFC 9679), as cairn_key_id gives it */
} cairn_tls_peer;

/* What new handshakes use. Any thread; shared by all servers of a node. */
typedef struct cairn_tls_server cairn_tls_server;

/* BAD_VALUE for a chain or CA text that is not PEM of certificates, BAD_KEY for a key that is none
 * or not that of the first certificate, NOT_FOUND when the signer has no such key,
 * TX_WRONG_PURPOSE when it is for something else, BAD_ALGORITHM
 * for a key of the signer that is neither P-256 nor P-384, ARGUMENT for CA trust without CAs,
 * NO_MEMORY, CRYPTO. */
cairn_err cairn_tls_server_new(const cairn_tls_server_options *options,
                               cairn_tls_server **ret_tls) CAIRN_MUST_USE;

/* From now on new handshakes use `options`; connections that are open or in their handshake go on
 * with what they began. The same errors as new, and then nothing has changed. */
cairn_err cairn_tls_server_reload(cairn_tls_server *tls,
                                  const cairn_tls_server_options *options) CAIRN_MUST_USE;

/* After the servers that use it. Takes NULL. */
void cairn_tls_server_free(cairn_tls_server *tls);
CAIRN_DEFINE_CLEANUP(cairn_tls_server, cairn_tls_server_free)

#endif
