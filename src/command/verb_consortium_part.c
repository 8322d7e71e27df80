/* cairn consortium join, leave, rotate, power: a member's part in consensus. */
#include "command/consortium_room.h"
#include "command/home.h"
#include "command/home_key.h"
#include "command/proposal.h"
#include "command/verbs.h"
#include "identity/identity.h"
#include "ledger/validators.h"

/* --- what the ledger says --- */

/* The organisation's row. NOT_FOUND when it does not validate. */
static cairn_err find_row(cairn_home *home, const cairn_hash *org, cairn_validator *ret_row)
{
    cairn_validator_list *list = NULL;
    cairn_state_source state = cairn_home_state(home);
    CAIRN_TRY(CAIRN_ARENA_NEW(&home->command->arena, &list));
    CAIRN_TRY(cairn_validators_read(&state, &home->command->arena, list));
    const cairn_validator *row = cairn_validators_find(list, org);
    if (row == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "this organisation does not validate");
    *ret_row = *row;
    return CAIRN_OK;
}

static cairn_err own_key(const cairn_home *home, cairn_key **ret_key)
{
    cairn_err err = cairn_engine_validator(home->command->directory, ret_key);
    return err == CAIRN_ERR_NOT_FOUND
               ? CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "%s has no engine: cairn consortium prepare",
                            home->command->directory)
               : err;
}

/* A validator's key in the form of the ledger, and the proof that we have it. */
typedef struct offered {
    uint8_t encoded[CAIRN_COSE_KEY_SIZE_MAX];
    cairn_bytes cose_key;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    cairn_bytes proof;
} offered;

static cairn_err offer(cairn_home *home, const cairn_key *key, offered *ret_offered)
{
    cairn_bytes message;
    size_t size = 0;
    CAIRN_TRY(cairn_key_to_cose(key, ret_offered->encoded, &size));
    ret_offered->cose_key = cairn_bytes_of(ret_offered->encoded, size);
    CAIRN_TRY(cairn_key_proof_message(&home->command->arena, &home->ledger, &home->org,
                                      CAIRN_PURPOSE_VALIDATOR, ret_offered->cose_key, &message));
    CAIRN_TRY(cairn_key_sign(key, message, ret_offered->signature, &size));
    ret_offered->proof = cairn_bytes_of(ret_offered->signature, size);
    return CAIRN_OK;
}

/* --- join --- */

/* Makes the key known, unless it is. */
static cairn_err register_key(cairn_home *home, const cairn_key *key)
{
    cairn_state_source state = cairn_home_state(home);
    cairn_arena *arena = &home->command->arena;
    cairn_key_record record;
    cairn_verdict verdict;
    cairn_bytes body;
    offered o;
    cairn_err err = cairn_registry_key(&state, arena, cairn_key_id(key), &record);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    CAIRN_TRY(offer(home, key, &o));
    CAIRN_TRY(cairn_key_add_body(arena, o.cose_key, CAIRN_PURPOSE_VALIDATOR, o.proof, &body));
    return cairn_home_send(home, CAIRN_TX_KEY_ADD, body, &verdict);
}

static cairn_err propose(cairn_home *home, const cairn_hash *kid, uint64_t power, json_t *facts)
{
    cairn_bytes body;
    CAIRN_TRY(cairn_validator_set_body(&home->command->arena, kid, power, &body));
    cairn_facts_hash(facts, "key", kid);
    cairn_facts_number(facts, "power", power);
    return cairn_proposal_send(home, CAIRN_TX_VALIDATOR_SET, body, facts);
}

static cairn_err join(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    uint64_t power = 1;
    CAIRN_TRY(cairn_option_number(arguments, "power", 1, CAIRN_VALIDATOR_POWER_MAX, &power));
    CAIRN_TRY(own_key(home, &key));
    CAIRN_TRY(register_key(home, key));
    CAIRN_TRY(cairn_home_register_cosigners(home));
    return propose(home, cairn_key_id(key), power, facts);
}

/* --- power --- */

static cairn_err set_power(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    cairn_hash org;
    cairn_validator row;
    uint64_t power = 0;
    if (cairn_hex_decode(arguments->words[0], org.b, sizeof org.b) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "an organisation's id is 64 hex digits");
    CAIRN_TRY(cairn_option_number(arguments, "power", 0, CAIRN_VALIDATOR_POWER_MAX, &power));
    CAIRN_TRY(find_row(home, &org, &row));
    return propose(home, &row.kid, power, facts);
}

/* --- leave --- */

static cairn_err leave(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    cairn_validator row;
    cairn_verdict verdict;
    cairn_bytes body;
    (void)arguments;
    CAIRN_TRY(find_row(home, &home->org, &row));
    CAIRN_TRY(cairn_key_revoke_body(&home->command->arena, &row.kid, CAIRN_HEIGHT_OPEN, &body));
    CAIRN_TRY(cairn_home_send(home, CAIRN_TX_KEY_REVOKE, body, &verdict));
    cairn_facts_hash(facts, "key", &row.kid);
    cairn_facts_number(facts, "until_height", verdict.height + 1);
    return CAIRN_OK;
}

/* --- rotate --- */

static cairn_err send_rotation(cairn_home *home, const cairn_hash *old, const cairn_key *key,
                               json_t *facts)
{
    offered o;
    cairn_bytes body;
    cairn_verdict verdict;
    CAIRN_TRY(offer(home, key, &o));
    CAIRN_TRY(cairn_key_rotate_body(&home->command->arena, old, o.cose_key, o.proof,
                                    CAIRN_HEIGHT_OPEN, &body));
    CAIRN_TRY(cairn_home_send(home, CAIRN_TX_KEY_ROTATE, body, &verdict));
    cairn_facts_number(facts, "since_height", verdict.height + 1);
    return CAIRN_OK;
}

/* The key in use is the ledger's: another one is made, and taken in use when the ledger knows it;
 * that may have been done but for its last step. Otherwise the engine here is new, in place of one
 * that is lost: its key becomes the ledger's. */
static cairn_err rotate(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *next = NULL;
    const char *directory = home->command->directory;
    cairn_validator row;
    (void)arguments;
    CAIRN_TRY(find_row(home, &home->org, &row));
    CAIRN_TRY(own_key(home, &key));
    CAIRN_TRY(cairn_engine_next_validator(directory, &next));
    bool in_use = cairn_hash_equal(cairn_key_id(key), &row.kid);
    bool half_done = cairn_hash_equal(cairn_key_id(next), &row.kid);
    const cairn_key *fresh = in_use || half_done ? next : key;
    if (!half_done)
        CAIRN_TRY(send_rotation(home, &row.kid, fresh, facts));
    cairn_facts_hash(facts, "old_key", &row.kid);
    cairn_facts_hash(facts, "key", cairn_key_id(fresh));
    return fresh == next ? cairn_engine_next_is_due(directory) : CAIRN_OK;
}

/* --- the table --- */

static cairn_err run_join(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, join);
}

static cairn_err run_leave(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, leave);
}

static cairn_err run_rotate(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, rotate);
}

static cairn_err run_power(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, set_power);
}

static const cairn_option join_options[] = {
    {"power", "N", false, false, "of its vote, 1 if not given"},
};

const cairn_verb cairn_verb_consortium_join = {
    .name = "consortium join",
    .words = "",
    .words_min = 0,
    .words_max = 0,
    .summary = "register this member's keys, and propose that it validates",
    .help = "The keys are its engine's, for votes, and those by which its node signs roots. "
            "For a member whose engine runs on the chain already and has caught up, and whose "
            "organisation is a member of the ledger. It validates two blocks after the members "
            "have approved (cairn approval approve).",
    .options = join_options,
    .option_count = sizeof join_options / sizeof join_options[0],
    .run = run_join,
};

const cairn_verb cairn_verb_consortium_leave = {
    .name = "consortium leave",
    .words = "",
    .words_min = 0,
    .words_max = 0,
    .summary = "stop validating: this member's key for votes is revoked",
    .help = "The organisation's own act, which needs no approval. Its node goes on as a copy of "
            "the ledger. Refused to the last validator.",
    .run = run_leave,
};

const cairn_verb cairn_verb_consortium_rotate = {
    .name = "consortium rotate",
    .words = "",
    .words_min = 0,
    .words_max = 0,
    .summary = "put a new key for votes in the place of this member's",
    .help = "Its power stays. consortium run starts the engine with the new key as soon as the "
            "ledger knows it; the old one votes no more. Where DIR/engine was lost and made anew "
            "by consortium prepare, the key that is there takes the place of the lost one.",
    .run = run_rotate,
};

static const cairn_option power_options[] = {
    {"power", "N", true, false, "of its vote; 0: it validates no more"},
};

const cairn_verb cairn_verb_consortium_power = {
    .name = "consortium power",
    .words = "ORGANISATION --power N",
    .words_min = 1,
    .words_max = 1,
    .summary = "propose another power for a validator, or none",
    .help = "By approval of the members: each has one vote there, whatever its power.",
    .options = power_options,
    .option_count = sizeof power_options / sizeof power_options[0],
    .run = run_power,
};
