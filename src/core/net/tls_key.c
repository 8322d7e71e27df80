/* A key at a signer, as OpenSSL sees it: a provider of our own with one kind of key and one kind of
 * signature. It lives in a library context of its own, so that nothing else is ever fetched from
 * it. A provider, not an EC_KEY_METHOD, since it is handed the message where that gets a digest
 * (docs/decisions/0009-tls-keys-at-the-signer.md).
 *
 * Within a handshake that runs as an ASYNC_JOB the signature is waited for outside: the job pauses,
 * and an eventfd tells the loop when to resume it. Elsewhere the thread waits. */
#include <openssl/async.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/crypto/key_impl.h"
#include "core/crypto/openssl.h"
#include "core/limits.h"
#include "core/net/tls_impl.h"

/* Our own parameter: the address of a remote_key. */
#define PARAM_KEY "cairn-key"

/* A key: of the signer, or (signer NULL) only the point of a certificate to compare with. */
typedef struct remote_key {
    cairn_signer *signer;
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_key_type type;
    uint8_t point[1 + KEY_POINT_SIZE_MAX]; /* uncompressed */
    size_t point_size;
} remote_key;

/* One signature under way: held by the handshake and by the completion. */
typedef struct signing {
    atomic_uint reference_count;
    int fd; /* readable when done */
    pthread_mutex_t lock;
    pthread_cond_t finished;
    bool done; /* under the lock, as what follows */
    cairn_err err;
    size_t size;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
} signing;

static const char wait_key; /* names our descriptor in a wait context, by its address */

static const char *curve_name(cairn_key_type type)
{
    return type == CAIRN_KEY_P256 ? "prime256v1" : "secp384r1";
}

/* --- signatures --- */

static void signing_unref(signing *s)
{
    if (atomic_fetch_sub(&s->reference_count, 1) > 1)
        return;
    (void)close(s->fd);
    (void)pthread_cond_destroy(&s->finished);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static signing *signing_new(void)
{
    signing *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->fd < 0) {
        free(s);
        return NULL;
    }
    pthread_condattr_t attributes;
    CAIRN_ASSERT(pthread_condattr_init(&attributes) == 0);
    CAIRN_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CAIRN_ASSERT(pthread_cond_init(&s->finished, &attributes) == 0);
    CAIRN_ASSERT(pthread_condattr_destroy(&attributes) == 0);
    CAIRN_ASSERT(pthread_mutex_init(&s->lock, NULL) == 0);
    atomic_init(&s->reference_count, 2);
    return s;
}

/* On a thread of the signer. */
static void on_signed(void *context, cairn_err err, cairn_bytes signature)
{
    signing *s = context;
    const uint64_t one = 1;
    CAIRN_ASSERT(pthread_mutex_lock(&s->lock) == 0);
    s->err = signature.size <= sizeof s->signature ? err : CAIRN_ERR_CRYPTO;
    if (s->err == CAIRN_OK) {
        memcpy(s->signature, signature.data, signature.size);
        s->size = signature.size;
    }
    s->done = true;
    CAIRN_ASSERT(pthread_cond_signal(&s->finished) == 0);
    CAIRN_ASSERT(pthread_mutex_unlock(&s->lock) == 0);
    ssize_t n = write(s->fd, &one, sizeof one); /* a fresh counter is never full */
    (void)n;
    signing_unref(s);
}

/* Pauses the job until the loop resumes it: with the signature, or without, to give it up. */
static void wait_in_job(signing *s, ASYNC_JOB *job)
{
    ASYNC_WAIT_CTX *wait = ASYNC_get_wait_ctx(job);
    if (ASYNC_WAIT_CTX_set_wait_fd(wait, &wait_key, s->fd, s, NULL) != 1)
        return;
    (void)ASYNC_pause_job();
    (void)ASYNC_WAIT_CTX_clear_fd(wait, &wait_key);
}

static void wait_in_thread(signing *s)
{
    struct timespec until;
    CAIRN_ASSERT(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_sec += CAIRN_TLS_SIGN_TIMEOUT_MS / 1000;
    CAIRN_ASSERT(pthread_mutex_lock(&s->lock) == 0);
    while (!s->done && pthread_cond_timedwait(&s->finished, &s->lock, &until) == 0)
        continue;
    CAIRN_ASSERT(pthread_mutex_unlock(&s->lock) == 0);
}

/* What has come, as DER. */
static bool take_signature(signing *s, size_t half, uint8_t *out, size_t *ret_size)
{
    CAIRN_ASSERT(pthread_mutex_lock(&s->lock) == 0);
    bool good = s->done && s->err == CAIRN_OK && s->size == 2 * half;
    if (good)
        *ret_size = cairn_signature_to_der(s->signature, half, out);
    CAIRN_ASSERT(pthread_mutex_unlock(&s->lock) == 0);
    return good;
}

static bool sign_remotely(const remote_key *key, cairn_bytes message, uint8_t *out,
                          size_t *ret_size)
{
    signing *s = signing_new();
    if (s == NULL)
        return false;
    if (cairn_signer_sign_for(key->signer, CAIRN_SIGNER_FOR_TLS, key->name, message, on_signed,
                              s) != CAIRN_OK) {
        signing_unref(s);
        signing_unref(s);
        return false;
    }
    ASYNC_JOB *job = ASYNC_get_current_job();
    if (job != NULL)
        wait_in_job(s, job);
    else
        wait_in_thread(s);
    bool good = take_signature(s, cairn_key_facts_of(key->type)->field_size, out, ret_size);
    signing_unref(s);
    return good;
}

bool cairn_tls_signature_pending(SSL *ssl, int *ret_fd)
{
    size_t count = 0;
    if (SSL_waiting_for_async(ssl) != 1 || SSL_get_all_async_fds(ssl, NULL, &count) != 1 ||
        count != 1)
        return false;
    return SSL_get_all_async_fds(ssl, ret_fd, &count) == 1;
}

void cairn_tls_signature_cancel(SSL *ssl)
{
    if (SSL_waiting_for_async(ssl) == 1)
        (void)SSL_do_handshake(ssl);
    ERR_clear_error();
}

/* --- the key (provider-keymgmt(7)) --- */

static void *key_new(void *provider)
{
    (void)provider;
    return calloc(1, sizeof(remote_key));
}

static void key_free(void *data)
{
    free(data);
}

static int key_has(const void *data, int selection)
{
    const remote_key *key = data;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || key->signer != NULL;
}

static int key_match(const void *one, const void *other, int selection)
{
    const remote_key *a = one, *b = other;
    (void)selection;
    return a->type == b->type && a->point_size == b->point_size &&
           memcmp(a->point, b->point, a->point_size) == 0;
}

/* The public key of a certificate, to be compared with ours. */
static int import_point(remote_key *key, const OSSL_PARAM params[])
{
    const OSSL_PARAM *group = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
    const OSSL_PARAM *point = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);
    const char *name = NULL;
    const void *bytes = NULL;
    size_t size = 0;
    if (group == NULL || point == NULL || OSSL_PARAM_get_utf8_string_ptr(group, &name) != 1 ||
        OSSL_PARAM_get_octet_string_ptr(point, &bytes, &size) != 1 || size > sizeof key->point)
        return 0;
    key->type = strcmp(name, curve_name(CAIRN_KEY_P256)) == 0 ? CAIRN_KEY_P256 : CAIRN_KEY_P384;
    if (strcmp(name, curve_name(key->type)) != 0)
        return 0;
    memcpy(key->point, bytes, size);
    key->point_size = size;
    return 1;
}

static int key_import(void *data, int selection, const OSSL_PARAM params[])
{
    (void)selection;
    const OSSL_PARAM *own = OSSL_PARAM_locate_const(params, PARAM_KEY);
    if (own == NULL)
        return import_point(data, params);
    const remote_key *key = NULL;
    if (own->data_size != sizeof key)
        return 0;
    memcpy(&key, own->data, sizeof key);
    *(remote_key *)data = *key;
    return 1;
}

static const OSSL_PARAM *key_import_types(int selection)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_octet_string(PARAM_KEY, NULL, 0),
                                       OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                                       OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
                                       OSSL_PARAM_END};
    (void)selection;
    return types;
}

static int key_get_params(void *data, OSSL_PARAM params[])
{
    const remote_key *key = data;
    const int bits = key->type == CAIRN_KEY_P256 ? 256 : 384;
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_BITS);
    if (p != NULL && OSSL_PARAM_set_int(p, bits) != 1)
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_SECURITY_BITS);
    if (p != NULL && OSSL_PARAM_set_int(p, bits / 2) != 1)
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_MAX_SIZE);
    if (p != NULL && OSSL_PARAM_set_int(p, KEY_DER_SIGNATURE_MAX) != 1)
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_GROUP_NAME);
    return p == NULL || OSSL_PARAM_set_utf8_string(p, curve_name(key->type)) == 1;
}

static const OSSL_PARAM *key_gettable_params(void *provider)
{
    static const OSSL_PARAM params[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
                                        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
                                        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
                                        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                                        OSSL_PARAM_END};
    (void)provider;
    return params;
}

static const char *key_operation_name(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

/* --- the signature (provider-signature(7)) --- */

typedef struct signature_context {
    const remote_key *key;
} signature_context;

static void *signature_new(void *provider, const char *properties)
{
    (void)provider;
    (void)properties;
    return calloc(1, sizeof(signature_context));
}

static void signature_free(void *context)
{
    free(context);
}

static bool digest_fits(const char *name, cairn_key_type type)
{
    static const char *const names[2][2] = {{"SHA256", "SHA2-256"}, {"SHA384", "SHA2-384"}};
    return strcasecmp(name, names[type][0]) == 0 || strcasecmp(name, names[type][1]) == 0;
}

static int signature_init(void *context, const char *digest, void *data, const OSSL_PARAM params[])
{
    signature_context *c = context;
    (void)params;
    if (data != NULL)
        c->key = data;
    return c->key != NULL && c->key->signer != NULL && digest != NULL &&
           digest_fits(digest, c->key->type);
}

/* A signer takes a message whole. */
static int signature_update(void *context, const unsigned char *data, size_t size)
{
    (void)context;
    (void)data;
    (void)size;
    return 0;
}

static int signature_final(void *context, unsigned char *out, size_t *size, size_t room)
{
    (void)context;
    (void)out;
    (void)size;
    (void)room;
    return 0;
}

static int signature_sign(void *context, unsigned char *out, size_t *size, size_t room,
                          const unsigned char *message, size_t message_size)
{
    const signature_context *c = context;
    if (out == NULL) {
        *size = KEY_DER_SIGNATURE_MAX;
        return 1;
    }
    return room >= KEY_DER_SIGNATURE_MAX &&
           sign_remotely(c->key, cairn_bytes_of(message, message_size), out, size);
}

/* --- the provider --- */

/* OpenSSL's tables hold functions of any type as functions without one. */
#define ROW(id, function)                \
    {                                    \
        (id), (void (*)(void))(function) \
    }

static const OSSL_DISPATCH key_functions[] = {
    ROW(OSSL_FUNC_KEYMGMT_NEW, key_new),
    ROW(OSSL_FUNC_KEYMGMT_FREE, key_free),
    ROW(OSSL_FUNC_KEYMGMT_HAS, key_has),
    ROW(OSSL_FUNC_KEYMGMT_MATCH, key_match),
    ROW(OSSL_FUNC_KEYMGMT_IMPORT, key_import),
    ROW(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),
    ROW(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),
    ROW(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable_params),
    ROW(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, key_operation_name),
    {0, NULL}};

static const OSSL_DISPATCH signature_functions[] = {
    ROW(OSSL_FUNC_SIGNATURE_NEWCTX, signature_new),
    ROW(OSSL_FUNC_SIGNATURE_FREECTX, signature_free),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signature_init),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, signature_update),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, signature_final),
    ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signature_sign),
    {0, NULL}};

#define PROVIDER_NAME "cairn-signer"
static const OSSL_ALGORITHM keys[] = {
    {"EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=" PROVIDER_NAME, key_functions, "signer"},
    {NULL, NULL, NULL, NULL}};
static const OSSL_ALGORITHM signatures[] = {
    {"ECDSA", "provider=" PROVIDER_NAME, signature_functions, "signer"}, {NULL, NULL, NULL, NULL}};

static const OSSL_ALGORITHM *provider_query(void *provider, int operation, int *no_cache)
{
    (void)provider;
    *no_cache = 0;
    return operation == OSSL_OP_KEYMGMT ? keys : operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **out, void **ret_context)
{
    static const OSSL_DISPATCH functions[] = {
        ROW(OSSL_FUNC_PROVIDER_QUERY_OPERATION, provider_query), {0, NULL}};
    static char context; /* OpenSSL asks for something that is not NULL */
    (void)handle;
    (void)in;
    *out = functions;
    *ret_context = &context;
    return 1;
}

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static OSSL_LIB_CTX *library; /* written within library_once only; lives as long as the process */

static void start_library(void)
{
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
    if (context != NULL && OSSL_PROVIDER_add_builtin(context, PROVIDER_NAME, provider_init) == 1 &&
        OSSL_PROVIDER_load(context, PROVIDER_NAME) != NULL)
        library = context;
    else
        OSSL_LIB_CTX_free(context);
}

static cairn_err make_pkey(const remote_key *key, EVP_PKEY **ret_pkey)
{
    CAIRN_ASSERT(pthread_once(&library_once, start_library) == 0);
    if (library == NULL)
        return cairn_openssl_fail("tls: provider");
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(library, "EC", NULL);
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(PARAM_KEY, (void *)&key, sizeof key),
                           OSSL_PARAM_construct_end()};
    bool good = context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
                EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEYPAIR, params) == 1;
    EVP_PKEY_CTX_free(context);
    if (!good)
        return cairn_openssl_fail("tls: key of the signer");
    *ret_pkey = pkey;
    return CAIRN_OK;
}

cairn_err cairn_tls_key_new(cairn_signer *signer, const char *name, EVP_PKEY **ret_pkey)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *public_key = NULL;
    if (cairn_signer_purpose_of(name) != CAIRN_SIGNER_FOR_TLS)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_PURPOSE, "house", "tls: key '%.64s' is not for TLS",
                          name);
    CAIRN_TRY(cairn_signer_public(signer, name, &public_key));
    if (!cairn_key_type_is_ec(cairn_key_get_type(public_key)))
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, "house", "tls: key '%.64s' is not an EC key",
                          name);
    cairn_bytes point = cairn_key_public(public_key);
    remote_key key = {.signer = signer,
                      .type = cairn_key_get_type(public_key),
                      .point = {0x04},
                      .point_size = 1 + point.size};
    memcpy(key.point + 1, point.data, point.size);
    memcpy(key.name, name, strlen(name) + 1); /* the signer knows it, so it fits */
    return make_pkey(&key, ret_pkey);
}
