/* The record of a device. Nothing in it says which device it is: hashes, commitments, states and
 * organisations. [X1353-R25] */
#include "onboard/acts.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;
static const char prefix[] = "device/";

#define FIELD(name, kind, member, min, max, optional)                                       \
    {                                                                                       \
        name, CAIRN_SCHEMA_##kind, offsetof(cairn_device, member), min, max, optional, NULL \
    }
#define HASH(name, member) FIELD(name, HASH, member, 0, 0, false)
#define MAYBE_HASH(name, member) FIELD(name, HASH, member, 0, 0, true)
#define TIME(name, member, optional) FIELD(name, UINT, member, 1, CAIRN_TIME_MAX_MS, optional)

static const cairn_schema_field fields[] = {
    FIELD("state", UINT, state, CAIRN_DEVICE_REGISTERED, CAIRN_DEVICE_STATE_COUNT, false),
    FIELD("version", UINT, version, 1, INT64_MAX, false),
    HASH("manufacturer", manufacturer),
    FIELD("algorithm", UINT, algorithm, CAIRN_DEVICE_P256, CAIRN_DEVICE_P384, false),
    FIELD("header_info", BYTES, header_info, 32, 48, false),
    FIELD("head", BYTES, head, 32, 48, false),
    FIELD("entry_count", UINT, entry_count, 0, CAIRN_FDO_ENTRIES_MAX, false),
    HASH("owner_key", owner_key),
    MAYBE_HASH("owner", owner),
    MAYBE_HASH("contract", contract),
    MAYBE_HASH("platform", platform),
    MAYBE_HASH("policy", policy),
    MAYBE_HASH("rendezvous", rendezvous),
    TIME("rendezvous_expires", rendezvous_expires_ms, true),
    HASH("model", model),
    FIELD("next_algorithm", UINT, next_algorithm, 48, 50, true),
    MAYBE_HASH("next_key", next_key),
    FIELD("resume", UINT, resume_state, CAIRN_DEVICE_REGISTERED, CAIRN_DEVICE_ONBOARDED, true),
    MAYBE_HASH("successor", successor),
    MAYBE_HASH("evidence", evidence),
    FIELD("verdict", UINT, verdict, 0, 127, true),
    TIME("registered", registered_ms, false),
    TIME("changed", changed_ms, false),
    MAYBE_HASH("previous", previous),
    HASH("transaction", transaction),
};
static const cairn_schema schema = CAIRN_SCHEMA_OF(cairn_device, fields);

cairn_err cairn_device_decode(cairn_arena *arena, cairn_bytes in, cairn_device *ret_device)
{
    void *record = NULL;
    CAIRN_TRY(cairn_schema_decode(arena, &schema, in, "device", clause, &record));
    memcpy(ret_device, record, sizeof *ret_device);
    return CAIRN_OK;
}

cairn_err cairn_device_encode(cairn_arena *arena, const cairn_device *device,
                              cairn_bytes *ret_record)
{
    return cairn_schema_encode(arena, &schema, device, ret_record);
}

cairn_err cairn_device_get(const cairn_state_source *state, cairn_arena *arena,
                           const cairn_hash *index, cairn_device *ret_device)
{
    void *record = NULL;
    CAIRN_TRY(cairn_onboard_load(state, arena, prefix, cairn_bytes_hash(index), &schema, &record));
    memcpy(ret_device, record, sizeof *ret_device);
    return CAIRN_OK;
}

/* --- what every new device has --- */

static const cairn_schema_field new_fields[] = {
    {"index", CAIRN_SCHEMA_HASH, offsetof(cairn_device_new_row, index), 0, 0, false, NULL},
    {"header_info", CAIRN_SCHEMA_BYTES, offsetof(cairn_device_new_row, header_info), 32, 48, false,
     NULL},
    {"head", CAIRN_SCHEMA_BYTES, offsetof(cairn_device_new_row, head), 32, 48, false, NULL},
    {"next_key", CAIRN_SCHEMA_BYTES, offsetof(cairn_device_new_row, next_key), 0, 32, false, NULL},
};
const cairn_schema cairn_device_new_row_schema = CAIRN_SCHEMA_OF(cairn_device_new_row, new_fields);

static bool is_hash_size(size_t size)
{
    return size == 32 || size == 48;
}

/* [X1353-R49] */
static cairn_err check_algorithms(uint64_t algorithm, uint64_t next_algorithm)
{
    if (algorithm != CAIRN_DEVICE_P256 && algorithm != CAIRN_DEVICE_P384)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "device.algorithm: not a known one");
    if (next_algorithm != CAIRN_SCHEMA_ABSENT && (next_algorithm < 48 || next_algorithm > 50))
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause,
                          "device.next_algorithm: not a known one");
    return CAIRN_OK;
}

cairn_err cairn_device_check_new_rows(const cairn_schema_list *list, uint64_t algorithm,
                                      uint64_t next_algorithm)
{
    const cairn_device_new_row *rows = list->rows;
    size_t next_size = next_algorithm == CAIRN_SCHEMA_ABSENT ? 0 : sizeof(cairn_hash);
    CAIRN_TRY(check_algorithms(algorithm, next_algorithm));
    for (size_t i = 0; i < list->count; i++) {
        if (!is_hash_size(rows[i].head.size) || rows[i].header_info.size != rows[i].head.size)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                              "device.head: two hashes of SHA-256 or of SHA-384");
        if (rows[i].next_key.size != next_size)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                              "device.next_key: goes with a next algorithm");
    }
    return CAIRN_OK;
}

void cairn_device_begin(const cairn_device_new_row *row, cairn_device *device)
{
    device->header_info = row->header_info;
    device->head = row->head;
    if (row->next_key.size == sizeof device->next_key.b)
        memcpy(device->next_key.b, row->next_key.data, row->next_key.size);
}
