/* States: HEAD collects bytes to the empty line; BODY counts down a Content-Length; the CHUNK
 * states follow the chunked coding byte by byte. llhttp is fed with exactly what our states let
 * through. */
#include "core/net/http_parser.h"

#include <llhttp.h>
#include <stdlib.h>

typedef enum parser_state {
    STATE_HEAD,
    STATE_BODY,
    STATE_CHUNK_SIZE,
    STATE_CHUNK_SIZE_LF,
    STATE_CHUNK_DATA,
    STATE_CHUNK_CR,
    STATE_CHUNK_LF,
    STATE_LAST_CR,
    STATE_LAST_LF,
    STATE_DONE,
    STATE_REFUSED,
} parser_state;

/* Bytes that grow in an arena; what doubling leaves behind is at most as much again. */
typedef struct growing {
    uint8_t *data;
    size_t size, room;
} growing;

struct cairn_http_parser {
    llhttp_t llhttp;
    cairn_arena *arena;
    uint64_t body_size_max;
    uint64_t taken; /* bytes of the body that went out in pieces */
    bool pieces;
    parser_state state;
    cairn_http_refusal refusal;
    bool skipped_empty_line;
    bool first_line_done;
    bool llhttp_complete;
    unsigned llhttp_header_count;
    unsigned chunk_digit_count;
    uint64_t left; /* bytes of the body or of the chunk that are still to come */
    growing head, body;
    cairn_http_request request;
};

enum { CHUNK_DIGITS_MAX = 8, GROW_FIRST = 1024 };

size_t cairn_http_parser_memory(size_t body_size_max)
{
    /* Twice for doubling; header fields, alignment and the first step on top. */
    size_t fixed = 2 * CAIRN_HTTP_HEAD_SIZE_MAX + 8 * GROW_FIRST +
                   CAIRN_HTTP_HEADERS_MAX * sizeof(cairn_http_header);
    size_t total = 0;
    if (__builtin_mul_overflow(body_size_max, (size_t)2, &total) ||
        __builtin_add_overflow(total, fixed, &total))
        return SIZE_MAX;
    return total;
}

static bool append(cairn_http_parser *p, growing *g, const void *data, size_t size,
                   uint64_t size_max)
{
    if (size > g->room - g->size) {
        size_t room = g->room == 0 ? GROW_FIRST : g->room;
        while (room - g->size < size)
            room *= 2;
        if (room > size_max)
            room = (size_t)size_max;
        void *memory = NULL;
        if (cairn_arena_alloc(p->arena, room, &memory) != CAIRN_OK)
            return false;
        if (g->size > 0)
            memcpy(memory, g->data, g->size);
        g->data = memory;
        g->room = room;
    }
    if (size > 0)
        memcpy(g->data + g->size, data, size);
    g->size += size;
    return true;
}

static int on_header_value_complete(llhttp_t *llhttp)
{
    cairn_http_parser *p = llhttp->data;
    p->llhttp_header_count++;
    return HPE_OK;
}

/* Bytes that the body may still grow by. */
static uint64_t body_room(const cairn_http_parser *p)
{
    return p->body_size_max - p->taken - p->body.size;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t size)
{
    cairn_http_parser *p = llhttp->data;
    if (size > body_room(p))
        p->refusal = CAIRN_HTTP_REFUSAL_BODY_TOO_LARGE;
    else if (!append(p, &p->body, at, size, p->body_size_max))
        p->refusal = CAIRN_HTTP_REFUSAL_NO_MEMORY;
    return p->refusal == CAIRN_HTTP_REFUSAL_NONE ? HPE_OK : HPE_USER;
}

static int on_message_complete(llhttp_t *llhttp)
{
    cairn_http_parser *p = llhttp->data;
    p->llhttp_complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t llhttp_callbacks = {
    .on_header_value_complete = on_header_value_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static cairn_http_progress refuse(cairn_http_parser *p, cairn_http_refusal refusal)
{
    p->state = STATE_REFUSED;
    p->refusal = refusal;
    return CAIRN_HTTP_REFUSED;
}

/* Gives llhttp its bytes; false when it refuses them or sees the end elsewhere than we do. */
static bool llhttp_agrees(cairn_http_parser *p, cairn_bytes bytes, bool complete)
{
    llhttp_errno_t status = llhttp_execute(&p->llhttp, (const char *)bytes.data, bytes.size);
    if (status == HPE_PAUSED)
        return complete && p->llhttp_complete &&
               llhttp_get_error_pos(&p->llhttp) == (const char *)bytes.data + bytes.size;
    return status == HPE_OK && !complete && !p->llhttp_complete;
}

/* Hands on what was checked. A refusal that a callback noted wins over the disagreement that it
 * caused. */
static bool decode(cairn_http_parser *p, cairn_bytes bytes, bool complete)
{
    if (bytes.size == 0 || llhttp_agrees(p, bytes, complete))
        return true;
    (void)refuse(p,
                 p->refusal != CAIRN_HTTP_REFUSAL_NONE ? p->refusal : CAIRN_HTTP_REFUSAL_MALFORMED);
    return false;
}

/* One byte of the head after those before it. */
static cairn_http_refusal check_head_byte(const growing *head, uint8_t c)
{
    bool after_cr = head->size > 0 && head->data[head->size - 1] == '\r';
    if (after_cr && c != '\n')
        return CAIRN_HTTP_REFUSAL_BARE_CR;
    if (!after_cr && c == '\n')
        return CAIRN_HTTP_REFUSAL_BARE_LF;
    if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f)
        return CAIRN_HTTP_REFUSAL_CONTROL;
    return CAIRN_HTTP_REFUSAL_NONE;
}

static bool head_ended(const growing *head)
{
    return head->size >= 4 && memcmp(head->data + head->size - 4, "\r\n\r\n", 4) == 0;
}

/* Takes bytes up to the empty line. One empty line before the request is skipped (RFC 9112 section
 * 2.2): old clients send it after a body. */
static cairn_http_refusal collect_head(cairn_http_parser *p, cairn_bytes bytes, size_t *ret_used)
{
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t c = bytes.data[i];
        cairn_http_refusal refusal = check_head_byte(&p->head, c);
        if (refusal != CAIRN_HTTP_REFUSAL_NONE)
            return refusal;
        if (p->head.size == CAIRN_HTTP_HEAD_SIZE_MAX)
            return p->first_line_done ? CAIRN_HTTP_REFUSAL_HEAD_TOO_LARGE
                                      : CAIRN_HTTP_REFUSAL_TARGET_TOO_LONG;
        if (!append(p, &p->head, &c, 1, CAIRN_HTTP_HEAD_SIZE_MAX))
            return CAIRN_HTTP_REFUSAL_NO_MEMORY;
        *ret_used = i + 1;
        if (c != '\n')
            continue;
        if (p->head.size == 2) {
            if (p->skipped_empty_line)
                return CAIRN_HTTP_REFUSAL_REQUEST_LINE;
            p->skipped_empty_line = true;
            p->head.size = 0;
        } else if (head_ended(&p->head)) {
            return CAIRN_HTTP_REFUSAL_NONE;
        } else {
            p->first_line_done = true;
        }
    }
    return CAIRN_HTTP_REFUSAL_NONE;
}

/* llhttp has read the same head: does it see the same request? */
static bool llhttp_saw_the_same(const cairn_http_parser *p)
{
    const llhttp_t *l = &p->llhttp;
    const char *method = llhttp_method_name((llhttp_method_t)l->method);
    return strcmp(method, cairn_http_method_name(p->request.method)) == 0 && l->http_major == 1 &&
           l->http_minor == (p->request.http_1_0 ? 0 : 1) &&
           p->llhttp_header_count == p->request.header_count &&
           ((l->flags & F_CHUNKED) != 0) == p->request.chunked &&
           (p->request.chunked || l->content_length == p->request.content_length);
}

static cairn_http_progress end_head(cairn_http_parser *p)
{
    cairn_bytes head = cairn_bytes_of(p->head.data, p->head.size);
    cairn_http_refusal refusal = cairn_http_head_parse(p->arena, head, &p->request);
    if (refusal != CAIRN_HTTP_REFUSAL_NONE)
        return refuse(p, refusal);
    if (p->request.content_length > p->body_size_max)
        return refuse(p, CAIRN_HTTP_REFUSAL_BODY_TOO_LARGE);
    bool whole = !p->request.chunked && p->request.content_length == 0;
    if (!decode(p, head, whole))
        return CAIRN_HTTP_REFUSED;
    if (!llhttp_saw_the_same(p))
        return refuse(p, CAIRN_HTTP_REFUSAL_MALFORMED);
    p->left = p->request.content_length;
    p->state = whole ? STATE_DONE : p->request.chunked ? STATE_CHUNK_SIZE : STATE_BODY;
    return whole ? CAIRN_HTTP_COMPLETE : CAIRN_HTTP_HEAD_DONE;
}

static cairn_http_progress feed_head(cairn_http_parser *p, cairn_bytes bytes, size_t *ret_used)
{
    cairn_http_refusal refusal = collect_head(p, bytes, ret_used);
    if (refusal != CAIRN_HTTP_REFUSAL_NONE)
        return refuse(p, refusal);
    return head_ended(&p->head) ? end_head(p) : CAIRN_HTTP_NEED_MORE;
}

static cairn_http_progress feed_body(cairn_http_parser *p, cairn_bytes bytes, size_t *ret_used)
{
    size_t size = bytes.size < p->left ? bytes.size : (size_t)p->left;
    *ret_used = size;
    p->left -= size;
    if (!decode(p, cairn_bytes_of(bytes.data, size), p->left == 0))
        return CAIRN_HTTP_REFUSED;
    if (p->left == 0)
        p->state = STATE_DONE;
    return p->left == 0 ? CAIRN_HTTP_COMPLETE : CAIRN_HTTP_NEED_MORE;
}

/* A byte of the line that gives a chunk's size: hexadecimal digits and CRLF, nothing else. */
static cairn_http_refusal chunk_size_byte(cairn_http_parser *p, uint8_t c)
{
    if (c == '\r' && p->chunk_digit_count > 0) {
        p->state = STATE_CHUNK_SIZE_LF;
        return CAIRN_HTTP_REFUSAL_NONE;
    }
    uint8_t lower = c | 0x20;
    bool letter = lower >= 'a' && lower <= 'f';
    if ((!letter && (c < '0' || c > '9')) || p->chunk_digit_count == CHUNK_DIGITS_MAX)
        return CAIRN_HTTP_REFUSAL_CHUNK;
    p->chunk_digit_count++;
    p->left = p->left * 16 + (uint64_t)(letter ? lower - 'a' + 10 : c - '0');
    return p->left > body_room(p) ? CAIRN_HTTP_REFUSAL_BODY_TOO_LARGE : CAIRN_HTTP_REFUSAL_NONE;
}

/* A byte of the coding outside the data. */
static cairn_http_refusal chunk_byte(cairn_http_parser *p, uint8_t c)
{
    static const struct {
        uint8_t wanted;
        parser_state next;
    } steps[] = {
        [STATE_CHUNK_CR] = {'\r', STATE_CHUNK_LF},
        [STATE_CHUNK_LF] = {'\n', STATE_CHUNK_SIZE},
        [STATE_LAST_CR] = {'\r', STATE_LAST_LF},
        [STATE_LAST_LF] = {'\n', STATE_DONE},
    };
    if (p->state == STATE_CHUNK_SIZE)
        return chunk_size_byte(p, c);
    if (p->state == STATE_CHUNK_SIZE_LF) {
        p->state = p->left > 0 ? STATE_CHUNK_DATA : STATE_LAST_CR;
        p->chunk_digit_count = 0;
        return c == '\n' ? CAIRN_HTTP_REFUSAL_NONE : CAIRN_HTTP_REFUSAL_CHUNK;
    }
    if (c != steps[p->state].wanted)
        return CAIRN_HTTP_REFUSAL_CHUNK;
    p->state = steps[p->state].next;
    return CAIRN_HTTP_REFUSAL_NONE;
}

/* Our states walk first, llhttp decodes what they accepted, up to the end of a chunk's data so that
 * the size of the body is known when the next chunk is announced. */
static cairn_http_progress feed_chunked(cairn_http_parser *p, cairn_bytes bytes, size_t *ret_used)
{
    size_t used = 0, decoded = 0;
    while (used < bytes.size && p->state != STATE_DONE) {
        if (p->state == STATE_CHUNK_DATA) {
            size_t size = bytes.size - used < p->left ? bytes.size - used : (size_t)p->left;
            used += size;
            p->left -= size;
            if (p->left == 0)
                p->state = STATE_CHUNK_CR;
            if (!decode(p, cairn_bytes_of(bytes.data + decoded, used - decoded), false))
                return CAIRN_HTTP_REFUSED;
            decoded = used;
            continue;
        }
        cairn_http_refusal refusal = chunk_byte(p, bytes.data[used++]);
        if (refusal != CAIRN_HTTP_REFUSAL_NONE)
            return refuse(p, refusal);
    }
    *ret_used = used;
    bool done = p->state == STATE_DONE;
    if (!decode(p, cairn_bytes_of(bytes.data + decoded, used - decoded), done))
        return CAIRN_HTTP_REFUSED;
    return done ? CAIRN_HTTP_COMPLETE : CAIRN_HTTP_NEED_MORE;
}

cairn_http_progress cairn_http_parser_feed(cairn_http_parser *parser, cairn_bytes bytes,
                                           size_t *ret_used)
{
    CAIRN_ASSERT(parser->state < STATE_DONE);
    *ret_used = 0;
    if (bytes.size == 0)
        return CAIRN_HTTP_NEED_MORE;
    cairn_http_progress progress = CAIRN_HTTP_NEED_MORE;
    if (parser->state == STATE_HEAD)
        progress = feed_head(parser, bytes, ret_used);
    else if (parser->state == STATE_BODY)
        progress = feed_body(parser, bytes, ret_used);
    else
        progress = feed_chunked(parser, bytes, ret_used);
    if (progress == CAIRN_HTTP_COMPLETE && !parser->pieces)
        parser->request.body = cairn_bytes_of(parser->body.data, parser->body.size);
    return progress;
}

bool cairn_http_parser_limit(cairn_http_parser *parser, uint64_t body_size_max)
{
    CAIRN_ASSERT(parser->taken == 0 && parser->body.size == 0);
    parser->body_size_max = body_size_max;
    return parser->request.content_length <= body_size_max;
}

void cairn_http_parser_begin_pieces(cairn_http_parser *parser)
{
    parser->pieces = true;
}

cairn_bytes cairn_http_parser_take(cairn_http_parser *parser)
{
    cairn_bytes piece = cairn_bytes_of(parser->body.data, parser->body.size);
    parser->taken += piece.size;
    parser->body.size = 0;
    return piece;
}

bool cairn_http_parser_started(const cairn_http_parser *parser)
{
    return parser->head.size > 0 || parser->state != STATE_HEAD;
}

const cairn_http_request *cairn_http_parser_request(const cairn_http_parser *parser)
{
    return &parser->request;
}

cairn_http_refusal cairn_http_parser_refusal(const cairn_http_parser *parser)
{
    return parser->refusal;
}

void cairn_http_parser_begin(cairn_http_parser *parser, cairn_arena *arena, size_t body_size_max)
{
    *parser =
        (cairn_http_parser){.arena = arena, .body_size_max = body_size_max, .state = STATE_HEAD};
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &llhttp_callbacks);
    parser->llhttp.data = parser;
}

cairn_err cairn_http_parser_new(cairn_http_parser **ret_parser)
{
    cairn_http_parser *parser = calloc(1, sizeof *parser);
    if (parser == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: parser");
    *ret_parser = parser;
    return CAIRN_OK;
}

void cairn_http_parser_free(cairn_http_parser *parser)
{
    free(parser);
}
