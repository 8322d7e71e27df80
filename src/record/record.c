/* The transaction that anchors evidence. */
#include "record/record.h"

static const char clause[] = "docs/formats/transaction.md";

static cairn_err anchor_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    cairn_cbor_map map;
    cairn_hash *commitment = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &commitment));
    CAIRN_TRY(cairn_cbor_read_map(r, "body", &map));
    CAIRN_TRY(cairn_cbor_key(r, &map, 1, "commitment"));
    CAIRN_TRY(cairn_cbor_read_hash(r, "commitment", commitment));
    CAIRN_TRY(cairn_cbor_end_map(r, &map));
    *ret_act = commitment;
    return CAIRN_OK;
}

static cairn_err anchor_apply(cairn_apply *apply, const void *data)
{
    const cairn_hash *commitment = data;
    uint8_t out[64];
    cairn_state_key key;
    cairn_cbor_writer w;
    cairn_bytes value;
    cairn_state_key_make(&key, "anchor/", cairn_bytes_hash(commitment));
    CAIRN_TRY(cairn_apply_must_be_new(apply, CAIRN_MAP_STATE, &key));
    cairn_cbor_writer_init(&w, out, sizeof out);
    cairn_cbor_put_map(&w, 2);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_hash(&w, cairn_apply_org(apply));
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_uint(&w, cairn_apply_height(apply));
    CAIRN_TRY(cairn_cbor_writer_end(&w, &value));
    CAIRN_TRY(cairn_apply_put(apply, CAIRN_MAP_STATE, &key, value.data, value.size));
    return cairn_apply_emit(apply, CAIRN_TX_ANCHOR, cairn_bytes_hash(commitment));
}

cairn_err cairn_anchor_body(cairn_arena *arena, const cairn_hash *commitment, cairn_bytes *ret_body)
{
    enum { SIZE = 1 + 1 + 34 };
    void *buffer = NULL;
    cairn_cbor_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, SIZE, &buffer));
    cairn_cbor_writer_init(&w, buffer, SIZE);
    cairn_cbor_put_map(&w, 1);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_hash(&w, commitment);
    return cairn_cbor_writer_end(&w, ret_body);
}

static const cairn_tx_row transactions[] = {
    {CAIRN_TX_ANCHOR, "record.anchor", 1, 0, false, anchor_decode, anchor_apply, clause},
};

const cairn_feature cairn_record_feature = {
    .name = "record",
    .transactions = transactions,
    .transaction_count = sizeof transactions / sizeof transactions[0],
};
