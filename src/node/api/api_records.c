/* Block records, for whoever computes the ledger again: followers. */
#include <stdio.h>
#include <stdlib.h>

#include "cairn/cbor.h"
#include "node/api/api.h"

enum {
    ANSWER_SIZE = 4 << 20, /* beyond it no further record is begun */
    BSTR_HEAD_SIZE_MAX = 9,
};

/* A CBOR sequence of byte strings, a record in each. */
typedef struct sequence {
    uint8_t *data;
    size_t size;
    size_t capacity;
    uint64_t count;
    uint64_t next; /* height behind the last one */
} sequence;

static cairn_err grow(sequence *s, size_t need)
{
    size_t capacity = s->capacity == 0 ? ANSWER_SIZE : s->capacity;
    if (need > capacity)
        capacity = need;
    if (capacity == s->capacity)
        return CAIRN_OK;
    uint8_t *grown = realloc(s->data, capacity);
    if (grown == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "records: %zu bytes", capacity);
    s->data = grown;
    s->capacity = capacity;
    return CAIRN_OK;
}

static cairn_err append(sequence *s, const cairn_block_record *record, cairn_arena *arena)
{
    cairn_bytes raw;
    cairn_cbor_writer w;
    CAIRN_TRY(cairn_block_record_unslot(arena, record->encoded, &raw));
    size_t need = s->size + BSTR_HEAD_SIZE_MAX + raw.size;
    if (s->count > 0 && need > ANSWER_SIZE)
        return CAIRN_ERR_CANCELLED; /* the answer ends; not a failure, so without a detail */
    CAIRN_TRY(grow(s, need));
    cairn_cbor_writer_init(&w, s->data + s->size, s->capacity - s->size);
    cairn_cbor_put_bytes(&w, raw);
    s->size += w.size;
    s->count++;
    s->next = record->height + 1;
    return CAIRN_OK;
}

static cairn_err take_record(void *context, const cairn_block_record *record)
{
    enum { ARENA_SIZE_MAX = 64 << 20 };
    cairn_arena arena;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    cairn_err err = append(context, record, &arena);
    cairn_arena_done(&arena);
    return err;
}

static cairn_err read_records(cairn_call *call, sequence *s)
{
    cairn_api_parameter query[] = {{.name = "from"}};
    cairn_node_ledger *ledger = NULL;
    uint64_t from = 0;
    CAIRN_TRY(cairn_api_ledger(call, CAIRN_SIGHT_ENTRIES, &ledger));
    CAIRN_TRY(cairn_api_query(call, query, 1));
    CAIRN_TRY(cairn_api_number(&query[0], 0, CAIRN_API_NUMBER_MAX, &from));
    cairn_err err = cairn_store_each_block(cairn_node_store(cairn_api_node(call)),
                                           ledger->service.slot, from, take_record, s);
    if (err != CAIRN_OK && err != CAIRN_ERR_CANCELLED)
        return err;
    return s->count > 0 ? CAIRN_OK
                        : CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "records: none from there on");
}

static void answer(cairn_call *call, const sequence *s)
{
    char count[24];
    char next[24];
    (void)snprintf(count, sizeof count, "%llu", (unsigned long long)s->count);
    (void)snprintf(next, sizeof next, "%llu", (unsigned long long)s->next);
    const cairn_http_field fields[] = {{"Cairn-Count", count}, {"Cairn-Next", next}};
    cairn_api_answer(call, 200, "application/cbor-seq", fields, 2,
                     cairn_bytes_of(s->data, s->size));
}

static void list_records(void *context)
{
    cairn_call *call = context;
    sequence s = {.data = NULL};
    cairn_err err = read_records(call, &s);
    if (err == CAIRN_OK)
        answer(call, &s);
    else
        cairn_api_refuse(call, err);
    free(s.data);
}

void cairn_api_records_list(cairn_call *call)
{
    cairn_api_defer(call, list_records);
}
