/* Inputs are opened as the user means them; outputs go through core/store/file. */
#include "command/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/store/file.h"

static cairn_err not_a_no(cairn_err err)
{
    return err == CAIRN_ERR_NOT_FOUND || err == CAIRN_ERR_EXISTS ? CAIRN_ERR_IO : err;
}

cairn_err cairn_input_open(const char *path, int *ret_fd)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang */
    if (fd < 0 && errno == ENOENT)
        return CAIRN_FAIL(CAIRN_ERR_IO, "house", "%s: is not there", path);
    if (fd < 0)
        return cairn_err_from_errno(errno, path);
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        cairn_file_close(fd);
        return CAIRN_FAIL(CAIRN_ERR_IO, "house", "%s: is not a regular file", path);
    }
    *ret_fd = fd;
    return CAIRN_OK;
}

cairn_err cairn_input_err(const char *path, cairn_err err)
{
    char detail[256];
    if (err == CAIRN_OK)
        return CAIRN_OK;
    (void)snprintf(detail, sizeof detail, "%s", cairn_err_detail());
    return CAIRN_FAIL(err, "house", "%s: %s", path, detail);
}

cairn_err cairn_input_read(cairn_arena *arena, const char *path, size_t size_max,
                           cairn_bytes *ret_data)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    uint64_t size = 0;
    size_t got = 0;
    void *memory = NULL;
    CAIRN_TRY(cairn_input_open(path, &fd));
    CAIRN_TRY(cairn_file_size(fd, path, &size));
    if (size > size_max)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "%s: more than %zu bytes", path, size_max);
    CAIRN_TRY(cairn_arena_alloc(arena, (size_t)size, &memory));
    CAIRN_TRY(cairn_file_read_at(fd, path, 0, memory, (size_t)size, &got));
    *ret_data = cairn_bytes_of(memory, got);
    return CAIRN_OK;
}

cairn_err cairn_output_write(const char *path, mode_t mode, cairn_bytes data)
{
    return not_a_no(cairn_file_replace(path, mode, data, NULL));
}

cairn_err cairn_output_dir(const char *path, mode_t mode)
{
    return not_a_no(cairn_dir_make(path, mode));
}
