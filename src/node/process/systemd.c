/* systemd's two protocols: datagrams of lines to NOTIFY_SOCKET, and sockets from descriptor 3 on.
 */
#include "node/process/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTEN_FDS_START = 3, MESSAGE_SIZE = 512 };

/* --- the environment --- */

/* A decimal number and nothing else. */
static cairn_err parse_number(const char *name, const char *text, uint64_t max, uint64_t *ret_value)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > max)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "systemd", "%s: not a number in its range", name);
    *ret_value = value;
    return CAIRN_OK;
}

/* Whether `name` holds our process id; a variable that is not there says yes to nobody. */
static cairn_err names_us(const char *name, bool missing, bool *ret_us)
{
    const char *text = getenv(name);
    uint64_t pid = 0;
    if (text != NULL)
        CAIRN_TRY(parse_number(name, text, INT32_MAX, &pid));
    *ret_us = text == NULL ? missing : pid == (uint64_t)getpid();
    return CAIRN_OK;
}

static cairn_err open_notify(const char *path, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    if (size < 2 || size >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "sd_notify(3)", "NOTIFY_SOCKET: no address");
    memcpy(address.sun_path, path, size);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    else
        length++; /* the NUL */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return cairn_err_from_errno(errno, "NOTIFY_SOCKET");
    if (connect(fd, (const struct sockaddr *)&address, length) != 0) {
        cairn_err err = cairn_err_from_errno(errno, "NOTIFY_SOCKET");
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    return CAIRN_OK;
}

static cairn_err read_watchdog(uint64_t *ret_us)
{
    const char *text = getenv("WATCHDOG_USEC");
    bool us = false;
    uint64_t value = 0;
    if (text == NULL)
        return CAIRN_OK;
    CAIRN_TRY(names_us("WATCHDOG_PID", true, &us));
    CAIRN_TRY(parse_number("WATCHDOG_USEC", text, UINT64_MAX - 1, &value));
    if (us)
        *ret_us = value;
    return CAIRN_OK;
}

/* Names are separated by colons; fewer than sockets is an error, as in libsystemd. */
static cairn_err name_sockets(cairn_systemd *s, const char *names)
{
    for (size_t i = 0; i < s->socket_count; i++) {
        size_t size = names == NULL ? 0 : strcspn(names, ":");
        if (size > CAIRN_SYSTEMD_NAME_SIZE_MAX)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "sd_listen_fds(3)", "LISTEN_FDNAMES: a name");
        if (names == NULL) {
            (void)strcpy(s->sockets[i].name, "unknown");
            continue;
        }
        memcpy(s->sockets[i].name, names, size);
        s->sockets[i].name[size] = '\0';
        bool last = i + 1 == s->socket_count;
        if ((names[size] == '\0') != last)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "sd_listen_fds(3)",
                              "LISTEN_FDNAMES: not a name for each socket");
        names += size + 1;
    }
    return CAIRN_OK;
}

static cairn_err read_sockets(cairn_systemd *s)
{
    const char *text = getenv("LISTEN_FDS");
    bool us = false;
    uint64_t count = 0;
    CAIRN_TRY(names_us("LISTEN_PID", false, &us));
    if (text == NULL || !us)
        return CAIRN_OK;
    CAIRN_TRY(parse_number("LISTEN_FDS", text, INT32_MAX, &count));
    if (count > CAIRN_SYSTEMD_SOCKETS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "LISTEN_FDS: more than %d",
                          CAIRN_SYSTEMD_SOCKETS_MAX);
    for (size_t i = 0; i < count; i++) {
        int fd = LISTEN_FDS_START + (int)i;
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
            return cairn_err_from_errno(errno, "LISTEN_FDS");
        s->sockets[i].fd = fd;
    }
    s->socket_count = (size_t)count;
    return name_sockets(s, getenv("LISTEN_FDNAMES"));
}

static void forget_environment(void)
{
    static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                        "LISTEN_PID",    "LISTEN_FDS",    "LISTEN_FDNAMES"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unsetenv(names[i]);
}

static cairn_err read_all(cairn_systemd *s)
{
    const char *path = getenv("NOTIFY_SOCKET");
    if (path != NULL)
        CAIRN_TRY(open_notify(path, &s->notify_fd));
    CAIRN_TRY(read_watchdog(&s->watchdog_us));
    return read_sockets(s);
}

cairn_err cairn_systemd_init(cairn_systemd *ret_systemd)
{
    cairn_systemd s = {.notify_fd = -1};
    for (size_t i = 0; i < CAIRN_SYSTEMD_SOCKETS_MAX; i++)
        s.sockets[i].fd = -1;
    cairn_err err = read_all(&s);
    forget_environment();
    if (err != CAIRN_OK) {
        cairn_systemd_done(&s);
        return err;
    }
    *ret_systemd = s;
    return CAIRN_OK;
}

void cairn_systemd_done(cairn_systemd *systemd)
{
    if (systemd->notify_fd >= 0)
        (void)close(systemd->notify_fd);
    systemd->notify_fd = -1;
    for (size_t i = 0; i < systemd->socket_count; i++) {
        if (systemd->sockets[i].fd >= 0)
            (void)close(systemd->sockets[i].fd);
        systemd->sockets[i].fd = -1;
    }
}

int cairn_systemd_take(cairn_systemd *systemd, const char *name)
{
    for (size_t i = 0; i < systemd->socket_count; i++) {
        cairn_systemd_socket *s = &systemd->sockets[i];
        if (s->fd < 0 || strcmp(s->name, name) != 0)
            continue;
        int fd = s->fd;
        s->fd = -1;
        return fd;
    }
    return -1;
}

/* --- notification --- */

/* A line more, whose text cannot begin another one. */
static void add_status(char *message, const char *status)
{
    size_t at = strlen(message);
    (void)snprintf(message + at, MESSAGE_SIZE - at, "\nSTATUS=%.*s", CAIRN_SYSTEMD_STATUS_SIZE_MAX,
                   status);
    for (char *c = message + at + 1; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
}

static cairn_err notify(const cairn_systemd *systemd, const char *line, const char *status)
{
    char message[MESSAGE_SIZE];
    ssize_t n = 0;
    if (systemd->notify_fd < 0)
        return CAIRN_OK;
    (void)snprintf(message, sizeof message, "%s", line);
    if (status != NULL)
        add_status(message, status);
    do
        n = send(systemd->notify_fd, message, strlen(message), MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? cairn_err_from_errno(errno, "NOTIFY_SOCKET") : CAIRN_OK;
}

cairn_err cairn_systemd_ready(const cairn_systemd *systemd, const char *status)
{
    return notify(systemd, "READY=1", status);
}

cairn_err cairn_systemd_reloading(const cairn_systemd *systemd, uint64_t monotonic_us,
                                  const char *status)
{
    char line[64];
    (void)snprintf(line, sizeof line, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, monotonic_us);
    return notify(systemd, line, status);
}

cairn_err cairn_systemd_stopping(const cairn_systemd *systemd, const char *status)
{
    return notify(systemd, "STOPPING=1", status);
}

cairn_err cairn_systemd_alive(const cairn_systemd *systemd)
{
    return notify(systemd, "WATCHDOG=1", NULL);
}
