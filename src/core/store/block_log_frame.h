/* Headers of segments and frames, and a window that slides over a segment file. Private to the
 * block log. Source: docs/formats/block-log.md. */
#ifndef CAIRN_CORE_STORE_BLOCK_LOG_FRAME_H
#define CAIRN_CORE_STORE_BLOCK_LOG_FRAME_H

#include "core/store/block_log.h"

enum {
    BLOCK_SEGMENT_HEADER_SIZE = 64,
    BLOCK_FRAME_HEADER_SIZE = 64,
    BLOCK_SECTOR_SIZE = 512,
};

typedef struct cairn_block_segment_header {
    uint64_t first;
    cairn_hash chain;
    uint8_t salt[8];
} cairn_block_segment_header;

void cairn_block_segment_encode(const cairn_block_segment_header *header,
                                uint8_t ret_bytes[BLOCK_SEGMENT_HEADER_SIZE]);
/* NULL when it is valid, else what is wrong with it. */
const char *cairn_block_segment_decode(const uint8_t bytes[BLOCK_SEGMENT_HEADER_SIZE],
                                       cairn_block_segment_header *ret_header);

/* With what the CRCs of a segment's frames begin. */
uint32_t cairn_block_segment_seed(const cairn_block_segment_header *header);

typedef struct cairn_block_frame {
    bool seal;
    uint16_t zero_sectors;
    uint32_t size; /* of the payload */
    uint32_t synced;
    uint32_t payload_crc;
    uint64_t number;
    cairn_hash chain;
} cairn_block_frame;

void cairn_block_frame_encode(const cairn_block_frame *frame, uint32_t seed,
                              uint8_t ret_bytes[BLOCK_FRAME_HEADER_SIZE]);
/* NULL when it is a valid header at `offset`, else what is wrong with it. Reads no payload. */
const char *cairn_block_frame_decode(const uint8_t bytes[BLOCK_FRAME_HEADER_SIZE], uint32_t seed,
                                     uint64_t offset, cairn_block_frame *ret_frame);

bool cairn_block_is_zero(cairn_bytes bytes);
/* Sectors that are all zeros in the part of them that `bytes`, which lie at `offset`, take. */
uint32_t cairn_block_zero_sectors(uint64_t offset, cairn_bytes bytes);

/* A buffer over a file that is mostly read forwards. */
typedef struct cairn_block_window {
    int fd;
    const char *name; /* of the file, for failures; not owned */
    uint8_t *buffer;
    size_t capacity;
    size_t size;     /* bytes in it */
    uint64_t offset; /* of its first byte in the file */
} cairn_block_window;

/* `capacity` bytes are read at once; it grows when more are asked for. */
void cairn_block_window_init(cairn_block_window *window, size_t capacity);
/* Looks at another file from now on; fd and name are borrowed. */
void cairn_block_window_aim(cairn_block_window *window, int fd, const char *name);
void cairn_block_window_done(cairn_block_window *window);
/* Forgets what was read at `end` and behind. */
void cairn_block_window_clip(cairn_block_window *window, uint64_t end);
/* At most `size` bytes at `offset`, fewer only at the end of the file; valid until the next call.
 */
cairn_err cairn_block_window_view(cairn_block_window *window, uint64_t offset, size_t size,
                                  cairn_bytes *ret_bytes) CAIRN_MUST_USE;

#endif
