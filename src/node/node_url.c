/* One line, written at once: who reads in between finds nothing. */
#include "node/node_url.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/store/file.h"

enum { LINE_SIZE_MAX = 512 };

cairn_err cairn_node_url_open(const char *directory, int *ret_fd)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, "node.url", path));
    CAIRN_TRY(cairn_file_open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644, ret_fd));
    (void)fchmod(*ret_fd, 0644); /* anybody's, whatever the umask; it is no secret */
    return CAIRN_OK;
}

cairn_err cairn_node_url_write(int fd, const char *url)
{
    char line[LINE_SIZE_MAX];
    int size = url == NULL ? 0 : snprintf(line, sizeof line, "%s\n", url);
    if (ftruncate(fd, 0) != 0)
        return cairn_err_from_errno(errno, "node.url");
    if (size > 0 && pwrite(fd, line, (size_t)size, 0) != size)
        return cairn_err_from_errno(errno, "node.url");
    return CAIRN_OK;
}
