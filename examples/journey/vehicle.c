/* The equations are those of any textbook on vehicle dynamics; the figures are of a compact car. */
#include "vehicle.h"

#include <math.h>

static const double gear_ratio[] = {0, 3.60, 2.10, 1.40, 1.00, 0.80, 0.65};
enum { GEAR_MAX = 6 };

static const double pi = 3.14159265358979323846;
static const double gravity = 9.81;
static const double final_ratio = 4.0;
static const double wheel_radius_m = 0.31;
static const double driveline_efficiency = 0.92;
static const double air_kg_per_m = 0.5 * 1.2 * 0.66; /* half rho Cd A */
static const double rolling_coefficient = 0.011;
static const double tyre_friction = 0.90;
static const double idle_rpm = 800;
static const double engine_drag_nm = 25;
static const double front_m = 1.15, rear_m = 1.50; /* axles from the centre of mass */
static const double yaw_inertia = 2300;
static const double front_stiffness = 95000, rear_stiffness = 105000; /* N per rad */
static const double steering_rate_max = 0.55;                         /* rad/s at the road wheel */

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

void vehicle_init(vehicle *v)
{
    *v = (vehicle){.rpm = idle_rpm, .gear = 1, .engine_on = true, .brake_bar = 20};
}

static double wheel_rpm(const vehicle *v, int gear)
{
    return v->speed_mps / wheel_radius_m * gear_ratio[gear] * final_ratio * 60 / (2 * pi);
}

/* The torque converter slips at low speed. */
static double engine_rpm(const vehicle *v)
{
    double slipping = idle_rpm + 1100 * v->throttle;
    return fmax(wheel_rpm(v, v->gear), slipping);
}

static double engine_torque_max(double rpm)
{
    double x = (rpm - 3000) / 4500;
    return fmax(0, 225 * (1 - x * x));
}

static double wheel_force(const vehicle *v, double torque_nm)
{
    return torque_nm * gear_ratio[v->gear] * final_ratio * driveline_efficiency / wheel_radius_m;
}

double vehicle_drive_force_max(const vehicle *v)
{
    double traction = 0.5 * tyre_friction * VEHICLE_MASS_KG * gravity;
    return fmin(traction, wheel_force(v, engine_torque_max(engine_rpm(v))));
}

double vehicle_resistance(const vehicle *v)
{
    if (v->speed_mps <= 0)
        return 0;
    return air_kg_per_m * v->speed_mps * v->speed_mps +
           rolling_coefficient * VEHICLE_MASS_KG * gravity;
}

/* Engine drag when the foot is off the pedal and the clutch is closed. */
static double engine_drag(const vehicle *v)
{
    bool closed = v->engine_on && wheel_rpm(v, v->gear) > idle_rpm;
    return closed ? (1 - v->throttle) * wheel_force(v, engine_drag_nm) : 0;
}

static void shift(vehicle *v)
{
    double rpm = wheel_rpm(v, v->gear);
    if (!v->engine_on || v->time_s - v->shifted_at_s < 0.8)
        return;
    int wanted = v->gear;
    if (rpm > 2300 + 2500 * v->throttle && v->gear < GEAR_MAX)
        wanted++;
    else if (rpm < 1150 && v->gear > 1)
        wanted--;
    if (wanted != v->gear)
        v->shifted_at_s = v->time_s;
    v->gear = wanted;
}

/* Half of one minus cosine: no jerk at either end. */
static double pulse_accel(const vehicle *v)
{
    double t = v->time_s - v->impact_at_s;
    if (!v->crashed || t >= VEHICLE_PULSE_S)
        return 0;
    return -v->pulse_delta_v_mps / VEHICLE_PULSE_S * (1 - cos(2 * pi * t / VEHICLE_PULSE_S));
}

/* Brakes up to the tyres' grip, where the anti-lock system holds them; after the crash the car
 * slides. */
static double brake_force(vehicle *v)
{
    double grip = tyre_friction * VEHICLE_MASS_KG * gravity;
    v->abs_active = false;
    if (v->crashed)
        return 0.75 * grip;
    double force = v->brake_bar * VEHICLE_BRAKE_N_PER_BAR;
    v->abs_active = force > 0.72 * grip && v->speed_mps > 2;
    return fmin(force, 0.85 * grip);
}

static void step_ahead(vehicle *v)
{
    double drive = v->engine_on ? v->throttle * vehicle_drive_force_max(v) : 0;
    double hold = brake_force(v) + vehicle_resistance(v) + engine_drag(v);
    double pulse = pulse_accel(v);
    double accel = (drive - hold) / VEHICLE_MASS_KG + pulse;
    if (v->speed_mps <= 0 && accel < 0)
        accel = 0;
    double next = fmax(0, v->speed_mps + accel * VEHICLE_STEP_S);
    v->accel_mps2 = (next - v->speed_mps) / VEHICLE_STEP_S;
    v->delta_v_mps -= pulse * VEHICLE_STEP_S;
    v->odometer_m += 0.5 * (v->speed_mps + next) * VEHICLE_STEP_S;
    v->speed_mps = next;
}

/* Linear tyres; below walking pace, where slip angles lose their meaning, pure geometry. */
static void step_sideways(vehicle *v)
{
    double u = v->speed_mps, delta = v->road_wheel_rad;
    if (u < 3) {
        v->side_speed_mps = 0;
        v->yaw_rate_rps = u * tan(delta) / VEHICLE_WHEELBASE_M;
        v->lateral_mps2 = u * v->yaw_rate_rps;
        return;
    }
    double grip = 0.5 * tyre_friction * VEHICLE_MASS_KG * gravity;
    double front_slip = delta - atan((v->side_speed_mps + front_m * v->yaw_rate_rps) / u);
    double rear_slip = -atan((v->side_speed_mps - rear_m * v->yaw_rate_rps) / u);
    double front = clamp(front_stiffness * front_slip, -grip, grip);
    double rear = clamp(rear_stiffness * rear_slip, -grip, grip);
    v->lateral_mps2 = (front + rear) / VEHICLE_MASS_KG;
    v->side_speed_mps += (v->lateral_mps2 - u * v->yaw_rate_rps) * VEHICLE_STEP_S;
    v->yaw_rate_rps += (front_m * front - rear_m * rear) / yaw_inertia * VEHICLE_STEP_S;
}

static double lag(double have, double want, double time_constant_s)
{
    return have + (want - have) * VEHICLE_STEP_S / time_constant_s;
}

void vehicle_step(vehicle *v, const vehicle_controls *controls)
{
    v->throttle = v->engine_on ? lag(v->throttle, clamp(controls->pedal, 0, 1), 0.10) : 0;
    v->brake_bar = lag(v->brake_bar, clamp(controls->brake_bar, 0, 180), 0.06);
    double rate = (controls->road_wheel_rad - v->road_wheel_rad) / 0.25;
    v->road_wheel_rate_rps = clamp(rate, -steering_rate_max, steering_rate_max);
    v->road_wheel_rad += v->road_wheel_rate_rps * VEHICLE_STEP_S;
    shift(v);
    step_ahead(v);
    step_sideways(v);
    v->rpm = v->engine_on ? lag(v->rpm, engine_rpm(v), 0.08) : lag(v->rpm, 0, 0.25);
    v->time_s += VEHICLE_STEP_S;
}

void vehicle_crash(vehicle *v)
{
    v->crashed = true;
    v->impact_at_s = v->time_s;
    v->impact_speed_mps = v->speed_mps;
    v->pulse_delta_v_mps = 0.85 * v->speed_mps;
    v->yaw_rate_rps += 0.35; /* the hit is not quite central */
    v->engine_on = false;
}
