/* What the parts of the cosigner share: what it says itself, whom it asks, what it asks of one, and
 * the rounds in which it asks all. */
#ifndef CAIRN_NODE_COSIGN_IMPL_H
#define CAIRN_NODE_COSIGN_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "core/net/http_client.h"
#include "core/store/file.h"
#include "ledger/consortium/cosignature.h"
#include "ledger/genesis.h"
#include "node/node_cosign.h"

enum {
    COSIGN_FORK,
    COSIGN_REFUSED,
    COSIGN_UNREACHABLE,
    COSIGN_BACK,
};

/* A head on its way: the peers are asked about it. */
typedef struct round {
    size_t references; /* under the lock, as all below `note` */
    cairn_boundary boundary;
    cairn_bytes note; /* a copy, of a checkpoint; else empty */
    uint64_t deadline_ns;
    cairn_heads *heads;
    cairn_head *head; /* until it is closed */
    size_t awaited;   /* answers */
    bool closed;
    size_t count;
    cairn_hash orgs[CAIRN_COSIGN_PEERS_MAX]; /* whose signatures these are */
    cairn_head_other others[CAIRN_COSIGN_PEERS_MAX];
    char *lines[CAIRN_COSIGN_PEERS_MAX]; /* owned */
} round;

typedef struct task {
    round *round; /* a reference; NULL: none */
    bool awaited;
} task;

typedef struct peer {
    cairn_node_cosign *cosign;
    char *url;      /* owned */
    bool is_pinned; /* by the key of its certificate, which nobody needs to vouch for then */
    cairn_hash pin;
    pthread_t thread;
    cairn_http_kept *kept; /* owned; its thread's */
    uint64_t old_size;     /* that it cosigned last, as we believe; its thread's */
    /* Under the lock. */
    task tasks[CAIRN_HEAD_KIND_COUNT];
    bool down;
    unsigned failures; /* in a row */
    uint64_t next_ns;  /* not asked before */
} peer;

struct cairn_node_cosign {
    cairn_node_cosign_setup setup;
    char directory[CAIRN_PATH_SIZE_MAX];
    char origin[CAIRN_ORIGIN_SIZE + 1];
    cairn_hash ledger_id;
    char ledger[65];
    cairn_witness *witness;
    uint64_t wait_ns;
    uint64_t interval_ns;
    size_t peer_count;
    peer *peers;
    size_t thread_count; /* of the peers that run */
    pthread_t ticker;
    bool ticks;
    cairn_heads *notes;
    _Atomic bool stopping;
    pthread_mutex_t lock; /* guards rounds, peers and what follows */
    pthread_cond_t wake;  /* CLOCK_MONOTONIC */
    bool showing;         /* the ticker waits for its head */
    uint64_t shown_size;
    size_t cache_count;
    size_t cache_next;
    cairn_cosignature cache[CAIRN_COSIGN_CACHE];
    cairn_node_cosign_counts counts;
};

typedef enum outcome {
    OUTCOME_TAKEN,
    OUTCOME_NOTHING, /* it is ahead, or refuses: but it is there */
    OUTCOME_FAILED,  /* nothing in time: it is away, or lags */
} outcome;

/* One question to one peer. */
typedef struct question {
    cairn_node_cosign *cosign;
    peer *peer;
    const round *round;
    cairn_arena arena;
    cairn_hash org; /* what came, and whose it is */
    cairn_head_other other;
    cairn_bytes line;
} question;

/* Asks until the round's deadline, or until the cosigner stops. The arena is the question's. */
outcome cairn_node_cosign_ask(question *q);

static inline bool cosign_is_note(const round *r)
{
    return r->note.size > 0;
}

static inline uint64_t cosign_now_ns(void)
{
    const cairn_clock clock = cairn_clock_system();
    return cairn_clock_monotonic_ns(&clock);
}

static inline struct timespec cosign_time_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
                             .tv_nsec = (long)(ns % 1000000000)};
}

extern const cairn_log_event cairn_node_cosign_events[];

cairn_state_source cairn_node_cosign_state(const cairn_node_cosign *cosign);

/* A member's good signature over another root than ours: kept, logged, counted. `shown` is what it
 * signed, `source` who showed it. */
void cairn_node_cosign_convict(cairn_node_cosign *cosign, const cairn_boundary *own,
                               const cairn_boundary *other, cairn_bytes shown, const char *source);

/* Lists whom to ask: cosign.peers of cairn.yaml, then consortium/nodes. CONFIG. */
cairn_err cairn_node_cosign_list(cairn_node_cosign *cosign) CAIRN_MUST_USE;

/* The peers' threads and the ticker. */
cairn_err cairn_node_cosign_run(cairn_node_cosign *cosign) CAIRN_MUST_USE;

#endif
