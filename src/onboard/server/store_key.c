/* The key of the rows. */
#include "onboard/server/store_key.h"

#include "cairn/sha256.h"
#include "core/store/file.h"

cairn_hash cairn_fdo_store_subject(void)
{
    static const char name[] = "cairn/onboard-store/1";
    cairn_hash subject;
    cairn_sha256_of(name, sizeof name - 1, &subject);
    return subject;
}

/* The whole object is the key: what was read counts once the end was reached. */
static cairn_err read_object(cairn_vault_get *get, cairn_secret *key)
{
    cairn_bytes chunk = {0};
    CAIRN_TRY(cairn_vault_get_next(get, &chunk));
    CAIRN_TRY(cairn_secret_set(key, chunk));
    CAIRN_TRY(cairn_vault_get_next(get, &chunk));
    if (key->size != CAIRN_VAULT_KEY_SIZE || chunk.size != 0)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "vault: the key of the devices is no key");
    return CAIRN_OK;
}

static cairn_err read_key(cairn_vault *vault, cairn_bytes text, cairn_secret *ret_key)
{
    cairn_hash subject = cairn_fdo_store_subject();
    CAIRN_CLEANUP(cairn_vault_get_free_p) cairn_vault_get *get = NULL;
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    cairn_hash address;
    char hex[2 * sizeof address.b + 1] = {0};
    if (text.size == sizeof hex - 1)
        memcpy(hex, text.data, text.size);
    if (cairn_hex_decode(hex, address.b, sizeof address.b) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "address of the devices' key is none");
    CAIRN_TRY(cairn_vault_get_open(vault, &subject, &address, &get));
    CAIRN_TRY(read_object(get, &key));
    return cairn_secret_set(ret_key, cairn_secret_view(&key));
}

/* Durable in the vault before its address is. */
static cairn_err make_key(cairn_vault *vault, const char *path, cairn_secret *ret_key)
{
    cairn_hash subject = cairn_fdo_store_subject();
    CAIRN_CLEANUP(cairn_vault_put_free_p) cairn_vault_put *put = NULL;
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    cairn_hash address;
    char hex[2 * sizeof address.b + 1];
    CAIRN_TRY(cairn_secret_random(&key, CAIRN_VAULT_KEY_SIZE));
    CAIRN_TRY(cairn_vault_put_begin(vault, &subject, &put));
    CAIRN_TRY(cairn_vault_put_write(put, cairn_secret_view(&key)));
    CAIRN_TRY(cairn_vault_put_end(put, &address));
    cairn_hex_encode(cairn_bytes_hash(&address), hex);
    CAIRN_TRY(cairn_file_replace(path, 0640, cairn_bytes_str(hex), NULL));
    return cairn_secret_set(ret_key, cairn_secret_view(&key));
}

cairn_err cairn_fdo_store_key(cairn_vault *vault, const char *path, cairn_secret *ret_key)
{
    cairn_arena arena;
    cairn_bytes text = {0};
    cairn_arena_init(&arena, 4096);
    cairn_err err = cairn_file_read(&arena, path, 1024, &text);
    if (err == CAIRN_OK)
        err = read_key(vault, text, ret_key);
    else if (err == CAIRN_ERR_NOT_FOUND)
        err = make_key(vault, path, ret_key);
    cairn_arena_done(&arena);
    return err;
}
