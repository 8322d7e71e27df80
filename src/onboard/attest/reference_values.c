/* Codec of reference values. */
#include "onboard/attest/reference_values.h"

#include "onboard/profile/profile_fields.h"
#include "onboard/profile/signed_object.h"
#include "onboard/wire/body.h"

static const char clause[] = "docs/formats/attestation.md";
static const char magic[] = "cairn/reference-values/1";

enum { DEBUG_MAX = 4 };

bool cairn_reference_set_has(const cairn_reference_set *set, const cairn_hash *value)
{
    for (size_t i = 0; i < set->count; i++) {
        if (cairn_hash_equal(&set->values[i], value))
            return true;
    }
    return false;
}

/* --- reading --- */

static cairn_err read_set(cairn_arena *arena, cairn_cbor_reader *r, const char *field,
                          size_t count_min, size_t count_max, cairn_reference_set *ret_set)
{
    size_t count = 0;
    cairn_hash *values = NULL;
    CAIRN_TRY(cairn_cbor_read_array(r, field, count_min, count_max, &count));
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof *values, (void **)&values));
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(cairn_cbor_read_hash(r, field, &values[i]));
    *ret_set = (cairn_reference_set){.count = count, .values = values};
    return CAIRN_OK;
}

static cairn_err read_pcrs(cairn_arena *arena, cairn_cbor_reader *r, cairn_reference_values *values)
{
    size_t count = 0;
    uint64_t least = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "pcrs", 0, CAIRN_TPM_PCRS, &count));
    for (size_t i = 0; i < count; i++) {
        size_t pair = 0;
        uint64_t pcr = 0;
        CAIRN_TRY(cairn_cbor_read_array(r, "pcrs", 2, 2, &pair));
        CAIRN_TRY(cairn_cbor_read_uint(r, "pcrs", least, CAIRN_TPM_PCRS - 1, &pcr));
        CAIRN_TRY(
            read_set(arena, r, "pcrs", 1, CAIRN_REFERENCE_PCR_VALUES_MAX, &values->pcrs[pcr]));
        values->selection |= UINT32_C(1) << pcr;
        least = pcr + 1;
    }
    return CAIRN_OK;
}

static cairn_err read_frame(cairn_cbor_reader *r, cairn_cbor_map *map,
                            cairn_reference_values *values)
{
    CAIRN_TRY(cairn_cbor_key(r, map, 1, "format"));
    CAIRN_TRY(cairn_cbor_read_magic(r, magic));
    CAIRN_TRY(cairn_cbor_key(r, map, 2, "model"));
    CAIRN_TRY(cairn_cbor_read_text(r, "model", 1, CAIRN_REFERENCE_MODEL_SIZE_MAX, &values->model));
    CAIRN_TRY(cairn_cbor_key(r, map, 3, "version"));
    CAIRN_TRY(cairn_cbor_read_uint(r, "version", 1, INT64_MAX, &values->version));
    CAIRN_TRY(cairn_cbor_key(r, map, 4, "not before"));
    CAIRN_TRY(cairn_cbor_read_uint(r, "not before", 0, INT64_MAX - 1, &values->not_before_ms));
    CAIRN_TRY(cairn_cbor_key(r, map, 5, "not after"));
    return cairn_cbor_read_uint(r, "not after", values->not_before_ms + 1, INT64_MAX,
                                &values->not_after_ms);
}

static cairn_err read_limits(cairn_cbor_reader *r, cairn_cbor_map *map,
                             cairn_reference_values *values)
{
    uint64_t debug = 0;
    CAIRN_TRY(cairn_cbor_key(r, map, 8, "firmware"));
    CAIRN_TRY(cairn_cbor_read_uint(r, "firmware", 0, UINT64_MAX, &values->firmware_min));
    CAIRN_TRY(cairn_cbor_key(r, map, 9, "debug"));
    CAIRN_TRY(cairn_cbor_read_uint(r, "debug", 0, DEBUG_MAX, &debug));
    values->debug_min = (uint8_t)debug;
    CAIRN_TRY(cairn_cbor_key(r, map, 10, "log"));
    return cairn_cbor_read_bool(r, "log", &values->needs_log);
}

static cairn_err decode(cairn_arena *arena, cairn_bytes payload, cairn_reference_values *ret_values)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    cairn_reference_values values = {0};
    CAIRN_TRY(cairn_cbor_open(&r, payload, CAIRN_CBOR_STRICT, "reference values", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "values", &map));
    CAIRN_TRY(read_frame(&r, &map, &values));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 6, "pcrs"));
    CAIRN_TRY(read_pcrs(arena, &r, &values));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 7, "good"));
    CAIRN_TRY(read_set(arena, &r, "good", 0, CAIRN_REFERENCE_DIGESTS_MAX, &values.good));
    CAIRN_TRY(read_limits(&r, &map, &values));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 11, "bad"));
    CAIRN_TRY(read_set(arena, &r, "bad", 0, CAIRN_REFERENCE_DIGESTS_MAX, &values.bad));
    CAIRN_TRY(cairn_cbor_end_map(&r, &map));
    *ret_values = values;
    return CAIRN_OK;
}

cairn_err cairn_reference_values_open(cairn_arena *arena, cairn_bytes message,
                                      const cairn_key *manufacturer,
                                      cairn_reference_values *ret_values)
{
    cairn_bytes payload;
    CAIRN_TRY(cairn_signed_object_open(arena, message, CAIRN_REFERENCE_VALUES_SIZE_MAX,
                                       manufacturer, "reference values", &payload));
    return decode(arena, payload, ret_values);
}

/* --- writing --- */

static void put_set(cairn_cbor_writer *w, const cairn_reference_set *set)
{
    cairn_cbor_put_array(w, set->count);
    for (size_t i = 0; i < set->count; i++)
        cairn_cbor_put_hash(w, &set->values[i]);
}

static void put_pcrs(cairn_cbor_writer *w, const cairn_reference_values *values)
{
    cairn_cbor_put_array(w, (size_t)__builtin_popcount(values->selection));
    for (size_t pcr = 0; pcr < CAIRN_TPM_PCRS; pcr++) {
        if ((values->selection >> pcr & 1) == 0)
            continue;
        cairn_cbor_put_array(w, 2);
        cairn_cbor_put_uint(w, pcr);
        put_set(w, &values->pcrs[pcr]);
    }
}

static void put_values(cairn_cbor_writer *w, const void *context)
{
    const cairn_reference_values *values = context;
    cairn_cbor_put_map(w, 11);
    cairn_cbor_put_uint(w, 1);
    cairn_cbor_put_text(w, magic);
    cairn_cbor_put_uint(w, 2);
    cairn_cbor_put_text_view(w, values->model);
    cairn_cbor_put_uint(w, 3);
    cairn_cbor_put_uint(w, values->version);
    cairn_cbor_put_uint(w, 4);
    cairn_cbor_put_uint(w, values->not_before_ms);
    cairn_cbor_put_uint(w, 5);
    cairn_cbor_put_uint(w, values->not_after_ms);
    cairn_cbor_put_uint(w, 6);
    put_pcrs(w, values);
    cairn_cbor_put_uint(w, 7);
    put_set(w, &values->good);
    cairn_cbor_put_uint(w, 8);
    cairn_cbor_put_uint(w, values->firmware_min);
    cairn_cbor_put_uint(w, 9);
    cairn_cbor_put_uint(w, values->debug_min);
    cairn_cbor_put_uint(w, 10);
    cairn_cbor_put_bool(w, values->needs_log);
    cairn_cbor_put_uint(w, 11);
    put_set(w, &values->bad);
}

cairn_err cairn_reference_values_encode(cairn_arena *arena, const cairn_reference_values *values,
                                        cairn_bytes *ret_payload)
{
    cairn_bytes payload;
    cairn_reference_values again;
    if (values->selection >> CAIRN_TPM_PCRS != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "reference values.pcrs: beyond 23");
    CAIRN_TRY(cairn_fdo_encode(arena, put_values, values, &payload));
    CAIRN_TRY(decode(arena, payload, &again));
    *ret_payload = payload;
    return CAIRN_OK;
}
