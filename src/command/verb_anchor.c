/* cairn anchor: a file's manifest, its commitment on the ledger, and the receipt beside the file.
 */
#include <fcntl.h>
#include <openssl/rand.h>
#include <unistd.h>

#include "cairn/receipt.h"
#include "command/facts.h"
#include "command/home.h"
#include "command/progress.h"
#include "command/verbs.h"
#include "core/store/file.h"
#include "record/record.h"

static const char suffix[] = ".receipt";

/* FILE.receipt, or what --output says. EXISTS when it is there: a receipt is evidence, never
 * overwritten. */
static cairn_err receipt_path(const char *file, const char *output,
                              char ret_path[CAIRN_PATH_SIZE_MAX])
{
    const char *name = output == NULL ? file : output;
    int size = snprintf(ret_path, CAIRN_PATH_SIZE_MAX, "%s%s", name, output == NULL ? suffix : "");
    if (size < 0 || size >= CAIRN_PATH_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "%s: path is too long", name);
    if (access(ret_path, F_OK) == 0)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house",
                          "%s is there already; move it away to anchor again", ret_path);
    return CAIRN_OK;
}

static unsigned cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 16 ? 16 : (unsigned)n;
}

static cairn_err make_manifest(cairn_command *command, const char *file, cairn_bytes *ret_manifest)
{
    uint8_t salt[CAIRN_MANIFEST_SALT_SIZE];
    cairn_progress progress;
    int fd = -1;
    if (RAND_bytes(salt, sizeof salt) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "manifest: no random bytes");
    CAIRN_TRY(cairn_file_open(file, O_RDONLY, 0, &fd));
    cairn_progress_begin(&progress, command, file, true);
    const cairn_manifest_work work = {
        .progress = cairn_progress_update, .context = &progress, .thread_count = cores()};
    cairn_err err = cairn_manifest_build(&command->arena, fd, salt, &work, ret_manifest);
    cairn_progress_end(&progress);
    cairn_file_close(fd);
    return err;
}

/* The statement: the transaction as the log has it, with our receipt. */
static cairn_err make_receipt(cairn_home *home, uint64_t index, cairn_bytes manifest,
                              cairn_bytes *ret_file)
{
    cairn_arena *arena = &home->command->arena;
    cairn_bytes entry;
    cairn_bytes receipt;
    cairn_receipt_file file = {.manifest = manifest};
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(home->engine);
    CAIRN_TRY(cairn_home_receipt(home, view, index, &entry, &receipt));
    CAIRN_TRY(cairn_statement_encode(arena, entry, &receipt, 1, &file.statement));
    return cairn_receipt_file_encode(arena, &file, ret_file);
}

static void add_facts(json_t *facts, const char *file, const char *path, cairn_bytes manifest,
                      const cairn_hash *commitment, const cairn_verdict *verdict)
{
    cairn_manifest m;
    cairn_facts_text(facts, "file", file);
    if (cairn_manifest_decode(manifest, &m) == CAIRN_OK) {
        cairn_facts_number(facts, "size", m.size);
        cairn_facts_number(facts, "segments", m.segment_count);
        cairn_facts_number(facts, "segment_size", m.segment_size);
    }
    cairn_facts_hash(facts, "commitment", commitment);
    cairn_facts_hash(facts, "transaction", &verdict->id);
    cairn_facts_number(facts, "height", verdict->height);
    cairn_facts_number(facts, "index", verdict->index);
    cairn_facts_text(facts, "receipt", path);
}

static cairn_err anchor(cairn_home *home, const char *file, const char *output, json_t *facts)
{
    cairn_arena *arena = &home->command->arena;
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes manifest;
    cairn_bytes body;
    cairn_bytes receipt;
    cairn_hash commitment;
    cairn_verdict verdict;
    CAIRN_TRY(receipt_path(file, output, path));
    CAIRN_TRY(make_manifest(home->command, file, &manifest));
    cairn_manifest_commitment(manifest, &commitment);
    CAIRN_TRY(cairn_anchor_body(arena, &commitment, &body));
    CAIRN_TRY(cairn_home_send(home, CAIRN_TX_ANCHOR, body, &verdict));
    CAIRN_TRY(make_receipt(home, verdict.index, manifest, &receipt));
    CAIRN_TRY(cairn_file_replace(path, 0644, receipt, NULL));
    add_facts(facts, file, path, manifest, &commitment, &verdict);
    return CAIRN_OK;
}

static cairn_err anchor_all(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    const char *output = cairn_option_value(arguments, "output");
    json_t *list = cairn_facts_list(facts, "anchored");
    for (size_t i = 0; i < arguments->word_count; i++) {
        CAIRN_TRY(anchor(home, arguments->words[i], output, cairn_facts_item(list)));
        cairn_arena_reset(&home->command->arena);
    }
    return CAIRN_OK;
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    if (cairn_option_given(arguments, "output") && arguments->word_count != 1)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--output goes with one FILE");
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, anchor_all);
}

static const cairn_option options[] = {
    {"output", "RECEIPT", false, false, "where the receipt goes, instead of FILE.receipt"},
};

const cairn_verb cairn_verb_anchor = {
    .name = "anchor",
    .words = "FILE…",
    .words_min = 1,
    .words_max = 4096,
    .summary = "put a commitment to each file on the ledger and write its receipt",
    .help = "Reads each FILE once, in segments, and hashes them under a fresh salt. The ledger "
            "sees one hash of "
            "all that; FILE.receipt holds the manifest, the transaction and the proof, and is all "
            "that anybody "
            "needs, besides the file and a trust file, to verify. Keep it as confidential as a "
            "hash of the file. "
            "An existing receipt is not overwritten.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
