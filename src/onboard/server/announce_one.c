/* TO0 for one voucher. */
#include <arpa/inet.h>
#include <stdio.h>

#include "core/net/http_client.h"
#include "onboard/server/announce.h"
#include "onboard/wire/di.h"
#include "onboard/wire/fdo_error.h"
#include "onboard/wire/to0.h"

static const char clause[] = "FDO 1.1, 5.3";

enum { TIMEOUT_MS = 20000, ARENA_SIZE = 4 << 20 };

/* --- one message --- */

/* "Bearer " is not ours to keep. */
static cairn_bytes token_of(const cairn_http_reply *reply)
{
    static const char bearer[] = "Bearer ";
    cairn_bytes value = {0};
    if (cairn_http_reply_header(reply, "Authorization", &value) && value.size > sizeof bearer - 1 &&
        memcmp(value.data, bearer, sizeof bearer - 1) == 0)
        return cairn_bytes_of(value.data + sizeof bearer - 1, value.size - (sizeof bearer - 1));
    return value;
}

static uint8_t type_of(const cairn_http_reply *reply)
{
    char text[4] = {0};
    cairn_bytes value = {0};
    if (reply->status == 500)
        return CAIRN_FDO_ERROR;
    if (!cairn_http_reply_header(reply, "Message-Type", &value) || value.size >= sizeof text)
        return 0;
    memcpy(text, value.data, value.size);
    unsigned type = 0;
    return sscanf(text, "%3u", &type) == 1 && type <= UINT8_MAX ? (uint8_t)type : 0;
}

cairn_err cairn_fdo_post_http(void *context, cairn_arena *arena, const char *url, uint8_t type,
                              cairn_bytes token, cairn_bytes body, uint8_t *ret_type,
                              cairn_bytes *ret_token, cairn_bytes *ret_body)
{
    char full[CAIRN_HTTP_URL_SIZE_MAX];
    char header[256];
    const char *headers[] = {header};
    cairn_http_reply reply;
    (void)snprintf(full, sizeof full, "%s/fdo/101/msg/%u", url, type);
    (void)snprintf(header, sizeof header, "Authorization: Bearer %.*s", (int)token.size,
                   (const char *)token.data);
    const cairn_http_call call = {.method = CAIRN_HTTP_CLIENT_POST,
                                  .url = full,
                                  .content_type = "application/cbor",
                                  .body = body,
                                  .headers = headers,
                                  .header_count = token.size == 0 ? 0 : 1,
                                  .timeout_ms = TIMEOUT_MS,
                                  .body_size_max = CAIRN_FDO_MESSAGE_SIZE_MAX,
                                  .ca_file = context};
    CAIRN_TRY(cairn_http_client_call(arena, &call, &reply));
    *ret_type = type_of(&reply);
    *ret_token = token_of(&reply);
    *ret_body = reply.body;
    return CAIRN_OK;
}

/* A service that is spoken to. */
typedef struct talk {
    const cairn_fdo_announce_options *options;
    cairn_arena *arena;
    const char *url;
    cairn_bytes token;
} talk;

static cairn_err ask(talk *t, uint8_t type, cairn_bytes body, uint8_t want, cairn_bytes *ret_body)
{
    uint8_t got = 0;
    cairn_fdo_error error = {0};
    CAIRN_TRY(t->options->post(t->options->post_context, t->arena, t->url, type, t->token, body,
                               &got, &t->token, ret_body));
    if (got == CAIRN_FDO_ERROR && cairn_fdo_error_read(*ret_body, &error) == CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_PERMISSION, clause, "%s: refuses message %u with %u: %.*s",
                          t->url, type, error.code, (int)error.text.size,
                          (const char *)error.text.data);
    if (got != want)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, clause, "%s: answers message %u with %u", t->url,
                          type, got);
    return CAIRN_OK;
}

/* --- what is said --- */

static cairn_err sign_to1d(const talk *t, const char *key, cairn_alg alg, cairn_bytes to0d,
                           int64_t hash_alg, cairn_bytes *ret_to1d)
{
    const cairn_fdo_announce_options *options = t->options;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_fdo_hash hash = {0};
    cairn_bytes payload = {0};
    cairn_fdo_unsigned message = {0};
    CAIRN_TRY(cairn_fdo_hash_of(hash_alg, &to0d, 1, &hash));
    CAIRN_TRY(cairn_fdo_to1d_payload(t->arena, options->addresses, options->address_count, &hash,
                                     &payload));
    CAIRN_TRY(cairn_fdo_sign_begin(t->arena, alg, (cairn_bytes){0}, payload, &message));
    CAIRN_TRY(cairn_signer_sign_wait_for(options->signer, CAIRN_SIGNER_FOR_OWNER, key,
                                         message.to_sign, signature, &size));
    return cairn_fdo_sign_end(t->arena, &message, cairn_bytes_of(signature, size), ret_to1d);
}

static cairn_err speak(talk *t, const cairn_fdo_holding *holding, const cairn_fdo_voucher *voucher,
                       uint32_t *ret_wait_s)
{
    char key[65] = {0};
    cairn_bytes body = {0};
    cairn_bytes to0d = {0};
    cairn_bytes to1d = {0};
    cairn_fdo_nonce nonce;
    bool strong = cairn_fdo_key_get_type(voucher->header.manufacturer) == CAIRN_FDO_KEY_P384;
    int64_t hash = voucher->hmac.alg == CAIRN_FDO_HMAC384 ? CAIRN_FDO_SHA384 : CAIRN_FDO_SHA256;
    memcpy(key, holding->owner_key.data, holding->owner_key.size);
    CAIRN_TRY(cairn_fdo_empty_encode(t->arena, &body));
    CAIRN_TRY(ask(t, CAIRN_FDO_TO0_HELLO, body, CAIRN_FDO_TO0_HELLO_ACK, &body));
    CAIRN_TRY(cairn_fdo_hello_ack_read(body, &nonce));
    CAIRN_TRY(cairn_fdo_to0d_encode(t->arena, holding->voucher, t->options->wait_s, &nonce, &to0d));
    CAIRN_TRY(sign_to1d(t, key, strong ? CAIRN_ALG_ES384 : CAIRN_ALG_ES256, to0d, hash, &to1d));
    CAIRN_TRY(cairn_fdo_owner_sign_encode(t->arena, to0d, to1d, &body));
    CAIRN_TRY(ask(t, CAIRN_FDO_TO0_OWNER_SIGN, body, CAIRN_FDO_TO0_ACCEPT_OWNER, &body));
    return cairn_fdo_accept_owner_read(body, ret_wait_s);
}

/* --- where it is said --- */

/* The base URL of a directive that an owner may follow; false when it is none. */
static bool url_of(const cairn_fdo_directive *d, char ret_url[CAIRN_HTTP_URL_SIZE_MAX])
{
    char host[CAIRN_FDO_DNS_SIZE_MAX + 3] = {0};
    char ip[INET6_ADDRSTRLEN];
    bool tls = !d->has_protocol || d->protocol == CAIRN_FDO_RV_HTTPS;
    if (d->device_only || (!tls && d->protocol != CAIRN_FDO_RV_HTTP))
        return false;
    if (d->dns.size != 0)
        memcpy(host, d->dns.data, d->dns.size);
    else if (d->ip.size == 0 ||
             inet_ntop(d->ip.size == 4 ? AF_INET : AF_INET6, d->ip.data, ip, sizeof ip) == NULL)
        return false;
    else
        (void)snprintf(host, sizeof host, d->ip.size == 4 ? "%s" : "[%s]", ip);
    unsigned port = d->owner_port != 0 ? d->owner_port : tls ? 443 : 80;
    (void)snprintf(ret_url, CAIRN_HTTP_URL_SIZE_MAX, "http%s://%s:%u", tls ? "s" : "", host, port);
    return true;
}

static cairn_err speak_anywhere(talk *t, const cairn_fdo_holding *holding,
                                const cairn_fdo_voucher *voucher, uint32_t *ret_wait_s)
{
    const cairn_fdo_rv_info *info = &voucher->header.rv_info;
    cairn_err err = CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, clause,
                               "voucher.rv_info: no service that an owner may ask over HTTP");
    for (size_t i = 0; err != CAIRN_OK && i < info->count; i++) {
        char url[CAIRN_HTTP_URL_SIZE_MAX];
        if (!url_of(&info->directives[i], url))
            continue;
        t->url = url;
        t->token = (cairn_bytes){0};
        err = speak(t, holding, voucher, ret_wait_s);
    }
    return err;
}

static cairn_err announce(talk *t, const cairn_fdo_guid *guid, uint32_t *ret_wait_s)
{
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    const cairn_fdo_store *store = &t->options->store;
    cairn_fdo_holding holding = {0};
    cairn_bytes value = {0};
    CAIRN_TRY(store->get(store->context, CAIRN_FDO_VOUCHERS, guid, t->arena, &value));
    CAIRN_TRY(cairn_fdo_holding_read(value, &holding));
    if (holding.owner_key.size == 0)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "voucher: its owner is somebody else");
    CAIRN_TRY(cairn_fdo_voucher_read(holding.voucher, &voucher));
    if (voucher.entry_count == 0) /* no service believes a manufacturer: it is first to be sold */
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "voucher: never signed over");
    return speak_anywhere(t, &holding, &voucher, ret_wait_s);
}

cairn_err cairn_fdo_announce_one(const cairn_fdo_announce_options *options,
                                 const cairn_fdo_guid *guid, uint32_t *ret_wait_s)
{
    cairn_arena arena;
    cairn_arena_init(&arena, ARENA_SIZE);
    talk t = {.options = options, .arena = &arena};
    cairn_err err = announce(&t, guid, ret_wait_s);
    cairn_arena_done(&arena);
    return err;
}
