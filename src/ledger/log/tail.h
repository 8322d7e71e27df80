/* The log's hashes that are not yet in the index: the right edge of each tile level, in memory,
 * from the last tile boundary that the index holds. Not thread-safe: its owner locks. Source: C2SP
 * tlog-tiles. */
#ifndef CAIRN_LEDGER_TAIL_H
#define CAIRN_LEDGER_TAIL_H

#include "ledger/log/merkle.h"

typedef struct cairn_tail_level {
    uint64_t first; /* number of hashes[0] in its level, a multiple of 256 */
    size_t count;
    size_t capacity;
    cairn_hash *hashes;
} cairn_tail_level;

typedef struct cairn_tail {
    cairn_log_frontier frontier; /* of all that was appended */
    cairn_tail_level levels[CAIRN_TILE_LEVEL_COUNT];
} cairn_tail;

/* Empty, standing at `frontier`; the caller fills the partial tiles with cairn_tail_load. */
void cairn_tail_init(cairn_tail *tail, const cairn_log_frontier *frontier);
void cairn_tail_done(cairn_tail *tail);

/* Width of the partial tile of `level` at a log size, and the number of that tile. */
size_t cairn_tail_partial(uint64_t log_size, unsigned level, uint64_t *ret_tile);

/* The hashes of the partial tile of `level`, as the index holds them. NO_MEMORY. */
cairn_err cairn_tail_load(cairn_tail *tail, unsigned level, const cairn_hash *hashes,
                          size_t count) CAIRN_MUST_USE;

/* Makes room for `count` more leaves, so that appending them cannot fail. NO_MEMORY. */
cairn_err cairn_tail_reserve(cairn_tail *tail, size_t count) CAIRN_MUST_USE;

/* Appends one leaf hash; room was reserved. */
void cairn_tail_append(cairn_tail *tail, const cairn_hash *leaf);

/* The first `count` hashes of a tile when they lie here. */
bool cairn_tail_read(const cairn_tail *tail, unsigned level, uint64_t tile, size_t count,
                     cairn_hash *ret_hashes);

/* Forgets the full tiles of the log of `durable_size` entries: the index holds them. */
void cairn_tail_trim(cairn_tail *tail, uint64_t durable_size);

#endif
