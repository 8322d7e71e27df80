/* Transfer: a voucher's entry moves the head. What every validator checks is what a device will:
 * the chain has one head, so a voucher that is sold twice is sold once. */
#include "onboard/acts.h"
#include "onboard/wire/voucher.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;

typedef struct transfer_act {
    cairn_schema_list rows; /* of cairn_device_sale */
    cairn_bytes public_key;
} transfer_act;

static const cairn_schema_field row_fields[] = {
    {"index", CAIRN_SCHEMA_HASH, offsetof(cairn_device_sale, index), 0, 0, false, NULL},
    {"version", CAIRN_SCHEMA_UINT, offsetof(cairn_device_sale, version), 1, INT64_MAX - 1, false,
     NULL},
    {"entry", CAIRN_SCHEMA_BYTES, offsetof(cairn_device_sale, entry), 1,
     CAIRN_DEVICE_ENTRY_SIZE_MAX, false, NULL},
    {"party", CAIRN_SCHEMA_HASH, offsetof(cairn_device_sale, party), 0, 0, false, NULL},
};
static const cairn_schema row_schema = CAIRN_SCHEMA_OF(cairn_device_sale, row_fields);
static const cairn_schema_field fields[] = {
    {"devices", CAIRN_SCHEMA_LIST, offsetof(transfer_act, rows), 1, CAIRN_DEVICES_PER_TX_MAX, false,
     &row_schema},
    {"public_key", CAIRN_SCHEMA_BYTES, offsetof(transfer_act, public_key), 1,
     CAIRN_DEVICE_OWNER_KEY_SIZE_MAX, false, NULL},
};
static const cairn_schema schema = CAIRN_SCHEMA_OF(transfer_act, fields);

/* Whom the sale needs beside the head owner's key: the owner of one that is claimed, and of one
 * that was never sold a manufacturer in good standing. [X1353-R23] */
static cairn_err admit_row(cairn_apply *apply, const void *act, const cairn_device *device)
{
    (void)act;
    if (device->state != CAIRN_DEVICE_REGISTERED)
        return CAIRN_OK;
    return cairn_onboard_check_org(cairn_apply_state(apply), cairn_apply_arena(apply),
                                   &device->manufacturer, 0);
}

/* An entry that says nothing but what a sale needs. [X1353-R25] */
static cairn_err read_entry(cairn_bytes encoded, cairn_fdo_entry *ret_entry)
{
    CAIRN_CLEANUP(cairn_fdo_entry_done) cairn_fdo_entry entry = {0};
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *next = NULL;
    CAIRN_TRY(cairn_fdo_entry_read(encoded, &entry));
    if (entry.extra.size > 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "device.entry: with nothing extra");
    CAIRN_TRY(cairn_device_check_bare(&entry.message));
    CAIRN_TRY(cairn_device_read_owner_key(cairn_fdo_key_encoded(entry.owner), &next));
    *ret_entry = entry;
    entry.owner = NULL;
    return CAIRN_OK;
}

static void to_fdo_hash(cairn_bytes in, cairn_fdo_hash *ret_hash)
{
    *ret_hash = (cairn_fdo_hash){.alg = in.size == 32 ? CAIRN_FDO_SHA256 : CAIRN_FDO_SHA384,
                                 .size = in.size};
    memcpy(ret_hash->b, in.data, in.size);
}

/* [X1353-R07] [X1353-R09] */
static cairn_err advance(cairn_arena *arena, cairn_bytes public_key, cairn_bytes encoded,
                         cairn_device *device)
{
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    CAIRN_CLEANUP(cairn_fdo_entry_done) cairn_fdo_entry entry = {0};
    cairn_fdo_hash info;
    cairn_bytes hash = {0};
    if (device->entry_count == CAIRN_FDO_ENTRIES_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "device.entries: at most %d",
                          CAIRN_FDO_ENTRIES_MAX);
    CAIRN_TRY(cairn_device_check_owner_key(device, public_key));
    CAIRN_TRY(cairn_device_read_owner_key(public_key, &head.owner));
    to_fdo_hash(device->head, &head.hash);
    to_fdo_hash(device->header_info, &info);
    CAIRN_TRY(read_entry(encoded, &entry));
    CAIRN_TRY(cairn_fdo_head_advance_known(arena, &head, &info, &entry));
    CAIRN_TRY(cairn_arena_copy(arena, cairn_bytes_of(head.hash.b, head.hash.size), &hash));
    device->head = hash;
    device->entry_count++;
    cairn_device_owner_key(cairn_fdo_key_encoded(head.owner), &device->owner_key);
    return CAIRN_OK;
}

static cairn_err step(const cairn_device_saying *saying, const void *data, const void *data_row,
                      cairn_device *device)
{
    static const cairn_hash nobody;
    const transfer_act *act = data;
    const cairn_device_sale *row = data_row;
    CAIRN_TRY(cairn_device_move(device, CAIRN_DEVICE_TRANSFER));
    if (!cairn_hash_equal(&device->owner, &nobody))
        CAIRN_TRY(cairn_device_check_holder(saying, device));
    CAIRN_TRY(advance(saying->arena, act->public_key, row->entry, device));
    cairn_device_release(device);
    return CAIRN_OK;
}

const cairn_device_kind cairn_device_transfer_kind = {.type = CAIRN_TX_DEVICE_TRANSFER,
                                                      .name = "transfer",
                                                      .schema = &schema,
                                                      .admit_row = admit_row,
                                                      .step = step};

cairn_err cairn_device_transfer_body(cairn_arena *arena, cairn_device_sale *rows, size_t count,
                                     cairn_bytes public_key, cairn_bytes *ret_body)
{
    transfer_act act = {.rows = {.count = count, .rows = rows}, .public_key = public_key};
    return cairn_devices_body(arena, &cairn_device_transfer_kind, &act, ret_body);
}
