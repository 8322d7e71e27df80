/* The writing side of a connection, on the server's thread: whole answers, answers in pieces, and
 * how long a client may take for them. */
#include <stdlib.h>

#include "core/net/http_internal.h"

/* What a client has to take within write_timeout_ms. */
static size_t pace_of(const cairn_http_connection *c)
{
    return c->server->options.stream_buffer_max / 2;
}

/* The answer has left up to what waits in the wire. */
static void write_rest(cairn_http_connection *c)
{
    switch (cairn_http_wire_flush(&c->wire)) {
    case CAIRN_HTTP_WIRE_OK:
        cairn_http_connection_answered(c);
        return;
    case CAIRN_HTTP_WIRE_WAIT:
        if (c->pacing || cairn_http_timer_set(&c->timer, c->server->options.write_timeout_ms)) {
            c->pacing = true;
            return;
        }
        break;
    default:
        break;
    }
    cairn_http_connection_close(c);
}

static void begin_writing(cairn_http_connection *c, cairn_http_block *blocks, bool close)
{
    c->phase = CAIRN_HTTP_PHASE_WRITING;
    c->close_after_write = close;
    c->pacing = false;
    (void)event_del(&c->timer);
    cairn_http_wire_append(&c->wire, blocks);
    write_rest(c);
}

void cairn_http_connection_write_last(cairn_http_connection *connection, cairn_http_block *reply)
{
    begin_writing(connection, reply, true);
}

/* How much of a stream waits, as its writers see it; says so when there is room again. */
static void note_unsent(cairn_http_connection *c)
{
    cairn_http_exchange *exchange = c->exchange;
    size_t unsent = c->wire.unsent;
    cairn_http_lock(c->server);
    for (const cairn_http_block *b = exchange->first; b != NULL; b = b->next)
        unsent += b->size;
    exchange->unsent = unsent;
    bool writable = exchange->busy && unsent <= pace_of(c);
    if (writable)
        exchange->busy = false;
    cairn_http_unlock(c->server);
    if (writable)
        cairn_http_exchange_tell(exchange, CAIRN_HTTP_STREAM_WRITABLE);
}

/* Sets the timer that fits what waits; false when memory has ended. */
static bool pace_stream(cairn_http_connection *c)
{
    if (c->wire.unsent > 0) {
        if (c->pacing && c->wire.unsent + pace_of(c) > c->pace)
            return true;
        c->pacing = true;
        c->pace = c->wire.unsent;
        return cairn_http_timer_set(&c->timer, c->server->options.write_timeout_ms);
    }
    c->pacing = false;
    if (c->exchange->stream.idle_ms > 0)
        return cairn_http_timer_set(&c->timer, c->exchange->stream.idle_ms);
    (void)event_del(&c->timer);
    return true;
}

static void write_stream(cairn_http_connection *c)
{
    cairn_http_wire_status status = cairn_http_wire_flush(&c->wire);
    if ((status != CAIRN_HTTP_WIRE_OK && status != CAIRN_HTTP_WIRE_WAIT) || !pace_stream(c))
        cairn_http_connection_close(c);
    else
        note_unsent(c);
}

void cairn_http_connection_flush(cairn_http_connection *connection)
{
    if (connection->phase == CAIRN_HTTP_PHASE_STREAMING)
        write_stream(connection);
    else if (connection->phase == CAIRN_HTTP_PHASE_WRITING)
        write_rest(connection);
    else if (cairn_http_wire_flush(&connection->wire) == CAIRN_HTTP_WIRE_FAILED) /* a lone 100 */
        cairn_http_connection_close(connection);
}

void cairn_http_connection_stream_timer(cairn_http_connection *connection)
{
    const cairn_http_exchange *exchange = connection->exchange;
    cairn_http_block *idle = NULL;
    if (connection->wire.unsent == 0 && !exchange->head_only)
        idle = cairn_http_exchange_frame(exchange, exchange->stream.idle);
    if (idle == NULL) {
        cairn_http_connection_close(connection);
        return;
    }
    cairn_http_wire_append(&connection->wire, idle);
    write_stream(connection);
}

/* What was queued, taken from under the lock. */
typedef struct queued {
    cairn_http_answer answer;
    cairn_http_block *blocks;
    size_t size;
    bool cut;
} queued;

static queued take(cairn_http_exchange *exchange)
{
    cairn_http_lock(exchange->server);
    queued q = {
        .answer = exchange->answer, .blocks = CAIRN_STEAL(exchange->first), .cut = exchange->cut};
    exchange->last = NULL;
    exchange->queued = false;
    cairn_http_unlock(exchange->server);
    for (const cairn_http_block *b = q.blocks; b != NULL; b = b->next)
        q.size += b->size;
    return q;
}

static void free_blocks(cairn_http_block *blocks)
{
    while (blocks != NULL) {
        cairn_http_block *next = blocks->next;
        free(blocks);
        blocks = next;
    }
}

/* The exchange came back with all that there is of its answer. */
static void finish(cairn_http_connection *c, cairn_http_exchange *exchange, const queued *q)
{
    bool begun = c->phase == CAIRN_HTTP_PHASE_STREAMING || exchange->stream.on_event != NULL;
    bool cut = q->cut || (!begun && q->blocks == NULL);
    if (begun && exchange->stream.length != CAIRN_HTTP_LENGTH_UNKNOWN && !exchange->head_only)
        cut |= exchange->length_left > 0;
    c->exchange = NULL;
    c->cut_after_write = cut;
    begin_writing(c, q->blocks, exchange->close || cut);
}

/* The exchange is the server's again. */
static void process_given(cairn_http_exchange *exchange, const queued *q)
{
    exchange->server->exchange_count--;
    if (exchange->is_stream)
        exchange->server->stream_count--;
    if (exchange->connection != NULL)
        finish(exchange->connection, exchange, q);
    else
        free_blocks(q->blocks);
    cairn_http_exchange_free(exchange);
}

/* More of an answer in pieces, or its beginning. */
static void process_begun(cairn_http_exchange *exchange, const queued *q)
{
    cairn_http_connection *c = exchange->connection;
    if (!exchange->is_stream) {
        exchange->is_stream = true;
        exchange->server->stream_count++;
    }
    if (c == NULL || q->cut) {
        free_blocks(q->blocks);
        if (c != NULL)
            cairn_http_connection_close(c);
        return;
    }
    if (c->phase != CAIRN_HTTP_PHASE_STREAMING) {
        c->phase = CAIRN_HTTP_PHASE_STREAMING;
        c->pacing = false;
    }
    c->pace += q->size;
    cairn_http_wire_append(&c->wire, q->blocks);
    write_stream(c);
}

void cairn_http_exchange_process(cairn_http_exchange *exchange)
{
    queued q = take(exchange);
    if (q.answer == CAIRN_HTTP_ANSWER_GIVEN)
        process_given(exchange, &q);
    else if (q.answer == CAIRN_HTTP_ANSWER_BEGUN)
        process_begun(exchange, &q);
    else if (exchange->connection != NULL)
        cairn_http_connection_resume(exchange->connection);
}
