/* Several loops behind one address, inherited sockets, and one drain for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "core/net/http_group.h"
#include "support/http_raw.h"

static atomic_int failing_loops; /* how many are to fail when they wait next */

/* Stands before libevent's own, as a kernel that takes the descriptor away would. */
int event_base_dispatch(struct event_base *base)
{
    if (atomic_fetch_sub(&failing_loops, 1) > 0)
        return -1;
    atomic_store(&failing_loops, 0);
    return event_base_loop(base, 0);
}

#define HOST "Host: a\r\n"
enum { LOOPS = 3, CLIENTS = 48 };

static atomic_uint thread_count;
static __thread bool counted;

static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    (void)context;
    if (!counted)
        atomic_fetch_add(&thread_count, 1);
    counted = true;
    const cairn_http_response response = {.status = 200, .body = request->path};
    cairn_http_respond(exchange, &response);
}

static void *run(void *context)
{
    assert_int_equal(cairn_http_group_run(context), CAIRN_OK);
    return NULL;
}

static cairn_http_group *make(const cairn_http_server_options *options)
{
    cairn_http_group *group = NULL;
    cairn_clock clock = cairn_clock_system();
    assert_int_equal(cairn_http_group_new(&clock, NULL, options, LOOPS, handle, NULL, &group),
                     CAIRN_OK);
    return group;
}

static void serve_clients(uint16_t port)
{
    int fds[CLIENTS];
    char reply[4096];
    for (size_t i = 0; i < CLIENTS; i++) {
        fds[i] = raw_connect(port);
        raw_send(fds[i], "GET /x HTTP/1.1\r\n" HOST "\r\n");
        (void)raw_receive(fds[i], reply, sizeof reply, "\r\n\r\n/x");
    }
    for (size_t i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
}

static void test_loops_share_an_address(void **state)
{
    (void)state;
    cairn_http_server_options options = cairn_http_server_defaults();
    cairn_http_group *group = make(&options);
    pthread_t thread;
    uint16_t port = 0, other = 0;
    assert_int_equal(cairn_http_group_listen(group, NULL, "127.0.0.1", 0, &port), CAIRN_OK);
    assert_int_equal(cairn_http_group_listen(group, NULL, "127.0.0.1", 0, &other), CAIRN_OK);
    assert_int_not_equal(port, other);
    atomic_store(&thread_count, 0);
    assert_int_equal(pthread_create(&thread, NULL, run, group), 0);
    serve_clients(port);
    serve_clients(other);
    assert_true(atomic_load(&thread_count) > 1); /* all on one by chance: 3^-95 */
    cairn_http_counts counts;
    cairn_http_group_counts(group, &counts);
    assert_int_equal(counts.accepted, 2 * CLIENTS);
    assert_int_equal(counts.requests, 2 * CLIENTS);
    cairn_http_group_stop(group);
    assert_int_equal(pthread_join(thread, NULL), 0);
    cairn_http_group_free(group);
}

/* Nobody joins a port that others share among themselves. */
static void test_port_of_another_group(void **state)
{
    (void)state;
    cairn_http_server_options options = cairn_http_server_defaults();
    cairn_http_group *group = make(&options);
    cairn_http_group *second = make(&options);
    uint16_t port = 0, other = 0;
    assert_int_equal(cairn_http_group_listen(group, NULL, "127.0.0.1", 0, &port), CAIRN_OK);
    assert_int_equal(cairn_http_group_listen(second, NULL, "127.0.0.1", port, &other),
                     CAIRN_ERR_ADDRESS_IN_USE);
    cairn_http_group_free(group);
    assert_int_equal(cairn_http_group_listen(second, NULL, "127.0.0.1", port, &other), CAIRN_OK);
    assert_int_equal(other, port);
    cairn_http_group_free(second);
}

static void test_inherited_socket(void **state)
{
    (void)state;
    cairn_http_server_options options = cairn_http_server_defaults();
    cairn_http_group *group = make(&options);
    pthread_t thread;
    uint16_t port = 0;
    int fd = raw_listen(&port);
    assert_int_equal(cairn_http_group_adopt(group, NULL, fd), CAIRN_OK);
    assert_int_equal(pthread_create(&thread, NULL, run, group), 0);
    serve_clients(port);
    cairn_http_group_stop(group);
    assert_int_equal(pthread_join(thread, NULL), 0);
    cairn_http_group_free(group);
    int late = raw_connect(port); /* the socket is still ours */
    (void)close(late);
    (void)close(fd);
}

static void test_sockets_that_are_refused(void **state)
{
    (void)state;
    cairn_http_server_options options = cairn_http_server_defaults();
    cairn_http_group *group = make(&options);
    cairn_clock clock = cairn_clock_system();
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(cairn_http_group_adopt(group, NULL, fds[0]), CAIRN_ERR_ARGUMENT);
    int unbound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(cairn_http_group_adopt(group, NULL, unbound), CAIRN_ERR_ARGUMENT);
    int datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(cairn_http_group_adopt(group, NULL, datagram), CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_http_group_adopt(group, NULL, -1), CAIRN_ERR_ARGUMENT);
    cairn_http_group_free(group);
    assert_int_equal(cairn_http_group_new(&clock, NULL, &options, 0, handle, NULL, &group),
                     CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_http_group_new(&clock, NULL, &options, 65, handle, NULL, &group),
                     CAIRN_ERR_ARGUMENT);
    (void)close(fds[0]);
    (void)close(fds[1]);
    (void)close(unbound);
    (void)close(datagram);
    cairn_http_group_free(NULL);
}

/* The bound on one address holds over all loops together. */
static void test_address_bound_is_shared(void **state)
{
    (void)state;
    cairn_http_server_options options = cairn_http_server_defaults();
    options.address_connection_count_max = 5;
    cairn_http_group *group = make(&options);
    pthread_t thread;
    uint16_t port = 0;
    int fds[20];
    unsigned served = 0;
    char reply[4096];
    assert_int_equal(cairn_http_group_listen(group, NULL, "127.0.0.1", 0, &port), CAIRN_OK);
    assert_int_equal(pthread_create(&thread, NULL, run, group), 0);
    for (size_t i = 0; i < 20; i++) {
        fds[i] = raw_connect(port);
        static const char request[] = "GET /x HTTP/1.1\r\n" HOST "\r\n";
        (void)send(fds[i], request, sizeof request - 1, MSG_NOSIGNAL);
        served += recv(fds[i], reply, sizeof reply, 0) > 0;
    }
    assert_int_equal(served, 5);
    for (size_t i = 0; i < 20; i++)
        (void)close(fds[i]);
    cairn_http_group_stop(group);
    assert_int_equal(pthread_join(thread, NULL), 0);
    cairn_http_group_free(group);
}

/* Which loop a call comes to is the kernel's choice: one that holds its loop up is enough. */
static pthread_mutex_t held_up = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool holding;

static void hold(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    atomic_store(&holding, true);
    assert_int_equal(pthread_mutex_lock(&held_up), 0);
    assert_int_equal(pthread_mutex_unlock(&held_up), 0);
    handle(context, exchange, request);
}

/* Asked until it says `wanted`, a while apart. */
static bool comes_to_live(cairn_http_group *group, bool wanted)
{
    for (int tries = 0; tries < 200; tries++) {
        if (cairn_http_group_lives(group) == wanted)
            return true;
        (void)usleep(20000);
    }
    return false;
}

static void test_a_loop_that_stands_still(void **state)
{
    (void)state;
    cairn_http_server_options options = cairn_http_server_defaults();
    cairn_http_group *group = NULL;
    cairn_clock clock = cairn_clock_system();
    pthread_t thread;
    uint16_t port = 0;
    assert_int_equal(cairn_http_group_new(&clock, NULL, &options, LOOPS, hold, NULL, &group),
                     CAIRN_OK);
    assert_int_equal(cairn_http_group_listen(group, NULL, "127.0.0.1", 0, &port), CAIRN_OK);
    assert_true(cairn_http_group_lives(group));  /* nothing was asked yet */
    assert_false(cairn_http_group_lives(group)); /* and nobody runs */
    assert_int_equal(pthread_create(&thread, NULL, run, group), 0);
    assert_true(comes_to_live(group, true));
    assert_int_equal(pthread_mutex_lock(&held_up), 0);
    int fd = raw_connect(port);
    raw_send(fd, "GET /x HTTP/1.1\r\n" HOST "\r\n");
    while (!atomic_load(&holding))
        (void)usleep(1000);
    assert_true(comes_to_live(group, false));
    (void)usleep(100000);
    assert_false(cairn_http_group_lives(group)); /* and stays so */
    assert_int_equal(pthread_mutex_unlock(&held_up), 0);
    assert_true(comes_to_live(group, true));
    (void)close(fd);
    cairn_http_group_stop(group);
    assert_int_equal(pthread_join(thread, NULL), 0);
    cairn_http_group_free(group);
}

/* One loop fails: the others do not go on as if nothing were, and whoever runs them is told. */
static void test_a_loop_that_fails(void **state)
{
    (void)state;
    cairn_http_server_options options = cairn_http_server_defaults();
    cairn_http_group *group = make(&options);
    uint16_t port = 0;
    assert_int_equal(cairn_http_group_listen(group, NULL, "127.0.0.1", 0, &port), CAIRN_OK);
    atomic_store(&failing_loops, 1);
    assert_int_equal(cairn_http_group_run(group), CAIRN_ERR_IO);
    cairn_http_group_free(group);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loops_share_an_address),
        cmocka_unit_test(test_port_of_another_group),
        cmocka_unit_test(test_inherited_socket),
        cmocka_unit_test(test_sockets_that_are_refused),
        cmocka_unit_test(test_address_bound_is_shared),
        cmocka_unit_test(test_a_loop_that_stands_still),
        cmocka_unit_test(test_a_loop_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
