/* What validators sign, of any kind: the engine's CanonicalVote. The light client counts precommits
 * for a block alone; tests and vectors need the others. Source: CometBFT v0.38.25,
 * types/canonical.go. */
#ifndef CAIRN_LEDGER_LIGHT_LIGHT_VOTE_H
#define CAIRN_LEDGER_LIGHT_LIGHT_VOTE_H

#include "cairn/light_client.h"

enum { /* SignedMsgType */
       CAIRN_LIGHT_PREVOTE = 1,
       CAIRN_LIGHT_PRECOMMIT = 2,
};

typedef struct cairn_light_ballot {
    unsigned type;
    uint64_t height;
    uint64_t round;
    const cairn_hash *hash; /* of the header; NULL for no block */
    cairn_light_parts parts;
    cairn_light_time time;
    cairn_bytes chain_id; /* at most 50 bytes */
} cairn_light_ballot;

/* With its length before it. Returns the size. */
size_t cairn_light_canonical_vote(const cairn_light_ballot *ballot,
                                  uint8_t ret_bytes[CAIRN_LIGHT_SIGN_BYTES_MAX]);

#endif
