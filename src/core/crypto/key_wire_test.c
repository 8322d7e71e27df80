/* Requests and replies as bytes: by hand, not from our own encoder, and each field out of its
 * range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/crypto/key_wire.h"
#include "core/crypto/signer.h"

#define ID 0, 0, 0, 0, 0, 0, 0, 5
#define ZERO8 0, 0, 0, 0, 0, 0, 0, 0
#define ZERO32 ZERO8, ZERO8, ZERO8, ZERO8

/* --- requests --- */

static const uint8_t ping[] = {0, 0, 0, 9, ID, 1};
static const uint8_t sign[] = {0, 0,   0,   22,  ID,  3,   0,   0,   0,  6,
                               5, 's', 'i', 'g', 'n', '1', 'm', 's', 'g'};
static const uint8_t generate[] = {0, 0, 0, 14, ID, 4, 2, 3, 'a', '.', 'b'};
static const uint8_t exists[] = {0, 0, 0, 49, ID, 6, ZERO32, 0, 0, 0, 0, 0, 0, 1, 2};

static cairn_bytes frame_of(const uint8_t *bytes, size_t size)
{
    size_t frame = 0;
    assert_int_equal(
        cairn_key_frame_size(cairn_bytes_of(bytes, size), CAIRN_KEY_REQUEST_SIZE_MAX, &frame),
        CAIRN_OK);
    assert_int_equal(frame, size);
    return cairn_bytes_of(bytes + 4, size - 4);
}
#define FRAME(bytes) frame_of((bytes), sizeof(bytes))

/* Encodes again, and compares. */
static void check_round(const cairn_key_request *request, cairn_bytes wanted)
{
    uint8_t out[CAIRN_KEY_REQUEST_HEAD_SIZE + 64];
    size_t size = cairn_key_request_encode(request, out);
    if (request->body.size != 0)
        memcpy(out + size, request->body.data, request->body.size);
    assert_true(cairn_bytes_equal(cairn_bytes_of(out + 4, size + request->body.size - 4), wanted));
}

static void test_requests(void **state)
{
    (void)state;
    cairn_key_request r;
    assert_int_equal(cairn_key_request_decode(FRAME(ping), &r), CAIRN_OK);
    assert_int_equal(r.id, 5);
    assert_int_equal(r.op, CAIRN_KEY_OP_PING);
    check_round(&r, FRAME(ping));
    assert_int_equal(cairn_key_request_decode(FRAME(sign), &r), CAIRN_OK);
    assert_int_equal(r.purposes, CAIRN_SIGNER_FOR_SIGN | CAIRN_SIGNER_FOR_TLS);
    assert_string_equal(r.name, "sign1");
    assert_true(cairn_bytes_equal(r.body, cairn_bytes_str("msg")));
    check_round(&r, FRAME(sign));
    assert_int_equal(cairn_key_request_decode(FRAME(generate), &r), CAIRN_OK);
    assert_int_equal(r.type, CAIRN_KEY_ED25519);
    assert_string_equal(r.name, "a.b");
    check_round(&r, FRAME(generate));
    assert_int_equal(cairn_key_request_decode(FRAME(exists), &r), CAIRN_OK);
    assert_int_equal(r.epoch, 258);
    check_round(&r, FRAME(exists));
}

typedef struct bad_row {
    const char *what;
    cairn_err err;
    size_t size;
    uint8_t bytes[128];
} bad_row;

static void test_bad_requests(void **state)
{
    (void)state;
    static const bad_row rows[] = {
        {"nothing", CAIRN_ERR_TRUNCATED, 0, {0}},
        {"id 0", CAIRN_ERR_BAD_VALUE, 9, {ZERO8, 1}},
        {"operation 0", CAIRN_ERR_BAD_VALUE, 9, {ID, 0}},
        {"operation 11", CAIRN_ERR_BAD_VALUE, 9, {ID, 11}},
        {"ping and a byte", CAIRN_ERR_TRAILING, 10, {ID, 1, 0}},
        {"list and a byte", CAIRN_ERR_TRAILING, 10, {ID, 2, 0}},
        {"open again and a byte", CAIRN_ERR_TRAILING, 10, {ID, 10, 0}},
        {"no purpose", CAIRN_ERR_BAD_VALUE, 15, {ID, 3, 0, 0, 0, 0, 1, 'a'}},
        {"purpose 8", CAIRN_ERR_BAD_VALUE, 15, {ID, 3, 0, 0, 1, 0, 1, 'a'}},
        {"purposes cut", CAIRN_ERR_TRUNCATED, 12, {ID, 3, 0, 0, 0}},
        {"empty name", CAIRN_ERR_BAD_VALUE, 14, {ID, 3, 0, 0, 0, 1, 0}},
        {"name cut", CAIRN_ERR_TRUNCATED, 15, {ID, 3, 0, 0, 0, 1, 2, 'a'}},
        {"long name", CAIRN_ERR_BAD_VALUE, 90, {ID, 3, 0, 0, 0, 1, 65, 'a'}},
        {"name with a slash", CAIRN_ERR_BAD_VALUE, 17, {ID, 3, 0, 0, 0, 1, 3, 'a', '/', 'b'}},
        {"name with a NUL", CAIRN_ERR_BAD_VALUE, 17, {ID, 3, 0, 0, 0, 1, 3, 'a', 0, 'b'}},
        {"name of dots", CAIRN_ERR_BAD_VALUE, 16, {ID, 3, 0, 0, 0, 1, 2, '.', '.'}},
        {"type 3", CAIRN_ERR_BAD_VALUE, 12, {ID, 4, 3, 1, 'a'}},
        {"generate and a byte", CAIRN_ERR_TRAILING, 13, {ID, 4, 0, 1, 'a', 0}},
        {"epoch 0", CAIRN_ERR_BAD_VALUE, 49, {ID, 5, ZERO32, ZERO8}},
        {"epoch cut", CAIRN_ERR_TRUNCATED, 48, {ID, 5, ZERO32, 1}},
        {"create and a byte", CAIRN_ERR_TRAILING, 50, {ID, 5, ZERO32, 1}},
        {"wrap of 31", CAIRN_ERR_TRUNCATED, 80, {ID, 7, ZERO32, 1}},
        {"wrap of 33", CAIRN_ERR_TRAILING, 82, {ID, 7, ZERO32, 1}},
        {"unwrap of 59", CAIRN_ERR_TRUNCATED, 108, {ID, 8, ZERO32, 1}},
        {"unwrap of 61", CAIRN_ERR_TRAILING, 110, {ID, 8, ZERO32, 1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_key_request r = {.id = 77};
        cairn_err err = cairn_key_request_decode(cairn_bytes_of(rows[i].bytes, rows[i].size), &r);
        if (err != rows[i].err)
            fail_msg("%s: %s", rows[i].what, cairn_err_name(err));
        assert_int_equal(r.id, 77);
    }
}

static void test_message_bound(void **state)
{
    (void)state;
    size_t head = 8 + 1 + 4 + 2;
    uint8_t *bytes = calloc(1, head + CAIRN_SIGNER_MESSAGE_SIZE_MAX + 1);
    cairn_key_request r;
    static const uint8_t start[] = {ID, 3, 0, 0, 0, 1, 1, 'a'};
    assert_non_null(bytes);
    memcpy(bytes, start, sizeof start);
    assert_int_equal(
        cairn_key_request_decode(cairn_bytes_of(bytes, head + CAIRN_SIGNER_MESSAGE_SIZE_MAX), &r),
        CAIRN_OK);
    assert_int_equal(r.body.size, CAIRN_SIGNER_MESSAGE_SIZE_MAX);
    assert_int_equal(cairn_key_request_decode(
                         cairn_bytes_of(bytes, head + CAIRN_SIGNER_MESSAGE_SIZE_MAX + 1), &r),
                     CAIRN_ERR_TRAILING);
    free(bytes);
}

static void test_frames(void **state)
{
    (void)state;
    static const uint8_t empty[] = {0, 0, 0, 0};
    static const uint8_t two[] = {0, 0, 0, 2, 1, 2, 9};
    size_t size = 99;
    assert_int_equal(cairn_key_frame_size(cairn_bytes_of(empty, 4), 100, &size),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_key_frame_size(cairn_bytes_of(two, 7), 6, &size), CAIRN_OK);
    assert_int_equal(size, 6);
    assert_int_equal(cairn_key_frame_size(cairn_bytes_of(two, 7), 5, &size), CAIRN_ERR_TOO_LARGE);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(cairn_key_frame_size(cairn_bytes_of(two, i), 6, &size), CAIRN_OK);
        assert_int_equal(size, 0);
    }
}

/* --- replies --- */

static void test_replies(void **state)
{
    (void)state;
    static const uint8_t good[] = {ID, 0, 0, 0, 0, 7, 8};
    static const uint8_t failed[] = {ID, 0, 0, 1, 0xa5, 'n', 'o'}; /* 421 */
    uint8_t head[CAIRN_KEY_REPLY_HEAD_SIZE];
    cairn_key_reply r;
    assert_int_equal(cairn_key_reply_decode(cairn_bytes_of(good, sizeof good), &r), CAIRN_OK);
    assert_int_equal(r.id, 5);
    assert_int_equal(r.err, CAIRN_OK);
    assert_int_equal(r.body.size, 2);
    assert_int_equal(cairn_key_reply_decode(cairn_bytes_of(failed, sizeof failed), &r), CAIRN_OK);
    assert_int_equal(r.err, CAIRN_ERR_NOT_FOUND);
    assert_true(cairn_bytes_equal(r.body, cairn_bytes_str("no")));
    cairn_key_reply_encode(&r, head);
    assert_int_equal(cairn_get_u32(head), sizeof failed);
    assert_memory_equal(head + 4, failed, 12);
}

static void test_bad_replies(void **state)
{
    (void)state;
    static const bad_row rows[] = {
        {"cut", CAIRN_ERR_TRUNCATED, 11, {ID, 0, 0, 0}},
        {"unknown code", CAIRN_ERR_BAD_VALUE, 12, {ID, 0, 0, 0, 1}},
        {"code with a sign", CAIRN_ERR_BAD_VALUE, 12, {ID, 0xff, 0xff, 0xfe, 0x5b}},
        {"escape in the detail", CAIRN_ERR_BAD_VALUE, 13, {ID, 0, 0, 1, 0xa5, 0x1b}},
        {"high byte in the detail", CAIRN_ERR_BAD_VALUE, 13, {ID, 0, 0, 1, 0xa5, 0x80}},
    };
    uint8_t long_detail[12 + CAIRN_KEY_DETAIL_SIZE_MAX + 1] = {ID, 0, 0, 1, 0xa5};
    cairn_key_reply r = {.id = 77};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_err err = cairn_key_reply_decode(cairn_bytes_of(rows[i].bytes, rows[i].size), &r);
        if (err != rows[i].err)
            fail_msg("%s: %s", rows[i].what, cairn_err_name(err));
    }
    memset(long_detail + 12, 'x', CAIRN_KEY_DETAIL_SIZE_MAX + 1);
    assert_int_equal(cairn_key_reply_decode(cairn_bytes_of(long_detail, sizeof long_detail), &r),
                     CAIRN_ERR_TRAILING);
    assert_int_equal(r.id, 77);
}

static void test_greeting(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[4];
        size_t size;
        cairn_err err;
    } rows[] = {
        {{1, 3, 7}, 3, CAIRN_OK},
        {{1, 3}, 2, CAIRN_ERR_TRUNCATED},
        {{1, 3, 7, 0}, 4, CAIRN_ERR_TRAILING},
        {{2, 3, 7}, 3, CAIRN_ERR_BAD_VERSION},
        {{1, 4, 7}, 3, CAIRN_ERR_BAD_VALUE},
    };
    cairn_key_greeting g;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(cairn_key_greeting_decode(cairn_bytes_of(rows[i].bytes, rows[i].size), &g),
                         rows[i].err);
    assert_true(g.memory_locked && g.filtered);
    assert_int_equal(g.landlock, 7);
    uint8_t out[CAIRN_KEY_GREETING_SIZE];
    cairn_key_greeting_encode(&g, out);
    assert_memory_equal(out, rows[0].bytes, 3);
}

/* --- keys --- */

static void test_list(void **state)
{
    (void)state;
    static const cairn_key_type types[] = {CAIRN_KEY_P256, CAIRN_KEY_P384, CAIRN_KEY_ED25519};
    static const char *const names[] = {"a", "b", "c"};
    uint8_t list[3 * (2 + CAIRN_SIGNER_NAME_SIZE_MAX + CAIRN_KEY_PUBLIC_SIZE_MAX)];
    size_t size = 0;
    cairn_key_row row;
    for (size_t i = 0; i < 3; i++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        assert_int_equal(cairn_key_generate(types[i], &key), CAIRN_OK);
        size += cairn_key_row_encode(names[i], key, list + size);
    }
    cairn_bytes rest = cairn_bytes_of(list, size);
    for (size_t i = 0; i < 3; i++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        assert_int_equal(cairn_key_row_decode(&rest, &row), CAIRN_OK);
        assert_string_equal(row.name, names[i]);
        assert_int_equal(row.type, types[i]);
        assert_int_equal(cairn_key_from_public(row.type, row.point, &key), CAIRN_OK);
    }
    assert_int_equal(rest.size, 0);
    for (size_t cut = 1; cut < 2 + 1 + 65; cut++) {
        rest = cairn_bytes_of(list, cut);
        assert_int_equal(cairn_key_row_decode(&rest, &row), CAIRN_ERR_TRUNCATED);
    }
    list[2]++; /* the key's size */
    rest = cairn_bytes_of(list, size);
    assert_int_equal(cairn_key_row_decode(&rest, &row), CAIRN_ERR_TRAILING);
}

static void test_purposes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned purpose;
    } rows[] = {
        {"sign", CAIRN_SIGNER_FOR_SIGN},       {"sign-1", CAIRN_SIGNER_FOR_SIGN},
        {"tls.server", CAIRN_SIGNER_FOR_TLS},  {"cosign_x", CAIRN_SIGNER_FOR_COSIGN},
        {"note-1", CAIRN_SIGNER_FOR_COSIGN},   {"owner-2", CAIRN_SIGNER_FOR_OWNER},
        {"encrypt", CAIRN_SIGNER_FOR_ENCRYPT}, {"validator-1", CAIRN_SIGNER_FOR_VALIDATOR},
        {"issue-ca", CAIRN_SIGNER_FOR_ISSUE},  {"signer-1", CAIRN_SIGNER_FOR_NONE},
        {"Sign-1", CAIRN_SIGNER_FOR_NONE},     {"sig", CAIRN_SIGNER_FOR_NONE},
        {"key-sign", CAIRN_SIGNER_FOR_NONE},   {"_sign", CAIRN_SIGNER_FOR_NONE},
        {"sign1", CAIRN_SIGNER_FOR_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(cairn_signer_purpose_of(rows[i].name), rows[i].purpose);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),      cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_message_bound), cmocka_unit_test(test_frames),
        cmocka_unit_test(test_replies),       cmocka_unit_test(test_bad_replies),
        cmocka_unit_test(test_greeting),      cmocka_unit_test(test_list),
        cmocka_unit_test(test_purposes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
