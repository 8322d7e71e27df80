/* What a feature registers: one const descriptor of const tables. The ledger reads the transaction
 * rows; other parts of the house read theirs. The list of all features is src/features.c.
 *
 * A handler is part of the consensus: a function of its arguments and the state alone. It has no
 * clock, no I/O, no floating point, and no order that depends on addresses. Only codes leave it,
 * never texts. */
#ifndef CAIRN_LEDGER_FEATURE_H
#define CAIRN_LEDGER_FEATURE_H

#include "cairn/cbor.h"
#include "cairn/transaction.h"
#include "ledger/params.h"
#include "ledger/state.h"

typedef struct cairn_apply cairn_apply;

typedef struct cairn_tx_row {
    uint16_t type;
    const char *name; /* "record.anchor" */
    uint32_t since;   /* first application version that knows it */
    uint32_t until;   /* first application version that no longer does; 0: none yet */
    bool by_approval; /* an act: executed by an approval, never submitted by itself */
    /* Body to the feature's own struct in the arena; strict. The reader stands before the body's
     * map. */
    cairn_err (*decode)(cairn_arena *arena, cairn_cbor_reader *body, void **ret_act);
    /* Checks and writes. An error takes back all that it wrote. */
    cairn_err (*apply)(cairn_apply *apply, const void *act);
    const char *clause; /* where its bytes are described */
} cairn_tx_row;

/* The rows of the floors above are declared where they are read. */
struct cairn_route;      /* core/net/route.h */
struct cairn_projection; /* core/jobs/projection.h */
/* Handed the node's cairn_services (ledger/services.h) as their context. */
struct cairn_reaction;      /* core/jobs/jobs.h */
struct cairn_timer_owner;   /* core/jobs/timer.h */
struct cairn_callback_kind; /* core/jobs/callback.h; with a reaction of its name */

typedef struct cairn_feature {
    const char *name;
    const cairn_tx_row *transactions;
    size_t transaction_count;
    const struct cairn_route *routes;
    size_t route_count;
    const struct cairn_projection *projections;
    size_t projection_count;
    const struct cairn_reaction *reactions;
    size_t reaction_count;
    const struct cairn_timer_owner *timer_owners;
    size_t timer_owner_count;
    const struct cairn_callback_kind *callback_kinds;
    size_t callback_kind_count;
} cairn_feature;

/* The features of a build: all tables in fixed order. */
typedef struct cairn_features {
    const cairn_feature *const *list;
    size_t count;
    uint64_t app_version; /* the newest that these tables know */
} cairn_features;

/* BAD_VERSION when `app_version` is newer than the tables. */
cairn_err cairn_features_know(const cairn_features *features, uint64_t app_version) CAIRN_MUST_USE;

/* The row for `type` that is active at `app_version`. TX_NOT_ACTIVE for a type that ended with an
 * earlier version; TX_UNKNOWN_TYPE otherwise, for one of a later version too: members must agree
 * about the code before all of them have that version. */
cairn_err cairn_features_find(const cairn_features *features, uint16_t type, uint64_t app_version,
                              const cairn_tx_row **ret_row) CAIRN_MUST_USE;

/* What a handler sees of the block that it is part of. */
uint64_t cairn_apply_height(const cairn_apply *apply);
uint64_t cairn_apply_time_ms(const cairn_apply *apply);
const cairn_hash *cairn_apply_ledger(const cairn_apply *apply);
const cairn_tx *cairn_apply_tx(const cairn_apply *apply);
const cairn_hash *cairn_apply_org(const cairn_apply *apply); /* the signer's organisation */
const cairn_params *cairn_apply_params(const cairn_apply *apply);
/* Gone after the transaction: a block's memory is bounded by what it changes, not by what it reads.
 */
cairn_arena *cairn_apply_arena(cairn_apply *apply);

/* State with the block's own earlier writes in it. */
const cairn_state_source *cairn_apply_state(const cairn_apply *apply);
cairn_err cairn_apply_put(cairn_apply *apply, cairn_map_id map, const cairn_state_key *key,
                          const void *value, size_t value_size) CAIRN_MUST_USE;
cairn_err cairn_apply_delete(cairn_apply *apply, cairn_map_id map,
                             const cairn_state_key *key) CAIRN_MUST_USE;
/* EXISTS or OK: for objects that are created once. */
cairn_err cairn_apply_must_be_new(cairn_apply *apply, cairn_map_id map,
                                  const cairn_state_key *key) CAIRN_MUST_USE;

/* An event for the jobs behind the ledger: `type` is the feature's own, `key` (0 to 256 bytes)
 * names the object, copied. TOO_MANY when the transaction has emitted as many (16, or 768 bytes of
 * keys) as it may, TOO_LARGE for the key: a handler hands that on, and the transaction is finally
 * refused. No root covers events, but every replica emits the same ones. */
cairn_err cairn_apply_emit(cairn_apply *apply, uint16_t type, cairn_bytes key) CAIRN_MUST_USE;

/* Runs an act of an approval: decode and apply of its row, all of it or nothing. */
cairn_err cairn_apply_act(cairn_apply *apply, uint16_t type, cairn_bytes body) CAIRN_MUST_USE;

#endif
