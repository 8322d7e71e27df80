/* Keys of the signer that the ledger knows. */
#include "node/node_keys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_SIZE_MAX = 4 << 20 };

typedef struct row {
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_key *public_key; /* a reference */
    cairn_purpose purpose;
    size_t place; /* in the organisation's record */
} row;

typedef struct list {
    cairn_hash org;
    size_t count;
    row *rows; /* rising by place */
} list;

struct cairn_node_keys {
    cairn_signer *signer;
    cairn_engine *engine;
    bool none;                /* is no failure */
    _Atomic uint64_t version; /* of the registry that was looked at last */
    pthread_rwlock_t lock;    /* guards what follows */
    list list;
    cairn_hash org;
};

static cairn_err get_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                           cairn_bytes *ret_value)
{
    return cairn_engine_get_newest(context, map, key, arena, ret_value);
}

static cairn_state_source state_of(cairn_engine *engine)
{
    return (cairn_state_source){.context = engine, .get = get_state};
}

static void free_list(list *l)
{
    for (size_t i = 0; i < l->count; i++)
        cairn_key_free(l->rows[i].public_key);
    free(l->rows);
    *l = (list){0};
}

static uint64_t newest_version(cairn_engine *engine)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    return view->rules.registry_version;
}

typedef struct loading {
    cairn_state_source state;
    cairn_arena *arena;
    list list;
} loading;

static cairn_err take_key(void *context, const char *name, const cairn_key *public_key)
{
    loading *l = context;
    cairn_key_record record;
    cairn_err err = cairn_registry_key(&l->state, l->arena, cairn_key_id(public_key), &record);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK; /* of another use, such as a TLS certificate's */
    CAIRN_TRY(err);
    l->list.org = record.org;
    if (cairn_signer_purpose_of(name) != 1u << record.purpose)
        return CAIRN_OK; /* its holder would not sign with it: docs/formats/keys.md */
    row *grown = realloc(l->list.rows, (l->list.count + 1) * sizeof *grown);
    if (grown == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: keys");
    l->list.rows = grown;
    row *r = &grown[l->list.count];
    *r = (row){.purpose = record.purpose};
    CAIRN_TRY(cairn_key_from_cose(record.cose_key, &r->public_key));
    (void)snprintf(r->name, sizeof r->name, "%s", name);
    l->list.count++;
    return CAIRN_OK;
}

static int by_place(const void *a, const void *b)
{
    size_t left = ((const row *)a)->place;
    size_t right = ((const row *)b)->place;
    return left < right ? -1 : left > right;
}

/* Into the order of their registration, which the organisation's record has. */
static cairn_err sort(loading *l)
{
    cairn_org_record org;
    CAIRN_TRY(cairn_registry_org(&l->state, l->arena, &l->list.org, &org));
    for (size_t i = 0; i < l->list.count; i++) {
        row *r = &l->list.rows[i];
        const cairn_hash *kid = cairn_key_id(r->public_key);
        while (r->place < org.kid_count && !cairn_hash_equal(&org.kids[r->place], kid))
            r->place++;
    }
    qsort(l->list.rows, l->list.count, sizeof l->list.rows[0], by_place);
    return CAIRN_OK;
}

static cairn_err load(cairn_signer *signer, cairn_engine *engine, bool none, list *ret_list)
{
    cairn_arena arena;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    loading l = {.state = state_of(engine), .arena = &arena};
    cairn_err err = cairn_signer_each(signer, take_key, &l);
    if (err == CAIRN_OK && l.list.count == 0 && !none)
        err = CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house",
                         "no key of this directory is registered on its ledger by the purpose "
                         "that its name says");
    if (err == CAIRN_OK && l.list.count > 0)
        err = sort(&l);
    cairn_arena_done(&arena);
    if (err == CAIRN_OK)
        *ret_list = l.list;
    else
        free_list(&l.list);
    return err;
}

cairn_err cairn_node_keys_new(cairn_signer *signer, cairn_engine *engine, bool none,
                              cairn_node_keys **ret_keys)
{
    CAIRN_CLEANUP(cairn_node_keys_free_p) cairn_node_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: keys");
    keys->signer = signer;
    keys->engine = engine;
    keys->none = none;
    pthread_rwlock_init(&keys->lock, NULL);
    atomic_init(&keys->version,
                newest_version(engine)); /* before what is read, which may be newer */
    CAIRN_TRY(load(signer, engine, none, &keys->list));
    keys->org = keys->list.org;
    *ret_keys = CAIRN_STEAL(keys);
    return CAIRN_OK;
}

void cairn_node_keys_free(cairn_node_keys *keys)
{
    if (keys == NULL)
        return;
    free_list(&keys->list);
    pthread_rwlock_destroy(&keys->lock);
    free(keys);
}

bool cairn_node_keys_are_old(cairn_node_keys *keys)
{
    return atomic_load(&keys->version) != newest_version(keys->engine);
}

cairn_err cairn_node_keys_refresh(cairn_node_keys *keys, bool remote)
{
    uint64_t version = newest_version(keys->engine);
    cairn_err err = remote ? cairn_signer_remote_refresh(keys->signer) : CAIRN_OK;
    if (err == CAIRN_OK)
        err = cairn_node_keys_reload(keys);
    if (err != CAIRN_ERR_UNAVAILABLE)
        atomic_store(&keys->version, version);
    return err;
}

cairn_err cairn_node_keys_reload(cairn_node_keys *keys)
{
    list fresh;
    CAIRN_TRY(load(keys->signer, keys->engine, keys->none, &fresh));
    pthread_rwlock_wrlock(&keys->lock);
    list old = keys->list;
    keys->list = fresh;
    if (old.count == 0)
        keys->org = fresh.org;
    pthread_rwlock_unlock(&keys->lock);
    free_list(&old);
    return CAIRN_OK;
}

/* Does the ledger still take it for good? */
static bool is_open(const cairn_node_keys *keys, const cairn_hash *kid)
{
    cairn_state_source state = state_of(keys->engine);
    cairn_key_record record;
    cairn_arena arena;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    cairn_err err = cairn_registry_key(&state, &arena, kid, &record);
    cairn_arena_done(&arena);
    return err == CAIRN_OK && record.until == CAIRN_HEIGHT_OPEN;
}

cairn_err cairn_node_keys_find(cairn_node_keys *keys, cairn_purpose purpose, cairn_key_type type,
                               cairn_head_key *ret_key)
{
    bool found = false;
    pthread_rwlock_rdlock(&keys->lock);
    for (size_t i = keys->list.count; i > 0 && !found; i--) {
        const row *r = &keys->list.rows[i - 1];
        found = r->purpose == purpose && cairn_key_get_type(r->public_key) == type &&
                is_open(keys, cairn_key_id(r->public_key));
        if (found) {
            memcpy(ret_key->name, r->name, sizeof ret_key->name);
            ret_key->public_key = cairn_key_ref(r->public_key);
        }
    }
    pthread_rwlock_unlock(&keys->lock);
    if (found)
        return CAIRN_OK;
    return CAIRN_FAIL(cairn_node_keys_are_old(keys) ? CAIRN_ERR_UNAVAILABLE : CAIRN_ERR_NOT_FOUND,
                      "house", "node: no valid %s key", cairn_purpose_name(purpose));
}

cairn_hash cairn_node_keys_org(cairn_node_keys *keys)
{
    pthread_rwlock_rdlock(&keys->lock);
    cairn_hash org = keys->org;
    pthread_rwlock_unlock(&keys->lock);
    return org;
}
