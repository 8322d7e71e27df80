/* ES256 by our keys beside OpenSSL's bare ECDSA_do_verify in the same run, on one thread and on two
 * that share one key; signing, Ed25519, and the making of a key. CPU time per thread, rounds
 * interleaved, best and median. */
#define OPENSSL_SUPPRESS_DEPRECATED /* the baseline is the old call on purpose */
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cairn/key.h"

enum { ROUNDS = 9, OPERATIONS = 2000, THREADS_MAX = 2 };

typedef struct row {
    const char *name;
    void (*run)(void);
    size_t threads;
    double seconds[ROUNDS]; /* CPU, mean of the threads */
} row;

static uint8_t message[300]; /* a small transaction */
static uint8_t digest[32];
static cairn_key *es256, *ed25519;
static uint8_t es256_signature[CAIRN_SIGNATURE_SIZE_MAX],
    ed25519_signature[CAIRN_SIGNATURE_SIZE_MAX];
static EC_KEY *bare;
static ECDSA_SIG *bare_signature;

static void must(bool ok)
{
    if (!ok) {
        (void)fputs("bench_key: failed\n", stderr);
        exit(1);
    }
}

static void run_bare(void)
{
    must(ECDSA_do_verify(digest, sizeof digest, bare_signature, bare) == 1);
}

static void run_verify(void)
{
    must(cairn_key_verify(es256, cairn_bytes_of(message, sizeof message),
                          cairn_bytes_of(es256_signature, 64)) == CAIRN_OK);
}

static void run_verify_new_key(void)
{
    cairn_key *key = NULL;
    must(cairn_key_from_public(CAIRN_KEY_P256, cairn_key_public(es256), &key) == CAIRN_OK);
    must(cairn_key_verify(key, cairn_bytes_of(message, sizeof message),
                          cairn_bytes_of(es256_signature, 64)) == CAIRN_OK);
    cairn_key_free(key);
}

static void run_key(void)
{
    cairn_key *key = NULL;
    must(cairn_key_from_public(CAIRN_KEY_P256, cairn_key_public(es256), &key) == CAIRN_OK);
    cairn_key_free(key);
}

static void run_sign(void)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    must(cairn_key_sign(es256, cairn_bytes_of(message, sizeof message), signature, &size) ==
         CAIRN_OK);
}

static void run_ed25519_verify(void)
{
    must(cairn_key_verify(ed25519, cairn_bytes_of(message, sizeof message),
                          cairn_bytes_of(ed25519_signature, 64)) == CAIRN_OK);
}

static row rows[] = {
    {.name = "ECDSA_do_verify, bare (baseline)", .run = run_bare, .threads = 1},
    {.name = "ES256 verify, hash included", .run = run_verify, .threads = 1},
    {.name = "ECDSA_do_verify, 2 threads, each", .run = run_bare, .threads = 2},
    {.name = "ES256 verify, 2 threads, each", .run = run_verify, .threads = 2},
    {.name = "ES256 verify with a new key", .run = run_verify_new_key, .threads = 1},
    {.name = "P-256 public key made and freed", .run = run_key, .threads = 1},
    {.name = "ES256 sign, low s", .run = run_sign, .threads = 1},
    {.name = "Ed25519 verify", .run = run_ed25519_verify, .threads = 1},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

typedef struct job {
    pthread_t thread;
    const row *row;
    double seconds;
} job;

static double cpu_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *work(void *memory)
{
    job *j = memory;
    double start = cpu_seconds();
    for (size_t i = 0; i < OPERATIONS; i++)
        j->row->run();
    j->seconds = cpu_seconds() - start;
    return NULL;
}

static double measure(const row *r)
{
    job jobs[THREADS_MAX];
    double sum = 0;
    for (size_t i = 0; i < r->threads; i++) {
        jobs[i].row = r;
        must(pthread_create(&jobs[i].thread, NULL, work, &jobs[i]) == 0);
    }
    for (size_t i = 0; i < r->threads; i++) {
        must(pthread_join(jobs[i].thread, NULL) == 0);
        sum += jobs[i].seconds;
    }
    return sum / (double)r->threads;
}

static void prepare(void)
{
    size_t size = 0;
    cairn_bytes view = cairn_bytes_of(message, sizeof message);
    must(cairn_key_generate(CAIRN_KEY_P256, &es256) == CAIRN_OK);
    must(cairn_key_generate(CAIRN_KEY_ED25519, &ed25519) == CAIRN_OK);
    must(cairn_key_sign(es256, view, es256_signature, &size) == CAIRN_OK);
    must(cairn_key_sign(ed25519, view, ed25519_signature, &size) == CAIRN_OK);
    bare = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    must(bare != NULL && EC_KEY_generate_key(bare) == 1);
    bare_signature = ECDSA_do_sign(digest, sizeof digest, bare);
    must(bare_signature != NULL);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    prepare();
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < ROW_COUNT; i++)
            rows[i].seconds[round] = measure(&rows[i]);
    (void)printf("%-36s %12s %12s %10s\n", "operation (CPU time of one thread)", "best/s",
                 "median/s", "median us");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        qsort(rows[i].seconds, ROUNDS, sizeof rows[i].seconds[0], compare);
        (void)printf("%-36s %12.0f %12.0f %10.2f\n", rows[i].name, OPERATIONS / rows[i].seconds[0],
                     OPERATIONS / rows[i].seconds[ROUNDS / 2],
                     rows[i].seconds[ROUNDS / 2] * 1e6 / OPERATIONS);
    }
    ECDSA_SIG_free(bare_signature);
    EC_KEY_free(bare);
    cairn_key_free(es256);
    cairn_key_free(ed25519);
    return 0;
}
