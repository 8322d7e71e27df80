/* The vault: streaming in and out, AES-256-GCM and SHA-256 alone beside it in the same rounds, and
 * what an erasure costs. The directory is TMPDIR or the current one. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cairn/sha256.h"
#include "core/store/vault.h"
#include "core/store/vault_gcm.h"

enum { ROUNDS = 7, OBJECT_SIZE = 64 << 20, PIECE = 1 << 20, CHUNK = 1 << 16, ROWS = 5 };

static char directory[256];
static uint8_t data[PIECE];
static uint8_t out[CHUNK + VAULT_TAG_SIZE];

typedef struct row {
    const char *name;
    double cpu[ROUNDS];
    double wall[ROUNDS];
} row;

static row rows[ROWS] = {{.name = "AES-256-GCM alone, 64 KiB chunks"},
                         {.name = "SHA-256 alone"},
                         {.name = "vault put, with its sync"},
                         {.name = "vault get"},
                         {.name = "vault verify"}};

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int ok)
{
    if (!ok) {
        fprintf(stderr, "bench_vault: %s\n", cairn_err_detail());
        exit(1);
    }
}

static void check(cairn_err err)
{
    must(err == CAIRN_OK);
}

static void run_gcm(void)
{
    static const uint8_t key[32], nonce[12];
    cairn_vault_gcm gcm = {0};
    check(cairn_vault_gcm_init(&gcm, true, cairn_bytes_of(key, 32)));
    for (size_t at = 0; at < OBJECT_SIZE; at += CHUNK)
        check(cairn_vault_gcm_seal(&gcm, nonce, cairn_bytes_of(key, 32),
                                   cairn_bytes_of(data + at % PIECE, CHUNK), out));
    cairn_vault_gcm_done(&gcm);
}

static void run_sha(void)
{
    cairn_sha256 sha;
    cairn_hash hash;
    cairn_sha256_init(&sha);
    for (size_t at = 0; at < OBJECT_SIZE; at += CHUNK)
        cairn_sha256_update(&sha, data + at % PIECE, CHUNK);
    cairn_sha256_final(&sha, &hash);
}

static void run_put(cairn_vault *vault, const cairn_hash *subject, cairn_hash *ret_address)
{
    cairn_vault_put *put = NULL;
    check(cairn_vault_put_begin(vault, subject, &put));
    for (size_t at = 0; at < OBJECT_SIZE; at += PIECE)
        check(cairn_vault_put_write(put, cairn_bytes_of(data, PIECE)));
    check(cairn_vault_put_end(put, ret_address));
    cairn_vault_put_free(put);
}

static void run_get(cairn_vault *vault, const cairn_hash *subject, const cairn_hash *address)
{
    cairn_vault_get *get = NULL;
    cairn_bytes chunk = {0};
    size_t size = 0;
    check(cairn_vault_get_open(vault, subject, address, &get));
    do {
        check(cairn_vault_get_next(get, &chunk));
        size += chunk.size;
    } while (chunk.size > 0);
    must(size == OBJECT_SIZE);
    cairn_vault_get_free(get);
}

static void one_round(cairn_vault *vault, int round)
{
    cairn_hash subject = {{1}};
    cairn_hash address = {0};
    for (int i = 0; i < ROWS; i++) {
        double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
        double wall = seconds(CLOCK_MONOTONIC);
        if (i == 0)
            run_gcm();
        else if (i == 1)
            run_sha();
        else if (i == 2)
            run_put(vault, &subject, &address);
        else if (i == 3)
            run_get(vault, &subject, &address);
        else
            check(cairn_vault_verify(vault, &address));
        rows[i].cpu[round] = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
        rows[i].wall[round] = seconds(CLOCK_MONOTONIC) - wall;
    }
    check(cairn_vault_remove(vault, &address));
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void erasures(cairn_vault *vault, uint32_t count)
{
    cairn_hash *subjects = calloc(count, sizeof *subjects);
    must(subjects != NULL);
    for (uint32_t i = 0; i < count; i++)
        cairn_put_u32(subjects[i].b, i * 2654435761u);
    for (uint32_t i = 0; i < count; i++)
        cairn_put_u32(subjects[i].b + 28, count); /* others than in the call before */
    check(cairn_vault_add(vault, subjects, count));
    double wall[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double start = seconds(CLOCK_MONOTONIC);
        check(cairn_vault_erase(vault, &subjects[i + (int)count / 2]));
        wall[i] = seconds(CLOCK_MONOTONIC) - start;
    }
    qsort(wall, ROUNDS, sizeof wall[0], compare);
    printf("erase one of %6u subjects: best %.1f ms, median %.1f ms\n", count, wall[0] * 1e3,
           wall[ROUNDS / 2] * 1e3);
    free(subjects);
}

int main(void)
{
    const char *base = getenv("TMPDIR");
    char path[300];
    cairn_vault_holder *holder = NULL;
    cairn_vault *vault = NULL;
    (void)snprintf(directory, sizeof directory, "%s/bench-vault-XXXXXX", base == NULL ? "." : base);
    must(mkdtemp(directory) != NULL);
    (void)snprintf(path, sizeof path, "%s/holder", directory);
    check(cairn_vault_holder_open_files(path, &holder));
    (void)snprintf(path, sizeof path, "%s/vault", directory);
    check(cairn_vault_open(path, holder, &vault));
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 31);
    for (int round = 0; round < ROUNDS; round++)
        one_round(vault, round);
    printf("an object of %d MiB, MB/s of plaintext:\n", OBJECT_SIZE >> 20);
    for (int i = 0; i < ROWS; i++) {
        qsort(rows[i].cpu, ROUNDS, sizeof rows[i].cpu[0], compare);
        qsort(rows[i].wall, ROUNDS, sizeof rows[i].wall[0], compare);
        printf("  %-34s by CPU time best %5.0f median %5.0f, by the clock best %5.0f median "
               "%5.0f\n",
               rows[i].name, OBJECT_SIZE / 1e6 / rows[i].cpu[0],
               OBJECT_SIZE / 1e6 / rows[i].cpu[ROUNDS / 2], OBJECT_SIZE / 1e6 / rows[i].wall[0],
               OBJECT_SIZE / 1e6 / rows[i].wall[ROUNDS / 2]);
    }
    erasures(vault, 1000);
    erasures(vault, 100000);
    cairn_vault_close(vault);
    cairn_vault_holder_free(holder);
    char command[600];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory);
    must(system(command) == 0);
    return 0;
}
