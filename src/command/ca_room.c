/* Opening a directory's CA, and what its verbs share. */
#include "command/ca_room.h"

#include <stdio.h>

#include "command/home_key.h"
#include "core/store/file.h"

static const char hint[] = "no certificate authority here; make one by: cairn ca init";

cairn_err cairn_ca_room_submit(void *home, uint16_t type, cairn_bytes body)
{
    cairn_verdict verdict;
    return cairn_home_send(home, type, body, &verdict);
}

/* --- open and close --- */

/* A node that shows nobody its ledger holds the directory: that is none of the CA's concern. */
static cairn_err open_home(cairn_ca_room *room, cairn_ca_use use)
{
    cairn_err err = use == CAIRN_CA_ROOM_READ
                        ? CAIRN_ERR_LOCKED
                        : cairn_home_open(room->command, CAIRN_HOME_WRITE, &room->home);
    if (err != CAIRN_ERR_LOCKED) {
        CAIRN_TRY(err);
        room->signer = room->home.signer;
        room->keeps = room->home.store != NULL ||
                      cairn_config_text(room->home.config, "ledger.node")[0] != '\0';
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_home_config(room->command->directory, &room->config));
    return cairn_home_signer(room->command->directory, room->config, &room->signer);
}

static cairn_err get_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                           cairn_bytes *ret_value)
{
    cairn_home *home = context;
    return cairn_engine_get_newest(home->engine, map, key, arena, ret_value);
}

static cairn_err open_keeper(cairn_ca_room *room)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(room->command->directory, "ca", path));
    const cairn_ca_keeper_setup setup = {
        .directory = path,
        .clock = cairn_clock_system(),
        .signer = room->signer,
        .ledger = {
            .state = {.context = &room->home, .get = room->home.engine == NULL ? NULL : get_state},
            .context = &room->home,
            .submit = cairn_ca_room_submit}};
    cairn_err err = cairn_ca_keeper_open(&setup, &room->keeper);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", hint);
    CAIRN_TRY(err);
    room->ca = cairn_ca_keeper_ca(room->keeper);
    return CAIRN_OK;
}

static cairn_err close_room(cairn_ca_room *room)
{
    cairn_ca_keeper_close(room->keeper);
    if (room->home.engine != NULL)
        return cairn_home_close(&room->home);
    cairn_signer_free(room->signer);
    cairn_config_free(room->config);
    return CAIRN_OK;
}

cairn_err cairn_ca_room_run(cairn_command *command, const cairn_arguments *arguments,
                            cairn_ca_use use, cairn_ca_room_act act)
{
    cairn_ca_room room = {.command = command};
    json_t *facts = cairn_facts_new();
    uint64_t next_ms = 0;
    cairn_err err = open_home(&room, use);
    if (err == CAIRN_OK)
        err = open_keeper(&room);
    if (err == CAIRN_OK)
        err = act(&room, arguments, facts);
    if (err == CAIRN_OK && room.keeps)
        err = cairn_ca_keeper_tend(room.keeper, &next_ms);
    cairn_err closed = close_room(&room);
    if (err == CAIRN_OK)
        err = closed;
    if (err == CAIRN_OK)
        return cairn_facts_print(command, facts);
    json_decref(facts);
    return err;
}

/* --- keys --- */

cairn_err cairn_ca_room_key(cairn_home *home, const char *name, json_t *facts)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_state_source state = cairn_home_state(home);
    cairn_key_record record;
    cairn_verdict verdict;
    cairn_err err = cairn_signer_public(home->signer, name, &key);
    if (err == CAIRN_ERR_NOT_FOUND)
        err = cairn_signer_generate(home->signer, name, CAIRN_KEY_P256, &key);
    CAIRN_TRY(err);
    err = cairn_registry_key(&state, &home->command->arena, cairn_key_id(key), &record);
    if (err == CAIRN_ERR_NOT_FOUND)
        err = cairn_home_register_key(home, name, CAIRN_PURPOSE_ISSUE, key, &verdict);
    CAIRN_TRY(err);
    cairn_facts_text(facts, "name", name);
    cairn_facts_hash(facts, "key", cairn_key_id(key));
    return CAIRN_OK;
}

/* --- serials and facts --- */

cairn_err cairn_ca_room_serial(const char *text, uint8_t ret_serial[CAIRN_CA_SERIAL_SIZE])
{
    char lower[2 * CAIRN_CA_SERIAL_SIZE + 1];
    size_t size = strlen(text);
    if (size == sizeof lower - 1) {
        for (size_t i = 0; i <= size; i++)
            lower[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] | 0x20 : text[i]);
        if (cairn_hex_decode(lower, ret_serial, CAIRN_CA_SERIAL_SIZE) == CAIRN_OK)
            return CAIRN_OK;
    }
    return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "a serial number is 40 hexadecimal digits");
}

void cairn_ca_room_facts(const cairn_ca_facts *c, json_t *facts)
{
    cairn_facts_hex(facts, "serial", cairn_bytes_of(c->serial, sizeof c->serial));
    cairn_facts_text(facts, "profile", cairn_ca_profile_of(c->profile)->name);
    cairn_facts_view(facts, "name", c->common_name);
    if (c->device.size > 0)
        cairn_facts_view(facts, "device", c->device);
    cairn_facts_time(facts, "not_before", c->not_before_s * 1000);
    cairn_facts_time(facts, "not_after", c->not_after_s * 1000);
    if (!cairn_ca_is_root_list(c->partition))
        cairn_facts_number(facts, "partition", c->partition);
    cairn_facts_text(facts, "status",
                     c->status == CAIRN_CA_STATUS_REVOKED ? "revoked"
                     : c->renewed                         ? "renewed"
                                                          : "good");
    if (c->status != CAIRN_CA_STATUS_REVOKED)
        return;
    cairn_facts_time(facts, "revoked", c->revoked_at_s * 1000);
    cairn_facts_text(facts, "reason", cairn_ca_reason_name(c->reason));
}
