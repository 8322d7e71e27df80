/* An HTTP/1.1 server: one event loop, strict requests, answers that may come later and from any
 * thread.
 *
 * A server owns its loop and runs on one thread; N threads are N servers on the same address. A
 * handler gets a whole request and an exchange, which is the promise of one answer: it may answer
 * at once, or keep the exchange and answer from another thread. A connection serves one request
 * after another (keep-alive, pipelining in order). What does not arrive in time or breaks the
 * framing is refused with a problem document, and the connection ends. Source: RFC 9110, RFC 9112;
 * house. */
#ifndef CAIRN_CORE_NET_HTTP_SERVER_H
#define CAIRN_CORE_NET_HTTP_SERVER_H

#include "core/log.h"
#include "core/net/http_reply.h"

typedef struct cairn_http_server cairn_http_server;

/* One request and its promised answer. Owned by whoever must answer it. */
typedef struct cairn_http_exchange cairn_http_exchange;

/* Called on the server's thread for each request. Must not block. Each exchange is answered exactly
 * once by cairn_http_respond or one of its kin; `request` lives until then. */
typedef void (*cairn_http_handler_fn)(void *context, cairn_http_exchange *exchange,
                                      const cairn_http_request *request);

typedef struct cairn_http_server_options {
    size_t body_size_max;          /* bytes of one request's body */
    unsigned connection_count_max; /* further clients wait in the listen queue */
    uint32_t idle_timeout_ms;      /* between requests on a kept connection */
    uint32_t head_timeout_ms;  /* from the first byte, or from the connection, to the head's end */
    uint32_t body_timeout_ms;  /* from the head's end to the body's end */
    uint32_t write_timeout_ms; /* until the client has taken the answer */
    uint32_t drain_timeout_ms; /* after stop, until what is open is closed */
    bool share_port;           /* SO_REUSEPORT: several servers listen on one address */
} cairn_http_server_options;

/* 1 MiB bodies, 1,024 connections, 60 s idle, 10 s head, 30 s body, 30 s write, 5 s drain. */
cairn_http_server_options cairn_http_server_defaults(void);

/* Events: http.listening, http.refused, http.timeout, http.accept_failed, http.drained. */
extern const cairn_log_table cairn_http_log_events;

/* A server without listeners. `clock` is copied, `log` (NULL: silent; else made with
 * cairn_http_log_events) borrowed. NO_MEMORY, IO. */
cairn_err cairn_http_server_new(const cairn_clock *clock, cairn_log *log,
                                const cairn_http_server_options *options,
                                cairn_http_handler_fn handler, void *context,
                                cairn_http_server **ret_server) CAIRN_MUST_USE;

/* Frees a server that does not run and whose exchanges are all answered. Takes NULL. */
void cairn_http_server_free(cairn_http_server *server);
CAIRN_DEFINE_CLEANUP(cairn_http_server, cairn_http_server_free)

/* Listens on a numeric address ("127.0.0.1", "::1", "0.0.0.0"); port 0 takes a free one. Before
 * run. ARGUMENT for an address that is not numeric, ADDRESS_IN_USE, TOO_MANY beyond 8 listeners,
 * PERMISSION, IO. */
cairn_err cairn_http_server_listen(cairn_http_server *server, const char *address, uint16_t port,
                                   uint16_t *ret_port) CAIRN_MUST_USE;

/* Serves until cairn_http_server_stop, then drains: listeners close, idle connections close, begun
 * requests are answered with `Connection: close`; after drain_timeout_ms what is open is cut.
 * Returns when every exchange is answered. Once a server. The process ignores SIGPIPE. */
cairn_err cairn_http_server_run(cairn_http_server *server) CAIRN_MUST_USE;

/* Any thread, also a signal handler; returns at once. */
void cairn_http_server_stop(cairn_http_server *server);

/* Answers and gives up the exchange. Any thread. A client that has gone is no error; a response
 * that would break the framing becomes a 500. */
void cairn_http_respond(cairn_http_exchange *exchange, const cairn_http_response *response);

/* The same with a problem document. */
void cairn_http_respond_problem(cairn_http_exchange *exchange, int status, const char *code,
                                const char *detail);

/* The same from an error of ours: its status, its name, and the detail of this thread when the
 * fault is the client's; what went wrong inside stays inside. */
void cairn_http_respond_err(cairn_http_exchange *exchange, cairn_err err);

#endif
