/* Handlers: a view of the ledger for the pure resolver, and a fetch for documents of the web, each
 * on a thread of its own, since it waits for a stranger. */
#include "identity/did/did_routes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "cairn/block_entry.h"
#include "core/net/http_client.h"
#include "identity/did/did_resolve.h"
#include "ledger/services.h"

enum {
    FETCHES_MAX = 8, /* at once; a further caller is told to come again */
    FETCH_TIMEOUT_MS = 5000,
    DOCUMENT_SIZE_MAX = 1 << 18,
    TIME_READS_MAX = 4096, /* log entries that are read to find the time of a height */
};

static atomic_int fetch_count;

static void respond(cairn_call *call, cairn_err err, const cairn_did_answer *answer)
{
    if (err == CAIRN_OK)
        cairn_call_respond_json(call, answer->status, answer->content_type, answer->body);
    else
        cairn_call_respond_err(call, err);
}

static void refuse(cairn_call *call, cairn_did_error error)
{
    cairn_did_answer answer = {0};
    cairn_err err = cairn_did_refuse(call->arena, error, &answer);
    respond(call, err, &answer);
}

/* --- a view of an engine --- */

typedef struct engine_view {
    cairn_engine *engine;
    cairn_view *view;
    cairn_arena *arena;
    cairn_state_source source;
    size_t reads; /* of log entries so far */
} engine_view;

static cairn_err read_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                            cairn_bytes *ret_value)
{
    engine_view *e = context;
    return cairn_engine_get(e->engine, e->view, map, key, arena, ret_value);
}

/* The first block entry at or behind log index `from`, and its index; NOT_FOUND when that takes too
 * many reads. */
static cairn_err next_block(engine_view *e, uint64_t from, cairn_block_entry *ret_entry,
                            uint64_t *ret_index)
{
    for (uint64_t i = from; i < e->view->log_size; i++) {
        cairn_bytes entry;
        if (++e->reads > TIME_READS_MAX)
            break;
        CAIRN_TRY(cairn_engine_entry(e->engine, i, e->arena, &entry));
        if (entry.size == 0 || entry.data[0] != CAIRN_BLOCK_ENTRY_FIRST_BYTE)
            continue;
        *ret_index = i;
        return cairn_block_entry_decode(entry, ret_entry);
    }
    return CAIRN_ERR_NOT_FOUND;
}

/* Halves the log: heights and times rise along it. */
static cairn_err time_at(void *context, uint64_t height, uint64_t *ret_ms)
{
    engine_view *e = context;
    uint64_t low = 1, high = e->view->log_size - 1; /* block entry 0 is at 1, the last at high */
    cairn_block_entry entry;
    uint64_t index = 0;
    if (height >= e->view->last.height) {
        *ret_ms = e->view->last.time_ms;
        return CAIRN_OK;
    }
    CAIRN_TRY(next_block(e, low, &entry, &index));
    *ret_ms = entry.time_ms;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        CAIRN_TRY(next_block(e, middle, &entry, &index));
        if (entry.height > height) {
            high = middle;
            continue;
        }
        *ret_ms = entry.time_ms;
        low = index + 1;
    }
    return CAIRN_OK;
}

/* The newest state may move on while it is read: then once more, with a new view. */
static cairn_err with_view(cairn_call *call, const cairn_service_ledger *ledger,
                           cairn_err (*resolve)(cairn_arena *arena, const void *request,
                                                const cairn_did_view *view,
                                                cairn_did_answer *ret_answer),
                           const void *request, cairn_did_answer *ret_answer)
{
    const char *url = cairn_config_text(call->services->config, "node.url");
    cairn_err err = CAIRN_ERR_VIEW_EXPIRED;
    for (int i = 0; i < 3 && err == CAIRN_ERR_VIEW_EXPIRED; i++) {
        engine_view e = {.engine = ledger->engine, .arena = call->arena};
        CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(ledger->engine);
        e.view = view;
        e.source = (cairn_state_source){.context = &e, .get = read_state};
        const cairn_did_view did_view = {.state = &e.source,
                                         .ledger = ledger->id,
                                         .height = view->height,
                                         .base_url = url[0] == '\0' ? NULL : url,
                                         .context = &e,
                                         .time_at = time_at};
        err = resolve(call->arena, request, &did_view, ret_answer);
    }
    return err;
}

/* --- GET /1.0/identifiers/{did} --- */

typedef struct resolution {
    cairn_did did;
    cairn_did_options options;
    cairn_call *call; /* of a fetch */
    char url[CAIRN_DID_WEB_URL_SIZE];
} resolution;

static cairn_err resolve_own(cairn_arena *arena, const void *request, const cairn_did_view *view,
                             cairn_did_answer *ret_answer)
{
    const resolution *r = request;
    return cairn_did_resolve(arena, &r->did, &r->options, view, ret_answer);
}

static void answer_own(cairn_call *call, const resolution *r)
{
    cairn_service_ledger ledger;
    cairn_did_answer answer = {0};
    cairn_hash ledger_id, org;
    if (cairn_did_cairn_parse(&r->did, &ledger_id, &org) != CAIRN_OK) {
        refuse(call, CAIRN_DID_INVALID_DID);
        return;
    }
    cairn_err err = call->services->find_ledger(call->services->node, &call->principal,
                                                cairn_bytes_of(r->did.id.data, 64), &ledger);
    if (err == CAIRN_ERR_NOT_FOUND) { /* as for an organisation that is not there */
        refuse(call, CAIRN_DID_NOT_FOUND);
        return;
    }
    if (err == CAIRN_OK)
        err = with_view(call, &ledger, resolve_own, r, &answer);
    respond(call, err, &answer);
}

static cairn_err fetch(const resolution *r, cairn_did_answer *ret_answer)
{
    static const char *const headers[] = {"Accept: application/did+ld+json, application/json"};
    const cairn_http_call call = {.method = CAIRN_HTTP_CLIENT_GET,
                                  .url = r->url,
                                  .headers = headers,
                                  .header_count = 1,
                                  .timeout_ms = FETCH_TIMEOUT_MS,
                                  .body_size_max = DOCUMENT_SIZE_MAX,
                                  .reach = CAIRN_HTTP_CLIENT_PUBLIC};
    cairn_http_reply reply;
    cairn_err err = cairn_http_client_call(r->call->arena, &call, &reply);
    if (err == CAIRN_ERR_NO_MEMORY)
        return err;
    /* Where a stranger's name leads, and why it leads nowhere, is not told: a caller could look
     * through our network with it. */
    if (err != CAIRN_OK || reply.status != 200)
        return cairn_did_refuse(r->call->arena, CAIRN_DID_NOT_FOUND, ret_answer);
    return cairn_did_web_answer(r->call->arena, &r->did, &r->options, reply.body, ret_answer);
}

static void *run_fetch(void *context)
{
    const resolution *r = context;
    cairn_did_answer answer = {0};
    cairn_err err = fetch(r, &answer);
    atomic_fetch_sub(&fetch_count, 1);
    respond(r->call, err, &answer);
    return NULL;
}

/* For callers whom we know alone: for anybody the node would fetch what it is told to. */
static void answer_web(cairn_call *call, resolution *r)
{
    pthread_t thread;
    if (call->principal.method == CAIRN_AUTH_NONE) {
        refuse(call, CAIRN_DID_METHOD_NOT_SUPPORTED);
        return;
    }
    if (cairn_did_web_url(&r->did, r->url) != CAIRN_OK) {
        refuse(call, CAIRN_DID_INVALID_DID);
        return;
    }
    r->call = call;
    if (atomic_fetch_add(&fetch_count, 1) < FETCHES_MAX &&
        pthread_create(&thread, NULL, run_fetch, r) == 0) {
        (void)pthread_detach(thread);
        return;
    }
    atomic_fetch_sub(&fetch_count, 1);
    cairn_call_respond_err(call, CAIRN_FAIL(CAIRN_ERR_BUSY, "house",
                                            "did:web: %d fetches are under way", FETCHES_MAX));
}

/* The DID of the path. One that was appended as it is keeps its own percent signs, which are part
 * of it (did:web:example.com%3A8443); one that was encoded as a whole has no colon. */
static cairn_bytes did_of(const cairn_call *call)
{
    static const char place[] = "/1.0/identifiers/did:";
    cairn_bytes path = call->request->path;
    size_t before = sizeof place - 1 - 4;
    if (path.size > sizeof place - 1 && memcmp(path.data, place, sizeof place - 1) == 0)
        return cairn_bytes_of(path.data + before, path.size - before);
    return call->params[0];
}

static void get_identifier(cairn_call *call)
{
    cairn_bytes accept = {0};
    resolution *r = NULL;
    cairn_err err = CAIRN_ARENA_NEW(call->arena, &r);
    if (err != CAIRN_OK) {
        cairn_call_respond_err(call, err);
        return;
    }
    (void)cairn_http_header_find(call->request, "Accept", &accept);
    cairn_did_error error = cairn_did_options_parse(accept, call->request->query, &r->options);
    if (error == CAIRN_DID_OK && cairn_did_parse(did_of(call), &r->did) != CAIRN_OK)
        error = CAIRN_DID_INVALID_DID;
    if (error != CAIRN_DID_OK)
        refuse(call, error);
    else if (cairn_did_is_method(&r->did, "cairn"))
        answer_own(call, r);
    else if (cairn_did_is_method(&r->did, "web"))
        answer_web(call, r);
    else
        refuse(call, CAIRN_DID_METHOD_NOT_SUPPORTED);
}

/* --- documents of did:web names of ours --- */

typedef struct publication {
    cairn_hash org;
    char did[CAIRN_DID_SIZE_MAX];
} publication;

static cairn_err publish(cairn_arena *arena, const void *request, const cairn_did_view *view,
                         cairn_did_answer *ret_answer)
{
    const publication *p = request;
    return cairn_did_web_publish(arena, p->did, &p->org, view, ret_answer);
}

/* "did:web:" and the host of node.url, its port behind %3A; false when the node has no https URL.
 */
static bool write_host(const cairn_call *call, char *out, size_t size)
{
    const char *url = cairn_config_text(call->services->config, "node.url");
    if (strncmp(url, "https://", 8) != 0)
        return false;
    url += 8;
    size_t host = strcspn(url, ":/");
    size_t port = url[host] == ':' ? strcspn(url + host + 1, "/") : 0;
    int used = snprintf(out, size, "did:web:%.*s%s%.*s", (int)host, url, port > 0 ? "%3A" : "",
                        (int)port, port > 0 ? url + host + 1 : "");
    return host > 0 && used > 0 && (size_t)used < size;
}

static void answer_publication(cairn_call *call, const cairn_service_ledger *ledger,
                               const publication *p)
{
    cairn_did_answer answer = {0};
    cairn_err err = with_view(call, ledger, publish, p, &answer);
    if (err == CAIRN_OK && answer.status != 200)
        cairn_call_not_found(call);
    else
        respond(call, err, &answer);
}

/* GET /.well-known/did.json: the organisation that the node speaks for. */
static void get_own_document(cairn_call *call)
{
    cairn_service_ledger ledger;
    publication p;
    if (call->services->find_own == NULL || !write_host(call, p.did, sizeof p.did) ||
        call->services->find_own(call->services->node, &ledger, &p.org) != CAIRN_OK)
        cairn_call_not_found(call);
    else
        answer_publication(call, &ledger, &p);
}

/* GET /orgs/{ledger}/{organisation}/did.json: any organisation of a ledger that the caller sees. */
static void get_document(cairn_call *call)
{
    cairn_service_ledger ledger;
    publication p;
    char digits[65] = "";
    if (call->params[1].size == 64)
        memcpy(digits, call->params[1].data, 64);
    if (!write_host(call, p.did, sizeof p.did - 140) ||
        cairn_hex_decode(digits, p.org.b, sizeof p.org.b) != CAIRN_OK) {
        cairn_call_not_found(call);
        return;
    }
    cairn_err err = call->services->find_ledger(call->services->node, &call->principal,
                                                call->params[0], &ledger);
    if (err != CAIRN_OK) {
        cairn_call_respond_err(call, err);
        return;
    }
    char names[2][65];
    cairn_hex_encode(cairn_bytes_hash(&ledger.id), names[0]);
    cairn_hex_encode(cairn_bytes_hash(&p.org), names[1]);
    size_t size = strlen(p.did);
    (void)snprintf(p.did + size, sizeof p.did - size, ":orgs:%s:%s", names[0], names[1]);
    answer_publication(call, &ledger, &p);
}

const cairn_route cairn_did_routes[CAIRN_DID_ROUTE_COUNT] = {
    {CAIRN_HTTP_GET, "/1.0/identifiers/{did}", "resolveDid", CAIRN_ROUTE_PUBLIC, NULL, 0, 0,
     get_identifier},
    {CAIRN_HTTP_GET, "/.well-known/did.json", "getOwnDidDocument", CAIRN_ROUTE_PUBLIC, NULL, 0, 0,
     get_own_document},
    {CAIRN_HTTP_GET, "/orgs/{ledger}/{organisation}/did.json", "getDidDocument", CAIRN_ROUTE_PUBLIC,
     NULL, 0, 0, get_document},
};
