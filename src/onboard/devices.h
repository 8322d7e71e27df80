/* The devices of a ledger as a projection: for whom the state map, being a map of hashes, tells
 * nothing. It holds the records as the log makes them, the steps of each history, and whose devices
 * are in which state. Who may read what of it is for its readers.
 * Source: house (docs/features/onboard.md). */
#ifndef CAIRN_ONBOARD_DEVICES_H
#define CAIRN_ONBOARD_DEVICES_H

#include "core/jobs/projection.h"
#include "onboard/onboard.h"

enum {
    CAIRN_DEVICES_RECORDS, /* index: the record */
    CAIRN_DEVICES_STEPS,   /* index ‖ u64 version: what made it */
    CAIRN_DEVICES_HELD, /* holder ‖ u8 state ‖ index: nothing. Held by its owner, or by who made
                           it while it has none */
    CAIRN_DEVICES_MADE, /* manufacturer ‖ index: nothing */
    CAIRN_DEVICES_TABLES,
};
enum { CAIRN_DEVICES_HELD_KEY_SIZE = 32 + 1 + 32 };

extern const cairn_projection cairn_devices_projection;

/* How a device came to a version. The transaction is in the log. */
typedef struct cairn_devices_step {
    uint64_t version;
    uint64_t log_index;
    uint64_t height;
    uint64_t time_ms;
    cairn_hash org; /* the signer's; zeros when it was barred */
    bool barred;
} cairn_devices_step;

/* The steps of one device, in the arena, oldest first; none for one that is not there. */
cairn_err cairn_devices_history(cairn_projection_view *view, cairn_arena *arena,
                                const cairn_hash *index, const cairn_devices_step **ret_steps,
                                size_t *ret_count) CAIRN_MUST_USE;

/* The devices that `org` holds in `state` (0: in any), behind `after` (zeros: from the start): the
 * next one's index. NOT_FOUND without a detail at the end. */
typedef struct cairn_devices_walk {
    cairn_hash org;
    uint64_t state;
    uint8_t after[CAIRN_DEVICES_HELD_KEY_SIZE];
    size_t after_size; /* 0: from the start */
} cairn_devices_walk;
cairn_err cairn_devices_next(cairn_projection_view *view, cairn_devices_walk *walk,
                             cairn_hash *ret_index) CAIRN_MUST_USE;

#endif
