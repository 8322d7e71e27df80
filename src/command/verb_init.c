/* cairn init: a directory, keys, a genesis, a ledger. */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cairn/sha256.h"
#include "command/facts.h"
#include "command/files.h"
#include "command/home.h"
#include "command/home_key.h"
#include "command/verbs.h"
#include "core/store/file.h"
#include "feature_list.h"

static cairn_err find_nothing(void *context, const char *name)
{
    (void)context;
    return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "directory is not empty: it holds %s", name);
}

/* The ledger is with a node. */
static const struct {
    const char *option;
    const char *key;
} elsewhere[] = {{"node", "ledger.node"}, {"node-ca", "ledger.node_ca"}, {"ledger", "ledger.id"}};

/* The directory is used from anywhere, so a file that its settings name is named whole. */
static cairn_err whole_path(cairn_arena *arena, const char *path, const char **ret_path)
{
    char whole[PATH_MAX];
    cairn_bytes copy;
    if (realpath(path, whole) == NULL)
        return cairn_err_from_errno(errno, path);
    CAIRN_TRY(
        cairn_arena_copy(arena, cairn_bytes_of((const uint8_t *)whole, strlen(whole) + 1), &copy));
    *ret_path = (const char *)copy.data;
    return CAIRN_OK;
}

/* A last line by which the file is like no other. */
static cairn_err sign_off(cairn_arena *arena, cairn_bytes text, cairn_bytes *ret_text)
{
    static const char format[] =
        "# Keys that init made in a token bear the hash of this file: %s\n";
    uint8_t random[16];
    char digits[2 * sizeof random + 1];
    void *memory = NULL;
    size_t room = text.size + sizeof format + sizeof digits;
    if (RAND_bytes(random, sizeof random) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "init: no random bytes");
    cairn_hex_encode(cairn_bytes_of(random, sizeof random), digits);
    CAIRN_TRY(cairn_arena_alloc(arena, room, &memory));
    memcpy(memory, text.data, text.size);
    int size = snprintf((char *)memory + text.size, room - text.size, format, digits);
    *ret_text = cairn_bytes_of(memory, text.size + (size_t)size);
    return CAIRN_OK;
}

static cairn_err render_config(cairn_command *command, const cairn_arguments *arguments,
                               cairn_bytes *ret_text)
{
    cairn_config_setting settings[7];
    cairn_config_table tables[CAIRN_HOME_TABLE_COUNT];
    size_t count = 0;
    const char *module = cairn_option_value(arguments, "pkcs11");
    const char *token = cairn_option_value(arguments, "token");
    const char *pin_file = cairn_option_value(arguments, "pin-file");
    if ((module != NULL) != (token != NULL) || (module != NULL) != (pin_file != NULL))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--pkcs11, --token and --pin-file go together");
    if (module != NULL) {
        settings[count++] = (cairn_config_setting){"signer.kind", "pkcs11"};
        settings[count++] = (cairn_config_setting){"signer.module", module};
        settings[count++] = (cairn_config_setting){"signer.token", token};
        CAIRN_TRY(whole_path(&command->arena, pin_file, &pin_file));
        settings[count++] = (cairn_config_setting){"signer.pin_file", pin_file};
    }
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++) {
        const char *value = cairn_option_value(arguments, elsewhere[i].option);
        if (value != NULL && strcmp(elsewhere[i].option, "node-ca") == 0)
            CAIRN_TRY(whole_path(&command->arena, value, &value));
        if (value != NULL)
            settings[count++] = (cairn_config_setting){elsewhere[i].key, value};
    }
    cairn_home_tables(tables);
    CAIRN_TRY(cairn_config_render(&command->arena, tables, CAIRN_HOME_TABLE_COUNT, settings, count,
                                  ret_text));
    return module == NULL ? CAIRN_OK : sign_off(&command->arena, *ret_text, ret_text);
}

static cairn_err make_genesis(cairn_command *command, cairn_bytes org_name, cairn_signer *signer,
                              cairn_hash *ret_org, cairn_bytes *ret_genesis)
{
    cairn_clock clock = cairn_clock_system();
    cairn_genesis genesis = {
        .name = org_name, .created_ms = cairn_clock_wall_ms(&clock), .member_count = 1};
    CAIRN_TRY(CAIRN_ARENA_NEW(&command->arena, &genesis.members));
    cairn_params_default(&genesis.params);
    if (RAND_bytes(genesis.nonce, sizeof genesis.nonce) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "genesis: no random bytes");
    genesis.members[0].name = org_name;
    CAIRN_TRY(cairn_home_first_keys(&command->arena, signer, &genesis.members[0], ret_org));
    return cairn_genesis_encode(&command->arena, &genesis, ret_genesis);
}

static cairn_err make_store(const char *directory, cairn_bytes genesis)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_store_options options;
    cairn_store *store = NULL;
    cairn_engine *engine = NULL;
    cairn_store_options_default(&options, &cairn_all_features);
    CAIRN_TRY(cairn_path_join(directory, "store", path));
    CAIRN_TRY(cairn_dir_make(path, 0750));
    CAIRN_TRY(cairn_store_open(path, &options, &store));
    cairn_err err = cairn_store_create(store, genesis, &engine);
    cairn_err closed = cairn_store_close(store);
    return err == CAIRN_OK ? closed : err;
}

static cairn_err read_config(cairn_bytes text, cairn_config **ret_config)
{
    cairn_config_table tables[CAIRN_HOME_TABLE_COUNT];
    cairn_home_tables(tables);
    return cairn_config_parse(tables, CAIRN_HOME_TABLE_COUNT, "cairn.yaml", text, ret_config);
}

/* Keys that are made in a token bear the hash of this cairn.yaml, which is like no other's. */
static cairn_err open_signer(const char *directory, cairn_bytes config_text,
                             cairn_signer **ret_signer)
{
    CAIRN_CLEANUP(cairn_config_free_p) cairn_config *config = NULL;
    cairn_hash mark;
    CAIRN_TRY(read_config(config_text, &config));
    cairn_sha256_of(config_text.data, config_text.size, &mark);
    return cairn_home_signer_marked(directory, config, mark.b, ret_signer);
}

/* --- all or nothing: made in a folder of the directory, moved up at the end, cairn.yaml last ---
 */

static const char building_name[] = ".cairn-init";
static const char *const parts[] = {"keys", "store", "cairn.yaml"};
enum { PART_COUNT = sizeof parts / sizeof parts[0], CONFIG_SIZE_MAX = 1 << 20 };

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

static cairn_err remove_tree(const char *path)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT)
        return cairn_err_from_errno(errno, path);
    return CAIRN_OK;
}

static cairn_err fail_to_take_back(cairn_err err, const char *building)
{
    char detail[256];
    (void)snprintf(detail, sizeof detail, "%s", cairn_err_detail());
    return CAIRN_FAIL(err, "house", "%s: of an init that was ended; its keys in the token: %s",
                      building, detail);
}

/* The cairn.yaml of an init that was ended, which was there before its keys were, knows the token.
 */
static cairn_err take_keys_back(cairn_arena *arena, const char *building)
{
    CAIRN_CLEANUP(cairn_config_free_p) cairn_config *config = NULL;
    CAIRN_CLEANUP(cairn_signer_free_p) cairn_signer *signer = NULL;
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes text;
    CAIRN_TRY(cairn_path_join(building, parts[PART_COUNT - 1], path));
    cairn_err err = cairn_file_read(arena, path, CONFIG_SIZE_MAX, &text);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    CAIRN_TRY(read_config(text, &config));
    if (strcmp(cairn_config_text(config, "signer.kind"), "pkcs11") != 0)
        return CAIRN_OK;
    err = open_signer(building, text, &signer);
    return err == CAIRN_OK ? CAIRN_OK : fail_to_take_back(err, building);
}

/* Removes what an init that was ended left: only where there is its folder and no cairn.yaml. The
 * folder goes last, so that this may be ended too. */
static cairn_err sweep(cairn_arena *arena, const char *directory, const char *building)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, parts[PART_COUNT - 1], path));
    if (access(building, F_OK) != 0 || access(path, F_OK) == 0)
        return CAIRN_OK;
    CAIRN_TRY(take_keys_back(arena, building));
    for (size_t i = 0; i < PART_COUNT - 1; i++) {
        CAIRN_TRY(cairn_path_join(directory, parts[i], path));
        CAIRN_TRY(remove_tree(path));
    }
    return remove_tree(building);
}

/* cairn.yaml makes it a ledger's directory: once it is there, all of it is. */
static cairn_err move_up(const char *directory, const char *building)
{
    char from[CAIRN_PATH_SIZE_MAX];
    char to[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_dir_sync(building));
    for (size_t i = 0; i < PART_COUNT; i++) {
        CAIRN_TRY(cairn_path_join(building, parts[i], from));
        if (access(from, F_OK) != 0)
            continue; /* a ledger that is elsewhere has no store */
        CAIRN_TRY(cairn_path_join(directory, parts[i], to));
        CAIRN_TRY(cairn_file_rename(from, to));
        CAIRN_TRY(cairn_dir_sync(directory));
    }
    return rmdir(building) == 0 ? CAIRN_OK : cairn_err_from_errno(errno, building);
}

typedef struct init_result {
    cairn_hash org;
    cairn_hash ledger;
} init_result;

static cairn_err build(cairn_command *command, const char *building, cairn_bytes org_name,
                       cairn_bytes config, bool here, init_result *ret_made)
{
    CAIRN_CLEANUP(cairn_signer_free_p) cairn_signer *signer = NULL;
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes genesis;
    CAIRN_TRY(cairn_dir_make(building, 0700));
    CAIRN_TRY(cairn_path_join(building, "keys", path));
    CAIRN_TRY(cairn_dir_make(path, 0700));
    CAIRN_TRY(open_signer(building, config, &signer));
    CAIRN_TRY(cairn_path_join(building, "cairn.yaml", path));
    CAIRN_TRY(cairn_file_replace(path, 0640, config, NULL));
    CAIRN_TRY(make_genesis(command, org_name, signer, &ret_made->org, &genesis));
    if (here)
        CAIRN_TRY(make_store(building, genesis));
    cairn_ledger_id(genesis, &ret_made->ledger);
    return CAIRN_OK;
}

/* Holds the directory, so that two of these do not meet. */
static cairn_err make_home(cairn_command *command, const char *directory, cairn_bytes org_name,
                           cairn_bytes config, bool here, init_result *ret_made)
{
    CAIRN_CLEANUP(cairn_file_close_p) int lock = -1;
    char building[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_output_dir(directory, 0750));
    CAIRN_TRY(cairn_dir_lock(directory, true, &lock));
    CAIRN_TRY(cairn_path_join(directory, building_name, building));
    CAIRN_TRY(sweep(&command->arena, directory, building));
    CAIRN_TRY(cairn_dir_each(directory, find_nothing, NULL));
    CAIRN_TRY(build(command, building, org_name, config, here, ret_made));
    return move_up(directory, building);
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    const char *directory = arguments->words[0];
    cairn_bytes org_name = cairn_bytes_str(cairn_option_value(arguments, "org"));
    cairn_bytes config;
    init_result made;
    if (cairn_org_name_check(org_name) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "--org: 1 to 64 printable ASCII characters without / and +");
    CAIRN_TRY(render_config(command, arguments, &config));
    bool here = !cairn_option_given(arguments, "node");
    CAIRN_TRY(make_home(command, directory, org_name, config, here, &made));
    json_t *facts = cairn_facts_new();
    cairn_facts_text(facts, "directory", directory);
    cairn_facts_view(facts, "organisation", org_name);
    cairn_facts_hash(facts, "organisation_id", &made.org);
    if (here)
        cairn_facts_hash(facts, "ledger", &made.ledger);
    return cairn_facts_print(command, facts);
}

static const cairn_option options[] = {
    {"org", "NAME", true, false, "name of the organisation that owns the ledger"},
    {"node", "URL", false, false, "make keys only: the ledger is this node's"},
    {"node-ca", "FILE", false, false, "PEM of the certificate by which the node is known"},
    {"ledger", "ID", false, false, "which of its ledgers; its first if not given"},
    {"pkcs11", "MODULE", false, false, "keep private keys in a token: path of its PKCS#11 library"},
    {"token", "LABEL", false, false, "label of the token"},
    {"pin-file", "FILE", false, false, "file that holds the token's user PIN"},
};

const cairn_verb cairn_verb_init = {
    .name = "init",
    .words = "DIR --org NAME",
    .words_min = 1,
    .words_max = 1,
    .summary = "make a ledger and the keys of its organisation",
    .help =
        "Makes DIR with three keys (sign: transactions; cosign: receipts; note: checkpoints), "
        "a genesis that "
        "names them, and an empty ledger. DIR must be empty or not exist, or hold what an init "
        "that was ended left. Private keys are PEM "
        "files in "
        "DIR/keys, readable by their owner alone, or lie in a PKCS#11 token. With --node there is "
        "no ledger in DIR: its organisation joins that node's (cairn org request), and every "
        "verb goes there.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
