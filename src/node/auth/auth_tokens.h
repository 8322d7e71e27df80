/* Bearer tokens that were found to hold, remembered so that the next call with the same one costs a
 * hash and not a signature.
 *
 * What is remembered is the verdict on the token's own text: key, signature and claims. It ends
 * with the token, with the set of keys that verified it, and when the clock goes back. What may
 * change meanwhile (revocation, the standing of the organisation, the certificate that the token is
 * bound to) is the caller's to look at with each call. Refusals are not remembered. Source: house.
 * Any thread. */
#ifndef CAIRN_NODE_AUTH_TOKENS_H
#define CAIRN_NODE_AUTH_TOKENS_H

#include "core/net/principal.h"
#include "node/auth/auth_issuers.h"

enum {
    CAIRN_TOKENS_MAX = 4096,       /* that are remembered */
    CAIRN_TOKEN_ID_SIZE_MAX = 128, /* bytes of the `jti` of a token that is remembered */
};

/* What a token says, once it holds. */
typedef struct cairn_token_facts {
    const cairn_issuer *issuer; /* NULL: ourselves */
    uint64_t keys;              /* serial number of the set of keys that verified it */
    uint64_t checked_ms;        /* wall clock */
    uint64_t until_ms;          /* it has expired from then on */
    bool is_bound;              /* to a certificate with this SHA-256 */
    cairn_hash certificate;
    char id[CAIRN_TOKEN_ID_SIZE_MAX + 1]; /* `jti`; "" when there is none */
    cairn_principal principal;
} cairn_token_facts;

typedef struct cairn_tokens cairn_tokens;

/* NO_MEMORY. */
cairn_err cairn_tokens_new(cairn_tokens **ret_tokens) CAIRN_MUST_USE;
/* Takes NULL. */
void cairn_tokens_free(cairn_tokens *tokens);
CAIRN_DEFINE_CLEANUP(cairn_tokens, cairn_tokens_free)

/* False when the token with this SHA-256 is not remembered, or no longer. Whether the set of keys
 * is still the issuer's is the caller's to compare. */
bool cairn_tokens_recall(cairn_tokens *tokens, const cairn_hash *token, uint64_t now_ms,
                         cairn_token_facts *ret_facts);

/* In place of whatever lies there. */
void cairn_tokens_remember(cairn_tokens *tokens, const cairn_hash *token,
                           const cairn_token_facts *facts);

#endif
