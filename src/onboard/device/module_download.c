/* fdo.download: the owner puts a file onto the device. Source: FIDO's fdo.download module. */
#include <stdlib.h>

#include "onboard/device/modules.h"

static const char name_[] = "fdo.download";

typedef struct download {
    const cairn_fdo_client_modules_config *config;
    module_file file;
    char name[MODULE_FILE_NAME_MAX + 1];
    uint64_t length;
    bool has_hash;
    uint8_t sha384[MODULE_SHA384_SIZE];
    bool has_answer;
    int64_t answer; /* bytes, or -1 */
} download;

static void restart(download *d)
{
    cairn_info_file_drop(&d->file);
    d->name[0] = '\0';
    d->length = 0;
    d->has_hash = false;
}

static void drop(void *context)
{
    download *d = context;
    restart(d);
    d->has_answer = false;
}

static void answer(download *d, int64_t value)
{
    restart(d);
    d->has_answer = true;
    d->answer = value;
}

static cairn_err take_name(download *d, cairn_cbor_reader *reader)
{
    cairn_bytes text;
    CAIRN_TRY(cairn_cbor_read_text(reader, "name", 1, CAIRN_PATH_SIZE_MAX, &text));
    return cairn_info_file_name(text, d->name);
}

static cairn_err take_hash(download *d, cairn_cbor_reader *reader)
{
    cairn_bytes hash;
    CAIRN_TRY(cairn_cbor_read_bytes(reader, "sha-384", 0, MODULE_SHA384_SIZE, &hash));
    if (hash.size != 0 && hash.size != MODULE_SHA384_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "fdo.download.sha-384: %zu bytes",
                          hash.size);
    memcpy(d->sha384, hash.data, hash.size);
    d->has_hash = hash.size != 0;
    return CAIRN_OK;
}

/* More of the file; true when all of it is there. */
static cairn_err add(download *d, cairn_bytes data, bool *ret_whole)
{
    if (d->name[0] == '\0')
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, "house", "fdo.download.name: not there");
    if (d->file.fd < 0)
        CAIRN_TRY(cairn_info_file_begin(&d->file, d->config->directory, d->name));
    if (d->file.size + data.size > d->length)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "fdo.download.data: more than its length");
    CAIRN_TRY(cairn_info_file_add(&d->file, data));
    *ret_whole = d->file.size == d->length;
    return CAIRN_OK;
}

/* What goes wrong with a file is the owner's to judge; the run goes on. */
static cairn_err take_data(download *d, cairn_cbor_reader *reader)
{
    cairn_bytes data;
    bool whole = false;
    CAIRN_TRY(cairn_cbor_read_bytes(reader, "data", 0, SIZE_MAX, &data));
    if (d->has_answer)
        return CAIRN_OK; /* the rest of a file that was given up */
    cairn_err err = add(d, data, &whole);
    if (err == CAIRN_OK && !whole)
        return CAIRN_OK;
    if (err == CAIRN_OK)
        err = cairn_info_file_end(&d->file,
                                  cairn_bytes_of(d->sha384, d->has_hash ? MODULE_SHA384_SIZE : 0));
    answer(d, err == CAIRN_OK ? (int64_t)d->length : -1);
    return CAIRN_OK;
}

static cairn_err take(void *context, cairn_bytes name, cairn_bytes value)
{
    download *d = context;
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_info_open(&reader, value, name_));
    if (cairn_info_is(name, "name"))
        return take_name(d, &reader);
    if (cairn_info_is(name, "length"))
        return cairn_cbor_read_uint(&reader, "length", 0, cairn_info_size_max(d->config),
                                    &d->length);
    if (cairn_info_is(name, "sha-384"))
        return take_hash(d, &reader);
    if (cairn_info_is(name, "data"))
        return take_data(d, &reader);
    return cairn_info_unknown(name_, name);
}

static cairn_err give(void *context, cairn_arena *arena, size_t room,
                      cairn_fdo_client_info *ret_info, bool *ret_given)
{
    download *d = context;
    *ret_given = d->has_answer && room > 9;
    if (!*ret_given)
        return CAIRN_OK;
    d->has_answer = false;
    ret_info->name = cairn_bytes_str("done");
    return cairn_info_int(arena, d->answer, &ret_info->value);
}

static cairn_err remove_file(void *context, const char *name)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(context, name, path));
    return cairn_file_remove(path);
}

/* Everything in the owner's directory, whichever module put it there. */
static cairn_err forget(void *context)
{
    const download *d = context;
    cairn_err err =
        cairn_dir_each(d->config->directory, remove_file, (void *)(uintptr_t)d->config->directory);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    return cairn_dir_sync(d->config->directory);
}

static void free_state(void *state)
{
    drop(state);
    free(state);
}

cairn_err cairn_info_download_open(const cairn_fdo_client_modules_config *config, module_slot *slot)
{
    download *d = calloc(1, sizeof *d);
    if (d == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "fdo.download");
    d->config = config;
    d->file.fd = -1;
    *slot = (module_slot){
        .module = {.name = name_,
                   .context = d,
                   .take = take,
                   .give = give,
                   .drop = drop,
                   .forget = forget},
        .free_state = free_state,
    };
    return CAIRN_OK;
}
