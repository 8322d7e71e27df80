/* cairn trust export, trust show: the file by which others verify. */
#include <errno.h>
#include <stdlib.h>

#include "cairn/trust.h"
#include "command/facts.h"
#include "command/files.h"
#include "command/home.h"
#include "command/listing.h"
#include "command/verbs.h"
#include "ledger/params.h"
#include "node/node_directory.h"

enum { DAYS_DEFAULT = 400, DAYS_MAX = 36500 };
#define DAY_MS UINT64_C(86400000)

/* --- export --- */

static bool is_listed(const cairn_key_record *record)
{
    return record->purpose == CAIRN_PURPOSE_SIGN || record->purpose == CAIRN_PURPOSE_COSIGN;
}

/* From this height on nothing counts that the organisation signs: when it was suspended or removed,
 * for it is so still. Its editions are read back to there. */
static cairn_err find_end(const cairn_state_source *state, cairn_arena *arena, const cairn_hash *id,
                          const cairn_org_record *org, uint64_t *ret_end)
{
    *ret_end = CAIRN_TRUST_OPEN;
    for (uint64_t n = org->editions; n > 0; n--) {
        cairn_edition edition;
        CAIRN_TRY(cairn_registry_edition(state, arena, id, n, &edition));
        if (edition.status == CAIRN_ORG_ACTIVE)
            break;
        *ret_end = edition.height;
    }
    return CAIRN_OK;
}

static cairn_trust_key trust_key_of(const cairn_key_record *record, uint64_t end)
{
    uint64_t until = record->until < end ? record->until : end;
    return (cairn_trust_key){
        .purpose = record->purpose == CAIRN_PURPOSE_SIGN ? CAIRN_TRUST_SIGN : CAIRN_TRUST_COSIGN,
        .cose_key = record->cose_key,
        .since = record->since,
        .until = until,
        .suspect = record->suspect_since > until ? CAIRN_TRUST_OPEN : record->suspect_since,
    };
}

/* A member with its keys for signing and cosigning, as the state has them. */
static cairn_err fill_member(const cairn_state_source *state, cairn_arena *arena,
                             const cairn_hash *org_id, cairn_trust_member *ret_member)
{
    cairn_org_record org;
    void *keys = NULL;
    uint64_t end = CAIRN_TRUST_OPEN;
    CAIRN_TRY(cairn_registry_org(state, arena, org_id, &org));
    CAIRN_TRY(find_end(state, arena, org_id, &org, &end));
    cairn_trust_member member = {.org = *org_id};
    CAIRN_TRY(cairn_arena_copy(arena, cairn_bytes_str(org.name), &member.name));
    CAIRN_TRY(cairn_arena_array(arena, org.kid_count, sizeof(cairn_trust_key), &keys));
    member.keys = keys;
    for (size_t i = 0; i < org.kid_count; i++) {
        cairn_key_record record;
        CAIRN_TRY(cairn_registry_key(state, arena, &org.kids[i], &record));
        if (is_listed(&record) && record.since <= end)
            member.keys[member.key_count++] = trust_key_of(&record, end);
    }
    *ret_member = member;
    return CAIRN_OK;
}

/* Whoever is a member, then whoever was one: what they signed until then stays good. */
typedef struct filling {
    cairn_home *home;
    cairn_state_source state;
    cairn_member_list now;
    cairn_trust *trust;
} filling;

static cairn_err add_member(filling *m, const cairn_hash *id)
{
    return fill_member(&m->state, &m->home->command->arena, id,
                       &m->trust->members[m->trust->member_count++]);
}

/* Of those who were, as many as there is room for. */
static cairn_err add_former(void *context, const cairn_hash *id)
{
    filling *m = context;
    cairn_org_record org;
    if (m->trust->member_count == CAIRN_TRUST_MEMBERS_MAX || cairn_member_list_has(&m->now, id))
        return CAIRN_OK;
    CAIRN_TRY(cairn_registry_org(&m->state, &m->home->command->arena, id, &org));
    return org.member ? add_member(m, id) : CAIRN_OK;
}

static cairn_err fill_trust(cairn_home *home, cairn_trust *trust)
{
    cairn_arena *arena = &home->command->arena;
    void *memory = NULL;
    filling m = {.home = home, .state = cairn_home_state(home), .trust = trust};
    CAIRN_TRY(cairn_registry_members(&m.state, arena, &m.now));
    CAIRN_TRY(
        cairn_arena_array(arena, CAIRN_TRUST_MEMBERS_MAX, sizeof(cairn_trust_member), &memory));
    trust->members = memory;
    for (size_t i = 0; i < m.now.count; i++)
        CAIRN_TRY(add_member(&m, &m.now.orgs[i]));
    return cairn_listing_each(home, CAIRN_DIRECTORY_ORGANISATIONS, add_former, &m);
}

static bool validates(const cairn_state_source *state, cairn_arena *arena,
                      const cairn_org_record *org)
{
    cairn_key_record record;
    for (size_t i = 0; i < org->kid_count; i++)
        if (cairn_registry_key(state, arena, &org->kids[i], &record) == CAIRN_OK &&
            record.purpose == CAIRN_PURPOSE_VALIDATOR && record.until == CAIRN_HEIGHT_OPEN)
            return true;
    return false;
}

/* Members of a consortium vouch by the threshold by which they decide; elsewhere one node signs. */
static cairn_err default_threshold(cairn_home *home, const cairn_trust *trust,
                                   uint64_t *ret_threshold)
{
    cairn_arena *arena = &home->command->arena;
    cairn_state_source state = cairn_home_state(home);
    cairn_params params;
    cairn_bytes value;
    bool consortium = false;
    for (size_t i = 0; i < trust->member_count && !consortium; i++) {
        cairn_org_record org;
        CAIRN_TRY(cairn_registry_org(&state, arena, &trust->members[i].org, &org));
        consortium = validates(&state, arena, &org);
    }
    *ret_threshold = 1;
    if (!consortium)
        return CAIRN_OK;
    CAIRN_TRY(cairn_engine_get_newest(home->engine, CAIRN_MAP_CONFIG, cairn_bytes_str("params"),
                                      arena, &value));
    CAIRN_TRY(cairn_params_decode(value, &params));
    *ret_threshold =
        cairn_params_threshold(&params, cairn_trust_cosigners_at(trust, CAIRN_TRUST_OPEN - 1));
    return CAIRN_OK;
}

static cairn_err export_trust(cairn_home *home, const cairn_arguments *arguments,
                              cairn_bytes *ret_encoded)
{
    uint64_t day_count = DAYS_DEFAULT;
    cairn_trust trust = {.ledger = home->ledger,
                         .origin = cairn_bytes_str(home->origin),
                         .issued_ms = cairn_clock_wall_ms(&home->clock)};
    CAIRN_TRY(cairn_option_number(arguments, "days", 1, DAYS_MAX, &day_count));
    trust.expires_ms = trust.issued_ms + day_count * DAY_MS;
    CAIRN_TRY(fill_trust(home, &trust));
    CAIRN_TRY(default_threshold(home, &trust, &trust.threshold));
    CAIRN_TRY(cairn_option_number(arguments, "threshold", 1,
                                  cairn_trust_cosigners_at(&trust, CAIRN_TRUST_OPEN - 1),
                                  &trust.threshold));
    return cairn_trust_encode(&home->command->arena, &trust, ret_encoded);
}

/* The file itself, for a pipe. */
static cairn_err write_raw(cairn_command *command, cairn_bytes encoded)
{
    errno = 0;
    if (fwrite(encoded.data, 1, encoded.size, command->out) != encoded.size ||
        fflush(command->out) != 0)
        return cairn_err_from_errno(errno, "output");
    return CAIRN_OK;
}

static cairn_err write_out(cairn_command *command, const char *path, cairn_bytes encoded)
{
    cairn_hash fingerprint;
    if (path == NULL && !command->json)
        return write_raw(command, encoded);
    if (path != NULL)
        CAIRN_TRY(cairn_output_write(path, 0644, encoded));
    json_t *facts = cairn_facts_new();
    if (path != NULL)
        cairn_facts_text(facts, "trust", path);
    else
        cairn_facts_base64(facts, "trust_base64", encoded);
    cairn_trust_fingerprint(encoded, &fingerprint);
    cairn_facts_hash(facts, "fingerprint", &fingerprint);
    return cairn_facts_print(command, facts);
}

static cairn_err run_export(cairn_command *command, const cairn_arguments *arguments)
{
    cairn_home home;
    cairn_bytes encoded;
    CAIRN_TRY(cairn_home_open(command, CAIRN_HOME_READ, &home));
    cairn_err err = export_trust(&home, arguments, &encoded);
    cairn_err closed = cairn_home_close(&home);
    CAIRN_TRY(err);
    CAIRN_TRY(closed);
    return write_out(command, arguments->word_count == 0 ? NULL : arguments->words[0], encoded);
}

/* --- show --- */

static void add_key(json_t *list, const cairn_trust_key *key)
{
    json_t *item = cairn_facts_item(list);
    cairn_facts_hash(item, "id", &key->kid);
    cairn_facts_text(item, "purpose", key->purpose == CAIRN_TRUST_SIGN ? "sign" : "cosign");
    cairn_facts_text(item, "type",
                     cairn_key_get_type(key->key) == CAIRN_KEY_ED25519 ? "Ed25519" : "P-256");
    cairn_facts_number(item, "since_height", key->since);
    if (key->until != CAIRN_TRUST_OPEN)
        cairn_facts_number(item, "until_height", key->until);
    if (key->suspect != CAIRN_TRUST_OPEN)
        cairn_facts_number(item, "suspect_since_height", key->suspect);
}

static void add_anchor(json_t *facts, const cairn_light_anchor *anchor)
{
    const cairn_light_header *header = &anchor->state.header;
    json_t *item = cairn_facts_object(facts, "anchor");
    uint64_t header_ms = cairn_light_time_to_ms(header->time);
    cairn_hash hash;
    cairn_light_header_hash(header, &hash);
    cairn_facts_view(item, "chain", header->chain_id);
    cairn_facts_number(item, "height", header->height);
    cairn_facts_hash(item, "header", &hash);
    cairn_facts_number(item, "validators", anchor->state.validators.count);
    cairn_facts_time(item, "time", header_ms);
    cairn_facts_time(item, "convinces_until", header_ms + anchor->trusting_period_ms);
}

static void add_trust(json_t *facts, const cairn_trust *trust)
{
    cairn_facts_hash(facts, "ledger", &trust->ledger);
    cairn_facts_view(facts, "origin", trust->origin);
    cairn_facts_number(facts, "needed", trust->threshold);
    cairn_facts_number(facts, "of", cairn_trust_cosigners_at(trust, CAIRN_TRUST_OPEN - 1));
    cairn_facts_time(facts, "issued", trust->issued_ms);
    cairn_facts_time(facts, "expires", trust->expires_ms);
    json_t *members = cairn_facts_list(facts, "member");
    for (size_t i = 0; i < trust->member_count; i++) {
        const cairn_trust_member *member = &trust->members[i];
        json_t *item = cairn_facts_item(members);
        cairn_facts_view(item, "name", member->name);
        cairn_facts_hash(item, "id", &member->org);
        json_t *keys = cairn_facts_list(item, "key");
        for (size_t k = 0; k < member->key_count; k++)
            add_key(keys, &member->keys[k]);
    }
    if (trust->anchor != NULL)
        add_anchor(facts, trust->anchor);
}

static cairn_err run_show(cairn_command *command, const cairn_arguments *arguments)
{
    cairn_bytes encoded;
    cairn_hash fingerprint;
    cairn_trust trust = {0};
    CAIRN_TRY(
        cairn_input_read(&command->arena, arguments->words[0], CAIRN_TRUST_SIZE_MAX, &encoded));
    CAIRN_TRY(cairn_trust_decode(&command->arena, encoded, &trust));
    json_t *facts = cairn_facts_new();
    cairn_trust_fingerprint(encoded, &fingerprint);
    cairn_facts_hash(facts, "fingerprint", &fingerprint);
    add_trust(facts, &trust);
    cairn_trust_done(&trust);
    return cairn_facts_print(command, facts);
}

static const cairn_option export_options[] = {
    {"threshold", "K", false, false,
     "how many members must vouch; else 1, in a consortium as many as decide"},
    {"days", "N", false, false, "days until it expires; 400 if not given"},
};

const cairn_verb cairn_verb_trust_export = {
    .name = "trust export",
    .words = "[FILE]",
    .words_min = 0,
    .words_max = 1,
    .summary = "write the trust file: public keys of the members, by which others verify",
    .help = "Derived from the ledger's state: each member's keys for signing and cosigning with "
            "the heights between "
            "which they are good, revoked ones too, so that old receipts verify. Without FILE it "
            "goes to standard "
            "output, in base64 with --json. Hand it over by a way that the verifier trusts.",
    .options = export_options,
    .option_count = sizeof export_options / sizeof export_options[0],
    .run = run_export,
};

const cairn_verb cairn_verb_trust_show = {
    .name = "trust show",
    .words = "FILE",
    .words_min = 1,
    .words_max = 1,
    .summary = "print a trust file and its fingerprint",
    .help = "Needs no ledger. The fingerprint is for comparing by telephone.",
    .run = run_show,
};
