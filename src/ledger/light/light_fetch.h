/* Light blocks of a running node, by its RPC. Whatever it says is only a claim: cairn_light_verify
 * judges. Source: CometBFT 0.38, RPC (/commit, /validators). Blocks; any thread. */
#ifndef CAIRN_LEDGER_LIGHT_LIGHT_FETCH_H
#define CAIRN_LEDGER_LIGHT_LIGHT_FETCH_H

#include "ledger/light/light_bridge.h"

enum {
    CAIRN_LIGHT_TIMEOUT_MS = 5000, /* of one answer */
    CAIRN_LIGHT_PAGE_SIZE = 100,   /* validators of one page: the most that the engine gives */
};

/* A node whose RPC is asked. */
typedef struct cairn_light_node {
    cairn_arena *arena;            /* of the answers */
    const char *url;               /* without a slash at its end */
    const _Atomic bool *cancelled; /* or NULL; as in cairn_http_call */
} cairn_light_node;

/* The block of `height` and its validators, all pages; in the node's arena. UNREACHABLE when there
 * is no answer, else what cairn_light_block_from_rpc gives: UNAVAILABLE for a height that is pruned
 * or to come. */
cairn_err cairn_light_fetch(const cairn_light_node *node, uint64_t height,
                            cairn_light_block *ret_block) CAIRN_MUST_USE;

/* The same as a source of blocks. */
cairn_light_source cairn_light_node_source(cairn_light_node *node);

#endif
