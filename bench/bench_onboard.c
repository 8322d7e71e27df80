/* Onboarding: the servers' processor time for TO1 and TO2 of one device, devmod alone, in both
 * profiles; rows in memory, no network. What the device computes is not counted. */
#include <stdio.h>
#include <time.h>

#include "support/fdo_world.h"

enum { RUNS = 2000, RUNS_P384 = 200, BATCHES = 5 };

static double inside_s; /* processor time of the process while messages are served */

static double cpu_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void count(bool inside)
{
    inside_s += inside ? -cpu_s() : cpu_s();
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static unsigned to1_alone(fdo_device *d)
{
    return fdo_device_to1(d);
}

/* Seconds of one run. */
static double batch(fdo_device *d, unsigned (*run)(fdo_device *), unsigned runs)
{
    inside_s = 0;
    for (unsigned i = 0; i < runs; i++) {
        CAIRN_ASSERT(run(d) == 0);
        cairn_arena_reset(&d->world->arena);
    }
    return inside_s / runs;
}

static void measure(fdo_device *d, const char *what, unsigned (*run)(fdo_device *), unsigned runs)
{
    double times[BATCHES];
    for (size_t i = 0; i < BATCHES; i++)
        times[i] = batch(d, run, runs);
    qsort(times, BATCHES, sizeof times[0], compare);
    (void)printf("%-20s best %7.1f us, median %7.1f us: %6.0f /s a core\n", what, times[0] * 1e6,
                 times[BATCHES / 2] * 1e6, 1 / times[BATCHES / 2]);
}

static void profile(cairn_key_type type, const char *name, unsigned runs)
{
    static fdo_world w;
    fdo_device d;
    uint32_t wait_s = 0;
    char what[64];
    fdo_world_init(&w);
    fdo_device_init(&d, &w, type);
    CAIRN_ASSERT(fdo_device_di(&d) == 0);
    FDO_MUST(fdo_to0(&w, &d.guid, &wait_s));
    fdo_around = count;
    (void)snprintf(what, sizeof what, "%s TO1", name);
    measure(&d, what, to1_alone, runs);
    (void)snprintf(what, sizeof what, "%s TO2", name);
    measure(&d, what, fdo_device_to2, runs);
    fdo_around = NULL;
    fdo_device_done(&d);
    fdo_world_done(&w);
}

int main(void)
{
    profile(CAIRN_KEY_P256, "P-256", RUNS);
    profile(CAIRN_KEY_P384, "P-384", RUNS_P384);
    return 0;
}
