/* The audit trail: one row for each privileged call, granted or refused, durable before the answer
 * goes out; chained by hash, so that a row that was changed, removed or put in between shows.
 *
 * A thread writes what has come together in one group with one sync. Rows hold no secret, and of
 * the caller a keyed pseudonym of his subject. Bytes: docs/formats/audit.md. Source: house. */
#ifndef CAIRN_NODE_AUDIT_H
#define CAIRN_NODE_AUDIT_H

#include "core/log.h"
#include "core/net/route.h"

enum {
    CAIRN_AUDIT_QUEUE_MAX = 4096,    /* rows that wait */
    CAIRN_AUDIT_TEXT_SIZE_MAX = 128, /* bytes of an operation, a reason */
    CAIRN_AUDIT_ROW_SIZE_MAX = 1024,
    CAIRN_AUDIT_VOLUMES_MAX = 1024,
};

typedef struct cairn_audit cairn_audit;

typedef struct cairn_audit_options {
    cairn_clock clock;
    cairn_log *log;           /* NULL: silent */
    uint64_t volume_rows_max; /* rows after which a new volume is begun */
    unsigned volumes_max;     /* volumes kept, 2 to CAIRN_AUDIT_VOLUMES_MAX; older ones go */
} cairn_audit_options;

/* 2^20 rows a volume, 64 volumes. */
cairn_audit_options cairn_audit_defaults(void);

/* One row, decoded. Views live during the visit. */
typedef struct cairn_audit_row {
    uint64_t number;     /* from 0, never reused */
    cairn_hash previous; /* hash of the row before; zero before the first */
    uint64_t time_ms;
    bool granted;
    cairn_bytes operation, method, reason, tenant;
    bool has_organisation;
    cairn_hash organisation;
    cairn_hash subject; /* pseudonym; zero when nobody was found */
} cairn_audit_row;

/* How far the trail goes: what a ledger may anchor. */
typedef struct cairn_audit_head {
    uint64_t count;  /* rows written ever */
    cairn_hash hash; /* of the last one; zero when there is none */
} cairn_audit_head;

/* Events: audit.failed, audit.volume. */
extern const cairn_log_table cairn_audit_log_events;

/* Opens the trail in `directory` (made if missing), checks its newest volume and starts the thread.
 * CORRUPT, LOCKED, IO, NO_SPACE, NO_MEMORY. */
cairn_err cairn_audit_open(const char *directory, const cairn_audit_options *options,
                           cairn_audit **ret_audit) CAIRN_MUST_USE;
/* Writes what waits, then closes. Takes NULL. */
void cairn_audit_close(cairn_audit *audit);
CAIRN_DEFINE_CLEANUP(cairn_audit, cairn_audit_close)

/* Queues a row; `done` is called once it is durable or has failed, on the trail's thread. BUSY when
 * the queue is full, and then `done` is not called. Fits the hooks of router and token endpoint,
 * with the trail as context. Any thread. */
cairn_err cairn_audit_record(void *audit, const cairn_audit_fact *fact, cairn_audit_done_fn done,
                             void *done_context) CAIRN_MUST_USE;

/* Durable rows. Any thread. */
cairn_audit_head cairn_audit_get_head(cairn_audit *audit);

/* The pseudonym under which a caller's rows are found: HMAC-SHA-256 of his digest under the key of
 * the trail, which lies in its directory; without that key nobody can tell who it was. */
cairn_err cairn_audit_subject(const cairn_audit *audit, const cairn_principal *principal,
                              cairn_hash *ret_subject) CAIRN_MUST_USE;

/* Without a running trail: walks the rows from number `from` on, or from the oldest that is kept,
 * and checks the chain as it goes. CORRUPT names the row. `visit` may be NULL; its error ends the
 * walk. NOT_FOUND when there is no trail, LOCKED while one runs. */
cairn_err cairn_audit_each(const char *directory, uint64_t from,
                           cairn_err (*visit)(void *context, const cairn_audit_row *row),
                           void *context) CAIRN_MUST_USE;

/* Checks all rows that are kept; when `known` is not NULL, also that the trail continues it: the
 * row `known->count - 1` has that hash. MISMATCH when it has another, or the trail is shorter;
 * NOT_FOUND when that row is no longer kept. Else as each. */
cairn_err cairn_audit_check(const char *directory, const cairn_audit_head *known,
                            cairn_audit_head *ret_head) CAIRN_MUST_USE;

/* Codec, for tests and fuzzing. */
size_t cairn_audit_row_encode(const cairn_audit_row *row, uint8_t out[CAIRN_AUDIT_ROW_SIZE_MAX]);
void cairn_audit_row_hash(cairn_bytes row, cairn_hash *ret_hash);
cairn_err cairn_audit_row_decode(cairn_bytes in, cairn_audit_row *ret_row) CAIRN_MUST_USE;

#endif
