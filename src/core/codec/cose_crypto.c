/* What COSE messages prove and hide: Sign1 verification, HMAC, AES-GCM. */
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "cairn/cose.h"
#include "core/crypto/hmac.h"
#include "core/crypto/openssl.h"
#include "core/crypto/secret.h"

enum {
    ALG_A128GCM = 1,
    ALG_A256GCM = 3,
    ALG_HMAC256 = 5,
    IV_SIZE = 12,
    GCM_TAG_SIZE = 16,
    HEADER_SIZE_MAX = 32,
};

static cairn_err check_alg(const cairn_cose_headers *headers, int64_t want)
{
    if (!headers->has_alg || !headers->alg_is_protected)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, "RFC 9052 section 3.1",
                          "cose.alg: not in the protected header");
    if (headers->alg != want)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, "house", "cose.alg: %lld where %lld is due",
                          (long long)headers->alg, (long long)want);
    return CAIRN_OK;
}

cairn_err cairn_cose_sign1_verify(cairn_arena *arena, const cairn_cose_message *message,
                                  const cairn_key *key, cairn_bytes external_aad,
                                  cairn_bytes payload)
{
    cairn_bytes structure = {0};
    if (!message->detached && payload.size != 0)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "cose: the message has its own payload");
    CAIRN_TRY(check_alg(&message->headers, cairn_key_alg(key)));
    CAIRN_TRY(cairn_cose_structure(arena, CAIRN_COSE_TAG_SIGN1, message->headers.protected_raw,
                                   external_aad, message->detached ? payload : message->payload,
                                   &structure));
    return cairn_key_verify(key, structure, message->tag);
}

/* --- Mac0 --- */

static cairn_err hmac(cairn_bytes key, cairn_bytes message, cairn_hash *ret_mac)
{
    if (key.size != sizeof ret_mac->b)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "RFC 9053 section 3.1", "cose: HMAC key of %zu bytes",
                          key.size);
    return cairn_hmac_sha256(key, &message, 1, ret_mac);
}

cairn_err cairn_cose_mac0(cairn_arena *arena, cairn_bytes key, cairn_bytes protected_raw,
                          cairn_bytes unprotected_raw, cairn_bytes external_aad,
                          cairn_bytes payload, cairn_bytes *ret_message)
{
    cairn_hash mac;
    cairn_bytes structure = {0};
    CAIRN_TRY(cairn_cose_structure(arena, CAIRN_COSE_TAG_MAC0, protected_raw, external_aad, payload,
                                   &structure));
    CAIRN_TRY(hmac(key, structure, &mac));
    return cairn_cose_encode(arena, CAIRN_COSE_TAG_MAC0, protected_raw, unprotected_raw, false,
                             payload, cairn_bytes_hash(&mac), ret_message);
}

cairn_err cairn_cose_mac0_verify(cairn_arena *arena, const cairn_cose_message *message,
                                 cairn_bytes key, cairn_bytes external_aad)
{
    cairn_hash mac;
    cairn_bytes structure = {0};
    CAIRN_TRY(check_alg(&message->headers, ALG_HMAC256));
    if (message->detached)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, "house", "cose.payload: absent");
    CAIRN_TRY(cairn_cose_structure(arena, CAIRN_COSE_TAG_MAC0, message->headers.protected_raw,
                                   external_aad, message->payload, &structure));
    CAIRN_TRY(hmac(key, structure, &mac));
    if (!cairn_secret_equal(cairn_bytes_hash(&mac), message->tag))
        return CAIRN_FAIL(CAIRN_ERR_BAD_MAC, "RFC 9052 section 6.2", "cose.tag: does not verify");
    return CAIRN_OK;
}

/* --- Encrypt0 --- */

typedef struct gcm_job {
    bool encrypt;
    int64_t alg;
    cairn_bytes key;
    cairn_bytes iv;
    cairn_bytes aad;
    cairn_bytes in; /* without the tag */
} gcm_job;

static cairn_err gcm_check(const gcm_job *job)
{
    if (job->alg < ALG_A128GCM || job->alg > ALG_A256GCM)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, "RFC 9053 section 4.1", "cose.alg: %lld",
                          (long long)job->alg);
    if (job->key.size != 8 + 8 * (size_t)job->alg)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "RFC 9053 section 4.1", "cose: AES key of %zu bytes",
                          job->key.size);
    if (job->iv.size != IV_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 9053 section 4.1", "cose.iv: %zu bytes",
                          job->iv.size);
    if (job->in.size > INT_MAX || job->aad.size > INT_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "cose: %zu bytes", job->in.size);
    return CAIRN_OK;
}

/* Feeds key, IV, associated data and text; all but the tag. */
static bool gcm_feed(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const gcm_job *job,
                     uint8_t *out)
{
    int size = 0;
    if (EVP_CipherInit_ex2(ctx, cipher, job->key.data, job->iv.data, job->encrypt, NULL) != 1 ||
        EVP_CipherUpdate(ctx, NULL, &size, job->aad.data, (int)job->aad.size) != 1)
        return false;
    return job->in.size == 0 ||
           EVP_CipherUpdate(ctx, out, &size, job->in.data, (int)job->in.size) == 1;
}

/* `out` has room for the text, `tag` is read or written. BAD_MAC when it does not verify. */
static cairn_err gcm_run(const gcm_job *job, uint8_t *out, uint8_t tag[GCM_TAG_SIZE])
{
    const cairn_openssl *openssl = NULL;
    cairn_openssl_thread *thread = NULL;
    uint8_t nothing[GCM_TAG_SIZE]; /* GCM has no last block, but the call wants a place */
    int size = 0;
    CAIRN_TRY(cairn_openssl_get(&openssl));
    CAIRN_TRY(cairn_openssl_get_thread(&thread));
    EVP_CIPHER_CTX *ctx = thread->cipher;
    bool fed = gcm_feed(ctx, openssl->gcm[job->alg - ALG_A128GCM], job, out);
    bool done = fed;
    if (fed && !job->encrypt)
        done = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_SIZE, tag) == 1;
    bool final = done && EVP_CipherFinal_ex(ctx, nothing, &size) == 1;
    if (final && job->encrypt)
        done = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_SIZE, tag) == 1;
    (void)EVP_CIPHER_CTX_reset(ctx);
    if (done && final)
        return CAIRN_OK;
    if (!done || job->encrypt)
        return cairn_openssl_fail("AES-GCM");
    ERR_clear_error();
    return CAIRN_FAIL(CAIRN_ERR_BAD_MAC, "RFC 9052 section 5.3",
                      "cose.ciphertext: does not verify");
}

cairn_err cairn_cose_encrypt0(cairn_arena *arena, cairn_bytes key, int64_t alg, cairn_bytes iv,
                              cairn_bytes external_aad, cairn_bytes plaintext,
                              cairn_bytes *ret_message)
{
    uint8_t headers[2][HEADER_SIZE_MAX];
    cairn_bytes protected_raw = {0};
    cairn_bytes unprotected_raw = {0};
    cairn_cbor_writer writer;
    void *memory = NULL;
    gcm_job job = {.encrypt = true, .alg = alg, .key = key, .iv = iv, .in = plaintext};
    CAIRN_TRY(gcm_check(&job));
    cairn_cbor_writer_init(&writer, headers[0], sizeof headers[0]);
    cairn_cbor_put_map(&writer, 1);
    cairn_cbor_put_int(&writer, 1);
    cairn_cbor_put_int(&writer, alg);
    CAIRN_TRY(cairn_cbor_writer_end(&writer, &protected_raw));
    cairn_cbor_writer_init(&writer, headers[1], sizeof headers[1]);
    cairn_cbor_put_map(&writer, 1);
    cairn_cbor_put_int(&writer, 5);
    cairn_cbor_put_bytes(&writer, iv);
    CAIRN_TRY(cairn_cbor_writer_end(&writer, &unprotected_raw));
    CAIRN_TRY(cairn_cose_structure(arena, CAIRN_COSE_TAG_ENCRYPT0, protected_raw, external_aad,
                                   (cairn_bytes){0}, &job.aad));
    CAIRN_TRY(cairn_arena_alloc(arena, plaintext.size + GCM_TAG_SIZE, &memory));
    CAIRN_TRY(gcm_run(&job, memory, (uint8_t *)memory + plaintext.size));
    return cairn_cose_encode(arena, CAIRN_COSE_TAG_ENCRYPT0, protected_raw, unprotected_raw, false,
                             cairn_bytes_of(memory, plaintext.size + GCM_TAG_SIZE),
                             (cairn_bytes){0}, ret_message);
}

cairn_err cairn_cose_decrypt0(cairn_arena *arena, const cairn_cose_message *message,
                              cairn_bytes key, cairn_bytes external_aad, cairn_bytes *ret_plaintext)
{
    const cairn_cose_headers *headers = &message->headers;
    uint8_t tag[GCM_TAG_SIZE];
    void *memory = NULL;
    gcm_job job = {.alg = headers->alg, .key = key, .iv = headers->iv};
    CAIRN_TRY(check_alg(headers, headers->alg));
    if (message->detached)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, "house", "cose.ciphertext: absent");
    if (message->payload.size < GCM_TAG_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_BAD_MAC, "house", "cose.ciphertext: shorter than a tag");
    job.in = cairn_bytes_of(message->payload.data, message->payload.size - GCM_TAG_SIZE);
    memcpy(tag, message->payload.data + job.in.size, sizeof tag);
    CAIRN_TRY(gcm_check(&job));
    CAIRN_TRY(cairn_cose_structure(arena, CAIRN_COSE_TAG_ENCRYPT0, headers->protected_raw,
                                   external_aad, (cairn_bytes){0}, &job.aad));
    CAIRN_TRY(cairn_arena_alloc(arena, job.in.size, &memory));
    cairn_err err = gcm_run(&job, memory, tag);
    if (err != CAIRN_OK) {
        cairn_wipe(memory, job.in.size);
        return err;
    }
    *ret_plaintext = cairn_bytes_of(memory, job.in.size);
    return CAIRN_OK;
}
