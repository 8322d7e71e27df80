/* Keys of CAs that are elsewhere: what the ledger knows of them. */
#include "identity/ca/ca_x509.h"
#include "identity/identity.h"

enum { ARENA_LIMIT = 1 << 18 };

static cairn_err read_key(const cairn_state_source *state, cairn_arena *arena,
                          const cairn_hash *kid, cairn_key **ret_key)
{
    cairn_key_record record;
    CAIRN_TRY(cairn_registry_key(state, arena, kid, &record));
    if (record.purpose != CAIRN_PURPOSE_ISSUE)
        return CAIRN_ERR_NOT_FOUND;
    return cairn_key_from_cose(record.cose_key, ret_key);
}

static bool has_id(const cairn_key *key, cairn_bytes key_id)
{
    uint8_t id[CAIRN_CA_KEY_ID_SIZE];
    cairn_ca_key_id(key, id);
    return cairn_bytes_equal(key_id, cairn_bytes_of(id, sizeof id));
}

/* The newest first: it is the one that issues. */
static cairn_err find_key(const cairn_state_source *state, cairn_arena *arena,
                          const cairn_hash *org, cairn_bytes key_id, cairn_key **ret_key)
{
    cairn_org_record record;
    CAIRN_TRY(cairn_registry_org(state, arena, org, &record));
    for (size_t i = record.kid_count; i > 0; i--) {
        cairn_key *key = NULL;
        cairn_err err = read_key(state, arena, &record.kids[i - 1], &key);
        if (err == CAIRN_OK && has_id(key, key_id)) {
            *ret_key = key;
            return CAIRN_OK;
        }
        cairn_key_free(key);
        if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
            return err;
    }
    return CAIRN_ERR_NOT_FOUND;
}

cairn_err cairn_ca_registered_key(const cairn_state_source *state, const cairn_hash *org,
                                  cairn_bytes key_id, cairn_key **ret_key)
{
    cairn_arena arena;
    cairn_arena_init(&arena, ARENA_LIMIT);
    cairn_err err = find_key(state, &arena, org, key_id, ret_key);
    cairn_arena_done(&arena);
    return err;
}
