/* One member's application as the consensus engine sees it: a function for each message, without
 * the socket. Requests are written as the engine writes them and read by the codec under test;
 * answers are read by a parser of the simulation's own. */
#ifndef CAIRN_SIM_REPLICA_H
#define CAIRN_SIM_REPLICA_H

#include <sys/un.h>

#include "core/clock.h"
#include "ledger/consortium/application.h"
#include "sim/ledger_model.h"

enum {
    REPLICA_BLOCK_TXS = 20,
    REPLICA_UPDATES = 2 * MODEL_ORGS_MAX,
    REPLICA_SNAPSHOTS = 2,    /* that a member offers */
    REPLICA_EMBEDDED_MS = 10, /* from one embedded block to the next */
};

/* The engine's connections. */
typedef enum replica_wire {
    REPLICA_QUERY,
    REPLICA_SNAPSHOT,
    REPLICA_MEMPOOL,
    REPLICA_CONSENSUS,
    REPLICA_WIRES,
} replica_wire;

/* Set before any replica is opened: requests go through the server's socket. */
extern bool sim_replica_by_socket;

typedef struct sim_replica {
    bool up;
    cairn_clock_manual clock;
    cairn_store *store;
    cairn_engine *engine;
    const model_genesis *genesis;
    cairn_chain chain;
    cairn_application *application;
    cairn_abci_server *server; /* by socket alone, as what follows */
    struct sockaddr_un address;
    int wires[REPLICA_WIRES];
} sim_replica;

/* What the engine gives with a proposal or a block. */
typedef struct replica_block {
    uint64_t height;
    uint64_t time_ms;
    uint32_t nanos; /* below the millisecond */
    size_t count;
    cairn_bytes txs[REPLICA_BLOCK_TXS];
} replica_block;

/* A change of the validators: 0 removes one. */
typedef struct replica_update {
    uint8_t key[32];
    uint64_t power;
} replica_update;

/* What FinalizeBlock answered: the part that all members must agree about. */
typedef struct replica_results {
    size_t count;
    uint32_t codes[REPLICA_BLOCK_TXS];
    size_t update_count;
    replica_update updates[REPLICA_UPDATES];
    uint64_t app_version; /* from the next block on; 0: as before */
    model_hash app_hash;
    model_hash digest; /* of codes, data, gas, validators, parameters and app hash */
} replica_results;

typedef struct replica_options {
    const char *directory;
    const model_genesis *genesis;
    const cairn_features *features;
    model_hash app_hash;         /* where the chain begins */
    const cairn_bytes *embedded; /* a block each, from before the ledger became a chain's */
    size_t embedded_count;
    uint64_t now_ms;
    uint32_t segment_size;
    uint64_t checkpoint_changes;
    uint64_t retain_blocks;
    uint64_t snapshot_blocks;
    size_t snapshot_chunk_size;
    bool joins; /* has nothing of the ledger yet, of what was embedded neither */
} replica_options;

/* Opens the store in its directory, with the chain's ledger, and the application over it. */
cairn_err replica_open(sim_replica *replica, const replica_options *options) CAIRN_MUST_USE;
/* Ends it, as a crash of the process would, or in peace. */
void replica_kill(sim_replica *replica);
cairn_err replica_close(sim_replica *replica) CAIRN_MUST_USE;

/* What the store's writer would do by itself. */
cairn_err replica_turn(sim_replica *replica) CAIRN_MUST_USE;
/* Makes durable what was committed, and lets the index follow. */
cairn_err replica_settle(sim_replica *replica) CAIRN_MUST_USE;

cairn_err replica_info(sim_replica *replica, uint64_t *ret_height,
                       model_hash *ret_app_hash) CAIRN_MUST_USE;
/* With the chain's own genesis, but for its time. */
cairn_err replica_init_chain(sim_replica *replica, uint64_t time_ms,
                             model_hash *ret_app_hash) CAIRN_MUST_USE;
cairn_err replica_check_tx(sim_replica *replica, cairn_bytes tx, bool again,
                           uint32_t *ret_code) CAIRN_MUST_USE;
/* `ret_block` is the proposal: heights and time of `block`, transactions of the answer. */
cairn_err replica_prepare(sim_replica *replica, const replica_block *block, uint64_t size_max,
                          cairn_arena *arena, replica_block *ret_block) CAIRN_MUST_USE;
cairn_err replica_process(sim_replica *replica, const replica_block *block,
                          bool *ret_accept) CAIRN_MUST_USE;
cairn_err replica_finalize(sim_replica *replica, const replica_block *block,
                           replica_results *ret_results) CAIRN_MUST_USE;
/* A value of the newest state; NOT_FOUND without one. In the arena. */
cairn_err replica_query(sim_replica *replica, cairn_bytes key, bool prove, cairn_arena *arena,
                        cairn_bytes *ret_value) CAIRN_MUST_USE;
cairn_err replica_commit(sim_replica *replica, uint64_t *ret_retain_height) CAIRN_MUST_USE;

/* What it offers to others, newest first; a chunk is empty when it has none. In the arena. */
cairn_err replica_list(sim_replica *replica, cairn_arena *arena,
                       cairn_abci_snapshot ret_list[REPLICA_SNAPSHOTS],
                       size_t *ret_count) CAIRN_MUST_USE;
cairn_err replica_load(sim_replica *replica, const cairn_abci_snapshot *snapshot, uint64_t index,
                       cairn_arena *arena, cairn_bytes *ret_chunk) CAIRN_MUST_USE;
/* What it answers to a snapshot, and to a chunk of the one that it accepted. */
cairn_err replica_offer(sim_replica *replica, const cairn_abci_snapshot *snapshot,
                        const model_hash *app_hash, uint64_t *ret_result) CAIRN_MUST_USE;
typedef struct replica_applied {
    uint64_t result;
    bool refetches; /* this chunk */
    bool blames;    /* who sent it */
} replica_applied;
cairn_err replica_apply(sim_replica *replica, uint64_t index, cairn_bytes chunk,
                        replica_applied *ret_applied) CAIRN_MUST_USE;

#endif
