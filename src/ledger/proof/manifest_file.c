/* Reads a file segment by segment, by several threads, to make its manifest or to compare it.
 *
 * Threads take turns of neighbouring segments from a shared counter. pread and not mmap: a mapped
 * file that somebody truncates kills the reader. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cairn/manifest.h"
#include "cairn/sha256.h"

enum {
    BUFFER_SIZE = 512 << 10, /* bytes that a thread reads at once: half of a common L2 cache */
    LANES_MIN = 4,           /* segments that the buffer holds at least, so that lanes are of use */
    LANE_SEGMENT_SIZE_MAX = 1 << 20, /* larger segments (files above 16 GiB) are streamed */
    TURN_COUNT_MAX = 128,            /* segments of a turn: a buffer of the smallest ones */
    PREFIX_SIZE = 64,
};

static const char house[] = "house";

typedef struct job job;

/* What one thread found. */
typedef struct worker {
    job *job;
    uint8_t *buffer;
    pthread_t thread;
    size_t first_differing;
    size_t differing_count;
    int errnum;   /* of a read that failed, or 0 */
    bool changed; /* the file ended too early */
    bool started; /* on a thread of its own; the caller is the worker that has none */
} worker;

/* Shared by the threads; all but the atomics is constant while they run. */
struct job {
    int fd;
    const cairn_manifest *layout;
    const cairn_hash *want; /* to compare with, or NULL */
    cairn_hash *hashes;     /* to fill in, or NULL; each thread writes those of its turns */
    size_t segment_count;   /* segments to read: whole ones, but for the file's last */
    size_t turn;            /* segments of a turn */
    size_t buffer_size;     /* bytes of a thread's buffer: a turn, or a part of one segment */
    uint64_t total_bytes;
    const cairn_manifest_work *work;
    atomic_size_t next; /* first segment that nobody has taken */
    _Atomic uint64_t done_bytes;
    atomic_bool stop;
    bool cancelled; /* written by the calling thread alone */
};

static void make_prefix(const cairn_manifest *layout, size_t index, uint8_t out[PREFIX_SIZE])
{
    memcpy(out, "cairn/segment/1", 16); /* with its NUL */
    memcpy(out + 16, layout->salt, sizeof layout->salt);
    cairn_put_u64(out + 48, index);
    cairn_put_u64(out + 56, cairn_manifest_segment_length(layout, index));
}

/* Exactly `size` bytes at `offset` into the buffer. */
static bool read_exactly(worker *w, uint64_t offset, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(w->job->fd, w->buffer + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            w->errnum = errno;
            return false;
        }
        if (n == 0) {
            w->changed = true;
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

/* On the calling thread: says how far all of them are. */
static bool tell(job *j, uint64_t done)
{
    if (j->work->progress != NULL && !j->work->progress(j->work->context, done, j->total_bytes))
        j->cancelled = true;
    return !j->cancelled;
}

/* Counts `size` bytes as done. */
static bool advance(worker *w, uint64_t size)
{
    uint64_t done = atomic_fetch_add(&w->job->done_bytes, size) + size;
    return w->started || tell(w->job, done); /* the worker without a thread is the caller */
}

/* One segment of any length. */
static bool hash_one(worker *w, size_t index, cairn_hash *ret_hash)
{
    const cairn_manifest *layout = w->job->layout;
    uint8_t prefix[PREFIX_SIZE];
    cairn_sha256 ctx;
    uint64_t offset = index * layout->segment_size;
    uint64_t left = cairn_manifest_segment_length(layout, index);
    make_prefix(layout, index, prefix);
    cairn_sha256_init(&ctx);
    cairn_sha256_update(&ctx, prefix, sizeof prefix);
    while (left > 0) {
        size_t size = left < w->job->buffer_size ? (size_t)left : w->job->buffer_size;
        if (atomic_load(&w->job->stop) || !read_exactly(w, offset, size))
            return false;
        cairn_sha256_update(&ctx, w->buffer, size);
        offset += size;
        left -= size;
        if (!advance(w, size))
            return false;
    }
    cairn_sha256_final(&ctx, ret_hash);
    return true;
}

/* `count` full segments that fit into the buffer, in lanes. */
static bool hash_full(worker *w, size_t first, size_t count, cairn_hash *ret_hashes)
{
    const cairn_manifest *layout = w->job->layout;
    size_t size = (size_t)layout->segment_size;
    uint8_t prefixes[TURN_COUNT_MAX][PREFIX_SIZE];
    const uint8_t *messages[TURN_COUNT_MAX];
    if (count == 0)
        return true;
    if (!read_exactly(w, first * layout->segment_size, count * size))
        return false;
    for (size_t i = 0; i < count; i++) {
        make_prefix(layout, first + i, prefixes[i]);
        messages[i] = w->buffer + i * size;
    }
    cairn_sha256_prefixed((const uint8_t(*)[PREFIX_SIZE])prefixes, messages, size, count,
                          ret_hashes);
    return advance(w, count * size);
}

static bool hash_turn(worker *w, size_t first, size_t count, cairn_hash *ret_hashes)
{
    const cairn_manifest *layout = w->job->layout;
    size_t full = count;
    if (layout->segment_size > LANE_SEGMENT_SIZE_MAX)
        return hash_one(w, first, ret_hashes); /* a turn is one segment then */
    if (cairn_manifest_segment_length(layout, first + count - 1) < layout->segment_size)
        full--;
    return hash_full(w, first, full, ret_hashes) &&
           (full == count || hash_one(w, first + full, ret_hashes + full));
}

static void take_results(worker *w, size_t first, size_t count, const cairn_hash *hashes)
{
    const job *j = w->job;
    if (j->hashes != NULL)
        memcpy(j->hashes + first, hashes, count * sizeof *hashes);
    for (size_t i = 0; j->want != NULL && i < count; i++) {
        if (cairn_hash_equal(&hashes[i], &j->want[first + i]))
            continue;
        if (w->differing_count++ == 0)
            w->first_differing = first + i; /* turns are taken in rising order */
    }
}

static void *run_worker(void *context)
{
    worker *w = context;
    job *j = w->job;
    cairn_hash hashes[TURN_COUNT_MAX];
    while (!atomic_load(&j->stop)) {
        size_t first = atomic_fetch_add(&j->next, j->turn);
        if (first >= j->segment_count)
            break;
        size_t count = j->segment_count - first < j->turn ? j->segment_count - first : j->turn;
        if (hash_turn(w, first, count, hashes))
            take_results(w, first, count, hashes);
        else
            atomic_store(&j->stop, true);
    }
    return NULL;
}

/* Runs what threads the system gives; the calling thread is the first worker. */
static void run_workers(worker *workers, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        workers[i].started = true; /* before its thread reads it */
        if (pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]) != 0) {
            workers[i].started = false;
            break;
        }
    }
    (void)run_worker(&workers[0]);
    for (size_t i = 1; i < count; i++)
        if (workers[i].started)
            (void)pthread_join(workers[i].thread, NULL);
}

static cairn_err outcome(const job *j, const worker *workers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (workers[i].errnum != 0)
            return cairn_err_from_errno(workers[i].errnum, "read of the file");
        if (workers[i].changed)
            return CAIRN_FAIL(CAIRN_ERR_CHANGED, house, "file: it became shorter");
    }
    if (j->cancelled)
        return CAIRN_FAIL(CAIRN_ERR_CANCELLED, house, "file: reading was cancelled");
    return CAIRN_OK;
}

/* Number of threads that have something to do. */
static size_t count_workers(const job *j)
{
    size_t turns = j->segment_count / j->turn + (j->segment_count % j->turn != 0);
    size_t wanted = j->work->thread_count == 0 ? 1 : j->work->thread_count;
    if (turns == 0)
        return 1;
    return turns < wanted ? turns : wanted;
}

static cairn_err run_job(job *j, worker *workers, size_t count)
{
    uint8_t *buffers = aligned_alloc(4096, count * j->buffer_size); /* for the copy in pread */
    if (buffers == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, house, "file: buffers");
    for (size_t i = 0; i < count; i++)
        workers[i] = (worker){.job = j, .buffer = buffers + i * j->buffer_size};
    run_workers(workers, count);
    free(buffers);
    if (!atomic_load(&j->stop))
        (void)tell(j, j->total_bytes); /* the other threads may have had the last turns */
    return outcome(j, workers, count);
}

/* Size and time of a regular file. */
static cairn_err stat_file(int fd, struct stat *ret_stat)
{
    if (fstat(fd, ret_stat) != 0)
        return cairn_err_from_errno(errno, "fstat of the file");
    if (!S_ISREG(ret_stat->st_mode))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, house,
                          "file: not a regular file; its size must be known before it is read");
    return CAIRN_OK;
}

static cairn_err check_unchanged(int fd, const struct stat *before)
{
    struct stat after;
    CAIRN_TRY(stat_file(fd, &after));
    if (after.st_size != before->st_size || after.st_mtim.tv_sec != before->st_mtim.tv_sec ||
        after.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
        return CAIRN_FAIL(CAIRN_ERR_CHANGED, house, "file: its size or time changed");
    return CAIRN_OK;
}

static void choose_turn(job *j)
{
    uint64_t segment_size = j->layout->segment_size;
    j->buffer_size = BUFFER_SIZE;
    j->turn = 1;
    if (segment_size > LANE_SEGMENT_SIZE_MAX)
        return;
    if (j->buffer_size < LANES_MIN * segment_size)
        j->buffer_size = (size_t)(LANES_MIN * segment_size);
    j->turn = (size_t)(j->buffer_size / segment_size);
}

/* Reads the first `segment_count` segments of the layout and leaves what was found in `workers`. */
static cairn_err read_segments(job *j, const struct stat *before,
                               worker workers[CAIRN_MANIFEST_THREAD_COUNT_MAX],
                               size_t *ret_worker_count)
{
    static const cairn_manifest_work plain = {.thread_count = 1};
    const cairn_manifest *layout = j->layout;
    if (j->work == NULL)
        j->work = &plain;
    if (j->work->thread_count > CAIRN_MANIFEST_THREAD_COUNT_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, house, "threads: %u, at most %d",
                          j->work->thread_count, CAIRN_MANIFEST_THREAD_COUNT_MAX);
    choose_turn(j);
    j->total_bytes = j->segment_count < layout->segment_count
                         ? j->segment_count * layout->segment_size
                         : layout->size;
    *ret_worker_count = count_workers(j);
    (void)posix_fadvise(j->fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* advice only */
    CAIRN_TRY(run_job(j, workers, *ret_worker_count));
    return check_unchanged(j->fd, before);
}

cairn_err cairn_manifest_build(cairn_arena *arena, int fd,
                               const uint8_t salt[CAIRN_MANIFEST_SALT_SIZE],
                               const cairn_manifest_work *work, cairn_bytes *ret_manifest)
{
    struct stat before;
    cairn_manifest m;
    worker workers[CAIRN_MANIFEST_THREAD_COUNT_MAX];
    size_t worker_count = 0;
    void *hashes = NULL;
    CAIRN_TRY(stat_file(fd, &before));
    CAIRN_TRY(cairn_manifest_lay_out(&m, (uint64_t)before.st_size));
    memcpy(m.salt, salt, sizeof m.salt);
    CAIRN_TRY(cairn_arena_array(arena, m.segment_count, sizeof(cairn_hash), &hashes));
    m.hashes = hashes;
    job j = {
        .fd = fd, .layout = &m, .hashes = hashes, .segment_count = m.segment_count, .work = work};
    CAIRN_TRY(read_segments(&j, &before, workers, &worker_count));
    return cairn_manifest_encode(arena, &m, ret_manifest);
}

/* Puts together what the workers found. */
static cairn_manifest_difference sum_up(const cairn_manifest *m, uint64_t file_size,
                                        const worker *workers, size_t worker_count)
{
    cairn_manifest_difference d = {.file_size = file_size};
    for (size_t i = 0; i < worker_count; i++) {
        const worker *w = &workers[i];
        if (w->differing_count > 0 && (d.differing_count == 0 || w->first_differing < d.segment))
            d.segment = w->first_differing;
        d.differing_count += w->differing_count;
    }
    if (d.differing_count > 0) {
        d.kind = CAIRN_FILE_DIFFERS;
        d.from_byte = d.segment * m->segment_size;
        d.to_byte = d.from_byte + cairn_manifest_segment_length(m, d.segment);
    } else if (file_size > m->size) {
        d.kind = CAIRN_FILE_APPENDED;
        d.segment = m->segment_count;
        d.from_byte = m->size;
        d.to_byte = file_size;
    } else if (file_size < m->size) {
        d.kind = CAIRN_FILE_TRUNCATED;
        d.segment = (size_t)(file_size / m->segment_size);
        d.from_byte = d.segment * m->segment_size; /* what is left of it may be other bytes */
        d.to_byte = m->size;
    }
    return d;
}

static cairn_err answer(const cairn_manifest *m, const cairn_manifest_difference *d)
{
    static const char *const texts[] = {
        [CAIRN_FILE_DIFFERS] = "differ from what was committed",
        [CAIRN_FILE_APPENDED] = "were appended",
        [CAIRN_FILE_TRUNCATED] = "are missing, or what is left of them differs",
    };
    if (d->kind == CAIRN_FILE_SAME)
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_MISMATCH, house, "file.segment %zu of %zu: bytes %llu to %llu %s",
                      d->segment, m->segment_count, (unsigned long long)d->from_byte,
                      (unsigned long long)(d->to_byte - 1), texts[d->kind]);
}

cairn_err cairn_manifest_check_file(const cairn_manifest *manifest, int fd,
                                    const cairn_manifest_work *work,
                                    cairn_manifest_difference *difference)
{
    struct stat before;
    worker workers[CAIRN_MANIFEST_THREAD_COUNT_MAX];
    size_t worker_count = 0;
    CAIRN_TRY(stat_file(fd, &before));
    uint64_t file_size = (uint64_t)before.st_size;
    job j = {.fd = fd,
             .layout = manifest,
             .want = manifest->hashes,
             .segment_count = manifest->segment_count,
             .work = work};
    if (file_size < manifest->size) /* what is there in full */
        j.segment_count = (size_t)(file_size / manifest->segment_size);
    CAIRN_TRY(read_segments(&j, &before, workers, &worker_count));
    *difference = sum_up(manifest, file_size, workers, worker_count);
    return answer(manifest, difference);
}
