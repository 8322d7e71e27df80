/* A ledger as the node serves it: its engine, the heads that the node signs, what waits, what was
 * counted. Source: house. */
#ifndef CAIRN_NODE_LEDGER_H
#define CAIRN_NODE_LEDGER_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/net/principal.h"
#include "ledger/genesis.h"
#include "ledger/services.h"
#include "node/api/feed.h"
#include "node/node_head.h"
#include "node/node_pending.h"

/* What a caller wants to see of a ledger, the least first. */
typedef enum cairn_node_sight {
    CAIRN_SIGHT_PROOFS,  /* checkpoints, tiles of hashes, values with their proofs */
    CAIRN_SIGHT_ENTRIES, /* all that was said, too */
} cairn_node_sight;

/* Counts since the start; any thread. */
typedef struct cairn_node_counts {
    _Atomic uint64_t submitted; /* that the engine took */
    _Atomic uint64_t accepted;
    _Atomic uint64_t refused; /* before a block or by one */
    _Atomic uint64_t busy;    /* that the engine did not take */
    _Atomic uint64_t receipts;
    _Atomic uint64_t feeds;  /* open event streams */
    _Atomic uint64_t events; /* sent on them */
} cairn_node_counts;

typedef struct cairn_node_ledger {
    cairn_service_ledger service;
    char origin[CAIRN_ORIGIN_SIZE + 1];
    char id_text[65];
    cairn_heads *heads[CAIRN_HEAD_KIND_COUNT];
    cairn_pending *pending;
    cairn_feed *feed;
    cairn_node_counts counts;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t settled;
    uint64_t under_way;  /* transactions with the engine */
    uint64_t ended;      /* that had their verdict */
    uint64_t ended_seen; /* of cairn_node_ledger_moves; UINT64_MAX: none was under way */
} cairn_node_ledger;

/* What a ledger of the node is made of; all of it outlives it. */
typedef struct cairn_node_ledger_setup {
    cairn_engine *engine;
    cairn_clock clock;
    uint32_t slot;
    cairn_signer *signer;
    cairn_work *work;
    /* As in cairn_heads_setup. */
    cairn_err (*find_key)(void *context, cairn_head_kind kind, cairn_head_key *ret_key);
    void *context;
    void (*gather)(void *context, cairn_heads *heads, cairn_head *head);
    void *gather_context;
} cairn_node_ledger_setup;

cairn_err cairn_node_ledger_new(const cairn_node_ledger_setup *setup,
                                cairn_node_ledger **ret_ledger) CAIRN_MUST_USE;
/* When nothing waits for it. Takes NULL. */
void cairn_node_ledger_free(cairn_node_ledger *ledger);
CAIRN_DEFINE_CLEANUP(cairn_node_ledger, cairn_node_ledger_free)

/* A transaction was handed to the engine, and its verdict was dealt with. */
void cairn_node_ledger_begin(cairn_node_ledger *ledger);
void cairn_node_ledger_end(cairn_node_ledger *ledger);
/* Waits until as many have ended as begun; none begins any more. */
void cairn_node_ledger_settle(cairn_node_ledger *ledger);

/* False when transactions were under way at the last call and none has ended since. One thread. */
bool cairn_node_ledger_moves(cairn_node_ledger *ledger);

/* The newest state as a source for the registry. */
cairn_state_source cairn_node_ledger_state(cairn_node_ledger *ledger);

#endif
