/* Inclusion and consistency proofs against the iterative algorithms of RFC 9162, which share no
 * code with ours: both must give the same roots, or both refuse.
 *
 * Input: u64be, u64be, a hash, and the hashes of the proof. */
#include "fuzz/fuzz.h"

#include "cairn/merkle.h"
#include "cairn/sha256.h"

enum { PROOF_MAX = 80 };

/* RFC 9162 section 2.1.3.2 */
static bool reference_inclusion(cairn_hash r, uint64_t index, uint64_t size,
                                const cairn_hash *proof, size_t count, cairn_hash *ret_root)
{
    uint64_t fn = index, sn = size - 1;
    if (index >= size)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            cairn_sha256_node(&proof[i], &r, &r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            cairn_sha256_node(&r, &proof[i], &r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    *ret_root = r;
    return sn == 0;
}

/* RFC 9162 section 2.1.4.2; `r` is the first hash, the path begins after it. */
static bool reference_consistency(uint64_t first, uint64_t second, cairn_hash r,
                                  const cairn_hash *path, size_t count, cairn_hash *ret_first,
                                  cairn_hash *ret_second)
{
    uint64_t fn = first - 1, sn = second - 1;
    cairn_hash fr = r, sr = r;
    while ((fn & 1) != 0) {
        fn >>= 1;
        sn >>= 1;
    }
    for (size_t i = 0; i < count; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            cairn_sha256_node(&path[i], &fr, &fr);
            cairn_sha256_node(&path[i], &sr, &sr);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            cairn_sha256_node(&sr, &path[i], &sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    *ret_first = fr;
    *ret_second = sr;
    return sn == 0;
}

static void fuzz_inclusion(uint64_t index, uint64_t size, const cairn_hash *leaf,
                           const cairn_hash *proof, size_t count)
{
    cairn_hash want, got;
    bool valid = reference_inclusion(*leaf, index, size, proof, count, &want);
    cairn_err err = cairn_merkle_inclusion_root(leaf, index, size, proof, count, &got);
    CAIRN_ASSERT(valid == (err == CAIRN_OK));
    if (!valid)
        return;
    CAIRN_ASSERT(cairn_hash_equal(&want, &got));
    CAIRN_ASSERT(cairn_merkle_verify_inclusion(leaf, index, size, proof, count, &want) == CAIRN_OK);
    got.b[31] ^= 1;
    CAIRN_ASSERT(cairn_merkle_verify_inclusion(leaf, index, size, proof, count, &got) ==
                 CAIRN_ERR_BAD_PROOF);
}

static void fuzz_consistency(uint64_t size1, uint64_t size2, const cairn_hash *root1,
                             const cairn_hash *proof, size_t count)
{
    cairn_hash first = *root1, second = *root1;
    bool is_power = (size1 & (size1 - 1)) == 0;
    if (size1 == 0 || size1 >= size2 || (!is_power && count == 0))
        return;
    bool valid = reference_consistency(size1, size2, is_power ? *root1 : proof[0],
                                       is_power ? proof : proof + 1, is_power ? count : count - 1,
                                       &first, &second);
    cairn_err err = cairn_merkle_verify_consistency(size1, &first, size2, &second, proof, count);
    CAIRN_ASSERT(err == (valid ? CAIRN_OK : CAIRN_ERR_BAD_PROOF));
    second.b[0] ^= 1;
    CAIRN_ASSERT(cairn_merkle_verify_consistency(size1, &first, size2, &second, proof, count) ==
                 CAIRN_ERR_BAD_PROOF);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_hash leaf, proof[PROOF_MAX];
    if (size < 16 + sizeof leaf || size > 16 + sizeof leaf + sizeof proof)
        return 0;
    uint64_t a = cairn_get_u64(data), b = cairn_get_u64(data + 8);
    size_t count = (size - 16 - sizeof leaf) / sizeof leaf;
    memcpy(&leaf, data + 16, sizeof leaf);
    memcpy(proof, data + 16 + sizeof leaf, count * sizeof leaf);
    a &= CAIRN_LOG_SIZE_MAX;
    b &= CAIRN_LOG_SIZE_MAX;
    fuzz_inclusion(a, b, &leaf, proof, count);
    fuzz_consistency(a, b, &leaf, proof, count);
    (void)!cairn_merkle_verify_subtree(a, b, &leaf, b, &leaf, proof, count);
    (void)!cairn_merkle_verify_subtree(b, a, &leaf, UINT64_MAX, &leaf, proof, count);
    return 0;
}
