/* Buckets of open-addressing sets, keyed by the first eight bytes of an id. */
#include "ledger/window.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 64 };

struct cairn_window_bucket {
    uint64_t number; /* valid_until / CAIRN_WINDOW_BUCKET_MS */
    uint64_t oldest_height;
    cairn_hash *slots; /* all zeros: free; SHA-256 gives that to nobody */
    size_t slot_count; /* a power of two */
    size_t used;
    size_t reserved; /* adds for which there must be room */
};

static const cairn_hash free_slot;

void cairn_window_init(cairn_window *window)
{
    *window = (cairn_window){0};
}

void cairn_window_done(cairn_window *window)
{
    if (window == NULL)
        return;
    for (size_t i = 0; i < window->bucket_count; i++)
        free(window->buckets[i].slots);
    free(window->buckets);
    *window = (cairn_window){0};
}

/* Place of bucket `number`, or where it belongs. */
static size_t find_bucket(const cairn_window *window, uint64_t number)
{
    size_t low = 0;
    size_t high = window->bucket_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (window->buckets[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The slot that holds `id`, or the free one where it belongs. */
static cairn_hash *find_slot(cairn_hash *slots, size_t slot_count, const cairn_hash *id)
{
    size_t at = cairn_get_u64(id->b) & (slot_count - 1);
    while (!cairn_hash_equal(&slots[at], &free_slot) && !cairn_hash_equal(&slots[at], id))
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

bool cairn_window_has(const cairn_window *window, uint64_t valid_until_ms, const cairn_hash *id)
{
    uint64_t number = valid_until_ms / CAIRN_WINDOW_BUCKET_MS;
    size_t at = find_bucket(window, number);
    if (at == window->bucket_count || window->buckets[at].number != number)
        return false;
    const cairn_window_bucket *b = &window->buckets[at];
    return cairn_hash_equal(find_slot(b->slots, b->slot_count, id), id);
}

static cairn_err insert_bucket(cairn_window *window, size_t at, uint64_t number)
{
    if (window->bucket_count == window->bucket_capacity) {
        size_t capacity = window->bucket_capacity == 0 ? 8 : window->bucket_capacity * 2;
        cairn_window_bucket *grown = realloc(window->buckets, capacity * sizeof *grown);
        if (grown == NULL)
            return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "window: %zu buckets", capacity);
        window->buckets = grown;
        window->bucket_capacity = capacity;
    }
    cairn_hash *slots = calloc(FIRST_SLOTS, sizeof *slots);
    if (slots == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "window: bucket");
    memmove(&window->buckets[at + 1], &window->buckets[at],
            (window->bucket_count - at) * sizeof window->buckets[0]);
    window->buckets[at] = (cairn_window_bucket){
        .number = number, .oldest_height = UINT64_MAX, .slots = slots, .slot_count = FIRST_SLOTS};
    window->bucket_count++;
    return CAIRN_OK;
}

static cairn_err grow_bucket(cairn_window_bucket *b)
{
    size_t slot_count = b->slot_count * 2;
    cairn_hash *slots = calloc(slot_count, sizeof *slots);
    if (slots == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "window: %zu ids", slot_count);
    for (size_t i = 0; i < b->slot_count; i++)
        if (!cairn_hash_equal(&b->slots[i], &free_slot))
            *find_slot(slots, slot_count, &b->slots[i]) = b->slots[i];
    free(b->slots);
    b->slots = slots;
    b->slot_count = slot_count;
    return CAIRN_OK;
}

cairn_err cairn_window_reserve(cairn_window *window, uint64_t valid_until_ms)
{
    uint64_t number = valid_until_ms / CAIRN_WINDOW_BUCKET_MS;
    size_t at = find_bucket(window, number);
    if (at == window->bucket_count || window->buckets[at].number != number)
        CAIRN_TRY(insert_bucket(window, at, number));
    cairn_window_bucket *b = &window->buckets[at];
    if ((b->used + b->reserved + 1) * 4 > b->slot_count * 3)
        CAIRN_TRY(grow_bucket(b));
    b->reserved++;
    return CAIRN_OK;
}

void cairn_window_unreserve(cairn_window *window)
{
    for (size_t i = 0; i < window->bucket_count; i++)
        window->buckets[i].reserved = 0;
}

cairn_err cairn_window_add(cairn_window *window, uint64_t valid_until_ms, const cairn_hash *id,
                           uint64_t height)
{
    size_t at = find_bucket(window, valid_until_ms / CAIRN_WINDOW_BUCKET_MS);
    if (at == window->bucket_count || window->buckets[at].reserved == 0 ||
        window->buckets[at].number != valid_until_ms / CAIRN_WINDOW_BUCKET_MS)
        CAIRN_TRY(cairn_window_reserve(window, valid_until_ms));
    cairn_window_bucket *b = &window->buckets[at];
    b->reserved--;
    cairn_hash *slot = find_slot(b->slots, b->slot_count, id);
    if (cairn_hash_equal(slot, id))
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "window: id is held already");
    *slot = *id;
    b->used++;
    if (height < b->oldest_height)
        b->oldest_height = height;
    window->count++;
    return CAIRN_OK;
}

static bool has_ended(const cairn_window_bucket *b, uint64_t time_ms)
{
    return (b->number + 1) * CAIRN_WINDOW_BUCKET_MS <= time_ms;
}

uint64_t cairn_window_count_at(const cairn_window *window, uint64_t time_ms)
{
    uint64_t count = window->count;
    for (size_t i = 0; i < window->bucket_count && has_ended(&window->buckets[i], time_ms); i++)
        count -= window->buckets[i].used;
    return count;
}

void cairn_window_expire(cairn_window *window, uint64_t time_ms)
{
    size_t gone = 0;
    while (gone < window->bucket_count && has_ended(&window->buckets[gone], time_ms)) {
        window->count -= window->buckets[gone].used;
        free(window->buckets[gone].slots);
        gone++;
    }
    if (gone == 0)
        return;
    window->bucket_count -= gone;
    memmove(window->buckets, &window->buckets[gone],
            window->bucket_count * sizeof window->buckets[0]);
}

uint64_t cairn_window_oldest_height(const cairn_window *window)
{
    uint64_t oldest = UINT64_MAX;
    for (size_t i = 0; i < window->bucket_count; i++)
        if (window->buckets[i].oldest_height < oldest)
            oldest = window->buckets[i].oldest_height;
    return oldest;
}
