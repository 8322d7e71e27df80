/* One request and its promised answer.
 *
 * An exchange is handed to a handler and comes back exactly once: by cairn_http_respond or one of
 * its kin, or, for an answer in pieces, by cairn_http_end. Until then its request, its arena and
 * its peer live, also when the client has gone. Source: RFC 9110; house. */
#ifndef CAIRN_CORE_NET_HTTP_EXCHANGE_H
#define CAIRN_CORE_NET_HTTP_EXCHANGE_H

#include "core/net/http_reply.h"
#include "core/net/tls.h"

/* Owned by whoever must answer it. */
typedef struct cairn_http_exchange cairn_http_exchange;

enum { CAIRN_HTTP_ADDRESS_SIZE = 46 }; /* bytes of a numeric address with its NUL */

/* Who is at the other end of the connection. */
typedef struct cairn_http_peer_facts {
    char address[CAIRN_HTTP_ADDRESS_SIZE]; /* "192.0.2.1" or "2001:db8::1", "" for a local socket */
    uint16_t port;
    bool encrypted;     /* the connection is TLS */
    cairn_tls_peer tls; /* kind NONE without TLS or without a certificate */
} cairn_http_peer_facts;

/* Lives as long as the exchange. Any thread. */
const cairn_http_peer_facts *cairn_http_peer(const cairn_http_exchange *exchange);

/* For what the answer needs: freed whole with the exchange. Room for handler_memory bytes of the
 * server's options beside the request itself. One thread at a time; while a body arrives in pieces,
 * only the server's. */
cairn_arena *cairn_http_arena(cairn_http_exchange *exchange);

/* --- one answer --- */

/* Answers and gives up the exchange. Any thread. A client that has gone is no error; a response
 * that would break the framing becomes a 500. */
void cairn_http_respond(cairn_http_exchange *exchange, const cairn_http_response *response);

/* The same with a problem document. */
void cairn_http_respond_problem(cairn_http_exchange *exchange, int status, const char *code,
                                const char *detail);

/* The same from an error of ours: its status, its name, and the detail of this thread when the
 * fault is the client's; what went wrong inside stays inside. 429 and 503 carry Retry-After: 1. */
void cairn_http_respond_err(cairn_http_exchange *exchange, cairn_err err);

/* The same with a problem document and Retry-After: `retry_ms` rounded up to seconds, at least 1.
 */
void cairn_http_respond_retry(cairn_http_exchange *exchange, int status, const char *code,
                              const char *detail, uint64_t retry_ms);

/* --- a body in pieces --- */

/* A piece of the body, on the server's thread; `last` with the end, whose piece may be empty. When
 * the client has gone, was too slow or broke the framing, `err` says so (CLOSED, EXPIRED, TOO_LARGE
 * or BAD_VALUE), nothing follows, and the exchange is still to be answered, to nobody. Must not
 * block. It may answer. */
typedef void (*cairn_http_body_fn)(void *context, cairn_http_exchange *exchange, cairn_err err,
                                   cairn_bytes piece, bool last);

/* Has the body of an exchange that was admitted in pieces delivered to `on_piece`. From the
 * handler, before it returns. Nothing comes after the answer; an answer before the end of the body
 * ends the connection. */
void cairn_http_receive(cairn_http_exchange *exchange, cairn_http_body_fn on_piece, void *context);

/* No further pieces, and no time limit, until resume: the client is held back by TCP. A piece may
 * be on its way already. Any thread, while the exchange is not answered. */
void cairn_http_receive_pause(cairn_http_exchange *exchange);
void cairn_http_receive_resume(cairn_http_exchange *exchange);

/* --- an answer in pieces --- */

#define CAIRN_HTTP_LENGTH_UNKNOWN UINT64_MAX

typedef enum cairn_http_stream_event {
    CAIRN_HTTP_STREAM_WRITABLE, /* after BUSY: there is room again */
    CAIRN_HTTP_STREAM_DRAINING, /* the server stops: come to an end */
    CAIRN_HTTP_STREAM_GONE,     /* the client has gone or reads too slowly: end it */
} cairn_http_stream_event;

/* On the server's thread. Must not block. It may write and end. */
typedef void (*cairn_http_stream_fn)(void *context, cairn_http_exchange *exchange,
                                     cairn_http_stream_event event);

typedef struct cairn_http_stream {
    uint64_t length; /* bytes of the body, or CAIRN_HTTP_LENGTH_UNKNOWN: chunked */
    cairn_http_stream_fn on_event;
    void *context;
    uint32_t idle_ms; /* when nothing was sent for so long, `idle` is; 0: never */
    cairn_bytes idle; /* static storage */
} cairn_http_stream;

/* Begins an answer whose body follows by cairn_http_write; the exchange stays the caller's until
 * cairn_http_end. `head` is a response without a body, of another status than 204 and 304. A client
 * has to take half of what waits for it within write_timeout_ms. Any thread. */
void cairn_http_respond_begin(cairn_http_exchange *exchange, const cairn_http_response *head,
                              const cairn_http_stream *stream);

/* Sends a copy of `piece`. BUSY, and nothing is taken, when stream_buffer_max bytes of the server's
 * options already wait: WRITABLE follows. CLOSED when the client has gone, ARGUMENT beyond the
 * announced length, NO_MEMORY. A piece is taken whole, and may exceed the bound when nothing waits.
 * Any thread. */
cairn_err cairn_http_write(cairn_http_exchange *exchange, cairn_bytes piece) CAIRN_MUST_USE;

/* Ends the answer and gives up the exchange; fewer bytes than announced cut the connection, so that
 * the client sees it. No event comes after it has returned: it waits for one that is running on the
 * server's thread, so do not hold a lock that the event function takes. Any thread. */
void cairn_http_end(cairn_http_exchange *exchange);

#endif
