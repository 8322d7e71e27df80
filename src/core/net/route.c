/* The dispatcher: from a request to its handler, or to the reason why not.
 *
 * find the row → body limit → who calls → may he call so often → may he call this → audit → handle.
 * Each arrow may be crossed on another thread; a dispatch belongs to one thread at a time. */
#include "core/net/route.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/net/route_impl.h"
#include "core/text.h"

enum { EVENT_REFUSED, EVENT_UNAVAILABLE, EVENT_AUDIT_FAILED };

static const cairn_log_event events[] = {
    [EVENT_REFUSED] = {"route.refused", CAIRN_LOG_INFO, 100, 600,
                       "A call was refused: its credentials do not hold, or do not suffice."},
    [EVENT_UNAVAILABLE] = {"route.unavailable", CAIRN_LOG_WARNING, 20, 60,
                           "A call could not be decided and was answered by 503."},
    [EVENT_AUDIT_FAILED] = {"route.audit_failed", CAIRN_LOG_ERROR, 20, 60,
                            "A privileged call could not be recorded and was not made."},
};

const cairn_log_table cairn_route_log_events = {events, sizeof events / sizeof events[0]};

struct cairn_router {
    cairn_route_node *root;
    cairn_services *services;
    cairn_log *log;
    cairn_authenticator authenticator;
    char *challenge;
    cairn_err (*admit)(void *context, const cairn_http_exchange *exchange,
                       const cairn_principal *principal, uint64_t *ret_wait_ms);
    void *admit_context;
    const char *(*delegate)(void *context, const cairn_call *call,
                            cairn_delegation *ret_delegation);
    void *delegate_context;
    bool (*watch)(void *context, const cairn_call *call);
    void *watch_context;
    cairn_err (*audit)(void *context, const cairn_audit_fact *fact, cairn_audit_done_fn done,
                       void *done_context);
    void *audit_context;
};

typedef enum outcome {
    OUTCOME_GRANTED,
    OUTCOME_UNAUTHENTICATED,
    OUTCOME_FORBIDDEN,
    OUTCOME_NOT_FOUND,
} outcome;

/* In the exchange's arena. */
typedef struct dispatch {
    cairn_router *router;
    cairn_call call;
    cairn_audit_fact fact;
    outcome outcome;
} dispatch;

/* --- answers --- */

void cairn_call_not_found(cairn_call *call)
{
    cairn_http_respond_problem(call->exchange, 404, cairn_err_name(CAIRN_ERR_NOT_FOUND), NULL);
}

void cairn_call_respond_err(cairn_call *call, cairn_err err)
{
    if (err == CAIRN_ERR_NOT_FOUND)
        cairn_call_not_found(call);
    else
        cairn_http_respond_err(call->exchange, err);
}

void cairn_call_respond_json(cairn_call *call, int status, const char *content_type,
                             cairn_bytes json)
{
    const cairn_http_response response = {.status = status,
                                          .content_type = content_type == NULL ? "application/json"
                                                                               : content_type,
                                          .body = json};
    cairn_http_respond(call->exchange, &response);
}

static void respond_with_field(cairn_http_exchange *exchange, int status, const char *code,
                               const char *name, const char *value)
{
    char problem[CAIRN_HTTP_PROBLEM_SIZE_MAX];
    const cairn_http_field field = {name, value};
    cairn_http_problem_write(status, code, NULL, problem);
    const cairn_http_response response = {.status = status,
                                          .content_type = CAIRN_HTTP_PROBLEM_TYPE,
                                          .fields = &field,
                                          .field_count = 1,
                                          .body = cairn_bytes_str(problem)};
    cairn_http_respond(exchange, &response);
}

static void respond_method(cairn_http_exchange *exchange, uint32_t methods)
{
    char allow[128];
    cairn_text text = {allow, sizeof allow, 0};
    cairn_text_printf(&text, "%s", "");
    for (unsigned i = 0; i < CAIRN_HTTP_METHOD_COUNT; i++)
        if ((methods >> i & 1) != 0)
            cairn_text_printf(&text, "%s%s", text.size == 0 ? "" : ", ",
                              cairn_http_method_name((cairn_http_method)i));
    respond_with_field(exchange, 405, "METHOD_NOT_ALLOWED", "Allow", allow);
}

static void respond_outcome(dispatch *d)
{
    switch (d->outcome) {
    case OUTCOME_GRANTED:
        d->call.route->handle(&d->call);
        return;
    case OUTCOME_UNAUTHENTICATED:
        respond_with_field(d->call.exchange, 401, "UNAUTHENTICATED", "WWW-Authenticate",
                           d->router->challenge);
        return;
    case OUTCOME_FORBIDDEN:
        cairn_http_respond_problem(d->call.exchange, 403, "FORBIDDEN", NULL);
        return;
    case OUTCOME_NOT_FOUND:
        cairn_call_not_found(&d->call);
        return;
    }
}

static void respond_unavailable(dispatch *d, const char *reason)
{
    CAIRN_LOG(d->router->log, &events[EVENT_UNAVAILABLE],
              cairn_log_text("operation", d->call.route->operation),
              cairn_log_text("reason", reason));
    respond_with_field(d->call.exchange, 503, "UNAVAILABLE", "Retry-After", "1");
}

/* --- audit --- */

static void on_audited(void *context, cairn_err err)
{
    dispatch *d = context;
    if (err == CAIRN_OK) {
        respond_outcome(d);
        return;
    }
    CAIRN_LOG(d->router->log, &events[EVENT_AUDIT_FAILED],
              cairn_log_text("operation", d->call.route->operation), cairn_log_err(err));
    respond_with_field(d->call.exchange, 503, "UNAVAILABLE", "Retry-After", "1");
}

static bool is_open_to_all(const cairn_route *route)
{
    return route->access == CAIRN_ROUTE_PUBLIC || route->access == CAIRN_ROUTE_WATCHED;
}

static bool is_audited(const dispatch *d, outcome result)
{
    const cairn_router *router = d->router;
    switch (d->call.route->access) {
    case CAIRN_ROUTE_PRIVILEGED:
    case CAIRN_ROUTE_DELEGATED:
        return router->audit != NULL;
    case CAIRN_ROUTE_WATCHED:
        return router->audit != NULL && router->watch != NULL && result == OUTCOME_GRANTED &&
               router->watch(router->watch_context, &d->call);
    default:
        return false;
    }
}

/* The end of every decision: what is privileged is recorded before anything else happens. */
static void conclude(dispatch *d, outcome result, const char *reason)
{
    cairn_router *router = d->router;
    const cairn_route *route = d->call.route;
    d->outcome = result;
    if (result != OUTCOME_GRANTED)
        CAIRN_LOG(router->log, &events[EVENT_REFUSED],
                  cairn_log_text("operation", route->operation), cairn_log_text("reason", reason));
    if (!is_audited(d, result)) {
        respond_outcome(d);
        return;
    }
    d->fact = (cairn_audit_fact){.granted = result == OUTCOME_GRANTED,
                                 .reason = reason,
                                 .operation = route->operation,
                                 .method = cairn_http_method_name(d->call.request->method),
                                 .principal = &d->call.principal};
    cairn_err err = router->audit(router->audit_context, &d->fact, on_audited, d);
    if (err != CAIRN_OK)
        on_audited(d, err);
}

/* --- authorisation --- */

static bool is_own_tenant(const cairn_principal *principal, cairn_bytes value)
{
    return cairn_bytes_equal(value, cairn_bytes_str(principal->tenant));
}

static bool is_own_organisation(const cairn_principal *principal, cairn_bytes value)
{
    char id[2 * sizeof principal->organisation + 1];
    cairn_hex_encode(cairn_bytes_hash(&principal->organisation), id);
    return principal->has_organisation && cairn_bytes_equal(value, cairn_bytes_str(id));
}

/* NULL, or why the path's parameters are not the caller's to name: one called "tenant" is his own
 * tenant, one called "org", where the call is privileged, his own organisation. */
static const char *whose_else(const cairn_call *call)
{
    bool privileged = call->route->access == CAIRN_ROUTE_PRIVILEGED;
    const char *at = call->route->pattern;
    for (size_t i = 0; i < call->param_count; i++) {
        at = strchr(at, '{');
        if (at == NULL)
            break;
        if (strncmp(at, "{tenant}", 8) == 0 && !is_own_tenant(&call->principal, call->params[i]))
            return "other_tenant";
        if (privileged && strncmp(at, "{org}", 5) == 0 &&
            !is_own_organisation(&call->principal, call->params[i]))
            return "other_organisation";
        at++;
    }
    return NULL;
}

/* In whose name? Where the ledger's grants do not let the node act, there is nothing. */
static void delegate(dispatch *d)
{
    cairn_router *router = d->router;
    const char *reason = router->delegate == NULL ? "delegation_missing"
                                                  : router->delegate(router->delegate_context,
                                                                     &d->call, &d->call.delegation);
    if (reason == NULL)
        conclude(d, OUTCOME_GRANTED, "");
    else if (strcmp(reason, CAIRN_ROUTE_UNDECIDED) == 0)
        respond_unavailable(d, reason);
    else
        conclude(d, OUTCOME_NOT_FOUND, reason);
}

static void authorise(dispatch *d)
{
    const cairn_route *route = d->call.route;
    const cairn_principal *principal = &d->call.principal;
    bool open = is_open_to_all(route) || route->access == CAIRN_ROUTE_OPEN;
    const char *other = whose_else(&d->call);
    if (other != NULL)
        conclude(d, OUTCOME_NOT_FOUND, other);
    else if (!open && route->scope != NULL && !cairn_principal_has_scope(principal, route->scope))
        conclude(d, OUTCOME_FORBIDDEN, "scope_missing");
    else if (!open && route->roles != 0 && (route->roles & principal->roles) == 0)
        conclude(d, OUTCOME_FORBIDDEN, "role_missing");
    else if (route->access == CAIRN_ROUTE_DELEGATED)
        delegate(d);
    else
        conclude(d, OUTCOME_GRANTED, "");
}

static bool is_admitted(dispatch *d)
{
    const cairn_router *router = d->router;
    uint64_t wait_ms = 1000;
    char seconds[24];
    if (router->admit == NULL || router->admit(router->admit_context, d->call.exchange,
                                               &d->call.principal, &wait_ms) == CAIRN_OK)
        return true;
    (void)snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)(wait_ms / 1000 + 1));
    respond_with_field(d->call.exchange, 429, "RATE", "Retry-After", seconds);
    return false;
}

/* On a public route whoever shows nothing is nobody, and so is the holder of a certificate that
 * nobody knows: TLS shows it with every call. Who writes an Authorization field means it, and
 * learns that it does not hold: else a client whose token has expired would never ask for another.
 */
static bool may_be_nobody(const dispatch *d, const cairn_auth_result *result)
{
    cairn_bytes value;
    return is_open_to_all(d->call.route) &&
           (result->verdict == CAIRN_AUTH_ABSENT ||
            !cairn_http_header_find(d->call.request, "Authorization", &value));
}

static void on_authenticated(void *context, const cairn_auth_result *result)
{
    dispatch *d = context;
    if (result->verdict == CAIRN_AUTH_FOUND)
        d->call.principal = result->principal;
    if (result->verdict == CAIRN_AUTH_UNAVAILABLE) {
        respond_unavailable(d, result->reason);
        return;
    }
    if (!is_admitted(d))
        return;
    if (result->verdict == CAIRN_AUTH_FOUND || may_be_nobody(d, result))
        authorise(d);
    else
        conclude(d, OUTCOME_UNAUTHENTICATED,
                 result->verdict == CAIRN_AUTH_REFUSED ? result->reason : "no_credentials");
}

void cairn_call_authenticate(cairn_call *call, cairn_auth_done_fn done, void *done_context)
{
    static const cairn_auth_result nobody = {.verdict = CAIRN_AUTH_ABSENT};
    const cairn_authenticator *authenticator = call->authenticator;
    if (authenticator == NULL) {
        done(done_context, &nobody);
        return;
    }
    call->evidence =
        (cairn_auth_evidence){.request = call->request, .certificate = call->certificate};
    authenticator->authenticate(authenticator->context, &call->evidence, done, done_context);
}

static void authenticate(dispatch *d)
{
    if (d->call.route->access != CAIRN_ROUTE_OPEN)
        cairn_call_authenticate(&d->call, on_authenticated, d);
    else if (is_admitted(d))
        authorise(d);
}

/* --- the way in --- */

static cairn_err dispatch_new(cairn_router *router, cairn_http_exchange *exchange,
                              const cairn_http_request *request, const cairn_route_match *match,
                              dispatch **ret_dispatch)
{
    dispatch *d = NULL;
    cairn_arena *arena = cairn_http_arena(exchange);
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &d));
    d->router = router;
    d->call = (cairn_call){.exchange = exchange,
                           .request = request,
                           .route = match->route,
                           .param_count = match->param_count,
                           .arena = arena,
                           .services = router->services,
                           .certificate = cairn_http_peer(exchange)->tls.certificate,
                           .authenticator = router->authenticator.authenticate == NULL
                                                ? NULL
                                                : &router->authenticator};
    memcpy(d->call.params, match->params, sizeof d->call.params);
    *ret_dispatch = d;
    return CAIRN_OK;
}

void cairn_router_handle(void *context, cairn_http_exchange *exchange,
                         const cairn_http_request *request)
{
    cairn_router *router = context;
    cairn_route_match match = {.route = NULL};
    dispatch *d = NULL;
    cairn_err err = cairn_router_match(router, cairn_http_arena(exchange), request->method,
                                       request->path, &match);
    if (err == CAIRN_OK && match.route != NULL)
        err = dispatch_new(router, exchange, request, &match, &d);
    if (err != CAIRN_OK)
        cairn_http_respond_err(exchange, err);
    else if (!match.path_known)
        cairn_http_respond_problem(exchange, 404, cairn_err_name(CAIRN_ERR_NOT_FOUND), NULL);
    else if (match.route == NULL)
        respond_method(exchange, match.methods);
    else if (match.path_bad)
        cairn_http_respond_problem(exchange, 400, cairn_err_name(CAIRN_ERR_BAD_VALUE), NULL);
    else if (request->body.size > match.route->body_size_max)
        cairn_http_respond_problem(exchange, 413, cairn_err_name(CAIRN_ERR_TOO_LARGE), NULL);
    else
        authenticate(d);
}

/* --- making --- */

static cairn_err collect(const cairn_router_options *options, const cairn_route **rows,
                         size_t *ret_count)
{
    size_t count = 0;
    for (size_t i = 0; i < options->table_count; i++)
        for (size_t j = 0; j < options->tables[i].count; j++) {
            if (count == CAIRN_ROUTES_MAX)
                return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "routes: more than %d",
                                  CAIRN_ROUTES_MAX);
            rows[count++] = &options->tables[i].rows[j];
        }
    *ret_count = count;
    return CAIRN_OK;
}

cairn_err cairn_router_new(const cairn_router_options *options, cairn_router **ret_router)
{
    const cairn_route *rows[CAIRN_ROUTES_MAX];
    size_t count = 0;
    CAIRN_TRY(collect(options, rows, &count));
    CAIRN_CLEANUP(cairn_router_free_p) cairn_router *router = calloc(1, sizeof *router);
    if (router == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "router");
    router->services = options->services;
    router->log = options->log;
    router->authenticator = options->authenticator;
    router->admit = options->admit;
    router->admit_context = options->admit_context;
    router->delegate = options->delegate;
    router->delegate_context = options->delegate_context;
    router->watch = options->watch;
    router->watch_context = options->watch_context;
    router->audit = options->audit;
    router->audit_context = options->audit_context;
    router->challenge =
        strdup(options->challenge == NULL ? "Bearer realm=\"cairn\"" : options->challenge);
    if (router->challenge == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "router");
    CAIRN_TRY(cairn_route_tree_new(rows, count, &router->root));
    *ret_router = CAIRN_STEAL(router);
    return CAIRN_OK;
}

void cairn_router_free(cairn_router *router)
{
    if (router == NULL)
        return;
    cairn_route_tree_free(router->root);
    free(router->challenge);
    free(router);
}

cairn_err cairn_router_match(const cairn_router *router, cairn_arena *arena,
                             cairn_http_method method, cairn_bytes path,
                             cairn_route_match *ret_match)
{
    return cairn_route_tree_match(router->root, arena, method, path, ret_match);
}
