/* What the jobs behind a ledger are driven by: the events of its blocks, in order, each as often as
 * somebody asks. Who keeps them is behind a source, so that jobs know no ledger. Source: house
 * (ARCHITECTURE, Jobs). */
#ifndef CAIRN_CORE_JOBS_EVENT_H
#define CAIRN_CORE_JOBS_EVENT_H

#include "cairn/bytes.h"

/* One event. Views live during the visit. */
typedef struct cairn_job_event {
    uint32_t slot; /* of the ledger in its store */
    uint64_t height;
    uint32_t ordinal; /* among the block's events */
    uint64_t time_ms; /* of the block */
    uint16_t type;    /* the emitting feature's own, below its number << 8 */
    cairn_bytes key;  /* names the object */
    uint64_t index;   /* log index of the transaction that emitted it */
    cairn_bytes transaction;
} cairn_job_event;

typedef cairn_err (*cairn_job_visit)(void *context, const cairn_job_event *event);

/* Blocks of one ledger with their events. `read` visits, block by block, the events of the blocks
 * above `after_height`, at most `block_max` blocks with events or without, and says up to which
 * height it came; an error of `visit` ends the walk and is returned. Any thread. */
typedef struct cairn_event_source {
    void *context;
    cairn_err (*read)(void *context, uint64_t after_height, size_t block_max, cairn_job_visit visit,
                      void *visit_context, uint64_t *ret_height);
} cairn_event_source;

#endif
