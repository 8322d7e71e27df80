/* A member's node over HTTP. One exchange a call: a follower makes few of them, large ones. */
#include "ledger/follow/source.h"

#include <stdio.h>

#include "core/limits.h"
#include "core/net/http_client.h"
#include "core/store/file.h"

/* --- tiles --- */

static cairn_err read_tile(void *context, unsigned level, uint64_t index, size_t count,
                           cairn_hash *ret_hashes)
{
    const cairn_source_tiles *tiles = context;
    const cairn_tile tile = {
        .kind = CAIRN_TILE_HASHES, .level = level, .index = index, .width = (unsigned)count};
    cairn_hash hashes[CAIRN_TILE_WIDTH];
    cairn_bytes file;
    CAIRN_TRY(tiles->source->tile(tiles->source->context, tiles->arena, &tile, &file));
    CAIRN_TRY(cairn_tile_hashes(file, tile.width, hashes));
    memcpy(ret_hashes, hashes, count * sizeof hashes[0]);
    return CAIRN_OK;
}

cairn_merkle_source cairn_source_merkle(cairn_source_tiles *tiles)
{
    return (cairn_merkle_source){.read_tile = read_tile, .context = tiles};
}

/* --- calls --- */

/* Tokens are short-lived: whoever renews them puts another file in the place of this one. */
static cairn_err read_token(const cairn_source_node *node, cairn_arena *arena,
                            const char **ret_line)
{
    enum { TOKEN_SIZE_MAX = 8192 };
    static const char prefix[] = "Authorization: Bearer ";
    cairn_bytes file;
    void *line = NULL;
    *ret_line = NULL;
    if (node->token_file == NULL)
        return CAIRN_OK;
    if (cairn_file_read(arena, node->token_file, TOKEN_SIZE_MAX, &file) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "source: no token in %s",
                          node->token_file);
    while (file.size > 0 && (file.data[file.size - 1] == '\n' || file.data[file.size - 1] == '\r'))
        file.size--;
    CAIRN_TRY(cairn_arena_alloc(arena, sizeof prefix + file.size, &line));
    memcpy(line, prefix, sizeof prefix - 1);
    memcpy((char *)line + sizeof prefix - 1, file.data, file.size);
    ((char *)line)[sizeof prefix - 1 + file.size] = '\0';
    *ret_line = line;
    return CAIRN_OK;
}

static cairn_err get(const cairn_source_node *node, cairn_arena *arena, const char *path,
                     size_t size_max, cairn_bytes *ret_body)
{
    char url[CAIRN_HTTP_URL_SIZE_MAX];
    char ledger[65];
    const char *authorization = NULL;
    cairn_http_reply reply;
    CAIRN_TRY(read_token(node, arena, &authorization));
    cairn_hex_encode(cairn_bytes_hash(&node->ledger), ledger);
    if ((size_t)snprintf(url, sizeof url, "%s/v1/ledgers/%s/%s", node->url, ledger, path) >=
        sizeof url)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "source: URL is too long");
    const cairn_http_call call = {.method = CAIRN_HTTP_CLIENT_GET,
                                  .url = url,
                                  .headers = &authorization,
                                  .header_count = authorization == NULL ? 0 : 1,
                                  .timeout_ms = node->timeout_ms,
                                  .body_size_max = size_max,
                                  .ca_file = node->ca_file,
                                  .identity = node->identity,
                                  .cancelled = node->cancelled};
    CAIRN_TRY(cairn_http_client_call(arena, &call, &reply));
    if (reply.status != 200)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "source: answers %d to %s", reply.status,
                          path);
    *ret_body = reply.body;
    return CAIRN_OK;
}

static cairn_err get_checkpoint(void *context, cairn_arena *arena, bool wait, cairn_bytes *ret_note)
{
    return get(context, arena, wait ? "checkpoint?wait=members" : "checkpoint", CAIRN_NOTE_SIZE_MAX,
               ret_note);
}

static cairn_err get_tile(void *context, cairn_arena *arena, const cairn_tile *tile,
                          cairn_bytes *ret_file)
{
    char path[CAIRN_TILE_PATH_SIZE_MAX];
    cairn_tile_path(tile, path);
    return get(context, arena, path, CAIRN_TILE_WIDTH * sizeof(cairn_hash), ret_file);
}

static cairn_err get_records(void *context, cairn_arena *arena, uint64_t height,
                             cairn_bytes *ret_sequence)
{
    char path[48];
    (void)snprintf(path, sizeof path, "records?from=%llu", (unsigned long long)height);
    return get(context, arena, path, CAIRN_SOURCE_RECORDS_SIZE_MAX, ret_sequence);
}

cairn_source cairn_source_of_node(cairn_source_node *node)
{
    return (cairn_source){.context = node,
                          .name = node->url,
                          .checkpoint = get_checkpoint,
                          .tile = get_tile,
                          .records = get_records};
}
