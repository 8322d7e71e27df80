/* [X1353-R26] Who became whom cannot be read from the ledger. Two worlds are made in which two
 * devices swap their successors: all that the ledger holds has the same bytes, but for the two
 * commitments, which are hashes over salts that it does not hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/onboard_world.h"

enum { SEEN_MAX = 1 << 17, PAIR = 2 };

/* What others can read of a run: bodies of transactions and the changes of the state. Signatures
 * are random, and ids follow from what was signed. */
typedef struct seen {
    uint8_t bytes[SEEN_MAX];
    size_t size;
} seen;

static void see(seen *s, cairn_bytes bytes)
{
    assert_true(bytes.size <= SEEN_MAX - s->size);
    memcpy(s->bytes + s->size, bytes.data, bytes.size);
    s->size += bytes.size;
}

static void say(memory_ledger *m, seen *s, uint8_t key, uint16_t type, cairn_bytes body)
{
    assert_int_equal(world_say(m, key, type, body), CAIRN_OK);
    if (s != NULL)
        see(s, body);
}

/* What a new record says, without the transaction that wrote it: that is the log's. */
static void see_record(memory_ledger *m, seen *s, const world_device *d)
{
    cairn_device device = world_record(m, d);
    cairn_bytes record;
    device.transaction = (cairn_hash){{0}};
    device.previous = (cairn_hash){{0}};
    MEMORY_MUST(cairn_device_encode(&m->arena, &device, &record));
    see(s, record);
}

/* Two devices of one batch are sold, claimed, onboarded and renewed; `swap` says which of two new
 * lives is whose. Entries are random, so the old lives are seen from the claim on. */
static void live(seen *s, bool swap, cairn_hash ret_successors[PAIR])
{
    memory_ledger m;
    world_device old[PAIR], next[PAIR];
    cairn_device_onboarding rows[PAIR];
    cairn_bytes body;
    s->size = 0;
    world_begin(&m);
    for (uint8_t i = 0; i < PAIR; i++) {
        old[i] = world_make(&m, i, 0, WORLD_MAKER_KEY);
        next[i] = world_make(&m, i, 1, WORLD_OWNER_KEY);
        say(&m, NULL, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, world_register(&m, &old[i]));
        old[i].version = 1;
        say(&m, NULL, WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
            world_transfer(&m, &old[i], WORLD_MAKER, WORLD_OWNER_KEY));
        old[i].version = 2;
        say(&m, NULL, WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM,
            world_claim(&m, &old[i], WORLD_OWNER, NULL));
        old[i].version = 3;
    }
    for (uint8_t i = 0; i < PAIR; i++) {
        const world_device *mine = &next[swap ? 1 - i : i];
        rows[i] = (cairn_device_onboarding){.index = old[i].index, .version = old[i].version};
        cairn_device_successor(&mine->salt, &old[i].index, &mine->index, &rows[i].successor);
        ret_successors[i] = rows[i].successor;
    }
    MEMORY_MUST(cairn_device_onboarded_body(&m.arena, rows, PAIR, &body));
    say(&m, s, WORLD_OWNER, CAIRN_TX_DEVICE_ONBOARDED, body);
    say(&m, s, WORLD_OWNER, CAIRN_TX_DEVICE_RENEW,
        world_renew_many(&m, next, PAIR, WORLD_MAKER, NULL));
    for (uint8_t i = 0; i < PAIR; i++)
        see_record(&m, s, &next[i]);
    for (uint8_t i = 0; i < PAIR; i++) {
        world_done(&old[i]);
        world_done(&next[i]);
    }
    memory_end(&m);
}

/* Writes zeros over `what`, which must be there. */
static void blank(seen *s, const cairn_hash *what)
{
    uint8_t *at = memmem(s->bytes, s->size, what->b, sizeof what->b);
    assert_non_null(at);
    memset(at, 0, sizeof what->b);
}

static void test_two_worlds_are_one(void **state)
{
    (void)state;
    static seen straight, swapped;
    cairn_hash first[PAIR], second[PAIR];
    live(&straight, false, first);
    live(&swapped, true, second);
    for (size_t i = 0; i < PAIR; i++)
        for (size_t j = 0; j < PAIR; j++)
            assert_false(cairn_hash_equal(&first[i], &second[j]));
    assert_int_equal(straight.size, swapped.size);
    assert_memory_not_equal(straight.bytes, swapped.bytes, straight.size);
    for (size_t i = 0; i < PAIR; i++) {
        blank(&straight, &first[i]);
        blank(&swapped, &second[i]);
    }
    assert_memory_equal(straight.bytes, swapped.bytes, straight.size);
}

/* A new record shares no value with the old one but those of the batch. */
static void test_a_new_record_says_nothing_of_the_old(void **state)
{
    (void)state;
    memory_ledger m;
    world_begin(&m);
    world_device d = world_make(&m, 1, 0, WORLD_MAKER_KEY);
    world_device next = world_make(&m, 1, 1, WORLD_THIRD_KEY);
    cairn_bytes record;
    say(&m, NULL, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, world_register(&m, &d));
    d.version = 1;
    say(&m, NULL, WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
        world_transfer(&m, &d, WORLD_MAKER, WORLD_OWNER_KEY));
    d.version = 2;
    say(&m, NULL, WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM, world_claim(&m, &d, WORLD_OWNER, NULL));
    d.version = 3;
    say(&m, NULL, WORLD_OWNER, CAIRN_TX_DEVICE_ONBOARDED, world_onboarded(&m, &d, &next));
    const cairn_device old = world_record(&m, &d);
    say(&m, NULL, WORLD_OWNER, CAIRN_TX_DEVICE_RENEW,
        world_renew_many(&m, &next, 1, WORLD_MAKER, NULL));
    MEMORY_MUST(memory_get(&m, CAIRN_MAP_STATE, "device/", cairn_bytes_hash(&next.index), &record));
    const cairn_bytes apart[] = {
        cairn_bytes_hash(&d.index),
        cairn_bytes_hash(&d.salt),
        cairn_bytes_hash(&d.nullifier),
        old.header_info,
        old.head,
        cairn_bytes_hash(&old.owner_key),
        cairn_bytes_hash(&old.platform),
        cairn_bytes_hash(&old.policy),
        cairn_bytes_hash(&old.model),
        cairn_bytes_hash(&old.successor),
        cairn_bytes_hash(&old.previous),
        cairn_bytes_hash(&old.transaction),
    };
    for (size_t i = 0; i < sizeof apart / sizeof apart[0]; i++)
        assert_null(memmem(record.data, record.size, apart[i].data, apart[i].size));
    world_done(&d);
    world_done(&next);
    memory_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_worlds_are_one),
        cmocka_unit_test(test_a_new_record_says_nothing_of_the_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
