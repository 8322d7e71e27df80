/* cairn device onboarded: an owner's word that a device took its new credential. */
#include "command/device_papers.h"
#include "command/verbs.h"

/* The old record ends with a commitment to the new index. */
static cairn_err end_old(cairn_home *home, const cairn_hash *index, const cairn_passport *next,
                         json_t *facts)
{
    const cairn_passport_life *life = cairn_passport_current(next);
    cairn_device device;
    cairn_device_onboarding row = {.index = *index};
    cairn_bytes body;
    CAIRN_TRY(cairn_device_record(home, index, &device));
    row.version = device.version;
    cairn_device_successor(&life->salt, index, &life->index, &row.successor);
    CAIRN_TRY(cairn_device_onboarded_body(&home->command->arena, &row, 1, &body));
    return cairn_device_send(home, CAIRN_TX_DEVICE_ONBOARDED, body,
                             cairn_facts_object(facts, "ended"));
}

static cairn_err hash_header(cairn_home *home, const cairn_device_papers *fresh,
                             cairn_device_new_row *row)
{
    cairn_fdo_hash info;
    cairn_arena *arena = &home->command->arena;
    const cairn_fdo_hash *head = &fresh->head.hash;
    CAIRN_TRY(cairn_fdo_header_info_hash(&fresh->voucher.header, head->alg, &info));
    CAIRN_TRY(cairn_arena_copy(arena, cairn_bytes_of(info.b, info.size), &row->header_info));
    return cairn_arena_copy(arena, cairn_bytes_of(head->b, head->size), &row->head);
}

/* The new one begins, with facts under blinds of its own. */
static cairn_err begin_new(cairn_home *home, const cairn_arguments *arguments,
                           const cairn_device_papers *fresh, const cairn_device *old,
                           const cairn_hash *index, json_t *facts)
{
    cairn_device_new_row row = {.index = *index};
    cairn_device_facts said;
    cairn_hash blind;
    cairn_bytes body;
    cairn_device_renewal r = {.rows = {.count = 1, .rows = &row},
                              .manufacturer = old->manufacturer,
                              .algorithm = old->algorithm,
                              .facts = {.count = 1, .rows = &said},
                              .next_algorithm = CAIRN_SCHEMA_ABSENT};
    CAIRN_TRY(hash_header(home, fresh, &row));
    CAIRN_TRY(cairn_device_random(&blind));
    cairn_device_commit(arguments, "platform", &blind, &said.platform);
    cairn_device_commit(arguments, "policy", &blind, &said.policy);
    cairn_device_commit(arguments, "model", &blind, &said.model);
    cairn_device_owner_key(cairn_fdo_key_encoded(fresh->head.owner), &r.owner_key);
    CAIRN_TRY(cairn_device_renew_body(&home->command->arena, &r, &body));
    return cairn_device_send(home, CAIRN_TX_DEVICE_RENEW, body, cairn_facts_object(facts, "begun"));
}

static cairn_err renew(cairn_home *home, const cairn_arguments *arguments,
                       const cairn_device_papers *old, const cairn_device_papers *fresh,
                       json_t *facts)
{
    const cairn_hash *index = NULL;
    cairn_device device;
    cairn_hash salt;
    cairn_passport next;
    if (fresh->has_passport || fresh->voucher.entry_count > 0)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "%s was on the ledger before", fresh->path);
    if (!cairn_hash_equal(cairn_key_id(old->device), cairn_key_id(fresh->device)))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "%s is of another device", fresh->path);
    CAIRN_TRY(cairn_device_papers_index(old, &index));
    CAIRN_TRY(cairn_device_record(home, index, &device));
    CAIRN_TRY(cairn_device_random(&salt));
    CAIRN_TRY(cairn_passport_renewed(&home->command->arena, &old->passport,
                                     &fresh->voucher.header.guid, &salt, &next));
    CAIRN_TRY(cairn_device_passport_write(home, fresh->path, &next));
    const cairn_hash new_index = cairn_passport_current(&next)->index;
    cairn_facts_hash(facts, "index", &new_index);
    CAIRN_TRY(end_old(home, index, &next, facts));
    return begin_new(home, arguments, fresh, &device, &new_index, facts);
}

static cairn_err act(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    CAIRN_CLEANUP(cairn_device_papers_done) cairn_device_papers old = {.path = NULL};
    CAIRN_CLEANUP(cairn_device_papers_done) cairn_device_papers fresh = {.path = NULL};
    CAIRN_TRY(cairn_device_papers_read(home, arguments->words[0], &old));
    CAIRN_TRY(cairn_device_papers_read(home, arguments->words[1], &fresh));
    return renew(home, arguments, &old, &fresh, facts);
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act);
}

static const cairn_option options[] = {
    {"platform", "URL", false, false, "where it publishes, as a commitment"},
    {"policy", "TEXT", false, false, "by which policy, as a commitment"},
    {"model", "TEXT", false, false, "what it is, as a commitment"},
};

const cairn_verb cairn_verb_device_onboarded = {
    .name = "device onboarded",
    .words = "VOUCHER NEW-VOUCHER",
    .words_min = 2,
    .words_max = 2,
    .summary = "say on the ledger that a device took its new credential",
    .help =
        "The old record ends, and with it the old credential; the device lives on under another "
        "index, which nobody can tell from the old one but whoever holds the new passport "
        "(NEW-VOUCHER.passport). For devices that were onboarded elsewhere than by cairn "
        "onboard serve.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
