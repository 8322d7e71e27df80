/* Accounts, revoked tokens and the life of token keys in LMDB. */
#include "node/auth/auth_accounts.h"

#include <stdio.h>
#include <stdlib.h>

#include "cairn/cbor.h"
#include "cairn/sha256.h"
#include "core/crypto/jwk.h"
#include "core/store/kv.h"

enum { TABLE_ACCOUNT, TABLE_REVOKED, TABLE_KEY, TABLE_ASSERTION, TABLE_DELEGATION, TABLE_COUNT };
static const char *const tables[TABLE_COUNT] = {"account", "revoked", "token-key", "assertion",
                                                "delegation"};

enum {
    ACCOUNT_RECORD_MAX = CAIRN_ACCOUNT_JWKS_SIZE_MAX + 2048,
    PRUNE_BATCH = 256 /* expired rows removed by one revocation */
};
#define MAP_SIZE ((size_t)1 << 31) /* bytes of address space: all accounts at their largest */

static const char magic[] = "cairn/account/1";
static const char keys_magic[] = "cairn/token-keys/1";
static const char clause[] = "docs/features/access.md";

struct cairn_accounts {
    cairn_kv *kv;
};

cairn_err cairn_accounts_open(const char *directory, cairn_accounts **ret_accounts)
{
    CAIRN_CLEANUP(cairn_accounts_close_p) cairn_accounts *accounts = calloc(1, sizeof *accounts);
    if (accounts == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "accounts");
    CAIRN_TRY(cairn_kv_open(directory, tables, TABLE_COUNT, MAP_SIZE, &accounts->kv));
    *ret_accounts = CAIRN_STEAL(accounts);
    return CAIRN_OK;
}

void cairn_accounts_close(cairn_accounts *accounts)
{
    if (accounts == NULL)
        return;
    cairn_kv_close(accounts->kv);
    free(accounts);
}

/* --- what is valid --- */

bool cairn_scopes_are_valid(const char *scopes)
{
    bool blank = true; /* before the first token */
    for (const char *p = scopes; *p != '\0'; p++) {
        if (*p == ' ' && blank)
            return false;
        blank = *p == ' ';
        if (!blank && (*p < 0x21 || *p > 0x7e || *p == '"' || *p == '\\'))
            return false;
    }
    return scopes[0] == '\0' || !blank;
}

static bool name_is_valid(const char *name)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@";
    size_t size = strlen(name);
    return size > 0 && size <= CAIRN_ACCOUNT_NAME_SIZE_MAX && strspn(name, letters) == size;
}

static bool text_is_valid(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p < 0x20 || *p > 0x7e)
            return false;
    return true;
}

static cairn_err fail_field(const char *field)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "account.%s: not valid", field);
}

static cairn_err check_credential(const cairn_account *account)
{
    CAIRN_CLEANUP(cairn_jwk_set_free_p) cairn_jwk_set *set = NULL;
    switch (account->method) {
    case CAIRN_ACCOUNT_SECRET:
        return cairn_phc_check(account->phc);
    case CAIRN_ACCOUNT_KEY:
        if (account->jwks.size > CAIRN_ACCOUNT_JWKS_SIZE_MAX)
            return fail_field("jwks");
        return cairn_jwk_set_parse(account->jwks, CAIRN_JWK_SET_STRICT, &set);
    case CAIRN_ACCOUNT_TLS:
        return CAIRN_OK;
    }
    return fail_field("method");
}

cairn_err cairn_account_check(const cairn_account *account)
{
    if (account->kind != CAIRN_ACCOUNT_CLIENT && account->kind != CAIRN_ACCOUNT_USER)
        return fail_field("kind");
    if (account->kind == CAIRN_ACCOUNT_USER && account->method != CAIRN_ACCOUNT_SECRET)
        return fail_field("method");
    if (!name_is_valid(account->name))
        return fail_field("name");
    if (!text_is_valid(account->tenant))
        return fail_field("tenant");
    if (!text_is_valid(account->purpose))
        return fail_field("purpose");
    if (!cairn_scopes_are_valid(account->scopes))
        return fail_field("scopes");
    return check_credential(account);
}

/* --- bytes --- */

static cairn_bytes credential_of(const cairn_account *account)
{
    if (account->method == CAIRN_ACCOUNT_SECRET)
        return cairn_bytes_str(account->phc);
    return account->method == CAIRN_ACCOUNT_KEY ? account->jwks
                                                : cairn_bytes_hash(&account->certificate);
}

static cairn_err encode(const cairn_account *account, uint8_t out[ACCOUNT_RECORD_MAX],
                        cairn_bytes *ret_record)
{
    cairn_cbor_writer w;
    cairn_cbor_writer_init(&w, out, ACCOUNT_RECORD_MAX);
    cairn_cbor_put_array(&w, 10);
    cairn_cbor_put_text(&w, magic);
    cairn_cbor_put_uint(&w, account->method);
    cairn_cbor_put_text(&w, account->tenant);
    if (account->has_organisation)
        cairn_cbor_put_hash(&w, &account->organisation);
    else
        cairn_cbor_put_null(&w);
    cairn_cbor_put_uint(&w, account->roles);
    cairn_cbor_put_text(&w, account->scopes);
    cairn_cbor_put_text(&w, account->purpose);
    cairn_cbor_put_uint(&w, account->created_ms);
    cairn_cbor_put_uint(&w, account->expires_ms);
    cairn_cbor_put_bytes(&w, credential_of(account));
    return cairn_cbor_writer_end(&w, ret_record);
}

/* `text` has room for size_max bytes and a NUL. */
static cairn_err read_text(cairn_cbor_reader *r, const char *field, size_t size_max, char *text)
{
    cairn_bytes value = {0};
    CAIRN_TRY(cairn_cbor_read_text(r, field, 0, size_max, &value));
    if (value.size != 0)
        memcpy(text, value.data, value.size);
    text[value.size] = '\0';
    return CAIRN_OK;
}

static cairn_err read_organisation(cairn_cbor_reader *r, cairn_account *account)
{
    if (cairn_cbor_peek(r) == CAIRN_CBOR_NULL)
        return cairn_cbor_read_null(r, "organisation");
    account->has_organisation = true;
    return cairn_cbor_read_hash(r, "organisation", &account->organisation);
}

static cairn_err read_credential(cairn_arena *arena, cairn_cbor_reader *r, cairn_account *account)
{
    cairn_bytes value = {0};
    CAIRN_TRY(cairn_cbor_read_bytes(r, "credential", 1, CAIRN_ACCOUNT_JWKS_SIZE_MAX, &value));
    if (account->method == CAIRN_ACCOUNT_KEY)
        return cairn_arena_copy(arena, value, &account->jwks);
    bool is_phc = account->method == CAIRN_ACCOUNT_SECRET;
    if (is_phc ? value.size >= sizeof account->phc : value.size != sizeof account->certificate)
        return fail_field("credential");
    memcpy(is_phc ? (uint8_t *)account->phc : account->certificate.b, value.data, value.size);
    return CAIRN_OK;
}

static cairn_err decode(cairn_arena *arena, cairn_bytes record, cairn_account *account)
{
    cairn_cbor_reader r;
    size_t count = 0;
    uint64_t method = 0;
    uint64_t roles = 0;
    CAIRN_TRY(cairn_cbor_open(&r, record, CAIRN_CBOR_STRICT, "account", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "account", 10, 10, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&r, magic));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "method", CAIRN_ACCOUNT_SECRET, CAIRN_ACCOUNT_TLS, &method));
    account->method = (cairn_account_method)method;
    CAIRN_TRY(read_text(&r, "tenant", CAIRN_TENANT_SIZE_MAX, account->tenant));
    CAIRN_TRY(read_organisation(&r, account));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "roles", 0, UINT32_MAX, &roles));
    account->roles = (uint32_t)roles;
    CAIRN_TRY(read_text(&r, "scopes", CAIRN_SCOPES_SIZE_MAX, account->scopes));
    CAIRN_TRY(read_text(&r, "purpose", CAIRN_PURPOSE_SIZE_MAX, account->purpose));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "created", 0, UINT64_MAX, &account->created_ms));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "expires", 0, UINT64_MAX, &account->expires_ms));
    CAIRN_TRY(read_credential(arena, &r, account));
    return cairn_cbor_end(&r);
}

/* --- keys of the table: u8 kind ‖ name --- */

typedef struct account_key {
    uint8_t data[1 + CAIRN_ACCOUNT_NAME_SIZE_MAX];
    size_t size;
} account_key;

static account_key key_of(cairn_account_kind kind, const char *name)
{
    account_key key = {.size = 1 + strlen(name)};
    CAIRN_ASSERT(key.size <= sizeof key.data);
    key.data[0] = (uint8_t)kind;
    memcpy(key.data + 1, name, key.size - 1);
    return key;
}

static cairn_bytes key_view(const account_key *key)
{
    return cairn_bytes_of(key->data, key->size);
}

/* A record that we wrote and cannot read is damage, not bad input. */
static cairn_err as_corrupt(cairn_err err)
{
    if (err == CAIRN_OK || err == CAIRN_ERR_NO_MEMORY)
        return err;
    return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "accounts: a record is damaged");
}

static cairn_err decode_row(cairn_arena *arena, cairn_bytes key, cairn_bytes record,
                            cairn_account *ret_account)
{
    cairn_account account = {.name = ""};
    if (key.size < 2 || key.size > 1 + CAIRN_ACCOUNT_NAME_SIZE_MAX)
        return as_corrupt(CAIRN_ERR_BAD_VALUE);
    account.kind = (cairn_account_kind)key.data[0];
    memcpy(account.name, key.data + 1, key.size - 1);
    CAIRN_TRY(as_corrupt(decode(arena, record, &account)));
    *ret_account = account;
    return CAIRN_OK;
}

/* --- changing --- */

/* Runs `act` in a write transaction that commits when it succeeds. */
static cairn_err change(cairn_accounts *accounts,
                        cairn_err (*act)(cairn_kv_txn *txn, const void *context),
                        const void *context)
{
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_kv_begin(accounts->kv, true, &txn));
    cairn_err err = act(txn, context);
    if (err == CAIRN_OK)
        return cairn_kv_commit(txn);
    cairn_kv_abort(txn);
    return err;
}

static cairn_err count_rows(cairn_kv_txn *txn, unsigned table, size_t *ret_count)
{
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key, value;
    size_t count = 0;
    CAIRN_TRY(cairn_kv_cursor_open(txn, table, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(NULL, 0), &key, &value);
    for (; err == CAIRN_OK; err = cairn_kv_cursor_next(cursor, &key, &value))
        count++;
    cairn_kv_cursor_close(cursor);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    *ret_count = count;
    return CAIRN_OK;
}

static cairn_err put(cairn_kv_txn *txn, const cairn_account *account)
{
    uint8_t buffer[ACCOUNT_RECORD_MAX];
    cairn_bytes record = {0};
    account_key key = key_of(account->kind, account->name);
    CAIRN_TRY(encode(account, buffer, &record));
    return cairn_kv_put(txn, TABLE_ACCOUNT, key_view(&key), record);
}

static cairn_err add(cairn_kv_txn *txn, const void *context)
{
    const cairn_account *account = context;
    account_key key = key_of(account->kind, account->name);
    cairn_bytes value = {0};
    size_t count = 0;
    cairn_err err = cairn_kv_get(txn, TABLE_ACCOUNT, key_view(&key), &value);
    if (err == CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "account %s: exists", account->name);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    CAIRN_TRY(count_rows(txn, TABLE_ACCOUNT, &count));
    if (count >= CAIRN_ACCOUNTS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "accounts: more than %d",
                          CAIRN_ACCOUNTS_MAX);
    return put(txn, account);
}

static cairn_err fail_absent(cairn_err err, const char *name)
{
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "account %s: does not exist", name);
    return err;
}

static cairn_err replace(cairn_kv_txn *txn, const void *context)
{
    const cairn_account *account = context;
    account_key key = key_of(account->kind, account->name);
    cairn_bytes value = {0};
    CAIRN_TRY(fail_absent(cairn_kv_get(txn, TABLE_ACCOUNT, key_view(&key), &value), account->name));
    return put(txn, account);
}

static cairn_err erase(cairn_kv_txn *txn, const void *context)
{
    const cairn_account *account = context;
    account_key key = key_of(account->kind, account->name);
    cairn_bytes value = {0};
    CAIRN_TRY(fail_absent(cairn_kv_get(txn, TABLE_ACCOUNT, key_view(&key), &value), account->name));
    return cairn_kv_delete(txn, TABLE_ACCOUNT, key_view(&key));
}

cairn_err cairn_accounts_add(cairn_accounts *accounts, const cairn_account *account)
{
    CAIRN_TRY(cairn_account_check(account));
    return change(accounts, add, account);
}

cairn_err cairn_accounts_replace(cairn_accounts *accounts, const cairn_account *account)
{
    CAIRN_TRY(cairn_account_check(account));
    return change(accounts, replace, account);
}

cairn_err cairn_accounts_remove(cairn_accounts *accounts, cairn_account_kind kind, const char *name)
{
    cairn_account account = {.kind = kind};
    if (!name_is_valid(name))
        return fail_absent(CAIRN_ERR_NOT_FOUND, "");
    (void)snprintf(account.name, sizeof account.name, "%s", name);
    return change(accounts, erase, &account);
}

/* --- reading --- */

cairn_err cairn_accounts_find(cairn_accounts *accounts, cairn_arena *arena, cairn_account_kind kind,
                              const char *name, cairn_account *ret_account)
{
    cairn_kv_txn *txn = NULL;
    cairn_bytes record = {0};
    if (!name_is_valid(name))
        return CAIRN_ERR_NOT_FOUND;
    account_key key = key_of(kind, name);
    CAIRN_TRY(cairn_kv_begin(accounts->kv, false, &txn));
    cairn_err err = cairn_kv_get(txn, TABLE_ACCOUNT, key_view(&key), &record);
    if (err == CAIRN_OK)
        err = decode_row(arena, key_view(&key), record, ret_account);
    cairn_kv_abort(txn);
    return err;
}

static cairn_err visit_row(cairn_bytes key, cairn_bytes record,
                           cairn_err (*visit)(void *context, const cairn_account *account),
                           void *context)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_account account;
    cairn_arena_init(&arena, ACCOUNT_RECORD_MAX);
    CAIRN_TRY(decode_row(&arena, key, record, &account));
    return visit(context, &account);
}

cairn_err cairn_accounts_each(cairn_accounts *accounts,
                              cairn_err (*visit)(void *context, const cairn_account *account),
                              void *context)
{
    cairn_kv_txn *txn = NULL;
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key, record;
    CAIRN_TRY(cairn_kv_begin(accounts->kv, false, &txn));
    cairn_err err = cairn_kv_cursor_open(txn, TABLE_ACCOUNT, &cursor);
    if (err != CAIRN_OK) {
        cairn_kv_abort(txn);
        return err;
    }
    bool visiting = true;
    err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(NULL, 0), &key, &record);
    while (err == CAIRN_OK) {
        err = visit_row(key, record, visit, context);
        visiting = err == CAIRN_OK;
        if (visiting)
            err = cairn_kv_cursor_next(cursor, &key, &record);
    }
    cairn_kv_cursor_close(cursor);
    cairn_kv_abort(txn);
    return visiting && err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

/* --- revoked tokens: SHA-256 of the id → u64 expiry --- */

typedef struct revocation {
    cairn_hash id;
    uint64_t expires_ms, now_ms;
} revocation;

static bool has_ended(cairn_bytes value, uint64_t now_ms)
{
    return value.size != 8 || cairn_get_u64(value.data) + 60000 < now_ms;
}

/* Finds up to PRUNE_BATCH rows that have ended, and counts all. */
static cairn_err survey(cairn_kv_txn *txn, uint64_t now_ms, cairn_hash ended[PRUNE_BATCH],
                        size_t *ret_ended, size_t *ret_count)
{
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key, value;
    size_t count = 0;
    size_t ended_count = 0;
    CAIRN_TRY(cairn_kv_cursor_open(txn, TABLE_REVOKED, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(NULL, 0), &key, &value);
    for (; err == CAIRN_OK; err = cairn_kv_cursor_next(cursor, &key, &value)) {
        count++;
        if (key.size == 32 && ended_count < PRUNE_BATCH && has_ended(value, now_ms))
            memcpy(ended[ended_count++].b, key.data, 32);
    }
    cairn_kv_cursor_close(cursor);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    *ret_ended = ended_count;
    *ret_count = count - ended_count;
    return CAIRN_OK;
}

static cairn_err revoke(cairn_kv_txn *txn, const void *context)
{
    const revocation *r = context;
    cairn_hash ended[PRUNE_BATCH];
    size_t ended_count = 0;
    size_t count = 0;
    uint8_t value[8];
    CAIRN_TRY(survey(txn, r->now_ms, ended, &ended_count, &count));
    for (size_t i = 0; i < ended_count; i++)
        CAIRN_TRY(cairn_kv_delete(txn, TABLE_REVOKED, cairn_bytes_hash(&ended[i])));
    if (count >= CAIRN_REVOKED_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "revoked tokens: more than %d",
                          CAIRN_REVOKED_MAX);
    cairn_put_u64(value, r->expires_ms);
    return cairn_kv_put(txn, TABLE_REVOKED, cairn_bytes_hash(&r->id),
                        cairn_bytes_of(value, sizeof value));
}

cairn_err cairn_accounts_revoke_token(cairn_accounts *accounts, cairn_bytes token_id,
                                      uint64_t expires_ms, uint64_t now_ms)
{
    revocation r = {.expires_ms = expires_ms, .now_ms = now_ms};
    cairn_sha256_of(token_id.data, token_id.size, &r.id);
    return change(accounts, revoke, &r);
}

cairn_err cairn_accounts_is_revoked(cairn_accounts *accounts, cairn_bytes token_id,
                                    bool *ret_revoked)
{
    cairn_kv_txn *txn = NULL;
    cairn_hash id;
    cairn_bytes value = {0};
    cairn_sha256_of(token_id.data, token_id.size, &id);
    CAIRN_TRY(cairn_kv_begin(accounts->kv, false, &txn));
    cairn_err err = cairn_kv_get(txn, TABLE_REVOKED, cairn_bytes_hash(&id), &value);
    cairn_kv_abort(txn);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    *ret_revoked = err == CAIRN_OK;
    return CAIRN_OK;
}

/* --- delegations: caller → pseudonym ‖ name of the key --- */

typedef struct delegating {
    const char *caller;
    const cairn_delegation *delegation; /* NULL: none any more */
} delegating;

static cairn_err put_delegation(cairn_kv_txn *txn, const void *context)
{
    const delegating *d = context;
    cairn_bytes key = cairn_bytes_str(d->caller);
    uint8_t value[sizeof(cairn_hash) + sizeof d->delegation->key];
    cairn_bytes old;
    if (d->delegation == NULL) {
        CAIRN_TRY(cairn_kv_get(txn, TABLE_DELEGATION, key, &old));
        return cairn_kv_delete(txn, TABLE_DELEGATION, key);
    }
    size_t size = strlen(d->delegation->key);
    memcpy(value, d->delegation->subject.b, sizeof(cairn_hash));
    memcpy(value + sizeof(cairn_hash), d->delegation->key, size);
    return cairn_kv_put(txn, TABLE_DELEGATION, key,
                        cairn_bytes_of(value, sizeof(cairn_hash) + size));
}

cairn_err cairn_accounts_put_delegation(cairn_accounts *accounts, const char *caller,
                                        const cairn_delegation *delegation)
{
    const delegating d = {caller, delegation};
    return change(accounts, put_delegation, &d);
}

cairn_err cairn_accounts_remove_delegation(cairn_accounts *accounts, const char *caller)
{
    const delegating d = {caller, NULL};
    return change(accounts, put_delegation, &d);
}

static cairn_err read_delegation(cairn_bytes value, cairn_delegation *ret_delegation)
{
    cairn_delegation d = {.key = ""};
    size_t size = value.size - sizeof d.subject;
    if (value.size <= sizeof d.subject || size >= sizeof d.key)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "accounts: a record is damaged");
    memcpy(d.subject.b, value.data, sizeof d.subject);
    memcpy(d.key, value.data + sizeof d.subject, size);
    *ret_delegation = d;
    return CAIRN_OK;
}

cairn_err cairn_accounts_find_delegation(cairn_accounts *accounts, const char *caller,
                                         cairn_delegation *ret_delegation)
{
    cairn_kv_txn *txn = NULL;
    cairn_bytes value;
    if (caller[0] == '\0')
        return CAIRN_ERR_NOT_FOUND;
    CAIRN_TRY(cairn_kv_begin(accounts->kv, false, &txn));
    cairn_err err = cairn_kv_get(txn, TABLE_DELEGATION, cairn_bytes_str(caller), &value);
    if (err == CAIRN_OK)
        err = read_delegation(value, ret_delegation);
    cairn_kv_abort(txn);
    return err;
}

/* --- assertions that were used: u64 until ‖ digest → nothing --- */

enum { ASSERTION_KEY_SIZE = 8 + 32, ENDED_EACH = 4 /* rows that one more row may remove */ };

typedef struct assertion {
    uint8_t key[ASSERTION_KEY_SIZE];
    uint64_t now_ms;
} assertion;

/* The first rows that have ended: they come in order of their ends. */
static cairn_err find_ended(cairn_kv_txn *txn, uint64_t now_ms,
                            uint8_t ended[ENDED_EACH][ASSERTION_KEY_SIZE], size_t *ret_count)
{
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key, value;
    size_t count = 0;
    CAIRN_TRY(cairn_kv_cursor_open(txn, TABLE_ASSERTION, &cursor));
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(NULL, 0), &key, &value);
    while (err == CAIRN_OK && count < ENDED_EACH && key.size == ASSERTION_KEY_SIZE &&
           cairn_get_u64(key.data) < now_ms) {
        memcpy(ended[count++], key.data, ASSERTION_KEY_SIZE);
        err = cairn_kv_cursor_next(cursor, &key, &value);
    }
    cairn_kv_cursor_close(cursor);
    *ret_count = count;
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

static cairn_err put_assertion(cairn_kv_txn *txn, const void *context)
{
    const assertion *a = context;
    uint8_t ended[ENDED_EACH][ASSERTION_KEY_SIZE];
    size_t count = 0;
    CAIRN_TRY(find_ended(txn, a->now_ms, ended, &count));
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(
            cairn_kv_delete(txn, TABLE_ASSERTION, cairn_bytes_of(ended[i], ASSERTION_KEY_SIZE)));
    return cairn_kv_put(txn, TABLE_ASSERTION, cairn_bytes_of(a->key, ASSERTION_KEY_SIZE),
                        cairn_bytes_of("", 0));
}

cairn_err cairn_accounts_put_assertion(cairn_accounts *accounts, const cairn_hash *digest,
                                       uint64_t until_ms, uint64_t now_ms)
{
    assertion a = {.now_ms = now_ms};
    cairn_put_u64(a.key, until_ms);
    memcpy(a.key + 8, digest->b, sizeof digest->b);
    return change(accounts, put_assertion, &a);
}

cairn_err cairn_accounts_each_assertion(cairn_accounts *accounts, uint64_t now_ms,
                                        cairn_err (*visit)(void *context, const cairn_hash *digest,
                                                           uint64_t until_ms),
                                        void *context)
{
    cairn_kv_txn *txn = NULL;
    cairn_kv_cursor *cursor = NULL;
    uint8_t from[8];
    cairn_bytes key, value;
    cairn_put_u64(from, now_ms);
    CAIRN_TRY(cairn_kv_begin(accounts->kv, false, &txn));
    cairn_err err = cairn_kv_cursor_open(txn, TABLE_ASSERTION, &cursor);
    if (err == CAIRN_OK)
        err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(from, sizeof from), &key, &value);
    bool visiting = true;
    while (err == CAIRN_OK) {
        cairn_hash digest;
        visiting = key.size == ASSERTION_KEY_SIZE;
        if (visiting)
            memcpy(digest.b, key.data + 8, sizeof digest.b);
        err = visiting ? visit(context, &digest, cairn_get_u64(key.data))
                       : CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "accounts: a record is damaged");
        visiting = err == CAIRN_OK;
        if (visiting)
            err = cairn_kv_cursor_next(cursor, &key, &value);
    }
    cairn_kv_cursor_close(cursor);
    cairn_kv_abort(txn);
    return visiting && err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

/* --- the life of token keys: one row --- */

static cairn_err read_token_keys(cairn_bytes record, cairn_token_key keys[CAIRN_TOKEN_KEYS_MAX],
                                 size_t *ret_count)
{
    cairn_cbor_reader r;
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_open(&r, record, CAIRN_CBOR_STRICT, "token-keys", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "token-keys", 1, 1 + 4 * CAIRN_TOKEN_KEYS_MAX, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&r, keys_magic));
    if (count % 4 != 1)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "token-keys: count");
    for (size_t i = 0; i < count / 4; i++) {
        CAIRN_TRY(read_text(&r, "name", sizeof keys[i].name - 1, keys[i].name));
        CAIRN_TRY(cairn_cbor_read_uint(&r, "created", 0, UINT64_MAX, &keys[i].created_ms));
        CAIRN_TRY(cairn_cbor_read_uint(&r, "signs", 0, UINT64_MAX, &keys[i].signs_ms));
        CAIRN_TRY(cairn_cbor_read_uint(&r, "retires", 0, UINT64_MAX, &keys[i].retires_ms));
    }
    *ret_count = count / 4;
    return cairn_cbor_end(&r);
}

cairn_err cairn_accounts_token_keys(cairn_accounts *accounts,
                                    cairn_token_key ret_keys[CAIRN_TOKEN_KEYS_MAX],
                                    size_t *ret_count)
{
    cairn_kv_txn *txn = NULL;
    cairn_bytes record = {0};
    CAIRN_TRY(cairn_kv_begin(accounts->kv, false, &txn));
    cairn_err err = cairn_kv_get(txn, TABLE_KEY, cairn_bytes_str("all"), &record);
    if (err == CAIRN_OK)
        err = as_corrupt(read_token_keys(record, ret_keys, ret_count));
    cairn_kv_abort(txn);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    *ret_count = 0;
    return CAIRN_OK;
}

typedef struct key_list {
    const cairn_token_key *keys;
    size_t count;
} key_list;

static cairn_err put_keys(cairn_kv_txn *txn, const void *context)
{
    const key_list *list = context;
    uint8_t buffer[CAIRN_TOKEN_KEYS_MAX * 128 + 64];
    cairn_bytes record = {0};
    cairn_cbor_writer w;
    cairn_cbor_writer_init(&w, buffer, sizeof buffer);
    cairn_cbor_put_array(&w, 1 + 4 * list->count);
    cairn_cbor_put_text(&w, keys_magic);
    for (size_t i = 0; i < list->count; i++) {
        cairn_cbor_put_text(&w, list->keys[i].name);
        cairn_cbor_put_uint(&w, list->keys[i].created_ms);
        cairn_cbor_put_uint(&w, list->keys[i].signs_ms);
        cairn_cbor_put_uint(&w, list->keys[i].retires_ms);
    }
    CAIRN_TRY(cairn_cbor_writer_end(&w, &record));
    return cairn_kv_put(txn, TABLE_KEY, cairn_bytes_str("all"), record);
}

cairn_err cairn_accounts_put_token_keys(cairn_accounts *accounts, const cairn_token_key *keys,
                                        size_t count)
{
    const key_list list = {keys, count};
    CAIRN_ASSERT(count <= CAIRN_TOKEN_KEYS_MAX);
    return change(accounts, put_keys, &list);
}
