/* The transaction that anchors evidence. */
#include "record/record.h"

#include "identity/identity.h"

static const char clause[] = "docs/formats/transaction.md";

typedef struct anchor {
    cairn_hash commitment;
    bool on_behalf;
    cairn_hash subject;
} anchor;

static cairn_err anchor_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    cairn_cbor_map map;
    anchor *act = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &act));
    CAIRN_TRY(cairn_cbor_read_map(r, "body", &map));
    CAIRN_TRY(cairn_cbor_key(r, &map, 1, "commitment"));
    CAIRN_TRY(cairn_cbor_read_hash(r, "commitment", &act->commitment));
    CAIRN_TRY(cairn_cbor_optional_key(r, &map, 2, &act->on_behalf));
    if (act->on_behalf)
        CAIRN_TRY(cairn_cbor_read_hash(r, "subject", &act->subject));
    CAIRN_TRY(cairn_cbor_end_map(r, &map));
    *ret_act = act;
    return CAIRN_OK;
}

/* Whose word it is: the organisation's own, or a subject's of it, whose grant the key has. */
static cairn_err check_grant(cairn_apply *apply, const anchor *act)
{
    cairn_err err =
        cairn_grant_check(cairn_apply_state(apply), cairn_apply_arena(apply), &act->subject,
                          &cairn_apply_tx(apply)->kid, cairn_bytes_str(CAIRN_ANCHOR_SCOPE),
                          cairn_apply_height(apply), cairn_apply_time_ms(apply));
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "anchor.subject: no grant to this key");
    return err;
}

static cairn_err encode_record(cairn_apply *apply, const anchor *act, uint8_t *out, size_t room,
                               cairn_bytes *ret_value)
{
    cairn_cbor_writer w;
    cairn_cbor_writer_init(&w, out, room);
    cairn_cbor_put_map(&w, act->on_behalf ? 3 : 2);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_hash(&w, cairn_apply_org(apply));
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_uint(&w, cairn_apply_height(apply));
    if (act->on_behalf) {
        cairn_cbor_put_int(&w, 3);
        cairn_cbor_put_hash(&w, &act->subject);
    }
    return cairn_cbor_writer_end(&w, ret_value);
}

static cairn_err anchor_apply(cairn_apply *apply, const void *data)
{
    const anchor *act = data;
    uint8_t out[96];
    cairn_state_key key;
    cairn_bytes value;
    cairn_state_key_make(&key, "anchor/", cairn_bytes_hash(&act->commitment));
    CAIRN_TRY(cairn_apply_must_be_new(apply, CAIRN_MAP_STATE, &key));
    if (act->on_behalf)
        CAIRN_TRY(check_grant(apply, act));
    CAIRN_TRY(encode_record(apply, act, out, sizeof out, &value));
    CAIRN_TRY(cairn_apply_put(apply, CAIRN_MAP_STATE, &key, value.data, value.size));
    return cairn_apply_emit(apply, CAIRN_TX_ANCHOR, cairn_bytes_hash(&act->commitment));
}

static cairn_err encode_body(cairn_arena *arena, const cairn_hash *commitment,
                             const cairn_hash *subject, cairn_bytes *ret_body)
{
    enum { SIZE = 1 + 2 * (1 + 34) };
    void *buffer = NULL;
    cairn_cbor_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, SIZE, &buffer));
    cairn_cbor_writer_init(&w, buffer, SIZE);
    cairn_cbor_put_map(&w, subject == NULL ? 1 : 2);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_hash(&w, commitment);
    if (subject != NULL) {
        cairn_cbor_put_int(&w, 2);
        cairn_cbor_put_hash(&w, subject);
    }
    return cairn_cbor_writer_end(&w, ret_body);
}

cairn_err cairn_anchor_body(cairn_arena *arena, const cairn_hash *commitment, cairn_bytes *ret_body)
{
    return encode_body(arena, commitment, NULL, ret_body);
}

cairn_err cairn_anchor_body_for(cairn_arena *arena, const cairn_hash *commitment,
                                const cairn_hash *subject, cairn_bytes *ret_body)
{
    return encode_body(arena, commitment, subject, ret_body);
}

static const cairn_tx_row transactions[] = {
    {CAIRN_TX_ANCHOR, "record.anchor", 1, 0, false, anchor_decode, anchor_apply, clause},
};

const cairn_feature cairn_record_feature = {
    .name = "record",
    .transactions = transactions,
    .transaction_count = sizeof transactions / sizeof transactions[0],
};
