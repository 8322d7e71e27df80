/* Foreign issuers of tokens: whose word counts for what, and their keys, fetched in the background
 * and kept.
 *
 * A key set is fetched at start, again when it is older than `refresh_ms`, and when a token names a
 * key that it lacks, but never sooner than `retry_ms` after the last try. While an issuer cannot be
 * reached its last set holds until it is `stale_ms_max` old. Source: RFC 7517; house. */
#ifndef CAIRN_NODE_AUTH_ISSUERS_H
#define CAIRN_NODE_AUTH_ISSUERS_H

#include "core/crypto/jwk.h"
#include "core/log.h"
#include "core/net/http_client.h"
#include "core/net/principal.h"

enum {
    CAIRN_ISSUERS_MAX = 64,
    CAIRN_ISSUER_URL_SIZE_MAX = 512,
    CAIRN_ISSUERS_FILE_SIZE_MAX = 1 << 17
};

/* One issuer and what its tokens are worth here, whatever they claim. */
typedef struct cairn_issuer {
    char issuer[CAIRN_ISSUER_URL_SIZE_MAX + 1];   /* `iss`, byte for byte */
    char jwks_url[CAIRN_ISSUER_URL_SIZE_MAX + 1]; /* https */
    char audience[CAIRN_AUDIENCE_SIZE_MAX + 1];   /* `aud` must hold it */
    char ca_file[CAIRN_ISSUER_URL_SIZE_MAX + 1];  /* roots for jwks_url; "": the system's */
    char scope_claim[32];                         /* initially "scope" */
    char tenant[CAIRN_TENANT_SIZE_MAX + 1];
    bool has_organisation;
    cairn_hash organisation;
    uint32_t roles;
    char scopes[CAIRN_SCOPES_SIZE_MAX + 1]; /* the most that its tokens may bring */
} cairn_issuer;

/* The strict JSON file {"issuers":[{"issuer","jwks_url","audience",…}]}. NOT_FOUND, CONFIG with
 * place and reason. Heap memory of the caller's: free(). */
cairn_err cairn_issuers_load(const char *path, cairn_issuer **ret_list,
                             size_t *ret_count) CAIRN_MUST_USE;
/* The same from its text; `name` stands for the file in details. */
cairn_err cairn_issuers_parse(const char *name, cairn_bytes text, cairn_issuer **ret_list,
                              size_t *ret_count) CAIRN_MUST_USE;

typedef struct cairn_issuers_options {
    uint32_t refresh_ms;   /* 15 min */
    uint32_t retry_ms;     /* 30 s */
    uint32_t stale_ms_max; /* 24 h */
    uint32_t timeout_ms;   /* 10 s, of one fetch */
    /* Fetches `url` into the arena; NULL: over cairn_http_client_call. */
    cairn_err (*fetch)(void *context, cairn_arena *arena, const cairn_issuer *issuer,
                       uint32_t timeout_ms, cairn_bytes *ret_body);
    void *fetch_context;
} cairn_issuers_options;

cairn_issuers_options cairn_issuers_defaults(void);

typedef struct cairn_issuers cairn_issuers;

/* Events: auth.keys_fetched, auth.keys_failed. */
extern const cairn_log_table cairn_issuers_log_events;

/* Starts the thread that fetches. `list` is copied; `clock` copied; `log` borrowed. ARGUMENT,
 * TOO_MANY, NO_MEMORY, IO. */
cairn_err cairn_issuers_new(const cairn_clock *clock, cairn_log *log, const cairn_issuer *list,
                            size_t count, const cairn_issuers_options *options,
                            cairn_issuers **ret_issuers) CAIRN_MUST_USE;
/* Waits for a fetch under way. Takes NULL. */
void cairn_issuers_free(cairn_issuers *issuers);
CAIRN_DEFINE_CLEANUP(cairn_issuers, cairn_issuers_free)

/* The issuer named `iss`, NULL if there is none. Lives as long as `issuers`. Any thread. */
const cairn_issuer *cairn_issuers_find(const cairn_issuers *issuers, const char *iss);

/* A reference to its keys; NULL when there are none, or only too old ones. Never waits: what is to
 * be fetched is asked for. Any thread. */
cairn_jwk_set *cairn_issuers_keys(cairn_issuers *issuers, const cairn_issuer *issuer);

/* A token names a key that the set lacks: asks for a new one, unless it was tried lately. */
void cairn_issuers_missed(cairn_issuers *issuers, const cairn_issuer *issuer);

#endif
