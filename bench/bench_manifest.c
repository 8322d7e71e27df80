/* Making and checking the manifest of a warm file, beside OpenSSL's EVP over the same file as
 * `openssl dgst -sha256` does it. Wall time, as a user waits for it, and CPU time of all threads;
 * rounds interleaved, best and median. */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cairn/manifest.h"

enum { ROUNDS = 7, SMALL_SIZE = 256 << 20, LARGE_SIZE = 1200 << 20, CHUNK = 1 << 20 };

typedef struct row {
    const char *name;
    void (*run)(const struct row *r);
    const int *fd;
    unsigned threads;
    double wall[ROUNDS];
    double cpu[ROUNDS];
} row;

static int small_fd, large_fd; /* segments of 16 KiB and of 128 KiB */
static uint8_t chunk[CHUNK];
static cairn_arena arena;
static cairn_manifest manifests[2];

static void must(bool ok)
{
    if (!ok) {
        (void)fprintf(stderr, "bench_manifest: failed: %s\n", cairn_err_detail());
        exit(1);
    }
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run_evp(const row *r)
{
    uint8_t digest[32];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1);
    ssize_t n = 0;
    for (off_t at = 0; (n = pread(*r->fd, chunk, CHUNK, at)) > 0; at += n)
        must(EVP_DigestUpdate(ctx, chunk, (size_t)n) == 1);
    must(n == 0 && EVP_DigestFinal_ex(ctx, digest, NULL) == 1);
    EVP_MD_CTX_free(ctx);
}

static cairn_bytes build(const row *r)
{
    static const uint8_t salt[CAIRN_MANIFEST_SALT_SIZE] = {1};
    const cairn_manifest_work work = {.thread_count = r->threads};
    cairn_bytes manifest;
    must(cairn_manifest_build(&arena, *r->fd, salt, &work, &manifest) == CAIRN_OK);
    return manifest;
}

static void run_build(const row *r)
{
    cairn_arena_done(&arena);
    cairn_arena_init(&arena, 4 << 20);
    (void)build(r);
}

static void run_check(const row *r)
{
    const cairn_manifest_work work = {.thread_count = r->threads};
    cairn_manifest_difference difference;
    must(cairn_manifest_check_file(&manifests[r->fd == &large_fd], *r->fd, &work, &difference) ==
         CAIRN_OK);
}

static row rows[] = {
    {.name = "EVP over all of it (openssl dgst)", .run = run_evp, .fd = &small_fd},
    {.name = "manifest built, 1 thread", .run = run_build, .fd = &small_fd, .threads = 1},
    {.name = "manifest built, 2 threads", .run = run_build, .fd = &small_fd, .threads = 2},
    {.name = "file checked, 1 thread", .run = run_check, .fd = &small_fd, .threads = 1},
    {.name = "file checked, 2 threads", .run = run_check, .fd = &small_fd, .threads = 2},
    {.name = "EVP over all of it (openssl dgst)", .run = run_evp, .fd = &large_fd},
    {.name = "manifest built, 1 thread", .run = run_build, .fd = &large_fd, .threads = 1},
    {.name = "manifest built, 2 threads", .run = run_build, .fd = &large_fd, .threads = 2},
    {.name = "file checked, 2 threads", .run = run_check, .fd = &large_fd, .threads = 2},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

/* A file of `size` bytes that is gone when the program ends. */
static int make_file(size_t size)
{
    char name[4096];
    const char *directory = getenv("TMPDIR");
    (void)snprintf(name, sizeof name, "%s/bench-manifest-XXXXXX",
                   directory != NULL ? directory : "/tmp");
    int fd = mkstemp(name);
    must(fd >= 0 && unlink(name) == 0);
    for (size_t at = 0; at < size; at += CHUNK) {
        for (size_t i = 0; i < CHUNK; i += 64)
            chunk[i] = (uint8_t)(at >> 20 ^ i >> 6);
        must(pwrite(fd, chunk, CHUNK, (off_t)at) == CHUNK);
    }
    return fd;
}

static void prepare(void)
{
    static cairn_arena keep;
    cairn_arena_init(&keep, 8 << 20);
    small_fd = make_file(SMALL_SIZE);
    large_fd = make_file(LARGE_SIZE);
    for (size_t i = 0; i < 2; i++) {
        const row r = {.fd = i == 0 ? &small_fd : &large_fd, .threads = 2};
        cairn_bytes copy;
        run_build(&r);
        must(cairn_arena_copy(&keep, build(&r), &copy) == CAIRN_OK);
        must(cairn_manifest_decode(copy, &manifests[i]) == CAIRN_OK);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(row *r, size_t round)
{
    double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    r->run(r);
    r->wall[round] = seconds_of(CLOCK_MONOTONIC) - wall;
    r->cpu[round] = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
}

static void print_row(row *r)
{
    const cairn_manifest *m = &manifests[r->fd == &large_fd];
    double gigabytes = (double)m->size / 1e9;
    qsort(r->wall, ROUNDS, sizeof r->wall[0], by_value);
    qsort(r->cpu, ROUNDS, sizeof r->cpu[0], by_value);
    (void)printf("%-34s %5llu MiB, segments of %3llu KiB  best %5.2f  median %5.2f GB/s, "
                 "CPU %5.2f s/GB\n",
                 r->name, (unsigned long long)m->size >> 20,
                 (unsigned long long)m->segment_size >> 10, gigabytes / r->wall[0],
                 gigabytes / r->wall[ROUNDS / 2], r->cpu[ROUNDS / 2] / gigabytes);
}

int main(void)
{
    prepare();
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < ROW_COUNT; i++)
            measure(&rows[i], round);
    for (size_t i = 0; i < ROW_COUNT; i++)
        print_row(&rows[i]);
    cairn_arena_done(&arena);
    return 0;
}
