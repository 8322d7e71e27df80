/* Vouchers: those of an independent implementation (tests/interop/fdo/vectors.py), those of go-fdo
 * where its module lies, our own, and what must be refused. */
#include "onboard/wire/voucher.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "support/fdo_vectors.h"
#include "support/hex.h"
#include "support/shared.h"

typedef struct vector {
    const char *voucher, *head, *owner;
    size_t entries;
} vector;

static const vector vectors[] = {
    {FDO_VOUCHER_P256, FDO_HEAD_P256, FDO_OWNER_P256, 3},
    {FDO_VOUCHER_P384, FDO_HEAD_P384, FDO_OWNER_P384, 1},
    {FDO_VOUCHER_X5CHAIN, FDO_HEAD_X5CHAIN, FDO_OWNER_X5CHAIN, 1},
    {FDO_VOUCHER_PSS, FDO_HEAD_PSS, FDO_OWNER_PSS, 1},
    {FDO_VOUCHER_PKCS, FDO_HEAD_PKCS, FDO_OWNER_PKCS, 1},
};
enum { VECTOR_COUNT = sizeof vectors / sizeof vectors[0] };

static cairn_arena arena;

static int setup(void **state)
{
    (void)state;
    cairn_arena_init(&arena, 16 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cairn_arena_done(&arena);
    return 0;
}

static cairn_err verify(cairn_bytes in, cairn_fdo_head *ret_head)
{
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    CAIRN_TRY(cairn_fdo_voucher_read(in, &voucher));
    return cairn_fdo_voucher_verify(&arena, &voucher, ret_head);
}

static cairn_err verdict(cairn_bytes in)
{
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    return verify(in, &head);
}

/* [X1353-R07] [X1353-R43] [X1353-R46] */
static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        TEST_HEX(in, vectors[i].voucher);
        TEST_HEX(want, vectors[i].head);
        TEST_HEX(owner, vectors[i].owner);
        CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
        CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
        assert_int_equal(cairn_fdo_voucher_read(test_view(&in), &voucher), CAIRN_OK);
        assert_int_equal(voucher.entry_count, vectors[i].entries);
        assert_int_equal(cairn_fdo_voucher_verify(&arena, &voucher, &head), CAIRN_OK);
        assert_true(
            cairn_bytes_equal(cairn_bytes_of(head.hash.b, head.hash.size), test_view(&want)));
        assert_true(cairn_bytes_equal(cairn_fdo_key_encoded(head.owner), test_view(&owner)));
    }
}

static void test_header(void **state)
{
    (void)state;
    TEST_HEX(in, FDO_VOUCHER_P256);
    TEST_HEX(secret, FDO_SECRET);
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    cairn_fdo_hash hmac = {0};
    cairn_bytes encoded = {0};
    assert_int_equal(cairn_fdo_voucher_read(test_view(&in), &voucher), CAIRN_OK);
    cairn_fdo_header *header = &voucher.header;
    assert_true(cairn_bytes_equal(header->device_info, cairn_bytes_str("vector")));
    assert_int_equal(header->guid.b[15], 15);
    assert_int_equal(
        cairn_fdo_hmac_of(CAIRN_FDO_HMAC256, test_view(&secret), header->encoded, &hmac), CAIRN_OK);
    assert_true(cairn_fdo_hash_equal(&hmac, &voucher.hmac));
    assert_int_equal(cairn_fdo_header_encode(&arena, header, &encoded), CAIRN_OK);
    assert_true(cairn_bytes_equal(encoded, header->encoded));
}

static void test_chain(void **state)
{
    (void)state;
    TEST_HEX(in, FDO_VOUCHER_P256);
    TEST_HEX(other_in, FDO_VOUCHER_P384);
    TEST_HEX(root, FDO_ROOT_P256);
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher other = {0};
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *device = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *none = NULL;
    assert_int_equal(cairn_fdo_voucher_read(test_view(&in), &voucher), CAIRN_OK);
    assert_int_equal(cairn_fdo_voucher_read(test_view(&other_in), &other), CAIRN_OK);
    cairn_bytes roots[] = {other.chain[1], test_view(&root)};
    assert_int_equal(cairn_fdo_chain_check(&voucher, roots, 2, &device), CAIRN_OK);
    assert_int_equal(cairn_key_get_type(device), CAIRN_KEY_P256);
    assert_int_equal(cairn_fdo_chain_check(&voucher, roots, 1, &none), CAIRN_ERR_NOT_TRUSTED);
    voucher.chain_count = 1;
    assert_int_equal(cairn_fdo_chain_check(&voucher, NULL, 0, &none), CAIRN_ERR_MISMATCH);
    voucher.chain_count = 0;
    assert_int_equal(cairn_fdo_chain_check(&voucher, NULL, 0, &none), CAIRN_ERR_MISSING_FIELD);
}

/* A chain of strangers, with its right hash. */
static void test_chain_of_strangers(void **state)
{
    (void)state;
    TEST_HEX(in, FDO_VOUCHER_P256);
    TEST_HEX(other_in, FDO_VOUCHER_P384);
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher other = {0};
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *none = NULL;
    assert_int_equal(cairn_fdo_voucher_read(test_view(&in), &voucher), CAIRN_OK);
    assert_int_equal(cairn_fdo_voucher_read(test_view(&other_in), &other), CAIRN_OK);
    voucher.chain[1] = other.chain[1];
    assert_int_equal(
        cairn_fdo_hash_of(CAIRN_FDO_SHA256, voucher.chain, 2, &voucher.header.chain_hash),
        CAIRN_OK);
    assert_int_equal(cairn_fdo_chain_check(&voucher, NULL, 0, &none), CAIRN_ERR_BAD_SIGNATURE);
    voucher.chain[1] = cairn_bytes_str("no certificate");
    assert_int_equal(
        cairn_fdo_hash_of(CAIRN_FDO_SHA256, voucher.chain, 2, &voucher.header.chain_hash),
        CAIRN_OK);
    assert_int_equal(cairn_fdo_chain_check(&voucher, NULL, 0, &none), CAIRN_ERR_BAD_VALUE);
}

/* Every bit of a voucher counts, but for what the chain of entries does not cover: the HMac without
 * entries behind it is the device's to check. */
static void test_flips(void **state)
{
    (void)state;
    TEST_HEX(in, FDO_VOUCHER_P256);
    for (size_t i = 0; i < in.size; i++) {
        in.data[i] ^= (uint8_t)(1u << i % 8);
        cairn_err err = verdict(test_view(&in));
        in.data[i] ^= (uint8_t)(1u << i % 8);
        if (err == CAIRN_OK)
            fail_msg("a flip at %zu of %zu passes", i, in.size);
        cairn_arena_reset(&arena);
    }
}

static void test_truncation(void **state)
{
    (void)state;
    TEST_HEX(in, FDO_VOUCHER_P384);
    for (size_t i = 0; i < in.size; i++)
        assert_int_equal(verdict(cairn_bytes_of(in.data, i)), CAIRN_ERR_TRUNCATED);
}

/* --- extension --- */

typedef struct sale {
    cairn_key *seller;
    cairn_fdo_key *buyer;
} sale;

static void sale_done(sale *s)
{
    cairn_key_free(s->seller);
    cairn_fdo_key_free(s->buyer);
}

static void sale_init(sale *s, cairn_key_type buyer_type)
{
    TEST_HEX(scalar, FDO_SCALAR_P256);
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *buyer = NULL;
    assert_int_equal(cairn_key_from_private(CAIRN_KEY_P256, test_view(&scalar), &s->seller),
                     CAIRN_OK);
    assert_int_equal(cairn_key_generate(buyer_type, &buyer), CAIRN_OK);
    assert_int_equal(cairn_fdo_key_of(buyer, CAIRN_FDO_KEY_X509, &s->buyer), CAIRN_OK);
}

/* The voucher of the vector with an entry more, by `seller`, from `head`. */
static cairn_bytes extend(const cairn_fdo_voucher *voucher, const cairn_fdo_head *head,
                          const cairn_fdo_header *header, const cairn_key *seller,
                          const cairn_fdo_key *buyer)
{
    cairn_bytes payload = {0};
    cairn_bytes entry = {0};
    cairn_bytes out = {0};
    static const uint8_t extra[] = {0xa1, 0x01, 0x41, 0x02};
    assert_int_equal(cairn_fdo_entry_payload(&arena, head, header,
                                             cairn_bytes_of(extra, sizeof extra), buyer, &payload),
                     CAIRN_OK);
    assert_int_equal(cairn_fdo_sign(&arena, seller, (cairn_bytes){0}, payload, &entry), CAIRN_OK);
    assert_int_equal(cairn_fdo_voucher_append(&arena, voucher, entry, &out), CAIRN_OK);
    return out;
}

/* [X1353-R07] [X1353-R09] */
static void test_extend(void **state)
{
    (void)state;
    TEST_HEX(in, FDO_VOUCHER_P256);
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head after = {0};
    CAIRN_CLEANUP(sale_done) sale s = {0};
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *thief = NULL;
    sale_init(&s, CAIRN_KEY_P256);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &thief), CAIRN_OK);
    assert_int_equal(cairn_fdo_voucher_read(test_view(&in), &voucher), CAIRN_OK);
    assert_int_equal(cairn_fdo_voucher_verify(&arena, &voucher, &head), CAIRN_OK);
    cairn_bytes good = extend(&voucher, &head, &voucher.header, s.seller, s.buyer);
    assert_int_equal(verify(good, &after), CAIRN_OK);
    assert_true(cairn_fdo_key_equal(after.owner, s.buyer));
    cairn_bytes stolen = extend(&voucher, &head, &voucher.header, thief, s.buyer);
    assert_int_equal(verdict(stolen), CAIRN_ERR_BAD_SIGNATURE);

    cairn_fdo_head wrong = head;
    wrong.hash.b[0] ^= 1;
    cairn_bytes unlinked = extend(&voucher, &wrong, &voucher.header, s.seller, s.buyer);
    assert_int_equal(verdict(unlinked), CAIRN_ERR_MISMATCH);

    cairn_fdo_header other = voucher.header;
    other.guid.b[0] ^= 1;
    cairn_bytes foreign = extend(&voucher, &head, &other, s.seller, s.buyer);
    assert_int_equal(verdict(foreign), CAIRN_ERR_MISMATCH);
}

static void test_next_key(void **state)
{
    (void)state;
    TEST_HEX(in, FDO_VOUCHER_P256);
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    CAIRN_CLEANUP(sale_done) sale s = {0};
    sale_init(&s, CAIRN_KEY_P384);
    assert_int_equal(cairn_fdo_voucher_read(test_view(&in), &voucher), CAIRN_OK);
    assert_int_equal(cairn_fdo_voucher_verify(&arena, &voucher, &head), CAIRN_OK);
    cairn_bytes out = extend(&voucher, &head, &voucher.header, s.seller, s.buyer);
    assert_int_equal(verdict(out), CAIRN_ERR_BAD_KEY);
}

/* An entry that stands where another stood before, dropped or swapped. */
static void test_order(void **state)
{
    (void)state;
    TEST_HEX(in, FDO_VOUCHER_P256);
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    assert_int_equal(cairn_fdo_voucher_read(test_view(&in), &voucher), CAIRN_OK);
    cairn_bytes first = voucher.entries[0];
    voucher.entries[0] = voucher.entries[1];
    assert_int_equal(cairn_fdo_voucher_verify(&arena, &voucher, &head), CAIRN_ERR_BAD_SIGNATURE);
    voucher.entries[0] = first;
    voucher.entries[1] = first; /* replayed */
    assert_int_equal(cairn_fdo_voucher_verify(&arena, &voucher, &head), CAIRN_ERR_BAD_SIGNATURE);
    voucher.entries[1] = voucher.entries[2];
    voucher.entry_count = 2;
    assert_int_equal(cairn_fdo_voucher_verify(&arena, &voucher, &head), CAIRN_ERR_BAD_SIGNATURE);
    voucher.entry_count = 0;
    assert_int_equal(cairn_fdo_voucher_verify(&arena, &voucher, &head), CAIRN_OK);
    assert_true(cairn_fdo_key_equal(head.owner, voucher.header.manufacturer));
}

/* A voucher with `count` sales of one owner to himself. */
static cairn_bytes sold_often(size_t count)
{
    TEST_HEX(in, FDO_VOUCHER_P256);
    cairn_bytes bytes = {0};
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *owner = NULL;
    CAIRN_CLEANUP(sale_done) sale s = {0};
    sale_init(&s, CAIRN_KEY_P256);
    assert_int_equal(cairn_fdo_key_of(s.seller, CAIRN_FDO_KEY_X509, &owner), CAIRN_OK);
    assert_int_equal(cairn_arena_copy(&arena, test_view(&in), &bytes), CAIRN_OK);
    for (size_t i = 3; i < count; i++) {
        CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
        CAIRN_CLEANUP(cairn_fdo_head_done)
        cairn_fdo_head head = {.hash = {.alg = CAIRN_FDO_SHA256, .size = 32}};
        assert_int_equal(cairn_fdo_voucher_read(bytes, &voucher), CAIRN_OK);
        assert_int_equal(
            cairn_fdo_hash_of(CAIRN_FDO_SHA256, &voucher.entries[i - 1], 1, &head.hash), CAIRN_OK);
        bytes = extend(&voucher, &head, &voucher.header, s.seller, owner);
    }
    return bytes;
}

/* [X1353-R09] */
static void test_entry_count(void **state)
{
    (void)state;
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher longer = {0};
    cairn_bytes none = {0};
    cairn_bytes bytes = sold_often(CAIRN_FDO_ENTRIES_MAX);
    assert_int_equal(verdict(bytes), CAIRN_OK);
    assert_int_equal(cairn_fdo_voucher_read(bytes, &voucher), CAIRN_OK);
    assert_int_equal(voucher.entry_count, CAIRN_FDO_ENTRIES_MAX);
    cairn_bytes last = voucher.entries[CAIRN_FDO_ENTRIES_MAX - 1];
    assert_int_equal(cairn_fdo_voucher_append(&arena, &voucher, last, &none), CAIRN_ERR_TOO_MANY);

    /* the same array with a head of 256 and one entry more: ...98 ff -> 99 0100 */
    size_t at = (size_t)(voucher.entries[0].data - bytes.data) - 2;
    void *memory = NULL;
    assert_int_equal(cairn_arena_alloc(&arena, bytes.size + 1 + last.size, &memory), CAIRN_OK);
    uint8_t *out = memory;
    memcpy(out, bytes.data, at);
    memcpy(out + at, (const uint8_t[]){0x99, 0x01, 0x00}, 3);
    memcpy(out + at + 3, bytes.data + at + 2, bytes.size - at - 2);
    memcpy(out + bytes.size + 1, last.data, last.size);
    assert_int_equal(
        cairn_fdo_voucher_read(cairn_bytes_of(out, bytes.size + 1 + last.size), &longer),
        CAIRN_ERR_TOO_MANY);
}

static void test_make(void **state)
{
    (void)state;
    TEST_HEX(in, FDO_VOUCHER_P384);
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher made = {0};
    cairn_bytes fresh = {0};
    cairn_bytes again = {0};
    assert_int_equal(cairn_fdo_voucher_read(test_view(&in), &voucher), CAIRN_OK);
    assert_int_equal(cairn_fdo_voucher_make(&arena, voucher.header.encoded, voucher.hmac_encoded,
                                            voucher.chain, voucher.chain_count, &fresh),
                     CAIRN_OK);
    assert_int_equal(cairn_fdo_voucher_read(fresh, &made), CAIRN_OK);
    assert_int_equal(made.entry_count, 0);
    assert_int_equal(cairn_fdo_voucher_append(&arena, &made, voucher.entries[0], &again), CAIRN_OK);
    assert_true(cairn_bytes_equal(again, test_view(&in)));
}

/* --- forms that are refused --- */

static cairn_err read_hex(const char *hex)
{
    TEST_HEX(in, hex);
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    return cairn_fdo_voucher_read(test_view(&in), &voucher);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cairn_err want;
    } cases[] = {
        {"80", CAIRN_ERR_BAD_VALUE},
        {"a0", CAIRN_ERR_WRONG_TYPE},
        {"8418654180f680", CAIRN_ERR_BAD_VALUE},             /* four items */
        {"85186541808205418080f6", CAIRN_ERR_BAD_VALUE},     /* HMac of one byte */
        {"85186441808205418080f6", CAIRN_ERR_BAD_VERSION},   /* version 100 */
        {"85186561208205418080f6", CAIRN_ERR_WRONG_TYPE},    /* header is text */
        {"8518654180822f41aaf680", CAIRN_ERR_BAD_ALGORITHM}, /* hash in the place of the HMac */
        {"8518654180820341aaf680", CAIRN_ERR_BAD_ALGORITHM}, /* no such HMac */
        {"8518654180f6f680", CAIRN_ERR_WRONG_TYPE},          /* no HMac */
        {"85186541809f05ff80f680", CAIRN_ERR_BAD_VALUE},     /* indefinite */
        {"8518654180820541aaf68000", CAIRN_ERR_TRAILING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_err err = read_hex(cases[i].hex);
        if (err != cases[i].want)
            fail_msg("%s: %s, not %s: %s", cases[i].hex, cairn_err_name(err),
                     cairn_err_name(cases[i].want), cairn_err_detail());
    }
}

static void test_large(void **state)
{
    (void)state;
    static uint8_t large[CAIRN_FDO_VOUCHER_SIZE_MAX + 1];
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    assert_int_equal(cairn_fdo_voucher_read(cairn_bytes_of(large, sizeof large), &voucher),
                     CAIRN_ERR_TOO_LARGE);
}

/* --- PEM --- */

static void test_pem(void **state)
{
    (void)state;
    TEST_HEX(in, FDO_VOUCHER_P256);
    cairn_bytes pem = {0};
    cairn_bytes back = {0};
    char *twice = NULL;
    assert_int_equal(cairn_fdo_voucher_to_pem(&arena, test_view(&in), &pem), CAIRN_OK);
    assert_int_equal(cairn_fdo_voucher_from_pem(&arena, pem, &back), CAIRN_OK);
    assert_true(cairn_bytes_equal(back, test_view(&in)));
    int size = asprintf(&twice, "%.*s%.*s", (int)pem.size, (const char *)pem.data, (int)pem.size,
                        (const char *)pem.data);
    assert_int_equal(cairn_fdo_voucher_from_pem(&arena, cairn_bytes_of(twice, (size_t)size), &back),
                     CAIRN_ERR_BAD_VALUE);
    free(twice);
    cairn_bytes cut = cairn_bytes_of(pem.data, pem.size - 2);
    assert_int_equal(cairn_fdo_voucher_from_pem(&arena, cut, &back), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_fdo_voucher_from_pem(&arena,
                                                cairn_bytes_str("-----BEGIN OWNERSHIP "
                                                                "VOUCHER-----\n!\n-----END "
                                                                "OWNERSHIP VOUCHER-----\n"),
                                                &back),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_fdo_voucher_from_pem(&arena, test_view(&in), &back),
                     CAIRN_ERR_BAD_VALUE);
}

/* --- go-fdo's own files, where its module has been fetched --- */

static bool go_fdo(const char *name, cairn_bytes *ret_file)
{
    char pattern[1024];
    glob_t found = {0};
    const char *cache = getenv("GOMODCACHE");
    const char *home = getenv("HOME");
    (void)snprintf(pattern, sizeof pattern,
                   "%s%s/github.com/fido-device-onboard/go-fdo@*/testdata/%s",
                   cache != NULL ? cache : home, cache != NULL ? "" : "/go/pkg/mod", name);
    *ret_file = (cairn_bytes){0};
    if (glob(pattern, 0, NULL, &found) == 0)
        *ret_file = test_read_file(found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    if (ret_file->data == NULL)
        printf("skipped: go-fdo's module is not in the cache of Go (%s)\n", pattern);
    return ret_file->data != NULL;
}

/* The credential [active, 101, device info, guid, rv info, hash of the manufacturer's key, …] that
 * goes with ov.pem. */
static void check_credential(const cairn_fdo_header *header, cairn_bytes credential)
{
    cairn_cbor_reader reader;
    size_t count = 0;
    cairn_bytes skipped = {0};
    cairn_bytes guid = {0};
    cairn_bytes rv_info = {0};
    cairn_fdo_hash want = {0};
    cairn_fdo_hash hash = {0};
    cairn_bytes key = cairn_fdo_key_encoded(header->manufacturer);
    assert_int_equal(
        cairn_cbor_open(&reader, credential, CAIRN_CBOR_FOREIGN, "credential", "go-fdo"), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_array(&reader, "credential", 6, 9, &count), CAIRN_OK);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(cairn_cbor_read_any(&reader, "item", &skipped), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_bytes(&reader, "guid", 16, 16, &guid), CAIRN_OK);
    assert_memory_equal(guid.data, header->guid.b, 16);
    assert_int_equal(cairn_cbor_read_any(&reader, "rv_info", &rv_info), CAIRN_OK);
    assert_true(cairn_bytes_equal(rv_info, header->rv_info.encoded));
    assert_int_equal(cairn_fdo_hash_read(&reader, "key_hash", &want), CAIRN_OK);
    assert_int_equal(want.alg, cairn_fdo_key_hash_alg(header->manufacturer));
    assert_int_equal(cairn_fdo_hash_of(want.alg, &key, 1, &hash), CAIRN_OK);
    assert_true(cairn_fdo_hash_equal(&hash, &want));
}

static void test_go_fdo(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t entries;
    } files[] = {{"ov.pem", 0}, {"ov_extended.pem", 6}};
    for (size_t i = 0; i < 2; i++) {
        CAIRN_CLEANUP(test_file_free) cairn_bytes file = {0};
        CAIRN_CLEANUP(test_file_free) cairn_bytes credential = {0};
        CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
        CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
        cairn_bytes bytes = {0};
        if (!go_fdo(files[i].name, &file))
            skip();
        assert_int_equal(cairn_fdo_voucher_from_pem(&arena, file, &bytes), CAIRN_OK);
        assert_int_equal(cairn_fdo_voucher_read(bytes, &voucher), CAIRN_OK);
        assert_int_equal(voucher.entry_count, files[i].entries);
        assert_int_equal(cairn_fdo_voucher_verify(&arena, &voucher, &head), CAIRN_OK);
        if (i == 0 && go_fdo("dc.bin", &credential))
            check_credential(&voucher.header, credential);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest all[] = {
        TEST(test_vectors),  TEST(test_header),     TEST(test_chain),
        TEST(test_flips),    TEST(test_truncation), TEST(test_extend),
        TEST(test_next_key), TEST(test_order),      TEST(test_entry_count),
        TEST(test_make),     TEST(test_refused),    TEST(test_large),
        TEST(test_pem),      TEST(test_go_fdo),     TEST(test_chain_of_strangers),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
