/* [X1353-R25] A scan of every log entry, every record and every event of a device's whole life for
 * what identifies it: GUIDs, serial, model, address, device key and certificate, salts and blinds;
 * in clear, in hexadecimal, and as the plain hash that a guess would give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/store/block_record.h"
#include "support/onboard_world.h"

static const char *const secrets[] = {"SN-4711-0815", "Sensor model 7", "imsi-262011234567890",
                                      "coaps://plant-3.example.com", "192.0.2.17"};
enum { SECRET_COUNT = sizeof secrets / sizeof secrets[0], SEEN_MAX = 1 << 20, DEVICE_KEY = 70 };

/* All bytes that leave the organisation: block records (log entries, events) and state values. */
typedef struct seen {
    uint8_t bytes[SEEN_MAX];
    size_t size;
} seen;

static void see(seen *s, cairn_bytes bytes)
{
    assert_true(bytes.size <= SEEN_MAX - s->size);
    if (bytes.size == 0) /* a record that was removed */
        return;
    memcpy(s->bytes + s->size, bytes.data, bytes.size);
    s->size += bytes.size;
}

static bool has(const seen *s, cairn_bytes what)
{
    return memmem(s->bytes, s->size, what.data, what.size) != NULL;
}

static void say(memory_ledger *m, seen *s, world_device *d, uint8_t key, uint16_t type,
                cairn_bytes body)
{
    cairn_bytes record;
    assert_int_equal(world_say(m, key, type, body), CAIRN_OK);
    assert_int_equal(cairn_block_record_encode(&m->arena, 0, &m->block, &record), CAIRN_OK);
    see(s, record);
    for (size_t i = 0; i < m->block.outcome.delta.count; i++) {
        const cairn_change *change = m->block.outcome.delta.changes[i];
        see(s, change->key);
        see(s, change->value);
    }
    d->version++;
}

static cairn_bytes claim_with_facts(memory_ledger *m, const world_device *d)
{
    const cairn_hash org = memory_org(WORLD_OWNER), blind = world_number("blind", 5);
    cairn_device_row row = {.index = d->index, .version = d->version};
    cairn_bytes body;
    cairn_device_claim claim = {.rows = {.count = 1, .rows = &row},
                                .public_key = cairn_fdo_key_encoded(world_key(d->owner_key)),
                                .proof = world_proof(m, &org, &row, 1, d->owner_key)};
    cairn_device_fact(&blind, cairn_bytes_str(secrets[3]), &claim.platform);
    cairn_device_fact(&blind, cairn_bytes_str(secrets[2]), &claim.policy);
    MEMORY_MUST(cairn_device_claim_body(&m->arena, &claim, &body));
    return body;
}

static void live(memory_ledger *m, seen *s, world_device *d, world_device *next)
{
    cairn_device_nullifier(&m->id, memory_kid(DEVICE_KEY), &d->nullifier);
    say(m, s, d, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, world_register(m, d));
    say(m, s, d, WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
        world_transfer(m, d, WORLD_MAKER, WORLD_OWNER_KEY));
    say(m, s, d, WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM, claim_with_facts(m, d));
    say(m, s, d, WORLD_OWNER, CAIRN_TX_DEVICE_ANNOUNCE,
        world_announce(m, d, cairn_bytes_str(secrets[4]), WORLD_NOW + 5000));
    say(m, s, d, WORLD_OWNER, CAIRN_TX_DEVICE_EVENT, world_event(m, d, CAIRN_DEVICE_BEGIN));
    say(m, s, d, WORLD_OWNER, CAIRN_TX_DEVICE_ONBOARDED, world_onboarded(m, d, next));
    say(m, s, next, WORLD_OWNER, CAIRN_TX_DEVICE_RENEW,
        world_renew_many(m, next, 1, WORLD_MAKER, NULL));
    say(m, s, next, WORLD_OWNER, CAIRN_TX_DEVICE_TRANSFER,
        world_transfer(m, next, WORLD_OWNER, WORLD_BUYER_KEY));
    say(m, s, next, WORLD_BUYER, CAIRN_TX_DEVICE_CLAIM, world_claim(m, next, WORLD_BUYER, NULL));
    say(m, s, next, WORLD_BUYER, CAIRN_TX_DEVICE_EVENT, world_event(m, next, CAIRN_DEVICE_RETIRE));
}

static void must_be_hidden(const seen *s, cairn_bytes secret, const char *what)
{
    char digits[512];
    cairn_hash hash;
    assert_true(2 * secret.size < sizeof digits);
    cairn_hex_encode(secret, digits);
    cairn_sha256_of(secret.data, secret.size, &hash);
    if (has(s, secret) || has(s, cairn_bytes_str(digits)) || has(s, cairn_bytes_hash(&hash)))
        fail_msg("%s is on the ledger", what);
}

static void must_hide_device(const seen *s, const world_device *d)
{
    const cairn_hash blind = world_number("blind", d->number);
    must_be_hidden(s, cairn_bytes_of(d->guid.b, sizeof d->guid.b), "a GUID");
    must_be_hidden(s, cairn_bytes_hash(&d->salt), "a salt");
    must_be_hidden(s, cairn_bytes_hash(&blind), "a blind");
    must_be_hidden(s, d->header.encoded, "a voucher's header");
}

static void test_nothing_that_identifies(void **state)
{
    (void)state;
    static seen s;
    memory_ledger m;
    const cairn_key *key = memory_key(DEVICE_KEY);
    world_begin(&m);
    world_device d = world_make(&m, 1, 0, WORLD_MAKER_KEY);
    world_device next = world_make(&m, 1, 1, WORLD_OWNER_KEY);
    live(&m, &s, &d, &next);
    assert_true(has(&s, cairn_bytes_hash(&d.index))); /* the scan finds what is there */
    assert_true(has(&s, cairn_bytes_hash(&d.nullifier)));
    for (size_t i = 0; i < SECRET_COUNT; i++)
        must_be_hidden(&s, cairn_bytes_str(secrets[i]), secrets[i]);
    must_hide_device(&s, &d);
    must_hide_device(&s, &next);
    must_be_hidden(&s, cairn_bytes_hash(cairn_key_id(key)), "the device's key id");
    const cairn_bytes cose = memory_cose(&m.arena, key);
    must_be_hidden(&s, cose, "the device's key");
    must_be_hidden(&s, cairn_bytes_of(cose.data + cose.size - 32, 32),
                   "a coordinate of the device's key");
    world_done(&d);
    world_done(&next);
    memory_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_that_identifies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
