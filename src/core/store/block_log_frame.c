/* Encoding of the block log's headers, and the reading window. */
#include "core/store/block_log_frame.h"

#include <stdlib.h>

#include "core/store/crc32c.h"
#include "core/store/file.h"

static const uint8_t segment_magic[8] = {'c', 'a', 'i', 'r', 'n', 'l', 'o', 'g'};
static const uint8_t record_magic[4] = {'C', 'B', 'L', 'R'};
static const uint8_t seal_magic[4] = {'C', 'B', 'L', 'S'};

enum { VERSION = 1, HEADER_CRC_AT = 56 };

void cairn_block_segment_encode(const cairn_block_segment_header *header,
                                uint8_t ret_bytes[BLOCK_SEGMENT_HEADER_SIZE])
{
    memcpy(ret_bytes, segment_magic, 8);
    cairn_put_u32(ret_bytes + 8, VERSION);
    cairn_put_u64(ret_bytes + 12, header->first);
    memcpy(ret_bytes + 20, header->chain.b, 32);
    memcpy(ret_bytes + 52, header->salt, 8);
    cairn_put_u32(ret_bytes + 60, cairn_crc32c(0, ret_bytes, 60));
}

const char *cairn_block_segment_decode(const uint8_t bytes[BLOCK_SEGMENT_HEADER_SIZE],
                                       cairn_block_segment_header *ret_header)
{
    if (memcmp(bytes, segment_magic, 8) != 0)
        return "segment header has no magic";
    if (cairn_get_u32(bytes + 8) != VERSION)
        return "segment header has an unknown version";
    if (cairn_get_u32(bytes + 60) != cairn_crc32c(0, bytes, 60))
        return "segment header has a wrong CRC";
    ret_header->first = cairn_get_u64(bytes + 12);
    memcpy(ret_header->chain.b, bytes + 20, 32);
    memcpy(ret_header->salt, bytes + 52, 8);
    return NULL;
}

uint32_t cairn_block_segment_seed(const cairn_block_segment_header *header)
{
    return cairn_crc32c(0, header->salt, sizeof header->salt);
}

/* Over all of the header but the CRC itself. */
static uint32_t header_crc(const uint8_t bytes[BLOCK_FRAME_HEADER_SIZE], uint32_t seed)
{
    uint32_t crc = cairn_crc32c(seed, bytes, HEADER_CRC_AT);
    return cairn_crc32c(crc, bytes + HEADER_CRC_AT + 4, 4);
}

void cairn_block_frame_encode(const cairn_block_frame *frame, uint32_t seed,
                              uint8_t ret_bytes[BLOCK_FRAME_HEADER_SIZE])
{
    memcpy(ret_bytes, frame->seal ? seal_magic : record_magic, 4);
    cairn_put_u32(ret_bytes + 4, frame->size);
    cairn_put_u64(ret_bytes + 8, frame->number);
    memcpy(ret_bytes + 16, frame->chain.b, 32);
    cairn_put_u32(ret_bytes + 48, frame->synced);
    cairn_put_u32(ret_bytes + 52, frame->payload_crc);
    cairn_put_u16(ret_bytes + 60, frame->zero_sectors);
    cairn_put_u16(ret_bytes + 62, VERSION);
    cairn_put_u32(ret_bytes + HEADER_CRC_AT, header_crc(ret_bytes, seed));
}

const char *cairn_block_frame_decode(const uint8_t bytes[BLOCK_FRAME_HEADER_SIZE], uint32_t seed,
                                     uint64_t offset, cairn_block_frame *ret_frame)
{
    bool seal = memcmp(bytes, seal_magic, 4) == 0;
    if (!seal && memcmp(bytes, record_magic, 4) != 0)
        return "frame has no magic";
    if (cairn_get_u32(bytes + HEADER_CRC_AT) != header_crc(bytes, seed))
        return "frame header has a wrong CRC";
    if (cairn_get_u16(bytes + 62) != VERSION)
        return "frame has an unknown version";
    cairn_block_frame frame = {.seal = seal,
                               .zero_sectors = cairn_get_u16(bytes + 60),
                               .size = cairn_get_u32(bytes + 4),
                               .synced = cairn_get_u32(bytes + 48),
                               .payload_crc = cairn_get_u32(bytes + 52),
                               .number = cairn_get_u64(bytes + 8)};
    memcpy(frame.chain.b, bytes + 16, 32);
    if (frame.size > (seal ? 0 : (uint32_t)CAIRN_BLOCK_LOG_PAYLOAD_SIZE_MAX))
        return "frame is larger than its limit";
    if (frame.synced < BLOCK_SEGMENT_HEADER_SIZE || frame.synced > offset)
        return "frame vouches for what comes after it";
    *ret_frame = frame;
    return NULL;
}

bool cairn_block_is_zero(cairn_bytes bytes)
{
    return bytes.size == 0 ||
           (bytes.data[0] == 0 && memcmp(bytes.data, bytes.data + 1, bytes.size - 1) == 0);
}

uint32_t cairn_block_zero_sectors(uint64_t offset, cairn_bytes bytes)
{
    uint32_t count = 0;
    for (size_t at = 0; at < bytes.size;) {
        size_t part = BLOCK_SECTOR_SIZE - (size_t)((offset + at) % BLOCK_SECTOR_SIZE);
        if (part > bytes.size - at)
            part = bytes.size - at;
        if (cairn_block_is_zero(cairn_bytes_of(bytes.data + at, part)))
            count++;
        at += part;
    }
    return count;
}

void cairn_block_window_init(cairn_block_window *window, size_t capacity)
{
    *window = (cairn_block_window){.fd = -1, .capacity = capacity};
}

void cairn_block_window_aim(cairn_block_window *window, int fd, const char *name)
{
    window->fd = fd;
    window->name = name;
    window->offset = 0;
    window->size = 0;
}

void cairn_block_window_done(cairn_block_window *window)
{
    free(window->buffer);
    window->buffer = NULL;
}

void cairn_block_window_clip(cairn_block_window *window, uint64_t end)
{
    if (end <= window->offset)
        window->size = 0;
    else if (end - window->offset < window->size)
        window->size = (size_t)(end - window->offset);
}

/* Makes room for `size` bytes and keeps the content. */
static cairn_err reserve(cairn_block_window *window, size_t size)
{
    if (window->buffer != NULL && size <= window->capacity)
        return CAIRN_OK;
    size_t capacity = size > window->capacity ? size : window->capacity;
    uint8_t *buffer = realloc(window->buffer, capacity);
    if (buffer == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "block log: buffer of %zu bytes", capacity);
    window->buffer = buffer;
    window->capacity = capacity;
    return CAIRN_OK;
}

/* Moves the window to `offset`, keeps what it has from there on, and fills it up. */
static cairn_err slide(cairn_block_window *window, uint64_t offset)
{
    size_t keep = 0;
    if (offset >= window->offset && offset - window->offset < window->size) {
        size_t skip = (size_t)(offset - window->offset);
        keep = window->size - skip;
        memmove(window->buffer, window->buffer + skip, keep);
    }
    window->offset = offset;
    window->size = keep;
    size_t got = 0;
    CAIRN_TRY(cairn_file_read_at(window->fd, window->name, offset + keep, window->buffer + keep,
                                 window->capacity - keep, &got));
    window->size = keep + got;
    return CAIRN_OK;
}

cairn_err cairn_block_window_view(cairn_block_window *window, uint64_t offset, size_t size,
                                  cairn_bytes *ret_bytes)
{
    CAIRN_TRY(reserve(window, size));
    bool inside = offset >= window->offset && offset - window->offset <= window->size &&
                  size <= window->size - (size_t)(offset - window->offset);
    if (!inside)
        CAIRN_TRY(slide(window, offset));
    size_t skip = (size_t)(offset - window->offset);
    size_t left = window->size - skip;
    *ret_bytes = cairn_bytes_of(window->buffer + skip, size < left ? size : left);
    return CAIRN_OK;
}
