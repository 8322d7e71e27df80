/* What goes back: one response as bytes, and the problem document of every error (RFC 9457).
 * Source: RFC 9110, RFC 9112, RFC 9457. */
#ifndef CAIRN_CORE_NET_HTTP_REPLY_H
#define CAIRN_CORE_NET_HTTP_REPLY_H

#include "core/net/http_request.h"

/* An extra header field of a response. */
typedef struct cairn_http_field {
    const char *name;  /* a token */
    const char *value; /* without control characters */
} cairn_http_field;

/* All pointers are borrowed for the call that takes it. Content-Length, Date and Connection are
 * written by the server. */
typedef struct cairn_http_response {
    int status;               /* 200 to 599 */
    const char *content_type; /* NULL: none */
    const cairn_http_field *fields;
    size_t field_count;
    cairn_bytes body; /* nothing for 204 and 304 */
} cairn_http_response;

/* How a client knows where the body ends. */
typedef enum cairn_http_extent {
    CAIRN_HTTP_EXTENT_BODY,   /* Content-Length of the response's body */
    CAIRN_HTTP_EXTENT_LENGTH, /* Content-Length of what follows in pieces */
    CAIRN_HTTP_EXTENT_CHUNKED,
    CAIRN_HTTP_EXTENT_CLOSE, /* with the connection: HTTP/1.0 */
} cairn_http_extent;

/* How the response is framed. */
typedef struct cairn_http_framing {
    uint64_t wall_ms; /* for Date */
    bool head_only;   /* answers a HEAD: the body is announced, not sent */
    bool close;       /* the connection ends after it */
    cairn_http_extent extent;
    uint64_t length; /* for EXTENT_LENGTH */
    size_t reserve;  /* bytes left free before the response, for the caller's own use */
} cairn_http_framing;

/* The whole response in one heap block, which the caller frees; `ret_size` is without the reserve.
 * ARGUMENT when a field would break
 * the framing (a control character in a value, a name that is no token), NO_MEMORY. */
cairn_err cairn_http_reply_encode(const cairn_http_response *response,
                                  const cairn_http_framing *framing, uint8_t **ret_bytes,
                                  size_t *ret_size) CAIRN_MUST_USE;

enum { CAIRN_HTTP_PROBLEM_SIZE_MAX = 2048 }; /* bytes of a problem document with its NUL */

/* Writes {"type","title","status","code","detail"}. `code` is the stable name that programs read;
 * `detail` is for people, cut at 512 bytes, escaped to printable ASCII; NULL leaves it out. */
void cairn_http_problem_write(int status, const char *code, const char *detail,
                              char ret_text[CAIRN_HTTP_PROBLEM_SIZE_MAX]);

#define CAIRN_HTTP_PROBLEM_TYPE "application/problem+json"

/* Reason phrase of a status, "" for one that is not registered. */
const char *cairn_http_reason(int status);

#endif
