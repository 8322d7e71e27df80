/* A token endpoint, authenticators and a dispatcher behind a server, with one client of each kind,
 * a user, and the reason of the last refusal as the audit hook saw it. Include after cmocka.h. */
#ifndef CAIRN_TESTS_SUPPORT_AUTH_WORLD_H
#define CAIRN_TESTS_SUPPORT_AUTH_WORLD_H

#include <sys/stat.h>

#include "core/store/file.h"
#include "ledger/services.h"
#include "node/auth/auth.h"
#include "support/auth_server.h"
#include "support/jose.h"
#include "support/tree.h"

#define WORLD_ISSUER "https://node.example:8443"
#define WORLD_AUDIENCE "https://node.example:8443/v1"
#define WORLD_FOREIGN "https://login.example"
static const cairn_scrypt_params world_cost = {.log_n = 10, .r = 1, .p = 1};
static const uint64_t world_now_ms = 1700000000000u;

typedef struct test_world {
    char directory[96];
    cairn_clock_manual manual;
    cairn_clock clock;
    cairn_arena arena;
    cairn_signer *signer;
    cairn_accounts *accounts;
    cairn_password_pool *pool;
    cairn_oauth *oauth;
    cairn_issuers *issuers;
    cairn_auth *auth;
    cairn_services services;
    cairn_router *router;
    test_server server;
    cairn_key *client_key;  /* of the client "robot", kid "r1" */
    cairn_key *foreign_key; /* of WORLD_FOREIGN, kid "f1" */
    pthread_mutex_t lock;   /* guards the next three */
    char reason[160];
    char jwks[1024]; /* what WORLD_FOREIGN publishes; "" : it cannot be reached */
    unsigned fetches;
} test_world;

static inline cairn_err world_audit(void *context, const cairn_audit_fact *fact,
                                    cairn_audit_done_fn done, void *done_context)
{
    test_world *w = context;
    (void)pthread_mutex_lock(&w->lock);
    (void)snprintf(w->reason, sizeof w->reason, "%s", fact->granted ? "granted" : fact->reason);
    (void)pthread_mutex_unlock(&w->lock);
    done(done_context, CAIRN_OK);
    return CAIRN_OK;
}

static inline cairn_err world_fetch(void *context, cairn_arena *arena, const cairn_issuer *issuer,
                                    uint32_t timeout_ms, cairn_bytes *ret_body)
{
    test_world *w = context;
    (void)issuer;
    (void)timeout_ms;
    (void)pthread_mutex_lock(&w->lock);
    w->fetches++;
    cairn_err err = w->jwks[0] == '\0'
                        ? CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "away")
                        : cairn_arena_copy(arena, cairn_bytes_str(w->jwks), ret_body);
    (void)pthread_mutex_unlock(&w->lock);
    return err;
}

/* {"keys":[…]} of one key. */
static inline void world_jwks(cairn_arena *arena, cairn_key *key, const char *kid, char *out,
                              size_t room)
{
    CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *jwk = NULL;
    cairn_bytes json;
    assert_int_equal(cairn_jwk_of_key(key, kid, &jwk), CAIRN_OK);
    assert_int_equal(cairn_jwk_write(arena, jwk, &json), CAIRN_OK);
    int size = snprintf(out, room, "{\"keys\":[%.*s]}", (int)json.size, (const char *)json.data);
    assert_true(size > 0 && (size_t)size < room);
}

/* Answers who the caller is. */
static inline void world_whoami(cairn_call *call)
{
    char text[2048];
    const cairn_principal *p = &call->principal;
    int size = snprintf(text, sizeof text, "%d|%s|%s|%s|%u", (int)p->method, p->subject, p->tenant,
                        p->scopes, p->roles);
    cairn_call_respond_json(call, 200, "text/plain", cairn_bytes_of(text, (size_t)size));
}

static const cairn_route world_rows[] = {
    {CAIRN_HTTP_GET, "/whoami", "whoami", CAIRN_ROUTE_PRIVILEGED, NULL, 0, 0, world_whoami},
};

static inline void world_add_account(test_world *w, cairn_account_kind kind,
                                     cairn_account_method method, const char *name,
                                     const char *secret, const char *jwks)
{
    cairn_account a = {.kind = kind,
                       .method = method,
                       .tenant = "red",
                       .roles = 5,
                       .scopes = "things.read things.write",
                       .created_ms = w->manual.wall_ms,
                       .expires_ms = w->manual.wall_ms + 86400000};
    (void)snprintf(a.name, sizeof a.name, "%s", name);
    if (secret != NULL)
        assert_int_equal(cairn_password_hash(&world_cost, cairn_bytes_str(secret), a.phc),
                         CAIRN_OK);
    if (jwks != NULL)
        a.jwks = cairn_bytes_str(jwks);
    assert_int_equal(cairn_accounts_add(w->accounts, &a), CAIRN_OK);
}

static inline void world_accounts(test_world *w)
{
    char path[128], jwks[1024];
    (void)snprintf(path, sizeof path, "%s/access", w->directory);
    assert_int_equal(cairn_accounts_open(path, &w->accounts), CAIRN_OK);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &w->client_key), CAIRN_OK);
    world_jwks(&w->arena, w->client_key, "r1", jwks, sizeof jwks);
    world_add_account(w, CAIRN_ACCOUNT_CLIENT, CAIRN_ACCOUNT_SECRET, "shop", "correct horse", NULL);
    world_add_account(w, CAIRN_ACCOUNT_CLIENT, CAIRN_ACCOUNT_KEY, "robot", NULL, jwks);
    world_add_account(w, CAIRN_ACCOUNT_CLIENT, CAIRN_ACCOUNT_TLS, "pump", NULL, NULL);
    world_add_account(w, CAIRN_ACCOUNT_USER, CAIRN_ACCOUNT_SECRET, "ann", "battery staple", NULL);
}

static inline void world_open_oauth(test_world *w, const char *issuer)
{
    cairn_oauth_options options = cairn_oauth_defaults();
    options.clock = w->clock;
    options.issuer = issuer;
    options.audience = WORLD_AUDIENCE;
    options.signer = w->signer;
    options.accounts = w->accounts;
    options.pool = w->pool;
    options.audit = world_audit;
    options.audit_context = w;
    assert_int_equal(cairn_oauth_new(&options, &w->oauth), CAIRN_OK);
}

static inline void world_oauth(test_world *w, const char *issuer)
{
    char path[128];
    const cairn_password_pool_options pool = {
        .thread_count = 1, .queue_max = 16, .cost = world_cost};
    (void)snprintf(path, sizeof path, "%s/keys", w->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(cairn_signer_open_files(path, &w->signer), CAIRN_OK);
    assert_int_equal(cairn_password_pool_new(&w->clock, &pool, &w->pool), CAIRN_OK);
    world_open_oauth(w, issuer);
}

static inline void world_issuers(test_world *w)
{
    static const cairn_issuer issuer = {.issuer = WORLD_FOREIGN,
                                        .jwks_url = "https://login.example/jwks",
                                        .audience = "cairn",
                                        .scope_claim = "scp",
                                        .tenant = "blue",
                                        .roles = 2,
                                        .scopes = "things.read"};
    cairn_issuers_options options = cairn_issuers_defaults();
    options.fetch = world_fetch;
    options.fetch_context = w;
    assert_int_equal(cairn_key_generate(CAIRN_KEY_ED25519, &w->foreign_key), CAIRN_OK);
    world_jwks(&w->arena, w->foreign_key, "f1", w->jwks, sizeof w->jwks);
    assert_int_equal(cairn_issuers_new(&w->clock, NULL, &issuer, 1, &options, &w->issuers),
                     CAIRN_OK);
}

static inline void world_serve(test_world *w, const cairn_auth_directory *directory)
{
    const cairn_auth_options options = {.clock = w->clock,
                                        .directory = *directory,
                                        .mtls_scopes = "things.read",
                                        .accounts = w->accounts,
                                        .pool = w->pool,
                                        .oauth = w->oauth,
                                        .issuers = w->issuers,
                                        .audience = WORLD_AUDIENCE,
                                        .token_threads = 1};
    assert_int_equal(cairn_auth_new(&options, &w->auth), CAIRN_OK);
    w->services = (cairn_services){.clock = w->clock, .oauth = w->oauth};
    const cairn_route_table tables[] = {{world_rows, 1}, cairn_oauth_routes};
    const cairn_router_options router = {.tables = tables,
                                         .table_count = 2,
                                         .services = &w->services,
                                         .authenticator = cairn_auth_authenticator(w->auth),
                                         .challenge = cairn_auth_challenge(w->auth),
                                         .audit = world_audit,
                                         .audit_context = w};
    assert_int_equal(cairn_router_new(&router, &w->router), CAIRN_OK);
    test_server_start(&w->server, w->router);
}

static inline void world_prepare(test_world *w)
{
    memset(w, 0, sizeof *w);
    tree_make(w->directory, sizeof w->directory, "auth");
    assert_int_equal(pthread_mutex_init(&w->lock, NULL), 0);
    w->manual = (cairn_clock_manual){.wall_ms = world_now_ms, .monotonic_ns = 1};
    w->clock = cairn_clock_of_manual(&w->manual);
    cairn_arena_init(&w->arena, 1 << 22);
}

static inline void world_start(test_world *w, const cairn_auth_directory *directory)
{
    world_prepare(w);
    world_accounts(w);
    world_oauth(w, WORLD_ISSUER);
    world_issuers(w);
    world_serve(w, directory);
}

/* The token endpoint as after a restart of the node. */
static inline void world_restart_oauth(test_world *w)
{
    cairn_oauth_free(w->oauth);
    world_open_oauth(w, WORLD_ISSUER);
    w->services.oauth = w->oauth;
}

static inline void world_stop(test_world *w)
{
    test_server_stop(&w->server);
    cairn_router_free(w->router);
    cairn_auth_free(w->auth);
    cairn_issuers_free(w->issuers);
    cairn_password_pool_free(w->pool);
    cairn_oauth_free(w->oauth);
    cairn_signer_free(w->signer);
    cairn_accounts_close(w->accounts);
    cairn_key_free(w->client_key);
    cairn_key_free(w->foreign_key);
    cairn_arena_done(&w->arena);
    (void)pthread_mutex_destroy(&w->lock);
    tree_remove(w->directory);
}

/* The token endpoint's own first key, to mint with. */
static inline cairn_key *world_token_key(test_world *w, char kid[64])
{
    CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *jwk = NULL;
    char path[160];
    cairn_key *key = NULL;
    cairn_bytes pem;
    (void)snprintf(path, sizeof path, "%s/keys/token-1.pem", w->directory);
    assert_int_equal(cairn_file_read(&w->arena, path, 4096, &pem), CAIRN_OK);
    assert_int_equal(cairn_key_from_pem(pem, &key), CAIRN_OK);
    assert_int_equal(cairn_jwk_of_key(key, NULL, &jwk), CAIRN_OK);
    (void)snprintf(kid, 64, "%s", cairn_jwk_kid(jwk));
    return key;
}

#endif
