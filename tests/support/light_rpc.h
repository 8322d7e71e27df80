/* A block of support/light_chain.h as a node's RPC would answer for it. */
#ifndef CAIRN_TESTS_SUPPORT_LIGHT_RPC_H
#define CAIRN_TESTS_SUPPORT_LIGHT_RPC_H

#include <ctype.h>
#include <jansson.h>
#include <time.h>

#include "support/light_chain.h"

static inline json_t *test_rpc_hex(cairn_bytes bytes)
{
    char text[2 * 64 + 1];
    cairn_hex_encode(bytes, text);
    for (char *c = text; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    return json_string(text);
}

static inline json_t *test_rpc_base64(const uint8_t *data, size_t size)
{
    char text[96];
    cairn_base64_encode(cairn_bytes_of(data, size), text);
    return json_string(text);
}

static inline json_t *test_rpc_number(uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    return json_string(text);
}

static inline json_t *test_rpc_time(cairn_light_time time)
{
    char day[32];
    char text[64];
    struct tm tm;
    time_t seconds = (time_t)time.seconds;
    (void)strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
    (void)snprintf(text, sizeof text, "%s.%09uZ", day, time.nanoseconds);
    return json_string(text);
}

static inline json_t *test_rpc_block_id(cairn_bytes hash, const cairn_light_parts *parts)
{
    return json_pack("{s:o, s:{s:I, s:o}}", "hash", test_rpc_hex(hash), "parts", "total",
                     (json_int_t)parts->count, "hash", test_rpc_hex(parts->hash));
}

static inline json_t *test_rpc_header(const cairn_light_header *h)
{
    json_t *json =
        json_pack("{s:{s:o, s:o}, s:s%, s:o, s:o, s:o}", "version", "block",
                  test_rpc_number(h->block_version), "app", test_rpc_number(h->app_version),
                  "chain_id", (const char *)h->chain_id.data, h->chain_id.size, "height",
                  test_rpc_number(h->height), "time", test_rpc_time(h->time), "last_block_id",
                  test_rpc_block_id(h->last_block_hash, &h->last_block_parts));
    const struct {
        const char *name;
        cairn_bytes bytes;
    } strings[] = {
        {"last_commit_hash", h->last_commit_hash},
        {"data_hash", h->data_hash},
        {"validators_hash", h->validators_hash},
        {"next_validators_hash", h->next_validators_hash},
        {"consensus_hash", h->consensus_hash},
        {"app_hash", h->app_hash},
        {"last_results_hash", h->last_results_hash},
        {"evidence_hash", h->evidence_hash},
        {"proposer_address", h->proposer_address},
    };
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
        CAIRN_ASSERT(json_object_set_new(json, strings[i].name, test_rpc_hex(strings[i].bytes)) ==
                     0);
    return json;
}

static inline json_t *test_rpc_address(const uint8_t *public_key)
{
    cairn_hash hash;
    cairn_sha256_of(public_key, 32, &hash);
    return test_rpc_hex(cairn_bytes_of(hash.b, CAIRN_LIGHT_ADDRESS_SIZE));
}

static inline json_t *test_rpc_vote(const cairn_light_vote *vote, const uint8_t *public_key)
{
    if (vote->signature == NULL)
        return json_pack("{s:i, s:s, s:s, s:n}", "block_id_flag", 1, "validator_address", "",
                         "timestamp", "0001-01-01T00:00:00Z", "signature");
    return json_pack("{s:i, s:o, s:o, s:o}", "block_id_flag", 2, "validator_address",
                     test_rpc_address(public_key), "timestamp", test_rpc_time(vote->time),
                     "signature", test_rpc_base64(vote->signature, 64));
}

/* The answer to /commit. */
static inline json_t *test_rpc_commit(const cairn_light_block *block)
{
    cairn_hash hash;
    json_t *votes = json_array();
    cairn_light_header_hash(&block->state.header, &hash);
    for (size_t i = 0; i < block->commit.vote_count; i++)
        CAIRN_ASSERT(json_array_append_new(
                         votes, test_rpc_vote(&block->commit.votes[i],
                                              block->state.validators.validators[i].public_key)) ==
                     0);
    json_t *commit = json_pack(
        "{s:o, s:I, s:o, s:o}", "height", test_rpc_number(block->state.header.height), "round",
        (json_int_t)block->commit.round, "block_id",
        test_rpc_block_id(cairn_bytes_hash(&hash), &block->commit.parts), "signatures", votes);
    return json_pack("{s:s, s:i, s:{s:{s:o, s:o}, s:b}}", "jsonrpc", "2.0", "id", -1, "result",
                     "signed_header", "header", test_rpc_header(&block->state.header), "commit",
                     commit, "canonical", 1);
}

/* The answer to /validators, for those from `first` up to, without, `end`. */
static inline json_t *test_rpc_validators(const cairn_light_block *block, size_t first, size_t end)
{
    const cairn_light_set *set = &block->state.validators;
    json_t *list = json_array();
    for (size_t i = first; i < end; i++) {
        const cairn_light_validator *v = &set->validators[i];
        json_t *item = json_pack(
            "{s:o, s:{s:s, s:o}, s:o, s:s}", "address", test_rpc_address(v->public_key), "pub_key",
            "type", "tendermint/PubKeyEd25519", "value", test_rpc_base64(v->public_key, 32),
            "voting_power", test_rpc_number(v->power), "proposer_priority", "0");
        CAIRN_ASSERT(json_array_append_new(list, item) == 0);
    }
    return json_pack("{s:s, s:i, s:{s:o, s:o, s:o, s:o}}", "jsonrpc", "2.0", "id", -1, "result",
                     "block_height", test_rpc_number(block->state.header.height), "validators",
                     list, "count", test_rpc_number(end - first), "total",
                     test_rpc_number(set->count));
}

#endif
