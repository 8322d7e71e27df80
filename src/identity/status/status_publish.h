/* Publishing a list: signing its forms, and anchoring them on the ledger.
 *
 * 1. What a broken-off publishing left pending is settled: anchored now, if the ledger has not got
 *    it yet, or dropped when the ledger has another of that version. 2. The new forms are signed
 * and written as pending. 3. They are settled, too, and become the current ones. A reader is served
 * what the anchor names: the old form up to the block that anchors the new one, the new one from
 * then on. Source: house (docs/formats/status-store.md). */
#ifndef CAIRN_IDENTITY_STATUS_PUBLISH_H
#define CAIRN_IDENTITY_STATUS_PUBLISH_H

#include "identity/status/status_store.h"

/* Who signs and where it is anchored. */
typedef struct cairn_status_publisher {
    void *context;
    cairn_hash kid; /* of a key of purpose issue, valid now */
    cairn_key_type type;
    cairn_err (*sign)(void *context, cairn_bytes message,
                      uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size);
    /* What is anchored for a list of the organisation's; NOT_FOUND. */
    cairn_err (*find)(void *context, cairn_arena *arena, const cairn_hash *list,
                      cairn_list_anchor *ret_anchor);
    /* Submits an identity.list.anchor with this body and waits for the verdict. */
    cairn_err (*anchor)(void *context, cairn_bytes body);
    /* Puts the record on the disk. */
    cairn_err (*save)(void *context, cairn_arena *arena, const cairn_status_record *record);
} cairn_status_publisher;

/* "did:cairn:…:…#" and the key's id in hex: how a JWT names its key. In the arena. */
cairn_err cairn_status_kid(cairn_arena *arena, const cairn_hash *ledger, const cairn_hash *org,
                           const cairn_hash *kid, const char **ret_kid) CAIRN_MUST_USE;

/* Publishes the list as it is now. On an error what was served before is served on, or the new
 * forms are, and the next call goes on from there. What the publisher's functions give. */
cairn_err cairn_status_publish(cairn_arena *arena, const cairn_status_publisher *publisher,
                               uint64_t now_ms, cairn_status_record *record) CAIRN_MUST_USE;

#endif
