/* The engine writes 64-bit integers as text, hashes as hex, keys and signatures as base64, times as
 * RFC 3339 with up to nine digits after the point. */
#include "ledger/light/light_json.h"

#include <stdio.h>
#include <time.h>

#include "cairn/sha256.h"
#include "core/crypto/jose.h"

static const char clause[] = "CometBFT v0.38 RPC";
static const char ed25519[] = "tendermint/PubKeyEd25519";

enum {
    KEY_SIZE = 32,
    SIGNATURE_SIZE = 64,
    FLAG_ABSENT = 1, /* BlockIDFlag */
    FLAG_COMMIT = 2,
    FLAG_NIL = 3,
};

static cairn_err fail(cairn_err code, const char *name)
{
    return CAIRN_FAIL(code, clause, "answer.%s", name);
}

/* --- members --- */

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

static cairn_err take_text(const json_t *object, const char *name, cairn_bytes *ret_text)
{
    const json_t *value = NULL;
    CAIRN_TRY(take(object, name, JSON_STRING, &value));
    *ret_text = cairn_bytes_of(json_string_value(value), json_string_length(value));
    return CAIRN_OK;
}

/* Decimal digits, the shortest way. */
static cairn_err take_decimal(const json_t *object, const char *name, uint64_t max,
                              uint64_t *ret_value)
{
    cairn_bytes text;
    uint64_t value = 0;
    CAIRN_TRY(take_text(object, name, &text));
    bool good = text.size > 0 && (text.size == 1 || text.data[0] != '0');
    for (size_t i = 0; good && i < text.size; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';
        good = digit <= 9 && value <= (max - digit) / 10;
        value = value * 10 + digit;
    }
    if (!good)
        return fail(CAIRN_ERR_BAD_VALUE, name);
    *ret_value = value;
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

/* Hex of at most `size_max` bytes. */
static cairn_err take_hex(cairn_arena *arena, const json_t *object, const char *name,
                          size_t size_max, cairn_bytes *ret_bytes)
{
    cairn_bytes text;
    void *memory = NULL;
    CAIRN_TRY(take_text(object, name, &text));
    if (text.size > 2 * size_max || text.size % 2 != 0)
        return fail(CAIRN_ERR_BAD_VALUE, name);
    CAIRN_TRY(cairn_arena_alloc(arena, text.size / 2, &memory));
    if (cairn_hex_decode((const char *)text.data, memory, text.size / 2) != CAIRN_OK)
        return fail(CAIRN_ERR_BAD_VALUE, name);
    *ret_bytes = cairn_bytes_of(memory, text.size / 2);
    return CAIRN_OK;
}

static cairn_err take_hash(cairn_arena *arena, const json_t *object, const char *name,
                           cairn_bytes *ret_hash)
{
    cairn_bytes hash;
    CAIRN_TRY(take_hex(arena, object, name, sizeof(cairn_hash), &hash));
    if (hash.size != 0 && hash.size != sizeof(cairn_hash))
        return fail(CAIRN_ERR_BAD_VALUE, name);
    *ret_hash = hash;
    return CAIRN_OK;
}

static cairn_err take_base64(cairn_arena *arena, const json_t *object, const char *name,
                             size_t size_max, cairn_bytes *ret_bytes)
{
    cairn_bytes text;
    void *memory = NULL;
    size_t size = 0;
    CAIRN_TRY(take_text(object, name, &text));
    CAIRN_TRY(cairn_arena_alloc(arena, size_max, &memory));
    if (cairn_base64_decode(text, memory, size_max, &size) != CAIRN_OK)
        return fail(CAIRN_ERR_BAD_VALUE, name);
    *ret_bytes = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

/* Up to nine digits after the point, as nanoseconds; the first byte after them. */
static const char *read_fraction(const char *text, uint32_t *ret_nanoseconds)
{
    uint32_t nanoseconds = 0;
    uint32_t unit = 100000000;
    for (; *text >= '0' && *text <= '9' && unit > 0; text++, unit /= 10)
        nanoseconds += (uint32_t)(*text - '0') * unit;
    *ret_nanoseconds = nanoseconds;
    return text;
}

cairn_err cairn_light_time_parse(const char *text, cairn_light_time *ret_time)
{
    struct tm tm = {0};
    char again[32];
    uint32_t nanoseconds = 0;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    int64_t seconds = rest == NULL ? 0 : timegm(&tm); /* puts tm right */
    bool good = rest != NULL &&
                snprintf(again, sizeof again, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
                         tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec) == 19 &&
                strncmp(again, text, 19) == 0;
    if (good && rest[0] == '.' && rest[1] != 'Z')
        rest = read_fraction(rest + 1, &nanoseconds);
    if (!good || strcmp(rest, "Z") != 0 || seconds < CAIRN_LIGHT_SECONDS_MIN ||
        seconds > CAIRN_LIGHT_SECONDS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 3339", "time: not one in UTC");
    *ret_time = (cairn_light_time){.seconds = seconds, .nanoseconds = nanoseconds};
    return CAIRN_OK;
}

static cairn_err take_time(const json_t *object, const char *name, cairn_light_time *ret_time)
{
    cairn_bytes text;
    CAIRN_TRY(take_text(object, name, &text));
    return cairn_light_time_parse((const char *)text.data, ret_time) == CAIRN_OK
               ? CAIRN_OK
               : fail(CAIRN_ERR_BAD_VALUE, name);
}

/* --- header --- */

static cairn_err read_block_id(cairn_arena *arena, const json_t *object, const char *name,
                               cairn_bytes *ret_hash, cairn_light_parts *ret_parts)
{
    const json_t *id = NULL;
    const json_t *parts = NULL;
    uint64_t count = 0;
    CAIRN_TRY(take(object, name, JSON_OBJECT, &id));
    CAIRN_TRY(take_hash(arena, id, "hash", ret_hash));
    CAIRN_TRY(take(id, "parts", JSON_OBJECT, &parts));
    CAIRN_TRY(take_integer(parts, "total", UINT32_MAX, &count));
    ret_parts->count = (uint32_t)count;
    return take_hash(arena, parts, "hash", &ret_parts->hash);
}

static cairn_err read_hashes(cairn_arena *arena, const json_t *json, cairn_light_header *header)
{
    CAIRN_TRY(take_hash(arena, json, "last_commit_hash", &header->last_commit_hash));
    CAIRN_TRY(take_hash(arena, json, "data_hash", &header->data_hash));
    CAIRN_TRY(take_hash(arena, json, "validators_hash", &header->validators_hash));
    CAIRN_TRY(take_hash(arena, json, "next_validators_hash", &header->next_validators_hash));
    CAIRN_TRY(take_hash(arena, json, "consensus_hash", &header->consensus_hash));
    CAIRN_TRY(take_hex(arena, json, "app_hash", CAIRN_LIGHT_APP_HASH_SIZE_MAX, &header->app_hash));
    CAIRN_TRY(take_hash(arena, json, "last_results_hash", &header->last_results_hash));
    CAIRN_TRY(take_hash(arena, json, "evidence_hash", &header->evidence_hash));
    CAIRN_TRY(take_hex(arena, json, "proposer_address", CAIRN_LIGHT_ADDRESS_SIZE,
                       &header->proposer_address));
    if (header->validators_hash.size == 0)
        return fail(CAIRN_ERR_BAD_VALUE, "validators_hash");
    if (header->proposer_address.size != CAIRN_LIGHT_ADDRESS_SIZE)
        return fail(CAIRN_ERR_BAD_VALUE, "proposer_address");
    return CAIRN_OK;
}

static cairn_err read_header(cairn_arena *arena, const json_t *json, cairn_light_header *header)
{
    const json_t *version = NULL;
    cairn_bytes chain_id;
    CAIRN_TRY(take(json, "version", JSON_OBJECT, &version));
    CAIRN_TRY(take_decimal(version, "block", UINT64_MAX, &header->block_version));
    if (json_object_get(version, "app") != NULL) /* the engine leaves out a zero */
        CAIRN_TRY(take_decimal(version, "app", UINT64_MAX, &header->app_version));
    CAIRN_TRY(take_text(json, "chain_id", &chain_id));
    if (chain_id.size == 0 || chain_id.size > CAIRN_LIGHT_CHAIN_ID_SIZE_MAX)
        return fail(CAIRN_ERR_BAD_VALUE, "chain_id");
    CAIRN_TRY(cairn_arena_copy(arena, chain_id, &header->chain_id));
    CAIRN_TRY(take_decimal(json, "height", INT64_MAX, &header->height));
    if (header->height == 0)
        return fail(CAIRN_ERR_BAD_VALUE, "height");
    CAIRN_TRY(take_time(json, "time", &header->time));
    CAIRN_TRY(read_block_id(arena, json, "last_block_id", &header->last_block_hash,
                            &header->last_block_parts));
    return read_hashes(arena, json, header);
}

/* --- validators --- */

static void address_of(const uint8_t *public_key, cairn_hash *ret_hash)
{
    cairn_sha256_of(public_key, KEY_SIZE, ret_hash); /* its first 20 bytes */
}

static bool is_address(cairn_bytes address, const uint8_t *public_key)
{
    cairn_hash hash;
    address_of(public_key, &hash);
    return cairn_bytes_equal(address, cairn_bytes_of(hash.b, CAIRN_LIGHT_ADDRESS_SIZE));
}

static cairn_err read_validator(cairn_arena *arena, const json_t *json,
                                cairn_light_validator *validator)
{
    const json_t *key = NULL;
    cairn_bytes type;
    cairn_bytes value;
    cairn_bytes address;
    CAIRN_TRY(take(json, "pub_key", JSON_OBJECT, &key));
    CAIRN_TRY(take_text(key, "type", &type));
    if (!cairn_bytes_equal(type, cairn_bytes_str(ed25519)))
        return fail(CAIRN_ERR_BAD_ALGORITHM, "pub_key.type");
    CAIRN_TRY(take_base64(arena, key, "value", KEY_SIZE, &value));
    if (value.size != KEY_SIZE)
        return fail(CAIRN_ERR_BAD_VALUE, "pub_key.value");
    CAIRN_TRY(take_hex(arena, json, "address", CAIRN_LIGHT_ADDRESS_SIZE, &address));
    if (!is_address(address, value.data))
        return fail(CAIRN_ERR_BAD_PROOF, "address");
    validator->public_key = value.data;
    return take_decimal(json, "voting_power", CAIRN_LIGHT_POWER_MAX, &validator->power);
}

static cairn_err read_set(cairn_arena *arena, const json_t *json, cairn_light_set *set)
{
    void *memory = NULL;
    size_t count = json_array_size(json);
    if (count > CAIRN_LIGHT_VALIDATORS_MAX)
        return fail(CAIRN_ERR_TOO_MANY, "validators");
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof(cairn_light_validator), &memory));
    cairn_light_validator *validators = memory;
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(read_validator(arena, json_array_get(json, i), &validators[i]));
    *set = (cairn_light_set){.count = count, .validators = validators};
    return CAIRN_OK;
}

/* --- commit --- */

/* What a vote must be that is none for the block. */
static cairn_err check_other_vote(uint64_t flag, cairn_bytes address, cairn_bytes signature,
                                  cairn_light_time time)
{
    if (flag == FLAG_NIL)
        return address.size == CAIRN_LIGHT_ADDRESS_SIZE && signature.size > 0
                   ? CAIRN_OK
                   : fail(CAIRN_ERR_BAD_VALUE, "signatures: nil vote");
    return flag == FLAG_ABSENT && address.size == 0 && signature.size == 0 &&
                   time.seconds == CAIRN_LIGHT_SECONDS_MIN && time.nanoseconds == 0
               ? CAIRN_OK
               : fail(CAIRN_ERR_BAD_VALUE, "signatures: absent vote");
}

static cairn_err read_signature(cairn_arena *arena, const json_t *json, cairn_bytes *ret_signature)
{
    *ret_signature = (cairn_bytes){0};
    if (json_is_null(json_object_get(json, "signature"))) /* of an absent one */
        return CAIRN_OK;
    return take_base64(arena, json, "signature", SIGNATURE_SIZE, ret_signature);
}

static cairn_err read_vote(cairn_arena *arena, const json_t *json, const uint8_t *public_key,
                           cairn_light_vote *vote)
{
    uint64_t flag = 0;
    cairn_bytes address;
    cairn_bytes signature;
    cairn_light_time time;
    CAIRN_TRY(take_integer(json, "block_id_flag", FLAG_NIL, &flag));
    CAIRN_TRY(take_hex(arena, json, "validator_address", CAIRN_LIGHT_ADDRESS_SIZE, &address));
    CAIRN_TRY(take_time(json, "timestamp", &time));
    CAIRN_TRY(read_signature(arena, json, &signature));
    if (flag != FLAG_COMMIT)
        return check_other_vote(flag, address, signature, time);
    if (signature.size != SIGNATURE_SIZE)
        return fail(CAIRN_ERR_BAD_VALUE, "signature");
    if (!is_address(address, public_key))
        return fail(CAIRN_ERR_BAD_PROOF, "validator_address");
    *vote = (cairn_light_vote){.signature = signature.data, .time = time};
    return CAIRN_OK;
}

static cairn_err read_votes(cairn_arena *arena, const json_t *commit, const cairn_light_set *set,
                            cairn_light_commit *ret_commit)
{
    const json_t *json = NULL;
    void *memory = NULL;
    CAIRN_TRY(take(commit, "signatures", JSON_ARRAY, &json));
    if (json_array_size(json) != set->count)
        return fail(CAIRN_ERR_BAD_PROOF, "signatures: not one for each validator");
    CAIRN_TRY(cairn_arena_array(arena, set->count, sizeof(cairn_light_vote), &memory));
    cairn_light_vote *votes = memory;
    for (size_t i = 0; i < set->count; i++)
        CAIRN_TRY(
            read_vote(arena, json_array_get(json, i), set->validators[i].public_key, &votes[i]));
    ret_commit->vote_count = set->count;
    ret_commit->votes = votes;
    return CAIRN_OK;
}

static cairn_err read_commit(cairn_arena *arena, const json_t *signed_header,
                             const cairn_light_state *state, cairn_light_commit *ret_commit)
{
    const json_t *json = NULL;
    cairn_hash hash;
    cairn_bytes committed;
    uint64_t height = 0;
    uint64_t round = 0;
    CAIRN_TRY(take(signed_header, "commit", JSON_OBJECT, &json));
    CAIRN_TRY(take_decimal(json, "height", INT64_MAX, &height));
    if (height != state->header.height)
        return fail(CAIRN_ERR_BAD_PROOF, "commit.height: not the header's");
    CAIRN_TRY(take_integer(json, "round", INT32_MAX, &round));
    ret_commit->round = (uint32_t)round;
    CAIRN_TRY(read_block_id(arena, json, "block_id", &committed, &ret_commit->parts));
    cairn_light_header_hash(&state->header, &hash);
    if (!cairn_bytes_equal(committed, cairn_bytes_hash(&hash)))
        return fail(CAIRN_ERR_BAD_PROOF, "commit.block_id: not the header's hash");
    return read_votes(arena, json, &state->validators, ret_commit);
}

cairn_err cairn_light_state_from_json(cairn_arena *arena, const json_t *header,
                                      const json_t *validators, cairn_light_state *ret_state)
{
    cairn_light_state state = {0};
    CAIRN_TRY(read_header(arena, header, &state.header));
    if (!json_is_array(validators))
        return fail(CAIRN_ERR_WRONG_TYPE, "validators");
    CAIRN_TRY(read_set(arena, validators, &state.validators));
    *ret_state = state;
    return CAIRN_OK;
}

cairn_err cairn_light_block_from_json(cairn_arena *arena, const json_t *signed_header,
                                      const json_t *validators, cairn_light_block *ret_block)
{
    cairn_light_block block = {0};
    const json_t *header = NULL;
    CAIRN_TRY(take(signed_header, "header", JSON_OBJECT, &header));
    CAIRN_TRY(cairn_light_state_from_json(arena, header, validators, &block.state));
    CAIRN_TRY(read_commit(arena, signed_header, &block.state, &block.commit));
    *ret_block = block;
    return CAIRN_OK;
}

/* --- answers --- */

static cairn_err open_answer(cairn_bytes body, json_t **ret_answer, const json_t **ret_result)
{
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *answer = NULL;
    CAIRN_TRY(cairn_json_object(body, CAIRN_LIGHT_ANSWER_SIZE_MAX, "answer", &answer));
    const json_t *error = json_object_get(answer, "error");
    if (json_is_object(error)) {
        const char *data = json_string_value(json_object_get(error, "data"));
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, clause, "answer.error: %s",
                          data != NULL ? data : "no data");
    }
    CAIRN_TRY(take(answer, "result", JSON_OBJECT, ret_result));
    *ret_answer = CAIRN_STEAL(answer);
    return CAIRN_OK;
}

/* Appends a page's validators, and tells how many the height has. */
static cairn_err add_page(cairn_bytes page, const json_t *header, json_t *validators,
                          uint64_t *ret_total)
{
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *answer = NULL;
    const json_t *result = NULL;
    const json_t *list = NULL;
    uint64_t height = 0;
    uint64_t wanted = 0;
    CAIRN_TRY(open_answer(page, &answer, &result));
    CAIRN_TRY(take_decimal(header, "height", INT64_MAX, &wanted));
    CAIRN_TRY(take_decimal(result, "block_height", INT64_MAX, &height));
    if (height != wanted)
        return fail(CAIRN_ERR_BAD_PROOF, "block_height: not the commit's");
    CAIRN_TRY(take_decimal(result, "total", UINT64_MAX, ret_total));
    CAIRN_TRY(take(result, "validators", JSON_ARRAY, &list));
    if (json_array_extend(validators, (json_t *)(uintptr_t)list) != 0)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "validators");
    return CAIRN_OK;
}

cairn_err cairn_light_block_from_rpc(cairn_arena *arena, cairn_bytes commit_answer,
                                     const cairn_bytes *pages, size_t page_count,
                                     cairn_light_block *ret_block)
{
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *answer = NULL;
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *validators = json_array();
    const json_t *result = NULL;
    const json_t *signed_header = NULL;
    uint64_t total = 0;
    if (validators == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "validators");
    if (page_count == 0 || page_count > CAIRN_LIGHT_PAGE_COUNT_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "validators: %zu pages", page_count);
    CAIRN_TRY(open_answer(commit_answer, &answer, &result));
    CAIRN_TRY(take(result, "signed_header", JSON_OBJECT, &signed_header));
    for (size_t i = 0; i < page_count; i++)
        CAIRN_TRY(add_page(pages[i], json_object_get(signed_header, "header"), validators, &total));
    if (total != json_array_size(validators))
        return fail(CAIRN_ERR_BAD_PROOF, "validators: pages are missing");
    return cairn_light_block_from_json(arena, signed_header, validators, ret_block);
}

cairn_err cairn_light_page_total(cairn_bytes page, uint64_t *ret_total)
{
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *answer = NULL;
    const json_t *result = NULL;
    CAIRN_TRY(open_answer(page, &answer, &result));
    return take_decimal(result, "total", UINT64_MAX, ret_total);
}
