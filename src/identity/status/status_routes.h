/* Status lists over HTTP. Source: Token Status List section 8, Bitstring Status List section 3;
 * docs/features/identity.md. */
#ifndef CAIRN_IDENTITY_STATUS_ROUTES_H
#define CAIRN_IDENTITY_STATUS_ROUTES_H

#include "core/net/route.h"

/* Rows of a descriptor of their own. Open: a list says nothing of whom it is asked for. */
enum { CAIRN_STATUS_ROUTE_COUNT = 1 };
extern const cairn_route cairn_status_routes[CAIRN_STATUS_ROUTE_COUNT];

#endif
