/* The feature's records in the state: written and read by their schema. */
#include "onboard/acts.h"

cairn_err cairn_onboard_store(cairn_apply *apply, const char *prefix, cairn_bytes suffix,
                              const cairn_schema *schema, const void *record)
{
    cairn_state_key key;
    cairn_bytes value;
    CAIRN_TRY(cairn_schema_encode(cairn_apply_arena(apply), schema, record, &value));
    cairn_state_key_make(&key, prefix, suffix);
    return cairn_apply_put(apply, CAIRN_MAP_STATE, &key, value.data, value.size);
}

cairn_err cairn_onboard_load(const cairn_state_source *state, cairn_arena *arena,
                             const char *prefix, cairn_bytes suffix, const cairn_schema *schema,
                             void **ret_record)
{
    cairn_state_key key;
    cairn_bytes value;
    cairn_state_key_make(&key, prefix, suffix);
    CAIRN_TRY(cairn_state_get(state, CAIRN_MAP_STATE, cairn_state_key_view(&key), arena, &value));
    return cairn_schema_decode(arena, schema, value, prefix, CAIRN_ONBOARD_CLAUSE, ret_record);
}
