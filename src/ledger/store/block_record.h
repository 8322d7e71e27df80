/* The payload of one block-log record: all that is needed to apply a block again.
 * Bytes: docs/formats/block-record.md. */
#ifndef CAIRN_LEDGER_BLOCK_RECORD_H
#define CAIRN_LEDGER_BLOCK_RECORD_H

#include "ledger/ledger.h"

typedef struct cairn_refusal {
    uint64_t place; /* among the record's transactions */
    cairn_err code;
} cairn_refusal;

typedef struct cairn_record_event {
    uint64_t place; /* among the record's transactions: an accepted one */
    uint16_t type;
    cairn_bytes key;
} cairn_record_event;

typedef struct cairn_block_record {
    uint32_t slot;
    uint64_t height;
    uint64_t time_ms;
    cairn_bytes *transactions; /* those that consumed their id; the genesis at height 0 */
    size_t transaction_count;
    cairn_refusal *refusals; /* rising by place */
    size_t refusal_count;
    cairn_record_event *events; /* in order, so rising by place */
    size_t event_count;
    cairn_block_entry entry;
    cairn_bytes entry_bytes;
    cairn_bytes encoded; /* all of it */
} cairn_block_record;

/* Of a computed, changed block. In the arena. */
cairn_err cairn_block_record_encode(cairn_arena *arena, uint32_t slot, const cairn_block *block,
                                    cairn_bytes *ret_encoded) CAIRN_MUST_USE;

/* Strict; views into `in`, arrays in the arena. Besides the schema: places in range and rising,
 * events of accepted transactions and within their bounds, entry of the same height, time and
 * count. */
cairn_err cairn_block_record_decode(cairn_arena *arena, cairn_bytes in,
                                    cairn_block_record *ret_record) CAIRN_MUST_USE;

/* The slot alone, of a record that the block log checked; nothing behind it is looked at. */
cairn_err cairn_block_record_slot(cairn_bytes in, uint32_t *ret_slot) CAIRN_MUST_USE;

/* The record `encoded`, which was decoded before, as of slot 0: how somebody else gets it, whom our
 * slots do not concern. In the arena. */
cairn_err cairn_block_record_unslot(cairn_arena *arena, cairn_bytes encoded,
                                    cairn_bytes *ret_encoded) CAIRN_MUST_USE;

/* The record as of slot 0 and without its events, which whoever takes it makes again; so it is at
 * most CAIRN_BLOCK_RECORD_BARE_SIZE_MAX bytes. In the arena. */
enum { CAIRN_BLOCK_RECORD_BARE_SIZE_MAX = (8 << 20) + 8192 * 16 + 1024 };
cairn_err cairn_block_record_bare(cairn_arena *arena, const cairn_block_record *record,
                                  cairn_bytes *ret_encoded) CAIRN_MUST_USE;
/* Its size alone. */
size_t cairn_block_record_bare_size(const cairn_block_record *record);

/* Log entry number `place` of the block (its accepted transactions in order, the block entry last;
 * at height 0 the genesis first): a view. NOT_FOUND beyond. */
cairn_err cairn_block_record_log_entry(const cairn_block_record *record, uint64_t place,
                                       cairn_bytes *ret_entry) CAIRN_MUST_USE;

/* Did applying it again give what the record says? CORRUPT names the transaction, the event
 * or the block entry. */
cairn_err cairn_block_record_compare(const cairn_block_record *record,
                                     const cairn_block *block) CAIRN_MUST_USE;

/* Log index of the first log entry of this block. */
uint64_t cairn_block_record_first_index(const cairn_block_record *record);

#endif
