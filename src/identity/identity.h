/* Identity: organisations and their keys. Bytes: docs/formats/transaction.md, records in
 * block-entry.md. */
#ifndef CAIRN_IDENTITY_H
#define CAIRN_IDENTITY_H

#include "ledger/feature.h"
#include "ledger/registry.h"

extern const cairn_feature cairn_identity_feature;

/* Bodies of the transactions, in the arena: for those who submit them. */
cairn_err cairn_key_add_body(cairn_arena *arena, cairn_bytes cose_key, cairn_purpose purpose,
                             cairn_bytes proof, cairn_bytes *ret_body) CAIRN_MUST_USE;
/* `suspect_since` is CAIRN_HEIGHT_OPEN for a plain retirement. */
cairn_err cairn_key_revoke_body(cairn_arena *arena, const cairn_hash *kid, uint64_t suspect_since,
                                cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_org_admit_body(cairn_arena *arena, cairn_bytes name, bool member,
                               cairn_bytes cose_key, cairn_bytes proof,
                               cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_org_status_body(cairn_arena *arena, const cairn_hash *org, cairn_org_status status,
                                uint64_t expected_version, cairn_bytes *ret_body) CAIRN_MUST_USE;

#endif
