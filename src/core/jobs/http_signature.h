/* HTTP Message Signatures as the outbox makes them: the signature base over covered components, and
 * the two header fields that carry the result. Source: RFC 9421 sections 2.5, 3 and 4; RFC 9530. */
#ifndef CAIRN_CORE_JOBS_HTTP_SIGNATURE_H
#define CAIRN_CORE_JOBS_HTTP_SIGNATURE_H

#include "cairn/arena.h"

/* A covered component: "@method" or a header field's name in lower case, and its value. */
typedef struct cairn_http_component {
    const char *name;
    cairn_bytes value; /* one line, without blanks at its ends */
} cairn_http_component;

typedef struct cairn_http_signature_params {
    uint64_t created_s; /* seconds since 1970 */
    const char *key_id; /* printable ASCII without quotes and backslashes */
    const char *alg;    /* "ecdsa-p256-sha256", "hmac-sha256"; NULL leaves it out */
} cairn_http_signature_params;

/* What is signed, and the inner list with its parameters as it stands in Signature-Input. Both in
 * the arena, the second ends in NUL. BAD_VALUE for a key id or a value that would break a line. */
cairn_err cairn_http_signature_base(cairn_arena *arena, const cairn_http_component *components,
                                    size_t count, const cairn_http_signature_params *params,
                                    cairn_bytes *ret_base, const char **ret_input) CAIRN_MUST_USE;

/* "Signature: LABEL=:BASE64:" and "Signature-Input: LABEL=INPUT" lines. */
cairn_err cairn_http_signature_lines(cairn_arena *arena, const char *label, const char *input,
                                     cairn_bytes signature, const char **ret_signature_line,
                                     const char **ret_input_line) CAIRN_MUST_USE;

/* "sha-256=:BASE64:" of a body (RFC 9530 section 2). */
cairn_err cairn_http_content_digest(cairn_arena *arena, cairn_bytes body,
                                    const char **ret_value) CAIRN_MUST_USE;

#endif
