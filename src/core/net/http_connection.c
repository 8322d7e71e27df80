/* One client connection: its phases, its one timer, and the exchange that it waits for.
 *
 *   HANDSHAKE -> WAITING -> HEAD -> BODY -> HANDLING -> WRITING -> WAITING ... -> LINGER -> closed
 *                                -> PIECES ->        -> STREAMING ->
 *
 * While a request is handled at most one read is kept, so a client that pipelines is held back by
 * TCP. After the last answer the client's bytes are read and dropped for a while: closing with
 * unread input would reset the connection and lose the answer on its way. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/http_internal.h"

/* False when memory has ended: a connection without its time limit must not stay. */
static bool set_timer(cairn_http_connection *c, uint32_t ms) CAIRN_MUST_USE;
static bool set_timer(cairn_http_connection *c, uint32_t ms)
{
    return cairn_http_timer_set(&c->timer, ms);
}

static void unlink_connection(cairn_http_connection *c)
{
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        c->server->connections = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    c->server->connection_count--;
}

static bool handler_has_exchange(const cairn_http_connection *c)
{
    return c->phase == CAIRN_HTTP_PHASE_PIECES || c->phase == CAIRN_HTTP_PHASE_HANDLING ||
           c->phase == CAIRN_HTTP_PHASE_STREAMING;
}

cairn_http_exchange *cairn_http_connection_release(cairn_http_connection *connection)
{
    cairn_http_exchange *exchange = CAIRN_STEAL(connection->exchange);
    if (handler_has_exchange(connection))
        return exchange;
    cairn_http_exchange_free(exchange);
    return NULL;
}

void cairn_http_connection_close(cairn_http_connection *connection)
{
    cairn_http_server *server = connection->server;
    cairn_http_exchange *exchange = cairn_http_connection_release(connection);
    unlink_connection(connection);
    if (server->feeding == connection)
        server->feeding = NULL;
    (void)event_del(&connection->timer);
    if (connection->handshake != NULL)
        cairn_http_handshake_abort(connection->handshake);
    free(connection->handshake);
    cairn_http_wire_done(&connection->wire);
    cairn_http_parser_free(connection->parser);
    if (server->addresses != NULL)
        cairn_http_addresses_leave(server->addresses, connection->peer->facts.address);
    cairn_http_peer_unref(connection->peer);
    free(connection->held);
    free(connection);
    if (exchange != NULL)
        cairn_http_exchange_abandon(exchange, CAIRN_ERR_CLOSED);
    cairn_http_server_released(server);
}

/* Keeps bytes for later; false when memory has ended. */
static bool hold(cairn_http_connection *c, cairn_bytes rest)
{
    if (rest.size == 0)
        return true;
    c->held = malloc(rest.size);
    if (c->held == NULL)
        return false;
    memcpy(c->held, rest.data, rest.size);
    c->held_size = rest.size;
    return true;
}

/* Parses what has arrived, as far as the connection wants it. False when it has gone. */
static bool take_input(cairn_http_connection *c, cairn_bytes input)
{
    cairn_http_server *server = c->server;
    bool more = true;
    server->feeding = c;
    while (more && input.size > 0 && cairn_http_connection_wants_input(c)) {
        size_t used = 0;
        more = cairn_http_connection_feed(c, input, &used);
        if (server->feeding != c)
            return false;
        input = cairn_bytes_of(input.data + used, input.size - used);
    }
    server->feeding = NULL;
    if (c->phase == CAIRN_HTTP_PHASE_PIECES && !cairn_http_connection_wants_input(c))
        (void)event_del(&c->timer);
    if (c->phase == CAIRN_HTTP_PHASE_LINGER || hold(c, input))
        return true;
    cairn_http_connection_close(c);
    return false;
}

/* Drops what comes after the last answer. */
static void drop_input(cairn_http_connection *c, size_t size)
{
    c->linger_size += size;
    if (c->linger_size > CAIRN_HTTP_LINGER_SIZE_MAX)
        cairn_http_connection_close(c);
}

static void on_readable(void *context)
{
    cairn_http_connection *c = context;
    cairn_http_server *server = c->server;
    while (cairn_http_connection_wants_input(c) || c->phase == CAIRN_HTTP_PHASE_LINGER) {
        size_t size = 0;
        switch (cairn_http_wire_read(&c->wire, server->input, sizeof server->input, &size)) {
        case CAIRN_HTTP_WIRE_OK:
            break;
        case CAIRN_HTTP_WIRE_WAIT:
            return;
        default:
            cairn_http_connection_close(c);
            return;
        }
        if (c->phase == CAIRN_HTTP_PHASE_LINGER) {
            drop_input(c, size);
            return;
        }
        if (!take_input(c, cairn_bytes_of(server->input, size)) ||
            !cairn_http_wire_has_more(&c->wire))
            return;
    }
    /* Held back; cannot fail. */
    (void)!cairn_http_wire_set_reading(&c->wire, false);
}

static void on_writable(void *context)
{
    cairn_http_connection_flush(context);
}

/* Goes on with what was held back. */
static void read_on(cairn_http_connection *c)
{
    if (!cairn_http_wire_set_reading(&c->wire, true)) {
        cairn_http_connection_close(c);
        return;
    }
    if (c->held != NULL) {
        uint8_t *held = CAIRN_STEAL(c->held);
        bool here = take_input(c, cairn_bytes_of(held, c->held_size));
        free(held);
        if (!here)
            return;
    }
    if (cairn_http_connection_wants_input(c) && cairn_http_wire_has_more(&c->wire))
        on_readable(c);
}

void cairn_http_connection_resume(cairn_http_connection *connection)
{
    if (connection->phase != CAIRN_HTTP_PHASE_PIECES ||
        !cairn_http_connection_wants_input(connection))
        return;
    if (set_timer(connection, connection->server->options.body_timeout_ms))
        read_on(connection);
    else
        cairn_http_connection_close(connection);
}

static void linger(cairn_http_connection *c)
{
    c->phase = CAIRN_HTTP_PHASE_LINGER;
    cairn_http_wire_end(&c->wire);
    if (!set_timer(c, CAIRN_HTTP_LINGER_MS) || !cairn_http_wire_set_reading(&c->wire, true))
        cairn_http_connection_close(c);
}

void cairn_http_connection_answered(cairn_http_connection *connection)
{
    connection->phase = CAIRN_HTTP_PHASE_WAITING;
    bool cut = connection->cut_after_write;
    if (!cut && (connection->close_after_write || connection->server->draining))
        linger(connection);
    else if (!cut && set_timer(connection, connection->server->options.idle_timeout_ms))
        read_on(connection);
    else
        cairn_http_connection_close(connection);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    cairn_http_connection *c = context;
    switch (c->phase) {
    case CAIRN_HTTP_PHASE_HEAD:
        if (c->server->draining) {
            cairn_http_count(c->server, CAIRN_HTTP_COUNT_HALF_SENT);
            cairn_http_wire_end(&c->wire);
            break;
        }
        /* fall through */
    case CAIRN_HTTP_PHASE_BODY:
    case CAIRN_HTTP_PHASE_PIECES:
        cairn_http_connection_refuse(c, CAIRN_HTTP_REFUSAL_TIMEOUT);
        return;
    case CAIRN_HTTP_PHASE_STREAMING:
        cairn_http_connection_stream_timer(c);
        return;
    case CAIRN_HTTP_PHASE_WAITING:
        cairn_http_wire_end(&c->wire);
        break;
    default:
        break;
    }
    cairn_http_connection_close(c);
}

void cairn_http_connection_drain(cairn_http_connection *connection)
{
    if (connection->phase == CAIRN_HTTP_PHASE_WAITING)
        cairn_http_wire_end(&connection->wire);
    if (connection->phase <= CAIRN_HTTP_PHASE_WAITING)
        cairn_http_connection_close(connection);
    else if (connection->phase == CAIRN_HTTP_PHASE_HEAD) {
        /* The rest of a head that is on its way comes now or not in time. */
        if (!set_timer(connection, CAIRN_HTTP_DRAIN_HEAD_MS))
            cairn_http_connection_close(connection);
    } else if (connection->phase == CAIRN_HTTP_PHASE_STREAMING)
        cairn_http_exchange_tell(connection->exchange, CAIRN_HTTP_STREAM_DRAINING);
}

static void link_connection(cairn_http_connection *c)
{
    c->next = c->server->connections;
    if (c->next != NULL)
        c->next->previous = c;
    c->server->connections = c;
    c->server->connection_count++;
}

static void begin_requests(cairn_http_connection *c, int fd, SSL *ssl)
{
    cairn_http_wire_init(&c->wire, c->server->base, fd, ssl, on_readable, on_writable, c);
    c->phase = CAIRN_HTTP_PHASE_WAITING;
    read_on(c);
}

static void on_handshake(void *context, bool success)
{
    cairn_http_connection *c = context;
    cairn_http_server *server = c->server;
    if (success)
        success = cairn_tls_peer_read(c->handshake->ssl, &c->peer->facts.tls) == CAIRN_OK;
    if (!success) {
        cairn_http_count(server, CAIRN_HTTP_COUNT_HANDSHAKES_FAILED);
        CAIRN_LOG(server->log, &cairn_http_log_events.rows[CAIRN_HTTP_EVENT_HANDSHAKE_FAILED],
                  cairn_log_text("peer", c->peer->facts.address));
        cairn_http_connection_close(c);
        return;
    }
    cairn_http_count(server, CAIRN_HTTP_COUNT_HANDSHAKES);
    int fd = c->handshake->fd;
    SSL *ssl = c->handshake->ssl;
    free(CAIRN_STEAL(c->handshake));
    begin_requests(c, fd, ssl);
}

static bool begin_handshake(cairn_http_connection *c, cairn_tls_server *tls, int fd)
{
    cairn_http_handshake *handshake = malloc(sizeof *handshake);
    if (handshake == NULL ||
        !cairn_http_handshake_init(handshake, c->server->base, tls, fd, on_handshake, c)) {
        free(handshake);
        return false;
    }
    c->handshake = handshake;
    c->peer->facts.encrypted = true;
    return true;
}

void cairn_http_connection_open(cairn_http_server *server, cairn_tls_server *tls,
                                evutil_socket_t fd, cairn_http_peer_box *peer)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* slower without, not wrong */
    cairn_http_connection *c = calloc(1, sizeof *c);
    if (c == NULL) {
        if (server->addresses != NULL)
            cairn_http_addresses_leave(server->addresses, peer->facts.address);
        cairn_http_peer_unref(peer);
        (void)close(fd);
        return;
    }
    c->server = server;
    c->peer = peer;
    c->wire.fd = -1;
    CAIRN_ASSERT(evtimer_assign(&c->timer, server->base, on_timer, c) == 0);
    link_connection(c);
    bool good = cairn_http_parser_new(&c->parser) == CAIRN_OK &&
                set_timer(c, server->options.head_timeout_ms) &&
                (tls == NULL || begin_handshake(c, tls, fd));
    if (!good) {
        (void)close(fd);
        cairn_http_connection_close(c);
    } else if (tls == NULL) {
        begin_requests(c, fd, NULL);
    }
}
