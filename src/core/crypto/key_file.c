/* Private keys in files. What passes through memory is wiped. */
#include "core/crypto/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/crypto/secret.h"
#include "core/store/file.h"

enum { PEM_SIZE_MAX = 1024 }; /* bytes: what cairn_key_from_pem takes at most */

typedef struct pem_buffer {
    size_t size;
    uint8_t data[PEM_SIZE_MAX + 64]; /* room for an arena to align itself in */
} pem_buffer;

static void pem_wipe(pem_buffer *pem)
{
    cairn_wipe(pem, sizeof *pem);
}

cairn_err cairn_key_file_read(const char *path, cairn_key **ret_key)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    CAIRN_CLEANUP(pem_wipe) pem_buffer pem = {0};
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    struct stat facts;
    CAIRN_TRY(cairn_file_open(path, O_RDONLY, 0, &fd));
    if (fstat(fd, &facts) != 0)
        return cairn_err_from_errno(errno, path);
    if ((facts.st_mode & 0177) != 0)
        return CAIRN_FAIL(CAIRN_ERR_PERMISSION, "house",
                          "signer: %s has mode %04o, and must have 0600 or less", path,
                          (unsigned)(facts.st_mode & 07777));
    CAIRN_TRY(cairn_file_read_at(fd, path, 0, pem.data, sizeof pem.data, &pem.size));
    CAIRN_TRY(cairn_key_from_pem(cairn_bytes_of(pem.data, pem.size), &key));
    if (!cairn_key_is_private(key))
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "house", "signer: %s holds no private key", path);
    *ret_key = CAIRN_STEAL(key);
    return CAIRN_OK;
}

cairn_err cairn_key_file_write(const char *path, const cairn_key *key)
{
    CAIRN_CLEANUP(pem_wipe) pem_buffer storage = {0};
    cairn_arena arena;
    cairn_bytes pem = {0};
    bool renamed = false;
    cairn_arena_init_fixed(&arena, storage.data, sizeof storage.data);
    CAIRN_TRY(cairn_key_to_pem(key, true, &arena, &pem));
    cairn_err err = cairn_file_replace(path, 0600, pem, &renamed);
    if (err != CAIRN_OK && renamed)
        (void)!cairn_file_remove(path);
    return err;
}
