/* Devices of a ledger from the projection of the directory's own jobs. Source: house
 * (docs/features/onboard.md). */
#ifndef CAIRN_COMMAND_DEVICE_LISTING_H
#define CAIRN_COMMAND_DEVICE_LISTING_H

#include "command/home.h"
#include "onboard/onboard.h"

/* Calls `visit` for each device that `org` holds in `state` (0: in any). An error of `visit` ends
 * the walk and is returned. LOCKED while a node holds the directory. */
cairn_err cairn_device_listing_each(cairn_home *home, const cairn_hash *org, uint64_t state,
                                    cairn_err (*visit)(void *context, const cairn_hash *index),
                                    void *context) CAIRN_MUST_USE;

/* The steps of a device's history, oldest first, in the command's arena. LOCKED as above. */
cairn_err cairn_device_listing_steps(cairn_home *home, const cairn_hash *index,
                                     const cairn_devices_step **ret_steps,
                                     size_t *ret_count) CAIRN_MUST_USE;

#endif
