/* Time behind two function pointers, so that tests and simulations supply it. A clock is passed
 * explicitly; nothing in the house asks the system for the time on its own. Source: house (STYLE,
 * Tests). */
#ifndef CAIRN_CORE_CLOCK_H
#define CAIRN_CORE_CLOCK_H

#include <stdint.h>

/* A small value, copied freely. `context` must outlive every copy. */
typedef struct cairn_clock {
    uint64_t (*wall_ms)(void *context);      /* milliseconds since 1970-01-01T00:00Z */
    uint64_t (*monotonic_ns)(void *context); /* nanoseconds since an arbitrary start */
    void *context;
} cairn_clock;

/* The clock of this machine. Any thread. */
cairn_clock cairn_clock_system(void);

/* Milliseconds since 1970-01-01T00:00Z; it may jump when the machine's clock is set. */
static inline uint64_t cairn_clock_wall_ms(const cairn_clock *clock)
{
    return clock->wall_ms(clock->context);
}

/* Nanoseconds since an arbitrary start; never goes back. */
static inline uint64_t cairn_clock_monotonic_ns(const cairn_clock *clock)
{
    return clock->monotonic_ns(clock->context);
}

/* A clock that stands still until somebody advances it. Not thread-safe. */
typedef struct cairn_clock_manual {
    uint64_t wall_ms;
    uint64_t monotonic_ns;
} cairn_clock_manual;

/* The clock that reads `manual`, which the caller keeps alive. */
cairn_clock cairn_clock_of_manual(cairn_clock_manual *manual);

/* Moves both times forward. */
void cairn_clock_manual_advance_ms(cairn_clock_manual *manual, uint64_t ms);

enum { CAIRN_CLOCK_TEXT_SIZE = 25 }; /* bytes of "2026-01-31T12:00:00.000Z" with its NUL */

/* RFC 3339 in UTC with milliseconds. Times after the year 9999 are written as its last
 * millisecond. */
void cairn_clock_format(uint64_t wall_ms, char ret_text[CAIRN_CLOCK_TEXT_SIZE]);

#endif
