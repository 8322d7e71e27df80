/* cairn contract propose, accept, end, show: a provider and an operator agree who serves the
 * devices of a batch. */
#include "command/device_papers.h"
#include "command/files.h"
#include "command/verbs.h"

#define DAY_MS UINT64_C(86400000)

enum { KEY_FILE_SIZE_MAX = 16384 };

static cairn_err read_id(const char *what, const char *text, cairn_hash *ret_id)
{
    if (cairn_hex_decode(text, ret_id->b, sizeof ret_id->b) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "%s: 64 hex digits", what);
    return CAIRN_OK;
}

/* --- propose --- */

/* The batch is named by its owner key. */
static cairn_err read_batch(cairn_home *home, const char *path, cairn_hash *ret_batch)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *owner = NULL;
    cairn_bytes pem;
    CAIRN_TRY(cairn_input_read(&home->command->arena, path, KEY_FILE_SIZE_MAX, &pem));
    CAIRN_TRY(cairn_input_err(path, cairn_key_from_pem(pem, &key)));
    CAIRN_TRY(cairn_fdo_key_of(key, CAIRN_FDO_KEY_X509, &owner));
    cairn_device_owner_key(cairn_fdo_key_encoded(owner), ret_batch);
    return CAIRN_OK;
}

static cairn_err read_terms(cairn_home *home, const cairn_arguments *arguments,
                            cairn_contract *contract)
{
    uint64_t days = 365;
    CAIRN_TRY(
        read_id("--provider", cairn_option_value(arguments, "provider"), &contract->provider));
    CAIRN_TRY(
        read_id("--operator", cairn_option_value(arguments, "operator"), &contract->operator));
    CAIRN_TRY(read_batch(home, cairn_option_value(arguments, "batch"), &contract->batch));
    CAIRN_TRY(cairn_option_number(arguments, "days", 1, 3650, &days));
    contract->expires_ms = cairn_clock_wall_ms(&home->clock) + days * DAY_MS;
    return CAIRN_OK;
}

static cairn_err act_propose(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    cairn_contract contract = {.status = 0};
    cairn_hash blind;
    cairn_bytes body;
    CAIRN_TRY(read_terms(home, arguments, &contract));
    CAIRN_TRY(cairn_device_random(&blind));
    cairn_device_commit(arguments, "terms", &blind, &contract.terms);
    CAIRN_TRY(cairn_contract_propose_body(&home->command->arena, &contract, &body));
    CAIRN_TRY(cairn_device_send(home, CAIRN_TX_CONTRACT_PROPOSE, body, facts));
    cairn_facts_hash(facts, "blind", &blind);
    return CAIRN_OK;
}

static cairn_err run_propose(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act_propose);
}

static const cairn_option propose_options[] = {
    {"provider", "ID", true, false, "the organisation whose service it is"},
    {"operator", "ID", true, false, "the organisation whose network it is"},
    {"batch", "FILE", true, false, "PEM of the owner key of the devices"},
    {"terms", "TEXT", false, false, "what was agreed, as a commitment"},
    {"days", "COUNT", false, false, "until so many days from now; 365 if not given"},
};

const cairn_verb cairn_verb_contract_propose = {
    .name = "contract propose",
    .words = "",
    .summary = "propose that an operator serves a batch of devices",
    .help = "By the provider or the operator; the other one accepts. The id of the transaction is "
            "the contract's. The blind that is printed opens the commitment to the terms; share it "
            "with the other party.",
    .options = propose_options,
    .option_count = sizeof propose_options / sizeof propose_options[0],
    .run = run_propose,
};

/* --- accept, end --- */

static cairn_err find(cairn_home *home, const cairn_arguments *arguments, cairn_hash *ret_id,
                      cairn_contract *ret_contract)
{
    const cairn_state_source state = cairn_home_state(home);
    CAIRN_TRY(read_id("ID", arguments->words[0], ret_id));
    cairn_err err = cairn_contract_get(&state, &home->command->arena, ret_id, ret_contract);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "the ledger knows no contract by this id");
    return err;
}

static cairn_err act_accept(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    cairn_hash id;
    cairn_contract contract;
    cairn_bytes body;
    CAIRN_TRY(find(home, arguments, &id, &contract));
    CAIRN_TRY(cairn_contract_accept_body(&home->command->arena, &id, contract.version, &body));
    return cairn_device_send(home, CAIRN_TX_CONTRACT_ACCEPT, body, facts);
}

static cairn_err run_accept(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act_accept);
}

const cairn_verb cairn_verb_contract_accept = {
    .name = "contract accept",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .summary = "accept a contract that the other party proposed",
    .help = "Look at it first: cairn contract show.",
    .run = run_accept,
};

static cairn_err act_end(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    cairn_hash id;
    cairn_contract contract;
    cairn_bytes body;
    CAIRN_TRY(find(home, arguments, &id, &contract));
    CAIRN_TRY(cairn_contract_end_body(&home->command->arena, &id, contract.version, &body));
    return cairn_device_send(home, CAIRN_TX_CONTRACT_END, body, facts);
}

static cairn_err run_end(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act_end);
}

const cairn_verb cairn_verb_contract_end = {
    .name = "contract end",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .summary = "end a contract, or withdraw a proposal",
    .help = "By either party. Devices that are bound to it are served no more until their owner "
            "claims them with another.",
    .run = run_end,
};

/* --- show --- */

static cairn_err act_show(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    const cairn_state_source state = cairn_home_state(home);
    cairn_hash id;
    cairn_contract contract, live;
    CAIRN_TRY(find(home, arguments, &id, &contract));
    cairn_facts_hash(facts, "contract", &id);
    cairn_facts_text(facts, "status", cairn_contract_status_name(contract.status));
    cairn_facts_hash(facts, "provider", &contract.provider);
    cairn_facts_hash(facts, "operator", &contract.operator);
    cairn_facts_hash(facts, "batch", &contract.batch);
    cairn_facts_hash(facts, "terms", &contract.terms);
    cairn_facts_time(facts, "expires", contract.expires_ms);
    cairn_facts_hash(facts, "proposer", &contract.proposer);
    cairn_facts_number(facts, "version", contract.version);
    cairn_err err = cairn_contract_check(&state, &home->command->arena, &id,
                                         cairn_clock_wall_ms(&home->clock), &live);
    cairn_facts_text(facts, "in_force", err == CAIRN_OK ? "yes" : cairn_err_detail());
    return CAIRN_OK;
}

static cairn_err run_show(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_READ, act_show);
}

const cairn_verb cairn_verb_contract_show = {
    .name = "contract show",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .summary = "print a contract, and whether it is in force",
    .help = "In force is what is live, has not expired, and whose parties are active in their "
            "roles.",
    .run = run_show,
};
