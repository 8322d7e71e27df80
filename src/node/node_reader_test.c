/* Who sees which entries: members, roles, the organisations that an entry names, and nobody else.
 */
#include "support/ledger_fixture.h"

#include <stdatomic.h>

#include "identity/identity.h"
#include "node/node_reader.h"

/* --- a ledger of a few records --- */

enum { RECORDS_MAX = 32 };

typedef struct record {
    cairn_bytes key, value;
} record;

typedef struct world {
    cairn_engine engine; /* first: the engine is the world */
    ledger_fixture f;
    cairn_node_ledger ledger;
    record records[RECORDS_MAX];
    size_t count;
    bool fails;
} world;

static cairn_view *view_of(cairn_engine *engine)
{
    (void)engine;
    cairn_view *view = calloc(1, sizeof *view);
    assert_non_null(view);
    atomic_init(&view->references, 1);
    return view;
}

static cairn_err get(cairn_engine *engine, const cairn_view *view, cairn_map_id map,
                     cairn_bytes key, cairn_arena *arena, cairn_bytes *ret_value)
{
    const world *w = (const world *)engine;
    (void)view;
    if (w->fails)
        return CAIRN_ERR_IO;
    for (size_t i = 0; map == CAIRN_MAP_STATE && i < w->count; i++)
        if (cairn_bytes_equal(w->records[i].key, key))
            return cairn_arena_copy(arena, w->records[i].value, ret_value);
    return CAIRN_ERR_NOT_FOUND;
}

static const cairn_engine_ops ops = {.view = view_of, .get = get};

static void put(world *w, const char *prefix, const cairn_hash *id, const uint8_t *value,
                size_t size)
{
    cairn_state_key key;
    cairn_state_key_make(&key, prefix, cairn_bytes_hash(id));
    record *r = NULL;
    for (size_t i = 0; i < w->count; i++)
        if (cairn_bytes_equal(w->records[i].key, cairn_state_key_view(&key)))
            r = &w->records[i];
    if (r == NULL)
        r = &w->records[w->count++];
    assert_true(w->count <= RECORDS_MAX);
    assert_int_equal(cairn_arena_copy(&w->f.arena, cairn_state_key_view(&key), &r->key), CAIRN_OK);
    assert_int_equal(cairn_arena_copy(&w->f.arena, cairn_bytes_of(value, size), &r->value),
                     CAIRN_OK);
}

/* The organisation whose first key is fixture_key(number). */
static cairn_hash put_org(world *w, uint8_t number, bool member, cairn_org_status status,
                          uint32_t roles)
{
    uint8_t out[CAIRN_ORG_RECORD_SIZE_MAX];
    uint8_t key_out[CAIRN_KEY_RECORD_SIZE_MAX];
    cairn_key *key = fixture_key(number);
    cairn_org_record org = {.name = "Org",
                            .status = status,
                            .member = member,
                            .version = 1,
                            .kid_count = 1,
                            .kids = {*cairn_key_id(key)},
                            .roles = roles,
                            .editions = 1};
    cairn_hash id;
    cairn_org_id(cairn_key_id(key), &id);
    const cairn_key_record row = {.org = id,
                                  .purpose = CAIRN_PURPOSE_SIGN,
                                  .cose_key = fixture_cose(&w->f.arena, key),
                                  .until = CAIRN_HEIGHT_OPEN,
                                  .suspect_since = CAIRN_HEIGHT_OPEN};
    put(w, "org/", &id, out, cairn_org_record_encode(&org, out));
    put(w, "key/", cairn_key_id(key), key_out, cairn_key_record_encode(&row, key_out));
    cairn_key_free(key);
    return id;
}

static int setup(void **state)
{
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    fixture_open(&w->f, 1);
    w->engine.ops = &ops;
    w->ledger.service.engine = &w->engine;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world *w = *state;
    fixture_close(&w->f);
    free(w);
    return 0;
}

static cairn_principal caller_of(const cairn_hash *org, uint32_t roles)
{
    return (cairn_principal){.method = CAIRN_AUTH_BEARER,
                             .has_organisation = true,
                             .organisation = *org,
                             .roles = roles,
                             .scopes = "metrics.read ledger.read"};
}

/* An anchor that the organisation of fixture_key(number) signs. */
static cairn_bytes anchor_of(world *w, uint8_t number)
{
    const cairn_hash commitment = {{number}};
    cairn_bytes body;
    cairn_key *key = fixture_key(number);
    assert_int_equal(cairn_anchor_body(&w->f.arena, &commitment, &body), CAIRN_OK);
    cairn_bytes tx = fixture_tx(&w->f, key, CAIRN_TX_ANCHOR, body, FIXTURE_TIME_MS);
    cairn_key_free(key);
    return tx;
}

static void expect_sees(const cairn_reader *reader, cairn_bytes entry, bool want)
{
    bool sees = !want;
    assert_int_equal(cairn_reader_sees(reader, entry, &sees), CAIRN_OK);
    assert_int_equal(sees, want);
}

/* --- who reads all --- */

typedef struct right {
    bool member;
    cairn_org_status status;
    uint32_t org_roles, roles;
    cairn_err err;
    bool all, by_role;
} right;

static void test_rights(void **state)
{
    world *w = *state;
    static const right rows[] = {
        {true, CAIRN_ORG_ACTIVE, 0, 0, CAIRN_OK, true, false},
        {true, CAIRN_ORG_ACTIVE, CAIRN_ROLE_AUDITOR, CAIRN_ROLE_AUDITOR, CAIRN_OK, true, false},
        {true, CAIRN_ORG_SUSPENDED, 0, 0, CAIRN_ERR_NOT_FOUND, false, false},
        {true, CAIRN_ORG_REMOVED, 0, 0, CAIRN_ERR_NOT_FOUND, false, false},
        {false, CAIRN_ORG_ACTIVE, 0, 0, CAIRN_OK, false, false},
        {false, CAIRN_ORG_ACTIVE, CAIRN_ROLE_AUDITOR, CAIRN_ROLE_AUDITOR, CAIRN_OK, true, true},
        {false, CAIRN_ORG_ACTIVE, CAIRN_ROLE_REGULATOR, CAIRN_ROLES_ALL, CAIRN_OK, true, true},
        {false, CAIRN_ORG_ACTIVE, CAIRN_ROLE_INVESTIGATOR, CAIRN_ROLE_INVESTIGATOR, CAIRN_OK, true,
         true},
        /* a grant narrows, and never widens */
        {false, CAIRN_ORG_ACTIVE, CAIRN_ROLE_AUDITOR, 0, CAIRN_OK, false, false},
        {false, CAIRN_ORG_ACTIVE, CAIRN_ROLE_AUDITOR, CAIRN_ROLE_REGULATOR, CAIRN_OK, false, false},
        {false, CAIRN_ORG_ACTIVE, 0, CAIRN_ROLES_ALL, CAIRN_OK, false, false},
        {false, CAIRN_ORG_ACTIVE, CAIRN_ROLE_OPERATOR, CAIRN_ROLES_ALL, CAIRN_OK, false, false},
        {false, CAIRN_ORG_SUSPENDED, CAIRN_ROLE_AUDITOR, CAIRN_ROLES_ALL, CAIRN_ERR_NOT_FOUND,
         false, false},
        {false, CAIRN_ORG_REMOVED, CAIRN_ROLE_AUDITOR, CAIRN_ROLES_ALL, CAIRN_ERR_NOT_FOUND, false,
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const right *r = &rows[i];
        cairn_reader reader = {.all = false};
        cairn_hash org = put_org(w, 20, r->member, r->status, r->org_roles);
        cairn_principal caller = caller_of(&org, r->roles);
        assert_int_equal(cairn_reader_of(&w->ledger, &caller, &reader), r->err);
        assert_int_equal(reader.all, r->all);
        assert_int_equal(reader.by_role, r->by_role);
    }
}

static void test_callers(void **state)
{
    world *w = *state;
    cairn_reader reader;
    cairn_hash org = put_org(w, 20, true, CAIRN_ORG_ACTIVE, 0);
    const cairn_hash nobody = {{7}};
    cairn_principal caller = caller_of(&org, 0);
    caller.has_organisation = false;
    assert_int_equal(cairn_reader_of(&w->ledger, &caller, &reader), CAIRN_ERR_NOT_FOUND);
    caller = caller_of(&org, 0);
    (void)snprintf(caller.scopes, sizeof caller.scopes, "metrics.read ledger.reader");
    assert_int_equal(cairn_reader_of(&w->ledger, &caller, &reader), CAIRN_ERR_NOT_FOUND);
    caller = caller_of(&nobody, CAIRN_ROLES_ALL);
    assert_int_equal(cairn_reader_of(&w->ledger, &caller, &reader), CAIRN_ERR_NOT_FOUND);
    caller = caller_of(&org, 0);
    w->fails = true;
    assert_int_equal(cairn_reader_of(&w->ledger, &caller, &reader), CAIRN_ERR_IO);
}

/* Proofs are for every organisation that was not removed; a failing read says neither. */
static void test_proofs(void **state)
{
    world *w = *state;
    cairn_hash org = put_org(w, 20, false, CAIRN_ORG_ACTIVE, 0);
    cairn_hash suspended = put_org(w, 21, true, CAIRN_ORG_SUSPENDED, 0);
    cairn_hash removed = put_org(w, 22, true, CAIRN_ORG_REMOVED, 0);
    const cairn_hash nobody = {{7}};
    const struct {
        const cairn_hash *org;
        cairn_err err;
    } rows[] = {{&org, CAIRN_OK},
                {&suspended, CAIRN_OK},
                {&removed, CAIRN_ERR_NOT_FOUND},
                {&nobody, CAIRN_ERR_NOT_FOUND}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_principal caller = caller_of(rows[i].org, 0);
        assert_int_equal(cairn_reader_of_proofs(&w->ledger, &caller), rows[i].err);
        w->fails = true;
        assert_int_equal(cairn_reader_of_proofs(&w->ledger, &caller), CAIRN_ERR_IO);
        w->fails = false;
    }
    cairn_principal caller = caller_of(&org, 0);
    (void)snprintf(caller.scopes, sizeof caller.scopes, "metrics.read");
    assert_int_equal(cairn_reader_of_proofs(&w->ledger, &caller), CAIRN_ERR_NOT_FOUND);
    caller = caller_of(&org, 0);
    caller.has_organisation = false;
    assert_int_equal(cairn_reader_of_proofs(&w->ledger, &caller), CAIRN_ERR_NOT_FOUND);
}

/* Nobody calls: a role opens nothing. */
static void test_without_a_caller(void **state)
{
    world *w = *state;
    cairn_reader reader;
    cairn_hash auditor = put_org(w, 20, false, CAIRN_ORG_ACTIVE, CAIRN_ROLE_AUDITOR);
    cairn_hash member = put_org(w, 21, true, CAIRN_ORG_ACTIVE, 0);
    cairn_hash suspended = put_org(w, 22, true, CAIRN_ORG_SUSPENDED, 0);
    assert_int_equal(cairn_reader_of_org(&w->ledger, &auditor, &reader), CAIRN_OK);
    assert_false(reader.all);
    assert_int_equal(cairn_reader_of_org(&w->ledger, &member, &reader), CAIRN_OK);
    assert_true(reader.all);
    assert_int_equal(cairn_reader_of_org(&w->ledger, &suspended, &reader), CAIRN_ERR_NOT_FOUND);
    w->fails = true;
    assert_int_equal(cairn_reader_of_org(&w->ledger, &member, &reader), CAIRN_ERR_IO);
}

/* --- what names an organisation --- */

static void test_entries(void **state)
{
    world *w = *state;
    cairn_reader reader, other;
    cairn_bytes body;
    cairn_subject_row row = {.pseudonym = {{1}}, .version = 1};
    cairn_hash org = put_org(w, 20, false, CAIRN_ORG_ACTIVE, 0);
    cairn_hash third = put_org(w, 21, false, CAIRN_ORG_ACTIVE, 0);
    put_org(w, 10, true, CAIRN_ORG_ACTIVE, 0);
    assert_int_equal(cairn_reader_of_org(&w->ledger, &org, &reader), CAIRN_OK);
    assert_int_equal(cairn_reader_of_org(&w->ledger, &third, &other), CAIRN_OK);

    expect_sees(&reader, anchor_of(w, 20), true);
    expect_sees(&other, anchor_of(w, 20), false);
    expect_sees(&reader, anchor_of(w, 10), false);

    assert_int_equal(cairn_subject_offer_body(&w->f.arena, &row, 1, &org, &body), CAIRN_OK);
    cairn_bytes offer = fixture_tx(&w->f, w->f.key, CAIRN_TX_SUBJECT_OFFER, body, FIXTURE_TIME_MS);
    expect_sees(&reader, offer, true);
    expect_sees(&other, offer, false);

    const cairn_reader all = cairn_reader_of_all(&w->ledger);
    expect_sees(&all, offer, true);
    expect_sees(&all, anchor_of(w, 10), true);

    expect_sees(&other, w->f.genesis, true); /* and what is no transaction */
}

/* An organisation reads its own admission, which names it by its key, within a proposal. */
static void test_admission(void **state)
{
    world *w = *state;
    static const uint8_t proof[64] = {1};
    cairn_reader reader, other;
    cairn_bytes body;
    cairn_hash org = put_org(w, 20, false, CAIRN_ORG_ACTIVE, 0);
    cairn_hash third = put_org(w, 21, false, CAIRN_ORG_ACTIVE, 0);
    put_org(w, 10, true, CAIRN_ORG_ACTIVE, 0);
    assert_int_equal(cairn_reader_of_org(&w->ledger, &org, &reader), CAIRN_OK);
    assert_int_equal(cairn_reader_of_org(&w->ledger, &third, &other), CAIRN_OK);
    cairn_key *key = fixture_key(20);
    assert_int_equal(cairn_org_admit_body(&w->f.arena, cairn_bytes_str("Org"), false,
                                          fixture_cose(&w->f.arena, key),
                                          cairn_bytes_of(proof, sizeof proof), 0, &body),
                     CAIRN_OK);
    cairn_key_free(key);
    cairn_bytes admission = fixture_tx(&w->f, w->f.key, CAIRN_TX_ORG_ADMIT, body, FIXTURE_TIME_MS);
    expect_sees(&reader, admission, true);
    expect_sees(&other, admission, false);
}

/* What cannot be told is an error, not a yes and not a no. */
static void test_failures(void **state)
{
    world *w = *state;
    cairn_reader reader;
    bool sees = false;
    cairn_hash org = put_org(w, 20, false, CAIRN_ORG_ACTIVE, 0);
    cairn_bytes tx = anchor_of(w, 10);
    assert_int_equal(cairn_reader_of_org(&w->ledger, &org, &reader), CAIRN_OK);
    assert_int_not_equal(cairn_reader_sees(&reader, tx, &sees),
                         CAIRN_OK); /* of no key that is known */
    w->fails = true;
    assert_int_equal(cairn_reader_sees(&reader, tx, &sees), CAIRN_ERR_IO);
    assert_int_not_equal(cairn_reader_sees(&reader, cairn_bytes_of(tx.data, tx.size - 1), &sees),
                         CAIRN_OK);
    assert_false(sees);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rights),  TEST(test_callers),   TEST(test_proofs),   TEST(test_without_a_caller),
        TEST(test_entries), TEST(test_admission), TEST(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
