/* The memory of client assertions: each is good once (RFC 7523 section 3, jti). Bounded: when it is
 * full of ones that still live, further assertions are refused rather than old ones forgotten. */
#ifndef CAIRN_NODE_OAUTH_REPLAY_H
#define CAIRN_NODE_OAUTH_REPLAY_H

#include "cairn/bytes.h"

typedef struct cairn_replay cairn_replay;

/* `count_max` assertions at once, a power of two. NO_MEMORY. */
cairn_err cairn_replay_new(size_t count_max, cairn_replay **ret_replay) CAIRN_MUST_USE;
/* Takes NULL. */
void cairn_replay_free(cairn_replay *replay);
CAIRN_DEFINE_CLEANUP(cairn_replay, cairn_replay_free)

/* Remembers `digest` until `until_ms`. EXISTS when it is remembered already, BUSY when there is no
 * room. Any thread. */
cairn_err cairn_replay_take(cairn_replay *replay, const cairn_hash *digest, uint64_t until_ms,
                            uint64_t now_ms) CAIRN_MUST_USE;
/* Remembers again what was taken before a start: of one that comes twice, with another end because
 * the clock was set back meanwhile, the later end holds. BUSY. */
cairn_err cairn_replay_restore(cairn_replay *replay, const cairn_hash *digest, uint64_t until_ms,
                               uint64_t now_ms) CAIRN_MUST_USE;

#endif
