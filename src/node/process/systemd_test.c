/* The service's side of systemd's protocols, before a fake manager. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/process/systemd.h"
#include "support/tree.h"

static char root[256];
static char socket_path[300];
static int manager = -1;

static void set_number(const char *name, long value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%ld", value);
    assert_int_equal(setenv(name, text, 1), 0);
}

static int set_up(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)state;
    tree_make(root, sizeof root, "systemd");
    (void)snprintf(socket_path, sizeof socket_path, "%s/notify", root);
    assert_true(strlen(socket_path) < sizeof address.sun_path);
    memcpy(address.sun_path, socket_path, strlen(socket_path));
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return bind(manager, (struct sockaddr *)&address, sizeof address);
}

static int tear_down(void **state)
{
    static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                        "LISTEN_PID",    "LISTEN_FDS",    "LISTEN_FDNAMES"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unsetenv(names[i]);
    (void)close(manager);
    tree_remove(root);
    return 0;
}

static const char *heard(void)
{
    static char text[1024];
    ssize_t n = recv(manager, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void test_without_systemd(void **state)
{
    (void)state;
    cairn_systemd s;
    assert_int_equal(cairn_systemd_init(&s), CAIRN_OK);
    assert_int_equal(s.notify_fd, -1);
    assert_int_equal(s.watchdog_us, 0);
    assert_int_equal(s.socket_count, 0);
    assert_int_equal(cairn_systemd_take(&s, "https"), -1);
    assert_int_equal(cairn_systemd_ready(&s, "up"), CAIRN_OK);
    assert_int_equal(cairn_systemd_alive(&s), CAIRN_OK);
    cairn_systemd_done(&s);
    assert_string_equal(heard(), "");
}

static void check_words(void)
{
    cairn_systemd s;
    char status[1000];
    assert_int_equal(cairn_systemd_init(&s), CAIRN_OK);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_int_equal(cairn_systemd_ready(&s, NULL), CAIRN_OK);
    assert_string_equal(heard(), "READY=1");
    assert_int_equal(cairn_systemd_ready(&s, "2 ledgers\nREADY=0"), CAIRN_OK);
    assert_string_equal(heard(), "READY=1\nSTATUS=2 ledgers READY=0");
    assert_int_equal(cairn_systemd_alive(&s), CAIRN_OK);
    assert_string_equal(heard(), "WATCHDOG=1");
    assert_int_equal(cairn_systemd_reloading(&s, 123456789012, "certificates"), CAIRN_OK);
    assert_string_equal(heard(), "RELOADING=1\nMONOTONIC_USEC=123456789012\nSTATUS=certificates");
    memset(status, 'x', sizeof status);
    status[sizeof status - 1] = '\0';
    assert_int_equal(cairn_systemd_stopping(&s, status), CAIRN_OK);
    assert_int_equal(strlen(heard()),
                     strlen("STOPPING=1\nSTATUS=") + CAIRN_SYSTEMD_STATUS_SIZE_MAX);
    cairn_systemd_done(&s);
}

static void test_notify(void **state)
{
    (void)state;
    assert_int_equal(setenv("NOTIFY_SOCKET", socket_path, 1), 0);
    check_words();
}

static void test_notify_abstract(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)state;
    int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "cairn-%d", getpid());
    (void)close(manager);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(manager, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)),
                     0);
    address.sun_path[0] = '@';
    assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
    check_words();
}

static void test_manager_that_went_away(void **state)
{
    (void)state;
    cairn_systemd s;
    assert_int_equal(setenv("NOTIFY_SOCKET", socket_path, 1), 0);
    assert_int_equal(cairn_systemd_init(&s), CAIRN_OK);
    (void)close(manager);
    assert_int_equal(cairn_systemd_alive(&s), CAIRN_ERR_IO);
    cairn_systemd_done(&s);
}

static void test_watchdog(void **state)
{
    (void)state;
    cairn_systemd s;
    assert_int_equal(setenv("WATCHDOG_USEC", "30000000", 1), 0);
    assert_int_equal(cairn_systemd_init(&s), CAIRN_OK);
    assert_int_equal(s.watchdog_us, 30000000);
    assert_int_equal(setenv("WATCHDOG_USEC", "30000000", 1), 0);
    set_number("WATCHDOG_PID", getpid());
    assert_int_equal(cairn_systemd_init(&s), CAIRN_OK);
    assert_int_equal(s.watchdog_us, 30000000);
    assert_int_equal(setenv("WATCHDOG_USEC", "30000000", 1), 0);
    set_number("WATCHDOG_PID", getpid() + 1);
    assert_int_equal(cairn_systemd_init(&s), CAIRN_OK);
    assert_int_equal(s.watchdog_us, 0);
}

/* Descriptors from 3 on are what a manager hands over; they are taken in a child, where they can be
 * ours to put there. */
static int take_sockets(void)
{
    cairn_systemd s;
    if (dup2(manager, 3) != 3 || dup2(manager, 4) != 4 || fcntl(3, F_SETFD, 0) != 0)
        return 1;
    set_number("LISTEN_PID", getpid());
    (void)setenv("LISTEN_FDS", "2", 1);
    (void)setenv("LISTEN_FDNAMES", "https:metrics", 1);
    if (cairn_systemd_init(&s) != CAIRN_OK || s.socket_count != 2)
        return 2;
    if (cairn_systemd_take(&s, "other") != -1 || cairn_systemd_take(&s, "metrics") != 4 ||
        cairn_systemd_take(&s, "metrics") != -1)
        return 3;
    if ((fcntl(3, F_GETFD) & FD_CLOEXEC) == 0 || getenv("LISTEN_FDS") != NULL)
        return 4;
    cairn_systemd_done(&s);
    return fcntl(3, F_GETFD) < 0 && fcntl(4, F_GETFD) >= 0 ? 0 : 5;
}

static int take_foreign_sockets(void)
{
    cairn_systemd s;
    set_number("LISTEN_PID", getppid());
    (void)setenv("LISTEN_FDS", "2", 1);
    return cairn_systemd_init(&s) == CAIRN_OK && s.socket_count == 0 ? 0 : 1;
}

static int take_unnamed_sockets(void)
{
    cairn_systemd s;
    if (dup2(manager, 3) != 3)
        return 1;
    set_number("LISTEN_PID", getpid());
    (void)setenv("LISTEN_FDS", "1", 1);
    return cairn_systemd_init(&s) == CAIRN_OK && cairn_systemd_take(&s, "unknown") == 3 ? 0 : 2;
}

static int in_child(int (*act)(void))
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(act());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_sockets(void **state)
{
    (void)state;
    assert_int_equal(in_child(take_sockets), 0);
    assert_int_equal(in_child(take_foreign_sockets), 0);
    assert_int_equal(in_child(take_unnamed_sockets), 0);
}

typedef struct bad_row {
    const char *name;
    const char *value;
    const char *other_name;
    const char *other_value; /* NULL: our process id */
    cairn_err err;
} bad_row;

static void test_malformed(void **state)
{
    (void)state;
    static const bad_row rows[] = {
        {"NOTIFY_SOCKET", "", "X", "", CAIRN_ERR_BAD_VALUE},
        {"NOTIFY_SOCKET", "relative", "X", "", CAIRN_ERR_BAD_VALUE},
        {"NOTIFY_SOCKET", "vsock:2:1", "X", "", CAIRN_ERR_BAD_VALUE},
        {"NOTIFY_SOCKET", "/nonexistent/notify", "X", "", CAIRN_ERR_IO},
        {"WATCHDOG_USEC", "-1", "X", "", CAIRN_ERR_BAD_VALUE},
        {"WATCHDOG_USEC", "1x", "X", "", CAIRN_ERR_BAD_VALUE},
        {"WATCHDOG_USEC", "99999999999999999999999", "X", "", CAIRN_ERR_BAD_VALUE},
        {"WATCHDOG_USEC", "1", "WATCHDOG_PID", "me", CAIRN_ERR_BAD_VALUE},
        {"LISTEN_FDS", "two", "LISTEN_PID", NULL, CAIRN_ERR_BAD_VALUE},
        {"LISTEN_FDS", "17", "LISTEN_PID", NULL, CAIRN_ERR_TOO_MANY},
        {"LISTEN_FDS", "2", "LISTEN_PID", "", CAIRN_ERR_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_systemd s = {.notify_fd = 77};
        assert_int_equal(setenv(rows[i].name, rows[i].value, 1), 0);
        if (rows[i].other_value == NULL)
            set_number(rows[i].other_name, getpid());
        else
            assert_int_equal(setenv(rows[i].other_name, rows[i].other_value, 1), 0);
        cairn_err err = cairn_systemd_init(&s);
        if (err != rows[i].err)
            fail_msg("%s=%s: %s", rows[i].name, rows[i].value, cairn_err_name(err));
        assert_int_equal(s.notify_fd, 77);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_without_systemd), TEST(test_notify),
        TEST(test_notify_abstract), TEST(test_manager_that_went_away),
        TEST(test_watchdog),        TEST(test_sockets),
        TEST(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
