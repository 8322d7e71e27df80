/* cairn log check, log export. */
#include "cairn/note.h"
#include "command/home.h"
#include "command/log_export.h"
#include "command/progress.h"
#include "command/verbs.h"
#include "core/store/file.h"
#include "feature_list.h"
#include "ledger/audit.h"

/* --- check --- */

typedef struct checker {
    cairn_audit *audit;
    cairn_progress progress;
    uint64_t log_size;
} checker;

static cairn_err check_block(void *context, const cairn_block_record *record)
{
    checker *c = context;
    CAIRN_TRY(cairn_audit_block(c->audit, record));
    (void)cairn_progress_update(&c->progress, record->entry.first + record->entry.count + 1,
                                c->log_size);
    return CAIRN_OK;
}

static cairn_err check(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    (void)arguments;
    checker c = {0};
    CAIRN_TRY(cairn_home_needs_store(home));
    CAIRN_CLEANUP(cairn_audit_free_p) cairn_audit *audit = NULL;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(home->engine);
    CAIRN_TRY(cairn_audit_new(&cairn_all_features, &audit));
    c.audit = audit;
    c.log_size = view->log_size;
    cairn_progress_begin(&c.progress, home->command, "log check", false);
    cairn_err err = cairn_store_each_block(home->store, 0, 0, check_block, &c);
    cairn_progress_end(&c.progress);
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_audit_compare(audit, home->engine, view));
    cairn_facts_text(facts, "verdict", "every signature verifies and every root is as recorded");
    cairn_facts_hash(facts, "ledger", &home->ledger);
    cairn_facts_number(facts, "blocks", cairn_audit_block_count(audit));
    cairn_facts_number(facts, "transactions", cairn_audit_tx_count(audit));
    cairn_facts_number(facts, "height", view->height);
    cairn_facts_number(facts, "log_size", view->log_size);
    cairn_facts_hash(facts, "log_root", &view->log_root);
    cairn_facts_hash(facts, "state_root", cairn_smt_root(view->maps[CAIRN_MAP_STATE]));
    return CAIRN_OK;
}

static cairn_err run_check(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_JOIN, check); /* needs no key */
}

/* --- export --- */

static cairn_err write_named(const char *directory, const char *name, cairn_bytes data)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, name, path));
    return cairn_file_replace(path, 0644, data, NULL);
}

static cairn_err with_newline(cairn_arena *arena, cairn_bytes text, cairn_bytes *ret_line)
{
    void *line = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, text.size + 1, &line));
    memcpy(line, text.data, text.size);
    ((char *)line)[text.size] = '\n';
    *ret_line = cairn_bytes_of(line, text.size + 1);
    return CAIRN_OK;
}

/* Is the log of the view an extension of what a checkpoint says? */
static cairn_err check_extends(cairn_home *home, const cairn_view *view, const char *directory,
                               const cairn_checkpoint *earlier)
{
    const cairn_merkle_source source = cairn_engine_source(home->engine);
    cairn_hash root;
    if (!cairn_bytes_equal(earlier->origin, cairn_bytes_str(home->origin)))
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "%s holds another log", directory);
    if (earlier->size > view->log_size)
        return CAIRN_FAIL(CAIRN_ERR_INCONSISTENT, "house",
                          "%s holds %llu entries of this log, which has %llu: was it put back?",
                          directory, (unsigned long long)earlier->size,
                          (unsigned long long)view->log_size);
    CAIRN_TRY(cairn_merkle_source_root(&source, earlier->size, &root));
    if (!cairn_hash_equal(&root, &earlier->root))
        return CAIRN_FAIL(CAIRN_ERR_INCONSISTENT, "house",
                          "this log is no extension of the one in %s", directory);
    return CAIRN_OK;
}

/* A published log does not get shorter or other: what DIR holds is an earlier export, or nothing.
 */
static cairn_err check_earlier(cairn_home *home, const cairn_view *view, const char *directory)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes text;
    cairn_note note;
    cairn_checkpoint earlier;
    CAIRN_TRY(cairn_path_join(directory, "checkpoint", path));
    cairn_err err = cairn_file_read(&home->command->arena, path, CAIRN_NOTE_SIZE_MAX, &text);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_note_parse(text, &note));
    CAIRN_TRY(cairn_checkpoint_parse(note.text, &earlier));
    return check_extends(home, view, directory, &earlier);
}

static cairn_err export(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    const char *directory = arguments->words[0];
    cairn_progress progress;
    cairn_bytes note;
    cairn_bytes vkey;
    cairn_bytes line;
    CAIRN_TRY(cairn_home_needs_store(home));
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(home->engine);
    CAIRN_TRY(check_earlier(home, view, directory));
    CAIRN_TRY(cairn_home_checkpoint(home, view, &note));
    CAIRN_TRY(cairn_home_vkey(home, &vkey));
    CAIRN_TRY(with_newline(&home->command->arena, vkey, &line));
    cairn_progress_begin(&progress, home->command, directory, false);
    cairn_err err =
        cairn_log_export(home->store, 0, view, directory, cairn_progress_update, &progress);
    cairn_progress_end(&progress);
    CAIRN_TRY(err);
    CAIRN_TRY(write_named(directory, "log.vkey", line));
    CAIRN_TRY(write_named(directory, "checkpoint", note)); /* last: what it covers is there */
    cairn_facts_text(facts, "directory", directory);
    cairn_facts_text(facts, "origin", home->origin);
    cairn_facts_number(facts, "log_size", view->log_size);
    cairn_facts_hash(facts, "log_root", &view->log_root);
    cairn_facts_view(facts, "vkey", vkey);
    return CAIRN_OK;
}

static cairn_err run_export(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_READ, export);
}

const cairn_verb cairn_verb_log_check = {
    .name = "log check",
    .words = "",
    .summary = "recompute the whole ledger: every signature, every root",
    .help = "Reads all blocks, verifies each signature, applies each transaction again in memory, "
            "and compares "
            "every root, every block entry and every stored hash with what comes out.",
    .run = run_check,
};

const cairn_verb cairn_verb_log_export = {
    .name = "log export",
    .words = "DIR",
    .words_min = 1,
    .words_max = 1,
    .summary = "write the log as static tiles with its checkpoint and key",
    .help = "Writes DIR in the C2SP tlog-tiles layout, for any web server and any monitor: tile/, "
            "the signed "
            "checkpoint, and log.vkey, the log's note key. Entries are public then. A DIR that "
            "holds an earlier export is brought up to date; one that holds another log, or more of "
            "this one, is left alone.",
    .run = run_export,
};
