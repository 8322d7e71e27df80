/* Runs of the protocols that are under way: a bounded table in shards, each run under a token that
 * is its only name. A run that rests too long is forgotten. Source: FDO 1.1 section 4.3 (HTTP
 * binding); house. */
#ifndef CAIRN_ONBOARD_SESSION_H
#define CAIRN_ONBOARD_SESSION_H

#include "cairn/fdo.h"
#include "core/clock.h"

enum {
    CAIRN_FDO_TOKEN_SIZE = 16,                            /* random bytes */
    CAIRN_FDO_TOKEN_TEXT_SIZE = CAIRN_FDO_TOKEN_SIZE * 2, /* hexadecimal digits */
    CAIRN_FDO_EXPECT_MAX = 2,
};

typedef enum cairn_fdo_protocol {
    CAIRN_FDO_DI,
    CAIRN_FDO_TO0,
    CAIRN_FDO_TO1,
    CAIRN_FDO_TO2,
} cairn_fdo_protocol;

typedef struct cairn_fdo_sessions cairn_fdo_sessions;

/* Whoever has taken it may change what stands before the line. */
typedef struct cairn_fdo_session {
    cairn_fdo_protocol protocol;
    uint8_t expect[CAIRN_FDO_EXPECT_MAX]; /* types of messages that may come next; 0: none */
    void *state;                          /* of the protocol's machine */
    void (*free_state)(void *state);
    /* --- */
    uint8_t token[CAIRN_FDO_TOKEN_SIZE];
    bool taken;
    uint64_t deadline_ns;
    struct cairn_fdo_session *next;          /* in its bucket */
    struct cairn_fdo_session *older, *newer; /* by deadline */
} cairn_fdo_session;

/* `count_max` runs at once, each forgotten `lifetime_ms` after its last message. `clock` is copied.
 */
cairn_err cairn_fdo_sessions_new(const cairn_clock *clock, size_t count_max, uint32_t lifetime_ms,
                                 cairn_fdo_sessions **ret_sessions) CAIRN_MUST_USE;
/* No session may be taken. Takes NULL. */
void cairn_fdo_sessions_free(cairn_fdo_sessions *sessions);
CAIRN_DEFINE_CLEANUP(cairn_fdo_sessions, cairn_fdo_sessions_free)

/* A new run under a fresh token, taken. BUSY when there are as many as may be, and none has
 * expired. */
cairn_err cairn_fdo_session_new(cairn_fdo_sessions *sessions, cairn_fdo_protocol protocol,
                                cairn_fdo_session **ret_session) CAIRN_MUST_USE;

/* Takes the run of a token: nobody else has it until it is given back or ended. NOT_FOUND for a
 * token that is none, has ended or expired, or whose run is taken. */
cairn_err cairn_fdo_session_take(cairn_fdo_sessions *sessions, cairn_bytes token,
                                 cairn_fdo_session **ret_session) CAIRN_MUST_USE;
/* Its time begins anew. */
void cairn_fdo_session_give(cairn_fdo_sessions *sessions, cairn_fdo_session *session);
/* The token is worth nothing any more. */
void cairn_fdo_session_end(cairn_fdo_sessions *sessions, cairn_fdo_session *session);

/* Forgets what has expired; how many runs are left. */
size_t cairn_fdo_sessions_sweep(cairn_fdo_sessions *sessions);

#endif
