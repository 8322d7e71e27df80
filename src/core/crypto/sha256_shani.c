/* SHA-256 with the SHA extensions of x86-64 (Intel SDM volume 2, SHA256RNDS2, SHA256MSG1/2).
 *
 * SHA256RNDS2 has twice the latency of its throughput, so one message alone uses half of the unit.
 * Two messages fill it; nodes go four at a time, because their loads and stores then hide as well.
 *
 * The second block of a 65-byte node holds one byte of data, so it has only 256 message schedules:
 * they are computed once (64 KiB) and the second half of every node needs no schedule at all. */
#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <pthread.h>

#include "core/crypto/sha256_impl.h"

#define SHANI __attribute__((target("sha,sse4.1,ssse3")))
#define INLINE static inline __attribute__((always_inline)) SHANI

/* Words of the schedule of a node's second block, round constants added, by its one data byte. */
static _Alignas(64) uint32_t node_schedules[256][64];

/* The two halves of the state in the order that SHA256RNDS2 wants. */
typedef struct lane {
    __m128i abef;
    __m128i cdgh;
} lane;

INLINE __m128i load(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

INLINE __m128i swap_words(__m128i v)
{
    return _mm_shuffle_epi8(v, _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

INLINE lane lane_load(const uint32_t state[8])
{
    __m128i cdab = _mm_shuffle_epi32(load(state), 0xb1);
    __m128i efgh = _mm_shuffle_epi32(load(state + 4), 0x1b);
    return (lane){.abef = _mm_alignr_epi8(cdab, efgh, 8),
                  .cdgh = _mm_blend_epi16(efgh, cdab, 0xf0)};
}

INLINE void lane_words(lane s, __m128i *ret_abcd, __m128i *ret_efgh)
{
    __m128i feba = _mm_shuffle_epi32(s.abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(s.cdgh, 0xb1);
    *ret_abcd = _mm_blend_epi16(feba, dchg, 0xf0);
    *ret_efgh = _mm_alignr_epi8(dchg, feba, 8);
}

INLINE lane lane_add(lane a, lane b)
{
    return (lane){.abef = _mm_add_epi32(a.abef, b.abef), .cdgh = _mm_add_epi32(a.cdgh, b.cdgh)};
}

INLINE void lane_store(lane s, uint32_t state[8])
{
    __m128i abcd, efgh;
    lane_words(s, &abcd, &efgh);
    _mm_storeu_si128((__m128i *)state, abcd);
    _mm_storeu_si128((__m128i *)(state + 4), efgh);
}

INLINE void lane_store_hash(lane s, cairn_hash *ret_hash)
{
    __m128i abcd, efgh;
    lane_words(s, &abcd, &efgh);
    _mm_storeu_si128((__m128i *)ret_hash->b, swap_words(abcd));
    _mm_storeu_si128((__m128i *)(ret_hash->b + 16), swap_words(efgh));
}

/* Four rounds; `wk` holds four schedule words with their constants added. */
INLINE void rounds(lane *s, __m128i wk)
{
    s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, wk);
    s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

INLINE __m128i constants(size_t group)
{
    return _mm_load_si128((const __m128i *)&cairn_sha256_constants[4 * group]);
}

/* The next four schedule words from the last sixteen, oldest first. */
INLINE __m128i extend(__m128i m0, __m128i m1, __m128i m2, __m128i m3)
{
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(m0, m1), _mm_alignr_epi8(m3, m2, 4));
    return _mm_sha256msg2_epu32(sum, m3);
}

/* The same step for each lane side by side: X(lane number, ...). */
#define ONE(X, ...) X(0, __VA_ARGS__)
#define TWO(X, ...) X(0, __VA_ARGS__) X(1, __VA_ARGS__)
#define FOUR(X, ...) TWO(X, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__)

/* Lane l's words are m##l##_0 to _3, its state s##l, the state before the block b##l. */
#define DECLARE(l, unused) __m128i m##l##_0, m##l##_1, m##l##_2, m##l##_3;
#define BEGIN(l, unused) lane b##l = s##l;
#define LOAD(l, p, i) m##l##_##i = swap_words(load(p[l] + 16 * (i)));
#define ROUNDS(l, i, group) rounds(&s##l, _mm_add_epi32(m##l##_##i, constants(group)));
#define EXTEND(l, i, j, k, n) m##l##_##i = extend(m##l##_##i, m##l##_##j, m##l##_##k, m##l##_##n);
#define END(l, unused) s##l = lane_add(s##l, b##l);

/* Rounds 16 * quarter to 16 * quarter + 15 of all lanes, with their schedule. */
#define QUARTER(EACH, quarter)         \
    EACH(EXTEND, 0, 1, 2, 3)           \
    EACH(ROUNDS, 0, 4 * (quarter))     \
    EACH(EXTEND, 1, 2, 3, 0)           \
    EACH(ROUNDS, 1, 4 * (quarter) + 1) \
    EACH(EXTEND, 2, 3, 0, 1)           \
    EACH(ROUNDS, 2, 4 * (quarter) + 2) \
    EACH(EXTEND, 3, 0, 1, 2)           \
    EACH(ROUNDS, 3, 4 * (quarter) + 3)

#define BLOCK(EACH, p) \
    EACH(BEGIN, )      \
    EACH(LOAD, p, 0)   \
    EACH(ROUNDS, 0, 0) \
    EACH(LOAD, p, 1)   \
    EACH(ROUNDS, 1, 1) \
    EACH(LOAD, p, 2)   \
    EACH(ROUNDS, 2, 2) \
    EACH(LOAD, p, 3)   \
    EACH(ROUNDS, 3, 3) \
    QUARTER(EACH, 1)   \
    QUARTER(EACH, 2)   \
    QUARTER(EACH, 3)   \
    EACH(END, )

SHANI static void shani_blocks(uint32_t state[8], const uint8_t *data, size_t count)
{
    const uint8_t *p[1] = {data};
    lane s0 = lane_load(state);
    ONE(DECLARE, )
    for (; count > 0; count--) {
        BLOCK(ONE, p)
        p[0] += CAIRN_SHA256_BLOCK_SIZE;
    }
    lane_store(s0, state);
}

SHANI static void blocks_pair(uint32_t (*states)[8], const uint8_t *const *data, size_t count)
{
    const uint8_t *p[2] = {data[0], data[1]};
    lane s0 = lane_load(states[0]), s1 = lane_load(states[1]);
    TWO(DECLARE, )
    for (; count > 0; count--) {
        BLOCK(TWO, p)
        p[0] += CAIRN_SHA256_BLOCK_SIZE;
        p[1] += CAIRN_SHA256_BLOCK_SIZE;
    }
    lane_store(s0, states[0]);
    lane_store(s1, states[1]);
}

static void shani_lanes(uint32_t (*states)[8], const uint8_t *const *data, size_t count,
                        size_t lanes)
{
    size_t i = 0;
    for (; i + 2 <= lanes; i += 2)
        blocks_pair(states + i, data + i, count);
    if (i < lanes)
        shani_blocks(states[i], data[i], count);
}

/* First words of a node: 0x01 and 15 bytes of the left hash, without reading before it. */
INLINE __m128i node_first(const uint8_t *p)
{
    __m128i shifted = _mm_slli_si128(load(p), 1);
    return swap_words(_mm_or_si128(shifted, _mm_cvtsi32_si128(0x01)));
}

INLINE __m128i node_rest(uint8_t last, size_t group)
{
    return _mm_load_si128((const __m128i *)&node_schedules[last][4 * group]);
}

#define NODE_BEGIN(l, pairs)                  \
    const uint8_t *p##l = (pairs)[2 * (l)].b; \
    uint8_t last##l = p##l[63];               \
    lane s##l = lane_load(cairn_sha256_initial);
#define NODE_LOAD(l, unused)                \
    m##l##_0 = node_first(p##l);            \
    m##l##_1 = swap_words(load(p##l + 15)); \
    m##l##_2 = swap_words(load(p##l + 31)); \
    m##l##_3 = swap_words(load(p##l + 47));
#define NODE_REST(l, group) rounds(&s##l, node_rest(last##l, group));
#define NODE_STORE(l, hashes) lane_store_hash(s##l, &(hashes)[l]);

#define NODE_QUARTER(EACH, quarter)    \
    EACH(NODE_REST, 4 * (quarter))     \
    EACH(NODE_REST, 4 * (quarter) + 1) \
    EACH(NODE_REST, 4 * (quarter) + 2) \
    EACH(NODE_REST, 4 * (quarter) + 3)

#define NODES(EACH, pairs, hashes)                                                              \
    EACH(NODE_BEGIN, pairs)                                                                     \
    EACH(DECLARE, )                                                                             \
    EACH(NODE_LOAD, ){EACH(BEGIN, ) EACH(ROUNDS, 0, 0) EACH(ROUNDS, 1, 1) EACH(ROUNDS, 2, 2)    \
                          EACH(ROUNDS, 3, 3) QUARTER(EACH, 1) QUARTER(EACH, 2) QUARTER(EACH, 3) \
                              EACH(END, )} {EACH(BEGIN, ) NODE_QUARTER(EACH, 0) NODE_QUARTER(   \
        EACH, 1) NODE_QUARTER(EACH, 2) NODE_QUARTER(EACH, 3) EACH(END, )} EACH(NODE_STORE, hashes)

SHANI static void nodes_four(const cairn_hash *pairs,
                             cairn_hash *ret_hashes){NODES(FOUR, pairs, ret_hashes)}

SHANI static void nodes_two(const cairn_hash *pairs,
                            cairn_hash *ret_hashes){NODES(TWO, pairs, ret_hashes)}

SHANI static void nodes_one(const cairn_hash *pairs, cairn_hash *ret_hashes)
{
    NODES(ONE, pairs, ret_hashes)
}

static void shani_nodes(const cairn_hash *pairs, size_t count, cairn_hash *ret_hashes)
{
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
        nodes_four(pairs + 2 * i, ret_hashes + i);
    for (; i + 2 <= count; i += 2)
        nodes_two(pairs + 2 * i, ret_hashes + i);
    if (i < count)
        nodes_one(pairs + 2 * i, ret_hashes + i);
}

static uint32_t rotate(uint32_t x, unsigned n)
{
    return (x >> n) | (x << (32 - n));
}

static void fill_node_schedule(uint32_t w[64], uint8_t last)
{
    memset(w, 0, 16 * sizeof w[0]);
    w[0] = ((uint32_t)last << 24) | 0x800000;
    w[15] = CAIRN_SHA256_NODE_SIZE * 8;
    for (size_t t = 16; t < 64; t++) {
        uint32_t sigma0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ (w[t - 15] >> 3);
        uint32_t sigma1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ (w[t - 2] >> 10);
        w[t] = w[t - 16] + sigma0 + w[t - 7] + sigma1;
    }
    for (size_t t = 0; t < 64; t++)
        w[t] += cairn_sha256_constants[t];
}

static void fill_node_schedules(void)
{
    for (unsigned last = 0; last < 256; last++)
        fill_node_schedule(node_schedules[last], (uint8_t)last);
}

static bool shani_detect(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (!__builtin_cpu_supports("sse4.1") || !__builtin_cpu_supports("ssse3"))
        return false;
    /* Leaf 7 EBX bit 29; gcc 12's __builtin_cpu_supports does not know it. */
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0 || (ebx >> 29 & 1) == 0)
        return false;
    return pthread_once(&once, fill_node_schedules) == 0;
}

const cairn_sha256_impl cairn_sha256_shani = {
    .name = "sha-ni",
    .detect = shani_detect,
    .blocks = shani_blocks,
    .lanes = shani_lanes,
    .nodes = shani_nodes,
};

#else
typedef int cairn_sha256_shani_not_here;
#endif
