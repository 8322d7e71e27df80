/* Client certificates: a key that the ledger knows, or one that an organisation's own CA has named.
 *
 * That the peer holds the private key is TLS's verdict; everything else is looked at here, so that
 * neither the issuer of a self-signed certificate nor another organisation's CA has a say. */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "ledger/registry.h"
#include "node/auth/auth_impl.h"

#define URI_PREFIX "cairn://org/" /* identity/ca/ca.h: profile tls-client */

static void x509_free_p(X509 **certificate)
{
    X509_free(*certificate);
}

static void bio_free_p(BIO **bio)
{
    (void)BIO_free(*bio);
}

/* Exactly one certificate. */
static X509 *parse(cairn_bytes der)
{
    const uint8_t *at = der.data;
    if (der.size == 0 || der.size > CAIRN_CERTIFICATE_SIZE_MAX)
        return NULL;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
    if (certificate != NULL && at != der.data + der.size) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

/* The subject's key as one of ours: by way of PEM, whose reader is strict. */
static cairn_err key_of(X509 *certificate, cairn_key **ret_key)
{
    CAIRN_CLEANUP(bio_free_p) BIO *bio = BIO_new(BIO_s_mem());
    const EVP_PKEY *pkey = X509_get0_pubkey(certificate);
    char *text = NULL;
    if (bio == NULL || pkey == NULL || PEM_write_bio_PUBKEY(bio, (EVP_PKEY *)(uintptr_t)pkey) != 1)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "RFC 5280 section 4.1.2.7", "certificate: key");
    long size = BIO_get_mem_data(bio, &text);
    return cairn_key_from_pem(cairn_bytes_of(text, (size_t)size), ret_key);
}

static bool is_valid_now(const X509 *certificate, uint64_t now_ms)
{
    time_t now = (time_t)(now_ms / 1000);
    return X509_cmp_time(X509_get0_notBefore(certificate), &now) == -1 &&
           X509_cmp_time(X509_get0_notAfter(certificate), &now) == 1;
}

static void fill_principal(const cairn_auth *auth, const cairn_auth_party *party,
                           const cairn_hash *kid, cairn_principal *principal)
{
    static const char prefix[] = "key:";
    *principal = (cairn_principal){.method = CAIRN_AUTH_MTLS,
                                   .has_organisation = true,
                                   .organisation = party->organisation,
                                   .roles = party->roles,
                                   .expires_ms = UINT64_MAX};
    memcpy(principal->tenant, party->tenant, sizeof principal->tenant);
    memcpy(principal->subject, prefix, sizeof prefix - 1);
    cairn_hex_encode(cairn_bytes_hash(kid), principal->subject + sizeof prefix - 1);
    (void)snprintf(principal->scopes, sizeof principal->scopes, "%s",
                   auth->options.mtls_scopes == NULL ? "" : auth->options.mtls_scopes);
}

static cairn_auth_result by_party(const cairn_auth *auth, const cairn_auth_party *party,
                                  const cairn_hash *kid)
{
    cairn_auth_result result = {.verdict = CAIRN_AUTH_FOUND};
    if (!party->active)
        return cairn_auth_refused(cairn_auth_reason_ORGANISATION);
    fill_principal(auth, party, kid, &result.principal);
    return result;
}

/* --- issued by an organisation's CA --- */

/* The organisation of the one URI name; there must be no other URI. */
static bool organisation_of(X509 *certificate, cairn_hash *ret_organisation)
{
    size_t uris = 0;
    bool good = false;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI)
            continue;
        const ASN1_STRING *uri = name->d.uniformResourceIdentifier;
        char text[sizeof URI_PREFIX + 64] = "";
        uris++;
        if (ASN1_STRING_length(uri) != (int)sizeof text - 1)
            continue;
        memcpy(text, ASN1_STRING_get0_data(uri), sizeof text - 1);
        good = memcmp(text, URI_PREFIX, sizeof URI_PREFIX - 1) == 0 &&
               strspn(text + sizeof URI_PREFIX - 1, "0123456789abcdef") == 64 &&
               cairn_hex_decode(text + sizeof URI_PREFIX - 1, ret_organisation->b, 32) == CAIRN_OK;
    }
    GENERAL_NAMES_free(names);
    return good && uris == 1;
}

/* An end entity that may sign, for TLS clients; its serial is positive (RFC 5280 4.1.2.2). */
static bool may_be_client(X509 *certificate)
{
    uint32_t usage = X509_get_extended_key_usage(certificate);
    return X509_get_version(certificate) == X509_VERSION_3 &&
           ASN1_STRING_type(X509_get0_serialNumber(certificate)) == V_ASN1_INTEGER &&
           (X509_get_extension_flags(certificate) & (EXFLAG_CA | EXFLAG_CRITICAL)) == 0 &&
           usage != UINT32_MAX && (usage & XKU_SSL_CLIENT) != 0 &&
           (X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) != 0;
}

static bool is_signed_by(X509 *certificate, const cairn_key *issuer)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_bytes pem = {0};
    cairn_arena_init(&arena, 1 << 14);
    if (cairn_key_to_pem(issuer, false, &arena, &pem) != CAIRN_OK)
        return false;
    CAIRN_CLEANUP(bio_free_p) BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    EVP_PKEY *pkey = bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    bool good = pkey != NULL && X509_verify(certificate, pkey) == 1;
    EVP_PKEY_free(pkey);
    return good;
}

/* The first URI of the first distribution point, in the arena; empty without one. */
static cairn_err list_url_of(const X509 *certificate, cairn_arena *arena, cairn_bytes *ret_url)
{
    cairn_err err = CAIRN_OK;
    STACK_OF(DIST_POINT) *points =
        X509_get_ext_d2i(certificate, NID_crl_distribution_points, NULL, NULL);
    const DIST_POINT *point = sk_DIST_POINT_num(points) > 0 ? sk_DIST_POINT_value(points, 0) : NULL;
    const GENERAL_NAMES *names =
        point == NULL || point->distpoint == NULL || point->distpoint->type != 0
            ? NULL
            : point->distpoint->name.fullname;
    const GENERAL_NAME *name =
        names == NULL || sk_GENERAL_NAME_num(names) == 0 ? NULL : sk_GENERAL_NAME_value(names, 0);
    if (name != NULL && name->type == GEN_URI) {
        const ASN1_STRING *uri = name->d.uniformResourceIdentifier;
        err = cairn_arena_copy(
            arena, cairn_bytes_of(ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri)),
            ret_url);
    }
    CRL_DIST_POINTS_free(points);
    return err;
}

static cairn_err is_revoked(const cairn_auth *auth, const cairn_hash *organisation,
                            const X509 *certificate, const cairn_key *issuer, bool *ret_revoked)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    const cairn_auth_directory *d = &auth->options.directory;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    cairn_auth_issued issued = {
        .organisation = *organisation,
        .serial = cairn_bytes_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)),
        .issuer = issuer};
    cairn_arena_init(&arena, 2 * CAIRN_CERTIFICATE_SIZE_MAX);
    CAIRN_TRY(list_url_of(certificate, &arena, &issued.list_url));
    return d->revoked(d->context, &issued, ret_revoked);
}

/* NULL when nothing speaks against it. */
static const char *check_revocation(const cairn_auth *auth, const cairn_hash *organisation,
                                    const X509 *certificate, const cairn_key *issuer,
                                    cairn_err *ret_err)
{
    bool revoked = false;
    if (auth->options.directory.revoked == NULL)
        return NULL;
    cairn_err err = is_revoked(auth, organisation, certificate, issuer, &revoked);
    if (err == CAIRN_ERR_NOT_FOUND)
        return cairn_auth_reason_CERTIFICATE_STATUS;
    *ret_err = err;
    return revoked ? cairn_auth_reason_CERTIFICATE_REVOKED : NULL;
}

static cairn_bytes issuer_key_id(const X509 *certificate)
{
    const ASN1_OCTET_STRING *id = X509_get0_authority_key_id((X509 *)(uintptr_t)certificate);
    return id == NULL ? cairn_bytes_of(NULL, 0)
                      : cairn_bytes_of(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id));
}

/* When the certificate ends; at once if that cannot be told. */
static uint64_t end_ms(const X509 *certificate)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
        return 0;
    time_t end = timegm(&tm);
    return end < 0 ? 0 : (uint64_t)end * 1000;
}

static cairn_auth_result by_issuer(const cairn_auth *auth, X509 *certificate, const cairn_hash *kid)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *issuer = NULL;
    const cairn_auth_directory *d = &auth->options.directory;
    cairn_auth_party party = {.active = false};
    cairn_hash organisation;
    if (d->issuer == NULL || !organisation_of(certificate, &organisation))
        return cairn_auth_refused(cairn_auth_reason_CERTIFICATE_UNKNOWN);
    if (!may_be_client(certificate))
        return cairn_auth_refused(cairn_auth_reason_CERTIFICATE_USE);
    cairn_err err =
        d->issuer(d->context, &organisation, issuer_key_id(certificate), &party, &issuer);
    if (err == CAIRN_ERR_NOT_FOUND)
        return cairn_auth_refused(cairn_auth_reason_CERTIFICATE_UNKNOWN);
    if (err != CAIRN_OK)
        return cairn_auth_unavailable(cairn_auth_reason_INTERNAL);
    if (!is_signed_by(certificate, issuer))
        return cairn_auth_refused(cairn_auth_reason_CERTIFICATE_SIGNATURE);
    const char *reason = check_revocation(auth, &organisation, certificate, issuer, &err);
    if (err != CAIRN_OK)
        return cairn_auth_unavailable(cairn_auth_reason_INTERNAL);
    if (reason != NULL)
        return cairn_auth_refused(reason);
    cairn_auth_result result = by_party(auth, &party, kid);
    result.principal.expires_ms = end_ms(certificate);
    return result;
}

/* --- both --- */

cairn_auth_result cairn_auth_certificate(const cairn_auth *auth, cairn_bytes der)
{
    CAIRN_CLEANUP(x509_free_p) X509 *certificate = parse(der);
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    const cairn_auth_directory *d = &auth->options.directory;
    cairn_auth_party party = {.active = false};
    if (certificate == NULL)
        return cairn_auth_refused(cairn_auth_reason_CERTIFICATE_FORM);
    if (!is_valid_now(certificate, cairn_clock_wall_ms(&auth->options.clock)))
        return cairn_auth_refused(cairn_auth_reason_CERTIFICATE_TIME);
    if (key_of(certificate, &key) != CAIRN_OK)
        return cairn_auth_refused(cairn_auth_reason_CERTIFICATE_UNKNOWN);
    cairn_err err = d->tls_key == NULL ? CAIRN_ERR_NOT_FOUND
                                       : d->tls_key(d->context, cairn_key_id(key), &party);
    if (err == CAIRN_OK)
        return by_party(auth, &party, cairn_key_id(key));
    if (err != CAIRN_ERR_NOT_FOUND)
        return cairn_auth_unavailable(cairn_auth_reason_INTERNAL);
    return by_issuer(auth, certificate, cairn_key_id(key));
}

bool cairn_auth_vouches(void *auth, cairn_bytes certificate)
{
    const cairn_auth_result result = cairn_auth_certificate(auth, certificate);
    return result.verdict == CAIRN_AUTH_FOUND || result.verdict == CAIRN_AUTH_UNAVAILABLE;
}
