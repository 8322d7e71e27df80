/* Written proofs: what stock ICS-23 code accepts is shown by tests/interop; here, that the longest
 * ones are read back, and that a compressed proof has one encoding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "cairn/ics23.h"
#include "cairn/sha256.h"
#include "ledger/map/smt.h"
#include "ledger/map/smt_proof.h"

/* Two neighbours with their root. SHA-256 orders the keys: "b" = 3e23…, "z" = 594e…, "k" = 8254… */
typedef struct gap {
    cairn_arena arena;
    smt_way left, right;
    cairn_hash root;
} gap;

/* Root of the subtree in which `way` lies, `top` levels below the root of all. */
static cairn_hash fold(const smt_way *way, unsigned top)
{
    cairn_hash node;
    cairn_hash path;
    cairn_sha256_of(way->key.data, way->key.size, &path);
    cairn_smt_leaf_hash(&path, way->value, &node);
    for (unsigned depth = way->depth; depth-- > top;) {
        if (smt_way_bit(way, depth) != 0)
            cairn_sha256_node(&way->siblings[depth], &node, &node);
        else
            cairn_sha256_node(&node, &way->siblings[depth], &node);
    }
    return node;
}

/* Ways of `depth` steps that part after `shared` of them; below, the left one keeps right. */
static void make_gap(gap *g, unsigned depth, unsigned shared)
{
    cairn_arena_init(&g->arena, 1 << 20);
    g->left =
        (smt_way){.key = cairn_bytes_str("b"), .value = cairn_bytes_str("left"), .depth = depth};
    g->right =
        (smt_way){.key = cairn_bytes_str("k"), .value = cairn_bytes_str("right"), .depth = depth};
    for (unsigned i = 0; i < depth; i++) {
        memset(g->left.siblings[i].b, (int)i + 1, 32);
        memset(g->right.siblings[i].b, (int)i + (i < shared ? 1 : 77), 32);
        if (i % 3 == 0 && i < shared) {
            g->left.path.b[i / 8] |= (uint8_t)(0x80 >> (i % 8));
            g->right.path.b[i / 8] |= (uint8_t)(0x80 >> (i % 8));
        }
        if (i > shared)
            g->left.path.b[i / 8] |= (uint8_t)(0x80 >> (i % 8));
        if (i == shared)
            g->right.path.b[i / 8] |= (uint8_t)(0x80 >> (i % 8));
    }
    g->left.siblings[shared] = fold(&g->right, shared + 1);
    g->right.siblings[shared] = fold(&g->left, shared + 1);
    g->root = fold(&g->left, 0);
}

static cairn_err verify(const gap *g, cairn_bytes proof)
{
    return cairn_ics23_verify_absent(&cairn_ics23_smt, &g->root, cairn_bytes_str("z"), proof);
}

static cairn_bytes write_gap(gap *g)
{
    cairn_bytes proof = {0};
    assert_int_equal(
        cairn_smt_write_absent(&g->arena, cairn_bytes_str("z"), &g->left, &g->right, &proof),
        CAIRN_OK);
    return proof;
}

static void test_every_shape_is_read_back(void **state)
{
    (void)state;
    static const unsigned depths[] = {1, 2, 30, 63, 127, 128, 129, 255, 256};
    for (size_t d = 0; d < sizeof depths / sizeof depths[0]; d++) {
        for (unsigned shared = 0; shared < depths[d]; shared += 1 + depths[d] / 7) {
            gap g;
            make_gap(&g, depths[d], shared);
            cairn_bytes proof = write_gap(&g);
            assert_int_equal(verify(&g, proof), CAIRN_OK);
            assert_true(proof.size <= CAIRN_ICS23_SIZE_MAX);
            cairn_bytes exist = {0};
            assert_int_equal(cairn_smt_write_exist(&g.arena, &g.left, &exist), CAIRN_OK);
            assert_int_equal(cairn_ics23_verify_exist(&cairn_ics23_smt, &g.root, g.left.key,
                                                      g.left.value, exist),
                             CAIRN_OK);
            cairn_arena_done(&g.arena);
        }
    }
}

static void test_the_largest_proof_is_within_its_bound(void **state)
{
    (void)state;
    static const uint8_t big[65535];
    gap g;
    make_gap(&g, 256, 0);
    g.left.key = g.right.key = cairn_bytes_of(big, CAIRN_STATE_KEY_SIZE_MAX);
    g.left.value = g.right.value = cairn_bytes_of(big, CAIRN_STATE_VALUE_SIZE_MAX);
    cairn_bytes proof = {0};
    assert_int_equal(cairn_smt_write_absent(&g.arena, g.left.key, &g.left, &g.right, &proof),
                     CAIRN_OK);
    assert_in_range(proof.size, 150000, CAIRN_ICS23_SIZE_MAX);
    cairn_arena_done(&g.arena);
}

static void test_mutants_of_a_compressed_proof_fail(void **state)
{
    (void)state;
    gap g;
    make_gap(&g, 9, 6);
    cairn_bytes proof = write_gap(&g);
    uint8_t *copy = malloc(proof.size + 1);
    assert_non_null(copy);
    memcpy(copy, proof.data, proof.size);
    for (size_t bit = 0; bit < proof.size * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(verify(&g, cairn_bytes_of(copy, proof.size)), CAIRN_OK);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t size = 0; size < proof.size; size++)
        assert_int_not_equal(verify(&g, cairn_bytes_of(copy, size)), CAIRN_OK);
    copy[proof.size] = 0;
    assert_int_equal(verify(&g, cairn_bytes_of(copy, proof.size + 1)), CAIRN_ERR_TRAILING);
    free(copy);
    cairn_arena_done(&g.arena);
}

/* The entry of a proof of two steps a way that part at the root, with the numbers of the left and
 * of the right way, and a table of `steps` steps. */
static cairn_err verify_numbers(gap *g, const uint8_t numbers[4], size_t steps)
{
    static const uint8_t leaf[] = {0x1a, 9, 8, 1, 0x10, 1, 0x18, 1, 0x2a, 1, 0};
    uint8_t entry[128];
    uint8_t *p = entry;
    memcpy(p, "\x0a\x01z", 3), p += 3;
    for (size_t w = 0; w < 2; w++) {
        const smt_way *way = w == 0 ? &g->left : &g->right;
        *p++ = (uint8_t)(w == 0 ? 0x12 : 0x1a);
        *p++ = (uint8_t)(3 + 2 + way->value.size + sizeof leaf + 4);
        *p++ = 0x0a, *p++ = 1, *p++ = way->key.data[0];
        *p++ = 0x12, *p++ = (uint8_t)way->value.size;
        memcpy(p, way->value.data, way->value.size), p += way->value.size;
        memcpy(p, leaf, sizeof leaf), p += sizeof leaf;
        *p++ = 0x22, *p++ = 2, *p++ = numbers[2 * w], *p++ = numbers[2 * w + 1];
    }
    size_t size = (size_t)(p - entry);
    uint8_t proof[512];
    size_t table_size = 0;
    p = proof + 3;
    *p++ = 0x0a, *p++ = (uint8_t)(size + 2), *p++ = 0x12, *p++ = (uint8_t)size;
    memcpy(p, entry, size), p += size;
    for (size_t i = 0; i < steps; i++) {
        const smt_way *way = i % 4 < 2 ? &g->left : &g->right;
        unsigned depth = i % 2 == 0 ? 1 : 0;
        bool on_left = smt_way_bit(way, depth) != 0;
        memcpy(p, on_left ? "\x12\x25\x08\x01\x12\x21\x01" : "\x12\x27\x08\x01\x12\x01\x01\x1a\x20",
               on_left ? 7 : 9);
        p += on_left ? 7 : 9;
        memcpy(p, way->siblings[depth].b, 32), p += 32;
    }
    table_size = (size_t)(p - proof) - 3;
    proof[0] = 0x22;
    proof[1] = (uint8_t)(table_size | 0x80);
    proof[2] = (uint8_t)(table_size >> 7);
    return verify(g, cairn_bytes_of(proof, (size_t)(p - proof)));
}

static void test_the_table_has_one_order(void **state)
{
    (void)state;
    gap g;
    make_gap(&g, 2, 0);
    assert_int_equal(verify_numbers(&g, (const uint8_t[]){0, 1, 2, 3}, 4), CAIRN_OK);
    assert_int_equal(verify_numbers(&g, (const uint8_t[]){1, 0, 2, 3}, 4), CAIRN_ERR_NOT_CANONICAL);
    assert_int_equal(verify_numbers(&g, (const uint8_t[]){0, 1, 3, 2}, 4), CAIRN_ERR_NOT_CANONICAL);
    /* one step that nobody names, one number without a step, and steps of the wrong way */
    assert_int_equal(verify_numbers(&g, (const uint8_t[]){0, 1, 2, 3}, 5), CAIRN_ERR_NOT_CANONICAL);
    assert_int_equal(verify_numbers(&g, (const uint8_t[]){0, 1, 2, 3}, 3), CAIRN_ERR_NOT_CANONICAL);
    assert_int_equal(verify_numbers(&g, (const uint8_t[]){0, 1, 0, 1}, 2), CAIRN_ERR_BAD_PROOF);
    cairn_arena_done(&g.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_shape_is_read_back),
        cmocka_unit_test(test_the_largest_proof_is_within_its_bound),
        cmocka_unit_test(test_mutants_of_a_compressed_proof_fail),
        cmocka_unit_test(test_the_table_has_one_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
