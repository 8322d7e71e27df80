/* What the house holds of OpenSSL: algorithms fetched once per process, contexts kept per thread,
 * and its errors turned into ours.
 *
 * OpenSSL 3.0 fetches an algorithm by name under locks in every one-shot call; two threads then
 * spend more time there than in the algorithm (openssl#17064). Source: house
 * (docs/performance.md). */
#ifndef CAIRN_CORE_CRYPTO_OPENSSL_H
#define CAIRN_CORE_CRYPTO_OPENSSL_H

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "cairn/key.h"

/* Never freed: they live as long as the process. */
typedef struct cairn_openssl {
    EVP_MD *sha384;
    EVP_MAC_CTX *hmac_sha256; /* without a key, to be copied */
    EVP_CIPHER *gcm[3];       /* AES-128, -192 and -256 */
    EC_GROUP *groups[2];      /* by cairn_key_type: P-256, P-384 */
    EVP_PKEY *curves[2];      /* keys that hold the parameters only, to be copied */
} cairn_openssl;

/* Contexts of this thread, freed when it ends. */
typedef struct cairn_openssl_thread {
    EVP_MD_CTX *md;
    EVP_CIPHER_CTX *cipher;
} cairn_openssl_thread;

/* The process's algorithms, fetched at the first call. CRYPTO or NO_MEMORY; a later call tries
 * again. Any thread. */
cairn_err cairn_openssl_get(const cairn_openssl **ret_openssl) CAIRN_MUST_USE;

/* This thread's contexts. NO_MEMORY. */
cairn_err cairn_openssl_get_thread(cairn_openssl_thread **ret_thread) CAIRN_MUST_USE;

/* Turns OpenSSL's queue of this thread into an error and empties it: NO_MEMORY when an allocation
 * failed, else CRYPTO with the text of its last entry. `what` names the operation. */
cairn_err cairn_openssl_fail(const char *what) CAIRN_MUST_USE;

#endif
