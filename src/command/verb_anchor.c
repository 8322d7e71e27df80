/* cairn anchor: a file's manifest, its commitment on the ledger, and the receipt beside the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cairn/receipt.h"
#include "command/commit.h"
#include "command/facts.h"
#include "command/files.h"
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

/* The receipt is as confidential as the file: whoever may not read the one gets not the other. */
static cairn_err receipt_mode(int fd, const char *file, mode_t *ret_mode)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return cairn_err_from_errno(errno, file);
    *ret_mode = (status.st_mode & 0044) | 0600;
    return CAIRN_OK;
}

static cairn_err make_manifest(cairn_command *command, const char *file, cairn_bytes *ret_manifest,
                               mode_t *ret_mode)
{
    uint8_t salt[CAIRN_MANIFEST_SALT_SIZE];
    cairn_progress progress;
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    if (RAND_bytes(salt, sizeof salt) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "manifest: no random bytes");
    CAIRN_TRY(cairn_input_open(file, &fd));
    CAIRN_TRY(receipt_mode(fd, file, ret_mode));
    cairn_progress_begin(&progress, command, file, true);
    const cairn_manifest_work work = {
        .progress = cairn_progress_update, .context = &progress, .thread_count = cores()};
    cairn_err err = cairn_manifest_build(&command->arena, fd, salt, &work, ret_manifest);
    cairn_progress_end(&progress);
    return cairn_input_err(file, err);
}

/* The transaction as the log has it, and what the validators say. */
static cairn_err make_commit(cairn_home *home, const cairn_verdict *verdict, uint64_t from,
                             cairn_receipt_file *file)
{
    cairn_arena *arena = &home->command->arena;
    CAIRN_TRY(cairn_engine_entry(home->engine, verdict->index, arena, &file->statement));
    return cairn_remote_tx_commit(home->remote, arena, &verdict->id, from, &file->commit);
}

/* The statement: the transaction as the log has it, with its receipts. */
static cairn_err make_statement(cairn_home *home, uint64_t index, cairn_receipt_file *file)
{
    cairn_home_receipts receipts;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(home->engine);
    CAIRN_TRY(cairn_home_receipts_of(home, view, index, &receipts));
    return cairn_statement_encode(&home->command->arena, receipts.entry, receipts.list,
                                  receipts.count, &file->statement);
}

static cairn_err make_receipt(cairn_home *home, const cairn_verdict *verdict, uint64_t from,
                              cairn_bytes manifest, cairn_bytes *ret_file)
{
    cairn_receipt_file file = {.manifest = manifest};
    CAIRN_TRY(from != 0 ? make_commit(home, verdict, from, &file)
                        : make_statement(home, verdict->index, &file));
    return cairn_receipt_file_encode(&home->command->arena, &file, ret_file);
}

/* A receipt's file before it is whole. */
typedef struct receipt_room {
    int fd;
    char path[CAIRN_PATH_SIZE_MAX];
} receipt_room;

/* Where no receipt can be written nothing is anchored: a manifest that is lost cannot be proved.
 * Takes the room for it, in the file that will be the receipt. */
static cairn_err take_room(const char *path, mode_t mode, cairn_bytes manifest,
                           receipt_room *ret_room)
{
    ret_room->fd = -1;
    cairn_err err = cairn_file_beside(path, mode, ret_room->path, &ret_room->fd);
    if (err == CAIRN_OK)
        err = cairn_file_write(ret_room->fd, ret_room->path, manifest);
    if (err != CAIRN_OK && ret_room->fd >= 0)
        (void)unlink(ret_room->path);
    if (err != CAIRN_OK)
        cairn_file_close(ret_room->fd);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_ERR_IO : err;
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

static cairn_err send_commitment(cairn_home *home, const cairn_hash *commitment,
                                 cairn_verdict *ret_verdict)
{
    cairn_bytes body;
    CAIRN_TRY(cairn_anchor_body(&home->command->arena, commitment, &body));
    return cairn_home_send(home, CAIRN_TX_ANCHOR, body, ret_verdict);
}

/* What is on the ledger now gets its receipt; if it does not, that is said. */
static cairn_err write_receipt(cairn_home *home, const char *path, const receipt_room *room,
                               const cairn_verdict *verdict, uint64_t from, cairn_bytes manifest)
{
    cairn_bytes receipt;
    bool renamed = false;
    cairn_err err = make_receipt(home, verdict, from, manifest, &receipt);
    if (err == CAIRN_OK)
        err = cairn_file_take_place(room->fd, room->path, path, receipt, &renamed);
    if (err == CAIRN_ERR_NOT_FOUND)
        err = CAIRN_ERR_IO;
    if (err == CAIRN_OK)
        return CAIRN_OK;
    return CAIRN_FAIL(err, "house", "log entry %llu is without a receipt, anchor again: %s",
                      (unsigned long long)verdict->index, cairn_err_detail());
}

static cairn_err anchor(cairn_home *home, const char *file, const char *output, uint64_t from,
                        json_t *list)
{
    char path[CAIRN_PATH_SIZE_MAX];
    receipt_room room;
    mode_t mode = 0600;
    cairn_bytes manifest;
    cairn_hash commitment;
    cairn_verdict verdict;
    CAIRN_TRY(receipt_path(file, output, path));
    CAIRN_TRY(make_manifest(home->command, file, &manifest, &mode));
    CAIRN_TRY(take_room(path, mode, manifest, &room));
    cairn_manifest_commitment(manifest, &commitment);
    cairn_err err = send_commitment(home, &commitment, &verdict);
    if (err == CAIRN_OK)
        err = write_receipt(home, path, &room, &verdict, from, manifest);
    cairn_file_close(room.fd);
    if (err != CAIRN_OK) {
        (void)unlink(room.path);
        return err;
    }
    add_facts(cairn_facts_item(list), file, path, manifest, &commitment, &verdict);
    return CAIRN_OK;
}

/* What an anchor that was killed has left where `file`'s receipt goes. Whoever may not look there
 * may anchor all the same. */
static void sweep(const char *file, const char *output)
{
    char path[CAIRN_PATH_SIZE_MAX];
    const char *named = output == NULL ? file : output;
    const char *slash = strrchr(named, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - named) + (slash == named);
    if (size < sizeof path) {
        (void)snprintf(path, sizeof path, "%.*s", (int)(size == 0 ? 1 : size),
                       size == 0 ? "." : named);
        (void)!cairn_file_sweep_own(path);
    }
}

static bool same_folder(const char *a, const char *b)
{
    const char *end_a = strrchr(a, '/'), *end_b = strrchr(b, '/');
    size_t size_a = end_a == NULL ? 0 : (size_t)(end_a - a) + 1;
    size_t size_b = end_b == NULL ? 0 : (size_t)(end_b - b) + 1;
    return size_a == size_b && memcmp(a, b, size_a) == 0;
}

static cairn_err anchor_all(cairn_home *home, const cairn_arguments *arguments, json_t *list)
{
    const char *output = cairn_option_value(arguments, "output");
    uint64_t from = 0;
    CAIRN_TRY(cairn_commit_from(home, arguments, &from));
    for (size_t i = 0; i < arguments->word_count; i++) {
        if (i == 0 || !same_folder(arguments->words[i - 1], arguments->words[i]))
            sweep(arguments->words[i], output);
        CAIRN_TRY(anchor(home, arguments->words[i], output, from, list));
        cairn_arena_reset(&home->command->arena);
    }
    return CAIRN_OK;
}

static cairn_err print_done(cairn_command *command, json_t *facts, cairn_err err)
{
    if (err == CAIRN_OK)
        return cairn_facts_print(command, facts);
    char reason[512];
    (void)snprintf(reason, sizeof reason, "%s", cairn_err_detail());
    (void)!cairn_facts_print(command, facts);
    return CAIRN_FAIL(err, "house", "%s", reason); /* the printing may have left its own */
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    if (cairn_option_given(arguments, "output") && arguments->word_count != 1)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--output goes with one FILE");
    cairn_home home;
    CAIRN_TRY(cairn_home_open(command, CAIRN_HOME_WRITE, &home));
    json_t *facts = cairn_facts_new();
    json_t *list = cairn_facts_list(facts, "anchored");
    cairn_err err = anchor_all(&home, arguments, list);
    cairn_err closed = cairn_home_close(&home);
    if (err == CAIRN_OK)
        err = closed;
    if (err != CAIRN_OK && json_array_size(list) == 0) {
        json_decref(facts);
        return err;
    }
    /* Also when a later file failed: what is anchored is anchored. */
    return print_done(command, facts, err);
}

static const cairn_option options[] = {
    {"output", "RECEIPT", false, false, "where the receipt goes, instead of FILE.receipt"},
    CAIRN_COMMIT_OPTION,
};

const cairn_verb cairn_verb_anchor = {
    .name = "anchor",
    .words = "FILE...",
    .words_min = 1,
    .words_max = 4096,
    .summary = "put a commitment to each file on the ledger and write its receipt",
    .help = "Reads each FILE once, in segments, and hashes them under a fresh salt. The ledger "
            "sees one hash of "
            "all that; FILE.receipt holds the manifest, the transaction and the proof, and is all "
            "that anybody "
            "needs, besides the file and a trust file, to verify. Keep it as confidential as a "
            "hash of the file. "
            "An existing receipt is not overwritten. When one of several files fails, those before "
            "it are anchored and printed.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
