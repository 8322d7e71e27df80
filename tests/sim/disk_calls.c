/* The functions with libc's names: each asks whether its file is on the simulated disk, counts the
 * operation, lets a fault have its way, and tells the model before or after the real call.
 *
 * Not interposed: close (no error of it is acted upon here), dup (files are known by inode, not by
 * descriptor), sync and syncfs (so they make nothing durable), msync (a writable shared mapping is
 * refused, but for LMDB's lock file, which means nothing after a crash). */
#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/disk_state.h"

extern _Thread_local unsigned sim_inside; /* disk_alloc.c */

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

static void enter(void)
{
    (void)pthread_mutex_lock(&lock);
    sim_inside++;
}

/* Leaves and gives the caller `result` with `err` in errno if it is not 0. */
static long leave(long result, int err)
{
    sim_inside--;
    (void)pthread_mutex_unlock(&lock);
    if (err != 0)
        errno = err;
    return result;
}

static void *find(const char *name)
{
    void *fn = dlsym(RTLD_NEXT, name);
    if (fn == NULL)
        sim_panic("libc has no %s", name);
    return fn;
}

const sim_real_calls *sim_real(void)
{
    static sim_real_calls real;
    static bool ready;
    if (ready)
        return &real;
    ready = true;
    const struct {
        const char *name;
        void *slot;
    } names[] = {
        {"openat", &real.openat},       {"write", &real.write},
        {"pwrite", &real.pwrite},       {"writev", &real.writev},
        {"pwritev", &real.pwritev},     {"ftruncate", &real.ftruncate},
        {"fallocate", &real.fallocate}, {"fsync", &real.fsync},
        {"fdatasync", &real.fdatasync}, {"renameat2", &real.renameat2},
        {"unlinkat", &real.unlinkat},   {"linkat", &real.linkat},
        {"mkdirat", &real.mkdirat},     {"mmap", &real.mmap},
        {"fopen", &real.fopen},         {"posix_fadvise", &real.posix_fadvise},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        void *fn = find(names[i].name);
        memcpy(names[i].slot, &fn, sizeof fn);
    }
    return &real;
}

/* What an operation is, for the faults that look for a kind of it. */
enum { OP_WRITE = 1, OP_SYNC = 2, OP_CHANGE = 4 };

typedef struct verdict {
    bool fail;        /* with EIO */
    bool sync_failed; /* ... as a sync does */
    bool cut;         /* a short write */
    bool crash;       /* torn or afterwards: `when` */
    bool keep_cache;  /* the crash is a KILL */
    sim_when when;
} verdict;

static void die(bool lose_power)
{
    if (lose_power)
        sim_lose_power();
    _exit(lose_power ? SIM_EXIT_CRASH : SIM_EXIT_KILL);
}

static void apply_fault(sim_fault *fault, unsigned kind, verdict *out)
{
    uint64_t op = sim_now->ops;
    if (fault->fired || fault->kind == SIM_FAULT_NO_MEMORY || op < fault->at)
        return;
    bool writes = (kind & (OP_WRITE | OP_CHANGE)) != 0;
    switch (fault->kind) {
    case SIM_FAULT_CRASH:
    case SIM_FAULT_KILL:
        if (op != fault->at)
            return;
        out->crash = true;
        out->keep_cache = fault->kind == SIM_FAULT_KILL;
        out->when = fault->when;
        break;
    case SIM_FAULT_NO_SPACE:
        sim_space_limited = true;
        sim_space_left = fault->amount;
        break;
    case SIM_FAULT_SYNC_ERROR:
        if ((kind & OP_SYNC) == 0)
            return;
        out->fail = out->sync_failed = true;
        break;
    case SIM_FAULT_WRITE_ERROR:
        if (!writes)
            return;
        out->fail = true;
        break;
    case SIM_FAULT_SHORT_WRITE:
        if ((kind & OP_WRITE) == 0)
            return;
        out->cut = true;
        break;
    case SIM_FAULT_NO_MEMORY:
    case SIM_FAULT_KINDS:
        return;
    }
    fault->fired = true;
}

static void trace(const char *what, const char *name, uint64_t a, uint64_t b, const verdict *v)
{
    static const char *const whens[] = {"before", "torn", "after"};
    char line[SIM_PATH_SIZE * 2];
    int n = snprintf(line, sizeof line, "    op %llu %s %s %llu %llu%s%s%s%s%s\n",
                     (unsigned long long)sim_now->ops, what, name, (unsigned long long)a,
                     (unsigned long long)b, v->crash ? v->keep_cache ? " KILL " : " CRASH " : "",
                     v->crash ? whens[v->when] : "", v->fail ? " EIO" : "", v->cut ? " CUT" : "",
                     sim_space_limited ? " (space limited)" : "");
    if (n > 0)
        (void)sim_real()->write(STDERR_FILENO, line, (size_t)n);
}

/* Counts the operation and consults the faults. Does not return from a crash before it. */
static verdict begin(unsigned kind, const char *what, const char *name, uint64_t a, uint64_t b)
{
    verdict v = {0};
    sim_now->ops++;
    for (size_t i = 0; i < sim_now->fault_count; i++)
        apply_fault(&sim_now->faults[i], kind, &v);
    if (sim_now->trace)
        trace(what, name, a, b, &v);
    if (v.crash && v.when == SIM_BEFORE)
        die(!v.keep_cache);
    return v;
}

/* The real call is done: a crash after it comes now. */
static void done(const verdict *v)
{
    if (v->crash)
        die(!v->keep_cache);
}

/* Which file */

static bool below_root(const char *path)
{
    size_t size = strlen(sim_root);
    return strncmp(path, sim_root, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

static bool link_of_fd(int fd, char out[SIM_PATH_SIZE])
{
    char proc[64];
    (void)snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(proc, out, SIM_PATH_SIZE - 1);
    if (n <= 0 || n == SIM_PATH_SIZE - 1)
        return false;
    out[n] = '\0';
    return true;
}

/* Splits off the last name. The parent of "a" is ".", of "/a" it is "/". */
static bool split(const char *path, char parent[SIM_PATH_SIZE], char name[SIM_NAME_SIZE])
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    if (start == end || end - start >= SIM_NAME_SIZE || start >= SIM_PATH_SIZE)
        return false;
    memcpy(name, path + start, end - start);
    name[end - start] = '\0';
    memcpy(parent, start == 0 ? "." : path, start == 0 ? 1 : start);
    parent[start == 0 ? 1 : start] = '\0';
    return true;
}

/* True if the name is on the disk: its parent directory exists and is the root or below it. */
static bool locate(int dirfd, const char *path, sim_place *ret_place)
{
    char parent[SIM_PATH_SIZE], canonical[SIM_PATH_SIZE];
    sim_place place = {0};
    struct stat st;
    if (path[0] == '/' && strncmp(path, sim_root, strlen(sim_root)) != 0)
        return false;
    if (!split(path, parent, place.name))
        return false;
    int fd = sim_real()->openat(dirfd, parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = link_of_fd(fd, canonical) && below_root(canonical) && fstat(fd, &st) == 0;
    (void)close(fd);
    if (!ok)
        return false;
    place.dir = sim_dir_index(st.st_ino, canonical);
    *ret_place = place;
    return true;
}

static bool stat_place(const sim_place *place, struct stat *ret_st)
{
    char path[SIM_PATH_SIZE * 2];
    sim_place_path(place, path);
    return lstat(path, ret_st) == 0;
}

/* The file of a descriptor, or NULL if it is not a regular file on the disk. */
static sim_file *file_of(int fd, struct stat *ret_st)
{
    char path[SIM_PATH_SIZE];
    if (fstat(fd, ret_st) != 0 || !S_ISREG(ret_st->st_mode) || ret_st->st_dev != sim_device)
        return NULL;
    sim_file *file = sim_file_find(ret_st->st_ino);
    if (file == NULL && link_of_fd(fd, path) && below_root(path))
        sim_disk_unmodelled("a file that was opened unseen", path);
    return file;
}

static bool on(void)
{
    return sim_now != NULL && sim_inside == 0;
}

static bool no_room_for_name(void)
{
    return sim_space_limited && sim_space_left < SIM_PAGE_SIZE &&
           sim_rng_percent(&sim_disk->rng, 50);
}

static void free_space(const struct stat *st)
{
    if (sim_space_limited)
        sim_space_left += (uint64_t)st->st_blocks * SIM_SECTOR_SIZE;
}

/* Opening */

static void remember(int fd, const sim_place *place)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && sim_file_find(st.st_ino) == NULL)
        (void)sim_file_add(st.st_ino, place);
}

static int open_new(int dirfd, const char *path, int flags, mode_t mode, const sim_place *place)
{
    verdict v = begin(OP_CHANGE, "create", place->name, 0, 0);
    if (v.fail || no_room_for_name())
        return (int)leave(-1, v.fail ? EIO : ENOSPC);
    int fd = sim_real()->openat(dirfd, path, flags, mode);
    if (fd < 0)
        return (int)leave(-1, errno);
    remember(fd, place);
    sim_dir_op_add(&(sim_dir_op){.kind = SIM_DIR_CREATE, .from = *place, .grave = -1});
    done(&v);
    return (int)leave(fd, 0);
}

static int open_to_truncate(int dirfd, const char *path, int flags, const sim_place *place,
                            const struct stat *st)
{
    sim_file *file = sim_file_find(st->st_ino);
    if (file == NULL)
        file = sim_file_add(st->st_ino, place);
    verdict v = begin(OP_CHANGE, "truncate", place->name, 0, 0);
    if (v.fail)
        return (int)leave(-1, EIO);
    sim_will_resize(file, (uint64_t)st->st_size, 0);
    int fd = sim_real()->openat(dirfd, path, flags);
    if (fd < 0)
        sim_panic("cannot truncate %s: %s", path, strerror(errno));
    free_space(st);
    done(&v);
    return (int)leave(fd, 0);
}

static int do_open(int dirfd, const char *path, int flags, mode_t mode)
{
    sim_place place;
    struct stat st;
    if (!on())
        return sim_real()->openat(dirfd, path, flags, mode);
    enter();
    if (!locate(dirfd, path, &place))
        return (int)leave(sim_real()->openat(dirfd, path, flags, mode), 0);
    if ((flags & O_TMPFILE) == O_TMPFILE)
        sim_disk_unmodelled("O_TMPFILE", path);
    bool exists = stat_place(&place, &st);
    if ((flags & O_CREAT) != 0 && !exists)
        return open_new(dirfd, path, flags, mode, &place);
    bool truncates = (flags & O_TRUNC) != 0 && (flags & O_ACCMODE) != O_RDONLY &&
                     (flags & O_EXCL) == 0 && exists && S_ISREG(st.st_mode);
    if (truncates && st.st_size > 0)
        return open_to_truncate(dirfd, path, flags, &place, &st);
    int fd = sim_real()->openat(dirfd, path, flags, mode);
    if (fd >= 0)
        remember(fd, &place);
    return (int)leave(fd, 0);
}

static mode_t mode_arg(int flags, va_list args)
{
    bool needed = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    return needed ? va_arg(args, mode_t) : 0;
}

#define DEFINE_OPEN(name)                            \
    int name(const char *path, int flags, ...)       \
    {                                                \
        va_list args;                                \
        va_start(args, flags);                       \
        mode_t mode = mode_arg(flags, args);         \
        va_end(args);                                \
        return do_open(AT_FDCWD, path, flags, mode); \
    }
#define DEFINE_OPENAT(name)                               \
    int name(int dirfd, const char *path, int flags, ...) \
    {                                                     \
        va_list args;                                     \
        va_start(args, flags);                            \
        mode_t mode = mode_arg(flags, args);              \
        va_end(args);                                     \
        return do_open(dirfd, path, flags, mode);         \
    }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

int creat(const char *path, mode_t mode)
{
    return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int creat64(const char *path, mode_t mode)
{
    return creat(path, mode);
}

/* What _FORTIFY_SOURCE makes of an open without a mode. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
int __openat64_2(int dirfd, const char *path, int flags);
int __open_2(const char *path, int flags)
{
    return do_open(AT_FDCWD, path, flags, 0);
}
int __open64_2(const char *path, int flags)
{
    return do_open(AT_FDCWD, path, flags, 0);
}
int __openat_2(int dirfd, const char *path, int flags)
{
    return do_open(dirfd, path, flags, 0);
}
int __openat64_2(int dirfd, const char *path, int flags)
{
    return do_open(dirfd, path, flags, 0);
}

/* stdio would write past the layer; reading with it is fine. */
FILE *fopen(const char *path, const char *mode)
{
    sim_place place;
    if (on() && strpbrk(mode, "wa+") != NULL && locate(AT_FDCWD, path, &place))
        sim_disk_unmodelled("writing through stdio", path);
    return sim_real()->fopen(path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    return fopen(path, mode);
}

/* Writing */

typedef struct write_job {
    int fd;
    const struct iovec *iov;
    int iov_count;
    off_t at;      /* -1: at the descriptor's position */
    uint64_t base; /* where it really goes */
    uint64_t total;
} write_job;

static ssize_t write_real(const write_job *job)
{
    if (job->at < 0)
        return sim_real()->writev(job->fd, job->iov, job->iov_count);
    return sim_real()->pwritev(job->fd, job->iov, job->iov_count, job->at);
}

/* The first `count` bytes of the job, which must all be taken. */
static void write_prefix(const write_job *job, uint64_t count)
{
    static struct iovec cut[IOV_MAX];
    write_job part = *job;
    uint64_t left = count;
    part.iov = cut;
    part.iov_count = 0;
    for (int i = 0; i < job->iov_count && left > 0; i++) {
        size_t size = job->iov[i].iov_len < left ? job->iov[i].iov_len : (size_t)left;
        cut[part.iov_count++] = (struct iovec){job->iov[i].iov_base, size};
        left -= size;
    }
    ssize_t n = write_real(&part);
    if (n < 0 || (uint64_t)n != count)
        sim_panic("the real write took %zd of %llu bytes: %s", n, (unsigned long long)count,
                  strerror(errno));
}

/* A count from `min` to `total` at which Linux might cut a buffered write: it does so between
 * pages, we do between sectors. */
static uint64_t cut_count(const write_job *job, uint64_t min)
{
    uint64_t end = job->base + job->total;
    uint64_t first = (job->base + min + SIM_SECTOR_SIZE - 1) / SIM_SECTOR_SIZE;
    uint64_t last = (end + SIM_SECTOR_SIZE - 1) / SIM_SECTOR_SIZE;
    uint64_t cut = (first + sim_rng_below(&sim_disk->rng, last - first + 1)) * SIM_SECTOR_SIZE;
    return (cut < end ? cut : end) - job->base;
}

/* How many bytes are written; `*ret_err` is what the caller is told, 0 for the count. */
static uint64_t written_count(const write_job *job, sim_file *file, const verdict *v, int *ret_err)
{
    uint64_t count = job->total;
    *ret_err = 0;
    if (v->fail)
        *ret_err = EIO;
    if (v->cut)
        count = cut_count(job, 1);
    else if (v->fail || (v->crash && v->when == SIM_TORN && v->keep_cache))
        count = sim_rng_percent(&sim_disk->rng, 25) ? 0 : cut_count(job, 0);
    uint64_t room = sim_take_space(file, job->base, count);
    if (room == 0 && count > 0 && *ret_err == 0)
        *ret_err = ENOSPC;
    return room < count ? room : count;
}

static ssize_t write_tracked(write_job *job, sim_file *file, const struct stat *st)
{
    int flags = fcntl(job->fd, F_GETFL);
    bool synced = (flags & O_DSYNC) != 0;
    int err;
    if ((flags & O_APPEND) != 0)
        job->base = (uint64_t)st->st_size;
    else if (job->at >= 0)
        job->base = (uint64_t)job->at;
    else
        job->base = (uint64_t)lseek(job->fd, 0, SEEK_CUR);
    verdict v = begin(OP_WRITE | (synced ? OP_SYNC : 0), synced ? "write+sync" : "write",
                      file->name, job->base, job->total);
    uint64_t count = written_count(job, file, &v, &err);
    uint64_t serial = sim_disk->serial;
    if (count > 0) {
        sim_will_write(file, (uint64_t)st->st_size, job->base, count);
        write_prefix(job, count);
    }
    if (v.crash && v.when == SIM_TORN && !v.keep_cache)
        sim_tear(file, serial);
    else if (v.sync_failed)
        sim_sync_failed(file);
    else if (synced && count > 0 && !(v.crash && v.when == SIM_TORN))
        sim_range_made_durable(file, job->base, count, job->base + count > (uint64_t)st->st_size);
    done(&v);
    return leave(err != 0 ? -1 : (long)count, err);
}

static ssize_t do_write(int fd, const struct iovec *iov, int iov_count, off_t at)
{
    write_job job = {.fd = fd, .iov = iov, .iov_count = iov_count, .at = at};
    struct stat st;
    if (!on())
        return write_real(&job);
    for (int i = 0; i < iov_count; i++)
        job.total += iov[i].iov_len;
    enter();
    sim_file *file = file_of(fd, &st);
    bool writable = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
    if (file == NULL || !writable || job.total == 0 || iov_count > IOV_MAX)
        return leave(write_real(&job), 0);
    return write_tracked(&job, file, &st);
}

ssize_t write(int fd, const void *data, size_t size)
{
    struct iovec iov = {(void *)(uintptr_t)data, size};
    if (!on())
        return sim_real()->write(fd, data, size);
    return do_write(fd, &iov, 1, -1);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    struct iovec iov = {(void *)(uintptr_t)data, size};
    if (!on() || at < 0)
        return sim_real()->pwrite(fd, data, size, at);
    return do_write(fd, &iov, 1, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    return pwrite(fd, data, size, at);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
    return do_write(fd, iov, count, -1);
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
    if (at < 0)
        return sim_real()->pwritev(fd, iov, count, at);
    return do_write(fd, iov, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *iov, int count, off64_t at)
{
    return pwritev(fd, iov, count, at);
}

int ftruncate(int fd, off_t size)
{
    struct stat st;
    if (!on() || size < 0)
        return sim_real()->ftruncate(fd, size);
    enter();
    sim_file *file = file_of(fd, &st);
    if (file == NULL)
        return (int)leave(sim_real()->ftruncate(fd, size), 0);
    verdict v = begin(OP_CHANGE, "ftruncate", file->name, (uint64_t)size, 0);
    if (v.fail)
        return (int)leave(-1, EIO);
    sim_will_resize(file, (uint64_t)st.st_size, (uint64_t)size);
    int result = sim_real()->ftruncate(fd, size);
    if (size == 0)
        free_space(&st);
    done(&v);
    return (int)leave(result, 0);
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

int truncate(const char *path, off_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = ftruncate(fd, size);
    int err = errno;
    (void)close(fd);
    errno = err;
    return result;
}

int truncate64(const char *path, off64_t size)
{
    return truncate(path, size);
}

int fallocate(int fd, int mode, off_t offset, off_t count)
{
    struct stat st;
    if (!on() || offset < 0 || count <= 0)
        return sim_real()->fallocate(fd, mode, offset, count);
    enter();
    sim_file *file = file_of(fd, &st);
    if (file == NULL)
        return (int)leave(sim_real()->fallocate(fd, mode, offset, count), 0);
    if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0)
        sim_disk_unmodelled("this mode of fallocate", file->name);
    verdict v = begin(OP_CHANGE, "fallocate", file->name, (uint64_t)offset, (uint64_t)count);
    uint64_t end = (uint64_t)offset + (uint64_t)count;
    if (v.fail)
        return (int)leave(-1, EIO);
    if (sim_take_space(file, (uint64_t)offset, (uint64_t)count) < (uint64_t)count)
        return (int)leave(-1, ENOSPC);
    if (mode == 0 && end > (uint64_t)st.st_size)
        sim_will_resize(file, (uint64_t)st.st_size, end);
    int result = sim_real()->fallocate(fd, mode, offset, count);
    done(&v);
    return (int)leave(result, 0);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t count)
{
    return fallocate(fd, mode, offset, count);
}

int posix_fallocate(int fd, off_t offset, off_t count)
{
    return fallocate(fd, 0, offset, count) == 0 ? 0 : errno;
}

int posix_fallocate64(int fd, off64_t offset, off64_t count)
{
    return posix_fallocate(fd, offset, count);
}

/* Syncing */

static int sync_dir(const struct stat *st)
{
    verdict v = begin(OP_SYNC, "fsync of directory", "", st->st_ino, 0);
    if (v.fail)
        return (int)leave(-1, EIO);
    if (!(v.crash && v.when == SIM_TORN)) {
        if (sim_now->ext4)
            sim_all_dirs_made_durable();
        else
            sim_dir_made_durable(st->st_ino);
    }
    done(&v);
    return (int)leave(0, 0);
}

static int sync_file(sim_file *file, const char *what)
{
    verdict v = begin(OP_SYNC, what, file->name, 0, 0);
    if (v.fail) {
        sim_sync_failed(file);
        return (int)leave(-1, EIO);
    }
    if (!(v.crash && v.when == SIM_TORN)) {
        sim_made_durable(file);
        if (sim_now->ext4)
            sim_all_dirs_made_durable();
    }
    done(&v);
    return (int)leave(0, 0);
}

static int do_sync(int fd, const char *what, int (*real)(int))
{
    struct stat st;
    if (!on())
        return real(fd);
    enter();
    sim_file *file = file_of(fd, &st);
    if (file != NULL)
        return sync_file(file, what);
    char path[SIM_PATH_SIZE];
    bool is_dir = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && st.st_dev == sim_device;
    if (is_dir && link_of_fd(fd, path) && below_root(path))
        return sync_dir(&st);
    return (int)leave(real(fd), 0);
}

int fsync(int fd)
{
    return do_sync(fd, "fsync", sim_real()->fsync);
}

int fdatasync(int fd)
{
    return do_sync(fd, "fdatasync", sim_real()->fdatasync);
}

/* Drops clean pages from the page cache: what a failed sync left behind is seen as it is on disk.
 */
int posix_fadvise(int fd, off_t offset, off_t count, int advice)
{
    struct stat st;
    if (!on() || advice != POSIX_FADV_DONTNEED)
        return sim_real()->posix_fadvise(fd, offset, count, advice);
    enter();
    sim_file *file = file_of(fd, &st);
    if (file == NULL)
        return (int)leave(sim_real()->posix_fadvise(fd, offset, count, advice), 0);
    sim_evict(file, (uint64_t)offset, count == 0 ? UINT64_MAX : (uint64_t)(offset + count));
    return (int)leave(0, 0);
}

int posix_fadvise64(int fd, off64_t offset, off64_t count, int advice)
{
    return posix_fadvise(fd, offset, count, advice);
}

/* Directories */

static int do_rename(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    sim_dir_op op = {.kind = SIM_DIR_RENAME, .grave = -1};
    struct stat source, target;
    if (!on())
        return sim_real()->renameat2(from_fd, from, to_fd, to, flags);
    enter();
    bool from_here = locate(from_fd, from, &op.from);
    bool to_here = locate(to_fd, to, &op.to);
    if (from_here != to_here)
        sim_disk_unmodelled("a rename across the disk's border", from);
    if (!from_here || !stat_place(&op.from, &source))
        return (int)leave(sim_real()->renameat2(from_fd, from, to_fd, to, flags), 0);
    bool replaces = stat_place(&op.to, &target);
    if ((flags & ~(unsigned)RENAME_NOREPLACE) != 0 || (replaces && S_ISDIR(target.st_mode)))
        sim_disk_unmodelled("this rename", to);
    if (replaces && (flags & RENAME_NOREPLACE) != 0)
        return (int)leave(-1, EEXIST);
    verdict v = begin(OP_CHANGE, "rename", op.to.name, 0, 0);
    if (v.fail || no_room_for_name())
        return (int)leave(-1, v.fail ? EIO : ENOSPC);
    if (replaces && target.st_ino != source.st_ino)
        op.grave = sim_bury(&op.to);
    if (sim_real()->renameat2(from_fd, from, to_fd, to, flags) != 0)
        sim_panic("the real rename to %s failed: %s", to, strerror(errno));
    if (S_ISDIR(source.st_mode)) {
        char old[SIM_PATH_SIZE * 2], new[SIM_PATH_SIZE * 2];
        sim_place_path(&op.from, old);
        sim_place_path(&op.to, new);
        sim_dir_moved(old, new);
    }
    sim_dir_op_add(&op);
    done(&v);
    return (int)leave(0, 0);
}

int rename(const char *from, const char *to)
{
    return do_rename(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return do_rename(from_fd, from, to_fd, to, 0);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    return do_rename(from_fd, from, to_fd, to, flags);
}

static int unlink_tracked(int dirfd, const char *path, int flags, sim_dir_op *op,
                          const struct stat *st)
{
    bool file = S_ISREG(st->st_mode);
    verdict v = begin(OP_CHANGE, file ? "unlink" : "rmdir", op->from.name, 0, 0);
    if (v.fail)
        return (int)leave(-1, EIO);
    if (file)
        op->grave = sim_bury(&op->from);
    if (sim_real()->unlinkat(dirfd, path, flags) != 0)
        return (int)leave(-1, errno);
    if (file && st->st_nlink == 1)
        free_space(st);
    sim_dir_op_add(op);
    done(&v);
    return (int)leave(0, 0);
}

int unlinkat(int dirfd, const char *path, int flags)
{
    sim_dir_op op = {.kind = (flags & AT_REMOVEDIR) != 0 ? SIM_DIR_RMDIR : SIM_DIR_UNLINK,
                     .grave = -1};
    struct stat st;
    if (!on())
        return sim_real()->unlinkat(dirfd, path, flags);
    enter();
    if (!locate(dirfd, path, &op.from) || !stat_place(&op.from, &st))
        return (int)leave(sim_real()->unlinkat(dirfd, path, flags), 0);
    if (S_ISDIR(st.st_mode) != ((flags & AT_REMOVEDIR) != 0))
        return (int)leave(sim_real()->unlinkat(dirfd, path, flags), 0);
    return unlink_tracked(dirfd, path, flags, &op, &st);
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char *path)
{
    struct stat st;
    bool dir = lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
    return unlinkat(AT_FDCWD, path, dir ? AT_REMOVEDIR : 0);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    sim_dir_op op = {.kind = SIM_DIR_LINK, .grave = -1};
    struct stat st;
    if (!on())
        return sim_real()->linkat(from_fd, from, to_fd, to, flags);
    enter();
    if (!locate(to_fd, to, &op.from) || stat_place(&op.from, &st))
        return (int)leave(sim_real()->linkat(from_fd, from, to_fd, to, flags), 0);
    verdict v = begin(OP_CHANGE, "link", op.from.name, 0, 0);
    if (v.fail || no_room_for_name())
        return (int)leave(-1, v.fail ? EIO : ENOSPC);
    if (sim_real()->linkat(from_fd, from, to_fd, to, flags) != 0)
        return (int)leave(-1, errno);
    sim_dir_op_add(&op);
    done(&v);
    return (int)leave(0, 0);
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int symlinkat(const char *target, int dirfd, const char *path)
{
    sim_place place;
    if (on() && locate(dirfd, path, &place))
        sim_disk_unmodelled("a symbolic link", path);
    int (*real)(const char *, int, const char *);
    void *fn = find("symlinkat");
    memcpy(&real, &fn, sizeof fn);
    return real(target, dirfd, path);
}

int symlink(const char *target, const char *path)
{
    return symlinkat(target, AT_FDCWD, path);
}

int mkdirat(int dirfd, const char *path, mode_t mode)
{
    sim_dir_op op = {.kind = SIM_DIR_MKDIR, .grave = -1};
    struct stat st;
    if (!on())
        return sim_real()->mkdirat(dirfd, path, mode);
    enter();
    if (!locate(dirfd, path, &op.from) || stat_place(&op.from, &st))
        return (int)leave(sim_real()->mkdirat(dirfd, path, mode), 0);
    verdict v = begin(OP_CHANGE, "mkdir", op.from.name, 0, 0);
    if (v.fail || no_room_for_name())
        return (int)leave(-1, v.fail ? EIO : ENOSPC);
    if (sim_real()->mkdirat(dirfd, path, mode) != 0 || !stat_place(&op.from, &st))
        return (int)leave(-1, errno);
    op.dir_ino = st.st_ino;
    sim_dir_op_add(&op);
    done(&v);
    return (int)leave(0, 0);
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

/* Mappings */

static bool is_lmdb_lock(const char *name)
{
    size_t size = strlen(name);
    return strcmp(name, "lock.mdb") == 0 || (size > 5 && strcmp(name + size - 5, "-lock") == 0);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    struct stat st;
    bool writes = (flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0 && fd >= 0;
    if (on() && writes) {
        enter();
        sim_file *file = file_of(fd, &st);
        if (file != NULL && !is_lmdb_lock(file->name))
            sim_disk_unmodelled("a writable shared mapping", file->name);
        (void)leave(0, 0);
    }
    return sim_real()->mmap(address, size, protection, flags, fd, offset);
}

void *mmap64(void *address, size_t size, int protection, int flags, int fd, off64_t offset)
{
    return mmap(address, size, protection, flags, fd, offset);
}
