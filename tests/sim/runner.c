/* Plans trials from seeds, runs their lives in children, and says how to see a failure again. */
#include "sim/runner.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    LIVES_MAX = 5,
    JOBS_MAX = 64,
    CALIBRATIONS = 6,        /* trials without faults that say how many operations a life has */
    LIFE_SECONDS_MAX = 60,   /* then it hangs */
    SPACE_PAGES_MAX = 24,    /* left when the disk gets full */
    ALLOCS_FAILING_MAX = 40, /* in a burst */
};

#define CALIBRATION UINT64_MAX /* in place of a trial's number */

typedef struct life_end {
    bool lose_power; /* or leave the page cache to the next life */
} life_end;

typedef struct trial_plan {
    sim_life lives[LIVES_MAX];
    life_end ends[LIVES_MAX];
    unsigned life_count;
    bool flip;
    sim_flip flipped;
} trial_plan;

typedef struct calibration {
    uint64_t ops_first, ops_later;
    uint64_t allocs_first, allocs_later;
} calibration;

/* One worker's part of the shared memory. */
typedef struct worker {
    trial_plan plan;
    sim_result result;
    char message[512];
    _Alignas(64) uint8_t facts[SIM_FACTS_MAX];
} worker;

static worker *mine; /* of this worker and its children */

static const char *const kind_names[SIM_FAULT_KINDS] = {
    "crash", "kill", "full disk", "sync error", "write error", "short write", "no memory"};
static const char *const when_names[] = {"before", "in the middle of", "after"};

void sim_fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(mine->message, sizeof mine->message, fmt, args);
    va_end(args);
    _exit(SIM_EXIT_FAILED);
}

double sim_seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Planning */

static sim_fault_kind pick_kind(sim_rng *rng, unsigned mask)
{
    static const unsigned weights[SIM_FAULT_KINDS] = {40, 10, 10, 10, 10, 8, 12};
    for (;;) {
        uint64_t r = sim_rng_below(rng, 100);
        for (unsigned kind = 0; kind < SIM_FAULT_KINDS; kind++) {
            if (r < weights[kind] && (mask & (1U << kind)) != 0)
                return (sim_fault_kind)kind;
            if (r < weights[kind])
                break;
            r -= weights[kind];
        }
    }
}

static sim_fault pick_fault(sim_rng *rng, sim_fault_kind kind, uint64_t ops, uint64_t allocs)
{
    sim_fault fault = {.kind = kind, .when = (sim_when)sim_rng_below(rng, 3)};
    fault.at = 1 + sim_rng_below(rng, kind == SIM_FAULT_NO_MEMORY ? allocs : ops);
    if (kind == SIM_FAULT_NO_SPACE)
        fault.amount = sim_rng_below(rng, SPACE_PAGES_MAX) * SIM_PAGE_SIZE;
    else if (kind == SIM_FAULT_NO_MEMORY)
        fault.amount = sim_rng_percent(rng, 80) ? 1 : 1 + sim_rng_below(rng, ALLOCS_FAILING_MAX);
    return fault;
}

static void plan_faults(sim_life *life, sim_rng *rng, unsigned mask, uint64_t ops, uint64_t allocs)
{
    unsigned count = sim_rng_percent(rng, 5) ? 0 : sim_rng_percent(rng, 75) ? 1 : 2;
    bool ends = false;
    for (unsigned i = 0; i < count; i++) {
        sim_fault_kind kind = pick_kind(rng, mask);
        life->faults[life->fault_count++] = pick_fault(rng, kind, ops, allocs);
        ends |= kind == SIM_FAULT_CRASH || kind == SIM_FAULT_KILL;
    }
    if (count > 0 && !ends && (mask & SIM_FAULT(CRASH)) != 0 && sim_rng_percent(rng, 60))
        life->faults[life->fault_count++] = pick_fault(rng, SIM_FAULT_CRASH, ops, allocs);
}

/* Zero faults if `sizes` is NULL: that is a calibration. */
static void plan_trial(trial_plan *plan, const sim_workload *workload, const sim_options *options,
                       const calibration *sizes, sim_rng *rng)
{
    static const unsigned keeps[] = {0, 10, 50, 90, 100};
    *plan = (trial_plan){.life_count = 2 + (unsigned)sim_rng_below(rng, LIVES_MAX - 1)};
    for (unsigned i = 0; i < plan->life_count; i++) {
        sim_life *life = &plan->lives[i];
        life->seed = sim_rng_next(rng);
        life->keep_percent = keeps[sim_rng_below(rng, 5)];
        life->stale = sim_rng_percent(rng, workload->stale_percent);
        life->ext4 = options->ext4;
        life->trace = options->one;
        plan->ends[i].lose_power = sim_rng_percent(rng, 75);
        if (sizes == NULL || workload->faults == 0 || i + 1 == plan->life_count)
            continue;
        plan_faults(life, rng, workload->faults, i == 0 ? sizes->ops_first : sizes->ops_later,
                    i == 0 ? sizes->allocs_first : sizes->allocs_later);
    }
    plan->flip = sizes != NULL && sim_rng_percent(rng, workload->flip_percent);
}

/* Running */

static void child_life(const sim_workload *workload, sim_ctx *ctx, unsigned i)
{
    (void)alarm(LIFE_SECONDS_MAX);
    sim_disk_power_on(&mine->plan.lives[i]);
    workload->live(ctx);
    sim_disk_power_off(mine->plan.ends[i].lose_power, 0);
}

/* True if the child ended as its plan allows. */
static bool ended_well(int status, bool last, unsigned life)
{
    char what[128];
    if (WIFEXITED(status)) {
        int code = WEXITSTATUS(status);
        if (code == 0 || (!last && (code == SIM_EXIT_CRASH || code == SIM_EXIT_KILL)))
            return true;
        (void)snprintf(what, sizeof what, "ended with exit code %d", code);
    } else {
        (void)snprintf(what, sizeof what, "ended by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    }
    if (mine->message[0] == '\0')
        (void)snprintf(mine->message, sizeof mine->message, "life %u %s", life, what);
    return false;
}

static bool run_life(const sim_workload *workload, sim_ctx *ctx, unsigned i)
{
    if (mine->plan.lives[i].trace)
        (void)fprintf(stderr, "  life %u\n", i);
    pid_t child = fork();
    if (child == 0)
        child_life(workload, ctx, i);
    int status;
    while (child < 0 || waitpid(child, &status, 0) < 0) {
        if (child < 0 || errno != EINTR) {
            (void)snprintf(mine->message, sizeof mine->message, "fork: %s", strerror(errno));
            return false;
        }
    }
    return ended_well(status, ctx->last, i);
}

static void damage(const sim_workload *workload, sim_ctx *ctx)
{
    trial_plan *plan = &mine->plan;
    sim_ctx chooser = *ctx;
    plan->flip = workload->pick_flip(&chooser, &plan->flipped) &&
                 sim_disk_flip(plan->flipped.path, plan->flipped.offset, plan->flipped.bit);
    ctx->flip = plan->flip ? &plan->flipped : NULL;
}

static bool run_trial(const sim_workload *workload, uint64_t trial_seed)
{
    trial_plan *plan = &mine->plan;
    mine->message[0] = '\0';
    memset(mine->facts, 0, workload->facts_size);
    sim_disk_format();
    for (unsigned i = 0; i < plan->life_count; i++) {
        sim_ctx ctx = {.rng = sim_rng_derive(trial_seed, 1000 + i),
                       .trial_seed = trial_seed,
                       .life = i,
                       .last = i + 1 == plan->life_count,
                       .facts = mine->facts};
        if (ctx.last && plan->flip)
            damage(workload, &ctx);
        if (!run_life(workload, &ctx, i))
            return false;
    }
    return true;
}

static void count_faults(sim_result *result)
{
    const trial_plan *plan = &mine->plan;
    result->trials++;
    result->lives += plan->life_count;
    result->flips += plan->flip;
    for (unsigned i = 0; i < plan->life_count; i++) {
        for (size_t k = 0; k < plan->lives[i].fault_count; k++)
            result->faults[plan->lives[i].faults[k].kind] += plan->lives[i].faults[k].fired;
    }
}

/* Reporting */

static void print_fault(const sim_fault *fault)
{
    bool ends = fault->kind == SIM_FAULT_CRASH || fault->kind == SIM_FAULT_KILL;
    (void)printf(", %s %s%s%s %llu", kind_names[fault->kind], ends ? when_names[fault->when] : "at",
                 ends ? " " : " ", fault->kind == SIM_FAULT_NO_MEMORY ? "allocation" : "operation",
                 (unsigned long long)fault->at);
    if (fault->kind == SIM_FAULT_NO_SPACE || fault->kind == SIM_FAULT_NO_MEMORY)
        (void)printf(" (%llu)", (unsigned long long)fault->amount);
    if (!fault->fired)
        (void)printf(" (not reached)");
}

static void print_plan(void)
{
    const trial_plan *plan = &mine->plan;
    for (unsigned i = 0; i < plan->life_count; i++) {
        const sim_life *life = &plan->lives[i];
        (void)printf("  life %u: keeps %u %%%s%s", i, life->keep_percent,
                     life->stale ? ", stale sectors" : "", life->ext4 ? ", ext4" : "");
        for (size_t k = 0; k < life->fault_count; k++)
            print_fault(&life->faults[k]);
        (void)printf("; ends by %s; %llu operations, %llu allocations\n",
                     plan->ends[i].lose_power ? "loss of power" : "leaving the page cache",
                     (unsigned long long)life->ops, (unsigned long long)life->allocs);
    }
    if (plan->flip && plan->flipped.path[0] != '\0')
        (void)printf("  before the last: bit %u of byte %llu of %s inverted\n", plan->flipped.bit,
                     (unsigned long long)plan->flipped.offset, plan->flipped.path);
}

static void report(const sim_workload *workload, const sim_options *options, uint64_t trial,
                   const char *message)
{
    if (options->quiet)
        return;
    (void)printf("FAILED %s, seed %llu, ", workload->name, (unsigned long long)options->seed);
    if (trial == CALIBRATION)
        (void)printf("without any fault: %s\n", message);
    else
        (void)printf("trial %llu: %s\n", (unsigned long long)trial, message);
    print_plan();
    if (trial == CALIBRATION)
        return;
    (void)printf("  replay: %s --seed %llu --trial %llu%s\n", options->program,
                 (unsigned long long)options->seed, (unsigned long long)trial,
                 options->ext4 ? " --ext4" : "");
    (void)fflush(stdout);
}

static void note_failure(const sim_workload *workload, const sim_options *options, uint64_t trial)
{
    if (mine->result.failed++ == 0)
        memcpy(mine->result.first_failure, mine->message, sizeof mine->message);
    report(workload, options, trial, mine->message);
}

/* Workers */

static uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* How long lives are without faults. False if even that fails. */
static bool calibrate(const sim_workload *workload, const sim_options *options,
                      calibration *ret_sizes)
{
    calibration sizes = {1, 1, 1, 1};
    sim_options silent = *options;
    silent.one = false;
    for (uint64_t i = 0; i < CALIBRATIONS; i++) {
        uint64_t seed = ~options->seed;
        sim_rng rng = sim_rng_derive(seed, i);
        plan_trial(&mine->plan, workload, &silent, NULL, &rng);
        if (!run_trial(workload, sim_rng_next(&rng)))
            return false;
        const sim_life *lives = mine->plan.lives;
        sizes.ops_first = greater(sizes.ops_first, lives[0].ops);
        sizes.allocs_first = greater(sizes.allocs_first, lives[0].allocs);
        sizes.ops_later = greater(sizes.ops_later, lives[1].ops);
        sizes.allocs_later = greater(sizes.allocs_later, lives[1].allocs);
    }
    *ret_sizes = sizes;
    return true;
}

static void run_numbered(const sim_workload *workload, const sim_options *options,
                         const calibration *sizes, uint64_t trial)
{
    sim_rng rng = sim_rng_derive(options->seed, trial);
    plan_trial(&mine->plan, workload, options, sizes, &rng);
    bool ok = run_trial(workload, sim_rng_next(&rng));
    count_faults(&mine->result);
    if (!ok)
        note_failure(workload, options, trial);
    else if (options->one)
        print_plan();
}

static void work(const sim_workload *workload, const sim_options *options, unsigned number)
{
    calibration sizes;
    char base[128];
    const char *where = getenv("SIM_DIR");
    (void)snprintf(base, sizeof base, "%s/cairn-sim.%d", where != NULL ? where : "/dev/shm",
                   (int)getpid());
    sim_disk_setup(base);
    if (workload->warm_up != NULL)
        workload->warm_up();
    double end = sim_seconds_now() + options->seconds;
    if (!calibrate(workload, options, &sizes)) {
        note_failure(workload, options, CALIBRATION);
    } else if (options->one) {
        run_numbered(workload, options, &sizes, options->trial);
    } else {
        for (uint64_t trial = number; trial < options->trials; trial += options->jobs) {
            if (options->seconds != 0 && sim_seconds_now() > end)
                break;
            run_numbered(workload, options, &sizes, trial);
            if (mine->result.failed >= options->failures_max)
                break;
        }
    }
    sim_disk_remove();
}

static void add_result(sim_result *sum, const sim_result *part)
{
    if (sum->failed == 0 && part->failed > 0)
        memcpy(sum->first_failure, part->first_failure, sizeof sum->first_failure);
    sum->trials += part->trials;
    sum->failed += part->failed;
    sum->lives += part->lives;
    sum->flips += part->flips;
    for (unsigned kind = 0; kind < SIM_FAULT_KINDS; kind++)
        sum->faults[kind] += part->faults[kind];
}

void sim_run(const sim_workload *workload, const sim_options *options, sim_result *ret_result)
{
    unsigned jobs = options->one ? 1 : options->jobs;
    size_t size = sizeof(worker) * jobs;
    worker *workers =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (workers == MAP_FAILED || workload->facts_size > SIM_FACTS_MAX) {
        (void)fprintf(stderr, "sim: no memory for %u workers\n", jobs);
        exit(1);
    }
    pid_t pids[JOBS_MAX];
    (void)fflush(stdout);
    for (unsigned i = 0; i < jobs; i++) {
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        mine = &workers[i];
        work(workload, options, i);
        (void)fflush(stdout);
        _exit(0);
    }
    *ret_result = (sim_result){0};
    for (unsigned i = 0; i < jobs; i++) {
        int status = 1;
        if (pids[i] < 0 || waitpid(pids[i], &status, 0) < 0 || status != 0) {
            (void)fprintf(stderr, "sim: worker %u ended with status %d\n", i, status);
            ret_result->failed++;
        }
        add_result(ret_result, &workers[i].result);
    }
    (void)munmap(workers, size);
}

/* Command line */

static uint64_t parse_number(const char *program, const char *text)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = text == NULL ? 0 : strtoull(text, &end, 10);
    if (text == NULL || end == text || *end != '\0' || errno != 0 || text[0] == '-') {
        (void)fprintf(stderr,
                      "usage: %s [--seed N] [--trials N] [--seconds N] [--jobs N] [--trial N] "
                      "[--failures N] [--ext4]\n",
                      program);
        exit(2);
    }
    return n;
}

sim_options sim_options_parse(int argc, char **argv)
{
    sim_options o = {.seed = 1, .trials = 1500, .jobs = 1, .failures_max = 1, .program = argv[0]};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--ext4") == 0) {
            o.ext4 = true;
            continue;
        }
        uint64_t n = parse_number(argv[0], i + 1 < argc ? argv[++i] : NULL);
        if (strcmp(name, "--seed") == 0)
            o.seed = n;
        else if (strcmp(name, "--trials") == 0)
            o.trials = n;
        else if (strcmp(name, "--seconds") == 0)
            o.seconds = (unsigned)n;
        else if (strcmp(name, "--jobs") == 0 && n > 0 && n <= JOBS_MAX)
            o.jobs = (unsigned)n;
        else if (strcmp(name, "--failures") == 0)
            o.failures_max = (unsigned)n;
        else if (strcmp(name, "--trial") == 0)
            o.one = true, o.trial = n;
        else
            (void)parse_number(argv[0], NULL);
    }
    return o;
}

void sim_print_result(const char *name, const sim_options *options, const sim_result *result,
                      double seconds)
{
    uint64_t faults = result->flips;
    for (unsigned kind = 0; kind < SIM_FAULT_KINDS; kind++)
        faults += result->faults[kind];
    (void)printf("%s: seed %llu, %llu trials, %llu lives, %llu faults (", name,
                 (unsigned long long)options->seed, (unsigned long long)result->trials,
                 (unsigned long long)result->lives, (unsigned long long)faults);
    for (unsigned kind = 0; kind < SIM_FAULT_KINDS; kind++)
        (void)printf("%s %llu, ", kind_names[kind], (unsigned long long)result->faults[kind]);
    (void)printf("bit flip %llu), %llu failed, %.1f s, %.0f trials/s\n",
                 (unsigned long long)result->flips, (unsigned long long)result->failed, seconds,
                 (double)result->trials / seconds);
    (void)fflush(stdout);
}

int sim_main(int argc, char **argv, const sim_workload *workload)
{
    sim_options options = sim_options_parse(argc, argv);
    sim_result result;
    double start = sim_seconds_now();
    sim_run(workload, &options, &result);
    sim_print_result(workload->name, &options, &result, sim_seconds_now() - start);
    return result.failed == 0 ? 0 : 1;
}
