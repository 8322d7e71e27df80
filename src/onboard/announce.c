/* Announcement: the owner says where the device finds him, as a commitment to the to1d that his
 * rendezvous gives. */
#include "onboard/acts.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;

typedef struct announce_act {
    cairn_schema_list rows; /* of cairn_device_place */
    uint64_t expires_ms;
} announce_act;

static const cairn_schema_field row_fields[] = {
    {"index", CAIRN_SCHEMA_HASH, offsetof(cairn_device_place, index), 0, 0, false, NULL},
    {"version", CAIRN_SCHEMA_UINT, offsetof(cairn_device_place, version), 1, INT64_MAX - 1, false,
     NULL},
    {"rendezvous", CAIRN_SCHEMA_HASH, offsetof(cairn_device_place, commitment), 0, 0, false, NULL},
};
static const cairn_schema row_schema = CAIRN_SCHEMA_OF(cairn_device_place, row_fields);
static const cairn_schema_field fields[] = {
    {"devices", CAIRN_SCHEMA_LIST, offsetof(announce_act, rows), 1, CAIRN_DEVICES_PER_TX_MAX, false,
     &row_schema},
    {"expires", CAIRN_SCHEMA_UINT, offsetof(announce_act, expires_ms), 1, CAIRN_TIME_MAX_MS, false,
     NULL},
};
static const cairn_schema schema = CAIRN_SCHEMA_OF(announce_act, fields);

static cairn_err admit(cairn_apply *apply, const cairn_device_saying *saying, const void *data)
{
    const announce_act *act = data;
    (void)apply;
    if (act->expires_ms <= saying->time_ms ||
        act->expires_ms - saying->time_ms > CAIRN_RENDEZVOUS_LIFETIME_MAX_MS)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "rendezvous.expires: not within the allowed lifetime");
    return CAIRN_OK;
}

static cairn_err step(const cairn_device_saying *saying, const void *data, const void *data_row,
                      cairn_device *device)
{
    const announce_act *act = data;
    const cairn_device_place *row = data_row;
    CAIRN_TRY(cairn_device_move(device, CAIRN_DEVICE_ANNOUNCE));
    CAIRN_TRY(cairn_device_check_holder(saying, device));
    device->rendezvous = row->commitment;
    device->rendezvous_expires_ms = act->expires_ms;
    return CAIRN_OK;
}

const cairn_device_kind cairn_device_announce_kind = {.type = CAIRN_TX_DEVICE_ANNOUNCE,
                                                      .name = "announce",
                                                      .schema = &schema,
                                                      .admit = admit,
                                                      .step = step};

cairn_err cairn_device_announce_body(cairn_arena *arena, cairn_device_place *rows, size_t count,
                                     uint64_t expires_ms, cairn_bytes *ret_body)
{
    announce_act act = {.rows = {.count = count, .rows = rows}, .expires_ms = expires_ms};
    return cairn_devices_body(arena, &cairn_device_announce_kind, &act, ret_body);
}
