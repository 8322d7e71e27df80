/* Block records: what is taken hands out its log entries, within bounds, and the audit has an
 * answer to it, alone and after a genesis. */
#include "fuzz/fuzz.h"

#include "support/ledger_memory.h"

#include "ledger/audit.h"

static void walk(const cairn_block_record *record)
{
    cairn_bytes entry = {0};
    uint64_t count = record->transaction_count - record->refusal_count;
    for (uint64_t i = 0; i <= count; i++)
        MEMORY_MUST(cairn_block_record_log_entry(record, i, &entry));
    CAIRN_ASSERT(cairn_bytes_equal(entry, record->entry_bytes));
    CAIRN_ASSERT(cairn_block_record_log_entry(record, count + 1, &entry) == CAIRN_ERR_NOT_FOUND);
}

/* Without its slot it is the same record. */
static void unslot(cairn_arena *arena, const cairn_block_record *record)
{
    cairn_bytes raw;
    cairn_block_record other;
    MEMORY_MUST(cairn_block_record_unslot(arena, record->encoded, &raw));
    MEMORY_MUST(cairn_block_record_decode(arena, raw, &other));
    CAIRN_ASSERT(other.slot == 0 && other.height == record->height &&
                 other.transaction_count == record->transaction_count &&
                 cairn_bytes_equal(other.entry_bytes, record->entry_bytes));
    CAIRN_ASSERT(record->slot != 0 || cairn_bytes_equal(raw, record->encoded));
}

static void audit(const cairn_block_record *record)
{
    static memory_ledger m;
    static cairn_block_record genesis;
    cairn_audit *a = NULL;
    if (m.ledger == NULL) {
        cairn_bytes raw;
        memory_begin(&m, 1, NULL);
        MEMORY_MUST(cairn_block_record_encode(&m.arena, 0, &m.block, &raw));
        MEMORY_MUST(cairn_block_record_decode(&m.arena, raw, &genesis));
    }
    MEMORY_MUST(cairn_audit_new(&cairn_all_features, &a));
    if (record->height != 0)
        MEMORY_MUST(cairn_audit_block(a, &genesis));
    cairn_err err = cairn_audit_block(a, record);
    CAIRN_ASSERT(err == CAIRN_OK || err == CAIRN_ERR_CORRUPT);
    cairn_audit_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_block_record record;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 24);
    if (cairn_block_record_decode(&arena, cairn_bytes_of(data, size), &record) == CAIRN_OK) {
        walk(&record);
        unslot(&arena, &record);
        audit(&record);
    }
    cairn_arena_done(&arena);
    return 0;
}
