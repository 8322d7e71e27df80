/* Which transactions' signatures were verified, by SHA-256 of their bytes: CheckTx finds it out,
 * and the block need not do so again. Only a memory of facts: what it forgets is verified once
 * more. Any thread. Source: house. */
#ifndef CAIRN_LEDGER_CONSORTIUM_VERIFIED_H
#define CAIRN_LEDGER_CONSORTIUM_VERIFIED_H

#include "cairn/bytes.h"

typedef struct cairn_verified cairn_verified;

/* Remembers the last `count` or so, a power of two. NO_MEMORY. */
cairn_err cairn_verified_new(size_t count, cairn_verified **ret_verified) CAIRN_MUST_USE;
void cairn_verified_free(cairn_verified *verified);

void cairn_verified_add(cairn_verified *verified, const cairn_hash *bytes);
bool cairn_verified_has(cairn_verified *verified, const cairn_hash *bytes);

#endif
