/* The outbox: calls to others that are made at least once, and in order.
 *
 * A message is a durable row of a *lane*: one tenant's messages to one destination (a subscription,
 * say). Of a lane one message is under way at a time, the oldest; it is removed when a 2xx came
 * back, and tried again after a while that grows, with full jitter, when the peer could not be
 * reached or answered 408, 425, 429 or 5xx (Retry-After is honoured). What was refused otherwise,
 * has expired or was tried too often becomes a dead letter: kept for a look or another try, the
 * oldest of a tenant giving way. So one peer that is down delays its own lane only.
 * Source: house (ARCHITECTURE, Jobs); RFC 9110, 9421, 9530. */
#ifndef CAIRN_CORE_JOBS_OUTBOX_H
#define CAIRN_CORE_JOBS_OUTBOX_H

#include "cairn/arena.h"

typedef struct cairn_jobs cairn_jobs;
typedef struct cairn_jobs_txn cairn_jobs_txn; /* core/jobs/jobs.h */
typedef struct cairn_outbox_delivery cairn_outbox_delivery;

typedef enum cairn_outbox_signature {
    CAIRN_OUTBOX_UNSIGNED,
    CAIRN_OUTBOX_ES256,       /* RFC 9421 ecdsa-p256-sha256 with a key of the signer */
    CAIRN_OUTBOX_HMAC_SHA256, /* RFC 9421 hmac-sha256 with a secret that is shared with the peer */
    CAIRN_OUTBOX_SIGNATURES
} cairn_outbox_signature;

typedef struct cairn_outbox_message {
    const char *tenant;      /* at most CAIRN_TENANT_SIZE_MAX bytes, "" for the node's own */
    const char *destination; /* 1 to CAIRN_OUTBOX_DESTINATION_SIZE_MAX bytes: names the lane */
    const char *url;         /* http:// or https://, as cairn_http_call takes it */
    const char *content_type;
    cairn_bytes body;           /* at most CAIRN_OUTBOX_BODY_SIZE_MAX */
    const char *const *headers; /* "Name: value" lines, at most CAIRN_OUTBOX_HEADERS_MAX */
    size_t header_count;
    cairn_outbox_signature signature;
    const char *key;     /* name of the signer's key or of the secret; "" when unsigned */
    uint64_t expires_ms; /* wall clock */
} cairn_outbox_message;

/* A message as it is kept. */
typedef struct cairn_outbox_row {
    uint64_t id; /* rises with each put; also the receiver's key against repetition */
    cairn_outbox_message message;
    uint64_t created_ms;
    uint32_t attempts;  /* that failed */
    uint64_t next_ms;   /* of the next attempt; 0 when it waits for its turn */
    int status;         /* of the last answer; 0: none came */
    const char *reason; /* of the last failure, "" before the first; of a dead letter's death */
} cairn_outbox_row;

/* Puts a message at the end of its lane. ARGUMENT for a field out of range, TOO_LARGE for a body,
 * EXPIRED when it already is, BUSY when the tenant has as many messages or bytes waiting as it may.
 */
cairn_err cairn_outbox_put(cairn_jobs_txn *txn, const cairn_outbox_message *message,
                           uint64_t *ret_id) CAIRN_MUST_USE;
/* Removes all that waits in a lane, and its dead letters: the subscription ended. */
cairn_err cairn_outbox_cancel(cairn_jobs_txn *txn, const char *tenant,
                              const char *destination) CAIRN_MUST_USE;
/* How many messages wait in a lane. */
cairn_err cairn_outbox_count(cairn_jobs_txn *txn, const char *tenant, const char *destination,
                             uint64_t *ret_count) CAIRN_MUST_USE;
/* Puts a dead letter at the end of its lane with a new life until `expires_ms`. NOT_FOUND. */
cairn_err cairn_outbox_revive(cairn_jobs_txn *txn, const char *tenant, uint64_t id,
                              uint64_t expires_ms) CAIRN_MUST_USE;
/* Forgets a dead letter; one that is not there is success. */
cairn_err cairn_outbox_forget(cairn_jobs_txn *txn, const char *tenant, uint64_t id) CAIRN_MUST_USE;

/* What is looked at: the messages that wait, or the dead letters. */
typedef enum cairn_outbox_shelf { CAIRN_OUTBOX_WAITING, CAIRN_OUTBOX_DEAD } cairn_outbox_shelf;

/* Calls `visit` for at most `limit` rows of `tenant` (NULL: all), lane by lane in order, until it
 * fails. */
cairn_err cairn_outbox_each(cairn_jobs *jobs, cairn_outbox_shelf shelf, const char *tenant,
                            size_t limit,
                            cairn_err (*visit)(void *context, const cairn_outbox_row *row),
                            void *context) CAIRN_MUST_USE;

/* How a delivery ended. */
typedef struct cairn_outbox_result {
    cairn_err err; /* OK: an answer came, see `status`; else why none did */
    int status;
    uint64_t retry_after_ms; /* from now; 0 when the peer did not say */
    const char *detail;      /* of `err`, or "" */
} cairn_outbox_result;

/* Who makes the calls: outbox_http.h, or a test. */
typedef struct cairn_outbox_transport {
    void *context;
    /* Sends row->message. Must not wait; says how it went by cairn_outbox_done, now or later, from
     * any thread, exactly once. `row` lives until then. */
    void (*deliver)(void *context, const cairn_outbox_row *row, cairn_outbox_delivery *delivery);
} cairn_outbox_transport;

/* False when the message was cancelled since it was given to the transport: then it need not be
 * sent, whatever is said of it. True when that is not known. Any thread. */
bool cairn_outbox_is_wanted(const cairn_outbox_delivery *delivery);

void cairn_outbox_done(cairn_outbox_delivery *delivery, const cairn_outbox_result *result);

#endif
