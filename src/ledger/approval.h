/* The approval record: codec and the hash of its act. Private to governance. */
#ifndef CAIRN_LEDGER_APPROVAL_H
#define CAIRN_LEDGER_APPROVAL_H

#include "ledger/governance.h"

/* Decodes a record; the lists are copied, the act's body stays a view. */
cairn_err cairn_approval_decode(cairn_bytes in, cairn_approval *ret_approval) CAIRN_MUST_USE;

/* Encodes into the arena. */
cairn_err cairn_approval_encode(cairn_arena *arena, const cairn_approval *approval,
                                cairn_bytes *ret_encoded) CAIRN_MUST_USE;

#endif
