/* keyd under its supervisor, as the real processes: this program is run again for each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/store/vault.h"
#include "node/process/process.h"
#include "node/process/supervisor.h"
#include "support/log_schema.h"
#include "support/tree.h"

#define KEY(name) CAIRN_CLEANUP(cairn_key_free_p) cairn_key *name = NULL

static char root[256];
static char keys_path[300];
static char vault_keys_path[300];
static cairn_spawner *spawner;
static cairn_supervisor *supervisor;
static cairn_signer *signer;

/* --- a node's processes around each test --- */

static cairn_keyd_options keyd_options(void)
{
    return (cairn_keyd_options){.keys_directory = keys_path, .vault_directory = vault_keys_path};
}

static cairn_supervisor_options quick(void)
{
    cairn_supervisor_options options = cairn_supervisor_defaults();
    options.restart_delay_min_ms = 1;
    options.restart_delay_max_ms = 20;
    options.answer_timeout_ms = 5000;
    return options;
}

static int make_directories(void **state)
{
    (void)state;
    tree_make(root, sizeof root, "keyd");
    (void)snprintf(keys_path, sizeof keys_path, "%s/keys", root);
    (void)snprintf(vault_keys_path, sizeof vault_keys_path, "%s/epochs", root);
    return mkdir(keys_path, 0700);
}

static void start(void)
{
    const cairn_keyd_options keyd = keyd_options();
    const cairn_supervisor_options options = quick();
    assert_int_equal(cairn_spawner_start(&keyd, &spawner), CAIRN_OK);
    assert_int_equal(cairn_supervisor_start(spawner, &options, &supervisor), CAIRN_OK);
    signer = cairn_supervisor_signer(supervisor);
}

static int set_up(void **state)
{
    if (make_directories(state) != 0)
        return -1;
    start();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_supervisor_free(supervisor);
    cairn_spawner_free(spawner);
    supervisor = NULL;
    spawner = NULL;
    tree_remove(root);
    return 0;
}

static void make_key(const char *name, cairn_key_type type)
{
    KEY(key);
    assert_int_equal(cairn_signer_generate(signer, name, type, &key), CAIRN_OK);
}

static cairn_err sign_once(const char *name, unsigned purposes)
{
    KEY(key);
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message = cairn_bytes_str("message");
    CAIRN_TRY(cairn_signer_public(signer, name, &key));
    CAIRN_TRY(cairn_signer_sign_wait_for(signer, purposes, name, message, signature, &size));
    return cairn_key_verify(key, message, cairn_bytes_of(signature, size));
}

static cairn_supervisor_health health(void)
{
    cairn_supervisor_health h;
    cairn_supervisor_health_get(supervisor, &h);
    return h;
}

static void sleep_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

/* Until keyd was started so often and is up; false after 20 s. */
static bool wait_starts(uint64_t starts)
{
    for (int i = 0; i < 2000; i++) {
        cairn_supervisor_health h = health();
        if (h.up && h.starts >= starts)
            return true;
        sleep_ms(10);
    }
    return false;
}

/* True when the process is gone, or only waits to be reaped; within 5 s. */
static bool wait_gone(int pid)
{
    for (int i = 0; i < 500; i++) {
        if (kill(pid, 0) != 0 && errno == ESRCH)
            return true;
        sleep_ms(10);
    }
    return false;
}

/* --- keys --- */

static void test_keys_of_each_type(void **state)
{
    (void)state;
    static const cairn_key_type types[] = {CAIRN_KEY_P256, CAIRN_KEY_P384, CAIRN_KEY_ED25519};
    static const char *const names[] = {"sign-1", "owner-1", "note-1"};
    for (size_t i = 0; i < 3; i++) {
        make_key(names[i], types[i]);
        assert_int_equal(sign_once(names[i], CAIRN_SIGNER_FOR_ANY), CAIRN_OK);
    }
    KEY(again);
    assert_int_equal(cairn_signer_generate(signer, "sign-1", CAIRN_KEY_P256, &again),
                     CAIRN_ERR_EXISTS);
    assert_int_equal(cairn_signer_public(signer, "sign-2", &again), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_signer_generate(signer, "../x", CAIRN_KEY_P256, &again),
                     CAIRN_ERR_ARGUMENT);
}

static void test_keys_are_there_after_a_restart(void **state)
{
    (void)state;
    make_key("sign-1", CAIRN_KEY_P256);
    cairn_supervisor_free(supervisor);
    cairn_spawner_free(spawner);
    start();
    assert_int_equal(sign_once("sign-1", CAIRN_SIGNER_FOR_SIGN), CAIRN_OK);
}

static void test_keys_made_beside(void **state)
{
    (void)state;
    KEY(key);
    cairn_signer *other = NULL;
    make_key("sign-1", CAIRN_KEY_P256);
    assert_int_equal(cairn_signer_open_files(keys_path, &other), CAIRN_OK);
    assert_int_equal(cairn_signer_generate(other, "sign-2", CAIRN_KEY_P256, &key), CAIRN_OK);
    cairn_signer_free(other);
    assert_int_equal(sign_once("sign-2", CAIRN_SIGNER_FOR_ANY), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_signer_remote_refresh(signer), CAIRN_OK);
    assert_int_equal(sign_once("sign-1", CAIRN_SIGNER_FOR_ANY), CAIRN_OK);
    assert_int_equal(sign_once("sign-2", CAIRN_SIGNER_FOR_ANY), CAIRN_OK);
    assert_int_equal(health().starts, 1);
}

/* What cannot be opened leaves what was; another key under an old name is not taken for it. */
static void test_keys_spoilt_beside(void **state)
{
    (void)state;
    char first[400];
    char second[400];
    make_key("sign-1", CAIRN_KEY_P256);
    make_key("sign-2", CAIRN_KEY_P256);
    (void)snprintf(first, sizeof first, "%s/sign-1.pem", keys_path);
    (void)snprintf(second, sizeof second, "%s/sign-2.pem", keys_path);
    assert_int_equal(chmod(first, 0644), 0);
    assert_int_equal(cairn_signer_remote_refresh(signer), CAIRN_ERR_PERMISSION);
    assert_int_equal(sign_once("sign-1", CAIRN_SIGNER_FOR_ANY), CAIRN_OK);
    assert_int_equal(chmod(first, 0600), 0);
    assert_int_equal(rename(second, first), 0);
    assert_int_equal(cairn_signer_remote_refresh(signer), CAIRN_ERR_MISMATCH);
}

static void test_largest_message(void **state)
{
    (void)state;
    uint8_t *message = calloc(1, CAIRN_SIGNER_MESSAGE_SIZE_MAX + 1);
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    KEY(key);
    assert_non_null(message);
    make_key("sign-1", CAIRN_KEY_P256);
    assert_int_equal(cairn_signer_public(signer, "sign-1", &key), CAIRN_OK);
    cairn_bytes bytes = cairn_bytes_of(message, CAIRN_SIGNER_MESSAGE_SIZE_MAX);
    assert_int_equal(cairn_signer_sign_wait(signer, "sign-1", bytes, signature, &size), CAIRN_OK);
    assert_int_equal(cairn_key_verify(key, bytes, cairn_bytes_of(signature, size)), CAIRN_OK);
    bytes.size++;
    assert_int_equal(cairn_signer_sign_wait(signer, "sign-1", bytes, signature, &size),
                     CAIRN_ERR_TOO_LARGE);
    free(message);
}

/* --- purposes --- */

static void test_keyd_keeps_purposes_apart(void **state)
{
    (void)state;
    make_key("tls-1", CAIRN_KEY_P256);
    make_key("note-1", CAIRN_KEY_ED25519);
    make_key("other", CAIRN_KEY_P256);
    assert_int_equal(sign_once("tls-1", CAIRN_SIGNER_FOR_TLS), CAIRN_OK);
    assert_int_equal(sign_once("tls-1", CAIRN_SIGNER_FOR_SIGN | CAIRN_SIGNER_FOR_TLS), CAIRN_OK);
    assert_int_equal(sign_once("tls-1", CAIRN_SIGNER_FOR_SIGN), CAIRN_ERR_TX_WRONG_PURPOSE);
    assert_int_equal(sign_once("note-1", CAIRN_SIGNER_FOR_COSIGN), CAIRN_OK);
    assert_int_equal(sign_once("note-1", CAIRN_SIGNER_FOR_VALIDATOR), CAIRN_ERR_TX_WRONG_PURPOSE);
    assert_int_equal(sign_once("other", CAIRN_SIGNER_FOR_SIGN), CAIRN_ERR_TX_WRONG_PURPOSE);
    assert_int_equal(sign_once("other", CAIRN_SIGNER_FOR_NONE), CAIRN_OK);
}

/* A keyd of our own, without a signer that refuses before it asks. */
typedef struct bare {
    cairn_spawner_child child;
    cairn_key_link *link;
} bare;

static bare bare_open(void)
{
    const cairn_clock clock = cairn_clock_system();
    cairn_key_greeting greeting;
    bare b = {.link = NULL};
    assert_int_equal(cairn_spawner_run(spawner, CAIRN_SPAWNER_KEYD, NULL, 0, &b.child), CAIRN_OK);
    assert_int_equal(cairn_key_link_new(&clock, 5000, NULL, NULL, &b.link), CAIRN_OK);
    assert_int_equal(cairn_key_link_attach_take(b.link, b.child.socket, &greeting), CAIRN_OK);
    b.child.socket = -1;
    return b;
}

static void bare_close(bare *b)
{
    cairn_key_link_free(b->link);
    cairn_spawner_child_close(&b->child);
}

static void test_keyd_itself_refuses(void **state)
{
    (void)state;
    make_key("tls-1", CAIRN_KEY_P256);
    bare b = bare_open();
    uint8_t body[128];
    size_t size = 0;
    cairn_key_request request = {.op = CAIRN_KEY_OP_SIGN,
                                 .purposes = CAIRN_SIGNER_FOR_SIGN,
                                 .name = "tls-1",
                                 .body = cairn_bytes_str("m")};
    assert_int_equal(cairn_key_link_call_wait(b.link, &request, body, sizeof body, &size),
                     CAIRN_ERR_TX_WRONG_PURPOSE);
    request.purposes = CAIRN_SIGNER_FOR_TLS;
    assert_int_equal(cairn_key_link_call_wait(b.link, &request, body, sizeof body, &size),
                     CAIRN_OK);
    assert_int_equal(size, 64);
    (void)strcpy(request.name, "tls-2");
    assert_int_equal(cairn_key_link_call_wait(b.link, &request, body, sizeof body, &size),
                     CAIRN_ERR_NOT_FOUND);
    bare_close(&b);
}

/* Bytes that are no request end the connection, and the process. */
static void test_keyd_ends_at_bad_bytes(void **state)
{
    (void)state;
    static const uint8_t bad[][16] = {
        {0, 0, 0, 0},                                /* empty frame */
        {0xff, 0xff, 0xff, 0xff},                    /* too large */
        {0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 99},    /* no operation */
        {0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0}, /* a byte too many */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cairn_spawner_child child;
        int status = 0;
        assert_int_equal(cairn_spawner_run(spawner, CAIRN_SPAWNER_KEYD, NULL, 0, &child), CAIRN_OK);
        assert_int_equal(send(child.socket, bad[i], sizeof bad[i], MSG_NOSIGNAL), sizeof bad[i]);
        assert_int_equal(cairn_spawner_status(&child, &status), CAIRN_OK);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
        cairn_spawner_child_close(&child);
    }
}

/* --- the vault --- */

static void test_vault_over_keyd(void **state)
{
    (void)state;
    const cairn_hash subject = {{7}};
    char path[300];
    cairn_vault *vault = NULL;
    cairn_vault_put *put = NULL;
    cairn_vault_get *get = NULL;
    cairn_hash address;
    cairn_bytes chunk;
    cairn_vault_holder *holder = cairn_supervisor_holder(supervisor);
    (void)snprintf(path, sizeof path, "%s/vault", root);
    assert_int_equal(cairn_vault_open(path, holder, &vault), CAIRN_OK);
    assert_int_equal(cairn_vault_put_begin(vault, &subject, &put), CAIRN_OK);
    assert_int_equal(cairn_vault_put_write(put, cairn_bytes_str("payload")), CAIRN_OK);
    assert_int_equal(cairn_vault_put_end(put, &address), CAIRN_OK);
    cairn_vault_put_free(put);
    cairn_vault_close(vault);
    assert_int_equal(cairn_vault_open(path, holder, &vault), CAIRN_OK);
    assert_int_equal(cairn_vault_get_open(vault, &subject, &address, &get), CAIRN_OK);
    assert_int_equal(cairn_vault_get_next(get, &chunk), CAIRN_OK);
    assert_true(cairn_bytes_equal(chunk, cairn_bytes_str("payload")));
    cairn_vault_get_free(get);
    assert_int_equal(cairn_vault_erase(vault, &subject), CAIRN_OK);
    assert_int_equal(cairn_vault_check(vault, &subject), CAIRN_ERR_ERASED);
    cairn_vault_close(vault);
}

static void test_holder_errors_arrive(void **state)
{
    (void)state;
    cairn_vault_holder *holder = cairn_supervisor_holder(supervisor);
    const cairn_vault_epoch epoch = {.vault = {{1}}, .number = 1};
    const cairn_vault_epoch other = {.vault = {{1}}, .number = 2};
    uint8_t wrapped[CAIRN_VAULT_WRAPPED_SIZE];
    const uint8_t key[32] = {42};
    cairn_secret back;
    bool there = true;
    assert_int_equal(holder->ops->exists(holder, &epoch, &there), CAIRN_OK);
    assert_false(there);
    assert_int_equal(holder->ops->wrap(holder, &epoch, cairn_bytes_of(key, sizeof key), wrapped),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(holder->ops->create(holder, &epoch), CAIRN_OK);
    assert_int_equal(holder->ops->create(holder, &epoch), CAIRN_ERR_EXISTS);
    assert_int_equal(holder->ops->exists(holder, &epoch, &there), CAIRN_OK);
    assert_true(there);
    assert_int_equal(holder->ops->wrap(holder, &epoch, cairn_bytes_of(key, sizeof key), wrapped),
                     CAIRN_OK);
    assert_int_equal(holder->ops->unwrap(holder, &epoch, wrapped, &back), CAIRN_OK);
    assert_true(cairn_bytes_equal(cairn_secret_view(&back), cairn_bytes_of(key, sizeof key)));
    wrapped[20] ^= 1;
    assert_int_equal(holder->ops->unwrap(holder, &epoch, wrapped, &back), CAIRN_ERR_BAD_MAC);
    assert_int_equal(holder->ops->unwrap(holder, &other, wrapped, &back), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(holder->ops->destroy(holder, &epoch), CAIRN_OK);
    assert_int_equal(holder->ops->exists(holder, &epoch, &there), CAIRN_OK);
    assert_false(there);
}

/* --- death and return --- */

typedef struct load {
    pthread_t thread;
    atomic_bool *stop;
    size_t good;
    size_t away;  /* UNAVAILABLE */
    size_t wrong; /* anything else */
} load;

static void *sign_on_and_on(void *memory)
{
    load *l = memory;
    while (!atomic_load(l->stop)) {
        cairn_err err = sign_once("sign-1", CAIRN_SIGNER_FOR_SIGN);
        if (err == CAIRN_OK)
            l->good++;
        else if (err == CAIRN_ERR_UNAVAILABLE)
            l->away++;
        else
            l->wrong++;
    }
    return NULL;
}

static void test_kill_under_load(void **state)
{
    (void)state;
    enum { THREADS = 4, KILLS = 8 };
    load loads[THREADS] = {0};
    atomic_bool stop = false;
    size_t good = 0;
    size_t away = 0;
    size_t killed = 0;
    size_t returned = 0;
    make_key("sign-1", CAIRN_KEY_P256);
    for (size_t i = 0; i < THREADS; i++) {
        loads[i].stop = &stop;
        assert_int_equal(pthread_create(&loads[i].thread, NULL, sign_on_and_on, &loads[i]), 0);
    }
    for (uint64_t i = 0; i < KILLS; i++) {
        sleep_ms(20);
        killed += kill(health().keyd_pid, SIGKILL) == 0;
        returned += wait_starts(i + 2);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(loads[i].thread, NULL), 0);
        assert_int_equal(loads[i].wrong, 0);
        good += loads[i].good;
        away += loads[i].away;
    }
    assert_int_equal(killed, KILLS);
    assert_int_equal(returned, KILLS);
    assert_true(good > 0);
    assert_true(away > 0);
    assert_int_equal(cairn_err_http(CAIRN_ERR_UNAVAILABLE), 503);
    assert_int_equal(sign_once("sign-1", CAIRN_SIGNER_FOR_SIGN), CAIRN_OK);
    assert_int_equal(health().ends, KILLS);
}

typedef struct burst {
    atomic_size_t good;
    atomic_size_t away;
    atomic_size_t wrong;
} burst;

static void count_burst(void *context, cairn_err err, cairn_bytes signature)
{
    burst *b = context;
    (void)signature;
    atomic_fetch_add(err == CAIRN_OK                ? &b->good
                     : err == CAIRN_ERR_UNAVAILABLE ? &b->away
                                                    : &b->wrong,
                     1);
}

/* Every request that was taken is completed once, whatever becomes of keyd. */
static void test_requests_in_flight_end(void **state)
{
    (void)state;
    enum { REQUESTS = 1000 };
    burst b = {0};
    size_t taken = 0;
    make_key("sign-1", CAIRN_KEY_P384);
    int pid = health().keyd_pid;
    for (size_t i = 0; i < REQUESTS; i++) {
        cairn_err err = cairn_signer_sign(signer, "sign-1", cairn_bytes_str("m"), count_burst, &b);
        taken += err == CAIRN_OK;
        assert_true(err == CAIRN_OK || err == CAIRN_ERR_UNAVAILABLE);
        if (i == REQUESTS / 2)
            assert_int_equal(kill(pid, SIGKILL), 0);
    }
    assert_true(wait_starts(2));
    assert_int_equal(sign_once("sign-1", CAIRN_SIGNER_FOR_ANY), CAIRN_OK);
    assert_int_equal(b.good + b.away, taken);
    assert_int_equal(b.wrong, 0);
    assert_true(b.away > 0);
}

/* A keyd that hangs is found out, ended, and replaced. */
static void test_stopped_keyd_is_replaced(void **state)
{
    (void)state;
    cairn_supervisor_options options = quick();
    options.answer_timeout_ms = 400;
    cairn_supervisor_free(supervisor);
    assert_int_equal(cairn_supervisor_start(spawner, &options, &supervisor), CAIRN_OK);
    signer = cairn_supervisor_signer(supervisor);
    make_key("sign-1", CAIRN_KEY_P256);
    int pid = health().keyd_pid;
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(sign_once("sign-1", CAIRN_SIGNER_FOR_ANY), CAIRN_ERR_UNAVAILABLE);
    assert_true(wait_starts(2));
    assert_int_equal(sign_once("sign-1", CAIRN_SIGNER_FOR_ANY), CAIRN_OK);
    assert_true(wait_gone(pid));
}

/* A keyd that reads nothing: what may be in flight and what may wait is bounded, and all of it
 * ends.
 */
static void fill_up(cairn_bytes message, size_t taken_max)
{
    cairn_supervisor_options options = quick();
    burst b = {0};
    size_t taken = 0;
    cairn_err err = CAIRN_OK;
    options.answer_timeout_ms = 5000; /* longer than the filling, on a busy machine too */
    cairn_supervisor_free(supervisor);
    assert_int_equal(cairn_supervisor_start(spawner, &options, &supervisor), CAIRN_OK);
    signer = cairn_supervisor_signer(supervisor);
    assert_int_equal(kill(health().keyd_pid, SIGSTOP), 0);
    while (err == CAIRN_OK) {
        err = cairn_signer_sign(signer, "sign-1", message, count_burst, &b);
        taken += err == CAIRN_OK;
    }
    assert_int_equal(err, CAIRN_ERR_BUSY);
    assert_in_range(taken, taken_max - 3, taken_max);
    assert_true(wait_starts(2));
    assert_int_equal(sign_once("sign-1", CAIRN_SIGNER_FOR_ANY), CAIRN_OK);
    assert_int_equal(b.away, taken);
}

static void test_bounds_of_what_waits(void **state)
{
    (void)state;
    uint8_t *large = calloc(1, CAIRN_SIGNER_MESSAGE_SIZE_MAX);
    assert_non_null(large);
    make_key("sign-1", CAIRN_KEY_P256);
    fill_up(cairn_bytes_str("m"), CAIRN_KEY_LINK_CALLS_MAX);
    fill_up(cairn_bytes_of(large, CAIRN_SIGNER_MESSAGE_SIZE_MAX),
            CAIRN_KEY_LINK_SIZE_MAX / CAIRN_SIGNER_MESSAGE_SIZE_MAX + 2);
    free(large);
}

/* Reads one number of /proc/PID/status. */
static unsigned long status_of(int pid, const char *name)
{
    char path[64];
    char line[256];
    unsigned long value = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtoul(line + strlen(name), NULL, 10);
    (void)fclose(file);
    return value;
}

static void test_keyd_is_fenced(void **state)
{
    (void)state;
    cairn_supervisor_health h = health();
    assert_true(h.fences.filtered);
    if (h.fences.landlock == 0)
        print_message("this kernel has no Landlock: only the filter holds\n");
    assert_int_equal(status_of(h.keyd_pid, "Seccomp:"), 2);
    assert_int_equal(status_of(h.keyd_pid, "NoNewPrivs:"), 1);
    assert_int_equal(status_of(h.keyd_pid, "FDSize:") <= 64, 1);
}

/* Nobody but init or a reaper may inherit the child of a node that was killed. */
static void test_killed_node_takes_keyd_along(void **state)
{
    (void)state;
    int pipes[2];
    int pid = 0;
    assert_int_equal(pipe(pipes), 0);
    pid_t node = fork();
    if (node == 0) {
        cairn_spawner *s = NULL;
        cairn_spawner_child child;
        const cairn_keyd_options keyd = keyd_options();
        if (cairn_spawner_start(&keyd, &s) == CAIRN_OK &&
            cairn_spawner_run(s, CAIRN_SPAWNER_KEYD, NULL, 0, &child) == CAIRN_OK &&
            write(pipes[1], &child.pid, sizeof child.pid) == (ssize_t)sizeof child.pid)
            (void)pause();
        _exit(1);
    }
    assert_int_equal(read(pipes[0], &pid, sizeof pid), sizeof pid);
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(kill(node, SIGKILL), 0);
    assert_int_equal(waitpid(node, NULL, 0), node);
    assert_true(wait_gone(pid));
    (void)close(pipes[0]);
    (void)close(pipes[1]);
}

/* The test has one child, the spawner; and the spawner none that waits to be reaped. */
static void test_no_zombies(void **state)
{
    (void)state;
    int first = health().keyd_pid;
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_true(wait_starts(2));
    assert_true(wait_gone(first)); /* a zombie would still be there */
}

static void test_lost_spawner(void **state)
{
    (void)state;
    cairn_spawner_child child;
    make_key("sign-1", CAIRN_KEY_P256);
    int keyd = health().keyd_pid;
    int parent = (int)status_of(keyd, "PPid:");
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_true(wait_gone(keyd));
    assert_int_equal(cairn_spawner_run(spawner, CAIRN_SPAWNER_KEYD, NULL, 0, &child),
                     CAIRN_ERR_UNAVAILABLE);
    for (int i = 0; i < 500 && health().up; i++)
        sleep_ms(10);
    assert_false(health().up);
    assert_int_equal(sign_once("sign-1", CAIRN_SIGNER_FOR_ANY), CAIRN_ERR_UNAVAILABLE);
}

/* --- starts that fail --- */

static void try_start(const char *keys, cairn_err wanted)
{
    cairn_spawner *s = NULL;
    cairn_supervisor *v = NULL;
    const cairn_keyd_options keyd = {.keys_directory = keys};
    const cairn_supervisor_options options = quick();
    assert_int_equal(cairn_spawner_start(&keyd, &s), CAIRN_OK);
    assert_int_equal(cairn_supervisor_start(s, &options, &v), wanted);
    cairn_spawner_free(s);
}

static void test_start_says_what_is_wrong(void **state)
{
    (void)state;
    char path[400];
    try_start("/nonexistent/keys", CAIRN_ERR_NOT_FOUND);
    assert_non_null(strstr(cairn_err_detail(), "/nonexistent/keys"));
    (void)snprintf(path, sizeof path, "%s/sign-1.pem", keys_path);
    make_key("sign-1", CAIRN_KEY_P256);
    assert_int_equal(chmod(path, 0644), 0);
    try_start(keys_path, CAIRN_ERR_PERMISSION);
}

static void test_node_without_keyd(void **state)
{
    (void)state;
    cairn_spawner *s = NULL;
    cairn_spawner_child child;
    assert_int_equal(cairn_spawner_start(NULL, &s), CAIRN_OK);
    assert_int_equal(cairn_spawner_run(s, CAIRN_SPAWNER_KEYD, NULL, 0, &child),
                     CAIRN_ERR_UNAVAILABLE);
    cairn_spawner_free(s);
}

static void test_log_events(void **state)
{
    (void)state;
    log_schema_check(&cairn_supervisor_log_events);
}

int main(int argc, char **argv)
{
    int exit_code = 0;
    if (cairn_process_main(argc, argv, NULL, 0, &exit_code))
        return exit_code;
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_keys_of_each_type),
        TEST(test_keys_are_there_after_a_restart),
        TEST(test_keys_made_beside),
        TEST(test_keys_spoilt_beside),
        TEST(test_largest_message),
        TEST(test_keyd_keeps_purposes_apart),
        TEST(test_keyd_itself_refuses),
        TEST(test_keyd_ends_at_bad_bytes),
        TEST(test_vault_over_keyd),
        TEST(test_holder_errors_arrive),
        TEST(test_kill_under_load),
        TEST(test_requests_in_flight_end),
        TEST(test_stopped_keyd_is_replaced),
        TEST(test_bounds_of_what_waits),
        TEST(test_keyd_is_fenced),
        TEST(test_killed_node_takes_keyd_along),
        TEST(test_no_zombies),
        TEST(test_lost_spawner),
        TEST(test_start_says_what_is_wrong),
        TEST(test_node_without_keyd),
        cmocka_unit_test(test_log_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
