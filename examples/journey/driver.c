/* A route is a list of legs, walked again and again until the last approach. */
#include "driver.h"

#include <math.h>

typedef struct leg {
    double seconds;
    double target_kmh;
    double curvature; /* 1/m, left positive */
    indicator indicator;
} leg;

static const leg route[] = {
    {3, 0, 0, INDICATOR_NONE},           /* engine on, standing */
    {8, 48, 0, INDICATOR_LEFT},          /* into the street */
    {3, 24, 0, INDICATOR_RIGHT},         /* slow for a corner */
    {4, 22, -1.0 / 14, INDICATOR_RIGHT}, /* turn right */
    {6, 50, 0, INDICATOR_NONE},
    {5, 0, 0, INDICATOR_NONE}, /* a red light */
    {3, 0, 0, INDICATOR_NONE},
    {4, 25, 1.0 / 25, INDICATOR_LEFT}, /* turn left, out of town */
    {8, 80, 0, INDICATOR_NONE},
    {5, 88, 0.0035, INDICATOR_NONE}, /* bends of the road */
    {5, 88, -0.0040, INDICATOR_NONE},
    {6, 70, 0.0030, INDICATOR_NONE},
};
static const leg approach = {0, 78, 0.0012, INDICATOR_NONE};
#define APPROACH_S 16.0

static const leg *leg_at(const driver *d, double time_s)
{
    if (time_s >= d->crash_at_s - APPROACH_S)
        return &approach;
    double total = 0;
    for (unsigned i = 0; i < sizeof route / sizeof route[0]; i++)
        total += route[i].seconds;
    double within = fmod(time_s, total);
    unsigned i = 0;
    while (within >= route[i].seconds)
        within -= route[i++].seconds;
    return &route[i];
}

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* Turns the wanted acceleration into one of the two pedals. */
static void use_feet(const vehicle *v, double target_mps, vehicle_controls *controls)
{
    if (target_mps < 0.5 && v->speed_mps < 0.5) {
        controls->brake_bar = 20;
        return;
    }
    double accel = clamp(0.7 * (target_mps - v->speed_mps), -3.2, 2.4);
    double force = accel * VEHICLE_MASS_KG + vehicle_resistance(v);
    if (force > 0)
        controls->pedal = clamp(force / fmax(1, vehicle_drive_force_max(v)), 0, 1);
    else
        controls->brake_bar = -force / VEHICLE_BRAKE_N_PER_BAR;
}

void driver_init(driver *d, double seconds)
{
    *d = (driver){.crash_at_s = seconds - DRIVER_AFTER_CRASH_S};
}

vehicle_controls driver_step(driver *d, vehicle *v)
{
    vehicle_controls controls = {0, 0, 0};
    if (!v->crashed && v->time_s >= d->crash_at_s)
        vehicle_crash(v);
    const leg *now = leg_at(d, v->time_s);
    d->indicator = now->indicator;
    if (v->crashed) {
        controls.road_wheel_rad = v->road_wheel_rad;
        return controls;
    }
    double lateral = now->curvature * v->speed_mps * v->speed_mps;
    controls.road_wheel_rad =
        now->curvature * VEHICLE_WHEELBASE_M + VEHICLE_UNDERSTEER * clamp(lateral, -6, 6);
    if (v->time_s >= d->crash_at_s - DRIVER_REACTION_S) {
        controls.brake_bar = 150;
        controls.road_wheel_rad += 0.02; /* too late to swerve */
    } else {
        use_feet(v, now->target_kmh / 3.6, &controls);
    }
    return controls;
}
