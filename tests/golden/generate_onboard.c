/* Vectors of the transactions about devices and contracts. */
#include "golden/generate.h"
#include "support/onboard_world.h"

static void begin(vectors *v, const char *directory, const char *name)
{
    vectors_begin(v, directory, name, 1, NULL);
    for (size_t i = 0; i < WORLD_ORG_COUNT; i++)
        vector_act(v, world_orgs[i].name, CAIRN_TX_ORG_ADMIT, world_admit(&v->m, &world_orgs[i]),
                   CAIRN_OK);
}

/* Says it, and the holder of the device knows its next version. */
static void step(vectors *v, const char *label, uint8_t key, uint16_t type, world_device *d,
                 cairn_bytes body)
{
    vector(v, label, key, type, body, CAIRN_OK);
    d->version++;
}

static world_device registered(vectors *v, uint8_t number)
{
    world_device d = world_make(&v->m, number, 0, WORLD_MAKER_KEY);
    step(v, "register", WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, &d, world_register(&v->m, &d));
    return d;
}

static world_device claimed(vectors *v, uint8_t number)
{
    world_device d = registered(v, number);
    step(v, "sell", WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER, &d,
         world_transfer(&v->m, &d, WORLD_MAKER, WORLD_OWNER_KEY));
    step(v, "claim", WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM, &d,
         world_claim(&v->m, &d, WORLD_OWNER, NULL));
    return d;
}

static void write_registrations(const char *directory)
{
    vectors v;
    begin(&v, directory, "onboard.device.register");
    world_device one = world_make(&v.m, 1, 0, WORLD_MAKER_KEY);
    world_device two = world_make(&v.m, 2, 0, WORLD_MAKER_KEY);
    const cairn_bytes body = world_register(&v.m, &one);
    vector(&v, "no-manufacturer", WORLD_OWNER, CAIRN_TX_DEVICE_REGISTER, body,
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "first", WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, body, CAIRN_OK);
    vector(&v, "again", WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, body, CAIRN_ERR_EXISTS);
    const cairn_hash key = two.nullifier;
    two.nullifier = one.nullifier;
    vector(&v, "key-of-another", WORLD_RIVAL, CAIRN_TX_DEVICE_REGISTER, world_register(&v.m, &two),
           CAIRN_ERR_EXISTS);
    two.nullifier = key;
    cairn_device_new_row row;
    cairn_device_registration r = {.rows = {.count = 1, .rows = &row},
                                   .nullifiers = {.count = 1, .rows = &two.nullifier},
                                   .owner_key = world_owner_key(WORLD_MAKER_KEY),
                                   .algorithm = 12,
                                   .model = world_number("model", 1),
                                   .next_algorithm = 48};
    cairn_bytes odd;
    world_new_rows(&two, 1, &row, NULL);
    MEMORY_MUST(cairn_device_register_body(&v.m.arena, &r, &odd));
    vector(&v, "unknown-algorithm", WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, odd,
           CAIRN_ERR_BAD_ALGORITHM);
    r.algorithm = CAIRN_DEVICE_P384;
    MEMORY_MUST(cairn_device_register_body(&v.m.arena, &r, &odd));
    vector(&v, "no-next-key", WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, odd, CAIRN_ERR_BAD_VALUE);
    vectors_end(&v);
    world_done(&one);
    world_done(&two);
}

static void write_transfers(const char *directory)
{
    vectors v;
    begin(&v, directory, "onboard.device.transfer");
    world_device d = registered(&v, 1), other = world_make(&v.m, 1, 0, WORLD_MAKER_KEY);
    other.version = 1;
    const cairn_bytes entry = world_sell(&v.m, &d, WORLD_OWNER_KEY);
    const cairn_bytes to_buyer = world_transfer(&v.m, &other, WORLD_MAKER, WORLD_BUYER_KEY);
    vector(&v, "another's-key", WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
           world_transfer_of(&v.m, &d, WORLD_OWNER, WORLD_OWNER_KEY, cairn_bytes_str("x")),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "no-entry", WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
           world_transfer_of(&v.m, &d, WORLD_MAKER, WORLD_MAKER_KEY, cairn_bytes_str("x")),
           CAIRN_ERR_TRUNCATED);
    vector(&v, "sold", WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
           world_transfer_of(&v.m, &d, WORLD_MAKER, WORLD_MAKER_KEY, entry), CAIRN_OK);
    vector(&v, "sold-twice", WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER, to_buyer,
           CAIRN_ERR_TX_WRONG_VERSION);
    d.version = 2;
    vector(&v, "entry-replayed", WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
           world_transfer_of(&v.m, &d, WORLD_OWNER, WORLD_OWNER_KEY, entry),
           CAIRN_ERR_BAD_SIGNATURE);
    vector(&v, "sold-by-the-buyer", WORLD_RIVAL, CAIRN_TX_DEVICE_TRANSFER,
           world_transfer(&v.m, &d, WORLD_OWNER, WORLD_BUYER_KEY), CAIRN_OK);
    vectors_end(&v);
    world_done(&d);
    world_done(&other);
}

static void write_claims(const char *directory)
{
    vectors v;
    begin(&v, directory, "onboard.device.claim");
    world_device d = registered(&v, 1);
    step(&v, "sell", WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER, &d,
         world_transfer(&v.m, &d, WORLD_MAKER, WORLD_OWNER_KEY));
    const cairn_hash id =
        vector(&v, "propose", WORLD_OWNER, CAIRN_TX_CONTRACT_PROPOSE,
               world_propose(&v.m, WORLD_OWNER, WORLD_OPERATOR, WORLD_OWNER_KEY, WORLD_NOW + 9000),
               CAIRN_OK);
    const cairn_bytes with = world_claim(&v.m, &d, WORLD_OWNER, &id);
    vector(&v, "proof-of-another", WORLD_BUYER, CAIRN_TX_DEVICE_CLAIM,
           world_claim(&v.m, &d, WORLD_OWNER, NULL), CAIRN_ERR_MISMATCH);
    vector(&v, "contract-not-live", WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM, with, CAIRN_ERR_CLOSED);
    vector(&v, "accept", WORLD_OPERATOR, CAIRN_TX_CONTRACT_ACCEPT, world_accept(&v.m, &id, 1),
           CAIRN_OK);
    vector(&v, "contract-of-another", WORLD_BUYER, CAIRN_TX_DEVICE_CLAIM,
           world_claim(&v.m, &d, WORLD_BUYER, &id), CAIRN_ERR_TX_FORBIDDEN);
    world_device stranger = d;
    stranger.owner_key = WORLD_THIRD_KEY;
    vector(&v, "another-key", WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM,
           world_claim(&v.m, &stranger, WORLD_OWNER, NULL), CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "claim", WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM, with, CAIRN_OK);
    d.version++;
    vector(&v, "taken", WORLD_BUYER, CAIRN_TX_DEVICE_CLAIM,
           world_claim(&v.m, &d, WORLD_BUYER, NULL), CAIRN_ERR_TX_FORBIDDEN);
    vectors_end(&v);
    world_done(&d);
}

static void write_events(const char *directory)
{
    vectors v;
    const cairn_bytes to1d = cairn_bytes_str("to1d");
    begin(&v, directory, "onboard.device.announce");
    world_device d = claimed(&v, 1);
    vector(&v, "expired", WORLD_OWNER, CAIRN_TX_DEVICE_ANNOUNCE,
           world_announce(&v.m, &d, to1d, VECTOR_TIME_MS), CAIRN_ERR_BAD_VALUE);
    vector(&v, "by-another", WORLD_BUYER, CAIRN_TX_DEVICE_ANNOUNCE,
           world_announce(&v.m, &d, to1d, VECTOR_TIME_MS + 5000), CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "announce", WORLD_OWNER, CAIRN_TX_DEVICE_ANNOUNCE,
           world_announce(&v.m, &d, to1d, VECTOR_TIME_MS + 5000), CAIRN_OK);
    vectors_end(&v);
    world_done(&d);

    begin(&v, directory, "onboard.device.event");
    d = claimed(&v, 1);
    vector(&v, "fail-before-it-began", WORLD_OWNER, CAIRN_TX_DEVICE_EVENT,
           world_event(&v.m, &d, CAIRN_DEVICE_FAIL), CAIRN_ERR_CLOSED);
    vector(&v, "by-the-manufacturer", WORLD_MAKER, CAIRN_TX_DEVICE_EVENT,
           world_event(&v.m, &d, CAIRN_DEVICE_SUSPEND), CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "not-an-event", WORLD_OWNER, CAIRN_TX_DEVICE_EVENT,
           world_event(&v.m, &d, CAIRN_DEVICE_REPLACE), CAIRN_ERR_BAD_VALUE);
    static const cairn_device_event life[] = {CAIRN_DEVICE_BEGIN, CAIRN_DEVICE_FAIL,
                                              CAIRN_DEVICE_SUSPEND, CAIRN_DEVICE_RESUME,
                                              CAIRN_DEVICE_RESET};
    for (size_t i = 0; i < sizeof life / sizeof life[0]; i++)
        step(&v, cairn_device_event_name(life[i]), WORLD_OWNER, CAIRN_TX_DEVICE_EVENT, &d,
             world_event(&v.m, &d, life[i]));
    vector(&v, "nobody's", WORLD_OWNER, CAIRN_TX_DEVICE_EVENT,
           world_event(&v.m, &d, CAIRN_DEVICE_REVOKE), CAIRN_ERR_TX_FORBIDDEN);
    vectors_end(&v);
    world_done(&d);

    begin(&v, directory, "onboard.device.bar");
    d = registered(&v, 1);
    v.act = true;
    world_device unknown = world_make(&v.m, 2, 0, WORLD_MAKER_KEY);
    unknown.version = 1;
    vector_act(&v, "unknown", CAIRN_TX_DEVICE_BAR, world_bar(&v.m, &unknown), CAIRN_ERR_NOT_FOUND);
    vector_act(&v, "bar", CAIRN_TX_DEVICE_BAR, world_bar(&v.m, &d), CAIRN_OK);
    d.version++;
    vector_act(&v, "again", CAIRN_TX_DEVICE_BAR, world_bar(&v.m, &d), CAIRN_ERR_CLOSED);
    vectors_end(&v);
    world_done(&d);
    world_done(&unknown);
}

static void write_renewals(const char *directory)
{
    vectors v;
    begin(&v, directory, "onboard.device.onboarded");
    world_device d = claimed(&v, 1), next = world_make(&v.m, 1, 1, WORLD_OWNER_KEY);
    vector(&v, "by-another", WORLD_BUYER, CAIRN_TX_DEVICE_ONBOARDED,
           world_onboarded(&v.m, &d, &next), CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "onboarded", WORLD_OWNER, CAIRN_TX_DEVICE_ONBOARDED,
           world_onboarded(&v.m, &d, &next), CAIRN_OK);
    d.version++;
    vector(&v, "twice", WORLD_OWNER, CAIRN_TX_DEVICE_ONBOARDED, world_onboarded(&v.m, &d, &next),
           CAIRN_ERR_CLOSED);
    vectors_end(&v);
    world_done(&d);
    world_done(&next);

    begin(&v, directory, "onboard.device.renew");
    d = claimed(&v, 1);
    next = world_make(&v.m, 1, 1, WORLD_OWNER_KEY);
    const cairn_bytes renew = world_renew_many(&v.m, &next, 1, WORLD_MAKER, NULL);
    vector(&v, "before", WORLD_OWNER, CAIRN_TX_DEVICE_RENEW, renew, CAIRN_ERR_TOO_MANY);
    vector(&v, "onboarded", WORLD_OWNER, CAIRN_TX_DEVICE_ONBOARDED,
           world_onboarded(&v.m, &d, &next), CAIRN_OK);
    vector(&v, "by-another", WORLD_BUYER, CAIRN_TX_DEVICE_RENEW, renew, CAIRN_ERR_TOO_MANY);
    vector(&v, "of-another-maker", WORLD_OWNER, CAIRN_TX_DEVICE_RENEW,
           world_renew_many(&v.m, &next, 1, WORLD_RIVAL, NULL), CAIRN_ERR_TOO_MANY);
    vector(&v, "the-old-index", WORLD_OWNER, CAIRN_TX_DEVICE_RENEW,
           world_renew_many(&v.m, &d, 1, WORLD_MAKER, NULL), CAIRN_ERR_EXISTS);
    vector(&v, "renew", WORLD_OWNER, CAIRN_TX_DEVICE_RENEW, renew, CAIRN_OK);
    vector(&v, "again", WORLD_OWNER, CAIRN_TX_DEVICE_RENEW, renew, CAIRN_ERR_TOO_MANY);
    vectors_end(&v);
    world_done(&d);
    world_done(&next);
}

static void write_contracts(const char *directory)
{
    vectors v;
    const uint64_t end = VECTOR_TIME_MS + 9000;
    begin(&v, directory, "onboard.contract.propose");
    vector(&v, "of-others", WORLD_BUYER, CAIRN_TX_CONTRACT_PROPOSE,
           world_propose(&v.m, WORLD_OWNER, WORLD_OPERATOR, WORLD_OWNER_KEY, end),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "no-operator", WORLD_OWNER, CAIRN_TX_CONTRACT_PROPOSE,
           world_propose(&v.m, WORLD_OWNER, WORLD_BUYER, WORLD_OWNER_KEY, end),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "with-itself", WORLD_OWNER, CAIRN_TX_CONTRACT_PROPOSE,
           world_propose(&v.m, WORLD_OWNER, WORLD_OWNER, WORLD_OWNER_KEY, end),
           CAIRN_ERR_BAD_VALUE);
    vector(&v, "with-nobody", WORLD_OWNER, CAIRN_TX_CONTRACT_PROPOSE,
           world_propose(&v.m, WORLD_OWNER, 99, WORLD_OWNER_KEY, end), CAIRN_ERR_NOT_FOUND);
    vector(&v, "ended", WORLD_OWNER, CAIRN_TX_CONTRACT_PROPOSE,
           world_propose(&v.m, WORLD_OWNER, WORLD_OPERATOR, WORLD_OWNER_KEY, VECTOR_TIME_MS),
           CAIRN_ERR_BAD_VALUE);
    vector(&v, "by-the-operator", WORLD_OPERATOR, CAIRN_TX_CONTRACT_PROPOSE,
           world_propose(&v.m, WORLD_OWNER, WORLD_OPERATOR, WORLD_OWNER_KEY, end), CAIRN_OK);
    vectors_end(&v);

    begin(&v, directory, "onboard.contract.accept");
    vector(&v, "unknown", WORLD_OPERATOR, CAIRN_TX_CONTRACT_ACCEPT,
           world_accept(&v.m, &(cairn_hash){{9}}, 1), CAIRN_ERR_NOT_FOUND);
    cairn_hash id =
        vector(&v, "propose", WORLD_OWNER, CAIRN_TX_CONTRACT_PROPOSE,
               world_propose(&v.m, WORLD_OWNER, WORLD_OPERATOR, WORLD_OWNER_KEY, end), CAIRN_OK);
    vector(&v, "by-the-proposer", WORLD_OWNER, CAIRN_TX_CONTRACT_ACCEPT, world_accept(&v.m, &id, 1),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "by-a-third", WORLD_BUYER, CAIRN_TX_CONTRACT_ACCEPT, world_accept(&v.m, &id, 1),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "another-version", WORLD_OPERATOR, CAIRN_TX_CONTRACT_ACCEPT,
           world_accept(&v.m, &id, 2), CAIRN_ERR_TX_WRONG_VERSION);
    vector(&v, "accept", WORLD_OPERATOR, CAIRN_TX_CONTRACT_ACCEPT, world_accept(&v.m, &id, 1),
           CAIRN_OK);
    vector(&v, "again", WORLD_OPERATOR, CAIRN_TX_CONTRACT_ACCEPT, world_accept(&v.m, &id, 2),
           CAIRN_ERR_CLOSED);
    vectors_end(&v);

    begin(&v, directory, "onboard.contract.end");
    id = vector(&v, "propose", WORLD_OWNER, CAIRN_TX_CONTRACT_PROPOSE,
                world_propose(&v.m, WORLD_OWNER, WORLD_OPERATOR, WORLD_OWNER_KEY, end), CAIRN_OK);
    vector(&v, "by-a-third", WORLD_BUYER, CAIRN_TX_CONTRACT_END, world_end(&v.m, &id, 1),
           CAIRN_ERR_TX_FORBIDDEN);
    vector(&v, "end", WORLD_OPERATOR, CAIRN_TX_CONTRACT_END, world_end(&v.m, &id, 1), CAIRN_OK);
    vector(&v, "again", WORLD_OWNER, CAIRN_TX_CONTRACT_END, world_end(&v.m, &id, 2),
           CAIRN_ERR_CLOSED);
    vectors_end(&v);
}

void golden_write_onboard(const char *directory)
{
    write_registrations(directory);
    write_transfers(directory);
    write_claims(directory);
    write_events(directory);
    write_renewals(directory);
    write_contracts(directory);
}
