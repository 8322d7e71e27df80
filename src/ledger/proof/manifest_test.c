/* Manifests beside plain OpenSSL, and every byte of a file turned over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cairn/cbor.h"
#include "cairn/manifest.h"
#include "support/hex.h"
#include "support/shared.h"

enum { ARENA_SIZE = 4 << 20, KIB = 1024, MIB = 1024 * KIB };

static const uint8_t salt[CAIRN_MANIFEST_SALT_SIZE] = {1, 2, 3, 250};

/* What the page says, by OpenSSL and by hand. */

static void openssl_sha256(const void *a, size_t a_size, const void *b, size_t b_size,
                           uint8_t out[32])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_non_null(ctx);
    assert_int_equal(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL), 1);
    assert_int_equal(EVP_DigestUpdate(ctx, a, a_size), 1);
    assert_int_equal(EVP_DigestUpdate(ctx, b, b_size), 1);
    assert_int_equal(EVP_DigestFinal_ex(ctx, out, NULL), 1);
    EVP_MD_CTX_free(ctx);
}

static void segment_hash(uint64_t index, const uint8_t *data, uint64_t length, uint8_t out[32])
{
    uint8_t prefix[64] = "cairn/segment/1";
    memcpy(prefix + 16, salt, sizeof salt);
    for (size_t i = 0; i < 8; i++) {
        prefix[48 + i] = (uint8_t)(index >> (56 - 8 * i));
        prefix[56 + i] = (uint8_t)(length >> (56 - 8 * i));
    }
    openssl_sha256(prefix, sizeof prefix, data, length, out);
}

static int temporary_file(void)
{
    char name[] = "/tmp/cairn-manifest-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(unlink(name), 0);
    return fd;
}

static uint8_t *random_bytes(size_t size)
{
    uint32_t x = 2463534242;
    uint8_t *data = malloc(size + 1);
    assert_non_null(data);
    for (size_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        data[i] = (uint8_t)x;
    }
    return data;
}

static int file_of(const uint8_t *data, size_t size)
{
    int fd = temporary_file();
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(fd, data + done, size - done, (off_t)done);
        assert_true(n > 0);
        done += (size_t)n;
    }
    return fd;
}

typedef struct built {
    cairn_arena arena;
    cairn_bytes bytes;
    cairn_manifest manifest;
} built;

static built build(int fd, unsigned thread_count)
{
    built b;
    cairn_manifest_work work = {.thread_count = thread_count};
    cairn_arena_init(&b.arena, ARENA_SIZE);
    assert_int_equal(cairn_manifest_build(&b.arena, fd, salt, &work, &b.bytes), CAIRN_OK);
    assert_true(b.bytes.size <= CAIRN_MANIFEST_SIZE_MAX);
    assert_int_equal(cairn_manifest_decode(b.bytes, &b.manifest), CAIRN_OK);
    return b;
}

/* Layout */

static void test_segment_size_follows_from_the_size(void **state)
{
    static const struct {
        uint64_t size, segment_size, count;
    } cases[] = {
        {0, 4096, 0},
        {1, 4096, 1},
        {4096, 4096, 1},
        {4097, 4096, 2},
        {64 * (uint64_t)MIB, 4096, 16384},
        {64 * (uint64_t)MIB + 1, 8192, 8193},
        {1024 * (uint64_t)MIB, 65536, 16384},
        {1024 * (uint64_t)MIB + 1, 131072, 8193},
        {(UINT64_C(1) << 53) + 1, UINT64_C(1) << 40, 8193},
        {UINT64_C(1) << 54, UINT64_C(1) << 40, 16384},
    };
    cairn_manifest m = {.hashes = NULL};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(cairn_manifest_lay_out(&m, cases[i].size), CAIRN_OK);
        assert_int_equal(m.segment_size, cases[i].segment_size);
        assert_int_equal(m.segment_count, cases[i].count);
    }
    assert_int_equal(cairn_manifest_lay_out(&m, (UINT64_C(1) << 54) + 1), CAIRN_ERR_TOO_LARGE);
    assert_int_equal(cairn_manifest_lay_out(&m, UINT64_MAX), CAIRN_ERR_TOO_LARGE);
}

/* Building */

static void compare_with_openssl(const built *b, const uint8_t *data, size_t size)
{
    uint8_t want[32];
    cairn_hash commitment;
    assert_int_equal(b->manifest.size, size);
    assert_memory_equal(b->manifest.salt, salt, sizeof salt);
    uint64_t step = b->manifest.segment_size;
    for (size_t i = 0; i < b->manifest.segment_count; i++) {
        uint64_t length = size - i * step < step ? size - i * step : step;
        segment_hash(i, data + i * step, length, want);
        assert_memory_equal(b->manifest.hashes[i].b, want, 32);
    }
    openssl_sha256(b->bytes.data, b->bytes.size, "", 0, want);
    cairn_manifest_commitment(b->bytes, &commitment);
    assert_memory_equal(commitment.b, want, 32);
}

static void test_hashes_are_openssls(void **state)
{
    static const size_t sizes[] = {
        0,           1,     63,           64,        4095,          4096,
        4097,        16384, 3 * 4096 + 5, 512 * KIB, 512 * KIB + 1, 5 * MIB - 7,
        64 * MIB + 1};
    uint8_t *data = random_bytes(64 * MIB + 1);
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int fd = file_of(data, sizes[i]);
        for (unsigned threads = 0; threads <= 3; threads++) {
            built b = build(fd, threads);
            compare_with_openssl(&b, data, sizes[i]);
            cairn_arena_done(&b.arena);
        }
        (void)close(fd);
    }
    free(data);
}

/* Above 1 GiB a segment is larger than 64 KiB. The file is one hole, but for its last byte. */
static void test_large_segments(void **state)
{
    off_t size = (off_t)1024 * MIB + 5;
    uint8_t want[32], *data = calloc(1, 128 * KIB);
    int fd = temporary_file();
    (void)state;
    assert_non_null(data);
    assert_int_equal(ftruncate(fd, size - 1), 0);
    assert_int_equal(pwrite(fd, "x", 1, size - 1), 1);
    built b = build(fd, 2);
    assert_int_equal(b.manifest.segment_size, 128 * KIB);
    assert_int_equal(b.manifest.segment_count, 8193);
    for (size_t i = 0; i < 8192; i += 1023) {
        segment_hash(i, data, 128 * KIB, want);
        assert_memory_equal(b.manifest.hashes[i].b, want, 32);
    }
    segment_hash(8192, (const uint8_t *)"\0\0\0\0x", 5, want);
    assert_memory_equal(b.manifest.hashes[8192].b, want, 32);
    cairn_manifest_difference d;
    assert_int_equal(pwrite(fd, "x", 1, 128 * KIB * 77 + 5), 1);
    assert_int_equal(cairn_manifest_check_file(&b.manifest, fd, NULL, &d), CAIRN_ERR_MISMATCH);
    assert_int_equal(d.segment, 77);
    assert_int_equal(d.differing_count, 1);
    cairn_arena_done(&b.arena);
    (void)close(fd);
    free(data);
}

/* Above 16 GiB a segment is streamed. Its file may be cut short: what is there is compared. */
static void test_streamed_segments(void **state)
{
    enum { SEGMENT = 2 * MIB, THERE = 3 };
    static cairn_hash hashes[CAIRN_MANIFEST_SEGMENT_COUNT_MAX];
    uint8_t *data = random_bytes(THERE * SEGMENT + 9);
    int fd = file_of(data, THERE * SEGMENT + 9);
    cairn_manifest m = {.hashes = hashes};
    cairn_manifest_difference d;
    (void)state;
    memcpy(m.salt, salt, sizeof salt);
    assert_int_equal(cairn_manifest_lay_out(&m, (uint64_t)20 * 1024 * MIB), CAIRN_OK);
    assert_int_equal(m.segment_size, SEGMENT);
    for (size_t i = 0; i < THERE; i++)
        segment_hash(i, data + i * SEGMENT, SEGMENT, hashes[i].b);
    for (unsigned threads = 1; threads <= 2; threads++) {
        cairn_manifest_work work = {.thread_count = threads};
        assert_int_equal(cairn_manifest_check_file(&m, fd, &work, &d), CAIRN_ERR_MISMATCH);
        assert_int_equal(d.kind, CAIRN_FILE_TRUNCATED);
        assert_int_equal(d.segment, THERE);
        assert_int_equal(d.from_byte, THERE * SEGMENT); /* its 9 bytes may be others */
    }
    uint8_t flipped = data[2 * SEGMENT - 1] ^ 1;
    assert_int_equal(pwrite(fd, &flipped, 1, 2 * SEGMENT - 1), 1);
    assert_int_equal(cairn_manifest_check_file(&m, fd, NULL, &d), CAIRN_ERR_MISMATCH);
    assert_int_equal(d.kind, CAIRN_FILE_DIFFERS);
    assert_int_equal(d.segment, 1);
    assert_int_equal(d.differing_count, 1);
    (void)close(fd);
    free(data);
}

static void test_bytes_of_the_page(void **state)
{
    (void)state;
    TEST_HEX(want, "8570636169726e2f6d616e69666573742f315820010203fa"
                   "00000000000000000000000000000000000000000000000000000000"
                   "0019100040");
    int fd = file_of(NULL, 0);
    built b = build(fd, 1);
    assert_int_equal(b.bytes.size, want.size);
    assert_memory_equal(b.bytes.data, want.data, want.size);
    cairn_arena_done(&b.arena);
    (void)close(fd);
}

/* Decoding */

static void test_decode_refuses(void **state)
{
    static const struct {
        const char *hex;
        cairn_err want;
    } cases[] = {
#define MAGIC "70636169726e2f6d616e69666573742f31"
#define SALT "5820010203fa00000000000000000000000000000000000000000000000000000000"
#define HASH "0000000000000000000000000000000000000000000000000000000000000000"
        {"85" MAGIC SALT "00"
         "191000"
         "40",
         CAIRN_OK},
        {"85" MAGIC SALT "01"
         "191000"
         "5820" HASH,
         CAIRN_OK},
        {"85" MAGIC SALT "191001"
         "191000"
         "5840" HASH HASH,
         CAIRN_OK},
        {"85" MAGIC SALT "00"
         "191000"
         "40"
         "00",
         CAIRN_ERR_TRAILING},
        {"85" MAGIC SALT "00"
         "191000",
         CAIRN_ERR_TRUNCATED},
        {"", CAIRN_ERR_TRUNCATED},
        {"84" MAGIC SALT "00"
         "191000",
         CAIRN_ERR_BAD_VALUE},
        {"86" MAGIC SALT "00"
         "191000"
         "40"
         "00",
         CAIRN_ERR_BAD_VALUE},
        {"a0", CAIRN_ERR_WRONG_TYPE},
        {"85"
         "70636169726e2f6d616e69666573742f32" SALT "00"
         "191000"
         "40",
         CAIRN_ERR_BAD_VERSION},
        {"85" MAGIC "40"
         "00"
         "191000"
         "40",
         CAIRN_ERR_BAD_VALUE},
        {"85" MAGIC SALT "1800"
         "191000"
         "40",
         CAIRN_ERR_NOT_CANONICAL},
        {"85" MAGIC SALT "20"
         "191000"
         "40",
         CAIRN_ERR_WRONG_TYPE},
        {"85" MAGIC SALT "00"
         "190800"
         "40",
         CAIRN_ERR_BAD_VALUE}, /* another segment size */
        {"85" MAGIC SALT "00"
         "192000"
         "40",
         CAIRN_ERR_BAD_VALUE},
        {"85" MAGIC SALT "00"
         "00"
         "40",
         CAIRN_ERR_BAD_VALUE},
        {"85" MAGIC SALT "00"
         "191000"
         "5820" HASH,
         CAIRN_ERR_BAD_VALUE}, /* a hash too many */
        {"85" MAGIC SALT "01"
         "191000"
         "40",
         CAIRN_ERR_BAD_VALUE}, /* too few */
        {"85" MAGIC SALT "191001"
         "191000"
         "5820" HASH,
         CAIRN_ERR_BAD_VALUE},
        {"85" MAGIC SALT "01"
         "191000"
         "581f"
         "00000000000000000000000000000000000000000000000000"
         "000000000000",
         CAIRN_ERR_BAD_VALUE},
        {"85" MAGIC SALT "1b0040000000000001"
         "1b0000010000000000"
         "40",
         CAIRN_ERR_TOO_LARGE},
        {"85" MAGIC SALT "1bffffffffffffffff"
         "1b0000010000000000"
         "40",
         CAIRN_ERR_TOO_LARGE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TEST_HEX(in, cases[i].hex);
        cairn_manifest m;
        if (cairn_manifest_decode(test_view(&in), &m) != cases[i].want)
            fail_msg("case %zu: %s", i, cairn_err_detail());
    }
    static const uint8_t zeros[CAIRN_MANIFEST_SIZE_MAX + 1];
    cairn_manifest m;
    assert_int_equal(cairn_manifest_decode(cairn_bytes_of(zeros, sizeof zeros), &m),
                     CAIRN_ERR_TOO_LARGE);
}

/* Comparing */

enum { SMALL = 3 * 4096 + 1000 }; /* four segments */

static void test_every_flipped_byte_is_located(void **state)
{
    uint8_t *data = random_bytes(SMALL);
    int fd = file_of(data, SMALL);
    built b = build(fd, 1);
    cairn_manifest_difference d;
    (void)state;
    assert_int_equal(cairn_manifest_check_file(&b.manifest, fd, NULL, &d), CAIRN_OK);
    assert_int_equal(d.kind, CAIRN_FILE_SAME);
    assert_int_equal(d.file_size, SMALL);
    for (size_t i = 0; i < SMALL; i++) {
        uint8_t flipped = data[i] ^ (uint8_t)(1u << i % 8);
        assert_int_equal(pwrite(fd, &flipped, 1, (off_t)i), 1);
        assert_int_equal(cairn_manifest_check_file(&b.manifest, fd, NULL, &d), CAIRN_ERR_MISMATCH);
        assert_int_equal(d.kind, CAIRN_FILE_DIFFERS);
        assert_int_equal(d.segment, i / 4096);
        assert_int_equal(d.from_byte, i / 4096 * 4096);
        assert_int_equal(d.to_byte, i / 4096 == 3 ? SMALL : i / 4096 * 4096 + 4096);
        assert_int_equal(d.differing_count, 1);
        assert_int_equal(pwrite(fd, &data[i], 1, (off_t)i), 1);
    }
    cairn_arena_done(&b.arena);
    (void)close(fd);
    free(data);
}

static void test_first_of_several_with_threads(void **state)
{
    enum { SIZE = 9 * MIB + 100, SEGMENTS = SIZE / 4096 + 1 };
    uint8_t *data = random_bytes(SIZE);
    int fd = file_of(data, SIZE);
    built b = build(fd, 2);
    (void)state;
    assert_int_equal(b.manifest.segment_count, SEGMENTS);
    for (size_t first = SEGMENTS; first-- > 0; first -= first > 97 ? 97 : first) {
        uint8_t flipped = (uint8_t)~data[first * 4096];
        assert_int_equal(pwrite(fd, &flipped, 1, (off_t)(first * 4096)), 1);
        for (unsigned threads = 1; threads <= 4; threads += 3) {
            cairn_manifest_work work = {.thread_count = threads};
            cairn_manifest_difference d;
            assert_int_equal(cairn_manifest_check_file(&b.manifest, fd, &work, &d),
                             CAIRN_ERR_MISMATCH);
            assert_int_equal(d.segment, first);
            assert_int_equal(d.differing_count, (SEGMENTS - 1 - first) / 98 + 1);
        }
        if (first == 0)
            break;
    }
    cairn_arena_done(&b.arena);
    (void)close(fd);
    free(data);
}

static void check_resized(const built *b, int fd, off_t size, cairn_manifest_difference want)
{
    cairn_manifest_difference d;
    assert_int_equal(ftruncate(fd, size), 0);
    assert_int_equal(cairn_manifest_check_file(&b->manifest, fd, NULL, &d), CAIRN_ERR_MISMATCH);
    assert_int_equal(d.kind, want.kind);
    assert_int_equal(d.file_size, size);
    assert_int_equal(d.segment, want.segment);
    assert_int_equal(d.from_byte, want.from_byte);
    assert_int_equal(d.to_byte, want.to_byte);
    assert_int_equal(d.differing_count, want.differing_count);
}

static void test_appended_and_truncated(void **state)
{
    uint8_t *data = random_bytes(SMALL);
    int fd = file_of(data, SMALL);
    built b = build(fd, 1);
    (void)state;
    static const off_t longer[] = {SMALL + 1, 4 * 4096, 4 * 4096 + 1, 10 * MIB};
    for (size_t i = 0; i < 4; i++)
        check_resized(&b, fd, longer[i],
                      (cairn_manifest_difference){.kind = CAIRN_FILE_APPENDED,
                                                  .segment = 4,
                                                  .from_byte = SMALL,
                                                  .to_byte = (uint64_t)longer[i]});
    static const off_t shorter[] = {SMALL - 1, 3 * 4096 + 1, 3 * 4096, 3 * 4096 - 1, 4096, 1, 0};
    for (size_t i = 0; i < 7; i++)
        check_resized(&b, fd, shorter[i],
                      (cairn_manifest_difference){.kind = CAIRN_FILE_TRUNCATED,
                                                  .segment = (size_t)shorter[i] / 4096,
                                                  .from_byte = (uint64_t)shorter[i] / 4096 * 4096,
                                                  .to_byte = SMALL});
    /* both a changed byte and another size: the byte comes first in the file */
    assert_int_equal(pwrite(fd, data, 6000, 0), 6000);
    assert_int_equal(pwrite(fd, "?", 1, 10), 1);
    check_resized(&b, fd, 6000,
                  (cairn_manifest_difference){
                      .kind = CAIRN_FILE_DIFFERS, .to_byte = 4096, .differing_count = 1});
    check_resized(&b, fd, SMALL + 1,
                  (cairn_manifest_difference){
                      .kind = CAIRN_FILE_DIFFERS, .to_byte = 4096, .differing_count = 4});
    cairn_arena_done(&b.arena);
    (void)close(fd);
    free(data);
}

static void test_empty_file(void **state)
{
    int fd = file_of(NULL, 0);
    built b = build(fd, 4);
    cairn_manifest_difference d;
    (void)state;
    assert_int_equal(b.manifest.segment_count, 0);
    assert_int_equal(cairn_manifest_check_file(&b.manifest, fd, NULL, &d), CAIRN_OK);
    assert_int_equal(d.kind, CAIRN_FILE_SAME);
    check_resized(&b, fd, 1,
                  (cairn_manifest_difference){.kind = CAIRN_FILE_APPENDED, .to_byte = 1});
    cairn_arena_done(&b.arena);
    (void)close(fd);
}

/* Progress, and files that do not hold still */

typedef struct watcher {
    uint64_t done, total;
    size_t calls;
    int fd;         /* of the file to disturb, or -1 */
    off_t new_size; /* what to make of it at the first call */
    size_t stop_at; /* call that cancels */
} watcher;

static bool watch(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
    watcher *w = context;
    assert_true(done_bytes <= total_bytes);
    w->done = done_bytes > w->done ? done_bytes : w->done;
    w->total = total_bytes;
    if (w->calls++ == 0 && w->fd >= 0)
        assert_int_equal(ftruncate(w->fd, w->new_size), 0);
    return w->calls != w->stop_at;
}

static cairn_err build_watched(int fd, watcher *w, unsigned thread_count)
{
    cairn_manifest_work work = {watch, w, thread_count};
    cairn_arena arena;
    cairn_bytes bytes;
    cairn_arena_init(&arena, ARENA_SIZE);
    cairn_err err = cairn_manifest_build(&arena, fd, salt, &work, &bytes);
    cairn_arena_done(&arena);
    return err;
}

static void test_progress_and_cancelling(void **state)
{
    int fd = file_of(NULL, 0);
    watcher w = {.fd = -1};
    (void)state;
    assert_int_equal(ftruncate(fd, 5 * MIB + 1), 0);
    assert_int_equal(build_watched(fd, &w, 1), CAIRN_OK);
    assert_int_equal(w.total, 5 * MIB + 1);
    assert_int_equal(w.done, w.total);
    assert_true(w.calls >= 10);
    w = (watcher){.fd = -1, .stop_at = 3};
    assert_int_equal(build_watched(fd, &w, 1), CAIRN_ERR_CANCELLED);
    assert_int_equal(w.calls, 3);
    w = (watcher){.fd = -1, .stop_at = 1};
    assert_int_equal(build_watched(fd, &w, 2), CAIRN_ERR_CANCELLED);
    (void)close(fd);
}

static void test_file_that_changes_is_refused(void **state)
{
    static const off_t sizes[] = {5 * MIB + 1, 4 * MIB, 1, 0};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (unsigned threads = 1; threads <= 2; threads++) {
            int fd = file_of(NULL, 0);
            watcher w = {.fd = fd, .new_size = sizes[i]};
            assert_int_equal(ftruncate(fd, 5 * MIB), 0);
            assert_int_equal(build_watched(fd, &w, threads), CAIRN_ERR_CHANGED);
            (void)close(fd);
        }
    }
    /* the same when it is compared */
    int fd = file_of(NULL, 0);
    assert_int_equal(ftruncate(fd, 5 * MIB), 0);
    built b = build(fd, 1);
    watcher w = {.fd = fd, .new_size = 5 * MIB + 1};
    cairn_manifest_work work = {watch, &w, 1};
    cairn_manifest_difference d;
    assert_int_equal(cairn_manifest_check_file(&b.manifest, fd, &work, &d), CAIRN_ERR_CHANGED);
    cairn_arena_done(&b.arena);
    (void)close(fd);
}

static void test_what_is_no_file(void **state)
{
    int ends[2];
    watcher w = {.fd = -1};
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(build_watched(ends[0], &w, 1), CAIRN_ERR_ARGUMENT);
    (void)close(ends[0]);
    (void)close(ends[1]);
    int fd = open("/tmp", O_RDONLY | O_DIRECTORY);
    assert_int_equal(build_watched(fd, &w, 1), CAIRN_ERR_ARGUMENT);
    (void)close(fd);
    assert_int_equal(build_watched(-1, &w, 1), CAIRN_ERR_IO);
    fd = file_of((const uint8_t *)"x", 1);
    assert_int_equal(build_watched(fd, &w, CAIRN_MANIFEST_THREAD_COUNT_MAX), CAIRN_OK);
    assert_int_equal(build_watched(fd, &w, CAIRN_MANIFEST_THREAD_COUNT_MAX + 1),
                     CAIRN_ERR_ARGUMENT);
    (void)close(fd);
}

/* A real drive: one bit of each segment of the log. */
static void test_real_can_log(void **state)
{
    char path[4096];
    (void)state;
    if (!test_shared_path("can/icsim-sample.log", path))
        skip();
    cairn_bytes log = test_read_file(path);
    assert_non_null(log.data);
    int fd = file_of(log.data, log.size);
    built b = build(fd, 2);
    compare_with_openssl(&b, log.data, log.size);
    for (size_t i = 0; i < log.size; i += 4099) {
        cairn_manifest_difference d;
        uint8_t flipped = log.data[i] ^ 0x20;
        assert_int_equal(pwrite(fd, &flipped, 1, (off_t)i), 1);
        assert_int_equal(cairn_manifest_check_file(&b.manifest, fd, NULL, &d), CAIRN_ERR_MISMATCH);
        assert_int_equal(d.segment, i / b.manifest.segment_size);
        assert_true(d.from_byte <= i && i < d.to_byte);
        assert_int_equal(pwrite(fd, &log.data[i], 1, (off_t)i), 1);
    }
    cairn_arena_done(&b.arena);
    (void)close(fd);
    test_file_free(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_size_follows_from_the_size),
        cmocka_unit_test(test_hashes_are_openssls),
        cmocka_unit_test(test_large_segments),
        cmocka_unit_test(test_streamed_segments),
        cmocka_unit_test(test_bytes_of_the_page),
        cmocka_unit_test(test_decode_refuses),
        cmocka_unit_test(test_every_flipped_byte_is_located),
        cmocka_unit_test(test_first_of_several_with_threads),
        cmocka_unit_test(test_appended_and_truncated),
        cmocka_unit_test(test_empty_file),
        cmocka_unit_test(test_progress_and_cancelling),
        cmocka_unit_test(test_file_that_changes_is_refused),
        cmocka_unit_test(test_what_is_no_file),
        cmocka_unit_test(test_real_can_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
