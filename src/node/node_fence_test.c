/* A process that has shut itself in, asked for files on both sides of the fence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/node.h"
#include "node/node_fence.h"
#include "node/node_outbox.h"

typedef struct world {
    char root[64];
    char directory[96];
    const char *pin; /* file of the token's, "" for none */
} world;

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static void make_folder(const char *folder, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int setup(void **state)
{
    static const char *const folders[] = {"keys", "vault-keys", "store", "vault"};
    static world w;
    (void)snprintf(w.root, sizeof w.root, "/tmp/cairn-fence-XXXXXX");
    assert_non_null(mkdtemp(w.root));
    make_folder(w.root, "ledger");
    make_folder(w.root, "pki");
    (void)snprintf(w.directory, sizeof w.directory, "%s/ledger", w.root);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        make_folder(w.directory, folders[i]);
    write_file(w.directory, "keys/sign-1.pem", "secret");
    write_file(w.directory, "vault-keys/1", "secret");
    write_file(w.directory, "pin", "1234");
    write_file(w.directory, "cas.pem", "public");
    write_file(w.root, "pki/node.pem", "public");
    w.pin = "";
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", ((world *)*state)->root);
    return system(command); /* NOLINT(cert-env33-c): a name of our own */
}

/* The code of open(2), 0 for success; where `flags` make a file, it stays. */
static int try(const char *folder, const char *name, int flags)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    (void)close(fd);
    return 0;
}

static cairn_config *config_of(const world *w)
{
    char text[512];
    cairn_config *config = NULL;
    int size = snprintf(text, sizeof text,
                        "node:\n  certificate: \"%s/pki/node.pem\"\n  client_cas: "
                        "\"%s/cas.pem\"\nsigner:\n  pin_file: \"%s\"\n",
                        w->root, w->directory, w->pin);
    static const cairn_config_option row = {"signer.pin_file",      CAIRN_UNIT_TEXT, 0, 1024, "",
                                            "As the verbs have it."};
    const cairn_config_table tables[] = {cairn_node_options, cairn_node_outbox_options, {&row, 1}};
    assert_int_equal(
        cairn_config_parse(tables, 3, "cairn.yaml", cairn_bytes_of(text, (size_t)size), &config),
        CAIRN_OK);
    return config;
}

/* Runs `ask` in a process that is shut in: 0, or the number of the first answer that was wrong. */
static int ask_inside(const world *w, int (*ask)(const world *w))
{
    cairn_config *config = config_of(w);
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        cairn_sandbox_report report;
        if (cairn_node_fence(w->directory, config, &report) != CAIRN_OK)
            _exit(101);
        _exit(report.landlock_abi == 0 ? 102 : ask(w));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    cairn_config_free(config);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 102) {
        print_message("this kernel has no Landlock: files are not fenced\n");
        skip();
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

static int ask_for_secrets(const world *w)
{
    int number = 1;
    static const char *const names[] = {"keys/sign-1.pem", "vault-keys/1", "pin"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++, number++)
        if (try(w->directory, names[i], O_RDONLY) != EACCES)
            return number;
    if (try(w->directory, "keys", O_RDONLY | O_DIRECTORY) != EACCES)
        return number;
    if (try(w->directory, "jobs/../keys/sign-1.pem", O_RDONLY) != EACCES)
        return number + 1;
    char inside[160];
    (void)snprintf(inside, sizeof inside, "/proc/self/root%s", w->directory);
    return try(inside, "keys/sign-1.pem", O_RDONLY) == EACCES ? 0 : number + 2;
}

static int ask_for_work(const world *w)
{
    static const struct {
        const char *name;
        int flags;
        int wanted;
    } rows[] = {
        {"jobs/data.mdb", O_RDWR | O_CREAT, 0},
        {"audit/1", O_WRONLY | O_CREAT, 0},
        {"tls/node.pem", O_WRONLY | O_CREAT, 0},
        {"store/x", O_RDWR | O_CREAT, 0},
        {"cas.pem", O_RDONLY, 0},
        {"cas.pem", O_WRONLY, EACCES},
        {"new", O_WRONLY | O_CREAT, EACCES},
        {"keys/x", O_WRONLY | O_CREAT, EACCES},
        {"../pki/node.pem", O_RDONLY, 0},
        {"../pki/node.pem", O_WRONLY, EACCES},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (try(w->directory, rows[i].name, rows[i].flags) != rows[i].wanted)
            return (int)i + 1;
    return 0;
}

/* A certificate is renewed by a file that takes the old one's place. */
static int ask_after_renewal(const world *w)
{
    return try(w->root, "pki/node.pem", O_RDONLY);
}

static void test_secrets(void **state)
{
    assert_int_equal(ask_inside(*state, ask_for_secrets), 0);
}

static void test_work(void **state)
{
    assert_int_equal(ask_inside(*state, ask_for_work), 0);
}

/* The renewal is another process's: this one's twin is shut in before, and looks after. */
static void test_renewal(void **state)
{
    const world *w = *state;
    char from[256];
    char to[256];
    write_file(w->root, "pki/next.pem", "renewed");
    (void)snprintf(from, sizeof from, "%s/pki/next.pem", w->root);
    (void)snprintf(to, sizeof to, "%s/pki/node.pem", w->root);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(ask_inside(w, ask_after_renewal), 0);
}

static int ask_beside_keys(const world *w)
{
    static const struct {
        const char *name;
        int wanted;
    } rows[] = {
        {"pki/node.pem", 0},
        {"pki/other.pem", EACCES},
        {"pki/keys/sign-1.pem", EACCES},
        {"ledger/keys/sign-1.pem", EACCES},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (try(w->root, rows[i].name, O_RDONLY) != rows[i].wanted)
            return (int)i + 1;
    return 0;
}

/* A folder that holds the keys behind a link is not opened for what else lies there. */
static void test_keys_behind_a_link(void **state)
{
    const world *w = *state;
    char link[128], keys[128];
    (void)snprintf(link, sizeof link, "%s/keys", w->directory);
    (void)snprintf(keys, sizeof keys, "%s/pki/keys", w->root);
    write_file(w->root, "pki/other.pem", "public");
    assert_int_equal(rename(link, keys), 0);
    assert_int_equal(symlink(keys, link), 0);
    assert_int_equal(ask_inside(w, ask_beside_keys), 0);
}

static int ask_beside_pin(const world *w)
{
    if (try(w->root, "pki/node.pem", O_RDONLY) != 0)
        return 1;
    return try(w->root, "pki/pin", O_RDONLY) == EACCES ? 0 : 2;
}

/* Nor one that holds the PIN. */
static void test_pin_beside_a_certificate(void **state)
{
    world *w = *state;
    char pin[128];
    (void)snprintf(pin, sizeof pin, "%s/pki/pin", w->root);
    write_file(w->root, "pki/pin", "1234");
    w->pin = pin;
    assert_int_equal(ask_inside(w, ask_beside_pin), 0);
}

/* A program that is run, and a process that is started, end the one that tried. */
static int ask_for_program(const world *w)
{
    (void)w;
    (void)execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static int ask_for_process(const world *w)
{
    (void)w;
    return fork() == 0 ? 0 : 1;
}

static void test_processes(void **state)
{
    assert_int_equal(ask_inside(*state, ask_for_program), 200);
    assert_int_equal(ask_inside(*state, ask_for_process), 200);
}

/* Its keys would lie where every node may read. */
static void test_place(void **state)
{
    const world *w = *state;
    cairn_sandbox_report report;
    cairn_config *config = config_of(w);
    assert_int_equal(cairn_node_fence("/usr/share", config, &report), CAIRN_ERR_CONFIG);
    cairn_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_secrets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_work, setup, teardown),
        cmocka_unit_test_setup_teardown(test_renewal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_behind_a_link, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pin_beside_a_certificate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_processes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_place, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
