/* Vouchers and what is in them. What is read lies inside the input; a voucher that verifies is made
 * again from its parts, and its head is that of its last entry. */
#include "fuzz/fuzz.h"

#include "onboard/wire/voucher.h"

static bool lies_in(cairn_bytes outer, cairn_bytes inner)
{
    return inner.size == 0 ||
           (inner.data >= outer.data && inner.data + inner.size <= outer.data + outer.size);
}

static void fuzz_entry(cairn_bytes in)
{
    CAIRN_CLEANUP(cairn_fdo_entry_done) cairn_fdo_entry entry = {0};
    if (cairn_fdo_entry_read(in, &entry) != CAIRN_OK)
        return;
    CAIRN_ASSERT(
        lies_in(in, entry.extra) &&
        lies_in(in, cairn_bytes_of(entry.message.payload.data, entry.message.payload.size)));
    CAIRN_ASSERT(entry.owner != NULL);
}

static void check_verified(cairn_arena *arena, const cairn_fdo_voucher *voucher)
{
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    cairn_bytes none = {0};
    if (cairn_fdo_voucher_verify(arena, voucher, &head) != CAIRN_OK)
        return;
    CAIRN_ASSERT(head.owner != NULL && head.hash.size >= 32);
    CAIRN_ASSERT(cairn_fdo_key_get_type(head.owner) ==
                 cairn_fdo_key_get_type(voucher->header.manufacturer));
    CAIRN_ASSERT(voucher->entry_count < CAIRN_FDO_ENTRIES_MAX ||
                 cairn_fdo_voucher_append(arena, voucher, voucher->entries[0], &none) ==
                     CAIRN_ERR_TOO_MANY);
}

static void fuzz_whole(cairn_arena *arena, cairn_bytes in)
{
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    if (cairn_fdo_voucher_read(in, &voucher) != CAIRN_OK)
        return;
    CAIRN_ASSERT(voucher.entry_count <= CAIRN_FDO_ENTRIES_MAX);
    CAIRN_ASSERT(lies_in(in, voucher.header.encoded) && lies_in(in, voucher.hmac_encoded));
    for (size_t i = 0; i < voucher.entry_count; i++) {
        CAIRN_ASSERT(lies_in(in, voucher.entries[i]));
        fuzz_entry(voucher.entries[i]);
    }
    check_verified(arena, &voucher);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_bytes in = cairn_bytes_of(data, size);
    cairn_bytes voucher = {0};
    cairn_arena_init(&arena, 4 << 20);
    fuzz_whole(&arena, in);
    fuzz_entry(in);
    if (cairn_fdo_voucher_from_pem(&arena, in, &voucher) == CAIRN_OK)
        fuzz_whole(&arena, voucher);
    return 0;
}
