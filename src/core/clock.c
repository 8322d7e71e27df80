/* The machine's clock, the manual one, and how a time is written. */
#include "core/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cairn/err.h"

static uint64_t read_ns(clockid_t id)
{
    struct timespec now;
    CAIRN_ASSERT(clock_gettime(id, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t system_wall_ms(void *context)
{
    (void)context;
    return read_ns(CLOCK_REALTIME) / 1000000u;
}

static uint64_t system_monotonic_ns(void *context)
{
    (void)context;
    return read_ns(CLOCK_MONOTONIC);
}

cairn_clock cairn_clock_system(void)
{
    return (cairn_clock){.wall_ms = system_wall_ms, .monotonic_ns = system_monotonic_ns};
}

/* The fields are plain, for tests to set before there are threads; to read and to advance is
 * atomic. */
static uint64_t manual_wall_ms(void *context)
{
    const cairn_clock_manual *manual = context;
    return __atomic_load_n(&manual->wall_ms, __ATOMIC_RELAXED);
}

static uint64_t manual_monotonic_ns(void *context)
{
    const cairn_clock_manual *manual = context;
    return __atomic_load_n(&manual->monotonic_ns, __ATOMIC_RELAXED);
}

cairn_clock cairn_clock_of_manual(cairn_clock_manual *manual)
{
    return (cairn_clock){
        .wall_ms = manual_wall_ms, .monotonic_ns = manual_monotonic_ns, .context = manual};
}

void cairn_clock_manual_advance_ms(cairn_clock_manual *manual, uint64_t ms)
{
    (void)__atomic_fetch_add(&manual->wall_ms, ms, __ATOMIC_RELAXED);
    (void)__atomic_fetch_add(&manual->monotonic_ns, ms * 1000000u, __ATOMIC_RELAXED);
}

void cairn_clock_format(uint64_t wall_ms, char ret_text[CAIRN_CLOCK_TEXT_SIZE])
{
    const uint64_t last_ms = 253402300799999u; /* 9999-12-31T23:59:59.999Z */
    uint64_t ms = wall_ms < last_ms ? wall_ms : last_ms;
    time_t seconds = (time_t)(ms / 1000u);
    struct tm utc;
    CAIRN_ASSERT(gmtime_r(&seconds, &utc) != NULL);
    char date[CAIRN_CLOCK_TEXT_SIZE];
    size_t size = strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    CAIRN_ASSERT(size == 19);
    (void)snprintf(ret_text, CAIRN_CLOCK_TEXT_SIZE, "%.19s.%03uZ", date, (unsigned)(ms % 1000u));
}
