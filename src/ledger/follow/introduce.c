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
    cairn_hash org;         /* then: whose key it is */
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

/* Is it a transaction for this ledger of somebody who may vouch for a log? */
static bool is_of_member(const stranger *s, const cairn_state_source *state, const cairn_tx *tx,
                         cairn_arena *arena, cairn_hash *ret_org)
{
    cairn_key_record key;
    cairn_org_record org;
    cairn_delivery_tx verdict = {.raw = tx->raw};
    if (!cairn_hash_equal(&tx->ledger, &s->follow->setup.ledger) ||
        cairn_registry_key(state, arena, &tx->kid, &key) != CAIRN_OK ||
        cairn_registry_org(state, arena, &key.org, &org) != CAIRN_OK ||
        key.purpose != CAIRN_PURPOSE_SIGN || key.until != CAIRN_HEIGHT_OPEN ||
        key.suspect_since != CAIRN_HEIGHT_OPEN || !org.member || org.status != CAIRN_ORG_ACTIVE)
        return false;
    *ret_org = key.org;
    cairn_follow_verify(s->follow, tx, arena, &verdict);
    return verdict.verified;
}

/* `{1: COSE_Key, 2: purpose, …}` */
static cairn_err read_added(cairn_cbor_reader *r, cairn_cbor_map *map, uint64_t *ret_purpose,
                            cairn_bytes *ret_cose_key)
{
    CAIRN_TRY(cairn_cbor_key(r, map, 1, "key"));
    CAIRN_TRY(cairn_cbor_read_bytes(r, "key", 1, CAIRN_COSE_KEY_SIZE_MAX, ret_cose_key));
    CAIRN_TRY(cairn_cbor_key(r, map, 2, "purpose"));
    return cairn_cbor_read_uint(r, "purpose", 1, CAIRN_PURPOSE_LAST, ret_purpose);
}

/* `{1: old kid, 2: COSE_Key, …}` */
static cairn_err read_rotated(cairn_cbor_reader *r, cairn_cbor_map *map, cairn_hash *ret_old,
                              cairn_bytes *ret_cose_key)
{
    CAIRN_TRY(cairn_cbor_key(r, map, 1, "old"));
    CAIRN_TRY(cairn_cbor_read_hash(r, "old", ret_old));
    CAIRN_TRY(cairn_cbor_key(r, map, 2, "key"));
    return cairn_cbor_read_bytes(r, "key", 1, CAIRN_COSE_KEY_SIZE_MAX, ret_cose_key);
}

/* The key that it adds, when it is for cosigning: a validator's is Ed25519 too, and signs no
 * checkpoint. What else the transaction lacks is for apply to say. */
static cairn_err read_body(const cairn_state_source *state, const cairn_tx *tx,
                           const cairn_hash *org, cairn_arena *arena, cairn_bytes *ret_cose_key)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    cairn_hash old;
    cairn_key_record record = {.org = *org};
    uint64_t purpose = 0;
    CAIRN_TRY(cairn_cbor_open(&r, tx->body, CAIRN_CBOR_STRICT, "body", "docs/formats/identity.md"));
    CAIRN_TRY(cairn_cbor_read_map(&r, "body", &map));
    if (tx->type == CAIRN_TX_KEY_ADD) {
        CAIRN_TRY(read_added(&r, &map, &purpose, ret_cose_key));
    } else {
        CAIRN_TRY(read_rotated(&r, &map, &old, ret_cose_key));
        CAIRN_TRY(cairn_registry_key(state, arena, &old, &record));
        purpose = record.purpose;
    }
    return purpose == CAIRN_PURPOSE_COSIGN && cairn_hash_equal(&record.org, org)
               ? CAIRN_OK
               : CAIRN_ERR_NOT_TRUSTED;
}

/* A key that the ledger knows is nobody's new one: it signs, or has ended. */
static bool is_new(const cairn_state_source *state, const cairn_key *key, cairn_arena *arena)
{
    cairn_key_record record;
    return cairn_registry_key(state, arena, cairn_key_id(key), &record) == CAIRN_ERR_NOT_FOUND;
}

static void try_key(stranger *s, const cairn_state_source *state, cairn_bytes cose_key,
                    cairn_arena *arena)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_vkey vkey;
    cairn_checkpoint checkpoint;
    cairn_bytes origin = cairn_bytes_str(s->follow->origin);
    if (cairn_key_from_cose(cose_key, &key) != CAIRN_OK ||
        cairn_key_get_type(key) != CAIRN_KEY_ED25519 || !is_new(state, key, arena) ||
        cairn_vkey_init(origin, CAIRN_NOTE_ED25519, key, &vkey) != CAIRN_OK)
        return;
    s->known = cairn_checkpoint_open(s->note, origin, &vkey, NULL, &checkpoint) == CAIRN_OK;
    cairn_vkey_done(&vkey);
}

static void try_tx(stranger *s, const cairn_tx *tx)
{
    const cairn_state_source state = cairn_follow_state_of(s->follow->engine);
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_bytes cose_key;
    cairn_hash org;
    cairn_arena_init(&arena, 1 << 20);
    if (!is_of_member(s, &state, tx, &arena, &org) ||
        read_body(&state, tx, &org, &arena, &cose_key) != CAIRN_OK)
        return;
    try_key(s, &state, cose_key, &arena);
    s->org = org;
}

static void try_block(stranger *s, const cairn_follow_block *block)
{
    const cairn_block_record *record = &block->record;
    size_t refusal = 0;
    for (size_t i = 0; i < record->transaction_count && !s->known; i++) {
        const cairn_tx *tx = &block->decoded[i];
        if (refusal < record->refusal_count && record->refusals[refusal].place == i)
            refusal++;
        else if (tx->type == CAIRN_TX_KEY_ADD || tx->type == CAIRN_TX_KEY_ROTATE)
            try_tx(s, tx);
    }
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
        try_block(s, &batch.blocks[i]);
    return CAIRN_OK;
}

cairn_err cairn_follow_introduce(cairn_follow *follow, const cairn_source *source, cairn_bytes note,
                                 cairn_follow_head *ret_head, cairn_hash *ret_org)
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
    *ret_org = s.org;
    return CAIRN_OK;
}
