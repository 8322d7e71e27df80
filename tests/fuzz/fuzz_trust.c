/* Trust files: what is taken must write back to the same bytes, and every key in it be found. */
#include "fuzz/fuzz.h"

#include "cairn/trust.h"

static void check(cairn_arena *arena, cairn_bytes in, const cairn_trust *trust)
{
    cairn_bytes again;
    CAIRN_ASSERT(trust->threshold >= 1 && trust->threshold <= trust->cosigner_count);
    for (size_t i = 0; i < trust->entry_count; i++)
        CAIRN_ASSERT(cairn_trust_find(trust, &trust->entries[i].key->kid) == &trust->entries[i]);
    CAIRN_ASSERT(cairn_trust_encode(arena, trust, &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(in, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_trust trust;
    cairn_arena arena;
    cairn_arena_init(&arena, 16 << 20);
    if (cairn_trust_decode(&arena, cairn_bytes_of(data, size), &trust) == CAIRN_OK) {
        check(&arena, cairn_bytes_of(data, size), &trust);
        cairn_trust_done(&trust);
    }
    cairn_arena_done(&arena);
    return 0;
}
