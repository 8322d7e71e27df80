/* The spawner process: one thread, no memory of the node's, no words but those of spawner_impl.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/sandbox.h"
#include "node/process/spawner_impl.h"

typedef struct child {
    pid_t pid;
    int report; /* -1: nobody waits for it */
} child;

typedef struct spawner {
    int signals;
    pid_t self;
    char *const *keyd; /* its arguments; the first is NULL without one */
    size_t count;
    child children[CAIRN_SPAWNER_CHILDREN_MAX];
} spawner;

static void report(int fd, int32_t value)
{
    (void)send(fd, &value, sizeof value, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* --- requests --- */

cairn_err cairn_spawner_request_decode(cairn_bytes in, cairn_spawner_request *ret_request)
{
    cairn_spawner_request request = {.role = CAIRN_SPAWNER_KEYD};
    if (in.size < 1 || in.data[0] > CAIRN_SPAWNER_WORKER || in.data[in.size - 1] != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "spawner: request");
    request.role = (cairn_spawner_role)in.data[0];
    for (size_t at = 1; at < in.size;) {
        const char *argument = (const char *)in.data + at;
        size_t size = strnlen(argument, in.size - at);
        if (size > CAIRN_SPAWNER_ARGUMENT_SIZE_MAX ||
            request.argument_count == CAIRN_SPAWNER_ARGUMENTS_MAX ||
            request.role == CAIRN_SPAWNER_KEYD)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "spawner: arguments");
        request.arguments[request.argument_count++] = argument;
        at += size + 1;
    }
    *ret_request = request;
    return CAIRN_OK;
}

/* The child: its descriptor 3, its parent's end, its name. */
static void become_child(const spawner *s, int socket, char *const *argv)
{
    sigset_t none;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != s->self)
        _exit(127); /* it ended before that took hold */
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGHUP, SIG_DFL);
    if (dup2(socket, CAIRN_SPAWNER_FD) >= 0)
        (void)execv("/proc/self/exe", argv);
    _exit(127);
}

/* Starts a child; the report is closed when that cannot be. */
static void start_child(spawner *s, cairn_bytes request_bytes, const int fds[2])
{
    cairn_spawner_request request;
    char *argv[1 + CAIRN_SPAWNER_ARGUMENTS_MAX + 1] = {(char *)(uintptr_t) "cairn-worker"};
    pid_t pid = -1;
    bool keyd_missing = false;
    if (s->count < CAIRN_SPAWNER_CHILDREN_MAX &&
        cairn_spawner_request_decode(request_bytes, &request) == CAIRN_OK) {
        keyd_missing = request.role == CAIRN_SPAWNER_KEYD && s->keyd[0] == NULL;
        for (size_t i = 0; i < request.argument_count; i++)
            argv[i + 1] = (char *)(uintptr_t)request.arguments[i];
        if (!keyd_missing)
            pid = fork();
        if (pid == 0)
            become_child(s, fds[1], request.role == CAIRN_SPAWNER_KEYD ? s->keyd : argv);
    }
    (void)close(fds[1]);
    if (pid < 0) {
        (void)close(fds[0]);
        return;
    }
    s->children[s->count++] = (child){.pid = pid, .report = fds[0]};
    report(fds[0], pid);
}

/* One datagram with exactly two descriptors; false when the node has ended. */
static bool take_request(spawner *s)
{
    uint8_t bytes[CAIRN_SPAWNER_REQUEST_SIZE_MAX];
    union {
        char room[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec piece = {.iov_base = bytes, .iov_len = sizeof bytes};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    int fds[2];
    ssize_t n = recvmsg(CAIRN_SPAWNER_FD, &message, MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR)
        return true;
    const struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (n <= 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || head == NULL ||
        head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof fds))
        return false;
    memcpy(fds, CMSG_DATA(head), sizeof fds);
    start_child(s, cairn_bytes_of(bytes, (size_t)n), fds);
    return true;
}

/* --- children --- */

static void forget_child(spawner *s, pid_t pid, int status)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->children[i].pid != pid)
            continue;
        if (s->children[i].report >= 0) {
            report(s->children[i].report, status);
            (void)close(s->children[i].report);
        }
        s->children[i] = s->children[--s->count];
        return;
    }
}

static void reap(spawner *s)
{
    struct signalfd_siginfo info;
    ssize_t ignored = read(s->signals, &info, sizeof info);
    (void)ignored;
    for (;;) {
        int status = 0;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid <= 0)
            return;
        forget_child(s, pid, status);
    }
}

/* A report that was closed is an order to end the child. */
static void end_unwanted(spawner *s, const struct pollfd *fds)
{
    for (size_t i = 0; i < s->count; i++) {
        if (fds[i].fd < 0 || (fds[i].revents & (POLLHUP | POLLERR | POLLIN)) == 0)
            continue;
        (void)kill(s->children[i].pid, SIGKILL);
        (void)close(s->children[i].report);
        s->children[i].report = -1;
    }
}

static void end_all(spawner *s)
{
    for (size_t i = 0; i < s->count; i++)
        (void)kill(s->children[i].pid, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {
    }
}

static void run(spawner *s)
{
    struct pollfd fds[2 + CAIRN_SPAWNER_CHILDREN_MAX];
    for (;;) {
        fds[0] = (struct pollfd){.fd = CAIRN_SPAWNER_FD, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = s->signals, .events = POLLIN};
        for (size_t i = 0; i < s->count; i++)
            fds[2 + i] = (struct pollfd){.fd = s->children[i].report};
        if (poll(fds, 2 + s->count, -1) < 0)
            continue;
        end_unwanted(s, fds + 2);
        if ((fds[1].revents & POLLIN) != 0)
            reap(s);
        if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !take_request(s))
            return;
    }
}

/* --- start --- */

/* Standard input and output are the node's; the error stream stays for what must be said. */
static bool drop_streams(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
        return false;
    (void)close(null);
    return true;
}

static cairn_err prepare(spawner *s)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    CAIRN_TRY(cairn_sandbox_harden(CAIRN_SPAWNER_FD + 1));
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)prctl(PR_SET_NAME, "cairn-spawner", 0, 0, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || sigprocmask(SIG_SETMASK, &set, NULL) != 0 ||
        !drop_streams() || fcntl(CAIRN_SPAWNER_FD, F_SETFD, FD_CLOEXEC) != 0)
        return cairn_err_from_errno(errno, "spawner");
    s->self = getpid();
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signals < 0 ? cairn_err_from_errno(errno, "spawner: signalfd") : CAIRN_OK;
}

int cairn_spawner_main(int argc, char **argv)
{
    static spawner s;
    const char ready = 1;
    if (argc != 1 && argc != 1 + CAIRN_KEYD_ARGUMENTS)
        return cairn_err_exit(CAIRN_ERR_USAGE);
    s.keyd = argv + 1;
    cairn_err err = prepare(&s);
    if (err == CAIRN_OK && send(CAIRN_SPAWNER_FD, &ready, 1, MSG_NOSIGNAL) == 1) {
        run(&s);
        end_all(&s);
    }
    return cairn_err_exit(err);
}
