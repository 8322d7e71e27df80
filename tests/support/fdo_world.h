/* The servers of FDO in memory, and a device that speaks to them message by message, so that a test
 * can change any of these. */
#ifndef CAIRN_TESTS_SUPPORT_FDO_WORLD_H
#define CAIRN_TESTS_SUPPORT_FDO_WORLD_H

#include <openssl/x509.h>
#include <pthread.h>

#include "core/crypto/key_impl.h"
#include "onboard/server/announce.h"
#include "onboard/server/module.h"
#include "onboard/wire/di.h"
#include "onboard/wire/fdo_error.h"
#include "support/ca_fixture.h"

#define FDO_MUST(call) CAIRN_ASSERT((call) == CAIRN_OK)

/* Called with true before a message is served, with false when its answer is there: for tests that
 * make things fail meanwhile, and for measurements. May be NULL. */
static void (*fdo_around)(bool inside);

static inline void fdo_inside(bool inside)
{
    if (fdo_around != NULL)
        fdo_around(inside);
}

/* --- a store in memory --- */

enum { FDO_ROWS_MAX = 64 };

typedef struct fdo_rows {
    size_t count;
    struct {
        cairn_fdo_table table;
        cairn_fdo_guid guid;
        uint8_t *value;
        size_t size;
    } rows[FDO_ROWS_MAX];
    cairn_err fails; /* what each put fails with */
} fdo_rows;

static inline size_t fdo_rows_find(const fdo_rows *r, cairn_fdo_table table,
                                   const cairn_fdo_guid *guid)
{
    size_t i = 0;
    while (i < r->count &&
           (r->rows[i].table != table || memcmp(r->rows[i].guid.b, guid->b, sizeof guid->b) != 0))
        i++;
    return i;
}

static inline cairn_err fdo_rows_get(void *context, cairn_fdo_table table,
                                     const cairn_fdo_guid *guid, cairn_arena *arena,
                                     cairn_bytes *ret_value)
{
    const fdo_rows *r = context;
    size_t i = fdo_rows_find(r, table, guid);
    if (i == r->count)
        return CAIRN_ERR_NOT_FOUND;
    return cairn_arena_copy(arena, cairn_bytes_of(r->rows[i].value, r->rows[i].size), ret_value);
}

static inline void fdo_rows_put_one(fdo_rows *r, const cairn_fdo_row *row)
{
    size_t i = fdo_rows_find(r, row->table, &row->guid);
    if (i < r->count) {
        free(r->rows[i].value);
        r->rows[i] = r->rows[--r->count];
    }
    if (row->value.size == 0)
        return;
    CAIRN_ASSERT(r->count < FDO_ROWS_MAX);
    fdo_inside(false);
    uint8_t *copy = malloc(row->value.size);
    fdo_inside(true);
    CAIRN_ASSERT(copy != NULL);
    memcpy(copy, row->value.data, row->value.size);
    r->rows[r->count].table = row->table;
    r->rows[r->count].guid = row->guid;
    r->rows[r->count].value = copy;
    r->rows[r->count++].size = row->value.size;
}

static inline void fdo_rows_put(void *context, const cairn_fdo_row *rows, size_t count,
                                cairn_fdo_stored_fn done, void *done_context)
{
    fdo_rows *r = context;
    for (size_t i = 0; r->fails == CAIRN_OK && i < count; i++)
        fdo_rows_put_one(r, &rows[i]);
    done(done_context, r->fails);
}

static inline cairn_err fdo_rows_each(void *context, cairn_fdo_table table, cairn_fdo_row_fn fn,
                                      void *fn_context)
{
    const fdo_rows *r = context;
    for (size_t i = 0; i < r->count; i++)
        if (r->rows[i].table == table)
            CAIRN_TRY(fn(fn_context, &r->rows[i].guid,
                         cairn_bytes_of(r->rows[i].value, r->rows[i].size)));
    return CAIRN_OK;
}

static inline void fdo_rows_done(fdo_rows *r)
{
    while (r->count > 0)
        free(r->rows[--r->count].value);
}

/* --- the world --- */

typedef struct fdo_world {
    cairn_arena arena;
    cairn_clock_manual manual;
    cairn_signer *signer;
    fdo_rows rows;
    cairn_key *authority;
    cairn_fdo_party makers[2];
    cairn_fdo_party owners[2];
    cairn_fdo_rv_info rv_info;
    cairn_fdo_address address;
    cairn_fdo_manufacturer manufacturer;
    cairn_fdo_rendezvous rendezvous;
    cairn_fdo_owner owner;
    cairn_fdo_service_options options;
    cairn_fdo_service *service;
    cairn_fdo_event last; /* the audit's */
    unsigned onboarded;
} fdo_world;

static inline X509 *fdo_certificate(EVP_PKEY *subject, const char *name, EVP_PKEY *issuer)
{
    X509 *x = X509_new();
    CAIRN_ASSERT(x != NULL && ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1);
    CAIRN_ASSERT(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                                            (const uint8_t *)name, -1, -1, 0) == 1);
    CAIRN_ASSERT(X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_ASC,
                                            (const uint8_t *)"authority", -1, -1, 0) == 1);
    CAIRN_ASSERT(X509_gmtime_adj(X509_getm_notBefore(x), 0) != NULL &&
                 X509_gmtime_adj(X509_getm_notAfter(x), 86400) != NULL);
    CAIRN_ASSERT(X509_set_pubkey(x, subject) == 1 && X509_sign(x, issuer, EVP_sha256()) > 0);
    return x;
}

static inline cairn_bytes fdo_der(cairn_arena *arena, X509 *x)
{
    uint8_t *der = NULL;
    cairn_bytes copy = {0};
    int size = i2d_X509(x, &der);
    CAIRN_ASSERT(size > 0);
    FDO_MUST(cairn_arena_copy(arena, cairn_bytes_of(der, (size_t)size), &copy));
    OPENSSL_free(der);
    X509_free(x);
    return copy;
}

/* In this world a request is a bare SubjectPublicKeyInfo. */
static inline void fdo_issue(void *context, const cairn_fdo_birth *birth, cairn_fdo_issued_fn done,
                             void *done_context)
{
    fdo_world *w = context;
    const uint8_t *at = birth->csr.data;
    fdo_inside(false);
    EVP_PKEY *subject = d2i_PUBKEY(NULL, &at, (long)birth->csr.size);
    if (subject == NULL) {
        fdo_inside(true);
        done(done_context, CAIRN_ERR_BAD_SIGNATURE, NULL, 0);
        return;
    }
    const cairn_bytes chain[] = {
        fdo_der(&w->arena, fdo_certificate(subject, "device", w->authority->pkey)),
        fdo_der(&w->arena, fdo_certificate(w->authority->pkey, "authority", w->authority->pkey))};
    EVP_PKEY_free(subject);
    fdo_inside(true);
    done(done_context, CAIRN_OK, chain, 2);
}

static inline uint64_t fdo_audit(void *context, const cairn_fdo_event *event)
{
    fdo_world *w = context;
    w->last = *event;
    return 4711;
}

static inline void fdo_onboarded(void *context, const cairn_fdo_guid *before,
                                 const cairn_fdo_guid *after)
{
    fdo_world *w = context;
    CAIRN_ASSERT(memcmp(before->b, after->b, sizeof after->b) != 0);
    w->onboarded++;
}

static inline void fdo_party(fdo_world *w, const char *name, cairn_key_type type,
                             cairn_fdo_party *party)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    FDO_MUST(cairn_signer_generate(w->signer, name, type, &key));
    FDO_MUST(cairn_fdo_key_of(key, CAIRN_FDO_KEY_X509, &party->key));
    party->name = name;
}

static inline void fdo_world_init(fdo_world *w)
{
    static const uint8_t ip[] = {192, 0, 2, 1};
    *w = (fdo_world){.manual = {.wall_ms = 1800000000000, .monotonic_ns = 1}};
    cairn_arena_init(&w->arena, 64 << 20);
    FDO_MUST(ca_signer_new(&w->signer));
    FDO_MUST(cairn_key_generate(CAIRN_KEY_P256, &w->authority));
    fdo_party(w, "owner-maker-p256", CAIRN_KEY_P256, &w->makers[0]);
    fdo_party(w, "owner-maker-p384", CAIRN_KEY_P384, &w->makers[1]);
    fdo_party(w, "owner-p256", CAIRN_KEY_P256, &w->owners[0]);
    fdo_party(w, "owner-p384", CAIRN_KEY_P384, &w->owners[1]);
    w->rv_info = (cairn_fdo_rv_info){.count = 1,
                                     .directives = {{.ip = {ip, sizeof ip},
                                                     .has_protocol = true,
                                                     .protocol = CAIRN_FDO_RV_HTTP,
                                                     .device_port = 8041,
                                                     .owner_port = 8042}}};
    w->address =
        (cairn_fdo_address){.ip = {ip, sizeof ip}, .port = 8043, .transport = CAIRN_FDO_HTTP};
    w->manufacturer = (cairn_fdo_manufacturer){.keys = w->makers,
                                               .key_count = 2,
                                               .rv_info = &w->rv_info,
                                               .buyers = w->owners,
                                               .buyer_count = 2,
                                               .issue = fdo_issue,
                                               .context = w};
    w->rendezvous = (cairn_fdo_rendezvous){.wait_max_s = 3600};
    w->owner = (cairn_fdo_owner){.grace_s = 600, .onboarded = fdo_onboarded, .context = w};
    w->options =
        (cairn_fdo_service_options){.clock = cairn_clock_of_manual(&w->manual),
                                    .signer = w->signer,
                                    .store = {&w->rows, fdo_rows_get, fdo_rows_put, fdo_rows_each},
                                    .session_count_max = 64,
                                    .session_lifetime_ms = 60000,
                                    .manufacturer = &w->manufacturer,
                                    .rendezvous = &w->rendezvous,
                                    .owner = &w->owner,
                                    .audit = fdo_audit,
                                    .audit_context = w};
    FDO_MUST(cairn_fdo_service_new(&w->options, &w->service));
}

/* What is in memory alone is gone. */
static inline void fdo_world_restart(fdo_world *w)
{
    cairn_fdo_service_free(w->service);
    FDO_MUST(cairn_fdo_service_new(&w->options, &w->service));
}

static inline void fdo_world_done(fdo_world *w)
{
    cairn_fdo_service_free(w->service);
    cairn_signer_free(w->signer);
    cairn_key_free(w->authority);
    for (size_t i = 0; i < 2; i++) {
        cairn_fdo_key_free(w->makers[i].key);
        cairn_fdo_key_free(w->owners[i].key);
    }
    fdo_rows_done(&w->rows);
    cairn_arena_done(&w->arena);
}

/* --- asking --- */

typedef struct fdo_wait {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool done;
} fdo_wait;

static inline void fdo_wake(cairn_fdo_turn *turn)
{
    fdo_wait *wait = turn->context;
    (void)pthread_mutex_lock(&wait->lock);
    wait->done = true;
    (void)pthread_cond_signal(&wait->wake);
    (void)pthread_mutex_unlock(&wait->lock);
}

typedef struct fdo_reply {
    uint8_t type;
    cairn_bytes body;
    cairn_bytes token; /* empty: the run has ended */
    unsigned code;     /* of message 255, else 0 */
} fdo_reply;

/* Body and token are copied, as if they had come over a network. */
static inline fdo_reply fdo_ask(fdo_world *w, uint8_t type, cairn_bytes token, cairn_bytes body)
{
    fdo_wait wait = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    cairn_fdo_turn turn = {.arena = &w->arena, .type = type, .done = fdo_wake, .context = &wait};
    fdo_reply reply = {0};
    cairn_fdo_error error = {0};
    FDO_MUST(cairn_arena_copy(&w->arena, token, &turn.token));
    FDO_MUST(cairn_arena_copy(&w->arena, body, &turn.body));
    fdo_inside(true);
    cairn_fdo_serve(w->service, &turn);
    (void)pthread_mutex_lock(&wait.lock);
    while (!wait.done)
        (void)pthread_cond_wait(&wait.wake, &wait.lock);
    (void)pthread_mutex_unlock(&wait.lock);
    fdo_inside(false);
    reply.type = (uint8_t)turn.reply_type;
    reply.body = turn.reply;
    FDO_MUST(cairn_arena_copy(&w->arena, cairn_bytes_str(turn.reply_token), &reply.token));
    if (turn.reply_type == CAIRN_FDO_ERROR && turn.reply.size == 0 && type != CAIRN_FDO_ERROR)
        reply.code = CAIRN_FDO_INTERNAL_SERVER_ERROR; /* there was no memory to say it */
    if (turn.reply_type == CAIRN_FDO_ERROR && turn.reply.size != 0) {
        FDO_MUST(cairn_fdo_error_read(turn.reply, &error));
        CAIRN_ASSERT(error.has_correlation && error.correlation == 4711 && error.previous == type);
        CAIRN_ASSERT(reply.token.size == 0);
        reply.code = error.code;
    }
    return reply;
}

/* --- a device --- */

/* Called with each message that a device is about to send, in clear; it may change it. */
typedef struct fdo_device fdo_device;
typedef void (*fdo_meddle_fn)(void *context, fdo_device *device, uint8_t type, cairn_bytes *body);

struct fdo_device {
    fdo_world *world;
    cairn_key_type type;
    cairn_fdo_kex kex;
    cairn_fdo_cipher cipher;
    cairn_key *key;
    cairn_fdo_guid guid;
    cairn_fdo_hash key_hash; /* of its owner's key */
    uint8_t secret[32];
    cairn_bytes token;
    fdo_meddle_fn meddle; /* of plain bodies; NULL */
    fdo_meddle_fn sealed; /* of what is sent */
    void *context;
    /* a run of TO2 */
    cairn_fdo_nonce prove_nonce, setup_nonce;
    uint8_t entry_count;
    cairn_bytes to1d;
    cairn_fdo_share *share;
    uint8_t sek[CAIRN_FDO_SEK_SIZE_MAX];
    size_t sek_size;
    cairn_fdo_guid new_guid;
    cairn_fdo_hash new_key_hash;
    unsigned rounds;
};

static inline void fdo_device_init(fdo_device *d, fdo_world *w, cairn_key_type type)
{
    *d = (fdo_device){.world = w,
                      .type = type,
                      .kex = type == CAIRN_KEY_P256 ? CAIRN_FDO_ECDH256 : CAIRN_FDO_ECDH384,
                      .cipher = type == CAIRN_KEY_P256 ? CAIRN_FDO_A128GCM : CAIRN_FDO_A256GCM};
    memset(d->secret, 0x5a, sizeof d->secret);
    FDO_MUST(cairn_key_generate(type, &d->key));
}

static inline void fdo_device_done(fdo_device *d)
{
    cairn_key_free(d->key);
    cairn_fdo_share_free(d->share);
}

static inline fdo_reply fdo_device_ask(fdo_device *d, uint8_t type, cairn_bytes body)
{
    if (d->meddle != NULL)
        d->meddle(d->context, d, type, &body);
    if (type > CAIRN_FDO_TO2_PROVE_DEVICE)
        FDO_MUST(cairn_fdo_seal(&d->world->arena, d->cipher, cairn_bytes_of(d->sek, d->sek_size),
                                body, &body));
    if (d->sealed != NULL)
        d->sealed(d->context, d, type, &body);
    fdo_reply reply = fdo_ask(d->world, type, d->token, body);
    d->token = reply.token;
    /* what a device cannot open ends its run, as what the servers refuse */
    if (reply.code == 0 && reply.type > CAIRN_FDO_TO2_PROVE_DEVICE && reply.type < 72 &&
        cairn_fdo_unseal(&d->world->arena, d->cipher, cairn_bytes_of(d->sek, d->sek_size),
                         reply.body, &reply.body) != CAIRN_OK)
        reply.code = CAIRN_FDO_MESSAGE_BODY_ERROR;
    return reply;
}

static inline cairn_bytes fdo_device_sign(fdo_device *d, const cairn_fdo_unsigned *message)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes out = {0};
    FDO_MUST(cairn_key_sign(d->key, message->to_sign, signature, &size));
    FDO_MUST(cairn_fdo_sign_end(&d->world->arena, message, cairn_bytes_of(signature, size), &out));
    return out;
}

static inline void fdo_device_hmac(const fdo_device *d, cairn_bytes header,
                                   cairn_fdo_hash *ret_hmac)
{
    FDO_MUST(cairn_fdo_hmac_of(d->type == CAIRN_KEY_P256 ? CAIRN_FDO_HMAC256 : CAIRN_FDO_HMAC384,
                               cairn_bytes_of(d->secret, sizeof d->secret), header, ret_hmac));
}

static inline int64_t fdo_device_hash_alg(const fdo_device *d)
{
    return d->type == CAIRN_KEY_P256 ? CAIRN_FDO_SHA256 : CAIRN_FDO_SHA384;
}

/* Each step is the code of message 255 with which it was refused, or 0. */
#define FDO_STEP(reply, want)                 \
    do {                                      \
        if ((reply).code != 0)                \
            return (reply).code;              \
        CAIRN_ASSERT((reply).type == (want)); \
    } while (0)

static inline cairn_bytes fdo_device_app_start(fdo_device *d)
{
    uint8_t spki[KEY_POINT_SIZE_MAX + 32];
    cairn_bytes prefix = cairn_key_spki_prefix(d->type);
    cairn_bytes point = cairn_key_public(d->key);
    cairn_bytes body = {0};
    memcpy(spki, prefix.data, prefix.size);
    memcpy(spki + prefix.size, point.data, point.size);
    const cairn_fdo_app_start start = {.key_type = d->type == CAIRN_KEY_P256 ? CAIRN_FDO_KEY_P256
                                                                             : CAIRN_FDO_KEY_P384,
                                       .key_encoding = CAIRN_FDO_KEY_X509,
                                       .serial = cairn_bytes_str("SN-1"),
                                       .model = cairn_bytes_str("model"),
                                       .csr = cairn_bytes_of(spki, prefix.size + point.size)};
    FDO_MUST(cairn_fdo_app_start_encode(&d->world->arena, &start, &body));
    return body;
}

static inline unsigned fdo_device_di(fdo_device *d)
{
    CAIRN_CLEANUP(cairn_fdo_header_done) cairn_fdo_header header = {0};
    cairn_fdo_hash hmac;
    cairn_bytes body = {0};
    d->token = (cairn_bytes){0};
    fdo_reply reply = fdo_device_ask(d, CAIRN_FDO_DI_APP_START, fdo_device_app_start(d));
    FDO_STEP(reply, CAIRN_FDO_DI_SET_CREDENTIALS);
    FDO_MUST(cairn_fdo_set_credentials_read(reply.body, &body));
    FDO_MUST(cairn_fdo_header_read(body, &header));
    d->guid = header.guid;
    cairn_bytes key = cairn_fdo_key_encoded(header.manufacturer);
    FDO_MUST(cairn_fdo_hash_of(fdo_device_hash_alg(d), &key, 1, &d->key_hash));
    fdo_device_hmac(d, header.encoded, &hmac);
    FDO_MUST(cairn_fdo_set_hmac_encode(&d->world->arena, &hmac, &body));
    reply = fdo_device_ask(d, CAIRN_FDO_DI_SET_HMAC, body);
    FDO_STEP(reply, CAIRN_FDO_DI_DONE);
    CAIRN_ASSERT(reply.token.size == 0);
    return 0;
}

/* --- the owner's word --- */

static inline cairn_err fdo_post(void *context, cairn_arena *arena, const char *url, uint8_t type,
                                 cairn_bytes token, cairn_bytes body, uint8_t *ret_type,
                                 cairn_bytes *ret_token, cairn_bytes *ret_body)
{
    (void)arena;
    CAIRN_ASSERT(strcmp(url, "http://192.0.2.1:8042") == 0);
    fdo_reply reply = fdo_ask(context, type, token, body);
    *ret_type = reply.type;
    *ret_token = reply.token;
    *ret_body = reply.body;
    return CAIRN_OK;
}

static inline cairn_err fdo_to0(fdo_world *w, const cairn_fdo_guid *guid, uint32_t *ret_wait_s)
{
    const cairn_fdo_announce_options options = {.clock = w->options.clock,
                                                .store = w->options.store,
                                                .signer = w->signer,
                                                .addresses = &w->address,
                                                .address_count = 1,
                                                .wait_s = 7200,
                                                .post = fdo_post,
                                                .post_context = w};
    return cairn_fdo_announce_one(&options, guid, ret_wait_s);
}

/* --- TO1 --- */

static inline unsigned fdo_device_to1(fdo_device *d)
{
    cairn_fdo_nonce nonce;
    cairn_alg alg = CAIRN_ALG_ES256;
    cairn_bytes body = {0};
    cairn_fdo_unsigned message = {0};
    cairn_fdo_to1d to1d = {0};
    d->token = (cairn_bytes){0};
    FDO_MUST(cairn_fdo_hello_rv_encode(&d->world->arena, &d->guid, cairn_key_alg(d->key), &body));
    fdo_reply reply = fdo_device_ask(d, CAIRN_FDO_TO1_HELLO_RV, body);
    FDO_STEP(reply, CAIRN_FDO_TO1_HELLO_RV_ACK);
    FDO_MUST(cairn_fdo_hello_rv_ack_read(reply.body, &nonce, &alg));
    FDO_MUST(cairn_fdo_eat_begin(&d->world->arena, alg, &nonce, &d->guid, (cairn_bytes){0}, NULL,
                                 &message));
    reply = fdo_device_ask(d, CAIRN_FDO_TO1_PROVE_TO_RV, fdo_device_sign(d, &message));
    FDO_STEP(reply, CAIRN_FDO_TO1_RV_REDIRECT);
    FDO_MUST(cairn_fdo_to1d_read(reply.body, &to1d));
    CAIRN_ASSERT(to1d.addresses[0].port == d->world->address.port);
    d->to1d = reply.body;
    return 0;
}

/* --- TO2 --- */

static inline cairn_bytes fdo_device_hello(fdo_device *d, cairn_fdo_nonce *ret_nonce)
{
    cairn_bytes body = {0};
    memset(ret_nonce->b, 0x11, sizeof ret_nonce->b);
    const cairn_fdo_hello_device hello = {.max_message = 65535,
                                          .guid = d->guid,
                                          .nonce = *ret_nonce,
                                          .kex = d->kex,
                                          .cipher = d->cipher,
                                          .alg = cairn_key_alg(d->key)};
    FDO_MUST(cairn_fdo_hello_device_encode(&d->world->arena, &hello, &body));
    return body;
}

/* The owner is who the voucher says, as a device sees it. */
static inline void fdo_device_check_header(fdo_device *d, const cairn_fdo_prove_header *prove,
                                           cairn_bytes hello, const cairn_fdo_nonce *nonce)
{
    CAIRN_CLEANUP(cairn_fdo_header_done) cairn_fdo_header header = {0};
    cairn_fdo_hash hash;
    FDO_MUST(cairn_fdo_key_verify(&d->world->arena, &prove->message, prove->owner));
    CAIRN_ASSERT(memcmp(prove->nonce.b, nonce->b, sizeof nonce->b) == 0);
    FDO_MUST(cairn_fdo_hash_of(prove->hello_hash.alg, &hello, 1, &hash));
    CAIRN_ASSERT(cairn_fdo_hash_equal(&hash, &prove->hello_hash));
    FDO_MUST(cairn_fdo_header_read(prove->header, &header));
    cairn_bytes key = cairn_fdo_key_encoded(header.manufacturer);
    FDO_MUST(cairn_fdo_hash_of(d->key_hash.alg, &key, 1, &hash));
    CAIRN_ASSERT(cairn_fdo_hash_equal(&hash, &d->key_hash));
    fdo_device_hmac(d, header.encoded, &hash);
    CAIRN_ASSERT(cairn_fdo_hash_equal(&hash, &prove->hmac));
}

/* 60, and the voucher of the run as the device sees it; the share is made here. */
static inline unsigned fdo_device_to2_begin(fdo_device *d, cairn_bytes *ret_kex,
                                            cairn_fdo_prove_header *prove)
{
    cairn_fdo_nonce nonce;
    d->token = (cairn_bytes){0};
    cairn_bytes hello = fdo_device_hello(d, &nonce);
    fdo_reply reply = fdo_device_ask(d, CAIRN_FDO_TO2_HELLO_DEVICE, hello);
    FDO_STEP(reply, CAIRN_FDO_TO2_PROVE_OV_HDR);
    FDO_MUST(cairn_fdo_prove_header_read(reply.body, prove));
    if (d->meddle == NULL && d->sealed == NULL)
        fdo_device_check_header(d, prove, hello, &nonce);
    d->prove_nonce = prove->prove_nonce;
    d->entry_count = prove->entry_count;
    *ret_kex = prove->kex;
    return 0;
}

static inline unsigned fdo_device_entries(fdo_device *d, const cairn_fdo_prove_header *prove)
{
    CAIRN_CLEANUP(cairn_fdo_header_done) cairn_fdo_header header = {0};
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    FDO_MUST(cairn_fdo_header_read(prove->header, &header));
    FDO_MUST(cairn_fdo_head_first(&header, prove->hmac_encoded, &head));
    for (uint8_t i = 0; i < d->entry_count; i++) {
        CAIRN_CLEANUP(cairn_fdo_entry_done) cairn_fdo_entry entry = {0};
        cairn_bytes body = {0};
        int64_t index = -1;
        FDO_MUST(cairn_fdo_get_entry_encode(&d->world->arena, i, &body));
        fdo_reply reply = fdo_device_ask(d, CAIRN_FDO_TO2_GET_OV_NEXT_ENTRY, body);
        FDO_STEP(reply, CAIRN_FDO_TO2_OV_NEXT_ENTRY);
        FDO_MUST(cairn_fdo_next_entry_read(reply.body, &index, &body));
        if (index != i)
            return CAIRN_FDO_INVALID_MESSAGE_ERROR;
        FDO_MUST(cairn_fdo_entry_read(body, &entry));
        FDO_MUST(cairn_fdo_head_advance(&d->world->arena, &head, &header, &entry));
    }
    CAIRN_ASSERT(cairn_fdo_key_equal(head.owner, prove->owner));
    return 0;
}

/* 64; `share` NULL draws one. */
static inline unsigned fdo_device_prove(fdo_device *d, cairn_bytes kex)
{
    cairn_fdo_unsigned message = {0};
    cairn_fdo_setup setup = {0};
    if (d->share == NULL)
        FDO_MUST(cairn_fdo_share_new(d->kex, &d->share));
    memset(d->setup_nonce.b, 0x22, sizeof d->setup_nonce.b);
    if (cairn_fdo_share_agree(d->share, kex, true, false, d->cipher, d->sek, &d->sek_size) !=
        CAIRN_OK)
        return CAIRN_FDO_INVALID_MESSAGE_ERROR;
    FDO_MUST(cairn_fdo_eat_begin(&d->world->arena, cairn_key_alg(d->key), &d->prove_nonce, &d->guid,
                                 cairn_fdo_share_public(d->share), &d->setup_nonce, &message));
    cairn_fdo_share_free(d->share);
    d->share = NULL;
    fdo_reply reply = fdo_device_ask(d, CAIRN_FDO_TO2_PROVE_DEVICE, fdo_device_sign(d, &message));
    FDO_STEP(reply, CAIRN_FDO_TO2_SETUP_DEVICE);
    FDO_MUST(cairn_fdo_setup_read(reply.body, &setup));
    FDO_MUST(cairn_fdo_key_verify(&d->world->arena, &setup.message, setup.owner));
    if (memcmp(setup.nonce.b, d->setup_nonce.b, sizeof setup.nonce.b) != 0) {
        cairn_fdo_setup_done(&setup); /* it is not signed in 64: the device's own to check */
        return CAIRN_FDO_INVALID_MESSAGE_ERROR;
    }
    d->new_guid = setup.guid;
    cairn_bytes key = cairn_fdo_key_encoded(setup.owner);
    FDO_MUST(cairn_fdo_hash_of(fdo_device_hash_alg(d), &key, 1, &d->new_key_hash));
    cairn_fdo_header header = {.guid = setup.guid,
                               .rv_info = setup.rv_info,
                               .device_info = cairn_bytes_str("model"),
                               .manufacturer = setup.owner,
                               .has_chain_hash = true};
    size_t row = fdo_rows_find(&d->world->rows, CAIRN_FDO_VOUCHERS, &d->guid);
    cairn_fdo_holding holding = {0};
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    FDO_MUST(cairn_fdo_holding_read(
        cairn_bytes_of(d->world->rows.rows[row].value, d->world->rows.rows[row].size), &holding));
    FDO_MUST(cairn_fdo_voucher_read(holding.voucher, &voucher));
    header.chain_hash = voucher.header.chain_hash; /* a device keeps it of its old header */
    cairn_bytes encoded = {0};
    cairn_fdo_hash hmac;
    FDO_MUST(cairn_fdo_header_encode(&d->world->arena, &header, &encoded));
    fdo_device_hmac(d, encoded, &hmac);
    cairn_fdo_setup_done(&setup);
    FDO_MUST(cairn_fdo_device_ready_encode(&d->world->arena, &hmac, 1300, &encoded));
    reply = fdo_device_ask(d, CAIRN_FDO_TO2_DEVICE_SERVICE_INFO_READY, encoded);
    FDO_STEP(reply, CAIRN_FDO_TO2_OWNER_SERVICE_INFO_READY);
    return 0;
}

/* 68 and its answer. */
static inline unsigned fdo_device_info(fdo_device *d, const cairn_fdo_info *pairs, size_t count,
                                       bool more, cairn_fdo_info_list *ret_list)
{
    const cairn_fdo_info_list list = {
        .more = more, .count = count, .pairs = (cairn_fdo_info *)(uintptr_t)pairs};
    cairn_bytes body = {0};
    d->rounds++;
    FDO_MUST(cairn_fdo_device_info_encode(&d->world->arena, &list, &body));
    fdo_reply reply = fdo_device_ask(d, CAIRN_FDO_TO2_DEVICE_SERVICE_INFO, body);
    FDO_STEP(reply, CAIRN_FDO_TO2_OWNER_SERVICE_INFO);
    FDO_MUST(cairn_fdo_owner_info_read(&d->world->arena, reply.body, ret_list));
    return 0;
}

#define FDO_PAIR(key_text, value_literal)                               \
    {                                                                   \
        {(const uint8_t *)(key_text), sizeof(key_text) - 1},            \
        {                                                               \
            (const uint8_t *)(value_literal), sizeof(value_literal) - 1 \
        }                                                               \
    }

/* devmod alone: no modules. */
static const cairn_fdo_info fdo_devmod[] = {FDO_PAIR("devmod:active", "\xf5"),
                                            FDO_PAIR("devmod:os", "\x65linux"),
                                            FDO_PAIR("devmod:arch", "\x65"
                                                                    "amd64"),
                                            FDO_PAIR("devmod:nummodules", "\x01"),
                                            FDO_PAIR("devmod:modules", "\x83\x00\x01\x66"
                                                                       "devmod")};
enum { FDO_DEVMOD_COUNT = sizeof fdo_devmod / sizeof fdo_devmod[0] };

/* 70; the credential is changed only when 71 has come. */
static inline unsigned fdo_device_finish(fdo_device *d)
{
    cairn_bytes body = {0};
    cairn_fdo_nonce nonce;
    FDO_MUST(cairn_fdo_hello_ack_encode(&d->world->arena, &d->prove_nonce, &body));
    fdo_reply reply = fdo_device_ask(d, CAIRN_FDO_TO2_DONE, body);
    FDO_STEP(reply, CAIRN_FDO_TO2_DONE2);
    CAIRN_ASSERT(reply.token.size == 0);
    FDO_MUST(cairn_fdo_hello_ack_read(reply.body, &nonce));
    CAIRN_ASSERT(memcmp(nonce.b, d->setup_nonce.b, sizeof nonce.b) == 0);
    return 0;
}

static inline void fdo_device_commit(fdo_device *d)
{
    d->guid = d->new_guid;
    d->key_hash = d->new_key_hash;
}

/* Until the service info, which is the caller's. */
static inline unsigned fdo_device_to2_open(fdo_device *d)
{
    cairn_fdo_prove_header prove = {0};
    cairn_bytes kex = {0};
    unsigned code = fdo_device_to2_begin(d, &kex, &prove);
    if (code == 0)
        code = fdo_device_entries(d, &prove);
    if (code == 0)
        code = fdo_device_prove(d, kex);
    cairn_fdo_prove_header_done(&prove);
    return code;
}

static inline unsigned fdo_device_to2(fdo_device *d)
{
    cairn_fdo_info_list list = {0};
    unsigned code = fdo_device_to2_open(d);
    if (code == 0)
        code = fdo_device_info(d, fdo_devmod, FDO_DEVMOD_COUNT, false, &list);
    if (code == 0) {
        code = list.done ? fdo_device_finish(d) : CAIRN_FDO_INVALID_MESSAGE_ERROR;
    }
    return code;
}

#endif
