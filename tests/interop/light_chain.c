/* Follows a chain of a running node: `light-chain DIRECTORY LAST`, where it finds what the node
 * answered, commit-H.json and validators-H.json for each height H from 1 to LAST. Each header must
 * follow from the one before and from the first, and none from a later one. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ledger/light/light_bridge.h"
#include "ledger/light/light_json.h"
#include "support/shared.h"

static cairn_arena arena;
static const char *directory;
static cairn_light_rules rules = {.trusting_period_ms = 3600000,
                                  .clock_drift_ms = CAIRN_LIGHT_CLOCK_DRIFT_MS};

static void must(cairn_err err, const char *what, uint64_t height)
{
    if (err == CAIRN_OK)
        return;
    (void)fprintf(stderr, "light_chain: %s of height %llu: %s\n", what, (unsigned long long)height,
                  cairn_err_detail());
    exit(1);
}

static cairn_bytes answer(const char *what, uint64_t height)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s-%llu.json", directory, what,
                   (unsigned long long)height);
    cairn_bytes file = test_read_file(path);
    if (file.data == NULL)
        must(CAIRN_FAIL(CAIRN_ERR_IO, "house", "%s", path), what, height);
    return file;
}

static cairn_err read_block(void *context, uint64_t height, cairn_light_block *ret_block)
{
    (void)context;
    CAIRN_CLEANUP(test_file_free) cairn_bytes commit = answer("commit", height);
    CAIRN_CLEANUP(test_file_free) cairn_bytes validators = answer("validators", height);
    return cairn_light_block_from_rpc(&arena, commit, &validators, 1, ret_block);
}

/* From each to the next. */
static void walk(uint64_t last)
{
    cairn_light_block before;
    cairn_light_block block;
    cairn_hash hash;
    must(read_block(NULL, 1, &before), "answers", 1);
    for (uint64_t height = 2; height <= last; height++) {
        must(read_block(NULL, height, &block), "answers", height);
        must(cairn_light_verify(&before.state, &rules, &block, &hash), "header", height);
        before = block;
    }
}

static void leap(uint64_t last)
{
    static cairn_light_block way[CAIRN_LIGHT_BLOCKS_MAX];
    const cairn_light_source source = {.read = read_block};
    cairn_light_block first;
    cairn_hash hash;
    size_t count = 0;
    must(read_block(NULL, 1, &first), "answers", 1);
    must(cairn_light_bridge(&first.state, &rules, &source, last, way, &count), "way", last);
    if (cairn_light_verify(&way[count - 1].state, &rules, &first, &hash) == CAIRN_OK)
        must(CAIRN_FAIL(CAIRN_ERR_INTERNAL, "house", "follows from a later one"), "header", 1);
    size_t votes = 0;
    for (size_t i = 0; i < way[count - 1].commit.vote_count; i++)
        votes += way[count - 1].commit.votes[i].signature != NULL;
    printf("%llu headers, one by one and in %zu steps; %zu of %zu voted for the last\n",
           (unsigned long long)last, count, votes, way[count - 1].commit.vote_count);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    directory = argv[1];
    uint64_t last = strtoull(argv[2], NULL, 10);
    rules.now.seconds = time(NULL);
    cairn_arena_init(&arena, 64 << 20);
    walk(last);
    leap(last);
    cairn_arena_done(&arena);
    return 0;
}
