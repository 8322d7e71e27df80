/* Which entries are given out, and what they say. */
#include <openssl/rand.h>

#include "identity/status/status_store.h"

static const char clause[] = "docs/formats/status-store.md";

/* Uniform below `bound`. */
static cairn_err random_below(uint64_t bound, uint64_t *ret_number)
{
    uint64_t number = 0;
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    do {
        if (RAND_bytes((unsigned char *)&number, sizeof number) != 1)
            return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "status list: no random numbers");
    } while (number >= limit);
    *ret_number = number % bound;
    return CAIRN_OK;
}

static size_t count_ones(const uint8_t *data, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += (size_t)__builtin_popcount(data[i]);
    return count;
}

size_t cairn_status_record_used(const cairn_status_record *record)
{
    return count_ones(record->used.data, record->used.size);
}

size_t cairn_status_record_marked(const cairn_status_record *record)
{
    size_t count = cairn_status_list_count(&record->entries);
    size_t marked = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned value = 0;
        CAIRN_ASSERT(cairn_status_list_get(&record->entries, i, &value) == CAIRN_OK);
        marked += value != CAIRN_STATUS_VALID;
    }
    return marked;
}

/* The `rank`-th of the entries that are not given out. There are as many. */
static uint64_t free_entry(const cairn_status_list *used, uint64_t rank)
{
    size_t byte = 0;
    unsigned value = 0;
    for (;; byte++) {
        uint64_t here = 8u - (unsigned)__builtin_popcount(used->data[byte]);
        if (rank < here)
            break;
        rank -= here;
    }
    uint64_t index = byte * 8;
    for (;; index++) {
        CAIRN_ASSERT(cairn_status_list_get(used, index, &value) == CAIRN_OK);
        if (value == 0 && rank-- == 0)
            return index;
    }
}

cairn_err cairn_status_record_take(cairn_status_record *record, size_t count, uint64_t *ret_indexes)
{
    size_t left = cairn_status_list_count(&record->used) - cairn_status_record_used(record);
    if (count > left)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "status list: %zu entries are left", left);
    for (size_t i = 0; i < count; i++) {
        uint64_t rank = 0;
        CAIRN_TRY(random_below(left - i, &rank));
        ret_indexes[i] = free_entry(&record->used, rank);
        CAIRN_TRY(cairn_status_list_set(&record->used, ret_indexes[i], 1));
    }
    return CAIRN_OK;
}

/* Revoked is for good, suspended is not. A bitstring says by its purpose which of them it means. */
static bool is_final(const cairn_status_record *record, unsigned value)
{
    if (record->format == CAIRN_LIST_TOKEN)
        return value == CAIRN_STATUS_INVALID;
    return value != CAIRN_STATUS_VALID &&
           cairn_bytes_equal(record->purpose, cairn_bytes_str("revocation"));
}

cairn_err cairn_status_record_set(cairn_status_record *record, uint64_t index, unsigned value)
{
    unsigned before = 0;
    unsigned used = 0;
    CAIRN_TRY(cairn_status_list_get(&record->entries, index, &before));
    CAIRN_TRY(cairn_status_list_get(&record->used, index, &used));
    if (used == 0)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "status list: entry %llu was never given out",
                          (unsigned long long)index);
    if (before != value && is_final(record, before))
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "status list: entry %llu is revoked for good",
                          (unsigned long long)index);
    CAIRN_TRY(cairn_status_list_set(&record->entries, index, value));
    record->changes += before != value;
    return CAIRN_OK;
}
