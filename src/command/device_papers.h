/* A device's papers, as a directory's verbs use them: its voucher in a file, and beside it, as
 * FILE.passport, its passport. Source: docs/features/onboard.md. */
#ifndef CAIRN_COMMAND_DEVICE_PAPERS_H
#define CAIRN_COMMAND_DEVICE_PAPERS_H

#include "command/home.h"
#include "command/verb.h"
#include "onboard/passport.h"
#include "onboard/wire/voucher.h"

/* Views into the command's arena. */
typedef struct cairn_device_papers {
    const char *path; /* of the voucher */
    cairn_fdo_voucher voucher;
    cairn_fdo_head head; /* after all of its entries, which hold */
    cairn_key *device;   /* the device's own key */
    bool has_passport;
    cairn_passport passport;
} cairn_device_papers;

/* Reads and verifies the voucher, and the passport when it is there: MISMATCH when that is another
 * device's, or another ledger's. */
cairn_err cairn_device_papers_read(cairn_home *home, const char *path,
                                   cairn_device_papers *ret_papers) CAIRN_MUST_USE;
void cairn_device_papers_done(cairn_device_papers *papers);

/* NOT_FOUND, with a hint, without a passport; else the device's index. */
cairn_err cairn_device_papers_index(const cairn_device_papers *papers,
                                    const cairn_hash **ret_index) CAIRN_MUST_USE;

/* Writes a passport beside the voucher at `path`, for its owner's eyes alone. */
cairn_err cairn_device_passport_write(cairn_home *home, const char *path,
                                      const cairn_passport *passport) CAIRN_MUST_USE;
/* Reads the passport beside a voucher, or one that is named itself; NOT_FOUND. */
cairn_err cairn_device_passport_read(cairn_home *home, const char *path,
                                     cairn_passport *ret_passport) CAIRN_MUST_USE;

/* The index that a word names: 64 hex digits, or a voucher with its passport. */
cairn_err cairn_device_named(cairn_home *home, const char *word,
                             cairn_hash *ret_index) CAIRN_MUST_USE;
/* Its record: NOT_FOUND in words. */
cairn_err cairn_device_record(cairn_home *home, const cairn_hash *index,
                              cairn_device *ret_device) CAIRN_MUST_USE;

/* The bytes of a Sign1 by the directory's key that is the head owner's: USAGE when it is not here.
 */
cairn_err cairn_device_owner_sign(cairn_home *home, const cairn_fdo_key *owner, cairn_bytes payload,
                                  cairn_bytes *ret_message) CAIRN_MUST_USE;

/* 32 random bytes. */
cairn_err cairn_device_random(cairn_hash *ret_random) CAIRN_MUST_USE;

/* A commitment to what an option says ("" when it is not given), under a blind that its owner
 * keeps. */
void cairn_device_commit(const cairn_arguments *arguments, const char *option,
                         const cairn_hash *blind, cairn_hash *ret_commitment);

/* Submits, and adds what the ledger said: its code is the result. */
cairn_err cairn_device_send(cairn_home *home, uint16_t type, cairn_bytes body,
                            json_t *facts) CAIRN_MUST_USE;

#endif
