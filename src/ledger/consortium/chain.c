/* The chain's beginning, in and out of JSON. */
#include "ledger/consortium/chain.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cairn/light_client.h"
#include "core/codec/base64url.h"
#include "ledger/genesis.h"
#include "ledger/ledger.h"

static const char clause[] = "docs/formats/abci.md, Chain";

cairn_err cairn_chain_start_new(cairn_arena *arena, const cairn_features *features,
                                cairn_bytes genesis, cairn_chain_start *ret_start)
{
    CAIRN_CLEANUP(cairn_ledger_free_p) cairn_ledger *ledger = NULL;
    cairn_block block = {0};
    cairn_chain_start start = {.genesis = genesis};
    CAIRN_TRY(cairn_ledger_new(features, NULL, &ledger));
    CAIRN_TRY(cairn_ledger_begin(ledger, &cairn_ledger_no_bases, genesis, arena, &block));
    cairn_app_hash(block.frontier.size, &block.log_root, &start.app_hash);
    cairn_block_discard(&block);
    *ret_start = start;
    return CAIRN_OK;
}

static void free_json(json_t **json)
{
    json_decref(*json);
}

static cairn_err parse(cairn_bytes in, json_t **ret_json)
{
    json_error_t error;
    json_t *json = json_loadb((const char *)in.data, in.size, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "genesis: line %d: %s", error.line,
                          error.text);
    *ret_json = json;
    return CAIRN_OK;
}

static cairn_err get_text(const json_t *object, const char *name, const char **ret_text)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "genesis.%s", name);
    if (!json_is_string(value))
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, clause, "genesis.%s: not a text", name);
    *ret_text = json_string_value(value);
    return CAIRN_OK;
}

/* --- where the ledger stood --- */

static cairn_err take_genesis(cairn_arena *arena, const char *text, cairn_bytes *ret_genesis)
{
    size_t size = strlen(text);
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    CAIRN_TRY(cairn_base64url_decode(cairn_bytes_of(text, size), memory, size, &size));
    *ret_genesis = cairn_bytes_of(memory, size);
    cairn_genesis genesis;
    return cairn_genesis_decode(arena, *ret_genesis, &genesis);
}

static cairn_err take_start(cairn_arena *arena, const json_t *json, cairn_chain_start *ret_start)
{
    cairn_chain_start start;
    const char *genesis = NULL;
    const char *app_hash = NULL;
    const json_t *height = json_object_get(json, "height");
    CAIRN_TRY(get_text(json, "genesis", &genesis));
    CAIRN_TRY(get_text(json, "app_hash", &app_hash));
    if (json_object_size(json) != 3)
        return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, clause, "app_state: genesis, height, app_hash");
    if (!json_is_integer(height) || json_integer_value(height) < 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "app_state.height: not a number");
    start.height = (uint64_t)json_integer_value(height);
    CAIRN_TRY(cairn_hex_decode(app_hash, start.app_hash.b, sizeof start.app_hash.b));
    CAIRN_TRY(take_genesis(arena, genesis, &start.genesis));
    *ret_start = start;
    return CAIRN_OK;
}

cairn_err cairn_chain_start_decode(cairn_arena *arena, cairn_bytes in, cairn_chain_start *ret_start)
{
    CAIRN_CLEANUP(free_json) json_t *json = NULL;
    CAIRN_TRY(parse(in, &json));
    return take_start(arena, json, ret_start);
}

cairn_err cairn_chain_start_encode(cairn_arena *arena, const cairn_chain_start *start,
                                   cairn_bytes *ret_json)
{
    enum { FRAME = 200 };
    void *memory = NULL;
    char app_hash[65];
    size_t genesis_size = cairn_base64url_size(start->genesis.size);
    size_t capacity = FRAME + genesis_size;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &memory));
    char *out = memory;
    size_t size = (size_t)snprintf(out, capacity, "{\"genesis\":\"");
    cairn_base64url_encode(start->genesis, out + size);
    size += genesis_size;
    cairn_hex_encode(cairn_bytes_hash(&start->app_hash), app_hash);
    size += (size_t)snprintf(out + size, capacity - size, "\",\"height\":%llu,\"app_hash\":\"%s\"}",
                             (unsigned long long)start->height, app_hash);
    *ret_json = cairn_bytes_of(out, size);
    return CAIRN_OK;
}

/* --- the whole file --- */

/* The engine writes 64-bit numbers as texts, and 0 for the height 1. */
static cairn_err take_number(const char *text, uint64_t *ret_value)
{
    uint64_t value = 0;
    bool empty = *text == '\0';
    for (; *text >= '0' && *text <= '9' && value <= INT64_MAX / 10 - 1; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    if (*text != '\0' || empty)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "genesis.initial_height: not a height");
    *ret_value = value == 0 ? 1 : value;
    return CAIRN_OK;
}

cairn_err cairn_chain_decode(cairn_arena *arena, cairn_bytes in, cairn_chain *ret_chain)
{
    CAIRN_CLEANUP(free_json) json_t *json = NULL;
    cairn_chain chain;
    cairn_hash ledger;
    const char *id = NULL;
    const char *height = NULL;
    CAIRN_TRY(parse(in, &json));
    CAIRN_TRY(get_text(json, "chain_id", &id));
    CAIRN_TRY(get_text(json, "initial_height", &height));
    CAIRN_TRY(take_number(height, &chain.initial_height));
    CAIRN_TRY(take_start(arena, json_object_get(json, "app_state"), &chain.start));
    if (chain.initial_height != chain.start.height + 1)
        return CAIRN_FAIL(
            CAIRN_ERR_BAD_VALUE, clause, "genesis.initial_height: %llu, the ledger stands at %llu",
            (unsigned long long)chain.initial_height, (unsigned long long)chain.start.height);
    cairn_ledger_id(chain.start.genesis, &ledger);
    cairn_light_chain_id(&ledger, chain.start.height, chain.id);
    if (strcmp(id, chain.id) != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "genesis.chain_id: not %s", chain.id);
    *ret_chain = chain;
    return CAIRN_OK;
}
