/* Commit proofs for callers: made on a thread of their own, for the engine is asked for headers and
 * may be slow, and the header that holds the newest log comes a block later. What it has told of a
 * height is kept, and no question waits longer than WAIT_MS. Source: house
 * (docs/formats/commit-proof.md). */
#ifndef CAIRN_NODE_COMMITS_H
#define CAIRN_NODE_COMMITS_H

#include "core/clock.h"
#include "ledger/light/light_prove.h"

typedef struct cairn_commits cairn_commits;

enum {
    CAIRN_COMMITS_WAITING_MAX = 256, /* questions */
    CAIRN_COMMITS_WAIT_MS = 5000,    /* of each */
    CAIRN_COMMITS_BLOCKS_MAX = 32,   /* that are kept */
};

typedef struct cairn_commits_setup {
    cairn_engine *engine; /* borrowed */
    cairn_clock clock;
    /* The block of that height, in the arena; as cairn_light_fetch. The thread of the proofs. */
    cairn_err (*fetch)(void *context, cairn_arena *arena, uint64_t height,
                       const _Atomic bool *cancelled, cairn_light_block *ret_block);
    void *context;
} cairn_commits_setup;

/* NO_MEMORY, IO when the system gives no thread. */
cairn_err cairn_commits_new(const cairn_commits_setup *setup,
                            cairn_commits **ret_commits) CAIRN_MUST_USE;
/* Who still waits is answered without a proof. Takes NULL. */
void cairn_commits_free(cairn_commits *commits);
CAIRN_DEFINE_CLEANUP(cairn_commits, cairn_commits_free)

/* Lives until `done` is called. */
typedef struct cairn_commits_question {
    cairn_view *view; /* whose log has the entry; a reference, given up before `done` */
    uint64_t index;   /* of the entry */
    uint64_t from;    /* height of the header that the proof starts from */
    cairn_arena *arena;
    /* The commit proof, in the arena, or what cairn_light_prove says: UNAVAILABLE when it took too
     * long. On the proofs' thread: must not wait. */
    void (*done)(void *context, cairn_err err, cairn_bytes commit_proof);
    void *context;
    uint64_t deadline_ns; /* the rest is ours */
    struct cairn_commits_question *next;
} cairn_commits_question;

/* BUSY when WAITING_MAX wait: then it is not taken, and the view is still the caller's. Any thread.
 */
cairn_err cairn_commits_ask(cairn_commits *commits,
                            cairn_commits_question *question) CAIRN_MUST_USE;

#endif
