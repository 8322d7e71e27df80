/* [X1353-R25] [X1380-R31] A scan of every log entry, every record and every event for what
 * identifies a person or a device: in clear, in hexadecimal, and as the plain hash that a guess
 * would give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/sha256.h"
#include "ledger/store/block_record.h"
#include "support/identity_bodies.h"

#define NOW (MEMORY_TIME_MS + 1000)

static const char *const secrets[] = {"WVWZZZ1KZAW000001", "alice@example.com", "SN-4711-0815",
                                      "contract 7 with Org 1"};
enum { SECRET_COUNT = sizeof secrets / sizeof secrets[0], SEEN_MAX = 1 << 20 };

/* All bytes that leave the organisation: block records (log entries, events) and state values. */
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

static bool has(const seen *s, cairn_bytes what)
{
    return memmem(s->bytes, s->size, what.data, what.size) != NULL;
}

static void say(memory_ledger *m, seen *s, uint16_t type, cairn_bytes body)
{
    static uint64_t number;
    cairn_bytes record;
    assert_int_equal(
        memory_send(m, NOW, memory_tx(m, memory_key(MEMORY_SIGN), type, body, NOW + 1 + number++)),
        CAIRN_OK);
    assert_int_equal(cairn_block_record_encode(&m->arena, 0, &m->block, &record), CAIRN_OK);
    see(s, record);
    for (size_t i = 0; i < m->block.outcome.delta.count; i++) {
        const cairn_change *change = m->block.outcome.delta.changes[i];
        see(s, change->key);
        see(s, change->value);
    }
}

static cairn_hash derive(const memory_ledger *m, const uint8_t key[32], const char *identifier,
                         uint32_t rotation)
{
    cairn_hash pseudonym;
    MEMORY_MUST(cairn_pseudonym_derive(key, &m->id, cairn_bytes_str(secrets[3]), rotation,
                                       cairn_bytes_str(identifier), &pseudonym));
    return pseudonym;
}

/* A life of three subjects: registered, suspended, rotated, with a grant. */
static void live(memory_ledger *m, seen *s, const uint8_t key[32])
{
    cairn_subject_row rows[3];
    cairn_hash fresh[1];
    const cairn_bytes scopes[] = {cairn_bytes_str("read")};
    cairn_bytes body;
    for (size_t i = 0; i < 3; i++)
        rows[i] = (cairn_subject_row){.pseudonym = derive(m, key, secrets[i], 0),
                                      .kind = i == 1 ? CAIRN_SUBJECT_PERSON : CAIRN_SUBJECT_DEVICE,
                                      .version = 1,
                                      .status = CAIRN_SUBJECT_SUSPENDED};
    MEMORY_MUST(cairn_subject_register_body(&m->arena, rows, 3, &body));
    say(m, s, CAIRN_TX_SUBJECT_REGISTER, body);
    MEMORY_MUST(cairn_grant_set_body(&m->arena, &rows[0].pseudonym, memory_kid(MEMORY_SIGN), scopes,
                                     1, NOW + 1000, 0, &body));
    say(m, s, CAIRN_TX_GRANT_SET, body);
    MEMORY_MUST(cairn_subject_status_body(&m->arena, &rows[1], 1, &body));
    say(m, s, CAIRN_TX_SUBJECT_STATUS, body);
    fresh[0] = derive(m, key, secrets[2], 1);
    MEMORY_MUST(cairn_subject_replace_body(&m->arena, &rows[2], 1, fresh, &body));
    say(m, s, CAIRN_TX_SUBJECT_ROTATE, body);
}

static void test_nothing_that_identifies(void **state)
{
    (void)state;
    static seen s;
    const uint8_t key[32] = {0x5e, 0xc7, 0xe7, [31] = 9};
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    live(&m, &s, key);
    const cairn_hash first = derive(&m, key, secrets[0], 0);
    assert_true(has(&s, cairn_bytes_hash(&first))); /* the scan finds what is there */
    for (size_t i = 0; i < SECRET_COUNT; i++) {
        char digits[129];
        cairn_hash hash;
        cairn_bytes secret = cairn_bytes_str(secrets[i]);
        assert_false(has(&s, secret));
        cairn_hex_encode(secret, digits);
        assert_false(has(&s, cairn_bytes_str(digits)));
        cairn_sha256_of(secret.data, secret.size, &hash);
        assert_false(has(&s, cairn_bytes_hash(&hash)));
    }
    assert_false(has(&s, cairn_bytes_of(key, sizeof key)));
    memory_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_that_identifies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
