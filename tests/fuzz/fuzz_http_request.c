/* The request parser: no input may crash it, and neither the pieces in which bytes arrive nor those
 * in which a body is handed on may change what it says. Each input is fed whole, then in pieces
 * whose sizes follow from its own bytes, then with the body taken piece by piece. */
#include <string.h>

#include "core/net/http_parser.h"
#include "fuzz/fuzz.h"

enum { BODY_SIZE_MAX = 4096 };

/* Everything that a client could tell apart. */
typedef struct verdict {
    cairn_http_progress progress;
    cairn_http_refusal refusal;
    size_t used; /* only compared when the request is complete */
    cairn_bytes path, body;
    size_t header_count;
} verdict;

static verdict feed(cairn_arena *arena, const uint8_t *data, size_t size, bool pieces)
{
    CAIRN_CLEANUP(cairn_http_parser_free_p) cairn_http_parser *parser = NULL;
    verdict v = {.progress = CAIRN_HTTP_NEED_MORE};
    if (cairn_http_parser_new(&parser) != CAIRN_OK)
        return v;
    cairn_http_parser_begin(parser, arena, BODY_SIZE_MAX);
    while (v.used < size && v.progress < CAIRN_HTTP_COMPLETE) {
        size_t piece = size - v.used;
        if (pieces && piece > 1u + data[v.used] % 7u)
            piece = 1u + data[v.used] % 7u;
        size_t used = 0;
        v.progress = cairn_http_parser_feed(parser, cairn_bytes_of(data + v.used, piece), &used);
        CAIRN_ASSERT(used <= piece);
        CAIRN_ASSERT(used == piece || v.progress != CAIRN_HTTP_NEED_MORE);
        v.used += used;
    }
    v.refusal = cairn_http_parser_refusal(parser);
    if (v.progress == CAIRN_HTTP_COMPLETE) {
        const cairn_http_request *request = cairn_http_parser_request(parser);
        v.path = request->path;
        v.body = request->body;
        v.header_count = request->header_count;
    }
    return v;
}

/* The body taken in pieces is the body, and ends with the same verdict. */
static void check_taken(const uint8_t *data, size_t size, const verdict *whole)
{
    CAIRN_CLEANUP(cairn_http_parser_free_p) cairn_http_parser *parser = NULL;
    cairn_arena arena;
    uint8_t body[BODY_SIZE_MAX];
    size_t body_size = 0, used = 0;
    cairn_http_progress progress = CAIRN_HTTP_NEED_MORE;
    cairn_arena_init(&arena, cairn_http_parser_memory(BODY_SIZE_MAX));
    if (cairn_http_parser_new(&parser) != CAIRN_OK)
        return;
    cairn_http_parser_begin(parser, &arena, SIZE_MAX);
    while (used < size && progress < CAIRN_HTTP_COMPLETE) {
        size_t piece = size - used < 1u + data[used] % 11u ? size - used : 1u + data[used] % 11u;
        size_t step = 0;
        progress = cairn_http_parser_feed(parser, cairn_bytes_of(data + used, piece), &step);
        used += step;
        if (progress == CAIRN_HTTP_HEAD_DONE) {
            if (!cairn_http_parser_limit(parser, BODY_SIZE_MAX))
                break;
            cairn_http_parser_begin_pieces(parser);
        }
        if (progress != CAIRN_HTTP_REFUSED) {
            cairn_bytes taken = cairn_http_parser_take(parser);
            CAIRN_ASSERT(taken.size <= sizeof body - body_size);
            if (taken.size > 0)
                memcpy(body + body_size, taken.data, taken.size);
            body_size += taken.size;
        }
    }
    CAIRN_ASSERT((progress == CAIRN_HTTP_COMPLETE) == (whole->progress == CAIRN_HTTP_COMPLETE));
    if (progress == CAIRN_HTTP_COMPLETE)
        CAIRN_ASSERT(cairn_bytes_equal(cairn_bytes_of(body, body_size), whole->body));
    cairn_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_arena whole_arena, pieces_arena;
    cairn_arena_init(&whole_arena, cairn_http_parser_memory(BODY_SIZE_MAX));
    cairn_arena_init(&pieces_arena, cairn_http_parser_memory(BODY_SIZE_MAX));
    verdict whole = feed(&whole_arena, data, size, false);
    verdict pieces = feed(&pieces_arena, data, size, true);
    CAIRN_ASSERT(whole.refusal == pieces.refusal);
    CAIRN_ASSERT(whole.refusal != CAIRN_HTTP_REFUSAL_NO_MEMORY);
    if (whole.progress == CAIRN_HTTP_COMPLETE) {
        CAIRN_ASSERT(pieces.progress == CAIRN_HTTP_COMPLETE && whole.used == pieces.used);
        CAIRN_ASSERT(cairn_bytes_equal(whole.path, pieces.path));
        CAIRN_ASSERT(cairn_bytes_equal(whole.body, pieces.body));
        CAIRN_ASSERT(whole.header_count == pieces.header_count);
        CAIRN_ASSERT(whole.body.size <= BODY_SIZE_MAX);
    }
    check_taken(data, size, &whole);
    cairn_arena_done(&whole_arena);
    cairn_arena_done(&pieces_arena);
    return 0;
}
