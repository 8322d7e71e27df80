/* The readers' side of the block log: positions, random reads, cursors. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/store/block_log_impl.h"
#include "core/store/crc32c.h"

cairn_err cairn_block_segment_path(const cairn_block_log *log, uint64_t first,
                                   char ret_path[CAIRN_PATH_SIZE_MAX])
{
    char name[BLOCK_SEGMENT_NAME_SIZE];
    (void)snprintf(name, sizeof name, "%016" PRIx64 ".log", first);
    return cairn_path_join(log->directory, name, ret_path);
}

cairn_err cairn_block_segment_add(cairn_block_log *log, const cairn_block_segment *segment)
{
    if (log->segment_count == log->segment_capacity) {
        size_t capacity = log->segment_capacity == 0 ? 8 : log->segment_capacity * 2;
        cairn_block_segment *segments = realloc(log->segments, capacity * sizeof *segments);
        if (segments == NULL)
            return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "block log: %zu segments", capacity);
        log->segments = segments;
        log->segment_capacity = capacity;
    }
    log->segments[log->segment_count++] = *segment;
    return CAIRN_OK;
}

cairn_err cairn_block_segment_note(cairn_block_segment *segment, uint64_t number, uint32_t offset)
{
    if (segment->point_count > 0 &&
        offset - segment->points[segment->point_count - 1].offset < BLOCK_POINT_DISTANCE)
        return CAIRN_OK;
    if (segment->point_count == segment->point_capacity) {
        size_t capacity = segment->point_capacity == 0 ? 16 : segment->point_capacity * 2;
        cairn_block_point *points = realloc(segment->points, capacity * sizeof *points);
        if (points == NULL)
            return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "block log: %zu positions", capacity);
        segment->points = points;
        segment->point_capacity = capacity;
    }
    segment->points[segment->point_count++] = (cairn_block_point){number, offset};
    return CAIRN_OK;
}

struct cairn_block_log_cursor {
    cairn_block_log *log;
    cairn_block_window window;
    int fd;
    char path[CAIRN_PATH_SIZE_MAX];
    size_t segment; /* index of the open one */
    uint64_t first; /* what the log knows about it, renewed by each call */
    uint32_t seed;
    uint32_t end;
    cairn_hash end_chain;
    bool more;       /* a later segment exists */
    uint64_t count;  /* acknowledged records */
    uint64_t number; /* of the next record */
    uint32_t offset; /* of the next frame */
    bool has_chain;  /* `chain` is what the next frame must hold */
    cairn_hash chain;
};

static cairn_err corrupt(const cairn_block_log_cursor *cursor, const char *what)
{
    return cairn_block_log_corrupt(cursor->path, cursor->offset, cursor->number, what);
}

/* Copies what readers may know of the cursor's segment. */
static void renew(cairn_block_log_cursor *cursor)
{
    cairn_block_log *log = cursor->log;
    pthread_mutex_lock(&log->mutex);
    const cairn_block_segment *segment = &log->segments[cursor->segment];
    /* What lay behind the old end was read before it was acknowledged. */
    if (segment->end != cursor->end)
        cairn_block_window_clip(&cursor->window, cursor->end);
    cursor->first = segment->first;
    cursor->seed = segment->seed;
    cursor->end = segment->end;
    cursor->end_chain = segment->chain;
    cursor->more = cursor->segment + 1 < log->segment_count;
    cursor->count = log->count;
    pthread_mutex_unlock(&log->mutex);
}

/* Opens the segment's file; its first frame is next. */
static cairn_err enter_segment(cairn_block_log_cursor *cursor, size_t segment)
{
    cairn_file_close(cursor->fd);
    cursor->fd = -1;
    cursor->segment = segment;
    renew(cursor);
    CAIRN_TRY(cairn_block_segment_path(cursor->log, cursor->first, cursor->path));
    CAIRN_TRY(cairn_file_open(cursor->path, O_RDONLY, 0, &cursor->fd));
    cairn_block_window_aim(&cursor->window, cursor->fd, cursor->path);
    cursor->number = cursor->first;
    cursor->offset = BLOCK_SEGMENT_HEADER_SIZE;
    cairn_bytes header = {0};
    CAIRN_TRY(cairn_block_window_view(&cursor->window, 0, BLOCK_SEGMENT_HEADER_SIZE, &header));
    cairn_block_segment_header decoded = {0};
    if (header.size < BLOCK_SEGMENT_HEADER_SIZE ||
        cairn_block_segment_decode(header.data, &decoded) != NULL ||
        decoded.first != cursor->first || cairn_block_segment_seed(&decoded) != cursor->seed)
        return corrupt(cursor, "segment header changed since the log was opened");
    cairn_sha256_of(header.data, header.size, &cursor->chain);
    cursor->has_chain = true;
    return CAIRN_OK;
}

/* The last of `count` ascending entries that is not above `number`; the first if all are. */
static size_t last_not_above(const void *entries, size_t stride, size_t count, uint64_t number)
{
    size_t low = 0;
    size_t high = count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        uint64_t value = 0;
        memcpy(&value, (const uint8_t *)entries + middle * stride, sizeof value);
        if (value <= number)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Goes to the last noted position at or before `number`. */
static cairn_err jump(cairn_block_log_cursor *cursor, uint64_t number)
{
    cairn_block_log *log = cursor->log;
    _Static_assert(offsetof(cairn_block_segment, first) == 0, "last_not_above reads it there");
    _Static_assert(offsetof(cairn_block_point, number) == 0, "last_not_above reads it there");
    pthread_mutex_lock(&log->mutex);
    size_t index = last_not_above(log->segments, sizeof *log->segments, log->segment_count, number);
    const cairn_block_segment *segment = &log->segments[index];
    cairn_block_point point = {.number = segment->first, .offset = BLOCK_SEGMENT_HEADER_SIZE};
    if (segment->point_count > 0)
        point = segment->points[last_not_above(segment->points, sizeof point, segment->point_count,
                                               number)];
    pthread_mutex_unlock(&log->mutex);
    CAIRN_TRY(enter_segment(cursor, index));
    if (point.offset < cursor->end && point.number <= number) {
        cursor->has_chain = cursor->has_chain && point.offset == BLOCK_SEGMENT_HEADER_SIZE;
        cursor->number = point.number;
        cursor->offset = point.offset;
    }
    return CAIRN_OK;
}

/* Decodes the header of the next frame, which must be acknowledged. */
static cairn_err read_header(cairn_block_log_cursor *cursor, cairn_block_frame *ret_frame)
{
    cairn_bytes bytes = {0};
    CAIRN_TRY(
        cairn_block_window_view(&cursor->window, cursor->offset, BLOCK_FRAME_HEADER_SIZE, &bytes));
    const char *wrong = "file ends in a frame header";
    if (bytes.size == BLOCK_FRAME_HEADER_SIZE)
        wrong = cairn_block_frame_decode(bytes.data, cursor->seed, cursor->offset, ret_frame);
    if (wrong == NULL && ret_frame->number != cursor->number)
        wrong = "frame has a wrong number";
    if (wrong == NULL && cursor->offset + BLOCK_FRAME_HEADER_SIZE + ret_frame->size > cursor->end)
        wrong = "frame ends behind what was acknowledged";
    if (wrong == NULL && cursor->has_chain && !cairn_hash_equal(&ret_frame->chain, &cursor->chain))
        wrong = "frame does not continue the hash chain";
    return wrong == NULL ? CAIRN_OK : corrupt(cursor, wrong);
}

/* Moves over a frame without looking at its payload. */
static void skip_frame(cairn_block_log_cursor *cursor, const cairn_block_frame *frame)
{
    cursor->offset += BLOCK_FRAME_HEADER_SIZE + frame->size;
    cursor->number += frame->seal ? 0 : 1;
    cursor->has_chain = false;
}

/* What follows `frame` must hold its hash: the next frame, or what the log remembers. */
static cairn_err check_successor(const cairn_block_log_cursor *cursor, cairn_bytes bytes,
                                 size_t size, const cairn_hash *hash)
{
    cairn_hash held = cursor->end_chain;
    if (cursor->offset + size < cursor->end) {
        if (bytes.size < size + BLOCK_FRAME_HEADER_SIZE)
            return corrupt(cursor, "file ends before what was acknowledged");
        memcpy(held.b, bytes.data + size + 16, sizeof held.b);
    }
    return cairn_hash_equal(&held, hash)
               ? CAIRN_OK
               : corrupt(cursor, "record is not what the next frame's hash chain says");
}

/* Reads, verifies and passes the frame whose header was just read. */
static cairn_err take_frame(cairn_block_log_cursor *cursor, const cairn_block_frame *frame,
                            cairn_bytes *ret_payload)
{
    size_t size = BLOCK_FRAME_HEADER_SIZE + (size_t)frame->size;
    cairn_bytes bytes = {0};
    CAIRN_TRY(cairn_block_window_view(&cursor->window, cursor->offset,
                                      size + BLOCK_FRAME_HEADER_SIZE, &bytes));
    if (bytes.size < size)
        return corrupt(cursor, "file ends in a record");
    const uint8_t *payload = bytes.data + BLOCK_FRAME_HEADER_SIZE;
    if (frame->payload_crc != cairn_crc32c(cursor->seed, payload, frame->size))
        return corrupt(cursor, "record has a wrong CRC");
    cairn_hash hash;
    cairn_sha256_of(bytes.data, size, &hash);
    CAIRN_TRY(check_successor(cursor, bytes, size, &hash));
    skip_frame(cursor, frame);
    cursor->chain = hash;
    cursor->has_chain = true;
    *ret_payload = cairn_bytes_of(payload, frame->size);
    return CAIRN_OK;
}

/* Passes everything before record `number`, which is acknowledged, and reads its header. */
static cairn_err walk_to(cairn_block_log_cursor *cursor, uint64_t number,
                         cairn_block_frame *ret_frame)
{
    for (;;) {
        if (cursor->offset >= cursor->end) {
            if (!cursor->more)
                return corrupt(cursor, "record is not where it must be");
            CAIRN_TRY(enter_segment(cursor, cursor->segment + 1));
            continue;
        }
        CAIRN_TRY(read_header(cursor, ret_frame));
        if (!ret_frame->seal && ret_frame->number == number)
            return CAIRN_OK;
        skip_frame(cursor, ret_frame);
    }
}

static void cursor_init(cairn_block_log_cursor *cursor, cairn_block_log *log, size_t capacity)
{
    *cursor = (cairn_block_log_cursor){.log = log, .fd = -1};
    cairn_block_window_init(&cursor->window, capacity);
}

static void cursor_done(cairn_block_log_cursor *cursor)
{
    cairn_file_close(cursor->fd);
    cairn_block_window_done(&cursor->window);
}

static cairn_err not_found(const cairn_block_log *log, uint64_t number)
{
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "block log: %s has no record %" PRIu64,
                      log->directory, number);
}

static cairn_err read_at(cairn_arena *arena, cairn_block_log_cursor *cursor, uint64_t number,
                         cairn_bytes *ret_payload)
{
    CAIRN_TRY(jump(cursor, number));
    if (number >= cursor->count)
        return not_found(cursor->log, number);
    cairn_block_frame frame = {0};
    CAIRN_TRY(walk_to(cursor, number, &frame));
    cairn_bytes payload = {0};
    CAIRN_TRY(take_frame(cursor, &frame, &payload));
    return cairn_arena_copy(arena, payload, ret_payload);
}

cairn_err cairn_block_log_read(cairn_arena *arena, cairn_block_log *log, uint64_t number,
                               cairn_bytes *ret_payload)
{
    if (number >= cairn_block_log_count(log))
        return not_found(log, number);
    cairn_block_log_cursor cursor;
    cursor_init(&cursor, log, BLOCK_POINT_DISTANCE);
    cairn_err err = read_at(arena, &cursor, number, ret_payload);
    cursor_done(&cursor);
    return err;
}

cairn_err cairn_block_log_cursor_open(cairn_block_log *log, uint64_t from,
                                      cairn_block_log_cursor **ret_cursor)
{
    uint64_t count = cairn_block_log_count(log);
    if (from > count)
        return not_found(log, from);
    CAIRN_CLEANUP(cairn_block_log_cursor_close_p)
    cairn_block_log_cursor *cursor = malloc(sizeof *cursor);
    if (cursor == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "block log: cursor");
    cursor_init(cursor, log, BLOCK_SCAN_SIZE);
    /* Behind the last record there is nothing to walk to: begin at it and pass it. */
    if (count > 0) {
        CAIRN_TRY(jump(cursor, from < count ? from : count - 1));
        cairn_block_frame frame = {0};
        CAIRN_TRY(walk_to(cursor, from < count ? from : count - 1, &frame));
        if (from == count)
            skip_frame(cursor, &frame);
    } else {
        CAIRN_TRY(enter_segment(cursor, 0));
    }
    *ret_cursor = CAIRN_STEAL(cursor);
    return CAIRN_OK;
}

cairn_err cairn_block_log_cursor_next(cairn_block_log_cursor *cursor, uint64_t *ret_number,
                                      cairn_bytes *ret_payload)
{
    renew(cursor);
    if (cursor->number >= cursor->count)
        return CAIRN_ERR_NOT_FOUND;
    cairn_block_frame frame = {0};
    uint64_t number = cursor->number;
    CAIRN_TRY(walk_to(cursor, number, &frame));
    CAIRN_TRY(take_frame(cursor, &frame, ret_payload));
    *ret_number = number;
    return CAIRN_OK;
}

void cairn_block_log_cursor_close(cairn_block_log_cursor *cursor)
{
    if (cursor == NULL)
        return;
    cursor_done(cursor);
    free(cursor);
}
