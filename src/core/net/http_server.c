/* The loop, who is let in, and the drain. */
#include "core/net/http_server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/net/address.h"
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
    [CAIRN_HTTP_EVENT_HANDSHAKE_FAILED] = {"http.handshake_failed", CAIRN_LOG_WARNING, 20, 60,
                                           "A client's TLS handshake did not succeed."},
    [CAIRN_HTTP_EVENT_ADDRESS_LIMIT] = {"http.address_limit", CAIRN_LOG_WARNING, 5, 6,
                                        "An address has as many connections as it may."},
    [CAIRN_HTTP_EVENT_OVERLOADED] = {"http.overloaded", CAIRN_LOG_WARNING, 5, 6,
                                     "More requests are being handled than the limit."},
    [CAIRN_HTTP_EVENT_LOOP_FAILED] = {"http.loop_failed", CAIRN_LOG_ERROR, 5, 6,
                                      "A loop of the network failed, and the others stop."},
};
const cairn_log_table cairn_http_log_events = {log_rows, sizeof log_rows / sizeof log_rows[0]};

cairn_http_server_options cairn_http_server_defaults(void)
{
    return (cairn_http_server_options){.body_size_max = 1 << 20,
                                       .handler_memory = 1 << 20,
                                       .stream_buffer_max = 1 << 18,
                                       .connection_count_max = 1024,
                                       .exchange_count_max = 1024,
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

/* The server that runs on this thread. */
static __thread const cairn_http_server *running_here;

void cairn_http_server_nudge(const cairn_http_server *server)
{
    if (running_here == server)
        event_active(server->done_here, EV_TIMEOUT, 0);
    else
        cairn_http_server_wake(server);
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
        CAIRN_ASSERT(evconnlistener_disable(server->listeners[i].socket) == 0);
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
        if (evconnlistener_enable(server->listeners[i].socket) != 0) {
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
    cairn_http_listeners_close(server);
    cairn_http_connection *next = NULL;
    for (cairn_http_connection *c = server->connections; c != NULL; c = next) {
        next = c->next;
        cairn_http_connection_drain(c);
    }
    if (!cairn_http_timer_set(server->drain_timer, server->options.drain_timeout_ms))
        close_all(server);
    check_drained(server);
}

/* The answers so far, oldest first. */
static cairn_http_exchange *take_done(cairn_http_server *server)
{
    cairn_http_lock(server);
    cairn_http_exchange *newest = server->done;
    server->done = NULL;
    cairn_http_unlock(server);
    cairn_http_exchange *oldest = NULL;
    while (newest != NULL) {
        cairn_http_exchange *older = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = older;
    }
    return oldest;
}

static void on_done(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    cairn_http_server *server = context;
    for (cairn_http_exchange *e = take_done(server); e != NULL;) {
        cairn_http_exchange *next = e->next; /* it may be queued anew while it is processed */
        cairn_http_exchange_process(e);
        e = next;
    }
    if (atomic_load(&server->stop) && !server->draining)
        begin_drain(server);
    check_drained(server);
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    uint64_t count = 0;
    cairn_http_server *server = context;
    ssize_t n = read(fd, &count, sizeof count);
    (void)n;
    atomic_store(&server->asked, false);
    on_done(fd, what, context);
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

/* NULL when memory has ended. */
static cairn_http_peer_box *make_peer(const struct sockaddr *address)
{
    cairn_http_peer_box *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return NULL;
    atomic_init(&peer->reference_count, 1);
    cairn_address_format(address, peer->facts.address, &peer->facts.port);
    return peer;
}

void cairn_http_server_accepted(cairn_http_listener *listener, evutil_socket_t fd,
                                const struct sockaddr *address)
{
    cairn_http_server *server = listener->server;
    cairn_http_peer_box *peer = make_peer(address);
    if (peer == NULL) {
        (void)close(fd);
        return;
    }
    cairn_http_count(server, CAIRN_HTTP_COUNT_ACCEPTED);
    if (server->addresses != NULL &&
        !cairn_http_addresses_enter(server->addresses, peer->facts.address)) {
        CAIRN_LOG(server->log, &log_rows[CAIRN_HTTP_EVENT_ADDRESS_LIMIT],
                  cairn_log_text("peer", peer->facts.address));
        cairn_http_peer_unref(peer);
        (void)close(fd);
        return;
    }
    cairn_http_connection_open(server, listener->tls, fd, peer);
    if (server->connection_count >= server->options.connection_count_max)
        pause_accepting(server);
}

/* No descriptors or no memory: trying again at once would spin. */
void cairn_http_server_accept_failed(cairn_http_server *server)
{
    CAIRN_LOG(server->log, &log_rows[CAIRN_HTTP_EVENT_ACCEPT_FAILED],
              cairn_log_u64("errno", (uint64_t)errno));
    retry_accepting(server);
}

static void init_locks(cairn_http_server *server)
{
    pthread_mutexattr_t recursive;
    CAIRN_ASSERT(pthread_mutexattr_init(&recursive) == 0);
    CAIRN_ASSERT(pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE) == 0);
    CAIRN_ASSERT(pthread_mutex_init(&server->callback_lock, &recursive) == 0);
    CAIRN_ASSERT(pthread_mutexattr_destroy(&recursive) == 0);
    CAIRN_ASSERT(pthread_mutex_init(&server->lock, NULL) == 0);
}

static cairn_err make_events(cairn_http_server *server)
{
    server->base = event_base_new();
    if (server->base == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: event loop");
    server->wake = event_new(server->base, server->wake_fd, EV_READ | EV_PERSIST, on_wake, server);
    server->done_here = evtimer_new(server->base, on_done, server);
    server->drain_timer = evtimer_new(server->base, on_drain_timer, server);
    server->retry_timer = evtimer_new(server->base, on_retry_timer, server);
    if (server->wake == NULL || server->done_here == NULL || server->drain_timer == NULL ||
        server->retry_timer == NULL || event_add(server->wake, NULL) != 0)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: events");
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
    atomic_init(&server->asked, false);
    for (size_t i = 0; i < sizeof server->counts / sizeof server->counts[0]; i++)
        atomic_init(&server->counts[i], 0);
    init_locks(server);
    server->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (server->wake_fd < 0)
        return cairn_err_from_errno(errno, "http: eventfd");
    CAIRN_TRY(make_events(server));
    if (options->address_connection_count_max > 0) {
        CAIRN_TRY(cairn_http_addresses_new(options->connection_count_max,
                                           options->address_connection_count_max,
                                           &server->addresses));
        server->owns_addresses = true;
    }
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
    cairn_http_listeners_close(server);
    close_all(server);
    if (server->owns_addresses)
        cairn_http_addresses_free(server->addresses);
    free_event(server->wake);
    free_event(server->done_here);
    free_event(server->drain_timer);
    free_event(server->retry_timer);
    if (server->base != NULL)
        event_base_free(server->base);
    if (server->wake_fd >= 0)
        (void)close(server->wake_fd);
    CAIRN_ASSERT(pthread_mutex_destroy(&server->lock) == 0);
    CAIRN_ASSERT(pthread_mutex_destroy(&server->callback_lock) == 0);
    free(server);
}

/* Without a loop: every client is sent away, and handlers are waited for. */
static void end_without_loop(cairn_http_server *server)
{
    server->draining = true;
    cairn_http_listeners_close(server);
    close_all(server);
    while (atomic_load(&server->exchange_count) > 0) {
        struct pollfd wake = {.fd = server->wake_fd, .events = POLLIN};
        (void)poll(&wake, 1, -1);
        on_wake(server->wake_fd, EV_READ, server);
    }
}

cairn_err cairn_http_server_run(cairn_http_server *server)
{
    struct sigaction pipe_action;
    CAIRN_ASSERT(sigaction(SIGPIPE, NULL, &pipe_action) == 0 && pipe_action.sa_handler == SIG_IGN);
    running_here = server;
    int status = event_base_dispatch(server->base);
    running_here = NULL;
    if (status < 0) {
        end_without_loop(server);
        return CAIRN_FAIL(CAIRN_ERR_IO, "house", "http: event loop failed");
    }
    cairn_log_write(server->log, &log_rows[CAIRN_HTTP_EVENT_DRAINED], NULL, 0);
    return CAIRN_OK;
}

void cairn_http_server_counts(cairn_http_server *server, cairn_http_counts *ret_counts)
{
    uint64_t counts[sizeof server->counts / sizeof server->counts[0]];
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        counts[i] = atomic_load_explicit(&server->counts[i], memory_order_relaxed);
    *ret_counts =
        (cairn_http_counts){.connections = atomic_load(&server->connection_count),
                            .exchanges = atomic_load(&server->exchange_count),
                            .accepted = counts[CAIRN_HTTP_COUNT_ACCEPTED],
                            .requests = counts[CAIRN_HTTP_COUNT_REQUESTS],
                            .refused = counts[CAIRN_HTTP_COUNT_REFUSED],
                            .half_sent = counts[CAIRN_HTTP_COUNT_HALF_SENT],
                            .overloaded = counts[CAIRN_HTTP_COUNT_OVERLOADED],
                            .handshakes = counts[CAIRN_HTTP_COUNT_HANDSHAKES],
                            .handshakes_failed = counts[CAIRN_HTTP_COUNT_HANDSHAKES_FAILED]};
}

void cairn_http_server_stop(cairn_http_server *server)
{
    atomic_store(&server->stop, true);
    cairn_http_server_wake(server);
}
