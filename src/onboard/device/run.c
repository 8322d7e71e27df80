/* Drives the machine over a link, as the rendezvous directives say. */
#include <stdlib.h>

#include "onboard/device/device_impl.h"
#include "onboard/device/plan.h"

enum { IDLE_MS_MIN = 20, IDLE_MS_MAX = 2000 }; /* between rounds that say nothing */

typedef struct drive {
    cairn_fdo_client *device;
    const cairn_fdo_client_link *link;
    const cairn_fdo_client_world *world;
    uint8_t *buffer; /* an answer */
    size_t buffer_size;
    char token[CAIRN_FDO_CLIENT_TOKEN_SIZE];
} drive;

static void note(const drive *d, const char *what, const char *url, cairn_err err)
{
    if (d->world->note != NULL)
        d->world->note(d->world->context, what, url, err);
}

/* The peer learns why, if it can; what became of that is nobody's concern. */
static void tell_failure(drive *d, const char *url)
{
    cairn_fdo_client_message message;
    uint8_t type = 0;
    size_t size = 0;
    if (cairn_fdo_client_failure(d->device, &message))
        (void)!d->link->post(d->link->context, url, &message, d->token, d->buffer, d->buffer_size,
                             &type, &size);
}

static cairn_err exchange(drive *d, const char *url, const cairn_fdo_client_message *message,
                          bool *ret_done)
{
    uint8_t type = 0;
    size_t size = 0;
    if (message->is_first)
        d->token[0] = '\0';
    CAIRN_TRY(d->link->post(d->link->context, url, message, d->token, d->buffer, d->buffer_size,
                            &type, &size));
    return cairn_fdo_client_take(d->device, type, cairn_bytes_of(d->buffer, size), ret_done);
}

/* One protocol at one address. */
static cairn_err run_protocol(drive *d, const char *url, cairn_fdo_client_protocol protocol,
                              const cairn_fdo_client_birth *birth)
{
    uint64_t idle_ms = IDLE_MS_MIN;
    CAIRN_TRY(cairn_fdo_client_begin(d->device, protocol, birth));
    for (bool done = false; !done;) {
        cairn_fdo_client_message message;
        cairn_err err = cairn_fdo_client_next(d->device, &message);
        if (err == CAIRN_OK && message.is_idle) {
            d->world->sleep_ms(d->world->context, idle_ms);
            idle_ms = idle_ms * 2 < IDLE_MS_MAX ? idle_ms * 2 : IDLE_MS_MAX;
        } else {
            idle_ms = IDLE_MS_MIN;
        }
        if (err == CAIRN_OK)
            err = exchange(d, url, &message, &done);
        if (err != CAIRN_OK) {
            tell_failure(d, url);
            return err;
        }
    }
    return CAIRN_OK;
}

static cairn_err open_drive(drive *d)
{
    d->buffer_size = d->device->message_size_max;
    d->buffer = malloc(d->buffer_size);
    if (d->buffer == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "device: room for an answer");
    return CAIRN_OK;
}

cairn_err cairn_fdo_client_initialise(cairn_fdo_client *device, const cairn_fdo_client_link *link,
                                      const cairn_fdo_client_world *world, const char *url,
                                      const cairn_fdo_client_birth *birth)
{
    drive d = {.device = device, .link = link, .world = world};
    CAIRN_TRY(open_drive(&d));
    cairn_err err = run_protocol(&d, url, CAIRN_FDO_CLIENT_DI, birth);
    note(&d, "DI", url, err);
    free(d.buffer);
    return err;
}

/* --- directives --- */

static cairn_err run_to2(drive *d, const char *url, cairn_fdo_client_protocol protocol)
{
    cairn_err err = run_protocol(d, url, protocol, NULL);
    note(d, "TO2", url, err);
    return err;
}

/* Each address that the owner has named to the rendezvous service. */
static cairn_err run_redirect(drive *d)
{
    char url[CAIRN_FDO_CLIENT_URL_SIZE];
    cairn_err err = CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "FDO 1.1, 5.4.4",
                               "rv_redirect: no address of a kind that is spoken here");
    for (size_t i = 0; err != CAIRN_OK && cairn_fdo_client_owner_url(d->device, i, url); i++)
        err = run_to2(d, url, CAIRN_FDO_CLIENT_TO2);
    return err;
}

static cairn_err run_address(drive *d, const cairn_fdo_directive *directive, const char *url)
{
    if (directive->bypass)
        return run_to2(d, url, CAIRN_FDO_CLIENT_TO2_DIRECT);
    cairn_err err = run_protocol(d, url, CAIRN_FDO_CLIENT_TO1, NULL);
    note(d, "TO1", url, err);
    return err == CAIRN_OK ? run_redirect(d) : err;
}

static cairn_err run_directive(drive *d, const cairn_fdo_directive *directive)
{
    char url[CAIRN_FDO_CLIENT_URL_SIZE];
    cairn_err err = CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "FDO 1.1, 3.7",
                               "rv_info: no address of a kind that is spoken here");
    for (size_t i = 0; err != CAIRN_OK && cairn_fdo_client_directive_url(directive, i, url); i++)
        err = run_address(d, directive, url);
    return err;
}

static void wait_after(drive *d, uint32_t delay_s)
{
    if (delay_s > 0)
        d->world->sleep_ms(d->world->context, cairn_fdo_client_jitter_ms(
                                                  delay_s, d->world->random(d->world->context)));
}

/* All directives once. The last one is followed by a delay in any case, unless it was the last try.
 */
static cairn_err run_directives(drive *d, const cairn_fdo_rv_info *info, bool last_try)
{
    cairn_err err =
        CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "FDO 1.1, 3.7", "rv_info: nothing for a device");
    for (size_t i = 0; i < info->count; i++) {
        const cairn_fdo_directive *directive = &info->directives[i];
        bool last = i + 1 == info->count;
        if (!directive->owner_only) {
            err = run_directive(d, directive);
            if (err == CAIRN_OK)
                return CAIRN_OK;
        }
        uint32_t delay_s = directive->delay_s;
        if (last && delay_s == 0)
            delay_s = CAIRN_FDO_CLIENT_DELAY_DEFAULT_S;
        if (!(last && last_try))
            wait_after(d, delay_s);
    }
    return err;
}

/* The directives, read from a copy: TO2 replaces the credential that they came from. */
static cairn_err run_attempts(drive *d, cairn_arena *arena, unsigned attempts)
{
    cairn_fdo_rv_info *info = NULL;
    cairn_cbor_reader reader;
    cairn_bytes encoded;
    CAIRN_TRY(cairn_arena_copy(arena, cairn_fdo_client_rv_info(d->device), &encoded));
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &info));
    CAIRN_TRY(cairn_cbor_open(&reader, encoded, CAIRN_CBOR_FOREIGN, "rv_info", "FDO 1.1, 3.7"));
    CAIRN_TRY(cairn_fdo_rv_info_read(&reader, "rv_info", info));
    for (unsigned i = 1;; i++) {
        cairn_err err = run_directives(d, info, i == attempts);
        if (err == CAIRN_OK || i == attempts)
            return err;
        if (attempts == 0)
            i = 0;
    }
}

cairn_err cairn_fdo_client_run(cairn_fdo_client *device, const cairn_fdo_client_link *link,
                               const cairn_fdo_client_world *world, unsigned attempts)
{
    drive d = {.device = device, .link = link, .world = world};
    cairn_arena arena;
    if (cairn_fdo_client_get_state(device) == CAIRN_FDO_CLIENT_BLANK)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "device: it is not initialised");
    CAIRN_TRY(open_drive(&d));
    cairn_arena_init(&arena, 1 << 14);
    cairn_err err = run_attempts(&d, &arena, attempts);
    cairn_arena_done(&arena);
    free(d.buffer);
    return err;
}
