/* The node as a cosigner: it signs roots of its first ledger that the ledger computed here, gathers
 * the signatures of other members' nodes for the heads that it serves, and shows them its
 * checkpoints, so that two different logs are found out. docs/formats/cosignature.md. */
#ifndef CAIRN_NODE_COSIGN_H
#define CAIRN_NODE_COSIGN_H

#include "core/config.h"
#include "core/log.h"
#include "ledger/log/witness.h"
#include "node/node_head.h"

/* Rows for the logger. */
extern const cairn_log_table cairn_node_cosign_log_events;

enum {
    CAIRN_COSIGN_PEERS_MAX = 64, /* of which each has a thread */
    CAIRN_COSIGN_CACHE = 64,     /* signatures for receipts that are kept for askers */
};

typedef struct cairn_node_cosign cairn_node_cosign;

/* A member's node as others name it: URL, or URL#PIN, of which PIN is the SHA-256 of its key's
 * SubjectPublicKeyInfo in hex. A node issues its certificates itself and keeps the key, so that the
 * pin holds when they are renewed. BAD_VALUE for what is neither; the URL is in the arena. */
typedef struct cairn_node_name {
    const char *url;
    bool is_pinned;
    cairn_hash pin;
} cairn_node_name;
cairn_err cairn_node_name_parse(cairn_arena *arena, cairn_bytes text,
                                cairn_node_name *ret_name) CAIRN_MUST_USE;

/* What it is made of; all of it outlives it. */
typedef struct cairn_node_cosign_setup {
    const char *directory; /* the ledger's */
    const cairn_config *config;
    cairn_clock clock;
    cairn_log *log; /* may be NULL */
    cairn_engine *engine;
    cairn_signer *signer;
    /* As in cairn_heads_setup. */
    cairn_err (*find_key)(void *context, cairn_head_kind kind, cairn_head_key *ret_key);
    /* This node's organisation, once there is a key. Any thread; must not wait. */
    cairn_hash (*find_org)(void *context);
    void *context;
} cairn_node_cosign_setup;

/* Makes and locks `directory`/cosign. CONFIG for peers that are no URLs or too many; those of
 * cairn_witness_open. */
cairn_err cairn_node_cosign_new(const cairn_node_cosign_setup *setup,
                                cairn_node_cosign **ret_cosign) CAIRN_MUST_USE;
/* When it is stopped, or never started. Takes NULL. */
void cairn_node_cosign_free(cairn_node_cosign *cosign);
CAIRN_DEFINE_CLEANUP(cairn_node_cosign, cairn_node_cosign_free)

/* Hook of cairn_heads_setup for both kinds of heads: NULL when there are no peers. */
typedef void (*cairn_gather_fn)(void *context, cairn_heads *heads, cairn_head *head);
cairn_gather_fn cairn_node_cosign_gather(const cairn_node_cosign *cosign);

/* From now on peers are asked, and shown a checkpoint of `notes` each interval in which the log
 * grew. Once. Stopping ends that, and what waits for peers gets its head without them. Takes NULL.
 */
cairn_err cairn_node_cosign_start(cairn_node_cosign *cosign, cairn_heads *notes) CAIRN_MUST_USE;
void cairn_node_cosign_stop(cairn_node_cosign *cosign);

/* This node's signature for receipts of the log of `size`, encoded, in the arena. As
 * cairn_boundary_of; UNAVAILABLE when there is no key. Waits for the signer. */
cairn_err cairn_node_cosign_sign(cairn_node_cosign *cosign, cairn_arena *arena, uint64_t size,
                                 cairn_bytes *ret_encoded) CAIRN_MUST_USE;

/* Answer to add-checkpoint: status and body, which is empty when there is only cairn_err_detail.
 * UNAVAILABLE when the checkpoint is ahead of the log here, or there is no key; the errors of
 * cairn_witness_submit. Waits for the signer. */
cairn_err cairn_node_cosign_judge(cairn_node_cosign *cosign, cairn_arena *arena, cairn_bytes body,
                                  cairn_witness_status *ret_status,
                                  cairn_bytes *ret_body) CAIRN_MUST_USE;

typedef struct cairn_node_cosign_counts {
    uint64_t peers;
    uint64_t peers_up;
    uint64_t given; /* signatures to others */
    uint64_t taken; /* of others */
    uint64_t forks; /* roots of members that were not ours */
} cairn_node_cosign_counts;
void cairn_node_cosign_get_counts(cairn_node_cosign *cosign, cairn_node_cosign_counts *ret_counts);

#endif
