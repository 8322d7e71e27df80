/* cairn device register, transfer, resell, claim: a device's papers and the ledger, moved
 * together. */
#include <stdio.h>
#include <unistd.h>

#include "command/device_papers.h"
#include "command/files.h"
#include "command/verbs.h"

/* --- register --- */

static cairn_fdo_hash_alg alg_of(const cairn_fdo_head *head)
{
    return head->hash.alg == CAIRN_FDO_SHA256 ? CAIRN_FDO_SHA256 : CAIRN_FDO_SHA384;
}

static cairn_err copy_hash(cairn_arena *arena, const cairn_fdo_hash *hash, cairn_bytes *ret_copy)
{
    return cairn_arena_copy(arena, cairn_bytes_of(hash->b, hash->size), ret_copy);
}

/* The row of a device as it left the factory, before any entry. */
static cairn_err make_row(cairn_home *home, const cairn_device_papers *papers,
                          const cairn_hash *index, cairn_device_new_row *row)
{
    cairn_arena *arena = &home->command->arena;
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head first = {0};
    cairn_fdo_hash info;
    CAIRN_TRY(cairn_fdo_head_first(&papers->voucher.header, papers->voucher.hmac_encoded, &first));
    CAIRN_TRY(cairn_fdo_header_info_hash(&papers->voucher.header, alg_of(&first), &info));
    row->index = *index;
    CAIRN_TRY(copy_hash(arena, &info, &row->header_info));
    return copy_hash(arena, &first.hash, &row->head);
}

static cairn_err send_registration(cairn_home *home, const cairn_device_papers *papers,
                                   const cairn_hash *index, const char *model, json_t *facts)
{
    cairn_device_new_row row = {.next_key = {0}};
    cairn_hash nullifier, blind;
    cairn_bytes body;
    cairn_device_registration r = {.rows = {.count = 1, .rows = &row},
                                   .nullifiers = {.count = 1, .rows = &nullifier},
                                   .next_algorithm = CAIRN_SCHEMA_ABSENT};
    CAIRN_TRY(make_row(home, papers, index, &row));
    CAIRN_TRY(cairn_device_random(&blind));
    cairn_device_nullifier(&home->ledger, cairn_key_id(papers->device), &nullifier);
    cairn_device_owner_key(cairn_fdo_key_encoded(papers->voucher.header.manufacturer),
                           &r.owner_key);
    r.algorithm = cairn_key_get_type(papers->device) == CAIRN_KEY_P256 ? CAIRN_DEVICE_P256
                                                                       : CAIRN_DEVICE_P384;
    cairn_device_fact(&blind, cairn_bytes_str(model), &r.model);
    CAIRN_TRY(cairn_device_register_body(&home->command->arena, &r, &body));
    CAIRN_TRY(cairn_device_send(home, CAIRN_TX_DEVICE_REGISTER, body, facts));
    cairn_facts_hash(facts, "model_blind", &blind);
    return CAIRN_OK;
}

/* One sale on the ledger: the entry that followed `head`, which is then what the ledger has. Notes
 * the seller in the passport. */
static cairn_err send_sale(cairn_home *home, const cairn_fdo_key *seller, cairn_bytes entry,
                           cairn_passport *passport, json_t *facts)
{
    cairn_arena *arena = &home->command->arena;
    const cairn_hash index = cairn_passport_current(passport)->index;
    cairn_device device;
    cairn_passport_party party = {.org = home->org};
    cairn_device_sale row = {.index = index, .entry = entry};
    cairn_bytes body;
    CAIRN_TRY(cairn_device_record(home, &index, &device));
    CAIRN_TRY(cairn_device_random(&party.blind));
    row.version = device.version;
    party.version = device.version + 1;
    cairn_device_party(&party.blind, &party.org, &row.party);
    CAIRN_TRY(cairn_device_transfer_body(arena, &row, 1, cairn_fdo_key_encoded(seller), &body));
    CAIRN_TRY(cairn_device_send(home, CAIRN_TX_DEVICE_TRANSFER, body, facts));
    return cairn_passport_sold(arena, passport, &party, passport);
}

/* What the voucher has and the ledger does not: entries that were signed at the factory. */
static cairn_err send_entries(cairn_home *home, const cairn_device_papers *papers,
                              cairn_passport *passport, json_t *facts)
{
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    const cairn_fdo_voucher *voucher = &papers->voucher;
    cairn_device device;
    json_t *list = cairn_facts_list(facts, "sales");
    CAIRN_TRY(cairn_device_record(home, &cairn_passport_current(passport)->index, &device));
    CAIRN_TRY(cairn_fdo_head_first(&voucher->header, voucher->hmac_encoded, &head));
    for (size_t i = 0; i < voucher->entry_count; i++) {
        CAIRN_CLEANUP(cairn_fdo_entry_done) cairn_fdo_entry entry = {0};
        CAIRN_TRY(cairn_fdo_entry_read(voucher->entries[i], &entry));
        if (i >= device.entry_count) {
            CAIRN_TRY(
                send_sale(home, head.owner, voucher->entries[i], passport, cairn_facts_item(list)));
            CAIRN_TRY(cairn_device_passport_write(home, papers->path, passport));
        }
        CAIRN_TRY(cairn_fdo_head_advance(&home->command->arena, &head, &voucher->header, &entry));
    }
    return CAIRN_OK;
}

/* A passport that is there is taken: of a registration that was cut short, or of who made the
 * device. EXISTS when the ledger has all that the voucher has. */
static cairn_err begin_passport(cairn_home *home, const cairn_device_papers *papers,
                                cairn_passport *ret_passport, bool *ret_registered)
{
    const cairn_state_source state = cairn_home_state(home);
    cairn_arena *arena = &home->command->arena;
    cairn_hash salt;
    cairn_device device;
    *ret_registered = false;
    if (!papers->has_passport) {
        CAIRN_TRY(cairn_device_random(&salt));
        return cairn_passport_new(arena, &home->ledger, &papers->voucher.header.guid, &salt,
                                  ret_passport);
    }
    *ret_passport = papers->passport;
    cairn_err err =
        cairn_device_get(&state, arena, &cairn_passport_current(&papers->passport)->index, &device);
    *ret_registered = err == CAIRN_OK;
    if (err == CAIRN_OK && device.entry_count >= papers->voucher.entry_count)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "%s is on the ledger already", papers->path);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

/* The passport is written first: a device on the ledger that nobody can find would be lost. */
static cairn_err register_one(cairn_home *home, const cairn_arguments *arguments, json_t *facts,
                              const cairn_device_papers *papers)
{
    const char *model = cairn_option_value(arguments, "model");
    cairn_passport passport;
    bool registered = false;
    CAIRN_TRY(begin_passport(home, papers, &passport, &registered));
    CAIRN_TRY(cairn_device_passport_write(home, papers->path, &passport));
    const cairn_hash index = cairn_passport_current(&passport)->index;
    cairn_facts_hash(facts, "index", &index);
    if (!registered)
        CAIRN_TRY(send_registration(home, papers, &index, model == NULL ? "" : model, facts));
    return send_entries(home, papers, &passport, facts);
}

static cairn_err act_register(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    CAIRN_CLEANUP(cairn_device_papers_done) cairn_device_papers papers = {.path = NULL};
    CAIRN_TRY(cairn_device_papers_read(home, arguments->words[0], &papers));
    return register_one(home, arguments, facts, &papers);
}

static cairn_err run_register(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act_register);
}

static const cairn_option register_options[] = {
    {"model", "TEXT", false, false, "what it is, as a commitment"},
};

const cairn_verb cairn_verb_device_register = {
    .name = "device register",
    .words = "VOUCHER",
    .words_min = 1,
    .words_max = 1,
    .summary = "put a device that this organisation made on the ledger",
    .help = "Makes the device's passport beside the voucher (VOUCHER.passport). Keep it as secret "
            "as a key, and hand it over with the device: without it nobody finds the device on the "
            "ledger. Sales that the voucher already has are recorded too. A passport that is there "
            "and leads to nothing yet is used.",
    .options = register_options,
    .option_count = sizeof register_options / sizeof register_options[0],
    .run = run_register,
};

/* --- transfer, resell --- */

static cairn_err read_buyer(cairn_home *home, const char *path, cairn_fdo_key **ret_key)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_bytes pem;
    CAIRN_TRY(cairn_input_read(&home->command->arena, path, 16384, &pem));
    CAIRN_TRY(cairn_input_err(path, cairn_key_from_pem(pem, &key)));
    return cairn_fdo_key_of(key, CAIRN_FDO_KEY_X509, ret_key);
}

/* The voucher with one entry more, for the buyer's key. */
static cairn_err extend(cairn_home *home, const cairn_device_papers *papers,
                        const cairn_fdo_key *buyer, cairn_bytes *ret_entry,
                        cairn_bytes *ret_voucher)
{
    cairn_arena *arena = &home->command->arena;
    cairn_bytes payload;
    CAIRN_TRY(cairn_fdo_entry_payload(arena, &papers->head, &papers->voucher.header,
                                      (cairn_bytes){0}, buyer, &payload));
    CAIRN_TRY(cairn_device_owner_sign(home, papers->head.owner, payload, ret_entry));
    return cairn_fdo_voucher_append(arena, &papers->voucher, *ret_entry, ret_voucher);
}

static cairn_err write_papers(cairn_home *home, const char *path, cairn_bytes voucher,
                              const cairn_passport *passport)
{
    cairn_bytes pem;
    CAIRN_TRY(cairn_fdo_voucher_to_pem(&home->command->arena, voucher, &pem));
    CAIRN_TRY(cairn_output_write(path, 0600, pem));
    return cairn_device_passport_write(home, path, passport);
}

static cairn_err sell(cairn_home *home, const cairn_arguments *arguments,
                      cairn_device_papers *papers, json_t *facts)
{
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *buyer = NULL;
    const char *out = cairn_option_value(arguments, "output");
    cairn_bytes entry, voucher;
    if (access(out, F_OK) == 0)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "%s is there already", out);
    CAIRN_TRY(read_buyer(home, cairn_option_value(arguments, "to"), &buyer));
    CAIRN_TRY(extend(home, papers, buyer, &entry, &voucher));
    CAIRN_TRY(send_sale(home, papers->head.owner, entry, &papers->passport, facts));
    cairn_facts_text(facts, "voucher", out);
    return write_papers(home, out, voucher, &papers->passport);
}

static cairn_err sell_if(cairn_home *home, const cairn_arguments *arguments, json_t *facts,
                         bool onboarded)
{
    CAIRN_CLEANUP(cairn_device_papers_done) cairn_device_papers papers = {.path = NULL};
    const cairn_hash *index = NULL;
    cairn_device device;
    CAIRN_TRY(cairn_device_papers_read(home, arguments->words[0], &papers));
    CAIRN_TRY(cairn_device_papers_index(&papers, &index));
    CAIRN_TRY(cairn_device_record(home, index, &device));
    if ((device.state == CAIRN_DEVICE_ONBOARDED) != onboarded)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, "house", "the device is %s: it is sold by device %s",
                          cairn_device_state_name(device.state), onboarded ? "transfer" : "resell");
    return sell(home, arguments, &papers, facts);
}

static cairn_err act_transfer(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    return sell_if(home, arguments, facts, false);
}

static cairn_err run_transfer(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act_transfer);
}

static cairn_err act_resell(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    return sell_if(home, arguments, facts, true);
}

static cairn_err run_resell(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act_resell);
}

static const cairn_option sell_options[] = {
    {"to", "FILE", true, false, "PEM of the buyer's owner key"},
    {"output", "FILE", true, false, "where the buyer's voucher goes, its passport beside it"},
};
enum { SELL_OPTION_COUNT = sizeof sell_options / sizeof sell_options[0] };

const cairn_verb cairn_verb_device_transfer = {
    .name = "device transfer",
    .words = "VOUCHER",
    .words_min = 1,
    .words_max = 1,
    .summary = "sell a device that has not been onboarded",
    .help = "Signs the voucher's next entry with the owner key that is in this directory, has it "
            "recorded on the ledger, and only then writes the buyer's papers. A voucher that was "
            "sold to another one meanwhile is refused.",
    .options = sell_options,
    .option_count = SELL_OPTION_COUNT,
    .run = run_transfer,
};

const cairn_verb cairn_verb_device_resell = {
    .name = "device resell",
    .words = "VOUCHER",
    .words_min = 1,
    .words_max = 1,
    .summary = "sell a device that was in use",
    .help = "As device transfer, for a device that was onboarded: what its owner said of it is "
            "gone from its record, and the buyer claims it.",
    .options = sell_options,
    .option_count = SELL_OPTION_COUNT,
    .run = run_resell,
};

/* --- claim --- */

static cairn_err read_contract(const cairn_arguments *arguments, cairn_hash *contract)
{
    const char *text = cairn_option_value(arguments, "contract");
    if (text != NULL && cairn_hex_decode(text, contract->b, sizeof contract->b) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--contract: 64 hex digits");
    return CAIRN_OK;
}

static cairn_err prove(cairn_home *home, const cairn_device_papers *papers, cairn_device_row *row,
                       cairn_device_claim *claim)
{
    cairn_bytes payload;
    claim->public_key = cairn_fdo_key_encoded(papers->head.owner);
    CAIRN_TRY(cairn_device_claim_payload(&home->command->arena, &home->ledger, &home->org, row, 1,
                                         &payload));
    return cairn_device_owner_sign(home, papers->head.owner, payload, &claim->proof);
}

static cairn_err act_claim(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    CAIRN_CLEANUP(cairn_device_papers_done) cairn_device_papers papers = {.path = NULL};
    const cairn_hash *index = NULL;
    cairn_hash blind;
    cairn_device device;
    cairn_device_row row;
    cairn_device_claim claim = {.rows = {.count = 1, .rows = &row}};
    cairn_bytes body;
    CAIRN_TRY(read_contract(arguments, &claim.contract));
    CAIRN_TRY(cairn_device_papers_read(home, arguments->words[0], &papers));
    CAIRN_TRY(cairn_device_papers_index(&papers, &index));
    CAIRN_TRY(cairn_device_record(home, index, &device));
    row = (cairn_device_row){.index = *index, .version = device.version};
    CAIRN_TRY(prove(home, &papers, &row, &claim));
    CAIRN_TRY(cairn_device_random(&blind));
    cairn_device_commit(arguments, "platform", &blind, &claim.platform);
    cairn_device_commit(arguments, "policy", &blind, &claim.policy);
    CAIRN_TRY(cairn_device_claim_body(&home->command->arena, &claim, &body));
    CAIRN_TRY(cairn_device_send(home, CAIRN_TX_DEVICE_CLAIM, body, facts));
    cairn_facts_hash(facts, "blind", &blind);
    return CAIRN_OK;
}

static cairn_err run_claim(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act_claim);
}

static const cairn_option claim_options[] = {
    {"contract", "ID", false, false, "of the contract with the operator who serves it"},
    {"platform", "URL", false, false, "where it will publish, as a commitment"},
    {"policy", "TEXT", false, false, "by which policy, as a commitment"},
};

const cairn_verb cairn_verb_device_claim = {
    .name = "device claim",
    .words = "VOUCHER",
    .words_min = 1,
    .words_max = 1,
    .summary = "say on the ledger that a device is this organisation's",
    .help = "Proves it by the owner key of the voucher, which must be in this directory. The blind "
            "that is printed opens the commitments; keep it.",
    .options = claim_options,
    .option_count = sizeof claim_options / sizeof claim_options[0],
    .run = run_claim,
};
