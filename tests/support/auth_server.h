/* A dispatcher behind a real server on a thread, and requests to it as text. Needs cmocka and
 * support/http_raw.h. */
#ifndef CAIRN_TESTS_SUPPORT_AUTH_SERVER_H
#define CAIRN_TESTS_SUPPORT_AUTH_SERVER_H

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "core/net/http_server.h"
#include "core/net/route.h"
#include "support/http_raw.h"

typedef struct test_server {
    cairn_http_server *server;
    pthread_t thread;
    uint16_t port; /* 0 before the start: a free one */
} test_server;

static inline void *test_server_run(void *context)
{
    test_server *s = context;
    assert_int_equal(cairn_http_server_run(s->server), CAIRN_OK);
    return NULL;
}

static inline void test_server_start(test_server *s, cairn_router *router)
{
    (void)signal(SIGPIPE, SIG_IGN);
    cairn_clock clock = cairn_clock_system();
    cairn_http_server_options options = cairn_http_server_defaults();
    assert_int_equal(
        cairn_http_server_new(&clock, NULL, &options, cairn_router_handle, router, &s->server),
        CAIRN_OK);
    assert_int_equal(cairn_http_server_listen(s->server, "127.0.0.1", s->port, &s->port), CAIRN_OK);
    assert_int_equal(pthread_create(&s->thread, NULL, test_server_run, s), 0);
}

static inline void test_server_stop(test_server *s)
{
    cairn_http_server_stop(s->server);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    cairn_http_server_free(s->server);
}

enum { TEST_REPLY_MAX = 65536 };

/* One request on a connection of its own; `fields` are whole lines with their CRLF. The reply
 * without its Date, which alone may differ from one time to the next. Returns the status. */
static inline int test_request(const test_server *s, const char *method, const char *target,
                               const char *fields, const char *body, char *reply)
{
    static const char head[] =
        "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s";
    int size = snprintf(NULL, 0, head, method, target, fields, strlen(body), body);
    char *request = malloc((size_t)size + 1);
    assert_non_null(request);
    (void)snprintf(request, (size_t)size + 1, head, method, target, fields, strlen(body), body);
    raw_exchange(s->port, request, reply, TEST_REPLY_MAX);
    free(request);
    char *date = strstr(reply, "Date: ");
    assert_non_null(date);
    char *end = strstr(date, "\r\n") + 2;
    memmove(date, end, strlen(end) + 1);
    return atoi(reply + strlen("HTTP/1.1 "));
}

/* What follows the head. */
static inline const char *test_body(const char *reply)
{
    const char *end = strstr(reply, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

#endif
