/* What the server, its connections and its exchanges share. Everything here belongs to the server's
 * thread but what is said to be under `lock`. Source: house. */
#ifndef CAIRN_CORE_NET_HTTP_INTERNAL_H
#define CAIRN_CORE_NET_HTTP_INTERNAL_H

#include <event2/event.h>
#include <event2/listener.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/net/http_addresses.h"
#include "core/net/http_handshake.h"
#include "core/net/http_parser.h"
#include "core/net/http_server.h"
#include "core/net/http_wire.h"

typedef struct cairn_http_connection cairn_http_connection;

enum {
    CAIRN_HTTP_LISTENERS_MAX = 8,
    CAIRN_HTTP_DRAIN_HEAD_MS = 200,       /* that a half-sent head may hold up a drain */
    CAIRN_HTTP_LINGER_MS = 1000,          /* how long we read on after the last answer */
    CAIRN_HTTP_LINGER_SIZE_MAX = 1 << 20, /* and how many bytes */
    CAIRN_HTTP_ACCEPT_RETRY_MS = 100,     /* pause after accept has failed */
    CAIRN_HTTP_PIECE_PACE = 16384,        /* bytes of a body that renew its time limit */
    CAIRN_HTTP_OVERLOAD_RETRY_MS = 1000   /* what a client is told to wait when we are too busy */
};

enum {
    CAIRN_HTTP_EVENT_LISTENING,
    CAIRN_HTTP_EVENT_REFUSED,
    CAIRN_HTTP_EVENT_TIMEOUT,
    CAIRN_HTTP_EVENT_ACCEPT_FAILED,
    CAIRN_HTTP_EVENT_DRAINED,
    CAIRN_HTTP_EVENT_HANDSHAKE_FAILED,
    CAIRN_HTTP_EVENT_ADDRESS_LIMIT,
    CAIRN_HTTP_EVENT_OVERLOADED,
    CAIRN_HTTP_EVENT_LOOP_FAILED,
};

/* The peer of a connection; its exchanges may outlive it. */
typedef struct cairn_http_peer_box {
    atomic_uint reference_count;
    cairn_http_peer_facts facts;
} cairn_http_peer_box;

/* Takes NULL. */
void cairn_http_peer_unref(cairn_http_peer_box *peer);

/* How far the answer is. */
typedef enum cairn_http_answer {
    CAIRN_HTTP_ANSWER_NONE,
    CAIRN_HTTP_ANSWER_BEGUN, /* in pieces */
    CAIRN_HTTP_ANSWER_GIVEN, /* the exchange is the server's again */
} cairn_http_answer;

struct cairn_http_exchange {
    cairn_http_server *server;
    cairn_http_connection *connection; /* NULL once the client has gone; server's thread */
    cairn_http_peer_box *peer;
    cairn_arena arena; /* the request, and what the handler makes */
    cairn_http_request request;
    atomic_bool body_open; /* more of the body is to come: an answer now ends the connection */
    atomic_bool paused;
    cairn_http_body_fn on_piece; /* NULL: the body is taken whole */
    void *piece_context;
    /* Written by the thread that answers, before it is queued. */
    cairn_http_stream stream;
    bool close, head_only, chunked;
    bool cut;             /* memory ended: the client must not take the answer for whole */
    uint64_t length_left; /* of an announced length */
    bool is_stream;       /* counted in stream_count; server's thread */
    /* Under the server's lock. */
    cairn_http_answer answer;
    bool queued;                    /* in `done` */
    bool gone;                      /* nobody reads what is written */
    bool busy;                      /* a write was refused: WRITABLE is due */
    size_t unsent;                  /* bytes in `first` and in the connection */
    cairn_http_block *first, *last; /* on their way to the connection */
    cairn_http_exchange *next;
};

typedef struct cairn_http_listener {
    cairn_http_server *server;
    cairn_tls_server *tls; /* NULL: plain */
    struct evconnlistener *socket;
} cairn_http_listener;

enum {
    CAIRN_HTTP_COUNT_ACCEPTED,
    CAIRN_HTTP_COUNT_REQUESTS,
    CAIRN_HTTP_COUNT_REFUSED,
    CAIRN_HTTP_COUNT_HALF_SENT,
    CAIRN_HTTP_COUNT_OVERLOADED,
    CAIRN_HTTP_COUNT_HANDSHAKES,
    CAIRN_HTTP_COUNT_HANDSHAKES_FAILED,
    CAIRN_HTTP_COUNT_COUNT,
};

struct cairn_http_server {
    cairn_clock clock;
    cairn_log *log;
    cairn_http_server_options options;
    cairn_http_handler_fn handler;
    void *context;
    struct event_base *base;
    struct event *wake;      /* readable when something was answered or stop was called */
    struct event *done_here; /* the same from the server's own thread, without a system call */
    struct event *drain_timer;
    struct event *retry_timer; /* the pause after a failed accept */
    int wake_fd;
    size_t listener_count;
    cairn_http_listener listeners[CAIRN_HTTP_LISTENERS_MAX];
    cairn_http_connection *connections; /* a list */
    cairn_http_connection *feeding;     /* whose input is being parsed; NULL once it has gone */
    atomic_size_t connection_count;     /* written by the server's thread alone, as the next */
    atomic_size_t exchange_count;       /* handed to handlers and not yet back */
    size_t stream_count; /* of them, answers in pieces: they may last, and are no load */
    cairn_http_addresses *addresses; /* NULL: no bound; shared by a group */
    bool owns_addresses;
    bool accepting, draining;
    atomic_bool stop;
    atomic_bool asked;                            /* for a sign of life: the loop takes it back */
    atomic_ullong counts[CAIRN_HTTP_COUNT_COUNT]; /* by the names above */
    pthread_mutex_t lock;          /* guards `done` and what of an exchange is under it */
    pthread_mutex_t callback_lock; /* held while a function of an exchange's owner runs */
    cairn_http_exchange *done;
    uint8_t input[CAIRN_HTTP_READ_SIZE]; /* what was read last */
};

typedef enum cairn_http_phase {
    CAIRN_HTTP_PHASE_HANDSHAKE,
    CAIRN_HTTP_PHASE_WAITING,   /* for the first byte of a request */
    CAIRN_HTTP_PHASE_HEAD,      /* its head arrives */
    CAIRN_HTTP_PHASE_BODY,      /* its body arrives */
    CAIRN_HTTP_PHASE_PIECES,    /* a handler holds the exchange, its body arrives */
    CAIRN_HTTP_PHASE_HANDLING,  /* a handler holds the exchange */
    CAIRN_HTTP_PHASE_STREAMING, /* a handler holds the exchange and writes */
    CAIRN_HTTP_PHASE_WRITING,   /* the answer, or its end, leaves */
    CAIRN_HTTP_PHASE_LINGER,    /* the last answer has left */
} cairn_http_phase;

struct cairn_http_connection {
    cairn_http_server *server;
    cairn_http_wire wire; /* after the handshake */
    struct event timer;
    cairn_http_handshake *handshake; /* NULL afterwards */
    cairn_http_parser *parser;
    cairn_http_exchange *exchange; /* ours until a handler has it; then his */
    cairn_http_peer_box *peer;
    cairn_http_phase phase;
    bool close_after_write;
    bool cut_after_write; /* ... and so that the client sees that something is missing */
    bool pacing;          /* the timer is for the client to take what waits */
    size_t pace;          /* bytes that waited, or that had come, when it was set */
    uint8_t *held;        /* bytes read before their turn, or NULL */
    size_t held_size;
    size_t linger_size;
    cairn_http_connection *previous, *next;
};

/* --- http_server.c --- */

/* Starts a timer, or starts it anew; false when memory has ended. */
bool cairn_http_timer_set(struct event *timer, uint32_t ms) CAIRN_MUST_USE;

/* A connection has gone: its place may be taken. */
void cairn_http_server_released(cairn_http_server *server);

/* Makes the loop look at `done` and `stop`. Any thread, also a signal handler. */
void cairn_http_server_wake(const cairn_http_server *server);

/* The same when the caller may be on the server's own thread. */
void cairn_http_server_nudge(const cairn_http_server *server);

void cairn_http_listeners_close(cairn_http_server *server);

/* ADDRESS_IN_USE when anybody listens there, also one that shares its port (SO_REUSEPORT): the
 * kernel would let us join him, and give each of us a part of the other's clients. */
cairn_err cairn_http_check_free(const char *address, uint16_t port) CAIRN_MUST_USE;

/* For http_listen.c: a connection has come; accept has failed. */
void cairn_http_server_accepted(cairn_http_listener *listener, evutil_socket_t fd,
                                const struct sockaddr *address);
void cairn_http_server_accept_failed(cairn_http_server *server);

static inline void cairn_http_count(cairn_http_server *server, unsigned which)
{
    atomic_fetch_add_explicit(&server->counts[which], 1, memory_order_relaxed);
}

/* --- http_connection.c --- */

/* Takes over a connected, non-blocking socket and the peer; closes it when memory ends. */
void cairn_http_connection_open(cairn_http_server *server, cairn_tls_server *tls,
                                evutil_socket_t fd, cairn_http_peer_box *peer);

/* Closes when idle; else the answer that is under way is the last one. */
void cairn_http_connection_drain(cairn_http_connection *connection);

/* Closes at once; an exchange that a handler holds loses its connection. */
void cairn_http_connection_close(cairn_http_connection *connection);

/* The answer has left: lingers, closes, or waits for the next request. */
void cairn_http_connection_answered(cairn_http_connection *connection);

/* After a pause. */
void cairn_http_connection_resume(cairn_http_connection *connection);

/* Takes the exchange off the connection; returns it when a handler has it, to be abandoned. */
cairn_http_exchange *cairn_http_connection_release(cairn_http_connection *connection);

/* --- http_intake.c --- */

/* Answers with the refusal's problem document and ends the connection. */
void cairn_http_connection_refuse(cairn_http_connection *c, cairn_http_refusal refusal);

/* Whether bytes of the client are for the parser now. */
bool cairn_http_connection_wants_input(const cairn_http_connection *c);

/* Feeds the parser once; `ret_used` bytes were taken. False when the connection has gone or wants
 * no more for now. */
bool cairn_http_connection_feed(cairn_http_connection *c, cairn_bytes input, size_t *ret_used);

/* --- http_output.c --- */

/* What was queued for `exchange`, on the server's thread: its answer, pieces, its end, or a resume.
 * Frees the exchange when it was given up. */
void cairn_http_exchange_process(cairn_http_exchange *exchange);

/* Sends the last response of a connection and gives up what it was about. */
void cairn_http_connection_write_last(cairn_http_connection *connection, cairn_http_block *reply);

/* Some bytes may leave. */
void cairn_http_connection_flush(cairn_http_connection *connection);

/* The client took too long, or a stream was silent for long. */
void cairn_http_connection_stream_timer(cairn_http_connection *connection);

/* --- http_exchange.c, http_answer.c --- */

/* NULL when memory has ended. */
cairn_http_exchange *cairn_http_exchange_new(cairn_http_connection *connection);

/* An exchange without its handler; takes NULL. */
void cairn_http_exchange_free(cairn_http_exchange *exchange);

/* Puts the exchange before the server's thread. Under the server's lock. */
void cairn_http_exchange_queue(cairn_http_exchange *exchange);

/* The handler's exchange has lost its connection; tells him why. */
void cairn_http_exchange_abandon(cairn_http_exchange *exchange, cairn_err err);

/* Hands on a piece of the body, unless the exchange is answered. */
void cairn_http_exchange_deliver(cairn_http_exchange *exchange, cairn_err err, cairn_bytes piece,
                                 bool last);

/* Tells the owner of an answer in pieces, unless it has ended. */
void cairn_http_exchange_tell(cairn_http_exchange *exchange, cairn_http_stream_event event);

/* A piece as it travels: a chunk of its own when the answer is chunked. NULL without memory. */
cairn_http_block *cairn_http_exchange_frame(const cairn_http_exchange *exchange, cairn_bytes piece);

/* A response as a block. NULL when memory has ended. */
cairn_http_block *cairn_http_response_block(const cairn_http_response *response,
                                            const cairn_http_framing *framing);

static inline void cairn_http_lock(cairn_http_server *server)
{
    CAIRN_ASSERT(pthread_mutex_lock(&server->lock) == 0);
}
static inline void cairn_http_unlock(cairn_http_server *server)
{
    CAIRN_ASSERT(pthread_mutex_unlock(&server->lock) == 0);
}

#endif
