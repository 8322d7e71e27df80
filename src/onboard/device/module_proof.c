/* x.proof: the device asks what the ledger says of the owner, and takes nobody of whom it does not
 * speak well. Bytes: docs/formats/device.md, docs/formats/ledger-word.md. [X1353-R18] */
#include <stdlib.h>

#include "onboard/device/module_join.h"

static const char name_[] = "x.proof";
static const char clause[] = "docs/formats/device.md";

enum { ARENA_SIZE = 256 << 10 }; /* most that a word and a trust file may take; few KiB are usual */

typedef struct proof {
    module_join *join;
    module_object object;
    bool ask; /* what is wanted is still to be said */
} proof;

static const cairn_fdo_client_join *settings(const proof *p)
{
    return p->join->config->join;
}

static void begin(void *context, const cairn_fdo_client_run_facts *facts)
{
    proof *p = context;
    cairn_info_object_drop(&p->object);
    cairn_info_join_forget_keys(p->join);
    p->join->facts = facts;
    p->ask = false;
}

static void activate(void *context)
{
    proof *p = context;
    cairn_info_object_drop(&p->object);
    p->ask = true;
}

/* [ledger, whether the run's nonce must be anchored] */
typedef struct wanted {
    cairn_hash ledger;
    bool needs_nonce;
} wanted;

static void put_wanted(cairn_cbor_writer *w, const void *context)
{
    const wanted *want = context;
    cairn_cbor_put_array(w, 2);
    cairn_cbor_put_hash(w, &want->ledger);
    cairn_cbor_put_bool(w, want->needs_nonce);
}

static cairn_err open_trust(const proof *p, cairn_arena *arena, cairn_trust *ret_trust)
{
    return cairn_trust_decode(arena, settings(p)->trust, ret_trust);
}

static cairn_err give(void *context, cairn_arena *arena, size_t room,
                      cairn_fdo_client_info *ret_info, bool *ret_given)
{
    proof *p = context;
    cairn_arena scratch;
    cairn_trust trust = {0};
    *ret_given = p->ask;
    if (!p->ask)
        return CAIRN_OK;
    cairn_arena_init(&scratch, ARENA_SIZE);
    cairn_err err = open_trust(p, &scratch, &trust);
    wanted want = {.ledger = trust.ledger, .needs_nonce = settings(p)->time_ms == NULL};
    if (err == CAIRN_OK)
        err = cairn_fdo_encode(arena, put_wanted, &want, &ret_info->value);
    cairn_trust_done(&trust);
    cairn_arena_done(&scratch);
    if (err == CAIRN_OK && ret_info->value.size > room)
        err = CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "x.proof: the owner takes %zu bytes", room);
    ret_info->name = cairn_bytes_str("wanted");
    p->ask = false;
    return err;
}

/* The operator's sign keys, for his profile. */
static cairn_err keep_keys(proof *p, cairn_arena *arena, const cairn_ledger_word *word,
                           const cairn_hash *operator)
{
    static const char prefix[] = "key/";
    module_join *join = p->join;
    for (size_t i = 0; i < word->count; i++) {
        cairn_bytes key = word->records[i].key;
        cairn_hash kid;
        if (key.size != strlen(prefix) + sizeof kid || memcmp(key.data, prefix, 4) != 0)
            continue;
        memcpy(kid.b, key.data + strlen(prefix), sizeof kid);
        CAIRN_TRY(
            cairn_ledger_word_key(arena, word, operator, & kid, &join->keys[join->key_count]));
        join->key_count++;
    }
    return CAIRN_OK;
}

static cairn_err check(proof *p, cairn_arena *arena)
{
    const cairn_fdo_client_join *join = settings(p);
    const cairn_fdo_client_run_facts *run = p->join->facts;
    cairn_ledger_word *word = NULL;
    cairn_ledger_word_verdict verdict;
    cairn_trust trust = {0};
    cairn_ledger_word_facts facts = {
        .guid = run->guid, .owner_key = run->owner_key, .age_max_ms = join->age_max_ms};
    if (join->time_ms != NULL)
        facts.time_ms = join->time_ms(join->time_context);
    else
        facts.setup = &run->setup_nonce; /* [X1353-R21] */
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &word));
    CAIRN_TRY(
        cairn_ledger_word_decode(arena, cairn_bytes_of(p->object.data, p->object.size), word));
    CAIRN_TRY(open_trust(p, arena, &trust));
    cairn_err err = cairn_ledger_word_verify(arena, word, &trust, &facts, &verdict);
    cairn_trust_done(&trust);
    CAIRN_TRY(err);
    cairn_info_join_forget_keys(p->join);
    if (verdict.has_contract)
        CAIRN_TRY(keep_keys(p, arena, word, &verdict.contract.operator));
    p->join->has_contract = verdict.has_contract;
    p->join->proved = true;
    return CAIRN_OK;
}

static cairn_err take(void *context, cairn_bytes name, cairn_bytes value)
{
    proof *p = context;
    cairn_arena arena;
    CAIRN_TRY(cairn_info_object_take(&p->object, name_, name, value));
    if (!p->object.whole)
        return CAIRN_OK;
    cairn_arena_init(&arena, ARENA_SIZE);
    cairn_err err = check(p, &arena);
    cairn_arena_done(&arena);
    cairn_info_object_drop(&p->object);
    return err;
}

static cairn_err commit(void *context)
{
    const proof *p = context;
    if (settings(p)->required && !p->join->proved)
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, clause,
                          "x.proof: the owner did not show the ledger's word");
    return CAIRN_OK;
}

static void drop(void *context)
{
    proof *p = context;
    cairn_info_object_drop(&p->object);
    cairn_info_join_forget_keys(p->join);
    p->join->facts = NULL;
    p->ask = false;
}

static void free_state(void *state)
{
    proof *p = state;
    cairn_info_object_drop(&p->object);
    cairn_info_join_release(p->join);
    free(p);
}

cairn_err cairn_info_proof_open(module_join *join, module_slot *slot)
{
    proof *p = calloc(1, sizeof *p);
    if (p == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "x.proof");
    p->join = join;
    p->object.size_max = CAIRN_LEDGER_WORD_SIZE_MAX;
    join->users++;
    *slot = (module_slot){
        .module = {.name = name_,
                   .context = p,
                   .begin = begin,
                   .activate = activate,
                   .take = take,
                   .give = give,
                   .commit = commit,
                   .drop = drop},
        .free_state = free_state,
    };
    return CAIRN_OK;
}
