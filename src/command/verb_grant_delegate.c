/* cairn grant delegate: what the node may sign in the name of a client that cannot. */
#include <openssl/rand.h>
#include <stdio.h>

#include "command/home.h"
#include "command/verbs.h"
#include "core/store/file.h"
#include "identity/identity.h"
#include "node/auth/auth_accounts.h"
#include "record/record.h"

#define DAY_MS UINT64_C(86400000)

/* A delegation that is being made or ended. */
typedef struct work {
    cairn_home *home;
    const cairn_arguments *arguments;
    char caller[CAIRN_SUBJECT_SIZE_MAX + 1]; /* as his principal has it */
    cairn_delegation delegation;
    bool is_there; /* it was made before */
} work;

static cairn_err open_accounts(const cairn_home *home, cairn_accounts **ret_accounts)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(home->command->directory, "access", path));
    return cairn_accounts_open(path, ret_accounts);
}

/* --- whose --- */

static cairn_err find_caller(work *w, cairn_accounts *accounts)
{
    bool user = cairn_option_given(w->arguments, "user");
    const char *name = w->arguments->words[0];
    cairn_account account;
    if (strlen(name) > CAIRN_ACCOUNT_NAME_SIZE_MAX - 5)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "NAME: is too long");
    (void)snprintf(w->caller, sizeof w->caller, "%s%s", user ? "user:" : "", name);
    cairn_err err =
        cairn_accounts_find(accounts, &w->home->command->arena,
                            user ? CAIRN_ACCOUNT_USER : CAIRN_ACCOUNT_CLIENT, name, &account);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "there is no grant for %s: grant add", name);
    CAIRN_TRY(err);
    err = cairn_accounts_find_delegation(accounts, w->caller, &w->delegation);
    w->is_there = err == CAIRN_OK;
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

/* The pseudonym that is given, or he had, or one by lot: nobody can tell whose it is. */
static cairn_err choose_pseudonym(work *w)
{
    const char *text = cairn_option_value(w->arguments, "pseudonym");
    cairn_hash *subject = &w->delegation.subject;
    if (text != NULL)
        return cairn_hex_decode(text, subject->b, sizeof subject->b) == CAIRN_OK
                   ? CAIRN_OK
                   : CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--pseudonym: 64 hex digits");
    if (!w->is_there && RAND_bytes(subject->b, sizeof subject->b) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "pseudonym: no random bytes");
    return CAIRN_OK;
}

static cairn_err choose_key(work *w)
{
    const char *name = cairn_option_value(w->arguments, "key");
    if (name == NULL)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "--key: of a signing key for clients alone (key new --purpose sign)");
    for (size_t i = 0; i < w->home->key_count; i++) {
        const cairn_home_key *key = &w->home->keys[i];
        if (strcmp(name, key->name) != 0 || key->record.purpose != CAIRN_PURPOSE_SIGN)
            continue;
        (void)snprintf(w->delegation.key, sizeof w->delegation.key, "%s", name);
        w->delegation.kid = key->kid;
        return CAIRN_OK;
    }
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "no signing key named %s here", name);
}

/* --- on the ledger --- */

static cairn_err send(work *w, uint16_t type, cairn_bytes body)
{
    cairn_verdict verdict;
    return cairn_home_send(w->home, type, body, &verdict);
}

static cairn_err register_subject(work *w)
{
    cairn_arena *arena = &w->home->command->arena;
    const cairn_state_source state = cairn_home_state(w->home);
    cairn_subject subject;
    cairn_subject_row row = {.pseudonym = w->delegation.subject,
                             .kind = cairn_option_given(w->arguments, "person")
                                         ? CAIRN_SUBJECT_PERSON
                                         : CAIRN_SUBJECT_DEVICE};
    cairn_bytes body;
    cairn_err err = cairn_subject_get(&state, arena, &w->delegation.subject, &subject);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    CAIRN_TRY(cairn_subject_register_body(arena, &row, 1, &body));
    return send(w, CAIRN_TX_SUBJECT_REGISTER, body);
}

/* The grant as it stands; version 0 when there is none. */
static cairn_err read_grant(work *w, cairn_grant *ret_grant)
{
    const cairn_state_source state = cairn_home_state(w->home);
    *ret_grant = (cairn_grant){.version = 0};
    cairn_err err = cairn_grant_get(&state, &w->home->command->arena, &w->delegation.subject,
                                    &w->delegation.kid, ret_grant);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

static cairn_err set_grant(work *w, uint64_t expires_ms)
{
    const cairn_bytes scope = cairn_bytes_str(CAIRN_ANCHOR_SCOPE);
    cairn_grant grant;
    cairn_bytes body;
    CAIRN_TRY(read_grant(w, &grant));
    CAIRN_TRY(cairn_grant_set_body(&w->home->command->arena, &w->delegation.subject,
                                   &w->delegation.kid, &scope, 1, expires_ms, grant.version,
                                   &body));
    return send(w, CAIRN_TX_GRANT_SET, body);
}

/* --- the verb --- */

/* The ledger first: what the node is told then holds already. */
static cairn_err begin(work *w, cairn_accounts *accounts, json_t *facts)
{
    uint64_t days = 30;
    CAIRN_TRY(cairn_option_number(w->arguments, "days", 1, 400, &days));
    CAIRN_TRY(choose_key(w));
    CAIRN_TRY(choose_pseudonym(w));
    /* A minute less: the block's time may lie behind this clock. */
    uint64_t expires_ms = cairn_clock_wall_ms(&w->home->clock) + days * DAY_MS - 60000;
    CAIRN_TRY(register_subject(w));
    CAIRN_TRY(set_grant(w, expires_ms));
    CAIRN_TRY(cairn_accounts_put_delegation(accounts, w->caller, &w->delegation));
    cairn_facts_text(facts, "name", w->caller);
    cairn_facts_hash(facts, "pseudonym", &w->delegation.subject);
    cairn_facts_text(facts, "key", w->delegation.key);
    cairn_facts_text(facts, "scope", CAIRN_ANCHOR_SCOPE);
    cairn_facts_time(facts, "expires", expires_ms);
    return CAIRN_OK;
}

/* Here first: the node stops at once. */
static cairn_err end(work *w, cairn_accounts *accounts, json_t *facts)
{
    cairn_grant grant;
    cairn_bytes body;
    if (!w->is_there)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "nothing is delegated for %s", w->caller);
    for (size_t i = 0; i < w->home->key_count; i++)
        if (strcmp(w->delegation.key, w->home->keys[i].name) == 0)
            w->delegation.kid = w->home->keys[i].kid;
    CAIRN_TRY(cairn_accounts_remove_delegation(accounts, w->caller));
    CAIRN_TRY(read_grant(w, &grant));
    if (grant.version > 0 && !grant.revoked) {
        CAIRN_TRY(cairn_grant_revoke_body(&w->home->command->arena, &w->delegation.subject,
                                          &w->delegation.kid, grant.version, &body));
        CAIRN_TRY(send(w, CAIRN_TX_GRANT_REVOKE, body));
    }
    cairn_facts_text(facts, "ended", w->caller);
    return CAIRN_OK;
}

static cairn_err act(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    CAIRN_CLEANUP(cairn_accounts_close_p) cairn_accounts *accounts = NULL;
    work w = {.home = home, .arguments = arguments};
    CAIRN_TRY(open_accounts(home, &accounts));
    CAIRN_TRY(find_caller(&w, accounts));
    return cairn_option_given(arguments, "end") ? end(&w, accounts, facts)
                                                : begin(&w, accounts, facts);
}

static cairn_err run(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act);
}

static const cairn_option options[] = {
    {"key", "NAME", false, false, "the signing key by which the node signs"},
    {"pseudonym", "HASH", false, false, "in whose name; initially one by lot"},
    {"person", NULL, false, false, "it is a person's; initially a device's"},
    {"days", "COUNT", false, false, "until so many days from now, at most 400; initially 30"},
    {"user", NULL, false, false, "NAME is one of HTTP Basic"},
    {"end", NULL, false, false, "take it back"},
};

const cairn_verb cairn_verb_grant_delegate = {
    .name = "grant delegate",
    .words = "NAME",
    .words_min = 1,
    .words_max = 1,
    .summary = "let the node anchor in the name of a client that cannot sign",
    .help = "Registers a pseudonym and its grant to the key on the ledger; a client whose tokens "
            "have the scope record.anchor then posts to /v1/ledgers/ID/anchors.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .run = run,
};
