/* State sync: a new engine begins with a snapshot of the ledger instead of the chain's first block.
 * Source: CometBFT 0.38, configuration (statesync); docs/features/consortium.md. */
#ifndef CAIRN_COMMAND_CONSORTIUM_SYNC_H
#define CAIRN_COMMAND_CONSORTIUM_SYNC_H

#include "command/verb.h"

/* Where a snapshot is trusted from: a header that all engines that were asked have. */
typedef struct cairn_sync_point {
    uint64_t height;
    cairn_hash header;
} cairn_sync_point;

/* Asks the engines at `urls`, at least two, for the header of the first one's last block, and has
 * the directory's engine begin behind it. USAGE for fewer; UNREACHABLE; MISMATCH when one is of
 * another chain than `chain_id`; INCONSISTENT when they differ. */
cairn_err cairn_engine_state_sync(cairn_command *command, const char *directory,
                                  const char *chain_id, const char *const *urls, size_t count,
                                  cairn_sync_point *ret_point) CAIRN_MUST_USE;

#endif
