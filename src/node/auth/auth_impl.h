/* What the authenticators share. */
#ifndef CAIRN_NODE_AUTH_IMPL_H
#define CAIRN_NODE_AUTH_IMPL_H

#include "node/auth/auth.h"
#include "node/auth/auth_tokens.h"
#include "node/node_work.h"

/* Immutable after new. */
struct cairn_auth {
    cairn_auth_options options;
    char challenge[96];
    cairn_tokens *tokens;
    cairn_work *work; /* verifies tokens; NULL: the caller's thread does */
};

#define X(name, text) extern const char cairn_auth_reason_##name[];
CAIRN_AUTH_REASON_LIST(X)
#undef X

static inline cairn_auth_result cairn_auth_refused(const char *reason)
{
    return (cairn_auth_result){.verdict = CAIRN_AUTH_REFUSED, .reason = reason};
}

static inline cairn_auth_result cairn_auth_unavailable(const char *reason)
{
    return (cairn_auth_result){.verdict = CAIRN_AUTH_UNAVAILABLE, .reason = reason};
}

/* A caller who was found, unless the organisation that he acts for is suspended or removed. */
cairn_auth_result cairn_auth_settle(const cairn_auth *auth, const cairn_principal *principal);

/* What stands behind "Bearer "; calls `done`, until when the views live. */
void cairn_auth_bearer(const cairn_auth *auth, cairn_bytes token, cairn_bytes certificate,
                       cairn_auth_done_fn done, void *done_context);

/* What stands behind "Basic "; calls `done`. */
void cairn_auth_basic(const cairn_auth *auth, cairn_bytes credentials, cairn_auth_done_fn done,
                      void *done_context);

/* The TLS peer's certificate, DER. */
cairn_auth_result cairn_auth_certificate(const cairn_auth *auth, cairn_bytes certificate);

#endif
