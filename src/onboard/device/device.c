/* The machine: steps that say what is sent and what must come back. */
#include <openssl/rand.h>
#include <stdlib.h>

#include "core/crypto/openssl.h"
#include "onboard/device/device_impl.h"
#include "onboard/wire/fdo_error.h"

static const char birth_key[] = "device";

enum {                        /* what a run may take [X1353-R40] */
       RUN_SIZE_MAX = 16384,  /* header, key exchange, to1d, the next credential */
       HELD_SIZE_MAX = 16384, /* the credential, and room to read one slot */
       TOLD_SIZE_MAX = 4096,  /* a to1d */
       MESSAGE_FACTOR = 4,    /* a message, its parts, and what is signed */
};

/* --- keys --- */

cairn_err cairn_fdo_client_sign(cairn_fdo_client *d, const cairn_fdo_unsigned *u,
                                cairn_bytes *ret_message)
{
    const cairn_fdo_client_keys *keys = &d->config->keys;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    CAIRN_TRY(keys->sign(keys->context, birth_key, u->to_sign, signature, &size));
    return cairn_fdo_sign_end(&d->message, u, cairn_bytes_of(signature, size), ret_message);
}

cairn_err cairn_fdo_client_hmac(cairn_fdo_client *d, int64_t alg, cairn_bytes header,
                                cairn_fdo_hash *ret_hmac)
{
    const cairn_fdo_client_keys *keys = &d->config->keys;
    cairn_fdo_hash hmac = {.alg = alg, .size = alg == CAIRN_FDO_HMAC256 ? 32 : 48};
    CAIRN_TRY(keys->mac(keys->context, alg, header, hmac.b));
    *ret_hmac = hmac;
    return CAIRN_OK;
}

int64_t cairn_fdo_client_hash_alg(const cairn_fdo_client *d, const cairn_fdo_key *owner)
{
    return d->alg == CAIRN_ALG_ES256 ? CAIRN_FDO_SHA256 : cairn_fdo_key_hash_alg(owner);
}

cairn_err cairn_fdo_client_draw(cairn_fdo_nonce *ret_nonce)
{
    if (RAND_bytes(ret_nonce->b, sizeof ret_nonce->b) != 1)
        return cairn_openssl_fail("random generator");
    return CAIRN_OK;
}

/* --- its life --- */

static cairn_err find_key(cairn_fdo_client *d)
{
    const cairn_fdo_client_keys *keys = &d->config->keys;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_err err = keys->public_key(keys->context, birth_key, &key);
    if (err == CAIRN_ERR_NOT_FOUND && !d->has_credential)
        return CAIRN_OK;
    CAIRN_TRY(err);
    d->alg = cairn_key_alg(key);
    return CAIRN_OK;
}

/* The credential is held by views into its arena; a failure leaves the former one. */
static cairn_err load(cairn_fdo_client *d)
{
    cairn_arena fresh;
    cairn_fdo_client_credential credential;
    cairn_arena_init(&fresh, HELD_SIZE_MAX);
    cairn_err err = cairn_fdo_client_credential_load(&d->config->store, &fresh, &credential);
    if (err != CAIRN_OK) {
        cairn_arena_done(&fresh);
        return err;
    }
    cairn_arena_done(&d->held);
    d->held = fresh;
    d->credential = credential;
    d->has_credential = true;
    return CAIRN_OK;
}

cairn_err cairn_fdo_client_adopt(cairn_fdo_client *d, const cairn_fdo_client_credential *credential)
{
    CAIRN_TRY(cairn_fdo_client_credential_commit(&d->config->store, &d->message, credential));
    return load(d);
}

static cairn_err check_config(const cairn_fdo_client_config *config)
{
    if (config->module_count > CAIRN_FDO_CLIENT_MODULES_MAX ||
        (config->message_size_max != 0 &&
         (config->message_size_max < CAIRN_FDO_CLIENT_MESSAGE_SIZE_MIN ||
          config->message_size_max > CAIRN_FDO_MESSAGE_SIZE_MAX)) ||
        (config->info_size_max != 0 && config->info_size_max < 256) ||
        config->rounds_max > CAIRN_FDO_ROUNDS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "device: limits out of range");
    return CAIRN_OK;
}

cairn_err cairn_fdo_client_open(const cairn_fdo_client_config *config,
                                cairn_fdo_client **ret_device)
{
    CAIRN_TRY(check_config(config));
    CAIRN_CLEANUP(cairn_fdo_client_free_p) cairn_fdo_client *d = calloc(1, sizeof *d);
    if (d == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "device: its state");
    d->config = config;
    d->message_size_max = config->message_size_max == 0 ? CAIRN_FDO_CLIENT_MESSAGE_SIZE_DEFAULT
                                                        : config->message_size_max;
    d->info_size_max =
        config->info_size_max == 0 ? CAIRN_FDO_SERVICE_INFO_SIZE : config->info_size_max;
    d->rounds_max = config->rounds_max == 0 ? CAIRN_FDO_CLIENT_ROUNDS_DEFAULT : config->rounds_max;
    cairn_arena_init(&d->held, HELD_SIZE_MAX);
    cairn_arena_init(&d->run, RUN_SIZE_MAX);
    cairn_arena_init(&d->told, TOLD_SIZE_MAX);
    cairn_arena_init(&d->message, MESSAGE_FACTOR * d->message_size_max);
    cairn_err err = load(d);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    CAIRN_TRY(find_key(d));
    *ret_device = CAIRN_STEAL(d);
    return CAIRN_OK;
}

static void drop_run(cairn_fdo_client *d)
{
    cairn_fdo_client_info_drop(d);
    d->step = NULL;
    d->made = false;
    d->last_answer = 0;
    cairn_fdo_client_to2_done(&d->to2);
    cairn_arena_reset(&d->run);
}

static void drop_told(cairn_fdo_client *d)
{
    d->to1d = (cairn_bytes){0};
    cairn_arena_reset(&d->told);
}

void cairn_fdo_client_free(cairn_fdo_client *device)
{
    if (device == NULL)
        return;
    drop_run(device);
    cairn_arena_done(&device->held);
    cairn_arena_done(&device->run);
    cairn_arena_done(&device->told);
    cairn_arena_done(&device->message);
    free(device);
}

cairn_fdo_client_state cairn_fdo_client_get_state(const cairn_fdo_client *device)
{
    if (!device->has_credential)
        return CAIRN_FDO_CLIENT_BLANK;
    return device->credential.onboarded ? CAIRN_FDO_CLIENT_ONBOARDED : CAIRN_FDO_CLIENT_READY;
}

const cairn_fdo_guid *cairn_fdo_client_guid(const cairn_fdo_client *device)
{
    return &device->credential.guid;
}

cairn_bytes cairn_fdo_client_rv_info(const cairn_fdo_client *device)
{
    return device->credential.rv_info;
}

/* --- a run --- */

static cairn_err begin_di(cairn_fdo_client *d, const cairn_fdo_client_birth *birth)
{
    const cairn_fdo_client_keys *keys = &d->config->keys;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    if (d->has_credential)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "device: it is initialised already");
    cairn_err err = keys->public_key(keys->context, birth_key, &key);
    if (err == CAIRN_ERR_NOT_FOUND)
        err = keys->generate(keys->context, birth_key, birth->key_type, &key);
    CAIRN_TRY(err);
    d->alg = cairn_key_alg(key);
    d->birth = *birth;
    d->step = &cairn_fdo_client_step_app_start;
    return CAIRN_OK;
}

cairn_err cairn_fdo_client_begin(cairn_fdo_client *device, cairn_fdo_client_protocol protocol,
                                 const cairn_fdo_client_birth *birth)
{
    device->failed_type = 0;
    drop_run(device);
    if (protocol != CAIRN_FDO_CLIENT_TO2)
        drop_told(device);
    if (protocol == CAIRN_FDO_CLIENT_DI)
        return begin_di(device, birth);
    if (!device->has_credential)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "device: it is not initialised");
    device->step = protocol == CAIRN_FDO_CLIENT_TO1 ? &cairn_fdo_client_step_hello_rv
                                                    : &cairn_fdo_client_step_hello_device;
    return CAIRN_OK;
}

static cairn_err seal(cairn_fdo_client *d, cairn_bytes *body)
{
    const device_to2 *to2 = &d->to2;
    return cairn_fdo_seal(&d->message, (cairn_fdo_cipher)((to2->sek_size - 8) / 8),
                          cairn_bytes_of(to2->sek[0], to2->sek_size), *body, body);
}

static cairn_err make(cairn_fdo_client *d)
{
    cairn_arena_reset(&d->message);
    CAIRN_TRY(d->step->make(d, &d->out));
    return d->step->seals ? seal(d, &d->out) : CAIRN_OK;
}

/* Gives up. `type` is the message that was wrong. */
static cairn_err fail_run(cairn_fdo_client *d, uint8_t type, cairn_err err)
{
    d->failed_type = type;
    d->failed_code = cairn_fdo_code_of(err, (cairn_fdo_type)type);
    drop_run(d);
    return err;
}

cairn_err cairn_fdo_client_next(cairn_fdo_client *device, cairn_fdo_client_message *ret_message)
{
    const device_step *step = device->step;
    if (step == NULL)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, "house", "device: nothing is under way");
    if (!device->made) {
        cairn_err err = make(device);
        if (err != CAIRN_OK)
            return fail_run(device, device->last_answer, err);
        device->made = true;
    }
    *ret_message = (cairn_fdo_client_message){
        .type = step->type,
        .body = device->out,
        .is_first = step->is_first,
        .is_idle = step == &cairn_fdo_client_step_service_info && device->info.idle};
    return CAIRN_OK;
}

/* Opens what travelled in the channel. The first message tells which of two keys the owner has: a
 * peer may have stripped zeros from the shared x (X1353-R45). */
static cairn_err unseal(cairn_fdo_client *d, cairn_bytes *body)
{
    device_to2 *to2 = &d->to2;
    cairn_fdo_cipher cipher = (cairn_fdo_cipher)((to2->sek_size - 8) / 8);
    cairn_bytes plain;
    cairn_err err = cairn_fdo_unseal(&d->message, cipher,
                                     cairn_bytes_of(to2->sek[0], to2->sek_size), *body, &plain);
    if (err == CAIRN_ERR_BAD_MAC && to2->ambiguous) {
        err = cairn_fdo_unseal(&d->message, cipher, cairn_bytes_of(to2->sek[1], to2->sek_size),
                               *body, &plain);
        memcpy(to2->sek[0], to2->sek[1], sizeof to2->sek[0]);
    }
    to2->ambiguous = false;
    CAIRN_TRY(err);
    *body = plain;
    return CAIRN_OK;
}

static cairn_err refused(cairn_bytes body)
{
    cairn_fdo_error error;
    CAIRN_TRY(cairn_fdo_error_read(body, &error));
    return CAIRN_FAIL(CAIRN_ERR_REFUSED, "FDO 1.1, 5.6", "peer: %u for message %u: %.*s",
                      error.code, error.previous, (int)error.text.size,
                      (const char *)error.text.data);
}

static cairn_err take(cairn_fdo_client *d, uint8_t type, cairn_bytes body,
                      const device_step **ret_next)
{
    const device_step *step = d->step;
    if (type != step->answer)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "FDO 1.1, 4.3", "message: type %u where %u is due",
                          type, step->answer);
    if (body.size > d->message_size_max)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "message: %zu bytes", body.size);
    if (step->unseals)
        CAIRN_TRY(unseal(d, &body));
    return step->take(d, body, ret_next);
}

cairn_err cairn_fdo_client_take(cairn_fdo_client *device, uint8_t type, cairn_bytes body,
                                bool *ret_done)
{
    const device_step *next = NULL;
    if (device->step == NULL || !device->made)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, "house", "device: no answer is due");
    if (type == CAIRN_FDO_ERROR)
        return fail_run(device, 0, refused(body));
    cairn_arena_reset(&device->message);
    cairn_err err = take(device, type, body, &next);
    if (err != CAIRN_OK)
        return fail_run(device, type, err);
    device->made = false;
    device->last_answer = type;
    device->step = next;
    if (next == NULL)
        drop_run(device);
    *ret_done = next == NULL;
    return CAIRN_OK;
}

bool cairn_fdo_client_failure(cairn_fdo_client *device, cairn_fdo_client_message *ret_message)
{
    cairn_bytes body;
    if (device->failed_type == 0)
        return false;
    const cairn_fdo_error error = {.code = (uint16_t)device->failed_code,
                                   .previous = device->failed_type,
                                   .text = cairn_bytes_str(cairn_err_detail())};
    cairn_arena_reset(&device->message);
    device->failed_type = 0;
    if (cairn_fdo_error_encode(&device->message, &error, &body) != CAIRN_OK)
        return false;
    *ret_message = (cairn_fdo_client_message){.type = CAIRN_FDO_ERROR, .body = body};
    return true;
}

static cairn_err forget_owner(cairn_fdo_client *d)
{
    cairn_fdo_client_credential credential = d->credential;
    if (!d->has_credential || !credential.onboarded)
        return CAIRN_OK;
    credential.onboarded = false;
    cairn_arena_reset(&d->message);
    return cairn_fdo_client_adopt(d, &credential);
}

cairn_err cairn_fdo_client_reset(cairn_fdo_client *device) /* [X1353-R10] */
{
    drop_run(device);
    for (size_t i = 0; i < device->config->module_count; i++) {
        const cairn_fdo_client_module *module = device->config->modules[i];
        if (module->forget != NULL)
            CAIRN_TRY(module->forget(module->context));
    }
    return forget_owner(device);
}
