/* The light client: CPU time of one thread, adjacent and skipping, beside as many bare Ed25519
 * verifications of OpenSSL in the same run, rounds interleaved; the arena, and what the heap holds
 * at the most meanwhile, which is OpenSSL's. And a state proof with a commit proof of four
 * validators: its size, and its verdict. */
#include <malloc.h>
#include <openssl/evp.h>
#include <time.h>

#include "cairn/verify.h"
#include "ledger/map/smt.h"
#include "ledger/map/smt_proof.h"
#include "support/light_chain.h"
#include "support/vouch.h"

enum { ROUNDS = 9, ANCHOR_HEIGHT = 10, LOG_BITS = 20, MAP_DEPTH = 21 };

/* --- the heap --- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

static size_t heap_now;
static size_t heap_peak;

static void *counted(void *memory)
{
    if (memory != NULL)
        heap_now += malloc_usable_size(memory);
    if (heap_now > heap_peak)
        heap_peak = heap_now;
    return memory;
}

void *malloc(size_t size)
{
    return counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return counted(__libc_calloc(count, size));
}

void *realloc(void *memory, size_t size)
{
    if (memory != NULL)
        heap_now -= malloc_usable_size(memory);
    return counted(__libc_realloc(memory, size));
}

void free(void *memory)
{
    if (memory != NULL)
        heap_now -= malloc_usable_size(memory);
    __libc_free(memory);
}

/* --- cases --- */

typedef struct kind {
    size_t validators;
    bool skipping; /* to a set of which half is new */
    size_t needed; /* votes that are verified */
    cairn_light_anchor anchor;
    cairn_bytes proof;
    size_t arena;
    size_t heap;
    double seconds[ROUNDS];
    double bare_seconds[ROUNDS];
} kind;

static test_chain chain;
static const char entry[] = "an entry of the log";
static EVP_PKEY *bare_key;
static EVP_MD_CTX *bare;
static uint8_t bare_signature[64];
static const uint8_t bare_message[110];

static void must(bool ok)
{
    if (!ok) {
        (void)fprintf(stderr, "bench_light: failed: %s\n", cairn_err_detail());
        exit(1);
    }
}

static double cpu_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void prepare(kind *k)
{
    cairn_hash leaf, root;
    cairn_hash *app_hash = test_chain_alloc(&chain, sizeof *app_hash);
    static const cairn_hash path[LOG_BITS];
    const cairn_light_set set = test_chain_set(&chain, 0, k->validators, 10);
    const cairn_light_set next =
        test_chain_set(&chain, k->skipping ? k->validators / 2 : 0, k->validators, 10);
    cairn_merkle_leaf(cairn_bytes_str(entry), &leaf);
    must(cairn_merkle_inclusion_root(&leaf, 5, 1 << LOG_BITS, path, LOG_BITS, &root) == CAIRN_OK);
    cairn_app_hash(1 << LOG_BITS, &root, app_hash);
    k->anchor = (cairn_light_anchor){
        .state = test_chain_block(&chain, ANCHOR_HEIGHT, set, next, (cairn_bytes){0}).state,
        .trusting_period_ms = 1000000};
    const cairn_light_block block = test_chain_block(&chain, ANCHOR_HEIGHT + (k->skipping ? 50 : 1),
                                                     next, next, cairn_bytes_hash(app_hash));
    const cairn_commit_proof proof = {.size = 1 << LOG_BITS,
                                      .index = 5,
                                      .path = path,
                                      .path_count = LOG_BITS,
                                      .block_count = 1,
                                      .blocks = &block};
    k->needed = k->validators * 2 / 3 + 1;
    must(cairn_commit_proof_encode(&chain.arena, &proof, &k->proof) == CAIRN_OK);
}

static void run(kind *k)
{
    static uint8_t storage[64000] __attribute__((aligned(16)));
    cairn_arena arena;
    cairn_commit_proof proof;
    cairn_commit_verdict verdict;
    size_t before = heap_now;
    heap_peak = heap_now;
    cairn_arena_init_fixed(&arena, storage, sizeof storage);
    must(cairn_commit_proof_decode(&arena, k->proof, &proof) == CAIRN_OK);
    must(cairn_commit_proof_verify(&proof, cairn_bytes_str(entry), &k->anchor,
                                   test_chain_rules(100).now, &verdict) == CAIRN_OK);
    k->arena = arena.used;
    k->heap = heap_peak - before;
    must(heap_now == before);
}

static void prepare_bare(void)
{
    size_t size = sizeof bare_signature;
    EVP_MD_CTX *sign = EVP_MD_CTX_new();
    bare = EVP_MD_CTX_new();
    bare_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    must(sign != NULL && bare != NULL && bare_key != NULL &&
         EVP_DigestSignInit(sign, NULL, NULL, NULL, bare_key) == 1 &&
         EVP_DigestSign(sign, bare_signature, &size, bare_message, sizeof bare_message) == 1 &&
         EVP_DigestVerifyInit(bare, NULL, NULL, NULL, bare_key) == 1);
    EVP_MD_CTX_free(sign);
}

static void run_bare(size_t count)
{
    for (size_t i = 0; i < count; i++)
        must(EVP_DigestVerify(bare, bare_signature, sizeof bare_signature, bare_message,
                              sizeof bare_message) == 1);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(kind *kinds, size_t count)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < count; i++) {
            kind *k = &kinds[i];
            size_t operations = 1000 / k->needed + 1;
            double start = cpu_seconds();
            for (size_t n = 0; n < operations; n++)
                run(k);
            k->seconds[round] = (cpu_seconds() - start) / (double)operations;
            start = cpu_seconds();
            for (size_t n = 0; n < operations; n++)
                run_bare(k->needed);
            k->bare_seconds[round] = (cpu_seconds() - start) / (double)operations;
        }
    }
}

static void print(kind *k)
{
    qsort(k->seconds, ROUNDS, sizeof k->seconds[0], by_value);
    qsort(k->bare_seconds, ROUNDS, sizeof k->bare_seconds[0], by_value);
    printf(
        "%3zu validators, %-8s best %8.1f  median %8.1f  us of CPU; %zu bare verifications %8.1f, "
        "%8.1f; proof %5zu bytes, arena %4zu, heap %zu\n",
        k->validators, k->skipping ? "skipping" : "adjacent", k->seconds[0] * 1e6,
        k->seconds[ROUNDS / 2] * 1e6, k->needed, k->bare_seconds[0] * 1e6,
        k->bare_seconds[ROUNDS / 2] * 1e6, k->proof.size, k->arena, k->heap);
}

/* --- a state proof --- */

/* Of a map of about 2^20 records, in a block entry of a log of as many entries. */
static cairn_bytes state_proof(kind *k)
{
    static smt_way way;
    uint8_t raw[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    const cairn_hash name = {{0x3f}};
    char key[] = "anchor/0123456789abcdef0123456789abcdef";
    uint8_t value[64] = {1};
    cairn_hash fold, leaf, root, path[LOG_BITS] = {{{0}}};
    cairn_hash *app_hash = test_chain_alloc(&chain, sizeof *app_hash);
    cairn_bytes commit, encoded;
    memcpy(key + 7, name.b, 32);
    way = (smt_way){.key = cairn_bytes_of(key, sizeof key - 1),
                    .value = cairn_bytes_of(value, sizeof value),
                    .depth = MAP_DEPTH};
    cairn_sha256_of(key, sizeof key - 1, &way.path);
    cairn_smt_leaf_hash(&way.path, way.value, &fold);
    for (unsigned depth = MAP_DEPTH; depth-- > 0;) {
        memset(way.siblings[depth].b, (int)depth + 1, 32);
        if (smt_way_bit(&way, depth))
            cairn_sha256_node(&way.siblings[depth], &fold, &fold);
        else
            cairn_sha256_node(&fold, &way.siblings[depth], &fold);
    }
    cairn_block_entry block = {.height = ANCHOR_HEIGHT,
                               .time_ms = CHAIN_START_S * UINT64_C(1000),
                               .first = (1 << LOG_BITS) - 100,
                               .count = 99,
                               .state_root = fold};
    cairn_state_proof proof = {.key = way.key, .present = true, .value = way.value};
    proof.end.block_entry_raw = cairn_bytes_of(raw, cairn_block_entry_encode(&block, raw));
    cairn_merkle_leaf(proof.end.block_entry_raw, &leaf);
    must(cairn_merkle_inclusion_root(&leaf, (1 << LOG_BITS) - 1, 1 << LOG_BITS, path, LOG_BITS,
                                     &root) == CAIRN_OK);
    cairn_app_hash(1 << LOG_BITS, &root, app_hash);
    const cairn_light_block light =
        test_chain_block(&chain, ANCHOR_HEIGHT + 1, k->anchor.state.validators,
                         k->anchor.state.validators, cairn_bytes_hash(app_hash));
    const cairn_commit_proof committed = {.size = 1 << LOG_BITS,
                                          .index = (1 << LOG_BITS) - 1,
                                          .path = path,
                                          .path_count = LOG_BITS,
                                          .block_count = 1,
                                          .blocks = &light};
    must(cairn_commit_proof_encode(&chain.arena, &committed, &commit) == CAIRN_OK);
    proof.end.commit_raw = commit;
    must(cairn_smt_write_exist(&chain.arena, &way, &proof.proof) == CAIRN_OK);
    must(cairn_state_proof_encode(&chain.arena, &proof, NULL, 0, &encoded) == CAIRN_OK);
    return encoded;
}

static void measure_state(kind *k)
{
    static uint8_t storage[64000] __attribute__((aligned(16)));
    static test_world world;
    static cairn_state_verdict verdict;
    double seconds[ROUNDS];
    cairn_bytes proof = state_proof(k);
    test_world_init(&world);
    world.draft.anchor = &k->anchor;
    world.draft.expires_ms = CHAIN_START_S * UINT64_C(2000);
    cairn_trust trust = test_world_trust(&world, &world.arena);
    cairn_arena arena;
    for (size_t round = 0; round < ROUNDS; round++) {
        double start = cpu_seconds();
        for (size_t n = 0; n < 500; n++) {
            cairn_arena_init_fixed(&arena, storage, sizeof storage);
            must(cairn_verify_state_proof(&arena, proof, &trust,
                                          CHAIN_START_S * UINT64_C(1000) + 100000,
                                          &verdict) == CAIRN_OK);
        }
        seconds[round] = (cpu_seconds() - start) / 500;
    }
    qsort(seconds, ROUNDS, sizeof seconds[0], by_value);
    printf("state proof, 4 validators, map of 2^20 records, log of 2^%d entries: %zu bytes; best "
           "%.1f  "
           "median %.1f  us of CPU; arena %zu\n",
           LOG_BITS, proof.size, seconds[0] * 1e6, seconds[ROUNDS / 2] * 1e6, arena.used);
    cairn_trust_done(&trust);
    test_world_done(&world);
}

int main(void)
{
    static kind kinds[] = {
        {.validators = 4},   {.validators = 4, .skipping = true},
        {.validators = 10},  {.validators = 10, .skipping = true},
        {.validators = 100}, {.validators = 100, .skipping = true},
    };
    enum { KINDS = sizeof kinds / sizeof kinds[0] };
    test_chain_init(&chain);
    prepare_bare();
    for (size_t i = 0; i < KINDS; i++)
        prepare(&kinds[i]);
    run(&kinds[0]); /* OpenSSL fetches its algorithms once */
    measure(kinds, KINDS);
    for (size_t i = 0; i < KINDS; i++)
        print(&kinds[i]);
    measure_state(&kinds[0]);
    EVP_MD_CTX_free(bare);
    EVP_PKEY_free(bare_key);
    test_chain_done(&chain);
    return 0;
}
