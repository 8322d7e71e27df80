/* A device's keys in a PKCS#11 token. [X1353-R01] */
#include <stdlib.h>

#include "cairn/fdo_client.h"
#include "core/crypto/pkcs11.h"
#include "core/crypto/signer_impl.h"
#include "onboard/wire/fdo_hash.h"

static const char secret_name[] = "fdo-secret";

struct cairn_fdo_client_token {
    cairn_pkcs11 *token;
};

cairn_err cairn_fdo_client_token_open(const char *module, const char *token, const char *pin,
                                      cairn_fdo_client_token **ret_token)
{
    CAIRN_CLEANUP(cairn_fdo_client_token_free_p)
    cairn_fdo_client_token *t = calloc(1, sizeof *t);
    if (t == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "device: its token");
    CAIRN_TRY(cairn_pkcs11_open(module, token, pin, &t->token));
    *ret_token = CAIRN_STEAL(t);
    return CAIRN_OK;
}

void cairn_fdo_client_token_free(cairn_fdo_client_token *token)
{
    if (token == NULL)
        return;
    cairn_pkcs11_close(token->token);
    free(token);
}

/* The key that is looked for, as the token's keys pass by. */
typedef struct search {
    const char *name;
    cairn_key *public_key;
    cairn_pkcs11_object object;
} search;

static cairn_err visit(void *context, const char *name, cairn_key *public_key,
                       cairn_pkcs11_object object)
{
    search *s = context;
    if (s->public_key != NULL || strcmp(name, s->name) != 0) {
        cairn_key_free(public_key);
        return CAIRN_OK;
    }
    s->public_key = public_key;
    s->object = object;
    return CAIRN_OK;
}

static cairn_err find(const cairn_fdo_client_token *t, const char *name, search *ret_search)
{
    search s = {.name = name};
    cairn_err err = cairn_pkcs11_each(t->token, visit, &s);
    if (err != CAIRN_OK) {
        cairn_key_free(s.public_key);
        return err;
    }
    if (s.public_key == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "token: no key named %s", name);
    *ret_search = s;
    return CAIRN_OK;
}

static cairn_err generate(void *context, const char *name, cairn_key_type type,
                          cairn_key **ret_public)
{
    cairn_fdo_client_token *t = context;
    search s;
    cairn_pkcs11_object object = 0;
    if (!cairn_signer_name_valid(name))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "token: %s is no name for a key", name);
    cairn_err err = find(t, name, &s);
    if (err == CAIRN_OK) {
        cairn_key_free(s.public_key);
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "token: there is a key named %s", name);
    }
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    return cairn_pkcs11_generate(t->token, name, type, NULL, ret_public, &object);
}

static cairn_err public_key(void *context, const char *name, cairn_key **ret_public)
{
    search s;
    CAIRN_TRY(find(context, name, &s));
    *ret_public = s.public_key;
    return CAIRN_OK;
}

static cairn_err sign(void *context, const char *name, cairn_bytes message,
                      uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    cairn_fdo_client_token *t = context;
    search s;
    CAIRN_TRY(find(t, name, &s));
    cairn_err err =
        cairn_pkcs11_sign(t->token, s.public_key, s.object, message, ret_signature, ret_size);
    cairn_key_free(s.public_key);
    return err;
}

static cairn_err mac(void *context, int64_t alg, cairn_bytes message,
                     uint8_t ret_mac[CAIRN_FDO_CLIENT_MAC_SIZE_MAX])
{
    cairn_fdo_client_token *t = context;
    return cairn_pkcs11_mac(t->token, secret_name, alg == CAIRN_FDO_HMAC256 ? 32 : 48, message,
                            ret_mac);
}

static cairn_err remove_key(void *context, const char *name)
{
    cairn_fdo_client_token *t = context;
    return cairn_pkcs11_remove(t->token, name);
}

cairn_fdo_client_keys cairn_fdo_client_token_keys(cairn_fdo_client_token *token)
{
    return (cairn_fdo_client_keys){.context = token,
                                   .generate = generate,
                                   .public_key = public_key,
                                   .sign = sign,
                                   .mac = mac,
                                   .remove = remove_key};
}
