/* Writes the seeds of the light client: `seed-light DIRECTORY`, which is tests/fuzz/corpus. To be
 * run by hand when a format changes; signatures of members
 * differ from run to run. */
#include <sys/stat.h>

#include "cairn/state_proof.h"
#include "support/light_rpc.h"
#include "support/light_seeds.h"
#include "support/light_world.h"

static const char *directory;

static FILE *open_seed(const char *corpus, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, corpus);
    (void)mkdir(path, 0777); /* there already, or fopen tells */
    snprintf(path, sizeof path, "%s/%s/%s", directory, corpus, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static void save(const char *corpus, const char *name, cairn_bytes data)
{
    FILE *file = open_seed(corpus, name);
    CAIRN_ASSERT(fwrite(data.data, 1, data.size, file) == data.size && fclose(file) == 0);
}

static void save_proofs(seed_chain *seeds)
{
    test_chain *chain = &seeds->chain;
    const cairn_light_set second = test_chain_set(chain, 2, 4, 10);
    const cairn_light_set third = test_chain_set(chain, 4, 4, 10);
    const cairn_light_set one = test_chain_set(chain, 0, 1, CAIRN_LIGHT_POWER_MAX);
    cairn_light_block block = seed_target(seeds, 11, seeds->four);
    save("commit_proof", "adjacent", seed_proof(seeds, &block, 1));
    block = seed_target(seeds, 60, seeds->four);
    save("commit_proof", "skipping", seed_proof(seeds, &block, 1));
    const cairn_light_block way[] = {test_chain_block(chain, 20, second, second, (cairn_bytes){0}),
                                     seed_target(seeds, 40, third)};
    save("commit_proof", "bridge", seed_proof(seeds, way, 2));
    save("commit_proof", "anchor", seed_proof(seeds, NULL, 0));
    block = test_chain_block(chain, 11, one, one, (cairn_bytes){0});
    block.commit.round = INT32_MAX;
    block.state.header.last_block_hash = block.state.header.data_hash = (cairn_bytes){0};
    block.state.header.last_block_parts = (cairn_light_parts){0};
    save("commit_proof", "extremes", seed_proof(seeds, &block, 1));
}

static void save_answers(const char *name, const cairn_light_block *block, size_t page_size)
{
    FILE *file = open_seed("light_json", name);
    json_t *answer = test_rpc_commit(block);
    CAIRN_ASSERT(json_dumpf(answer, file, JSON_COMPACT) == 0);
    json_decref(answer);
    for (size_t i = 0; i < block->state.validators.count; i += page_size) {
        size_t end = i + page_size;
        if (end > block->state.validators.count)
            end = block->state.validators.count;
        answer = test_rpc_validators(block, i, end);
        CAIRN_ASSERT(fputc('\n', file) == '\n' && json_dumpf(answer, file, JSON_COMPACT) == 0);
        json_decref(answer);
    }
    CAIRN_ASSERT(fclose(file) == 0);
}

/* A file's receipt and a state proof, by the validators. */
static void save_proofs_of(test_world *world, test_chain *chain, const cairn_light_anchor *anchor)
{
    uint8_t raw[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    cairn_bytes encoded;
    const cairn_receipt_file file = {.manifest = world->manifest,
                                     .statement = world->tx,
                                     .commit =
                                         test_world_commit(world, chain, anchor, ENGINE_HEIGHT)};
    TEST_MUST(cairn_receipt_file_encode(&world->arena, &file, &encoded));
    save("receipt", "file-commit", encoded);
    const cairn_block_entry entry = {.height = TEST_HEIGHT, .first = TEST_INDEX - 2, .count = 2};
    cairn_state_proof proof = {.key = cairn_bytes_str("org"),
                               .proof = cairn_bytes_str("\x12\x05\x0a\x03org"),
                               .end.block_entry_raw =
                                   cairn_bytes_of(raw, cairn_block_entry_encode(&entry, raw))};
    test_world_log(world, proof.end.block_entry_raw);
    proof.end.commit_raw = test_world_commit(world, chain, anchor, ENGINE_HEIGHT);
    TEST_MUST(cairn_state_proof_encode(&world->arena, &proof, NULL, 0, &encoded));
    save("state_proof", "commit", encoded);
}

static void save_trust(seed_chain *seeds)
{
    static test_world world;
    cairn_bytes encoded;
    test_world_init(&world);
    world.draft.anchor = &seeds->anchor;
    CHAIN_MUST(cairn_trust_encode(&world.arena, &world.draft, &encoded));
    save("trust", "anchor", encoded);
    save_proofs_of(&world, &seeds->chain, &seeds->anchor);
    test_world_done(&world);
}

int main(int argc, char **argv)
{
    static seed_chain seeds;
    if (argc != 2)
        return 2;
    directory = argv[1];
    seed_chain_init(&seeds);
    save_proofs(&seeds);
    const cairn_light_block block = seed_target(&seeds, 11, seeds.four);
    save_answers("one-page", &block, 100);
    save_answers("two-pages", &block, 3);
    save_trust(&seeds);
    test_chain_done(&seeds.chain);
    return 0;
}
