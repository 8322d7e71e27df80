/* What a member's mempool holds, as far as its application knows: who signed it, how large it is.
 * An organisation may hold as much of the pool as it leaves free to others: who floods gets a half,
 * two who flood a third each, and there is always room for one more. All of the pool together fits
 * into one block, so that the oldest transactions of one member never keep another's out of it.
 *
 * One thread at a time. Source: house (docs/decisions/0014). */
#ifndef CAIRN_LEDGER_CONSORTIUM_POOL_H
#define CAIRN_LEDGER_CONSORTIUM_POOL_H

#include "cairn/arena.h"
#include "cairn/bytes.h"

typedef struct cairn_pool_entry {
    cairn_hash id;
    cairn_hash org;
    size_t size;
    uint64_t valid_until_ms;
    uint64_t round; /* the caller's count when the engine last showed it */
} cairn_pool_entry;

/* What one organisation holds. */
typedef struct cairn_pool_share {
    cairn_hash org;
    size_t count;
    size_t size;
} cairn_pool_share;

typedef struct cairn_pool {
    cairn_pool_share *shares; /* of those that hold anything: as a rule few */
    size_t share_count;
    cairn_pool_entry *entries; /* open addressing; size 0: free */
    size_t capacity;           /* a power of two, over twice the count */
    size_t count_max;
    size_t size_max;
    size_t count;
    size_t size;
} cairn_pool;

/* NO_MEMORY. */
cairn_err cairn_pool_init(cairn_pool *pool, size_t count_max, size_t size_max) CAIRN_MUST_USE;
void cairn_pool_done(cairn_pool *pool);

/* Takes a transaction; one that is held is held. BUSY when its organisation has its share, or the
 * pool is full. `entry->size` is not 0. */
cairn_err cairn_pool_add(cairn_pool *pool, const cairn_pool_entry *entry) CAIRN_MUST_USE;
void cairn_pool_remove(cairn_pool *pool, const cairn_hash *id);
/* NULL when it is not held. */
const cairn_pool_entry *cairn_pool_find(const cairn_pool *pool, const cairn_hash *id);
/* The engine showed it again. */
void cairn_pool_see(cairn_pool *pool, const cairn_hash *id, uint64_t round);
/* Removes what is no longer valid at that time, and what was last shown before `round`: an engine
 * that was started anew has forgotten it. */
void cairn_pool_expire(cairn_pool *pool, uint64_t time_ms, uint64_t round);

/* One that waits for a block. */
typedef struct cairn_share_item {
    cairn_hash org;
    size_t size; /* bytes that it takes in the block */
} cairn_share_item;

/* Which of `count` items go into a block of at most `count_max` items and `size_max` bytes, and in
 * which order: always the next one of the organisation that has had least so far. Among one's own
 * the order stays. Indices in the arena. */
cairn_err cairn_share_block(cairn_arena *arena, const cairn_share_item *items, size_t count,
                            size_t count_max, size_t size_max, size_t **ret_chosen,
                            size_t *ret_count) CAIRN_MUST_USE;

#endif
