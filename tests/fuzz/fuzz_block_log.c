/* The scan, the verdict and the readers over an arbitrary segment. The first byte says what is
 * mended before, so that the fuzzer gets past checks that it cannot guess: 1 the segment header's
 * CRC, 2 the CRCs, numbers and chain of the frames; and 4 that a writer opens it too and must then
 * find what it appended. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cairn/sha256.h"
#include "core/store/block_log_frame.h"
#include "core/store/crc32c.h"
#include "core/store/file.h"
#include "fuzz/fuzz.h"

enum { MEND_SEGMENT = 1, MEND_FRAMES = 2, WRITE = 4, FILE_MAX = 1 << 20 };

static char directory[64];
static char path[128];

static void must(int ok)
{
    if (!ok)
        abort();
}

static void clean_up(void)
{
    (void)unlink(path);
    (void)rmdir(directory);
}

/* One folder for the process, in memory where that is possible. */
static void prepare(void)
{
    if (path[0] != '\0')
        return;
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(directory, sizeof directory, "%s/cairn-fuzz-XXXXXX", base);
    must(mkdtemp(directory) != NULL);
    (void)snprintf(path, sizeof path, "%s/0000000000000000.log", directory);
    must(atexit(clean_up) == 0);
}

static void mend_segment(uint8_t *file, size_t size)
{
    if (size >= BLOCK_SEGMENT_HEADER_SIZE)
        cairn_put_u32(file + 60, cairn_crc32c(0, file, 60));
}

/* Whatever lies where frames would be gets right checks; sizes and kinds stay the fuzzer's. */
static void mend_frames(uint8_t *file, size_t size)
{
    cairn_block_segment_header header = {0};
    if (size < BLOCK_SEGMENT_HEADER_SIZE || cairn_block_segment_decode(file, &header) != NULL)
        return;
    uint32_t seed = cairn_block_segment_seed(&header);
    uint64_t number = 0;
    cairn_hash chain;
    cairn_sha256_of(file, BLOCK_SEGMENT_HEADER_SIZE, &chain);
    size_t at = BLOCK_SEGMENT_HEADER_SIZE;
    while (size - at >= BLOCK_FRAME_HEADER_SIZE) {
        uint8_t *bytes = file + at;
        cairn_block_frame frame = {.seal = bytes[3] == 'S',
                                   .size = bytes[3] == 'S' ? 0 : cairn_get_u32(bytes + 4),
                                   .synced = cairn_get_u32(bytes + 48),
                                   .number = number,
                                   .chain = chain};
        if (frame.size > size - at - BLOCK_FRAME_HEADER_SIZE)
            return;
        size_t whole = BLOCK_FRAME_HEADER_SIZE + frame.size;
        frame.payload_crc = cairn_crc32c(seed, bytes + BLOCK_FRAME_HEADER_SIZE, frame.size);
        cairn_block_frame_encode(&frame, seed, bytes);
        frame.zero_sectors = (uint16_t)cairn_block_zero_sectors(at, cairn_bytes_of(bytes, whole));
        cairn_block_frame_encode(&frame, seed, bytes);
        cairn_sha256_of(bytes, whole, &chain);
        number += frame.seal ? 0 : 1;
        at += whole;
    }
}

static void write_file(const uint8_t *file, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0);
    must(cairn_file_write(fd, path, cairn_bytes_of(file, size)) == CAIRN_OK);
    cairn_file_close(fd);
}

/* All that is served, by both ways of reading, is the same. */
static uint64_t walk(cairn_block_log *log)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 4 * FILE_MAX);
    cairn_block_log_cursor *cursor = NULL;
    must(cairn_block_log_cursor_open(log, 0, &cursor) == CAIRN_OK);
    uint64_t count = cairn_block_log_count(log);
    for (uint64_t n = 0; n < count; n++) {
        uint64_t number = 0;
        cairn_bytes walked = {0};
        cairn_bytes read = {0};
        must(cairn_block_log_cursor_next(cursor, &number, &walked) == CAIRN_OK && number == n);
        must(cairn_block_log_read(&arena, log, n, &read) == CAIRN_OK);
        must(cairn_bytes_equal(walked, read));
        cairn_arena_reset(&arena);
    }
    cairn_block_log_cursor_close(cursor);
    cairn_arena_done(&arena);
    return count;
}

/* A log that can be opened can be continued. */
static void append_one(void)
{
    cairn_block_log_options options = {0};
    cairn_block_log *log = NULL;
    cairn_bytes payload = cairn_bytes_str("appended");
    if (cairn_block_log_open(directory, &options, &log) != CAIRN_OK)
        return;
    uint64_t count = cairn_block_log_count(log);
    must(cairn_block_log_append(log, &payload, 1, NULL) == CAIRN_OK);
    must(cairn_block_log_close(log) == CAIRN_OK);
    must(cairn_block_log_open(directory, &options, &log) == CAIRN_OK);
    must(walk(log) == count + 1);
    cairn_block_log_free(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[FILE_MAX];
    if (size < 1 || size > FILE_MAX)
        return 0;
    prepare();
    uint8_t how = data[0];
    memcpy(file, data + 1, size - 1);
    size--;
    if (how & MEND_SEGMENT)
        mend_segment(file, size);
    if (how & MEND_FRAMES)
        mend_frames(file, size);
    write_file(file, size);
    cairn_block_log_options options = {.read_only = true};
    cairn_block_log *log = NULL;
    if (cairn_block_log_open(directory, &options, &log) == CAIRN_OK) {
        (void)walk(log);
        cairn_block_log_free(log);
        if (how & WRITE)
            append_one();
    }
    return 0;
}
