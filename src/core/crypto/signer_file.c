/* Keys in files: one PEM each, readable by its owner alone. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/crypto/key_file.h"
#include "core/crypto/signer_impl.h"
#include "core/store/file.h"

static const char suffix[] = ".pem";

typedef struct file_state {
    char directory[CAIRN_PATH_SIZE_MAX];
} file_state;

typedef struct scan {
    const file_state *state;
    cairn_signer *signer;
} scan;

static cairn_err key_path(const file_state *state, const char *name,
                          char ret_path[CAIRN_PATH_SIZE_MAX])
{
    char file[CAIRN_SIGNER_NAME_SIZE_MAX + sizeof suffix];
    (void)snprintf(file, sizeof file, "%s%s", name, suffix);
    return cairn_path_join(state->directory, file, ret_path);
}

static cairn_err public_of(const cairn_key *key, cairn_key **ret_public)
{
    return cairn_key_from_public(cairn_key_get_type(key), cairn_key_public(key), ret_public);
}

static cairn_err load_key(const scan *s, const char *name)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *public_key = NULL;
    CAIRN_TRY(key_path(s->state, name, path));
    CAIRN_TRY(cairn_key_file_read(path, &key));
    CAIRN_TRY(public_of(key, &public_key));
    CAIRN_TRY(cairn_signer_add_take(s->signer, name, public_key, key));
    (void)CAIRN_STEAL(public_key);
    (void)CAIRN_STEAL(key);
    return CAIRN_OK;
}

/* Files without the suffix are not ours: those that replacing a file leaves after a crash, too. */
static cairn_err visit(void *context, const char *file)
{
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    size_t size = strlen(file);
    size_t suffix_size = strlen(suffix);
    if (size < suffix_size || strcmp(file + size - suffix_size, suffix) != 0)
        return CAIRN_OK;
    size -= suffix_size;
    if (size >= sizeof name)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "signer: %s is no name for a key", file);
    memcpy(name, file, size);
    name[size] = '\0';
    if (!cairn_signer_name_valid(name))
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "signer: %s is no name for a key", file);
    return load_key(context, name);
}

static cairn_err file_open(void *state, cairn_signer *signer)
{
    file_state *s = state;
    scan found = {.state = s, .signer = signer};
    return cairn_dir_each(s->directory, visit, &found);
}

/* Writes the file whole or not at all. The lock keeps two processes from taking the same name. */
static cairn_err write_key(const file_state *state, const char *name, const cairn_key *key)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_CLEANUP(cairn_file_close_p) int lock = -1;
    CAIRN_CLEANUP(cairn_file_close_p) int present = -1;
    CAIRN_TRY(key_path(state, name, path));
    CAIRN_TRY(cairn_dir_lock(state->directory, true, &lock));
    CAIRN_TRY(cairn_file_sweep(state->directory));
    cairn_err err = cairn_file_open(path, O_RDONLY, 0, &present);
    if (err == CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "signer: %s is there", path);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    return cairn_key_file_write(path, key);
}

static cairn_err file_generate(void *state, const char *name, cairn_key_type type,
                               cairn_key **ret_public, void **ret_private)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *public_key = NULL;
    CAIRN_TRY(cairn_key_generate(type, &key));
    CAIRN_TRY(public_of(key, &public_key));
    CAIRN_TRY(write_key(state, name, key));
    *ret_public = CAIRN_STEAL(public_key);
    *ret_private = CAIRN_STEAL(key);
    return CAIRN_OK;
}

static cairn_err file_sign(void *state, const cairn_signer_key *key, cairn_bytes message,
                           uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    (void)state;
    return cairn_key_sign(key->private_part, message, ret_signature, ret_size);
}

static void file_drop(void *private_part)
{
    cairn_key_free(private_part);
}

static const cairn_signer_backend backend = {
    .open = file_open,
    .generate = file_generate,
    .sign = file_sign,
    .drop = file_drop,
    .close = free,
};

cairn_err cairn_signer_open_files(const char *directory, cairn_signer **ret_signer)
{
    size_t size = strlen(directory);
    file_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "signer: %zu bytes", sizeof *state);
    if (size >= sizeof state->directory) {
        free(state);
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "signer: path of %zu bytes", size);
    }
    memcpy(state->directory, directory, size + 1);
    return cairn_signer_start_take(&backend, state, ret_signer);
}
