/* Inside the store: what its files share. Who may touch what is said at each field. */
#ifndef CAIRN_LEDGER_STORE_IMPL_H
#define CAIRN_LEDGER_STORE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/store/block_log.h"
#include "core/store/kv.h"
#include "ledger/log/tail.h"
#include "ledger/map/smt_kv.h"
#include "ledger/store/id_runs.h"
#include "ledger/store/recent.h"
#include "ledger/store/store.h"

enum { TABLE_META, TABLE_STATE, TABLE_TILE, TABLE_BLOCK, TABLE_HEIGHT, TABLE_ID, TABLE_COUNT };

enum {
    CLEAN_BITS = 6, /* slices in which a version forgets what the index holds */
    IDLE_SEAL_MS = 50,
    GATHER_COUNT = 32, /* with so many in flight blocks are GATHER_NS apart at least */
    GATHER_NS = 2000000,
    LEAD_MAX_MS = 10, /* of a ledger's time over the clock; beyond, too, blocks are so far apart */
    BLOCK_ARENA_SIZE_MAX = 512 << 20,
    CHECK_ARENA_SIZE_MAX = 4 << 20,
    BLOCK_BYTES_MAX = 8 << 20,
    UNSYNCED_SIZE_MAX = 8 << 20, /* bytes of adopted blocks that may wait for their sync */
    MARK_LAG = 1024,             /* blocks without a change that a restart may ask for again */
    WAITING_CHAINS = 8192,       /* a power of two */
};

/* For what there is no room. */
enum { STORE_FULL_LOG = 1, STORE_FULL_INDEX = 2 };

/* A transaction on its way. */
typedef struct submission {
    struct submission *next;
    struct submission *next_waiting; /* store->lock: in its chain of store->waiting */
    struct store_ledger *ledger;
    cairn_tx_input input; /* views into raw */
    cairn_verdict_fn done;
    void *context;
    size_t size;
    uint8_t raw[];
} submission;

typedef struct submission_queue {
    submission *head;
    submission **end; /* NULL while empty */
} submission_queue;

/* A block that the index does not hold yet. */
typedef struct block_place {
    uint64_t height;
    uint64_t record;
    uint64_t last_index; /* of its block entry */
} block_place;

typedef struct store_subscriber store_subscriber;
typedef struct verify_job verify_job;

typedef struct store_ledger {
    cairn_engine engine; /* first: the engine is the ledger */
    cairn_store *store;
    uint32_t slot;
    cairn_ledger *ledger;       /* the writer's; views are anybody's */
    submission_queue unchecked; /* store->lock */
    struct store_ledger *next_unchecked;
    submission_queue ready; /* store->lock */
    size_t in_flight;       /* store->lock: its part of the store's */
    bool listed;            /* store->lock: is in store->ready */
    struct store_ledger *next_ready;
    pthread_rwlock_t tail_lock; /* guards what follows; the writer alone changes it */
    cairn_tail tail;
    block_place *places; /* rising */
    size_t place_count;
    size_t place_capacity;
    cairn_id_table ids;              /* of the blocks that no checkpoint has captured */
    cairn_id_table indexing_ids;     /* captured: does not change until they are indexed */
    pthread_mutex_t subscriber_lock; /* guards the next */
    store_subscriber *subscribers;
    /* the writer's */
    uint64_t indexed_height;               /* the index holds the blocks up to here */
    bool indexed;                          /* false: the index does not know the ledger yet */
    uint32_t clean_slice;                  /* next slice to clean, 2^CLEAN_BITS when done */
    const struct cairn_delivery *delivery; /* computed, not yet adopted */
    uint64_t marked_height;                /* delivered, as the file says */
    /* Of a driven ledger: changed by the writer, read by anybody. */
    _Atomic bool driven;
    _Atomic(const struct cairn_store_driver *) driver; /* may be NULL */
    _Atomic uint64_t delivered_height;
    _Atomic uint64_t durable_height;
} store_ledger;

/* What one cycle does with one ledger. */
typedef struct cycle_block {
    store_ledger *ledger;
    submission_queue taken;
    cairn_tx_input *inputs;
    size_t count;
    cairn_arena arena;
    cairn_block block;
    cairn_bytes record; /* encoded */
    uint64_t number;    /* of the record in the block log */
    cairn_err err;      /* the fate of the whole block */
    struct cycle_block *next;
} cycle_block;

struct cairn_store {
    cairn_store_options options;
    char *directory;
    int lock_fd; /* holds the directory */
    cairn_kv *kv;
    cairn_block_log *log;
    cairn_key_cache *keys;
    cairn_recent recent; /* records, the writer's to add */

    pthread_mutex_t lock;         /* guards from here to `writer_ended` */
    pthread_cond_t work;          /* workers: unchecked, stopping */
    pthread_cond_t wake;          /* writer: ready, checkpoint done, stopping; CLOCK_MONOTONIC */
    pthread_cond_t turn;          /* checkpointer: due, writer_ended */
    pthread_cond_t written;       /* whoever needs the index: done */
    pthread_cond_t verified;      /* who delivers: no worker is at his job any more */
    store_ledger *unchecked_head; /* ledgers whose turn it is to have one checked, in order */
    store_ledger **unchecked_end; /* NULL while there are none */
    store_ledger *ready;          /* ledgers with decided-next transactions */
    submission *waiting[WAITING_CHAINS]; /* submitted and not yet answered, by id */
    size_t in_flight;                    /* how many those are */
    size_t in_flight_size;               /* bytes of those */
    size_t checking;                     /* taken by workers, not yet ready or answered */
    store_ledger **ledgers;              /* grows; entries are stable */
    size_t ledger_count;
    size_t ledger_capacity;
    struct checkpoint *due;  /* captured by the writer, for the checkpointer */
    struct checkpoint *done; /* written, for the writer */
    verify_job *verifying;   /* a block's signatures, for the workers */
    bool sync_due;           /* the writer: something was adopted */
    bool stopping;
    bool writer_ended; /* no checkpoint will be due any more */

    pthread_mutex_t write_lock;       /* whoever is the writer: cycle, create, checkpoint, close */
    uint64_t record_count;            /* writer: synced records in the block log */
    uint64_t unsynced;                /* writer: appended since */
    uint64_t unsynced_size;           /* writer: bytes of those */
    _Atomic uint64_t indexed_records; /* writer: the index covers the records below */
    uint64_t last_checkpoint_ns;
    bool sealed;
    bool checkpointing;       /* writer: a captured checkpoint is on its way */
    struct checkpoint *stuck; /* writer, without threads: captured, there was no room for it */
    uint64_t room_tried_ns;   /* writer: when room was last looked for */
    atomic_uint full;         /* STORE_FULL_ bits: takes nothing until there is room */
    atomic_ullong full_count; /* how often that came to be */
    _Atomic cairn_err failed; /* not OK: read-only; the first reason */
    char failed_detail[256];  /* written before `failed` */

    pthread_t *threads;
    size_t thread_count;
};

/* --- store.c --- */

/* Turns the store read-only for `reason`; returns it. */
cairn_err cairn_store_fail(cairn_store *store, cairn_err reason);
void cairn_store_log_full(cairn_store *store);
void cairn_store_log_room(cairn_store *store);
/* For recovery, which nobody watches: the ledger is seen before it has a view. CORRUPT when `slot`
 * is not the next one. */
cairn_err cairn_store_add_ledger(cairn_store *store, uint32_t slot,
                                 store_ledger **ret_ledger) CAIRN_MUST_USE;
/* Bases of a ledger's maps in one snapshot. Close with cairn_store_bases_close. */
typedef struct store_bases {
    cairn_kv_txn *txn;
    cairn_smt_kv map[CAIRN_MAP_COUNT];
    cairn_ledger_bases bases;
} store_bases;
cairn_err cairn_store_bases_open(const store_ledger *ledger, store_bases *ret_bases) CAIRN_MUST_USE;
void cairn_store_bases_close(store_bases *bases);

/* The writer's turn: a cycle, then what the index needs. */
cairn_err cairn_store_turn(cairn_store *store, bool *ret_worked) CAIRN_MUST_USE;
/* Vouches for the block log's end; does nothing when that was done. */
cairn_err cairn_store_seal(cairn_store *store) CAIRN_MUST_USE;

/* --- store_cycle.c --- */

/* The writer: one cycle over all ledgers with something ready. */
cairn_err cairn_store_cycle(cairn_store *store, bool *ret_worked) CAIRN_MUST_USE;

/* Appends what the block log got to tail, places and ids, and commits; the store fails when memory
 * is short. */
cairn_err cairn_store_install(store_ledger *ledger, cairn_block *block,
                              uint64_t record) CAIRN_MUST_USE;

/* A changed block's record; INTERNAL when it is longer than the block log takes. */
cairn_err cairn_store_encode_record(const store_ledger *ledger, const cairn_block *block,
                                    cairn_arena *arena, cairn_bytes *ret_record) CAIRN_MUST_USE;
/* Appends to the block log, not yet durable; the store fails with it. */
cairn_err cairn_store_append(cairn_store *store, cairn_bytes record,
                             uint64_t *ret_number) CAIRN_MUST_USE;
/* Makes durable what was appended; the store fails with it. */
cairn_err cairn_store_sync_appended(cairn_store *store) CAIRN_MUST_USE;

/* --- store_deliver.c --- */

/* Under store->lock, which it leaves for the work: takes part in verifying a block's signatures.
 * False when there is none. */
bool cairn_store_help_verify(cairn_store *store, cairn_arena *arena);

/* --- store_driven.c --- */

/* The writer: writes down how far the driven ledgers are when the file lags by more than `lag`. */
cairn_err cairn_store_mark_driven(cairn_store *store, uint64_t lag) CAIRN_MUST_USE;
/* Recovery: which ledgers are driven. CORRUPT. */
cairn_err cairn_store_load_driven(cairn_store *store) CAIRN_MUST_USE;

/* --- store_queue.c --- */

void cairn_store_queue_push(submission_queue *queue, submission *s);
submission *cairn_store_queue_pop(submission_queue *queue);
/* What waits for its checks: the ledgers take turns, so that a flood of one costs each other one no
 * more than a check for each ledger that waits too. Under store->lock. */
void cairn_store_unchecked_push(submission *s);
submission *cairn_store_unchecked_pop(cairn_store *store);
void cairn_store_queue_move(submission_queue *from, submission_queue *to);
/* Delivers and frees. */
void cairn_store_answer(submission *s, cairn_err code, uint64_t height, uint64_t index);
/* The same verdict for all; without a lock held. */
void cairn_store_queue_answer(submission_queue *queue, cairn_err code);
/* Checks 1 to 10 against the newest view: the ids are the writer's. */
cairn_err cairn_store_check_input(const store_ledger *ledger, const cairn_tx_input *input,
                                  cairn_arena *arena) CAIRN_MUST_USE;
/* Checks one submission; it is then ready for its ledger, or answered. */
void cairn_store_check_one(cairn_store *store, submission *s, cairn_arena *arena);
extern const cairn_engine_ops cairn_store_engine_ops;

/* --- store_index.c --- */

typedef struct checkpoint checkpoint;
/* What the index is to hold next; NULL when there is nothing new. */
cairn_err cairn_store_checkpoint_capture(cairn_store *store,
                                         checkpoint **ret_checkpoint) CAIRN_MUST_USE;
cairn_err cairn_store_checkpoint_write(cairn_store *store, const checkpoint *cp) CAIRN_MUST_USE;
/* The writer, after it was written: forget what the index now holds. */
void cairn_store_checkpoint_finish(cairn_store *store, checkpoint *cp);
void cairn_store_checkpoint_free(checkpoint *cp);
/* Restores all ledgers that the index knows. */
cairn_err cairn_store_index_load(cairn_store *store) CAIRN_MUST_USE;
cairn_err cairn_store_index_records(cairn_kv *kv, uint64_t *ret_record_count,
                                    uint64_t *ret_ledger_count) CAIRN_MUST_USE;
/* A tile of the index. */
cairn_err cairn_store_index_tile(cairn_kv *kv, uint32_t slot, unsigned level, uint64_t tile,
                                 size_t count, cairn_hash *ret_hashes) CAIRN_MUST_USE;
/* The block that holds log index `index`, or has height `height`: NOT_FOUND without a detail. */
cairn_err cairn_store_index_block_at(cairn_kv *kv, uint32_t slot, uint64_t index,
                                     block_place *ret_place) CAIRN_MUST_USE;
cairn_err cairn_store_index_block_of(cairn_kv *kv, uint32_t slot, uint64_t height,
                                     block_place *ret_place) CAIRN_MUST_USE;

/* --- store_room.c --- */

/* What the refusal of an append or a seal means for the store: NO_SPACE that left the log as it was
 * makes it wait for room, all else read-only. Returns `reason`. The writer. */
cairn_err cairn_store_log_refused(cairn_store *store, cairn_err reason);
/* Writes a checkpoint; after NO_SPACE the same one is to be written again, after another error the
 * store is read-only. */
cairn_err cairn_store_index_write(cairn_store *store, const checkpoint *cp) CAIRN_MUST_USE;
/* Is it time to look for room again? The writer. */
bool cairn_store_room_due(const cairn_store *store);
/* Lets the store take transactions again when the block log has found room. The writer. */
cairn_err cairn_store_look_for_room(cairn_store *store) CAIRN_MUST_USE;

/* --- store_read.c --- */

cairn_view *cairn_store_read_view(cairn_engine *engine);
cairn_err cairn_store_read_get(cairn_engine *engine, const cairn_view *view, cairn_map_id map,
                               cairn_bytes key, cairn_arena *arena,
                               cairn_bytes *ret_value) CAIRN_MUST_USE;
cairn_err cairn_store_read_prove(cairn_engine *engine, const cairn_view *view, cairn_map_id map,
                                 cairn_bytes key, cairn_arena *arena,
                                 cairn_smt_proof *ret_proof) CAIRN_MUST_USE;
cairn_err cairn_store_read_entry(cairn_engine *engine, uint64_t index, cairn_arena *arena,
                                 cairn_bytes *ret_entry) CAIRN_MUST_USE;
cairn_err cairn_store_read_tile(void *engine, unsigned level, uint64_t tile, size_t count,
                                cairn_hash *ret_hashes) CAIRN_MUST_USE;
/* The block at `height`, or the first after it: memory first, then the index. */
cairn_err cairn_store_find_height(store_ledger *ledger, uint64_t height,
                                  block_place *ret_place) CAIRN_MUST_USE;

/* The record at a place that memory or the index named; CORRUPT when it is not that block's. */
cairn_err cairn_store_read_block(store_ledger *ledger, const block_place *place, cairn_arena *arena,
                                 cairn_block_record *ret_record) CAIRN_MUST_USE;
/* A walk that begins at `from` met this block first: CORRUPT when it is not the first one there. */
cairn_err cairn_store_check_first(store_ledger *ledger, uint64_t from,
                                  const cairn_block_record *record) CAIRN_MUST_USE;
/* Visits the blocks from the first one at or above height `from` to height `to`, which exists.
 * CORRUPT when one is missing. An error of `visit` ends the walk and is returned. */
cairn_err cairn_store_walk_blocks(store_ledger *ledger, uint64_t from, uint64_t to,
                                  cairn_err (*visit)(void *context,
                                                     const cairn_block_record *record),
                                  void *context) CAIRN_MUST_USE;

/* --- store_events.c --- */

cairn_err cairn_store_read_events(cairn_engine *engine, uint64_t after_height, size_t block_max,
                                  cairn_job_visit visit, void *context,
                                  uint64_t *ret_height) CAIRN_MUST_USE;
cairn_err cairn_store_subscribe(cairn_engine *engine, cairn_view_fn fn,
                                void *context) CAIRN_MUST_USE;
void cairn_store_unsubscribe(cairn_engine *engine, cairn_view_fn fn, void *context);
/* The writer: a new view is published. */
void cairn_store_notify(store_ledger *ledger);
void cairn_store_subscribers_free(store_ledger *ledger);

/* --- store_status.c --- */

/* Under store->lock. */
void cairn_store_waiting_add(submission *s);
void cairn_store_waiting_remove(submission *s);
cairn_err cairn_store_read_status(cairn_engine *engine, const cairn_hash *id,
                                  cairn_tx_status *ret_status) CAIRN_MUST_USE;
cairn_err cairn_store_prove_refusal(cairn_engine *engine, const cairn_hash *id, cairn_arena *arena,
                                    cairn_refusal_proof *ret_proof) CAIRN_MUST_USE;

/* --- store_replay.c --- */

/* Applies the block-log records that the index does not cover. */
cairn_err cairn_store_replay(cairn_store *store) CAIRN_MUST_USE;
/* Puts the ids of blocks from `window_height` on back into the window. */
cairn_err cairn_store_rebuild_window(store_ledger *ledger, uint64_t window_height) CAIRN_MUST_USE;

/* --- store_threads.c --- */

cairn_err cairn_store_threads_start(cairn_store *store) CAIRN_MUST_USE;
/* Decides what is queued, then joins. */
void cairn_store_threads_stop(cairn_store *store);

#endif
