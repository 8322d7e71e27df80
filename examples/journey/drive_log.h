/* The drive as a candump log: `(seconds.micros) can0 ID#HEX`, one line a frame. */
#ifndef DRIVE_DRIVE_LOG_H
#define DRIVE_DRIVE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct drive_options {
    unsigned seconds;    /* DRIVER_SECONDS_MIN to DRIVER_SECONDS_MAX */
    uint64_t seed;       /* of the measurement noise and the bus's jitter */
    uint64_t start_unix; /* seconds since 1970 of the first moment */
} drive_options;

/* 60 seconds, seed 1, 2026-01-01T00:00:00Z. */
drive_options drive_options_default(void);

/* Simulates and writes; false when `out` refuses. The same options give the same bytes. */
bool drive_write(FILE *out, const drive_options *options);

#endif
