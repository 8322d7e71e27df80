/* A request as the house sees it, and every reason to refuse one. Source: RFC 9110, RFC 9112. */
#ifndef CAIRN_CORE_NET_HTTP_REQUEST_H
#define CAIRN_CORE_NET_HTTP_REQUEST_H

#include "cairn/arena.h"

enum {
    CAIRN_HTTP_HEAD_SIZE_MAX = 16384, /* bytes of request line and header fields */
    CAIRN_HTTP_HEADERS_MAX = 64,      /* header fields of one request */
};

typedef enum cairn_http_method {
    CAIRN_HTTP_GET,
    CAIRN_HTTP_HEAD,
    CAIRN_HTTP_POST,
    CAIRN_HTTP_PUT,
    CAIRN_HTTP_PATCH,
    CAIRN_HTTP_DELETE,
    CAIRN_HTTP_OPTIONS,
    CAIRN_HTTP_METHOD_COUNT
} cairn_http_method;

/* X(name, status, text, clause). The name, prefixed by HTTP_, is the stable `code` of the problem
 * document. */
#define CAIRN_HTTP_REFUSAL_LIST(X)                                                                 \
    X(REQUEST_LINE, 400, "request line is not 'method target version'", "RFC 9112 section 3")      \
    X(METHOD, 501, "method is not known here", "RFC 9110 section 9.1")                             \
    X(TARGET, 400, "request target is not valid", "RFC 9112 section 3.2")                          \
    X(TARGET_TOO_LONG, 414, "request line exceeds its limit", "RFC 9112 section 3")                \
    X(VERSION, 505, "version is neither HTTP/1.1 nor HTTP/1.0", "RFC 9110 section 2.5")            \
    X(BARE_LF, 400, "line feed without carriage return", "RFC 9112 section 2.2")                   \
    X(BARE_CR, 400, "carriage return without line feed", "RFC 9112 section 2.2")                   \
    X(CONTROL, 400, "control character in the head", "RFC 9110 section 5.5")                       \
    X(HEAD_TOO_LARGE, 431, "header fields exceed their limit", "RFC 6585 section 5")               \
    X(TOO_MANY_HEADERS, 431, "more header fields than the limit", "RFC 6585 section 5")            \
    X(NAME_EMPTY, 400, "header field has no name", "RFC 9112 section 5")                           \
    X(NAME_INVALID, 400, "header field name is not a token", "RFC 9110 section 5.1")               \
    X(SPACE_BEFORE_COLON, 400, "white space before the colon", "RFC 9112 section 5.1")             \
    X(NO_COLON, 400, "header line has no colon", "RFC 9112 section 5")                             \
    X(FOLDING, 400, "header line is folded", "RFC 9112 section 5.2")                               \
    X(HOST_MISSING, 400, "Host is missing", "RFC 9112 section 3.2")                                \
    X(HOST_REPEATED, 400, "Host is there more than once", "RFC 9112 section 3.2")                  \
    X(HOST_INVALID, 400, "Host is not valid or not that of the target", "RFC 9112 section 3.2")    \
    X(LENGTH_INVALID, 400, "Content-Length is not a number", "RFC 9112 section 6.3")               \
    X(LENGTH_REPEATED, 400, "Content-Length is there more than once", "RFC 9112 section 6.3")      \
    X(LENGTH_AND_CODING, 400, "both Content-Length and Transfer-Encoding", "RFC 9112 section 6.3") \
    X(CODING, 501, "transfer coding is not a single chunked", "RFC 9112 section 6.1")              \
    X(CODING_IN_1_0, 400, "Transfer-Encoding in HTTP/1.0", "RFC 9112 section 6.1")                 \
    X(EXPECTATION, 417, "expectation is not 100-continue", "RFC 9110 section 10.1.1")              \
    X(CHUNK, 400, "chunk is malformed, or has an extension or trailer", "RFC 9112 section 7.1")    \
    X(BODY_TOO_LARGE, 413, "body exceeds its limit", "RFC 9110 section 15.5.14")                   \
    X(MALFORMED, 400, "request is ambiguous", "RFC 9112 section 11.2")                             \
    X(TIMEOUT, 408, "request did not arrive in time", "RFC 9110 section 15.5.9")                   \
    X(NO_MEMORY, 503, "server is out of memory", "RFC 9110 section 15.6.4")

typedef enum cairn_http_refusal {
    CAIRN_HTTP_REFUSAL_NONE,
#define X(name, status, text, clause) CAIRN_HTTP_REFUSAL_##name,
    CAIRN_HTTP_REFUSAL_LIST(X)
#undef X
        CAIRN_HTTP_REFUSAL_COUNT
} cairn_http_refusal;

typedef struct cairn_http_refusal_row {
    const char *code; /* "HTTP_BARE_LF" */
    int status;
    const char *text;
    const char *clause;
} cairn_http_refusal_row;

/* The row of a refusal other than NONE. */
const cairn_http_refusal_row *cairn_http_refusal_of(cairn_http_refusal refusal);

/* Views into the request's arena. */
typedef struct cairn_http_header {
    cairn_bytes name;  /* as sent: compare without case */
    cairn_bytes value; /* without white space around it; may hold bytes above 0x7f */
} cairn_http_header;

typedef struct cairn_http_request {
    cairn_http_method method;
    bool http_1_0;
    bool keep_alive;       /* the connection may serve another request */
    bool expects_continue; /* the client waits for 100 before it sends the body */
    bool chunked;
    uint64_t content_length; /* 0 when chunked or without a body */
    cairn_bytes path;  /* begins with '/', or is "*"; percent-encoding checked, kept as sent */
    cairn_bytes query; /* after '?'; `data` is NULL when there is no '?' */
    cairn_bytes host;  /* value of Host; empty in HTTP/1.0 without it */
    const cairn_http_header *headers;
    size_t header_count;
    cairn_bytes body; /* whole once the request is complete */
} cairn_http_request;

/* Parses a whole head: request line to empty line, every line ended by CRLF and free of other
 * control characters than HT (http_parser has seen to it). Views point into `head`, the list of
 * header fields into the arena. */
cairn_http_refusal cairn_http_head_parse(cairn_arena *arena, cairn_bytes head,
                                         cairn_http_request *ret_request) CAIRN_MUST_USE;

/* Value of a header field by name, without case; false when it is missing. When it is repeated, the
 * first one. */
bool cairn_http_header_find(const cairn_http_request *request, const char *name,
                            cairn_bytes *ret_value);

/* "GET" and so on. */
const char *cairn_http_method_name(cairn_http_method method);

/* True when `text` equals `name` without regard to the case of ASCII letters. */
bool cairn_http_text_is(cairn_bytes text, const char *name);

/* Without the blanks and tabs at its ends (OWS, RFC 9110 section 5.6.3). */
cairn_bytes cairn_http_trim(cairn_bytes text);

#endif
