/* The store and its embedded engine: a directory that holds one or a thousand ledgers, one block
 * log for all of them, and an index that can be derived from it. Bytes:
 * docs/formats/block-record.md.
 *
 * The way of a transaction: submit (strict decode) → signature and checks on a worker → the
 * ledger's queue → a cycle: apply the queues of all ledgers, append their blocks, one fdatasync →
 * commit, view, verdicts. In the background the index follows in sorted, synced batches; recovery
 * is index plus replay.
 *
 * With threads = 0 nothing runs by itself: the caller drives the same code by cairn_store_step, on
 * one thread, and everything is deterministic; `wait` drives it too. Otherwise any thread may
 * submit and read. */
#ifndef CAIRN_LEDGER_STORE_H
#define CAIRN_LEDGER_STORE_H

#include "core/clock.h"
#include "core/log.h"
#include "ledger/engine.h"
#include "ledger/store/block_record.h"

typedef struct cairn_store cairn_store;

enum {
    CAIRN_STORE_LEDGERS_MAX = 65536,
    CAIRN_STORE_THREADS_MAX = 64,
};

typedef struct cairn_store_options {
    const cairn_features *features; /* outlives the store */
    cairn_clock clock;
    cairn_log *log;   /* may be NULL; outlives the store */
    unsigned threads; /* signature workers; 0: the caller drives */
    /* Transactions submitted and not yet decided; beyond: BUSY. One ledger alone fills at most
     * eight ninths. */
    size_t queue_max;
    size_t queue_size_max; /* bytes of those; at least CAIRN_TX_SIZE_MAX */
    size_t block_tx_max;
    uint64_t checkpoint_changes; /* index when so many records changed */
    uint64_t checkpoint_ms;      /* or after so long, when any did */
    uint64_t index_size_max;     /* bytes of address space reserved for the index */
    uint32_t segment_size;       /* bytes of a block-log segment; 0 for the default */
    bool read_only; /* reads and proofs only; several such may share the directory, and need no
                  permission to write to it once it has an index */
} cairn_store_options;

/* Rows for the logger. */
extern const cairn_log_table cairn_store_events;

void cairn_store_options_default(cairn_store_options *ret_options, const cairn_features *features);

/* Opens or creates the store in `directory`, recovers it and, with threads, starts them. CORRUPT
 * names what is wrong and nothing is changed; LOCKED; BAD_VERSION; IO, NO_SPACE, PERMISSION,
 * NO_MEMORY. */
cairn_err cairn_store_open(const char *directory, const cairn_store_options *options,
                           cairn_store **ret_store) CAIRN_MUST_USE;

/* Decides what was submitted, indexes, seals, and frees. The error is that of the last writing; the
 * store is gone either way. Takes NULL. */
cairn_err cairn_store_close(cairn_store *store) CAIRN_MUST_USE;

/* Frees without indexing or sealing, as a crash would. Verdicts of what is queued are CANCELLED;
 * what a thread has in hand is still decided. Takes NULL. */
void cairn_store_free(cairn_store *store);
CAIRN_DEFINE_CLEANUP(cairn_store, cairn_store_free)

/* A new ledger with this genesis, durable on return. EXISTS when the store has it, TOO_MANY. The
 * engine belongs to the store and lives as long. */
cairn_err cairn_store_create(cairn_store *store, cairn_bytes genesis,
                             cairn_engine **ret_engine) CAIRN_MUST_USE;

/* The ledgers by slot. NULL beyond the last. Any thread. */
size_t cairn_store_ledger_count(cairn_store *store);
cairn_engine *cairn_store_ledger(cairn_store *store, size_t slot);

/* OK while it takes transactions. NO_SPACE while its disk is full: what was refused left no trace,
 * and the store goes on by itself once there is room. Else READ_ONLY, until it is opened again,
 * with the first reason in the detail. Any thread. */
cairn_err cairn_store_writable(cairn_store *store) CAIRN_MUST_USE;

/* How a store is. */
typedef struct cairn_store_health {
    bool full;          /* it waits for room */
    bool read_only;     /* it failed */
    uint64_t filled;    /* how often its disk was found full */
    uint64_t index_lag; /* blocks that the index does not hold yet */
} cairn_store_health;

/* Any thread. */
void cairn_store_health_get(cairn_store *store, cairn_store_health *ret_health);

/* One cycle, with threads = 0: checks what was submitted, applies, makes durable, answers, and
 * indexes when it is due. Tells whether there was anything to do. NO_MEMORY and NO_SPACE leave the
 * store as it was, and the verdicts said so; cairn_store_writable tells whether it goes on. */
cairn_err cairn_store_step(cairn_store *store, bool *ret_worked) CAIRN_MUST_USE;

/* Brings the index up to the last block, now. */
cairn_err cairn_store_checkpoint(cairn_store *store) CAIRN_MUST_USE;

/* Calls `visit` for each block of a ledger in order, from height `from`: for audits and exports. An
 * error of `visit` ends the walk and is returned. */
cairn_err cairn_store_each_block(cairn_store *store, size_t slot, uint64_t from,
                                 cairn_err (*visit)(void *context,
                                                    const cairn_block_record *record),
                                 void *context) CAIRN_MUST_USE;

/* The same for the ledger of an engine of the store, up to height `to`, at which it has a block or
 * had one before. Any thread. */
cairn_err cairn_store_blocks(cairn_engine *engine, uint64_t from, uint64_t to,
                             cairn_err (*visit)(void *context, const cairn_block_record *record),
                             void *context) CAIRN_MUST_USE;

#endif
