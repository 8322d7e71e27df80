/* [X1353-R08] Sales, claims and the rest of devices' lives, many at once and many of them late,
 * doubled or stolen, against a naive model and on four validators' ledgers. Each validator judges
 * other orders of a block before the one that is decided, as in rounds that came to nothing. Then:
 * all have the model's verdicts and one another's roots, and of one version of a device exactly one
 * change commits.
 *
 *   sim_devices [--trials N] [--seed S]      a failure prints the seed of its trial */
#include <stdio.h>
#include <stdlib.h>

#include "sim/prng.h"
#include "support/onboard_world.h"

enum {
    REPLICAS = 4,
    DEVICES = 6, /* each of which may have a second life: */
    LIVES = 2 * DEVICES,
    BLOCKS = 50,
    BLOCK_TXS = 6,
    OWNER_KEYS = 3,
};

static const uint8_t keys[OWNER_KEYS] = {WORLD_OWNER_KEY, WORLD_BUYER_KEY, WORLD_THIRD_KEY};
static const uint8_t orgs[] = {WORLD_MAKER, WORLD_OWNER, WORLD_BUYER, WORLD_RIVAL};
enum { ORGS = sizeof orgs / sizeof orgs[0] };

#define CHECK(what, ...)                                                          \
    do {                                                                          \
        if (!(what)) {                                                            \
            fprintf(stderr, "sim_devices: seed %llu: ", (unsigned long long)now); \
            fprintf(stderr, __VA_ARGS__);                                         \
            fputc('\n', stderr);                                                  \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

static uint64_t now; /* seed of the trial */

/* --- the model: numbers alone --- */

typedef struct model_device {
    unsigned state; /* 0: not there */
    unsigned resume;
    uint64_t version;
    uint8_t owner_key;
    uint8_t owner; /* signing key of the organisation; 0: nobody */
    uint8_t maker;
    unsigned head; /* how many sales it has come through */
} model_device;

typedef struct model {
    model_device devices[LIVES];
    unsigned pool[256][256]; /* by owner and maker */
} model;

/* What somebody has in his hands: a voucher and what he believes of the record. */
typedef struct holding {
    world_device device;
    unsigned head;
} holding;

typedef struct attempt {
    unsigned kind; /* a cairn_device_event, or: */
    unsigned device;
    uint8_t signer;
    uint64_t version;
    uint8_t by_key, to_key;
    unsigned from_head;
    holding after; /* of a sale */
    cairn_bytes tx;
} attempt;

enum { REGISTER = 20, RENEW = 21 };

static cairn_err model_next(model_device *d, unsigned event)
{
    static const char *const table[] = {"",
                                        "uc....s.v.t",
                                        "uc......v..",
                                        "ucab.xs.vut",
                                        "ucab.xs.vut",
                                        "..a.cxs.vut",
                                        "uo....s.vut",
                                        ".......=v.t",
                                        "...........",
                                        "...........",
                                        "..........."};
    static const char letters[] = ".gucabosvtx";
    char to = table[d->state][event - 1];
    if (to == '.')
        return CAIRN_ERR_CLOSED;
    const unsigned before = d->state;
    d->state = to == '=' ? d->resume : (unsigned)(strchr(letters, to) - letters);
    d->resume = event == CAIRN_DEVICE_SUSPEND ? before : 0;
    return CAIRN_OK;
}

static cairn_err model_holder(const model_device *d, uint8_t signer)
{
    bool unsold = d->state == CAIRN_DEVICE_REGISTERED ||
                  (d->state == CAIRN_DEVICE_SUSPENDED && d->resume == CAIRN_DEVICE_REGISTERED);
    return (unsold ? d->maker : d->owner) == signer ? CAIRN_OK : CAIRN_ERR_TX_FORBIDDEN;
}

static cairn_err model_create(model *m, const attempt *a)
{
    model_device *d = &m->devices[a->device];
    const bool renew = a->kind == RENEW;
    if (!renew && a->signer != WORLD_MAKER && a->signer != WORLD_RIVAL)
        return CAIRN_ERR_TX_FORBIDDEN;
    if (renew && m->pool[a->signer][WORLD_MAKER] == 0)
        return CAIRN_ERR_TOO_MANY;
    if (d->state != 0)
        return CAIRN_ERR_EXISTS;
    *d = (model_device){.state = renew ? CAIRN_DEVICE_ONBOARDED : CAIRN_DEVICE_REGISTERED,
                        .version = 1,
                        .owner_key = renew ? WORLD_OWNER_KEY : WORLD_MAKER_KEY,
                        .owner = renew ? a->signer : 0,
                        .maker = renew ? WORLD_MAKER : a->signer};
    if (renew)
        m->pool[a->signer][WORLD_MAKER]--;
    return CAIRN_OK;
}

static void model_release(model_device *d)
{
    if (d->state == CAIRN_DEVICE_UNCLAIMED)
        d->owner = 0;
}

static cairn_err model_sell(model_device *d, const attempt *a)
{
    CAIRN_TRY(model_next(d, CAIRN_DEVICE_TRANSFER));
    if (d->owner != 0 && d->owner != a->signer)
        return CAIRN_ERR_TX_FORBIDDEN;
    if (d->owner_key != a->by_key)
        return CAIRN_ERR_TX_FORBIDDEN;
    if (d->head != a->from_head)
        return CAIRN_ERR_MISMATCH;
    d->owner_key = a->to_key;
    d->head++;
    return CAIRN_OK;
}

static cairn_err model_claim(model_device *d, const attempt *a)
{
    CAIRN_TRY(model_next(d, CAIRN_DEVICE_CLAIM));
    if (d->owner_key != a->by_key || (d->owner != 0 && d->owner != a->signer))
        return CAIRN_ERR_TX_FORBIDDEN;
    d->owner = a->signer;
    return CAIRN_OK;
}

/* Table before holder, but for events that need nothing else. */
static cairn_err model_change(model *m, model_device *d, const attempt *a)
{
    switch (a->kind) {
    case CAIRN_DEVICE_TRANSFER:
        return model_sell(d, a);
    case CAIRN_DEVICE_CLAIM:
        return model_claim(d, a);
    case CAIRN_DEVICE_ANNOUNCE:
    case CAIRN_DEVICE_REPLACE:
        CAIRN_TRY(model_next(d, a->kind));
        CAIRN_TRY(model_holder(d, a->signer));
        m->pool[a->signer][d->maker] += a->kind == CAIRN_DEVICE_REPLACE;
        return CAIRN_OK;
    default:
        CAIRN_TRY(model_holder(d, a->signer));
        return model_next(d, a->kind);
    }
}

/* The verdict; what is refused changes nothing. */
static cairn_err model_judge(model *m, const attempt *a)
{
    model_device *d = &m->devices[a->device];
    const model_device before = *d;
    if (a->kind >= REGISTER)
        return model_create(m, a);
    if (d->state == 0)
        return CAIRN_ERR_NOT_FOUND;
    if (d->version != a->version)
        return CAIRN_ERR_TX_WRONG_VERSION;
    cairn_err err = model_change(m, d, a);
    if (err != CAIRN_OK) {
        *d = before;
        return err;
    }
    d->version++;
    model_release(d);
    return CAIRN_OK;
}

/* --- the world --- */

typedef struct world {
    memory_ledger m[REPLICAS];
    model model;
    holding newest[LIVES];  /* of who owns it */
    holding earlier[LIVES]; /* of who did */
    sim_rng rng;
} world;

static uint8_t any_org(world *w)
{
    return orgs[sim_rng_below(&w->rng, ORGS)];
}

/* Mostly who may. */
static uint8_t some_signer(world *w, const model_device *d)
{
    uint8_t holder = d->owner != 0 ? d->owner : d->maker;
    return holder == 0 || sim_rng_percent(&w->rng, 15) ? any_org(w) : holder;
}

static void write_sale(world *w, attempt *a, const holding *from)
{
    a->after = *from;
    a->after.device.head.owner = cairn_fdo_key_ref(from->device.head.owner);
    a->by_key = from->device.owner_key;
    a->to_key = keys[sim_rng_below(&w->rng, OWNER_KEYS)];
    a->from_head = from->head;
    a->after.head++;
    a->after.device.version = a->version;
    a->tx = world_tx(&w->m[0], a->signer, CAIRN_TX_DEVICE_TRANSFER,
                     world_transfer(&w->m[0], &a->after.device, a->signer, a->to_key));
}

static void write_change(world *w, attempt *a, const holding *from)
{
    memory_ledger *m = &w->m[0];
    const world_device *next = &w->newest[(a->device + DEVICES) % LIVES].device;
    world_device d = from->device;
    uint16_t type = CAIRN_TX_DEVICE_EVENT;
    cairn_bytes body;
    d.version = a->version;
    a->by_key = d.owner_key;
    if (a->kind == CAIRN_DEVICE_CLAIM) {
        type = CAIRN_TX_DEVICE_CLAIM;
        body = world_claim(m, &d, a->signer, NULL);
    } else if (a->kind == CAIRN_DEVICE_ANNOUNCE) {
        type = CAIRN_TX_DEVICE_ANNOUNCE;
        body = world_announce(m, &d, cairn_bytes_str("to1d"), WORLD_NOW + 60000);
    } else if (a->kind == CAIRN_DEVICE_REPLACE) {
        type = CAIRN_TX_DEVICE_ONBOARDED;
        body = world_onboarded(m, &d, next);
    } else
        body = world_event(m, &d, (cairn_device_event)a->kind);
    a->tx = world_tx(m, a->signer, type, body);
}

static void write_creation(world *w, attempt *a)
{
    memory_ledger *m = &w->m[0];
    const world_device *d = &w->newest[a->device].device;
    const bool renew = a->device >= DEVICES;
    a->kind = renew ? RENEW : REGISTER;
    a->signer = renew ? some_signer(w, &w->model.devices[a->device - DEVICES])
                      : (sim_rng_percent(&w->rng, 90) ? WORLD_MAKER : any_org(w));
    a->tx = renew ? world_tx(m, a->signer, CAIRN_TX_DEVICE_RENEW,
                             world_renew_many(m, d, 1, WORLD_MAKER, NULL))
                  : world_tx(m, a->signer, CAIRN_TX_DEVICE_REGISTER, world_register(m, d));
}

/* Ends are rare, or nothing would be left to be sold. */
static unsigned some_kind(world *w)
{
    static const uint8_t kinds[] = {1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 6, 6, 7, 8, 8, 10};
    static const uint8_t ends[] = {9, 11};
    return sim_rng_percent(&w->rng, 2) ? ends[sim_rng_below(&w->rng, 2)]
                                       : kinds[sim_rng_below(&w->rng, sizeof kinds)];
}

/* One that is there, or could be. */
static unsigned some_device(world *w)
{
    for (;;) {
        const unsigned d = (unsigned)sim_rng_below(&w->rng, LIVES);
        if (d < DEVICES || w->model.devices[d].state != 0 || sim_rng_percent(&w->rng, 10) ||
            w->model.pool[w->model.devices[d - DEVICES].owner][WORLD_MAKER] > 0)
            return d;
    }
}

/* Somebody does something, from what he has: the newest, or what he once had, at the version that
 * he knows or at the one that he would like. */
static attempt invent(world *w, unsigned device)
{
    attempt a = {.device = device, .kind = some_kind(w)};
    const model_device *d = &w->model.devices[device];
    if (d->state == 0 || sim_rng_percent(&w->rng, 4)) {
        write_creation(w, &a);
        return a;
    }
    const bool late = sim_rng_percent(&w->rng, 15);
    const holding *from = late ? &w->earlier[device] : &w->newest[device];
    a.signer = some_signer(w, d);
    a.version = late && sim_rng_percent(&w->rng, 50) ? d->version - 1 : d->version;
    a.version += a.version == 0;
    if (a.kind == CAIRN_DEVICE_TRANSFER)
        write_sale(w, &a, from);
    else
        write_change(w, &a, from);
    return a;
}

/* --- a block on four ledgers --- */

static void shuffle(sim_rng *rng, cairn_bytes *txs, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)sim_rng_below(rng, i);
        const cairn_bytes swap = txs[i - 1];
        txs[i - 1] = txs[j];
        txs[j] = swap;
    }
}

/* A round that came to nothing: the block in another order, judged and given up. */
static void judge_in_vain(world *w, memory_ledger *m, const attempt *attempts, size_t count)
{
    cairn_bytes txs[BLOCK_TXS];
    cairn_tx_input inputs[BLOCK_TXS] = {{.verified = false}};
    cairn_block block = {.changed = false};
    for (size_t i = 0; i < count; i++)
        txs[i] = attempts[i].tx;
    shuffle(&w->rng, txs, count);
    for (size_t i = 0; i < count; i++)
        MEMORY_MUST(cairn_tx_decode(txs[i], &inputs[i].tx));
    cairn_arena_reset(&m->blocks);
    MEMORY_MUST(cairn_ledger_apply(m->ledger, &memory_bases, m->height + 1, WORLD_NOW, inputs,
                                   count, &m->blocks, &block));
    cairn_block_discard(&block);
}

static void decide(world *w, const attempt *attempts, size_t count)
{
    cairn_bytes txs[BLOCK_TXS];
    for (size_t i = 0; i < count; i++)
        txs[i] = attempts[i].tx;
    for (size_t r = 0; r < REPLICAS; r++) {
        for (uint64_t i = sim_rng_below(&w->rng, 3); i > 0; i--)
            judge_in_vain(w, &w->m[r], attempts, count);
        (void)memory_block(&w->m[r], WORLD_NOW, txs, count);
    }
}

static void check_same(const world *w)
{
    const cairn_block *first = &w->m[0].block;
    for (size_t r = 1; r < REPLICAS; r++) {
        const cairn_block *other = &w->m[r].block;
        CHECK(first->entry_size == other->entry_size &&
                  memcmp(first->entry_bytes, other->entry_bytes, first->entry_size) == 0 &&
                  cairn_hash_equal(&first->log_root, &other->log_root),
              "validator %zu has another block", r);
    }
}

/* The model judges each, in order; what was accepted moves what its owner has. */
static void check_verdicts(world *w, attempt *attempts, size_t count)
{
    unsigned changes[LIVES] = {0};
    uint64_t versions[LIVES];
    for (unsigned d = 0; d < LIVES; d++)
        versions[d] = w->model.devices[d].version;
    for (size_t i = 0; i < count; i++) {
        attempt *a = &attempts[i];
        const cairn_err want = model_judge(&w->model, a);
        for (size_t r = 0; r < REPLICAS; r++) {
            const cairn_err got = w->m[r].block.outcome.results[i].code;
            CHECK(got == want, "device %u, kind %u: %s instead of %s at validator %zu", a->device,
                  a->kind, cairn_err_name(got), cairn_err_name(want), r);
        }
        if (want == CAIRN_OK)
            changes[a->device]++;
        if (a->kind != CAIRN_DEVICE_TRANSFER)
            continue;
        holding *gone = want == CAIRN_OK ? &w->earlier[a->device] : &a->after;
        world_done(&gone->device);
        if (want == CAIRN_OK) {
            *gone = w->newest[a->device];
            w->newest[a->device] = a->after;
        }
    }
    for (unsigned d = 0; d < LIVES; d++)
        CHECK(w->model.devices[d].version == versions[d] + changes[d],
              "device %u: a version was made twice", d);
}

static void check_records(world *w)
{
    for (unsigned d = 0; d < LIVES; d++) {
        const model_device *want = &w->model.devices[d];
        cairn_bytes raw;
        cairn_device got;
        cairn_err err = memory_get(&w->m[1], CAIRN_MAP_STATE, "device/",
                                   cairn_bytes_hash(&w->newest[d].device.index), &raw);
        CHECK((err == CAIRN_OK) == (want->state != 0), "device %u: %s", d, cairn_err_name(err));
        if (err != CAIRN_OK)
            continue;
        MEMORY_MUST(cairn_device_decode(&w->m[1].arena, raw, &got));
        const cairn_hash key = world_owner_key(want->owner_key);
        CHECK(got.state == want->state && got.version == want->version &&
                  got.entry_count == want->head && cairn_hash_equal(&got.owner_key, &key),
              "device %u: another record", d);
    }
}

static void step(world *w)
{
    attempt attempts[BLOCK_TXS];
    const size_t count = 1 + (size_t)sim_rng_below(&w->rng, BLOCK_TXS);
    const unsigned crowd = some_device(w); /* wants this one */
    for (size_t i = 0; i < count; i++)
        attempts[i] = invent(
            w, sim_rng_percent(&w->rng, 60) ? crowd : (unsigned)sim_rng_below(&w->rng, LIVES));
    decide(w, attempts, count);
    check_same(w);
    check_verdicts(w, attempts, count);
}

static void begin(world *w)
{
    memory_begin(&w->m[0], 1, NULL);
    for (size_t r = 1; r < REPLICAS; r++) {
        cairn_arena_init(&w->m[r].arena, (size_t)1 << 30);
        memory_open(&w->m[r], &cairn_all_features, w->m[0].genesis);
    }
    for (size_t i = 0; i < WORLD_ORG_COUNT; i++) {
        const cairn_bytes tx =
            world_tx(&w->m[0], WORLD_MEMBER, CAIRN_TX_APPROVAL_PROPOSE,
                     memory_propose(&w->m[0].arena, CAIRN_TX_ORG_ADMIT,
                                    world_admit(&w->m[0], &world_orgs[i]), WORLD_NOW + 1000));
        for (size_t r = 0; r < REPLICAS; r++)
            MEMORY_MUST(memory_send(&w->m[r], WORLD_NOW, tx));
    }
    for (unsigned d = 0; d < LIVES; d++) {
        const uint8_t number = (uint8_t)(d % DEVICES), life = d >= DEVICES;
        const uint8_t key = life == 0 ? WORLD_MAKER_KEY : WORLD_OWNER_KEY;
        w->newest[d].device = world_make(&w->m[0], number, life, key);
        w->earlier[d].device = world_make(&w->m[0], number, life, key);
    }
}

static void trial(uint64_t seed)
{
    static world w;
    now = seed;
    w = (world){.rng = sim_rng_derive(seed, 1)};
    begin(&w);
    for (unsigned i = 0; i < BLOCKS; i++)
        step(&w);
    check_records(&w);
    for (unsigned d = 0; d < LIVES; d++) {
        world_done(&w.newest[d].device);
        world_done(&w.earlier[d].device);
    }
    for (size_t r = 0; r < REPLICAS; r++) {
        w.m[r].genesis = (cairn_bytes){0};
        memory_end(&w.m[r]);
    }
}

static uint64_t option(int argc, char **argv, const char *name, uint64_t otherwise)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return strtoull(argv[i + 1], NULL, 10);
    return otherwise;
}

int main(int argc, char **argv)
{
    const uint64_t seed = option(argc, argv, "--seed", 1);
    const uint64_t trials = option(argc, argv, "--trials", 20);
    for (uint64_t i = 0; i < trials; i++)
        trial(seed + i);
    printf("sim_devices: %llu trials from seed %llu\n", (unsigned long long)trials,
           (unsigned long long)seed);
    return 0;
}
