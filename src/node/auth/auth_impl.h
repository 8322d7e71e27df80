/* What the authenticators share. */
#ifndef CAIRN_NODE_AUTH_IMPL_H
#define CAIRN_NODE_AUTH_IMPL_H

#include "node/auth/auth.h"

/* Immutable after new. */
struct cairn_auth {
    cairn_auth_options options;
    char challenge[96];
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

/* What stands behind "Bearer ". */
cairn_auth_result cairn_auth_bearer(const cairn_auth *auth, cairn_bytes token,
                                    cairn_bytes certificate);

/* What stands behind "Basic "; calls `done`. */
void cairn_auth_basic(const cairn_auth *auth, cairn_bytes credentials, cairn_auth_done_fn done,
                      void *done_context);

/* The TLS peer's certificate, DER. */
cairn_auth_result cairn_auth_certificate(const cairn_auth *auth, cairn_bytes certificate);

#endif
