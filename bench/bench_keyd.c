/* Signatures through the key process beside the same key in this process (baseline), one at a time
 * and with many in flight; ES256 over a small transaction. Wall time, and CPU time of this process
 * and of keyd, rounds interleaved, best and median. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "node/process/process.h"
#include "node/process/supervisor.h"

enum { ROUNDS = 9, OPERATIONS = 4000, WINDOW = 256 };

static uint8_t message[300]; /* a small transaction */
static char directory[] = "/tmp/cairn-bench-keyd-XXXXXX";
static cairn_key *bare;
static cairn_signer *local;
static cairn_signer *remote;
static cairn_supervisor *supervisor;

static void must(bool ok)
{
    if (!ok) {
        (void)fputs("bench_keyd: failed\n", stderr);
        exit(1);
    }
}

static cairn_bytes text(void)
{
    return cairn_bytes_of(message, sizeof message);
}

static void sign_bare(void)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    for (size_t i = 0; i < OPERATIONS; i++)
        must(cairn_key_sign(bare, text(), signature, &size) == CAIRN_OK);
}

static void sign_each(cairn_signer *signer)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    for (size_t i = 0; i < OPERATIONS; i++)
        must(cairn_signer_sign_wait(signer, "sign-1", text(), signature, &size) == CAIRN_OK);
}

/* What follows `lock` is under it. */
typedef struct window {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t in_flight;
    size_t failed;
} window;

static void finish(void *context, cairn_err err, cairn_bytes signature)
{
    window *w = context;
    (void)pthread_mutex_lock(&w->lock);
    w->failed += err != CAIRN_OK || signature.size != 64;
    if (--w->in_flight == WINDOW / 2 || w->in_flight == 0)
        (void)pthread_cond_signal(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

static void sign_many(cairn_signer *signer)
{
    window w = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    for (size_t i = 0; i < OPERATIONS; i++) {
        (void)pthread_mutex_lock(&w.lock);
        if (w.in_flight >= WINDOW)
            while (w.in_flight > WINDOW / 2)
                (void)pthread_cond_wait(&w.changed, &w.lock);
        w.in_flight++;
        (void)pthread_mutex_unlock(&w.lock);
        must(cairn_signer_sign(signer, "sign-1", text(), finish, &w) == CAIRN_OK);
    }
    (void)pthread_mutex_lock(&w.lock);
    while (w.in_flight > 0)
        (void)pthread_cond_wait(&w.changed, &w.lock);
    (void)pthread_mutex_unlock(&w.lock);
    must(w.failed == 0);
}

static void sign_local_each(void)
{
    sign_each(local);
}
static void sign_local_many(void)
{
    sign_many(local);
}
static void sign_remote_each(void)
{
    sign_each(remote);
}
static void sign_remote_many(void)
{
    sign_many(remote);
}

typedef struct row {
    const char *name;
    void (*run)(void);
    double wall_us[ROUNDS]; /* a signature */
    double own_us[ROUNDS];  /* CPU of this process */
    double keyd_us[ROUNDS];
} row;

static row rows[] = {
    {.name = "the key itself (baseline)", .run = sign_bare},
    {.name = "signer over files, one at a time", .run = sign_local_each},
    {.name = "signer over files, 256 in flight", .run = sign_local_many},
    {.name = "keyd, one at a time", .run = sign_remote_each},
    {.name = "keyd, 256 in flight", .run = sign_remote_many},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static double seconds(clockid_t clock)
{
    struct timespec t = {0, 0};
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(row *r, size_t round, clockid_t keyd_clock)
{
    double wall = seconds(CLOCK_MONOTONIC);
    double own = seconds(CLOCK_PROCESS_CPUTIME_ID);
    double keyd = seconds(keyd_clock);
    r->run();
    r->wall_us[round] = (seconds(CLOCK_MONOTONIC) - wall) * 1e6 / OPERATIONS;
    r->own_us[round] = (seconds(CLOCK_PROCESS_CPUTIME_ID) - own) * 1e6 / OPERATIONS;
    r->keyd_us[round] = (seconds(keyd_clock) - keyd) * 1e6 / OPERATIONS;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(row *r)
{
    qsort(r->wall_us, ROUNDS, sizeof r->wall_us[0], compare);
    qsort(r->own_us, ROUNDS, sizeof r->own_us[0], compare);
    qsort(r->keyd_us, ROUNDS, sizeof r->keyd_us[0], compare);
    (void)printf("%-34s %10.0f %10.0f %10.2f %10.2f %10.2f\n", r->name, 1e6 / r->wall_us[0],
                 1e6 / r->wall_us[ROUNDS / 2], r->wall_us[ROUNDS / 2], r->own_us[ROUNDS / 2],
                 r->keyd_us[ROUNDS / 2]);
}

int main(int argc, char **argv)
{
    int exit_code = 0;
    char path[64];
    cairn_spawner *spawner = NULL;
    cairn_key *made = NULL;
    clockid_t keyd_clock = CLOCK_MONOTONIC;
    cairn_supervisor_health health;
    const cairn_supervisor_options options = cairn_supervisor_defaults();
    if (cairn_process_main(argc, argv, NULL, 0, &exit_code))
        return exit_code;
    must(mkdtemp(directory) != NULL);
    const cairn_keyd_options keyd = {.keys_directory = directory};
    must(cairn_spawner_start(&keyd, &spawner) == CAIRN_OK);
    must(cairn_supervisor_start(spawner, &options, &supervisor) == CAIRN_OK);
    remote = cairn_supervisor_signer(supervisor);
    must(cairn_signer_generate(remote, "sign-1", CAIRN_KEY_P256, &made) == CAIRN_OK);
    must(cairn_signer_open_files(directory, &local) == CAIRN_OK);
    must(cairn_key_generate(CAIRN_KEY_P256, &bare) == CAIRN_OK);
    cairn_supervisor_health_get(supervisor, &health);
    must(clock_getcpuclockid(health.keyd_pid, &keyd_clock) == 0);
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < ROW_COUNT; i++)
            measure(&rows[i], round, keyd_clock);
    (void)printf("%-34s %10s %10s %10s %10s %10s\n", "ES256 over 300 bytes", "best/s", "median/s",
                 "us", "CPU us", "keyd us");
    for (size_t i = 0; i < ROW_COUNT; i++)
        print(&rows[i]);
    cairn_signer_free(local);
    cairn_key_free(bare);
    cairn_key_free(made);
    cairn_supervisor_free(supervisor);
    cairn_spawner_free(spawner);
    (void)snprintf(path, sizeof path, "%s/sign-1.pem", directory);
    (void)unlink(path);
    (void)rmdir(directory);
    return 0;
}
