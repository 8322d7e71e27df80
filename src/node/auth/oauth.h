/* The token endpoint: client credentials for short-lived, signed access tokens.
 *
 *   POST /oauth/token        client_secret_basic, private_key_jwt, self_signed_tls_client_auth
 *   POST /oauth/revoke       the client's own tokens
 *   POST /oauth/introspect   the client's own tokens
 *   GET  /oauth/jwks
 *   GET  /.well-known/oauth-authorization-server
 *
 * Keys live in the signer, are published a while before they sign, and as long after as a token may
 * live. Source: RFC 6749 section 4.4, RFC 7523, RFC 8705, RFC 9068, RFC 7009, RFC 7662, RFC 8414.
 */
#ifndef CAIRN_NODE_OAUTH_H
#define CAIRN_NODE_OAUTH_H

#include "core/crypto/jwt.h"
#include "core/crypto/signer.h"
#include "core/net/route.h"
#include "node/auth/auth_accounts.h"

enum {
    CAIRN_OAUTH_BODY_SIZE_MAX = 16384,                  /* bytes of a form */
    CAIRN_OAUTH_FIELDS_MAX = 16,                        /* of a form */
    CAIRN_OAUTH_ASSERTIONS_MAX = 65536,                 /* client assertions that are remembered */
    CAIRN_OAUTH_ASSERTION_LIFE_MS_MAX = 60 * 60 * 1000, /* what Authlib asks for */
    CAIRN_OAUTH_TOKEN_LIFE_MS_MAX = 60 * 60 * 1000,
};

typedef struct cairn_oauth cairn_oauth;

typedef struct cairn_oauth_options {
    cairn_clock clock;
    cairn_log *log;       /* NULL: silent */
    const char *issuer;   /* "https://host:port": also the base of the endpoints; copied */
    const char *audience; /* of the tokens; copied */
    cairn_signer *signer;
    cairn_accounts *accounts;
    cairn_password_pool *pool;
    uint32_t token_life_ms; /* 1 s to 1 h */
    uint64_t key_life_ms;   /* how long a key signs */
    uint64_t key_lead_ms;   /* how long it is published before it signs, but the first one */
    /* As in cairn_router_options; may be NULL. Every token given or refused is recorded. */
    cairn_err (*audit)(void *context, const cairn_audit_fact *fact, cairn_audit_done_fn done,
                       void *done_context);
    void *audit_context;
} cairn_oauth_options;

/* 5 min tokens, keys of 30 days, a day of lead; the rest is zero. */
cairn_oauth_options cairn_oauth_defaults(void);

/* Events: oauth.refused, oauth.key, oauth.failed. */
extern const cairn_log_table cairn_oauth_log_events;

/* Borrows signer, accounts and pool. Makes the first key if there is none: waits for the signer.
 * ARGUMENT; errors of the signer and of the accounts. */
cairn_err cairn_oauth_new(const cairn_oauth_options *options,
                          cairn_oauth **ret_oauth) CAIRN_MUST_USE;
/* When no call is under way. Takes NULL. */
void cairn_oauth_free(cairn_oauth *oauth);
CAIRN_DEFINE_CLEANUP(cairn_oauth, cairn_oauth_free)

/* Makes the next key when it is time, retires old ones, forgets revocations that have expired. To
 * be called now and then (every minute is plenty), not on a loop: waits for the signer. */
cairn_err cairn_oauth_maintain(cairn_oauth *oauth) CAIRN_MUST_USE;

/* A reference to the keys that verify tokens of ours. Any thread. */
cairn_jwk_set *cairn_oauth_keys(cairn_oauth *oauth);
const char *cairn_oauth_issuer(const cairn_oauth *oauth);
cairn_err cairn_oauth_is_revoked(cairn_oauth *oauth, const char *token_id,
                                 bool *ret_revoked) CAIRN_MUST_USE;

/* The reason of cairn_oauth_check when it cannot be told: memory, or the accounts, are missing. */
#define CAIRN_OAUTH_INTERNAL "internal"

/* NULL when a token of ours holds now: its key, signature, claims, and that it was not revoked;
 * else the reason. Whether it is bound to the caller's certificate is the caller's to look at. */
const char *cairn_oauth_check(cairn_oauth *oauth, const cairn_jwt *jwt);

/* The claims of ours become a principal. Refusals as in cairn_jwt_refusal; NULL: it is one. */
const char *cairn_oauth_principal(const cairn_jwt *jwt, cairn_principal *ret_principal);

/* Its routes. The calls' services name it (ledger/services.h, `oauth`). */
extern const cairn_route_table cairn_oauth_routes;

#endif
