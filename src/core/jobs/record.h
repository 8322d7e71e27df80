/* The rows of the jobs' environment as bytes: deterministic CBOR, closed, with a page in
 * docs/formats/jobs.md. Decoders take views into `in`; any failure is CORRUPT, since nobody but us
 * writes these. Private to jobs. */
#ifndef CAIRN_CORE_JOBS_RECORD_H
#define CAIRN_CORE_JOBS_RECORD_H

#include "core/jobs/cursor.h"
#include "core/jobs/outbox.h"
#include "core/jobs/timer.h"
#include "core/limits.h"
#include "core/net/http_client.h"
#include "core/net/principal.h"

enum {
    JOBS_REASON_SIZE_MAX = 255,      /* bytes of a stored reason; the rest is cut */
    JOBS_CONSUMER_RECORD_MAX = 1024, /* bytes of rows of a bounded size */
    JOBS_COUNTS_RECORD_MAX = 96,
    JOBS_LANE_RECORD_MAX = 1024,
    JOBS_TENANT_RECORD_MAX = 128,
    JOBS_KEY_RECORD_MAX = 64,
    JOBS_TIMER_RECORD_MAX = CAIRN_TIMER_PAYLOAD_SIZE_MAX + 64,
};

/* One set of tables (or the position of a reaction). */
typedef struct jobs_build {
    bool present;
    uint32_t generation; /* 0 for a reaction */
    uint32_t version;
    cairn_cursor position;
    cairn_err parked;
    char reason[JOBS_REASON_SIZE_MAX + 1];
} jobs_build;

enum { JOBS_SERVING, JOBS_BUILDING, JOBS_BUILDS };

typedef struct jobs_consumer_record {
    cairn_hash ledger;
    jobs_build builds[JOBS_BUILDS];
} jobs_consumer_record;

/* What is numbered and counted over the whole environment. */
typedef struct jobs_counts {
    uint32_t generation; /* last one given */
    uint64_t sequence;   /* last one given: messages, revisions of timers */
    uint64_t timers;
    uint64_t waiting;
    uint64_t waiting_bytes;
    uint64_t dead;
} jobs_counts;

typedef struct jobs_timer_record {
    uint64_t due_ms;
    uint64_t revision;
    uint32_t attempts;
    uint64_t next_ms;
    cairn_bytes payload;
} jobs_timer_record;

/* Of a lane; `attempts` and what follows are about its oldest message. */
typedef struct jobs_lane_record {
    cairn_bytes tenant;
    cairn_bytes destination;
    uint64_t count;
    bool retrying; /* the kind of its due entry */
    uint64_t at_ms;
    uint32_t attempts;
    int status;
    cairn_bytes reason;
} jobs_lane_record;

typedef struct jobs_message_record {
    cairn_bytes url;
    cairn_bytes content_type;
    cairn_bytes body;
    cairn_bytes headers[CAIRN_OUTBOX_HEADERS_MAX];
    size_t header_count;
    cairn_outbox_signature signature;
    cairn_bytes key;
    uint64_t created_ms;
    uint64_t expires_ms;
} jobs_message_record;

typedef struct jobs_dead_record {
    cairn_bytes tenant;
    cairn_bytes destination;
    uint32_t attempts;
    int status;
    cairn_bytes reason;
    cairn_bytes message; /* of jobs_message_record */
} jobs_dead_record;

typedef struct jobs_tenant_record {
    uint64_t waiting;
    uint64_t waiting_bytes;
    uint64_t dead;
} jobs_tenant_record;

typedef struct jobs_key_record {
    uint64_t created_ms;
    uint8_t key[32];
} jobs_key_record;

typedef struct jobs_callback_record {
    cairn_bytes tenant;
    cairn_bytes sink;
    cairn_bytes topics[CAIRN_CALLBACK_TOPICS_MAX];
    size_t topic_count;
    uint64_t created_ms;
    uint64_t expires_ms;
    uint32_t secret;
    uint64_t told;
    cairn_cursor since;
    bool behind;
} jobs_callback_record;

/* Encoders into the caller's room of JOBS_…_RECORD_MAX bytes; the size is returned. */
size_t cairn_jobs_put_consumer(const jobs_consumer_record *record,
                               uint8_t ret_out[JOBS_CONSUMER_RECORD_MAX]);
size_t cairn_jobs_put_counts(const jobs_counts *counts, uint8_t ret_out[JOBS_COUNTS_RECORD_MAX]);
size_t cairn_jobs_put_timer(const jobs_timer_record *record,
                            uint8_t ret_out[JOBS_TIMER_RECORD_MAX]);
size_t cairn_jobs_put_lane(const jobs_lane_record *record, uint8_t ret_out[JOBS_LANE_RECORD_MAX]);
size_t cairn_jobs_put_tenant(const jobs_tenant_record *record,
                             uint8_t ret_out[JOBS_TENANT_RECORD_MAX]);
size_t cairn_jobs_put_key(const jobs_key_record *record, uint8_t ret_out[JOBS_KEY_RECORD_MAX]);
/* Into the arena, as large as it comes out. NO_MEMORY. */
cairn_err cairn_jobs_put_message(cairn_arena *arena, const jobs_message_record *record,
                                 cairn_bytes *ret_encoded) CAIRN_MUST_USE;
cairn_err cairn_jobs_put_dead(cairn_arena *arena, const jobs_dead_record *record,
                              cairn_bytes *ret_encoded) CAIRN_MUST_USE;

cairn_err cairn_jobs_put_callback(cairn_arena *arena, const jobs_callback_record *record,
                                  cairn_bytes *ret_encoded) CAIRN_MUST_USE;

cairn_err cairn_jobs_get_callback(cairn_bytes in, jobs_callback_record *ret_record) CAIRN_MUST_USE;
cairn_err cairn_jobs_get_consumer(cairn_bytes in, jobs_consumer_record *ret_record) CAIRN_MUST_USE;
cairn_err cairn_jobs_get_counts(cairn_bytes in, jobs_counts *ret_counts) CAIRN_MUST_USE;
cairn_err cairn_jobs_get_timer(cairn_bytes in, jobs_timer_record *ret_record) CAIRN_MUST_USE;
cairn_err cairn_jobs_get_lane(cairn_bytes in, jobs_lane_record *ret_record) CAIRN_MUST_USE;
cairn_err cairn_jobs_get_tenant(cairn_bytes in, jobs_tenant_record *ret_record) CAIRN_MUST_USE;
cairn_err cairn_jobs_get_key(cairn_bytes in, jobs_key_record *ret_record) CAIRN_MUST_USE;
cairn_err cairn_jobs_get_message(cairn_bytes in, jobs_message_record *ret_record) CAIRN_MUST_USE;
cairn_err cairn_jobs_get_dead(cairn_bytes in, jobs_dead_record *ret_record) CAIRN_MUST_USE;

#endif
