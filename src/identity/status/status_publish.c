/* Signed forms, and the order in which they come to be. */
#include "identity/status/status_publish.h"

#include <stdio.h>

#include "cairn/sha256.h"
#include "core/crypto/jose.h"
#include "identity/did/did.h"

cairn_err cairn_status_kid(cairn_arena *arena, const cairn_hash *ledger, const cairn_hash *org,
                           const cairn_hash *kid, const char **ret_kid)
{
    enum { ROOM = CAIRN_DID_CAIRN_SIZE + 1 + 64 + 1 };
    char did[CAIRN_DID_CAIRN_SIZE + 1];
    char digits[65];
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, ROOM, &memory));
    cairn_did_cairn_format(ledger, org, did);
    cairn_hex_encode(cairn_bytes_hash(kid), digits);
    (void)snprintf(memory, ROOM, "%s#%s", did, digits);
    *ret_kid = memory;
    return CAIRN_OK;
}

/* --- the forms --- */

/* What the forms of one version have in common. */
typedef struct edition {
    cairn_arena *arena;
    const cairn_status_publisher *publisher;
    const cairn_status_record *record;
    uint64_t now_s;
} edition;

static cairn_alg cose_alg(cairn_key_type type)
{
    return type == CAIRN_KEY_ED25519 ? CAIRN_ALG_EDDSA
           : type == CAIRN_KEY_P384  ? CAIRN_ALG_ES384
                                     : CAIRN_ALG_ES256;
}

static cairn_err sign(const edition *e, cairn_bytes message, cairn_bytes *ret_signature)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    CAIRN_TRY(e->publisher->sign(e->publisher->context, message, signature, &size));
    return cairn_arena_copy(e->arena, cairn_bytes_of(signature, size), ret_signature);
}

static cairn_err sign_jws(const edition *e, cairn_bytes message, cairn_bytes *ret_form)
{
    cairn_bytes signature;
    CAIRN_TRY(sign(e, message, &signature));
    return cairn_jws_assemble(e->arena, message, signature, ret_form);
}

static cairn_err key_url(const edition *e, const char **ret_kid)
{
    return cairn_status_kid(e->arena, &e->record->ledger, &e->record->org, &e->publisher->kid,
                            ret_kid);
}

static cairn_err make_token(const edition *e, bool jwt, cairn_bytes *ret_form)
{
    cairn_alg alg = cose_alg(e->publisher->type);
    cairn_bytes message, signature;
    const char *kid = NULL;
    cairn_status_token token = {.uri = e->record->uri,
                                .issued = e->now_s,
                                .expires = e->now_s + e->record->life_s,
                                .ttl = e->record->ttl_s,
                                .kid = cairn_bytes_hash(&e->publisher->kid),
                                .bits = (unsigned)e->record->bits};
    CAIRN_TRY(cairn_status_list_pack(e->arena, &e->record->entries, &token.packed));
    if (!jwt) {
        CAIRN_TRY(cairn_status_token_to_be_signed(e->arena, &token, alg, &message));
        CAIRN_TRY(sign(e, message, &signature));
        return cairn_status_token_assemble(e->arena, &token, alg, signature, ret_form);
    }
    CAIRN_TRY(key_url(e, &kid));
    token.kid = cairn_bytes_str(kid);
    CAIRN_TRY(cairn_status_jwt_to_be_signed(e->arena, &token, cairn_jose_alg_of(e->publisher->type),
                                            &message));
    return sign_jws(e, message, ret_form);
}

static cairn_err make_credential(const edition *e, bool jwt, cairn_bytes *ret_form)
{
    char did[CAIRN_DID_CAIRN_SIZE + 1];
    const char *kid = NULL;
    cairn_bytes json, message;
    cairn_did_cairn_format(&e->record->ledger, &e->record->org, did);
    const cairn_status_credential credential = {.id = e->record->uri,
                                                .issuer = cairn_bytes_str(did),
                                                .purpose = e->record->purpose,
                                                .valid_from_ms = e->now_s * 1000,
                                                .valid_until_ms =
                                                    (e->now_s + e->record->life_s) * 1000,
                                                .ttl_ms = e->record->ttl_s * 1000,
                                                .bits = (unsigned)e->record->bits};
    CAIRN_TRY(cairn_status_credential_encode(e->arena, &credential, &e->record->entries, &json));
    if (!jwt) {
        *ret_form = json;
        return CAIRN_OK;
    }
    CAIRN_TRY(key_url(e, &kid));
    CAIRN_TRY(cairn_status_credential_jwt_to_be_signed(
        e->arena, json, cairn_jose_alg_of(e->publisher->type), kid, &message));
    return sign_jws(e, message, ret_form);
}

static cairn_err make_form(const edition *e, cairn_status_form form, cairn_bytes *ret_form)
{
    switch (form) {
    case CAIRN_STATUS_FORM_TOKEN_JWT:
    case CAIRN_STATUS_FORM_TOKEN_CWT:
        return make_token(e, form == CAIRN_STATUS_FORM_TOKEN_JWT, ret_form);
    case CAIRN_STATUS_FORM_CREDENTIAL_JWT:
    case CAIRN_STATUS_FORM_CREDENTIAL_JSON:
        break;
    }
    return make_credential(e, form == CAIRN_STATUS_FORM_CREDENTIAL_JWT, ret_form);
}

/* --- anchors --- */

/* All zeros when there is none yet. */
static cairn_err find_anchor(cairn_arena *arena, const cairn_status_publisher *p,
                             const cairn_status_record *record, cairn_status_form form,
                             cairn_hash *ret_list, cairn_list_anchor *ret_anchor)
{
    cairn_list_anchor none = {0};
    cairn_status_form_list_id(form, record->uri, ret_list);
    *ret_anchor = none;
    cairn_err err = p->find(p->context, arena, ret_list, ret_anchor);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

static cairn_err submit(cairn_arena *arena, const cairn_status_publisher *p, const cairn_hash *list,
                        const cairn_status_issue *issue)
{
    cairn_bytes body;
    cairn_list_format format = cairn_status_form_format((cairn_status_form)issue->form);
    CAIRN_TRY(cairn_list_anchor_body(arena, list, format, &issue->hash, issue->version,
                                     issue->expires_ms, &body));
    return p->anchor(p->context, body);
}

/* Whether the ledger anchors the issue in the end. One that it took before this process was born is
 * found by its hash, also when it came in between. */
static cairn_err settle_issue(cairn_arena *arena, const cairn_status_publisher *p,
                              const cairn_status_record *record, const cairn_status_issue *issue,
                              uint64_t now_ms, bool *ret_anchored)
{
    cairn_status_form form = (cairn_status_form)issue->form;
    cairn_list_anchor anchor;
    cairn_hash list;
    CAIRN_TRY(find_anchor(arena, p, record, form, &list, &anchor));
    bool next = anchor.version + 1 == issue->version && issue->expires_ms > now_ms;
    if (next && !cairn_hash_equal(&anchor.hash, &issue->hash)) {
        cairn_err err = submit(arena, p, &list, issue);
        if (err != CAIRN_OK && err != CAIRN_ERR_TX_WRONG_VERSION)
            return err;
        CAIRN_TRY(find_anchor(arena, p, record, form, &list, &anchor));
    }
    *ret_anchored = cairn_hash_equal(&anchor.hash, &issue->hash);
    return CAIRN_OK;
}

/* Takes the issue into the current ones, in place of the one of its form. */
static void promote(cairn_status_record *record, const cairn_status_issue *issue)
{
    cairn_status_issue *rows = cairn_status_issues(&record->current);
    size_t at = 0;
    while (at < record->current.count && rows[at].form != issue->form)
        at++;
    rows[at] = *issue;
    if (at == record->current.count)
        record->current.count++;
}

/* Current issues are rewritten: in rows of which there are enough. */
static cairn_err make_room(cairn_arena *arena, cairn_schema_list *list)
{
    void *rows = NULL;
    CAIRN_TRY(cairn_arena_array(arena, CAIRN_STATUS_FORMS_MAX, sizeof(cairn_status_issue), &rows));
    if (list->count > 0)
        memcpy(rows, list->rows, list->count * sizeof(cairn_status_issue));
    list->rows = rows;
    return CAIRN_OK;
}

static cairn_err settle(cairn_arena *arena, const cairn_status_publisher *p, uint64_t now_ms,
                        cairn_status_record *record)
{
    bool anchored[CAIRN_STATUS_FORMS_MAX] = {false};
    const cairn_status_issue *pending = cairn_status_issues(&record->pending);
    if (record->pending.count == 0)
        return CAIRN_OK;
    for (size_t i = 0; i < record->pending.count; i++)
        CAIRN_TRY(settle_issue(arena, p, record, &pending[i], now_ms, &anchored[i]));
    CAIRN_TRY(make_room(arena, &record->current));
    for (size_t i = 0; i < record->pending.count; i++)
        if (anchored[i])
            promote(record, &pending[i]);
    record->pending = (cairn_schema_list){0};
    return p->save(p->context, arena, record);
}

static cairn_err make_issue(const edition *e, cairn_status_form form, cairn_status_issue *issue)
{
    cairn_list_anchor anchor;
    cairn_hash list;
    CAIRN_TRY(find_anchor(e->arena, e->publisher, e->record, form, &list, &anchor));
    CAIRN_TRY(make_form(e, form, &issue->bytes));
    if (issue->bytes.size > CAIRN_STATUS_FORM_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "status list: %zu bytes signed",
                          issue->bytes.size);
    issue->form = form;
    issue->version = anchor.version + 1;
    issue->expires_ms = (e->now_s + e->record->life_s) * 1000;
    issue->size = issue->bytes.size;
    cairn_sha256_of(issue->bytes.data, issue->bytes.size, &issue->hash);
    return CAIRN_OK;
}

/* The new forms, on the disk before anything is said of them. */
static cairn_err prepare(cairn_arena *arena, const cairn_status_publisher *p, uint64_t now_ms,
                         cairn_status_record *record)
{
    const edition e = {.arena = arena, .publisher = p, .record = record, .now_s = now_ms / 1000};
    cairn_status_form forms[CAIRN_STATUS_FORMS_MAX];
    cairn_schema_list pending = {0};
    cairn_status_forms((cairn_list_format)record->format, forms);
    CAIRN_TRY(make_room(arena, &pending));
    for (size_t i = 0; i < CAIRN_STATUS_FORMS_MAX; i++)
        CAIRN_TRY(make_issue(&e, forms[i], &cairn_status_issues(&pending)[i]));
    pending.count = CAIRN_STATUS_FORMS_MAX;
    record->pending = pending;
    record->changes = 0;
    return p->save(p->context, arena, record);
}

/* Are all of them current? */
static bool are_current(const cairn_status_record *record, const cairn_schema_list *issues)
{
    size_t found = 0;
    for (size_t i = 0; i < issues->count; i++)
        for (size_t k = 0; k < record->current.count; k++)
            found += cairn_hash_equal(&cairn_status_issues(issues)[i].hash,
                                      &cairn_status_issues(&record->current)[k].hash);
    return found == issues->count;
}

cairn_err cairn_status_publish(cairn_arena *arena, const cairn_status_publisher *publisher,
                               uint64_t now_ms, cairn_status_record *record)
{
    CAIRN_TRY(settle(arena, publisher, now_ms, record));
    CAIRN_TRY(prepare(arena, publisher, now_ms, record));
    const cairn_schema_list issues = record->pending;
    CAIRN_TRY(settle(arena, publisher, now_ms, record));
    if (!are_current(record, &issues))
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_VERSION, "docs/formats/status-store.md",
                          "list: somebody else anchored it meanwhile");
    return CAIRN_OK;
}
