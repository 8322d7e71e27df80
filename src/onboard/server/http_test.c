/* FDO over HTTP: paths, headers, limits, and the one form of every failure. */
#include "onboard/server/http.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/fdo_world.h"
#include "support/http_fixture.h"

typedef struct fixture {
    fdo_world world;
    http_fixture http;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    const cairn_http_server_options options = cairn_fdo_http_options();
    assert_non_null(f);
    fdo_world_init(&f->world);
    http_fixture_start(&f->http, &options, cairn_fdo_http_handle, f->world.service);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    http_fixture_stop(&f->http);
    fdo_world_done(&f->world);
    free(f);
    return 0;
}

/* What `head` and a body of `size` zeros (or none) are answered. */
static void ask(const fixture *f, const char *head, size_t size, char reply[4096])
{
    static uint8_t zeros[CAIRN_FDO_MESSAGE_SIZE_MAX + 1];
    int fd = raw_connect(f->http.port);
    raw_send(fd, head);
    raw_send(fd, "Host: x\r\nConnection: close\r\n\r\n");
    raw_send_n(fd, zeros, size);
    (void)raw_receive(fd, reply, 4096, NULL);
    (void)close(fd);
}

static void expect_error(const char *reply, unsigned previous, unsigned code)
{
    const char *body = strstr(reply, "\r\n\r\n");
    cairn_fdo_error error = {0};
    http_expect_holds(reply, "HTTP/1.1 500 ");
    http_expect_holds(reply, "Content-Type: application/cbor\r\n");
    http_expect_holds(reply, "Message-Type: 255\r\n");
    assert_null(strstr(reply, "Authorization"));
    assert_non_null(body);
    /* the head tells the size; what is read is one item */
    size_t size = (size_t)strtoul(strstr(reply, "Content-Length: ") + 16, NULL, 10);
    assert_int_equal(cairn_fdo_error_read(cairn_bytes_of(body + 4, size), &error), CAIRN_OK);
    assert_int_equal(error.code, code);
    assert_int_equal(error.previous, previous);
}

/* [X1353-R41] */
static void test_run(void **state)
{
    const fixture *f = *state;
    char reply[4096];
    int fd = raw_connect(f->http.port);
    raw_send(fd, "POST /fdo/101/msg/20 HTTP/1.1\r\nHost: x\r\nContent-Type: application/cbor\r\n"
                 "Content-Length: 1\r\nConnection: close\r\n\r\n\x80");
    (void)raw_receive(fd, reply, sizeof reply, NULL);
    (void)close(fd);
    http_expect_holds(reply, "HTTP/1.1 200 ");
    http_expect_holds(reply, "Message-Type: 21\r\n");
    http_expect_holds(reply, "Content-Length: 18\r\n");
    const char *token = strstr(reply, "Authorization: Bearer ");
    assert_non_null(token);
    assert_int_equal(strcspn(token + 22, "\r"), CAIRN_FDO_TOKEN_TEXT_SIZE);
}

/* The token with and without "Bearer " is the same; it is worth nothing after a failure. */
static void test_tokens(void **state)
{
    const fixture *f = *state;
    static const char *const forms[] = {"Bearer ", ""};
    for (size_t i = 0; i < 2; i++) {
        char reply[4096];
        char head[512];
        char token[CAIRN_FDO_TOKEN_TEXT_SIZE + 1];
        int fd = raw_connect(f->http.port);
        raw_send(fd,
                 "POST /fdo/101/msg/20 HTTP/1.1\r\nHost: x\r\nContent-Type: application/cbor\r\n"
                 "Content-Length: 1\r\nConnection: close\r\n\r\n\x80");
        (void)raw_receive(fd, reply, sizeof reply, NULL);
        (void)close(fd);
        (void)snprintf(token, sizeof token, "%s", strstr(reply, "Bearer ") + 7);
        (void)snprintf(head, sizeof head,
                       "POST /fdo/101/msg/22 HTTP/1.1\r\nContent-Type: application/cbor\r\n"
                       "Authorization: %s%s\r\nContent-Length: 1\r\n",
                       forms[i], token);
        ask(f, head, 1, reply);
        expect_error(reply, 22, CAIRN_FDO_MESSAGE_BODY_ERROR); /* the run was found */
        ask(f, head, 1, reply);
        expect_error(reply, 22, CAIRN_FDO_INVALID_JWT_TOKEN); /* and has ended */
    }
}

/* [X1353-R39] What is refused before it is read. */
static void test_limits(void **state)
{
    const fixture *f = *state;
    char reply[4096];
    static const char *const heads[] = {
        "POST /fdo/101/msg/60 HTTP/1.1\r\nContent-Type: application/cbor\r\nContent-Length: "
        "65536\r\n",
        "POST /fdo/101/msg/60 HTTP/1.1\r\nContent-Type: application/cbor\r\n"
        "Content-Length: 4294967296\r\n",
        "POST /fdo/101/msg/60 HTTP/1.1\r\nContent-Type: application/cbor\r\n"
        "Transfer-Encoding: chunked\r\n",
        "POST /fdo/101/msg/60 HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n",
        "POST /fdo/101/msg/60 HTTP/1.1\r\nContent-Length: 1\r\n",
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        ask(f, heads[i], 0, reply);
        expect_error(reply, 60, CAIRN_FDO_MESSAGE_BODY_ERROR);
    }
    ask(f,
        "POST /fdo/101/msg/60 HTTP/1.1\r\nContent-Type: application/cbor\r\nContent-Length: "
        "65535\r\n",
        65535, reply);
    expect_error(reply, 60, CAIRN_FDO_MESSAGE_BODY_ERROR); /* read, and refused for what it is */
    ask(f,
        "POST /fdo/101/msg/60 HTTP/1.1\r\nContent-Type: application/cbor\r\nContent-Length: 0\r\n",
        0, reply);
    expect_error(reply, 60, CAIRN_FDO_MESSAGE_BODY_ERROR);
}

static void test_no_message(void **state)
{
    const fixture *f = *state;
    static const char *const paths[] = {"/",
                                        "/fdo/101/msg/",
                                        "/fdo/101/msg/0",
                                        "/fdo/101/msg/060",
                                        "/fdo/101/msg/256",
                                        "/fdo/101/msg/6x",
                                        "/fdo/101/msg/60/",
                                        "/fdo/100/msg/60",
                                        "/fdo/101/msg/4294967356"};
    char reply[4096];
    char head[256];
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        (void)snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nContent-Length: 0\r\n", paths[i]);
        ask(f, head, 0, reply);
        http_expect_holds(reply, "HTTP/1.1 404 ");
    }
    ask(f, "GET /fdo/101/msg/60 HTTP/1.1\r\n", 0, reply);
    http_expect_holds(reply, "HTTP/1.1 405 ");
}

/* A peer that gives up gets no error in turn. */
static void test_peer_error(void **state)
{
    const fixture *f = *state;
    char reply[4096];
    int fd = raw_connect(f->http.port);
    raw_send_n(
        fd,
        "POST /fdo/101/msg/255 HTTP/1.1\r\nHost: x\r\nContent-Type: application/cbor\r\n"
        "Content-Length: 9\r\nConnection: close\r\n\r\n\x85\x18\x65\x15\x62no\xf6\xf6",
        sizeof "POST /fdo/101/msg/255 HTTP/1.1\r\nHost: x\r\nContent-Type: application/cbor\r\n"
               "Content-Length: 9\r\nConnection: close\r\n\r\n" -
            1 + 9);
    (void)raw_receive(fd, reply, sizeof reply, NULL);
    (void)close(fd);
    http_expect_holds(reply, "HTTP/1.1 200 ");
    http_expect_holds(reply, "Content-Length: 0\r\n");
}

/* As many runs as may be: 500 like every failure, and when to come again. */
static void test_busy(void **state)
{
    const fixture *f = *state;
    char reply[4096];
    bool busy = false;
    for (int i = 0; !busy && i < 200; i++) {
        int fd = raw_connect(f->http.port);
        raw_send(fd,
                 "POST /fdo/101/msg/20 HTTP/1.1\r\nHost: x\r\nContent-Type: application/cbor\r\n"
                 "Content-Length: 1\r\nConnection: close\r\n\r\n\x80");
        (void)raw_receive(fd, reply, sizeof reply, NULL);
        (void)close(fd);
        busy = strstr(reply, "HTTP/1.1 500 ") != NULL;
    }
    assert_true(busy);
    http_expect_holds(reply, "Retry-After: 5\r\n");
    http_expect_holds(reply, "Message-Type: 255\r\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest all[] = {
        TEST(test_run),        TEST(test_tokens),     TEST(test_limits),
        TEST(test_no_message), TEST(test_peer_error), TEST(test_busy),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(all, NULL, NULL);
}
