/* A batch of blocks on its way from a source into the store. Reading it is strict and pure: what
 * comes out is a run of blocks that follow each other in the log, with everything checked that can
 * be told without the state. Whether that log is the one that was signed is asked afterwards
 * (head.h); what the blocks do is computed last of all.
 * Source: docs/formats/block-record.md, Records for others. */
#ifndef CAIRN_LEDGER_FOLLOW_BATCH_H
#define CAIRN_LEDGER_FOLLOW_BATCH_H

#include "ledger/key_cache.h"
#include "ledger/store/block_record.h"
#include "ledger/store/store_deliver.h"

enum { CAIRN_FOLLOW_BLOCKS_MAX = 4096 }; /* of one batch */

/* Where a log stands between two blocks. */
typedef struct cairn_follow_place {
    uint64_t height; /* of the last block */
    cairn_log_frontier frontier;
} cairn_follow_place;

typedef struct cairn_follow_block {
    cairn_block_record record;
    cairn_delivery_tx *txs; /* one for each transaction of the record */
    const cairn_tx *decoded;
} cairn_follow_block;

typedef struct cairn_follow_batch {
    cairn_follow_block *blocks;
    size_t block_count;
    size_t tx_count;
    cairn_follow_place after; /* the last block */
} cairn_follow_batch;

/* The blocks of `sequence`, which stays valid as long as the batch, that follow `before` in a log
 * of at most `size_max` entries; further ones are left out. In the arena. Each must follow the one
 * before it in height and log, and its refusals must give its results_root: BAD_VALUE or MISMATCH
 * name the field; the codes of decoding; MISSING_FIELD when no block is left, BAD_VALUE when one
 * lies across `size_max`. */
cairn_err cairn_follow_read(cairn_arena *arena, cairn_bytes sequence,
                            const cairn_follow_place *before, uint64_t size_max,
                            cairn_follow_batch *ret_batch) CAIRN_MUST_USE;

/* The genesis that the first record of `sequence` holds: a view. MISMATCH when it is not that of
 * `ledger`. */
cairn_err cairn_follow_read_genesis(cairn_arena *arena, cairn_bytes sequence,
                                    const cairn_hash *ledger,
                                    cairn_bytes *ret_genesis) CAIRN_MUST_USE;

/* Was `block`, which was delivered, altered on its way? What is signed of a refused transaction is
 * its id, which leaves out its signature: MISMATCH when that is bad. */
cairn_err cairn_follow_check_refused(const cairn_follow_block *block,
                                     const cairn_delivery *delivery) CAIRN_MUST_USE;

/* Who answers for a block that was delivered, is not delivered any more, and did not come out as it
 * was signed? Where the refused transactions lie among the others is signed nowhere, and they leave
 * nothing behind: so the accepted ones alone must give what was signed of the state. MISMATCH when
 * they do, or there is none: the source altered the others. OK when they do not: the log is wrong.
 * The errors of cairn_store_deliver. */
cairn_err cairn_follow_blame(cairn_engine *engine, const cairn_follow_block *block) CAIRN_MUST_USE;

/* The first field in which what was computed is not what was signed; NULL when there is none. */
const char *cairn_follow_difference(const cairn_block *computed,
                                    const cairn_block_entry *signed_entry);

#endif
