/* Writes the seeds of the decoders about devices: `seed-onboard DIRECTORY`, which is
 * tests/fuzz/corpus. By hand, when a format changes. */
#include <sys/stat.h>

#include "onboard/passport.h"
#include "support/onboard_world.h"

static const char *directory;

static void save(const char *name, uint8_t choice, cairn_bytes data)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/onboard", directory);
    (void)mkdir(path, 0777); /* there already, or fopen tells */
    (void)snprintf(path, sizeof path, "%s/onboard/%s", directory, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fputc(choice, file) == EOF ||
        fwrite(data.data, 1, data.size, file) != data.size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

/* The body of a row, said, so that what follows finds it. */
static void say(memory_ledger *m, world_device *d, uint8_t key, size_t row, cairn_bytes body)
{
    const cairn_tx_row *tx = &cairn_onboard_feature.transactions[row];
    save(tx->name + strlen("onboard."), (uint8_t)row, body);
    MEMORY_MUST(world_say(m, key, tx->type, body));
    d->version++;
}

static void save_record(memory_ledger *m, const char *name, const char *prefix, uint8_t choice,
                        const cairn_hash *key)
{
    cairn_bytes record;
    MEMORY_MUST(memory_get(m, CAIRN_MAP_STATE, prefix, cairn_bytes_hash(key), &record));
    save(name, choice, record);
}

static void save_passport(memory_ledger *m, const world_device *d, const world_device *next,
                          uint8_t choice)
{
    const cairn_passport_party party = {.version = 2, .org = memory_org(WORLD_MAKER)};
    cairn_passport passport;
    cairn_bytes bytes;
    MEMORY_MUST(cairn_passport_new(&m->arena, &m->id, &d->guid, &d->salt, &passport));
    MEMORY_MUST(cairn_passport_sold(&m->arena, &passport, &party, &passport));
    MEMORY_MUST(cairn_passport_renewed(&m->arena, &passport, &next->guid, &next->salt, &passport));
    MEMORY_MUST(cairn_passport_encode(&m->arena, &passport, &bytes));
    save("passport", choice, bytes);
}

int main(int argc, char **argv)
{
    memory_ledger m;
    if (argc != 2) {
        fputs("usage: seed-onboard DIRECTORY\n", stderr);
        return 2;
    }
    directory = argv[1];
    const uint8_t others = (uint8_t)cairn_onboard_feature.transaction_count;
    world_begin(&m);
    world_device d = world_make(&m, 1, 0, WORLD_MAKER_KEY), terms = d;
    world_device next = world_make(&m, 1, 1, WORLD_OWNER_KEY);
    const cairn_bytes offer =
        world_propose(&m, WORLD_OWNER, WORLD_OPERATOR, WORLD_OWNER_KEY, WORLD_NOW + 9000);
    const cairn_bytes tx = world_tx(&m, WORLD_OWNER, CAIRN_TX_CONTRACT_PROPOSE, offer);
    const cairn_hash id = memory_id(tx);
    save("contract.propose", 7, offer);
    MEMORY_MUST(memory_send(&m, WORLD_NOW, tx));
    say(&m, &terms, WORLD_OPERATOR, 8, world_accept(&m, &id, 1));
    say(&m, &d, WORLD_MAKER, 0, world_register(&m, &d));
    say(&m, &d, WORLD_MAKER, 1, world_transfer(&m, &d, WORLD_MAKER, WORLD_OWNER_KEY));
    say(&m, &d, WORLD_OWNER, 2, world_claim(&m, &d, WORLD_OWNER, &id));
    say(&m, &d, WORLD_OWNER, 3, world_announce(&m, &d, cairn_bytes_str("to1d"), WORLD_NOW + 5000));
    say(&m, &d, WORLD_OWNER, 4, world_event(&m, &d, CAIRN_DEVICE_SUSPEND));
    save_record(&m, "record-device", "device/", others, &d.index);
    MEMORY_MUST(world_say(&m, WORLD_OWNER, CAIRN_TX_DEVICE_EVENT,
                          world_event(&m, &d, CAIRN_DEVICE_RESUME)));
    d.version++;
    say(&m, &d, WORLD_OWNER, 5, world_onboarded(&m, &d, &next));
    save_record(&m, "record-replaced", "device/", others, &d.index);
    say(&m, &next, WORLD_OWNER, 6, world_renew_many(&m, &next, 1, WORLD_MAKER, &id));
    save_record(&m, "record-contract", "contract/", (uint8_t)(others + 2), &id);
    say(&m, &terms, WORLD_OWNER, 9, world_end(&m, &id, 2));
    save("device.bar", 10, world_bar(&m, &next));
    save_passport(&m, &d, &next, (uint8_t)(others + 1));
    world_done(&d);
    world_done(&next);
    memory_end(&m);
    return 0;
}
