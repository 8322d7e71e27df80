/* Times as people give them on the command line. */
#ifndef CAIRN_COMMAND_TIMES_H
#define CAIRN_COMMAND_TIMES_H

#include "cairn/bytes.h"

/* Milliseconds since 1970 of an RFC 3339 time in UTC ("2026-11-24T12:00:00Z", with or without
 * milliseconds), or of now when `text` is NULL. USAGE for anything else. */
cairn_err cairn_time_option(const char *text, uint64_t *ret_wall_ms) CAIRN_MUST_USE;

#endif
