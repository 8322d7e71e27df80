/* One root after the other: who trusts the old one and who trusts the new one, what another process
 * sees, and ends. OpenSSL judges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509_vfy.h>

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

/* --- as a stranger verifies --- */

static X509 *read_cert(cairn_bytes der)
{
    const unsigned char *at = der.data;
    X509 *cert = d2i_X509(NULL, &at, (long)der.size);
    assert_non_null(cert);
    return cert;
}

static void add_list(ca_fixture *f, X509_STORE *store, uint32_t partition)
{
    cairn_bytes der = {0};
    uint64_t next_s = 0;
    assert_int_equal(cairn_ca_crl(f->ca, partition, &f->arena, &der, &next_s), CAIRN_OK);
    const unsigned char *at = der.data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.size);
    assert_int_equal(X509_STORE_add_crl(store, crl), 1);
    X509_CRL_free(crl);
}

/* By one root and all lists, of what the certificate's holder sends: X509_V_OK or what is wrong. */
static int verify_under(ca_fixture *f, size_t root, const cairn_ca_issued *issued)
{
    cairn_ca_facts facts;
    X509 *cert = read_cert(issued->certificate);
    X509 *anchor = read_cert(f->ca->roots[root].certificate);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *sent = sk_X509_new_null();
    for (size_t i = 0; i < CAIRN_CA_ISSUERS_MAX; i++)
        if (issued->issuers[i].size > 0)
            assert_true(sk_X509_push(sent, read_cert(issued->issuers[i])) > 0);
    assert_int_equal(X509_STORE_add_cert(store, anchor), 1);
    assert_int_equal(cairn_ca_find(f->ca, issued->serial, &f->arena, &facts), CAIRN_OK);
    add_list(f, store, facts.partition);
    for (uint32_t i = 0; i < ca_root_count(f->ca); i++)
        add_list(f, store, CAIRN_CA_PARTITION_ROOT - i);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, cert, sent), 1);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)(f->manual.wall_ms / 1000));
    assert_int_equal(X509_VERIFY_PARAM_set_flags(
                         param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL |
                                    X509_V_FLAG_EXTENDED_CRL_SUPPORT | X509_V_FLAG_X509_STRICT),
                     1);
    int error = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    sk_X509_pop_free(sent, X509_free);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(anchor);
    X509_free(cert);
    return error;
}

/* --- rolling over --- */

static void make_key(ca_fixture *f, const char *name)
{
    cairn_key *key = NULL;
    assert_int_equal(cairn_signer_generate(f->signer, name, CAIRN_KEY_P256, &key), CAIRN_OK);
    cairn_key_free(key);
}

static void roll_root_over(ca_fixture *f)
{
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_ca_next_root_key(f->ca, name);
    make_key(f, name);
    assert_int_equal(cairn_ca_rollover_root(f->ca, name), CAIRN_OK);
}

static void roll_issuing_over(ca_fixture *f)
{
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_ca_next_key(f->ca, name);
    make_key(f, name);
    assert_int_equal(cairn_ca_rollover(f->ca, name), CAIRN_OK);
}

static void days_go_by(ca_fixture *f, uint64_t days)
{
    uint64_t next_ms = 0;
    f->manual.wall_ms += days * 86400000;
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
}

static void reopen(ca_fixture *f)
{
    cairn_ca_close(f->ca);
    f->ca = NULL;
    assert_int_equal(ca_fixture_open(f), CAIRN_OK);
}

/* As it was given; what it points to goes with the CA that gave it. */
static cairn_ca_issued issue(ca_fixture *f, cairn_ca_profile profile)
{
    cairn_ca_issued issued;
    assert_int_equal(ca_issue_one(f, profile, &issued), CAIRN_OK);
    days_go_by(f, 0); /* its list is signed, if it had no need of one any more */
    for (size_t i = 0; i < CAIRN_CA_ISSUERS_MAX; i++)
        assert_int_equal(cairn_arena_copy(&f->arena, issued.issuers[i], &issued.issuers[i]),
                         CAIRN_OK);
    return issued;
}

/* What an old certificate's holder gets when he asks for the chain. */
static void take_chain(ca_fixture *f, cairn_ca_issued *issued)
{
    cairn_bytes list[CAIRN_CA_ALL_MAX];
    size_t count = cairn_ca_all(f->ca, list);
    assert_true(count <= CAIRN_CA_ISSUERS_MAX);
    memset(issued->issuers, 0, sizeof issued->issuers);
    memcpy(issued->issuers, list, count * sizeof list[0]);
}

/* --- the tests --- */

/* What was issued before and what is issued after holds for both: those who have the old root, with
 * what they have, and those who have the new one. */
static void test_both_roots(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued old = issue(f, CAIRN_CA_DEVICE_BOOTSTRAP);
    assert_int_equal(old.issuers[1].size, 0);
    roll_root_over(f);
    cairn_ca_issued fresh = issue(f, CAIRN_CA_DEVICE_BOOTSTRAP);
    assert_true(fresh.issuers[1].size > 0);
    assert_int_equal(verify_under(f, 1, &old), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(verify_under(f, 0, &old), X509_V_OK);
        assert_int_equal(verify_under(f, 0, &fresh), X509_V_OK);
        assert_int_equal(verify_under(f, 1, &fresh), X509_V_OK);
        cairn_ca_issued moved = old;
        take_chain(f, &moved);
        assert_int_equal(verify_under(f, 0, &moved), X509_V_OK);
        assert_int_equal(verify_under(f, 1, &moved), X509_V_OK);
        days_go_by(f, 3); /* all lists are signed anew */
        reopen(f);
    }
    assert_int_equal(cairn_ca_revoke(f->ca, old.serial, CAIRN_CA_CESSATION), CAIRN_OK);
    assert_int_equal(verify_under(f, 0, &old), X509_V_ERR_CERT_REVOKED);
    assert_int_equal(verify_under(f, 1, &fresh), X509_V_OK);
}

/* Each of the two ways to the old root is enough by itself, and what it gave leads nowhere else. */
static void test_ways(void **state)
{
    ca_fixture *f = *state;
    roll_root_over(f);
    const cairn_ca_issued fresh = issue(f, CAIRN_CA_TLS_CLIENT);
    const struct {
        bool by_new, cross, by_old;
        int error[2];
    } rows[] = {
        {true, false, false, {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_OK}},
        {true, true, false, {X509_V_OK, X509_V_OK}},
        {false, false, true, {X509_V_OK, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY}},
        {true, true, true, {X509_V_OK, X509_V_OK}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_ca_issued one = fresh;
        const cairn_bytes none = {0};
        one.issuers[0] = rows[i].by_new ? fresh.issuers[0] : none;
        one.issuers[1] = rows[i].cross ? fresh.issuers[1] : none;
        one.issuers[2] = rows[i].by_old ? fresh.issuers[2] : none;
        for (size_t root = 0; root < 2; root++)
            assert_int_equal(verify_under(f, root, &one), rows[i].error[root]);
    }
}

/* Another issuing key afterwards, and its renewal: the old root goes along while it lives. */
static void test_issuing_keys_afterwards(void **state)
{
    ca_fixture *f = *state;
    cairn_ca_issued old = issue(f, CAIRN_CA_DEVICE_BOOTSTRAP);
    roll_root_over(f);
    roll_issuing_over(f);
    cairn_ca_issued fresh = issue(f, CAIRN_CA_DEVICE_BOOTSTRAP);
    for (size_t root = 0; root < 2; root++)
        assert_int_equal(verify_under(f, root, &fresh), X509_V_OK);
    assert_int_equal(verify_under(f, 0, &old), X509_V_OK);
    uint64_t end_s = f->ca->generations[1].issuing.not_after_s;
    days_go_by(f, 9 * 365);
    assert_true(f->ca->generations[1].issuing.not_after_s > end_s); /* it was renewed */
    reopen(f);
    days_go_by(f, 2 * 365);
    fresh = issue(f, CAIRN_CA_TLS_CLIENT);
    for (size_t root = 0; root < 2; root++)
        assert_int_equal(verify_under(f, root, &fresh), X509_V_OK);
}

/* Nobody is given what has ended; and a root that has ended is no end of the CA. */
static void test_ends(void **state)
{
    ca_fixture *f = *state;
    cairn_bytes list[CAIRN_CA_ALL_MAX];
    cairn_ca_issued issued;
    days_go_by(f, 5 * 365);
    roll_root_over(f);
    assert_int_equal(cairn_ca_all(f->ca, list), 5); /* the old root, and what it has given, too */
    for (unsigned year = 0; year < 16; year++)
        days_go_by(f, 365);
    assert_true(f->ca->roots[0].not_after_s < f->manual.wall_ms / 1000);
    assert_int_equal(cairn_ca_all(f->ca, list), 2);
    issued = issue(f, CAIRN_CA_TLS_CLIENT);
    assert_int_equal(issued.issuers[1].size, 0);
    assert_int_equal(verify_under(f, 1, &issued), X509_V_OK);
    roll_issuing_over(f); /* the ended root certifies nothing more */
    issued = issue(f, CAIRN_CA_TLS_CLIENT);
    assert_int_equal(issued.issuers[1].size, 0);
    assert_int_equal(verify_under(f, 1, &issued), X509_V_OK);
    f->manual.wall_ms += (uint64_t)10 * 365 * 86400000; /* nobody kept it: now the second ends */
    reopen(f);
    make_key(f, "issue-ca-3");
    assert_int_equal(cairn_ca_rollover(f->ca, "issue-ca-3"), CAIRN_ERR_EXPIRED);
    assert_non_null(strstr(cairn_err_detail(), "cairn ca rollover --root"));
    roll_root_over(f);
    issued = issue(f, CAIRN_CA_TLS_CLIENT);
    assert_int_equal(verify_under(f, 2, &issued), X509_V_OK);
}

/* As one that has not looked since. */
static void forget_second_root(cairn_ca *ca, const ca_generation *before)
{
    ca->root_count = 1;
    cairn_key_free(CAIRN_STEAL(ca->roots[1].key));
    cairn_ca_use_generation(&ca->generations[0], before);
}

/* Another process did it: this one follows with its next change, whatever that is. */
static void test_beside(void **state)
{
    ca_fixture *f = *state;
    uint64_t next_ms = 0;
    for (unsigned round = 0; round < 2; round++) {
        const ca_generation before = f->ca->generations[0];
        cairn_ca_issued issued;
        if (round == 0)
            roll_root_over(f);
        forget_second_root(f->ca, &before);
        if (round == 0)
            assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
        issued = issue(f, CAIRN_CA_TLS_CLIENT);
        assert_int_equal(f->ca->root_count, 2);
        for (size_t root = 0; root < 2; root++)
            assert_int_equal(verify_under(f, root, &issued), X509_V_OK);
    }
}

/* A process whose signer does not have the new root's key yet waits for it, and uses the old one's
 * for nothing. */
static void test_key_comes_later(void **state)
{
    ca_fixture *f = *state;
    cairn_signer *signer = f->ca->signer;
    cairn_signer *other = NULL;
    cairn_ca_issued issued;
    uint64_t next_ms = 0;
    const ca_generation before = f->ca->generations[0];
    roll_root_over(f);
    forget_second_root(f->ca, &before);
    assert_int_equal(ca_signer_new(&other), CAIRN_OK);
    f->ca->signer = other;
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_ERR_UNAVAILABLE);
    assert_int_equal(ca_issue_one(f, CAIRN_CA_TLS_CLIENT, &issued), CAIRN_ERR_UNAVAILABLE);
    assert_int_equal(f->ca->root_count, 1);
    f->ca->signer = signer;
    assert_int_equal(cairn_ca_maintain(f->ca, 100, &next_ms), CAIRN_OK);
    assert_int_equal(f->ca->root_count, 2);
    cairn_signer_free(other);
}

static void test_refusals(void **state)
{
    ca_fixture *f = *state;
    cairn_bytes issuing = {0};
    cairn_bytes root = {0};
    cairn_ca_chain(f->ca, &issuing, &root);
    const uint8_t *before = root.data;
    assert_int_equal(cairn_ca_rollover_root(f->ca, "issue-root"), CAIRN_ERR_EXISTS);
    assert_int_equal(cairn_ca_rollover_root(f->ca, "issue-ca"), CAIRN_ERR_EXISTS);
    assert_int_equal(cairn_ca_rollover_root(f->ca, "issue-none"), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(f->ca->root_count, 1);
    cairn_ca_chain(f->ca, &issuing, &root);
    assert_ptr_equal(root.data, before);
    for (unsigned i = 1; i < CAIRN_CA_ROOTS_MAX; i++)
        roll_root_over(f);
    cairn_ca_issued issued = issue(f, CAIRN_CA_TLS_CLIENT);
    for (size_t i = 0; i < CAIRN_CA_ROOTS_MAX; i++)
        assert_int_equal(verify_under(f, i, &issued), X509_V_OK);
    make_key(f, "issue-root-5");
    assert_int_equal(cairn_ca_rollover_root(f->ca, "issue-root-5"), CAIRN_ERR_TOO_MANY);
}

static void test_names_of_lists(void **state)
{
    ca_fixture *f = *state;
    char url[CA_URL_SIZE_MAX];
    uint32_t partition = 0;
    static const char *const names[] = {"root", "root-2", "root-3", "root-4"};
    static const char *const wrong[] = {"",       "root-",   "root-0", "root-1",
                                        "root-5", "root-02", "roo"};
    for (uint32_t i = 0; i < CAIRN_CA_ROOTS_MAX; i++) {
        assert_true(cairn_ca_root_list_find(cairn_bytes_str(names[i]), &partition));
        assert_int_equal(partition, CAIRN_CA_PARTITION_ROOT - i);
        assert_true(cairn_ca_is_root_list(partition));
        cairn_ca_list_url(f->ca, partition, url);
        assert_string_equal(strrchr(url, '/') + 1, names[i]);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(cairn_ca_root_list_find(cairn_bytes_str(wrong[i]), &partition));
    assert_false(cairn_ca_is_root_list(CAIRN_CA_PARTITION_ROOT - CAIRN_CA_ROOTS_MAX));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_both_roots), TEST(test_ways),           TEST(test_issuing_keys_afterwards),
        TEST(test_ends),       TEST(test_beside),         TEST(test_key_comes_later),
        TEST(test_refusals),   TEST(test_names_of_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
