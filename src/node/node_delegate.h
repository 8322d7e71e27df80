/* In whose name the node may sign for a caller who cannot: his delegation
 * (node/auth/auth_accounts.h) names a pseudonym and a key of ours, and the ledger must say that the
 * pseudonym's grant to that key holds now. Source: house (ARCHITECTURE, Principals;
 * docs/features/access.md). */
#ifndef CAIRN_NODE_DELEGATE_H
#define CAIRN_NODE_DELEGATE_H

#include "node/auth/auth_accounts.h"
#include "node/node_ledger.h"

/* As the hook of cairn_router_options: NULL, or the reason why not. */
const char *cairn_node_delegate(cairn_accounts *accounts, cairn_signer *signer,
                                cairn_node_ledger *ledger, const cairn_clock *clock,
                                const cairn_call *call, cairn_delegation *ret_delegation);

#endif
