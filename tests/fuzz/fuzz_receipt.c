/* Receipts, statements, receipt files and the verdict over them: what is taken must write back to
 * the same bytes, and a yes needs two members of support/vouch.h's world. */
#include "fuzz/fuzz.h"

#include "cairn/verify.h"
#include "support/vouch.h"

static void fuzz_one_receipt(cairn_arena *arena, cairn_bytes in)
{
    cairn_receipt r;
    cairn_bytes again;
    if (cairn_receipt_decode(arena, in, &r) != CAIRN_OK)
        return;
    CAIRN_ASSERT(r.index < r.head.size);
    CAIRN_ASSERT(cairn_receipt_assemble(arena, &r.head, r.index, r.path, r.path_count, r.signature,
                                        &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(in, again));
}

static void fuzz_file(cairn_arena *arena, cairn_bytes in)
{
    cairn_receipt_file file;
    cairn_bytes again;
    if (cairn_receipt_file_decode(in, &file) != CAIRN_OK)
        return;
    CAIRN_ASSERT(cairn_receipt_file_encode(arena, &file, &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(in, again));
}

static void fuzz_statement(cairn_arena *arena, cairn_bytes in)
{
    cairn_statement s;
    cairn_tx tx;
    if (cairn_statement_decode(arena, in, &s) != CAIRN_OK)
        return;
    CAIRN_ASSERT(s.receipt_count >= 1 && s.receipt_count <= CAIRN_RECEIPT_COUNT_MAX);
    CAIRN_ASSERT(cairn_tx_decode(s.tx.raw, &tx) == CAIRN_OK);
    CAIRN_ASSERT(cairn_hash_equal(&tx.id, &s.tx.id));
}

static void fuzz_verdict(cairn_arena *arena, cairn_bytes in, const cairn_trust *trust)
{
    static cairn_receipt_verdict verdict;
    cairn_err err = cairn_verify_receipt(arena, in, trust, TEST_NOW_MS, &verdict);
    CAIRN_ASSERT(err != CAIRN_ERR_NO_MEMORY);
    CAIRN_ASSERT(err != CAIRN_OK || verdict.vouching.vouching_count >= 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static test_world world;
    static cairn_trust trust;
    static cairn_arena arena;
    cairn_bytes in = cairn_bytes_of(data, size);
    if (world.tx.size == 0) {
        test_world_init(&world);
        trust = test_world_trust(&world, &world.arena);
    }
    cairn_arena_init(&arena, CAIRN_VERIFY_ARENA_SIZE);
    fuzz_verdict(&arena, in, &trust);
    cairn_arena_done(&arena);
    cairn_arena_init(&arena, 4 << 20);
    fuzz_one_receipt(&arena, in);
    fuzz_file(&arena, in);
    fuzz_statement(&arena, in);
    cairn_arena_done(&arena);
    return 0;
}
