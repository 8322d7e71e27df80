/* Projections: tables made of a ledger's events for those who look something up by another order
 * than the log's. They hold nothing that the log does not say, and can be made again from its start
 * at any time.
 *
 * A projection is one const row. Each ledger has its own rows, its own position and its own
 * failures: what one tenant's log does is not seen in another's tables. When the row's version
 * changes, or somebody asks for it (cairn_jobs_rebuild), the tables are built anew beside the old
 * ones, which go on being served until the new ones have come to the log's end; then they take
 * their place in one step. A build that is interrupted goes on where it was. A projection whose
 * apply fails is parked with its reason, until it is resumed or rebuilt; others go on.
 * Source: house (ARCHITECTURE, Jobs; docs/features/jobs.md). */
#ifndef CAIRN_CORE_JOBS_PROJECTION_H
#define CAIRN_CORE_JOBS_PROJECTION_H

#include "cairn/arena.h"
#include "core/jobs/cursor.h"

typedef struct cairn_jobs cairn_jobs;
typedef struct cairn_projection_writer cairn_projection_writer;
typedef struct cairn_projection_view cairn_projection_view;

typedef struct cairn_projection {
    const char *name;      /* 1 to 64 of a-z 0-9 . _ : "identity.organisations" */
    uint32_t version;      /* from 1; tables of another version are built anew */
    uint8_t table_count;   /* 1 to 16: table 0 is the thing itself, the others its indices */
    const uint16_t *types; /* of the events that it takes; all when type_count is 0 */
    size_t type_count;
    /* Writes what `event` changes. A function of the events and its own rows alone: no clock, no
     * other ledger. An error parks the projection, unless the store's own call failed
     * (NO_SPACE, NO_MEMORY, IO, …), which is tried again. */
    cairn_err (*apply)(cairn_projection_writer *writer, const cairn_job_event *event);
} cairn_projection;

/* For `apply`. Keys have 1 to CAIRN_PROJECTION_KEY_SIZE_MAX bytes and are ordered bytewise, a
 * prefix first; values have at most CAIRN_PROJECTION_VALUE_SIZE_MAX. One event may change at most
 * CAIRN_PROJECTION_CHANGES_MAX rows: TOO_MANY. ARGUMENT for a key or table out of range, TOO_LARGE
 * for a value. */
cairn_err cairn_projection_put(cairn_projection_writer *writer, unsigned table, cairn_bytes key,
                               cairn_bytes value) CAIRN_MUST_USE;
/* Removing what is not there is success. */
cairn_err cairn_projection_delete(cairn_projection_writer *writer, unsigned table,
                                  cairn_bytes key) CAIRN_MUST_USE;
/* With this event's earlier writes. A view, valid until the next write. NOT_FOUND without a detail
 * when absent. */
cairn_err cairn_projection_get(cairn_projection_writer *writer, unsigned table, cairn_bytes key,
                               cairn_bytes *ret_value) CAIRN_MUST_USE;
/* The first row whose key begins with `prefix` and is above `after` (empty: the first of all);
 * views as above. NOT_FOUND without a detail at the end. */
cairn_err cairn_projection_next(cairn_projection_writer *writer, unsigned table, cairn_bytes prefix,
                                cairn_bytes after, cairn_bytes *ret_key,
                                cairn_bytes *ret_value) CAIRN_MUST_USE;
/* Gone after the event. */
cairn_arena *cairn_projection_arena(cairn_projection_writer *writer);

/* One consistent state of the tables that are served of `projection` for the ledger in `slot`. Hold
 * it shortly, never across I/O, in one thread. NOT_FOUND for a name or slot that is not here; BUSY
 * while the very first tables are still being built. */
cairn_err cairn_projection_view_open(cairn_jobs *jobs, const char *projection, uint32_t slot,
                                     cairn_projection_view **ret_view) CAIRN_MUST_USE;
void cairn_projection_view_close(cairn_projection_view *view);
CAIRN_DEFINE_CLEANUP(cairn_projection_view, cairn_projection_view_close)

/* Version by which the rows were written (an older one while the new is being built), and how far
 * they have come. */
uint32_t cairn_projection_view_version(const cairn_projection_view *view);
cairn_cursor cairn_projection_view_position(const cairn_projection_view *view);

/* Like those of the writer; what they return lives until the view is closed. */
cairn_err cairn_projection_view_get(cairn_projection_view *view, unsigned table, cairn_bytes key,
                                    cairn_bytes *ret_value) CAIRN_MUST_USE;
cairn_err cairn_projection_view_next(cairn_projection_view *view, unsigned table,
                                     cairn_bytes prefix, cairn_bytes after, cairn_bytes *ret_key,
                                     cairn_bytes *ret_value) CAIRN_MUST_USE;

#endif
