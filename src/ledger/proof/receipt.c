/* The COSE receipt (RFC 9942, with the RFC 9162 SHA-256 log). */
#include "cairn/receipt.h"

#include "cairn/cbor.h"
#include "cairn/cose.h"

static const char object[] = "receipt";
static const char clause[] = "docs/formats/receipt.md, COSE receipt";

enum { /* labels of the headers */
       LABEL_ALG = 1,
       LABEL_KID = 4,
       LABEL_CWT_CLAIMS = 15, /* RFC 9597 */
       LABEL_VDS = 395,       /* RFC 9942: verifiable data structure */
       LABEL_VDP = 396,       /* RFC 9942: its proofs */
       LABEL_BLOCK = -65537,  /* ours: height, time and size */
       CLAIM_ISSUER = 1,
       PROOF_INCLUSION = -1,
       VDS_RFC9162_SHA256 = 1,
       INCLUSION_SIZE_MAX = 1 + 9 + 9 + 2 + CAIRN_MERKLE_PROOF_MAX * 34,
};

static cairn_err decode_issuer(cairn_cbor_reader *r, cairn_receipt_head *head)
{
    cairn_cbor_map claims;
    CAIRN_TRY(cairn_cbor_read_map(r, "claims", &claims));
    CAIRN_TRY(cairn_cbor_key(r, &claims, CLAIM_ISSUER, "issuer"));
    CAIRN_TRY(cairn_cbor_read_text(r, "issuer", 1, CAIRN_RECEIPT_ORIGIN_SIZE_MAX, &head->origin));
    return cairn_cbor_end_map(r, &claims);
}

static cairn_err decode_block(cairn_cbor_reader *r, cairn_receipt_head *head)
{
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "block", 3, 3, &count));
    CAIRN_TRY(cairn_cbor_read_uint(r, "height", 0, INT64_MAX, &head->height));
    CAIRN_TRY(cairn_cbor_read_uint(r, "time", 0, CAIRN_TIME_MAX_MS, &head->time_ms));
    return cairn_cbor_read_uint(r, "size", 1, CAIRN_LOG_SIZE_MAX, &head->size);
}

static cairn_err decode_protected(cairn_bytes in, cairn_receipt_head *head)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    int64_t alg = 0;
    uint64_t vds = 0;
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "receipt.protected", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "protected", &map));
    CAIRN_TRY(cairn_cbor_key(&r, &map, LABEL_ALG, "alg"));
    CAIRN_TRY(cairn_cbor_read_int(&r, "alg", INT64_MIN, INT64_MAX, &alg));
    if (alg != CAIRN_ALG_ES256)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "receipt.alg: %lld is not ES256",
                          (long long)alg);
    CAIRN_TRY(cairn_cbor_key(&r, &map, LABEL_KID, "kid"));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "kid", &head->kid));
    CAIRN_TRY(cairn_cbor_key(&r, &map, LABEL_CWT_CLAIMS, "claims"));
    CAIRN_TRY(decode_issuer(&r, head));
    CAIRN_TRY(cairn_cbor_key(&r, &map, LABEL_VDS, "vds"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "vds", VDS_RFC9162_SHA256, VDS_RFC9162_SHA256, &vds));
    CAIRN_TRY(cairn_cbor_key(&r, &map, LABEL_BLOCK, "block"));
    CAIRN_TRY(decode_block(&r, head));
    CAIRN_TRY(cairn_cbor_end_map(&r, &map));
    return cairn_cbor_end(&r);
}

static cairn_err decode_path(cairn_arena *arena, cairn_cbor_reader *r, cairn_receipt *receipt)
{
    size_t count = 0;
    void *memory = NULL;
    cairn_hash *path;
    CAIRN_TRY(cairn_cbor_read_array(r, "path", 0, CAIRN_MERKLE_PROOF_MAX, &count));
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof *path, &memory));
    path = memory;
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(cairn_cbor_read_hash(r, "path", &path[i]));
    receipt->path = path;
    receipt->path_count = count;
    return CAIRN_OK;
}

static cairn_err decode_inclusion(cairn_arena *arena, cairn_bytes in, cairn_receipt *receipt)
{
    cairn_cbor_reader r;
    size_t count = 0;
    uint64_t size = 0;
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "receipt.inclusion", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "inclusion", 3, 3, &count));
    /* The signature covers the root and not the proof; its size is the signed one. */
    CAIRN_TRY(cairn_cbor_read_uint(&r, "size", receipt->head.size, receipt->head.size, &size));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "index", 0, size - 1, &receipt->index));
    CAIRN_TRY(decode_path(arena, &r, receipt));
    return cairn_cbor_end(&r);
}

static cairn_err decode_unprotected(cairn_cbor_reader *r, cairn_bytes *ret_inclusion)
{
    cairn_cbor_map map;
    cairn_cbor_map proofs;
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_map(r, "unprotected", &map));
    CAIRN_TRY(cairn_cbor_key(r, &map, LABEL_VDP, "proofs"));
    CAIRN_TRY(cairn_cbor_read_map(r, "proofs", &proofs));
    CAIRN_TRY(cairn_cbor_key(r, &proofs, PROOF_INCLUSION, "inclusion"));
    CAIRN_TRY(cairn_cbor_read_array(r, "inclusion", 1, 1, &count));
    CAIRN_TRY(cairn_cbor_read_bytes(r, "inclusion", 1, INCLUSION_SIZE_MAX, ret_inclusion));
    CAIRN_TRY(cairn_cbor_end_map(r, &proofs));
    return cairn_cbor_end_map(r, &map);
}

cairn_err cairn_receipt_decode(cairn_arena *arena, cairn_bytes in, cairn_receipt *ret_receipt)
{
    cairn_cbor_reader r;
    cairn_receipt receipt = {0};
    cairn_bytes inclusion;
    size_t count = 0;
    if (in.size > CAIRN_RECEIPT_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "receipt: %zu bytes", in.size);
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, object, clause));
    CAIRN_TRY(cairn_cbor_read_tag(&r, "tag", CAIRN_COSE_TAG_SIGN1));
    CAIRN_TRY(cairn_cbor_read_array(&r, "COSE_Sign1", 4, 4, &count));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "protected", 1, CAIRN_RECEIPT_PROTECTED_SIZE_MAX,
                                    &receipt.protected_raw));
    CAIRN_TRY(decode_unprotected(&r, &inclusion));
    CAIRN_TRY(cairn_cbor_read_null(&r, "payload"));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "signature", CAIRN_TX_SIGNATURE_SIZE,
                                    CAIRN_TX_SIGNATURE_SIZE, &receipt.signature));
    CAIRN_TRY(cairn_cbor_end(&r));
    CAIRN_TRY(decode_protected(receipt.protected_raw, &receipt.head));
    CAIRN_TRY(decode_inclusion(arena, inclusion, &receipt));
    *ret_receipt = receipt;
    return CAIRN_OK;
}

static cairn_err encode_protected(const cairn_receipt_head *head,
                                  uint8_t out[CAIRN_RECEIPT_PROTECTED_SIZE_MAX],
                                  cairn_bytes *ret_protected)
{
    cairn_cbor_writer w;
    cairn_receipt_head checked;
    cairn_bytes encoded;
    cairn_cbor_writer_init(&w, out, CAIRN_RECEIPT_PROTECTED_SIZE_MAX);
    cairn_cbor_put_map(&w, 5);
    cairn_cbor_put_int(&w, LABEL_ALG);
    cairn_cbor_put_int(&w, CAIRN_ALG_ES256);
    cairn_cbor_put_int(&w, LABEL_KID);
    cairn_cbor_put_hash(&w, &head->kid);
    cairn_cbor_put_int(&w, LABEL_CWT_CLAIMS);
    cairn_cbor_put_map(&w, 1);
    cairn_cbor_put_int(&w, CLAIM_ISSUER);
    cairn_cbor_put_text_view(&w, head->origin);
    cairn_cbor_put_int(&w, LABEL_VDS);
    cairn_cbor_put_int(&w, VDS_RFC9162_SHA256);
    cairn_cbor_put_int(&w, LABEL_BLOCK);
    cairn_cbor_put_array(&w, 3);
    cairn_cbor_put_uint(&w, head->height);
    cairn_cbor_put_uint(&w, head->time_ms);
    cairn_cbor_put_uint(&w, head->size);
    CAIRN_TRY(cairn_cbor_writer_end(&w, &encoded));
    CAIRN_TRY(decode_protected(encoded, &checked)); /* the ranges */
    *ret_protected = encoded;
    return CAIRN_OK;
}

cairn_err cairn_receipt_to_be_signed(cairn_arena *arena, const cairn_receipt_head *head,
                                     const cairn_hash *root, cairn_bytes *ret_message)
{
    uint8_t buffer[CAIRN_RECEIPT_PROTECTED_SIZE_MAX];
    cairn_bytes protected_raw;
    CAIRN_TRY(encode_protected(head, buffer, &protected_raw));
    return cairn_cose_structure(arena, CAIRN_COSE_TAG_SIGN1, protected_raw, (cairn_bytes){0},
                                cairn_bytes_hash(root), ret_message);
}

static cairn_err encode_inclusion(uint64_t size, uint64_t index, const cairn_hash *path,
                                  size_t path_count, uint8_t out[INCLUSION_SIZE_MAX],
                                  cairn_bytes *ret_inclusion)
{
    cairn_cbor_writer w;
    cairn_cbor_writer_init(&w, out, INCLUSION_SIZE_MAX);
    cairn_cbor_put_array(&w, 3);
    cairn_cbor_put_uint(&w, size);
    cairn_cbor_put_uint(&w, index);
    cairn_cbor_put_array(&w, path_count);
    for (size_t i = 0; i < path_count; i++)
        cairn_cbor_put_hash(&w, &path[i]);
    return cairn_cbor_writer_end(&w, ret_inclusion);
}

static cairn_err encode_unprotected(cairn_bytes inclusion, void *out, size_t capacity,
                                    cairn_bytes *ret_unprotected)
{
    cairn_cbor_writer w;
    cairn_cbor_writer_init(&w, out, capacity);
    cairn_cbor_put_map(&w, 1);
    cairn_cbor_put_int(&w, LABEL_VDP);
    cairn_cbor_put_map(&w, 1);
    cairn_cbor_put_int(&w, PROOF_INCLUSION);
    cairn_cbor_put_array(&w, 1);
    cairn_cbor_put_bytes(&w, inclusion);
    return cairn_cbor_writer_end(&w, ret_unprotected);
}

cairn_err cairn_receipt_assemble(cairn_arena *arena, const cairn_receipt_head *head, uint64_t index,
                                 const cairn_hash *path, size_t path_count, cairn_bytes signature,
                                 cairn_bytes *ret_receipt)
{
    uint8_t protected_buffer[CAIRN_RECEIPT_PROTECTED_SIZE_MAX];
    uint8_t inclusion_buffer[INCLUSION_SIZE_MAX];
    uint8_t unprotected_buffer[INCLUSION_SIZE_MAX + 16];
    cairn_bytes protected_raw;
    cairn_bytes inclusion;
    cairn_bytes unprotected;
    cairn_bytes encoded;
    cairn_receipt checked;
    CAIRN_TRY(encode_protected(head, protected_buffer, &protected_raw));
    CAIRN_TRY(encode_inclusion(head->size, index, path, path_count, inclusion_buffer, &inclusion));
    CAIRN_TRY(
        encode_unprotected(inclusion, unprotected_buffer, sizeof unprotected_buffer, &unprotected));
    CAIRN_TRY(cairn_cose_encode(arena, CAIRN_COSE_TAG_SIGN1, protected_raw, unprotected, true,
                                (cairn_bytes){0}, signature, &encoded));
    CAIRN_TRY(cairn_receipt_decode(arena, encoded, &checked)); /* index, path, signature's size */
    *ret_receipt = encoded;
    return CAIRN_OK;
}

cairn_err cairn_receipt_verify(cairn_arena *arena, const cairn_receipt *receipt, cairn_bytes entry,
                               const cairn_key *key, cairn_hash *ret_root)
{
    cairn_hash leaf;
    cairn_hash root;
    cairn_bytes message;
    if (cairn_key_get_type(key) != CAIRN_KEY_P256)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "receipt.kid: key is not for ES256");
    cairn_merkle_leaf(entry, &leaf);
    CAIRN_TRY(cairn_merkle_inclusion_root(&leaf, receipt->index, receipt->head.size, receipt->path,
                                          receipt->path_count, &root));
    CAIRN_TRY(cairn_cose_structure(arena, CAIRN_COSE_TAG_SIGN1, receipt->protected_raw,
                                   (cairn_bytes){0}, cairn_bytes_hash(&root), &message));
    CAIRN_TRY(cairn_key_verify(key, message, receipt->signature));
    *ret_root = root;
    return CAIRN_OK;
}
