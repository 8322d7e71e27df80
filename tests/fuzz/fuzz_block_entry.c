/* Block entries: what is taken must write back to the same bytes. */
#include "fuzz/fuzz.h"

#include "cairn/block_entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_block_entry entry;
    uint8_t again[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    if (cairn_block_entry_decode(cairn_bytes_of(data, size), &entry) != CAIRN_OK)
        return 0;
    CAIRN_ASSERT(entry.first >= 1 && entry.first + entry.count <= INT64_MAX);
    size_t again_size = cairn_block_entry_encode(&entry, again);
    CAIRN_ASSERT(cairn_bytes_equal(cairn_bytes_of(data, size), cairn_bytes_of(again, again_size)));
    return 0;
}
