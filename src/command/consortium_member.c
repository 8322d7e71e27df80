/* Parts of members, in and out of JSON, and a chain made of them. */
#include "command/consortium_member.h"

#include <stdio.h>
#include <stdlib.h>
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
    if (snprintf(peer, sizeof peer, "%s@%s", id, listen) >= (int)sizeof peer ||
        !cairn_member_is_peer(peer))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "%s is not HOST:PORT", listen);
    const cairn_member_part part = {.member = *member, .peer = peer, .node = node};
    CAIRN_TRY(cairn_member_part_encode(&command->arena, &part, &json));
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

/* --- beginning --- */

/* All but ourselves, a line each. */
static cairn_err list_peers(cairn_arena *arena, const char *directory,
                            const cairn_chain_members *chain, cairn_bytes *ret_lines)
{
    char id[CAIRN_ENGINE_NODE_ID_SIZE + 1];
    void *memory = NULL;
    size_t size = 0;
    CAIRN_TRY(cairn_engine_node_id(directory, id));
    CAIRN_TRY(cairn_arena_alloc(arena, chain->peer_count * (CAIRN_PEER_SIZE_MAX + 1) + 1, &memory));
    for (size_t i = 0; i < chain->peer_count; i++)
        if (strncmp(chain->peers[i], id, CAIRN_ENGINE_NODE_ID_SIZE) != 0)
            size += (size_t)sprintf((char *)memory + size, "%s\n", chain->peers[i]);
    *ret_lines = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

static cairn_err add_nodes(cairn_arena *arena, const char *directory,
                           const cairn_chain_members *chain)
{
    cairn_member_part *own = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &own));
    CAIRN_TRY(cairn_member_own_part(arena, directory, own));
    return cairn_consortium_add_nodes(arena, directory, own->node, chain->nodes, chain->node_count);
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
    cairn_member_begun begun = {.sync = {.height = 0}};
    cairn_chain_members members;
    cairn_bytes peers;
    CAIRN_TRY(cairn_chain_file_decode(arena, chain_file, &members));
    CAIRN_TRY(list_peers(arena, directory, &members, &peers));
    CAIRN_TRY(cairn_home_config(directory, &config));
    if (syncs)
        CAIRN_TRY(cairn_engine_state_sync(command, directory, members.chain.id, how->sync_urls,
                                          how->sync_url_count, &begun.sync));
    CAIRN_TRY(begin_store(directory, &members.chain.start, syncs));
    CAIRN_TRY(cairn_engine_set_chain(directory, members.genesis, peers));
    CAIRN_TRY(add_nodes(arena, directory, &members));
    cairn_ledger_id(members.chain.start.genesis, &begun.ledger);
    if (!cairn_node_is_member(config))
        CAIRN_TRY(extend_config(command, directory, how->rpc));
    *ret_begun = begun;
    return CAIRN_OK;
}
