/* Keys in a PKCS#11 token. */
#include "core/crypto/pkcs11.h"

#include <dlfcn.h>
#include <openssl/rand.h>
#include <p11-kit/pkcs11.h>
#include <stdlib.h>

#include "core/crypto/key_impl.h"
#include "core/crypto/openssl.h"
#include "core/crypto/secret.h"
#include "core/crypto/signer_impl.h"

enum {
    SLOTS_MAX = 64,
    TOKEN_LABEL_SIZE = 32, /* bytes, padded with spaces */
    ID_SIZE = 16,
    ID_SIZE_MAX = 64,
    PARAMS_SIZE_MAX = 32,
    POINT_DER_SIZE_MAX = 128,
    SECRET_SIZE = 48, /* tokens take none for an HMAC that is shorter than its hash */
};

struct cairn_pkcs11 {
    void *module;
    CK_FUNCTION_LIST *api;
    bool initialised; /* by us, so that we finalise */
    bool has_session;
    CK_SESSION_HANDLE session;
    char label[TOKEN_LABEL_SIZE];
};

/* Tokens that are open in this process (atomic): a module is one for all of them, so only the last
 * may finalise it. */
static unsigned open_tokens;

static cairn_err token_fail(const char *what, CK_RV rv)
{
#define NAME(code)  \
    {               \
        code, #code \
    }
    static const struct {
        CK_RV rv;
        const char *name;
    } names[] = {
        NAME(CKR_HOST_MEMORY),
        NAME(CKR_SLOT_ID_INVALID),
        NAME(CKR_GENERAL_ERROR),
        NAME(CKR_FUNCTION_FAILED),
        NAME(CKR_ARGUMENTS_BAD),
        NAME(CKR_ATTRIBUTE_READ_ONLY),
        NAME(CKR_ATTRIBUTE_SENSITIVE),
        NAME(CKR_ATTRIBUTE_TYPE_INVALID),
        NAME(CKR_ATTRIBUTE_VALUE_INVALID),
        NAME(CKR_DEVICE_ERROR),
        NAME(CKR_DEVICE_MEMORY),
        NAME(CKR_DEVICE_REMOVED),
        NAME(CKR_FUNCTION_NOT_SUPPORTED),
        NAME(CKR_KEY_HANDLE_INVALID),
        NAME(CKR_KEY_TYPE_INCONSISTENT),
        NAME(CKR_KEY_FUNCTION_NOT_PERMITTED),
        NAME(CKR_MECHANISM_INVALID),
        NAME(CKR_MECHANISM_PARAM_INVALID),
        NAME(CKR_OBJECT_HANDLE_INVALID),
        NAME(CKR_OPERATION_ACTIVE),
        NAME(CKR_PIN_INCORRECT),
        NAME(CKR_PIN_EXPIRED),
        NAME(CKR_PIN_LOCKED),
        NAME(CKR_PIN_LEN_RANGE),
        NAME(CKR_SESSION_CLOSED),
        NAME(CKR_SESSION_COUNT),
        NAME(CKR_SESSION_HANDLE_INVALID),
        NAME(CKR_SESSION_READ_ONLY),
        NAME(CKR_TEMPLATE_INCOMPLETE),
        NAME(CKR_TEMPLATE_INCONSISTENT),
        NAME(CKR_TOKEN_NOT_PRESENT),
        NAME(CKR_TOKEN_WRITE_PROTECTED),
        NAME(CKR_USER_ALREADY_LOGGED_IN),
        NAME(CKR_USER_NOT_LOGGED_IN),
        NAME(CKR_USER_PIN_NOT_INITIALIZED),
        NAME(CKR_BUFFER_TOO_SMALL),
        NAME(CKR_CRYPTOKI_NOT_INITIALIZED),
        NAME(CKR_CRYPTOKI_ALREADY_INITIALIZED),
        NAME(CKR_DOMAIN_PARAMS_INVALID),
        NAME(CKR_CURVE_NOT_SUPPORTED),
    };
#undef NAME
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].rv == rv)
            return CAIRN_FAIL(CAIRN_ERR_TOKEN, "PKCS #11", "token: %s: %s", what, names[i].name);
    return CAIRN_FAIL(CAIRN_ERR_TOKEN, "PKCS #11", "token: %s: CKR 0x%lx", what, (unsigned long)rv);
}

#define TOKEN_TRY(what, call)                        \
    do {                                             \
        CK_RV token_try_rv = (call);                 \
        if (token_try_rv != CKR_OK)                  \
            return token_fail((what), token_try_rv); \
    } while (0)

/* --- types of keys --- */

typedef struct token_curve {
    cairn_bytes params; /* DER of the object identifier */
    CK_KEY_TYPE key_type;
    CK_MECHANISM_TYPE generate;
    CK_MECHANISM_TYPE sign;
} token_curve;

static const token_curve curves[] = {
    [CAIRN_KEY_P256] = {{(const uint8_t *)"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10},
                        CKK_EC,
                        CKM_EC_KEY_PAIR_GEN,
                        CKM_ECDSA},
    [CAIRN_KEY_P384] = {{(const uint8_t *)"\x06\x05\x2b\x81\x04\x00\x22", 7},
                        CKK_EC,
                        CKM_EC_KEY_PAIR_GEN,
                        CKM_ECDSA},
    [CAIRN_KEY_ED25519] = {{(const uint8_t *)"\x06\x03\x2b\x65\x70", 5},
                           CKK_EC_EDWARDS,
                           CKM_EC_EDWARDS_KEY_PAIR_GEN,
                           CKM_EDDSA},
};

static bool type_of_params(cairn_bytes params, cairn_key_type *ret_type)
{
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
        if (cairn_bytes_equal(curves[i].params, params)) {
            *ret_type = (cairn_key_type)i;
            return true;
        }
    return false;
}

/* CKA_EC_POINT: an OCTET STRING around 04 ‖ x ‖ y, or around the 32 bytes of Ed25519. */
static cairn_err key_of_point(cairn_key_type type, cairn_bytes der, cairn_key **ret_key)
{
    size_t point_size = cairn_key_facts_of(type)->point_size;
    size_t lead = cairn_key_type_is_ec(type) ? 1 : 0;
    bool valid = der.size == 2 + lead + point_size && der.data[0] == 0x04 &&
                 der.data[1] == lead + point_size && (lead == 0 || der.data[2] == 0x04);
    if (!valid)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "PKCS #11 v3.0 section 2.3.3",
                          "token: CKA_EC_POINT of %zu bytes", der.size);
    return cairn_key_from_public(type, cairn_bytes_of(der.data + 2 + lead, point_size), ret_key);
}

/* --- objects --- */

/* One attribute into `out`; an absent one is empty. */
static cairn_err read_attribute(const cairn_pkcs11 *t, CK_OBJECT_HANDLE object,
                                CK_ATTRIBUTE_TYPE type, uint8_t *out, size_t out_size,
                                cairn_bytes *ret_value)
{
    CK_ATTRIBUTE attribute = {type, out, out_size};
    CK_RV rv = t->api->C_GetAttributeValue(t->session, object, &attribute, 1);
    if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_BUFFER_TOO_SMALL) {
        *ret_value = cairn_bytes_of(out, 0);
        return CAIRN_OK;
    }
    TOKEN_TRY("C_GetAttributeValue", rv);
    *ret_value = cairn_bytes_of(out, attribute.ulValueLen);
    return CAIRN_OK;
}

/* Handles of the objects that match; TOO_MANY beyond `max`. */
static cairn_err find_objects(const cairn_pkcs11 *t, CK_ATTRIBUTE *wanted, size_t wanted_count,
                              CK_OBJECT_HANDLE *ret_objects, size_t max, size_t *ret_count)
{
    CK_ULONG total = 0;
    CK_ULONG more = 1;
    CK_OBJECT_HANDLE extra = 0;
    TOKEN_TRY("C_FindObjectsInit", t->api->C_FindObjectsInit(t->session, wanted, wanted_count));
    CK_RV rv = CKR_OK;
    while (rv == CKR_OK && more != 0 && total < max) {
        rv = t->api->C_FindObjects(t->session, ret_objects + total, max - total, &more);
        total += rv == CKR_OK ? more : 0;
    }
    if (rv == CKR_OK && more != 0)
        rv = t->api->C_FindObjects(t->session, &extra, 1, &more);
    CK_RV final = t->api->C_FindObjectsFinal(t->session);
    TOKEN_TRY("C_FindObjects", rv);
    TOKEN_TRY("C_FindObjectsFinal", final);
    if (total == max && more != 0)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "token: more than %zu objects", max);
    *ret_count = total;
    return CAIRN_OK;
}

/* The public key object beside a private one, found by label and id; NULL when there is none or its
 * curve is not ours. */
static cairn_err find_public(const cairn_pkcs11 *t, cairn_bytes label, cairn_bytes id,
                             cairn_key **ret_key)
{
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_LABEL, (void *)(uintptr_t)label.data, label.size},
        {CKA_ID, (void *)(uintptr_t)id.data, id.size},
    };
    CK_OBJECT_HANDLE object = 0;
    uint8_t buffers[2][POINT_DER_SIZE_MAX];
    cairn_bytes params = {0};
    cairn_bytes point = {buffers[1], 0};
    cairn_key_type type = CAIRN_KEY_P256;
    size_t count = 0;
    CAIRN_TRY(find_objects(t, wanted, 3, &object, 1, &count));
    if (count == 0)
        return CAIRN_OK;
    CAIRN_TRY(read_attribute(t, object, CKA_EC_PARAMS, buffers[0], PARAMS_SIZE_MAX, &params));
    CAIRN_TRY(read_attribute(t, object, CKA_EC_POINT, buffers[1], sizeof buffers[1], &point));
    if (!type_of_params(params, &type))
        return CAIRN_OK;
    return key_of_point(type, point, ret_key);
}

/* Objects whose label is no name of ours belong to somebody else. */
static cairn_err visit_object(const cairn_pkcs11 *t, CK_OBJECT_HANDLE object,
                              cairn_pkcs11_key_fn fn, void *context)
{
    uint8_t buffers[2][ID_SIZE_MAX + 1];
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1] = "";
    cairn_bytes label = {buffers[0], 0};
    cairn_bytes id = {buffers[1], 0};
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *public_key = NULL;
    CAIRN_TRY(read_attribute(t, object, CKA_LABEL, buffers[0], CAIRN_SIGNER_NAME_SIZE_MAX, &label));
    CAIRN_TRY(read_attribute(t, object, CKA_ID, buffers[1], ID_SIZE_MAX, &id));
    memcpy(name, label.data, label.size);
    if (strlen(name) != label.size || !cairn_signer_name_valid(name))
        return CAIRN_OK;
    CAIRN_TRY(find_public(t, label, id, &public_key));
    if (public_key == NULL)
        return CAIRN_OK;
    CAIRN_TRY(fn(context, name, public_key, object));
    (void)CAIRN_STEAL(public_key);
    return CAIRN_OK;
}

cairn_err cairn_pkcs11_each(cairn_pkcs11 *t, cairn_pkcs11_key_fn fn, void *context)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_SIGN, &yes, sizeof yes},
    };
    CK_OBJECT_HANDLE objects[CAIRN_SIGNER_KEYS_MAX];
    size_t count = 0;
    CAIRN_TRY(find_objects(t, wanted, 2, objects, CAIRN_SIGNER_KEYS_MAX, &count));
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(visit_object(t, objects[i], fn, context));
    return CAIRN_OK;
}

/* --- what a run that was ended has left --- */

static cairn_err destroy_marked(const cairn_pkcs11 *t, const uint8_t *mark, CK_OBJECT_CLASS class)
{
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}};
    CK_OBJECT_HANDLE objects[CAIRN_SIGNER_KEYS_MAX];
    size_t count = 0;
    CAIRN_TRY(find_objects(t, wanted, 1, objects, CAIRN_SIGNER_KEYS_MAX, &count));
    for (size_t i = 0; i < count; i++) {
        uint8_t buffer[ID_SIZE_MAX];
        cairn_bytes id = {buffer, 0};
        CAIRN_TRY(read_attribute(t, objects[i], CKA_ID, buffer, sizeof buffer, &id));
        if (id.size == ID_SIZE && memcmp(id.data, mark, CAIRN_SIGNER_MARK_SIZE) == 0)
            TOKEN_TRY("C_DestroyObject", t->api->C_DestroyObject(t->session, objects[i]));
    }
    return CAIRN_OK;
}

cairn_err cairn_pkcs11_remove_marked(cairn_pkcs11 *t, const uint8_t mark[CAIRN_SIGNER_MARK_SIZE])
{
    CAIRN_TRY(destroy_marked(t, mark, CKO_PRIVATE_KEY));
    return destroy_marked(t, mark, CKO_PUBLIC_KEY);
}

static cairn_err destroy_named(const cairn_pkcs11 *t, const char *name, CK_OBJECT_CLASS class)
{
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_LABEL, (void *)(uintptr_t)name, strlen(name)},
    };
    CK_OBJECT_HANDLE objects[CAIRN_SIGNER_KEYS_MAX];
    size_t count = 0;
    CAIRN_TRY(find_objects(t, wanted, 2, objects, CAIRN_SIGNER_KEYS_MAX, &count));
    for (size_t i = 0; i < count; i++)
        TOKEN_TRY("C_DestroyObject", t->api->C_DestroyObject(t->session, objects[i]));
    return CAIRN_OK;
}

cairn_err cairn_pkcs11_remove(cairn_pkcs11 *t, const char *name)
{
    CAIRN_TRY(destroy_named(t, name, CKO_PRIVATE_KEY));
    return destroy_named(t, name, CKO_PUBLIC_KEY);
}

/* --- opening and closing --- */

static cairn_err load_module(cairn_pkcs11 *t, const char *path)
{
    t->module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (t->module == NULL)
        return CAIRN_FAIL(CAIRN_ERR_TOKEN, "house", "token: dlopen: %s", dlerror());
    (void)__atomic_add_fetch(&open_tokens, 1, __ATOMIC_ACQ_REL);
    CK_C_GetFunctionList list = NULL;
    void *symbol = dlsym(t->module, "C_GetFunctionList");
    if (symbol == NULL)
        return CAIRN_FAIL(CAIRN_ERR_TOKEN, "house", "token: %s is no PKCS #11 module", path);
    memcpy(&list, &symbol, sizeof list); /* ISO C has no cast from object to function pointer */
    TOKEN_TRY("C_GetFunctionList", list(&t->api));
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_RV rv = t->api->C_Initialize(&args);
    t->initialised = rv == CKR_OK;
    if (rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
        TOKEN_TRY("C_Initialize", rv);
    return CAIRN_OK;
}

static cairn_err find_slot(const cairn_pkcs11 *t, CK_SLOT_ID *ret_slot)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    size_t found = 0;
    TOKEN_TRY("C_GetSlotList", t->api->C_GetSlotList(CK_TRUE, slots, &count));
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        TOKEN_TRY("C_GetTokenInfo", t->api->C_GetTokenInfo(slots[i], &info));
        if (memcmp(info.label, t->label, sizeof t->label) != 0)
            continue;
        found++;
        *ret_slot = slots[i];
    }
    if (found != 1)
        return CAIRN_FAIL(found == 0 ? CAIRN_ERR_NOT_FOUND : CAIRN_ERR_CONFIG, "house",
                          "token: %zu tokens labelled \"%.32s\"", found, t->label);
    return CAIRN_OK;
}

static cairn_err log_in(cairn_pkcs11 *t, const char *module, const char *pin)
{
    CK_SLOT_ID slot = 0;
    CAIRN_TRY(load_module(t, module));
    CAIRN_TRY(find_slot(t, &slot));
    TOKEN_TRY("C_OpenSession", t->api->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
                                                     NULL, NULL, &t->session));
    t->has_session = true;
    TOKEN_TRY("C_Login",
              t->api->C_Login(t->session, CKU_USER, (CK_UTF8CHAR_PTR)(uintptr_t)pin, strlen(pin)));
    return CAIRN_OK;
}

cairn_err cairn_pkcs11_open(const char *module, const char *token, const char *pin,
                            cairn_pkcs11 **ret_token)
{
    size_t size = strlen(token);
    if (size > TOKEN_LABEL_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "token: label of %zu bytes", size);
    CAIRN_CLEANUP(cairn_pkcs11_close_p) cairn_pkcs11 *t = calloc(1, sizeof *t);
    if (t == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "token: %zu bytes", sizeof *t);
    memset(t->label, ' ', sizeof t->label);
    memcpy(t->label, token, size);
    CAIRN_TRY(log_in(t, module, pin));
    *ret_token = CAIRN_STEAL(t);
    return CAIRN_OK;
}

void cairn_pkcs11_close(cairn_pkcs11 *t)
{
    if (t == NULL)
        return;
    if (t->has_session)
        (void)t->api->C_CloseSession(t->session);
    bool last = t->module != NULL && __atomic_sub_fetch(&open_tokens, 1, __ATOMIC_ACQ_REL) == 0;
    if (last && t->initialised)
        (void)t->api->C_Finalize(NULL);
    if (last)
        (void)dlclose(t->module);
    free(t);
}

/* --- making keys --- */

static cairn_err make_pair(const cairn_pkcs11 *t, cairn_bytes name, cairn_bytes id,
                           const token_curve *curve, CK_OBJECT_HANDLE *ret_public,
                           CK_OBJECT_HANDLE *ret_private)
{
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_MECHANISM mechanism = {curve->generate, NULL, 0};
    void *label = (void *)(uintptr_t)name.data;
    void *id_data = (void *)(uintptr_t)id.data;
    CK_ATTRIBUTE public_part[] = {
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &no, sizeof no},
        {CKA_VERIFY, &yes, sizeof yes},
        {CKA_LABEL, label, name.size},
        {CKA_ID, id_data, id.size},
        {CKA_EC_PARAMS, (void *)(uintptr_t)curve->params.data, curve->params.size},
    };
    CK_ATTRIBUTE private_part[] = {
        {CKA_TOKEN, &yes, sizeof yes},     {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},      {CKA_LABEL, label, name.size},
        {CKA_ID, id_data, id.size},
    };
    TOKEN_TRY("C_GenerateKeyPair",
              t->api->C_GenerateKeyPair(t->session, &mechanism, public_part,
                                        sizeof public_part / sizeof public_part[0], private_part,
                                        sizeof private_part / sizeof private_part[0], ret_public,
                                        ret_private));
    return CAIRN_OK;
}

/* A token that quietly makes an extractable key is refused. */
static cairn_err check_private(const cairn_pkcs11 *t, CK_OBJECT_HANDLE object)
{
    uint8_t sensitive[sizeof(CK_BBOOL)] = {CK_FALSE};
    uint8_t extractable[sizeof(CK_BBOOL)] = {CK_TRUE};
    cairn_bytes value = {0};
    CAIRN_TRY(read_attribute(t, object, CKA_SENSITIVE, sensitive, sizeof sensitive, &value));
    CAIRN_TRY(read_attribute(t, object, CKA_EXTRACTABLE, extractable, sizeof extractable, &value));
    if (sensitive[0] != CK_TRUE || extractable[0] != CK_FALSE)
        return CAIRN_FAIL(CAIRN_ERR_TOKEN, "house", "token: the new key could leave the token");
    return CAIRN_OK;
}

static cairn_err inspect_pair(const cairn_pkcs11 *t, cairn_bytes name, cairn_bytes id,
                              CK_OBJECT_HANDLE private_object, cairn_key **ret_public)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(check_private(t, private_object));
    CAIRN_TRY(find_public(t, name, id, &key));
    if (key == NULL)
        return CAIRN_FAIL(CAIRN_ERR_TOKEN, "house", "token: the new public key is not there");
    *ret_public = CAIRN_STEAL(key);
    return CAIRN_OK;
}

cairn_err cairn_pkcs11_generate(cairn_pkcs11 *t, const char *name, cairn_key_type type,
                                const uint8_t *mark, cairn_key **ret_public,
                                cairn_pkcs11_object *ret_object)
{
    uint8_t id_data[ID_SIZE];
    cairn_bytes id = cairn_bytes_of(id_data, sizeof id_data);
    cairn_bytes label = cairn_bytes_str(name);
    CK_OBJECT_HANDLE public_object = 0;
    CK_OBJECT_HANDLE private_object = 0;
    if (RAND_bytes(id_data, sizeof id_data) != 1)
        return cairn_openssl_fail("random generator");
    if (mark != NULL)
        memcpy(id_data, mark, CAIRN_SIGNER_MARK_SIZE);
    CAIRN_TRY(make_pair(t, label, id, &curves[type], &public_object, &private_object));
    cairn_err err = inspect_pair(t, label, id, private_object, ret_public);
    if (err != CAIRN_OK) {
        (void)t->api->C_DestroyObject(t->session, private_object);
        (void)t->api->C_DestroyObject(t->session, public_object);
        return err;
    }
    *ret_object = private_object;
    return CAIRN_OK;
}

/* --- signing --- */

static cairn_err sign_raw(const cairn_pkcs11 *t, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE object,
                          cairn_bytes data, uint8_t *ret_signature, size_t size)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_ULONG written = CAIRN_SIGNATURE_SIZE_MAX;
    TOKEN_TRY("C_SignInit", t->api->C_SignInit(t->session, &mechanism, object));
    TOKEN_TRY("C_Sign", t->api->C_Sign(t->session, (CK_BYTE_PTR)(uintptr_t)data.data, data.size,
                                       ret_signature, &written));
    if (written != size)
        return CAIRN_FAIL(CAIRN_ERR_TOKEN, "PKCS #11 v3.0 section 2.3.1",
                          "token: signature of %lu bytes", (unsigned long)written);
    return CAIRN_OK;
}

/* The signature is verified before it leaves: a token that errs must not sign in our name. */
cairn_err cairn_pkcs11_sign(cairn_pkcs11 *t, const cairn_key *public_key,
                            cairn_pkcs11_object object, cairn_bytes message,
                            uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    cairn_key_type type = cairn_key_get_type(public_key);
    size_t size = 2 * cairn_key_facts_of(type)->field_size;
    uint8_t digest[KEY_FIELD_SIZE_MAX];
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    cairn_bytes data = message;
    if (cairn_key_type_is_ec(type)) {
        CAIRN_TRY(cairn_key_digest(type, message, digest));
        data = cairn_bytes_of(digest, cairn_key_facts_of(type)->field_size);
    }
    CAIRN_TRY(sign_raw(t, curves[type].sign, object, data, signature, size));
    if (cairn_key_verify(public_key, message, cairn_bytes_of(signature, size)) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_TOKEN, "house", "token: its signature does not verify");
    if (cairn_key_type_is_ec(type))
        cairn_signature_make_low(type, signature);
    memcpy(ret_signature, signature, size);
    *ret_size = size;
    return CAIRN_OK;
}

/* --- HMAC --- */

static cairn_err make_secret(const cairn_pkcs11 *t, const char *name, CK_OBJECT_HANDLE *ret_object)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE key_type = CKK_GENERIC_SECRET;
    CK_MECHANISM mechanism = {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0};
    CK_ULONG size = SECRET_SIZE;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE secret[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &key_type, sizeof key_type},
        {CKA_VALUE_LEN, &size, sizeof size},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},
        {CKA_LABEL, (void *)(uintptr_t)name, strlen(name)},
    };
    TOKEN_TRY("C_GenerateKey", t->api->C_GenerateKey(t->session, &mechanism, secret,
                                                     sizeof secret / sizeof secret[0], ret_object));
    cairn_err err = check_private(t, *ret_object);
    if (err != CAIRN_OK)
        (void)t->api->C_DestroyObject(t->session, *ret_object);
    return err;
}

static cairn_err find_secret(const cairn_pkcs11 *t, const char *name, CK_OBJECT_HANDLE *ret_object)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_LABEL, (void *)(uintptr_t)name, strlen(name)},
    };
    size_t count = 0;
    CAIRN_TRY(find_objects(t, wanted, 2, ret_object, 1, &count));
    return count == 1 ? CAIRN_OK : make_secret(t, name, ret_object);
}

cairn_err cairn_pkcs11_mac(cairn_pkcs11 *t, const char *name, size_t size, cairn_bytes message,
                           uint8_t ret_mac[CAIRN_PKCS11_MAC_SIZE_MAX])
{
    CAIRN_ASSERT(size == 32 || size == 48);
    uint8_t mac[CAIRN_SIGNATURE_SIZE_MAX];
    CK_OBJECT_HANDLE object = 0;
    CAIRN_TRY(find_secret(t, name, &object));
    CAIRN_TRY(
        sign_raw(t, size == 32 ? CKM_SHA256_HMAC : CKM_SHA384_HMAC, object, message, mac, size));
    memcpy(ret_mac, mac, size);
    return CAIRN_OK;
}
