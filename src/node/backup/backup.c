/* Writing a backup. */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cairn/sha256.h"
#include "core/crypto/openssl.h"
#include "core/store/file.h"
#include "node/backup/backup_impl.h"

typedef struct writer {
    const char *directory;
    int fd;
    const char *name;
    EVP_MD_CTX *all; /* over everything that was written */
    uint8_t *chunk;  /* CAIRN_BACKUP_CHUNK_SIZE_MAX bytes */
    bool with_keys;
    cairn_secret key;
    cairn_backup_facts facts;
} writer;

static cairn_err put(writer *w, const void *data, size_t size)
{
    if (EVP_DigestUpdate(w->all, data, size) != 1)
        return cairn_openssl_fail("backup: digest");
    w->facts.size += size;
    return cairn_file_write(w->fd, w->name, cairn_bytes_of(data, size));
}

static cairn_err put_head(writer *w, uint8_t kind, const char *path)
{
    uint8_t head[3] = {kind};
    cairn_put_u16(head + 1, (uint16_t)strlen(path));
    CAIRN_TRY(put(w, head, sizeof head));
    w->facts.file_count++;
    return put(w, path, strlen(path));
}

static cairn_err put_chunk(writer *w, size_t size)
{
    uint8_t head[4];
    cairn_put_u32(head, (uint32_t)size);
    CAIRN_TRY(put(w, head, sizeof head));
    return put(w, w->chunk, size);
}

/* What is in the file now; what is appended meanwhile is another backup's. */
static cairn_err put_content(writer *w, int fd, const char *name)
{
    uint64_t size = 0;
    cairn_hash hash;
    EVP_MD_CTX *one = EVP_MD_CTX_new();
    cairn_err err = cairn_file_size(fd, name, &size);
    if (err == CAIRN_OK && (one == NULL || EVP_DigestInit_ex(one, EVP_sha256(), NULL) != 1))
        err = cairn_openssl_fail("backup: digest");
    for (uint64_t at = 0; err == CAIRN_OK && at < size;) {
        uint64_t left = size - at;
        size_t want =
            left < CAIRN_BACKUP_CHUNK_SIZE_MAX ? (size_t)left : (size_t)CAIRN_BACKUP_CHUNK_SIZE_MAX;
        size_t got = 0;
        err = cairn_file_read_at(fd, name, at, w->chunk, want, &got);
        if (err == CAIRN_OK && got == 0)
            err = CAIRN_FAIL(CAIRN_ERR_CHANGED, "house", "%s: has become shorter", name);
        if (err == CAIRN_OK && EVP_DigestUpdate(one, w->chunk, got) != 1)
            err = cairn_openssl_fail("backup: digest");
        if (err == CAIRN_OK)
            err = put_chunk(w, got);
        at += got;
    }
    if (err == CAIRN_OK)
        err = put_chunk(w, 0);
    if (err == CAIRN_OK && EVP_DigestFinal_ex(one, hash.b, NULL) != 1)
        err = cairn_openssl_fail("backup: digest");
    EVP_MD_CTX_free(one);
    return err == CAIRN_OK ? put(w, hash.b, sizeof hash.b) : err;
}

static cairn_err put_file(writer *w, const char *path)
{
    char full[CAIRN_PATH_SIZE_MAX];
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    CAIRN_TRY(cairn_path_join(w->directory, path, full));
    cairn_err err = cairn_file_open(full, O_RDONLY, 0, &fd);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK; /* it is not in every directory, or went meanwhile */
    CAIRN_TRY(err);
    CAIRN_TRY(put_head(w, CAIRN_BACKUP_FILE, path));
    return put_content(w, fd, full);
}

static cairn_err put_secret(writer *w, const char *path)
{
    char full[CAIRN_PATH_SIZE_MAX];
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_bytes plain;
    cairn_hash hash;
    cairn_arena_init(&arena, 2 * CAIRN_BACKUP_SECRET_SIZE_MAX);
    CAIRN_TRY(cairn_path_join(w->directory, path, full));
    CAIRN_TRY(cairn_file_read(&arena, full, CAIRN_BACKUP_SECRET_SIZE_MAX, &plain));
    size_t size = plain.size + CAIRN_BACKUP_NONCE_SIZE + CAIRN_BACKUP_TAG_SIZE;
    cairn_err err = cairn_backup_seal(&w->key, cairn_bytes_str(path), plain, w->chunk);
    OPENSSL_cleanse((void *)(uintptr_t)plain.data, plain.size);
    CAIRN_TRY(err);
    const cairn_bytes sealed = cairn_bytes_of(w->chunk, size);
    cairn_sha256_parts(&sealed, 1, &hash);
    CAIRN_TRY(put_head(w, CAIRN_BACKUP_SECRET, path));
    CAIRN_TRY(put_chunk(w, size));
    CAIRN_TRY(put_chunk(w, 0));
    return put(w, hash.b, sizeof hash.b);
}

/* --- folders --- */

typedef struct walk {
    writer *w;
    const char *folder;
    cairn_err (*put)(writer *w, const char *path);
} walk;

static cairn_err put_tree(writer *w, const char *folder,
                          cairn_err (*put_one)(writer *w, const char *path));

static cairn_err put_entry(void *context, const char *name)
{
    const walk *k = context;
    char path[CAIRN_PATH_SIZE_MAX];
    char full[CAIRN_PATH_SIZE_MAX];
    struct stat info;
    size_t size = strlen(name);
    if (size > 4 && strcmp(name + size - 4, ".tmp") == 0)
        return CAIRN_OK;
    CAIRN_TRY(cairn_path_join(k->folder, name, path));
    CAIRN_TRY(cairn_path_join(k->w->directory, path, full));
    if (strlen(path) >= CAIRN_BACKUP_PATH_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "backup: path of %zu bytes", strlen(path));
    if (lstat(full, &info) != 0) /* it may have gone meanwhile */
        return errno == ENOENT ? CAIRN_OK : cairn_err_from_errno(errno, full);
    if (S_ISDIR(info.st_mode))
        return put_tree(k->w, path, k->put);
    return S_ISREG(info.st_mode) ? k->put(k->w, path) : CAIRN_OK;
}

static cairn_err put_tree(writer *w, const char *folder,
                          cairn_err (*put_one)(writer *w, const char *path))
{
    char full[CAIRN_PATH_SIZE_MAX];
    const walk k = {.w = w, .folder = folder, .put = put_one};
    CAIRN_TRY(cairn_path_join(w->directory, folder, full));
    cairn_err err = cairn_dir_each(full, put_entry, (void *)(uintptr_t)&k);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

/* An LMDB environment as of one transaction, compacted on its way. */
static cairn_err copy_environment(const char *directory, int fd)
{
    MDB_env *env = NULL;
    int failed = mdb_env_create(&env);
    if (failed == 0)
        failed = mdb_env_open(env, directory, MDB_RDONLY, 0600);
    if (failed == 0)
        failed = mdb_env_copyfd2(env, fd, MDB_CP_COMPACT);
    mdb_env_close(env);
    if (failed == 0)
        return CAIRN_OK;
    return failed > 0
               ? cairn_err_from_errno(failed, directory)
               : CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "%s: %s", directory, mdb_strerror(failed));
}

static cairn_err put_environment(writer *w, const char *folder)
{
    char full[CAIRN_PATH_SIZE_MAX];
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(w->directory, folder, full));
    CAIRN_TRY(cairn_path_join(full, "data.mdb", path));
    if (access(path, F_OK) != 0)
        return errno == ENOENT ? CAIRN_OK : cairn_err_from_errno(errno, path);
    FILE *room = tmpfile();
    if (room == NULL)
        return cairn_err_from_errno(errno, "backup: temporary file");
    cairn_err err = copy_environment(full, fileno(room));
    if (err == CAIRN_OK)
        err = cairn_path_join(folder, "data.mdb", path);
    if (err == CAIRN_OK)
        err = put_head(w, CAIRN_BACKUP_FILE, path);
    if (err == CAIRN_OK)
        err = put_content(w, fileno(room), path);
    (void)fclose(room);
    return err;
}

/* --- all of it --- */

static cairn_err put_start(writer *w, cairn_bytes passphrase)
{
    uint8_t salt[CAIRN_BACKUP_SALT_SIZE] = {0};
    if (w->with_keys && RAND_bytes(salt, sizeof salt) != 1)
        return cairn_openssl_fail("backup: salt");
    if (w->with_keys)
        CAIRN_TRY(cairn_backup_key(passphrase, salt, &w->key));
    CAIRN_TRY(put(w, CAIRN_BACKUP_MAGIC, sizeof CAIRN_BACKUP_MAGIC - 1));
    return put(w, salt, sizeof salt);
}

/* The ledger before the vault; cairn.yaml last, as it is restored. */
static cairn_err put_parts(writer *w)
{
    static const char *const environments[] = {"jobs", "access", "ca"};
    static const char *const folders[] = {"vault", "audit", "tls", "status"};
    static const char *const secrets[] = {"keys", "vault-keys"};
    CAIRN_TRY(put_tree(w, "store/blocks", put_file));
    for (size_t i = 0; i < sizeof environments / sizeof environments[0]; i++)
        CAIRN_TRY(put_environment(w, environments[i]));
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        CAIRN_TRY(put_tree(w, folders[i], put_file));
    for (size_t i = 0; w->with_keys && i < sizeof secrets / sizeof secrets[0]; i++)
        CAIRN_TRY(put_tree(w, secrets[i], put_secret));
    CAIRN_TRY(put_file(w, "issuers.json"));
    CAIRN_TRY(put_file(w, "consortium/genesis.json"));
    CAIRN_TRY(put_file(w, "consortium/peers"));
    CAIRN_TRY(put_file(w, "consortium/nodes"));
    return put_file(w, "cairn.yaml");
}

static cairn_err put_end(writer *w)
{
    static const uint8_t end = CAIRN_BACKUP_END;
    CAIRN_TRY(put(w, &end, 1));
    if (EVP_DigestFinal_ex(w->all, w->facts.digest.b, NULL) != 1)
        return cairn_openssl_fail("backup: digest");
    w->facts.size += sizeof w->facts.digest.b;
    CAIRN_TRY(cairn_file_write(w->fd, w->name, cairn_bytes_hash(&w->facts.digest)));
    return cairn_file_sync(w->fd, w->name);
}

cairn_err cairn_backup_write(const char *directory, cairn_bytes passphrase, int fd,
                             const char *name, cairn_backup_facts *ret_facts)
{
    writer w = {.directory = directory,
                .fd = fd,
                .name = name,
                .all = EVP_MD_CTX_new(),
                .chunk = malloc(CAIRN_BACKUP_CHUNK_SIZE_MAX),
                .with_keys = passphrase.size > 0};
    w.facts.has_keys = w.with_keys;
    cairn_err err =
        w.all == NULL || w.chunk == NULL || EVP_DigestInit_ex(w.all, EVP_sha256(), NULL) != 1
            ? CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "backup")
            : CAIRN_OK;
    if (err == CAIRN_OK)
        err = put_start(&w, passphrase);
    if (err == CAIRN_OK)
        err = put_parts(&w);
    if (err == CAIRN_OK)
        err = put_end(&w);
    EVP_MD_CTX_free(w.all);
    free(w.chunk);
    cairn_secret_wipe(&w.key);
    if (err == CAIRN_OK)
        *ret_facts = w.facts;
    return err;
}
