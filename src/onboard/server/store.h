/* What the servers keep: vouchers and rendezvous blobs, each under its device's GUID. A small
 * vtable, so that tests keep it in memory and simulation cuts its power. Source: house. */
#ifndef CAIRN_ONBOARD_STORE_H
#define CAIRN_ONBOARD_STORE_H

#include "cairn/arena.h"
#include "cairn/fdo.h"

typedef enum cairn_fdo_table {
    CAIRN_FDO_VOUCHERS, /* cairn_fdo_holding */
    CAIRN_FDO_BLOBS,    /* cairn_fdo_blob */
    CAIRN_FDO_TABLE_COUNT,
} cairn_fdo_table;

enum { CAIRN_FDO_ROWS_MAX = 4 }; /* of one writing */

typedef struct cairn_fdo_row {
    cairn_fdo_table table;
    cairn_fdo_guid guid;
    cairn_bytes value; /* empty: the row is removed */
} cairn_fdo_row;

typedef void (*cairn_fdo_stored_fn)(void *context, cairn_err err);
typedef cairn_err (*cairn_fdo_row_fn)(void *context, const cairn_fdo_guid *guid, cairn_bytes value);

typedef struct cairn_fdo_store {
    void *context;
    /* Never waits; any thread. NOT_FOUND; CORRUPT. */
    cairn_err (*get)(void *context, cairn_fdo_table table, const cairn_fdo_guid *guid,
                     cairn_arena *arena, cairn_bytes *ret_value);
    /* All or none, durable before `done`, which is called once, perhaps before this returns. Rows
     * are copied. Any thread. */
    void (*put)(void *context, const cairn_fdo_row *rows, size_t count, cairn_fdo_stored_fn done,
                void *done_context);
    /* Each row of a table in GUID order until `fn` fails, which is then returned. Not under load.
     */
    cairn_err (*each)(void *context, cairn_fdo_table table, cairn_fdo_row_fn fn, void *fn_context);
} cairn_fdo_store;

/* A voucher that is held, and what is known of it. */
typedef struct cairn_fdo_holding {
    cairn_bytes voucher;
    cairn_bytes owner_key;  /* name in the signer of the head owner's key; empty: not ours */
    cairn_bytes device_key; /* COSE_Key of the device's certificate */
    cairn_hash salt;        /* of the device's index on the ledger */
    cairn_hash pseudonym;   /* random: what certificates call it as long as it is this owner's */
    bool has_successor;     /* onboarded, but the device may not know it yet: */
    cairn_fdo_guid successor;
    uint64_t until_ms; /* until then it may try again */
} cairn_fdo_holding;

/* Where a device finds its owner. */
typedef struct cairn_fdo_blob {
    cairn_bytes to1d;
    cairn_bytes device_key; /* COSE_Key */
    uint64_t until_ms;
} cairn_fdo_blob;

/* Deterministic CBOR (docs/formats/fdo.md); the read ones are views. CORRUPT: we wrote it. */
cairn_err cairn_fdo_holding_encode(cairn_arena *arena, const cairn_fdo_holding *holding,
                                   cairn_bytes *ret_value) CAIRN_MUST_USE;
cairn_err cairn_fdo_holding_read(cairn_bytes value, cairn_fdo_holding *ret_holding) CAIRN_MUST_USE;
cairn_err cairn_fdo_blob_encode(cairn_arena *arena, const cairn_fdo_blob *blob,
                                cairn_bytes *ret_value) CAIRN_MUST_USE;
cairn_err cairn_fdo_blob_read(cairn_bytes value, cairn_fdo_blob *ret_blob) CAIRN_MUST_USE;

/* What follows from a voucher that came to us: it verifies (its errors), `salt` goes with it, a
 * pseudonym is drawn, and `owner_key` is the name of its head owner's key at our signer, or empty.
 */
cairn_err cairn_fdo_holding_of(cairn_arena *arena, cairn_bytes voucher, const cairn_hash *salt,
                               cairn_bytes owner_key,
                               cairn_fdo_holding *ret_holding) CAIRN_MUST_USE;

/* Removes what time has ended: words at the rendezvous, and vouchers of devices that live on under
 * another GUID, past their grace; with these goes what ties the two GUIDs together. How many rows.
 * Not from a thread on which the store's answers run. */
cairn_err cairn_fdo_store_sweep(const cairn_fdo_store *store, uint64_t now_ms,
                                size_t *ret_count) CAIRN_MUST_USE;

/* Waits for the rows to be durable. Not from a thread on which `done` runs. */
cairn_err cairn_fdo_store_put_wait(const cairn_fdo_store *store, const cairn_fdo_row *rows,
                                   size_t count) CAIRN_MUST_USE;

#endif
