/* cairn trust anchor: a header of a consortium's chain becomes what commit proofs start from. */
#include "cairn/trust.h"
#include "command/facts.h"
#include "command/files.h"
#include "command/verbs.h"
#include "ledger/light/light_json.h"

enum { DAYS_DEFAULT = 30, DAYS_MAX = 36500 };
#define DAY_MS UINT64_C(86400000)

static cairn_err read_answers(cairn_command *command, const cairn_arguments *arguments,
                              cairn_light_block *ret_block)
{
    cairn_bytes commit;
    cairn_bytes pages[CAIRN_LIGHT_PAGE_COUNT_MAX];
    const char *const *paths = NULL;
    size_t count = cairn_option_values(arguments, "validators", &paths);
    if (count > CAIRN_LIGHT_PAGE_COUNT_MAX)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--validators: at most %d",
                          CAIRN_LIGHT_PAGE_COUNT_MAX);
    CAIRN_TRY(cairn_input_read(&command->arena, cairn_option_value(arguments, "commit"),
                               CAIRN_LIGHT_ANSWER_SIZE_MAX, &commit));
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(
            cairn_input_read(&command->arena, paths[i], CAIRN_LIGHT_ANSWER_SIZE_MAX, &pages[i]));
    return cairn_light_block_from_rpc(&command->arena, commit, pages, count, ret_block);
}

static cairn_err print(cairn_command *command, const char *path, cairn_bytes encoded,
                       const cairn_light_header *header)
{
    cairn_hash fingerprint;
    cairn_hash hash;
    json_t *facts = cairn_facts_new();
    cairn_facts_text(facts, "trust", path);
    cairn_trust_fingerprint(encoded, &fingerprint);
    cairn_facts_hash(facts, "fingerprint", &fingerprint);
    cairn_light_header_hash(header, &hash);
    cairn_facts_view(facts, "chain", header->chain_id);
    cairn_facts_number(facts, "height", header->height);
    cairn_facts_hash(facts, "header", &hash);
    return cairn_facts_print(command, facts);
}

static cairn_err write_anchored(cairn_command *command, const cairn_arguments *arguments,
                                const cairn_light_anchor *anchor, cairn_trust *trust)
{
    cairn_bytes encoded;
    if (!cairn_light_chain_is_of(anchor->state.header.chain_id, &trust->ledger))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "docs/formats/commit-proof.md, Check",
                          "commit: is of another ledger's chain");
    trust->anchor = anchor;
    CAIRN_TRY(cairn_trust_encode(&command->arena, trust, &encoded));
    CAIRN_TRY(cairn_output_write(arguments->words[1], 0644, encoded));
    return print(command, arguments->words[1], encoded, &anchor->state.header);
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    cairn_light_block block;
    cairn_light_anchor anchor;
    cairn_bytes encoded;
    cairn_trust trust = {0};
    uint64_t day_count = DAYS_DEFAULT;
    CAIRN_TRY(cairn_option_number(arguments, "days", 1, DAYS_MAX, &day_count));
    CAIRN_TRY(
        cairn_input_read(&command->arena, arguments->words[0], CAIRN_TRUST_SIZE_MAX, &encoded));
    CAIRN_TRY(read_answers(command, arguments, &block));
    anchor = (cairn_light_anchor){.state = block.state, .trusting_period_ms = day_count * DAY_MS};
    CAIRN_TRY(cairn_trust_decode(&command->arena, encoded, &trust));
    cairn_err err = write_anchored(command, arguments, &anchor, &trust);
    cairn_trust_done(&trust);
    return err;
}

static const cairn_option options[] = {
    {"commit", "FILE", true, false, "what a node of the chain answered to /commit?height=H"},
    {"validators", "FILE", true, true, "and to /validators?height=H&per_page=100, page after page"},
    {"days", "N", false, false, "days that the header's validators are believed; 30 if not given"},
};

const cairn_verb cairn_verb_trust_anchor = {
    .name = "trust anchor",
    .words = "FILE OUTPUT",
    .words_min = 2,
    .words_max = 2,
    .summary = "add to a trust file a header of a consortium's chain, to verify commit proofs by",
    .help =
        "Writes FILE with the anchor to OUTPUT, and prints the header's hash: compare it with what "
        "other nodes of "
        "the chain say of that height, for whoever verifies believes its validators. After the "
        "days a commit "
        "proof is no longer convincing, and a fresh anchor is needed.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
