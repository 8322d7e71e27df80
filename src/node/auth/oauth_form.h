/* Forms of the token endpoint: application/x-www-form-urlencoded, strict. Source: RFC 6749 appendix
 * B; WHATWG URL standard section 5.1. */
#ifndef CAIRN_NODE_OAUTH_FORM_H
#define CAIRN_NODE_OAUTH_FORM_H

#include "cairn/arena.h"

/* "+" and percent escapes decoded, into the arena. BAD_VALUE for a bad escape, a control character
 * or text that is not UTF-8. */
cairn_err cairn_form_decode(cairn_arena *arena, cairn_bytes in,
                            const char **ret_text) CAIRN_MUST_USE;

typedef struct cairn_form_field {
    const char *name;
    const char *value;
} cairn_form_field;

/* Pairs in order; DUPLICATE_KEY for a repeated name (RFC 6749 section 3.2), TOO_MANY beyond
 * `count_max`, BAD_VALUE. In the arena. */
cairn_err cairn_form_parse(cairn_arena *arena, cairn_bytes body, size_t count_max,
                           cairn_form_field *ret_fields, size_t *ret_count) CAIRN_MUST_USE;

#endif
