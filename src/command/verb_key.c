/* cairn key new, show, revoke. */
#include <stdlib.h>

#include "command/facts.h"
#include "command/home.h"
#include "command/home_key.h"
#include "command/verbs.h"
#include "identity/identity.h"

static const char *type_name(cairn_key_type type)
{
    return type == CAIRN_KEY_ED25519 ? "Ed25519" : type == CAIRN_KEY_P384 ? "P-384" : "P-256";
}

static cairn_err parse_purpose(const char *text, cairn_purpose *ret_purpose)
{
    for (int p = CAIRN_PURPOSE_SIGN; p <= CAIRN_PURPOSE_LAST; p++)
        if (strcmp(text, cairn_purpose_name((cairn_purpose)p)) == 0) {
            *ret_purpose = (cairn_purpose)p;
            return CAIRN_OK;
        }
    return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                      "--purpose: sign, tls, cosign, owner, encrypt, validator or issue");
}

static cairn_err parse_type(const char *text, cairn_key_type *ret_type)
{
    *ret_type = CAIRN_KEY_P256;
    if (text == NULL || strcmp(text, "p256") == 0)
        return CAIRN_OK;
    *ret_type = CAIRN_KEY_ED25519;
    if (strcmp(text, "ed25519") == 0)
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--type: p256 or ed25519");
}

/* --- new --- */

/* "cosign-2": the least number that no key has yet. */
static cairn_err free_name(cairn_home *home, const char *stem, char ret_name[64])
{
    for (unsigned n = 1; n < 10000; n++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        (void)snprintf(ret_name, 64, "%s-%u", stem, n);
        cairn_err err = cairn_signer_public(home->signer, ret_name, &key);
        if (err == CAIRN_ERR_NOT_FOUND)
            return CAIRN_OK;
        CAIRN_TRY(err);
    }
    return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "keys: no free name for %s", stem);
}

static cairn_err add_key(cairn_home *home, const char *name, cairn_purpose purpose,
                         cairn_key_type type, json_t *facts)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_verdict verdict;
    CAIRN_TRY(cairn_signer_generate(home->signer, name, type, &key));
    CAIRN_TRY(cairn_home_register_key(home, name, purpose, key, &verdict));
    cairn_facts_text(facts, "name", name);
    cairn_facts_hash(facts, "key", cairn_key_id(key));
    cairn_facts_text(facts, "purpose", cairn_purpose_name(purpose));
    cairn_facts_text(facts, "type", type_name(type));
    cairn_facts_number(facts, "since_height", verdict.height);
    return CAIRN_OK;
}

/* Whoever holds the keys tells their purposes by their names, and signs for no other one. */
static cairn_err check_name(const char *name, cairn_purpose purpose)
{
    if (cairn_signer_purpose_of(name) == 1u << purpose)
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_USAGE, "docs/formats/keys.md",
                      "--name: the part before its first '-', '.' or '_' says what a key is for; "
                      "here it must be %s%s",
                      cairn_purpose_name(purpose),
                      purpose == CAIRN_PURPOSE_COSIGN ? " or note" : "");
}

static cairn_err new_key(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    const char *name = cairn_option_value(arguments, "name");
    char made_up[64];
    cairn_purpose purpose;
    cairn_key_type type;
    CAIRN_TRY(parse_purpose(cairn_option_value(arguments, "purpose"), &purpose));
    CAIRN_TRY(parse_type(cairn_option_value(arguments, "type"), &type));
    if (purpose == CAIRN_PURPOSE_SIGN && type != CAIRN_KEY_P256)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--type: a signing key is p256");
    if (name == NULL) {
        const char *stem = purpose == CAIRN_PURPOSE_COSIGN && type == CAIRN_KEY_ED25519
                               ? "note"
                               : cairn_purpose_name(purpose);
        CAIRN_TRY(free_name(home, stem, made_up));
        name = made_up;
    }
    CAIRN_TRY(check_name(name, purpose));
    return add_key(home, name, purpose, type, facts);
}

/* --- show --- */

static void show_key(const cairn_home_key *key, json_t *item)
{
    cairn_facts_text(item, "name", key->name);
    cairn_facts_hash(item, "key", &key->kid);
    cairn_facts_text(item, "purpose", cairn_purpose_name(key->record.purpose));
    cairn_facts_text(item, "type", type_name(cairn_key_get_type(key->public_key)));
    cairn_facts_number(item, "since_height", key->record.since);
    if (key->record.until != CAIRN_HEIGHT_OPEN)
        cairn_facts_number(item, "until_height", key->record.until);
    if (key->record.suspect_since != CAIRN_HEIGHT_OPEN)
        cairn_facts_number(item, "suspect_since_height", key->record.suspect_since);
}

static cairn_err show_pem(cairn_home *home, const cairn_home_key *key, json_t *item)
{
    cairn_bytes pem;
    CAIRN_TRY(cairn_key_to_pem(key->public_key, false, &home->command->arena, &pem));
    cairn_facts_view(item, "public_key", pem);
    return CAIRN_OK;
}

static cairn_err show_keys(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    const char *wanted = arguments->word_count == 0 ? NULL : arguments->words[0];
    json_t *list = cairn_facts_list(facts, "key");
    bool found = wanted == NULL;
    for (size_t i = 0; i < home->key_count; i++) {
        const cairn_home_key *key = &home->keys[i];
        if (wanted != NULL && strcmp(wanted, key->name) != 0)
            continue;
        json_t *item = cairn_facts_item(list);
        show_key(key, item);
        if (wanted != NULL)
            CAIRN_TRY(show_pem(home, key, item));
        found = true;
    }
    if (!found)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "no key named %s here", wanted);
    return CAIRN_OK;
}

/* --- revoke --- */

static cairn_err revoke_key(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    uint64_t suspect_since = CAIRN_HEIGHT_OPEN;
    cairn_home_key *key = NULL;
    cairn_bytes body;
    cairn_verdict verdict;
    for (size_t i = 0; i < home->key_count; i++)
        if (strcmp(arguments->words[0], home->keys[i].name) == 0)
            key = &home->keys[i];
    if (key == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "no key named %s here",
                          arguments->words[0]);
    CAIRN_TRY(cairn_option_number(arguments, "suspect-since", 0, INT64_MAX, &suspect_since));
    CAIRN_TRY(cairn_key_revoke_body(&home->command->arena, &key->kid, suspect_since, &body));
    key->record.until =
        0; /* it does not sign its own end: the ledger wants another key that stays */
    CAIRN_TRY(cairn_home_send(home, CAIRN_TX_KEY_REVOKE, body, &verdict));
    cairn_facts_text(facts, "name", key->name);
    cairn_facts_hash(facts, "key", &key->kid);
    cairn_facts_number(facts, "until_height", verdict.height + 1);
    if (suspect_since != CAIRN_HEIGHT_OPEN)
        cairn_facts_number(facts, "suspect_since_height", suspect_since);
    return CAIRN_OK;
}

/* --- all three --- */

static cairn_err run_new(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, new_key);
}

static cairn_err run_show(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_READ, show_keys);
}

static cairn_err run_revoke(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, revoke_key);
}

static const cairn_option new_options[] = {
    {"purpose", "PURPOSE", true, false, "sign, tls, cosign, owner, encrypt, validator or issue"},
    {"type", "TYPE", false, false, "p256 (if not given) or ed25519 (checkpoints)"},
    {"name", "NAME", false, false, "its name here, such as PURPOSE-2024; PURPOSE-N if not given"},
};

const cairn_verb cairn_verb_key_new = {
    .name = "key new",
    .words = "--purpose PURPOSE",
    .words_min = 0,
    .words_max = 0,
    .summary = "make a key and register it on the ledger",
    .help = "The newest valid key for a purpose is the one that is used: this is how keys are "
            "rotated. The "
            "registration carries the new key's own signature, so nobody can register a key that "
            "is not his.",
    .options = new_options,
    .option_count = sizeof new_options / sizeof new_options[0],
    .run = run_new,
};

const cairn_verb cairn_verb_key_show = {
    .name = "key show",
    .words = "[NAME]",
    .words_min = 0,
    .words_max = 1,
    .summary = "list the keys of this directory, or one with its public PEM",
    .help = "Heights say from where and until where the ledger takes a key for good.",
    .run = run_show,
};

static const cairn_option revoke_options[] = {
    {"suspect-since", "HEIGHT", false, false, "from this height on what it signed is disputed"},
};

const cairn_verb cairn_verb_key_revoke = {
    .name = "key revoke",
    .words = "NAME",
    .words_min = 1,
    .words_max = 1,
    .summary = "end a key's validity on the ledger",
    .help = "From the next block on the key signs nothing more. What it signed before stays good, "
            "unless --suspect-since says that it may have been in other hands: then a verdict that "
            "needs it says 'disputed'. Another signing key signs the revocation, so the last one "
            "cannot be revoked: make a new one first.",
    .options = revoke_options,
    .option_count = sizeof revoke_options / sizeof revoke_options[0],
    .run = run_revoke,
};
