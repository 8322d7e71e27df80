/* Faults below libc for one test program: its write, fsync, rename, unlink and mkdir calls are
 * counted, and the n-th fails or ends the process. Include once, in the test's only source. The
 * whole disk model, with lost writes, is in tests/sim. */
#ifndef CAIRN_TESTS_SUPPORT_FAULTS_H
#define CAIRN_TESTS_SUPPORT_FAULTS_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { FAULT_EXIT = 99 }; /* exit status of a process that was ended */

static unsigned fault_calls; /* since it was set to 0 */
static unsigned fault_at;    /* the call to hit, counted from 1; 0 for none */
static int fault_errno;      /* what it fails with; 0 ends the process */
static bool fault_after;     /* end it after the call instead of before */

/* Counts a call. True when it must fail. */
static inline bool fault_hits(void)
{
    fault_calls++;
    if (fault_at == 0 || fault_calls != fault_at)
        return false;
    if (fault_errno != 0) {
        errno = fault_errno;
        return true;
    }
    if (!fault_after)
        _exit(FAULT_EXIT);
    return false;
}

/* Ends the process when the call that was just made is the one. */
static inline long fault_done(long result)
{
    if (fault_at != 0 && fault_calls == fault_at && fault_errno == 0)
        _exit(FAULT_EXIT);
    return result;
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (fd <= 2) /* the test's own report */
        return syscall(SYS_write, fd, data, size);
    return fault_hits() ? -1 : fault_done(syscall(SYS_write, fd, data, size));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return fault_hits() ? -1 : fault_done(syscall(SYS_pwrite64, fd, data, size, offset));
}

int fsync(int fd)
{
    return fault_hits() ? -1 : (int)fault_done(syscall(SYS_fsync, fd));
}

int rename(const char *from, const char *to)
{
    return fault_hits() ? -1 : (int)fault_done(syscall(SYS_rename, from, to));
}

int unlink(const char *path)
{
    return fault_hits() ? -1 : (int)fault_done(syscall(SYS_unlink, path));
}

#endif
