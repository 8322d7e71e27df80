/* Evidence in the engine's JSON: what is taken has the sizes and ranges that its users rely on. */
#include "fuzz/fuzz.h"

#include "ledger/consortium/double_vote.h"
#include "ledger/light/light_vote.h"

static void check_side(const cairn_double_vote_side *side)
{
    CAIRN_ASSERT(side->block.size == 0 || side->block.size == 32);
    CAIRN_ASSERT(side->parts.hash.size == 0 || side->parts.hash.size == 32);
    CAIRN_ASSERT(side->signature.size == 64);
    CAIRN_ASSERT(side->time.nanoseconds < 1000000000);
    CAIRN_ASSERT(side->time.seconds >= CAIRN_LIGHT_SECONDS_MIN &&
                 side->time.seconds <= CAIRN_LIGHT_SECONDS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_arena arena;
    cairn_double_vote *votes = NULL;
    size_t count = 0;
    cairn_arena_init(&arena, 16 << 20);
    if (cairn_double_votes_from_rpc(&arena, cairn_bytes_of(data, size), &votes, &count) ==
        CAIRN_OK) {
        CAIRN_ASSERT(count <= CAIRN_DOUBLE_VOTES_MAX);
        for (size_t i = 0; i < count; i++) {
            CAIRN_ASSERT(votes[i].type == CAIRN_LIGHT_PREVOTE ||
                         votes[i].type == CAIRN_LIGHT_PRECOMMIT);
            CAIRN_ASSERT(votes[i].height >= 1 && votes[i].height <= INT64_MAX);
            CAIRN_ASSERT(votes[i].round <= INT32_MAX);
            check_side(&votes[i].votes[0]);
            check_side(&votes[i].votes[1]);
        }
    }
    cairn_arena_done(&arena);
    return 0;
}
