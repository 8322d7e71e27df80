/* A CA in a directory of its own, with keys in memory, a clock that stands still, and requests made
 * by OpenSSL. */
#ifndef CAIRN_TESTS_SUPPORT_CA_FIXTURE_H
#define CAIRN_TESTS_SUPPORT_CA_FIXTURE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/crypto/signer_impl.h"
#include "core/store/file.h"
#include "identity/ca/ca.h"

/* --- a signer that can be told to fail --- */

static bool ca_signer_fails;
static unsigned ca_signer_count; /* signatures asked for */

static cairn_err ca_signer_open(void *state, cairn_signer *signer)
{
    (void)state;
    (void)signer;
    return CAIRN_OK;
}

static cairn_err ca_signer_generate(void *state, const char *name, cairn_key_type type,
                                    cairn_key **ret_public, void **ret_private)
{
    (void)state;
    (void)name;
    cairn_key *key = NULL;
    CAIRN_TRY(cairn_key_generate(type, &key));
    CAIRN_TRY(cairn_key_from_public(type, cairn_key_public(key), ret_public));
    *ret_private = key;
    return CAIRN_OK;
}

static cairn_err ca_signer_sign(void *state, const cairn_signer_key *key, cairn_bytes message,
                                uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    (void)state;
    ca_signer_count++;
    if (ca_signer_fails)
        return CAIRN_FAIL(CAIRN_ERR_TOKEN, "house", "signer: told to fail");
    return cairn_key_sign(key->private_part, message, ret_signature, ret_size);
}

static void ca_signer_drop(void *private_part)
{
    cairn_key_free(private_part);
}

static void ca_signer_close(void *state)
{
    (void)state;
}

static inline cairn_err ca_signer_new(cairn_signer **ret_signer)
{
    static const cairn_signer_backend backend = {.open = ca_signer_open,
                                                 .generate = ca_signer_generate,
                                                 .sign = ca_signer_sign,
                                                 .drop = ca_signer_drop,
                                                 .close = ca_signer_close};
    return cairn_signer_start_take(&backend, NULL, ret_signer);
}

/* --- the CA --- */

enum { CA_FIXTURE_START_S = 1800000000 }; /* 2027-01-15T08:00:00Z */

typedef struct ca_fixture {
    char directory[64];
    char path[96];
    cairn_signer *signer;
    cairn_clock_manual manual;
    cairn_clock clock;
    cairn_ca_options options;
    cairn_ca *ca;
    cairn_arena arena;
} ca_fixture;

static const cairn_ca_name ca_fixture_permitted[] = {
    {CAIRN_CA_NAME_DNS, {(const uint8_t *)"example.com", 11}},
    {CAIRN_CA_NAME_IP, {(const uint8_t *)"\x0a\x00\x00\x00\xff\x00\x00\x00", 8}},
    {CAIRN_CA_NAME_EMAIL, {(const uint8_t *)"operator.example", 16}},
};

static inline cairn_err ca_fixture_open(ca_fixture *f)
{
    return cairn_ca_open(&f->options, &f->clock, f->signer, &f->ca);
}

/* `start_s` 0: the usual time. */
static inline void ca_fixture_init(ca_fixture *f, uint64_t start_s)
{
    *f = (ca_fixture){.directory = "/tmp/cairn-ca-XXXXXX"};
    CAIRN_ASSERT(mkdtemp(f->directory) != NULL);
    (void)snprintf(f->path, sizeof f->path, "%s/ca", f->directory);
    f->manual.wall_ms = (start_s == 0 ? (uint64_t)CA_FIXTURE_START_S : start_s) * 1000;
    f->clock = cairn_clock_of_manual(&f->manual);
    f->options = cairn_ca_defaults();
    f->options.directory = f->path;
    memset(f->options.organisation.b, 0xab, sizeof f->options.organisation.b);
    f->options.organisation_name = "Example Motors";
    f->options.base_url = "http://127.0.0.1:18080/ca/abab";
    f->options.permitted = ca_fixture_permitted;
    f->options.permitted_count = 3;
    f->options.map_size = 256 << 20;
    cairn_arena_init(&f->arena, 64 << 20);
    ca_signer_fails = false;
    cairn_err err = ca_signer_new(&f->signer);
    CAIRN_ASSERT(err == CAIRN_OK);
}

static inline cairn_err ca_fixture_remove_one(void *context, const char *name)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(context, name, path));
    return cairn_file_remove(path);
}

static inline void ca_fixture_done(ca_fixture *f)
{
    cairn_ca_close(f->ca);
    cairn_signer_free(f->signer);
    cairn_arena_done(&f->arena);
    cairn_err err = cairn_dir_each(f->path, ca_fixture_remove_one, f->path);
    (void)err;
    (void)rmdir(f->path);
    (void)rmdir(f->directory);
}

/* --- requests --- */

static inline EVP_PKEY *ca_key(const char *type)
{
    EVP_PKEY *key = strcmp(type, "ED25519") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                    : strcmp(type, "RSA") == 0   ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", 2048UL)
                                                 : EVP_PKEY_Q_keygen(NULL, NULL, "EC", type);
    CAIRN_ASSERT(key != NULL);
    return key;
}

typedef struct ca_csr_wish {
    const char *type; /* of the key, when `key` is NULL: "P-256", "P-384", "ED25519", "RSA" */
    EVP_PKEY *key;    /* borrowed */
    const EVP_MD *md; /* NULL: SHA-256, or SHA-384 for P-384 */
    const char *common_name;
    const char *organisation;
    const char *serial_number;
    const char *alt_names; /* as in openssl.cnf */
    const char *usage;     /* extendedKeyUsage asked for */
} ca_csr_wish;

static inline void ca_csr_attribute(X509_NAME *name, const char *field, const char *value)
{
    if (value != NULL)
        CAIRN_ASSERT(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                                (const unsigned char *)value, -1, -1, 0) == 1);
}

static inline void ca_csr_extension(STACK_OF(X509_EXTENSION) * list, int nid, const char *value)
{
    if (value == NULL)
        return;
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    CAIRN_ASSERT(extension != NULL && sk_X509_EXTENSION_push(list, extension) > 0);
}

/* DER of a request, in the arena. */
static inline cairn_bytes ca_csr(cairn_arena *arena, const ca_csr_wish *wish)
{
    EVP_PKEY *key = wish->key != NULL ? wish->key : ca_key(wish->type);
    X509_REQ *req = X509_REQ_new();
    STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
    CAIRN_ASSERT(req != NULL && list != NULL && X509_REQ_set_pubkey(req, key) == 1);
    X509_NAME *name = X509_REQ_get_subject_name(req);
    ca_csr_attribute(name, "O", wish->organisation);
    ca_csr_attribute(name, "CN", wish->common_name);
    ca_csr_attribute(name, "serialNumber", wish->serial_number);
    ca_csr_extension(list, NID_subject_alt_name, wish->alt_names);
    ca_csr_extension(list, NID_ext_key_usage, wish->usage);
    if (sk_X509_EXTENSION_num(list) > 0)
        CAIRN_ASSERT(X509_REQ_add_extensions(req, list) == 1);
    const EVP_MD *md = wish->md;
    if (md == NULL && !EVP_PKEY_is_a(key, "ED25519"))
        md = EVP_PKEY_get_bits(key) == 384 ? EVP_sha384() : EVP_sha256();
    CAIRN_ASSERT(X509_REQ_sign(req, key, md) > 0);
    unsigned char *der = NULL;
    int size = i2d_X509_REQ(req, &der);
    CAIRN_ASSERT(size > 0);
    cairn_bytes copy = {0};
    cairn_err err = cairn_arena_copy(arena, cairn_bytes_of(der, (size_t)size), &copy);
    CAIRN_ASSERT(err == CAIRN_OK);
    OPENSSL_free(der);
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    X509_REQ_free(req);
    if (wish->key == NULL)
        EVP_PKEY_free(key);
    return copy;
}

/* What each profile is asked for with. */
static const cairn_ca_name ca_fixture_dns[] = {
    {CAIRN_CA_NAME_DNS, {(const uint8_t *)"node.example.com", 16}},
    {CAIRN_CA_NAME_IP, {(const uint8_t *)"\x0a\x01\x02\x03", 4}},
};
static const cairn_ca_name ca_fixture_realm[] = {
    {CAIRN_CA_NAME_EMAIL, {(const uint8_t *)"d-17@operator.example", 21}},
};

static inline cairn_ca_grant ca_grant_of(cairn_ca_profile profile)
{
    cairn_ca_grant grant = {.common_name = cairn_bytes_str("subject one")};
    if (cairn_ca_profile_of(profile)->device)
        grant.device = cairn_bytes_str("d-17");
    if (profile == CAIRN_CA_TLS_SERVER) {
        grant.names = ca_fixture_dns;
        grant.name_count = 2;
    } else if (profile == CAIRN_CA_DEVICE_NETWORK) {
        grant.names = ca_fixture_realm;
        grant.name_count = 1;
    }
    return grant;
}

/* A certificate of the profile for a new P-256 key. */
static inline cairn_err ca_issue_one(ca_fixture *f, cairn_ca_profile profile,
                                     cairn_ca_issued *ret_issued)
{
    const cairn_ca_grant grant = ca_grant_of(profile);
    cairn_bytes csr = ca_csr(&f->arena, &(ca_csr_wish){.type = "P-256"});
    return cairn_ca_issue(f->ca, profile, csr, &grant, &f->arena, ret_issued);
}

#endif
