/* Record: evidence of what a vehicle did. So far its anchor: a salted commitment on the ledger.
 * Bytes: docs/formats/transaction.md, docs/formats/receipt.md. */
#ifndef CAIRN_RECORD_H
#define CAIRN_RECORD_H

#include "ledger/feature.h"

extern const cairn_feature cairn_record_feature;

/* What a grant's scopes, and those of a caller of the API, call the right to anchor. */
#define CAIRN_ANCHOR_SCOPE "record.anchor"

/* Body of record.anchor, in the arena. */
cairn_err cairn_anchor_body(cairn_arena *arena, const cairn_hash *commitment,
                            cairn_bytes *ret_body) CAIRN_MUST_USE;

/* The same on behalf of a subject, whose grant the signing key has (identity/identity.h). */
cairn_err cairn_anchor_body_for(cairn_arena *arena, const cairn_hash *commitment,
                                const cairn_hash *subject, cairn_bytes *ret_body) CAIRN_MUST_USE;

#endif
