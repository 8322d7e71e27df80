/* The record of a certificate as CBOR. */
#include "identity/ca/ca_record.h"

#include "cairn/cbor.h"

static const char clause[] = "docs/formats/ca.md";

enum {
    RECORD_SIZE_MAX = 8192,
    SIGNATURE_SIZE_MIN = 64, /* bytes */
};

static void put_names(cairn_cbor_writer *w, const cairn_ca_record *record)
{
    cairn_cbor_put_array(w, record->name_count);
    for (size_t i = 0; i < record->name_count; i++) {
        cairn_cbor_put_array(w, 2);
        cairn_cbor_put_uint(w, (uint64_t)record->names[i].kind);
        cairn_cbor_put_bytes(w, record->names[i].value);
    }
}

static void put_ocsp(cairn_cbor_writer *w, const cairn_ca_ocsp_ready *ocsp)
{
    cairn_cbor_put_array(w, 3 + CAIRN_CA_OCSP_HASH_COUNT);
    cairn_cbor_put_uint(w, ocsp->epoch);
    cairn_cbor_put_uint(w, ocsp->this_update_s);
    cairn_cbor_put_uint(w, ocsp->next_update_s);
    for (size_t i = 0; i < CAIRN_CA_OCSP_HASH_COUNT; i++)
        cairn_cbor_put_bytes(w, ocsp->signatures[i]);
}

/* Keys 11 to 14: what happened to the certificate. */
static void put_life(cairn_cbor_writer *w, const cairn_ca_record *record)
{
    if (record->status == CAIRN_CA_STATUS_REVOKED) {
        cairn_cbor_put_int(w, 11);
        cairn_cbor_put_uint(w, record->revoked_at_s);
        cairn_cbor_put_int(w, 12);
        cairn_cbor_put_uint(w, record->reason);
    }
    if (record->successor.size > 0) {
        cairn_cbor_put_int(w, 13);
        cairn_cbor_put_bytes(w, record->successor);
    }
    if (record->ocsp.epoch != 0) {
        cairn_cbor_put_int(w, 14);
        put_ocsp(w, &record->ocsp);
    }
}

cairn_err cairn_ca_record_encode(const cairn_ca_record *record, cairn_arena *arena,
                                 cairn_bytes *ret_bytes)
{
    void *buffer = NULL;
    cairn_cbor_writer w;
    size_t pairs = 10 + (record->status == CAIRN_CA_STATUS_REVOKED ? 2u : 0u) +
                   (record->successor.size > 0) + (record->ocsp.epoch != 0);
    CAIRN_TRY(cairn_arena_alloc(arena, RECORD_SIZE_MAX, &buffer));
    cairn_cbor_writer_init(&w, buffer, RECORD_SIZE_MAX);
    cairn_cbor_put_map(&w, pairs);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_uint(&w, (uint64_t)record->profile);
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_uint(&w, record->partition);
    cairn_cbor_put_int(&w, 3);
    cairn_cbor_put_uint(&w, record->not_before_s);
    cairn_cbor_put_int(&w, 4);
    cairn_cbor_put_uint(&w, record->not_after_s);
    cairn_cbor_put_int(&w, 5);
    cairn_cbor_put_hash(&w, &record->kid);
    cairn_cbor_put_int(&w, 6);
    cairn_cbor_put_hash(&w, &record->salt);
    cairn_cbor_put_int(&w, 7);
    cairn_cbor_put_bytes(&w, record->common_name);
    cairn_cbor_put_int(&w, 8);
    cairn_cbor_put_bytes(&w, record->device);
    cairn_cbor_put_int(&w, 9);
    put_names(&w, record);
    cairn_cbor_put_int(&w, 10);
    cairn_cbor_put_uint(&w, (uint64_t)record->status);
    put_life(&w, record);
    return cairn_cbor_writer_end(&w, ret_bytes);
}

static cairn_err read_names(cairn_cbor_reader *r, cairn_ca_record *record)
{
    CAIRN_TRY(cairn_cbor_read_array(r, "names", 0, CAIRN_CA_NAMES_MAX, &record->name_count));
    for (size_t i = 0; i < record->name_count; i++) {
        size_t two = 0;
        uint64_t kind = 0;
        cairn_ca_name *name = &record->names[i];
        CAIRN_TRY(cairn_cbor_read_array(r, "name", 2, 2, &two));
        CAIRN_TRY(cairn_cbor_read_uint(r, "kind", 1, CAIRN_CA_NAME_IP, &kind));
        name->kind = (cairn_ca_name_kind)kind;
        CAIRN_TRY(cairn_cbor_read_bytes(r, "value", 1, CAIRN_CA_NAME_SIZE_MAX, &name->value));
    }
    return CAIRN_OK;
}

static cairn_err read_ocsp(cairn_cbor_reader *r, cairn_ca_ocsp_ready *ocsp)
{
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "ocsp", 3 + CAIRN_CA_OCSP_HASH_COUNT,
                                    3 + CAIRN_CA_OCSP_HASH_COUNT, &count));
    CAIRN_TRY(cairn_cbor_read_uint(r, "epoch", 1, UINT64_MAX, &ocsp->epoch));
    CAIRN_TRY(cairn_cbor_read_uint(r, "this_update", 0, UINT64_MAX, &ocsp->this_update_s));
    CAIRN_TRY(cairn_cbor_read_uint(r, "next_update", 0, UINT64_MAX, &ocsp->next_update_s));
    for (size_t i = 0; i < CAIRN_CA_OCSP_HASH_COUNT; i++)
        CAIRN_TRY(cairn_cbor_read_bytes(r, "signature", SIGNATURE_SIZE_MIN,
                                        CAIRN_SIGNATURE_SIZE_MAX, &ocsp->signatures[i]));
    return CAIRN_OK;
}

static cairn_err read_life(cairn_cbor_reader *r, cairn_cbor_map *map, cairn_ca_record *record)
{
    bool present = false;
    uint64_t reason = 0;
    if (record->status == CAIRN_CA_STATUS_REVOKED) {
        CAIRN_TRY(cairn_cbor_key(r, map, 11, "revoked_at"));
        CAIRN_TRY(cairn_cbor_read_uint(r, "revoked_at", 0, UINT64_MAX, &record->revoked_at_s));
        CAIRN_TRY(cairn_cbor_key(r, map, 12, "reason"));
        CAIRN_TRY(cairn_cbor_read_uint(r, "reason", 0, 10, &reason));
        record->reason = (uint8_t)reason;
    }
    CAIRN_TRY(cairn_cbor_optional_key(r, map, 13, &present));
    if (present)
        CAIRN_TRY(cairn_cbor_read_bytes(r, "successor", CAIRN_CA_SERIAL_SIZE, CAIRN_CA_SERIAL_SIZE,
                                        &record->successor));
    CAIRN_TRY(cairn_cbor_optional_key(r, map, 14, &present));
    if (present)
        CAIRN_TRY(read_ocsp(r, &record->ocsp));
    return CAIRN_OK;
}

static cairn_err decode(cairn_bytes bytes, cairn_ca_record *record)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    uint64_t profile = 0;
    uint64_t partition = 0;
    uint64_t status = 0;
    CAIRN_TRY(cairn_cbor_open(&r, bytes, CAIRN_CBOR_STRICT, "ca record", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "record", &map));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 1, "profile"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "profile", 1, CAIRN_CA_PROFILE_LAST, &profile));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 2, "partition"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "partition", 0, UINT32_MAX, &partition));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 3, "not_before"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "not_before", 0, UINT64_MAX, &record->not_before_s));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 4, "not_after"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "not_after", 0, UINT64_MAX, &record->not_after_s));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 5, "kid"));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "kid", &record->kid));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 6, "salt"));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "salt", &record->salt));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 7, "common_name"));
    CAIRN_TRY(
        cairn_cbor_read_bytes(&r, "common_name", 1, CAIRN_CA_TEXT_SIZE_MAX, &record->common_name));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 8, "device"));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "device", 0, CAIRN_CA_TEXT_SIZE_MAX, &record->device));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 9, "names"));
    CAIRN_TRY(read_names(&r, record));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 10, "status"));
    CAIRN_TRY(
        cairn_cbor_read_uint(&r, "status", CAIRN_CA_STATUS_GOOD, CAIRN_CA_STATUS_REVOKED, &status));
    record->profile = (cairn_ca_profile)profile;
    record->partition = (uint32_t)partition;
    record->status = (cairn_ca_status)status;
    CAIRN_TRY(read_life(&r, &map, record));
    return cairn_cbor_end_map(&r, &map);
}

cairn_err cairn_ca_record_decode(cairn_bytes bytes, cairn_ca_record *ret_record)
{
    cairn_ca_record record = {0};
    if (decode(bytes, &record) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "ca: record of %zu bytes cannot be read",
                          bytes.size);
    *ret_record = record;
    return CAIRN_OK;
}
