/* Algorithms fetched once per process, contexts kept per thread. */
#include "core/crypto/openssl.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <pthread.h>
#include <stdlib.h>

/* `ready` is set once and then only read; `lock` guards the making. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cairn_openssl *ready;

static pthread_once_t thread_key_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;
static int thread_key_errno;

cairn_err cairn_openssl_fail(const char *what)
{
    unsigned long number = ERR_peek_last_error();
    const char *reason = number == 0 ? NULL : ERR_reason_error_string(number);
    bool memory = number != 0 && ERR_GET_REASON(number) == ERR_R_MALLOC_FAILURE;
    ERR_clear_error();
    return CAIRN_FAIL(memory ? CAIRN_ERR_NO_MEMORY : CAIRN_ERR_CRYPTO, "house", "openssl: %s: %s",
                      what, reason == NULL ? "failed" : reason);
}

static void openssl_free(cairn_openssl *o)
{
    if (o == NULL)
        return;
    EVP_MD_free(o->sha384);
    EVP_MAC_CTX_free(o->hmac_sha256);
    for (size_t i = 0; i < 3; i++)
        EVP_CIPHER_free(o->gcm[i]);
    for (size_t i = 0; i < 2; i++) {
        EC_GROUP_free(o->groups[i]);
        EVP_PKEY_free(o->curves[i]);
    }
    free(o);
}

static EVP_PKEY *curve_parameters(const char *group)
{
    char name[16]; /* OSSL_PARAM wants it writable */
    EVP_PKEY *parameters = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    (void)OPENSSL_strlcpy(name, group, sizeof name);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
        OSSL_PARAM_construct_end(),
    };
    if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &parameters, EVP_PKEY_KEY_PARAMETERS, params);
    EVP_PKEY_CTX_free(ctx);
    return parameters;
}

static EVP_MAC_CTX *hmac_sha256(void)
{
    char digest[] = "SHA256"; /* OSSL_PARAM wants it writable */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }
    return ctx;
}

static cairn_openssl *openssl_new(void)
{
    cairn_openssl *o = calloc(1, sizeof *o);
    if (o == NULL)
        return NULL;
    o->sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
    o->hmac_sha256 = hmac_sha256();
    o->gcm[0] = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    o->gcm[1] = EVP_CIPHER_fetch(NULL, "AES-192-GCM", NULL);
    o->gcm[2] = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    o->groups[0] = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    o->groups[1] = EC_GROUP_new_by_curve_name(NID_secp384r1);
    o->curves[0] = curve_parameters("P-256");
    o->curves[1] = curve_parameters("P-384");
    bool complete = o->sha384 != NULL && o->hmac_sha256 != NULL && o->gcm[0] != NULL &&
                    o->gcm[1] != NULL && o->gcm[2] != NULL && o->groups[0] != NULL &&
                    o->groups[1] != NULL && o->curves[0] != NULL && o->curves[1] != NULL;
    if (!complete) {
        openssl_free(o);
        return NULL;
    }
    return o;
}

cairn_err cairn_openssl_get(const cairn_openssl **ret_openssl)
{
    cairn_openssl *o = __atomic_load_n(&ready, __ATOMIC_ACQUIRE);
    if (o == NULL) {
        (void)pthread_mutex_lock(&lock);
        o = ready;
        if (o == NULL) {
            o = openssl_new();
            __atomic_store_n(&ready, o, __ATOMIC_RELEASE);
        }
        (void)pthread_mutex_unlock(&lock);
    }
    if (o == NULL)
        return cairn_openssl_fail("fetch of algorithms");
    *ret_openssl = o;
    return CAIRN_OK;
}

static void thread_free(void *memory)
{
    cairn_openssl_thread *thread = memory;
    if (thread == NULL)
        return;
    EVP_MD_CTX_free(thread->md);
    EVP_CIPHER_CTX_free(thread->cipher);
    free(thread);
}

static void make_thread_key(void)
{
    thread_key_errno = pthread_key_create(&thread_key, thread_free);
}

cairn_err cairn_openssl_get_thread(cairn_openssl_thread **ret_thread)
{
    (void)pthread_once(&thread_key_once, make_thread_key);
    if (thread_key_errno != 0)
        return cairn_err_from_errno(thread_key_errno, "pthread_key_create");
    cairn_openssl_thread *thread = pthread_getspecific(thread_key);
    if (thread == NULL) {
        thread = calloc(1, sizeof *thread);
        if (thread != NULL) {
            thread->md = EVP_MD_CTX_new();
            thread->cipher = EVP_CIPHER_CTX_new();
        }
        if (thread == NULL || thread->md == NULL || thread->cipher == NULL ||
            pthread_setspecific(thread_key, thread) != 0) {
            thread_free(thread);
            ERR_clear_error();
            return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "openssl: contexts of a thread");
        }
    }
    *ret_thread = thread;
    return CAIRN_OK;
}
