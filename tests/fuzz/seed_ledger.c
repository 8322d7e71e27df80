/* Writes the seeds of the ledger's formats: `seed-ledger DIRECTORY`, which is tests/fuzz/corpus.
 * To be run by hand when a format changes; signatures differ from run to run. */
#include <sys/stat.h>

#include "cairn/block_entry.h"
#include "cairn/refusal.h"
#include "cairn/state_proof.h"
#include "ledger/consortium/cosignature.h"
#include "support/vouch.h"

static const char *directory;

static void save(const char *corpus, const char *name, cairn_bytes data)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, corpus);
    (void)mkdir(path, 0777); /* there already, or fopen tells */
    snprintf(path, sizeof path, "%s/%s/%s", directory, corpus, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data.data, 1, data.size, file) != data.size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void save_receipts(test_world *w)
{
    cairn_bytes receipts[3];
    cairn_receipt_file file;
    static const cairn_hash path[CAIRN_MERKLE_PROOF_MAX];
    uint8_t signature[64] = {1};
    cairn_bytes longest;
    for (size_t i = 0; i < 3; i++)
        receipts[i] = test_world_receipt(w, (test_says){.org = i, .size = TEST_LOG_SIZE - i});
    save("receipt", "receipt", receipts[0]);
    save("receipt", "file-1", test_world_file(w, receipts, 1));
    save("receipt", "file-3", test_world_file(w, receipts, 3));
    TEST_MUST(cairn_receipt_file_decode(test_world_file(w, receipts, 2), &file));
    save("receipt", "statement", file.statement);
    cairn_receipt_head head = {.origin = cairn_bytes_str(w->origin),
                               .height = INT64_MAX,
                               .time_ms = CAIRN_TIME_MAX_MS,
                               .size = CAIRN_LOG_SIZE_MAX};
    TEST_MUST(cairn_receipt_assemble(&w->arena, &head, CAIRN_LOG_SIZE_MAX - 1, path,
                                     CAIRN_MERKLE_PROOF_MAX, cairn_bytes_of(signature, 64),
                                     &longest));
    save("receipt", "longest", longest);
}

static void save_trusts(test_world *w)
{
    cairn_bytes encoded;
    TEST_MUST(cairn_trust_encode(&w->arena, &w->draft, &encoded));
    save("trust", "four", encoded);
    cairn_trust one = w->draft;
    one.threshold = one.member_count = 1;
    w->trust_keys[0][0].until = 300;
    w->trust_keys[0][0].suspect = 200;
    TEST_MUST(cairn_trust_encode(&w->arena, &one, &encoded));
    save("trust", "one-rotated", encoded);
    w->trust_keys[0][0].until = w->trust_keys[0][0].suspect = CAIRN_TRUST_OPEN;
}

static void save_manifests(test_world *w)
{
    static const struct {
        const char *name;
        uint64_t size;
    } cases[] = {{"empty", 0}, {"one", 1}, {"three", 3 * 4096}, {"four", 3 * 4096 + 1}};
    static const cairn_hash hashes[4];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_manifest m = {.hashes = hashes};
        cairn_bytes encoded;
        TEST_MUST(cairn_manifest_lay_out(&m, cases[i].size));
        TEST_MUST(cairn_manifest_encode(&w->arena, &m, &encoded));
        save("manifest", cases[i].name, encoded);
    }
}

/* An empty map, of which ICS-23's form is our own: {2: {1: key}}. */
static void save_state_proof(test_world *w, const cairn_block_entry *entry, const char *name,
                             bool present)
{
    uint8_t raw[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    cairn_bytes receipts[2], encoded;
    const cairn_state_proof p = {.key = cairn_bytes_str("org"),
                                 .present = present,
                                 .value = cairn_bytes_of("v", present ? 1 : 0),
                                 .proof = cairn_bytes_str("\x12\x05\x0a\x03org"),
                                 .end.block_entry_raw =
                                     cairn_bytes_of(raw, cairn_block_entry_encode(entry, raw))};
    test_world_log(w, p.end.block_entry_raw);
    for (size_t i = 0; i < 2; i++)
        receipts[i] = test_world_receipt(w, (test_says){.org = i});
    TEST_MUST(cairn_state_proof_encode(&w->arena, &p, receipts, 2, &encoded));
    save("state_proof", name, encoded);
}

/* The second of three refusals. */
static void save_refusal(test_world *w)
{
    uint8_t raw[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    cairn_hash leaves[3], path[2];
    cairn_bytes receipts[2], encoded;
    for (uint8_t i = 0; i < 3; i++) {
        uint8_t leaf[CAIRN_REFUSAL_LEAF_SIZE] = {[0] = i, [34] = 420 >> 8, [35] = 420 & 0xff};
        cairn_merkle_leaf(cairn_bytes_of(leaf, sizeof leaf), &leaves[i]);
    }
    const cairn_block_entry entry = {
        .height = 90, .first = 5, .count = TEST_INDEX - 5, .results_root = test_mth(leaves, 3)};
    const cairn_refusal_proof p = {.id = {{1}},
                                   .code = -420,
                                   .index = 1,
                                   .count = 3,
                                   .path = path,
                                   .path_count = test_path(leaves, 3, 1, path),
                                   .end.block_entry_raw =
                                       cairn_bytes_of(raw, cairn_block_entry_encode(&entry, raw))};
    test_world_log(w, p.end.block_entry_raw);
    for (size_t i = 0; i < 2; i++)
        receipts[i] = test_world_receipt(w, (test_says){.org = i});
    TEST_MUST(cairn_refusal_proof_encode(&w->arena, &p, receipts, 2, &encoded));
    save("refusal", "second-of-three", encoded);
}

static void save_cosignatures(void)
{
    cairn_cosignature c = {.boundary = {.size = 42, .height = 7, .time_ms = 1700000000000},
                           .kid = {{1}},
                           .signature = {2}};
    uint8_t raw[CAIRN_COSIGNATURE_SIZE_MAX];
    save("cosignature", "small", cairn_bytes_of(raw, cairn_cosignature_encode(&c, raw)));
    c.boundary.size = CAIRN_LOG_SIZE_MAX;
    c.boundary.height = INT64_MAX;
    save("cosignature", "large", cairn_bytes_of(raw, cairn_cosignature_encode(&c, raw)));
}

static void save_block_entries(test_world *w)
{
    uint8_t raw[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    cairn_block_entry entry = {.height = 90, .first = 5, .count = TEST_INDEX - 5};
    save("block_entry", "small", cairn_bytes_of(raw, cairn_block_entry_encode(&entry, raw)));
    save_state_proof(w, &entry, "absent", false);
    save_state_proof(w, &entry, "present", true);
    entry = (cairn_block_entry){.height = INT64_MAX,
                                .time_ms = CAIRN_TIME_MAX_MS,
                                .first = 1,
                                .count = INT64_MAX - 1,
                                .state_root = {{1}}};
    save("block_entry", "large", cairn_bytes_of(raw, cairn_block_entry_encode(&entry, raw)));
}

static void save_transactions(test_world *w)
{
    cairn_bytes tx;
    const cairn_tx_draft draft = {.kid = *cairn_key_id(w->keys[0][2]),
                                  .type = UINT16_MAX,
                                  .valid_until_ms = 1,
                                  .body = cairn_bytes_str("\xa2\x01\x82\x20\xf6\x02\xa1\x61x\x40")};
    save("transaction", "anchor", w->tx);
    TEST_MUST(cairn_tx_sign(&w->arena, &draft, w->keys[0][2], &tx));
    save("transaction", "nested", tx);
    TEST_MUST(cairn_tx_sign(&w->arena, &draft, w->keys[1][2], &tx));
    save("transaction", "bad-signature", tx);
}

int main(int argc, char **argv)
{
    static test_world world;
    if (argc != 2) {
        fputs("usage: seed-ledger DIRECTORY\n", stderr);
        return 2;
    }
    directory = argv[1];
    test_world_init(&world);
    save_receipts(&world);
    save_trusts(&world);
    save_manifests(&world);
    save_transactions(&world);
    save_block_entries(&world);
    save_refusal(&world);
    save_cosignatures();
    test_world_done(&world);
    return 0;
}
