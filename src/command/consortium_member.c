/* Parts of members, in and out of JSON, and a chain made of them. */
#include "command/consortium_member.h"

#include <jansson.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cairn/block_entry.h"
#include "command/consortium_nodes.h"
#include "command/consortium_room.h"
#include "command/files.h"
#include "command/home.h"
#include "command/home_key.h"
#include "feature_list.h"
#include "ledger/store/store_deliver.h"
#include "node/node_consortium.h"

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

static cairn_err encode_part(cairn_arena *arena, const cairn_member_part *part,
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

/* ID@HOST:PORT, one of a list that commas divide. */
static bool is_peer(const char *text)
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
    if (!is_peer(peer))
        return bad_part("peer: is not ID@HOST:PORT");
    if (!cairn_consortium_is_node_name(arena, node))
        return bad_part("node: is not URL#PIN");
    CAIRN_TRY(cairn_arena_copy(arena, cairn_bytes_str(name), &ret_part->member.name));
    CAIRN_TRY(copy_text(arena, peer, &ret_part->peer));
    CAIRN_TRY(copy_text(arena, node, &ret_part->node));
    return take_keys(arena, json_object_get(json, "keys"), &ret_part->member);
}

cairn_err cairn_member_part_read(cairn_command *command, const char *path,
                                 cairn_member_part *ret_part)
{
    cairn_bytes json;
    CAIRN_TRY(cairn_input_read(&command->arena, path, CAIRN_PART_SIZE_MAX, &json));
    return cairn_input_err(path, cairn_member_part_decode(&command->arena, json, ret_part));
}

cairn_err cairn_member_own_part(cairn_arena *arena, const char *directory,
                                cairn_member_part *ret_part)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes json;
    CAIRN_TRY(cairn_path_join(directory, "consortium/member.json", path));
    CAIRN_TRY(cairn_file_read(arena, path, CAIRN_PART_SIZE_MAX, &json));
    return cairn_member_part_decode(arena, json, ret_part);
}

/* --- preparing --- */

static size_t list_settings(const cairn_member_address *address,
                            cairn_config_setting settings[CAIRN_CONSORTIUM_SETTINGS_MAX])
{
    size_t count = 0;
    if (address->node != NULL)
        settings[count++] = (cairn_config_setting){"node.address", address->node};
    if (address->url != NULL)
        settings[count++] = (cairn_config_setting){"node.url", address->url};
    if (address->wait != NULL)
        settings[count++] = (cairn_config_setting){"cosign.wait", address->wait};
    settings[count++] = (cairn_config_setting){"consortium.rpc", address->rpc};
    settings[count++] = (cairn_config_setting){"consortium.listen", address->listen};
    return count;
}

/* What cairn.yaml is to say, and what that means. */
static cairn_err make_config(cairn_command *command, const cairn_member_address *address,
                             cairn_bytes *ret_text, cairn_config **ret_config)
{
    cairn_config_table tables[CAIRN_HOME_TABLE_COUNT];
    cairn_config_setting settings[CAIRN_CONSORTIUM_SETTINGS_MAX];
    size_t count = list_settings(address, settings);
    cairn_home_tables(tables);
    CAIRN_TRY(cairn_config_render(&command->arena, tables, CAIRN_HOME_TABLE_COUNT, settings, count,
                                  ret_text));
    return cairn_config_parse(tables, CAIRN_HOME_TABLE_COUNT, "cairn.yaml", *ret_text, ret_config);
}

static cairn_err add_validator(cairn_command *command, const char *directory,
                               cairn_genesis_member *member)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    uint8_t encoded[CAIRN_COSE_KEY_SIZE_MAX];
    size_t size = 0;
    cairn_genesis_key *row = &member->keys[member->key_count++];
    CAIRN_TRY(cairn_engine_validator(directory, &key));
    CAIRN_TRY(cairn_key_to_cose(key, encoded, &size));
    row->purpose = CAIRN_PURPOSE_VALIDATOR;
    return cairn_arena_copy(&command->arena, cairn_bytes_of(encoded, size), &row->cose_key);
}

static cairn_err write_part(cairn_command *command, const char *directory,
                            cairn_genesis_member *member, const char *listen, const char *node)
{
    char id[CAIRN_ENGINE_NODE_ID_SIZE + 1];
    char peer[CAIRN_PEER_SIZE_MAX + 1];
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes json;
    CAIRN_TRY(add_validator(command, directory, member));
    CAIRN_TRY(cairn_engine_node_id(directory, id));
    if (snprintf(peer, sizeof peer, "%s@%s", id, listen) >= (int)sizeof peer || !is_peer(peer))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "%s is not HOST:PORT", listen);
    const cairn_member_part part = {.member = *member, .peer = peer, .node = node};
    CAIRN_TRY(encode_part(&command->arena, &part, &json));
    CAIRN_TRY(cairn_path_join(directory, "consortium/member.json", path));
    return cairn_file_replace(path, 0644, json, NULL);
}

static cairn_err open_keys(const char *directory, cairn_signer **ret_signer)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, "keys", path));
    CAIRN_TRY(cairn_dir_make(path, 0700));
    return cairn_signer_open_files(path, ret_signer);
}

/* cairn.yaml last: with it, all is there. */
static cairn_err prepare_new(cairn_command *command, const char *directory,
                             cairn_genesis_member *member, const cairn_member_address *address)
{
    CAIRN_CLEANUP(cairn_config_free_p) cairn_config *config = NULL;
    CAIRN_CLEANUP(cairn_signer_free_p) cairn_signer *signer = NULL;
    char path[CAIRN_PATH_SIZE_MAX];
    const char *node = NULL;
    cairn_bytes text;
    cairn_hash org;
    if (cairn_org_name_check(member->name) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "--org: 1 to 64 printable ASCII characters without / and +");
    CAIRN_TRY(make_config(command, address, &text, &config));
    CAIRN_TRY(cairn_output_dir(directory, 0750));
    CAIRN_TRY(open_keys(directory, &signer));
    CAIRN_TRY(cairn_home_first_keys(&command->arena, signer, member, &org));
    CAIRN_TRY(cairn_consortium_node_name(&command->arena, config, signer, &node));
    CAIRN_TRY(cairn_engine_home_make(directory));
    CAIRN_TRY(write_part(command, directory, member, address->listen, node));
    CAIRN_TRY(cairn_path_join(directory, "cairn.yaml", path));
    return cairn_file_replace(path, 0640, text, NULL);
}

/* The engine beside what is there. */
static cairn_err prepare_more(cairn_command *command, const char *directory,
                              cairn_genesis_member *member, const char *listen)
{
    CAIRN_CLEANUP(cairn_config_free_p) cairn_config *config = NULL;
    CAIRN_CLEANUP(cairn_signer_free_p) cairn_signer *signer = NULL;
    const char *node = NULL;
    CAIRN_TRY(cairn_home_config(directory, &config));
    CAIRN_TRY(cairn_home_signer(directory, config, &signer));
    CAIRN_TRY(cairn_consortium_node_name(&command->arena, config, signer, &node));
    CAIRN_TRY(cairn_engine_home_make(directory));
    return write_part(command, directory, member, listen, node);
}

cairn_err cairn_member_prepare(cairn_command *command, const char *directory, const char *org_name,
                               const cairn_member_address *address)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_genesis_member *member = NULL;
    CAIRN_TRY(cairn_path_join(directory, "cairn.yaml", path));
    CAIRN_TRY(CAIRN_ARENA_NEW(&command->arena, &member));
    member->name = cairn_bytes_str(org_name);
    return access(path, F_OK) == 0 ? prepare_more(command, directory, member, address->listen)
                                   : prepare_new(command, directory, member, address);
}

/* --- the chain --- */

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

/* --- beginning --- */

static cairn_err bad_chain(const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "chain.%s", what);
}

/* All but ourselves, a line each. */
static cairn_err list_peers(cairn_arena *arena, const char *directory, const json_t *list,
                            cairn_bytes *ret_lines)
{
    char id[CAIRN_ENGINE_NODE_ID_SIZE + 1];
    void *memory = NULL;
    size_t size = 0;
    size_t count = json_array_size(list);
    CAIRN_TRY(cairn_engine_node_id(directory, id));
    CAIRN_TRY(cairn_arena_alloc(arena, count * (CAIRN_PEER_SIZE_MAX + 1) + 1, &memory));
    for (size_t i = 0; i < count; i++) {
        const char *peer = json_string_value(json_array_get(list, i));
        if (!is_peer(peer))
            return bad_chain("peers: one is not ID@HOST:PORT");
        if (strncmp(peer, id, CAIRN_ENGINE_NODE_ID_SIZE) != 0)
            size += (size_t)sprintf((char *)memory + size, "%s\n", peer);
    }
    *ret_lines = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

static cairn_err add_nodes(cairn_arena *arena, const char *directory, const json_t *list)
{
    cairn_member_part *own = NULL;
    void *memory = NULL;
    size_t count = json_array_size(list);
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &own));
    CAIRN_TRY(cairn_member_own_part(arena, directory, own));
    CAIRN_TRY(cairn_arena_array(arena, count + 1, sizeof(const char *), &memory));
    const char **names = memory;
    for (size_t i = 0; i < count; i++) {
        names[i] = json_string_value(json_array_get(list, i));
        if (!cairn_consortium_is_node_name(arena, names[i]))
            return bad_chain("nodes: one is not URL#PIN");
    }
    return cairn_consortium_add_nodes(arena, directory, own->node, names, count);
}

/* A ledger's directory becomes a member's: the section is added to its cairn.yaml, last of all. */
static cairn_err extend_config(cairn_command *command, const char *directory, const char *rpc)
{
    enum { MORE = 1024 };
    CAIRN_CLEANUP(cairn_config_free_p) cairn_config *config = NULL;
    cairn_config_table tables[CAIRN_HOME_TABLE_COUNT];
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_member_part *part = NULL;
    cairn_bytes old;
    void *memory = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(&command->arena, &part));
    CAIRN_TRY(cairn_member_own_part(&command->arena, directory, part));
    CAIRN_TRY(cairn_path_join(directory, "cairn.yaml", path));
    CAIRN_TRY(cairn_file_read(&command->arena, path, CAIRN_CONFIG_SIZE_MAX, &old));
    CAIRN_TRY(cairn_arena_alloc(&command->arena, old.size + MORE, &memory));
    int size =
        snprintf(memory, old.size + MORE, "%.*s\nconsortium:\n  rpc: \"%s\"\n  listen: \"%s\"\n",
                 (int)old.size, (const char *)old.data, rpc, strchr(part->peer, '@') + 1);
    const cairn_bytes text = cairn_bytes_of(memory, (size_t)size);
    cairn_home_tables(tables);
    CAIRN_TRY(cairn_config_parse(tables, CAIRN_HOME_TABLE_COUNT, "cairn.yaml", text, &config));
    return cairn_file_replace(path, 0640, text, NULL);
}

static cairn_err elsewhere(uint64_t height, const cairn_chain_start *start)
{
    return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                      "the ledger here stands at height %llu, and the chain begins after %llu: "
                      "whoever begins needs it as it was then",
                      (unsigned long long)height, (unsigned long long)start->height);
}

/* Does it stand where the chain begins? */
static cairn_err check_start(cairn_engine *engine, const cairn_chain_start *start)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    cairn_hash app_hash;
    cairn_app_hash(view->log_size, &view->log_root, &app_hash);
    return view->height == start->height && cairn_hash_equal(&app_hash, &start->app_hash)
               ? CAIRN_OK
               : elsewhere(view->height, start);
}

/* With a snapshot it goes on from wherever it is. */
static cairn_err check_ledger(cairn_engine *engine, const cairn_chain_start *start)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    cairn_hash ledger;
    cairn_ledger_id(start->genesis, &ledger);
    return cairn_hash_equal(&view->ledger, &ledger)
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "the ledger here is another one");
}

static cairn_err enter_store(cairn_store *store, const cairn_chain_start *start, bool syncs)
{
    cairn_engine *engine = cairn_store_ledger(store, 0);
    if (engine == NULL)
        CAIRN_TRY(cairn_store_create(store, start->genesis, &engine));
    CAIRN_TRY(syncs ? check_ledger(engine, start) : check_start(engine, start));
    return cairn_store_drive(engine, NULL);
}

static cairn_err begin_store(const char *directory, const cairn_chain_start *start, bool syncs)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_store_options options;
    cairn_store *store = NULL;
    cairn_store_options_default(&options, &cairn_all_features);
    CAIRN_TRY(cairn_path_join(directory, "store", path));
    if (start->height > 0 && !syncs && access(path, F_OK) != 0)
        return elsewhere(0, start); /* nothing is made that would be in the way of the copy */
    CAIRN_TRY(cairn_dir_make(path, 0750));
    CAIRN_TRY(cairn_store_open(path, &options, &store));
    cairn_err err = enter_store(store, start, syncs);
    cairn_err closed = cairn_store_close(store);
    return err == CAIRN_OK ? closed : err;
}

cairn_err cairn_member_begin(cairn_command *command, const char *directory,
                             const cairn_member_beginning *how, cairn_bytes chain_file,
                             cairn_member_begun *ret_begun)
{
    const bool syncs = how->sync_url_count > 0;
    CAIRN_CLEANUP(cairn_config_free_p) cairn_config *config = NULL;
    cairn_arena *arena = &command->arena;
    CAIRN_CLEANUP(free_json)
    json_t *json =
        json_loadb((const char *)chain_file.data, chain_file.size, JSON_REJECT_DUPLICATES, NULL);
    const char *format = json_string_value(json_object_get(json, "format"));
    cairn_member_begun begun = {.sync = {.height = 0}};
    cairn_chain chain;
    cairn_bytes genesis;
    cairn_bytes peers;
    if (format == NULL || strcmp(format, chain_format) != 0 || json_object_size(json) != 4)
        return bad_chain("format: is no consortium's chain");
    CAIRN_TRY(dump(arena, json_object_get(json, "genesis"), &genesis));
    CAIRN_TRY(cairn_chain_decode(arena, genesis, &chain));
    CAIRN_TRY(list_peers(arena, directory, json_object_get(json, "peers"), &peers));
    CAIRN_TRY(cairn_home_config(directory, &config));
    if (syncs)
        CAIRN_TRY(cairn_engine_state_sync(command, directory, chain.id, how->sync_urls,
                                          how->sync_url_count, &begun.sync));
    CAIRN_TRY(begin_store(directory, &chain.start, syncs));
    CAIRN_TRY(cairn_engine_set_chain(directory, genesis, peers));
    CAIRN_TRY(add_nodes(arena, directory, json_object_get(json, "nodes")));
    cairn_ledger_id(chain.start.genesis, &begun.ledger);
    if (!cairn_node_is_member(config))
        CAIRN_TRY(extend_config(command, directory, how->rpc));
    *ret_begun = begun;
    return CAIRN_OK;
}
