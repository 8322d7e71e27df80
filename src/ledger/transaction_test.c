/* Strict decoding of transactions, against bytes laid out by hand from
 * docs/formats/transaction.md. What a ledger says to them is in apply_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cairn/cose.h"
#include "support/hex.h"
#include "support/high_s.h"
#include "support/ledger_memory.h"

#define KID "0404040404040404040404040404040404040404040404040404040404040404"
#define LEDGER "0101010101010101010101010101010101010101010101010101010101010101"
#define R "4242424242424242424242424242424242424242424242424242424242424242"
#define S "2121212121212121212121212121212121212121212121212121212121212121"

/* The items of a transaction in hex; a case replaces some. */
typedef struct parts {
    const char *name;
    cairn_err code;
    const char *head;        /* tag and array */
    const char *protected_;  /* content, without the head of its byte string */
    const char *unprotected; /* an item */
    const char *payload;     /* content */
    const char *signature;   /* an item */
    const char *after;
} parts;

#define HEAD "d284"
#define PROTECTED "a20126045820" KID
#define UNPROTECTED "a0"
#define PAYLOAD "a4015820" LEDGER "021903010319040004a0"
#define SIGNATURE "5840" R S

static const parts good = {"good", CAIRN_OK, HEAD, PROTECTED, UNPROTECTED, PAYLOAD, SIGNATURE, ""};

static size_t append(char *text, size_t at, const char *more)
{
    size_t size = strlen(more);
    assert_true(at + size < 8192);
    memcpy(text + at, more, size + 1);
    return at + size;
}

/* A byte string's head for content given in hex. */
static size_t append_head(char *text, size_t at, const char *hex)
{
    char head[16];
    size_t size = strlen(hex) / 2;
    if (size < 24)
        (void)snprintf(head, sizeof head, "%02x", (unsigned)(0x40 + size));
    else if (size < 256)
        (void)snprintf(head, sizeof head, "58%02x", (unsigned)size);
    else
        (void)snprintf(head, sizeof head, "59%04x", (unsigned)size);
    return append(text, at, head);
}

#define OR_GOOD(field) (c->field != NULL ? c->field : good.field)

static test_bytes lay_out(const parts *c)
{
    char text[8192];
    size_t at = append(text, 0, OR_GOOD(head));
    at = append_head(text, at, OR_GOOD(protected_));
    at = append(text, at, OR_GOOD(protected_));
    at = append(text, at, OR_GOOD(unprotected));
    at = append_head(text, at, OR_GOOD(payload));
    at = append(text, at, OR_GOOD(payload));
    at = append(text, at, OR_GOOD(signature));
    (void)append(text, at, OR_GOOD(after));
    return test_hex(text);
}

/* What the page's bytes say. */
static void test_fields(void **state)
{
    (void)state;
    cairn_tx tx;
    CAIRN_CLEANUP(test_bytes_free) test_bytes raw = lay_out(&good);
    assert_int_equal(cairn_tx_decode(test_view(&raw), &tx), CAIRN_OK);
    TEST_HEX(kid, KID);
    TEST_HEX(ledger, LEDGER);
    assert_memory_equal(tx.kid.b, kid.data, 32);
    assert_memory_equal(tx.ledger.b, ledger.data, 32);
    assert_int_equal(tx.type, 769);
    assert_int_equal(tx.valid_until_ms, 1024);
    assert_int_equal(tx.body.size, 1);
    assert_int_equal(tx.signature.size, 64);
    assert_true(cairn_bytes_equal(tx.raw, test_view(&raw)));
    /* The id is the hash of the Sig_structure, written by hand. */
    TEST_HEX(signed_, "846a5369676e6174757265315826" PROTECTED "40582e" PAYLOAD);
    cairn_hash id;
    cairn_sha256_of(signed_.data, signed_.size, &id);
    assert_memory_equal(tx.id.b, id.b, 32);
}

#define PAYLOAD_OF(fields) "a4015820" LEDGER fields

static const parts refused[] = {
    /* the envelope */
    {.name = "untagged", CAIRN_ERR_WRONG_TYPE, .head = "84"},
    {.name = "another tag", CAIRN_ERR_BAD_VALUE, .head = "d184"},
    {.name = "long tag", CAIRN_ERR_NOT_CANONICAL, .head = "d81284"},
    {.name = "two tags", CAIRN_ERR_WRONG_TYPE, .head = "d2d284"},
    {.name = "array of 5", CAIRN_ERR_TRUNCATED, .head = "d285"},
    {.name = "array of 5, filled", CAIRN_ERR_BAD_VALUE, .head = "d285", .after = "00"},
    {.name = "array of 3", CAIRN_ERR_TRAILING, .head = "d283"},
    {.name = "long array", CAIRN_ERR_NOT_CANONICAL, .head = "d29804"},
    {.name = "indefinite array", CAIRN_ERR_BAD_VALUE, .head = "d29f", .after = "ff"},
    {.name = "map", CAIRN_ERR_WRONG_TYPE, .head = "d2a2"},
    {.name = "trailing byte", CAIRN_ERR_TRAILING, .after = "00"},
    {.name = "block entry", CAIRN_ERR_WRONG_TYPE, .head = "88", .after = "00000000"},
    /* protected header */
    {.name = "protected empty", CAIRN_ERR_TRUNCATED, .protected_ = ""},
    {.name = "protected map empty", CAIRN_ERR_MISSING_FIELD, .protected_ = "a0"},
    {.name = "no alg", CAIRN_ERR_MISSING_FIELD, .protected_ = "a1045820" KID},
    {.name = "no kid", CAIRN_ERR_MISSING_FIELD, .protected_ = "a10126"},
    {.name = "EdDSA", CAIRN_ERR_BAD_ALGORITHM, .protected_ = "a20127045820" KID},
    {.name = "ES384", CAIRN_ERR_BAD_ALGORITHM, .protected_ = "a2013822045820" KID},
    {.name = "alg is text", CAIRN_ERR_WRONG_TYPE, .protected_ = "a2016126045820" KID},
    {.name = "long alg", CAIRN_ERR_NOT_CANONICAL, .protected_ = "a2013806045820" KID},
    {.name = "kid before alg", CAIRN_ERR_NOT_CANONICAL, .protected_ = "a2045820" KID "0126"},
    {.name = "long kid", CAIRN_ERR_NOT_CANONICAL, .protected_ = "a2012604590020" KID},
    {.name = "short kid", CAIRN_ERR_BAD_VALUE, .protected_ = "a201260443010203"},
    {.name = "kid is text", CAIRN_ERR_WRONG_TYPE, .protected_ = "a201260463616263"},
    {.name = "alg twice", CAIRN_ERR_DUPLICATE_KEY, .protected_ = "a201260126"},
    {.name = "content type", CAIRN_ERR_UNKNOWN_FIELD, .protected_ = "a301260300045820" KID},
    {.name = "private label", CAIRN_ERR_UNKNOWN_FIELD, .protected_ = "a30126045820" KID "2000"},
    {.name = "protected is an array", CAIRN_ERR_WRONG_TYPE, .protected_ = "80"},
    {.name = "protected trails", CAIRN_ERR_TRAILING, .protected_ = PROTECTED "00"},
    /* unprotected header */
    {.name = "unprotected alg", CAIRN_ERR_UNKNOWN_FIELD, .unprotected = "a10126"},
    {.name = "unprotected array", CAIRN_ERR_WRONG_TYPE, .unprotected = "80"},
    {.name = "long empty map", CAIRN_ERR_NOT_CANONICAL, .unprotected = "b800"},
    {.name = "indefinite map", CAIRN_ERR_BAD_VALUE, .unprotected = "bfff"},
    /* payload */
    {.name = "payload empty", CAIRN_ERR_BAD_VALUE, .payload = ""},
    {.name = "payload an array", CAIRN_ERR_WRONG_TYPE, .payload = "80"},
    {.name = "no fields", CAIRN_ERR_MISSING_FIELD, .payload = "a0"},
    {.name = "no ledger", CAIRN_ERR_MISSING_FIELD, .payload = "a3021903010319040004a0"},
    {.name = "no type", CAIRN_ERR_MISSING_FIELD, .payload = "a3015820" LEDGER "0319040004a0"},
    {.name = "no validity", CAIRN_ERR_MISSING_FIELD, .payload = "a3015820" LEDGER "0219030104a0"},
    {.name = "no body", CAIRN_ERR_MISSING_FIELD, .payload = "a3015820" LEDGER "0219030103190400"},
    {.name = "field 0",
     CAIRN_ERR_UNKNOWN_FIELD,
     .payload = "a50000015820" LEDGER "021903010319040004a0"},
    {.name = "field 5",
     CAIRN_ERR_UNKNOWN_FIELD,
     .payload = "a5015820" LEDGER "021903010319040004a00500"},
    {.name = "type twice", CAIRN_ERR_DUPLICATE_KEY, .payload = PAYLOAD_OF("021903010219030104a0")},
    {.name = "type after validity",
     CAIRN_ERR_NOT_CANONICAL,
     .payload = PAYLOAD_OF("031904000219030104a0")},
    {.name = "short ledger", CAIRN_ERR_BAD_VALUE, .payload = "a40141ff021903010319040004a0"},
    {.name = "type 0", CAIRN_ERR_BAD_VALUE, .payload = PAYLOAD_OF("02000319040004a0")},
    {.name = "type 65536", CAIRN_ERR_BAD_VALUE, .payload = PAYLOAD_OF("021a000100000319040004a0")},
    {.name = "type is text", CAIRN_ERR_WRONG_TYPE, .payload = PAYLOAD_OF("0261610319040004a0")},
    {.name = "type negative", CAIRN_ERR_WRONG_TYPE, .payload = PAYLOAD_OF("02200319040004a0")},
    {.name = "long type",
     CAIRN_ERR_NOT_CANONICAL,
     .payload = PAYLOAD_OF("021a000003010319040004a0")},
    {.name = "validity 0", CAIRN_ERR_BAD_VALUE, .payload = PAYLOAD_OF("02190301030004a0")},
    {.name = "validity 2^53",
     CAIRN_ERR_BAD_VALUE,
     .payload = PAYLOAD_OF("02190301031b002000000000000004a0")},
    {.name = "validity is a float",
     CAIRN_ERR_BAD_VALUE,
     .payload = PAYLOAD_OF("0219030103fb409000000000000004a0")},
    {.name = "validity is a tag",
     CAIRN_ERR_WRONG_TYPE,
     .payload = PAYLOAD_OF("0219030103c119040004a0")},
    {.name = "body is an array",
     CAIRN_ERR_WRONG_TYPE,
     .payload = PAYLOAD_OF("02190301031904000480")},
    {.name = "body is bytes", CAIRN_ERR_WRONG_TYPE, .payload = PAYLOAD_OF("0201031904000441a0")},
    {.name = "body not sorted",
     CAIRN_ERR_NOT_CANONICAL,
     .payload = PAYLOAD_OF("021903010319040004a202000100")},
    {.name = "body twice a key",
     CAIRN_ERR_DUPLICATE_KEY,
     .payload = PAYLOAD_OF("021903010319040004a201000100")},
    {.name = "body with long integer",
     CAIRN_ERR_NOT_CANONICAL,
     .payload = PAYLOAD_OF("021903010319040004a1011801")},
    {.name = "body with bad text",
     CAIRN_ERR_BAD_TEXT,
     .payload = PAYLOAD_OF("021903010319040004a10161ff")},
    {.name = "body with undefined",
     CAIRN_ERR_BAD_VALUE,
     .payload = PAYLOAD_OF("021903010319040004a101f7")},
    {.name = "payload trails", CAIRN_ERR_TRAILING, .payload = PAYLOAD_OF("021903010319040004a000")},
    /* signature */
    {.name = "signature of 63",
     CAIRN_ERR_BAD_VALUE,
     .signature = "583f" R "21212121212121212121212121212121212121212121212121212121212121"},
    {.name = "signature of 65", CAIRN_ERR_BAD_VALUE, .signature = "5841" R S "00"},
    {.name = "no signature", CAIRN_ERR_WRONG_TYPE, .signature = "f6"},
    {.name = "long signature", CAIRN_ERR_NOT_CANONICAL, .signature = "590040" R S},
};

static void test_refused_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        cairn_tx tx;
        CAIRN_CLEANUP(test_bytes_free) test_bytes raw = lay_out(&refused[i]);
        cairn_err err = cairn_tx_decode(test_view(&raw), &tx);
        if (err != refused[i].code)
            fail_msg("%s: %s instead of %s", refused[i].name, cairn_err_name(err),
                     cairn_err_name(refused[i].code));
    }
}

static void test_detached_payload(void **state)
{
    (void)state;
    cairn_tx tx;
    TEST_HEX(raw, HEAD "5826" PROTECTED UNPROTECTED "f6" SIGNATURE);
    assert_int_equal(cairn_tx_decode(test_view(&raw), &tx), CAIRN_ERR_WRONG_TYPE);
}

static void test_every_truncation(void **state)
{
    (void)state;
    CAIRN_CLEANUP(test_bytes_free) test_bytes raw = lay_out(&good);
    for (size_t size = 0; size < raw.size; size++) {
        cairn_tx tx;
        uint8_t *cut = malloc(size == 0 ? 1 : size);
        assert_non_null(cut);
        memcpy(cut, raw.data, size);
        assert_int_equal(cairn_tx_decode(cairn_bytes_of(cut, size), &tx), CAIRN_ERR_TRUNCATED);
        free(cut);
    }
}

/* There is one encoding: a changed bit changes the id or the signature, or is refused. */
static void test_every_bit_counts(void **state)
{
    (void)state;
    cairn_tx before;
    CAIRN_CLEANUP(test_bytes_free) test_bytes raw = lay_out(&good);
    assert_int_equal(cairn_tx_decode(test_view(&raw), &before), CAIRN_OK);
    const cairn_hash id = before.id;
    for (size_t bit = 0; bit < raw.size * 8; bit++) {
        cairn_tx tx;
        raw.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        bool signature = bit / 8 >= raw.size - 64;
        if (cairn_tx_decode(test_view(&raw), &tx) == CAIRN_OK)
            assert_int_equal(cairn_hash_equal(&tx.id, &id), signature);
        else
            assert_false(signature);
        raw.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

/* A transaction of exactly `size` bytes. */
static cairn_err of_size(cairn_arena *arena, size_t size, cairn_bytes *ret_tx)
{
    static uint8_t content[70000];
    const cairn_key *key = memory_key(1);
    cairn_tx_draft draft = {.kid = *cairn_key_id(key), .type = 1, .valid_until_ms = 1};
    uint8_t *body = malloc(sizeof content + 16);
    cairn_cbor_writer w;
    assert_non_null(body);
    size_t overhead = 2 + 40 + 1 + 3 + 1 + 35 + 2 + 2 + 1 + 66; /* all but the body */
    cairn_cbor_writer_init(&w, body, sizeof content + 16);
    cairn_cbor_put_map(&w, 1);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_bytes(&w, cairn_bytes_of(content, size - overhead - 5));
    assert_int_equal(cairn_cbor_writer_end(&w, &draft.body), CAIRN_OK);
    cairn_err err = cairn_tx_sign(arena, &draft, key, ret_tx);
    free(body);
    return err;
}

static void test_size_ends_at_65535(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_bytes tx;
    cairn_tx decoded;
    cairn_arena_init(&arena, 1 << 22);
    assert_int_equal(of_size(&arena, 65535, &tx), CAIRN_OK);
    assert_int_equal(tx.size, 65535);
    assert_int_equal(cairn_tx_decode(tx, &decoded), CAIRN_OK);
    assert_int_equal(of_size(&arena, 65536, &tx), CAIRN_ERR_TOO_LARGE);
    uint8_t *longer = calloc(1, 65536);
    assert_non_null(longer);
    assert_int_equal(cairn_tx_decode(cairn_bytes_of(longer, 65536), &decoded), CAIRN_ERR_TOO_LARGE);
    free(longer);
    cairn_arena_done(&arena);
}

static void test_sign_and_verify(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_bytes raw;
    cairn_tx tx;
    static const uint8_t empty[] = {0xa0};
    cairn_arena_init(&arena, 1 << 20);
    const cairn_tx_draft draft = {.kid = *memory_kid(1),
                                  .type = 769,
                                  .valid_until_ms = 1024,
                                  .body = cairn_bytes_of(empty, 1)};
    assert_int_equal(cairn_tx_sign(&arena, &draft, memory_key(1), &raw), CAIRN_OK);
    assert_int_equal(cairn_tx_decode(raw, &tx), CAIRN_OK);
    assert_int_equal(cairn_tx_verify(&arena, &tx, memory_key(1)), CAIRN_OK);
    assert_int_equal(cairn_tx_verify(&arena, &tx, memory_key(2)), CAIRN_ERR_BAD_SIGNATURE);
    uint8_t *signature = (uint8_t *)(uintptr_t)tx.signature.data; /* in the arena */
    test_negate_s(signature);
    assert_int_equal(cairn_tx_verify(&arena, &tx, memory_key(1)), CAIRN_ERR_HIGH_S);
    cairn_bytes message; /* that half is all that is wrong with it */
    assert_int_equal(cairn_tx_to_be_signed(&arena, &draft, &message), CAIRN_OK);
    assert_int_equal(cairn_key_verify(memory_key(1), message, tx.signature), CAIRN_OK);
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *ed25519 = NULL;
    assert_int_equal(cairn_key_generate(CAIRN_KEY_ED25519, &ed25519), CAIRN_OK);
    test_negate_s(signature);
    assert_int_equal(cairn_tx_verify(&arena, &tx, ed25519), CAIRN_ERR_BAD_ALGORITHM);
    cairn_arena_done(&arena);
}

/* Who drafts something that is not deterministic hears it before the ledger does. */
static void test_a_bad_body_is_not_assembled(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_bytes raw;
    cairn_arena_init(&arena, 1 << 20);
    static const struct {
        const char *body;
        cairn_err code;
    } cases[] = {{"a202000100", CAIRN_ERR_NOT_CANONICAL},
                 {"80", CAIRN_ERR_WRONG_TYPE},
                 {"", CAIRN_ERR_TRUNCATED},
                 {"a000", CAIRN_ERR_TRAILING}};
    for (size_t i = 0; i < 4; i++) {
        TEST_HEX(body, cases[i].body);
        const cairn_tx_draft draft = {
            .kid = *memory_kid(1), .type = 1, .valid_until_ms = 1, .body = test_view(&body)};
        assert_int_equal(cairn_tx_sign(&arena, &draft, memory_key(1), &raw), cases[i].code);
    }
    cairn_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),           cmocka_unit_test(test_refused_bytes),
        cmocka_unit_test(test_detached_payload), cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_bit_counts), cmocka_unit_test(test_size_ends_at_65535),
        cmocka_unit_test(test_sign_and_verify),  cmocka_unit_test(test_a_bad_body_is_not_assembled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
