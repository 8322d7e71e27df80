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
#include <stdio.h>
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

/* Takes the exchange off the connection; returns it when a handler has it, to be abandoned. */
static cairn_http_exchange *release_exchange(cairn_http_connection *c)
{
    cairn_http_exchange *exchange = CAIRN_STEAL(c->exchange);
    if (handler_has_exchange(c))
        return exchange;
    cairn_http_exchange_free(exchange);
    return NULL;
}

void cairn_http_connection_close(cairn_http_connection *connection)
{
    cairn_http_server *server = connection->server;
    cairn_http_exchange *exchange = release_exchange(connection);
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

/* What a handler that waits for the rest of a body is told. */
static cairn_err error_of(cairn_http_refusal refusal)
{
    switch (refusal) {
    case CAIRN_HTTP_REFUSAL_TIMEOUT:
        return CAIRN_ERR_EXPIRED;
    case CAIRN_HTTP_REFUSAL_BODY_TOO_LARGE:
        return CAIRN_ERR_TOO_LARGE;
    case CAIRN_HTTP_REFUSAL_NO_MEMORY:
        return CAIRN_ERR_NO_MEMORY;
    default:
        return CAIRN_ERR_BAD_VALUE;
    }
}

/* The refusal's problem document; NULL when memory has ended. */
static cairn_http_block *refusal_block(const cairn_http_server *server,
                                       const cairn_http_refusal_row *row)
{
    char problem[CAIRN_HTTP_PROBLEM_SIZE_MAX], detail[256];
    (void)snprintf(detail, sizeof detail, "%s (%s)", row->text, row->clause);
    cairn_http_problem_write(row->status, row->code, detail, problem);
    const cairn_http_response response = {.status = row->status,
                                          .content_type = CAIRN_HTTP_PROBLEM_TYPE,
                                          .body = cairn_bytes_str(problem)};
    const cairn_http_framing framing = {.wall_ms = cairn_clock_wall_ms(&server->clock),
                                        .close = true};
    return cairn_http_response_block(&response, &framing);
}

/* Answers with the refusal's problem document and ends the connection. */
static void refuse(cairn_http_connection *c, cairn_http_refusal refusal)
{
    const cairn_http_refusal_row *row = cairn_http_refusal_of(refusal);
    cairn_http_server *server = c->server;
    unsigned event =
        refusal == CAIRN_HTTP_REFUSAL_TIMEOUT ? CAIRN_HTTP_EVENT_TIMEOUT : CAIRN_HTTP_EVENT_REFUSED;
    cairn_http_count(server, CAIRN_HTTP_COUNT_REFUSED);
    CAIRN_LOG(server->log, &cairn_http_log_events.rows[event], cairn_log_text("code", row->code),
              cairn_log_text("clause", row->clause),
              cairn_log_text("peer", c->peer->facts.address));
    cairn_http_exchange *exchange = release_exchange(c);
    cairn_http_block *block = refusal_block(server, row);
    c->phase = CAIRN_HTTP_PHASE_WRITING; /* the exchange is no longer its own to abandon */
    if (block == NULL)
        cairn_http_connection_close(c);
    else
        cairn_http_connection_write_last(c, block);
    if (exchange != NULL)
        cairn_http_exchange_abandon(exchange, error_of(refusal));
}

/* Hands the request to the handler, which may answer before this returns; the answer then waits in
 * the server's queue. */
static void dispatch(cairn_http_connection *c, cairn_http_phase phase)
{
    cairn_http_exchange *exchange = c->exchange;
    exchange->request = *cairn_http_parser_request(c->parser);
    c->phase = phase;
    if (phase == CAIRN_HTTP_PHASE_HANDLING)
        (void)event_del(&c->timer);
    c->server->exchange_count++;
    c->server->handler(c->server->context, exchange, &exchange->request);
}

/* The request was answered before its handler saw it. */
static void keep_answered(cairn_http_connection *c)
{
    c->phase = CAIRN_HTTP_PHASE_HANDLING;
    (void)event_del(&c->timer);
    c->server->exchange_count++;
}

static bool shed(cairn_http_connection *c)
{
    cairn_http_server *server = c->server;
    if (server->exchange_count - server->stream_count < server->options.exchange_count_max)
        return false;
    cairn_http_count(server, CAIRN_HTTP_COUNT_OVERLOADED);
    cairn_log_write(server->log, &cairn_http_log_events.rows[CAIRN_HTTP_EVENT_OVERLOADED], NULL, 0);
    cairn_http_respond_retry(c->exchange, 503, cairn_err_name(CAIRN_ERR_BUSY), NULL,
                             CAIRN_HTTP_OVERLOAD_RETRY_MS);
    return true;
}

typedef enum admission { ADMIT_WHOLE, ADMIT_PIECES, ADMIT_ANSWERED, ADMIT_TOO_LARGE } admission;

/* The head is known: is the request taken, and how? */
static admission admit(cairn_http_connection *c, bool body_follows)
{
    cairn_http_server *server = c->server;
    cairn_http_exchange *exchange = c->exchange;
    exchange->request = *cairn_http_parser_request(c->parser);
    atomic_store(&exchange->body_open, body_follows);
    cairn_http_intake intake = {.body_size_max = server->options.body_size_max};
    cairn_http_count(server, CAIRN_HTTP_COUNT_REQUESTS);
    if (!shed(c) && server->options.admit != NULL)
        server->options.admit(server->context, exchange, &exchange->request, &intake);
    if (exchange->answer != CAIRN_HTTP_ANSWER_NONE) {
        keep_answered(c);
        return ADMIT_ANSWERED;
    }
    if (!cairn_http_parser_limit(c->parser, intake.body_size_max))
        return ADMIT_TOO_LARGE;
    return intake.pieces && body_follows ? ADMIT_PIECES : ADMIT_WHOLE;
}

static bool begin_body(cairn_http_connection *c)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    c->pace = 0;
    if (cairn_http_parser_request(c->parser)->expects_continue) {
        /* A lost 100 is no loss: the client sends its body after a while by itself. */
        cairn_http_block *block = cairn_http_block_new(sizeof go_on - 1);
        if (block != NULL) {
            memcpy(block->bytes, go_on, sizeof go_on - 1);
            cairn_http_wire_append(&c->wire, block);
            if (cairn_http_wire_flush(&c->wire) == CAIRN_HTTP_WIRE_FAILED)
                return false;
        }
    }
    return set_timer(c, c->server->options.body_timeout_ms);
}

/* After the head of a request with a body. False when there is nothing more to read for now. */
static bool on_head(cairn_http_connection *c)
{
    admission how = admit(c, true);
    if (how == ADMIT_TOO_LARGE)
        refuse(c, CAIRN_HTTP_REFUSAL_BODY_TOO_LARGE);
    if (how == ADMIT_TOO_LARGE || how == ADMIT_ANSWERED)
        return false;
    if (!begin_body(c)) {
        cairn_http_connection_close(c);
        return false;
    }
    c->phase = CAIRN_HTTP_PHASE_BODY;
    if (how == ADMIT_PIECES) {
        cairn_http_parser_begin_pieces(c->parser);
        dispatch(c, CAIRN_HTTP_PHASE_PIECES);
    }
    return true;
}

/* A piece for the handler that has the exchange. False when nothing more is to be read for now. */
static bool on_piece(cairn_http_connection *c, bool last)
{
    cairn_http_exchange *exchange = c->exchange;
    cairn_bytes piece = cairn_http_parser_take(c->parser);
    c->pace += piece.size;
    if (last) {
        c->phase = CAIRN_HTTP_PHASE_HANDLING;
        (void)event_del(&c->timer);
        atomic_store(&exchange->body_open, false);
    } else if (c->pace >= CAIRN_HTTP_PIECE_PACE) {
        c->pace = 0;
        if (!set_timer(c, c->server->options.body_timeout_ms)) {
            cairn_http_connection_close(c);
            return false;
        }
    }
    if (piece.size > 0 || last)
        cairn_http_exchange_deliver(exchange, CAIRN_OK, piece, last);
    return !last;
}

static void on_complete(cairn_http_connection *c)
{
    if (c->phase == CAIRN_HTTP_PHASE_PIECES) {
        (void)on_piece(c, true);
        return;
    }
    /* Without a body there was no head of its own. */
    if (c->phase == CAIRN_HTTP_PHASE_HEAD && admit(c, false) == ADMIT_ANSWERED)
        return;
    atomic_store(&c->exchange->body_open, false);
    dispatch(c, CAIRN_HTTP_PHASE_HANDLING);
}

static bool begin_head(cairn_http_connection *c)
{
    c->exchange = cairn_http_exchange_new(c);
    if (c->exchange == NULL || !set_timer(c, c->server->options.head_timeout_ms))
        return false;
    c->phase = CAIRN_HTTP_PHASE_HEAD;
    cairn_http_parser_begin(c->parser, &c->exchange->arena,
                            c->server->options.admit != NULL ? SIZE_MAX
                                                             : c->server->options.body_size_max);
    return true;
}

/* Whether bytes of the client are for the parser now. */
static bool wants_input(const cairn_http_connection *c)
{
    if (c->phase == CAIRN_HTTP_PHASE_PIECES)
        return !atomic_load(&c->exchange->paused);
    return c->phase >= CAIRN_HTTP_PHASE_WAITING && c->phase <= CAIRN_HTTP_PHASE_BODY;
}

/* Feeds the parser once. False when the connection has gone or wants no more for now. */
static bool feed(cairn_http_connection *c, cairn_bytes input, size_t *ret_used)
{
    if (c->phase == CAIRN_HTTP_PHASE_WAITING && !begin_head(c)) {
        cairn_http_connection_close(c);
        return false;
    }
    switch (cairn_http_parser_feed(c->parser, input, ret_used)) {
    case CAIRN_HTTP_NEED_MORE:
        return c->phase != CAIRN_HTTP_PHASE_PIECES || on_piece(c, false);
    case CAIRN_HTTP_HEAD_DONE:
        return on_head(c);
    case CAIRN_HTTP_COMPLETE:
        on_complete(c);
        return false;
    case CAIRN_HTTP_REFUSED:
        refuse(c, cairn_http_parser_refusal(c->parser));
        return false;
    }
    return false;
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
    while (more && input.size > 0 && wants_input(c)) {
        size_t used = 0;
        more = feed(c, input, &used);
        if (server->feeding != c)
            return false;
        input = cairn_bytes_of(input.data + used, input.size - used);
    }
    server->feeding = NULL;
    if (c->phase == CAIRN_HTTP_PHASE_PIECES && !wants_input(c))
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
    while (wants_input(c) || c->phase == CAIRN_HTTP_PHASE_LINGER) {
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
    if (wants_input(c) && cairn_http_wire_has_more(&c->wire))
        on_readable(c);
}

void cairn_http_connection_resume(cairn_http_connection *connection)
{
    if (connection->phase != CAIRN_HTTP_PHASE_PIECES || !wants_input(connection))
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
    if (connection->cut_after_write)
        cairn_http_connection_close(connection);
    else if (connection->close_after_write || connection->server->draining)
        linger(connection);
    else if (set_timer(connection, connection->server->options.idle_timeout_ms))
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
    case CAIRN_HTTP_PHASE_BODY:
    case CAIRN_HTTP_PHASE_PIECES:
        refuse(c, CAIRN_HTTP_REFUSAL_TIMEOUT);
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
    else if (connection->phase == CAIRN_HTTP_PHASE_STREAMING)
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
