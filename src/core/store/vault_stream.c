/* Objects in and out of the vault, a chunk at a time. */
#include <fcntl.h>
#include <stdlib.h>

#include <openssl/rand.h>

#include "cairn/sha256.h"
#include "core/store/vault_object.h"

struct cairn_vault_put {
    cairn_vault *vault;
    cairn_hash subject;
    cairn_vault_chunks chunks;
    cairn_sha256 sha;
    int fd;
    char path[CAIRN_PATH_SIZE_MAX]; /* in tmp/; empty once it is gone from there */
    bool broken;                    /* failed, or ended */
    size_t pending_size;
    uint8_t pending[VAULT_CHUNK_SIZE]; /* plaintext that may yet be the last chunk */
    uint8_t sealed[VAULT_SEALED_SIZE];
};

struct cairn_vault_get {
    cairn_vault *vault;
    cairn_hash subject;
    cairn_hash address;
    cairn_vault_chunks chunks;
    cairn_sha256 sha;
    int fd;
    char path[CAIRN_PATH_SIZE_MAX];
    uint64_t offset;
    uint64_t size;
    uint64_t erasures; /* of the vault when the subject was last known to be there */
    cairn_err err;     /* what ended it */
    uint8_t sealed[VAULT_SEALED_SIZE];
    uint8_t plain[VAULT_CHUNK_SIZE];
};

cairn_err cairn_vault_object_path(const cairn_vault *vault, const cairn_hash *address,
                                  char ret_path[CAIRN_PATH_SIZE_MAX])
{
    char hex[2 * sizeof address->b + 1];
    char name[sizeof "objects/" + sizeof hex + 1] = "objects/";
    cairn_hex_encode(cairn_bytes_hash(address), hex);
    char *at = name + sizeof "objects/" - 1;
    memcpy(at, hex, 2);
    at[2] = '/';
    memcpy(at + 3, hex + 2, sizeof hex - 2);
    return cairn_path_join(vault->directory, name, ret_path);
}

cairn_err cairn_vault_folder(cairn_vault *vault, uint8_t folder)
{
    char hex[3];
    char name[sizeof "objects/" + sizeof hex] = "objects/";
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_hex_encode(cairn_bytes_of(&folder, 1), hex);
    memcpy(name + sizeof "objects/" - 1, hex, sizeof hex);
    CAIRN_TRY(cairn_path_join(vault->directory, name, path));
    pthread_mutex_lock(&vault->mutex);
    cairn_err err = CAIRN_OK;
    if (!vault->folders[folder])
        err = cairn_dir_make(path, 0700);
    vault->folders[folder] = err == CAIRN_OK;
    pthread_mutex_unlock(&vault->mutex);
    return err;
}

/* A file in tmp/ under a name that nobody else has. */
static cairn_err open_unfinished(cairn_vault_put *put)
{
    uint8_t random[16];
    char hex[2 * sizeof random + 1];
    char name[sizeof "tmp/" + sizeof hex] = "tmp/";
    if (RAND_bytes(random, sizeof random) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "vault: no random bytes");
    cairn_hex_encode(cairn_bytes_of(random, sizeof random), hex);
    memcpy(name + sizeof "tmp/" - 1, hex, sizeof hex);
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(put->vault->directory, name, path));
    CAIRN_TRY(cairn_file_open(path, O_WRONLY | O_CREAT | O_EXCL, 0600, &put->fd));
    memcpy(put->path, path, sizeof path);
    return CAIRN_OK;
}

/* Writes, and hashes for the address. */
static cairn_err emit(cairn_vault_put *put, cairn_bytes bytes)
{
    CAIRN_TRY(cairn_file_write(put->fd, put->path, bytes));
    cairn_sha256_update(&put->sha, bytes.data, bytes.size);
    return CAIRN_OK;
}

static cairn_err begin(cairn_vault_put *put)
{
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    CAIRN_TRY(cairn_vault_add(put->vault, &put->subject, 1));
    CAIRN_TRY(cairn_vault_key(put->vault, &put->subject, &key));
    CAIRN_TRY(cairn_vault_chunks_new_header(&put->chunks));
    CAIRN_TRY(cairn_vault_chunks_init(&put->chunks, put->vault->hkdf, true,
                                      &put->vault->keyring.epoch.vault, &put->subject,
                                      cairn_secret_view(&key)));
    CAIRN_TRY(open_unfinished(put));
    return emit(put, cairn_bytes_of(put->chunks.header, sizeof put->chunks.header));
}

cairn_err cairn_vault_put_begin(cairn_vault *vault, const cairn_hash *subject,
                                cairn_vault_put **ret_put)
{
    CAIRN_CLEANUP(cairn_vault_put_free_p) cairn_vault_put *put = calloc(1, sizeof *put);
    if (put == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "vault: stream");
    put->vault = vault;
    put->subject = *subject;
    put->fd = -1;
    cairn_sha256_init(&put->sha);
    CAIRN_TRY(begin(put));
    *ret_put = CAIRN_STEAL(put);
    return CAIRN_OK;
}

static cairn_err emit_chunk(cairn_vault_put *put, bool last, cairn_bytes data)
{
    CAIRN_TRY(cairn_vault_chunks_seal(&put->chunks, last, data, put->sealed));
    return emit(put, cairn_bytes_of(put->sealed, data.size + VAULT_TAG_SIZE));
}

/* A chunk goes out once it is known not to be the last: when more follows it. */
static cairn_err write_all(cairn_vault_put *put, cairn_bytes data)
{
    while (data.size > 0) {
        if (put->pending_size == VAULT_CHUNK_SIZE) {
            CAIRN_TRY(emit_chunk(put, false, cairn_bytes_of(put->pending, VAULT_CHUNK_SIZE)));
            put->pending_size = 0;
        }
        size_t part = VAULT_CHUNK_SIZE - put->pending_size;
        if (part == VAULT_CHUNK_SIZE && data.size > VAULT_CHUNK_SIZE) {
            CAIRN_TRY(emit_chunk(put, false, cairn_bytes_of(data.data, part)));
        } else {
            if (part > data.size)
                part = data.size;
            memcpy(put->pending + put->pending_size, data.data, part);
            put->pending_size += part;
        }
        data = cairn_bytes_of(data.data + part, data.size - part);
    }
    return CAIRN_OK;
}

static cairn_err check_usable(const cairn_vault_put *put)
{
    if (put->broken)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, "house", "vault: stream has ended or failed");
    return CAIRN_OK;
}

cairn_err cairn_vault_put_write(cairn_vault_put *put, cairn_bytes data)
{
    CAIRN_TRY(check_usable(put));
    cairn_err err = write_all(put, data);
    put->broken = err != CAIRN_OK;
    return err;
}

/* Gives the finished file its name. */
static cairn_err publish(cairn_vault_put *put, const cairn_hash *address)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_vault_object_path(put->vault, address, path));
    CAIRN_TRY(cairn_vault_folder(put->vault, address->b[0]));
    CAIRN_TRY(cairn_file_rename(put->path, path));
    put->path[0] = '\0';
    return cairn_dir_sync_parent(path);
}

cairn_err cairn_vault_put_end(cairn_vault_put *put, cairn_hash *ret_address)
{
    CAIRN_TRY(check_usable(put));
    put->broken = true;
    CAIRN_TRY(emit_chunk(put, true, cairn_bytes_of(put->pending, put->pending_size)));
    CAIRN_TRY(cairn_file_sync(put->fd, put->path));
    /* An object that is erased right after this is bytes without a key, like any other. */
    CAIRN_TRY(cairn_vault_check(put->vault, &put->subject));
    cairn_hash address;
    cairn_sha256_final(&put->sha, &address);
    CAIRN_TRY(publish(put, &address));
    *ret_address = address;
    return CAIRN_OK;
}

void cairn_vault_put_free(cairn_vault_put *put)
{
    if (put == NULL)
        return;
    cairn_file_close(put->fd);
    if (put->path[0] != '\0' && cairn_file_remove(put->path) != CAIRN_OK)
        cairn_err_clear(); /* the next open removes it */
    cairn_vault_chunks_done(&put->chunks);
    cairn_wipe(put->pending, sizeof put->pending);
    free(put);
}

/* Exactly `size` bytes at the stream's offset, hashed for the address. */
static cairn_err absorb(cairn_vault_get *get, uint8_t *out, size_t size)
{
    size_t got = 0;
    CAIRN_TRY(cairn_file_read_at(get->fd, get->path, get->offset, out, size, &got));
    if (got < size)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, "docs/formats/vault.md", "vault object: %s",
                          get->path);
    cairn_sha256_update(&get->sha, out, size);
    get->offset += size;
    return CAIRN_OK;
}

static cairn_err open_object(cairn_vault_get *get)
{
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    get->erasures = get->vault->erasures;
    CAIRN_TRY(cairn_vault_key(get->vault, &get->subject, &key));
    CAIRN_TRY(cairn_vault_object_path(get->vault, &get->address, get->path));
    CAIRN_TRY(cairn_file_open(get->path, O_RDONLY, 0, &get->fd));
    CAIRN_TRY(cairn_file_size(get->fd, get->path, &get->size));
    CAIRN_TRY(absorb(get, get->chunks.header, sizeof get->chunks.header));
    CAIRN_TRY(cairn_vault_chunks_check_header(&get->chunks));
    return cairn_vault_chunks_init(&get->chunks, get->vault->hkdf, false,
                                   &get->vault->keyring.epoch.vault, &get->subject,
                                   cairn_secret_view(&key));
}

cairn_err cairn_vault_get_open(cairn_vault *vault, const cairn_hash *subject,
                               const cairn_hash *address, cairn_vault_get **ret_get)
{
    CAIRN_CLEANUP(cairn_vault_get_free_p) cairn_vault_get *get = calloc(1, sizeof *get);
    if (get == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "vault: stream");
    get->vault = vault;
    get->subject = *subject;
    get->address = *address;
    get->fd = -1;
    cairn_sha256_init(&get->sha);
    CAIRN_TRY(open_object(get));
    *ret_get = CAIRN_STEAL(get);
    return CAIRN_OK;
}

/* A subject that is erased while somebody reads is read no further. */
static cairn_err check_still_there(cairn_vault_get *get)
{
    uint64_t erasures = get->vault->erasures;
    if (erasures == get->erasures)
        return CAIRN_OK;
    CAIRN_TRY(cairn_vault_check(get->vault, &get->subject));
    get->erasures = erasures;
    return CAIRN_OK;
}

static cairn_err check_address(cairn_vault_get *get)
{
    cairn_hash address;
    cairn_sha256_final(&get->sha, &address);
    if (!cairn_hash_equal(&address, &get->address))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "docs/formats/vault.md",
                          "vault object: %s is another object", get->path);
    return CAIRN_OK;
}

static cairn_err next_chunk(cairn_vault_get *get, cairn_bytes *ret_chunk)
{
    CAIRN_TRY(check_still_there(get));
    uint64_t left = get->size - get->offset;
    bool last = left <= VAULT_SEALED_SIZE;
    size_t size = last ? (size_t)left : VAULT_SEALED_SIZE;
    if (size < VAULT_TAG_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, "docs/formats/vault.md", "vault object: %s",
                          get->path);
    CAIRN_TRY(absorb(get, get->sealed, size));
    CAIRN_TRY(
        cairn_vault_chunks_open(&get->chunks, last, cairn_bytes_of(get->sealed, size), get->plain));
    if (last)
        CAIRN_TRY(check_address(get));
    *ret_chunk = cairn_bytes_of(get->plain, size - VAULT_TAG_SIZE);
    return CAIRN_OK;
}

cairn_err cairn_vault_get_next(cairn_vault_get *get, cairn_bytes *ret_chunk)
{
    if (get->err != CAIRN_OK)
        return CAIRN_FAIL(get->err, "house", "vault: stream has failed");
    if (get->offset == get->size && get->chunks.index > 0) {
        *ret_chunk = cairn_bytes_of(NULL, 0);
        return CAIRN_OK;
    }
    get->err = next_chunk(get, ret_chunk);
    if (get->err != CAIRN_OK)
        cairn_wipe(get->plain, sizeof get->plain);
    return get->err;
}

void cairn_vault_get_free(cairn_vault_get *get)
{
    if (get == NULL)
        return;
    cairn_file_close(get->fd);
    cairn_vault_chunks_done(&get->chunks);
    cairn_wipe(get->plain, sizeof get->plain);
    free(get);
}

cairn_err cairn_vault_verify(cairn_vault *vault, const cairn_hash *address)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    CAIRN_TRY(cairn_vault_object_path(vault, address, path));
    CAIRN_TRY(cairn_file_open(path, O_RDONLY, 0, &fd));
    uint8_t buffer[VAULT_CHUNK_SIZE];
    size_t got = sizeof buffer;
    cairn_sha256 sha;
    cairn_sha256_init(&sha);
    for (uint64_t offset = 0; got == sizeof buffer; offset += got) {
        CAIRN_TRY(cairn_file_read_at(fd, path, offset, buffer, sizeof buffer, &got));
        cairn_sha256_update(&sha, buffer, got);
    }
    cairn_hash hash;
    cairn_sha256_final(&sha, &hash);
    if (!cairn_hash_equal(&hash, address))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "docs/formats/vault.md",
                          "vault object: %s is another object", path);
    return CAIRN_OK;
}

cairn_err cairn_vault_remove(cairn_vault *vault, const cairn_hash *address)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_vault_object_path(vault, address, path));
    CAIRN_TRY(cairn_vault_folder(vault, address->b[0]));
    CAIRN_TRY(cairn_file_remove(path));
    return cairn_dir_sync_parent(path);
}
