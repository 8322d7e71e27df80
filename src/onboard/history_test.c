/* [X1353-R03] A device's history is checked by applying its transactions again: the last record is
 * the one on the ledger, and no other history leads to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/onboard_world.h"

enum { STEPS_MAX = 32 };

/* What the log says of one device. */
typedef struct history {
    memory_ledger m;
    size_t count;
    cairn_device_step steps[STEPS_MAX];
} history;

static uint64_t now_of(const history *h)
{
    return WORLD_NOW + 10 * h->count;
}

static void note(history *h, uint8_t key, cairn_bytes tx, bool barred)
{
    h->steps[h->count] = (cairn_device_step){.height = h->m.height,
                                             .time_ms = now_of(h),
                                             .org = memory_org(key),
                                             .barred = barred,
                                             .transaction = tx};
    h->count++;
}

static void say(history *h, world_device *d, uint8_t key, uint16_t type, cairn_bytes body)
{
    const cairn_bytes tx = world_tx(&h->m, key, type, body);
    assert_int_equal(memory_send(&h->m, now_of(h), tx), CAIRN_OK);
    note(h, key, tx, false);
    d->version++;
}

/* From the factory over two sales, a reset and a renewed claim to the bar. */
static world_device live(history *h)
{
    memory_ledger *m = &h->m;
    world_device d = world_make(m, 1, 0, WORLD_MAKER_KEY);
    say(h, &d, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, world_register(m, &d));
    say(h, &d, WORLD_RIVAL, CAIRN_TX_DEVICE_TRANSFER,
        world_transfer(m, &d, WORLD_MAKER, WORLD_THIRD_KEY));
    say(h, &d, WORLD_RIVAL, CAIRN_TX_DEVICE_TRANSFER,
        world_transfer(m, &d, WORLD_RIVAL, WORLD_OWNER_KEY));
    say(h, &d, WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM, world_claim(m, &d, WORLD_OWNER, NULL));
    say(h, &d, WORLD_OWNER, CAIRN_TX_DEVICE_ANNOUNCE,
        world_announce(m, &d, cairn_bytes_str("to1d"), WORLD_NOW + 5000));
    say(h, &d, WORLD_OWNER, CAIRN_TX_DEVICE_EVENT, world_event(m, &d, CAIRN_DEVICE_SUSPEND));
    say(h, &d, WORLD_OWNER, CAIRN_TX_DEVICE_EVENT, world_event(m, &d, CAIRN_DEVICE_RESUME));
    say(h, &d, WORLD_OWNER, CAIRN_TX_DEVICE_EVENT, world_event(m, &d, CAIRN_DEVICE_RESET));
    say(h, &d, WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM, world_claim(m, &d, WORLD_OWNER, NULL));
    const cairn_bytes tx = world_tx(
        m, WORLD_MEMBER, CAIRN_TX_APPROVAL_PROPOSE,
        memory_propose(&m->arena, CAIRN_TX_DEVICE_BAR, world_bar(m, &d), WORLD_NOW + 10000));
    assert_int_equal(memory_send(m, now_of(h), tx), CAIRN_OK);
    note(h, WORLD_MEMBER, tx, true);
    d.version++;
    return d;
}

/* The record that these steps lead to; the first error. */
static cairn_err replay(history *h, const world_device *d, const cairn_device_step *steps,
                        size_t count, cairn_bytes *ret_record)
{
    cairn_device device = {.version = 0};
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(cairn_device_replay(&h->m.arena, &d->index, &steps[i], &device));
    return cairn_device_encode(&h->m.arena, &device, ret_record);
}

static cairn_bytes on_ledger(history *h, const world_device *d)
{
    cairn_bytes record;
    MEMORY_MUST(
        memory_get(&h->m, CAIRN_MAP_STATE, "device/", cairn_bytes_hash(&d->index), &record));
    return record;
}

static void must_differ(history *h, const world_device *d, const cairn_device_step *steps,
                        size_t count, const char *what, size_t place)
{
    cairn_bytes record;
    if (replay(h, d, steps, count, &record) == CAIRN_OK &&
        cairn_bytes_equal(record, on_ledger(h, d)))
        fail_msg("step %zu %s, and nobody sees it", place, what);
}

static void test_a_history_is_checked(void **state)
{
    (void)state;
    static history h;
    cairn_device_step other[STEPS_MAX];
    cairn_bytes record;
    h.count = 0;
    world_begin(&h.m);
    world_device d = live(&h);
    assert_int_equal(replay(&h, &d, h.steps, h.count, &record), CAIRN_OK);
    assert_true(cairn_bytes_equal(record, on_ledger(&h, &d)));
    for (size_t i = 0; i < h.count; i++) {
        memcpy(other, h.steps, sizeof other);
        memmove(&other[i], &other[i + 1], (h.count - i - 1) * sizeof *other);
        must_differ(&h, &d, other, h.count - 1, "left out", i);
        memcpy(other, h.steps, sizeof other);
        other[i].time_ms++;
        must_differ(&h, &d, other, h.count, "at another time", i);
        memcpy(other, h.steps, sizeof other);
        memmove(&other[i + 1], &h.steps[i], (h.count - i) * sizeof *other);
        must_differ(&h, &d, other, h.count + 1, "told twice", i);
        if (i == 0)
            continue;
        memcpy(other, h.steps, sizeof other);
        other[i] = h.steps[i - 1];
        other[i - 1] = h.steps[i];
        must_differ(&h, &d, other, h.count, "before its time", i);
    }
    world_done(&d);
    memory_end(&h.m);
}

/* Each record names the one before by its hash. */
static void test_records_are_chained(void **state)
{
    (void)state;
    static history h;
    cairn_hash previous = {{0}};
    cairn_device device = {.version = 0};
    h.count = 0;
    world_begin(&h.m);
    world_device d = live(&h);
    for (size_t i = 0; i < h.count; i++) {
        cairn_bytes record;
        const cairn_hash id = memory_id(h.steps[i].transaction);
        assert_int_equal(cairn_device_replay(&h.m.arena, &d.index, &h.steps[i], &device), CAIRN_OK);
        assert_true(cairn_hash_equal(&device.previous, &previous));
        assert_true(cairn_hash_equal(&device.transaction, &id));
        assert_int_equal(cairn_device_encode(&h.m.arena, &device, &record), CAIRN_OK);
        cairn_sha256_of(record.data, record.size, &previous);
    }
    world_done(&d);
    memory_end(&h.m);
}

static void test_names_of_acts(void **state)
{
    (void)state;
    static const char *const names[] = {"register", "transfer", "transfer", "claim", "announce",
                                        "suspend",  "resume",   "reset",    "claim"};
    static history h;
    const char *name = NULL;
    h.count = 0;
    world_begin(&h.m);
    world_device d = live(&h);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(cairn_device_act_name(&h.m.arena, h.steps[i].transaction, &name),
                         CAIRN_OK);
        assert_string_equal(name, names[i]);
    }
    assert_int_equal(cairn_device_act_name(&h.m.arena, h.steps[h.count - 1].transaction, &name),
                     CAIRN_ERR_NOT_FOUND);
    world_device stranger = world_make(&h.m, 7, 0, WORLD_MAKER_KEY);
    cairn_device device = {.version = 0};
    assert_int_equal(cairn_device_replay(&h.m.arena, &stranger.index, &h.steps[0], &device),
                     CAIRN_ERR_NOT_FOUND);
    world_done(&stranger);
    world_done(&d);
    memory_end(&h.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_history_is_checked),
        cmocka_unit_test(test_records_are_chained),
        cmocka_unit_test(test_names_of_acts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
