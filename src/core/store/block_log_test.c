/* The block log against a model: reopening, rolling, random reads, and every way in which the bytes
 * on disk may differ from those that were written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/store/block_log.h"
#include "core/store/file.h"
#include "support/tree.h"

enum { FRAME_HEADER = 64, SEGMENT_HEADER = 64, SECTOR = 512, FILE_MAX = 64 << 10 };

static char directory[64];
static cairn_arena arena;

static int set_up(void **state)
{
    (void)state;
    tree_make(directory, sizeof directory, "block-log");
    cairn_arena_init(&arena, 256 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_arena_done(&arena);
    tree_remove(directory);
    return 0;
}

static cairn_block_log *open_with(const cairn_block_log_options *options)
{
    cairn_block_log *log = NULL;
    cairn_err err = cairn_block_log_open(directory, options, &log);
    if (err != CAIRN_OK)
        print_error("%s: %s\n", cairn_err_name(err), cairn_err_detail());
    assert_int_equal(err, CAIRN_OK);
    return log;
}

/* Payload of record `number`: its size and content follow from it; some hold sectors of zeros. */
static cairn_bytes payload_of(uint64_t number)
{
    static uint8_t bytes[4096];
    size_t size = (size_t)(number * 7919 % 1500);
    for (size_t i = 0; i < size; i++)
        bytes[i] = number % 5 == 3 ? 0 : (uint8_t)(number + i * 31 + 1);
    return cairn_bytes_of(bytes, size);
}

static void append(cairn_block_log *log, uint64_t number)
{
    cairn_bytes payload = payload_of(number);
    uint64_t first = 0;
    assert_int_equal(cairn_block_log_append(log, &payload, 1, &first), CAIRN_OK);
    assert_int_equal(first, number);
}

static void append_and_sync(cairn_block_log *log, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to; n++) {
        append(log, n);
        assert_int_equal(cairn_block_log_sync(log), CAIRN_OK);
    }
}

static void assert_record(cairn_block_log *log, uint64_t number)
{
    cairn_bytes payload = {0};
    assert_int_equal(cairn_block_log_read(&arena, log, number, &payload), CAIRN_OK);
    assert_true(cairn_bytes_equal(payload, payload_of(number)));
    cairn_arena_reset(&arena);
}

/* A cursor from `from` gives exactly the records up to `count`. */
static void assert_walk(cairn_block_log *log, uint64_t from, uint64_t count)
{
    cairn_block_log_cursor *cursor = NULL;
    assert_int_equal(cairn_block_log_cursor_open(log, from, &cursor), CAIRN_OK);
    uint64_t number = 0;
    cairn_bytes payload = {0};
    for (uint64_t n = from; n < count; n++) {
        assert_int_equal(cairn_block_log_cursor_next(cursor, &number, &payload), CAIRN_OK);
        assert_int_equal(number, n);
        assert_true(cairn_bytes_equal(payload, payload_of(n)));
    }
    assert_int_equal(cairn_block_log_cursor_next(cursor, &number, &payload), CAIRN_ERR_NOT_FOUND);
    cairn_block_log_cursor_close(cursor);
}

static void segment_path(uint64_t first, char path[CAIRN_PATH_SIZE_MAX])
{
    char name[32];
    (void)snprintf(name, sizeof name, "%016" PRIx64 ".log", first);
    assert_int_equal(cairn_path_join(directory, name, path), CAIRN_OK);
}

static size_t load(uint64_t first, uint8_t bytes[FILE_MAX])
{
    char path[CAIRN_PATH_SIZE_MAX];
    segment_path(first, path);
    int fd = -1;
    size_t size = 0;
    assert_int_equal(cairn_file_open(path, O_RDONLY, 0, &fd), CAIRN_OK);
    assert_int_equal(cairn_file_read_at(fd, path, 0, bytes, FILE_MAX, &size), CAIRN_OK);
    cairn_file_close(fd);
    return size;
}

static void store(uint64_t first, const uint8_t *bytes, size_t size)
{
    char path[CAIRN_PATH_SIZE_MAX];
    segment_path(first, path);
    int fd = -1;
    assert_int_equal(cairn_file_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600, &fd), CAIRN_OK);
    assert_int_equal(cairn_file_write(fd, path, cairn_bytes_of(bytes, size)), CAIRN_OK);
    cairn_file_close(fd);
}

/* Opens what is on disk without changing it and checks that every record it serves is right.
 * Returns the verdict and how many records there are. */
static cairn_err verdict(uint64_t *ret_count)
{
    cairn_block_log_options options = {.read_only = true};
    cairn_block_log *log = NULL;
    cairn_err err = cairn_block_log_open(directory, &options, &log);
    if (err != CAIRN_OK)
        return err;
    *ret_count = cairn_block_log_count(log);
    assert_walk(log, 0, *ret_count);
    cairn_block_log_free(log);
    return CAIRN_OK;
}

static void test_empty_log(void **state)
{
    (void)state;
    cairn_block_log *log = open_with(NULL);
    cairn_bytes payload = {0};
    assert_int_equal(cairn_block_log_count(log), 0);
    assert_int_equal(cairn_block_log_read(&arena, log, 0, &payload), CAIRN_ERR_NOT_FOUND);
    assert_walk(log, 0, 0);
    cairn_block_log *other = NULL;
    assert_int_equal(cairn_block_log_open(directory, NULL, &other), CAIRN_ERR_LOCKED);
    assert_int_equal(cairn_block_log_append(log, NULL, 0, NULL), CAIRN_OK);
    assert_int_equal(cairn_block_log_close(log), CAIRN_OK);
    log = open_with(NULL);
    assert_int_equal(cairn_block_log_count(log), 0);
    assert_int_equal(cairn_block_log_close(log), CAIRN_OK);
}

static void test_bounds(void **state)
{
    (void)state;
    cairn_block_log *log = NULL;
    cairn_block_log_options options = {.segment_size = CAIRN_BLOCK_LOG_SEGMENT_SIZE_MIN - 1};
    assert_int_equal(cairn_block_log_open(directory, &options, &log), CAIRN_ERR_ARGUMENT);
    options.segment_size = CAIRN_BLOCK_LOG_SEGMENT_SIZE_MAX + 1u;
    assert_int_equal(cairn_block_log_open(directory, &options, &log), CAIRN_ERR_ARGUMENT);

    log = open_with(NULL);
    uint8_t *bytes = calloc(1, CAIRN_BLOCK_LOG_PAYLOAD_SIZE_MAX + 1);
    assert_non_null(bytes);
    cairn_bytes payloads[4];
    payloads[0] = cairn_bytes_of(bytes, CAIRN_BLOCK_LOG_PAYLOAD_SIZE_MAX + 1);
    assert_int_equal(cairn_block_log_append(log, payloads, 1, NULL), CAIRN_ERR_TOO_LARGE);
    for (size_t i = 0; i < 4; i++)
        payloads[i] = cairn_bytes_of(bytes, CAIRN_BLOCK_LOG_PAYLOAD_SIZE_MAX);
    assert_int_equal(cairn_block_log_append(log, payloads, 4, NULL), CAIRN_ERR_TOO_LARGE);
    assert_int_equal(cairn_block_log_append(log, payloads, 3, NULL), CAIRN_OK);
    assert_int_equal(cairn_block_log_sync(log), CAIRN_OK);
    cairn_bytes back = {0};
    assert_int_equal(cairn_block_log_read(&arena, log, 2, &back), CAIRN_OK);
    assert_true(cairn_bytes_equal(back, payloads[2]));
    free(bytes);
    assert_int_equal(cairn_block_log_close(log), CAIRN_OK);
    log = open_with(NULL);
    assert_int_equal(cairn_block_log_count(log), 3);
    assert_int_equal(cairn_block_log_close(log), CAIRN_OK);
}

static void test_only_synced_records_are_shown(void **state)
{
    (void)state;
    cairn_block_log *log = open_with(NULL);
    cairn_block_log_cursor *cursor = NULL;
    assert_int_equal(cairn_block_log_cursor_open(log, 0, &cursor), CAIRN_OK);
    uint64_t number = 0;
    cairn_bytes payload = {0};
    for (uint64_t n = 0; n < 300; n++) {
        append(log, n);
        assert_int_equal(cairn_block_log_count(log), n);
        assert_int_equal(cairn_block_log_read(&arena, log, n, &payload), CAIRN_ERR_NOT_FOUND);
        /* The cursor has looked at the bytes before they are acknowledged, and must look again. */
        assert_int_equal(cairn_block_log_cursor_next(cursor, &number, &payload),
                         CAIRN_ERR_NOT_FOUND);
        assert_int_equal(cairn_block_log_sync(log), CAIRN_OK);
        assert_int_equal(cairn_block_log_cursor_next(cursor, &number, &payload), CAIRN_OK);
        assert_int_equal(number, n);
        assert_true(cairn_bytes_equal(payload, payload_of(n)));
    }
    cairn_block_log_cursor_close(cursor);
    assert_int_equal(cairn_block_log_close(log), CAIRN_OK);
}

/* Opens, appends, leaves (closed, sealed, or as if killed) again and again; all of it is there. */
static void test_model_over_many_reopens(void **state)
{
    (void)state;
    cairn_block_log_options options = {.segment_size = 8192, .prepare_size = 2048};
    uint64_t count = 0;
    uint32_t random = 12345;
    for (int round = 0; round < 120; round++) {
        options.prepare_size = round % 3 == 0 ? 0 : 2048;
        options.acknowledged_count = count;
        cairn_block_log *log = open_with(&options);
        assert_int_equal(cairn_block_log_count(log), count);
        assert_int_equal(cairn_block_log_recovered(log)->cut_bytes, 0);
        for (int group = 0; group < 6; group++) {
            random = random * 1664525 + 1013904223;
            for (uint32_t i = 0; i < (random >> 24) % 9; i++)
                append(log, count++);
            assert_int_equal(cairn_block_log_sync(log), CAIRN_OK);
            if ((random >> 16) % 5 == 0)
                assert_int_equal(cairn_block_log_seal(log), CAIRN_OK);
        }
        assert_int_equal(cairn_block_log_count(log), count);
        if (round % 10 == 0)
            assert_walk(log, count / 3, count);
        for (int i = 0; i < 5 && count > 0; i++)
            assert_record(log, (random + (uint32_t)i * 7919) % count);
        if (round % 2 == 0)
            assert_int_equal(cairn_block_log_close(log), CAIRN_OK);
        else
            cairn_block_log_free(log);
    }
    cairn_block_log *log = open_with(&options);
    for (uint64_t n = 0; n < count; n++)
        assert_record(log, n);
    for (uint64_t from = 0; from <= count; from += 97)
        assert_walk(log, from, count);
    assert_walk(log, count, count);
    cairn_block_log_cursor *cursor = NULL;
    assert_int_equal(cairn_block_log_cursor_open(log, count + 1, &cursor), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_block_log_close(log), CAIRN_OK);
}

static void test_group_of_many_records(void **state)
{
    (void)state;
    enum { COUNT = 1000 }; /* several batches */
    cairn_block_log *log = open_with(NULL);
    static uint8_t bytes[COUNT][8];
    static cairn_bytes payloads[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        cairn_put_u64(bytes[i], i * i);
        payloads[i] = cairn_bytes_of(bytes[i], i % 9);
    }
    assert_int_equal(cairn_block_log_append(log, payloads, COUNT, NULL), CAIRN_OK);
    assert_int_equal(cairn_block_log_sync(log), CAIRN_OK);
    for (size_t i = 0; i < COUNT; i++) {
        cairn_bytes payload = {0};
        assert_int_equal(cairn_block_log_read(&arena, log, i, &payload), CAIRN_OK);
        assert_true(cairn_bytes_equal(payload, payloads[i]));
    }
    assert_int_equal(cairn_block_log_close(log), CAIRN_OK);
}

/* A sealed log of a few records in one segment, on disk; returns its bytes. */
static size_t make_small_log(uint64_t count, bool sealed, uint8_t bytes[FILE_MAX])
{
    cairn_block_log_options options = {0};
    cairn_block_log *log = open_with(&options);
    append_and_sync(log, 0, count);
    if (sealed)
        assert_int_equal(cairn_block_log_close(log), CAIRN_OK);
    else
        cairn_block_log_free(log);
    return load(0, bytes);
}

static void test_every_flipped_byte_of_a_sealed_log_is_refused(void **state)
{
    (void)state;
    static uint8_t bytes[FILE_MAX];
    size_t size = make_small_log(6, true, bytes);
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit += 7) {
            bytes[i] ^= (uint8_t)(1 << bit);
            store(0, bytes, size);
            uint64_t count = 0;
            assert_int_equal(verdict(&count), CAIRN_ERR_CORRUPT);
            bytes[i] ^= (uint8_t)(1 << bit);
        }
    }
    store(0, bytes, size);
    uint64_t count = 0;
    assert_int_equal(verdict(&count), CAIRN_OK);
    assert_int_equal(count, 6);
}

static void test_corruption_names_file_offset_and_record(void **state)
{
    (void)state;
    static uint8_t bytes[FILE_MAX];
    size_t size = make_small_log(3, true, bytes);
    size_t second = SEGMENT_HEADER + FRAME_HEADER + payload_of(0).size;
    bytes[second + FRAME_HEADER + 5] ^= 1;
    store(0, bytes, size);
    uint64_t count = 0;
    assert_int_equal(verdict(&count), CAIRN_ERR_CORRUPT);
    char want[64];
    (void)snprintf(want, sizeof want, "0000000000000000.log, offset %zu, record 1:", second);
    assert_non_null(strstr(cairn_err_detail(), want));
}

/* Cut at every length: a prefix is served (a cut cannot be told from a torn tail), nothing else;
 * and with the count known from elsewhere it is refused. */
static void test_every_truncation_serves_a_prefix_or_nothing(void **state)
{
    (void)state;
    static uint8_t bytes[FILE_MAX];
    size_t size = make_small_log(6, true, bytes);
    for (size_t cut = 0; cut < size; cut++) {
        store(0, bytes, cut);
        uint64_t count = 0;
        cairn_err err = verdict(&count);
        assert_int_equal(err, cut < SEGMENT_HEADER ? CAIRN_ERR_CORRUPT : CAIRN_OK);
        uint64_t whole = 0;
        for (size_t end = SEGMENT_HEADER; whole < 6; whole++) {
            end += FRAME_HEADER + payload_of(whole).size;
            if (end > cut)
                break;
        }
        assert_int_equal(count, err == CAIRN_OK ? whole : 0);
        if (whole < 6) {
            cairn_block_log_options options = {.read_only = true, .acknowledged_count = 6};
            cairn_block_log *log = NULL;
            assert_int_equal(cairn_block_log_open(directory, &options, &log), CAIRN_ERR_CORRUPT);
        }
    }
}

/* The last group, of three records, loses any one or two of its sectors or everything behind one:
 * what was acknowledged before is served, the group is cut, and the log goes on. */
static void test_torn_tail_matrix(void **state)
{
    (void)state;
    static uint8_t whole[FILE_MAX];
    static uint8_t bytes[FILE_MAX];
    cairn_block_log_options options = {.prepare_size = 16384};
    cairn_block_log *log = open_with(&options);
    append_and_sync(log, 0, 4);
    size_t start = SEGMENT_HEADER;
    for (uint64_t n = 0; n < 4; n++)
        start += FRAME_HEADER + payload_of(n).size;
    size_t end = start;
    for (uint64_t n = 4; n < 9; n++) { /* 8 holds zeros by nature */
        append(log, n);
        end += FRAME_HEADER + payload_of(n).size;
    }
    cairn_block_log_free(log);
    size_t size = load(0, whole);
    size_t first_sector = start / SECTOR;
    size_t sectors = (end - 1) / SECTOR + 1;
    assert_true(sectors - first_sector > 6);
    for (size_t a = first_sector; a < sectors; a++) {
        for (size_t b = a; b <= sectors; b++) { /* b == sectors: everything from a on */
            memcpy(bytes, whole, size);
            for (size_t i = start; i < end; i++)
                if (i / SECTOR == a || i / SECTOR == b || (b == sectors && i / SECTOR >= a))
                    bytes[i] = 0;
            if (memcmp(bytes, whole, size) == 0)
                continue; /* the sector held zeros anyhow */
            store(0, bytes, size);
            log = open_with(&options);
            uint64_t count = cairn_block_log_count(log);
            assert_in_range(count, 4, 8);
            bool all = a == first_sector && b == sectors;
            assert_int_equal(cairn_block_log_recovered(log)->cut_bytes != 0, !all);
            assert_walk(log, 0, count);
            append_and_sync(log, count, count + 2);
            assert_walk(log, 0, count + 2);
            cairn_block_log_free(log);
            uint64_t again = 0;
            assert_int_equal(verdict(&again), CAIRN_OK);
            assert_int_equal(again, count + 2);
        }
    }
}

/* The same losses in a group that a later one, or a seal, vouches for. */
static void test_lost_sectors_of_acknowledged_records_are_rot(void **state)
{
    (void)state;
    static uint8_t whole[FILE_MAX];
    static uint8_t bytes[FILE_MAX];
    for (int sealed = 0; sealed < 2; sealed++) {
        cairn_block_log *log = open_with(NULL);
        uint64_t had = cairn_block_log_count(log);
        append_and_sync(log, had, 8);
        if (sealed)
            assert_int_equal(cairn_block_log_seal(log), CAIRN_OK);
        else
            append(log, 8);
        cairn_block_log_free(log);
        size_t end = SEGMENT_HEADER;
        for (uint64_t n = 0; n < 8; n++)
            end += FRAME_HEADER + payload_of(n).size;
        size_t size = load(0, whole);
        for (size_t sector = 0; sector <= (end - 1) / SECTOR; sector++) {
            memcpy(bytes, whole, size);
            for (size_t i = sector * SECTOR; i < (sector + 1) * SECTOR && i < end; i++)
                bytes[i] = 0;
            if (memcmp(bytes, whole, size) == 0)
                continue;
            store(0, bytes, size);
            uint64_t count = 0;
            assert_int_equal(verdict(&count), CAIRN_ERR_CORRUPT);
            cairn_block_log_options options = {0}; /* the writer refuses as well, and leaves it */
            assert_int_equal(cairn_block_log_open(directory, &options, &log), CAIRN_ERR_CORRUPT);
            assert_int_equal(load(0, bytes), size);
        }
        char path[CAIRN_PATH_SIZE_MAX];
        segment_path(0, path);
        assert_int_equal(cairn_file_remove(path), CAIRN_OK);
    }
}

/* A complete last record with a flipped byte and no hole is refused although nothing follows. */
static void test_flip_in_the_unsealed_last_record_is_rot(void **state)
{
    (void)state;
    static uint8_t bytes[FILE_MAX];
    size_t size = make_small_log(5, false, bytes);
    size_t start = size - FRAME_HEADER - payload_of(4).size;
    for (size_t i = start; i < size; i++) {
        bytes[i] ^= 0x10;
        store(0, bytes, size);
        uint64_t count = 0;
        assert_int_equal(verdict(&count), CAIRN_ERR_CORRUPT);
        bytes[i] ^= 0x10;
    }
    /* The engine's checkpoint knew four records: a lost sector of the fourth is rot. */
    size_t fourth = start - FRAME_HEADER - payload_of(3).size;
    store(0, bytes, fourth + 32);
    cairn_block_log_options options = {.acknowledged_count = 4};
    cairn_block_log *log = NULL;
    assert_int_equal(cairn_block_log_open(directory, &options, &log), CAIRN_ERR_CORRUPT);
    options.acknowledged_count = 3;
    assert_int_equal(cairn_block_log_open(directory, &options, &log), CAIRN_OK);
    cairn_block_log_free(log);
}

/* A header inside a payload, copied from the log itself, is not evidence of later writing. */
static void test_log_bytes_inside_payloads_do_not_confuse(void **state)
{
    (void)state;
    static uint8_t bytes[FILE_MAX];
    size_t size = make_small_log(6, true, bytes);
    cairn_block_log_options options = {0};
    cairn_block_log *log = open_with(&options);
    cairn_bytes payload = cairn_bytes_of(bytes, size);
    assert_int_equal(cairn_block_log_append(log, &payload, 1, NULL), CAIRN_OK);
    cairn_block_log_free(log);
    static uint8_t torn[FILE_MAX];
    size_t torn_size = load(0, torn);
    memset(torn + torn_size - 100, 0, 100);
    store(0, torn, torn_size - 50);
    uint64_t count = 0;
    assert_int_equal(verdict(&count), CAIRN_OK);
    assert_int_equal(count, 6);
}

static void test_segments_missing_swapped_cut_or_strange(void **state)
{
    (void)state;
    cairn_block_log_options options = {.segment_size = 4096};
    cairn_block_log *log = open_with(&options);
    append_and_sync(log, 0, 40);
    assert_int_equal(cairn_block_log_close(log), CAIRN_OK);
    uint64_t firsts[16];
    size_t segments = 0;
    for (uint64_t n = 0; n < 40; n++) {
        char path[CAIRN_PATH_SIZE_MAX];
        segment_path(n, path);
        if (access(path, F_OK) == 0)
            firsts[segments++] = n;
    }
    assert_true(segments >= 4);
    static uint8_t a[FILE_MAX];
    static uint8_t b[FILE_MAX];
    uint64_t count = 0;

    size_t size = load(firsts[1], a);
    char path[CAIRN_PATH_SIZE_MAX];
    segment_path(firsts[1], path);
    assert_int_equal(cairn_file_remove(path), CAIRN_OK); /* missing */
    assert_int_equal(verdict(&count), CAIRN_ERR_CORRUPT);
    size_t other = load(firsts[2], b);
    store(firsts[1], b, other); /* another's content */
    assert_int_equal(verdict(&count), CAIRN_ERR_CORRUPT);
    store(firsts[1], a, size - FRAME_HEADER - payload_of(firsts[2] - 1).size); /* one record less */
    assert_int_equal(verdict(&count), CAIRN_ERR_CORRUPT);
    store(firsts[1], a, size - 10); /* a record cut: not the last segment, so never torn */
    assert_int_equal(verdict(&count), CAIRN_ERR_CORRUPT);
    memset(a + size, 0, 1000);
    store(firsts[1], a, size + 1000); /* prepared zeros are fine */
    assert_int_equal(verdict(&count), CAIRN_OK);
    assert_int_equal(count, 40);
    a[size + 999] = 1;
    store(firsts[1], a, size + 1000);
    assert_int_equal(verdict(&count), CAIRN_ERR_CORRUPT);
    store(firsts[1], a, size);

    segment_path(firsts[1], path);
    assert_int_equal(cairn_file_replace(path, 0600, cairn_bytes_of(a, size), NULL), CAIRN_OK);
    assert_int_equal(cairn_path_join(directory, "stray", path), CAIRN_OK);
    assert_int_equal(cairn_file_replace(path, 0600, cairn_bytes_str(""), NULL), CAIRN_OK);
    assert_int_equal(verdict(&count), CAIRN_ERR_CORRUPT);
    assert_int_equal(cairn_file_remove(path), CAIRN_OK);

    assert_int_equal(cairn_path_join(directory, "new.tmp", path), CAIRN_OK); /* a crash while
                                                                                rolling */
    assert_int_equal(cairn_file_replace(path, 0600, cairn_bytes_str("x"), NULL), CAIRN_OK);
    log = open_with(&options);
    assert_int_equal(cairn_block_log_count(log), 40);
    assert_int_not_equal(access(path, F_OK), 0);
    cairn_block_log_free(log);
}

/* What changes on disk while the log is open is found by the read that meets it. */
static void test_reads_verify(void **state)
{
    (void)state;
    static uint8_t bytes[FILE_MAX];
    size_t size = make_small_log(6, true, bytes);
    size_t at = SEGMENT_HEADER;
    cairn_block_log *log = open_with(NULL);
    for (uint64_t n = 0; n < 6; n++) {
        size_t end = at + FRAME_HEADER + payload_of(n).size;
        for (size_t i = at; i < end; i += 13) {
            bytes[i] ^= 0x40;
            store(0, bytes, size);
            cairn_bytes payload = {0};
            assert_int_equal(cairn_block_log_read(&arena, log, n, &payload), CAIRN_ERR_CORRUPT);
            bytes[i] ^= 0x40;
        }
        at = end;
    }
    store(0, bytes, size);
    assert_walk(log, 0, 6);
    cairn_block_log_free(log);
}

static void test_full_disk_leaves_the_log_usable(void **state)
{
    (void)state;
    cairn_block_log_options options = {.prepare_size = 4096};
    cairn_block_log *log = open_with(&options);
    append_and_sync(log, 0, 5);
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit tiny = {.rlim_cur = 16384, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    cairn_err err = CAIRN_OK;
    uint64_t number = 5;
    while (err == CAIRN_OK && number < 200) {
        cairn_bytes payload = payload_of(number);
        err = cairn_block_log_append(log, &payload, 1, NULL);
        if (err == CAIRN_OK && cairn_block_log_sync(log) == CAIRN_OK)
            number++;
    }
    assert_int_equal(err, CAIRN_ERR_NO_SPACE);
    assert_int_equal(cairn_block_log_count(log), number);
    assert_walk(log, 0, number);
    /* A group that fits half: none of it stays. */
    cairn_bytes group[3] = {payload_of(number), payload_of(number), payload_of(number)};
    static uint8_t large[20000];
    group[2] = cairn_bytes_of(large, sizeof large);
    assert_int_equal(cairn_block_log_append(log, group, 3, NULL), CAIRN_ERR_NO_SPACE);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    append_and_sync(log, number, number + 3);
    assert_walk(log, 0, number + 3);
    cairn_block_log_free(log);
    uint64_t count = 0;
    assert_int_equal(verdict(&count), CAIRN_OK);
    assert_int_equal(count, number + 3);
}

static void test_full_disk_while_rolling(void **state)
{
    (void)state;
    cairn_block_log_options options = {.segment_size = 4096};
    cairn_block_log *log = open_with(&options);
    uint64_t number = 0;
    for (size_t size = SEGMENT_HEADER; size < 4096; number++) {
        append(log, number);
        size += FRAME_HEADER + payload_of(number).size;
    }
    assert_int_equal(cairn_block_log_sync(log), CAIRN_OK);
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit tiny = {.rlim_cur = 10, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    cairn_bytes payload = payload_of(number);
    cairn_err err = cairn_block_log_append(log, &payload, 1, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(err, CAIRN_ERR_NO_SPACE);
    append_and_sync(log, number, number + 5);
    assert_walk(log, 0, number + 5);
    assert_int_equal(cairn_block_log_close(log), CAIRN_OK);
    uint64_t count = 0;
    assert_int_equal(verdict(&count), CAIRN_OK);
    assert_int_equal(count, number + 5);
}

static void test_read_only(void **state)
{
    (void)state;
    cairn_block_log_options options = {.read_only = true};
    cairn_block_log *log = NULL;
    assert_int_equal(cairn_block_log_open(directory, &options, &log), CAIRN_ERR_NOT_FOUND);
    static uint8_t bytes[FILE_MAX];
    (void)make_small_log(3, false, bytes);
    log = open_with(&options);
    cairn_block_log *second = open_with(&options);
    cairn_bytes payload = payload_of(3);
    assert_int_equal(cairn_block_log_append(log, &payload, 1, NULL), CAIRN_ERR_READ_ONLY);
    assert_int_equal(cairn_block_log_seal(log), CAIRN_ERR_READ_ONLY);
    assert_walk(second, 0, 3);
    assert_int_equal(cairn_block_log_close(log), CAIRN_OK);
    assert_int_equal(cairn_block_log_close(second), CAIRN_OK);
}

static void *reader(void *context)
{
    cairn_block_log *log = context;
    cairn_arena own;
    cairn_arena_init(&own, 1 << 20);
    uint64_t bad = 0;
    uint32_t random = 1;
    while (cairn_block_log_count(log) < 3000) {
        uint64_t count = cairn_block_log_count(log);
        random = random * 1664525 + 1013904223;
        cairn_bytes payload = {0};
        uint64_t number = count == 0 ? 0 : random % count;
        uint8_t want[8];
        cairn_put_u64(want, number);
        if (count > 0 && (cairn_block_log_read(&own, log, number, &payload) != CAIRN_OK ||
                          payload.size < 8 || memcmp(payload.data, want, 8) != 0))
            bad++;
        cairn_arena_reset(&own);
    }
    cairn_arena_done(&own);
    return (void *)(uintptr_t)bad;
}

static void test_readers_beside_the_writer(void **state)
{
    (void)state;
    cairn_block_log_options options = {.segment_size = 65536, .prepare_size = 8192};
    cairn_block_log *log = open_with(&options);
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, log), 0);
    for (uint64_t n = 0; n < 3000; n++) {
        uint8_t bytes[300] = {0};
        cairn_put_u64(bytes, n);
        cairn_bytes payload = cairn_bytes_of(bytes, 8 + n % 290);
        assert_int_equal(cairn_block_log_append(log, &payload, 1, NULL), CAIRN_OK);
        if (n % 10 == 9)
            assert_int_equal(cairn_block_log_sync(log), CAIRN_OK);
    }
    for (size_t i = 0; i < 2; i++) {
        void *bad = NULL;
        assert_int_equal(pthread_join(threads[i], &bad), 0);
        assert_null(bad);
    }
    assert_int_equal(cairn_block_log_close(log), CAIRN_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_empty_log),
        TEST(test_bounds),
        TEST(test_only_synced_records_are_shown),
        TEST(test_model_over_many_reopens),
        TEST(test_group_of_many_records),
        TEST(test_every_flipped_byte_of_a_sealed_log_is_refused),
        TEST(test_corruption_names_file_offset_and_record),
        TEST(test_every_truncation_serves_a_prefix_or_nothing),
        TEST(test_torn_tail_matrix),
        TEST(test_lost_sectors_of_acknowledged_records_are_rot),
        TEST(test_flip_in_the_unsealed_last_record_is_rot),
        TEST(test_log_bytes_inside_payloads_do_not_confuse),
        TEST(test_segments_missing_swapped_cut_or_strange),
        TEST(test_reads_verify),
        TEST(test_full_disk_leaves_the_log_usable),
        TEST(test_full_disk_while_rolling),
        TEST(test_read_only),
        TEST(test_readers_beside_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
