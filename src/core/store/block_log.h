/* The block log: numbered, opaque records, appended in groups, each group durable by one fdatasync;
 * the truth from which everything else in a store is derived.
 *
 * One writer: open, append, sync, seal and close come from one thread at a time. Any number of
 * threads read meanwhile; they see acknowledged (synced) records only. Nothing here starts a
 * thread. Bytes, the verdict between torn and rotten, and what remains: docs/formats/block-log.md.
 * Source: house. */
#ifndef CAIRN_CORE_STORE_BLOCK_LOG_H
#define CAIRN_CORE_STORE_BLOCK_LOG_H

#include "cairn/arena.h"
#include "core/log.h"

typedef struct cairn_block_log cairn_block_log;

enum {
    CAIRN_BLOCK_LOG_PAYLOAD_SIZE_MAX = 16 << 20,      /* bytes of one record */
    CAIRN_BLOCK_LOG_GROUP_SIZE_MAX = 64 << 20,        /* bytes of one append, headers included */
    CAIRN_BLOCK_LOG_SEGMENT_SIZE_MIN = 4 << 10,       /* bytes */
    CAIRN_BLOCK_LOG_SEGMENT_SIZE_MAX = 1 << 30,       /* bytes */
    CAIRN_BLOCK_LOG_SEGMENT_SIZE_DEFAULT = 256 << 20, /* bytes */
    CAIRN_BLOCK_LOG_PREPARE_SIZE_DEFAULT = 1 << 20,   /* bytes */
    CAIRN_BLOCK_LOG_SEGMENTS_MAX = 65536,
};

typedef struct cairn_block_log_options {
    uint32_t segment_size; /* bytes after which a new segment is begun; 0 for the default */
    /* Space is prepared with zeros in steps of so many bytes, so that a sync need not change the
     * file's metadata; 0 not to. Measured in bench/bench_block_log.c. */
    uint32_t prepare_size;
    /* Records that the caller knows, from elsewhere, to have been acknowledged: one of them that
     * is missing or damaged is CORRUPT and never taken for a torn tail. */
    uint64_t acknowledged_count;
    bool read_only; /* repairs nothing, creates nothing; shares the directory with other readers */
    cairn_log *log; /* may be NULL; outlives the block log */
} cairn_block_log_options;

/* What open found. */
typedef struct cairn_block_log_recovery {
    bool sealed;            /* closed or idle properly the last time */
    uint64_t scanned_bytes; /* of all segments */
    uint64_t cut_bytes;     /* of a torn tail that was cut off, 0 if there was none */
} cairn_block_log_recovery;

/* Rows for the logger: block_log.torn, block_log.failed. */
extern const cairn_log_table cairn_block_log_events;

/* Opens the log in `directory` (made if missing) and checks all of it. `options` NULL means the
 * defaults with prepared space. CORRUPT names file, offset and record number; nothing is changed
 * then. LOCKED when another writer holds it; NOT_FOUND when read-only and missing; ARGUMENT for
 * options out of range; IO, NO_SPACE, PERMISSION, NO_MEMORY. Close with cairn_block_log_close. */
cairn_err cairn_block_log_open(const char *directory, const cairn_block_log_options *options,
                               cairn_block_log **ret_log) CAIRN_MUST_USE;

/* Syncs, seals and frees. The error is that of the sync or seal; the log is gone either way. Takes
 * NULL. */
cairn_err cairn_block_log_close(cairn_block_log *log) CAIRN_MUST_USE;

/* Frees without writing anything, as a crash would. Takes NULL. */
void cairn_block_log_free(cairn_block_log *log);
CAIRN_DEFINE_CLEANUP(cairn_block_log, cairn_block_log_free)

/* Writes `count` payloads (each at most 16 MiB, may be empty) as the next records, not yet durable.
 * All or none. `ret_first`, which may be NULL, is the number of the first. TOO_LARGE for a record
 * or the group; NO_SPACE with the log as it was before; READ_ONLY once anything has failed in a way
 * that leaves the disk unknown, for as long as the process holds the log. */
cairn_err cairn_block_log_append(cairn_block_log *log, const cairn_bytes *payloads, size_t count,
                                 uint64_t *ret_first) CAIRN_MUST_USE;

/* False once the log is failed, or when it was opened for reading: what was refused for lack of
 * space while this is true left the log as it was. The writer's thread. */
bool cairn_block_log_writable(const cairn_block_log *log);

/* Makes sure that there are `size` bytes (at most a segment's) of room behind what was appended,
 * all of which must be synced: zeros are written there and synced. NO_SPACE with the log as it was
 * before; otherwise as append. */
cairn_err cairn_block_log_reserve(cairn_block_log *log, uint32_t size) CAIRN_MUST_USE;

/* Makes what was appended durable by one fdatasync and shows it to readers. Does nothing when there
 * is nothing to sync. After a failure (IO, NO_SPACE) nothing of the group is acknowledged and the
 * log is READ_ONLY for ever: a failed fsync is never tried again. */
cairn_err cairn_block_log_sync(cairn_block_log *log) CAIRN_MUST_USE;

/* Syncs, then vouches for all records by a seal: from now on damage to the last group, too, is
 * known from a torn write. Called when idle; close calls it. Does nothing when sealed already. */
cairn_err cairn_block_log_seal(cairn_block_log *log) CAIRN_MUST_USE;

/* Acknowledged records; the next one that is not has this number. Any thread. */
uint64_t cairn_block_log_count(cairn_block_log *log);

/* What open found. Any thread. */
const cairn_block_log_recovery *cairn_block_log_recovered(const cairn_block_log *log);

/* Payload of an acknowledged record, copied to the arena. Its CRC, its number and the next frame's
 * chain value are checked: CORRUPT otherwise. NOT_FOUND beyond the last. Any thread. */
cairn_err cairn_block_log_read(cairn_arena *arena, cairn_block_log *log, uint64_t number,
                               cairn_bytes *ret_payload) CAIRN_MUST_USE;

/* Walks the acknowledged records in order, also those that are acknowledged while it walks. A
 * cursor belongs to one thread at a time and is closed before its log. */
typedef struct cairn_block_log_cursor cairn_block_log_cursor;

/* `from` may be the count (nothing to read yet); NOT_FOUND beyond that. */
cairn_err cairn_block_log_cursor_open(cairn_block_log *log, uint64_t from,
                                      cairn_block_log_cursor **ret_cursor) CAIRN_MUST_USE;

/* The next record; the view is valid until the next call. NOT_FOUND without a detail when there is
 * none yet. CORRUPT as in read, and when the chain is broken. */
cairn_err cairn_block_log_cursor_next(cairn_block_log_cursor *cursor, uint64_t *ret_number,
                                      cairn_bytes *ret_payload) CAIRN_MUST_USE;
/* Takes NULL. */
void cairn_block_log_cursor_close(cairn_block_log_cursor *cursor);
CAIRN_DEFINE_CLEANUP(cairn_block_log_cursor, cairn_block_log_cursor_close)

#endif
