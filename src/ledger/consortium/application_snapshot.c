/* State sync: what the engine asks of a member that has the ledger, and of one that joins. */
#include <string.h>

#include "cairn/sha256.h"
#include "ledger/consortium/application_impl.h"

static const char clause[] = "docs/formats/snapshot.md";

enum {
    OFFER_ACCEPT = 1,
    OFFER_REJECT = 3,
    OFFER_REJECT_FORMAT = 4,
    OFFER_REJECT_SENDER = 5,
    LIST_ARENA_SIZE_MAX = 32 << 20,
    CHUNK_ARENA_SIZE_MAX = 512 << 20,
};

/* --- of a member that has it --- */

static cairn_err put_snapshot(cairn_wire_writer *out, cairn_arena *arena,
                              const cairn_snapshot *snapshot)
{
    cairn_bytes metadata;
    cairn_hash hash;
    CAIRN_TRY(cairn_snapshot_encode(arena, snapshot, &metadata));
    cairn_sha256_of(metadata.data, metadata.size, &hash);
    size_t mark = cairn_wire_open(out, 1);
    cairn_wire_put_uint(out, 1, snapshot->entry.height);
    cairn_wire_put_uint(out, 2, CAIRN_SNAPSHOT_FORMAT);
    cairn_wire_put_uint(out, 3, snapshot->chunk_count);
    cairn_wire_put_bytes(out, 4, cairn_bytes_hash(&hash));
    cairn_wire_put_bytes(out, 5, metadata);
    cairn_wire_close(out, mark);
    return CAIRN_OK;
}

cairn_err cairn_application_list_snapshots(cairn_application *app, cairn_wire_writer *out)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_snapshot list[CAIRN_SNAPSHOT_OFFERS];
    size_t count = 0;
    cairn_arena_init(&arena, LIST_ARENA_SIZE_MAX);
    if (app->snapshots != NULL)
        CAIRN_TRY(cairn_snapshots_list(app->snapshots, &arena, list, &count));
    cairn_abci_answer answer = cairn_abci_begin(out, CAIRN_ABCI_LIST_SNAPSHOTS);
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(put_snapshot(out, &arena, &list[i]));
    cairn_abci_end(&answer);
    return CAIRN_OK;
}

/* A chunk that we do not have is an answer without one. */
cairn_err cairn_application_load_chunk(cairn_application *app, const cairn_abci_request *request,
                                       cairn_wire_writer *out)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_bytes chunk = {0};
    cairn_err err = CAIRN_ERR_NOT_FOUND;
    cairn_arena_init(&arena, CHUNK_ARENA_SIZE_MAX);
    if (app->snapshots != NULL && request->load_chunk.format == CAIRN_SNAPSHOT_FORMAT)
        err = cairn_snapshots_load(app->snapshots, request->load_chunk.height,
                                   request->load_chunk.chunk, &arena, &chunk);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    cairn_abci_answer answer = cairn_abci_begin(out, CAIRN_ABCI_LOAD_CHUNK);
    cairn_wire_put_bytes(out, 1, chunk);
    cairn_abci_end(&answer);
    return CAIRN_OK;
}

/* --- of one that joins --- */

/* Is it what its sender says, and what the engine trusts? In the arena. */
static cairn_err read_offer(const cairn_abci_request *request, cairn_arena *arena,
                            cairn_snapshot *ret_snapshot)
{
    const cairn_abci_snapshot *offer = &request->offer.snapshot;
    cairn_hash hash;
    cairn_hash app_hash;
    cairn_sha256_of(offer->metadata.data, offer->metadata.size, &hash);
    if (!cairn_bytes_equal(offer->hash, cairn_bytes_hash(&hash)))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "snapshot.hash: is another's");
    if (request->offer.app_hash.size != sizeof app_hash.b)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "offer.app_hash: %zu bytes",
                          request->offer.app_hash.size);
    memcpy(app_hash.b, request->offer.app_hash.data, sizeof app_hash.b);
    CAIRN_TRY(cairn_snapshot_decode(arena, offer->metadata, &app_hash, ret_snapshot));
    if (ret_snapshot->entry.height != offer->height || ret_snapshot->chunk_count != offer->chunks)
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                          "snapshot: its height or number of chunks is another's");
    return CAIRN_OK;
}

/* May the ledger become that one? Our own may have come from an earlier snapshot. Blocks that
 * changed nothing count, too: the engine would not begin below what we tell it. */
static bool leads_there(const cairn_application *app, const cairn_snapshot *snapshot)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(app->options.engine);
    if (cairn_store_delivered_height(app->options.engine) > snapshot->entry.height)
        return false;
    if (view->log_size != snapshot->size)
        return view->log_size < snapshot->size;
    return cairn_hash_equal(&view->log_root, &snapshot->root);
}

static cairn_err judge_offer(cairn_application *app, const cairn_abci_request *request,
                             uint64_t *ret_result)
{
    app->joining = false;
    cairn_arena_done(&app->joining_arena);
    cairn_arena_init(&app->joining_arena, LIST_ARENA_SIZE_MAX);
    if (request->offer.snapshot.format != CAIRN_SNAPSHOT_FORMAT) {
        *ret_result = OFFER_REJECT_FORMAT;
        return CAIRN_OK;
    }
    cairn_err err = read_offer(request, &app->joining_arena, &app->snapshot);
    if (err == CAIRN_ERR_NO_MEMORY)
        return err;
    if (err != CAIRN_OK) {
        cairn_application_log_refused(app, err, "offer", request->offer.snapshot.height);
        *ret_result = OFFER_REJECT_SENDER;
    } else if (!leads_there(app, &app->snapshot)) {
        *ret_result = OFFER_REJECT;
    } else {
        app->joining = true;
        *ret_result = OFFER_ACCEPT;
    }
    return CAIRN_OK;
}

cairn_err cairn_application_offer(cairn_application *app, const cairn_abci_request *request,
                                  cairn_wire_writer *out)
{
    uint64_t result = 0;
    CAIRN_TRY(judge_offer(app, request, &result));
    if (result == OFFER_ACCEPT)
        cairn_application_log_joining(app);
    cairn_abci_answer answer = cairn_abci_begin(out, CAIRN_ABCI_OFFER_SNAPSHOT);
    cairn_wire_put_uint(out, 1, result);
    cairn_abci_end(&answer);
    return CAIRN_OK;
}

/* After the last chunk the chain goes on from there. */
static void note_end(cairn_application *app)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(app->options.engine);
    if (view->log_size != app->snapshot.size)
        return;
    app->status.height = view->height;
    app->status.time_ms = view->time_ms;
    cairn_application_log_joined(app);
}

cairn_err cairn_application_apply_chunk(cairn_application *app, const cairn_abci_request *request,
                                        cairn_wire_writer *out)
{
    cairn_snapshot_verdict verdict = CAIRN_SNAPSHOT_ABORT;
    uint64_t index = request->apply_chunk.index;
    if (!app->joining || app->delivery != NULL || index >= app->snapshot.chunk_count)
        (void)!CAIRN_FAIL(CAIRN_ERR_ARGUMENT, clause, "chunk: of no snapshot that was accepted");
    else
        CAIRN_TRY(cairn_snapshot_take(app->options.store, app->options.engine, &app->snapshot,
                                      (size_t)index, request->apply_chunk.chunk, &verdict));
    if (verdict == CAIRN_SNAPSHOT_TAKEN)
        note_end(app);
    else
        cairn_application_log_refused(app, CAIRN_ERR_MISMATCH, "chunk", index);
    cairn_abci_answer answer = cairn_abci_begin(out, CAIRN_ABCI_APPLY_CHUNK);
    cairn_wire_put_uint(out, 1, verdict);
    if (verdict == CAIRN_SNAPSHOT_RETRY) {
        uint8_t packed[CAIRN_WIRE_VARINT_SIZE_MAX];
        cairn_wire_put_bytes(out, 2,
                             cairn_bytes_of(packed, cairn_wire_encode_varint(index, packed)));
        cairn_wire_put_item(out, 3, request->apply_chunk.sender);
    }
    cairn_abci_end(&answer);
    return CAIRN_OK;
}
