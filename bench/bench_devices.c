/* What a device costs on the ledger: bytes of transactions and of its record, and CPU time of one
 * thread to apply, for each step of its life, in batches of 128 and alone; signatures of vouchers
 * are verified, those of transactions were before. In memory. Usage: bench-devices. */
#include <time.h>

#include "support/onboard_world.h"

enum { BATCH = 128, ROUNDS = 9 };

static double cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Applies and commits a transaction about `count` devices; its CPU time for each. */
static double apply(memory_ledger *m, uint8_t key, uint16_t type, cairn_bytes body, size_t count,
                    size_t *ret_size)
{
    const cairn_bytes tx = world_tx(m, key, type, body);
    cairn_tx_input input = {.verified = true};
    MEMORY_MUST(cairn_tx_decode(tx, &input.tx));
    cairn_arena_reset(&m->blocks);
    const double start = cpu_us();
    MEMORY_MUST(cairn_ledger_apply(m->ledger, &memory_bases, ++m->height, WORLD_NOW, &input, 1,
                                   &m->blocks, &m->block));
    MEMORY_MUST(m->block.outcome.results[0].code);
    MEMORY_MUST(cairn_ledger_commit(m->ledger, &m->block));
    *ret_size = tx.size / count;
    return (cpu_us() - start) / (double)count;
}

typedef struct figures {
    const char *name;
    double us[ROUNDS];
    size_t tx_size, record_size;
} figures;

static void note(figures *f, memory_ledger *m, const world_device *d, unsigned round, double us)
{
    const cairn_device device = world_record(m, d);
    cairn_bytes record;
    MEMORY_MUST(cairn_device_encode(&m->arena, &device, &record));
    f->us[round] = us;
    f->record_size = record.size;
}

static cairn_bytes sell_all(memory_ledger *m, world_device *devices, size_t count)
{
    static cairn_device_sale rows[BATCH];
    cairn_bytes body;
    for (size_t i = 0; i < count; i++)
        rows[i] = (cairn_device_sale){.index = devices[i].index,
                                      .version = devices[i].version,
                                      .entry = world_sell(m, &devices[i], WORLD_OWNER_KEY),
                                      .party = devices[i].salt};
    MEMORY_MUST(cairn_device_transfer_body(
        &m->arena, rows, count, cairn_fdo_key_encoded(world_key(WORLD_MAKER_KEY)), &body));
    return body;
}

static cairn_bytes claim_all(memory_ledger *m, const world_device *devices, size_t count)
{
    static cairn_device_row rows[BATCH];
    const cairn_hash org = memory_org(WORLD_OWNER);
    cairn_bytes body;
    cairn_device_claim claim = {
        .rows = {.count = count, .rows = rows},
        .public_key = cairn_fdo_key_encoded(world_key(WORLD_OWNER_KEY)),
        .platform = world_number("platform", 1),
        .policy = world_number("policy", 1),
    };
    for (size_t i = 0; i < count; i++)
        rows[i] = (cairn_device_row){.index = devices[i].index, .version = devices[i].version};
    claim.proof = world_proof(m, &org, rows, count, WORLD_OWNER_KEY);
    MEMORY_MUST(cairn_device_claim_body(&m->arena, &claim, &body));
    return body;
}

static cairn_bytes onboard_all(memory_ledger *m, const world_device *devices, size_t count)
{
    static cairn_device_onboarding rows[BATCH];
    cairn_bytes body;
    for (size_t i = 0; i < count; i++)
        rows[i] = (cairn_device_onboarding){
            .index = devices[i].index, .version = devices[i].version, .successor = devices[i].salt};
    MEMORY_MUST(cairn_device_onboarded_body(&m->arena, rows, count, &body));
    return body;
}

static void advance(world_device *devices, size_t count)
{
    for (size_t i = 0; i < count; i++)
        devices[i].version++;
}

enum { REGISTER, TRANSFER, CLAIM, ONBOARDED, RENEW, STEPS };

/* One batch through its life; every round has devices of its own. */
static void live(memory_ledger *m, unsigned round, size_t count, figures f[STEPS])
{
    static world_device devices[BATCH], next[BATCH];
    for (size_t i = 0; i < count; i++) {
        devices[i] = world_make(m, (uint8_t)i, (uint8_t)(2 * round + 2), WORLD_MAKER_KEY);
        devices[i].nullifier = devices[i].salt;
        next[i] = world_make(m, (uint8_t)i, (uint8_t)(2 * round + 3), WORLD_OWNER_KEY);
    }
    double us = apply(m, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER,
                      world_register_many(m, devices, count), count, &f[REGISTER].tx_size);
    note(&f[REGISTER], m, devices, round, us);
    advance(devices, count);
    us = apply(m, WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER, sell_all(m, devices, count), count,
               &f[TRANSFER].tx_size);
    note(&f[TRANSFER], m, devices, round, us);
    advance(devices, count);
    us = apply(m, WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM, claim_all(m, devices, count), count,
               &f[CLAIM].tx_size);
    note(&f[CLAIM], m, devices, round, us);
    advance(devices, count);
    us = apply(m, WORLD_OWNER, CAIRN_TX_DEVICE_ONBOARDED, onboard_all(m, devices, count), count,
               &f[ONBOARDED].tx_size);
    note(&f[ONBOARDED], m, devices, round, us);
    us = apply(m, WORLD_OWNER, CAIRN_TX_DEVICE_RENEW,
               world_renew_many(m, next, count, WORLD_MAKER, NULL), count, &f[RENEW].tx_size);
    note(&f[RENEW], m, next, round, us);
    for (size_t i = 0; i < count; i++) {
        world_done(&devices[i]);
        world_done(&next[i]);
    }
}

static void run(size_t count)
{
    figures f[STEPS] = {{.name = "register"},
                        {.name = "transfer"},
                        {.name = "claim"},
                        {.name = "onboarded"},
                        {.name = "renew"}};
    memory_ledger m;
    world_begin(&m);
    for (unsigned round = 0; round < ROUNDS; round++)
        live(&m, round, count, f);
    memory_end(&m);
    printf("%zu in a transaction\n  %-12s %10s %10s %10s %10s\n", count, "for each", "tx bytes",
           "record", "best us", "median us");
    for (size_t i = 0; i < STEPS; i++) {
        qsort(f[i].us, ROUNDS, sizeof *f[i].us, by_value);
        printf("  %-12s %10zu %10zu %10.1f %10.1f\n", f[i].name, f[i].tx_size, f[i].record_size,
               f[i].us[0], f[i].us[ROUNDS / 2]);
    }
}

int main(void)
{
    run(BATCH);
    run(1);
    return 0;
}
