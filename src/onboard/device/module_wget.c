/* fdo.wget: the device fetches a file from where the owner says. Source: FIDO's fdo.wget module. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "onboard/device/modules.h"

static const char name_[] = "fdo.wget";

enum { ERROR_SIZE_MAX = 120, PIECE_SIZE = 4096 };

typedef struct wget {
    const cairn_fdo_client_modules_config *config;
    module_file file;
    char name[MODULE_FILE_NAME_MAX + 1];
    bool has_hash;
    uint8_t sha384[MODULE_SHA384_SIZE];
    bool has_answer;
    uint64_t size;
    char error[ERROR_SIZE_MAX + 1]; /* empty: it went well */
} wget;

static void drop(void *context)
{
    wget *w = context;
    cairn_info_file_drop(&w->file);
    w->name[0] = '\0';
    w->has_hash = w->has_answer = false;
}

/* What was fetched, hashed as it lies there. */
static cairn_err hash_file(wget *w)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    uint8_t piece[PIECE_SIZE];
    size_t got = 0;
    CAIRN_TRY(cairn_file_open(w->file.temporary, O_RDONLY, 0, &fd));
    do {
        CAIRN_TRY(cairn_file_read_at(fd, w->name, w->file.size, piece, sizeof piece, &got));
        if (EVP_DigestUpdate(w->file.hash, piece, got) != 1)
            return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "fdo.wget: SHA-384");
        w->file.size += got;
    } while (got == sizeof piece);
    return CAIRN_OK;
}

static cairn_err fetch(wget *w, const char *url)
{
    const cairn_fdo_client_modules_config *config = w->config;
    if (w->name[0] == '\0')
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, "house", "fdo.wget.name: not there");
    CAIRN_TRY(cairn_info_file_begin(&w->file, config->directory, w->name));
    CAIRN_TRY(config->fetch(config->fetch_context, url, w->file.fd, cairn_info_size_max(config)));
    CAIRN_TRY(hash_file(w));
    w->size = w->file.size;
    return cairn_info_file_end(&w->file,
                               cairn_bytes_of(w->sha384, w->has_hash ? MODULE_SHA384_SIZE : 0));
}

/* What goes wrong is told, and the run goes on. */
static cairn_err take_url(wget *w, cairn_cbor_reader *reader)
{
    char url[MODULE_URL_SIZE_MAX + 1];
    cairn_bytes text;
    CAIRN_TRY(cairn_cbor_read_text(reader, "url", 1, MODULE_URL_SIZE_MAX, &text));
    if (memchr(text.data, 0, text.size) != NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "fdo.wget.url: a NUL in it");
    memcpy(url, text.data, text.size);
    url[text.size] = '\0';
    cairn_err err = fetch(w, url);
    drop(w);
    w->has_answer = true;
    w->error[0] = '\0';
    if (err != CAIRN_OK)
        (void)snprintf(w->error, sizeof w->error, "%s", cairn_err_text(err));
    return CAIRN_OK;
}

static cairn_err take_name(wget *w, cairn_cbor_reader *reader)
{
    cairn_bytes text;
    CAIRN_TRY(cairn_cbor_read_text(reader, "name", 1, CAIRN_PATH_SIZE_MAX, &text));
    return cairn_info_file_name(text, w->name);
}

static cairn_err take_hash(wget *w, cairn_cbor_reader *reader)
{
    cairn_bytes hash;
    CAIRN_TRY(
        cairn_cbor_read_bytes(reader, "sha-384", MODULE_SHA384_SIZE, MODULE_SHA384_SIZE, &hash));
    memcpy(w->sha384, hash.data, hash.size);
    w->has_hash = true;
    return CAIRN_OK;
}

static cairn_err take(void *context, cairn_bytes name, cairn_bytes value)
{
    wget *w = context;
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_info_open(&reader, value, name_));
    if (cairn_info_is(name, "name"))
        return take_name(w, &reader);
    if (cairn_info_is(name, "sha-384"))
        return take_hash(w, &reader);
    if (cairn_info_is(name, "url"))
        return take_url(w, &reader);
    return cairn_info_unknown(name_, name);
}

static cairn_err give(void *context, cairn_arena *arena, size_t room,
                      cairn_fdo_client_info *ret_info, bool *ret_given)
{
    wget *w = context;
    *ret_given = w->has_answer && room > ERROR_SIZE_MAX + 3;
    if (!*ret_given)
        return CAIRN_OK;
    w->has_answer = false;
    if (w->error[0] != '\0') {
        ret_info->name = cairn_bytes_str("error");
        return cairn_info_text(arena, w->error, &ret_info->value);
    }
    ret_info->name = cairn_bytes_str("done");
    return cairn_info_int(arena, (int64_t)w->size, &ret_info->value);
}

static void free_state(void *state)
{
    drop(state);
    free(state);
}

cairn_err cairn_info_wget_open(const cairn_fdo_client_modules_config *config, module_slot *slot)
{
    wget *w = calloc(1, sizeof *w);
    if (w == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "fdo.wget");
    w->config = config;
    w->file.fd = -1;
    *slot = (module_slot){
        .module = {.name = name_, .context = w, .take = take, .give = give, .drop = drop},
        .free_state = free_state,
    };
    return CAIRN_OK;
}
