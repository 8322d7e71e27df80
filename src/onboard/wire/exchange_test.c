/* The key exchange against Python's cryptography (pyca), the KDF against go-fdo's known answer, and
 * what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "onboard/wire/exchange.h"
#include "support/hex.h"

/* Scalars and randoms chosen so that the named field begins with zeros; both forms of the session
 * key, computed apart from us: with the shared x of full width, and without its leading zeros. */
typedef struct row {
    const char *name;
    cairn_fdo_kex kex;
    int cipher;
    const char *device_scalar, *device_random, *owner_scalar, *owner_random;
    const char *fixed, *stripped;
} row;

static const row rows[] = {
    {"plain256", CAIRN_FDO_ECDH256, 1,
     "e9cf7fdb57dc893cbc205510487886e13972d880aa10a66dbc08f3fe2f24efce",
     "fc91a84e2fe0aecd8d193db132e7da57",
     "8c158c16d72824c4044ab8d5bf74346b5258be4a186f6dcdb5153f36cf5d105b",
     "18f10e748b0bdcea23e2b6da71cbfe71", "27b35fa57a57ac1a08e84e74dc4400e3",
     "27b35fa57a57ac1a08e84e74dc4400e3"},
    {"plain384", CAIRN_FDO_ECDH384, 3,
     "14c97e0ceb04e00a9a1ead7ceca81902eaec6366b9362d77c77cdc2a6811701be49c597fe7d79cb5"
     "508f4555c58bffcd",
     "e3a1512c3d23fe03c2ef47baa82c51a1735b674377e9d3410e2f7808a4be887a18cc7b9a2e7c071d"
     "57dbbe56c757ecc2",
     "f72231afe61716fe1af02926ae6b097b51b002a31d860fb14066740856e20122a4682c3d390fc577"
     "f31ac81219f02892",
     "5059530d0b2552e026112037f1116daba986788451bd43c62780739497117f7225be53555156de5e"
     "e1fce00899cbeecf",
     "c87e57c82fca16d5550d7c2dc2cedaf77cd18e9aeecc2854fb39c7d19fbbc9f2",
     "c87e57c82fca16d5550d7c2dc2cedaf77cd18e9aeecc2854fb39c7d19fbbc9f2"},
    {"x256", CAIRN_FDO_ECDH256, 1,
     "7a32dab8d35e776190ab851f4029089e479bc2623b16aa40f09dfb6a415d9c8f",
     "c51f822f17b832cde7c8fff8dbbc61ae",
     "baa8b7bea708dcd4fcd3283aa98adcd173a957f020ae6157594c67111679ee42",
     "98ec8570d5dfad5fa1333f9ba39016c1", "0f13c0461c62c46afbb80f6b1a90b91d",
     "0f13c0461c62c46afbb80f6b1a90b91d"},
    {"y256", CAIRN_FDO_ECDH256, 2,
     "2c9df60c12e786fe0398ce9e5df88545ad04750f45c2e44e63005b76fcc9b896",
     "42806aedb830d43d05d407f51ebed0f0",
     "e2562712b3a73527b7bcda8921c398749f61d556aee861a6cc687025b0f451ad",
     "9a2b495e3ac727f0df1358b992b3111c", "b14252a18cbb4b593a4fe5fe11eb1b3809584a4bbe7f817e",
     "b14252a18cbb4b593a4fe5fe11eb1b3809584a4bbe7f817e"},
    {"x384", CAIRN_FDO_ECDH384, 3,
     "78d7bb6f64e225405f7b6cd0fed1f81a105fce5695aa6c87338aafd6600c546e8d4c5a9be6f2672c"
     "4dd1dc8df0d11fad",
     "636240de6a82833d573745cfa1ef3e2ca745338eda32aeab867741b8feb9aa92768180bab2a377a2"
     "4038bd0d9163c835",
     "30111f01d5bbb6666d8d7bb8dae4a8cb73fa4386c2f053231308fdcef9e0e591ccdfeb10ee6b56c9"
     "2801b7d7aabff18e",
     "673fe6fd40b53c05a57e8d3cd3338a18f990f97f7241263cdb78df3e51b135fddc2e7823fe87da7c"
     "b43c6de2cacf72a9",
     "0a174c760d1a4c9a3484d72cc0e27215834964191a61f1b1d4dadd746b63878a",
     "0a174c760d1a4c9a3484d72cc0e27215834964191a61f1b1d4dadd746b63878a"},
    {"random256", CAIRN_FDO_ECDH256, 1,
     "dd050adc66d4d3b5f9922931a76f3884894f533c4b95191a88974f904c96851e",
     "00007777777777777777777777777777",
     "4c2eec13ece57321d51923f376a9cfe8aad8bff96e1ce07520e49b68420ca4b4",
     "00000000000000000000000000000001", "e16a5f20304304b640c72b5f580db0c9",
     "e16a5f20304304b640c72b5f580db0c9"},
    {"secret256", CAIRN_FDO_ECDH256, 3,
     "51690d00b1dd91e3214644aefb814a51be3faa7ae426c499245f1b584ced7f67",
     "d7ba9f15cf7a557e21d8397706b555ca",
     "679696be2b159cd8e913e516a555e6f562b371cd22298502e5180c0aef866b3a",
     "e2a2f991b7359395e10dc6461d2a65dc",
     "f8f4dc9a6099b557b228d8fabd8f512521239285ed197b1cb87075100ab50126",
     "c3c13dd90253c05507677c44b45b175b87f43b98e9d7e0d5e61c7ccedc399359"},
    {"secret384", CAIRN_FDO_ECDH384, 3,
     "57c3c5d66c81506f41e0258c7ef39767e38c8d6502ab909a1b809a4b561edde1c98079d425b75b87"
     "0eecdecab8589cc1",
     "c32a5bd020a26b5e86686bfe35e723205b0441d1f297b5bf70e620abb3d4c1f2f10af5ae7745886a"
     "5ca8fbc1ced14fb8",
     "9c4743a39c074353ab186363b19191b47c9811ab9f9f2c4c8b6293f39ff9ed62fbfb7721692b0535"
     "9a2a687e027df9b4",
     "b9543b0bfa8272361a916f7f26fffa80901d2b4372e817cebb56d506074299d660a24923981aceef"
     "a41651194637f952",
     "c8919e62e49e1b72ecc83f5ddcd19a0bd325ad0e04326fc4bcfa33b8c7aed3e9",
     "dd448c3ab681374d7aba4ed3ac61e8f3a8c6f82d0ba37207cd3d9c3bd4908897"},
    {"all256", CAIRN_FDO_ECDH256, 1,
     "a50d864466e18f21fa6fccec556db3c64725e40b697a85b2c54502731573ff6c",
     "00000000000000000000000000000000",
     "b4b80a07382505ac8fac14256a48bd48cbdf1575f1086455e34a01fdf5fba178",
     "00000000000000000000000000000000", "521383d24995884d660f845842f2c9f2",
     "b9f21f798780299fa6dcaf6383068e0d"},
};

enum { ROWS = sizeof rows / sizeof *rows };

typedef struct pair {
    cairn_fdo_share *device, *owner;
} pair;

static void make(cairn_fdo_kex kex, const char *scalar, const char *random, cairn_fdo_share **share)
{
    TEST_HEX(s, scalar);
    TEST_HEX(r, random);
    assert_int_equal(cairn_fdo_share_of(kex, test_view(&s), test_view(&r), share), CAIRN_OK);
}

static pair make_pair(const row *r)
{
    pair p = {0};
    make(r->kex, r->device_scalar, r->device_random, &p.device);
    make(r->kex, r->owner_scalar, r->owner_random, &p.owner);
    return p;
}

static void free_pair(pair *p)
{
    cairn_fdo_share_free(p->device);
    cairn_fdo_share_free(p->owner);
}

static void check_key(const cairn_fdo_share *mine, const cairn_fdo_share *peer, bool i_am_device,
                      bool stripped, int cipher, const char *want)
{
    uint8_t sek[CAIRN_FDO_SEK_SIZE_MAX];
    size_t size = 0;
    char digits[2 * CAIRN_FDO_SEK_SIZE_MAX + 1];
    assert_int_equal(cairn_fdo_share_agree(mine, cairn_fdo_share_public(peer), i_am_device,
                                           stripped, (cairn_fdo_cipher)cipher, sek, &size),
                     CAIRN_OK);
    cairn_hex_encode(cairn_bytes_of(sek, size), digits);
    assert_string_equal(digits, want);
}

/* [X1353-R44] */
static void test_kdf_gives_the_known_answer_of_go_fdo(void **state)
{
    TEST_HEX(secret, "08c9dc0cc5e9dd2558a12ae60cd00670d01a09cca52bae8a671a21e1babdb25bc21963c48b4a"
                     "a77bb8ed338f0c5a15efee069ce10a09be2aacf857b8dcd9df8e");
    uint8_t key[64];
    char digits[129];
    (void)state;
    assert_int_equal(cairn_fdo_kdf(test_view(&secret), (cairn_bytes){0}, key, 32), CAIRN_OK);
    cairn_hex_encode(cairn_bytes_of(key, 32), digits);
    assert_string_equal(digits, "e5e959c8cbdd5989c819f7ea8c69bcb3f70a442830ba235c5aa0b4047d0cda0b");
    /* A second block, a cut one, and a context, by Python's hmac. */
    assert_int_equal(cairn_fdo_kdf(test_view(&secret), cairn_bytes_str("context"), key, 48),
                     CAIRN_OK);
    cairn_hex_encode(cairn_bytes_of(key, 48), digits);
    assert_string_equal(digits, "2b29793e7a564ee6499b6a8df1cd118de76207950edfc93aa746c6c77207ffea10"
                                "c5152e08495108063e30bb901278ad");
}

/* [X1353-R45]: every field that can begin with a zero, both sides, both forms. */
static void test_sessions_agree_with_the_oracle(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        const row *r = &rows[i];
        CAIRN_CLEANUP(free_pair) pair p = make_pair(r);
        bool ambiguous = strcmp(r->fixed, r->stripped) != 0;
        check_key(p.device, p.owner, true, false, r->cipher, r->fixed);
        check_key(p.owner, p.device, false, false, r->cipher, r->fixed);
        check_key(p.device, p.owner, true, true, r->cipher, r->stripped);
        check_key(p.owner, p.device, false, true, r->cipher, r->stripped);
        assert_int_equal(cairn_fdo_share_is_ambiguous(p.device, cairn_fdo_share_public(p.owner)),
                         ambiguous);
    }
}

/* [X1353-R45]: the rows do what their names say, and fields keep their width. */
static void test_zeros_stand_in_their_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        const row *r = &rows[i];
        CAIRN_CLEANUP(free_pair) pair p = make_pair(r);
        size_t field = r->kex == CAIRN_FDO_ECDH256 ? 32 : 48;
        cairn_bytes device = cairn_fdo_share_public(p.device);
        cairn_bytes owner = cairn_fdo_share_public(p.owner);
        assert_int_equal(device.size, cairn_fdo_kex_size(r->kex));
        assert_int_equal(device.size, field == 32 ? 86 : 150);
        assert_int_equal(cairn_get_u16(device.data), field);
        assert_int_equal(cairn_get_u16(device.data + 2 + field), field);
        assert_int_equal(cairn_get_u16(device.data + 4 + 2 * field), field == 32 ? 16 : 48);
        if (r->name[0] == 'x' || strcmp(r->name, "all256") == 0)
            assert_int_equal(device.data[2], 0);
        if (r->name[0] == 'y' || strcmp(r->name, "all256") == 0)
            assert_int_equal(owner.data[4 + field], 0);
        if (strcmp(r->name, "random256") == 0)
            assert_int_equal(device.data[6 + 2 * field], 0);
    }
}

static void test_parameter_as_the_oracle_lays_it_out(void **state)
{
    (void)state;
    CAIRN_CLEANUP(free_pair) pair p = make_pair(&rows[0]);
    TEST_HEX(want, "00202e5bdf353059c417c1a8f72a2f1ddeec730c2d2865f090b7cc5f6d7ec5f1c90100209d23dc"
                   "1b72c6d539cee49fb73a4f366e544f07475cc0258670ebee2a793285a70010fc91a84e2fe0aecd"
                   "8d193db132e7da57");
    assert_true(cairn_bytes_equal(cairn_fdo_share_public(p.device), test_view(&want)));
}

/* [X1353-R45]: what is sent has no leading zero, which about one in 85 would have. */
static void test_shares_are_drawn_without_leading_zeros(void **state)
{
    (void)state;
    for (int i = 0; i < 600; i++) {
        CAIRN_CLEANUP(cairn_fdo_share_free_p) cairn_fdo_share *share = NULL;
        assert_int_equal(cairn_fdo_share_new(CAIRN_FDO_ECDH256, &share), CAIRN_OK);
        const uint8_t *at = cairn_fdo_share_public(share).data;
        assert_true(at[2] != 0 && at[36] != 0 && at[70] != 0);
    }
}

static void test_peers_parameters_are_refused(void **state)
{
    uint8_t copy[CAIRN_FDO_KEX_SIZE_MAX + 1];
    uint8_t sek[CAIRN_FDO_SEK_SIZE_MAX];
    size_t size = 77;
    (void)state;
    CAIRN_CLEANUP(free_pair) pair p = make_pair(&rows[0]);
    CAIRN_CLEANUP(free_pair) pair other = make_pair(&rows[1]);
    cairn_bytes good = cairn_fdo_share_public(p.owner);
    const struct {
        size_t at;
        uint8_t mask;
        size_t size;
        cairn_err want;
    } changes[] = {
        {0, 0, 85, CAIRN_ERR_BAD_VALUE},     /* cut */
        {0, 0, 87, CAIRN_ERR_BAD_VALUE},     /* longer */
        {0, 0, 0, CAIRN_ERR_BAD_VALUE},      /* nothing */
        {1, 1, 86, CAIRN_ERR_BAD_VALUE},     /* x of 33 bytes */
        {35, 32, 86, CAIRN_ERR_BAD_VALUE},   /* y of none */
        {68, 0x80, 86, CAIRN_ERR_BAD_VALUE}, /* a random of 32,784 bytes */
        {10, 1, 86, CAIRN_ERR_BAD_KEY},      /* off the curve */
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        memcpy(copy, good.data, good.size);
        copy[good.size] = 0;
        copy[changes[i].at] ^= changes[i].mask;
        assert_int_equal(cairn_fdo_share_agree(p.device, cairn_bytes_of(copy, changes[i].size),
                                               true, false, CAIRN_FDO_A128GCM, sek, &size),
                         changes[i].want);
    }
    assert_int_equal(cairn_fdo_share_agree(p.device, cairn_fdo_share_public(other.owner), true,
                                           false, CAIRN_FDO_A128GCM, sek, &size),
                     CAIRN_ERR_BAD_VALUE);
    memset(copy + 2, 0, 32); /* 0, 0: no point */
    memset(copy + 36, 0, 32);
    assert_int_equal(cairn_fdo_share_agree(p.device, cairn_bytes_of(copy, 86), true, false,
                                           CAIRN_FDO_A128GCM, sek, &size),
                     CAIRN_ERR_BAD_KEY);
    assert_false(cairn_fdo_share_is_ambiguous(p.device, cairn_bytes_of(copy, 86)));
    assert_int_equal(size, 77);
}

/* [X1353-R28] [X1353-R43] */
static void test_suites_that_are_not_served(void **state)
{
    static const char *const names[] = {"",          "ECDH255",   "ECDH2560",    "ecdh256",
                                        "DHKEXid14", "DHKEXid15", "ASYMKEX2048", "ASYMKEX3072"};
    cairn_fdo_kex kex = CAIRN_FDO_ECDH384;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(cairn_fdo_kex_from_name(cairn_bytes_str(names[i]), &kex),
                         CAIRN_ERR_BAD_ALGORITHM);
    assert_int_equal(cairn_fdo_kex_from_name(cairn_bytes_str("ECDH256"), &kex), CAIRN_OK);
    assert_int_equal(kex, CAIRN_FDO_ECDH256);
    assert_string_equal(cairn_fdo_kex_name(CAIRN_FDO_ECDH384), "ECDH384");
}

/* Made by Python's AESGCM under the keys of the first two rows. */
static void test_channel_opens_the_oracles_messages(void **state)
{
    static const struct {
        cairn_fdo_cipher cipher;
        const char *key, *message;
    } sealed[] = {
        {CAIRN_FDO_A128GCM, "27b35fa57a57ac1a08e84e74dc4400e3",
         "d08343a10101a1054c000102030405060708090a0b5822fcbce2cc94065fec7c92b6fc2147632f706c018e285"
         "c"
         "6c50b989dea0da0cd0b42022"},
        {CAIRN_FDO_A256GCM, "c87e57c82fca16d5550d7c2dc2cedaf77cd18e9aeecc2854fb39c7d19fbbc9f2",
         "d08343a10103a1054c000102030405060708090a0b58224494fcf7e075d0a63e4599890315884a8603cb8b7e8"
         "c"
         "92d2d3ce693269323b529b2d"},
    };
    TEST_HEX(want, "8150000102030405060708090a0b0c0d0e0f");
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        TEST_HEX(key, sealed[i].key);
        TEST_HEX(message, sealed[i].message);
        cairn_arena arena;
        cairn_bytes plain = {0};
        cairn_arena_init(&arena, 4096);
        assert_int_equal(cairn_fdo_unseal(&arena, sealed[i].cipher, test_view(&key),
                                          test_view(&message), &plain),
                         CAIRN_OK);
        assert_true(cairn_bytes_equal(plain, test_view(&want)));
        cairn_arena_done(&arena);
    }
}

static void test_channel_refusals(void **state)
{
    static const uint8_t key[32] = {9};
    static const uint8_t large[CAIRN_FDO_MESSAGE_SIZE_MAX + 1];
    cairn_bytes k = cairn_bytes_of(key, 16);
    cairn_bytes text = cairn_bytes_str("text");
    cairn_bytes sealed[2];
    cairn_bytes plain = {0};
    cairn_arena arena;
    (void)state;
    cairn_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(cairn_fdo_seal(&arena, CAIRN_FDO_A128GCM, k, text, &sealed[i]), CAIRN_OK);
    assert_false(cairn_bytes_equal(sealed[0], sealed[1])); /* a fresh IV */
    assert_int_equal(cairn_fdo_unseal(&arena, CAIRN_FDO_A128GCM, k, sealed[0], &plain), CAIRN_OK);
    assert_true(cairn_bytes_equal(plain, text));
    plain = (cairn_bytes){0};
    assert_int_equal(
        cairn_fdo_unseal(&arena, CAIRN_FDO_A256GCM, cairn_bytes_of(key, 32), sealed[0], &plain),
        CAIRN_ERR_BAD_ALGORITHM);
    assert_int_equal(
        cairn_fdo_unseal(&arena, CAIRN_FDO_A128GCM, cairn_bytes_of(key + 1, 16), sealed[0], &plain),
        CAIRN_ERR_BAD_MAC);
    assert_int_equal(
        cairn_fdo_unseal(&arena, CAIRN_FDO_A128GCM, k, cairn_bytes_of(large, sizeof large), &plain),
        CAIRN_ERR_TOO_LARGE);
    for (size_t bit = 0; bit < sealed[0].size * 8; bit++) { /* no bit that does not count */
        uint8_t copy[64];
        cairn_arena_reset(&arena);
        memcpy(copy, sealed[0].data, sealed[0].size);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(cairn_fdo_unseal(&arena, CAIRN_FDO_A128GCM, k,
                                              cairn_bytes_of(copy, sealed[0].size), &plain),
                             CAIRN_OK);
    }
    assert_null(plain.data);
    cairn_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kdf_gives_the_known_answer_of_go_fdo),
        cmocka_unit_test(test_sessions_agree_with_the_oracle),
        cmocka_unit_test(test_zeros_stand_in_their_fields),
        cmocka_unit_test(test_parameter_as_the_oracle_lays_it_out),
        cmocka_unit_test(test_shares_are_drawn_without_leading_zeros),
        cmocka_unit_test(test_peers_parameters_are_refused),
        cmocka_unit_test(test_suites_that_are_not_served),
        cmocka_unit_test(test_channel_opens_the_oracles_messages),
        cmocka_unit_test(test_channel_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
