/* What the server and its connections share. Everything here belongs to the server's thread but
 * `done`, which is under `lock`. Source: house. */
#ifndef CAIRN_CORE_NET_HTTP_INTERNAL_H
#define CAIRN_CORE_NET_HTTP_INTERNAL_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/net/http_parser.h"
#include "core/net/http_server.h"

typedef struct cairn_http_connection cairn_http_connection;

enum {
    CAIRN_HTTP_LISTENERS_MAX = 8,
    CAIRN_HTTP_LINGER_MS = 1000,          /* how long we read on after the last answer */
    CAIRN_HTTP_LINGER_SIZE_MAX = 1 << 20, /* and how many bytes */
    CAIRN_HTTP_ACCEPT_RETRY_MS = 100      /* pause after accept has failed */
};

enum {
    CAIRN_HTTP_EVENT_LISTENING,
    CAIRN_HTTP_EVENT_REFUSED,
    CAIRN_HTTP_EVENT_TIMEOUT,
    CAIRN_HTTP_EVENT_ACCEPT_FAILED,
    CAIRN_HTTP_EVENT_DRAINED,
};

struct cairn_http_exchange {
    cairn_http_server *server;
    cairn_http_connection *connection; /* NULL once the client has gone; server's thread */
    cairn_arena arena;                 /* the request */
    cairn_http_request request;
    /* Written by the thread that answers, read by the server's after it was queued. */
    uint8_t *reply; /* NULL: memory ended */
    size_t reply_size;
    bool close;
    cairn_http_exchange *next;
};

struct cairn_http_server {
    cairn_clock clock;
    cairn_log *log;
    cairn_http_server_options options;
    cairn_http_handler_fn handler;
    void *context;
    struct event_base *base;
    struct event *wake; /* readable when something was answered or stop was called */
    struct event *drain_timer;
    struct event *retry_timer; /* the pause after a failed accept */
    int wake_fd;
    size_t listener_count;
    struct evconnlistener *listeners[CAIRN_HTTP_LISTENERS_MAX];
    cairn_http_connection *connections; /* a list */
    size_t connection_count;
    size_t exchange_count; /* handed to handlers and not yet back */
    bool accepting, draining;
    atomic_bool stop;
    pthread_mutex_t lock; /* guards `done` */
    cairn_http_exchange *done;
};

/* Starts a timer, or starts it anew; false when memory has ended. */
bool cairn_http_timer_set(struct event *timer, uint32_t ms) CAIRN_MUST_USE;

/* Takes over a connected, non-blocking socket; closes it when memory ends. */
void cairn_http_connection_open(cairn_http_server *server, evutil_socket_t fd);

/* The answer of `exchange`, back on the server's thread; frees the exchange. */
void cairn_http_connection_answer(cairn_http_exchange *exchange);

/* Closes when idle; else the answer that is under way is the last one. */
void cairn_http_connection_drain(cairn_http_connection *connection);

/* Closes at once; an exchange that a handler holds loses its connection. */
void cairn_http_connection_close(cairn_http_connection *connection);

cairn_http_connection *cairn_http_connection_next(const cairn_http_connection *connection);

/* A connection has gone: its place may be taken. */
void cairn_http_server_released(cairn_http_server *server);

/* Makes the loop look at `done` and `stop`. Any thread, also a signal handler. */
void cairn_http_server_wake(const cairn_http_server *server);

/* An exchange without its handler; takes NULL. */
void cairn_http_exchange_free(cairn_http_exchange *exchange);

#endif
