/* Reading and writing without blocking. */
#include "core/net/http_wire.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE_BLOCKS_MAX = 16, TLS_RECORD_MAX = 16384 };

cairn_http_block *cairn_http_block_new(size_t size)
{
    cairn_http_block *block = malloc(sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->next = NULL;
    block->size = size;
    block->sent = 0;
    return block;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    const cairn_http_wire *wire = context;
    wire->on_readable(wire->context);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    cairn_http_wire *wire = context;
    bool retry_read = wire->retry_read && wire->unsent == 0;
    wire->retry_read = false;
    if (retry_read)
        wire->on_readable(wire->context);
    else
        wire->on_writable(wire->context);
}

void cairn_http_wire_init(cairn_http_wire *wire, struct event_base *base, int fd, SSL *ssl,
                          void (*readable)(void *), void (*writable)(void *), void *context)
{
    *wire = (cairn_http_wire){
        .fd = fd, .ssl = ssl, .on_readable = readable, .on_writable = writable, .context = context};
    CAIRN_ASSERT(event_assign(&wire->readable, base, fd, EV_READ | EV_PERSIST, on_readable, wire) ==
                 0);
    CAIRN_ASSERT(event_assign(&wire->writable, base, fd, EV_WRITE, on_writable, wire) == 0);
}

void cairn_http_wire_done(cairn_http_wire *wire)
{
    if (wire->fd < 0)
        return;
    (void)event_del(&wire->readable);
    (void)event_del(&wire->writable);
    while (wire->first != NULL) {
        cairn_http_block *block = wire->first;
        wire->first = block->next;
        free(block);
    }
    SSL_free(wire->ssl);
    (void)close(wire->fd);
    wire->fd = -1;
}

bool cairn_http_wire_set_reading(cairn_http_wire *wire, bool reading)
{
    if (reading == wire->reading)
        return true;
    int failed = reading ? event_add(&wire->readable, NULL) : event_del(&wire->readable);
    if (failed == 0)
        wire->reading = reading;
    return failed == 0;
}

/* What a call of OpenSSL that did not succeed means. */
static cairn_http_wire_status tls_status(cairn_http_wire *wire, int result, bool read)
{
    int error = SSL_get_error(wire->ssl, result);
    ERR_clear_error();
    switch (error) {
    case SSL_ERROR_WANT_READ:
        return CAIRN_HTTP_WIRE_WAIT;
    case SSL_ERROR_WANT_WRITE:
        wire->retry_read |= read;
        return event_add(&wire->writable, NULL) == 0 ? CAIRN_HTTP_WIRE_WAIT
                                                     : CAIRN_HTTP_WIRE_FAILED;
    case SSL_ERROR_ZERO_RETURN:
        return CAIRN_HTTP_WIRE_END;
    default:
        return CAIRN_HTTP_WIRE_FAILED;
    }
}

cairn_http_wire_status cairn_http_wire_read(cairn_http_wire *wire, uint8_t *data, size_t room,
                                            size_t *ret_size)
{
    *ret_size = 0;
    if (wire->ssl != NULL) {
        int result = SSL_read_ex(wire->ssl, data, room, ret_size);
        return result == 1 ? CAIRN_HTTP_WIRE_OK : tls_status(wire, result, true);
    }
    ssize_t n = recv(wire->fd, data, room, 0);
    if (n > 0) {
        *ret_size = (size_t)n;
        return CAIRN_HTTP_WIRE_OK;
    }
    if (n == 0)
        return CAIRN_HTTP_WIRE_END;
    return errno == EAGAIN || errno == EINTR ? CAIRN_HTTP_WIRE_WAIT : CAIRN_HTTP_WIRE_FAILED;
}

bool cairn_http_wire_has_more(const cairn_http_wire *wire)
{
    return wire->ssl != NULL && SSL_has_pending(wire->ssl) == 1;
}

void cairn_http_wire_append(cairn_http_wire *wire, cairn_http_block *blocks)
{
    while (blocks != NULL) {
        cairn_http_block *next = blocks->next;
        blocks->next = NULL;
        if (wire->first == NULL)
            wire->first = blocks;
        else
            wire->last->next = blocks;
        wire->last = blocks;
        wire->unsent += blocks->size - blocks->sent;
        blocks = next;
    }
}

/* `size` bytes have left. */
static void advance(cairn_http_wire *wire, size_t size)
{
    wire->unsent -= size;
    while (wire->first != NULL) {
        cairn_http_block *block = wire->first;
        size_t step = size < block->size - block->sent ? size : block->size - block->sent;
        block->sent += step;
        size -= step;
        if (block->sent < block->size)
            return;
        wire->first = block->next;
        free(block);
    }
    wire->last = NULL;
}

static cairn_http_wire_status write_plain(cairn_http_wire *wire)
{
    struct iovec parts[WRITE_BLOCKS_MAX];
    struct msghdr message = {.msg_iov = parts};
    for (cairn_http_block *b = wire->first; b != NULL && message.msg_iovlen < WRITE_BLOCKS_MAX;
         b = b->next)
        parts[message.msg_iovlen++] =
            (struct iovec){.iov_base = b->bytes + b->sent, .iov_len = b->size - b->sent};
    ssize_t n = sendmsg(wire->fd, &message, MSG_NOSIGNAL);
    if (n >= 0) {
        advance(wire, (size_t)n);
        return CAIRN_HTTP_WIRE_OK;
    }
    if (errno != EAGAIN && errno != EINTR)
        return CAIRN_HTTP_WIRE_FAILED;
    return event_add(&wire->writable, NULL) == 0 ? CAIRN_HTTP_WIRE_WAIT : CAIRN_HTTP_WIRE_FAILED;
}

/* Whole small blocks that one record can carry, copied one behind the other; 0 when there is but
 * one. A write that has to be tried again finds the same bytes first, as OpenSSL asks. */
static size_t gather(const cairn_http_wire *wire, uint8_t ret_record[TLS_RECORD_MAX])
{
    size_t size = 0;
    if (wire->first->next == NULL)
        return 0;
    for (const cairn_http_block *b = wire->first; b != NULL; b = b->next) {
        size_t left = b->size - b->sent;
        if (left > TLS_RECORD_MAX - size)
            break;
        memcpy(ret_record + size, b->bytes + b->sent, left);
        size += left;
    }
    return size;
}

static cairn_http_wire_status write_tls(cairn_http_wire *wire)
{
    const cairn_http_block *block = wire->first;
    uint8_t record[TLS_RECORD_MAX];
    size_t gathered = gather(wire, record);
    size_t size = 0;
    int result = gathered > 0 ? SSL_write_ex(wire->ssl, record, gathered, &size)
                              : SSL_write_ex(wire->ssl, block->bytes + block->sent,
                                             block->size - block->sent, &size);
    if (result != 1)
        return tls_status(wire, result, false);
    advance(wire, size);
    return CAIRN_HTTP_WIRE_OK;
}

cairn_http_wire_status cairn_http_wire_flush(cairn_http_wire *wire)
{
    cairn_http_wire_status status = CAIRN_HTTP_WIRE_OK;
    while (wire->unsent > 0 && status == CAIRN_HTTP_WIRE_OK)
        status = wire->ssl != NULL ? write_tls(wire) : write_plain(wire);
    return status;
}

void cairn_http_wire_end(cairn_http_wire *wire)
{
    if (wire->ssl != NULL) {
        (void)SSL_shutdown(wire->ssl);
        ERR_clear_error();
    }
    (void)shutdown(wire->fd, SHUT_WR);
}
