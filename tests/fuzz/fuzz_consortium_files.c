/* What strangers send to whoever puts a chain together, or begins with it: member.json when the
 * first byte is 0, else chain.json. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "command/consortium_files.h"

static void check_peer(const char *peer)
{
    CAIRN_ASSERT(strlen(peer) <= CAIRN_PEER_SIZE_MAX && strchr(peer, '\n') == NULL &&
                 strchr(peer, '@') != NULL);
}

static void read_member(cairn_arena *arena, cairn_bytes json)
{
    static cairn_member_part part, again;
    cairn_bytes written;
    if (cairn_member_part_decode(arena, json, &part) != CAIRN_OK)
        return;
    check_peer(part.peer);
    CAIRN_ASSERT(part.member.key_count >= 1 && part.member.key_count <= CAIRN_ORG_KEYS_MAX);
    CAIRN_ASSERT(part.member.keys[part.member.key_count - 1].purpose == CAIRN_PURPOSE_VALIDATOR);
    CAIRN_ASSERT(cairn_member_part_encode(arena, &part, &written) == CAIRN_OK);
    CAIRN_ASSERT(cairn_member_part_decode(arena, written, &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(part.member.name, again.member.name));
    CAIRN_ASSERT(strcmp(part.peer, again.peer) == 0 && strcmp(part.node, again.node) == 0);
}

static void read_chain(cairn_arena *arena, cairn_bytes json)
{
    cairn_chain_members members;
    if (cairn_chain_file_decode(arena, json, &members) != CAIRN_OK)
        return;
    CAIRN_ASSERT(members.chain.initial_height == members.chain.start.height + 1);
    CAIRN_ASSERT(members.peer_count <= CAIRN_CHAIN_MEMBERS_MAX);
    for (size_t i = 0; i < members.peer_count; i++)
        check_peer(members.peers[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_arena arena;
    if (size == 0)
        return 0;
    cairn_arena_init(&arena, 64 << 20);
    if (data[0] == 0)
        read_member(&arena, cairn_bytes_of(data + 1, size - 1));
    else
        read_chain(&arena, cairn_bytes_of(data + 1, size - 1));
    cairn_arena_done(&arena);
    return 0;
}
