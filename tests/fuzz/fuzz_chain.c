/* A chain's beginning out of the engine's genesis.json: what is taken names its ledger, and its
 * part that is ours writes and reads back. */
#include "fuzz/fuzz.h"

#include "ledger/consortium/chain.h"
#include "ledger/genesis.h"

static void check_start(cairn_arena *arena, const cairn_chain_start *start)
{
    cairn_chain_start again;
    cairn_bytes json;
    CAIRN_ASSERT(cairn_chain_start_encode(arena, start, &json) == CAIRN_OK);
    CAIRN_ASSERT(cairn_chain_start_decode(arena, json, &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(again.genesis, start->genesis));
    CAIRN_ASSERT(again.height == start->height);
    CAIRN_ASSERT(cairn_hash_equal(&again.app_hash, &start->app_hash));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_arena arena;
    cairn_chain chain;
    cairn_chain_start start;
    cairn_hash ledger;
    cairn_arena_init(&arena, 16 << 20);
    const cairn_bytes in = cairn_bytes_of(data, size);
    if (cairn_chain_decode(&arena, in, &chain) == CAIRN_OK) {
        cairn_ledger_id(chain.start.genesis, &ledger);
        CAIRN_ASSERT(cairn_light_chain_is_of(cairn_bytes_str(chain.id), &ledger));
        CAIRN_ASSERT(chain.initial_height == chain.start.height + 1);
        check_start(&arena, &chain.start);
    }
    if (cairn_chain_start_decode(&arena, in, &start) == CAIRN_OK)
        check_start(&arena, &start);
    cairn_arena_done(&arena);
    return 0;
}
