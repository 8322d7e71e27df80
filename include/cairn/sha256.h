/* SHA-256 (FIPS 180-4): streaming, and batches of equal-sized messages in several lanes.
 *
 * The fastest implementation that this processor has (SHA-NI, AVX2 lanes, portable) is chosen once,
 * before the first use, and each is checked against OpenSSL in the unit test. No OpenSSL call is on
 * this path: EVP's fetch and reference counting cost more than the hash of one tree node
 * (docs/performance.md). */
#ifndef CAIRN_SHA256_H
#define CAIRN_SHA256_H

#include "cairn/bytes.h"

typedef struct cairn_sha256 {
    uint32_t state[8];
    uint64_t size; /* bytes hashed so far */
    uint8_t buffer[64];
} cairn_sha256;

void cairn_sha256_init(cairn_sha256 *ctx);
void cairn_sha256_update(cairn_sha256 *ctx, const void *data, size_t size);
void cairn_sha256_final(cairn_sha256 *ctx, cairn_hash *ret_hash);

/* One message, or the concatenation of several. */
void cairn_sha256_of(const void *data, size_t size, cairn_hash *ret_hash);
void cairn_sha256_parts(const cairn_bytes *parts, size_t count, cairn_hash *ret_hash);

/* Merkle nodes: ret_hashes[i] = SHA-256(0x01 ‖ pairs[2i] ‖ pairs[2i+1]), `count` of them, in lanes.
 * `ret_hashes` may overlap `pairs` from the front (in-place folding of a level). */
void cairn_sha256_nodes(const cairn_hash *pairs, size_t count, cairn_hash *ret_hashes);
void cairn_sha256_node(const cairn_hash *left, const cairn_hash *right, cairn_hash *ret_hash);

/* `count` messages of `size` bytes each, every one preceded by its own 64-byte prefix block: the
 * segment hash of a manifest. messages[i] and prefixes[i] point to them. */
void cairn_sha256_prefixed(const uint8_t (*prefixes)[64], const uint8_t *const *messages,
                           size_t size, size_t count, cairn_hash *ret_hashes);

/* Name of the implementation in use: "sha-ni", "avx2x8" or "portable". */
const char *cairn_sha256_implementation(void);

/* Forces an implementation by name, for tests and benchmarks; ARGUMENT when this processor lacks
 * it. */
cairn_err cairn_sha256_force(const char *name) CAIRN_MUST_USE;

#endif
