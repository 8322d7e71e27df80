/* Messages of DI, TO0, TO1, TO2 and 255, against bytes written out by hand from the specification's
 * CDDL; what is malformed, by the error that names it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "onboard/wire/di.h"
#include "onboard/wire/fdo_error.h"
#include "onboard/wire/to2.h"
#include "support/hex.h"

#define NONCE "000102030405060708090a0b0c0d0e0f"
#define GUID "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
#define HASH32 "1111111111111111111111111111111111111111111111111111111111111111"
#define HASH48 HASH32 "11111111111111111111111111111111"

static cairn_arena arena;
static cairn_fdo_nonce nonce;
static cairn_fdo_guid guid;

static int set_up(void **state)
{
    (void)state;
    cairn_arena_init(&arena, 1 << 20);
    for (uint8_t i = 0; i < 16; i++) {
        nonce.b[i] = i;
        guid.b[i] = (uint8_t)(0xa0 + i);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_arena_done(&arena);
    return 0;
}

static void check_bytes(cairn_err err, cairn_bytes got, const char *want)
{
    char *digits = NULL;
    void *memory = NULL;
    assert_int_equal(err, CAIRN_OK);
    assert_int_equal(cairn_arena_alloc(&arena, 2 * got.size + 1, &memory), CAIRN_OK);
    digits = memory;
    cairn_hex_encode(got, digits);
    assert_string_equal(digits, want);
}

/* One reader of a body each, its results thrown away. */
static cairn_err read_app_start(cairn_bytes body)
{
    cairn_fdo_app_start start;
    return cairn_fdo_app_start_read(body, &start);
}
static cairn_err read_set_hmac(cairn_bytes body)
{
    cairn_fdo_hash hmac;
    cairn_bytes encoded;
    return cairn_fdo_set_hmac_read(body, &hmac, &encoded);
}
static cairn_err read_empty(cairn_bytes body)
{
    return cairn_fdo_empty_read(body, "done");
}
static cairn_err read_hello_ack(cairn_bytes body)
{
    cairn_fdo_nonce n;
    return cairn_fdo_hello_ack_read(body, &n);
}
static cairn_err read_owner_sign(cairn_bytes body)
{
    cairn_fdo_owner_sign sign;
    return cairn_fdo_owner_sign_read(body, &sign);
}
static cairn_err read_accept(cairn_bytes body)
{
    uint32_t wait_s = 0;
    return cairn_fdo_accept_owner_read(body, &wait_s);
}
static cairn_err read_hello_rv(cairn_bytes body)
{
    cairn_fdo_guid g;
    cairn_alg alg;
    return cairn_fdo_hello_rv_read(body, &g, &alg);
}
static cairn_err read_eat(cairn_bytes body)
{
    cairn_fdo_eat eat;
    return cairn_fdo_eat_read(body, &eat);
}
static cairn_err read_hello_device(cairn_bytes body)
{
    cairn_fdo_hello_device hello;
    return cairn_fdo_hello_device_read(body, &hello);
}
static cairn_err read_get_entry(cairn_bytes body)
{
    int64_t index = 0;
    return cairn_fdo_get_entry_read(body, &index);
}
static cairn_err read_device_ready(cairn_bytes body)
{
    bool has = false;
    cairn_fdo_hash hmac;
    cairn_bytes encoded;
    uint16_t size = 0;
    return cairn_fdo_device_ready_read(body, &has, &hmac, &encoded, &size);
}
static cairn_err read_owner_ready(cairn_bytes body)
{
    uint16_t size = 0;
    return cairn_fdo_owner_ready_read(body, &size);
}
static cairn_err read_device_info(cairn_bytes body)
{
    cairn_fdo_info_list list;
    return cairn_fdo_device_info_read(&arena, body, &list);
}
static cairn_err read_owner_info(cairn_bytes body)
{
    cairn_fdo_info_list list;
    return cairn_fdo_owner_info_read(&arena, body, &list);
}
static cairn_err read_error(cairn_bytes body)
{
    cairn_fdo_error error;
    return cairn_fdo_error_read(body, &error);
}

/* A Sign1 with protected {1: -7}, no unprotected label, and this payload of less than 256 bytes. */
#define SIGN1(unprotected, size, payload) "d28443a10126" unprotected "58" size payload "40"

typedef struct refusal {
    cairn_err (*read)(cairn_bytes body);
    const char *body;
    cairn_err want;
} refusal;

static const refusal refusals[] = {
    {read_app_start, "81f6", CAIRN_ERR_NOT_IMPLEMENTED},
    {read_app_start, "80", CAIRN_ERR_BAD_VALUE},
    {read_app_start, "8140", CAIRN_ERR_BAD_VALUE},
    {read_app_start, "8148850a0160604101ff", CAIRN_ERR_TRAILING},
    {read_app_start,
     "8147850501606041"
     "01",
     CAIRN_ERR_BAD_ALGORITHM}, /* RSA */
    {read_app_start,
     "8147850a04606041"
     "01",
     CAIRN_ERR_BAD_VALUE},                                     /* no such encoding */
    {read_app_start, "8146850a01606040", CAIRN_ERR_BAD_VALUE}, /* no CSR */
    {read_app_start, "8148850a0161ff604101", CAIRN_ERR_BAD_TEXT},
    {read_app_start, "9f47850a0160604101ff", CAIRN_ERR_BAD_VALUE}, /* indefinite */
    {read_set_hmac, "8182055820" HASH32 "00", CAIRN_ERR_TRAILING},
    {read_set_hmac, "81822f5820" HASH32, CAIRN_ERR_BAD_ALGORITHM}, /* a hash */
    {read_set_hmac, "8182065820" HASH32, CAIRN_ERR_BAD_VALUE},     /* HMAC-384 of 32 */
    {read_set_hmac, "81820540", CAIRN_ERR_BAD_VALUE},
    {read_set_hmac, "81f6", CAIRN_ERR_WRONG_TYPE},
    {read_empty, "8100", CAIRN_ERR_BAD_VALUE},
    {read_empty, "", CAIRN_ERR_TRUNCATED},
    {read_empty, "a0", CAIRN_ERR_WRONG_TYPE},
    {read_hello_ack, "814f000102030405060708090a0b0c0d0e", CAIRN_ERR_BAD_VALUE}, /* 15 bytes */
    {read_hello_ack, "8160", CAIRN_ERR_WRONG_TYPE},
    {read_owner_sign, "824100d280", CAIRN_ERR_WRONG_TYPE},
    {read_owner_sign,
     "8154838000"
     "50" NONCE,
     CAIRN_ERR_BAD_VALUE}, /* no to1d */
    {read_owner_sign, "825819831bffffffffffffffff1a000000005000", CAIRN_ERR_TRUNCATED},
    {read_owner_sign, "82581c83801b000000010000000050" NONCE "80", CAIRN_ERR_BAD_VALUE},
    {read_accept, "811b0000000100000000", CAIRN_ERR_BAD_VALUE},
    {read_accept, "8120", CAIRN_ERR_WRONG_TYPE},
    {read_hello_rv, "8250" GUID "82185a40", CAIRN_ERR_BAD_ALGORITHM}, /* [X1353-R43] EPID */
    {read_hello_rv, "8250" GUID "82185b40", CAIRN_ERR_BAD_ALGORITHM},
    {read_hello_rv, "8250" GUID "8239010040", CAIRN_ERR_BAD_ALGORITHM}, /* RS256 */
    {read_hello_rv, "8250" GUID "8126", CAIRN_ERR_BAD_VALUE},
    {read_hello_rv, "824f000102030405060708090a0b0c0d0e822640", CAIRN_ERR_BAD_VALUE},
    {read_eat, SIGN1("a0", "01", "a0"), CAIRN_ERR_MISSING_FIELD},
    {read_eat, SIGN1("a0", "13", "a10a50" NONCE), CAIRN_ERR_MISSING_FIELD},
    {read_eat, SIGN1("a0", "28", "a20a50" NONCE "1901005102" GUID), CAIRN_ERR_BAD_VALUE},
    {read_eat, SIGN1("a0", "27", "a20a50" NONCE "19010050" GUID), CAIRN_ERR_BAD_VALUE},
    {read_eat, SIGN1("a0", "25", "a20a50" NONCE "0a50" GUID), CAIRN_ERR_DUPLICATE_KEY},
    {read_eat, SIGN1("a139010240", "28", "a20a50" NONCE "1901005101" GUID), CAIRN_ERR_BAD_VALUE},
    {read_eat,
     SIGN1("a0", "2d",
           "a30a50" NONCE "1901005101" GUID "39010081"
           "00"),
     CAIRN_ERR_WRONG_TYPE},
    {read_eat, "d28443a10126a0f640", CAIRN_ERR_MISSING_FIELD},
    {read_eat, "d18443a10126a041a040", CAIRN_ERR_BAD_VALUE}, /* a Mac0 */
    {read_hello_device,
     "8619ffff50" GUID "50" NONCE "674543444832353518"
     "18"
     "822640",
     CAIRN_ERR_BAD_ALGORITHM},
    {read_hello_device, "8619ffff50" GUID "50" NONCE "674543444832353601822640", CAIRN_OK},
    {read_hello_device, "8619ffff50" GUID "50" NONCE "6745434448323536181e822640",
     CAIRN_ERR_BAD_ALGORITHM}, /* [X1353-R28] AES-CCM */
    {read_hello_device, "8619ffff50" GUID "50" NONCE "67454344483235363a010f00fe822640",
     CAIRN_ERR_BAD_ALGORITHM}, /* [X1353-R43] encrypt-then-MAC */
    {read_hello_device, "861a0001000050" GUID "50" NONCE "674543444832353601822640",
     CAIRN_ERR_BAD_VALUE},
    {read_get_entry,
     "8161"
     "30",
     CAIRN_ERR_WRONG_TYPE},
    {read_get_entry, "81f90000", CAIRN_ERR_WRONG_TYPE},
    {read_get_entry,
     "82"
     "0000",
     CAIRN_ERR_BAD_VALUE},
    {read_device_ready, "82f600", CAIRN_ERR_BAD_VALUE}, /* takes nothing */
    {read_device_ready, "82f61a00010000", CAIRN_ERR_BAD_VALUE},
    {read_device_ready, "82f660", CAIRN_ERR_WRONG_TYPE},
    {read_device_ready, "8240f6", CAIRN_ERR_WRONG_TYPE},
    {read_owner_ready, "8100", CAIRN_ERR_BAD_VALUE},
    {read_owner_ready, "8120", CAIRN_ERR_WRONG_TYPE},
    {read_device_info,
     "8200"
     "80",
     CAIRN_ERR_WRONG_TYPE},
    {read_device_info, "82f481820040", CAIRN_ERR_WRONG_TYPE},
    {read_device_info, "82f481826040", CAIRN_ERR_BAD_VALUE}, /* no key */
    {read_device_info,
     "82f4818161"
     "61",
     CAIRN_ERR_BAD_VALUE},
    {read_device_info, "82f4f6", CAIRN_ERR_WRONG_TYPE},
    {read_owner_info, "82f480", CAIRN_ERR_BAD_VALUE},
    {read_owner_info,
     "83f4f481826161"
     "6161",
     CAIRN_ERR_WRONG_TYPE},
    {read_owner_info, "83f4f49b000000010000000000", CAIRN_ERR_TOO_MANY},
    {read_error,
     "84186400"
     "6000",
     CAIRN_ERR_BAD_VALUE},
    {read_error, "851a00010000006000f6", CAIRN_ERR_BAD_VALUE},
    {read_error,
     "85186419010060"
     "00f6",
     CAIRN_ERR_BAD_VALUE},
    {read_error,
     "8518640a6000"
     "60",
     CAIRN_ERR_WRONG_TYPE},
};

static void test_refusals_name_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        TEST_HEX(body, refusals[i].body);
        cairn_err err = refusals[i].read(test_view(&body));
        if (err != refusals[i].want)
            fail_msg("refusal %zu: %s: %s, not %s: %s", i, refusals[i].body, cairn_err_name(err),
                     cairn_err_name(refusals[i].want), cairn_err_detail());
    }
}

/* [X1353-R39] */
static void test_bodies_are_bounded(void **state)
{
    static uint8_t large[CAIRN_FDO_MESSAGE_SIZE_MAX + 1] = {0x81, 0x59, 0xff, 0xfc};
    cairn_bytes header = {0};
    (void)state;
    assert_int_equal(cairn_fdo_set_credentials_read(cairn_bytes_of(large, sizeof large), &header),
                     CAIRN_ERR_TOO_LARGE);
    large[3] = 0xfb; /* 4 + 65,531 bytes */
    assert_int_equal(
        cairn_fdo_set_credentials_read(cairn_bytes_of(large, CAIRN_FDO_MESSAGE_SIZE_MAX), &header),
        CAIRN_OK);
    assert_int_equal(header.size, 0xfffb);
    assert_int_equal(read_eat(cairn_bytes_of(large, sizeof large)), CAIRN_ERR_TOO_LARGE);
}

static void test_every_cut_is_refused(void **state)
{
    static const refusal whole[] = {
        {read_app_start, "8147850a0160604101", CAIRN_OK},
        {read_set_hmac, "8182055820" HASH32, CAIRN_OK},
        {read_owner_sign, "82581583800050" NONCE "f6f680", CAIRN_OK},
        {read_hello_rv, "8250" GUID "822640", CAIRN_OK},
        {read_eat, SIGN1("a0", "28", "a20a50" NONCE "1901005101" GUID), CAIRN_OK},
        {read_hello_device, "8619ffff50" GUID "50" NONCE "674543444832353601822640", CAIRN_OK},
        {read_device_ready, "8282055820" HASH32 "190514", CAIRN_OK},
        {read_owner_info, "83f4f58182636d3a6b41f5", CAIRN_OK},
        {read_error, "8518640a6000f6", CAIRN_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        size_t size = strlen(whole[i].body) / 2;
        for (size_t cut = 0; cut < size; cut++) {
            char hex[512];
            snprintf(hex, sizeof hex, "%.*s", (int)(2 * cut), whole[i].body);
            TEST_HEX(body, hex);
            assert_int_not_equal(whole[i].read(test_view(&body)), CAIRN_OK);
        }
    }
}

static void test_device_initialisation(void **state)
{
    const cairn_fdo_app_start start = {.key_type = CAIRN_FDO_KEY_P256,
                                       .key_encoding = CAIRN_FDO_KEY_X509,
                                       .serial = cairn_bytes_str("1"),
                                       .model = cairn_bytes_str("m"),
                                       .csr = cairn_bytes_of("\x30\x00", 2)};
    cairn_fdo_app_start again;
    cairn_fdo_hash hmac = {.alg = CAIRN_FDO_HMAC384, .size = 48};
    cairn_fdo_hash read;
    cairn_bytes body = {0};
    cairn_bytes encoded = {0};
    (void)state;
    check_bytes(cairn_fdo_app_start_encode(&arena, &start, &body), body,
                "814a850a016131616d423000");
    assert_int_equal(cairn_fdo_app_start_read(body, &again), CAIRN_OK);
    assert_int_equal(again.key_type, 10);
    assert_int_equal(again.key_encoding, 1);
    assert_true(cairn_bytes_equal(again.serial, start.serial));
    assert_true(cairn_bytes_equal(again.model, start.model));
    assert_true(cairn_bytes_equal(again.csr, start.csr));

    check_bytes(cairn_fdo_set_credentials_encode(&arena, start.csr, &body), body, "81423000");
    assert_int_equal(cairn_fdo_set_credentials_read(body, &encoded), CAIRN_OK);
    assert_true(cairn_bytes_equal(encoded, start.csr));

    memset(hmac.b, 0x11, sizeof hmac.b);
    check_bytes(cairn_fdo_set_hmac_encode(&arena, &hmac, &body), body, "8182065830" HASH48);
    assert_int_equal(cairn_fdo_set_hmac_read(body, &read, &encoded), CAIRN_OK);
    assert_true(cairn_fdo_hash_equal(&read, &hmac));
    assert_true(encoded.data == body.data + 1 && encoded.size == body.size - 1);
    check_bytes(cairn_fdo_empty_encode(&arena, &body), body, "80");
    assert_int_equal(read_empty(body), CAIRN_OK);
}

static void test_to0(void **state)
{
    cairn_bytes to0d = {0};
    cairn_bytes body = {0};
    cairn_fdo_owner_sign sign;
    cairn_fdo_nonce read;
    uint32_t wait_s = 0;
    (void)state;
    check_bytes(cairn_fdo_hello_ack_encode(&arena, &nonce, &body), body, "8150" NONCE);
    assert_int_equal(cairn_fdo_hello_ack_read(body, &read), CAIRN_OK);
    assert_memory_equal(read.b, nonce.b, 16);
    check_bytes(
        cairn_fdo_to0d_encode(&arena, cairn_bytes_of("\x82\x01\x02", 3), 3600, &nonce, &to0d), to0d,
        "83820102190e1050" NONCE);
    check_bytes(cairn_fdo_owner_sign_encode(&arena, to0d, cairn_bytes_of("\xd2\x80", 2), &body),
                body, "82581883820102190e1050" NONCE "d280");
    assert_int_equal(cairn_fdo_owner_sign_read(body, &sign), CAIRN_OK);
    assert_true(cairn_bytes_equal(sign.to0d, to0d));
    assert_true(cairn_bytes_equal(sign.voucher, cairn_bytes_of("\x82\x01\x02", 3)));
    assert_true(cairn_bytes_equal(sign.to1d, cairn_bytes_of("\xd2\x80", 2)));
    assert_int_equal(sign.wait_s, 3600);
    assert_memory_equal(sign.nonce.b, nonce.b, 16);
    check_bytes(cairn_fdo_accept_owner_encode(&arena, UINT32_MAX, &body), body, "811affffffff");
    assert_int_equal(cairn_fdo_accept_owner_read(body, &wait_s), CAIRN_OK);
    assert_int_equal(wait_s, UINT32_MAX);
}

static void test_to1(void **state)
{
    cairn_bytes body = {0};
    cairn_fdo_guid g;
    cairn_fdo_nonce n;
    cairn_alg alg = CAIRN_ALG_EDDSA;
    (void)state;
    check_bytes(cairn_fdo_hello_rv_encode(&arena, &guid, CAIRN_ALG_ES256, &body), body,
                "8250" GUID "822640");
    assert_int_equal(body.size, 21); /* as measured from peers */
    assert_int_equal(cairn_fdo_hello_rv_read(body, &g, &alg), CAIRN_OK);
    assert_memory_equal(g.b, guid.b, 16);
    assert_int_equal(alg, CAIRN_ALG_ES256);
    check_bytes(cairn_fdo_hello_rv_ack_encode(&arena, &nonce, CAIRN_ALG_ES384, &body), body,
                "8250" NONCE "82382240");
    assert_int_equal(cairn_fdo_hello_rv_ack_read(body, &n, &alg), CAIRN_OK);
    assert_memory_equal(n.b, nonce.b, 16);
    assert_int_equal(alg, CAIRN_ALG_ES384);
}

static void test_token(void **state)
{
    static const uint8_t signature[64] = {1};
    cairn_fdo_unsigned u;
    cairn_fdo_eat eat;
    cairn_bytes message = {0};
    (void)state;
    assert_int_equal(
        cairn_fdo_eat_begin(&arena, CAIRN_ALG_ES256, &nonce, &guid, (cairn_bytes){0}, NULL, &u),
        CAIRN_OK);
    check_bytes(CAIRN_OK, u.payload, "a20a50" NONCE "1901005101" GUID);
    check_bytes(CAIRN_OK, u.unprotected_raw, "a0");
    assert_int_equal(cairn_fdo_sign_end(&arena, &u, cairn_bytes_of(signature, 64), &message),
                     CAIRN_OK);
    assert_int_equal(message.size, 115); /* as measured from peers */
    assert_int_equal(cairn_fdo_eat_read(message, &eat), CAIRN_OK);
    assert_false(eat.has_kex || eat.has_setup);

    assert_int_equal(cairn_fdo_eat_begin(&arena, CAIRN_ALG_ES256, &nonce, &guid,
                                         cairn_bytes_str("xB"), &nonce, &u),
                     CAIRN_OK);
    check_bytes(CAIRN_OK, u.payload, "a30a50" NONCE "1901005101" GUID "39010081427842");
    check_bytes(CAIRN_OK, u.unprotected_raw, "a139010250" NONCE);
    assert_int_equal(cairn_fdo_sign_end(&arena, &u, cairn_bytes_of(signature, 64), &message),
                     CAIRN_OK);
    assert_int_equal(cairn_fdo_eat_read(message, &eat), CAIRN_OK);
    assert_true(eat.has_kex && eat.has_setup);
    assert_true(cairn_bytes_equal(eat.kex, cairn_bytes_str("xB")));
    assert_memory_equal(eat.nonce.b, nonce.b, 16);
    assert_memory_equal(eat.setup.b, nonce.b, 16);
    assert_memory_equal(eat.guid.b, guid.b, 16);
}

/* The C client's order, and a claim that nobody asked for, under a text. */
static void test_token_in_any_order(void **state)
{
    cairn_fdo_eat eat;
    TEST_HEX(body, SIGN1("a0", "32", "a41901005101" GUID "0a50" NONCE "61780039010081427842"));
    (void)state;
    assert_int_equal(cairn_fdo_eat_read(test_view(&body), &eat), CAIRN_OK);
    assert_memory_equal(eat.guid.b, guid.b, 16);
    assert_true(cairn_bytes_equal(eat.kex, cairn_bytes_str("xB")));
}

static void test_hello_device(void **state)
{
    const cairn_fdo_hello_device hello = {.max_message = 65535,
                                          .guid = guid,
                                          .nonce = nonce,
                                          .kex = CAIRN_FDO_ECDH384,
                                          .cipher = CAIRN_FDO_A256GCM,
                                          .alg = CAIRN_ALG_ES384};
    cairn_fdo_hello_device again;
    cairn_bytes body = {0};
    (void)state;
    check_bytes(cairn_fdo_hello_device_encode(&arena, &hello, &body), body,
                "8619ffff50" GUID "50" NONCE "67454344483338340382382240");
    assert_int_equal(cairn_fdo_hello_device_read(body, &again), CAIRN_OK);
    assert_memory_equal(&again, &hello, sizeof hello);
}

static cairn_bytes finish(const cairn_fdo_unsigned *u, const cairn_key *key)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message = {0};
    assert_int_equal(cairn_key_sign(key, u->to_sign, signature, &size), CAIRN_OK);
    assert_int_equal(cairn_fdo_sign_end(&arena, u, cairn_bytes_of(signature, size), &message),
                     CAIRN_OK);
    return message;
}

static void test_prove_header(void **state)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(cairn_fdo_prove_header_done) cairn_fdo_prove_header again = {0};
    cairn_fdo_prove_header prove = {.header = cairn_bytes_str("header"),
                                    .entry_count = 255,
                                    .nonce = nonce,
                                    .alg = CAIRN_ALG_ES256,
                                    .kex = cairn_bytes_str("xA"),
                                    .hello_hash = {.alg = CAIRN_FDO_SHA256, .size = 32},
                                    .max_message = 1500,
                                    .prove_nonce = nonce};
    cairn_fdo_unsigned u;
    TEST_HEX(hmac, "82055820" HASH32);
    (void)state;
    memset(prove.hello_hash.b, 0x11, 32);
    prove.hmac_encoded = test_view(&hmac);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &key), CAIRN_OK);
    assert_int_equal(cairn_fdo_key_of(key, CAIRN_FDO_KEY_X509, &prove.owner), CAIRN_OK);
    assert_int_equal(cairn_fdo_prove_header_begin(&arena, &prove, &u), CAIRN_OK);
    check_bytes(CAIRN_OK, u.payload,
                "884668656164657218ff82055820" HASH32 "50" NONCE "822640427841822f5820" HASH32
                "1905dc");
    cairn_bytes message = finish(&u, key);
    assert_int_equal(cairn_fdo_prove_header_read(message, &again), CAIRN_OK);
    assert_int_equal(again.entry_count, 255);
    assert_true(cairn_bytes_equal(again.header, prove.header));
    assert_true(cairn_bytes_equal(again.hmac_encoded, prove.hmac_encoded));
    assert_true(cairn_bytes_equal(again.kex, prove.kex));
    assert_true(cairn_fdo_hash_equal(&again.hello_hash, &prove.hello_hash));
    assert_memory_equal(again.nonce.b, nonce.b, 16);
    assert_memory_equal(again.prove_nonce.b, nonce.b, 16);
    assert_int_equal(again.max_message, 1500);
    assert_true(cairn_fdo_key_equal(again.owner, prove.owner));
    assert_int_equal(cairn_fdo_key_verify(&arena, &again.message, again.owner), CAIRN_OK);
    cairn_fdo_prove_header_done(&prove);
}

static void test_prove_header_without_its_labels(void **state)
{
    cairn_fdo_prove_header prove;
    TEST_HEX(no_key, "d28443a10126a119010050" NONCE "586c884668656164657218ff82055820" HASH32
                     "50" NONCE "822640427841822f5820" HASH32 "1905dc40");
    TEST_HEX(nothing, "d28443a10126a0586c884668656164657218ff82055820" HASH32 "50" NONCE
                      "822640427841822f5820" HASH32 "1905dc40");
    (void)state;
    assert_int_equal(cairn_fdo_prove_header_read(test_view(&no_key), &prove),
                     CAIRN_ERR_MISSING_FIELD);
    assert_non_null(strstr(cairn_err_detail(), "owner"));
    assert_int_equal(cairn_fdo_prove_header_read(test_view(&nothing), &prove),
                     CAIRN_ERR_MISSING_FIELD);
    assert_non_null(strstr(cairn_err_detail(), "prove_nonce"));
}

static void test_entries(void **state)
{
    cairn_bytes body = {0};
    cairn_bytes entry = {0};
    int64_t index = 0;
    (void)state;
    check_bytes(cairn_fdo_get_entry_encode(&arena, 254, &body), body, "8118fe");
    assert_int_equal(cairn_fdo_get_entry_read(body, &index), CAIRN_OK);
    assert_int_equal(index, 254);
    TEST_HEX(negative, "8120"); /* [X1353-R47]: read as what it is */
    assert_int_equal(cairn_fdo_get_entry_read(test_view(&negative), &index), CAIRN_OK);
    assert_int_equal(index, -1);
    check_bytes(cairn_fdo_next_entry_encode(&arena, 3, cairn_bytes_of("\xd2\x80", 2), &body), body,
                "8203d280");
    assert_int_equal(cairn_fdo_next_entry_read(body, &index, &entry), CAIRN_OK);
    assert_int_equal(index, 3);
    assert_true(cairn_bytes_equal(entry, cairn_bytes_of("\xd2\x80", 2)));
}

static void test_setup(void **state)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(cairn_fdo_setup_done) cairn_fdo_setup again = {0};
    cairn_fdo_setup setup = {.guid = guid, .nonce = nonce};
    cairn_fdo_unsigned u;
    (void)state;
    setup.rv_info.count = 1;
    setup.rv_info.directives[0] = (cairn_fdo_directive){.dns = cairn_bytes_str("rv")};
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P384, &key), CAIRN_OK);
    assert_int_equal(cairn_fdo_key_of(key, CAIRN_FDO_KEY_COSE, &setup.owner), CAIRN_OK);
    assert_int_equal(cairn_fdo_setup_begin(&arena, &setup, CAIRN_ALG_ES384, &u), CAIRN_OK);
    check_bytes(CAIRN_OK, u.unprotected_raw, "a0");
    assert_int_equal(cairn_fdo_setup_read(finish(&u, key), &again), CAIRN_OK);
    assert_int_equal(again.rv_info.count, 1);
    assert_true(cairn_bytes_equal(again.rv_info.directives[0].dns, cairn_bytes_str("rv")));
    assert_memory_equal(again.guid.b, guid.b, 16);
    assert_memory_equal(again.nonce.b, nonce.b, 16);
    assert_true(cairn_fdo_key_equal(again.owner, setup.owner));
    assert_int_equal(cairn_fdo_key_verify(&arena, &again.message, again.owner), CAIRN_OK);
    cairn_fdo_setup_done(&setup);
}

static void test_ready(void **state)
{
    cairn_fdo_hash hmac = {.alg = CAIRN_FDO_HMAC256, .size = 32};
    cairn_fdo_hash again;
    cairn_bytes body = {0};
    cairn_bytes encoded = {0};
    bool has = false;
    uint16_t size = 7;
    (void)state;
    memset(hmac.b, 0x11, 32);
    check_bytes(cairn_fdo_device_ready_encode(&arena, &hmac, 1300, &body), body,
                "8282055820" HASH32 "190514");
    assert_int_equal(cairn_fdo_device_ready_read(body, &has, &again, &encoded, &size), CAIRN_OK);
    assert_true(has && cairn_fdo_hash_equal(&hmac, &again));
    assert_true(encoded.data == body.data + 1 && encoded.size == body.size - 4);
    assert_int_equal(size, 1300);
    check_bytes(cairn_fdo_device_ready_encode(&arena, NULL, 0, &body), body, "82f6f6");
    assert_int_equal(cairn_fdo_device_ready_read(body, &has, &again, &encoded, &size), CAIRN_OK);
    assert_true(!has && encoded.size == 0 && size == 0);
    check_bytes(cairn_fdo_owner_ready_encode(&arena, 0, &body), body, "81f6");
    assert_int_equal(cairn_fdo_owner_ready_read(body, &size), CAIRN_OK);
    assert_int_equal(size, 0);
    check_bytes(cairn_fdo_owner_ready_encode(&arena, 65535, &body), body, "8119ffff");
    assert_int_equal(cairn_fdo_owner_ready_read(body, &size), CAIRN_OK);
    assert_int_equal(size, 65535);
}

static void test_service_info(void **state)
{
    cairn_fdo_info pairs[CAIRN_FDO_INFO_MAX + 1];
    cairn_fdo_info_list list = {.more = true, .done = true, .count = 1, .pairs = pairs};
    cairn_fdo_info_list again;
    cairn_bytes body = {0};
    (void)state;
    for (size_t i = 0; i < CAIRN_FDO_INFO_MAX + 1; i++)
        pairs[i] = (cairn_fdo_info){cairn_bytes_str("m:k"), cairn_bytes_of("\xf5", 1)};
    check_bytes(cairn_fdo_device_info_encode(&arena, &list, &body), body, "82f58182636d3a6b41f5");
    assert_int_equal(cairn_fdo_info_size(pairs), 7);
    check_bytes(cairn_fdo_owner_info_encode(&arena, &list, &body), body, "83f5f58182636d3a6b41f5");
    assert_int_equal(cairn_fdo_owner_info_read(&arena, body, &again), CAIRN_OK);
    assert_true(again.more && again.done && again.count == 1);
    assert_true(cairn_bytes_equal(again.pairs[0].key, pairs[0].key));
    assert_true(cairn_bytes_equal(again.pairs[0].value, pairs[0].value));
    list.count = CAIRN_FDO_INFO_MAX;
    assert_int_equal(cairn_fdo_device_info_encode(&arena, &list, &body), CAIRN_OK);
    assert_true(body.size <= CAIRN_FDO_INFO_OVERHEAD + list.count * cairn_fdo_info_size(pairs));
    assert_int_equal(cairn_fdo_device_info_read(&arena, body, &again), CAIRN_OK);
    assert_int_equal(again.count, CAIRN_FDO_INFO_MAX);
    list.count = CAIRN_FDO_INFO_MAX + 1; /* [X1353-R39] */
    assert_int_equal(cairn_fdo_device_info_encode(&arena, &list, &body), CAIRN_OK);
    assert_int_equal(cairn_fdo_device_info_read(&arena, body, &again), CAIRN_ERR_TOO_MANY);
}

static void test_error(void **state)
{
    cairn_fdo_error error = {.code = CAIRN_FDO_INVALID_MESSAGE_ERROR,
                             .previous = 60,
                             .text = cairn_bytes_str("no"),
                             .time_s = 1000,
                             .has_correlation = true,
                             .correlation = UINT64_MAX};
    cairn_fdo_error again;
    cairn_bytes body = {0};
    (void)state;
    check_bytes(cairn_fdo_error_encode(&arena, &error, &body), body,
                "851865183c626e6f1903e81bffffffffffffffff");
    assert_int_equal(cairn_fdo_error_read(body, &again), CAIRN_OK);
    assert_int_equal(again.code, 101);
    assert_int_equal(again.previous, 60);
    assert_int_equal(again.time_s, 1000);
    assert_true(again.has_correlation && again.correlation == UINT64_MAX);
    assert_true(cairn_bytes_equal(again.text, error.text));
    TEST_HEX(nulls, "851864183c60f6f6"); /* as others write it */
    assert_int_equal(cairn_fdo_error_read(test_view(&nulls), &again), CAIRN_OK);
    assert_true(!again.has_correlation && again.time_s == 0);
}

static void test_error_text_is_cut_between_characters(void **state)
{
    uint8_t text[258];
    cairn_fdo_error error = {.text = cairn_bytes_of(text, sizeof text)};
    cairn_fdo_error again;
    cairn_bytes body = {0};
    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text + 254, "\xe2\x82\xac", 3); /* the euro sign across the limit */
    assert_int_equal(cairn_fdo_error_encode(&arena, &error, &body), CAIRN_OK);
    assert_int_equal(cairn_fdo_error_read(body, &again), CAIRN_OK);
    assert_int_equal(again.text.size, 254);
}

/* [X1353-R42] */
static void test_codes(void **state)
{
    (void)state;
    assert_int_equal(cairn_fdo_code_of(CAIRN_ERR_TRUNCATED, CAIRN_FDO_TO2_HELLO_DEVICE), 100);
    assert_int_equal(cairn_fdo_code_of(CAIRN_ERR_BAD_MAC, CAIRN_FDO_TO2_SETUP_DEVICE), 100);
    assert_int_equal(cairn_fdo_code_of(CAIRN_ERR_BAD_SIGNATURE, CAIRN_FDO_TO2_PROVE_OV_HDR), 101);
    assert_int_equal(cairn_fdo_code_of(CAIRN_ERR_MISMATCH, CAIRN_FDO_TO2_DONE2), 101);
    assert_int_equal(cairn_fdo_code_of(CAIRN_ERR_BAD_SIGNATURE, CAIRN_FDO_TO0_OWNER_SIGN), 3);
    assert_int_equal(cairn_fdo_code_of(CAIRN_ERR_MISMATCH, CAIRN_FDO_TO2_OV_NEXT_ENTRY), 2);
    assert_int_equal(cairn_fdo_code_of(CAIRN_ERR_NOT_FOUND, CAIRN_FDO_TO1_HELLO_RV), 6);
    assert_int_equal(cairn_fdo_code_of(CAIRN_ERR_NO_MEMORY, CAIRN_FDO_TO2_DONE), 500);
    assert_int_equal(cairn_fdo_code_of(CAIRN_ERR_EXISTS, CAIRN_FDO_TO2_SETUP_DEVICE), 102);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_name_what_is_wrong),
        cmocka_unit_test(test_bodies_are_bounded),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_device_initialisation),
        cmocka_unit_test(test_to0),
        cmocka_unit_test(test_to1),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_token_in_any_order),
        cmocka_unit_test(test_hello_device),
        cmocka_unit_test(test_prove_header),
        cmocka_unit_test(test_prove_header_without_its_labels),
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_setup),
        cmocka_unit_test(test_ready),
        cmocka_unit_test(test_service_info),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_error_text_is_cut_between_characters),
        cmocka_unit_test(test_codes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
