/* What the machines share: how a turn ends, waits for a signature, or for the store. */
#ifndef CAIRN_ONBOARD_TURN_H
#define CAIRN_ONBOARD_TURN_H

#include "onboard/server/service.h"

struct cairn_fdo_service {
    cairn_fdo_service_options options;
    cairn_fdo_sessions *sessions;
    uint64_t correlation; /* atomic */
};

/* A message that a role takes. */
typedef struct cairn_fdo_handler {
    uint8_t type;
    cairn_fdo_protocol protocol;
    bool begins;              /* a run: it carries no token */
    cairn_fdo_turn_fn handle; /* ends with cairn_fdo_finish, now or later */
} cairn_fdo_handler;

enum {
    CAIRN_FDO_MANUFACTURER_COUNT = 2,
    CAIRN_FDO_RENDEZVOUS_COUNT = 4,
    CAIRN_FDO_OWNER_COUNT = 6,
};
extern const cairn_fdo_handler cairn_fdo_manufacturer_handlers[CAIRN_FDO_MANUFACTURER_COUNT];
extern const cairn_fdo_handler cairn_fdo_rendezvous_handlers[CAIRN_FDO_RENDEZVOUS_COUNT];
extern const cairn_fdo_handler cairn_fdo_owner_handlers[CAIRN_FDO_OWNER_COUNT];

/* Ends the turn: with its reply and what may come next, or with an error, which ends the run. */
void cairn_fdo_finish(cairn_fdo_turn *turn, cairn_err err);

/* The answer; `first` and `second` are the types of messages that may follow it, 0 for none: with
 * two of these the run has ended. */
void cairn_fdo_answer(cairn_fdo_turn *turn, cairn_fdo_type type, cairn_bytes body, uint8_t first,
                      uint8_t second);

/* Fails with a code that the error alone does not tell; 500 when the fault is ours. */
cairn_err cairn_fdo_refuse(cairn_fdo_turn *turn, cairn_fdo_code code, cairn_err err);

/* Names the device of this turn, for the audit. */
void cairn_fdo_turn_device(cairn_fdo_turn *turn, const cairn_fdo_guid *guid);

/* Has turn->unsigned_message signed by `name`, then calls `then` with signed_message; or ends the
 * turn. The last act of a handler. */
void cairn_fdo_turn_sign(cairn_fdo_turn *turn, const char *name, cairn_fdo_turn_fn then);

/* Makes rows durable, then calls `then`; or ends the turn. The last act of a handler. */
void cairn_fdo_turn_store(cairn_fdo_turn *turn, const cairn_fdo_row *rows, size_t count,
                          cairn_fdo_turn_fn then);

cairn_err cairn_fdo_nonce_draw(cairn_fdo_nonce *ret_nonce) CAIRN_MUST_USE;
cairn_err cairn_fdo_guid_draw(cairn_fdo_guid *ret_guid) CAIRN_MUST_USE;

/* In constant time. */
bool cairn_fdo_nonce_equal(const cairn_fdo_nonce *a, const cairn_fdo_nonce *b);

#endif
