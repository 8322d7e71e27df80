/* The transparent statement (RFC 9943) and the receipt file around it. */
#include "cairn/cbor.h"
#include "cairn/cose.h"
#include "cairn/receipt.h"

static const char clause[] = "docs/formats/receipt.md, Receipt file";
static const char magic[] = "cairn/receipt/1";

enum { LABEL_RECEIPTS = 394 }; /* RFC 9942 */

/* The parts of a statement, as views. */
typedef struct parts {
    cairn_bytes protected_raw;
    size_t receipt_count;
    cairn_bytes receipts[CAIRN_RECEIPT_COUNT_MAX];
    cairn_bytes payload;
    cairn_bytes signature;
} parts;

static cairn_err decode_receipts(cairn_cbor_reader *r, parts *p)
{
    cairn_cbor_map map;
    CAIRN_TRY(cairn_cbor_read_map(r, "unprotected", &map));
    CAIRN_TRY(cairn_cbor_key(r, &map, LABEL_RECEIPTS, "receipts"));
    CAIRN_TRY(cairn_cbor_read_array(r, "receipts", 1, CAIRN_RECEIPT_COUNT_MAX, &p->receipt_count));
    for (size_t i = 0; i < p->receipt_count; i++)
        CAIRN_TRY(cairn_cbor_read_bytes(r, "receipts", 1, CAIRN_RECEIPT_SIZE_MAX, &p->receipts[i]));
    return cairn_cbor_end_map(r, &map);
}

static cairn_err split(cairn_bytes in, parts *ret_parts)
{
    cairn_cbor_reader r;
    size_t count = 0;
    if (in.size > CAIRN_STATEMENT_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "statement: %zu bytes", in.size);
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "statement", clause));
    CAIRN_TRY(cairn_cbor_read_tag(&r, "tag", CAIRN_COSE_TAG_SIGN1));
    CAIRN_TRY(cairn_cbor_read_array(&r, "COSE_Sign1", 4, 4, &count));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "protected", 1, in.size, &ret_parts->protected_raw));
    CAIRN_TRY(decode_receipts(&r, ret_parts));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "payload", 1, in.size, &ret_parts->payload));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "signature", CAIRN_TX_SIGNATURE_SIZE,
                                    CAIRN_TX_SIGNATURE_SIZE, &ret_parts->signature));
    return cairn_cbor_end(&r);
}

/* The transaction as it stands in the log: the same parts around an empty unprotected header. */
static cairn_err restore_entry(cairn_arena *arena, const parts *p, cairn_bytes *ret_entry)
{
    static const uint8_t empty_map[] = {0xa0};
    return cairn_cose_encode(arena, CAIRN_COSE_TAG_SIGN1, p->protected_raw,
                             cairn_bytes_of(empty_map, sizeof empty_map), false, p->payload,
                             p->signature, ret_entry);
}

cairn_err cairn_statement_decode(cairn_arena *arena, cairn_bytes in, cairn_statement *ret_statement)
{
    parts p;
    cairn_statement s;
    cairn_bytes entry;
    void *memory = NULL;
    cairn_receipt *receipts;
    CAIRN_TRY(split(in, &p));
    CAIRN_TRY(restore_entry(arena, &p, &entry));
    CAIRN_TRY(cairn_tx_decode(entry, &s.tx));
    CAIRN_TRY(cairn_arena_array(arena, p.receipt_count, sizeof *receipts, &memory));
    receipts = memory;
    for (size_t i = 0; i < p.receipt_count; i++)
        CAIRN_TRY(cairn_receipt_decode(arena, p.receipts[i], &receipts[i]));
    s.receipts = receipts;
    s.receipt_count = p.receipt_count;
    *ret_statement = s;
    return CAIRN_OK;
}

static cairn_err encode_receipts(cairn_arena *arena, const cairn_bytes *receipts, size_t count,
                                 cairn_bytes *ret_unprotected)
{
    size_t capacity = 8;
    void *buffer = NULL;
    cairn_cbor_writer w;
    if (count < 1 || count > CAIRN_RECEIPT_COUNT_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "statement.receipts: %zu", count);
    for (size_t i = 0; i < count; i++)
        capacity += 9 + receipts[i].size;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &buffer));
    cairn_cbor_writer_init(&w, buffer, capacity);
    cairn_cbor_put_map(&w, 1);
    cairn_cbor_put_int(&w, LABEL_RECEIPTS);
    cairn_cbor_put_array(&w, count);
    for (size_t i = 0; i < count; i++)
        cairn_cbor_put_bytes(&w, receipts[i]);
    return cairn_cbor_writer_end(&w, ret_unprotected);
}

cairn_err cairn_statement_encode(cairn_arena *arena, cairn_bytes tx, const cairn_bytes *receipts,
                                 size_t count, cairn_bytes *ret_statement)
{
    cairn_tx decoded;
    cairn_bytes unprotected;
    cairn_bytes encoded;
    cairn_statement checked;
    CAIRN_TRY(cairn_tx_decode(tx, &decoded));
    CAIRN_TRY(encode_receipts(arena, receipts, count, &unprotected));
    CAIRN_TRY(cairn_cose_encode(arena, CAIRN_COSE_TAG_SIGN1, decoded.protected_raw, unprotected,
                                false, decoded.payload, decoded.signature, &encoded));
    CAIRN_TRY(cairn_statement_decode(arena, encoded, &checked));
    *ret_statement = encoded;
    return CAIRN_OK;
}

cairn_err cairn_receipt_file_decode(cairn_bytes in, cairn_receipt_file *ret_file)
{
    cairn_cbor_reader r;
    cairn_receipt_file file = {0};
    size_t count = 0;
    if (in.size > CAIRN_RECEIPT_FILE_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "receipt file: %zu bytes", in.size);
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "receipt file", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "receipt file", 3, 4, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&r, magic));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "manifest", 1, CAIRN_MANIFEST_SIZE_MAX, &file.manifest));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "statement", 1, CAIRN_STATEMENT_SIZE_MAX, &file.statement));
    if (count == 4)
        CAIRN_TRY(
            cairn_cbor_read_bytes(&r, "commit", 1, CAIRN_COMMIT_PROOF_SIZE_MAX, &file.commit));
    CAIRN_TRY(cairn_cbor_end(&r));
    *ret_file = file;
    return CAIRN_OK;
}

cairn_err cairn_receipt_file_encode(cairn_arena *arena, const cairn_receipt_file *file,
                                    cairn_bytes *ret_encoded)
{
    size_t capacity = 48 + file->manifest.size + file->statement.size + file->commit.size;
    void *buffer = NULL;
    cairn_cbor_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &buffer));
    cairn_cbor_writer_init(&w, buffer, capacity);
    cairn_cbor_put_array(&w, file->commit.size == 0 ? 3 : 4);
    cairn_cbor_put_text(&w, magic);
    cairn_cbor_put_bytes(&w, file->manifest);
    cairn_cbor_put_bytes(&w, file->statement);
    if (file->commit.size > 0)
        cairn_cbor_put_bytes(&w, file->commit);
    return cairn_cbor_writer_end(&w, ret_encoded);
}
