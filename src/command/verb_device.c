/* cairn device list, show, and what happens to one: suspend, resume, release, revoke, retire. */
#include <stdlib.h>

#include "command/device_listing.h"
#include "command/device_papers.h"
#include "command/proposal.h"
#include "command/verbs.h"

/* --- show, list --- */

static void add_hash(json_t *facts, const char *name, const cairn_hash *hash)
{
    static const cairn_hash none;
    if (!cairn_hash_equal(hash, &none))
        cairn_facts_hash(facts, name, hash);
}

static void add_device(json_t *facts, const cairn_hash *index, const cairn_device *device)
{
    cairn_facts_hash(facts, "index", index);
    cairn_facts_text(facts, "state", cairn_device_state_name(device->state));
    cairn_facts_number(facts, "version", device->version);
    cairn_facts_hash(facts, "manufacturer", &device->manufacturer);
    add_hash(facts, "owner", &device->owner);
    add_hash(facts, "contract", &device->contract);
    cairn_facts_hash(facts, "owner_key", &device->owner_key);
    cairn_facts_number(facts, "entries", device->entry_count);
    cairn_facts_time(facts, "changed", device->changed_ms);
}

static void add_details(json_t *facts, const cairn_device *device)
{
    cairn_facts_text(facts, "algorithm",
                     device->algorithm == CAIRN_DEVICE_P256 ? "ES256" : "ES384");
    if (device->next_algorithm != CAIRN_SCHEMA_ABSENT)
        cairn_facts_number(facts, "next_algorithm", device->next_algorithm);
    cairn_facts_hex(facts, "head", device->head);
    add_hash(facts, "platform", &device->platform);
    add_hash(facts, "policy", &device->policy);
    add_hash(facts, "rendezvous", &device->rendezvous);
    if (device->rendezvous_expires_ms != CAIRN_SCHEMA_ABSENT)
        cairn_facts_time(facts, "rendezvous_expires", device->rendezvous_expires_ms);
    add_hash(facts, "evidence", &device->evidence);
    cairn_facts_time(facts, "registered", device->registered_ms);
    cairn_facts_hash(facts, "transaction", &device->transaction);
}

static cairn_err act_show(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    const cairn_state_source state = cairn_home_state(home);
    cairn_hash index;
    cairn_device device, served;
    CAIRN_TRY(cairn_device_named(home, arguments->words[0], &index));
    CAIRN_TRY(cairn_device_record(home, &index, &device));
    add_device(facts, &index, &device);
    add_details(facts, &device);
    cairn_err err = cairn_onboard_check(&state, &home->command->arena, &index,
                                        cairn_clock_wall_ms(&home->clock), &served);
    cairn_facts_text(facts, "served", err == CAIRN_OK ? "yes" : cairn_err_detail());
    return CAIRN_OK;
}

static cairn_err run_show(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_READ, act_show);
}

const cairn_verb cairn_verb_device_show = {
    .name = "device show",
    .words = "VOUCHER|INDEX",
    .words_min = 1,
    .words_max = 1,
    .summary = "print what the ledger says of a device",
    .help = "VOUCHER is a file with its passport beside it (FILE.passport). Says whether servers "
            "may deal with it, and if not, why.",
    .run = run_show,
};

typedef struct listing {
    cairn_home *home;
    json_t *list;
} listing;

static cairn_err list_one(void *context, const cairn_hash *index)
{
    const listing *l = context;
    cairn_device device;
    CAIRN_TRY(cairn_device_record(l->home, index, &device));
    add_device(cairn_facts_item(l->list), index, &device);
    return CAIRN_OK;
}

static cairn_err read_state(const cairn_arguments *arguments, uint64_t *ret_state)
{
    const char *text = cairn_option_value(arguments, "state");
    *ret_state = 0;
    if (text == NULL)
        return CAIRN_OK;
    for (uint64_t s = 1; s <= CAIRN_DEVICE_STATE_COUNT; s++)
        if (strcmp(text, cairn_device_state_name(s)) == 0) {
            *ret_state = s;
            return CAIRN_OK;
        }
    return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--state: there is no state %s", text);
}

static cairn_err act_list(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    listing l = {.home = home, .list = cairn_facts_list(facts, "devices")};
    uint64_t state = 0;
    CAIRN_TRY(read_state(arguments, &state));
    return cairn_device_listing_each(home, &home->org, state, list_one, &l);
}

static cairn_err run_list(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_READ, act_list);
}

static const cairn_option list_options[] = {
    {"state", "STATE", false, false, "only those in this state, such as registered or onboarded"},
};

const cairn_verb cairn_verb_device_list = {
    .name = "device list",
    .words = "",
    .summary = "list the devices that this organisation holds on the ledger",
    .help = "Those that it owns, and those that it made and nobody owns. Needs the directory for "
            "itself: where a node holds it, ask the node (GET /v1/ledgers/ID/devices).",
    .options = list_options,
    .option_count = sizeof list_options / sizeof list_options[0],
    .run = run_list,
};

/* --- events --- */

/* At the versions that the ledger has now. */
static cairn_err read_rows(cairn_home *home, const cairn_arguments *arguments,
                           cairn_device_row *rows)
{
    for (size_t i = 0; i < arguments->word_count; i++) {
        cairn_device device;
        CAIRN_TRY(cairn_device_named(home, arguments->words[i], &rows[i].index));
        CAIRN_TRY(cairn_device_record(home, &rows[i].index, &device));
        rows[i].version = device.version;
    }
    return CAIRN_OK;
}

static cairn_err say(cairn_home *home, const cairn_arguments *arguments, json_t *facts,
                     cairn_device_event event)
{
    cairn_device_row rows[CAIRN_DEVICES_PER_TX_MAX];
    cairn_bytes body;
    CAIRN_TRY(read_rows(home, arguments, rows));
    CAIRN_TRY(
        cairn_device_event_body(&home->command->arena, rows, arguments->word_count, event, &body));
    return cairn_device_send(home, CAIRN_TX_DEVICE_EVENT, body, facts);
}

/* The two functions of a verb that says `event`. */
#define EVENT(lower, event)                                                                \
    static cairn_err act_##lower(cairn_home *home, const cairn_arguments *arguments,       \
                                 json_t *facts)                                            \
    {                                                                                      \
        return say(home, arguments, facts, CAIRN_DEVICE_##event);                          \
    }                                                                                      \
    static cairn_err run_##lower(cairn_command *command, const cairn_arguments *arguments) \
    {                                                                                      \
        return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act_##lower);          \
    }

EVENT(suspend, SUSPEND)
EVENT(resume, RESUME)
EVENT(release, RESET)
EVENT(revoke, REVOKE)
EVENT(retire, RETIRE)

const cairn_verb cairn_verb_device_suspend = {
    .name = "device suspend",
    .words = "VOUCHER|INDEX…",
    .words_min = 1,
    .words_max = CAIRN_DEVICES_PER_TX_MAX,
    .summary = "refuse devices until further notice",
    .help = "Servers refuse them from the next block on. All of them, or none.",
    .run = run_suspend,
};

const cairn_verb cairn_verb_device_resume = {
    .name = "device resume",
    .words = "VOUCHER|INDEX…",
    .words_min = 1,
    .words_max = CAIRN_DEVICES_PER_TX_MAX,
    .summary = "end the suspension of devices",
    .help = "They are where they were before. All of them, or none.",
    .run = run_resume,
};

const cairn_verb cairn_verb_device_release = {
    .name = "device release",
    .words = "VOUCHER|INDEX…",
    .words_min = 1,
    .words_max = CAIRN_DEVICES_PER_TX_MAX,
    .summary = "let go of devices that were claimed",
    .help =
        "What their owner said of them is gone from their records; whoever has the owner key of "
        "their vouchers may claim or sell them. All of them, or none.",
    .run = run_release,
};

const cairn_verb cairn_verb_device_revoke = {
    .name = "device revoke",
    .words = "VOUCHER|INDEX…",
    .words_min = 1,
    .words_max = CAIRN_DEVICES_PER_TX_MAX,
    .summary = "refuse devices for good",
    .help = "For those that are stolen or copied. All of them, or none.",
    .run = run_revoke,
};

const cairn_verb cairn_verb_device_retire = {
    .name = "device retire",
    .words = "VOUCHER|INDEX…",
    .words_min = 1,
    .words_max = CAIRN_DEVICES_PER_TX_MAX,
    .summary = "put devices out of use for good",
    .help = "For those that are scrapped. All of them, or none.",
    .run = run_retire,
};

/* --- bar: by approval --- */

static cairn_err act_bar(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    cairn_device_row rows[CAIRN_DEVICES_BARRED_MAX];
    cairn_bytes body;
    CAIRN_TRY(read_rows(home, arguments, rows));
    CAIRN_TRY(cairn_device_bar_body(&home->command->arena, rows, arguments->word_count, &body));
    return cairn_proposal_send(home, CAIRN_TX_DEVICE_BAR, body, facts);
}

static cairn_err run_bar(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act_bar);
}

const cairn_verb cairn_verb_device_bar = {
    .name = "device bar",
    .words = "VOUCHER|INDEX…",
    .words_min = 1,
    .words_max = CAIRN_DEVICES_BARRED_MAX,
    .summary = "have the members revoke devices, whoever's they are",
    .help = "By approval, as org admit. For devices whose owner is gone, or will not.",
    .run = run_bar,
};
