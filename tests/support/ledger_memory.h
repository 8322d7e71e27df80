/* A ledger in memory for tests, fuzz targets, benchmarks and generators: the pure state machine
 * over maps that no disk holds, fixed keys, and the bodies that nobody but tests has to write. No
 * cmocka: what must not fail aborts with its detail. */
#ifndef CAIRN_TESTS_SUPPORT_LEDGER_MEMORY_H
#define CAIRN_TESTS_SUPPORT_LEDGER_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

#include "cairn/cbor.h"
#include "cairn/sha256.h"
#include "feature_list.h"
#include "identity/identity.h"
#include "ledger/approval.h"
#include "ledger/governance.h"
#include "ledger/ledger.h"
#include "record/record.h"

#define MEMORY_TIME_MS UINT64_C(1700000000000)
#define MEMORY_MUST(call)                                                           \
    do {                                                                            \
        if ((call) != CAIRN_OK) {                                                   \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, cairn_err_detail()); \
            abort();                                                                \
        }                                                                           \
    } while (0)

/* --- keys: number n is the same in every run; kept to the end of the program --- */

enum { MEMORY_SIGN = 10, MEMORY_COSIGN = 110 }; /* first numbers of members' keys */

static inline cairn_key *memory_key(uint8_t number)
{
    static cairn_key *keys[256];
    uint8_t scalar[32] = {0x11, [31] = number};
    if (keys[number] == NULL)
        MEMORY_MUST(
            cairn_key_from_private(CAIRN_KEY_P256, cairn_bytes_of(scalar, 32), &keys[number]));
    return keys[number];
}

static inline const cairn_hash *memory_kid(uint8_t number)
{
    return cairn_key_id(memory_key(number));
}

static inline cairn_bytes memory_cose(cairn_arena *arena, const cairn_key *key)
{
    uint8_t out[CAIRN_COSE_KEY_SIZE_MAX];
    size_t size = 0;
    cairn_bytes copy;
    MEMORY_MUST(cairn_key_to_cose(key, out, &size));
    MEMORY_MUST(cairn_arena_copy(arena, cairn_bytes_of(out, size), &copy));
    return copy;
}

/* The organisation whose first key has this number. */
static inline cairn_hash memory_org(uint8_t number)
{
    cairn_hash org;
    cairn_org_id(memory_kid(number), &org);
    return org;
}

static inline cairn_bytes memory_proof(cairn_arena *arena, const cairn_hash *ledger,
                                       const cairn_hash *org, cairn_purpose purpose,
                                       const cairn_key *key)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message, copy;
    MEMORY_MUST(
        cairn_key_proof_message(arena, ledger, org, purpose, memory_cose(arena, key), &message));
    MEMORY_MUST(cairn_key_sign(key, message, signature, &size));
    MEMORY_MUST(cairn_arena_copy(arena, cairn_bytes_of(signature, size), &copy));
    return copy;
}

/* --- genesis --- */

/* `count` members "Org 0", …; member i has signing key MEMORY_SIGN + i and cosigning key
 * MEMORY_COSIGN + i. `params` NULL for defaults. */
static inline cairn_bytes memory_genesis(cairn_arena *arena, size_t count,
                                         const cairn_params *params)
{
    static cairn_genesis_member members[CAIRN_MEMBERS_MAX];
    static char names[CAIRN_MEMBERS_MAX][16];
    cairn_genesis genesis = {.name = cairn_bytes_str("Memory"),
                             .created_ms = MEMORY_TIME_MS,
                             .nonce = {7},
                             .member_count = count,
                             .members = members};
    cairn_bytes encoded;
    cairn_params_default(&genesis.params);
    if (params != NULL)
        genesis.params = *params;
    for (uint8_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof names[i], "Org %u", i);
        members[i] = (cairn_genesis_member){.name = cairn_bytes_str(names[i]), .key_count = 2};
        members[i].keys[0] = (cairn_genesis_key){
            CAIRN_PURPOSE_SIGN, memory_cose(arena, memory_key((uint8_t)(MEMORY_SIGN + i)))};
        members[i].keys[1] = (cairn_genesis_key){
            CAIRN_PURPOSE_COSIGN, memory_cose(arena, memory_key((uint8_t)(MEMORY_COSIGN + i)))};
    }
    MEMORY_MUST(cairn_genesis_encode(arena, &genesis, &encoded));
    return encoded;
}

/* --- bodies --- */

static inline cairn_bytes memory_body_end(cairn_arena *arena, const cairn_cbor_writer *w)
{
    cairn_bytes encoded, copy;
    MEMORY_MUST(cairn_cbor_writer_end(w, &encoded));
    MEMORY_MUST(cairn_arena_copy(arena, encoded, &copy));
    return copy;
}

static inline cairn_bytes memory_anchor(cairn_arena *arena, uint64_t number)
{
    uint8_t seed[8];
    cairn_hash commitment;
    cairn_bytes body;
    cairn_put_u64(seed, number);
    cairn_sha256_of(seed, sizeof seed, &commitment);
    MEMORY_MUST(cairn_anchor_body(arena, &commitment, &body));
    return body;
}

static inline cairn_bytes memory_propose(cairn_arena *arena, uint16_t type, cairn_bytes act,
                                         uint64_t expires_ms)
{
    static uint8_t out[CAIRN_TX_SIZE_MAX];
    cairn_cbor_writer w;
    cairn_cbor_writer_init(&w, out, sizeof out);
    cairn_cbor_put_map(&w, 3);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_uint(&w, type);
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_bytes(&w, act);
    cairn_cbor_put_int(&w, 3);
    cairn_cbor_put_uint(&w, expires_ms);
    return memory_body_end(arena, &w);
}

/* Approve with a hash, withdraw without. */
static inline cairn_bytes memory_vote(cairn_arena *arena, const cairn_hash *approval,
                                      const cairn_hash *act_hash)
{
    uint8_t out[80];
    cairn_cbor_writer w;
    cairn_cbor_writer_init(&w, out, sizeof out);
    cairn_cbor_put_map(&w, act_hash == NULL ? 1 : 2);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_hash(&w, approval);
    if (act_hash != NULL) {
        cairn_cbor_put_int(&w, 2);
        cairn_cbor_put_hash(&w, act_hash);
    }
    return memory_body_end(arena, &w);
}

static inline cairn_bytes memory_params(cairn_arena *arena, const cairn_params *params)
{
    cairn_bytes body;
    MEMORY_MUST(cairn_params_set_body(arena, params, &body));
    return body;
}

static inline cairn_bytes memory_policy(cairn_arena *arena, const char *name, uint64_t version,
                                        cairn_bytes content)
{
    static uint8_t out[CAIRN_TX_SIZE_MAX];
    cairn_cbor_writer w;
    cairn_cbor_writer_init(&w, out, sizeof out);
    cairn_cbor_put_map(&w, 3);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_text(&w, name);
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_uint(&w, version);
    cairn_cbor_put_int(&w, 3);
    cairn_cbor_put_bytes(&w, content);
    return memory_body_end(arena, &w);
}

static inline cairn_bytes memory_key_add(cairn_arena *arena, const cairn_hash *ledger,
                                         const cairn_hash *org, cairn_purpose purpose,
                                         const cairn_key *key)
{
    cairn_bytes body;
    MEMORY_MUST(cairn_key_add_body(arena, memory_cose(arena, key), purpose,
                                   memory_proof(arena, ledger, org, purpose, key), &body));
    return body;
}

static inline cairn_bytes memory_key_revoke(cairn_arena *arena, const cairn_hash *kid,
                                            uint64_t suspect_since)
{
    cairn_bytes body;
    MEMORY_MUST(cairn_key_revoke_body(arena, kid, suspect_since, &body));
    return body;
}

/* Admission of the organisation whose first key has this number. */
static inline cairn_bytes memory_admit(cairn_arena *arena, const cairn_hash *ledger,
                                       const char *name, bool member, uint8_t number)
{
    const cairn_hash org = memory_org(number);
    const cairn_key *key = memory_key(number);
    cairn_bytes body;
    MEMORY_MUST(cairn_org_admit_body(arena, cairn_bytes_str(name), member, memory_cose(arena, key),
                                     memory_proof(arena, ledger, &org, CAIRN_PURPOSE_SIGN, key), 0,
                                     &body));
    return body;
}

static inline cairn_bytes memory_status(cairn_arena *arena, const cairn_hash *org,
                                        cairn_org_status status, uint64_t version)
{
    cairn_bytes body;
    MEMORY_MUST(cairn_org_status_body(arena, org, status, version, &body));
    return body;
}

/* --- the ledger --- */

typedef struct memory_ledger {
    cairn_arena arena; /* all that tests make for it */
    cairn_arena blocks;
    cairn_key_cache *keys;
    cairn_ledger *ledger;
    cairn_bytes genesis;
    cairn_hash id;
    uint64_t height;   /* of the last block that was tried */
    cairn_block block; /* the last one; its maps are given up */
} memory_ledger;

static inline cairn_err memory_scan_nothing(void *context, const cairn_hash *prefix, unsigned bits,
                                            cairn_smt_visit visit, void *visit_context)
{
    (void)context;
    (void)prefix;
    (void)bits;
    (void)visit;
    (void)visit_context;
    return CAIRN_OK;
}

static const cairn_ledger_bases memory_bases = {
    .map = {{.scan = memory_scan_nothing}, {.scan = memory_scan_nothing}}};

/* Opens with a genesis that lies in m->arena or outlives it. */
static inline void memory_open(memory_ledger *m, const cairn_features *features,
                               cairn_bytes genesis)
{
    m->genesis = genesis;
    cairn_arena_init(&m->blocks, (size_t)1 << 30);
    MEMORY_MUST(cairn_key_cache_new(256, &m->keys));
    MEMORY_MUST(cairn_ledger_new(features, m->keys, &m->ledger));
    MEMORY_MUST(cairn_ledger_begin(m->ledger, &memory_bases, genesis, &m->blocks, &m->block));
    MEMORY_MUST(cairn_ledger_commit(m->ledger, &m->block));
    m->id = *cairn_ledger_get_id(m->ledger);
}

/* A ledger of `count` members. */
static inline void memory_begin(memory_ledger *m, size_t count, const cairn_params *params)
{
    *m = (memory_ledger){0};
    cairn_arena_init(&m->arena, (size_t)1 << 30);
    memory_open(m, &cairn_all_features, memory_genesis(&m->arena, count, params));
}

static inline void memory_end(memory_ledger *m)
{
    cairn_ledger_free(m->ledger);
    cairn_key_cache_free(m->keys);
    cairn_arena_done(&m->blocks);
    cairn_arena_done(&m->arena);
}

static inline cairn_bytes memory_tx(memory_ledger *m, const cairn_key *key, uint16_t type,
                                    cairn_bytes body, uint64_t valid_until_ms)
{
    const cairn_tx_draft draft = {.ledger = m->id,
                                  .kid = *cairn_key_id(key),
                                  .type = type,
                                  .valid_until_ms = valid_until_ms,
                                  .body = body};
    cairn_bytes tx;
    MEMORY_MUST(cairn_tx_sign(&m->arena, &draft, key, &tx));
    return tx;
}

/* Applies and commits one block at the next height; what it did is in m->block until the next
 * one. The transactions must decode. */
static inline const cairn_outcome *memory_block(memory_ledger *m, uint64_t time_ms,
                                                const cairn_bytes *txs, size_t count)
{
    void *memory = NULL;
    cairn_arena_reset(&m->blocks);
    MEMORY_MUST(cairn_arena_array(&m->blocks, count, sizeof(cairn_tx_input), &memory));
    cairn_tx_input *inputs = memory;
    for (size_t i = 0; i < count; i++)
        MEMORY_MUST(cairn_tx_decode(txs[i], &inputs[i].tx));
    MEMORY_MUST(cairn_ledger_apply(m->ledger, &memory_bases, ++m->height, time_ms, inputs, count,
                                   &m->blocks, &m->block));
    if (m->block.changed)
        MEMORY_MUST(cairn_ledger_commit(m->ledger, &m->block));
    cairn_block_discard(&m->block);
    return &m->block.outcome;
}

/* One transaction, one block; its code. */
static inline cairn_err memory_send(memory_ledger *m, uint64_t time_ms, cairn_bytes tx)
{
    cairn_tx decoded;
    CAIRN_TRY(cairn_tx_decode(tx, &decoded));
    return memory_block(m, time_ms, &tx, 1)->results[0].code;
}

static inline cairn_hash memory_id(cairn_bytes tx)
{
    cairn_tx decoded;
    MEMORY_MUST(cairn_tx_decode(tx, &decoded));
    return decoded.id;
}

/* A value of the newest state, in m->arena. */
static inline cairn_err memory_get(memory_ledger *m, cairn_map_id map, const char *prefix,
                                   cairn_bytes suffix, cairn_bytes *ret_value)
{
    cairn_state_key key;
    cairn_state_key_make(&key, prefix, suffix);
    cairn_view *view = cairn_ledger_view(m->ledger);
    cairn_err err =
        cairn_view_get(view, &memory_bases, map, cairn_state_key_view(&key), &m->arena, ret_value);
    cairn_view_free(view);
    return err;
}

static inline cairn_err memory_approval(memory_ledger *m, const cairn_hash *id,
                                        cairn_approval *ret_approval)
{
    cairn_bytes value;
    CAIRN_TRY(memory_get(m, CAIRN_MAP_STATE, "approval/", cairn_bytes_hash(id), &value));
    return cairn_approval_decode(value, ret_approval);
}

#endif
