/* Manufacturer, rendezvous service and owner of one device, in memory: what a good peer answers,
 * with hooks to answer otherwise. It is built on the messages of src/onboard/wire alone. */
#ifndef CAIRN_TESTS_SUPPORT_FDO_PEER_H
#define CAIRN_TESTS_SUPPORT_FDO_PEER_H

#include "cairn/fdo_client.h"
#include "core/crypto/key_impl.h"
#include "onboard/wire/di.h"
#include "onboard/wire/fdo_error.h"
#include "onboard/wire/to2.h"

#include <openssl/x509.h>

enum { FDO_PEER_ENTRIES_MAX = 255 };

typedef struct fdo_peer fdo_peer;
struct fdo_peer {
    cairn_arena arena;   /* the device's life */
    cairn_arena message; /* one answer */
    cairn_key_type type;
    cairn_key *owners[2]; /* the manufacturer, and one who buys from himself again and again */
    cairn_fdo_key *owner_keys[2];
    cairn_key *device;
    cairn_bytes header, hmac; /* encoded */
    size_t entry_count;
    cairn_bytes entries[FDO_PEER_ENTRIES_MAX];
    cairn_bytes to1d;
    cairn_fdo_rv_info rv_info, next_rv_info;
    cairn_fdo_guid guid, next_guid;
    cairn_fdo_nonce nonce, ov_nonce, setup_nonce;
    cairn_fdo_hello_device hello;
    cairn_fdo_share *share;
    bool strips;        /* zeros of the shared x, as some peers do */
    unsigned ambiguous; /* runs in which it began with one */
    bool has_sek;
    uint8_t sek[CAIRN_FDO_SEK_SIZE_MAX];
    size_t sek_size;
    bool refuses;       /* what the device said is wrong: the answer is 255 */
    bool reuse;         /* sends the credential back as it is */
    uint16_t info_room; /* what the owner takes in a 68; 0: says nothing of it */
    unsigned done;      /* runs of TO2 that came to 70 */
    unsigned hmacs;     /* replacement HMacs received */
    cairn_bytes next_hmac;
    /* Service info: what to say to a 68. NULL: at once done. */
    void (*talk)(fdo_peer *peer, const cairn_fdo_info_list *heard, cairn_fdo_info_list *ret_said);
    void *talker;
    /* Before an answer goes out: in clear (also of what is then sealed), and as it is on the wire.
     */
    void (*twist)(fdo_peer *peer, uint8_t *type, cairn_bytes *body, bool on_wire);
    void *twister;
    cairn_fdo_error told; /* by the device */
    unsigned told_count;
    char told_text[CAIRN_FDO_ERROR_TEXT_MAX + 1];
};

static inline void fdo_must(cairn_err err, const char *what)
{
    if (err == CAIRN_OK)
        return;
    (void)fprintf(stderr, "%s: %s: %s\n", what, cairn_err_name(err), cairn_err_detail());
    abort();
}
#define FDO_MUST(call) fdo_must((call), #call)

static inline void fdo_peer_init(fdo_peer *peer, cairn_key_type type, size_t entry_count)
{
    memset(peer, 0, sizeof *peer);
    peer->type = type;
    peer->entry_count = entry_count;
    cairn_arena_init(&peer->arena, 4 << 20);
    cairn_arena_init(&peer->message, 1 << 20);
    for (size_t i = 0; i < 2; i++) {
        FDO_MUST(cairn_key_generate(type, &peer->owners[i]));
        FDO_MUST(cairn_fdo_key_of(peer->owners[i], CAIRN_FDO_KEY_X509, &peer->owner_keys[i]));
    }
    memset(peer->guid.b, 0xd1, sizeof peer->guid.b);
    memset(peer->next_guid.b, 0xd2, sizeof peer->next_guid.b);
    peer->rv_info.count = 1;
    peer->rv_info.directives[0] = (cairn_fdo_directive){.dns = cairn_bytes_str("rv.example"),
                                                        .has_protocol = true,
                                                        .protocol = CAIRN_FDO_RV_HTTP,
                                                        .device_port = 8041};
    peer->next_rv_info = peer->rv_info;
    peer->next_rv_info.directives[0].dns = cairn_bytes_str("rv2.example");
}

static inline void fdo_peer_done(fdo_peer *peer)
{
    for (size_t i = 0; i < 2; i++) {
        cairn_fdo_key_free(peer->owner_keys[i]);
        cairn_key_free(peer->owners[i]);
    }
    cairn_key_free(peer->device);
    cairn_fdo_share_free(peer->share);
    cairn_arena_done(&peer->arena);
    cairn_arena_done(&peer->message);
}

static inline cairn_bytes fdo_peer_sign(fdo_peer *peer, const cairn_fdo_unsigned *u, size_t who)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message = {0};
    FDO_MUST(cairn_key_sign(peer->owners[who], u->to_sign, signature, &size));
    FDO_MUST(cairn_fdo_sign_end(&peer->message, u, cairn_bytes_of(signature, size), &message));
    return message;
}

static inline size_t fdo_peer_head(const fdo_peer *peer)
{
    return peer->entry_count == 0 ? 0 : 1;
}

static inline cairn_alg fdo_peer_alg(const fdo_peer *peer)
{
    return peer->type == CAIRN_KEY_P256 ? CAIRN_ALG_ES256 : CAIRN_ALG_ES384;
}

/* --- DI --- */

static inline cairn_bytes fdo_peer_start(fdo_peer *peer, cairn_bytes body)
{
    cairn_fdo_app_start start;
    cairn_bytes answer = {0};
    cairn_fdo_header header = {.guid = peer->guid,
                               .rv_info = peer->rv_info,
                               .manufacturer = peer->owner_keys[0],
                               .has_chain_hash = true};
    FDO_MUST(cairn_fdo_app_start_read(body, &start));
    const uint8_t *at = start.csr.data;
    X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)start.csr.size);
    CAIRN_ASSERT(req != NULL && X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) == 1);
    uint8_t point[KEY_POINT_SIZE_MAX];
    FDO_MUST(cairn_key_pkey_point(peer->type, X509_REQ_get0_pubkey(req), point));
    X509_REQ_free(req);
    FDO_MUST(cairn_key_from_public(
        peer->type, cairn_bytes_of(point, cairn_key_facts_of(peer->type)->point_size),
        &peer->device));
    header.device_info = start.model;
    FDO_MUST(cairn_fdo_hash_of(peer->type == CAIRN_KEY_P256 ? CAIRN_FDO_SHA256 : CAIRN_FDO_SHA384,
                               &start.csr, 1,
                               &header.chain_hash)); /* of no chain: nobody looks at it here */
    FDO_MUST(cairn_fdo_header_encode(&peer->arena, &header, &peer->header));
    FDO_MUST(cairn_fdo_set_credentials_encode(&peer->message, peer->header, &answer));
    return answer;
}

static inline void fdo_peer_sell(fdo_peer *peer)
{
    cairn_fdo_header header = {0};
    cairn_fdo_head head = {0};
    FDO_MUST(cairn_fdo_header_read(peer->header, &header));
    FDO_MUST(cairn_fdo_head_first(&header, peer->hmac, &head));
    for (size_t i = 0; i < peer->entry_count; i++) {
        cairn_fdo_unsigned u;
        cairn_fdo_entry entry = {0};
        cairn_bytes payload;
        cairn_arena_reset(&peer->message);
        FDO_MUST(cairn_fdo_entry_payload(&peer->message, &head, &header, (cairn_bytes){0},
                                         peer->owner_keys[1], &payload));
        FDO_MUST(cairn_fdo_sign_begin(&peer->message, fdo_peer_alg(peer), cairn_bytes_of("\xa0", 1),
                                      payload, &u));
        FDO_MUST(cairn_arena_copy(&peer->arena, fdo_peer_sign(peer, &u, i == 0 ? 0 : 1),
                                  &peer->entries[i]));
        FDO_MUST(cairn_fdo_entry_read(peer->entries[i], &entry));
        FDO_MUST(cairn_fdo_head_advance(&peer->message, &head, &header, &entry));
        cairn_fdo_entry_done(&entry);
    }
    cairn_fdo_head_done(&head);
    cairn_fdo_header_done(&header);
}

static inline cairn_bytes fdo_peer_hmac(fdo_peer *peer, cairn_bytes body)
{
    cairn_fdo_hash hmac;
    cairn_bytes encoded;
    cairn_bytes answer = {0};
    FDO_MUST(cairn_fdo_set_hmac_read(body, &hmac, &encoded));
    FDO_MUST(cairn_arena_copy(&peer->arena, encoded, &peer->hmac));
    fdo_peer_sell(peer);
    FDO_MUST(cairn_fdo_empty_encode(&peer->message, &answer));
    return answer;
}

/* --- TO1 --- */

static inline cairn_bytes fdo_peer_hello_rv(fdo_peer *peer, cairn_bytes body)
{
    cairn_fdo_guid guid;
    cairn_alg alg;
    cairn_bytes answer = {0};
    FDO_MUST(cairn_fdo_hello_rv_read(body, &guid, &alg));
    CAIRN_ASSERT(memcmp(guid.b, peer->guid.b, sizeof guid.b) == 0);
    peer->nonce.b[0]++;
    FDO_MUST(cairn_fdo_hello_rv_ack_encode(&peer->message, &peer->nonce, alg, &answer));
    return answer;
}

static inline cairn_bytes fdo_peer_redirect(fdo_peer *peer, cairn_bytes body)
{
    const cairn_fdo_address address = {
        .dns = cairn_bytes_str("owner.example"), .port = 8043, .transport = CAIRN_FDO_HTTP};
    const cairn_fdo_hash hash = {.alg = CAIRN_FDO_SHA256, .size = 32};
    cairn_fdo_eat eat;
    cairn_fdo_unsigned u;
    cairn_bytes payload;
    FDO_MUST(cairn_fdo_eat_read(body, &eat));
    CAIRN_ASSERT(!eat.has_kex);
    peer->refuses = memcmp(eat.nonce.b, peer->nonce.b, sizeof eat.nonce.b) != 0;
    FDO_MUST(cairn_cose_sign1_verify(&peer->message, &eat.message, peer->device, (cairn_bytes){0},
                                     (cairn_bytes){0}));
    FDO_MUST(cairn_fdo_to1d_payload(&peer->message, &address, 1, &hash, &payload));
    FDO_MUST(cairn_fdo_sign_begin(&peer->message, fdo_peer_alg(peer), cairn_bytes_of("\xa0", 1),
                                  payload, &u));
    return fdo_peer_sign(peer, &u, fdo_peer_head(peer));
}

/* --- TO2 --- */

static inline cairn_bytes fdo_peer_prove(fdo_peer *peer, cairn_bytes body)
{
    cairn_fdo_prove_header prove = {.header = peer->header,
                                    .entry_count = (uint8_t)peer->entry_count,
                                    .hmac_encoded = peer->hmac,
                                    .max_message = 65535,
                                    .owner = peer->owner_keys[fdo_peer_head(peer)]};
    cairn_fdo_unsigned u;
    FDO_MUST(cairn_fdo_hello_device_read(body, &peer->hello));
    prove.nonce = peer->hello.nonce;
    prove.alg = peer->hello.alg;
    cairn_fdo_share_free(peer->share);
    peer->share = NULL;
    peer->has_sek = false;
    FDO_MUST(cairn_fdo_share_new(peer->hello.kex, &peer->share));
    prove.kex = cairn_fdo_share_public(peer->share);
    FDO_MUST(cairn_fdo_hash_of(CAIRN_FDO_SHA256, &body, 1, &prove.hello_hash));
    peer->ov_nonce.b[0]++;
    prove.prove_nonce = peer->ov_nonce;
    FDO_MUST(cairn_fdo_prove_header_begin(&peer->message, &prove, &u));
    return fdo_peer_sign(peer, &u, fdo_peer_head(peer));
}

static inline cairn_bytes fdo_peer_entry(fdo_peer *peer, cairn_bytes body)
{
    int64_t index = 0;
    cairn_bytes answer = {0};
    FDO_MUST(cairn_fdo_get_entry_read(body, &index));
    CAIRN_ASSERT(index >= 0 && (size_t)index < peer->entry_count);
    FDO_MUST(
        cairn_fdo_next_entry_encode(&peer->message, (uint8_t)index, peer->entries[index], &answer));
    return answer;
}

static inline cairn_bytes fdo_peer_setup(fdo_peer *peer, cairn_bytes body)
{
    cairn_fdo_eat eat;
    cairn_fdo_unsigned u;
    cairn_fdo_setup setup = {.rv_info = peer->reuse ? peer->rv_info : peer->next_rv_info,
                             .guid = peer->reuse ? peer->guid : peer->next_guid,
                             .owner = peer->owner_keys[fdo_peer_head(peer)]};
    FDO_MUST(cairn_fdo_eat_read(body, &eat));
    CAIRN_ASSERT(eat.has_kex && eat.has_setup);
    peer->refuses = memcmp(eat.nonce.b, peer->ov_nonce.b, sizeof eat.nonce.b) != 0;
    FDO_MUST(cairn_cose_sign1_verify(&peer->message, &eat.message, peer->device, (cairn_bytes){0},
                                     (cairn_bytes){0}));
    FDO_MUST(cairn_fdo_share_agree(peer->share, eat.kex, false, peer->strips, peer->hello.cipher,
                                   peer->sek, &peer->sek_size));
    peer->has_sek = true;
    peer->ambiguous += cairn_fdo_share_is_ambiguous(peer->share, eat.kex);
    peer->setup_nonce = setup.nonce = eat.setup;
    FDO_MUST(cairn_fdo_setup_begin(&peer->message, &setup, fdo_peer_alg(peer), &u));
    return fdo_peer_sign(peer, &u, fdo_peer_head(peer));
}

static inline cairn_bytes fdo_peer_ready(fdo_peer *peer, cairn_bytes body)
{
    bool has_hmac = false;
    cairn_fdo_hash hmac;
    cairn_bytes encoded;
    cairn_bytes answer = {0};
    uint16_t size = 0;
    FDO_MUST(cairn_fdo_device_ready_read(body, &has_hmac, &hmac, &encoded, &size));
    peer->hmacs += has_hmac;
    if (has_hmac)
        FDO_MUST(cairn_arena_copy(&peer->arena, encoded, &peer->next_hmac));
    FDO_MUST(cairn_fdo_owner_ready_encode(&peer->message, peer->info_room, &answer));
    return answer;
}

static inline cairn_bytes fdo_peer_info(fdo_peer *peer, cairn_bytes body)
{
    cairn_fdo_info_list heard;
    cairn_fdo_info_list said = {.done = true};
    cairn_bytes answer = {0};
    FDO_MUST(cairn_fdo_device_info_read(&peer->message, body, &heard));
    if (heard.more)
        said.done = false;
    else if (peer->talk != NULL)
        peer->talk(peer, &heard, &said);
    FDO_MUST(cairn_fdo_owner_info_encode(&peer->message, &said, &answer));
    return answer;
}

static inline cairn_bytes fdo_peer_finish(fdo_peer *peer, cairn_bytes body)
{
    cairn_fdo_nonce nonce;
    cairn_bytes answer = {0};
    FDO_MUST(cairn_fdo_hello_ack_read(body, &nonce));
    peer->refuses = memcmp(nonce.b, peer->ov_nonce.b, sizeof nonce.b) != 0;
    peer->done++;
    FDO_MUST(cairn_fdo_hello_ack_encode(&peer->message, &peer->setup_nonce, &answer));
    return answer;
}

static inline void fdo_peer_hear_error(fdo_peer *peer, cairn_bytes body)
{
    FDO_MUST(cairn_fdo_error_read(body, &peer->told));
    memcpy(peer->told_text, peer->told.text.data, peer->told.text.size);
    peer->told_text[peer->told.text.size] = '\0';
    peer->told_count++;
}

static inline cairn_bytes fdo_peer_open(fdo_peer *peer, uint8_t type, cairn_bytes body)
{
    cairn_bytes plain = body;
    if (type >= CAIRN_FDO_TO2_DEVICE_SERVICE_INFO_READY && type <= CAIRN_FDO_TO2_DONE)
        FDO_MUST(cairn_fdo_unseal(&peer->message, peer->hello.cipher,
                                  cairn_bytes_of(peer->sek, peer->sek_size), body, &plain));
    return plain;
}

static inline cairn_bytes fdo_peer_answer_to(fdo_peer *peer, uint8_t type, cairn_bytes body)
{
    switch (type) {
    case CAIRN_FDO_DI_APP_START:
        return fdo_peer_start(peer, body);
    case CAIRN_FDO_DI_SET_HMAC:
        return fdo_peer_hmac(peer, body);
    case CAIRN_FDO_TO1_HELLO_RV:
        return fdo_peer_hello_rv(peer, body);
    case CAIRN_FDO_TO1_PROVE_TO_RV:
        return fdo_peer_redirect(peer, body);
    case CAIRN_FDO_TO2_HELLO_DEVICE:
        return fdo_peer_prove(peer, body);
    case CAIRN_FDO_TO2_GET_OV_NEXT_ENTRY:
        return fdo_peer_entry(peer, body);
    case CAIRN_FDO_TO2_PROVE_DEVICE:
        return fdo_peer_setup(peer, body);
    case CAIRN_FDO_TO2_DEVICE_SERVICE_INFO_READY:
        return fdo_peer_ready(peer, body);
    case CAIRN_FDO_TO2_DEVICE_SERVICE_INFO:
        return fdo_peer_info(peer, body);
    case CAIRN_FDO_TO2_DONE:
        return fdo_peer_finish(peer, body);
    default:
        fprintf(stderr, "peer: message %u\n", type);
        abort();
    }
}

static inline void fdo_peer_refuse(fdo_peer *peer, uint8_t previous, uint8_t *ret_type,
                                   cairn_bytes *ret_body)
{
    const cairn_fdo_error error = {.code = CAIRN_FDO_INVALID_MESSAGE_ERROR,
                                   .previous = previous,
                                   .text = cairn_bytes_str("no")};
    *ret_type = CAIRN_FDO_ERROR;
    FDO_MUST(cairn_fdo_error_encode(&peer->message, &error, ret_body));
}

/* The answer, in the arena of the peer until the next one. */
static inline void fdo_peer_answer(fdo_peer *peer, const cairn_fdo_client_message *message,
                                   uint8_t *ret_type, cairn_bytes *ret_body)
{
    cairn_arena_reset(&peer->message);
    *ret_type = CAIRN_FDO_ERROR;
    *ret_body = (cairn_bytes){0};
    if (message->type == CAIRN_FDO_ERROR) {
        fdo_peer_hear_error(peer, message->body);
        return;
    }
    *ret_type = (uint8_t)(message->type + 1);
    *ret_body =
        fdo_peer_answer_to(peer, message->type, fdo_peer_open(peer, message->type, message->body));
    if (peer->refuses) {
        fdo_peer_refuse(peer, message->type, ret_type, ret_body);
        peer->refuses = false;
        return;
    }
    if (peer->twist != NULL)
        peer->twist(peer, ret_type, ret_body, false);
    if (peer->has_sek && *ret_type >= CAIRN_FDO_TO2_SETUP_DEVICE && *ret_type < CAIRN_FDO_ERROR)
        FDO_MUST(cairn_fdo_seal(&peer->message, peer->hello.cipher,
                                cairn_bytes_of(peer->sek, peer->sek_size), *ret_body, ret_body));
    if (peer->twist != NULL)
        peer->twist(peer, ret_type, ret_body, true);
}

/* --- a device's things, in memory --- */

typedef struct fdo_memory {
    cairn_key *keys[4];
    char names[4][65];
    size_t key_count;
    uint8_t secret[32];
    bool has[3];
    size_t sizes[3];
    uint8_t parts[3][CAIRN_FDO_CLIENT_CREDENTIAL_SIZE_MAX];
    unsigned writes;
    unsigned fail_at; /* that write fails, having done half of it; 0: none */
} fdo_memory;

static inline cairn_key *fdo_memory_find(fdo_memory *memory, const char *name)
{
    for (size_t i = 0; i < memory->key_count; i++)
        if (strcmp(memory->names[i], name) == 0)
            return memory->keys[i];
    return NULL;
}

static inline cairn_err fdo_memory_public(void *context, const char *name, cairn_key **ret_public)
{
    cairn_key *key = fdo_memory_find(context, name);
    if (key == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "test", "no key %s", name);
    return cairn_key_from_public(cairn_key_get_type(key), cairn_key_public(key), ret_public);
}

static inline cairn_err fdo_memory_generate(void *context, const char *name, cairn_key_type type,
                                            cairn_key **ret_public)
{
    fdo_memory *memory = context;
    if (fdo_memory_find(memory, name) != NULL)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "test", "key %s", name);
    CAIRN_ASSERT(memory->key_count < 4);
    CAIRN_TRY(cairn_key_generate(type, &memory->keys[memory->key_count]));
    (void)snprintf(memory->names[memory->key_count++], 65, "%s", name);
    return fdo_memory_public(context, name, ret_public);
}

static inline cairn_err fdo_memory_sign(void *context, const char *name, cairn_bytes message,
                                        uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX],
                                        size_t *ret_size)
{
    return cairn_key_sign(fdo_memory_find(context, name), message, ret_signature, ret_size);
}

static inline cairn_err fdo_memory_mac(void *context, int64_t alg, cairn_bytes message,
                                       uint8_t ret_mac[CAIRN_FDO_CLIENT_MAC_SIZE_MAX])
{
    fdo_memory *memory = context;
    cairn_fdo_hash hmac;
    CAIRN_TRY(cairn_fdo_hmac_of(alg, cairn_bytes_of(memory->secret, 32), message, &hmac));
    memcpy(ret_mac, hmac.b, hmac.size);
    return CAIRN_OK;
}

static inline cairn_err fdo_memory_remove(void *context, const char *name)
{
    fdo_memory *memory = context;
    for (size_t i = 0; i < memory->key_count; i++) {
        if (strcmp(memory->names[i], name) != 0)
            continue;
        cairn_key_free(memory->keys[i]);
        memory->key_count--;
        memory->keys[i] = memory->keys[memory->key_count];
        memmove(memory->names[i], memory->names[memory->key_count], 65);
        return CAIRN_OK;
    }
    return CAIRN_OK;
}

static inline cairn_err fdo_memory_read(void *context, cairn_fdo_client_part part,
                                        cairn_arena *arena, cairn_bytes *ret_data)
{
    fdo_memory *memory = context;
    if (!memory->has[part])
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "test", "part %d", (int)part);
    return cairn_arena_copy(arena, cairn_bytes_of(memory->parts[part], memory->sizes[part]),
                            ret_data);
}

/* A write that fails leaves half of a slot behind, and the flag as it was. */
static inline cairn_err fdo_memory_write(void *context, cairn_fdo_client_part part,
                                         cairn_bytes data)
{
    fdo_memory *memory = context;
    bool fails = ++memory->writes == memory->fail_at;
    if (fails && part == CAIRN_FDO_CLIENT_FLAG)
        return CAIRN_FAIL(CAIRN_ERR_IO, "test", "the flag");
    memory->has[part] = true;
    memory->sizes[part] = fails ? data.size / 2 : data.size;
    memcpy(memory->parts[part], data.data, memory->sizes[part]);
    return fails ? CAIRN_FAIL(CAIRN_ERR_IO, "test", "a slot") : CAIRN_OK;
}

static inline void fdo_memory_done(fdo_memory *memory)
{
    for (size_t i = 0; i < memory->key_count; i++)
        cairn_key_free(memory->keys[i]);
    memory->key_count = 0;
}

static inline cairn_fdo_client_config fdo_memory_config(fdo_memory *memory)
{
    return (cairn_fdo_client_config){
        .keys = {memory, fdo_memory_generate, fdo_memory_public, fdo_memory_sign, fdo_memory_mac,
                 fdo_memory_remove},
        .store = {memory, fdo_memory_read, fdo_memory_write},
        .traits = {"os", "arch", "1", "model", "serial", ":"},
    };
}

/* --- together --- */

/* One protocol from its beginning to its end, or its failure, which the peer is told. */
static inline cairn_err fdo_play(cairn_fdo_client *device, fdo_peer *peer,
                                 cairn_fdo_client_protocol protocol)
{
    const cairn_fdo_client_birth birth = {peer->type, cairn_bytes_str("serial"),
                                          cairn_bytes_str("model")};
    cairn_fdo_client_message message;
    bool done = false;
    cairn_err err = cairn_fdo_client_begin(device, protocol, &birth);
    while (err == CAIRN_OK && !done) {
        uint8_t type = 0;
        cairn_bytes body;
        err = cairn_fdo_client_next(device, &message);
        if (err != CAIRN_OK)
            break;
        fdo_peer_answer(peer, &message, &type, &body);
        err = cairn_fdo_client_take(device, type, body, &done);
    }
    if (err != CAIRN_OK && cairn_fdo_client_failure(device, &message)) {
        uint8_t type = 0;
        cairn_bytes body;
        fdo_peer_answer(peer, &message, &type, &body);
    }
    return err;
}

#endif
