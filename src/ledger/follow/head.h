/* What a follower believes of a log: the checkpoint that it holds, and whether another one, or a
 * run of blocks, agrees with it. Source: C2SP tlog-checkpoint; docs/features/follow.md. */
#ifndef CAIRN_LEDGER_FOLLOW_HEAD_H
#define CAIRN_LEDGER_FOLLOW_HEAD_H

#include "cairn/trust.h"
#include "ledger/engine.h"
#include "ledger/follow/source.h"

/* A root that somebody stands for: a signed checkpoint, or without a note what the store holds. */
typedef struct cairn_follow_head {
    uint64_t size;
    cairn_hash root;
    cairn_bytes note;
} cairn_follow_head;

/* The same with a note of its own, which the caller is to free. NO_MEMORY. */
cairn_err cairn_follow_head_copy(const cairn_follow_head *head,
                                 cairn_follow_head *ret_copy) CAIRN_MUST_USE;

/* Keys that may sign checkpoints: those of a trust file, and those that the ledger's own state
 * knows as members' cosign keys. */
typedef struct cairn_follow_keys {
    const cairn_trust *trust; /* or NULL */
    cairn_engine *engine;     /* NULL while there is no ledger yet */
    const char *origin;
} cairn_follow_keys;

/* The newest state of an engine as the registry reads it. */
cairn_state_source cairn_follow_state_of(cairn_engine *engine);

/* Reads a note that one of the keys signed: views into it, and the members whose signatures, or
 * cosignatures, are on it and good. A key of the trust file that the ledger has ended or suspects
 * is none of them. NOT_TRUSTED when none did, BAD_SIGNATURE when one did badly, EXPIRED when the
 * trust file is out of date at `now_ms`; the codes of cairn_note_parse and cairn_checkpoint_parse,
 * MISMATCH for another origin; the errors of reading the state. */
cairn_err cairn_follow_head_open(const cairn_follow_keys *keys, uint64_t now_ms, cairn_bytes note,
                                 cairn_follow_head *ret_head,
                                 cairn_member_list *ret_signers) CAIRN_MUST_USE;

/* What shows a fork whose sizes differ: in the log of the larger head the first entries have
 * another root. */
typedef struct cairn_follow_proof {
    cairn_hash other; /* the root that the larger one's log has at the smaller one's size */
    cairn_hash path[CAIRN_MERKLE_PROOF_MAX];
    size_t count; /* of a consistency proof from there; 0 where the sizes are equal or one is 0 */
} cairn_follow_proof;

/* Is one log the other's beginning? By the tiles of the larger one, when the sizes differ.
 * BAD_PROOF when these lead to neither; the errors of reading them. `ret_proof` is written for a
 * fork alone. */
cairn_err cairn_follow_head_compare(const cairn_follow_head *smaller,
                                    const cairn_follow_head *larger,
                                    const cairn_merkle_source *tiles, bool *ret_fork,
                                    cairn_follow_proof *ret_proof) CAIRN_MUST_USE;

/* Is the log of this frontier the beginning of the head's? BAD_PROOF. */
cairn_err cairn_follow_head_covers(const cairn_follow_head *head,
                                   const cairn_log_frontier *frontier,
                                   const cairn_merkle_source *tiles) CAIRN_MUST_USE;

#endif
