/* Codec of headers, validators and commits: docs/formats/commit-proof.md. */
#include "cairn/light_client.h"

static const char clause[] = "docs/formats/commit-proof.md";

enum { HASH_SIZE = 32, SIGNATURE_SIZE = 64, HEADER_ITEMS = 15 };

#define NANOSECONDS_MAX 999999999

static cairn_err read_time(cairn_cbor_reader *r, const char *field, int64_t seconds_min,
                           cairn_light_time *time)
{
    size_t count = 0;
    uint64_t nanoseconds = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, field, 2, 2, &count));
    CAIRN_TRY(cairn_cbor_read_int(r, field, seconds_min, CAIRN_LIGHT_SECONDS_MAX, &time->seconds));
    CAIRN_TRY(cairn_cbor_read_uint(r, field, 0, NANOSECONDS_MAX, &nanoseconds));
    time->nanoseconds = (uint32_t)nanoseconds;
    return CAIRN_OK;
}

/* 32 bytes, or none. */
static cairn_err read_hash_or_none(cairn_cbor_reader *r, const char *field, cairn_bytes *hash)
{
    CAIRN_TRY(cairn_cbor_read_bytes(r, field, 0, HASH_SIZE, hash));
    if (hash->size != 0 && hash->size != HASH_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "%s.%s: %zu bytes", r->object, field,
                          hash->size);
    return CAIRN_OK;
}

static cairn_err read_parts(cairn_cbor_reader *r, cairn_light_parts *parts)
{
    size_t count = 0;
    uint64_t parts_count = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "parts", 2, 2, &count));
    CAIRN_TRY(cairn_cbor_read_uint(r, "parts.count", 0, UINT32_MAX, &parts_count));
    parts->count = (uint32_t)parts_count;
    return read_hash_or_none(r, "parts.hash", &parts->hash);
}

/* The byte strings of a header from the validators' hash on. */
static cairn_err read_hashes(cairn_cbor_reader *r, cairn_light_header *header)
{
    CAIRN_TRY(read_hash_or_none(r, "last_commit_hash", &header->last_commit_hash));
    CAIRN_TRY(read_hash_or_none(r, "data_hash", &header->data_hash));
    CAIRN_TRY(cairn_cbor_read_bytes(r, "validators_hash", HASH_SIZE, HASH_SIZE,
                                    &header->validators_hash));
    CAIRN_TRY(read_hash_or_none(r, "next_validators_hash", &header->next_validators_hash));
    CAIRN_TRY(read_hash_or_none(r, "consensus_hash", &header->consensus_hash));
    CAIRN_TRY(
        cairn_cbor_read_bytes(r, "app_hash", 0, CAIRN_LIGHT_APP_HASH_SIZE_MAX, &header->app_hash));
    CAIRN_TRY(read_hash_or_none(r, "last_results_hash", &header->last_results_hash));
    CAIRN_TRY(read_hash_or_none(r, "evidence_hash", &header->evidence_hash));
    return cairn_cbor_read_bytes(r, "proposer_address", CAIRN_LIGHT_ADDRESS_SIZE,
                                 CAIRN_LIGHT_ADDRESS_SIZE, &header->proposer_address);
}

static cairn_err read_header(cairn_cbor_reader *r, cairn_light_header *header)
{
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "header", HEADER_ITEMS, HEADER_ITEMS, &count));
    CAIRN_TRY(cairn_cbor_read_uint(r, "block_version", CAIRN_LIGHT_BLOCK_PROTOCOL,
                                   CAIRN_LIGHT_BLOCK_PROTOCOL, &header->block_version));
    CAIRN_TRY(cairn_cbor_read_uint(r, "app_version", 0, UINT64_MAX, &header->app_version));
    CAIRN_TRY(
        cairn_cbor_read_text(r, "chain_id", 1, CAIRN_LIGHT_CHAIN_ID_SIZE_MAX, &header->chain_id));
    CAIRN_TRY(cairn_cbor_read_uint(r, "height", 1, INT64_MAX, &header->height));
    CAIRN_TRY(read_time(r, "time", 0, &header->time));
    CAIRN_TRY(cairn_cbor_read_array(r, "last_block_id", 2, 2, &count));
    CAIRN_TRY(read_hash_or_none(r, "last_block_id.hash", &header->last_block_hash));
    CAIRN_TRY(read_parts(r, &header->last_block_parts));
    return read_hashes(r, header);
}

static cairn_err read_set(cairn_arena *arena, cairn_cbor_reader *r, cairn_light_set *set)
{
    size_t count = 0;
    void *memory = NULL;
    CAIRN_TRY(cairn_cbor_read_array(r, "validators", 1, CAIRN_LIGHT_VALIDATORS_MAX, &set->count));
    CAIRN_TRY(cairn_arena_array(arena, set->count, sizeof(cairn_light_validator), &memory));
    cairn_light_validator *validators = memory;
    for (size_t i = 0; i < set->count; i++) {
        cairn_bytes key;
        CAIRN_TRY(cairn_cbor_read_array(r, "validator", 2, 2, &count));
        CAIRN_TRY(cairn_cbor_read_bytes(r, "public_key", HASH_SIZE, HASH_SIZE, &key));
        CAIRN_TRY(cairn_cbor_read_uint(r, "power", 1, CAIRN_LIGHT_POWER_MAX, &validators[i].power));
        validators[i].public_key = key.data;
    }
    set->validators = validators;
    return CAIRN_OK;
}

static cairn_err read_vote(cairn_cbor_reader *r, cairn_light_vote *vote)
{
    size_t count = 0;
    cairn_bytes signature;
    if (cairn_cbor_peek(r) == CAIRN_CBOR_NULL)
        return cairn_cbor_read_null(r, "vote");
    CAIRN_TRY(cairn_cbor_read_array(r, "vote", 2, 2, &count));
    CAIRN_TRY(read_time(r, "vote.time", CAIRN_LIGHT_SECONDS_MIN, &vote->time));
    CAIRN_TRY(
        cairn_cbor_read_bytes(r, "vote.signature", SIGNATURE_SIZE, SIGNATURE_SIZE, &signature));
    vote->signature = signature.data;
    return CAIRN_OK;
}

static cairn_err read_commit(cairn_arena *arena, cairn_cbor_reader *r, cairn_light_commit *commit)
{
    size_t count = 0;
    uint64_t round = 0;
    void *memory = NULL;
    CAIRN_TRY(cairn_cbor_read_array(r, "commit", 3, 3, &count));
    CAIRN_TRY(cairn_cbor_read_uint(r, "round", 0, INT32_MAX, &round));
    commit->round = (uint32_t)round;
    CAIRN_TRY(read_parts(r, &commit->parts));
    CAIRN_TRY(
        cairn_cbor_read_array(r, "votes", 1, CAIRN_LIGHT_VALIDATORS_MAX, &commit->vote_count));
    CAIRN_TRY(cairn_arena_array(arena, commit->vote_count, sizeof(cairn_light_vote), &memory));
    cairn_light_vote *votes = memory;
    for (size_t i = 0; i < commit->vote_count; i++)
        CAIRN_TRY(read_vote(r, &votes[i]));
    commit->votes = votes;
    return CAIRN_OK;
}

cairn_err cairn_light_state_read(cairn_arena *arena, cairn_cbor_reader *reader,
                                 cairn_light_state *ret_state)
{
    cairn_light_state state = {0};
    CAIRN_TRY(read_header(reader, &state.header));
    CAIRN_TRY(read_set(arena, reader, &state.validators));
    *ret_state = state;
    return CAIRN_OK;
}

cairn_err cairn_light_block_read(cairn_arena *arena, cairn_cbor_reader *reader,
                                 cairn_light_block *ret_block)
{
    cairn_light_block block = {0};
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(reader, "block", 3, 3, &count));
    CAIRN_TRY(cairn_light_state_read(arena, reader, &block.state));
    CAIRN_TRY(read_commit(arena, reader, &block.commit));
    *ret_block = block;
    return CAIRN_OK;
}

cairn_err cairn_light_anchor_read(cairn_arena *arena, cairn_cbor_reader *reader,
                                  cairn_light_anchor *ret_anchor)
{
    cairn_light_anchor anchor = {0};
    cairn_hash hash;
    uint64_t total = 0;
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(reader, "anchor", 3, 3, &count));
    CAIRN_TRY(cairn_light_state_read(arena, reader, &anchor.state));
    CAIRN_TRY(cairn_cbor_read_uint(reader, "anchor.period", 1, CAIRN_LIGHT_PERIOD_MAX_MS,
                                   &anchor.trusting_period_ms));
    CAIRN_TRY(cairn_light_set_check(&anchor.state.validators, &total));
    cairn_light_set_hash(&anchor.state.validators, &hash);
    if (!cairn_bytes_equal(cairn_bytes_hash(&hash), anchor.state.header.validators_hash))
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, clause, "anchor.validators: not the header's");
    *ret_anchor = anchor;
    return CAIRN_OK;
}

static void put_time(cairn_cbor_writer *w, cairn_light_time time)
{
    cairn_cbor_put_array(w, 2);
    cairn_cbor_put_int(w, time.seconds);
    cairn_cbor_put_uint(w, time.nanoseconds);
}

static void put_parts(cairn_cbor_writer *w, const cairn_light_parts *parts)
{
    cairn_cbor_put_array(w, 2);
    cairn_cbor_put_uint(w, parts->count);
    cairn_cbor_put_bytes(w, parts->hash);
}

static void put_header(cairn_cbor_writer *w, const cairn_light_header *header)
{
    cairn_cbor_put_array(w, HEADER_ITEMS);
    cairn_cbor_put_uint(w, header->block_version);
    cairn_cbor_put_uint(w, header->app_version);
    cairn_cbor_put_text_view(w, header->chain_id);
    cairn_cbor_put_uint(w, header->height);
    put_time(w, header->time);
    cairn_cbor_put_array(w, 2);
    cairn_cbor_put_bytes(w, header->last_block_hash);
    put_parts(w, &header->last_block_parts);
    cairn_cbor_put_bytes(w, header->last_commit_hash);
    cairn_cbor_put_bytes(w, header->data_hash);
    cairn_cbor_put_bytes(w, header->validators_hash);
    cairn_cbor_put_bytes(w, header->next_validators_hash);
    cairn_cbor_put_bytes(w, header->consensus_hash);
    cairn_cbor_put_bytes(w, header->app_hash);
    cairn_cbor_put_bytes(w, header->last_results_hash);
    cairn_cbor_put_bytes(w, header->evidence_hash);
    cairn_cbor_put_bytes(w, header->proposer_address);
}

void cairn_light_state_put(cairn_cbor_writer *writer, const cairn_light_state *state)
{
    const cairn_light_set *set = &state->validators;
    put_header(writer, &state->header);
    cairn_cbor_put_array(writer, set->count);
    for (size_t i = 0; i < set->count; i++) {
        cairn_cbor_put_array(writer, 2);
        cairn_cbor_put_bytes(writer, cairn_bytes_of(set->validators[i].public_key, HASH_SIZE));
        cairn_cbor_put_uint(writer, set->validators[i].power);
    }
}

static void put_vote(cairn_cbor_writer *w, const cairn_light_vote *vote)
{
    if (vote->signature == NULL) {
        cairn_cbor_put_null(w);
        return;
    }
    cairn_cbor_put_array(w, 2);
    put_time(w, vote->time);
    cairn_cbor_put_bytes(w, cairn_bytes_of(vote->signature, SIGNATURE_SIZE));
}

void cairn_light_block_put(cairn_cbor_writer *writer, const cairn_light_block *block)
{
    const cairn_light_commit *commit = &block->commit;
    cairn_cbor_put_array(writer, 3);
    cairn_light_state_put(writer, &block->state);
    cairn_cbor_put_array(writer, 3);
    cairn_cbor_put_uint(writer, commit->round);
    put_parts(writer, &commit->parts);
    cairn_cbor_put_array(writer, commit->vote_count);
    for (size_t i = 0; i < commit->vote_count; i++)
        put_vote(writer, &commit->votes[i]);
}

void cairn_light_anchor_put(cairn_cbor_writer *writer, const cairn_light_anchor *anchor)
{
    cairn_cbor_put_array(writer, 3);
    cairn_light_state_put(writer, &anchor->state);
    cairn_cbor_put_uint(writer, anchor->trusting_period_ms);
}
