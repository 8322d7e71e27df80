/* Runs a workload through many short histories of a process: lives that end by a crash, a kill or
 * in peace, with faults on the way, and a last one without faults that must find everything right.
 *
 * A *trial* has 2 to 5 lives, each in a forked child, one disk, and one block of *facts* in shared
 * memory: what was acknowledged, so what the next life must find. Trial M of seed N is always the
 * same, whatever ran before. Source: house. */
#ifndef CAIRN_SIM_RUNNER_H
#define CAIRN_SIM_RUNNER_H

#include "sim/disk.h"
#include "sim/prng.h"

#define SIM_FAULT(kind) (1U << SIM_FAULT_##kind)
#define SIM_FAULTS_ALL ((1U << SIM_FAULT_KINDS) - 1)
/* Faults after which an operation may fail without the code being at fault. */
#define SIM_FAULTS_SOFT (SIM_FAULTS_ALL & ~(SIM_FAULT(CRASH) | SIM_FAULT(KILL)))

/* A bit inverted at rest, before the last life. */
typedef struct sim_flip {
    char path[128]; /* relative to the root */
    uint64_t offset;
    unsigned bit;
} sim_flip;

typedef struct sim_ctx {
    sim_rng rng; /* the workload's own: the same for each run of this life of this trial */
    uint64_t trial_seed;
    unsigned life; /* 0: the disk is empty */
    bool last;     /* no fault comes in this life: every error is a failure, unless `flip` is set */
    void *facts;   /* zeros at the start of the trial, then what the lives before left */
    const sim_flip *flip; /* what was damaged before this life, or NULL */
} sim_ctx;

typedef struct sim_workload {
    const char *name;
    unsigned faults;        /* mask of SIM_FAULT(...) that may come */
    unsigned flip_percent;  /* of the trials damage a bit before the last life */
    unsigned stale_percent; /* of the lives may show old bytes in lost new sectors */
    size_t facts_size;      /* at most SIM_FACTS_MAX */
    void (*warm_up)(void);  /* once per worker before any fault; may be NULL */
    void (*live)(sim_ctx *ctx);
    /* Chooses a bit, in the parent, with the disk at rest; false if there is nothing to damage. */
    bool (*pick_flip)(sim_ctx *ctx, sim_flip *ret_flip);
} sim_workload;

enum { SIM_FACTS_MAX = 8 << 20 };

typedef struct sim_options {
    uint64_t seed;
    uint64_t trials;
    unsigned seconds; /* 0: no bound */
    unsigned jobs;
    bool one; /* only trial `trial`, with its plan and each operation printed */
    uint64_t trial;
    bool ext4;
    bool quiet;
    unsigned failures_max; /* a worker stops after as many */
    const char *program;   /* for the line that replays a trial */
} sim_options;

typedef struct sim_result {
    uint64_t trials, failed, lives;
    uint64_t faults[SIM_FAULT_KINDS]; /* fired */
    uint64_t flips;
    char first_failure[512];
} sim_result;

/* Runs the trials and prints each failure (unless quiet) with its plan and the line that replays
 * it. */
void sim_run(const sim_workload *workload, const sim_options *options, sim_result *ret_result);

/* Parses the arguments (--seed N --trials N --seconds N --jobs N --trial N --ext4), exits with 2
 * and the usage if they are wrong. */
sim_options sim_options_parse(int argc, char **argv);

/* The whole of a `main`: options, run, one line of result. 0 if nothing failed. */
int sim_main(int argc, char **argv, const sim_workload *workload);

void sim_print_result(const char *name, const sim_options *options, const sim_result *result,
                      double seconds);
double sim_seconds_now(void);

/* In a child: the trial has failed. */
void sim_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#define SIM_CHECK(condition, ...)  \
    do {                           \
        if (!(condition))          \
            sim_fail(__VA_ARGS__); \
    } while (0)

#endif
