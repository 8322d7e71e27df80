/* Durable timers: at a time, a handler is called, at least once, until it says that it is done.
 *
 * Nothing changes because time passed: what a handler does about it is to submit a transaction.
 * A timer is named by its owner (a row of a feature) and an id of the owner's. Due times are wall
 * clock; a clock that jumps forward makes timers due, one that jumps back makes them wait again,
 * and a handler that is being tried again never waits longer than CAIRN_TIMER_RETRY_MS_MAX for it.
 * Source: house (ARCHITECTURE, Jobs). */
#ifndef CAIRN_CORE_JOBS_TIMER_H
#define CAIRN_CORE_JOBS_TIMER_H

#include "cairn/arena.h"

typedef struct cairn_jobs cairn_jobs;
typedef struct cairn_jobs_txn cairn_jobs_txn; /* core/jobs/jobs.h */
typedef struct cairn_timer_firing cairn_timer_firing;

/* A timer as it is kept. */
typedef struct cairn_timer {
    const char *owner; /* 1 to 64 of a-z 0-9 . _ */
    cairn_bytes id;    /* 1 to CAIRN_TIMER_ID_SIZE_MAX bytes */
    uint64_t due_ms;
    uint32_t attempts;   /* that failed */
    uint64_t next_ms;    /* of the next attempt, wall clock */
    cairn_bytes payload; /* at most CAIRN_TIMER_PAYLOAD_SIZE_MAX bytes */
} cairn_timer;

/* Who answers for the timers of a name. */
typedef struct cairn_timer_owner {
    const char *name;
    /* The timer is due. Must not wait; says how it went by cairn_timer_done, now or later, from any
     * thread, exactly once. `timer` lives until then. `context` is that of the jobs' options. */
    void (*fire)(void *context, const cairn_timer *timer, cairn_timer_firing *firing);
} cairn_timer_owner;

/* OK: the timer is gone, unless it was set again meanwhile. An error: it fires again after a while
 * that grows. */
void cairn_timer_done(cairn_timer_firing *firing, cairn_err err);

/* Sets a timer, in place of one with the same name. What is handed in must not be a view into the
 * transaction. ARGUMENT for names and ids out of range,
 * TOO_LARGE for a payload, TOO_MANY beyond CAIRN_TIMERS_MAX. */
cairn_err cairn_timer_set(cairn_jobs_txn *txn, const char *owner, cairn_bytes id, uint64_t due_ms,
                          cairn_bytes payload) CAIRN_MUST_USE;
/* Removing what is not there is success. A firing that is under way is not called back. */
cairn_err cairn_timer_cancel(cairn_jobs_txn *txn, const char *owner, cairn_bytes id) CAIRN_MUST_USE;
/* Views into the transaction; NOT_FOUND without a detail. */
cairn_err cairn_timer_get(cairn_jobs_txn *txn, const char *owner, cairn_bytes id,
                          cairn_timer *ret_timer) CAIRN_MUST_USE;

/* Calls `visit` for at most `limit` timers in the order in which they come due, until it fails. */
cairn_err cairn_timer_each(cairn_jobs *jobs, size_t limit,
                           cairn_err (*visit)(void *context, const cairn_timer *timer),
                           void *context) CAIRN_MUST_USE;

#endif
