/* The request parser: no input may crash it, and the pieces in which bytes arrive may not change
 * what it says. Each input is fed whole and then in pieces whose sizes follow from its own bytes.
 */
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
    cairn_arena_done(&whole_arena);
    cairn_arena_done(&pieces_arena);
    return 0;
}
