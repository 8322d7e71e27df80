/* Hash and HMac of FDO: [algorithm, bytes]. Source: FDO 1.1 section 3.3.2; docs/formats/fdo.md. */
#ifndef CAIRN_ONBOARD_FDO_HASH_H
#define CAIRN_ONBOARD_FDO_HASH_H

#include "cairn/cbor.h"
#include "cairn/fdo.h"

typedef enum cairn_fdo_hash_alg {
    CAIRN_FDO_SHA256 = -16,
    CAIRN_FDO_SHA384 = -43,
    CAIRN_FDO_HMAC256 = 5,
    CAIRN_FDO_HMAC384 = 6,
} cairn_fdo_hash_alg;

enum { CAIRN_FDO_HASH_SIZE_MAX = 48, CAIRN_FDO_HASH_ENCODED_MAX = 54 };

typedef struct cairn_fdo_hash {
    int64_t alg; /* of the list above */
    size_t size; /* 32 or 48, as `alg` says */
    uint8_t b[CAIRN_FDO_HASH_SIZE_MAX];
} cairn_fdo_hash;

/* Over the pieces one after the other; `alg` is a hash. CRYPTO. */
cairn_err cairn_fdo_hash_of(int64_t alg, const cairn_bytes *pieces, size_t count,
                            cairn_fdo_hash *ret_hash) CAIRN_MUST_USE;
/* `alg` is an HMAC; the secret has 1 to 64 bytes. CRYPTO. */
cairn_err cairn_fdo_hmac_of(int64_t alg, cairn_bytes secret, cairn_bytes message,
                            cairn_fdo_hash *ret_hmac) CAIRN_MUST_USE;
/* In constant time. */
bool cairn_fdo_hash_equal(const cairn_fdo_hash *a, const cairn_fdo_hash *b);

/* BAD_ALGORITHM for one that is none of the kind wanted, BAD_VALUE for a wrong size. */
cairn_err cairn_fdo_hash_read(cairn_cbor_reader *reader, const char *field,
                              cairn_fdo_hash *ret_hash) CAIRN_MUST_USE;
cairn_err cairn_fdo_hmac_read(cairn_cbor_reader *reader, const char *field,
                              cairn_fdo_hash *ret_hmac) CAIRN_MUST_USE;
void cairn_fdo_hash_put(cairn_cbor_writer *writer, const cairn_fdo_hash *hash);

#endif
