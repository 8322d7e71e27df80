/* The supervisor: starts the key process, starts it again when it ends, and says how it is. The
 * signer and the vault's holder over it stay the same all along: while keyd is away their calls end
 * with UNAVAILABLE (503). Source: house (ARCHITECTURE, Processes). */
#ifndef CAIRN_NODE_SUPERVISOR_H
#define CAIRN_NODE_SUPERVISOR_H

#include "core/crypto/key_link.h"
#include "core/crypto/signer.h"
#include "core/log.h"
#include "core/store/vault_holder.h"
#include "node/process/spawner.h"

typedef struct cairn_supervisor cairn_supervisor;

typedef struct cairn_supervisor_options {
    cairn_clock clock;
    cairn_log *log; /* borrowed; NULL: silent; else made with cairn_supervisor_log_events */
    uint32_t restart_delay_min_ms; /* before the first new start; doubles with each failure */
    uint32_t restart_delay_max_ms;
    uint32_t answer_timeout_ms; /* a keyd that owes an answer for so long is ended */
} cairn_supervisor_options;

/* The system's clock, no log, 50 ms to 5 s, 10 s. */
cairn_supervisor_options cairn_supervisor_defaults(void);

typedef struct cairn_supervisor_health {
    bool up;
    int keyd_pid;              /* of the present or last one */
    uint64_t starts;           /* how many were started */
    uint64_t ends;             /* how many ended, or could not be started */
    cairn_key_greeting fences; /* of the present or last one */
} cairn_supervisor_health;

/* Events: keyd.started, keyd.ended, keyd.failed. */
extern const cairn_log_table cairn_supervisor_log_events;

/* Starts keyd through the spawner (borrowed, started with keyd's options) and waits until its keys
 * are open. What keeps keyd from it is returned as it was there: NOT_FOUND, PERMISSION, TOKEN, …
 *
 * The order of a node: cairn_process_main; cairn_spawner_start; cairn_sandbox_enter, while there is
 * one thread; this; the rest. */
cairn_err cairn_supervisor_start(cairn_spawner *spawner, const cairn_supervisor_options *options,
                                 cairn_supervisor **ret_supervisor) CAIRN_MUST_USE;

/* Ends keyd. The signer and the holder must not be in use any more. Takes NULL. */
void cairn_supervisor_free(cairn_supervisor *supervisor);
CAIRN_DEFINE_CLEANUP(cairn_supervisor, cairn_supervisor_free)

/* Borrowed, valid until free. */
cairn_signer *cairn_supervisor_signer(cairn_supervisor *supervisor);
cairn_vault_holder *cairn_supervisor_holder(cairn_supervisor *supervisor);

/* Any thread. */
void cairn_supervisor_health_get(cairn_supervisor *supervisor, cairn_supervisor_health *ret_health);

#endif
