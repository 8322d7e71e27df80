/* Whom the cosigner asks. */
#include <stdlib.h>

#include "ledger/log/lines.h"
#include "node/node_cosign_impl.h"

enum { LIST_SIZE_MAX = 64 << 10, PIN_SIZE = 2 * sizeof(cairn_hash) };

static const char clause[] = "docs/features/consortium.md";

/* --- a name --- */

static cairn_err bad_name(const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "node: %s", what);
}

static cairn_err copy_text(cairn_arena *arena, cairn_bytes text, char **ret_text)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, text.size + 1, &memory));
    memcpy(memory, text.data, text.size);
    ((char *)memory)[text.size] = '\0';
    *ret_text = memory;
    return CAIRN_OK;
}

cairn_err cairn_node_name_parse(cairn_arena *arena, cairn_bytes text, cairn_node_name *ret_name)
{
    cairn_node_name name = {0};
    char origin[CAIRN_HTTP_URL_SIZE_MAX + 1];
    char *url = NULL;
    CAIRN_TRY(copy_text(arena, text, &url));
    char *pin = strchr(url, '#');
    name.is_pinned = pin != NULL;
    if (name.is_pinned) {
        *pin++ = '\0';
        if (strlen(pin) != PIN_SIZE ||
            cairn_hex_decode(pin, name.pin.b, sizeof name.pin.b) != CAIRN_OK)
            return bad_name("behind # are 64 hex digits");
        if (strncmp(url, "https://", 8) != 0)
            return bad_name("only https has a key");
    }
    if (strlen(url) != (pin == NULL ? text.size : text.size - 1 - PIN_SIZE) ||
        cairn_http_client_origin(url, origin) != CAIRN_OK)
        return bad_name("is no URL");
    name.url = url;
    *ret_name = name;
    return CAIRN_OK;
}

/* --- the list --- */

static bool is_listed(const cairn_node_cosign *cosign, const char *url)
{
    for (size_t i = 0; i < cosign->peer_count; i++)
        if (strcmp(cosign->peers[i].url, url) == 0)
            return true;
    return false;
}

/* `where` is what an error names. */
static cairn_err add_peer(cairn_node_cosign *cosign, cairn_arena *arena, const char *where,
                          cairn_bytes text)
{
    cairn_node_name name;
    if (cairn_node_name_parse(arena, text, &name) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "%s: %.*s", where, (int)text.size,
                          (const char *)text.data);
    if (is_listed(cosign, name.url))
        return CAIRN_OK;
    if (cosign->peer_count == CAIRN_COSIGN_PEERS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "%s: at most %d nodes", where,
                          CAIRN_COSIGN_PEERS_MAX);
    peer *p = &cosign->peers[cosign->peer_count];
    *p = (peer){
        .cosign = cosign, .url = strdup(name.url), .is_pinned = name.is_pinned, .pin = name.pin};
    cosign->peer_count++;
    return p->url == NULL ? CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: peers")
                          : cairn_http_kept_new(&p->kept);
}

static cairn_err add_configured(cairn_node_cosign *cosign, cairn_arena *arena)
{
    static const char where[] = "cairn.yaml: cosign.peers";
    const char *at = cairn_config_text(cosign->setup.config, "cosign.peers");
    for (at += strspn(at, " "); *at != '\0'; at += strspn(at, " ")) {
        size_t size = strcspn(at, " ");
        CAIRN_TRY(add_peer(cosign, arena, where, cairn_bytes_of((const uint8_t *)at, size)));
        at += size;
    }
    return CAIRN_OK;
}

/* What consortium begin and meet have written; no consortium has none. */
static cairn_err add_members(cairn_node_cosign *cosign, cairn_arena *arena)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes text;
    cairn_bytes line;
    CAIRN_TRY(cairn_path_join(cosign->setup.directory, "consortium/nodes", path));
    cairn_err err = cairn_file_read(arena, path, LIST_SIZE_MAX, &text);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    while (cairn_lines_take(&text, &line))
        CAIRN_TRY(add_peer(cosign, arena, path, line));
    return CAIRN_OK;
}

cairn_err cairn_node_cosign_list(cairn_node_cosign *cosign)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_arena_init(&arena, (size_t)4 * LIST_SIZE_MAX);
    cosign->peers = calloc(CAIRN_COSIGN_PEERS_MAX, sizeof *cosign->peers);
    if (cosign->peers == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: peers");
    CAIRN_TRY(add_configured(cosign, &arena));
    return add_members(cosign, &arena);
}
