/* Tests the simulated disk itself: a toy journal in plain POSIX calls that is right, and its
 * variants with one classic mistake each. The right one must survive every trial, and each mistake
 * must be found. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/runner.h"

typedef enum mistake {
    RIGHT,
    NO_SYNC,            /* acknowledges without fdatasync */
    NO_DIR_SYNC,        /* the journal's own name is not durable */
    NO_PARENT_SYNC,     /* ... nor the name of its directory */
    RENAME_BEFORE_SYNC, /* the snapshot takes its name before its content is durable */
    NO_SYNC_OF_RENAME,  /* ... is durable, but not the name */
    SHORT_WRITES,       /* takes any write for a whole one */
    SYNC_AGAIN,         /* after a failed fdatasync it tries again and believes the success */
    NO_CHECKSUM,        /* takes a torn record for a record */
    NO_SYNC_ON_OPEN,    /* serves what it finds in the page cache without making it durable */
    NO_EVICT_ON_OPEN,   /* ... or without asking whether it is on the disk at all */
    MISTAKES
} mistake;

static const char *const names[MISTAKES] = {"right",
                                            "no_sync",
                                            "no_dir_sync",
                                            "no_parent_sync",
                                            "rename_before_sync",
                                            "no_sync_of_rename",
                                            "short_writes",
                                            "sync_again",
                                            "no_checksum",
                                            "no_sync_on_open",
                                            "no_evict_on_open"};

static mistake current;

enum { RECORD_BYTES_MAX = 1500, SNAPSHOT_BYTES = 1200, STEPS = 12, MISTAKE_TRIALS = 20000 };

typedef struct record_head {
    uint32_t size; /* of the payload */
    uint32_t check;
    uint64_t number;
} record_head;

typedef struct facts {
    uint64_t acknowledged; /* records that must be there */
    uint64_t issued;       /* records that may be there */
    uint64_t snapshot;     /* value that the snapshot must have at least ... */
    uint64_t snapshot_max; /* ... and at most */
} facts;

typedef struct journal {
    int dir, fd;
    uint64_t count, end;
} journal;

static uint32_t checksum(const uint8_t *data, size_t size, uint64_t number)
{
    uint64_t sum = number + UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ data[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)(sum ^ (sum >> 32));
}

/* Content of record `number` of this trial. */
static size_t payload(uint64_t trial_seed, uint64_t number, uint8_t out[RECORD_BYTES_MAX])
{
    sim_rng rng = sim_rng_derive(trial_seed, number);
    size_t size = 1 + (size_t)sim_rng_below(&rng, RECORD_BYTES_MAX);
    sim_rng_fill(&rng, out, size);
    return size;
}

static bool write_all(int fd, const uint8_t *data, size_t size, uint64_t at)
{
    while (size > 0) {
        ssize_t n = pwrite(fd, data, size, (off_t)at);
        if (n < 0)
            return false;
        if (current == SHORT_WRITES)
            return true;
        data += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return true;
}

static bool sync_fd(int fd)
{
    if (fdatasync(fd) == 0)
        return true;
    return current == SYNC_AGAIN && fdatasync(fd) == 0;
}

static bool sync_dir_of(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    (void)close(fd);
    return ok;
}

/* The record at `at`, false if there is none or it is torn. */
static bool read_record(int fd, uint64_t at, uint64_t number, uint8_t out[RECORD_BYTES_MAX],
                        uint32_t *ret_size)
{
    record_head head;
    if (pread(fd, &head, sizeof head, (off_t)at) != sizeof head)
        return false;
    if (head.number != number || head.size == 0 || head.size > RECORD_BYTES_MAX)
        return false;
    if (pread(fd, out, head.size, (off_t)(at + sizeof head)) != (ssize_t)head.size)
        return false;
    if (current != NO_CHECKSUM && checksum(out, head.size, number) != head.check)
        return false;
    *ret_size = head.size;
    return true;
}

static bool journal_open(const sim_ctx *ctx, const char *dir, journal *ret)
{
    journal j = {0};
    char path[512];
    uint8_t found[RECORD_BYTES_MAX], expected[RECORD_BYTES_MAX];
    uint32_t size;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return false;
    if (current != NO_PARENT_SYNC && !sync_dir_of(sim_disk_root()))
        return false;
    (void)snprintf(path, sizeof path, "%s/log", dir);
    j.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (j.fd < 0 || (current != NO_DIR_SYNC && !sync_dir_of(dir)))
        return false;
    if (current != NO_EVICT_ON_OPEN && posix_fadvise(j.fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
        return false;
    while (read_record(j.fd, j.end, j.count, found, &size)) {
        SIM_CHECK(size == payload(ctx->trial_seed, j.count, expected) &&
                      memcmp(found, expected, size) == 0,
                  "record %llu is not what was written", (unsigned long long)j.count);
        j.end += sizeof(record_head) + size;
        j.count++;
    }
    if (ftruncate(j.fd, (off_t)j.end) != 0)
        return false;
    if (current != NO_SYNC_ON_OPEN && !sync_fd(j.fd))
        return false;
    *ret = j;
    return true;
}

static bool journal_append(const sim_ctx *ctx, journal *j)
{
    facts *f = ctx->facts;
    uint8_t buffer[sizeof(record_head) + RECORD_BYTES_MAX];
    record_head head = {.number = j->count};
    head.size = (uint32_t)payload(ctx->trial_seed, j->count, buffer + sizeof head);
    head.check = checksum(buffer + sizeof head, head.size, head.number);
    memcpy(buffer, &head, sizeof head);
    f->issued = j->count + 1;
    if (!write_all(j->fd, buffer, sizeof head + head.size, j->end))
        return false;
    if (current != NO_SYNC && !sync_fd(j->fd))
        return false;
    j->end += sizeof head + head.size;
    f->acknowledged = ++j->count;
    return true;
}

/* Replaces the snapshot: a page of bytes that all depend on one value. */
static bool snapshot_write(const sim_ctx *ctx, const char *dir, uint64_t value)
{
    facts *f = ctx->facts;
    char temporary[512], path[512];
    uint8_t bytes[SNAPSHOT_BYTES];
    (void)snprintf(temporary, sizeof temporary, "%s/snapshot.new", dir);
    (void)snprintf(path, sizeof path, "%s/snapshot", dir);
    sim_rng rng = {value};
    sim_rng_fill(&rng, bytes, sizeof bytes);
    memcpy(bytes, &value, sizeof value);
    int fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = write_all(fd, bytes, sizeof bytes, 0);
    ok = ok && (current == RENAME_BEFORE_SYNC || sync_fd(fd));
    (void)close(fd);
    f->snapshot_max = value;
    ok = ok && rename(temporary, path) == 0;
    ok = ok && (current == NO_SYNC_OF_RENAME || sync_dir_of(dir));
    if (ok)
        f->snapshot = value;
    return ok;
}

static void snapshot_check(const sim_ctx *ctx, const char *dir)
{
    facts *f = ctx->facts;
    char path[512];
    uint8_t bytes[SNAPSHOT_BYTES], expected[SNAPSHOT_BYTES];
    uint64_t value;
    (void)snprintf(path, sizeof path, "%s/snapshot", dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        SIM_CHECK(f->snapshot == 0, "the snapshot is gone");
        return;
    }
    if (current != NO_EVICT_ON_OPEN)
        SIM_CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0, "fadvise");
    SIM_CHECK(pread(fd, bytes, sizeof bytes, 0) == sizeof bytes, "the snapshot is too short");
    (void)close(fd);
    memcpy(&value, bytes, sizeof value);
    sim_rng rng = {value};
    sim_rng_fill(&rng, expected, sizeof expected);
    memcpy(expected, &value, sizeof value);
    SIM_CHECK(memcmp(bytes, expected, sizeof bytes) == 0, "the snapshot is torn");
    SIM_CHECK(value >= f->snapshot && value <= f->snapshot_max, "the snapshot has value %llu",
              (unsigned long long)value);
}

static void live(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    char dir[256];
    journal j;
    (void)snprintf(dir, sizeof dir, "%s/journal", sim_disk_root());
    snapshot_check(ctx, dir);
    if (!journal_open(ctx, dir, &j)) {
        SIM_CHECK(sim_disk_fired(SIM_FAULTS_SOFT), "cannot open the journal: %s", strerror(errno));
        return;
    }
    SIM_CHECK(j.count >= f->acknowledged, "%llu records of %llu acknowledged",
              (unsigned long long)j.count, (unsigned long long)f->acknowledged);
    SIM_CHECK(j.count <= f->issued, "more records than were issued");
    f->acknowledged = j.count; /* served: from now on it has to stay */
    for (unsigned i = 0; i < STEPS; i++) {
        bool ok = sim_rng_percent(&ctx->rng, 80) ? journal_append(ctx, &j)
                                                 : snapshot_write(ctx, dir, f->snapshot_max + 1);
        if (!ok) {
            SIM_CHECK(sim_disk_fired(SIM_FAULTS_SOFT), "an error without a fault: %s",
                      strerror(errno));
            return;
        }
    }
}

static sim_result run_variant(const sim_options *options, mistake m)
{
    sim_result result;
    char name[64];
    (void)snprintf(name, sizeof name, "sim_raw %s", names[m]);
    const sim_workload workload = {.name = name,
                                   .faults = SIM_FAULTS_ALL & ~SIM_FAULT(NO_MEMORY),
                                   .stale_percent = 12,
                                   .facts_size = sizeof(facts),
                                   .live = live};
    double start = sim_seconds_now();
    current = m;
    sim_run(&workload, options, &result);
    if (!options->quiet)
        sim_print_result(name, options, &result, sim_seconds_now() - start);
    return result;
}

static int find_mistakes(sim_options options)
{
    int missed = 0;
    options.quiet = true;
    options.trials = MISTAKE_TRIALS; /* one that is found ends sooner */
    options.seconds = 0;
    for (unsigned m = RIGHT + 1; m < MISTAKES; m++) {
        sim_result result = run_variant(&options, (mistake)m);
        if (result.failed == 0)
            missed++;
        (void)printf("  %-20s %s after %llu trials: %s\n", names[m],
                     result.failed > 0 ? "found" : "MISSED", (unsigned long long)result.trials,
                     result.first_failure);
    }
    return missed;
}

/* `sim_raw [VARIANT] [options]`: without a variant the right one must pass and all others fail. */
int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] != '-') {
        char program[256];
        for (unsigned m = 0; m < MISTAKES; m++) {
            if (strcmp(argv[1], names[m]) != 0)
                continue;
            (void)snprintf(program, sizeof program, "%s %s", argv[0], names[m]);
            sim_options options = sim_options_parse(argc - 1, argv + 1);
            options.program = program;
            return run_variant(&options, (mistake)m).failed == 0 ? 0 : 1;
        }
        (void)fprintf(stderr, "sim_raw: no variant %s\n", argv[1]);
        return 2;
    }
    sim_options options = sim_options_parse(argc, argv);
    sim_result right = run_variant(&options, RIGHT);
    if (options.one || right.failed > 0)
        return right.failed == 0 ? 0 : 1;
    return find_mistakes(options) == 0 ? 0 : 1;
}
