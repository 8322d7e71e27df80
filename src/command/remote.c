/* An engine over HTTP. Calls block; what is read is small. */
#include "command/remote.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "cairn/state_proof.h"
#include "cairn/transaction.h"
#include "command/remote_json.h"
#include "core/net/http_client.h"
#include "core/store/file.h"
#include "ledger/log/tile.h"
#include "node/api/state_name.h"

enum {
    TIMEOUT_MS = 60000,
    REPLY_SIZE_MAX = 4 << 20,
    ARENA_SIZE_MAX = 32 << 20,
    URL_FILE_SIZE_MAX = 512,
};

/* A log entry that was met on the way. */
typedef struct met {
    struct met *next;
    uint64_t index;
    size_t size;
    uint8_t data[];
} met;

struct cairn_remote {
    cairn_engine engine; /* first */
    char url[URL_FILE_SIZE_MAX];
    char ca_file[CAIRN_PATH_SIZE_MAX];
    char ledger[65];
    cairn_view *view; /* the last one that was got; a reference */
    met *entries;
    /* Of the block entry of the last proof of a value; in the arena of who asked for it. */
    uint64_t proved_index;
    size_t proved_count;
    const cairn_bytes *proved;
    cairn_arena arena; /* of one call */
};

static cairn_remote *of(void *engine)
{
    return engine;
}

/* --- calls --- */

/* `path` is behind the ledger's own; `reply` lives until the next call. */
static cairn_err call(cairn_remote *remote, const cairn_http_call *like, const char *path,
                      cairn_http_reply *ret_reply)
{
    char url[CAIRN_HTTP_URL_SIZE_MAX];
    cairn_http_call made = *like;
    cairn_arena_reset(&remote->arena);
    if ((size_t)snprintf(url, sizeof url, "%s/v1/ledgers%s%s%s", remote->url,
                         remote->ledger[0] == '\0' ? "" : "/", remote->ledger, path) >= sizeof url)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "node: URL is too long");
    made.url = url;
    made.timeout_ms = TIMEOUT_MS;
    made.body_size_max = REPLY_SIZE_MAX;
    made.ca_file = remote->ca_file[0] == '\0' ? NULL : remote->ca_file;
    CAIRN_TRY(cairn_http_client_call(&remote->arena, &made, ret_reply));
    return ret_reply->status >= 200 && ret_reply->status <= 299
               ? CAIRN_OK
               : cairn_remote_json_problem(ret_reply->body);
}

static cairn_err get_bytes(cairn_remote *remote, const char *path, cairn_bytes *ret_body)
{
    const cairn_http_call like = {.method = CAIRN_HTTP_CLIENT_GET};
    cairn_http_reply reply;
    CAIRN_TRY(call(remote, &like, path, &reply));
    *ret_body = reply.body;
    return CAIRN_OK;
}

/* --- views --- */

/* Takes the place of the last one. */
static cairn_err keep_view(cairn_remote *remote, const cairn_view *read)
{
    cairn_view *view = malloc(sizeof *view);
    if (view == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "view");
    *view = *read;
    atomic_init(&view->references, 1);
    cairn_view_free(remote->view);
    remote->view = view;
    return CAIRN_OK;
}

/* The newest view; where the node does not answer, the last one: the next call will say so. */
static cairn_view *get_view(cairn_engine *engine)
{
    cairn_remote *remote = of(engine);
    cairn_bytes body;
    cairn_view view;
    if (get_bytes(remote, "", &body) == CAIRN_OK &&
        cairn_remote_json_ledger(body, &view) == CAIRN_OK)
        (void)!keep_view(remote, &view);
    (void)atomic_fetch_add(&remote->view->references, 1);
    return remote->view;
}

/* --- entries --- */

static void meet(cairn_remote *remote, uint64_t index, cairn_bytes entry)
{
    met *m = malloc(sizeof *m + entry.size);
    if (m == NULL)
        return; /* asked for later, it is not there: that is said then */
    *m = (met){.next = remote->entries, .index = index, .size = entry.size};
    memcpy(m->data, entry.data, entry.size);
    remote->entries = m;
}

static cairn_err get_entry(cairn_engine *engine, uint64_t index, cairn_arena *arena,
                           cairn_bytes *ret_entry)
{
    cairn_remote *remote = of(engine);
    char path[64];
    cairn_bytes body;
    cairn_bytes entries[CAIRN_TILE_WIDTH];
    for (const met *m = remote->entries; m != NULL; m = m->next)
        if (m->index == index)
            return cairn_arena_copy(arena, cairn_bytes_of(m->data, m->size), ret_entry);
    (void)snprintf(path, sizeof path, "/entries?from=%llu&count=1", (unsigned long long)index);
    cairn_err err = get_bytes(remote, path, &body);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_LOCKED, "house",
                          "the node that holds this directory does not show log entries: stop it, "
                          "or set api.public in cairn.yaml");
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_bundle_decode(body, 1, entries));
    return cairn_arena_copy(arena, entries[0], ret_entry);
}

static cairn_err read_tile(void *engine, unsigned level, uint64_t index, size_t count,
                           cairn_hash *ret_hashes)
{
    const cairn_tile tile = {
        .kind = CAIRN_TILE_HASHES, .level = level, .index = index, .width = (unsigned)count};
    char path[CAIRN_TILE_PATH_SIZE_MAX + 1] = "/";
    cairn_hash hashes[CAIRN_TILE_WIDTH];
    cairn_bytes body;
    cairn_tile_path(&tile, path + 1);
    CAIRN_TRY(get_bytes(of(engine), path, &body));
    CAIRN_TRY(cairn_tile_hashes(body, tile.width, hashes));
    memcpy(ret_hashes, hashes, count * sizeof hashes[0]);
    return CAIRN_OK;
}

/* --- transactions --- */

static cairn_err submit_and_wait(cairn_engine *engine, cairn_bytes tx, cairn_verdict *ret_verdict)
{
    cairn_remote *remote = of(engine);
    const cairn_http_call like = {
        .method = CAIRN_HTTP_CLIENT_POST, .content_type = "application/cose", .body = tx};
    cairn_http_reply reply;
    CAIRN_TRY(call(remote, &like, "/transactions?wait=commit", &reply));
    CAIRN_TRY(cairn_remote_json_verdict(reply.body, ret_verdict));
    meet(remote, ret_verdict->index, tx);
    return CAIRN_OK;
}

static cairn_err submit(cairn_engine *engine, cairn_bytes tx, cairn_verdict_fn done, void *context)
{
    cairn_verdict verdict;
    CAIRN_TRY(submit_and_wait(engine, tx, &verdict));
    done(context, &verdict);
    return CAIRN_OK;
}

/* --- state --- */

static cairn_err get_value(cairn_engine *engine, const cairn_view *view, cairn_map_id map,
                           cairn_bytes key, cairn_arena *arena, cairn_bytes *ret_value)
{
    (void)view; /* the node's newest is newer or the same */
    char path[16 + CAIRN_STATE_NAME_SIZE] = "/state/";
    cairn_bytes body;
    cairn_state_name_raw(map, key, path + strlen(path));
    CAIRN_TRY(get_bytes(of(engine), path, &body));
    return cairn_remote_json_value(arena, body, ret_value);
}

/* The receipts of the block entry of a proof, each by itself again. */
static cairn_err keep_receipts(cairn_remote *remote, cairn_arena *arena,
                               const cairn_state_proof *proof)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_array(arena, proof->end.receipt_count, sizeof(cairn_bytes), &memory));
    cairn_bytes *list = memory;
    for (size_t i = 0; i < proof->end.receipt_count; i++) {
        const cairn_receipt *r = &proof->end.receipts[i];
        CAIRN_TRY(cairn_receipt_assemble(arena, &r->head, r->index, r->path, r->path_count,
                                         r->signature, &list[i]));
    }
    remote->proved_index = proof->end.block_entry.first + proof->end.block_entry.count;
    remote->proved_count = proof->end.receipt_count;
    remote->proved = list;
    return CAIRN_OK;
}

static cairn_err prove_value(cairn_engine *engine, const cairn_view *view, cairn_map_id map,
                             cairn_bytes key, cairn_arena *arena, cairn_smt_proof *ret_proof)
{
    static const char query[] = "?proof=true";
    char path[sizeof "/state/" + sizeof query + CAIRN_STATE_NAME_SIZE] = "/state/";
    cairn_bytes body;
    cairn_state_proof proof;
    cairn_state_name_raw(map, key, path + strlen(path));
    memcpy(path + strlen(path), query, sizeof query);
    CAIRN_TRY(get_bytes(of(engine), path, &body));
    CAIRN_TRY(cairn_arena_copy(arena, body, &body));
    CAIRN_TRY(cairn_state_proof_decode(arena, body, &proof));
    if (proof.end.block_entry.height != view->height)
        return CAIRN_FAIL(CAIRN_ERR_VIEW_EXPIRED, "house", "node: has gone on, ask again");
    meet(of(engine), proof.end.block_entry.first + proof.end.block_entry.count,
         proof.end.block_entry_raw);
    CAIRN_TRY(keep_receipts(of(engine), arena, &proof));
    *ret_proof =
        (cairn_smt_proof){.exists = proof.present, .value = proof.value, .ics23 = proof.proof};
    return CAIRN_OK;
}

/* --- what a verb needs the directory itself for --- */

static cairn_err locked(void)
{
    return CAIRN_FAIL(CAIRN_ERR_LOCKED, "house", "a node holds this directory: stop it first");
}

static cairn_err no_events(cairn_engine *engine, uint64_t after_height, size_t block_max,
                           cairn_job_visit visit, void *context, uint64_t *ret_height)
{
    (void)engine;
    (void)after_height;
    (void)block_max;
    (void)visit;
    (void)context;
    (void)ret_height;
    return locked();
}

static cairn_err no_subscription(cairn_engine *engine, cairn_view_fn fn, void *context)
{
    (void)engine;
    (void)fn;
    (void)context;
    return locked();
}

static void no_end(cairn_engine *engine, cairn_view_fn fn, void *context)
{
    (void)engine;
    (void)fn;
    (void)context;
}

static cairn_err no_status(cairn_engine *engine, const cairn_hash *id, cairn_tx_status *ret_status)
{
    (void)engine;
    (void)id;
    (void)ret_status;
    return locked();
}

static cairn_err no_refusal(cairn_engine *engine, const cairn_hash *id, cairn_arena *arena,
                            cairn_refusal_proof *ret_proof)
{
    (void)engine;
    (void)id;
    (void)arena;
    (void)ret_proof;
    return locked();
}

static const cairn_engine_ops ops = {
    .submit = submit,
    .wait = submit_and_wait,
    .view = get_view,
    .get = get_value,
    .prove = prove_value,
    .entry = get_entry,
    .read_tile = read_tile,
    .events = no_events,
    .subscribe = no_subscription,
    .unsubscribe = no_end,
    .status = no_status,
    .prove_refusal = no_refusal,
};

/* --- life --- */

/* The ledger that is named, or the node's first. */
static cairn_err find_ledger(cairn_remote *remote, const char *ledger)
{
    cairn_bytes body;
    cairn_view view;
    CAIRN_TRY(get_bytes(remote, "", &body));
    CAIRN_TRY(cairn_remote_json_ledgers(body, ledger, &view));
    CAIRN_TRY(keep_view(remote, &view));
    cairn_hex_encode(cairn_bytes_hash(&view.ledger), remote->ledger);
    return CAIRN_OK;
}

cairn_err cairn_remote_open(const char *url, const char *ca_file, const char *ledger,
                            cairn_remote **ret_remote)
{
    cairn_remote *remote = calloc(1, sizeof *remote);
    if (remote == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node");
    remote->engine.ops = &ops;
    cairn_arena_init(&remote->arena, ARENA_SIZE_MAX);
    (void)snprintf(remote->url, sizeof remote->url, "%s", url);
    (void)snprintf(remote->ca_file, sizeof remote->ca_file, "%s", ca_file);
    cairn_err err = find_ledger(remote, ledger);
    if (err == CAIRN_OK)
        *ret_remote = remote;
    else
        cairn_remote_free(remote);
    return err;
}

cairn_err cairn_remote_find(const char *directory, cairn_remote **ret_remote)
{
    char path[CAIRN_PATH_SIZE_MAX];
    char url[URL_FILE_SIZE_MAX];
    cairn_arena arena;
    cairn_bytes text;
    CAIRN_TRY(cairn_path_join(directory, "node.url", path));
    cairn_arena_init(&arena, 2 * URL_FILE_SIZE_MAX);
    cairn_err err = cairn_file_read(&arena, path, URL_FILE_SIZE_MAX - 1, &text);
    if (err == CAIRN_OK) {
        memcpy(url, text.data, text.size);
        url[text.size] = '\0';
        url[strcspn(url, "\n")] = '\0';
        err = url[0] == '\0' ? CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "%s: is empty", path)
                             : cairn_path_join(directory, "tls/node.pem", path);
    }
    cairn_arena_done(&arena);
    return err == CAIRN_OK ? cairn_remote_open(url, path, "", ret_remote) : err;
}

void cairn_remote_free(cairn_remote *remote)
{
    if (remote == NULL)
        return;
    cairn_view_free(remote->view);
    while (remote->entries != NULL) {
        met *m = remote->entries;
        remote->entries = m->next;
        free(m);
    }
    cairn_arena_done(&remote->arena);
    free(remote);
}

cairn_engine *cairn_remote_engine(cairn_remote *remote)
{
    return &remote->engine;
}

cairn_err cairn_remote_list(cairn_remote *remote, cairn_arena *arena, const char *list,
                            const char *page, cairn_bytes *ret_json)
{
    char path[CAIRN_HTTP_URL_SIZE_MAX];
    cairn_bytes body;
    (void)snprintf(path, sizeof path, "/%s%s%s", list, page[0] == '\0' ? "" : "?page=", page);
    CAIRN_TRY(get_bytes(remote, path, &body));
    return cairn_arena_copy(arena, body, ret_json);
}

cairn_err cairn_remote_state_commit(cairn_remote *remote, cairn_arena *arena, cairn_map_id map,
                                    cairn_bytes key, uint64_t from, cairn_bytes *ret_state_proof)
{
    enum { QUERY_SIZE = 40 };
    char path[sizeof "/state/" + CAIRN_STATE_NAME_SIZE + QUERY_SIZE] = "/state/";
    cairn_bytes body;
    cairn_state_name_raw(map, key, path + strlen(path));
    (void)snprintf(path + strlen(path), QUERY_SIZE, "?commit_from=%llu", (unsigned long long)from);
    CAIRN_TRY(get_bytes(remote, path, &body));
    return cairn_arena_copy(arena, body, ret_state_proof);
}

cairn_err cairn_remote_tx_commit(cairn_remote *remote, cairn_arena *arena, const cairn_hash *id,
                                 uint64_t from, cairn_bytes *ret_commit_proof)
{
    char path[128];
    char digits[65];
    cairn_bytes body;
    cairn_hex_encode(cairn_bytes_hash(id), digits);
    (void)snprintf(path, sizeof path, "/transactions/%s?commit_from=%llu", digits,
                   (unsigned long long)from);
    CAIRN_TRY(get_bytes(remote, path, &body));
    return cairn_remote_json_commit(arena, body, ret_commit_proof);
}

/* What the node says of a transaction that was submitted here. */
static cairn_err get_receipts(cairn_remote *remote, cairn_arena *arena, const cairn_tx *tx,
                              const cairn_bytes **ret_receipts, size_t *ret_count)
{
    char path[128] = "/transactions/";
    cairn_bytes body;
    cairn_hex_encode(cairn_bytes_hash(&tx->id), path + strlen(path));
    CAIRN_TRY(get_bytes(remote, path, &body));
    return cairn_remote_json_receipts(arena, body, ret_receipts, ret_count);
}

cairn_err cairn_remote_receipts(cairn_remote *remote, cairn_arena *arena, uint64_t index,
                                cairn_bytes *ret_entry, const cairn_bytes **ret_receipts,
                                size_t *ret_count)
{
    cairn_tx tx;
    const met *m = remote->entries;
    while (m != NULL && m->index != index)
        m = m->next;
    if (m == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "node: entry was not met here");
    CAIRN_TRY(cairn_arena_copy(arena, cairn_bytes_of(m->data, m->size), ret_entry));
    if (cairn_tx_decode(*ret_entry, &tx) == CAIRN_OK)
        return get_receipts(remote, arena, &tx, ret_receipts, ret_count);
    if (remote->proved_count == 0 || remote->proved_index != index)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "node: no receipts of the entry");
    *ret_receipts = remote->proved;
    *ret_count = remote->proved_count;
    return CAIRN_OK;
}
