/* Revocation lists of organisations whose CA is not here: fetched from where their certificates
 * say, and taken when they are what the ledger anchors, byte for byte. So neither who serves a list
 * nor who is in between has a say, and an old list ends with the anchor of a newer one. What cannot
 * be known now is not known: nobody is let in by a list that is missing. Source: RFC 5280 sections
 * 5 and 4.2.1.13; house (docs/features/ca.md). */
#ifndef CAIRN_NODE_LISTS_H
#define CAIRN_NODE_LISTS_H

#include "core/clock.h"
#include "core/log.h"
#include "core/net/address.h"
#include "ledger/state.h"
#include "node/auth/auth.h"

typedef struct cairn_lists cairn_lists;

enum {
    CAIRN_LISTS_MAX = 256,         /* lists that are remembered, those asked for last */
    CAIRN_LIST_SIZE_MAX = 2 << 20, /* bytes of one: 16,384 entries of ours */
    CAIRN_LIST_TIMEOUT_MS = 5000,  /* of a fetch */
    CAIRN_LIST_PAUSE_MS = 2000,    /* after one that failed */
    CAIRN_LIST_URL_SIZE_MAX = 512, /* bytes */
};

/* All of it is the caller's and longer-lived. */
typedef struct cairn_lists_setup {
    cairn_clock clock;
    cairn_log *log;               /* may be NULL */
    cairn_state_source state;     /* the newest */
    const char *ca_file;          /* roots for https; NULL: the system's */
    const cairn_network *allowed; /* beside the public addresses */
    size_t allowed_count;
} cairn_lists_setup;

/* Events: lists.not_fetched. */
extern const cairn_log_table cairn_lists_log_events;

/* Starts its threads. NO_MEMORY, IO. */
cairn_err cairn_lists_new(const cairn_lists_setup *setup, cairn_lists **ret_lists) CAIRN_MUST_USE;
/* Waits for the fetches that are under way. Takes NULL. */
void cairn_lists_free(cairn_lists *lists);
CAIRN_DEFINE_CLEANUP(cairn_lists, cairn_lists_free)

/* Whether the certificate is on its organisation's list. Does not wait: UNAVAILABLE, and a fetch is
 * begun, when the anchored list is not here, or has ended; NOT_FOUND: its organisation anchors no
 * such list. Any thread. */
cairn_err cairn_lists_check(cairn_lists *lists, const cairn_auth_issued *certificate,
                            bool *ret_revoked) CAIRN_MUST_USE;

#endif
