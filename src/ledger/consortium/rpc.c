/* Calls in batches, and what operators ask. */
#include "ledger/consortium/rpc.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/light/light_json.h"

static const char clause[] = "CometBFT 0.38, RPC";

static void free_json(json_t **json)
{
    json_decref(*json);
}

/* --- the call --- */

static size_t call_size(cairn_bytes tx)
{
    enum { FRAME = 100 };
    return FRAME + cairn_base64_size(tx.size);
}

/* [{"jsonrpc":"2.0","id":0,"method":"broadcast_tx_async","params":{"tx":"…"}},…] */
static cairn_err write_calls(cairn_arena *arena, const cairn_bytes *txs, size_t count,
                             cairn_bytes *ret_body)
{
    void *memory = NULL;
    size_t capacity = 2;
    for (size_t i = 0; i < count; i++)
        capacity += call_size(txs[i]);
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &memory));
    char *out = memory;
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += (size_t)snprintf(out + size, capacity - size,
                                 "%c{\"jsonrpc\":\"2.0\",\"id\":%zu,\"method\":"
                                 "\"broadcast_tx_async\",\"params\":{\"tx\":\"",
                                 i == 0 ? '[' : ',', i);
        cairn_base64_encode(txs[i], out + size);
        size += cairn_base64_size(txs[i].size);
        size += (size_t)snprintf(out + size, capacity - size, "\"}}");
    }
    out[size++] = ']';
    *ret_body = cairn_bytes_of(out, size);
    return CAIRN_OK;
}

/* --- the reply --- */

/* The engine has no numbers for these. */
static cairn_err code_of(const json_t *error)
{
    const char *data = json_string_value(json_object_get(error, "data"));
    if (data == NULL)
        return CAIRN_ERR_UNAVAILABLE;
    if (strstr(data, "already exists in cache") != NULL)
        return CAIRN_OK;
    if (strstr(data, "catching up") != NULL) /* 0.40 */
        return CAIRN_ERR_UNREACHABLE;
    if (strstr(data, "mempool is full") != NULL)
        return CAIRN_ERR_BUSY;
    if (strstr(data, "too large") != NULL)
        return CAIRN_ERR_TOO_LARGE;
    return CAIRN_ERR_UNAVAILABLE;
}

static cairn_err bad_reply(const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, clause, "engine: %s", what);
}

/* Each call has one answer, in any order. */
static cairn_err read_replies(const json_t *list, size_t count, cairn_err *ret_codes)
{
    bool seen[CAIRN_RPC_BATCH_MAX] = {false};
    if (!json_is_array(list) || json_array_size(list) != count)
        return bad_reply("does not answer each call");
    for (size_t i = 0; i < count; i++) {
        const json_t *reply = json_array_get(list, i);
        const json_t *id = json_object_get(reply, "id");
        const json_t *error = json_object_get(reply, "error");
        json_int_t at = json_is_integer(id) ? json_integer_value(id) : -1;
        if (at < 0 || at >= (json_int_t)count || seen[at])
            return bad_reply("answers another call");
        seen[at] = true;
        ret_codes[at] = error == NULL || json_is_null(error) ? CAIRN_OK : code_of(error);
        if (ret_codes[at] == CAIRN_ERR_UNREACHABLE)
            return bad_reply("takes nothing while it catches up");
    }
    return CAIRN_OK;
}

cairn_err cairn_rpc_broadcast(cairn_arena *arena, const char *url, cairn_http_kept *kept,
                              const cairn_bytes *txs, size_t count, cairn_err *ret_codes)
{
    cairn_http_reply reply;
    cairn_http_call call = {.method = CAIRN_HTTP_CLIENT_POST,
                            .url = url,
                            .content_type = "application/json",
                            .kept = kept,
                            .timeout_ms = CAIRN_RPC_TIMEOUT_MS,
                            .body_size_max = CAIRN_RPC_REPLY_SIZE_MAX};
    CAIRN_ASSERT(count >= 1 && count <= CAIRN_RPC_BATCH_MAX);
    CAIRN_TRY(write_calls(arena, txs, count, &call.body));
    CAIRN_TRY(cairn_http_client_call(arena, &call, &reply));
    /* The engine answers a batch of one by an object. */
    CAIRN_CLEANUP(free_json)
    json_t *json = json_loadb((const char *)reply.body.data, reply.body.size, 0, NULL);
    if (reply.status != 200 || json == NULL)
        return bad_reply("does not answer in JSON");
    if (!json_is_object(json))
        return read_replies(json, count, ret_codes);
    CAIRN_CLEANUP(free_json) json_t *list = json_array();
    if (list == NULL || json_array_append(list, json) != 0)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "engine: reply");
    return read_replies(list, count, ret_codes);
}

cairn_err cairn_rpc_block(cairn_arena *arena, const char *url, uint64_t height,
                          cairn_bytes *ret_answer)
{
    char where[CAIRN_HTTP_URL_SIZE_MAX + 1];
    cairn_http_reply reply;
    const cairn_http_call call = {.method = CAIRN_HTTP_CLIENT_GET,
                                  .url = where,
                                  .timeout_ms = CAIRN_RPC_TIMEOUT_MS,
                                  .body_size_max = CAIRN_RPC_REPLY_SIZE_MAX};
    if ((size_t)snprintf(where, sizeof where, "%s/block?height=%llu", url,
                         (unsigned long long)height) >= sizeof where)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, clause, "engine: its URL is too long");
    CAIRN_TRY(cairn_http_client_call(arena, &call, &reply));
    *ret_answer = reply.body; /* an error, too, is for the reader of the answer */
    return CAIRN_OK;
}

/* --- how it is --- */

/* The member at `path` (names with dots between) of the answer's result, or NULL. */
static const json_t *find(const json_t *answer, const char *path)
{
    const json_t *at = json_object_get(answer, "result");
    while (at != NULL && *path != '\0') {
        size_t size = strcspn(path, ".");
        at = json_object_getn(at, path, size);
        path += size + (path[size] == '.');
    }
    return at;
}

static cairn_err ask(cairn_arena *arena, const char *url, const char *what, json_t **ret_answer)
{
    enum { ANSWER_SIZE_MAX = 4 << 20 };
    char whole[CAIRN_HTTP_URL_SIZE_MAX + 1];
    cairn_http_reply reply;
    if ((size_t)snprintf(whole, sizeof whole, "%s/%s", url, what) >= sizeof whole)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "engine: URL is too long");
    const cairn_http_call call = {.method = CAIRN_HTTP_CLIENT_GET,
                                  .url = whole,
                                  .timeout_ms = CAIRN_RPC_TIMEOUT_MS,
                                  .body_size_max = ANSWER_SIZE_MAX};
    CAIRN_TRY(cairn_http_client_call(arena, &call, &reply));
    json_t *json = json_loadb((const char *)reply.body.data, reply.body.size, 0, NULL);
    if (find(json, "") == NULL) {
        json_decref(json);
        return bad_reply("does not say how it is");
    }
    *ret_answer = json;
    return CAIRN_OK;
}

/* The engine writes 64-bit numbers as texts; what is not there is 0 in its eyes. */
static uint64_t number_at(const json_t *answer, const char *path)
{
    const json_t *value = find(answer, path);
    if (json_is_integer(value) && json_integer_value(value) > 0)
        return (uint64_t)json_integer_value(value);
    const char *text = json_string_value(value);
    return text == NULL || *text == '-' ? 0 : strtoull(text, NULL, 10);
}

static cairn_err take_sync(const json_t *answer, cairn_rpc_status *status)
{
    const char *chain = json_string_value(find(answer, "node_info.network"));
    const char *time = json_string_value(find(answer, "sync_info.latest_block_time"));
    const json_t *catching_up = find(answer, "sync_info.catching_up");
    cairn_light_time when = {0};
    if (chain == NULL || time == NULL || !json_is_boolean(catching_up))
        return bad_reply("does not say where it stands");
    status->height = number_at(answer, "sync_info.latest_block_height");
    if (status->height > 0 && cairn_light_time_parse(time, &when) != CAIRN_OK)
        return bad_reply("does not say when its last block was");
    (void)snprintf(status->chain, sizeof status->chain, "%s", chain);
    status->time_ms = cairn_light_time_to_ms(when);
    status->catching_up = json_is_true(catching_up);
    status->power = number_at(answer, "validator_info.voting_power");
    return CAIRN_OK;
}

cairn_err cairn_rpc_get_status(cairn_arena *arena, const char *url, cairn_rpc_status *ret_status)
{
    CAIRN_CLEANUP(free_json) json_t *sync = NULL;
    CAIRN_CLEANUP(free_json) json_t *net = NULL;
    CAIRN_CLEANUP(free_json) json_t *application = NULL;
    CAIRN_CLEANUP(free_json) json_t *pool = NULL;
    cairn_rpc_status status = {0};
    CAIRN_TRY(ask(arena, url, "status", &sync));
    CAIRN_TRY(take_sync(sync, &status));
    CAIRN_TRY(ask(arena, url, "net_info", &net));
    CAIRN_TRY(ask(arena, url, "abci_info", &application));
    CAIRN_TRY(ask(arena, url, "num_unconfirmed_txs", &pool));
    status.peers = number_at(net, "n_peers");
    status.application_height = number_at(application, "response.last_block_height");
    status.waiting = number_at(pool, "total");
    *ret_status = status;
    return CAIRN_OK;
}
