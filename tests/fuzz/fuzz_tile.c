/* Tile paths, and entry bundles behind one byte of width minus one: what is taken must write back
 * to the same bytes. */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "ledger/log/tile.h"

static void fuzz_path(cairn_bytes input)
{
    char again[CAIRN_TILE_PATH_SIZE_MAX];
    cairn_tile tile;
    if (cairn_tile_parse(input, &tile) != CAIRN_OK)
        return;
    cairn_tile_path(&tile, again);
    CAIRN_ASSERT(cairn_bytes_equal(input, cairn_bytes_str(again)));
}

static void fuzz_bundle(unsigned width, cairn_bytes input)
{
    static cairn_bytes entries[CAIRN_TILE_WIDTH];
    size_t size = 0;
    if (cairn_bundle_decode(input, width, entries) != CAIRN_OK)
        return;
    uint8_t *again = malloc(input.size + 1);
    CAIRN_ASSERT(again != NULL);
    for (unsigned i = 0; i < width; i++)
        CAIRN_ASSERT(cairn_bundle_append(again, input.size, &size, entries[i]) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(input, cairn_bytes_of(again, size)));
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cairn_hash hashes[CAIRN_TILE_WIDTH];
    fuzz_path(cairn_bytes_of(data, size));
    if (size == 0)
        return 0;
    cairn_bytes rest = cairn_bytes_of(data + 1, size - 1);
    fuzz_bundle(data[0] + 1u, rest);
    cairn_err err = cairn_tile_hashes(rest, data[0] + 1u, hashes);
    CAIRN_ASSERT((err == CAIRN_OK) == (rest.size == (data[0] + 1u) * sizeof hashes[0]));
    return 0;
}
