/* cairn state get: a value of the state or the configuration, with its proof. */
#include <stdlib.h>

#include "cairn/state_proof.h"
#include "command/files.h"
#include "command/home.h"
#include "command/verbs.h"
#include "node/api/state_name.h"

/* Proof, block entry and its receipts in one file. */
static cairn_err make_proof(cairn_home *home, const cairn_view *view, cairn_map_id map,
                            cairn_bytes key, const cairn_smt_proof *smt, cairn_bytes *ret_encoded)
{
    cairn_home_receipts receipts;
    cairn_state_proof proof = {
        .map = map == CAIRN_MAP_STATE ? CAIRN_STATE_PROOF_STATE : CAIRN_STATE_PROOF_CONFIG,
        .key = key,
        .present = smt->exists,
        .value = smt->value,
        .proof = smt->ics23,
    };
    CAIRN_TRY(cairn_home_receipts_of(home, view, view->log_size - 1, &receipts));
    proof.end.block_entry_raw = receipts.entry;
    return cairn_state_proof_encode(&home->command->arena, &proof, receipts.list, receipts.count,
                                    ret_encoded);
}

static cairn_err add_proof(cairn_home *home, const cairn_arguments *arguments,
                           const cairn_view *view, cairn_map_id map, cairn_bytes key,
                           const cairn_smt_proof *smt, json_t *facts)
{
    const char *output = cairn_option_value(arguments, "output");
    cairn_bytes encoded;
    CAIRN_TRY(make_proof(home, view, map, key, smt, &encoded));
    cairn_facts_number(facts, "proof_size", encoded.size);
    if (output == NULL) {
        cairn_facts_base64(facts, "proof", encoded);
        return CAIRN_OK;
    }
    cairn_facts_text(facts, "proof_file", output);
    return cairn_output_write(output, 0644, encoded);
}

static cairn_err act(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    cairn_map_id map = CAIRN_MAP_STATE;
    cairn_state_key key;
    cairn_smt_proof smt;
    bool with_proof =
        cairn_option_given(arguments, "proof") || cairn_option_given(arguments, "output");
    if (cairn_state_name_parse(cairn_bytes_str(arguments->words[0]), &map, &key) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "%s", cairn_err_detail());
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(home->engine);
    CAIRN_TRY(cairn_engine_prove(home->engine, view, map, cairn_state_key_view(&key),
                                 &home->command->arena, &smt));
    if (!smt.exists && !with_proof)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "%s is not there", arguments->words[0]);
    cairn_facts_text(facts, "key", arguments->words[0]);
    cairn_facts_bool(facts, "present", smt.exists);
    if (smt.exists)
        cairn_facts_hex(facts, "value", smt.value);
    cairn_facts_number(facts, "height", view->height);
    cairn_facts_time(facts, "time", view->time_ms);
    return with_proof
               ? add_proof(home, arguments, view, map, cairn_state_key_view(&key), &smt, facts)
               : CAIRN_OK;
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_READ, act);
}

static const cairn_option options[] = {
    {"proof", NULL, false, false, "with its proof in base64, also of absence"},
    {"output", "FILE", false, false, "write the proof to FILE instead"},
};

const cairn_verb cairn_verb_state_get = {
    .name = "state get",
    .words = "KEY",
    .words_min = 1,
    .words_max = 1,
    .summary = "print a value of the ledger's state, and prove it",
    .help = "KEY is org/ID, key/ID, anchor/COMMITMENT, approval/ID, subject/ID, grant/SUBJECT/KEY, "
            "list/ORG/LIST, edition/ORG/NUMBER (ids: 64 hex digits), name/NAME, policy/NAME, "
            "members, params, raw/HEX or config/HEX. The value is deterministic CBOR in hex. The "
            "proof verifies offline: cairn "
            "verify --state FILE "
            "--trust TRUST.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
