/* Opening a ledger directory, and what its organisation can say. */
#include "command/home.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cairn/note.h"
#include "cairn/receipt.h"
#include "core/store/file.h"
#include "feature_list.h"
#include "node/node.h"
#include "node/node_follow.h"
#include "node/node_outbox.h"

enum { VALIDITY_MS = 60000 };

static const cairn_config_option rows[] = {
    {"signer.kind", CAIRN_UNIT_TEXT, 5, 6, "files",
     "Where private keys lie: files (the keys folder) or pkcs11 (a token)."},
    {"signer.module", CAIRN_UNIT_TEXT, 0, 1024, "", "Path of the PKCS#11 module."},
    {"signer.token", CAIRN_UNIT_TEXT, 0, 64, "", "Label of the token."},
    {"signer.pin_file", CAIRN_UNIT_TEXT, 0, 1024, "",
     "File that holds the token's user PIN, and nothing else."},
    {"ledger.node", CAIRN_UNIT_TEXT, 0, 256, "",
     "URL of the node that has the ledger; empty: the ledger is in this directory."},
    {"ledger.node_ca", CAIRN_UNIT_TEXT, 0, 1024, "",
     "PEM file of the certificate, or of its CA, by which that node is known."},
    {"ledger.id", CAIRN_UNIT_TEXT, 0, 64, "", "Which of that node's ledgers; empty: its first."},
    {"store.checkpoint_changes", CAIRN_UNIT_COUNT, 1, 10000000, "40000",
     "Index when so many state records changed."},
    {"store.checkpoint_interval", CAIRN_UNIT_DURATION, 10, 86400000, "10s",
     "Or after so long, when any did."},
    {"store.index_reserve", CAIRN_UNIT_SIZE, 1 << 20, UINT64_C(1) << 46, "256GiB",
     "Address space, not disk, reserved for the index."},
};

void cairn_home_tables(cairn_config_table ret_tables[CAIRN_HOME_TABLE_COUNT])
{
    ret_tables[0] = (cairn_config_table){.rows = rows, .count = sizeof rows / sizeof rows[0]};
    ret_tables[1] = cairn_node_options;
    ret_tables[2] = cairn_node_outbox_options;
}

/* --- open --- */

static cairn_err read_pin(cairn_arena *arena, const char *path, const char **ret_pin)
{
    cairn_bytes text;
    void *copy = NULL;
    if (path[0] == '\0')
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "cairn.yaml: signer.pin_file is not set");
    CAIRN_TRY(cairn_file_read(arena, path, 256, &text));
    while (text.size > 0 && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
        text.size--;
    CAIRN_TRY(cairn_arena_alloc(arena, text.size + 1, &copy));
    memcpy(copy, text.data, text.size);
    *ret_pin = copy;
    return CAIRN_OK;
}

static cairn_err open_token(const cairn_config *config, const uint8_t *mark,
                            cairn_signer **ret_signer)
{
    const char *module = cairn_config_text(config, "signer.module");
    const char *token = cairn_config_text(config, "signer.token");
    cairn_arena arena;
    const char *pin = NULL;
    cairn_arena_init(&arena, 4096);
    cairn_err err = read_pin(&arena, cairn_config_text(config, "signer.pin_file"), &pin);
    if (err == CAIRN_OK && mark == NULL)
        err = cairn_signer_open_pkcs11(module, token, pin, ret_signer);
    else if (err == CAIRN_OK)
        err = cairn_signer_open_pkcs11_marked(module, token, pin, mark, ret_signer);
    cairn_arena_done(&arena);
    return err;
}

static cairn_err open_signer(const char *directory, const cairn_config *config, const uint8_t *mark,
                             cairn_signer **ret_signer)
{
    const char *kind = cairn_config_text(config, "signer.kind");
    if (strcmp(kind, "pkcs11") == 0)
        return open_token(config, mark, ret_signer);
    if (strcmp(kind, "files") != 0)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house",
                          "cairn.yaml: signer.kind is neither files nor pkcs11");
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, "keys", path));
    return cairn_signer_open_files(path, ret_signer);
}

cairn_err cairn_home_signer(const char *directory, const cairn_config *config,
                            cairn_signer **ret_signer)
{
    return cairn_home_signer_marked(directory, config, NULL, ret_signer);
}

cairn_err cairn_home_signer_marked(const char *directory, const cairn_config *config,
                                   const uint8_t *mark, cairn_signer **ret_signer)
{
    cairn_err err = open_signer(directory, config, mark, ret_signer);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_ERR_IO : err; /* a folder or PIN that is gone */
}

cairn_err cairn_home_config(const char *directory, cairn_config **ret_config)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_config_table tables[CAIRN_HOME_TABLE_COUNT];
    cairn_home_tables(tables);
    CAIRN_TRY(cairn_path_join(directory, "cairn.yaml", path));
    cairn_err err = cairn_config_load(tables, CAIRN_HOME_TABLE_COUNT, path, ret_config);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "%s is no ledger directory; make one by: cairn init DIR --org NAME",
                          directory);
    return err;
}

cairn_err cairn_home_store(const char *directory, const cairn_config *config,
                           const cairn_store_options *options, cairn_store **ret_store)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_store_options all = *options;
    all.checkpoint_changes = cairn_config_u64(config, "store.checkpoint_changes");
    all.checkpoint_ms = cairn_config_u64(config, "store.checkpoint_interval");
    all.index_size_max = cairn_config_u64(config, "store.index_reserve");
    CAIRN_TRY(cairn_path_join(directory, "store", path));
    cairn_err err = cairn_store_open(path, &all, ret_store);
    if (err == CAIRN_ERR_NOT_FOUND) /* init made it: its loss is no "no" */
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "%s: a part of it is missing", path);
    CAIRN_TRY(err);
    if (cairn_store_ledger(*ret_store, 0) != NULL || cairn_node_follows(config))
        return CAIRN_OK;
    cairn_store_free(CAIRN_STEAL(*ret_store));
    return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "%s holds no ledger", path);
}

/* Somebody holds the directory; if it is a node, that one is asked. */
static cairn_err ask_node(cairn_home *home)
{
    char detail[256];
    (void)snprintf(detail, sizeof detail, "%s", cairn_err_detail());
    cairn_err err = cairn_remote_find(home->command->directory, &home->remote);
    if (err == CAIRN_ERR_NOT_FOUND) /* another verb, for now */
        return CAIRN_FAIL(CAIRN_ERR_LOCKED, "house", "%s", detail);
    if (err == CAIRN_ERR_UNREACHABLE) {
        char why[256];
        (void)snprintf(why, sizeof why, "%s", cairn_err_detail());
        return CAIRN_FAIL(CAIRN_ERR_LOCKED, "house", "%s; if that is its node: %s", detail, why);
    }
    CAIRN_TRY(err);
    home->engine = cairn_remote_engine(home->remote);
    return CAIRN_OK;
}

cairn_err cairn_home_needs_store(const cairn_home *home)
{
    if (home->store != NULL)
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_LOCKED, "house", "a node holds %s: stop it first",
                      home->command->directory);
}

/* Where the ledger is: with a node from the start, or in this directory. */
static cairn_err open_remote(cairn_home *home, const char *url, const char *ca_key)
{
    CAIRN_TRY(cairn_remote_open(url, cairn_config_text(home->config, ca_key),
                                cairn_config_text(home->config, "ledger.id"), &home->remote));
    home->engine = cairn_remote_engine(home->remote);
    return CAIRN_OK;
}

/* Of a ledger that is followed here only its source takes what is written. */
static cairn_err open_source(cairn_home *home)
{
    char url[CAIRN_CONFIG_TEXT_SIZE_MAX + 1];
    (void)snprintf(url, sizeof url, "%s", cairn_config_text(home->config, "follow.sources"));
    url[strcspn(url, " ")] = '\0';
    return open_remote(home, url, "follow.ca");
}

static cairn_err open_ledger(cairn_home *home, cairn_home_use use)
{
    cairn_store_options options;
    const char *url = cairn_config_text(home->config, "ledger.node");
    if (url[0] != '\0' && !cairn_node_is_member(home->config))
        return open_remote(home, url, "ledger.node_ca");
    if (use == CAIRN_HOME_WRITE && cairn_node_follows(home->config))
        return open_source(home);
    cairn_store_options_default(&options, &cairn_all_features);
    options.clock = home->clock;
    options.read_only = use != CAIRN_HOME_WRITE;
    cairn_err err =
        cairn_home_store(home->command->directory, home->config, &options, &home->store);
    if (err == CAIRN_ERR_LOCKED)
        return ask_node(home);
    CAIRN_TRY(err);
    home->engine = cairn_store_ledger(home->store, 0);
    if (use == CAIRN_HOME_WRITE && cairn_node_is_member(home->config))
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house",
                          "%s is a consortium's member and does not run: cairn consortium run",
                          home->command->directory);
    return home->engine != NULL
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "%s: nothing was followed yet",
                            home->command->directory);
}

static void name_ledger(cairn_home *home)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(home->engine);
    home->ledger = view->ledger;
    cairn_ledger_origin(&home->ledger, home->origin);
}

static cairn_err get_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                           cairn_bytes *ret_value)
{
    return cairn_engine_get_newest(context, map, key, arena, ret_value);
}

cairn_state_source cairn_home_state(cairn_home *home)
{
    return (cairn_state_source){.context = home->engine, .get = get_state};
}

/* --- keys --- */

/* Keeps a key of the signer that the ledger knows. */
static cairn_err take_key(void *context, const char *name, const cairn_key *public_key)
{
    cairn_home *home = context;
    cairn_state_source state = cairn_home_state(home);
    cairn_home_key key = {.kid = *cairn_key_id(public_key)};
    cairn_err err = cairn_registry_key(&state, &home->command->arena, &key.kid, &key.record);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK; /* not registered, such as a witness key */
    CAIRN_TRY(err);
    cairn_home_key *grown = realloc(home->keys, (home->key_count + 1) * sizeof *grown);
    if (grown == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "keys");
    home->keys = grown;
    CAIRN_TRY(cairn_key_from_cose(key.record.cose_key, &key.public_key));
    key.name = strdup(name);
    if (key.name == NULL) {
        cairn_key_free(key.public_key);
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "keys");
    }
    key.record.cose_key = (cairn_bytes){0};
    home->org = key.record.org;
    home->keys[home->key_count++] = key;
    return CAIRN_OK;
}

static size_t place_in(const cairn_org_record *org, const cairn_hash *kid)
{
    size_t i = 0;
    while (i < org->kid_count && !cairn_hash_equal(&org->kids[i], kid))
        i++;
    return i;
}

/* Into the order of their registration, which the organisation's record has. */
static void sort_keys(cairn_home *home, const cairn_org_record *org)
{
    for (size_t i = 1; i < home->key_count; i++) {
        cairn_home_key key = home->keys[i];
        size_t at = i;
        for (; at > 0 && place_in(org, &home->keys[at - 1].kid) > place_in(org, &key.kid); at--)
            home->keys[at] = home->keys[at - 1];
        home->keys[at] = key;
    }
}

static cairn_err load_keys(cairn_home *home, cairn_home_use use)
{
    cairn_state_source state = cairn_home_state(home);
    cairn_org_record org;
    CAIRN_TRY(cairn_home_signer(home->command->directory, home->config, &home->signer));
    CAIRN_TRY(cairn_signer_each(home->signer, take_key, home));
    if (home->key_count == 0 && (use == CAIRN_HOME_JOIN || cairn_node_follows(home->config)))
        return CAIRN_OK;
    if (home->key_count == 0)
        return CAIRN_FAIL(
            CAIRN_ERR_NOT_FOUND, "house",
            "no key of this directory is registered on its ledger (a backup without a "
            "passphrase brings none: put the organisation's into %s/keys)",
            home->command->directory);
    CAIRN_TRY(cairn_registry_org(&state, &home->command->arena, &home->org, &org));
    sort_keys(home, &org);
    return CAIRN_OK;
}

cairn_err cairn_home_key_for(const cairn_home *home, cairn_purpose purpose, cairn_key_type type,
                             const cairn_home_key **ret_key)
{
    const cairn_home_key *misnamed = NULL;
    for (size_t i = home->key_count; i > 0; i--) {
        const cairn_home_key *key = &home->keys[i - 1];
        if (key->record.purpose != purpose || key->record.until != CAIRN_HEIGHT_OPEN ||
            cairn_key_get_type(key->public_key) != type)
            continue;
        if (cairn_signer_purpose_of(key->name) == 1u << purpose) {
            *ret_key = key;
            return CAIRN_OK;
        }
        misnamed = misnamed == NULL ? key : misnamed; /* the newest */
    }
    if (misnamed != NULL)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_PURPOSE, "docs/formats/keys.md",
                          "the %s key %s does not sign: its name does not say its purpose; make "
                          "another by: cairn key new --purpose %s",
                          cairn_purpose_name(purpose), misnamed->name, cairn_purpose_name(purpose));
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house",
                      "no valid %s key here; make one by: cairn key new --purpose %s",
                      cairn_purpose_name(purpose), cairn_purpose_name(purpose));
}

/* --- life --- */

cairn_err cairn_home_open(cairn_command *command, cairn_home_use use, cairn_home *ret_home)
{
    cairn_home home = {.command = command, .clock = cairn_clock_system()};
    cairn_err err = cairn_home_config(command->directory, &home.config);
    if (err == CAIRN_OK)
        err = open_ledger(&home, use);
    if (err == CAIRN_OK) {
        name_ledger(&home);
        err = load_keys(&home, use);
    }
    if (err != CAIRN_OK) {
        cairn_store_free(home.store);
        home.store = NULL;
        (void)!cairn_home_close(&home);
        return err;
    }
    *ret_home = home;
    return CAIRN_OK;
}

cairn_err cairn_home_close(cairn_home *home)
{
    cairn_err err = cairn_store_close(home->store);
    for (size_t i = 0; i < home->key_count; i++) {
        cairn_key_free(home->keys[i].public_key);
        free(home->keys[i].name);
    }
    free(home->keys);
    cairn_remote_free(home->remote);
    cairn_signer_free(home->signer);
    cairn_config_free(home->config);
    *home = (cairn_home){0};
    return err;
}

cairn_err cairn_home_run(cairn_command *command, const cairn_arguments *arguments,
                         cairn_home_use use, cairn_home_act act)
{
    cairn_home home;
    CAIRN_TRY(cairn_home_open(command, use, &home));
    json_t *facts = cairn_facts_new();
    cairn_err err = act(&home, arguments, facts);
    cairn_err closed = cairn_home_close(&home);
    if (err == CAIRN_OK)
        err = closed;
    if (err == CAIRN_OK)
        return cairn_facts_print(command, facts);
    json_decref(facts);
    return err;
}

/* --- saying something --- */

cairn_err cairn_home_send(cairn_home *home, uint16_t type, cairn_bytes body,
                          cairn_verdict *ret_verdict)
{
    cairn_arena *arena = &home->command->arena;
    const cairn_home_key *key = NULL;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message;
    cairn_bytes tx;
    CAIRN_TRY(cairn_home_key_for(home, CAIRN_PURPOSE_SIGN, CAIRN_KEY_P256, &key));
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(home->engine);
    uint64_t now_ms = cairn_clock_wall_ms(&home->clock);
    if (now_ms < view->time_ms) /* the ledger's time goes on even where the clock went back */
        now_ms = view->time_ms;
    const cairn_tx_draft draft = {.ledger = home->ledger,
                                  .kid = key->kid,
                                  .type = type,
                                  .valid_until_ms = now_ms + VALIDITY_MS,
                                  .body = body};
    CAIRN_TRY(cairn_tx_to_be_signed(arena, &draft, &message));
    CAIRN_TRY(cairn_signer_sign_wait_for(home->signer, CAIRN_SIGNER_FOR_SIGN, key->name, message,
                                         signature, &size));
    CAIRN_TRY(cairn_tx_assemble(arena, &draft, cairn_bytes_of(signature, size), &tx));
    return cairn_engine_wait(home->engine, tx, ret_verdict);
}

/* By our own key, of what our own store has. */
static cairn_err sign_receipt(cairn_home *home, const cairn_view *view, uint64_t index,
                              cairn_bytes *ret_entry, cairn_bytes *ret_receipt)
{
    cairn_arena *arena = &home->command->arena;
    const cairn_home_key *key = NULL;
    const cairn_hash *path = NULL;
    size_t path_count = 0;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message;
    CAIRN_TRY(cairn_home_key_for(home, CAIRN_PURPOSE_COSIGN, CAIRN_KEY_P256, &key));
    CAIRN_TRY(
        cairn_engine_prove_entry(home->engine, view, index, arena, ret_entry, &path, &path_count));
    const cairn_receipt_head head = {.origin = cairn_bytes_str(home->origin),
                                     .kid = key->kid,
                                     .height = view->height,
                                     .time_ms = view->time_ms,
                                     .size = view->log_size};
    CAIRN_TRY(cairn_receipt_to_be_signed(arena, &head, &view->log_root, &message));
    CAIRN_TRY(cairn_signer_sign_wait_for(home->signer, CAIRN_SIGNER_FOR_COSIGN, key->name, message,
                                         signature, &size));
    return cairn_receipt_assemble(arena, &head, index, path, path_count,
                                  cairn_bytes_of(signature, size), ret_receipt);
}

cairn_err cairn_home_receipts_of(cairn_home *home, const cairn_view *view, uint64_t index,
                                 cairn_home_receipts *ret_receipts)
{
    cairn_bytes *receipt = NULL;
    if (home->remote != NULL) /* a root that we were only told is not ours to sign */
        return cairn_remote_receipts(home->remote, &home->command->arena, index,
                                     &ret_receipts->entry, &ret_receipts->list,
                                     &ret_receipts->count);
    CAIRN_TRY(CAIRN_ARENA_NEW(&home->command->arena, &receipt));
    CAIRN_TRY(sign_receipt(home, view, index, &ret_receipts->entry, receipt));
    ret_receipts->list = receipt;
    ret_receipts->count = 1;
    return CAIRN_OK;
}

/* --- checkpoints --- */

static cairn_err note_key(const cairn_home *home, const cairn_home_key **ret_key,
                          cairn_vkey *ret_vkey)
{
    CAIRN_TRY(cairn_home_key_for(home, CAIRN_PURPOSE_COSIGN, CAIRN_KEY_ED25519, ret_key));
    return cairn_vkey_init(cairn_bytes_str(home->origin), CAIRN_NOTE_ED25519,
                           (*ret_key)->public_key, ret_vkey);
}

static cairn_err sign_note(cairn_home *home, const cairn_home_key *key, const cairn_vkey *vkey,
                           const cairn_view *view, cairn_bytes *ret_note)
{
    cairn_arena *arena = &home->command->arena;
    const cairn_checkpoint checkpoint = {
        .origin = cairn_bytes_str(home->origin), .size = view->log_size, .root = view->log_root};
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes text;
    cairn_bytes message;
    cairn_bytes line;
    CAIRN_TRY(cairn_checkpoint_format(arena, &checkpoint, &text));
    CAIRN_TRY(cairn_note_message(arena, CAIRN_NOTE_ED25519, text, 0, &message));
    CAIRN_TRY(cairn_signer_sign_wait_for(home->signer, CAIRN_SIGNER_FOR_COSIGN, key->name, message,
                                         signature, &size));
    CAIRN_TRY(cairn_note_line(arena, vkey, 0, cairn_bytes_of(signature, size), &line));
    return cairn_note_join(arena, text, &line, 1, ret_note);
}

cairn_err cairn_home_checkpoint(cairn_home *home, const cairn_view *view, cairn_bytes *ret_note)
{
    const cairn_home_key *key = NULL;
    cairn_vkey vkey;
    CAIRN_TRY(note_key(home, &key, &vkey));
    cairn_err err = sign_note(home, key, &vkey, view, ret_note);
    cairn_vkey_done(&vkey);
    return err;
}

cairn_err cairn_home_vkey(const cairn_home *home, cairn_bytes *ret_vkey)
{
    const cairn_home_key *key = NULL;
    cairn_vkey vkey;
    CAIRN_TRY(note_key(home, &key, &vkey));
    cairn_err err = cairn_vkey_format(&vkey, &home->command->arena, ret_vkey);
    cairn_vkey_done(&vkey);
    return err;
}
