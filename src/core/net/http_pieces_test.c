/* Bodies in pieces both ways, admission, and overload, over sockets: what the handler is told, what
 * the client sees, and that neither outruns the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "support/http_fixture.h"

#define HOST "Host: a\r\n"
enum { REPLY_MAX = 65536, BODY_MAX = 1000, PIECES_MAX = 4 << 20, STREAM_MAX = 65536 };

/* What the one exchange of a test was told. Written by the server's thread, read by the test's. */
typedef struct job {
    http_fixture f;
    atomic_uint handled, pieces, ended, events_writable, events_draining, events_gone;
    atomic_size_t received;
    atomic_int err;
    atomic_uint sum;
    _Atomic(cairn_http_exchange *) exchange;
    bool answer_early, pause_first, keep, several;
} job;

static void respond_number(cairn_http_exchange *exchange, size_t number)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%zu;", number);
    const cairn_http_response response = {.status = 200,
                                          .body = cairn_bytes_of(text, (size_t)size)};
    cairn_http_respond(exchange, &response);
}

static void on_piece(void *context, cairn_http_exchange *exchange, cairn_err err, cairn_bytes piece,
                     bool last)
{
    job *j = context;
    assert_true(j->several || atomic_load(&j->ended) == 0);
    for (size_t i = 0; i < piece.size; i++)
        atomic_fetch_add(&j->sum, piece.data[i]);
    atomic_fetch_add(&j->received, piece.size);
    if (atomic_fetch_add(&j->pieces, 1) == 0 && j->pause_first)
        cairn_http_receive_pause(exchange);
    atomic_store(&j->err, err);
    if (last)
        atomic_fetch_add(&j->ended, 1);
    if (last || j->answer_early)
        respond_number(exchange, atomic_load(&j->received));
}

static void on_event(void *context, cairn_http_exchange *exchange, cairn_http_stream_event event)
{
    job *j = context;
    atomic_uint *const counters[] = {[CAIRN_HTTP_STREAM_WRITABLE] = &j->events_writable,
                                     [CAIRN_HTTP_STREAM_DRAINING] = &j->events_draining,
                                     [CAIRN_HTTP_STREAM_GONE] = &j->events_gone};
    atomic_fetch_add(counters[event], 1);
    if (event != CAIRN_HTTP_STREAM_WRITABLE && !j->keep)
        cairn_http_end(exchange);
}

static bool path_is(const cairn_http_request *request, const char *path)
{
    return cairn_bytes_equal(request->path, cairn_bytes_str(path));
}

static void begin_stream(job *j, cairn_http_exchange *exchange, uint64_t length, uint32_t idle_ms)
{
    const cairn_http_response head = {.status = 200, .content_type = "text/plain"};
    const cairn_http_stream stream = {.length = length,
                                      .on_event = on_event,
                                      .context = j,
                                      .idle_ms = idle_ms,
                                      .idle = cairn_bytes_str(".")};
    cairn_http_respond_begin(exchange, &head, &stream);
}

static void stream_three(job *j, cairn_http_exchange *exchange, uint64_t length)
{
    begin_stream(j, exchange, length, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(cairn_http_write(exchange, cairn_bytes_str("piece")), CAIRN_OK);
    assert_int_equal(cairn_http_write(exchange, cairn_bytes_of(NULL, 0)), CAIRN_OK);
    if (length == 15)
        assert_int_equal(cairn_http_write(exchange, cairn_bytes_str("x")), CAIRN_ERR_ARGUMENT);
    cairn_http_end(exchange);
}

static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    job *j = context;
    atomic_fetch_add(&j->handled, 1);
    if (path_is(request, "/pieces")) {
        assert_int_equal(request->body.size, 0);
        atomic_store(&j->exchange, exchange);
        cairn_http_receive(exchange, on_piece, j);
    } else if (path_is(request, "/chunked")) {
        stream_three(j, exchange, CAIRN_HTTP_LENGTH_UNKNOWN);
    } else if (path_is(request, "/length")) {
        stream_three(j, exchange, 15);
    } else if (path_is(request, "/short")) {
        stream_three(j, exchange, 16);
    } else if (path_is(request, "/stream")) {
        begin_stream(j, exchange, CAIRN_HTTP_LENGTH_UNKNOWN, 0);
        atomic_store(&j->exchange, exchange);
    } else if (path_is(request, "/idle")) {
        begin_stream(j, exchange, CAIRN_HTTP_LENGTH_UNKNOWN, 20);
        atomic_store(&j->exchange, exchange);
    } else if (path_is(request, "/keep")) {
        atomic_store(&j->exchange, exchange);
    } else if (path_is(request, "/rate")) {
        cairn_http_respond_err(exchange, CAIRN_FAIL(CAIRN_ERR_RATE, "house", "too often"));
    } else {
        respond_number(exchange, request->body.size);
    }
}

static void admit(void *context, cairn_http_exchange *exchange, const cairn_http_request *head,
                  cairn_http_intake *intake)
{
    (void)context;
    assert_int_equal(intake->body_size_max, BODY_MAX);
    if (path_is(head, "/pieces")) {
        intake->pieces = true;
        intake->body_size_max = PIECES_MAX;
    } else if (path_is(head, "/small")) {
        intake->body_size_max = 10;
    } else if (path_is(head, "/no")) {
        cairn_http_respond_problem(exchange, 401, "NO", NULL);
    }
}

static cairn_http_server_options test_options(void)
{
    cairn_http_server_options options = cairn_http_server_defaults();
    options.body_size_max = BODY_MAX;
    options.stream_buffer_max = STREAM_MAX;
    options.drain_timeout_ms = 2000;
    options.admit = admit;
    return options;
}

static job *start(const cairn_http_server_options *options)
{
    job *j = calloc(1, sizeof *j);
    assert_non_null(j);
    http_fixture_start(&j->f, options, handle, j);
    return j;
}

static void stop(job *j)
{
    http_fixture_stop(&j->f);
    free(j);
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

/* Waits until `value` is at least `least`; fails when it never is. */
static void wait_for(const atomic_uint *value, unsigned least)
{
    for (unsigned i = 0; i < RAW_WAIT_MS && atomic_load(value) < least; i++)
        (void)usleep(1000);
    assert_true(atomic_load(value) >= least);
}

static cairn_http_exchange *wait_exchange(job *j)
{
    for (unsigned i = 0; i < RAW_WAIT_MS && atomic_load(&j->exchange) == NULL; i++)
        (void)usleep(1000);
    assert_non_null(atomic_load(&j->exchange));
    return atomic_load(&j->exchange);
}

/* --- in --- */

static void test_upload_with_length(void **state)
{
    job *j = *state;
    enum { SIZE = 3 << 20 };
    char reply[REPLY_MAX];
    uint8_t *body = malloc(SIZE);
    unsigned sum = 0;
    assert_non_null(body);
    for (size_t i = 0; i < SIZE; i++)
        sum += body[i] = (uint8_t)(i * 7);
    int fd = raw_connect(j->f.port);
    raw_send(fd, "PUT /pieces HTTP/1.1\r\n" HOST "Content-Length: 3145728\r\n\r\n");
    raw_send_n(fd, body, SIZE);
    (void)raw_receive(fd, reply, sizeof reply, "3145728;");
    assert_null(strstr(reply, "Connection: close"));
    assert_int_equal(atomic_load(&j->sum), sum);
    assert_true(atomic_load(&j->pieces) > 10);
    raw_send(fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab"); /* goes on */
    (void)raw_receive(fd, reply, sizeof reply, "\r\n\r\n2;");
    (void)close(fd);
    free(body);
}

static void test_upload_chunked(void **state)
{
    job *j = *state;
    char reply[REPLY_MAX];
    static char chunk[50000];
    int fd = raw_connect(j->f.port);
    raw_send(fd, "POST /pieces HTTP/1.1\r\n" HOST
                 "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
    (void)raw_receive(fd, reply, sizeof reply, "HTTP/1.1 100 Continue\r\n\r\n");
    for (unsigned i = 0; i < 20; i++) {
        raw_send(fd, "C350\r\n");
        raw_send_n(fd, chunk, sizeof chunk);
        raw_send(fd, "\r\n1\r\nx\r\n");
    }
    raw_send(fd, "0\r\n\r\nGET /next HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    (void)raw_receive(fd, reply, sizeof reply, NULL);
    http_expect_holds(reply, "\r\n\r\n1000020;");
    http_expect_holds(reply, "\r\n\r\n0;");
    assert_int_equal(atomic_load(&j->sum), 20 * 'x');
    (void)close(fd);
}

/* While the handler pauses, the client is held back by TCP, beyond the time limit too. */
static void test_pause(void **state)
{
    (void)state;
    cairn_http_server_options options = test_options();
    options.body_timeout_ms = 300;
    job *j = start(&options);
    j->pause_first = true;
    static char chunk[65536];
    char reply[REPLY_MAX];
    int fd = raw_connect(j->f.port);
    int small = 65536;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    raw_send(fd, "PUT /pieces HTTP/1.1\r\n" HOST "Content-Length: 4194304\r\n\r\n");
    size_t sent = 0, before = 0;
    for (unsigned quiet = 0; quiet<50; quiet = sent> before ? 0 : quiet + 1) {
        before = sent;
        ssize_t n = send(fd, chunk, sizeof chunk < 4194304 - sent ? sizeof chunk : 4194304 - sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        (void)usleep(10000);
    }
    assert_true(atomic_load(&j->received) <= 2 * 16384);
    assert_int_equal(atomic_load(&j->ended), 0);
    cairn_http_receive_resume(wait_exchange(j));
    while (sent < 4194304) {
        size_t size = sizeof chunk < 4194304 - sent ? sizeof chunk : 4194304 - sent;
        raw_send_n(fd, chunk, size);
        sent += size;
    }
    (void)raw_receive(fd, reply, sizeof reply, "4194304;");
    (void)close(fd);
    stop(j);
}

static void test_uploads_that_fail(void **state)
{
    (void)state;
    static const struct {
        const char *request, *reply;
        cairn_err err;
    } rows[] = {
        {"PUT /pieces HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
         "\"HTTP_CHUNK\"", CAIRN_ERR_BAD_VALUE},
        {"PUT /pieces HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n400000\r\n",
         "\"HTTP_BODY_TOO_LARGE\"", CAIRN_ERR_TOO_LARGE},
        {"PUT /pieces HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc", "\"HTTP_TIMEOUT\"",
         CAIRN_ERR_EXPIRED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_http_server_options options = test_options();
        options.body_timeout_ms = 100;
        job *j = start(&options);
        char reply[REPLY_MAX];
        raw_exchange(j->f.port, rows[i].request, reply, sizeof reply);
        http_expect_holds(reply, rows[i].reply);
        wait_for(&j->ended, 1);
        assert_int_equal(atomic_load(&j->err), rows[i].err);
        assert_true(atomic_load(&j->received) <= 3); /* a piece may be lost with what breaks it */
        stop(j);
    }
}

static void test_client_leaves_while_it_sends(void **state)
{
    job *j = *state;
    int fd = raw_connect(j->f.port);
    raw_send(fd, "PUT /pieces HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
    wait_for(&j->pieces, 1);
    (void)close(fd);
    wait_for(&j->ended, 1);
    assert_int_equal(atomic_load(&j->err), CAIRN_ERR_CLOSED);
}

/* An answer before the body's end ends the connection, and no piece comes after it. */
static void test_early_answer(void **state)
{
    job *j = *state;
    char reply[REPLY_MAX];
    static char junk[100000];
    j->answer_early = true;
    int fd = raw_connect(j->f.port);
    raw_send(fd, "PUT /pieces HTTP/1.1\r\n" HOST "Content-Length: 1000000\r\n\r\nabc");
    wait_for(&j->pieces, 1);
    raw_send_n(fd, junk, sizeof junk);
    (void)raw_receive(fd, reply, sizeof reply, NULL);
    http_expect_holds(reply, "Connection: close\r\n\r\n3;");
    assert_int_equal(atomic_load(&j->pieces), 1);
    (void)close(fd);
}

static void test_admission(void **state)
{
    job *j = *state;
    char reply[REPLY_MAX];
    int fd = raw_connect(j->f.port);
    /* Refused before the handler; without a body the connection stays. */
    raw_send(fd, "GET /no HTTP/1.1\r\n" HOST "\r\nGET /yes HTTP/1.1\r\n" HOST "\r\n");
    (void)raw_receive(fd, reply, sizeof reply, "\r\n\r\n0;");
    http_expect_holds(reply, "HTTP/1.1 401 ");
    assert_int_equal(atomic_load(&j->handled), 1);
    raw_send(fd, "POST /no HTTP/1.1\r\n" HOST
                 "Expect: 100-continue\r\nContent-Length: 9\r\n\r\n"); /* the body never comes */
    (void)raw_receive(fd, reply, sizeof reply, NULL);
    http_expect_holds(reply, "HTTP/1.1 401 ");
    http_expect_holds(reply, "Connection: close\r\n");
    assert_null(strstr(reply, "100 Continue"));
    (void)close(fd);
    static const char *const large[] = {
        "POST /small HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n",
        "POST /small HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nb\r\n",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 1001\r\n\r\n",
        "PUT /pieces HTTP/1.1\r\n" HOST "Content-Length: 4194305\r\n\r\n",
    };
    for (size_t i = 0; i < 4; i++) {
        raw_exchange(j->f.port, large[i], reply, sizeof reply);
        http_expect_holds(reply, "\"HTTP_BODY_TOO_LARGE\"");
    }
    assert_int_equal(atomic_load(&j->handled), 1);
}

/* --- out --- */

static void test_framings(void **state)
{
    job *j = *state;
    char reply[REPLY_MAX];
    raw_exchange(j->f.port, "GET /chunked HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", reply,
                 sizeof reply);
    http_expect_holds(reply, "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                             "5\r\npiece\r\n5\r\npiece\r\n5\r\npiece\r\n0\r\n\r\n");
    assert_null(strstr(reply, "Content-Length"));
    raw_exchange(j->f.port, "GET /chunked HTTP/1.0\r\n\r\n", reply, sizeof reply);
    http_expect_holds(reply, "Connection: close\r\n\r\npiecepiecepiece");
    assert_null(strstr(reply, "Transfer-Encoding"));
    int fd = raw_connect(j->f.port);
    raw_send(fd, "GET /length HTTP/1.1\r\n" HOST "\r\nHEAD /chunked HTTP/1.1\r\n" HOST "\r\n"
                 "HEAD /short HTTP/1.1\r\n" HOST "\r\nGET /short HTTP/1.1\r\n" HOST "\r\n"
                 "GET /never HTTP/1.1\r\n" HOST "\r\n");
    (void)raw_receive(fd, reply, sizeof reply, NULL); /* the short one is cut */
    http_expect_holds(reply, "Content-Length: 15\r\n\r\npiecepiecepieceHTTP/1.1 200 OK\r\n");
    http_expect_holds(reply, "Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\n");
    http_expect_holds(reply, "Content-Length: 16\r\n\r\nHTTP/1.1 200 OK\r\n");
    assert_string_equal(reply + strlen(reply) - 21, "16\r\n\r\npiecepiecepiece");
    (void)close(fd);
}

/* Writes from the test's thread until BUSY; false when the client has gone. */
static size_t write_until_busy(cairn_http_exchange *exchange, size_t most)
{
    static const uint8_t piece[1000];
    size_t written = 0;
    cairn_err err = CAIRN_OK;
    while (written < most && err == CAIRN_OK) {
        err = cairn_http_write(exchange, cairn_bytes_of(piece, sizeof piece));
        written += err == CAIRN_OK ? sizeof piece : 0;
    }
    assert_true(err == CAIRN_OK || err == CAIRN_ERR_BUSY);
    return written;
}

static void test_writer_is_held_back(void **state)
{
    job *j = *state;
    enum { TOTAL = 20000000 };
    int fd = raw_connect(j->f.port);
    raw_send(fd, "GET /stream HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    cairn_http_exchange *exchange = wait_exchange(j);
    size_t written = 0, before = 0, taken = 0;
    for (unsigned quiet = 0; quiet<50; quiet = written> before ? 0 : quiet + 1) {
        before = written; /* the kernel's buffers fill up first */
        written += write_until_busy(exchange, TOTAL - written);
        (void)usleep(1000);
    }
    assert_true(written < TOTAL);
    static char sink[1 << 16];
    ssize_t n = 0;
    while (written < TOTAL) {
        n = recv(fd, sink, sizeof sink, MSG_DONTWAIT);
        assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        taken += n > 0 ? (size_t)n : 0;
        written += write_until_busy(exchange, TOTAL - written);
    }
    cairn_http_end(exchange);
    while ((n = recv(fd, sink, sizeof sink, 0)) > 0)
        taken += (size_t)n;
    assert_int_equal(n, 0);
    /* Each 1000 bytes as "3e8 CRLF ... CRLF", the last chunk, and a head. */
    assert_in_range(taken, TOTAL / 1000 * 1007 + 5 + 100, TOTAL / 1000 * 1007 + 5 + 300);
    assert_true(atomic_load(&j->events_writable) > 0);
    assert_int_equal(atomic_load(&j->events_gone), 0);
    (void)close(fd);
}

static void test_reader_that_does_not_read(void **state)
{
    (void)state;
    cairn_http_server_options options = test_options();
    options.write_timeout_ms = 100;
    job *j = start(&options);
    int fd = raw_connect(j->f.port);
    raw_send(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
    cairn_http_exchange *exchange = wait_exchange(j);
    j->keep = true; /* ended here */
    cairn_err err = CAIRN_OK;
    for (unsigned i = 0; i < RAW_WAIT_MS && err != CAIRN_ERR_CLOSED; i++) {
        static const uint8_t piece[60000];
        err = cairn_http_write(exchange, cairn_bytes_of(piece, sizeof piece));
        (void)usleep(1000);
    }
    assert_int_equal(err, CAIRN_ERR_CLOSED);
    assert_int_equal(atomic_load(&j->events_gone), 1);
    cairn_http_end(exchange);
    (void)close(fd);
    stop(j);
}

static void test_idle_bytes(void **state)
{
    job *j = *state;
    char reply[REPLY_MAX];
    int fd = raw_connect(j->f.port);
    raw_send(fd, "GET /idle HTTP/1.1\r\n" HOST "\r\n");
    (void)raw_receive(fd, reply, sizeof reply, "1\r\n.\r\n1\r\n.\r\n1\r\n.\r\n");
    (void)close(fd); /* seen by the bytes that cannot leave */
    wait_for(&j->events_gone, 1);
}

static void test_drain_ends_streams(void **state)
{
    job *j = *state;
    char reply[REPLY_MAX];
    int fd = raw_connect(j->f.port);
    raw_send(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
    (void)wait_exchange(j);
    cairn_http_server_stop(j->f.server);
    (void)raw_receive(fd, reply, sizeof reply, NULL);
    http_expect_holds(reply, "\r\n\r\n0\r\n\r\n"); /* a whole answer */
    assert_int_equal(atomic_load(&j->events_draining), 1);
    (void)close(fd);
}

/* --- limits --- */

static void test_overload_is_shed_at_once(void **state)
{
    (void)state;
    cairn_http_server_options options = test_options();
    options.exchange_count_max = 1;
    job *j = start(&options);
    char reply[REPLY_MAX];
    int first = raw_connect(j->f.port), second = raw_connect(j->f.port);
    raw_send(first, "GET /keep HTTP/1.1\r\n" HOST "\r\n");
    cairn_http_exchange *exchange = wait_exchange(j);
    raw_send(second, "GET / HTTP/1.1\r\n" HOST "\r\n");
    (void)raw_receive(second, reply, sizeof reply, "\"BUSY\"");
    http_expect_holds(reply, "HTTP/1.1 503 Service Unavailable\r\n");
    http_expect_holds(reply, "Retry-After: 1\r\n");
    assert_null(strstr(reply, "Connection: close"));
    respond_number(exchange, 7);
    (void)raw_receive(first, reply, sizeof reply, "\r\n\r\n7;");
    raw_send(second, "GET / HTTP/1.1\r\n" HOST "\r\n"); /* the same connection, now served */
    (void)raw_receive(second, reply, sizeof reply, "\r\n\r\n0;");
    cairn_http_counts counts;
    cairn_http_server_counts(j->f.server, &counts);
    assert_int_equal(counts.overloaded, 1);
    assert_int_equal(counts.requests, 3);
    (void)close(first);
    (void)close(second);
    stop(j);
}

/* An answer in pieces may last for hours: it takes no place of another's. */
static void test_streams_are_no_load(void **state)
{
    (void)state;
    cairn_http_server_options options = test_options();
    options.exchange_count_max = 1;
    job *j = start(&options);
    char reply[REPLY_MAX];
    int streams[3];
    for (size_t i = 0; i < 3; i++) {
        streams[i] = raw_connect(j->f.port);
        raw_send(streams[i], "GET /idle HTTP/1.1\r\n" HOST "\r\n");
        (void)raw_receive(streams[i], reply, sizeof reply, "1\r\n.\r\n");
    }
    raw_exchange(j->f.port, "GET / HTTP/1.0\r\n\r\n", reply, sizeof reply);
    http_expect_holds(reply, "\r\n\r\n0;");
    for (size_t i = 0; i < 3; i++)
        (void)close(streams[i]);
    wait_for(&j->events_gone, 3);
    stop(j);
}

static void test_rate_is_told_with_retry_after(void **state)
{
    const job *j = *state;
    char reply[REPLY_MAX];
    raw_exchange(j->f.port, "GET /rate HTTP/1.0\r\n\r\n", reply, sizeof reply);
    http_expect_holds(reply, "HTTP/1.1 429 Too Many Requests\r\n");
    http_expect_holds(reply, "Retry-After: 1\r\n");
    http_expect_holds(reply, "\"code\":\"RATE\"");
}

static void test_connections_of_one_address(void **state)
{
    (void)state;
    cairn_http_server_options options = test_options();
    options.address_connection_count_max = 2;
    job *j = start(&options);
    char reply[REPLY_MAX];
    for (unsigned round = 0; round < 3; round++) {
        int fds[3];
        for (size_t i = 0; i < 2; i++) {
            fds[i] = raw_connect(j->f.port);
            raw_send(fds[i], "GET / HTTP/1.1\r\n" HOST "\r\n");
            (void)raw_receive(fds[i], reply, sizeof reply, "\r\n\r\n0;");
        }
        fds[2] = raw_connect(j->f.port);
        assert_true(recv(fds[2], reply, sizeof reply, 0) <= 0); /* closed unread */
        for (size_t i = 0; i < 3; i++)
            (void)close(fds[i]);
        cairn_http_counts counts = {.connections = 1};
        for (unsigned i = 0; i < RAW_WAIT_MS && counts.connections > 0; i++) {
            cairn_http_server_counts(j->f.server, &counts);
            (void)usleep(1000);
        }
    }
    stop(j);
}

/* Header floods end at the limit, whatever else is on its way. */
static void test_header_floods(void **state)
{
    const job *j = *state;
    static char flood[200000];
    char reply[REPLY_MAX];
    static const char line[] = "X-Flood: 0123456789\r\n";
    for (size_t i = 0; i + sizeof line < sizeof flood; i += sizeof line - 1)
        memcpy(flood + i, line, sizeof line - 1);
    for (unsigned i = 0; i < 8; i++) {
        int fd = raw_connect(j->f.port);
        raw_send(fd, "GET / HTTP/1.1\r\n" HOST);
        (void)send(fd, flood, strlen(flood), MSG_NOSIGNAL);
        (void)raw_receive(fd, reply, sizeof reply, NULL);
        http_expect_holds(reply, "HTTP/1.1 431 ");
        (void)close(fd);
    }
}

static void test_resets_at_every_phase(void **state)
{
    job *j = *state;
    j->several = true;
    static const char *const begun[] = {"",
                                        "GET / HT",
                                        "PUT / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nab",
                                        "PUT /pieces HTTP/1.1\r\n" HOST
                                        "Content-Length: 5\r\n\r\nab",
                                        "GET /idle HTTP/1.1\r\n" HOST "\r\n",
                                        "GET /chunked HTTP/1.1\r\n" HOST "\r\n"};
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    char reply[REPLY_MAX];
    for (unsigned i = 0; i < 60; i++) {
        int fd = raw_connect(j->f.port);
        raw_send(fd, begun[i % 6]);
        if (i >= 30)
            (void)usleep(2000);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
        (void)close(fd);
    }
    raw_exchange(j->f.port, "GET / HTTP/1.0\r\n\r\n", reply, sizeof reply);
    http_expect_holds(reply, "\r\n\r\n0;");
}

#define TEST(name) cmocka_unit_test_setup_teardown((name), setup, teardown)

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(test_upload_with_length),
        TEST(test_upload_chunked),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_uploads_that_fail),
        TEST(test_client_leaves_while_it_sends),
        TEST(test_early_answer),
        TEST(test_admission),
        TEST(test_framings),
        TEST(test_writer_is_held_back),
        cmocka_unit_test(test_reader_that_does_not_read),
        TEST(test_idle_bytes),
        TEST(test_drain_ends_streams),
        cmocka_unit_test(test_overload_is_shed_at_once),
        cmocka_unit_test(test_streams_are_no_load),
        TEST(test_rate_is_told_with_retry_after),
        cmocka_unit_test(test_connections_of_one_address),
        TEST(test_header_floods),
        TEST(test_resets_at_every_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
