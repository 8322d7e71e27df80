/* Server-sent events as bytes on the wire, against the grammar of HTML section 9.2.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

#include "core/net/http_sse.h"
#include "support/http_fixture.h"

#define HOST "Host: a\r\n"

static cairn_sse_event event_of(const char *id, const char *name, const char *data)
{
    return (cairn_sse_event){.id = id != NULL ? cairn_bytes_str(id) : cairn_bytes_of(NULL, 0),
                             .name = name != NULL ? cairn_bytes_str(name) : cairn_bytes_of(NULL, 0),
                             .data =
                                 data != NULL ? cairn_bytes_str(data) : cairn_bytes_of(NULL, 0)};
}

static void on_event(void *context, cairn_http_exchange *exchange, cairn_http_stream_event event)
{
    (void)context;
    if (event != CAIRN_HTTP_STREAM_WRITABLE)
        cairn_http_end(exchange);
}

static void send_all(cairn_http_exchange *exchange)
{
    static const char *const rows[][3] = {{"1", "block", "one"}, {NULL, NULL, "a\nb\r\nc\rd"},
                                          {"2", NULL, NULL},     {NULL, NULL, ""},
                                          {NULL, NULL, "x\n"},   {"", NULL, "y"}};
    static const char *const bad[][3] = {{"1\n2", NULL, "x"},
                                         {"1\r", NULL, "x"},
                                         {NULL, "a\nb", "x"},
                                         {NULL,
                                          "0123456789012345678901234567890123456789"
                                          "0123456789012345678901234",
                                          "x"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_sse_event event = event_of(rows[i][0], rows[i][1], rows[i][2]);
        assert_int_equal(cairn_sse_send(exchange, &event), CAIRN_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cairn_sse_event event = event_of(bad[i][0], bad[i][1], bad[i][2]);
        assert_int_equal(cairn_sse_send(exchange, &event), CAIRN_ERR_ARGUMENT);
    }
    static uint8_t large[CAIRN_SSE_DATA_SIZE_MAX + 1];
    cairn_sse_event event = {.data = cairn_bytes_of(large, sizeof large)};
    assert_int_equal(cairn_sse_send(exchange, &event), CAIRN_ERR_TOO_LARGE);
    cairn_http_end(exchange);
}

static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    (void)context;
    cairn_bytes id = {NULL, 0};
    bool heartbeat = cairn_bytes_equal(request->path, cairn_bytes_str("/heartbeat"));
    bool resumed = cairn_sse_last_event_id(request, &id);
    cairn_sse_begin(exchange, heartbeat ? 10 : 0, heartbeat ? 0 : 2500, on_event, NULL);
    if (heartbeat)
        return;
    if (resumed) {
        const cairn_sse_event event = {.data = id};
        assert_int_equal(cairn_sse_send(exchange, &event), CAIRN_OK);
    }
    send_all(exchange);
}

static void ask(const char *request, const char *stop, char *reply, size_t room)
{
    http_fixture f;
    cairn_http_server_options options = cairn_http_server_defaults();
    http_fixture_start(&f, &options, handle, NULL);
    int fd = raw_connect(f.port);
    raw_send(fd, request);
    (void)raw_receive(fd, reply, room, stop);
    (void)close(fd);
    http_fixture_stop(&f);
}

static void test_events(void **state)
{
    (void)state;
    char reply[4096];
    ask("GET / HTTP/1.0\r\n\r\n", NULL, reply, sizeof reply); /* unchunked, to be compared */
    http_expect_holds(reply, "Content-Type: text/event-stream\r\n");
    http_expect_holds(reply, "Cache-Control: no-store\r\n");
    assert_string_equal(strstr(reply, "\r\n\r\n") + 4, "retry: 2500\n\n"
                                                       "id: 1\nevent: block\ndata: one\n\n"
                                                       "data: a\ndata: b\ndata: c\ndata: d\n\n"
                                                       "id: 2\n\n"
                                                       "data: \n\n"
                                                       "data: x\ndata: \n\n"
                                                       "id: \ndata: y\n\n");
}

static void test_an_event_in_memory(void **state)
{
    static const char want[] = "id: 7\nevent: e\ndata: a\ndata: b\n\n";
    const cairn_sse_event event = {
        .id = cairn_bytes_str("7"), .name = cairn_bytes_str("e"), .data = cairn_bytes_str("a\nb")};
    const cairn_sse_event broken = {.id = cairn_bytes_str("7\n")};
    uint8_t out[64] = {0};
    size_t size = 0;
    (void)state;
    assert_int_equal(cairn_sse_format(&event, out, sizeof want - 2, &size), CAIRN_OK);
    assert_int_equal(size, sizeof want - 1);
    assert_int_equal(out[0], 0); /* there was no room */
    assert_int_equal(cairn_sse_format(&event, out, sizeof want - 1, &size), CAIRN_OK);
    assert_int_equal(size, sizeof want - 1);
    assert_string_equal((const char *)out, want);
    assert_int_equal(cairn_sse_format(&broken, out, sizeof out, &size), CAIRN_ERR_ARGUMENT);
}

static void test_last_event_id(void **state)
{
    (void)state;
    char reply[4096], request[2048];
    ask("GET / HTTP/1.0\r\nLast-Event-ID: c.42\r\n\r\n", NULL, reply, sizeof reply);
    http_expect_holds(reply, "retry: 2500\n\ndata: c.42\n\n");
    (void)snprintf(request, sizeof request, "GET / HTTP/1.0\r\nlast-event-id: %01025d\r\n\r\n", 1);
    ask(request, NULL, reply, sizeof reply);
    http_expect_holds(reply, "retry: 2500\n\nid: 1\n");
}

static void test_heartbeats(void **state)
{
    (void)state;
    char reply[4096];
    ask("GET /heartbeat HTTP/1.1\r\n" HOST "\r\n",
        "\r\n\r\n3\r\n:\n\n\r\n3\r\n:\n\n\r\n3\r\n:\n\n\r\n", reply, sizeof reply);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_an_event_in_memory),
        cmocka_unit_test(test_last_event_id),
        cmocka_unit_test(test_heartbeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
