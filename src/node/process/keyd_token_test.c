/* keyd over a PKCS#11 token, tried with SoftHSM in a private directory: signing, making keys and
 * the vault's epoch keys, all inside the fences that a token leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <signal.h>
#include <unistd.h>

#include "core/store/vault.h"
#include "node/process/process.h"
#include "node/process/supervisor.h"
#include "support/tree.h"

#define KEY(name) CAIRN_CLEANUP(cairn_key_free_p) cairn_key *name = NULL

static const char module[] = "/usr/lib/softhsm/libsofthsm2.so";
static const char tool[] = "/usr/bin/softhsm2-util";
static char root[256];
static char pin_path[300];
static bool ready;

static bool write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    bool good = file != NULL && fputs(text, file) >= 0;
    return file != NULL && fclose(file) == 0 && good;
}

static int set_up(void **state)
{
    char path[300];
    char text[400];
    (void)state;
    if (access(module, R_OK) != 0 || access(tool, X_OK) != 0) {
        printf("skipped: SoftHSM is not there\n");
        return 0;
    }
    tree_make(root, sizeof root, "keyd-token");
    (void)snprintf(path, sizeof path, "%s/softhsm2.conf", root);
    (void)snprintf(text, sizeof text,
                   "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n",
                   root);
    assert_true(write_text(path, text));
    assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
    (void)snprintf(pin_path, sizeof pin_path, "%s/pin", root);
    assert_true(write_text(pin_path, "1234-user\n"));
    (void)snprintf(text, sizeof text,
                   "%s --init-token --free --label cairn --pin 1234-user --so-pin 5678-officer "
                   ">/dev/null",
                   tool);
    assert_int_equal(system(text), 0);
    ready = true;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (ready)
        tree_remove(root);
    return 0;
}

static void check_signature(cairn_signer *signer, const char *name)
{
    KEY(key);
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message = cairn_bytes_str("message");
    assert_int_equal(cairn_signer_public(signer, name, &key), CAIRN_OK);
    assert_int_equal(
        cairn_signer_sign_wait_for(signer, CAIRN_SIGNER_FOR_SIGN, name, message, signature, &size),
        CAIRN_OK);
    assert_int_equal(cairn_key_verify(key, message, cairn_bytes_of(signature, size)), CAIRN_OK);
    assert_int_equal(
        cairn_signer_sign_wait_for(signer, CAIRN_SIGNER_FOR_OWNER, name, message, signature, &size),
        CAIRN_ERR_TX_WRONG_PURPOSE);
}

static void check_vault(cairn_vault_holder *holder)
{
    const cairn_hash subject = {{7}};
    char path[300];
    cairn_vault *vault = NULL;
    (void)snprintf(path, sizeof path, "%s/vault", root);
    for (size_t round = 0; round < 2; round++) {
        assert_int_equal(cairn_vault_open(path, holder, &vault), CAIRN_OK);
        assert_int_equal(cairn_vault_add(vault, &subject, 1), CAIRN_OK);
        cairn_vault_close(vault);
    }
    assert_int_equal(cairn_vault_open(path, holder, &vault), CAIRN_OK);
    assert_int_equal(cairn_vault_erase(vault, &subject), CAIRN_OK);
    cairn_vault_close(vault);
}

static void test_token_behind_keyd(void **state)
{
    (void)state;
    cairn_spawner *spawner = NULL;
    cairn_supervisor *supervisor = NULL;
    cairn_supervisor_health health;
    cairn_supervisor_options options = cairn_supervisor_defaults();
    const cairn_keyd_options keyd = {.module = module, .token = "cairn", .pin_file = pin_path};
    KEY(made);
    if (!ready)
        skip();
    options.restart_delay_min_ms = 1;
    assert_int_equal(cairn_spawner_start(&keyd, &spawner), CAIRN_OK);
    assert_int_equal(cairn_supervisor_start(spawner, &options, &supervisor), CAIRN_OK);
    cairn_signer *signer = cairn_supervisor_signer(supervisor);
    assert_int_equal(cairn_signer_generate(signer, "sign-1", CAIRN_KEY_P256, &made), CAIRN_OK);
    check_signature(signer, "sign-1");
    check_vault(cairn_supervisor_holder(supervisor));
    cairn_supervisor_health_get(supervisor, &health);
    assert_true(health.fences.filtered);
    assert_int_equal(kill(health.keyd_pid, SIGKILL), 0);
    while (!health.up || health.starts < 2) {
        (void)usleep(10000);
        cairn_supervisor_health_get(supervisor, &health);
    }
    check_signature(signer, "sign-1");
    assert_int_equal(cairn_signer_remote_refresh(signer), CAIRN_OK);
    check_signature(signer, "sign-1");
    cairn_supervisor_free(supervisor);
    cairn_spawner_free(spawner);
}

static void test_wrong_pin(void **state)
{
    (void)state;
    char path[300];
    cairn_spawner *spawner = NULL;
    cairn_supervisor *supervisor = NULL;
    const cairn_supervisor_options options = cairn_supervisor_defaults();
    if (!ready)
        skip();
    (void)snprintf(path, sizeof path, "%s/wrong", root);
    assert_true(write_text(path, "wrong"));
    const cairn_keyd_options keyd = {.module = module, .token = "cairn", .pin_file = path};
    assert_int_equal(cairn_spawner_start(&keyd, &spawner), CAIRN_OK);
    assert_int_equal(cairn_supervisor_start(spawner, &options, &supervisor), CAIRN_ERR_TOKEN);
    assert_non_null(strstr(cairn_err_detail(), "C_Login"));
    cairn_spawner_free(spawner);
}

int main(int argc, char **argv)
{
    int exit_code = 0;
    if (cairn_process_main(argc, argv, NULL, 0, &exit_code))
        return exit_code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_behind_keyd),
        cmocka_unit_test(test_wrong_pin),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
