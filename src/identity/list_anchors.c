/* Anchors of status lists: which bytes are the list, which version, and for how long. */
#include "cairn/sha256.h"
#include "identity/acts.h"

static const char clause[] = CAIRN_IDENTITY_CLAUSE;
static const char prefix[] = "list/";

enum { LIST_KEY_SIZE = 64 };

void cairn_list_id(cairn_bytes uri, cairn_hash *ret_list)
{
    const cairn_bytes parts[] = {cairn_bytes_str("cairn/list/1"), uri};
    cairn_sha256_parts(parts, 2, ret_list);
}

/* An organisation has lists of its own: nobody takes another's name from it. */
static cairn_bytes list_key(const cairn_hash *org, const cairn_hash *list,
                            uint8_t out[LIST_KEY_SIZE])
{
    memcpy(out, org->b, 32);
    memcpy(out + 32, list->b, 32);
    return cairn_bytes_of(out, LIST_KEY_SIZE);
}

#define ANCHOR_FIELD(name, kind, member, min, max)                                            \
    {                                                                                         \
        name, CAIRN_SCHEMA_##kind, offsetof(cairn_list_anchor, member), min, max, false, NULL \
    }

static const cairn_schema_field record_fields[] = {
    ANCHOR_FIELD("format", UINT, format, CAIRN_LIST_BITSTRING, CAIRN_LIST_CRL),
    ANCHOR_FIELD("hash", HASH, hash, 0, 0),
    ANCHOR_FIELD("version", UINT, version, 1, INT64_MAX),
    ANCHOR_FIELD("expires", UINT, expires_ms, 1, CAIRN_TIME_MAX_MS),
    ANCHOR_FIELD("height", UINT, height, 0, INT64_MAX),
};
static const cairn_schema record_schema = CAIRN_SCHEMA_OF(cairn_list_anchor, record_fields);

cairn_err cairn_list_record_decode(cairn_arena *arena, cairn_bytes in,
                                   cairn_list_anchor *ret_anchor)
{
    void *record = NULL;
    CAIRN_TRY(cairn_schema_decode(arena, &record_schema, in, "list", clause, &record));
    memcpy(ret_anchor, record, sizeof *ret_anchor);
    return CAIRN_OK;
}

cairn_err cairn_list_anchor_get(const cairn_state_source *state, cairn_arena *arena,
                                const cairn_hash *org, const cairn_hash *list,
                                cairn_list_anchor *ret_anchor)
{
    uint8_t key[LIST_KEY_SIZE];
    void *record = NULL;
    CAIRN_TRY(cairn_identity_load(state, arena, prefix, list_key(org, list, key), &record_schema,
                                  &record));
    memcpy(ret_anchor, record, sizeof *ret_anchor);
    return CAIRN_OK;
}

cairn_err cairn_list_anchor_check(const cairn_list_anchor *anchor, cairn_bytes served,
                                  uint64_t now_ms)
{
    cairn_hash hash;
    cairn_sha256_of(served.data, served.size, &hash);
    if (!cairn_hash_equal(&hash, &anchor->hash)) /* [X1353-R51] */
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "list: is not the one that is anchored");
    if (now_ms >= anchor->expires_ms)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, clause, "list.expires: has passed");
    return CAIRN_OK;
}

/* --- identity.list.anchor --- */

typedef struct anchor_act {
    cairn_hash list;
    uint64_t format;
    cairn_hash hash;
    uint64_t version;
    uint64_t expires_ms;
} anchor_act;

static const cairn_schema_field anchor_fields[] = {
    {"list", CAIRN_SCHEMA_HASH, offsetof(anchor_act, list), 0, 0, false, NULL},
    {"format", CAIRN_SCHEMA_UINT, offsetof(anchor_act, format), CAIRN_LIST_BITSTRING,
     CAIRN_LIST_CRL, false, NULL},
    {"hash", CAIRN_SCHEMA_HASH, offsetof(anchor_act, hash), 0, 0, false, NULL},
    {"version", CAIRN_SCHEMA_UINT, offsetof(anchor_act, version), 1, INT64_MAX, false, NULL},
    {"expires", CAIRN_SCHEMA_UINT, offsetof(anchor_act, expires_ms), 1, CAIRN_TIME_MAX_MS, false,
     NULL},
};
static const cairn_schema anchor_schema = CAIRN_SCHEMA_OF(anchor_act, anchor_fields);

cairn_err cairn_list_anchor_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return cairn_schema_read(arena, &anchor_schema, r, ret_act);
}

/* The version counts up and the format stays. */
static cairn_err check_follows(cairn_apply *apply, const anchor_act *act)
{
    cairn_list_anchor before = {0};
    cairn_err err = cairn_list_anchor_get(cairn_apply_state(apply), cairn_apply_arena(apply),
                                          cairn_apply_org(apply), &act->list, &before);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    if (act->version != before.version + 1)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_VERSION, clause, "list.version: %llu is anchored",
                          (unsigned long long)before.version);
    if (err == CAIRN_OK && act->format != before.format)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "list.format: another one is anchored");
    return CAIRN_OK;
}

cairn_err cairn_list_anchor_apply(cairn_apply *apply, const void *data)
{
    const anchor_act *act = data;
    uint64_t now = cairn_apply_time_ms(apply);
    uint8_t key[LIST_KEY_SIZE];
    cairn_bytes suffix = list_key(cairn_apply_org(apply), &act->list, key);
    if (act->expires_ms <= now || act->expires_ms - now > CAIRN_LIST_LIFETIME_MAX_MS)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "list.expires: not within the allowed lifetime");
    CAIRN_TRY(check_follows(apply, act));
    const cairn_list_anchor anchor = {.format = act->format,
                                      .hash = act->hash,
                                      .version = act->version,
                                      .expires_ms = act->expires_ms,
                                      .height = cairn_apply_height(apply)};
    CAIRN_TRY(cairn_identity_store(apply, prefix, suffix, &record_schema, &anchor));
    return cairn_apply_emit(apply, CAIRN_EVENT_LIST, suffix);
}

cairn_err cairn_list_anchor_body(cairn_arena *arena, const cairn_hash *list,
                                 cairn_list_format format, const cairn_hash *hash, uint64_t version,
                                 uint64_t expires_ms, cairn_bytes *ret_body)
{
    const anchor_act act = {.list = *list,
                            .format = (uint64_t)format,
                            .hash = *hash,
                            .version = version,
                            .expires_ms = expires_ms};
    return cairn_schema_encode(arena, &anchor_schema, &act, ret_body);
}
