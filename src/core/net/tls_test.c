/* The server over TLS: who is let in, what the handler learns of him, keys at a signer that is
 * fast, slow, or gone, and a change of certificates while it serves. The clients are OpenSSL's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/crypto/signer_impl.h"
#include "core/net/http_client.h"
#include "core/net/http_server.h"
#include "support/tls_client.h"

#define HOST "Host: a\r\n"
enum { REPLY_MAX = 65536, PEM_MAX = 8192 };

typedef struct fixture {
    cairn_http_server *server;
    cairn_tls_server *tls;
    pthread_t thread;
    uint16_t port;
} fixture;

static tls_party server_party, client_party, root, issued, foreign_root, foreign, stale;
static char server_chain[PEM_MAX], server_key[PEM_MAX], root_pem[PEM_MAX];

static uint32_t head_timeout_ms; /* 0: the server's own */

static const char *const kinds[] = {"none", "key", "issued"};

/* Says who called. */
static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    (void)context;
    const cairn_http_peer_facts *peer = cairn_http_peer(exchange);
    char spki[65], key_id[65], text[512];
    cairn_hex_encode(cairn_bytes_hash(&peer->tls.spki), spki);
    cairn_hex_encode(cairn_bytes_hash(&peer->tls.key_id), key_id);
    int size = snprintf(text, sizeof text, "%s %s %s spki=%s kid=%s der=%zu body=%zu;",
                        peer->encrypted ? "tls" : "plain", peer->address, kinds[peer->tls.kind],
                        spki, peer->tls.has_key_id ? key_id : "-", peer->tls.certificate.size,
                        request->body.size);
    const cairn_http_response response = {.status = 200,
                                          .body = cairn_bytes_of(text, (size_t)size)};
    cairn_http_respond(exchange, &response);
}

static void *run(void *context)
{
    fixture *f = context;
    assert_int_equal(cairn_http_server_run(f->server), CAIRN_OK);
    return NULL;
}

static cairn_tls_server_options tls_options(cairn_tls_clients clients, cairn_tls_trust trust)
{
    return (cairn_tls_server_options){.identity = {.chain_pem = cairn_bytes_str(server_chain),
                                                   .key_pem = cairn_bytes_str(server_key)},
                                      .clients = clients,
                                      .trust = trust,
                                      .client_cas_pem = trust == CAIRN_TLS_TRUST_ANY_KEY
                                                            ? cairn_bytes_of(NULL, 0)
                                                            : cairn_bytes_str(root_pem)};
}

static void start(fixture *f, const cairn_tls_server_options *tls)
{
    cairn_clock clock = cairn_clock_system();
    cairn_http_server_options options = cairn_http_server_defaults();
    options.drain_timeout_ms = 100;
    if (head_timeout_ms > 0)
        options.head_timeout_ms = head_timeout_ms;
    assert_int_equal(cairn_tls_server_new(tls, &f->tls), CAIRN_OK);
    assert_int_equal(cairn_http_server_new(&clock, NULL, &options, handle, NULL, &f->server),
                     CAIRN_OK);
    assert_int_equal(cairn_http_server_listen_tls(f->server, f->tls, "127.0.0.1", 0, &f->port),
                     CAIRN_OK);
    assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

static void stop(fixture *f)
{
    cairn_http_server_stop(f->server);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    cairn_http_server_free(f->server);
    cairn_tls_server_free(f->tls);
}

/* One request; "" when the server does not let the client in. In TLS 1.3 a client learns that only
 * when it reads. */
static void ask_with(const fixture *f, SSL_CTX *ctx, char reply[REPLY_MAX])
{
    tls_client client;
    reply[0] = '\0';
    if (tls_connect(&client, f->port, ctx)) {
        static const char request[] = "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";
        size_t done = 0;
        if (SSL_write_ex(client.ssl, request, sizeof request - 1, &done) == 1)
            (void)tls_receive(&client, reply, REPLY_MAX, NULL);
    }
    ERR_clear_error();
    tls_close(&client);
}

static void ask(const fixture *f, const tls_party *party, char reply[REPLY_MAX])
{
    SSL_CTX *ctx = tls_client_context(party, TLS1_3_VERSION, NULL);
    ask_with(f, ctx, reply);
    SSL_CTX_free(ctx);
}

static void expect_holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' does not hold '%s'", text, part);
}

static void test_clients(void **state)
{
    (void)state;
    static const struct {
        cairn_tls_clients clients;
        cairn_tls_trust trust;
        const tls_party *party;
        const char *kind; /* NULL: not let in */
    } rows[] = {
        {CAIRN_TLS_CLIENTS_NONE, CAIRN_TLS_TRUST_ANY_KEY, NULL, "none"},
        {CAIRN_TLS_CLIENTS_NONE, CAIRN_TLS_TRUST_ANY_KEY, &client_party, "none"},
        {CAIRN_TLS_CLIENTS_OPTIONAL, CAIRN_TLS_TRUST_ANY_KEY, NULL, "none"},
        {CAIRN_TLS_CLIENTS_OPTIONAL, CAIRN_TLS_TRUST_ANY_KEY, &client_party, "key"},
        {CAIRN_TLS_CLIENTS_OPTIONAL, CAIRN_TLS_TRUST_ANY_KEY, &issued, NULL},
        {CAIRN_TLS_CLIENTS_OPTIONAL, CAIRN_TLS_TRUST_ANY_KEY, &stale, NULL},
        {CAIRN_TLS_CLIENTS_REQUIRED, CAIRN_TLS_TRUST_ANY_KEY, NULL, NULL},
        {CAIRN_TLS_CLIENTS_REQUIRED, CAIRN_TLS_TRUST_ANY_KEY, &client_party, "key"},
        {CAIRN_TLS_CLIENTS_REQUIRED, CAIRN_TLS_TRUST_CA, NULL, NULL},
        {CAIRN_TLS_CLIENTS_REQUIRED, CAIRN_TLS_TRUST_CA, &issued, "issued"},
        {CAIRN_TLS_CLIENTS_REQUIRED, CAIRN_TLS_TRUST_CA, &client_party, NULL},
        {CAIRN_TLS_CLIENTS_REQUIRED, CAIRN_TLS_TRUST_CA, &foreign, NULL},
        {CAIRN_TLS_CLIENTS_OPTIONAL, CAIRN_TLS_TRUST_CA, NULL, "none"},
        {CAIRN_TLS_CLIENTS_OPTIONAL, CAIRN_TLS_TRUST_CA, &foreign, NULL},
        {CAIRN_TLS_CLIENTS_REQUIRED, CAIRN_TLS_TRUST_CA_OR_ANY_KEY, &issued, "issued"},
        {CAIRN_TLS_CLIENTS_REQUIRED, CAIRN_TLS_TRUST_CA_OR_ANY_KEY, &client_party, "key"},
        {CAIRN_TLS_CLIENTS_REQUIRED, CAIRN_TLS_TRUST_CA_OR_ANY_KEY, &foreign, NULL},
        {CAIRN_TLS_CLIENTS_REQUIRED, CAIRN_TLS_TRUST_CA_OR_ANY_KEY, &stale, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture f;
        char reply[REPLY_MAX], expected[32];
        cairn_tls_server_options options = tls_options(rows[i].clients, rows[i].trust);
        start(&f, &options);
        ask(&f, rows[i].party, reply);
        cairn_http_counts counts = {.handshakes = 0};
        for (unsigned ms = 0; ms < RAW_WAIT_MS && counts.handshakes + counts.handshakes_failed == 0;
             ms++) { /* counted after the client was told */
            cairn_http_server_counts(f.server, &counts);
            (void)usleep(1000);
        }
        stop(&f);
        if (rows[i].kind == NULL) {
            if (reply[0] != '\0')
                fail_msg("row %zu is let in", i);
            assert_int_equal(counts.handshakes, 0);
            assert_int_equal(counts.handshakes_failed, 1);
            continue;
        }
        (void)snprintf(expected, sizeof expected, "tls 127.0.0.1 %s ", rows[i].kind);
        if (strstr(reply, expected) == NULL)
            fail_msg("row %zu: '%s'", i, reply);
        assert_int_equal(counts.handshakes, 1);
    }
}

static bool vouches(void *context, cairn_bytes certificate)
{
    const tls_party *party = context;
    unsigned char *der = NULL;
    int size = i2d_X509(party->certificate, &der);
    bool same = size > 0 && cairn_bytes_equal(certificate, cairn_bytes_of(der, (size_t)size));
    OPENSSL_free(der);
    return same;
}

/* Who is vouched for is let in, as issued; neither somebody else nor where only CAs count. */
static void test_vouched_clients(void **state)
{
    (void)state;
    static const struct {
        cairn_tls_trust trust;
        const tls_party *vouched, *party;
        const char *kind;
    } rows[] = {
        {CAIRN_TLS_TRUST_ANY_KEY, &foreign, &foreign, "issued"},
        {CAIRN_TLS_TRUST_ANY_KEY, &foreign, &issued, NULL},
        {CAIRN_TLS_TRUST_ANY_KEY, &foreign, &client_party, "key"},
        {CAIRN_TLS_TRUST_CA_OR_ANY_KEY, &foreign, &foreign, "issued"},
        {CAIRN_TLS_TRUST_CA_OR_ANY_KEY, &foreign, &issued, "issued"},
        {CAIRN_TLS_TRUST_CA_OR_ANY_KEY, &issued, &foreign, NULL},
        {CAIRN_TLS_TRUST_CA, &foreign, &foreign, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fixture f;
        char reply[REPLY_MAX], expected[32];
        cairn_tls_server_options options = tls_options(CAIRN_TLS_CLIENTS_REQUIRED, rows[i].trust);
        options.vouch = vouches;
        options.vouch_context = (void *)(uintptr_t)rows[i].vouched;
        start(&f, &options);
        ask(&f, rows[i].party, reply);
        stop(&f);
        (void)snprintf(expected, sizeof expected, "tls 127.0.0.1 %s ",
                       rows[i].kind == NULL ? "" : rows[i].kind);
        if (rows[i].kind == NULL ? reply[0] != '\0' : strstr(reply, expected) == NULL)
            fail_msg("row %zu: '%s'", i, reply);
    }
}

/* The thumbprints are those of the key that the client has, found by other means. */
static void test_peer_facts(void **state)
{
    (void)state;
    static const char *const curves[] = {"P-256", "P-384", "ED25519", "P-521"};
    fixture f;
    cairn_tls_server_options options =
        tls_options(CAIRN_TLS_CLIENTS_REQUIRED, CAIRN_TLS_TRUST_ANY_KEY);
    start(&f, &options);
    for (size_t i = 0; i < 4; i++) {
        tls_party party = tls_make(curves[i], "c", NULL, false);
        char reply[REPLY_MAX], text[PEM_MAX], hex[65], expected[128];
        unsigned char *der = NULL;
        int size = i2d_PUBKEY(party.key, &der);
        cairn_hash spki;
        cairn_sha256_of(der, (size_t)size, &spki);
        OPENSSL_free(der);
        cairn_hex_encode(cairn_bytes_hash(&spki), hex);
        ask(&f, &party, reply);
        (void)snprintf(expected, sizeof expected, "spki=%s", hex);
        expect_holds(reply, expected);
        cairn_key *key = NULL;
        cairn_err err = cairn_key_from_pem(tls_pem(NULL, party.key, text, sizeof text), &key);
        assert_int_equal(err == CAIRN_OK, i < 3);
        if (key != NULL)
            cairn_hex_encode(cairn_bytes_hash(cairn_key_id(key)), hex);
        (void)snprintf(expected, sizeof expected, "kid=%s ", key != NULL ? hex : "-");
        expect_holds(reply, expected);
        int der_size = i2d_X509(party.certificate, NULL);
        (void)snprintf(expected, sizeof expected, "der=%d ", der_size);
        expect_holds(reply, expected);
        cairn_key_free(key);
        tls_party_done(&party);
    }
    stop(&f);
}

static void test_versions_and_protocols(void **state)
{
    (void)state;
    static const struct {
        int version;
        const char *alpn;
        bool good;
    } rows[] = {{TLS1_2_VERSION, NULL, false},
                {TLS1_3_VERSION, NULL, true},
                {TLS1_3_VERSION, "\x08http/1.1", true},
                {TLS1_3_VERSION, "\x02h2\x08http/1.1", true},
                {TLS1_3_VERSION, "\x02h2", false}};
    fixture f;
    cairn_tls_server_options options = tls_options(CAIRN_TLS_CLIENTS_NONE, CAIRN_TLS_TRUST_CA);
    start(&f, &options);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char reply[REPLY_MAX];
        SSL_CTX *ctx = tls_client_context(NULL, rows[i].version, rows[i].alpn);
        ask_with(&f, ctx, reply);
        SSL_CTX_free(ctx);
        if ((reply[0] != '\0') != rows[i].good)
            fail_msg("row %zu: '%s'", i, reply);
    }
    stop(&f);
}

static unsigned ticket_count;
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    (void)session;
    ticket_count++;
    return 0;
}

/* Nothing to resume with, and no early data to replay. */
static void test_no_tickets(void **state)
{
    (void)state;
    fixture f;
    cairn_tls_server_options options = tls_options(CAIRN_TLS_CLIENTS_NONE, CAIRN_TLS_TRUST_CA);
    start(&f, &options);
    SSL_CTX *ctx = tls_client_context(NULL, TLS1_3_VERSION, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    char reply[REPLY_MAX];
    ticket_count = 0;
    ask_with(&f, ctx, reply);
    expect_holds(reply, "200 OK");
    assert_int_equal(ticket_count, 0);
    SSL_CTX_free(ctx);
    stop(&f);
}

/* Framing is refused within TLS as it is outside, in whatever records it comes. */
static void test_framing_over_tls(void **state)
{
    (void)state;
    static const struct {
        const char *request, *expected;
    } rows[] = {
        {"GET / HTTP/1.1\r\n" HOST "X : y\r\n\r\n", "HTTP_SPACE_BEFORE_COLON"},
        {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", "HTTP_HOST_REPEATED"},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         "HTTP_LENGTH_AND_CODING"},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", "HTTP_LENGTH_INVALID"},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
         "HTTP_LENGTH_REPEATED"},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\n\r\n",
         "HTTP_CHUNK"},
        {"GET / HTTP/1.1\n" HOST "\r\n", "HTTP_BARE_LF"},
        {"GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n", "HTTP_FOLDING"},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
         "3\r\nabc\r\n0\r\n\r\n",
         "body=3;"},
    };
    fixture f;
    cairn_tls_server_options options = tls_options(CAIRN_TLS_CLIENTS_NONE, CAIRN_TLS_TRUST_CA);
    start(&f, &options);
    SSL_CTX *ctx = tls_client_context(NULL, TLS1_3_VERSION, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned one_by_one = 0; one_by_one < 2; one_by_one++) {
            tls_client client;
            char reply[REPLY_MAX];
            assert_true(tls_connect(&client, f.port, ctx));
            size_t step = one_by_one ? 1 : strlen(rows[i].request), done = 0;
            for (size_t at = 0; at < strlen(rows[i].request); at += step)
                if (SSL_write_ex(client.ssl, rows[i].request + at, step, &done) != 1)
                    break;
            (void)tls_receive(&client, reply, sizeof reply, NULL);
            expect_holds(reply, rows[i].expected);
            /* The end is announced, so that the client knows that nothing was cut off. */
            assert_int_equal(SSL_get_shutdown(client.ssl) & SSL_RECEIVED_SHUTDOWN,
                             SSL_RECEIVED_SHUTDOWN);
            tls_close(&client);
        }
    SSL_CTX_free(ctx);
    stop(&f);
}

/* A body of several records, more than one read holds. */
static void test_large_body(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    static char body[SIZE + 1];
    memset(body, 'b', SIZE);
    fixture f;
    cairn_tls_server_options options = tls_options(CAIRN_TLS_CLIENTS_NONE, CAIRN_TLS_TRUST_CA);
    start(&f, &options);
    SSL_CTX *ctx = tls_client_context(NULL, TLS1_3_VERSION, NULL);
    tls_client client;
    char reply[REPLY_MAX];
    assert_true(tls_connect(&client, f.port, ctx));
    for (unsigned i = 0; i < 3; i++) {
        tls_send(&client, "POST / HTTP/1.1\r\n" HOST "Content-Length: 300000\r\n\r\n");
        tls_send(&client, body);
        (void)tls_receive(&client, reply, sizeof reply, "body=300000;");
    }
    tls_close(&client);
    SSL_CTX_free(ctx);
    stop(&f);
}

/* Clients that say nothing, something else than TLS, or no more than they must. */
static void test_clients_that_misbehave(void **state)
{
    (void)state;
    fixture f;
    char reply[REPLY_MAX];
    head_timeout_ms = 100;
    cairn_tls_server_options options = tls_options(CAIRN_TLS_CLIENTS_NONE, CAIRN_TLS_TRUST_CA);
    start(&f, &options);
    int fd = raw_connect(f.port);
    assert_int_equal(raw_receive(fd, reply, sizeof reply, NULL), 0); /* cut by the time limit */
    (void)close(fd);
    fd = raw_connect(f.port);
    raw_send(fd, "GET / HTTP/1.1\r\n" HOST "\r\n");
    while (recv(fd, reply, sizeof reply, 0) > 0) /* an alert at most */
        assert_null(strstr(reply, "HTTP/1.1"));
    (void)close(fd);
    SSL_CTX *ctx = tls_client_context(NULL, TLS1_3_VERSION, NULL);
    for (unsigned notify = 0; notify < 2; notify++) { /* half-closed: still answered */
        tls_client client;
        assert_true(tls_connect(&client, f.port, ctx));
        tls_send(&client, "GET / HTTP/1.1\r\n" HOST "\r\n");
        if (notify)
            assert_int_equal(SSL_shutdown(client.ssl), 0);
        assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
        (void)tls_receive(&client, reply, sizeof reply, "body=0;");
        tls_close(&client);
    }
    tls_client client; /* the handshake done, and then nothing */
    assert_true(tls_connect(&client, f.port, ctx));
    assert_int_equal(tls_receive(&client, reply, sizeof reply, NULL), 0);
    tls_close(&client);
    SSL_CTX_free(ctx);
    stop(&f);
    head_timeout_ms = 0;
}

static void test_reload(void **state)
{
    (void)state;
    fixture f;
    cairn_tls_server_options options = tls_options(CAIRN_TLS_CLIENTS_NONE, CAIRN_TLS_TRUST_CA);
    start(&f, &options);
    SSL_CTX *ctx = tls_client_context(NULL, TLS1_3_VERSION, NULL);
    tls_client old, fresh;
    char reply[REPLY_MAX], chain[PEM_MAX], key[PEM_MAX];
    assert_true(tls_connect(&old, f.port, ctx));
    tls_party next = tls_make("P-384", "next", NULL, false);
    options.identity.chain_pem = tls_pem(next.certificate, NULL, chain, sizeof chain);
    assert_int_equal(cairn_tls_server_reload(f.tls, &options), CAIRN_ERR_BAD_KEY); /* old key */
    options.identity.key_pem = tls_pem(NULL, next.key, key, sizeof key);
    assert_int_equal(cairn_tls_server_reload(f.tls, &options), CAIRN_OK);
    assert_true(tls_connect(&fresh, f.port, ctx));
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(fresh.ssl), next.certificate), 0);
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(old.ssl), server_party.certificate), 0);
    tls_send(&old, "GET / HTTP/1.1\r\n" HOST "\r\n");
    (void)tls_receive(&old, reply, sizeof reply, "body=0;");
    tls_close(&old);
    tls_close(&fresh);
    tls_party_done(&next);
    SSL_CTX_free(ctx);
    stop(&f);
}

/* Our client: its roots, its pin, and its own certificate. */
static void test_our_client(void **state)
{
    (void)state;
    char url[64], ca_file[] = "/tmp/cairn-tls-test-XXXXXX", client_chain[PEM_MAX],
                  client_key[PEM_MAX];
    fixture f;
    cairn_tls_server_options options =
        tls_options(CAIRN_TLS_CLIENTS_REQUIRED, CAIRN_TLS_TRUST_ANY_KEY);
    start(&f, &options);
    int fd = mkstemp(ca_file);
    assert_true(fd >= 0 && write(fd, server_chain, strlen(server_chain)) > 0 && close(fd) == 0);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/", (unsigned)f.port);
    unsigned char *der = NULL;
    int size = i2d_PUBKEY(server_party.key, &der);
    cairn_hash pin, wrong = {{0}};
    cairn_sha256_of(der, (size_t)size, &pin);
    OPENSSL_free(der);
    cairn_tls_identity identity = {
        .chain_pem = tls_pem(client_party.certificate, NULL, client_chain, PEM_MAX),
        .key_pem = tls_pem(NULL, client_party.key, client_key, PEM_MAX)};
    cairn_http_call call = {.url = url,
                            .timeout_ms = RAW_WAIT_MS,
                            .body_size_max = 4096,
                            .ca_file = ca_file,
                            .spki_pin = &pin,
                            .identity = &identity};
    cairn_http_reply reply;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    assert_int_equal(cairn_http_client_call(&arena, &call, &reply), CAIRN_OK);
    assert_int_equal(reply.status, 200);
    assert_int_equal(strncmp((const char *)reply.body.data, "tls 127.0.0.1 key ", 18), 0);
    call.spki_pin = &wrong;
    assert_int_equal(cairn_http_client_call(&arena, &call, &reply), CAIRN_ERR_UNREACHABLE);
    call.spki_pin = NULL;
    assert_int_equal(cairn_http_client_call(&arena, &call, &reply), CAIRN_OK);
    call.identity = NULL; /* it must show one */
    assert_int_equal(cairn_http_client_call(&arena, &call, &reply), CAIRN_ERR_UNREACHABLE);
    identity.key_pem = cairn_bytes_str(server_key);
    call.identity = &identity;
    assert_int_equal(cairn_http_client_call(&arena, &call, &reply), CAIRN_ERR_BAD_KEY);
    call.ca_file = NULL; /* the system's roots do not know it */
    identity.key_pem = cairn_bytes_str(client_key);
    call.spki_pin = &pin;
    assert_int_equal(cairn_http_client_call(&arena, &call, &reply), CAIRN_ERR_UNREACHABLE);
    call.pin_alone = true;
    assert_int_equal(cairn_http_client_call(&arena, &call, &reply), CAIRN_OK);
    call.spki_pin = &wrong;
    assert_int_equal(cairn_http_client_call(&arena, &call, &reply), CAIRN_ERR_UNREACHABLE);
    call.spki_pin = NULL; /* without one there are roots */
    assert_int_equal(cairn_http_client_call(&arena, &call, &reply), CAIRN_ERR_UNREACHABLE);
    cairn_arena_done(&arena);
    (void)unlink(ca_file);
    stop(&f);
}

static const char encrypted_chain[] = "-----BEGIN CERTIFICATE-----\n"
                                      "Proc-Type: 4,ENCRYPTED\n"
                                      "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
                                      "AAAAAAAAAAAAAAAAAAAAAA==\n"
                                      "-----END CERTIFICATE-----\n";

static void test_options_that_are_refused(void **state)
{
    (void)state;
    cairn_tls_server *tls = NULL;
    char other[PEM_MAX], encrypted[PEM_MAX];
    cairn_tls_server_options good = tls_options(CAIRN_TLS_CLIENTS_REQUIRED, CAIRN_TLS_TRUST_CA);
    cairn_tls_server_options options = good;
    options.identity.chain_pem = cairn_bytes_str("no PEM");
    assert_int_equal(cairn_tls_server_new(&options, &tls), CAIRN_ERR_BAD_VALUE);
    options = good;
    options.identity.key_pem = tls_pem(NULL, client_party.key, other, sizeof other);
    assert_int_equal(cairn_tls_server_new(&options, &tls), CAIRN_ERR_BAD_KEY);
    options.identity.key_pem = cairn_bytes_str(server_chain);
    assert_int_equal(cairn_tls_server_new(&options, &tls), CAIRN_ERR_BAD_KEY);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, server_party.key, EVP_aes_256_cbc(), "pw",
                                                   2, NULL, NULL),
                     1);
    int size = BIO_read(bio, encrypted, PEM_MAX);
    BIO_free(bio);
    options.identity.key_pem = cairn_bytes_of(encrypted, (size_t)size); /* asks nobody */
    assert_int_equal(cairn_tls_server_new(&options, &tls), CAIRN_ERR_BAD_KEY);
    options = good;
    options.identity.chain_pem = cairn_bytes_str(encrypted_chain); /* nor here */
    assert_int_equal(cairn_tls_server_new(&options, &tls), CAIRN_ERR_BAD_KEY);
    options = good;
    options.client_cas_pem = cairn_bytes_str(encrypted_chain);
    assert_int_equal(cairn_tls_server_new(&options, &tls), CAIRN_ERR_BAD_KEY);
    options = good;
    options.client_cas_pem = cairn_bytes_of(NULL, 0);
    assert_int_equal(cairn_tls_server_new(&options, &tls), CAIRN_ERR_ARGUMENT);
    options.client_cas_pem = cairn_bytes_str("x");
    assert_int_equal(cairn_tls_server_new(&options, &tls), CAIRN_ERR_BAD_VALUE);
    cairn_tls_server_free(NULL);
}

static void make_parties(void)
{
    server_party = tls_make("P-256", "server", NULL, false);
    client_party = tls_make("P-256", "client", NULL, false);
    root = tls_make("P-256", "root", NULL, true);
    issued = tls_make("P-256", "issued", &root, false);
    foreign_root = tls_make("P-256", "root", NULL, true); /* the same name, another key */
    foreign = tls_make("P-256", "foreign", &foreign_root, false);
    stale = (tls_party){.key = tls_make_key("P-256")};
    stale.certificate = tls_make_certificate(stale.key, "stale", NULL, false, -3600, -60);
    (void)tls_pem(server_party.certificate, NULL, server_chain, sizeof server_chain);
    (void)tls_pem(NULL, server_party.key, server_key, sizeof server_key);
    (void)tls_pem(root.certificate, NULL, root_pem, sizeof root_pem);
}

static int setup(void **state)
{
    (void)state;
    make_parties();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tls_party *const all[] = {&server_party, &client_party, &root, &issued,
                              &foreign_root, &foreign,      &stale};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        tls_party_done(all[i]);
    return 0;
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients),
        cmocka_unit_test(test_vouched_clients),
        cmocka_unit_test(test_peer_facts),
        cmocka_unit_test(test_versions_and_protocols),
        cmocka_unit_test(test_no_tickets),
        cmocka_unit_test(test_framing_over_tls),
        cmocka_unit_test(test_large_body),
        cmocka_unit_test(test_clients_that_misbehave),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_our_client),
        cmocka_unit_test(test_options_that_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
