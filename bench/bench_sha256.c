/* Hashes of 65-byte Merkle nodes and of prefixed segments, each implementation beside OpenSSL in
 * the same run. CPU time of one thread, rounds interleaved, best and median. */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cairn/sha256.h"

enum {
    ROUNDS = 15,
    NODES = 4096, /* pairs in a batch: 256 KiB in, 128 KiB out */
    NODE_BATCHES = 16,
    LANES = 16, /* segments in a batch */
    BULK_BYTES = 32 << 20,
    ROWS_MAX = 64,
};

typedef struct row {
    char name[96];
    const char *implementation; /* NULL: OpenSSL */
    void (*run)(const struct row *r);
    size_t size;  /* bytes of a segment */
    size_t lanes; /* segments at once */
    double work;  /* nodes or bytes in one run */
    double seconds[ROUNDS];
} row;

static row rows[ROWS_MAX];
static size_t row_count;
static cairn_hash pairs[2 * NODES], hashes[NODES];
static uint8_t prefixes[LANES][64];
static const uint8_t *messages[LANES];
static EVP_MD *md;
static EVP_MD_CTX *md_ctx;

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int ok)
{
    if (ok != 1) {
        fputs("bench_sha256: OpenSSL failed\n", stderr);
        exit(1);
    }
}

static void nodes_ours(const row *r)
{
    (void)r;
    for (size_t i = 0; i < NODE_BATCHES; i++)
        cairn_sha256_nodes(pairs, NODES, hashes);
}

static void nodes_ours_single(const row *r)
{
    (void)r;
    for (size_t i = 0; i < NODE_BATCHES; i++) {
        for (size_t j = 0; j < NODES; j++)
            cairn_sha256_node(&pairs[2 * j], &pairs[2 * j + 1], &hashes[j]);
    }
}

static void evp_reused(const uint8_t *prefix, size_t prefix_size, const void *data, size_t size,
                       cairn_hash *ret_hash)
{
    must(EVP_DigestInit_ex2(md_ctx, md, NULL));
    must(EVP_DigestUpdate(md_ctx, prefix, prefix_size));
    must(EVP_DigestUpdate(md_ctx, data, size));
    must(EVP_DigestFinal_ex(md_ctx, ret_hash->b, NULL));
}

static void nodes_evp(const row *r)
{
    (void)r;
    for (size_t i = 0; i < NODE_BATCHES; i++) {
        for (size_t j = 0; j < NODES; j++)
            evp_reused((const uint8_t *)"\x01", 1, &pairs[2 * j], 64, &hashes[j]);
    }
}

static void nodes_one_shot(const row *r)
{
    uint8_t node[65] = {0x01};
    (void)r;
    for (size_t i = 0; i < NODE_BATCHES; i++) {
        for (size_t j = 0; j < NODES; j++) {
            memcpy(node + 1, &pairs[2 * j], 64);
            must(SHA256(node, sizeof node, hashes[j].b) == hashes[j].b);
        }
    }
}

static void segments_ours(const row *r)
{
    for (size_t done = 0; done < BULK_BYTES; done += r->lanes * r->size)
        cairn_sha256_prefixed((const uint8_t(*)[64])prefixes, messages, r->size, r->lanes, hashes);
}

static void segments_evp(const row *r)
{
    for (size_t done = 0, i = 0; done < BULK_BYTES; done += r->size, i = (i + 1) % r->lanes)
        evp_reused(prefixes[i], 64, messages[i], r->size, &hashes[i]);
}

static void add(const char *label, const char *implementation, void (*run)(const row *),
                size_t size, size_t lanes)
{
    row *new = &rows[row_count++];
    snprintf(new->name, sizeof new->name, "%s %s", implementation ? implementation : "openssl",
             label);
    new->implementation = implementation;
    new->run = run;
    new->size = size;
    new->lanes = lanes;
    new->work = (double)(size > 0 ? (long)BULK_BYTES : (long)NODES * NODE_BATCHES);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_row(row *r)
{
    qsort(r->seconds, ROUNDS, sizeof r->seconds[0], by_value);
    double unit = r->size > 0 ? 1e9 : 1e6;
    printf("%-36s best %7.2f  median %7.2f  %s\n", r->name, r->work / r->seconds[0] / unit,
           r->work / r->seconds[ROUNDS / 2] / unit, r->size > 0 ? "GB/s" : "Mhash/s");
}

static void add_rows(void)
{
    static const char *const names[] = {"sha-ni", "avx2x8", "portable"};
    static const size_t sizes[] = {4096, 65536};
    char label[64];
    for (size_t i = 0; i < 3; i++) {
        if (cairn_sha256_force(names[i]) != CAIRN_OK)
            continue;
        add("nodes, batch", names[i], nodes_ours, 0, 0);
        add("nodes, one by one", names[i], nodes_ours_single, 0, 0);
    }
    add("EVP nodes, reused", NULL, nodes_evp, 0, 0);
    add("SHA256() nodes", NULL, nodes_one_shot, 0, 0);
    for (size_t s = 0; s < 2; s++) {
        for (size_t i = 0; i < 3; i++) {
            if (cairn_sha256_force(names[i]) != CAIRN_OK)
                continue;
            for (size_t lanes = 1; lanes <= LANES; lanes *= LANES) {
                snprintf(label, sizeof label, "%zu KiB, %zu lanes", sizes[s] >> 10, lanes);
                add(label, names[i], segments_ours, sizes[s], lanes);
            }
        }
        snprintf(label, sizeof label, "EVP %zu KiB, reused", sizes[s] >> 10);
        add(label, NULL, segments_evp, sizes[s], LANES);
    }
}

int main(void)
{
    static uint8_t memory[LANES][65536];
    md = EVP_MD_fetch(NULL, "SHA256", NULL);
    md_ctx = EVP_MD_CTX_new();
    must(md != NULL && md_ctx != NULL);
    for (size_t i = 0; i < LANES; i++) {
        memset(memory[i], (int)i, sizeof memory[i]);
        messages[i] = memory[i];
    }
    for (size_t i = 0; i < sizeof pairs; i++)
        pairs[i / 32].b[i % 32] = (uint8_t)(i * 31 >> 3);
    add_rows();
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < row_count; i++) {
            if (rows[i].implementation != NULL &&
                cairn_sha256_force(rows[i].implementation) != CAIRN_OK)
                return 1;
            double start = cpu_seconds();
            rows[i].run(&rows[i]);
            rows[i].seconds[round] = cpu_seconds() - start;
        }
    }
    for (size_t i = 0; i < row_count; i++)
        print_row(&rows[i]);
    EVP_MD_CTX_free(md_ctx);
    EVP_MD_free(md);
    return 0;
}
