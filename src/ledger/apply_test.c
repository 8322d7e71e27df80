/* The order of the checks, each code with its neighbour that is accepted, and what leaves a trace.
 * Source: docs/formats/transaction.md (Order of the checks). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/high_s.h"
#include "support/ledger_memory.h"

#include "core/limits.h"

#define NOW (MEMORY_TIME_MS + 1000)

static void expect(memory_ledger *m, uint64_t time_ms, cairn_bytes tx, cairn_err code)
{
    cairn_err got = memory_send(m, time_ms, tx);
    if (got != code)
        fail_msg("%s instead of %s: %s", cairn_err_name(got), cairn_err_name(code),
                 cairn_err_detail());
}

static cairn_bytes anchor_tx(memory_ledger *m, uint8_t key, uint64_t number, uint64_t valid_until)
{
    return memory_tx(m, memory_key(key), CAIRN_TX_ANCHOR, memory_anchor(&m->arena, number),
                     valid_until);
}

/* --- apply alone, over a table --- */

typedef struct table {
    cairn_arena arena;
    cairn_delta state;
    cairn_window window;
    cairn_params params;
    cairn_apply_base base;
} table;

static cairn_err get_from_table(void *context, cairn_map_id map, cairn_bytes key,
                                cairn_arena *arena, cairn_bytes *ret_value)
{
    (void)arena;
    const cairn_change *change = cairn_delta_find(context, map, key);
    if (change == NULL || change->deleted)
        return CAIRN_ERR_NOT_FOUND;
    *ret_value = change->value;
    return CAIRN_OK;
}

static void table_begin(table *t, size_t members)
{
    cairn_genesis genesis;
    *t = (table){0};
    cairn_arena_init(&t->arena, (size_t)1 << 30);
    cairn_delta_init(&t->state, &t->arena);
    cairn_window_init(&t->window);
    cairn_bytes raw = memory_genesis(&t->arena, members, NULL);
    assert_int_equal(cairn_genesis_decode(&t->arena, raw, &genesis), CAIRN_OK);
    assert_int_equal(cairn_genesis_apply(&genesis, &t->state), CAIRN_OK);
    cairn_params_default(&t->params);
    t->base = (cairn_apply_base){.features = &cairn_all_features,
                                 .state = {.context = &t->state, .get = get_from_table},
                                 .window = &t->window,
                                 .last_time_ms = MEMORY_TIME_MS,
                                 .log_size = 2};
    cairn_ledger_id(raw, &t->base.ledger);
}

static void table_end(table *t)
{
    cairn_window_done(&t->window);
    cairn_arena_done(&t->arena);
}

static void table_put_params(table *t)
{
    uint8_t out[CAIRN_PARAMS_SIZE_MAX];
    cairn_bytes value = cairn_bytes_of(out, cairn_params_encode(&t->params, out));
    assert_int_equal(
        cairn_delta_write(&t->state, CAIRN_MAP_CONFIG, cairn_bytes_str("params"), &value),
        CAIRN_OK);
}

static cairn_tx_input table_input(table *t, const cairn_tx_draft *draft, const cairn_key *key)
{
    cairn_tx_input input = {0};
    cairn_bytes tx;
    assert_int_equal(cairn_tx_sign(&t->arena, draft, key, &tx), CAIRN_OK);
    assert_int_equal(cairn_tx_decode(tx, &input.tx), CAIRN_OK);
    return input;
}

/* --- the order --- */

/* What can be wrong, in the order in which it is looked at. */
enum {
    LARGE = 1 << 0,
    ALGORITHM = 1 << 1,
    LEDGER = 1 << 2,
    TYPE = 1 << 3,
    SCHEMA = 1 << 4,
    EXPIRED = 1 << 5,
    HIGH_S = 1 << 6,
    SIGNER = 1 << 7,
    SIGNATURE = 1 << 8,
    FULL = 1 << 9,
    NEEDS_APPROVAL = 1 << 10,
    HANDLER = 1 << 11,
    ALL_DEFECTS = (1 << 12) - 1,
};

static const cairn_err code_of_defect[] = {
    CAIRN_ERR_TOO_LARGE,       CAIRN_ERR_BAD_ALGORITHM,     CAIRN_ERR_TX_WRONG_LEDGER,
    CAIRN_ERR_TX_UNKNOWN_TYPE, CAIRN_ERR_MISSING_FIELD,     CAIRN_ERR_TX_EXPIRED,
    CAIRN_ERR_HIGH_S,          CAIRN_ERR_TX_UNKNOWN_SIGNER, CAIRN_ERR_BAD_SIGNATURE,
    CAIRN_ERR_TX_IDS_FULL,     CAIRN_ERR_TX_NEEDS_APPROVAL, CAIRN_ERR_BAD_VALUE,
};

static cairn_err first_defect(unsigned defects)
{
    for (size_t i = 0; i < sizeof code_of_defect / sizeof code_of_defect[0]; i++)
        if ((defects & (1u << i)) != 0)
            return code_of_defect[i];
    return CAIRN_OK;
}

/* A body with the defects: a proposal, or a policy set without one. */
static cairn_bytes defective_body(table *t, unsigned defects)
{
    static const uint8_t filler[2048] = {0xa0};
    cairn_bytes content = cairn_bytes_of(filler, (defects & LARGE) != 0 ? sizeof filler : 1);
    if ((defects & SCHEMA) != 0) {
        uint8_t out[sizeof filler + 16];
        cairn_cbor_writer w;
        cairn_cbor_writer_init(&w, out, sizeof out);
        cairn_cbor_put_map(&w, 1);
        cairn_cbor_put_int(&w, 9);
        cairn_cbor_put_bytes(&w, content);
        return memory_body_end(&t->arena, &w);
    }
    if ((defects & NEEDS_APPROVAL) != 0)
        return memory_policy(&t->arena, "levels", 1, content);
    return memory_propose(&t->arena, 17, content, (defects & HANDLER) != 0 ? NOW : NOW + 1);
}

static cairn_tx_input defective_input(table *t, unsigned defects)
{
    const cairn_key *key = memory_key((defects & SIGNER) != 0 ? 99 : MEMORY_SIGN);
    cairn_tx_draft draft = {.ledger = t->base.ledger,
                            .kid = *cairn_key_id(key),
                            .type = CAIRN_TX_APPROVAL_PROPOSE,
                            .valid_until_ms = (defects & EXPIRED) != 0 ? NOW : NOW + 1,
                            .body = defective_body(t, defects)};
    if ((defects & LEDGER) != 0)
        draft.ledger.b[31] ^= 1;
    if ((defects & NEEDS_APPROVAL) != 0)
        draft.type = CAIRN_TX_POLICY_SET;
    if ((defects & TYPE) != 0)
        draft.type = 999;
    cairn_tx_input input = table_input(t, &draft, key);
    uint8_t *signature = (uint8_t *)(uintptr_t)input.tx.signature.data; /* the table's arena */
    if ((defects & SIGNATURE) != 0)
        signature[5] ^= 1;
    if ((defects & HIGH_S) != 0)
        test_negate_s(signature);
    return input;
}

static void set_world(table *t, unsigned defects)
{
    t->params.tx_size_max = 1024;
    t->params.ids_max = (defects & FULL) != 0 ? 1024 : 2048;
    t->params.algs[0].from_height = (defects & ALGORITHM) != 0 ? 2 : 1;
    table_put_params(t);
}

static void test_the_first_failing_check_decides(void **state)
{
    (void)state;
    table t;
    table_begin(&t, 3);
    for (uint64_t i = 0; i < 1024; i++) {
        cairn_hash id;
        cairn_sha256_of(&i, sizeof i, &id);
        assert_int_equal(cairn_window_add(&t.window, NOW + 1, &id, 0), CAIRN_OK);
    }
    for (unsigned defects = 0; defects <= ALL_DEFECTS; defects++) {
        cairn_outcome outcome;
        set_world(&t, defects);
        cairn_tx_input input = defective_input(&t, defects);
        assert_int_equal(cairn_apply_block(&t.base, 1, NOW, &input, 1, &t.arena, &outcome),
                         CAIRN_OK);
        cairn_err code = first_defect(defects);
        if (outcome.results[0].code != code)
            fail_msg("defects %03x: %s instead of %s", defects,
                     cairn_err_name(outcome.results[0].code), cairn_err_name(code));
        bool consumed = (defects & (NEEDS_APPROVAL - 1)) == 0;
        assert_int_equal(outcome.results[0].consumed, consumed);
        if (!consumed || code != CAIRN_OK)
            assert_int_equal(outcome.delta.count, 0);
        assert_int_equal(outcome.refused_count, consumed && code != CAIRN_OK);
        if (consumed) /* what a submitter is told before */
            code = CAIRN_OK;
        assert_int_equal(cairn_apply_check(&t.base, 1, NOW, &input, &t.arena), code);
    }
    table_end(&t);
}

/* --- each check at its edges --- */

static void test_validity_ends_at_the_block_time(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    expect(&m, NOW, anchor_tx(&m, MEMORY_SIGN, 1, NOW - 1), CAIRN_ERR_TX_EXPIRED);
    expect(&m, NOW, anchor_tx(&m, MEMORY_SIGN, 1, NOW), CAIRN_ERR_TX_EXPIRED);
    expect(&m, NOW, anchor_tx(&m, MEMORY_SIGN, 1, NOW + 1), CAIRN_OK);
    expect(&m, NOW, anchor_tx(&m, MEMORY_SIGN, 2, NOW + 600001), CAIRN_ERR_TX_TOO_FAR_AHEAD);
    expect(&m, NOW, anchor_tx(&m, MEMORY_SIGN, 2, NOW + 600000), CAIRN_OK);
    expect(&m, NOW, anchor_tx(&m, MEMORY_SIGN, 3, CAIRN_TIME_MAX_MS), CAIRN_ERR_TX_TOO_FAR_AHEAD);
    memory_end(&m);
}

static void test_size_ends_at_the_chain_parameter(void **state)
{
    (void)state;
    memory_ledger m;
    cairn_params params;
    static const uint8_t act[1024] = {0xa0};
    cairn_params_default(&params);
    params.tx_size_max = 1024;
    memory_begin(&m, 2, &params);
    cairn_bytes small = memory_propose(&m.arena, 17, cairn_bytes_of(act, 600), NOW + 5);
    size_t size = memory_tx(&m, memory_key(MEMORY_SIGN), 1, small, NOW + 1).size;
    for (size_t more = 0; more < 2; more++) {
        cairn_bytes body =
            memory_propose(&m.arena, 17, cairn_bytes_of(act, 600 + 1024 - size + more), NOW + 5);
        cairn_bytes tx = memory_tx(&m, memory_key(MEMORY_SIGN), 1, body, NOW + 1);
        assert_int_equal(tx.size, 1024 + more);
        expect(&m, NOW, tx, more == 0 ? CAIRN_OK : CAIRN_ERR_TOO_LARGE);
    }
    memory_end(&m);
}

static void test_an_id_is_decided_once(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    cairn_bytes tx = anchor_tx(&m, MEMORY_SIGN, 1, NOW + 100);
    cairn_bytes resigned = anchor_tx(&m, MEMORY_SIGN, 1, NOW + 100);
    assert_false(cairn_bytes_equal(tx, resigned));
    const cairn_bytes both[] = {tx, resigned};
    const cairn_outcome *o = memory_block(&m, NOW, both, 2);
    assert_int_equal(o->results[0].code, CAIRN_OK);
    assert_int_equal(o->results[1].code, CAIRN_ERR_TX_REPLAYED);
    assert_false(o->results[1].consumed);
    expect(&m, NOW, resigned, CAIRN_ERR_TX_REPLAYED);
    expect(&m, NOW + 99, tx, CAIRN_ERR_TX_REPLAYED);
    expect(&m, NOW + 100, tx, CAIRN_ERR_TX_EXPIRED);
    cairn_bytes refused = anchor_tx(&m, MEMORY_SIGN, 1, NOW + 101); /* finally refused: consumed */
    expect(&m, NOW + 100, refused, CAIRN_ERR_EXISTS);
    expect(&m, NOW + 100, refused, CAIRN_ERR_TX_REPLAYED);
    memory_end(&m);
}

static void test_refused_without_trace_may_come_again(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    cairn_bytes tx = anchor_tx(&m, MEMORY_SIGN, 1, NOW + 100);
    cairn_bytes corrupted;
    assert_int_equal(cairn_arena_copy(&m.arena, tx, &corrupted), CAIRN_OK);
    ((uint8_t *)(uintptr_t)corrupted.data)[corrupted.size - 40] ^= 1;
    expect(&m, NOW, corrupted, CAIRN_ERR_BAD_SIGNATURE); /* the same id */
    assert_false(m.block.changed);
    cairn_bytes early = anchor_tx(&m, MEMORY_SIGN, 2, NOW + 600001);
    expect(&m, NOW, early, CAIRN_ERR_TX_TOO_FAR_AHEAD);
    expect(&m, NOW, tx, CAIRN_OK);
    expect(&m, NOW + 1, early, CAIRN_OK);
    assert_int_equal(cairn_ledger_height(m.ledger), 4); /* the two refusals made no entry */
    assert_int_equal(cairn_ledger_frontier(m.ledger)->size, 2 + 4);
    memory_end(&m);
}

/* Replay comes after the signer's standing and the signature. */
static void test_a_replay_by_a_revoked_key_is_by_a_revoked_key(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    const cairn_hash org = memory_org(MEMORY_SIGN);
    cairn_bytes tx = anchor_tx(&m, MEMORY_SIGN, 1, NOW + 1000);
    expect(&m, NOW, tx, CAIRN_OK);
    expect(&m, NOW,
           memory_tx(&m, memory_key(MEMORY_SIGN), CAIRN_TX_KEY_ADD,
                     memory_key_add(&m.arena, &m.id, &org, CAIRN_PURPOSE_SIGN, memory_key(1)),
                     NOW + 1),
           CAIRN_OK);
    expect(&m, NOW,
           memory_tx(&m, memory_key(1), CAIRN_TX_KEY_REVOKE,
                     memory_key_revoke(&m.arena, memory_kid(MEMORY_SIGN), CAIRN_HEIGHT_OPEN),
                     NOW + 1),
           CAIRN_OK);
    expect(&m, NOW, tx, CAIRN_ERR_TX_REVOKED_SIGNER);
    memory_end(&m);
}

/* Added and used in one block, revoked and used in one block, not in the next. */
static void test_a_key_signs_from_its_block_to_that_of_its_end(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    const cairn_hash org = memory_org(MEMORY_SIGN);
    cairn_bytes add = memory_tx(
        &m, memory_key(MEMORY_SIGN), CAIRN_TX_KEY_ADD,
        memory_key_add(&m.arena, &m.id, &org, CAIRN_PURPOSE_SIGN, memory_key(1)), NOW + 1);
    cairn_bytes revoke =
        memory_tx(&m, memory_key(MEMORY_SIGN), CAIRN_TX_KEY_REVOKE,
                  memory_key_revoke(&m.arena, memory_kid(1), CAIRN_HEIGHT_OPEN), NOW + 1);
    const cairn_bytes first[] = {anchor_tx(&m, 1, 1, NOW + 1), add, anchor_tx(&m, 1, 2, NOW + 1)};
    const cairn_outcome *o = memory_block(&m, NOW, first, 3);
    assert_int_equal(o->results[0].code, CAIRN_ERR_TX_UNKNOWN_SIGNER);
    assert_int_equal(o->results[1].code, CAIRN_OK);
    assert_int_equal(o->results[2].code, CAIRN_OK);
    const cairn_bytes second[] = {revoke, anchor_tx(&m, 1, 3, NOW + 1)};
    o = memory_block(&m, NOW, second, 2);
    assert_int_equal(o->results[0].code, CAIRN_OK);
    assert_int_equal(o->results[1].code, CAIRN_OK);
    expect(&m, NOW, anchor_tx(&m, 1, 4, NOW + 1), CAIRN_ERR_TX_REVOKED_SIGNER);
    memory_end(&m);
}

static void test_a_signer_has_the_purpose(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    const cairn_hash org = memory_org(MEMORY_SIGN);
    expect(&m, NOW, anchor_tx(&m, MEMORY_COSIGN, 1, NOW + 1), CAIRN_ERR_TX_WRONG_PURPOSE);
    for (cairn_purpose p = CAIRN_PURPOSE_TLS; p <= CAIRN_PURPOSE_LAST; p++) {
        uint8_t number = (uint8_t)(200 + p);
        expect(&m, NOW,
               memory_tx(&m, memory_key(MEMORY_SIGN), CAIRN_TX_KEY_ADD,
                         memory_key_add(&m.arena, &m.id, &org, p, memory_key(number)), NOW + 1),
               CAIRN_OK);
        expect(&m, NOW, anchor_tx(&m, number, 1, NOW + 1), CAIRN_ERR_TX_WRONG_PURPOSE);
    }
    memory_end(&m);
}

static void decide(memory_ledger *m, uint16_t type, cairn_bytes act)
{
    cairn_bytes tx = memory_tx(m, memory_key(MEMORY_SIGN), CAIRN_TX_APPROVAL_PROPOSE,
                               memory_propose(&m->arena, type, act, NOW + 100), NOW + 1);
    cairn_approval approval;
    expect(m, NOW, tx, CAIRN_OK);
    const cairn_hash id = memory_id(tx);
    assert_int_equal(memory_approval(m, &id, &approval), CAIRN_OK);
    assert_int_equal(approval.status, CAIRN_APPROVAL_EXECUTED);
}

/* [X1353-R06] admitted and suspended by approval alone; refused from then on */
static void test_a_suspended_organisation_says_nothing(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    const cairn_hash org = memory_org(20);
    decide(&m, CAIRN_TX_ORG_ADMIT, memory_admit(&m.arena, &m.id, "Guest", false, 20));
    expect(&m, NOW, anchor_tx(&m, 20, 1, NOW + 1), CAIRN_OK);
    decide(&m, CAIRN_TX_ORG_STATUS, memory_status(&m.arena, &org, CAIRN_ORG_SUSPENDED, 1));
    expect(&m, NOW, anchor_tx(&m, 20, 2, NOW + 1), CAIRN_ERR_TX_SUSPENDED_SIGNER);
    decide(&m, CAIRN_TX_ORG_STATUS, memory_status(&m.arena, &org, CAIRN_ORG_ACTIVE, 2));
    expect(&m, NOW, anchor_tx(&m, 20, 2, NOW + 1), CAIRN_OK);
    decide(&m, CAIRN_TX_ORG_STATUS, memory_status(&m.arena, &org, CAIRN_ORG_REMOVED, 3));
    expect(&m, NOW, anchor_tx(&m, 20, 3, NOW + 1), CAIRN_ERR_TX_SUSPENDED_SIGNER);
    memory_end(&m);
}

/* Fills a ledger of 1,024 ids: the last sixteenth is for members and their governance. */
static void test_a_flood_leaves_room_for_governance(void **state)
{
    (void)state;
    memory_ledger m;
    cairn_params params;
    cairn_bytes txs[1024];
    cairn_params_default(&params);
    params.ids_max = 1024;
    memory_begin(&m, 2, &params);
    for (size_t i = 0; i < 1024; i++)
        txs[i] = anchor_tx(&m, MEMORY_SIGN, i, NOW + 1000);
    const cairn_outcome *o = memory_block(&m, NOW, txs, 1024);
    assert_int_equal(o->accepted_count, 960);
    assert_int_equal(o->results[959].code, CAIRN_OK);
    assert_int_equal(o->results[960].code, CAIRN_ERR_TX_IDS_FULL);
    assert_false(o->results[960].consumed);
    expect(&m, NOW, anchor_tx(&m, MEMORY_SIGN, 2000, NOW + 1000), CAIRN_ERR_TX_IDS_FULL);
    for (uint64_t i = 0; i < 65; i++) {
        cairn_bytes act = memory_policy(&m.arena, "levels", i + 1, cairn_bytes_str("x"));
        cairn_bytes tx = memory_tx(&m, memory_key(MEMORY_SIGN), CAIRN_TX_APPROVAL_PROPOSE,
                                   memory_propose(&m.arena, 17, act, NOW + 100), NOW + 1000);
        expect(&m, NOW, tx, i < 64 ? CAIRN_OK : CAIRN_ERR_TX_IDS_FULL);
    }
    /* Though no block could change anything since: what has ended does not count. */
    expect(&m, NOW + 8999, anchor_tx(&m, MEMORY_SIGN, 2000, NOW + 600000), CAIRN_ERR_TX_IDS_FULL);
    expect(&m, NOW + 9000, anchor_tx(&m, MEMORY_SIGN, 2000, NOW + 600000), CAIRN_OK);
    memory_end(&m);
}

/* --- application versions --- */

static cairn_err any_body(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    cairn_cbor_map map;
    (void)arena;
    *ret_act = NULL;
    CAIRN_TRY(cairn_cbor_read_map(r, "body", &map));
    return cairn_cbor_end_map(r, &map);
}

static cairn_err write_row(cairn_apply *apply, const char *name)
{
    cairn_state_key key;
    cairn_state_key_make(&key, "row", (cairn_bytes){0});
    return cairn_apply_put(apply, CAIRN_MAP_STATE, &key, name, strlen(name));
}

static cairn_err old_apply(cairn_apply *apply, const void *act)
{
    (void)act;
    return write_row(apply, "old");
}

static cairn_err new_apply(cairn_apply *apply, const void *act)
{
    (void)act;
    return write_row(apply, "new");
}

enum { TYPE_CHANGED = 1000, TYPE_LATER, TYPE_GONE };

static const cairn_tx_row versioned_rows[] = {
    {TYPE_CHANGED, "test.changed", 1, 2, false, any_body, old_apply, "house"},
    {TYPE_CHANGED, "test.changed", 2, 0, false, any_body, new_apply, "house"},
    {TYPE_LATER, "test.later", 2, 0, false, any_body, new_apply, "house"},
    {TYPE_GONE, "test.gone", 1, 2, false, any_body, old_apply, "house"},
};
static const cairn_feature versioned_feature = {
    .name = "test", .transactions = versioned_rows, .transaction_count = 4};

static void expect_row(memory_ledger *m, uint16_t type, cairn_err code, const char *written)
{
    static uint64_t number;
    static const uint8_t empty[] = {0xa0};
    cairn_bytes value;
    expect(m, NOW,
           memory_tx(m, memory_key(MEMORY_SIGN), type, cairn_bytes_of(empty, 1), NOW + ++number),
           code);
    if (code == CAIRN_OK) {
        assert_int_equal(memory_get(m, CAIRN_MAP_STATE, "row", (cairn_bytes){0}, &value), CAIRN_OK);
        assert_true(cairn_bytes_equal(value, cairn_bytes_str(written)));
    }
}

/* The upgrade to version 2 is announced for height 5; these tables know it, others do not. */
static void test_rows_change_at_the_announced_height(void **state)
{
    (void)state;
    const cairn_feature *const list[] = {cairn_all_features.list[0], &versioned_feature};
    const cairn_features knows_2 = {.list = list, .count = 2, .app_version = 2};
    memory_ledger m = {0};
    cairn_params params;
    cairn_params_default(&params);
    params.next_app_version = 2;
    params.next_app_height = 5;
    cairn_arena_init(&m.arena, (size_t)1 << 30);
    memory_open(&m, &knows_2, memory_genesis(&m.arena, 1, &params));
    expect_row(&m, TYPE_CHANGED, CAIRN_OK, "old");
    expect_row(&m, TYPE_LATER, CAIRN_ERR_TX_UNKNOWN_TYPE, NULL); /* as where nobody has it */
    expect_row(&m, TYPE_GONE, CAIRN_OK, "old");
    expect_row(&m, TYPE_CHANGED, CAIRN_OK, "old"); /* height 4, the last of version 1 */
    expect_row(&m, TYPE_CHANGED, CAIRN_OK, "new");
    expect_row(&m, TYPE_LATER, CAIRN_OK, "new");
    expect_row(&m, TYPE_GONE, CAIRN_ERR_TX_NOT_ACTIVE, NULL);
    expect_row(&m, 999, CAIRN_ERR_TX_UNKNOWN_TYPE, NULL);
    params.app_version = 2; /* the next change of parameters writes down what is in force */
    params.next_app_version = 0;
    decide(&m, CAIRN_TX_PARAMS_SET, memory_params(&m.arena, &params));
    expect_row(&m, TYPE_CHANGED, CAIRN_OK, "new");
    memory_end(&m);
}

static void test_an_unknown_version_stops_the_ledger_by_name(void **state)
{
    (void)state;
    memory_ledger m;
    cairn_params params;
    cairn_params_default(&params);
    params.next_app_version = 2;
    params.next_app_height = 2;
    memory_begin(&m, 1, &params);
    expect(&m, NOW, anchor_tx(&m, MEMORY_SIGN, 1, NOW + 1), CAIRN_OK);
    cairn_tx_input input = {0};
    cairn_block block;
    assert_int_equal(cairn_tx_decode(anchor_tx(&m, MEMORY_SIGN, 2, NOW + 1), &input.tx), CAIRN_OK);
    assert_int_equal(
        cairn_ledger_apply(m.ledger, &memory_bases, 2, NOW, &input, 1, &m.arena, &block),
        CAIRN_ERR_BAD_VERSION);
    assert_int_equal(cairn_ledger_height(m.ledger), 1);
    memory_end(&m);
}

/* --- apply is a function of its arguments --- */

static void test_time_does_not_go_back(void **state)
{
    (void)state;
    table t;
    cairn_outcome outcome;
    table_begin(&t, 1);
    assert_int_equal(cairn_apply_block(&t.base, 1, MEMORY_TIME_MS - 1, NULL, 0, &t.arena, &outcome),
                     CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_apply_block(&t.base, 1, MEMORY_TIME_MS, NULL, 0, &t.arena, &outcome),
                     CAIRN_OK);
    assert_memory_equal(&outcome.results_root, &cairn_merkle_empty_root, 32);
    table_end(&t);
}

/* --- a handler that fails, and an act that fails in an approval --- */

static cairn_err write_then_fail(cairn_apply *apply, const void *act)
{
    CAIRN_TRY(new_apply(apply, act));
    CAIRN_TRY(cairn_apply_emit(apply, 7, cairn_bytes_str("event")));
    return CAIRN_ERR_CLOSED;
}

static cairn_err write_then_run_out(cairn_apply *apply, const void *act)
{
    CAIRN_TRY(new_apply(apply, act));
    return CAIRN_ERR_NO_MEMORY;
}

enum { TYPE_FAILS = 1010, TYPE_RUNS_OUT, TYPE_ACT_FAILS };

static const cairn_tx_row failing_rows[] = {
    {TYPE_CHANGED, "test.changed", 1, 0, false, any_body, old_apply, "house"},
    {TYPE_FAILS, "test.fails", 1, 0, false, any_body, write_then_fail, "house"},
    {TYPE_RUNS_OUT, "test.runs-out", 1, 0, false, any_body, write_then_run_out, "house"},
    {TYPE_ACT_FAILS, "test.act-fails", 1, 0, true, any_body, write_then_fail, "house"},
};
static const cairn_feature failing_feature = {
    .name = "test", .transactions = failing_rows, .transaction_count = 4};

static void test_a_failing_handler_leaves_nothing(void **state)
{
    (void)state;
    static const uint8_t empty[] = {0xa0};
    const cairn_feature *const list[] = {cairn_all_features.list[0], &failing_feature};
    const cairn_features failing = {.list = list, .count = 2, .app_version = 1};
    cairn_bytes body = cairn_bytes_of(empty, 1);
    cairn_bytes value;
    memory_ledger m = {0};
    cairn_arena_init(&m.arena, (size_t)1 << 30);
    memory_open(&m, &failing, memory_genesis(&m.arena, 1, NULL));
    const cairn_key *key = memory_key(MEMORY_SIGN);
    const cairn_bytes txs[] = {
        memory_tx(&m, key, TYPE_CHANGED, body, NOW + 1),
        memory_tx(&m, key, TYPE_FAILS, body, NOW + 2),
        memory_tx(&m, key, CAIRN_TX_APPROVAL_PROPOSE,
                  memory_propose(&m.arena, TYPE_ACT_FAILS, body, NOW + 9), NOW + 3),
    };
    const cairn_outcome *o = memory_block(&m, NOW, txs, 3);
    assert_int_equal(o->results[0].code, CAIRN_OK);
    assert_int_equal(o->results[1].code, CAIRN_ERR_CLOSED);
    assert_true(o->results[1].consumed);
    assert_int_equal(o->results[2].code, CAIRN_OK); /* the approval ended as failed */
    assert_int_equal(o->delta.count, 2);
    assert_non_null(o->events); /* the approval's; that of the act was taken back */
    assert_int_equal(o->events->tx, 2);
    assert_null(o->events->next);
    assert_int_equal(memory_get(&m, CAIRN_MAP_STATE, "row", (cairn_bytes){0}, &value), CAIRN_OK);
    assert_true(cairn_bytes_equal(value, cairn_bytes_str("old")));
    cairn_approval approval;
    const cairn_hash id = memory_id(txs[2]);
    assert_int_equal(memory_approval(&m, &id, &approval), CAIRN_OK);
    assert_int_equal(approval.status, CAIRN_APPROVAL_FAILED);
    assert_int_equal(approval.code, CAIRN_ERR_CLOSED);

    cairn_tx_input input = {0};
    cairn_block block;
    assert_int_equal(cairn_tx_decode(memory_tx(&m, key, TYPE_RUNS_OUT, body, NOW + 4), &input.tx),
                     CAIRN_OK);
    assert_int_equal(
        cairn_ledger_apply(m.ledger, &memory_bases, 2, NOW, &input, 1, &m.arena, &block),
        CAIRN_ERR_NO_MEMORY); /* ours, not the transaction's */
    memory_end(&m);
}

/* Anybody may vote on the longest approval, in vain, as often as a block holds transactions: what
 * is read for that does not add up. */
/* --- events --- */

static cairn_err emit(cairn_apply *apply, size_t count, size_t key_size)
{
    static const uint8_t key[CAIRN_EVENT_KEY_SIZE_MAX + 1];
    CAIRN_TRY(new_apply(apply, NULL));
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(cairn_apply_emit(apply, (uint16_t)(i + 1), cairn_bytes_of(key, key_size)));
    return CAIRN_OK;
}

static cairn_err emit_most(cairn_apply *apply, const void *act)
{
    (void)act;
    return emit(apply, CAIRN_TX_EVENTS_MAX, CAIRN_TX_EVENTS_SIZE_MAX / CAIRN_TX_EVENTS_MAX);
}

static cairn_err emit_too_many(cairn_apply *apply, const void *act)
{
    (void)act;
    return emit(apply, CAIRN_TX_EVENTS_MAX + 1, 0);
}

static cairn_err emit_too_much(cairn_apply *apply, const void *act)
{
    (void)act;
    CAIRN_TRY(emit(apply, 3, CAIRN_EVENT_KEY_SIZE_MAX));
    return cairn_apply_emit(apply, 4, cairn_bytes_str("k"));
}

static cairn_err emit_long_key(cairn_apply *apply, const void *act)
{
    (void)act;
    return emit(apply, 1, CAIRN_EVENT_KEY_SIZE_MAX + 1);
}

static const cairn_tx_row emitting_rows[] = {
    {1020, "test.most", 1, 0, false, any_body, emit_most, "house"},
    {1021, "test.too-many", 1, 0, false, any_body, emit_too_many, "house"},
    {1022, "test.too-much", 1, 0, false, any_body, emit_too_much, "house"},
    {1023, "test.long-key", 1, 0, false, any_body, emit_long_key, "house"},
};
static const cairn_feature emitting_feature = {
    .name = "test", .transactions = emitting_rows, .transaction_count = 4};

static void test_a_transaction_emits_within_bounds_or_is_refused(void **state)
{
    (void)state;
    static const uint8_t empty[] = {0xa0};
    static const cairn_err codes[] = {CAIRN_OK, CAIRN_ERR_TOO_MANY, CAIRN_ERR_TOO_MANY,
                                      CAIRN_ERR_TOO_LARGE, CAIRN_OK};
    const cairn_feature *const list[] = {cairn_all_features.list[0], &emitting_feature};
    const cairn_features emitting = {.list = list, .count = 2, .app_version = 1};
    cairn_bytes txs[5];
    memory_ledger m = {0};
    cairn_arena_init(&m.arena, (size_t)1 << 30);
    memory_open(&m, &emitting, memory_genesis(&m.arena, 1, NULL));
    for (size_t i = 0; i < 5; i++)
        txs[i] = memory_tx(&m, memory_key(MEMORY_SIGN), (uint16_t)(1020 + i % 4),
                           cairn_bytes_of(empty, 1), NOW + 1 + i);
    const cairn_outcome *o = memory_block(&m, NOW, txs, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(o->results[i].code, codes[i]);
        assert_true(o->results[i].consumed); /* for good: it depends on nothing that changes */
    }
    assert_int_equal(o->event_count, 2 * CAIRN_TX_EVENTS_MAX);
    size_t i = 0;
    for (const cairn_event *e = o->events; e != NULL; e = e->next, i++) {
        assert_int_equal(e->tx, i < CAIRN_TX_EVENTS_MAX ? 0 : 4);
        assert_int_equal(e->type, i % CAIRN_TX_EVENTS_MAX + 1);
    }
    assert_int_equal(i, o->event_count);
    memory_end(&m);
}

static void test_reading_much_needs_little_memory(void **state)
{
    (void)state;
    enum { COUNT = 400 };
    static uint8_t act[CAIRN_ACT_BODY_SIZE_MAX];
    static cairn_tx_input inputs[COUNT];
    memory_ledger m;
    cairn_arena arena;
    cairn_block block;
    memory_begin(&m, 2, NULL);
    cairn_bytes proposal = memory_tx(
        &m, memory_key(MEMORY_SIGN), CAIRN_TX_APPROVAL_PROPOSE,
        memory_propose(&m.arena, 17, cairn_bytes_of(act, sizeof act), NOW + 100), NOW + 1);
    expect(&m, NOW, proposal, CAIRN_OK);
    const cairn_hash id = memory_id(proposal);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(
            cairn_tx_decode(memory_tx(&m, memory_key(MEMORY_SIGN + 1), CAIRN_TX_APPROVAL_APPROVE,
                                      memory_vote(&m.arena, &id, &id), NOW + 1 + i),
                            &inputs[i].tx),
            CAIRN_OK);
    cairn_arena_init(&arena, 1 << 20); /* of 20 MB that are read */
    assert_int_equal(
        cairn_ledger_apply(m.ledger, &memory_bases, 2, NOW, inputs, COUNT, &arena, &block),
        CAIRN_OK);
    assert_int_equal(block.outcome.refused_count, COUNT);
    assert_int_equal(block.outcome.results[0].code, CAIRN_ERR_MISMATCH);
    cairn_block_discard(&block);
    cairn_arena_done(&arena);
    memory_end(&m);
}

/* --- what is remembered of signers beside the state --- */

/* Two histories of one genesis share a cache: what one revokes, the other still knows. A block that
 * was only computed is not remembered either. */
static void test_histories_do_not_meet_in_the_key_cache(void **state)
{
    (void)state;
    memory_ledger m, other = {0};
    memory_begin(&m, 1, NULL);
    const cairn_hash org = memory_org(MEMORY_SIGN);
    cairn_arena_init(&other.arena, (size_t)1 << 24);
    memory_open(&other, &cairn_all_features, m.genesis);
    cairn_key_cache *own = other.keys;
    cairn_ledger_free(other.ledger);
    assert_int_equal(cairn_ledger_new(&cairn_all_features, m.keys, &other.ledger), CAIRN_OK);
    assert_int_equal(
        cairn_ledger_begin(other.ledger, &memory_bases, m.genesis, &other.blocks, &other.block),
        CAIRN_OK);
    assert_int_equal(cairn_ledger_commit(other.ledger, &other.block), CAIRN_OK);
    cairn_bytes add = memory_tx(
        &m, memory_key(MEMORY_SIGN), CAIRN_TX_KEY_ADD,
        memory_key_add(&m.arena, &m.id, &org, CAIRN_PURPOSE_SIGN, memory_key(1)), NOW + 1);
    cairn_bytes revoke =
        memory_tx(&m, memory_key(1), CAIRN_TX_KEY_REVOKE,
                  memory_key_revoke(&m.arena, memory_kid(MEMORY_SIGN), CAIRN_HEIGHT_OPEN), NOW + 1);
    for (uint64_t i = 0; i < 3; i++) { /* both know their signer by heart, at equal steps */
        expect(&m, NOW, i == 0 ? add : anchor_tx(&m, 1, i, NOW + 1), CAIRN_OK);
        expect(&other, NOW, i == 0 ? add : anchor_tx(&m, 1, i, NOW + 1), CAIRN_OK);
    }
    expect(&m, NOW, revoke, CAIRN_OK);
    expect(&m, NOW, anchor_tx(&m, MEMORY_SIGN, 3, NOW + 1), CAIRN_ERR_TX_REVOKED_SIGNER);
    const cairn_bytes tls =
        memory_tx(&m, memory_key(MEMORY_SIGN), CAIRN_TX_KEY_ADD,
                  memory_key_add(&m.arena, &m.id, &org, CAIRN_PURPOSE_TLS, memory_key(2)), NOW + 1);
    expect(&other, NOW, tls, CAIRN_OK); /* the same step of its registry as the revocation was */
    expect(&other, NOW, anchor_tx(&m, MEMORY_SIGN, 3, NOW + 1), CAIRN_OK);
    expect(&m, NOW, anchor_tx(&m, MEMORY_SIGN, 4, NOW + 1), CAIRN_ERR_TX_REVOKED_SIGNER);
    other.keys = own;
    memory_end(&other);
    memory_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_failing_check_decides),
        cmocka_unit_test(test_validity_ends_at_the_block_time),
        cmocka_unit_test(test_size_ends_at_the_chain_parameter),
        cmocka_unit_test(test_an_id_is_decided_once),
        cmocka_unit_test(test_refused_without_trace_may_come_again),
        cmocka_unit_test(test_a_replay_by_a_revoked_key_is_by_a_revoked_key),
        cmocka_unit_test(test_a_key_signs_from_its_block_to_that_of_its_end),
        cmocka_unit_test(test_a_signer_has_the_purpose),
        cmocka_unit_test(test_a_suspended_organisation_says_nothing),
        cmocka_unit_test(test_a_flood_leaves_room_for_governance),
        cmocka_unit_test(test_rows_change_at_the_announced_height),
        cmocka_unit_test(test_an_unknown_version_stops_the_ledger_by_name),
        cmocka_unit_test(test_time_does_not_go_back),
        cmocka_unit_test(test_a_failing_handler_leaves_nothing),
        cmocka_unit_test(test_a_transaction_emits_within_bounds_or_is_refused),
        cmocka_unit_test(test_reading_much_needs_little_memory),
        cmocka_unit_test(test_histories_do_not_meet_in_the_key_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
