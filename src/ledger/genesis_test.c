/* Geneses and chain parameters: what is laid out by docs/formats/block-entry.md, and each way to
 * be none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/ledger_memory.h"

/* --- parameters --- */

static cairn_err decode_params(cairn_params *p)
{
    uint8_t out[CAIRN_PARAMS_SIZE_MAX];
    cairn_params back;
    CAIRN_TRY(cairn_params_decode(cairn_bytes_of(out, cairn_params_encode(p, out)), &back));
    assert_int_equal(back.validity_max_ms, p->validity_max_ms);
    assert_int_equal(back.next_app_height, p->next_app_height);
    assert_int_equal(back.alg_count, p->alg_count);
    return CAIRN_OK;
}

static void test_defaults_are_the_pages(void **state)
{
    (void)state;
    static const uint8_t page[] = {0xa8, 0x01, 0x01, 0x02, 0x1a, 0x00, 0x09, 0x27, 0xc0,
                                   0x03, 0x19, 0xff, 0xff, 0x04, 0x1a, 0x00, 0x40, 0x00,
                                   0x00, 0x05, 0x02, 0x06, 0x03, 0x07, 0x1a, 0x9a, 0x7e,
                                   0xc8, 0x00, 0x08, 0x81, 0x82, 0x26, 0x00};
    uint8_t out[CAIRN_PARAMS_SIZE_MAX];
    cairn_params params;
    cairn_params_default(&params);
    assert_int_equal(cairn_params_encode(&params, out), sizeof page);
    assert_memory_equal(out, page, sizeof page);
}

static void test_bounds_of_parameters(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        uint64_t min, max;
    } rows[] = {
        {offsetof(cairn_params, app_version), 1, UINT32_MAX},
        {offsetof(cairn_params, validity_max_ms), 1000, 86400000},
        {offsetof(cairn_params, tx_size_max), 1024, 65535},
        {offsetof(cairn_params, ids_max), 1024, 16777216},
        {offsetof(cairn_params, approval_den), 2, 100}, /* at least the numerator */
        {offsetof(cairn_params, approval_num), 1, 3},
        {offsetof(cairn_params, approval_lifetime_max_ms), 60000, UINT64_C(31622400000)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_params p;
        cairn_params_default(&p);
        uint64_t *field = (uint64_t *)(void *)((uint8_t *)&p + rows[i].offset);
        const uint64_t values[] = {rows[i].min - 1, rows[i].min, rows[i].max, rows[i].max + 1};
        for (size_t v = 0; v < 4; v++) {
            *field = values[v];
            assert_int_equal(decode_params(&p), v == 0 || v == 3 ? CAIRN_ERR_BAD_VALUE : CAIRN_OK);
        }
    }
}

static void test_a_ledger_can_live_by_its_parameters(void **state)
{
    (void)state;
    cairn_params p;
    cairn_params_default(&p);
    assert_int_equal(cairn_params_check(&p, 1), CAIRN_OK);
    p.algs[0].from_height = 5;
    assert_int_equal(cairn_params_check(&p, 4), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_params_check(&p, 5), CAIRN_OK);
    p.algs[0].alg = CAIRN_ALG_EDDSA;
    assert_int_equal(cairn_params_check(&p, 5), CAIRN_ERR_BAD_VALUE);
    p.alg_count = 2;
    p.algs[1].alg = CAIRN_ALG_ES256;
    p.algs[1].from_height = 0;
    assert_int_equal(cairn_params_check(&p, 5), CAIRN_OK);
    p.next_app_version = 2;
    p.next_app_height = 5;
    assert_int_equal(cairn_params_check(&p, 5), CAIRN_OK);
    assert_int_equal(cairn_params_check(&p, 6), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_params_version_at(&p, 4), 1);
    assert_int_equal(cairn_params_version_at(&p, 5), 2);
    p.next_app_version = 3;
    assert_int_equal(cairn_params_check(&p, 5), CAIRN_ERR_BAD_VALUE);
    p.next_app_version = 1;
    assert_int_equal(cairn_params_check(&p, 5), CAIRN_ERR_BAD_VALUE);
}

/* --- genesis --- */

typedef struct world {
    cairn_arena arena;
    cairn_genesis genesis;
    cairn_genesis_member members[3];
} world;

static void begin(world *w)
{
    static const char *const names[] = {"A", "B", "C"};
    memset(w, 0, sizeof *w);
    cairn_arena_init(&w->arena, 1 << 24);
    w->genesis = (cairn_genesis){.name = cairn_bytes_str("Ledger"),
                                 .created_ms = MEMORY_TIME_MS,
                                 .member_count = 3,
                                 .members = w->members};
    cairn_params_default(&w->genesis.params);
    for (uint8_t i = 0; i < 3; i++) {
        w->members[i].name = cairn_bytes_str(names[i]);
        w->members[i].key_count = 2;
        for (uint8_t k = 0; k < 2; k++)
            w->members[i].keys[k] =
                (cairn_genesis_key){k == 0 ? CAIRN_PURPOSE_SIGN : CAIRN_PURPOSE_COSIGN,
                                    memory_cose(&w->arena, memory_key((uint8_t)(1 + 10 * i + k)))};
    }
}

/* Block 0 of the draft, as a ledger would take it. */
static cairn_err take(world *w)
{
    cairn_bytes raw;
    cairn_ledger *ledger = NULL;
    cairn_block block;
    CAIRN_TRY(cairn_genesis_encode(&w->arena, &w->genesis, &raw));
    assert_int_equal(cairn_ledger_new(&cairn_all_features, NULL, &ledger), CAIRN_OK);
    cairn_err err = cairn_ledger_begin(ledger, &memory_bases, raw, &w->arena, &block);
    if (err == CAIRN_OK)
        cairn_block_discard(&block);
    cairn_ledger_free(ledger);
    return err;
}

#define EXPECT_TAKE(code, change)         \
    do {                                  \
        world w;                          \
        begin(&w);                        \
        change;                           \
        assert_int_equal(take(&w), code); \
        cairn_arena_done(&w.arena);       \
    } while (0)

static void test_drafts(void **state)
{
    (void)state;
    uint8_t seed[32] = {9};
    uint8_t out[CAIRN_COSE_KEY_SIZE_MAX];
    size_t size = 0;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *ed25519 = NULL;
    assert_int_equal(cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(seed, 32), &ed25519),
                     CAIRN_OK);
    assert_int_equal(cairn_key_to_cose(ed25519, out, &size), CAIRN_OK);
    cairn_bytes ed = cairn_bytes_of(out, size);
    EXPECT_TAKE(CAIRN_OK, (void)0);
    EXPECT_TAKE(CAIRN_OK, w.genesis.member_count = 1);
    EXPECT_TAKE(CAIRN_ERR_BAD_VALUE, w.genesis.member_count = 0);
    EXPECT_TAKE(CAIRN_ERR_BAD_VALUE, w.genesis.name = cairn_bytes_str(""));
    EXPECT_TAKE(CAIRN_ERR_BAD_VALUE, w.genesis.name = cairn_bytes_str("a/b"));
    EXPECT_TAKE(CAIRN_ERR_BAD_VALUE, w.members[1].name = cairn_bytes_str(" B"));
    EXPECT_TAKE(CAIRN_ERR_BAD_VALUE, w.members[1].name = cairn_bytes_str("B+"));
    EXPECT_TAKE(CAIRN_ERR_EXISTS, w.members[1].name = cairn_bytes_str("A"));
    EXPECT_TAKE(CAIRN_ERR_EXISTS, w.members[1].name = cairn_bytes_str("a")); /* looks alike */
    EXPECT_TAKE(CAIRN_ERR_BAD_VALUE, w.members[1].key_count = 0);
    EXPECT_TAKE(CAIRN_ERR_BAD_VALUE, w.members[1].keys[0].purpose = CAIRN_PURPOSE_TLS);
    EXPECT_TAKE(CAIRN_ERR_BAD_KEY, w.members[1].keys[0].cose_key = ed);
    EXPECT_TAKE(CAIRN_OK, w.members[1].keys[1].cose_key = ed);
    EXPECT_TAKE(CAIRN_ERR_BAD_KEY,
                w.members[1].keys[1] = ((cairn_genesis_key){CAIRN_PURPOSE_SIGN, ed}));
    EXPECT_TAKE(CAIRN_ERR_EXISTS, w.members[1].keys[1] = w.members[0].keys[0]);
    EXPECT_TAKE(CAIRN_ERR_EXISTS, w.members[1] = w.members[0]);
    EXPECT_TAKE(CAIRN_ERR_MISSING_FIELD, w.members[0].keys[1].cose_key = cairn_bytes_of("\xa0", 1));
    EXPECT_TAKE(CAIRN_ERR_BAD_VERSION, w.genesis.params.app_version = 2);
    EXPECT_TAKE(CAIRN_ERR_BAD_VALUE, w.genesis.params.algs[0].from_height = 2);
    EXPECT_TAKE(CAIRN_OK, w.genesis.params.algs[0].from_height = 1);
    EXPECT_TAKE(CAIRN_ERR_BAD_VALUE, w.genesis.params.next_app_version = 4;
                w.genesis.params.next_app_height = 9);
    EXPECT_TAKE(CAIRN_ERR_BAD_VALUE, w.genesis.created_ms = CAIRN_TIME_MAX_MS + 1);
}

static void test_bytes(void **state)
{
    (void)state;
    world w;
    cairn_bytes raw, copy;
    cairn_genesis decoded;
    cairn_hash id, other;
    begin(&w);
    assert_int_equal(cairn_genesis_encode(&w.arena, &w.genesis, &raw), CAIRN_OK);
    assert_int_equal(raw.data[0], CAIRN_GENESIS_FIRST_BYTE);
    for (size_t size = 0; size < raw.size; size++)
        assert_int_equal(cairn_genesis_decode(&w.arena, cairn_bytes_of(raw.data, size), &decoded),
                         CAIRN_ERR_TRUNCATED);
    assert_int_equal(cairn_arena_copy(&w.arena, raw, &copy), CAIRN_OK);
    uint8_t *data = (uint8_t *)(uintptr_t)copy.data;
    data[2] ^= 1; /* "cairn/genesis/1" is another word */
    assert_int_equal(cairn_genesis_decode(&w.arena, copy, &decoded), CAIRN_ERR_BAD_VERSION);
    cairn_ledger_id(raw, &id);
    uint8_t *message = malloc(15 + raw.size);
    assert_non_null(message);
    memcpy(message, "cairn/ledger/1", 15);
    memcpy(message + 15, raw.data, raw.size);
    cairn_sha256_of(message, 15 + raw.size, &other);
    free(message);
    assert_memory_equal(&id, &other, sizeof id);
    w.genesis.nonce[15] = 1; /* the same organisations, another ledger */
    assert_int_equal(cairn_genesis_encode(&w.arena, &w.genesis, &raw), CAIRN_OK);
    cairn_ledger_id(raw, &other);
    assert_memory_not_equal(&id, &other, sizeof id);
    cairn_arena_done(&w.arena);
}

static void test_origin(void **state)
{
    (void)state;
    char origin[CAIRN_ORIGIN_SIZE + 1];
    const cairn_hash id = {{0x0a, 0xff}};
    cairn_ledger_origin(&id, origin);
    assert_string_equal(origin,
                        "cairn/0aff000000000000000000000000000000000000000000000000000000000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_the_pages),
        cmocka_unit_test(test_bounds_of_parameters),
        cmocka_unit_test(test_a_ledger_can_live_by_its_parameters),
        cmocka_unit_test(test_drafts),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
