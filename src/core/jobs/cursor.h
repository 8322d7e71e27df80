/* How far a consumer has come in the events of one ledger. A position is durable and moves in the
 * LMDB transaction that holds what the consumer wrote: each event takes effect exactly once.
 * Source: house (docs/formats/jobs.md). */
#ifndef CAIRN_CORE_JOBS_CURSOR_H
#define CAIRN_CORE_JOBS_CURSOR_H

#include "core/jobs/event.h"

/* The next event is number `ordinal` of block `height` + 1: blocks up to `height` are done, and the
 * first `ordinal` events of the one above. All zeros: the log's start. */
typedef struct cairn_cursor {
    uint64_t height;
    uint32_t ordinal;
} cairn_cursor;

/* Negative, zero or positive. */
int cairn_cursor_compare(const cairn_cursor *a, const cairn_cursor *b);

/* The position that waits for `event`, and the one behind it. `event->height` is at least 1. */
cairn_cursor cairn_cursor_before(const cairn_job_event *event);
cairn_cursor cairn_cursor_after(const cairn_job_event *event);

#endif
