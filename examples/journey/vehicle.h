/* A small passenger car in motion: longitudinal dynamics with engine, gears and brakes, a bicycle
 * model for steering and yaw, and a frontal crash. One step is one millisecond. Floating point, and
 * no part of the trusted code: it only makes the journey's data.
 *
 * Units: metres, seconds, radians, newtons, bars. Signs: ahead and left are positive. */
#ifndef DRIVE_VEHICLE_H
#define DRIVE_VEHICLE_H

#include <stdbool.h>

/* What the driver does with hands and feet. */
typedef struct vehicle_controls {
    double pedal;          /* accelerator, 0 to 1 */
    double brake_bar;      /* pressure asked for, 0 to 180 */
    double road_wheel_rad; /* steering angle asked for at the front wheels */
} vehicle_controls;

typedef struct vehicle {
    double time_s;
    double speed_mps, accel_mps2; /* of the body, ahead */
    double lateral_mps2;
    double side_speed_mps, yaw_rate_rps;
    double road_wheel_rad, road_wheel_rate_rps;
    double throttle; /* 0 to 1, behind the pedal */
    double brake_bar;
    double rpm;
    double odometer_m;
    int gear; /* 1 to 6 */
    double shifted_at_s;
    bool engine_on, abs_active;

    bool crashed;
    double impact_at_s, impact_speed_mps;
    double pulse_delta_v_mps; /* what the obstacle takes in all */
    double delta_v_mps;       /* what it has taken so far */
} vehicle;

#define VEHICLE_STEP_S 0.001
#define VEHICLE_PULSE_S 0.110       /* length of the crash pulse */
#define VEHICLE_STEERING_RATIO 15.5 /* steering wheel to road wheel */
#define VEHICLE_WHEELBASE_M 2.65
#define VEHICLE_UNDERSTEER 0.0025 /* radians for each m/s2 of lateral acceleration */

/* Standing, engine running, first gear. */
void vehicle_init(vehicle *v);

/* One millisecond further. */
void vehicle_step(vehicle *v, const vehicle_controls *controls);

/* Hits an obstacle now: from the next step on a haversine pulse takes 85 % of the speed within
 * VEHICLE_PULSE_S; the engine stops. */
void vehicle_crash(vehicle *v);

/* Greatest driving force at this speed and gear. */
double vehicle_drive_force_max(const vehicle *v);

/* Air and rolling resistance at this speed. */
double vehicle_resistance(const vehicle *v);

#define VEHICLE_MASS_KG 1480.0
#define VEHICLE_BRAKE_N_PER_BAR 80.0

#endif
