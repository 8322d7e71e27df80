/* cairn follow: a ledger of somebody else's, copied, checked, served. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cairn/trust.h"
#include "command/facts.h"
#include "command/files.h"
#include "command/home.h"
#include "command/serve.h"
#include "command/verbs.h"
#include "core/store/file.h"
#include "feature_list.h"
#include "node/node_follow.h"

enum { SETTINGS_MAX = 8 };

/* Options that become settings of cairn.yaml. */
static const struct {
    const char *option;
    const char *key;
    bool is_file;
} written[] = {
    {"ledger", "ledger.id", false},
    {"trust", "follow.trust", true},
    {"node-ca", "follow.ca", true},
    {"token-file", "follow.token_file", true},
    {"certificate", "follow.certificate", true},
    {"certificate-key", "follow.certificate_key", true},
    {"interval", "follow.interval", false},
};

/* --- what is asked for --- */

static cairn_err join_urls(cairn_command *command, const cairn_arguments *arguments,
                           const char **ret_urls)
{
    size_t size = 1;
    void *memory = NULL;
    for (size_t i = 0; i + 1 < arguments->word_count; i++)
        size += strlen(arguments->words[i]) + 1;
    CAIRN_TRY(cairn_arena_alloc(&command->arena, size, &memory));
    char *text = memory;
    text[0] = '\0';
    for (size_t i = 0; i + 1 < arguments->word_count; i++) {
        const char *url = arguments->words[i];
        size_t length = strlen(url);
        if (strstr(url, "://") == NULL || strchr(url, ' ') != NULL)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "%s is no URL", url);
        while (length > 0 && url[length - 1] == '/')
            length--;
        (void)sprintf(text + strlen(text), "%s%.*s", i == 0 ? "" : " ", (int)length, url);
    }
    *ret_urls = text;
    return CAIRN_OK;
}

/* The directory is used from anywhere: files are named whole. */
static cairn_err value_of(cairn_command *command, const char *value, bool is_file,
                          const char **ret_value)
{
    char whole[PATH_MAX];
    cairn_bytes copy;
    *ret_value = value;
    if (!is_file)
        return CAIRN_OK;
    if (realpath(value, whole) == NULL)
        return CAIRN_FAIL(CAIRN_ERR_IO, "house", "%s: cannot be read", value);
    CAIRN_TRY(cairn_arena_copy(&command->arena, cairn_bytes_of(whole, strlen(whole) + 1), &copy));
    *ret_value = (const char *)copy.data;
    return CAIRN_OK;
}

static cairn_err list_settings(cairn_command *command, const cairn_arguments *arguments,
                               cairn_config_setting settings[SETTINGS_MAX], size_t *ret_count)
{
    size_t count = 0;
    if (arguments->word_count > 1) {
        settings[count].key = "follow.sources";
        CAIRN_TRY(join_urls(command, arguments, &settings[count].value));
        count++;
    }
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        const char *value = cairn_option_value(arguments, written[i].option);
        if (value == NULL)
            continue;
        settings[count].key = written[i].key;
        CAIRN_TRY(value_of(command, value, written[i].is_file, &settings[count].value));
        count++;
    }
    *ret_count = count;
    return CAIRN_OK;
}

/* --- the directory --- */

/* cairn.yaml last: with it, all is there. */
static cairn_err make_home(cairn_command *command, const char *directory,
                           const cairn_config_setting *settings, size_t count)
{
    static const char *const folders[] = {"keys", "store"};
    cairn_config_table tables[CAIRN_HOME_TABLE_COUNT];
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes text;
    if (count == 0 || strcmp(settings[0].key, "follow.sources") != 0)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "%s follows nobody yet: give a URL", directory);
    cairn_home_tables(tables);
    CAIRN_TRY(cairn_config_render(&command->arena, tables, CAIRN_HOME_TABLE_COUNT, settings, count,
                                  &text));
    CAIRN_TRY(cairn_output_dir(directory, 0750));
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        CAIRN_TRY(cairn_path_join(directory, folders[i], path));
        CAIRN_TRY(cairn_dir_make(path, i == 0 ? 0700 : 0750));
    }
    CAIRN_TRY(cairn_path_join(directory, "cairn.yaml", path));
    return cairn_file_replace(path, 0640, text, NULL);
}

/* What is said again must be what was said. */
static cairn_err agree(const cairn_config *config, const char *directory,
                       const cairn_config_setting *settings, size_t count)
{
    if (!cairn_node_follows(config))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "%s follows nobody: set follow.sources in its cairn.yaml", directory);
    for (size_t i = 0; i < count; i++)
        if (strcmp(settings[i].key, "follow.interval") != 0 &&
            strcmp(cairn_config_text(config, settings[i].key), settings[i].value) != 0)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                              "%s/cairn.yaml has another %s: change it there", directory,
                              settings[i].key);
    return CAIRN_OK;
}

static cairn_err prepare(cairn_command *command, const cairn_arguments *arguments,
                         const char *directory)
{
    CAIRN_CLEANUP(cairn_config_free_p) cairn_config *config = NULL;
    cairn_config_setting settings[SETTINGS_MAX];
    char path[CAIRN_PATH_SIZE_MAX];
    size_t count = 0;
    CAIRN_TRY(list_settings(command, arguments, settings, &count));
    CAIRN_TRY(cairn_path_join(directory, "cairn.yaml", path));
    if (access(path, F_OK) != 0)
        CAIRN_TRY(make_home(command, directory, settings, count));
    CAIRN_TRY(cairn_home_config(directory, &config));
    return agree(config, directory, settings, count);
}

/* --- once --- */

static void add_status(json_t *facts, cairn_follow *follow, const cairn_view *view)
{
    cairn_follow_status status;
    cairn_follow_get_status(follow, &status);
    cairn_facts_hash(facts, "ledger", &view->ledger);
    cairn_facts_text(facts, "state", cairn_follow_state_name(status.state));
    cairn_facts_text(facts, "source", status.source);
    cairn_facts_number(facts, "height", view->height);
    cairn_facts_time(facts, "time", view->time_ms);
    cairn_facts_number(facts, "log_size", view->log_size);
    cairn_facts_hash(facts, "log_root", &view->log_root);
    cairn_facts_hash(facts, "state_root", &view->last.state_root);
    cairn_facts_hash(facts, "config_root", &view->last.config_root);
}

static cairn_err follow_once(cairn_command *command, cairn_follow *follow)
{
    CAIRN_TRY(cairn_follow_round(follow));
    CAIRN_CLEANUP(cairn_view_free_p)
    cairn_view *view = cairn_engine_view(cairn_follow_engine(follow));
    json_t *facts = cairn_facts_new();
    add_status(facts, follow, view);
    return cairn_facts_print(command, facts);
}

static cairn_err run_once(cairn_command *command, const char *directory)
{
    CAIRN_CLEANUP(cairn_config_free_p) cairn_config *config = NULL;
    CAIRN_CLEANUP(cairn_node_follow_free_p) cairn_node_follow *follow = NULL;
    cairn_store *store = NULL;
    cairn_store_options options;
    CAIRN_TRY(cairn_home_config(directory, &config));
    CAIRN_TRY(cairn_node_follow_new(directory, config, &follow));
    cairn_store_options_default(&options, &cairn_all_features);
    options.threads = (unsigned)cairn_config_u64(config, "node.verifiers");
    CAIRN_TRY(cairn_home_store(directory, config, &options, &store));
    cairn_err err = cairn_node_follow_open(follow, store, NULL);
    if (err == CAIRN_OK)
        err = follow_once(command, cairn_node_follow_get(follow));
    cairn_node_follow_free(CAIRN_STEAL(follow));
    if (err != CAIRN_OK) {
        cairn_store_free(store);
        return err;
    }
    return cairn_store_close(store);
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    const char *directory = arguments->words[arguments->word_count - 1];
    CAIRN_TRY(prepare(command, arguments, directory));
    return cairn_option_given(arguments, "once") ? run_once(command, directory)
                                                 : cairn_command_serve(command, directory);
}

static const cairn_option options[] = {
    {"ledger", "ID", false, false, "which ledger; not needed with --trust"},
    {"trust", "FILE", false, false, "trust file of the ledger, from elsewhere than the node"},
    {"node-ca", "FILE", false, false, "PEM of the certificates by which the nodes are known"},
    {"token-file", "FILE", false, false, "access token to show them"},
    {"certificate", "FILE", false, false, "PEM of the client certificate to show them"},
    {"certificate-key", "FILE", false, false, "PEM of its key"},
    {"interval", "TIME", false, false, "between two looks, 1s if not given"},
    {"once", NULL, false, false, "catch up and end, without serving"},
};

const cairn_verb cairn_verb_follow = {
    .name = "follow",
    .words = "[URL…] DIR",
    .words_min = 1,
    .words_max = 17,
    .summary = "copy a member's ledger, check all of it, serve it",
    .help =
        "Follows the ledger of the nodes at the URLs into DIR: gets checkpoints and block records, "
        "believes none of them, computes every block again and takes it when it is the one that "
        "was "
        "signed. Meanwhile DIR is served as by cairn node, for reading; what is written goes to "
        "the "
        "first URL. The first run makes DIR and writes what is given to its cairn.yaml; later ones "
        "need DIR alone. The nodes must let the caller read entries: by --token-file, by "
        "--certificate and --certificate-key, or because they show them to all. When a signer has "
        "shown two logs the evidence is kept in DIR/follow, and nothing is followed before "
        "somebody "
        "has moved it away.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
