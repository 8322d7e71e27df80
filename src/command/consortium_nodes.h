/* The nodes of a consortium's members: how a member's is called by others, and which of them the
 * node of a directory asks for their signatures. consortium/nodes has the latter, a line each, in
 * the form of cairn_node_name_parse. Source: house (docs/features/consortium.md). */
#ifndef CAIRN_COMMAND_CONSORTIUM_NODES_H
#define CAIRN_COMMAND_CONSORTIUM_NODES_H

#include "core/config.h"
#include "core/crypto/signer.h"

enum { CAIRN_NODE_NAME_SIZE_MAX = 384 };

/* How others call the node that `config` describes, with the key by which they know it; "" when it
 * is called on this machine alone. */
cairn_err cairn_consortium_node_name(cairn_arena *arena, const cairn_config *config,
                                     cairn_signer *signer, const char **ret_name) CAIRN_MUST_USE;

/* True for such a name, or none: "". */
bool cairn_consortium_is_node_name(cairn_arena *arena, const char *name);

/* Adds names to the directory's list. One of the same URL gives way to it; what has the URL of
 * `own`, which may be "", is left out. */
cairn_err cairn_consortium_add_nodes(cairn_arena *arena, const char *directory, const char *own,
                                     const char *const *names, size_t count) CAIRN_MUST_USE;

#endif
