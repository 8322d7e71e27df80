/* The log's Merkle tree: transparency-dev/merkle's vectors, and a naive RFC 6962 beside ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "ledger/log/merkle.h"
#include "ledger/log/merkle_walk.h"
#include "support/shared.h"

enum { SIZE_MAX_SMALL = 300, SIZE_MAX_LARGE = 100000 };

/* The naive tree: section 2.1 of RFC 6962, word for word. */

static cairn_hash leaves[SIZE_MAX_LARGE];

static uint64_t split(uint64_t n)
{
    uint64_t k = 1;
    while (2 * k < n)
        k *= 2;
    return k;
}

static cairn_hash mth(uint64_t start, uint64_t end)
{
    cairn_hash hash;
    if (start == end) {
        cairn_sha256_of("", 0, &hash);
    } else if (end - start == 1) {
        hash = leaves[start];
    } else {
        uint64_t k = split(end - start);
        cairn_hash left = mth(start, start + k), right = mth(start + k, end);
        cairn_sha256_node(&left, &right, &hash);
    }
    return hash;
}

static size_t naive_path(uint64_t m, uint64_t start, uint64_t end, cairn_hash *out)
{
    if (end - start == 1)
        return 0;
    uint64_t k = split(end - start);
    size_t n =
        m < k ? naive_path(m, start, start + k, out) : naive_path(m - k, start + k, end, out);
    out[n] = m < k ? mth(start + k, end) : mth(start, start + k);
    return n + 1;
}

/* SUBPROOF(m, D[start:end], b) */
static size_t naive_subproof(uint64_t m, uint64_t start, uint64_t end, bool b, cairn_hash *out)
{
    if (m == end - start) {
        if (!b)
            out[0] = mth(start, end);
        return b ? 0 : 1;
    }
    uint64_t k = split(end - start);
    size_t n = m <= k ? naive_subproof(m, start, start + k, b, out)
                      : naive_subproof(m - k, start + k, end, false, out);
    out[n] = m <= k ? mth(start + k, end) : mth(start, start + k);
    return n + 1;
}

static uint64_t seed = 88172645463325252;
static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* A stored log: what the frontier said while the leaves were appended. */

static cairn_hash *tile_hashes[3];
static size_t tile_hash_counts[3];
static size_t read_count;

static int build_log(void **state)
{
    cairn_log_frontier frontier = {.size = 0};
    (void)state;
    for (size_t level = 0; level < 3; level++) {
        tile_hashes[level] = calloc(SIZE_MAX_LARGE, sizeof(cairn_hash));
        assert_non_null(tile_hashes[level]);
    }
    for (size_t i = 0; i < SIZE_MAX_LARGE; i++) {
        cairn_hash nodes[CAIRN_TILE_LEVEL_COUNT];
        cairn_merkle_leaf(cairn_bytes_of(&i, sizeof i), &leaves[i]);
        size_t count = cairn_log_frontier_append(&frontier, &leaves[i], nodes);
        for (size_t level = 0; level < count; level++)
            tile_hashes[level][tile_hash_counts[level]++] = nodes[level];
    }
    return 0;
}

static int free_log(void **state)
{
    (void)state;
    for (size_t level = 0; level < 3; level++)
        free(tile_hashes[level]);
    return 0;
}

static cairn_err read_tile(void *context, unsigned level, uint64_t tile_index, size_t count,
                           cairn_hash *ret_hashes)
{
    const uint64_t *size = context;
    assert_in_range(level, 0, 2);
    /* exactly the width that the tile's path has at that size */
    uint64_t in_level = *size >> (8 * level);
    assert_true(tile_index * 256 < in_level);
    uint64_t width = in_level - tile_index * 256;
    assert_int_equal(count, width < 256 ? width : 256);
    memcpy(ret_hashes, tile_hashes[level] + tile_index * 256, count * sizeof *ret_hashes);
    read_count++;
    return CAIRN_OK;
}

static void assert_hash(const cairn_hash *got, const cairn_hash *want)
{
    assert_memory_equal(got->b, want->b, sizeof got->b);
}

static void test_tile_hashes_of_the_frontier(void **state)
{
    (void)state;
    static const uint64_t widths[] = {1, 256, 65536};
    for (size_t level = 0; level < 3; level++) {
        assert_int_equal(tile_hash_counts[level], SIZE_MAX_LARGE / widths[level]);
        for (size_t i = 0; i < 30; i++) {
            uint64_t at = next_random() % tile_hash_counts[level];
            cairn_hash want = mth(at * widths[level], (at + 1) * widths[level]);
            assert_hash(&tile_hashes[level][at], &want);
        }
    }
}

static void check_roots(uint64_t size, const cairn_log_frontier *frontier)
{
    cairn_merkle_source source = {read_tile, &size};
    cairn_log_frontier stored = {.size = 0};
    cairn_hash got, want = mth(0, size);
    cairn_log_frontier_root(frontier, &got);
    assert_hash(&got, &want);
    cairn_merkle_root(leaves, size, &got);
    assert_hash(&got, &want);
    assert_int_equal(cairn_merkle_source_root(&source, size, &got), CAIRN_OK);
    assert_hash(&got, &want);
    assert_int_equal(cairn_merkle_source_frontier(&source, size, &stored), CAIRN_OK);
    assert_int_equal(stored.size, size);
    for (size_t height = 0; height < 64; height++)
        if (size >> height & 1)
            assert_hash(&stored.hashes[height], &frontier->hashes[height]);
}

static void test_roots_of_all_small_logs(void **state)
{
    cairn_log_frontier frontier = {.size = 0};
    (void)state;
    assert_hash(&cairn_merkle_empty_root, &(cairn_hash[]){mth(0, 0)}[0]);
    for (uint64_t size = 0; size <= SIZE_MAX_SMALL; size++) {
        check_roots(size, &frontier);
        (void)cairn_log_frontier_append(&frontier, &leaves[size], NULL);
    }
}

static void check_inclusion(uint64_t index, uint64_t size, const cairn_hash *root)
{
    cairn_merkle_source source = {read_tile, &size};
    cairn_hash want[64], got[64];
    size_t count = 0, want_count = naive_path(index, 0, size, want);
    assert_int_equal(cairn_merkle_prove_inclusion(&source, index, size, got, &count), CAIRN_OK);
    assert_int_equal(count, want_count);
    assert_true(count == 0 || memcmp(got, want, count * sizeof got[0]) == 0);
    assert_int_equal(cairn_merkle_verify_inclusion(&leaves[index], index, size, got, count, root),
                     CAIRN_OK);
}

static void check_consistency(uint64_t size1, uint64_t size2, const cairn_hash *root2)
{
    cairn_merkle_source source = {read_tile, &size2};
    cairn_hash want[64], got[64], root1 = mth(0, size1);
    size_t count = 0, want_count = naive_subproof(size1, 0, size2, true, want);
    assert_int_equal(cairn_merkle_prove_consistency(&source, size1, size2, got, &count), CAIRN_OK);
    assert_int_equal(count, want_count);
    assert_true(count == 0 || memcmp(got, want, count * sizeof got[0]) == 0);
    assert_int_equal(cairn_merkle_verify_consistency(size1, &root1, size2, root2, got, count),
                     CAIRN_OK);
}

static void test_proofs_of_all_small_logs(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= SIZE_MAX_SMALL; size++) {
        cairn_hash root = mth(0, size);
        for (uint64_t i = 0; i < size; i++) {
            check_inclusion(i, size, &root);
            check_consistency(i + 1, size, &root);
        }
    }
}

static void test_proofs_of_random_large_logs(void **state)
{
    (void)state;
    for (size_t round = 0; round < 40; round++) {
        uint64_t size = 1 + next_random() % SIZE_MAX_LARGE;
        cairn_hash root = mth(0, size);
        read_count = 0;
        check_inclusion(next_random() % size, size, &root);
        assert_in_range(read_count, 1, 6);
        check_consistency(1 + next_random() % size, size, &root);
    }
}

static void check_shared(cairn_merkle_prover *prover, uint64_t index, uint64_t size)
{
    cairn_merkle_source source = {read_tile, &size};
    cairn_hash want[64], got[64];
    size_t count = 0, want_count = 0;
    assert_int_equal(cairn_merkle_prove_inclusion(&source, index, size, want, &want_count),
                     CAIRN_OK);
    assert_int_equal(cairn_merkle_prover_inclusion(prover, index, got, &count), CAIRN_OK);
    assert_int_equal(count, want_count);
    assert_true(count == 0 || memcmp(got, want, count * sizeof got[0]) == 0);
}

/* In any order, and far more tiles than a prover keeps. */
static void test_paths_of_many_entries(void **state)
{
    static const uint64_t sizes[] = {1, 2, 255, 256, 257, 511, 513, 65536, 65793, SIZE_MAX_LARGE};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t size = sizes[i];
        cairn_merkle_source source = {read_tile, &size};
        cairn_merkle_prover *prover = NULL;
        assert_int_equal(cairn_merkle_prover_new(&source, size, &prover), CAIRN_OK);
        for (uint64_t index = size < 600 ? 0 : size - 600; index < size; index++)
            check_shared(prover, index, size);
        for (size_t round = 0; round < 100; round++)
            check_shared(prover, next_random() % size, size);
        cairn_merkle_prover_free(prover);
    }
}

/* A block's paths read its tiles once, not once for each entry. */
static void test_neighbours_share_their_tiles(void **state)
{
    uint64_t size = 65793;
    cairn_merkle_source source = {read_tile, &size};
    cairn_merkle_prover *prover = NULL;
    cairn_hash path[CAIRN_MERKLE_PROOF_MAX];
    size_t count = 0;
    (void)state;
    assert_int_equal(cairn_merkle_prover_new(&source, size, &prover), CAIRN_OK);
    read_count = 0;
    for (uint64_t index = size - 1000; index < size; index++)
        assert_int_equal(cairn_merkle_prover_inclusion(prover, index, path, &count), CAIRN_OK);
    assert_in_range(read_count, 5, 16);
    cairn_merkle_prover_free(prover);
}

/* Every subtree of logs up to 40 entries; ranges that are none are refused. */
static void test_subtrees(void **state)
{
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX];
    (void)state;
    for (uint64_t size = 1; size <= 40; size++) {
        cairn_merkle_source source = {read_tile, &size};
        cairn_hash root = mth(0, size);
        for (uint64_t start = 0; start < size; start++) {
            for (uint64_t end = start + 1; end <= size; end++) {
                size_t count = 0;
                uint64_t width = end - start == 1 ? 1 : 2 * split(end - start);
                cairn_hash subtree = mth(start, end);
                cairn_err err =
                    cairn_merkle_prove_subtree(&source, start, end, size, proof, &count);
                assert_int_equal(err, start % width == 0 ? CAIRN_OK : CAIRN_ERR_ARGUMENT);
                assert_int_equal(
                    cairn_merkle_verify_subtree(start, end, &subtree, size, &root, proof, count),
                    start % width == 0 ? CAIRN_OK : CAIRN_ERR_BAD_PROOF);
            }
        }
    }
}

/* A proof given to a check, and what makes it fail. */
typedef struct proof_case {
    uint64_t a, b; /* index and size, or size1 and size2 */
    bool inclusion;
    cairn_hash first, root;
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX + 1];
    size_t count;
} proof_case;

static cairn_err run_case(const proof_case *c)
{
    if (c->inclusion)
        return cairn_merkle_verify_inclusion(&c->first, c->a, c->b, c->proof, c->count, &c->root);
    return cairn_merkle_verify_consistency(c->a, &c->first, c->b, &c->root, c->proof, c->count);
}

static void check_mutations(const proof_case *good)
{
    assert_int_equal(run_case(good), CAIRN_OK);
    for (size_t i = 0; i < good->count; i++) {
        proof_case bad = *good;
        bad.proof[i].b[next_random() % 32] ^= (uint8_t)(1u << next_random() % 8);
        assert_int_equal(run_case(&bad), CAIRN_ERR_BAD_PROOF);
        bad = *good;
        memmove(bad.proof + i, bad.proof + i + 1, (bad.count - i - 1) * sizeof bad.proof[0]);
        bad.count--;
        assert_int_equal(run_case(&bad), CAIRN_ERR_BAD_PROOF);
        bad = *good;
        memmove(bad.proof + i + 1, bad.proof + i, (bad.count - i) * sizeof bad.proof[0]);
        bad.count++;
        assert_int_equal(run_case(&bad), CAIRN_ERR_BAD_PROOF);
    }
    proof_case bad = *good;
    bad.root.b[7] ^= 1;
    assert_int_equal(run_case(&bad), CAIRN_ERR_BAD_PROOF);
    bad = *good;
    bad.first.b[31] ^= 128;
    assert_int_equal(run_case(&bad), CAIRN_ERR_BAD_PROOF);
    bad = *good;
    bad.proof[bad.count++] = bad.root;
    assert_int_equal(run_case(&bad), CAIRN_ERR_BAD_PROOF);
    bad = *good;
    bad.a = bad.b + (bad.inclusion ? 0 : 1);
    assert_int_equal(run_case(&bad), CAIRN_ERR_BAD_PROOF);
}

static void test_changed_proofs_are_refused(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= 70; size++) {
        for (uint64_t i = 0; i < size; i++) {
            proof_case c = {.a = i, .b = size, .inclusion = true, .first = leaves[i]};
            c.root = mth(0, size);
            c.count = naive_path(i, 0, size, c.proof);
            check_mutations(&c);
            c.inclusion = false;
            c.a = i + 1;
            c.first = mth(0, i + 1);
            c.count = naive_subproof(i + 1, 0, size, true, c.proof);
            check_mutations(&c);
        }
    }
}

static void test_bounds(void **state)
{
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX + 1] = {0}, hash = {{0}}, root;
    size_t count = 99;
    uint64_t size = 5;
    cairn_merkle_source source = {read_tile, &size};
    (void)state;
    /* the longest proofs that there are */
    assert_int_equal(cairn_merkle_inclusion_root(&hash, 0, CAIRN_LOG_SIZE_MAX, proof, 63, &root),
                     CAIRN_OK);
    assert_int_equal(
        cairn_merkle_inclusion_root(&hash, 0, CAIRN_LOG_SIZE_MAX + 1, proof, 63, &root),
        CAIRN_ERR_BAD_PROOF);
    assert_int_equal(
        cairn_merkle_verify_consistency(UINT64_MAX, &hash, UINT64_MAX, &hash, proof, 0),
        CAIRN_ERR_BAD_PROOF);
    assert_int_equal(cairn_merkle_prove_inclusion(&source, 5, 5, proof, &count),
                     CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_merkle_prove_consistency(&source, 6, 5, proof, &count),
                     CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_merkle_source_root(&source, UINT64_MAX, &root), CAIRN_ERR_ARGUMENT);
    assert_int_equal(count, 99);
    assert_int_equal(cairn_merkle_prove_consistency(&source, 0, 5, proof, &count), CAIRN_OK);
    assert_int_equal(count, 0);
}

static cairn_err fail_tile(void *context, unsigned level, uint64_t tile_index, size_t count,
                           cairn_hash *ret_hashes)
{
    (void)context, (void)level, (void)tile_index, (void)count, (void)ret_hashes;
    return CAIRN_ERR_CORRUPT;
}

static void test_a_failing_source_is_reported(void **state)
{
    cairn_merkle_source source = {fail_tile, NULL};
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX];
    cairn_log_frontier frontier;
    size_t count = 99;
    (void)state;
    assert_int_equal(cairn_merkle_prove_inclusion(&source, 1, 5, proof, &count), CAIRN_ERR_CORRUPT);
    assert_int_equal(cairn_merkle_source_frontier(&source, 5, &frontier), CAIRN_ERR_CORRUPT);
    assert_int_equal(count, 99);
    cairn_merkle_prover *prover = NULL;
    assert_int_equal(cairn_merkle_prover_new(&source, 5, &prover), CAIRN_OK);
    for (int again = 0; again < 2; again++) /* nothing of the failure is kept */
        assert_int_equal(cairn_merkle_prover_inclusion(prover, 1, proof, &count),
                         CAIRN_ERR_CORRUPT);
    assert_int_equal(cairn_merkle_prover_inclusion(prover, 5, proof, &count), CAIRN_ERR_ARGUMENT);
    assert_int_equal(count, 99);
    cairn_merkle_prover_free(prover);
}

/* transparency-dev/merkle testdata: 518 cases. */

/* jansson has no unsigned 64-bit integers, so numbers are read from the text. */
static uint64_t number(const char *text, const char *name)
{
    char key[32];
    (void)snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(text, key);
    assert_non_null(at);
    return strtoull(at + strlen(key), NULL, 10);
}

/* A hash of another size does not exist here. The cases that hold one ("don't care") are run with
 * its bytes filled up to 32, and no hash at all becomes one that equals no other. */
static cairn_hash hash_of(const json_t *value)
{
    cairn_hash hash = {{0}};
    uint8_t raw[64];
    size_t size = 0;
    const char *text = json_string_value(value);
    assert_non_null(text);
    assert_int_equal(cairn_base64_decode(cairn_bytes_str(text), raw, sizeof raw, &size), CAIRN_OK);
    memcpy(hash.b, raw, size < sizeof hash.b ? size : sizeof hash.b);
    if (size == 0)
        memcpy(hash.b, &(uint64_t){next_random()}, sizeof(uint64_t));
    return hash;
}

static cairn_err run_vector(const char *path, const char *text, const json_t *json,
                            const cairn_hash *proof, size_t count)
{
    cairn_hash first, root;
    if (strstr(path, "consistency") != NULL) {
        first = hash_of(json_object_get(json, "root1"));
        root = hash_of(json_object_get(json, "root2"));
        if (strstr(path, "subtreeconsistency") != NULL)
            return cairn_merkle_verify_subtree(number(text, "start"), number(text, "end"), &first,
                                               number(text, "size"), &root, proof, count);
        return cairn_merkle_verify_consistency(number(text, "size1"), &first, number(text, "size2"),
                                               &root, proof, count);
    }
    first = hash_of(json_object_get(json, "leafHash"));
    root = hash_of(json_object_get(json, "root"));
    uint64_t index = number(text, "leafIdx");
    if (strstr(path, "subtreeinclusion") == NULL)
        return cairn_merkle_verify_inclusion(&first, index, number(text, "treeSize"), proof, count,
                                             &root);
    /* An entry of a subtree is an entry of a log that begins where the subtree does. */
    uint64_t start = number(text, "start"), end = number(text, "end");
    if (!cairn_merkle_is_subtree(start, end, end) || index < start)
        return CAIRN_ERR_BAD_PROOF;
    return cairn_merkle_verify_inclusion(&first, index - start, end - start, proof, count, &root);
}

struct tally {
    size_t good, bad;
};

static void run_vector_file(void *context, const char *path)
{
    struct tally *tally = context;
    cairn_hash proof[80];
    size_t count = 0;
    CAIRN_CLEANUP(test_file_free) cairn_bytes file = test_read_file(path);
    assert_non_null(file.data);
    char *text = calloc(1, file.size + 1);
    assert_non_null(text);
    memcpy(text, file.data, file.size);
    json_t *json = json_loads(text, JSON_DECODE_INT_AS_REAL, NULL);
    assert_non_null(json);
    const json_t *array = json_object_get(json, "proof");
    bool well_formed = true;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *item = json_string_value(json_array_get(array, i));
        well_formed = well_formed && strlen(item) == 44;
        assert_true(count < 80);
        proof[count++] = hash_of(json_array_get(array, i));
    }
    cairn_err err = well_formed ? run_vector(path, text, json, proof, count) : CAIRN_ERR_BAD_PROOF;
    bool want_error = json_is_true(json_object_get(json, "wantErr"));
    if (err != (want_error ? CAIRN_ERR_BAD_PROOF : CAIRN_OK))
        fail_msg("%s: %s", path, cairn_err_name(err));
    tally->good += want_error ? 0 : 1;
    tally->bad += want_error ? 1 : 0;
    json_decref(json);
    free(text);
}

static void test_vectors(void **state)
{
    char path[4096];
    struct tally tally = {0, 0};
    (void)state;
    if (!test_shared_path("ledger/rfc6962/inclusion/0/happy-path.json", path))
        skip();
    assert_true(test_shared_path("ledger/rfc6962", path));
    size_t count = test_each_file(path, run_vector_file, &tally);
    print_message("%zu vectors: %zu verify, %zu do not, none left out\n", count, tally.good,
                  tally.bad);
    assert_int_equal(tally.good, 36);
    assert_int_equal(tally.bad, 482);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tile_hashes_of_the_frontier),
        cmocka_unit_test(test_roots_of_all_small_logs),
        cmocka_unit_test(test_proofs_of_all_small_logs),
        cmocka_unit_test(test_proofs_of_random_large_logs),
        cmocka_unit_test(test_paths_of_many_entries),
        cmocka_unit_test(test_neighbours_share_their_tiles),
        cmocka_unit_test(test_subtrees),
        cmocka_unit_test(test_changed_proofs_are_refused),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_a_failing_source_is_reported),
        cmocka_unit_test(test_vectors),
    };
    return cmocka_run_group_tests(tests, build_log, free_log);
}
