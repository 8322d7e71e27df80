/* member.json and chain.json, in and out. */
#include "command/consortium_files.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cairn/key.h"
#include "command/consortium_nodes.h"
#include "command/consortium_room.h"
#include "core/codec/base64url.h"
#include "ledger/registry.h"

static const char clause[] = "docs/features/consortium.md";
static const char part_format[] = "cairn/consortium-member/1";
static const char chain_format[] = "cairn/consortium-chain/1";

static void free_json(json_t **json)
{
    json_decref(*json);
}

static cairn_err no_memory(void)
{
    return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "consortium: JSON");
}

static cairn_err dump(cairn_arena *arena, const json_t *json, cairn_bytes *ret_text)
{
    char *text = json_dumps(json, JSON_INDENT(2));
    if (text == NULL)
        return no_memory();
    cairn_err err = cairn_arena_copy(arena, cairn_bytes_str(text), ret_text);
    free(text);
    return err;
}

/* --- a member's part --- */

static cairn_err put_key(json_t *list, const cairn_genesis_key *key)
{
    char text[2 * CAIRN_COSE_KEY_SIZE_MAX];
    cairn_base64_encode(key->cose_key, text);
    json_t *item = json_pack("{s:s,s:s}", "purpose", cairn_purpose_name(key->purpose), "key", text);
    return json_array_append_new(list, item) == 0 ? CAIRN_OK : no_memory();
}

cairn_err cairn_member_part_encode(cairn_arena *arena, const cairn_member_part *part,
                                   cairn_bytes *ret_json)
{
    CAIRN_CLEANUP(free_json) json_t *json = NULL;
    const cairn_genesis_member *member = &part->member;
    json = json_pack("{s:s,s:s%,s:[],s:s,s:s}", "format", part_format, "organisation",
                     (const char *)member->name.data, member->name.size, "keys", "peer", part->peer,
                     "node", part->node);
    if (json == NULL)
        return no_memory();
    for (size_t i = 0; i < member->key_count; i++)
        CAIRN_TRY(put_key(json_object_get(json, "keys"), &member->keys[i]));
    return dump(arena, json, ret_json);
}

static cairn_err bad_part(const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "member.%s", what);
}

static cairn_err take_key(cairn_arena *arena, const json_t *item, cairn_genesis_key *ret_key)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    const char *purpose = json_string_value(json_object_get(item, "purpose"));
    const char *text = json_string_value(json_object_get(item, "key"));
    uint8_t encoded[CAIRN_COSE_KEY_SIZE_MAX];
    size_t size = 0;
    int p = CAIRN_PURPOSE_SIGN;
    if (purpose == NULL || text == NULL || json_object_size(item) != 2 ||
        cairn_base64_decode(cairn_bytes_str(text), encoded, sizeof encoded, &size) != CAIRN_OK)
        return bad_part("keys: purpose and key in base64");
    while (p <= CAIRN_PURPOSE_LAST && strcmp(purpose, cairn_purpose_name((cairn_purpose)p)) != 0)
        p++;
    if (p > CAIRN_PURPOSE_LAST)
        return bad_part("keys: no such purpose");
    CAIRN_TRY(cairn_key_from_cose(cairn_bytes_of(encoded, size), &key));
    if ((p == CAIRN_PURPOSE_VALIDATOR) && cairn_key_get_type(key) != CAIRN_KEY_ED25519)
        return bad_part("keys: a validator's is Ed25519");
    ret_key->purpose = (cairn_purpose)p;
    return cairn_arena_copy(arena, cairn_bytes_of(encoded, size), &ret_key->cose_key);
}

static cairn_err take_keys(cairn_arena *arena, const json_t *list, cairn_genesis_member *ret_member)
{
    size_t count = json_array_size(list);
    if (count < 1 || count > CAIRN_ORG_KEYS_MAX) /* the only one where the ledger has the others */
        return bad_part("keys: too few or too many");
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(take_key(arena, json_array_get(list, i), &ret_member->keys[i]));
    ret_member->key_count = count;
    return ret_member->keys[count - 1].purpose == CAIRN_PURPOSE_VALIDATOR
               ? CAIRN_OK
               : bad_part("keys: the last one is the validator's");
}

bool cairn_member_is_peer(const char *text)
{
    if (text == NULL || strlen(text) > CAIRN_PEER_SIZE_MAX)
        return false;
    const char *at = strchr(text, '@');
    return at != NULL && at - text == CAIRN_ENGINE_NODE_ID_SIZE && strchr(at, ':') != NULL &&
           strpbrk(text, ", \n\t\"") == NULL;
}

static cairn_err copy_text(cairn_arena *arena, const char *text, const char **ret_text)
{
    cairn_bytes copy;
    CAIRN_TRY(cairn_arena_copy(arena, cairn_bytes_of(text, strlen(text) + 1), &copy));
    *ret_text = (const char *)copy.data;
    return CAIRN_OK;
}

cairn_err cairn_member_part_decode(cairn_arena *arena, cairn_bytes in, cairn_member_part *ret_part)
{
    CAIRN_CLEANUP(free_json)
    json_t *json = json_loadb((const char *)in.data, in.size, JSON_REJECT_DUPLICATES, NULL);
    const char *format = json_string_value(json_object_get(json, "format"));
    const char *name = json_string_value(json_object_get(json, "organisation"));
    const char *peer = json_string_value(json_object_get(json, "peer"));
    const char *node = json_string_value(json_object_get(json, "node"));
    if (format == NULL || strcmp(format, part_format) != 0 || json_object_size(json) != 5)
        return bad_part("format: is no part of a member");
    if (name == NULL || cairn_org_name_check(cairn_bytes_str(name)) != CAIRN_OK)
        return bad_part("organisation: no name");
    if (!cairn_member_is_peer(peer))
        return bad_part("peer: is not ID@HOST:PORT");
    if (!cairn_consortium_is_node_name(arena, node))
        return bad_part("node: is not URL#PIN");
    CAIRN_TRY(cairn_arena_copy(arena, cairn_bytes_str(name), &ret_part->member.name));
    CAIRN_TRY(copy_text(arena, peer, &ret_part->peer));
    CAIRN_TRY(copy_text(arena, node, &ret_part->node));
    return take_keys(arena, json_object_get(json, "keys"), &ret_part->member);
}

/* --- the chain they make up --- */

static cairn_err put_validator(json_t *list, const cairn_chain_validator *validator)
{
    char key[64];
    char power[24];
    cairn_base64_encode(cairn_bytes_of(validator->key, sizeof validator->key), key);
    (void)snprintf(power, sizeof power, "%llu", (unsigned long long)validator->power);
    json_t *item = json_pack("{s:{s:s,s:s},s:s,s:s}", "pub_key", "type", "tendermint/PubKeyEd25519",
                             "value", key, "power", power, "name", validator->name);
    return json_array_append_new(list, item) == 0 ? CAIRN_OK : no_memory();
}

/* RFC 3339 with milliseconds, rounded up to the next when there are parts: there are none. */
static void print_time(uint64_t time_ms, char ret_text[40])
{
    struct tm parts;
    time_t seconds = (time_t)(time_ms / 1000);
    char date[32];
    (void)gmtime_r(&seconds, &parts);
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(ret_text, 40, "%s.%03uZ", date, (unsigned)(time_ms % 1000));
}

/* What bounds the engine itself: a block is ours, of 8 MiB at most; the rest are its defaults. */
static json_t *consensus_params(void)
{
    return json_pack("{s:{s:s,s:s},s:{s:s,s:s,s:s},s:{s:[s]},s:{s:s},s:{s:s}}", "block",
                     "max_bytes", "4194304", "max_gas", "-1", "evidence", "max_age_num_blocks",
                     "100000", "max_age_duration", "172800000000000", "max_bytes", "1048576",
                     "validator", "pub_key_types", "ed25519", "version", "app", "0", "abci",
                     "vote_extensions_enable_height", "0");
}

static cairn_err genesis_json(cairn_arena *arena, const cairn_chain_start *start, uint64_t time_ms,
                              const cairn_chain_validator *validators, size_t count,
                              json_t **ret_json)
{
    cairn_hash ledger;
    char id[CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1];
    char time_text[40];
    char height[24];
    cairn_bytes state;
    CAIRN_TRY(cairn_chain_start_encode(arena, start, &state));
    cairn_ledger_id(start->genesis, &ledger);
    cairn_light_chain_id(&ledger, start->height, id);
    (void)snprintf(height, sizeof height, "%llu", (unsigned long long)start->height + 1);
    print_time(time_ms, time_text);
    CAIRN_CLEANUP(free_json)
    json_t *json = json_pack("{s:s,s:s,s:s,s:o,s:[],s:s,s:o}", "genesis_time", time_text,
                             "chain_id", id, "initial_height", height, "consensus_params",
                             consensus_params(), "validators", "app_hash", "", "app_state",
                             json_loadb((const char *)state.data, state.size, 0, NULL));
    if (json == NULL)
        return no_memory();
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(put_validator(json_object_get(json, "validators"), &validators[i]));
    *ret_json = CAIRN_STEAL(json);
    return CAIRN_OK;
}

static cairn_err put_addresses(json_t *json, const cairn_member_part *part)
{
    if (json_array_append_new(json_object_get(json, "peers"), json_string(part->peer)) != 0)
        return no_memory();
    if (part->node[0] != '\0' &&
        json_array_append_new(json_object_get(json, "nodes"), json_string(part->node)) != 0)
        return no_memory();
    return CAIRN_OK;
}

cairn_err cairn_chain_file(cairn_arena *arena, const cairn_chain_start *start, uint64_t time_ms,
                           const cairn_chain_validator *validators, size_t validator_count,
                           const cairn_member_part *parts, size_t part_count, cairn_bytes *ret_json)
{
    CAIRN_CLEANUP(free_json) json_t *genesis = NULL;
    CAIRN_TRY(genesis_json(arena, start, time_ms, validators, validator_count, &genesis));
    CAIRN_CLEANUP(free_json)
    json_t *json = json_pack("{s:s,s:O,s:[],s:[]}", "format", chain_format, "genesis", genesis,
                             "peers", "nodes");
    for (size_t i = 0; i < part_count; i++)
        CAIRN_TRY(put_addresses(json, &parts[i]));
    return json == NULL ? no_memory() : dump(arena, json, ret_json);
}

static cairn_err bad_chain(const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "chain.%s", what);
}

/* Texts of `list`, each of which must be good. */
static cairn_err take_texts(cairn_arena *arena, const json_t *list,
                            bool (*is_good)(cairn_arena *arena, const char *text),
                            const char *const **ret_texts, size_t *ret_count)
{
    void *memory = NULL;
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > CAIRN_CHAIN_MEMBERS_MAX)
        return bad_chain("peers, nodes: no lists, or too long");
    CAIRN_TRY(cairn_arena_array(arena, count + 1, sizeof(const char *), &memory));
    const char **texts = memory;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!is_good(arena, text))
            return bad_chain("peers, nodes: one is not ID@HOST:PORT, or not URL#PIN");
        CAIRN_TRY(copy_text(arena, text, &texts[i]));
    }
    *ret_texts = texts;
    *ret_count = count;
    return CAIRN_OK;
}

static bool is_peer_text(cairn_arena *arena, const char *text)
{
    (void)arena;
    return cairn_member_is_peer(text);
}

cairn_err cairn_chain_file_decode(cairn_arena *arena, cairn_bytes in,
                                  cairn_chain_members *ret_members)
{
    CAIRN_CLEANUP(free_json)
    json_t *json = json_loadb((const char *)in.data, in.size, JSON_REJECT_DUPLICATES, NULL);
    const char *format = json_string_value(json_object_get(json, "format"));
    cairn_chain_members m = {.peer_count = 0};
    if (format == NULL || strcmp(format, chain_format) != 0 || json_object_size(json) != 4)
        return bad_chain("format: is no consortium's chain");
    if (!json_is_object(json_object_get(json, "genesis")))
        return bad_chain("genesis: is not the engine's");
    CAIRN_TRY(dump(arena, json_object_get(json, "genesis"), &m.genesis));
    CAIRN_TRY(cairn_chain_decode(arena, m.genesis, &m.chain));
    CAIRN_TRY(
        take_texts(arena, json_object_get(json, "peers"), is_peer_text, &m.peers, &m.peer_count));
    CAIRN_TRY(take_texts(arena, json_object_get(json, "nodes"), cairn_consortium_is_node_name,
                         &m.nodes, &m.node_count));
    *ret_members = m;
    return CAIRN_OK;
}
