/* A TLS handshake on the server's loop: it waits for the client, and for a signer, without holding
 * up anybody. Server's thread. Source: RFC 8446; house. */
#ifndef CAIRN_CORE_NET_HTTP_HANDSHAKE_H
#define CAIRN_CORE_NET_HTTP_HANDSHAKE_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "core/net/tls_impl.h"

typedef struct cairn_http_handshake {
    struct event_base *base;
    int fd;
    SSL *ssl;
    struct event wait; /* for the socket or for the signature */
    bool armed;
    /* Called once: with success, `fd` and `ssl` are the callee's. It may free the handshake. */
    void (*done)(void *context, bool success);
    void *context;
} cairn_http_handshake;

/* Begins on a connected, non-blocking socket, which it takes over. False when memory has ended;
 * then done is not called and the socket stays the caller's. */
bool cairn_http_handshake_init(cairn_http_handshake *handshake, struct event_base *base,
                               cairn_tls_server *tls, int fd,
                               void (*done)(void *context, bool success),
                               void *context) CAIRN_MUST_USE;

/* Ends one that is not done and closes its socket. */
void cairn_http_handshake_abort(cairn_http_handshake *handshake);

#endif
