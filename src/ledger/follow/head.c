/* Checkpoints: who signed them, and whether they are of one log. */
#include "ledger/follow/head.h"

#include "ledger/consortium/cosignature.h"

static const char clause[] = "C2SP tlog-checkpoint";

/* --- keys --- */

/* A note, and what came of the keys that were tried on it. */
typedef struct trial {
    cairn_bytes note;
    cairn_bytes origin;
    cairn_err err; /* CAIRN_OK: one of them signed */
    cairn_checkpoint checkpoint;
} trial;

/* What a note says under one key. One that signed badly outweighs those that did not sign; what
 * holds under another goes before both. */
static void try_key(trial *t, cairn_key *key)
{
    cairn_vkey vkey;
    if (t->err == CAIRN_OK || cairn_key_get_type(key) != CAIRN_KEY_ED25519 ||
        cairn_vkey_init(t->origin, CAIRN_NOTE_ED25519, key, &vkey) != CAIRN_OK)
        return;
    cairn_err err = cairn_checkpoint_open(t->note, t->origin, &vkey, NULL, &t->checkpoint);
    cairn_vkey_done(&vkey);
    if (err != CAIRN_ERR_NOT_TRUSTED)
        t->err = err;
}

static cairn_err get_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                           cairn_bytes *ret_value)
{
    return cairn_engine_get_newest(context, map, key, arena, ret_value);
}

cairn_state_source cairn_follow_state_of(cairn_engine *engine)
{
    return (cairn_state_source){.context = engine, .get = get_state};
}

/* Has the ledger, as far as it is here, ended a key that the trust file still lists, before it
 * signed this? Of what goes beyond what is here at least the next height is signed. */
static cairn_err is_withdrawn(const trial *t, cairn_engine *engine, const cairn_hash *kid,
                              bool *ret_withdrawn)
{
    enum { KEY_ARENA_SIZE_MAX = 64 << 10 };
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_key_record record;
    *ret_withdrawn = false;
    cairn_arena_init(&arena, KEY_ARENA_SIZE_MAX);
    if (engine == NULL)
        return CAIRN_OK;
    const cairn_state_source state = cairn_follow_state_of(engine);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    uint64_t height = view->height + (t->checkpoint.size > view->log_size);
    cairn_err err = cairn_registry_key(&state, &arena, kid, &record);
    if (err == CAIRN_OK)
        *ret_withdrawn = record.until <= height || record.suspect_since != CAIRN_HEIGHT_OPEN;
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

static cairn_err try_trust(trial *t, const cairn_follow_keys *keys)
{
    for (size_t i = 0; i < keys->trust->entry_count; i++) {
        const cairn_trust_key *key = keys->trust->entries[i].key;
        bool withdrawn = false;
        if (t->err == CAIRN_OK || key->purpose != CAIRN_TRUST_COSIGN ||
            key->until != CAIRN_TRUST_OPEN || key->suspect != CAIRN_TRUST_OPEN)
            continue;
        try_key(t, key->key);
        if (t->err == CAIRN_OK)
            CAIRN_TRY(is_withdrawn(t, keys->engine, &key->kid, &withdrawn));
        if (withdrawn)
            t->err = CAIRN_ERR_NOT_TRUSTED;
    }
    return CAIRN_OK;
}

static cairn_err try_member(void *context, const cairn_hash *org, cairn_key *key)
{
    trial *t = context;
    (void)org;
    try_key(t, key);
    return t->err == CAIRN_OK ? CAIRN_ERR_CANCELLED : CAIRN_OK; /* enough */
}

static cairn_err try_members(trial *t, cairn_engine *engine)
{
    const cairn_state_source state = cairn_follow_state_of(engine);
    cairn_err err = cairn_member_each_note_key(&state, try_member, t);
    return t->err == CAIRN_OK && err == CAIRN_ERR_CANCELLED ? CAIRN_OK : err;
}

cairn_err cairn_follow_head_open(const cairn_follow_keys *keys, uint64_t now_ms, cairn_bytes note,
                                 cairn_follow_head *ret_head)
{
    trial t = {.note = note, .origin = cairn_bytes_str(keys->origin), .err = CAIRN_ERR_NOT_TRUSTED};
    bool expired = keys->trust != NULL && now_ms > keys->trust->expires_ms;
    if (keys->trust != NULL && !expired)
        CAIRN_TRY(try_trust(&t, keys));
    if (t.err != CAIRN_OK && keys->engine != NULL)
        CAIRN_TRY(try_members(&t, keys->engine));
    if (t.err == CAIRN_ERR_NOT_TRUSTED && expired)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, "docs/formats/trust.md",
                          "trust: has expired, and the ledger knows no other key of it");
    if (t.err == CAIRN_ERR_NOT_TRUSTED)
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, clause,
                          "checkpoint: no key that is trusted signed it");
    if (t.err != CAIRN_OK)
        return t.err;
    *ret_head =
        (cairn_follow_head){.size = t.checkpoint.size, .root = t.checkpoint.root, .note = note};
    return CAIRN_OK;
}

/* --- comparison --- */

/* Does the log of `larger` begin with that of `smaller`? By tiles of the larger one's. */
static cairn_err compare_sizes(const cairn_follow_head *smaller, const cairn_follow_head *larger,
                               const cairn_merkle_source *tiles, bool *ret_fork,
                               cairn_follow_proof *ret_proof)
{
    cairn_follow_proof proof;
    CAIRN_TRY(cairn_merkle_prove_consistency(tiles, smaller->size, larger->size, proof.path,
                                             &proof.count));
    *ret_fork = false;
    if (cairn_merkle_verify_consistency(smaller->size, &smaller->root, larger->size, &larger->root,
                                        proof.path, proof.count) == CAIRN_OK)
        return CAIRN_OK;
    CAIRN_TRY(cairn_merkle_source_root(tiles, smaller->size, &proof.other));
    if (cairn_hash_equal(&proof.other, &smaller->root))
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, clause, "tiles: do not lead to the checkpoint");
    CAIRN_TRY(cairn_merkle_verify_consistency(smaller->size, &proof.other, larger->size,
                                              &larger->root, proof.path, proof.count));
    *ret_fork = true;
    *ret_proof = proof;
    return CAIRN_OK;
}

static cairn_err compare_older(const cairn_follow_head *shown, const cairn_follow_head *held,
                               const cairn_merkle_source *own, uint64_t own_size, bool *ret_fork,
                               cairn_follow_proof *ret_proof)
{
    cairn_follow_proof proof = {.other = cairn_merkle_empty_root};
    *ret_fork = false;
    if (shown->size > own_size)
        return CAIRN_OK; /* asked again when that much is here */
    if (shown->size > 0)
        CAIRN_TRY(cairn_merkle_source_root(own, shown->size, &proof.other));
    if (cairn_hash_equal(&proof.other, &shown->root))
        return CAIRN_OK;
    if (shown->size > 0 && held->size <= own_size)
        CAIRN_TRY(
            cairn_merkle_prove_consistency(own, shown->size, held->size, proof.path, &proof.count));
    *ret_fork = true;
    *ret_proof = proof;
    return CAIRN_OK;
}

cairn_err cairn_follow_head_compare(const cairn_follow_head *held, const cairn_follow_head *shown,
                                    const cairn_merkle_source *tiles,
                                    const cairn_merkle_source *own, uint64_t own_size,
                                    cairn_follow_relation *ret_relation,
                                    cairn_follow_proof *ret_proof)
{
    bool fork = false;
    cairn_follow_relation relation = CAIRN_FOLLOW_SAME;
    if (shown->size == held->size) {
        fork = !cairn_hash_equal(&shown->root, &held->root);
        if (fork)
            *ret_proof = (cairn_follow_proof){.other = held->root};
    } else if (shown->size > held->size) {
        relation = CAIRN_FOLLOW_NEWER;
        CAIRN_TRY(compare_sizes(held, shown, tiles, &fork, ret_proof));
    } else {
        relation = CAIRN_FOLLOW_OLDER;
        CAIRN_TRY(compare_older(shown, held, own, own_size, &fork, ret_proof));
    }
    *ret_relation = fork ? CAIRN_FOLLOW_FORK : relation;
    return CAIRN_OK;
}

cairn_err cairn_follow_head_covers(const cairn_follow_head *head,
                                   const cairn_log_frontier *frontier,
                                   const cairn_merkle_source *tiles)
{
    cairn_hash path[CAIRN_MERKLE_PROOF_MAX];
    cairn_hash root;
    size_t count = 0;
    cairn_log_frontier_root(frontier, &root);
    if (frontier->size < head->size)
        CAIRN_TRY(cairn_merkle_prove_consistency(tiles, frontier->size, head->size, path, &count));
    return cairn_merkle_verify_consistency(frontier->size, &root, head->size, &head->root, path,
                                           count);
}
