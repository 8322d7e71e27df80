/* Checkpoints: who signed them, and whether they are of one log. */
#include "ledger/follow/head.h"

#include <stdlib.h>

#include "ledger/consortium/cosignature.h"

static const char clause[] = "C2SP tlog-checkpoint";

cairn_err cairn_follow_head_copy(const cairn_follow_head *head, cairn_follow_head *ret_copy)
{
    uint8_t *note = malloc(head->note.size);
    if (note == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "follow: checkpoint");
    memcpy(note, head->note.data, head->note.size);
    *ret_copy = *head;
    ret_copy->note = cairn_bytes_of(note, head->note.size);
    return CAIRN_OK;
}

/* --- keys --- */

/* A note, and what came of the keys that were tried on it. */
typedef struct trial {
    const char *origin;
    cairn_note note;
    cairn_checkpoint checkpoint;
    cairn_err worst;            /* of a known key's signature */
    cairn_member_list *signers; /* whose do */
} trial;

/* Did the key sign, under that name and as a line of that type? */
static bool try_line(trial *t, const char *name, cairn_note_type type, cairn_key *key)
{
    cairn_vkey vkey;
    cairn_err err = cairn_vkey_init(cairn_bytes_str(name), type, key, &vkey);
    if (err == CAIRN_OK) {
        err = cairn_note_verify(&t->note, &vkey, NULL);
        cairn_vkey_done(&vkey);
    }
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_TRUSTED)
        t->worst = err;
    return err == CAIRN_OK;
}

/* As the log's own signature, or as a cosignature of the one whom the key belongs to. */
static bool try_key(trial *t, const cairn_hash *org, cairn_key *key)
{
    char name[CAIRN_MEMBER_NOTE_NAME_SIZE + 1];
    if (cairn_key_get_type(key) != CAIRN_KEY_ED25519)
        return false;
    cairn_member_note_name(t->origin, org, name);
    return try_line(t, t->origin, CAIRN_NOTE_ED25519, key) ||
           try_line(t, name, CAIRN_NOTE_COSIGNATURE, key);
}

static cairn_err add_signer(trial *t, const cairn_hash *org)
{
    return cairn_member_list_has(t->signers, org) ? CAIRN_OK
                                                  : cairn_member_list_add(t->signers, org);
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

/* Has the ledger, as far as it is here, ended a key that the trust file still lists, or suspended
 * its organisation, before it signed this? Of what goes beyond what is here at least the next
 * height is signed. */
static cairn_err is_withdrawn(const trial *t, cairn_engine *engine, const cairn_hash *kid,
                              bool *ret_withdrawn)
{
    enum { KEY_ARENA_SIZE_MAX = 64 << 10 };
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_key_record record;
    cairn_org_record org;
    *ret_withdrawn = false;
    cairn_arena_init(&arena, KEY_ARENA_SIZE_MAX);
    if (engine == NULL)
        return CAIRN_OK;
    const cairn_state_source state = cairn_follow_state_of(engine);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    uint64_t height = view->height + (t->checkpoint.size > view->log_size);
    cairn_err err = cairn_registry_key(&state, &arena, kid, &record);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_registry_org(&state, &arena, &record.org, &org));
    *ret_withdrawn = record.until <= height || record.suspect_since != CAIRN_HEIGHT_OPEN ||
                     org.status != CAIRN_ORG_ACTIVE;
    return CAIRN_OK;
}

static cairn_err try_trust(trial *t, const cairn_follow_keys *keys)
{
    for (size_t i = 0; i < keys->trust->entry_count; i++) {
        const cairn_trust_entry *entry = &keys->trust->entries[i];
        const cairn_trust_key *key = entry->key;
        bool withdrawn = false;
        if (key->purpose != CAIRN_TRUST_COSIGN || key->until != CAIRN_TRUST_OPEN ||
            key->suspect != CAIRN_TRUST_OPEN || !try_key(t, &entry->member->org, key->key))
            continue;
        CAIRN_TRY(is_withdrawn(t, keys->engine, &key->kid, &withdrawn));
        if (!withdrawn)
            CAIRN_TRY(add_signer(t, &entry->member->org));
    }
    return CAIRN_OK;
}

static cairn_err try_member(void *context, const cairn_hash *org, cairn_key *key)
{
    trial *t = context;
    if (cairn_member_list_has(t->signers, org) || !try_key(t, org, key))
        return CAIRN_OK;
    return add_signer(t, org);
}

static cairn_err try_members(trial *t, cairn_engine *engine)
{
    const cairn_state_source state = cairn_follow_state_of(engine);
    return cairn_member_each_note_key(&state, try_member, t);
}

static cairn_err read_note(trial *t, cairn_bytes note)
{
    CAIRN_TRY(cairn_note_parse(note, &t->note));
    CAIRN_TRY(cairn_checkpoint_parse(t->note.text, &t->checkpoint));
    return cairn_bytes_equal(t->checkpoint.origin, cairn_bytes_str(t->origin))
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "checkpoint: is of another log");
}

/* Why nobody who is trusted signed. */
static cairn_err refuse(const trial *t, bool expired)
{
    if (t->worst != CAIRN_OK)
        return CAIRN_FAIL(t->worst, clause, "checkpoint: signature");
    if (expired)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, "docs/formats/trust.md",
                          "trust: has expired, and the ledger knows no other key of it");
    return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, clause,
                      "checkpoint: no key that is trusted signed it");
}

cairn_err cairn_follow_head_open(const cairn_follow_keys *keys, uint64_t now_ms, cairn_bytes note,
                                 cairn_follow_head *ret_head, cairn_member_list *ret_signers)
{
    cairn_member_list signers = {.count = 0};
    trial t = {.origin = keys->origin, .signers = &signers};
    bool expired = keys->trust != NULL && now_ms > keys->trust->expires_ms;
    CAIRN_TRY(read_note(&t, note));
    if (keys->trust != NULL && !expired)
        CAIRN_TRY(try_trust(&t, keys));
    if (keys->engine != NULL)
        CAIRN_TRY(try_members(&t, keys->engine));
    if (signers.count == 0)
        return refuse(&t, expired);
    *ret_head =
        (cairn_follow_head){.size = t.checkpoint.size, .root = t.checkpoint.root, .note = note};
    *ret_signers = signers;
    return CAIRN_OK;
}

/* --- comparison --- */

/* The root that the larger one's log has at the smaller one's size, and the path from there. */
static cairn_err prove(const cairn_follow_head *smaller, const cairn_follow_head *larger,
                       const cairn_merkle_source *tiles, cairn_follow_proof *proof)
{
    if (smaller->size == 0 || smaller->size == larger->size) {
        proof->other = smaller->size == 0 ? cairn_merkle_empty_root : larger->root;
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_merkle_prove_consistency(tiles, smaller->size, larger->size, proof->path,
                                             &proof->count));
    proof->other = smaller->root;
    if (cairn_merkle_verify_consistency(smaller->size, &smaller->root, larger->size, &larger->root,
                                        proof->path, proof->count) == CAIRN_OK)
        return CAIRN_OK;
    CAIRN_TRY(cairn_merkle_source_root(tiles, smaller->size, &proof->other));
    if (cairn_hash_equal(&proof->other, &smaller->root))
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, clause, "tiles: do not lead to the checkpoint");
    return cairn_merkle_verify_consistency(smaller->size, &proof->other, larger->size,
                                           &larger->root, proof->path, proof->count);
}

cairn_err cairn_follow_head_compare(const cairn_follow_head *smaller,
                                    const cairn_follow_head *larger,
                                    const cairn_merkle_source *tiles, bool *ret_fork,
                                    cairn_follow_proof *ret_proof)
{
    cairn_follow_proof proof = {.count = 0};
    CAIRN_TRY(prove(smaller, larger, tiles, &proof));
    *ret_fork = !cairn_hash_equal(&proof.other, &smaller->root);
    if (*ret_fork)
        *ret_proof = proof;
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
