/* Two votes of one validator for one place, as the engine shows them in the block that holds its
 * evidence: what identity.validator.evidence is made of. Nothing here is believed; the ledger
 * checks the signatures. Source: CometBFT v0.38.25, rpc/core, types/evidence.go. */
#ifndef CAIRN_LEDGER_CONSORTIUM_DOUBLE_VOTE_H
#define CAIRN_LEDGER_CONSORTIUM_DOUBLE_VOTE_H

#include "cairn/light_client.h"
#include "ledger/consortium/abci.h"

enum { CAIRN_DOUBLE_VOTES_MAX = 64 }; /* of one block */

typedef struct cairn_double_vote_side {
    cairn_bytes block; /* hash, 32 bytes or none */
    cairn_light_parts parts;
    cairn_light_time time;
    cairn_bytes signature; /* 64 bytes */
} cairn_double_vote_side;

typedef struct cairn_double_vote {
    uint8_t address[CAIRN_ABCI_ADDRESS_SIZE]; /* SHA-256 of the validator's key, its beginning */
    uint64_t type;                            /* 1 prevote, 2 precommit */
    uint64_t height;
    uint64_t round;
    cairn_double_vote_side votes[2];
} cairn_double_vote;

/* Those in the answer to /block?height=H, in the arena. Evidence of other kinds is passed over.
 * UNAVAILABLE when the answer is an error; WRONG_TYPE, MISSING_FIELD, BAD_VALUE name the member;
 * TOO_MANY. */
cairn_err cairn_double_votes_from_rpc(cairn_arena *arena, cairn_bytes answer,
                                      cairn_double_vote **ret_votes,
                                      size_t *ret_count) CAIRN_MUST_USE;

#endif
