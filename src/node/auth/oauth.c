/* The token endpoint: its routes, its answers, and its making. */
#include "node/auth/oauth.h"

#include <stdio.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/text.h"
#include "ledger/services.h"
#include "node/auth/oauth_impl.h"

static const cairn_log_event events[] = {
    [CAIRN_OAUTH_EVENT_REFUSED] = {"oauth.refused", CAIRN_LOG_INFO, 100, 600,
                                   "The token endpoint refused a client or its request."},
    [CAIRN_OAUTH_EVENT_KEY] = {"oauth.key", CAIRN_LOG_INFO, 10, 10,
                               "A new key for access tokens was made."},
    [CAIRN_OAUTH_EVENT_FAILED] = {"oauth.failed", CAIRN_LOG_WARNING, 20, 60,
                                  "The token endpoint could not do its work."},
};
const cairn_log_table cairn_oauth_log_events = {events, sizeof events / sizeof events[0]};

cairn_oauth_options cairn_oauth_defaults(void)
{
    return (cairn_oauth_options){.token_life_ms = 5 * 60 * 1000,
                                 .key_life_ms = UINT64_C(30) * 86400000,
                                 .key_lead_ms = 86400000};
}

const char *cairn_oauth_issuer(const cairn_oauth *oauth)
{
    return oauth->issuer;
}

cairn_err cairn_oauth_is_revoked(cairn_oauth *oauth, const char *token_id, bool *ret_revoked)
{
    return cairn_accounts_is_revoked(oauth->options.accounts, cairn_bytes_str(token_id),
                                     ret_revoked);
}

/* --- making --- */

static cairn_err check_options(const cairn_oauth_options *o)
{
    if (o->token_life_ms < 1000 || o->token_life_ms > CAIRN_OAUTH_TOKEN_LIFE_MS_MAX ||
        o->key_life_ms < o->token_life_ms || o->key_lead_ms >= o->key_life_ms)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "token endpoint: times out of range");
    if (o->issuer == NULL || strlen(o->issuer) > CAIRN_OAUTH_URL_SIZE_MAX ||
        strncmp(o->issuer, "http", 4) != 0 || o->issuer[strlen(o->issuer) - 1] == '/' ||
        strpbrk(o->issuer, "\"\\ ?#") != NULL)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "RFC 8414 section 2", "token endpoint: issuer");
    if (o->audience == NULL || o->audience[0] == '\0' ||
        strlen(o->audience) > CAIRN_AUDIENCE_SIZE_MAX || strpbrk(o->audience, "\"\\") != NULL)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "token endpoint: audience");
    return CAIRN_OK;
}

static cairn_err take_again(void *context, const cairn_hash *digest, uint64_t until_ms)
{
    const cairn_oauth *oauth = context;
    return cairn_replay_restore(oauth->replay, digest, until_ms,
                                cairn_clock_wall_ms(&oauth->options.clock));
}

/* What was used before the start is as good as used after it. They come in the order of their ends,
 * in which they may need more room than in the one in which they were used. */
static cairn_err load_assertions(cairn_oauth *oauth)
{
    enum { MORE = 8 };
    const cairn_oauth_options *o = &oauth->options;
    cairn_err err = CAIRN_ERR_BUSY;
    for (size_t n = 1; err == CAIRN_ERR_BUSY && n <= MORE; n *= 2) {
        cairn_replay_free(CAIRN_STEAL(oauth->replay));
        CAIRN_TRY(cairn_replay_new(n * CAIRN_OAUTH_ASSERTIONS_MAX, &oauth->replay));
        err = cairn_accounts_each_assertion(o->accounts, cairn_clock_wall_ms(&o->clock), take_again,
                                            oauth);
    }
    return err;
}

cairn_err cairn_oauth_new(const cairn_oauth_options *options, cairn_oauth **ret_oauth)
{
    CAIRN_TRY(check_options(options));
    cairn_oauth *made = calloc(1, sizeof *made);
    if (made == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "token endpoint");
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_mutex_init(&made->maintenance, NULL);
    CAIRN_CLEANUP(cairn_oauth_free_p) cairn_oauth *oauth = made;
    oauth->options = *options;
    (void)snprintf(oauth->issuer, sizeof oauth->issuer, "%s", options->issuer);
    (void)snprintf(oauth->audience, sizeof oauth->audience, "%s", options->audience);
    (void)snprintf(oauth->token_url, sizeof oauth->token_url, "%s/oauth/token", oauth->issuer);
    CAIRN_TRY(load_assertions(oauth));
    CAIRN_TRY(cairn_oauth_keys_start(oauth));
    CAIRN_TRY(cairn_work_new(1, &oauth->work));
    *ret_oauth = CAIRN_STEAL(oauth);
    return CAIRN_OK;
}

void cairn_oauth_free(cairn_oauth *oauth)
{
    if (oauth == NULL)
        return;
    cairn_work_free(oauth->work);
    cairn_replay_free(oauth->replay);
    cairn_jwk_set_free(oauth->set);
    (void)pthread_mutex_destroy(&oauth->lock);
    (void)pthread_mutex_destroy(&oauth->maintenance);
    free(oauth);
}

/* --- answers --- */

void cairn_oauth_answer(cairn_oauth_call *c, int status, cairn_bytes json)
{
    static const cairn_http_field fields[] = {{"Cache-Control", "no-store"},
                                              {"WWW-Authenticate", "Basic realm=\"cairn\""}};
    const cairn_http_response response = {.status = status,
                                          .content_type = "application/json",
                                          .fields = fields,
                                          .field_count = status == 401 ? 2 : 1,
                                          .body = json};
    cairn_http_respond(c->call->exchange, &response);
}

void cairn_oauth_fail(cairn_oauth_call *c, cairn_err err)
{
    CAIRN_LOG(c->oauth->options.log, &events[CAIRN_OAUTH_EVENT_FAILED], cairn_log_err(err));
    cairn_http_respond_retry(c->call->exchange, 503, "UNAVAILABLE", NULL, 1000);
}

static void answer_now(cairn_oauth_call *c)
{
    char json[128];
    if (c->refusal.error == NULL) {
        cairn_oauth_answer(c, 200, c->answer);
        return;
    }
    int size = snprintf(json, sizeof json, "{\"error\":\"%s\"}", c->refusal.error);
    cairn_oauth_answer(c, c->refusal.status, cairn_bytes_of(json, (size_t)size));
}

static void on_audited(void *context, cairn_err err)
{
    cairn_oauth_call *c = context;
    if (err == CAIRN_OK)
        answer_now(c);
    else
        cairn_oauth_fail(c, err);
}

/* The record comes first. */
static void conclude(cairn_oauth_call *c, bool granted)
{
    const cairn_oauth_options *o = &c->oauth->options;
    (void)snprintf(c->principal.subject, sizeof c->principal.subject, "%s", c->client.name);
    (void)snprintf(c->principal.tenant, sizeof c->principal.tenant, "%s", c->client.tenant);
    c->principal.has_organisation = c->client.has_organisation;
    c->principal.organisation = c->client.organisation;
    c->fact = (cairn_audit_fact){.granted = granted,
                                 .reason = granted ? "" : c->refusal.reason,
                                 .operation = c->call->route->operation,
                                 .method = "POST",
                                 .principal = &c->principal};
    bool audited =
        o->audit != NULL; /* once it is, the call may be answered, and all of this gone */
    cairn_err err = audited ? o->audit(o->audit_context, &c->fact, on_audited, c) : CAIRN_OK;
    if (err != CAIRN_OK || !audited)
        on_audited(c, err);
}

void cairn_oauth_refuse(cairn_oauth_call *c, int status, const char *error, const char *reason)
{
    CAIRN_LOG(c->oauth->options.log, &events[CAIRN_OAUTH_EVENT_REFUSED],
              cairn_log_text("operation", c->call->route->operation),
              cairn_log_text("reason", reason));
    c->refusal = (cairn_oauth_refusal){status, error, reason};
    conclude(c, false);
}

void cairn_oauth_grant(cairn_oauth_call *c, cairn_bytes json)
{
    c->answer = json;
    conclude(c, true);
}

/* --- the way in --- */

const char *cairn_oauth_field(const cairn_oauth_call *c, const char *name)
{
    for (size_t i = 0; i < c->field_count; i++)
        if (strcmp(c->fields[i].name, name) == 0)
            return c->fields[i].value;
    return NULL;
}

static bool is_form(const cairn_http_request *request)
{
    static const char form[] = "application/x-www-form-urlencoded";
    cairn_bytes type = {0};
    if (!cairn_http_header_find(request, "Content-Type", &type) || type.size < sizeof form - 1)
        return false;
    cairn_bytes head = cairn_bytes_of(type.data, sizeof form - 1);
    return cairn_http_text_is(head, form) &&
           (type.size == head.size || strchr(" ;", type.data[head.size]) != NULL);
}

static void authenticate(void *context)
{
    cairn_oauth_authenticate(context);
}

static void begin(cairn_call *call, void (*then)(cairn_oauth_call *c))
{
    cairn_oauth_call *c = NULL;
    cairn_err err = CAIRN_ARENA_NEW(call->arena, &c);
    if (err != CAIRN_OK) {
        cairn_call_respond_err(call, err);
        return;
    }
    c->oauth = call->services->oauth;
    c->call = call;
    c->then = then;
    c->has_certificate = call->certificate.size != 0;
    if (c->has_certificate)
        cairn_sha256_of(call->certificate.data, call->certificate.size, &c->certificate);
    err = is_form(call->request)
              ? cairn_form_parse(call->arena, call->request->body, CAIRN_OAUTH_FIELDS_MAX,
                                 c->fields, &c->field_count)
              : CAIRN_ERR_BAD_VALUE;
    if (err == CAIRN_OK)
        err = cairn_work_push(c->oauth->work, authenticate, c);
    if (err == CAIRN_ERR_NO_MEMORY || err == CAIRN_ERR_BUSY)
        cairn_oauth_fail(c, err);
    else if (err != CAIRN_OK)
        cairn_oauth_refuse(c, 400, "invalid_request", "form_malformed");
}

static void handle_token(cairn_call *call)
{
    begin(call, cairn_oauth_issue);
}

static void handle_revoke(cairn_call *call)
{
    begin(call, cairn_oauth_revoke);
}

static void handle_introspect(cairn_call *call)
{
    begin(call, cairn_oauth_introspect);
}

/* --- what anybody may read --- */

static void respond_public(cairn_call *call, cairn_bytes json)
{
    static const cairn_http_field field = {"Cache-Control", "public, max-age=300"};
    const cairn_http_response response = {.status = 200,
                                          .content_type = "application/json",
                                          .fields = &field,
                                          .field_count = 1,
                                          .body = json};
    cairn_http_respond(call->exchange, &response);
}

static cairn_err write_set(cairn_arena *arena, const cairn_jwk_set *set, cairn_text *out)
{
    cairn_text_printf(out, "{\"keys\":[");
    for (size_t i = 0; i < cairn_jwk_set_count(set); i++) {
        cairn_bytes json = {0};
        CAIRN_TRY(cairn_jwk_write(arena, cairn_jwk_set_at(set, i), &json));
        cairn_text_printf(out, "%s%.*s", i == 0 ? "" : ",", (int)json.size,
                          (const char *)json.data);
    }
    cairn_text_printf(out, "]}");
    CAIRN_ASSERT(cairn_text_whole(out));
    return CAIRN_OK;
}

static void handle_jwks(cairn_call *call)
{
    CAIRN_CLEANUP(cairn_jwk_set_free_p)
    cairn_jwk_set *set = cairn_oauth_keys(call->services->oauth);
    char json[CAIRN_TOKEN_KEYS_MAX * 512];
    cairn_text text = {json, sizeof json, 0};
    cairn_err err = write_set(call->arena, set, &text);
    if (err != CAIRN_OK)
        cairn_call_respond_err(call, err);
    else
        respond_public(call, cairn_bytes_of(json, text.size));
}

/* There is no authorization endpoint; yet RFC 8414 section 2 requires response types, and
 * section 3.2 takes no empty list: "none" is the one that returns nothing. */
static void handle_metadata(cairn_call *call)
{
    static const char format[] =
        "{\"issuer\":\"%s\",\"token_endpoint\":\"%s/oauth/token\","
        "\"revocation_endpoint\":\"%s/oauth/revoke\","
        "\"introspection_endpoint\":\"%s/oauth/introspect\",\"jwks_uri\":\"%s/oauth/jwks\","
        "\"grant_types_supported\":[\"client_credentials\"],\"response_types_supported\":[\"none\"]"
        ","
        "\"token_endpoint_auth_methods_supported\":[\"client_secret_basic\",\"private_key_jwt\","
        "\"self_signed_tls_client_auth\"],"
        "\"token_endpoint_auth_signing_alg_values_supported\":[\"ES256\",\"ES384\",\"EdDSA\","
        "\"RS256\",\"PS256\"],\"tls_client_certificate_bound_access_tokens\":true}";
    char json[sizeof format + 5 * CAIRN_OAUTH_URL_SIZE_MAX];
    const char *issuer = call->services->oauth->issuer;
    int size = snprintf(json, sizeof json, format, issuer, issuer, issuer, issuer, issuer);
    respond_public(call, cairn_bytes_of(json, (size_t)size));
}

#define POST(path, name, fn)                                                                       \
    {                                                                                              \
        .method = CAIRN_HTTP_POST, .pattern = path, .operation = name, .access = CAIRN_ROUTE_OPEN, \
        .body_size_max = CAIRN_OAUTH_BODY_SIZE_MAX, .handle = fn                                   \
    }
#define GET(path, name, fn)                                                                       \
    {                                                                                             \
        .method = CAIRN_HTTP_GET, .pattern = path, .operation = name, .access = CAIRN_ROUTE_OPEN, \
        .handle = fn                                                                              \
    }

static const cairn_route rows[] = {
    POST("/oauth/token", "issueToken", handle_token),
    POST("/oauth/revoke", "revokeToken", handle_revoke),
    POST("/oauth/introspect", "introspectToken", handle_introspect),
    GET("/oauth/jwks", "getTokenKeys", handle_jwks),
    GET("/.well-known/oauth-authorization-server", "getAuthorizationServer", handle_metadata),
};
const cairn_route_table cairn_oauth_routes = {rows, sizeof rows / sizeof rows[0]};
