/* TLS keys at a signer: one of files, one that is slow, one that fails, one that never answers in
 * time; and clients that leave meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/crypto/signer_impl.h"
#include "core/net/http_server.h"
#include "support/tls_client.h"

#define HOST "Host: a\r\n"
enum { REPLY_MAX = 4096, PEM_MAX = 8192 };

/* --- a signer whose one key is slow, fails, or waits until it is let go --- */

typedef enum mood { MOOD_GOOD, MOOD_SLOW, MOOD_FAILS, MOOD_HANGS } mood;

static atomic_int backend_mood;
static atomic_bool backend_let_go;
static atomic_uint backend_signed;

static cairn_err backend_open(void *state, cairn_signer *signer)
{
    (void)state;
    cairn_key *key = NULL, *public_key = NULL;
    CAIRN_TRY(cairn_key_generate(CAIRN_KEY_P256, &key));
    CAIRN_TRY(cairn_key_from_public(CAIRN_KEY_P256, cairn_key_public(key), &public_key));
    return cairn_signer_add_take(signer, "tls", public_key, key);
}

static cairn_err backend_generate(void *state, const char *name, cairn_key_type type,
                                  cairn_key **ret_public, void **ret_private)
{
    (void)state;
    (void)name;
    (void)type;
    (void)ret_public;
    (void)ret_private;
    return CAIRN_ERR_EXISTS;
}

static cairn_err backend_sign(void *state, const cairn_signer_key *key, cairn_bytes message,
                              uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    (void)state;
    int how = atomic_load(&backend_mood);
    atomic_fetch_add(&backend_signed, 1);
    if (how == MOOD_SLOW)
        (void)usleep(300000);
    while (how == MOOD_HANGS && !atomic_load(&backend_let_go))
        (void)usleep(1000);
    if (how == MOOD_FAILS)
        return CAIRN_FAIL(CAIRN_ERR_TOKEN, "house", "test: no");
    /* What a key for TLS signs is told by its first bytes (RFC 8446 section 4.4.3). */
    static const char label[] = "TLS 1.3, server CertificateVerify";
    assert_true(message.size > 64 + sizeof label);
    assert_memory_equal(message.data + 64, label, sizeof label);
    return cairn_key_sign(key->private_part, message, ret_signature, ret_size);
}

static void backend_drop(void *private_part)
{
    cairn_key_free(private_part);
}

static void backend_close(void *state)
{
    (void)state;
}

static const cairn_signer_backend backend = {.open = backend_open,
                                             .generate = backend_generate,
                                             .sign = backend_sign,
                                             .drop = backend_drop,
                                             .close = backend_close};

/* --- a server with it --- */

typedef struct fixture {
    cairn_signer *signer;
    cairn_tls_server *tls;
    cairn_http_server *server;
    pthread_t thread;
    uint16_t port, plain_port;
    SSL_CTX *ctx; /* of clients */
} fixture;

static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    (void)context;
    const cairn_http_response response = {.status = 200, .body = request->path};
    cairn_http_respond(exchange, &response);
}

static void *run(void *context)
{
    fixture *f = context;
    assert_int_equal(cairn_http_server_run(f->server), CAIRN_OK);
    return NULL;
}

/* A self-signed certificate would need the key: another one vouches for it. */
static cairn_bytes certify(cairn_signer *signer, const char *name, char pem[PEM_MAX])
{
    cairn_key *key = NULL;
    cairn_arena arena;
    cairn_bytes text;
    cairn_arena_init(&arena, 1 << 16);
    assert_int_equal(cairn_signer_public(signer, name, &key), CAIRN_OK);
    assert_int_equal(cairn_key_to_pem(key, false, &arena, &text), CAIRN_OK);
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);
    EVP_PKEY *pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    assert_non_null(pkey);
    BIO_free(bio);
    tls_party issuer = tls_make("P-256", "issuer", NULL, true);
    X509 *certificate = tls_make_certificate(pkey, "server", &issuer, false, -60, 3600);
    cairn_bytes chain = tls_pem(certificate, NULL, pem, PEM_MAX);
    X509_free(certificate);
    EVP_PKEY_free(pkey);
    tls_party_done(&issuer);
    cairn_key_free(key);
    cairn_arena_done(&arena);
    return chain;
}

static void start_with(fixture *f, cairn_signer *signer, const char *name)
{
    char pem[PEM_MAX];
    cairn_clock clock = cairn_clock_system();
    cairn_http_server_options options = cairn_http_server_defaults();
    options.drain_timeout_ms = 100;
    *f = (fixture){.signer = signer, .ctx = tls_client_context(NULL, TLS1_3_VERSION, NULL)};
    const cairn_tls_server_options tls = {
        .identity = {.chain_pem = certify(signer, name, pem), .signer = signer, .key_name = name}};
    assert_int_equal(cairn_tls_server_new(&tls, &f->tls), CAIRN_OK);
    assert_int_equal(cairn_http_server_new(&clock, NULL, &options, handle, NULL, &f->server),
                     CAIRN_OK);
    assert_int_equal(cairn_http_server_listen_tls(f->server, f->tls, "127.0.0.1", 0, &f->port),
                     CAIRN_OK);
    assert_int_equal(cairn_http_server_listen(f->server, "127.0.0.1", 0, &f->plain_port), CAIRN_OK);
    assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

static void start(fixture *f, mood how)
{
    cairn_signer *signer = NULL;
    atomic_store(&backend_mood, how);
    atomic_store(&backend_let_go, false);
    atomic_store(&backend_signed, 0);
    assert_int_equal(cairn_signer_start_take(&backend, NULL, &signer), CAIRN_OK);
    start_with(f, signer, "tls");
}

static void stop(fixture *f)
{
    cairn_http_server_stop(f->server);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    atomic_store(&backend_let_go, true);
    cairn_http_server_free(f->server);
    cairn_tls_server_free(f->tls);
    cairn_signer_free(f->signer);
    SSL_CTX_free(f->ctx);
}

static void expect_served(const fixture *f)
{
    tls_client client;
    char reply[REPLY_MAX];
    assert_true(tls_connect(&client, f->port, f->ctx));
    for (unsigned i = 0; i < 2; i++) {
        tls_send(&client, "GET /x HTTP/1.1\r\n" HOST "\r\n");
        (void)tls_receive(&client, reply, sizeof reply, "\r\n\r\n/x");
    }
    tls_close(&client);
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_keys_of_files(void **state)
{
    (void)state;
    char directory[] = "/tmp/cairn-tls-signer-XXXXXX", command[64];
    assert_non_null(mkdtemp(directory));
    cairn_signer *signer = NULL;
    cairn_key *key = NULL;
    fixture f;
    assert_int_equal(cairn_signer_open_files(directory, &signer), CAIRN_OK);
    assert_int_equal(cairn_signer_generate(signer, "tls-large", CAIRN_KEY_P384, &key), CAIRN_OK);
    cairn_key_free(key);
    start_with(&f, signer, "tls-large");
    expect_served(&f);
    stop(&f);
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

typedef struct visitor {
    const fixture *f;
    pthread_t thread;
} visitor;

static void *visit(void *context)
{
    const visitor *v = context;
    expect_served(v->f);
    return NULL;
}

static void test_many_at_once(void **state)
{
    (void)state;
    enum { VISITORS = 16 };
    fixture f;
    visitor visitors[VISITORS];
    start(&f, MOOD_GOOD);
    for (size_t i = 0; i < VISITORS; i++) {
        visitors[i].f = &f;
        assert_int_equal(pthread_create(&visitors[i].thread, NULL, visit, &visitors[i]), 0);
    }
    for (size_t i = 0; i < VISITORS; i++)
        assert_int_equal(pthread_join(visitors[i].thread, NULL), 0);
    assert_int_equal(atomic_load(&backend_signed), VISITORS);
    stop(&f);
}

/* While one handshake waits for its signature, others are served. */
static void test_a_slow_signer_holds_up_nobody_else(void **state)
{
    (void)state;
    fixture f;
    visitor v = {.f = &f};
    char reply[REPLY_MAX];
    start(&f, MOOD_SLOW);
    assert_int_equal(pthread_create(&v.thread, NULL, visit, &v), 0);
    while (atomic_load(&backend_signed) == 0)
        (void)usleep(1000);
    double began = now_s();
    raw_exchange(f.plain_port, "GET /plain HTTP/1.0\r\n\r\n", reply, sizeof reply);
    cairn_http_counts counts;
    cairn_http_server_counts(f.server, &counts);
    if (now_s() - began < 0.2) /* on a machine that is not stuck itself */
        assert_int_equal(counts.handshakes, 0);
    assert_non_null(strstr(reply, "/plain"));
    assert_int_equal(pthread_join(v.thread, NULL), 0);
    stop(&f);
}

static void test_a_signer_that_fails(void **state)
{
    (void)state;
    fixture f;
    tls_client client;
    start(&f, MOOD_FAILS);
    for (unsigned i = 0; i < 3; i++) {
        assert_false(tls_connect(&client, f.port, f.ctx));
        tls_close(&client);
    }
    atomic_store(&backend_mood, MOOD_GOOD); /* it is back */
    expect_served(&f);
    cairn_http_counts counts;
    cairn_http_server_counts(f.server, &counts);
    assert_int_equal(counts.handshakes_failed, 3);
    stop(&f);
}

static void test_a_signer_that_never_answers(void **state)
{
    (void)state;
    fixture f;
    tls_client client;
    start(&f, MOOD_HANGS);
    double began = now_s();
    assert_false(tls_connect(&client, f.port, f.ctx));
    assert_true(now_s() - began >= CAIRN_TLS_SIGN_TIMEOUT_MS / 1000.0 - 0.1);
    tls_close(&client);
    atomic_store(&backend_mood, MOOD_GOOD);
    atomic_store(&backend_let_go, true); /* the late signature finds nobody */
    expect_served(&f);
    stop(&f);
}

/* A server that stops does not wait for the signature of a handshake. */
static void test_stopped_while_it_waits(void **state)
{
    (void)state;
    fixture f;
    start(&f, MOOD_HANGS);
    SSL_CTX *ctx = tls_client_context(NULL, TLS1_3_VERSION, NULL);
    SSL *ssl = SSL_new(ctx);
    int fd = raw_connect(f.port);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, in, out);
    assert_int_equal(SSL_connect(ssl), -1);
    char hello[REPLY_MAX];
    int size = BIO_read(out, hello, sizeof hello);
    assert_true(size > 0);
    raw_send_n(fd, hello, (size_t)size);
    while (atomic_load(&backend_signed) == 0)
        (void)usleep(1000);
    double began = now_s();
    cairn_http_server_stop(f.server);
    assert_int_equal(pthread_join(f.thread, NULL), 0);
    assert_true(now_s() - began < 1.5);
    while (recv(fd, hello, sizeof hello, 0) > 0)
        continue; /* what came before the signature */
    (void)close(fd);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    atomic_store(&backend_let_go, true);
    cairn_http_server_free(f.server);
    cairn_tls_server_free(f.tls);
    cairn_signer_free(f.signer);
    SSL_CTX_free(f.ctx);
}

static void test_keys_that_are_refused(void **state)
{
    (void)state;
    char directory[] = "/tmp/cairn-tls-signer-XXXXXX", command[64], pem[PEM_MAX];
    assert_non_null(mkdtemp(directory));
    cairn_signer *signer = NULL;
    cairn_tls_server *tls = NULL;
    static const cairn_key_type types[] = {CAIRN_KEY_P256, CAIRN_KEY_P256, CAIRN_KEY_ED25519,
                                           CAIRN_KEY_P256};
    static const char *const names[] = {"tls-a", "tls-b", "tls-e", "sign-a"};
    assert_int_equal(cairn_signer_open_files(directory, &signer), CAIRN_OK);
    for (size_t i = 0; i < 4; i++) {
        cairn_key *key = NULL;
        assert_int_equal(cairn_signer_generate(signer, names[i], types[i], &key), CAIRN_OK);
        cairn_key_free(key);
    }
    cairn_tls_server_options options = {.identity = {.chain_pem = certify(signer, "tls-a", pem),
                                                     .signer = signer,
                                                     .key_name = "tls-missing"}};
    assert_int_equal(cairn_tls_server_new(&options, &tls), CAIRN_ERR_NOT_FOUND);
    options.identity.key_name = "tls-b";
    assert_int_equal(cairn_tls_server_new(&options, &tls), CAIRN_ERR_BAD_KEY);
    options.identity.key_name = "tls-e";
    assert_int_equal(cairn_tls_server_new(&options, &tls), CAIRN_ERR_BAD_ALGORITHM);
    options.identity.key_name = "sign-a";
    assert_int_equal(cairn_tls_server_new(&options, &tls), CAIRN_ERR_TX_WRONG_PURPOSE);
    options.identity.key_name = "tls-a";
    assert_int_equal(cairn_tls_server_new(&options, &tls), CAIRN_OK);
    cairn_tls_server_free(tls);
    cairn_signer_free(signer);
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_files),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_a_slow_signer_holds_up_nobody_else),
        cmocka_unit_test(test_a_signer_that_fails),
        cmocka_unit_test(test_a_signer_that_never_answers),
        cmocka_unit_test(test_stopped_while_it_waits),
        cmocka_unit_test(test_keys_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
