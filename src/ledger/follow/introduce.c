/* A member that changes the key of its checkpoints says so in the log that they cover: who knows
 * that log up to yesterday learns the new key from the member's own signed transaction. */
#include "cairn/cbor.h"
#include "core/limits.h"
#include "ledger/follow/follow_impl.h"

enum { ARENA_SIZE_MAX = 256 << 20 };

/* A note whose signer nobody knows yet. */
typedef struct stranger {
    cairn_follow *follow;
    cairn_arena *arena;
    cairn_bytes note;
    cairn_follow_head head; /* as it claims */
    bool known;             /* by now */
} stranger;

/* What the note says, whoever signed it. */
static cairn_err read_claim(stranger *s)
{
    cairn_note note;
    cairn_checkpoint checkpoint;
    CAIRN_TRY(cairn_note_parse(s->note, &note));
    CAIRN_TRY(cairn_checkpoint_parse(note.text, &checkpoint));
    s->head =
        (cairn_follow_head){.size = checkpoint.size, .root = checkpoint.root, .note = s->note};
    return CAIRN_OK;
}

/* Is it a transaction of somebody who may vouch for a log? */
static bool is_of_member(const stranger *s, const cairn_tx *tx)
{
    const cairn_state_source state = cairn_follow_state_of(s->follow->engine);
    cairn_key_record key;
    cairn_org_record org;
    cairn_delivery_tx verdict = {.raw = tx->raw};
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    if (cairn_registry_key(&state, &arena, &tx->kid, &key) != CAIRN_OK ||
        cairn_registry_org(&state, &arena, &key.org, &org) != CAIRN_OK ||
        key.purpose != CAIRN_PURPOSE_SIGN || key.until != CAIRN_HEIGHT_OPEN || !org.member ||
        org.status != CAIRN_ORG_ACTIVE)
        return false;
    cairn_follow_verify(s->follow, tx, &arena, &verdict);
    return verdict.verified;
}

static void try_key(stranger *s, cairn_bytes cose_key)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_vkey vkey;
    cairn_checkpoint checkpoint;
    cairn_bytes origin = cairn_bytes_str(s->follow->origin);
    if (cairn_key_from_cose(cose_key, &key) != CAIRN_OK ||
        cairn_key_get_type(key) != CAIRN_KEY_ED25519 ||
        cairn_vkey_init(origin, CAIRN_NOTE_ED25519, key, &vkey) != CAIRN_OK)
        return;
    s->known = cairn_checkpoint_open(s->note, origin, &vkey, NULL, &checkpoint) == CAIRN_OK;
    cairn_vkey_done(&vkey);
}

/* The new key is one of the body's byte strings. */
static cairn_err try_body(stranger *s, cairn_bytes body)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    cairn_bytes item;
    CAIRN_TRY(cairn_cbor_open(&r, body, CAIRN_CBOR_STRICT, "body", "docs/formats/transaction.md"));
    CAIRN_TRY(cairn_cbor_read_map(&r, "body", &map));
    for (; map.left > 0 && !s->known; map.left--) {
        CAIRN_TRY(cairn_cbor_read_any(&r, "key", &item));
        if (cairn_cbor_peek(&r) != CAIRN_CBOR_BYTES) {
            CAIRN_TRY(cairn_cbor_read_any(&r, "value", &item));
            continue;
        }
        CAIRN_TRY(cairn_cbor_read_bytes(&r, "value", 0, CAIRN_TX_SIZE_MAX, &item));
        try_key(s, item);
    }
    return CAIRN_OK;
}

static cairn_err try_block(stranger *s, const cairn_follow_block *block)
{
    const cairn_block_record *record = &block->record;
    size_t refusal = 0;
    for (size_t i = 0; i < record->transaction_count && !s->known; i++) {
        const cairn_tx *tx = &block->decoded[i];
        if (refusal < record->refusal_count && record->refusals[refusal].place == i)
            refusal++;
        else if ((tx->type == CAIRN_TX_KEY_ADD || tx->type == CAIRN_TX_KEY_ROTATE) &&
                 is_of_member(s, tx))
            CAIRN_TRY(try_body(s, tx->body));
    }
    return CAIRN_OK;
}

static cairn_err read_batch(stranger *s, const cairn_source *source, cairn_follow_batch *ret_batch)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(s->follow->engine);
    const cairn_merkle_source own = cairn_engine_source(s->follow->engine);
    cairn_source_tiles tiles = {.source = source, .arena = s->arena};
    const cairn_merkle_source theirs = cairn_source_merkle(&tiles);
    cairn_follow_place place = {.height = view->height};
    cairn_bytes sequence;
    if (s->head.size <= view->log_size)
        return CAIRN_ERR_NOT_TRUSTED; /* nothing new could bring it; told by the caller */
    CAIRN_TRY(cairn_merkle_source_frontier(&own, view->log_size, &place.frontier));
    CAIRN_TRY(source->records(source->context, s->arena, place.height + 1, &sequence));
    CAIRN_TRY(cairn_follow_read(s->arena, sequence, &place, s->head.size, ret_batch));
    return cairn_follow_head_covers(&s->head, &ret_batch->after.frontier, &theirs);
}

static cairn_err introduce(stranger *s, const cairn_source *source)
{
    cairn_follow_batch batch;
    CAIRN_TRY(read_claim(s));
    CAIRN_TRY(read_batch(s, source, &batch));
    for (size_t i = 0; i < batch.block_count && !s->known; i++)
        CAIRN_TRY(try_block(s, &batch.blocks[i]));
    return CAIRN_OK;
}

cairn_err cairn_follow_introduce(cairn_follow *follow, const cairn_source *source, cairn_bytes note,
                                 cairn_follow_head *ret_head)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    stranger s = {.follow = follow, .arena = &arena, .note = note};
    cairn_err err = introduce(&s, source);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_TRUSTED)
        return err;
    if (!s.known)
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, "C2SP tlog-checkpoint",
                          "checkpoint: no key that is trusted signed it");
    *ret_head = s.head;
    return CAIRN_OK;
}
