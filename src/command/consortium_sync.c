/* The section [statesync] of the engine's config.toml. */
#include "command/consortium_sync.h"

#include <stdio.h>

#include "core/store/file.h"
#include "ledger/consortium/rpc.h"
#include "ledger/light/light_fetch.h"
#include "ledger/log/lines.h"

enum { CONFIG_SIZE_MAX = 256 << 10 };

static const char section[] = "\n[statesync]\n"; /* the last one, once it is there */

/* --- the point --- */

/* The header that this engine has at the height. */
static cairn_err ask(cairn_arena *arena, const char *url, const char *chain_id, uint64_t height,
                     cairn_hash *ret_header)
{
    const cairn_light_node node = {.arena = arena, .url = url};
    cairn_light_block block;
    CAIRN_TRY(cairn_light_fetch(&node, height, &block));
    const cairn_light_header *header = &block.state.header;
    if (!cairn_bytes_equal(header->chain_id, cairn_bytes_str(chain_id)))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "%s is on another chain: %.*s", url,
                          (int)header->chain_id.size, (const char *)header->chain_id.data);
    cairn_light_header_hash(header, ret_header);
    return CAIRN_OK;
}

static cairn_err find_point(cairn_arena *arena, const char *chain_id, const char *const *urls,
                            size_t count, cairn_sync_point *ret_point)
{
    cairn_rpc_status status;
    cairn_sync_point point;
    CAIRN_TRY(cairn_rpc_get_status(arena, urls[0], &status));
    if (status.height == 0)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "%s has no block yet", urls[0]);
    point.height = status.height;
    CAIRN_TRY(ask(arena, urls[0], chain_id, point.height, &point.header));
    for (size_t i = 1; i < count; i++) {
        cairn_hash other;
        CAIRN_TRY(ask(arena, urls[i], chain_id, point.height, &other));
        if (!cairn_hash_equal(&other, &point.header))
            return CAIRN_FAIL(CAIRN_ERR_INCONSISTENT, "house",
                              "%s and %s have different blocks at height %llu", urls[0], urls[i],
                              (unsigned long long)point.height);
    }
    *ret_point = point;
    return CAIRN_OK;
}

/* --- the section --- */

static cairn_err join_urls(cairn_arena *arena, const char *const *urls, size_t count,
                           cairn_bytes *ret_list)
{
    char origin[CAIRN_HTTP_URL_SIZE_MAX + 1];
    cairn_bytes list = {0};
    for (size_t i = 0; i < count; i++) {
        if (cairn_http_client_origin(urls[i], origin) != CAIRN_OK ||
            strpbrk(urls[i], ",\"\\") != NULL)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--state-sync: %s is no engine's URL",
                              urls[i]);
        CAIRN_TRY(cairn_lines_format(arena, &list, "%.*s%s%s", (int)list.size,
                                     list.size == 0 ? "" : (const char *)list.data,
                                     i == 0 ? "" : ",", urls[i]));
    }
    *ret_list = list;
    return CAIRN_OK;
}

static cairn_err write_section(cairn_arena *arena, const char *directory, cairn_bytes urls,
                               const cairn_sync_point *point)
{
    char path[CAIRN_PATH_SIZE_MAX];
    char hash[2 * sizeof(cairn_hash) + 1];
    cairn_bytes old;
    cairn_bytes text;
    CAIRN_TRY(cairn_path_join(directory, "engine/config/config.toml", path));
    CAIRN_TRY(cairn_file_read(arena, path, CONFIG_SIZE_MAX, &old));
    const uint8_t *at = memmem(old.data, old.size, section, sizeof section - 1);
    size_t size = at == NULL ? old.size : (size_t)(at - old.data);
    cairn_hex_encode(cairn_bytes_hash(&point->header), hash);
    CAIRN_TRY(cairn_lines_format(
        arena, &text,
        "%.*s%senable = true\nrpc_servers = \"%.*s\"\ntrust_height = %llu\ntrust_hash = \"%s\"\n"
        "trust_period = \"168h0m0s\"\ndiscovery_time = \"5s\"\n",
        (int)size, (const char *)old.data, section, (int)urls.size, (const char *)urls.data,
        (unsigned long long)point->height, hash));
    return cairn_file_replace(path, 0600, text, NULL);
}

cairn_err cairn_engine_state_sync(cairn_command *command, const char *directory,
                                  const char *chain_id, const char *const *urls, size_t count,
                                  cairn_sync_point *ret_point)
{
    cairn_arena *arena = &command->arena;
    cairn_sync_point point;
    cairn_bytes list;
    if (count < 2) /* the engine wants two as well */
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "--state-sync: give the engines of two members at least");
    CAIRN_TRY(join_urls(arena, urls, count, &list));
    CAIRN_TRY(find_point(arena, chain_id, urls, count, &point));
    CAIRN_TRY(write_section(arena, directory, list, &point));
    *ret_point = point;
    return CAIRN_OK;
}
