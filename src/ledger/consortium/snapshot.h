/* Snapshots for state sync: the log up to a height, in chunks that are verified one by one against
 * an app hash. Bytes: docs/formats/snapshot.md. */
#ifndef CAIRN_LEDGER_CONSORTIUM_SNAPSHOT_H
#define CAIRN_LEDGER_CONSORTIUM_SNAPSHOT_H

#include "ledger/follow/batch.h"

enum {
    CAIRN_SNAPSHOT_FORMAT = 1,
    CAIRN_SNAPSHOT_FIRST_SIZE = 2, /* of the log before chunk 0: the genesis and its block entry */
    CAIRN_SNAPSHOT_CHUNKS_MAX = 1 << 18,
    CAIRN_SNAPSHOT_METADATA_SIZE_MAX = 4 << 20,
    CAIRN_SNAPSHOT_CHUNK_SIZE_MAX = 16000000, /* as the engine has it */
    CAIRN_SNAPSHOT_CHUNK_SIZE = 1 << 20,      /* beyond it a chunk has one record */
    CAIRN_SNAPSHOT_OFFERS = 2,
};

/* Up to which multiple of `blocks` heights a block counts, and whether it is offered, if it is the
 * last one up to there that changed anything, when the chain is at `delivered`: the engine's light
 * client needs the two headers after it. */
static inline uint64_t cairn_snapshot_multiple(uint64_t blocks, uint64_t height)
{
    return (height + blocks - 1) / blocks * blocks;
}

static inline bool cairn_snapshot_is_due(uint64_t blocks, uint64_t height, uint64_t delivered)
{
    return cairn_snapshot_multiple(blocks, height) + 2 <= delivered;
}

/* --- snapshot.c: bytes --- */

typedef struct cairn_snapshot {
    cairn_block_entry entry; /* the log's last; its height is the snapshot's */
    uint64_t size;           /* of the log */
    cairn_hash root;
    const cairn_hash *path; /* from the entry to the root */
    size_t path_count;
    const uint64_t *ends; /* sizes of the log behind each chunk */
    size_t chunk_count;
} cairn_snapshot;

/* In the arena. */
cairn_err cairn_snapshot_encode(cairn_arena *arena, const cairn_snapshot *snapshot,
                                cairn_bytes *ret_metadata) CAIRN_MUST_USE;
/* Strict, and proved against the app hash: MISMATCH, BAD_PROOF. In the arena. */
cairn_err cairn_snapshot_decode(cairn_arena *arena, cairn_bytes metadata,
                                const cairn_hash *app_hash,
                                cairn_snapshot *ret_snapshot) CAIRN_MUST_USE;

/* Size of the log before chunk `index`. */
uint64_t cairn_snapshot_chunk_begin(const cairn_snapshot *snapshot, size_t index);

/* `records` are encoded. In the arena. */
cairn_err cairn_snapshot_chunk_encode(cairn_arena *arena, const cairn_hash *proof,
                                      size_t proof_count, const cairn_bytes *records,
                                      size_t record_count, cairn_bytes *ret_chunk) CAIRN_MUST_USE;

/* The blocks of chunk `index`, verified as those that follow a log with this frontier. Views into
 * `chunk`, arrays in the arena. Every error but NO_MEMORY speaks against who sent it. */
cairn_err cairn_snapshot_chunk_decode(cairn_arena *arena, const cairn_snapshot *snapshot,
                                      size_t index, const cairn_log_frontier *frontier,
                                      cairn_bytes chunk,
                                      cairn_follow_batch *ret_batch) CAIRN_MUST_USE;

/* --- snapshot_make.c: what a member offers --- */

/* Where the log is cut. Any thread. */
typedef struct cairn_snapshots cairn_snapshots;

/* Of the driven ledger `engine`, whose chain begins at `initial_height`; one each `blocks` heights,
 * at least 1, in chunks of `chunk_size` bytes, which is CAIRN_SNAPSHOT_CHUNK_SIZE for all members
 * of a chain. NO_MEMORY. */
cairn_err cairn_snapshots_new(cairn_engine *engine, uint64_t initial_height, uint64_t blocks,
                              size_t chunk_size, cairn_snapshots **ret_snapshots) CAIRN_MUST_USE;
void cairn_snapshots_free(cairn_snapshots *snapshots);
CAIRN_DEFINE_CLEANUP(cairn_snapshots, cairn_snapshots_free)

/* The newest ones, newest first. In the arena. The first call after a start reads the whole log. */
cairn_err cairn_snapshots_list(cairn_snapshots *snapshots, cairn_arena *arena,
                               cairn_snapshot ret_list[CAIRN_SNAPSHOT_OFFERS],
                               size_t *ret_count) CAIRN_MUST_USE;

/* A chunk of the snapshot at `height`, of those that are not offered any more, too. In the arena.
 * NOT_FOUND. */
cairn_err cairn_snapshots_load(cairn_snapshots *snapshots, uint64_t height, uint64_t index,
                               cairn_arena *arena, cairn_bytes *ret_chunk) CAIRN_MUST_USE;

/* --- snapshot_take.c: how a member takes one --- */

typedef enum cairn_snapshot_verdict {
    CAIRN_SNAPSHOT_TAKEN = 1, /* numbers of ApplySnapshotChunk */
    CAIRN_SNAPSHOT_ABORT = 2,
    CAIRN_SNAPSHOT_RETRY = 3, /* this chunk, from another sender */
    CAIRN_SNAPSHOT_RESTART = 4,
} cairn_snapshot_verdict;

/* Brings a driven ledger through chunk `index`: what is lacking of it is computed and on disk when
 * it is TAKEN. The detail of the error that made it another verdict is kept for the caller's log.
 * An error is the store's own. One thread at a time. */
cairn_err cairn_snapshot_take(cairn_store *store, cairn_engine *engine,
                              const cairn_snapshot *snapshot, size_t index, cairn_bytes chunk,
                              cairn_snapshot_verdict *ret_verdict) CAIRN_MUST_USE;

#endif
