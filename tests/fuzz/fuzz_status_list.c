/* Status lists: compressed bytes, tokens and credentials of anybody's. What is taken is bounded,
 * and packs and unpacks to the same entries. */
#include "fuzz/fuzz.h"

#include "identity/status/status_form.h"
#include "identity/status/status_list.h"

static void check_list(cairn_arena *arena, const cairn_status_list *list)
{
    cairn_status_list again;
    cairn_bytes packed;
    unsigned value = 0;
    size_t count = cairn_status_list_count(list);
    CAIRN_ASSERT(list->size >= 1 && list->size <= CAIRN_STATUS_LIST_SIZE_MAX);
    CAIRN_ASSERT(cairn_status_list_get(list, count - 1, &value) == CAIRN_OK);
    CAIRN_ASSERT(value < 1u << list->bits);
    CAIRN_ASSERT(cairn_status_list_get(list, count, &value) == CAIRN_ERR_NOT_FOUND);
    if (list->size > 1 << 16) /* keeps a run short */
        return;
    CAIRN_ASSERT(cairn_status_list_pack(arena, list, &packed) == CAIRN_OK);
    CAIRN_ASSERT(cairn_status_list_unpack(arena, list->order, list->bits, packed, &again) ==
                 CAIRN_OK);
    CAIRN_ASSERT(again.size == list->size && memcmp(again.data, list->data, list->size) == 0);
}

/* The same as JWTs, and as an Accept header. */
static void check_jwt(cairn_arena *arena, cairn_bytes in)
{
    cairn_status_form form = (cairn_status_form)0;
    cairn_status_token token;
    cairn_status_credential credential;
    cairn_status_list list;
    cairn_bytes json;
    char kid[64];
    if (cairn_status_form_guess(in, &form) == CAIRN_OK)
        CAIRN_ASSERT(form >= 1 && form <= CAIRN_STATUS_FORM_LAST);
    if (cairn_status_jwt_decode(arena, in, &token) == CAIRN_OK) {
        CAIRN_ASSERT(form == CAIRN_STATUS_FORM_TOKEN_JWT && token.uri.size > 0);
        if (cairn_status_token_unpack(arena, &token, &list) == CAIRN_OK)
            check_list(arena, &list);
    }
    if (cairn_status_credential_jwt_decode(arena, in, kid, sizeof kid, &json) == CAIRN_OK &&
        cairn_status_credential_decode(arena, json, &credential, &list) == CAIRN_OK)
        check_list(arena, &list);
    if (cairn_status_form_accept(CAIRN_LIST_TOKEN, in, &form) == CAIRN_OK)
        CAIRN_ASSERT(cairn_status_form_format(form) == CAIRN_LIST_TOKEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_bytes in = cairn_bytes_of(data, size);
    cairn_arena arena;
    cairn_status_list list;
    cairn_status_token token;
    cairn_status_credential credential;
    cairn_arena_init(&arena, 1 << 20);
    if (cairn_status_list_unpack(&arena, CAIRN_STATUS_TOKEN_ORDER, 2, in, &list) == CAIRN_OK)
        check_list(&arena, &list);
    if (cairn_status_list_unpack(&arena, CAIRN_STATUS_BITSTRING_ORDER, 1, in, &list) == CAIRN_OK)
        check_list(&arena, &list);
    if (cairn_status_token_decode(in, &token) == CAIRN_OK &&
        cairn_status_list_unpack(&arena, CAIRN_STATUS_TOKEN_ORDER, token.bits, token.packed,
                                 &list) == CAIRN_OK)
        check_list(&arena, &list);
    if (cairn_status_credential_decode(&arena, in, &credential, &list) == CAIRN_OK)
        check_list(&arena, &list);
    check_jwt(&arena, in);
    cairn_arena_done(&arena);
    return 0;
}
