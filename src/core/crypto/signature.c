/* ECDSA signatures: r ‖ s to DER and back, and the low s. */
#include "core/crypto/key_impl.h"

/* Orders of the groups (FIPS 186-4 D.1.2.3 and D.1.2.4), big-endian. */
static const uint8_t order_p256[32] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};
static const uint8_t order_p384[48] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
};

/* ret = a - b for a >= b. */
static void subtract(const uint8_t *a, const uint8_t *b, size_t size, uint8_t *ret)
{
    unsigned borrow = 0;
    for (size_t i = size; i-- > 0;) {
        unsigned difference = 256U + a[i] - b[i] - borrow;
        ret[i] = (uint8_t)difference;
        borrow = difference < 256U;
    }
}

/* n is odd, so s is at most half of it exactly when s <= n - s. */
static bool is_low(const uint8_t *s, const uint8_t *order, size_t size, uint8_t *ret_mirrored)
{
    if (memcmp(s, order, size) >= 0)
        return false;
    subtract(order, s, size, ret_mirrored);
    return memcmp(s, ret_mirrored, size) <= 0;
}

bool cairn_signature_low_s(cairn_bytes signature)
{
    uint8_t mirrored[32];
    return signature.size == 64 && is_low(signature.data + 32, order_p256, 32, mirrored);
}

void cairn_signature_make_low(cairn_key_type type, uint8_t *signature)
{
    uint8_t mirrored[KEY_FIELD_SIZE_MAX];
    size_t half = cairn_key_facts_of(type)->field_size;
    const uint8_t *order = type == CAIRN_KEY_P256 ? order_p256 : order_p384;
    CAIRN_ASSERT(cairn_key_type_is_ec(type) && memcmp(signature + half, order, half) < 0);
    if (!is_low(signature + half, order, half, mirrored))
        memcpy(signature + half, mirrored, half);
}

/* INTEGER of a big-endian number; returns its size. */
static size_t put_integer(const uint8_t *number, size_t size, uint8_t *out)
{
    while (size > 1 && number[0] == 0) {
        number++;
        size--;
    }
    size_t pad = number[0] >> 7;
    out[0] = 0x02;
    out[1] = (uint8_t)(size + pad);
    out[2] = 0;
    memcpy(out + 2 + pad, number, size);
    return 2 + pad + size;
}

size_t cairn_signature_to_der(const uint8_t *signature, size_t half,
                              uint8_t ret_der[KEY_DER_SIGNATURE_MAX])
{
    size_t size = 2;
    size += put_integer(signature, half, ret_der + size);
    size += put_integer(signature + half, half, ret_der + size);
    ret_der[0] = 0x30;
    ret_der[1] = (uint8_t)(size - 2); /* below 128 for both curves */
    return size;
}

/* Takes one INTEGER off the front of `der`, right-aligned into `half` bytes. */
static bool take_integer(cairn_bytes *der, size_t half, uint8_t *ret_number)
{
    if (der->size < 3 || der->data[0] != 0x02)
        return false;
    size_t size = der->data[1];
    const uint8_t *number = der->data + 2;
    if (size == 0 || size > der->size - 2 || (number[0] & 0x80) != 0)
        return false;
    if (size > 1 && number[0] == 0 && (number[1] & 0x80) == 0)
        return false;
    *der = cairn_bytes_of(number + size, der->size - 2 - size);
    if (number[0] == 0) {
        number++;
        size--;
    }
    if (size > half)
        return false;
    memset(ret_number, 0, half - size);
    memcpy(ret_number + half - size, number, size);
    return true;
}

cairn_err cairn_signature_from_der(cairn_bytes der, size_t half,
                                   uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX])
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    cairn_bytes rest = {0};
    bool valid =
        der.size >= 2 && der.data[0] == 0x30 && der.data[1] < 128 && der.data[1] == der.size - 2;
    if (valid)
        rest = cairn_bytes_of(der.data + 2, der.size - 2);
    valid = valid && take_integer(&rest, half, signature) &&
            take_integer(&rest, half, signature + half) && rest.size == 0;
    if (!valid)
        return CAIRN_FAIL(CAIRN_ERR_BAD_SIGNATURE, "RFC 3279 section 2.2.3",
                          "signature: not a DER ECDSA-Sig-Value");
    memcpy(ret_signature, signature, 2 * half);
    return CAIRN_OK;
}
