/* What happens behind the ledgers of a store: events to projections and reactions, timers, outbox,
 * all in one LMDB environment of their own and on one thread of their own.
 *
 * The thread wakes when a block was committed (cairn_jobs_wake), when something was written to the
 * timers or the outbox, or when something comes due. It works in bounded steps, one ledger after
 * the other, so that none starves. Source: house (ARCHITECTURE, Jobs; docs/features/jobs.md). */
#ifndef CAIRN_CORE_JOBS_JOBS_H
#define CAIRN_CORE_JOBS_JOBS_H

#include "core/clock.h"
#include "core/jobs/callback.h"
#include "core/jobs/outbox.h"
#include "core/jobs/projection.h"
#include "core/jobs/timer.h"
#include "core/log.h"

/* A reaction turns events into timers and messages, in the transaction that moves its position:
 * each event has its effect exactly once. It is never built again; parked like a projection when
 * it fails. It sees every event since the log's start: one that has no use for old ones looks at
 * their time. Projections have taken the event before a reaction sees it, and more of them when it
 * had to wait. BUSY from `apply` (the outbox is full, a projection is being built) parks nothing:
 * the reaction sees the event again after half a second. */
typedef struct cairn_reaction {
    const char *name; /* unlike those of the projections too */
    const uint16_t *types;
    size_t type_count;
    cairn_err (*apply)(void *context, cairn_jobs_txn *txn, const cairn_job_event *event);
    /* True while no event has any effect: then its position moves without a transaction. Asked
     * before each event; NULL: it never is. */
    bool (*is_idle)(void *context, const cairn_jobs *jobs);
} cairn_reaction;

/* Lists are of pointers to rows that live as long as the jobs; names are unique. */
typedef struct cairn_jobs_options {
    cairn_clock clock;
    cairn_log *log; /* NULL: silent */
    const cairn_projection *const *projections;
    size_t projection_count;
    const cairn_reaction *const *reactions;
    size_t reaction_count;
    const cairn_timer_owner *const *timer_owners;
    size_t timer_owner_count;
    const cairn_callback_kind *const *callback_kinds; /* each with a reaction of its name */
    size_t callback_kind_count;
    void *context;                           /* handed to reactions and timer owners */
    const cairn_outbox_transport *transport; /* NULL: messages wait */
    size_t map_size;                         /* bytes of address space; 0: 16 GiB */
    uint64_t seed;                           /* of the jitter; 0: a random one */
} cairn_jobs_options;

/* The rows of api/log-schema.json that jobs write. */
extern const cairn_log_table cairn_jobs_log_events;

/* Opens or makes the environment in `directory` (the directory above is there). CONFIG for rows
 * that are out of range or named alike; errors of cairn_kv_open. Nothing runs yet. */
cairn_err cairn_jobs_open(const char *directory, const cairn_jobs_options *options,
                          cairn_jobs **ret_jobs) CAIRN_MUST_USE;
/* Stops, waits for handlers that are under way, keeps what was done, frees. Takes NULL. */
void cairn_jobs_close(cairn_jobs *jobs);
CAIRN_DEFINE_CLEANUP(cairn_jobs, cairn_jobs_close)

/* The ledger in `slot`, named by `id`, has events from `source` (copied; what it points to stays
 * until it is detached or the jobs are closed). What an earlier ledger left in that slot is
 * dropped. EXISTS when the slot is taken; TOO_MANY beyond CAIRN_JOBS_SLOTS_MAX. Any thread. */
cairn_err cairn_jobs_attach(cairn_jobs *jobs, uint32_t slot, const cairn_hash *id,
                            const cairn_event_source *source) CAIRN_MUST_USE;
/* When this returns the source is no longer used. Its rows stay. */
void cairn_jobs_detach(cairn_jobs *jobs, uint32_t slot);

/* Starts and stops the thread. Stopping ends after the step that is under way. */
cairn_err cairn_jobs_start(cairn_jobs *jobs) CAIRN_MUST_USE;
void cairn_jobs_stop(cairn_jobs *jobs);

/* The ledger in `slot` has a new block. Cheap; any thread. */
void cairn_jobs_wake(cairn_jobs *jobs, uint32_t slot);

/* Does what there is to do now, in the caller's thread, without the thread: for tests, verbs and a
 * single-threaded node. True in `ret_more` when a bounded step left work that need not wait. */
cairn_err cairn_jobs_step(cairn_jobs *jobs, bool *ret_more) CAIRN_MUST_USE;

/* Waits until every projection of `slot` that is served and not parked has taken the blocks up to
 * `height`. EXPIRED after `timeout_ms`, CANCELLED when the thread stops, NOT_FOUND. */
cairn_err cairn_jobs_wait(cairn_jobs *jobs, uint32_t slot, uint64_t height,
                          uint32_t timeout_ms) CAIRN_MUST_USE;

/* Waits until all committed blocks have been taken and no handler or delivery is under way; what
 * comes due later stays, and who is parked. A ledger that cannot be read and a reaction that is
 * BUSY are waited for. Without the thread it does the steps itself. EXPIRED after `timeout_ms`,
 * READ_ONLY when a commit failed. */
cairn_err cairn_jobs_drain(cairn_jobs *jobs, uint32_t timeout_ms) CAIRN_MUST_USE;

/* Runs `fn` in one write transaction on timers and outbox, and commits; an error of `fn` takes all
 * of it back and is returned. Durable on return. Blocks while another one runs; not from `fn`, nor
 * from a reaction, which has one. */
cairn_err cairn_jobs_update(cairn_jobs *jobs, cairn_err (*fn)(void *context, cairn_jobs_txn *txn),
                            void *context) CAIRN_MUST_USE;

/* A row of the served tables of a projection, within a transaction: a reaction looks up who
 * subscribed. Errors as cairn_projection_view_open and _next; views into the transaction. */
cairn_err cairn_jobs_txn_next(cairn_jobs_txn *txn, const char *projection, uint32_t slot,
                              unsigned table, cairn_bytes prefix, cairn_bytes after,
                              cairn_bytes *ret_key, cairn_bytes *ret_value) CAIRN_MUST_USE;
cairn_err cairn_jobs_txn_get(cairn_jobs_txn *txn, const char *projection, uint32_t slot,
                             unsigned table, cairn_bytes key,
                             cairn_bytes *ret_value) CAIRN_MUST_USE;

/* Orders that the tables of a projection be built anew from the log's start, in all ledgers that
 * are attached when it is carried out. The order is durable; a running node, this one or another
 * process's, carries it out. NOT_FOUND. */
cairn_err cairn_jobs_rebuild(cairn_jobs *jobs, const char *projection) CAIRN_MUST_USE;
/* Orders that a parked projection or reaction try again where it stopped. NOT_FOUND. */
cairn_err cairn_jobs_resume(cairn_jobs *jobs, const char *name) CAIRN_MUST_USE;

/* One consumer of one ledger's events, as verbs and metrics show it. */
typedef struct cairn_jobs_consumer {
    const char *name;
    bool is_reaction;
    uint32_t slot;
    uint32_t version; /* 0 for a reaction */
    bool served;      /* readers see these tables */
    bool building;    /* these are new ones that are not served yet */
    cairn_cursor position;
    uint64_t lag;       /* blocks behind the newest one known */
    cairn_err parked;   /* OK: it runs */
    const char *reason; /* "" unless parked */
} cairn_jobs_consumer;

/* Calls `visit` for each consumer, by name and slot, until it fails. */
cairn_err cairn_jobs_each(cairn_jobs *jobs,
                          cairn_err (*visit)(void *context, const cairn_jobs_consumer *consumer),
                          void *context) CAIRN_MUST_USE;

/* Facts for /metrics. Counts run since the jobs were opened; the others are of now. */
typedef struct cairn_jobs_metrics {
    uint64_t events;  /* taken, counted once for each consumer that wanted one */
    uint64_t batches; /* transactions that moved a position */
    uint64_t lag_max; /* blocks, of any consumer that runs and is served */
    uint64_t consumers;
    uint64_t parked;
    uint64_t building;
    uint64_t rebuilds; /* that were completed */
    uint64_t timers;   /* set */
    uint64_t timers_fired;
    uint64_t timers_failed;
    uint64_t outbox_waiting;
    uint64_t outbox_waiting_bytes;
    uint64_t outbox_dead;
    uint64_t outbox_delivered;
    uint64_t outbox_failed; /* attempts */
    uint64_t outbox_died;   /* messages that became dead letters */
    uint64_t callbacks;
    uint64_t callbacks_behind;
    uint64_t in_flight; /* handlers and deliveries under way */
    bool failed;        /* the store takes no more writes: the node must be started again */
} cairn_jobs_metrics;

cairn_err cairn_jobs_metrics_read(cairn_jobs *jobs, cairn_jobs_metrics *ret_metrics) CAIRN_MUST_USE;

#endif
