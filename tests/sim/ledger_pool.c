/* Keys, genesis and signed transactions for the simulations. */
#include "sim/ledger_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cairn/key.h"
#include "cairn/transaction.h"
#include "identity/identity.h"
#include "ledger/genesis.h"
#include "record/record.h"
#include "support/versions.h"

enum {
    ARENA_SIZE_MAX = 64 << 20,
    LATE_MS = 8000, /* until what is too far ahead at first is not any more */
};

static cairn_arena arena; /* of all pools, never freed */

enum { ORG_KEYS = 3 };
typedef struct org_keys {
    cairn_key *key[ORG_KEYS]; /* for signing, for cosigning; with several members, for consensus */
} org_keys;

static void must(cairn_err err, const char *what)
{
    if (err == CAIRN_OK)
        return;
    (void)fprintf(stderr, "sim: %s: %s %s\n", what, cairn_err_name(err), cairn_err_detail());
    exit(1);
}

static cairn_key *make_key_of(cairn_key_type type, unsigned number)
{
    uint8_t scalar[32] = {0x22};
    cairn_key *key = NULL;
    scalar[31] = (uint8_t)number;
    must(cairn_key_from_private(type, cairn_bytes_of(scalar, 32), &key), "key");
    return key;
}

static cairn_key *make_key(unsigned number)
{
    return make_key_of(CAIRN_KEY_P256, number);
}

static void make_model_key(const cairn_key *key, unsigned purpose, model_key *ret_key)
{
    void *cose = NULL;
    must(cairn_arena_alloc(&arena, CAIRN_COSE_KEY_SIZE_MAX, &cose), "arena");
    must(cairn_key_to_cose(key, cose, &ret_key->size), "COSE key");
    ret_key->cose = cose;
    ret_key->purpose = purpose;
    memcpy(ret_key->kid.b, cairn_key_id(key)->b, 32);
    if (purpose == CAIRN_PURPOSE_VALIDATOR)
        memcpy(ret_key->ed25519, cairn_key_public(key).data, sizeof ret_key->ed25519);
}

static void make_genesis(sim_pool *pool, const org_keys *keys, unsigned number)
{
    static cairn_genesis_member members[MODEL_ORGS_MAX];
    static const unsigned purposes[ORG_KEYS] = {CAIRN_PURPOSE_SIGN, CAIRN_PURPOSE_COSIGN,
                                                CAIRN_PURPOSE_VALIDATOR};
    static const char *const names[MODEL_ORGS_MAX] = {"Maker", "Operator", "Regulator", "Insurer"};
    model_genesis *expected = &pool->genesis;
    cairn_genesis genesis = {.name = cairn_bytes_str("Simulated"),
                             .created_ms = SIM_POOL_TIME_MS,
                             .nonce = {(uint8_t)number},
                             .member_count = expected->member_count,
                             .members = members};
    cairn_bytes encoded;
    cairn_params_default(&genesis.params);
    if (expected->upgrade_height != 0) {
        genesis.params.next_app_version = 2;
        genesis.params.next_app_height = expected->upgrade_height;
    }
    expected->created_ms = SIM_POOL_TIME_MS;
    for (size_t m = 0; m < expected->member_count; m++) {
        model_member *member = &expected->members[m];
        member->name = names[m];
        members[m].name = cairn_bytes_str(names[m]);
        for (size_t i = 0; i < ORG_KEYS && keys[m].key[i] != NULL; i++) {
            model_key *key = &member->keys[i];
            make_model_key(keys[m].key[i], purposes[i], key);
            members[m].key_count = member->key_count = i + 1;
            members[m].keys[i] = (cairn_genesis_key){
                .purpose = (uint8_t)key->purpose, .cose_key = cairn_bytes_of(key->cose, key->size)};
        }
    }
    must(cairn_genesis_encode(&arena, &genesis, &encoded), "genesis");
    expected->raw = encoded.data;
    expected->size = encoded.size;
}

static cairn_bytes sign_tx(const cairn_key *key, const model_hash *ledger, unsigned type,
                           cairn_bytes body, uint64_t valid_until_ms)
{
    cairn_tx_draft draft = {.kid = *cairn_key_id(key),
                            .type = (uint16_t)type,
                            .valid_until_ms = valid_until_ms,
                            .body = body};
    cairn_bytes tx;
    memcpy(draft.ledger.b, ledger->b, 32);
    must(cairn_tx_sign(&arena, &draft, key, &tx), "signature");
    return tx;
}

/* Every fifth anchors what another one does. */
static cairn_bytes anchor_body(model_tx *tx, size_t i)
{
    uint64_t number = i % 5 == 4 ? i - 3 : i;
    cairn_hash hash;
    cairn_bytes body;
    tx->object = model_sha256(&number, sizeof number);
    memcpy(hash.b, tx->object.b, 32);
    must(cairn_anchor_body(&arena, &hash, &body), "body");
    return body;
}

/* A new cosigning key of `signer`'s organisation; some add the same, some do not prove that they
 * hold it. */
static cairn_bytes key_body(model_tx *tx, size_t i, const cairn_key *signer,
                            const model_hash *ledger)
{
    cairn_key *key = make_key(100 + (unsigned)(i / 16 % 10));
    model_key added;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_hash id, org;
    cairn_bytes message, body;
    make_model_key(key, CAIRN_PURPOSE_COSIGN, &added);
    tx->adds_key = true;
    tx->cose = added.cose;
    tx->cose_size = added.size;
    tx->object = added.kid;
    memcpy(id.b, ledger->b, 32);
    cairn_org_id(cairn_key_id(signer), &org);
    cairn_bytes cose_key = cairn_bytes_of(added.cose, added.size);
    must(cairn_key_proof_message(&arena, &id, &org, CAIRN_PURPOSE_COSIGN, cose_key, &message),
         "proof");
    must(cairn_key_sign(key, message, signature, &size), "proof");
    tx->bad_proof = i % 3 == 0;
    signature[40] ^= tx->bad_proof;
    must(cairn_key_add_body(&arena, cose_key, CAIRN_PURPOSE_COSIGN, cairn_bytes_of(signature, size),
                            &body),
         "body");
    cairn_key_free(key);
    return body;
}

static void finish_tx(model_tx *tx, cairn_bytes raw)
{
    cairn_tx decoded;
    tx->raw = raw.data;
    tx->size = raw.size;
    must(cairn_tx_decode(raw, &decoded), "transaction");
    memcpy(tx->id.b, decoded.id.b, 32);
}

static unsigned type_of(const model_tx *tx)
{
    static const unsigned versioned[] = {CAIRN_TX_ANCHOR, TEST_TX_CHANGED, TEST_TX_LATER};
    return tx->adds_key ? (unsigned)CAIRN_TX_KEY_ADD : versioned[tx->versioned];
}

/* Mostly valid; some are refused before any block. */
static void make_tx(sim_pool *pool, size_t i, const cairn_key *key, const model_hash *ledger)
{
    model_tx *tx = &pool->txs[i];
    uint64_t valid_until_ms = SIM_POOL_TIME_MS + 500000 + i;
    model_hash target = *ledger;
    bool adds_key = i % 8 == 3;
    cairn_bytes body = adds_key ? key_body(tx, i, key, ledger) : anchor_body(tx, i);
    if (i % 32 == 5) {
        tx->refusal = CAIRN_ERR_TX_EXPIRED;
        valid_until_ms = SIM_POOL_TIME_MS - 1;
    } else if (i % 32 == 13) {
        tx->refusal = CAIRN_ERR_TX_WRONG_LEDGER;
        target.b[0] ^= 1;
    } else if (tx->until_ms != 0) {
        valid_until_ms = tx->until_ms;
    }
    cairn_bytes raw = sign_tx(key, &target, type_of(tx), body, valid_until_ms);
    finish_tx(tx, raw);
    if (i % 32 == 21) {
        tx->refusal = CAIRN_ERR_BAD_SIGNATURE;
        ((uint8_t *)(uintptr_t)raw.data)[raw.size - 1] ^= 1; /* our own arena's bytes */
    }
}

/* --- for blocks that others propose --- */

/* The same with another signature: one id, two byte strings. */
static void make_twin(sim_pool *pool, size_t i, const cairn_key *key)
{
    model_tx *one = &pool->txs[i - 1];
    cairn_tx decoded;
    pool->txs[i] = *one;
    model_tx *twin = &pool->txs[i];
    must(cairn_tx_decode(cairn_bytes_of(one->raw, one->size), &decoded), "transaction");
    cairn_bytes raw = sign_tx(key, (const model_hash *)(const void *)&decoded.ledger, decoded.type,
                              decoded.body, decoded.valid_until_ms);
    twin->raw = raw.data;
    twin->size = raw.size;
    twin->twin = (unsigned)i;
    one->twin = (unsigned)i + 1;
}

/* Cut by a byte, or a byte longer, or too long to be read at all. */
static void deform(model_tx *tx, size_t i)
{
    void *data = NULL;
    size_t size = i % 3 == 0 ? tx->size - 1 : i % 3 == 1 ? tx->size + 1 : CAIRN_TX_SIZE_MAX + 1;
    must(cairn_arena_alloc(&arena, size, &data), "arena");
    memset(data, 0, size);
    memcpy(data, tx->raw, size < tx->size ? size : tx->size);
    tx->raw = data;
    tx->size = size;
    tx->refusal = i % 3 == 0   ? CAIRN_ERR_TRUNCATED
                  : i % 3 == 1 ? CAIRN_ERR_TRAILING
                               : CAIRN_ERR_TOO_LARGE;
    tx->undecodable = true;
}

/* Another key for consensus, in place of the first. */
static void make_rotation(sim_pool *pool, size_t i, const cairn_key *signer,
                          const model_hash *ledger)
{
    model_tx *tx = &pool->txs[i];
    const model_key *old = &pool->genesis.members[tx->org].keys[ORG_KEYS - 1];
    cairn_key *key = make_key_of(CAIRN_KEY_ED25519, 16 + (unsigned)i);
    model_key added;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_hash id, org, old_kid;
    cairn_bytes message, body;
    make_model_key(key, CAIRN_PURPOSE_VALIDATOR, &added);
    cairn_bytes cose_key = cairn_bytes_of(added.cose, added.size);
    memcpy(id.b, ledger->b, 32);
    memcpy(old_kid.b, old->kid.b, 32);
    cairn_org_id(cairn_key_id(signer), &org);
    must(cairn_key_proof_message(&arena, &id, &org, CAIRN_PURPOSE_VALIDATOR, cose_key, &message),
         "proof");
    must(cairn_key_sign(key, message, signature, &size), "proof");
    must(cairn_key_rotate_body(&arena, &old_kid, cose_key, cairn_bytes_of(signature, size),
                               CAIRN_HEIGHT_OPEN, &body),
         "body");
    tx->adds_key = tx->rotates = true;
    tx->object = added.kid;
    tx->cose = added.cose;
    tx->cose_size = added.size;
    memcpy(tx->ed25519, added.ed25519, sizeof tx->ed25519);
    finish_tx(tx,
              sign_tx(signer, ledger, CAIRN_TX_KEY_ROTATE, body, SIM_POOL_TIME_MS + 500000 + i));
    cairn_key_free(key);
}

static void make_hostile(sim_pool *pool, size_t i, const cairn_key *key, const model_hash *ledger)
{
    model_tx *tx = &pool->txs[i];
    if (pool->genesis.upgrade_height != 0 && (i % 16 == 0 || i % 16 == 2))
        tx->versioned = i % 16 == 0 ? 1 : 2;
    if (i % 32 == 25)
        tx->until_ms = SIM_POOL_TIME_MS + MODEL_VALIDITY_MAX_MS + LATE_MS;
    if (i % 32 == 7 || i % 32 == 30)
        tx->until_ms = SIM_POOL_TIME_MS + 500 + 60 * i;
    if (i % 32 == 19) { /* its neighbour is of the same organisation */
        make_twin(pool, i, key);
        return;
    }
    if (i % 32 == 27 || i % 32 == 31) { /* of the second member, and of the last */
        make_rotation(pool, i, key, ledger);
        return;
    }
    make_tx(pool, i, key, ledger);
    if (i % 32 == 9 || i % 32 == 29)
        deform(tx, i);
}

void sim_pool_make(sim_pool *pool, sim_pool_kind kind, unsigned number)
{
    static bool begun;
    org_keys keys[MODEL_ORGS_MAX] = {0};
    size_t members = kind == SIM_POOL_FOR_ONE ? 1 : MODEL_ORGS_MAX;
    if (!begun)
        cairn_arena_init(&arena, ARENA_SIZE_MAX);
    begun = true;
    pool->genesis.member_count = members;
    if (kind == SIM_POOL_FOR_UPGRADE)
        pool->genesis.upgrade_height = SIM_POOL_UPGRADE_HEIGHT;
    for (size_t m = 0; m < members; m++) {
        for (size_t i = 0; i < 2; i++)
            keys[m].key[i] = make_key((unsigned)(2 * (number + m) + i + 1));
        if (members > 1)
            keys[m].key[2] = make_key_of(CAIRN_KEY_ED25519, (unsigned)m + 1);
    }
    make_genesis(pool, keys, number);
    model_hash id = model_ledger_id(pool->genesis.raw, pool->genesis.size);
    for (size_t i = 0; i < MODEL_POOL; i++) {
        size_t m = i / 2 % members;
        pool->txs[i].org = (unsigned)m;
        if (kind == SIM_POOL_FOR_DAYS)
            pool->txs[i].until_ms =
                SIM_POOL_TIME_MS + i % SIM_POOL_DAYS * SIM_POOL_DAY_MS + MODEL_VALIDITY_MAX_MS / 2;
        if (kind == SIM_POOL_FOR_MANY || kind == SIM_POOL_FOR_UPGRADE)
            make_hostile(pool, i, keys[m].key[0], &id);
        else
            make_tx(pool, i, keys[m].key[0], &id);
    }
    for (size_t m = 0; m < members; m++) {
        for (size_t i = 0; i < ORG_KEYS; i++)
            cairn_key_free(keys[m].key[i]);
    }
}
