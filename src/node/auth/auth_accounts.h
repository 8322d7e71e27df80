/* Who may come in, as data: the clients of the token endpoint and the users of Basic, kept durably
 * in one LMDB environment that the node reads at each call and `cairn grant` writes meanwhile; a
 * change holds from its commit. Beside them what the token endpoint must not forget: revoked
 * tokens, assertions that were used, and the life of its keys. Bytes: docs/features/access.md.
 * Source: house. Any thread. */
#ifndef CAIRN_NODE_AUTH_ACCOUNTS_H
#define CAIRN_NODE_AUTH_ACCOUNTS_H

#include "cairn/arena.h"
#include "core/crypto/password.h"
#include "core/net/principal.h"

enum {
    CAIRN_ACCOUNT_NAME_SIZE_MAX = 128,   /* bytes: A-Z a-z 0-9 . _ - @ and, within, ':' */
    CAIRN_ACCOUNT_JWKS_SIZE_MAX = 16384, /* bytes */
    CAIRN_ACCOUNTS_MAX = 100000,         /* of both kinds together */
    CAIRN_REVOKED_MAX = 100000,          /* tokens that are revoked and not yet expired */
};

typedef enum cairn_account_kind {
    CAIRN_ACCOUNT_CLIENT = 1, /* an OAuth client */
    CAIRN_ACCOUNT_USER = 2,   /* of HTTP Basic */
} cairn_account_kind;

typedef enum cairn_account_method {
    CAIRN_ACCOUNT_SECRET = 1, /* client_secret_basic, or a user's password: `phc` */
    CAIRN_ACCOUNT_KEY = 2,    /* private_key_jwt: `jwks` */
    CAIRN_ACCOUNT_TLS = 3,    /* self_signed_tls_client_auth: `certificate` */
} cairn_account_method;

typedef struct cairn_account {
    cairn_account_kind kind;
    cairn_account_method method; /* SECRET for a user */
    char name[CAIRN_ACCOUNT_NAME_SIZE_MAX + 1];
    char tenant[CAIRN_TENANT_SIZE_MAX + 1];
    bool has_organisation;
    cairn_hash organisation;
    uint32_t roles; /* bits of cairn_role that may act; 0: none */
    char scopes[CAIRN_SCOPES_SIZE_MAX + 1];
    char purpose[CAIRN_PURPOSE_SIZE_MAX + 1];
    uint64_t created_ms;
    uint64_t expires_ms;          /* UINT64_MAX: until it is removed */
    char phc[CAIRN_PHC_SIZE_MAX]; /* SECRET */
    cairn_bytes jwks;             /* KEY: JSON, checked when it was added */
    cairn_hash certificate;       /* TLS: SHA-256 of the DER certificate (RFC 8705 section 3.1) */
} cairn_account;

typedef struct cairn_accounts cairn_accounts;

/* The environment in `directory`, made if it is missing. Errors of cairn_kv_open. */
cairn_err cairn_accounts_open(const char *directory, cairn_accounts **ret_accounts) CAIRN_MUST_USE;
/* Takes NULL. */
void cairn_accounts_close(cairn_accounts *accounts);
CAIRN_DEFINE_CLEANUP(cairn_accounts, cairn_accounts_close)

/* Scopes as in RFC 6749 section 3.3: tokens with one blank between them, or nothing. */
bool cairn_scopes_are_valid(const char *scopes);

/* BAD_VALUE names the field that is not valid. */
cairn_err cairn_account_check(const cairn_account *account) CAIRN_MUST_USE;

/* Durable when it returns. EXISTS when the name is taken within its kind; errors of account_check;
 * TOO_MANY. */
cairn_err cairn_accounts_add(cairn_accounts *accounts, const cairn_account *account) CAIRN_MUST_USE;
/* In place of the one of the same kind and name; NOT_FOUND when there is none. */
cairn_err cairn_accounts_replace(cairn_accounts *accounts,
                                 const cairn_account *account) CAIRN_MUST_USE;
/* NOT_FOUND when there is none. Tokens that it got live on until they expire: revoke them. */
cairn_err cairn_accounts_remove(cairn_accounts *accounts, cairn_account_kind kind,
                                const char *name) CAIRN_MUST_USE;
/* NOT_FOUND, without a detail. What it points to is in the arena. */
cairn_err cairn_accounts_find(cairn_accounts *accounts, cairn_arena *arena, cairn_account_kind kind,
                              const char *name, cairn_account *ret_account) CAIRN_MUST_USE;
/* Calls `visit` for each account in order of kind and name, each valid during its visit, until it
 * fails. Not from within a visit. */
cairn_err cairn_accounts_each(cairn_accounts *accounts,
                              cairn_err (*visit)(void *context, const cairn_account *account),
                              void *context) CAIRN_MUST_USE;

/* In whose name the node signs for the caller whose principal has that subject ("shop",
 * "user:ann"): `kid` is not kept, the signer says it. In place of what was. */
cairn_err cairn_accounts_put_delegation(cairn_accounts *accounts, const char *caller,
                                        const cairn_delegation *delegation) CAIRN_MUST_USE;
/* NOT_FOUND when there is none; so do both of the next. */
cairn_err cairn_accounts_remove_delegation(cairn_accounts *accounts,
                                           const char *caller) CAIRN_MUST_USE;
/* Without a detail. `ret_delegation->kid` is zero. */
cairn_err cairn_accounts_find_delegation(cairn_accounts *accounts, const char *caller,
                                         cairn_delegation *ret_delegation) CAIRN_MUST_USE;

/* Remembers a token's id until it would have expired. TOO_MANY beyond the bound. */
cairn_err cairn_accounts_revoke_token(cairn_accounts *accounts, cairn_bytes token_id,
                                      uint64_t expires_ms, uint64_t now_ms) CAIRN_MUST_USE;
cairn_err cairn_accounts_is_revoked(cairn_accounts *accounts, cairn_bytes token_id,
                                    bool *ret_revoked) CAIRN_MUST_USE;

/* Remembers a client assertion that was used until `until_ms`, from when on nobody would take it
 * anyway. Durable when it returns: it is good once, also across a restart. */
cairn_err cairn_accounts_put_assertion(cairn_accounts *accounts, const cairn_hash *digest,
                                       uint64_t until_ms, uint64_t now_ms) CAIRN_MUST_USE;
/* Calls `visit` for each that is remembered at `now_ms`, until it fails. */
cairn_err cairn_accounts_each_assertion(cairn_accounts *accounts, uint64_t now_ms,
                                        cairn_err (*visit)(void *context, const cairn_hash *digest,
                                                           uint64_t until_ms),
                                        void *context) CAIRN_MUST_USE;

/* The life of a signing key of the token endpoint. */
typedef struct cairn_token_key {
    char name[65];       /* in the signer */
    uint64_t created_ms; /* published from then on */
    uint64_t signs_ms;   /* signs from then on */
    uint64_t retires_ms; /* no longer published from then on; UINT64_MAX: not yet known */
} cairn_token_key;

enum { CAIRN_TOKEN_KEYS_MAX = 8 };

/* All keys, oldest first; put replaces all of them. */
cairn_err cairn_accounts_token_keys(cairn_accounts *accounts,
                                    cairn_token_key ret_keys[CAIRN_TOKEN_KEYS_MAX],
                                    size_t *ret_count) CAIRN_MUST_USE;
cairn_err cairn_accounts_put_token_keys(cairn_accounts *accounts, const cairn_token_key *keys,
                                        size_t count) CAIRN_MUST_USE;

#endif
