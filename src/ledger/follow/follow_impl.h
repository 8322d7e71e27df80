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
    uint64_t size;     /* of the last checkpoint that it gave */
    unsigned failures; /* in a row */
    uint64_t due_ns;   /* before that it is left alone */
    bool good;         /* in this round */
} follow_peer;

struct cairn_follow {
    cairn_follow_setup setup;
    char origin[CAIRN_ORIGIN_SIZE + 1];
    cairn_key_cache *keys;
    uint64_t keys_version;
    cairn_store_driver driver;
    follow_peer peers[CAIRN_FOLLOW_SOURCES_MAX];
    pthread_mutex_t lock; /* guards what follows; the thread of the rounds alone changes it */
    cairn_engine *engine;
    cairn_follow_head held; /* size 0: none; its note is owned */
    cairn_follow_status status;
};

/* Takes the blocks up to the held checkpoint from `source`. What it took is here to stay when it
 * fails. `ret_lied` tells, after a failure, that the source was wrong and not just away. */
cairn_err cairn_follow_catch_up(cairn_follow *follow, const cairn_source *source,
                                bool *ret_lied) CAIRN_MUST_USE;

/* The claim of a note whose signer is unknown here, when the blocks that come next, which lead to
 * the note's own root, hold a member's transaction that brings the key. NOT_TRUSTED when they do
 * not; the errors of reading them. */
cairn_err cairn_follow_introduce(cairn_follow *follow, const cairn_source *source, cairn_bytes note,
                                 cairn_follow_head *ret_head) CAIRN_MUST_USE;

/* Verifies the signature of a transaction whose signer the ledger knows; what cannot be told from
 * here is left to apply. Any thread. */
void cairn_follow_verify(cairn_follow *follow, const cairn_tx *decoded, cairn_arena *arena,
                         cairn_delivery_tx *tx);

/* Keeps it and closes the follower: CLOSED with its name. */
cairn_err cairn_follow_close(cairn_follow *follow,
                             const cairn_follow_evidence *evidence) CAIRN_MUST_USE;

/* Does the answer that `err` complains of speak against who gave it? */
static inline bool cairn_follow_is_lie(cairn_err err)
{
    return err != CAIRN_OK && err > CAIRN_ERR_IO && err != CAIRN_ERR_NOT_TRUSTED &&
           err != CAIRN_ERR_EXPIRED;
}

static inline bool cairn_follow_is_stopping(const cairn_follow *follow)
{
    return follow->setup.stopping != NULL && atomic_load(follow->setup.stopping);
}

#endif
