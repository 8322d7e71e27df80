/* Names and contents of the static files of a log: hash tiles and entry bundles.
 * Source: C2SP tlog-tiles; docs/formats/log.md. Nothing allocates; any thread. */
#ifndef CAIRN_LEDGER_TILE_H
#define CAIRN_LEDGER_TILE_H

#include "ledger/log/merkle.h"

enum {
    CAIRN_TILE_PATH_SIZE_MAX = 64,      /* bytes of the longest path with its NUL */
    CAIRN_BUNDLE_ENTRY_SIZE_MAX = 65535 /* bytes of an entry: its length is a uint16 */
};

typedef enum cairn_tile_kind {
    CAIRN_TILE_HASHES,
    CAIRN_TILE_ENTRIES, /* an entry bundle; its level is 0 */
} cairn_tile_kind;

/* Which tile: `width` is 1 to 256, 256 for a full one. */
typedef struct cairn_tile {
    cairn_tile_kind kind;
    unsigned level; /* 0 to 7: no log within CAIRN_LOG_SIZE_MAX has more */
    uint64_t index;
    unsigned width;
} cairn_tile;

/* Width of tile `index` of `level` in the log of `size` entries: 0 when there is none, at most 256.
 */
unsigned cairn_tile_width(uint64_t size, unsigned level, uint64_t index);

/* Writes `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]` with a NUL. */
void cairn_tile_path(const cairn_tile *tile, char ret_path[CAIRN_TILE_PATH_SIZE_MAX]);

/* The one tile that has this path; BAD_VALUE for anything else, such as more zeroes than there
 * must be, or an index that no log reaches. */
cairn_err cairn_tile_parse(cairn_bytes path, cairn_tile *ret_tile) CAIRN_MUST_USE;

/* Hashes of a tile file, copied; MISMATCH when it does not hold exactly `width`. */
cairn_err cairn_tile_hashes(cairn_bytes file, unsigned width,
                            cairn_hash ret_hashes[CAIRN_TILE_WIDTH]) CAIRN_MUST_USE;

/* Puts one entry at `*size` of a bundle in a buffer of `capacity` bytes and moves `*size`;
 * TOO_LARGE when the entry is or the buffer would be. */
cairn_err cairn_bundle_append(uint8_t *buffer, size_t capacity, size_t *size,
                              cairn_bytes entry) CAIRN_MUST_USE;

/* The `width` entries of a bundle, views into it; TRUNCATED or TRAILING when it holds fewer or more
 * bytes than they need. */
cairn_err cairn_bundle_decode(cairn_bytes bundle, unsigned width,
                              cairn_bytes ret_entries[CAIRN_TILE_WIDTH]) CAIRN_MUST_USE;

#endif
