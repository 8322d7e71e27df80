/* Every allocation of the server's thread fails once, from its creation to the end of a few
 * requests, plain and over TLS, whole and in pieces: a client may lose its connection, the server
 * may refuse to start, but it neither crashes nor hangs, serves the next client, and drains. */
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
#include "support/tls_client.h"

typedef struct fixture {
    cairn_tls_server *tls; /* NULL: plain */
    cairn_http_server *server;
    pthread_t thread;
    uint16_t port;
    cairn_err err;
} fixture;

static void on_event(void *context, cairn_http_exchange *exchange, cairn_http_stream_event event)
{
    (void)context;
    if (event != CAIRN_HTTP_STREAM_WRITABLE)
        cairn_http_end(exchange);
}

/* Answers in pieces with what comes in pieces: a piece each, ended at once. */
static void on_piece(void *context, cairn_http_exchange *exchange, cairn_err err, cairn_bytes piece,
                     bool last)
{
    (void)context;
    if (!last)
        return;
    static const cairn_http_response head = {.status = 200};
    static const cairn_http_stream stream = {.length = CAIRN_HTTP_LENGTH_UNKNOWN,
                                             .on_event = on_event};
    if (err != CAIRN_OK) {
        cairn_http_respond_err(exchange, err);
        return;
    }
    cairn_http_respond_begin(exchange, &head, &stream);
    (void)!cairn_http_write(exchange, piece);
    (void)!cairn_http_write(exchange, cairn_bytes_str("streamed"));
    cairn_http_end(exchange);
}

static void admit(void *context, cairn_http_exchange *exchange, const cairn_http_request *head,
                  cairn_http_intake *intake)
{
    (void)context;
    (void)exchange;
    intake->pieces = head->method == CAIRN_HTTP_PUT;
}

static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    (void)context;
    if (request->method == CAIRN_HTTP_PUT) {
        cairn_http_receive(exchange, on_piece, NULL);
        return;
    }
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
    options.admit = admit;
    no_memory_here = true;
    cairn_err err = cairn_http_server_new(&clock, NULL, &options, handle, NULL, &f->server);
    if (err == CAIRN_OK)
        err = cairn_http_server_listen_tls(f->server, f->tls, "127.0.0.1", 0, &f->port);
    no_memory_here = false;
    if (err != CAIRN_OK)
        cairn_http_server_free(f->server);
    return err;
}

static const char requests[] =
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nworld\r\n0\r\n\r\n";

static bool is_answered(const char *reply)
{
    return strstr(reply, "\r\n\r\nhello") != NULL &&
           strstr(reply, "8\r\nstreamed\r\n0\r\n\r\n") != NULL &&
           strstr(reply, "\r\n\r\nworld") != NULL;
}

/* Sends the requests on one connection; true when all were answered well. */
static bool ask_plain(uint16_t port)
{
    char reply[4096];
    size_t size = 0;
    ssize_t n = 1;
    int fd = raw_connect(port);
    bool sent = send(fd, requests, sizeof requests - 1, MSG_NOSIGNAL) == sizeof requests - 1;
    while (n > 0 && size + 1 < sizeof reply) {
        n = recv(fd, reply + size, sizeof reply - 1 - size, 0);
        size += n > 0 ? (size_t)n : 0;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        fail_msg("the server hangs");
    (void)close(fd);
    reply[size] = '\0';
    return sent && is_answered(reply);
}

static SSL_CTX *client_ctx;

static bool ask_tls(uint16_t port)
{
    tls_client client;
    char reply[4096] = "";
    size_t done = 0;
    if (tls_connect(&client, port, client_ctx) &&
        SSL_write_ex(client.ssl, requests, sizeof requests - 1, &done) == 1)
        (void)tls_receive(&client, reply, sizeof reply, NULL);
    ERR_clear_error();
    tls_close(&client);
    return is_answered(reply);
}

static bool ask(const fixture *f)
{
    return f->tls != NULL ? ask_tls(f->port) : ask_plain(f->port);
}

/* True while a fault was met. */
static bool try_fault(unsigned at, cairn_tls_server *tls)
{
    fixture f = {.tls = tls};
    no_memory_arm(at);
    cairn_err err = start(&f);
    if (err != CAIRN_OK) {
        assert_true(no_memory_disarm());
        return true;
    }
    assert_int_equal(pthread_create(&f.thread, NULL, run, &f), 0);
    bool answered = ask(&f);
    bool fired = no_memory_disarm();
    assert_true(answered || fired);
    assert_true(ask(&f)); /* the next client is served in any case */
    cairn_http_server_stop(f.server);
    assert_int_equal(pthread_join(f.thread, NULL), 0);
    assert_int_equal(f.err, CAIRN_OK);
    cairn_http_server_free(f.server);
    return fired;
}

static void fail_each(cairn_tls_server *tls)
{
    unsigned at = 1;
    while (try_fault(at, tls))
        at++;
    assert_true(at > 20);
}

static void test_each_allocation_fails_once(void **state)
{
    (void)state;
    if (!NO_MEMORY_WORKS) {
        print_message("allocation faults: not under a sanitizer\n");
        skip();
    }
    fail_each(NULL);
}

static void test_each_allocation_fails_once_over_tls(void **state)
{
    (void)state;
    if (!NO_MEMORY_WORKS) {
        print_message("allocation faults: not under a sanitizer\n");
        skip();
    }
    char chain[8192], key[8192];
    tls_party party = tls_make("P-256", "server", NULL, false);
    const cairn_tls_server_options options = {
        .identity = {.chain_pem = tls_pem(party.certificate, NULL, chain, sizeof chain),
                     .key_pem = tls_pem(NULL, party.key, key, sizeof key)},
        .clients = CAIRN_TLS_CLIENTS_OPTIONAL,
        .trust = CAIRN_TLS_TRUST_ANY_KEY};
    cairn_tls_server *tls = NULL;
    assert_int_equal(cairn_tls_server_new(&options, &tls), CAIRN_OK);
    client_ctx = tls_client_context(&party, TLS1_3_VERSION, NULL);
    fail_each(tls);
    SSL_CTX_free(client_ctx);
    cairn_tls_server_free(tls);
    tls_party_done(&party);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_fails_once),
        cmocka_unit_test(test_each_allocation_fails_once_over_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
