/* The driver: a route of streets and road, the feet and hands that follow it, and the obstacle that
 * is seen too late. */
#ifndef DRIVE_DRIVER_H
#define DRIVE_DRIVER_H

#include "vehicle.h"

typedef enum indicator { INDICATOR_NONE, INDICATOR_LEFT, INDICATOR_RIGHT } indicator;

typedef struct driver {
    double crash_at_s;
    indicator indicator;
} driver;

#define DRIVER_REACTION_S 1.0    /* before the impact the brake is hit */
#define DRIVER_AFTER_CRASH_S 3.0 /* the log goes on that long */
#define DRIVER_SECONDS_MIN 25
#define DRIVER_SECONDS_MAX 3600

/* A drive of `seconds` (within the bounds above) that ends in a crash. */
void driver_init(driver *d, double seconds);

/* What the driver does at this moment; tells the vehicle when it hits the obstacle. */
vehicle_controls driver_step(driver *d, vehicle *v);

#endif
