/* A plain server on its own thread with the test's handler. */
#ifndef CAIRN_TESTS_SUPPORT_HTTP_FIXTURE_H
#define CAIRN_TESTS_SUPPORT_HTTP_FIXTURE_H

#include <pthread.h>
#include <stdio.h>

#include "core/net/http_server.h"
#include "support/http_raw.h"

typedef struct http_fixture {
    cairn_http_server *server;
    pthread_t thread;
    uint16_t port;
} http_fixture;

static inline void *http_fixture_run(void *context)
{
    http_fixture *f = context;
    assert_int_equal(cairn_http_server_run(f->server), CAIRN_OK);
    return NULL;
}

static inline void http_fixture_start(http_fixture *f, const cairn_http_server_options *options,
                                      cairn_http_handler_fn handler, void *context)
{
    cairn_clock clock = cairn_clock_system();
    assert_int_equal(cairn_http_server_new(&clock, NULL, options, handler, context, &f->server),
                     CAIRN_OK);
    assert_int_equal(cairn_http_server_listen(f->server, "127.0.0.1", 0, &f->port), CAIRN_OK);
    assert_int_equal(pthread_create(&f->thread, NULL, http_fixture_run, f), 0);
}

static inline void http_fixture_stop(http_fixture *f)
{
    cairn_http_server_stop(f->server);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    cairn_http_server_free(f->server);
}

static inline void http_expect_holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%.2000s' does not hold '%s'", text, part);
}

#endif
