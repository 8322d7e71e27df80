/* One check after another. */
#include "identity/status/status_check.h"

#include "core/crypto/jose.h"
#include "identity/did/did.h"

static const char clause[] = "Token Status List section 8.3";

typedef struct check {
    cairn_arena *arena;
    cairn_bytes served;
    const cairn_status_question *question;
    cairn_status_answer *answer;
    cairn_key_record key;
    cairn_status_list list;
} check;

/* --- whose it is --- */

static cairn_err take_did(check *c, cairn_bytes text)
{
    cairn_did did;
    cairn_hash ledger, org;
    CAIRN_TRY(cairn_did_parse(text, &did));
    if (!cairn_did_is_method(&did, "cairn"))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "docs/features/did-method.md",
                          "status list: its issuer is no did:cairn");
    CAIRN_TRY(cairn_did_cairn_parse(&did, &ledger, &org));
    if (!cairn_hash_equal(&ledger, c->question->ledger))
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_LEDGER, "docs/features/did-method.md",
                          "status list: its issuer is on another ledger");
    if (c->answer->has_org && !cairn_hash_equal(&org, &c->answer->org))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                          "status list: its issuer is not the key's organisation");
    c->answer->org = org;
    c->answer->has_org = true;
    return CAIRN_OK;
}

/* "did:cairn:…:…#" and the key's id. */
static cairn_err take_key_url(check *c, cairn_bytes text)
{
    cairn_did_url url;
    char digits[65] = "";
    CAIRN_TRY(cairn_did_url_parse(text, &url));
    if (url.fragment.size == 64 && url.path.data == NULL && url.query.data == NULL)
        memcpy(digits, url.fragment.data, 64);
    if (cairn_hex_decode(digits, c->answer->kid.b, sizeof c->answer->kid.b) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "docs/features/did-method.md",
                          "status list.kid: names no key");
    c->answer->is_signed = true;
    return take_did(c, url.did.text);
}

static cairn_err find_key(check *c)
{
    cairn_status_answer *a = c->answer;
    cairn_err err = cairn_registry_key(c->question->state, c->arena, &a->kid, &c->key);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_TX_UNKNOWN_SIGNER, clause,
                          "status list.kid: the ledger knows no such key");
    CAIRN_TRY(err);
    if (a->has_org && !cairn_hash_equal(&a->org, &c->key.org))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "status list.kid: is another organisation's");
    if (c->key.purpose != CAIRN_PURPOSE_ISSUE)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_PURPOSE, "docs/formats/identity.md",
                          "status list.kid: is a key for something else");
    a->org = c->key.org;
    a->has_org = true;
    return CAIRN_OK;
}

/* --- each form --- */

static void take_token(check *c, const cairn_status_token *token)
{
    c->answer->uri = token->uri;
    c->answer->bits = token->bits;
    c->answer->issued_ms = token->issued * 1000;
    c->answer->expires_ms = token->expires * 1000;
}

static cairn_bytes wanted_uri(const check *c)
{
    return c->question->uri.size == 0 ? c->answer->uri : c->question->uri;
}

static cairn_err check_jwt(check *c, cairn_key *key)
{
    CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *jwk = NULL;
    cairn_jws jws;
    CAIRN_TRY(cairn_jwk_of_key(key, NULL, &jwk));
    CAIRN_TRY(cairn_jws_parse_within(c->arena, c->served, CAIRN_STATUS_JWT_SIZE_MAX, &jws));
    return cairn_jws_verify(&jws, jwk);
}

static cairn_err check_signature(check *c)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_status_token token;
    CAIRN_TRY(find_key(c));
    CAIRN_TRY(cairn_key_from_cose(c->key.cose_key, &key));
    if (c->answer->form != CAIRN_STATUS_FORM_TOKEN_CWT)
        return check_jwt(c, key);
    return cairn_status_token_verify(c->arena, c->served, key, wanted_uri(c),
                                     c->question->now_ms / 1000, &token);
}

static cairn_err read_token(check *c)
{
    cairn_status_token token;
    bool jwt = c->answer->form == CAIRN_STATUS_FORM_TOKEN_JWT;
    CAIRN_TRY(jwt ? cairn_status_jwt_decode(c->arena, c->served, &token)
                  : cairn_status_token_decode(c->served, &token));
    take_token(c, &token);
    if (jwt)
        CAIRN_TRY(take_key_url(c, token.kid));
    else if (token.kid.size == sizeof c->answer->kid.b)
        memcpy(c->answer->kid.b, token.kid.data, token.kid.size);
    else
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "status list.kid: names no key");
    c->answer->is_signed = true;
    CAIRN_TRY(cairn_status_token_check(&token, wanted_uri(c), c->question->now_ms / 1000));
    return cairn_status_token_unpack(c->arena, &token, &c->list);
}

static cairn_err read_credential(check *c)
{
    cairn_status_credential credential;
    char kid[CAIRN_JWS_KID_SIZE_MAX + 1] = "";
    cairn_bytes json = c->served;
    bool jwt = c->answer->form == CAIRN_STATUS_FORM_CREDENTIAL_JWT;
    if (jwt)
        CAIRN_TRY(cairn_status_credential_jwt_decode(c->arena, c->served, kid, sizeof kid, &json));
    CAIRN_TRY(cairn_status_credential_decode(c->arena, json, &credential, &c->list));
    c->answer->uri = credential.id;
    c->answer->purpose = credential.purpose;
    c->answer->bits = credential.bits;
    c->answer->issued_ms = credential.valid_from_ms;
    c->answer->expires_ms = credential.valid_until_ms;
    if (jwt)
        CAIRN_TRY(take_key_url(c, cairn_bytes_str(kid)));
    CAIRN_TRY(take_did(c, credential.issuer));
    return cairn_status_credential_check(&credential, wanted_uri(c), c->question->now_ms);
}

/* --- the ledger --- */

static cairn_err check_anchor(check *c)
{
    cairn_status_answer *a = c->answer;
    cairn_status_form_list_id(a->form, a->uri, &a->list);
    cairn_err err =
        cairn_list_anchor_get(c->question->state, c->arena, &a->org, &a->list, &a->anchor);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, "docs/formats/identity.md",
                          "status list: its organisation anchors no list of this name");
    CAIRN_TRY(err);
    a->is_anchored = true;
    return cairn_list_anchor_check(&a->anchor, c->served, c->question->now_ms); /* [X1353-R51] */
}

/* The anchor says by when it was signed at the latest. */
static cairn_err check_key_life(const check *c)
{
    uint64_t height = c->answer->anchor.height;
    if (!c->answer->is_signed)
        return CAIRN_OK;
    if (height < c->key.since || height >= c->key.until)
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, "docs/formats/identity.md",
                          "status list.kid: was not valid when the list was anchored");
    if (height >= c->key.suspect_since)
        return CAIRN_FAIL(CAIRN_ERR_DISPUTED, "docs/formats/identity.md",
                          "status list.kid: its owner does not vouch for it any more");
    return CAIRN_OK;
}

/* Whoever was suspended or removed vouches for nothing, however good his keys. [X1353-R23] */
static cairn_err check_org(const check *c)
{
    cairn_org_record org;
    if (c->question->org != NULL && !cairn_hash_equal(c->question->org, &c->answer->org))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "status list: is another organisation's");
    cairn_err err = cairn_registry_org(c->question->state, c->arena, &c->answer->org, &org);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, "docs/formats/identity.md",
                          "status list: the ledger knows no such organisation");
    CAIRN_TRY(err);
    if (org.status != CAIRN_ORG_ACTIVE)
        return CAIRN_FAIL(CAIRN_ERR_TX_SUSPENDED_SIGNER, "docs/formats/identity.md",
                          "status list: its organisation is %s", cairn_org_status_name(org.status));
    return CAIRN_OK;
}

cairn_err cairn_status_check(cairn_arena *arena, cairn_bytes served,
                             const cairn_status_question *question, cairn_status_answer *ret_answer)
{
    check c = {.arena = arena, .served = served, .question = question, .answer = ret_answer};
    *ret_answer = (cairn_status_answer){0};
    CAIRN_TRY(cairn_status_form_guess(served, &ret_answer->form));
    bool credential = cairn_status_form_format(ret_answer->form) == CAIRN_LIST_BITSTRING;
    CAIRN_TRY(credential ? read_credential(&c) : read_token(&c));
    if (ret_answer->is_signed)
        CAIRN_TRY(check_signature(&c));
    CAIRN_TRY(check_org(&c));
    CAIRN_TRY(check_anchor(&c));
    CAIRN_TRY(check_key_life(&c));
    CAIRN_TRY(cairn_status_list_get(&c.list, question->index, &ret_answer->value));
    ret_answer->has_value = true;
    return CAIRN_OK;
}
