/* Bodies of identity's transactions beyond keys and admissions, one object in each, for tests and
 * generators. */
#ifndef CAIRN_TESTS_SUPPORT_IDENTITY_BODIES_H
#define CAIRN_TESTS_SUPPORT_IDENTITY_BODIES_H

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

#endif
