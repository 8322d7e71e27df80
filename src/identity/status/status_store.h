/* An organisation's status lists in its directory: `status/`, one file a list, each replaced whole,
 * so that a reader sees the old one or the new one. Bytes: docs/formats/status-store.md.
 *
 * A list is what its entries say, and its issues: the signed forms of it. A pending issue is on the
 * disk before its hash goes to the ledger; a current one was anchored. What is served is whichever
 * of them the ledger's anchor names, so the switch is the ledger's, in one block, and no crash can
 * come between (status_publish.h). Writers hold the directory (cairn_status_store_lock); readers
 * need not. */
#ifndef CAIRN_IDENTITY_STATUS_STORE_H
#define CAIRN_IDENTITY_STATUS_STORE_H

#include "core/store/file.h"
#include "identity/status/status_form.h"
#include "identity/status/status_list.h"

enum {
    CAIRN_STATUS_NAME_SIZE_MAX = 64,
    CAIRN_STATUS_ENTRIES_SIZE_MAX = 1 << 18, /* bytes: 2^21 entries of one bit. A form of it fits
                                                into one message of the signer's */
    CAIRN_STATUS_FORM_SIZE_MAX = 1 << 20,    /* bytes of one signed form */
    CAIRN_STATUS_FILE_SIZE_MAX = 5 << 20,
    CAIRN_STATUS_COUNT_DEFAULT = 1 << 17, /* entries: the least that hides who is asked for */
};

/* One form of one version, signed. */
typedef struct cairn_status_issue {
    uint64_t form;    /* cairn_status_form */
    uint64_t version; /* of its anchor */
    cairn_hash hash;  /* SHA-256 of its bytes */
    uint64_t expires_ms;
    uint64_t size;
    cairn_bytes bytes; /* not when only the head is read */
} cairn_status_issue;

typedef struct cairn_status_record {
    cairn_hash ledger, org; /* where it is anchored, and by whom */
    cairn_bytes name;
    cairn_bytes uri;
    uint64_t format;     /* BITSTRING or TOKEN */
    cairn_bytes purpose; /* of a bitstring; else empty */
    uint64_t bits;
    uint64_t ttl_s, life_s;
    uint64_t changes;          /* of entries since the newest issue was made */
    cairn_schema_list current; /* of cairn_status_issue, by form */
    cairn_schema_list pending;
    uint64_t entries_size, used_size; /* bytes, compressed */
    cairn_hash entries_hash, used_hash;
    uint64_t body_offset;      /* in the file; of a head alone */
    cairn_status_list entries; /* from here on: not when only the head is read */
    cairn_status_list used;    /* one bit an entry: it was given out */
} cairn_status_record;

/* 1 to 64 of a-z, 0-9 and '-', the first no '-'. USAGE. */
cairn_err cairn_status_name_check(cairn_bytes name) CAIRN_MUST_USE;

/* Makes the directory if need be and holds it until `*ret_fd` is closed; LOCKED. Sweeps what a
 * crash left. */
cairn_err cairn_status_store_lock(const char *directory, int *ret_fd) CAIRN_MUST_USE;

/* What a list begins as: `like` names ledger, org, name, uri, format, purpose, bits, ttl_s and
 * life_s. In the arena, not yet on the disk. USAGE or BAD_VALUE for what does not go together,
 * TOO_LARGE. */
cairn_err cairn_status_record_new(cairn_arena *arena, const cairn_status_record *like, size_t count,
                                  cairn_status_record *ret_record) CAIRN_MUST_USE;

/* A whole list. NOT_FOUND; CORRUPT for a file that is not what was written. */
cairn_err cairn_status_store_load(cairn_arena *arena, const char *directory, cairn_bytes name,
                                  cairn_status_record *ret_record) CAIRN_MUST_USE;

/* Puts it in the place of what is there, or with `fresh` where nothing is (EXISTS). */
cairn_err cairn_status_store_save(cairn_arena *arena, const char *directory,
                                  const cairn_status_record *record, bool fresh) CAIRN_MUST_USE;

/* The head alone, and the open file for cairn_status_store_issue; close with cairn_file_close. */
cairn_err cairn_status_store_open(cairn_arena *arena, const char *directory, cairn_bytes name,
                                  cairn_status_record *ret_head, int *ret_fd) CAIRN_MUST_USE;

/* The bytes of an issue of that head. CORRUPT when they have another hash. */
cairn_err cairn_status_store_issue(cairn_arena *arena, int fd, const cairn_status_record *head,
                                   const cairn_status_issue *issue,
                                   cairn_bytes *ret_bytes) CAIRN_MUST_USE;

/* Calls `visit` with the name of each list, in no order. NOT_FOUND without a directory. */
cairn_err cairn_status_store_each(const char *directory,
                                  cairn_err (*visit)(void *context, cairn_bytes name),
                                  void *context) CAIRN_MUST_USE;

/* Rows of one of its lists of issues. */
static inline cairn_status_issue *cairn_status_issues(const cairn_schema_list *list)
{
    return list->rows;
}

/* --- entries (status_entries.c) --- */

/* Gives out `count` entries that were not, each of those that are left as likely as any other: so
 * an index does not tell when its credential was issued. TOO_MANY when fewer are left; CRYPTO. */
cairn_err cairn_status_record_take(cairn_status_record *record, size_t count,
                                   uint64_t *ret_indexes) CAIRN_MUST_USE;

/* Changes an entry. NOT_FOUND beyond the list; CLOSED for one that was never given out, and for one
 * that is revoked: that is for good. BAD_VALUE. */
cairn_err cairn_status_record_set(cairn_status_record *record, uint64_t index,
                                  unsigned value) CAIRN_MUST_USE;

/* How many entries were given out, and how many are not VALID. */
size_t cairn_status_record_used(const cairn_status_record *record);
size_t cairn_status_record_marked(const cairn_status_record *record);

#endif
