/* The incremental parser of requests: bytes in, in any pieces; head, body and refusals out.
 *
 * Two readers look at every byte: ours, which decides where a request ends and refuses what is not
 * exactly RFC 9112, and llhttp, which decodes. Where they disagree the request is refused, so
 * neither's leniency can move a boundary. Source: RFC 9112; house (ARCHITECTURE, Dependencies). */
#ifndef CAIRN_CORE_NET_HTTP_PARSER_H
#define CAIRN_CORE_NET_HTTP_PARSER_H

#include "core/net/http_request.h"

typedef struct cairn_http_parser cairn_http_parser;

typedef enum cairn_http_progress {
    CAIRN_HTTP_NEED_MORE, /* all bytes were taken */
    CAIRN_HTTP_HEAD_DONE, /* once a request: the head is known, the body is still to come */
    CAIRN_HTTP_COMPLETE,  /* the request is whole; bytes that follow belong to the next one */
    CAIRN_HTTP_REFUSED,   /* the connection cannot be used any further */
} cairn_http_progress;

/* NO_MEMORY. Free with cairn_http_parser_free. One thread at a time. */
cairn_err cairn_http_parser_new(cairn_http_parser **ret_parser) CAIRN_MUST_USE;
/* Takes NULL. */
void cairn_http_parser_free(cairn_http_parser *parser);
CAIRN_DEFINE_CLEANUP(cairn_http_parser, cairn_http_parser_free)

/* Begins the next request. What it holds goes to `arena`, which needs room for
 * cairn_http_parser_memory(body_size_max) bytes and outlives the request. */
void cairn_http_parser_begin(cairn_http_parser *parser, cairn_arena *arena, size_t body_size_max);
size_t cairn_http_parser_memory(size_t body_size_max);

/* Takes bytes up to the next event; `ret_used` says how many. After COMPLETE or REFUSED, call begin
 * or free. */
cairn_http_progress cairn_http_parser_feed(cairn_http_parser *parser, cairn_bytes bytes,
                                           size_t *ret_used);

/* After HEAD_DONE, or before: a new limit for the body. False when the head has announced more. */
bool cairn_http_parser_limit(cairn_http_parser *parser, uint64_t body_size_max) CAIRN_MUST_USE;

/* From now on the request's body stays empty, and what a feed has decoded is taken by
 * cairn_http_parser_take: a view that lives until the next feed. */
void cairn_http_parser_begin_pieces(cairn_http_parser *parser);
cairn_bytes cairn_http_parser_take(cairn_http_parser *parser);

/* True once a byte of the request was taken. */
bool cairn_http_parser_started(const cairn_http_parser *parser);

/* After HEAD_DONE or COMPLETE; owned by the parser until begin, what it points to by the arena. */
const cairn_http_request *cairn_http_parser_request(const cairn_http_parser *parser);

/* After REFUSED. */
cairn_http_refusal cairn_http_parser_refusal(const cairn_http_parser *parser);

#endif
