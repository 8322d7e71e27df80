/* Opening what `cairn onboard` needs. */
#include "command/onboard_room.h"

#include <arpa/inet.h>

#include "command/listen.h"
#include "core/store/file.h"

static const size_t map_size = (size_t)64 << 30; /* address space */

static cairn_err open_ca(cairn_onboard_room *room)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(room->command->directory, "ca", path));
    const cairn_ca_keeper_setup setup = {
        .directory = path, .clock = cairn_clock_system(), .signer = room->signer};
    cairn_err err = cairn_ca_keeper_open(&setup, &room->keeper);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "who certifies devices needs an authority; make one by: cairn ca init");
    return err;
}

static cairn_err open_party(cairn_onboard_room *room, const char *name, cairn_key_type type,
                            cairn_fdo_party *party)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_err err = cairn_signer_public(room->signer, name, &key);
    if (err == CAIRN_ERR_NOT_FOUND)
        err = cairn_signer_generate(room->signer, name, type, &key);
    CAIRN_TRY(err);
    party->name = name;
    return cairn_fdo_key_of(key, CAIRN_FDO_KEY_X509, &party->key);
}

static cairn_err open_parties(cairn_onboard_room *room)
{
    static const cairn_key_type types[] = {CAIRN_KEY_P256, CAIRN_KEY_P384};
    static const char *const makers[] = {"owner-maker-p256", "owner-maker-p384"};
    static const char *const owners[] = {"owner-p256", "owner-p384"};
    for (size_t i = 0; i < 2; i++) {
        CAIRN_TRY(open_party(room, makers[i], types[i], &room->makers[i]));
        room->maker_count++;
        CAIRN_TRY(open_party(room, owners[i], types[i], &room->owners[i]));
        room->owner_count++;
    }
    return CAIRN_OK;
}

static cairn_err join_made(const char *directory, const char *name,
                           char ret_path[CAIRN_PATH_SIZE_MAX])
{
    CAIRN_TRY(cairn_path_join(directory, name, ret_path));
    return cairn_dir_make(ret_path, 0750);
}

/* The vault is held for that alone: servers and verbs may share the store. */
static cairn_err read_key(const char *directory, cairn_secret *ret_key)
{
    CAIRN_CLEANUP(cairn_vault_holder_free_p) cairn_vault_holder *holder = NULL;
    CAIRN_CLEANUP(cairn_vault_close_p) cairn_vault *vault = NULL;
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, "vault-keys", path));
    CAIRN_TRY(cairn_vault_holder_open_files(path, &holder));
    CAIRN_TRY(cairn_path_join(directory, "vault", path));
    CAIRN_TRY(cairn_vault_open(path, holder, &vault));
    CAIRN_TRY(cairn_path_join(directory, "store-key", path));
    return cairn_fdo_store_key(vault, path, ret_key);
}

static cairn_err open_store(cairn_onboard_room *room)
{
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    char directory[CAIRN_PATH_SIZE_MAX];
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(join_made(room->command->directory, "onboard", directory));
    CAIRN_TRY(read_key(directory, &key));
    CAIRN_TRY(cairn_path_join(directory, "devices", path));
    return cairn_fdo_store_kv_open(path, map_size, &key, &room->store);
}

static cairn_err open_all(cairn_onboard_room *room, bool needs_ca)
{
    CAIRN_TRY(cairn_home_config(room->command->directory, &room->config));
    CAIRN_TRY(cairn_home_signer(room->command->directory, room->config, &room->signer));
    if (needs_ca)
        CAIRN_TRY(open_ca(room));
    CAIRN_TRY(open_parties(room));
    return open_store(room);
}

cairn_err cairn_onboard_room_open(cairn_command *command, bool needs_ca,
                                  cairn_onboard_room *ret_room)
{
    cairn_onboard_room room = {.command = command};
    cairn_err err = open_all(&room, needs_ca);
    if (err != CAIRN_OK) {
        cairn_onboard_room_close(&room);
        return err;
    }
    *ret_room = room;
    return CAIRN_OK;
}

void cairn_onboard_room_close(cairn_onboard_room *room)
{
    cairn_fdo_store_kv_close(room->store);
    for (size_t i = 0; i < room->maker_count; i++)
        cairn_fdo_key_free(room->makers[i].key);
    for (size_t i = 0; i < room->owner_count; i++)
        cairn_fdo_key_free(room->owners[i].key);
    cairn_ca_keeper_close(room->keeper);
    cairn_signer_free(room->signer);
    cairn_config_free(room->config);
}

/* --- keys --- */

const char *cairn_onboard_key_name(const cairn_onboard_room *room, const cairn_fdo_key *key)
{
    for (size_t i = 0; i < room->owner_count; i++)
        if (cairn_fdo_key_equal(room->owners[i].key, key))
            return room->owners[i].name;
    for (size_t i = 0; i < room->maker_count; i++)
        if (cairn_fdo_key_equal(room->makers[i].key, key))
            return room->makers[i].name;
    return "";
}

/* --- URLs --- */

/* Takes "http://" or "https://" off. */
static bool take_scheme(const char **url, bool *ret_tls)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        if (strncmp(*url, schemes[i], strlen(schemes[i])) != 0)
            continue;
        *url += strlen(schemes[i]);
        *ret_tls = i == 1;
        return true;
    }
    return false;
}

/* An address literal as its bytes, else a name. */
static cairn_err set_host(cairn_arena *arena, const char *host, cairn_fdo_address *address)
{
    uint8_t ip[16];
    if (inet_pton(AF_INET, host, ip) == 1)
        return cairn_arena_copy(arena, cairn_bytes_of(ip, 4), &address->ip);
    if (inet_pton(AF_INET6, host, ip) == 1)
        return cairn_arena_copy(arena, cairn_bytes_of(ip, 16), &address->ip);
    return cairn_arena_copy(arena, cairn_bytes_str(host), &address->dns);
}

cairn_err cairn_onboard_url(cairn_arena *arena, const char *url, cairn_fdo_directive *ret_directive,
                            cairn_fdo_address *ret_address)
{
    cairn_fdo_address address = {0};
    const char *host = NULL;
    const char *rest = url;
    bool tls = false;
    if (!take_scheme(&rest, &tls) || strchr(rest, '/') != NULL ||
        cairn_listen_split(arena, rest, &host, &address.port) != CAIRN_OK || address.port == 0 ||
        host[0] == '\0' || strlen(host) > CAIRN_FDO_DNS_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "%s: not http://HOST:PORT or https://HOST:PORT",
                          url);
    CAIRN_TRY(set_host(arena, host, &address));
    address.transport = tls ? CAIRN_FDO_HTTPS : CAIRN_FDO_HTTP;
    *ret_address = address;
    *ret_directive = (cairn_fdo_directive){.ip = address.ip,
                                           .dns = address.dns,
                                           .has_protocol = true,
                                           .protocol = tls ? CAIRN_FDO_RV_HTTPS : CAIRN_FDO_RV_HTTP,
                                           .device_port = address.port,
                                           .owner_port = address.port};
    return CAIRN_OK;
}
