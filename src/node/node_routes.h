/* Whose routes the node serves, and the scopes that callers may have. */
#ifndef CAIRN_NODE_ROUTES_H
#define CAIRN_NODE_ROUTES_H

#include "core/net/route.h"
#include "ledger/feature.h"

/* The node's own tables, and those of the features. The list is the caller's, to be freed.
 * NO_MEMORY. */
cairn_err cairn_node_route_tables(const cairn_features *features, cairn_route_table **ret_tables,
                                  size_t *ret_count) CAIRN_MUST_USE;

/* Does a route ask for the scope, or the metrics? NOT_FOUND: with it nobody may do anything.
 * NO_MEMORY. */
cairn_err cairn_node_scope_check(const cairn_features *features, const char *scope) CAIRN_MUST_USE;

#endif
