/* The record of validators. */
#include "ledger/validators.h"

#include <string.h>

#include "cairn/cbor.h"

static const char clause[] = "docs/formats/identity.md, Validators";

static cairn_err read_row(cairn_cbor_reader *r, cairn_validator *row)
{
    size_t four = 0;
    cairn_bytes key;
    CAIRN_TRY(cairn_cbor_read_array(r, "validator", 4, 4, &four));
    CAIRN_TRY(cairn_cbor_read_hash(r, "validator.organisation", &row->org));
    CAIRN_TRY(cairn_cbor_read_hash(r, "validator.kid", &row->kid));
    CAIRN_TRY(cairn_cbor_read_bytes(r, "validator.key", CAIRN_VALIDATOR_KEY_SIZE,
                                    CAIRN_VALIDATOR_KEY_SIZE, &key));
    memcpy(row->key, key.data, key.size);
    return cairn_cbor_read_uint(r, "validator.power", 1, CAIRN_VALIDATOR_POWER_MAX, &row->power);
}

cairn_err cairn_validators_decode(cairn_bytes in, cairn_validator_list *ret_list)
{
    cairn_cbor_reader r;
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "validators", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "validators", 1, CAIRN_MEMBERS_MAX, &count));
    for (size_t i = 0; i < count; i++) {
        CAIRN_TRY(read_row(&r, &ret_list->rows[i]));
        if (i > 0 &&
            memcmp(&ret_list->rows[i - 1].org, &ret_list->rows[i].org, sizeof(cairn_hash)) >= 0)
            return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, clause, "validators: are not sorted");
    }
    ret_list->count = count;
    return cairn_cbor_end(&r);
}

size_t cairn_validators_encode(const cairn_validator_list *list,
                               uint8_t out[CAIRN_VALIDATORS_SIZE_MAX])
{
    cairn_cbor_writer w;
    cairn_cbor_writer_init(&w, out, CAIRN_VALIDATORS_SIZE_MAX);
    cairn_cbor_put_array(&w, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const cairn_validator *row = &list->rows[i];
        cairn_cbor_put_array(&w, 4);
        cairn_cbor_put_hash(&w, &row->org);
        cairn_cbor_put_hash(&w, &row->kid);
        cairn_cbor_put_bytes(&w, cairn_bytes_of(row->key, sizeof row->key));
        cairn_cbor_put_uint(&w, row->power);
    }
    return w.size;
}

cairn_err cairn_validators_read(const cairn_state_source *state, cairn_arena *arena,
                                cairn_validator_list *ret_list)
{
    cairn_bytes value;
    cairn_err err =
        cairn_state_get(state, CAIRN_MAP_STATE, cairn_bytes_str("validators"), arena, &value);
    ret_list->count = 0;
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    return cairn_validators_decode(value, ret_list);
}

/* Where the organisation's row is, or would be. */
static size_t place_of(const cairn_validator_list *list, const cairn_hash *org)
{
    size_t i = 0;
    while (i < list->count && memcmp(&list->rows[i].org, org, sizeof *org) < 0)
        i++;
    return i;
}

const cairn_validator *cairn_validators_find(const cairn_validator_list *list,
                                             const cairn_hash *org)
{
    size_t i = place_of(list, org);
    return i < list->count && cairn_hash_equal(&list->rows[i].org, org) ? &list->rows[i] : NULL;
}

cairn_err cairn_validators_put(cairn_validator_list *list, const cairn_validator *row)
{
    size_t i = place_of(list, &row->org);
    if (cairn_validators_find(list, &row->org) == NULL) {
        if (list->count == CAIRN_MEMBERS_MAX)
            return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "validators: at most %d",
                              CAIRN_MEMBERS_MAX);
        memmove(&list->rows[i + 1], &list->rows[i], (list->count - i) * sizeof list->rows[0]);
        list->count++;
    }
    list->rows[i] = *row;
    return CAIRN_OK;
}

bool cairn_validators_remove(cairn_validator_list *list, const cairn_hash *org)
{
    size_t i = place_of(list, org);
    if (cairn_validators_find(list, org) == NULL)
        return false;
    list->count--;
    memmove(&list->rows[i], &list->rows[i + 1], (list->count - i) * sizeof list->rows[0]);
    return true;
}
