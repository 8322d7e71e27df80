/* Devices on the ledger: who may say what, what is checked of a voucher, and what servers learn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/ics23.h"
#include "support/onboard_world.h"

static void must(memory_ledger *m, world_device *d, uint8_t key, uint16_t type, cairn_bytes body)
{
    assert_int_equal(world_say(m, key, type, body), CAIRN_OK);
    d->version++;
}

static world_device registered(memory_ledger *m, uint8_t number)
{
    world_device d = world_make(m, number, 0, WORLD_MAKER_KEY);
    must(m, &d, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, world_register(m, &d));
    return d;
}

static world_device sold(memory_ledger *m, uint8_t number)
{
    world_device d = registered(m, number);
    must(m, &d, WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
         world_transfer(m, &d, WORLD_MAKER, WORLD_OWNER_KEY));
    return d;
}

static world_device claimed(memory_ledger *m, uint8_t number, const cairn_hash *contract)
{
    world_device d = sold(m, number);
    must(m, &d, WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM, world_claim(m, &d, WORLD_OWNER, contract));
    return d;
}

/* [X1353-R01] A key is registered once: by the same manufacturer or another, alone or among many.
 */
static void test_a_key_comes_once(void **state)
{
    (void)state;
    memory_ledger m;
    world_device many[3];
    world_begin(&m);
    world_device d = registered(&m, 1);
    for (uint8_t i = 0; i < 3; i++)
        many[i] = world_make(&m, (uint8_t)(10 + i), 0, WORLD_MAKER_KEY);
    const cairn_hash fresh = many[1].nullifier;
    many[1].nullifier = d.nullifier;
    assert_int_equal(
        world_say(&m, WORLD_RIVAL, CAIRN_TX_DEVICE_REGISTER, world_register_many(&m, many, 3)),
        CAIRN_ERR_EXISTS);
    many[1].nullifier = many[0].nullifier; /* twice in one batch */
    assert_int_equal(
        world_say(&m, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, world_register_many(&m, many, 3)),
        CAIRN_ERR_NOT_CANONICAL);
    many[1].nullifier = fresh;
    assert_int_equal(
        world_say(&m, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, world_register_many(&m, many, 3)),
        CAIRN_OK);
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(world_record(&m, &many[i]).version, 1);
        world_done(&many[i]);
    }
    world_done(&d);
    memory_end(&m);
}

/* [X1353-R02] [X1353-R06] No role, a revoked key, a suspended manufacturer: and nothing is there.
 */
static void test_who_may_register(void **state)
{
    (void)state;
    memory_ledger m;
    cairn_bytes value;
    world_begin(&m);
    world_device d = world_make(&m, 1, 0, WORLD_MAKER_KEY);
    const cairn_hash maker = memory_org(WORLD_MAKER);
    const cairn_bytes body = world_register(&m, &d);
    assert_int_equal(world_say(&m, WORLD_OWNER, CAIRN_TX_DEVICE_REGISTER, body),
                     CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(
        world_say(&m, WORLD_MAKER, CAIRN_TX_KEY_ADD,
                  memory_key_add(&m.arena, &m.id, &maker, CAIRN_PURPOSE_SIGN, memory_key(40))),
        CAIRN_OK);
    assert_int_equal(
        world_say(&m, 40, CAIRN_TX_KEY_REVOKE,
                  memory_key_revoke(&m.arena, memory_kid(WORLD_MAKER), CAIRN_HEIGHT_OPEN)),
        CAIRN_OK);
    assert_int_equal(world_say(&m, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, body),
                     CAIRN_ERR_TX_REVOKED_SIGNER);
    world_status(&m, WORLD_MAKER, CAIRN_ORG_SUSPENDED, 1);
    assert_int_equal(world_say(&m, 40, CAIRN_TX_DEVICE_REGISTER, body),
                     CAIRN_ERR_TX_SUSPENDED_SIGNER);
    assert_int_equal(memory_get(&m, CAIRN_MAP_STATE, "device/", cairn_bytes_hash(&d.index), &value),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(
        memory_get(&m, CAIRN_MAP_STATE, "device-key/", cairn_bytes_hash(&d.nullifier), &value),
        CAIRN_ERR_NOT_FOUND);
    world_status(&m, WORLD_MAKER, CAIRN_ORG_ACTIVE, 2);
    assert_int_equal(world_say(&m, 40, CAIRN_TX_DEVICE_REGISTER, body), CAIRN_OK);
    world_done(&d);
    memory_end(&m);
}

/* As many as one transaction takes, and one more. */
static void test_a_full_batch(void **state)
{
    (void)state;
    static world_device many[WORLD_BATCH_MAX];
    memory_ledger m;
    world_begin(&m);
    for (size_t i = 0; i < WORLD_BATCH_MAX; i++)
        many[i] = world_make(&m, (uint8_t)i, (uint8_t)(i / 256), WORLD_MAKER_KEY);
    many[256].nullifier = many[256].salt;
    assert_int_equal(world_say(&m, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER,
                               world_register_many(&m, many, WORLD_BATCH_MAX)),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(world_say(&m, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER,
                               world_register_many(&m, many, CAIRN_DEVICES_PER_TX_MAX)),
                     CAIRN_OK);
    for (size_t i = 0; i < CAIRN_DEVICES_PER_TX_MAX; i++)
        assert_int_equal(world_record(&m, &many[i]).state, CAIRN_DEVICE_REGISTERED);
    for (size_t i = 0; i < WORLD_BATCH_MAX; i++)
        world_done(&many[i]);
    memory_end(&m);
}

/* --- vouchers --- */

/* An entry as somebody may make it. */
static cairn_bytes entry_of(memory_ledger *m, const cairn_fdo_hash *previous,
                            const cairn_fdo_hash *info, cairn_bytes extra,
                            const cairn_fdo_key *next, uint8_t signer, cairn_bytes headers,
                            bool trailing)
{
    static uint8_t out[CAIRN_DEVICE_ENTRY_SIZE_MAX];
    cairn_cbor_writer w;
    cairn_bytes payload, message;
    cairn_cbor_writer_init(&w, out, sizeof out);
    cairn_cbor_put_array(&w, 4);
    cairn_fdo_hash_put(&w, previous);
    cairn_fdo_hash_put(&w, info);
    if (extra.size == 0)
        cairn_cbor_put_null(&w);
    else
        cairn_cbor_put_bytes(&w, extra);
    cairn_cbor_put_raw(&w, cairn_fdo_key_encoded(next));
    if (trailing)
        cairn_cbor_put_uint(&w, 7);
    MEMORY_MUST(cairn_cbor_writer_end(&w, &payload));
    MEMORY_MUST(cairn_fdo_sign(&m->arena, memory_key(signer), headers, payload, &message));
    return message;
}

static cairn_err sell(memory_ledger *m, const world_device *d, cairn_bytes entry)
{
    return world_say(m, WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
                     world_transfer_of(m, d, WORLD_MAKER, d->owner_key, entry));
}

/* [X1353-R07] [X1353-R09] Signer, previous hash, header, next key: each has its refusal.
 * [X1353-R25] And an entry brings nothing else with it. */
static void test_what_an_entry_is_checked_for(void **state)
{
    (void)state;
    memory_ledger m;
    cairn_fdo_hash info = {.alg = CAIRN_FDO_SHA256, .size = 32}, wrong = info;
    const cairn_bytes none = {0}, bare = cairn_bytes_of("\xa0", 1);
    const cairn_bytes extra = cairn_bytes_of("\xa1\x04\x41\x00", 4);
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *big = NULL;
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *next384 = NULL;
    world_begin(&m);
    world_device d = registered(&m, 1);
    const cairn_fdo_key *next = world_key(WORLD_OWNER_KEY);
    memcpy(info.b, d.header_info.data, 32);
    MEMORY_MUST(cairn_key_generate(CAIRN_KEY_P384, &big));
    MEMORY_MUST(cairn_fdo_key_of(big, CAIRN_FDO_KEY_X509, &next384));
    const cairn_fdo_hash *head = &d.head.hash;
    const struct {
        cairn_bytes entry;
        cairn_err code;
    } cases[] = {
        {entry_of(&m, head, &info, none, next, WORLD_OWNER_KEY, bare, false),
         CAIRN_ERR_BAD_SIGNATURE},
        {entry_of(&m, &wrong, &info, none, next, WORLD_MAKER_KEY, bare, false), CAIRN_ERR_MISMATCH},
        {entry_of(&m, head, &wrong, none, next, WORLD_MAKER_KEY, bare, false), CAIRN_ERR_MISMATCH},
        {entry_of(&m, head, &info, none, next384, WORLD_MAKER_KEY, bare, false), CAIRN_ERR_BAD_KEY},
        {entry_of(&m, head, &info, extra, next, WORLD_MAKER_KEY, bare, false), CAIRN_ERR_BAD_VALUE},
        {entry_of(&m, head, &info, none, next, WORLD_MAKER_KEY, extra, false), CAIRN_ERR_BAD_VALUE},
        {entry_of(&m, head, &info, none, next, WORLD_MAKER_KEY, bare, true), CAIRN_ERR_TRAILING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_err err = sell(&m, &d, cases[i].entry);
        if (err != cases[i].code)
            fail_msg("entry %zu: %s", i, cairn_err_name(err));
    }
    assert_int_equal(world_record(&m, &d).version, 1);
    assert_int_equal(
        sell(&m, &d, entry_of(&m, head, &info, none, next, WORLD_MAKER_KEY, bare, false)),
        CAIRN_OK);
    assert_int_equal(world_record(&m, &d).entry_count, 1);
    world_done(&d);
    memory_end(&m);
}

/* [X1353-R09] 255 sales, and no more; each entry once. */
static void test_the_last_entry(void **state)
{
    (void)state;
    memory_ledger m;
    cairn_bytes body = {0};
    world_begin(&m);
    world_device d = registered(&m, 1);
    for (unsigned i = 0; i < CAIRN_FDO_ENTRIES_MAX; i++) {
        const cairn_bytes before = body;
        body = world_transfer(&m, &d, WORLD_MAKER, i % 2 == 0 ? WORLD_OWNER_KEY : WORLD_BUYER_KEY);
        must(&m, &d, WORLD_OPERATOR, CAIRN_TX_DEVICE_TRANSFER, body);
        if (i > 0 && i % 100 == 0)
            assert_int_equal(world_say(&m, WORLD_OPERATOR, CAIRN_TX_DEVICE_TRANSFER, before),
                             CAIRN_ERR_TX_WRONG_VERSION);
    }
    assert_int_equal(world_record(&m, &d).entry_count, CAIRN_FDO_ENTRIES_MAX);
    assert_int_equal(world_say(&m, WORLD_OPERATOR, CAIRN_TX_DEVICE_TRANSFER,
                               world_transfer(&m, &d, WORLD_MAKER, WORLD_BUYER_KEY)),
                     CAIRN_ERR_TOO_MANY);
    world_done(&d);
    memory_end(&m);
}

/* [X1353-R08] [X1353-R38] Three sales of one device in one block: the first is done, whatever the
 * order; and the same transaction again is none. */
static void test_sold_to_many_at_once(void **state)
{
    (void)state;
    static const uint8_t keys[] = {WORLD_OWNER_KEY, WORLD_BUYER_KEY, WORLD_THIRD_KEY};
    memory_ledger m;
    world_begin(&m);
    for (uint8_t first = 0; first < 3; first++) {
        world_device d = registered(&m, (uint8_t)(first + 1));
        cairn_bytes txs[4];
        for (uint8_t i = 0; i < 3; i++) {
            uint8_t buyer = keys[(first + i) % 3];
            world_device copy = world_make(&m, d.number, 0, WORLD_MAKER_KEY);
            copy.version = 1;
            txs[i] = world_tx(&m, WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
                              world_transfer(&m, &copy, WORLD_MAKER, buyer));
            world_done(&copy);
        }
        txs[3] = txs[0];
        const cairn_outcome *outcome = memory_block(&m, WORLD_NOW, txs, 4);
        assert_int_equal(outcome->results[0].code, CAIRN_OK);
        assert_int_equal(outcome->results[1].code, CAIRN_ERR_TX_WRONG_VERSION);
        assert_int_equal(outcome->results[2].code, CAIRN_ERR_TX_WRONG_VERSION);
        assert_int_equal(outcome->results[3].code, CAIRN_ERR_TX_REPLAYED);
        const cairn_hash owner = world_owner_key(keys[first]);
        const cairn_device record = world_record(&m, &d);
        assert_true(cairn_hash_equal(&record.owner_key, &owner));
        assert_int_equal(record.version, 2);
        world_done(&d);
    }
    memory_end(&m);
}

/* [X1353-R08] Two organisations that hold the same key claim at once. */
static void test_claimed_twice(void **state)
{
    (void)state;
    memory_ledger m;
    world_begin(&m);
    world_device d = sold(&m, 1);
    const cairn_bytes txs[] = {
        world_tx(&m, WORLD_BUYER, CAIRN_TX_DEVICE_CLAIM, world_claim(&m, &d, WORLD_BUYER, NULL)),
        world_tx(&m, WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM, world_claim(&m, &d, WORLD_OWNER, NULL)),
    };
    const cairn_outcome *outcome = memory_block(&m, WORLD_NOW, txs, 2);
    assert_int_equal(outcome->results[0].code, CAIRN_OK);
    assert_int_equal(outcome->results[1].code, CAIRN_ERR_TX_WRONG_VERSION);
    const cairn_hash buyer = memory_org(WORLD_BUYER);
    const cairn_device record = world_record(&m, &d);
    assert_true(cairn_hash_equal(&record.owner, &buyer));
    world_done(&d);
    memory_end(&m);
}

/* A claimed device needs both: its owner's organisation and its owner key. */
static void test_a_stolen_owner_key(void **state)
{
    (void)state;
    memory_ledger m;
    world_begin(&m);
    world_device d = claimed(&m, 1, NULL);
    const uint8_t key = d.owner_key;
    const cairn_bytes entry = world_sell(&m, &d, WORLD_BUYER_KEY);
    assert_int_equal(world_say(&m, WORLD_BUYER, CAIRN_TX_DEVICE_TRANSFER,
                               world_transfer_of(&m, &d, WORLD_OWNER, key, entry)),
                     CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(world_say(&m, WORLD_OWNER, CAIRN_TX_DEVICE_TRANSFER,
                               world_transfer_of(&m, &d, WORLD_OWNER, key, entry)),
                     CAIRN_OK);
    world_done(&d);
    memory_end(&m);
}

/* [X1353-R10] Of the owner nothing is left in the record, and the next one onboards it. */
static void test_a_reset_leaves_nothing(void **state)
{
    (void)state;
    memory_ledger m;
    world_begin(&m);
    world_device d = claimed(&m, 1, NULL);
    must(&m, &d, WORLD_OWNER, CAIRN_TX_DEVICE_ANNOUNCE,
         world_announce(&m, &d, cairn_bytes_str("to1d"), WORLD_NOW + 5000));
    const cairn_device before = world_record(&m, &d);
    must(&m, &d, WORLD_OWNER, CAIRN_TX_DEVICE_EVENT, world_event(&m, &d, CAIRN_DEVICE_RESET));
    cairn_bytes record;
    MEMORY_MUST(memory_get(&m, CAIRN_MAP_STATE, "device/", cairn_bytes_hash(&d.index), &record));
    const cairn_hash *gone[] = {&before.owner, &before.platform, &before.policy,
                                &before.rendezvous};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        assert_null(memmem(record.data, record.size, gone[i]->b, 32));
    must(&m, &d, WORLD_OWNER, CAIRN_TX_DEVICE_TRANSFER,
         world_transfer(&m, &d, WORLD_OWNER, WORLD_BUYER_KEY));
    must(&m, &d, WORLD_BUYER, CAIRN_TX_DEVICE_CLAIM, world_claim(&m, &d, WORLD_BUYER, NULL));
    world_device next = world_make(&m, 1, 1, WORLD_BUYER_KEY);
    must(&m, &d, WORLD_BUYER, CAIRN_TX_DEVICE_ONBOARDED, world_onboarded(&m, &d, &next));
    world_done(&d);
    world_done(&next);
    memory_end(&m);
}

/* [X1353-R49] */
static void test_algorithms(void **state)
{
    (void)state;
    memory_ledger m;
    world_begin(&m);
    world_device d = world_make(&m, 1, 0, WORLD_MAKER_KEY);
    cairn_device_new_row row;
    cairn_device_registration r = {.rows = {.count = 1, .rows = &row},
                                   .nullifiers = {.count = 1, .rows = &d.nullifier},
                                   .owner_key = world_owner_key(WORLD_MAKER_KEY),
                                   .model = world_number("model", 1)};
    static const struct {
        uint64_t algorithm, next;
        cairn_err code;
    } cases[] = {{0, 48, CAIRN_ERR_BAD_ALGORITHM},
                 {12, 48, CAIRN_ERR_BAD_ALGORITHM},
                 {10, 47, CAIRN_ERR_BAD_ALGORITHM},
                 {10, 51, CAIRN_ERR_BAD_ALGORITHM},
                 {11, 50, CAIRN_OK}};
    world_new_rows(&d, 1, &row, NULL);
    row.next_key = cairn_bytes_hash(&d.salt);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_bytes body;
        r.algorithm = cases[i].algorithm;
        r.next_algorithm = cases[i].next;
        MEMORY_MUST(cairn_device_register_body(&m.arena, &r, &body));
        assert_int_equal(world_say(&m, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, body), cases[i].code);
    }
    const cairn_device record = world_record(&m, &d);
    assert_int_equal(record.algorithm, CAIRN_DEVICE_P384);
    assert_int_equal(record.next_algorithm, 50);
    assert_true(cairn_hash_equal(&record.next_key, &d.salt));
    world_done(&d);
    memory_end(&m);
}

/* --- what servers ask --- */

static cairn_err may(memory_ledger *m, const world_device *d, uint8_t operator, uint64_t now_ms)
{
    const cairn_state_source source = world_state(m);
    const cairn_hash org = memory_org(operator);
    cairn_device record;
    return operator== 0
               ? cairn_onboard_check(&source, &m->arena, &d->index, now_ms, &record)
               : cairn_onboard_check_operator(&source, &m->arena, &d->index, &org, now_ms, &record);
}

static cairn_hash contract(memory_ledger *m)
{
    const cairn_bytes tx =
        world_tx(m, WORLD_OWNER, CAIRN_TX_CONTRACT_PROPOSE,
                 world_propose(m, WORLD_OWNER, WORLD_OPERATOR, WORLD_OWNER_KEY, WORLD_NOW + 9000));
    const cairn_hash id = memory_id(tx);
    assert_int_equal(memory_send(m, WORLD_NOW, tx), CAIRN_OK);
    assert_int_equal(
        world_say(m, WORLD_OPERATOR, CAIRN_TX_CONTRACT_ACCEPT, world_accept(m, &id, 1)), CAIRN_OK);
    return id;
}

/* [X1353-R17] */
static void test_an_operator_needs_a_contract(void **state)
{
    (void)state;
    memory_ledger m;
    world_begin(&m);
    const cairn_hash id = contract(&m);
    world_device d = claimed(&m, 1, &id), without = claimed(&m, 2, NULL);
    assert_int_equal(may(&m, &d, WORLD_OPERATOR, WORLD_NOW), CAIRN_OK);
    assert_int_equal(may(&m, &d, WORLD_RIVAL, WORLD_NOW), CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(may(&m, &without, WORLD_OPERATOR, WORLD_NOW), CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(may(&m, &d, WORLD_OPERATOR, WORLD_NOW + 9000), CAIRN_ERR_EXPIRED);
    /* of another batch */
    world_device other = registered(&m, 3);
    must(&m, &other, WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
         world_transfer(&m, &other, WORLD_MAKER, WORLD_THIRD_KEY));
    assert_int_equal(world_say(&m, WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM,
                               world_claim(&m, &other, WORLD_OWNER, &id)),
                     CAIRN_ERR_TX_FORBIDDEN);
    assert_int_equal(world_say(&m, WORLD_OPERATOR, CAIRN_TX_CONTRACT_END, world_end(&m, &id, 2)),
                     CAIRN_OK);
    assert_int_equal(may(&m, &d, WORLD_OPERATOR, WORLD_NOW), CAIRN_ERR_CLOSED);
    assert_int_equal(may(&m, &without, 0, WORLD_NOW), CAIRN_OK);
    world_done(&d);
    world_done(&without);
    world_done(&other);
    memory_end(&m);
}

/* [X1353-R23] Each of four is asked at each view: manufacturer, owner, operator, device. */
static void test_what_is_revoked_is_served_no_more(void **state)
{
    (void)state;
    memory_ledger m;
    world_begin(&m);
    const cairn_hash id = contract(&m);
    world_device d = claimed(&m, 1, &id), unsold = registered(&m, 2);
    static const uint8_t orgs[] = {WORLD_MAKER, WORLD_OWNER, WORLD_OPERATOR};
    for (size_t i = 0; i < sizeof orgs / sizeof orgs[0]; i++) {
        assert_int_equal(may(&m, &d, 0, WORLD_NOW), CAIRN_OK);
        world_status(&m, orgs[i], CAIRN_ORG_SUSPENDED, 1);
        assert_int_equal(may(&m, &d, 0, WORLD_NOW), CAIRN_ERR_CLOSED);
        if (orgs[i] == WORLD_MAKER) /* and what it never sold cannot be sold by its key */
            assert_int_equal(world_say(&m, WORLD_RIVAL, CAIRN_TX_DEVICE_TRANSFER,
                                       world_transfer(&m, &unsold, WORLD_MAKER, WORLD_BUYER_KEY)),
                             CAIRN_ERR_CLOSED);
        world_status(&m, orgs[i], CAIRN_ORG_ACTIVE, 2);
    }
    assert_int_equal(may(&m, &d, 0, WORLD_NOW), CAIRN_OK);
    must(&m, &d, WORLD_OWNER, CAIRN_TX_DEVICE_EVENT, world_event(&m, &d, CAIRN_DEVICE_SUSPEND));
    assert_int_equal(may(&m, &d, 0, WORLD_NOW), CAIRN_ERR_CLOSED);
    must(&m, &d, WORLD_OWNER, CAIRN_TX_DEVICE_EVENT, world_event(&m, &d, CAIRN_DEVICE_RESUME));
    assert_int_equal(may(&m, &d, 0, WORLD_NOW), CAIRN_OK);
    assert_int_equal(world_act(&m, CAIRN_TX_DEVICE_BAR, world_bar(&m, &d)), CAIRN_OK);
    assert_int_equal(may(&m, &d, 0, WORLD_NOW), CAIRN_ERR_CLOSED);
    world_device unknown = world_make(&m, 9, 0, WORLD_MAKER_KEY);
    assert_int_equal(may(&m, &unknown, 0, WORLD_NOW), CAIRN_ERR_NOT_FOUND);
    world_done(&d);
    world_done(&unsold);
    world_done(&unknown);
    memory_end(&m);
}

/* [X1353-R36] Once the ledger says onboarded, the old one is refused and the new one served. */
static void test_the_old_credential_ends(void **state)
{
    (void)state;
    memory_ledger m;
    world_begin(&m);
    world_device d = claimed(&m, 1, NULL), next = world_make(&m, 1, 1, WORLD_OWNER_KEY);
    assert_int_equal(may(&m, &d, 0, WORLD_NOW), CAIRN_OK);
    must(&m, &d, WORLD_OWNER, CAIRN_TX_DEVICE_ONBOARDED, world_onboarded(&m, &d, &next));
    assert_int_equal(may(&m, &d, 0, WORLD_NOW), CAIRN_ERR_CLOSED);
    must(&m, &next, WORLD_OWNER, CAIRN_TX_DEVICE_RENEW,
         world_renew_many(&m, &next, 1, WORLD_MAKER, NULL));
    assert_int_equal(may(&m, &next, 0, WORLD_NOW), CAIRN_OK);
    const cairn_device old = world_record(&m, &d);
    cairn_hash successor;
    cairn_device_successor(&next.salt, &d.index, &next.index, &successor);
    assert_true(cairn_hash_equal(&old.successor, &successor));
    world_done(&d);
    world_done(&next);
    memory_end(&m);
}

static void test_where_the_owner_is(void **state)
{
    (void)state;
    memory_ledger m;
    const cairn_bytes to1d = cairn_bytes_str("to1d"), forged = cairn_bytes_str("to1e");
    world_begin(&m);
    world_device d = claimed(&m, 1, NULL);
    cairn_device record = world_record(&m, &d);
    assert_int_equal(cairn_device_rendezvous_check(&record, &d.salt, to1d, WORLD_NOW),
                     CAIRN_ERR_MISMATCH);
    must(&m, &d, WORLD_OWNER, CAIRN_TX_DEVICE_ANNOUNCE,
         world_announce(&m, &d, to1d, WORLD_NOW + 5000));
    record = world_record(&m, &d);
    assert_int_equal(cairn_device_rendezvous_check(&record, &d.salt, to1d, WORLD_NOW + 4999),
                     CAIRN_OK);
    assert_int_equal(cairn_device_rendezvous_check(&record, &d.salt, to1d, WORLD_NOW + 5000),
                     CAIRN_ERR_EXPIRED);
    assert_int_equal(cairn_device_rendezvous_check(&record, &d.salt, forged, WORLD_NOW),
                     CAIRN_ERR_MISMATCH);
    assert_int_equal(cairn_device_rendezvous_check(&record, &d.index, to1d, WORLD_NOW),
                     CAIRN_ERR_MISMATCH);
    world_done(&d);
    memory_end(&m);
}

/* Proves the value under `prefix` ‖ `suffix`, or that there is none, from the root alone. */
static void must_be_proved(memory_ledger *m, const char *prefix, cairn_bytes suffix, bool exists)
{
    cairn_state_key key;
    cairn_smt_proof proof;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_ledger_view(m->ledger);
    const cairn_smt *map = view->maps[CAIRN_MAP_STATE];
    const cairn_hash *root = &view->last.state_root;
    cairn_state_key_make(&key, prefix, suffix);
    const cairn_bytes name = cairn_state_key_view(&key);
    MEMORY_MUST(cairn_smt_prove(map, &memory_bases.map[CAIRN_MAP_STATE], name, &m->arena, &proof));
    assert_int_equal(proof.exists, exists);
    if (exists)
        assert_int_equal(
            cairn_ics23_verify_exist(&cairn_ics23_smt, root, name, proof.value, proof.ics23),
            CAIRN_OK);
    else
        assert_int_equal(cairn_ics23_verify_absent(&cairn_ics23_smt, root, name, proof.ics23),
                         CAIRN_OK);
}

/* [X1353-R19] Each kind of object, and its absence, by one key. */
static void test_every_object_is_provable(void **state)
{
    (void)state;
    memory_ledger m;
    uint8_t pool[65];
    world_begin(&m);
    const cairn_hash id = contract(&m);
    const cairn_hash owner = memory_org(WORLD_OWNER), maker = memory_org(WORLD_MAKER);
    world_device d = claimed(&m, 1, &id), next = world_make(&m, 1, 1, WORLD_OWNER_KEY);
    must(&m, &d, WORLD_OWNER, CAIRN_TX_DEVICE_ONBOARDED, world_onboarded(&m, &d, &next));
    memcpy(pool, owner.b, 32);
    memcpy(pool + 32, maker.b, 32);
    pool[64] = CAIRN_DEVICE_P256;
    must_be_proved(&m, "device/", cairn_bytes_hash(&d.index), true);
    must_be_proved(&m, "device/", cairn_bytes_hash(&next.index), false);
    must_be_proved(&m, "device-key/", cairn_bytes_hash(&d.nullifier), true);
    must_be_proved(&m, "device-key/", cairn_bytes_hash(&d.index), false);
    must_be_proved(&m, "device-pool/", cairn_bytes_of(pool, sizeof pool), true);
    must_be_proved(&m, "contract/", cairn_bytes_hash(&id), true);
    must_be_proved(&m, "contract/", cairn_bytes_hash(&d.index), false);
    must(&m, &next, WORLD_OWNER, CAIRN_TX_DEVICE_RENEW,
         world_renew_many(&m, &next, 1, WORLD_MAKER, NULL));
    must_be_proved(&m, "device-pool/", cairn_bytes_of(pool, sizeof pool), false);
    world_done(&d);
    world_done(&next);
    memory_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_comes_once),
        cmocka_unit_test(test_who_may_register),
        cmocka_unit_test(test_a_full_batch),
        cmocka_unit_test(test_what_an_entry_is_checked_for),
        cmocka_unit_test(test_the_last_entry),
        cmocka_unit_test(test_sold_to_many_at_once),
        cmocka_unit_test(test_claimed_twice),
        cmocka_unit_test(test_a_stolen_owner_key),
        cmocka_unit_test(test_a_reset_leaves_nothing),
        cmocka_unit_test(test_algorithms),
        cmocka_unit_test(test_an_operator_needs_a_contract),
        cmocka_unit_test(test_what_is_revoked_is_served_no_more),
        cmocka_unit_test(test_the_old_credential_ends),
        cmocka_unit_test(test_where_the_owner_is),
        cmocka_unit_test(test_every_object_is_provable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
