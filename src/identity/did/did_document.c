/* Keys become JsonWebKey2020 verification methods; what a key is for becomes a relationship. */
#include "identity/did/did_document.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/crypto/jwk.h"

enum { FRAGMENT_SIZE = CAIRN_DID_SIZE_MAX + 66, POINT_TEXT_SIZE = 65 };

/* Which relationships a purpose has. Certificates and transactions prove who one is; what is issued
 * or cosigned is asserted; encryption is agreed upon. Validators' keys are for consensus alone. */
static const struct relationship {
    const char *name;
    unsigned purposes; /* 1 << purpose */
} relationships[] = {
    {"authentication", 1u << CAIRN_PURPOSE_SIGN | 1u << CAIRN_PURPOSE_TLS},
    {"assertionMethod", 1u << CAIRN_PURPOSE_ISSUE | 1u << CAIRN_PURPOSE_COSIGN},
    {"capabilityInvocation", 1u << CAIRN_PURPOSE_SIGN},
    {"capabilityDelegation", 1u << CAIRN_PURPOSE_OWNER},
    {"keyAgreement", 1u << CAIRN_PURPOSE_ENCRYPT},
};

static cairn_err no_memory(void)
{
    return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "did document: out of memory");
}

static void key_name(const char *id, const cairn_hash *kid, char out[FRAGMENT_SIZE])
{
    char digits[65];
    cairn_hex_encode(cairn_bytes_hash(kid), digits);
    (void)snprintf(out, FRAGMENT_SIZE, "%s#%s", id, digits);
}

/* RFC 7517: x and y in halves of the point. */
static json_t *public_jwk(const cairn_key *key)
{
    static const char *const curves[] = {
        [CAIRN_KEY_P256] = "P-256", [CAIRN_KEY_P384] = "P-384", [CAIRN_KEY_ED25519] = "Ed25519"};
    char x[POINT_TEXT_SIZE], y[POINT_TEXT_SIZE];
    cairn_key_type type = cairn_key_get_type(key);
    cairn_bytes point = cairn_key_public(key);
    if (type == CAIRN_KEY_ED25519) {
        cairn_base64url_encode(point, x);
        return json_pack("{s:s, s:s, s:s}", "kty", "OKP", "crv", curves[type], "x", x);
    }
    cairn_base64url_encode(cairn_bytes_of(point.data, point.size / 2), x);
    cairn_base64url_encode(cairn_bytes_of(point.data + point.size / 2, point.size / 2), y);
    return json_pack("{s:s, s:s, s:s, s:s}", "kty", "EC", "crv", curves[type], "x", x, "y", y);
}

static cairn_err add_method(json_t *methods, const char *id, const cairn_hash *kid,
                            const cairn_key_record *record)
{
    char name[FRAGMENT_SIZE];
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(cairn_key_from_cose(record->cose_key, &key));
    key_name(id, kid, name);
    json_t *method = json_pack("{s:s, s:s, s:s, s:o}", "id", name, "type", "JsonWebKey2020",
                               "controller", id, "publicKeyJwk", public_jwk(key));
    return json_array_append_new(methods, method) == 0 ? CAIRN_OK : no_memory();
}

static json_t *references(const char *id, const cairn_did_version *version, unsigned purposes)
{
    json_t *list = json_array();
    char name[FRAGMENT_SIZE];
    for (size_t i = 0; i < version->key_count; i++) {
        if ((purposes & 1u << version->keys[i].record.purpose) == 0)
            continue;
        key_name(id, &version->keys[i].kid, name);
        json_array_append_new(list, json_string(name));
    }
    return list;
}

static cairn_err add_relationships(json_t *document, const char *id,
                                   const cairn_did_version *version)
{
    for (size_t i = 0; i < sizeof relationships / sizeof relationships[0]; i++) {
        json_t *list = references(id, version, relationships[i].purposes);
        if (json_array_size(list) == 0)
            json_decref(list);
        else if (json_object_set_new(document, relationships[i].name, list) != 0)
            return no_memory();
    }
    return CAIRN_OK;
}

static cairn_err add_service(json_t *document, const char *id, const cairn_did_view *view)
{
    char name[FRAGMENT_SIZE], endpoint[CAIRN_DID_WEB_URL_SIZE], digits[65];
    if (view->base_url == NULL)
        return CAIRN_OK;
    cairn_hex_encode(cairn_bytes_hash(&view->ledger), digits);
    (void)snprintf(name, sizeof name, "%s#ledger", id);
    (void)snprintf(endpoint, sizeof endpoint, "%s/v1/ledgers/%s", view->base_url, digits);
    json_t *services = json_pack("[{s:s, s:s, s:s}]", "id", name, "type", "CairnLedger",
                                 "serviceEndpoint", endpoint);
    return json_object_set_new(document, "service", services) == 0 ? CAIRN_OK : no_memory();
}

static cairn_err fill(json_t *document, const char *id, const cairn_did_version *version,
                      const cairn_did_view *view)
{
    json_t *methods = json_array();
    if (json_object_set_new(document, "verificationMethod", methods) != 0)
        return no_memory();
    for (size_t i = 0; i < version->key_count; i++)
        CAIRN_TRY(add_method(methods, id, &version->keys[i].kid, &version->keys[i].record));
    if (version->edition.status == CAIRN_ORG_ACTIVE)
        CAIRN_TRY(add_relationships(document, id, version));
    return add_service(document, id, view);
}

cairn_err cairn_did_document(const char *id, const char *also, const cairn_did_version *version,
                             const cairn_did_view *view, json_t **ret_document)
{
    json_t *document = json_pack("{s:[s,s], s:s}", "@context", "https://www.w3.org/ns/did/v1",
                                 "https://w3id.org/security/suites/jws-2020/v1", "id", id);
    if (document == NULL || (also != NULL && json_object_set_new(document, "alsoKnownAs",
                                                                 json_pack("[s]", also)) != 0)) {
        json_decref(document);
        return no_memory();
    }
    cairn_err err = fill(document, id, version, view);
    if (err == CAIRN_OK)
        *ret_document = document;
    else
        json_decref(document);
    return err;
}

/* --- metadata --- */

static json_t *time_of(const cairn_did_change *change)
{
    char text[CAIRN_DID_TIME_SIZE];
    cairn_did_time_format(change->time_ms, text);
    return json_string(text);
}

static json_t *height_of(const cairn_did_change *change)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)change->height);
    return json_string(text);
}

cairn_err cairn_did_document_metadata(const cairn_did_version *v, json_t **ret_metadata)
{
    json_t *m = json_pack("{s:o, s:o}", "created", time_of(&v->created), "versionId",
                          height_of(&v->current));
    int failed = m == NULL;
    if (v->current.timed && v->current.height > v->created.height)
        failed |= json_object_set_new(m, "updated", time_of(&v->current));
    if (v->next.exists)
        failed |= json_object_set_new(m, "nextVersionId", height_of(&v->next));
    if (v->next.exists && v->next.timed)
        failed |= json_object_set_new(m, "nextUpdate", time_of(&v->next));
    if (v->edition.status == CAIRN_ORG_REMOVED)
        failed |= json_object_set_new(m, "deactivated", json_true());
    if (failed != 0) {
        json_decref(m);
        return no_memory();
    }
    *ret_metadata = m;
    return CAIRN_OK;
}

cairn_err cairn_did_write(cairn_arena *arena, json_t *json_take, cairn_bytes *ret_json)
{
    char *text = json_take == NULL ? NULL : json_dumps(json_take, JSON_COMPACT);
    json_decref(json_take);
    if (text == NULL)
        return no_memory();
    cairn_err err = cairn_arena_copy(arena, cairn_bytes_str(text), ret_json);
    free(text);
    return err;
}
