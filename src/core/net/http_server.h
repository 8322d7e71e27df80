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
#include "core/net/http_exchange.h"

typedef struct cairn_http_server cairn_http_server;

/* Called on the server's thread for each request: whole, or, when it was admitted in pieces, as
 * soon as its head is known. Must not block. Each exchange is answered exactly once. */
typedef void (*cairn_http_handler_fn)(void *context, cairn_http_exchange *exchange,
                                      const cairn_http_request *request);

/* How a request's body is taken. */
typedef struct cairn_http_intake {
    uint64_t body_size_max; /* bytes; with pieces it may exceed the server's own limit */
    bool pieces; /* the handler is called before the body, and calls cairn_http_receive */
} cairn_http_intake;

/* Called on the server's thread when the head of a request is known, before any of its body.
 * `intake` holds the server's own limit. It may answer at once, which refuses the request: the
 * handler is then not called. Must not keep the exchange. */
typedef void (*cairn_http_admit_fn)(void *context, cairn_http_exchange *exchange,
                                    const cairn_http_request *head, cairn_http_intake *intake);

typedef struct cairn_http_server_options {
    size_t body_size_max;          /* bytes of one request's body, when it is taken whole */
    size_t handler_memory;         /* bytes of cairn_http_arena that a handler may use */
    size_t stream_buffer_max;      /* bytes of an answer in pieces that may wait for the client */
    unsigned connection_count_max; /* further clients wait in the listen queue */
    unsigned address_connection_count_max; /* of one IPv4 address or IPv6 /64; 0: no bound */
    unsigned exchange_count_max; /* with handlers at once, answers in pieces not counted; further
                                    requests get 503 */
    uint32_t idle_timeout_ms;    /* between requests on a kept connection */
    uint32_t head_timeout_ms;  /* from the first byte, or from the connection, to the head's end */
    uint32_t body_timeout_ms;  /* from the head's end to the body's end; in pieces, for 16 KiB */
    uint32_t write_timeout_ms; /* until the client has taken the answer */
    uint32_t drain_timeout_ms; /* after stop, until what is open is closed */
    bool share_port;           /* SO_REUSEPORT: several servers listen on one address */
    cairn_http_admit_fn admit; /* NULL: every body is taken whole */
} cairn_http_server_options;

/* 1 MiB bodies, 1 MiB for handlers, 256 KiB of a stream, 1,024 connections, no bound an address,
 * 1,024 exchanges, 60 s idle, 10 s head, 30 s body, 30 s write, 5 s drain. */
cairn_http_server_options cairn_http_server_defaults(void);

/* Events: http.listening, http.refused, http.timeout, http.accept_failed, http.drained,
 * http.handshake_failed, http.address_limit, http.overloaded. */
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

/* The same over TLS; `tls` is borrowed and outlives the server. */
cairn_err cairn_http_server_listen_tls(cairn_http_server *server, cairn_tls_server *tls,
                                       const char *address, uint16_t port,
                                       uint16_t *ret_port) CAIRN_MUST_USE;

/* Takes connections from a listening socket that somebody else has made (socket activation); `fd`
 * is duplicated and stays the caller's. `tls` as above, or NULL. ARGUMENT when it is no listening
 * stream socket, TOO_MANY, IO. */
cairn_err cairn_http_server_adopt(cairn_http_server *server, cairn_tls_server *tls,
                                  int fd) CAIRN_MUST_USE;

/* Serves until cairn_http_server_stop, then drains: listeners close, idle connections close, begun
 * requests are answered with `Connection: close`; after drain_timeout_ms what is open is cut.
 * Returns when every exchange is answered. Once a server. The process ignores SIGPIPE. */
cairn_err cairn_http_server_run(cairn_http_server *server) CAIRN_MUST_USE;

/* Any thread, also a signal handler; returns at once. */
void cairn_http_server_stop(cairn_http_server *server);

/* What the server has done so far. Any thread. */
typedef struct cairn_http_counts {
    uint64_t connections; /* open now */
    uint64_t exchanges;   /* with handlers now */
    uint64_t accepted;    /* connections */
    uint64_t requests;    /* heads that were understood */
    uint64_t refused;     /* requests that broke the framing or a limit */
    uint64_t half_sent;   /* requests that did not arrive whole in time, also before a drain */
    uint64_t overloaded;  /* requests answered 503 without their handler */
    uint64_t handshakes;  /* that succeeded */
    uint64_t handshakes_failed;
} cairn_http_counts;

void cairn_http_server_counts(cairn_http_server *server, cairn_http_counts *ret_counts);

#endif
