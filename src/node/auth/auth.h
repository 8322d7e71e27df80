/* The authenticators: what a request brings along becomes a principal.
 *
 * An Authorization field decides when there is one (Bearer or Basic); else the certificate of the
 * TLS peer does. Whatever does not hold is answered by the same bytes; why goes to the log alone.
 * Source: RFC 6750, RFC 7617, RFC 8705, RFC 9068; house (ARCHITECTURE, The node). */
#ifndef CAIRN_NODE_AUTH_H
#define CAIRN_NODE_AUTH_H

#include "core/net/route.h"
#include "ledger/engine.h"
#include "ledger/registry.h"
#include "node/auth/auth_accounts.h"
#include "node/auth/auth_issuers.h"
#include "node/auth/oauth.h"

enum { CAIRN_CERTIFICATE_SIZE_MAX = 16384 }; /* bytes of a peer's DER certificate */

/* X(name, text): every reason of ours to refuse credentials; the text goes to log and audit. Those
 * of a token's claims are in core/crypto/jwt.h and, for tokens of ours, node/auth/oauth.h. */
#define CAIRN_AUTH_REASON_LIST(X)                     \
    X(REPEATED, "authorization_repeated")             \
    X(SCHEME, "scheme_unknown")                       \
    X(BASIC_FORM, "basic_malformed")                  \
    X(BASIC_WRONG, "basic_wrong")                     \
    X(BASIC_EXPIRED, "basic_expired")                 \
    X(BASIC_BUSY, "basic_busy")                       \
    X(TOKEN_FORM, "token_malformed")                  \
    X(TOKEN_ALGORITHM, "token_algorithm")             \
    X(TOKEN_KEY, "token_key_unknown")                 \
    X(TOKEN_SIGNATURE, "token_signature")             \
    X(TOKEN_ISSUER, "token_issuer")                   \
    X(TOKEN_KEYS, "token_keys_unavailable")           \
    X(TOKEN_BINDING, "token_binding")                 \
    X(TOKEN_REVOKED, "token_revoked")                 \
    X(TOKEN_BUSY, "token_busy")                       \
    X(CERTIFICATE_FORM, "certificate_malformed")      \
    X(CERTIFICATE_TIME, "certificate_expired")        \
    X(CERTIFICATE_USE, "certificate_use")             \
    X(CERTIFICATE_UNKNOWN, "certificate_unknown")     \
    X(CERTIFICATE_SIGNATURE, "certificate_signature") \
    X(CERTIFICATE_REVOKED, "certificate_revoked")     \
    X(CERTIFICATE_STATUS, "certificate_status")       \
    X(ORGANISATION, "organisation_not_active")        \
    X(INTERNAL, "internal")

/* An organisation, as the directory knows it. */
typedef struct cairn_auth_party {
    cairn_hash organisation;
    bool active;    /* admitted, neither suspended nor removed */
    uint32_t roles; /* bits of cairn_role */
    char tenant[CAIRN_TENANT_SIZE_MAX + 1];
} cairn_auth_party;

/* A certificate that a CA has issued, as its status is asked for. Views. */
typedef struct cairn_auth_issued {
    cairn_hash organisation;
    cairn_bytes serial;      /* content of the INTEGER */
    cairn_bytes list_url;    /* where it says that its revocation list is; empty: nowhere */
    const cairn_key *issuer; /* whose signature it bears */
} cairn_auth_issued;

/* Where certificates are looked up: the ledger. Any thread; must not wait for I/O over a network.
 * An error other than NOT_FOUND makes the answer a 503. */
typedef struct cairn_auth_directory {
    void *context;
    /* The organisation that holds the TLS key `kid` now. NOT_FOUND: unknown, of another purpose,
     * not yet or no longer valid, revoked. */
    cairn_err (*tls_key)(void *context, const cairn_hash *kid, cairn_auth_party *ret_party);
    /* The CA key of `organisation` whose subject key identifier is `key_id` (empty: its only one),
     * a new reference. NOT_FOUND. NULL: certificates of issuing CAs are not taken. */
    cairn_err (*issuer)(void *context, const cairn_hash *organisation, cairn_bytes key_id,
                        cairn_auth_party *ret_party, cairn_key **ret_key);
    /* Whether its CA has revoked a certificate. NOT_FOUND: that can never be known; UNAVAILABLE:
     * not now. Goes with `issuer`. */
    cairn_err (*revoked)(void *context, const cairn_auth_issued *certificate, bool *ret_revoked);
    /* How an organisation stands now. NOT_FOUND: it is none of the ledger's. NULL: whoever acts for
     * one by a token or a password is not asked how it stands. */
    cairn_err (*party)(void *context, const cairn_hash *organisation, cairn_auth_party *ret_party);
} cairn_auth_directory;

/* The organisation that holds the key `kid` for that purpose as of the ledger's newest view.
 * NOT_FOUND as above. */
cairn_err cairn_auth_key_party(cairn_engine *engine, const cairn_hash *kid, cairn_purpose purpose,
                               cairn_auth_party *ret_party) CAIRN_MUST_USE;
/* The organisation itself. NOT_FOUND. */
cairn_err cairn_auth_party_of(cairn_engine *engine, const cairn_hash *organisation,
                              cairn_auth_party *ret_party) CAIRN_MUST_USE;
/* The directory of TLS keys that the newest view of a ledger holds. `engine` is kept. */
cairn_auth_directory cairn_auth_directory_of(cairn_engine *engine);

typedef struct cairn_auth_options {
    cairn_clock clock;
    cairn_auth_directory directory;
    const char *mtls_scopes;   /* what a caller by certificate may do; kept */
    cairn_accounts *accounts;  /* Basic; NULL: not taken */
    cairn_password_pool *pool; /* goes with `accounts` */
    cairn_oauth *oauth;        /* tokens of ours; NULL: not taken */
    cairn_issuers *issuers;    /* tokens of others; NULL: not taken */
    const char *audience;   /* that tokens of ours must be for here; NULL: the endpoint's; kept */
    unsigned token_threads; /* 1 to 64, on which tokens are verified that are not remembered; 0: on
                               the caller's */
} cairn_auth_options;

typedef struct cairn_auth cairn_auth;

/* All parts are borrowed and outlive it. */
cairn_err cairn_auth_new(const cairn_auth_options *options, cairn_auth **ret_auth) CAIRN_MUST_USE;
/* When no authentication is under way. Takes NULL. */
void cairn_auth_free(cairn_auth *auth);
CAIRN_DEFINE_CLEANUP(cairn_auth, cairn_auth_free)

/* For the router. */
cairn_authenticator cairn_auth_authenticator(cairn_auth *auth);

/* Whether a certificate (DER) that TLS does not know is one of a caller, as far as can be told now:
 * for cairn_tls_server_options. `auth` is a cairn_auth. Any thread. */
bool cairn_auth_vouches(void *auth, cairn_bytes certificate);

/* "Bearer realm=\"cairn\", Basic realm=\"cairn\"" as far as they are taken. Lives as long as
 * `auth`. */
const char *cairn_auth_challenge(const cairn_auth *auth);

#endif
