/* A device's keys and credentials as files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/crypto/key_file.h"
#include "core/crypto/secret.h"
#include "core/store/file.h"
#include "onboard/device/credential.h"

enum { NAME_SIZE_MAX = 64, SECRET_SIZE = 32, DIRECTORY_SIZE_MAX = CAIRN_PATH_SIZE_MAX - 128 };

struct cairn_fdo_client_files {
    int lock;
    char directory[CAIRN_PATH_SIZE_MAX];
    char keys[CAIRN_PATH_SIZE_MAX];
};

cairn_err cairn_fdo_client_files_open(const char *directory, cairn_fdo_client_files **ret_files)
{
    CAIRN_CLEANUP(cairn_fdo_client_files_free_p)
    cairn_fdo_client_files *files = calloc(1, sizeof *files);
    if (files == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "device: its files");
    files->lock = -1;
    if (strlen(directory) > DIRECTORY_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "device: path of %zu bytes",
                          strlen(directory));
    (void)snprintf(files->directory, sizeof files->directory, "%s", directory);
    CAIRN_TRY(cairn_path_join(directory, "keys", files->keys));
    CAIRN_TRY(cairn_dir_make(directory, 0700));
    CAIRN_TRY(cairn_dir_lock(directory, true, &files->lock));
    CAIRN_TRY(cairn_dir_make(files->keys, 0700));
    CAIRN_TRY(cairn_file_sweep(directory));
    CAIRN_TRY(cairn_file_sweep(files->keys));
    /* What a process that was killed renamed last may be seen, but not be there to stay. */
    CAIRN_TRY(cairn_dir_sync(files->keys));
    CAIRN_TRY(cairn_dir_sync(directory));
    *ret_files = CAIRN_STEAL(files);
    return CAIRN_OK;
}

void cairn_fdo_client_files_free(cairn_fdo_client_files *files)
{
    if (files == NULL)
        return;
    cairn_file_close(files->lock);
    free(files);
}

/* --- keys --- */

static bool is_name(const char *name)
{
    size_t size = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return size > 0 && size <= NAME_SIZE_MAX && name[size] == '\0' && name[0] != '.' &&
           name[0] != '-';
}

static cairn_err key_path(const cairn_fdo_client_files *files, const char *name,
                          char ret_path[CAIRN_PATH_SIZE_MAX])
{
    char file[NAME_SIZE_MAX + 8];
    if (!is_name(name))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "device: %s is no name for a key", name);
    (void)snprintf(file, sizeof file, "%s.pem", name);
    return cairn_path_join(files->keys, file, ret_path);
}

static cairn_err read_key(const cairn_fdo_client_files *files, const char *name,
                          cairn_key **ret_key)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(key_path(files, name, path));
    return cairn_key_file_read(path, ret_key);
}

static cairn_err public_of(const cairn_key *key, cairn_key **ret_public)
{
    return cairn_key_from_public(cairn_key_get_type(key), cairn_key_public(key), ret_public);
}

static cairn_err generate(void *context, const char *name, cairn_key_type type,
                          cairn_key **ret_public)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(key_path(context, name, path));
    cairn_err err = cairn_key_file_read(path, &key);
    if (err == CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "device: %s is there", path);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    CAIRN_TRY(cairn_key_generate(type, &key));
    CAIRN_TRY(cairn_key_file_write(path, key));
    return public_of(key, ret_public);
}

static cairn_err public_key(void *context, const char *name, cairn_key **ret_public)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(read_key(context, name, &key));
    return public_of(key, ret_public);
}

static cairn_err sign(void *context, const char *name, cairn_bytes message,
                      uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(read_key(context, name, &key));
    return cairn_key_sign(key, message, ret_signature, ret_size);
}

static cairn_err read_secret(const char *path, cairn_secret *secret)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    struct stat facts;
    CAIRN_TRY(cairn_file_open(path, O_RDONLY, 0, &fd));
    if (fstat(fd, &facts) != 0)
        return cairn_err_from_errno(errno, path);
    if ((facts.st_mode & 0177) != 0)
        return CAIRN_FAIL(CAIRN_ERR_PERMISSION, "house", "device: others may touch %s", path);
    CAIRN_TRY(cairn_file_read_at(fd, path, 0, secret->data, sizeof secret->data, &secret->size));
    if (secret->size != SECRET_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "device: %s has %zu bytes", path,
                          secret->size);
    return CAIRN_OK;
}

/* The secret is made once: another one would not open the device's voucher any more. */
static cairn_err find_secret(const cairn_fdo_client_files *files, cairn_secret *secret)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(files->keys, "secret", path));
    cairn_err err = read_secret(path, secret);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    CAIRN_TRY(cairn_secret_random(secret, SECRET_SIZE));
    bool renamed = false;
    err = cairn_file_replace(path, 0600, cairn_secret_view(secret), &renamed);
    if (err != CAIRN_OK && renamed) /* it might be gone after a power cut */
        (void)!cairn_file_remove(path);
    return err;
}

static cairn_err mac(void *context, int64_t alg, cairn_bytes message,
                     uint8_t ret_mac[CAIRN_FDO_CLIENT_MAC_SIZE_MAX])
{
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret secret = {0};
    cairn_fdo_hash hmac;
    CAIRN_TRY(find_secret(context, &secret));
    CAIRN_TRY(cairn_fdo_hmac_of(alg, cairn_secret_view(&secret), message, &hmac));
    memcpy(ret_mac, hmac.b, hmac.size);
    return CAIRN_OK;
}

static cairn_err remove_key(void *context, const char *name)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_fdo_client_files *files = context;
    CAIRN_TRY(key_path(files, name, path));
    CAIRN_TRY(cairn_file_remove(path));
    return cairn_dir_sync(files->keys);
}

cairn_fdo_client_keys cairn_fdo_client_files_keys(cairn_fdo_client_files *files)
{
    return (cairn_fdo_client_keys){.context = files,
                                   .generate = generate,
                                   .public_key = public_key,
                                   .sign = sign,
                                   .mac = mac,
                                   .remove = remove_key};
}

/* --- credentials --- */

static const char *const parts[] = {
    [CAIRN_FDO_CLIENT_SLOT_0] = "credential-0",
    [CAIRN_FDO_CLIENT_SLOT_1] = "credential-1",
    [CAIRN_FDO_CLIENT_FLAG] = "credential",
};

static cairn_err read_part(void *context, cairn_fdo_client_part part, cairn_arena *arena,
                           cairn_bytes *ret_data)
{
    const cairn_fdo_client_files *files = context;
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(files->directory, parts[part], path));
    return cairn_file_read(arena, path, CAIRN_FDO_CLIENT_CREDENTIAL_SIZE_MAX, ret_data);
}

static cairn_err write_part(void *context, cairn_fdo_client_part part, cairn_bytes data)
{
    const cairn_fdo_client_files *files = context;
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(files->directory, parts[part], path));
    return cairn_file_replace(path, 0600, data, NULL);
}

cairn_fdo_client_store cairn_fdo_client_files_store(cairn_fdo_client_files *files)
{
    return (cairn_fdo_client_store){.context = files, .read = read_part, .write = write_part};
}
