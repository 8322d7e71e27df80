/* Secret bytes: wiped when they go, compared in constant time, never printed. Source: house (STYLE,
 * Ownership 5). */
#ifndef CAIRN_CORE_CRYPTO_SECRET_H
#define CAIRN_CORE_CRYPTO_SECRET_H

#include "cairn/bytes.h"

enum { CAIRN_SECRET_SIZE_MAX = 128 }; /* bytes: any key that the house holds */

/* Lives on the stack or inside its owner: `CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key =
 * {0};`. There is no function that formats one, on purpose. */
typedef struct cairn_secret {
    size_t size;
    uint8_t data[CAIRN_SECRET_SIZE_MAX];
} cairn_secret;

/* Overwrites memory in a way that no compiler removes. Takes NULL with size 0. */
void cairn_wipe(void *memory, size_t size);

/* Empties the secret and overwrites all of its room. */
void cairn_secret_wipe(cairn_secret *secret);

/* Copies `bytes` in, after wiping what was there. TOO_LARGE beyond CAIRN_SECRET_SIZE_MAX, and then
 * the secret is unchanged. */
cairn_err cairn_secret_set(cairn_secret *secret, cairn_bytes bytes) CAIRN_MUST_USE;

/* `size` bytes (1 to CAIRN_SECRET_SIZE_MAX) from OpenSSL's private generator. CRYPTO when it fails;
 * the secret is empty then. */
cairn_err cairn_secret_random(cairn_secret *secret, size_t size) CAIRN_MUST_USE;

/* View that lives as long as the secret. */
static inline cairn_bytes cairn_secret_view(const cairn_secret *secret)
{
    return cairn_bytes_of(secret->data, secret->size);
}

/* Equality in a time that depends on the sizes alone. */
bool cairn_secret_equal(cairn_bytes a, cairn_bytes b);

#endif
