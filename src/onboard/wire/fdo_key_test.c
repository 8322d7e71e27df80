/* Keys of FDO: encodings, what is refused, and signatures of each algorithm. */
#include "onboard/wire/fdo_key.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "support/fdo_vectors.h"
#include "support/hex.h"

static cairn_arena arena;

static int setup(void **state)
{
    (void)state;
    cairn_arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cairn_arena_done(&arena);
    return 0;
}

static cairn_err read_key(cairn_bytes in, cairn_fdo_key **ret_key)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_cbor_open(&reader, in, CAIRN_CBOR_FOREIGN, "test", "test"));
    CAIRN_TRY(cairn_fdo_key_read(&reader, "key", ret_key));
    return cairn_cbor_end(&reader);
}

static cairn_err verdict(cairn_bytes in)
{
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *key = NULL;
    return read_key(in, &key);
}

static void test_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int type;
        unsigned bits;
        int64_t hash;
        bool ec;
    } cases[] = {
        {FDO_OWNER_P256, CAIRN_FDO_KEY_P256, 256, CAIRN_FDO_SHA256, true},
        {FDO_OWNER_X5CHAIN, CAIRN_FDO_KEY_P256, 256, CAIRN_FDO_SHA256, true},
        {FDO_OWNER_P384, CAIRN_FDO_KEY_P384, 384, CAIRN_FDO_SHA384, true},
        {FDO_OWNER_PSS, CAIRN_FDO_KEY_RSAPSS, 2048, CAIRN_FDO_SHA256, false},
        {FDO_OWNER_PKCS, CAIRN_FDO_KEY_RSAPKCS, 3072, CAIRN_FDO_SHA384, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TEST_HEX(in, cases[i].hex);
        CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *key = NULL;
        CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *again = NULL;
        assert_int_equal(read_key(test_view(&in), &key), CAIRN_OK);
        assert_int_equal(read_key(test_view(&in), &again), CAIRN_OK);
        assert_int_equal(cairn_fdo_key_get_type(key), cases[i].type);
        assert_int_equal(cairn_fdo_key_bits(key), cases[i].bits);
        assert_int_equal(cairn_fdo_key_hash_alg(key), cases[i].hash);
        assert_int_equal(cairn_fdo_key_ec(key) != NULL, cases[i].ec);
        assert_true(cairn_bytes_equal(cairn_fdo_key_encoded(key), test_view(&in)));
        assert_true(cairn_fdo_key_equal(key, again));
    }
}

/* [X1353-R46] The encodings of one key say the same key; what we write, OpenSSL reads. */
static void test_encodings(void **state)
{
    (void)state;
    static const cairn_key_type types[] = {CAIRN_KEY_P256, CAIRN_KEY_P384};
    for (size_t i = 0; i < 2; i++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *ec = NULL;
        CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *x509 = NULL;
        CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *cose = NULL;
        CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *back = NULL;
        assert_int_equal(cairn_key_generate(types[i], &ec), CAIRN_OK);
        assert_int_equal(cairn_fdo_key_of(ec, CAIRN_FDO_KEY_X509, &x509), CAIRN_OK);
        assert_int_equal(cairn_fdo_key_of(ec, CAIRN_FDO_KEY_COSE, &cose), CAIRN_OK);
        assert_int_equal(read_key(cairn_fdo_key_encoded(cose), &back), CAIRN_OK);
        assert_true(cairn_fdo_key_equal(x509, back));
        assert_false(cairn_key_is_private(cairn_fdo_key_ec(x509)));
        cairn_bytes encoded = cairn_fdo_key_encoded(x509);
        const uint8_t *spki = encoded.data + 5; /* 83 0a 01 58 5b */
        EVP_PKEY *pkey = d2i_PUBKEY(NULL, &spki, (long)(encoded.size - 5));
        assert_non_null(pkey);
        assert_ptr_equal(spki, encoded.data + encoded.size);
        EVP_PKEY_free(pkey);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cairn_err want;
    } cases[] = {
        {"82"
         "0a"
         "01",
         CAIRN_ERR_BAD_VALUE},
        {"83"
         "185a"
         "00"
         "40",
         CAIRN_ERR_BAD_ALGORITHM}, /* EPID */
        {"83"
         "0c"
         "01"
         "4100",
         CAIRN_ERR_BAD_ALGORITHM},
        {"83"
         "0a"
         "00"
         "4100",
         CAIRN_ERR_NOT_IMPLEMENTED},
        {"83"
         "0a"
         "04"
         "4100",
         CAIRN_ERR_NOT_IMPLEMENTED},
        {"83"
         "05"
         "03"
         "a0",
         CAIRN_ERR_NOT_IMPLEMENTED}, /* RSA as COSE_Key */
        {"83"
         "0a"
         "01"
         "4100",
         CAIRN_ERR_BAD_KEY},
        {"83"
         "06"
         "01"
         "4100",
         CAIRN_ERR_BAD_KEY},
        {"83"
         "0a"
         "01"
         "40",
         CAIRN_ERR_BAD_VALUE},
        {"83"
         "0a"
         "01"
         "6161",
         CAIRN_ERR_WRONG_TYPE},
        {"83"
         "0a"
         "02"
         "80",
         CAIRN_ERR_BAD_VALUE},
        {"83"
         "0a"
         "02"
         "814100",
         CAIRN_ERR_BAD_KEY},
        {"83"
         "0a"
         "03"
         "a0",
         CAIRN_ERR_BAD_KEY},
        {"83"
         "0a"
         "03"
         "a2"
         "0102"
         "2001",
         CAIRN_ERR_BAD_KEY}, /* no point */
        {"83"
         "0a"
         "03"
         "a3"
         "0102"
         "2001"
         "214100",
         CAIRN_ERR_BAD_VALUE}, /* short x */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TEST_HEX(in, cases[i].hex);
        cairn_err err = verdict(test_view(&in));
        if (err != cases[i].want)
            fail_msg("%s: %s, not %s", cases[i].hex, cairn_err_name(err),
                     cairn_err_name(cases[i].want));
    }
}

/* The type says another curve, RSA for a point, or a point for RSA; a point off its curve. */
static void test_wrong_type(void **state)
{
    (void)state;
    TEST_HEX(p256, FDO_OWNER_P256);
    TEST_HEX(pss, FDO_OWNER_PSS);
    TEST_HEX(pkcs, FDO_OWNER_PKCS);
    p256.data[1] = CAIRN_FDO_KEY_P384;
    assert_int_equal(verdict(test_view(&p256)), CAIRN_ERR_BAD_KEY);
    p256.data[1] = CAIRN_FDO_KEY_RSAPKCS;
    assert_int_equal(verdict(test_view(&p256)), CAIRN_ERR_BAD_KEY);
    p256.data[1] = CAIRN_FDO_KEY_P256;
    p256.data[p256.size - 1] ^= 1;
    assert_int_equal(verdict(test_view(&p256)), CAIRN_ERR_BAD_KEY);
    pss.data[1] = CAIRN_FDO_KEY_P256;
    assert_int_equal(verdict(test_view(&pss)), CAIRN_ERR_BAD_KEY);
    pss.data[1] = CAIRN_FDO_KEY_RSA2048RESTR;
    assert_int_equal(verdict(test_view(&pss)), CAIRN_OK);
    pkcs.data[1] = CAIRN_FDO_KEY_RSA2048RESTR; /* 3,072 bits */
    assert_int_equal(verdict(test_view(&pkcs)), CAIRN_ERR_BAD_KEY);
}

/* An RSA key of `bits` and the exponent `e`, as OpenSSL encodes it. */
static cairn_err rsa_verdict(unsigned bits, unsigned long e, cairn_fdo_key_type type)
{
    uint8_t buffer[1024];
    uint8_t *spki = NULL;
    BIGNUM *exponent = BN_new();
    EVP_PKEY *pkey = NULL;
    cairn_cbor_writer writer;
    cairn_bytes encoded = {0};
    assert_int_equal(BN_set_word(exponent, e), 1);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits), 1);
    assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, exponent), 1);
    assert_int_equal(EVP_PKEY_keygen(ctx, &pkey), 1);
    int size = i2d_PUBKEY(pkey, &spki);
    cairn_cbor_writer_init(&writer, buffer, sizeof buffer);
    cairn_cbor_put_array(&writer, 3);
    cairn_cbor_put_uint(&writer, type);
    cairn_cbor_put_uint(&writer, CAIRN_FDO_KEY_X509);
    cairn_cbor_put_bytes(&writer, cairn_bytes_of(spki, (size_t)size));
    assert_int_equal(cairn_cbor_writer_end(&writer, &encoded), CAIRN_OK);
    OPENSSL_free(spki);
    EVP_PKEY_free(pkey);
    EVP_PKEY_CTX_free(ctx);
    BN_free(exponent);
    return verdict(encoded);
}

static void test_rsa_sizes(void **state)
{
    (void)state;
    assert_int_equal(rsa_verdict(1024, 65537, CAIRN_FDO_KEY_RSAPKCS), CAIRN_ERR_BAD_KEY);
    assert_int_equal(rsa_verdict(2048, 3, CAIRN_FDO_KEY_RSA2048RESTR), CAIRN_ERR_BAD_KEY);
    assert_int_equal(rsa_verdict(2048, 3, CAIRN_FDO_KEY_RSAPKCS), CAIRN_OK);
}

static void test_large(void **state)
{
    (void)state;
    static uint8_t large[CAIRN_FDO_KEY_SIZE_MAX + 64];
    cairn_cbor_writer writer;
    cairn_bytes encoded = {0};
    static uint8_t body[CAIRN_FDO_KEY_SIZE_MAX + 1];
    cairn_cbor_writer_init(&writer, large, sizeof large);
    cairn_cbor_put_array(&writer, 3);
    cairn_cbor_put_uint(&writer, CAIRN_FDO_KEY_P256);
    cairn_cbor_put_uint(&writer, CAIRN_FDO_KEY_X509);
    cairn_cbor_put_bytes(&writer, cairn_bytes_of(body, sizeof body));
    assert_int_equal(cairn_cbor_writer_end(&writer, &encoded), CAIRN_OK);
    assert_int_equal(verdict(encoded), CAIRN_ERR_BAD_VALUE);
}

/* In two steps, as with a signer that is elsewhere. */
static void test_sign(void **state)
{
    (void)state;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *ec = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *other = NULL;
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *key = NULL;
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *wrong = NULL;
    cairn_bytes in = {0};
    cairn_cose_message message;
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P384, &ec), CAIRN_OK);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &other), CAIRN_OK);
    assert_int_equal(cairn_fdo_key_of(ec, CAIRN_FDO_KEY_X509, &key), CAIRN_OK);
    assert_int_equal(cairn_fdo_key_of(other, CAIRN_FDO_KEY_X509, &wrong), CAIRN_OK);
    assert_int_equal(cairn_fdo_sign(&arena, ec, (cairn_bytes){0}, cairn_bytes_str("payload"), &in),
                     CAIRN_OK);
    assert_int_equal(cairn_cose_decode(in, CAIRN_COSE_TAG_SIGN1, CAIRN_CBOR_STRICT, &message),
                     CAIRN_OK);
    assert_int_equal(cairn_fdo_key_verify(&arena, &message, key), CAIRN_OK);
    assert_int_equal(cairn_fdo_key_verify(&arena, &message, wrong), CAIRN_ERR_BAD_ALGORITHM);
    message.payload = cairn_bytes_str("Payload");
    assert_int_equal(cairn_fdo_key_verify(&arena, &message, key), CAIRN_ERR_BAD_SIGNATURE);
}

/* What a protected header of `alg` and a signature of nothing meet under an RSA key. */
static cairn_err under(const char *owner, int64_t alg, bool is_protected)
{
    TEST_HEX(in, owner);
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *key = NULL;
    cairn_cose_message message = {
        .headers = {.has_alg = true, .alg = alg, .alg_is_protected = is_protected},
        .tag = test_view(&in)};
    assert_int_equal(read_key(test_view(&in), &key), CAIRN_OK);
    return cairn_fdo_key_verify(&arena, &message, key);
}

static void test_rsa_algorithms(void **state)
{
    (void)state;
    assert_int_equal(under(FDO_OWNER_PSS, -37, true), CAIRN_ERR_BAD_SIGNATURE);
    assert_int_equal(under(FDO_OWNER_PSS, -37, false), CAIRN_ERR_BAD_ALGORITHM);
    assert_int_equal(under(FDO_OWNER_PSS, -257, true), CAIRN_ERR_BAD_ALGORITHM);
    assert_int_equal(under(FDO_OWNER_PKCS, -258, true), CAIRN_ERR_BAD_SIGNATURE);
    assert_int_equal(under(FDO_OWNER_PKCS, -37, true), CAIRN_ERR_BAD_ALGORITHM);
    assert_int_equal(under(FDO_OWNER_PKCS, -7, true), CAIRN_ERR_BAD_ALGORITHM);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest all[] = {
        TEST(test_vectors),   TEST(test_encodings), TEST(test_refused), TEST(test_wrong_type),
        TEST(test_rsa_sizes), TEST(test_large),     TEST(test_sign),    TEST(test_rsa_algorithms),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
