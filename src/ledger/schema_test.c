/* A table that has one field of each kind: what it reads, what it refuses, and that both ways
 * agree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/schema.h"
#include "support/hex.h"

typedef struct pair {
    uint64_t number;
    bool flag;
} pair;

typedef struct thing {
    uint64_t number;
    bool flag;
    cairn_hash hash;
    cairn_bytes bytes;
    cairn_bytes text;
    cairn_schema_list pairs;
    cairn_schema_list numbers;
    uint64_t perhaps;
    cairn_hash somebody;
} thing;

static const cairn_schema_field pair_fields[] = {
    {"number", CAIRN_SCHEMA_UINT, offsetof(pair, number), 1, 9, false, NULL},
    {"flag", CAIRN_SCHEMA_BOOL, offsetof(pair, flag), 0, 0, false, NULL}};
static const cairn_schema pair_schema = CAIRN_SCHEMA_OF(pair, pair_fields);
static const cairn_schema_field number_fields[] = {
    {"number", CAIRN_SCHEMA_UINT, 0, 0, 100, false, NULL}};
static const cairn_schema number_schema = CAIRN_SCHEMA_OF(uint64_t, number_fields);
static const cairn_schema_field thing_fields[] = {
    {"number", CAIRN_SCHEMA_UINT, offsetof(thing, number), 5, 6, false, NULL},
    {"flag", CAIRN_SCHEMA_BOOL, offsetof(thing, flag), 0, 0, false, NULL},
    {"hash", CAIRN_SCHEMA_HASH, offsetof(thing, hash), 0, 0, false, NULL},
    {"bytes", CAIRN_SCHEMA_BYTES, offsetof(thing, bytes), 1, 3, false, NULL},
    {"text", CAIRN_SCHEMA_TEXT, offsetof(thing, text), 1, 2, false, NULL},
    {"pairs", CAIRN_SCHEMA_LIST, offsetof(thing, pairs), 1, 2, false, &pair_schema},
    {"numbers", CAIRN_SCHEMA_LIST, offsetof(thing, numbers), 0, 3, false, &number_schema},
    {"perhaps", CAIRN_SCHEMA_UINT, offsetof(thing, perhaps), 1, UINT64_MAX, true, NULL},
    {"somebody", CAIRN_SCHEMA_HASH, offsetof(thing, somebody), 0, 0, true, NULL},
};
static const cairn_schema thing_schema = CAIRN_SCHEMA_OF(thing, thing_fields);

#define HASH32 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ZEROS32 "0000000000000000000000000000000000000000000000000000000000000000"
/* Written by hand after RFC 8949: {1: 5, 2: true, 3: h'…', 4: h'0102', 5: "é", 6: [[1, false]],
 * 7: [2, 3], …}. */
#define HEAD                             \
    "010502f5035820" HASH32 "0442010205" \
    "62c3a9"
#define LISTS \
    "0681820" \
    "1f4"     \
    "07820203"

static cairn_err decode(cairn_arena *arena, const char *hex, const thing **ret_thing)
{
    TEST_HEX(in, hex);
    cairn_bytes copy;
    void *out = NULL;
    assert_int_equal(cairn_arena_copy(arena, test_view(&in), &copy), CAIRN_OK);
    CAIRN_TRY(cairn_schema_decode(arena, &thing_schema, copy, "thing", "house", &out));
    *ret_thing = out;
    return CAIRN_OK;
}

static void test_reads_and_writes_each_kind(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a7" HEAD LISTS,
        "a8" HEAD LISTS "0818c8",
        "a9" HEAD LISTS "0801095820" HASH32,
        "a8" HEAD LISTS "095820" HASH32,
    };
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const thing *t = NULL;
        cairn_bytes encoded;
        TEST_HEX(in, good[i]);
        assert_int_equal(decode(&arena, good[i], &t), CAIRN_OK);
        assert_int_equal(t->number, 5);
        assert_true(t->flag);
        assert_int_equal(t->hash.b[1], 0x11);
        assert_int_equal(t->bytes.size, 2);
        assert_true(cairn_bytes_equal(t->text, cairn_bytes_str("é")));
        assert_int_equal(t->pairs.count, 1);
        assert_int_equal(((const pair *)t->pairs.rows)->number, 1);
        assert_int_equal(t->numbers.count, 2);
        assert_int_equal(((const uint64_t *)t->numbers.rows)[1], 3);
        assert_int_equal(t->perhaps, i == 0 || i == 3 ? CAIRN_SCHEMA_ABSENT : i == 1 ? 200 : 1);
        assert_int_equal(t->somebody.b[1], i < 2 ? 0 : 0x11);
        assert_int_equal(cairn_schema_encode(&arena, &thing_schema, t, &encoded), CAIRN_OK);
        assert_true(cairn_bytes_equal(encoded, test_view(&in)));
    }
    cairn_arena_done(&arena);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cairn_err code;
    } cases[] = {
        {"a0", CAIRN_ERR_MISSING_FIELD},
        {"80", CAIRN_ERR_WRONG_TYPE},
        {"a7" HEAD LISTS "00", CAIRN_ERR_TRAILING},
        {"a8" HEAD LISTS "0a00", CAIRN_ERR_UNKNOWN_FIELD},
        {"a8"
         "0000" HEAD LISTS,
         CAIRN_ERR_UNKNOWN_FIELD},
        {"a7"
         "010702f5035820" HASH32 "04420102"
         "0562c3a9" LISTS,
         CAIRN_ERR_BAD_VALUE},
        {"a7"
         "010502f5035820" HASH32 "0440"
         "0562c3a9" LISTS,
         CAIRN_ERR_BAD_VALUE},
        {"a7" HEAD "0680"
         "07820203",
         CAIRN_ERR_BAD_VALUE},
        {"a7" HEAD "0683820"
         "1f48201f48201f4"
         "07820203",
         CAIRN_ERR_BAD_VALUE},
        {"a7" HEAD "068183"
         "01f400"
         "07820203",
         CAIRN_ERR_BAD_VALUE},
        {"a7" HEAD "068101"
         "07820203",
         CAIRN_ERR_WRONG_TYPE},
        {"a7" HEAD "06818200f4"
         "07820203",
         CAIRN_ERR_BAD_VALUE},
        {"a8" HEAD LISTS "08f6", CAIRN_ERR_WRONG_TYPE},
        {"a8" HEAD LISTS "081bffffffffffffffff", CAIRN_ERR_BAD_VALUE}, /* stands for absence */
        {"a8" HEAD LISTS "095820" ZEROS32, CAIRN_ERR_BAD_VALUE},
    };
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const thing *t = NULL;
        cairn_err err = decode(&arena, cases[i].hex, &t);
        if (err != cases[i].code)
            fail_msg("%zu: %s instead of %s", i, cairn_err_name(err),
                     cairn_err_name(cases[i].code));
    }
    cairn_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_and_writes_each_kind),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
