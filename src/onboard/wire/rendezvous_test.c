/* RendezvousInfo and to1d: an independent implementation's, our own, and what is refused. */
#include "onboard/wire/rendezvous.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/fdo_vectors.h"
#include "support/hex.h"

static cairn_err read_info(cairn_bytes in, cairn_fdo_rv_info *ret_info)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_cbor_open(&reader, in, CAIRN_CBOR_FOREIGN, "test", "test"));
    CAIRN_TRY(cairn_fdo_rv_info_read(&reader, "rv_info", ret_info));
    return cairn_cbor_end(&reader);
}

static void test_info_vector(void **state)
{
    (void)state;
    TEST_HEX(in, FDO_RV_INFO);
    cairn_fdo_rv_info info = {0};
    assert_int_equal(read_info(test_view(&in), &info), CAIRN_OK);
    assert_int_equal(info.count, 3);
    const cairn_fdo_directive *d = info.directives;
    assert_int_equal(d[0].ip.size, 4);
    assert_int_equal(d[0].device_port, 8041);
    assert_int_equal(d[0].owner_port, 8042);
    assert_true(cairn_bytes_equal(d[0].dns, cairn_bytes_str("rv.example")));
    assert_int_equal(d[0].protocol, CAIRN_FDO_RV_HTTPS);
    assert_int_equal(d[0].delay_s, 90);
    assert_true(d[1].device_only && d[1].bypass && d[1].has_server_cert_hash);
    assert_false(d[1].owner_only || d[0].bypass || d[1].has_protocol);
    assert_true(d[2].has_external);
    assert_true(cairn_bytes_equal(info.encoded, test_view(&in)));
}

/* What we make of the first two directives is what the other implementation made of them. */
static void test_info_made(void **state)
{
    (void)state;
    TEST_HEX(in, FDO_RV_INFO);
    cairn_fdo_rv_info info = {0};
    uint8_t buffer[1024];
    cairn_cbor_writer writer;
    cairn_bytes made = {0};
    assert_int_equal(read_info(test_view(&in), &info), CAIRN_OK);
    info.count = 2;
    info.encoded = (cairn_bytes){0};
    cairn_cbor_writer_init(&writer, buffer, sizeof buffer);
    cairn_fdo_rv_info_put(&writer, &info);
    assert_int_equal(cairn_cbor_writer_end(&writer, &made), CAIRN_OK);
    assert_true(made.size < in.size);
    assert_int_equal(made.data[0], 0x82);
    assert_memory_equal(made.data + 1, in.data + 1, made.size - 1);
}

/* Every field, there and back. */
static void test_info_whole(void **state)
{
    (void)state;
    static const uint8_t ip[16] = {0x20, 1, 0xd, 0xb8};
    cairn_fdo_rv_info info = {.count = 1,
                              .directives = {{.owner_only = true,
                                              .user_input = true,
                                              .ip = cairn_bytes_of(ip, sizeof ip),
                                              .has_medium = true,
                                              .medium = 20,
                                              .has_protocol = true,
                                              .protocol = CAIRN_FDO_RV_REST,
                                              .owner_port = UINT16_MAX,
                                              .delay_s = UINT32_MAX}}};
    cairn_fdo_rv_info back = {0};
    uint8_t buffer[1024];
    cairn_cbor_writer writer;
    cairn_bytes made = {0};
    cairn_cbor_writer_init(&writer, buffer, sizeof buffer);
    cairn_fdo_rv_info_put(&writer, &info);
    assert_int_equal(cairn_cbor_writer_end(&writer, &made), CAIRN_OK);
    assert_int_equal(read_info(made, &back), CAIRN_OK);
    const cairn_fdo_directive *d = back.directives;
    assert_true(d->owner_only && d->user_input && d->has_medium && d->has_protocol);
    assert_false(d->device_only || d->bypass || d->has_external);
    assert_true(cairn_bytes_equal(d->ip, info.directives[0].ip));
    assert_int_equal(d->medium, 20);
    assert_int_equal(d->owner_port, UINT16_MAX);
    assert_int_equal(d->delay_s, UINT32_MAX);
}

static void test_info_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cairn_err want;
    } cases[] = {
        {"80", CAIRN_OK},
        {"8180", CAIRN_OK},
        {"a0", CAIRN_ERR_WRONG_TYPE},
        {"818180", CAIRN_ERR_BAD_VALUE}, /* no variable */
        {"8181"
         "8202"
         "45"
         "4401020304",
         CAIRN_OK},
        {"8181"
         "8202"
         "46"
         "450102030405",
         CAIRN_ERR_BAD_VALUE}, /* address of 5 bytes */
        {"8181"
         "8202"
         "44"
         "43010203",
         CAIRN_ERR_BAD_VALUE},
        {"8181"
         "8203"
         "41"
         "00",
         CAIRN_ERR_BAD_VALUE}, /* port 0 */
        {"8181"
         "8203"
         "45"
         "1a00010000",
         CAIRN_ERR_BAD_VALUE},
        {"8181"
         "8203"
         "42"
         "6131",
         CAIRN_ERR_WRONG_TYPE},
        {"8181"
         "8203"
         "42"
         "0101",
         CAIRN_ERR_TRAILING},
        {"8181"
         "8103",
         CAIRN_ERR_TRUNCATED}, /* no value */
        {"8181"
         "8205"
         "41"
         "60",
         CAIRN_ERR_BAD_VALUE}, /* empty name */
        {"8181"
         "820c"
         "41"
         "07",
         CAIRN_ERR_BAD_VALUE}, /* no such protocol */
        {"8182"
         "8100"
         "8100",
         CAIRN_ERR_DUPLICATE_KEY},
        {"8182"
         "8218c8"
         "40"
         "8218c8"
         "40",
         CAIRN_OK}, /* unknown variables are passed over */
        {"8191"
         "8118c8"
         "8118c8"
         "8118c8"
         "8118c8"
         "8118c8"
         "8118c8"
         "8118c8"
         "8118c8"
         "8118c8"
         "8118c8"
         "8118c8"
         "8118c8"
         "8118c8"
         "8118c8"
         "8118c8"
         "8118c8"
         "8118c8",
         CAIRN_ERR_TOO_MANY},
        {"91"
         "8080808080808080808080808080808080",
         CAIRN_ERR_TOO_MANY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TEST_HEX(in, cases[i].hex);
        cairn_fdo_rv_info info = {0};
        cairn_err err = read_info(test_view(&in), &info);
        if (err != cases[i].want)
            fail_msg("%s: %s, not %s", cases[i].hex, cairn_err_name(err),
                     cairn_err_name(cases[i].want));
    }
}

/* --- to1d --- */

static void test_to1d_vector(void **state)
{
    (void)state;
    TEST_HEX(in, FDO_TO1D_P256);
    TEST_HEX(owner_in, FDO_OWNER_P256);
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *owner = NULL;
    cairn_fdo_to1d to1d = {0};
    cairn_cbor_reader reader;
    cairn_bytes payload = {0};
    cairn_arena_init(&arena, 1 << 16);
    assert_int_equal(cairn_fdo_to1d_read(test_view(&in), &to1d), CAIRN_OK);
    assert_int_equal(to1d.count, 2);
    assert_int_equal(to1d.addresses[0].ip.size, 4);
    assert_int_equal(to1d.addresses[0].port, 8043);
    assert_int_equal(to1d.addresses[0].transport, CAIRN_FDO_HTTP);
    assert_true(cairn_bytes_equal(to1d.addresses[1].dns, cairn_bytes_str("owner.example")));
    assert_int_equal(to1d.addresses[1].transport, CAIRN_FDO_HTTPS);
    assert_int_equal(cairn_cbor_open(&reader, test_view(&owner_in), CAIRN_CBOR_FOREIGN, "key", ""),
                     CAIRN_OK);
    assert_int_equal(cairn_fdo_key_read(&reader, "key", &owner), CAIRN_OK);
    assert_int_equal(cairn_fdo_key_verify(&arena, &to1d.message, owner), CAIRN_OK);
    assert_int_equal(
        cairn_fdo_to1d_payload(&arena, to1d.addresses, to1d.count, &to1d.to0d_hash, &payload),
        CAIRN_OK);
    assert_true(cairn_bytes_equal(payload, to1d.message.payload));
}

static void test_to1d_refused(void **state)
{
    (void)state;
#define HASH   \
    "822f5820" \
    "0000000000000000000000000000000000000000000000000000000000000000"
    static const struct {
        const char *payload;
        cairn_err want;
    } cases[] = {
        {"8281"
         "84"
         "44c0000207"
         "f6"
         "191f4b"
         "03" HASH,
         CAIRN_OK},
        {"8280" HASH, CAIRN_ERR_BAD_VALUE}, /* no address */
        {"8281"
         "84"
         "f6"
         "f6"
         "191f4b"
         "03" HASH,
         CAIRN_ERR_BAD_VALUE}, /* nowhere */
        {"8281"
         "84"
         "43c00002"
         "f6"
         "191f4b"
         "03" HASH,
         CAIRN_ERR_BAD_VALUE},
        {"8281"
         "84"
         "44c0000207"
         "f6"
         "00"
         "03" HASH,
         CAIRN_ERR_BAD_VALUE}, /* port 0 */
        {"8281"
         "84"
         "44c0000207"
         "f6"
         "191f4b"
         "00" HASH,
         CAIRN_ERR_BAD_VALUE},
        {"8281"
         "84"
         "44c0000207"
         "f6"
         "191f4b"
         "07" HASH,
         CAIRN_ERR_BAD_VALUE},
        {"8281"
         "84"
         "44c0000207"
         "f6"
         "191f4b"
         "03"
         "820541aa",
         CAIRN_ERR_BAD_ALGORITHM},
        {"8281"
         "83"
         "44c0000207"
         "f6"
         "191f4b" HASH,
         CAIRN_ERR_BAD_VALUE},
        {"81"
         "81"
         "84"
         "44c0000207"
         "f6"
         "191f4b"
         "03",
         CAIRN_ERR_BAD_VALUE},
        {"40", CAIRN_ERR_WRONG_TYPE},
    };
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TEST_HEX(payload, cases[i].payload);
        TEST_HEX(empty, "a0");
        cairn_bytes in = {0};
        cairn_fdo_to1d to1d = {0};
        assert_int_equal(cairn_cose_encode(&arena, CAIRN_COSE_TAG_SIGN1, (cairn_bytes){0},
                                           test_view(&empty), false, test_view(&payload),
                                           cairn_bytes_str("signature"), &in),
                         CAIRN_OK);
        cairn_err err = cairn_fdo_to1d_read(in, &to1d);
        if (err != cases[i].want)
            fail_msg("%s: %s, not %s", cases[i].payload, cairn_err_name(err),
                     cairn_err_name(cases[i].want));
    }
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_info_vector), cmocka_unit_test(test_info_made),
        cmocka_unit_test(test_info_whole),  cmocka_unit_test(test_info_refused),
        cmocka_unit_test(test_to1d_vector), cmocka_unit_test(test_to1d_refused),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
