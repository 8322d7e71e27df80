/* The directory of TLS keys: what the newest view of a ledger says. */
#include "ledger/registry.h"
#include "node/auth/auth.h"

static cairn_err get(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                     cairn_bytes *ret_value)
{
    return cairn_engine_get_newest(context, map, key, arena, ret_value);
}

/* Valid for what the next block would hold: a key that the last block ended is over at once. */
static bool is_valid(const cairn_key_record *key, uint64_t height)
{
    return height + 1 >= key->since && height + 1 < key->until;
}

static uint64_t newest_height(cairn_engine *engine)
{
    cairn_view *view = cairn_engine_view(engine);
    uint64_t height = view->height;
    cairn_view_free(view);
    return height;
}

cairn_err cairn_auth_key_party(cairn_engine *engine, const cairn_hash *kid, cairn_purpose purpose,
                               cairn_auth_party *ret_party)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    const cairn_state_source state = {.context = engine, .get = get};
    cairn_key_record key;
    cairn_org_record org;
    cairn_arena_init(&arena, 1 << 18);
    CAIRN_TRY(cairn_registry_key(&state, &arena, kid, &key));
    if (key.purpose != purpose || !is_valid(&key, newest_height(engine)))
        return CAIRN_ERR_NOT_FOUND;
    CAIRN_TRY(cairn_registry_org(&state, &arena, &key.org, &org));
    *ret_party = (cairn_auth_party){
        .organisation = key.org, .active = org.status == CAIRN_ORG_ACTIVE, .roles = org.roles};
    return CAIRN_OK;
}

cairn_err cairn_auth_party_of(cairn_engine *engine, const cairn_hash *organisation,
                              cairn_auth_party *ret_party)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    const cairn_state_source state = {.context = engine, .get = get};
    cairn_org_record org;
    cairn_arena_init(&arena, 1 << 18);
    CAIRN_TRY(cairn_registry_org(&state, &arena, organisation, &org));
    *ret_party = (cairn_auth_party){.organisation = *organisation,
                                    .active = org.status == CAIRN_ORG_ACTIVE,
                                    .roles = org.roles};
    return CAIRN_OK;
}

static cairn_err tls_key(void *context, const cairn_hash *kid, cairn_auth_party *ret_party)
{
    return cairn_auth_key_party(context, kid, CAIRN_PURPOSE_TLS, ret_party);
}

static cairn_err party(void *context, const cairn_hash *organisation, cairn_auth_party *ret_party)
{
    return cairn_auth_party_of(context, organisation, ret_party);
}

cairn_auth_directory cairn_auth_directory_of(cairn_engine *engine)
{
    return (cairn_auth_directory){.context = engine, .tls_key = tls_key, .party = party};
}
