/* What the loads of a consortium share: time, processor time of processes, and what must not fail.
 */
#ifndef CAIRN_BENCH_LOAD_H
#define CAIRN_BENCH_LOAD_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline void must(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(1);
}

/* Seconds. */
static inline double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds of processor time of the processes in a list with blanks between. */
static inline double cpu_of(const char *pids)
{
    double sum = 0;
    char *end;
    for (long pid = strtol(pids, &end, 10); pid > 0; pid = strtol(end, &end, 10)) {
        clockid_t clock;
        struct timespec t;
        must(clock_getcpuclockid((pid_t)pid, &clock) == 0 && clock_gettime(clock, &t) == 0,
             "a process has ended");
        sum += (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    }
    return sum;
}

#endif
