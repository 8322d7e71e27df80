/* The engine's JSON-RPC, as much of it as we ask: transactions are handed over, and blocks read.
 * Source: CometBFT 0.38, RPC; JSON-RPC 2.0. */
#ifndef CAIRN_LEDGER_CONSORTIUM_RPC_H
#define CAIRN_LEDGER_CONSORTIUM_RPC_H

#include "core/net/http_client.h"

enum {
    CAIRN_RPC_TIMEOUT_MS = 5000,
    CAIRN_RPC_REPLY_SIZE_MAX = 64 << 20,
    CAIRN_RPC_BATCH_MAX = 10,
};

/* Hands over at most CAIRN_RPC_BATCH_MAX transactions by broadcast_tx_async, in one call, over
 * `kept` unless that is NULL. For each: OK when the engine has it, were it from before; BUSY when
 * its pool is full, TOO_LARGE, UNAVAILABLE otherwise: it does not have it then. UNREACHABLE when
 * there was no answer, or the engine is still catching up: it may have some. */
cairn_err cairn_rpc_broadcast(cairn_arena *arena, const char *url, cairn_http_kept *kept,
                              const cairn_bytes *txs, size_t count,
                              cairn_err *ret_codes) CAIRN_MUST_USE;

/* The answer to /block for a height, in the arena: for double_vote.h. UNREACHABLE. */
cairn_err cairn_rpc_block(cairn_arena *arena, const char *url, uint64_t height,
                          cairn_bytes *ret_answer) CAIRN_MUST_USE;

/* Where an engine stands, by its own words: /status, /net_info and /abci_info. */
typedef struct cairn_rpc_status {
    char chain[51];
    uint64_t height;             /* of its last block; 0: none yet */
    uint64_t time_ms;            /* of that block */
    bool catching_up;            /* takes no part yet */
    uint64_t peers;              /* other engines that it is connected to */
    uint64_t application_height; /* as the application told it */
    uint64_t power;              /* of its own key in its own eyes; 0: no validator */
    uint64_t waiting;            /* transactions in its pool */
} cairn_rpc_status;

/* UNREACHABLE when it does not answer, or not with that. */
cairn_err cairn_rpc_get_status(cairn_arena *arena, const char *url,
                               cairn_rpc_status *ret_status) CAIRN_MUST_USE;

#endif
