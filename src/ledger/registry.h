/* Organisations and their keys, as the state records them: who may sign what, and since when.
 * Bytes: docs/formats/block-entry.md (State records). */
#ifndef CAIRN_LEDGER_REGISTRY_H
#define CAIRN_LEDGER_REGISTRY_H

#include "core/limits.h"
#include "ledger/state.h"

typedef enum cairn_purpose {
    CAIRN_PURPOSE_SIGN = 1,
    CAIRN_PURPOSE_TLS = 2,
    CAIRN_PURPOSE_COSIGN = 3,
    CAIRN_PURPOSE_OWNER = 4,
    CAIRN_PURPOSE_ENCRYPT = 5,
    CAIRN_PURPOSE_VALIDATOR = 6,
    CAIRN_PURPOSE_ISSUE = 7, /* credentials, certificates and status lists */
    CAIRN_PURPOSE_LAST = CAIRN_PURPOSE_ISSUE,
} cairn_purpose;

typedef enum cairn_org_status {
    CAIRN_ORG_ACTIVE = 1,
    CAIRN_ORG_SUSPENDED = 2,
    CAIRN_ORG_REMOVED = 3,
} cairn_org_status;

enum {
    CAIRN_ORG_NAME_SIZE_MAX = 64,
    CAIRN_ORG_RECORD_SIZE_MAX = 144 + 34 * CAIRN_ORG_KEYS_MAX,
    CAIRN_EDITION_RECORD_SIZE_MAX = 64,
    CAIRN_NAME_RECORD_SIZE = 34,
    CAIRN_KEY_RECORD_SIZE_MAX = 320,
    CAIRN_MEMBERS_SIZE_MAX = 8 + 34 * CAIRN_MEMBERS_MAX,
};

#define CAIRN_HEIGHT_OPEN UINT64_MAX /* no end, or not suspect */

typedef struct cairn_org_record {
    char name[CAIRN_ORG_NAME_SIZE_MAX + 1];
    cairn_org_status status;
    bool member; /* votes */
    uint64_t version;
    uint64_t admitted_height;
    size_t kid_count;
    cairn_hash kids[CAIRN_ORG_KEYS_MAX]; /* in order of registration */
    uint32_t roles;                      /* bits of cairn_role (ledger/roles.h) */
    uint64_t editions;                   /* how many of it there are: the newest one's number */
} cairn_org_record;

/* What an organisation was from one of its changes to the next: of its status, its roles, or its
 * keys. They are never rewritten, so that what it was at a height is found in few reads. */
typedef struct cairn_edition {
    uint64_t height;
    uint64_t time_ms; /* of the block */
    cairn_org_status status;
    uint32_t roles;
    size_t kid_count; /* of the first keys of its list */
} cairn_edition;

typedef struct cairn_key_record {
    cairn_hash org;
    cairn_purpose purpose;
    cairn_bytes cose_key; /* view into the record's bytes */
    uint64_t since;
    uint64_t until;         /* first height at which it is no longer valid */
    uint64_t suspect_since; /* from here on its owner does not vouch for it */
} cairn_key_record;

typedef struct cairn_member_list {
    size_t count;
    cairn_hash orgs[CAIRN_MEMBERS_MAX]; /* sorted */
} cairn_member_list;

/* SHA-256("cairn/org/1" ‖ kid of the first key). */
void cairn_org_id(const cairn_hash *first_kid, cairn_hash *ret_org);

/* Printable ASCII of 1 to 64 bytes without '/', '+' and blanks at either end; BAD_VALUE otherwise.
 */
cairn_err cairn_org_name_check(cairn_bytes name) CAIRN_MUST_USE;

const char *cairn_purpose_name(cairn_purpose purpose);
const char *cairn_org_status_name(cairn_org_status status);

/* Records from their bytes and back. */
cairn_err cairn_org_record_decode(cairn_bytes in, cairn_org_record *ret_org) CAIRN_MUST_USE;
size_t cairn_org_record_encode(const cairn_org_record *org, uint8_t out[CAIRN_ORG_RECORD_SIZE_MAX]);
cairn_err cairn_key_record_decode(cairn_bytes in, cairn_key_record *ret_key) CAIRN_MUST_USE;
size_t cairn_key_record_encode(const cairn_key_record *key, uint8_t out[CAIRN_KEY_RECORD_SIZE_MAX]);
cairn_err cairn_member_list_decode(cairn_bytes in, cairn_member_list *ret_members) CAIRN_MUST_USE;
size_t cairn_member_list_encode(const cairn_member_list *members,
                                uint8_t out[CAIRN_MEMBERS_SIZE_MAX]);
cairn_err cairn_edition_decode(cairn_bytes in, cairn_edition *ret_edition) CAIRN_MUST_USE;
size_t cairn_edition_encode(const cairn_edition *edition,
                            uint8_t out[CAIRN_EDITION_RECORD_SIZE_MAX]);

/* Records from the state; NOT_FOUND without a detail when absent. */
cairn_err cairn_registry_org(const cairn_state_source *state, cairn_arena *arena,
                             const cairn_hash *org, cairn_org_record *ret_org) CAIRN_MUST_USE;
cairn_err cairn_registry_key(const cairn_state_source *state, cairn_arena *arena,
                             const cairn_hash *kid, cairn_key_record *ret_key) CAIRN_MUST_USE;
cairn_err cairn_registry_edition(const cairn_state_source *state, cairn_arena *arena,
                                 const cairn_hash *org, uint64_t number,
                                 cairn_edition *ret_edition) CAIRN_MUST_USE;
/* The organisation that bears this name, or once did. */
cairn_err cairn_registry_named(const cairn_state_source *state, cairn_arena *arena,
                               cairn_bytes name, cairn_hash *ret_org) CAIRN_MUST_USE;
cairn_err cairn_registry_members(const cairn_state_source *state, cairn_arena *arena,
                                 cairn_member_list *ret_members) CAIRN_MUST_USE;

/* Where a name is recorded. Upper and lower case are one name, or two organisations could look
 * alike.
 */
void cairn_registry_name_key(cairn_bytes name, cairn_state_key *ret_key);

/* Takes a record of the state: the block's changes, or the genesis's. */
typedef struct cairn_registry_sink {
    void *context;
    cairn_err (*put)(void *context, const cairn_state_key *key, cairn_bytes value);
} cairn_registry_sink;

/* Writes an organisation's record after a change of it, or of its keys, and the edition that begins
 * with it; counts the edition in `org`. */
cairn_err cairn_registry_store(const cairn_registry_sink *sink, const cairn_hash *id,
                               cairn_org_record *org, uint64_t height,
                               uint64_t time_ms) CAIRN_MUST_USE;
/* Records whose name it is. */
cairn_err cairn_registry_store_name(const cairn_registry_sink *sink, cairn_bytes name,
                                    const cairn_hash *id) CAIRN_MUST_USE;

/* Keeps the list sorted. EXISTS, NOT_FOUND, TOO_MANY. */
cairn_err cairn_member_list_add(cairn_member_list *members, const cairn_hash *org) CAIRN_MUST_USE;
cairn_err cairn_member_list_remove(cairn_member_list *members,
                                   const cairn_hash *org) CAIRN_MUST_USE;
bool cairn_member_list_has(const cairn_member_list *members, const cairn_hash *org);

/* The bytes that a new key signs to prove that its organisation holds it. In the arena. */
cairn_err cairn_key_proof_message(cairn_arena *arena, const cairn_hash *ledger,
                                  const cairn_hash *org, cairn_purpose purpose,
                                  cairn_bytes cose_key, cairn_bytes *ret_message) CAIRN_MUST_USE;

#endif
