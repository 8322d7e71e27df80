/* Listener and connections. */
#include "ledger/consortium/abci_server.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char clause[] = "docs/formats/abci.md";

enum {
    READ_SIZE = 64 << 10,
    WRITE_SIZE = 1 << 20, /* so much output is not held back */
    ARENA_SIZE_MAX = 512 << 20,
    SEND_MS = 200,   /* so long a send waits before it looks whether the server stops */
    ACCEPT_MS = 100, /* to the next try when there is no descriptor or memory for a connection */
};

static const cairn_log_event rows[] = {
    {"abci.connected", CAIRN_LOG_INFO, 8, 60, "The consensus engine opened a connection."},
    {"abci.closed", CAIRN_LOG_WARNING, 8, 60,
     "A connection of the consensus engine ended with an error."},
};
enum { EVENT_CONNECTED, EVENT_CLOSED };
const cairn_log_table cairn_abci_server_events = {.rows = rows,
                                                  .count = sizeof rows / sizeof rows[0]};

typedef struct connection {
    cairn_abci_server *server;
    pthread_t thread;
    int fd;       /* server->lock; -1: the place is free, or its thread has ended */
    bool started; /* its thread has to be joined */
    uint8_t *buffer;
    size_t capacity;
    size_t start; /* of what is not handled yet */
    size_t end;
    cairn_wire_writer out;
    cairn_arena arena;
} connection;

struct cairn_abci_server {
    cairn_abci_handler handler;
    cairn_log *log;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    int listen_fd;
    pthread_t acceptor;
    pthread_mutex_t lock; /* guards `stopping`, and each connection's fd and `started` */
    bool stopping;
    connection connections[CAIRN_ABCI_CONNECTIONS_MAX];
};

/* --- bytes --- */

static bool is_stopping(cairn_abci_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool stopping = server->stopping;
    pthread_mutex_unlock(&server->lock);
    return stopping;
}

/* An engine that is paused is waited for, but not by a server that stops. */
static cairn_err write_out(connection *c)
{
    cairn_bytes out;
    CAIRN_TRY(cairn_wire_writer_end(&c->out, &out));
    while (out.size > 0) {
        ssize_t n = send(c->fd, out.data, out.size, MSG_NOSIGNAL);
        if (n < 0 && (errno == EINTR || (errno == EAGAIN && !is_stopping(c->server))))
            continue;
        if (n < 0)
            return cairn_err_from_errno(errno, "abci: send");
        out = cairn_bytes_of(out.data + n, out.size - (size_t)n);
    }
    cairn_wire_writer_reset(&c->out);
    return CAIRN_OK;
}

/* Room for READ_SIZE more bytes behind those that are there. */
static cairn_err make_room(connection *c)
{
    if (c->start > 0) {
        memmove(c->buffer, c->buffer + c->start, c->end - c->start);
        c->end -= c->start;
        c->start = 0;
    }
    if (c->capacity - c->end >= READ_SIZE)
        return CAIRN_OK;
    size_t capacity = c->capacity == 0 ? (size_t)READ_SIZE * 2 : c->capacity * 2;
    uint8_t *grown = realloc(c->buffer, capacity);
    if (grown == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "abci: buffer of %zu bytes", capacity);
    c->buffer = grown;
    c->capacity = capacity;
    return CAIRN_OK;
}

/* Reads what is there. `ret_open` false at the end. */
static cairn_err read_more(connection *c, bool *ret_open)
{
    CAIRN_TRY(make_room(c));
    for (;;) {
        ssize_t n = recv(c->fd, c->buffer + c->end, c->capacity - c->end, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cairn_err_from_errno(errno, "abci: receive");
        c->end += (size_t)n;
        *ret_open = n > 0;
        return CAIRN_OK;
    }
}

/* The next whole frame's content. `ret_whole` false: more must come. */
static cairn_err next_frame(connection *c, cairn_bytes *ret_message, bool *ret_whole)
{
    uint64_t size = 0;
    size_t prefix = 0;
    *ret_whole = false;
    if (c->start == c->end)
        return CAIRN_OK;
    cairn_bytes rest = cairn_bytes_of(c->buffer + c->start, c->end - c->start);
    cairn_err err = cairn_wire_varint(rest, &size, &prefix);
    if (err == CAIRN_ERR_TRUNCATED)
        return CAIRN_OK;
    CAIRN_TRY(err);
    if (size > CAIRN_ABCI_FRAME_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "frame: %llu bytes",
                          (unsigned long long)size);
    if (size > rest.size - prefix)
        return CAIRN_OK;
    *ret_message = cairn_bytes_of(rest.data + prefix, (size_t)size);
    c->start += prefix + (size_t)size;
    *ret_whole = true;
    return CAIRN_OK;
}

/* --- requests --- */

/* Decodes the whole frames at hand, at most a batch of them. What comes before one that fails is
 * counted. */
static cairn_err read_batch(connection *c, cairn_abci_request *requests, size_t *ret_count)
{
    bool whole = true;
    cairn_arena_reset(&c->arena);
    for (*ret_count = 0; *ret_count < CAIRN_ABCI_BATCH_MAX; ++*ret_count) {
        cairn_bytes message;
        CAIRN_TRY(next_frame(c, &message, &whole));
        if (!whole)
            break;
        CAIRN_TRY(cairn_abci_read(&c->arena, message, &requests[*ret_count]));
    }
    return CAIRN_OK;
}

static cairn_err handle_batch(connection *c, const cairn_abci_request *requests, size_t count)
{
    const cairn_abci_handler *handler = &c->server->handler;
    if (handler->foresee != NULL && count > 1)
        handler->foresee(handler->context, requests, count);
    for (size_t i = 0; i < count; i++) {
        size_t before = c->out.size;
        cairn_err err = handler->handle(handler->context, &requests[i], &c->arena, &c->out);
        if (err != CAIRN_OK)
            c->out.size = before; /* half an answer */
        CAIRN_TRY(err);
        if (c->out.size >= WRITE_SIZE)
            CAIRN_TRY(write_out(c));
    }
    return CAIRN_OK;
}

static cairn_err serve(connection *c)
{
    bool open = true;
    while (open) {
        cairn_abci_request requests[CAIRN_ABCI_BATCH_MAX];
        size_t count = 0;
        cairn_err err = read_batch(c, requests, &count);
        CAIRN_TRY(handle_batch(c, requests, count));
        CAIRN_TRY(err);
        if (count > 0)
            continue;
        CAIRN_TRY(write_out(c));
        CAIRN_TRY(read_more(c, &open));
    }
    return CAIRN_OK;
}

/* Tells the engine why. */
static void end_badly(connection *c, cairn_err err)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "%s: %s", cairn_err_name(err), cairn_err_detail());
    CAIRN_LOG(c->server->log, &rows[EVENT_CLOSED], cairn_log_err(err));
    if (c->out.err != CAIRN_OK)
        cairn_wire_writer_reset(&c->out);
    cairn_abci_put_exception(&c->out, text);
    (void)!write_out(c);
}

static void *run_connection(void *context)
{
    connection *c = context;
    cairn_arena_init(&c->arena, ARENA_SIZE_MAX);
    cairn_wire_writer_init(&c->out, 2 * (size_t)CAIRN_ABCI_FRAME_SIZE_MAX);
    cairn_err err = serve(c);
    if (err != CAIRN_OK && !is_stopping(c->server))
        end_badly(c, err);
    cairn_arena_done(&c->arena);
    cairn_wire_writer_done(&c->out);
    free(c->buffer);
    pthread_mutex_lock(&c->server->lock);
    (void)close(c->fd);
    c->fd = -1;
    pthread_mutex_unlock(&c->server->lock);
    return NULL;
}

/* --- listener --- */

/* A free place, its last thread joined; NULL when all are taken. */
static connection *take_place(cairn_abci_server *server)
{
    for (size_t i = 0; i < CAIRN_ABCI_CONNECTIONS_MAX; i++) {
        connection *c = &server->connections[i];
        pthread_mutex_lock(&server->lock);
        bool is_free = c->fd < 0;
        pthread_mutex_unlock(&server->lock);
        if (!is_free)
            continue;
        if (c->started)
            pthread_join(c->thread, NULL);
        *c = (connection){.server = server, .fd = -1};
        return c;
    }
    return NULL;
}

static void start_connection(cairn_abci_server *server, int fd)
{
    const struct timeval send_time = {.tv_usec = SEND_MS * 1000};
    connection *c = take_place(server);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send_time, sizeof send_time);
    pthread_mutex_lock(&server->lock);
    if (c != NULL && !server->stopping) {
        c->fd = fd;
        c->started = pthread_create(&c->thread, NULL, run_connection, c) == 0;
        if (!c->started)
            c->fd = -1;
    }
    bool taken = c != NULL && c->fd >= 0;
    pthread_mutex_unlock(&server->lock);
    if (taken)
        CAIRN_LOG(server->log, &rows[EVENT_CONNECTED], cairn_log_text("socket", server->path));
    else
        (void)close(fd);
}

static void *run_acceptor(void *context)
{
    cairn_abci_server *server = context;
    while (!is_stopping(server)) {
        int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            start_connection(server, fd);
        else if (errno != EINTR && errno != ECONNABORTED && !is_stopping(server))
            (void)usleep(ACCEPT_MS * 1000);
    }
    return NULL;
}

/* A socket file that nobody listens on is left from a crash. */
static cairn_err remove_stale(const struct sockaddr_un *address)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0)
        return CAIRN_OK;
    if (!S_ISSOCK(status.st_mode))
        return CAIRN_FAIL(CAIRN_ERR_ADDRESS_IN_USE, "house", "abci: %s is no socket",
                          address->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return cairn_err_from_errno(errno, "abci: socket");
    bool alive = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    (void)close(fd);
    if (alive)
        return CAIRN_FAIL(CAIRN_ERR_ADDRESS_IN_USE, "house", "abci: somebody listens on %s",
                          address->sun_path);
    (void)unlink(address->sun_path);
    return CAIRN_OK;
}

static cairn_err listen_on(cairn_abci_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, server->path, sizeof address.sun_path);
    CAIRN_TRY(remove_stale(&address));
    server->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listen_fd < 0)
        return cairn_err_from_errno(errno, "abci: socket");
    /* The mode of the descriptor becomes the file's: there is no moment at which others may dial.
     */
    if (fchmod(server->listen_fd, 0600) != 0 ||
        bind(server->listen_fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server->listen_fd, CAIRN_ABCI_CONNECTIONS_MAX) != 0)
        return cairn_err_from_errno(errno, "abci: listen");
    return CAIRN_OK;
}

static cairn_err start(cairn_abci_server *server)
{
    CAIRN_TRY(listen_on(server));
    int rc = pthread_create(&server->acceptor, NULL, run_acceptor, server);
    if (rc != 0)
        return cairn_err_from_errno(rc, "abci: thread");
    return CAIRN_OK;
}

cairn_err cairn_abci_server_start(const char *path, const cairn_abci_handler *handler,
                                  cairn_log *log, cairn_abci_server **ret_server)
{
    cairn_abci_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "abci: server");
    *server = (cairn_abci_server){.handler = *handler, .log = log, .listen_fd = -1};
    for (size_t i = 0; i < CAIRN_ABCI_CONNECTIONS_MAX; i++)
        server->connections[i].fd = -1;
    pthread_mutex_init(&server->lock, NULL);
    cairn_err err = CAIRN_OK;
    if ((size_t)snprintf(server->path, sizeof server->path, "%s", path) >= sizeof server->path)
        err = CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "abci: socket path has over %zu bytes",
                         sizeof server->path - 1);
    if (err == CAIRN_OK)
        err = start(server);
    if (err != CAIRN_OK) {
        if (server->listen_fd >= 0)
            (void)close(server->listen_fd);
        pthread_mutex_destroy(&server->lock);
        free(server);
        return err;
    }
    *ret_server = server;
    return CAIRN_OK;
}

void cairn_abci_server_stop(cairn_abci_server *server)
{
    if (server == NULL)
        return;
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    (void)shutdown(server->listen_fd, SHUT_RDWR);
    for (size_t i = 0; i < CAIRN_ABCI_CONNECTIONS_MAX; i++)
        if (server->connections[i].fd >= 0)
            (void)shutdown(server->connections[i].fd, SHUT_RD);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->acceptor, NULL);
    for (size_t i = 0; i < CAIRN_ABCI_CONNECTIONS_MAX; i++)
        if (server->connections[i].started)
            pthread_join(server->connections[i].thread, NULL);
    (void)close(server->listen_fd);
    (void)unlink(server->path);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

size_t cairn_abci_server_connections(cairn_abci_server *server)
{
    size_t count = 0;
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < CAIRN_ABCI_CONNECTIONS_MAX; i++)
        count += server->connections[i].fd >= 0;
    pthread_mutex_unlock(&server->lock);
    return count;
}
