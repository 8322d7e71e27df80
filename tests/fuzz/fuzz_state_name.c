/* Names of state keys: what is taken has a raw name that means the same key. */
#include "fuzz/fuzz.h"

#include "node/api/state_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_map_id map;
    cairn_map_id map_again;
    cairn_state_key key;
    cairn_state_key again;
    char name[CAIRN_STATE_NAME_SIZE];
    if (cairn_state_name_parse(cairn_bytes_of(data, size), &map, &key) != CAIRN_OK)
        return 0;
    cairn_state_name_raw(map, cairn_state_key_view(&key), name);
    CAIRN_ASSERT(cairn_state_name_parse(cairn_bytes_str(name), &map_again, &again) == CAIRN_OK);
    CAIRN_ASSERT(map_again == map);
    CAIRN_ASSERT(cairn_bytes_equal(cairn_state_key_view(&key), cairn_state_key_view(&again)));
    return 0;
}
