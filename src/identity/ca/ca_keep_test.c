/* A CA kept: what it says on the ledger, each thing once, and whose certificates it stands for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "identity/ca/ca_impl.h"
#include "identity/identity.h"
#include "support/ca_fixture.h"
#include "support/ledger_memory.h"

typedef struct world {
    ca_fixture f;
    memory_ledger m;
    cairn_ca_keeper *keeper;
    uint64_t block_ms;
    size_t anchors; /* transactions that were accepted */
    size_t lists;
    size_t asked;
    cairn_err answer; /* instead of the ledger's, unless OK */
    uint64_t next_ms; /* when to tend again */
} world;

static world w;

static cairn_err submit(void *context, uint16_t type, cairn_bytes body)
{
    assert_ptr_equal(context, &w);
    w.asked++;
    if (w.answer != CAIRN_OK)
        return w.answer;
    w.block_ms = w.f.manual.wall_ms > w.block_ms ? w.f.manual.wall_ms : w.block_ms + 1;
    const cairn_bytes tx = memory_tx(&w.m, memory_key(MEMORY_SIGN), type, body, w.block_ms + 1000);
    cairn_err err = memory_send(&w.m, w.block_ms, tx);
    if (err == CAIRN_OK && type == CAIRN_TX_ANCHOR)
        w.anchors++;
    if (err == CAIRN_OK && type == CAIRN_TX_LIST_ANCHOR)
        w.lists++;
    return err;
}

static cairn_err get_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                           cairn_bytes *ret_value)
{
    memory_ledger *m = context;
    cairn_view *view = cairn_ledger_view(m->ledger);
    cairn_err err = cairn_view_get(view, &memory_bases, map, key, arena, ret_value);
    cairn_view_free(view);
    return err;
}

static cairn_err open_keeper(const cairn_hash *organisation)
{
    const cairn_ca_keeper_setup setup = {
        .directory = w.f.path,
        .organisation = *organisation,
        .clock = w.f.clock,
        .signer = w.f.signer,
        .ledger = {.state = {.context = &w.m, .get = get_state}, .context = &w, .submit = submit}};
    return cairn_ca_keeper_open(&setup, &w.keeper);
}

static void block(uint16_t type, cairn_bytes body)
{
    w.block_ms += 1000;
    const cairn_bytes tx = memory_tx(&w.m, memory_key(MEMORY_SIGN), type, body, w.block_ms + 1000);
    assert_int_equal(memory_send(&w.m, w.block_ms, tx), CAIRN_OK);
}

/* The issuing key as the ledger knows it: with a proof that the signer has it. */
static void register_issuer(void)
{
    const cairn_hash org = memory_org(MEMORY_SIGN);
    const cairn_key *key = w.f.ca->generations[0].issuing.key;
    const cairn_bytes cose = memory_cose(&w.f.arena, key);
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message = {0};
    cairn_bytes body = {0};
    MEMORY_MUST(
        cairn_key_proof_message(&w.f.arena, &w.m.id, &org, CAIRN_PURPOSE_ISSUE, cose, &message));
    MEMORY_MUST(cairn_signer_sign_wait_for(w.f.signer, CAIRN_SIGNER_FOR_ISSUE, "issue-ca", message,
                                           signature, &size));
    MEMORY_MUST(cairn_key_add_body(&w.f.arena, cose, CAIRN_PURPOSE_ISSUE,
                                   cairn_bytes_of(signature, size), &body));
    block(CAIRN_TX_KEY_ADD, body);
}

/* A CA of the first organisation, made and closed, then kept. */
static int set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    memory_begin(&w.m, 2, NULL);
    ca_fixture_init(&w.f, MEMORY_TIME_MS / 1000 + 1000);
    w.f.options.organisation = memory_org(MEMORY_SIGN);
    assert_int_equal(ca_fixture_open(&w.f), CAIRN_OK);
    w.block_ms = MEMORY_TIME_MS;
    register_issuer();
    cairn_ca_close(w.f.ca);
    w.f.ca = NULL;
    assert_int_equal(open_keeper(&(cairn_hash){{0}}), CAIRN_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_ca_keeper_close(w.keeper);
    ca_fixture_done(&w.f);
    memory_end(&w.m);
    return 0;
}

static cairn_err try_issue(cairn_ca_issued *ret_issued)
{
    const cairn_bytes csr = ca_csr(&w.f.arena, &(ca_csr_wish){.type = "P-256"});
    const cairn_ca_grant grant = {.common_name = cairn_bytes_str("client-1")};
    return cairn_ca_issue(cairn_ca_keeper_ca(w.keeper), CAIRN_CA_TLS_CLIENT, csr, &grant,
                          &w.f.arena, ret_issued);
}

static void issue(cairn_ca_issued *ret_issued)
{
    assert_int_equal(try_issue(ret_issued), CAIRN_OK);
}

static cairn_err tend(void)
{
    return cairn_ca_keeper_tend(w.keeper, &w.next_ms);
}

/* --- what the ledger has --- */

static void anchored(const char *end, cairn_list_anchor *ret_anchor)
{
    char url[CA_URL_SIZE_MAX];
    cairn_hash list;
    const cairn_state_source source = {.context = &w.m, .get = get_state};
    const cairn_hash org = memory_org(MEMORY_SIGN);
    (void)snprintf(url, sizeof url, "%s/crl/%s", w.f.options.base_url, end);
    cairn_list_id(cairn_bytes_str(url), &list);
    assert_int_equal(cairn_list_anchor_get(&source, &w.f.arena, &org, &list, ret_anchor), CAIRN_OK);
}

static void test_each_list_and_act_is_anchored_once(void **state)
{
    (void)state;
    cairn_ca *ca = cairn_ca_keeper_ca(w.keeper);
    cairn_ca_issued issued;
    cairn_list_anchor anchor;
    cairn_bytes list = {0};
    uint64_t next_s = 0;
    assert_int_equal(tend(), CAIRN_OK);
    assert_int_equal(w.anchors, 3); /* root, issuing, responder */
    assert_int_equal(w.lists, 2);
    assert_int_equal(tend(), CAIRN_OK);
    assert_int_equal(w.asked, 5);
    assert_int_equal(w.next_ms, w.f.manual.wall_ms + 3600 * 1000);
    issue(&issued);
    assert_int_equal(cairn_ca_revoke(ca, issued.serial, CAIRN_CA_SUPERSEDED), CAIRN_OK);
    assert_int_equal(tend(), CAIRN_OK);
    assert_int_equal(w.anchors, 5);
    assert_int_equal(w.lists, 3); /* the root's has not changed */
    anchored("0", &anchor);
    assert_int_equal(anchor.version, 2);
    assert_int_equal(anchor.format, CAIRN_LIST_CRL);
    assert_int_equal(cairn_ca_crl(ca, 0, &w.f.arena, &list, &next_s), CAIRN_OK);
    assert_int_equal(anchor.expires_ms, next_s * 1000);
    assert_int_equal(cairn_list_anchor_check(&anchor, list, w.f.manual.wall_ms), CAIRN_OK);
    anchored("root", &anchor);
    assert_int_equal(anchor.version, 1);
}

static void test_lists_are_anchored_again_when_signed_again(void **state)
{
    (void)state;
    cairn_list_anchor anchor;
    assert_int_equal(tend(), CAIRN_OK);
    w.f.manual.wall_ms += UINT64_C(90000000); /* a day and an hour */
    assert_int_equal(tend(), CAIRN_OK);
    assert_int_equal(w.lists, 4);
    anchored("root", &anchor);
    assert_int_equal(anchor.version, 2);
    assert_true(anchor.expires_ms > w.f.manual.wall_ms);
}

static uint64_t list_ends_s(const char *end)
{
    cairn_bytes list = {0};
    uint64_t next_s = 0;
    uint32_t partition = strcmp(end, "root") == 0 ? CAIRN_CA_PARTITION_ROOT : 0;
    assert_int_equal(
        cairn_ca_crl(cairn_ca_keeper_ca(w.keeper), partition, &w.f.arena, &list, &next_s),
        CAIRN_OK);
    return next_s;
}

/* Nothing is lost while the ledger is away, and the lists go on being signed. */
static void test_ledger_away(void **state)
{
    (void)state;
    w.answer = CAIRN_ERR_READ_ONLY;
    assert_int_equal(tend(), CAIRN_ERR_READ_ONLY);
    assert_int_equal(list_ends_s("root"), w.f.manual.wall_ms / 1000 + 2 * 86400);
    w.f.manual.wall_ms += UINT64_C(90000000);
    assert_int_equal(tend(), CAIRN_ERR_READ_ONLY);
    assert_int_equal(w.anchors + w.lists, 0);
    assert_int_equal(list_ends_s("root"), w.f.manual.wall_ms / 1000 + 2 * 86400);
    assert_int_equal(list_ends_s("0"), w.f.manual.wall_ms / 1000 + 2 * 86400);
    w.answer = CAIRN_OK;
    assert_int_equal(tend(), CAIRN_OK);
    assert_int_equal(w.anchors, 3);
    assert_int_equal(w.lists, 2);
}

/* A verdict that was lost: what is anchored already is no failure. */
static void test_anchored_before(void **state)
{
    (void)state;
    w.answer = CAIRN_ERR_EXISTS;
    assert_int_equal(tend(), CAIRN_ERR_EXISTS); /* a list's is one */
    size_t asked = w.asked;
    w.answer = CAIRN_OK;
    assert_int_equal(tend(), CAIRN_OK);
    assert_int_equal(w.anchors, 0);
    assert_int_equal(w.asked, asked + 2); /* lists alone */
}

/* --- what the ledger lets it do --- */

/* Nothing is issued or renewed by a key that the ledger has ended; revoking goes on. */
static void test_an_ended_key_issues_nothing(void **state)
{
    (void)state;
    cairn_ca *ca = cairn_ca_keeper_ca(w.keeper);
    const cairn_bytes csr = ca_csr(&w.f.arena, &(ca_csr_wish){.type = "P-256"});
    cairn_ca_issued issued;
    issue(&issued);
    cairn_hash kid = *cairn_key_id(ca->generations[0].issuing.key);
    block(CAIRN_TX_KEY_REVOKE, memory_key_revoke(&w.f.arena, &kid, CAIRN_HEIGHT_OPEN));
    assert_int_equal(try_issue(&issued), CAIRN_ERR_CLOSED);
    assert_int_equal(cairn_ca_renew(ca, issued.serial, csr, true, &w.f.arena, &issued),
                     CAIRN_ERR_CLOSED);
    assert_int_equal(cairn_ca_revoke(ca, issued.serial, CAIRN_CA_CESSATION), CAIRN_OK);
}

/* --- whose certificates are good --- */

static void test_refused_certificates(void **state)
{
    (void)state;
    cairn_ca *ca = cairn_ca_keeper_ca(w.keeper);
    cairn_ca_issued issued;
    bool refused = true;
    issue(&issued);
    const cairn_bytes serial = cairn_bytes_of(issued.serial, sizeof issued.serial);
    assert_int_equal(cairn_ca_is_refused(ca, serial, &refused), CAIRN_OK);
    assert_false(refused);
    assert_int_equal(cairn_ca_revoke(ca, issued.serial, CAIRN_CA_CESSATION), CAIRN_OK);
    assert_int_equal(cairn_ca_is_refused(ca, serial, &refused), CAIRN_OK);
    assert_true(refused);
    issued.serial[19] ^= 1; /* never issued here */
    refused = false;
    assert_int_equal(cairn_ca_is_refused(ca, serial, &refused), CAIRN_OK);
    assert_true(refused);
    refused = false;
    assert_int_equal(cairn_ca_is_refused(ca, cairn_bytes_of(issued.serial, 8), &refused), CAIRN_OK);
    assert_true(refused);
}

static void test_issuer_is_found_by_its_key_id(void **state)
{
    (void)state;
    cairn_ca *ca = cairn_ca_keeper_ca(w.keeper);
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *by_id = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *only = NULL;
    cairn_key *none = NULL;
    uint8_t id[CAIRN_CA_KEY_ID_SIZE];
    cairn_ca_key_id(ca->generations[0].issuing.key, id);
    assert_int_equal(cairn_ca_issuer_key(ca, cairn_bytes_of(id, sizeof id), &by_id), CAIRN_OK);
    assert_int_equal(cairn_ca_issuer_key(ca, cairn_bytes_of(NULL, 0), &only), CAIRN_OK);
    assert_true(cairn_hash_equal(cairn_key_id(by_id), cairn_key_id(only)));
    id[0] ^= 1;
    assert_int_equal(cairn_ca_issuer_key(ca, cairn_bytes_of(id, sizeof id), &none),
                     CAIRN_ERR_NOT_FOUND);
    cairn_ca_key_id(ca->roots[0].key, id); /* it issues no client */
    assert_int_equal(cairn_ca_issuer_key(ca, cairn_bytes_of(id, sizeof id), &none),
                     CAIRN_ERR_NOT_FOUND);
}

static void test_another_organisations_directory(void **state)
{
    (void)state;
    const cairn_hash other = memory_org(MEMORY_SIGN + 1);
    cairn_ca_keeper_close(w.keeper);
    w.keeper = NULL;
    assert_int_equal(open_keeper(&other), CAIRN_ERR_MISMATCH);
    assert_null(w.keeper);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_each_list_and_act_is_anchored_once),
        T(test_lists_are_anchored_again_when_signed_again),
        T(test_ledger_away),
        T(test_anchored_before),
        T(test_an_ended_key_issues_nothing),
        T(test_refused_certificates),
        T(test_issuer_is_found_by_its_key_id),
        T(test_another_organisations_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
