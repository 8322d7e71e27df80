/* The compiled patterns, between the dispatcher and its matcher. */
#ifndef CAIRN_CORE_NET_ROUTE_IMPL_H
#define CAIRN_CORE_NET_ROUTE_IMPL_H

#include "core/net/route.h"

typedef struct cairn_route_node cairn_route_node;

/* Errors of cairn_router_new. The rows are borrowed. */
cairn_err cairn_route_tree_new(const cairn_route *const *rows, size_t count,
                               cairn_route_node **ret_root) CAIRN_MUST_USE;
/* Takes NULL. */
void cairn_route_tree_free(cairn_route_node *node);
/* As cairn_router_match. */
cairn_err cairn_route_tree_match(const cairn_route_node *root, cairn_arena *arena,
                                 cairn_http_method method, cairn_bytes path,
                                 cairn_route_match *ret_match) CAIRN_MUST_USE;

#endif
