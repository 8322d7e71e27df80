/* Which clients a server accepts, and what their certificates say. */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/crypto/key_impl.h"
#include "core/crypto/openssl.h"
#include "core/net/tls_impl.h"

enum { SECURITY_BITS_MIN = 112 };

static int fail(X509_STORE_CTX *store, int reason)
{
    X509_STORE_CTX_set_error(store, reason);
    return 0;
}

static bool is_strong(X509 *certificate)
{
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    return key != NULL && EVP_PKEY_get_security_bits(key) >= SECURITY_BITS_MIN;
}

/* One certificate alone, signed by its own key, within its time. That the client has the key is
 * proved by the handshake. The reason tells cairn_tls_peer_read how it was accepted. */
static int accept_key(X509_STORE_CTX *store, X509 *certificate)
{
    if (!is_strong(certificate))
        return fail(store, X509_V_ERR_EE_KEY_TOO_SMALL);
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0)
        return fail(store, X509_V_ERR_CERT_NOT_YET_VALID);
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
        return fail(store, X509_V_ERR_CERT_HAS_EXPIRED);
    X509_STORE_CTX_set_error(store, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
    return 1;
}

/* What the callback needs; lives as long as the context that it belongs to. */
typedef struct acceptance {
    cairn_tls_trust trust;
    cairn_tls_vouch_fn vouch;
    void *vouch_context;
} acceptance;

/* Whoever vouches has looked at the whole certificate: issuer, signature, time, use. */
static int accept_vouched(X509_STORE_CTX *store, X509 *certificate, const acceptance *a)
{
    unsigned char *der = NULL;
    int size = a->vouch == NULL || !is_strong(certificate) ? 0 : i2d_X509(certificate, &der);
    bool good = size > 0 && a->vouch(a->vouch_context, cairn_bytes_of(der, (size_t)size));
    OPENSSL_free(der);
    ERR_clear_error();
    if (!good)
        return fail(store, X509_V_ERR_CERT_UNTRUSTED);
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

/* Instead of X509_verify_cert. */
static int accept_client(X509_STORE_CTX *store, void *context)
{
    const acceptance *a = context;
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    bool alone = sk_X509_num(X509_STORE_CTX_get0_untrusted(store)) == 1;
    if (a->trust != CAIRN_TLS_TRUST_CA && alone && X509_self_signed(certificate, 1) == 1)
        return accept_key(store, certificate);
    ERR_clear_error();
    if (a->trust == CAIRN_TLS_TRUST_ANY_KEY)
        return accept_vouched(store, certificate, a);
    int accepted = X509_verify_cert(store);
    if (accepted == 1 || a->trust == CAIRN_TLS_TRUST_CA)
        return accepted;
    int error = X509_STORE_CTX_get_error(store);
    if (accept_vouched(store, certificate, a) == 1)
        return 1;
    return fail(store, error);
}

static int acceptance_index;
static pthread_once_t acceptance_once = PTHREAD_ONCE_INIT;

static void free_acceptance(void *parent, void *a, CRYPTO_EX_DATA *data, int index, long argl,
                            void *argp)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)argl;
    (void)argp;
    free(a);
}

static void make_index(void)
{
    acceptance_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_acceptance);
}

static cairn_err use_acceptance(SSL_CTX *ctx, const cairn_tls_server_options *options)
{
    CAIRN_ASSERT(pthread_once(&acceptance_once, make_index) == 0);
    acceptance *a = malloc(sizeof *a);
    if (a == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "tls: clients");
    *a = (acceptance){options->trust, options->vouch, options->vouch_context};
    if (acceptance_index < 0 || SSL_CTX_set_ex_data(ctx, acceptance_index, a) != 1) {
        free(a);
        return cairn_openssl_fail("tls: clients");
    }
    SSL_CTX_set_cert_verify_callback(ctx, accept_client, a);
    return CAIRN_OK;
}

static cairn_err add_roots(SSL_CTX *ctx, const cairn_tls_server_options *options)
{
    STACK_OF(X509) *roots = NULL;
    CAIRN_TRY(cairn_tls_read_pem(options->client_cas_pem, INT32_MAX, "client CAs", &roots));
    bool good = true;
    for (int i = 0; good && i < sk_X509_num(roots); i++) {
        X509 *root = sk_X509_value(roots, i);
        good = X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), root) == 1;
        /* A client that may also show a bare key must not be told that only these issuers do. */
        if (good && options->trust == CAIRN_TLS_TRUST_CA)
            good = SSL_CTX_add_client_CA(ctx, root) == 1;
    }
    sk_X509_pop_free(roots, X509_free);
    return good ? CAIRN_OK : cairn_openssl_fail("tls: client CAs");
}

cairn_err cairn_tls_use_clients(SSL_CTX *ctx, const cairn_tls_server_options *options)
{
    if (options->clients == CAIRN_TLS_CLIENTS_NONE)
        return CAIRN_OK;
    if (options->trust != CAIRN_TLS_TRUST_ANY_KEY) {
        if (options->client_cas_pem.size == 0)
            return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "tls: trust in CAs, but none is given");
        CAIRN_TRY(add_roots(ctx, options));
    }
    int mode = SSL_VERIFY_PEER;
    if (options->clients == CAIRN_TLS_CLIENTS_REQUIRED)
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ctx, mode, NULL);
    SSL_CTX_set_verify_depth(ctx, CAIRN_TLS_CHAIN_MAX);
    SSL_CTX_set_max_cert_list(ctx, CAIRN_TLS_CHAIN_SIZE_MAX);
    return use_acceptance(ctx, options);
}

/* The kid, when the key is of a type that the ledger knows. */
static bool key_id_of(const EVP_PKEY *pkey, cairn_hash *ret_id)
{
    static const struct {
        const char *name, *group;
        cairn_key_type type;
    } rows[] = {{"EC", "prime256v1", CAIRN_KEY_P256},
                {"EC", "secp384r1", CAIRN_KEY_P384},
                {"ED25519", NULL, CAIRN_KEY_ED25519}};
    char group[64] = "";
    if (EVP_PKEY_is_a(pkey, "EC") == 1)
        (void)EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (EVP_PKEY_is_a(pkey, rows[i].name) != 1 ||
            (rows[i].group != NULL && strcmp(group, rows[i].group) != 0))
            continue;
        uint8_t point[KEY_POINT_SIZE_MAX];
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        size_t size = cairn_key_facts_of(rows[i].type)->point_size;
        if (cairn_key_pkey_point(rows[i].type, pkey, point) != CAIRN_OK ||
            cairn_key_from_public(rows[i].type, cairn_bytes_of(point, size), &key) != CAIRN_OK)
            return false;
        *ret_id = *cairn_key_id(key);
        return true;
    }
    return false;
}

static cairn_err read_certificate(X509 *certificate, cairn_tls_peer *peer)
{
    unsigned char *spki = NULL, *der = NULL;
    int spki_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
    int der_size = i2d_X509(certificate, &der);
    if (spki_size > 0)
        cairn_sha256_of(spki, (size_t)spki_size, &peer->spki);
    OPENSSL_free(spki);
    if (spki_size <= 0 || der_size <= 0) {
        OPENSSL_free(der);
        return cairn_openssl_fail("tls: client certificate");
    }
    peer->certificate = cairn_bytes_of(der, (size_t)der_size);
    peer->has_key_id = key_id_of(X509_get0_pubkey(certificate), &peer->key_id);
    return CAIRN_OK;
}

cairn_err cairn_tls_peer_read(SSL *ssl, cairn_tls_peer *ret_peer)
{
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    cairn_tls_peer peer = {.kind = CAIRN_TLS_PEER_NONE};
    if (certificate != NULL) {
        CAIRN_TRY(read_certificate(certificate, &peer));
        peer.kind =
            SSL_get_verify_result(ssl) == X509_V_OK ? CAIRN_TLS_PEER_ISSUED : CAIRN_TLS_PEER_KEY;
    }
    *ret_peer = peer;
    return CAIRN_OK;
}

void cairn_tls_peer_done(cairn_tls_peer *peer)
{
    OPENSSL_free((void *)(uintptr_t)peer->certificate.data);
    peer->certificate = cairn_bytes_of(NULL, 0);
}
