/* Inside the follower: what its files share. */
#ifndef CAIRN_LEDGER_FOLLOW_IMPL_H
#define CAIRN_LEDGER_FOLLOW_IMPL_H

#include <pthread.h>

#include "core/limits.h"
#include "ledger/follow/batch.h"
#include "ledger/follow/evidence.h"
#include "ledger/follow/follow.h"

/* A source as it has behaved so far. */
typedef struct follow_peer {
    const cairn_source *source;
    unsigned failures;         /* in a row */
    uint64_t due_ns;           /* before that it is left alone */
    bool good;                 /* in this round */
    cairn_follow_head claim;   /* the last checkpoint that it gave; its note is owned */
    cairn_member_list signers; /* of that */
} follow_peer;

struct cairn_follow {
    cairn_follow_setup setup;
    char origin[CAIRN_ORIGIN_SIZE + 1];
    cairn_key_cache *keys;
    uint64_t keys_version;
    cairn_store_driver driver;
    follow_peer peers[CAIRN_FOLLOW_SOURCES_MAX];
    cairn_member_list convicted; /* who have signed another log than this one */
    cairn_err worst;             /* of this round's sources */
    pthread_mutex_t lock; /* guards what follows; the thread of the rounds alone changes it */
    cairn_engine *engine;
    cairn_follow_head held; /* size 0: none; its note is owned */
    cairn_follow_status status;
};

/* How many members must stand behind a checkpoint before anything is taken under it. */
static inline uint64_t cairn_follow_threshold(const cairn_follow *follow)
{
    return follow->setup.trust == NULL ? 1 : follow->setup.trust->threshold;
}

/* Takes the blocks up to `head` from `source`, and holds that checkpoint before the first. What it
 * took is here to stay when it fails. `ret_lied` tells, after a failure, that the source was wrong
 * and not just away. */
cairn_err cairn_follow_catch_up(cairn_follow *follow, const cairn_follow_head *head,
                                const cairn_source *source, bool *ret_lied) CAIRN_MUST_USE;

/* Puts the checkpoint in the place of the held one, on the disk first. */
cairn_err cairn_follow_hold(cairn_follow *follow, const cairn_follow_head *head) CAIRN_MUST_USE;

/* The claim of a note whose signer is unknown here, when the blocks that come next, which lead to
 * the note's own root, hold a member's transaction that brings the key, and who that member is.
 * NOT_TRUSTED when they do not; the errors of reading them. */
cairn_err cairn_follow_introduce(cairn_follow *follow, const cairn_source *source, cairn_bytes note,
                                 cairn_follow_head *ret_head, cairn_hash *ret_org) CAIRN_MUST_USE;

/* --- claims --- */

/* Reads what the peer shows as its newest checkpoint, and compares it with what is here.
 * INCONSISTENT when few members have signed another log: there is evidence against them, and from
 * then on they count for nothing. CLOSED when too many have. */
cairn_err cairn_follow_ask(cairn_follow *follow, follow_peer *peer, bool wait) CAIRN_MUST_USE;

/* The peer with the largest claim that goes beyond what is here, or has a note for it, and behind
 * which enough members stand: who signed it, or a larger one that begins with it. NULL when there
 * is none. CLOSED as above. */
cairn_err cairn_follow_choose(cairn_follow *follow, follow_peer **ret_peer) CAIRN_MUST_USE;

/* Leaves the peer alone, longer each time. Returns what a round says of that. */
cairn_err cairn_follow_let_rest(cairn_follow *follow, follow_peer *peer, cairn_err err,
                                bool lied) CAIRN_MUST_USE;

/* Verifies the signature of a transaction whose signer the ledger knows; what cannot be told from
 * here is left to apply. Any thread. */
void cairn_follow_verify(cairn_follow *follow, const cairn_tx *decoded, cairn_arena *arena,
                         cairn_delivery_tx *tx);

/* Keeps it and closes the follower: CLOSED with its name. Where it is of few: INCONSISTENT. */
cairn_err cairn_follow_close(cairn_follow *follow,
                             const cairn_follow_evidence *evidence) CAIRN_MUST_USE;

/* Does the answer that `err` complains of speak against who gave it? */
static inline bool cairn_follow_is_lie(cairn_err err)
{
    return err != CAIRN_OK && err > CAIRN_ERR_IO && err != CAIRN_ERR_NOT_TRUSTED &&
           err != CAIRN_ERR_EXPIRED;
}

/* Also what memory does not suffice for: an answer may have been made so. */
static inline bool cairn_follow_is_of_source(cairn_err err)
{
    return cairn_follow_is_lie(err) || cairn_follow_may_retry(err);
}

static inline bool cairn_follow_is_stopping(const cairn_follow *follow)
{
    return follow->setup.stopping != NULL && atomic_load(follow->setup.stopping);
}

#endif
