/* For LD_PRELOAD: ends the process, as SIGKILL would, at its n-th call that changes a directory,
 * syncs, or flushes a stream (as SoftHSM does behind each object), n from the environment variable
 * KILL_AT; with KILL_AFTER set, just after the call. */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic unsigned calls;

static int hits(void)
{
    const char *at = getenv("KILL_AT");
    return at != NULL && ++calls == (unsigned)atoi(at);
}

static void end(void)
{
    (void)kill(getpid(), SIGKILL);
}

static int before(void)
{
    int hit = hits();
    if (hit && getenv("KILL_AFTER") == NULL)
        end();
    return hit;
}

static int after(int hit, long result)
{
    if (hit)
        end();
    return (int)result;
}

int mkdir(const char *path, mode_t mode)
{
    int hit = before();
    return after(hit, syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

int rename(const char *from, const char *to)
{
    int hit = before();
    return after(hit, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int fsync(int fd)
{
    int hit = before();
    return after(hit, syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
    int hit = before();
    return after(hit, syscall(SYS_fdatasync, fd));
}

int rmdir(const char *path)
{
    int hit = before();
    return after(hit, syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR));
}

int unlink(const char *path)
{
    int hit = before();
    return after(hit, syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

/* The library's own is not reached by its name from here. */
int fflush(FILE *stream)
{
    int hit = stream == NULL || stream == stdout || stream == stderr ? 0 : before();
    return after(hit, fflush_unlocked(stream));
}
