/* What happens to a device and needs nothing but who says it; and the consortium's last word. */
#include "onboard/acts.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;

typedef struct event_act {
    cairn_schema_list rows; /* of cairn_device_row */
    uint64_t event;
} event_act;

static const cairn_schema_field fields[] = {
    {"devices", CAIRN_SCHEMA_LIST, offsetof(event_act, rows), 1, CAIRN_DEVICES_PER_TX_MAX, false,
     &cairn_device_row_schema},
    {"event", CAIRN_SCHEMA_UINT, offsetof(event_act, event), CAIRN_DEVICE_BEGIN,
     CAIRN_DEVICE_RETIRE, false, NULL},
};
static const cairn_schema schema = CAIRN_SCHEMA_OF(event_act, fields);

static cairn_err check(const void *data)
{
    const event_act *act = data;
    if (act->event == CAIRN_DEVICE_REPLACE)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "event: has an act of its own");
    return CAIRN_OK;
}

cairn_device_event cairn_device_event_of(const void *act)
{
    return (cairn_device_event)((const event_act *)act)->event;
}

/* [X1353-R10] A reset leaves nothing of the owner in the record. */
static cairn_err step(const cairn_device_saying *saying, const void *act, const void *row,
                      cairn_device *device)
{
    (void)row;
    CAIRN_TRY(cairn_device_check_holder(saying, device));
    CAIRN_TRY(cairn_device_move(device, cairn_device_event_of(act)));
    if (device->state == CAIRN_DEVICE_UNCLAIMED)
        cairn_device_release(device);
    return CAIRN_OK;
}

const cairn_device_kind cairn_device_event_kind = {.type = CAIRN_TX_DEVICE_EVENT,
                                                   .name = "event",
                                                   .schema = &schema,
                                                   .check = check,
                                                   .step = step};

cairn_err cairn_device_event_body(cairn_arena *arena, cairn_device_row *rows, size_t count,
                                  cairn_device_event event, cairn_bytes *ret_body)
{
    event_act act = {.rows = {.count = count, .rows = rows}, .event = event};
    return cairn_devices_body(arena, &cairn_device_event_kind, &act, ret_body);
}

/* --- onboard.device.bar --- */

static const cairn_schema_field bar_fields[] = {
    {"devices", CAIRN_SCHEMA_LIST, 0, 1, CAIRN_DEVICES_BARRED_MAX, false, &cairn_device_row_schema},
};
static const cairn_schema bar_schema = CAIRN_SCHEMA_OF(cairn_schema_list, bar_fields);

static cairn_err bar(const cairn_device_saying *saying, const void *act, const void *row,
                     cairn_device *device)
{
    (void)saying;
    (void)act;
    (void)row;
    return cairn_device_move(device, CAIRN_DEVICE_REVOKE);
}

const cairn_device_kind cairn_device_bar_kind = {
    .type = CAIRN_TX_DEVICE_BAR, .name = "bar", .schema = &bar_schema, .step = bar};

cairn_err cairn_device_bar_body(cairn_arena *arena, cairn_device_row *rows, size_t count,
                                cairn_bytes *ret_body)
{
    cairn_schema_list act = {.count = count, .rows = rows};
    return cairn_devices_body(arena, &cairn_device_bar_kind, &act, ret_body);
}
