/* [X1353-R20] [X1353-R23] The gate lets through what the ledger vouches for now, and nothing on old
 * news. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "onboard/gate.h"
#include "support/onboard_world.h"

typedef struct scene {
    memory_ledger m;
    cairn_clock_manual clock;
    cairn_onboard_gate gate;
    uint64_t known_ms;
    cairn_err broken; /* what looking comes to */
    world_device device;
} scene;

static cairn_err look(void *context, cairn_state_source *ret_state, uint64_t *ret_known_ms)
{
    scene *s = context;
    *ret_state = world_state(&s->m);
    *ret_known_ms = s->known_ms;
    return s->broken;
}

static void say(scene *s, uint8_t key, uint16_t type, cairn_bytes body)
{
    assert_int_equal(world_say(&s->m, key, type, body), CAIRN_OK);
    s->device.version++;
}

static void begin(scene *s)
{
    *s = (scene){.known_ms = WORLD_NOW};
    world_begin(&s->m);
    s->clock.wall_ms = WORLD_NOW;
    s->gate = (cairn_onboard_gate){.clock = cairn_clock_of_manual(&s->clock),
                                   .age_max_ms = CAIRN_GATE_AGE_MAX_MS,
                                   .context = s,
                                   .look = look};
    s->device = world_make(&s->m, 1, 0, WORLD_MAKER_KEY);
    say(s, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, world_register(&s->m, &s->device));
}

static void end(scene *s)
{
    world_done(&s->device);
    memory_end(&s->m);
}

static cairn_err may(scene *s)
{
    return cairn_onboard_gate_check(&s->gate, &s->device.guid, &s->device.salt,
                                    &s->device.head.hash);
}

static void test_who_is_let_through(void **state)
{
    (void)state;
    scene s;
    begin(&s);
    const cairn_fdo_hash old = s.device.head.hash;
    const cairn_hash other = world_number("salt", 99);
    assert_int_equal(may(&s), CAIRN_OK);
    assert_int_equal(cairn_onboard_gate_check(&s.gate, &s.device.guid, &other, NULL),
                     CAIRN_ERR_NOT_FOUND);
    say(&s, WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
        world_transfer(&s.m, &s.device, WORLD_MAKER, WORLD_OWNER_KEY));
    assert_int_equal(may(&s), CAIRN_OK);
    assert_int_equal(cairn_onboard_gate_check(&s.gate, &s.device.guid, &s.device.salt, &old),
                     CAIRN_ERR_MISMATCH); /* a voucher that was sold on */
    world_status(&s.m, WORLD_MAKER, CAIRN_ORG_SUSPENDED, 1);
    assert_int_equal(may(&s), CAIRN_ERR_CLOSED);
    end(&s);
}

static void test_old_news(void **state)
{
    (void)state;
    scene s;
    begin(&s);
    s.clock.wall_ms = WORLD_NOW + CAIRN_GATE_AGE_MAX_MS;
    assert_int_equal(may(&s), CAIRN_OK);
    s.clock.wall_ms++;
    assert_int_equal(may(&s), CAIRN_ERR_UNAVAILABLE);
    s.clock.wall_ms = WORLD_NOW - CAIRN_GATE_AGE_MAX_MS - 1;
    assert_int_equal(may(&s), CAIRN_ERR_UNAVAILABLE);
    s.clock.wall_ms = WORLD_NOW;
    s.broken = CAIRN_ERR_IO;
    assert_int_equal(may(&s), CAIRN_ERR_IO);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_let_through),
        cmocka_unit_test(test_old_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
