/* Callers by certificate, remembered for as long as the ledger stands still: a kept connection
 * brings the same certificate with each call, and to check it costs more than to answer. What is
 * remembered ends with the next block, which may end a key, and after a second, in which a
 * certificate may expire. What a CA has issued (its principal expires) is checked each time: that
 * it is revoked shows in no block. Source: house. */
#ifndef CAIRN_NODE_CALLERS_H
#define CAIRN_NODE_CALLERS_H

#include "core/net/route.h"
#include "ledger/engine.h"

typedef struct cairn_callers cairn_callers;

enum {
    CAIRN_CALLERS_MAX = 4096, /* certificates that are remembered */
    CAIRN_CALLERS_LIFE_MS = 1000,
};

/* In front of `inner`, which outlives it, as `engine` does. NO_MEMORY. */
cairn_err cairn_callers_new(const cairn_clock *clock, cairn_engine *engine,
                            const cairn_authenticator *inner,
                            cairn_callers **ret_callers) CAIRN_MUST_USE;
/* When no authentication is under way. Takes NULL. */
void cairn_callers_free(cairn_callers *callers);
CAIRN_DEFINE_CLEANUP(cairn_callers, cairn_callers_free)

cairn_authenticator cairn_callers_authenticator(cairn_callers *callers);

#endif
