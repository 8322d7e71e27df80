/* The changes of one block, before they are a new version: last write wins, and the writes of a
 * transaction that fails are taken back. Lives in the block's arena; one thread. */
#ifndef CAIRN_LEDGER_DELTA_H
#define CAIRN_LEDGER_DELTA_H

#include "ledger/state.h"

typedef struct cairn_change {
    cairn_map_id map;
    bool deleted;
    cairn_hash path; /* SHA-256 of the key */
    cairn_bytes key;
    cairn_bytes value;         /* empty when deleted */
    struct cairn_change *next; /* older change in the same hash chain */
} cairn_change;

typedef struct cairn_delta {
    cairn_arena *arena;
    cairn_change **chains;  /* newest first */
    size_t chain_count;     /* a power of two, or 0 */
    cairn_change **changes; /* in order of writing */
    size_t count;
    size_t capacity;
} cairn_delta;

void cairn_delta_init(cairn_delta *delta, cairn_arena *arena);

/* Records a write; key and value are copied. A NULL `value` deletes. TOO_LARGE beyond the bounds of
 * core/limits.h. */
cairn_err cairn_delta_write(cairn_delta *delta, cairn_map_id map, cairn_bytes key,
                            const cairn_bytes *value) CAIRN_MUST_USE;

/* The newest change of `key`, or NULL. */
const cairn_change *cairn_delta_find(const cairn_delta *delta, cairn_map_id map, cairn_bytes key);

/* Takes back all writes after the first `mark` ones (`mark` is an earlier `count`). */
void cairn_delta_rollback(cairn_delta *delta, size_t mark);

/* The effective changes of one map in path order, in the arena. */
cairn_err cairn_delta_sorted(const cairn_delta *delta, cairn_map_id map,
                             const cairn_change ***ret_changes, size_t *ret_count) CAIRN_MUST_USE;

#endif
