/* The server's identity from files, or a certificate of our own. OpenSSL builds what is to be
 * signed; the signature is the signer's, so the three parts are put together by hand. */
#include "node/node_tls.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "cairn/sha256.h"
#include "core/clock.h"
#include "core/crypto/openssl.h"
#include "core/crypto/pem.h"
#include "core/store/file.h"

enum {
    PEM_SIZE_MAX = 256 << 10,
    ARENA_SIZE_MAX = 1 << 20,
    CERTIFICATE_SIZE_MAX = 4096,
    LIFE_DAYS = 397,
    RENEW_DAYS = 30,
};
static const char clause[] = "RFC 5280 section 4.1";

/* --- what is to be signed --- */

/* The signer's public key as OpenSSL's. */
static cairn_err to_pkey(cairn_arena *arena, const cairn_key *key, EVP_PKEY **ret_pkey)
{
    cairn_bytes pem;
    CAIRN_TRY(cairn_key_to_pem(key, false, arena, &pem));
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    *ret_pkey = bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return *ret_pkey != NULL ? CAIRN_OK : cairn_openssl_fail("certificate: key");
}

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool good = extension != NULL && X509_add_ext(x, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

static bool set_serial(X509 *x)
{
    uint8_t random[16];
    BIGNUM *number = NULL;
    if (RAND_bytes(random, sizeof random) != 1)
        return false;
    random[0] = (uint8_t)((random[0] & 0x7f) | 0x40); /* positive, always of the same size */
    number = BN_bin2bn(random, sizeof random, NULL);
    bool good = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
    BN_free(number);
    return good;
}

static bool set_name(X509 *x)
{
    X509_NAME *name = X509_get_subject_name(x);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"cairn node", -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(x, name) == 1;
}

/* Names under which the node is called: its address, localhost on loopback, the host of its URL. */
static void write_names(const cairn_config *config, char *out, size_t size)
{
    const char *address = cairn_config_text(config, "node.address");
    const char *url = cairn_config_text(config, "node.url");
    int used = snprintf(out, size, "IP:%s,DNS:localhost,IP:127.0.0.1,IP:::1",
                        strcmp(address, "0.0.0.0") == 0 ? "127.0.0.1" : address);
    const char *host = strstr(url, "://");
    if (host == NULL)
        return;
    host += 3;
    int length = (int)strcspn(host, ":/");
    if (host[0] != '[' && length > 0)
        (void)snprintf(out + used, size - (size_t)used, ",DNS:%.*s", length, host);
}

static cairn_err fill(X509 *x, EVP_PKEY *key, const cairn_config *config, time_t now)
{
    char names[512];
    write_names(config, names, sizeof names);
    bool good = X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) && set_name(x) &&
                X509_set_pubkey(x, key) == 1 &&
                ASN1_TIME_adj(X509_getm_notBefore(x), now, 0, -300) != NULL &&
                ASN1_TIME_adj(X509_getm_notAfter(x), now, LIFE_DAYS, 0) != NULL &&
                add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
                add_extension(x, NID_key_usage, "critical,digitalSignature") &&
                add_extension(x, NID_ext_key_usage, "serverAuth") &&
                add_extension(x, NID_subject_alt_name, names);
    return good ? CAIRN_OK : cairn_openssl_fail("certificate: fields");
}

/* --- the three parts: tbsCertificate, ecdsa-with-SHA256, signature --- */

static size_t put_head(uint8_t *out, uint8_t tag, size_t size)
{
    out[0] = tag;
    if (size < 0x80) {
        out[1] = (uint8_t)size;
        return 2;
    }
    out[1] = 0x82;
    cairn_put_u16(out + 2, (uint16_t)size);
    return 4;
}

/* ECDSA-Sig-Value of r ‖ s. */
static cairn_err signature_der(cairn_bytes signature, uint8_t out[80], size_t *ret_size)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.data, 32, NULL);
    BIGNUM *s = BN_bin2bn(signature.data + 32, 32, NULL);
    int size = -1;
    if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = NULL;
        s = NULL;
        size = i2d_ECDSA_SIG(sig, &out);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    if (size <= 0)
        return cairn_openssl_fail("certificate: signature");
    *ret_size = (size_t)size;
    return CAIRN_OK;
}

static cairn_err join(cairn_bytes tbs, cairn_bytes signature, uint8_t ret_der[CERTIFICATE_SIZE_MAX],
                      size_t *ret_size)
{
    static const uint8_t algorithm[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                        0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    uint8_t der[80];
    uint8_t bits[4];
    uint8_t head[4];
    size_t size = 0;
    CAIRN_TRY(signature_der(signature, der, &size));
    size_t bits_size = put_head(bits, 0x03, size + 1);
    size_t total = tbs.size + sizeof algorithm + bits_size + 1 + size;
    if (total > CERTIFICATE_SIZE_MAX - 4)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "certificate: %zu bytes", total);
    size_t head_size = put_head(head, 0x30, total);
    const cairn_bytes parts[] = {
        {head, head_size},        tbs,        {algorithm, sizeof algorithm}, {bits, bits_size},
        {(const uint8_t *)"", 1}, {der, size}};
    uint8_t *at = ret_der;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        memcpy(at, parts[i].data, parts[i].size);
        at += parts[i].size;
    }
    *ret_size = (size_t)(at - ret_der);
    return CAIRN_OK;
}

/* ecdsa-with-SHA256 is named inside what is signed, too. */
static cairn_err name_algorithm(X509 *x)
{
    X509_ALGOR *algorithm = (X509_ALGOR *)(uintptr_t)X509_get0_tbs_sigalg(x);
    if (X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF, NULL) != 1)
        return cairn_openssl_fail("certificate: algorithm");
    return CAIRN_OK;
}

static cairn_err sign(X509 *x, cairn_signer *signer, uint8_t ret_der[CERTIFICATE_SIZE_MAX],
                      size_t *ret_size)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    uint8_t *tbs = NULL;
    CAIRN_TRY(name_algorithm(x));
    int tbs_size = i2d_re_X509_tbs(x, &tbs);
    if (tbs_size <= 0)
        return cairn_openssl_fail("certificate: tbs");
    const cairn_bytes message = {tbs, (size_t)tbs_size};
    cairn_err err = cairn_signer_sign_wait_for(signer, CAIRN_SIGNER_FOR_TLS, CAIRN_NODE_TLS_KEY,
                                               message, signature, &size);
    if (err == CAIRN_OK)
        err = join(message, cairn_bytes_of(signature, size), ret_der, ret_size);
    OPENSSL_free(tbs);
    return err;
}

static cairn_err make_der(cairn_arena *arena, const cairn_config *config, cairn_signer *signer,
                          const cairn_key *key, time_t now, uint8_t ret_der[CERTIFICATE_SIZE_MAX],
                          size_t *ret_size)
{
    EVP_PKEY *pkey = NULL;
    CAIRN_TRY(to_pkey(arena, key, &pkey));
    X509 *x = X509_new();
    cairn_err err = x == NULL ? cairn_openssl_fail("certificate") : fill(x, pkey, config, now);
    if (err == CAIRN_OK)
        err = sign(x, signer, ret_der, ret_size);
    X509_free(x);
    EVP_PKEY_free(pkey);
    return err;
}

/* --- a certificate of our own --- */

/* Is the node called by the names that the certificate has, all of them and no others? */
static bool has_names(X509 *x, const cairn_config *config)
{
    char names[512];
    write_names(config, names, sizeof names);
    X509_EXTENSION *wanted = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    int at = X509_get_ext_by_NID(x, NID_subject_alt_name, -1);
    bool good = wanted != NULL && at >= 0 &&
                ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(wanted),
                                      X509_EXTENSION_get_data(X509_get_ext(x, at))) == 0;
    X509_EXTENSION_free(wanted);
    return good;
}

/* Is the kept certificate the key's, with the node's names, and good for a while? */
static bool still_good(cairn_arena *arena, const cairn_config *config, cairn_bytes pem,
                       const cairn_key *key, time_t now)
{
    EVP_PKEY *pkey = NULL;
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    X509 *x = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, cairn_pem_no_password, NULL);
    time_t soon = now + (time_t)RENEW_DAYS * 86400;
    bool good = x != NULL && to_pkey(arena, key, &pkey) == CAIRN_OK &&
                EVP_PKEY_eq(X509_get0_pubkey(x), pkey) == 1 && has_names(x, config) &&
                X509_cmp_time(X509_get0_notAfter(x), &soon) > 0;
    EVP_PKEY_free(pkey);
    X509_free(x);
    BIO_free(bio);
    return good;
}

static cairn_err find_or_make_key(cairn_signer *signer, cairn_key **ret_key)
{
    cairn_err err = cairn_signer_public(signer, CAIRN_NODE_TLS_KEY, ret_key);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    return cairn_signer_generate(signer, CAIRN_NODE_TLS_KEY, CAIRN_KEY_P256, ret_key);
}

cairn_err cairn_node_tls_pin(cairn_arena *arena, cairn_signer *signer, cairn_hash *ret_pin)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_bytes pem;
    cairn_bytes der;
    CAIRN_TRY(find_or_make_key(signer, &key));
    CAIRN_TRY(cairn_key_to_pem(key, false, arena, &pem));
    CAIRN_TRY(cairn_pem_decode(arena, "PUBLIC KEY", pem, &der));
    cairn_sha256_of(der.data, der.size, ret_pin);
    return CAIRN_OK;
}

static cairn_err own_certificate(cairn_arena *arena, const char *directory,
                                 const cairn_config *config, cairn_signer *signer,
                                 const cairn_clock *clock, cairn_bytes *ret_pem)
{
    char path[CAIRN_PATH_SIZE_MAX];
    uint8_t der[CERTIFICATE_SIZE_MAX];
    size_t size = 0;
    time_t now = (time_t)(cairn_clock_wall_ms(clock) / 1000);
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(cairn_path_join(directory, "tls", path));
    CAIRN_TRY(cairn_dir_make(path, 0755));
    CAIRN_TRY(cairn_path_join(directory, "tls/node.pem", path));
    CAIRN_TRY(find_or_make_key(signer, &key));
    cairn_err err = cairn_file_read(arena, path, PEM_SIZE_MAX, ret_pem);
    if (err == CAIRN_OK && still_good(arena, config, *ret_pem, key, now))
        return CAIRN_OK;
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    CAIRN_TRY(make_der(arena, config, signer, key, now, der, &size));
    CAIRN_TRY(cairn_pem_encode(arena, "CERTIFICATE", cairn_bytes_of(der, size), ret_pem));
    return cairn_file_replace(path, 0644, *ret_pem, NULL);
}

/* --- options --- */

static cairn_err read_file(cairn_arena *arena, const cairn_config *config, const char *option,
                           cairn_bytes *ret_pem)
{
    const char *path = cairn_config_text(config, option);
    cairn_err err = cairn_file_read(arena, path, PEM_SIZE_MAX, ret_pem);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "cairn.yaml: %s: there is no %s", option,
                          path);
    return err;
}

static cairn_err read_identity(cairn_arena *arena, const char *directory,
                               const cairn_config *config, cairn_signer *signer,
                               const cairn_clock *clock, cairn_tls_identity *ret_identity)
{
    cairn_tls_identity identity = {.signer = signer, .key_name = CAIRN_NODE_TLS_KEY};
    if (cairn_config_text(config, "node.certificate")[0] == '\0')
        CAIRN_TRY(own_certificate(arena, directory, config, signer, clock, &identity.chain_pem));
    else
        CAIRN_TRY(read_file(arena, config, "node.certificate", &identity.chain_pem));
    if (cairn_config_text(config, "node.certificate_key")[0] != '\0') {
        CAIRN_TRY(read_file(arena, config, "node.certificate_key", &identity.key_pem));
        identity.signer = NULL;
        identity.key_name = NULL;
    }
    *ret_identity = identity;
    return CAIRN_OK;
}

/* One text of both. */
static cairn_err join_cas(cairn_arena *arena, cairn_bytes a, cairn_bytes b, cairn_bytes *ret_pem)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, a.size + 1 + b.size, &memory));
    char *at = memory;
    memcpy(at, a.data, a.size);
    at[a.size] = '\n'; /* a file need not end its last line */
    memcpy(at + a.size + 1, b.data, b.size);
    *ret_pem = cairn_bytes_of(at, a.size + 1 + b.size);
    return CAIRN_OK;
}

static cairn_err read_cas(cairn_arena *arena, const cairn_node_tls_setup *setup,
                          cairn_tls_server_options *options)
{
    options->client_cas_pem = setup->own_cas;
    if (cairn_config_text(setup->config, "node.client_cas")[0] != '\0') {
        cairn_bytes pem = {0};
        CAIRN_TRY(read_file(arena, setup->config, "node.client_cas", &pem));
        options->client_cas_pem = pem;
        if (setup->own_cas.size > 0)
            CAIRN_TRY(join_cas(arena, pem, setup->own_cas, &options->client_cas_pem));
    }
    if (options->client_cas_pem.size > 0)
        options->trust = CAIRN_TLS_TRUST_CA_OR_ANY_KEY;
    return CAIRN_OK;
}

static cairn_err read_options(cairn_arena *arena, const cairn_node_tls_setup *setup,
                              cairn_tls_server_options *ret_options)
{
    cairn_tls_server_options options = {.clients = CAIRN_TLS_CLIENTS_OPTIONAL,
                                        .trust = CAIRN_TLS_TRUST_ANY_KEY,
                                        .vouch = setup->vouch,
                                        .vouch_context = setup->vouch_context};
    CAIRN_TRY(read_identity(arena, setup->directory, setup->config, setup->signer, &setup->clock,
                            &options.identity));
    CAIRN_TRY(read_cas(arena, setup, &options));
    *ret_options = options;
    return CAIRN_OK;
}

cairn_err cairn_node_tls_new(const cairn_node_tls_setup *setup, cairn_tls_server **ret_tls)
{
    cairn_tls_server_options options;
    cairn_arena arena;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    cairn_err err = read_options(&arena, setup, &options);
    if (err == CAIRN_OK)
        err = cairn_tls_server_new(&options, ret_tls);
    cairn_arena_done(&arena);
    return err;
}

cairn_err cairn_node_tls_reload(const cairn_node_tls_setup *setup, cairn_tls_server *tls)
{
    cairn_tls_server_options options;
    cairn_arena arena;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    cairn_err err = read_options(&arena, setup, &options);
    if (err == CAIRN_OK)
        err = cairn_tls_server_reload(tls, &options);
    cairn_arena_done(&arena);
    return err;
}

static bool is_due(cairn_arena *arena, const cairn_node_tls_setup *setup)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_bytes pem = {0};
    time_t now = (time_t)(cairn_clock_wall_ms(&setup->clock) / 1000);
    return cairn_path_join(setup->directory, "tls/node.pem", path) == CAIRN_OK &&
           cairn_signer_public(setup->signer, CAIRN_NODE_TLS_KEY, &key) == CAIRN_OK &&
           cairn_file_read(arena, path, PEM_SIZE_MAX, &pem) == CAIRN_OK &&
           !still_good(arena, setup->config, pem, key, now);
}

bool cairn_node_tls_is_due(const cairn_node_tls_setup *setup)
{
    cairn_arena arena;
    if (cairn_config_text(setup->config, "node.certificate")[0] != '\0')
        return false;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    bool due = is_due(&arena, setup);
    cairn_arena_done(&arena);
    return due;
}
