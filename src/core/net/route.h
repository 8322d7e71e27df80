/* Routes as data: a feature's table says which calls it answers and who may make them; one
 * dispatcher finds the row, lets the authenticators find the caller, decides, and hands over.
 *
 * An answer never tells a stranger that an object exists: what a caller may not see and what is not
 * there are the same bytes. Source: house (ARCHITECTURE, Principals; STYLE, one table). */
#ifndef CAIRN_CORE_NET_ROUTE_H
#define CAIRN_CORE_NET_ROUTE_H

#include "core/net/http_server.h"
#include "core/net/principal.h"

enum { CAIRN_ROUTE_PARAMS_MAX = 6 };

typedef struct cairn_call cairn_call;
typedef struct cairn_services cairn_services; /* what handlers work with: ledger/services.h */

typedef enum cairn_route_access {
    CAIRN_ROUTE_PUBLIC,     /* anybody; a principal is still looked for */
    CAIRN_ROUTE_CALLER,     /* any authenticated caller with the scope and one of the roles */
    CAIRN_ROUTE_PRIVILEGED, /* the same, and each call granted or refused is audited */
} cairn_route_access;

typedef struct cairn_route {
    cairn_http_method method;
    const char *pattern;   /* "/v1/ledgers/{ledger}/state/{key}": whole segments are parameters;
                              a last "{name...}" takes the rest of the path */
    const char *operation; /* operationId of api/openapi.yaml */
    cairn_route_access access;
    const char *scope;    /* NULL: none needed */
    uint32_t roles;       /* any of these bits of cairn_role; 0: any caller */
    size_t body_size_max; /* bytes; 0: no body is taken */
    void (*handle)(cairn_call *call);
} cairn_route;

/* One call on its way. Lives until its exchange is answered; then everything in it is gone. */
struct cairn_call {
    cairn_http_exchange *exchange; /* answered exactly once, now or later, from any thread */
    const cairn_http_request *request;
    const cairn_route *route;
    cairn_bytes params[CAIRN_ROUTE_PARAMS_MAX]; /* percent-decoded, in the pattern's order */
    size_t param_count;
    cairn_principal principal;
    cairn_arena *arena; /* the exchange's */
    cairn_services *services;
};

#endif
