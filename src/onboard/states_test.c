/* [X1353-R04] Every state meets every event: against a table written by hand from the page, first
 * as a function, then on a ledger, where what is refused leaves the record as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/onboard_world.h"

/* A row a state, a letter an event in the order of their numbers: what follows, or '.'. */
static const struct {
    char letter;
    const char *name;
    const char *verdicts;
} rows[] = {
    /* t r a n s f e r, claim, announce, begin, fail, onboarded, suspend, resume, revoke, reset,
     * retire */
    {'g', "registered", "uc....s.v.t"}, {'u', "unclaimed", "uc......v.."},
    {'c', "claimed", "ucab.xs.vut"},    {'a', "rendezvous", "ucab.xs.vut"},
    {'b', "onboarding", "..a.cxs.vut"}, {'o', "onboarded", "uo....s.vut"},
    {'s', "suspended", ".......=v.t"},  {'v', "revoked", "..........."},
    {'t', "retired", "..........."},    {'x', "replaced", "..........."},
};
enum { STATES = sizeof rows / sizeof rows[0], EVENTS = 11 };

/* Number of the state with this letter, from 1; 0 for '.'. */
static uint64_t state_of(char letter)
{
    for (uint64_t i = 0; i < STATES; i++)
        if (rows[i].letter == letter)
            return i + 1;
    return 0;
}

static void test_the_function(void **state)
{
    (void)state;
    const uint64_t before = state_of('a');
    assert_int_equal(STATES, CAIRN_DEVICE_STATE_COUNT);
    assert_int_equal(EVENTS, CAIRN_DEVICE_EVENT_COUNT);
    for (uint64_t s = 0; s <= STATES + 1; s++)
        for (uint64_t e = 0; e <= EVENTS + 1; e++) {
            bool known = s >= 1 && s <= STATES && e >= 1 && e <= EVENTS;
            char want = known ? rows[s - 1].verdicts[e - 1] : '.';
            uint64_t next = 99;
            cairn_err err = cairn_device_next(s, e, before, &next);
            assert_int_equal(err, want == '.' ? CAIRN_ERR_CLOSED : CAIRN_OK);
            assert_int_equal(next, want == '.' ? 99 : want == '=' ? before : state_of(want));
        }
    for (uint64_t s = 1; s <= STATES; s++)
        assert_string_equal(cairn_device_state_name(s), rows[s - 1].name);
    assert_string_equal(cairn_device_state_name(0), "unknown");
    assert_string_equal(cairn_device_event_name(EVENTS + 1), "unknown");
}

static void test_names_of_events(void **state)
{
    (void)state;
    cairn_device_event event;
    for (unsigned e = 1; e <= EVENTS; e++) {
        const char *name = cairn_device_event_name(e);
        assert_int_equal(cairn_device_event_find(cairn_bytes_str(name), &event), CAIRN_OK);
        assert_int_equal(event, e);
    }
    assert_int_equal(cairn_device_event_find(cairn_bytes_str("sell"), &event), CAIRN_ERR_BAD_VALUE);
}

/* --- on a ledger --- */

/* Says `event` of the device, by whoever may; a sale is to the buyer's key. */
static cairn_err say(memory_ledger *m, world_device *d, uint64_t event, bool as_member)
{
    const world_device next = world_make(m, d->number, 9, WORLD_OWNER_KEY);
    const bool unsold = world_record(m, d).owner_key.b[0] == world_owner_key(WORLD_MAKER_KEY).b[0];
    const uint8_t holder = unsold ? WORLD_MAKER : WORLD_OWNER;
    world_device moved = *d;
    cairn_err err = CAIRN_OK;
    moved.head.owner = cairn_fdo_key_ref(d->head.owner);
    switch (event) {
    case CAIRN_DEVICE_TRANSFER:
        err = world_say(m, holder, CAIRN_TX_DEVICE_TRANSFER,
                        world_transfer(m, &moved, holder, WORLD_OWNER_KEY));
        break;
    case CAIRN_DEVICE_CLAIM:
        err =
            world_say(m, WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM, world_claim(m, d, WORLD_OWNER, NULL));
        break;
    case CAIRN_DEVICE_ANNOUNCE:
        err = world_say(m, holder, CAIRN_TX_DEVICE_ANNOUNCE,
                        world_announce(m, d, cairn_bytes_str("to1d"), WORLD_NOW + 5000));
        break;
    case CAIRN_DEVICE_REPLACE:
        err = world_say(m, holder, CAIRN_TX_DEVICE_ONBOARDED, world_onboarded(m, d, &next));
        break;
    default:
        err = as_member ? world_act(m, CAIRN_TX_DEVICE_BAR, world_bar(m, d))
                        : world_say(m, holder, CAIRN_TX_DEVICE_EVENT,
                                    world_event(m, d, (cairn_device_event)event));
    }
    if (err == CAIRN_OK) {
        world_done(d);
        *d = moved;
        d->version++;
    } else
        world_done(&moved);
    cairn_fdo_head head = next.head;
    cairn_fdo_head_done(&head);
    return err;
}

/* Brings a new device to a state. */
static world_device bring(memory_ledger *m, uint8_t number, uint64_t state)
{
    static const char *const ways[STATES + 1] = {
        [1] = "",     [2] = "T",    [3] = "TC",  [4] = "TCA", [5] = "TCB",
        [6] = "TCON", [7] = "TCAS", [8] = "TCV", [9] = "TCR", [10] = "TCO",
    };
    world_device d = world_make(m, number, 0, WORLD_MAKER_KEY);
    assert_int_equal(world_say(m, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, world_register(m, &d)),
                     CAIRN_OK);
    d.version = 1;
    for (const char *at = ways[state]; *at != '\0'; at++) {
        static const struct {
            char letter;
            uint8_t event;
        } events[] = {{'T', 1}, {'C', 2}, {'A', 3}, {'B', 4},
                      {'O', 6}, {'S', 7}, {'V', 9}, {'R', 11}};
        for (size_t e = 0; e < sizeof events / sizeof events[0]; e++)
            if (events[e].letter == *at)
                assert_int_equal(say(m, &d, events[e].event, false), CAIRN_OK);
        if (*at != 'N')
            continue;
        world_device next = world_make(m, number, 1, WORLD_OWNER_KEY);
        assert_int_equal(world_say(m, WORLD_OWNER, CAIRN_TX_DEVICE_RENEW,
                                   world_renew_many(m, &next, 1, WORLD_MAKER, NULL)),
                         CAIRN_OK);
        world_done(&d);
        d = next;
        d.version = 1;
    }
    assert_int_equal(world_record(m, &d).state, state);
    return d;
}

static cairn_bytes record_bytes(memory_ledger *m, const world_device *d)
{
    cairn_bytes value;
    MEMORY_MUST(memory_get(m, CAIRN_MAP_STATE, "device/", cairn_bytes_hash(&d->index), &value));
    return value;
}

/* An unclaimed device is nobody's: what the table allows, only members may say. */
static void meet(memory_ledger *m, uint8_t number, uint64_t state, uint64_t event)
{
    char want = rows[state - 1].verdicts[event - 1];
    bool nobodys = state == CAIRN_DEVICE_UNCLAIMED && event > CAIRN_DEVICE_CLAIM;
    world_device d = bring(m, number, state);
    const cairn_bytes before = record_bytes(m, &d);
    cairn_err err = say(m, &d, event, nobodys && want != '.');
    if (want == '.') {
        /* whose it is may be asked before what it is */
        if (err != CAIRN_ERR_CLOSED && !(nobodys && err == CAIRN_ERR_TX_FORBIDDEN))
            fail_msg("%s in %s: %s", cairn_device_event_name(event), cairn_device_state_name(state),
                     cairn_err_name(err));
        assert_true(cairn_bytes_equal(record_bytes(m, &d), before));
    } else {
        assert_int_equal(err, CAIRN_OK);
        assert_int_equal(world_record(m, &d).state,
                         want == '=' ? CAIRN_DEVICE_RENDEZVOUS : state_of(want));
    }
    world_done(&d);
}

static void test_on_a_ledger(void **state)
{
    (void)state;
    memory_ledger m;
    uint8_t number = 0;
    world_begin(&m);
    for (uint64_t s = 1; s <= STATES; s++)
        for (uint64_t e = 1; e <= EVENTS; e++)
            meet(&m, ++number, s, e);
    memory_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_function),
        cmocka_unit_test(test_names_of_events),
        cmocka_unit_test(test_on_a_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
