/* A device whose keys are in a PKCS#11 token, tried with SoftHSM in a private directory: it is
 * initialised, onboarded, and its secrets are where nothing can read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/fdo_peer.h"
#include "support/tree.h"

#define PIN "1234-user"
#define TOKEN "device"

static const char module[] = "/usr/lib/softhsm/libsofthsm2.so";
static char directory[128];

/* As in core/crypto/signer_pkcs11_test.c: SoftHSM's own leaks. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libsofthsm2.so";
}

static int make_token(void **state)
{
    char path[256];
    (void)state;
    tree_make(directory, sizeof directory, "token");
    (void)snprintf(path, sizeof path, "%s/softhsm2.conf", directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(
        fprintf(file, "directories.tokendir = %s\nobjectstore.backend = file\n", directory) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
    return system("softhsm2-util --init-token --free --label " TOKEN " --pin " PIN
                  " --so-pin 12345678 >/dev/null 2>&1");
}

static int remove_token(void **state)
{
    (void)state;
    tree_remove(directory);
    return 0;
}

static void test_keys(void **state)
{
    CAIRN_CLEANUP(cairn_fdo_client_token_free_p) cairn_fdo_client_token *token = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *made = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *found = NULL;
    cairn_key *none = NULL;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    uint8_t first[48];
    uint8_t again[48];
    size_t size = 0;
    cairn_bytes message = cairn_bytes_str("message");
    (void)state;
    assert_int_equal(cairn_fdo_client_token_open(module, TOKEN, "wrong", &token), CAIRN_ERR_TOKEN);
    assert_int_equal(cairn_fdo_client_token_open(module, "other", PIN, &token),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_fdo_client_token_open(module, TOKEN, PIN, &token), CAIRN_OK);
    const cairn_fdo_client_keys keys = cairn_fdo_client_token_keys(token);
    assert_int_equal(keys.public_key(token, "k", &none), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(keys.generate(token, "no name", CAIRN_KEY_P256, &none), CAIRN_ERR_ARGUMENT);
    assert_int_equal(keys.generate(token, "k", CAIRN_KEY_P384, &made), CAIRN_OK);
    assert_int_equal(keys.generate(token, "k", CAIRN_KEY_P256, &none), CAIRN_ERR_EXISTS);
    assert_int_equal(keys.public_key(token, "k", &found), CAIRN_OK);
    assert_true(cairn_hash_equal(cairn_key_id(made), cairn_key_id(found)));
    assert_int_equal(keys.sign(token, "k", message, signature, &size), CAIRN_OK);
    assert_int_equal(cairn_key_verify(made, message, cairn_bytes_of(signature, size)), CAIRN_OK);
    assert_int_equal(keys.sign(token, "x", message, signature, &size), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(keys.remove(token, "k"), CAIRN_OK);
    assert_int_equal(keys.remove(token, "k"), CAIRN_OK);
    assert_int_equal(keys.public_key(token, "k", &none), CAIRN_ERR_NOT_FOUND);

    assert_int_equal(keys.mac(token, CAIRN_FDO_HMAC256, message, first), CAIRN_OK);
    assert_int_equal(keys.mac(token, CAIRN_FDO_HMAC256, message, again), CAIRN_OK);
    assert_memory_equal(first, again, 32);
    assert_int_equal(keys.mac(token, CAIRN_FDO_HMAC256, cairn_bytes_str("other"), again), CAIRN_OK);
    assert_memory_not_equal(first, again, 32);
    assert_int_equal(keys.mac(token, CAIRN_FDO_HMAC384, message, again), CAIRN_OK);
    cairn_fdo_client_token_free(CAIRN_STEAL(token)); /* the secret outlives the session */
    assert_int_equal(cairn_fdo_client_token_open(module, TOKEN, PIN, &token), CAIRN_OK);
    assert_int_equal(keys.mac(token, CAIRN_FDO_HMAC256, message, again), CAIRN_OK);
    assert_memory_equal(first, again, 32);
}

/* [X1353-R01] */
static void test_a_life_with_a_token(void **state)
{
    CAIRN_CLEANUP(cairn_fdo_client_token_free_p) cairn_fdo_client_token *token = NULL;
    fdo_peer peer;
    fdo_memory memory = {0};
    cairn_fdo_client *device = NULL;
    (void)state;
    fdo_peer_init(&peer, CAIRN_KEY_P256, 2);
    assert_int_equal(cairn_fdo_client_token_open(module, TOKEN, PIN, &token), CAIRN_OK);
    cairn_fdo_client_config config = fdo_memory_config(&memory);
    config.keys = cairn_fdo_client_token_keys(token);
    assert_int_equal(cairn_fdo_client_open(&config, &device), CAIRN_OK);
    assert_int_equal(fdo_play(device, &peer, CAIRN_FDO_CLIENT_DI), CAIRN_OK);
    assert_int_equal(fdo_play(device, &peer, CAIRN_FDO_CLIENT_TO1), CAIRN_OK);
    assert_int_equal(fdo_play(device, &peer, CAIRN_FDO_CLIENT_TO2), CAIRN_OK);
    assert_int_equal(cairn_fdo_client_get_state(device), CAIRN_FDO_CLIENT_ONBOARDED);
    assert_int_equal(memory.key_count, 0);
    cairn_fdo_client_free(device);
    fdo_peer_done(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_a_life_with_a_token),
    };
    if (access(module, R_OK) != 0) {
        printf("skipped: SoftHSM is not installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, make_token, remove_token);
}
