/* Devices on the ledger: from the factory over sales to onboarding and their end, and the contracts
 * of who serves them. Bytes and rules: docs/formats/onboard.md. */
#ifndef CAIRN_ONBOARD_H
#define CAIRN_ONBOARD_H

#include "cairn/fdo.h"
#include "ledger/feature.h"
#include "ledger/registry.h"
#include "ledger/schema.h"

extern const cairn_feature cairn_onboard_feature;

enum {
    CAIRN_DEVICES_PER_TX_MAX = 256,
    CAIRN_DEVICES_BARRED_MAX = 8,           /* by one approval: an event each */
    CAIRN_DEVICE_ENTRY_SIZE_MAX = 2048,     /* bytes of a voucher's entry: RSA keys fit */
    CAIRN_DEVICE_OWNER_KEY_SIZE_MAX = 1024, /* bytes of an encoded PublicKey */
    CAIRN_DEVICE_PROOF_SIZE_MAX = 1024,     /* bytes of a claim's proof */
};
#define CAIRN_RENDEZVOUS_LIFETIME_MAX_MS (UINT64_C(400) * 86400000)
#define CAIRN_CONTRACT_LIFETIME_MAX_MS (UINT64_C(3660) * 86400000)

/* --- events: type and the key that names the object --- */

enum {
    CAIRN_EVENT_DEVICES = 512 + 1,  /* the signer's organisation: devices that the transaction
                                       names */
    CAIRN_EVENT_BARRED = 512 + 3,   /* index of a device: by approval */
    CAIRN_EVENT_CONTRACT = 512 + 2, /* its id */
};

/* --- states --- */

typedef enum cairn_device_state {
    CAIRN_DEVICE_REGISTERED = 1,
    CAIRN_DEVICE_UNCLAIMED = 2,
    CAIRN_DEVICE_CLAIMED = 3,
    CAIRN_DEVICE_RENDEZVOUS = 4,
    CAIRN_DEVICE_ONBOARDING = 5,
    CAIRN_DEVICE_ONBOARDED = 6,
    CAIRN_DEVICE_SUSPENDED = 7,
    CAIRN_DEVICE_REVOKED = 8,   /* final */
    CAIRN_DEVICE_RETIRED = 9,   /* final */
    CAIRN_DEVICE_REPLACED = 10, /* final: lives on under another index */
    CAIRN_DEVICE_STATE_COUNT = CAIRN_DEVICE_REPLACED,
} cairn_device_state;

typedef enum cairn_device_event {
    CAIRN_DEVICE_TRANSFER = 1,
    CAIRN_DEVICE_CLAIM = 2,
    CAIRN_DEVICE_ANNOUNCE = 3, /* at a rendezvous */
    CAIRN_DEVICE_BEGIN = 4,    /* onboarding */
    CAIRN_DEVICE_FAIL = 5,     /* onboarding */
    CAIRN_DEVICE_REPLACE = 6,  /* onboarded, and under a new index */
    CAIRN_DEVICE_SUSPEND = 7,
    CAIRN_DEVICE_RESUME = 8,
    CAIRN_DEVICE_REVOKE = 9,
    CAIRN_DEVICE_RESET = 10, /* to factory settings: nobody's until it is claimed */
    CAIRN_DEVICE_RETIRE = 11,
    CAIRN_DEVICE_EVENT_COUNT = CAIRN_DEVICE_RETIRE,
} cairn_device_event;

const char *cairn_device_state_name(uint64_t state);
const char *cairn_device_event_name(uint64_t event);
/* The event with this name; BAD_VALUE when there is none. */
cairn_err cairn_device_event_find(cairn_bytes name, cairn_device_event *ret_event) CAIRN_MUST_USE;

/* What follows `state` upon `event`; `resume` is where a suspended device was. CLOSED for a pair
 * that the table leaves empty, and for numbers that are none of it. Source: docs/formats/onboard.md
 * (States). */
cairn_err cairn_device_next(uint64_t state, uint64_t event, uint64_t resume,
                            uint64_t *ret_state) CAIRN_MUST_USE;

/* --- the record --- */

/* Of a device's own key: FDO's numbers. */
typedef enum cairn_device_alg {
    CAIRN_DEVICE_P256 = 10,
    CAIRN_DEVICE_P384 = 11,
} cairn_device_alg;

/* What may be absent is zeros (hashes) or CAIRN_SCHEMA_ABSENT (numbers). */
typedef struct cairn_device {
    uint64_t state;
    uint64_t version;
    cairn_hash manufacturer; /* organisation */
    uint64_t algorithm;      /* cairn_device_alg [X1353-R49] */
    cairn_bytes header_info; /* 32 or 48 bytes, as `head` */
    cairn_bytes head;        /* what the next entry's hashPrev must be */
    uint64_t entry_count;
    cairn_hash owner_key; /* SHA-256 of the head owner's encoded PublicKey */
    cairn_hash owner;     /* organisation; absent while it is nobody's */
    cairn_hash contract;
    cairn_hash platform; /* commitments of the owner's */
    cairn_hash policy;
    cairn_hash rendezvous; /* commitment to a to1d */
    uint64_t rendezvous_expires_ms;
    cairn_hash model;        /* commitment to model and firmware reference */
    uint64_t next_algorithm; /* 48, 49, 50: ML-DSA-44, -65, -87; or absent [X1353-R49] */
    cairn_hash next_key;     /* commitment to the key that it will go over to */
    uint64_t resume_state;
    cairn_hash successor; /* commitment to the index under which it lives on */
    cairn_hash evidence;  /* SHA-256 of a verifier's result */
    uint64_t verdict;
    uint64_t registered_ms;
    uint64_t changed_ms;
    cairn_hash previous; /* SHA-256 of the record before this one [X1353-R03] */
    cairn_hash transaction;
} cairn_device;

/* The record under its index, in the arena; NOT_FOUND without a detail when there is none. */
cairn_err cairn_device_get(const cairn_state_source *state, cairn_arena *arena,
                           const cairn_hash *index, cairn_device *ret_device) CAIRN_MUST_USE;
/* The record from its bytes, of which it keeps views, and back, in the arena. */
cairn_err cairn_device_decode(cairn_arena *arena, cairn_bytes in,
                              cairn_device *ret_device) CAIRN_MUST_USE;
cairn_err cairn_device_encode(cairn_arena *arena, const cairn_device *device,
                              cairn_bytes *ret_record) CAIRN_MUST_USE;

/* --- names that only some can make: docs/formats/onboard.md (Names) --- */

void cairn_device_index(const cairn_hash *salt, const cairn_fdo_guid *guid, cairn_hash *ret_index);
/* Of a device's public key. [X1353-R01] */
void cairn_device_nullifier(const cairn_hash *ledger, const cairn_hash *kid,
                            cairn_hash *ret_nullifier);
void cairn_device_successor(const cairn_hash *new_salt, const cairn_hash *old_index,
                            const cairn_hash *new_index, cairn_hash *ret_successor);
void cairn_device_party(const cairn_hash *blind, const cairn_hash *org, cairn_hash *ret_party);
void cairn_device_rendezvous(const cairn_hash *salt, cairn_bytes to1d, cairn_hash *ret_commitment);
/* Of a platform's address, a policy, a model. */
void cairn_device_fact(const cairn_hash *blind, cairn_bytes content, cairn_hash *ret_commitment);
/* Of an owner: SHA-256 of the encoded PublicKey. */
void cairn_device_owner_key(cairn_bytes public_key, cairn_hash *ret_owner_key);

/* --- bodies, in the arena. Rows are put in order where they lie. --- */

/* A new device: of `register` and `renew`. */
typedef struct cairn_device_new_row {
    cairn_hash index;
    cairn_bytes header_info;
    cairn_bytes head;
    cairn_bytes next_key; /* 32 bytes, or empty without a next algorithm */
} cairn_device_new_row;

typedef struct cairn_device_registration {
    cairn_schema_list rows;       /* of cairn_device_new_row */
    cairn_schema_list nullifiers; /* of cairn_hash: as many */
    cairn_hash owner_key;         /* of the manufacturer's FDO key */
    uint64_t algorithm;
    cairn_hash model;
    uint64_t next_algorithm; /* or CAIRN_SCHEMA_ABSENT */
} cairn_device_registration;
cairn_err cairn_device_register_body(cairn_arena *arena, cairn_device_registration *registration,
                                     cairn_bytes *ret_body) CAIRN_MUST_USE;

typedef struct cairn_device_facts {
    cairn_hash platform;
    cairn_hash policy;
    cairn_hash model;
} cairn_device_facts;

typedef struct cairn_device_renewal {
    cairn_schema_list rows; /* of cairn_device_new_row */
    cairn_hash manufacturer;
    cairn_hash owner_key;
    uint64_t algorithm;
    cairn_schema_list facts; /* one cairn_device_facts */
    cairn_hash contract;     /* zeros: none */
    uint64_t next_algorithm; /* or CAIRN_SCHEMA_ABSENT */
} cairn_device_renewal;
cairn_err cairn_device_renew_body(cairn_arena *arena, cairn_device_renewal *renewal,
                                  cairn_bytes *ret_body) CAIRN_MUST_USE;

/* A device at the version that the sender saw; with what the act says of it. */
typedef struct cairn_device_row {
    cairn_hash index;
    uint64_t version;
} cairn_device_row;

typedef struct cairn_device_sale {
    cairn_hash index;
    uint64_t version;
    cairn_bytes entry; /* of the voucher, as signed */
    cairn_hash party;  /* cairn_device_party of the seller */
} cairn_device_sale;
cairn_err cairn_device_transfer_body(cairn_arena *arena, cairn_device_sale *rows, size_t count,
                                     cairn_bytes public_key, cairn_bytes *ret_body) CAIRN_MUST_USE;

/* What the head owner's key signs, as the payload of a Sign1, so that `org` may claim; sorts the
 * rows. */
cairn_err cairn_device_claim_payload(cairn_arena *arena, const cairn_hash *ledger,
                                     const cairn_hash *org, cairn_device_row *rows, size_t count,
                                     cairn_bytes *ret_payload) CAIRN_MUST_USE;
typedef struct cairn_device_claim {
    cairn_schema_list rows; /* of cairn_device_row */
    cairn_bytes public_key; /* encoded, of the head owner */
    cairn_bytes proof;      /* Sign1 over the payload above */
    cairn_hash platform;
    cairn_hash policy;
    cairn_hash contract; /* zeros: none */
} cairn_device_claim;
cairn_err cairn_device_claim_body(cairn_arena *arena, cairn_device_claim *claim,
                                  cairn_bytes *ret_body) CAIRN_MUST_USE;

typedef struct cairn_device_place {
    cairn_hash index;
    uint64_t version;
    cairn_hash commitment; /* cairn_device_rendezvous */
} cairn_device_place;
cairn_err cairn_device_announce_body(cairn_arena *arena, cairn_device_place *rows, size_t count,
                                     uint64_t expires_ms, cairn_bytes *ret_body) CAIRN_MUST_USE;

/* BEGIN, FAIL, SUSPEND, RESUME, REVOKE, RESET or RETIRE. */
cairn_err cairn_device_event_body(cairn_arena *arena, cairn_device_row *rows, size_t count,
                                  cairn_device_event event, cairn_bytes *ret_body) CAIRN_MUST_USE;

typedef struct cairn_device_onboarding {
    cairn_hash index;
    uint64_t version;
    cairn_hash successor; /* cairn_device_successor */
    cairn_hash evidence;  /* zeros: none */
    uint64_t verdict;     /* 0 without evidence */
} cairn_device_onboarding;
cairn_err cairn_device_onboarded_body(cairn_arena *arena, cairn_device_onboarding *rows,
                                      size_t count, cairn_bytes *ret_body) CAIRN_MUST_USE;

/* By approval. */
cairn_err cairn_device_bar_body(cairn_arena *arena, cairn_device_row *rows, size_t count,
                                cairn_bytes *ret_body) CAIRN_MUST_USE;

/* --- contracts --- */

typedef enum cairn_contract_status {
    CAIRN_CONTRACT_PROPOSED = 1,
    CAIRN_CONTRACT_LIVE = 2,
    CAIRN_CONTRACT_ENDED = 3, /* final */
} cairn_contract_status;

typedef struct cairn_contract {
    cairn_hash provider;
    cairn_hash operator; /* the mobile operator's organisation */
    cairn_hash batch;    /* an owner key: devices whose head owner it names */
    cairn_hash terms;    /* commitment */
    uint64_t expires_ms;
    cairn_hash proposer;
    uint64_t status;
    uint64_t version;
    uint64_t changed_ms;
} cairn_contract;

const char *cairn_contract_status_name(uint64_t status);
cairn_err cairn_contract_propose_body(cairn_arena *arena, const cairn_contract *contract,
                                      cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_contract_accept_body(cairn_arena *arena, const cairn_hash *contract,
                                     uint64_t version, cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_contract_end_body(cairn_arena *arena, const cairn_hash *contract, uint64_t version,
                                  cairn_bytes *ret_body) CAIRN_MUST_USE;
/* NOT_FOUND without a detail when there is none. */
cairn_err cairn_contract_get(const cairn_state_source *state, cairn_arena *arena,
                             const cairn_hash *id, cairn_contract *ret_contract) CAIRN_MUST_USE;
cairn_err cairn_contract_decode(cairn_arena *arena, cairn_bytes in,
                                cairn_contract *ret_contract) CAIRN_MUST_USE;

/* --- questions at a view --- */

/* Is this contract in force: NOT_FOUND, CLOSED (not live, or a party is no longer active in its
 * role), EXPIRED. [X1353-R17] */
cairn_err cairn_contract_check(const cairn_state_source *state, cairn_arena *arena,
                               const cairn_hash *id, uint64_t now_ms,
                               cairn_contract *ret_contract) CAIRN_MUST_USE;

/* Is this organisation active, with one of `roles` (0: with any): NOT_FOUND, CLOSED, TX_FORBIDDEN
 * when it lacks the role. [X1353-R23] */
cairn_err cairn_onboard_check_org(const cairn_state_source *state, cairn_arena *arena,
                                  const cairn_hash *org, uint32_t roles) CAIRN_MUST_USE;

/* May this device be served now: it is not suspended or at its end, its manufacturer and, once it
 * has them, owner and contract are in force. For servers, before each handshake, at a view that is
 * no older than their bound (60 s). NOT_FOUND (without a detail) for an index that is none; CLOSED,
 * EXPIRED say what ended. [X1353-R23] */
cairn_err cairn_onboard_check(const cairn_state_source *state, cairn_arena *arena,
                              const cairn_hash *index, uint64_t now_ms,
                              cairn_device *ret_device) CAIRN_MUST_USE;
/* The same, asked by an operator: TX_FORBIDDEN unless the device's contract names it. [X1353-R17]
 */
cairn_err cairn_onboard_check_operator(const cairn_state_source *state, cairn_arena *arena,
                                       const cairn_hash *index, const cairn_hash *operator,
                                       uint64_t now_ms, cairn_device *ret_device) CAIRN_MUST_USE;
/* Is `to1d` where the owner says he is: MISMATCH for one that he did not commit to, EXPIRED. */
cairn_err cairn_device_rendezvous_check(const cairn_device *device, const cairn_hash *salt,
                                        cairn_bytes to1d, uint64_t now_ms) CAIRN_MUST_USE;

/* --- history --- */

/* One transaction of a device's history, with what the log says of it. */
typedef struct cairn_device_step {
    uint64_t log_index;
    uint64_t height;
    uint64_t time_ms; /* of its block */
    cairn_hash org;   /* the signer's */
    bool barred;      /* by the approval that the transaction decided */
    cairn_bytes transaction;
} cairn_device_step;

/* Does to `device` what the transaction of `step` does to the one named `index`: a device that is
 * not there yet has version 0. In the arena. The transaction counts as accepted: what only the
 * state tells is not asked, signatures of the transaction itself neither. NOT_FOUND when it is not
 * about this device. */
cairn_err cairn_device_replay(cairn_arena *arena, const cairn_hash *index,
                              const cairn_device_step *step, cairn_device *device) CAIRN_MUST_USE;

/* Where the records of many devices are kept while a history is gone through. */
typedef struct cairn_device_table {
    void *context;
    /* The record, whose views live in the arena of the replay; version 0 when there is none. */
    cairn_err (*get)(void *context, const cairn_hash *index, cairn_device *ret_device);
    /* `record` is `after` encoded. */
    cairn_err (*put)(void *context, const cairn_hash *index, const cairn_device *before,
                     const cairn_device *after, cairn_bytes record);
} cairn_device_table;

/* The same for all devices of a transaction; when it barred one, for `barred`. */
cairn_err cairn_device_replay_all(cairn_arena *arena, const cairn_device_step *step,
                                  const cairn_hash *barred,
                                  const cairn_device_table *table) CAIRN_MUST_USE;

/* Who sold the device by that transaction: the commitment that it has. NOT_FOUND when it is not a
 * transfer of it. */
cairn_err cairn_device_party_of(cairn_arena *arena, cairn_bytes transaction,
                                const cairn_hash *index, cairn_hash *ret_party) CAIRN_MUST_USE;

/* What that transaction did, by name: "register", "transfer", "suspend", …; NOT_FOUND for one that
 * is not about devices. */
cairn_err cairn_device_act_name(cairn_arena *arena, cairn_bytes transaction,
                                const char **ret_name) CAIRN_MUST_USE;

/* --- the devices of a ledger as a projection: for whom the state map, being a map of hashes, tells
 * nothing. Records as the log makes them, the steps of each history, and whose devices are in which
 * state. Who may read what of it is for its readers. --- */

struct cairn_projection; /* core/jobs/projection.h */
struct cairn_projection_view;

enum {
    CAIRN_DEVICES_RECORDS, /* index: the record */
    CAIRN_DEVICES_STEPS,   /* index ‖ u64 version: what made it */
    CAIRN_DEVICES_HELD, /* holder ‖ u8 state ‖ index: nothing. Held by its owner, or by who made
                           it while it has none */
    CAIRN_DEVICES_MADE, /* manufacturer ‖ index: nothing */
    CAIRN_DEVICES_TABLES,
};
enum { CAIRN_DEVICES_HELD_KEY_SIZE = 32 + 1 + 32 };

extern const struct cairn_projection cairn_devices_projection;

/* How a device came to a version. The transaction is in the log. */
typedef struct cairn_devices_step {
    uint64_t version;
    uint64_t log_index;
    uint64_t height;
    uint64_t time_ms;
    cairn_hash org; /* the signer's; zeros when it was barred */
    bool barred;
} cairn_devices_step;

/* The steps of one device, in the arena, oldest first; none for one that is not there. */
cairn_err cairn_devices_history(struct cairn_projection_view *view, cairn_arena *arena,
                                const cairn_hash *index, const cairn_devices_step **ret_steps,
                                size_t *ret_count) CAIRN_MUST_USE;

/* The devices that `org` holds in `state` (0: in any), behind `after` (zeros: from the start): the
 * next one's index. NOT_FOUND without a detail at the end. */
typedef struct cairn_devices_walk {
    cairn_hash org;
    uint64_t state;
    uint8_t after[CAIRN_DEVICES_HELD_KEY_SIZE];
    size_t after_size; /* 0: from the start */
} cairn_devices_walk;
cairn_err cairn_devices_next(struct cairn_projection_view *view, cairn_devices_walk *walk,
                             cairn_hash *ret_index) CAIRN_MUST_USE;

#endif
