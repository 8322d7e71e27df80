/* Writes what a consortium gives out, for scripts: `light-proofs DIRECTORY` makes `file` with its
 * receipt, `state`, the trust files `trust` with an anchor and `trust.plain` without, and `commit`
 * and `validators`, the answers of which the anchor is made. */
#include <fcntl.h>
#include <unistd.h>

#include "cairn/state_proof.h"
#include "support/light_rpc.h"
#include "support/light_world.h"

static const char *directory;
static test_world world;
static test_chain chain;
static cairn_light_anchor anchor;

static FILE *open_file(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w+b");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static void save(const char *name, cairn_bytes data)
{
    FILE *file = open_file(name);
    CAIRN_ASSERT(fwrite(data.data, 1, data.size, file) == data.size && fclose(file) == 0);
}

static void save_json(const char *name, json_t *json)
{
    FILE *file = open_file(name);
    CAIRN_ASSERT(json_dumpf(json, file, JSON_INDENT(2)) == 0 && fclose(file) == 0);
    json_decref(json);
}

static void save_trust(const char *name, const cairn_light_anchor *with)
{
    cairn_bytes encoded;
    world.draft.anchor = with;
    TEST_MUST(cairn_trust_encode(&world.arena, &world.draft, &encoded));
    save(name, encoded);
}

static void save_file(void)
{
    static const uint8_t salt[CAIRN_MANIFEST_SALT_SIZE] = {7};
    const cairn_manifest_work work = {.thread_count = 1};
    cairn_hash commitment;
    cairn_bytes encoded;
    FILE *file = open_file("file");
    for (int i = 0; i < 1000; i++)
        fprintf(file, "frame %d\n", i);
    CAIRN_ASSERT(fflush(file) == 0 && lseek(fileno(file), 0, SEEK_SET) == 0);
    TEST_MUST(cairn_manifest_build(&world.arena, fileno(file), salt, &work, &world.manifest));
    CAIRN_ASSERT(fclose(file) == 0);
    cairn_manifest_commitment(world.manifest, &commitment);
    world.tx = test_world_anchor(&world, &commitment);
    test_world_log(&world, world.tx);
    const cairn_receipt_file receipt = {
        .manifest = world.manifest,
        .statement = world.tx,
        .commit = test_world_commit(&world, &chain, &anchor, ENGINE_HEIGHT)};
    TEST_MUST(cairn_receipt_file_encode(&world.arena, &receipt, &encoded));
    save("file.receipt", encoded);
}

/* Absence from an empty map, of which ICS-23's form is our own: {2: {1: key}}. */
static void save_state(void)
{
    uint8_t raw[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    cairn_bytes encoded;
    const cairn_block_entry entry = {.height = TEST_HEIGHT,
                                     .time_ms = test_engine_ms(TEST_HEIGHT),
                                     .first = TEST_INDEX - 2,
                                     .count = 2};
    cairn_state_proof proof = {.key = cairn_bytes_str("org"),
                               .proof = cairn_bytes_str("\x12\x05\x0a\x03org"),
                               .end.block_entry_raw =
                                   cairn_bytes_of(raw, cairn_block_entry_encode(&entry, raw))};
    test_world_log(&world, proof.end.block_entry_raw);
    proof.end.commit_raw = test_world_commit(&world, &chain, &anchor, ENGINE_HEIGHT);
    TEST_MUST(cairn_state_proof_encode(&world.arena, &proof, NULL, 0, &encoded));
    save("state", encoded);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    directory = argv[1];
    test_world_init(&world);
    test_chain_init(&chain);
    const cairn_light_block block = test_world_anchored(&world, &chain, &anchor);
    anchor.trusting_period_ms = UINT64_C(86400000); /* a day */
    world.draft.expires_ms = world.draft.issued_ms + UINT64_C(864000000);
    save_file();
    save_state();
    save_trust("trust.plain", NULL);
    save_trust("trust", &anchor);
    save_json("commit", test_rpc_commit(&block));
    save_json("validators", test_rpc_validators(&block, 0, 4));
    test_chain_done(&chain);
    test_world_done(&world);
    return 0;
}
