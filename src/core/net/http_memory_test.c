/* Every allocation of the server's thread fails once, from its creation to the end of a few
 * requests: a client may lose its connection, the server may refuse to start, but it neither
 * crashes nor hangs, serves the next client, and drains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "core/net/http_server.h"
#include "support/http_raw.h"
#include "support/no_memory.h"

typedef struct fixture {
    cairn_http_server *server;
    pthread_t thread;
    uint16_t port;
    cairn_err err;
} fixture;

static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    (void)context;
    const cairn_http_response response = {.status = 200, .body = request->body};
    cairn_http_respond(exchange, &response);
}

static void *run(void *context)
{
    fixture *f = context;
    no_memory_here = true;
    f->err = cairn_http_server_run(f->server);
    no_memory_here = false;
    return NULL;
}

static cairn_err start(fixture *f)
{
    const cairn_clock clock = cairn_clock_system();
    cairn_http_server_options options = cairn_http_server_defaults();
    options.connection_count_max = 2;
    options.drain_timeout_ms = 100;
    no_memory_here = true;
    cairn_err err = cairn_http_server_new(&clock, NULL, &options, handle, NULL, &f->server);
    if (err == CAIRN_OK)
        err = cairn_http_server_listen(f->server, "127.0.0.1", 0, &f->port);
    no_memory_here = false;
    if (err != CAIRN_OK)
        cairn_http_server_free(f->server);
    return err;
}

/* Sends two requests on one connection; true when both were answered well. */
static bool ask(uint16_t port)
{
    static const char request[] =
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\nworld\r\n0\r\n\r\n";
    char reply[4096];
    size_t size = 0;
    ssize_t n = 1;
    int fd = raw_connect(port);
    bool sent = send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == sizeof request - 1;
    while (n > 0 && size + 1 < sizeof reply) {
        n = recv(fd, reply + size, sizeof reply - 1 - size, 0);
        size += n > 0 ? (size_t)n : 0;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        fail_msg("the server hangs");
    (void)close(fd);
    reply[size] = '\0';
    return sent && strstr(reply, "\r\n\r\nhello") != NULL && strstr(reply, "\r\n\r\nworld") != NULL;
}

/* True while a fault was met. */
static bool try_fault(unsigned at)
{
    fixture f = {.server = NULL};
    no_memory_arm(at);
    cairn_err err = start(&f);
    if (err != CAIRN_OK) {
        assert_true(no_memory_disarm());
        return true;
    }
    assert_int_equal(pthread_create(&f.thread, NULL, run, &f), 0);
    bool answered = ask(f.port);
    bool fired = no_memory_disarm();
    assert_true(answered || fired);
    assert_true(ask(f.port)); /* the next client is served in any case */
    cairn_http_server_stop(f.server);
    assert_int_equal(pthread_join(f.thread, NULL), 0);
    assert_int_equal(f.err, CAIRN_OK);
    cairn_http_server_free(f.server);
    return fired;
}

static void test_each_allocation_fails_once(void **state)
{
    (void)state;
    if (!NO_MEMORY_WORKS) {
        print_message("allocation faults: not under a sanitizer\n");
        skip();
    }
    unsigned at = 1;
    while (try_fault(at))
        at++;
    assert_true(at > 20);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
