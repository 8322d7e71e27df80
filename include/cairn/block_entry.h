/* The block entry, by which the log covers the state, and the hash that a consensus engine signs.
 * Bytes: docs/formats/block-entry.md. Nothing here allocates. */
#ifndef CAIRN_BLOCK_ENTRY_H
#define CAIRN_BLOCK_ENTRY_H

#include "cairn/bytes.h"

enum {
    CAIRN_BLOCK_ENTRY_FIRST_BYTE = 0x88,
    CAIRN_BLOCK_ENTRY_SIZE_MAX = 1 + 14 + 4 * 9 + 3 * 34, /* bytes */
};

typedef struct cairn_block_entry {
    uint64_t height;
    uint64_t time_ms;
    uint64_t first; /* log index of the block's first accepted transaction */
    uint64_t count; /* accepted transactions; this entry's own index is first + count */
    cairn_hash state_root;
    cairn_hash config_root;
    cairn_hash results_root;
} cairn_block_entry;

/* Strict decoding; also BAD_VALUE when first + count overflows or first is 0 (that is the genesis).
 */
cairn_err cairn_block_entry_decode(cairn_bytes in, cairn_block_entry *ret_entry) CAIRN_MUST_USE;

/* The encoded entry in `out`; never fails. Returns its size. */
size_t cairn_block_entry_encode(const cairn_block_entry *entry,
                                uint8_t out[CAIRN_BLOCK_ENTRY_SIZE_MAX]);

/* SHA-256("cairn/app-hash/1" ‖ u64be size ‖ root): what the consensus engine agrees on. */
void cairn_app_hash(uint64_t log_size, const cairn_hash *log_root, cairn_hash *ret_app_hash);

#endif
