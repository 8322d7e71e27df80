/* A node's answers: the one to /commit on the first line, pages of /validators on the others. What
 * is taken is a block that has our form, or the form is what it lacks. */
#include "fuzz/fuzz.h"

#include "ledger/light/light_json.h"

static void check(cairn_arena *arena, const cairn_light_block *block)
{
    const cairn_commit_proof proof = {.size = 1, .block_count = 1, .blocks = block};
    cairn_commit_proof again;
    cairn_bytes encoded;
    cairn_hash before, after;
    if (cairn_commit_proof_encode(arena, &proof, &encoded) != CAIRN_OK)
        return;
    CAIRN_ASSERT(cairn_commit_proof_decode(arena, encoded, &again) == CAIRN_OK);
    cairn_light_header_hash(&block->state.header, &before);
    cairn_light_header_hash(&again.blocks[0].state.header, &after);
    CAIRN_ASSERT(cairn_hash_equal(&before, &after));
    CAIRN_ASSERT(block->commit.vote_count == block->state.validators.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_bytes lines[CAIRN_LIGHT_PAGE_COUNT_MAX + 1] = {{0}};
    size_t count = 0;
    size_t from = 0;
    cairn_arena arena;
    cairn_light_block block;
    for (size_t i = 0; i <= size && count < CAIRN_LIGHT_PAGE_COUNT_MAX + 1; i++) {
        if (i < size && data[i] != '\n')
            continue;
        lines[count++] = cairn_bytes_of(data + from, i - from);
        from = i + 1;
    }
    cairn_arena_init(&arena, 4 << 20);
    if (cairn_light_block_from_rpc(&arena, lines[0], lines + 1, count - 1, &block) == CAIRN_OK)
        check(&arena, &block);
    cairn_arena_done(&arena);
    return 0;
}
