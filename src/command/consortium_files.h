/* The two files by which members come together, member.json and chain.json, in and out. Both come
 * from strangers. Forms: docs/features/consortium.md. */
#ifndef CAIRN_COMMAND_CONSORTIUM_FILES_H
#define CAIRN_COMMAND_CONSORTIUM_FILES_H

#include "ledger/consortium/chain.h"
#include "ledger/genesis.h"

enum {
    CAIRN_PART_SIZE_MAX = 64 << 10,
    CAIRN_PEER_SIZE_MAX = 320,
    CAIRN_CHAIN_MEMBERS_MAX = 256, /* peers, or nodes, that a chain's file names */
};

/* What other members know of one. */
typedef struct cairn_member_part {
    cairn_genesis_member member; /* the last key is the validator's */
    const char *peer;            /* ID@HOST:PORT of its engine */
    const char *node;            /* as cairn_node_name_parse takes it; "": nobody else calls it */
} cairn_member_part;

/* Is it ID@HOST:PORT, and fit for a list that commas or lines divide? False for NULL. */
bool cairn_member_is_peer(const char *text);

/* member.json. In the arena. */
cairn_err cairn_member_part_encode(cairn_arena *arena, const cairn_member_part *part,
                                   cairn_bytes *ret_json) CAIRN_MUST_USE;
/* From member.json, strictly; views and texts in the arena. */
cairn_err cairn_member_part_decode(cairn_arena *arena, cairn_bytes json,
                                   cairn_member_part *ret_part) CAIRN_MUST_USE;

/* A validator that the chain begins with. */
typedef struct cairn_chain_validator {
    const char *name;
    uint8_t key[32];
    uint64_t power;
} cairn_chain_validator;

/* The chain's file: genesis.json of the engine, and how the members' engines and nodes are called.
 * `time_ms` is the genesis' time, not before the ledger's last block. */
cairn_err cairn_chain_file(cairn_arena *arena, const cairn_chain_start *start, uint64_t time_ms,
                           const cairn_chain_validator *validators, size_t validator_count,
                           const cairn_member_part *parts, size_t part_count,
                           cairn_bytes *ret_json) CAIRN_MUST_USE;

/* What a chain's file says. */
typedef struct cairn_chain_members {
    cairn_bytes genesis; /* genesis.json of the engine */
    cairn_chain chain;   /* as that has it */
    const char *const *peers;
    size_t peer_count;
    const char *const *nodes; /* as cairn_node_name_parse takes them */
    size_t node_count;
} cairn_chain_members;

/* From a chain's file, strictly; all of it in the arena. BAD_VALUE, and as cairn_chain_decode. */
cairn_err cairn_chain_file_decode(cairn_arena *arena, cairn_bytes json,
                                  cairn_chain_members *ret_members) CAIRN_MUST_USE;

#endif
