/* Epoch keys that the key process holds. */
#include <stdlib.h>

#include "core/crypto/key_link.h"
#include "core/store/vault_holder.h"

typedef struct remote_holder {
    cairn_vault_holder base;
    cairn_key_link *link;
} remote_holder;

/* Asks, and takes an answer of exactly `size` bytes. */
static cairn_err ask(const cairn_vault_holder *holder, cairn_key_op op,
                     const cairn_vault_epoch *epoch, cairn_bytes body, uint8_t *answer, size_t size)
{
    const cairn_key_request request = {
        .op = op, .vault = epoch->vault, .epoch = epoch->number, .body = body};
    size_t answer_size = 0;
    CAIRN_TRY(cairn_key_link_call_wait(((const remote_holder *)holder)->link, &request, answer,
                                       size, &answer_size));
    if (answer_size != size)
        return CAIRN_FAIL(CAIRN_ERR_INTERNAL, "docs/formats/keyd.md",
                          "key process: answer of another size");
    return CAIRN_OK;
}

static cairn_err create(cairn_vault_holder *holder, const cairn_vault_epoch *epoch)
{
    return ask(holder, CAIRN_KEY_OP_EPOCH_CREATE, epoch, cairn_bytes_of(NULL, 0), NULL, 0);
}

static cairn_err exists(cairn_vault_holder *holder, const cairn_vault_epoch *epoch,
                        bool *ret_exists)
{
    uint8_t answer = 0;
    CAIRN_TRY(ask(holder, CAIRN_KEY_OP_EPOCH_EXISTS, epoch, cairn_bytes_of(NULL, 0), &answer, 1));
    if (answer > 1)
        return CAIRN_FAIL(CAIRN_ERR_INTERNAL, "docs/formats/keyd.md", "key process: no yes or no");
    *ret_exists = answer == 1;
    return CAIRN_OK;
}

static cairn_err wrap(cairn_vault_holder *holder, const cairn_vault_epoch *epoch, cairn_bytes key,
                      uint8_t ret_wrapped[CAIRN_VAULT_WRAPPED_SIZE])
{
    uint8_t wrapped[CAIRN_VAULT_WRAPPED_SIZE];
    CAIRN_TRY(ask(holder, CAIRN_KEY_OP_EPOCH_WRAP, epoch, key, wrapped, sizeof wrapped));
    memcpy(ret_wrapped, wrapped, sizeof wrapped);
    return CAIRN_OK;
}

static cairn_err unwrap(cairn_vault_holder *holder, const cairn_vault_epoch *epoch,
                        const uint8_t wrapped[CAIRN_VAULT_WRAPPED_SIZE], cairn_secret *ret_key)
{
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {.size = CAIRN_VAULT_KEY_SIZE};
    CAIRN_TRY(ask(holder, CAIRN_KEY_OP_EPOCH_UNWRAP, epoch,
                  cairn_bytes_of(wrapped, CAIRN_VAULT_WRAPPED_SIZE), key.data, key.size));
    *ret_key = key;
    return CAIRN_OK;
}

static cairn_err destroy(cairn_vault_holder *holder, const cairn_vault_epoch *epoch)
{
    return ask(holder, CAIRN_KEY_OP_EPOCH_DESTROY, epoch, cairn_bytes_of(NULL, 0), NULL, 0);
}

static void free_holder(cairn_vault_holder *holder)
{
    free(holder);
}

cairn_err cairn_vault_holder_open_remote(cairn_key_link *link, cairn_vault_holder **ret_holder)
{
    static const cairn_vault_holder_ops ops = {create, exists, wrap, unwrap, destroy, free_holder};
    remote_holder *holder = calloc(1, sizeof *holder);
    if (holder == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "vault holder");
    holder->base.ops = &ops;
    holder->link = link;
    *ret_holder = &holder->base;
    return CAIRN_OK;
}
