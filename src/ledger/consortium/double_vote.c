/* Evidence from JSON. */
#include "ledger/consortium/double_vote.h"

#include <string.h>

#include "ledger/light/light_json.h"

static const char clause[] = "CometBFT v0.38 RPC, block";
static const char duplicate_vote[] = "tendermint/DuplicateVoteEvidence";

static cairn_err fail(cairn_err code, const char *name)
{
    return CAIRN_FAIL(code, clause, "evidence.%s", name);
}

static cairn_err take(const json_t *object, const char *name, json_type type, const json_t **ret)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL)
        return fail(CAIRN_ERR_MISSING_FIELD, name);
    if (json_typeof(value) != type)
        return fail(CAIRN_ERR_WRONG_TYPE, name);
    *ret = value;
    return CAIRN_OK;
}

static cairn_err take_text(const json_t *object, const char *name, const char **ret_text)
{
    const json_t *value = NULL;
    CAIRN_TRY(take(object, name, JSON_STRING, &value));
    *ret_text = json_string_value(value);
    return CAIRN_OK;
}

static cairn_err take_integer(const json_t *object, const char *name, json_int_t max,
                              uint64_t *ret_value)
{
    const json_t *value = NULL;
    CAIRN_TRY(take(object, name, JSON_INTEGER, &value));
    if (json_integer_value(value) < 0 || json_integer_value(value) > max)
        return fail(CAIRN_ERR_BAD_VALUE, name);
    *ret_value = (uint64_t)json_integer_value(value);
    return CAIRN_OK;
}

/* 64-bit numbers are texts. */
static cairn_err take_height(const json_t *object, uint64_t *ret_height)
{
    const char *text = NULL;
    uint64_t value = 0;
    CAIRN_TRY(take_text(object, "height", &text));
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || value > (INT64_MAX - 9) / 10)
            return fail(CAIRN_ERR_BAD_VALUE, "height");
        value = value * 10 + (uint64_t)(*c - '0');
    }
    if (value == 0)
        return fail(CAIRN_ERR_BAD_VALUE, "height");
    *ret_height = value;
    return CAIRN_OK;
}

/* `size` bytes in hex, or none. */
static cairn_err take_hash(cairn_arena *arena, const json_t *object, const char *name,
                           cairn_bytes *ret_hash)
{
    const char *text = NULL;
    void *memory = NULL;
    CAIRN_TRY(take_text(object, name, &text));
    *ret_hash = (cairn_bytes){0};
    if (*text == '\0')
        return CAIRN_OK;
    CAIRN_TRY(cairn_arena_alloc(arena, sizeof(cairn_hash), &memory));
    CAIRN_TRY(cairn_hex_decode(text, memory, sizeof(cairn_hash)));
    *ret_hash = cairn_bytes_of(memory, sizeof(cairn_hash));
    return CAIRN_OK;
}

static cairn_err take_signature(cairn_arena *arena, const json_t *object,
                                cairn_bytes *ret_signature)
{
    enum { SIGNATURE_SIZE = 64 };
    const char *text = NULL;
    void *memory = NULL;
    size_t size = 0;
    CAIRN_TRY(take_text(object, "signature", &text));
    CAIRN_TRY(cairn_arena_alloc(arena, SIGNATURE_SIZE, &memory));
    CAIRN_TRY(cairn_base64_decode(cairn_bytes_str(text), memory, SIGNATURE_SIZE, &size));
    if (size != SIGNATURE_SIZE)
        return fail(CAIRN_ERR_BAD_VALUE, "signature");
    *ret_signature = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

static cairn_err read_side(cairn_arena *arena, const json_t *vote, cairn_double_vote_side *side)
{
    const json_t *id = NULL;
    const json_t *parts = NULL;
    const char *time = NULL;
    uint64_t count = 0;
    CAIRN_TRY(take(vote, "block_id", JSON_OBJECT, &id));
    CAIRN_TRY(take(id, "parts", JSON_OBJECT, &parts));
    CAIRN_TRY(take_hash(arena, id, "hash", &side->block));
    CAIRN_TRY(take_integer(parts, "total", UINT32_MAX, &count));
    CAIRN_TRY(take_hash(arena, parts, "hash", &side->parts.hash));
    side->parts.count = (uint32_t)count;
    CAIRN_TRY(take_text(vote, "timestamp", &time));
    CAIRN_TRY(cairn_light_time_parse(time, &side->time));
    return take_signature(arena, vote, &side->signature);
}

/* What both votes must have alike. */
typedef struct place {
    uint8_t address[CAIRN_ABCI_ADDRESS_SIZE];
    uint64_t type;
    uint64_t height;
    uint64_t round;
} place;

static cairn_err read_place(const json_t *vote, place *ret_place)
{
    const char *address = NULL;
    place p = {.type = 0};
    CAIRN_TRY(take_integer(vote, "type", 2, &p.type));
    CAIRN_TRY(take_height(vote, &p.height));
    CAIRN_TRY(take_integer(vote, "round", INT32_MAX, &p.round));
    CAIRN_TRY(take_text(vote, "validator_address", &address));
    CAIRN_TRY(cairn_hex_decode(address, p.address, sizeof p.address));
    *ret_place = p;
    return CAIRN_OK;
}

static bool same_place(const place *a, const place *b)
{
    return memcmp(a->address, b->address, sizeof a->address) == 0 && a->type == b->type &&
           a->height == b->height && a->round == b->round;
}

static cairn_err read_double_vote(cairn_arena *arena, const json_t *item, cairn_double_vote *ret)
{
    static const char *const names[] = {"vote_a", "vote_b"};
    const json_t *value = NULL;
    place places[2];
    CAIRN_TRY(take(item, "value", JSON_OBJECT, &value));
    for (size_t i = 0; i < 2; i++) {
        const json_t *vote = NULL;
        CAIRN_TRY(take(value, names[i], JSON_OBJECT, &vote));
        CAIRN_TRY(read_place(vote, &places[i]));
        CAIRN_TRY(read_side(arena, vote, &ret->votes[i]));
    }
    if (!same_place(&places[0], &places[1]))
        return fail(CAIRN_ERR_BAD_VALUE, "vote_b");
    memcpy(ret->address, places[0].address, sizeof ret->address);
    ret->type = places[0].type;
    ret->height = places[0].height;
    ret->round = places[0].round;
    return CAIRN_OK;
}

static cairn_err read_list(cairn_arena *arena, const json_t *list, cairn_double_vote **ret_votes,
                           size_t *ret_count)
{
    void *memory = NULL;
    size_t count = 0;
    if (json_array_size(list) > CAIRN_DOUBLE_VOTES_MAX)
        return fail(CAIRN_ERR_TOO_MANY, "evidence");
    CAIRN_TRY(cairn_arena_array(arena, json_array_size(list), sizeof(cairn_double_vote), &memory));
    cairn_double_vote *votes = memory;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *type = NULL;
        CAIRN_TRY(take_text(item, "type", &type));
        if (strcmp(type, duplicate_vote) == 0)
            CAIRN_TRY(read_double_vote(arena, item, &votes[count++]));
    }
    *ret_votes = votes;
    *ret_count = count;
    return CAIRN_OK;
}

static void free_json(json_t **json)
{
    json_decref(*json);
}

cairn_err cairn_double_votes_from_rpc(cairn_arena *arena, cairn_bytes answer,
                                      cairn_double_vote **ret_votes, size_t *ret_count)
{
    const json_t *result = NULL, *block = NULL, *evidence = NULL, *list = NULL;
    CAIRN_CLEANUP(free_json)
    json_t *json = json_loadb((const char *)answer.data, answer.size, JSON_REJECT_DUPLICATES, NULL);
    if (json == NULL || !json_is_object(json))
        return fail(CAIRN_ERR_BAD_VALUE, "answer");
    if (json_object_get(json, "error") != NULL)
        return fail(CAIRN_ERR_UNAVAILABLE, "answer");
    CAIRN_TRY(take(json, "result", JSON_OBJECT, &result));
    CAIRN_TRY(take(result, "block", JSON_OBJECT, &block));
    CAIRN_TRY(take(block, "evidence", JSON_OBJECT, &evidence));
    CAIRN_TRY(take(evidence, "evidence", JSON_ARRAY, &list));
    return read_list(arena, list, ret_votes, ret_count);
}
