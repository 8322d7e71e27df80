/* Query: a value of the newest state, and the proof of it that ends at an app_hash. */
#include <string.h>

#include "cairn/cbor.h"
#include "ledger/consortium/application_impl.h"

static const char clause[] = "docs/formats/abci.md, Query";

typedef struct answer_parts {
    cairn_smt_proof value;
    cairn_bytes log_proof;
    uint64_t height; /* of the block whose state it is */
} answer_parts;

static cairn_err find_map(cairn_bytes path, cairn_map_id *ret_map)
{
    if (cairn_bytes_equal(path, cairn_bytes_str("/state")))
        *ret_map = CAIRN_MAP_STATE;
    else if (cairn_bytes_equal(path, cairn_bytes_str("/config")))
        *ret_map = CAIRN_MAP_CONFIG;
    else
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, clause, "query.path: /state or /config");
    return CAIRN_OK;
}

/* From the block entry to the log's root, in deterministic CBOR. */
static cairn_err write_log_proof(cairn_arena *arena, const cairn_view *view, cairn_map_id map,
                                 cairn_bytes entry, const cairn_hash *path, size_t count,
                                 cairn_bytes *ret_proof)
{
    enum { FRAME = 64, HASH_SIZE = 34 };
    cairn_cbor_writer w;
    void *out = NULL;
    size_t capacity = FRAME + entry.size + count * HASH_SIZE;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &out));
    cairn_cbor_writer_init(&w, out, capacity);
    cairn_cbor_put_array(&w, 5);
    cairn_cbor_put_text(&w, "cairn/log-proof/1");
    cairn_cbor_put_uint(&w, map);
    cairn_cbor_put_bytes(&w, entry);
    cairn_cbor_put_uint(&w, view->log_size);
    cairn_cbor_put_array(&w, count);
    for (size_t i = 0; i < count; i++)
        cairn_cbor_put_hash(&w, &path[i]);
    return cairn_cbor_writer_end(&w, ret_proof);
}

static cairn_err prove_at(cairn_engine *engine, const cairn_view *view, cairn_map_id map,
                          cairn_bytes key, cairn_arena *arena, answer_parts *parts)
{
    cairn_bytes entry;
    const cairn_hash *path = NULL;
    size_t count = 0;
    CAIRN_TRY(cairn_engine_prove(engine, view, map, key, arena, &parts->value));
    CAIRN_TRY(
        cairn_engine_prove_entry(engine, view, view->log_size - 1, arena, &entry, &path, &count));
    parts->height = view->height;
    return write_log_proof(arena, view, map, entry, path, count, &parts->log_proof);
}

/* By the newest view, whichever that is. */
static cairn_err prove(cairn_engine *engine, const cairn_abci_request *request, cairn_arena *arena,
                       answer_parts *ret_parts)
{
    cairn_map_id map = CAIRN_MAP_STATE;
    CAIRN_TRY(find_map(request->query.path, &map));
    if (request->query.data.size == 0 || request->query.data.size > CAIRN_STATE_KEY_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "query.data: a key of 1 to %d bytes",
                          CAIRN_STATE_KEY_SIZE_MAX);
    if (request->query.height != 0)
        return CAIRN_FAIL(CAIRN_ERR_VIEW_EXPIRED, clause, "query.height: only the newest, 0");
    cairn_err err = CAIRN_ERR_VIEW_EXPIRED;
    for (int tries = 0; err == CAIRN_ERR_VIEW_EXPIRED && tries < 16; tries++) {
        CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
        err = prove_at(engine, view, map, request->query.data, arena, ret_parts);
    }
    return err;
}

static void put_op(cairn_wire_writer *out, const char *type, cairn_bytes key, cairn_bytes data)
{
    size_t op = cairn_wire_open(out, 1);
    cairn_wire_put_text(out, 1, type);
    cairn_wire_put_bytes(out, 2, key);
    cairn_wire_put_bytes(out, 3, data);
    cairn_wire_close(out, op);
}

cairn_err cairn_application_query(cairn_application *app, const cairn_abci_request *request,
                                  cairn_arena *arena, cairn_wire_writer *out)
{
    answer_parts parts = {0};
    cairn_err err = prove(app->options.engine, request, arena, &parts);
    if (err == CAIRN_OK && !parts.value.exists && !request->query.prove)
        err = CAIRN_ERR_NOT_FOUND;
    cairn_abci_answer answer = cairn_abci_begin(out, CAIRN_ABCI_QUERY);
    cairn_application_put_result(out, err, 3, 10);
    if (err == CAIRN_OK) {
        cairn_wire_put_bytes(out, 6, request->query.data);
        cairn_wire_put_bytes(out, 7, parts.value.value);
        cairn_wire_put_uint(out, 9, parts.height);
    }
    if (err == CAIRN_OK && request->query.prove) {
        size_t ops = cairn_wire_open(out, 8);
        put_op(out, "cairn:ics23", request->query.data, parts.value.ics23);
        put_op(out, "cairn:log", (cairn_bytes){0}, parts.log_proof);
        cairn_wire_close(out, ops);
    }
    cairn_abci_end(&answer);
    return CAIRN_OK;
}
