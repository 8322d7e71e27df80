/* The follower: a ledger of the store that is brought forward by somebody else's log. It polls its
 * sources for checkpoints, takes the largest behind which enough members stand and that extends
 * what is here, fetches the block records up to it, checks that they are the log of that
 * checkpoint, computes them with the same pure core as the one who made them, and takes a block
 * only when it is, byte for byte, the one that was signed.
 *
 * A source that errs is left alone for a while and another is asked. A signer that shows two logs,
 * or a log whose block the state machine does not give, is evidence: it is kept, and nothing is
 * followed until somebody has looked at it. Source: house (ARCHITECTURE, Three engines);
 * docs/features/follow.md. */
#ifndef CAIRN_LEDGER_FOLLOW_H
#define CAIRN_LEDGER_FOLLOW_H

#include "core/clock.h"
#include "core/log.h"
#include "ledger/follow/head.h"
#include "ledger/store/store_deliver.h"

typedef struct cairn_follow cairn_follow;

/* Rows for the logger. */
extern const cairn_log_table cairn_follow_log_events;

enum { CAIRN_FOLLOW_SOURCES_MAX = 16 };

/* What a follower is made of; all of it outlives it. */
typedef struct cairn_follow_setup {
    cairn_store *store;    /* for writing; has no ledger yet, or this one first */
    const char *directory; /* for files of its own; is there */
    cairn_hash ledger;
    const cairn_source *sources;
    size_t source_count;
    const cairn_trust *trust; /* or NULL: the keys of the ledger's own state */
    cairn_clock clock;
    cairn_log *log;               /* may be NULL */
    unsigned threads;             /* that verify signatures; 0: the one that applies */
    uint32_t interval_ms;         /* between two looks at the sources when there is nothing to do */
    const _Atomic bool *stopping; /* the same that the sources look at; or NULL */
} cairn_follow_setup;

/* OK: it follows. CLOSED: there is evidence; its name in the detail. The errors of reading. */
cairn_err cairn_follow_new(const cairn_follow_setup *setup,
                           cairn_follow **ret_follow) CAIRN_MUST_USE;
/* Takes NULL. The ledger stays driven. */
void cairn_follow_free(cairn_follow *follow);
CAIRN_DEFINE_CLEANUP(cairn_follow, cairn_follow_free)

/* Gets the genesis, unless it is here, from the first source that has it. Errors as those of a
 * round. The thread of the rounds. */
cairn_err cairn_follow_begin(cairn_follow *follow) CAIRN_MUST_USE;

/* One round: asks every source that is not left alone, and takes what is new. OK when one of them
 * answered well and its log is here now. Else what is wrong, UNREACHABLE when that is the worst of
 * it: the next round may go better. Not so after CLOSED (evidence), READ_ONLY and what else the
 * store or the directory says. One thread. */
cairn_err cairn_follow_round(cairn_follow *follow) CAIRN_MUST_USE;

/* Rounds until `stopping`, or until one fails for good. */
cairn_err cairn_follow_run(cairn_follow *follow) CAIRN_MUST_USE;

/* Can another round help after this error of one? */
bool cairn_follow_may_retry(cairn_err err);

/* The followed ledger; NULL before its genesis is here. Any thread. */
cairn_engine *cairn_follow_engine(cairn_follow *follow);

typedef enum cairn_follow_state {
    CAIRN_FOLLOW_WAITING,  /* no source has answered well yet, or none does any more */
    CAIRN_FOLLOW_CATCHING, /* up */
    CAIRN_FOLLOW_CURRENT,  /* has all that the held checkpoint covers */
    CAIRN_FOLLOW_CLOSED,   /* there is evidence, or the store failed */
} cairn_follow_state;

/* How old it is. */
typedef struct cairn_follow_status {
    cairn_follow_state state;
    uint64_t height;
    uint64_t time_ms;    /* of its last block */
    uint64_t log_size;   /* entries here */
    uint64_t head_size;  /* entries of the held checkpoint; 0: none */
    uint64_t success_ms; /* when a source last gave a checkpoint that holds; 0: never */
    uint64_t growth_ms;  /* when a newer one was last taken */
    uint64_t errors;     /* answers that were missing, or refused */
    uint64_t lies;       /* answers that cannot be true */
    uint64_t rollbacks;  /* checkpoints smaller than the same source's last */
    char source[CAIRN_SOURCE_URL_SIZE_MAX]; /* of the last success; "" before */
    char trouble[256];                      /* the last error; "" after a good round */
} cairn_follow_status;

/* Any thread. */
void cairn_follow_get_status(cairn_follow *follow, cairn_follow_status *ret_status);
const char *cairn_follow_state_name(cairn_follow_state state);

/* The held checkpoint's note when it is exactly what is here, so that it covers every proof over
 * the newest view: NOT_FOUND while catching up. In the arena. Any thread. */
cairn_err cairn_follow_note(cairn_follow *follow, cairn_arena *arena,
                            cairn_bytes *ret_note) CAIRN_MUST_USE;

#endif
