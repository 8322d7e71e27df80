/* The node's side of the spawner. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/process/spawner_impl.h"

struct cairn_spawner {
    pid_t pid;
    int control;
};

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

static cairn_err fail_gone(void)
{
    return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "spawner: no process can be started");
}

/* --- the spawner itself --- */

/* Between fork and exec in a process that may have threads: system calls and nothing else. */
static void become_spawner(int control, const char *const *argv)
{
    (void)setsid(); /* Ctrl-C is for the node */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    int fd =
        fcntl(control, F_DUPFD, CAIRN_SPAWNER_FD + 1); /* dup2 onto itself would keep CLOEXEC */
    if (fd >= 0 && dup2(fd, CAIRN_SPAWNER_FD) >= 0)
        (void)execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* The spawner says one byte when it is ready; nothing comes when it could not be run. */
static cairn_err wait_ready(int control)
{
    char ready = 0;
    ssize_t n = 0;
    do
        n = recv(control, &ready, 1, 0);
    while (n < 0 && errno == EINTR);
    return n == 1 ? CAIRN_OK : fail_gone();
}

cairn_err cairn_spawner_start(const cairn_keyd_options *keyd, cairn_spawner **ret_spawner)
{
    static const cairn_keyd_options none;
    const char *argv[1 + CAIRN_KEYD_ARGUMENTS + 1] = {"cairn-spawner"};
    int pair[2];
    cairn_keyd_arguments(keyd != NULL ? keyd : &none, argv + 1);
    if (keyd == NULL)
        argv[1] = NULL;
    CAIRN_CLEANUP(cairn_spawner_free_p) cairn_spawner *spawner = calloc(1, sizeof *spawner);
    if (spawner == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "spawner");
    spawner->control = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return cairn_err_from_errno(errno, "spawner: socketpair");
    spawner->control = pair[0];
    spawner->pid = fork();
    if (spawner->pid == 0)
        become_spawner(pair[1], argv);
    int errnum = errno;
    close_fd(pair[1]);
    if (spawner->pid < 0)
        return cairn_err_from_errno(errnum, "spawner: fork");
    CAIRN_TRY(wait_ready(spawner->control));
    *ret_spawner = CAIRN_STEAL(spawner);
    return CAIRN_OK;
}

void cairn_spawner_free(cairn_spawner *spawner)
{
    if (spawner == NULL)
        return;
    close_fd(spawner->control);
    if (spawner->pid > 0)
        while (waitpid(spawner->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    free(spawner);
}

bool cairn_spawner_has_ended(const cairn_spawner *spawner)
{
    siginfo_t info = {.si_pid = 0};
    int failed =
        waitid(P_PID, (id_t)spawner->pid, &info, WEXITED | WNOHANG | WNOWAIT); /* free reaps it */
    return failed != 0 || info.si_pid != 0;
}

/* --- asking for a child --- */

/* Sends the request with the child's ends of both pairs. Any thread: one datagram. */
static cairn_err send_request(const cairn_spawner *spawner, cairn_bytes request, const int fds[2])
{
    union {
        char room[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {.room = {0}};
    struct iovec piece = {.iov_base = (void *)(uintptr_t)request.data, .iov_len = request.size};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(head), fds, 2 * sizeof(int));
    ssize_t n = 0;
    do
        n = sendmsg(spawner->control, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)request.size ? CAIRN_OK : fail_gone();
}

/* One number of the report; UNAVAILABLE when it has ended. */
static cairn_err read_report(int report, int *ret_value)
{
    ssize_t n = 0;
    int32_t value = 0;
    do
        n = recv(report, &value, sizeof value, 0);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof value)
        return fail_gone();
    *ret_value = value;
    return CAIRN_OK;
}

static size_t put_request(cairn_spawner_role role, const char *const *arguments, size_t count,
                          uint8_t out[CAIRN_SPAWNER_REQUEST_SIZE_MAX])
{
    size_t size = 0;
    CAIRN_ASSERT(count <= CAIRN_SPAWNER_ARGUMENTS_MAX);
    out[size++] = (uint8_t)role;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(arguments[i]);
        CAIRN_ASSERT(length <= CAIRN_SPAWNER_ARGUMENT_SIZE_MAX);
        memcpy(out + size, arguments[i], length + 1);
        size += length + 1;
    }
    return size;
}

cairn_err cairn_spawner_run(cairn_spawner *spawner, cairn_spawner_role role,
                            const char *const *arguments, size_t argument_count,
                            cairn_spawner_child *ret_child)
{
    uint8_t request[CAIRN_SPAWNER_REQUEST_SIZE_MAX];
    int report[2];
    int data[2];
    size_t size = put_request(role, arguments, argument_count, request);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) != 0)
        return cairn_err_from_errno(errno, "spawner: socketpair");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, data) != 0) {
        cairn_err err = cairn_err_from_errno(errno, "spawner: socketpair");
        close_fd(report[0]);
        close_fd(report[1]);
        return err;
    }
    cairn_spawner_child child = {.report = report[0], .socket = data[0]};
    const int theirs[2] = {report[1], data[1]};
    cairn_err err = send_request(spawner, cairn_bytes_of(request, size), theirs);
    close_fd(theirs[0]);
    close_fd(theirs[1]);
    if (err == CAIRN_OK)
        err = read_report(child.report, &child.pid);
    if (err != CAIRN_OK) {
        cairn_spawner_child_close(&child);
        return err;
    }
    *ret_child = child;
    return CAIRN_OK;
}

cairn_err cairn_spawner_status(const cairn_spawner_child *child, int *ret_status)
{
    return read_report(child->report, ret_status);
}

void cairn_spawner_child_close(cairn_spawner_child *child)
{
    close_fd(child->report);
    close_fd(child->socket);
    child->report = -1;
    child->socket = -1;
}
