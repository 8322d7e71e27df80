/* Which organisations and approvals a ledger has, in the order in which they came: what the state
 * map, being a map of hashes, does not tell. Source: house (docs/features/node.md). */
#ifndef CAIRN_NODE_DIRECTORY_H
#define CAIRN_NODE_DIRECTORY_H

#include "core/jobs/page.h"

/* Tables of the projection. Keys of the first two: u64 height ‖ u32 ordinal of the event by which
 * it came; values: the id. */
enum {
    CAIRN_DIRECTORY_ORGANISATIONS,
    CAIRN_DIRECTORY_APPROVALS,
    CAIRN_DIRECTORY_SEEN, /* ids of both, behind one byte that tells them apart */
    CAIRN_DIRECTORY_TABLES,
};

extern const cairn_projection cairn_directory_projection;

#endif
