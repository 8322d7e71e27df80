/* The trust file: round trips, bounds, and each rule of docs/formats/trust.md with its no. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "support/light_chain.h"
#include "support/vouch.h"

static test_world world;

static int set_up(void **state)
{
    (void)state;
    test_world_init(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_world_done(&world);
    return 0;
}

/* Written without the encoder's checks, so that what is wrong reaches the decoder. */

static void put_height(cairn_cbor_writer *w, uint64_t height)
{
    if (height == CAIRN_TRUST_OPEN)
        cairn_cbor_put_null(w);
    else
        cairn_cbor_put_uint(w, height);
}

static void put_member(cairn_cbor_writer *w, const cairn_trust_member *m)
{
    cairn_cbor_put_array(w, 3);
    cairn_cbor_put_hash(w, &m->org);
    cairn_cbor_put_text_view(w, m->name);
    cairn_cbor_put_array(w, m->key_count);
    for (size_t i = 0; i < m->key_count; i++) {
        cairn_cbor_put_array(w, 5);
        cairn_cbor_put_uint(w, (uint64_t)m->keys[i].purpose);
        cairn_cbor_put_bytes(w, m->keys[i].cose_key);
        cairn_cbor_put_uint(w, m->keys[i].since);
        put_height(w, m->keys[i].until);
        put_height(w, m->keys[i].suspect);
    }
}

static cairn_bytes write_as_it_is(const cairn_trust *t, const char *origin)
{
    enum { SIZE = 2 << 20 };
    void *memory = NULL;
    cairn_cbor_writer w;
    cairn_bytes encoded;
    TEST_MUST(cairn_arena_alloc(&world.arena, SIZE, &memory));
    cairn_cbor_writer_init(&w, memory, SIZE);
    cairn_cbor_put_array(&w, 7);
    cairn_cbor_put_text(&w, "cairn/trust/1");
    cairn_cbor_put_hash(&w, &t->ledger);
    cairn_cbor_put_text(&w, origin);
    cairn_cbor_put_uint(&w, t->threshold);
    cairn_cbor_put_uint(&w, t->issued_ms);
    cairn_cbor_put_uint(&w, t->expires_ms);
    cairn_cbor_put_array(&w, t->member_count);
    for (size_t i = 0; i < t->member_count; i++)
        put_member(&w, &t->members[i]);
    TEST_MUST(cairn_cbor_writer_end(&w, &encoded));
    return encoded;
}

static int by_org(const void *a, const void *b)
{
    return memcmp(((const cairn_trust_member *)a)->org.b, ((const cairn_trust_member *)b)->org.b,
                  32);
}

static void sort_members(void)
{
    qsort(world.members, TEST_ORGS, sizeof world.members[0], by_org);
}

static cairn_err decode(cairn_bytes in)
{
    cairn_trust trust = {.threshold = 0};
    cairn_err err = cairn_trust_decode(&world.arena, in, &trust);
    if (err == CAIRN_OK)
        cairn_trust_done(&trust);
    else
        assert_int_equal(trust.threshold, 0); /* nothing was written */
    return err;
}

static cairn_err decode_draft(void)
{
    return decode(write_as_it_is(&world.draft, world.origin));
}

static void test_round_trip(void **state)
{
    (void)state;
    cairn_bytes encoded, again;
    cairn_trust trust;
    world.trust_keys[2][1].until = 70;
    world.trust_keys[2][1].suspect = 60;
    assert_int_equal(cairn_trust_encode(&world.arena, &world.draft, &encoded), CAIRN_OK);
    assert_int_equal(cairn_trust_decode(&world.arena, encoded, &trust), CAIRN_OK);
    assert_int_equal(trust.member_count, TEST_ORGS);
    assert_int_equal(trust.cosigner_count, TEST_ORGS);
    assert_int_equal(trust.threshold, 2);
    assert_int_equal(trust.issued_ms, TEST_TIME_MS);
    for (size_t i = 1; i < TEST_ORGS; i++)
        assert_true(by_org(&trust.members[i - 1], &trust.members[i]) < 0);
    assert_int_equal(cairn_trust_encode(&world.arena, &trust, &again), CAIRN_OK);
    assert_true(cairn_bytes_equal(encoded, again));
    cairn_trust_done(&trust);
    sort_members(); /* another writer, the same bytes */
    again = write_as_it_is(&world.draft, world.origin);
    assert_true(cairn_bytes_equal(encoded, again));
}

/* n is of those who could vouch then: rotated keys and former members are listed, too. */
static void test_cosigners_at(void **state)
{
    (void)state;
    const cairn_trust *draft = &world.draft;
    world.trust_keys[2][0].until = 50; /* rotated */
    world.trust_keys[2][1].since = 50;
    world.trust_keys[3][0].until = 70; /* was a member */
    world.trust_keys[3][1].until = 60;
    assert_int_equal(cairn_trust_cosigners_at(draft, 49), TEST_ORGS);
    assert_int_equal(cairn_trust_cosigners_at(draft, 69), TEST_ORGS);
    assert_int_equal(cairn_trust_cosigners_at(draft, 70), TEST_ORGS - 1);
    assert_int_equal(cairn_trust_cosigners_at(draft, CAIRN_TRUST_OPEN - 1), TEST_ORGS - 1);
}

/* Where commit proofs start: an eighth item, as the light client reads it. */
static void test_anchor(void **state)
{
    (void)state;
    test_chain chain;
    cairn_bytes encoded, again;
    cairn_trust trust;
    test_chain_init(&chain);
    const cairn_light_set four = test_chain_set(&chain, 0, 4, 10);
    cairn_light_anchor anchor = {
        .state = test_chain_block(&chain, 10, four, four, (cairn_bytes){0}).state,
        .trusting_period_ms = 1};
    world.draft.anchor = &anchor;
    TEST_MUST(cairn_trust_encode(&world.arena, &world.draft, &encoded));
    TEST_MUST(cairn_trust_decode(&world.arena, encoded, &trust));
    assert_non_null(trust.anchor);
    assert_int_equal(trust.anchor->state.header.height, 10);
    assert_int_equal(trust.anchor->state.validators.count, 4);
    TEST_MUST(cairn_trust_encode(&world.arena, &trust, &again));
    assert_true(cairn_bytes_equal(encoded, again));
    cairn_trust_done(&trust);
    anchor.trusting_period_ms = 0;
    assert_int_equal(cairn_trust_encode(&world.arena, &world.draft, &again), CAIRN_ERR_BAD_VALUE);
    anchor.trusting_period_ms = CAIRN_LIGHT_PERIOD_MAX_MS + 1;
    assert_int_equal(cairn_trust_encode(&world.arena, &world.draft, &again), CAIRN_ERR_BAD_VALUE);
    anchor.trusting_period_ms = CAIRN_LIGHT_PERIOD_MAX_MS;
    assert_int_equal(cairn_trust_encode(&world.arena, &world.draft, &again), CAIRN_OK);
    anchor.state.validators = test_chain_set(&chain, 1, 4, 10); /* not the header's */
    assert_int_equal(cairn_trust_encode(&world.arena, &world.draft, &again), CAIRN_ERR_BAD_PROOF);
    ((cairn_light_validator *)(uintptr_t)four.validators)[1] = four.validators[0];
    anchor.state.validators = four;
    assert_int_equal(cairn_trust_encode(&world.arena, &world.draft, &again),
                     CAIRN_ERR_DUPLICATE_KEY);
    test_chain_done(&chain);
}

static void test_find(void **state)
{
    (void)state;
    cairn_trust trust = test_world_trust(&world, &world.arena);
    assert_int_equal(trust.entry_count, TEST_ORGS * TEST_KEYS);
    for (size_t org = 0; org < TEST_ORGS; org++) {
        for (size_t k = 0; k < TEST_KEYS; k++) {
            cairn_hash kid = *cairn_key_id(world.keys[org][k]);
            const cairn_trust_entry *entry = cairn_trust_find(&trust, &kid);
            assert_non_null(entry);
            assert_true(cairn_hash_equal(&entry->member->org, &world.members[org].org));
            assert_true(cairn_hash_equal(&entry->key->kid, &kid));
            kid.b[31] ^= 1;
            assert_null(cairn_trust_find(&trust, &kid));
        }
    }
    cairn_trust_done(&trust);
}

static void test_interval(void **state)
{
    (void)state;
    cairn_trust_key key = {.since = 5, .until = 9, .suspect = 7};
    for (uint64_t height = 0; height < 12; height++) {
        assert_int_equal(cairn_trust_key_good_at(&key, height), height >= 5 && height < 9);
        assert_int_equal(cairn_trust_key_suspect_at(&key, height), height >= 7);
    }
    key.until = key.suspect = CAIRN_TRUST_OPEN;
    assert_true(cairn_trust_key_good_at(&key, INT64_MAX));
    assert_false(cairn_trust_key_suspect_at(&key, INT64_MAX));
}

static void test_fingerprint_is_openssls(void **state)
{
    (void)state;
    uint8_t want[32];
    cairn_bytes encoded;
    cairn_hash fingerprint;
    TEST_MUST(cairn_trust_encode(&world.arena, &world.draft, &encoded));
    cairn_trust_fingerprint(encoded, &fingerprint);
    assert_int_equal(EVP_Digest(encoded.data, encoded.size, want, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(fingerprint.b, want, 32);
}

static void test_threshold(void **state)
{
    (void)state;
    sort_members();
    world.draft.threshold = 4;
    assert_int_equal(decode_draft(), CAIRN_OK);
    for (size_t i = 0; i < 2; i++)
        world.members[0].keys[i].purpose = CAIRN_TRUST_SIGN; /* three can cosign */
    assert_int_equal(decode_draft(), CAIRN_ERR_BAD_VALUE);
    world.draft.threshold = 3;
    assert_int_equal(decode_draft(), CAIRN_OK);
    world.draft.threshold = 0;
    assert_int_equal(decode_draft(), CAIRN_ERR_BAD_VALUE);
    world.draft.threshold = 129;
    assert_int_equal(decode_draft(), CAIRN_ERR_BAD_VALUE);
}

static void test_times_and_origin(void **state)
{
    (void)state;
    char other[71];
    sort_members();
    memcpy(other, world.origin, sizeof other);
    other[69] = other[69] == '0' ? '1' : '0';
    assert_int_equal(decode(write_as_it_is(&world.draft, other)), CAIRN_ERR_BAD_VALUE);
    memcpy(other, "Cairn/", 6);
    assert_int_equal(decode(write_as_it_is(&world.draft, other)), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(decode(write_as_it_is(&world.draft, "cairn/")), CAIRN_ERR_BAD_VALUE);
    world.draft.expires_ms = world.draft.issued_ms;
    assert_int_equal(decode_draft(), CAIRN_ERR_BAD_VALUE);
    world.draft.expires_ms = CAIRN_TIME_MAX_MS + 1;
    assert_int_equal(decode_draft(), CAIRN_ERR_BAD_VALUE);
    world.draft.expires_ms = CAIRN_TIME_MAX_MS;
    assert_int_equal(decode_draft(), CAIRN_OK);
}

static void test_members(void **state)
{
    (void)state;
    assert_int_not_equal(by_org(&world.members[0], &world.members[1]), 0);
    sort_members();
    assert_int_equal(decode_draft(), CAIRN_OK);
    cairn_trust_member swap = world.members[0];
    world.members[0] = world.members[1];
    world.members[1] = swap;
    assert_int_equal(decode_draft(), CAIRN_ERR_NOT_CANONICAL);
    sort_members();
    world.members[1].org = world.members[0].org;
    assert_int_equal(decode_draft(), CAIRN_ERR_DUPLICATE_KEY);
    cairn_bytes encoded;
    assert_int_equal(cairn_trust_encode(&world.arena, &world.draft, &encoded),
                     CAIRN_ERR_DUPLICATE_KEY);
    world.draft.member_count = 0;
    assert_int_equal(decode_draft(), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_trust_encode(&world.arena, &world.draft, &encoded), CAIRN_ERR_BAD_VALUE);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a/b", "a+b", " a", "a ", "a\x1b[2J", "\xc3\xa9"};
    char long_name[66];
    sort_members();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        world.members[0].name = cairn_bytes_str(bad[i]);
        assert_int_equal(decode_draft(), CAIRN_ERR_BAD_VALUE);
    }
    world.members[0].name = cairn_bytes_str("\xff");
    assert_int_equal(decode_draft(), CAIRN_ERR_BAD_TEXT);
    memset(long_name, 'x', sizeof long_name);
    world.members[0].name = cairn_bytes_of(long_name, 64);
    assert_int_equal(decode_draft(), CAIRN_OK);
    world.members[0].name = cairn_bytes_of(long_name, 65);
    assert_int_equal(decode_draft(), CAIRN_ERR_BAD_VALUE);
}

static void test_heights_of_a_key(void **state)
{
    (void)state;
    static const struct {
        uint64_t since, until, suspect;
        cairn_err want;
    } cases[] = {
        {0, CAIRN_TRUST_OPEN, CAIRN_TRUST_OPEN, CAIRN_OK},
        {5, 5, CAIRN_TRUST_OPEN, CAIRN_OK},
        {5, 4, CAIRN_TRUST_OPEN, CAIRN_ERR_BAD_VALUE},
        {5, 9, 9, CAIRN_OK},
        {5, 9, 3, CAIRN_OK},
        {5, 9, 10, CAIRN_ERR_BAD_VALUE},
        {5, CAIRN_TRUST_OPEN, 10, CAIRN_OK},
        {INT64_MAX, CAIRN_TRUST_OPEN, CAIRN_TRUST_OPEN, CAIRN_OK},
        {(uint64_t)INT64_MAX + 1, CAIRN_TRUST_OPEN, CAIRN_TRUST_OPEN, CAIRN_ERR_BAD_VALUE},
        {0, (uint64_t)INT64_MAX + 1, CAIRN_TRUST_OPEN, CAIRN_ERR_BAD_VALUE},
        {0, CAIRN_TRUST_OPEN, UINT64_MAX - 1, CAIRN_ERR_BAD_VALUE},
    };
    sort_members();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_trust_key *key = &world.trust_keys[1][1];
        key->since = cases[i].since;
        key->until = cases[i].until;
        key->suspect = cases[i].suspect;
        assert_int_equal(decode_draft(), cases[i].want);
    }
}

static void test_keys(void **state)
{
    (void)state;
    cairn_trust_key *key = &world.trust_keys[3][0];
    const cairn_trust_key good = *key;
    uint8_t cose[CAIRN_COSE_KEY_SIZE_MAX];
    size_t size = 0;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *ed25519 = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *p384 = NULL;
    sort_members();
    for (int purpose = 0; purpose <= 6; purpose++) {
        key->purpose = (cairn_trust_purpose)purpose;
        assert_int_equal(decode_draft(),
                         purpose == 1 || purpose == 3 ? CAIRN_OK : CAIRN_ERR_BAD_VALUE);
    }
    *key = good;
    key->cose_key = world.trust_keys[2][1].cose_key; /* another member's */
    assert_int_equal(decode_draft(), CAIRN_ERR_DUPLICATE_KEY);
    TEST_MUST(cairn_key_generate(CAIRN_KEY_ED25519, &ed25519));
    TEST_MUST(cairn_key_to_cose(ed25519, cose, &size));
    key->cose_key = cairn_bytes_of(cose, size);
    assert_int_equal(decode_draft(), CAIRN_OK);
    key->purpose = CAIRN_TRUST_SIGN;
    assert_int_equal(decode_draft(), CAIRN_ERR_BAD_KEY);
    *key = good;
    TEST_MUST(cairn_key_generate(CAIRN_KEY_P384, &p384));
    TEST_MUST(cairn_key_to_cose(p384, cose, &size));
    key->cose_key = cairn_bytes_of(cose, size);
    assert_int_equal(decode_draft(), CAIRN_ERR_BAD_KEY);
    memcpy(cose, good.cose_key.data, good.cose_key.size);
    cose[good.cose_key.size - 1] ^= 1; /* off the curve */
    key->cose_key = cairn_bytes_of(cose, good.cose_key.size);
    assert_int_equal(decode_draft(), CAIRN_ERR_BAD_KEY);
    key->cose_key.size = 0;
    assert_int_equal(decode_draft(), CAIRN_ERR_BAD_VALUE);
}

static void test_encoding_is_closed(void **state)
{
    (void)state;
    cairn_bytes good, copy;
    TEST_MUST(cairn_trust_encode(&world.arena, &world.draft, &good));
    TEST_MUST(cairn_arena_copy(&world.arena, good, &copy));
    uint8_t *bytes = (uint8_t *)(uintptr_t)copy.data;
    static const struct {
        size_t at;
        uint8_t byte;
        cairn_err want;
    } cases[] = {
        {0, 0x86, CAIRN_ERR_TRAILING},
        {0, 0x88, CAIRN_ERR_TRUNCATED},
        {14, '2', CAIRN_ERR_BAD_VERSION},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t kept = bytes[cases[i].at];
        bytes[cases[i].at] = cases[i].byte;
        cairn_err got = decode(copy);
        if (got != cases[i].want)
            fail_msg("case %zu: %s", i, cairn_err_detail());
        bytes[cases[i].at] = kept;
    }
    assert_int_equal(decode(cairn_bytes_str("\xa0")), CAIRN_ERR_WRONG_TYPE);
    for (size_t size = 0; size < good.size; size++)
        assert_int_equal(decode(cairn_bytes_of(bytes, size)), CAIRN_ERR_TRUNCATED);
}

/* 128 members, one of which has 256 keys; and one more of each. */
static void test_bounds(void **state)
{
    (void)state;
    enum { MEMBERS = CAIRN_TRUST_MEMBERS_MAX + 1, KEYS = MEMBERS + CAIRN_TRUST_KEYS_MAX };
    static cairn_trust_key keys[KEYS];
    static uint8_t cose[KEYS][CAIRN_COSE_KEY_SIZE_MAX];
    static cairn_trust_member members[MEMBERS];
    for (size_t i = 0; i < KEYS; i++) {
        uint8_t secret[32] = {2, (uint8_t)(i >> 8), (uint8_t)i};
        size_t size = 0;
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        TEST_MUST(cairn_key_from_private(CAIRN_KEY_P256, cairn_bytes_of(secret, 32), &key));
        TEST_MUST(cairn_key_to_cose(key, cose[i], &size));
        keys[i] = (cairn_trust_key){.purpose = CAIRN_TRUST_COSIGN,
                                    .cose_key = cairn_bytes_of(cose[i], size),
                                    .until = CAIRN_TRUST_OPEN,
                                    .suspect = CAIRN_TRUST_OPEN};
    }
    for (size_t i = 0; i < MEMBERS; i++)
        members[i] = (cairn_trust_member){
            .org = {{(uint8_t)i}}, .name = cairn_bytes_str("x"), .key_count = 1, .keys = &keys[i]};
    world.draft.members = members;
    world.draft.member_count = 128;
    world.draft.threshold = 128;
    members[127].key_count = CAIRN_TRUST_KEYS_MAX;
    assert_int_equal(decode_draft(), CAIRN_OK);
    members[127].key_count = CAIRN_TRUST_KEYS_MAX + 1;
    assert_int_equal(decode_draft(), CAIRN_ERR_BAD_VALUE);
    members[127].key_count = 1;
    world.draft.member_count = 129;
    assert_int_equal(decode_draft(), CAIRN_ERR_BAD_VALUE);
    static const uint8_t zeros[CAIRN_TRUST_SIZE_MAX + 1];
    assert_int_equal(decode(cairn_bytes_of(zeros, sizeof zeros)), CAIRN_ERR_TOO_LARGE);
}

static void test_done_takes_nothing(void **state)
{
    (void)state;
    cairn_trust trust = {.member_count = 0};
    cairn_trust_done(NULL);
    cairn_trust_done(&trust);
    assert_null(cairn_trust_find(&trust, &cairn_merkle_empty_root));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cosigners_at, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_anchor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_find, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_interval, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fingerprint_is_openssls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threshold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_times_and_origin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_members, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_heights_of_a_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_encoding_is_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_done_takes_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
