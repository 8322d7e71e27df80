/* The modules that are offered, and what they share. */
#include "onboard/device/modules.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/crypto/openssl.h"

enum { FILE_SIZE_DEFAULT = 64 << 20 };

struct cairn_fdo_client_modules {
    const cairn_fdo_client_modules_config *config;
    size_t count;
    module_slot slots[MODULES_MAX];
    const cairn_fdo_client_module *list[MODULES_MAX];
};

uint64_t cairn_info_size_max(const cairn_fdo_client_modules_config *config)
{
    return config->file_size_max == 0 ? FILE_SIZE_DEFAULT : config->file_size_max;
}

/* --- values --- */

cairn_err cairn_info_open(cairn_cbor_reader *reader, cairn_bytes value, const char *module)
{
    return cairn_cbor_open(reader, value, CAIRN_CBOR_FOREIGN, module, "FDO 1.1, 3.8");
}

cairn_err cairn_info_unknown(const char *module, cairn_bytes name)
{
    return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, "FDO 1.1, 3.8", "%s: no message %.*s", module,
                      (int)name.size, (const char *)name.data);
}

static void put_int(cairn_cbor_writer *writer, const void *context)
{
    cairn_cbor_put_int(writer, *(const int64_t *)context);
}

cairn_err cairn_info_int(cairn_arena *arena, int64_t number, cairn_bytes *ret_value)
{
    return cairn_fdo_encode(arena, put_int, &number, ret_value);
}

static void put_bytes(cairn_cbor_writer *writer, const void *context)
{
    cairn_cbor_put_bytes(writer, *(const cairn_bytes *)context);
}

cairn_err cairn_info_bytes(cairn_arena *arena, cairn_bytes bytes, cairn_bytes *ret_value)
{
    return cairn_fdo_encode(arena, put_bytes, &bytes, ret_value);
}

static void put_text(cairn_cbor_writer *writer, const void *context)
{
    cairn_cbor_put_text(writer, context);
}

cairn_err cairn_info_text(cairn_arena *arena, const char *text, cairn_bytes *ret_value)
{
    return cairn_fdo_encode(arena, put_text, text, ret_value);
}

/* --- files --- */

cairn_err cairn_info_file_name(cairn_bytes text, char ret_name[MODULE_FILE_NAME_MAX + 1])
{
    const uint8_t *slash = memrchr(text.data, '/', text.size);
    if (slash != NULL)
        text = cairn_bytes_of(slash + 1, text.size - (size_t)(slash + 1 - text.data));
    bool good = text.size > 0 && text.size <= MODULE_FILE_NAME_MAX && text.data[0] != '.';
    for (size_t i = 0; good && i < text.size; i++)
        good = text.data[i] >= 0x20 && text.data[i] != 0x7f && text.data[i] != '\\';
    if (!good)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "file: its name may not be used");
    memcpy(ret_name, text.data, text.size);
    ret_name[text.size] = '\0';
    return CAIRN_OK;
}

cairn_err cairn_info_hash_new(EVP_MD_CTX **ret_hash)
{
    const cairn_openssl *openssl = NULL;
    CAIRN_TRY(cairn_openssl_get(&openssl));
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    if (hash == NULL || EVP_DigestInit_ex2(hash, openssl->sha384, NULL) != 1) {
        EVP_MD_CTX_free(hash);
        return cairn_openssl_fail("SHA-384");
    }
    *ret_hash = hash;
    return CAIRN_OK;
}

cairn_err cairn_info_hash_end(EVP_MD_CTX *hash, uint8_t ret_digest[MODULE_SHA384_SIZE])
{
    return EVP_DigestFinal_ex(hash, ret_digest, NULL) == 1 ? CAIRN_OK
                                                           : cairn_openssl_fail("SHA-384");
}

cairn_err cairn_info_file_begin(module_file *file, const char *directory, const char *name)
{
    cairn_info_file_drop(file);
    CAIRN_TRY(cairn_dir_make(directory, 0700));
    CAIRN_TRY(cairn_path_join(directory, name, file->path));
    CAIRN_TRY(cairn_info_hash_new(&file->hash));
    file->size = 0;
    return cairn_file_beside(file->path, 0600, file->temporary, &file->fd);
}

cairn_err cairn_info_file_add(module_file *file, cairn_bytes data)
{
    if (EVP_DigestUpdate(file->hash, data.data, data.size) != 1)
        return cairn_openssl_fail("SHA-384");
    file->size += data.size;
    return cairn_file_write(file->fd, file->path, data);
}

cairn_err cairn_info_file_end(module_file *file, cairn_bytes sha384)
{
    uint8_t digest[MODULE_SHA384_SIZE];
    CAIRN_TRY(cairn_info_hash_end(file->hash, digest));
    if (sha384.size != 0 && !cairn_bytes_equal(sha384, cairn_bytes_of(digest, sizeof digest)))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "%s: its hash is another", file->path);
    CAIRN_TRY(cairn_file_sync(file->fd, file->path));
    CAIRN_TRY(cairn_file_rename(file->temporary, file->path));
    cairn_file_close(file->fd);
    file->fd = -1;
    return cairn_dir_sync_parent(file->path);
}

void cairn_info_file_drop(module_file *file)
{
    if (file->fd >= 0) {
        cairn_file_close(file->fd);
        (void)!cairn_file_remove(file->temporary);
    }
    file->fd = -1;
    EVP_MD_CTX_free(file->hash);
    file->hash = NULL;
}

/* --- all of them --- */

typedef cairn_err (*open_fn)(const cairn_fdo_client_modules_config *config, module_slot *slot);

static cairn_err add(cairn_fdo_client_modules *modules, bool wanted, open_fn open)
{
    module_slot *slot = &modules->slots[modules->count];
    if (!wanted)
        return CAIRN_OK;
    CAIRN_TRY(open(modules->config, slot));
    modules->list[modules->count++] = &slot->module;
    return CAIRN_OK;
}

static cairn_err add_join(cairn_fdo_client_modules *modules)
{
    size_t first = modules->count;
    cairn_err err =
        modules->config->join->modules->add(modules->config, modules->slots, &modules->count);
    for (size_t i = first; i < modules->count; i++)
        modules->list[i] = &modules->slots[i].module;
    return err;
}

cairn_err cairn_fdo_client_modules_open(const cairn_fdo_client_modules_config *config,
                                        cairn_fdo_client_modules **ret_modules)
{
    CAIRN_CLEANUP(cairn_fdo_client_modules_free_p)
    cairn_fdo_client_modules *modules = calloc(1, sizeof *modules);
    if (modules == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "device: its modules");
    modules->config = config;
    CAIRN_TRY(add(modules, config->directory != NULL, cairn_info_download_open));
    CAIRN_TRY(add(modules, config->upload_from != NULL, cairn_info_upload_open));
    CAIRN_TRY(
        add(modules, config->directory != NULL && config->fetch != NULL, cairn_info_wget_open));
    CAIRN_TRY(add(modules, config->command, cairn_info_command_open));
    CAIRN_TRY(
        add(modules, config->directory != NULL && config->key_name_count > 0, cairn_info_csr_open));
    if (config->directory != NULL && config->join != NULL)
        CAIRN_TRY(add_join(modules));
    *ret_modules = CAIRN_STEAL(modules);
    return CAIRN_OK;
}

void cairn_fdo_client_modules_free(cairn_fdo_client_modules *modules)
{
    if (modules == NULL)
        return;
    for (size_t i = 0; i < modules->count; i++)
        modules->slots[i].free_state(modules->slots[i].module.context);
    free(modules);
}

const cairn_fdo_client_module *const *
cairn_fdo_client_modules_list(const cairn_fdo_client_modules *modules, size_t *ret_count)
{
    *ret_count = modules->count;
    return modules->list;
}
