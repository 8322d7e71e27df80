/* Organisations and approvals of a ledger in the order in which they came: from the projection of
 * the directory's own jobs, or from the node that holds it. Source: house (docs/features/node.md).
 */
#ifndef CAIRN_COMMAND_LISTING_H
#define CAIRN_COMMAND_LISTING_H

#include "command/home.h"

/* Calls `visit` for each id; `table` is CAIRN_DIRECTORY_ORGANISATIONS (the founders first) or
 * CAIRN_DIRECTORY_APPROVALS. An error of `visit` ends the walk and is returned. */
cairn_err cairn_listing_each(cairn_home *home, unsigned table,
                             cairn_err (*visit)(void *context, const cairn_hash *id),
                             void *context) CAIRN_MUST_USE;

#endif
