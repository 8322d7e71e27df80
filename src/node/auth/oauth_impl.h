/* What the files of the token endpoint share. */
#ifndef CAIRN_NODE_OAUTH_IMPL_H
#define CAIRN_NODE_OAUTH_IMPL_H

#include <pthread.h>

#include "node/auth/oauth.h"
#include "node/auth/oauth_form.h"
#include "node/auth/oauth_replay.h"
#include "node/node_work.h"

enum {
    CAIRN_OAUTH_URL_SIZE_MAX = 256,
    CAIRN_OAUTH_KEY_MARGIN_MS = 60 * 1000, /* a key outlives its last token by so much */
};

enum { CAIRN_OAUTH_EVENT_REFUSED, CAIRN_OAUTH_EVENT_KEY, CAIRN_OAUTH_EVENT_FAILED };

/* Texts are fixed after new. `lock` guards the keys. */
struct cairn_oauth {
    cairn_oauth_options options;
    char issuer[CAIRN_OAUTH_URL_SIZE_MAX + 1];
    char audience[CAIRN_AUDIENCE_SIZE_MAX + 1];
    char token_url[CAIRN_OAUTH_URL_SIZE_MAX + 32];
    cairn_replay *replay;
    cairn_work *work; /* what the endpoints do that may wait for a disk */
    pthread_mutex_t lock;
    size_t key_count;
    cairn_token_key keys[CAIRN_TOKEN_KEYS_MAX]; /* oldest first */
    cairn_jwk_set *set;                         /* of all of them */
    pthread_mutex_t maintenance;                /* one at a time */
};

/* Texts of an error answer (RFC 6749 section 5.2) and the reason for log and audit. */
typedef struct cairn_oauth_refusal {
    int status;
    const char *error;
    const char *reason;
} cairn_oauth_refusal;

/* One call to an endpoint that a client authenticates at. In the exchange's arena. */
typedef struct cairn_oauth_call {
    cairn_oauth *oauth;
    cairn_call *call;
    cairn_form_field fields[CAIRN_OAUTH_FIELDS_MAX];
    size_t field_count;
    cairn_account client; /* once it has proved that it is */
    bool has_certificate;
    cairn_hash certificate; /* SHA-256 of the TLS peer's DER */
    /* What follows; on the thread that decided. */
    void (*then)(struct cairn_oauth_call *call);
    /* The token that is being made. */
    cairn_bytes input;
    char scopes[CAIRN_SCOPES_SIZE_MAX + 1];
    cairn_bytes answer; /* body that waits for the audit */
    cairn_oauth_refusal refusal;
    cairn_audit_fact fact;
    cairn_principal principal;
} cairn_oauth_call;

/* Value of a field, NULL when it is not there. */
const char *cairn_oauth_field(const cairn_oauth_call *call, const char *name);

/* Finds out which client calls, then calls `then`; or refuses. */
void cairn_oauth_authenticate(cairn_oauth_call *call);

/* Answers {"error":…}, after it was recorded. */
void cairn_oauth_refuse(cairn_oauth_call *call, int status, const char *error, const char *reason);
/* Answers 503. */
void cairn_oauth_fail(cairn_oauth_call *call, cairn_err err);
/* Answers 200 with a JSON body that nobody may store; recorded as granted. */
void cairn_oauth_grant(cairn_oauth_call *call, cairn_bytes json);
/* The same without a record. */
void cairn_oauth_answer(cairn_oauth_call *call, int status, cairn_bytes json);

/* Endpoints, once the client is known. */
void cairn_oauth_issue(cairn_oauth_call *call);
void cairn_oauth_revoke(cairn_oauth_call *call);
void cairn_oauth_introspect(cairn_oauth_call *call);

/* A token of ours that holds now, or NULL with the reason; the caller drops `ret_jwt` either way.
 */
const char *cairn_oauth_check_token(cairn_oauth *oauth, cairn_arena *arena, const char *token,
                                    cairn_jwt *ret_jwt);

/* Keys: load, first, next, retire. */
cairn_err cairn_oauth_keys_start(cairn_oauth *oauth) CAIRN_MUST_USE;
/* Name of the key that signs now. */
void cairn_oauth_signing_key(cairn_oauth *oauth, char ret_name[65]);

#endif
