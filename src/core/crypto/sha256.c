#include "cairn/sha256.h"

#include <stdatomic.h>

#include "core/crypto/sha256_impl.h"

static const cairn_sha256_impl *const implementations[] = {
#if defined(__x86_64__)
    &cairn_sha256_shani,
    &cairn_sha256_avx2,
#endif
    &cairn_sha256_portable,
};

/* Written by any thread that finds it empty: they all find the same one, so no lock is needed. */
static _Atomic(const cairn_sha256_impl *) current;

static bool is_present(const cairn_sha256_impl *impl)
{
    return impl->detect == NULL || impl->detect();
}

static const cairn_sha256_impl *detect_best(void)
{
    size_t last = sizeof implementations / sizeof implementations[0] - 1; /* always present */
    size_t i = 0;
    while (i < last && !is_present(implementations[i]))
        i++;
    atomic_store_explicit(&current, implementations[i], memory_order_release);
    return implementations[i];
}

static inline const cairn_sha256_impl *chosen(void)
{
    const cairn_sha256_impl *impl = atomic_load_explicit(&current, memory_order_acquire);
    return impl != NULL ? impl : detect_best();
}

const char *cairn_sha256_implementation(void)
{
    return chosen()->name;
}

cairn_err cairn_sha256_force(const char *name)
{
    for (size_t i = 0; i < sizeof implementations / sizeof implementations[0]; i++) {
        if (strcmp(implementations[i]->name, name) != 0 || !is_present(implementations[i]))
            continue;
        atomic_store_explicit(&current, implementations[i], memory_order_release);
        return CAIRN_OK;
    }
    return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "sha256.implementation: %s is not here", name);
}

void cairn_sha256_init(cairn_sha256 *ctx)
{
    memcpy(ctx->state, cairn_sha256_initial, sizeof ctx->state);
    ctx->size = 0;
}

void cairn_sha256_update(cairn_sha256 *ctx, const void *data, size_t size)
{
    const cairn_sha256_impl *impl = chosen();
    const uint8_t *next = data;
    size_t used = ctx->size % CAIRN_SHA256_BLOCK_SIZE;
    if (size == 0)
        return;
    ctx->size += size;
    if (used > 0) {
        size_t part = CAIRN_SHA256_BLOCK_SIZE - used;
        part = part < size ? part : size;
        memcpy(ctx->buffer + used, next, part);
        if (used + part < CAIRN_SHA256_BLOCK_SIZE)
            return;
        impl->blocks(ctx->state, ctx->buffer, 1);
        next += part;
        size -= part;
    }
    if (size >= CAIRN_SHA256_BLOCK_SIZE)
        impl->blocks(ctx->state, next, size / CAIRN_SHA256_BLOCK_SIZE);
    size_t rest = size % CAIRN_SHA256_BLOCK_SIZE;
    memcpy(ctx->buffer, next + (size - rest), rest);
}

/* Writes the last one or two blocks of a message of `size` bytes, whose last bytes are `rest`
 * (FIPS 180-4 section 5.1.1), and tells how many blocks they are. */
static size_t pad(uint8_t out[2 * CAIRN_SHA256_BLOCK_SIZE], const uint8_t *rest, uint64_t size)
{
    size_t used = size % CAIRN_SHA256_BLOCK_SIZE;
    size_t count = used < CAIRN_SHA256_BLOCK_SIZE - 8 ? 1 : 2;
    memset(out, 0, count * CAIRN_SHA256_BLOCK_SIZE);
    if (rest != NULL)
        memcpy(out, rest, used);
    out[used] = 0x80;
    cairn_put_u64(out + count * CAIRN_SHA256_BLOCK_SIZE - 8, size * 8);
    return count;
}

void cairn_sha256_final(cairn_sha256 *ctx, cairn_hash *ret_hash)
{
    uint8_t last[2 * CAIRN_SHA256_BLOCK_SIZE];
    size_t count = pad(last, ctx->buffer, ctx->size);
    chosen()->blocks(ctx->state, last, count);
    cairn_sha256_store(ctx->state, ret_hash);
}

void cairn_sha256_of(const void *data, size_t size, cairn_hash *ret_hash)
{
    cairn_sha256 ctx;
    cairn_sha256_init(&ctx);
    cairn_sha256_update(&ctx, data, size);
    cairn_sha256_final(&ctx, ret_hash);
}

void cairn_sha256_parts(const cairn_bytes *parts, size_t count, cairn_hash *ret_hash)
{
    cairn_sha256 ctx;
    cairn_sha256_init(&ctx);
    for (size_t i = 0; i < count; i++)
        cairn_sha256_update(&ctx, parts[i].data, parts[i].size);
    cairn_sha256_final(&ctx, ret_hash);
}

void cairn_sha256_nodes(const cairn_hash *pairs, size_t count, cairn_hash *ret_hashes)
{
    chosen()->nodes(pairs, count, ret_hashes);
}

void cairn_sha256_node(const cairn_hash *left, const cairn_hash *right, cairn_hash *ret_hash)
{
    const cairn_hash pair[2] = {*left, *right};
    chosen()->nodes(pair, 1, ret_hash);
}

/* At most LANE_COUNT_MAX messages at once; see cairn_sha256_prefixed. */
static void prefixed_batch(const cairn_sha256_impl *impl, const uint8_t (*prefixes)[64],
                           const uint8_t *const *messages, size_t size, size_t lanes,
                           cairn_hash *ret_hashes)
{
    uint32_t states[CAIRN_SHA256_LANE_COUNT_MAX][8];
    uint8_t last[CAIRN_SHA256_LANE_COUNT_MAX][2 * CAIRN_SHA256_BLOCK_SIZE];
    const uint8_t *firsts[CAIRN_SHA256_LANE_COUNT_MAX];
    const uint8_t *lasts[CAIRN_SHA256_LANE_COUNT_MAX];
    size_t whole = size / CAIRN_SHA256_BLOCK_SIZE;
    size_t last_count = 0;
    for (size_t i = 0; i < lanes; i++) {
        memcpy(states[i], cairn_sha256_initial, sizeof states[i]);
        firsts[i] = prefixes[i];
        lasts[i] = last[i];
        size_t rest = size % CAIRN_SHA256_BLOCK_SIZE;
        last_count = pad(last[i], rest > 0 ? messages[i] + (size - rest) : NULL,
                         (uint64_t)size + CAIRN_SHA256_BLOCK_SIZE);
    }
    impl->lanes(states, firsts, 1, lanes);
    if (whole > 0)
        impl->lanes(states, messages, whole, lanes);
    impl->lanes(states, lasts, last_count, lanes);
    for (size_t i = 0; i < lanes; i++)
        cairn_sha256_store(states[i], &ret_hashes[i]);
}

void cairn_sha256_prefixed(const uint8_t (*prefixes)[64], const uint8_t *const *messages,
                           size_t size, size_t count, cairn_hash *ret_hashes)
{
    const cairn_sha256_impl *impl = chosen();
    for (size_t i = 0; i < count; i += CAIRN_SHA256_LANE_COUNT_MAX) {
        size_t lanes = count - i;
        if (lanes > CAIRN_SHA256_LANE_COUNT_MAX)
            lanes = CAIRN_SHA256_LANE_COUNT_MAX;
        prefixed_batch(impl, prefixes + i, messages + i, size, lanes, ret_hashes + i);
    }
}
