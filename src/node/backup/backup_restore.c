/* Reading a backup: strictly, file by file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cairn/sha256.h"
#include "core/crypto/openssl.h"
#include "core/store/file.h"
#include "node/backup/backup_impl.h"

static const char clause[] = "docs/formats/backup.md";

/* The file that makes it a ledger's directory bears its name once the whole backup has held; until
 * then one that no path in a backup can have. */
static const char config_name[] = "cairn.yaml";
static const char config_waiting[] = ".cairn.yaml";
enum { SEALED_MORE = CAIRN_BACKUP_NONCE_SIZE + CAIRN_BACKUP_TAG_SIZE };

typedef struct reader {
    FILE *in;
    const char *name;
    const char *directory;
    EVP_MD_CTX *all;
    uint8_t *chunk;
    bool with_keys;  /* a passphrase was given */
    bool has_config; /* cairn.yaml was read */
    cairn_secret key;
    cairn_backup_facts facts;
} reader;

static cairn_err take_raw(reader *r, void *data, size_t size)
{
    if (fread(data, 1, size, r->in) == size)
        return CAIRN_OK;
    if (ferror(r->in))
        return cairn_err_from_errno(EIO, r->name);
    return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, clause, "%s: ends too early", r->name);
}

static cairn_err take(reader *r, void *data, size_t size)
{
    CAIRN_TRY(take_raw(r, data, size));
    r->facts.size += size;
    return EVP_DigestUpdate(r->all, data, size) == 1 ? CAIRN_OK
                                                     : cairn_openssl_fail("backup: digest");
}

/* Relative, without "..", empty or hidden steps: it stays in the directory. */
static bool is_inside(const char *path)
{
    for (const char *step = path;; step = strchr(step, '/') + 1) {
        if (step[0] == '\0' || step[0] == '/' || step[0] == '.')
            return false;
        if (strchr(step, '/') == NULL)
            return true;
    }
}

static cairn_err take_path(reader *r, char path[CAIRN_BACKUP_PATH_SIZE_MAX])
{
    uint8_t head[2];
    CAIRN_TRY(take(r, head, sizeof head));
    size_t size = cairn_get_u16(head);
    if (size == 0 || size >= CAIRN_BACKUP_PATH_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "backup.path: %zu bytes", size);
    CAIRN_TRY(take(r, path, size));
    path[size] = '\0';
    if (strlen(path) != size || !is_inside(path))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "backup.path: leads out of the directory");
    return CAIRN_OK;
}

/* Makes the folders on the way to `full`. */
static cairn_err make_folders(const reader *r, char *full)
{
    for (char *slash = strchr(full + strlen(r->directory) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        cairn_err err = cairn_dir_make(full, 0700);
        *slash = '/';
        CAIRN_TRY(err);
    }
    return CAIRN_OK;
}

static cairn_err open_target(reader *r, const char *path, bool secret, int *ret_fd)
{
    char full[CAIRN_PATH_SIZE_MAX];
    mode_t mode = secret ? 0600 : 0640;
    bool config = strcmp(path, config_name) == 0;
    r->has_config |= config;
    CAIRN_TRY(cairn_path_join(r->directory, config ? config_waiting : path, full));
    CAIRN_TRY(make_folders(r, full));
    return cairn_file_open(full, O_WRONLY | O_CREAT | O_EXCL, mode, ret_fd);
}

static cairn_err write_chunk(reader *r, const char *path, bool secret, int fd, size_t size)
{
    cairn_bytes data = cairn_bytes_of(r->chunk, size);
    if (!secret)
        return cairn_file_write(fd, path, data);
    if (size > CAIRN_BACKUP_SECRET_SIZE_MAX + SEALED_MORE)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "backup: key file");
    uint8_t plain[CAIRN_BACKUP_SECRET_SIZE_MAX];
    cairn_err err = cairn_backup_open(&r->key, cairn_bytes_str(path), data, plain);
    if (err == CAIRN_OK)
        err = cairn_file_write(fd, path, cairn_bytes_of(plain, size - SEALED_MORE));
    OPENSSL_cleanse(plain, sizeof plain);
    return err;
}

/* The chunks of one file, into `fd` unless that is -1, and the hash behind them. */
static cairn_err take_chunks(reader *r, const char *path, bool secret, int fd, EVP_MD_CTX *one)
{
    cairn_hash found;
    cairn_hash said;
    size_t count = 0;
    for (;; count++) {
        uint8_t head[4];
        CAIRN_TRY(take(r, head, sizeof head));
        size_t size = cairn_get_u32(head);
        if (secret && (size == 0) != (count == 1))
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "%s: a key file is one chunk", path);
        if (size == 0)
            break;
        if (size > CAIRN_BACKUP_CHUNK_SIZE_MAX)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "backup.chunk: %zu bytes", size);
        CAIRN_TRY(take(r, r->chunk, size));
        if (EVP_DigestUpdate(one, r->chunk, size) != 1)
            return cairn_openssl_fail("backup: digest");
        if (fd >= 0)
            CAIRN_TRY(write_chunk(r, path, secret, fd, size));
    }
    CAIRN_TRY(take(r, said.b, sizeof said.b));
    if (EVP_DigestFinal_ex(one, found.b, NULL) != 1)
        return cairn_openssl_fail("backup: digest");
    if (!cairn_hash_equal(&said, &found))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "%s: differs from its hash", path);
    return fd >= 0 ? cairn_file_sync(fd, path) : CAIRN_OK;
}

static cairn_err take_file(reader *r, bool secret)
{
    char path[CAIRN_BACKUP_PATH_SIZE_MAX];
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    CAIRN_TRY(take_path(r, path));
    r->facts.has_keys |= secret;
    r->facts.file_count++;
    if (!secret || r->with_keys)
        CAIRN_TRY(open_target(r, path, secret, &fd));
    EVP_MD_CTX *one = EVP_MD_CTX_new();
    cairn_err err = one == NULL || EVP_DigestInit_ex(one, EVP_sha256(), NULL) != 1
                        ? cairn_openssl_fail("backup: digest")
                        : take_chunks(r, path, secret, fd, one);
    EVP_MD_CTX_free(one);
    return err;
}

static cairn_err take_start(reader *r, cairn_bytes passphrase)
{
    char magic[sizeof CAIRN_BACKUP_MAGIC - 1];
    uint8_t salt[CAIRN_BACKUP_SALT_SIZE];
    CAIRN_TRY(take(r, magic, sizeof magic));
    if (memcmp(magic, CAIRN_BACKUP_MAGIC, sizeof magic) != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VERSION, clause, "%s: is no backup", r->name);
    CAIRN_TRY(take(r, salt, sizeof salt));
    return r->with_keys ? cairn_backup_key(passphrase, salt, &r->key) : CAIRN_OK;
}

static cairn_err take_records(reader *r)
{
    for (;;) {
        uint8_t kind = 0;
        CAIRN_TRY(take(r, &kind, 1));
        if (kind == CAIRN_BACKUP_END)
            return CAIRN_OK;
        if (kind != CAIRN_BACKUP_FILE && kind != CAIRN_BACKUP_SECRET)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "backup.kind: %u", kind);
        CAIRN_TRY(take_file(r, kind == CAIRN_BACKUP_SECRET));
    }
}

static cairn_err take_end(reader *r)
{
    cairn_hash said;
    if (EVP_DigestFinal_ex(r->all, r->facts.digest.b, NULL) != 1)
        return cairn_openssl_fail("backup: digest");
    CAIRN_TRY(take_raw(r, said.b, sizeof said.b));
    r->facts.size += sizeof said.b;
    if (!cairn_hash_equal(&said, &r->facts.digest))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "%s: differs from its hash", r->name);
    if (fgetc(r->in) != EOF)
        return CAIRN_FAIL(CAIRN_ERR_TRAILING, clause, "%s: goes on behind its end", r->name);
    return CAIRN_OK;
}

/* Folders that a directory has though a backup leaves out what is in them; then the configuration.
 */
static cairn_err make_rest(const reader *r)
{
    static const char *const folders[] = {"keys", "store"};
    char path[CAIRN_PATH_SIZE_MAX];
    char waiting[CAIRN_PATH_SIZE_MAX];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        CAIRN_TRY(cairn_path_join(r->directory, folders[i], path));
        CAIRN_TRY(cairn_dir_make(path, 0700));
    }
    CAIRN_TRY(cairn_dir_sync(r->directory));
    if (!r->has_config)
        return CAIRN_OK;
    CAIRN_TRY(cairn_path_join(r->directory, config_waiting, waiting));
    CAIRN_TRY(cairn_path_join(r->directory, config_name, path));
    CAIRN_TRY(cairn_file_rename(waiting, path));
    return cairn_dir_sync(r->directory);
}

/* A stream of its own: `fd` stays the caller's. */
static FILE *open_stream(int fd)
{
    int copy = dup(fd);
    FILE *stream = copy < 0 ? NULL : fdopen(copy, "rb");
    if (stream == NULL && copy >= 0)
        (void)close(copy);
    return stream;
}

cairn_err cairn_backup_restore(int fd, const char *name, cairn_bytes passphrase,
                               const char *directory, cairn_backup_facts *ret_facts)
{
    reader r = {.in = open_stream(fd),
                .name = name,
                .directory = directory,
                .all = EVP_MD_CTX_new(),
                .chunk = malloc(CAIRN_BACKUP_CHUNK_SIZE_MAX),
                .with_keys = passphrase.size > 0};
    cairn_err err = r.in == NULL || r.all == NULL || r.chunk == NULL ||
                            EVP_DigestInit_ex(r.all, EVP_sha256(), NULL) != 1
                        ? CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "backup")
                        : take_start(&r, passphrase);
    if (err == CAIRN_OK)
        err = take_records(&r);
    if (err == CAIRN_OK)
        err = take_end(&r);
    if (err == CAIRN_OK)
        err = make_rest(&r);
    if (r.in != NULL)
        (void)fclose(r.in);
    EVP_MD_CTX_free(r.all);
    free(r.chunk);
    cairn_secret_wipe(&r.key);
    if (err == CAIRN_OK)
        *ret_facts = r.facts;
    return err;
}
