/* The writer's side of the block log: open, append, sync, seal, close. */
#include "core/store/block_log.h"

#include <fcntl.h>
#include <stdlib.h>

#include <openssl/rand.h>

#include "cairn/sha256.h"
#include "core/store/block_log_impl.h"
#include "core/store/crc32c.h"

enum { BATCH = 256 }; /* frames handed to the system in one call */

static const cairn_log_event events[] = {
    [BLOCK_EVENT_TORN] = {"block_log.torn", CAIRN_LOG_WARNING, 10, 10,
                          "A group that was never acknowledged was found half written, and is cut "
                          "off."},
    [BLOCK_EVENT_FAILED] = {"block_log.failed", CAIRN_LOG_ERROR, 10, 10,
                            "Writing the block log failed; it is read-only until the next start."},
};
const cairn_log_table cairn_block_log_events = {events, sizeof events / sizeof events[0]};

static const cairn_block_log_options defaults = {
    .segment_size = CAIRN_BLOCK_LOG_SEGMENT_SIZE_DEFAULT,
    .prepare_size = CAIRN_BLOCK_LOG_PREPARE_SIZE_DEFAULT,
};

/* Nobody knows any more what is on disk: nothing is written from here on. */
static cairn_err turn_failed(cairn_block_log *log, cairn_err err)
{
    log->failed = true;
    CAIRN_LOG(log->options.log, &events[BLOCK_EVENT_FAILED],
              cairn_log_text("directory", log->directory), cairn_log_err(err));
    return err;
}

/* Makes the file of a segment that begins at the tail; it has its name once it is whole. */
static cairn_err write_segment(cairn_block_log *log, const char *path, const uint8_t *bytes,
                               int *ret_fd)
{
    char temporary[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(log->directory, "new.tmp", temporary));
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    CAIRN_TRY(cairn_file_open(temporary, O_RDWR | O_CREAT | O_TRUNC, 0600, &fd));
    cairn_err err =
        cairn_file_write_at(fd, temporary, 0, cairn_bytes_of(bytes, BLOCK_SEGMENT_HEADER_SIZE));
    if (err == CAIRN_OK)
        err = cairn_file_sync(fd, temporary);
    if (err == CAIRN_OK)
        err = cairn_file_rename(temporary, path);
    if (err != CAIRN_OK) {
        cairn_err removed = cairn_file_remove(temporary);
        return removed == CAIRN_OK ? err : removed;
    }
    /* It may or may not be there after a power cut: going on with the old one is no choice. */
    err = cairn_dir_sync(log->directory);
    if (err != CAIRN_OK)
        return turn_failed(log, err);
    *ret_fd = fd;
    fd = -1;
    return CAIRN_OK;
}

/* Puts the tail, and what readers see, into a new last segment. */
static cairn_err begin_segment(cairn_block_log *log)
{
    cairn_block_segment_header header = {.first = log->tail.number, .chain = log->tail.chain};
    if (RAND_bytes(header.salt, sizeof header.salt) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "block log: no random bytes");
    uint8_t bytes[BLOCK_SEGMENT_HEADER_SIZE];
    cairn_block_segment_encode(&header, bytes);
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_block_segment_path(log, header.first, path));
    int fd = -1;
    CAIRN_TRY(write_segment(log, path, bytes, &fd));

    cairn_block_segment segment = {.first = header.first,
                                   .seed = cairn_block_segment_seed(&header),
                                   .end = BLOCK_SEGMENT_HEADER_SIZE};
    cairn_sha256_of(bytes, sizeof bytes, &segment.chain);
    pthread_mutex_lock(&log->mutex);
    cairn_err err = cairn_block_segment_add(log, &segment);
    pthread_mutex_unlock(&log->mutex);
    if (err != CAIRN_OK) {
        cairn_file_close(fd);
        return turn_failed(log, err); /* the file is there, but this process cannot use it */
    }
    cairn_file_close(log->fd);
    log->fd = fd;
    log->durable = BLOCK_SEGMENT_HEADER_SIZE;
    log->prepared = BLOCK_SEGMENT_HEADER_SIZE;
    log->tail.offset = BLOCK_SEGMENT_HEADER_SIZE;
    log->tail.synced = BLOCK_SEGMENT_HEADER_SIZE;
    log->tail.chain = segment.chain;
    log->tail.sealed = false;
    return CAIRN_OK;
}

/* Opens the last segment for writing and makes the disk what the scan found: what is behind the
 * last valid frame goes, and what no frame vouches for, a seal too, is written again, because it
 * may be in the page cache only, even marked clean after a failed sync. */
static cairn_err adopt_tail(cairn_block_log *log)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_block_segment_path(log, log->segments[log->segment_count - 1].first, path));
    CAIRN_TRY(cairn_file_open(path, O_RDWR, 0, &log->fd));
    uint64_t size = 0;
    CAIRN_TRY(cairn_file_size(log->fd, path, &size));
    cairn_block_tail *tail = &log->tail;
    bool changed = size != tail->offset;
    if (changed)
        CAIRN_TRY(cairn_file_truncate(log->fd, path, tail->offset));
    cairn_block_window window;
    cairn_block_window_init(&window, BLOCK_SCAN_SIZE);
    cairn_block_window_aim(&window, log->fd, path);
    cairn_err err = CAIRN_OK;
    for (uint64_t at = tail->synced; err == CAIRN_OK && at < tail->offset;) {
        cairn_bytes bytes = {0};
        err = cairn_block_window_view(&window, at, BLOCK_SCAN_SIZE, &bytes);
        if (err == CAIRN_OK && bytes.size == 0)
            err = cairn_block_log_corrupt(path, at, tail->number, "file shrank while it was open");
        if (err == CAIRN_OK)
            err = cairn_file_write_at(log->fd, path, at, bytes);
        at += bytes.size;
        changed = true;
    }
    cairn_block_window_done(&window);
    CAIRN_TRY(err);
    log->durable = tail->offset;
    log->prepared = tail->offset;
    return changed ? cairn_file_sync(log->fd, path) : CAIRN_OK;
}

/* Names of segments, as found. */
typedef struct listing {
    uint64_t *firsts;
    size_t count;
    size_t capacity;
    const cairn_block_log *log;
} listing;

static cairn_err list_one(void *context, const char *name)
{
    listing *list = context;
    if (strcmp(name, "new.tmp") == 0)
        return CAIRN_OK;
    uint8_t digits[8];
    char hex[17] = {0};
    size_t size = strlen(name);
    if (size == BLOCK_SEGMENT_NAME_SIZE - 1)
        memcpy(hex, name, 16);
    if (size != BLOCK_SEGMENT_NAME_SIZE - 1 || strcmp(name + 16, ".log") != 0 ||
        strspn(hex, "0123456789abcdef") != 16)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "block log: %s/%s is not a segment",
                          list->log->directory, name);
    CAIRN_TRY(cairn_hex_decode(hex, digits, sizeof digits));
    if (list->count == CAIRN_BLOCK_LOG_SEGMENTS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "block log: more than %zu segments",
                          list->count);
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        uint64_t *firsts = realloc(list->firsts, capacity * sizeof *firsts);
        if (firsts == NULL)
            return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "block log: %zu segments", capacity);
        list->firsts = firsts;
        list->capacity = capacity;
    }
    list->firsts[list->count++] = cairn_get_u64(digits);
    return CAIRN_OK;
}

static int compare_firsts(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Locks the directory, scans, and leaves a log that may be read. */
static cairn_err recover(cairn_block_log *log)
{
    CAIRN_TRY(cairn_dir_lock(log->directory, !log->options.read_only, &log->lock_fd));
    listing list = {.log = log};
    cairn_err err = cairn_dir_each(log->directory, list_one, &list);
    if (err == CAIRN_OK && list.count > 0) {
        qsort(list.firsts, list.count, sizeof *list.firsts, compare_firsts);
        err = cairn_block_log_scan(log, list.firsts, list.count);
    } else if (err == CAIRN_OK && log->options.acknowledged_count > 0) {
        err = cairn_block_log_corrupt(log->directory, 0, 0, "there is no segment");
    } else if (err == CAIRN_OK && log->options.read_only) {
        err = CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "block log: %s is empty", log->directory);
    }
    free(list.firsts);
    return err;
}

/* Makes the log ready for the first append. */
static cairn_err prepare_writing(cairn_block_log *log)
{
    char temporary[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(log->directory, "new.tmp", temporary));
    CAIRN_TRY(cairn_file_remove(temporary));
    if (log->segment_count == 0)
        return begin_segment(log);
    /* Whoever made the last segment may have died before its name was durable. */
    CAIRN_TRY(cairn_dir_sync(log->directory));
    return adopt_tail(log);
}

static cairn_err check_options(const cairn_block_log_options *options)
{
    if (options->segment_size < CAIRN_BLOCK_LOG_SEGMENT_SIZE_MIN ||
        options->segment_size > CAIRN_BLOCK_LOG_SEGMENT_SIZE_MAX ||
        options->prepare_size > CAIRN_BLOCK_LOG_SEGMENT_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "block log: size out of range");
    return CAIRN_OK;
}

cairn_err cairn_block_log_open(const char *directory, const cairn_block_log_options *options,
                               cairn_block_log **ret_log)
{
    CAIRN_CLEANUP(cairn_block_log_free_p) cairn_block_log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "block log");
    log->fd = -1;
    log->lock_fd = -1;
    pthread_mutex_init(&log->mutex, NULL);
    log->options = options == NULL ? defaults : *options;
    if (log->options.segment_size == 0)
        log->options.segment_size = CAIRN_BLOCK_LOG_SEGMENT_SIZE_DEFAULT;
    CAIRN_TRY(check_options(&log->options));
    if (strlen(directory) >= sizeof log->directory)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "block log: path");
    memcpy(log->directory, directory, strlen(directory) + 1);
    if (!log->options.read_only)
        CAIRN_TRY(cairn_dir_make(directory, 0700));
    CAIRN_TRY(recover(log));
    if (!log->options.read_only)
        CAIRN_TRY(prepare_writing(log));
    *ret_log = CAIRN_STEAL(log);
    return CAIRN_OK;
}

void cairn_block_log_free(cairn_block_log *log)
{
    if (log == NULL)
        return;
    cairn_file_close(log->fd);
    cairn_file_close(log->lock_fd);
    for (size_t i = 0; i < log->segment_count; i++)
        free(log->segments[i].points);
    free(log->segments);
    pthread_mutex_destroy(&log->mutex);
    free(log);
}

static cairn_err check_writable(const cairn_block_log *log)
{
    if (log->failed || log->options.read_only)
        return CAIRN_FAIL(CAIRN_ERR_READ_ONLY, "house", "block log: %s is read-only",
                          log->directory);
    return CAIRN_OK;
}

bool cairn_block_log_writable(const cairn_block_log *log)
{
    return !log->failed && !log->options.read_only;
}

/* Ends the last segment's file at `offset`, on disk too. */
static cairn_err cut_back(cairn_block_log *log, uint32_t offset)
{
    uint64_t size = 0;
    CAIRN_TRY(cairn_file_truncate(log->fd, log->directory, offset));
    CAIRN_TRY(cairn_file_sync(log->fd, log->directory));
    CAIRN_TRY(cairn_file_size(log->fd, log->directory, &size));
    if (size != offset)
        return CAIRN_FAIL(CAIRN_ERR_IO, "house", "%s: cut to %u bytes and has %llu", log->directory,
                          offset, (unsigned long long)size);
    log->prepared = offset;
    return CAIRN_OK;
}

/* Takes back what was written behind `before`, on disk too: the next frames must find the end of
 * the file or zeros. */
static cairn_err undo(cairn_block_log *log, const cairn_block_tail *before, cairn_err err)
{
    log->tail = *before;
    pthread_mutex_lock(&log->mutex);
    cairn_block_segment *segment = &log->segments[log->segment_count - 1];
    while (segment->point_count > 0 &&
           segment->points[segment->point_count - 1].offset >= before->offset)
        segment->point_count--;
    pthread_mutex_unlock(&log->mutex);
    if (err != CAIRN_ERR_NO_SPACE && err != CAIRN_ERR_NO_MEMORY)
        return turn_failed(log, err);
    char detail[512];
    (void)memccpy(detail, cairn_err_detail(), '\0', sizeof detail);
    cairn_err cut = cut_back(log, before->offset);
    if (cut != CAIRN_OK)
        return turn_failed(log, cut);
    return CAIRN_FAIL(err, "house", "%s", detail);
}

/* Encodes one frame at the tail and moves the tail behind it. */
static void frame_at_tail(cairn_block_log *log, bool seal, cairn_bytes payload,
                          uint8_t ret_header[BLOCK_FRAME_HEADER_SIZE])
{
    cairn_block_tail *tail = &log->tail;
    uint32_t seed = log->segments[log->segment_count - 1].seed;
    cairn_block_frame frame = {.seal = seal,
                               .size = (uint32_t)payload.size,
                               .synced = log->durable,
                               .payload_crc = cairn_crc32c(seed, payload.data, payload.size),
                               .number = tail->number,
                               .chain = tail->chain};
    /* The sector in which the header ends holds its last byte, which is never zero. */
    size_t shared =
        BLOCK_SECTOR_SIZE - 1 - (tail->offset + BLOCK_FRAME_HEADER_SIZE - 1) % BLOCK_SECTOR_SIZE;
    if (payload.size > shared)
        frame.zero_sectors = (uint16_t)cairn_block_zero_sectors(
            tail->offset + BLOCK_FRAME_HEADER_SIZE + shared,
            cairn_bytes_of(payload.data + shared, payload.size - shared));
    cairn_block_frame_encode(&frame, seed, ret_header);
    const cairn_bytes parts[] = {cairn_bytes_of(ret_header, BLOCK_FRAME_HEADER_SIZE), payload};
    cairn_sha256_parts(parts, 2, &tail->chain);
    tail->offset += (uint32_t)(BLOCK_FRAME_HEADER_SIZE + payload.size);
    tail->synced = frame.synced;
    tail->sealed = seal;
    if (!seal)
        tail->number++;
}

/* Writes up to BATCH records at the tail. */
static cairn_err write_batch(cairn_block_log *log, const cairn_bytes *payloads, size_t count)
{
    uint8_t headers[BATCH][BLOCK_FRAME_HEADER_SIZE];
    struct iovec pieces[2 * BATCH];
    uint64_t start = log->tail.offset;
    for (size_t i = 0; i < count; i++) {
        pthread_mutex_lock(&log->mutex);
        cairn_err err = cairn_block_segment_note(&log->segments[log->segment_count - 1],
                                                 log->tail.number, log->tail.offset);
        pthread_mutex_unlock(&log->mutex);
        CAIRN_TRY(err);
        frame_at_tail(log, false, payloads[i], headers[i]);
        pieces[2 * i] = (struct iovec){headers[i], BLOCK_FRAME_HEADER_SIZE};
        /* pwritev only reads; struct iovec has no const. */
        pieces[2 * i + 1] = (struct iovec){(void *)(uintptr_t)payloads[i].data, payloads[i].size};
    }
    return cairn_file_writev_at(log->fd, log->directory, start, pieces, 2 * count);
}

/* Writes zeros from where they end to `target`. */
static cairn_err write_zeros(cairn_block_log *log, uint64_t target)
{
    static const uint8_t zeros[64 << 10];
    for (uint64_t at = log->prepared; at < target;) {
        size_t part = target - at < sizeof zeros ? (size_t)(target - at) : sizeof zeros;
        CAIRN_TRY(cairn_file_write_at(log->fd, log->directory, at, cairn_bytes_of(zeros, part)));
        at += part;
        log->prepared = at;
    }
    return CAIRN_OK;
}

/* Writes zeros behind the tail once the frames have used up what was prepared. Failing to is no
 * failure: the frames themselves are written. */
static void prepare_space(cairn_block_log *log)
{
    uint64_t step = log->options.prepare_size;
    if (step == 0 || log->tail.offset <= log->prepared)
        return;
    log->prepared = log->tail.offset;
    uint64_t target = (log->tail.offset + step / 2 + step - 1) / step * step;
    if (target > log->options.segment_size)
        target = log->options.segment_size;
    if (write_zeros(log, target) != CAIRN_OK)
        cairn_err_clear();
}

cairn_err cairn_block_log_reserve(cairn_block_log *log, uint32_t size)
{
    CAIRN_TRY(check_writable(log));
    CAIRN_ASSERT(log->durable == log->tail.offset);
    if (size > log->options.segment_size)
        size = log->options.segment_size;
    cairn_block_tail before = log->tail;
    if (log->prepared < before.offset)
        log->prepared = before.offset;
    cairn_err err = write_zeros(log, before.offset + (uint64_t)size);
    if (err == CAIRN_OK)
        err = cairn_file_sync(log->fd, log->directory);
    return err == CAIRN_OK ? CAIRN_OK : undo(log, &before, err);
}

/* Ends the last segment: all of it synced, its zeros cut off, a new one begun. */
static cairn_err roll(cairn_block_log *log)
{
    if (log->segment_count == CAIRN_BLOCK_LOG_SEGMENTS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "block log: %zu segments",
                          log->segment_count);
    CAIRN_TRY(cairn_block_log_sync(log));
    cairn_err err = cairn_file_truncate(log->fd, log->directory, log->tail.offset);
    if (err == CAIRN_OK) {
        log->prepared = log->tail.offset;
        err = begin_segment(log);
    }
    return err == CAIRN_OK || err == CAIRN_ERR_NO_SPACE ? err : turn_failed(log, err);
}

static cairn_err check_group(const cairn_bytes *payloads, size_t count)
{
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (payloads[i].size > CAIRN_BLOCK_LOG_PAYLOAD_SIZE_MAX)
            return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "block log: record of %zu bytes",
                              payloads[i].size);
        size += BLOCK_FRAME_HEADER_SIZE + payloads[i].size;
        if (size > CAIRN_BLOCK_LOG_GROUP_SIZE_MAX)
            return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "block log: group of %zu records",
                              count);
    }
    return CAIRN_OK;
}

cairn_err cairn_block_log_append(cairn_block_log *log, const cairn_bytes *payloads, size_t count,
                                 uint64_t *ret_first)
{
    CAIRN_TRY(check_writable(log));
    CAIRN_TRY(check_group(payloads, count));
    if (log->tail.offset >= log->options.segment_size)
        CAIRN_TRY(roll(log));
    cairn_block_tail before = log->tail;
    for (size_t done = 0; done < count;) {
        size_t batch = count - done < BATCH ? count - done : BATCH;
        cairn_err err = write_batch(log, payloads + done, batch);
        if (err != CAIRN_OK)
            return undo(log, &before, err);
        done += batch;
    }
    prepare_space(log);
    if (ret_first != NULL)
        *ret_first = before.number;
    return CAIRN_OK;
}

cairn_err cairn_block_log_sync(cairn_block_log *log)
{
    CAIRN_TRY(check_writable(log));
    if (log->durable == log->tail.offset)
        return CAIRN_OK;
    cairn_err err = cairn_file_sync_data(log->fd, log->directory);
    if (err != CAIRN_OK)
        return turn_failed(log, err);
    log->durable = log->tail.offset;
    pthread_mutex_lock(&log->mutex);
    cairn_block_segment *segment = &log->segments[log->segment_count - 1];
    segment->end = log->tail.offset;
    segment->chain = log->tail.chain;
    log->count = log->tail.number;
    pthread_mutex_unlock(&log->mutex);
    return CAIRN_OK;
}

cairn_err cairn_block_log_seal(cairn_block_log *log)
{
    CAIRN_TRY(cairn_block_log_sync(log));
    if (log->tail.sealed || log->tail.offset == BLOCK_SEGMENT_HEADER_SIZE)
        return CAIRN_OK;
    cairn_block_tail before = log->tail;
    uint8_t header[BLOCK_FRAME_HEADER_SIZE];
    frame_at_tail(log, true, cairn_bytes_of(NULL, 0), header);
    cairn_err err = cairn_file_write_at(log->fd, log->directory, before.offset,
                                        cairn_bytes_of(header, sizeof header));
    if (err != CAIRN_OK)
        return undo(log, &before, err);
    return cairn_block_log_sync(log);
}

cairn_err cairn_block_log_close(cairn_block_log *log)
{
    if (log == NULL)
        return CAIRN_OK;
    cairn_err err = CAIRN_OK;
    if (!log->options.read_only)
        err = cairn_block_log_seal(log);
    /* Cutting off the prepared zeros is tidiness; a scan would pass over them. */
    if (err == CAIRN_OK && !log->options.read_only && log->prepared > log->tail.offset)
        err = cairn_file_truncate(log->fd, log->directory, log->tail.offset);
    cairn_block_log_free(log);
    return err;
}

uint64_t cairn_block_log_count(cairn_block_log *log)
{
    pthread_mutex_lock(&log->mutex);
    uint64_t count = log->count;
    pthread_mutex_unlock(&log->mutex);
    return count;
}

const cairn_block_log_recovery *cairn_block_log_recovered(const cairn_block_log *log)
{
    return &log->recovery;
}
