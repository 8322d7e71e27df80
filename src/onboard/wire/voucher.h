/* The ownership voucher: header, HMac, device certificates, and one signed entry per transfer.
 * Everything is a view of the bytes as received; hashes are over those, nothing is encoded anew.
 * Source: FDO 1.1 section 3.4; docs/formats/fdo.md. */
#ifndef CAIRN_ONBOARD_VOUCHER_H
#define CAIRN_ONBOARD_VOUCHER_H

#include "onboard/wire/rendezvous.h"

enum {
    CAIRN_FDO_DEVICE_INFO_SIZE_MAX = 1024, /* bytes of UTF-8 */
    CAIRN_FDO_CHAIN_MAX = 10,              /* certificates of a device */
    CAIRN_FDO_VOUCHER_SIZE_MAX = 1 << 18,  /* bytes; 255 entries of RSA keys fit */
};

typedef struct cairn_fdo_header {
    cairn_fdo_guid guid;
    cairn_fdo_rv_info rv_info;
    cairn_bytes device_info;
    cairn_fdo_key *manufacturer; /* owned: cairn_fdo_header_done */
    bool has_chain_hash;
    cairn_fdo_hash chain_hash;
    cairn_bytes encoded; /* the content of the bstr */
} cairn_fdo_header;

cairn_err cairn_fdo_header_read(cairn_bytes in, cairn_fdo_header *ret_header) CAIRN_MUST_USE;
/* Takes a half-read one. */
void cairn_fdo_header_done(cairn_fdo_header *header);
/* The inverse, for a manufacturer; `encoded` is not looked at. */
cairn_err cairn_fdo_header_encode(cairn_arena *arena, const cairn_fdo_header *header,
                                  cairn_bytes *ret_encoded) CAIRN_MUST_USE;
/* guid ‖ device info, hashed: hashHdrInfo of every entry. */
cairn_err cairn_fdo_header_info_hash(const cairn_fdo_header *header, int64_t alg,
                                     cairn_fdo_hash *ret_hash) CAIRN_MUST_USE;

typedef struct cairn_fdo_entry {
    cairn_fdo_hash previous_hash;
    cairn_fdo_hash header_info_hash;
    cairn_bytes extra;    /* content of the bstr of OVEExtra, one encoded map; empty: null */
    cairn_fdo_key *owner; /* the next owner's; owned: cairn_fdo_entry_done */
    cairn_cose_message message;
    cairn_bytes encoded; /* the whole tagged entry */
} cairn_fdo_entry;

cairn_err cairn_fdo_entry_read(cairn_bytes in, cairn_fdo_entry *ret_entry) CAIRN_MUST_USE;
void cairn_fdo_entry_done(cairn_fdo_entry *entry);

typedef struct cairn_fdo_voucher {
    cairn_fdo_header header;
    cairn_fdo_hash hmac;
    cairn_bytes hmac_encoded;
    size_t chain_count; /* device certificates, leaf first; 0: null */
    cairn_bytes chain[CAIRN_FDO_CHAIN_MAX];
    size_t entry_count;
    cairn_bytes entries[CAIRN_FDO_ENTRIES_MAX]; /* each a whole tagged entry */
    cairn_bytes encoded;
} cairn_fdo_voucher;

/* Reads the outer form; entries are not yet looked into. TOO_MANY beyond 255 entries. */
cairn_err cairn_fdo_voucher_read(cairn_bytes in, cairn_fdo_voucher *ret_voucher) CAIRN_MUST_USE;
void cairn_fdo_voucher_done(cairn_fdo_voucher *voucher);

/* What follows from a voucher whose chain holds. */
typedef struct cairn_fdo_head {
    cairn_fdo_key *owner; /* a reference: of the manufacturer when there is no entry */
    cairn_fdo_hash hash;  /* what the next entry's hashPrev must be */
} cairn_fdo_head;
void cairn_fdo_head_done(cairn_fdo_head *head);

/* Before the first entry: hash over header ‖ HMac, the manufacturer as the owner. */
cairn_err cairn_fdo_head_first(const cairn_fdo_header *header, cairn_bytes hmac_encoded,
                               cairn_fdo_head *ret_head) CAIRN_MUST_USE;
/* One entry further: its signature by the head's owner, both hashes, the next key's type and size.
 * The same for devices, servers and validators of the ledger. BAD_SIGNATURE, MISMATCH, BAD_KEY,
 * BAD_ALGORITHM; `head` is changed on success only. */
cairn_err cairn_fdo_head_advance(cairn_arena *arena, cairn_fdo_head *head,
                                 const cairn_fdo_header *header,
                                 const cairn_fdo_entry *entry) CAIRN_MUST_USE;
/* The same for who knows of the header its info hash alone, as the ledger does: the next key's type
 * and size are those of the head's owner. */
cairn_err cairn_fdo_head_advance_known(cairn_arena *arena, cairn_fdo_head *head,
                                       const cairn_fdo_hash *header_info,
                                       const cairn_fdo_entry *entry) CAIRN_MUST_USE;
/* Every entry, and the certificate chain against its hash (cairn_fdo_chain_check). The HMac is the
 * device's to check. */
cairn_err cairn_fdo_voucher_verify(cairn_arena *arena, const cairn_fdo_voucher *voucher,
                                   cairn_fdo_head *ret_head) CAIRN_MUST_USE;

/* Certificates, the leaf first: each issued by the next, the leaf's key P-256 or P-384, and the
 * last one of `roots` (DER) or issued by one of them, where there are any: NOT_TRUSTED. Times of
 * validity are not asked: a device's birth certificate outlives its clock. BAD_VALUE,
 * BAD_SIGNATURE, BAD_KEY, TOO_MANY for none or more than ten. */
cairn_err cairn_fdo_certificates_check(const cairn_bytes *certificates, size_t count,
                                       const cairn_bytes *roots, size_t root_count,
                                       cairn_key **ret_key) CAIRN_MUST_USE;
/* The device's chain: hash as the header has it, each certificate signed by the next, the leaf's
 * key P-256 or P-384. `roots` (DER, may be empty) must hold an issuer of the last: NOT_TRUSTED.
 * Times of validity are not asked: a device's birth certificate outlives its clock. */
cairn_err cairn_fdo_chain_check(const cairn_fdo_voucher *voucher, const cairn_bytes *roots,
                                size_t root_count, cairn_key **ret_device) CAIRN_MUST_USE;

/* The payload of the next entry, for cairn_fdo_sign_begin with the head's owner's key. `extra` is
 * one encoded map, or empty. */
cairn_err cairn_fdo_entry_payload(cairn_arena *arena, const cairn_fdo_head *head,
                                  const cairn_fdo_header *header, cairn_bytes extra,
                                  const cairn_fdo_key *next_owner,
                                  cairn_bytes *ret_payload) CAIRN_MUST_USE;
/* The voucher with one entry more. TOO_MANY. */
cairn_err cairn_fdo_voucher_append(cairn_arena *arena, const cairn_fdo_voucher *voucher,
                                   cairn_bytes entry, cairn_bytes *ret_voucher) CAIRN_MUST_USE;
/* A new voucher without entries. */
cairn_err cairn_fdo_voucher_make(cairn_arena *arena, cairn_bytes header, cairn_bytes hmac_encoded,
                                 const cairn_bytes *chain, size_t chain_count,
                                 cairn_bytes *ret_voucher) CAIRN_MUST_USE;

/* "-----BEGIN OWNERSHIP VOUCHER-----". From text: one voucher, nothing else but blank lines. */
cairn_err cairn_fdo_voucher_from_pem(cairn_arena *arena, cairn_bytes pem,
                                     cairn_bytes *ret_voucher) CAIRN_MUST_USE;
cairn_err cairn_fdo_voucher_to_pem(cairn_arena *arena, cairn_bytes voucher,
                                   cairn_bytes *ret_pem) CAIRN_MUST_USE;

#endif
