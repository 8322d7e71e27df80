/* Inside the application: what its files share. */
#ifndef CAIRN_LEDGER_CONSORTIUM_APPLICATION_IMPL_H
#define CAIRN_LEDGER_CONSORTIUM_APPLICATION_IMPL_H

#include <pthread.h>

#include "ledger/consortium/application.h"
#include "ledger/consortium/pool.h"
#include "ledger/consortium/snapshot.h"
#include "ledger/consortium/verified.h"
#include "ledger/validators.h"

struct cairn_application {
    cairn_application_options options;
    cairn_verified *verified;
    cairn_snapshots *snapshots; /* NULL: none is offered */

    pthread_mutex_t pool_lock; /* guards these two */
    cairn_pool pool;
    uint64_t round; /* counts commits */

    pthread_mutex_t block_lock; /* one request about a block at a time; guards the rest */
    cairn_delivery *delivery;   /* finalized, not yet committed */
    uint64_t delivery_height;
    uint64_t delivery_time_ms;
    uint64_t changed[3];             /* heights, newest first: the last block that changed anything,
                                        and those that were it up to a snapshot's multiple; 0: none known */
    cairn_application_status status; /* but for the pool's part */
    bool joining;                    /* by `snapshot`, which the engine offered */
    cairn_snapshot snapshot;         /* in joining_arena */
    cairn_arena joining_arena;
};

enum {
    /* Of all that waits: what a block of the engine's default size for us holds. */
    POOL_SIZE_MAX = 4 << 20,
    VERIFIED_COUNT = 1 << 16,
    /* After each commit the engine shows again all that waits. What it has not shown for so many is
     * not in its pool any more. */
    UNSEEN_ROUNDS_MAX = 4,
};

/* Height of the next block. */
uint64_t cairn_application_next_height(const cairn_application *app);

/* Chain parameters as they are, or as a block will leave them. */
cairn_err cairn_application_read_params(cairn_engine *engine, const cairn_delivery *delivery,
                                        cairn_arena *arena,
                                        cairn_params *ret_params) CAIRN_MUST_USE;

/* The same of who validates; empty when the ledger names nobody. */
cairn_err cairn_application_read_validators(cairn_engine *engine, const cairn_delivery *delivery,
                                            cairn_arena *arena,
                                            cairn_validator_list *ret_list) CAIRN_MUST_USE;

/* --- application_block.c: under block_lock --- */

cairn_err cairn_application_prepare(cairn_application *app, const cairn_abci_block *block,
                                    cairn_arena *arena, cairn_wire_writer *out) CAIRN_MUST_USE;
cairn_err cairn_application_process(cairn_application *app, const cairn_abci_block *block,
                                    cairn_arena *arena, cairn_wire_writer *out) CAIRN_MUST_USE;
cairn_err cairn_application_finalize(cairn_application *app, const cairn_abci_block *block,
                                     cairn_arena *arena, cairn_wire_writer *out) CAIRN_MUST_USE;
cairn_err cairn_application_commit(cairn_application *app, cairn_wire_writer *out) CAIRN_MUST_USE;

/* --- application_snapshot.c: the last two under block_lock --- */

cairn_err cairn_application_list_snapshots(cairn_application *app,
                                           cairn_wire_writer *out) CAIRN_MUST_USE;
cairn_err cairn_application_load_chunk(cairn_application *app, const cairn_abci_request *request,
                                       cairn_wire_writer *out) CAIRN_MUST_USE;
cairn_err cairn_application_offer(cairn_application *app, const cairn_abci_request *request,
                                  cairn_wire_writer *out) CAIRN_MUST_USE;
cairn_err cairn_application_apply_chunk(cairn_application *app, const cairn_abci_request *request,
                                        cairn_wire_writer *out) CAIRN_MUST_USE;

/* --- application_check.c --- */

void cairn_application_foresee(void *context, const cairn_abci_request *requests, size_t count);
cairn_err cairn_application_check(cairn_application *app, const cairn_abci_request *request,
                                  cairn_arena *arena, cairn_wire_writer *out) CAIRN_MUST_USE;

/* --- application_query.c --- */

cairn_err cairn_application_query(cairn_application *app, const cairn_abci_request *request,
                                  cairn_arena *arena, cairn_wire_writer *out) CAIRN_MUST_USE;

void cairn_application_log_joining(const cairn_application *app);
void cairn_application_log_joined(const cairn_application *app);
/* An offer by its height, or a chunk by its number. */
void cairn_application_log_refused(const cairn_application *app, cairn_err err, const char *what,
                                   uint64_t number);
void cairn_application_log_misbehavior(const cairn_application *app,
                                       const cairn_abci_misbehavior *misbehavior);

/* A result's common fields: code, text, whose codes they are. */
void cairn_application_put_result(cairn_wire_writer *out, cairn_err code, uint32_t log_number,
                                  uint32_t codespace_number);

#endif
