/* Signals are little-endian integers with a factor; out of range they saturate, as sensors do. */
#include "frames.h"

#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

static uint64_t next_u64(noise *n)
{
    uint64_t z = n->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double noise_next(noise *n)
{
    double sum = 0; /* of four uniform numbers, each of variance 1/12 */
    for (unsigned i = 0; i < 4; i++)
        sum += (double)(next_u64(n) >> 11) / 9007199254740992.0 - 0.5;
    return sum * sqrt(3.0);
}

uint8_t frame_crc(const uint8_t *data, size_t size)
{
    unsigned crc = 0xff;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = (crc & 0x80) != 0 ? (crc << 1) ^ 0x1d : crc << 1;
    }
    return (uint8_t)(crc ^ 0xff);
}

static long scaled(double value, double factor, long low, long high)
{
    double steps = round(value / factor);
    return steps < (double)low ? low : steps > (double)high ? high : (long)steps;
}

static void put_u8(uint8_t *at, double value, double factor)
{
    *at = (uint8_t)scaled(value, factor, 0, UINT8_MAX);
}

static void put_u16(uint8_t *at, double value, double factor)
{
    unsigned long steps = (unsigned long)scaled(value, factor, 0, UINT16_MAX);
    at[0] = (uint8_t)(steps & 0xff);
    at[1] = (uint8_t)(steps >> 8);
}

static void put_i16(uint8_t *at, double value, double factor)
{
    uint16_t steps = (uint16_t)scaled(value, factor, INT16_MIN, INT16_MAX);
    at[0] = (uint8_t)(steps & 0xff);
    at[1] = (uint8_t)(steps >> 8);
}

/* A sensor at rest says zero, not noise. */
static double measured(const observation *o, double value, double sigma)
{
    double error = noise_next(o->noise) * sigma;
    return o->vehicle->speed_mps > 0 ? value + error : value;
}

static void encode_speed(const observation *o, uint8_t *data)
{
    const vehicle *v = o->vehicle;
    put_u16(data, fmax(0, measured(o, v->speed_mps * 3.6, 0.015)), 0.01);
    put_i16(data + 2, measured(o, v->accel_mps2, 0.03), 0.01);
    put_i16(data + 4, measured(o, v->lateral_mps2, 0.03), 0.01);
    data[6] = v->speed_mps > 0 ? 0x10 : 0;
}

static void encode_brake(const observation *o, uint8_t *data)
{
    const vehicle *v = o->vehicle;
    put_u16(data, fmax(0, v->brake_bar + 0.05 * noise_next(o->noise)), 0.1);
    for (unsigned i = 0; i < 4; i++) /* about the speed of each wheel */
        put_u8(data + 2 + i, fmax(0, measured(o, v->speed_mps * 3.6, 0.1)), 1.0);
    data[6] = (uint8_t)((v->brake_bar > 1 ? 0x10 : 0) | (v->abs_active ? 0x20 : 0));
}

static void encode_steering(const observation *o, uint8_t *data)
{
    const vehicle *v = o->vehicle;
    double degrees = 180 / pi;
    put_i16(data, v->road_wheel_rad * VEHICLE_STEERING_RATIO * degrees, 0.1);
    put_i16(data + 2, v->road_wheel_rate_rps * VEHICLE_STEERING_RATIO * degrees, 1.0);
    put_i16(data + 4, measured(o, v->yaw_rate_rps * degrees, 0.04), 0.01);
}

static void encode_engine(const observation *o, uint8_t *data)
{
    const vehicle *v = o->vehicle;
    double ripple = v->rpm > 100 ? 4 * noise_next(o->noise) : 0;
    put_u16(data, fmax(0, v->rpm + ripple), 0.25);
    put_u8(data + 2, v->throttle * 100, 0.5);
    data[3] = (uint8_t)v->gear;
    put_u8(data + 4, 88 + 40, 1.0); /* coolant, offset by 40 degrees */
    data[6] = v->engine_on ? 0x10 : 0;
}

static void encode_body(const observation *o, uint8_t *data)
{
    uint32_t odometer = 123456 + (uint32_t)(o->vehicle->odometer_m / 100); /* steps of 100 m */
    data[0] = (uint8_t)(odometer & 0xff);
    data[1] = (uint8_t)((odometer >> 8) & 0xff);
    data[2] = (uint8_t)((odometer >> 16) & 0xff);
    data[3] = 0x03; /* both belts are fastened */
    data[4] = (uint8_t)o->driver->indicator;
    data[5] = 0x01;                           /* low beam */
    data[6] = o->vehicle->crashed ? 0x10 : 0; /* hazard lights */
}

static void encode_airbag(const observation *o, uint8_t *data)
{
    const vehicle *v = o->vehicle;
    put_u8(data, v->delta_v_mps * 3.6, 0.5);
    if (o->deploy_at_s >= 0) {
        data[1] = 0x03; /* driver and passenger */
        put_u8(data + 2, (o->deploy_at_s - v->impact_at_s) * 1000, 1.0);
        data[3] = 1; /* events stored */
        data[6] = 0x10;
    }
}

const message messages[MESSAGE_COUNT] = {
    [MESSAGE_AIRBAG] = {0x050, 100000, 7300, encode_airbag},
    [MESSAGE_SPEED] = {0x0a0, 10000, 1000, encode_speed},
    [MESSAGE_BRAKE] = {0x0b0, 10000, 3400, encode_brake},
    [MESSAGE_STEERING] = {0x0c4, 10000, 5700, encode_steering},
    [MESSAGE_ENGINE] = {0x110, 20000, 8200, encode_engine},
    [MESSAGE_BODY] = {0x3b0, 100000, 9100, encode_body},
};

void frame_encode(const message *m, const observation *o, unsigned counter,
                  uint8_t data[FRAME_SIZE])
{
    memset(data, 0, FRAME_SIZE);
    m->encode(o, data);
    data[6] = (uint8_t)((data[6] & 0xf0) | (counter & 0x0f));
    data[FRAME_CRC_AT] = frame_crc(data, FRAME_CRC_AT);
}
