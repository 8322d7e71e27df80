/* The signer over a PKCS#11 token, which is opened and used on the signer's thread alone. */
#include <stdlib.h>

#include "core/crypto/pkcs11.h"
#include "core/crypto/secret.h"
#include "core/crypto/signer_impl.h"

typedef struct token_state {
    cairn_pkcs11 *token;
    cairn_secret pin; /* until the login */
    char *module, *label;
    bool has_mark;
    uint8_t mark[CAIRN_SIGNER_MARK_SIZE];
} token_state;

static void *object_to_part(cairn_pkcs11_object object)
{
    return (void *)(uintptr_t)object;
}

static cairn_err add_key(void *signer, const char *name, cairn_key *public_key,
                         cairn_pkcs11_object object)
{
    return cairn_signer_add_take(signer, name, public_key, object_to_part(object));
}

static cairn_err token_open(void *state, cairn_signer *signer)
{
    token_state *t = state;
    char pin[CAIRN_SECRET_SIZE_MAX + 1] = "";
    memcpy(pin, t->pin.data, t->pin.size);
    cairn_err err = cairn_pkcs11_open(t->module, t->label, pin, &t->token);
    cairn_wipe(pin, sizeof pin);
    cairn_secret_wipe(&t->pin);
    CAIRN_TRY(err);
    if (t->has_mark)
        CAIRN_TRY(cairn_pkcs11_remove_marked(t->token, t->mark));
    return cairn_pkcs11_each(t->token, add_key, signer);
}

static void token_close(void *state)
{
    token_state *t = state;
    cairn_pkcs11_close(t->token);
    cairn_secret_wipe(&t->pin);
    free(t->module);
    free(t->label);
    free(t);
}

static cairn_err token_generate(void *state, const char *name, cairn_key_type type,
                                cairn_key **ret_public, void **ret_private)
{
    const token_state *t = state;
    cairn_pkcs11_object object = 0;
    CAIRN_TRY(cairn_pkcs11_generate(t->token, name, type, t->has_mark ? t->mark : NULL, ret_public,
                                    &object));
    *ret_private = object_to_part(object);
    return CAIRN_OK;
}

static cairn_err token_sign(void *state, const cairn_signer_key *key, cairn_bytes message,
                            uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    const token_state *t = state;
    return cairn_pkcs11_sign(t->token, key->public_key,
                             (cairn_pkcs11_object)(uintptr_t)key->private_part, message,
                             ret_signature, ret_size);
}

/* A handle is nothing to free. */
static void token_drop(void *private_part)
{
    (void)private_part;
}

static const cairn_signer_backend backend = {
    .open = token_open,
    .generate = token_generate,
    .sign = token_sign,
    .drop = token_drop,
    .close = token_close,
};

static cairn_err open_token(const char *module, const char *token, const char *pin,
                            const uint8_t *mark, cairn_signer **ret_signer)
{
    token_state *t = calloc(1, sizeof *t);
    if (t == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "token: %zu bytes", sizeof *t);
    t->module = strdup(module);
    t->label = strdup(token);
    cairn_err err = t->module == NULL || t->label == NULL
                        ? CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "token: its names")
                        : cairn_secret_set(&t->pin, cairn_bytes_str(pin));
    if (err != CAIRN_OK) {
        token_close(t);
        return err;
    }
    t->has_mark = mark != NULL;
    if (t->has_mark)
        memcpy(t->mark, mark, sizeof t->mark);
    return cairn_signer_start_take(&backend, t, ret_signer);
}

cairn_err cairn_signer_open_pkcs11(const char *module, const char *token, const char *pin,
                                   cairn_signer **ret_signer)
{
    return open_token(module, token, pin, NULL, ret_signer);
}

cairn_err cairn_signer_open_pkcs11_marked(const char *module, const char *token, const char *pin,
                                          const uint8_t mark[CAIRN_SIGNER_MARK_SIZE],
                                          cairn_signer **ret_signer)
{
    return open_token(module, token, pin, mark, ret_signer);
}
