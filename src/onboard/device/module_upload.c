/* fdo.upload: the owner fetches a file from the device, out of one directory. Source: FIDO's
 * fdo.upload module. */
#include <fcntl.h>
#include <stdlib.h>

#include "onboard/device/modules.h"

static const char name_[] = "fdo.upload";

typedef enum upload_step { NOTHING, LENGTH, DATA, HASH } upload_step;

typedef struct upload {
    const cairn_fdo_client_modules_config *config;
    upload_step step;
    bool need_hash;
    int fd;
    uint64_t size, sent;
    EVP_MD_CTX *hash;
    char name[MODULE_FILE_NAME_MAX + 1];
} upload;

static void drop(void *context)
{
    upload *u = context;
    cairn_file_close(u->fd);
    EVP_MD_CTX_free(u->hash);
    *u = (upload){.config = u->config, .fd = -1};
}

static cairn_err begin_file(upload *u, cairn_bytes text)
{
    char path[CAIRN_PATH_SIZE_MAX];
    if (u->step != NOTHING)
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "fdo.upload: one file at a time");
    CAIRN_TRY(cairn_info_file_name(text, u->name));
    CAIRN_TRY(cairn_path_join(u->config->upload_from, u->name, path));
    CAIRN_TRY(cairn_file_open(path, O_RDONLY, 0, &u->fd));
    CAIRN_TRY(cairn_file_size(u->fd, u->name, &u->size));
    if (u->size > cairn_info_size_max(u->config))
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "fdo.upload: %s", u->name);
    CAIRN_TRY(cairn_info_hash_new(&u->hash));
    u->sent = 0;
    u->step = LENGTH;
    return CAIRN_OK;
}

static cairn_err take(void *context, cairn_bytes name, cairn_bytes value)
{
    upload *u = context;
    cairn_cbor_reader reader;
    cairn_bytes text;
    CAIRN_TRY(cairn_info_open(&reader, value, name_));
    if (cairn_info_is(name, "need-sha"))
        return cairn_cbor_read_bool(&reader, "need-sha", &u->need_hash);
    if (!cairn_info_is(name, "name"))
        return cairn_info_unknown(name_, name);
    CAIRN_TRY(cairn_cbor_read_text(&reader, "name", 1, CAIRN_PATH_SIZE_MAX, &text));
    return begin_file(u, text);
}

/* A piece, of the size that was told before: the file may not change meanwhile. */
static cairn_err give_data(upload *u, cairn_arena *arena, size_t room, cairn_bytes *ret_value)
{
    uint8_t chunk[MODULE_CHUNK_SIZE];
    size_t want = room - 3 < sizeof chunk ? room - 3 : sizeof chunk;
    size_t got = 0;
    if (want > u->size - u->sent)
        want = (size_t)(u->size - u->sent);
    CAIRN_TRY(cairn_file_read_at(u->fd, u->name, u->sent, chunk, want, &got));
    if (got != want)
        return CAIRN_FAIL(CAIRN_ERR_CHANGED, "house", "fdo.upload: %s became shorter", u->name);
    if (EVP_DigestUpdate(u->hash, chunk, got) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "fdo.upload: SHA-384");
    u->sent += got;
    if (u->sent == u->size)
        u->step = u->need_hash ? HASH : NOTHING;
    return cairn_info_bytes(arena, cairn_bytes_of(chunk, got), ret_value);
}

static cairn_err give_hash(upload *u, cairn_arena *arena, cairn_bytes *ret_value)
{
    uint8_t digest[MODULE_SHA384_SIZE];
    CAIRN_TRY(cairn_info_hash_end(u->hash, digest));
    u->step = NOTHING;
    return cairn_info_bytes(arena, cairn_bytes_of(digest, sizeof digest), ret_value);
}

static cairn_err give_length(upload *u, cairn_arena *arena, cairn_bytes *ret_value)
{
    u->step = u->size > 0 ? DATA : u->need_hash ? HASH : NOTHING;
    return cairn_info_int(arena, (int64_t)u->size, ret_value);
}

static cairn_err give(void *context, cairn_arena *arena, size_t room,
                      cairn_fdo_client_info *ret_info, bool *ret_given)
{
    static const char *const names[] = {"", "length", "data", "sha-384"};
    upload *u = context;
    cairn_err err = CAIRN_OK;
    *ret_given = u->step != NOTHING && room > MODULE_SHA384_SIZE + 3;
    if (!*ret_given)
        return CAIRN_OK;
    ret_info->name = cairn_bytes_str(names[u->step]);
    if (u->step == LENGTH)
        err = give_length(u, arena, &ret_info->value);
    else if (u->step == DATA)
        err = give_data(u, arena, room, &ret_info->value);
    else
        err = give_hash(u, arena, &ret_info->value);
    if (u->step == NOTHING)
        drop(u);
    return err;
}

static void free_state(void *state)
{
    drop(state);
    free(state);
}

cairn_err cairn_info_upload_open(const cairn_fdo_client_modules_config *config, module_slot *slot)
{
    upload *u = calloc(1, sizeof *u);
    if (u == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "fdo.upload");
    u->config = config;
    u->fd = -1;
    *slot = (module_slot){
        .module = {.name = name_, .context = u, .take = take, .give = give, .drop = drop},
        .free_state = free_state,
    };
    return CAIRN_OK;
}
