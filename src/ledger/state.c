/* State keys. */
#include "ledger/state.h"

void cairn_state_key_make(cairn_state_key *ret_key, const char *prefix, cairn_bytes suffix)
{
    size_t head = strlen(prefix);
    CAIRN_ASSERT(head <= sizeof ret_key->data && suffix.size <= sizeof ret_key->data - head);
    memcpy(ret_key->data, prefix, head);
    if (suffix.size != 0)
        memcpy(ret_key->data + head, suffix.data, suffix.size);
    ret_key->size = head + suffix.size;
}
