/* CRC-32C (Castagnoli), with the processor's instruction where there is one. Source: RFC 3720
 * appendix B.4. */
#ifndef CAIRN_CORE_STORE_CRC32C_H
#define CAIRN_CORE_STORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC of what came before (`crc`, 0 at the start) followed by `size` bytes at `data`. Any thread.
 */
uint32_t cairn_crc32c(uint32_t crc, const void *data, size_t size);

/* The same without the instruction: the reference of the test. */
uint32_t cairn_crc32c_portable(uint32_t crc, const void *data, size_t size);

#endif
