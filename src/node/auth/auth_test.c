/* The authenticators: who is found, and the matrix of what is refused, each with its own reason for
 * the log and the same bytes for the caller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "support/auth_world.h"
#include "support/in_memory.h"
#include "support/log_schema.h"

#define ORG_HEX "0707070707070707070707070707070707070707070707070707070707070707"

/* --- a directory of our own --- */

typedef struct directory {
    cairn_hash kid;         /* a TLS key of the organisation */
    cairn_key *ca;          /* its CA's */
    bool suspended, broken; /* what it says */
    bool revokes;
    cairn_err status; /* instead of whether it does, unless OK */
} directory;

static void fill_party(const directory *d, cairn_auth_party *party)
{
    *party = (cairn_auth_party){.active = !d->suspended, .roles = 9, .tenant = "red"};
    memset(party->organisation.b, 7, sizeof party->organisation.b);
}

static cairn_err find_tls_key(void *context, const cairn_hash *kid, cairn_auth_party *ret_party)
{
    const directory *d = context;
    if (d->broken)
        return CAIRN_FAIL(CAIRN_ERR_IO, "house", "broken");
    if (!cairn_hash_equal(kid, &d->kid))
        return CAIRN_ERR_NOT_FOUND;
    fill_party(d, ret_party);
    return CAIRN_OK;
}

static cairn_err find_issuer(void *context, const cairn_hash *organisation, cairn_bytes key_id,
                             cairn_auth_party *ret_party, cairn_key **ret_key)
{
    const directory *d = context;
    (void)key_id;
    if (organisation->b[0] != 7)
        return CAIRN_ERR_NOT_FOUND;
    fill_party(d, ret_party);
    *ret_key = cairn_key_ref(d->ca);
    return CAIRN_OK;
}

static cairn_err find_revoked(void *context, const cairn_auth_issued *certificate,
                              bool *ret_revoked)
{
    const directory *d = context;
    assert_true(certificate->serial.size == 1 && certificate->serial.data[0] == 42);
    assert_true(certificate->organisation.b[0] == 7);
    assert_ptr_equal(certificate->issuer, d->ca);
    if (d->status != CAIRN_OK)
        return d->status;
    *ret_revoked = d->revokes;
    return CAIRN_OK;
}

static cairn_err find_party(void *context, const cairn_hash *organisation,
                            cairn_auth_party *ret_party)
{
    const directory *d = context;
    if (d->broken)
        return CAIRN_FAIL(CAIRN_ERR_IO, "house", "broken");
    if (organisation->b[0] != 7)
        return CAIRN_ERR_NOT_FOUND;
    fill_party(d, ret_party);
    return CAIRN_OK;
}

static directory dir;
static const cairn_auth_directory ours = {&dir, find_tls_key, find_issuer, find_revoked,
                                          find_party};
static test_world world;
static char reply[TEST_REPLY_MAX], first_refusal[TEST_REPLY_MAX];

static int setup(void **state)
{
    (void)state;
    dir = (directory){.suspended = false};
    world_start(&world, &ours);
    first_refusal[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_stop(&world);
    cairn_key_free(dir.ca);
    return 0;
}

/* --- over the wire --- */

static int ask(const char *scheme, cairn_bytes credentials)
{
    static char field[65536];
    (void)snprintf(field, sizeof field, "Authorization: %s%.*s\r\n", scheme, (int)credentials.size,
                   (const char *)credentials.data);
    world.reason[0] = '\0';
    return test_request(&world.server, "GET", "/whoami", field, "", reply);
}

static void expect_refused(const char *what, int status, const char *reason)
{
    if (status != 401 || strcmp(world.reason, reason) != 0)
        fail_msg("%s: %d %s, not %s", what, status, world.reason, reason);
    if (first_refusal[0] == '\0')
        memcpy(first_refusal, reply, sizeof reply);
    assert_string_equal(reply, first_refusal);
    assert_non_null(strstr(reply, "WWW-Authenticate: Bearer realm=\"cairn\", Basic "));
    assert_non_null(strstr(reply, "application/problem+json"));
}

#define OWN(more)                                                                    \
    "{\"iss\":\"" WORLD_ISSUER "\",\"aud\":\"" WORLD_AUDIENCE "\",\"sub\":\"shop\"," \
    "\"client_id\":\"shop\",\"jti\":\"j\",\"scope\":\"things.read\"" more "}"
#define TIMES ",\"iat\":1700000000,\"exp\":1700000100"

static void test_own_tokens(void **state)
{
    (void)state;
    char kid[64];
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = world_token_key(&world, kid);
    cairn_bytes token = test_jws_sign(&world.arena, key, kid, "at+jwt",
                                      OWN(TIMES ",\"cairn_tenant\":\"red\",\"cairn_roles\":6"));
    assert_int_equal(ask("Bearer ", token), 200);
    assert_string_equal(test_body(reply), "2|shop|red|things.read|6");
    assert_int_equal(ask("bearer ", token), 200);
    assert_string_equal(world.reason, "granted");
}

static void test_own_tokens_that_are_refused(void **state)
{
    (void)state;
    char kid[64];
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = world_token_key(&world, kid);
    static const struct {
        const char *claims, *typ, *reason;
    } rows[] = {
        {OWN(",\"exp\":1699999970"), "at+jwt", "token_expired"},
        {OWN(""), "at+jwt", "token_expiry_missing"},
        {OWN(TIMES ",\"nbf\":1700000031"), "at+jwt", "token_from_the_future"},
        {OWN(",\"iat\":1700000031,\"exp\":1700000100"), "at+jwt", "token_from_the_future"},
        {OWN(",\"iat\":1700000000,\"exp\":1700003601"), "at+jwt", "token_life_too_long"},
        {OWN(TIMES), "jwt", "token_type"},
        {OWN(TIMES ",\"cairn_roles\":-1"), "at+jwt", "token_claims"},
        {OWN(TIMES ",\"cairn_tenant\":7"), "at+jwt", "token_claims"},
        {OWN(TIMES ",\"cairn_organisation\":\"07\""), "at+jwt", "token_claims"},
        {OWN(TIMES ",\"cnf\":{\"x5t#S256\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"),
         "at+jwt", "token_binding"},
        {OWN(TIMES ",\"cnf\":{\"jkt\":\"AAAA\"}"), "at+jwt", "token_malformed"},
        {OWN(TIMES ",\"exp\":1800000000"), "at+jwt", "token_malformed"},
        {"{\"iss\":\"" WORLD_ISSUER
         "\",\"aud\":\"https://other\",\"sub\":\"shop\",\"jti\":\"j\"" TIMES "}",
         "at+jwt", "token_audience"},
        {"{\"iss\":\"https://other\",\"aud\":\"" WORLD_AUDIENCE
         "\",\"sub\":\"s\",\"jti\":\"j\"" TIMES "}",
         "at+jwt", "token_issuer"},
        {"{\"iss\":\"" WORLD_ISSUER "\",\"aud\":\"" WORLD_AUDIENCE "\",\"sub\":\"shop\"" TIMES "}",
         "at+jwt", "token_claims"},
        {"{\"iss\":\"" WORLD_ISSUER "\",\"aud\":\"" WORLD_AUDIENCE "\",\"jti\":\"j\"" TIMES "}",
         "at+jwt", "token_subject_missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_bytes token = test_jws_sign(&world.arena, key, kid, rows[i].typ, rows[i].claims);
        expect_refused(rows[i].claims, ask("Bearer ", token), rows[i].reason);
    }
}

static void test_tokens_that_are_none(void **state)
{
    (void)state;
    char kid[64];
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = world_token_key(&world, kid);
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *stranger = NULL;
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &stranger), CAIRN_OK);
    cairn_arena *a = &world.arena;
    char header[160];
    /* Algorithm none, in every spelling, and a MAC under what everybody knows: the public key. */
    expect_refused("none", ask("Bearer ", test_jws_raw(a, "{\"alg\":\"none\"}", OWN(TIMES), "")),
                   "token_algorithm");
    expect_refused("NONE", ask("Bearer ", test_jws_raw(a, "{\"alg\":\"NONE\"}", OWN(TIMES), "")),
                   "token_algorithm");
    expect_refused("HS256",
                   ask("Bearer ", test_jws_raw(a, "{\"alg\":\"HS256\"}", OWN(TIMES), "mac")),
                   "token_algorithm");
    (void)snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"kid\":\"%s\"}", kid);
    expect_refused("RS256", ask("Bearer ", test_jws_raw(a, header, OWN(TIMES), "sig")),
                   "token_key_unknown");
    /* A foreign key: under its own kid, and under ours. */
    expect_refused("kid", ask("Bearer ", test_jws_sign(a, stranger, "x", "at+jwt", OWN(TIMES))),
                   "token_key_unknown");
    expect_refused("no kid", ask("Bearer ", test_jws_sign(a, key, "", "at+jwt", OWN(TIMES))),
                   "token_key_unknown");
    expect_refused("forged", ask("Bearer ", test_jws_sign(a, stranger, kid, "at+jwt", OWN(TIMES))),
                   "token_signature");
    expect_refused("text", ask("Bearer ", cairn_bytes_str("sesame")), "token_malformed");
    expect_refused("nothing", ask("Bearer", cairn_bytes_str("")), "scheme_unknown");
    expect_refused("two parts", ask("Bearer ", cairn_bytes_str("e30.e30")), "token_malformed");
    expect_refused("scheme", ask("Digest ", cairn_bytes_str("x")), "scheme_unknown");
    cairn_bytes good = test_jws_sign(a, key, kid, "at+jwt", OWN(TIMES));
    static char twice[8192];
    (void)snprintf(twice, sizeof twice,
                   "Authorization: Bearer %.*s\r\nauthorization: Bearer %.*s\r\n", (int)good.size,
                   (const char *)good.data, (int)good.size, (const char *)good.data);
    expect_refused("twice", test_request(&world.server, "GET", "/whoami", twice, "", reply),
                   "authorization_repeated");
    expect_refused("none at all", test_request(&world.server, "GET", "/whoami", "", "", reply),
                   "no_credentials");
}

/* --- foreign issuers --- */

#define FOREIGN(more) \
    "{\"iss\":\"" WORLD_FOREIGN "\",\"aud\":[\"cairn\",\"x\"],\"sub\":\"Ann Example\"" more "}"

/* The first set is fetched in the background. */
static void wait_for_keys(void)
{
    for (int i = 0; i < 2000; i++) {
        CAIRN_CLEANUP(cairn_jwk_set_free_p)
        cairn_jwk_set *set =
            cairn_issuers_keys(world.issuers, cairn_issuers_find(world.issuers, WORLD_FOREIGN));
        if (set != NULL)
            return;
        (void)usleep(10000);
    }
    fail_msg("no keys were fetched");
}

static void test_foreign_tokens(void **state)
{
    (void)state;
    wait_for_keys();
    cairn_bytes token = test_jws_sign(
        &world.arena, world.foreign_key, "f1", "JWT",
        FOREIGN(TIMES ",\"scp\":[\"things.read\",\"things.write\",\"admin\",\"things.read\"]"));
    assert_int_equal(ask("Bearer ", token), 200);
    assert_memory_equal(test_body(reply), "2|foreign:", 10);
    assert_null(strstr(reply, "Ann"));
    assert_non_null(strstr(reply, "|blue|things.read|2"));
    token = test_jws_sign(&world.arena, world.foreign_key, "f1", "JWT",
                          FOREIGN(TIMES ",\"scp\":\" admin  things.read \""));
    assert_int_equal(ask("Bearer ", token), 200);
    assert_non_null(strstr(reply, "|blue|things.read|2"));
}

static void test_foreign_tokens_that_are_refused(void **state)
{
    (void)state;
    char kid[64];
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = world_token_key(&world, kid);
    cairn_arena *a = &world.arena;
    wait_for_keys();
    expect_refused("our key", ask("Bearer ", test_jws_sign(a, key, kid, "JWT", FOREIGN(TIMES))),
                   "token_key_unknown");
    expect_refused("our issuer, their key",
                   ask("Bearer ", test_jws_sign(a, world.foreign_key, "f1", "at+jwt", OWN(TIMES))),
                   "token_key_unknown");
    expect_refused("expired",
                   ask("Bearer ", test_jws_sign(a, world.foreign_key, "f1", "JWT",
                                                FOREIGN(",\"exp\":1600000000"))),
                   "token_expired");
    expect_refused("audience",
                   ask("Bearer ", test_jws_sign(a, world.foreign_key, "f1", "JWT",
                                                "{\"iss\":\"" WORLD_FOREIGN
                                                "\",\"aud\":\"x\",\"sub\":\"s\"" TIMES "}")),
                   "token_audience");
    expect_refused(
        "type",
        ask("Bearer ", test_jws_sign(a, world.foreign_key, "f1", "logout+jwt", FOREIGN(TIMES))),
        "token_type");
}

/* --- what is remembered of a token --- */

#define OF_SEVEN TIMES ",\"cairn_organisation\":\"" ORG_HEX "\""

/* Nothing that ends a token is put off by its having been seen. */
static void test_what_ends_a_token_that_is_remembered(void **state)
{
    (void)state;
    char kid[64];
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = world_token_key(&world, kid);
    cairn_bytes token = test_jws_sign(&world.arena, key, kid, "at+jwt", OWN(OF_SEVEN));
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask("Bearer ", token), 200);
    dir.suspended = true;
    expect_refused("suspended", ask("Bearer ", token), "organisation_not_active");
    dir.suspended = false;
    dir.broken = true;
    assert_int_equal(ask("Bearer ", token), 503);
    dir.broken = false;
    assert_int_equal(ask("Bearer ", token), 200);
    world.manual.wall_ms -= 3600000; /* before it was issued */
    expect_refused("clock", ask("Bearer ", token), "token_from_the_future");
    world.manual.wall_ms += 3600000;
    assert_int_equal(ask("Bearer ", token), 200);
    assert_int_equal(cairn_accounts_revoke_token(world.accounts, cairn_bytes_str("j"),
                                                 UINT64_MAX / 2, world_now_ms),
                     CAIRN_OK);
    expect_refused("revoked", ask("Bearer ", token), "token_revoked");
}

static void test_a_token_that_is_remembered_expires(void **state)
{
    (void)state;
    char kid[64];
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = world_token_key(&world, kid);
    cairn_bytes token = test_jws_sign(&world.arena, key, kid, "at+jwt", OWN(TIMES));
    assert_int_equal(ask("Bearer ", token), 200);
    cairn_clock_manual_advance_ms(&world.manual, 100000 + CAIRN_JWT_SKEW_MS - 1);
    assert_int_equal(ask("Bearer ", token), 200);
    cairn_clock_manual_advance_ms(&world.manual, 1);
    expect_refused("expired", ask("Bearer ", token), "token_expired");
}

/* An issuer that takes a key back takes back what was verified by it. */
static void test_a_token_ends_with_its_key(void **state)
{
    (void)state;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *next = NULL;
    int status = 200;
    wait_for_keys();
    cairn_bytes token = test_jws_sign(&world.arena, world.foreign_key, "f1", "JWT", FOREIGN(TIMES));
    assert_int_equal(ask("Bearer ", token), 200);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_ED25519, &next), CAIRN_OK);
    (void)pthread_mutex_lock(&world.lock);
    world_jwks(&world.arena, next, "f2", world.jwks, sizeof world.jwks);
    (void)pthread_mutex_unlock(&world.lock);
    cairn_clock_manual_advance_ms(&world.manual, 31000); /* may be tried again */
    cairn_bytes fresh = test_jws_sign(&world.arena, next, "f2", "JWT", FOREIGN(TIMES));
    for (int i = 0; i < 2000 && (i == 0 || status != 200); i++) {
        status = ask("Bearer ", fresh);
        (void)usleep(10000);
    }
    assert_int_equal(status, 200);
    expect_refused("old key", ask("Bearer ", token), "token_key_unknown");
}

/* --- Basic --- */

static int ask_basic(const char *plain)
{
    char text[1024];
    cairn_base64_encode(cairn_bytes_str(plain), text);
    return ask("Basic ", cairn_bytes_str(text));
}

static void test_basic(void **state)
{
    (void)state;
    assert_int_equal(ask_basic("ann:battery staple"), 200);
    assert_string_equal(test_body(reply), "3|user:ann|red|things.read things.write|5");
    expect_refused("wrong", ask_basic("ann:battery stable"), "basic_wrong");
    expect_refused("unknown", ask_basic("bob:battery staple"), "basic_wrong");
    expect_refused("a client", ask_basic("shop:correct horse"), "basic_wrong");
    expect_refused("no colon", ask_basic("ann"), "basic_malformed");
    expect_refused("empty", ask_basic(":"), "basic_wrong");
    expect_refused("not UTF-8", ask_basic("ann:\xff"), "basic_malformed");
    expect_refused("broken", ask_basic("ann:broken staple\xff"), "basic_malformed");
    assert_false(in_memory("battery staple"));
    assert_false(in_memory("battery stable"));
    assert_false(in_memory("broken staple"));
    expect_refused("not base64", ask("Basic ", cairn_bytes_str("!!!!")), "basic_malformed");
    expect_refused("padding", ask("Basic ", cairn_bytes_str("YW5u")), "basic_malformed");
    cairn_clock_manual_advance_ms(&world.manual, 86400000);
    expect_refused("expired", ask_basic("ann:battery staple"), "basic_expired");
}

/* --- certificates --- */

typedef struct recipe {
    const char *uri;      /* NULL: none */
    const char *uri_more; /* a second one */
    const char *usage;    /* extended; NULL: none */
    const char *constraints;
    cairn_key *subject, *issuer;
    int64_t begins_s, ends_s;
} recipe;

static EVP_PKEY *pkey_of(const cairn_key *key)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_bytes pem;
    cairn_arena_init(&arena, 1 << 14);
    assert_int_equal(cairn_key_to_pem(key, true, &arena, &pem), CAIRN_OK);
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    assert_non_null(pkey);
    (void)BIO_free(bio);
    return pkey;
}

static void add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static cairn_bytes make_certificate(const recipe *r)
{
    char names[512];
    X509 *x = X509_new();
    EVP_PKEY *subject = pkey_of(r->subject);
    EVP_PKEY *issuer = pkey_of(r->issuer == NULL ? r->subject : r->issuer);
    int64_t now = (int64_t)(world_now_ms / 1000);
    assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 42), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x), now + r->begins_s));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x), now + (r->ends_s == 0 ? 60 : r->ends_s)));
    assert_int_equal(X509_set_pubkey(x, subject), 1);
    if (r->uri != NULL) {
        (void)snprintf(names, sizeof names, "URI:%s%s%s", r->uri,
                       r->uri_more == NULL ? "" : ",URI:", r->uri_more == NULL ? "" : r->uri_more);
        add_extension(x, NID_subject_alt_name, names);
    }
    if (r->usage != NULL)
        add_extension(x, NID_ext_key_usage, r->usage);
    add_extension(x, NID_key_usage, "critical,digitalSignature");
    if (r->constraints != NULL)
        add_extension(x, NID_basic_constraints, r->constraints);
    assert_true(X509_sign(x, issuer, EVP_sha256()) > 0);
    uint8_t *der = NULL;
    int size = i2d_X509(x, &der);
    assert_true(size > 0);
    cairn_bytes copy;
    assert_int_equal(cairn_arena_copy(&world.arena, cairn_bytes_of(der, (size_t)size), &copy),
                     CAIRN_OK);
    OPENSSL_free(der);
    EVP_PKEY_free(subject);
    EVP_PKEY_free(issuer);
    X509_free(x);
    return copy;
}

typedef struct kept {
    cairn_auth_result result;
    bool done; /* atomic */
} kept;

static void keep_result(void *context, const cairn_auth_result *result)
{
    kept *k = context;
    k->result = *result;
    __atomic_store_n(&k->done, true, __ATOMIC_RELEASE);
}

/* Whom the authenticators find, on whatever thread. */
static cairn_auth_result authenticate(const cairn_http_request *request, cairn_bytes certificate)
{
    const cairn_auth_evidence evidence = {request, certificate};
    cairn_authenticator a = cairn_auth_authenticator(world.auth);
    kept k = {.done = false};
    a.authenticate(a.context, &evidence, keep_result, &k);
    while (!__atomic_load_n(&k.done, __ATOMIC_ACQUIRE))
        (void)usleep(100);
    return k.result;
}

static cairn_auth_result present(cairn_bytes certificate)
{
    const cairn_http_request request = {.method = CAIRN_HTTP_GET};
    return authenticate(&request, certificate);
}

static void expect_certificate(const recipe *r, const char *reason)
{
    cairn_auth_result result = present(make_certificate(r));
    if (reason == NULL) {
        assert_int_equal(result.verdict, CAIRN_AUTH_FOUND);
        assert_int_equal(result.principal.method, CAIRN_AUTH_MTLS);
        assert_int_equal(result.principal.organisation.b[31], 7);
        assert_int_equal(result.principal.roles, 9);
        assert_string_equal(result.principal.scopes, "things.read");
        assert_memory_equal(result.principal.subject, "key:", 4);
        return;
    }
    if (result.verdict != CAIRN_AUTH_REFUSED || strcmp(result.reason, reason) != 0)
        fail_msg("%d %s, not %s", (int)result.verdict, result.reason == NULL ? "-" : result.reason,
                 reason);
}

static void test_keys_of_the_ledger(void **state)
{
    (void)state;
    static const cairn_key_type types[] = {CAIRN_KEY_P256, CAIRN_KEY_P384};
    for (size_t i = 0; i < 2; i++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *stranger = NULL;
        assert_int_equal(cairn_key_generate(types[i], &key), CAIRN_OK);
        assert_int_equal(cairn_key_generate(types[i], &stranger), CAIRN_OK);
        dir = (directory){.kid = *cairn_key_id(key)};
        expect_certificate(&(recipe){.subject = key}, NULL);
        expect_certificate(&(recipe){.subject = stranger}, "certificate_unknown");
        expect_certificate(&(recipe){.subject = key, .begins_s = -100, .ends_s = -1},
                           "certificate_expired");
        expect_certificate(&(recipe){.subject = key, .begins_s = 10}, "certificate_expired");
        dir.suspended = true;
        expect_certificate(&(recipe){.subject = key}, "organisation_not_active");
        dir = (directory){.broken = true};
        assert_int_equal(present(make_certificate(&(recipe){.subject = key})).verdict,
                         CAIRN_AUTH_UNAVAILABLE);
    }
    assert_string_equal(present(cairn_bytes_str("0")).reason, "certificate_malformed");
}

static void test_certificates_of_a_ca(void **state)
{
    (void)state;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *other_ca = NULL;
    static const char uri[] = "cairn://org/" ORG_HEX;
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &key), CAIRN_OK);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &other_ca), CAIRN_OK);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P384, &dir.ca), CAIRN_OK);
    const recipe good = {.uri = uri, .usage = "clientAuth", .subject = key, .issuer = dir.ca};
    recipe r = good;
    expect_certificate(&r, NULL);
    r.issuer = other_ca; /* another organisation's CA names ours */
    expect_certificate(&r, "certificate_signature");
    r.issuer = NULL; /* self-signed */
    expect_certificate(&r, "certificate_signature");
    r = good;
    r.usage = "serverAuth";
    expect_certificate(&r, "certificate_use");
    r.usage = NULL;
    expect_certificate(&r, "certificate_use");
    r = good;
    r.constraints = "critical,CA:TRUE";
    expect_certificate(&r, "certificate_use");
    r = good;
    r.uri = NULL;
    expect_certificate(&r, "certificate_unknown");
    r.uri = "cairn://org/0807070707070707070707070707070707070707070707070707070707070707";
    expect_certificate(&r, "certificate_unknown");
    r.uri = "cairn://org/" ORG_HEX "00";
    expect_certificate(&r, "certificate_unknown");
    r = good;
    r.uri_more = "cairn://org/0807070707070707070707070707070707070707070707070707070707070707";
    expect_certificate(&r, "certificate_unknown");
    dir.revokes = true;
    expect_certificate(&good, "certificate_revoked");
    dir.revokes = false;
    dir.status = CAIRN_ERR_NOT_FOUND; /* nobody can ever know */
    expect_certificate(&good, "certificate_status");
    dir.status = CAIRN_OK;
    dir.suspended = true;
    expect_certificate(&good, "organisation_not_active");
}

/* RFC 8705: the token of one certificate is of no use with another. */
static void test_bound_tokens(void **state)
{
    (void)state;
    char kid[64], thumbprint[48], claims[1024];
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = world_token_key(&world, kid);
    cairn_bytes mine = make_certificate(&(recipe){.subject = key});
    cairn_bytes other = make_certificate(&(recipe){.subject = key, .ends_s = 61});
    cairn_hash hash;
    cairn_sha256_of(mine.data, mine.size, &hash);
    cairn_base64url_encode(cairn_bytes_hash(&hash), thumbprint);
    (void)snprintf(claims, sizeof claims, OWN(TIMES ",\"cnf\":{\"x5t#S256\":\"%s\"}"), thumbprint);
    cairn_bytes token = test_jws_sign(&world.arena, key, kid, "at+jwt", claims);
    char value[4096];
    int size =
        snprintf(value, sizeof value, "Bearer %.*s", (int)token.size, (const char *)token.data);
    const cairn_http_header header = {cairn_bytes_str("Authorization"),
                                      cairn_bytes_of(value, (size_t)size)};
    const cairn_http_request request = {.headers = &header, .header_count = 1};
    const struct {
        cairn_bytes certificate;
        cairn_auth_verdict verdict;
    } rows[] = {{mine, CAIRN_AUTH_FOUND},
                {other, CAIRN_AUTH_REFUSED},
                {cairn_bytes_of(NULL, 0), CAIRN_AUTH_REFUSED}};
    for (size_t i = 0; i < 3; i++) {
        const cairn_auth_result result = authenticate(&request, rows[i].certificate);
        assert_int_equal(result.verdict, rows[i].verdict);
        if (result.verdict == CAIRN_AUTH_REFUSED)
            assert_string_equal(result.reason, "token_binding");
    }
}

static void test_log_schema(void **state)
{
    (void)state;
    log_schema_check(&cairn_oauth_log_events);
    log_schema_check(&cairn_issuers_log_events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_own_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_own_tokens_that_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tokens_that_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_tokens_that_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_ends_a_token_that_is_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_token_that_is_remembered_expires, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_token_ends_with_its_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_basic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_of_the_ledger, setup, teardown),
        cmocka_unit_test_setup_teardown(test_certificates_of_a_ca, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound_tokens, setup, teardown),
        cmocka_unit_test(test_log_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
