/* Thin, complete wrappers of the system's file calls. */
#include "core/store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

static cairn_err fail(int errnum, const char *operation, const char *name)
{
    char what[256];
    (void)snprintf(what, sizeof what, "%s: %s", name, operation);
    switch (errnum) {
    case ENOENT:
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "%s: is not there", what);
    case EEXIST:
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "%s: is already there", what);
    case EFBIG:
        return CAIRN_FAIL(CAIRN_ERR_NO_SPACE, "house", "%s: file size limit", what);
    case ELOOP:
        return CAIRN_FAIL(CAIRN_ERR_IO, "house", "%s: is a symbolic link", what);
    default:
        return cairn_err_from_errno(errnum, what);
    }
}

cairn_err cairn_path_join(const char *directory, const char *name,
                          char ret_path[CAIRN_PATH_SIZE_MAX])
{
    size_t directory_size = strlen(directory);
    size_t name_size = strlen(name);
    if (directory_size + name_size + 2 > CAIRN_PATH_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "path: %zu bytes",
                          directory_size + name_size + 2);
    memcpy(ret_path, directory, directory_size);
    ret_path[directory_size] = '/';
    memcpy(ret_path + directory_size + 1, name, name_size + 1);
    return CAIRN_OK;
}

static cairn_err open_any(const char *path, int flags, mode_t mode, int *ret_fd)
{
    int fd = -1;
    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return fail(errno, "open", path);
    *ret_fd = fd;
    return CAIRN_OK;
}

cairn_err cairn_file_open(const char *path, int flags, mode_t mode, int *ret_fd)
{
    int fd = -1;
    /* O_NONBLOCK: opening a FIFO that somebody put there must not hang. */
    CAIRN_TRY(open_any(path, flags | O_NOFOLLOW | O_NONBLOCK, mode, &fd));
    struct stat status;
    if (fstat(fd, &status) != 0) {
        cairn_err err = fail(errno, "fstat", path);
        cairn_file_close(fd);
        return err;
    }
    if (!S_ISREG(status.st_mode)) {
        cairn_file_close(fd);
        return CAIRN_FAIL(CAIRN_ERR_IO, "house", "%s: is not a regular file", path);
    }
    *ret_fd = fd;
    return CAIRN_OK;
}

void cairn_file_close(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

cairn_err cairn_file_size(int fd, const char *name, uint64_t *ret_size)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return fail(errno, "fstat", name);
    *ret_size = (uint64_t)status.st_size;
    return CAIRN_OK;
}

/* A write that makes no progress without an error would loop for ever: it counts as an error. */
static int count_error(ssize_t count)
{
    return count == 0 ? EIO : errno;
}

cairn_err cairn_file_write(int fd, const char *name, cairn_bytes data)
{
    while (data.size > 0) {
        ssize_t count = write(fd, data.data, data.size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return fail(count_error(count), "write", name);
        data = cairn_bytes_of(data.data + count, data.size - (size_t)count);
    }
    return CAIRN_OK;
}

cairn_err cairn_file_write_at(int fd, const char *name, uint64_t offset, cairn_bytes data)
{
    while (data.size > 0) {
        ssize_t count = pwrite(fd, data.data, data.size, (off_t)offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return fail(count_error(count), "write", name);
        offset += (size_t)count;
        data = cairn_bytes_of(data.data + count, data.size - (size_t)count);
    }
    return CAIRN_OK;
}

/* Takes `done` bytes off the front of the pieces; tells how many pieces are used up. */
static size_t advance(struct iovec *pieces, size_t count, size_t done)
{
    size_t used = 0;
    while (used < count && done >= pieces[used].iov_len)
        done -= pieces[used++].iov_len;
    if (used < count) {
        pieces[used].iov_base = (uint8_t *)pieces[used].iov_base + done;
        pieces[used].iov_len -= done;
    }
    return used;
}

cairn_err cairn_file_writev_at(int fd, const char *name, uint64_t offset, struct iovec *pieces,
                               size_t count)
{
    size_t empty = advance(pieces, count, 0);
    pieces += empty;
    count -= empty;
    while (count > 0) {
        int batch = count > IOV_MAX ? IOV_MAX : (int)count;
        ssize_t written = pwritev(fd, pieces, batch, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return fail(count_error(written), "write", name);
        offset += (size_t)written;
        size_t used = advance(pieces, count, (size_t)written);
        pieces += used;
        count -= used;
    }
    return CAIRN_OK;
}

cairn_err cairn_file_read_at(int fd, const char *name, uint64_t offset, void *data, size_t size,
                             size_t *ret_size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = pread(fd, (uint8_t *)data + done, size - done, (off_t)(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fail(errno, "read", name);
        if (count == 0)
            break;
        done += (size_t)count;
    }
    *ret_size = done;
    return CAIRN_OK;
}

cairn_err cairn_file_read(cairn_arena *arena, const char *path, size_t size_max,
                          cairn_bytes *ret_data)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    CAIRN_TRY(cairn_file_open(path, O_RDONLY, 0, &fd));
    uint64_t size = 0;
    CAIRN_TRY(cairn_file_size(fd, path, &size));
    if (size > size_max)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "%s: more than %zu bytes", path, size_max);
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, (size_t)size, &memory));
    size_t got = 0;
    CAIRN_TRY(cairn_file_read_at(fd, path, 0, memory, (size_t)size, &got));
    *ret_data = cairn_bytes_of(memory, got);
    return CAIRN_OK;
}

cairn_err cairn_file_truncate(int fd, const char *name, uint64_t size)
{
    int result = -1;
    do
        result = ftruncate(fd, (off_t)size);
    while (result != 0 && errno == EINTR);
    return result == 0 ? CAIRN_OK : fail(errno, "truncate", name);
}

cairn_err cairn_file_sync(int fd, const char *name)
{
    return fsync(fd) == 0 ? CAIRN_OK : fail(errno, "sync", name);
}

cairn_err cairn_file_sync_data(int fd, const char *name)
{
    return fdatasync(fd) == 0 ? CAIRN_OK : fail(errno, "sync", name);
}

cairn_err cairn_file_rename(const char *from, const char *to)
{
    return rename(from, to) == 0 ? CAIRN_OK : fail(errno, "rename", to);
}

cairn_err cairn_file_remove(const char *path)
{
    return unlink(path) == 0 || errno == ENOENT ? CAIRN_OK : fail(errno, "remove", path);
}

/* --- replacing --- */

enum { TEMPORARY_NAME_SIZE = 1 + 16 + 4 }; /* ".0123456789abcdef.tmp" */

static bool is_temporary(const char *name)
{
    return strlen(name) == TEMPORARY_NAME_SIZE && name[0] == '.' &&
           strspn(name + 1, "0123456789abcdef") == 16 && strcmp(name + 17, ".tmp") == 0;
}

cairn_err cairn_file_beside(const char *path, mode_t mode, char ret_temporary[CAIRN_PATH_SIZE_MAX],
                            int *ret_fd)
{
    uint8_t random[8];
    const char *slash = strrchr(path, '/');
    int parent = slash == NULL ? 0 : (int)(slash - path) + 1;
    if (RAND_bytes(random, sizeof random) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "%s: no random name", path);
    int size = snprintf(ret_temporary, CAIRN_PATH_SIZE_MAX, "%.*s.%016llx.tmp", parent, path,
                        (unsigned long long)cairn_get_u64(random));
    if (size < 0 || size >= CAIRN_PATH_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "path: %d bytes", size);
    return cairn_file_open(ret_temporary, O_WRONLY | O_CREAT | O_EXCL, mode, ret_fd);
}

cairn_err cairn_file_take_place(int fd, const char *temporary, const char *path, cairn_bytes data,
                                bool *ret_renamed)
{
    *ret_renamed = false;
    cairn_err err = cairn_file_truncate(fd, temporary, 0);
    if (err == CAIRN_OK)
        err = cairn_file_write_at(fd, temporary, 0, data);
    if (err == CAIRN_OK)
        err = cairn_file_sync(fd, temporary);
    if (err == CAIRN_OK)
        err = cairn_file_rename(temporary, path);
    if (err != CAIRN_OK) {
        (void)unlink(temporary);
        return err;
    }
    *ret_renamed = true;
    return cairn_dir_sync_parent(path);
}

typedef struct sweep {
    const char *directory;
    time_t before;
    bool own; /* what does not begin as ours do stays */
} sweep;

static bool begins_as_ours(const char *path)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char start[8];
    ssize_t size = fd < 0 ? -1 : read(fd, start, sizeof start);
    return size == 0 || (size == sizeof start && memcmp(start + 2, "cairn/", 6) == 0);
}

static cairn_err sweep_name(void *context, const char *name)
{
    const sweep *s = context;
    char path[CAIRN_PATH_SIZE_MAX];
    struct stat status;
    if (!is_temporary(name))
        return CAIRN_OK;
    CAIRN_TRY(cairn_path_join(s->directory, name, path));
    if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode) || status.st_mtime >= s->before)
        return CAIRN_OK;
    return !s->own || begins_as_ours(path) ? cairn_file_remove(path) : CAIRN_OK;
}

static cairn_err sweep_directory(const char *directory, bool own)
{
    sweep s = {.directory = directory, .before = time(NULL) - CAIRN_FILE_LEFT_AFTER_S, .own = own};
    return cairn_dir_each(directory, sweep_name, &s);
}

cairn_err cairn_file_sweep(const char *directory)
{
    return sweep_directory(directory, false);
}

cairn_err cairn_file_sweep_own(const char *directory)
{
    return sweep_directory(directory, true);
}

static cairn_err replace(const char *path, mode_t mode, cairn_bytes data, bool *renamed)
{
    char temporary[CAIRN_PATH_SIZE_MAX];
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    CAIRN_TRY(cairn_file_beside(path, mode, temporary, &fd));
    return cairn_file_take_place(fd, temporary, path, data, renamed);
}

cairn_err cairn_file_replace(const char *path, mode_t mode, cairn_bytes data, bool *ret_renamed)
{
    bool renamed = false;
    cairn_err err = replace(path, mode, data, &renamed);
    if (ret_renamed != NULL)
        *ret_renamed = renamed;
    return err;
}

cairn_err cairn_dir_make(const char *path, mode_t mode)
{
    struct stat status;
    bool made = mkdir(path, mode) == 0;
    if (!made && (errno != EEXIST || stat(path, &status) != 0 || !S_ISDIR(status.st_mode)))
        return fail(errno, "make directory", path);
    /* Also for one that is there: whoever made it may have died before this. Who may not open the
     * folder above (a node that has shut itself in) has not made it. */
    cairn_err err = cairn_dir_sync_parent(path);
    return !made && err == CAIRN_ERR_PERMISSION ? CAIRN_OK : err;
}

cairn_err cairn_dir_sync(const char *path)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    CAIRN_TRY(open_any(path, O_RDONLY | O_DIRECTORY, 0, &fd));
    return cairn_file_sync(fd, path);
}

cairn_err cairn_dir_sync_parent(const char *path)
{
    char parent[CAIRN_PATH_SIZE_MAX] = ".";
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    if (size >= sizeof parent)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "path: %zu bytes", size);
    if (size > 0) {
        memcpy(parent, path, size);
        parent[size] = '\0';
    }
    return cairn_dir_sync(parent);
}

static void close_dir_p(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

cairn_err cairn_dir_each(const char *path, cairn_err (*fn)(void *context, const char *name),
                         void *context)
{
    CAIRN_CLEANUP(close_dir_p) DIR *dir = opendir(path);
    if (dir == NULL)
        return fail(errno, "open directory", path);
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL)
            return errno == 0 ? CAIRN_OK : fail(errno, "read directory", path);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            CAIRN_TRY(fn(context, entry->d_name));
    }
}

cairn_err cairn_dir_lock(const char *path, bool exclusive, int *ret_fd)
{
    int fd = -1;
    CAIRN_TRY(open_any(path, O_RDONLY | O_DIRECTORY, 0, &fd));
    if (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
        cairn_err err = errno == EWOULDBLOCK ? CAIRN_FAIL(CAIRN_ERR_LOCKED, "house",
                                                          "%s: is in use by another process", path)
                                             : fail(errno, "lock", path);
        cairn_file_close(fd);
        return err;
    }
    *ret_fd = fd;
    return CAIRN_OK;
}
