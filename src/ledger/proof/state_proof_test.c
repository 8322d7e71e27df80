/* State proofs: a map and its ICS-23 proofs written by hand, each level's no, and the verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "cairn/verify.h"
#include "support/vouch.h"

/* A map of two keys whose paths begin with different bits: a root over two leaves. */

static const char key_text[] = "org/a", value_text[] = "value of a";
static const char other_text[] = "org/b", absent_text[] = "org/absent";

static test_world world;
static cairn_hash leaf, other_leaf; /* left and right, or right and left */
static bool key_is_left;
static cairn_block_entry entry;
static uint8_t entry_bytes[CAIRN_BLOCK_ENTRY_SIZE_MAX];
static cairn_state_proof draft;
static uint8_t proof_bytes[512];
static cairn_arena scratch, trust_memory;
static cairn_state_verdict verdict;

static void openssl_sha256(const void *data, size_t size, uint8_t out[32])
{
    assert_int_equal(EVP_Digest(data, size, out, NULL, EVP_sha256(), NULL), 1);
}

/* leaf = SHA-256(0x00 ‖ SHA-256(key) ‖ SHA-256(value)); returns the first bit of the path. */
static bool hand_leaf(const char *key, const char *value, cairn_hash *out)
{
    uint8_t message[65] = {0};
    openssl_sha256(key, strlen(key), message + 1);
    openssl_sha256(value, strlen(value), message + 33);
    openssl_sha256(message, sizeof message, out->b);
    return message[1] >> 7;
}

static size_t put_field(uint8_t *out, uint8_t number, const void *data, size_t size)
{
    assert_true(size < 128);
    out[0] = (uint8_t)(number << 3 | 2);
    out[1] = (uint8_t)size;
    memcpy(out + 2, data, size);
    return size + 2;
}

/* ExistenceProof{key, value, leaf: SHA-256 of prehashed key and value behind 00, one inner step}.
 */
static size_t hand_existence(uint8_t *out, const char *key, const char *value,
                             const cairn_hash *sibling, bool sibling_is_left)
{
    uint8_t inner[64], step[34] = {1};
    size_t n = put_field(out, 1, key, strlen(key));
    n += put_field(out + n, 2, value, strlen(value));
    n += put_field(out + n, 3, "\x08\x01\x10\x01\x18\x01\x2a\x01\x00", 9);
    memcpy(inner, "\x08\x01", 2);
    memcpy(step + 1, sibling->b, 32);
    size_t m = 2 + put_field(inner + 2, 2, step, sibling_is_left ? 33 : 1);
    if (!sibling_is_left)
        m += put_field(inner + m, 3, sibling->b, 32);
    return n + put_field(out + n, 4, inner, m);
}

static cairn_bytes hand_exist_proof(void)
{
    uint8_t body[256];
    size_t size = hand_existence(body, key_text, value_text, &other_leaf, !key_is_left);
    return cairn_bytes_of(proof_bytes, put_field(proof_bytes, 1, body, size));
}

static void make_map(cairn_hash *ret_root)
{
    uint8_t node[65] = {1};
    bool key_bit = hand_leaf(key_text, value_text, &leaf);
    bool other_bit = hand_leaf(other_text, "value of b", &other_leaf);
    assert_int_not_equal(key_bit, other_bit);
    key_is_left = !key_bit;
    memcpy(node + 1, key_is_left ? leaf.b : other_leaf.b, 32);
    memcpy(node + 33, key_is_left ? other_leaf.b : leaf.b, 32);
    openssl_sha256(node, sizeof node, ret_root->b);
}

static int set_up(void **state)
{
    (void)state;
    test_world_init(&world);
    entry = (cairn_block_entry){
        .height = 90, .time_ms = TEST_TIME_MS - 5, .first = 4, .count = TEST_INDEX - 4};
    make_map(&entry.state_root);
    entry.config_root.b[0] = 7;
    size_t size = cairn_block_entry_encode(&entry, entry_bytes);
    draft = (cairn_state_proof){.map = CAIRN_STATE_PROOF_STATE,
                                .key = cairn_bytes_str(key_text),
                                .present = true,
                                .value = cairn_bytes_str(value_text),
                                .proof = hand_exist_proof(),
                                .end.block_entry_raw = cairn_bytes_of(entry_bytes, size)};
    test_world_log(&world, draft.end.block_entry_raw);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_world_done(&world);
    return 0;
}

static void renew(cairn_arena *arena)
{
    cairn_arena_done(arena);
    cairn_arena_init(arena, CAIRN_VERIFY_ARENA_SIZE);
}

static cairn_err verify_bytes(cairn_bytes proof, uint64_t now_ms)
{
    renew(&scratch);
    renew(&trust_memory);
    cairn_trust trust = test_world_trust(&world, &trust_memory);
    cairn_err err = cairn_verify_state_proof(&scratch, proof, &trust, now_ms, &verdict);
    cairn_trust_done(&trust);
    return err;
}

static cairn_bytes encode(const test_says *says, size_t count)
{
    cairn_bytes receipts[8], encoded;
    for (size_t i = 0; i < count; i++)
        receipts[i] = test_world_receipt(&world, says[i]);
    TEST_MUST(cairn_state_proof_encode(&world.arena, &draft, receipts, count, &encoded));
    return encoded;
}

#define ENCODE(...)                          \
    encode((const test_says[]){__VA_ARGS__}, \
           sizeof((const test_says[]){__VA_ARGS__}) / sizeof(test_says))
#define VERIFY(...) verify_bytes(ENCODE(__VA_ARGS__), TEST_NOW_MS)

static void test_present_key(void **state)
{
    (void)state;
    assert_int_equal(VERIFY({.org = 0}, {.org = 2}), CAIRN_OK);
    assert_true(verdict.proof.present);
    assert_true(cairn_bytes_equal(verdict.proof.value, cairn_bytes_str(value_text)));
    assert_int_equal(verdict.proof.end.block_entry.height, 90);
    assert_int_equal(verdict.vouching.index, TEST_INDEX);
    assert_int_equal(verdict.vouching.height, TEST_HEIGHT);
    assert_int_equal(verdict.vouching.vouching_count, 2);
}

static void test_round_trip(void **state)
{
    (void)state;
    cairn_state_proof p;
    cairn_bytes receipt = test_world_receipt(&world, (test_says){0}), again;
    cairn_bytes encoded = ENCODE({.org = 0});
    assert_int_equal(cairn_state_proof_decode(&world.arena, encoded, &p), CAIRN_OK);
    assert_true(cairn_bytes_equal(p.key, draft.key));
    assert_true(cairn_bytes_equal(p.proof, draft.proof));
    assert_int_equal(p.end.receipt_count, 1);
    for (size_t i = 0; i < 2; i++) { /* deterministic but for the signature */
        assert_int_equal(cairn_state_proof_encode(&world.arena, &p, &receipt, 1, &again), CAIRN_OK);
        assert_int_equal(again.size, encoded.size);
        assert_memory_equal(again.data, encoded.data, encoded.size - 64);
    }
}

static void test_wrong_claims(void **state)
{
    (void)state;
    draft.value = cairn_bytes_str("another value");
    assert_int_equal(VERIFY({.org = 0}, {.org = 2}), CAIRN_ERR_BAD_PROOF);
    draft.value = cairn_bytes_str(value_text);
    draft.key = cairn_bytes_str(other_text);
    assert_int_equal(VERIFY({.org = 0}, {.org = 2}), CAIRN_ERR_BAD_PROOF);
    draft.key = cairn_bytes_str(key_text);
    draft.map = CAIRN_STATE_PROOF_CONFIG; /* the other root */
    assert_int_equal(VERIFY({.org = 0}, {.org = 2}), CAIRN_ERR_BAD_PROOF);
    draft.map = CAIRN_STATE_PROOF_STATE;
    draft.present = false; /* absence by a proof of existence */
    assert_int_equal(VERIFY({.org = 0}, {.org = 2}), CAIRN_ERR_WRONG_TYPE);
}

/* The proof of existence of the map's left or right key. */
static size_t hand_side(uint8_t *out, bool left)
{
    bool is_key = left == key_is_left;
    return hand_existence(out, is_key ? key_text : other_text, is_key ? value_text : "value of b",
                          is_key ? &other_leaf : &leaf, !left);
}

/* Whether the absent key's path lies behind that of the map's left or right key. */
static bool absent_is_behind(bool left)
{
    uint8_t absent[32], path[32];
    const char *key = left == key_is_left ? key_text : other_text;
    openssl_sha256(absent_text, strlen(absent_text), absent);
    openssl_sha256(key, strlen(key), path);
    return memcmp(absent, path, 32) > 0;
}

/* NonExistenceProof: the neighbours in order of the paths, one or two of them. */
static void test_absent_key(void **state)
{
    (void)state;
    uint8_t side[256], body[512];
    size_t n = put_field(body, 1, absent_text, strlen(absent_text));
    bool behind_left = absent_is_behind(true), behind_right = absent_is_behind(false);
    if (behind_left)
        n += put_field(body + n, 2, side, hand_side(side, !behind_right));
    if (!behind_right)
        n += put_field(body + n, 3, side, hand_side(side, !behind_left));
    size_t head = n < 128 ? 2 : 3;
    proof_bytes[0] = 2 << 3 | 2;
    proof_bytes[1] = (uint8_t)(n < 128 ? n : n | 0x80);
    proof_bytes[2] = (uint8_t)(n >> 7);
    memcpy(proof_bytes + head, body, n);
    draft.proof = cairn_bytes_of(proof_bytes, head + n);
    draft.key = cairn_bytes_str(absent_text);
    draft.value = (cairn_bytes){0};
    draft.present = false;
    assert_int_equal(VERIFY({.org = 0}, {.org = 2}), CAIRN_OK);
    assert_false(verdict.proof.present);
    draft.key = cairn_bytes_str(key_text); /* which is there */
    assert_int_equal(VERIFY({.org = 0}, {.org = 2}), CAIRN_ERR_BAD_PROOF);
}

static void test_receipts_of_the_block_entry(void **state)
{
    (void)state;
    assert_int_equal(VERIFY({.org = 0}), CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(VERIFY({.org = 0}, {.org = 0, .key = 1}), CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(VERIFY({.org = 0}, {.org = 2, .leaf = &world.leaves[1]}),
                     CAIRN_ERR_BAD_SIGNATURE);
    /* older than the block that it is said to close */
    assert_int_equal(VERIFY({.org = 0, .height = 89}, {.org = 2, .height = 89}),
                     CAIRN_ERR_BAD_PROOF);
    assert_int_equal(VERIFY({.org = 0, .height = 90}, {.org = 2, .height = 90}), CAIRN_OK);
    assert_int_equal(VERIFY({.org = 0, .time_ms = 9}, {.org = 2, .time_ms = 9}),
                     CAIRN_ERR_BAD_PROOF);
    /* the entry at another place than it names */
    uint64_t index = TEST_INDEX + 1;
    cairn_merkle_leaf(draft.end.block_entry_raw, &world.leaves[index]);
    assert_int_equal(VERIFY({.org = 0, .index = &index}, {.org = 2, .index = &index}),
                     CAIRN_ERR_BAD_PROOF);
    world.trust_keys[2][0].suspect = TEST_HEIGHT;
    assert_int_equal(VERIFY({.org = 0}, {.org = 2}), CAIRN_ERR_DISPUTED);
    assert_int_equal(verify_bytes(ENCODE({.org = 0}, {.org = 1}), world.draft.expires_ms + 1),
                     CAIRN_ERR_TRUST_EXPIRED);
}

/* A transaction where the block entry is due, and the reverse. */
static void test_kinds_of_entry_are_not_mixed(void **state)
{
    (void)state;
    cairn_bytes receipt, encoded;
    cairn_state_proof p = draft;
    p.end.block_entry_raw = world.tx;
    test_world_log(&world, world.tx);
    receipt = test_world_receipt(&world, (test_says){0});
    assert_int_equal(cairn_state_proof_encode(&world.arena, &p, &receipt, 1, &encoded),
                     world.tx.size > CAIRN_BLOCK_ENTRY_SIZE_MAX ? CAIRN_ERR_BAD_VALUE
                                                                : CAIRN_ERR_WRONG_TYPE);
    assert_int_equal(
        cairn_statement_encode(&world.arena, draft.end.block_entry_raw, &receipt, 1, &encoded),
        CAIRN_ERR_WRONG_TYPE);
}

static void test_encoding_is_closed(void **state)
{
    (void)state;
    cairn_bytes receipt = test_world_receipt(&world, (test_says){0}), encoded;
    cairn_state_proof p = draft;
    p.key.size = 0;
    assert_int_equal(cairn_state_proof_encode(&world.arena, &p, &receipt, 1, &encoded),
                     CAIRN_ERR_BAD_VALUE);
    static const uint8_t zeros[CAIRN_STATE_PROOF_SIZE_MAX + 1];
    p.key = cairn_bytes_of(zeros, 256);
    assert_int_equal(cairn_state_proof_encode(&world.arena, &p, &receipt, 1, &encoded), CAIRN_OK);
    p.key.size = 257;
    assert_int_equal(cairn_state_proof_encode(&world.arena, &p, &receipt, 1, &encoded),
                     CAIRN_ERR_BAD_VALUE);
    p = draft;
    p.value = cairn_bytes_of(zeros, 65535);
    assert_int_equal(cairn_state_proof_encode(&world.arena, &p, &receipt, 1, &encoded), CAIRN_OK);
    p.value.size = 65536;
    assert_int_equal(cairn_state_proof_encode(&world.arena, &p, &receipt, 1, &encoded),
                     CAIRN_ERR_BAD_VALUE);
    p.value.size = 0;
    assert_int_equal(cairn_state_proof_encode(&world.arena, &p, &receipt, 1, &encoded),
                     CAIRN_ERR_BAD_VALUE);
    p = draft;
    p.map = (cairn_state_proof_map)2;
    assert_int_equal(cairn_state_proof_encode(&world.arena, &p, &receipt, 1, &encoded),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_state_proof_encode(&world.arena, &draft, &receipt, 0, &encoded),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(
        cairn_state_proof_decode(&world.arena, cairn_bytes_of(zeros, sizeof zeros), &p),
        CAIRN_ERR_TOO_LARGE);
    encoded = ENCODE({.org = 0});
    for (size_t size = 0; size < encoded.size; size++)
        assert_int_equal(
            cairn_state_proof_decode(&world.arena, cairn_bytes_of(encoded.data, size), &p),
            CAIRN_ERR_TRUNCATED);
}

static void test_no_flipped_bit_verifies(void **state)
{
    (void)state;
    cairn_bytes file = ENCODE({.org = 0}, {.org = 1}), copy;
    cairn_trust trust = test_world_trust(&world, &world.arena);
    TEST_MUST(cairn_arena_copy(&world.arena, file, &copy));
    uint8_t *bytes = (uint8_t *)(uintptr_t)copy.data;
    for (size_t bit = 0; bit < copy.size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        renew(&scratch);
        if (cairn_verify_state_proof(&scratch, copy, &trust, TEST_NOW_MS, &verdict) == CAIRN_OK)
            fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    renew(&scratch);
    assert_int_equal(cairn_verify_state_proof(&scratch, copy, &trust, TEST_NOW_MS, &verdict),
                     CAIRN_OK);
    cairn_trust_done(&trust);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_present_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_claims, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_absent_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_receipts_of_the_block_entry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kinds_of_entry_are_not_mixed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_encoding_is_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_flipped_bit_verifies, set_up, tear_down),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    cairn_arena_done(&scratch);
    cairn_arena_done(&trust_memory);
    return failed;
}
