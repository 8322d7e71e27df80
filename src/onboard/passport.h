/* The passport of a device: what travels beside its voucher and never on the ledger, so that who
 * has it finds the device there, proves where it came from, and names who owned it before. As
 * secret as a key. Bytes: docs/formats/onboard.md (Passport). */
#ifndef CAIRN_ONBOARD_PASSPORT_H
#define CAIRN_ONBOARD_PASSPORT_H

#include "onboard/onboard.h"

enum {
    CAIRN_PASSPORT_LIVES_MAX = 64,
    CAIRN_PASSPORT_PARTIES_MAX = CAIRN_FDO_ENTRIES_MAX, /* of one life */
    CAIRN_PASSPORT_SIZE_MAX = 1 << 20,                  /* bytes */
};

/* Who sold, by the transfer that made this version. */
typedef struct cairn_passport_party {
    uint64_t version;
    cairn_hash org;
    cairn_hash blind;
} cairn_passport_party;

/* From one GUID to the next. */
typedef struct cairn_passport_life {
    cairn_hash index;
    cairn_hash salt;
    size_t party_count;
    cairn_passport_party *parties; /* rising by version */
} cairn_passport_life;

typedef struct cairn_passport {
    cairn_hash ledger;
    cairn_fdo_guid guid; /* of the last life */
    size_t life_count;
    cairn_passport_life *lives; /* oldest first */
} cairn_passport;

/* Strict. Rows are in the arena. MISMATCH when the last index is not of its salt and the GUID. */
cairn_err cairn_passport_decode(cairn_arena *arena, cairn_bytes in,
                                cairn_passport *ret_passport) CAIRN_MUST_USE;
cairn_err cairn_passport_encode(cairn_arena *arena, const cairn_passport *passport,
                                cairn_bytes *ret_encoded) CAIRN_MUST_USE;

/* The passport of a new device: one life, nobody sold it. */
cairn_err cairn_passport_new(cairn_arena *arena, const cairn_hash *ledger,
                             const cairn_fdo_guid *guid, const cairn_hash *salt,
                             cairn_passport *ret_passport) CAIRN_MUST_USE;
/* The same passport with one opening more, or one life more: new rows in the arena, the old one is
 * kept. TOO_MANY. */
cairn_err cairn_passport_sold(cairn_arena *arena, const cairn_passport *passport,
                              const cairn_passport_party *party,
                              cairn_passport *ret_passport) CAIRN_MUST_USE;
cairn_err cairn_passport_renewed(cairn_arena *arena, const cairn_passport *passport,
                                 const cairn_fdo_guid *guid, const cairn_hash *salt,
                                 cairn_passport *ret_passport) CAIRN_MUST_USE;

/* The life that a device has now. */
const cairn_passport_life *cairn_passport_current(const cairn_passport *passport);

/* Whether life `number` (from 0, not the last) ended on the ledger by beginning the next one:
 * MISMATCH when `device`, the record of its index, has another successor. */
cairn_err cairn_passport_check_link(const cairn_passport *passport, size_t number,
                                    const cairn_device *device) CAIRN_MUST_USE;
/* Who sold by the transfer that made `version` in life `number`, whose `party` the ledger holds:
 * NOT_FOUND when the passport does not say, MISMATCH when it says another. */
cairn_err cairn_passport_open_party(const cairn_passport *passport, size_t number, uint64_t version,
                                    const cairn_hash *party, cairn_hash *ret_org) CAIRN_MUST_USE;

#endif
