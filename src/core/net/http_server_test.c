/* The server over real sockets: answers in order and from other threads, limits and time limits,
 * the drain, and clients that misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/net/http_server.h"
#include "support/http_raw.h"
#include "support/log_schema.h"

#define HOST "Host: a\r\n"
enum { BODY_MAX = 1000, BIG_SIZE = 8 << 20, REPLY_MAX = 65536 };

typedef struct fixture {
    cairn_http_server *server;
    pthread_t thread;
    uint16_t port;
    bool joined;
    /* Exchanges that the handler keeps for the test to answer. */
    pthread_mutex_t lock;
    pthread_cond_t kept_changed;
    cairn_http_exchange *kept;
    atomic_uint handled;
} fixture;

static char big_body[BIG_SIZE];

static void respond_text(cairn_http_exchange *exchange, int status, cairn_bytes body)
{
    const cairn_http_response response = {
        .status = status, .content_type = "text/plain", .body = body};
    cairn_http_respond(exchange, &response);
}

static void *respond_later(void *context)
{
    respond_text(context, 200, cairn_bytes_str("later"));
    return NULL;
}

static void keep(fixture *f, cairn_http_exchange *exchange)
{
    assert_int_equal(pthread_mutex_lock(&f->lock), 0);
    f->kept = exchange;
    assert_int_equal(pthread_cond_signal(&f->kept_changed), 0);
    assert_int_equal(pthread_mutex_unlock(&f->lock), 0);
}

static cairn_http_exchange *wait_kept(fixture *f)
{
    assert_int_equal(pthread_mutex_lock(&f->lock), 0);
    while (f->kept == NULL)
        assert_int_equal(pthread_cond_wait(&f->kept_changed, &f->lock), 0);
    cairn_http_exchange *exchange = f->kept;
    f->kept = NULL;
    assert_int_equal(pthread_mutex_unlock(&f->lock), 0);
    return exchange;
}

static bool path_is(const cairn_http_request *request, const char *path)
{
    return cairn_bytes_equal(request->path, cairn_bytes_str(path));
}

static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    fixture *f = context;
    atomic_fetch_add(&f->handled, 1);
    static const cairn_http_field field = {"Location", "/x"};
    static const cairn_http_field evil = {"Location", "/x\r\nSet-Cookie: a"};
    if (path_is(request, "/later")) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, respond_later, exchange), 0);
        assert_int_equal(pthread_detach(thread), 0);
    } else if (path_is(request, "/keep")) {
        keep(f, exchange);
    } else if (path_is(request, "/big")) {
        respond_text(exchange, 200, cairn_bytes_of(big_body, sizeof big_body));
    } else if (path_is(request, "/none")) {
        cairn_http_respond(exchange, &(cairn_http_response){.status = 204});
    } else if (path_is(request, "/field")) {
        cairn_http_respond(
            exchange, &(cairn_http_response){.status = 201, .fields = &field, .field_count = 1});
    } else if (path_is(request, "/evil")) {
        cairn_http_respond(
            exchange, &(cairn_http_response){.status = 201, .fields = &evil, .field_count = 1});
    } else if (path_is(request, "/missing")) {
        cairn_http_respond_err(exchange,
                               CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "no \"%s\"", "x"));
    } else if (path_is(request, "/broken")) {
        cairn_http_respond_err(exchange, CAIRN_FAIL(CAIRN_ERR_IO, "house", "/secret/path"));
    } else if (request->body.size > 0) {
        respond_text(exchange, 200, request->body);
    } else {
        respond_text(exchange, 200, request->path);
    }
}

static void *run(void *context)
{
    fixture *f = context;
    assert_int_equal(cairn_http_server_run(f->server), CAIRN_OK);
    return NULL;
}

static cairn_http_server_options test_options(void)
{
    cairn_http_server_options options = cairn_http_server_defaults();
    options.body_size_max = BODY_MAX;
    return options;
}

static fixture *start_logged(const cairn_http_server_options *options, cairn_log *log)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(pthread_mutex_init(&f->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&f->kept_changed, NULL), 0);
    cairn_clock clock = cairn_clock_system();
    assert_int_equal(cairn_http_server_new(&clock, log, options, handle, f, &f->server), CAIRN_OK);
    assert_int_equal(cairn_http_server_listen(f->server, "127.0.0.1", 0, &f->port), CAIRN_OK);
    assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
    return f;
}

static fixture *start(const cairn_http_server_options *options)
{
    return start_logged(options, NULL);
}

static void join(fixture *f)
{
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    f->joined = true;
}

static void stop(fixture *f)
{
    if (!f->joined) {
        cairn_http_server_stop(f->server);
        join(f);
    }
    cairn_http_server_free(f->server);
    (void)pthread_mutex_destroy(&f->lock);
    (void)pthread_cond_destroy(&f->kept_changed);
    free(f);
}

static int setup(void **state)
{
    cairn_http_server_options options = test_options();
    *state = start(&options);
    return 0;
}

static int teardown(void **state)
{
    stop(*state);
    return 0;
}

static void expect_starts(const char *text, const char *start_text)
{
    if (strncmp(text, start_text, strlen(start_text)) != 0)
        fail_msg("'%s' does not start with '%s'", text, start_text);
}

static void expect_holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' does not hold '%s'", text, part);
}

/* The problem document of a reply has this status and code; returns its detail in `detail`. */
static void expect_problem(const char *reply, int status, const char *code, char detail[256])
{
    expect_holds(reply, "Content-Type: application/problem+json\r\n");
    json_t *problem = json_loads(strstr(reply, "\r\n\r\n") + 4, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(problem);
    assert_int_equal(json_integer_value(json_object_get(problem, "status")), status);
    assert_string_equal(json_string_value(json_object_get(problem, "code")), code);
    assert_string_equal(json_string_value(json_object_get(problem, "type")), "about:blank");
    const char *text = json_string_value(json_object_get(problem, "detail"));
    (void)snprintf(detail, 256, "%s", text == NULL ? "" : text);
    json_decref(problem);
}

static void test_one_request(void **state)
{
    const fixture *f = *state;
    char reply[REPLY_MAX];
    raw_exchange(f->port, "GET /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", reply,
                 sizeof reply);
    expect_starts(reply, "HTTP/1.1 200 OK\r\nDate: ");
    expect_holds(reply, " GMT\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"
                        "Connection: close\r\n\r\n/hello");
}

static void test_http_1_0_ends_the_connection(void **state)
{
    const fixture *f = *state;
    char reply[REPLY_MAX];
    raw_exchange(f->port, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", reply, sizeof reply);
    expect_holds(reply, "Connection: close\r\n\r\n/a");
}

static void test_keep_alive(void **state)
{
    const fixture *f = *state;
    char reply[REPLY_MAX];
    int fd = raw_connect(f->port);
    for (unsigned i = 0; i < 3; i++) {
        raw_send(fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
        (void)raw_receive(fd, reply, sizeof reply, "\r\n\r\nhello");
        assert_null(strstr(reply, "Connection: close"));
    }
    (void)close(fd);
}

/* In order, though the first is answered from another thread and the others at once. */
static void test_pipelining(void **state)
{
    fixture *f = *state;
    char reply[REPLY_MAX];
    int fd = raw_connect(f->port);
    raw_send(fd,
             "GET /later HTTP/1.1\r\n" HOST "\r\n"
             "POST /1 HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\none"
             "POST /2 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
             "GET /end HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"
             "GET /never HTTP/1.1\r\n" HOST "\r\n");
    (void)raw_receive(fd, reply, sizeof reply, NULL);
    const char *at = reply;
    static const char *const bodies[] = {"\r\n\r\nlater", "\r\n\r\none", "\r\n\r\ntwo",
                                         "\r\n\r\n/end"};
    for (size_t i = 0; i < 4; i++) {
        at = strstr(at, bodies[i]);
        assert_non_null(at);
    }
    assert_null(strstr(reply, "/never"));
    assert_int_equal(atomic_load(&f->handled), 4);
    (void)close(fd);
}

static void test_byte_by_byte(void **state)
{
    const fixture *f = *state;
    static const char request[] =
        "POST / HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
    char reply[REPLY_MAX];
    int fd = raw_connect(f->port);
    for (size_t i = 0; i < sizeof request - 1; i++)
        raw_send_n(fd, request + i, 1);
    (void)raw_receive(fd, reply, sizeof reply, "\r\n\r\nabc");
    (void)close(fd);
}

static void test_split_at_every_byte(void **state)
{
    const fixture *f = *state;
    static const char request[] = "POST /x HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nok";
    int fd = raw_connect(f->port);
    for (size_t i = 1; i < sizeof request - 1; i++) {
        char reply[REPLY_MAX];
        raw_send_n(fd, request, i);
        raw_send_n(fd, request + i, sizeof request - 1 - i);
        (void)raw_receive(fd, reply, sizeof reply, "\r\n\r\nok");
    }
    (void)close(fd);
}

static void test_head_and_empty_answers(void **state)
{
    const fixture *f = *state;
    char reply[REPLY_MAX];
    int fd = raw_connect(f->port);
    raw_send(fd, "HEAD /four HTTP/1.1\r\n" HOST "\r\nGET /none HTTP/1.1\r\n" HOST "\r\n"
                 "GET /field HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    (void)raw_receive(fd, reply, sizeof reply, NULL);
    expect_holds(reply, "Content-Length: 5\r\n\r\nHTTP/1.1 204 No Content\r\nDate: ");
    expect_holds(reply, "GMT\r\n\r\nHTTP/1.1 201 Created\r\n");
    expect_holds(reply, "Location: /x\r\nContent-Length: 0\r\n");
    (void)close(fd);
}

static void test_continue(void **state)
{
    const fixture *f = *state;
    char reply[REPLY_MAX];
    int fd = raw_connect(f->port);
    raw_send(fd, "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    (void)raw_receive(fd, reply, sizeof reply, "HTTP/1.1 100 Continue\r\n\r\n");
    raw_send(fd, "body");
    (void)raw_receive(fd, reply, sizeof reply, "\r\n\r\nbody");
    expect_starts(reply, "HTTP/1.1 200 OK\r\n");
    (void)close(fd);
}

typedef struct refusal {
    const char *request;
    int status;
    const char *code;
} refusal;

static void test_refusals_are_problems_and_end_the_connection(void **state)
{
    fixture *f = *state;
    static const refusal vectors[] = {
        {"GET / HTTP/1.1\r\n\r\n", 400, "HTTP_HOST_MISSING"},
        {"GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n", 400, "HTTP_NAME_EMPTY"},
        {"GET / HTTP/1.1\n", 400, "HTTP_BARE_LF"},
        {"FROB / HTTP/1.1\r\n" HOST "\r\n", 501, "HTTP_METHOD"},
        {"GET / HTTP/2.0\r\n" HOST "\r\n", 505, "HTTP_VERSION"},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", 501, "HTTP_CODING"},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1001\r\n\r\n", 413, "HTTP_BODY_TOO_LARGE"},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "HTTP_CHUNK"},
        {"POST / HTTP/1.1\r\n" HOST "Expect: x\r\n\r\n", 417, "HTTP_EXPECTATION"},
        {"\x16\x03\x01\x02\x01\x01", 400, "HTTP_CONTROL"}, /* TLS to a plain port */
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char reply[REPLY_MAX], status_line[32], detail[256];
        int fd = raw_connect(f->port);
        raw_send(fd, vectors[i].request);
        raw_send(fd, "GET /smuggled HTTP/1.1\r\n" HOST "\r\n");
        (void)raw_receive(fd, reply, sizeof reply, NULL);
        (void)close(fd);
        (void)snprintf(status_line, sizeof status_line, "HTTP/1.1 %d ", vectors[i].status);
        expect_starts(reply, status_line);
        expect_holds(reply, "Connection: close\r\n");
        expect_problem(reply, vectors[i].status, vectors[i].code, detail);
        expect_holds(detail, "RFC");
    }
    assert_int_equal(atomic_load(&f->handled), 0);
}

static void test_errors_of_ours(void **state)
{
    const fixture *f = *state;
    char reply[REPLY_MAX], detail[256];
    raw_exchange(f->port, "GET /missing HTTP/1.0\r\n\r\n", reply, sizeof reply);
    expect_starts(reply, "HTTP/1.1 404 Not Found\r\n");
    expect_problem(reply, 404, "NOT_FOUND", detail);
    assert_string_equal(detail, "no \"x\"");
    raw_exchange(f->port, "GET /broken HTTP/1.0\r\n\r\n", reply, sizeof reply);
    expect_problem(reply, 500, "IO", detail);
    assert_string_equal(detail, "");
    raw_exchange(f->port, "GET /evil HTTP/1.0\r\n\r\n", reply, sizeof reply);
    expect_starts(reply, "HTTP/1.1 500 ");
    expect_problem(reply, 500, "INTERNAL", detail);
    assert_null(strstr(reply, "Set-Cookie"));
}

/* A client that sends more than it may still reads why: the connection lingers. */
static void test_refused_client_reads_its_answer(void **state)
{
    const fixture *f = *state;
    char reply[REPLY_MAX], detail[256];
    static char junk[100000];
    int fd = raw_connect(f->port);
    raw_send(fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n");
    raw_send_n(fd, junk, sizeof junk);
    (void)raw_receive(fd, reply, sizeof reply, NULL);
    expect_problem(reply, 413, "HTTP_BODY_TOO_LARGE", detail);
    (void)close(fd);
}

static void test_half_closed_client_is_answered(void **state)
{
    const fixture *f = *state;
    char reply[REPLY_MAX];
    int fd = raw_connect(f->port);
    raw_send(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    (void)raw_receive(fd, reply, sizeof reply, NULL);
    expect_holds(reply, "\r\n\r\nlater");
    (void)close(fd);
}

static void test_client_that_leaves_is_no_error(void **state)
{
    fixture *f = *state;
    int fd = raw_connect(f->port);
    raw_send(fd, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    cairn_http_exchange *exchange = wait_kept(f);
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    (void)close(fd);
    respond_text(exchange, 200, cairn_bytes_of(big_body, sizeof big_body));
    char reply[REPLY_MAX];
    raw_exchange(f->port, "GET /next HTTP/1.0\r\n\r\n", reply, sizeof reply);
    expect_holds(reply, "\r\n\r\n/next");
}

static void test_large_answer(void **state)
{
    const fixture *f = *state;
    char *reply = malloc(BIG_SIZE + REPLY_MAX);
    assert_non_null(reply);
    memset(big_body, 'b', sizeof big_body);
    int fd = raw_connect(f->port);
    raw_send(fd, "GET /big HTTP/1.0\r\n\r\n");
    size_t size = raw_receive(fd, reply, BIG_SIZE + REPLY_MAX, NULL);
    const char *body = strstr(reply, "\r\n\r\n") + 4;
    assert_int_equal(size - (size_t)(body - reply), BIG_SIZE);
    assert_int_equal(strspn(body, "b"), BIG_SIZE);
    (void)close(fd);
    free(reply);
}

static void test_slow_clients(void **state)
{
    (void)state;
    cairn_http_server_options options = test_options();
    options.head_timeout_ms = options.body_timeout_ms = options.idle_timeout_ms = 50;
    fixture *f = start(&options);
    char reply[REPLY_MAX], detail[256];
    raw_exchange(f->port, "GET / HT", reply, sizeof reply);
    expect_starts(reply, "HTTP/1.1 408 ");
    expect_problem(reply, 408, "HTTP_TIMEOUT", detail);
    raw_exchange(f->port, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabc", reply,
                 sizeof reply);
    expect_problem(reply, 408, "HTTP_TIMEOUT", detail);
    raw_exchange(f->port, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
                 reply, sizeof reply);
    expect_problem(reply, 408, "HTTP_TIMEOUT", detail);
    raw_exchange(f->port, "", reply, sizeof reply); /* says nothing, hears nothing */
    assert_string_equal(reply, "");
    raw_exchange(f->port, "GET /x HTTP/1.1\r\n" HOST "\r\n", reply, sizeof reply); /* then idle */
    expect_holds(reply, "\r\n\r\n/x");
    stop(f);
}

/* A byte now and then does not extend the time of the head. */
static void test_dripping_head_ends(void **state)
{
    (void)state;
    cairn_http_server_options options = test_options();
    options.head_timeout_ms = 200;
    fixture *f = start(&options);
    int fd = raw_connect(f->port);
    raw_send(fd, "GET / HTTP/1.1\r\nX: ");
    char reply[REPLY_MAX];
    ssize_t n = -1;
    for (unsigned i = 0; i < RAW_WAIT_MS / 10 && n <= 0; i++) {
        (void)send(fd, "a", 1, MSG_NOSIGNAL);
        (void)usleep(10000);
        n = recv(fd, reply, sizeof reply - 1, MSG_DONTWAIT);
    }
    assert_true(n > 0);
    reply[n] = '\0';
    expect_starts(reply, "HTTP/1.1 408 ");
    (void)close(fd);
    stop(f);
}

/* A client that never reads its answer is cut off. */
static void test_client_that_does_not_read(void **state)
{
    (void)state;
    cairn_http_server_options options = test_options();
    options.write_timeout_ms = 50;
    fixture *f = start(&options);
    int fd = raw_connect(f->port);
    int small = 4096;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    raw_send(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n");
    cairn_http_counts counts = {.connections = 1};
    for (unsigned i = 0; i < RAW_WAIT_MS && (i < 100 || counts.connections > 0); i++) {
        (void)usleep(1000);
        cairn_http_server_counts(f->server, &counts);
    }
    assert_int_equal(counts.accepted, 1);
    assert_int_equal(counts.connections, 0);
    (void)close(fd);
    stop(f);
}

static void test_connection_limit(void **state)
{
    (void)state;
    cairn_http_server_options options = test_options();
    options.connection_count_max = 2;
    fixture *f = start(&options);
    char reply[REPLY_MAX];
    int first = raw_connect(f->port), second = raw_connect(f->port);
    raw_send(first, "GET /1 HTTP/1.1\r\n" HOST "\r\n");
    (void)raw_receive(first, reply, sizeof reply, "\r\n\r\n/1");
    raw_send(second, "GET /2 HTTP/1.1\r\n" HOST "\r\n");
    (void)raw_receive(second, reply, sizeof reply, "\r\n\r\n/2");
    int third = raw_connect(f->port); /* by the kernel; the server has not taken it */
    raw_send(third, "GET /3 HTTP/1.1\r\n" HOST "\r\n");
    (void)usleep(50000);
    assert_int_equal(recv(third, reply, sizeof reply, MSG_DONTWAIT), -1);
    (void)close(first);
    (void)raw_receive(third, reply, sizeof reply, "\r\n\r\n/3");
    (void)close(second);
    (void)close(third);
    stop(f);
}

static void test_drain_answers_what_has_begun(void **state)
{
    fixture *f = *state;
    char reply[REPLY_MAX];
    int busy = raw_connect(f->port), idle = raw_connect(f->port);
    raw_send(idle, "GET /idle HTTP/1.1\r\n" HOST "\r\n");
    (void)raw_receive(idle, reply, sizeof reply, "/idle");
    raw_send(busy, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    cairn_http_exchange *exchange = wait_kept(f);
    cairn_http_server_stop(f->server);
    assert_int_equal(raw_receive(idle, reply, sizeof reply, NULL), 0);
    respond_text(exchange, 200, cairn_bytes_str("last"));
    (void)raw_receive(busy, reply, sizeof reply, NULL);
    expect_holds(reply, "Connection: close\r\n\r\nlast");
    (void)close(busy);
    (void)close(idle);
    join(f);
    struct sockaddr_in address = raw_loopback(f->port);
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(late, (const struct sockaddr *)&address, sizeof address), -1);
    (void)close(late);
}

/* The drain has an end for clients; a handler that still holds an exchange is waited for. */
static void test_drain_timeout(void **state)
{
    (void)state;
    cairn_http_server_options options = test_options();
    options.drain_timeout_ms = 50;
    fixture *f = start(&options);
    char reply[REPLY_MAX];
    int busy = raw_connect(f->port), slow = raw_connect(f->port);
    raw_send(slow, "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nha");
    raw_send(busy, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    cairn_http_exchange *exchange = wait_kept(f);
    cairn_http_server_stop(f->server);
    assert_int_equal(raw_receive(busy, reply, sizeof reply, NULL), 0);
    assert_int_equal(raw_receive(slow, reply, sizeof reply, NULL), 0);
    respond_text(exchange, 200, cairn_bytes_str("too late"));
    join(f);
    (void)close(busy);
    (void)close(slow);
    stop(f);
}

/* A head of which a part has come holds no drain up; a body that is on its way is waited for. */
static void test_drain_and_half_sent_requests(void **state)
{
    (void)state;
    cairn_http_server_options options = test_options();
    options.drain_timeout_ms = 3600000;
    options.head_timeout_ms = 3600000;
    fixture *f = start(&options);
    char reply[REPLY_MAX];
    int head = raw_connect(f->port), body = raw_connect(f->port), mark = raw_connect(f->port);
    raw_send(head, "GET / HTTP/1.1\r\nHo");
    raw_send(body, "POST /b HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nha");
    raw_send(mark, "GET /mark HTTP/1.1\r\n" HOST "\r\n");
    (void)raw_receive(mark, reply, sizeof reply, "/mark");
    (void)usleep(50000); /* all has been read by now, most likely */
    cairn_http_server_stop(f->server);
    assert_int_equal(raw_receive(mark, reply, sizeof reply, NULL), 0);
    assert_int_equal(raw_receive(head, reply, sizeof reply, NULL), 0);
    raw_send(body, "lf");
    (void)raw_receive(body, reply, sizeof reply, NULL);
    expect_holds(reply, "HTTP/1.1 200 ");
    expect_holds(reply, "Connection: close\r\n");
    join(f);
    (void)close(head);
    (void)close(body);
    (void)close(mark);
    stop(f);
}

static void test_listen_failures(void **state)
{
    const fixture *f = *state;
    cairn_http_server_options options = test_options();
    cairn_clock clock = cairn_clock_system();
    CAIRN_CLEANUP(cairn_http_server_free_p) cairn_http_server *server = NULL;
    assert_int_equal(cairn_http_server_new(&clock, NULL, &options, handle, NULL, &server),
                     CAIRN_OK);
    uint16_t port = 0;
    assert_int_equal(cairn_http_server_listen(server, "127.0.0.1", f->port, &port),
                     CAIRN_ERR_ADDRESS_IN_USE);
    assert_int_equal(cairn_http_server_listen(server, "localhost", 0, &port), CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_http_server_listen(server, "192.0.2.1", 0, &port), CAIRN_ERR_IO);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(cairn_http_server_listen(server, "127.0.0.1", 0, &port), CAIRN_OK);
    assert_int_equal(cairn_http_server_listen(server, "127.0.0.1", 0, &port), CAIRN_ERR_TOO_MANY);
    cairn_http_server_free(NULL);
}

static void test_several_servers_share_a_port(void **state)
{
    (void)state;
    cairn_http_server_options options = test_options();
    options.share_port = true;
    fixture *f = start(&options);
    cairn_clock clock = cairn_clock_system();
    CAIRN_CLEANUP(cairn_http_server_free_p) cairn_http_server *server = NULL;
    assert_int_equal(cairn_http_server_new(&clock, NULL, &options, handle, NULL, &server),
                     CAIRN_OK);
    uint16_t port = 0;
    assert_int_equal(cairn_http_server_listen(server, "127.0.0.1", f->port, &port), CAIRN_OK);
    assert_int_equal(port, f->port);
    stop(f);
}

static void test_what_is_logged(void **state)
{
    (void)state;
    cairn_clock clock = cairn_clock_system();
    FILE *file = tmpfile();
    assert_non_null(file);
    cairn_log *log = NULL;
    assert_int_equal(
        cairn_log_new(&clock, fileno(file), CAIRN_LOG_INFO, &cairn_http_log_events, 1, &log),
        CAIRN_OK);
    cairn_http_server_options options = test_options();
    options.head_timeout_ms = 50;
    fixture *f = start_logged(&options, log);
    char reply[REPLY_MAX];
    raw_exchange(f->port, "GET / HTTP/1.1\r\n: secret\r\n\r\n", reply, sizeof reply);
    raw_exchange(f->port, "GET / HT", reply, sizeof reply);
    stop(f);
    cairn_log_free(log);
    static const char *const events[] = {"http.listening", "http.refused", "http.timeout",
                                         "http.drained"};
    rewind(file);
    char line[1024];
    for (size_t i = 0; i < 4; i++) {
        assert_non_null(fgets(line, sizeof line, file));
        expect_holds(line, events[i]);
        assert_null(strstr(line, "secret"));
        if (i == 1)
            expect_holds(line, "\"code\":\"HTTP_NAME_EMPTY\",\"clause\":\"RFC 9112 section 5\"");
    }
    assert_null(fgets(line, sizeof line, file));
    (void)fclose(file);
}

static void test_schema_lists_our_events(void **state)
{
    (void)state;
    log_schema_check(&cairn_http_log_events);
}

static void test_reply_refuses_bad_fields(void **state)
{
    (void)state;
    static const cairn_http_field bad[] = {{"A B", "x"},     {"", "x"},    {"A:", "x"},
                                           {"A", "x\ny"},    {"A", "x\r"}, {"A", "\x7f"},
                                           {"A", "\xc3\xa9"}};
    const cairn_http_framing framing = {.wall_ms = 784111777000u};
    uint8_t *bytes = NULL;
    size_t size = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const cairn_http_response response = {.status = 200, .fields = &bad[i], .field_count = 1};
        assert_int_equal(cairn_http_reply_encode(&response, &framing, &bytes, &size),
                         CAIRN_ERR_ARGUMENT);
    }
    const cairn_http_response response = {.status = 200, .body = cairn_bytes_str("x")};
    assert_int_equal(cairn_http_reply_encode(&response, &framing, &bytes, &size), CAIRN_OK);
    static const char expected[] = /* the date is RFC 9110 section 5.6.7's own example */
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 1\r\n\r\nx";
    assert_int_equal(size, sizeof expected - 1);
    assert_memory_equal(bytes, expected, size);
    free(bytes);
    char text[CAIRN_HTTP_PROBLEM_SIZE_MAX], longer[5000];
    memset(longer, '"', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    cairn_http_problem_write(599, "X", longer, text);
    json_t *problem = json_loads(text, 0, NULL);
    assert_int_equal(json_string_length(json_object_get(problem, "detail")), 512);
    json_decref(problem);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_http_1_0_ends_the_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keep_alive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pipelining, setup, teardown),
        cmocka_unit_test_setup_teardown(test_byte_by_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_split_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head_and_empty_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_continue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals_are_problems_and_end_the_connection, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_errors_of_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_client_reads_its_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_closed_client_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_leaves_is_no_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_answer, setup, teardown),
        cmocka_unit_test(test_slow_clients),
        cmocka_unit_test(test_dripping_head_ends),
        cmocka_unit_test(test_client_that_does_not_read),
        cmocka_unit_test(test_connection_limit),
        cmocka_unit_test_setup_teardown(test_drain_answers_what_has_begun, setup, teardown),
        cmocka_unit_test(test_drain_timeout),
        cmocka_unit_test(test_drain_and_half_sent_requests),
        cmocka_unit_test_setup_teardown(test_listen_failures, setup, teardown),
        cmocka_unit_test(test_several_servers_share_a_port),
        cmocka_unit_test(test_what_is_logged),
        cmocka_unit_test(test_schema_lists_our_events),
        cmocka_unit_test(test_reply_refuses_bad_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
