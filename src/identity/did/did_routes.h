/* DID resolution over HTTP. Source: W3C DID Resolution, HTTPS binding; did:web. */
#ifndef CAIRN_IDENTITY_DID_ROUTES_H
#define CAIRN_IDENTITY_DID_ROUTES_H

#include "core/net/route.h"

/* Rows for the feature's table. Public: who may see a ledger is asked for each call. */
enum { CAIRN_DID_ROUTE_COUNT = 3 };
extern const cairn_route cairn_did_routes[CAIRN_DID_ROUTE_COUNT];

#endif
