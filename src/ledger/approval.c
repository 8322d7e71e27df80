/* Codec of the approval record. */
#include "ledger/approval.h"

#include "cairn/cbor.h"
#include "cairn/sha256.h"

static const char clause[] = "docs/formats/block-entry.md";

static cairn_err read_orgs(cairn_cbor_reader *r, const char *field, cairn_member_list *ret_list)
{
    CAIRN_TRY(cairn_cbor_read_array(r, field, 0, CAIRN_MEMBERS_MAX, &ret_list->count));
    for (size_t i = 0; i < ret_list->count; i++)
        CAIRN_TRY(cairn_cbor_read_hash(r, field, &ret_list->orgs[i]));
    return CAIRN_OK;
}

static void put_orgs(cairn_cbor_writer *w, const cairn_member_list *list)
{
    cairn_cbor_put_array(w, list->count);
    for (size_t i = 0; i < list->count; i++)
        cairn_cbor_put_hash(w, &list->orgs[i]);
}

static cairn_err read_code(cairn_cbor_reader *r, cairn_cbor_map *map, cairn_approval *approval)
{
    bool present = false;
    uint64_t code = 0;
    CAIRN_TRY(cairn_cbor_optional_key(r, map, 9, &present));
    if (present)
        CAIRN_TRY(cairn_cbor_read_uint(r, "code", 1, INT16_MAX, &code));
    approval->code = -(cairn_err)code;
    return CAIRN_OK;
}

cairn_err cairn_approval_decode(cairn_bytes in, cairn_approval *ret_approval)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    cairn_approval a = {0};
    uint64_t type = 0;
    uint64_t status = 0;
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "approval", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "approval", &map));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 1, "act.type"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "act.type", 1, UINT16_MAX, &type));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 2, "act.body"));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "act.body", 1, CAIRN_ACT_BODY_SIZE_MAX, &a.act_body));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 3, "proposer"));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "proposer", &a.proposer));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 4, "electors"));
    CAIRN_TRY(read_orgs(&r, "electors", &a.electors));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 5, "threshold"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "threshold", 1, CAIRN_MEMBERS_MAX, &a.threshold));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 6, "expires"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "expires", 1, CAIRN_TIME_MAX_MS, &a.expires_ms));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 7, "approvers"));
    CAIRN_TRY(read_orgs(&r, "approvers", &a.approvers));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 8, "status"));
    CAIRN_TRY(
        cairn_cbor_read_uint(&r, "status", CAIRN_APPROVAL_OPEN, CAIRN_APPROVAL_FAILED, &status));
    CAIRN_TRY(read_code(&r, &map, &a));
    CAIRN_TRY(cairn_cbor_end_map(&r, &map));
    CAIRN_TRY(cairn_cbor_end(&r));
    a.act_type = (uint16_t)type;
    a.status = (cairn_approval_status)status;
    *ret_approval = a;
    return CAIRN_OK;
}

cairn_err cairn_approval_encode(cairn_arena *arena, const cairn_approval *approval,
                                cairn_bytes *ret_encoded)
{
    size_t capacity =
        160 + approval->act_body.size + 34 * (approval->electors.count + approval->approvers.count);
    void *buffer = NULL;
    cairn_cbor_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &buffer));
    cairn_cbor_writer_init(&w, buffer, capacity);
    cairn_cbor_put_map(&w, 8u + (approval->code != CAIRN_OK));
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_uint(&w, approval->act_type);
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_bytes(&w, approval->act_body);
    cairn_cbor_put_int(&w, 3);
    cairn_cbor_put_hash(&w, &approval->proposer);
    cairn_cbor_put_int(&w, 4);
    put_orgs(&w, &approval->electors);
    cairn_cbor_put_int(&w, 5);
    cairn_cbor_put_uint(&w, approval->threshold);
    cairn_cbor_put_int(&w, 6);
    cairn_cbor_put_uint(&w, approval->expires_ms);
    cairn_cbor_put_int(&w, 7);
    put_orgs(&w, &approval->approvers);
    cairn_cbor_put_int(&w, 8);
    cairn_cbor_put_uint(&w, (uint64_t)approval->status);
    if (approval->code != CAIRN_OK) {
        cairn_cbor_put_int(&w, 9);
        cairn_cbor_put_uint(&w, (uint64_t)-approval->code);
    }
    return cairn_cbor_writer_end(&w, ret_encoded);
}

cairn_err cairn_approval_get(const cairn_state_source *state, cairn_arena *arena,
                             const cairn_hash *id, cairn_approval *ret_approval)
{
    cairn_state_key key;
    cairn_bytes value;
    cairn_state_key_make(&key, "approval/", cairn_bytes_hash(id));
    CAIRN_TRY(cairn_state_get(state, CAIRN_MAP_STATE, cairn_state_key_view(&key), arena, &value));
    return cairn_approval_decode(value, ret_approval);
}

void cairn_act_hash(uint16_t type, cairn_bytes body, cairn_hash *ret_hash)
{
    uint8_t head[32];
    cairn_cbor_writer w;
    cairn_cbor_writer_init(&w, head, sizeof head);
    cairn_cbor_put_array(&w, 3);
    cairn_cbor_put_text(&w, "cairn/act/1");
    cairn_cbor_put_uint(&w, type);
    size_t before = w.size;
    cairn_cbor_put_uint(&w, body.size); /* becomes the head of a byte string */
    head[before] |= 0x40;
    const cairn_bytes parts[] = {cairn_bytes_of(head, w.size), body};
    cairn_sha256_parts(parts, 2, ret_hash);
}
