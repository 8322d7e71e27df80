/* What a service and systemd say to each other: readiness, watchdog, sockets that are open before
 * the service is. Without systemd every call succeeds and does nothing. Source: sd_notify(3),
 * sd_listen_fds(3), sd_watchdog_enabled(3). */
#ifndef CAIRN_NODE_SYSTEMD_H
#define CAIRN_NODE_SYSTEMD_H

#include "cairn/bytes.h"

enum {
    CAIRN_SYSTEMD_SOCKETS_MAX = 16,
    CAIRN_SYSTEMD_NAME_SIZE_MAX = 255,
    CAIRN_SYSTEMD_STATUS_SIZE_MAX = 256,
};

/* A listening socket that was handed over; the caller's to close. */
typedef struct cairn_systemd_socket {
    int fd;
    char name[CAIRN_SYSTEMD_NAME_SIZE_MAX + 1]; /* FileDescriptorName=; "unknown" without one */
} cairn_systemd_socket;

typedef struct cairn_systemd {
    int notify_fd;        /* connected to NOTIFY_SOCKET; -1: nobody listens */
    uint64_t watchdog_us; /* a sign of life is due before this passes; 0: none is */
    size_t socket_count;
    cairn_systemd_socket sockets[CAIRN_SYSTEMD_SOCKETS_MAX];
} cairn_systemd;

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID, LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES and
 * takes them out of the environment, so that no child believes they are meant for it. Before there
 * are threads. BAD_VALUE for one that is malformed, TOO_MANY, IO. */
cairn_err cairn_systemd_init(cairn_systemd *ret_systemd) CAIRN_MUST_USE;
/* Closes what was not taken. Takes a zeroed one whose fds are -1. */
void cairn_systemd_done(cairn_systemd *systemd);

/* The socket of that name, which is then the caller's; -1 when there is none (left). */
int cairn_systemd_take(cairn_systemd *systemd, const char *name);

/* READY=1, RELOADING=1 with the time that systemd asks for, STOPPING=1, WATCHDOG=1; each with a
 * status line (NULL: none; control characters become blanks). Any thread. IO when systemd does not
 * take it. */
cairn_err cairn_systemd_ready(const cairn_systemd *systemd, const char *status) CAIRN_MUST_USE;
cairn_err cairn_systemd_reloading(const cairn_systemd *systemd, uint64_t monotonic_us,
                                  const char *status) CAIRN_MUST_USE;
cairn_err cairn_systemd_stopping(const cairn_systemd *systemd, const char *status) CAIRN_MUST_USE;
cairn_err cairn_systemd_alive(const cairn_systemd *systemd) CAIRN_MUST_USE;

#endif
