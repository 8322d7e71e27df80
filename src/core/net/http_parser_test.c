/* Requests as raw bytes: what is read, each refusal, and that the pieces in which bytes arrive do
 * not matter. Vectors: RFC 9112 and the request-smuggling literature's usual shapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "core/net/http_parser.h"

enum { BODY_MAX = 100 };

typedef struct outcome {
    cairn_http_progress progress;
    cairn_http_refusal refusal;
    bool head_done;
    size_t used;
    cairn_http_request request;
} outcome;

/* Feeds `bytes` in pieces of `first` and then `step` bytes; views live in the arena. */
static outcome feed(cairn_arena *arena, cairn_bytes bytes, size_t first, size_t step)
{
    CAIRN_CLEANUP(cairn_http_parser_free_p) cairn_http_parser *parser = NULL;
    assert_int_equal(cairn_http_parser_new(&parser), CAIRN_OK);
    cairn_http_parser_begin(parser, arena, BODY_MAX);
    outcome o = {.progress = CAIRN_HTTP_NEED_MORE};
    while (o.used < bytes.size && o.progress != CAIRN_HTTP_COMPLETE &&
           o.progress != CAIRN_HTTP_REFUSED) {
        size_t size = o.used < first ? first - o.used : step;
        if (size > bytes.size - o.used)
            size = bytes.size - o.used;
        size_t used = 0;
        o.progress =
            cairn_http_parser_feed(parser, cairn_bytes_of(bytes.data + o.used, size), &used);
        if (o.progress == CAIRN_HTTP_HEAD_DONE) {
            assert_false(o.head_done);
            o.head_done = true;
        } else if (o.progress == CAIRN_HTTP_NEED_MORE) {
            assert_int_equal(used, size);
        }
        o.used += used;
    }
    o.refusal = cairn_http_parser_refusal(parser);
    o.request = *cairn_http_parser_request(parser);
    return o;
}

static cairn_arena new_arena(void)
{
    cairn_arena arena;
    cairn_arena_init(&arena, cairn_http_parser_memory(BODY_MAX));
    return arena;
}

static void expect_bytes(cairn_bytes have, const char *want)
{
    if (!cairn_bytes_equal(have, cairn_bytes_str(want)))
        fail_msg("have '%.*s', want '%s'", (int)have.size, (const char *)have.data, want);
}

typedef struct bad {
    const char *text;
    size_t size; /* 0: strlen */
    cairn_http_refusal refusal;
} bad;

#define BAD(text, name)                      \
    {                                        \
        (text), 0, CAIRN_HTTP_REFUSAL_##name \
    }
#define BAD_N(text, name)                                   \
    {                                                       \
        (text), sizeof(text) - 1, CAIRN_HTTP_REFUSAL_##name \
    }
#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static const bad bad_requests[] = {
    BAD("GET\r\n\r\n", REQUEST_LINE),
    BAD("GET /\r\n\r\n", REQUEST_LINE), /* HTTP/0.9 */
    BAD("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", REQUEST_LINE),
    BAD("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_LINE),
    BAD("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_LINE),
    BAD(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_LINE),
    BAD("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_LINE),
    BAD("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_LINE),
    BAD("GET / http/1.1\r\nHost: a\r\n\r\n", REQUEST_LINE),
    BAD("GET / HTTP/1\r\nHost: a\r\n\r\n", REQUEST_LINE),
    BAD("GET / HTTP/1.10\r\nHost: a\r\n\r\n", REQUEST_LINE),
    BAD("GET / HTTPS/1.1\r\nHost: a\r\n\r\n", REQUEST_LINE),
    BAD("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_LINE),
    BAD("GET / HTTP/2.0\r\nHost: a\r\n\r\n", VERSION),
    BAD("GET / HTTP/1.2\r\nHost: a\r\n\r\n", VERSION),
    BAD("GET / HTTP/0.9\r\nHost: a\r\n\r\n", VERSION),
    BAD("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VERSION),
    BAD("FROB / HTTP/1.1\r\nHost: a\r\n\r\n", METHOD),
    BAD("get / HTTP/1.1\r\nHost: a\r\n\r\n", METHOD),
    BAD("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", METHOD),
    BAD("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", METHOD),
    BAD("GET x HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET * HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET /a<b HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET /%0 HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET /?a=[1] HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", TARGET),
    BAD("GET / HTTP/1.1\nHost: a\r\n\r\n", BARE_LF),
    BAD("GET / HTTP/1.1\r\nHost: a\n\r\n", BARE_LF),
    BAD("GET / HTTP/1.1\r\nHost: a\r\n\n", BARE_LF),
    BAD("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", BARE_LF),
    BAD("GET / HTTP/1.1\rHost: a\r\n\r\n", BARE_CR),
    BAD(GET "X: a\rb\r\n\r\n", BARE_CR),
    BAD(GET "X: a\r\r\n\r\n", BARE_CR),
    BAD(GET "\rX: a\r\n\r\n", BARE_CR),
    BAD_N(GET "X: a\0b\r\n\r\n", CONTROL),
    BAD_N("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", CONTROL),
    BAD(GET "X: a\x01\r\n\r\n", CONTROL),
    BAD(GET "X: a\x7f\r\n\r\n", CONTROL),
    BAD(GET "X: a\x0b\r\n\r\n", CONTROL),
    BAD(GET ": a\r\n\r\n", NAME_EMPTY),
    BAD(GET "X : a\r\n\r\n", SPACE_BEFORE_COLON),
    BAD(GET "X\t: a\r\n\r\n", SPACE_BEFORE_COLON),
    BAD(POST "Content-Length : 3\r\n\r\nabc", SPACE_BEFORE_COLON),
    BAD(GET "X Y: a\r\n\r\n", NAME_INVALID),
    BAD(GET "X\xc3: a\r\n\r\n", NAME_INVALID),
    BAD(GET "X(: a\r\n\r\n", NAME_INVALID),
    BAD(GET "X@: a\r\n\r\n", NAME_INVALID),
    BAD(GET "XY\r\n\r\n", NO_COLON),
    BAD(GET "X: a\r\n b\r\n\r\n", FOLDING),
    BAD(GET "X: a\r\n\tb\r\n\r\n", FOLDING),
    BAD("GET / HTTP/1.1\r\n Host: a\r\n\r\n", FOLDING),
    BAD("GET / HTTP/1.1\r\n\r\n", HOST_MISSING),
    BAD(GET "Host: a\r\n\r\n", HOST_REPEATED),
    BAD(GET "host: b\r\n\r\n", HOST_REPEATED),
    BAD("GET / HTTP/1.1\r\nHost:\r\n\r\n", HOST_INVALID),
    BAD("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HOST_INVALID),
    BAD("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", HOST_INVALID),
    BAD("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", HOST_INVALID),
    BAD("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", HOST_INVALID),
    BAD("GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", HOST_INVALID),
    BAD("GET / HTTP/1.1\r\nHost: a:999999\r\n\r\n", HOST_INVALID),
    BAD("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", HOST_INVALID),
    BAD("GET / HTTP/1.1\r\nHost: ][\r\n\r\n", HOST_INVALID),
    BAD("GET / HTTP/1.1\r\nHost: []\r\n\r\n", HOST_INVALID),
    BAD("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", HOST_INVALID),
    BAD("GET / HTTP/1.1\r\nHost: [::1]8443\r\n\r\n", HOST_INVALID),
    BAD("GET / HTTP/1.1\r\nHost: [a.example]\r\n\r\n", HOST_INVALID),
    BAD("GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", HOST_INVALID),
    BAD("GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", HOST_INVALID),
    BAD("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", HOST_INVALID),
    BAD(POST "Content-Length:\r\n\r\n", LENGTH_INVALID),
    BAD(POST "Content-Length: -1\r\n\r\n", LENGTH_INVALID),
    BAD(POST "Content-Length: +1\r\n\r\nx", LENGTH_INVALID),
    BAD(POST "Content-Length: 0x1\r\n\r\nx", LENGTH_INVALID),
    BAD(POST "Content-Length: 1 1\r\n\r\nx", LENGTH_INVALID),
    BAD(POST "Content-Length: 1, 1\r\n\r\nx", LENGTH_INVALID),
    BAD(POST "Content-Length: 1.0\r\n\r\nx", LENGTH_INVALID),
    BAD(POST "Content-Length: 18446744073709551617\r\n\r\nx", LENGTH_INVALID),
    BAD(POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", LENGTH_REPEATED),
    BAD(POST "Content-Length: 1\r\ncontent-length: 2\r\n\r\nx", LENGTH_REPEATED),
    BAD(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", LENGTH_AND_CODING),
    BAD(POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", LENGTH_AND_CODING),
    BAD(POST "Transfer-Encoding: identity\r\n\r\n", CODING),
    BAD(POST "Transfer-Encoding: gzip, chunked\r\n\r\n", CODING),
    BAD(POST "Transfer-Encoding: chunked, chunked\r\n\r\n", CODING),
    BAD(POST "Transfer-Encoding: chunked;q=1\r\n\r\n", CODING),
    BAD(POST "Transfer-Encoding:\r\n\r\n", CODING),
    BAD(POST "Transfer-Encoding: \"chunked\"\r\n\r\n", CODING),
    BAD(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", CODING),
    BAD(POST "Transfer-Encoding: xchunked\r\n\r\n", CODING),
    BAD("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", CODING_IN_1_0),
    BAD(POST "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n", EXPECTATION),
    BAD(POST "Content-Length: 101\r\n\r\n", BODY_TOO_LARGE),
    BAD(POST "Content-Length: 9223372036854775807\r\n\r\n", BODY_TOO_LARGE),
    BAD(CHUNKED "65\r\n", BODY_TOO_LARGE),
    BAD(CHUNKED "ffffffff\r\n", BODY_TOO_LARGE),
    BAD(CHUNKED "1\r\na\r\n64\r\n", BODY_TOO_LARGE),
    BAD(CHUNKED "x\r\n", CHUNK),
    BAD(CHUNKED "\r\n", CHUNK),
    BAD(CHUNKED " 1\r\na\r\n", CHUNK),
    BAD(CHUNKED "1 \r\na\r\n", CHUNK),
    BAD(CHUNKED "+1\r\na\r\n", CHUNK),
    BAD(CHUNKED "0x1\r\na\r\n", CHUNK),
    BAD(CHUNKED "1;a=b\r\na\r\n", CHUNK),
    BAD(CHUNKED "1\na\r\n", CHUNK),
    BAD(CHUNKED "1\r\ra\r\n", CHUNK),
    BAD(CHUNKED "1\r\nab\r\n", CHUNK),
    BAD(CHUNKED "1\r\na\n0\r\n\r\n", CHUNK),
    BAD(CHUNKED "1\r\na\rb0\r\n\r\n", CHUNK),
    BAD(CHUNKED "000000001\r\na\r\n", CHUNK),
    BAD(CHUNKED "0\r\nTrailer: x\r\n\r\n", CHUNK),
    BAD(CHUNKED "0\r\n\n", CHUNK),
    BAD(CHUNKED "0\r\n\rx", CHUNK),
};

static void test_each_refusal(void **state)
{
    (void)state;
    bool met[CAIRN_HTTP_REFUSAL_COUNT] = {false};
    for (size_t i = 0; i < sizeof bad_requests / sizeof bad_requests[0]; i++) {
        const bad *b = &bad_requests[i];
        cairn_bytes bytes = cairn_bytes_of(b->text, b->size != 0 ? b->size : strlen(b->text));
        met[b->refusal] = true;
        for (size_t first = 0; first <= bytes.size; first++) {
            cairn_arena arena = new_arena();
            outcome o = feed(&arena, bytes, first, first == 0 ? 1 : bytes.size);
            if (o.progress != CAIRN_HTTP_REFUSED || o.refusal != b->refusal)
                fail_msg("vector %zu split at %zu: progress %d, refusal %d, wanted %d:\n%s", i,
                         first, (int)o.progress, (int)o.refusal, (int)b->refusal, b->text);
            cairn_arena_done(&arena);
        }
    }
    static const cairn_http_refusal elsewhere[] = {
        CAIRN_HTTP_REFUSAL_NONE,           CAIRN_HTTP_REFUSAL_TARGET_TOO_LONG,
        CAIRN_HTTP_REFUSAL_HEAD_TOO_LARGE, CAIRN_HTTP_REFUSAL_TOO_MANY_HEADERS,
        CAIRN_HTTP_REFUSAL_TIMEOUT,        CAIRN_HTTP_REFUSAL_NO_MEMORY,
        CAIRN_HTTP_REFUSAL_MALFORMED, /* no known bytes make the two parsers disagree */
    };
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        met[elsewhere[i]] = true;
    for (size_t i = 0; i < CAIRN_HTTP_REFUSAL_COUNT; i++)
        if (!met[i])
            fail_msg("refusal %zu has no vector", i);
}

static void test_refusal_rows_are_statuses(void **state)
{
    (void)state;
    for (int i = 1; i < CAIRN_HTTP_REFUSAL_COUNT; i++) {
        const cairn_http_refusal_row *row = cairn_http_refusal_of((cairn_http_refusal)i);
        assert_in_range(row->status, 400, 599);
        assert_int_equal(strncmp(row->code, "HTTP_", 5), 0);
    }
    assert_string_equal(cairn_http_refusal_of(CAIRN_HTTP_REFUSAL_BARE_LF)->code, "HTTP_BARE_LF");
}

typedef struct good {
    const char *text;
    cairn_http_method method;
    const char *path;
    const char *query; /* NULL without '?' */
    const char *host;
    const char *body;
    size_t header_count;
    bool keep_alive, head_done, expects_continue;
} good;

static const good good_requests[] = {
    {GET "\r\n", CAIRN_HTTP_GET, "/", NULL, "a", "", 1, true, false, false},
    {"\r\n" GET "\r\n", CAIRN_HTTP_GET, "/", NULL, "a", "", 1, true, false, false},
    {"HEAD /a/b.c?x=1&y=%2F/? HTTP/1.1\r\nhOST:\t[::1]:80 \t\r\n\r\n", CAIRN_HTTP_HEAD, "/a/b.c",
     "x=1&y=%2F/?", "[::1]:80", "", 1, true, false, false},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", CAIRN_HTTP_OPTIONS, "*", NULL, "a", "", 1, true,
     false, false},
    {"GET http://A.b:1/x? HTTP/1.1\r\nHost: a.B:1\r\n\r\n", CAIRN_HTTP_GET, "/x", "", "a.B:1", "",
     1, true, false, false},
    {"GET HTTPS://a?q HTTP/1.1\r\nHost: a\r\n\r\n", CAIRN_HTTP_GET, "/", "q", "a", "", 1, true,
     false, false},
    {"GET / HTTP/1.0\r\n\r\n", CAIRN_HTTP_GET, "/", NULL, "", "", 0, false, false, false},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", CAIRN_HTTP_GET, "/", NULL, "", "", 1,
     false, false, false},
    {GET "Connection: x, Close\r\n\r\n", CAIRN_HTTP_GET, "/", NULL, "a", "", 2, false, false,
     false},
    {GET "Connection: closed\r\n\r\n", CAIRN_HTTP_GET, "/", NULL, "a", "", 2, true, false, false},
    {GET "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", CAIRN_HTTP_GET, "/", NULL, "a", "", 3, true,
     false, false},
    {GET "X:\r\nY: caf\xc3\xa9 : \"q\"\r\n\r\n", CAIRN_HTTP_GET, "/", NULL, "a", "", 3, true, false,
     false},
    {POST "Content-Length: 0\r\n\r\n", CAIRN_HTTP_POST, "/", NULL, "a", "", 2, true, false, false},
    {POST "Content-Length: 5\r\n\r\na\r\n\r\n", CAIRN_HTTP_POST, "/", NULL, "a", "a\r\n\r\n", 2,
     true, true, false},
    {POST "Content-Length: 0000000000000000003\r\n\r\nabc", CAIRN_HTTP_POST, "/", NULL, "a", "abc",
     2, true, true, false},
    {POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx", CAIRN_HTTP_POST, "/", NULL, "a",
     "x", 3, true, true, true},
    {GET "Expect: 100-continue\r\n\r\n", CAIRN_HTTP_GET, "/", NULL, "a", "", 2, true, false, false},
    {"PUT /k HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi", CAIRN_HTTP_PUT, "/k",
     NULL, "", "hi", 2, false, true, false},
    {"DELETE /k HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", CAIRN_HTTP_DELETE, "/k", NULL,
     "a", "hi", 2, true, true, false},
    {"PATCH /k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n"
     "3\r\nabc\r\n00000002\r\n\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
     CAIRN_HTTP_PATCH, "/k", NULL, "a", "abc\r\n0123456789", 2, true, true, false},
    {CHUNKED "0\r\n\r\n", CAIRN_HTTP_POST, "/", NULL, "a", "", 2, true, true, false},
};

static void check_good(const good *g, cairn_bytes bytes, size_t first, size_t step)
{
    cairn_arena arena = new_arena();
    outcome o = feed(&arena, bytes, first, step);
    if (o.progress != CAIRN_HTTP_COMPLETE)
        fail_msg("progress %d, refusal %d at %zu:\n%s", (int)o.progress, (int)o.refusal, first,
                 g->text);
    assert_int_equal(o.used, strlen(g->text));
    assert_int_equal(o.request.method, g->method);
    expect_bytes(o.request.path, g->path);
    expect_bytes(o.request.query, g->query == NULL ? "" : g->query);
    assert_int_equal(o.request.query.data != NULL, g->query != NULL);
    expect_bytes(o.request.host, g->host);
    expect_bytes(o.request.body, g->body);
    assert_int_equal(o.request.header_count, g->header_count);
    assert_int_equal(o.request.keep_alive, g->keep_alive);
    assert_int_equal(o.request.expects_continue, g->expects_continue);
    assert_int_equal(o.head_done, g->head_done);
    cairn_arena_done(&arena);
}

/* Whole, followed by another request, split at every byte, and byte by byte. */
static void test_good_requests_in_any_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_requests / sizeof good_requests[0]; i++) {
        const good *g = &good_requests[i];
        char two[1024];
        int size = snprintf(two, sizeof two, "%s%s", g->text, "GET /next HTTP/1.1\r\n");
        cairn_bytes bytes = cairn_bytes_of(two, (size_t)size);
        for (size_t first = 0; first <= strlen(g->text); first++)
            check_good(g, bytes, first, bytes.size);
        check_good(g, bytes, 1, 1);
    }
}

static void test_header_lookup(void **state)
{
    (void)state;
    cairn_arena arena = new_arena();
    outcome o = feed(&arena, cairn_bytes_str(GET "X-One: 1\r\nx-one: 2\r\n\r\n"), 0, 1000);
    cairn_bytes value = {NULL, 0};
    assert_true(cairn_http_header_find(&o.request, "x-ONE", &value));
    expect_bytes(value, "1");
    assert_false(cairn_http_header_find(&o.request, "x-on", &value));
    cairn_arena_done(&arena);
}

/* A head of exactly `size` bytes, the space filled in the target or in a header value. */
static void make_head(char *text, size_t size, bool in_target)
{
    static const char before_target[] = "GET /", after_target[] = " HTTP/1.1\r\nHost: a\r\n\r\n";
    static const char before_value[] = GET "X: ", after_value[] = "\r\n\r\n";
    const char *before = in_target ? before_target : before_value;
    const char *after = in_target ? after_target : after_value;
    memset(text, 'x', size);
    memcpy(text, before, strlen(before));
    memcpy(text + size - strlen(after), after, strlen(after));
}

static void test_head_limits(void **state)
{
    (void)state;
    static char text[CAIRN_HTTP_HEAD_SIZE_MAX + 1];
    for (unsigned in_target = 0; in_target < 2; in_target++) {
        cairn_arena arena = new_arena();
        make_head(text, CAIRN_HTTP_HEAD_SIZE_MAX, in_target != 0);
        outcome o = feed(&arena, cairn_bytes_of(text, CAIRN_HTTP_HEAD_SIZE_MAX), 0, SIZE_MAX);
        assert_int_equal(o.progress, CAIRN_HTTP_COMPLETE);
        cairn_arena_reset(&arena);
        make_head(text, sizeof text, in_target != 0);
        o = feed(&arena, cairn_bytes_of(text, sizeof text), 0, SIZE_MAX);
        assert_int_equal(o.progress, CAIRN_HTTP_REFUSED);
        assert_int_equal(o.refusal, CAIRN_HTTP_REFUSAL_HEAD_TOO_LARGE);
        cairn_arena_done(&arena);
    }
    cairn_arena arena = new_arena();
    memset(text, 'x', sizeof text);
    outcome o = feed(&arena, cairn_bytes_of(text, sizeof text), 0, SIZE_MAX);
    assert_int_equal(o.refusal, CAIRN_HTTP_REFUSAL_TARGET_TOO_LONG);
    cairn_arena_done(&arena);
}

static void test_header_count_limit(void **state)
{
    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        char text[2048];
        int size = snprintf(text, sizeof text, GET);
        for (unsigned i = 1; i < CAIRN_HTTP_HEADERS_MAX + extra; i++)
            size += snprintf(text + size, sizeof text - (size_t)size, "H%u: v\r\n", i);
        size += snprintf(text + size, sizeof text - (size_t)size, "\r\n");
        cairn_arena arena = new_arena();
        outcome o = feed(&arena, cairn_bytes_of(text, (size_t)size), 0, SIZE_MAX);
        assert_int_equal(o.progress, extra == 0 ? CAIRN_HTTP_COMPLETE : CAIRN_HTTP_REFUSED);
        assert_int_equal(o.refusal, extra == 0 ? CAIRN_HTTP_REFUSAL_NONE
                                               : CAIRN_HTTP_REFUSAL_TOO_MANY_HEADERS);
        cairn_arena_done(&arena);
    }
}

static void test_body_limit_is_reached_exactly(void **state)
{
    (void)state;
    char body[BODY_MAX + 1];
    memset(body, 'b', BODY_MAX);
    body[BODY_MAX] = '\0';
    char text[1024];
    cairn_arena arena = new_arena();
    int size = snprintf(text, sizeof text, POST "Content-Length: %d\r\n\r\n%s", BODY_MAX, body);
    outcome o = feed(&arena, cairn_bytes_of(text, (size_t)size), 50, 3);
    assert_int_equal(o.progress, CAIRN_HTTP_COMPLETE);
    expect_bytes(o.request.body, body);
    cairn_arena_reset(&arena);
    size = snprintf(text, sizeof text, CHUNKED "1\r\nb\r\n%x\r\n%s\r\n0\r\n\r\n", BODY_MAX - 1,
                    body + 1);
    o = feed(&arena, cairn_bytes_of(text, (size_t)size), 50, 3);
    assert_int_equal(o.progress, CAIRN_HTTP_COMPLETE);
    expect_bytes(o.request.body, body);
    cairn_arena_done(&arena);
}

static void test_memory_ends(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_arena_init(&arena, 512);
    outcome o = feed(&arena, cairn_bytes_str(GET "\r\n"), 0, 1000);
    assert_int_equal(o.refusal, CAIRN_HTTP_REFUSAL_NO_MEMORY);
    cairn_arena_done(&arena);
    assert_int_equal(cairn_http_parser_memory(SIZE_MAX), SIZE_MAX);
    cairn_http_parser_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_refusal),
        cmocka_unit_test(test_refusal_rows_are_statuses),
        cmocka_unit_test(test_good_requests_in_any_pieces),
        cmocka_unit_test(test_header_lookup),
        cmocka_unit_test(test_head_limits),
        cmocka_unit_test(test_header_count_limit),
        cmocka_unit_test(test_body_limit_is_reached_exactly),
        cmocka_unit_test(test_memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
