/* Block records and the audit over them: every changed byte is refused or is another record, and
 * the audit refuses every other history, naming the height. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/ledger_memory.h"

#include "core/limits.h"
#include "core/store/block_log.h"
#include "ledger/audit.h"

#define NOW (MEMORY_TIME_MS + 1000)

enum { BLOCKS = 6 };

/* A ledger's records: the genesis, then blocks with accepted and refused transactions. */
typedef struct history {
    memory_ledger m;
    cairn_bytes raw[BLOCKS];
    cairn_block_record records[BLOCKS];
} history;

static void keep_record(history *h, size_t i)
{
    assert_int_equal(cairn_block_record_encode(&h->m.arena, 3, &h->m.block, &h->raw[i]), CAIRN_OK);
    assert_int_equal(cairn_block_record_decode(&h->m.arena, h->raw[i], &h->records[i]), CAIRN_OK);
}

static void make_history(history *h)
{
    memory_begin(&h->m, 1, NULL);
    keep_record(h, 0);
    for (size_t i = 1; i < BLOCKS; i++) {
        cairn_bytes txs[6];
        for (size_t t = 0; t < 6; t++) /* places 0, 2 and 4 accepted; 5 leaves no trace */
            txs[t] = memory_tx(&h->m, memory_key(MEMORY_SIGN), CAIRN_TX_ANCHOR,
                               memory_anchor(&h->m.arena, i * 10 + t / 2 * 2),
                               t == 5 ? NOW : NOW + 1000 + t);
        const cairn_outcome *o = memory_block(&h->m, NOW + i, txs, 6);
        assert_int_equal(o->accepted_count, 3);
        assert_int_equal(o->refused_count, 2);
        keep_record(h, i);
    }
}

/* --- records --- */

static void test_round_trip(void **state)
{
    (void)state;
    static history h;
    make_history(&h);
    for (size_t i = 0; i < BLOCKS; i++) {
        const cairn_block_record *r = &h.records[i];
        assert_int_equal(r->slot, 3);
        assert_int_equal(r->height, i);
        assert_int_equal(r->time_ms, i == 0 ? MEMORY_TIME_MS : NOW + i);
        assert_int_equal(r->transaction_count, i == 0 ? 1 : 5);
        assert_int_equal(r->refusal_count, i == 0 ? 0 : 2);
        assert_int_equal(cairn_block_record_first_index(r), i == 0 ? 0 : 2 + (i - 1) * 4);
    }
    const cairn_block_record *r = &h.records[1];
    assert_int_equal(r->refusals[0].place, 1);
    assert_int_equal(r->refusals[1].place, 3);
    assert_int_equal(r->refusals[0].code, CAIRN_ERR_EXISTS);
    static const size_t accepted[] = {0, 2, 4};
    assert_int_equal(r->event_count, 3);
    for (size_t i = 0; i < 3; i++) {
        cairn_tx tx;
        assert_int_equal(r->events[i].place, accepted[i]);
        assert_int_equal(r->events[i].type, CAIRN_TX_ANCHOR);
        assert_int_equal(cairn_tx_decode(r->transactions[accepted[i]], &tx), CAIRN_OK);
        assert_non_null(memmem(tx.body.data, tx.body.size, r->events[i].key.data, 32));
    }
    cairn_bytes entry;
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(cairn_block_record_log_entry(r, i, &entry), CAIRN_OK);
        assert_true(cairn_bytes_equal(entry, r->transactions[accepted[i]]));
    }
    assert_int_equal(cairn_block_record_log_entry(r, 3, &entry), CAIRN_OK);
    assert_true(cairn_bytes_equal(entry, r->entry_bytes));
    assert_int_equal(cairn_block_record_log_entry(r, 4, &entry), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_block_record_log_entry(&h.records[0], 0, &entry), CAIRN_OK);
    assert_true(cairn_bytes_equal(entry, h.m.genesis));
    memory_end(&h.m);
}

static bool same_record(const cairn_block_record *a, const cairn_block_record *b)
{
    bool same = a->slot == b->slot && a->height == b->height && a->time_ms == b->time_ms &&
                a->transaction_count == b->transaction_count &&
                a->refusal_count == b->refusal_count && a->event_count == b->event_count &&
                cairn_bytes_equal(a->entry_bytes, b->entry_bytes);
    for (size_t i = 0; same && i < a->transaction_count; i++)
        same = cairn_bytes_equal(a->transactions[i], b->transactions[i]);
    for (size_t i = 0; same && i < a->refusal_count; i++)
        same = a->refusals[i].place == b->refusals[i].place &&
               a->refusals[i].code == b->refusals[i].code;
    for (size_t i = 0; same && i < a->event_count; i++)
        same = a->events[i].place == b->events[i].place && a->events[i].type == b->events[i].type &&
               cairn_bytes_equal(a->events[i].key, b->events[i].key);
    return same;
}

static void test_every_bit_of_a_record_counts(void **state)
{
    (void)state;
    static history h;
    make_history(&h);
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    uint8_t *data = (uint8_t *)(uintptr_t)h.raw[1].data; /* in the history's arena */
    cairn_bytes original;
    cairn_block_record before, after;
    size_t decoded = 0;
    assert_int_equal(cairn_arena_copy(&h.m.arena, h.raw[1], &original), CAIRN_OK);
    assert_int_equal(cairn_block_record_decode(&h.m.arena, original, &before), CAIRN_OK);
    for (size_t bit = 0; bit < h.raw[1].size * 8; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        cairn_arena_reset(&arena);
        if (cairn_block_record_decode(&arena, h.raw[1], &after) == CAIRN_OK) {
            assert_false(same_record(&before, &after));
            decoded++;
        }
        data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_true(decoded > 1000); /* bits of signatures and hashes are only content here */
    for (size_t size = 0; size < h.raw[1].size; size++)
        assert_int_not_equal(cairn_block_record_decode(&arena, cairn_bytes_of(data, size), &after),
                             CAIRN_OK);
    cairn_arena_done(&arena);
    memory_end(&h.m);
}

/* Writes a record by hand, so that what the encoder never writes is read too. */
typedef struct draft {
    uint64_t height, time_ms, places[2], code;
    size_t refusals;
    uint64_t event_places[2], event_type;
    size_t events, event_copies, event_key_size;
    cairn_block_entry entry;
} draft;

static void put_draft_events(cairn_cbor_writer *w, const draft *d)
{
    static const uint8_t key[CAIRN_EVENT_KEY_SIZE_MAX + 1];
    cairn_cbor_put_array(w, d->events * d->event_copies);
    for (size_t i = 0; i < d->events * d->event_copies; i++) {
        cairn_cbor_put_array(w, 3);
        cairn_cbor_put_uint(w, d->event_type);
        cairn_cbor_put_uint(w, d->event_places[i / d->event_copies]);
        cairn_cbor_put_bytes(w, cairn_bytes_of(key, d->event_key_size));
    }
}

static cairn_err decode_draft(const draft *d)
{
    static const uint8_t tx[] = {0xd2};
    uint8_t out[4096], raw_entry[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    cairn_cbor_writer w;
    cairn_bytes raw;
    cairn_block_record record;
    cairn_arena arena;
    cairn_cbor_writer_init(&w, out, sizeof out);
    cairn_cbor_put_array(&w, 8);
    cairn_cbor_put_text(&w, "cairn/record/1");
    cairn_cbor_put_uint(&w, 0);
    cairn_cbor_put_uint(&w, d->height);
    cairn_cbor_put_uint(&w, d->time_ms);
    cairn_cbor_put_array(&w, 3);
    for (size_t i = 0; i < 3; i++)
        cairn_cbor_put_bytes(&w, cairn_bytes_of(tx, 1));
    cairn_cbor_put_array(&w, d->refusals);
    for (size_t i = 0; i < d->refusals; i++) {
        cairn_cbor_put_array(&w, 2);
        cairn_cbor_put_uint(&w, d->places[i]);
        cairn_cbor_put_uint(&w, d->code);
    }
    put_draft_events(&w, d);
    cairn_cbor_put_bytes(&w,
                         cairn_bytes_of(raw_entry, cairn_block_entry_encode(&d->entry, raw_entry)));
    assert_int_equal(cairn_cbor_writer_end(&w, &raw), CAIRN_OK);
    cairn_arena_init(&arena, 1 << 16);
    cairn_err err = cairn_block_record_decode(&arena, raw, &record);
    cairn_arena_done(&arena);
    return err;
}

static void test_records_that_contradict_themselves(void **state)
{
    (void)state;
    const draft good = {.height = 4,
                        .time_ms = 9,
                        .places = {0, 2},
                        .code = 420,
                        .refusals = 2,
                        .event_places = {1, 1},
                        .event_type = 65535,
                        .events = 2,
                        .event_copies = 8,
                        .event_key_size = 48,
                        .entry = {.height = 4, .time_ms = 9, .first = 7, .count = 1}};
    draft d = good;
    assert_int_equal(decode_draft(&d), CAIRN_OK);
    d.places[1] = 0; /* twice */
    assert_int_equal(decode_draft(&d), CAIRN_ERR_BAD_VALUE);
    d = good;
    d.places[0] = 2;
    d.places[1] = 1; /* falling */
    assert_int_equal(decode_draft(&d), CAIRN_ERR_BAD_VALUE);
    d = good;
    d.places[1] = 3; /* beyond */
    assert_int_equal(decode_draft(&d), CAIRN_ERR_BAD_VALUE);
    d = good;
    d.code = 0;
    assert_int_equal(decode_draft(&d), CAIRN_ERR_BAD_VALUE);
    d = good;
    d.code = 32768;
    assert_int_equal(decode_draft(&d), CAIRN_ERR_BAD_VALUE);
    d = good;
    d.entry.height = 5;
    assert_int_equal(decode_draft(&d), CAIRN_ERR_BAD_VALUE);
    d = good;
    d.entry.time_ms = 8;
    assert_int_equal(decode_draft(&d), CAIRN_ERR_BAD_VALUE);
    d = good;
    d.entry.count = 2;
    assert_int_equal(decode_draft(&d), CAIRN_ERR_BAD_VALUE);
    d = good;
    d.height = d.entry.height = 0; /* a genesis has one transaction and no refusal */
    d.entry.count = 0;
    assert_int_equal(decode_draft(&d), CAIRN_ERR_BAD_VALUE);
}

static void test_records_with_impossible_events(void **state)
{
    (void)state;
    const draft good = {.height = 4,
                        .time_ms = 9,
                        .places = {1},
                        .code = 420,
                        .refusals = 1,
                        .event_places = {0, 2},
                        .event_type = 1,
                        .events = 2,
                        .event_copies = 3,
                        .event_key_size = 256,
                        .entry = {.height = 4, .time_ms = 9, .first = 7, .count = 2}};
    draft d = good;
    assert_int_equal(decode_draft(&d), CAIRN_OK);
    d.event_key_size = 257;
    assert_int_equal(decode_draft(&d), CAIRN_ERR_BAD_VALUE);
    d = good;
    d.event_copies = 4; /* 1,024 bytes of keys */
    assert_int_equal(decode_draft(&d), CAIRN_ERR_TOO_MANY);
    d.event_copies = 17;
    d.event_key_size = 0;
    assert_int_equal(decode_draft(&d), CAIRN_ERR_TOO_MANY);
    d.event_copies = 16;
    assert_int_equal(decode_draft(&d), CAIRN_OK);
    d = good;
    d.event_places[1] = 3; /* beyond */
    assert_int_equal(decode_draft(&d), CAIRN_ERR_BAD_VALUE);
    d.event_places[1] = 1; /* of a refused one */
    assert_int_equal(decode_draft(&d), CAIRN_ERR_BAD_VALUE);
    d = good;
    d.event_places[0] = 2; /* falling */
    d.event_places[1] = 0;
    assert_int_equal(decode_draft(&d), CAIRN_ERR_BAD_VALUE);
    d = good;
    d.event_type = 65536;
    assert_int_equal(decode_draft(&d), CAIRN_ERR_BAD_VALUE);
}

/* As many transactions as a block may hold, as large, and with as many events. */
static void test_the_largest_record_fits_the_block_log(void **state)
{
    (void)state;
    enum { COUNT = CAIRN_BLOCK_TX_COUNT_MAX, EACH = CAIRN_BLOCK_SIZE_MAX / COUNT };
    static const uint8_t raw[EACH], key[CAIRN_TX_EVENTS_SIZE_MAX / CAIRN_TX_EVENTS_MAX];
    static cairn_tx_input inputs[COUNT];
    static cairn_tx_result results[COUNT];
    static cairn_event events[COUNT * CAIRN_TX_EVENTS_MAX];
    cairn_block block = {.inputs = inputs, .entry = {.height = INT64_MAX, .first = 1}};
    cairn_outcome *o = &block.outcome;
    cairn_bytes encoded;
    cairn_block_record record;
    cairn_arena arena;
    for (size_t i = 0; i < COUNT; i++) {
        inputs[i].tx.raw = cairn_bytes_of(raw, sizeof raw);
        results[i].consumed = true;
    }
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        events[i] = (cairn_event){.type = UINT16_MAX,
                                  .tx = i / CAIRN_TX_EVENTS_MAX,
                                  .key = cairn_bytes_of(key, sizeof key),
                                  .next = &events[i + 1]};
    events[sizeof events / sizeof events[0] - 1].next = NULL;
    *o = (cairn_outcome){.height = INT64_MAX,
                         .results = results,
                         .count = COUNT,
                         .accepted_count = COUNT,
                         .events = events,
                         .event_count = sizeof events / sizeof events[0]};
    block.entry.count = COUNT;
    block.entry_size = cairn_block_entry_encode(&block.entry, block.entry_bytes);
    cairn_arena_init(&arena, 64 << 20);
    assert_int_equal(cairn_block_record_encode(&arena, UINT32_MAX, &block, &encoded), CAIRN_OK);
    assert_true(encoded.size < CAIRN_BLOCK_LOG_PAYLOAD_SIZE_MAX - COUNT * 8); /* refusals' room */
    assert_int_equal(cairn_block_record_decode(&arena, encoded, &record), CAIRN_OK);
    assert_int_equal(record.event_count, o->event_count);
    cairn_arena_done(&arena);
}

/* --- block entries --- */

static void test_block_entries(void **state)
{
    (void)state;
    cairn_block_entry back;
    uint8_t raw[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    const cairn_block_entry largest = {.height = INT64_MAX,
                                       .time_ms = CAIRN_TIME_MAX_MS,
                                       .first = INT64_MAX / 2,
                                       .count = INT64_MAX / 2 + 1,
                                       .state_root = {{1}},
                                       .config_root = {{2}},
                                       .results_root = {{3}}};
    size_t size = cairn_block_entry_encode(&largest, raw);
    assert_int_equal(size, CAIRN_BLOCK_ENTRY_SIZE_MAX);
    assert_int_equal(cairn_block_entry_decode(cairn_bytes_of(raw, size), &back), CAIRN_OK);
    assert_memory_equal(&back, &largest, sizeof back);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(cairn_block_entry_decode(cairn_bytes_of(raw, cut), &back),
                         CAIRN_ERR_TRUNCATED);
    cairn_block_entry e = largest;
    e.first = 0; /* that is the genesis */
    assert_int_equal(
        cairn_block_entry_decode(cairn_bytes_of(raw, cairn_block_entry_encode(&e, raw)), &back),
        CAIRN_ERR_BAD_VALUE);
    e = largest;
    e.first++; /* first + count is beyond any log */
    assert_int_equal(
        cairn_block_entry_decode(cairn_bytes_of(raw, cairn_block_entry_encode(&e, raw)), &back),
        CAIRN_ERR_BAD_VALUE);
}

/* --- the audit --- */

/* Audits records[order[0]], …; the verdict of the first that is refused, and its place. */
static cairn_err audit(const cairn_block_record *records, const size_t *order, size_t count,
                       size_t *ret_place)
{
    cairn_audit *a = NULL;
    cairn_err err = CAIRN_OK;
    assert_int_equal(cairn_audit_new(&cairn_all_features, &a), CAIRN_OK);
    *ret_place = 0;
    for (size_t i = 0; err == CAIRN_OK && i < count; i++) {
        *ret_place = i;
        err = cairn_audit_block(a, &records[order[i]]);
    }
    if (err == CAIRN_OK) {
        assert_int_equal(cairn_audit_block_count(a), count);
        assert_int_equal(cairn_audit_tx_count(a), 3 * (count - 1));
    }
    cairn_audit_free(a);
    return err;
}

static const size_t in_order[BLOCKS] = {0, 1, 2, 3, 4, 5};

static void expect_corrupt(const cairn_block_record *records, size_t place)
{
    size_t got = 0;
    assert_int_equal(audit(records, in_order, BLOCKS, &got), CAIRN_ERR_CORRUPT);
    assert_int_equal(got, place);
    char name[32]; /* the detail names the height */
    (void)snprintf(name, sizeof name, "%zu", place);
    assert_non_null(strstr(cairn_err_detail(), name));
}

static void test_audit_of_other_orders(void **state)
{
    (void)state;
    static history h;
    size_t place = 0;
    make_history(&h);
    assert_int_equal(audit(h.records, in_order, BLOCKS, &place), CAIRN_OK);
    static const struct {
        size_t order[BLOCKS];
        size_t count, place;
    } cases[] = {
        {{1}, 1, 0},          /* no genesis */
        {{0, 0}, 2, 1},       /* two of them */
        {{0, 2}, 2, 1},       /* a block is left out */
        {{0, 1, 3, 2}, 4, 2}, /* reordered */
        {{0, 1, 2, 2}, 4, 3}, /* twice */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(audit(h.records, cases[i].order, cases[i].count, &place),
                         CAIRN_ERR_CORRUPT);
        assert_int_equal(place, cases[i].place);
    }
    memory_end(&h.m);
}

static void test_audit_of_changed_blocks(void **state)
{
    (void)state;
    static history h;
    make_history(&h);
    cairn_block_record records[BLOCKS];
    cairn_refusal refusals[2];
    cairn_bytes txs[5];
    cairn_bytes changed;

    memcpy(records, h.records, sizeof records); /* a signature's bit */
    memcpy(txs, records[3].transactions, sizeof txs);
    assert_int_equal(cairn_arena_copy(&h.m.arena, txs[2], &changed), CAIRN_OK);
    ((uint8_t *)(uintptr_t)changed.data)[changed.size - 60] ^= 1;
    txs[2] = changed;
    records[3].transactions = txs;
    expect_corrupt(records, 3);

    memcpy(txs, h.records[3].transactions, sizeof txs); /* two that were accepted, swapped */
    txs[0] = h.records[3].transactions[2];
    txs[2] = h.records[3].transactions[0];
    expect_corrupt(records, 3);

    memcpy(txs, h.records[3].transactions, sizeof txs); /* bytes that are no transaction */
    txs[4] = cairn_bytes_of("\xd2", 1);
    expect_corrupt(records, 3);

    memcpy(records, h.records, sizeof records); /* another code */
    memcpy(refusals, records[2].refusals, sizeof refusals);
    refusals[1].code = CAIRN_ERR_CLOSED;
    records[2].refusals = refusals;
    expect_corrupt(records, 2);
    memcpy(refusals, h.records[2].refusals, sizeof refusals); /* of another transaction */
    refusals[1].place = 4;
    expect_corrupt(records, 2);
    records[2].refusal_count = 1; /* a refusal not told */
    expect_corrupt(records, 2);

    cairn_record_event told[4];
    memcpy(records, h.records, sizeof records); /* an event of another type */
    memcpy(told, records[2].events, 3 * sizeof told[0]);
    told[3] = told[2];
    records[2].events = told;
    told[1].type++;
    expect_corrupt(records, 2);
    assert_non_null(strstr(cairn_err_detail(), "event 1"));
    told[1] = h.records[2].events[2]; /* of another transaction */
    expect_corrupt(records, 2);
    told[1] = h.records[2].events[1];
    told[1].key.size--; /* another object */
    expect_corrupt(records, 2);
    told[1] = h.records[2].events[1];
    records[2].event_count = 2; /* one not told */
    expect_corrupt(records, 2);
    records[2].event_count = 4; /* one made up */
    expect_corrupt(records, 2);
    assert_non_null(strstr(cairn_err_detail(), "event 3"));
    records[2].event_count = 3;
    size_t place = 0;
    assert_int_equal(audit(records, in_order, BLOCKS, &place), CAIRN_OK);

    memcpy(records, h.records, sizeof records); /* the last transaction left out */
    records[4].transaction_count--;
    expect_corrupt(records, 4);
    memcpy(records, h.records, sizeof records); /* another time */
    records[4].time_ms++;
    expect_corrupt(records, 4);

    memcpy(records, h.records, sizeof records); /* the block entry's last byte: of results_root */
    uint8_t entry[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    memcpy(entry, records[5].entry_bytes.data, records[5].entry_bytes.size);
    entry[records[5].entry_bytes.size - 1] ^= 1;
    records[5].entry_bytes.data = entry;
    expect_corrupt(records, 5);

    memcpy(records, h.records, sizeof records); /* another genesis */
    memory_ledger other;
    cairn_params params;
    cairn_params_default(&params);
    params.validity_max_ms--;
    memory_begin(&other, 1, &params);
    txs[0] = other.genesis;
    records[0].transactions = txs;
    expect_corrupt(records, 0);
    memory_end(&other);
    memory_end(&h.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_bit_of_a_record_counts),
        cmocka_unit_test(test_records_that_contradict_themselves),
        cmocka_unit_test(test_records_with_impossible_events),
        cmocka_unit_test(test_the_largest_record_fits_the_block_log),
        cmocka_unit_test(test_block_entries),
        cmocka_unit_test(test_audit_of_other_orders),
        cmocka_unit_test(test_audit_of_changed_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
