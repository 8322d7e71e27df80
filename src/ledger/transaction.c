/* Transactions: strict decoding, the id, and assembly. */
#include "cairn/transaction.h"

#include "cairn/cbor.h"
#include "cairn/cose.h"
#include "cairn/sha256.h"
#include "core/limits.h"

static const char object[] = "transaction";
static const char clause[] = "docs/formats/transaction.md";

/* Everything of a Sig_structure before its protected header, payload head aside. */
static const uint8_t sig_structure_head[] = {0x84, 0x6a, 'S', 'i', 'g', 'n',
                                             'a',  't',  'u', 'r', 'e', '1'};

static cairn_err decode_protected(cairn_bytes in, cairn_tx *tx)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    int64_t alg = 0;
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "transaction.protected", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "protected", &map));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 1, "alg"));
    CAIRN_TRY(cairn_cbor_read_int(&r, "alg", INT64_MIN, INT64_MAX, &alg));
    if (alg != CAIRN_ALG_ES256)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "transaction.alg: %lld is not ES256",
                          (long long)alg);
    CAIRN_TRY(cairn_cbor_key(&r, &map, 4, "kid"));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "kid", &tx->kid));
    CAIRN_TRY(cairn_cbor_end_map(&r, &map));
    return cairn_cbor_end(&r);
}

static cairn_err decode_payload(cairn_bytes in, cairn_tx *tx)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    uint64_t type = 0;
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "transaction.payload", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "payload", &map));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 1, "ledger"));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "ledger", &tx->ledger));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 2, "type"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "type", 1, UINT16_MAX, &type));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 3, "valid_until"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "valid_until", 1, CAIRN_TIME_MAX_MS, &tx->valid_until_ms));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 4, "body"));
    if (cairn_cbor_peek(&r) != CAIRN_CBOR_MAP)
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, clause, "transaction.body: not a map");
    CAIRN_TRY(cairn_cbor_read_any(&r, "body", &tx->body));
    CAIRN_TRY(cairn_cbor_end_map(&r, &map));
    tx->type = (uint16_t)type;
    return cairn_cbor_end(&r);
}

/* The head of a byte string of `size` bytes; returns how many bytes it takes. */
static size_t bstr_head(size_t size, uint8_t out[9])
{
    cairn_cbor_writer w;
    cairn_cbor_writer_init(&w, out, 9);
    cairn_cbor_put_uint(&w, size);
    out[0] |= 0x40;
    return w.size;
}

/* SHA-256 of the Sig_structure, without assembling it. */
static void compute_id(cairn_tx *tx)
{
    uint8_t protected_head[9];
    uint8_t payload_head[9];
    static const uint8_t no_aad[] = {0x40};
    const cairn_bytes parts[] = {
        cairn_bytes_of(sig_structure_head, sizeof sig_structure_head),
        cairn_bytes_of(protected_head, bstr_head(tx->protected_raw.size, protected_head)),
        tx->protected_raw,
        cairn_bytes_of(no_aad, sizeof no_aad),
        cairn_bytes_of(payload_head, bstr_head(tx->payload.size, payload_head)),
        tx->payload,
    };
    cairn_sha256_parts(parts, sizeof parts / sizeof parts[0], &tx->id);
}

cairn_err cairn_tx_decode(cairn_bytes in, cairn_tx *ret_tx)
{
    if (in.size > CAIRN_TX_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "transaction: %zu bytes, at most %d",
                          in.size, CAIRN_TX_SIZE_MAX);
    cairn_cbor_reader r;
    cairn_cbor_map map;
    size_t count = 0;
    cairn_tx tx = {.raw = in};
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, object, clause));
    CAIRN_TRY(cairn_cbor_read_tag(&r, "tag", CAIRN_COSE_TAG_SIGN1));
    CAIRN_TRY(cairn_cbor_read_array(&r, "COSE_Sign1", 4, 4, &count));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "protected", 0, CAIRN_TX_SIZE_MAX, &tx.protected_raw));
    CAIRN_TRY(cairn_cbor_read_map(&r, "unprotected", &map));
    CAIRN_TRY(cairn_cbor_end_map(&r, &map));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "payload", 1, CAIRN_TX_SIZE_MAX, &tx.payload));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "signature", CAIRN_TX_SIGNATURE_SIZE,
                                    CAIRN_TX_SIGNATURE_SIZE, &tx.signature));
    CAIRN_TRY(cairn_cbor_end(&r));
    CAIRN_TRY(decode_protected(tx.protected_raw, &tx));
    CAIRN_TRY(decode_payload(tx.payload, &tx));
    compute_id(&tx);
    *ret_tx = tx;
    return CAIRN_OK;
}

static cairn_err encode_protected(const cairn_tx_draft *draft, uint8_t out[CAIRN_TX_PROTECTED_SIZE],
                                  cairn_bytes *ret_protected)
{
    cairn_cbor_writer w;
    cairn_cbor_writer_init(&w, out, CAIRN_TX_PROTECTED_SIZE);
    cairn_cbor_put_map(&w, 2);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_int(&w, CAIRN_ALG_ES256);
    cairn_cbor_put_int(&w, 4);
    cairn_cbor_put_hash(&w, &draft->kid);
    return cairn_cbor_writer_end(&w, ret_protected);
}

static cairn_err encode_payload(cairn_arena *arena, const cairn_tx_draft *draft,
                                cairn_bytes *ret_payload)
{
    enum { HEADS = 1 + 1 + 34 + 1 + 3 + 1 + 9 + 1 };
    void *buffer = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, HEADS + draft->body.size, &buffer));
    cairn_cbor_writer w;
    cairn_cbor_writer_init(&w, buffer, HEADS + draft->body.size);
    cairn_cbor_put_map(&w, 4);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_hash(&w, &draft->ledger);
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_uint(&w, draft->type);
    cairn_cbor_put_int(&w, 3);
    cairn_cbor_put_uint(&w, draft->valid_until_ms);
    cairn_cbor_put_int(&w, 4);
    cairn_cbor_put_raw(&w, draft->body);
    return cairn_cbor_writer_end(&w, ret_payload);
}

cairn_err cairn_tx_to_be_signed(cairn_arena *arena, const cairn_tx_draft *draft,
                                cairn_bytes *ret_message)
{
    uint8_t buffer[CAIRN_TX_PROTECTED_SIZE];
    cairn_bytes protected_raw;
    cairn_bytes payload;
    CAIRN_TRY(encode_protected(draft, buffer, &protected_raw));
    CAIRN_TRY(encode_payload(arena, draft, &payload));
    return cairn_cose_structure(arena, CAIRN_COSE_TAG_SIGN1, protected_raw, (cairn_bytes){0},
                                payload, ret_message);
}

cairn_err cairn_tx_assemble(cairn_arena *arena, const cairn_tx_draft *draft, cairn_bytes signature,
                            cairn_bytes *ret_tx)
{
    static const uint8_t empty_map[] = {0xa0};
    uint8_t buffer[CAIRN_TX_PROTECTED_SIZE];
    cairn_bytes protected_raw;
    cairn_bytes payload;
    cairn_bytes encoded;
    cairn_tx checked;
    CAIRN_TRY(encode_protected(draft, buffer, &protected_raw));
    CAIRN_TRY(encode_payload(arena, draft, &payload));
    CAIRN_TRY(cairn_cose_encode(arena, CAIRN_COSE_TAG_SIGN1, protected_raw,
                                cairn_bytes_of(empty_map, sizeof empty_map), false, payload,
                                signature, &encoded));
    /* A body that is not deterministic is refused here and not at the ledger. */
    CAIRN_TRY(cairn_tx_decode(encoded, &checked));
    *ret_tx = encoded;
    return CAIRN_OK;
}

cairn_err cairn_tx_sign(cairn_arena *arena, const cairn_tx_draft *draft, const cairn_key *key,
                        cairn_bytes *ret_tx)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message;
    CAIRN_TRY(cairn_tx_to_be_signed(arena, draft, &message));
    CAIRN_TRY(cairn_key_sign(key, message, signature, &size));
    return cairn_tx_assemble(arena, draft, cairn_bytes_of(signature, size), ret_tx);
}

cairn_err cairn_tx_verify(cairn_arena *arena, const cairn_tx *tx, const cairn_key *key)
{
    if (!cairn_signature_low_s(tx->signature))
        return CAIRN_FAIL(CAIRN_ERR_HIGH_S, clause,
                          "transaction.signature: s is above half the order");
    if (cairn_key_get_type(key) != CAIRN_KEY_P256)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "transaction.kid: key is not for ES256");
    cairn_bytes message;
    CAIRN_TRY(cairn_cose_structure(arena, CAIRN_COSE_TAG_SIGN1, tx->protected_raw, (cairn_bytes){0},
                                   tx->payload, &message));
    return cairn_key_verify(key, message, tx->signature);
}
