/* consortium/nodes: who is asked for signatures. */
#include "command/consortium_nodes.h"

#include <stdio.h>

#include "core/store/file.h"
#include "ledger/log/lines.h"
#include "node/node_cosign.h"
#include "node/node_tls.h"

enum { LIST_SIZE_MAX = 64 << 10 };

/* --- a name --- */

/* Does nobody elsewhere call it by that address? */
static bool is_private(const char *address)
{
    static const char *const addresses[] = {"127.0.0.1", "::1", "0.0.0.0", "::"};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
        if (strcmp(address, addresses[i]) == 0)
            return true;
    return false;
}

static cairn_err make_url(cairn_arena *arena, const cairn_config *config, cairn_bytes *ret_url)
{
    const char *address = cairn_config_text(config, "node.address");
    bool v6 = strchr(address, ':') != NULL;
    return cairn_lines_format(arena, ret_url, "%s://%s%s%s:%llu",
                              cairn_config_bool(config, "node.plain") ? "http" : "https",
                              v6 ? "[" : "", address, v6 ? "]" : "",
                              (unsigned long long)cairn_config_u64(config, "node.port"));
}

/* Does the node show a certificate of its own? Another one is known by its CA. */
static bool has_pin(const cairn_config *config, cairn_bytes url)
{
    static const char https[] = "https://";
    return cairn_config_text(config, "node.certificate")[0] == '\0' &&
           !cairn_config_bool(config, "node.plain") && url.size >= sizeof https - 1 &&
           memcmp(url.data, https, sizeof https - 1) == 0;
}

cairn_err cairn_consortium_node_name(cairn_arena *arena, const cairn_config *config,
                                     cairn_signer *signer, const char **ret_name)
{
    cairn_bytes url = cairn_bytes_str(cairn_config_text(config, "node.url"));
    char hex[2 * sizeof(cairn_hash) + 2] = "";
    cairn_bytes name;
    if (url.size == 0 && !is_private(cairn_config_text(config, "node.address")))
        CAIRN_TRY(make_url(arena, config, &url));
    if (has_pin(config, url)) {
        cairn_hash pin;
        CAIRN_TRY(cairn_node_tls_pin(arena, signer, &pin));
        hex[0] = '#';
        cairn_hex_encode(cairn_bytes_hash(&pin), hex + 1);
    }
    CAIRN_TRY(cairn_lines_format(arena, &name, "%.*s%s%c", (int)url.size, (const char *)url.data,
                                 hex, '\0'));
    *ret_name = (const char *)name.data;
    return CAIRN_OK;
}

bool cairn_consortium_is_node_name(cairn_arena *arena, const char *name)
{
    cairn_node_name parsed;
    if (name == NULL || strlen(name) > CAIRN_NODE_NAME_SIZE_MAX)
        return false;
    return name[0] == '\0' ||
           (strpbrk(name, " \n") == NULL &&
            cairn_node_name_parse(arena, cairn_bytes_str(name), &parsed) == CAIRN_OK);
}

/* --- the list --- */

typedef struct list {
    char *text; /* of LIST_SIZE_MAX, lines */
    size_t size;
} list;

static size_t url_size(cairn_bytes name)
{
    const uint8_t *pin = name.size == 0 ? NULL : memchr(name.data, '#', name.size);
    return pin == NULL ? name.size : (size_t)(pin - name.data);
}

static bool same_url(cairn_bytes a, cairn_bytes b)
{
    return cairn_bytes_equal(cairn_bytes_of(a.data, url_size(a)),
                             cairn_bytes_of(b.data, url_size(b)));
}

static bool has_url(const list *l, cairn_bytes name)
{
    cairn_bytes text = cairn_bytes_of(l->text, l->size);
    cairn_bytes line;
    while (cairn_lines_take(&text, &line))
        if (same_url(line, name))
            return true;
    return false;
}

static cairn_err add_name(list *l, cairn_bytes own, cairn_bytes name)
{
    if (name.size == 0 || same_url(name, own) || has_url(l, name))
        return CAIRN_OK;
    if (l->size + name.size + 1 > LIST_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "consortium/nodes: is full");
    memcpy(l->text + l->size, name.data, name.size);
    l->text[l->size + name.size] = '\n';
    l->size += name.size + 1;
    return CAIRN_OK;
}

cairn_err cairn_consortium_add_nodes(cairn_arena *arena, const char *directory, const char *own,
                                     const char *const *names, size_t count)
{
    const cairn_bytes own_name = cairn_bytes_str(own);
    char path[CAIRN_PATH_SIZE_MAX];
    void *memory = NULL;
    cairn_bytes old = {0};
    cairn_bytes line;
    CAIRN_TRY(cairn_path_join(directory, "consortium/nodes", path));
    cairn_err err = cairn_file_read(arena, path, LIST_SIZE_MAX, &old);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    CAIRN_TRY(cairn_arena_alloc(arena, LIST_SIZE_MAX, &memory));
    list l = {.text = memory};
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(add_name(&l, own_name, cairn_bytes_str(names[i])));
    while (cairn_lines_take(&old, &line))
        CAIRN_TRY(add_name(&l, own_name, line));
    return cairn_file_replace(path, 0644, cairn_bytes_of(l.text, l.size), NULL);
}
