/* Members and the chain that they make up: each prepares its directory by itself and gives away its
 * part; somebody puts the parts together; each begins with the result. Source: house
 * (docs/features/consortium.md, which has the two files' forms). */
#ifndef CAIRN_COMMAND_CONSORTIUM_MEMBER_H
#define CAIRN_COMMAND_CONSORTIUM_MEMBER_H

#include "command/consortium_files.h"
#include "command/consortium_sync.h"
#include "command/verb.h"
#include "core/config.h"

enum {
    CAIRN_CONSORTIUM_SETTINGS_MAX = 5,
};

/* How a member is reached. */
typedef struct cairn_member_address {
    const char *listen; /* HOST:PORT of the engine, for other engines */
    const char *rpc;    /* URL of the engine, for the node */
    const char *node;   /* numeric address of the node; NULL: as cairn.yaml has it */
    const char *url;    /* what others call the node by; NULL: by its address */
    const char *wait;   /* for the signatures of others; NULL: as ever */
} cairn_member_address;

/* A new directory with an organisation's keys and an engine; or, where `directory` is a ledger's
 * already, the engine alone. Writes consortium/member.json. `org_name` is empty for the latter.
 * EXISTS when it was prepared before. */
cairn_err cairn_member_prepare(cairn_command *command, const char *directory, const char *org_name,
                               const cairn_member_address *address) CAIRN_MUST_USE;

/* member.json of another directory. */
cairn_err cairn_member_part_read(cairn_command *command, const char *path,
                                 cairn_member_part *ret_part) CAIRN_MUST_USE;
/* The directory's own, which cairn_member_prepare has left there. */
cairn_err cairn_member_own_part(cairn_arena *arena, const char *directory,
                                cairn_member_part *ret_part) CAIRN_MUST_USE;

/* How a member begins. */
typedef struct cairn_member_beginning {
    const char *rpc;              /* of the engine, where cairn.yaml does not say it yet */
    const char *const *sync_urls; /* of other members' engines, to begin with a snapshot; */
    size_t sync_url_count;        /* none: with the chain's first block */
} cairn_member_beginning;

typedef struct cairn_member_begun {
    cairn_hash ledger;
    cairn_sync_point sync; /* when there were URLs */
} cairn_member_begun;

/* Takes a chain's file into a directory that was prepared: the store is made or, where it is there,
 * found to be where the chain begins, or for state sync to be of the same ledger; from then on only
 * the engine brings it forward. MISMATCH for a ledger that stands elsewhere; the errors of
 * cairn_engine_state_sync. */
cairn_err cairn_member_begin(cairn_command *command, const char *directory,
                             const cairn_member_beginning *how, cairn_bytes chain_file,
                             cairn_member_begun *ret_begun) CAIRN_MUST_USE;

#endif
