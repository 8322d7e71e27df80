/* Both holders of epoch keys: the same duties; then a whole vault on a token. The token is SoftHSM
 * (CAIRN_SOFTHSM or its usual place); without it those tests are skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#include "core/store/file.h"
#include "core/store/vault.h"
#include "support/tree.h"

static const char pin[] = "1234";
static char label[] = "cairn vault test";

static char root[64];

static int set_up(void **state)
{
    (void)state;
    tree_make(root, sizeof root, "holder");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tree_remove(root);
    return 0;
}

/* Path of SoftHSM's module, or NULL. */
static const char *softhsm(void)
{
    static const char *const places[] = {"/usr/lib/softhsm/libsofthsm2.so",
                                         "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                                         "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"};
    const char *named = getenv("CAIRN_SOFTHSM");
    if (named != NULL)
        return named;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

static CK_FUNCTION_LIST_PTR p11;
static CK_SLOT_ID slot;
static char token_root[64];

/* A fresh token with a user PIN, once for the program. */
static int make_token(void **state)
{
    (void)state;
    const char *module = softhsm();
    if (module == NULL)
        return 0;
    tree_make(token_root, sizeof token_root, "softhsm");
    char path[128];
    char text[256];
    (void)snprintf(path, sizeof path, "%s/conf", token_root);
    (void)snprintf(text, sizeof text, "directories.tokendir = %s\nlog.level = ERROR\n", token_root);
    assert_int_equal(cairn_file_replace(path, 0600, cairn_bytes_str(text), NULL), CAIRN_OK);
    assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
    void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(library);
    CK_C_GetFunctionList get_list = NULL;
    void *symbol = dlsym(library, "C_GetFunctionList");
    memcpy(&get_list, &symbol, sizeof get_list);
    assert_int_equal(get_list(&p11), CKR_OK);
    assert_int_equal(p11->C_Initialize(NULL), CKR_OK);
    CK_ULONG count = 1;
    CK_UTF8CHAR padded[32];
    CK_UTF8CHAR so_pin[] = "123456";
    CK_UTF8CHAR user_pin[] = "1234";
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, strlen(label));
    assert_int_equal(p11->C_GetSlotList(CK_TRUE, &slot, &count), CKR_OK);
    assert_int_equal(p11->C_InitToken(slot, so_pin, 6, padded), CKR_OK);
    assert_int_equal(p11->C_Finalize(NULL), CKR_OK); /* SoftHSM gives the token another slot */
    assert_int_equal(p11->C_Initialize(NULL), CKR_OK);
    count = 1;
    CK_SLOT_ID slots[2];
    count = 2;
    assert_int_equal(p11->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    slot = slots[0];
    CK_SESSION_HANDLE session = 0;
    assert_int_equal(
        p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
        CKR_OK);
    assert_int_equal(p11->C_Login(session, CKU_SO, so_pin, 6), CKR_OK);
    assert_int_equal(p11->C_InitPIN(session, user_pin, 4), CKR_OK);
    assert_int_equal(p11->C_Logout(session), CKR_OK);
    assert_int_equal(p11->C_CloseSession(session), CKR_OK);
    return 0;
}

static int remove_token(void **state)
{
    (void)state;
    if (p11 != NULL) {
        assert_int_equal(p11->C_Finalize(NULL), CKR_OK);
        tree_remove(token_root);
    }
    return 0;
}

static cairn_vault_holder *open_token(void)
{
    const char *module = softhsm();
    if (module == NULL) {
        print_message("skipped: SoftHSM's PKCS#11 module is not installed\n");
        skip();
    }
    cairn_vault_holder *holder = NULL;
    cairn_err err = cairn_vault_holder_open_pkcs11(module, label, pin, &holder);
    if (err != CAIRN_OK)
        print_error("%s: %s\n", cairn_err_name(err), cairn_err_detail());
    assert_int_equal(err, CAIRN_OK);
    return holder;
}

static cairn_vault_holder *open_files(void)
{
    char path[96];
    cairn_vault_holder *holder = NULL;
    (void)snprintf(path, sizeof path, "%s/keys", root);
    assert_int_equal(cairn_vault_holder_open_files(path, &holder), CAIRN_OK);
    return holder;
}

/* What every holder must do. */
static void check_duties(cairn_vault_holder *holder)
{
    cairn_vault_epoch one = {.vault = {{1, 2, 3}}, .number = 1};
    cairn_vault_epoch two = {.vault = {{1, 2, 3}}, .number = 2};
    uint8_t wrapped[CAIRN_VAULT_WRAPPED_SIZE];
    uint8_t again[CAIRN_VAULT_WRAPPED_SIZE];
    uint8_t secret[32] = "thirty-two bytes of a table key";
    cairn_secret back = {0};
    bool there = true;
    assert_int_equal(holder->ops->exists(holder, &one, &there), CAIRN_OK);
    assert_false(there);
    assert_int_equal(holder->ops->wrap(holder, &one, cairn_bytes_of(secret, 32), wrapped),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(holder->ops->create(holder, &one), CAIRN_OK);
    assert_int_equal(holder->ops->create(holder, &one), CAIRN_ERR_EXISTS);
    assert_int_equal(holder->ops->create(holder, &two), CAIRN_OK);
    assert_int_equal(holder->ops->exists(holder, &one, &there), CAIRN_OK);
    assert_true(there);
    assert_int_equal(holder->ops->wrap(holder, &one, cairn_bytes_of(secret, 32), wrapped),
                     CAIRN_OK);
    assert_int_equal(holder->ops->wrap(holder, &one, cairn_bytes_of(secret, 32), again), CAIRN_OK);
    assert_memory_not_equal(wrapped, again, sizeof wrapped); /* fresh nonces */
    assert_int_equal(holder->ops->unwrap(holder, &one, wrapped, &back), CAIRN_OK);
    assert_true(cairn_bytes_equal(cairn_secret_view(&back), cairn_bytes_of(secret, 32)));
    assert_int_equal(holder->ops->unwrap(holder, &two, wrapped, &back), CAIRN_ERR_BAD_MAC);
    for (size_t i = 0; i < sizeof wrapped; i++) {
        wrapped[i] ^= 1;
        assert_int_equal(holder->ops->unwrap(holder, &one, wrapped, &back), CAIRN_ERR_BAD_MAC);
        wrapped[i] ^= 1;
    }
    assert_int_equal(holder->ops->destroy(holder, &one), CAIRN_OK);
    assert_int_equal(holder->ops->destroy(holder, &one), CAIRN_OK);
    assert_int_equal(holder->ops->unwrap(holder, &one, wrapped, &back), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(holder->ops->create(holder, &one), CAIRN_OK); /* another key, same name */
    assert_int_equal(holder->ops->unwrap(holder, &one, wrapped, &back), CAIRN_ERR_BAD_MAC);
    assert_int_equal(holder->ops->destroy(holder, &one), CAIRN_OK);
    assert_int_equal(holder->ops->destroy(holder, &two), CAIRN_OK);
    cairn_vault_holder_free(holder);
}

static void test_duties_of_files(void **state)
{
    (void)state;
    check_duties(open_files());
}

static void test_duties_of_a_token(void **state)
{
    (void)state;
    check_duties(open_token());
}

/* The wrapped form is the same: what a token wrapped is AES-256-GCM as the page says, because both
 * holders pass the same checks; here that a key file says what it is. */
static void test_key_file_is_strict(void **state)
{
    (void)state;
    cairn_vault_holder *holder = open_files();
    cairn_vault_epoch one = {.vault = {{9}}, .number = 1};
    uint8_t wrapped[CAIRN_VAULT_WRAPPED_SIZE];
    uint8_t secret[32] = {0};
    cairn_secret back = {0};
    assert_int_equal(holder->ops->create(holder, &one), CAIRN_OK);
    assert_int_equal(holder->ops->wrap(holder, &one, cairn_bytes_of(secret, 32), wrapped),
                     CAIRN_OK);
    char path[160];
    (void)snprintf(path, sizeof path, "%s/keys/epoch-0000000000000001.key", root);
    uint8_t storage[4096];
    cairn_arena arena;
    cairn_bytes file = {0};
    cairn_arena_init_fixed(&arena, storage, sizeof storage);
    assert_int_equal(cairn_file_read(&arena, path, 200, &file), CAIRN_OK);
    uint8_t copy[201];
    for (size_t i = 0; i <= file.size; i++) { /* every byte changed, and one more */
        memcpy(copy, file.data, file.size);
        copy[file.size] = 0;
        copy[i] ^= 1;
        size_t size = i < file.size ? file.size : file.size + 1;
        assert_int_equal(cairn_file_replace(path, 0600, cairn_bytes_of(copy, size), NULL),
                         CAIRN_OK);
        assert_int_not_equal(holder->ops->unwrap(holder, &one, wrapped, &back), CAIRN_OK);
    }
    assert_int_equal(cairn_file_replace(path, 0600, file, NULL), CAIRN_OK);
    assert_int_equal(holder->ops->unwrap(holder, &one, wrapped, &back), CAIRN_OK);
    cairn_vault_holder_free(holder);
}

static void test_token_refusals_are_named(void **state)
{
    (void)state;
    cairn_vault_holder_free(open_token()); /* or skip */
    cairn_vault_holder *holder = NULL;
    assert_int_equal(cairn_vault_holder_open_pkcs11("/no/such/module.so", label, pin, &holder),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_vault_holder_open_pkcs11(softhsm(), "no such token", pin, &holder),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_vault_holder_open_pkcs11(softhsm(), label, "4321", &holder),
                     CAIRN_ERR_TOKEN);
    assert_non_null(strstr(cairn_err_detail(), "C_Login"));
}

/* The epoch key says of itself that it cannot leave the token. */
static void assert_not_extractable(void)
{
    CK_SESSION_HANDLE session = 0;
    CK_UTF8CHAR user_pin[] = "1234";
    assert_int_equal(
        p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
        CKR_OK);
    CK_RV rv = p11->C_Login(session, CKU_USER, user_pin, 4);
    assert_true(rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN);
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
    CK_OBJECT_HANDLE keys[4];
    CK_ULONG count = 0;
    assert_int_equal(p11->C_FindObjectsInit(session, &wanted, 1), CKR_OK);
    assert_int_equal(p11->C_FindObjects(session, keys, 4, &count), CKR_OK);
    assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
    assert_int_equal(count, 1); /* and the earlier epochs' are gone */
    CK_BBOOL extractable = CK_TRUE;
    CK_BYTE value[64];
    CK_ATTRIBUTE flag = {CKA_EXTRACTABLE, &extractable, sizeof extractable};
    CK_ATTRIBUTE bytes = {CKA_VALUE, value, sizeof value};
    assert_int_equal(p11->C_GetAttributeValue(session, keys[0], &flag, 1), CKR_OK);
    assert_int_equal(extractable, CK_FALSE);
    assert_int_equal(p11->C_GetAttributeValue(session, keys[0], &bytes, 1),
                     CKR_ATTRIBUTE_SENSITIVE);
    assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void test_vault_on_a_token(void **state)
{
    (void)state;
    cairn_vault_holder *holder = open_token();
    char path[96];
    (void)snprintf(path, sizeof path, "%s/vault", root);
    cairn_vault *vault = NULL;
    cairn_hash subjects[2] = {{{1}}, {{2}}};
    cairn_hash addresses[2];
    assert_int_equal(cairn_vault_open(path, holder, &vault), CAIRN_OK);
    for (size_t i = 0; i < 2; i++) {
        cairn_vault_put *put = NULL;
        assert_int_equal(cairn_vault_put_begin(vault, &subjects[i], &put), CAIRN_OK);
        assert_int_equal(cairn_vault_put_write(put, cairn_bytes_str("payload")), CAIRN_OK);
        assert_int_equal(cairn_vault_put_end(put, &addresses[i]), CAIRN_OK);
        cairn_vault_put_free(put);
    }
    assert_int_equal(cairn_vault_erase(vault, &subjects[0]), CAIRN_OK);
    cairn_vault_close(vault);
    assert_int_equal(cairn_vault_open(path, holder, &vault), CAIRN_OK);
    cairn_vault_get *get = NULL;
    cairn_bytes chunk = {0};
    assert_int_equal(cairn_vault_get_open(vault, &subjects[0], &addresses[0], &get),
                     CAIRN_ERR_ERASED);
    assert_int_equal(cairn_vault_get_open(vault, &subjects[1], &addresses[1], &get), CAIRN_OK);
    assert_int_equal(cairn_vault_get_next(get, &chunk), CAIRN_OK);
    assert_true(cairn_bytes_equal(chunk, cairn_bytes_str("payload")));
    cairn_vault_get_free(get);
    assert_not_extractable();
    cairn_vault_close(vault);
    cairn_vault_holder_free(holder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_duties_of_files),   TEST(test_key_file_is_strict),
        TEST(test_duties_of_a_token), TEST(test_token_refusals_are_named),
        TEST(test_vault_on_a_token),
    };
    return cmocka_run_group_tests(tests, make_token, remove_token);
}
