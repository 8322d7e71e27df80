/* Requests: OpenSSL's, with every key we take, and each refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "identity/ca/ca_csr.h"
#include "support/ca_fixture.h"
#include "support/hex.h"

static cairn_arena arena;

static int reset(void **state)
{
    (void)state;
    cairn_arena_reset(&arena);
    return 0;
}

static cairn_err decode(cairn_bytes der)
{
    cairn_ca_csr csr = {0};
    cairn_err err = cairn_ca_csr_decode(der, &csr);
    cairn_ca_csr_done(&csr);
    return err;
}

static cairn_err decode_wish(const ca_csr_wish *wish)
{
    return decode(ca_csr(&arena, wish));
}

static void test_keys(void **state)
{
    (void)state;
    static const char *const names[] = {"P-256", "P-384", "ED25519"};
    static const cairn_key_type types[] = {CAIRN_KEY_P256, CAIRN_KEY_P384, CAIRN_KEY_ED25519};
    for (size_t i = 0; i < 3; i++) {
        cairn_ca_csr csr = {0};
        cairn_bytes der = ca_csr(&arena, &(ca_csr_wish){.type = names[i], .common_name = "unit"});
        assert_int_equal(cairn_ca_csr_decode(der, &csr), CAIRN_OK);
        assert_int_equal(cairn_key_get_type(csr.key), types[i]);
        assert_true(cairn_bytes_equal(csr.subject.common_name, cairn_bytes_str("unit")));
        cairn_ca_csr_done(&csr);
    }
    static const char *const refused[] = {"RSA", "P-521", "secp256k1"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(decode_wish(&(ca_csr_wish){.type = refused[i], .md = EVP_sha256()}),
                         CAIRN_ERR_BAD_ALGORITHM);
    assert_int_equal(decode_wish(&(ca_csr_wish){.type = "P-384", .md = EVP_sha256()}),
                     CAIRN_ERR_BAD_ALGORITHM);
}

static void test_names(void **state)
{
    (void)state;
    cairn_ca_csr csr = {0};
    cairn_bytes der =
        ca_csr(&arena, &(ca_csr_wish){.type = "P-256",
                                      .alt_names = "DNS:a.example,IP:10.0.0.1,IP:::1,URI:urn:x:y,"
                                                   "email:d@r.example"});
    assert_int_equal(cairn_ca_csr_decode(der, &csr), CAIRN_OK);
    assert_int_equal(csr.name_count, 5);
    assert_int_equal(csr.names[0].kind, CAIRN_CA_NAME_DNS);
    assert_int_equal(csr.names[2].value.size, 16);
    cairn_ca_csr_done(&csr);
    static const struct {
        const char *names;
        cairn_err err;
    } refused[] = {
        {"DNS:*.example", CAIRN_ERR_BAD_VALUE},
        {"DNS:a..b", CAIRN_ERR_BAD_VALUE},
        {"DNS:-a.b", CAIRN_ERR_BAD_VALUE},
        {"DNS:a_b.example", CAIRN_ERR_BAD_VALUE},
        {"DNS:a.example,DNS:A.EXAMPLE", CAIRN_ERR_DUPLICATE_KEY},
        {"URI:nothing", CAIRN_ERR_BAD_VALUE},
        {"email:d", CAIRN_ERR_BAD_VALUE},
        {"RID:1.2.3", CAIRN_ERR_UNKNOWN_FIELD},
        {"otherName:1.2.3;UTF8:x", CAIRN_ERR_UNKNOWN_FIELD},
        {"DNS:a,DNS:b,DNS:c,DNS:d,DNS:e,DNS:f,DNS:g,DNS:h,DNS:i,DNS:j,DNS:k,DNS:l,DNS:m,DNS:n,"
         "DNS:o,DNS:p,DNS:q",
         CAIRN_ERR_TOO_MANY},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(
            decode_wish(&(ca_csr_wish){.type = "P-256", .alt_names = refused[i].names}),
            refused[i].err);
}

/* Any change of the signed part, and no proof of possession is left. */
static void test_possession(void **state)
{
    (void)state;
    static const char *const types[] = {"P-256", "ED25519"};
    for (size_t t = 0; t < 2; t++) {
        cairn_bytes der = ca_csr(&arena, &(ca_csr_wish){.type = types[t], .common_name = "unit"});
        cairn_bytes changed = {0};
        assert_int_equal(cairn_arena_copy(&arena, der, &changed), CAIRN_OK);
        uint8_t *bytes = (uint8_t *)(uintptr_t)changed.data;
        const uint8_t *name = memmem(der.data, der.size, "unit", 4);
        assert_non_null(name);
        bytes[name - der.data] ^= 1;
        assert_int_equal(decode(changed), CAIRN_ERR_BAD_SIGNATURE);
        bytes[name - der.data] ^= 1;
        assert_int_equal(decode(changed), CAIRN_OK);
        bytes[der.size - 1] ^= 1;
        assert_int_equal(decode(changed), CAIRN_ERR_BAD_SIGNATURE);
    }
}

static void test_every_prefix_and_flip_is_refused(void **state)
{
    (void)state;
    cairn_bytes der = ca_csr(&arena, &(ca_csr_wish){.type = "P-256",
                                                    .common_name = "unit",
                                                    .alt_names = "DNS:a.example",
                                                    .usage = "clientAuth"});
    for (size_t size = 0; size < der.size; size++)
        assert_int_not_equal(decode(cairn_bytes_of(der.data, size)), CAIRN_OK);
    cairn_bytes changed = {0};
    assert_int_equal(cairn_arena_copy(&arena, der, &changed), CAIRN_OK);
    uint8_t *bytes = (uint8_t *)(uintptr_t)changed.data;
    for (size_t i = 0; i < der.size; i++) {
        bytes[i] ^= 0x04;
        assert_int_not_equal(decode(changed), CAIRN_OK);
        bytes[i] ^= 0x04;
    }
}

static void test_sizes(void **state)
{
    (void)state;
    static uint8_t large[CAIRN_CA_CSR_SIZE_MAX + 1];
    char name[80];
    assert_int_equal(decode(cairn_bytes_of(large, sizeof large)), CAIRN_ERR_TOO_LARGE);
    assert_int_equal(decode(cairn_bytes_of(NULL, 0)), CAIRN_ERR_MISSING_FIELD);
    memset(name, 'n', sizeof name);
    name[64] = '\0';
    assert_int_equal(decode_wish(&(ca_csr_wish){.type = "P-256", .common_name = name}), CAIRN_OK);
}

/* DER that BER would let pass. */
static void test_reader(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cairn_err err;
    } cases[] = {
        {"020100", CAIRN_OK},
        {"02020000", CAIRN_ERR_BAD_VALUE},     /* padded */
        {"0201ff", CAIRN_ERR_BAD_VALUE},       /* negative */
        {"0200", CAIRN_ERR_BAD_VALUE},         /* empty */
        {"02810100", CAIRN_ERR_NOT_CANONICAL}, /* long form of a short length */
        {"0282000100", CAIRN_ERR_NOT_CANONICAL},
        {"028000", CAIRN_ERR_NOT_CANONICAL}, /* indefinite */
        {"0284000000010000", CAIRN_ERR_NOT_CANONICAL},
        {"0202", CAIRN_ERR_TRUNCATED},
        {"0281", CAIRN_ERR_TRUNCATED},
        {"02", CAIRN_ERR_TRUNCATED},
        {"", CAIRN_ERR_MISSING_FIELD},
        {"040100", CAIRN_ERR_WRONG_TYPE},
        {"0209010000000000000000", CAIRN_ERR_BAD_VALUE}, /* 2^64 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TEST_HEX(in, cases[i].hex);
        cairn_der_reader reader;
        uint64_t value = 7;
        cairn_der_open(&reader, test_view(&in), "test", "X.690");
        assert_int_equal(cairn_der_read_uint(&reader, "number", UINT64_MAX, &value), cases[i].err);
        assert_int_equal(value, cases[i].err == CAIRN_OK ? 0 : 7);
    }
}

/* What the writer makes, OpenSSL reads, and the lengths are the shortest. */
static void test_writer(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 127, 128, 255, 256, 65535, 65536};
    static uint8_t buffer[70000];
    static uint8_t content[65536];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        cairn_der_writer w;
        cairn_bytes der = {0};
        cairn_der_writer_init(&w, buffer, sizeof buffer);
        size_t outer = cairn_der_begin(&w, CAIRN_DER_SEQUENCE);
        cairn_der_put(&w, CAIRN_DER_OCTET_STRING, cairn_bytes_of(content, sizes[i]));
        cairn_der_put_uint(&w, UINT64_MAX);
        cairn_der_end(&w, outer);
        assert_int_equal(cairn_der_writer_end(&w, &der), CAIRN_OK);
        const unsigned char *at = der.data;
        ASN1_TYPE *read = d2i_ASN1_TYPE(NULL, &at, (long)der.size);
        assert_non_null(read);
        assert_ptr_equal(at, der.data + der.size);
        unsigned char *again = NULL;
        STACK_OF(ASN1_TYPE) *list = NULL;
        const unsigned char *from = der.data;
        list = d2i_ASN1_SEQUENCE_ANY(NULL, &from, (long)der.size);
        int size = i2d_ASN1_SEQUENCE_ANY(list, &again);
        assert_int_equal(size, der.size);
        assert_memory_equal(again, der.data, der.size);
        OPENSSL_free(again);
        sk_ASN1_TYPE_pop_free(list, ASN1_TYPE_free);
        ASN1_TYPE_free(read);
    }
    cairn_der_writer small;
    cairn_bytes der = {0};
    cairn_der_writer_init(&small, buffer, 4);
    cairn_der_put(&small, CAIRN_DER_OCTET_STRING, cairn_bytes_of(content, 1));
    assert_int_equal(cairn_der_writer_end(&small, &der), CAIRN_ERR_TOO_LARGE);
}

int main(void)
{
    cairn_arena_init(&arena, 1 << 24);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_keys, reset),
        cmocka_unit_test_setup(test_names, reset),
        cmocka_unit_test_setup(test_possession, reset),
        cmocka_unit_test_setup(test_every_prefix_and_flip_is_refused, reset),
        cmocka_unit_test_setup(test_sizes, reset),
        cmocka_unit_test_setup(test_reader, reset),
        cmocka_unit_test_setup(test_writer, reset),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    cairn_arena_done(&arena);
    return failed;
}
