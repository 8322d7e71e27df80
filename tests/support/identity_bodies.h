/* Bodies of identity's transactions beyond keys and admissions, one object in each, for tests and
 * generators. */
#ifndef CAIRN_TESTS_SUPPORT_IDENTITY_BODIES_H
#define CAIRN_TESTS_SUPPORT_IDENTITY_BODIES_H

#include "ledger/light/light_vote.h"
#include "support/ledger_memory.h"

/* Pseudonym number n. */
static inline cairn_hash memory_name(uint8_t number)
{
    return (cairn_hash){{number, 0x5a, [31] = number}};
}

static inline cairn_subject_row memory_row(uint8_t number, uint64_t kind, uint64_t version,
                                           uint64_t status)
{
    return (cairn_subject_row){
        .pseudonym = memory_name(number), .kind = kind, .version = version, .status = status};
}

static inline cairn_bytes memory_register(memory_ledger *m, uint8_t number, uint64_t kind)
{
    cairn_subject_row row = memory_row(number, kind, 0, 0);
    cairn_bytes body;
    MEMORY_MUST(cairn_subject_register_body(&m->arena, &row, 1, &body));
    return body;
}

static inline cairn_bytes memory_subject_status(memory_ledger *m, uint8_t number, uint64_t version,
                                                uint64_t status)
{
    cairn_subject_row row = memory_row(number, 0, version, status);
    cairn_bytes body;
    MEMORY_MUST(cairn_subject_status_body(&m->arena, &row, 1, &body));
    return body;
}

static inline cairn_bytes memory_offer(memory_ledger *m, uint8_t number, uint64_t version,
                                       const cairn_hash *to)
{
    cairn_subject_row row = memory_row(number, 0, version, 0);
    cairn_bytes body;
    MEMORY_MUST(cairn_subject_offer_body(&m->arena, &row, 1, to, &body));
    return body;
}

static inline cairn_bytes memory_replace(memory_ledger *m, uint8_t number, uint64_t version,
                                         uint8_t fresh)
{
    cairn_subject_row row = memory_row(number, 0, version, 0);
    cairn_hash name = memory_name(fresh);
    cairn_bytes body;
    MEMORY_MUST(cairn_subject_replace_body(&m->arena, &row, 1, &name, &body));
    return body;
}

/* Of `scope` and "write". */
static inline cairn_bytes memory_grant(memory_ledger *m, uint8_t subject, uint8_t key,
                                       const char *scope, uint64_t expires_ms, uint64_t version)
{
    const cairn_hash name = memory_name(subject);
    const cairn_bytes scopes[] = {cairn_bytes_str(scope), cairn_bytes_str("write")};
    cairn_bytes body;
    MEMORY_MUST(cairn_grant_set_body(&m->arena, &name, memory_kid(key), scopes, 2, expires_ms,
                                     version, &body));
    return body;
}

/* Of list 1. */
static inline cairn_bytes memory_list(memory_ledger *m, cairn_list_format format, uint64_t version,
                                      uint64_t expires_ms)
{
    const cairn_hash list = memory_name(1), hash = memory_name((uint8_t)version);
    cairn_bytes body;
    MEMORY_MUST(
        cairn_list_anchor_body(&m->arena, &list, format, &hash, version, expires_ms, &body));
    return body;
}

/* By the first member. */
static inline cairn_bytes memory_rotate(memory_ledger *m, uint8_t old, uint8_t fresh,
                                        cairn_purpose purpose, uint64_t until)
{
    const cairn_hash org = memory_org(MEMORY_SIGN);
    const cairn_key *key = memory_key(fresh);
    cairn_bytes body;
    MEMORY_MUST(cairn_key_rotate_body(&m->arena, memory_kid(old), memory_cose(&m->arena, key),
                                      memory_proof(&m->arena, &m->id, &org, purpose, key), until,
                                      &body));
    return body;
}

static inline cairn_bytes memory_grant_revoke(memory_ledger *m, uint8_t subject, uint8_t key,
                                              uint64_t version)
{
    const cairn_hash name = memory_name(subject);
    cairn_bytes body;
    MEMORY_MUST(cairn_grant_revoke_body(&m->arena, &name, memory_kid(key), version, &body));
    return body;
}

static inline cairn_bytes memory_roles(memory_ledger *m, const cairn_hash *org, uint32_t roles,
                                       uint64_t version)
{
    cairn_bytes body;
    MEMORY_MUST(cairn_org_roles_body(&m->arena, org, roles, version, &body));
    return body;
}

/* --- validators --- */

/* Ed25519 key number n, the same in every run. */
static inline cairn_key *memory_validator(uint8_t number)
{
    static cairn_key *keys[256];
    uint8_t seed[32] = {0x22, [31] = number};
    if (keys[number] == NULL)
        MEMORY_MUST(
            cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(seed, 32), &keys[number]));
    return keys[number];
}

/* Registered by the organisation with that first key. */
static inline cairn_bytes memory_validator_key(memory_ledger *m, uint8_t org_number, uint8_t number)
{
    const cairn_hash org = memory_org(org_number);
    return memory_key_add(&m->arena, &m->id, &org, CAIRN_PURPOSE_VALIDATOR,
                          memory_validator(number));
}

static inline cairn_bytes memory_validator_set(memory_ledger *m, const cairn_key *key,
                                               uint64_t power)
{
    cairn_bytes body;
    MEMORY_MUST(cairn_validator_set_body(&m->arena, cairn_key_id(key), power, &body));
    return body;
}

/* A precommit of round 0 for a block of that name, 0 for none, signed on the chain `chain_id`. */
static inline cairn_evidence_vote memory_vote_for(memory_ledger *m, const cairn_key *key,
                                                  const char *chain_id, uint64_t height,
                                                  uint8_t block)
{
    uint8_t message[CAIRN_LIGHT_SIGN_BYTES_MAX], signature[CAIRN_SIGNATURE_SIZE_MAX];
    const cairn_hash hash = {{block, [31] = 1}};
    cairn_bytes raw = block == 0 ? (cairn_bytes){0} : cairn_bytes_hash(&hash);
    cairn_evidence_vote vote = {.part_count = block != 0, .seconds = 1700000000, .nanoseconds = 7};
    const cairn_light_ballot ballot = {
        .type = CAIRN_LIGHT_PRECOMMIT,
        .height = height,
        .hash = block == 0 ? NULL : &hash,
        .parts = {.count = (uint32_t)vote.part_count, .hash = raw},
        .time = {.seconds = (int64_t)vote.seconds, .nanoseconds = (uint32_t)vote.nanoseconds},
        .chain_id = cairn_bytes_str(chain_id)};
    size_t size = cairn_light_canonical_vote(&ballot, message);
    MEMORY_MUST(cairn_key_sign(key, cairn_bytes_of(message, size), signature, &size));
    MEMORY_MUST(cairn_arena_copy(&m->arena, raw, &vote.block));
    vote.parts_hash = vote.block;
    MEMORY_MUST(cairn_arena_copy(&m->arena, cairn_bytes_of(signature, size), &vote.signature));
    return vote;
}

/* Both votes on the ledger's own chain. */
static inline cairn_bytes memory_evidence(memory_ledger *m, const cairn_key *key, uint64_t height,
                                          uint8_t block, uint8_t other)
{
    char chain_id[CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1];
    cairn_bytes body;
    cairn_light_chain_id(&m->id, 0, chain_id);
    const cairn_evidence evidence = {.kid = *cairn_key_id(key),
                                     .chain_id = cairn_bytes_str(chain_id),
                                     .type = CAIRN_LIGHT_PRECOMMIT,
                                     .height = height,
                                     .votes = {memory_vote_for(m, key, chain_id, height, block),
                                               memory_vote_for(m, key, chain_id, height, other)}};
    MEMORY_MUST(cairn_validator_evidence_body(&m->arena, &evidence, &body));
    return body;
}

#endif
