/* The ledger as an object: where it stands after its last block, and the step to the next one.
 *
 * `cairn_ledger_apply` computes a block without changing the ledger; `cairn_ledger_commit` installs
 * it. So a proposer can try, a consensus engine can finalize and then commit, and the embedded
 * engine can write its log in between. No globals: a process holds one or a thousand. One thread at
 * a time, but for views. Nothing here does I/O except through the bases that the caller opens for
 * the call. */
#ifndef CAIRN_LEDGER_LEDGER_H
#define CAIRN_LEDGER_LEDGER_H

#include "cairn/block_entry.h"
#include "ledger/apply.h"
#include "ledger/log/merkle.h"
#include "ledger/map/smt.h"

typedef struct cairn_ledger cairn_ledger;

/* An immutable picture of a ledger after a block. Counted; any thread. */
typedef struct cairn_view {
    _Atomic unsigned references;
    cairn_hash ledger;
    uint64_t height; /* of the last block entry in the log */
    uint64_t time_ms;
    uint64_t log_size;
    cairn_hash log_root;
    cairn_block_entry last; /* the block entry that closes the log at log_size */
    cairn_rules rules;
    cairn_smt *maps[CAIRN_MAP_COUNT];
} cairn_view;

void cairn_view_free(cairn_view *view);
CAIRN_DEFINE_CLEANUP(cairn_view, cairn_view_free)

/* The two maps' bases, opened by the caller for one call. */
typedef struct cairn_ledger_bases {
    cairn_smt_base map[CAIRN_MAP_COUNT];
} cairn_ledger_bases;

/* Of a ledger of which nothing lies on disk. */
extern const cairn_ledger_bases cairn_ledger_no_bases;

/* A computed block. What it points to lives in the arena given to apply, the new versions of the
 * maps belong to the block until it is committed. */
typedef struct cairn_block {
    cairn_outcome outcome;
    bool changed; /* false: nothing was accepted or consumed; there is no entry then */
    const cairn_tx_input *inputs;
    cairn_block_entry entry;
    uint8_t entry_bytes[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    size_t entry_size;
    cairn_bytes genesis;     /* at height 0: log entry 0 */
    cairn_hash *leaf_hashes; /* of the new log entries in order, the block entry last */
    size_t leaf_count;
    cairn_log_frontier frontier; /* after the block */
    cairn_hash log_root;
    cairn_smt *maps[CAIRN_MAP_COUNT];
} cairn_block;

/* A ledger that has no block yet. `features` and `keys` (which may be NULL) outlive it. */
cairn_err cairn_ledger_new(const cairn_features *features, cairn_key_cache *keys,
                           cairn_ledger **ret_ledger) CAIRN_MUST_USE;
void cairn_ledger_free(cairn_ledger *ledger);
CAIRN_DEFINE_CLEANUP(cairn_ledger, cairn_ledger_free)

/* Block 0 from the genesis bytes. The errors of decoding; EXISTS when the ledger has a block
 * already. */
cairn_err cairn_ledger_begin(const cairn_ledger *ledger, const cairn_ledger_bases *bases,
                             cairn_bytes genesis, cairn_arena *arena,
                             cairn_block *ret_block) CAIRN_MUST_USE;

/* A block at a height above the last one's and a time not before its. `inputs` stay valid as long
 * as the block. Errors as cairn_apply_block and cairn_smt_update; the ledger is as it was then. */
cairn_err cairn_ledger_apply(const cairn_ledger *ledger, const cairn_ledger_bases *bases,
                             uint64_t height, uint64_t time_ms, const cairn_tx_input *inputs,
                             size_t count, cairn_arena *arena,
                             cairn_block *ret_block) CAIRN_MUST_USE;

/* Gives up the maps of a block that is not committed; takes a zeroed block. */
void cairn_block_discard(cairn_block *block);

/* Installs a changed block and makes the view of it. NO_MEMORY leaves ledger and block as they
 * were; on success the block's maps are the ledger's. */
cairn_err cairn_ledger_commit(cairn_ledger *ledger, cairn_block *block) CAIRN_MUST_USE;

/* Checks one transaction as a submitter would be told (checks 1 to 12) against a view, for a block
 * of `height`, above the view's; any thread. The ids of the window are not looked at: the block
 * decides about replays. */
cairn_err cairn_ledger_check(const cairn_ledger *ledger, const cairn_view *view,
                             const cairn_ledger_bases *bases, uint64_t height, uint64_t now_ms,
                             const cairn_tx_input *input, cairn_arena *arena) CAIRN_MUST_USE;

/* Does the window hold this id, valid until then? Any thread. */
bool cairn_ledger_has_decided(cairn_ledger *ledger, uint64_t valid_until_ms, const cairn_hash *id);

/* The current view, a new reference; NULL before block 0. Any thread. */
cairn_view *cairn_ledger_view(cairn_ledger *ledger);

/* A view as a state source, for as long as its bases are open. */
typedef struct cairn_view_source {
    const cairn_view *view;
    const cairn_ledger_bases *bases;
} cairn_view_source;
cairn_state_source cairn_view_state(const cairn_view_source *source);

/* Reads through a view. Shape and errors as cairn_smt_get. */
cairn_err cairn_view_get(const cairn_view *view, const cairn_ledger_bases *bases, cairn_map_id map,
                         cairn_bytes key, cairn_arena *arena,
                         cairn_bytes *ret_value) CAIRN_MUST_USE;

const cairn_hash *cairn_ledger_get_id(const cairn_ledger *ledger);
uint64_t cairn_ledger_height(const cairn_ledger *ledger);
uint64_t cairn_ledger_time_ms(const cairn_ledger *ledger);
const cairn_log_frontier *cairn_ledger_frontier(const cairn_ledger *ledger);
cairn_window *cairn_ledger_window(cairn_ledger *ledger);

/* Records that changed since the bases were last written, in both maps. */
uint64_t cairn_ledger_dirty_count(const cairn_ledger *ledger);

/* What a store restores before the replay of later blocks: the point after the block `entry`, of a
 * ledger `id` whose log has this frontier and whose maps are these (taken). CORRUPT when the maps'
 * roots are not the entry's. */
typedef struct cairn_ledger_point {
    cairn_hash id;
    cairn_block_entry entry;
    cairn_log_frontier frontier;
    cairn_smt *maps_take[CAIRN_MAP_COUNT];
} cairn_ledger_point;
cairn_err cairn_ledger_restore(cairn_ledger *ledger, cairn_ledger_point *point) CAIRN_MUST_USE;

/* Forgets, in one of 2^bits slices of the key space, what the bases hold durably: see
 * cairn_smt_clean. The content and the roots stay. */
cairn_err cairn_ledger_clean(cairn_ledger *ledger, uint64_t durable_height, uint32_t slice,
                             unsigned bits) CAIRN_MUST_USE;

#endif
