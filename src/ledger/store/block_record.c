/* Codec of block records. */
#include "ledger/store/block_record.h"

#include "cairn/cbor.h"
#include "core/limits.h"

static const char magic[] = "cairn/record/1";
static const char clause[] = "docs/formats/block-record.md";

enum { RECORD_FIELDS = 8 };

static void put_transactions(cairn_cbor_writer *w, const cairn_block *block)
{
    const cairn_outcome *o = &block->outcome;
    if (block->genesis.size != 0) {
        cairn_cbor_put_array(w, 1);
        cairn_cbor_put_bytes(w, block->genesis);
        return;
    }
    cairn_cbor_put_array(w, o->accepted_count + o->refused_count);
    for (size_t i = 0; i < o->count; i++)
        if (o->results[i].consumed)
            cairn_cbor_put_bytes(w, block->inputs[i].tx.raw);
}

static void put_refusals(cairn_cbor_writer *w, const cairn_outcome *o)
{
    uint64_t place = 0;
    cairn_cbor_put_array(w, o->refused_count);
    for (size_t i = 0; i < o->count; i++) {
        if (!o->results[i].consumed)
            continue;
        if (o->results[i].code != CAIRN_OK) {
            cairn_cbor_put_array(w, 2);
            cairn_cbor_put_uint(w, place);
            cairn_cbor_put_uint(w, (uint64_t)-o->results[i].code);
        }
        place++;
    }
}

/* Events name their transaction by its place among those that consumed their id. */
static void put_events(cairn_cbor_writer *w, const cairn_outcome *o)
{
    uint64_t place = 0;
    size_t at = 0;
    cairn_cbor_put_array(w, o->event_count);
    for (const cairn_event *e = o->events; e != NULL; e = e->next) {
        for (; at < e->tx; at++)
            place += o->results[at].consumed;
        cairn_cbor_put_array(w, 3);
        cairn_cbor_put_uint(w, e->type);
        cairn_cbor_put_uint(w, place);
        cairn_cbor_put_bytes(w, e->key);
    }
}

static void put_record(cairn_cbor_writer *w, uint32_t slot, const cairn_block *block)
{
    cairn_cbor_put_array(w, RECORD_FIELDS);
    cairn_cbor_put_text(w, magic);
    cairn_cbor_put_uint(w, slot);
    cairn_cbor_put_uint(w, block->outcome.height);
    cairn_cbor_put_uint(w, block->outcome.time_ms);
    put_transactions(w, block);
    put_refusals(w, &block->outcome);
    put_events(w, &block->outcome);
    cairn_cbor_put_bytes(w, cairn_bytes_of(block->entry_bytes, block->entry_size));
}

cairn_err cairn_block_record_encode(cairn_arena *arena, uint32_t slot, const cairn_block *block,
                                    cairn_bytes *ret_encoded)
{
    cairn_cbor_writer w;
    void *buffer = NULL;
    cairn_cbor_writer_init(&w, NULL, 0);
    put_record(&w, slot, block);
    size_t size = w.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &buffer));
    cairn_cbor_writer_init(&w, buffer, size);
    put_record(&w, slot, block);
    return cairn_cbor_writer_end(&w, ret_encoded);
}

static cairn_err read_transactions(cairn_arena *arena, cairn_cbor_reader *r,
                                   cairn_block_record *record)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_cbor_read_array(r, "transactions", 0, CAIRN_BLOCK_TX_COUNT_MAX,
                                    &record->transaction_count));
    CAIRN_TRY(cairn_arena_array(arena, record->transaction_count, sizeof(cairn_bytes), &memory));
    record->transactions = memory;
    for (size_t i = 0; i < record->transaction_count; i++)
        CAIRN_TRY(cairn_cbor_read_bytes(r, "transaction", 1, CAIRN_TX_SIZE_MAX,
                                        &record->transactions[i]));
    return CAIRN_OK;
}

static cairn_err read_refusals(cairn_arena *arena, cairn_cbor_reader *r, cairn_block_record *record)
{
    void *memory = NULL;
    uint64_t next = 0;
    CAIRN_TRY(
        cairn_cbor_read_array(r, "refused", 0, record->transaction_count, &record->refusal_count));
    CAIRN_TRY(cairn_arena_array(arena, record->refusal_count, sizeof(cairn_refusal), &memory));
    record->refusals = memory;
    for (size_t i = 0; i < record->refusal_count; i++) {
        cairn_refusal *refusal = &record->refusals[i];
        size_t two = 0;
        uint64_t code = 0;
        CAIRN_TRY(cairn_cbor_read_array(r, "refusal", 2, 2, &two));
        CAIRN_TRY(cairn_cbor_read_uint(r, "refusal.place", next, UINT32_MAX, &refusal->place));
        CAIRN_TRY(cairn_cbor_read_uint(r, "refusal.code", 1, INT16_MAX, &code));
        if (refusal->place >= record->transaction_count)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                              "record.refusal.place: beyond the transactions");
        refusal->code = -(cairn_err)code;
        next = refusal->place + 1;
    }
    return CAIRN_OK;
}

static cairn_err read_event(cairn_cbor_reader *r, uint64_t least_place, cairn_record_event *event)
{
    size_t three = 0;
    uint64_t type = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "event", 3, 3, &three));
    CAIRN_TRY(cairn_cbor_read_uint(r, "event.type", 0, UINT16_MAX, &type));
    CAIRN_TRY(cairn_cbor_read_uint(r, "event.place", least_place, UINT32_MAX, &event->place));
    event->type = (uint16_t)type;
    return cairn_cbor_read_bytes(r, "event.key", 0, CAIRN_EVENT_KEY_SIZE_MAX, &event->key);
}

/* Is `event` of an accepted transaction, and within what one may emit? `refusal` and the sums of
 * its transaction go along with the events. */
static cairn_err check_event(const cairn_block_record *record, size_t at, size_t *refusal,
                             size_t *count, size_t *size)
{
    const cairn_record_event *event = &record->events[at];
    if (at > 0 && record->events[at - 1].place != event->place)
        *count = *size = 0;
    while (*refusal < record->refusal_count && record->refusals[*refusal].place < event->place)
        ++*refusal;
    if (event->place >= record->transaction_count ||
        (*refusal < record->refusal_count && record->refusals[*refusal].place == event->place))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "record.event.place: not an accepted transaction");
    *size += event->key.size;
    if (++*count > CAIRN_TX_EVENTS_MAX || *size > CAIRN_TX_EVENTS_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "record.events: of one transaction");
    return CAIRN_OK;
}

static cairn_err read_events(cairn_arena *arena, cairn_cbor_reader *r, cairn_block_record *record)
{
    void *memory = NULL;
    size_t refusal = 0, count = 0, size = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "events", 0, record->transaction_count * CAIRN_TX_EVENTS_MAX,
                                    &record->event_count));
    CAIRN_TRY(cairn_arena_array(arena, record->event_count, sizeof(cairn_record_event), &memory));
    record->events = memory;
    for (size_t i = 0; i < record->event_count; i++) {
        uint64_t least_place = i == 0 ? 0 : record->events[i - 1].place;
        CAIRN_TRY(read_event(r, least_place, &record->events[i]));
        CAIRN_TRY(check_event(record, i, &refusal, &count, &size));
    }
    return CAIRN_OK;
}

static cairn_err check_entry(const cairn_block_record *record)
{
    const cairn_block_entry *e = &record->entry;
    size_t accepted = record->transaction_count - record->refusal_count;
    bool genesis = record->height == 0;
    if (e->height != record->height || e->time_ms != record->time_ms ||
        e->count != (genesis ? 0 : accepted) ||
        (genesis && (accepted != 1 || record->refusal_count != 0 || record->event_count != 0)))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "record.block_entry: is of another block");
    return CAIRN_OK;
}

static cairn_err open_record(cairn_bytes in, cairn_cbor_reader *r, uint32_t *ret_slot)
{
    uint64_t slot = 0;
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_open(r, in, CAIRN_CBOR_STRICT, "record", clause));
    CAIRN_TRY(cairn_cbor_read_array(r, "record", RECORD_FIELDS, RECORD_FIELDS, &count));
    CAIRN_TRY(cairn_cbor_read_magic(r, magic));
    CAIRN_TRY(cairn_cbor_read_uint(r, "slot", 0, UINT32_MAX, &slot));
    *ret_slot = (uint32_t)slot;
    return CAIRN_OK;
}

cairn_err cairn_block_record_slot(cairn_bytes in, uint32_t *ret_slot)
{
    cairn_cbor_reader r;
    return open_record(in, &r, ret_slot);
}

cairn_err cairn_block_record_unslot(cairn_arena *arena, cairn_bytes encoded,
                                    cairn_bytes *ret_encoded)
{
    cairn_cbor_reader r;
    cairn_cbor_writer w;
    uint32_t slot = 0;
    void *buffer = NULL;
    CAIRN_TRY(open_record(encoded, &r, &slot));
    CAIRN_TRY(cairn_arena_alloc(arena, encoded.size, &buffer));
    cairn_cbor_writer_init(&w, buffer, encoded.size);
    cairn_cbor_put_array(&w, RECORD_FIELDS);
    cairn_cbor_put_text(&w, magic);
    cairn_cbor_put_uint(&w, 0);
    cairn_cbor_put_raw(&w, cairn_bytes_of(r.next, (size_t)(r.end - r.next)));
    return cairn_cbor_writer_end(&w, ret_encoded);
}

static void put_bare(cairn_cbor_writer *w, const cairn_block_record *record)
{
    cairn_cbor_put_array(w, RECORD_FIELDS);
    cairn_cbor_put_text(w, magic);
    cairn_cbor_put_uint(w, 0);
    cairn_cbor_put_uint(w, record->height);
    cairn_cbor_put_uint(w, record->time_ms);
    cairn_cbor_put_array(w, record->transaction_count);
    for (size_t i = 0; i < record->transaction_count; i++)
        cairn_cbor_put_bytes(w, record->transactions[i]);
    cairn_cbor_put_array(w, record->refusal_count);
    for (size_t i = 0; i < record->refusal_count; i++) {
        cairn_cbor_put_array(w, 2);
        cairn_cbor_put_uint(w, record->refusals[i].place);
        cairn_cbor_put_uint(w, (uint64_t)-record->refusals[i].code);
    }
    cairn_cbor_put_array(w, 0);
    cairn_cbor_put_bytes(w, record->entry_bytes);
}

size_t cairn_block_record_bare_size(const cairn_block_record *record)
{
    cairn_cbor_writer w;
    cairn_cbor_writer_init(&w, NULL, 0);
    put_bare(&w, record);
    return w.size;
}

cairn_err cairn_block_record_bare(cairn_arena *arena, const cairn_block_record *record,
                                  cairn_bytes *ret_encoded)
{
    cairn_cbor_writer w;
    void *buffer = NULL;
    size_t size = cairn_block_record_bare_size(record);
    CAIRN_TRY(cairn_arena_alloc(arena, size, &buffer));
    cairn_cbor_writer_init(&w, buffer, size);
    put_bare(&w, record);
    return cairn_cbor_writer_end(&w, ret_encoded);
}

cairn_err cairn_block_record_decode(cairn_arena *arena, cairn_bytes in,
                                    cairn_block_record *ret_record)
{
    cairn_cbor_reader r;
    cairn_block_record record = {.encoded = in};
    CAIRN_TRY(open_record(in, &r, &record.slot));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "height", 0, INT64_MAX, &record.height));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "time", 0, CAIRN_TIME_MAX_MS, &record.time_ms));
    CAIRN_TRY(read_transactions(arena, &r, &record));
    CAIRN_TRY(read_refusals(arena, &r, &record));
    CAIRN_TRY(read_events(arena, &r, &record));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "block_entry", 1, CAIRN_BLOCK_ENTRY_SIZE_MAX,
                                    &record.entry_bytes));
    CAIRN_TRY(cairn_cbor_end(&r));
    CAIRN_TRY(cairn_block_entry_decode(record.entry_bytes, &record.entry));
    CAIRN_TRY(check_entry(&record));
    *ret_record = record;
    return CAIRN_OK;
}

uint64_t cairn_block_record_first_index(const cairn_block_record *record)
{
    return record->height == 0 ? 0 : record->entry.first;
}

cairn_err cairn_block_record_log_entry(const cairn_block_record *record, uint64_t place,
                                       cairn_bytes *ret_entry)
{
    size_t accepted = record->transaction_count - record->refusal_count;
    if (place > accepted)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, clause, "record: block has %zu log entries",
                          accepted + 1);
    if (place == accepted) {
        *ret_entry = record->entry_bytes;
        return CAIRN_OK;
    }
    /* Step over the refused ones that lie before it. */
    uint64_t at = place;
    for (size_t i = 0; i < record->refusal_count && record->refusals[i].place <= at; i++)
        at++;
    *ret_entry = record->transactions[at];
    return CAIRN_OK;
}

static cairn_err compare_results(const cairn_block_record *record, const cairn_outcome *o)
{
    size_t next = 0;
    for (size_t i = 0; i < o->count; i++) {
        bool listed = next < record->refusal_count && record->refusals[next].place == i;
        cairn_err code = listed ? record->refusals[next].code : CAIRN_OK;
        next += listed;
        if (!o->results[i].consumed || o->results[i].code != code)
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                              "record: transaction %zu of height %llu gives %s, recorded as %s", i,
                              (unsigned long long)record->height,
                              cairn_err_name(o->results[i].code), cairn_err_name(code));
    }
    return CAIRN_OK;
}

/* All transactions consumed their id: a place is the place among the inputs. */
static cairn_err compare_events(const cairn_block_record *record, const cairn_outcome *o)
{
    const cairn_event *e = o->events;
    for (size_t i = 0; i < record->event_count || e != NULL; i++) {
        const cairn_record_event *r = i < record->event_count ? &record->events[i] : NULL;
        if (r == NULL || e == NULL || e->type != r->type || e->tx != r->place ||
            !cairn_bytes_equal(e->key, r->key))
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                              "record: event %zu of height %llu is not what its transaction emits",
                              i, (unsigned long long)record->height);
        e = e->next;
    }
    return CAIRN_OK;
}

cairn_err cairn_block_record_compare(const cairn_block_record *record, const cairn_block *block)
{
    CAIRN_TRY(compare_results(record, &block->outcome));
    CAIRN_TRY(compare_events(record, &block->outcome));
    if (!block->changed ||
        !cairn_bytes_equal(record->entry_bytes,
                           cairn_bytes_of(block->entry_bytes, block->entry_size)))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                          "record: height %llu gives another block entry",
                          (unsigned long long)record->height);
    return CAIRN_OK;
}
