/* The vault's keys: opening, adding, and the crash-safe erasure. */
#include "core/store/vault.h"

#include <stdlib.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "core/crypto/openssl.h"
#include "core/store/vault_impl.h"

/* A file that an unfinished put left. */
static cairn_err remove_unfinished(void *context, const char *name)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(context, name, path));
    return cairn_file_remove(path);
}

static cairn_err make_folders(const cairn_vault *vault)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(vault->directory, "id.new", path));
    CAIRN_TRY(cairn_file_remove(path));
    CAIRN_TRY(cairn_path_join(vault->directory, "tmp", path));
    CAIRN_TRY(cairn_dir_make(path, 0700));
    CAIRN_TRY(cairn_dir_each(path, remove_unfinished, path));
    CAIRN_TRY(cairn_path_join(vault->directory, "objects", path));
    return cairn_dir_make(path, 0700);
}

/* The same vault, another epoch. */
static cairn_vault_epoch epoch_at(const cairn_vault *vault, uint64_t number)
{
    return (cairn_vault_epoch){.vault = vault->keyring.epoch.vault, .number = number};
}

static cairn_err is_held(const cairn_vault *vault, uint64_t number, bool *ret_held)
{
    cairn_vault_epoch epoch = epoch_at(vault, number);
    *ret_held = false;
    return number == 0 ? CAIRN_OK : vault->holder->ops->exists(vault->holder, &epoch, ret_held);
}

static cairn_err destroy(const cairn_vault *vault, uint64_t number)
{
    cairn_vault_epoch epoch = epoch_at(vault, number);
    CAIRN_ASSERT(number != vault->keyring.epoch.number);
    return vault->holder->ops->destroy(vault->holder, &epoch);
}

/* Leaves the keyring's epoch as the only one. The keyring is written again first: which of two
 * epochs is on disk may not be known, and the key of that one must not go. */
static cairn_err settle(const cairn_vault *vault)
{
    uint64_t now = vault->keyring.epoch.number;
    bool before = false;
    bool after = false;
    CAIRN_TRY(is_held(vault, now - 1, &before));
    CAIRN_TRY(is_held(vault, now + 1, &after));
    if (!before && !after)
        return CAIRN_OK;
    CAIRN_TRY(cairn_vault_keyring_save(vault->keyring_path, vault->holder, &vault->keyring));
    if (before)
        CAIRN_TRY(destroy(vault, now - 1));
    return after ? destroy(vault, now + 1) : CAIRN_OK;
}

/* The id that a first keyring will have; on disk before a key is made for it, so that a crash
 * leaves no key that nobody knows to be ours. */
static cairn_err choose_id(const char *path, cairn_hash *ret_id)
{
    uint8_t storage[128];
    cairn_arena arena;
    cairn_bytes id = {0};
    cairn_arena_init_fixed(&arena, storage, sizeof storage);
    cairn_err err = cairn_file_read(&arena, path, sizeof ret_id->b, &id);
    if (err == CAIRN_OK && id.size == sizeof ret_id->b) {
        memcpy(ret_id->b, id.data, sizeof ret_id->b);
        return CAIRN_OK;
    }
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    if (RAND_bytes(ret_id->b, sizeof ret_id->b) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "vault: no random bytes");
    return cairn_file_replace(path, 0600, cairn_bytes_hash(ret_id), NULL);
}

/* A new vault. Its first keyring comes before objects/: a vault that has the folder and no keyring
 * has lost it. */
static cairn_err make_keyring(cairn_vault *vault)
{
    char objects[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(vault->directory, "objects", objects));
    if (access(objects, F_OK) == 0)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/vault.md",
                          "vault: %s has objects but no keyring", vault->directory);
    cairn_vault_epoch *epoch = &vault->keyring.epoch;
    char id[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(vault->directory, "id.new", id));
    CAIRN_TRY(choose_id(id, &epoch->vault));
    epoch->number = 1;
    /* What an earlier attempt left; no keyring was ever written under it. */
    CAIRN_TRY(vault->holder->ops->destroy(vault->holder, epoch));
    CAIRN_TRY(vault->holder->ops->create(vault->holder, epoch));
    return cairn_vault_keyring_save(vault->keyring_path, vault->holder, &vault->keyring);
}

static cairn_err open_vault(cairn_vault *vault)
{
    vault->hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    if (vault->hkdf == NULL)
        return cairn_openssl_fail("vault: HKDF");
    CAIRN_TRY(cairn_path_join(vault->directory, "keyring", vault->keyring_path));
    CAIRN_TRY(cairn_dir_make(vault->directory, 0700));
    CAIRN_TRY(cairn_dir_lock(vault->directory, true, &vault->lock_fd));
    CAIRN_TRY(cairn_file_sweep(vault->directory));
    cairn_err err = cairn_vault_keyring_load(vault->keyring_path, vault->holder, &vault->keyring);
    if (err == CAIRN_ERR_NOT_FOUND)
        err = make_keyring(vault);
    CAIRN_TRY(err);
    CAIRN_TRY(settle(vault));
    return make_folders(vault);
}

cairn_err cairn_vault_open(const char *directory, cairn_vault_holder *holder,
                           cairn_vault **ret_vault)
{
    if (strlen(directory) >= CAIRN_PATH_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "vault: path");
    CAIRN_CLEANUP(cairn_vault_close_p) cairn_vault *vault = calloc(1, sizeof *vault);
    if (vault == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "vault");
    vault->holder = holder;
    vault->lock_fd = -1;
    pthread_mutex_init(&vault->mutex, NULL);
    memcpy(vault->directory, directory, strlen(directory) + 1);
    CAIRN_TRY(open_vault(vault));
    *ret_vault = CAIRN_STEAL(vault);
    return CAIRN_OK;
}

void cairn_vault_close(cairn_vault *vault)
{
    if (vault == NULL)
        return;
    cairn_vault_keyring_done(&vault->keyring);
    EVP_KDF_free(vault->hkdf);
    cairn_file_close(vault->lock_fd);
    pthread_mutex_destroy(&vault->mutex);
    free(vault);
}

/* NULL is "not found". */
static cairn_err check_entry(const cairn_vault_entry *entry)
{
    if (entry == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "vault: subject is not known");
    if (entry->erased)
        return CAIRN_FAIL(CAIRN_ERR_ERASED, "house", "vault: subject was erased");
    return CAIRN_OK;
}

cairn_err cairn_vault_check(cairn_vault *vault, const cairn_hash *subject)
{
    pthread_mutex_lock(&vault->mutex);
    cairn_err err = check_entry(cairn_vault_keyring_find(&vault->keyring, subject));
    pthread_mutex_unlock(&vault->mutex);
    return err;
}

cairn_err cairn_vault_key(cairn_vault *vault, const cairn_hash *subject, cairn_secret *ret_key)
{
    pthread_mutex_lock(&vault->mutex);
    const cairn_vault_entry *entry = cairn_vault_keyring_find(&vault->keyring, subject);
    cairn_err err = check_entry(entry);
    if (err == CAIRN_OK)
        err = cairn_secret_set(ret_key, cairn_bytes_of(entry->key, sizeof entry->key));
    pthread_mutex_unlock(&vault->mutex);
    return err;
}

static cairn_err add(cairn_vault *vault, const cairn_hash *subjects, size_t count)
{
    bool all_known = true;
    for (size_t i = 0; i < count; i++) {
        const cairn_vault_entry *entry = cairn_vault_keyring_find(&vault->keyring, &subjects[i]);
        if (entry != NULL)
            CAIRN_TRY(check_entry(entry));
        else
            all_known = false;
    }
    if (all_known)
        return CAIRN_OK;
    CAIRN_TRY(cairn_vault_keyring_add(&vault->keyring, subjects, count));
    cairn_err err = cairn_vault_keyring_save(vault->keyring_path, vault->holder, &vault->keyring);
    cairn_vault_keyring_settle(&vault->keyring, err == CAIRN_OK);
    return err;
}

cairn_err cairn_vault_add(cairn_vault *vault, const cairn_hash *subjects, size_t count)
{
    pthread_mutex_lock(&vault->mutex);
    cairn_err err = add(vault, subjects, count);
    pthread_mutex_unlock(&vault->mutex);
    return err;
}

/* Steps 2 and 3 of docs/formats/vault.md: the survivors under a fresh epoch key. */
static cairn_err rewrap_without(cairn_vault *vault, cairn_vault_entry *entry)
{
    cairn_vault_epoch *epoch = &vault->keyring.epoch;
    cairn_vault_epoch next = epoch_at(vault, epoch->number + 1);
    CAIRN_TRY(vault->holder->ops->create(vault->holder, &next));
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    CAIRN_TRY(cairn_secret_set(&key, cairn_bytes_of(entry->key, sizeof entry->key)));
    cairn_wipe(entry->key, sizeof entry->key);
    entry->erased = true;
    epoch->number++;
    cairn_err err = cairn_vault_keyring_save(vault->keyring_path, vault->holder, &vault->keyring);
    if (err != CAIRN_OK) {
        /* Either keyring may be on disk now, and both keys are held: settle decides. */
        memcpy(entry->key, key.data, sizeof entry->key);
        entry->erased = false;
        epoch->number--;
    }
    return err;
}

static cairn_err erase(cairn_vault *vault, const cairn_hash *subject)
{
    CAIRN_TRY(settle(vault));
    cairn_vault_entry *entry = cairn_vault_keyring_find(&vault->keyring, subject);
    if (entry == NULL)
        return check_entry(entry);
    if (entry->erased)
        return CAIRN_OK; /* and settling completed it */
    CAIRN_TRY(rewrap_without(vault, entry));
    vault->erasures++;
    return destroy(vault, vault->keyring.epoch.number - 1);
}

cairn_err cairn_vault_erase(cairn_vault *vault, const cairn_hash *subject)
{
    pthread_mutex_lock(&vault->mutex);
    cairn_err err = erase(vault, subject);
    pthread_mutex_unlock(&vault->mutex);
    return err;
}
