/* The CA over HTTP: status, lists, chain; certificates issued, renewed and revoked. Source: RFC
 * 6960 appendix A, RFC 5019 section 5 and 6, RFC 5280 section 4.2.1.13; paths are the house's. */
#ifndef CAIRN_IDENTITY_CA_ROUTES_H
#define CAIRN_IDENTITY_CA_ROUTES_H

#include "core/net/route.h"

/* Rows for the feature's table. What tells is open to all: a certificate names it to whoever meets
 * it. What changes the CA is for its organisation's own callers with the scopes ca.issue and
 * ca.revoke. */
enum { CAIRN_CA_ROUTE_COUNT = 7 };
extern const cairn_route cairn_ca_routes[CAIRN_CA_ROUTE_COUNT];

#endif
