/* What an organisation was at a height or a time: the edition in force and the keys that it had.
 * Private to identity. Source: docs/features/did-method.md, Versions. */
#ifndef CAIRN_IDENTITY_DID_HISTORY_H
#define CAIRN_IDENTITY_DID_HISTORY_H

#include "identity/did/did_resolve.h"
#include "ledger/registry.h"

enum { CAIRN_DID_KEYS_MAX = CAIRN_ORG_KEYS_MAX };

/* A point at which the document changes: an edition, or the announced end of a key. */
typedef struct cairn_did_change {
    bool exists;
    uint64_t height;
    bool timed; /* false: nobody knows the time of that height */
    uint64_t time_ms;
} cairn_did_change;

typedef struct cairn_did_version {
    cairn_org_record org;  /* as it is today */
    cairn_edition edition; /* as it was */
    uint64_t height;       /* asked for */
    cairn_did_change created, current, next;
    size_t key_count;
    struct {
        cairn_hash kid;
        cairn_key_record record;
    } keys[CAIRN_DID_KEYS_MAX]; /* those that are good for the next block after `height` */
} cairn_did_version;

/* NOT_FOUND when the organisation was not there then, or `height` is none yet; ARGUMENT when a time
 * is asked for that cannot be told. The version is large: in the arena. */
cairn_err cairn_did_history(cairn_arena *arena, const cairn_did_view *view, const cairn_hash *org,
                            const cairn_did_options *options,
                            cairn_did_version **ret_version) CAIRN_MUST_USE;

#endif
