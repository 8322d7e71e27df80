/* Plays the consensus engine of four members, whose applications run in this process, each over a
 * store of its own.
 *
 * The chain is what four engines would have on their disks: the decided blocks, and for each member
 * how far its block store (S) and its state (T) have come and whether the answer to FinalizeBlock
 * was kept. What its application says of itself after a restart (A) then asks for one row of the
 * crash matrix of consensus/replay.go. The engine's side is written between two calls of the
 * application, so that a crash may fall between any two. After every answer the model is asked. */
#ifndef CAIRN_SIM_PLAYED_H
#define CAIRN_SIM_PLAYED_H

#include "sim/ledger_check.h"
#include "sim/replica.h"

enum {
    PLAYED_MEMBERS = 4,
    PLAYED_JOINER = PLAYED_MEMBERS, /* one more, which joins by state sync and has no vote */
    PLAYED_REPLICAS,
    PLAYED_HEIGHT_MAX = 8000,
    PLAYED_PROPOSAL_SIZE_MAX = 1 << 20,
    PLAYED_LAG_MAX_MS = 2000, /* of a block's time, with transactions in it */
};

/* A block that the members agreed on, and what the model says of it. */
typedef struct played_block {
    uint64_t time_ms;
    uint32_t nanos;
    size_t count;
    uint16_t txs[REPLICA_BLOCK_TXS];
    uint32_t codes[REPLICA_BLOCK_TXS];
    size_t update_count; /* in any order */
    replica_update updates[REPLICA_UPDATES];
    model_hash app_hash;
    bool answered; /* a member has answered; then: */
    model_hash digest;
} played_block;

/* What a member's engine has on its disk. */
typedef struct played_engine {
    uint64_t base;   /* least block that it keeps; those below the retain height are gone */
    uint64_t stored; /* S */
    uint64_t state;  /* T */
    bool answer;     /* to FinalizeBlock of S is kept */
    bool pooled[MODEL_POOL];
    int64_t skew_ms; /* of the member's clock */
    bool upgraded;   /* its program knows the version that the genesis announced */
} played_engine;

/* First member of a workload's facts. */
typedef struct played_chain {
    uint64_t now_ms;
    uint64_t voted_ms; /* when the last block got its votes: the time of the next one */
    uint64_t first;    /* the chain's initial height: above 1 when the ledger was embedded before */
    uint64_t height;   /* of the last decided block, or of the last embedded one */
    played_block blocks[PLAYED_HEIGHT_MAX + 1];
    model_ledger model; /* after it */
    played_engine engines[PLAYED_REPLICAS];
    uint64_t snapshot_blocks; /* 0: nobody offers snapshots */
    size_t snapshot_chunk_size;
} played_chain;

/* How far a member goes with a block before its engine ends. */
typedef enum played_stop {
    PLAYED_STORED,
    PLAYED_FINALIZED,
    PLAYED_ANSWERED,
    PLAYED_COMMITTED,
    PLAYED_DONE,
} played_stop;

extern sim_pool played_pool;
extern sim_replica played_members[PLAYED_REPLICAS];

/* Once, before any fault. */
void played_warm_up(sim_pool_kind kind);
/* The chain before its first block, over a ledger that was embedded for so many blocks; does
 * nothing when it has begun. */
enum { PLAYED_EMBEDDED_MAX = 5 };
void played_begin(sim_ctx *ctx, size_t embedded_count);
void played_pass_time(played_chain *chain, uint64_t ms);

/* The store of member `r` and the application over it, of which no engine has asked anything. */
bool played_open(const sim_ctx *ctx, unsigned r);
/* Starts member `r` and brings it to where its engine stands. False when a fault prevents it. */
bool played_start(const sim_ctx *ctx, unsigned r);
/* Its engine alone starts again: an empty mempool, and the handshake with an application that is
 * up. */
bool played_restart_engine(const sim_ctx *ctx, unsigned r);
/* True for an error, which a fault must explain; the member is down then. */
bool played_failed(const sim_ctx *ctx, unsigned r, cairn_err err, const char *what);

/* Does its program lack the version that judges block `height`? */
bool played_is_late(const played_chain *chain, unsigned r, uint64_t height);
bool played_at_top(const played_chain *chain, unsigned r);
/* Compares all that can be read of a member at the top. */
void played_check_member(const sim_ctx *ctx, unsigned r);

/* The next block without its transactions. */
replica_block played_next(const played_chain *chain);
void played_add(replica_block *block, size_t place);

/* An honest proposer asks its application: it orders and cuts, leaves nothing out without need, and
 * invents and repeats nothing. False when it is down. */
bool played_prepare(const sim_ctx *ctx, unsigned r, uint64_t size_max, cairn_arena *arena,
                    replica_block *block);
/* Asks the members at the top that are not in `absent`, a mask. All say the same, and accept what
 * an honest one proposed. True when they accept. */
bool played_process(const sim_ctx *ctx, const replica_block *block, bool honest, unsigned absent);
/* The block is the chain's next. False when the chain is full. */
bool played_decide(const sim_ctx *ctx, const replica_block *block);

/* Member `r` takes the next decided block as far as `stop`. False when it is down, or stopped. */
bool played_advance(const sim_ctx *ctx, unsigned r, played_stop stop);
void played_catch_up(const sim_ctx *ctx, unsigned r);
/* A height without faults and with everybody there: the honest proposer's turn is member `r`'s. */
void played_make_block(const sim_ctx *ctx, unsigned r);

/* A member at the top answers Query as the model would. */
void played_query(const sim_ctx *ctx, unsigned r, size_t place, bool prove);
/* Requests that no engine sends at that place: refused, and without a trace. */
void played_nonsense(const sim_ctx *ctx, unsigned r);

/* A transaction of the pool comes to member `r`; true when it waits there now. */
bool played_check_tx(const sim_ctx *ctx, unsigned r, size_t place);

/* A whole life of invented steps. */
void played_live(sim_ctx *ctx);

#endif
