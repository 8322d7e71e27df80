/* Where a server takes its connections from. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/address.h"
#include "core/net/http_internal.h"

static void on_accept(struct evconnlistener *socket, evutil_socket_t fd, struct sockaddr *address,
                      int address_size, void *context)
{
    (void)socket;
    (void)address_size;
    cairn_http_server_accepted(context, fd, address);
}

static void on_accept_failed(struct evconnlistener *socket, void *context)
{
    (void)socket;
    cairn_http_listener *listener = context;
    cairn_http_server_accept_failed(listener->server);
}

static cairn_err bind_socket(const struct addrinfo *info, bool share_port, int *ret_fd)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return cairn_err_from_errno(errno, "http: socket");
    int on = 1;
    int failed = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (failed == 0 && share_port)
        failed = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (failed == 0 && info->ai_family == AF_INET6)
        failed = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (failed == 0)
        failed = bind(fd, info->ai_addr, info->ai_addrlen);
    if (failed != 0) {
        cairn_err err = errno == EADDRINUSE
                            ? CAIRN_FAIL(CAIRN_ERR_ADDRESS_IN_USE, "house", "http: bind")
                            : cairn_err_from_errno(errno, "http: bind");
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    return CAIRN_OK;
}

/* Address and port that a socket is bound to; port 0 for one that has none. */
static uint16_t bound_to(int fd, char ret_address[CAIRN_HTTP_ADDRESS_SIZE])
{
    union {
        struct sockaddr any;
        struct sockaddr_storage room;
    } bound = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t size = sizeof bound;
    uint16_t port = 0;
    ret_address[0] = '\0';
    if (getsockname(fd, &bound.any, &size) == 0)
        cairn_address_format(&bound.any, ret_address, &port);
    return port;
}

static cairn_err resolve(const char *address, uint16_t port, struct addrinfo **ret_info)
{
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    if (getaddrinfo(address, service, &hints, ret_info) != 0)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "http: '%.64s' is not a numeric address",
                          address);
    return CAIRN_OK;
}

/* Owns `fd`, also when it fails; listens on it when `backlog` is not 0. */
static cairn_err add_listener(cairn_http_server *server, cairn_tls_server *tls, int fd, int backlog)
{
    cairn_http_listener *listener = &server->listeners[server->listener_count];
    *listener = (cairn_http_listener){.server = server, .tls = tls};
    /* Enabled by us: evconnlistener_new would not tell that it could not. */
    const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED;
    listener->socket = evconnlistener_new(server->base, on_accept, listener, flags, backlog, fd);
    if (listener->socket == NULL) {
        cairn_err err = cairn_err_from_errno(errno, "http: listen");
        (void)close(fd);
        return err;
    }
    if (evconnlistener_enable(listener->socket) != 0) {
        evconnlistener_free(listener->socket);
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: listener");
    }
    evconnlistener_set_error_cb(listener->socket, on_accept_failed);
    server->listener_count++;
    char address[CAIRN_HTTP_ADDRESS_SIZE];
    uint16_t port = bound_to(fd, address);
    CAIRN_LOG(server->log, &cairn_http_log_events.rows[CAIRN_HTTP_EVENT_LISTENING],
              cairn_log_text("address", address), cairn_log_u64("port", port));
    return CAIRN_OK;
}

static cairn_err check_room(const cairn_http_server *server)
{
    if (server->listener_count < CAIRN_HTTP_LISTENERS_MAX)
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "http: more than %d listeners",
                      CAIRN_HTTP_LISTENERS_MAX);
}

cairn_err cairn_http_server_listen_tls(cairn_http_server *server, cairn_tls_server *tls,
                                       const char *address, uint16_t port, uint16_t *ret_port)
{
    CAIRN_TRY(check_room(server));
    struct addrinfo *info = NULL;
    CAIRN_TRY(resolve(address, port, &info));
    int fd = -1;
    cairn_err err = bind_socket(info, server->options.share_port, &fd);
    freeaddrinfo(info);
    CAIRN_TRY(err);
    char bound[CAIRN_HTTP_ADDRESS_SIZE];
    uint16_t bound_port = bound_to(fd, bound);
    CAIRN_TRY(add_listener(server, tls, fd, SOMAXCONN));
    *ret_port = bound_port;
    return CAIRN_OK;
}

cairn_err cairn_http_server_listen(cairn_http_server *server, const char *address, uint16_t port,
                                   uint16_t *ret_port)
{
    return cairn_http_server_listen_tls(server, NULL, address, port, ret_port);
}

cairn_err cairn_http_check_free(const char *address, uint16_t port)
{
    struct addrinfo *info = NULL;
    int fd = -1;
    CAIRN_TRY(resolve(address, port, &info));
    cairn_err err = bind_socket(info, false, &fd);
    freeaddrinfo(info);
    if (fd >= 0)
        (void)close(fd);
    return err;
}

static cairn_err check_listening(int fd)
{
    int type = 0, listening = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "http: descriptor %d is no stream socket",
                          fd);
    size = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "http: descriptor %d does not listen", fd);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return cairn_err_from_errno(errno, "http: inherited socket");
    return CAIRN_OK;
}

cairn_err cairn_http_server_adopt(cairn_http_server *server, cairn_tls_server *tls, int fd)
{
    CAIRN_TRY(check_room(server));
    CAIRN_TRY(check_listening(fd));
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return cairn_err_from_errno(errno, "http: inherited socket");
    return add_listener(server, tls, own, 0);
}

void cairn_http_listeners_close(cairn_http_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++)
        evconnlistener_free(server->listeners[i].socket);
    server->listener_count = 0;
}
