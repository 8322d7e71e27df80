/* Callbacks: others who asked to be told of a ledger's events, each at a URL of theirs.
 *
 * A *kind* is one const row of a feature: which topics an event has, and how it is told. A callback
 * is a durable row of one list (a kind, a ledger) and of one owner; it names beginnings of topics,
 * and is told of each event one of whose topics begins so. Its messages are a lane of the outbox:
 * in the order of the log, each at least once, signed by a secret that is the callback's alone
 * (callback_secret.h). A callback whose peer is slow or down is *behind* once it has
 * CAIRN_CALLBACK_WAITING_MAX messages waiting, or its owner as many as it may: then it costs
 * nothing but its place in the log, from which it is caught up when there is room, and holds up
 * nobody. It ends when it is removed or its time has passed; what waits is then cancelled.
 * Source: house (docs/features/subscriptions.md, docs/formats/jobs.md). */
#ifndef CAIRN_CORE_JOBS_CALLBACK_H
#define CAIRN_CORE_JOBS_CALLBACK_H

#include "cairn/arena.h"
#include "core/jobs/cursor.h"
#include "core/limits.h"

typedef struct cairn_jobs cairn_jobs;
typedef struct cairn_jobs_txn cairn_jobs_txn; /* core/jobs/jobs.h */

enum {
    CAIRN_CALLBACK_ID_SIZE = 16,
    CAIRN_CALLBACK_EVENT_TOPICS_MAX = 4,       /* of one event */
    CAIRN_CALLBACK_MESSAGE_LIFE_MS = 86400000, /* a day: what could not be told by then is dead */
    CAIRN_CALLBACK_SECRET_NAME_SIZE = 44,      /* with its NUL: "HEX.NUMBER" */
};

/* What an event is told as. */
typedef struct cairn_callback_kind {
    const char *name; /* of the kind and of the reaction that hands its events on */
    const char *content_type;
    /* Topics of the event, at most CAIRN_CALLBACK_EVENT_TOPICS_MAX of at most
     * CAIRN_CALLBACK_TOPIC_SIZE_MAX bytes, in the arena; returns how many. */
    cairn_err (*topics)(cairn_arena *arena, const cairn_job_event *event, cairn_bytes *ret_topics,
                        size_t *ret_count);
    /* The message's body, a JSON object. Before its end, the members "subscription", the callback's
     * id, and "sequence", 20 digits that rise by one from message to message, are added:
     * CloudEvents extension attributes where it is a CloudEvent. */
    cairn_err (*write)(cairn_arena *arena, const cairn_hash *ledger, const cairn_job_event *event,
                       cairn_bytes *ret_json);
    /* May the owner be told of it, as things are now? `context` is that of the jobs. NULL: of each.
     */
    cairn_err (*may_know)(void *context, const cairn_hash *ledger, const cairn_hash *owner,
                          const cairn_job_event *event, bool *ret_may);
} cairn_callback_kind;

/* Where a callback is, and whose. */
typedef struct cairn_callback_place {
    const char *kind;
    cairn_hash ledger;
    cairn_hash owner;   /* an organisation */
    const char *tenant; /* another tenant's callbacks are not there */
} cairn_callback_place;

typedef struct cairn_callback {
    uint8_t id[CAIRN_CALLBACK_ID_SIZE];
    const char *sink; /* https:// */
    const cairn_bytes *topics;
    size_t topic_count; /* 1 to CAIRN_CALLBACK_TOPICS_MAX */
    uint64_t created_ms, expires_ms;
    uint32_t secret;    /* which one it has, from 1 */
    uint64_t told;      /* messages that were made */
    cairn_cursor since; /* what comes before is told, or was never to be */
    bool behind;
} cairn_callback;

/* From now on reactions of kinds are not idle. Before the transaction in which one is added, and
 * before the height is read from which on it is told: an event that came by while they were idle is
 * then older than that. */
void cairn_callback_expect(cairn_jobs *jobs);
/* True while there are none, and none were expected: for a reaction's `is_idle`. */
bool cairn_callback_is_idle(const cairn_jobs *jobs);

/* Adds a callback with a new id, told from `since` on. ARGUMENT for a sink or topics out of range,
 * EXPIRED, TOO_MANY beyond CAIRN_CALLBACKS_OWNER_MAX or CAIRN_CALLBACKS_MAX. */
cairn_err cairn_callback_add(cairn_jobs_txn *txn, const cairn_callback_place *place,
                             const cairn_callback *like,
                             uint8_t ret_id[CAIRN_CALLBACK_ID_SIZE]) CAIRN_MUST_USE;
/* Another secret signs what is told from now on. NOT_FOUND. */
cairn_err cairn_callback_renew(cairn_jobs_txn *txn, const cairn_callback_place *place,
                               const uint8_t id[CAIRN_CALLBACK_ID_SIZE],
                               uint32_t *ret_secret) CAIRN_MUST_USE;
/* Ends it, and cancels what waits. NOT_FOUND. */
cairn_err cairn_callback_remove(cairn_jobs_txn *txn, const cairn_callback_place *place,
                                const uint8_t id[CAIRN_CALLBACK_ID_SIZE]) CAIRN_MUST_USE;
/* Ends all of an owner in one list, whatever their tenant. */
cairn_err cairn_callback_remove_owner(cairn_jobs_txn *txn, const char *kind,
                                      const cairn_hash *ledger,
                                      const cairn_hash *owner) CAIRN_MUST_USE;

/* In the arena. NOT_FOUND. */
cairn_err cairn_callback_get(cairn_jobs *jobs, cairn_arena *arena,
                             const cairn_callback_place *place,
                             const uint8_t id[CAIRN_CALLBACK_ID_SIZE],
                             cairn_callback *ret_callback) CAIRN_MUST_USE;
/* A page of them by id: tokens as in page.h, bound to `caller`. PAGE_TOKEN. */
cairn_err cairn_callback_page(cairn_jobs *jobs, cairn_arena *arena,
                              const cairn_callback_place *place, const cairn_hash *caller,
                              cairn_bytes token, size_t limit, cairn_callback **ret_rows,
                              size_t *ret_count, cairn_bytes *ret_token) CAIRN_MUST_USE;

/* How many there are, and how many are behind. */
cairn_err cairn_callback_counts(cairn_jobs *jobs, uint64_t *ret_count,
                                uint64_t *ret_behind) CAIRN_MUST_USE;

/* For a kind's reaction: hands the event on to those whom it concerns. */
cairn_err cairn_callback_react(const cairn_callback_kind *kind, cairn_jobs_txn *txn,
                               const cairn_job_event *event) CAIRN_MUST_USE;

/* The name of its secret, as callback_secret.h derives it and a signature's `keyid` tells it. */
void cairn_callback_secret_name(const uint8_t id[CAIRN_CALLBACK_ID_SIZE], uint32_t secret,
                                char ret_name[CAIRN_CALLBACK_SECRET_NAME_SIZE]);

#endif
