/* The six messages of the vehicle's bus; README.md and drive.dbc describe every bit. */
#ifndef DRIVE_FRAMES_H
#define DRIVE_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "driver.h"
#include "vehicle.h"

enum { FRAME_SIZE = 8, FRAME_CRC_AT = 7 };

/* A seeded source of measurement noise (splitmix64): the same seed, the same drive. */
typedef struct noise {
    uint64_t state;
} noise;

/* About normal, mean 0, standard deviation 1, within 3.5. */
double noise_next(noise *n);

/* What the sensors see of the vehicle at one moment. */
typedef struct observation {
    const vehicle *vehicle;
    const driver *driver;
    noise *noise;
    double deploy_at_s; /* when the airbags fired, negative before */
} observation;

/* One message: `encode` fills bytes 0 to 5 and the upper half of byte 6; counter and CRC are put in
 * by frame_encode. */
typedef struct message {
    uint32_t id; /* 11 bits; a lower one wins the bus */
    uint32_t period_us;
    uint32_t offset_us;
    void (*encode)(const observation *o, uint8_t data[FRAME_SIZE]);
} message;

enum {
    MESSAGE_AIRBAG,
    MESSAGE_SPEED,
    MESSAGE_BRAKE,
    MESSAGE_STEERING,
    MESSAGE_ENGINE,
    MESSAGE_BODY,
    MESSAGE_COUNT
};
extern const message messages[MESSAGE_COUNT];

void frame_encode(const message *m, const observation *o, unsigned counter,
                  uint8_t data[FRAME_SIZE]);

/* CRC-8 of SAE J1850: polynomial 0x1d, start and final exclusive-or 0xff. */
uint8_t frame_crc(const uint8_t *data, size_t size);

#endif
