/* The other signature that verifies: (r, n - s) of P-256. */
#ifndef CAIRN_TESTS_SUPPORT_HIGH_S_H
#define CAIRN_TESTS_SUPPORT_HIGH_S_H

#include <stdint.h>

/* Replaces s, the second half of r ‖ s. FIPS 186-4 D.1.2.3 for n. */
static inline void test_negate_s(uint8_t signature[64])
{
    static const uint8_t n[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                  0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    int borrow = 0;
    for (int i = 31; i >= 0; i--) {
        int d = n[i] - signature[32 + i] - borrow;
        borrow = d < 0;
        signature[32 + i] = (uint8_t)(d + 256 * borrow);
    }
}

#endif
