/* The offline verdict over a receipt file beside OpenSSL's two bare verifications in the same run.
 * CPU time of one thread, rounds interleaved, best and median; and the arena that a verdict takes.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* the baseline is the old call on purpose */
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <time.h>

#include "cairn/verify.h"
#include "support/vouch.h"

enum { ROUNDS = 15, OPERATIONS = 500, LOG_BITS = 20 };

typedef struct row {
    const char *name;
    void (*run)(void);
    double seconds[ROUNDS];
} row;

static test_world world;
static cairn_trust trust;
static cairn_bytes trust_bytes;
static cairn_bytes file;          /* one receipt, from a log of 2^20 entries */
static cairn_bytes file_of_three; /* three members */
static cairn_receipt_verdict verdict;
static size_t arena_used;
static uint8_t digest[32];
static EC_KEY *bare;
static ECDSA_SIG *bare_signature;

static void must(bool ok)
{
    if (!ok) {
        (void)fprintf(stderr, "bench_verify: failed: %s\n", cairn_err_detail());
        exit(1);
    }
}

static double cpu_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* In storage of its own, as a device would. */
static void verify(cairn_bytes in)
{
    static uint8_t storage[64 << 10] __attribute__((aligned(16)));
    cairn_arena arena;
    cairn_arena_init_fixed(&arena, storage, sizeof storage);
    must(cairn_verify_receipt(&arena, in, &trust, TEST_NOW_MS, &verdict) == CAIRN_OK);
    arena_used = arena.used;
    cairn_arena_done(&arena);
}

static void run_bare(void)
{
    must(ECDSA_do_verify(digest, sizeof digest, bare_signature, bare) == 1);
    must(ECDSA_do_verify(digest, sizeof digest, bare_signature, bare) == 1);
}

static void run_one(void)
{
    verify(file);
}

static void run_three(void)
{
    verify(file_of_three);
}

static void run_trust(void)
{
    cairn_trust fresh;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    must(cairn_trust_decode(&arena, trust_bytes, &fresh) == CAIRN_OK);
    cairn_trust_done(&fresh);
    cairn_arena_done(&arena);
}

/* Member `org` signs the root of a log of 2^20 entries to which a made-up path leads. */
static cairn_bytes big_receipt(size_t org)
{
    static cairn_hash path[LOG_BITS];
    cairn_hash leaf, root;
    cairn_bytes message, receipt;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_receipt_head head = {.origin = cairn_bytes_str(world.origin),
                               .kid = *cairn_key_id(world.keys[org][0]),
                               .height = TEST_HEIGHT,
                               .time_ms = TEST_TIME_MS,
                               .size = 1 << LOG_BITS};
    cairn_merkle_leaf(world.tx, &leaf);
    must(cairn_merkle_inclusion_root(&leaf, TEST_INDEX, head.size, path, LOG_BITS, &root) ==
         CAIRN_OK);
    must(cairn_receipt_to_be_signed(&world.arena, &head, &root, &message) == CAIRN_OK);
    must(cairn_key_sign(world.keys[org][0], message, signature, &size) == CAIRN_OK);
    must(cairn_receipt_assemble(&world.arena, &head, TEST_INDEX, path, LOG_BITS,
                                cairn_bytes_of(signature, size), &receipt) == CAIRN_OK);
    return receipt;
}

static void prepare_files(void)
{
    cairn_bytes receipts[3];
    test_world_init(&world);
    world.draft.threshold = 1;
    must(cairn_trust_encode(&world.arena, &world.draft, &trust_bytes) == CAIRN_OK);
    must(cairn_trust_decode(&world.arena, trust_bytes, &trust) == CAIRN_OK);
    for (size_t org = 0; org < 3; org++)
        receipts[org] = big_receipt(org);
    file = test_world_file(&world, receipts, 1);
    file_of_three = test_world_file(&world, receipts, 3);
}

static void prepare_bare(void)
{
    for (size_t i = 0; i < sizeof digest; i++)
        digest[i] = (uint8_t)i;
    bare = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    must(bare != NULL && EC_KEY_generate_key(bare) == 1);
    bare_signature = ECDSA_do_sign(digest, sizeof digest, bare);
    must(bare_signature != NULL);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    static row rows[] = {
        {"OpenSSL ECDSA_do_verify, twice", run_bare, {0}},
        {"receipt file, 1 receipt, signer known", run_one, {0}},
        {"receipt file, 3 receipts, signer known", run_three, {0}},
        {"trust file, 12 keys, decoded", run_trust, {0}},
    };
    enum { ROWS = sizeof rows / sizeof rows[0] };
    prepare_files();
    prepare_bare();
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < ROWS; i++) {
            double start = cpu_seconds();
            for (size_t n = 0; n < OPERATIONS; n++)
                rows[i].run();
            rows[i].seconds[round] = (cpu_seconds() - start) / OPERATIONS;
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        qsort(rows[i].seconds, ROUNDS, sizeof rows[i].seconds[0], by_value);
        printf("%-40s best %7.1f  median %7.1f  us of CPU\n", rows[i].name,
               rows[i].seconds[0] * 1e6, rows[i].seconds[ROUNDS / 2] * 1e6);
    }
    run_one();
    printf("arena of a verdict: %zu bytes (1 receipt), ", arena_used);
    run_three();
    printf("%zu (3); files: %zu and %zu bytes; in a log of 2^%d\n", arena_used, file.size,
           file_of_three.size, LOG_BITS);
    ECDSA_SIG_free(bare_signature);
    EC_KEY_free(bare);
    cairn_trust_done(&trust);
    test_world_done(&world);
    return 0;
}
