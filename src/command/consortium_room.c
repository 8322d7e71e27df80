/* Files of the engine: CometBFT 0.38's JSON forms of keys and of what was voted last. */
#include "command/consortium_room.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <unistd.h>

#include "cairn/sha256.h"
#include "ledger/consortium/chain.h"

extern const char cairn_engine_config[];

enum { SEED_SIZE = 32, PUBLIC_SIZE = 32, ADDRESS_SIZE = 20, KEY_FILE_SIZE_MAX = 4096 };

static const char clause[] = "CometBFT 0.38";
static const char key_path[] = "engine/config/priv_validator_key.json";
static const char next_path[] = "engine/config/next_validator_key.json";
static const char due_path[] = "engine/config/due_validator_key.json";
static const char node_key_path[] = "engine/config/node_key.json";
static const char state_path[] = "engine/data/priv_validator_state.json";
static const char nothing_signed[] = "{\"height\":\"0\",\"round\":0,\"step\":0}\n";

/* --- keys --- */

static void address_of(cairn_bytes public_key, char ret_hex[2 * ADDRESS_SIZE + 1])
{
    cairn_hash hash;
    cairn_sha256_of(public_key.data, public_key.size, &hash);
    cairn_hex_encode(cairn_bytes_of(hash.b, ADDRESS_SIZE), ret_hex);
}

/* The engine writes its addresses in upper case. */
static void upper(char *text)
{
    for (; *text != '\0'; text++)
        if (*text >= 'a' && *text <= 'f')
            *text = (char)(*text - 'a' + 'A');
}

/* Both forms: {"priv_key": …} of a node, with address and public key that of a validator. */
static cairn_err write_key(const char *path, bool validator, const uint8_t seed[SEED_SIZE])
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    uint8_t both[SEED_SIZE + PUBLIC_SIZE];
    char address[2 * ADDRESS_SIZE + 1];
    char public_text[64];
    char private_text[128];
    char text[512];
    CAIRN_TRY(cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(seed, SEED_SIZE), &key));
    memcpy(both, seed, SEED_SIZE);
    memcpy(both + SEED_SIZE, cairn_key_public(key).data, PUBLIC_SIZE);
    cairn_base64_encode(cairn_key_public(key), public_text);
    cairn_base64_encode(cairn_bytes_of(both, sizeof both), private_text);
    address_of(cairn_key_public(key), address);
    upper(address);
    size_t size = 0;
    if (validator)
        size = (size_t)snprintf(text, sizeof text,
                                "{\"address\":\"%s\",\"pub_key\":{\"type\":\"tendermint/"
                                "PubKeyEd25519\",\"value\":\"%s\"},",
                                address, public_text);
    size += (size_t)snprintf(text + size, sizeof text - size,
                             "%s\"priv_key\":{\"type\":\"tendermint/PrivKeyEd25519\","
                             "\"value\":\"%s\"}}\n",
                             validator ? "" : "{", private_text);
    cairn_err err = cairn_file_replace(path, 0600, cairn_bytes_of(text, size), NULL);
    OPENSSL_cleanse(both, sizeof both);
    OPENSSL_cleanse(private_text, sizeof private_text);
    OPENSSL_cleanse(text, sizeof text);
    return err;
}

static cairn_err make_key(const char *directory, const char *name, bool validator)
{
    uint8_t seed[SEED_SIZE];
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, name, path));
    if (access(path, F_OK) == 0)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "%s is there already", path);
    if (RAND_priv_bytes(seed, sizeof seed) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "engine: no random bytes");
    cairn_err err = write_key(path, validator, seed);
    OPENSSL_cleanse(seed, sizeof seed);
    return err;
}

static void free_json(json_t **json)
{
    json_decref(*json);
}

static cairn_err key_from_json(const char *path, cairn_bytes text, cairn_key **ret_key)
{
    CAIRN_CLEANUP(free_json)
    json_t *json = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *part = json_object_get(json, "priv_key");
    const char *value = json_string_value(json_object_get(part, "value"));
    uint8_t both[SEED_SIZE + PUBLIC_SIZE];
    size_t size = 0;
    if (value == NULL ||
        cairn_base64_decode(cairn_bytes_str(value), both, sizeof both, &size) != CAIRN_OK ||
        size != sizeof both)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause, "%s: holds no Ed25519 key", path);
    cairn_err err =
        cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(both, SEED_SIZE), ret_key);
    OPENSSL_cleanse(both, sizeof both);
    return err;
}

static cairn_err read_key(const char *directory, const char *name, cairn_key **ret_key)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes text;
    cairn_arena arena;
    CAIRN_TRY(cairn_path_join(directory, name, path));
    cairn_arena_init(&arena, 4 * KEY_FILE_SIZE_MAX);
    cairn_err err = cairn_file_read(&arena, path, KEY_FILE_SIZE_MAX, &text);
    if (err == CAIRN_OK) {
        err = key_from_json(path, text, ret_key);
        OPENSSL_cleanse((void *)(uintptr_t)text.data, text.size);
    }
    cairn_arena_done(&arena);
    return err;
}

cairn_err cairn_engine_validator(const char *directory, cairn_key **ret_key)
{
    return read_key(directory, key_path, ret_key);
}

cairn_err cairn_engine_node_id(const char *directory, char ret_id[CAIRN_ENGINE_NODE_ID_SIZE + 1])
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(read_key(directory, node_key_path, &key));
    address_of(cairn_key_public(key), ret_id);
    return CAIRN_OK;
}

cairn_err cairn_engine_next_validator(const char *directory, cairn_key **ret_key)
{
    cairn_err err = read_key(directory, next_path, ret_key);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    CAIRN_TRY(make_key(directory, next_path, true));
    return read_key(directory, next_path, ret_key);
}

static cairn_err move_key(const char *directory, const char *from_name, const char *to_name)
{
    char from[CAIRN_PATH_SIZE_MAX];
    char to[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, from_name, from));
    CAIRN_TRY(cairn_path_join(directory, to_name, to));
    CAIRN_TRY(cairn_file_rename(from, to));
    return cairn_dir_sync_parent(to);
}

cairn_err cairn_engine_next_is_due(const char *directory)
{
    return move_key(directory, next_path, due_path);
}

bool cairn_engine_is_due(const char *directory)
{
    char path[CAIRN_PATH_SIZE_MAX];
    return cairn_path_join(directory, due_path, path) == CAIRN_OK && access(path, F_OK) == 0;
}

cairn_err cairn_engine_take_due(const char *directory)
{
    return move_key(directory, due_path, key_path);
}

/* --- the home --- */

static cairn_err make_folders(const char *directory)
{
    static const char *const names[] = {"engine", "engine/config", "engine/data", "consortium"};
    char path[CAIRN_PATH_SIZE_MAX];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CAIRN_TRY(cairn_path_join(directory, names[i], path));
        CAIRN_TRY(cairn_dir_make(path, 0700));
    }
    return CAIRN_OK;
}

static cairn_err put_file(const char *directory, const char *name, mode_t mode, cairn_bytes data)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, name, path));
    return cairn_file_replace(path, mode, data, NULL);
}

/* The key for votes comes last: with it, all is there. */
cairn_err cairn_engine_home_make(const char *directory)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(make_folders(directory));
    CAIRN_TRY(put_file(directory, "engine/config/config.toml", 0600,
                       cairn_bytes_str(cairn_engine_config)));
    CAIRN_TRY(put_file(directory, state_path, 0600, cairn_bytes_str(nothing_signed)));
    CAIRN_TRY(cairn_path_join(directory, node_key_path, path));
    if (access(path, F_OK) != 0)
        CAIRN_TRY(make_key(directory, node_key_path, false));
    return make_key(directory, key_path, true);
}

/* --- the chain --- */

static cairn_err check_same(const char *path, cairn_bytes genesis_json)
{
    cairn_arena arena;
    cairn_bytes there = {0};
    cairn_arena_init(&arena, (size_t)4 * CAIRN_CHAIN_FILE_SIZE_MAX);
    cairn_err err = cairn_file_read(&arena, path, CAIRN_CHAIN_FILE_SIZE_MAX, &there);
    if (err == CAIRN_OK && !cairn_bytes_equal(there, genesis_json))
        err = CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "%s is that of another chain", path);
    cairn_arena_done(&arena);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

/* The node reads it as well, and the engine's home is closed to it. */
static cairn_err link_genesis(const char *directory)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, "engine/config/genesis.json", path));
    if (symlink("../../consortium/genesis.json", path) != 0 && errno != EEXIST)
        return cairn_err_from_errno(errno, path);
    return cairn_dir_sync_parent(path);
}

cairn_err cairn_engine_set_chain(const char *directory, cairn_bytes genesis_json, cairn_bytes peers)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, "consortium/genesis.json", path));
    CAIRN_TRY(check_same(path, genesis_json));
    CAIRN_TRY(put_file(directory, "consortium/peers", 0644, peers));
    CAIRN_TRY(cairn_file_replace(path, 0644, genesis_json, NULL));
    return link_genesis(directory);
}
