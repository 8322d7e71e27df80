/* Certificates made on the spot, and a TLS client that sends what it is told: what tests of TLS
 * need beside http_raw.h. Every failure fails the test. */
#ifndef CAIRN_TESTS_SUPPORT_TLS_CLIENT_H
#define CAIRN_TESTS_SUPPORT_TLS_CLIENT_H

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "cairn/bytes.h"
#include "support/http_raw.h"

typedef struct tls_party {
    EVP_PKEY *key;
    X509 *certificate;
} tls_party;

static inline EVP_PKEY *tls_make_key(const char *curve)
{
    EVP_PKEY *key = strcmp(curve, "ED25519") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                                  : EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
    assert_non_null(key);
    return key;
}

static inline void tls_extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* A certificate for `key` (a public part is enough), valid from and until so many seconds from now.
 * `issuer` NULL: by its own key. */
static inline X509 *tls_make_certificate(EVP_PKEY *key, const char *name, const tls_party *issuer,
                                         bool ca, long from_s, long until_s)
{
    static long serial;
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), from_s));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), until_s));
    X509_NAME *subject = X509_get_subject_name(certificate);
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    X509 *by = issuer != NULL ? issuer->certificate : certificate;
    assert_int_equal(X509_set_issuer_name(certificate, X509_get_subject_name(by)), 1);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    tls_extend(certificate, by, NID_basic_constraints, ca ? "critical,CA:TRUE" : "CA:FALSE");
    tls_extend(certificate, by, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    EVP_PKEY *signing_key = issuer != NULL ? issuer->key : key;
    const EVP_MD *digest = EVP_PKEY_is_a(signing_key, "ED25519") ? NULL : EVP_sha256();
    assert_true(X509_sign(certificate, signing_key, digest) > 0);
    return certificate;
}

static inline tls_party tls_make(const char *curve, const char *name, const tls_party *issuer,
                                 bool ca)
{
    tls_party party = {.key = tls_make_key(curve)};
    party.certificate = tls_make_certificate(party.key, name, issuer, ca, -60, 3600);
    return party;
}

static inline void tls_party_done(tls_party *party)
{
    X509_free(party->certificate);
    EVP_PKEY_free(party->key);
}

/* PEM of a certificate or of a private key in `text`. */
static inline cairn_bytes tls_pem(X509 *certificate, EVP_PKEY *key, char *text, size_t room)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_non_null(bio);
    if (certificate != NULL)
        assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    if (key != NULL)
        assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    int size = BIO_read(bio, text, (int)room - 1);
    assert_true(size > 0 && (size_t)size < room - 1);
    text[size] = '\0';
    BIO_free(bio);
    return cairn_bytes_of(text, (size_t)size);
}

/* A client's end. */
typedef struct tls_client {
    int fd;
    SSL *ssl;
} tls_client;

/* `party` NULL: without a certificate; `alpn` in wire form or NULL. */
static inline SSL_CTX *tls_client_context(const tls_party *party, int version, const char *alpn)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(ctx);
    assert_int_equal(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
    if (alpn != NULL)
        assert_int_equal(
            SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)alpn, (unsigned)strlen(alpn)), 0);
    if (party != NULL) {
        assert_int_equal(SSL_CTX_use_certificate(ctx, party->certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(ctx, party->key), 1);
    }
    return ctx;
}

/* Connects; false when the handshake fails on our side. */
static inline bool tls_connect(tls_client *client, uint16_t port, SSL_CTX *ctx)
{
    client->fd = raw_connect(port);
    client->ssl = SSL_new(ctx);
    assert_non_null(client->ssl);
    assert_int_equal(SSL_set_fd(client->ssl, client->fd), 1);
    bool good = SSL_connect(client->ssl) == 1;
    ERR_clear_error();
    return good;
}

static inline void tls_close(tls_client *client)
{
    SSL_free(client->ssl);
    (void)close(client->fd);
}

static inline void tls_send(const tls_client *client, const char *text)
{
    size_t done = 0;
    assert_int_equal(SSL_write_ex(client->ssl, text, strlen(text), &done), 1);
    assert_int_equal(done, strlen(text));
}

/* Reads until the text holds `stop`, or to the end (also by a reset) when it is NULL. */
static inline size_t tls_receive(const tls_client *client, char *text, size_t room,
                                 const char *stop)
{
    size_t size = 0;
    text[0] = '\0';
    while (stop == NULL || strstr(text, stop) == NULL) {
        size_t n = 0;
        assert_true(size + 1 < room);
        if (SSL_read_ex(client->ssl, text + size, room - size - 1, &n) != 1)
            break;
        size += n;
        text[size] = '\0';
    }
    ERR_clear_error();
    if (stop != NULL)
        assert_non_null(strstr(text, stop));
    return size;
}

#endif
