/* The CA over HTTP: status, lists, chain. Source: RFC 6960 appendix A, RFC 5019 section 5 and 6,
 * RFC 5280 section 4.2.1.13; paths are the house's. */
#ifndef CAIRN_IDENTITY_CA_ROUTES_H
#define CAIRN_IDENTITY_CA_ROUTES_H

#include "core/net/route.h"

/* Rows for the feature's table. Open to all: a certificate names them to whoever meets it. */
enum { CAIRN_CA_ROUTE_COUNT = 4 };
extern const cairn_route cairn_ca_routes[CAIRN_CA_ROUTE_COUNT];

#endif
