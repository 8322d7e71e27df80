/* What the files of devices share. Private to onboard.
 *
 * An act about devices is one const table, a kind: how its body is read, and what it does to one
 * device. What it does is a function of the record, the act and the signer, so that a history is
 * checked by the same code that made it; what else it asks the state is apart. */
#ifndef CAIRN_ONBOARD_ACTS_H
#define CAIRN_ONBOARD_ACTS_H

#include "onboard/onboard.h"
#include "onboard/wire/fdo_key.h"

#define CAIRN_ONBOARD_CLAUSE "docs/formats/onboard.md"

/* Who says it, and when. */
typedef struct cairn_device_saying {
    cairn_arena *arena;
    cairn_hash ledger;
    cairn_hash org; /* the signer's */
    cairn_hash transaction;
    uint64_t time_ms;
} cairn_device_saying;

typedef struct cairn_device_kind {
    uint16_t type;
    const char *name;           /* in histories */
    bool creates;               /* rows are new devices: cairn_device_new_row; else they begin as
                                   cairn_device_row */
    const cairn_schema *schema; /* of the act, which begins with the list of its rows */
    /* What the body alone tells; NULL: nothing more. */
    cairn_err (*check)(const void *act);
    /* What the state tells, and the act changes, beside its devices; NULL: nothing. */
    cairn_err (*admit)(cairn_apply *apply, const cairn_device_saying *saying, const void *act);
    cairn_err (*admit_row)(cairn_apply *apply, const void *act, const cairn_device *device);
    /* Changes the record but for version, times and links. */
    cairn_err (*step)(const cairn_device_saying *saying, const void *act, const void *row,
                      cairn_device *device);
} cairn_device_kind;

extern const cairn_device_kind cairn_device_register_kind;
extern const cairn_device_kind cairn_device_transfer_kind;
extern const cairn_device_kind cairn_device_claim_kind;
extern const cairn_device_kind cairn_device_announce_kind;
extern const cairn_device_kind cairn_device_event_kind;
extern const cairn_device_kind cairn_device_onboarded_kind;
extern const cairn_device_kind cairn_device_renew_kind;
extern const cairn_device_kind cairn_device_bar_kind;

/* Decodes and applies a kind's transaction. */
cairn_err cairn_devices_decode(cairn_arena *arena, const cairn_device_kind *kind,
                               cairn_cbor_reader *r, void **ret_act) CAIRN_MUST_USE;
cairn_err cairn_devices_apply(cairn_apply *apply, const cairn_device_kind *kind,
                              const void *act) CAIRN_MUST_USE;
/* Encodes an act's body, its rows in order. */
cairn_err cairn_devices_body(cairn_arena *arena, const cairn_device_kind *kind, void *act,
                             cairn_bytes *ret_body) CAIRN_MUST_USE;
/* Sorts by what the rows begin with: 32 bytes. */
void cairn_devices_sort(cairn_schema_list *list, size_t row_size);
/* NOT_CANONICAL unless they rise. */
cairn_err cairn_devices_check_sorted(const cairn_schema_list *list, size_t row_size) CAIRN_MUST_USE;

/* The event of an act of 517. */
cairn_device_event cairn_device_event_of(const void *act);

/* Moves its state by the table. */
cairn_err cairn_device_move(cairn_device *device, cairn_device_event event) CAIRN_MUST_USE;
/* TX_FORBIDDEN unless the signer is the owner, or the manufacturer of one that was never sold. */
cairn_err cairn_device_check_holder(const cairn_device_saying *saying,
                                    const cairn_device *device) CAIRN_MUST_USE;
/* Nobody's: what an owner said of it is gone. */
void cairn_device_release(cairn_device *device);

/* A head owner's key, encoded without certificates: as cairn_fdo_key_read, BAD_VALUE. */
cairn_err cairn_device_read_owner_key(cairn_bytes encoded, cairn_fdo_key **ret_key) CAIRN_MUST_USE;
/* TX_FORBIDDEN unless it is the one on record. */
cairn_err cairn_device_check_owner_key(const cairn_device *device,
                                       cairn_bytes public_key) CAIRN_MUST_USE;
/* BAD_VALUE for a Sign1 that has other headers than its algorithm. */
cairn_err cairn_device_check_bare(const cairn_cose_message *message) CAIRN_MUST_USE;

extern const cairn_schema cairn_device_row_schema;
/* Of the rows of a new device; TX codes as docs/formats/onboard.md. */
extern const cairn_schema cairn_device_new_row_schema;
cairn_err cairn_device_check_new_rows(const cairn_schema_list *rows, uint64_t algorithm,
                                      uint64_t next_algorithm) CAIRN_MUST_USE;
/* Fills in what a row says of a new device. */
void cairn_device_begin(const cairn_device_new_row *row, cairn_device *device);

/* A contract that this owner may put devices of this batch under. */
cairn_err cairn_contract_check_use(cairn_apply *apply, const cairn_hash *id,
                                   const cairn_hash *owner_key) CAIRN_MUST_USE;

/* Encodes `record` and writes it under `prefix` ‖ `suffix`. */
cairn_err cairn_onboard_store(cairn_apply *apply, const char *prefix, cairn_bytes suffix,
                              const cairn_schema *schema, const void *record) CAIRN_MUST_USE;
/* The record under `prefix` ‖ `suffix`, in the arena; NOT_FOUND without a detail. */
cairn_err cairn_onboard_load(const cairn_state_source *state, cairn_arena *arena,
                             const char *prefix, cairn_bytes suffix, const cairn_schema *schema,
                             void **ret_record) CAIRN_MUST_USE;

/* Declares decode and apply of a row. */
#define CAIRN_ONBOARD_ACT(name)                                                               \
    cairn_err cairn_##name##_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act) \
        CAIRN_MUST_USE;                                                                       \
    cairn_err cairn_##name##_apply(cairn_apply *apply, const void *act) CAIRN_MUST_USE

CAIRN_ONBOARD_ACT(contract_propose);
CAIRN_ONBOARD_ACT(contract_accept);
CAIRN_ONBOARD_ACT(contract_end);

#endif
