/* Epoch keys as files. Overwriting before unlinking helps on disks that write in place, and only
 * there: see docs/formats/vault.md. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "cairn/cbor.h"
#include "core/store/file.h"
#include "core/store/vault_gcm.h"
#include "core/store/vault_holder.h"

enum { KEY_FILE_SIZE_MAX = 128 };

static const char format[] = "cairn/vault-epoch/1";

typedef struct file_holder {
    cairn_vault_holder base;
    char directory[CAIRN_PATH_SIZE_MAX];
} file_holder;

void cairn_vault_epoch_aad(const cairn_vault_epoch *epoch,
                           uint8_t ret_aad[CAIRN_VAULT_EPOCH_AAD_SIZE])
{
    _Static_assert(sizeof format + 32 + 8 == CAIRN_VAULT_EPOCH_AAD_SIZE, "the NUL is part of it");
    memcpy(ret_aad, format, sizeof format);
    memcpy(ret_aad + sizeof format, epoch->vault.b, 32);
    cairn_put_u64(ret_aad + sizeof format + 32, epoch->number);
}

static cairn_err key_path(const cairn_vault_holder *holder, const cairn_vault_epoch *epoch,
                          char ret_path[CAIRN_PATH_SIZE_MAX])
{
    char name[32];
    (void)snprintf(name, sizeof name, "epoch-%016" PRIx64 ".key", epoch->number);
    return cairn_path_join(((const file_holder *)holder)->directory, name, ret_path);
}

static cairn_err create(cairn_vault_holder *holder, const cairn_vault_epoch *epoch)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(key_path(holder, epoch, path));
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret file = {0};
    CAIRN_TRY(cairn_secret_random(&key, CAIRN_VAULT_KEY_SIZE));
    cairn_cbor_writer writer;
    cairn_cbor_writer_init(&writer, file.data, sizeof file.data);
    cairn_cbor_put_array(&writer, 4);
    cairn_cbor_put_text(&writer, format);
    cairn_cbor_put_hash(&writer, &epoch->vault);
    cairn_cbor_put_uint(&writer, epoch->number);
    cairn_cbor_put_bytes(&writer, cairn_secret_view(&key));
    cairn_bytes encoded = {0};
    CAIRN_TRY(cairn_cbor_writer_end(&writer, &encoded));
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    CAIRN_TRY(cairn_file_open(path, O_WRONLY | O_CREAT | O_EXCL, 0600, &fd));
    CAIRN_TRY(cairn_file_write(fd, path, encoded));
    CAIRN_TRY(cairn_file_sync(fd, path));
    return cairn_dir_sync_parent(path);
}

static cairn_err exists(cairn_vault_holder *holder, const cairn_vault_epoch *epoch,
                        bool *ret_exists)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(key_path(holder, epoch, path));
    int fd = -1;
    cairn_err err = cairn_file_open(path, O_RDONLY, 0, &fd);
    if (err == CAIRN_OK)
        cairn_file_close(fd);
    else if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    *ret_exists = err == CAIRN_OK;
    return CAIRN_OK;
}

/* A whole key file: whose it is, and the key. */
static cairn_err parse(cairn_bytes file, cairn_vault_epoch *ret_epoch, cairn_secret *ret_key)
{
    cairn_cbor_reader reader;
    cairn_vault_epoch epoch = {0};
    size_t count = 0;
    cairn_bytes key = {0};
    CAIRN_TRY(cairn_cbor_open(&reader, file, CAIRN_CBOR_STRICT, "vault epoch key",
                              "docs/formats/vault.md"));
    CAIRN_TRY(cairn_cbor_read_array(&reader, "file", 4, 4, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&reader, format));
    CAIRN_TRY(cairn_cbor_read_hash(&reader, "vault", &epoch.vault));
    CAIRN_TRY(cairn_cbor_read_uint(&reader, "epoch", 1, UINT64_MAX, &epoch.number));
    CAIRN_TRY(
        cairn_cbor_read_bytes(&reader, "key", CAIRN_VAULT_KEY_SIZE, CAIRN_VAULT_KEY_SIZE, &key));
    CAIRN_TRY(cairn_cbor_end(&reader));
    *ret_epoch = epoch;
    return cairn_secret_set(ret_key, key);
}

static cairn_err not_ours(const char *path)
{
    return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/vault.md",
                      "vault epoch key: %s is another vault's or epoch's", path);
}

/* Reads a key file that nobody else can read. */
static cairn_err read_file(const char *path, cairn_secret *ret_file)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    CAIRN_TRY(cairn_file_open(path, O_RDONLY, 0, &fd));
    struct stat status;
    if (fstat(fd, &status) != 0 || (status.st_mode & 077) != 0)
        return CAIRN_FAIL(CAIRN_ERR_PERMISSION, "house", "%s: others than its owner may read it",
                          path);
    _Static_assert(sizeof ret_file->data == KEY_FILE_SIZE_MAX, "a key file fits a secret");
    return cairn_file_read_at(fd, path, 0, ret_file->data, sizeof ret_file->data, &ret_file->size);
}

static cairn_err load(const cairn_vault_holder *holder, const cairn_vault_epoch *epoch,
                      cairn_secret *ret_key)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(key_path(holder, epoch, path));
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret file = {0};
    cairn_vault_epoch found = {0};
    CAIRN_TRY(read_file(path, &file));
    CAIRN_TRY(parse(cairn_secret_view(&file), &found, ret_key));
    if (!cairn_hash_equal(&found.vault, &epoch->vault) || found.number != epoch->number)
        return not_ours(path);
    return CAIRN_OK;
}

static cairn_err wrap(cairn_vault_holder *holder, const cairn_vault_epoch *epoch, cairn_bytes key,
                      uint8_t ret_wrapped[CAIRN_VAULT_WRAPPED_SIZE])
{
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret epoch_key = {0};
    CAIRN_TRY(load(holder, epoch, &epoch_key));
    uint8_t aad[CAIRN_VAULT_EPOCH_AAD_SIZE];
    cairn_vault_epoch_aad(epoch, aad);
    if (RAND_bytes(ret_wrapped, VAULT_NONCE_SIZE) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "vault: no random bytes");
    CAIRN_CLEANUP(cairn_vault_gcm_done) cairn_vault_gcm gcm = {0};
    CAIRN_TRY(cairn_vault_gcm_init(&gcm, true, cairn_secret_view(&epoch_key)));
    return cairn_vault_gcm_seal(&gcm, ret_wrapped, cairn_bytes_of(aad, sizeof aad), key,
                                ret_wrapped + VAULT_NONCE_SIZE);
}

static cairn_err unwrap(cairn_vault_holder *holder, const cairn_vault_epoch *epoch,
                        const uint8_t wrapped[CAIRN_VAULT_WRAPPED_SIZE], cairn_secret *ret_key)
{
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret epoch_key = {0};
    CAIRN_TRY(load(holder, epoch, &epoch_key));
    uint8_t aad[CAIRN_VAULT_EPOCH_AAD_SIZE];
    cairn_vault_epoch_aad(epoch, aad);
    CAIRN_CLEANUP(cairn_vault_gcm_done) cairn_vault_gcm gcm = {0};
    CAIRN_TRY(cairn_vault_gcm_init(&gcm, false, cairn_secret_view(&epoch_key)));
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {.size = CAIRN_VAULT_KEY_SIZE};
    CAIRN_TRY(cairn_vault_gcm_open(
        &gcm, wrapped, cairn_bytes_of(aad, sizeof aad),
        cairn_bytes_of(wrapped + VAULT_NONCE_SIZE, CAIRN_VAULT_WRAPPED_SIZE - VAULT_NONCE_SIZE),
        key.data));
    *ret_key = key;
    return CAIRN_OK;
}

/* Refuses a whole key of another vault, which somebody pointed to the same directory. One that is
 * half made or half destroyed is of no use to anybody. */
static cairn_err check_ours(const char *path, const cairn_vault_epoch *epoch)
{
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret file = {0};
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    cairn_vault_epoch found = {0};
    CAIRN_TRY(read_file(path, &file));
    if (parse(cairn_secret_view(&file), &found, &key) == CAIRN_OK &&
        !cairn_hash_equal(&found.vault, &epoch->vault))
        return not_ours(path);
    return CAIRN_OK;
}

static cairn_err overwrite(const char *path)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    uint8_t noise[KEY_FILE_SIZE_MAX];
    uint64_t size = 0;
    CAIRN_TRY(cairn_file_open(path, O_WRONLY, 0, &fd));
    CAIRN_TRY(cairn_file_size(fd, path, &size));
    if (RAND_bytes(noise, sizeof noise) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "vault: no random bytes");
    if (size > sizeof noise)
        size = sizeof noise;
    CAIRN_TRY(cairn_file_write_at(fd, path, 0, cairn_bytes_of(noise, (size_t)size)));
    return cairn_file_sync(fd, path);
}

static cairn_err destroy(cairn_vault_holder *holder, const cairn_vault_epoch *epoch)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(key_path(holder, epoch, path));
    cairn_err err = check_ours(path, epoch);
    if (err == CAIRN_OK)
        err = overwrite(path);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    CAIRN_TRY(cairn_file_remove(path));
    /* Also when it is gone already: the unlink may not have been synced. */
    return cairn_dir_sync_parent(path);
}

static void free_holder(cairn_vault_holder *holder)
{
    free(holder);
}

cairn_err cairn_vault_holder_open_files(const char *directory, cairn_vault_holder **ret_holder)
{
    static const cairn_vault_holder_ops ops = {create, exists, wrap, unwrap, destroy, free_holder};
    if (strlen(directory) >= CAIRN_PATH_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "vault holder: path");
    CAIRN_TRY(cairn_dir_make(directory, 0700));
    file_holder *holder = calloc(1, sizeof *holder);
    if (holder == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "vault holder");
    holder->base.ops = &ops;
    memcpy(holder->directory, directory, strlen(directory) + 1);
    *ret_holder = &holder->base;
    return CAIRN_OK;
}

void cairn_vault_holder_free(cairn_vault_holder *holder)
{
    if (holder != NULL)
        holder->ops->free(holder);
}
