/* One step after another, each when what it waits for is there. */
#include "core/net/http_handshake.h"

#include <openssl/err.h>
#include <unistd.h>

static void step(cairn_http_handshake *h);

static void on_ready(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    cairn_http_handshake *h = context;
    h->armed = false;
    if ((what & EV_TIMEOUT) != 0) /* the signer is too slow: the next step fails */
        cairn_tls_signature_cancel(h->ssl);
    step(h);
}

static bool wait_for(cairn_http_handshake *h, int fd, short what, uint32_t timeout_ms)
{
    struct timeval limit = {.tv_sec = timeout_ms / 1000,
                            .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};
    CAIRN_ASSERT(event_assign(&h->wait, h->base, fd, what, on_ready, h) == 0);
    h->armed = event_add(&h->wait, timeout_ms > 0 ? &limit : NULL) == 0;
    return h->armed;
}

static bool wait_for_what_it_wants(cairn_http_handshake *h, int result)
{
    int fd = -1;
    switch (SSL_get_error(h->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return wait_for(h, h->fd, EV_READ, 0);
    case SSL_ERROR_WANT_WRITE:
        return wait_for(h, h->fd, EV_WRITE, 0);
    case SSL_ERROR_WANT_ASYNC:
        return cairn_tls_signature_pending(h->ssl, &fd) &&
               wait_for(h, fd, EV_READ, CAIRN_TLS_SIGN_TIMEOUT_MS);
    default:
        return false;
    }
}

static void step(cairn_http_handshake *h)
{
    ERR_clear_error();
    int result = SSL_do_handshake(h->ssl);
    bool waits = result != 1 && wait_for_what_it_wants(h, result);
    ERR_clear_error();
    if (waits)
        return;
    if (result == 1) /* what follows needs no signature, and no fiber for each call */
        (void)SSL_clear_mode(h->ssl, SSL_MODE_ASYNC);
    h->done(h->context, result == 1);
}

bool cairn_http_handshake_init(cairn_http_handshake *handshake, struct event_base *base,
                               cairn_tls_server *tls, int fd,
                               void (*done)(void *context, bool success), void *context)
{
    cairn_http_handshake h = {.base = base, .fd = fd, .done = done, .context = context};
    if (cairn_tls_server_accept(tls, fd, &h.ssl) != CAIRN_OK)
        return false;
    *handshake = h;
    if (wait_for(handshake, fd, EV_READ, 0))
        return true;
    SSL_free(h.ssl);
    return false;
}

void cairn_http_handshake_abort(cairn_http_handshake *handshake)
{
    if (handshake->armed)
        (void)event_del(&handshake->wait);
    cairn_tls_signature_cancel(handshake->ssl);
    SSL_free(handshake->ssl);
    (void)close(handshake->fd);
}
