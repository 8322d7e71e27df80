/* Recovery: a scan of all frames, and the verdict between a torn tail and rot. The reasoning, step
 * by step, is in docs/formats/block-log.md; the numbers below are its. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/store/block_log_impl.h"
#include "core/store/crc32c.h"

typedef struct scan {
    cairn_block_log *log;
    cairn_block_segment segment; /* being filled */
    cairn_block_window window;
    char path[CAIRN_PATH_SIZE_MAX]; /* of the segment */
    uint64_t file_size;
    bool last; /* the last segment */
    cairn_block_tail tail;
} scan;

cairn_err cairn_block_log_corrupt(const char *path, uint64_t offset, uint64_t number,
                                  const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/block-log.md",
                      "block log: %s, offset %" PRIu64 ", record %" PRIu64 ": %s", path, offset,
                      number, what);
}

static cairn_err rot(const scan *s, const char *what)
{
    return cairn_block_log_corrupt(s->path, s->tail.offset, s->tail.number, what);
}

/* Verifies the frame at the tail. `*ret_wrong` is NULL when it is valid. */
static cairn_err check_frame(scan *s, cairn_block_frame *ret_frame, cairn_bytes *ret_bytes,
                             const char **ret_wrong)
{
    cairn_bytes bytes = {0};
    CAIRN_TRY(cairn_block_window_view(&s->window, s->tail.offset, BLOCK_FRAME_HEADER_SIZE, &bytes));
    *ret_wrong = "file ends in a frame header";
    if (bytes.size < BLOCK_FRAME_HEADER_SIZE)
        return CAIRN_OK;
    cairn_block_frame frame = {0};
    *ret_wrong = cairn_block_frame_decode(bytes.data, s->segment.seed, s->tail.offset, &frame);
    if (*ret_wrong != NULL)
        return CAIRN_OK;
    size_t size = BLOCK_FRAME_HEADER_SIZE + (size_t)frame.size;
    CAIRN_TRY(cairn_block_window_view(&s->window, s->tail.offset, size, &bytes));
    if (bytes.size < size)
        *ret_wrong = "file ends in a record";
    else if (frame.payload_crc !=
             cairn_crc32c(s->segment.seed, bytes.data + BLOCK_FRAME_HEADER_SIZE, frame.size))
        *ret_wrong = "record has a wrong CRC";
    else if (frame.number != s->tail.number)
        *ret_wrong = "record has a wrong number";
    else if (!cairn_hash_equal(&frame.chain, &s->tail.chain))
        *ret_wrong = "record does not continue the hash chain";
    else if (frame.zero_sectors != cairn_block_zero_sectors(s->tail.offset, bytes))
        *ret_wrong = "record has a wrong count of zero sectors";
    *ret_frame = frame;
    *ret_bytes = bytes;
    return CAIRN_OK;
}

/* Moves the tail over a valid frame. */
static cairn_err pass_frame(scan *s, const cairn_block_frame *frame, cairn_bytes bytes)
{
    if (!frame->seal) {
        CAIRN_TRY(cairn_block_segment_note(&s->segment, frame->number, s->tail.offset));
        s->tail.number++;
    }
    s->tail.sealed = frame->seal;
    s->tail.synced = frame->synced;
    s->tail.offset += (uint32_t)bytes.size;
    cairn_sha256_of(bytes.data, bytes.size, &s->tail.chain);
    return CAIRN_OK;
}

/* Nothing but zeros up to the end of the file? */
static cairn_err only_zeros(scan *s, bool *ret_zeros)
{
    for (uint64_t at = s->tail.offset; at < s->file_size;) {
        cairn_bytes bytes = {0};
        CAIRN_TRY(cairn_block_window_view(&s->window, at, BLOCK_SECTOR_SIZE, &bytes));
        if (bytes.size == 0 || !cairn_block_is_zero(bytes)) {
            *ret_zeros = false;
            return CAIRN_OK;
        }
        at += bytes.size;
    }
    *ret_zeros = true;
    return CAIRN_OK;
}

/* (2) Does a header somewhere behind the tail say that the tail was on disk? */
static cairn_err vouched_later(scan *s, bool *ret_vouched)
{
    *ret_vouched = false;
    uint64_t at = s->tail.offset + 1;
    while (at + BLOCK_FRAME_HEADER_SIZE <= s->file_size) {
        cairn_bytes bytes = {0};
        CAIRN_TRY(cairn_block_window_view(&s->window, at, BLOCK_POINT_DISTANCE, &bytes));
        if (bytes.size < BLOCK_FRAME_HEADER_SIZE)
            break;
        size_t places = bytes.size - BLOCK_FRAME_HEADER_SIZE + 1;
        for (size_t i = 0; i < places; i++) {
            const uint8_t *place = memchr(bytes.data + i, 'C', places - i);
            if (place == NULL)
                break;
            i = (size_t)(place - bytes.data);
            cairn_block_frame frame = {0};
            if (cairn_block_frame_decode(place, s->segment.seed, at + i, &frame) == NULL &&
                frame.synced > s->tail.offset) {
                *ret_vouched = true;
                return CAIRN_OK;
            }
        }
        at += places;
    }
    return CAIRN_OK;
}

/* (4) for an invalid header: is one of its parts all zeros, or beyond the end of the file? */
static bool header_has_hole(uint64_t offset, cairn_bytes bytes)
{
    return bytes.size < BLOCK_FRAME_HEADER_SIZE ||
           cairn_block_zero_sectors(offset, cairn_bytes_of(bytes.data, BLOCK_FRAME_HEADER_SIZE)) !=
               0;
}

/* (4) Does the frame at the tail show something that was never written? */
static cairn_err has_hole(scan *s, bool *ret_hole)
{
    cairn_bytes bytes = {0};
    CAIRN_TRY(cairn_block_window_view(&s->window, s->tail.offset, BLOCK_FRAME_HEADER_SIZE, &bytes));
    cairn_block_frame frame = {0};
    if (bytes.size < BLOCK_FRAME_HEADER_SIZE ||
        cairn_block_frame_decode(bytes.data, s->segment.seed, s->tail.offset, &frame) != NULL) {
        *ret_hole = header_has_hole(s->tail.offset, bytes);
        return CAIRN_OK;
    }
    size_t size = BLOCK_FRAME_HEADER_SIZE + (size_t)frame.size;
    CAIRN_TRY(cairn_block_window_view(&s->window, s->tail.offset, size, &bytes));
    *ret_hole =
        bytes.size < size || cairn_block_zero_sectors(s->tail.offset, bytes) > frame.zero_sectors;
    return CAIRN_OK;
}

/* The frame at the tail is not valid: torn (success) or rot (CORRUPT). */
static cairn_err judge(scan *s, const char *wrong)
{
    if (!s->last)
        return rot(s, wrong); /* (1) */
    bool vouched = false;
    CAIRN_TRY(vouched_later(s, &vouched));
    if (vouched)
        return rot(s, wrong); /* (2) */
    if (s->tail.number < s->log->options.acknowledged_count)
        return rot(s, wrong); /* (3) */
    bool hole = false;
    CAIRN_TRY(has_hole(s, &hole));
    if (!hole)
        return rot(s, wrong); /* (5) */
    s->log->recovery.cut_bytes = s->file_size - s->tail.offset;
    CAIRN_LOG(s->log->options.log, &cairn_block_log_events.rows[BLOCK_EVENT_TORN],
              cairn_log_text("file", s->path), cairn_log_u64("offset", s->tail.offset),
              cairn_log_u64("record", s->tail.number),
              cairn_log_u64("bytes", s->log->recovery.cut_bytes));
    return CAIRN_OK;
}

/* All frames of the file, to its end, its zeros, or the first one that does not verify. */
static cairn_err scan_frames(scan *s)
{
    while (s->tail.offset < s->file_size) {
        cairn_block_frame frame = {0};
        cairn_bytes bytes = {0};
        const char *wrong = NULL;
        CAIRN_TRY(check_frame(s, &frame, &bytes, &wrong));
        if (wrong != NULL) {
            bool zeros = false;
            CAIRN_TRY(only_zeros(s, &zeros));
            return zeros ? CAIRN_OK : judge(s, wrong);
        }
        CAIRN_TRY(pass_frame(s, &frame, bytes));
    }
    return CAIRN_OK;
}

/* The header must continue the previous segment, where `s->tail` still stands. */
static cairn_err scan_header(scan *s, uint64_t first)
{
    cairn_bytes bytes = {0};
    CAIRN_TRY(cairn_block_window_view(&s->window, 0, BLOCK_SEGMENT_HEADER_SIZE, &bytes));
    cairn_block_segment_header header = {0};
    const char *wrong = "file ends in its header";
    if (bytes.size == BLOCK_SEGMENT_HEADER_SIZE)
        wrong = cairn_block_segment_decode(bytes.data, &header);
    if (wrong == NULL && (header.first != first || first != s->tail.number))
        wrong = "segment does not begin with the next record";
    if (wrong == NULL && !cairn_hash_equal(&header.chain, &s->tail.chain))
        wrong = "segment does not continue the hash chain";
    s->tail.offset = 0;
    if (wrong != NULL)
        return rot(s, wrong);
    s->segment =
        (cairn_block_segment){.first = first, .seed = cairn_block_segment_seed(&header), .end = 0};
    s->tail.offset = BLOCK_SEGMENT_HEADER_SIZE;
    s->tail.synced = BLOCK_SEGMENT_HEADER_SIZE;
    s->tail.sealed = false;
    cairn_sha256_of(bytes.data, bytes.size, &s->tail.chain);
    return CAIRN_OK;
}

static cairn_err scan_segment(scan *s, uint64_t first)
{
    CAIRN_TRY(cairn_block_segment_path(s->log, first, s->path));
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    CAIRN_TRY(cairn_file_open(s->path, O_RDONLY, 0, &fd));
    CAIRN_TRY(cairn_file_size(fd, s->path, &s->file_size));
    if (s->file_size > UINT32_MAX)
        return rot(s, "segment is larger than its limit");
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    cairn_block_window_aim(&s->window, fd, s->path);
    CAIRN_TRY(scan_header(s, first));
    cairn_err err = scan_frames(s);
    s->segment.end = s->tail.offset;
    s->segment.chain = s->tail.chain;
    s->log->recovery.scanned_bytes += s->tail.offset;
    if (err == CAIRN_OK)
        err = cairn_block_segment_add(s->log, &s->segment);
    if (err != CAIRN_OK)
        free(s->segment.points);
    return err;
}

cairn_err cairn_block_log_scan(cairn_block_log *log, const uint64_t *firsts, size_t count)
{
    scan s = {.log = log};
    cairn_block_window_init(&s.window, BLOCK_SCAN_SIZE);
    cairn_err err = CAIRN_OK;
    for (size_t i = 0; err == CAIRN_OK && i < count; i++) {
        s.last = i + 1 == count;
        err = scan_segment(&s, firsts[i]);
    }
    cairn_block_window_done(&s.window);
    CAIRN_TRY(err);
    if (s.tail.number < log->options.acknowledged_count)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/block-log.md",
                          "block log: %s ends before record %" PRIu64 "; %" PRIu64
                          " were acknowledged",
                          log->directory, s.tail.number, log->options.acknowledged_count);
    log->tail = s.tail;
    log->count = s.tail.number;
    log->recovery.sealed = s.tail.sealed && log->recovery.cut_bytes == 0;
    return CAIRN_OK;
}
