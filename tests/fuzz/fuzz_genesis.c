/* Geneses: what is taken encodes to the same bytes again, and begins a ledger or is refused. */
#include "fuzz/fuzz.h"

#include "support/ledger_memory.h"

static void begin(cairn_bytes in, cairn_arena *arena)
{
    cairn_ledger *ledger = NULL;
    cairn_block block;
    MEMORY_MUST(cairn_ledger_new(&cairn_all_features, NULL, &ledger));
    cairn_err err = cairn_ledger_begin(ledger, &memory_bases, in, arena, &block);
    CAIRN_ASSERT(err != CAIRN_ERR_NO_MEMORY && err > CAIRN_ERR_CRYPTO);
    if (err == CAIRN_OK) {
        CAIRN_ASSERT(block.entry.first == 1 && block.entry.count == 0);
        MEMORY_MUST(cairn_ledger_commit(ledger, &block));
    }
    cairn_ledger_free(ledger);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_genesis genesis;
    cairn_arena arena;
    cairn_bytes in = cairn_bytes_of(data, size), again;
    cairn_arena_init(&arena, 1 << 24);
    if (cairn_genesis_decode(&arena, in, &genesis) == CAIRN_OK) {
        MEMORY_MUST(cairn_genesis_encode(&arena, &genesis, &again));
        CAIRN_ASSERT(cairn_bytes_equal(in, again));
        begin(in, &arena);
    }
    cairn_arena_done(&arena);
    return 0;
}
