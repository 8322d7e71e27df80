/* Keys: vectors of RFC 9679, RFC 8032 and RFC 6979, OpenSSL's own PEM as the other side, and each
 * refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>

#include "cairn/cbor.h"
#include "cairn/key.h"
#include "core/crypto/key_impl.h"
#include "core/crypto/secret.h"
#include "support/hex.h"

#define BAD_KEY CAIRN_ERR_BAD_KEY
#define BAD_SIGNATURE CAIRN_ERR_BAD_SIGNATURE

static const cairn_key_type types[] = {CAIRN_KEY_P256, CAIRN_KEY_P384, CAIRN_KEY_ED25519};

#define KEY(name) CAIRN_CLEANUP(cairn_key_free_p) cairn_key *name = NULL

static void test_rfc9679_thumbprint(void **state)
{
    (void)state;
    TEST_HEX(cose,
             "a40102200121582065eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"
             "2258201e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c");
    TEST_HEX(want, "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec");
    KEY(key);
    assert_int_equal(cairn_key_from_cose(test_view(&cose), &key), CAIRN_OK);
    assert_memory_equal(cairn_key_id(key)->b, want.data, 32);
    assert_int_equal(cairn_key_get_type(key), CAIRN_KEY_P256);
    assert_int_equal(cairn_key_alg(key), CAIRN_ALG_ES256);
    assert_false(cairn_key_is_private(key));
}

/* A signature of a document: the private part gives the public one, and the signature verifies. */
typedef struct vector {
    cairn_key_type type;
    const char *secret;
    const char *point;
    const char *message; /* hex */
    const char *signature;
    bool deterministic; /* signing gives the same bytes */
} vector;

static const vector vectors[] = {
    /* RFC 8032 section 7.1, tests 1 to 3 */
    {CAIRN_KEY_ED25519, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "4"
     "6bd25bf5f0595bbe24655141438e7a100b",
     true},
    {CAIRN_KEY_ED25519, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d"
     "8c387b2eaeb4302aeeb00d291612bb0c00",
     true},
    {CAIRN_KEY_ED25519, "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6"
     "594a7c15e9716ed28dc027beceea1ec40a",
     true},
    /* RFC 6979 A.2.5 (SHA-256, "sample" with its high s, "test") and A.2.6 (SHA-384, "sample") */
    {CAIRN_KEY_P256, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
     "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628b"
     "c"
     "64f2f1b20c2d7e9f5177a3c294d4462299",
     "73616d706c65",
     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29"
     "f"
     "65f3e900dbb9aff4064dc4ab2f843acda8",
     false},
    {CAIRN_KEY_P256, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
     "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628b"
     "c"
     "64f2f1b20c2d7e9f5177a3c294d4462299",
     "74657374",
     "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367019f4113742a2b14bd25926b49c64"
     "9"
     "155f267e60d3814b4c0cc84250e46f0083",
     false},
    {CAIRN_KEY_P384,
     "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2e"
     "d"
     "f5",
     "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480b"
     "c"
     "138015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd25332"
     "6"
     "4720",
     "73616d706c65",
     "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fab"
     "e"
     "4699ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a386"
     "2"
     "8ac8",
     false},
};

static void check_vector(const vector *v)
{
    TEST_HEX(secret, v->secret);
    TEST_HEX(point, v->point);
    TEST_HEX(message, v->message);
    TEST_HEX(signature, v->signature);
    KEY(private_key);
    KEY(public_key);
    uint8_t made[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    assert_int_equal(cairn_key_from_private(v->type, test_view(&secret), &private_key), CAIRN_OK);
    assert_true(cairn_key_is_private(private_key));
    assert_true(cairn_bytes_equal(cairn_key_public(private_key), test_view(&point)));
    assert_int_equal(cairn_key_from_public(v->type, test_view(&point), &public_key), CAIRN_OK);
    assert_true(cairn_hash_equal(cairn_key_id(private_key), cairn_key_id(public_key)));
    assert_int_equal(cairn_key_verify(public_key, test_view(&message), test_view(&signature)),
                     CAIRN_OK);
    assert_int_equal(cairn_key_sign(private_key, test_view(&message), made, &size), CAIRN_OK);
    assert_int_equal(size, signature.size);
    if (v->deterministic)
        assert_memory_equal(made, signature.data, size);
    assert_int_equal(cairn_key_verify(public_key, test_view(&message), cairn_bytes_of(made, size)),
                     CAIRN_OK);
    assert_int_equal(cairn_key_verify(private_key, cairn_bytes_str("other"), test_view(&signature)),
                     BAD_SIGNATURE);
    assert_int_equal(cairn_key_sign(public_key, test_view(&message), made, &size),
                     CAIRN_ERR_ARGUMENT);
}

static void test_published_signatures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        check_vector(&vectors[i]);
}

/* Any one bit of a signature decides, and so does its size. */
static void test_changed_signatures_are_refused(void **state)
{
    (void)state;
    cairn_bytes message = cairn_bytes_str("message");
    for (size_t t = 0; t < 3; t++) {
        KEY(key);
        uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX + 1] = {0};
        size_t size = 0;
        assert_int_equal(cairn_key_generate(types[t], &key), CAIRN_OK);
        assert_int_equal(cairn_key_sign(key, message, signature, &size), CAIRN_OK);
        for (size_t bit = 0; bit < size * 8; bit++) {
            signature[bit / 8] ^= (uint8_t)(1 << (bit % 8));
            assert_int_equal(cairn_key_verify(key, message, cairn_bytes_of(signature, size)),
                             BAD_SIGNATURE);
            signature[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        }
        assert_int_equal(cairn_key_verify(key, message, cairn_bytes_of(signature, size)), CAIRN_OK);
        for (size_t other = 0; other <= size + 1; other++)
            if (other != size)
                assert_int_equal(cairn_key_verify(key, message, cairn_bytes_of(signature, other)),
                                 BAD_SIGNATURE);
        memset(signature, 0, size);
        assert_int_equal(cairn_key_verify(key, message, cairn_bytes_of(signature, size)),
                         BAD_SIGNATURE);
        memset(signature, 0xff, size);
        assert_int_equal(cairn_key_verify(key, message, cairn_bytes_of(signature, size)),
                         BAD_SIGNATURE);
    }
}

static void test_cose_round_trip(void **state)
{
    (void)state;
    for (size_t t = 0; t < 3; t++) {
        KEY(key);
        KEY(again);
        uint8_t cose[CAIRN_COSE_KEY_SIZE_MAX];
        size_t size = 0;
        assert_int_equal(cairn_key_generate(types[t], &key), CAIRN_OK);
        assert_int_equal(cairn_key_to_cose(key, cose, &size), CAIRN_OK);
        assert_int_equal(cairn_key_from_cose(cairn_bytes_of(cose, size), &again), CAIRN_OK);
        assert_true(cairn_hash_equal(cairn_key_id(key), cairn_key_id(again)));
        assert_int_equal(cairn_key_get_type(again), types[t]);
        for (size_t cut = 0; cut < size; cut++)
            assert_int_equal(cairn_key_from_cose(cairn_bytes_of(cose, cut), &again),
                             CAIRN_ERR_TRUNCATED);
    }
}

#define GX "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
#define GY "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
#define P256_PRIME "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
#define ZERO32 "0000000000000000000000000000000000000000000000000000000000000000"

static void test_cose_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cairn_err err;
    } rows[] = {
        {"a401022001215820" GX "225820" GY, CAIRN_OK},
        {"a401022001215820" GX "225820" GX, BAD_KEY},
        {"a401022001215820" P256_PRIME "225820" GY, BAD_KEY},
        {"a401022001215820" ZERO32 "225820" ZERO32, BAD_KEY},
        {"a401022008215820" GX "225820" GY, BAD_KEY},                       /* crv secp256k1 */
        {"a401012001215820" GX "225820" GY, BAD_KEY},                       /* kty OKP */
        {"a401042001215820" GX "225820" GY, BAD_KEY},                       /* kty Symmetric */
        {"a401022001215820" GX "22f5", CAIRN_ERR_WRONG_TYPE},               /* y as sign bit */
        {"a301022001215820" GX, CAIRN_ERR_MISSING_FIELD},                   /* no y */
        {"a32001215820" GX "225820" GY, CAIRN_ERR_MISSING_FIELD},           /* no kty */
        {"a501020241312001215820" GX "225820" GY, CAIRN_ERR_UNKNOWN_FIELD}, /* kid */
        {"a501022001215820" GX "225820" GY "235820" GX, CAIRN_ERR_UNKNOWN_FIELD}, /* d */
        {"a40102200121581f17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
         "225820" GY,
         CAIRN_ERR_BAD_VALUE},
        {"a401022001225820" GY "215820" GX, CAIRN_ERR_NOT_CANONICAL},
        {"a401022001215820" GX "225820" GY "00", CAIRN_ERR_TRAILING},
        {"a3010120062158203d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
         CAIRN_OK},
        {"a4010120062158203d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c22582"
         "0" GY,
         CAIRN_ERR_UNKNOWN_FIELD},
        {"a301012004215820" GX, BAD_KEY}, /* X25519 */
        {"80", CAIRN_ERR_WRONG_TYPE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        TEST_HEX(in, rows[i].hex);
        KEY(key);
        cairn_err err = cairn_key_from_cose(test_view(&in), &key);
        if (err != rows[i].err)
            fail_msg("%s: %s: %s", rows[i].hex, cairn_err_name(err), cairn_err_detail());
        assert_true((err == CAIRN_OK) == (key != NULL));
    }
}

static void test_private_scalar_range(void **state)
{
    (void)state;
    static const struct {
        cairn_key_type type;
        const char *hex;
        cairn_err err;
    } rows[] = {
        {CAIRN_KEY_P256, ZERO32, BAD_KEY},
        {CAIRN_KEY_P256, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
         BAD_KEY},
        {CAIRN_KEY_P256, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",
         CAIRN_OK},
        {CAIRN_KEY_P256, "01", BAD_KEY},
        {CAIRN_KEY_P384, ZERO32, BAD_KEY},
        {CAIRN_KEY_ED25519, ZERO32, CAIRN_OK},
        {CAIRN_KEY_ED25519, ZERO32 "00", BAD_KEY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        TEST_HEX(in, rows[i].hex);
        KEY(key);
        assert_int_equal(cairn_key_from_private(rows[i].type, test_view(&in), &key), rows[i].err);
    }
    KEY(key);
    assert_int_equal(cairn_key_from_public(CAIRN_KEY_P256, cairn_bytes_of("x", 1), &key), BAD_KEY);
}

/* The eight points of small order and every second encoding that decoders let pass. */
static void test_ed25519_points(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cairn_err err;
    } rows[] = {
        {ZERO32, BAD_KEY},
        {"0000000000000000000000000000000000000000000000000000000000000080", BAD_KEY},
        {"0100000000000000000000000000000000000000000000000000000000000000", BAD_KEY},
        {"0100000000000000000000000000000000000000000000000000000000000080", BAD_KEY},
        {"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", BAD_KEY},
        {"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", BAD_KEY},
        {"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", BAD_KEY},
        {"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", BAD_KEY},
        {"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", BAD_KEY},
        {"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", BAD_KEY},
        /* y of p and above */
        {"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", BAD_KEY},
        {"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", BAD_KEY},
        {"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", BAD_KEY},
        {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", BAD_KEY},
        /* y = 2 is not on the curve; y = 3 and y = p - 3 are, y = 4/5 is the base point */
        {"0200000000000000000000000000000000000000000000000000000000000000", BAD_KEY},
        {"0300000000000000000000000000000000000000000000000000000000000000", CAIRN_OK},
        {"eaffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", CAIRN_OK},
        {"5866666666666666666666666666666666666666666666666666666666666666", CAIRN_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        TEST_HEX(in, rows[i].hex);
        KEY(key);
        cairn_err err = cairn_key_from_public(CAIRN_KEY_ED25519, test_view(&in), &key);
        if (err != rows[i].err)
            fail_msg("%s: %s", rows[i].hex, cairn_err_name(err));
    }
}

/* --- PEM against OpenSSL --- */

static EVP_PKEY *parse_with_openssl(cairn_bytes pem, bool private_part)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    EVP_PKEY *pkey = private_part ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)
                                  : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return pkey;
}

static void test_pem_is_openssls(void **state)
{
    (void)state;
    for (size_t t = 0; t < 6; t++) {
        bool private_part = t % 2 == 1;
        KEY(key);
        KEY(again);
        cairn_arena arena;
        cairn_bytes pem = {0};
        cairn_arena_init(&arena, 4096);
        assert_int_equal(cairn_key_generate(types[t / 2], &key), CAIRN_OK);
        assert_int_equal(cairn_key_to_pem(key, private_part, &arena, &pem), CAIRN_OK);
        EVP_PKEY *pkey = parse_with_openssl(pem, private_part);
        assert_non_null(pkey);
        BIO *bio = BIO_new(BIO_s_mem());
        if (private_part)
            assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
        else
            assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
        char *text = NULL;
        long size = BIO_get_mem_data(bio, &text);
        assert_int_equal(size, pem.size);
        assert_memory_equal(text, pem.data, pem.size);
        BIO_free(bio);
        EVP_PKEY_free(pkey);
        assert_int_equal(cairn_key_from_pem(pem, &again), CAIRN_OK);
        assert_true(cairn_hash_equal(cairn_key_id(key), cairn_key_id(again)));
        assert_int_equal(cairn_key_is_private(again), private_part);
        if (!private_part)
            assert_int_equal(cairn_key_to_pem(again, true, &arena, &pem), CAIRN_ERR_ARGUMENT);
        cairn_arena_done(&arena);
    }
}

static cairn_err parse_pkey(EVP_PKEY *pkey, bool private_part, bool traditional)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (!private_part)
        assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
    else if (traditional)
        assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, pkey, NULL, NULL, 0, NULL, NULL),
                         1);
    else
        assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
    char *text = NULL;
    long size = BIO_get_mem_data(bio, &text);
    KEY(key);
    cairn_err err = cairn_key_from_pem(cairn_bytes_of(text, (size_t)size), &key);
    BIO_free(bio);
    return err;
}

static void test_pem_of_other_kinds_is_refused(void **state)
{
    (void)state;
    EVP_PKEY *p256 = EVP_EC_gen("P-256");
    EVP_PKEY *others[] = {EVP_EC_gen("P-521"), EVP_EC_gen("secp256k1"),
                          EVP_PKEY_Q_keygen(NULL, NULL, "X25519"),
                          EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)512)};
    assert_int_equal(parse_pkey(p256, true, false), CAIRN_OK);
    assert_int_equal(parse_pkey(p256, true, true), BAD_KEY);
    assert_int_equal(EVP_PKEY_set_utf8_string_param(p256, "point-format", "compressed"), 1);
    assert_int_equal(parse_pkey(p256, false, false), BAD_KEY);
    assert_int_equal(parse_pkey(p256, true, false), BAD_KEY);
    EVP_PKEY_free(p256);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_non_null(others[i]);
        assert_int_equal(parse_pkey(others[i], false, false), BAD_KEY);
        assert_int_equal(parse_pkey(others[i], true, false), BAD_KEY);
        EVP_PKEY_free(others[i]);
    }
}

#define SPKI_LINES                                                     \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7" \
    "\n"                                                               \
    "Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ=="

static void test_pem_text_is_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        cairn_err err;
    } rows[] = {
        {"-----BEGIN PUBLIC KEY-----\n" SPKI_LINES "\n-----END PUBLIC KEY-----\n", CAIRN_OK},
        {"-----BEGIN PUBLIC KEY-----\n" SPKI_LINES "\n-----END PUBLIC KEY-----", CAIRN_OK},
        {"-----BEGIN PUBLIC KEY-----\r\n" SPKI_LINES "\r\n-----END PUBLIC KEY-----\r\n", CAIRN_OK},
        {"", BAD_KEY},
        {"\n-----BEGIN PUBLIC KEY-----\n" SPKI_LINES "\n-----END PUBLIC KEY-----\n", BAD_KEY},
        {" -----BEGIN PUBLIC KEY-----\n" SPKI_LINES "\n-----END PUBLIC KEY-----\n", BAD_KEY},
        {"-----BEGIN PUBLIC KEY-----\n" SPKI_LINES "\n-----END PUBLIC KEY-----\n\n", BAD_KEY},
        {"-----BEGIN PUBLIC KEY-----\n" SPKI_LINES "\n-----END PUBLIC KEY-----\nx", BAD_KEY},
        {"-----BEGIN PUBLIC KEY-----\n" SPKI_LINES "\n-----END PRIVATE KEY-----\n", BAD_KEY},
        {"-----BEGIN PRIVATE KEY-----\n" SPKI_LINES "\n-----END PRIVATE KEY-----\n", BAD_KEY},
        {"-----BEGIN PUBLIC KEY-----\n" SPKI_LINES "\n", BAD_KEY},
        {"-----BEGIN PUBLIC KEY-----\n\n" SPKI_LINES "\n-----END PUBLIC KEY-----\n", BAD_KEY},
        {"-----BEGIN PUBLIC KEY-----\nMFk*\n-----END PUBLIC KEY-----\n", BAD_KEY},
        {"-----BEGIN PUBLIC KEY-----\n" SPKI_LINES "AAAA\n-----END PUBLIC KEY-----\n", BAD_KEY},
        {"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", BAD_KEY},
        {"-----BEGIN EC PRIVATE KEY-----\n" SPKI_LINES "\n-----END EC PRIVATE KEY-----\n", BAD_KEY},
        {"-----BEGIN CERTIFICATE-----\n" SPKI_LINES "\n-----END CERTIFICATE-----\n", BAD_KEY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        KEY(key);
        cairn_err err = cairn_key_from_pem(cairn_bytes_str(rows[i].text), &key);
        if (err != rows[i].err)
            fail_msg("row %zu: %s: %s", i, cairn_err_name(err), cairn_err_detail());
    }
    char large[2048];
    memset(large, 'A', sizeof large);
    KEY(key);
    assert_int_equal(cairn_key_from_pem(cairn_bytes_of(large, sizeof large), &key), BAD_KEY);
}

/* PEM of a PKCS#8 object given as DER. */
static cairn_err parse_pkcs8_hex(const char *hex, cairn_key **ret_key)
{
    TEST_HEX(der, hex);
    char text[1024] = "-----BEGIN PRIVATE KEY-----\n";
    size_t at = strlen(text);
    cairn_base64_encode(test_view(&der), text + at);
    strcat(text, "\n-----END PRIVATE KEY-----\n");
    return cairn_key_from_pem(cairn_bytes_str(text), ret_key);
}

#define SCALAR "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
#define ALGORITHM "301306072a8648ce3d020106082a8648ce3d030107"

static void test_pkcs8_variants(void **state)
{
    (void)state;
    static const char ux[] = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
    KEY(bare);
    assert_int_equal(parse_pkcs8_hex("3041020100" ALGORITHM "042730250201010420" SCALAR, &bare),
                     CAIRN_OK);
    TEST_HEX(x, ux);
    assert_memory_equal(cairn_key_public(bare).data, x.data, 32);
    static const char *const good[] = {
        /* the curve named again; attributes; RFC 8410 section 10.3 with both (its public key) */
        "304d020100" ALGORITHM "043330310201010420" SCALAR "a00a06082a8648ce3d030107",
        "3043020100" ALGORITHM "042730250201010420" SCALAR "a000",
        "3072020101300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44"
        "755842a01f301d060a2a864886f70d01090914310f0c0d437572646c65204368616972738121001"
        "9bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        KEY(key);
        if (parse_pkcs8_hex(good[i], &key) != CAIRN_OK)
            fail_msg("%zu: %s", i, cairn_err_detail());
    }
    KEY(other);
    assert_int_equal(parse_pkcs8_hex("308187020100" ALGORITHM "046d306b0201010420" SCALAR
                                     "a14403420004" GX GY,
                                     &other),
                     BAD_KEY);
    assert_int_equal(
        parse_pkcs8_hex("3041020100" ALGORITHM "042730250201010420" SCALAR "00", &other), BAD_KEY);
    assert_int_equal(parse_pkcs8_hex("3041020100" ALGORITHM "042730250201010420" ZERO32, &other),
                     BAD_KEY);
    static const char *const bad[] = {
        "3041",
        "30820041020100" ALGORITHM "042730250201010420" SCALAR,            /* long length */
        "3041020102" ALGORITHM "042730250201010420" SCALAR,                /* version 3 */
        "3041020100" ALGORITHM "042730250201020420" SCALAR,                /* ECPrivateKey 2 */
        "303a020100300c06072a8648ce3d0201060100042730250201010420" SCALAR, /* another curve */
        "304e020100" ALGORITHM "043430320201010420" SCALAR "a00b06092a8648ce3d03010701",
        "3040020100" ALGORITHM "04263024020101041f"
        "afa9d845ba75166b5c215767b1d6934e50c3db36e89b"
        "127b8a622b120f6721", /* a short scalar */
        "308187020100" ALGORITHM "046d306b0201010420" SCALAR "a14403420104" GX GY, /* unused bits */
        "3041020100" ALGORITHM "042730250201010420" SCALAR "0500",
        "302e020100300506032b657004220421" SCALAR,
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(parse_pkcs8_hex(bad[i], &other), BAD_KEY);
    assert_null(other);
}

/* --- encodings of signatures --- */

static void test_der_agrees_with_openssl(void **state)
{
    (void)state;
    for (size_t round = 0; round < 20000; round++) {
        size_t half = round % 2 == 0 ? 32 : 48;
        uint8_t raw[CAIRN_SIGNATURE_SIZE_MAX];
        uint8_t back[CAIRN_SIGNATURE_SIZE_MAX] = {0};
        uint8_t der[KEY_DER_SIGNATURE_MAX];
        CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret random = {0};
        assert_int_equal(cairn_secret_random(&random, 2 * half), CAIRN_OK);
        memcpy(raw, random.data, 2 * half);
        memset(raw, 0, round % 41 % half); /* leading zeros, often */
        memset(raw + half, 0, round % 37 % half);
        ECDSA_SIG *sig = ECDSA_SIG_new();
        assert_int_equal(ECDSA_SIG_set0(sig, BN_bin2bn(raw, (int)half, NULL),
                                        BN_bin2bn(raw + half, (int)half, NULL)),
                         1);
        unsigned char *want = NULL;
        int size = i2d_ECDSA_SIG(sig, &want);
        assert_int_equal(cairn_signature_to_der(raw, half, der), size);
        assert_memory_equal(der, want, (size_t)size);
        assert_int_equal(cairn_signature_from_der(cairn_bytes_of(der, (size_t)size), half, back),
                         CAIRN_OK);
        assert_memory_equal(back, raw, 2 * half);
        OPENSSL_free(want);
        ECDSA_SIG_free(sig);
    }
}

static void test_der_is_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "30",
        "3000",
        "3006020101020102ff",
        "30060201010201",
        "3006020101",
        "3106020101020101",   /* SET */
        "300702010102020001", /* padded */
        "300702020001020101",
        "3006020181020101",   /* negative r */
        "30060201010201ff",   /* negative s */
        "30050200020101",     /* empty r */
        "3006030101020101",   /* BIT STRING */
        "308106020101020101", /* long length */
        "30800201010201010000",
        "3009020101020101020101", /* third integer */
        "30260221010000000000000000000000000000000000000000000000000000000000000000020101",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        TEST_HEX(in, bad[i]);
        uint8_t out[CAIRN_SIGNATURE_SIZE_MAX];
        if (cairn_signature_from_der(test_view(&in), 32, out) != BAD_SIGNATURE)
            fail_msg("accepted %s", bad[i]);
    }
}

static void test_low_s_ends(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        bool low;
    } rows[] = {
        {ZERO32, true},
        {"0000000000000000000000000000000000000000000000000000000000000001", true},
        {"7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8", true}, /* (n-1)/2 */
        {"7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9", false},
        {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550", false},
        {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", false}, /* n */
        {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char hex[129] = GX;
        strcat(hex, rows[i].s);
        TEST_HEX(signature, hex);
        assert_int_equal(cairn_signature_low_s(test_view(&signature)), rows[i].low);
    }
    assert_false(cairn_signature_low_s(cairn_bytes_of(ZERO32, 63)));
}

/* Every signature that is made has the low s, and its mirror verifies as well: the rule is ours. */
static void test_signing_gives_low_s(void **state)
{
    (void)state;
    KEY(key);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &key), CAIRN_OK);
    TEST_HEX(order, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    for (uint32_t i = 0; i < 200; i++) {
        uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
        size_t size = 0;
        cairn_bytes message = cairn_bytes_of(&i, sizeof i);
        assert_int_equal(cairn_key_sign(key, message, signature, &size), CAIRN_OK);
        assert_true(cairn_signature_low_s(cairn_bytes_of(signature, size)));
        unsigned borrow = 0;
        for (size_t k = 32; k-- > 0;) {
            unsigned d = 256U + order.data[k] - signature[32 + k] - borrow;
            signature[32 + k] = (uint8_t)d;
            borrow = d < 256U;
        }
        assert_false(cairn_signature_low_s(cairn_bytes_of(signature, size)));
        assert_int_equal(cairn_key_verify(key, message, cairn_bytes_of(signature, size)), CAIRN_OK);
        cairn_signature_make_low(CAIRN_KEY_P256, signature);
        assert_true(cairn_signature_low_s(cairn_bytes_of(signature, size)));
    }
}

/* --- threads and secrets --- */

static void *verify_often(void *memory)
{
    cairn_key *key = memory;
    size_t good = 0;
    for (uint32_t i = 0; i < 300; i++) {
        uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
        size_t size = 0;
        cairn_bytes message = cairn_bytes_of(&i, sizeof i);
        cairn_key *mine = cairn_key_ref(key);
        good += cairn_key_sign(mine, message, signature, &size) == CAIRN_OK &&
                cairn_key_verify(mine, message, cairn_bytes_of(signature, size)) == CAIRN_OK;
        cairn_key_free(mine);
    }
    return (void *)(uintptr_t)good;
}

static void test_one_key_in_many_threads(void **state)
{
    (void)state;
    for (size_t t = 0; t < 3; t++) {
        KEY(key);
        pthread_t threads[4];
        assert_int_equal(cairn_key_generate(types[t], &key), CAIRN_OK);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, verify_often, key), 0);
        for (size_t i = 0; i < 4; i++) {
            void *good = NULL;
            assert_int_equal(pthread_join(threads[i], &good), 0);
            assert_int_equal((uintptr_t)good, 300);
        }
    }
    cairn_key_free(NULL);
    assert_null(cairn_key_ref(NULL));
}

static void test_secret(void **state)
{
    (void)state;
    uint8_t large[CAIRN_SECRET_SIZE_MAX + 1] = {0};
    static const uint8_t zero[CAIRN_SECRET_SIZE_MAX];
    cairn_secret secret = {0};
    assert_int_equal(cairn_secret_set(&secret, cairn_bytes_str("abc")), CAIRN_OK);
    assert_int_equal(cairn_secret_set(&secret, cairn_bytes_of(large, sizeof large)),
                     CAIRN_ERR_TOO_LARGE);
    assert_true(cairn_secret_equal(cairn_secret_view(&secret), cairn_bytes_str("abc")));
    assert_false(cairn_secret_equal(cairn_secret_view(&secret), cairn_bytes_str("abd")));
    assert_false(cairn_secret_equal(cairn_secret_view(&secret), cairn_bytes_str("ab")));
    assert_int_equal(cairn_secret_random(&secret, CAIRN_SECRET_SIZE_MAX), CAIRN_OK);
    assert_int_equal(secret.size, CAIRN_SECRET_SIZE_MAX);
    assert_memory_not_equal(secret.data, zero, sizeof zero);
    cairn_secret_wipe(&secret);
    assert_int_equal(secret.size, 0);
    assert_memory_equal(secret.data, zero, sizeof zero);
}

/* Who has a key can choose r = -e/d: the point whose x is compared is then none. That is a verdict
 * about the signature, not a failure of ours: it would stop whoever must go on after a bad one. */
static void test_signature_that_ends_nowhere(void **state)
{
    (void)state;
    static const int curves[] = {NID_X9_62_prime256v1, NID_secp384r1};
    const cairn_bytes message = cairn_bytes_str("message");
    for (size_t t = 0; t < 2; t++) {
        uint8_t secret[48] = {0}, digest[KEY_FIELD_SIZE_MAX], signature[96] = {0};
        const size_t half = t == 0 ? 32 : 48;
        KEY(key);
        secret[half - 1] = 1;        /* d */
        signature[2 * half - 1] = 1; /* s */
        assert_int_equal(cairn_key_from_private(types[t], cairn_bytes_of(secret, half), &key),
                         CAIRN_OK);
        assert_int_equal(cairn_key_digest(types[t], message, digest), CAIRN_OK);
        EC_GROUP *group = EC_GROUP_new_by_curve_name(curves[t]);
        BIGNUM *r = BN_bin2bn(digest, (int)half, NULL);
        BN_CTX *ctx = BN_CTX_new();
        assert_int_equal(BN_mod_sub(r, BN_value_one(), r, EC_GROUP_get0_order(group), ctx), 1);
        assert_int_equal(BN_sub_word(r, 1), 1);
        assert_int_equal(BN_bn2binpad(r, signature, (int)half), (int)half);
        assert_int_equal(cairn_key_verify(key, message, cairn_bytes_of(signature, 2 * half)),
                         BAD_SIGNATURE);
        BN_CTX_free(ctx);
        BN_free(r);
        EC_GROUP_free(group);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc9679_thumbprint),
        cmocka_unit_test(test_published_signatures),
        cmocka_unit_test(test_changed_signatures_are_refused),
        cmocka_unit_test(test_cose_round_trip),
        cmocka_unit_test(test_cose_refusals),
        cmocka_unit_test(test_private_scalar_range),
        cmocka_unit_test(test_ed25519_points),
        cmocka_unit_test(test_pem_is_openssls),
        cmocka_unit_test(test_pem_of_other_kinds_is_refused),
        cmocka_unit_test(test_pem_text_is_strict),
        cmocka_unit_test(test_pkcs8_variants),
        cmocka_unit_test(test_der_agrees_with_openssl),
        cmocka_unit_test(test_der_is_strict),
        cmocka_unit_test(test_low_s_ends),
        cmocka_unit_test(test_signing_gives_low_s),
        cmocka_unit_test(test_one_key_in_many_threads),
        cmocka_unit_test(test_signature_that_ends_nowhere),
        cmocka_unit_test(test_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
