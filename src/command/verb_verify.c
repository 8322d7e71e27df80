/* cairn verify: offline, with a trust file alone. Needs no directory, no ledger and no network. */
#include <unistd.h>

#include "cairn/verify.h"
#include "command/facts.h"
#include "command/files.h"
#include "command/progress.h"
#include "command/times.h"
#include "command/verbs.h"
#include "core/store/file.h"

static cairn_err read_trust(cairn_command *command, const char *path, cairn_trust *ret_trust)
{
    cairn_bytes encoded;
    CAIRN_TRY(cairn_input_read(&command->arena, path, CAIRN_TRUST_SIZE_MAX, &encoded));
    return cairn_trust_decode(&command->arena, encoded, ret_trust);
}

/* The header of the consortium's chain that holds the log. */
static void add_commit(json_t *facts, const cairn_vouching *v, bool reached)
{
    json_t *item = cairn_facts_object(facts, "commit");
    cairn_facts_number(item, "blocks", v->commit->block_count);
    if (!reached)
        return;
    cairn_facts_view(item, "chain", v->committed.header->chain_id);
    cairn_facts_number(item, "header_height", v->committed.header->height);
    cairn_facts_hash(item, "header", &v->committed.header_hash);
    cairn_facts_number(item, "validators", v->committed.validator_count);
}

static void add_receipts(json_t *facts, const cairn_vouching *v)
{
    json_t *list = cairn_facts_list(facts, "member");
    for (size_t i = 0; i < v->finding_count; i++) {
        const cairn_finding *finding = &v->findings[i];
        json_t *item = cairn_facts_item(list);
        if (finding->entry != NULL)
            cairn_facts_view(item, "name", finding->entry->member->name);
        cairn_facts_hash(item, "key", &finding->receipt->head.kid);
        cairn_facts_text(item, "standing", cairn_standing_text(finding->standing));
    }
    cairn_facts_number(facts, "vouching", v->vouching_count);
    cairn_facts_number(facts, "needed", v->trust->threshold);
    cairn_facts_number(
        facts, "of",
        cairn_trust_cosigners_at(v->trust, v->height == 0 ? CAIRN_TRUST_OPEN - 1 : v->height));
}

/* Who vouches for what, as of which block. */
static void add_vouching(json_t *facts, const cairn_vouching *v, bool reached)
{
    if (v->commit != NULL)
        add_commit(facts, v, reached);
    else
        add_receipts(facts, v);
    if (!reached)
        return;
    cairn_facts_number(facts, "log_index", v->index);
    cairn_facts_number(facts, "log_size", v->size);
    cairn_facts_number(facts, "height", v->height);
    cairn_facts_time(facts, "on_the_ledger_since", v->time_ms);
}

static void add_verdict(json_t *facts, const char *what, cairn_err err)
{
    cairn_facts_text(facts, "checked", what);
    cairn_facts_text(facts, "verdict", err == CAIRN_OK ? "yes" : "no");
    if (err != CAIRN_OK) {
        cairn_facts_text(facts, "code", cairn_err_name(err));
        cairn_facts_text(facts, "because", cairn_err_text(err));
        if (cairn_err_detail()[0] != '\0')
            cairn_facts_text(facts, "detail", cairn_err_detail());
    }
}

static void add_difference(json_t *facts, const cairn_manifest *manifest,
                           const cairn_manifest_difference *d)
{
    static const char *const kinds[] = {
        [CAIRN_FILE_SAME] = "same",
        [CAIRN_FILE_DIFFERS] = "bytes differ",
        [CAIRN_FILE_APPENDED] = "bytes were appended",
        [CAIRN_FILE_TRUNCATED] = "bytes are missing",
    };
    json_t *item = cairn_facts_object(facts, "difference");
    cairn_facts_text(item, "kind", kinds[d->kind]);
    cairn_facts_number(item, "segment", d->segment);
    cairn_facts_number(item, "from_byte", d->from_byte);
    cairn_facts_number(item, "to_byte", d->to_byte);
    cairn_facts_number(item, "differing_segments", d->differing_count);
    cairn_facts_number(item, "file_size", d->file_size);
    cairn_facts_number(item, "anchored_size", manifest->size);
}

/* A no is an answer: it is printed like one, and the exit code says it too. */
static cairn_err answer(cairn_command *command, json_t *facts, cairn_err err)
{
    CAIRN_TRY(cairn_facts_print(command, facts));
    command->answered = true;
    return err;
}

static cairn_err check_file(cairn_command *command, const char *file,
                            const cairn_manifest *manifest, cairn_manifest_difference *difference)
{
    cairn_progress progress;
    int fd = -1;
    CAIRN_TRY(cairn_input_open(file, &fd));
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    cairn_progress_begin(&progress, command, file, true);
    const cairn_manifest_work work = {.progress = cairn_progress_update,
                                      .context = &progress,
                                      .thread_count = cores < 1    ? 1
                                                      : cores > 16 ? 16
                                                                   : (unsigned)cores};
    cairn_err err = cairn_manifest_check_file(manifest, fd, &work, difference);
    cairn_progress_end(&progress);
    cairn_file_close(fd);
    return err == CAIRN_ERR_MISMATCH ? err : cairn_input_err(file, err);
}

/* Is this error an answer, rather than a reason why there is none? */
static bool is_no(cairn_err err)
{
    return cairn_err_exit(err) == 1;
}

static cairn_err verify_file(cairn_command *command, const char *file, cairn_bytes receipt,
                             const cairn_trust *trust, uint64_t at_ms)
{
    cairn_receipt_verdict verdict;
    cairn_manifest_difference difference = {.kind = CAIRN_FILE_SAME};
    memset(&verdict, 0, sizeof verdict);
    cairn_err proof = cairn_verify_receipt(&command->arena, receipt, trust, at_ms, &verdict);
    cairn_err err = proof;
    if (err == CAIRN_OK)
        err = check_file(command, file, &verdict.manifest, &difference);
    if (err != CAIRN_OK && !is_no(err))
        return err;
    json_t *facts = cairn_facts_new();
    add_verdict(facts, file, err);
    if (difference.kind != CAIRN_FILE_SAME)
        add_difference(facts, &verdict.manifest, &difference);
    cairn_facts_hash(facts, "ledger", &trust->ledger);
    if (verdict.vouching.trust != NULL)
        add_vouching(facts, &verdict.vouching, proof == CAIRN_OK);
    if (proof == CAIRN_OK) {
        cairn_facts_hash(facts, "commitment", &verdict.commitment);
        cairn_facts_hash(facts, "transaction", &verdict.tx.id);
        cairn_facts_hash(facts, "signer_key", &verdict.tx.kid);
        if (verdict.on_behalf)
            cairn_facts_hash(facts, "on_behalf_of", &verdict.subject);
        if (verdict.signer != NULL)
            cairn_facts_view(facts, "signer", verdict.signer->member->name);
        else
            cairn_facts_text(facts, "signer", "not in the trust file: the ledger vouches for him");
    }
    return answer(command, facts, err);
}

static cairn_err verify_state(cairn_command *command, const char *path, const cairn_trust *trust,
                              uint64_t at_ms)
{
    cairn_bytes encoded;
    cairn_state_verdict verdict;
    memset(&verdict, 0, sizeof verdict);
    CAIRN_TRY(cairn_input_read(&command->arena, path, CAIRN_STATE_PROOF_SIZE_MAX, &encoded));
    cairn_err err = cairn_verify_state_proof(&command->arena, encoded, trust, at_ms, &verdict);
    if (err != CAIRN_OK && !is_no(err))
        return err;
    json_t *facts = cairn_facts_new();
    add_verdict(facts, path, err);
    cairn_facts_hash(facts, "ledger", &trust->ledger);
    if (err == CAIRN_OK) {
        cairn_facts_hex(facts, "key", verdict.proof.key);
        cairn_facts_bool(facts, "present", verdict.proof.present);
        if (verdict.proof.present)
            cairn_facts_hex(facts, "value", verdict.proof.value);
        cairn_facts_number(facts, "as_of_height", verdict.proof.end.block_entry.height);
        cairn_facts_time(facts, "as_of", verdict.proof.end.block_entry.time_ms);
    }
    if (verdict.vouching.trust != NULL)
        add_vouching(facts, &verdict.vouching, err == CAIRN_OK);
    return answer(command, facts, err);
}

static void add_refusal(json_t *facts, const cairn_refusal_proof *proof)
{
    cairn_facts_hash(facts, "transaction", &proof->id);
    cairn_facts_text(facts, "refused_as", cairn_err_name(proof->code));
    cairn_facts_number(facts, "refused_as_number", (uint64_t) - (int64_t)proof->code);
    cairn_facts_number(facts, "refused_at_height", proof->end.block_entry.height);
    cairn_facts_time(facts, "refused_at", proof->end.block_entry.time_ms);
}

static cairn_err verify_refusal(cairn_command *command, const char *path, const cairn_trust *trust,
                                uint64_t at_ms)
{
    cairn_bytes encoded;
    cairn_refusal_verdict verdict;
    memset(&verdict, 0, sizeof verdict);
    CAIRN_TRY(cairn_input_read(&command->arena, path, CAIRN_REFUSAL_PROOF_SIZE_MAX, &encoded));
    cairn_err err = cairn_verify_refusal(&command->arena, encoded, trust, at_ms, &verdict);
    if (err != CAIRN_OK && !is_no(err))
        return err;
    json_t *facts = cairn_facts_new();
    add_verdict(facts, path, err);
    cairn_facts_hash(facts, "ledger", &trust->ledger);
    if (err == CAIRN_OK)
        add_refusal(facts, &verdict.proof);
    if (verdict.vouching.trust != NULL)
        add_vouching(facts, &verdict.vouching, err == CAIRN_OK);
    return answer(command, facts, err);
}

static cairn_err verify_with(cairn_command *command, const cairn_arguments *arguments,
                             const cairn_trust *trust, uint64_t at_ms)
{
    const char *state = cairn_option_value(arguments, "state");
    const char *refusal = cairn_option_value(arguments, "refusal");
    const char *receipt_path = cairn_option_value(arguments, "receipt");
    char beside[CAIRN_PATH_SIZE_MAX];
    cairn_bytes receipt;
    if (state != NULL)
        return verify_state(command, state, trust, at_ms);
    if (refusal != NULL)
        return verify_refusal(command, refusal, trust, at_ms);
    const char *file = arguments->words[0];
    if (receipt_path == NULL) {
        if ((size_t)snprintf(beside, sizeof beside, "%s.receipt", file) >= sizeof beside)
            return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "%s: path is too long", file);
        receipt_path = beside;
    }
    CAIRN_TRY(
        cairn_input_read(&command->arena, receipt_path, CAIRN_RECEIPT_FILE_SIZE_MAX, &receipt));
    return verify_file(command, file, receipt, trust, at_ms);
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    cairn_trust trust = {0};
    uint64_t at_ms = 0;
    size_t proofs = (size_t)cairn_option_given(arguments, "state") +
                    (size_t)cairn_option_given(arguments, "refusal");
    if (arguments->word_count + proofs != 1)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "verify FILE, verify --state PROOF, or verify --refusal PROOF");
    if (proofs > 0 && cairn_option_given(arguments, "receipt"))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--receipt goes with FILE");
    CAIRN_TRY(cairn_time_option(cairn_option_value(arguments, "at"), &at_ms));
    CAIRN_TRY(read_trust(command, cairn_option_value(arguments, "trust"), &trust));
    cairn_err err = verify_with(command, arguments, &trust, at_ms);
    cairn_trust_done(&trust);
    return err;
}

static const cairn_option options[] = {
    {"trust", "TRUST", true, false, "trust file: whose keys count, and how many must vouch"},
    {"receipt", "RECEIPT", false, false, "receipt of FILE; FILE.receipt if not given"},
    {"state", "PROOF", false, false, "verify a state proof instead of a file"},
    {"refusal", "PROOF", false, false, "verify the proof that a transaction was refused"},
    {"at", "TIME", false, false, "judge as of this time (2026-11-24T12:00:00Z) instead of now"},
};

const cairn_verb cairn_verb_verify = {
    .name = "verify",
    .words = "FILE --trust TRUST [--receipt RECEIPT]",
    .words_min = 0,
    .words_max = 1,
    .summary = "check a file, a state proof or a refusal offline, with public keys alone",
    .help = "Answers yes (exit 0) or no (exit 1) and says why. For a file that changed it names "
            "the first segment "
            "and the byte range that differ. Nothing but FILE, RECEIPT and TRUST is read. The "
            "trust file is the "
            "root of the verdict: get it from elsewhere than the receipt, and compare its "
            "fingerprint (trust show). What vouches is receipts of as many members as the trust "
            "file asks for, or "
            "the commit proof of a consortium's validators, to whom its anchor leads.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
