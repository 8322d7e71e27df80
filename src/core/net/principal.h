/* Who calls: what an authenticator found out about the caller of a route, whichever way he proved
 * it. "Who may call" is data over it (core/net/route.h). Source: house (ARCHITECTURE, The node). */
#ifndef CAIRN_CORE_NET_PRINCIPAL_H
#define CAIRN_CORE_NET_PRINCIPAL_H

#include "cairn/bytes.h"

typedef enum cairn_auth_method {
    CAIRN_AUTH_NONE,   /* nobody in particular */
    CAIRN_AUTH_MTLS,   /* a client certificate whose key the ledger knows, or a CA of ours issued */
    CAIRN_AUTH_BEARER, /* an access token (RFC 6750) */
    CAIRN_AUTH_BASIC,  /* RFC 7617, where a standard asks for it */
} cairn_auth_method;

enum {
    CAIRN_SUBJECT_SIZE_MAX = 128, /* bytes of a subject's name at its issuer */
    CAIRN_TENANT_SIZE_MAX = 64,
    CAIRN_SCOPES_SIZE_MAX = 1024, /* bytes of the scopes with their blanks */
    CAIRN_AUDIENCE_SIZE_MAX = 256,
    CAIRN_PURPOSE_SIZE_MAX = 128,
};

/* Plain data: copied freely, owns nothing. Texts end in NUL, "" when absent. */
typedef struct cairn_principal {
    cairn_auth_method method;
    char tenant[CAIRN_TENANT_SIZE_MAX + 1]; /* "" is the node's own */
    bool has_organisation;
    cairn_hash organisation;
    char subject[CAIRN_SUBJECT_SIZE_MAX + 1]; /* of the organisation, as its issuer names it */
    uint32_t roles;                           /* bits of cairn_role (ledger/roles.h) */
    char scopes[CAIRN_SCOPES_SIZE_MAX + 1];   /* blank-separated, as in RFC 6749 section 3.3 */
    char audience[CAIRN_AUDIENCE_SIZE_MAX + 1];
    char purpose[CAIRN_PURPOSE_SIZE_MAX + 1]; /* why data are asked for, where a feature needs it */
    uint64_t expires_ms;                      /* wall clock; UINT64_MAX: with the connection */
} cairn_principal;

/* In whose name a caller may have the node sign, who cannot sign himself. Plain data. */
typedef struct cairn_delegation {
    cairn_hash subject; /* the pseudonym that the ledger knows him by */
    cairn_hash kid;     /* of the key that the subject has granted it to */
    char key[65];       /* its name at the signer */
} cairn_delegation;

/* True when `scope` is one of the principal's. */
bool cairn_principal_has_scope(const cairn_principal *principal, const char *scope);

/* 32 bytes that name the caller for good: what a page token or a rate limit is bound to. Two
 * callers who differ in tenant, organisation or subject have different ones. */
void cairn_principal_digest(const cairn_principal *principal, cairn_hash *ret_digest);

#endif
