/* What a server of devices asks the ledger before it deals with one: is the device found there, not
 * at its end, its voucher the newest, and nobody on whom it depends revoked. Never answered from a
 * picture of the ledger that is older than the bound. Source: docs/features/onboard.md. */
#ifndef CAIRN_ONBOARD_GATE_H
#define CAIRN_ONBOARD_GATE_H

#include "core/clock.h"
#include "onboard/onboard.h"
#include "onboard/wire/voucher.h"

enum { CAIRN_GATE_AGE_MAX_MS = 60000 }; /* if nothing else is configured */

/* Borrowed by all who ask; any thread. */
typedef struct cairn_onboard_gate {
    cairn_clock clock;
    uint64_t age_max_ms;
    void *context;
    /* The newest state that is at hand, and the wall time at which it was known to be the newest:
     * now for a ledger of one's own, the last contact for a follower. */
    cairn_err (*look)(void *context, cairn_state_source *ret_state, uint64_t *ret_known_ms);
} cairn_onboard_gate;

/* May the device with this GUID and salt go on, its voucher ending in `head` (NULL: not asked):
 * NOT_FOUND for one that the ledger does not know, MISMATCH when it has another head (the voucher
 * was sold on, or to somebody else), CLOSED and EXPIRED as cairn_onboard_check, and UNAVAILABLE
 * when the ledger was not seen for longer than the bound. [X1353-R20] [X1353-R23] */
cairn_err cairn_onboard_gate_check(const cairn_onboard_gate *gate, const cairn_fdo_guid *guid,
                                   const cairn_hash *salt,
                                   const cairn_fdo_hash *head) CAIRN_MUST_USE;

/* What the entry after these would have to begin with. */
cairn_err cairn_onboard_voucher_head(const cairn_fdo_voucher *voucher,
                                     cairn_fdo_hash *ret_head) CAIRN_MUST_USE;

#endif
