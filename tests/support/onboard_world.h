/* A ledger with a manufacturer, owners and an operator, and devices with their vouchers: what tests
 * of devices on the ledger begin with. Everything follows from numbers. */
#ifndef CAIRN_TESTS_SUPPORT_ONBOARD_WORLD_H
#define CAIRN_TESTS_SUPPORT_ONBOARD_WORLD_H

#include "onboard/onboard.h"
#include "onboard/wire/voucher.h"
#include "support/ledger_memory.h"

#define WORLD_NOW (MEMORY_TIME_MS + 1000)

/* Signing keys of organisations, and FDO owner keys. */
enum {
    WORLD_MEMBER = MEMORY_SIGN,
    WORLD_MAKER = 30,
    WORLD_OWNER = 31, /* a provider, too */
    WORLD_BUYER = 32, /* another one */
    WORLD_OPERATOR = 33,
    WORLD_RIVAL = 34, /* another manufacturer */
    WORLD_MAKER_KEY = 60,
    WORLD_OWNER_KEY = 61,
    WORLD_BUYER_KEY = 62,
    WORLD_THIRD_KEY = 63,
};

typedef struct world_device {
    uint8_t number;
    cairn_fdo_guid guid;
    cairn_hash salt;
    cairn_hash index;
    cairn_hash nullifier; /* zeros for one that was renewed */
    cairn_fdo_header header;
    cairn_fdo_head head; /* of the voucher in hand */
    cairn_bytes header_info;
    uint8_t owner_key; /* number of the head owner's key */
    uint64_t version;  /* on the ledger, as far as its holder knows */
} world_device;

static inline cairn_hash world_number(const char *what, uint64_t number)
{
    uint8_t seed[8];
    cairn_hash hash;
    cairn_put_u64(seed, number);
    const cairn_bytes parts[] = {cairn_bytes_str(what), cairn_bytes_of(seed, sizeof seed)};
    cairn_sha256_parts(parts, 2, &hash);
    return hash;
}

/* The FDO form of a key; kept to the end of the program. */
static inline cairn_fdo_key *world_key(uint8_t number)
{
    static cairn_fdo_key *keys[256];
    if (keys[number] == NULL)
        MEMORY_MUST(cairn_fdo_key_of(memory_key(number), CAIRN_FDO_KEY_X509, &keys[number]));
    return keys[number];
}

static inline cairn_hash world_owner_key(uint8_t number)
{
    cairn_hash hash;
    cairn_device_owner_key(cairn_fdo_key_encoded(world_key(number)), &hash);
    return hash;
}

static inline cairn_bytes world_copy(memory_ledger *m, cairn_bytes in)
{
    cairn_bytes copy;
    MEMORY_MUST(cairn_arena_copy(&m->arena, in, &copy));
    return copy;
}

/* A device in its life number `life`: the manufacturer of its header is who made its voucher. */
static inline world_device world_make(memory_ledger *m, uint8_t number, uint8_t life,
                                      uint8_t owner_key)
{
    world_device d = {.number = number, .owner_key = owner_key};
    cairn_bytes encoded;
    cairn_fdo_hash hmac = {.alg = CAIRN_FDO_HMAC256, .size = 32}, info;
    uint8_t hmac_out[CAIRN_FDO_HASH_ENCODED_MAX];
    cairn_cbor_writer w;
    const uint64_t seed = (uint64_t)life << 8 | number;
    const cairn_hash guid = world_number("guid", seed), mac = world_number("hmac", seed);
    memcpy(d.guid.b, guid.b, sizeof d.guid.b);
    memcpy(hmac.b, mac.b, sizeof mac.b);
    d.salt = world_number("salt", seed);
    cairn_device_index(&d.salt, &d.guid, &d.index);
    if (life == 0) {
        const cairn_hash kid = world_number("device key", number);
        cairn_device_nullifier(&m->id, &kid, &d.nullifier);
    }
    d.header = (cairn_fdo_header){.guid = d.guid,
                                  .device_info = cairn_bytes_str("Sensor model 7"),
                                  .manufacturer = world_key(owner_key)};
    MEMORY_MUST(cairn_fdo_header_encode(&m->arena, &d.header, &encoded));
    d.header.encoded = encoded;
    cairn_cbor_writer_init(&w, hmac_out, sizeof hmac_out);
    cairn_fdo_hash_put(&w, &hmac);
    MEMORY_MUST(cairn_fdo_head_first(&d.header, cairn_bytes_of(hmac_out, w.size), &d.head));
    MEMORY_MUST(cairn_fdo_header_info_hash(&d.header, CAIRN_FDO_SHA256, &info));
    d.header_info = world_copy(m, cairn_bytes_of(info.b, info.size));
    return d;
}

static inline void world_done(world_device *d)
{
    cairn_fdo_head_done(&d->head);
}

/* Signs the next entry, for the owner key `to`, and moves the voucher in hand. */
static inline cairn_bytes world_sell(memory_ledger *m, world_device *d, uint8_t to)
{
    cairn_bytes payload, message;
    cairn_fdo_entry entry = {0};
    const cairn_bytes no_headers = cairn_bytes_of("\xa0", 1);
    MEMORY_MUST(cairn_fdo_entry_payload(&m->arena, &d->head, &d->header, (cairn_bytes){0},
                                        world_key(to), &payload));
    MEMORY_MUST(cairn_fdo_sign(&m->arena, memory_key(d->owner_key), no_headers, payload, &message));
    MEMORY_MUST(cairn_fdo_entry_read(message, &entry));
    MEMORY_MUST(cairn_fdo_head_advance(&m->arena, &d->head, &d->header, &entry));
    cairn_fdo_entry_done(&entry);
    d->owner_key = to;
    return message;
}

/* --- bodies about one device, or several; each as its holder sees them --- */

enum { WORLD_BATCH_MAX = CAIRN_DEVICES_PER_TX_MAX + 1 };

static inline void world_new_rows(const world_device *devices, size_t count,
                                  cairn_device_new_row *rows, cairn_hash *nullifiers)
{
    for (size_t i = 0; i < count; i++) {
        rows[i] = (cairn_device_new_row){
            .index = devices[i].index,
            .header_info = devices[i].header_info,
            .head = cairn_bytes_of(devices[i].head.hash.b, devices[i].head.hash.size)};
        if (nullifiers != NULL)
            nullifiers[i] = devices[i].nullifier;
    }
}

static inline cairn_bytes world_register_many(memory_ledger *m, const world_device *devices,
                                              size_t count)
{
    static cairn_device_new_row rows[WORLD_BATCH_MAX];
    static cairn_hash nullifiers[WORLD_BATCH_MAX];
    cairn_bytes body;
    cairn_device_registration r = {.rows = {.count = count, .rows = rows},
                                   .nullifiers = {.count = count, .rows = nullifiers},
                                   .owner_key = world_owner_key(devices[0].owner_key),
                                   .algorithm = CAIRN_DEVICE_P256,
                                   .model = world_number("model", 1),
                                   .next_algorithm = CAIRN_SCHEMA_ABSENT};
    world_new_rows(devices, count, rows, nullifiers);
    MEMORY_MUST(cairn_device_register_body(&m->arena, &r, &body));
    return body;
}

static inline cairn_bytes world_register(memory_ledger *m, const world_device *d)
{
    return world_register_many(m, d, 1);
}

static inline cairn_bytes world_transfer_of(memory_ledger *m, const world_device *d, uint8_t seller,
                                            uint8_t seller_key, cairn_bytes entry)
{
    const cairn_hash blind = world_number("blind", d->number), org = memory_org(seller);
    cairn_device_sale row = {.index = d->index, .version = d->version, .entry = entry};
    cairn_bytes body;
    cairn_device_party(&blind, &org, &row.party);
    MEMORY_MUST(cairn_device_transfer_body(&m->arena, &row, 1,
                                           cairn_fdo_key_encoded(world_key(seller_key)), &body));
    return body;
}

static inline cairn_bytes world_transfer(memory_ledger *m, world_device *d, uint8_t seller,
                                         uint8_t to)
{
    const uint8_t key = d->owner_key;
    return world_transfer_of(m, d, seller, key, world_sell(m, d, to));
}

static inline cairn_bytes world_proof(memory_ledger *m, const cairn_hash *org,
                                      cairn_device_row *rows, size_t count, uint8_t key)
{
    cairn_bytes payload, proof;
    MEMORY_MUST(cairn_device_claim_payload(&m->arena, &m->id, org, rows, count, &payload));
    MEMORY_MUST(
        cairn_fdo_sign(&m->arena, memory_key(key), cairn_bytes_of("\xa0", 1), payload, &proof));
    return proof;
}

static inline cairn_bytes world_claim(memory_ledger *m, const world_device *d, uint8_t claimer,
                                      const cairn_hash *contract)
{
    const cairn_hash org = memory_org(claimer);
    cairn_device_row row = {.index = d->index, .version = d->version};
    cairn_bytes body;
    cairn_device_claim claim = {.rows = {.count = 1, .rows = &row},
                                .public_key = cairn_fdo_key_encoded(world_key(d->owner_key)),
                                .proof = world_proof(m, &org, &row, 1, d->owner_key),
                                .platform = world_number("platform", claimer),
                                .policy = world_number("policy", claimer)};
    if (contract != NULL)
        claim.contract = *contract;
    MEMORY_MUST(cairn_device_claim_body(&m->arena, &claim, &body));
    return body;
}

static inline cairn_bytes world_announce(memory_ledger *m, const world_device *d, cairn_bytes to1d,
                                         uint64_t expires_ms)
{
    cairn_device_place row = {.index = d->index, .version = d->version};
    cairn_bytes body;
    cairn_device_rendezvous(&d->salt, to1d, &row.commitment);
    MEMORY_MUST(cairn_device_announce_body(&m->arena, &row, 1, expires_ms, &body));
    return body;
}

static inline cairn_bytes world_event(memory_ledger *m, const world_device *d,
                                      cairn_device_event event)
{
    cairn_device_row row = {.index = d->index, .version = d->version};
    cairn_bytes body;
    MEMORY_MUST(cairn_device_event_body(&m->arena, &row, 1, event, &body));
    return body;
}

static inline cairn_bytes world_bar(memory_ledger *m, const world_device *d)
{
    cairn_device_row row = {.index = d->index, .version = d->version};
    cairn_bytes body;
    MEMORY_MUST(cairn_device_bar_body(&m->arena, &row, 1, &body));
    return body;
}

static inline cairn_bytes world_onboarded(memory_ledger *m, const world_device *d,
                                          const world_device *next)
{
    cairn_device_onboarding row = {.index = d->index, .version = d->version};
    cairn_bytes body;
    cairn_device_successor(&next->salt, &d->index, &next->index, &row.successor);
    MEMORY_MUST(cairn_device_onboarded_body(&m->arena, &row, 1, &body));
    return body;
}

static inline cairn_bytes world_renew_many(memory_ledger *m, const world_device *devices,
                                           size_t count, uint8_t maker, const cairn_hash *contract)
{
    static cairn_device_new_row rows[WORLD_BATCH_MAX];
    cairn_bytes body;
    cairn_device_facts facts = {.platform = world_number("platform", 2),
                                .policy = world_number("policy", 2),
                                .model = world_number("model", 2)};
    cairn_device_renewal r = {.rows = {.count = count, .rows = rows},
                              .manufacturer = memory_org(maker),
                              .owner_key = world_owner_key(devices[0].owner_key),
                              .algorithm = CAIRN_DEVICE_P256,
                              .facts = {.count = 1, .rows = &facts},
                              .next_algorithm = CAIRN_SCHEMA_ABSENT};
    if (contract != NULL)
        r.contract = *contract;
    world_new_rows(devices, count, rows, NULL);
    MEMORY_MUST(cairn_device_renew_body(&m->arena, &r, &body));
    return body;
}

static inline cairn_bytes world_propose(memory_ledger *m, uint8_t provider, uint8_t operator,
                                        uint8_t batch_key, uint64_t expires_ms)
{
    const cairn_contract contract = {.provider = memory_org(provider),
                                     .operator= memory_org(operator),
                                     .batch = world_owner_key(batch_key),
                                     .terms = world_number("terms", 1),
                                     .expires_ms = expires_ms};
    cairn_bytes body;
    MEMORY_MUST(cairn_contract_propose_body(&m->arena, &contract, &body));
    return body;
}

static inline cairn_bytes world_accept(memory_ledger *m, const cairn_hash *contract,
                                       uint64_t version)
{
    cairn_bytes body;
    MEMORY_MUST(cairn_contract_accept_body(&m->arena, contract, version, &body));
    return body;
}

static inline cairn_bytes world_end(memory_ledger *m, const cairn_hash *contract, uint64_t version)
{
    cairn_bytes body;
    MEMORY_MUST(cairn_contract_end_body(&m->arena, contract, version, &body));
    return body;
}

/* --- organisations --- */

typedef struct world_org {
    const char *name;
    uint8_t key;
    uint32_t roles;
} world_org;

static const world_org world_orgs[] = {
    {"Maker", WORLD_MAKER, CAIRN_ROLE_MANUFACTURER},
    {"Owner", WORLD_OWNER, CAIRN_ROLE_PROVIDER | CAIRN_ROLE_OWNER},
    {"Buyer", WORLD_BUYER, CAIRN_ROLE_PROVIDER | CAIRN_ROLE_OWNER},
    {"Operator", WORLD_OPERATOR, CAIRN_ROLE_OPERATOR},
    {"Rival", WORLD_RIVAL, CAIRN_ROLE_MANUFACTURER},
};
enum { WORLD_ORG_COUNT = sizeof world_orgs / sizeof world_orgs[0] };

/* The act that admits one; by approval. */
static inline cairn_bytes world_admit(memory_ledger *m, const world_org *org)
{
    const cairn_hash id = memory_org(org->key);
    const cairn_key *key = memory_key(org->key);
    cairn_bytes body;
    MEMORY_MUST(cairn_org_admit_body(
        &m->arena, cairn_bytes_str(org->name), false, memory_cose(&m->arena, key),
        memory_proof(&m->arena, &m->id, &id, CAIRN_PURPOSE_SIGN, key), org->roles, &body));
    return body;
}

/* A transaction that no other is the same as. */
static inline cairn_bytes world_tx(memory_ledger *m, uint8_t key, uint16_t type, cairn_bytes body)
{
    static uint64_t number;
    return memory_tx(m, memory_key(key), type, body, WORLD_NOW + 60000 + number++ % 500000);
}

static inline cairn_err world_say(memory_ledger *m, uint8_t key, uint16_t type, cairn_bytes body)
{
    return memory_send(m, WORLD_NOW, world_tx(m, key, type, body));
}

/* What the only member's proposal of an act comes to. */
static inline cairn_err world_act(memory_ledger *m, uint16_t type, cairn_bytes act)
{
    const cairn_bytes tx = world_tx(m, WORLD_MEMBER, CAIRN_TX_APPROVAL_PROPOSE,
                                    memory_propose(&m->arena, type, act, WORLD_NOW + 1000));
    const cairn_hash id = memory_id(tx);
    cairn_approval approval;
    CAIRN_TRY(memory_send(m, WORLD_NOW, tx));
    MEMORY_MUST(memory_approval(m, &id, &approval));
    return approval.code;
}

static inline void world_begin(memory_ledger *m)
{
    memory_begin(m, 1, NULL);
    for (size_t i = 0; i < WORLD_ORG_COUNT; i++)
        MEMORY_MUST(world_act(m, CAIRN_TX_ORG_ADMIT, world_admit(m, &world_orgs[i])));
}

/* Another status for an organisation, at its `version`. */
static inline void world_status(memory_ledger *m, uint8_t key, cairn_org_status status,
                                uint64_t version)
{
    const cairn_hash org = memory_org(key);
    MEMORY_MUST(world_act(m, CAIRN_TX_ORG_STATUS, memory_status(&m->arena, &org, status, version)));
}

static inline cairn_err world_get_state(void *context, cairn_map_id map, cairn_bytes key,
                                        cairn_arena *arena, cairn_bytes *ret_value)
{
    memory_ledger *m = context;
    cairn_view *view = cairn_ledger_view(m->ledger);
    cairn_err err = cairn_view_get(view, &memory_bases, map, key, arena, ret_value);
    cairn_view_free(view);
    return err;
}

static inline cairn_state_source world_state(memory_ledger *m)
{
    return (cairn_state_source){.context = m, .get = world_get_state};
}

static inline cairn_device world_record(memory_ledger *m, const world_device *d)
{
    const cairn_state_source state = world_state(m);
    cairn_device device;
    MEMORY_MUST(cairn_device_get(&state, &m->arena, &d->index, &device));
    return device;
}

#endif
