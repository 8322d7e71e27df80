/* The pure state machine: what a block of transactions does to a ledger.
 *
 * `apply(height, time, transactions)` gives results, changes, events and roots, from nothing but
 * its arguments and the state that it reads. It runs in the embedded engine, in a proposer, in a
 * follower and in an auditor alike. One thread; no I/O but through the state source. */
#ifndef CAIRN_LEDGER_APPLY_H
#define CAIRN_LEDGER_APPLY_H

#include "ledger/delta.h"
#include "ledger/feature.h"
#include "ledger/genesis.h"
#include "ledger/key_cache.h"
#include "ledger/window.h"

/* A transaction as it comes to apply. */
typedef struct cairn_tx_input {
    cairn_tx tx;
    /* True when the signature was verified under the key whose thumbprint is tx.kid. That is a fact
     * about the bytes alone, so any thread may have found it out before. */
    bool verified;
} cairn_tx_input;

typedef struct cairn_tx_result {
    cairn_err code; /* CAIRN_OK: accepted */
    bool consumed;  /* the id counts as decided: accepted, or finally refused */
    uint64_t index; /* log index when accepted */
} cairn_tx_result;

typedef struct cairn_event {
    uint16_t type;
    size_t tx; /* which transaction of the block emitted it */
    cairn_bytes key;
    struct cairn_event *next;
} cairn_event;

/* What of the state changes seldom, kept beside it so that not every transaction reads it again. */
typedef struct cairn_rules {
    uint64_t registry_version; /* the key cache's name for these keys and organisations; 0: none */
    bool has_params;
    cairn_params params;
} cairn_rules;

/* What apply reads: the ledger as it stands after the last block. */
typedef struct cairn_apply_base {
    cairn_hash ledger;
    const cairn_features *features;
    cairn_key_cache *keys; /* may be NULL */
    cairn_rules rules;     /* all zeros: read from the state */
    cairn_state_source state;
    const cairn_window *window;
    uint64_t last_time_ms;
    uint64_t log_size;
} cairn_apply_base;

/* What a block did. Everything lives in the arena given to apply. */
typedef struct cairn_outcome {
    uint64_t height;
    uint64_t time_ms;
    cairn_tx_result *results; /* one for each input, in order */
    size_t count;
    size_t accepted_count;
    size_t refused_count; /* consumed and refused */
    cairn_delta delta;
    cairn_event *events; /* in order, of accepted transactions */
    size_t event_count;
    cairn_hash results_root;
    cairn_rules rules; /* after the block */
} cairn_outcome;

/* Fails only for lack of memory, unreadable state, a time before the last block's, or an
 * application version that this build does not know (BAD_VERSION); the fate of a transaction is in
 * its result. */
cairn_err cairn_apply_block(const cairn_apply_base *base, uint64_t height, uint64_t time_ms,
                            const cairn_tx_input *inputs, size_t count, cairn_arena *arena,
                            cairn_outcome *ret_outcome) CAIRN_MUST_USE;

/* Checks 1 to 12 of docs/formats/transaction.md for one transaction against the state as it stands,
 * with the node's clock for the time: what a submitter learns before a block. Leaves no trace. */
cairn_err cairn_apply_check(const cairn_apply_base *base, uint64_t height, uint64_t now_ms,
                            const cairn_tx_input *input, cairn_arena *arena) CAIRN_MUST_USE;

/* The leaf of a refusal in the results tree: id ‖ u32be of -code. */
enum {
    CAIRN_RESULT_LEAF_SIZE = 36,
};
void cairn_result_leaf(const cairn_hash *id, cairn_err code,
                       uint8_t ret_leaf[CAIRN_RESULT_LEAF_SIZE]);

#endif
