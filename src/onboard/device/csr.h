/* Certificate signing requests (PKCS#10) by keys of the key store, which sign and do not leave it.
 */
#ifndef CAIRN_ONBOARD_CSR_H
#define CAIRN_ONBOARD_CSR_H

#include "cairn/fdo_client.h"

/* DER in the arena, for the key `name`. `common_name` is UTF-8 of 1 to 64 bytes; `challenge`
 * (challengePassword, printable, at most 255 bytes) may be empty. NOT_FOUND; CRYPTO, NO_MEMORY. */
cairn_err cairn_fdo_client_csr(cairn_arena *arena, const cairn_fdo_client_keys *keys,
                               const char *name, cairn_bytes common_name, cairn_bytes challenge,
                               cairn_bytes *ret_csr) CAIRN_MUST_USE;

#endif
