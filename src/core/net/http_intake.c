/* What a connection makes of its input: the request's head, who is let in, and its body, whole or
 * in pieces. */
#include <stdio.h>
#include <stdlib.h>

#include "core/net/http_internal.h"

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

void cairn_http_connection_refuse(cairn_http_connection *c, cairn_http_refusal refusal)
{
    const cairn_http_refusal_row *row = cairn_http_refusal_of(refusal);
    cairn_http_server *server = c->server;
    unsigned event =
        refusal == CAIRN_HTTP_REFUSAL_TIMEOUT ? CAIRN_HTTP_EVENT_TIMEOUT : CAIRN_HTTP_EVENT_REFUSED;
    cairn_http_count(server, CAIRN_HTTP_COUNT_REFUSED);
    if (refusal == CAIRN_HTTP_REFUSAL_TIMEOUT)
        cairn_http_count(server, CAIRN_HTTP_COUNT_HALF_SENT);
    CAIRN_LOG(server->log, &cairn_http_log_events.rows[event], cairn_log_text("code", row->code),
              cairn_log_text("clause", row->clause),
              cairn_log_text("peer", c->peer->facts.address));
    cairn_http_exchange *exchange = cairn_http_connection_release(c);
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
    return cairn_http_timer_set(&c->timer, c->server->options.body_timeout_ms);
}

/* After the head of a request with a body. False when there is nothing more to read for now. */
static bool on_head(cairn_http_connection *c)
{
    admission how = admit(c, true);
    if (how == ADMIT_TOO_LARGE)
        cairn_http_connection_refuse(c, CAIRN_HTTP_REFUSAL_BODY_TOO_LARGE);
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
        if (!cairn_http_timer_set(&c->timer, c->server->options.body_timeout_ms)) {
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
    if (c->exchange == NULL || !cairn_http_timer_set(&c->timer, c->server->options.head_timeout_ms))
        return false;
    c->phase = CAIRN_HTTP_PHASE_HEAD;
    cairn_http_parser_begin(c->parser, &c->exchange->arena,
                            c->server->options.admit != NULL ? SIZE_MAX
                                                             : c->server->options.body_size_max);
    return true;
}

bool cairn_http_connection_wants_input(const cairn_http_connection *c)
{
    if (c->phase == CAIRN_HTTP_PHASE_PIECES)
        return !atomic_load(&c->exchange->paused);
    return c->phase >= CAIRN_HTTP_PHASE_WAITING && c->phase <= CAIRN_HTTP_PHASE_BODY;
}

bool cairn_http_connection_feed(cairn_http_connection *c, cairn_bytes input, size_t *ret_used)
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
        cairn_http_connection_refuse(c, cairn_http_parser_refusal(c->parser));
        return false;
    }
    return false;
}
