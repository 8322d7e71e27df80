/* The key exchange of TO2 and the channel that it opens. Source: FDO 1.1 sections 3.6 and 4.4;
 * docs/formats/fdo.md. */
#ifndef CAIRN_ONBOARD_EXCHANGE_H
#define CAIRN_ONBOARD_EXCHANGE_H

#include "cairn/arena.h"
#include "core/crypto/secret.h"
#include "onboard/wire/fdo_hash.h"

typedef enum cairn_fdo_kex {
    CAIRN_FDO_ECDH256,
    CAIRN_FDO_ECDH384,
} cairn_fdo_kex;

enum { CAIRN_FDO_KEX_SIZE_MAX = 150, CAIRN_FDO_SEK_SIZE_MAX = 32 };

/* "ECDH256", "ECDH384"; BAD_ALGORITHM for the rest, which is known by name and not served here. */
cairn_err cairn_fdo_kex_from_name(cairn_bytes name, cairn_fdo_kex *ret_kex) CAIRN_MUST_USE;
const char *cairn_fdo_kex_name(cairn_fdo_kex kex);
size_t cairn_fdo_kex_size(cairn_fdo_kex kex); /* 86 or 150 bytes */

/* One side's ephemeral key and random. */
typedef struct cairn_fdo_share cairn_fdo_share;
/* Draws until x, y and random begin with a byte that is not zero: peers strip leading zeros. */
cairn_err cairn_fdo_share_new(cairn_fdo_kex kex, cairn_fdo_share **ret_share) CAIRN_MUST_USE;
/* From a given scalar and random, leading zeros and all: vectors and tests. */
cairn_err cairn_fdo_share_of(cairn_fdo_kex kex, cairn_bytes scalar, cairn_bytes random,
                             cairn_fdo_share **ret_share) CAIRN_MUST_USE;
void cairn_fdo_share_free(cairn_fdo_share *share); /* wipes */
CAIRN_DEFINE_CLEANUP(cairn_fdo_share, cairn_fdo_share_free)
/* xA or xB: fixed width; a view that lives as long as the share. */
cairn_bytes cairn_fdo_share_public(const cairn_fdo_share *share);

/* The session's encryption key of `cipher`. `peer` is the other side's parameter: 86 or 150 bytes
 * with fields of full width, else BAD_VALUE; BAD_KEY for a point off the curve. `stripped` takes
 * the shared x without its leading zeros, as some peers do. `i_am_device` orders the randoms. */
cairn_err cairn_fdo_share_agree(const cairn_fdo_share *mine, cairn_bytes peer, bool i_am_device,
                                bool stripped, cairn_fdo_cipher cipher,
                                uint8_t ret_sek[CAIRN_FDO_SEK_SIZE_MAX],
                                size_t *ret_sek_size) CAIRN_MUST_USE;
/* True when the shared x of these two begins with a zero: then both forms must be tried. */
bool cairn_fdo_share_is_ambiguous(const cairn_fdo_share *mine, cairn_bytes peer);

/* The key derivation alone: blocks of HMAC-SHA-256, `size_bytes` at most 64. */
cairn_err cairn_fdo_kdf(cairn_bytes secret, cairn_bytes context, uint8_t *ret_key,
                        size_t size_bytes) CAIRN_MUST_USE;

/* Encrypt0 with a fresh random IV; opening takes the suite's algorithm alone: BAD_ALGORITHM,
 * BAD_MAC. The plaintext is the caller's to wipe. */
cairn_err cairn_fdo_seal(cairn_arena *arena, cairn_fdo_cipher cipher, cairn_bytes sek,
                         cairn_bytes plaintext, cairn_bytes *ret_message) CAIRN_MUST_USE;
cairn_err cairn_fdo_unseal(cairn_arena *arena, cairn_fdo_cipher cipher, cairn_bytes sek,
                           cairn_bytes message, cairn_bytes *ret_plaintext) CAIRN_MUST_USE;

#endif
