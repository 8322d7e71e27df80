/* The servers' lines in the log. No GUID of a device is written. Source: house. */
#ifndef CAIRN_ONBOARD_LOG_H
#define CAIRN_ONBOARD_LOG_H

#include "core/log.h"
#include "onboard/server/service.h"

/* Events: onboard.done, onboard.failed. */
extern const cairn_log_table cairn_fdo_log_events;

/* Writes the event under a number that rises with time, and is returned: the correlation id. */
uint64_t cairn_fdo_log_event(cairn_log *log, const cairn_clock *clock,
                             const cairn_fdo_event *event);

#endif
