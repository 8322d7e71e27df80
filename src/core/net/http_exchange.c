/* The promise of one answer: encoded on the thread that gives it, queued for the server's. */
#include <stdio.h>
#include <stdlib.h>

#include "core/net/http_internal.h"

cairn_http_exchange *cairn_http_exchange_new(cairn_http_connection *connection)
{
    cairn_http_server *server = connection->server;
    cairn_http_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL)
        return NULL;
    size_t memory = cairn_http_parser_memory(server->options.body_size_max);
    if (__builtin_add_overflow(memory, server->options.handler_memory, &memory) ||
        __builtin_add_overflow(memory, (size_t)4 * CAIRN_HTTP_READ_SIZE, &memory))
        memory = SIZE_MAX;
    exchange->server = server;
    exchange->connection = connection;
    exchange->peer = connection->peer;
    atomic_fetch_add(&exchange->peer->reference_count, 1);
    atomic_init(&exchange->body_open, false);
    atomic_init(&exchange->paused, false);
    cairn_arena_init(&exchange->arena, memory);
    return exchange;
}

void cairn_http_peer_unref(cairn_http_peer_box *peer)
{
    if (peer == NULL || atomic_fetch_sub(&peer->reference_count, 1) > 1)
        return;
    cairn_tls_peer_done(&peer->facts.tls);
    free(peer);
}

void cairn_http_exchange_free(cairn_http_exchange *exchange)
{
    if (exchange == NULL)
        return;
    while (exchange->first != NULL) {
        cairn_http_block *block = exchange->first;
        exchange->first = block->next;
        free(block);
    }
    cairn_arena_done(&exchange->arena);
    cairn_http_peer_unref(exchange->peer);
    free(exchange);
}

const cairn_http_peer_facts *cairn_http_peer(const cairn_http_exchange *exchange)
{
    return &exchange->peer->facts;
}

cairn_arena *cairn_http_arena(cairn_http_exchange *exchange)
{
    return &exchange->arena;
}

void cairn_http_exchange_queue(cairn_http_exchange *exchange)
{
    cairn_http_server *server = exchange->server;
    if (exchange->queued)
        return;
    bool first = server->done == NULL;
    exchange->queued = true;
    exchange->next = server->done;
    server->done = exchange;
    /* Under the lock: once the loop has this answer it may end, and the server with it. */
    if (first)
        cairn_http_server_nudge(server);
}

cairn_http_block *cairn_http_response_block(const cairn_http_response *response,
                                            const cairn_http_framing *framing)
{
    cairn_http_framing inner = *framing;
    inner.reserve = sizeof(cairn_http_block);
    uint8_t *bytes = NULL;
    size_t size = 0;
    cairn_err err = cairn_http_reply_encode(response, &inner, &bytes, &size);
    if (err == CAIRN_ERR_ARGUMENT) {
        char problem[CAIRN_HTTP_PROBLEM_SIZE_MAX];
        cairn_http_problem_write(500, cairn_err_name(CAIRN_ERR_INTERNAL), NULL, problem);
        const cairn_http_response instead = {.status = 500,
                                             .content_type = CAIRN_HTTP_PROBLEM_TYPE,
                                             .body = cairn_bytes_str(problem)};
        err = cairn_http_reply_encode(&instead, &inner, &bytes, &size);
    }
    if (err != CAIRN_OK)
        return NULL;
    cairn_http_block *block = (cairn_http_block *)(void *)bytes;
    *block = (cairn_http_block){.size = size};
    return block;
}

/* No function of the exchange's owner runs between these, and none will once it is answered. */
static void enter(const cairn_http_exchange *exchange)
{
    if (exchange->on_piece != NULL)
        CAIRN_ASSERT(pthread_mutex_lock(&exchange->server->callback_lock) == 0);
}

static void leave(cairn_http_server *server, bool entered)
{
    if (entered)
        CAIRN_ASSERT(pthread_mutex_unlock(&server->callback_lock) == 0);
}

void cairn_http_respond(cairn_http_exchange *exchange, const cairn_http_response *response)
{
    cairn_http_server *server = exchange->server;
    bool entered = exchange->on_piece != NULL;
    exchange->close = !exchange->request.keep_alive || atomic_load(&server->stop) ||
                      atomic_load(&exchange->body_open);
    const cairn_http_framing framing = {.wall_ms = cairn_clock_wall_ms(&server->clock),
                                        .head_only = exchange->request.method == CAIRN_HTTP_HEAD,
                                        .close = exchange->close};
    /* Without memory there is no reply, and the connection is closed. */
    cairn_http_block *block = cairn_http_response_block(response, &framing);
    enter(exchange);
    cairn_http_lock(server);
    CAIRN_ASSERT(exchange->answer == CAIRN_HTTP_ANSWER_NONE);
    exchange->answer = CAIRN_HTTP_ANSWER_GIVEN;
    exchange->first = exchange->last = block;
    cairn_http_exchange_queue(exchange);
    cairn_http_unlock(server);
    leave(server, entered);
}

static void respond_problem(cairn_http_exchange *exchange, int status, const char *code,
                            const char *detail, const cairn_http_field *field)
{
    char problem[CAIRN_HTTP_PROBLEM_SIZE_MAX];
    cairn_http_problem_write(status, code, detail, problem);
    const cairn_http_response response = {.status = status,
                                          .content_type = CAIRN_HTTP_PROBLEM_TYPE,
                                          .fields = field,
                                          .field_count = field != NULL ? 1 : 0,
                                          .body = cairn_bytes_str(problem)};
    cairn_http_respond(exchange, &response);
}

void cairn_http_respond_problem(cairn_http_exchange *exchange, int status, const char *code,
                                const char *detail)
{
    respond_problem(exchange, status, code, detail, NULL);
}

void cairn_http_respond_retry(cairn_http_exchange *exchange, int status, const char *code,
                              const char *detail, uint64_t retry_ms)
{
    char seconds[24];
    uint64_t rounded = retry_ms / 1000 + (retry_ms % 1000 != 0);
    (void)snprintf(seconds, sizeof seconds, "%llu",
                   (unsigned long long)(rounded == 0 ? 1 : rounded));
    const cairn_http_field field = {"Retry-After", seconds};
    respond_problem(exchange, status, code, detail, &field);
}

void cairn_http_respond_err(cairn_http_exchange *exchange, cairn_err err)
{
    int status = cairn_err_http(err);
    const char *detail = status < 500 ? cairn_err_detail() : NULL;
    if (status == 429 || status == 503)
        cairn_http_respond_retry(exchange, status, cairn_err_name(err), detail,
                                 CAIRN_HTTP_OVERLOAD_RETRY_MS);
    else
        cairn_http_respond_problem(exchange, status, cairn_err_name(err), detail);
}
