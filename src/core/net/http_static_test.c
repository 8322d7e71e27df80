/* Embedded files over a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

#include "core/net/http_static.h"
#include "support/http_fixture.h"

static const cairn_http_file rows[] = {
    {"", "text/html; charset=utf-8", {(const uint8_t *)"<p>", 3}, "\"i1\"", false},
    {"app.js", "text/javascript", {(const uint8_t *)"run()", 5}, "\"a1\"", true},
    {"img/logo.svg", "image/svg+xml", {(const uint8_t *)"<svg/>", 6}, "\"l1\"", false},
};
static const cairn_http_files files = {rows, 3};

static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    (void)context;
    const cairn_http_file *file = cairn_http_files_find(
        &files, cairn_bytes_of(request->path.data + 1, request->path.size - 1));
    if (file == NULL)
        cairn_http_respond_problem(exchange, 404, "NOT_FOUND", NULL);
    else
        cairn_http_respond_file(exchange, request, file);
}

static void ask(uint16_t port, const char *method, const char *path, const char *fields,
                char *reply, size_t room)
{
    char request[512];
    (void)snprintf(request, sizeof request,
                   "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", method, path,
                   fields);
    raw_exchange(port, request, reply, room);
}

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *fields, *starts, *ends;
    } vectors[] = {
        {"GET", "/", "", "HTTP/1.1 200 ", "\r\n\r\n<p>"},
        {"GET", "/app.js", "", "HTTP/1.1 200 ", "\r\n\r\nrun()"},
        {"GET", "/img/logo.svg", "", "HTTP/1.1 200 ", "<svg/>"},
        {"HEAD", "/app.js", "", "HTTP/1.1 200 ", "\r\n\r\n"},
        {"GET", "/app.js", "If-None-Match: \"a1\"\r\n", "HTTP/1.1 304 ", "\r\n\r\n"},
        {"GET", "/app.js", "If-None-Match: W/\"a1\"\r\n", "HTTP/1.1 304 ", "\r\n\r\n"},
        {"GET", "/app.js", "If-None-Match: \"x\", \"a1\"\r\n", "HTTP/1.1 304 ", "\r\n\r\n"},
        {"GET", "/app.js", "If-None-Match: \"x\"\r\nIf-None-Match: \"a1\"\r\n", "HTTP/1.1 304 ",
         "\r\n\r\n"},
        {"GET", "/app.js", "If-None-Match: *\r\n", "HTTP/1.1 304 ", "\r\n\r\n"},
        {"HEAD", "/app.js", "If-None-Match: \"a1\"\r\n", "HTTP/1.1 304 ", "\r\n\r\n"},
        {"GET", "/app.js", "If-None-Match: \"a\"\r\n", "HTTP/1.1 200 ", "run()"},
        {"GET", "/app.js", "If-None-Match: a1\r\n", "HTTP/1.1 200 ", "run()"},
        {"GET", "/app.js", "If-Match: \"a1\"\r\n", "HTTP/1.1 200 ", "run()"},
        {"GET", "/app.js", "If-Match: *\r\n", "HTTP/1.1 200 ", "run()"},
        {"GET", "/app.js", "If-Match: \"x\"\r\nIf-Match: \"y\", \"a1\"\r\n", "HTTP/1.1 200 ",
         "run()"},
        {"GET", "/app.js", "If-Match: \"x\"\r\n", "HTTP/1.1 412 ", "\r\n\r\n"},
        {"HEAD", "/app.js", "If-Match: \"x\"\r\n", "HTTP/1.1 412 ", "\r\n\r\n"},
        {"GET", "/app.js", "If-Match:\r\n", "HTTP/1.1 412 ", "\r\n\r\n"},
        {"GET", "/app.js", "If-Match: W/\"a1\"\r\n", "HTTP/1.1 412 ", "\r\n\r\n"},
        {"GET", "/app.js", "If-Match: \"x\"\r\nIf-None-Match: \"a1\"\r\n", "HTTP/1.1 412 ",
         "\r\n\r\n"},
        {"GET", "/app.js", "If-Match: \"a1\"\r\nIf-None-Match: \"a1\"\r\n", "HTTP/1.1 304 ",
         "\r\n\r\n"},
        {"GET", "/app.j", "", "HTTP/1.1 404 ", "}"},
        {"GET", "/img/", "", "HTTP/1.1 404 ", "}"},
        {"GET", "/app.js/..", "", "HTTP/1.1 404 ", "}"},
        {"DELETE", "/app.js", "", "HTTP/1.1 405 ", "}"},
    };
    http_fixture f;
    cairn_http_server_options options = cairn_http_server_defaults();
    http_fixture_start(&f, &options, handle, NULL);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char reply[4096];
        ask(f.port, vectors[i].method, vectors[i].path, vectors[i].fields, reply, sizeof reply);
        size_t ends = strlen(vectors[i].ends);
        if (strncmp(reply, vectors[i].starts, strlen(vectors[i].starts)) != 0 ||
            strcmp(reply + strlen(reply) - ends, vectors[i].ends) != 0)
            fail_msg("row %zu: '%s'", i, reply);
        http_expect_holds(reply, vectors[i].starts);
    }
    http_fixture_stop(&f);
}

static void test_headers(void **state)
{
    (void)state;
    http_fixture f;
    char reply[4096];
    cairn_http_server_options options = cairn_http_server_defaults();
    http_fixture_start(&f, &options, handle, NULL);
    ask(f.port, "GET", "/app.js", "", reply, sizeof reply);
    http_expect_holds(reply, "ETag: \"a1\"\r\n");
    http_expect_holds(reply, "Cache-Control: public, max-age=31536000, immutable\r\n");
    http_expect_holds(reply, "Content-Security-Policy: default-src 'none'; script-src 'self';");
    http_expect_holds(reply, "frame-ancestors 'none'\r\n");
    http_expect_holds(reply, "X-Content-Type-Options: nosniff\r\n");
    assert_null(strstr(reply, "unsafe"));
    ask(f.port, "GET", "/", "If-None-Match: \"i1\"\r\n", reply, sizeof reply);
    http_expect_holds(reply, "ETag: \"i1\"\r\n");
    http_expect_holds(reply, "Cache-Control: no-cache\r\n");
    assert_null(strstr(reply, "Content-Length"));
    ask(f.port, "POST", "/", "", reply, sizeof reply);
    http_expect_holds(reply, "Allow: GET, HEAD\r\n");
    http_fixture_stop(&f);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
