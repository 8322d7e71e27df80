/* SHA-256 of eight messages at once in AVX2 lanes, for x86-64 without the SHA extensions. A single
 * message, and what is left of a batch, goes the portable way. */
#if defined(__x86_64__)

#include <immintrin.h>

#include "core/crypto/sha256_impl.h"

#define AVX2 __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline)) AVX2

enum {
    LANES = 8,
    LANES_WORTH_IT = 3, /* below that many messages, portable code is faster than eight lanes */
};

INLINE __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

INLINE __m256i add(__m256i a, __m256i b)
{
    return _mm256_add_epi32(a, b);
}

INLINE __m256i xor3(__m256i a, __m256i b, __m256i c)
{
    return _mm256_xor_si256(a, _mm256_xor_si256(b, c));
}

#define SHIFT(x, n) _mm256_srli_epi32((x), (n))
#define ROTATE(x, n) _mm256_or_si256(_mm256_srli_epi32((x), (n)), _mm256_slli_epi32((x), 32 - (n)))

/* Rows of eight words become columns: the i-th word of every lane side by side. */
INLINE void transpose(__m256i v[8])
{
    __m256i a[8], b[8];
    for (size_t i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_epi32(v[i], v[i + 1]);
        a[i + 1] = _mm256_unpackhi_epi32(v[i], v[i + 1]);
    }
    for (size_t i = 0; i < 8; i += 4) {
        b[i] = _mm256_unpacklo_epi64(a[i], a[i + 2]);
        b[i + 1] = _mm256_unpackhi_epi64(a[i], a[i + 2]);
        b[i + 2] = _mm256_unpacklo_epi64(a[i + 1], a[i + 3]);
        b[i + 3] = _mm256_unpackhi_epi64(a[i + 1], a[i + 3]);
    }
    for (size_t i = 0; i < 4; i++) {
        v[i] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x20);
        v[i + 4] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x31);
    }
}

INLINE __m256i swap_words(__m256i v)
{
    const __m256i order =
        _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
    return _mm256_shuffle_epi8(v, order);
}

/* One round in eight lanes; the words of `s` take turns instead of moving. */
INLINE void step(__m256i s[8], size_t t, __m256i wk)
{
    __m256i a = s[(0 - t) & 7], b = s[(1 - t) & 7], c = s[(2 - t) & 7];
    __m256i e = s[(4 - t) & 7], f = s[(5 - t) & 7], g = s[(6 - t) & 7];
    __m256i sum1 = xor3(ROTATE(e, 6), ROTATE(e, 11), ROTATE(e, 25));
    __m256i choice = _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g)));
    __m256i t1 = add(add(s[(7 - t) & 7], sum1), add(choice, wk));
    __m256i sum0 = xor3(ROTATE(a, 2), ROTATE(a, 13), ROTATE(a, 22));
    __m256i majority =
        _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(c, _mm256_or_si256(a, b)));
    s[(3 - t) & 7] = add(s[(3 - t) & 7], t1);
    s[(7 - t) & 7] = add(t1, add(sum0, majority));
}

INLINE __m256i extend(const __m256i w[16], size_t t)
{
    __m256i w15 = w[(t + 1) & 15];
    __m256i w2 = w[(t + 14) & 15];
    __m256i sigma0 = xor3(ROTATE(w15, 7), ROTATE(w15, 18), SHIFT(w15, 3));
    __m256i sigma1 = xor3(ROTATE(w2, 17), ROTATE(w2, 19), SHIFT(w2, 10));
    return add(add(w[t & 15], sigma0), add(w[(t + 9) & 15], sigma1));
}

INLINE __m256i constant(size_t t)
{
    return _mm256_set1_epi32((int)cairn_sha256_constants[t]);
}

/* One block of each lane: `w` holds its sixteen words, transposed, and is used up. */
AVX2 static void compress(__m256i state[8], __m256i w[16])
{
    __m256i s[8];
    for (size_t i = 0; i < 8; i++)
        s[i] = state[i];
    for (size_t t = 0; t < 64; t += 8) {
        for (size_t i = 0; i < 8 && t >= 16; i++)
            w[(t + i) & 15] = extend(w, t + i);
        step(s, 0, add(w[t & 15], constant(t)));
        step(s, 1, add(w[(t + 1) & 15], constant(t + 1)));
        step(s, 2, add(w[(t + 2) & 15], constant(t + 2)));
        step(s, 3, add(w[(t + 3) & 15], constant(t + 3)));
        step(s, 4, add(w[(t + 4) & 15], constant(t + 4)));
        step(s, 5, add(w[(t + 5) & 15], constant(t + 5)));
        step(s, 6, add(w[(t + 6) & 15], constant(t + 6)));
        step(s, 7, add(w[(t + 7) & 15], constant(t + 7)));
    }
    for (size_t i = 0; i < 8; i++)
        state[i] = add(state[i], s[i]);
}

INLINE void load_words(__m256i w[16], const uint8_t *const p[LANES], size_t offset)
{
    for (size_t i = 0; i < LANES; i++) {
        w[i] = swap_words(load(p[i] + offset));
        w[i + 8] = swap_words(load(p[i] + offset + 32));
    }
    transpose(w);
    transpose(w + 8);
}

AVX2 static void blocks_eight(uint32_t (*states)[8], const uint8_t *const p[LANES], size_t count)
{
    __m256i state[8], w[16];
    for (size_t i = 0; i < LANES; i++)
        state[i] = load(states[i]);
    transpose(state);
    for (size_t i = 0; i < count; i++) {
        load_words(w, p, i * CAIRN_SHA256_BLOCK_SIZE);
        compress(state, w);
    }
    transpose(state);
    for (size_t i = 0; i < LANES; i++)
        _mm256_storeu_si256((__m256i *)states[i], state[i]);
}

/* Idle lanes repeat the last message into a state that nobody reads. */
static void avx2_lanes(uint32_t (*states)[8], const uint8_t *const *data, size_t count,
                       size_t lanes)
{
    uint32_t padded[LANES][8];
    const uint8_t *p[LANES];
    if (lanes < LANES_WORTH_IT) {
        for (size_t i = 0; i < lanes; i++)
            cairn_sha256_portable_blocks(states[i], data[i], count);
        return;
    }
    for (size_t i = 0; i < LANES; i++) {
        size_t from = i < lanes ? i : lanes - 1;
        p[i] = data[from];
        memcpy(padded[i], states[from], sizeof padded[i]);
    }
    blocks_eight(padded, p, count);
    memcpy(states, padded, lanes * sizeof padded[0]);
}

AVX2 static void nodes_eight(const cairn_hash *pairs, cairn_hash *ret_hashes)
{
    uint8_t blocks[LANES][2 * CAIRN_SHA256_BLOCK_SIZE];
    const uint8_t *p[LANES];
    uint32_t states[LANES][8];
    for (size_t i = 0; i < LANES; i++) {
        memset(blocks[i] + CAIRN_SHA256_BLOCK_SIZE, 0, CAIRN_SHA256_BLOCK_SIZE);
        blocks[i][0] = 0x01;
        memcpy(blocks[i] + 1, &pairs[2 * i], 2 * sizeof(cairn_hash));
        blocks[i][CAIRN_SHA256_NODE_SIZE] = 0x80;
        cairn_put_u16(blocks[i] + sizeof blocks[i] - 2, CAIRN_SHA256_NODE_SIZE * 8);
        memcpy(states[i], cairn_sha256_initial, sizeof states[i]);
        p[i] = blocks[i];
    }
    blocks_eight(states, p, 2);
    for (size_t i = 0; i < LANES; i++)
        cairn_sha256_store(states[i], &ret_hashes[i]);
}

static void avx2_nodes(const cairn_hash *pairs, size_t count, cairn_hash *ret_hashes)
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        nodes_eight(pairs + 2 * i, ret_hashes + i);
    if (count - i < LANES_WORTH_IT) {
        cairn_sha256_portable_nodes(pairs + 2 * i, count - i, ret_hashes + i);
        return;
    }
    cairn_hash rest[2 * LANES] = {0};
    memcpy(rest, pairs + 2 * i, 2 * (count - i) * sizeof rest[0]);
    nodes_eight(rest, rest);
    memcpy(ret_hashes + i, rest, (count - i) * sizeof rest[0]);
}

static bool avx2_detect(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

const cairn_sha256_impl cairn_sha256_avx2 = {
    .name = "avx2x8",
    .detect = avx2_detect,
    .blocks = cairn_sha256_portable_blocks,
    .lanes = avx2_lanes,
    .nodes = avx2_nodes,
};

#else
typedef int cairn_sha256_avx2_not_here;
#endif
