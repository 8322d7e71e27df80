/* Refusal proofs and the verdict over them, in support/vouch.h's world. */
#include "fuzz/fuzz.h"

#include "cairn/verify.h"
#include "support/vouch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static test_world world;
    static cairn_trust trust;
    static cairn_refusal_verdict verdict;
    cairn_arena arena;
    if (world.tx.size == 0) {
        test_world_init(&world);
        trust = test_world_trust(&world, &world.arena);
    }
    cairn_arena_init(&arena, CAIRN_VERIFY_ARENA_SIZE);
    cairn_err err =
        cairn_verify_refusal(&arena, cairn_bytes_of(data, size), &trust, TEST_NOW_MS, &verdict);
    CAIRN_ASSERT(err != CAIRN_ERR_NO_MEMORY);
    if (err == CAIRN_OK) {
        const cairn_block_entry *entry = &verdict.proof.end.block_entry;
        CAIRN_ASSERT(verdict.vouching.vouching_count >= 2);
        CAIRN_ASSERT(verdict.vouching.index == entry->first + entry->count);
        CAIRN_ASSERT(verdict.vouching.height >= entry->height);
    }
    cairn_arena_done(&arena);
    return 0;
}
