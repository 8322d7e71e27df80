/* Bodies in pieces, both ways, as their owner sees them. Locks: `callback_lock` (recursive) is held
 * while a function of the owner runs on the server's thread, so that nothing of the owner runs once
 * the exchange is given up; `lock`, inside it, guards the exchange's own state. */
#include <stdio.h>
#include <stdlib.h>

#include "core/net/http_internal.h"

static void enter(cairn_http_server *server)
{
    CAIRN_ASSERT(pthread_mutex_lock(&server->callback_lock) == 0);
}

static void leave(cairn_http_server *server)
{
    CAIRN_ASSERT(pthread_mutex_unlock(&server->callback_lock) == 0);
}

static cairn_http_answer answer_of(cairn_http_exchange *exchange)
{
    cairn_http_lock(exchange->server);
    cairn_http_answer answer = exchange->answer;
    cairn_http_unlock(exchange->server);
    return answer;
}

/* --- in --- */

void cairn_http_receive(cairn_http_exchange *exchange, cairn_http_body_fn on_piece, void *context)
{
    exchange->piece_context = context;
    exchange->on_piece = on_piece;
}

void cairn_http_receive_pause(cairn_http_exchange *exchange)
{
    atomic_store(&exchange->paused, true);
}

void cairn_http_receive_resume(cairn_http_exchange *exchange)
{
    cairn_http_lock(exchange->server);
    atomic_store(&exchange->paused, false);
    cairn_http_exchange_queue(exchange);
    cairn_http_unlock(exchange->server);
}

void cairn_http_exchange_deliver(cairn_http_exchange *exchange, cairn_err err, cairn_bytes piece,
                                 bool last)
{
    cairn_http_server *server = exchange->server;
    if (exchange->on_piece == NULL)
        return;
    enter(server);
    if (answer_of(exchange) == CAIRN_HTTP_ANSWER_NONE)
        exchange->on_piece(exchange->piece_context, exchange, err, piece, last);
    leave(server);
}

/* --- out --- */

void cairn_http_exchange_tell(cairn_http_exchange *exchange, cairn_http_stream_event event)
{
    cairn_http_server *server = exchange->server;
    enter(server);
    if (answer_of(exchange) == CAIRN_HTTP_ANSWER_BEGUN)
        exchange->stream.on_event(exchange->stream.context, exchange, event);
    leave(server);
}

void cairn_http_exchange_abandon(cairn_http_exchange *exchange, cairn_err err)
{
    cairn_http_server *server = exchange->server;
    enter(server);
    exchange->connection = NULL;
    cairn_http_lock(server);
    exchange->gone = true;
    cairn_http_unlock(server);
    if (atomic_exchange(&exchange->body_open, false))
        cairn_http_exchange_deliver(exchange, err, cairn_bytes_of(NULL, 0), true);
    cairn_http_exchange_tell(exchange, CAIRN_HTTP_STREAM_GONE);
    leave(server);
}

static void append(cairn_http_exchange *exchange, cairn_http_block *block)
{
    if (exchange->first == NULL)
        exchange->first = block;
    else
        exchange->last->next = block;
    exchange->last = block;
    exchange->unsent += block->size;
}

static cairn_http_extent extent_of(const cairn_http_exchange *exchange,
                                   const cairn_http_stream *stream)
{
    if (stream->length != CAIRN_HTTP_LENGTH_UNKNOWN)
        return CAIRN_HTTP_EXTENT_LENGTH;
    return exchange->request.http_1_0 ? CAIRN_HTTP_EXTENT_CLOSE : CAIRN_HTTP_EXTENT_CHUNKED;
}

void cairn_http_respond_begin(cairn_http_exchange *exchange, const cairn_http_response *head,
                              const cairn_http_stream *stream)
{
    cairn_http_server *server = exchange->server;
    CAIRN_ASSERT(head->status != 204 && head->status != 304 && head->body.size == 0);
    exchange->stream = *stream;
    exchange->head_only = exchange->request.method == CAIRN_HTTP_HEAD;
    exchange->close = !exchange->request.keep_alive || atomic_load(&server->stop) ||
                      atomic_load(&exchange->body_open);
    cairn_http_extent extent = extent_of(exchange, stream);
    exchange->chunked = extent == CAIRN_HTTP_EXTENT_CHUNKED;
    exchange->length_left = stream->length;
    const cairn_http_framing framing = {.wall_ms = cairn_clock_wall_ms(&server->clock),
                                        .head_only = exchange->head_only,
                                        .close = exchange->close,
                                        .extent = extent,
                                        .length = stream->length};
    cairn_http_block *block = cairn_http_response_block(head, &framing);
    enter(server); /* no piece of the body after this */
    cairn_http_lock(server);
    CAIRN_ASSERT(exchange->answer == CAIRN_HTTP_ANSWER_NONE);
    exchange->answer = CAIRN_HTTP_ANSWER_BEGUN;
    if (block != NULL)
        append(exchange, block);
    else
        exchange->cut = exchange->gone = true;
    cairn_http_exchange_queue(exchange);
    cairn_http_unlock(server);
    leave(server);
}

cairn_http_block *cairn_http_exchange_frame(const cairn_http_exchange *exchange, cairn_bytes piece)
{
    char before[24] = "";
    int before_size = 0;
    if (exchange->chunked)
        before_size = snprintf(before, sizeof before, "%zx\r\n", piece.size);
    size_t after_size = exchange->chunked ? 2 : 0;
    cairn_http_block *block = cairn_http_block_new((size_t)before_size + piece.size + after_size);
    if (block == NULL)
        return NULL;
    memcpy(block->bytes, before, (size_t)before_size);
    memcpy(block->bytes + before_size, piece.data, piece.size);
    memcpy(block->bytes + (size_t)before_size + piece.size, "\r\n", after_size);
    return block;
}

/* Under the lock. */
static cairn_err may_write(cairn_http_exchange *exchange, size_t size)
{
    CAIRN_ASSERT(exchange->answer == CAIRN_HTTP_ANSWER_BEGUN);
    if (exchange->gone)
        return CAIRN_ERR_CLOSED;
    if (exchange->stream.length != CAIRN_HTTP_LENGTH_UNKNOWN && size > exchange->length_left)
        return CAIRN_ERR_ARGUMENT;
    if (exchange->unsent > 0 &&
        exchange->unsent + size > exchange->server->options.stream_buffer_max)
        return CAIRN_ERR_BUSY;
    return CAIRN_OK;
}

static cairn_err explain(cairn_err err)
{
    static const struct {
        cairn_err err;
        const char *text;
    } rows[] = {{CAIRN_ERR_CLOSED, "http: the client has gone"},
                {CAIRN_ERR_ARGUMENT, "http: more than the announced length"},
                {CAIRN_ERR_BUSY, "http: the client has not taken what waits"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].err == err)
            return CAIRN_FAIL(err, "house", "%s", rows[i].text);
    return err;
}

cairn_err cairn_http_write(cairn_http_exchange *exchange, cairn_bytes piece)
{
    cairn_http_server *server = exchange->server;
    cairn_http_block *block = NULL;
    if (piece.size > 0 && !exchange->head_only) {
        block = cairn_http_exchange_frame(exchange, piece);
        if (block == NULL)
            return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: piece of %zu bytes", piece.size);
    }
    cairn_http_lock(server);
    cairn_err err = may_write(exchange, piece.size);
    exchange->busy |= err == CAIRN_ERR_BUSY;
    if (err == CAIRN_OK)
        exchange->length_left -= piece.size;
    if (err == CAIRN_OK && block != NULL) {
        append(exchange, CAIRN_STEAL(block));
        cairn_http_exchange_queue(exchange);
    }
    cairn_http_unlock(server);
    free(block);
    return explain(err);
}

void cairn_http_end(cairn_http_exchange *exchange)
{
    static const char last_chunk[] = "0\r\n\r\n";
    cairn_http_server *server = exchange->server;
    cairn_http_block *block = NULL;
    if (exchange->chunked && !exchange->head_only) {
        block = cairn_http_block_new(sizeof last_chunk - 1);
        if (block != NULL)
            memcpy(block->bytes, last_chunk, sizeof last_chunk - 1);
    }
    enter(server);
    cairn_http_lock(server);
    if (block == NULL && exchange->chunked && !exchange->head_only)
        exchange->cut = true;
    CAIRN_ASSERT(exchange->answer == CAIRN_HTTP_ANSWER_BEGUN);
    if (block != NULL)
        append(exchange, block);
    exchange->answer = CAIRN_HTTP_ANSWER_GIVEN;
    cairn_http_exchange_queue(exchange);
    cairn_http_unlock(server);
    leave(server);
}
