/* Files as the stores need them: whole reads and writes in spite of EINTR and short counts, and the
 * orders of sync and rename that survive a power cut.
 *
 * Every call is on paths or descriptors of the caller; nothing is kept. `name` names the file in a
 * failure. Errors unless said otherwise: IO, NO_SPACE (also a file size limit), PERMISSION,
 * NO_MEMORY. Any thread. Source: POSIX.1-2017; house. */
#ifndef CAIRN_CORE_STORE_FILE_H
#define CAIRN_CORE_STORE_FILE_H

#include <sys/types.h>
#include <sys/uio.h>

#include "cairn/arena.h"

enum { CAIRN_PATH_SIZE_MAX = 4096 }; /* bytes with the NUL */

/* "directory/name" in `ret_path`; TOO_LARGE when it does not fit. */
cairn_err cairn_path_join(const char *directory, const char *name,
                          char ret_path[CAIRN_PATH_SIZE_MAX]) CAIRN_MUST_USE;

/* open(2) of a regular file, with O_CLOEXEC and O_NOFOLLOW. NOT_FOUND when it is not there; EXISTS
 * with O_EXCL when it is; IO for anything but a regular file. Close with cairn_file_close. */
cairn_err cairn_file_open(const char *path, int flags, mode_t mode, int *ret_fd) CAIRN_MUST_USE;

/* Takes -1. What was written must have been synced before. */
void cairn_file_close(int fd);
/* The cleanup form. */
static inline void cairn_file_close_p(const int *fd)
{
    cairn_file_close(*fd);
}

cairn_err cairn_file_size(int fd, const char *name, uint64_t *ret_size) CAIRN_MUST_USE;

/* Writes all of it, at the file's position or at `offset`. A failure may leave a part written. */
cairn_err cairn_file_write(int fd, const char *name, cairn_bytes data) CAIRN_MUST_USE;
cairn_err cairn_file_write_at(int fd, const char *name, uint64_t offset,
                              cairn_bytes data) CAIRN_MUST_USE;
/* Same for `count` pieces in as few calls as the system allows; `pieces` is used up. */
cairn_err cairn_file_writev_at(int fd, const char *name, uint64_t offset, struct iovec *pieces,
                               size_t count) CAIRN_MUST_USE;

/* Reads up to `size` bytes at `offset`; fewer only at the end of the file. */
cairn_err cairn_file_read_at(int fd, const char *name, uint64_t offset, void *data, size_t size,
                             size_t *ret_size) CAIRN_MUST_USE;

/* All of a regular file of at most `size_max` bytes, into the arena. NOT_FOUND; TOO_LARGE. */
cairn_err cairn_file_read(cairn_arena *arena, const char *path, size_t size_max,
                          cairn_bytes *ret_data) CAIRN_MUST_USE;

cairn_err cairn_file_truncate(int fd, const char *name, uint64_t size) CAIRN_MUST_USE;

/* fsync(2) and fdatasync(2). After a failure the caller must not rely on a later success: the
 * kernel may have dropped what could not be written. */
cairn_err cairn_file_sync(int fd, const char *name) CAIRN_MUST_USE;
cairn_err cairn_file_sync_data(int fd, const char *name) CAIRN_MUST_USE;

/* Renames; the caller syncs the directory. */
cairn_err cairn_file_rename(const char *from, const char *to) CAIRN_MUST_USE;
/* Removes a file; one that is not there is success. The caller syncs the directory. */
cairn_err cairn_file_remove(const char *path) CAIRN_MUST_USE;

/* Puts `data` in place of the file `path` in one step: a new file beside it, sync, rename, sync of
 * the directory. After a failure the file is the old one, unless `ret_renamed` (may be NULL; always
 * written) is true: then the new one is there, but may not be there after a power cut. */
cairn_err cairn_file_replace(const char *path, mode_t mode, cairn_bytes data,
                             bool *ret_renamed) CAIRN_MUST_USE;

/* The same in two steps, for who wants the room before it has the data. A new, empty file in the
 * directory of `path`, under a name that nobody can foretell; the caller closes and removes it. */
cairn_err cairn_file_beside(const char *path, mode_t mode, char ret_temporary[CAIRN_PATH_SIZE_MAX],
                            int *ret_fd) CAIRN_MUST_USE;
/* Fills it with `data` alone and renames it to `path`; as cairn_file_replace, and after a failure
 * before the renaming it is gone. */
cairn_err cairn_file_take_place(int fd, const char *temporary, const char *path, cairn_bytes data,
                                bool *ret_renamed) CAIRN_MUST_USE;

enum { CAIRN_FILE_LEFT_AFTER_S = 3600 }; /* so old nobody is still writing it */

/* Removes such files that a crash left in the directory, known by name and age. For directories of
 * the house's own. */
cairn_err cairn_file_sweep(const char *directory) CAIRN_MUST_USE;

/* The same in a directory of somebody else's: only what is empty or begins as our documents do,
 * with two bytes of CBOR and "cairn/". */
cairn_err cairn_file_sweep_own(const char *directory) CAIRN_MUST_USE;

/* Makes a directory, unless it is there, and syncs its parent. */
cairn_err cairn_dir_make(const char *path, mode_t mode) CAIRN_MUST_USE;
cairn_err cairn_dir_sync(const char *path) CAIRN_MUST_USE;
/* Syncs the directory that holds `path`. */
cairn_err cairn_dir_sync_parent(const char *path) CAIRN_MUST_USE;

/* Calls `fn` with each name in the directory but "." and "..", in no order, until it fails.
 * NOT_FOUND. */
cairn_err cairn_dir_each(const char *path, cairn_err (*fn)(void *context, const char *name),
                         void *context) CAIRN_MUST_USE;

/* Holds the directory until `*ret_fd` is closed or the process ends: alone, or together with others
 * that do not ask for it alone. LOCKED when somebody else does, also within this process. */
cairn_err cairn_dir_lock(const char *path, bool exclusive, int *ret_fd) CAIRN_MUST_USE;

#endif
