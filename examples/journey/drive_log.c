/* A bus of 500 kbit/s: a frame waits until the bus is free, and of those that wait the lowest id
 * goes first. The airbag controller also sends once at the moment of deployment. */
#include "drive_log.h"

#include "frames.h"

/* A standard frame of 8 bytes has 111 bits and some stuffing. */
enum { FRAME_US = 240, JITTER_US = 60, STEP_US = 1000 };

/* The airbag controller decides at a change of 4 km/h; the bags fire a little later, and the frame
 * that says so is asked for after that. */
#define DEPLOY_DELTA_V_MPS (4.0 / 3.6)
#define DEPLOY_DELAY_S 0.006
enum { DEPLOY_FRAME_US = 1500 };

typedef struct bus {
    uint64_t due_us[MESSAGE_COUNT];
    unsigned counter[MESSAGE_COUNT];
    uint64_t free_us;
} bus;

drive_options drive_options_default(void)
{
    return (drive_options){.seconds = 60, .seed = 1, .start_unix = 1767225600};
}

/* The message that goes next and begins before `end_us`: the first due, or the lowest id among
 * those that are due when the bus becomes free. MESSAGE_COUNT when there is none. */
static unsigned next_message(const bus *b, uint64_t end_us, uint64_t *ret_start_us)
{
    unsigned first = 0;
    for (unsigned i = 1; i < MESSAGE_COUNT; i++)
        if (b->due_us[i] < b->due_us[first])
            first = i;
    uint64_t start = b->due_us[first] > b->free_us ? b->due_us[first] : b->free_us;
    if (start >= end_us)
        return MESSAGE_COUNT;
    *ret_start_us = start;
    for (unsigned i = 0; i < MESSAGE_COUNT; i++)
        if (b->due_us[i] <= start)
            return i; /* the table is in the order of ids */
    return first;
}

static bool print_frame(FILE *out, const drive_options *options, uint64_t time_us, uint32_t id,
                        const uint8_t data[FRAME_SIZE])
{
    char hex[2 * FRAME_SIZE + 1];
    for (unsigned i = 0; i < FRAME_SIZE; i++)
        (void)snprintf(hex + (size_t)2 * i, 3, "%02X", (unsigned)data[i]);
    return fprintf(out, "(%llu.%06llu) can0 %03X#%s\n",
                   (unsigned long long)(options->start_unix + time_us / 1000000),
                   (unsigned long long)(time_us % 1000000), (unsigned)id, hex) > 0;
}

static bool send_frames(FILE *out, const drive_options *options, bus *b, const observation *o,
                        uint64_t end_us)
{
    uint64_t start_us = 0;
    for (;;) {
        unsigned i = next_message(b, end_us, &start_us);
        if (i == MESSAGE_COUNT)
            return true;
        uint8_t data[FRAME_SIZE];
        frame_encode(&messages[i], o, b->counter[i]++, data);
        b->free_us = start_us + FRAME_US;
        double jitter = JITTER_US * (3.5 + noise_next(o->noise)) / 7;
        uint64_t period = messages[i].period_us;
        b->due_us[i] = (b->due_us[i] / period + 1) * period + messages[i].offset_us % period +
                       (uint64_t)jitter;
        if (!print_frame(out, options, b->free_us, messages[i].id, data))
            return false;
    }
}

/* Fires once, and makes its frame due at once. */
static void watch_airbag(const vehicle *v, bus *b, double *deploy_at_s)
{
    if (*deploy_at_s >= 0 || !v->crashed || v->delta_v_mps < DEPLOY_DELTA_V_MPS)
        return;
    *deploy_at_s = v->time_s + DEPLOY_DELAY_S;
    b->due_us[MESSAGE_AIRBAG] = (uint64_t)(*deploy_at_s * 1e6) + DEPLOY_FRAME_US;
}

bool drive_write(FILE *out, const drive_options *options)
{
    vehicle v;
    driver d;
    vehicle_init(&v);
    driver_init(&d, options->seconds);
    noise n = {options->seed};
    bus b = {.free_us = 0};
    for (unsigned i = 0; i < MESSAGE_COUNT; i++)
        b.due_us[i] = messages[i].offset_us;
    double deploy_at_s = -1;
    for (uint64_t step = 0; step < (uint64_t)options->seconds * 1000; step++) {
        vehicle_controls controls = driver_step(&d, &v);
        vehicle_step(&v, &controls);
        watch_airbag(&v, &b, &deploy_at_s);
        bool fired = deploy_at_s >= 0 && v.time_s >= deploy_at_s;
        const observation o = {&v, &d, &n, fired ? deploy_at_s : -1};
        if (!send_frames(out, options, &b, &o, (step + 1) * STEP_US))
            return false;
    }
    return fflush(out) == 0;
}
