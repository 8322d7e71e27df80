/* OCSP as OpenSSL's client sees it: good, revoked, unknown, foreign; nonces, rates, staleness; and
 * requests that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ocsp.h>
#include <pthread.h>

#include "identity/ca/ca_impl.h"
#include "support/ca_fixture.h"

static int set_up(void **state)
{
    static ca_fixture f;
    /* OCSP_check_validity asks the machine for the time */
    ca_fixture_init(&f, (uint64_t)time(NULL));
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
    return cert;
}

/* --- a request, and the wait for its answer --- */

typedef struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool full;
    cairn_ca_ocsp_answer answer;
} mailbox;

static void deliver(void *context, const cairn_ca_ocsp_answer *answer)
{
    mailbox *box = context;
    assert_int_equal(pthread_mutex_lock(&box->lock), 0);
    assert_false(box->full);
    box->answer = *answer;
    box->full = true;
    assert_int_equal(pthread_cond_signal(&box->changed), 0);
    assert_int_equal(pthread_mutex_unlock(&box->lock), 0);
}

static cairn_ca_ocsp_answer ask_bytes(ca_fixture *f, cairn_bytes request)
{
    mailbox box = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    cairn_ca_ocsp(f->ca, request, &f->arena, deliver, &box);
    assert_int_equal(pthread_mutex_lock(&box.lock), 0);
    while (!box.full)
        assert_int_equal(pthread_cond_wait(&box.changed, &box.lock), 0);
    assert_int_equal(pthread_mutex_unlock(&box.lock), 0);
    return box.answer;
}

static OCSP_CERTID *id_of(ca_fixture *f, const uint8_t *serial, const EVP_MD *md)
{
    cairn_bytes issuing = {0};
    cairn_bytes root = {0};
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    cairn_ca_chain(f->ca, &issuing, &root);
    X509 *issuer = read_cert(issuing);
    assert_int_equal(ASN1_STRING_set(number, serial, CAIRN_CA_SERIAL_SIZE), 1);
    OCSP_CERTID *id = OCSP_cert_id_new(md, X509_get_subject_name(issuer),
                                       X509_get0_pubkey_bitstr(issuer), number);
    assert_non_null(id);
    ASN1_INTEGER_free(number);
    X509_free(issuer);
    return id;
}

static OCSP_REQUEST *request_of(ca_fixture *f, const uint8_t *serial, const EVP_MD *md)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    assert_non_null(OCSP_request_add0_id(request, id_of(f, serial, md)));
    return request;
}

static cairn_bytes encode(ca_fixture *f, OCSP_REQUEST *request)
{
    unsigned char *der = NULL;
    cairn_bytes copy = {0};
    int size = i2d_OCSP_REQUEST(request, &der);
    assert_true(size > 0);
    assert_int_equal(cairn_arena_copy(&f->arena, cairn_bytes_of(der, (size_t)size), &copy),
                     CAIRN_OK);
    OPENSSL_free(der);
    return copy;
}

static int refusal(ca_fixture *f, cairn_bytes request)
{
    cairn_ca_ocsp_answer answer = ask_bytes(f, request);
    const unsigned char *at = answer.body.data;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)answer.body.size);
    assert_non_null(response);
    int status = OCSP_response_status(response);
    OCSP_RESPONSE_free(response);
    return status;
}

typedef struct verdict {
    int status, reason;
    bool nonce;
    uint64_t max_age_s;
    cairn_bytes body;
} verdict;

static void check_basic(ca_fixture *f, OCSP_REQUEST *request, OCSP_BASICRESP *basic, verdict *v)
{
    cairn_bytes issuing = {0};
    cairn_bytes root = {0};
    cairn_ca_chain(f->ca, &issuing, &root);
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *between = sk_X509_new_null();
    X509 *anchor = read_cert(root);
    X509 *middle = read_cert(issuing);
    assert_int_equal(X509_STORE_add_cert(store, anchor), 1);
    assert_true(sk_X509_push(between, middle) > 0);
    assert_int_equal(OCSP_basic_verify(basic, between, store, 0), 1);
    int nonce = OCSP_check_nonce(request, basic);
    assert_int_not_equal(nonce, 0);
    v->nonce = nonce == 1;
    for (int i = 0; i < OCSP_request_onereq_count(request); i++) {
        ASN1_GENERALIZEDTIME *this_update = NULL;
        ASN1_GENERALIZEDTIME *next_update = NULL;
        OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, i));
        assert_int_equal(OCSP_resp_find_status(basic, id, &v->status, &v->reason, NULL,
                                               &this_update, &next_update),
                         1);
        assert_int_equal(OCSP_check_validity(this_update, next_update, 300, -1), 1);
    }
    sk_X509_free(between);
    X509_free(middle);
    X509_free(anchor);
    X509_STORE_free(store);
}

static verdict ask(ca_fixture *f, OCSP_REQUEST *request)
{
    verdict v = {.status = -1, .reason = -1};
    cairn_ca_ocsp_answer answer = ask_bytes(f, encode(f, request));
    const unsigned char *at = answer.body.data;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)answer.body.size);
    assert_non_null(response);
    assert_ptr_equal(at, answer.body.data + answer.body.size);
    assert_int_equal(OCSP_response_status(response), OCSP_RESPONSE_STATUS_SUCCESSFUL);
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    assert_non_null(basic);
    check_basic(f, request, basic, &v);
    v.max_age_s = answer.max_age_s;
    v.body = answer.body;
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    return v;
}

static verdict ask_about(ca_fixture *f, const uint8_t *serial, const EVP_MD *md, bool nonce)
{
    OCSP_REQUEST *request = request_of(f, serial, md);
    if (nonce)
        assert_int_equal(OCSP_request_add1_nonce(request, NULL, 32), 1);
    verdict v = ask(f, request);
    OCSP_REQUEST_free(request);
    return v;
}

/* --- tests --- */

static void test_good_and_revoked(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    assert_int_equal(ca_issue_one(f, CAIRN_CA_DEVICE_SERVICE, &issued), CAIRN_OK);
    const EVP_MD *const digests[] = {EVP_sha1(), EVP_sha256()};
    for (size_t i = 0; i < 2; i++) {
        unsigned before = ca_signer_count;
        verdict v = ask_about(f, issued.serial, digests[i], false);
        assert_int_equal(v.status, V_OCSP_CERTSTATUS_GOOD);
        assert_int_equal(v.max_age_s, 300);
        assert_int_equal(ca_signer_count, before); /* it was ready */
    }
    assert_int_equal(cairn_ca_revoke(f->ca, issued.serial, CAIRN_CA_KEY_COMPROMISE), CAIRN_OK);
    for (size_t i = 0; i < 2; i++) {
        unsigned before = ca_signer_count;
        verdict v = ask_about(f, issued.serial, digests[i], false);
        assert_int_equal(v.status, V_OCSP_CERTSTATUS_REVOKED);
        assert_int_equal(v.reason, OCSP_REVOKED_STATUS_KEYCOMPROMISE);
        assert_int_equal(ca_signer_count, before);
    }
    assert_int_equal(ask_about(f, issued.serial, EVP_sha1(), true).status,
                     V_OCSP_CERTSTATUS_REVOKED);
}

static void test_nonce(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    verdict v = ask_about(f, issued.serial, EVP_sha1(), true);
    assert_true(v.nonce);
    assert_int_equal(v.status, V_OCSP_CERTSTATUS_GOOD);
    assert_int_equal(v.max_age_s, 0);
}

/* Past the rate the answer comes from stock, without the nonce; what is not in stock has to wait.
 */
static void test_rate(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    uint8_t unknown[CAIRN_CA_SERIAL_SIZE] = {0x41};
    cairn_ca_close(f->ca);
    f->options.demand_rate = 2;
    assert_int_equal(ca_fixture_open(f), CAIRN_OK);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    assert_true(ask_about(f, issued.serial, EVP_sha1(), true).nonce);
    assert_int_equal(ask_about(f, unknown, EVP_sha1(), false).status, V_OCSP_CERTSTATUS_UNKNOWN);
    verdict v = ask_about(f, issued.serial, EVP_sha1(), true);
    assert_false(v.nonce);
    assert_int_equal(v.status, V_OCSP_CERTSTATUS_GOOD);
    OCSP_REQUEST *request = request_of(f, unknown, EVP_sha1());
    assert_int_equal(refusal(f, encode(f, request)), OCSP_RESPONSE_STATUS_TRYLATER);
    OCSP_REQUEST_free(request);
    cairn_clock_manual_advance_ms(&f->manual, 500);
    assert_true(ask_about(f, issued.serial, EVP_sha1(), true).nonce);
}

static void test_several(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued[2];
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued[i]), CAIRN_OK);
    OCSP_REQUEST *request = request_of(f, issued[0].serial, EVP_sha1());
    assert_non_null(OCSP_request_add0_id(request, id_of(f, issued[1].serial, EVP_sha256())));
    assert_int_equal(cairn_ca_revoke(f->ca, issued[1].serial, CAIRN_CA_CESSATION), CAIRN_OK);
    assert_int_equal(ask(f, request).status, V_OCSP_CERTSTATUS_REVOKED); /* of the last one */
    OCSP_REQUEST_free(request);
}

static void test_foreign_issuer(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    OCSP_REQUEST *request = request_of(f, issued.serial, EVP_sha256());
    cairn_bytes der = encode(f, request);
    uint8_t *bytes = (uint8_t *)(uintptr_t)der.data;
    /* the last octets are 2 + 20 of the serial; before them the hash of the issuer's key */
    bytes[der.size - 23] ^= 1;
    assert_int_equal(refusal(f, der), OCSP_RESPONSE_STATUS_UNAUTHORIZED);
    OCSP_REQUEST_free(request);
}

static void test_stale_answers_are_signed_again(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    uint64_t next_ms = 0;
    cairn_ca_close(f->ca);
    f->options.ocsp_validity_s = 100;
    assert_int_equal(ca_fixture_open(f), CAIRN_OK);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    cairn_bytes first = ask_about(f, issued.serial, EVP_sha1(), false).body;
    cairn_clock_manual_advance_ms(&f->manual, 49000);
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_int_equal(next_ms / 1000, f->manual.wall_ms / 1000 + 1);
    assert_true(cairn_bytes_equal(first, ask_about(f, issued.serial, EVP_sha1(), false).body));
    cairn_clock_manual_advance_ms(&f->manual, 1000);
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_false(cairn_bytes_equal(first, ask_about(f, issued.serial, EVP_sha1(), false).body));
    /* nobody kept it: the answer is then signed on demand */
    cairn_clock_manual_advance_ms(&f->manual, 200000);
    unsigned before = ca_signer_count;
    OCSP_REQUEST *request = request_of(f, issued.serial, EVP_sha1());
    assert_int_equal(refusal(f, encode(f, request)), OCSP_RESPONSE_STATUS_SUCCESSFUL);
    assert_int_equal(ca_signer_count, before + 1);
    OCSP_REQUEST_free(request);
}

/* A revocation that could not be signed leaves no "good" behind. */
static void test_no_good_after_revocation(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    ca_signer_fails = true;
    assert_int_equal(cairn_ca_revoke(f->ca, issued.serial, CAIRN_CA_CESSATION), CAIRN_ERR_TOKEN);
    OCSP_REQUEST *request = request_of(f, issued.serial, EVP_sha1());
    assert_int_equal(refusal(f, encode(f, request)), OCSP_RESPONSE_STATUS_TRYLATER);
    OCSP_REQUEST_free(request);
    ca_signer_fails = false;
    assert_int_equal(ask_about(f, issued.serial, EVP_sha1(), false).status,
                     V_OCSP_CERTSTATUS_REVOKED);
}

static void test_responder_is_renewed(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    uint8_t serial[CAIRN_CA_SERIAL_SIZE];
    uint64_t next_ms = 0;
    memcpy(serial, f->ca->generations[0].responder.serial, sizeof serial);
    f->manual.wall_ms -= 41ull * 86400 * 1000; /* as if opened later */
    cairn_clock_manual_advance_ms(&f->manual, 82ull * 86400 * 1000);
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_memory_not_equal(f->ca->generations[0].responder.serial, serial, sizeof serial);
    f->manual.wall_ms -= 41ull * 86400 * 1000;
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
}

/* Another key for the responder: what is in stock is of the old one, and signed anew. */
static void test_responder_has_another_key(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    cairn_ca_close(f->ca);
    f->ca = NULL;
    f->options.ocsp_key = "issue-ocsp-2";
    assert_int_equal(ca_fixture_open(f), CAIRN_OK);
    unsigned before = ca_signer_count;
    assert_int_equal(ask_about(f, issued.serial, EVP_sha1(), false).status, V_OCSP_CERTSTATUS_GOOD);
    assert_int_equal(ca_signer_count, before + 1);
}

static void test_malformed(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    OCSP_REQUEST *request = request_of(f, issued.serial, EVP_sha1());
    cairn_bytes der = encode(f, request);
    for (size_t size = 0; size < der.size; size++)
        assert_int_equal(refusal(f, cairn_bytes_of(der.data, size)),
                         OCSP_RESPONSE_STATUS_MALFORMEDREQUEST);
    /* a nonce that is too long, and none at all (RFC 9654) */
    assert_int_equal(OCSP_request_add1_nonce(request, NULL, 129), 1);
    cairn_ca_ocsp_request parsed;
    assert_int_equal(cairn_ca_ocsp_request_decode(encode(f, request), &parsed),
                     CAIRN_ERR_BAD_VALUE);
    OCSP_REQUEST_free(request);
    /* a hash that nobody uses */
    request = request_of(f, issued.serial, EVP_sha512());
    assert_int_equal(cairn_ca_ocsp_request_decode(encode(f, request), &parsed),
                     CAIRN_ERR_BAD_ALGORITHM);
    OCSP_REQUEST_free(request);
    /* more certificates than anybody has */
    request = request_of(f, issued.serial, EVP_sha1());
    for (size_t i = 0; i < CAIRN_CA_OCSP_REQUESTS_MAX; i++)
        assert_non_null(OCSP_request_add0_id(request, id_of(f, issued.serial, EVP_sha1())));
    assert_int_equal(cairn_ca_ocsp_request_decode(encode(f, request), &parsed), CAIRN_ERR_TOO_MANY);
    OCSP_REQUEST_free(request);
    uint8_t large[CAIRN_CA_OCSP_REQUEST_SIZE_MAX + 1] = {0x30};
    assert_int_equal(cairn_ca_ocsp_request_decode(cairn_bytes_of(large, sizeof large), &parsed),
                     CAIRN_ERR_TOO_LARGE);
}

/* --- many at once --- */

enum { ASKERS = 2, QUESTIONS = 200 };

typedef struct asker {
    ca_fixture *f;
    cairn_bytes request;
} asker;

static void *ask_on(void *context)
{
    const asker *a = context;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < QUESTIONS; i++) {
        mailbox box = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
        cairn_ca_ocsp(a->f->ca, a->request, &arena, deliver, &box);
        assert_int_equal(pthread_mutex_lock(&box.lock), 0);
        while (!box.full)
            assert_int_equal(pthread_cond_wait(&box.changed, &box.lock), 0);
        assert_int_equal(pthread_mutex_unlock(&box.lock), 0);
        assert_true(box.answer.body.size > 5); /* no refusal */
        cairn_arena_reset(&arena);
    }
    cairn_arena_done(&arena);
    return NULL;
}

/* Answers, from stock and on demand, while certificates come and go and the responder is renewed.
 */
static void test_threads(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued issued;
    cairn_ca_issued more;
    pthread_t threads[ASKERS];
    asker askers[ASKERS];
    cairn_ca_close(f->ca);
    f->clock = cairn_clock_system();
    f->options.demand_rate = 100000;
    assert_int_equal(ca_fixture_open(f), CAIRN_OK);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_OK);
    for (size_t i = 0; i < ASKERS; i++) {
        OCSP_REQUEST *request = request_of(f, issued.serial, EVP_sha1());
        if (i % 2 == 1)
            assert_int_equal(OCSP_request_add1_nonce(request, NULL, 32), 1);
        askers[i] = (asker){.f = f, .request = encode(f, request)};
        OCSP_REQUEST_free(request);
    }
    for (size_t i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_on, &askers[i]), 0);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &more), CAIRN_OK);
        assert_int_equal(cairn_ca_revoke(f->ca, more.serial, CAIRN_CA_CESSATION), CAIRN_OK);
        assert_int_equal(pthread_mutex_lock(&f->ca->lock), 0);
        assert_int_equal(cairn_ca_renew_party(f->ca, 0, CAIRN_CA_OCSP_RESPONDER), CAIRN_OK);
        assert_int_equal(pthread_mutex_unlock(&f->ca->lock), 0);
    }
    assert_int_equal(cairn_ca_revoke(f->ca, issued.serial, CAIRN_CA_CESSATION), CAIRN_OK);
    for (size_t i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(ask_about(f, issued.serial, EVP_sha1(), false).status,
                     V_OCSP_CERTSTATUS_REVOKED);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_good_and_revoked),
        T(test_nonce),
        T(test_rate),
        T(test_several),
        T(test_foreign_issuer),
        T(test_stale_answers_are_signed_again),
        T(test_no_good_after_revocation),
        T(test_responder_is_renewed),
        T(test_responder_has_another_key),
        T(test_malformed),
        T(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
