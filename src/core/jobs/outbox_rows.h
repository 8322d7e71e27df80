/* Rows of the outbox in a transaction. A lane is named by the SHA-256 of tenant and destination;
 * its messages lie at lane ‖ u64 id. Private to jobs. */
#ifndef CAIRN_CORE_JOBS_OUTBOX_ROWS_H
#define CAIRN_CORE_JOBS_OUTBOX_ROWS_H

#include "core/jobs/jobs_impl.h"

/* The oldest message of a lane, with what is known of it; views into the transaction. */
typedef struct outbox_head {
    uint64_t id;
    jobs_lane_record lane;
    jobs_message_record message;
    cairn_bytes encoded; /* of the message */
} outbox_head;

/* NOT_FOUND without a detail when nothing waits there. */
cairn_err cairn_outbox_head(cairn_kv_txn *kv, const cairn_hash *lane,
                            outbox_head *ret_head) CAIRN_MUST_USE;

/* Takes the head off; the next message, if there is one, may go at once. */
cairn_err cairn_outbox_remove_head(cairn_jobs_txn *txn, const cairn_hash *lane) CAIRN_MUST_USE;
/* The head failed and waits until `at_ms`. */
cairn_err cairn_outbox_retry_head(cairn_jobs_txn *txn, const cairn_hash *lane, uint64_t at_ms,
                                  int status, const char *reason) CAIRN_MUST_USE;
/* The head becomes a dead letter. */
cairn_err cairn_outbox_bury_head(cairn_jobs_txn *txn, const cairn_hash *lane, uint32_t attempts,
                                 int status, const char *reason) CAIRN_MUST_USE;

/* Copies a head into the arena as others see it. */
cairn_err cairn_outbox_row_copy(cairn_arena *arena, const outbox_head *head,
                                cairn_outbox_row *ret_row) CAIRN_MUST_USE;

/* SHA-256 of scheme, host and port of a URL: who answers there. */
void cairn_outbox_origin(cairn_bytes url, cairn_hash *ret_origin);

#endif
