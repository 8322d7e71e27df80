/* The algorithm of DID Resolution section 4 for did:cairn, and what its HTTPS binding makes of it.
 */
#include "identity/did/did_resolve.h"

#include <stdio.h>

#include "core/net/http_accept.h"
#include "identity/did/did_document.h"

static const char *const media_types[] = {
    [CAIRN_DID_RESULT] = "application/did-resolution",
    [CAIRN_DID_LD_JSON] = "application/did+ld+json",
    [CAIRN_DID_JSON] = "application/did+json",
    [CAIRN_DID_ANY_DOCUMENT] = "application/did",
};
enum { MEDIA_TYPE_COUNT = sizeof media_types / sizeof media_types[0] };

static const struct error_row {
    int status;
    const char *type;
    const char *title;
} errors[] = {[CAIRN_DID_OK] = {200, "", ""},
#define X(name, status, type, title) \
    [CAIRN_DID_##name] = {status, "https://www.w3.org/ns/did#" type, title},
              CAIRN_DID_ERROR_LIST(X)
#undef X
};

/* --- options --- */

static bool take_part(cairn_bytes *rest, char separator, cairn_bytes *ret_part)
{
    if (rest->data == NULL)
        return false;
    const uint8_t *end = rest->size == 0 ? NULL : memchr(rest->data, separator, rest->size);
    size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
    *ret_part = cairn_bytes_of(rest->data, size);
    *rest = end == NULL ? (cairn_bytes){0} : cairn_bytes_of(end + 1, rest->size - size - 1);
    return true;
}

/* What one range of an Accept header asks for; MEDIA_TYPE_COUNT when it is nothing of ours. */
static size_t match_range(cairn_bytes range)
{
    cairn_bytes type = cairn_http_cut(&range, ';');
    if (cairn_http_quality(range) == 0)
        return MEDIA_TYPE_COUNT;
    for (size_t i = 0; i < MEDIA_TYPE_COUNT; i++)
        if (cairn_http_text_is(type, media_types[i]))
            return i;
    /* Browsers and stock clients; the last one is what resolvers sent before the CR. */
    if (cairn_http_text_is(type, "*/*") || cairn_http_text_is(type, "application/*") ||
        cairn_http_text_is(type, "application/json") ||
        cairn_http_text_is(type, "application/ld+json"))
        return CAIRN_DID_RESULT;
    return MEDIA_TYPE_COUNT;
}

static bool parse_accept(cairn_bytes accept, cairn_did_accept *ret_accept)
{
    size_t best = MEDIA_TYPE_COUNT;
    cairn_bytes range;
    if (cairn_http_trim(accept).size == 0)
        best = CAIRN_DID_RESULT;
    while (take_part(&accept, ',', &range)) {
        size_t one = match_range(range);
        best = one < best ? one : best;
    }
    if (best == MEDIA_TYPE_COUNT)
        return false;
    *ret_accept = (cairn_did_accept)best;
    return true;
}

static bool parse_height(cairn_bytes text, uint64_t *ret_height)
{
    uint64_t height = 0;
    if (text.size == 0 || text.size > 18 || (text.size > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        height = height * 10 + (uint64_t)(text.data[i] - '0');
    }
    *ret_height = height;
    return true;
}

/* A colon may come as it is or percent-encoded; nothing else of a time is reserved. */
static bool parse_time(cairn_bytes text, uint64_t *ret_ms)
{
    uint8_t plain[CAIRN_DID_TIME_SIZE];
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (size == sizeof plain)
            return false;
        plain[size] = text.data[i];
        if (text.size - i >= 3 && memcmp(text.data + i, "%3", 2) == 0 &&
            (text.data[i + 2] | 0x20) == 'a') {
            plain[size] = ':';
            i += 2;
        }
        size++;
    }
    return cairn_did_time_parse(cairn_bytes_of(plain, size), ret_ms) == CAIRN_OK;
}

static bool parse_option(cairn_bytes pair, cairn_did_options *options)
{
    cairn_bytes name;
    if (!take_part(&pair, '=', &name) || pair.data == NULL)
        return false;
    if (cairn_bytes_equal(name, cairn_bytes_str("versionId")) && !options->has_version_id) {
        options->has_version_id = true;
        return parse_height(pair, &options->version_id);
    }
    if (cairn_bytes_equal(name, cairn_bytes_str("versionTime")) && !options->has_version_time) {
        options->has_version_time = true;
        return parse_time(pair, &options->version_time_ms);
    }
    return false;
}

cairn_did_error cairn_did_options_parse(cairn_bytes accept, cairn_bytes query,
                                        cairn_did_options *ret_options)
{
    cairn_did_options options = {0};
    cairn_bytes pair;
    if (!parse_accept(accept, &options.accept))
        return CAIRN_DID_NOT_ACCEPTABLE;
    while (query.size > 0 && take_part(&query, '&', &pair))
        if (!parse_option(pair, &options))
            return CAIRN_DID_INVALID_OPTIONS;
    if (options.has_version_id && options.has_version_time)
        return CAIRN_DID_INVALID_OPTIONS;
    *ret_options = options;
    return CAIRN_DID_OK;
}

/* --- answers --- */

static cairn_err finish(cairn_arena *arena, int status, cairn_did_accept accept, json_t *json_take,
                        cairn_did_answer *ret_answer)
{
    cairn_bytes body;
    CAIRN_TRY(cairn_did_write(arena, json_take, &body));
    *ret_answer =
        (cairn_did_answer){.status = status, .content_type = media_types[accept], .body = body};
    return CAIRN_OK;
}

cairn_err cairn_did_refuse(cairn_arena *arena, cairn_did_error error, cairn_did_answer *ret_answer)
{
    const struct error_row *row = &errors[error];
    return finish(arena, row->status, CAIRN_DID_RESULT,
                  json_pack("{s:n, s:{s:{s:s, s:s}}, s:{}}", "didDocument", "didResolutionMetadata",
                            "error", "type", row->type, "title", row->title, "didDocumentMetadata"),
                  ret_answer);
}

/* A document alone, or with its metadata. Both references are taken. */
static cairn_err answer(cairn_arena *arena, const cairn_did_options *options, json_t *document,
                        json_t *metadata, cairn_did_answer *ret_answer)
{
    if (options->accept == CAIRN_DID_RESULT)
        return finish(arena, 200, CAIRN_DID_RESULT,
                      json_pack("{s:o, s:{s:s}, s:o}", "didDocument", document,
                                "didResolutionMetadata", "contentType",
                                media_types[CAIRN_DID_LD_JSON], "didDocumentMetadata", metadata),
                      ret_answer);
    json_decref(metadata);
    return finish(arena, 200, options->accept, document, ret_answer);
}

/* 410: there is metadata, and no document. */
static cairn_err answer_gone(cairn_arena *arena, json_t *metadata, cairn_did_answer *ret_answer)
{
    return finish(arena, 410, CAIRN_DID_RESULT,
                  json_pack("{s:n, s:{}, s:o}", "didDocument", "didResolutionMetadata",
                            "didDocumentMetadata", metadata),
                  ret_answer);
}

/* --- did:cairn --- */

static cairn_err answer_version(cairn_arena *arena, const cairn_did *did,
                                const cairn_did_options *options, const cairn_did_version *version,
                                const cairn_did_view *view, cairn_did_answer *ret_answer)
{
    char id[CAIRN_DID_CAIRN_SIZE + 1];
    json_t *metadata = NULL, *document = NULL;
    memcpy(id, did->text.data, CAIRN_DID_CAIRN_SIZE);
    id[CAIRN_DID_CAIRN_SIZE] = '\0';
    CAIRN_TRY(cairn_did_document_metadata(version, &metadata));
    if (version->edition.status == CAIRN_ORG_REMOVED)
        return answer_gone(arena, metadata, ret_answer);
    cairn_err err = cairn_did_document(id, NULL, version, view, &document);
    if (err != CAIRN_OK) {
        json_decref(metadata);
        return err;
    }
    return answer(arena, options, document, metadata, ret_answer);
}

cairn_err cairn_did_resolve(cairn_arena *arena, const cairn_did *did,
                            const cairn_did_options *options, const cairn_did_view *view,
                            cairn_did_answer *ret_answer)
{
    cairn_hash ledger, org;
    cairn_did_version *version = NULL;
    if (!cairn_did_is_method(did, "cairn"))
        return cairn_did_refuse(arena, CAIRN_DID_METHOD_NOT_SUPPORTED, ret_answer);
    if (cairn_did_cairn_parse(did, &ledger, &org) != CAIRN_OK)
        return cairn_did_refuse(arena, CAIRN_DID_INVALID_DID, ret_answer);
    if (!cairn_hash_equal(&ledger, &view->ledger))
        return cairn_did_refuse(arena, CAIRN_DID_NOT_FOUND, ret_answer);
    cairn_err err = cairn_did_history(arena, view, &org, options, &version);
    if (err == CAIRN_ERR_NOT_FOUND)
        return cairn_did_refuse(arena, CAIRN_DID_NOT_FOUND, ret_answer);
    if (err == CAIRN_ERR_ARGUMENT)
        return cairn_did_refuse(arena, CAIRN_DID_FEATURE_NOT_SUPPORTED, ret_answer);
    CAIRN_TRY(err);
    return answer_version(arena, did, options, version, view, ret_answer);
}

/* --- did:web --- */

cairn_err cairn_did_web_answer(cairn_arena *arena, const cairn_did *did,
                               const cairn_did_options *options, cairn_bytes fetched,
                               cairn_did_answer *ret_answer)
{
    if (options->has_version_id || options->has_version_time)
        return cairn_did_refuse(arena, CAIRN_DID_FEATURE_NOT_SUPPORTED, ret_answer);
    json_t *document =
        json_loadb((const char *)fetched.data, fetched.size, JSON_REJECT_DUPLICATES, NULL);
    const char *id = json_string_value(json_object_get(document, "id"));
    if (id == NULL || !cairn_bytes_equal(cairn_bytes_str(id), did->text)) {
        json_decref(document);
        return cairn_did_refuse(arena, CAIRN_DID_INVALID_DOCUMENT, ret_answer);
    }
    return answer(arena, options, document, json_object(), ret_answer);
}

cairn_err cairn_did_web_publish(cairn_arena *arena, const char *web_did, const cairn_hash *org,
                                const cairn_did_view *view, cairn_did_answer *ret_answer)
{
    const cairn_did_options options = {.accept = CAIRN_DID_JSON};
    char own[CAIRN_DID_CAIRN_SIZE + 1];
    cairn_did_version *version = NULL;
    json_t *document = NULL;
    cairn_err err = cairn_did_history(arena, view, org, &options, &version);
    if (err == CAIRN_ERR_NOT_FOUND ||
        (err == CAIRN_OK && version->edition.status == CAIRN_ORG_REMOVED))
        return cairn_did_refuse(arena, CAIRN_DID_NOT_FOUND, ret_answer);
    CAIRN_TRY(err);
    cairn_did_cairn_format(&view->ledger, org, own);
    CAIRN_TRY(cairn_did_document(web_did, own, version, view, &document));
    return finish(arena, 200, CAIRN_DID_JSON, document, ret_answer);
}
