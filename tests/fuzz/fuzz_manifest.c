/* Manifests: what is taken has the one layout of its size and must write back to the same bytes. */
#include "fuzz/fuzz.h"

#include "cairn/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_manifest m, layout;
    cairn_bytes again;
    cairn_arena arena;
    if (cairn_manifest_decode(cairn_bytes_of(data, size), &m) != CAIRN_OK)
        return 0;
    CAIRN_ASSERT(cairn_manifest_lay_out(&layout, m.size) == CAIRN_OK);
    CAIRN_ASSERT(layout.segment_size == m.segment_size && layout.segment_count == m.segment_count);
    uint64_t total = 0;
    for (size_t i = 0; i < m.segment_count; i++)
        total += cairn_manifest_segment_length(&m, i);
    CAIRN_ASSERT(total == m.size);
    cairn_arena_init(&arena, 2 << 20);
    CAIRN_ASSERT(cairn_manifest_encode(&arena, &m, &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(cairn_bytes_of(data, size), again));
    cairn_arena_done(&arena);
    return 0;
}
