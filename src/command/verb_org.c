/* cairn org: an organisation as the ledger knows it, and what members decide about it. */
#include <stdio.h>
#include <stdlib.h>

#include "command/files.h"
#include "command/listing.h"
#include "command/proposal.h"
#include "command/verbs.h"
#include "identity/identity.h"
#include "node/node_directory.h"

enum { REQUEST_SIZE_MAX = 16384 };
static const char request_format[] = "cairn/admission-request/1";
static const char first_key[] = "sign-1"; /* as cairn init names it */

/* --- show --- */

static cairn_err show_key(const cairn_state_source *state, cairn_arena *arena,
                          const cairn_hash *kid, json_t *item)
{
    cairn_key_record key;
    CAIRN_TRY(cairn_registry_key(state, arena, kid, &key));
    cairn_facts_hash(item, "id", kid);
    cairn_facts_text(item, "purpose", cairn_purpose_name(key.purpose));
    cairn_facts_number(item, "since_height", key.since);
    if (key.until != CAIRN_HEIGHT_OPEN)
        cairn_facts_number(item, "until_height", key.until);
    if (key.suspect_since != CAIRN_HEIGHT_OPEN)
        cairn_facts_number(item, "suspect_since_height", key.suspect_since);
    return CAIRN_OK;
}

static cairn_err act_show(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    cairn_arena *arena = &home->command->arena;
    cairn_state_source state = cairn_home_state(home);
    cairn_hash id = home->org;
    cairn_org_record org;
    if (arguments->word_count == 1 &&
        cairn_hex_decode(arguments->words[0], id.b, sizeof id.b) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "an organisation's id is 64 hex digits");
    cairn_err err = cairn_registry_org(&state, arena, &id, &org);
    if (err == CAIRN_ERR_NOT_FOUND) {
        char text[2 * sizeof(cairn_hash) + 1];
        cairn_hex_encode(cairn_bytes_hash(&id), text);
        return CAIRN_FAIL(err, "house", "the ledger knows no organisation %s", text);
    }
    CAIRN_TRY(err);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(home->engine);
    cairn_facts_text(facts, "organisation", org.name);
    cairn_facts_hash(facts, "id", &id);
    cairn_facts_text(facts, "status", cairn_org_status_name(org.status));
    cairn_facts_bool(facts, "member", org.member);
    cairn_facts_number(facts, "admitted_height", org.admitted_height);
    cairn_facts_hash(facts, "ledger", &home->ledger);
    cairn_facts_number(facts, "height", view->height);
    cairn_facts_number(facts, "log_size", view->log_size);
    json_t *keys = cairn_facts_list(facts, "key");
    for (size_t i = 0; i < org.kid_count; i++)
        CAIRN_TRY(show_key(&state, arena, &org.kids[i], cairn_facts_item(keys)));
    return CAIRN_OK;
}

static cairn_err run_show(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_READ, act_show);
}

const cairn_verb cairn_verb_org_show = {
    .name = "org show",
    .words = "[ID]",
    .words_min = 0,
    .words_max = 1,
    .summary = "print an organisation and its keys as the ledger knows them",
    .help = "Without ID: the organisation of this directory.",
    .run = run_show,
};

/* --- list --- */

typedef struct listing {
    cairn_home *home;
    json_t *list;
} listing;

static void add_roles(json_t *item, uint32_t roles)
{
    char text[512] = "";
    size_t size = 0;
    for (unsigned bit = 0; bit < 32; bit++)
        if ((roles >> bit & 1u) != 0 && size < sizeof text)
            size += (size_t)snprintf(text + size, sizeof text - size, "%s%s", size == 0 ? "" : " ",
                                     cairn_role_name(UINT32_C(1) << bit));
    cairn_facts_text(item, "roles", text);
}

static cairn_err list_one(void *context, const cairn_hash *id)
{
    const listing *l = context;
    cairn_state_source state = cairn_home_state(l->home);
    cairn_org_record org;
    CAIRN_TRY(cairn_registry_org(&state, &l->home->command->arena, id, &org));
    json_t *item = cairn_facts_item(l->list);
    cairn_facts_text(item, "organisation", org.name);
    cairn_facts_hash(item, "id", id);
    cairn_facts_text(item, "status", cairn_org_status_name(org.status));
    cairn_facts_bool(item, "member", org.member);
    add_roles(item, org.roles);
    cairn_facts_number(item, "admitted_height", org.admitted_height);
    return CAIRN_OK;
}

static cairn_err act_list(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    (void)arguments;
    listing l = {.home = home, .list = cairn_facts_list(facts, "organisations")};
    return cairn_listing_each(home, CAIRN_DIRECTORY_ORGANISATIONS, list_one, &l);
}

/* --- request: what a member needs to admit us --- */

static cairn_err add_base64(cairn_arena *arena, json_t *facts, const char *key, cairn_bytes bytes)
{
    void *text = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, cairn_base64_size(bytes.size) + 1, &text));
    cairn_base64_encode(bytes, text);
    cairn_facts_text(facts, key, text);
    return CAIRN_OK;
}

static cairn_err make_request(cairn_home *home, const char *org_name, json_t *request)
{
    cairn_arena *arena = &home->command->arena;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    uint8_t encoded[CAIRN_COSE_KEY_SIZE_MAX];
    uint8_t proof[CAIRN_SIGNATURE_SIZE_MAX];
    size_t encoded_size = 0;
    size_t proof_size = 0;
    cairn_hash org;
    cairn_bytes message;
    CAIRN_TRY(cairn_signer_public(home->signer, first_key, &key));
    CAIRN_TRY(cairn_key_to_cose(key, encoded, &encoded_size));
    cairn_org_id(cairn_key_id(key), &org);
    const cairn_bytes cose_key = cairn_bytes_of(encoded, encoded_size);
    CAIRN_TRY(cairn_key_proof_message(arena, &home->ledger, &org, CAIRN_PURPOSE_SIGN, cose_key,
                                      &message));
    CAIRN_TRY(cairn_signer_sign_wait_for(home->signer, CAIRN_SIGNER_FOR_SIGN, first_key, message,
                                         proof, &proof_size));
    cairn_facts_text(request, "format", request_format);
    cairn_facts_hash(request, "ledger", &home->ledger);
    cairn_facts_text(request, "name", org_name);
    cairn_facts_hash(request, "organisation_id", &org);
    CAIRN_TRY(add_base64(arena, request, "cose_key", cose_key));
    return add_base64(arena, request, "proof", cairn_bytes_of(proof, proof_size));
}

static cairn_err act_request(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    const char *path = arguments->words[0];
    const char *name = cairn_option_value(arguments, "org");
    if (cairn_org_name_check(cairn_bytes_str(name)) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "--org: 1 to 64 printable characters without / and +");
    json_t *request = cairn_facts_new();
    cairn_err err = make_request(home, name, request);
    char *text = err == CAIRN_OK ? json_dumps(request, JSON_INDENT(2)) : NULL;
    json_decref(request);
    CAIRN_TRY(err);
    if (text == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "request");
    err = cairn_output_write(path, 0644, cairn_bytes_str(text));
    free(text);
    cairn_facts_text(facts, "request", path);
    cairn_facts_hash(facts, "ledger", &home->ledger);
    return err;
}

/* --- admit --- */

typedef struct request {
    cairn_bytes name;
    cairn_bytes cose_key;
    cairn_bytes proof;
} request;

static cairn_err take_base64(cairn_arena *arena, const json_t *object, const char *field,
                             size_t size_max, cairn_bytes *ret_bytes)
{
    const char *text = json_string_value(json_object_get(object, field));
    void *memory = NULL;
    size_t size = 0;
    CAIRN_TRY(cairn_arena_alloc(arena, size_max, &memory));
    if (text == NULL ||
        cairn_base64_decode(cairn_bytes_str(text), memory, size_max, &size) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "request.%s: is no base64", field);
    *ret_bytes = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

static cairn_err take_request(cairn_home *home, const json_t *object, request *ret_request)
{
    cairn_arena *arena = &home->command->arena;
    const char *format = json_string_value(json_object_get(object, "format"));
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *ledger = json_string_value(json_object_get(object, "ledger"));
    cairn_hash id;
    if (format == NULL || strcmp(format, request_format) != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VERSION, "house", "request.format: is not %s",
                          request_format);
    if (ledger == NULL || cairn_hex_decode(ledger, id.b, sizeof id.b) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "request.ledger: is no id");
    if (!cairn_hash_equal(&id, &home->ledger))
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_LEDGER, "house", "request.ledger: is another one");
    if (name == NULL)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, "house", "request.name");
    CAIRN_TRY(cairn_arena_copy(arena, cairn_bytes_str(name), &ret_request->name));
    CAIRN_TRY(cairn_org_name_check(ret_request->name));
    CAIRN_TRY(
        take_base64(arena, object, "cose_key", CAIRN_COSE_KEY_SIZE_MAX, &ret_request->cose_key));
    return take_base64(arena, object, "proof", CAIRN_SIGNATURE_SIZE_MAX, &ret_request->proof);
}

static cairn_err read_request(cairn_home *home, const char *path, request *ret_request)
{
    cairn_bytes text;
    CAIRN_TRY(cairn_input_read(&home->command->arena, path, REQUEST_SIZE_MAX, &text));
    json_t *object = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    cairn_err err = json_is_object(object) ? take_request(home, object, ret_request)
                                           : CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house",
                                                        "%s is no admission request", path);
    json_decref(object);
    return err;
}

static cairn_err parse_roles(const cairn_arguments *arguments, uint32_t *ret_roles)
{
    const char *const *names = NULL;
    size_t count = cairn_option_values(arguments, "role", &names);
    *ret_roles = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t role = 0;
        if (cairn_role_find(cairn_bytes_str(names[i]), &role) != CAIRN_OK)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--role: there is no role %s", names[i]);
        *ret_roles |= role;
    }
    return CAIRN_OK;
}

static cairn_err act_admit(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    request r;
    uint32_t roles = 0;
    cairn_bytes body;
    CAIRN_TRY(parse_roles(arguments, &roles));
    CAIRN_TRY(read_request(home, arguments->words[0], &r));
    CAIRN_TRY(cairn_org_admit_body(&home->command->arena, r.name,
                                   cairn_option_given(arguments, "member"), r.cose_key, r.proof,
                                   roles, &body));
    cairn_facts_view(facts, "organisation", r.name);
    return cairn_proposal_send(home, CAIRN_TX_ORG_ADMIT, body, facts);
}

/* --- status and roles --- */

static cairn_err load_org(cairn_home *home, const char *text, cairn_hash *ret_id,
                          cairn_org_record *ret_org)
{
    cairn_state_source state = cairn_home_state(home);
    if (cairn_hex_decode(text, ret_id->b, sizeof ret_id->b) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "an organisation's id is 64 hex digits");
    cairn_err err = cairn_registry_org(&state, &home->command->arena, ret_id, ret_org);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "the ledger knows no organisation %s", text);
    return err;
}

static cairn_err set_status(cairn_home *home, const cairn_arguments *arguments,
                            cairn_org_status status, json_t *facts)
{
    cairn_hash id;
    cairn_org_record org;
    cairn_bytes body;
    CAIRN_TRY(load_org(home, arguments->words[0], &id, &org));
    CAIRN_TRY(cairn_org_status_body(&home->command->arena, &id, status, org.version, &body));
    cairn_facts_text(facts, "organisation", org.name);
    return cairn_proposal_send(home, CAIRN_TX_ORG_STATUS, body, facts);
}

static cairn_err act_suspend(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    return set_status(home, arguments, CAIRN_ORG_SUSPENDED, facts);
}

static cairn_err act_resume(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    return set_status(home, arguments, CAIRN_ORG_ACTIVE, facts);
}

static cairn_err act_remove(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    return set_status(home, arguments, CAIRN_ORG_REMOVED, facts);
}

static cairn_err act_roles(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    cairn_hash id;
    cairn_org_record org;
    uint32_t roles = 0;
    cairn_bytes body;
    CAIRN_TRY(parse_roles(arguments, &roles));
    if ((roles == 0) != cairn_option_given(arguments, "none"))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "--role for each that it is to have, or --none");
    CAIRN_TRY(load_org(home, arguments->words[0], &id, &org));
    CAIRN_TRY(cairn_org_roles_body(&home->command->arena, &id, roles, org.version, &body));
    cairn_facts_text(facts, "organisation", org.name);
    return cairn_proposal_send(home, CAIRN_TX_ORG_ROLES, body, facts);
}

/* --- rotate --- */

/* "sign-2" after "sign-1": the least number that no key of that stem has yet. The stem is the
 * purpose's where the old name does not say it. */
static cairn_err next_name(cairn_home *home, const cairn_home_key *key_before, char ret_name[64])
{
    const cairn_purpose purpose = key_before->record.purpose;
    bool fits = cairn_signer_purpose_of(key_before->name) == 1u << purpose;
    const char *old = fits ? key_before->name : cairn_purpose_name(purpose);
    const char *dash = strrchr(old, '-');
    int stem = dash == NULL ? (int)strlen(old) : (int)(dash - old);
    for (unsigned n = 1; n < 10000; n++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        (void)snprintf(ret_name, 64, "%.*s-%u", stem > 56 ? 56 : stem, old, n);
        cairn_err err = cairn_signer_public(home->signer, ret_name, &key);
        if (err == CAIRN_ERR_NOT_FOUND)
            return CAIRN_OK;
        CAIRN_TRY(err);
    }
    return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "keys: no free name for %s", old);
}

static cairn_err rotate(cairn_home *home, const cairn_home_key *old, uint64_t until, json_t *facts)
{
    cairn_arena *arena = &home->command->arena;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    uint8_t encoded[CAIRN_COSE_KEY_SIZE_MAX];
    uint8_t proof[CAIRN_SIGNATURE_SIZE_MAX];
    size_t encoded_size = 0;
    size_t proof_size = 0;
    char name[64];
    cairn_bytes message;
    cairn_bytes body;
    cairn_verdict verdict;
    if (old->record.until != CAIRN_HEIGHT_OPEN) /* before there is a key for nothing */
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, "house", "%s: its end is set", old->name);
    CAIRN_TRY(next_name(home, old, name));
    CAIRN_TRY(cairn_signer_generate(home->signer, name, cairn_key_get_type(old->public_key), &key));
    CAIRN_TRY(cairn_key_to_cose(key, encoded, &encoded_size));
    const cairn_bytes cose_key = cairn_bytes_of(encoded, encoded_size);
    CAIRN_TRY(cairn_key_proof_message(arena, &home->ledger, &home->org, old->record.purpose,
                                      cose_key, &message));
    CAIRN_TRY(cairn_signer_sign_wait_for(home->signer, 1u << old->record.purpose, name, message,
                                         proof, &proof_size));
    CAIRN_TRY(cairn_key_rotate_body(arena, &old->kid, cose_key, cairn_bytes_of(proof, proof_size),
                                    until, &body));
    CAIRN_TRY(cairn_home_send(home, CAIRN_TX_KEY_ROTATE, body, &verdict));
    cairn_facts_text(facts, "name", name);
    cairn_facts_hash(facts, "key", cairn_key_id(key));
    cairn_facts_text(facts, "purpose", cairn_purpose_name(old->record.purpose));
    cairn_facts_text(facts, "in_place_of", old->name);
    cairn_facts_number(facts, "since_height", verdict.height);
    return CAIRN_OK;
}

static cairn_err act_rotate(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    uint64_t until = CAIRN_HEIGHT_OPEN;
    CAIRN_TRY(cairn_option_number(arguments, "until", 1, INT64_MAX, &until));
    for (size_t i = 0; i < home->key_count; i++)
        if (strcmp(arguments->words[0], home->keys[i].name) == 0)
            return rotate(home, &home->keys[i], until, facts);
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "no key named %s here", arguments->words[0]);
}

/* --- verbs --- */

#define RUN(verb, use)                                                                    \
    static cairn_err run_##verb(cairn_command *command, const cairn_arguments *arguments) \
    {                                                                                     \
        return cairn_home_run(command, arguments, (use), act_##verb);                     \
    }
RUN(list, CAIRN_HOME_READ)
RUN(request, CAIRN_HOME_JOIN)
RUN(admit, CAIRN_HOME_WRITE)
RUN(suspend, CAIRN_HOME_WRITE)
RUN(resume, CAIRN_HOME_WRITE)
RUN(remove, CAIRN_HOME_WRITE)
RUN(roles, CAIRN_HOME_WRITE)
RUN(rotate, CAIRN_HOME_WRITE)

const cairn_verb cairn_verb_org_list = {
    .name = "org list",
    .words = "",
    .summary = "list the organisations of the ledger",
    .help = "The founders first, then the others in the order of their admission.",
    .run = run_list,
};

static const cairn_option request_options[] = {
    {"org", "NAME", true, false, "name of this organisation"},
};

const cairn_verb cairn_verb_org_request = {
    .name = "org request",
    .words = "FILE --org NAME",
    .words_min = 1,
    .words_max = 1,
    .summary = "write what a member needs to admit this organisation",
    .help = "FILE holds a name, the public key sign-1, and the key's own signature over itself and "
            "the ledger's id: it is no secret. The name is what the members make of it. Made in a "
            "directory of cairn init --node, and "
            "handed to a member, who says: cairn org admit FILE.",
    .options = request_options,
    .option_count = sizeof request_options / sizeof request_options[0],
    .run = run_request,
};

static const cairn_option admit_options[] = {
    {"role", "ROLE", false, true, "a role, such as manufacturer, operator, insurer"},
    {"member", NULL, false, false, "it votes on approvals"},
};

const cairn_verb cairn_verb_org_admit = {
    .name = "org admit",
    .words = "FILE",
    .words_min = 1,
    .words_max = 1,
    .summary = "propose to admit the organisation that made this request",
    .help = "It is admitted with the last approval that the ledger's rules ask for; where this "
            "organisation decides alone, at once.",
    .options = admit_options,
    .option_count = sizeof admit_options / sizeof admit_options[0],
    .run = run_admit,
};

const cairn_verb cairn_verb_org_suspend = {
    .name = "org suspend",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .summary = "propose that an organisation signs nothing until it is resumed",
    .help = "What it signed before stays as it was. By approval, as org admit.",
    .run = run_suspend,
};

const cairn_verb cairn_verb_org_resume = {
    .name = "org resume",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .summary = "propose to end an organisation's suspension",
    .help = "By approval, as org admit.",
    .run = run_resume,
};

const cairn_verb cairn_verb_org_remove = {
    .name = "org remove",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .summary = "propose to remove an organisation for good",
    .help = "A removed organisation does not come back under the same id. By approval, as org "
            "admit.",
    .run = run_remove,
};

static const cairn_option roles_options[] = {
    {"role", "ROLE", false, true, "a role that it is to have; those not named it loses"},
    {"none", NULL, false, false, "it is to lose all"},
};

const cairn_verb cairn_verb_org_roles = {
    .name = "org roles",
    .words = "ID",
    .words_min = 1,
    .words_max = 1,
    .summary = "propose the roles of an organisation",
    .help = "By approval, as org admit.",
    .options = roles_options,
    .option_count = sizeof roles_options / sizeof roles_options[0],
    .run = run_roles,
};

static const cairn_option rotate_options[] = {
    {"until", "HEIGHT", false, false, "first height at which the old key is no longer valid"},
};

const cairn_verb cairn_verb_org_rotate = {
    .name = "org rotate",
    .words = "KEY",
    .words_min = 1,
    .words_max = 1,
    .summary = "put a new key in the place of one of this organisation's",
    .help = "KEY is its name here (key show). The new key takes its purpose and is named by the "
            "next number; the old one ends with the next block, or at --until. A running node of "
            "this directory signs with the new key after SIGHUP.",
    .options = rotate_options,
    .option_count = sizeof rotate_options / sizeof rotate_options[0],
    .run = run_rotate,
};
