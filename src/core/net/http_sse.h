/* Server-sent events on an answer in pieces. Source: HTML Living Standard, section 9.2 (server-sent
 * events). */
#ifndef CAIRN_CORE_NET_HTTP_SSE_H
#define CAIRN_CORE_NET_HTTP_SSE_H

#include "core/net/http_exchange.h"

enum {
    CAIRN_SSE_ID_SIZE_MAX = 1024,    /* bytes of an event's id, and of Last-Event-ID */
    CAIRN_SSE_NAME_SIZE_MAX = 64,    /* bytes of an event's name */
    CAIRN_SSE_DATA_SIZE_MAX = 65536, /* bytes of an event's data */
    CAIRN_SSE_HEARTBEAT_MS = 15000   /* a comment after so much silence */
};

/* One event. Parts that are empty (`data` NULL) are left out; one without data is not dispatched by
 * the client but moves its last id. */
typedef struct cairn_sse_event {
    cairn_bytes id;   /* without CR, LF and NUL */
    cairn_bytes name; /* the event field, without CR and LF */
    cairn_bytes data; /* UTF-8; each line becomes a data field */
} cairn_sse_event;

/* Begins a stream of events: 200, text/event-stream, no-store. `on_event` as in cairn_http_stream.
 * `retry_ms` tells the client when to come back after a loss; 0: its own choice. The exchange stays
 * the caller's until cairn_http_end. */
void cairn_sse_begin(cairn_http_exchange *exchange, uint32_t heartbeat_ms, uint32_t retry_ms,
                     cairn_http_stream_fn on_event, void *context);

/* Sends one event. ARGUMENT for an id or name that would break the stream or exceeds its bound,
 * TOO_LARGE for data, and those of cairn_http_write: BUSY, CLOSED, NO_MEMORY. Any thread. */
cairn_err cairn_sse_send(cairn_http_exchange *exchange,
                         const cairn_sse_event *event) CAIRN_MUST_USE;

/* What cairn_sse_send would send, so that many events can go out in one cairn_http_write.
 * `ret_size` is how many bytes it takes; they are in `out` when that is at most `room`. ARGUMENT
 * and TOO_LARGE as there. */
cairn_err cairn_sse_format(const cairn_sse_event *event, uint8_t *out, size_t room,
                           size_t *ret_size) CAIRN_MUST_USE;

/* The last id that the client has seen (Last-Event-ID); false when it names none or one that is too
 * long. A view into the request. */
bool cairn_sse_last_event_id(const cairn_http_request *request, cairn_bytes *ret_id);

#endif
