/* cairn grant add, list, revoke: who may call the node's API, and how far. */
#include <stdio.h>

#include "command/files.h"
#include "command/home.h"
#include "command/verbs.h"
#include "core/store/file.h"
#include "feature_list.h"
#include "identity/identity.h"
#include "node/auth/auth_accounts.h"
#include "node/node_routes.h"

#define DAY_MS UINT64_C(86400000)

/* Beside a node too: the environment is shared, and what is written holds from its commit. */
static cairn_err open_accounts(cairn_command *command, cairn_accounts **ret_accounts)
{
    CAIRN_CLEANUP(cairn_config_free_p) cairn_config *config = NULL;
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_home_config(command->directory, &config));
    CAIRN_TRY(cairn_path_join(command->directory, "access", path));
    return cairn_accounts_open(path, ret_accounts);
}

static cairn_account_kind kind_of(const cairn_arguments *arguments)
{
    return cairn_option_given(arguments, "user") ? CAIRN_ACCOUNT_USER : CAIRN_ACCOUNT_CLIENT;
}

/* --- add --- */

static cairn_err copy_text(const char *what, const char *text, char *out, size_t size)
{
    if ((size_t)snprintf(out, size, "%s", text) >= size)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "%s: at most %zu bytes", what, size - 1);
    return CAIRN_OK;
}

static cairn_err join_scopes(const cairn_arguments *arguments, cairn_account *account)
{
    const char *const *scopes = NULL;
    size_t count = cairn_option_values(arguments, "scope", &scopes);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        cairn_err err = cairn_node_scope_check(&cairn_all_features, scopes[i]);
        if (err == CAIRN_ERR_NOT_FOUND)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--scope: there is no scope %s", scopes[i]);
        CAIRN_TRY(err);
        used += (size_t)snprintf(account->scopes + used, sizeof account->scopes - used, "%s%s",
                                 i == 0 ? "" : " ", scopes[i]);
        if (used >= sizeof account->scopes)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--scope: too many");
    }
    return CAIRN_OK;
}

static cairn_err read_secret(cairn_command *command, const char *path, cairn_account *account)
{
    const cairn_scrypt_params params = cairn_scrypt_defaults();
    cairn_bytes secret;
    CAIRN_TRY(cairn_input_read(&command->arena, path, CAIRN_PASSWORD_SIZE_MAX + 2, &secret));
    while (secret.size > 0 &&
           (secret.data[secret.size - 1] == '\n' || secret.data[secret.size - 1] == '\r'))
        secret.size--;
    if (secret.size < CAIRN_PASSWORD_SIZE_MIN)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--secret-file: at least %d bytes",
                          CAIRN_PASSWORD_SIZE_MIN);
    return cairn_password_hash(&params, secret, account->phc);
}

/* By secret, by key, or by certificate: exactly one. */
static cairn_err read_method(cairn_command *command, const cairn_arguments *arguments,
                             cairn_account *account)
{
    const char *secret = cairn_option_value(arguments, "secret-file");
    const char *jwks = cairn_option_value(arguments, "jwks");
    const char *certificate = cairn_option_value(arguments, "certificate");
    if ((secret != NULL) + (jwks != NULL) + (certificate != NULL) != 1)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "one of --secret-file, --jwks and --certificate");
    if (secret != NULL) {
        account->method = CAIRN_ACCOUNT_SECRET;
        return read_secret(command, secret, account);
    }
    if (jwks != NULL) {
        account->method = CAIRN_ACCOUNT_KEY;
        return cairn_input_read(&command->arena, jwks, CAIRN_ACCOUNT_JWKS_SIZE_MAX, &account->jwks);
    }
    account->method = CAIRN_ACCOUNT_TLS;
    if (cairn_hex_decode(certificate, account->certificate.b, sizeof account->certificate.b) !=
        CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "--certificate: SHA-256 of the DER certificate, 64 hex digits");
    return CAIRN_OK;
}

static cairn_err read_owner(const cairn_arguments *arguments, cairn_account *account)
{
    const char *org = cairn_option_value(arguments, "organisation");
    const char *const *roles = NULL;
    size_t count = cairn_option_values(arguments, "role", &roles);
    if (org != NULL) {
        if (cairn_hex_decode(org, account->organisation.b, sizeof account->organisation.b) !=
            CAIRN_OK)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--organisation: 64 hex digits");
        account->has_organisation = true;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t role = 0;
        if (cairn_role_find(cairn_bytes_str(roles[i]), &role) != CAIRN_OK)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--role: there is no role %s", roles[i]);
        account->roles |= role;
    }
    return CAIRN_OK;
}

static cairn_err read_account(cairn_command *command, const cairn_arguments *arguments,
                              cairn_account *account)
{
    const cairn_clock clock = cairn_clock_system();
    const char *purpose = cairn_option_value(arguments, "purpose");
    uint64_t days = 0;
    account->kind = kind_of(arguments);
    account->created_ms = cairn_clock_wall_ms(&clock);
    account->expires_ms = UINT64_MAX;
    CAIRN_TRY(cairn_option_number(arguments, "days", 1, 36500, &days));
    if (days > 0)
        account->expires_ms = account->created_ms + days * DAY_MS;
    CAIRN_TRY(copy_text("NAME", arguments->words[0], account->name, sizeof account->name));
    CAIRN_TRY(copy_text("--purpose", purpose == NULL ? "" : purpose, account->purpose,
                        sizeof account->purpose));
    CAIRN_TRY(join_scopes(arguments, account));
    CAIRN_TRY(read_owner(arguments, account));
    CAIRN_TRY(read_method(command, arguments, account));
    return cairn_account_check(account);
}

static void add_facts(json_t *facts, const cairn_account *account)
{
    static const char *const methods[] = {[CAIRN_ACCOUNT_SECRET] = "secret",
                                          [CAIRN_ACCOUNT_KEY] = "key",
                                          [CAIRN_ACCOUNT_TLS] = "certificate"};
    cairn_facts_text(facts, "name", account->name);
    cairn_facts_text(facts, "kind", account->kind == CAIRN_ACCOUNT_USER ? "user" : "client");
    cairn_facts_text(facts, "by", methods[account->method]);
    if (account->has_organisation)
        cairn_facts_hash(facts, "organisation", &account->organisation);
    cairn_facts_text(facts, "scopes", account->scopes);
    cairn_facts_time(facts, "created", account->created_ms);
    if (account->expires_ms != UINT64_MAX)
        cairn_facts_time(facts, "expires", account->expires_ms);
}

static cairn_err run_add(cairn_command *command, const cairn_arguments *arguments)
{
    CAIRN_CLEANUP(cairn_accounts_close_p) cairn_accounts *accounts = NULL;
    cairn_account account = {.roles = 0};
    CAIRN_TRY(read_account(command, arguments, &account));
    CAIRN_TRY(open_accounts(command, &accounts));
    CAIRN_TRY(cairn_accounts_add(accounts, &account));
    json_t *facts = cairn_facts_new();
    add_facts(facts, &account);
    return cairn_facts_print(command, facts);
}

/* --- list --- */

static cairn_err list_one(void *context, const cairn_account *account)
{
    add_facts(cairn_facts_item(context), account);
    return CAIRN_OK;
}

static cairn_err run_list(cairn_command *command, const cairn_arguments *arguments)
{
    (void)arguments;
    CAIRN_CLEANUP(cairn_accounts_close_p) cairn_accounts *accounts = NULL;
    CAIRN_TRY(open_accounts(command, &accounts));
    json_t *facts = cairn_facts_new();
    cairn_err err = cairn_accounts_each(accounts, list_one, cairn_facts_list(facts, "grants"));
    if (err == CAIRN_OK)
        return cairn_facts_print(command, facts);
    json_decref(facts);
    return err;
}

/* --- revoke --- */

/* Who comes later by that name speaks in nobody's. */
static cairn_err remove_delegation(cairn_accounts *accounts, cairn_account_kind kind,
                                   const char *name)
{
    char caller[CAIRN_ACCOUNT_NAME_SIZE_MAX + 6];
    (void)snprintf(caller, sizeof caller, "%s%s", kind == CAIRN_ACCOUNT_USER ? "user:" : "", name);
    cairn_err err = cairn_accounts_remove_delegation(accounts, caller);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

static cairn_err run_revoke(cairn_command *command, const cairn_arguments *arguments)
{
    CAIRN_CLEANUP(cairn_accounts_close_p) cairn_accounts *accounts = NULL;
    const char *name = arguments->words[0];
    CAIRN_TRY(open_accounts(command, &accounts));
    cairn_err err = cairn_accounts_remove(accounts, kind_of(arguments), name);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "there is no grant for %s", name);
    CAIRN_TRY(err);
    CAIRN_TRY(remove_delegation(accounts, kind_of(arguments), name));
    json_t *facts = cairn_facts_new();
    cairn_facts_text(facts, "revoked", name);
    return cairn_facts_print(command, facts);
}

/* --- verbs --- */

static const cairn_option add_options[] = {
    {"scope", "SCOPE", false, true, "what it may do, such as ledger.read or metrics.read"},
    {"secret-file", "FILE", false, false, "it proves itself by the secret in FILE"},
    {"jwks", "FILE", false, false, "by a signature of a key of this JWK set (private_key_jwt)"},
    {"certificate", "HASH", false, false, "by a TLS certificate with this SHA-256"},
    {"organisation", "ID", false, false, "it acts for this organisation"},
    {"role", "ROLE", false, true, "with this one of the organisation's roles"},
    {"purpose", "TEXT", false, false, "what it asks for data for"},
    {"days", "COUNT", false, false, "until so many days from now"},
    {"user", NULL, false, false, "a person's or stock client's password (HTTP Basic)"},
};

const cairn_verb cairn_verb_grant_add = {
    .name = "grant add",
    .words = "NAME",
    .words_min = 1,
    .words_max = 1,
    .summary = "let a client or a user call the node's API",
    .help = "A client gets short-lived tokens at /oauth/token; with --user NAME is one of HTTP "
            "Basic. It holds at once, also while a node runs.",
    .options = add_options,
    .option_count = sizeof add_options / sizeof add_options[0],
    .run = run_add,
};

const cairn_verb cairn_verb_grant_list = {
    .name = "grant list",
    .words = "",
    .summary = "list the clients and users that may call the node's API",
    .help = "No secret is printed, nor kept: only its hash.",
    .run = run_list,
};

static const cairn_option revoke_options[] = {
    {"user", NULL, false, false, "NAME is one of HTTP Basic"},
};

const cairn_verb cairn_verb_grant_revoke = {
    .name = "grant revoke",
    .words = "NAME",
    .words_min = 1,
    .words_max = 1,
    .summary = "end a client's or a user's access",
    .help = "It gets no further token. One that it has ends by itself within minutes.",
    .options = revoke_options,
    .option_count = sizeof revoke_options / sizeof revoke_options[0],
    .run = run_revoke,
};
