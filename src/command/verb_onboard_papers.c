/* cairn onboard import, export, keys: vouchers in and out, as they change hands. */
#include <openssl/rand.h>
#include <stdio.h>

#include "command/facts.h"
#include "command/files.h"
#include "command/onboard_room.h"
#include "command/verbs.h"
#include "core/crypto/openssl.h"
#include "core/store/file.h"

enum { PEM_SIZE_MAX = 2 * CAIRN_FDO_VOUCHER_SIZE_MAX };

/* What these verbs are: open, act, close, print the facts. */
typedef cairn_err (*room_act)(cairn_onboard_room *room, const cairn_arguments *arguments,
                              json_t *facts);

static cairn_err run_act(cairn_command *command, const cairn_arguments *arguments, room_act act)
{
    cairn_onboard_room room;
    CAIRN_TRY(cairn_onboard_room_open(command, false, &room));
    json_t *facts = cairn_facts_new();
    cairn_err err = act(&room, arguments, facts);
    cairn_onboard_room_close(&room);
    if (err == CAIRN_OK)
        return cairn_facts_print(command, facts);
    json_decref(facts);
    return err;
}

/* --- import --- */

typedef struct intake {
    cairn_onboard_room *room;
    cairn_arena arena; /* of one voucher */
    uint64_t ours, others, again;
} intake;

static cairn_err name_of_head(const intake *in, cairn_bytes voucher, cairn_fdo_guid *ret_guid,
                              const char **ret_name)
{
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher v = {0};
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    cairn_arena *arena = (cairn_arena *)(uintptr_t)&in->arena;
    CAIRN_TRY(cairn_fdo_voucher_read(voucher, &v));
    CAIRN_TRY(cairn_fdo_voucher_verify(arena, &v, &head));
    *ret_guid = v.header.guid;
    *ret_name = cairn_onboard_key_name(in->room, head.owner);
    return CAIRN_OK;
}

/* Whether the store has this voucher already, or a longer one: `voucher` is then none of its. */
static cairn_err find_held(intake *in, const cairn_fdo_guid *guid, cairn_bytes voucher,
                           cairn_fdo_holding *ret_held, bool *ret_same)
{
    cairn_fdo_store store = cairn_fdo_store_kv_ops(in->room->store);
    cairn_bytes value = {0};
    CAIRN_TRY(store.get(store.context, CAIRN_FDO_VOUCHERS, guid, &in->arena, &value));
    CAIRN_TRY(cairn_fdo_holding_read(value, ret_held));
    *ret_same = cairn_bytes_equal(ret_held->voucher, voucher);
    if (!*ret_same && ret_held->voucher.size >= voucher.size)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "another voucher of this device is held");
    return CAIRN_OK;
}

static cairn_err keep(intake *in, cairn_bytes voucher)
{
    cairn_fdo_store store = cairn_fdo_store_kv_ops(in->room->store);
    cairn_fdo_row row = {.table = CAIRN_FDO_VOUCHERS};
    cairn_fdo_holding held = {0};
    cairn_fdo_holding holding = {0};
    const char *name = NULL;
    cairn_hash salt;
    bool same = false;
    if (RAND_bytes(salt.b, sizeof salt.b) != 1)
        return cairn_openssl_fail("salt");
    CAIRN_TRY(name_of_head(in, voucher, &row.guid, &name));
    cairn_err err = find_held(in, &row.guid, voucher, &held, &same);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    *(same ? &in->again : name[0] != '\0' ? &in->ours : &in->others) += 1;
    if (same)
        return CAIRN_OK;
    CAIRN_TRY(cairn_fdo_holding_of(&in->arena, voucher, err == CAIRN_OK ? &held.salt : &salt,
                                   cairn_bytes_str(name), &holding));
    CAIRN_TRY(cairn_fdo_holding_encode(&in->arena, &holding, &row.value));
    return cairn_fdo_store_put_wait(&store, &row, 1);
}

static cairn_err take_file(intake *in, const char *path)
{
    cairn_bytes text = {0};
    cairn_bytes voucher = {0};
    cairn_arena_reset(&in->arena);
    CAIRN_TRY(cairn_input_read(&in->arena, path, PEM_SIZE_MAX, &text));
    cairn_err err = cairn_fdo_voucher_from_pem(&in->arena, text, &voucher);
    if (err == CAIRN_OK)
        err = keep(in, voucher);
    return cairn_input_err(path, err);
}

static cairn_err import(cairn_onboard_room *room, const cairn_arguments *arguments, json_t *facts)
{
    intake in = {.room = room};
    cairn_err err = CAIRN_OK;
    cairn_arena_init(&in.arena, 8 << 20);
    for (size_t i = 0; err == CAIRN_OK && i < arguments->word_count; i++)
        err = take_file(&in, arguments->words[i]);
    cairn_arena_done(&in.arena);
    cairn_facts_number(facts, "ours", in.ours);
    cairn_facts_number(facts, "others", in.others);
    cairn_facts_number(facts, "held_already", in.again);
    return err;
}

static cairn_err run_import(cairn_command *command, const cairn_arguments *arguments)
{
    return run_act(command, arguments, import);
}

const cairn_verb cairn_verb_onboard_import = {
    .name = "onboard import",
    .words = "FILE…",
    .words_min = 1,
    .words_max = SIZE_MAX,
    .summary = "take ownership vouchers in",
    .help = "Verifies each voucher (PEM) and keeps it, sealed, among the devices of this "
            "directory; a longer voucher of a device takes the place of a shorter one. A server "
            "that runs leaves word for devices that came so at its next start.",
    .run = run_import,
};

/* --- export --- */

typedef struct outlet {
    cairn_onboard_room *room;
    const char *directory;
    bool all; /* also what stays ours */
    uint64_t count;
} outlet;

static cairn_err write_voucher(void *context, const cairn_fdo_guid *guid, cairn_bytes value)
{
    outlet *out = context;
    cairn_fdo_holding holding = {0};
    cairn_bytes pem = {0};
    cairn_arena arena;
    char name[2 * CAIRN_FDO_GUID_SIZE + 8];
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_fdo_holding_read(value, &holding));
    if (holding.has_successor || (!out->all && holding.owner_key.size != 0))
        return CAIRN_OK;
    cairn_hex_encode(cairn_bytes_of(guid->b, sizeof guid->b), name);
    memcpy(name + 2 * sizeof guid->b, ".pem", 5);
    CAIRN_TRY(cairn_path_join(out->directory, name, path));
    cairn_arena_init(&arena, 8 << 20);
    cairn_err err = cairn_fdo_voucher_to_pem(&arena, holding.voucher, &pem);
    if (err == CAIRN_OK)
        err = cairn_output_write(path, 0600, pem);
    cairn_arena_done(&arena);
    out->count += err == CAIRN_OK;
    return err;
}

static cairn_err export(cairn_onboard_room *room, const cairn_arguments *arguments, json_t *facts)
{
    outlet out = {.room = room,
                  .directory = arguments->words[0],
                  .all = cairn_option_given(arguments, "all")};
    cairn_fdo_store store = cairn_fdo_store_kv_ops(room->store);
    CAIRN_TRY(cairn_output_dir(out.directory, 0700));
    CAIRN_TRY(store.each(store.context, CAIRN_FDO_VOUCHERS, write_voucher, &out));
    cairn_facts_number(facts, "vouchers", out.count);
    return CAIRN_OK;
}

static cairn_err run_export(cairn_command *command, const cairn_arguments *arguments)
{
    return run_act(command, arguments, export);
}

static const cairn_option export_options[] = {
    {"all", NULL, false, false, "also vouchers of devices that are this directory's own"},
};

const cairn_verb cairn_verb_onboard_export = {
    .name = "onboard export",
    .words = "DIRECTORY",
    .words_min = 1,
    .words_max = 1,
    .summary = "write the ownership vouchers of devices that were sold",
    .help = "Writes GUID.pem for each device whose owner is not this directory, as when a "
            "manufacturer signs its devices over to a buyer.",
    .options = export_options,
    .option_count = sizeof export_options / sizeof export_options[0],
    .run = run_export,
};

/* --- keys --- */

static cairn_err write_keys(cairn_onboard_room *room, const cairn_arguments *arguments,
                            json_t *facts)
{
    cairn_arena *arena = &room->command->arena;
    json_t *list = cairn_facts_list(facts, "keys");
    for (size_t i = 0; i < room->owner_count; i++) {
        char name[80];
        char path[CAIRN_PATH_SIZE_MAX];
        cairn_bytes pem = {0};
        (void)snprintf(name, sizeof name, "%s.pem", room->owners[i].name);
        CAIRN_TRY(cairn_output_dir(arguments->words[0], 0755));
        CAIRN_TRY(cairn_path_join(arguments->words[0], name, path));
        CAIRN_TRY(cairn_key_to_pem(cairn_fdo_key_ec(room->owners[i].key), false, arena, &pem));
        CAIRN_TRY(cairn_output_write(path, 0644, pem));
        cairn_facts_text(cairn_facts_item(list), "file", path);
    }
    return CAIRN_OK;
}

static cairn_err run_keys(cairn_command *command, const cairn_arguments *arguments)
{
    return run_act(command, arguments, write_keys);
}

const cairn_verb cairn_verb_onboard_keys = {
    .name = "onboard keys",
    .words = "DIRECTORY",
    .words_min = 1,
    .words_max = 1,
    .summary = "write the public keys to which devices are signed over",
    .help = "Writes the owner's public keys (PEM), one for devices of P-256 and one for those of "
            "P-384: what a manufacturer or seller is given.",
    .run = run_keys,
};
