/* The loop, its listeners, and the drain. */
#include "core/net/http_server.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/http_internal.h"

static const cairn_log_event log_rows[] = {
    [CAIRN_HTTP_EVENT_LISTENING] = {"http.listening", CAIRN_LOG_INFO, 16, 60,
                                    "The server takes connections on an address."},
    [CAIRN_HTTP_EVENT_REFUSED] = {"http.refused", CAIRN_LOG_WARNING, 20, 60,
                                  "A request broke the framing or a limit."},
    [CAIRN_HTTP_EVENT_TIMEOUT] = {"http.timeout", CAIRN_LOG_WARNING, 20, 60,
                                  "A request did not arrive in time."},
    [CAIRN_HTTP_EVENT_ACCEPT_FAILED] = {"http.accept_failed", CAIRN_LOG_ERROR, 5, 6,
                                        "The system gave no socket for a connection."},
    [CAIRN_HTTP_EVENT_DRAINED] = {"http.drained", CAIRN_LOG_INFO, 5, 60,
                                  "The server was stopped and every answer has left."},
};
const cairn_log_table cairn_http_log_events = {log_rows, sizeof log_rows / sizeof log_rows[0]};

cairn_http_server_options cairn_http_server_defaults(void)
{
    return (cairn_http_server_options){.body_size_max = 1 << 20,
                                       .connection_count_max = 1024,
                                       .idle_timeout_ms = 60000,
                                       .head_timeout_ms = 10000,
                                       .body_timeout_ms = 30000,
                                       .write_timeout_ms = 30000,
                                       .drain_timeout_ms = 5000};
}

void cairn_http_server_wake(const cairn_http_server *server)
{
    const uint64_t one = 1;
    /* The counter can only be full when the loop is about to wake anyway. */
    ssize_t n = write(server->wake_fd, &one, sizeof one);
    (void)n;
}

bool cairn_http_timer_set(struct event *timer, uint32_t ms)
{
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    return event_add(timer, &wait) == 0;
}

static void pause_accepting(cairn_http_server *server)
{
    server->accepting = false;
    for (size_t i = 0; i < server->listener_count; i++)
        CAIRN_ASSERT(evconnlistener_disable(server->listeners[i]) == 0);
}

/* Tries again a little later. Without memory even for that, the next connection that closes does
 * (cairn_http_server_released). */
static void retry_accepting(cairn_http_server *server)
{
    pause_accepting(server);
    bool armed = cairn_http_timer_set(server->retry_timer, CAIRN_HTTP_ACCEPT_RETRY_MS);
    (void)armed;
}

static void resume_accepting(cairn_http_server *server)
{
    server->accepting = true;
    for (size_t i = 0; i < server->listener_count; i++)
        if (evconnlistener_enable(server->listeners[i]) != 0) {
            retry_accepting(server);
            return;
        }
}

/* Ends the loop once there is nothing left to wait for. */
static void check_drained(cairn_http_server *server)
{
    if (!server->draining || server->connection_count > 0 || server->exchange_count > 0)
        return;
    (void)event_base_loopbreak(server->base);
}

void cairn_http_server_released(cairn_http_server *server)
{
    if (!server->draining && !server->accepting && !evtimer_pending(server->retry_timer, NULL))
        resume_accepting(server);
    check_drained(server);
}

static void close_all(cairn_http_server *server)
{
    while (server->connections != NULL)
        cairn_http_connection_close(server->connections);
}

static void begin_drain(cairn_http_server *server)
{
    server->draining = true;
    (void)event_del(server->retry_timer);
    for (size_t i = 0; i < server->listener_count; i++)
        evconnlistener_free(server->listeners[i]);
    server->listener_count = 0;
    cairn_http_connection *next = NULL;
    for (cairn_http_connection *c = server->connections; c != NULL; c = next) {
        next = cairn_http_connection_next(c);
        cairn_http_connection_drain(c);
    }
    if (!cairn_http_timer_set(server->drain_timer, server->options.drain_timeout_ms))
        close_all(server);
    check_drained(server);
}

/* The answers so far, oldest first. */
static cairn_http_exchange *take_done(cairn_http_server *server)
{
    CAIRN_ASSERT(pthread_mutex_lock(&server->lock) == 0);
    cairn_http_exchange *newest = server->done;
    server->done = NULL;
    CAIRN_ASSERT(pthread_mutex_unlock(&server->lock) == 0);
    cairn_http_exchange *oldest = NULL;
    while (newest != NULL) {
        cairn_http_exchange *older = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = older;
    }
    return oldest;
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    cairn_http_server *server = context;
    uint64_t count = 0;
    ssize_t n = read(fd, &count, sizeof count);
    (void)n;
    for (cairn_http_exchange *e = take_done(server); e != NULL;) {
        cairn_http_exchange *next = e->next;
        server->exchange_count--;
        cairn_http_connection_answer(e);
        e = next;
    }
    if (atomic_load(&server->stop) && !server->draining)
        begin_drain(server);
    check_drained(server);
}

static void on_drain_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    cairn_http_server *server = context;
    close_all(server);
    check_drained(server);
}

static void on_retry_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    cairn_http_server *server = context;
    if (server->connection_count < server->options.connection_count_max)
        resume_accepting(server);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int address_size, void *context)
{
    (void)listener;
    (void)address;
    (void)address_size;
    cairn_http_server *server = context;
    cairn_http_connection_open(server, fd);
    if (server->connection_count >= server->options.connection_count_max)
        pause_accepting(server);
}

/* No descriptors or no memory: trying again at once would spin. */
static void on_accept_failed(struct evconnlistener *listener, void *context)
{
    (void)listener;
    cairn_http_server *server = context;
    CAIRN_LOG(server->log, &log_rows[CAIRN_HTTP_EVENT_ACCEPT_FAILED],
              cairn_log_u64("errno", (uint64_t)errno));
    retry_accepting(server);
}

static cairn_err bind_socket(const cairn_http_server *server, const struct addrinfo *info,
                             int *ret_fd)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return cairn_err_from_errno(errno, "http: socket");
    int on = 1;
    int failed = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (failed == 0 && server->options.share_port)
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

static uint16_t bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {.v6 = {0}};
    socklen_t size = sizeof bound;
    CAIRN_ASSERT(getsockname(fd, &bound.any, &size) == 0);
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
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

cairn_err cairn_http_server_listen(cairn_http_server *server, const char *address, uint16_t port,
                                   uint16_t *ret_port)
{
    if (server->listener_count == CAIRN_HTTP_LISTENERS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "http: more than %d listeners",
                          CAIRN_HTTP_LISTENERS_MAX);
    struct addrinfo *info = NULL;
    CAIRN_TRY(resolve(address, port, &info));
    int fd = -1;
    cairn_err err = bind_socket(server, info, &fd);
    freeaddrinfo(info);
    CAIRN_TRY(err);
    uint16_t bound = bound_port(fd);
    /* Enabled by us: evconnlistener_new would not tell that it could not. */
    const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED;
    struct evconnlistener *listener =
        evconnlistener_new(server->base, on_accept, server, flags, SOMAXCONN, fd);
    if (listener == NULL) {
        err = cairn_err_from_errno(errno, "http: listen");
        (void)close(fd);
        return err;
    }
    if (evconnlistener_enable(listener) != 0) {
        evconnlistener_free(listener);
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: listener");
    }
    evconnlistener_set_error_cb(listener, on_accept_failed);
    server->listeners[server->listener_count++] = listener;
    CAIRN_LOG(server->log, &log_rows[CAIRN_HTTP_EVENT_LISTENING],
              cairn_log_text("address", address), cairn_log_u64("port", bound));
    *ret_port = bound;
    return CAIRN_OK;
}

cairn_err cairn_http_server_new(const cairn_clock *clock, cairn_log *log,
                                const cairn_http_server_options *options,
                                cairn_http_handler_fn handler, void *context,
                                cairn_http_server **ret_server)
{
    CAIRN_ASSERT(options->connection_count_max > 0);
    CAIRN_CLEANUP(cairn_http_server_free_p) cairn_http_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: server");
    server->clock = *clock;
    server->log = log;
    server->options = *options;
    server->handler = handler;
    server->context = context;
    server->accepting = true;
    atomic_init(&server->stop, false);
    CAIRN_ASSERT(pthread_mutex_init(&server->lock, NULL) == 0);
    server->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (server->wake_fd < 0)
        return cairn_err_from_errno(errno, "http: eventfd");
    server->base = event_base_new();
    if (server->base == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: event loop");
    server->wake = event_new(server->base, server->wake_fd, EV_READ | EV_PERSIST, on_wake, server);
    server->drain_timer = evtimer_new(server->base, on_drain_timer, server);
    server->retry_timer = evtimer_new(server->base, on_retry_timer, server);
    if (server->wake == NULL || server->drain_timer == NULL || server->retry_timer == NULL ||
        event_add(server->wake, NULL) != 0)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: events");
    *ret_server = CAIRN_STEAL(server);
    return CAIRN_OK;
}

static void free_event(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

void cairn_http_server_free(cairn_http_server *server)
{
    if (server == NULL)
        return;
    CAIRN_ASSERT(server->exchange_count == 0);
    server->draining = true;
    for (size_t i = 0; i < server->listener_count; i++)
        evconnlistener_free(server->listeners[i]);
    close_all(server);
    free_event(server->wake);
    free_event(server->drain_timer);
    free_event(server->retry_timer);
    if (server->base != NULL)
        event_base_free(server->base);
    if (server->wake_fd >= 0)
        (void)close(server->wake_fd);
    CAIRN_ASSERT(pthread_mutex_destroy(&server->lock) == 0);
    free(server);
}

cairn_err cairn_http_server_run(cairn_http_server *server)
{
    struct sigaction pipe_action;
    CAIRN_ASSERT(sigaction(SIGPIPE, NULL, &pipe_action) == 0 && pipe_action.sa_handler == SIG_IGN);
    if (event_base_dispatch(server->base) < 0)
        return CAIRN_FAIL(CAIRN_ERR_IO, "house", "http: event loop failed");
    cairn_log_write(server->log, &log_rows[CAIRN_HTTP_EVENT_DRAINED], NULL, 0);
    return CAIRN_OK;
}

void cairn_http_server_stop(cairn_http_server *server)
{
    atomic_store(&server->stop, true);
    cairn_http_server_wake(server);
}
