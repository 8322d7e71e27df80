/* The block log: what a durable group costs, with ways of preparing space beside each other in
 * rounds of one run, and how fast a log is checked at open and read at random. The directory is
 * TMPDIR or the current one: put it on the disk that is meant. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/store/block_log.h"

enum {
    ROUNDS = 5,
    GROUPS = 400, /* of one round */
    SAMPLES = ROUNDS * GROUPS,
    WAYS = 6,
    SCAN_BYTES = 512 << 20,
    READS = 20000,
};

static char directory[256];

static double now_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(int ok)
{
    if (!ok) {
        fprintf(stderr, "bench_block_log: %s\n", cairn_err_detail());
        exit(1);
    }
}

static void check(cairn_err err)
{
    must(err == CAIRN_OK);
}

static void path_of(const char *name, char path[512])
{
    (void)snprintf(path, 512, "%s/%s", directory, name);
}

static void remove_tree(const char *path)
{
    char command[600];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", path);
    must(system(command) == 0);
}

/* The baselines write the same bytes to a plain file. */
typedef struct way {
    const char *name;
    int raw; /* -1: our log; 0 grow; 1 fallocate; 2 fallocate that keeps the size */
    uint32_t prepare_size;
    double samples[SAMPLES];
    size_t count;
} way;

static way ways[WAYS] = {
    {.name = "file, growing", .raw = 0},
    {.name = "file, fallocate 8 MiB", .raw = 1},
    {.name = "file, fallocate 8 MiB KEEP_SIZE", .raw = 2},
    {.name = "block log, growing", .raw = -1},
    {.name = "block log, zeros 1 MiB (default)", .raw = -1, .prepare_size = 1 << 20},
    {.name = "block log, zeros 8 MiB", .raw = -1, .prepare_size = 8 << 20},
};

static void round_raw(way *w, const uint8_t *bytes, size_t size)
{
    char path[512];
    path_of("raw", path);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0);
    off_t prepared = 0;
    for (int i = 0; i < GROUPS; i++) {
        off_t at = (off_t)size * i;
        double start = now_us(CLOCK_MONOTONIC);
        if (w->raw != 0 && at + (off_t)size > prepared) {
            must(fallocate(fd, w->raw == 1 ? 0 : FALLOC_FL_KEEP_SIZE, prepared, 8 << 20) == 0);
            prepared += 8 << 20;
        }
        must(pwrite(fd, bytes, size, at) == (ssize_t)size);
        must(fdatasync(fd) == 0);
        w->samples[w->count++] = now_us(CLOCK_MONOTONIC) - start;
    }
    (void)close(fd);
    (void)unlink(path);
}

static void round_log(way *w, const uint8_t *bytes, size_t size)
{
    char path[512];
    path_of("log", path);
    cairn_block_log_options options = {.prepare_size = w->prepare_size};
    cairn_block_log *log = NULL;
    cairn_bytes payload = cairn_bytes_of(bytes, size - 64);
    check(cairn_block_log_open(path, &options, &log));
    for (int i = 0; i < GROUPS; i++) {
        double start = now_us(CLOCK_MONOTONIC);
        check(cairn_block_log_append(log, &payload, 1, NULL));
        check(cairn_block_log_sync(log));
        w->samples[w->count++] = now_us(CLOCK_MONOTONIC) - start;
    }
    check(cairn_block_log_close(log));
    remove_tree(path);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void groups(size_t size)
{
    static uint8_t bytes[1 << 20];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7 + 1);
    for (size_t i = 0; i < WAYS; i++)
        ways[i].count = 0;
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < WAYS; i++)
            if (ways[i].raw >= 0)
                round_raw(&ways[i], bytes, size);
            else
                round_log(&ways[i], bytes, size);
    printf("durable groups of %zu bytes, microseconds each:\n", size);
    for (size_t i = 0; i < WAYS; i++) {
        way *w = &ways[i];
        qsort(w->samples, w->count, sizeof w->samples[0], compare);
        printf("  %-34s best %5.0f  median %5.0f  p99 %6.0f  worst %6.0f\n", w->name, w->samples[0],
               w->samples[w->count / 2], w->samples[w->count * 99 / 100], w->samples[w->count - 1]);
    }
}

/* A log of SCAN_BYTES in records of one size: written, opened warm, read at random. */
static void scan(size_t record_size)
{
    char path[512];
    path_of("scan", path);
    static uint8_t bytes[1 << 20];
    static cairn_bytes payloads[256];
    for (size_t i = 0; i < 256; i++)
        payloads[i] = cairn_bytes_of(bytes + i, record_size);
    cairn_block_log *log = NULL;
    check(cairn_block_log_open(path, NULL, &log));
    size_t batch = record_size > 16384 ? 16 : 256;
    double start = now_us(CLOCK_THREAD_CPUTIME_ID);
    uint64_t count = 0;
    for (; count * (record_size + 64) < SCAN_BYTES; count += batch)
        check(cairn_block_log_append(log, payloads, batch, NULL));
    double append = now_us(CLOCK_THREAD_CPUTIME_ID) - start;
    check(cairn_block_log_close(log));
    double best = 1e30;
    double bytes_scanned = 0;
    for (int round = 0; round < 5; round++) {
        start = now_us(CLOCK_THREAD_CPUTIME_ID);
        check(cairn_block_log_open(path, NULL, &log));
        double took = now_us(CLOCK_THREAD_CPUTIME_ID) - start;
        best = took < best ? took : best;
        bytes_scanned = (double)cairn_block_log_recovered(log)->scanned_bytes;
        if (round < 4)
            check(cairn_block_log_close(log));
    }
    cairn_arena arena;
    cairn_arena_init(&arena, 4 << 20);
    start = now_us(CLOCK_THREAD_CPUTIME_ID);
    uint64_t random = 1;
    for (int i = 0; i < READS; i++) {
        cairn_bytes payload = {0};
        random = random * 6364136223846793005u + 1442695040888963407u;
        check(cairn_block_log_read(&arena, log, (random >> 33) % count, &payload));
        cairn_arena_reset(&arena);
    }
    double read = (now_us(CLOCK_THREAD_CPUTIME_ID) - start) / READS;
    cairn_arena_done(&arena);
    check(cairn_block_log_close(log));
    remove_tree(path);
    printf("records of %6zu bytes, CPU: append %5.0f MB/s, check at open %5.0f MB/s, random read "
           "%5.1f us\n",
           record_size, bytes_scanned / append, bytes_scanned / best, read);
}

int main(void)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(directory, sizeof directory, "%s/bench-block-log-XXXXXX",
                   base == NULL ? "." : base);
    must(mkdtemp(directory) != NULL);
    groups(4096);
    groups(65536);
    scan(400);
    scan(4096);
    scan(65536);
    remove_tree(directory);
    return 0;
}
