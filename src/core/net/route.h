/* Routes as data: a feature's table says which calls it answers and who may make them; one
 * dispatcher finds the row, lets the authenticators find the caller, decides, and hands over.
 *
 * An answer never tells a stranger that an object exists: what a caller may not see and what is not
 * there are the same bytes. Source: house (ARCHITECTURE, Principals; STYLE, one table). */
#ifndef CAIRN_CORE_NET_ROUTE_H
#define CAIRN_CORE_NET_ROUTE_H

#include "core/net/http_server.h"
#include "core/net/principal.h"

enum {
    CAIRN_ROUTE_PARAMS_MAX = 6,
    CAIRN_ROUTE_SEGMENTS_MAX = 16,   /* of a pattern */
    CAIRN_ROUTES_MAX = 1024,         /* rows of all tables together */
    CAIRN_ROUTE_PATH_SIZE_MAX = 4096 /* bytes of a path */
};

typedef struct cairn_call cairn_call;
typedef struct cairn_services cairn_services; /* what handlers work with: ledger/services.h */

typedef enum cairn_route_access {
    CAIRN_ROUTE_PUBLIC,     /* anybody; a principal is still looked for, and an Authorization field
                               that does not hold is refused */
    CAIRN_ROUTE_WATCHED,    /* as public; audited when the router's `watch` says so */
    CAIRN_ROUTE_CALLER,     /* any authenticated caller with the scope and one of the roles */
    CAIRN_ROUTE_PRIVILEGED, /* the same, and each call granted or refused is audited */
    CAIRN_ROUTE_DELEGATED,  /* as privileged, and the node acts in the caller's name: a grant on the
                               ledger must let it, for the same scope; else it is not there */
    CAIRN_ROUTE_OPEN,       /* anybody; credentials are the handler's to read (token endpoint), or
                               of no use (a tile) */
} cairn_route_access;

typedef struct cairn_route {
    cairn_http_method method;
    const char *pattern;   /* "/v1/ledgers/{ledger}/state/{key}": whole segments are parameters;
                              a last "{name...}" takes the rest of the path. A parameter named
                              "tenant" must be the caller's own tenant, and one named "org", where
                              the call is privileged, the id of his own organisation; else the
                              answer is that of what is not there */
    const char *operation; /* operationId of api/openapi.yaml */
    cairn_route_access access;
    const char *scope;    /* NULL: none needed */
    uint32_t roles;       /* any of these bits of cairn_role; 0: any caller */
    size_t body_size_max; /* bytes; 0: no body is taken */
    void (*handle)(cairn_call *call);
} cairn_route;

/* The rows of one feature or module. Static storage. */
typedef struct cairn_route_table {
    const cairn_route *rows;
    size_t count;
} cairn_route_table;

/* --- authentication --- */

typedef enum cairn_auth_verdict {
    CAIRN_AUTH_ABSENT,      /* the request brings nothing that this authenticator knows */
    CAIRN_AUTH_FOUND,       /* `principal` is the caller */
    CAIRN_AUTH_REFUSED,     /* it brings something that does not hold */
    CAIRN_AUTH_UNAVAILABLE, /* cannot be decided now: 503 */
} cairn_auth_verdict;

typedef struct cairn_auth_result {
    cairn_auth_verdict verdict;
    const char *reason; /* REFUSED, UNAVAILABLE: static text for the log, such as "token_expired" */
    cairn_principal principal; /* FOUND */
} cairn_auth_result;

/* What an authenticator may look at; lives until it has called back. */
typedef struct cairn_auth_evidence {
    const cairn_http_request *request;
    cairn_bytes certificate; /* of the TLS peer, DER; empty without one */
} cairn_auth_evidence;

typedef void (*cairn_auth_done_fn)(void *context, const cairn_auth_result *result);

/* Calls `done` exactly once, now or later, from any thread; `result` is copied by the callee. Must
 * not block. */
typedef struct cairn_authenticator {
    void *context;
    void (*authenticate)(void *context, const cairn_auth_evidence *evidence,
                         cairn_auth_done_fn done, void *done_context);
} cairn_authenticator;

/* --- calls --- */

/* One call on its way. Lives until its exchange is answered; then everything in it is gone. */
struct cairn_call {
    cairn_http_exchange *exchange; /* answered exactly once, now or later, from any thread */
    const cairn_http_request *request;
    const cairn_route *route;
    cairn_bytes params[CAIRN_ROUTE_PARAMS_MAX]; /* percent-decoded, in the pattern's order */
    size_t param_count;
    cairn_principal principal;
    cairn_delegation delegation; /* of a DELEGATED route */
    cairn_arena *arena;          /* the exchange's */
    cairn_services *services;
    cairn_bytes certificate;                  /* the peer's, DER; empty without one */
    const cairn_authenticator *authenticator; /* the router's; NULL: nobody is ever found */
    cairn_auth_evidence evidence;             /* what it looks at */
};

/* The one answer for what is not there and what the caller may not see: 404, the same bytes each
 * time. Gives up the exchange. */
void cairn_call_not_found(cairn_call *call);

/* As cairn_http_respond_err, but every NOT_FOUND is the answer above. */
void cairn_call_respond_err(cairn_call *call, cairn_err err);

/* A JSON body: application/json, or `content_type`. */
void cairn_call_respond_json(cairn_call *call, int status, const char *content_type,
                             cairn_bytes json);

/* Looks for the caller of a call that lasts once more, by what he brought when he came: a token may
 * have expired, a key or a right may be gone. `done` as above. */
void cairn_call_authenticate(cairn_call *call, cairn_auth_done_fn done, void *done_context);

/* --- the other hooks, each of which may be NULL --- */

/* What is audited: a privileged call, granted or refused. Views live until `done`. */
typedef struct cairn_audit_fact {
    bool granted;
    const char *reason; /* "" when granted */
    const char *operation;
    const char *method;
    const cairn_principal *principal; /* zero when nobody was found */
} cairn_audit_fact;

/* Called when the record is durable, or cannot be (then the call is answered by 503 and not made).
 */
typedef void (*cairn_audit_done_fn)(void *context, cairn_err err);

#define CAIRN_ROUTE_UNDECIDED "internal"

typedef struct cairn_router_options {
    const cairn_route_table *tables; /* copied; the rows are borrowed */
    size_t table_count;
    cairn_services *services;          /* for the calls; may be NULL */
    cairn_log *log;                    /* NULL: silent; else made with cairn_route_log_events */
    cairn_authenticator authenticator; /* zero: nobody is ever found */
    const char *challenge; /* WWW-Authenticate of every 401; NULL: Bearer realm="cairn" */
    /* Takes one call of the caller's (method NONE: of the exchange's address): OK, or RATE with
     * the time to wait. Asked before anything is audited. */
    cairn_err (*admit)(void *context, const cairn_http_exchange *exchange,
                       const cairn_principal *principal, uint64_t *ret_wait_ms);
    void *admit_context;
    /* For DELEGATED routes: NULL and the delegation by which the node may act in the caller's name
     * now, or the reason why not; CAIRN_ROUTE_UNDECIDED when that cannot be told (503). */
    const char *(*delegate)(void *context, const cairn_call *call,
                            cairn_delegation *ret_delegation);
    void *delegate_context;
    /* For WATCHED routes: is this call one that is recorded, since the caller may make it by a
     * right that not everybody has who gets an answer? */
    bool (*watch)(void *context, const cairn_call *call);
    void *watch_context;
    /* Records `fact`; calls `done` once, from any thread. BUSY and so on: `done` is not called. */
    cairn_err (*audit)(void *context, const cairn_audit_fact *fact, cairn_audit_done_fn done,
                       void *done_context);
    void *audit_context;
} cairn_router_options;

/* Events: route.refused, route.unavailable, route.audit_failed. */
extern const cairn_log_table cairn_route_log_events;

typedef struct cairn_router cairn_router;

/* Compiles all rows. CONFIG names the rows that are duplicate or ambiguous (some path fits both and
 * neither is the narrower one), a pattern that is not valid, a row without a handler. */
cairn_err cairn_router_new(const cairn_router_options *options,
                           cairn_router **ret_router) CAIRN_MUST_USE;
/* When no call is under way. Takes NULL. */
void cairn_router_free(cairn_router *router);
CAIRN_DEFINE_CLEANUP(cairn_router, cairn_router_free)

/* A cairn_http_handler_fn; `router` is a cairn_router. */
void cairn_router_handle(void *router, cairn_http_exchange *exchange,
                         const cairn_http_request *request);

/* What is known of a request by its method and path alone. */
typedef struct cairn_route_match {
    const cairn_route *route; /* NULL: none has this path, or none with this method */
    bool path_known;          /* the path is there for other methods: 405 */
    bool path_bad;            /* a parameter is not validly encoded: 400 */
    uint32_t methods;         /* bits 1 << cairn_http_method of the path's rows */
    size_t param_count;
    cairn_bytes params[CAIRN_ROUTE_PARAMS_MAX];
} cairn_route_match;

/* Finds the row; parameters are decoded into the arena. A HEAD finds the GET row. NO_MEMORY. */
cairn_err cairn_router_match(const cairn_router *router, cairn_arena *arena,
                             cairn_http_method method, cairn_bytes path,
                             cairn_route_match *ret_match) CAIRN_MUST_USE;

#endif
