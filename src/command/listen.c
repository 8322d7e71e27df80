/* Serving until a signal. */
#include "command/listen.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "core/unit.h"

/* The one global of the command: a signal handler has no other way to its server. */
static _Atomic(cairn_http_server *) running;

static void stop(int number)
{
    (void)number;
    cairn_http_server *server = atomic_load(&running);
    if (server != NULL)
        cairn_http_server_stop(server); /* made for handlers: NOLINT(bugprone-signal-handler) */
}

cairn_err cairn_listen_split(cairn_arena *arena, const char *text, const char **ret_address,
                             uint16_t *ret_port)
{
    const char *colon = strrchr(text, ':');
    uint64_t port = 0;
    void *copy = NULL;
    if (colon == NULL || cairn_unit_parse(colon + 1, CAIRN_UNIT_COUNT, &port) != CAIRN_OK ||
        port > 65535)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--listen: ADDRESS:PORT");
    size_t size = (size_t)(colon - text);
    bool bracketed = size >= 2 && text[0] == '[' && text[size - 1] == ']';
    text += bracketed;
    size -= bracketed ? 2u : 0u;
    CAIRN_TRY(cairn_arena_alloc(arena, size + 1, &copy));
    memcpy(copy, text, size);
    *ret_address = copy;
    *ret_port = (uint16_t)port;
    return CAIRN_OK;
}

void cairn_listen_url(bool tls, const char *address, uint16_t port,
                      char ret_url[CAIRN_LISTEN_URL_SIZE])
{
    (void)snprintf(ret_url, CAIRN_LISTEN_URL_SIZE,
                   strchr(address, ':') == NULL ? "http%s://%s:%u" : "http%s://[%s]:%u",
                   tls ? "s" : "", address, port);
}

cairn_err cairn_listen_run(cairn_http_server *server)
{
    atomic_store(&running, server);
    (void)signal(SIGINT, stop);
    (void)signal(SIGTERM, stop);
    cairn_err err = cairn_http_server_run(server);
    atomic_store(&running, NULL);
    return err;
}
