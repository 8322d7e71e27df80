/* Registration: a manufacturer says that he made these devices. Keys are written as nullifiers, in
 * an order of their own: that a key was used is known for good, in which of a batch's devices is
 * not. */
#include "identity/identity.h"
#include "onboard/acts.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;

static const cairn_schema_field nullifier_fields[] = {
    {"nullifier", CAIRN_SCHEMA_HASH, 0, 0, 0, false, NULL}};
static const cairn_schema nullifier_schema = CAIRN_SCHEMA_OF(cairn_hash, nullifier_fields);

#define FIELD(name, kind, member, min, max, optional, row)                                \
    {                                                                                     \
        name, CAIRN_SCHEMA_##kind, offsetof(cairn_device_registration, member), min, max, \
            optional, row                                                                 \
    }

static const cairn_schema_field fields[] = {
    FIELD("devices", LIST, rows, 1, CAIRN_DEVICES_PER_TX_MAX, false, &cairn_device_new_row_schema),
    FIELD("nullifiers", LIST, nullifiers, 1, CAIRN_DEVICES_PER_TX_MAX, false, &nullifier_schema),
    FIELD("owner_key", HASH, owner_key, 0, 0, false, NULL),
    FIELD("algorithm", UINT, algorithm, 0, UINT32_MAX, false, NULL),
    FIELD("model", HASH, model, 0, 0, false, NULL),
    FIELD("next_algorithm", UINT, next_algorithm, 0, UINT32_MAX, true, NULL),
};
static const cairn_schema schema = CAIRN_SCHEMA_OF(cairn_device_registration, fields);

static cairn_err check(const void *data)
{
    const cairn_device_registration *act = data;
    CAIRN_TRY(cairn_devices_check_sorted(&act->nullifiers, sizeof(cairn_hash)));
    if (act->nullifiers.count != act->rows.count)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "devices: as many nullifiers as devices");
    return cairn_device_check_new_rows(&act->rows, act->algorithm, act->next_algorithm);
}

/* [X1353-R01] A key is registered once, by whomever. */
static cairn_err use_keys(cairn_apply *apply, const cairn_schema_list *list)
{
    const cairn_hash *nullifiers = list->rows;
    uint8_t out[9];
    cairn_cbor_writer w;
    cairn_bytes height;
    cairn_cbor_writer_init(&w, out, sizeof out);
    cairn_cbor_put_uint(&w, cairn_apply_height(apply));
    CAIRN_TRY(cairn_cbor_writer_end(&w, &height));
    for (size_t i = 0; i < list->count; i++) {
        cairn_state_key key;
        cairn_state_key_make(&key, "device-key/", cairn_bytes_hash(&nullifiers[i]));
        CAIRN_TRY(cairn_apply_must_be_new(apply, CAIRN_MAP_STATE, &key));
        CAIRN_TRY(cairn_apply_put(apply, CAIRN_MAP_STATE, &key, height.data, height.size));
    }
    return CAIRN_OK;
}

/* [X1353-R02] That key and organisation are valid at this height was asked before. */
static cairn_err admit(cairn_apply *apply, const cairn_device_saying *saying, const void *data)
{
    const cairn_device_registration *act = data;
    CAIRN_TRY(cairn_onboard_check_org(cairn_apply_state(apply), saying->arena, &saying->org,
                                      CAIRN_ROLE_MANUFACTURER));
    return use_keys(apply, &act->nullifiers);
}

static cairn_err step(const cairn_device_saying *saying, const void *data, const void *row,
                      cairn_device *device)
{
    const cairn_device_registration *act = data;
    cairn_device_begin(row, device);
    device->state = CAIRN_DEVICE_REGISTERED;
    device->manufacturer = saying->org;
    device->owner_key = act->owner_key;
    device->algorithm = act->algorithm;
    device->model = act->model;
    device->next_algorithm = act->next_algorithm;
    return CAIRN_OK;
}

const cairn_device_kind cairn_device_register_kind = {.type = CAIRN_TX_DEVICE_REGISTER,
                                                      .name = "register",
                                                      .creates = true,
                                                      .schema = &schema,
                                                      .check = check,
                                                      .admit = admit,
                                                      .step = step};

cairn_err cairn_device_register_body(cairn_arena *arena, cairn_device_registration *registration,
                                     cairn_bytes *ret_body)
{
    cairn_devices_sort(&registration->nullifiers, sizeof(cairn_hash));
    return cairn_devices_body(arena, &cairn_device_register_kind, registration, ret_body);
}
