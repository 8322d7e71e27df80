/* What the files of the jobs share. Two locks: `step_lock` is held by whoever does a step, attaches
 * or detaches, and guards all that only a step changes; `lock`, taken after it and never across
 * I/O, guards what other threads look at meanwhile. A field says which. */
#ifndef CAIRN_CORE_JOBS_JOBS_IMPL_H
#define CAIRN_CORE_JOBS_JOBS_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/jobs/jobs.h"
#include "core/jobs/record.h"
#include "core/store/kv.h"

/* Tables of the environment; keys and values in docs/formats/jobs.md. */
enum {
    JOBS_META,
    JOBS_CONSUMERS,
    JOBS_REQUESTS,
    JOBS_ROWS,
    JOBS_GARBAGE,
    JOBS_TIMERS,
    JOBS_TIMERS_DUE,
    JOBS_OUTBOX,
    JOBS_LANES,
    JOBS_LANES_DUE,
    JOBS_TENANTS,
    JOBS_DEAD,
    JOBS_KEYS,
    JOBS_CALLBACKS,
    JOBS_CALLBACK_TOPICS,
    JOBS_TABLES
};

enum {
    JOBS_ROW_PREFIX_SIZE = 5,          /* u32 generation ‖ u8 table */
    JOBS_WRITTEN_MAX = 32 << 20,       /* bytes after which a transaction ends */
    JOBS_EVENT_WRITTEN_MAX = 16 << 20, /* bytes that one event may write */
    JOBS_PAGE_KEYS_MAX = 64,
    JOBS_DUE_KEY_SIZE = 9, /* u8 kind ‖ u64 at, before the name */
};

/* Kinds of due entries: those that wait for their own time, and those that are tried again. */
enum { JOBS_DUE_FIRST, JOBS_DUE_RETRY, JOBS_DUE_KINDS };

struct cairn_jobs_txn {
    cairn_jobs *jobs;
    cairn_kv_txn *kv;
    jobs_counts counts;
    jobs_counts stored; /* as they were read */
    size_t written;     /* bytes of messages */
};

/* One projection or reaction of one ledger. */
typedef struct jobs_consumer {
    const cairn_projection *projection; /* or */
    const cairn_reaction *reaction;
    jobs_consumer_record record; /* lock; positions may be ahead of what is stored */
    jobs_consumer_record next;   /* step_lock: what a transaction under way will make of it */
    uint64_t wait_until_ns;      /* step_lock: a reaction that said BUSY */
    bool unsaved;                /* step_lock: the position moved in memory only */
} jobs_consumer;

typedef struct jobs_slot {
    uint32_t number;
    cairn_hash id;
    cairn_event_source source;
    jobs_consumer *consumers; /* jobs->consumer_count */
    bool woken;               /* lock: there may be new blocks */
    bool more;                /* step_lock: a pass ended before the log did */
    uint64_t again_ns;        /* step_lock: look again then, monotonic; 0: when woken */
    uint64_t head;            /* lock: newest block known */
    unsigned failures;        /* step_lock: in a row, of reading or writing */
    uint64_t unsaved_ns;      /* step_lock: since when a position is in memory only; 0: none */
} jobs_slot;

/* Events of one read, held while they are applied. */
typedef struct jobs_batch {
    cairn_arena arena;
    cairn_job_event *events; /* CAIRN_JOBS_BATCH_EVENTS_MAX */
    size_t count;
    cairn_cursor from;
    cairn_cursor end;
    bool full;   /* the walk was ended by us */
    bool at_end; /* of the log */
    jobs_consumer **takers;
    size_t taker_count;
} jobs_batch;

typedef struct jobs_page_key {
    uint32_t id;
    jobs_key_record record;
} jobs_page_key;

struct cairn_timer_firing {
    cairn_jobs *jobs;
    cairn_arena arena;
    cairn_timer timer; /* in the arena */
    uint64_t revision;
    cairn_err err;
    cairn_timer_firing *next; /* in one of the two lists */
};

struct cairn_outbox_delivery {
    cairn_jobs *jobs;
    cairn_arena arena;
    cairn_outbox_row row; /* in the arena */
    cairn_hash lane;
    cairn_hash origin;
    cairn_outbox_result result;
    char detail[JOBS_REASON_SIZE_MAX + 1]; /* of the result */
    bool died; /* step_lock: it was buried by the transaction under way */
    cairn_outbox_delivery *next;
};

struct cairn_jobs {
    cairn_jobs_options options; /* read-only */
    size_t consumer_count;      /* projections, then reactions */
    cairn_kv *kv;
    pthread_mutex_t step_lock;
    pthread_mutex_t rotate_lock; /* one rotation of page keys at a time; before lock */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* with lock: anything below that somebody waits for */

    jobs_slot **slots; /* both locks to change; by number */
    size_t slot_count;
    pthread_t thread;
    bool running;      /* lock */
    bool stopping;     /* lock */
    bool kicked;       /* lock: something to do came since the last step began */
    bool idle;         /* lock: the last step left nothing, and nothing came since */
    bool owing;        /* lock: the last step left something that must wait */
    uint64_t sleep_ms; /* lock: that one may rest after it */
    bool closing;      /* step_lock: nothing new is started */
    unsigned visitors; /* lock: threads that want step_lock before the next step */

    cairn_timer_firing *firing, *fired;            /* lock: under way; done and not yet written */
    size_t firing_count;                           /* lock: in both */
    cairn_outbox_delivery *delivering, *delivered; /* lock */
    size_t delivery_count;                         /* lock: in both */

    jobs_page_key page_keys[JOBS_PAGE_KEYS_MAX]; /* lock; rising ids */
    size_t page_key_count;

    jobs_batch batch;  /* step_lock, as all that follows */
    uint8_t *scratch;  /* keys about to be deleted */
    uint64_t prng;     /* lock */
    uint64_t due_ms;   /* wall clock: when the next timer or lane comes due; UINT64_MAX: none */
    uint64_t retry_ns; /* monotonic: after a failure of the store */
    unsigned failures; /* in a row */
    uint8_t lane_key[JOBS_DUE_KEY_SIZE + sizeof(cairn_hash)]; /* where the next sweep begins */
    size_t lane_key_size;
    size_t sweep_started; /* deliveries since the sweep began at the front */

    atomic_uint_fast64_t sealed; /* tokens, by the newest page key as far as we know */

    /* Facts that any thread reads. */
    atomic_uint_fast64_t events, batches, rebuilds;
    atomic_uint_fast64_t timers_fired, timers_failed;
    atomic_uint_fast64_t outbox_delivered, outbox_failed, outbox_died;
    atomic_bool failed;
    atomic_bool callbacks_expected;
};

/* Log rows, in the order of the table. */
enum {
    JOBS_LOG_PARKED,
    JOBS_LOG_BUILT,
    JOBS_LOG_BUILDING,
    JOBS_LOG_STALLED,
    JOBS_LOG_FAILED,
    JOBS_LOG_TIMER_FAILED,
    JOBS_LOG_DIED,
};
extern const cairn_log_event cairn_jobs_log_rows[];

/* --- txn.c --- */

/* A write transaction with its counts. */
cairn_err cairn_jobs_txn_begin(cairn_jobs *jobs, cairn_jobs_txn *ret_txn) CAIRN_MUST_USE;
/* Writes the counts if they changed, commits; the transaction is gone either way. */
cairn_err cairn_jobs_txn_commit(cairn_jobs_txn *txn) CAIRN_MUST_USE;
void cairn_jobs_txn_abort(cairn_jobs_txn *txn);
/* Commits when `err`, what came of the work in it, is OK; else takes it back and returns `err`. */
cairn_err cairn_jobs_txn_end(cairn_jobs_txn *txn, cairn_err err) CAIRN_MUST_USE;
/* A number that no one had before. */
uint64_t cairn_jobs_txn_sequence(cairn_jobs_txn *txn);
/* There is something to do. */
void cairn_jobs_kick(cairn_jobs *jobs);
/* True for what is wrong with the machine rather than with a consumer or a row. */
bool cairn_jobs_is_machine(cairn_err err);
/* Uniform in 0 to bound - 1, for jitter; takes the lock. */
uint64_t cairn_jobs_random(cairn_jobs *jobs, uint64_t bound);
/* u8 kind ‖ u64 at ‖ name. */
size_t cairn_jobs_due_key(bool retrying, uint64_t at_ms, cairn_bytes name, uint8_t *ret_key);
/* 1 to CAIRN_JOBS_NAME_SIZE_MAX of a-z 0-9 . _ */
bool cairn_jobs_is_name(const char *name);

/* --- jobs.c --- */

/* The ledger that is attached there, or NULL. With either lock. */
jobs_slot *cairn_jobs_slot(const cairn_jobs *jobs, uint32_t number);

/* --- projection.c --- */

struct cairn_projection_writer {
    cairn_kv_txn *kv;
    const cairn_projection *projection;
    uint32_t generation;
    cairn_arena *arena;
    unsigned changes; /* of this event */
    size_t written;   /* bytes, of this event */
};

/* First row of a table whose key begins with `prefix` and is above `after`. */
cairn_err cairn_jobs_rows_next(cairn_kv_cursor *cursor, uint32_t generation, unsigned table,
                               cairn_bytes prefix, cairn_bytes after, cairn_bytes *ret_key,
                               cairn_bytes *ret_value) CAIRN_MUST_USE;
/* The record of a consumer; NOT_FOUND without a detail. */
cairn_err cairn_jobs_consumer_load(cairn_kv_txn *kv, const char *name, uint32_t slot,
                                   jobs_consumer_record *ret_record) CAIRN_MUST_USE;
cairn_err cairn_jobs_consumer_store(cairn_kv_txn *kv, const char *name, uint32_t slot,
                                    const jobs_consumer_record *record) CAIRN_MUST_USE;
const char *cairn_jobs_consumer_name(const jobs_consumer *consumer);

/* --- build.c --- */

/* Makes `consumer->record` what it must be for this ledger and version of the row, and stores it;
 * true in `ret_changed` unless it was so already. */
cairn_err cairn_jobs_reconcile(cairn_jobs_txn *txn, jobs_slot *slot, jobs_consumer *consumer,
                               bool *ret_changed) CAIRN_MUST_USE;
/* In `record`: the new tables take the place of the old ones. */
cairn_err cairn_jobs_swap(cairn_jobs_txn *txn, jobs_consumer_record *record) CAIRN_MUST_USE;
/* Carries out orders; deletes rows that no one serves. True in `ret_more`: call again. */
cairn_err cairn_jobs_requests_step(cairn_jobs *jobs, bool *ret_more) CAIRN_MUST_USE;
cairn_err cairn_jobs_garbage_step(cairn_jobs *jobs, bool *ret_more) CAIRN_MUST_USE;

/* --- feed.c --- */

/* One pass over one ledger. */
cairn_err cairn_jobs_feed(cairn_jobs *jobs, jobs_slot *slot) CAIRN_MUST_USE;
/* Stores the positions that are in memory only. */
cairn_err cairn_jobs_feed_save(cairn_jobs *jobs, jobs_slot *slot) CAIRN_MUST_USE;
/* The row is fed to this set of its tables. */
bool cairn_jobs_is_fed(const jobs_consumer *consumer, const jobs_consumer_record *record,
                       size_t build);

/* --- timer.c, outbox_send.c: lower jobs->due_ms to when something comes due --- */

cairn_err cairn_jobs_timers_step(cairn_jobs *jobs, bool *ret_more) CAIRN_MUST_USE;
cairn_err cairn_jobs_outbox_step(cairn_jobs *jobs, bool *ret_more) CAIRN_MUST_USE;

/* --- page_key.c --- */

cairn_err cairn_jobs_page_keys_load(cairn_jobs *jobs) CAIRN_MUST_USE;
/* A new key when the newest is a day old. */
cairn_err cairn_jobs_page_keys_step(cairn_jobs *jobs) CAIRN_MUST_USE;

#endif
