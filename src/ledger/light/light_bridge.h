/* Which blocks lead from a trusted header to a later one: as few as the changes of the validators
 * allow. For whoever makes commit proofs; a verifier takes what the proof holds. Source: house;
 * the bisection of the light client specification (CometBFT, spec/light-client). */
#ifndef CAIRN_LEDGER_LIGHT_LIGHT_BRIDGE_H
#define CAIRN_LEDGER_LIGHT_LIGHT_BRIDGE_H

#include "cairn/light_client.h"

/* Where light blocks come from: a node's RPC, or a store. A height may be asked for again. The
 * block lives as long as the caller of bridge needs it. */
typedef struct cairn_light_source {
    cairn_err (*read)(void *context, uint64_t height, cairn_light_block *ret_block);
    void *context;
} cairn_light_source;

/* The blocks from `trusted`, without it, up to that of `height`, each verified from the one before:
 * tries the goal, and where too few of the trusted voted for it, the middle of the way. NOT_FOUND
 * when `height` is not above the trusted one; TOO_MANY when BLOCKS_MAX do not suffice; BAD_PROOF
 * when `read` gives another height; else what `read` and cairn_light_verify give. `rules` hold at
 * each step. */
cairn_err cairn_light_bridge(const cairn_light_state *trusted, const cairn_light_rules *rules,
                             const cairn_light_source *source, uint64_t height,
                             cairn_light_block ret_blocks[CAIRN_LIGHT_BLOCKS_MAX],
                             size_t *ret_count) CAIRN_MUST_USE;

#endif
