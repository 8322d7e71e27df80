/* The one pass that every CBOR input goes through before anything of it is read: well-formed,
 * bounded, no key twice, and in the strict profile deterministic. Recursion is bounded by
 * CAIRN_CBOR_DEPTH_MAX. */
#include "cairn/cbor.h"

#include "core/codec/cbor_item.h"
#include "core/codec/utf8.h"
#include "core/limits.h"

typedef struct check {
    const uint8_t *start;
    const uint8_t *next;
    const uint8_t *end;
    bool strict;
    const char *object;
} check;

static const char well_formed[] = "RFC 8949 section 3";
static const char deterministic[] = "RFC 8949 section 4.2.1";

static cairn_err check_item(check *c, unsigned depth);

static size_t left(const check *c)
{
    return (size_t)(c->end - c->next);
}

static size_t offset(const check *c)
{
    return (size_t)(c->next - c->start);
}

bool cairn_cbor_head_parse(const uint8_t *p, size_t size, cbor_head *ret_head)
{
    if (size == 0)
        return false;
    cbor_head head = {.major = p[0] >> 5, .info = p[0] & 31, .size = 1};
    if (head.info > 27)
        return false;
    if (head.info >= 24)
        head.size = (uint8_t)(1 + (1 << (head.info - 24)));
    if (head.size > size)
        return false;
    switch (head.info) {
    case 24:
        head.value = p[1];
        break;
    case 25:
        head.value = cairn_get_u16(p + 1);
        break;
    case 26:
        head.value = cairn_get_u32(p + 1);
        break;
    case 27:
        head.value = cairn_get_u64(p + 1);
        break;
    default:
        head.value = head.info;
        break;
    }
    *ret_head = head;
    return true;
}

const uint8_t *cairn_cbor_skip(const uint8_t *p, const uint8_t *end)
{
    for (uint64_t count = 1; count > 0; count--) {
        cbor_head head = cbor_head_at(p, end);
        p += head.size;
        if (head.major == CBOR_BYTES || head.major == CBOR_TEXT)
            p += head.value;
        else if (head.major == CBOR_ARRAY)
            count += head.value;
        else if (head.major == CBOR_MAP)
            count += 2 * head.value;
        else if (head.major == CBOR_TAG)
            count++;
    }
    return p;
}

/* Smallest argument that needs a head of this size. */
static uint64_t shortest_min(uint8_t head_size)
{
    switch (head_size) {
    case 2:
        return 24;
    case 3:
        return 1U << 8;
    case 5:
        return 1U << 16;
    case 9:
        return 1ULL << 32;
    default:
        return 0;
    }
}

static cairn_err check_simple(const check *c, const cbor_head *head)
{
    if (head->info == 24 && head->value < 32)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 8949 section 3.3",
                          "%s: simple value %u in two bytes at %zu", c->object,
                          (unsigned)head->value, offset(c));
    if (c->strict && (head->info < CBOR_FALSE || head->info > CBOR_NULL))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "%s: float or simple value at %zu",
                          c->object, offset(c));
    return CAIRN_OK;
}

static cairn_err check_head(check *c, cbor_head *ret_head)
{
    if (left(c) == 0)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, well_formed, "%s: ends at %zu", c->object,
                          offset(c));
    if ((*c->next & 31) > 27)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, well_formed,
                          "%s: reserved or indefinite length at %zu", c->object, offset(c));
    cbor_head head;
    if (!cairn_cbor_head_parse(c->next, left(c), &head))
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, well_formed, "%s: ends within the head at %zu",
                          c->object, offset(c));
    if (head.major == CBOR_SIMPLE)
        CAIRN_TRY(check_simple(c, &head));
    else if (c->strict && head.value < shortest_min(head.size))
        return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, deterministic, "%s: long head at %zu", c->object,
                          offset(c));
    c->next += head.size;
    *ret_head = head;
    return CAIRN_OK;
}

static cairn_err check_string(check *c, const cbor_head *head)
{
    if (head->value > left(c))
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, well_formed, "%s: string of %llu bytes at %zu",
                          c->object, (unsigned long long)head->value, offset(c));
    cairn_bytes content = cairn_bytes_of(c->next, (size_t)head->value);
    if (head->major == CBOR_TEXT && !cairn_utf8_valid(content))
        return CAIRN_FAIL(CAIRN_ERR_BAD_TEXT, "RFC 8949 section 3.1", "%s: text at %zu", c->object,
                          offset(c));
    c->next += content.size;
    return CAIRN_OK;
}

/* `count` items of at least one byte each must be within the limit and can still be there. */
static cairn_err check_count(const check *c, uint64_t count, uint64_t count_max, size_t item_size)
{
    if (count > count_max)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "%s: %llu items at %zu", c->object,
                          (unsigned long long)count, offset(c));
    if (count * item_size > left(c))
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, well_formed, "%s: %llu items at %zu", c->object,
                          (unsigned long long)count, offset(c));
    return CAIRN_OK;
}

static cairn_err check_array(check *c, uint64_t count, unsigned depth)
{
    CAIRN_TRY(check_count(c, count, CAIRN_CBOR_ARRAY_COUNT_MAX, 1));
    for (uint64_t i = 0; i < count; i++)
        CAIRN_TRY(check_item(c, depth));
    return CAIRN_OK;
}

/* Order of two checked keys by value: for shortest heads that is the bytewise order of section
 * 4.2.1, and it finds 0x01 and 0x1801 to be the same key in the foreign profile. */
static int compare_keys(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
    cbor_head x = cbor_head_at(a, end);
    cbor_head y = cbor_head_at(b, end);
    if (x.major != y.major)
        return x.major < y.major ? -1 : 1;
    if (x.value != y.value)
        return x.value < y.value ? -1 : 1;
    if (x.major < CBOR_BYTES || x.value == 0)
        return 0;
    return memcmp(a + x.size, b + y.size, (size_t)x.value);
}

static void sift_down(const uint8_t **keys, size_t root, size_t count, const uint8_t *end)
{
    const uint8_t *moving = keys[root];
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && compare_keys(keys[child], keys[child + 1], end) < 0)
            child++;
        if (compare_keys(moving, keys[child], end) >= 0)
            break;
        keys[root] = keys[child];
        root = child;
    }
    keys[root] = moving;
}

/* Heap sort: no allocation (glibc's qsort may), and no input makes it quadratic. */
static void sort_keys(const uint8_t **keys, size_t count, const uint8_t *end)
{
    for (size_t i = count / 2; i-- > 0;)
        sift_down(keys, i, count, end);
    for (size_t i = count; i-- > 1;) {
        const uint8_t *last = keys[i];
        keys[i] = keys[0];
        keys[0] = last;
        sift_down(keys, 0, i, end);
    }
}

/* Finds duplicates in a map of the foreign profile whose keys are not in order. It runs after the
 * pairs were checked, outside the recursion, so that its 32 KiB are on the stack only once. */
static cairn_err check_unordered(const check *c, const uint8_t *pairs, size_t count)
{
    const uint8_t *keys[CAIRN_CBOR_MAP_COUNT_MAX];
    const uint8_t *p = pairs;
    for (size_t i = 0; i < count; i++) {
        keys[i] = p;
        p = cairn_cbor_skip(cairn_cbor_skip(p, c->end), c->end);
    }
    sort_keys(keys, count, c->end);
    for (size_t i = 1; i < count; i++)
        if (compare_keys(keys[i - 1], keys[i], c->end) == 0)
            return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, "RFC 8949 section 5.6",
                              "%s: key twice at %zu", c->object, (size_t)(keys[i] - c->start));
    return CAIRN_OK;
}

static cairn_err check_key(check *c, unsigned depth)
{
    if (left(c) != 0 && *c->next >> 5 > CBOR_TEXT)
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, "house",
                          "%s: map key at %zu is neither integer nor string", c->object, offset(c));
    return check_item(c, depth);
}

static cairn_err check_order(const check *c, const uint8_t *previous, const uint8_t *key,
                             bool *ordered)
{
    int order = compare_keys(previous, key, c->end);
    if (order == 0)
        return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, "RFC 8949 section 5.6", "%s: key twice at %zu",
                          c->object, (size_t)(key - c->start));
    if (order > 0 && c->strict)
        return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, deterministic, "%s: key out of order at %zu",
                          c->object, (size_t)(key - c->start));
    if (order > 0)
        *ordered = false;
    return CAIRN_OK;
}

static cairn_err check_map(check *c, uint64_t count, unsigned depth)
{
    CAIRN_TRY(check_count(c, count, CAIRN_CBOR_MAP_COUNT_MAX, 2));
    const uint8_t *pairs = c->next;
    const uint8_t *previous = NULL;
    bool ordered = true;
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *key = c->next;
        CAIRN_TRY(check_key(c, depth));
        if (previous != NULL)
            CAIRN_TRY(check_order(c, previous, key, &ordered));
        previous = key;
        CAIRN_TRY(check_item(c, depth));
    }
    return ordered ? CAIRN_OK : check_unordered(c, pairs, (size_t)count);
}

/* `depth` counts the maps, arrays and tags around this item. */
static cairn_err check_item(check *c, unsigned depth)
{
    cbor_head head;
    CAIRN_TRY(check_head(c, &head));
    bool nests = head.major == CBOR_ARRAY || head.major == CBOR_MAP || head.major == CBOR_TAG;
    if (nests && depth == CAIRN_CBOR_DEPTH_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_DEEP, "house", "%s: deeper than %d at %zu", c->object,
                          CAIRN_CBOR_DEPTH_MAX, offset(c));
    switch (head.major) {
    case CBOR_BYTES:
    case CBOR_TEXT:
        return check_string(c, &head);
    case CBOR_ARRAY:
        return check_array(c, head.value, depth + 1);
    case CBOR_MAP:
        return check_map(c, head.value, depth + 1);
    case CBOR_TAG:
        return check_item(c, depth + 1);
    default:
        return CAIRN_OK;
    }
}

cairn_err cairn_cbor_item_size(cairn_bytes in, cairn_cbor_profile profile, const char *object,
                               size_t *ret_size)
{
    if (in.size == 0)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, well_formed, "%s: empty", object);
    check c = {.start = in.data,
               .next = in.data,
               .end = in.data + in.size,
               .strict = profile == CAIRN_CBOR_STRICT,
               .object = object};
    CAIRN_TRY(check_item(&c, 0));
    *ret_size = offset(&c);
    return CAIRN_OK;
}
