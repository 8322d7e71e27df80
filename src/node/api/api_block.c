/* Blocks, for people and consoles. */
#include <stdlib.h>

#include "cairn/transaction.h"
#include "node/api/api.h"

static void put_block(cairn_api_json *json, const cairn_block_entry *entry)
{
    cairn_api_json_number(json, "height", entry->height);
    cairn_api_json_time(json, "time", entry->time_ms);
    cairn_api_json_number(json, "first", entry->first);
    cairn_api_json_number(json, "count", entry->count);
    cairn_api_json_hash(json, "state_root", &entry->state_root);
    cairn_api_json_hash(json, "config_root", &entry->config_root);
    cairn_api_json_hash(json, "results_root", &entry->results_root);
}

/* --- list: the heights of one page, read upwards and written downwards --- */

typedef struct page {
    uint64_t from;   /* lowest height */
    uint64_t before; /* first height that is not in it */
    size_t count;
    cairn_block_entry entries[CAIRN_API_LIMIT_MAX];
} page;

static cairn_err take_block(void *context, const cairn_block_record *record)
{
    page *p = context;
    if (record->height >= p->before)
        return CAIRN_ERR_CANCELLED; /* the page ends; not a failure, so without a detail */
    CAIRN_ASSERT(p->count < CAIRN_API_LIMIT_MAX);
    p->entries[p->count++] = record->entry;
    return CAIRN_OK;
}

static cairn_err read_page(cairn_call *call, cairn_node_ledger *ledger, page *p)
{
    cairn_store *store = cairn_node_store(cairn_api_node(call));
    cairn_err err = cairn_store_each_block(store, ledger->service.slot, p->from, take_block, p);
    return err == CAIRN_ERR_CANCELLED ? CAIRN_OK : err;
}

static cairn_err blocks_query(cairn_call *call, cairn_node_ledger **ret_ledger, page *p)
{
    cairn_api_parameter query[] = {{.name = "before"}, {.name = "limit"}};
    uint64_t limit = CAIRN_API_LIMIT;
    uint64_t before = UINT64_MAX;
    CAIRN_TRY(cairn_api_ledger(call, CAIRN_SIGHT_PROOFS, ret_ledger));
    CAIRN_TRY(cairn_api_query(call, query, 2));
    CAIRN_TRY(cairn_api_number(&query[0], 1, CAIRN_API_NUMBER_MAX, &before));
    CAIRN_TRY(cairn_api_number(&query[1], 1, CAIRN_API_LIMIT_MAX, &limit));
    CAIRN_CLEANUP(cairn_view_free_p)
    cairn_view *view = cairn_engine_view((*ret_ledger)->service.engine);
    p->before = before <= view->height ? before : view->height + 1;
    p->from = p->before > limit ? p->before - limit : 0;
    return CAIRN_OK;
}

static void put_page(cairn_api_json *json, const page *p)
{
    cairn_api_json_open(json, NULL);
    cairn_api_json_open_list(json, "blocks");
    for (size_t i = p->count; i > 0; i--) {
        cairn_api_json_open(json, NULL);
        put_block(json, &p->entries[i - 1]);
        cairn_api_json_close(json);
    }
    cairn_api_json_close_list(json);
    if (p->from > 0)
        cairn_api_json_number(json, "next", p->from);
    cairn_api_json_close(json);
}

static void list_blocks(void *context)
{
    cairn_call *call = context;
    cairn_node_ledger *ledger = NULL;
    cairn_api_json json = {0};
    page *p = calloc(1, sizeof *p);
    cairn_err err = p == NULL ? CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "blocks") : CAIRN_OK;
    if (err == CAIRN_OK)
        err = blocks_query(call, &ledger, p);
    if (err == CAIRN_OK)
        err = read_page(call, ledger, p);
    if (err == CAIRN_OK) {
        put_page(&json, p);
        cairn_api_answer_json(call, 200, NULL, 0, &json);
    } else {
        cairn_api_refuse(call, err);
    }
    free(p);
}

void cairn_api_blocks_list(cairn_call *call)
{
    cairn_api_defer(call, list_blocks);
}

/* --- one --- */

typedef struct block {
    cairn_call *call;
    uint64_t height;
    uint64_t app_version;
    bool with_transactions; /* those that the reader sees */
    cairn_reader reader;
    bool found;
    cairn_api_json json;
} block;

static void put_transaction(block *b, uint64_t index, const cairn_tx *tx)
{
    const cairn_tx_row *row = NULL;
    cairn_api_json *json = &b->json;
    cairn_api_json_open(json, NULL);
    cairn_api_json_hash(json, "transaction", &tx->id);
    cairn_api_json_number(json, "index", index);
    cairn_api_json_number(json, "type", tx->type);
    if (cairn_features_find(cairn_node_features(cairn_api_node(b->call)), tx->type, b->app_version,
                            &row) == CAIRN_OK)
        cairn_api_json_text(json, "name", row->name);
    cairn_api_json_hash(json, "key", &tx->kid);
    cairn_api_json_number(json, "size", tx->raw.size);
    cairn_api_json_close(json);
}

/* The accepted ones, which are in the log; the genesis is none. */
static cairn_err put_transactions(block *b, const cairn_block_record *record)
{
    cairn_api_json_open_list(&b->json, "transactions");
    for (uint64_t i = 0; i < record->entry.count; i++) {
        cairn_bytes raw;
        cairn_tx tx;
        bool sees = false;
        CAIRN_TRY(cairn_block_record_log_entry(record, i, &raw));
        CAIRN_TRY(cairn_reader_sees(&b->reader, raw, &sees));
        if (!sees)
            continue;
        CAIRN_TRY(cairn_tx_decode(raw, &tx));
        put_transaction(b, record->entry.first + i, &tx);
    }
    cairn_api_json_close_list(&b->json);
    return CAIRN_OK;
}

static cairn_err take_one(void *context, const cairn_block_record *record)
{
    block *b = context;
    if (record->height != b->height)
        return CAIRN_ERR_CANCELLED;
    b->found = true;
    cairn_api_json_open(&b->json, NULL);
    put_block(&b->json, &record->entry);
    if (b->with_transactions)
        CAIRN_TRY(put_transactions(b, record));
    cairn_api_json_close(&b->json);
    return CAIRN_ERR_CANCELLED;
}

static cairn_err read_block(block *b, cairn_node_ledger *ledger)
{
    cairn_node *node = cairn_api_node(b->call);
    CAIRN_CLEANUP(cairn_view_free_p)
    cairn_view *view = cairn_engine_view(ledger->service.engine);
    b->app_version = view->rules.params.app_version;
    b->with_transactions = cairn_node_find_reader(node, &b->call->principal, b->call->params[0],
                                                  &b->reader) == CAIRN_OK;
    cairn_err err = cairn_store_each_block(cairn_node_store(node), ledger->service.slot, b->height,
                                           take_one, b);
    if (err != CAIRN_OK && err != CAIRN_ERR_CANCELLED)
        return err;
    return b->found ? CAIRN_OK : CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "block: is not there");
}

static void get_block(void *context)
{
    cairn_call *call = context;
    block b = {.call = call};
    cairn_node_ledger *ledger = NULL;
    cairn_err err = cairn_api_ledger(call, CAIRN_SIGHT_PROOFS, &ledger);
    if (err == CAIRN_OK)
        err = cairn_api_query(call, NULL, 0);
    if (err == CAIRN_OK)
        err = cairn_api_digits(call->params[1], "height", 0, CAIRN_API_NUMBER_MAX, &b.height);
    if (err == CAIRN_OK)
        err = read_block(&b, ledger);
    if (err == CAIRN_OK) {
        cairn_api_answer_json(call, 200, NULL, 0, &b.json);
        return;
    }
    cairn_api_json_done(&b.json);
    cairn_api_refuse(call, err);
}

void cairn_api_block_get(cairn_call *call)
{
    cairn_api_defer(call, get_block);
}
