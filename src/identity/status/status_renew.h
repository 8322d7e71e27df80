/* Status lists are published anew before they expire: an anchor of a list of the node's own
 * organisation sets a timer for when two thirds of its life have passed; its handler publishes the
 * list, whose anchor sets the next one. What was set and not yet published is published with it.
 * Source: house (docs/features/identity.md, Status lists). */
#ifndef CAIRN_IDENTITY_STATUS_RENEW_H
#define CAIRN_IDENTITY_STATUS_RENEW_H

#include "core/jobs/jobs.h"

extern const cairn_reaction cairn_status_reaction;
extern const cairn_timer_owner cairn_status_timer_owner;

/* Event: status.renewed. */
extern const cairn_log_table cairn_status_log_events;

/* When a list that is anchored at `now_ms` until `expires_ms` is published anew. */
uint64_t cairn_status_renew_at(uint64_t now_ms, uint64_t expires_ms);

#endif
