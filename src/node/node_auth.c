/* The parts of authentication put together. */
#include "node/node_auth.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/store/file.h"
#include "node/node_callers.h"

/* What an organisation may do that shows a certificate of a tls key of its own. */
static const char mtls_scopes[] = "ledger.read";

enum { TOKEN_THREADS = 2 };

struct cairn_node_auth {
    cairn_accounts *accounts;
    cairn_password_pool *pool;
    cairn_audit *audit;
    cairn_oauth *oauth;
    cairn_issuers *issuers; /* NULL: none is trusted */
    cairn_auth *auth;
    cairn_callers *callers;    /* before `auth` */
    cairn_rate *rate;          /* of callers who are known; NULL: no bound */
    cairn_rate *stranger_rate; /* of those who are not, by their address */
};

static cairn_err open_issuers(const cairn_node_auth_setup *setup, cairn_node_auth *auth)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_issuer *list = NULL;
    size_t count = 0;
    CAIRN_TRY(cairn_path_join(setup->directory, "issuers.json", path));
    cairn_err err = cairn_issuers_load(path, &list, &count);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    const cairn_issuers_options options = {
        .refresh_ms = (uint32_t)cairn_config_u64(setup->config, "node.issuer_refresh"),
        .retry_ms = (uint32_t)cairn_config_u64(setup->config, "node.issuer_retry"),
        .stale_ms_max = (uint32_t)cairn_config_u64(setup->config, "node.issuer_stale"),
        .timeout_ms = (uint32_t)cairn_config_u64(setup->config, "node.issuer_timeout")};
    err = cairn_issuers_new(&setup->clock, setup->log, list, count, &options, &auth->issuers);
    free(list);
    return err;
}

static cairn_err open_trail(const cairn_node_auth_setup *setup, cairn_node_auth *auth)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_audit_options options = cairn_audit_defaults();
    options.clock = setup->clock;
    options.log = setup->log;
    CAIRN_TRY(cairn_path_join(setup->directory, "audit", path));
    return cairn_audit_open(path, &options, &auth->audit);
}

static cairn_err open_oauth(const cairn_node_auth_setup *setup, cairn_node_auth *auth)
{
    cairn_oauth_options options = cairn_oauth_defaults();
    options.clock = setup->clock;
    options.log = setup->log;
    options.issuer = setup->url;
    options.audience = setup->url;
    options.signer = setup->signer;
    options.accounts = auth->accounts;
    options.pool = auth->pool;
    options.audit = cairn_audit_record;
    options.audit_context = auth->audit;
    return cairn_oauth_new(&options, &auth->oauth);
}

static cairn_err open_auth(const cairn_node_auth_setup *setup, cairn_node_auth *auth)
{
    const cairn_auth_options options = {.clock = setup->clock,
                                        .directory = setup->certificates,
                                        .mtls_scopes = mtls_scopes,
                                        .accounts = auth->accounts,
                                        .pool = auth->pool,
                                        .oauth = auth->oauth,
                                        .issuers = auth->issuers,
                                        .audience = setup->url,
                                        .token_threads = TOKEN_THREADS};
    CAIRN_TRY(cairn_auth_new(&options, &auth->auth));
    const cairn_authenticator inner = cairn_auth_authenticator(auth->auth);
    return cairn_callers_new(&setup->clock, setup->engine, &inner, &auth->callers);
}

/* NULL when the rate is 0. */
static cairn_err open_rate(const cairn_node_auth_setup *setup, const char *rate, const char *burst,
                           cairn_rate **ret_rate)
{
    const cairn_rate_options options = {.per_second =
                                            (uint32_t)cairn_config_u64(setup->config, rate),
                                        .burst = (uint32_t)cairn_config_u64(setup->config, burst),
                                        .callers_max = 65536};
    if (options.per_second == 0)
        return CAIRN_OK;
    return cairn_rate_new(&setup->clock, &options, ret_rate);
}

cairn_err cairn_node_auth_new(const cairn_node_auth_setup *setup, cairn_node_auth **ret_auth)
{
    char path[CAIRN_PATH_SIZE_MAX];
    const cairn_password_pool_options pool = cairn_password_pool_defaults();
    CAIRN_CLEANUP(cairn_node_auth_free_p) cairn_node_auth *auth = calloc(1, sizeof *auth);
    if (auth == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: authentication");
    /* auth's cleanup frees it: NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    CAIRN_TRY(cairn_path_join(setup->directory, "access", path));
    CAIRN_TRY(cairn_accounts_open(path, &auth->accounts));
    CAIRN_TRY(cairn_password_pool_new(&setup->clock, &pool, &auth->pool));
    CAIRN_TRY(open_trail(setup, auth));
    CAIRN_TRY(open_oauth(setup, auth));
    CAIRN_TRY(open_issuers(setup, auth));
    CAIRN_TRY(open_auth(setup, auth));
    CAIRN_TRY(open_rate(setup, "node.rate", "node.burst", &auth->rate));
    CAIRN_TRY(open_rate(setup, "node.stranger_rate", "node.stranger_burst", &auth->stranger_rate));
    *ret_auth = CAIRN_STEAL(auth);
    return CAIRN_OK;
}

void cairn_node_auth_free(cairn_node_auth *auth)
{
    if (auth == NULL)
        return;
    cairn_rate_free(auth->rate);
    cairn_rate_free(auth->stranger_rate);
    cairn_callers_free(auth->callers);
    cairn_auth_free(auth->auth);
    cairn_issuers_free(auth->issuers);
    cairn_oauth_free(auth->oauth);
    cairn_audit_close(auth->audit);
    cairn_password_pool_free(auth->pool);
    cairn_accounts_close(auth->accounts);
    free(auth);
}

/* Nobody in particular is whoever calls from that address; of IPv6 the house has a /64. */
static void digest_address(const char *address, cairn_hash *ret_caller)
{
    uint8_t bytes[16];
    bool v6 = inet_pton(AF_INET6, address, bytes) == 1;
    const cairn_bytes part = v6 ? cairn_bytes_of(bytes, 8) : cairn_bytes_str(address);
    cairn_sha256_parts(&part, 1, ret_caller);
}

/* What is beyond the calls under way was refused before: the rate is for who is served. */
static cairn_err admit(void *context, const cairn_http_exchange *exchange,
                       const cairn_principal *principal, uint64_t *ret_wait_ms)
{
    cairn_node_auth *auth = context;
    bool stranger = principal->method == CAIRN_AUTH_NONE;
    cairn_rate *rate = stranger ? auth->stranger_rate : auth->rate;
    cairn_hash caller;
    if (rate == NULL)
        return CAIRN_OK;
    if (stranger)
        digest_address(cairn_http_peer(exchange)->address, &caller);
    else
        cairn_principal_digest(principal, &caller);
    return cairn_rate_take(rate, &caller, 1, ret_wait_ms);
}

void cairn_node_auth_hook(cairn_node_auth *auth, cairn_router_options *options)
{
    options->authenticator = cairn_callers_authenticator(auth->callers);
    options->challenge = cairn_auth_challenge(auth->auth);
    options->admit = admit;
    options->admit_context = auth;
    options->audit = cairn_audit_record;
    options->audit_context = auth->audit;
}

bool cairn_node_auth_vouches(void *auth, cairn_bytes certificate)
{
    const cairn_node_auth *a = auth;
    return cairn_auth_vouches(a->auth, certificate);
}

cairn_accounts *cairn_node_auth_accounts(cairn_node_auth *auth)
{
    return auth->accounts;
}

cairn_oauth *cairn_node_auth_oauth(cairn_node_auth *auth)
{
    return auth->oauth;
}

void cairn_node_auth_tend(cairn_node_auth *auth)
{
    (void)!cairn_oauth_maintain(auth->oauth); /* it logs, and is called again */
}
