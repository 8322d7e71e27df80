/* Names of roles. */
#include "ledger/roles.h"

static const char *const role_names[] = {
#define X(name, bit, text, doc) [bit] = (text),
    CAIRN_ROLE_LIST(X)
#undef X
};

enum { ROLE_COUNT = sizeof role_names / sizeof role_names[0] };

const char *cairn_role_name(uint32_t role)
{
    for (unsigned bit = 0; bit < ROLE_COUNT; bit++)
        if (role == UINT32_C(1) << bit)
            return role_names[bit];
    return "unknown";
}

cairn_err cairn_role_find(cairn_bytes name, uint32_t *ret_role)
{
    for (unsigned bit = 0; bit < ROLE_COUNT; bit++)
        if (cairn_bytes_equal(name, cairn_bytes_str(role_names[bit]))) {
            *ret_role = UINT32_C(1) << bit;
            return CAIRN_OK;
        }
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "role: no such name");
}
