/* COSE by itself: round trips, each refusal, bounds. The working group's examples are in
 * cose_vectors_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/cose.h"
#include "core/limits.h"
#include "support/hex.h"

static cairn_err decode_hex(const char *hex, uint64_t tag, cairn_cbor_profile profile)
{
    TEST_HEX(in, hex);
    cairn_cose_message message;
    return cairn_cose_decode(test_view(&in), tag, profile, &message);
}

typedef struct row {
    const char *hex;
    cairn_err strict;
    cairn_err foreign;
} row;

static void test_decode_refusals(void **state)
{
    (void)state;
    static const row rows[] = {
        {"d28440a04040", CAIRN_OK, CAIRN_OK},
        {"d28440a0f640", CAIRN_OK, CAIRN_OK}, /* detached */
        {"8440a04040", CAIRN_ERR_WRONG_TYPE, CAIRN_OK},
        {"d18440a04040", CAIRN_ERR_BAD_VALUE, CAIRN_ERR_BAD_VALUE},
        {"d2d28440a04040", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"d28340a040", CAIRN_ERR_BAD_VALUE, CAIRN_ERR_BAD_VALUE},
        {"d28540a0404040", CAIRN_ERR_BAD_VALUE, CAIRN_ERR_BAD_VALUE},
        {"d28440a0404000", CAIRN_ERR_TRAILING, CAIRN_ERR_TRAILING},
        {"d284a0a04040", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"d28440404040", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"d28440a06040", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"d28440a040f6", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        /* the protected bstr holds an empty map, no map, two items, a cut map */
        {"d28441a0a04040", CAIRN_ERR_NOT_CANONICAL, CAIRN_OK},
        {"d2844180a04040", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"d28442a0a0a04040", CAIRN_ERR_TRAILING, CAIRN_ERR_TRAILING},
        {"d28441a1a04040", CAIRN_ERR_TRUNCATED, CAIRN_ERR_TRUNCATED},
        /* not deterministic within the protected bstr alone */
        {"d28444a1180126a04040", CAIRN_ERR_NOT_CANONICAL, CAIRN_OK},
        {"d28446a20441010126a04040", CAIRN_ERR_NOT_CANONICAL, CAIRN_OK},
        /* a label twice: in one map, in both, in both with another width or as a text */
        {"d28445a201260126a04040", CAIRN_ERR_DUPLICATE_KEY, CAIRN_ERR_DUPLICATE_KEY},
        {"d28443a10126a101264040", CAIRN_ERR_DUPLICATE_KEY, CAIRN_ERR_DUPLICATE_KEY},
        {"d28443a10126a11801264040", CAIRN_ERR_NOT_CANONICAL, CAIRN_ERR_DUPLICATE_KEY},
        {"d28444a1616100a16161004040", CAIRN_ERR_DUPLICATE_KEY, CAIRN_ERR_DUPLICATE_KEY},
        {"d28444a1616100a16162004040", CAIRN_OK, CAIRN_OK},
        /* alg as a text, as bytes; kid and iv of other types; a label of bytes */
        {"d28446a10163616263a04040", CAIRN_ERR_BAD_ALGORITHM, CAIRN_ERR_BAD_ALGORITHM},
        {"d28443a10140a04040", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"d28440a104014040", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"d28440a105604040", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"d28440a140014040", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"d28440a11bffffffffffffffff014040", CAIRN_ERR_BAD_VALUE, CAIRN_ERR_BAD_VALUE},
        /* crit: understood; not understood; text; absent label; empty; unprotected */
        {"d28446a20126028101a04040", CAIRN_OK, CAIRN_OK},
        {"d2844aa3012602811821182100a04040", CAIRN_ERR_UNKNOWN_FIELD, CAIRN_ERR_UNKNOWN_FIELD},
        {"d2844aa3012602816161616100a04040", CAIRN_ERR_UNKNOWN_FIELD, CAIRN_ERR_UNKNOWN_FIELD},
        {"d28446a20126028104a04040", CAIRN_ERR_MISSING_FIELD, CAIRN_ERR_MISSING_FIELD},
        {"d28446a20126028104a104404040", CAIRN_ERR_MISSING_FIELD, CAIRN_ERR_MISSING_FIELD},
        {"d28445a201260280a04040", CAIRN_ERR_BAD_VALUE, CAIRN_ERR_BAD_VALUE},
        {"d28445a201260201a04040", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"d28443a10126a10281014040", CAIRN_ERR_BAD_VALUE, CAIRN_ERR_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_err strict = decode_hex(rows[i].hex, 18, CAIRN_CBOR_STRICT);
        cairn_err foreign = decode_hex(rows[i].hex, 18, CAIRN_CBOR_FOREIGN);
        if (strict != rows[i].strict || foreign != rows[i].foreign)
            fail_msg("%s: strict %s, foreign %s", rows[i].hex, cairn_err_name(strict),
                     cairn_err_name(foreign));
    }
    assert_int_equal(decode_hex("d08340a040", 16, CAIRN_CBOR_STRICT), CAIRN_OK);
    assert_int_equal(decode_hex("d08440a04040", 16, CAIRN_CBOR_STRICT), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(decode_hex("d18440a04040", 17, CAIRN_CBOR_STRICT), CAIRN_OK);
}

static void test_headers_are_found_in_either_map(void **state)
{
    (void)state;
    TEST_HEX(in, "d28447a1013a0000ffffa3044231310541aa187863616263410041ff");
    cairn_cose_message m;
    assert_int_equal(cairn_cose_decode(test_view(&in), 18, CAIRN_CBOR_FOREIGN, &m), CAIRN_OK);
    assert_true(m.headers.has_alg && m.headers.alg_is_protected);
    assert_int_equal(m.headers.alg, -65536);
    assert_int_equal(m.headers.protected_raw.size, 7);
    assert_true(cairn_bytes_equal(m.headers.kid, cairn_bytes_str("11")));
    assert_true(cairn_bytes_equal(m.headers.iv, cairn_bytes_of("\xaa", 1)));
    assert_int_equal(m.headers.unprotected_raw.size, 14);
    assert_true(m.tagged && !m.detached);
    assert_true(cairn_bytes_equal(m.payload, cairn_bytes_of("\0", 1)));
    assert_true(cairn_bytes_equal(m.tag, cairn_bytes_of("\xff", 1)));
}

/* 64 labels in each map pass, one more in either does not. */
static void test_header_count_bound(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 3; extra++) {
        uint8_t inner[512];
        uint8_t outer[1024];
        cairn_cbor_writer w;
        cairn_bytes protected_raw = {0};
        cairn_bytes in = {0};
        cairn_cose_message message;
        size_t counts[2] = {CAIRN_COSE_HEADERS_MAX + (extra == 1),
                            CAIRN_COSE_HEADERS_MAX + (extra == 2)};
        cairn_cbor_writer_init(&w, inner, sizeof inner);
        cairn_cbor_put_map(&w, counts[0]);
        for (size_t i = 0; i < counts[0]; i++) {
            cairn_cbor_put_uint(&w, 100 + i);
            cairn_cbor_put_null(&w);
        }
        assert_int_equal(cairn_cbor_writer_end(&w, &protected_raw), CAIRN_OK);
        cairn_cbor_writer_init(&w, outer, sizeof outer);
        cairn_cbor_put_tag(&w, 18);
        cairn_cbor_put_array(&w, 4);
        cairn_cbor_put_bytes(&w, protected_raw);
        cairn_cbor_put_map(&w, counts[1]);
        for (size_t i = 0; i < counts[1]; i++) {
            cairn_cbor_put_uint(&w, 1000 + i);
            cairn_cbor_put_null(&w);
        }
        cairn_cbor_put_null(&w);
        cairn_cbor_put_bytes(&w, (cairn_bytes){0});
        assert_int_equal(cairn_cbor_writer_end(&w, &in), CAIRN_OK);
        assert_int_equal(cairn_cose_decode(in, 18, CAIRN_CBOR_STRICT, &message),
                         extra == 0 ? CAIRN_OK : CAIRN_ERR_TOO_MANY);
    }
}

typedef struct fixture {
    cairn_arena arena;
    cairn_key *key;
    cairn_bytes message; /* attached Sign1 over "payload" with aad "aad" */
    cairn_bytes detached;
} fixture;

static const uint8_t es256_header[] = {0xa1, 0x01, 0x26};
static const uint8_t empty_map[] = {0xa0};

static int make_fixture(void **state)
{
    static fixture f;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes structure = {0};
    cairn_bytes header = cairn_bytes_of(es256_header, sizeof es256_header);
    cairn_bytes payload = cairn_bytes_str("payload");
    cairn_arena_init(&f.arena, 1 << 20);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &f.key), CAIRN_OK);
    assert_int_equal(
        cairn_cose_structure(&f.arena, 18, header, cairn_bytes_str("aad"), payload, &structure),
        CAIRN_OK);
    assert_int_equal(cairn_key_sign(f.key, structure, signature, &size), CAIRN_OK);
    for (int detached = 0; detached < 2; detached++)
        assert_int_equal(cairn_cose_encode(&f.arena, 18, header, cairn_bytes_of(empty_map, 1),
                                           detached == 1, payload, cairn_bytes_of(signature, size),
                                           detached == 1 ? &f.detached : &f.message),
                         CAIRN_OK);
    *state = &f;
    return 0;
}

static int drop_fixture(void **state)
{
    fixture *f = *state;
    cairn_key_free(f->key);
    cairn_arena_done(&f->arena);
    return 0;
}

static void test_sign1_round_trip(void **state)
{
    fixture *f = *state;
    cairn_cose_message m;
    cairn_bytes aad = cairn_bytes_str("aad");
    cairn_bytes none = {0};
    assert_int_equal(cairn_cose_decode(f->message, 18, CAIRN_CBOR_STRICT, &m), CAIRN_OK);
    assert_int_equal(cairn_cose_sign1_verify(&f->arena, &m, f->key, aad, none), CAIRN_OK);
    assert_int_equal(cairn_cose_sign1_verify(&f->arena, &m, f->key, none, none),
                     CAIRN_ERR_BAD_SIGNATURE);
    assert_int_equal(cairn_cose_sign1_verify(&f->arena, &m, f->key, aad, cairn_bytes_str("p")),
                     CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_cose_decode(f->detached, 18, CAIRN_CBOR_STRICT, &m), CAIRN_OK);
    assert_true(m.detached);
    assert_int_equal(
        cairn_cose_sign1_verify(&f->arena, &m, f->key, aad, cairn_bytes_str("payload")), CAIRN_OK);
    assert_int_equal(cairn_cose_sign1_verify(&f->arena, &m, f->key, aad, none),
                     CAIRN_ERR_BAD_SIGNATURE);
}

static void test_sign1_wants_the_keys_algorithm_protected(void **state)
{
    fixture *f = *state;
    cairn_cose_message m;
    cairn_bytes none = {0};
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *other = NULL;
    assert_int_equal(cairn_cose_decode(f->message, 18, CAIRN_CBOR_STRICT, &m), CAIRN_OK);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_ED25519, &other), CAIRN_OK);
    assert_int_equal(cairn_cose_sign1_verify(&f->arena, &m, other, none, none),
                     CAIRN_ERR_BAD_ALGORITHM);
    m.headers.alg_is_protected = false;
    assert_int_equal(cairn_cose_sign1_verify(&f->arena, &m, f->key, none, none),
                     CAIRN_ERR_BAD_ALGORITHM);
    m.headers.has_alg = false;
    assert_int_equal(cairn_cose_sign1_verify(&f->arena, &m, f->key, none, none),
                     CAIRN_ERR_BAD_ALGORITHM);
}

/* No bit of a whole message can change without being seen: malformed, another header, or a
 * signature that does not verify. */
static void test_sign1_every_bit_counts(void **state)
{
    fixture *f = *state;
    uint8_t copy[256];
    assert_true(f->message.size <= sizeof copy);
    memcpy(copy, f->message.data, f->message.size);
    for (size_t bit = 0; bit < f->message.size * 8; bit++) {
        cairn_cose_message m;
        cairn_arena arena;
        cairn_arena_init(&arena, 4096);
        copy[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        cairn_err err =
            cairn_cose_decode(cairn_bytes_of(copy, f->message.size), 18, CAIRN_CBOR_STRICT, &m);
        if (err == CAIRN_OK)
            err = cairn_cose_sign1_verify(&arena, &m, f->key, cairn_bytes_str("aad"),
                                          (cairn_bytes){0});
        assert_int_not_equal(err, CAIRN_OK);
        copy[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        cairn_arena_done(&arena);
    }
}

static void test_nothing_beyond_the_arena(void **state)
{
    fixture *f = *state;
    cairn_cose_message m;
    cairn_arena small;
    uint8_t storage[48];
    cairn_arena_init_fixed(&small, storage, sizeof storage);
    assert_int_equal(cairn_cose_decode(f->message, 18, CAIRN_CBOR_STRICT, &m), CAIRN_OK);
    assert_int_equal(cairn_cose_sign1_verify(&small, &m, f->key,
                                             cairn_bytes_str("an aad that is longer than it"),
                                             (cairn_bytes){0}),
                     CAIRN_ERR_NO_MEMORY);
}

static void test_mac0(void **state)
{
    fixture *f = *state;
    uint8_t key[33] = {7};
    cairn_bytes header = cairn_bytes_of("\xa1\x01\x05", 3);
    cairn_bytes none = {0};
    cairn_bytes message = {0};
    cairn_cose_message m;
    assert_int_equal(cairn_cose_mac0(&f->arena, cairn_bytes_of(key, 33), header,
                                     cairn_bytes_of(empty_map, 1), none, none, &message),
                     CAIRN_ERR_BAD_KEY);
    assert_int_equal(cairn_cose_mac0(&f->arena, cairn_bytes_of(key, 32), header,
                                     cairn_bytes_of(empty_map, 1), none, cairn_bytes_str("hello"),
                                     &message),
                     CAIRN_OK);
    assert_int_equal(cairn_cose_decode(message, 17, CAIRN_CBOR_STRICT, &m), CAIRN_OK);
    assert_int_equal(cairn_cose_mac0_verify(&f->arena, &m, cairn_bytes_of(key, 32), none),
                     CAIRN_OK);
    assert_int_equal(
        cairn_cose_mac0_verify(&f->arena, &m, cairn_bytes_of(key, 32), cairn_bytes_str("x")),
        CAIRN_ERR_BAD_MAC);
    assert_int_equal(cairn_cose_mac0_verify(&f->arena, &m, cairn_bytes_of(key, 31), none),
                     CAIRN_ERR_BAD_KEY);
    m.tag.size = 16; /* a cut tag is HMAC 256/64's, which is not ours */
    assert_int_equal(cairn_cose_mac0_verify(&f->arena, &m, cairn_bytes_of(key, 32), none),
                     CAIRN_ERR_BAD_MAC);
    m.detached = true;
    assert_int_equal(cairn_cose_mac0_verify(&f->arena, &m, cairn_bytes_of(key, 32), none),
                     CAIRN_ERR_MISSING_FIELD);
}

static void test_encrypt0_round_trip(void **state)
{
    fixture *f = *state;
    uint8_t key[32] = {3};
    cairn_bytes iv = cairn_bytes_of("012345678901", 12);
    cairn_bytes aad = cairn_bytes_str("aad");
    for (int64_t alg = 1; alg <= 3; alg++)
        for (size_t size = 0; size < 40; size += 13) {
            cairn_bytes k = cairn_bytes_of(key, 8 + 8 * (size_t)alg);
            cairn_bytes plain = cairn_bytes_of("forty bytes of text that is to be hidden", size);
            cairn_bytes message = {0};
            cairn_bytes out = {0};
            cairn_cose_message m;
            assert_int_equal(cairn_cose_encrypt0(&f->arena, k, alg, iv, aad, plain, &message),
                             CAIRN_OK);
            assert_int_equal(cairn_cose_decode(message, 16, CAIRN_CBOR_STRICT, &m), CAIRN_OK);
            assert_int_equal(cairn_cose_decrypt0(&f->arena, &m, k, aad, &out), CAIRN_OK);
            assert_true(cairn_bytes_equal(out, plain));
            out = (cairn_bytes){0};
            assert_int_equal(cairn_cose_decrypt0(&f->arena, &m, k, (cairn_bytes){0}, &out),
                             CAIRN_ERR_BAD_MAC);
            assert_null(out.data);
        }
}

static void test_encrypt0_refusals(void **state)
{
    fixture *f = *state;
    uint8_t key[32] = {3};
    cairn_bytes k = cairn_bytes_of(key, 32);
    cairn_bytes iv = cairn_bytes_of("012345678901", 12);
    cairn_bytes none = {0};
    cairn_bytes message = {0};
    cairn_bytes out = {0};
    cairn_cose_message m;
    assert_int_equal(cairn_cose_encrypt0(&f->arena, k, 4, iv, none, none, &message),
                     CAIRN_ERR_BAD_ALGORITHM);
    assert_int_equal(cairn_cose_encrypt0(&f->arena, k, 1, iv, none, none, &message),
                     CAIRN_ERR_BAD_KEY);
    assert_int_equal(cairn_cose_encrypt0(&f->arena, k, 3, none, none, none, &message),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_cose_encrypt0(&f->arena, k, 3, iv, none, none, &message), CAIRN_OK);
    assert_int_equal(cairn_cose_decode(message, 16, CAIRN_CBOR_STRICT, &m), CAIRN_OK);
    cairn_cose_message changed = m;
    changed.headers.alg = 24; /* ChaCha20/Poly1305 */
    assert_int_equal(cairn_cose_decrypt0(&f->arena, &changed, k, none, &out),
                     CAIRN_ERR_BAD_ALGORITHM);
    changed = m;
    changed.headers.alg_is_protected = false;
    assert_int_equal(cairn_cose_decrypt0(&f->arena, &changed, k, none, &out),
                     CAIRN_ERR_BAD_ALGORITHM);
    changed = m;
    changed.headers.iv.size = 11;
    assert_int_equal(cairn_cose_decrypt0(&f->arena, &changed, k, none, &out), CAIRN_ERR_BAD_VALUE);
    changed = m;
    changed.payload.size = 15;
    assert_int_equal(cairn_cose_decrypt0(&f->arena, &changed, k, none, &out), CAIRN_ERR_BAD_MAC);
    changed = m;
    changed.detached = true;
    assert_int_equal(cairn_cose_decrypt0(&f->arena, &changed, k, none, &out),
                     CAIRN_ERR_MISSING_FIELD);
    assert_int_equal(cairn_cose_decrypt0(&f->arena, &m, cairn_bytes_of(key, 16), none, &out),
                     CAIRN_ERR_BAD_KEY);
    key[31] ^= 1;
    assert_int_equal(cairn_cose_decrypt0(&f->arena, &m, k, none, &out), CAIRN_ERR_BAD_MAC);
    assert_null(out.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode_refusals),
        cmocka_unit_test(test_headers_are_found_in_either_map),
        cmocka_unit_test(test_header_count_bound),
        cmocka_unit_test(test_sign1_round_trip),
        cmocka_unit_test(test_sign1_wants_the_keys_algorithm_protected),
        cmocka_unit_test(test_sign1_every_bit_counts),
        cmocka_unit_test(test_nothing_beyond_the_arena),
        cmocka_unit_test(test_mac0),
        cmocka_unit_test(test_encrypt0_round_trip),
        cmocka_unit_test(test_encrypt0_refusals),
    };
    return cmocka_run_group_tests(tests, make_fixture, drop_fixture);
}
