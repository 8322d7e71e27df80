/* What callers ask of a CA that changes it: rows are in ca_routes.c, the contract in
 * api/openapi.yaml. A handler decodes, strictly and bounded, and leaves the rest to the thread on
 * which the CA is changed. Source: house (docs/features/ca.md). */
#ifndef CAIRN_IDENTITY_CA_CALLS_H
#define CAIRN_IDENTITY_CA_CALLS_H

#include "core/net/route.h"
#include "identity/ca/ca.h"

enum { CAIRN_CA_CALL_SIZE_MAX = 32768 }; /* bytes of a body: a request as PEM, and names */

/* The CA that the path's first parameter names, or NULL: then the call is answered. */
cairn_ca *cairn_ca_call_find(cairn_call *call);

void cairn_ca_call_issue(cairn_call *call);
void cairn_ca_call_renew(cairn_call *call);
void cairn_ca_call_revoke(cairn_call *call);

#endif
