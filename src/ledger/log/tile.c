#include "ledger/log/tile.h"

#include <stdio.h>

#define CLAUSE "C2SP tlog-tiles"

enum { GROUPS_MAX = 6 }; /* path elements of three digits: 2^55 has 17 digits */

/* Number of tiles that level `level` of the largest log has. */
static uint64_t tile_count_max(unsigned level)
{
    return (CAIRN_LOG_SIZE_MAX >> (level * CAIRN_TILE_HEIGHT)) / CAIRN_TILE_WIDTH + 1;
}

unsigned cairn_tile_width(uint64_t size, unsigned level, uint64_t index)
{
    CAIRN_ASSERT(level < CAIRN_TILE_LEVEL_COUNT);
    uint64_t hashes = size >> (level * CAIRN_TILE_HEIGHT);
    if (index > hashes / CAIRN_TILE_WIDTH)
        return 0;
    uint64_t width = hashes - index * CAIRN_TILE_WIDTH;
    return width < CAIRN_TILE_WIDTH ? (unsigned)width : CAIRN_TILE_WIDTH;
}

static void append_index(uint64_t index, char *path, size_t *at)
{
    unsigned groups[GROUPS_MAX];
    size_t count = 0;
    do {
        groups[count++] = (unsigned)(index % 1000);
        index /= 1000;
    } while (index > 0);
    while (count-- > 0)
        *at += (size_t)snprintf(path + *at, CAIRN_TILE_PATH_SIZE_MAX - *at, "/%s%03u",
                                count > 0 ? "x" : "", groups[count]);
}

void cairn_tile_path(const cairn_tile *tile, char ret_path[CAIRN_TILE_PATH_SIZE_MAX])
{
    CAIRN_ASSERT(tile->level < CAIRN_TILE_LEVEL_COUNT);
    CAIRN_ASSERT(tile->index < tile_count_max(tile->level));
    CAIRN_ASSERT(tile->width >= 1 && tile->width <= CAIRN_TILE_WIDTH);
    int n = tile->kind == CAIRN_TILE_ENTRIES
                ? snprintf(ret_path, CAIRN_TILE_PATH_SIZE_MAX, "tile/entries")
                : snprintf(ret_path, CAIRN_TILE_PATH_SIZE_MAX, "tile/%u", tile->level);
    size_t at = (size_t)n;
    append_index(tile->index, ret_path, &at);
    if (tile->width < CAIRN_TILE_WIDTH)
        (void)snprintf(ret_path + at, CAIRN_TILE_PATH_SIZE_MAX - at, ".p/%u", tile->width);
}

/* Takes `text` off the front of `path`. */
static bool take(cairn_bytes *path, const char *text)
{
    size_t size = strlen(text);
    if (path->size < size || memcmp(path->data, text, size) != 0)
        return false;
    *path = cairn_bytes_of(path->data + size, path->size - size);
    return true;
}

/* Takes one to `digits_max` decimal digits off the front of `path`. */
static bool take_number(cairn_bytes *path, size_t digits_max, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t i = 0;
    for (; i < path->size && i < digits_max; i++) {
        if (path->data[i] < '0' || path->data[i] > '9')
            break;
        number = number * 10 + (uint64_t)(path->data[i] - '0');
    }
    *path = cairn_bytes_of(path->data + i, path->size - i);
    *ret_number = number;
    return i > 0;
}

static bool take_index(cairn_bytes *path, uint64_t *ret_index)
{
    uint64_t index = 0, group = 0;
    for (size_t i = 0; i < GROUPS_MAX; i++) {
        bool more = take(path, "/x");
        if ((!more && !take(path, "/")) || !take_number(path, 3, &group))
            return false;
        index = index * 1000 + group;
        *ret_index = index;
        if (!more)
            return true;
    }
    return false;
}

static bool take_tile(cairn_bytes path, cairn_tile *ret_tile)
{
    uint64_t level = 0, width = CAIRN_TILE_WIDTH;
    ret_tile->kind = take(&path, "tile/entries") ? CAIRN_TILE_ENTRIES : CAIRN_TILE_HASHES;
    if (ret_tile->kind == CAIRN_TILE_HASHES &&
        (!take(&path, "tile/") || !take_number(&path, 1, &level)))
        return false;
    if (!take_index(&path, &ret_tile->index))
        return false;
    if (take(&path, ".p/") && (!take_number(&path, 3, &width) || width >= CAIRN_TILE_WIDTH))
        return false;
    ret_tile->level = (unsigned)level;
    ret_tile->width = (unsigned)width;
    return path.size == 0 && width > 0 && level < CAIRN_TILE_LEVEL_COUNT &&
           ret_tile->index < tile_count_max(ret_tile->level);
}

cairn_err cairn_tile_parse(cairn_bytes path, cairn_tile *ret_tile)
{
    char again[CAIRN_TILE_PATH_SIZE_MAX];
    cairn_tile tile;
    if (!take_tile(path, &tile))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "tile.path: names no tile");
    /* One tile has one path: zeroes too many or too few are caught by writing it anew. */
    cairn_tile_path(&tile, again);
    if (!cairn_bytes_equal(path, cairn_bytes_str(again)))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "tile.path: is not %s", again);
    *ret_tile = tile;
    return CAIRN_OK;
}

cairn_err cairn_tile_hashes(cairn_bytes file, unsigned width,
                            cairn_hash ret_hashes[CAIRN_TILE_WIDTH])
{
    CAIRN_ASSERT(width >= 1 && width <= CAIRN_TILE_WIDTH);
    if (file.size != width * sizeof(cairn_hash))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, CLAUSE, "tile.size: %zu bytes for %u hashes",
                          file.size, width);
    memcpy(ret_hashes, file.data, file.size);
    return CAIRN_OK;
}

cairn_err cairn_bundle_append(uint8_t *buffer, size_t capacity, size_t *size, cairn_bytes entry)
{
    if (entry.size > CAIRN_BUNDLE_ENTRY_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, CLAUSE, "bundle.entry: %zu bytes", entry.size);
    if (capacity - *size < 2 + entry.size)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "bundle.size: more than %zu bytes",
                          capacity);
    cairn_put_u16(buffer + *size, (uint16_t)entry.size);
    if (entry.size > 0)
        memcpy(buffer + *size + 2, entry.data, entry.size);
    *size += 2 + entry.size;
    return CAIRN_OK;
}

cairn_err cairn_bundle_decode(cairn_bytes bundle, unsigned width,
                              cairn_bytes ret_entries[CAIRN_TILE_WIDTH])
{
    cairn_bytes entries[CAIRN_TILE_WIDTH];
    size_t at = 0;
    CAIRN_ASSERT(width >= 1 && width <= CAIRN_TILE_WIDTH);
    for (unsigned i = 0; i < width; i++) {
        if (bundle.size - at < 2 || bundle.size - at - 2 < cairn_get_u16(bundle.data + at))
            return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, CLAUSE, "bundle.entry: %u of %u is cut off", i,
                              width);
        entries[i] = cairn_bytes_of(bundle.data + at + 2, cairn_get_u16(bundle.data + at));
        at += 2 + entries[i].size;
    }
    if (at != bundle.size)
        return CAIRN_FAIL(CAIRN_ERR_TRAILING, CLAUSE, "bundle.size: %zu bytes after %u entries",
                          bundle.size - at, width);
    memcpy(ret_entries, entries, width * sizeof entries[0]);
    return CAIRN_OK;
}
