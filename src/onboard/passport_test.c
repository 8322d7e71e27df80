/* A passport grows with its device, goes from owner to owner, and opens what the ledger holds
 * closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "onboard/passport.h"
#include "support/onboard_world.h"

static cairn_passport back_and_forth(cairn_arena *arena, const cairn_passport *passport)
{
    cairn_passport read;
    cairn_bytes bytes, again;
    assert_int_equal(cairn_passport_encode(arena, passport, &bytes), CAIRN_OK);
    assert_int_equal(cairn_passport_decode(arena, bytes, &read), CAIRN_OK);
    assert_int_equal(cairn_passport_encode(arena, &read, &again), CAIRN_OK);
    assert_true(cairn_bytes_equal(bytes, again));
    return read;
}

static void say(memory_ledger *m, world_device *d, uint8_t key, uint16_t type, cairn_bytes body)
{
    assert_int_equal(world_say(m, key, type, body), CAIRN_OK);
    d->version++;
}

/* Sells on the ledger, and notes it in the passport. */
static void sell(memory_ledger *m, world_device *d, uint8_t seller, uint8_t to,
                 cairn_passport *passport)
{
    cairn_passport_party party = {.version = d->version + 1,
                                  .org = memory_org(seller),
                                  .blind = world_number("blind", d->number)};
    say(m, d, seller, CAIRN_TX_DEVICE_TRANSFER, world_transfer(m, d, seller, to));
    assert_int_equal(cairn_passport_sold(&m->arena, passport, &party, passport), CAIRN_OK);
}

static cairn_hash party_of(uint8_t seller, uint8_t number)
{
    const cairn_hash blind = world_number("blind", number), org = memory_org(seller);
    cairn_hash party;
    cairn_device_party(&blind, &org, &party);
    return party;
}

/* [X1353-R11] The owner of the second life names who had it before, from the factory on. Who had it
 * earlier has an earlier passport, which opens nothing after his own sale. */
static void test_it_names_earlier_owners(void **state)
{
    (void)state;
    memory_ledger m;
    cairn_passport passport;
    cairn_hash org;
    world_begin(&m);
    world_device d = world_make(&m, 1, 0, WORLD_MAKER_KEY);
    world_device next = world_make(&m, 1, 1, WORLD_OWNER_KEY);
    assert_int_equal(cairn_passport_new(&m.arena, &m.id, &d.guid, &d.salt, &passport), CAIRN_OK);
    say(&m, &d, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, world_register(&m, &d));
    sell(&m, &d, WORLD_MAKER, WORLD_OWNER_KEY, &passport);
    const cairn_passport first = back_and_forth(&m.arena, &passport);
    say(&m, &d, WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM, world_claim(&m, &d, WORLD_OWNER, NULL));
    say(&m, &d, WORLD_OWNER, CAIRN_TX_DEVICE_ONBOARDED, world_onboarded(&m, &d, &next));
    assert_int_equal(cairn_passport_renewed(&m.arena, &passport, &next.guid, &next.salt, &passport),
                     CAIRN_OK);
    say(&m, &next, WORLD_OWNER, CAIRN_TX_DEVICE_RENEW,
        world_renew_many(&m, &next, 1, WORLD_MAKER, NULL));
    sell(&m, &next, WORLD_OWNER, WORLD_BUYER_KEY, &passport);
    passport = back_and_forth(&m.arena, &passport);
    assert_int_equal(passport.life_count, 2);
    assert_true(cairn_hash_equal(&cairn_passport_current(&passport)->index, &next.index));
    const cairn_device old = world_record(&m, &d), new = world_record(&m, &next);
    assert_int_equal(cairn_passport_check_link(&passport, 0, &old), CAIRN_OK);
    assert_int_equal(cairn_passport_check_link(&passport, 0, &new), CAIRN_ERR_MISMATCH);
    cairn_hash party = party_of(WORLD_MAKER, 1);
    const cairn_hash maker = memory_org(WORLD_MAKER), owner = memory_org(WORLD_OWNER);
    assert_int_equal(cairn_passport_open_party(&passport, 0, 2, &party, &org), CAIRN_OK);
    assert_true(cairn_hash_equal(&org, &maker));
    assert_int_equal(cairn_passport_open_party(&passport, 1, 2, &party, &org), CAIRN_ERR_MISMATCH);
    party = party_of(WORLD_OWNER, 1);
    assert_int_equal(cairn_passport_open_party(&passport, 1, 2, &party, &org), CAIRN_OK);
    assert_true(cairn_hash_equal(&org, &owner));
    assert_int_equal(cairn_passport_open_party(&first, 0, 4, &party, &org), CAIRN_ERR_NOT_FOUND);
    world_done(&d);
    world_done(&next);
    memory_end(&m);
}

static void test_what_is_none(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_passport passport;
    const cairn_hash salt = world_number("salt", 1);
    const cairn_fdo_guid guid = {{1}};
    const cairn_passport_party party = {.version = 2};
    cairn_bytes bytes;
    cairn_arena_init(&arena, 1 << 24);
    assert_int_equal(cairn_passport_new(&arena, &salt, &guid, &salt, &passport), CAIRN_OK);
    assert_int_equal(cairn_passport_sold(&arena, &passport, &party, &passport), CAIRN_OK);
    assert_int_equal(cairn_passport_encode(&arena, &passport, &bytes), CAIRN_OK);
    for (size_t size = 0; size < bytes.size; size++)
        assert_int_not_equal(
            cairn_passport_decode(&arena, cairn_bytes_of(bytes.data, size), &passport), CAIRN_OK);
    /* another GUID or salt than the index is of */
    passport.guid.b[0] = 2;
    assert_int_equal(cairn_passport_encode(&arena, &passport, &bytes), CAIRN_OK);
    assert_int_equal(cairn_passport_decode(&arena, bytes, &passport), CAIRN_ERR_MISMATCH);
    /* openings rise */
    passport.guid.b[0] = 1;
    assert_int_equal(cairn_passport_sold(&arena, &passport, &party, &passport), CAIRN_OK);
    assert_int_equal(cairn_passport_encode(&arena, &passport, &bytes), CAIRN_OK);
    assert_int_equal(cairn_passport_decode(&arena, bytes, &passport), CAIRN_ERR_BAD_VALUE);
    cairn_arena_done(&arena);
}

static void test_it_has_an_end(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_passport passport;
    const cairn_hash salt = world_number("salt", 1);
    const cairn_fdo_guid guid = {{1}};
    cairn_passport_party party = {.version = 1};
    cairn_err err = CAIRN_OK;
    cairn_arena_init(&arena, 1 << 26);
    assert_int_equal(cairn_passport_new(&arena, &salt, &guid, &salt, &passport), CAIRN_OK);
    for (size_t i = 1; i < CAIRN_PASSPORT_LIVES_MAX; i++)
        assert_int_equal(cairn_passport_renewed(&arena, &passport, &guid, &salt, &passport),
                         CAIRN_OK);
    assert_int_equal(cairn_passport_renewed(&arena, &passport, &guid, &salt, &passport),
                     CAIRN_ERR_TOO_MANY);
    for (size_t i = 0; i < CAIRN_PASSPORT_PARTIES_MAX; i++) {
        party.version++;
        assert_int_equal(cairn_passport_sold(&arena, &passport, &party, &passport), CAIRN_OK);
    }
    err = cairn_passport_sold(&arena, &passport, &party, &passport);
    assert_int_equal(err, CAIRN_ERR_TOO_MANY);
    (void)back_and_forth(&arena, &passport);
    cairn_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_names_earlier_owners),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_it_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
