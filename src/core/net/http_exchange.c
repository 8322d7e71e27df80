/* The promise of one answer: encoded on the thread that gives it, queued for the server's. */
#include <stdlib.h>

#include "core/net/http_internal.h"

void cairn_http_exchange_free(cairn_http_exchange *exchange)
{
    if (exchange == NULL)
        return;
    cairn_arena_done(&exchange->arena);
    free(exchange->reply);
    free(exchange);
}

/* Back to the server's thread. */
static void queue_answer(cairn_http_exchange *exchange)
{
    cairn_http_server *server = exchange->server;
    CAIRN_ASSERT(pthread_mutex_lock(&server->lock) == 0);
    exchange->next = server->done;
    server->done = exchange;
    /* Under the lock: once the loop has this answer it may end, and the server with it. */
    cairn_http_server_wake(server);
    CAIRN_ASSERT(pthread_mutex_unlock(&server->lock) == 0);
}

void cairn_http_respond(cairn_http_exchange *exchange, const cairn_http_response *response)
{
    const cairn_http_server *server = exchange->server;
    exchange->close = !exchange->request.keep_alive || atomic_load(&server->stop);
    const cairn_http_framing framing = {.wall_ms = cairn_clock_wall_ms(&server->clock),
                                        .head_only = exchange->request.method == CAIRN_HTTP_HEAD,
                                        .close = exchange->close};
    cairn_err err =
        cairn_http_reply_encode(response, &framing, &exchange->reply, &exchange->reply_size);
    if (err == CAIRN_ERR_ARGUMENT) {
        char problem[CAIRN_HTTP_PROBLEM_SIZE_MAX];
        cairn_http_problem_write(500, cairn_err_name(CAIRN_ERR_INTERNAL), NULL, problem);
        const cairn_http_response instead = {.status = 500,
                                             .content_type = CAIRN_HTTP_PROBLEM_TYPE,
                                             .body = cairn_bytes_str(problem)};
        err = cairn_http_reply_encode(&instead, &framing, &exchange->reply, &exchange->reply_size);
    }
    (void)err; /* memory has ended: without a reply the connection is closed */
    queue_answer(exchange);
}

void cairn_http_respond_problem(cairn_http_exchange *exchange, int status, const char *code,
                                const char *detail)
{
    char problem[CAIRN_HTTP_PROBLEM_SIZE_MAX];
    cairn_http_problem_write(status, code, detail, problem);
    const cairn_http_response response = {.status = status,
                                          .content_type = CAIRN_HTTP_PROBLEM_TYPE,
                                          .body = cairn_bytes_str(problem)};
    cairn_http_respond(exchange, &response);
}

void cairn_http_respond_err(cairn_http_exchange *exchange, cairn_err err)
{
    int status = cairn_err_http(err);
    cairn_http_respond_problem(exchange, status, cairn_err_name(err),
                               status < 500 ? cairn_err_detail() : NULL);
}
