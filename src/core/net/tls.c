/* The server's context, its identity, and the swap of both while it serves. */
#include "core/net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/crypto/openssl.h"
#include "core/crypto/pem.h"
#include "core/net/tls_impl.h"

struct cairn_tls_server {
    pthread_mutex_t lock; /* guards what follows; loops take it once a handshake */
    SSL_CTX *ctx;
    bool remote_key; /* handshakes wait for a signer */
};

static cairn_err open_pem(cairn_bytes pem, const char *what, BIO **ret_bio)
{
    CAIRN_TRY(cairn_pem_check_clear(pem, what));
    if (pem.size > INT32_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "tls: PEM");
    *ret_bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    return *ret_bio != NULL ? CAIRN_OK : cairn_openssl_fail("tls: PEM");
}

cairn_err cairn_tls_read_pem(cairn_bytes pem, int max, const char *what,
                             STACK_OF(X509) * *ret_certificates)
{
    BIO *bio = NULL;
    CAIRN_TRY(open_pem(pem, what, &bio));
    STACK_OF(X509) *list = sk_X509_new_null();
    X509 *certificate = NULL;
    bool good = list != NULL;
    while (good &&
           (certificate = PEM_read_bio_X509(bio, NULL, cairn_pem_no_password, NULL)) != NULL) {
        good = sk_X509_num(list) < max && sk_X509_push(list, certificate) > 0;
        if (!good)
            X509_free(certificate);
    }
    BIO_free(bio);
    /* The end of the text is the one error that is none. */
    good &= ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (good && sk_X509_num(list) > 0) {
        *ret_certificates = list;
        return CAIRN_OK;
    }
    sk_X509_pop_free(list, X509_free);
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 7468", "tls: %s: not 1 to %d PEM certificates",
                      what, max);
}

static cairn_err read_key(const cairn_tls_identity *identity, EVP_PKEY **ret_key)
{
    if (identity->signer != NULL)
        return cairn_tls_key_new(identity->signer, identity->key_name, ret_key);
    BIO *bio = NULL;
    CAIRN_TRY(open_pem(identity->key_pem, "tls: key", &bio));
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, cairn_pem_no_password, NULL);
    BIO_free(bio);
    ERR_clear_error();
    if (key == NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "RFC 7468", "tls: key: not a PEM key");
    *ret_key = key;
    return CAIRN_OK;
}

static cairn_err use_chain(SSL_CTX *ctx, const STACK_OF(X509) * chain)
{
    bool good = SSL_CTX_use_certificate(ctx, sk_X509_value(chain, 0)) == 1;
    for (int i = 1; good && i < sk_X509_num(chain); i++)
        good = SSL_CTX_add1_chain_cert(ctx, sk_X509_value(chain, i)) == 1;
    return good ? CAIRN_OK : cairn_openssl_fail("tls: certificate chain");
}

cairn_err cairn_tls_use_identity(SSL_CTX *ctx, const cairn_tls_identity *identity)
{
    STACK_OF(X509) *chain = NULL;
    CAIRN_TRY(cairn_tls_read_pem(identity->chain_pem, CAIRN_TLS_CHAIN_MAX, "chain", &chain));
    cairn_err err = use_chain(ctx, chain);
    sk_X509_pop_free(chain, X509_free);
    CAIRN_TRY(err);
    EVP_PKEY *key = NULL;
    CAIRN_TRY(read_key(identity, &key));
    bool good = SSL_CTX_use_PrivateKey(ctx, key) == 1; /* also compares it with the certificate */
    EVP_PKEY_free(key);
    ERR_clear_error();
    return good ? CAIRN_OK
                : CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "house",
                             "tls: key: not that of the chain's first certificate");
}

/* RFC 7301: a client that offers protocols must offer ours. */
static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                           const unsigned char *in, unsigned in_size, void *context)
{
    static const unsigned char http_1_1[] = "\x08http/1.1";
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)context;
    if (SSL_select_next_proto(&chosen, out_size, http_1_1, sizeof http_1_1 - 1, in, in_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool set_options(SSL_CTX *ctx)
{
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1); /* a record in one read, not two */
    SSL_CTX_set_alpn_select_cb(ctx, select_protocol, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_num_tickets(ctx, 0) == 1 && SSL_CTX_set_max_early_data(ctx, 0) == 1 &&
           SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1;
}

static cairn_err make_context(const cairn_tls_server_options *options, SSL_CTX **ret_ctx)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL || !set_options(ctx)) {
        SSL_CTX_free(ctx);
        return cairn_openssl_fail("tls: context");
    }
    cairn_err err = cairn_tls_use_identity(ctx, &options->identity);
    if (err == CAIRN_OK)
        err = cairn_tls_use_clients(ctx, options);
    if (err == CAIRN_OK)
        *ret_ctx = ctx;
    else
        SSL_CTX_free(ctx);
    return err;
}

cairn_err cairn_tls_server_new(const cairn_tls_server_options *options, cairn_tls_server **ret_tls)
{
    SSL_CTX *ctx = NULL;
    CAIRN_TRY(make_context(options, &ctx));
    cairn_tls_server *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        SSL_CTX_free(ctx);
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "tls: server");
    }
    CAIRN_ASSERT(pthread_mutex_init(&tls->lock, NULL) == 0);
    tls->ctx = ctx;
    tls->remote_key = options->identity.signer != NULL;
    *ret_tls = tls;
    return CAIRN_OK;
}

cairn_err cairn_tls_server_reload(cairn_tls_server *tls, const cairn_tls_server_options *options)
{
    SSL_CTX *ctx = NULL;
    CAIRN_TRY(make_context(options, &ctx));
    CAIRN_ASSERT(pthread_mutex_lock(&tls->lock) == 0);
    SSL_CTX *old = tls->ctx;
    tls->ctx = ctx;
    tls->remote_key = options->identity.signer != NULL;
    CAIRN_ASSERT(pthread_mutex_unlock(&tls->lock) == 0);
    SSL_CTX_free(old); /* each connection has its own reference */
    return CAIRN_OK;
}

void cairn_tls_server_free(cairn_tls_server *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->ctx);
    CAIRN_ASSERT(pthread_mutex_destroy(&tls->lock) == 0);
    free(tls);
}

cairn_err cairn_tls_server_accept(cairn_tls_server *tls, int fd, SSL **ret_ssl)
{
    CAIRN_ASSERT(pthread_mutex_lock(&tls->lock) == 0);
    SSL *ssl = SSL_new(tls->ctx);
    bool remote_key = tls->remote_key;
    CAIRN_ASSERT(pthread_mutex_unlock(&tls->lock) == 0);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return cairn_openssl_fail("tls: connection");
    }
    SSL_set_accept_state(ssl);
    if (remote_key)
        (void)SSL_set_mode(ssl, SSL_MODE_ASYNC);
    *ret_ssl = ssl;
    return CAIRN_OK;
}
