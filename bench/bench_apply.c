/* What a block costs beside its signatures: decoding, apply (checks, handlers, both maps, log) and
 * commit of 200 anchors, on an empty ledger and on one of N objects, all in memory. CPU time of one
 * thread for each transaction, best and median; in the same run, apply with signatures verified.
 * Usage: bench-apply [N], N = 1,000,000 by default. */
#include <time.h>

#include "support/ledger_memory.h"

enum { ROUNDS = 60, TXS = 200, FILL_TXS = 8000, SIGNERS = 3 };

typedef struct bench {
    memory_ledger m;
    uint64_t number; /* of anchors so far */
    uint64_t time_ms;
    cairn_tx_input inputs[FILL_TXS];
} bench;

typedef struct figures {
    double decode[ROUNDS], apply[ROUNDS], commit[ROUNDS], verify[ROUNDS];
} figures;

static double cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void print(const char *what, double *us)
{
    qsort(us, ROUNDS, sizeof *us, by_value);
    printf("  %-28s %8.2f %8.2f\n", what, us[0] / TXS, us[ROUNDS / 2] / TXS);
}

/* The next anchor; signed, or with a signature that nobody will look at. */
static cairn_bytes next_tx(bench *b, bool sign)
{
    static const uint8_t nothing[64] = {1, [63] = 1};
    const cairn_key *key = memory_key((uint8_t)(MEMORY_SIGN + b->number % SIGNERS));
    const cairn_tx_draft draft = {.ledger = b->m.id,
                                  .kid = *cairn_key_id(key),
                                  .type = CAIRN_TX_ANCHOR,
                                  .valid_until_ms = b->time_ms + 1000,
                                  .body = memory_anchor(&b->m.arena, b->number++)};
    cairn_bytes tx;
    if (sign)
        MEMORY_MUST(cairn_tx_sign(&b->m.arena, &draft, key, &tx));
    else
        MEMORY_MUST(
            cairn_tx_assemble(&b->m.arena, &draft, cairn_bytes_of(nothing, sizeof nothing), &tx));
    return tx;
}

static void decode(bench *b, const cairn_bytes *txs, size_t count, bool verified)
{
    for (size_t i = 0; i < count; i++) {
        MEMORY_MUST(cairn_tx_decode(txs[i], &b->inputs[i].tx));
        b->inputs[i].verified = verified;
    }
}

static void apply(bench *b, size_t count)
{
    cairn_arena_reset(&b->m.blocks);
    MEMORY_MUST(cairn_ledger_apply(b->m.ledger, &memory_bases, b->m.height + 1, b->time_ms,
                                   b->inputs, count, &b->m.blocks, &b->m.block));
    CAIRN_ASSERT(b->m.block.outcome.accepted_count == count);
}

static void commit(bench *b)
{
    MEMORY_MUST(cairn_ledger_commit(b->m.ledger, &b->m.block));
    b->m.height++;
    b->time_ms += 1000;
}

static void fill(bench *b, uint64_t count)
{
    static cairn_bytes txs[FILL_TXS];
    while (b->number < count) {
        for (size_t i = 0; i < FILL_TXS; i++)
            txs[i] = next_tx(b, false);
        decode(b, txs, FILL_TXS, true);
        apply(b, FILL_TXS);
        commit(b);
        cairn_arena_reset(&b->m.arena);
    }
}

static void run_round(bench *b, figures *f, size_t round)
{
    cairn_bytes txs[TXS];
    for (size_t i = 0; i < TXS; i++)
        txs[i] = next_tx(b, true);
    double start = cpu_us();
    decode(b, txs, TXS, false);
    f->decode[round] = cpu_us() - start;

    start = cpu_us();
    apply(b, TXS);
    f->verify[round] = cpu_us() - start;
    cairn_block_discard(&b->m.block);

    decode(b, txs, TXS, true);
    start = cpu_us();
    apply(b, TXS);
    f->apply[round] = cpu_us() - start;

    start = cpu_us();
    commit(b);
    f->commit[round] = cpu_us() - start;
    cairn_arena_reset(&b->m.arena);
}

static void measure(bench *b, const char *title)
{
    static figures f;
    for (size_t round = 0; round < ROUNDS; round++)
        run_round(b, &f, round);
    printf("%s: us of CPU for each of %d anchors   best   median\n", title, TXS);
    print("decode and id", f.decode);
    print("apply, signatures known", f.apply);
    print("commit", f.commit);
    print("apply, signatures verified", f.verify);
}

int main(int argc, char **argv)
{
    static bench b;
    unsigned long long count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    char title[64];
    memory_begin(&b.m, SIGNERS, NULL);
    b.time_ms = MEMORY_TIME_MS + 1000;
    measure(&b, "empty ledger");
    fill(&b, count);
    (void)snprintf(title, sizeof title, "%llu objects", (unsigned long long)b.number);
    measure(&b, title);
    memory_end(&b.m);
    return 0;
}
