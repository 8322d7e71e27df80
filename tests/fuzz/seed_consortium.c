/* Writes what the engine of a consortium shows in JSON: seed-consortium CORPUS fills chain/ and
 * double_vote/. */
#include <stdio.h>
#include <stdlib.h>

#include "ledger/consortium/chain.h"
#include "support/ledger_memory.h"

static const char *corpus;

static void put(const char *name, const char *text, size_t size)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", corpus, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(text, 1, size, file) != size || fclose(file) != 0)
        exit(1);
}

static void put_chain(cairn_arena *arena, const char *name, uint64_t height)
{
    char text[32768];
    char id[CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1];
    cairn_hash ledger;
    cairn_bytes json;
    const cairn_chain_start start = {.genesis = memory_genesis(arena, 2, NULL),
                                     .height = height,
                                     .app_hash = {{0xab, [31] = 0xcd}}};
    if (cairn_chain_start_encode(arena, &start, &json) != CAIRN_OK)
        exit(1);
    cairn_ledger_id(start.genesis, &ledger);
    cairn_light_chain_id(&ledger, height, id);
    int size = snprintf(text, sizeof text,
                        "{\"chain_id\":\"%s\",\"initial_height\":\"%llu\",\"app_state\":%.*s}", id,
                        (unsigned long long)height + 1, (int)json.size, (const char *)json.data);
    put(name, text, (size_t)size);
    if (height == 0)
        put("chain/start", (const char *)json.data, json.size);
}

#define HASH_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define SIGNATURE                                                                        \
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ" \
    "EBAQ=="
#define VOTE(block, total, time)                                                                  \
    "{\"type\":2,\"height\":\"57\",\"round\":1,\"block_id\":{\"hash\":\"" block                   \
    "\",\"parts\":{\"total\":" total ",\"hash\":\"" block "\"}},\"timestamp\":\"" time            \
    "\",\"validator_address\":\"0102030405060708090A0B0C0D0E0F1011121314\",\"validator_index\":2" \
    ",\"signature\":\"" SIGNATURE "\"}"
#define EVIDENCE(list) "{\"result\":{\"block\":{\"evidence\":{\"evidence\":[" list "]}}}}"
#define DOUBLE                                                                    \
    "{\"type\":\"tendermint/DuplicateVoteEvidence\",\"value\":{\"vote_a\":" VOTE( \
        HASH_A, "1",                                                              \
        "2026-11-24T15:27:58.14948957Z") ",\"vote_b\":" VOTE("", "0", "2026-11-24T15:27:59Z") "}}"

static void put_votes(void)
{
    static const char none[] = EVIDENCE("");
    static const char one[] = EVIDENCE(DOUBLE);
    static const char two[] = EVIDENCE(
        "{\"type\":\"tendermint/LightClientAttackEvidence\",\"value\":{}}," DOUBLE "," DOUBLE);
    static const char error[] = "{\"error\":{\"code\":-32603,\"message\":\"Internal error\"}}";
    put("double_vote/none", none, sizeof none - 1);
    put("double_vote/one", one, sizeof one - 1);
    put("double_vote/two", two, sizeof two - 1);
    put("double_vote/error", error, sizeof error - 1);
}

int main(int argc, char **argv)
{
    cairn_arena arena;
    if (argc != 2)
        return 2;
    corpus = argv[1];
    cairn_arena_init(&arena, 64 << 20);
    put_chain(&arena, "chain/new", 0);
    put_chain(&arena, "chain/goes-on", 41);
    put_votes();
    cairn_arena_done(&arena);
    return 0;
}
