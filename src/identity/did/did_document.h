/* The DID document of an organisation as JSON. Private to identity. */
#ifndef CAIRN_IDENTITY_DID_DOCUMENT_H
#define CAIRN_IDENTITY_DID_DOCUMENT_H

#include <jansson.h>

#include "identity/did/did_history.h"

/* The document under `id`; with `also`, another name of the same subject. A new reference. The
 * verification relationships of an organisation that is not active are empty: nothing that its keys
 * do now counts. */
cairn_err cairn_did_document(const char *id, const char *also, const cairn_did_version *version,
                             const cairn_did_view *view, json_t **ret_document) CAIRN_MUST_USE;

/* created, updated, versionId, nextUpdate, nextVersionId, deactivated. */
cairn_err cairn_did_document_metadata(const cairn_did_version *version,
                                      json_t **ret_metadata) CAIRN_MUST_USE;

/* Compact JSON in the arena; the reference is taken, NULL is NO_MEMORY. */
cairn_err cairn_did_write(cairn_arena *arena, json_t *json_take,
                          cairn_bytes *ret_json) CAIRN_MUST_USE;

#endif
