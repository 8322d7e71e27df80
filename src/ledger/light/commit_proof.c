/* The commit proof: its codec, and the way from an anchor through light blocks to a log entry. */
#include "cairn/block_entry.h"
#include "cairn/light_client.h"
#include "cairn/merkle.h"

static const char magic[] = "cairn/commit-proof/1";
static const char clause[] = "docs/formats/commit-proof.md";

static cairn_err read_path(cairn_arena *arena, cairn_cbor_reader *r, cairn_commit_proof *proof)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_cbor_read_array(r, "path", 0, CAIRN_MERKLE_PROOF_MAX, &proof->path_count));
    CAIRN_TRY(cairn_arena_array(arena, proof->path_count, sizeof(cairn_hash), &memory));
    cairn_hash *path = memory;
    for (size_t i = 0; i < proof->path_count; i++)
        CAIRN_TRY(cairn_cbor_read_hash(r, "path", &path[i]));
    proof->path = path;
    return CAIRN_OK;
}

static cairn_err read_blocks(cairn_arena *arena, cairn_cbor_reader *r, cairn_commit_proof *proof)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_cbor_read_array(r, "blocks", 0, CAIRN_LIGHT_BLOCKS_MAX, &proof->block_count));
    CAIRN_TRY(cairn_arena_array(arena, proof->block_count, sizeof(cairn_light_block), &memory));
    cairn_light_block *blocks = memory;
    for (size_t i = 0; i < proof->block_count; i++)
        CAIRN_TRY(cairn_light_block_read(arena, r, &blocks[i]));
    proof->blocks = blocks;
    return CAIRN_OK;
}

cairn_err cairn_commit_proof_decode(cairn_arena *arena, cairn_bytes in,
                                    cairn_commit_proof *ret_proof)
{
    cairn_cbor_reader r;
    cairn_commit_proof proof = {0};
    size_t count = 0;
    if (in.size > CAIRN_COMMIT_PROOF_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "commit proof: %zu bytes", in.size);
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "commit proof", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "commit proof", 5, 5, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&r, magic));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "size", 1, CAIRN_LOG_SIZE_MAX, &proof.size));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "index", 0, proof.size - 1, &proof.index));
    CAIRN_TRY(read_path(arena, &r, &proof));
    CAIRN_TRY(read_blocks(arena, &r, &proof));
    CAIRN_TRY(cairn_cbor_end(&r));
    *ret_proof = proof;
    return CAIRN_OK;
}

static void put_proof(cairn_cbor_writer *w, const cairn_commit_proof *proof)
{
    cairn_cbor_put_array(w, 5);
    cairn_cbor_put_text(w, magic);
    cairn_cbor_put_uint(w, proof->size);
    cairn_cbor_put_uint(w, proof->index);
    cairn_cbor_put_array(w, proof->path_count);
    for (size_t i = 0; i < proof->path_count; i++)
        cairn_cbor_put_hash(w, &proof->path[i]);
    cairn_cbor_put_array(w, proof->block_count);
    for (size_t i = 0; i < proof->block_count; i++)
        cairn_light_block_put(w, &proof->blocks[i]);
}

cairn_err cairn_commit_proof_encode(cairn_arena *arena, const cairn_commit_proof *proof,
                                    cairn_bytes *ret_encoded)
{
    cairn_cbor_writer w;
    cairn_bytes encoded;
    cairn_commit_proof checked;
    void *buffer = NULL;
    cairn_cbor_writer_init(&w, NULL, 0);
    put_proof(&w, proof);
    size_t size = w.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &buffer));
    cairn_cbor_writer_init(&w, buffer, size);
    put_proof(&w, proof);
    CAIRN_TRY(cairn_cbor_writer_end(&w, &encoded));
    CAIRN_TRY(cairn_commit_proof_decode(arena, encoded, &checked));
    *ret_encoded = encoded;
    return CAIRN_OK;
}

/* From the anchor to the last block. */
static cairn_err follow_blocks(const cairn_commit_proof *proof, const cairn_light_anchor *anchor,
                               cairn_light_time now, cairn_commit_verdict *verdict)
{
    const cairn_light_rules rules = {.trusting_period_ms = anchor->trusting_period_ms,
                                     .clock_drift_ms = CAIRN_LIGHT_CLOCK_DRIFT_MS,
                                     .now = now};
    const cairn_light_state *trusted = &anchor->state;
    CAIRN_TRY(cairn_light_check_period(trusted, &rules));
    cairn_light_header_hash(&trusted->header, &verdict->header_hash);
    for (size_t i = 0; i < proof->block_count; i++) {
        CAIRN_TRY(cairn_light_verify(trusted, &rules, &proof->blocks[i], &verdict->header_hash));
        trusted = &proof->blocks[i].state;
    }
    verdict->header = &trusted->header;
    verdict->validator_count = trusted->validators.count;
    return CAIRN_OK;
}

cairn_err cairn_commit_proof_verify(const cairn_commit_proof *proof, cairn_bytes entry,
                                    const cairn_light_anchor *anchor, cairn_light_time now,
                                    cairn_commit_verdict *ret_verdict)
{
    cairn_commit_verdict verdict;
    cairn_hash leaf;
    cairn_hash root;
    cairn_hash app_hash;
    cairn_merkle_leaf(entry, &leaf);
    CAIRN_TRY(cairn_merkle_inclusion_root(&leaf, proof->index, proof->size, proof->path,
                                          proof->path_count, &root));
    cairn_app_hash(proof->size, &root, &app_hash);
    CAIRN_TRY(follow_blocks(proof, anchor, now, &verdict));
    if (!cairn_bytes_equal(cairn_bytes_hash(&app_hash), verdict.header->app_hash))
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, clause,
                          "header.app_hash: not that of a log with this entry");
    *ret_verdict = verdict;
    return CAIRN_OK;
}
