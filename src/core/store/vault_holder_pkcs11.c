/* Epoch keys on a PKCS#11 token (OASIS PKCS #11 v2.40): AES keys that never leave it. */
#include <dlfcn.h>
#include <stdlib.h>

#include <openssl/rand.h>
#include <p11-kit/pkcs11.h>

#include "core/store/vault_gcm.h"
#include "core/store/vault_holder.h"

enum {
    SLOTS_MAX = 64,
    ID_SIZE = 40, /* vault id ‖ u64 epoch */
    LABEL_SIZE = 32,
};

typedef struct token_holder {
    cairn_vault_holder base;
    CK_FUNCTION_LIST_PTR p11;
    CK_SESSION_HANDLE session;
    bool has_session;
} token_holder;

static token_holder *self(cairn_vault_holder *holder)
{
    return (token_holder *)holder;
}

static cairn_err token_fail(const char *function, CK_RV rv)
{
    return CAIRN_FAIL(CAIRN_ERR_TOKEN, "PKCS #11 v2.40", "vault token: %s: CKR 0x%08lx", function,
                      rv);
}

/* The CKA_ID of an epoch's key. */
static void key_id(const cairn_vault_epoch *epoch, uint8_t ret_id[ID_SIZE])
{
    memcpy(ret_id, epoch->vault.b, 32);
    cairn_put_u64(ret_id + 32, epoch->number);
}

/* The first key of the epoch; `*ret_found` tells whether there is one. */
static cairn_err find(token_holder *token, const cairn_vault_epoch *epoch,
                      CK_OBJECT_HANDLE *ret_key, bool *ret_found)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    uint8_t id[ID_SIZE];
    key_id(epoch, id);
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, id, sizeof id}};
    CK_RV rv = token->p11->C_FindObjectsInit(token->session, wanted, 2);
    if (rv != CKR_OK)
        return token_fail("C_FindObjectsInit", rv);
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG count = 0;
    rv = token->p11->C_FindObjects(token->session, &key, 1, &count);
    CK_RV final = token->p11->C_FindObjectsFinal(token->session);
    if (rv != CKR_OK || final != CKR_OK)
        return token_fail("C_FindObjects", rv != CKR_OK ? rv : final);
    *ret_key = key;
    *ret_found = count > 0;
    return CAIRN_OK;
}

static cairn_err find_existing(token_holder *token, const cairn_vault_epoch *epoch,
                               CK_OBJECT_HANDLE *ret_key)
{
    bool found = false;
    CAIRN_TRY(find(token, epoch, ret_key, &found));
    return found ? CAIRN_OK
                 : CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "vault token: epoch key is not there");
}

static cairn_err exists(cairn_vault_holder *holder, const cairn_vault_epoch *epoch,
                        bool *ret_exists)
{
    CK_OBJECT_HANDLE key = 0;
    return find(self(holder), epoch, &key, ret_exists);
}

static cairn_err create(cairn_vault_holder *holder, const cairn_vault_epoch *epoch)
{
    token_holder *token = self(holder);
    bool there = false;
    CAIRN_TRY(exists(holder, epoch, &there));
    if (there)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "vault token: epoch key is already there");
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ULONG size = CAIRN_VAULT_KEY_SIZE;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    uint8_t id[ID_SIZE];
    char label[] = "cairn vault epoch";
    key_id(epoch, id);
    CK_ATTRIBUTE wanted[] = {{CKA_TOKEN, &yes, sizeof yes},       {CKA_PRIVATE, &yes, sizeof yes},
                             {CKA_SENSITIVE, &yes, sizeof yes},   {CKA_EXTRACTABLE, &no, sizeof no},
                             {CKA_ENCRYPT, &yes, sizeof yes},     {CKA_DECRYPT, &yes, sizeof yes},
                             {CKA_WRAP, &no, sizeof no},          {CKA_UNWRAP, &no, sizeof no},
                             {CKA_VALUE_LEN, &size, sizeof size}, {CKA_ID, id, sizeof id},
                             {CKA_LABEL, label, sizeof label - 1}};
    CK_OBJECT_HANDLE key = 0;
    CK_RV rv = token->p11->C_GenerateKey(token->session, &mechanism, wanted,
                                         sizeof wanted / sizeof wanted[0], &key);
    return rv == CKR_OK ? CAIRN_OK : token_fail("C_GenerateKey", rv);
}

static cairn_err wrap(cairn_vault_holder *holder, const cairn_vault_epoch *epoch, cairn_bytes key,
                      uint8_t ret_wrapped[CAIRN_VAULT_WRAPPED_SIZE])
{
    token_holder *token = self(holder);
    CK_OBJECT_HANDLE handle = 0;
    CAIRN_TRY(find_existing(token, epoch, &handle));
    uint8_t aad[CAIRN_VAULT_EPOCH_AAD_SIZE];
    cairn_vault_epoch_aad(epoch, aad);
    if (RAND_bytes(ret_wrapped, VAULT_NONCE_SIZE) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "vault: no random bytes");
    CK_GCM_PARAMS params = {ret_wrapped, VAULT_NONCE_SIZE, VAULT_NONCE_SIZE * 8,
                            aad,         sizeof aad,       VAULT_TAG_SIZE * 8};
    CK_MECHANISM mechanism = {CKM_AES_GCM, &params, sizeof params};
    CK_RV rv = token->p11->C_EncryptInit(token->session, &mechanism, handle);
    if (rv != CKR_OK)
        return token_fail("C_EncryptInit", rv);
    CK_ULONG size = CAIRN_VAULT_WRAPPED_SIZE - VAULT_NONCE_SIZE;
    /* Cryptoki takes its input without const and only reads it. */
    rv = token->p11->C_Encrypt(token->session, (CK_BYTE_PTR)(uintptr_t)key.data, key.size,
                               ret_wrapped + VAULT_NONCE_SIZE, &size);
    if (rv != CKR_OK || size != CAIRN_VAULT_WRAPPED_SIZE - VAULT_NONCE_SIZE)
        return token_fail("C_Encrypt", rv);
    return CAIRN_OK;
}

static cairn_err unwrap(cairn_vault_holder *holder, const cairn_vault_epoch *epoch,
                        const uint8_t wrapped[CAIRN_VAULT_WRAPPED_SIZE], cairn_secret *ret_key)
{
    token_holder *token = self(holder);
    CK_OBJECT_HANDLE handle = 0;
    CAIRN_TRY(find_existing(token, epoch, &handle));
    uint8_t aad[CAIRN_VAULT_EPOCH_AAD_SIZE];
    uint8_t input[CAIRN_VAULT_WRAPPED_SIZE];
    cairn_vault_epoch_aad(epoch, aad);
    memcpy(input, wrapped, sizeof input);
    CK_GCM_PARAMS params = {input, VAULT_NONCE_SIZE, VAULT_NONCE_SIZE * 8,
                            aad,   sizeof aad,       VAULT_TAG_SIZE * 8};
    CK_MECHANISM mechanism = {CKM_AES_GCM, &params, sizeof params};
    CK_RV rv = token->p11->C_DecryptInit(token->session, &mechanism, handle);
    if (rv != CKR_OK)
        return token_fail("C_DecryptInit", rv);
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    CK_ULONG size = sizeof key.data;
    rv = token->p11->C_Decrypt(token->session, input + VAULT_NONCE_SIZE,
                               sizeof input - VAULT_NONCE_SIZE, key.data, &size);
    /* SoftHSM reports a wrong tag as CKR_GENERAL_ERROR: what went wrong cannot be told apart. */
    if (rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_GENERAL_ERROR)
        return CAIRN_FAIL(CAIRN_ERR_BAD_MAC, "PKCS #11 v2.40", "vault token: C_Decrypt");
    if (rv != CKR_OK || size != CAIRN_VAULT_KEY_SIZE)
        return token_fail("C_Decrypt", rv);
    key.size = size;
    *ret_key = key;
    return CAIRN_OK;
}

static cairn_err destroy(cairn_vault_holder *holder, const cairn_vault_epoch *epoch)
{
    token_holder *token = self(holder);
    for (;;) {
        CK_OBJECT_HANDLE key = 0;
        bool found = false;
        CAIRN_TRY(find(token, epoch, &key, &found));
        if (!found)
            return CAIRN_OK;
        CK_RV rv = token->p11->C_DestroyObject(token->session, key);
        if (rv != CKR_OK)
            return token_fail("C_DestroyObject", rv);
    }
}

static void free_holder(cairn_vault_holder *holder)
{
    token_holder *token = self(holder);
    if (token->has_session)
        (void)token->p11->C_CloseSession(token->session);
    free(token);
}

static cairn_err load_module(token_holder *token, const char *module)
{
    void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "vault token: %s", dlerror());
    CK_C_GetFunctionList get_list = NULL;
    /* POSIX lets dlsym's pointer be read as a function's; ISO C has no cast for it. */
    void *symbol = dlsym(library, "C_GetFunctionList");
    memcpy(&get_list, &symbol, sizeof get_list);
    if (get_list == NULL || get_list(&token->p11) != CKR_OK)
        return CAIRN_FAIL(CAIRN_ERR_TOKEN, "house", "vault token: %s is no PKCS#11 module", module);
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_RV rv = token->p11->C_Initialize(&arguments);
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return token_fail("C_Initialize", rv);
    return CAIRN_OK;
}

/* Labels are padded with spaces (v2.40 section 3.2). */
static bool has_label(const CK_TOKEN_INFO *info, const char *label)
{
    uint8_t padded[LABEL_SIZE];
    size_t size = strlen(label);
    if (size > sizeof padded)
        return false;
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, size);
    return memcmp(info->label, padded, sizeof padded) == 0;
}

static cairn_err find_slot(const token_holder *token, const char *label, CK_SLOT_ID *ret_slot)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    CK_RV rv = token->p11->C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK)
        return token_fail("C_GetSlotList", rv);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (token->p11->C_GetTokenInfo(slots[i], &info) == CKR_OK && has_label(&info, label)) {
            *ret_slot = slots[i];
            return CAIRN_OK;
        }
    }
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "vault token: no token is labelled %s", label);
}

static cairn_err log_in(token_holder *token, CK_SLOT_ID slot, const char *pin)
{
    CK_RV rv = token->p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                         &token->session);
    if (rv != CKR_OK)
        return token_fail("C_OpenSession", rv);
    token->has_session = true;
    rv =
        token->p11->C_Login(token->session, CKU_USER, (CK_UTF8CHAR_PTR)(uintptr_t)pin, strlen(pin));
    /* The login is the process's: the signer may have done it. */
    if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
        return token_fail("C_Login", rv);
    return CAIRN_OK;
}

cairn_err cairn_vault_holder_open_pkcs11(const char *module, const char *token_label,
                                         const char *pin, cairn_vault_holder **ret_holder)
{
    static const cairn_vault_holder_ops ops = {create, exists, wrap, unwrap, destroy, free_holder};
    token_holder *token = calloc(1, sizeof *token);
    if (token == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "vault holder");
    token->base.ops = &ops;
    CAIRN_CLEANUP(cairn_vault_holder_free_p) cairn_vault_holder *holder = &token->base;
    CK_SLOT_ID slot = 0;
    /* holder's cleanup frees token: NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    CAIRN_TRY(load_module(token, module));
    CAIRN_TRY(find_slot(token, token_label, &slot));
    CAIRN_TRY(log_in(token, slot, pin));
    *ret_holder = CAIRN_STEAL(holder);
    return CAIRN_OK;
}
