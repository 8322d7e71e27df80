/* The servers of FDO. The first byte says what happens to a run: 0, a message by itself; 1, a
 * message of TO2 is another one; 2, it is changed on its way; 3 and 4, the same before it is
 * sealed; 5, the owner's word is another one. The second byte is the message's type. Whatever
 * comes, each message is answered, no run is left over, and the device is onboarded afterwards as
 * if nothing had been. */
#include "fuzz/fuzz.h"

#include "support/fdo_world.h"

enum { ALONE, OTHER_SEALED, CHANGED_SEALED, OTHER, CHANGED, WORD, MODE_COUNT };

typedef struct change {
    uint8_t type;
    bool replaces;
    cairn_bytes with;
} change;

static void apply(void *context, fdo_device *device, uint8_t type, cairn_bytes *body)
{
    const change *c = context;
    cairn_bytes copy = {0};
    if (type != c->type)
        return;
    FDO_MUST(cairn_arena_copy(&device->world->arena, c->replaces ? c->with : *body, &copy));
    *body = copy;
    if (c->replaces || c->with.size < 2 || copy.size == 0)
        return;
    size_t at = cairn_get_u16(c->with.data) % copy.size;
    for (size_t i = 2; i < c->with.size && at < copy.size; i++)
        ((uint8_t *)(uintptr_t)copy.data)[at++] ^= c->with.data[i];
}

static void run(fdo_device *d, unsigned mode, const change *c)
{
    bool sealed = mode == OTHER_SEALED || mode == CHANGED_SEALED;
    d->sealed = sealed ? apply : NULL;
    d->meddle = sealed ? NULL : apply;
    d->context = (void *)(uintptr_t)c;
    (void)fdo_device_to1(d);
    (void)fdo_device_to2(d);
    d->sealed = NULL;
    d->meddle = NULL;
}

static void ask_alone(fdo_world *w, const change *c)
{
    fdo_reply reply = fdo_ask(w, c->type, (cairn_bytes){0}, c->with);
    CAIRN_ASSERT(c->type == CAIRN_FDO_ERROR || reply.code != 0 || reply.token.size != 0);
    if (reply.token.size != 0)
        (void)fdo_ask(w, CAIRN_FDO_ERROR, reply.token, (cairn_bytes){0});
}

static void say_word(fdo_world *w, const change *c)
{
    fdo_reply reply = fdo_ask(w, CAIRN_FDO_TO0_HELLO, (cairn_bytes){0}, cairn_bytes_of("\x80", 1));
    reply = fdo_ask(w, CAIRN_FDO_TO0_OWNER_SIGN, reply.token, c->with);
    CAIRN_ASSERT(reply.code != 0); /* its nonce cannot be known */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fdo_world w;
    static fdo_device d;
    uint32_t wait_s = 0;
    if (w.service == NULL) {
        fdo_world_init(&w);
        fdo_device_init(&d, &w, CAIRN_KEY_P256);
        CAIRN_ASSERT(fdo_device_di(&d) == 0);
        FDO_MUST(fdo_to0(&w, &d.guid, &wait_s));
    }
    if (size < 2 || size > CAIRN_FDO_MESSAGE_SIZE_MAX)
        return 0;
    unsigned mode = data[0] % MODE_COUNT;
    const change c = {.type = data[1],
                      .replaces = mode == OTHER || mode == OTHER_SEALED,
                      .with = cairn_bytes_of(data + 2, size - 2)};
    if (mode == ALONE)
        ask_alone(&w, &c);
    else if (mode == WORD)
        say_word(&w, &c);
    else
        run(&d, mode, &c);
    cairn_clock_manual_advance_ms(&w.manual, 60000);
    w.manual.wall_ms -= 60000; /* runs expire, words and graces do not */
    CAIRN_ASSERT(cairn_fdo_service_count(w.service) == 0);
    CAIRN_ASSERT(mode == ALONE || mode == WORD || fdo_device_to2(&d) == 0);
    cairn_arena_reset(&w.arena);
    return 0;
}
