/* DID resolution as a pure function: identifier, options and a view of a ledger give a status and a
 * document. Sources: W3C DID Core 1.0, W3C DID Resolution (Candidate Recommendation of 2026; the
 * error types and statuses of its HTTPS binding), docs/features/did-method.md. [X1353-R50] */
#ifndef CAIRN_IDENTITY_DID_RESOLVE_H
#define CAIRN_IDENTITY_DID_RESOLVE_H

#include "identity/did/did.h"
#include "ledger/state.h"

/* X(NAME, HTTP status, name of the type, title) */
#define CAIRN_DID_ERROR_LIST(X)                                                               \
    X(INVALID_DID, 400, "INVALID_DID", "The DID is not valid")                                \
    X(INVALID_OPTIONS, 400, "INVALID_OPTIONS", "A resolution option is not valid")            \
    X(NOT_FOUND, 404, "NOT_FOUND", "There is no such DID, or it was not yet there")           \
    X(NOT_ACCEPTABLE, 406, "REPRESENTATION_NOT_SUPPORTED", "No representation that is asked") \
    X(METHOD_NOT_SUPPORTED, 501, "METHOD_NOT_SUPPORTED", "The DID method is not known here")  \
    X(FEATURE_NOT_SUPPORTED, 501, "FEATURE_NOT_SUPPORTED", "The option is not supported")     \
    X(INVALID_DOCUMENT, 500, "INVALID_DID_DOCUMENT", "The DID document is malformed")         \
    X(INTERNAL, 500, "INTERNAL_ERROR", "The resolver failed")

typedef enum cairn_did_error {
    CAIRN_DID_OK,
#define X(name, status, type, title) CAIRN_DID_##name,
    CAIRN_DID_ERROR_LIST(X)
#undef X
} cairn_did_error;

typedef enum cairn_did_accept {
    CAIRN_DID_RESULT, /* application/did-resolution: document and metadata */
    CAIRN_DID_LD_JSON,
    CAIRN_DID_JSON,
    CAIRN_DID_ANY_DOCUMENT, /* application/did */
} cairn_did_accept;

typedef struct cairn_did_options {
    cairn_did_accept accept;
    bool has_version_id;
    uint64_t version_id; /* a height */
    bool has_version_time;
    uint64_t version_time_ms;
} cairn_did_options;

/* Reads the Accept header (empty: anything) and the query of the request URL. `versionId` is a
 * decimal height, `versionTime` a date; both at once, one twice, or any other option is
 * INVALID_OPTIONS. In order of preference among equals: as the enum. */
cairn_did_error cairn_did_options_parse(cairn_bytes accept, cairn_bytes query,
                                        cairn_did_options *ret_options);

/* A ledger as resolution sees it. */
typedef struct cairn_did_view {
    const cairn_state_source *state;
    cairn_hash ledger;
    uint64_t height;      /* of the newest block */
    const char *base_url; /* of the node, for service endpoints; NULL: none */
    void *context;
    /* Time of the last block at or below a height. NULL, or NOT_FOUND: a change that was announced
     * for a height has no time then, and versionTime cannot be resolved across it. */
    cairn_err (*time_at)(void *context, uint64_t height, uint64_t *ret_ms);
} cairn_did_view;

/* An answer as it goes out. */
typedef struct cairn_did_answer {
    int status;               /* 200, 400, 404, 406, 410, 500, 501 */
    const char *content_type; /* static */
    cairn_bytes body;         /* JSON, in the arena */
} cairn_did_answer;

/* Resolves a did:cairn of the view's ledger. Fails only for lack of memory and unreadable state. */
cairn_err cairn_did_resolve(cairn_arena *arena, const cairn_did *did,
                            const cairn_did_options *options, const cairn_did_view *view,
                            cairn_did_answer *ret_answer) CAIRN_MUST_USE;

/* The answer that says only what is wrong. NO_MEMORY. */
cairn_err cairn_did_refuse(cairn_arena *arena, cairn_did_error error,
                           cairn_did_answer *ret_answer) CAIRN_MUST_USE;

/* The answer for a document that was fetched from `did`'s web place: 200 when it is a JSON object
 * whose id is the DID, else INVALID_DOCUMENT. */
cairn_err cairn_did_web_answer(cairn_arena *arena, const cairn_did *did,
                               const cairn_did_options *options, cairn_bytes fetched,
                               cairn_did_answer *ret_answer) CAIRN_MUST_USE;

/* The document that an organisation of ours publishes under a did:web name: that of its did:cairn,
 * which it also names, under the other id. 404 when it is not there, or not active. */
cairn_err cairn_did_web_publish(cairn_arena *arena, const char *web_did, const cairn_hash *org,
                                const cairn_did_view *view,
                                cairn_did_answer *ret_answer) CAIRN_MUST_USE;

#endif
