/* The log's files as C2SP tlog-tiles names them, and its entries. */
#include <stdio.h>
#include <stdlib.h>

#include "ledger/log/tile.h"
#include "node/api/api.h"

enum { BUNDLE_SIZE_MAX = 1 << 20, ENTRY_ARENA_SIZE_MAX = 32 << 20 };

/* --- checkpoint --- */

static void on_head(void *context, cairn_err err, const cairn_head *head)
{
    static const cairn_http_field fields[] = {{"Cache-Control", "no-cache"}};
    cairn_call *call = context;
    if (err == CAIRN_OK)
        cairn_api_answer(call, 200, "text/plain; charset=utf-8", fields, 1, head->note);
    else
        cairn_api_refuse(call, err);
}

/* A follower without a key of its own shows the checkpoint that it holds. */
static bool shows_held(const cairn_call *call)
{
    cairn_head_key key = {.public_key = NULL};
    bool follows = cairn_node_follower(cairn_api_node(call)) != NULL;
    if (!follows || cairn_node_find_key(cairn_api_node(call), CAIRN_HEAD_NOTE, &key) == CAIRN_OK) {
        cairn_key_free(key.public_key);
        return false;
    }
    return true;
}

static void answer_held(cairn_call *call)
{
    static const cairn_http_field fields[] = {{"Cache-Control", "no-cache"}};
    cairn_bytes note;
    cairn_err err =
        cairn_follow_note(cairn_node_follower(cairn_api_node(call)), call->arena, &note);
    if (err == CAIRN_OK)
        cairn_api_answer(call, 200, "text/plain; charset=utf-8", fields, 1, note);
    else
        cairn_api_refuse(call, err == CAIRN_ERR_NOT_FOUND ? CAIRN_ERR_UNAVAILABLE : err);
}

/* With the lines of other members when they are there, or are waited for. */
static void answer_own(cairn_call *call, cairn_node_ledger *ledger, bool waits)
{
    CAIRN_CLEANUP(cairn_view_free_p)
    cairn_view *view = cairn_engine_view(ledger->service.engine);
    CAIRN_CLEANUP(cairn_head_free_p)
    cairn_head *head = cairn_heads_peek(ledger->heads[CAIRN_HEAD_COSIGNED], view->log_size);
    if (waits)
        cairn_heads_want(ledger->heads[CAIRN_HEAD_COSIGNED], view->log_size, on_head, call);
    else if (head != NULL)
        on_head(call, CAIRN_OK, head);
    else
        cairn_heads_want(ledger->heads[CAIRN_HEAD_NOTE], view->log_size, on_head, call);
}

void cairn_api_checkpoint_get(cairn_call *call)
{
    static const char *const words[] = {"none", "members"};
    cairn_api_parameter query[] = {{.name = "wait"}};
    cairn_node_ledger *ledger = NULL;
    size_t waits = 0;
    cairn_err err = cairn_api_ledger(call, CAIRN_SIGHT_PROOFS, &ledger);
    if (err == CAIRN_OK)
        err = cairn_api_query(call, query, 1);
    if (err == CAIRN_OK)
        err = cairn_api_choice(&query[0], words, 2, &waits);
    if (err != CAIRN_OK) {
        cairn_api_refuse(call, err);
        return;
    }
    if (shows_held(call)) {
        answer_held(call);
        return;
    }
    answer_own(call, ledger, waits == 1);
}

/* --- entries --- */

/* A bundle that grows. */
typedef struct bundle {
    uint8_t *data;
    size_t size;
    uint64_t count;
} bundle;

/* One that the reader does not see is not there. */
static cairn_err read_entry(const cairn_reader *reader, uint64_t index, cairn_arena *arena,
                            cairn_bytes *ret_entry)
{
    bool sees = false;
    CAIRN_TRY(cairn_engine_entry(reader->ledger->service.engine, index, arena, ret_entry));
    CAIRN_TRY(cairn_reader_sees(reader, *ret_entry, &sees));
    return sees ? CAIRN_OK : CAIRN_ERR_NOT_FOUND;
}

/* Entries from `from` on, at most `count`, as far as they are there and fit. */
static cairn_err read_entries(const cairn_reader *reader, uint64_t from, uint64_t count, bundle *b)
{
    cairn_arena arena;
    cairn_arena_init(&arena, ENTRY_ARENA_SIZE_MAX);
    cairn_err err = CAIRN_OK;
    while (err == CAIRN_OK && b->count < count) {
        cairn_bytes entry;
        cairn_arena_reset(&arena);
        err = read_entry(reader, from + b->count, &arena, &entry);
        if (err == CAIRN_OK)
            err = cairn_bundle_append(b->data, BUNDLE_SIZE_MAX, &b->size, entry);
        b->count += err == CAIRN_OK;
    }
    cairn_arena_done(&arena);
    bool end = err == CAIRN_ERR_NOT_FOUND || err == CAIRN_ERR_TOO_LARGE;
    return end && b->count > 0 ? CAIRN_OK : err;
}

static void answer_entries(cairn_call *call, uint64_t from, const bundle *b)
{
    char from_text[24];
    char count_text[24];
    (void)snprintf(from_text, sizeof from_text, "%llu", (unsigned long long)from);
    (void)snprintf(count_text, sizeof count_text, "%llu", (unsigned long long)b->count);
    const cairn_http_field fields[] = {{"Cairn-From", from_text}, {"Cairn-Count", count_text}};
    cairn_api_answer(call, 200, "application/octet-stream", fields, 2,
                     cairn_bytes_of(b->data, b->size));
}

static cairn_err entries_query(cairn_call *call, cairn_reader *ret_reader, uint64_t *from,
                               uint64_t *count)
{
    cairn_api_parameter query[] = {{.name = "from"}, {.name = "count"}};
    CAIRN_TRY(cairn_api_reader(call, ret_reader));
    CAIRN_TRY(cairn_api_query(call, query, 2));
    CAIRN_TRY(cairn_api_number(&query[0], 0, CAIRN_API_NUMBER_MAX, from));
    return cairn_api_number(&query[1], 1, CAIRN_TILE_WIDTH, count);
}

static void list_entries(void *context)
{
    cairn_call *call = context;
    cairn_reader reader;
    uint64_t from = 0;
    uint64_t count = CAIRN_TILE_WIDTH;
    bundle b = {.data = malloc(BUNDLE_SIZE_MAX)};
    cairn_err err =
        b.data == NULL ? CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "entries: bundle") : CAIRN_OK;
    if (err == CAIRN_OK)
        err = entries_query(call, &reader, &from, &count);
    if (err == CAIRN_OK)
        err = read_entries(&reader, from, count, &b);
    if (err == CAIRN_OK)
        answer_entries(call, from, &b);
    else
        cairn_api_refuse(call, err);
    free(b.data);
}

void cairn_api_entries_list(cairn_call *call)
{
    cairn_api_defer(call, list_entries);
}

/* --- tiles --- */

/* A tile never changes; what is partial today has another name tomorrow. */
static void answer_tile(cairn_call *call, cairn_bytes body, bool public)
{
    const cairn_http_field fields[] = {
        {"Cache-Control",
         public ? "public, max-age=31536000, immutable" : "private, max-age=31536000, immutable"}};
    cairn_api_answer(call, 200, "application/octet-stream", fields, 1, body);
}

/* Asked for by a width that the log has: a partial tile stays good when it has grown. */
static cairn_err check_width(const cairn_node_ledger *ledger, const cairn_tile *tile)
{
    CAIRN_CLEANUP(cairn_view_free_p)
    cairn_view *view = cairn_engine_view(ledger->service.engine);
    if (cairn_tile_width(view->log_size, tile->level, tile->index) < tile->width)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "C2SP tlog-tiles",
                          "tile: the log has not grown to it");
    return CAIRN_OK;
}

static cairn_err parse_tile(cairn_call *call, cairn_tile *ret_tile)
{
    char path[CAIRN_TILE_PATH_SIZE_MAX + 8];
    cairn_bytes rest = call->params[1];
    if (rest.size > CAIRN_TILE_PATH_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "C2SP tlog-tiles", "tile: path is too long");
    memcpy(path, "tile/", 5);
    memcpy(path + 5, rest.data, rest.size);
    return cairn_tile_parse(cairn_bytes_of(path, rest.size + 5), ret_tile);
}

static void answer_bundle(cairn_call *call, const cairn_node_ledger *ledger, const cairn_tile *tile)
{
    enum { TILE_BUNDLE_SIZE_MAX = CAIRN_TILE_WIDTH * (2 + CAIRN_BUNDLE_ENTRY_SIZE_MAX) };
    size_t size = 0;
    uint8_t *data = malloc(TILE_BUNDLE_SIZE_MAX);
    cairn_arena arena;
    cairn_err err =
        data == NULL ? CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "tile: bundle") : CAIRN_OK;
    cairn_arena_init(&arena, ENTRY_ARENA_SIZE_MAX);
    for (unsigned i = 0; err == CAIRN_OK && i < tile->width; i++) {
        cairn_bytes entry;
        cairn_arena_reset(&arena);
        err = cairn_engine_entry(ledger->service.engine, tile->index * CAIRN_TILE_WIDTH + i, &arena,
                                 &entry);
        if (err == CAIRN_OK)
            err = cairn_bundle_append(data, TILE_BUNDLE_SIZE_MAX, &size, entry);
    }
    cairn_arena_done(&arena);
    if (err == CAIRN_OK)
        answer_tile(call, cairn_bytes_of(data, size), false);
    else
        cairn_api_refuse(call, err);
    free(data);
}

static void get_bundle(void *context)
{
    cairn_call *call = context;
    cairn_node_ledger *ledger = NULL;
    cairn_tile tile;
    cairn_err err = cairn_api_ledger(call, CAIRN_SIGHT_ENTRIES, &ledger);
    if (err == CAIRN_OK)
        err = parse_tile(call, &tile);
    if (err == CAIRN_OK)
        err = check_width(ledger, &tile);
    if (err == CAIRN_OK)
        answer_bundle(call, ledger, &tile);
    else
        cairn_api_refuse(call, err);
}

static cairn_err read_hashes(const cairn_node_ledger *ledger, const cairn_tile *tile,
                             cairn_hash hashes[CAIRN_TILE_WIDTH])
{
    const cairn_merkle_source source = cairn_engine_source(ledger->service.engine);
    CAIRN_TRY(check_width(ledger, tile));
    return source.read_tile(source.context, tile->level, tile->index, tile->width, hashes);
}

void cairn_api_tile_get(cairn_call *call)
{
    cairn_node_ledger *ledger = NULL;
    cairn_tile tile = {.kind = CAIRN_TILE_HASHES};
    cairn_hash hashes[CAIRN_TILE_WIDTH];
    cairn_err err = cairn_api_ledger(call, CAIRN_SIGHT_PROOFS, &ledger);
    if (err == CAIRN_OK)
        err = cairn_api_query(call, NULL, 0);
    if (err == CAIRN_OK)
        err = parse_tile(call, &tile);
    if (err == CAIRN_OK && tile.kind == CAIRN_TILE_ENTRIES) {
        cairn_api_defer(call, get_bundle);
        return;
    }
    if (err == CAIRN_OK)
        err = read_hashes(ledger, &tile, hashes);
    if (err == CAIRN_OK)
        answer_tile(call, cairn_bytes_of(hashes, tile.width * sizeof hashes[0]), true);
    else
        cairn_api_refuse(call, err);
}
