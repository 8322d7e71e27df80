/* The ledger as the consensus engine's application: what the engine asks, answered from a driven
 * ledger of the store (store_deliver.h).
 *
 * A proposal is tried and judged without a trace; FinalizeBlock computes a block and writes
 * nothing; Commit adopts it. The engine keeps the blocks until they are on our disk too
 * (retain_height), and delivers again what a crash took from us. Block time decides in a block, the
 * node's clock in CheckTx. docs/features/consortium.md; docs/formats/abci.md. */
#ifndef CAIRN_LEDGER_CONSORTIUM_APPLICATION_H
#define CAIRN_LEDGER_CONSORTIUM_APPLICATION_H

#include "ledger/consortium/abci_server.h"
#include "ledger/consortium/chain.h"
#include "ledger/store/store_deliver.h"

enum {
    CAIRN_PROPOSAL_LAG_MAX_MS = 2000, /* a block's time behind our clock; beyond it is left empty */
    CAIRN_APPLICATION_POOL_MAX = 10000, /* transactions that wait */
};

typedef struct cairn_application cairn_application;

/* A transaction that a committed block held. */
typedef struct cairn_committed {
    const cairn_hash *id;
    cairn_err code;  /* CAIRN_OK: accepted */
    bool consumed;   /* decided for good; false: it left no trace and may come again */
    uint64_t height; /* of the block */
    uint64_t index;  /* log index when accepted */
} cairn_committed;

/* Who wants to know what the application did; each may be NULL. On the engine's threads. */
typedef struct cairn_application_watch {
    void *context;
    /* What a new transaction was told before it might wait for a block. */
    void (*checked)(void *context, const cairn_hash *id, cairn_err code);
    /* Each transaction of a block, after its commit. */
    void (*committed)(void *context, const cairn_committed *tx);
    /* After those: the block's time. */
    void (*block)(void *context, uint64_t time_ms);
    /* The block at this height, which is decided, brought evidence against a validator. The engine
     * shows the votes (double_vote.h); who tells the ledger is told here, before the block is
     * committed, and again when the engine delivers it again. Must not ask the engine now. */
    void (*misbehavior)(void *context, uint64_t height);
} cairn_application_watch;

typedef struct cairn_application_options {
    cairn_store *store;
    cairn_engine *engine;     /* the chain's ledger, driven */
    const cairn_chain *chain; /* outlives the application */
    const char *version;      /* of this program, as Info tells; outlives the application */
    cairn_clock clock;
    cairn_log *log;             /* may be NULL */
    uint64_t retain_blocks;     /* that the engine keeps at least, though we have them; 0: all */
    uint64_t snapshot_blocks;   /* heights from one snapshot to the next; 0: none is offered */
    size_t snapshot_chunk_size; /* 0: CAIRN_SNAPSHOT_CHUNK_SIZE; the same at all members */
    size_t pool_count_max;      /* transactions that wait; 0: CAIRN_APPLICATION_POOL_MAX */
    cairn_application_watch watch;
} cairn_application_options;

/* Rows for the logger. */
extern const cairn_log_table cairn_application_events;

/* A ledger that stands below the chain's start can only join by state sync. MISMATCH when it is
 * another than the chain's; ARGUMENT when it is not driven; NO_MEMORY. */
cairn_err cairn_application_new(const cairn_application_options *options,
                                cairn_application **ret_application) CAIRN_MUST_USE;
/* When nothing asks any more. Takes NULL. */
void cairn_application_free(cairn_application *application);
CAIRN_DEFINE_CLEANUP(cairn_application, cairn_application_free)

/* What a server serves. Any thread; requests about blocks take turns. */
cairn_abci_handler cairn_application_handler(cairn_application *application);

/* Where the chain stands, for operators. Any thread. */
typedef struct cairn_application_status {
    uint64_t height;  /* of the last committed block */
    uint64_t time_ms; /* of that block */
    size_t pool_count;
    size_t pool_size;
    size_t vote_count; /* validators of the block before it */
    size_t signed_count;
    int64_t power;        /* of all of them */
    int64_t signed_power; /* of those that signed */
    int64_t largest_power;
} cairn_application_status;
void cairn_application_get_status(cairn_application *application,
                                  cairn_application_status *ret_status);

#endif
