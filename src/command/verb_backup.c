/* cairn backup, restore. */
#include <fcntl.h>
#include <unistd.h>

#include "command/facts.h"
#include "command/files.h"
#include "command/home.h"
#include "command/verbs.h"
#include "core/store/file.h"
#include "feature_list.h"
#include "node/backup/backup.h"

/* The one line of a passphrase file; empty without the option. */
static cairn_err read_passphrase(cairn_command *command, const cairn_arguments *arguments,
                                 cairn_bytes *ret_passphrase)
{
    const char *path = cairn_option_value(arguments, "passphrase-file");
    *ret_passphrase = (cairn_bytes){0};
    if (path == NULL)
        return CAIRN_OK;
    CAIRN_TRY(cairn_input_read(&command->arena, path, CAIRN_BACKUP_PASSPHRASE_SIZE_MAX + 2,
                               ret_passphrase));
    while (ret_passphrase->size > 0 && (ret_passphrase->data[ret_passphrase->size - 1] == '\n' ||
                                        ret_passphrase->data[ret_passphrase->size - 1] == '\r'))
        ret_passphrase->size--;
    if (ret_passphrase->size < CAIRN_BACKUP_PASSPHRASE_SIZE_MIN)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--passphrase-file: at least %d bytes",
                          CAIRN_BACKUP_PASSPHRASE_SIZE_MIN);
    return CAIRN_OK;
}

static void add_facts(json_t *facts, const cairn_backup_facts *b)
{
    cairn_facts_number(facts, "files", b->file_count);
    cairn_facts_number(facts, "size", b->size);
    cairn_facts_hash(facts, "digest", &b->digest);
    cairn_facts_bool(facts, "keys", b->has_keys);
}

/* --- backup --- */

static cairn_err run_backup(cairn_command *command, const cairn_arguments *arguments)
{
    const char *path = arguments->words[0];
    CAIRN_CLEANUP(cairn_config_free_p) cairn_config *config = NULL;
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    cairn_bytes passphrase;
    cairn_backup_facts b;
    CAIRN_TRY(cairn_home_config(command->directory, &config));
    CAIRN_TRY(read_passphrase(command, arguments, &passphrase));
    CAIRN_TRY(cairn_file_open(path, O_WRONLY | O_CREAT | O_EXCL, 0600, &fd));
    cairn_err err = cairn_backup_write(command->directory, passphrase, fd, path, &b);
    if (err != CAIRN_OK) {
        (void)unlink(path);
        return err;
    }
    json_t *facts = cairn_facts_new();
    cairn_facts_text(facts, "backup", path);
    add_facts(facts, &b);
    return cairn_facts_print(command, facts);
}

/* --- restore --- */

static cairn_err find_nothing(void *context, const char *name)
{
    (void)context;
    return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "directory is not empty: it holds %s", name);
}

/* Opens the store, which makes its index again, and says where its ledger stands. */
static cairn_err add_roots(const char *directory, json_t *facts)
{
    CAIRN_CLEANUP(cairn_config_free_p) cairn_config *config = NULL;
    cairn_store_options options;
    cairn_store *store = NULL;
    cairn_store_options_default(&options, &cairn_all_features);
    CAIRN_TRY(cairn_home_config(directory, &config));
    if (cairn_config_text(config, "ledger.node")[0] != '\0')
        return CAIRN_OK; /* its ledger is elsewhere */
    CAIRN_TRY(cairn_home_store(directory, config, &options, &store));
    cairn_view *view = cairn_engine_view(cairn_store_ledger(store, 0));
    cairn_facts_hash(facts, "ledger", &view->ledger);
    cairn_facts_number(facts, "height", view->height);
    cairn_facts_number(facts, "log_size", view->log_size);
    cairn_facts_hash(facts, "log_root", &view->log_root);
    cairn_facts_hash(facts, "state_root", &view->last.state_root);
    cairn_view_free(view);
    return cairn_store_close(store);
}

static cairn_err restore(cairn_command *command, const cairn_arguments *arguments, json_t *facts)
{
    const char *path = arguments->words[0];
    const char *directory = arguments->words[1];
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    cairn_bytes passphrase;
    cairn_backup_facts b;
    CAIRN_TRY(read_passphrase(command, arguments, &passphrase));
    CAIRN_TRY(cairn_input_open(path, &fd));
    CAIRN_TRY(cairn_output_dir(directory, 0750));
    CAIRN_TRY(cairn_dir_each(directory, find_nothing, NULL));
    CAIRN_TRY(cairn_backup_restore(fd, path, passphrase, directory, &b));
    cairn_facts_text(facts, "directory", directory);
    add_facts(facts, &b);
    return add_roots(directory, facts);
}

static cairn_err run_restore(cairn_command *command, const cairn_arguments *arguments)
{
    json_t *facts = cairn_facts_new();
    cairn_err err = restore(command, arguments, facts);
    if (err == CAIRN_OK)
        return cairn_facts_print(command, facts);
    json_decref(facts);
    return err;
}

static const cairn_option backup_options[] = {
    {"passphrase-file", "FILE", false, false,
     "with the private keys, encrypted under the passphrase in FILE"},
};

const cairn_verb cairn_verb_backup = {
    .name = "backup",
    .words = "FILE",
    .words_min = 1,
    .words_max = 1,
    .summary = "write one consistent cut of the directory to a file",
    .help =
        "Ledger, vault, accounts, timers and configuration, each file with its hash; also while "
        "a node runs. Private keys are in it only with --passphrase-file, and then those of "
        "the vault too: what was erased before stays erased, what is erased later can be read "
        "by whoever has such a backup and its passphrase.",
    .options = backup_options,
    .option_count = sizeof backup_options / sizeof backup_options[0],
    .run = run_backup,
};

static const cairn_option restore_options[] = {
    {"passphrase-file", "FILE", false, false, "with the private keys that the backup holds"},
};

const cairn_verb cairn_verb_restore = {
    .name = "restore",
    .words = "FILE DIR",
    .words_min = 2,
    .words_max = 2,
    .summary = "make a directory of a backup",
    .help = "DIR must be empty or not exist. Every file is checked by its hash, and the ledger is "
            "computed again from its blocks: the roots that are printed are those of the cut. "
            "Never let two nodes run from the same backup: they would tell two histories.",
    .options = restore_options,
    .option_count = sizeof restore_options / sizeof restore_options[0],
    .run = run_restore,
};
