#include "core/crypto/sha256_impl.h"

const uint32_t cairn_sha256_initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

/* FIPS 180-4 section 4.2.2. Aligned for the vector loads of the other implementations. */
_Alignas(64) const uint32_t cairn_sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t rotate(uint32_t x, unsigned n)
{
    return (x >> n) | (x << (32 - n));
}

static inline uint32_t extend(const uint32_t w[16], size_t t)
{
    uint32_t w15 = w[(t + 1) & 15];
    uint32_t w2 = w[(t + 14) & 15];
    uint32_t sigma0 = rotate(w15, 7) ^ rotate(w15, 18) ^ (w15 >> 3);
    uint32_t sigma1 = rotate(w2, 17) ^ rotate(w2, 19) ^ (w2 >> 10);
    return w[t & 15] + sigma0 + w[(t + 9) & 15] + sigma1;
}

/* One round, FIPS 180-4 section 6.2.2 step 3: the words of `s` take turns instead of moving. `wk`
 * is the schedule word with its constant added. */
static inline __attribute__((always_inline)) void step(uint32_t s[8], size_t t, uint32_t wk)
{
    uint32_t a = s[(0 - t) & 7], b = s[(1 - t) & 7], c = s[(2 - t) & 7];
    uint32_t e = s[(4 - t) & 7], f = s[(5 - t) & 7], g = s[(6 - t) & 7];
    uint32_t sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    uint32_t choice = g ^ (e & (f ^ g));
    uint32_t t1 = s[(7 - t) & 7] + sum1 + choice + wk;
    uint32_t sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    uint32_t majority = (a & b) | (c & (a | b));
    s[(3 - t) & 7] += t1;
    s[(7 - t) & 7] = t1 + sum0 + majority;
}

static void compress(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[16];
    uint32_t s[8];
    memcpy(s, state, sizeof s);
    for (size_t t = 0; t < 16; t++)
        w[t] = cairn_get_u32(block + 4 * t);
    for (size_t t = 0; t < 64; t += 8) {
        for (size_t i = 0; i < 8 && t >= 16; i++)
            w[(t + i) & 15] = extend(w, t + i);
        const uint32_t *k = cairn_sha256_constants + t;
        step(s, 0, w[t & 15] + k[0]);
        step(s, 1, w[(t + 1) & 15] + k[1]);
        step(s, 2, w[(t + 2) & 15] + k[2]);
        step(s, 3, w[(t + 3) & 15] + k[3]);
        step(s, 4, w[(t + 4) & 15] + k[4]);
        step(s, 5, w[(t + 5) & 15] + k[5]);
        step(s, 6, w[(t + 6) & 15] + k[6]);
        step(s, 7, w[(t + 7) & 15] + k[7]);
    }
    for (size_t i = 0; i < 8; i++)
        state[i] += s[i];
}

void cairn_sha256_portable_blocks(uint32_t state[8], const uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        compress(state, data + i * CAIRN_SHA256_BLOCK_SIZE);
}

static void portable_lanes(uint32_t (*states)[8], const uint8_t *const *data, size_t count,
                           size_t lanes)
{
    for (size_t i = 0; i < lanes; i++)
        cairn_sha256_portable_blocks(states[i], data[i], count);
}

void cairn_sha256_portable_nodes(const cairn_hash *pairs, size_t count, cairn_hash *ret_hashes)
{
    uint8_t blocks[2 * CAIRN_SHA256_BLOCK_SIZE] = {0x01, [CAIRN_SHA256_NODE_SIZE] = 0x80};
    cairn_put_u16(blocks + sizeof blocks - 2, CAIRN_SHA256_NODE_SIZE * 8);
    for (size_t i = 0; i < count; i++) {
        uint32_t state[8];
        memcpy(state, cairn_sha256_initial, sizeof state);
        memcpy(blocks + 1, &pairs[2 * i], 2 * sizeof(cairn_hash));
        cairn_sha256_portable_blocks(state, blocks, 2);
        cairn_sha256_store(state, &ret_hashes[i]);
    }
}

const cairn_sha256_impl cairn_sha256_portable = {
    .name = "portable",
    .detect = NULL,
    .blocks = cairn_sha256_portable_blocks,
    .lanes = portable_lanes,
    .nodes = cairn_sha256_portable_nodes,
};
