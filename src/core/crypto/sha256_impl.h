/* What the SHA-256 implementations share: one row per implementation, the best one first.
 * Source: FIPS 180-4. */
#ifndef CAIRN_CORE_CRYPTO_SHA256_IMPL_H
#define CAIRN_CORE_CRYPTO_SHA256_IMPL_H

#include "cairn/sha256.h"

enum {
    CAIRN_SHA256_BLOCK_SIZE = 64, /* bytes of one compression block */
    CAIRN_SHA256_LANE_COUNT_MAX = 8,
    CAIRN_SHA256_NODE_SIZE = 65, /* bytes of a Merkle node: prefix and two hashes */
};

typedef struct cairn_sha256_impl {
    const char *name;
    /* Whether this processor has it; also prepares its tables, under cairn_sha256_implementations'
     * one-time lock. NULL: always there. */
    bool (*detect)(void);
    /* Compresses `count` blocks of one message into `state`. */
    void (*blocks)(uint32_t state[8], const uint8_t *data, size_t count);
    /* Compresses `count` blocks of each of `lanes` (at most LANE_COUNT_MAX) messages. */
    void (*lanes)(uint32_t (*states)[8], const uint8_t *const *data, size_t count, size_t lanes);
    /* See cairn_sha256_nodes. A batch is read whole before any of it is written. */
    void (*nodes)(const cairn_hash *pairs, size_t count, cairn_hash *ret_hashes);
} cairn_sha256_impl;

extern const uint32_t cairn_sha256_initial[8];
extern const uint32_t cairn_sha256_constants[64];

extern const cairn_sha256_impl cairn_sha256_portable;
#if defined(__x86_64__)
extern const cairn_sha256_impl cairn_sha256_shani;
extern const cairn_sha256_impl cairn_sha256_avx2;
#endif

/* The portable forms, which the lane implementations use for what is left of a batch. */
void cairn_sha256_portable_blocks(uint32_t state[8], const uint8_t *data, size_t count);
void cairn_sha256_portable_nodes(const cairn_hash *pairs, size_t count, cairn_hash *ret_hashes);

/* Big-endian words of `state`. */
static inline void cairn_sha256_store(const uint32_t state[8], cairn_hash *ret_hash)
{
    for (size_t i = 0; i < 8; i++)
        cairn_put_u32(ret_hash->b + 4 * i, state[i]);
}

#endif
