/* The signer over a PKCS#11 token, tried with SoftHSM in a private directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <ftw.h>
#include <p11-kit/pkcs11.h>
#include <unistd.h>

#include "core/crypto/signer.h"

#define SIGNER(name) CAIRN_CLEANUP(cairn_signer_free_p) cairn_signer *name = NULL
#define KEY(name) CAIRN_CLEANUP(cairn_key_free_p) cairn_key *name = NULL
#define PIN "1234-user"
#define TOKEN "cairn test"

static const char module[] = "/usr/lib/softhsm/libsofthsm2.so";
static char directory[64];
static CK_FUNCTION_LIST *api; /* our own way to the token, beside the signer's */
static CK_SLOT_ID slot;

/* SoftHSM 2.6.1 leaks the point of an Ed25519 key that it signs with. Full stacks, so that the leak
 * checker sees whose it is; ours would still be found. */
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0";
}

const char *__lsan_default_suppressions(void)
{
    return "leak:libsofthsm2.so";
}

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)facts;
    (void)kind;
    (void)walk;
    return remove(path);
}

static CK_FUNCTION_LIST *load_module(void)
{
    CK_C_GetFunctionList list = NULL;
    CK_FUNCTION_LIST *functions = NULL;
    void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    void *symbol = dlsym(handle, "C_GetFunctionList");
    assert_non_null(symbol);
    memcpy(&list, &symbol, sizeof list);
    assert_int_equal(list(&functions), CKR_OK);
    return functions;
}

static CK_SLOT_ID last_slot(void)
{
    CK_SLOT_ID slots[16];
    CK_ULONG count = 16;
    assert_int_equal(api->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    return slots[count - 1];
}

static CK_SLOT_ID find_token(const char *label)
{
    CK_SLOT_ID slots[16];
    CK_ULONG count = 16;
    assert_int_equal(api->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        assert_int_equal(api->C_GetTokenInfo(slots[i], &info), CKR_OK);
        if (memcmp(info.label, label, strlen(label)) == 0)
            return slots[i];
    }
    fail_msg("no token %s", label);
    return 0;
}

static void init_token(const char *name)
{
    CK_UTF8CHAR label[32];
    CK_UTF8CHAR so_pin[] = "5678-officer";
    CK_UTF8CHAR pin[] = PIN;
    CK_SESSION_HANDLE session = 0;
    memset(label, ' ', sizeof label);
    memcpy(label, name, strlen(name));
    assert_int_equal(api->C_InitToken(last_slot(), so_pin, sizeof so_pin - 1, label), CKR_OK);
    slot = find_token(name);
    assert_int_equal(
        api->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
        CKR_OK);
    assert_int_equal(api->C_Login(session, CKU_SO, so_pin, sizeof so_pin - 1), CKR_OK);
    assert_int_equal(api->C_InitPIN(session, pin, sizeof pin - 1), CKR_OK);
    assert_int_equal(api->C_CloseSession(session), CKR_OK);
}

static int make_token(void **state)
{
    char conf[128];
    (void)state;
    if (access(module, R_OK) != 0) {
        printf("skipped: %s is not there\n", module);
        return 0;
    }
    (void)strcpy(directory, "/tmp/cairn-token-XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(conf, sizeof conf, "%s/softhsm2.conf", directory);
    FILE *f = fopen(conf, "w");
    assert_non_null(f);
    (void)fprintf(f, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n",
                  directory);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(setenv("SOFTHSM2_CONF", conf, 1), 0);
    api = load_module();
    assert_int_equal(api->C_Initialize(NULL), CKR_OK);
    init_token(TOKEN);
    return 0;
}

static int drop_token(void **state)
{
    (void)state;
    if (api == NULL)
        return 0;
    assert_int_equal(api->C_Finalize(NULL), CKR_OK);
    return nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#define NEED_MODULE()    \
    do {                 \
        if (api == NULL) \
            skip();      \
    } while (0)

static bool has_mechanism(CK_MECHANISM_TYPE mechanism)
{
    CK_MECHANISM_INFO info;
    return api->C_GetMechanismInfo(slot, mechanism, &info) == CKR_OK;
}

static void check_signature(cairn_signer *signer, const char *name, uint32_t number)
{
    KEY(public_key);
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message = cairn_bytes_of(&number, sizeof number);
    assert_int_equal(cairn_signer_public(signer, name, &public_key), CAIRN_OK);
    assert_int_equal(cairn_signer_sign_wait(signer, name, message, signature, &size), CAIRN_OK);
    assert_int_equal(cairn_key_verify(public_key, message, cairn_bytes_of(signature, size)),
                     CAIRN_OK);
    if (cairn_key_get_type(public_key) == CAIRN_KEY_P256)
        assert_true(cairn_signature_low_s(cairn_bytes_of(signature, size)));
}

static void test_keys_outlive_the_signer(void **state)
{
    (void)state;
    static const char *const names[] = {"p256", "p384", "ed25519"};
    static const cairn_key_type types[] = {CAIRN_KEY_P256, CAIRN_KEY_P384, CAIRN_KEY_ED25519};
    cairn_hash ids[3];
    NEED_MODULE();
    size_t count = has_mechanism(CKM_EDDSA) ? 3 : 2;
    if (count == 2)
        printf("the token has no CKM_EDDSA: only EC keys are tried\n");
    for (size_t round = 0; round < 2; round++) {
        SIGNER(signer);
        assert_int_equal(cairn_signer_open_pkcs11(module, TOKEN, PIN, &signer), CAIRN_OK);
        for (size_t i = 0; i < count; i++) {
            KEY(key);
            cairn_err err = round == 0 ? cairn_signer_generate(signer, names[i], types[i], &key)
                                       : cairn_signer_public(signer, names[i], &key);
            if (err != CAIRN_OK)
                fail_msg("%s: %s", names[i], cairn_err_detail());
            if (round == 0)
                ids[i] = *cairn_key_id(key);
            assert_true(cairn_hash_equal(&ids[i], cairn_key_id(key)));
            check_signature(signer, names[i], 7);
        }
        KEY(again);
        assert_int_equal(cairn_signer_generate(signer, "p256", CAIRN_KEY_P256, &again),
                         CAIRN_ERR_EXISTS);
        assert_int_equal(cairn_signer_public(signer, "nobody", &again), CAIRN_ERR_NOT_FOUND);
    }
}

static CK_OBJECT_HANDLE find_private(CK_SESSION_HANDLE session, const char *name)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    char label[64];
    CK_OBJECT_HANDLE object = 0;
    CK_ULONG count = 0;
    (void)strcpy(label, name);
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, label, strlen(name)}};
    assert_int_equal(api->C_FindObjectsInit(session, wanted, 2), CKR_OK);
    assert_int_equal(api->C_FindObjects(session, &object, 1, &count), CKR_OK);
    assert_int_equal(api->C_FindObjectsFinal(session), CKR_OK);
    assert_int_equal(count, 1);
    return object;
}

static void test_private_part_cannot_leave(void **state)
{
    (void)state;
    NEED_MODULE();
    SIGNER(signer);
    KEY(key);
    CK_SESSION_HANDLE session = 0;
    CK_BBOOL sensitive = CK_FALSE;
    CK_BBOOL extractable = CK_TRUE;
    uint8_t value[64];
    assert_int_equal(cairn_signer_open_pkcs11(module, TOKEN, PIN, &signer), CAIRN_OK);
    assert_int_equal(cairn_signer_generate(signer, "inside", CAIRN_KEY_P256, &key), CAIRN_OK);
    assert_false(cairn_key_is_private(key));
    assert_int_equal(api->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
    CK_OBJECT_HANDLE object = find_private(session, "inside");
    CK_ATTRIBUTE facts[] = {{CKA_SENSITIVE, &sensitive, sizeof sensitive},
                            {CKA_EXTRACTABLE, &extractable, sizeof extractable}};
    assert_int_equal(api->C_GetAttributeValue(session, object, facts, 2), CKR_OK);
    assert_int_equal(sensitive, CK_TRUE);
    assert_int_equal(extractable, CK_FALSE);
    CK_ATTRIBUTE secret = {CKA_VALUE, value, sizeof value};
    assert_int_equal(api->C_GetAttributeValue(session, object, &secret, 1),
                     CKR_ATTRIBUTE_SENSITIVE);
    assert_int_equal(api->C_CloseSession(session), CKR_OK);
}

/* SoftHSM does not tell how many sessions there are, so its function list, which is one for us and
 * the signer, gets functions that count. */
static CK_RV (*real_open)(CK_SLOT_ID, CK_FLAGS, void *, CK_NOTIFY, CK_SESSION_HANDLE *);
static CK_RV (*real_close)(CK_SESSION_HANDLE);
static long session_count;

static CK_RV counting_open(CK_SLOT_ID id, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                           CK_SESSION_HANDLE *ret_session)
{
    CK_RV rv = real_open(id, flags, application, notify, ret_session);
    (void)__atomic_add_fetch(&session_count, rv == CKR_OK, __ATOMIC_SEQ_CST);
    return rv;
}

static CK_RV counting_close(CK_SESSION_HANDLE session)
{
    CK_RV rv = real_close(session);
    (void)__atomic_sub_fetch(&session_count, rv == CKR_OK, __ATOMIC_SEQ_CST);
    return rv;
}

static void count_sessions(void)
{
    real_open = api->C_OpenSession;
    real_close = api->C_CloseSession;
    api->C_OpenSession = counting_open;
    api->C_CloseSession = counting_close;
}

static void test_thousands_of_signatures_in_one_session(void **state)
{
    (void)state;
    NEED_MODULE();
    KEY(key);
    count_sessions();
    {
        SIGNER(signer);
        assert_int_equal(cairn_signer_open_pkcs11(module, TOKEN, PIN, &signer), CAIRN_OK);
        assert_int_equal(session_count, 1);
        assert_int_equal(cairn_signer_generate(signer, "busy", CAIRN_KEY_P256, &key), CAIRN_OK);
        for (uint32_t i = 0; i < 3000; i++)
            check_signature(signer, "busy", i);
        assert_int_equal(session_count, 1);
    }
    assert_int_equal(session_count, 0);
    api->C_OpenSession = real_open;
    api->C_CloseSession = real_close;
}

static void test_refusals_of_the_token_are_named(void **state)
{
    (void)state;
    NEED_MODULE();
    cairn_signer *none = NULL;
    assert_int_equal(cairn_signer_open_pkcs11(module, TOKEN, "wrong", &none), CAIRN_ERR_TOKEN);
    assert_non_null(strstr(cairn_err_detail(), "C_Login: CKR_PIN_INCORRECT"));
    assert_int_equal(cairn_signer_open_pkcs11(module, "no such token", PIN, &none),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_signer_open_pkcs11("/nonexistent.so", TOKEN, PIN, &none),
                     CAIRN_ERR_TOKEN);
    assert_int_equal(cairn_signer_open_pkcs11("libm.so.6", TOKEN, PIN, &none), CAIRN_ERR_TOKEN);
    assert_non_null(strstr(cairn_err_detail(), "no PKCS #11 module"));
    assert_int_equal(
        cairn_signer_open_pkcs11(module, "a label of more than thirty-two bytes", PIN, &none),
        CAIRN_ERR_ARGUMENT);
    assert_null(none);
}

/* A key that vanishes from the token: the signer says so, and does not sign in another way. */
static void test_lost_key_is_no_signature(void **state)
{
    (void)state;
    NEED_MODULE();
    SIGNER(signer);
    KEY(key);
    CK_SESSION_HANDLE session = 0;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    assert_int_equal(cairn_signer_open_pkcs11(module, TOKEN, PIN, &signer), CAIRN_OK);
    assert_int_equal(cairn_signer_generate(signer, "lost", CAIRN_KEY_P256, &key), CAIRN_OK);
    assert_int_equal(
        api->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
        CKR_OK);
    assert_int_equal(api->C_DestroyObject(session, find_private(session, "lost")), CKR_OK);
    assert_int_equal(api->C_CloseSession(session), CKR_OK);
    assert_int_equal(cairn_signer_sign_wait(signer, "lost", cairn_bytes_str("m"), signature, &size),
                     CAIRN_ERR_TOKEN);
    assert_non_null(strstr(cairn_err_detail(), "C_SignInit: CKR_"));
    assert_int_equal(size, 0);
    KEY(other);
    assert_int_equal(cairn_signer_generate(signer, "found", CAIRN_KEY_P256, &other), CAIRN_OK);
    check_signature(signer, "found", 1);
}

/* A session beside the signer, which is logged in; it would keep the next one from its login. */
static CK_SESSION_HANDLE open_session(void)
{
    CK_SESSION_HANDLE session = 0;
    assert_int_equal(
        api->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
        CKR_OK);
    return session;
}

static size_t count_objects(const char *name)
{
    CK_SESSION_HANDLE session = open_session();
    CK_OBJECT_HANDLE objects[8];
    CK_ULONG count = 0;
    char label[64];
    (void)strcpy(label, name);
    CK_ATTRIBUTE wanted[] = {{CKA_LABEL, label, strlen(name)}};
    assert_int_equal(api->C_FindObjectsInit(session, wanted, 1), CKR_OK);
    assert_int_equal(api->C_FindObjects(session, objects, 8, &count), CKR_OK);
    assert_int_equal(api->C_FindObjectsFinal(session), CKR_OK);
    assert_int_equal(api->C_CloseSession(session), CKR_OK);
    return count;
}

static cairn_signer *open_marked(const uint8_t *mark)
{
    cairn_signer *signer = NULL;
    cairn_err err = mark == NULL
                        ? cairn_signer_open_pkcs11(module, TOKEN, PIN, &signer)
                        : cairn_signer_open_pkcs11_marked(module, TOKEN, PIN, mark, &signer);
    assert_int_equal(err, CAIRN_OK);
    return signer;
}

static void make_key(cairn_signer *signer, const char *name)
{
    KEY(key);
    assert_int_equal(cairn_signer_generate(signer, name, CAIRN_KEY_P256, &key), CAIRN_OK);
    check_signature(signer, name, 3);
}

/* Only those that bear the mark go, also when half of a pair is left; and whoever has no mark takes
 * nothing back. */
static void test_marked_keys_are_taken_back(void **state)
{
    (void)state;
    static const uint8_t mine[CAIRN_SIGNER_MARK_SIZE] = "of a run 1";
    static const uint8_t others[CAIRN_SIGNER_MARK_SIZE] = "of a run 2";
    NEED_MODULE();
    SIGNER(plain);
    SIGNER(theirs);
    SIGNER(ended);
    SIGNER(again);
    plain = open_marked(NULL);
    make_key(plain, "bare");
    cairn_signer_free(CAIRN_STEAL(plain));
    theirs = open_marked(others);
    make_key(theirs, "theirs");
    cairn_signer_free(CAIRN_STEAL(theirs));
    ended = open_marked(mine);
    make_key(ended, "whole");
    make_key(ended, "half");
    CK_SESSION_HANDLE session = open_session();
    assert_int_equal(api->C_DestroyObject(session, find_private(session, "half")), CKR_OK);
    assert_int_equal(api->C_CloseSession(session), CKR_OK);
    cairn_signer_free(CAIRN_STEAL(ended));
    plain = open_marked(NULL);
    check_signature(plain, "whole", 4);
    assert_int_equal(count_objects("whole"), 2);
    assert_int_equal(count_objects("half"), 1);
    cairn_signer_free(CAIRN_STEAL(plain));
    again = open_marked(mine);
    assert_int_equal(count_objects("whole"), 0);
    assert_int_equal(count_objects("half"), 0);
    check_signature(again, "bare", 5);
    check_signature(again, "theirs", 6);
    make_key(again, "whole");
}

/* A second private key under a name makes the name mean nothing: the token is not opened. */
static void test_two_keys_of_one_name(void **state)
{
    (void)state;
    NEED_MODULE();
    cairn_signer *signer = NULL;
    KEY(key);
    CK_SESSION_HANDLE session = 0;
    char name[] = "twin";
    assert_int_equal(cairn_signer_open_pkcs11(module, TOKEN, PIN, &signer), CAIRN_OK);
    assert_int_equal(cairn_signer_generate(signer, "twin", CAIRN_KEY_P256, &key), CAIRN_OK);
    KEY(other);
    assert_int_equal(cairn_signer_generate(signer, "twix", CAIRN_KEY_P256, &other), CAIRN_OK);
    assert_int_equal(
        api->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
        CKR_OK);
    CK_OBJECT_HANDLE object = find_private(session, "twix");
    uint8_t id[64];
    CK_ATTRIBUTE label = {CKA_LABEL, name, 4};
    CK_ATTRIBUTE id_of = {CKA_ID, id, sizeof id};
    assert_int_equal(api->C_GetAttributeValue(session, find_private(session, "twin"), &id_of, 1),
                     CKR_OK);
    assert_int_equal(api->C_SetAttributeValue(session, object, &label, 1), CKR_OK);
    assert_int_equal(api->C_SetAttributeValue(session, object, &id_of, 1), CKR_OK);
    cairn_signer_free(signer);
    signer = NULL;
    assert_int_equal(api->C_CloseSession(session), CKR_OK);
    assert_int_equal(cairn_signer_open_pkcs11(module, TOKEN, PIN, &signer), CAIRN_ERR_EXISTS);
    assert_null(signer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_outlive_the_signer),
        cmocka_unit_test(test_private_part_cannot_leave),
        cmocka_unit_test(test_thousands_of_signatures_in_one_session),
        cmocka_unit_test(test_refusals_of_the_token_are_named),
        cmocka_unit_test(test_lost_key_is_no_signature),
        cmocka_unit_test(test_marked_keys_are_taken_back),
        cmocka_unit_test(test_two_keys_of_one_name),
    };
    return cmocka_run_group_tests(tests, make_token, drop_token);
}
