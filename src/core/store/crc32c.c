/* CRC-32C: the SSE4.2 instruction, or one table of 256 entries. */
#include "core/store/crc32c.h"

#include <pthread.h>
#include <string.h>

static const uint32_t polynomial = 0x82f63b78; /* reflected */

static uint32_t table[256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
        table[i] = crc;
    }
}

uint32_t cairn_crc32c_portable(uint32_t crc, const void *data, size_t size)
{
    (void)pthread_once(&table_once, fill_table);
    const uint8_t *p = data;
    crc = ~crc;
    for (size_t i = 0; i < size; i++)
        crc = (crc >> 8) ^ table[(crc ^ p[i]) & 0xff];
    return ~crc;
}

#ifdef __x86_64__
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const uint8_t *p,
                                                            size_t size)
{
    uint64_t wide = (uint32_t)~crc;
    for (; size >= 8; size -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    uint32_t narrow = (uint32_t)wide;
    for (; size > 0; size--, p++)
        narrow = _mm_crc32_u8(narrow, *p);
    return ~narrow;
}
#endif

uint32_t cairn_crc32c(uint32_t crc, const void *data, size_t size)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        return crc_sse42(crc, data, size);
#endif
    return cairn_crc32c_portable(crc, data, size);
}
