/* What the parts of the block log share: the log itself, its segments, the scan. Private. */
#ifndef CAIRN_CORE_STORE_BLOCK_LOG_IMPL_H
#define CAIRN_CORE_STORE_BLOCK_LOG_IMPL_H

#include <pthread.h>

#include "core/store/block_log_frame.h"
#include "core/store/file.h"

enum {
    BLOCK_POINT_DISTANCE = 64 << 10, /* bytes of log per position kept in memory */
    BLOCK_SCAN_SIZE = 1 << 20,       /* bytes read at once when scanning */
    BLOCK_SEGMENT_NAME_SIZE = 21,    /* 16 hex digits, ".log", NUL */
};

/* Rows of cairn_block_log_events. */
enum { BLOCK_EVENT_TORN, BLOCK_EVENT_FAILED };

/* Where a record begins. */
typedef struct cairn_block_point {
    uint64_t number;
    uint32_t offset;
} cairn_block_point;

/* A segment as readers see it: up to the last acknowledged frame. */
typedef struct cairn_block_segment {
    uint64_t first;   /* record number */
    uint32_t seed;    /* of its CRCs */
    uint32_t end;     /* offset behind the last acknowledged frame */
    cairn_hash chain; /* SHA-256 of that frame */
    cairn_block_point *points;
    size_t point_count;
    size_t point_capacity;
} cairn_block_segment;

/* Where the next frame goes, or where a scan stands. */
typedef struct cairn_block_tail {
    uint64_t number; /* of the next record */
    uint32_t offset;
    uint32_t synced;  /* what the last frame vouches for */
    cairn_hash chain; /* SHA-256 of the last frame */
    bool sealed;      /* the last frame is a seal */
} cairn_block_tail;

struct cairn_block_log {
    char directory[CAIRN_PATH_SIZE_MAX];
    cairn_block_log_options options;
    cairn_block_log_recovery recovery;
    int lock_fd;

    /* The writer's alone. */
    int fd;            /* of the last segment */
    bool failed;       /* what is on disk is not known any more */
    uint32_t durable;  /* offset up to which the last segment is synced */
    uint64_t prepared; /* size of the last segment's file */
    cairn_block_tail tail;

    /* Shared by the writer and readers, under `mutex`. */
    pthread_mutex_t mutex;
    uint64_t count; /* acknowledged records */
    cairn_block_segment *segments;
    size_t segment_count;
    size_t segment_capacity;
};

/* Path of the segment that begins with record `first`. */
cairn_err cairn_block_segment_path(const cairn_block_log *log, uint64_t first,
                                   char ret_path[CAIRN_PATH_SIZE_MAX]) CAIRN_MUST_USE;

/* Adds a segment, which has only its header; called with the mutex held, or by open. */
cairn_err cairn_block_segment_add(cairn_block_log *log,
                                  const cairn_block_segment *segment) CAIRN_MUST_USE;

/* Remembers where record `number` begins, if it is far enough from the last point. Same. */
cairn_err cairn_block_segment_note(cairn_block_segment *segment, uint64_t number,
                                   uint32_t offset) CAIRN_MUST_USE;

/* Checks all segments named by `firsts` (ascending) and fills in the log's segments, count,
 * recovery and, for the last segment, tail. Changes no file. */
cairn_err cairn_block_log_scan(cairn_block_log *log, const uint64_t *firsts,
                               size_t count) CAIRN_MUST_USE;

/* CORRUPT, with file, offset, record number and what is wrong. */
cairn_err cairn_block_log_corrupt(const char *path, uint64_t offset, uint64_t number,
                                  const char *what) CAIRN_MUST_USE;

#endif
