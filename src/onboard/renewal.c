/* A device that was onboarded lives on under another index, and nobody can tell which. The old
 * records end in one transaction, with commitments; new ones begin in another, at another time,
 * against the count of those that ended. [X1353-R26] */
#include "onboard/acts.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;

/* --- the pool: how many were onboarded and not yet renewed --- */

enum { POOL_KEY_SIZE = 32 + 32 + 1 };

static void pool_key(const cairn_hash *owner, const cairn_hash *manufacturer, uint64_t algorithm,
                     cairn_state_key *ret_key)
{
    uint8_t suffix[POOL_KEY_SIZE];
    memcpy(suffix, owner->b, 32);
    memcpy(suffix + 32, manufacturer->b, 32);
    suffix[64] = (uint8_t)algorithm;
    cairn_state_key_make(ret_key, "device-pool/", cairn_bytes_of(suffix, sizeof suffix));
}

static cairn_err read_count(cairn_apply *apply, const cairn_state_key *key, uint64_t *ret_count)
{
    cairn_bytes value;
    cairn_cbor_reader r;
    cairn_err err = cairn_state_get(cairn_apply_state(apply), CAIRN_MAP_STATE,
                                    cairn_state_key_view(key), cairn_apply_arena(apply), &value);
    if (err == CAIRN_ERR_NOT_FOUND) {
        *ret_count = 0;
        return CAIRN_OK;
    }
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_cbor_open(&r, value, CAIRN_CBOR_STRICT, "device-pool", clause));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "count", 1, INT64_MAX, ret_count));
    return cairn_cbor_end(&r);
}

static cairn_err write_count(cairn_apply *apply, const cairn_state_key *key, uint64_t count)
{
    uint8_t out[9];
    cairn_cbor_writer w;
    cairn_bytes value;
    if (count == 0)
        return cairn_apply_delete(apply, CAIRN_MAP_STATE, key);
    cairn_cbor_writer_init(&w, out, sizeof out);
    cairn_cbor_put_uint(&w, count);
    CAIRN_TRY(cairn_cbor_writer_end(&w, &value));
    return cairn_apply_put(apply, CAIRN_MAP_STATE, key, value.data, value.size);
}

/* --- onboard.device.onboarded --- */

static const cairn_schema_field onboarded_row_fields[] = {
    {"index", CAIRN_SCHEMA_HASH, offsetof(cairn_device_onboarding, index), 0, 0, false, NULL},
    {"version", CAIRN_SCHEMA_UINT, offsetof(cairn_device_onboarding, version), 1, INT64_MAX - 1,
     false, NULL},
    {"successor", CAIRN_SCHEMA_HASH, offsetof(cairn_device_onboarding, successor), 0, 0, false,
     NULL},
    {"evidence", CAIRN_SCHEMA_HASH, offsetof(cairn_device_onboarding, evidence), 0, 0, false, NULL},
    {"verdict", CAIRN_SCHEMA_UINT, offsetof(cairn_device_onboarding, verdict), 0, 127, false, NULL},
};
static const cairn_schema onboarded_row_schema =
    CAIRN_SCHEMA_OF(cairn_device_onboarding, onboarded_row_fields);
static const cairn_schema_field onboarded_fields[] = {
    {"devices", CAIRN_SCHEMA_LIST, 0, 1, CAIRN_DEVICES_PER_TX_MAX, false, &onboarded_row_schema},
};
static const cairn_schema onboarded_schema = CAIRN_SCHEMA_OF(cairn_schema_list, onboarded_fields);

static cairn_err check_onboarded(const void *data)
{
    static const cairn_hash none;
    const cairn_schema_list *list = data;
    const cairn_device_onboarding *rows = list->rows;
    for (size_t i = 0; i < list->count; i++)
        if (cairn_hash_equal(&rows[i].successor, &none) ||
            (cairn_hash_equal(&rows[i].evidence, &none) && rows[i].verdict != 0))
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                              "device.onboarded: a successor, and no verdict without evidence");
    return CAIRN_OK;
}

static cairn_err fill_pool(cairn_apply *apply, const void *act, const cairn_device *device)
{
    cairn_state_key key;
    uint64_t count = 0;
    (void)act;
    pool_key(cairn_apply_org(apply), &device->manufacturer, device->algorithm, &key);
    CAIRN_TRY(read_count(apply, &key, &count));
    return write_count(apply, &key, count + 1);
}

/* [X1353-R36] From here on the old credential is refused. */
static cairn_err end(const cairn_device_saying *saying, const void *act, const void *data_row,
                     cairn_device *device)
{
    static const cairn_hash none;
    const cairn_device_onboarding *row = data_row;
    (void)act;
    CAIRN_TRY(cairn_device_move(device, CAIRN_DEVICE_REPLACE));
    CAIRN_TRY(cairn_device_check_holder(saying, device));
    device->successor = row->successor;
    device->evidence = row->evidence;
    if (!cairn_hash_equal(&row->evidence, &none))
        device->verdict = row->verdict;
    return CAIRN_OK;
}

const cairn_device_kind cairn_device_onboarded_kind = {.type = CAIRN_TX_DEVICE_ONBOARDED,
                                                       .name = "onboarded",
                                                       .schema = &onboarded_schema,
                                                       .check = check_onboarded,
                                                       .admit_row = fill_pool,
                                                       .step = end};

cairn_err cairn_device_onboarded_body(cairn_arena *arena, cairn_device_onboarding *rows,
                                      size_t count, cairn_bytes *ret_body)
{
    cairn_schema_list act = {.count = count, .rows = rows};
    return cairn_devices_body(arena, &cairn_device_onboarded_kind, &act, ret_body);
}

/* --- onboard.device.renew --- */

static const cairn_schema_field facts_fields[] = {
    {"platform", CAIRN_SCHEMA_HASH, offsetof(cairn_device_facts, platform), 0, 0, false, NULL},
    {"policy", CAIRN_SCHEMA_HASH, offsetof(cairn_device_facts, policy), 0, 0, false, NULL},
    {"model", CAIRN_SCHEMA_HASH, offsetof(cairn_device_facts, model), 0, 0, false, NULL},
};
static const cairn_schema facts_schema = CAIRN_SCHEMA_OF(cairn_device_facts, facts_fields);

#define FIELD(name, kind, member, min, max, optional, row)                                         \
    {                                                                                              \
        name, CAIRN_SCHEMA_##kind, offsetof(cairn_device_renewal, member), min, max, optional, row \
    }

static const cairn_schema_field renew_fields[] = {
    FIELD("devices", LIST, rows, 1, CAIRN_DEVICES_PER_TX_MAX, false, &cairn_device_new_row_schema),
    FIELD("manufacturer", HASH, manufacturer, 0, 0, false, NULL),
    FIELD("owner_key", HASH, owner_key, 0, 0, false, NULL),
    FIELD("algorithm", UINT, algorithm, 0, UINT32_MAX, false, NULL),
    FIELD("facts", LIST, facts, 1, 1, false, &facts_schema),
    FIELD("contract", HASH, contract, 0, 0, true, NULL),
    FIELD("next_algorithm", UINT, next_algorithm, 0, UINT32_MAX, true, NULL),
};
static const cairn_schema renew_schema = CAIRN_SCHEMA_OF(cairn_device_renewal, renew_fields);

static cairn_err check_renewal(const void *data)
{
    const cairn_device_renewal *act = data;
    return cairn_device_check_new_rows(&act->rows, act->algorithm, act->next_algorithm);
}

static cairn_err draw_from_pool(cairn_apply *apply, const cairn_device_saying *saying,
                                const void *data)
{
    static const cairn_hash none;
    const cairn_device_renewal *act = data;
    cairn_state_key key;
    uint64_t count = 0;
    pool_key(&saying->org, &act->manufacturer, act->algorithm, &key);
    CAIRN_TRY(read_count(apply, &key, &count));
    if (count < act->rows.count)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "devices: %llu were onboarded",
                          (unsigned long long)count);
    if (!cairn_hash_equal(&act->contract, &none))
        CAIRN_TRY(cairn_contract_check_use(apply, &act->contract, &act->owner_key));
    return write_count(apply, &key, count - act->rows.count);
}

static cairn_err begin(const cairn_device_saying *saying, const void *data, const void *row,
                       cairn_device *device)
{
    const cairn_device_renewal *act = data;
    const cairn_device_facts *facts = act->facts.rows;
    cairn_device_begin(row, device);
    device->state = CAIRN_DEVICE_ONBOARDED;
    device->manufacturer = act->manufacturer;
    device->algorithm = act->algorithm;
    device->owner_key = act->owner_key;
    device->owner = saying->org;
    device->contract = act->contract;
    device->platform = facts->platform;
    device->policy = facts->policy;
    device->model = facts->model;
    device->next_algorithm = act->next_algorithm;
    return CAIRN_OK;
}

const cairn_device_kind cairn_device_renew_kind = {.type = CAIRN_TX_DEVICE_RENEW,
                                                   .name = "renew",
                                                   .creates = true,
                                                   .schema = &renew_schema,
                                                   .check = check_renewal,
                                                   .admit = draw_from_pool,
                                                   .step = begin};

cairn_err cairn_device_renew_body(cairn_arena *arena, cairn_device_renewal *renewal,
                                  cairn_bytes *ret_body)
{
    return cairn_devices_body(arena, &cairn_device_renew_kind, renewal, ret_body);
}
