/* One client connection: its phases, its one timer, and the exchange that it waits for.
 *
 *   WAITING -> HEAD -> BODY -> HANDLING -> WRITING -> WAITING ... -> LINGER -> closed
 *
 * While a request is handled nothing is read, so a client that pipelines is held back by TCP, and
 * the input holds no more than one read (16 KiB, libevent's bound). After the last answer the
 * client's bytes are read and dropped for a while: closing with unread input would reset the
 * connection and lose the answer on its way. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <event2/buffer.h>

#include "core/net/http_internal.h"

typedef enum phase {
    PHASE_WAITING,  /* for the first byte of a request */
    PHASE_HEAD,     /* its head arrives */
    PHASE_BODY,     /* its body arrives */
    PHASE_HANDLING, /* a handler holds the exchange */
    PHASE_WRITING,  /* the answer leaves */
    PHASE_LINGER,   /* the last answer has left */
} phase;

struct cairn_http_connection {
    cairn_http_server *server;
    struct bufferevent *stream;
    struct event *timer;
    cairn_http_parser *parser;
    cairn_http_exchange *exchange; /* ours until HANDLING, then the handler's */
    phase phase;
    bool close_after_write;
    size_t linger_size;
    cairn_http_connection *previous, *next;
};

/* False when memory has ended: a connection without its time limit must not stay. */
static bool set_timer(cairn_http_connection *c, uint32_t ms) CAIRN_MUST_USE;
static bool set_timer(cairn_http_connection *c, uint32_t ms)
{
    return cairn_http_timer_set(c->timer, ms);
}

cairn_http_connection *cairn_http_connection_next(const cairn_http_connection *connection)
{
    return connection->next;
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

void cairn_http_connection_close(cairn_http_connection *connection)
{
    cairn_http_server *server = connection->server;
    if (connection->phase == PHASE_HANDLING)
        connection->exchange->connection = NULL;
    else
        cairn_http_exchange_free(connection->exchange);
    unlink_connection(connection);
    bufferevent_free(connection->stream);
    event_free(connection->timer);
    cairn_http_parser_free(connection->parser);
    free(connection);
    cairn_http_server_released(server);
}

static void free_reply(const void *data, size_t size, void *context)
{
    (void)data;
    (void)size;
    free(context);
}

/* Hands `reply` to the stream. */
static void write_reply(cairn_http_connection *c, uint8_t *reply, size_t size, bool close)
{
    c->close_after_write = close;
    c->phase = PHASE_WRITING;
    (void)bufferevent_disable(c->stream, EV_READ);
    if (evbuffer_add_reference(bufferevent_get_output(c->stream), reply, size, free_reply, reply) !=
        0) {
        free(reply);
        cairn_http_connection_close(c);
        return;
    }
    /* Enabled by us: libevent does it when the output grows, but does not tell when it cannot. */
    if (bufferevent_enable(c->stream, EV_WRITE) != 0 ||
        !set_timer(c, c->server->options.write_timeout_ms))
        cairn_http_connection_close(c);
}

/* Answers with the refusal's problem document and ends the connection. */
static void refuse(cairn_http_connection *c, cairn_http_refusal refusal)
{
    const cairn_http_refusal_row *row = cairn_http_refusal_of(refusal);
    cairn_http_server *server = c->server;
    unsigned event =
        refusal == CAIRN_HTTP_REFUSAL_TIMEOUT ? CAIRN_HTTP_EVENT_TIMEOUT : CAIRN_HTTP_EVENT_REFUSED;
    CAIRN_LOG(server->log, &cairn_http_log_events.rows[event], cairn_log_text("code", row->code),
              cairn_log_text("clause", row->clause));
    cairn_http_exchange_free(CAIRN_STEAL(c->exchange));
    char problem[CAIRN_HTTP_PROBLEM_SIZE_MAX], detail[256];
    (void)snprintf(detail, sizeof detail, "%s (%s)", row->text, row->clause);
    cairn_http_problem_write(row->status, row->code, detail, problem);
    const cairn_http_response response = {.status = row->status,
                                          .content_type = CAIRN_HTTP_PROBLEM_TYPE,
                                          .body = cairn_bytes_str(problem)};
    const cairn_http_framing framing = {.wall_ms = cairn_clock_wall_ms(&server->clock),
                                        .close = true};
    uint8_t *reply = NULL;
    size_t size = 0;
    if (cairn_http_reply_encode(&response, &framing, &reply, &size) != CAIRN_OK)
        cairn_http_connection_close(c);
    else
        write_reply(c, reply, size, true);
}

/* Hands the whole request to the handler, which may answer before this returns; the answer then
 * waits in the server's queue. */
static void dispatch(cairn_http_connection *c)
{
    cairn_http_exchange *exchange = c->exchange;
    exchange->request = *cairn_http_parser_request(c->parser);
    c->phase = PHASE_HANDLING;
    (void)event_del(c->timer);
    (void)bufferevent_disable(c->stream, EV_READ);
    c->server->exchange_count++;
    c->server->handler(c->server->context, exchange, &exchange->request);
}

static bool begin_body(cairn_http_connection *c)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    c->phase = PHASE_BODY;
    /* A lost 100 is no loss: the client sends its body after a while by itself. */
    if (cairn_http_parser_request(c->parser)->expects_continue)
        (void)bufferevent_write(c->stream, go_on, sizeof go_on - 1);
    return set_timer(c, c->server->options.body_timeout_ms);
}

static bool begin_head(cairn_http_connection *c)
{
    c->phase = PHASE_HEAD;
    return set_timer(c, c->server->options.head_timeout_ms);
}

/* Feeds the parser with what lies in one piece of the input. */
static cairn_http_progress feed(cairn_http_connection *c, struct evbuffer *input, size_t size)
{
    size_t used = 0;
    const uint8_t *data = evbuffer_pullup(input, (ev_ssize_t)size);
    cairn_http_progress progress =
        cairn_http_parser_feed(c->parser, cairn_bytes_of(data, size), &used);
    CAIRN_ASSERT(evbuffer_drain(input, used) == 0);
    return progress;
}

/* Parses what has arrived, up to the end of one request. */
static void take_input(cairn_http_connection *c)
{
    struct evbuffer *input = bufferevent_get_input(c->stream);
    while (c->phase <= PHASE_BODY) {
        size_t size = evbuffer_get_contiguous_space(input);
        if (size == 0)
            return;
        if (c->phase == PHASE_WAITING && !begin_head(c)) {
            cairn_http_connection_close(c);
            return;
        }
        switch (feed(c, input, size)) {
        case CAIRN_HTTP_NEED_MORE:
            break;
        case CAIRN_HTTP_HEAD_DONE:
            if (begin_body(c))
                break;
            cairn_http_connection_close(c);
            return;
        case CAIRN_HTTP_COMPLETE:
            dispatch(c);
            return;
        case CAIRN_HTTP_REFUSED:
            refuse(c, cairn_http_parser_refusal(c->parser));
            return;
        }
    }
}

/* An exchange for the next request; closes the connection when memory ends. */
static bool begin_request(cairn_http_connection *c, uint32_t wait_ms)
{
    cairn_http_exchange *exchange = calloc(1, sizeof *exchange);
    c->exchange = exchange;
    c->phase = PHASE_WAITING;
    if (exchange == NULL || !set_timer(c, wait_ms) || bufferevent_enable(c->stream, EV_READ) != 0) {
        cairn_http_connection_close(c);
        return false;
    }
    exchange->server = c->server;
    exchange->connection = c;
    cairn_arena_init(&exchange->arena, cairn_http_parser_memory(c->server->options.body_size_max));
    cairn_http_parser_begin(c->parser, &exchange->arena, c->server->options.body_size_max);
    return true;
}

static void linger(cairn_http_connection *c)
{
    c->phase = PHASE_LINGER;
    (void)shutdown(bufferevent_getfd(c->stream), SHUT_WR);
    if (!set_timer(c, CAIRN_HTTP_LINGER_MS) || bufferevent_enable(c->stream, EV_READ) != 0)
        cairn_http_connection_close(c);
}

static void on_read(struct bufferevent *stream, void *context)
{
    cairn_http_connection *c = context;
    if (c->phase != PHASE_LINGER) {
        take_input(c);
        return;
    }
    struct evbuffer *input = bufferevent_get_input(stream);
    c->linger_size += evbuffer_get_length(input);
    CAIRN_ASSERT(evbuffer_drain(input, evbuffer_get_length(input)) == 0);
    if (c->linger_size > CAIRN_HTTP_LINGER_SIZE_MAX)
        cairn_http_connection_close(c);
}

/* Called when all output has left: after an answer, but also after a 100. */
static void on_write(struct bufferevent *stream, void *context)
{
    cairn_http_connection *c = context;
    if (c->phase != PHASE_WRITING || evbuffer_get_length(bufferevent_get_output(stream)) > 0)
        return;
    if (c->close_after_write || c->server->draining)
        linger(c);
    else if (begin_request(c, c->server->options.idle_timeout_ms))
        take_input(c);
}

/* The end of input, or an error; timers are our own. */
static void on_event(struct bufferevent *stream, short what, void *context)
{
    (void)stream;
    (void)what;
    cairn_http_connection_close(context);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    cairn_http_connection *c = context;
    if (c->phase == PHASE_HEAD || c->phase == PHASE_BODY)
        refuse(c, CAIRN_HTTP_REFUSAL_TIMEOUT);
    else
        cairn_http_connection_close(c);
}

void cairn_http_connection_answer(cairn_http_exchange *exchange)
{
    cairn_http_connection *c = exchange->connection;
    if (c != NULL) {
        c->exchange = NULL;
        /* No longer HANDLING, so that a close does not look for the exchange. */
        c->phase = PHASE_WRITING;
        if (exchange->reply == NULL)
            cairn_http_connection_close(c);
        else
            write_reply(c, CAIRN_STEAL(exchange->reply), exchange->reply_size, exchange->close);
    }
    cairn_http_exchange_free(exchange);
}

void cairn_http_connection_drain(cairn_http_connection *connection)
{
    if (connection->phase == PHASE_WAITING)
        cairn_http_connection_close(connection);
}

static void link_connection(cairn_http_connection *c)
{
    c->next = c->server->connections;
    if (c->next != NULL)
        c->next->previous = c;
    c->server->connections = c;
    c->server->connection_count++;
}

/* Takes `fd` over on success only. */
static cairn_http_connection *new_connection(cairn_http_server *server, evutil_socket_t fd)
{
    cairn_http_connection *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->server = server;
    c->timer = evtimer_new(server->base, on_timer, c);
    if (c->timer != NULL && cairn_http_parser_new(&c->parser) == CAIRN_OK)
        c->stream = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (c->stream != NULL)
        return c;
    cairn_http_parser_free(c->parser);
    if (c->timer != NULL)
        event_free(c->timer);
    free(c);
    return NULL;
}

void cairn_http_connection_open(cairn_http_server *server, evutil_socket_t fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* slower without, not wrong */
    cairn_http_connection *c = new_connection(server, fd);
    if (c == NULL) {
        (void)evutil_closesocket(fd);
        return;
    }
    link_connection(c);
    bufferevent_setcb(c->stream, on_read, on_write, on_event, c);
    (void)begin_request(c, server->options.head_timeout_ms);
}
