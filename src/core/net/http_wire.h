/* The bytes of one connection, plain or TLS, on the server's loop.
 *
 * Not libevent's bufferevent: that writes only after a turn of the loop, asks the kernel how much
 * there is before each read, keeps kilobytes for an idle connection, and its TLS form cannot wait
 * for a signature (docs/decisions/0010-own-stream-over-libevent-events.md). Server's thread.
 * Source: house. */
#ifndef CAIRN_CORE_NET_HTTP_WIRE_H
#define CAIRN_CORE_NET_HTTP_WIRE_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/ssl.h>

#include "cairn/bytes.h"

enum { CAIRN_HTTP_READ_SIZE = 16384 }; /* bytes of one read: a whole TLS record */

/* Bytes that are to leave, in one heap block with their head. */
typedef struct cairn_http_block {
    struct cairn_http_block *next;
    size_t size, sent;
    uint8_t bytes[];
} cairn_http_block;

/* Room for `size` bytes; NULL when memory ends. Freed with free(). */
cairn_http_block *cairn_http_block_new(size_t size);

typedef enum cairn_http_wire_status {
    CAIRN_HTTP_WIRE_OK,     /* some bytes were read; all bytes were written */
    CAIRN_HTTP_WIRE_WAIT,   /* nothing now: the wire calls back */
    CAIRN_HTTP_WIRE_END,    /* the client sends no more */
    CAIRN_HTTP_WIRE_FAILED, /* the connection is of no use */
} cairn_http_wire_status;

typedef struct cairn_http_wire {
    int fd;
    SSL *ssl; /* NULL for plain */
    struct event readable, writable;
    bool reading, retry_read;       /* retry: a read waits until the socket is writable */
    cairn_http_block *first, *last; /* to be written */
    size_t unsent;                  /* bytes of them */
    void (*on_readable)(void *context);
    void (*on_writable)(void *context); /* some bytes may leave: call flush */
    void *context;
} cairn_http_wire;

/* Takes over the socket and the SSL, whose handshake is done. */
void cairn_http_wire_init(cairn_http_wire *wire, struct event_base *base, int fd, SSL *ssl,
                          void (*on_readable)(void *), void (*on_writable)(void *), void *context);

/* Closes at once. Takes a wire that was never begun (fd -1). */
void cairn_http_wire_done(cairn_http_wire *wire);

/* Whether on_readable is called. False when memory has ended. */
bool cairn_http_wire_set_reading(cairn_http_wire *wire, bool reading) CAIRN_MUST_USE;

/* Reads what is there, at most `room` bytes. */
cairn_http_wire_status cairn_http_wire_read(cairn_http_wire *wire, uint8_t *data, size_t room,
                                            size_t *ret_size) CAIRN_MUST_USE;

/* True when bytes are there that the socket no longer shows: read again without waiting. */
bool cairn_http_wire_has_more(const cairn_http_wire *wire);

/* Appends a list of blocks, which it takes. Nothing leaves before flush. */
void cairn_http_wire_append(cairn_http_wire *wire, cairn_http_block *blocks);

/* Writes what can be written now. WAIT: on_writable will follow. */
cairn_http_wire_status cairn_http_wire_flush(cairn_http_wire *wire) CAIRN_MUST_USE;

/* Tells the client that nothing more comes. */
void cairn_http_wire_end(cairn_http_wire *wire);

#endif
