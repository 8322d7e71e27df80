/* The CA: every profile as OpenSSL sees it, revocation, renewal, and what survives a reopening. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>

#include "cairn/sha256.h"
#include "identity/ca/ca_impl.h"
#include "support/ca_fixture.h"

static int set_up(void **state)
{
    static ca_fixture f;
    ca_fixture_init(&f, 0);
    assert_int_equal(ca_fixture_open(&f), CAIRN_OK);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    ca_fixture_done(*state);
    return 0;
}

static X509 *read_cert(cairn_bytes der)
{
    const unsigned char *at = der.data;
    X509 *cert = d2i_X509(NULL, &at, (long)der.size);
    assert_non_null(cert);
    assert_ptr_equal(at, der.data + der.size);
    return cert;
}

static X509_CRL *read_crl(ca_fixture *f, uint32_t partition)
{
    cairn_bytes der = {0};
    uint64_t next_s = 0;
    assert_int_equal(cairn_ca_crl(f->ca, partition, &f->arena, &der, &next_s), CAIRN_OK);
    const unsigned char *at = der.data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.size);
    assert_non_null(crl);
    return crl;
}

/* X509_V_OK, or what OpenSSL has against the certificate: chain, purpose, names and both lists. */
static int verify(ca_fixture *f, cairn_bytes der, int purpose)
{
    cairn_bytes issuing = {0};
    cairn_bytes root = {0};
    cairn_ca_chain(f->ca, &issuing, &root);
    X509 *cert = read_cert(der);
    X509 *middle = read_cert(issuing);
    X509 *anchor = read_cert(root);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *between = sk_X509_new_null();
    assert_true(sk_X509_push(between, middle) > 0);
    assert_int_equal(X509_STORE_add_cert(store, anchor), 1);
    const uint32_t partitions[] = {0, 1, CAIRN_CA_PARTITION_ROOT};
    for (size_t i = 0; i < 3; i++) {
        cairn_bytes list = {0};
        uint64_t next_s = 0;
        if (cairn_ca_crl(f->ca, partitions[i], &f->arena, &list, &next_s) != CAIRN_OK)
            continue;
        X509_CRL *crl = read_crl(f, partitions[i]);
        assert_int_equal(X509_STORE_add_crl(store, crl), 1);
        X509_CRL_free(crl);
    }
    assert_int_equal(X509_STORE_CTX_init(ctx, store, cert, between), 1);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)(f->manual.wall_ms / 1000));
    assert_int_equal(X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK |
                                                            X509_V_FLAG_CRL_CHECK_ALL |
                                                            X509_V_FLAG_X509_STRICT),
                     1);
    assert_int_equal(X509_VERIFY_PARAM_set_purpose(param, purpose), 1);
    int error = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_free(between);
    X509_free(cert);
    X509_free(middle);
    X509_free(anchor);
    return error;
}

/* --- profiles --- */

static void test_profiles(void **state)
{
    ca_fixture *f = *state;
    static const struct {
        cairn_ca_profile profile;
        int purpose;
        uint32_t usage;
        int other; /* a purpose that it has not */
    } cases[] = {
        {CAIRN_CA_TLS_SERVER, X509_PURPOSE_SSL_SERVER, XKU_SSL_SERVER, X509_PURPOSE_SSL_CLIENT},
        {CAIRN_CA_TLS_CLIENT, X509_PURPOSE_SSL_CLIENT, XKU_SSL_CLIENT, X509_PURPOSE_SSL_SERVER},
        {CAIRN_CA_DEVICE_BOOTSTRAP, X509_PURPOSE_SSL_CLIENT, XKU_SSL_CLIENT,
         X509_PURPOSE_SSL_SERVER},
        {CAIRN_CA_DEVICE_NETWORK, X509_PURPOSE_SSL_CLIENT, XKU_SSL_CLIENT, X509_PURPOSE_SSL_SERVER},
        {CAIRN_CA_DEVICE_SERVICE, X509_PURPOSE_SSL_CLIENT, XKU_SSL_CLIENT, X509_PURPOSE_SSL_SERVER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_ca_issued issued;
        assert_int_equal(ca_issue_one(f, cases[i].profile, &issued), CAIRN_OK);
        assert_int_equal(verify(f, issued.certificate, cases[i].purpose), X509_V_OK);
        assert_int_equal(verify(f, issued.certificate, cases[i].other), X509_V_ERR_INVALID_PURPOSE);
        X509 *cert = read_cert(issued.certificate);
        assert_int_equal(X509_get_version(cert), X509_VERSION_3);
        assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE);
        assert_int_equal(X509_get_extended_key_usage(cert), cases[i].usage);
        assert_int_equal(X509_check_ca(cert), 0);
        const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
        assert_int_equal(ASN1_STRING_length(serial), CAIRN_CA_SERIAL_SIZE);
        assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER); /* not negative */
        assert_memory_equal(ASN1_STRING_get0_data(serial), issued.serial, CAIRN_CA_SERIAL_SIZE);
        X509_free(cert);
    }
}

static void test_certificate_authorities(void **state)
{
    ca_fixture *f = *state;
    cairn_bytes certificates[2];
    cairn_ca_chain(f->ca, &certificates[0], &certificates[1]);
    for (size_t i = 0; i < 2; i++) {
        X509 *cert = read_cert(certificates[i]);
        assert_int_equal(X509_get_pathlen(cert), i);
        assert_int_equal(X509_get_key_usage(cert), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
        int critical = 0;
        NAME_CONSTRAINTS *names = X509_get_ext_d2i(cert, NID_name_constraints, &critical, NULL);
        assert_int_equal(names != NULL, i == 0);
        assert_int_equal(names == NULL || critical, 1);
        NAME_CONSTRAINTS_free(names);
        X509_free(cert);
    }
    assert_int_equal(verify(f, certificates[0], X509_PURPOSE_ANY), X509_V_OK);
}

static void test_names(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    char uri[128];
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    X509 *cert = read_cert(issued.certificate);
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    assert_int_equal(sk_GENERAL_NAME_num(names), 1);
    int type = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, 0), &type);
    assert_int_equal(type, GEN_URI);
    memset(uri, 0, sizeof uri);
    memcpy(uri, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    assert_int_equal(strlen(uri), 12 + 64);
    assert_memory_equal(uri, "cairn://org/abab", 16);
    GENERAL_NAMES_free(names);
    X509_free(cert);

    assert_int_equal(ca_issue_one(f, CAIRN_CA_DEVICE_NETWORK, &issued), CAIRN_OK);
    cert = read_cert(issued.certificate);
    char subject[256];
    (void)X509_NAME_oneline(X509_get_subject_name(cert), subject, sizeof subject);
    assert_string_equal(subject,
                        "/O=Example Motors/OU=device-network/CN=subject one/serialNumber=d-17");
    assert_int_equal(X509_check_email(cert, "d-17@operator.example", 0, 0), 1);
    X509_free(cert);
}

/* What the caller may not have, each with its refusal. */
static void test_refusals(void **state)
{
    ca_fixture *f = *state;
    static const struct {
        cairn_ca_profile profile;
        ca_csr_wish wish;
        cairn_err err;
    } cases[] = {
        {CAIRN_CA_TLS_SERVER,
         {.type = "P-256", .alt_names = "DNS:other.example.com"},
         CAIRN_ERR_TX_FORBIDDEN},
        {CAIRN_CA_TLS_SERVER,
         {.type = "P-256", .alt_names = "DNS:node.example.com,IP:10.1.2.4"},
         CAIRN_ERR_TX_FORBIDDEN},
        {CAIRN_CA_TLS_SERVER,
         {.type = "P-256", .alt_names = "DNS:*.example.com"},
         CAIRN_ERR_BAD_VALUE},
        {CAIRN_CA_TLS_SERVER, {.type = "P-256", .common_name = "root"}, CAIRN_ERR_TX_FORBIDDEN},
        {CAIRN_CA_TLS_SERVER, {.type = "P-256", .organisation = "Other"}, CAIRN_ERR_TX_FORBIDDEN},
        {CAIRN_CA_DEVICE_SERVICE,
         {.type = "P-256", .serial_number = "d-18"},
         CAIRN_ERR_TX_FORBIDDEN},
        {CAIRN_CA_TLS_CLIENT,
         {.type = "P-256", .alt_names = "URI:cairn://org/00"},
         CAIRN_ERR_TX_FORBIDDEN},
        {CAIRN_CA_ISSUING, {.type = "P-256"}, CAIRN_ERR_TX_FORBIDDEN},
        {CAIRN_CA_OCSP_RESPONDER, {.type = "P-256"}, CAIRN_ERR_TX_FORBIDDEN},
        {CAIRN_CA_TLS_SERVER, {.type = "RSA"}, CAIRN_ERR_BAD_ALGORITHM},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_ca_issued issued;
        const cairn_ca_grant grant = ca_grant_of(cases[i].profile);
        cairn_bytes csr = ca_csr(&f->arena, &cases[i].wish);
        assert_int_equal(cairn_ca_issue(f->ca, cases[i].profile, csr, &grant, &f->arena, &issued),
                         cases[i].err);
    }
}

/* A device that does not know its name is named all the same, and by the grant alone. */
static void test_any_subject(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    cairn_ca_grant grant = ca_grant_of(CAIRN_CA_DEVICE_SERVICE);
    cairn_bytes csr = ca_csr(
        &f->arena, &(ca_csr_wish){.type = "P-256", .common_name = "root", .serial_number = "d-18"});
    char name[64] = "";
    grant.any_subject = true;
    assert_int_equal(
        cairn_ca_issue(f->ca, CAIRN_CA_DEVICE_SERVICE, csr, &grant, &f->arena, &issued), CAIRN_OK);
    X509 *cert = read_cert(issued.certificate);
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_serialNumber, name,
                                    sizeof name);
    assert_true(cairn_bytes_equal(cairn_bytes_str(name), grant.device));
    X509_free(cert);
}

/* Extensions are a wish that nobody grants; the name comes in the granted form. */
static void test_wishes_are_ignored(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    const cairn_ca_grant grant = ca_grant_of(CAIRN_CA_TLS_SERVER);
    cairn_bytes csr = ca_csr(&f->arena, &(ca_csr_wish){.type = "ED25519",
                                                       .alt_names = "DNS:NODE.example.COM",
                                                       .usage = "codeSigning,OCSPSigning"});
    assert_int_equal(cairn_ca_issue(f->ca, CAIRN_CA_TLS_SERVER, csr, &grant, &f->arena, &issued),
                     CAIRN_OK);
    X509 *cert = read_cert(issued.certificate);
    assert_int_equal(X509_get_extended_key_usage(cert), XKU_SSL_SERVER);
    assert_int_equal(X509_check_host(cert, "node.example.com", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(cert, "10.1.2.3", 0), 0); /* granted, not asked for */
    X509_free(cert);
}

static void test_grants(void **state)
{
    ca_fixture *f = *state;
    static const cairn_ca_name foreign[] = {
        {CAIRN_CA_NAME_DNS, {(const uint8_t *)"node.example.org", 16}},
        {CAIRN_CA_NAME_DNS, {(const uint8_t *)"badexample.com", 14}},
        {CAIRN_CA_NAME_IP, {(const uint8_t *)"\x0b\x00\x00\x01", 4}},
    };
    cairn_bytes csr = ca_csr(&f->arena, &(ca_csr_wish){.type = "P-384"});
    cairn_ca_issued issued;
    for (size_t i = 0; i < 3; i++) {
        const cairn_ca_grant grant = {
            .common_name = cairn_bytes_str("x"), .names = &foreign[i], .name_count = 1};
        assert_int_equal(
            cairn_ca_issue(f->ca, CAIRN_CA_TLS_SERVER, csr, &grant, &f->arena, &issued),
            CAIRN_ERR_TX_FORBIDDEN);
    }
    cairn_ca_grant grant = ca_grant_of(CAIRN_CA_TLS_SERVER);
    grant.validity_s = 10;
    assert_int_equal(cairn_ca_issue(f->ca, CAIRN_CA_TLS_SERVER, csr, &grant, &f->arena, &issued),
                     CAIRN_ERR_ARGUMENT);
    grant = ca_grant_of(CAIRN_CA_TLS_SERVER);
    grant.device = cairn_bytes_str("d-17");
    assert_int_equal(cairn_ca_issue(f->ca, CAIRN_CA_TLS_SERVER, csr, &grant, &f->arena, &issued),
                     CAIRN_ERR_ARGUMENT);
    grant = (cairn_ca_grant){.common_name = cairn_bytes_str("x")};
    assert_int_equal(cairn_ca_issue(f->ca, CAIRN_CA_TLS_SERVER, csr, &grant, &f->arena, &issued),
                     CAIRN_ERR_ARGUMENT); /* a server without a name */
}

/* One key is one subject's, and a compromised one nobody's. */
static void test_keys_are_not_shared(void **state)
{
    ca_fixture *f = *state;
    EVP_PKEY *key = ca_key("P-256");
    cairn_bytes csr = ca_csr(&f->arena, &(ca_csr_wish){.key = key});
    cairn_ca_grant grant = ca_grant_of(CAIRN_CA_DEVICE_SERVICE);
    cairn_ca_issued issued;
    assert_int_equal(
        cairn_ca_issue(f->ca, CAIRN_CA_DEVICE_SERVICE, csr, &grant, &f->arena, &issued), CAIRN_OK);
    cairn_ca_grant other = grant;
    other.device = cairn_bytes_str("d-18");
    assert_int_equal(
        cairn_ca_issue(f->ca, CAIRN_CA_DEVICE_SERVICE, csr, &other, &f->arena, &issued),
        CAIRN_ERR_EXISTS);
    assert_int_equal(
        cairn_ca_issue(f->ca, CAIRN_CA_DEVICE_SERVICE, csr, &grant, &f->arena, &issued), CAIRN_OK);
    assert_int_equal(cairn_ca_revoke(f->ca, issued.serial, CAIRN_CA_KEY_COMPROMISE), CAIRN_OK);
    assert_int_equal(
        cairn_ca_issue(f->ca, CAIRN_CA_DEVICE_SERVICE, csr, &grant, &f->arena, &issued),
        CAIRN_ERR_EXISTS);
    EVP_PKEY_free(key);
}

/* --- validity --- */

static void test_validity(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_SERVER, &issued), CAIRN_OK);
    assert_int_equal(issued.not_before_s, CA_FIXTURE_START_S - 300);
    assert_int_equal(issued.not_after_s, CA_FIXTURE_START_S + 90 * 86400);
    cairn_clock_manual_advance_ms(&f->manual, 90ull * 86400 * 1000 + 1000);
    assert_int_equal(verify(f, issued.certificate, X509_PURPOSE_SSL_SERVER),
                     X509_V_ERR_CRL_HAS_EXPIRED);
    uint64_t next_ms = 0;
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_int_equal(verify(f, issued.certificate, X509_PURPOSE_SSL_SERVER),
                     X509_V_ERR_CERT_HAS_EXPIRED);
    /* Never longer than the issuing certificate. */
    cairn_clock_manual_advance_ms(&f->manual, 3600ull * 86400 * 1000 - 90ull * 86400 * 1000);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_DEVICE_SERVICE, &issued), CAIRN_OK);
    assert_int_equal(issued.not_after_s, CA_FIXTURE_START_S + 3652ull * 86400);
    cairn_clock_manual_advance_ms(&f->manual, 60ull * 86400 * 1000);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_DEVICE_SERVICE, &issued), CAIRN_ERR_EXPIRED);
}

/* A certificate that breaks the constraints, signed all the same: strangers refuse it. */
static void test_broken_constraints(void **state)
{
    ca_fixture *f = *state;
    static const cairn_ca_name names[] = {
        {CAIRN_CA_NAME_DNS, {(const uint8_t *)"node.example.org", 16}},
        {CAIRN_CA_NAME_IP, {(const uint8_t *)"\x0b\x00\x00\x01", 4}},
        {CAIRN_CA_NAME_EMAIL, {(const uint8_t *)"a@other.example", 15}},
    };
    for (size_t i = 0; i < 3; i++) {
        cairn_key *key = NULL;
        cairn_kv_txn *txn = NULL;
        cairn_ca_issued issued;
        assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &key), CAIRN_OK);
        const ca_order order = {.row = cairn_ca_profile_of(CAIRN_CA_TLS_SERVER),
                                .by = &f->ca->generations[0].issuing,
                                .key = key,
                                .common_name = cairn_bytes_str("x"),
                                .names = &names[i],
                                .name_count = 1,
                                .validity_s = 86400};
        assert_int_equal(cairn_kv_begin(f->ca->kv, true, &txn), CAIRN_OK);
        assert_int_equal(cairn_ca_make(f->ca, txn, &order, &f->arena, &issued), CAIRN_OK);
        assert_int_equal(cairn_kv_commit(txn), CAIRN_OK);
        assert_int_equal(verify(f, issued.certificate, X509_PURPOSE_SSL_SERVER),
                         X509_V_ERR_PERMITTED_VIOLATION);
        cairn_key_free(key);
    }
}

static cairn_bytes make_by(ca_fixture *f, const cairn_ca_profile_row *row, const ca_party *by,
                           const cairn_key *key, const char *name)
{
    cairn_kv_txn *txn = NULL;
    cairn_ca_issued issued;
    const ca_order order = {.row = row,
                            .by = by,
                            .key = key,
                            .common_name = cairn_bytes_str(name),
                            .validity_s = 86400 * 400};
    assert_int_equal(cairn_kv_begin(f->ca->kv, true, &txn), CAIRN_OK);
    assert_int_equal(cairn_ca_make(f->ca, txn, &order, &f->arena, &issued), CAIRN_OK);
    cairn_kv_abort(txn);
    return issued.certificate;
}

static int verify_below(ca_fixture *f, cairn_bytes leaf, cairn_bytes middle)
{
    cairn_bytes chain[2] = {{0}};
    cairn_ca_chain(f->ca, &chain[0], &chain[1]);
    X509 *certs[] = {read_cert(leaf), read_cert(middle), read_cert(chain[0]), read_cert(chain[1])};
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *between = sk_X509_new_null();
    assert_true(sk_X509_push(between, certs[1]) > 0 && sk_X509_push(between, certs[2]) > 0);
    assert_int_equal(X509_STORE_add_cert(store, certs[3]), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, certs[0], between), 1);
    X509_STORE_CTX_set_time(ctx, 0, (time_t)(f->manual.wall_ms / 1000));
    int error = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_free(between);
    for (size_t i = 0; i < sizeof certs / sizeof certs[0]; i++)
        X509_free(certs[i]);
    return error;
}

/* A CA below the issuing one is one too many: nobody takes what it issues. */
static void test_path_length(void **state)
{
    ca_fixture *f = *state;
    cairn_key *key = NULL;
    ca_party sub = {.key = NULL};
    cairn_ca_profile_row row = *cairn_ca_profile_of(CAIRN_CA_ISSUING);
    row.constrained = false;
    assert_int_equal(cairn_ca_open_party(f->ca, "issue-sub", "Sub", true, &sub), CAIRN_OK);
    sub.certificate = make_by(f, &row, &f->ca->generations[0].issuing, sub.key, "Sub");
    sub.not_after_s = UINT64_MAX;
    X509 *middle = read_cert(sub.certificate);
    assert_int_equal(X509_get_pathlen(middle), 0);
    X509_free(middle);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &key), CAIRN_OK);
    cairn_bytes leaf =
        make_by(f, cairn_ca_profile_of(CAIRN_CA_DEVICE_BOOTSTRAP), &sub, key, "leaf");
    assert_int_equal(verify_below(f, leaf, sub.certificate), X509_V_ERR_PATH_LENGTH_EXCEEDED);
    cairn_key_free(key);
    cairn_key_free(sub.key);
}

/* --- revocation --- */

static void test_revoke(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    cairn_ca_issued other;
    cairn_ca_facts facts;
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &other), CAIRN_OK);
    assert_int_equal(verify(f, issued.certificate, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    cairn_clock_manual_advance_ms(&f->manual, 5000);
    assert_int_equal(cairn_ca_revoke(f->ca, issued.serial, CAIRN_CA_PRIVILEGE_WITHDRAWN), CAIRN_OK);
    assert_int_equal(verify(f, issued.certificate, X509_PURPOSE_SSL_CLIENT),
                     X509_V_ERR_CERT_REVOKED);
    assert_int_equal(verify(f, other.certificate, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    assert_int_equal(cairn_ca_find(f->ca, issued.serial, &f->arena, &facts), CAIRN_OK);
    assert_int_equal(facts.status, CAIRN_CA_STATUS_REVOKED);
    assert_int_equal(facts.reason, 9);
    assert_int_equal(facts.revoked_at_s, CA_FIXTURE_START_S + 5);
    /* again: nothing changes; a compromise replaces the reason, not the time */
    cairn_clock_manual_advance_ms(&f->manual, 5000);
    assert_int_equal(cairn_ca_revoke(f->ca, issued.serial, CAIRN_CA_SUPERSEDED), CAIRN_OK);
    assert_int_equal(cairn_ca_find(f->ca, issued.serial, &f->arena, &facts), CAIRN_OK);
    assert_int_equal(facts.reason, 9);
    assert_int_equal(cairn_ca_revoke(f->ca, issued.serial, CAIRN_CA_KEY_COMPROMISE), CAIRN_OK);
    assert_int_equal(cairn_ca_find(f->ca, issued.serial, &f->arena, &facts), CAIRN_OK);
    assert_int_equal(facts.reason, 1);
    assert_int_equal(facts.revoked_at_s, CA_FIXTURE_START_S + 5);
}

static void test_revoke_refusals(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    uint8_t unknown[CAIRN_CA_SERIAL_SIZE] = {0x41};
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    assert_int_equal(cairn_ca_revoke(f->ca, unknown, CAIRN_CA_UNSPECIFIED), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_ca_revoke(f->ca, issued.serial, (cairn_ca_reason)6), CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_ca_revoke(f->ca, f->ca->roots[0].serial, CAIRN_CA_UNSPECIFIED),
                     CAIRN_ERR_ARGUMENT);
    assert_int_equal(
        cairn_ca_revoke(f->ca, f->ca->generations[0].responder.serial, CAIRN_CA_UNSPECIFIED),
        CAIRN_ERR_ARGUMENT);
}

static long crl_number(X509_CRL *crl)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    long value = ASN1_INTEGER_get(number);
    ASN1_INTEGER_free(number);
    return value;
}

/* Lists stay bounded, each speaks of its own partition, and their numbers grow. */
static void test_partitions(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued[4];
    cairn_ca_close(f->ca);
    f->options.partition_size = 3; /* the responder is the first one of partition 0 */
    assert_int_equal(ca_fixture_open(f), CAIRN_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued[i]), CAIRN_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(cairn_ca_revoke(f->ca, issued[i].serial, CAIRN_CA_CESSATION), CAIRN_OK);
    for (uint32_t p = 0; p < 2; p++) {
        X509_CRL *crl = read_crl(f, p);
        assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 2);
        assert_int_equal(crl_number(crl), 3);
        X509_CRL_free(crl);
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(verify(f, issued[i].certificate, X509_PURPOSE_SSL_CLIENT),
                         X509_V_ERR_CERT_REVOKED);
    cairn_bytes der = {0};
    uint64_t next_s = 0;
    assert_int_equal(cairn_ca_crl(f->ca, 7, &f->arena, &der, &next_s), CAIRN_ERR_NOT_FOUND);
}

/* The key process is away: the revocation stays, and is told as soon as it is back. */
static void test_revoke_without_signer(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    cairn_ca_facts facts;
    uint64_t next_ms = 0;
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    ca_signer_fails = true;
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_ERR_TOKEN);
    assert_int_equal(cairn_ca_revoke(f->ca, issued.serial, CAIRN_CA_CESSATION), CAIRN_ERR_TOKEN);
    cairn_ca_close(f->ca);
    f->ca = NULL;
    assert_int_equal(ca_fixture_open(f), CAIRN_OK);
    assert_int_equal(cairn_ca_find(f->ca, issued.serial, &f->arena, &facts), CAIRN_OK);
    assert_int_equal(facts.status, CAIRN_CA_STATUS_REVOKED);
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_ERR_TOKEN);
    ca_signer_fails = false;
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_int_equal(verify(f, issued.certificate, X509_PURPOSE_SSL_CLIENT),
                     X509_V_ERR_CERT_REVOKED);
}

/* --- renewal --- */

typedef struct due_list {
    uint8_t serials[8][CAIRN_CA_SERIAL_SIZE];
    size_t count;
} due_list;

static cairn_err note_due(void *context, const cairn_ca_facts *facts)
{
    due_list *list = context;
    assert_true(list->count < 8);
    memcpy(list->serials[list->count++], facts->serial, CAIRN_CA_SERIAL_SIZE);
    return CAIRN_OK;
}

static size_t count_due(ca_fixture *f, uint64_t within_s)
{
    due_list list = {.count = 0};
    assert_int_equal(cairn_ca_due(f->ca, within_s, note_due, &list), CAIRN_OK);
    return list.count;
}

static void test_renew(void **state)
{
    ca_fixture *f = *state;
    EVP_PKEY *key = ca_key("P-256");
    cairn_bytes same = ca_csr(&f->arena, &(ca_csr_wish){.key = key});
    cairn_bytes other = ca_csr(&f->arena, &(ca_csr_wish){.type = "P-384"});
    const cairn_ca_grant grant = ca_grant_of(CAIRN_CA_TLS_SERVER);
    cairn_ca_issued old;
    cairn_ca_issued fresh;
    cairn_ca_issued again;
    cairn_ca_facts facts;
    uint64_t next_ms = 0;
    assert_int_equal(cairn_ca_issue(f->ca, CAIRN_CA_TLS_SERVER, same, &grant, &f->arena, &old),
                     CAIRN_OK);
    assert_int_equal(count_due(f, 30 * 86400), 0);
    assert_int_equal(cairn_ca_renew(f->ca, old.serial, same, false, &f->arena, &fresh),
                     CAIRN_ERR_EARLY);
    cairn_clock_manual_advance_ms(&f->manual, 61ull * 86400 * 1000);
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_int_equal(count_due(f, 30 * 86400), 1);
    assert_int_equal(cairn_ca_renew(f->ca, old.serial, same, false, &f->arena, &fresh), CAIRN_OK);
    assert_memory_not_equal(fresh.serial, old.serial, CAIRN_CA_SERIAL_SIZE);
    assert_int_equal(count_due(f, 30 * 86400), 0);
    /* the answer was lost; somebody else comes with another key */
    assert_int_equal(cairn_ca_renew(f->ca, old.serial, same, false, &f->arena, &again), CAIRN_OK);
    assert_memory_equal(again.serial, fresh.serial, CAIRN_CA_SERIAL_SIZE);
    assert_true(cairn_bytes_equal(again.certificate, fresh.certificate));
    assert_int_equal(cairn_ca_renew(f->ca, old.serial, other, false, &f->arena, &again),
                     CAIRN_ERR_EXISTS);
    X509 *cert = read_cert(fresh.certificate);
    assert_int_equal(X509_check_host(cert, "node.example.com", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(cert, "10.1.2.3", 0), 1);
    X509_free(cert);
    /* both live through the overlap, then the old one is superseded */
    assert_int_equal(verify(f, old.certificate, X509_PURPOSE_SSL_SERVER), X509_V_OK);
    cairn_clock_manual_advance_ms(&f->manual, 7ull * 86400 * 1000);
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_int_equal(verify(f, old.certificate, X509_PURPOSE_SSL_SERVER), X509_V_ERR_CERT_REVOKED);
    assert_int_equal(verify(f, fresh.certificate, X509_PURPOSE_SSL_SERVER), X509_V_OK);
    assert_int_equal(cairn_ca_find(f->ca, old.serial, &f->arena, &facts), CAIRN_OK);
    assert_int_equal(facts.reason, CAIRN_CA_SUPERSEDED);
    assert_int_equal(cairn_ca_renew(f->ca, old.serial, same, true, &f->arena, &again),
                     CAIRN_ERR_CLOSED);
    EVP_PKEY_free(key);
}

static void test_rekey_early(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued old;
    cairn_ca_issued fresh;
    cairn_ca_facts facts[2];
    assert_int_equal(ca_issue_one(f, CAIRN_CA_DEVICE_NETWORK, &old), CAIRN_OK);
    cairn_bytes csr = ca_csr(&f->arena, &(ca_csr_wish){.type = "ED25519", .serial_number = "d-17"});
    assert_int_equal(cairn_ca_renew(f->ca, old.serial, csr, true, &f->arena, &fresh), CAIRN_OK);
    assert_int_equal(cairn_ca_find(f->ca, old.serial, &f->arena, &facts[0]), CAIRN_OK);
    assert_int_equal(cairn_ca_find(f->ca, fresh.serial, &f->arena, &facts[1]), CAIRN_OK);
    assert_true(facts[0].renewed);
    assert_false(facts[1].renewed);
    assert_false(cairn_hash_equal(&facts[0].kid, &facts[1].kid));
    assert_true(cairn_bytes_equal(facts[1].device, cairn_bytes_str("d-17")));
    cairn_clock_manual_advance_ms(&f->manual, 400ull * 86400 * 1000);
    assert_int_equal(cairn_ca_renew(f->ca, fresh.serial, csr, true, &f->arena, &fresh),
                     CAIRN_ERR_EXPIRED);
}

/* --- announcements --- */

typedef struct board {
    cairn_hash commitments[16];
    cairn_ca_act acts[16];
    size_t count;
    size_t fail_at;
} board;

static cairn_err post(void *context, cairn_ca_act act, const cairn_hash *commitment)
{
    board *b = context;
    if (b->count == b->fail_at)
        return CAIRN_ERR_BUSY;
    assert_true(b->count < 16);
    b->acts[b->count] = act;
    b->commitments[b->count++] = *commitment;
    return CAIRN_OK;
}

static void test_announcements(void **state)
{
    ca_fixture *f = *state;
    board b = {.fail_at = 4};
    cairn_ca_issued issued;
    cairn_hash salt;
    uint64_t next_ms = 0;
    cairn_ca_close(f->ca);
    f->options.announce = post;
    f->options.context = &b;
    assert_int_equal(ca_fixture_open(f), CAIRN_OK);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    assert_int_equal(cairn_ca_revoke(f->ca, issued.serial, CAIRN_CA_CESSATION), CAIRN_OK);
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_ERR_BUSY);
    assert_int_equal(b.count, 4); /* root, issuing, responder, and the first act of ours */
    b.fail_at = 16;
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_int_equal(b.count, 5);
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_int_equal(b.count, 5);
    /* computed by hand from docs/formats/ca.md */
    cairn_hash want;
    assert_int_equal(cairn_ca_salt(f->ca, issued.serial, &salt), CAIRN_OK);
    uint8_t whole[18 + 32 + 32];
    memcpy(whole, "cairn/ca/issued/1", 18);
    memcpy(whole + 18, salt.b, 32);
    cairn_sha256_of(issued.certificate.data, issued.certificate.size, &want);
    memcpy(whole + 50, want.b, 32);
    cairn_sha256_of(whole, sizeof whole, &want);
    assert_int_equal(b.acts[3], CAIRN_CA_ISSUED);
    assert_memory_equal(b.commitments[3].b, want.b, 32);
    assert_int_equal(b.acts[4], CAIRN_CA_REVOKED);
}

/* --- one thing keeps no other from being done --- */

static void open_with_board(ca_fixture *f, board *b)
{
    cairn_ca_close(f->ca);
    f->options.announce = post;
    f->options.context = b;
    assert_int_equal(ca_fixture_open(f), CAIRN_OK);
}

/* As many announcements as pieces of work: those due for long do not starve the others. */
static void test_work_leaves_time_for_announcements(void **state)
{
    ca_fixture *f = *state;
    board b = {.fail_at = 16};
    cairn_ca_issued issued;
    uint64_t next_ms = 0;
    open_with_board(f, &b);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    cairn_clock_manual_advance_ms(&f->manual, 3ull * 86400 * 1000);
    assert_int_equal(cairn_ca_maintain(f->ca, 1, &next_ms), CAIRN_OK);
    assert_int_equal(b.count, 1);
    assert_int_equal(next_ms, f->manual.wall_ms); /* there is more */
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(cairn_ca_maintain(f->ca, 1, &next_ms), CAIRN_OK);
    assert_int_equal(b.count, 5);
    assert_true(next_ms > f->manual.wall_ms);
}

static cairn_err post_unlocked(void *context, cairn_ca_act act, const cairn_hash *commitment)
{
    cairn_ca **ca = context;
    (void)act;
    (void)commitment;
    assert_int_equal(pthread_mutex_trylock(&(*ca)->lock), 0);
    assert_int_equal(pthread_mutex_unlock(&(*ca)->lock), 0);
    return CAIRN_OK;
}

/* A ledger that takes its time holds up nobody who issues or revokes. */
static void test_announcing_holds_up_nobody(void **state)
{
    ca_fixture *f = *state;
    uint64_t next_ms = 0;
    cairn_ca_close(f->ca);
    f->options.announce = post_unlocked;
    f->options.context = &f->ca;
    assert_int_equal(ca_fixture_open(f), CAIRN_OK);
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
}

/* What needs no signature is done while the signer is away, also behind what needs one. */
static void test_retiring_without_signer(void **state)
{
    ca_fixture *f = *state;
    EVP_PKEY *key = ca_key("P-256");
    const cairn_bytes csr = ca_csr(&f->arena, &(ca_csr_wish){.key = key});
    const cairn_ca_grant grant = ca_grant_of(CAIRN_CA_TLS_CLIENT);
    cairn_ca_issued old;
    cairn_ca_issued other;
    cairn_ca_issued fresh;
    cairn_ca_facts facts;
    uint64_t next_ms = 0;
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &other), CAIRN_OK);
    assert_int_equal(cairn_ca_issue(f->ca, CAIRN_CA_TLS_CLIENT, csr, &grant, &f->arena, &old),
                     CAIRN_OK);
    assert_int_equal(cairn_ca_renew(f->ca, old.serial, csr, true, &f->arena, &fresh), CAIRN_OK);
    cairn_clock_manual_advance_ms(&f->manual, 8ull * 86400 * 1000);
    ca_signer_fails = true;
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_ERR_TOKEN);
    assert_int_equal(cairn_ca_find(f->ca, old.serial, &f->arena, &facts), CAIRN_OK);
    assert_int_equal(facts.status, CAIRN_CA_STATUS_REVOKED);
    unsigned asked = ca_signer_count;
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_ERR_TOKEN);
    assert_true(ca_signer_count - asked < 8); /* not once for each */
    EVP_PKEY_free(key);
}

/* Work whose certificate is not there is told, and the next is done. */
static void test_bad_work_is_passed_over(void **state)
{
    ca_fixture *f = *state;
    static const uint8_t nobody[CAIRN_CA_SERIAL_SIZE];
    cairn_ca_issued issued;
    cairn_kv_txn *txn = NULL;
    uint64_t next_ms = 0;
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    assert_int_equal(cairn_kv_begin(f->ca->kv, true, &txn), CAIRN_OK);
    assert_int_equal(cairn_ca_put_work(txn, 1, CA_WORK_OCSP, nobody), CAIRN_OK);
    assert_int_equal(cairn_kv_commit(txn), CAIRN_OK);
    cairn_clock_manual_advance_ms(&f->manual, 3ull * 86400 * 1000);
    unsigned asked = ca_signer_count;
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_ERR_NOT_FOUND);
    assert_true(ca_signer_count - asked >= 2); /* the other's answers */
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_ERR_NOT_FOUND);
    cairn_ca_record record;
    assert_int_equal(cairn_kv_begin(f->ca->kv, false, &txn), CAIRN_OK);
    assert_int_equal(cairn_ca_load(txn, issued.serial, &f->arena, &record), CAIRN_OK);
    cairn_kv_abort(txn);
    assert_int_equal(record.ocsp.this_update_s, f->manual.wall_ms / 1000);
}

/* --- reopening --- */

static void test_reopen(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    cairn_bytes der = {0};
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    cairn_ca_close(f->ca);
    assert_int_equal(ca_fixture_open(f), CAIRN_OK);
    assert_int_equal(cairn_ca_certificate(f->ca, issued.serial, &f->arena, &der), CAIRN_OK);
    assert_true(cairn_bytes_equal(der, issued.certificate));
    assert_int_equal(verify(f, der, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    cairn_ca_close(f->ca);
    f->ca = NULL;
    f->options.organisation.b[0] ^= 1;
    assert_int_equal(ca_fixture_open(f), CAIRN_ERR_MISMATCH);
    f->options.organisation.b[0] ^= 1;
    f->options.issuing_key = "another";
    assert_int_equal(ca_fixture_open(f), CAIRN_ERR_MISMATCH);
    f->options.issuing_key = "issue-ca";
    assert_int_equal(ca_fixture_open(f), CAIRN_OK);
}

/* By who does not know what it was made with: nothing is made, and all of it is the same. */
static void test_reopen_as_kept(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    cairn_bytes before = {0};
    cairn_bytes after = {0};
    cairn_bytes root = {0};
    cairn_ca_chain(f->ca, &before, &root);
    assert_int_equal(cairn_arena_copy(&f->arena, before, &before), CAIRN_OK);
    cairn_ca_close(f->ca);
    f->ca = NULL;
    cairn_ca_options options = cairn_ca_defaults();
    options.directory = f->path;
    options.organisation = f->options.organisation;
    options.map_size = f->options.map_size;
    assert_int_equal(cairn_ca_open(&options, &f->clock, f->signer, &f->ca), CAIRN_OK);
    cairn_ca_chain(f->ca, &after, &root);
    assert_true(cairn_bytes_equal(before, after));
    assert_string_equal(f->ca->options.organisation_name, f->options.organisation_name);
    assert_string_equal(f->ca->options.base_url, f->options.base_url);
    assert_int_equal(f->ca->options.permitted_count, f->options.permitted_count);
    for (size_t i = 0; i < f->options.permitted_count; i++)
        assert_true(cairn_ca_name_equal(&f->ca->options.permitted[i], &f->options.permitted[i]));
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_SERVER, &issued), CAIRN_OK);
}

static void test_kept_makes_nothing(void **state)
{
    ca_fixture *f = *state;
    cairn_signer *other = NULL;
    cairn_ca *ca = NULL;
    cairn_key *key = NULL;
    cairn_ca_options options = cairn_ca_defaults();
    options.directory = "/tmp/cairn-there-is-no-ca";
    options.organisation = f->options.organisation;
    assert_int_equal(cairn_ca_open(&options, &f->clock, f->signer, &ca), CAIRN_ERR_NOT_FOUND);
    assert_int_not_equal(access(options.directory, F_OK), 0);
    cairn_ca_close(f->ca);
    f->ca = NULL;
    options.directory = f->path;
    assert_int_equal(ca_signer_new(&other), CAIRN_OK);
    assert_int_equal(cairn_ca_open(&options, &f->clock, other, &ca), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_signer_public(other, options.root_key, &key), CAIRN_ERR_NOT_FOUND);
    cairn_signer_free(other);
}

/* --- the issuing CA's own renewal --- */

static void test_issuing_renewal(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    cairn_bytes before = {0};
    cairn_bytes after = {0};
    cairn_bytes root = {0};
    uint64_t next_ms = 0;
    cairn_ca_chain(f->ca, &before, &root);
    f->manual.wall_ms += (uint64_t)(3652 - 740) * 86400000; /* renewal opens two years before */
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_DEVICE_BOOTSTRAP, &issued), CAIRN_OK);
    uint64_t end_s = f->ca->generations[0].issuing.not_after_s;
    assert_int_equal(issued.not_after_s, end_s);
    f->manual.wall_ms += (uint64_t)20 * 86400000;
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_true(f->ca->generations[0].issuing.not_after_s > end_s);
    cairn_ca_chain(f->ca, &after, &root);
    assert_false(cairn_bytes_equal(before, after));
    assert_int_equal(verify(f, issued.certificate, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    f->manual.wall_ms += (uint64_t)800 * 86400000; /* the first one has ended, the new one not */
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    assert_int_equal(verify(f, issued.certificate, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
    cairn_ca_close(f->ca);
    assert_int_equal(ca_fixture_open(f), CAIRN_OK);
}

/* What ends with the root stays: maintenance must not make one certificate after the other. */
static void test_issuing_ends_with_root(void **state)
{
    ca_fixture *f = *state;
    uint64_t next_ms = 0;
    for (unsigned year = 0; year < 19; year++) {
        f->manual.wall_ms += (uint64_t)364 * 86400000;
        assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    }
    assert_int_equal(f->ca->generations[0].issuing.not_after_s, f->ca->roots[0].not_after_s);
    cairn_bytes before = f->ca->generations[0].issuing.certificate;
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_ptr_equal(f->ca->generations[0].issuing.certificate.data, before.data);
}

/* --- another key issues --- */

static void roll_over(ca_fixture *f)
{
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_key *key = NULL;
    cairn_ca_next_key(f->ca, name);
    assert_int_equal(cairn_signer_generate(f->signer, name, CAIRN_KEY_P256, &key), CAIRN_OK);
    cairn_key_free(key);
    assert_int_equal(cairn_ca_rollover(f->ca, name), CAIRN_OK);
}

/* The bytes of `certificate`, its own issuer and that one's list, as a stranger has them. */
static int verify_by(ca_fixture *f, const cairn_ca_issued *issued)
{
    cairn_ca_facts facts;
    cairn_bytes issuing = {0};
    cairn_bytes root_der = {0};
    cairn_bytes crl_der = {0};
    uint64_t next_s = 0;
    assert_int_equal(cairn_ca_find(f->ca, issued->serial, &f->arena, &facts), CAIRN_OK);
    assert_int_equal(cairn_ca_crl(f->ca, facts.partition, &f->arena, &crl_der, &next_s), CAIRN_OK);
    cairn_ca_chain(f->ca, &issuing, &root_der);
    const uint8_t *at = crl_der.data;
    X509 *cert = read_cert(issued->certificate);
    X509 *issuer = read_cert(issued->issuers[0]);
    X509 *root = read_cert(root_der);
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)crl_der.size);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509_STORE_add_cert(store, root);
    X509_STORE_add_crl(store, crl);
    sk_X509_push(chain, issuer);
    X509_STORE_CTX_init(ctx, store, cert, chain);
    X509_STORE_CTX_set_time(ctx, 0, (time_t)(f->manual.wall_ms / 1000));
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_EXTENDED_CRL_SUPPORT |
                                      X509_V_FLAG_X509_STRICT);
    (void)X509_verify_cert(ctx);
    int error = X509_STORE_CTX_get_error(ctx);
    sk_X509_free(chain);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_CRL_free(crl);
    X509_free(root);
    X509_free(issuer);
    X509_free(cert);
    return error;
}

/* Both keys' certificates hold, each on a list that its own issuer signs, also after reopening. */
static void test_rollover(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued old;
    cairn_ca_issued fresh;
    uint64_t next_ms = 0;
    assert_int_equal(ca_issue_one(f, CAIRN_CA_DEVICE_BOOTSTRAP, &old), CAIRN_OK);
    roll_over(f);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &fresh), CAIRN_OK);
    assert_false(cairn_bytes_equal(old.issuers[0], fresh.issuers[0]));
    for (int round = 0; round < 2; round++) {
        assert_int_equal(verify_by(f, &old), X509_V_OK);
        assert_int_equal(verify_by(f, &fresh), X509_V_OK);
        cairn_clock_manual_advance_ms(&f->manual, 3ull * 86400 * 1000);
        assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
        cairn_bytes issuers[2];
        assert_int_equal(cairn_arena_copy(&f->arena, old.issuers[0], &issuers[0]), CAIRN_OK);
        assert_int_equal(cairn_arena_copy(&f->arena, fresh.issuers[0], &issuers[1]), CAIRN_OK);
        old.issuers[0] = issuers[0];
        fresh.issuers[0] = issuers[1];
        cairn_ca_close(f->ca);
        f->ca = NULL;
        assert_int_equal(ca_fixture_open(f), CAIRN_OK);
    }
    assert_int_equal(cairn_ca_revoke(f->ca, old.serial, CAIRN_CA_CESSATION), CAIRN_OK);
    assert_int_equal(verify_by(f, &old), X509_V_ERR_CERT_REVOKED);
    assert_int_equal(verify_by(f, &fresh), X509_V_OK);
    assert_int_equal(cairn_ca_rollover(f->ca, "issue-ca"), CAIRN_ERR_EXISTS);
    assert_int_equal(cairn_ca_rollover(f->ca, "issue-none"), CAIRN_ERR_NOT_FOUND);
}

/* As one that has not looked since. */
static void forget_second(cairn_ca *ca)
{
    ca->generation_count = 1;
    cairn_key_free(CAIRN_STEAL(ca->generations[1].issuing.key));
    cairn_key_free(CAIRN_STEAL(ca->generations[1].responder.key));
}

/* Another process made it: this one follows with its next change. */
static void test_rollover_beside(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    uint64_t next_ms = 0;
    roll_over(f);
    forget_second(f->ca);
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_int_equal(f->ca->generation_count, 2);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    assert_int_equal(verify_by(f, &issued), X509_V_OK);
}

static uint32_t partition_of(ca_fixture *f, const ca_party *party)
{
    cairn_ca_facts facts;
    assert_int_equal(cairn_ca_find(f->ca, party->serial, &f->arena, &facts), CAIRN_OK);
    return facts.partition;
}

/* A responder that an earlier key certifies anew is on that key's list, not on the newest one's. */
static void test_rollover_and_responders(void **state)
{
    ca_fixture *f = *state;
    const ca_generation *g = f->ca->generations;
    uint8_t before[CAIRN_CA_SERIAL_SIZE];
    uint64_t next_ms = 0;
    roll_over(f);
    memcpy(before, g[0].responder.serial, sizeof before);
    cairn_clock_manual_advance_ms(&f->manual, 45ull * 86400 * 1000);
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_memory_not_equal(before, g[0].responder.serial, sizeof before);
    assert_int_equal(partition_of(f, &g[0].responder), g[0].first_partition);
    assert_int_equal(partition_of(f, &g[1].responder), g[1].first_partition);
    assert_int_not_equal(g[0].first_partition, g[1].first_partition);
}

typedef struct issuing {
    ca_fixture *fixture;
    cairn_bytes csr;
    cairn_ca_issued issued;
    cairn_err err;
} issuing;

static void *issue_beside(void *context)
{
    issuing *i = context;
    const cairn_ca_grant grant = ca_grant_of(CAIRN_CA_TLS_CLIENT);
    i->err = cairn_ca_issue(i->fixture->ca, CAIRN_CA_TLS_CLIENT, i->csr, &grant, &i->fixture->arena,
                            &i->issued);
    return NULL;
}

/* Takes away, or gives back, the row by which others know the second key. */
static void change_second(cairn_kv_txn *txn, cairn_bytes value)
{
    const cairn_bytes key = cairn_bytes_of("g\0\0\0\1", 5);
    assert_int_equal(value.size == 0 ? cairn_kv_delete(txn, CA_META, key)
                                     : cairn_kv_put(txn, CA_META, key, value),
                     CAIRN_OK);
    assert_int_equal(cairn_kv_commit(txn), CAIRN_OK);
}

/* Another process rolls over while this one waits for its turn to issue: what it then issues is the
 * new key's, whose list speaks for it. */
static void test_rollover_while_issuing(void **state)
{
    ca_fixture *f = *state;
    issuing i = {.fixture = f, .csr = ca_csr(&f->arena, &(ca_csr_wish){.type = "P-256"})};
    cairn_kv_txn *txn = NULL;
    cairn_bytes row = {0};
    pthread_t thread;
    roll_over(f);
    assert_int_equal(cairn_kv_begin(f->ca->kv, true, &txn), CAIRN_OK);
    assert_int_equal(cairn_kv_get(txn, CA_META, cairn_bytes_of("g\0\0\0\1", 5), &row), CAIRN_OK);
    assert_int_equal(cairn_arena_copy(&f->arena, row, &row), CAIRN_OK);
    change_second(txn, (cairn_bytes){0});
    forget_second(f->ca);
    assert_int_equal(cairn_kv_begin(f->ca->kv, true, &txn), CAIRN_OK);
    assert_int_equal(pthread_create(&thread, NULL, issue_beside, &i), 0);
    (void)usleep(50000); /* it waits by now; if not, nothing is proved and nothing fails */
    change_second(txn, row);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(i.err, CAIRN_OK);
    assert_int_equal(verify_by(f, &i.issued), X509_V_OK);
}

/* After the issuing certificate's end it opens, says what to do, and that helps. */
static void test_rollover_after_the_end(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    f->manual.wall_ms += (uint64_t)3660 * 86400000; /* nobody kept it */
    cairn_ca_close(f->ca);
    f->ca = NULL;
    assert_int_equal(ca_fixture_open(f), CAIRN_OK);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_ERR_EXPIRED);
    assert_non_null(strstr(cairn_err_detail(), "cairn ca rollover"));
    roll_over(f);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    assert_int_equal(verify_by(f, &issued), X509_V_OK);
    uint64_t next_ms = 0;
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK); /* whatever has ended */
    f->manual.wall_ms += (uint64_t)3660 * 86400000;                      /* now the root, too */
    assert_int_equal(cairn_ca_rollover(f->ca, "issue-ca-2"), CAIRN_ERR_EXISTS);
    cairn_key *key = NULL;
    assert_int_equal(cairn_signer_generate(f->signer, "issue-ca-3", CAIRN_KEY_P256, &key),
                     CAIRN_OK);
    cairn_key_free(key);
    assert_int_equal(cairn_ca_rollover(f->ca, "issue-ca-3"), CAIRN_ERR_EXPIRED);
}

/* --- many --- */

static cairn_err count_one(void *context, const cairn_ca_facts *facts)
{
    size_t *counts = context;
    counts[facts->status == CAIRN_CA_STATUS_GOOD ? 0 : 1]++;
    return CAIRN_OK;
}

static void test_all_and_those_of_a_device(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued client;
    cairn_ca_issued device;
    uint8_t serials[4][CAIRN_CA_SERIAL_SIZE];
    size_t count = 9;
    size_t counts[2] = {0, 0};
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &client), CAIRN_OK);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_DEVICE_SERVICE, &device), CAIRN_OK);
    assert_int_equal(cairn_ca_revoke(f->ca, client.serial, CAIRN_CA_UNSPECIFIED), CAIRN_OK);
    assert_int_equal(cairn_ca_each(f->ca, count_one, counts), CAIRN_OK);
    assert_int_equal(counts[0], 4); /* root, issuing, responder, device */
    assert_int_equal(counts[1], 1);
    cairn_ca_facts facts;
    assert_int_equal(cairn_ca_find(f->ca, device.serial, &f->arena, &facts), CAIRN_OK);
    assert_int_equal(cairn_ca_of_device(f->ca, facts.device, NULL, 4, serials, &count), CAIRN_OK);
    assert_int_equal(count, 1);
    assert_memory_equal(serials[0], device.serial, sizeof serials[0]);
    /* one after the other, each once */
    uint8_t last[CAIRN_CA_SERIAL_SIZE] = {0};
    const cairn_bytes name = cairn_bytes_str("d-17");
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(ca_issue_one(f, CAIRN_CA_DEVICE_SERVICE, &device), CAIRN_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(cairn_ca_of_device(f->ca, name, i == 0 ? NULL : last, 1, serials, &count),
                         CAIRN_OK);
        assert_int_equal(count, 1);
        assert_true(memcmp(serials[0], last, sizeof last) > 0);
        memcpy(last, serials[0], sizeof last);
    }
    assert_int_equal(cairn_ca_of_device(f->ca, name, last, 1, serials, &count), CAIRN_OK);
    assert_int_equal(count, 0);
    assert_int_equal(cairn_ca_of_device(f->ca, cairn_bytes_str("nobody"), NULL, 4, serials, &count),
                     CAIRN_OK);
    assert_int_equal(count, 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_profiles),
        T(test_certificate_authorities),
        T(test_names),
        T(test_refusals),
        T(test_any_subject),
        T(test_wishes_are_ignored),
        T(test_grants),
        T(test_keys_are_not_shared),
        T(test_validity),
        T(test_broken_constraints),
        T(test_path_length),
        T(test_revoke),
        T(test_revoke_refusals),
        T(test_partitions),
        T(test_revoke_without_signer),
        T(test_renew),
        T(test_rekey_early),
        T(test_announcements),
        T(test_work_leaves_time_for_announcements),
        T(test_announcing_holds_up_nobody),
        T(test_retiring_without_signer),
        T(test_bad_work_is_passed_over),
        T(test_reopen),
        T(test_reopen_as_kept),
        T(test_kept_makes_nothing),
        T(test_issuing_renewal),
        T(test_issuing_ends_with_root),
        T(test_rollover),
        T(test_rollover_beside),
        T(test_rollover_while_issuing),
        T(test_rollover_and_responders),
        T(test_rollover_after_the_end),
        T(test_all_and_those_of_a_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
