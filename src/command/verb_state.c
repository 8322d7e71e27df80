/* cairn state get: a value of the state or the configuration, with its proof. */
#include <stdlib.h>

#include "cairn/state_proof.h"
#include "command/commit.h"
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

static cairn_err add_proof(const cairn_arguments *arguments, cairn_bytes encoded, json_t *facts)
{
    const char *output = cairn_option_value(arguments, "output");
    cairn_facts_number(facts, "proof_size", encoded.size);
    if (output == NULL) {
        cairn_facts_base64(facts, "proof", encoded);
        return CAIRN_OK;
    }
    cairn_facts_text(facts, "proof_file", output);
    return cairn_output_write(output, 0644, encoded);
}

static void add_value(json_t *facts, const char *name, bool present, cairn_bytes value,
                      uint64_t height, uint64_t time_ms)
{
    cairn_facts_text(facts, "key", name);
    cairn_facts_bool(facts, "present", present);
    if (present)
        cairn_facts_hex(facts, "value", value);
    cairn_facts_number(facts, "height", height);
    cairn_facts_time(facts, "time", time_ms);
}

/* By the validators: the node makes it whole. */
static cairn_err act_commit(cairn_home *home, const cairn_arguments *arguments, cairn_map_id map,
                            cairn_bytes key, uint64_t from, json_t *facts)
{
    cairn_arena *arena = &home->command->arena;
    cairn_bytes encoded;
    cairn_state_proof proof;
    CAIRN_TRY(cairn_remote_state_commit(home->remote, arena, map, key, from, &encoded));
    CAIRN_TRY(cairn_state_proof_decode(arena, encoded, &proof));
    add_value(facts, arguments->words[0], proof.present, proof.value, proof.end.block_entry.height,
              proof.end.block_entry.time_ms);
    return add_proof(arguments, encoded, facts);
}

static cairn_err act_receipts(cairn_home *home, const cairn_arguments *arguments, cairn_map_id map,
                              cairn_bytes key, json_t *facts)
{
    cairn_smt_proof smt;
    cairn_bytes encoded;
    bool with_proof =
        cairn_option_given(arguments, "proof") || cairn_option_given(arguments, "output");
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(home->engine);
    CAIRN_TRY(cairn_engine_prove(home->engine, view, map, key, &home->command->arena, &smt));
    if (!smt.exists && !with_proof)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "%s is not there", arguments->words[0]);
    add_value(facts, arguments->words[0], smt.exists, smt.value, view->height, view->time_ms);
    if (!with_proof)
        return CAIRN_OK;
    CAIRN_TRY(make_proof(home, view, map, key, &smt, &encoded));
    return add_proof(arguments, encoded, facts);
}

static cairn_err act(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    cairn_map_id map = CAIRN_MAP_STATE;
    cairn_state_key key;
    uint64_t from = 0;
    if (cairn_state_name_parse(cairn_bytes_str(arguments->words[0]), &map, &key) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "%s", cairn_err_detail());
    CAIRN_TRY(cairn_commit_from(home, arguments, &from));
    return from == 0 ? act_receipts(home, arguments, map, cairn_state_key_view(&key), facts)
                     : act_commit(home, arguments, map, cairn_state_key_view(&key), from, facts);
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_READ, act);
}

static const cairn_option options[] = {
    {"proof", NULL, false, false, "with its proof in base64, also of absence"},
    {"output", "FILE", false, false, "write the proof to FILE instead"},
    CAIRN_COMMIT_OPTION,
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
            "--trust TRUST. With --commit a consortium's validators vouch for it, in the place of "
            "members' receipts.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
