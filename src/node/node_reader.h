/* Who sees what of a ledger's entries: its members all of them, as do investigators, regulators and
 * auditors by their role; every other organisation those that name it. Source: house (ARCHITECTURE,
 * The ledger; docs/decisions/0017-what-roles-open.md). */
#ifndef CAIRN_NODE_READER_H
#define CAIRN_NODE_READER_H

#include "node/node_ledger.h"

/* Plain data. */
typedef struct cairn_reader {
    cairn_node_ledger *ledger;
    bool all;     /* every entry, */
    bool by_role; /* though he is no member: what he reads is recorded */
    cairn_hash org;
    uint8_t first_key[CAIRN_COSE_KEY_SIZE_MAX]; /* what its admission names it by */
    size_t first_key_size;
} cairn_reader;

/* The reader that everybody is where entries are public. */
cairn_reader cairn_reader_of_all(cairn_node_ledger *ledger);

/* The caller's organisation, which must be active on the ledger; his scope is `ledger.read`. Both
 * it and he must have the role by which he reads all: a grant narrows what his organisation may
 * see, and never widens it. NOT_FOUND for everybody else. */
cairn_err cairn_reader_of(cairn_node_ledger *ledger, const cairn_principal *caller,
                          cairn_reader *ret_reader) CAIRN_MUST_USE;

/* OK when the caller may see what is no entry: his organisation is of the ledger, and not removed
 * from it; his scope is `ledger.read`. NOT_FOUND for everybody else. */
cairn_err cairn_reader_of_proofs(cairn_node_ledger *ledger,
                                 const cairn_principal *caller) CAIRN_MUST_USE;

/* An organisation when nobody calls: by membership or name alone. NOT_FOUND unless it is active. */
cairn_err cairn_reader_of_org(cairn_node_ledger *ledger, const cairn_hash *org,
                              cairn_reader *ret_reader) CAIRN_MUST_USE;

/* Does he see this entry of the log? A transaction names who signed it, and every organisation
 * whose id it holds; one that is admitted is named by its key. What is no transaction says nothing
 * that proofs do not show. */
cairn_err cairn_reader_sees(const cairn_reader *reader, cairn_bytes entry,
                            bool *ret_sees) CAIRN_MUST_USE;

#endif
