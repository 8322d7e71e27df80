/* CBOR: the vectors of RFC 8949 Appendix A and F, each refusal, each bound, and the deterministic
 * order against a naive model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cairn/cbor.h"
#include "core/limits.h"
#include "support/hex.h"

static cairn_err open_as(cairn_bytes in, cairn_cbor_profile profile)
{
    cairn_cbor_reader reader;
    return cairn_cbor_open(&reader, in, profile, "test", "house");
}

typedef struct row {
    const char *hex;
    cairn_err strict;
    cairn_err foreign;
} row;

static void check_rows(const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        TEST_HEX(in, rows[i].hex);
        cairn_err strict = open_as(test_view(&in), CAIRN_CBOR_STRICT);
        cairn_err foreign = open_as(test_view(&in), CAIRN_CBOR_FOREIGN);
        if (strict != rows[i].strict || foreign != rows[i].foreign)
            fail_msg("%s: strict %s, foreign %s", rows[i].hex, cairn_err_name(strict),
                     cairn_err_name(foreign));
    }
}

#define OK CAIRN_OK
#define BAD CAIRN_ERR_BAD_VALUE
#define LONG CAIRN_ERR_NOT_CANONICAL
#define CUT CAIRN_ERR_TRUNCATED
#define TEXT CAIRN_ERR_BAD_TEXT

static void test_rfc8949_appendix_a(void **state)
{
    (void)state;
    static const row rows[] = {
        {"00", OK, OK},
        {"01", OK, OK},
        {"0a", OK, OK},
        {"17", OK, OK},
        {"1818", OK, OK},
        {"1819", OK, OK},
        {"1864", OK, OK},
        {"1903e8", OK, OK},
        {"1a000f4240", OK, OK},
        {"1b000000e8d4a51000", OK, OK},
        {"1bffffffffffffffff", OK, OK},
        {"c249010000000000000000", OK, OK},
        {"3bffffffffffffffff", OK, OK},
        {"c349010000000000000000", OK, OK},
        {"20", OK, OK},
        {"29", OK, OK},
        {"3863", OK, OK},
        {"3903e7", OK, OK},
        {"f90000", BAD, OK},
        {"f98000", BAD, OK},
        {"f93c00", BAD, OK},
        {"fb3ff199999999999a", BAD, OK},
        {"f93e00", BAD, OK},
        {"f97bff", BAD, OK},
        {"fa47c35000", BAD, OK},
        {"fa7f7fffff", BAD, OK},
        {"fb7e37e43c8800759c", BAD, OK},
        {"f90001", BAD, OK},
        {"f90400", BAD, OK},
        {"f9c400", BAD, OK},
        {"fbc010666666666666", BAD, OK},
        {"f97c00", BAD, OK},
        {"f97e00", BAD, OK},
        {"f9fc00", BAD, OK},
        {"fa7f800000", BAD, OK},
        {"fa7fc00000", BAD, OK},
        {"faff800000", BAD, OK},
        {"fb7ff0000000000000", BAD, OK},
        {"fb7ff8000000000000", BAD, OK},
        {"fbfff0000000000000", BAD, OK},
        {"f4", OK, OK},
        {"f5", OK, OK},
        {"f6", OK, OK},
        {"f7", BAD, OK},
        {"f0", BAD, OK},
        {"f8ff", BAD, OK},
        {"c074323031332d30332d32315432303a30343a30305a", OK, OK},
        {"c11a514b67b0", OK, OK},
        {"c1fb41d452d9ec200000", BAD, OK},
        {"d74401020304", OK, OK},
        {"d818456449455446", OK, OK},
        {"d82076687474703a2f2f7777772e6578616d706c652e636f6d", OK, OK},
        {"40", OK, OK},
        {"4401020304", OK, OK},
        {"60", OK, OK},
        {"6161", OK, OK},
        {"6449455446", OK, OK},
        {"62225c", OK, OK},
        {"62c3bc", OK, OK},
        {"63e6b0b4", OK, OK},
        {"64f0908591", OK, OK},
        {"80", OK, OK},
        {"83010203", OK, OK},
        {"8301820203820405", OK, OK},
        {"98190102030405060708090a0b0c0d0e0f101112131415161718181819", OK, OK},
        {"a0", OK, OK},
        {"a201020304", OK, OK},
        {"a26161016162820203", OK, OK},
        {"826161a161626163", OK, OK},
        {"a56161614161626142616361436164614461656145", OK, OK},
        {"5f42010243030405ff", BAD, BAD},
        {"7f657374726561646d696e67ff", BAD, BAD},
        {"9fff", BAD, BAD},
        {"9f018202039f0405ffff", BAD, BAD},
        {"83018202039f0405ff", BAD, BAD},
        {"bf61610161629f0203ffff", BAD, BAD},
        {"bf6346756ef563416d7421ff", BAD, BAD},
    };
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void test_rfc8949_appendix_f_not_well_formed(void **state)
{
    (void)state;
    static const row rows[] = {
        /* end of input in a head, in definite strings, in arrays, maps and tags */
        {"18", CUT, CUT},
        {"19", CUT, CUT},
        {"1a", CUT, CUT},
        {"1b", CUT, CUT},
        {"1901", CUT, CUT},
        {"1a0102", CUT, CUT},
        {"1b01020304050607", CUT, CUT},
        {"38", CUT, CUT},
        {"58", CUT, CUT},
        {"78", CUT, CUT},
        {"98", CUT, CUT},
        {"9a01ff00", CUT, CUT},
        {"b8", CUT, CUT},
        {"d8", CUT, CUT},
        {"f8", CUT, CUT},
        {"f900", CUT, CUT},
        {"fa0000", CUT, CUT},
        {"fb000000", CUT, CUT},
        {"41", CUT, CUT},
        {"61", CUT, CUT},
        {"5affffffff00", CUT, CUT},
        {"5bffffffffffffffff010203", CUT, CUT},
        {"7affffffff00", CUT, CUT},
        {"7b7fffffffffffffff010203", CUT, CUT},
        {"81", CUT, CUT},
        {"818181818181818181", CUT, CUT},
        {"8200", CUT, CUT},
        {"a1", CUT, CUT},
        {"a20102", CUT, CUT},
        {"a100", CUT, CUT},
        {"a2000000", CUT, CUT},
        {"c0", CUT, CUT},
        /* reserved additional information, reserved two-byte simple values, a lone break */
        {"1c", BAD, BAD},
        {"1d", BAD, BAD},
        {"1e", BAD, BAD},
        {"3c", BAD, BAD},
        {"5d", BAD, BAD},
        {"7e", BAD, BAD},
        {"9c", BAD, BAD},
        {"bd", BAD, BAD},
        {"de", BAD, BAD},
        {"fc", BAD, BAD},
        {"fd", BAD, BAD},
        {"fe", BAD, BAD},
        {"f800", BAD, BAD},
        {"f801", BAD, BAD},
        {"f818", BAD, BAD},
        {"f81f", BAD, BAD},
        {"ff", BAD, BAD},
        {"81ff", BAD, BAD},
        {"8200ff", BAD, BAD},
        {"a1ff", CUT, CUT},
        {"a1ff00", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"a100ff", BAD, BAD},
        {"1f", BAD, BAD},
        {"3f", BAD, BAD},
        {"df", BAD, BAD},
    };
    check_rows(rows, sizeof rows / sizeof rows[0]);
    assert_int_equal(open_as(cairn_bytes_of(NULL, 0), CAIRN_CBOR_STRICT), CUT);
    assert_int_equal(open_as(cairn_bytes_of(NULL, 0), CAIRN_CBOR_FOREIGN), CUT);
}

static void test_house_refusals(void **state)
{
    (void)state;
    static const row rows[] = {
        /* heads longer than needed, of each type */
        {"1817", LONG, OK},
        {"190018", LONG, OK},
        {"1900ff", LONG, OK},
        {"190100", OK, OK},
        {"1a0000ffff", LONG, OK},
        {"1a00010000", OK, OK},
        {"1b00000000ffffffff", LONG, OK},
        {"1b0000000100000000", OK, OK},
        {"3800", LONG, OK},
        {"580100", LONG, OK},
        {"780161", LONG, OK},
        {"980101", LONG, OK},
        {"b8010102", LONG, OK},
        {"d80100", LONG, OK},
        /* bytes after the end */
        {"0000", CAIRN_ERR_TRAILING, CAIRN_ERR_TRAILING},
        {"a000", CAIRN_ERR_TRAILING, CAIRN_ERR_TRAILING},
        /* keys twice: neighbours, far apart, and the same value in another width */
        {"a201000100", CAIRN_ERR_DUPLICATE_KEY, CAIRN_ERR_DUPLICATE_KEY},
        {"a3010002000100", LONG, CAIRN_ERR_DUPLICATE_KEY},
        {"a20100180100", LONG, CAIRN_ERR_DUPLICATE_KEY},
        {"a3616100616200616100", LONG, CAIRN_ERR_DUPLICATE_KEY},
        {"a2616100780161f6", LONG, CAIRN_ERR_DUPLICATE_KEY},
        {"a2410000610000", OK, OK}, /* h'00' and "\0" differ */
        {"a220000000", LONG, OK},
        /* key order: shorter first, then bytewise; unsigned before negative before strings */
        {"a262616100616200", LONG, OK},
        {"a261620062616100", OK, OK},
        {"a201002000", OK, OK},
        {"a2616100416100", LONG, OK},
        /* keys of other types */
        {"a18000", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"a1a000", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"a1c10000", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"a1f500", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        /* UTF-8: cut, long form, surrogate, beyond U+10FFFF, stray continuation */
        {"61c3", TEXT, TEXT},
        {"62c0af", TEXT, TEXT},
        {"62c1bf", TEXT, TEXT},
        {"63e08080", TEXT, TEXT},
        {"63eda080", TEXT, TEXT},
        {"63ed9fbf", OK, OK},
        {"63edbfbf", TEXT, TEXT},
        {"63ee8080", OK, OK},
        {"64f0808080", TEXT, TEXT},
        {"64f48fbfbf", OK, OK},
        {"64f4908080", TEXT, TEXT},
        {"64f5808080", TEXT, TEXT},
        {"6180", TEXT, TEXT},
        {"63e6b041", TEXT, TEXT},
        {"6a61616161616161618061", TEXT, TEXT},
        {"696161616161616161c3", TEXT, TEXT},
        {"68616161616161c3bc", OK, OK},
        {"a161ff00", TEXT, TEXT},
        /* five bytes that made libcbor allocate a gibibyte */
        {"9a08000000", CAIRN_ERR_TOO_MANY, CAIRN_ERR_TOO_MANY},
        {"9bffffffffffffffff", CAIRN_ERR_TOO_MANY, CAIRN_ERR_TOO_MANY},
        {"bbffffffffffffffff", CAIRN_ERR_TOO_MANY, CAIRN_ERR_TOO_MANY},
    };
    check_rows(rows, sizeof rows / sizeof rows[0]);
}

/* Each kind of nesting goes to the limit and not one further. */
static void test_depth_bound(void **state)
{
    (void)state;
    uint8_t in[2 * CAIRN_CBOR_DEPTH_MAX + 4];
    for (size_t depth = 1; depth <= CAIRN_CBOR_DEPTH_MAX + 1; depth++) {
        cairn_err want = depth > CAIRN_CBOR_DEPTH_MAX ? CAIRN_ERR_TOO_DEEP : CAIRN_OK;
        memset(in, 0x81, depth);
        in[depth] = 0;
        assert_int_equal(open_as(cairn_bytes_of(in, depth + 1), CAIRN_CBOR_STRICT), want);
        memset(in, 0xc1, depth);
        assert_int_equal(open_as(cairn_bytes_of(in, depth + 1), CAIRN_CBOR_FOREIGN), want);
        for (size_t i = 0; i < depth; i++) {
            in[2 * i] = 0xa1;
            in[2 * i + 1] = 0;
        }
        in[2 * depth] = 0;
        assert_int_equal(open_as(cairn_bytes_of(in, 2 * depth + 1), CAIRN_CBOR_FOREIGN), want);
    }
}

/* A map of `count` pairs whose keys are first + step * i. */
static cairn_bytes int_map(uint8_t *out, size_t capacity, size_t count, int64_t first, int64_t step)
{
    cairn_cbor_writer writer;
    cairn_bytes encoded;
    cairn_cbor_writer_init(&writer, out, capacity);
    cairn_cbor_put_map(&writer, count);
    for (size_t i = 0; i < count; i++) {
        cairn_cbor_put_int(&writer, first + step * (int64_t)i);
        cairn_cbor_put_null(&writer);
    }
    assert_int_equal(cairn_cbor_writer_end(&writer, &encoded), CAIRN_OK);
    return encoded;
}

static void test_map_count_bound(void **state)
{
    (void)state;
    static uint8_t out[8 * (CAIRN_CBOR_MAP_COUNT_MAX + 1)];
    cairn_bytes in = int_map(out, sizeof out, CAIRN_CBOR_MAP_COUNT_MAX, 0, 1);
    assert_int_equal(open_as(in, CAIRN_CBOR_STRICT), CAIRN_OK);
    in = int_map(out, sizeof out, CAIRN_CBOR_MAP_COUNT_MAX, CAIRN_CBOR_MAP_COUNT_MAX, -1);
    assert_int_equal(open_as(in, CAIRN_CBOR_STRICT), CAIRN_ERR_NOT_CANONICAL);
    assert_int_equal(open_as(in, CAIRN_CBOR_FOREIGN), CAIRN_OK);
    in = int_map(out, sizeof out, CAIRN_CBOR_MAP_COUNT_MAX + 1, 0, 1);
    assert_int_equal(open_as(in, CAIRN_CBOR_STRICT), CAIRN_ERR_TOO_MANY);
    assert_int_equal(open_as(in, CAIRN_CBOR_FOREIGN), CAIRN_ERR_TOO_MANY);
}

static void test_array_count_bound(void **state)
{
    (void)state;
    size_t capacity = CAIRN_CBOR_ARRAY_COUNT_MAX + 16;
    uint8_t *out = malloc(capacity);
    assert_non_null(out);
    for (size_t more = 0; more < 2; more++) {
        cairn_cbor_writer writer;
        cairn_bytes in;
        cairn_cbor_writer_init(&writer, out, capacity);
        cairn_cbor_put_array(&writer, CAIRN_CBOR_ARRAY_COUNT_MAX + more);
        for (size_t i = 0; i < CAIRN_CBOR_ARRAY_COUNT_MAX + more; i++)
            cairn_cbor_put_null(&writer);
        assert_int_equal(cairn_cbor_writer_end(&writer, &in), CAIRN_OK);
        assert_int_equal(open_as(in, CAIRN_CBOR_STRICT), more ? CAIRN_ERR_TOO_MANY : CAIRN_OK);
    }
    free(out);
}

/* --- the naive model: a map as encoded keys, sorted bytewise as section 4.2.1 says --- */

enum { MODEL_KEYS_MAX = 12, MODEL_KEY_SIZE_MAX = 24 };

typedef struct model_key {
    uint8_t data[MODEL_KEY_SIZE_MAX];
    size_t size;
} model_key;

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void random_key(model_key *key)
{
    cairn_cbor_writer writer;
    cairn_bytes encoded;
    uint8_t content[12];
    cairn_cbor_writer_init(&writer, key->data, sizeof key->data);
    uint64_t value = next_random() >> (next_random() % 64);
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)('a' + next_random() % 2);
    cairn_bytes view = cairn_bytes_of(content, next_random() % 5);
    switch (next_random() % 4) {
    case 0:
        cairn_cbor_put_uint(&writer, value);
        break;
    case 1:
        cairn_cbor_put_int(&writer, -1 - (int64_t)(value >> 1));
        break;
    case 2:
        cairn_cbor_put_bytes(&writer, view);
        break;
    default:
        cairn_cbor_put_text_view(&writer, view);
        break;
    }
    assert_int_equal(cairn_cbor_writer_end(&writer, &encoded), CAIRN_OK);
    key->size = encoded.size;
}

static int compare_model(const model_key *a, const model_key *b)
{
    return cairn_bytes_compare(cairn_bytes_of(a->data, a->size), cairn_bytes_of(b->data, b->size));
}

static void test_order_agrees_with_naive_model(void **state)
{
    (void)state;
    size_t seen[3] = {0, 0, 0};
    for (size_t round = 0; round < 200000; round++) {
        model_key keys[MODEL_KEYS_MAX];
        size_t count = next_random() % (MODEL_KEYS_MAX + 1);
        bool ordered = true;
        bool twice = false;
        for (size_t i = 0; i < count; i++) {
            random_key(&keys[i]);
            /* half of the time insert in order, so that ordered maps are frequent */
            for (size_t j = i; round % 2 == 0 && j > 0; j--)
                if (compare_model(&keys[j - 1], &keys[j]) > 0) {
                    model_key k = keys[j];
                    keys[j] = keys[j - 1];
                    keys[j - 1] = k;
                }
        }
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < i; j++) {
                twice |= compare_model(&keys[j], &keys[i]) == 0;
                ordered &= compare_model(&keys[j], &keys[i]) < 0;
            }
        uint8_t out[MODEL_KEYS_MAX * (MODEL_KEY_SIZE_MAX + 1) + 1];
        cairn_cbor_writer writer;
        cairn_bytes in;
        cairn_cbor_writer_init(&writer, out, sizeof out);
        cairn_cbor_put_map(&writer, count);
        for (size_t i = 0; i < count; i++) {
            cairn_cbor_put_raw(&writer, cairn_bytes_of(keys[i].data, keys[i].size));
            cairn_cbor_put_bool(&writer, i % 2 == 0);
        }
        assert_int_equal(cairn_cbor_writer_end(&writer, &in), CAIRN_OK);
        assert_int_equal(open_as(in, CAIRN_CBOR_STRICT) == CAIRN_OK, ordered);
        assert_int_equal(open_as(in, CAIRN_CBOR_FOREIGN), twice ? CAIRN_ERR_DUPLICATE_KEY : OK);
        seen[ordered ? 0 : twice ? 1 : 2]++;
    }
    for (size_t i = 0; i < 3; i++)
        assert_true(seen[i] > 1000);
}

/* Every prefix of a valid item is refused as cut, and every suffix byte as trailing. */
static void test_prefixes_are_truncated(void **state)
{
    (void)state;
    TEST_HEX(in, "d28443a10126a1044231318301820203f6a3006161011903e8204401020304");
    assert_int_equal(open_as(test_view(&in), CAIRN_CBOR_STRICT), CAIRN_OK);
    for (size_t size = 0; size < in.size; size++) {
        uint8_t *copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy, in.data, size);
        assert_int_equal(open_as(cairn_bytes_of(copy, size), CAIRN_CBOR_STRICT),
                         CAIRN_ERR_TRUNCATED);
        free(copy);
    }
}

#define OPEN(reader, in)                                                                    \
    assert_int_equal(                                                                       \
        cairn_cbor_open(&(reader), test_view(&(in)), CAIRN_CBOR_FOREIGN, "thing", "RFC 0"), \
        CAIRN_OK)

static void test_typed_reads(void **state)
{
    (void)state;
    TEST_HEX(items, "8a182a29f5f6440102030463616263820001c10aa10102f93c00");
    cairn_cbor_reader r;
    OPEN(r, items);
    size_t count = 0;
    uint64_t u = 0;
    int64_t n = 0;
    bool b = false;
    cairn_bytes view;
    cairn_cbor_map map;
    assert_int_equal(cairn_cbor_peek(&r), CAIRN_CBOR_ARRAY);
    assert_int_equal(cairn_cbor_read_array(&r, "items", 11, 12, &count), BAD);
    assert_int_equal(cairn_cbor_read_array(&r, "items", 0, 9, &count), BAD);
    assert_int_equal(cairn_cbor_read_map(&r, "items", &map), CAIRN_ERR_WRONG_TYPE);
    assert_int_equal(cairn_cbor_read_array(&r, "items", 10, 10, &count), OK);
    assert_int_equal(count, 10);
    assert_int_equal(cairn_cbor_peek(&r), CAIRN_CBOR_UINT);
    assert_int_equal(cairn_cbor_read_uint(&r, "u", 43, 100, &u), BAD);
    assert_string_equal(cairn_err_detail(), "thing.u: 42 (RFC 0)");
    assert_int_equal(cairn_cbor_read_uint(&r, "u", 0, 41, &u), BAD);
    assert_int_equal(cairn_cbor_read_bool(&r, "u", &b), CAIRN_ERR_WRONG_TYPE);
    assert_int_equal(cairn_cbor_read_uint(&r, "u", 42, 42, &u), OK);
    assert_int_equal(u, 42);
    assert_int_equal(cairn_cbor_peek(&r), CAIRN_CBOR_NINT);
    assert_int_equal(cairn_cbor_read_uint(&r, "n", 0, 100, &u), CAIRN_ERR_WRONG_TYPE);
    assert_int_equal(cairn_cbor_read_int(&r, "n", -9, 0, &n), BAD);
    assert_int_equal(cairn_cbor_read_int(&r, "n", -10, 0, &n), OK);
    assert_int_equal(n, -10);
    assert_int_equal(cairn_cbor_peek(&r), CAIRN_CBOR_BOOL);
    assert_int_equal(cairn_cbor_read_null(&r, "b"), CAIRN_ERR_WRONG_TYPE);
    assert_int_equal(cairn_cbor_read_bool(&r, "b", &b), OK);
    assert_true(b);
    assert_int_equal(cairn_cbor_peek(&r), CAIRN_CBOR_NULL);
    assert_int_equal(cairn_cbor_read_bool(&r, "z", &b), CAIRN_ERR_WRONG_TYPE);
    assert_int_equal(cairn_cbor_read_null(&r, "z"), OK);
    assert_int_equal(cairn_cbor_peek(&r), CAIRN_CBOR_BYTES);
    assert_int_equal(cairn_cbor_read_text(&r, "s", 0, 9, &view), CAIRN_ERR_WRONG_TYPE);
    assert_int_equal(cairn_cbor_read_bytes(&r, "s", 5, 9, &view), BAD);
    assert_int_equal(cairn_cbor_read_bytes(&r, "s", 0, 3, &view), BAD);
    assert_int_equal(cairn_cbor_read_bytes(&r, "s", 4, 4, &view), OK);
    assert_memory_equal(view.data, "\1\2\3\4", 4);
    assert_int_equal(cairn_cbor_peek(&r), CAIRN_CBOR_TEXT);
    assert_int_equal(cairn_cbor_read_text(&r, "t", 3, 3, &view), OK);
    assert_true(cairn_bytes_equal(view, cairn_bytes_str("abc")));
    assert_int_equal(cairn_cbor_read_any(&r, "a", &view), OK);
    assert_int_equal(view.size, 3);
    assert_int_equal(cairn_cbor_peek(&r), CAIRN_CBOR_TAG);
    assert_int_equal(cairn_cbor_read_tag(&r, "tag", 2), BAD);
    assert_int_equal(cairn_cbor_read_tag(&r, "tag", 1), OK);
    assert_int_equal(cairn_cbor_read_tag(&r, "tag", 1), CAIRN_ERR_WRONG_TYPE);
    assert_int_equal(cairn_cbor_read_any(&r, "a", &view), OK);
    assert_int_equal(cairn_cbor_peek(&r), CAIRN_CBOR_MAP);
    assert_int_equal(cairn_cbor_end(&r), CAIRN_ERR_TRAILING);
    assert_int_equal(cairn_cbor_read_any(&r, "map", &view), OK);
    assert_int_equal(view.size, 3);
    assert_int_equal(cairn_cbor_peek(&r), CAIRN_CBOR_OTHER);
    assert_int_equal(cairn_cbor_read_any(&r, "float", &view), OK);
    assert_int_equal(cairn_cbor_peek(&r), CAIRN_CBOR_END);
    assert_int_equal(cairn_cbor_end(&r), OK);
    assert_int_equal(cairn_cbor_read_any(&r, "more", &view), CAIRN_ERR_MISSING_FIELD);
    assert_int_equal(cairn_cbor_read_uint(&r, "more", 0, 1, &u), CAIRN_ERR_MISSING_FIELD);
}

static void test_int_range_ends(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cairn_err err;
        int64_t value;
    } rows[] = {
        {"1b7fffffffffffffff", OK, INT64_MAX}, {"1b8000000000000000", BAD, 0},
        {"3b7fffffffffffffff", OK, INT64_MIN}, {"3b8000000000000000", BAD, 0},
        {"3bffffffffffffffff", BAD, 0},        {"40", CAIRN_ERR_WRONG_TYPE, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        TEST_HEX(in, rows[i].hex);
        cairn_cbor_reader r;
        int64_t value = 0;
        OPEN(r, in);
        assert_int_equal(cairn_cbor_read_int(&r, "n", INT64_MIN, INT64_MAX, &value), rows[i].err);
        assert_true(value == rows[i].value);
    }
}

static void test_hash_and_magic(void **state)
{
    (void)state;
    TEST_HEX(in, "83646d61672f"
                 "581f00000000000000000000000000000000000000000000000000000000000000"
                 "5820000000000000000000000000000000000000000000000000000000000000ff01");
    cairn_cbor_reader r;
    size_t count = 0;
    cairn_hash hash;
    cairn_bytes skipped;
    OPEN(r, in);
    assert_int_equal(cairn_cbor_read_array(&r, "all", 3, 3, &count), OK);
    assert_int_equal(cairn_cbor_read_magic(&r, "mag/2"), CAIRN_ERR_BAD_VERSION);
    assert_int_equal(cairn_cbor_read_magic(&r, "mag/"), OK);
    assert_int_equal(cairn_cbor_read_magic(&r, "mag/"), CAIRN_ERR_WRONG_TYPE);
    assert_int_equal(cairn_cbor_read_hash(&r, "h", &hash), BAD);
    assert_int_equal(cairn_cbor_read_any(&r, "h", &skipped), OK);
    assert_int_equal(cairn_cbor_read_hash(&r, "h", &hash), OK);
    assert_int_equal(hash.b[30], 0xff);
    assert_int_equal(hash.b[31], 0x01);
}

/* {1: 10, 2: 20, -1: 30, "a": 40} */
static void test_closed_maps(void **state)
{
    (void)state;
    TEST_HEX(in, "a4010a021420181e61611828");
    cairn_cbor_reader start;
    cairn_cbor_map all;
    OPEN(start, in);
    assert_int_equal(cairn_cbor_read_map(&start, "m", &all), OK);
    assert_int_equal(all.left, 4);

    cairn_cbor_reader r = start;
    cairn_cbor_map map = all;
    uint64_t value = 0;
    bool present = true;
    assert_int_equal(cairn_cbor_optional_key(&r, &map, 0, &present), OK);
    assert_false(present);
    assert_int_equal(cairn_cbor_key(&r, &map, 0, "zero"), CAIRN_ERR_MISSING_FIELD);
    assert_int_equal(cairn_cbor_key(&r, &map, 2, "two"), CAIRN_ERR_UNKNOWN_FIELD);
    assert_int_equal(cairn_cbor_optional_key(&r, &map, 2, &present), CAIRN_ERR_UNKNOWN_FIELD);
    assert_int_equal(cairn_cbor_key(&r, &map, -1, "minus"), CAIRN_ERR_UNKNOWN_FIELD);
    assert_int_equal(cairn_cbor_key(&r, &map, 1, "one"), OK);
    assert_int_equal(cairn_cbor_read_uint(&r, "one", 10, 10, &value), OK);
    assert_int_equal(cairn_cbor_optional_key(&r, &map, 2, &present), OK);
    assert_true(present);
    assert_int_equal(cairn_cbor_read_uint(&r, "two", 20, 20, &value), OK);
    assert_int_equal(cairn_cbor_key(&r, &map, 3, "three"), CAIRN_ERR_MISSING_FIELD);
    assert_int_equal(cairn_cbor_key(&r, &map, -1, "minus"), OK);
    assert_int_equal(cairn_cbor_read_uint(&r, "minus", 30, 30, &value), OK);
    assert_int_equal(cairn_cbor_key(&r, &map, -2, "more"), CAIRN_ERR_MISSING_FIELD);
    assert_int_equal(cairn_cbor_end_map(&r, &map), CAIRN_ERR_UNKNOWN_FIELD);
    map.left = 0;
    assert_int_equal(cairn_cbor_end_map(&r, &map), OK);
    assert_int_equal(cairn_cbor_key(&r, &map, 9, "nine"), CAIRN_ERR_MISSING_FIELD);
    assert_int_equal(cairn_cbor_optional_key(&r, &map, 9, &present), OK);
    assert_false(present);
}

static void test_item_size_of_sequences(void **state)
{
    (void)state;
    TEST_HEX(in, "820102a04100ff");
    size_t size = 0;
    static const size_t sizes[] = {3, 1, 2};
    cairn_bytes rest = test_view(&in);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(cairn_cbor_item_size(rest, CAIRN_CBOR_STRICT, "seq", &size), OK);
        assert_int_equal(size, sizes[i]);
        rest = cairn_bytes_of(rest.data + size, rest.size - size);
    }
    assert_int_equal(cairn_cbor_item_size(rest, CAIRN_CBOR_STRICT, "seq", &size), BAD);
    assert_int_equal(size, 2);
}

static void write_sample(cairn_cbor_writer *w)
{
    cairn_hash hash = {{0}};
    cairn_cbor_put_tag(w, 18);
    cairn_cbor_put_array(w, 9);
    cairn_cbor_put_uint(w, UINT64_MAX);
    cairn_cbor_put_int(w, INT64_MIN);
    cairn_cbor_put_bytes(w, cairn_bytes_of("\1\2", 2));
    cairn_cbor_put_hash(w, &hash);
    cairn_cbor_put_text(w, "\xc3\xbc");
    cairn_cbor_put_map(w, 1);
    cairn_cbor_put_int(w, 65536);
    cairn_cbor_put_bool(w, false);
    cairn_cbor_put_null(w);
    cairn_cbor_put_raw(w, cairn_bytes_of("\xa0", 1));
    cairn_cbor_put_text_view(w, cairn_bytes_of(NULL, 0));
}

static void test_writer_bytes_and_stickiness(void **state)
{
    (void)state;
    TEST_HEX(want, "d2891bffffffffffffffff3b7fffffffffffffff420102"
                   "58200000000000000000000000000000000000000000000000000000000000000000"
                   "62c3bca11a00010000f4f6a060");
    uint8_t out[128];
    cairn_cbor_writer w;
    cairn_bytes encoded = {0};
    cairn_cbor_writer_init(&w, NULL, 99);
    write_sample(&w);
    assert_int_equal(w.size, want.size);
    assert_int_equal(cairn_cbor_writer_end(&w, &encoded), CAIRN_ERR_TOO_LARGE);
    for (size_t capacity = 0; capacity <= want.size; capacity++) {
        memset(out, 0xee, sizeof out);
        cairn_cbor_writer_init(&w, out, capacity);
        write_sample(&w);
        assert_int_equal(w.size, want.size);
        assert_int_equal(out[capacity], 0xee);
        assert_int_equal(cairn_cbor_writer_end(&w, &encoded),
                         capacity < want.size ? CAIRN_ERR_TOO_LARGE : CAIRN_OK);
    }
    assert_int_equal(encoded.size, want.size);
    assert_memory_equal(encoded.data, want.data, want.size);
    assert_int_equal(open_as(encoded, CAIRN_CBOR_STRICT), CAIRN_OK);
}

/* The shortest head at each step of its size, from the text of section 3. */
static void test_writer_head_steps(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        const char *hex;
    } rows[] = {
        {23, "17"},
        {24, "1818"},
        {255, "18ff"},
        {256, "190100"},
        {65535, "19ffff"},
        {65536, "1a00010000"},
        {0xffffffff, "1affffffff"},
        {0x100000000, "1b0000000100000000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t out[9];
        cairn_cbor_writer w;
        cairn_bytes encoded;
        TEST_HEX(want, rows[i].hex);
        cairn_cbor_writer_init(&w, out, sizeof out);
        cairn_cbor_put_uint(&w, rows[i].value);
        assert_int_equal(cairn_cbor_writer_end(&w, &encoded), CAIRN_OK);
        assert_true(cairn_bytes_equal(encoded, test_view(&want)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc8949_appendix_a),
        cmocka_unit_test(test_rfc8949_appendix_f_not_well_formed),
        cmocka_unit_test(test_house_refusals),
        cmocka_unit_test(test_depth_bound),
        cmocka_unit_test(test_map_count_bound),
        cmocka_unit_test(test_array_count_bound),
        cmocka_unit_test(test_order_agrees_with_naive_model),
        cmocka_unit_test(test_prefixes_are_truncated),
        cmocka_unit_test(test_typed_reads),
        cmocka_unit_test(test_int_range_ends),
        cmocka_unit_test(test_hash_and_magic),
        cmocka_unit_test(test_closed_maps),
        cmocka_unit_test(test_item_size_of_sequences),
        cmocka_unit_test(test_writer_bytes_and_stickiness),
        cmocka_unit_test(test_writer_head_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
